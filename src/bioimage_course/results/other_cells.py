"""Cells that are not round nuclei (``training/other_cells.py``): star ceilings and the shipped models.

``weights/other-cells/results.json`` holds the best star of every cell and the counts of each model image by
image. Spread cells and axons were outlined by hand and the ovule was curated; of chloroplasts and yeast it
isn't stated how the masks were made, and those of the epithelium come from another tool.
"""

from __future__ import annotations

import numpy as np

from bioimage_course import shipped
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap

CONTRASTS = ("as it is", "inverted")


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
