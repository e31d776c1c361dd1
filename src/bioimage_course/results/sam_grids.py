"""Segment Anything without prompts: grids of clicks on DSB2018, with and without small pieces.

``weights/micro-sam-grids/results.json`` holds what ``training/micro_sam_grids.py`` counted on each image,
for each grid and each way (`WAYS`), and what was tried on validation images. All that is shown comes from it.
"""

from bioimage_course import shipped
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap

SIDES = (8, 16, 32)
"""Clicks along one side of a grid; 32 is SAM's default."""

WAYS = ("own", "own, no small", "chosen")
"""micro-sam's thresholds, and all that it returns; the same without small pieces; and with thresholds and
smallest size chosen on validation images."""


def results():
    """What ``training/micro_sam_grids.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/micro-sam-grids/results.json``.
    """
    return shipped.results("micro-sam-grids")


def counts(side, way="chosen", iou=0.5):
    """TP, FP and FN of a grid of clicks on the test images.

    Parameters
    ----------
    side : int
        One of `SIDES`.
    way : str
        One of `WAYS`.
    iou : float
        0.5 to 0.95 in steps of 0.05.

    Returns
    -------
    array of int (n, 3)
        One row an image.

    Raises
    ------
    InputError
        If that was not measured.
    """
    known(side, SIDES)
    known(way, WAYS)
    told = results()
    rows = [image["grids"][str(side)]["ways"][way] for image in told["images"]]
    return _measured.counts(rows, told["iou_thresholds"], iou)


def asked(side):
    """Of all nuclei of the test images, those that contain a click, and those of them that were found.

    Parameters
    ----------
    side : int
        One of `SIDES`.

    Returns
    -------
    dict of str to int
        ``"nuclei"``, ``"clicked"`` and, way by way (`WAYS`), how many of the clicked ones were found at an
        IoU of 0.5.
    """
    known(side, SIDES)
    images = results()["images"]
    grids = [image["grids"][str(side)] for image in images]
    found = {way: sum(grid["ways"][way]["found_of_clicked"] for grid in grids) for way in WAYS}
    return {
        "nuclei": sum(image["nuclei"] for image in images),
        "clicked": sum(grid["clicked"] for grid in grids),
    } | found


def table():
    """Grids and ways on the test images, for ``show.table``.

    Returns
    -------
    list of dict
        Per grid: how many nuclei contain a click; per way: how many are found, what is found that is no
        nucleus, and AP, at an IoU of 0.5 and pooled over nuclei.
    """
    rows = []
    for side in SIDES:
        told = asked(side)
        row = {"clicks": f"{side} × {side}", "nuclei with a click": f"{told['clicked']:,}"}
        for way in WAYS:
            counted = counts(side, way)
            found, wrong, _ = counted.sum(axis=0)
            row[way] = f"{found:,} found, {wrong:,} wrong: AP {pooled_ap(counted):.2f}"
        rows.append(row)
    return rows


def gain(first, second, iou=0.5):
    """AP of one grid and way minus that of another, with the interval of the difference over images.

    Parameters
    ----------
    first, second : (int, str)
        Clicks along a side, and way.
    iou : float

    Returns
    -------
    metrics.PairedDifference
    """
    from bioimage_course.metrics import paired_difference

    return paired_difference(counts(*first, iou), counts(*second, iou), pooled_ap)
