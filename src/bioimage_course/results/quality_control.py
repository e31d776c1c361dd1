"""Which images failed? Signs that need no truth, held against the error (``training/quality_control.py``).

``weights/quality-control/results.json`` holds error, disagreement of turned copies and features, image by
image; ``pictures.npz`` two failures of StarDist on DSB2018. Everything shown is computed from them.
"""

import numpy as np
from scipy import stats

from bioimage_course import shipped
from bioimage_course.errors import InputError
from bioimage_course.metrics import bootstrap_interval, without_truth
from bioimage_course.results._measured import known

FOLDER = shipped.WEIGHTS / "quality-control"
PICTURES = FOLDER / "pictures.npz"
SETS = {
    "dsb2018": "DSB2018, test images",
    "rpe1": "RPE1 cells",
    "rpe1-spoilt": "RPE1 cells, a fifth spoilt",
    "schwann": "Schwann cells",
}
SIGNS = {
    "disagreement": "turned copies disagree",
    "strangeness": "unlike the others",
    "both": "mean rank of both",
}


def results():
    """What ``training/quality_control.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/quality-control/results.json``.
    """
    return shipped.results("quality-control")


def rows(method, images):
    """What was measured of each image.

    Parameters
    ----------
    method : str
        A key of ``results()["methods"]``.
    images : str
        A key of `SETS`.

    Returns
    -------
    list of dict
        ``name``, ``unit`` (the image as it was taken), ``error``, ``disagreement``, ``features``,
        ``seconds``, and where it was spoilt how.

    Raises
    ------
    InputError
        If there is no such method, or it was not asked on these images.
    """
    methods = results()["methods"]
    known(method, methods)
    found = methods[method]["sets"]
    if images not in found:
        raise InputError(f"{method!r} was asked on {', '.join(found)}, not on {images!r}.")
    return found[images]


def errors(method, images):
    """True error of each image, 1 − AP@0.5.

    Parameters
    ----------
    method, images : str
        As in `rows`.

    Returns
    -------
    ndarray of float, shape (n,)
    """
    return np.array([row["error"] for row in rows(method, images)])


def failed(method, images):
    """Whether each image failed: an error above 0.3.

    Parameters
    ----------
    method, images : str
        As in `rows`.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    return errors(method, images) > results()["threshold"]


def strange(method, images):
    """How unlike the others of its set each image is, feature by feature.

    Parameters
    ----------
    method, images : str
        As in `rows`.

    Returns
    -------
    ndarray of float, shape (n, features)
        Columns in the order of ``metrics.without_truth.FEATURES``.
    """
    table = [[row["features"][name] for name in without_truth.FEATURES] for row in rows(method, images)]
    return without_truth.outlyingness(table)


def sign(method, images, which):
    """One number an image that is high where it should be looked at.

    Parameters
    ----------
    method, images : str
        As in `rows`.
    which : str
        A key of `SIGNS`.

    Returns
    -------
    ndarray of float, shape (n,)
    """
    known(which, SIGNS)
    disagreement = np.array([row["disagreement"] for row in rows(method, images)])
    strangeness = strange(method, images).max(axis=1)
    if which == "both":
        return stats.rankdata(disagreement) + stats.rankdata(strangeness)
    return disagreement if which == "disagreement" else strangeness


def judged(method, images, which, share=0.1, resamples=500):
    """What a sign is worth on images whose truth is known.

    Parameters
    ----------
    method, images, which : str
        As in `sign`.
    share : float
        Share of the images that are inspected.
    resamples : int
        Bootstrap draws of images (as they were taken) for the intervals.

    Returns
    -------
    dict of str to (float, float, float)
        ``correlation`` (Spearman, with the true error) and ``found`` (share of the failures among the
        inspected), each with the bounds of its 95 % interval; NaN where nothing failed or nothing varies.
    """
    values, error, bad = sign(method, images, which), errors(method, images), failed(method, images)
    units = np.array([row["unit"] for row in rows(method, images)])
    places = [np.flatnonzero(units == unit) for unit in np.unique(units)]

    def both(chosen):
        return np.array(
            [
                without_truth.rank_correlation(values[chosen], error[chosen]),
                without_truth.found_by_inspection(values[chosen], bad[chosen], share),
            ]
        )

    low, high = bootstrap_interval(
        np.arange(len(places)),
        lambda drawn: both(np.concatenate([places[unit] for unit in drawn])),
        resamples=resamples,
    )
    value = both(np.arange(len(values)))
    return {
        name: (float(value[k]), float(low[k]), float(high[k]))
        for k, name in enumerate(("correlation", "found"))
    }


def most(method, images, share=0.1):
    """The largest share of the failures that so few images can hold: no sign finds more.

    Parameters
    ----------
    method, images : str
        As in `rows`.
    share : float
        Share of the images that are inspected.

    Returns
    -------
    float
        NaN where nothing failed.
    """
    bad = failed(method, images)
    return without_truth.found_by_inspection(bad, bad, share)


def confident(method, images):
    """How many failures the turned copies do not show: disagreement at or below the median of the set.

    Parameters
    ----------
    method, images : str
        As in `rows`.

    Returns
    -------
    int
    """
    values = sign(method, images, "disagreement")
    return int((failed(method, images) & (values <= np.median(values))).sum())


def table(*chosen):
    """What the signs are worth, for ``show.table``.

    Parameters
    ----------
    *chosen : str
        Methods; by default all.

    Returns
    -------
    list of dict
        One row a method and set: mean seconds for the four copies; failures; rank correlation of both signs
        with the true error; share of the failures in the most suspicious tenth by both signs together, all
        with 95 % intervals, and the most that a tenth can hold; failures about which the copies agree.

    Examples
    --------
    >>> list(table("unet")[0])[:3]
    ['method', 'images', 'seconds']
    """
    out = []
    for method in chosen or results()["methods"]:
        about = results()["methods"][method]
        for images in about["sets"]:
            bad = failed(method, images)
            found = {which: judged(method, images, which) for which in SIGNS}
            out.append(
                {
                    "method": about["title"],
                    "images": SETS[images],
                    "seconds": f"{np.mean([row['seconds'] for row in rows(method, images)]):.1f}",
                    "failed": f"{bad.sum()} of {bad.size}",
                    "copies disagree": _cell(*found["disagreement"]["correlation"], "{:.2f}"),
                    "unlike the others": _cell(*found["strangeness"]["correlation"], "{:.2f}"),
                    "failures in the worst tenth": _cell(*found["both"]["found"], "{:.0%}")
                    + (f", at most {most(method, images):.0%}".replace("%", " %") if bad.any() else ""),
                    "failures agreed about": f"{confident(method, images)} of {bad.sum()}"
                    if bad.any()
                    else "–",
                }
            )
    return out


def _cell(value, low, high, form):
    """A number with its interval, a dash where there is none."""
    if np.isnan(value):
        return "–"
    words = f"{form} ({form} to {form})".format(value, low, high)
    return words.replace("-", "−").replace("%", " %")
