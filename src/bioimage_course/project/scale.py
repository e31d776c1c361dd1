"""One scale for a folder: limits and a threshold from the pixels of all its images together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from tqdm.auto import tqdm

from bioimage_course import data, files, large
from bioimage_course.errors import CourseError, InputError
from bioimage_course.project.folder import OwnProject

SAMPLED = 4_000_000
"""Pixels that are looked at, of all images together, where grey values cannot be counted (fractions)."""

PERCENTILES = (1, 99.8)


@dataclass(frozen=True)
class Scale:
    """What is dark and what is bright in a whole experiment.

    Attributes
    ----------
    low, high : float
        Percentiles 1 and 99.8 of all pixels of all images: they become 0 and 1.
    threshold : float
        Otsu's threshold of all pixels.
    images : int
        How many images were counted.
    channel, plane : int or str
        Which picture of each file.
    note : str
        What this scale cannot do; "" if nothing.
    """

    low: float
    high: float
    threshold: float
    images: int
    channel: int | str
    plane: int | str
    note: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """The two intensities that become 0 and 1."""
        return self.low, self.high


def of_folder(own: OwnProject) -> Scale:
    """The scale of a project; counted once and kept in ``results/scale.json``, so that all steps share it.

    Images that come later are put on the same scale: remove the file to count again.
    """
    path = own.folder / "results" / "scale.json"
    try:
        kept = Scale(**json.loads(path.read_text(encoding="utf-8")))
        if (kept.channel, kept.plane) == (own.channel, own.plane):
            return kept
    except (OSError, ValueError, TypeError):
        pass  # not counted yet, or damaged
    scale = _counted(own)
    files.save_json(path, asdict(scale))
    return scale


def _counted(own: OwnProject) -> Scale:
    paths = own.images()
    counts, sampled, kinds = np.zeros(65536, np.int64), [], set()
    countable = True
    for path in tqdm(paths, desc="grey values of the folder", unit="image", disable=None):
        try:
            plane = own.plane_of(data.open_image(path))
        except CourseError:
            continue  # the survey says why
        kinds.add(plane.dtype.name)
        values = plane.ravel()
        if plane.dtype.kind in "ui" and plane.min() >= 0 and plane.max() < len(counts):
            counts += np.bincount(values, minlength=len(counts))
        else:
            countable = False  # fractions, or more than 16 bits
        sampled.append(values[:: max(1, values.size * len(paths) // SAMPLED)].astype(np.float32))
    if not sampled:
        raise InputError(f"no image of {own.folder.name}/raw can be read: `course project survey` says why.")
    note = ""
    if len(kinds) > 1:
        note = f"files of {' and '.join(sorted(kinds))}: their grey values may not be comparable"
    if countable:
        low, high = large.percentiles(counts, PERCENTILES)
        threshold = large.otsu(counts) if low < high else low
    else:
        from skimage.filters import threshold_otsu

        values = np.concatenate(sampled)
        low, high = (float(v) for v in np.percentile(values, PERCENTILES))
        threshold = float(threshold_otsu(values)) if low < high else low
    if not low < high:
        raise InputError(f"the images of {own.folder.name}/raw hold nothing but the grey value {low:g}.")
    return Scale(low, high, threshold, len(sampled), own.channel, own.plane, note)
