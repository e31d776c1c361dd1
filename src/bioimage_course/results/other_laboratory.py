"""The course's nuclei models on images of other laboratories (``training/other_laboratory.py``).

``weights/other-laboratory/results.json`` holds the counts of each method, image by image. Nine images of RPE1
cells come with masks for training a network; four fields of Schwann cells have masks that CellProfiler made,
and by them nothing is ranked. Everything shown is computed from the counts.
"""

from __future__ import annotations

from bioimage_course import shipped
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap

RPE1, SCHWANN = "nuclei-mnfinder-rpe1", "fluo-nf1-schwann"
PICTURE = shipped.WEIGHTS / "other-laboratory" / "crop.npz"
"""Part of an RPE1 image (MIT licence, beside it) with its masks and what three methods make of it."""

TUNED = "voronoi-otsu-tuned"
"""Voronoi-Otsu labelling, its two blurs tuned on training images of DSB2018: what the others are held to."""


def results():
    """What ``training/other_laboratory.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/other-laboratory/results.json``.
    """
    return shipped.results("other-laboratory")


def counts(method, images=RPE1, iou=0.5, strict=False):
    """TP, FP and FN of one method.

    Parameters
    ----------
    method : str
        A key of ``results()["methods"]``.
    images : str
        `RPE1` or `SCHWANN`.
    iou : float
        0.5, 0.75 or 0.9.
    strict : bool
        Of `RPE1` only: an object on micronuclei is a false positive, instead of counting neither way.

    Returns
    -------
    array of int (n, 3)
        One row an image.

    Raises
    ------
    InputError
        If there is no such method, set or threshold.
    """
    found = results()
    known(method, found["methods"])
    known(images, found["sets"])
    rows = [row["strict"] if strict else row for row in found["methods"][method][images]]
    return _measured.counts(rows, found["iou_thresholds"], iou)


def difference(first, second=TUNED, iou=0.5, strict=False, by_experiment=False):
    """AP of one method minus that of another on the same nine RPE1 images, with its interval.

    Parameters
    ----------
    first, second : str
        Keys of ``results()["methods"]``.
    iou, strict
        As in `counts`.
    by_experiment : bool
        Draw experiments instead of images: there are three, too few for an interval to be trusted.

    Returns
    -------
    metrics.PairedDifference
        AP pooled over nuclei; the interval (95 %, bootstrap) and `.better` count images (or experiments).
    """
    from bioimage_course.metrics import paired_difference

    groups = [row["experiment"] for row in results()["sets"][RPE1]["images"]] if by_experiment else None
    pair = (counts(method, RPE1, iou, strict) for method in (first, second))
    return paired_difference(*pair, pooled_ap, groups=groups)


def table():
    """All methods on both sets, for ``show.table``; best on RPE1 first.

    Returns
    -------
    list of dict
        AP on the nine RPE1 images at IoU 0.5, its difference to the tuned Voronoi-Otsu with the interval,
        AP at 0.75, AP at 0.5 if objects on micronuclei are false positives, and agreement with CellProfiler
        on the four fields of Schwann cells.

    Examples
    --------
    >>> table()[0]["method"] in [about["title"] for about in results()["methods"].values()]
    True
    """
    methods = results()["methods"]
    order = sorted(methods, key=lambda method: -pooled_ap(counts(method)))
    return [
        {
            "method": methods[method]["title"],
            "AP@0.5": f"{pooled_ap(counts(method)):.3f}",
            "against Voronoi-Otsu, tuned": f"{difference(method):.3f}" if method != TUNED else "–",
            "AP@0.75": f"{pooled_ap(counts(method, iou=0.75)):.3f}",
            "AP@0.5, micronuclei count": f"{pooled_ap(counts(method, strict=True)):.3f}",
            "agreement with CellProfiler": f"{pooled_ap(counts(method, SCHWANN)):.3f}",
        }
        for method in order
    ]
