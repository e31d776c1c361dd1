"""Cells that are not round nuclei (``training/other_cells.py``): star ceilings, the shipped models, SAM.

``weights/other-cells/results.json`` holds the best star of every cell, the counts of each model image by
image, and how well Segment Anything outlines a cell that it is asked about. Spread cells and axons were
outlined by hand and the ovule was curated; of chloroplasts and yeast it isn't stated how the masks were made,
and those of the epithelium come from another tool.
"""

from __future__ import annotations

import numpy as np

from bioimage_course import shipped
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap
from bioimage_course.results.sam_grids import WAYS

CONTRASTS = ("as it is", "inverted")
PROMPTS = ("click", "careless box", "box")
GRIDS = ("grid 16", "grid 32")
"""Automatic masks without prompts, and how many clicks lie along a side of the grid."""


def results():
    """What ``training/other_cells.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/other-cells/results.json``.
    """
    return shipped.results("other-cells")


def ceilings(kind):
    """The best IoU found of a star polygon with 32 rays, cell by cell.

    Parameters
    ----------
    kind : str
        A key of ``results()["sets"]``, or ``"nuclei"``: 500 nuclei of DSB2018's test images, by lot.

    Returns
    -------
    array of float
    """
    stars = results()["stars"]
    known(kind, stars)
    return np.concatenate([np.array(image, float) for image in stars[kind]])


def counts(method, kind, contrast, iou=0.5):
    """TP, FP and FN of a shipped model.

    Parameters
    ----------
    method : str
        A key of ``results()["models"]``.
    kind : str
        Of cells.
    contrast : str
        ``"as it is"`` or ``"inverted"``.
    iou : float
        0.5, 0.75 or 0.9.

    Returns
    -------
    array of int (n, 3)
        One row an image.

    Raises
    ------
    InputError
        If that was not measured.
    """
    told = results()
    known(method, told["models"])
    known(kind, told["sets"])
    known(contrast, told["models"][method].get(kind, {}))
    rows = told["models"][method][kind][contrast]["images"]
    return _measured.counts(rows, told["iou_thresholds"], iou)


def contrasts(method, kind):
    """In which contrasts a model was scored on a kind of cells.

    Parameters
    ----------
    method, kind : str
        As in `counts`.

    Returns
    -------
    list of str
    """
    models = results()["models"]
    known(method, models)
    return [contrast for contrast in CONTRASTS if contrast in models[method].get(kind, {})]


def best_ap(method, kind, iou=0.5):
    """Pooled AP of a model on the image or on its inverse, whichever is higher: a choice in hindsight.

    Parameters
    ----------
    method, kind, iou
        As in `counts`.

    Returns
    -------
    float
    """
    return max(pooled_ap(counts(method, kind, contrast, iou)) for contrast in contrasts(method, kind))


def scored():
    """The kinds of cells that all shipped models have seen, inverted at least.

    Returns
    -------
    list of str
    """
    told = results()
    return [
        kind for kind in told["sets"] if all("inverted" in contrasts(name, kind) for name in told["models"])
    ]


def star_table():
    """Star ceilings of all kinds of cells, for ``show.table``.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> star_table()[0]["cells"]
    'nuclei'
    """
    stars = results()["stars"]
    rows = []
    for kind in ["nuclei", *(kind for kind in results()["sets"] if kind in stars)]:
        ceiling = ceilings(kind)
        rows.append(
            {
                "cells": kind,
                "number": len(ceiling),
                "median": f"{np.median(ceiling):.2f}",
                "below 0.9": f"{np.mean(ceiling < 0.9):.0%}".replace("%", " %"),
                "below 0.8": f"{np.mean(ceiling < 0.8):.0%}".replace("%", " %"),
            }
        )
    return rows


def model_table(iou=0.5):
    """The shipped models on all kinds of cells, for ``show.table``: the better of both contrasts.

    Parameters
    ----------
    iou : float

    Returns
    -------
    list of dict
        AP pooled over the cells of a kind, and who made the truth.
    """
    told = results()
    names = {name: about["title"].split(" (")[0].split(",")[0] for name, about in told["models"].items()}
    return [
        {"cells": kind, "truth": told["sets"][kind]["truth"]}
        | {title: f"{best_ap(name, kind, iou):.2f}" for name, title in names.items()}
        for kind in scored()
    ]


def answers(kind, prompt, value="iou"):
    """What Segment Anything (MobileSAM) answered on a kind of cells, cell by cell.

    Boxes and clicks were made from the true masks, the best help there is; automatic masks had none. A cell
    of which no automatic mask holds a pixel has an IoU of 0.

    Parameters
    ----------
    kind : str
        Of cells.
    prompt : str
        ``"click"``, ``"box"``, ``"careless box"`` (each side of the box moved by up to a tenth of it), or
        ``"grid 16"`` and ``"grid 32"``, automatic masks with thresholds and smallest size chosen on nuclei.
    value : str
        ``"iou"`` with the true cell; for prompts also ``"predicted"``, the IoU that SAM predicted, and for
        clicks ``"best"``, the best IoU of SAM's three masks.

    Returns
    -------
    list of array of float
        One array an image. All prompts were asked about the same cells, in the same order.

    Raises
    ------
    InputError
        If that was not measured.
    """
    known(prompt, (*PROMPTS, *GRIDS))
    part, key = (prompt, "chosen") if prompt in GRIDS else ("sam", prompt)
    images = results().get(part, {})
    known(kind, images)
    rows = [row[key] for row in images[kind].values()]
    known(value, [name for name in ("iou", "predicted", "best") if name in rows[0]])
    return [np.array(row[value], float) for row in rows]


def found(kind, prompt, iou=0.5, value="iou"):
    """The share of the cells asked about that an answer outlines well enough, image by image.

    Parameters
    ----------
    kind, prompt, value
        As in `answers`.
    iou : float

    Returns
    -------
    array of float
    """
    return np.array([np.mean(image >= iou) for image in answers(kind, prompt, value)])


def asked_ceilings(kind):
    """The star ceiling (see `ceilings`) of each cell that Segment Anything was asked about.

    Parameters
    ----------
    kind : str
        As in `answers`.

    Returns
    -------
    list of array of float
        One array an image, in the order of `answers`.
    """
    told = results()
    known(kind, told["sam"])
    stars = dict(zip(told["sets"][kind]["images"], told["stars"][kind], strict=True))
    return [
        np.array(stars[name], float)[np.array(row["cells"]) - 1] for name, row in told["sam"][kind].items()
    ]


def grid_counts(kind, grid, way="chosen"):
    """What automatic masks found among all cells of the images.

    Parameters
    ----------
    kind : str
        Of cells.
    grid : str
        One of `GRIDS`.
    way : str
        One of ``sam_grids.WAYS``; its smallest size and thresholds were chosen on nuclei.

    Returns
    -------
    dict of str to int
        ``"cells"``, those ``"clicked"``, that contain a click, those ``"found"`` at an IoU of 0.5, and masks
        that match none, ``"wrong"``.
    """
    known(grid, GRIDS)
    known(way, WAYS)
    grids = results()[grid]
    known(kind, grids)
    rows = [(row["clicked"], row[way]) for row in grids[kind].values()]
    tp, fp, fn = (sum(counts[key][0] for _, counts in rows) for key in ("tp", "fp", "fn"))
    clicked = sum(len(cells) for cells, _ in rows)
    return {"cells": tp + fn, "clicked": clicked, "found": tp, "wrong": fp}


def prompt_table(ious=(0.5, 0.75)):
    """Segment Anything on all kinds of cells, prompt by prompt, for ``show.table``.

    Parameters
    ----------
    ious : (float, float)

    Returns
    -------
    list of dict
        How many per cent of the cells have an answer that reaches the first and the second IoU.
    """

    def shares(kind, prompt, value="iou"):
        cells = np.concatenate(answers(kind, prompt, value))
        return " / ".join(f"{100 * np.mean(cells >= iou):.0f}" for iou in ious)

    told, rows = results(), []
    for kind in told["sets"]:
        if kind not in told["sam"]:
            continue
        asked = sum(len(row["cells"]) for row in told["sam"][kind].values())
        rows.append(
            {
                "cells": kind,
                "truth": told["sets"][kind]["truth"],
                "asked about (images)": f"{asked} ({len(told['sam'][kind])})",
                "click": shares(kind, "click"),
                "click, best of 3": shares(kind, "click", "best"),
                "careless box": shares(kind, "careless box"),
                "tight box": shares(kind, "box"),
            }
            | {f"grid {side}²": shares(kind, f"grid {side}") for side in (16, 32)}
        )
    return rows
