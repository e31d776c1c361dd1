"""What the label doctor says: `Finding`, `Diagnosis`; and the notes that the examinations write on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from bioimage_course.data.diagnosis.objects import Objects

SHOWN = 12  # places of one finding that a picture or a table still bears


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a label image.

    Attributes
    ----------
    name : str
        Short name, for example ``"binary"`` or ``"shifted"``; `KINDS` lists all.
    sentence : str
        What was found, and what to do about it.
    boxes : tuple of tuple of int
        Where: the most striking places, at most 12, as (y0, x0, y1, x1), or (z0, y0, x0, z1, y1, x1) in 3D;
        the last of each axis lies outside. Empty if it concerns the whole image.
    repaired : bool
        Whether ``Diagnosis.repair`` mends it.
    """

    name: str
    sentence: str
    boxes: tuple[tuple[int, ...], ...] = ()
    repaired: bool = False

    def __str__(self):
        return f"{self.name}: {self.sentence}"


KINDS = {
    "colours": "a picture of colours instead of numbers",
    "size": "not the size of the image",
    "float": "fractions, NaN or a type for measurements instead of whole numbers",
    "negative": "numbers below 0",
    "empty": "no object, or nothing but one",
    "background": "another number than 0 around the objects",
    "picture": "an image, or a map of probabilities, instead of labels",
    "interpolated": "edges with numbers in between, from a resize or a lossy file",
    "binary": "one number for all objects",
    "classes": "one number a class instead of one an object",
    "overflow": "more objects than the file's type has numbers",
    "fragments": "one number in several places",
    "merged": "touching objects drawn as one",
    "shifted": "moved against the image",
    "turned": "mirrored or turned against the image",
    "scaled": "larger or smaller than what the image shows",
    "outlines": "outlines too far outside or inside, all round",
    "unlabelled": "objects without label",
}
"""Every name that a `Finding` may have, and what it means."""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """All that was found in one label image.

    Attributes
    ----------
    findings : tuple of Finding
        None, if the labels are fine.
    not_judged : tuple of str
        What could not be examined here, a sentence each.
    """

    findings: tuple[Finding, ...]
    not_judged: tuple[str, ...]
    _image: np.ndarray | None
    _given: np.ndarray
    _repaired: np.ndarray | None

    @property
    def healthy(self) -> bool:
        """True if nothing was found."""
        return not self.findings

    @property
    def labels(self) -> np.ndarray | None:
        """The labels as far as they were mended, or None where none can be read; `repair` gives a copy."""
        return self._repaired

    @property
    def names(self) -> tuple[str, ...]:
        """The short names of the findings."""
        return tuple(finding.name for finding in self.findings)

    def repair(self) -> np.ndarray:
        """The labels with everything mended that can be mended without guessing.

        Returns
        -------
        ndarray of int32 (int64 for labels above 2³¹ − 1)
            A new label image. What `findings` calls not repaired is still wrong in it.

        Raises
        ------
        InputError
            If the array cannot be read as labels at all.
        """
        from bioimage_course import arguments
        from bioimage_course.errors import InputError

        if self._repaired is None:
            raise InputError(f"these labels cannot be repaired: {self.findings[-1].sentence}")
        return self._repaired.astype(arguments.smallest(self._repaired))

    def figure(self, *, alt: str | None = None):
        """A picture: image and labels, and a frame around every place of a finding.

        Parameters
        ----------
        alt : str, optional
            Text for those who do not see it; by default the sentences.

        Returns
        -------
        matplotlib Figure
        """
        from bioimage_course.data.diagnosis.drawing import figure

        return figure(self, alt)

    def __repr__(self):
        found = [
            f"- {finding}{' (repair() mends it)' if finding.repaired else ''}" for finding in self.findings
        ]
        not_judged = [f"- not judged: {sentence}" for sentence in self.not_judged]
        return "\n".join([*(found or ["- nothing found"]), *not_judged])


@dataclass
class Notes:
    """The labels on their way through the examinations: each sees what the one before could mend.

    Attributes
    ----------
    labels : ndarray
        As given at first; integers from the second examination on.
    channels : list of ndarray of float32
        The channels of the image, each with the axes of `labels`; none where there is no image that fits.
    """

    labels: np.ndarray
    channels: list[np.ndarray] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)
    stopped: bool = False  # nothing that comes later could be judged
    readable: bool = True  # `labels` can be handed on as a label image
    _objects: Objects | None = None
    _smooth: list[np.ndarray] | None = None

    @property
    def objects(self) -> Objects:
        """The objects of the labels as they are now: what was found before a repair is found anew."""
        if self._objects is None or self._objects.labels is not self.labels:
            self._objects = Objects(self.labels)
        return self._objects

    @property
    def smooth(self) -> list[np.ndarray]:
        """The channels without their finest noise."""
        if self._smooth is None or len(self._smooth) != len(self.channels):
            self._smooth = [ndimage.gaussian_filter(channel, 1.5) for channel in self.channels]
        return self._smooth

    def find(self, name: str, sentence: str, boxes=(), *, mended: np.ndarray | None = None) -> None:
        """Write a finding down, and go on with the mended labels where there are some."""
        if name not in KINDS:
            raise ValueError(name)
        boxes = tuple(tuple(map(int, box)) for box in list(boxes)[:SHOWN])
        self.findings.append(Finding(name, sentence, boxes, mended is not None))
        if mended is not None:
            self.labels = mended

    def stop(self, *, readable: bool = True) -> None:
        """End the examination here."""
        self.stopped, self.readable = True, readable


def box(slices) -> tuple[int, ...]:
    """Slices as a box: all first rows, columns, …, then all last ones."""
    return tuple(s.start for s in slices) + tuple(s.stop for s in slices)


def counted(number: int, one: str, many: str | None = None) -> str:
    """ "1 object", "3 objects"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
