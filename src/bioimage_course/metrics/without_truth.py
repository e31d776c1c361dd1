"""Which images failed, when there is no truth: signs that a result should be looked at.

A segmenter is asked about turned copies of an image (`turned`), and its answers are compared with each other
(`disagreement`); the image and its labels are described by a few numbers (`features`), and images that are
unlike the others of their folder stand out (`outlyingness`). Whether such a sign is worth anything is a
question to a set *with* truth: `found_by_inspection` and `rank_correlation` answer it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage, stats

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.metrics.objects import match

TURNS = {
    "as it is": (lambda x: x, lambda x: x),
    "quarter turn": (lambda x: np.rot90(x, 1, (-2, -1)), lambda x: np.rot90(x, -1, (-2, -1))),
    "upside down": (lambda x: x[..., ::-1, :], lambda x: x[..., ::-1, :]),
    "mirrored": (lambda x: x[..., ::-1], lambda x: x[..., ::-1]),
}
"""Each copy of an image: how it is made, and how its labels are turned back."""

FEATURES = ("count", "covered", "median area", "spread of areas", "focus", "saturated", "contrast")
"""What `features` measures; the first four of the labels, the last three of the image."""


def turned(segment: Callable, image) -> list:
    """Labels of an image and of three turned copies of it, all turned back.

    Parameters
    ----------
    segment : callable
        ``segment(image) -> labels``, the labels (Y, X).
    image : array (Y, X) or (C, Y, X)
        Its last two axes are turned.

    Returns
    -------
    list of ndarray of int (Y, X)
        In the order of `TURNS`; the first is that of the image as it is.

    Raises
    ------
    InputError
        If the image has other axes, or `segment` is no function, or returns no labels of the image's size.

    Examples
    --------
    >>> spots = np.eye(3, dtype=int)
    >>> [labels.tolist() == spots.tolist() for labels in turned(lambda image: image, spots)]
    [True, True, True, True]
    """
    if not callable(segment):
        raise InputError(
            f"segment must be a function of an image that returns labels, not {type(segment).__name__}."
        )
    image = arguments.pixels(image)
    if image.ndim not in (2, 3) or arguments.channels_last(image.shape):
        raise InputError(
            f"the image must be (Y, X), or (C, Y, X) with the channels first, but its shape is {image.shape}."
        )
    return [back(_labels_of(segment, np.ascontiguousarray(turn(image)))) for turn, back in TURNS.values()]


def _labels_of(segment, image):
    """What `segment` makes of an image: labels as wide and high as that."""
    labels = segment(image)
    if np.shape(labels) != image.shape[-2:]:
        kind = type(labels).__name__ if np.ndim(labels) == 0 else f"an array of shape {np.shape(labels)}"
        raise InputError(
            f"segment must return labels of the size of its image, {image.shape[-2:]}, not {kind}."
        )
    return np.asarray(labels)


def disagreement(labels: Sequence) -> float:
    """How much the answers to turned copies differ from the answer to the image as it is.

    Parameters
    ----------
    labels : sequence of array of int
        At least two label images of equal shape, the first of the image as it is, as `turned` returns them.

    Returns
    -------
    float
        1 − mean AP at an IoU of 0.5 of the other answers, compared with the first: 0 if all have the same
        objects (also if none has any), 1 if they share none.

    Raises
    ------
    InputError
        If there are fewer than two label images, or their shapes differ.

    Examples
    --------
    >>> one, none = np.ones((4, 4), int), np.zeros((4, 4), int)
    >>> disagreement([one, one, one]), disagreement([one, one, none]), disagreement([none, none])
    (0.0, 0.5, 0.0)
    """
    labels = list(labels)
    if len(labels) < 2:
        raise InputError(f"answers disagree with each other: give at least two, not {len(labels)}.")
    first, *others = labels
    return float(np.mean([error(first, other) for other in others]))


def error(truth, prediction) -> float:
    """1 − AP at an IoU of 0.5; 0 where neither has an object, for then nothing is wrong.

    Parameters
    ----------
    truth, prediction : array of int, equal shape
        Label images.

    Returns
    -------
    float
        0 to 1.
    """
    found = match(truth, prediction, 0.5)
    return 1 - found.average_precision if found.n_true + found.n_predicted else 0.0


def features(image, labels) -> dict:
    """A few numbers of an image and its labels that a folder of alike images should share.

    Parameters
    ----------
    image : array (Y, X)
    labels : array of int (Y, X)

    Returns
    -------
    dict of str to float
        Keys as in `FEATURES`. *count*, *median area* and *contrast* are logarithms, because a factor of two
        up should be as strange as one down. *focus* is the logarithm of the variance of the Laplacian,
        divided by that of the image; *saturated* the share of pixels at the image's highest value; without
        objects *median area* and *spread of areas* are 0.

    Raises
    ------
    InputError
        If the two are no image and label image of equal shape with two axes.
    """
    image, labels = arguments.intensities(image, "the image"), arguments.label_image(labels, ndim=2)
    arguments.same_shape(labels, image, "the image", "the label image")
    areas = np.bincount(arguments.consecutive(labels)[0].ravel())[1:]
    low, high = np.percentile(image, (1, 99.8))
    sharp = ndimage.laplace(ndimage.gaussian_filter(image, 1)).var()  # noise alone looks sharp
    quartiles = np.percentile(areas, (25, 50, 75)) if areas.size else np.zeros(3)
    return {
        "count": float(np.log1p(len(areas))),
        "covered": float(areas.sum() / labels.size),
        "median area": float(np.log1p(quartiles[1])),
        "spread of areas": float((quartiles[2] - quartiles[0]) / quartiles[1]) if areas.size else 0.0,
        "focus": float(np.log((sharp + 1e-12) / (image.var() + 1e-12))),
        "saturated": float(np.mean(image == image.max())),
        "contrast": float(np.log1p(high - low)),
    }


def outlyingness(table) -> np.ndarray:
    """How unlike the others of its folder each image is.

    Parameters
    ----------
    table : array of float, shape (images, features)
        One row an image, for example the values of `features`.

    Returns
    -------
    ndarray of float, shape (images, features)
        Distance from the median over images in units of 1.48 times the median absolute deviation (for normal
        numbers a standard deviation). Where more than half of the images have the very same value, the unit
        is the standard deviation, and 0 stands for every image if all are alike. The largest of a row says
        how strange the image is, its place why.

    Raises
    ------
    InputError
        If the table has no two axes, or holds NaN.

    Examples
    --------
    >>> outlyingness([[10.0], [11.0], [12.0], [11.0], [30.0]]).round(1).ravel().tolist()
    [0.7, 0.0, 0.7, 0.0, 12.8]
    """
    table = arguments.array(table, "the table", axes=True).astype(float)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise InputError("the table of features must have two axes (images, features) and finite numbers.")
    away = np.abs(table - np.median(table, axis=0))
    unit = 1.4826 * np.median(away, axis=0)
    unit = np.where(unit > 0, unit, table.std(axis=0))
    return np.divide(away, unit, out=np.zeros_like(away), where=unit > 0)


def found_by_inspection(sign, failed, share: float = 0.1) -> float:
    """Share of the failures among the images that look worst.

    Parameters
    ----------
    sign : array of float, shape (n,)
        Higher where an image looks worse.
    failed : array of bool, shape (n,)
        Whether it really failed.
    share : float
        Share of the images that are inspected, above 0 and at most 1; rounded up to whole images.

    Returns
    -------
    float
        0 to 1; NaN if nothing failed. Images with the same sign are drawn by lot, and this is the mean over
        all draws: a sign that is the same everywhere finds as much as chance.

    Raises
    ------
    InputError
        If the two do not fit, or `share` is out of range.

    Examples
    --------
    >>> failed = [True, False, False, False]
    >>> found_by_inspection([9, 1, 2, 3], failed, 0.25), found_by_inspection([5, 5, 5, 5], failed, 0.25)
    (1.0, 0.25)
    """
    sign, failed = _pairs(sign, failed)
    failed = failed.astype(bool)
    if not arguments.is_number(share) or not 0 < share <= 1:
        raise InputError(f"share must be above 0 and at most 1, not {share!r}.")
    if not failed.any():
        return float("nan")
    n = int(np.ceil(round(share * len(sign), 9)))
    last = np.sort(sign)[-n]
    above, tied = sign > last, sign == last
    by_lot = failed[tied].mean() * (n - above.sum())
    return float((failed[above].sum() + by_lot) / failed.sum())


def rank_correlation(sign, error) -> float:
    """Spearman's rank correlation of a sign with the true error; NaN where one of them is constant.

    Parameters
    ----------
    sign, error : array of float, shape (n,)

    Returns
    -------
    float
        −1 to 1.

    Raises
    ------
    InputError
        If the two do not fit.
    """
    sign, error = _pairs(sign, error)
    if np.ptp(sign) == 0 or np.ptp(error) == 0:
        return float("nan")
    return float(stats.spearmanr(sign, error).statistic)


def _pairs(sign, other):
    """Two lists of finite numbers, equally long."""
    sign = arguments.array(sign, "the signs", axes=True).astype(float)
    other = arguments.array(other, "what is compared with the signs", axes=True).astype(float)
    arguments.same_shape(sign, other, "what is compared with the signs", "the signs")
    if sign.ndim != 1 or not np.isfinite([sign, other]).all():
        raise InputError("give one finite number an image.")
    return sign, other
