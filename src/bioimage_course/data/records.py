"""The two records that loaders and generators return: `Sample` and `Collection`."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """One image with what is known about it.

    Attributes
    ----------
    name : str
        Name of the sample, unique within its collection.
    image : ndarray
        Pixel values as stored in the file, never rescaled.
    labels : ndarray of int, or None
        Instance labels (0 is background, every object has its own number, numbers may
        be missing) on the spatial axes of `image`, for example shape (Y, X).
    axes : str
        One letter an axis of `image`: ``"YX"``, ``"YXC"``, ``"ZYX"`` or ``"TYX"``.
    description, licence, citation : str
        What it shows, under which terms, and whom to cite.
    pixel_size : float or None
        Edge length of a pixel in the plane, in µm; None if not known.
    target : object
        What a network should predict where that is not a label image: a class name
        (``"infected"``), a clean image, a membrane map. None if there is none.
    boxes : ndarray of int, shape (N, 4), or None
        Boxes drawn around objects as (y0, x0, y1, x1) in pixels; y1 and x1 lie outside.
    box_names : tuple of str
        The kind of object in every box.
    group : str or None
        What samples have in common besides their class (slide, field of view). Split
        data by group, or the test set knows what it should not.
    publish : bool
        False if crops and pictures of it must not be published (research use only).
    """

    name: str
    image: np.ndarray
    labels: np.ndarray | None = None
    axes: str = "YX"
    description: str = ""
    licence: str = ""
    citation: str = ""
    pixel_size: float | None = None
    target: Any = None
    boxes: np.ndarray | None = None
    box_names: tuple[str, ...] = ()
    group: str | None = None
    publish: bool = True

    def __post_init__(self):
        if not isinstance(self.axes, str) or not self.axes:
            raise InputError(f"axes is a text such as 'YX', one letter an axis, not {self.axes!r}")
        if np.ma.is_masked(self.image):
            raise InputError(
                f"the image of sample {self.name!r} has a mask, which would be ignored: fill it, or cut the "
                "masked part away"
            )
        if not isinstance(self.image, np.ndarray) or self.image.ndim != len(self.axes):
            shape = getattr(self.image, "shape", type(self.image).__name__)
            raise InputError(
                f"the image of sample {self.name!r} must be a NumPy array with one axis for each letter "
                f"of {self.axes!r}, but it is {shape}"
            )
        if self.labels is not None:
            self._check_labels()

    def _check_labels(self):
        spatial = tuple(n for n, axis in zip(self.image.shape, self.axes, strict=True) if axis != "C")
        if not isinstance(self.labels, np.ndarray) or self.labels.shape != spatial:
            raise InputError(
                f"the labels of sample {self.name!r} must be a NumPy array of shape {spatial} like its "
                f"image, but they are {type(self.labels).__name__} of shape "
                f"{getattr(self.labels, 'shape', 'none')}"
            )
        if self.labels.size:
            arguments.label_image(self.labels, f"the label image of sample {self.name!r}")

    @property
    def n_objects(self) -> int | None:
        """Number of labelled objects, or None where there are no labels."""
        if self.labels is None:
            return None
        return int(np.count_nonzero(np.unique(self.labels)))

    def __repr__(self):
        parts = [f"{self.axes} {'×'.join(map(str, self.image.shape))} {self.image.dtype}"]
        if self.labels is not None:
            parts.append(f"{self.n_objects} labelled objects")
        if isinstance(self.target, np.ndarray):
            parts.append(f"target {'×'.join(map(str, self.target.shape))} {self.target.dtype}")
        elif self.target is not None:
            parts.append(f"target {self.target!r}")
        if self.boxes is not None:
            parts.append(f"{len(self.boxes)} boxes")
        if self.pixel_size is not None:
            parts.append(f"{self.pixel_size:g} µm a pixel")
        return f"<Sample {self.name!r}: {', '.join(parts)}>"


class Collection(Sequence):
    """A sequence of `Sample` that belong together.

    A sample is read from its file when it is asked for, and anew each time, so that
    changing an array never changes the collection.

    Parameters
    ----------
    name, description, licence, citation : str
        As in `Sample`, for the whole.
    loaders : sequence of callable
        One function a sample that takes nothing and returns the `Sample`.
    splits : sequence of str or None
        The part of the data that each sample belongs to ("train", "test"), as
        published with the data; None where nothing was published.
    """

    def __init__(
        self,
        name: str,
        loaders: Sequence[Callable[[], Sample]],
        splits: Sequence[str | None] | None = None,
        *,
        description: str = "",
        licence: str = "",
        citation: str = "",
        publish: bool = True,
    ):
        self.name, self.description, self.licence, self.citation = name, description, licence, citation
        self.publish = publish
        try:
            self._loaders = tuple(loaders)
            self._splits = (None,) * len(self._loaders) if splits is None else tuple(splits)
        except TypeError:
            raise InputError(
                "a collection needs a sequence of functions, and of parts if it is split"
            ) from None
        if not all(map(callable, self._loaders)):
            raise InputError("a collection needs functions that load its samples, one a sample")
        if len(self._splits) != len(self._loaders):
            raise InputError(
                f"collection {name!r} has {len(self._loaders)} samples, but {len(self._splits)} splits"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        """The names that `split` knows, in the order of the samples."""
        return tuple(dict.fromkeys(s for s in self._splits if s is not None))

    def split(self, part: str) -> Collection:
        """The samples of one published part, for example ``split("train")``.

        Raises
        ------
        InputError
            If the collection has no such part.
        """
        if part not in self.splits:
            known = " and ".join(map(repr, self.splits))
            raise InputError(
                f"{self.name!r} has the parts {known}, not {part!r}"
                if known
                else f"{self.name!r} has no published split: divide it yourself, by `group` if it has one"
            )
        return self._subset([i for i, s in enumerate(self._splits) if s == part], f"{self.name}/{part}")

    def _subset(self, indices, name) -> Collection:
        subset = copy.copy(self)
        subset.name = name
        subset._loaders = tuple(self._loaders[i] for i in indices)
        subset._splits = tuple(self._splits[i] for i in indices)
        return subset

    def __len__(self) -> int:
        return len(self._loaders)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._subset(range(*index.indices(len(self))), self.name)
        try:
            number = operator.index(index)
        except TypeError:
            raise InputError(
                f"samples of {self.name!r} are asked for by number or slice, not by {type(index).__name__}"
            ) from None
        if not -len(self) <= number < len(self):  # IndexError: what ends a loop over a sequence
            raise IndexError(f"{self.name!r} has {len(self)} samples, so there is no number {number}")
        return self._loaders[number]()

    def __iter__(self) -> Iterator[Sample]:
        return (load() for load in self._loaders)

    def __repr__(self):
        parts = ", ".join(f"{self._splits.count(s)} {s}" for s in self.splits)
        return f"<Collection {self.name!r}: {len(self)} samples{f' ({parts})' if parts else ''}>"
