"""Scores of the course's segmentation methods on the same 50 test images, as measured by ``training/``.

Each file of ``weights/dsb2018`` holds the counts (TP, FP, FN at ten IoU thresholds, image by image) of one
method, written by ``training/dsb2018.py``. Everything shown is computed from the counts.
"""

import json

import numpy as np

from bioimage_course import shipped
from bioimage_course.errors import InputError

FOLDER = shipped.WEIGHTS / "dsb2018"


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


def difference(first, second, iou=0.5):
    """AP of one method minus that of another on the same 50 images, with the interval of the difference.

    Parameters
    ----------
    first, second : str
        Two of `methods()`.
    iou : float
        Threshold from which a pair counts as found.

    Returns
    -------
    metrics.PairedDifference
        AP pooled over nuclei; the interval (95 %, bootstrap) and `.better` count images, the units.
    """
    from bioimage_course.metrics import paired_difference

    records = [about(first), about(second)]
    if [i["name"] for i in records[0]["images"]] != [i["name"] for i in records[1]["images"]]:
        raise InputError(f"{first!r} and {second!r} have not been scored on the same images.")
    return paired_difference(*(_counts_at(record, iou) for record in records), pooled_ap)


def comparison(first, second, ious=(0.5, 0.75, 0.9)):
    """Two methods side by side, for ``show.table``.

    Parameters
    ----------
    first, second : str
        Two of `methods()`.
    ious : sequence of float
        IoU thresholds, one row each.

    Returns
    -------
    list of dict
        Threshold, AP of both, their difference with its 95 % interval, and on how many images the first one
        is better.
    """
    records, rows = [about(first), about(second)], []
    for iou in ious:
        row = {"IoU threshold": f"{iou:g}"}
        row |= {record["title"]: f"{pooled_ap(_counts_at(record, iou)):.3f}" for record in records}
        paired = difference(first, second, iou)
        row["difference"] = f"{paired.difference:+.3f}".replace("-", "−")
        row["95 % interval"] = f"{paired.low:+.3f} to {paired.high:+.3f}".replace("-", "−")
        row["first better in"] = f"{paired.better} of {paired.n} images"
        rows.append(row)
    return rows


def published_crops():
    """What published models made of the dense crop of the built-in nuclei image, which chapter 9 shows.

    Returns
    -------
    dict of str to array of int
        Labels by the title of the model; empty until somebody with the models has run ``course published``.
    """
    stored = sorted(FOLDER.glob("published-*.npz"))
    return {
        about(file.stem)["title"].removesuffix(" (published)"): shipped.arrays(FOLDER, file.name)[
            "labels"
        ].astype(int)
        for file in stored
    }


def _counts_at(found, iou):
    """TP, FP and FN of each image at one threshold, an array (n, 3)."""
    scores = from_record(found)
    if iou not in scores.thresholds:
        known = ", ".join(f"{t:g}" for t in scores.thresholds)
        raise InputError(f"There are counts at IoU {known}, not at {iou!r}.")
    at = scores.thresholds.index(iou)
    return np.stack([scores.tp[:, at], scores.fp[:, at], scores.fn[:, at]], axis=1)


def pooled_ap(counts):
    """AP over all nuclei.

    Parameters
    ----------
    counts : array of int (n, 3)
        TP, FP and FN of each image at one threshold.

    Returns
    -------
    float
        TP / (TP + FP + FN), each summed over the images; 0 if there is nothing.
    """
    total = np.sum(counts)
    return float(np.sum(counts[:, 0]) / total) if total else 0.0


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
