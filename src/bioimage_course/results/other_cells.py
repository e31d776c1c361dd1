"""Cells that are not round nuclei (``training/other_cells.py``): star ceilings, shipped models, prompts.

``weights/other-cells/results.json`` holds the best star of every cell, the counts of each model image by
image, and the IoU of SAM's answers cell by cell. Spread cells and axons were outlined by hand and the ovule
was curated; of chloroplasts and yeast it isn't stated how the masks were made, and those of the epithelium
come from another tool: by these three nothing is ranked.
"""

from __future__ import annotations

import numpy as np

from bioimage_course import shipped
from bioimage_course.errors import InputError
from bioimage_course.results.dsb2018 import pooled_ap

RANKED = ("spread cells", "axons", "ovule")
"""Kinds of cells whose truth a person drew or corrected."""

CONTRASTS = ("as it is", "inverted")

HALF_FULL = 0.5
"""A cell that fills less of its box than this is thin, bent or branched."""


def results():
    """What ``training/other_cells.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/other-cells/results.json``.
    """
    return shipped.results("other-cells")


def _known(value, known):
    if value not in known:
        raise InputError(f"There are {', '.join(map(str, known))}, but no {value!r}.")


def ceilings(kind):
    """The best IoU found of a star polygon with 32 rays, cell by cell.

    Parameters
    ----------
    kind : str
        A key of ``results()["sets"]``, or ``"nuclei"``: the 50 test images of DSB2018.

    Returns
    -------
    array of float
    """
    stars = results()["stars"]
    _known(kind, stars)
    return np.concatenate([np.array(image, float) for image in stars[kind]])


def counts(method, kind, contrast, iou=0.5):
    """TP, FP and FN of a shipped model.

    Parameters
    ----------
    method : str
        A key of ``results()["models"]``, or ``"grid"``: automatic masks of MobileSAM, 16 x 16 clicks.
    kind : str
        Of cells.
    contrast : str
        ``"as it is"`` or ``"inverted"``; the grid has only seen the image as it is.
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
    _known(iou, told["iou_thresholds"])
    if method == "grid":
        _known(kind, told["grid"])
        rows = list(told["grid"][kind].values())
    else:
        _known(method, told["models"])
        _known(kind, told["sets"])
        _known(contrast, told["models"][method][kind])
        rows = told["models"][method][kind][contrast]["images"]
    at = told["iou_thresholds"].index(iou)
    return np.array([[row[key][at] for key in ("tp", "fp", "fn")] for row in rows])


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
    _known(method, models)
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


def reached(kind, prompt, iou=0.5):
    """How many of the cells that MobileSAM was asked about it answered with at least this IoU.

    Parameters
    ----------
    kind : str
        Of cells.
    prompt : str
        ``"boxes"`` (the tight box of the true mask) or ``"points"`` (a click on the cell's innermost point).
    iou : float

    Returns
    -------
    array of int (n, 2)
        Reached and asked about, one row an image.
    """
    told = results()["sam"]
    _known(kind, told)
    _known(prompt, ("boxes", "points"))
    return np.array([[np.sum(np.array(row[prompt]) >= iou), len(row[prompt])] for row in told[kind].values()])


def share(reached_and_asked):
    """Share of the cells that were reached, all images together.

    Parameters
    ----------
    reached_and_asked : array (n, 2)
        From `reached`.

    Returns
    -------
    float
    """
    hits, asked = np.asarray(reached_and_asked).sum(axis=0)
    return float(hits / asked) if asked else 0.0


def box_against_click(kind, iou=0.5):
    """Share reached by boxes minus that by clicks, for the same cells, with its interval over images.

    Parameters
    ----------
    kind, iou
        As in `reached`.

    Returns
    -------
    metrics.PairedDifference
    """
    from bioimage_course.metrics import paired_difference

    return paired_difference(reached(kind, "boxes", iou), reached(kind, "points", iou), share)


def by_fill(kinds=RANKED, iou=0.75):
    """Boxes of cells that fill their box and of those that don't: does SAM answer both?

    Parameters
    ----------
    kinds : sequence of str
    iou : float

    Returns
    -------
    dict
        ``"thin"`` and ``"full"``: share of the cells whose box is answered with at least this IoU, and how
        many cells there are.
    """
    told = results()["sam"]
    pairs = [(row["fill"], row["boxes"]) for kind in kinds for row in told[kind].values()]
    fill, answer = (np.concatenate([np.array(pair[k], float) for pair in pairs]) for k in (0, 1))
    thin = fill < HALF_FULL
    return {
        name: (float(np.mean(answer[chosen] >= iou)) if chosen.any() else 0.0, int(chosen.sum()))
        for name, chosen in (("thin", thin), ("full", ~thin))
    }


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


def prompt_table():
    """What MobileSAM answers to a true box and to a click, for ``show.table``.

    Returns
    -------
    list of dict
        Share of the cells whose answer has an IoU of at least 0.5 and 0.75, and the difference at 0.75 with
        its interval over images, where there are several and the truth allows it.
    """
    rows = []
    for kind, images in results()["sam"].items():
        row = {"cells": kind, "asked about": int(reached(kind, "boxes")[:, 1].sum())}
        for name, prompt in (("box", "boxes"), ("click", "points")):
            for iou in (0.5, 0.75):
                row[f"{name}, IoU {iou}"] = f"{share(reached(kind, prompt, iou)):.0%}".replace("%", " %")
        paired = kind in RANKED and len(images) > 3
        row["box − click at 0.75"] = f"{box_against_click(kind, 0.75):.2f}" if paired else "–"
        rows.append(row)
    return rows
