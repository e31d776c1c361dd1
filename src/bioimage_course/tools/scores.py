"""Scores of the course's segmentation methods on the same 50 test images, as measured by ``training/``.

Each file of ``weights/dsb2018`` holds the counts (TP, FP, FN at ten IoU thresholds, image by image) of one
method, written by ``training/dsb2018.py``. Everything shown is computed from the counts.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bioimage_course.errors import InputError

FOLDER = Path(__file__).resolve().parents[1] / "weights" / "dsb2018"


def methods():
    """Names of the methods that have been scored, best first.

    Returns
    -------
    list of str
        Ordered by AP at an IoU of 0.5, pooled over all nuclei.
    """
    names = [file.stem for file in FOLDER.glob("*.json")]
    return sorted(names, key=lambda name: (-counts(name).pooled[0], name))


def about(method):
    """Everything that was recorded about one method's score.

    Parameters
    ----------
    method : str
        One of `methods()`.

    Returns
    -------
    dict
        Title, chapter, note, command, versions, seconds an image, and counts.

    Raises
    ------
    InputError
        If the method has not been scored.
    """
    file = FOLDER / f"{method}.json"
    if not file.is_file():
        known = ", ".join(sorted(other.stem for other in FOLDER.glob("*.json")))
        raise InputError(f"No scores of {method!r} on DSB2018; there are {known}.")
    return json.loads(file.read_text(encoding="utf-8"))


def counts(method):
    """The counts of one method, with `.pooled`, `.mean`, `.by_image` and `.interval()`.

    Parameters
    ----------
    method : str
        One of `methods()`.

    Returns
    -------
    metrics.DatasetScores
    """
    return from_record(about(method))


def from_record(found):
    """The counts of one record, as `metrics.average_precision_dataset` would have returned them.

    Parameters
    ----------
    found : dict
        ``iou_thresholds``, and ``images``, each with ``tp``, ``fp`` and ``fn`` at these thresholds.

    Returns
    -------
    metrics.DatasetScores
    """
    from bioimage_course.metrics import DatasetScores

    tp, fp, fn = (np.array([image[key] for image in found["images"]]) for key in ("tp", "fp", "fn"))
    return DatasetScores(tuple(found["iou_thresholds"]), tp, fp, fn)


def table(*chosen):
    """The scores side by side, for ``show.table``.

    Parameters
    ----------
    *chosen : str
        Methods; by default all that have been scored, best first.

    Returns
    -------
    list of dict
        One row a method: AP pooled over all nuclei at an IoU of 0.5, with the 95 % bootstrap interval over
        images, and at 0.75; the mean over images at 0.5; seconds an image; what of DSB2018 was trained on.

    Examples
    --------
    >>> from bioimage_course import show
    >>> print(show.table(table("stardist")))  # doctest: +ELLIPSIS
    | method | chapter | AP@0.5 | 95 % interval | ...
    """
    return [row(about(method)) for method in chosen or methods()]


def row(found):
    """One record as a row of `table`."""
    scores = from_record(found)
    at = scores.thresholds.index
    low, high = scores.interval()
    return {
        "method": found["title"],
        "chapter": found["chapter"],
        "AP@0.5": f"{scores.pooled[at(0.5)]:.3f}",
        "95 % interval": f"{low[at(0.5)]:.3f}–{high[at(0.5)]:.3f}",
        "AP@0.75": f"{scores.pooled[at(0.75)]:.3f}",
        "AP@0.5, mean over images": f"{scores.mean[at(0.5)]:.3f}",
        "images": len(found["images"]),
        "seconds an image": f"{found['seconds_per_image']:.1f}",
        "DSB2018 in its training": found["in_training"],
    }
