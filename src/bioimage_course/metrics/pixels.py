"""Comparing masks pixel by pixel.

A mask is an array of booleans, or of integers of which all but 0 are foreground;
one class of a class map is ``classes == 2``. Objects play no role here:
two touching nuclei that were merged cost next to nothing. See `match` for objects.

Where a ratio is 0/0 because neither mask has foreground, the value is NaN:
there was nothing to find. Where one mask is empty, it is 0.
"""

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


def _counts(truth, prediction) -> tuple[int, int, int]:
    """True positives, false positives and false negatives in pixels."""
    truth = arguments.mask(truth, "the truth")
    prediction = arguments.mask(prediction, "the prediction")
    arguments.same_shape(truth, prediction)
    tp = int(np.count_nonzero(truth & prediction))
    return tp, int(np.count_nonzero(prediction)) - tp, int(np.count_nonzero(truth)) - tp


def _ratio(numerator: int, denominator: int, counts: tuple[int, int, int]) -> float:
    if sum(counts) == 0:
        return float("nan")
    return numerator / denominator if denominator else 0.0


def iou(truth, prediction) -> float:
    """Intersection over union (Jaccard index) of two masks: TP / (TP + FP + FN), in pixels.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.

    Returns
    -------
    float
        0 (disjoint) to 1 (equal); NaN if both are empty.

    Raises
    ------
    InputError
        If dtypes or shapes do not fit.

    Examples
    --------
    >>> iou([1, 1, 0, 0], [0, 1, 1, 0])
    0.3333333333333333
    """
    tp, fp, fn = counts = _counts(truth, prediction)
    return _ratio(tp, tp + fp + fn, counts)


def dice(truth, prediction) -> float:
    """Dice coefficient of two masks: 2 TP / (2 TP + FP + FN), in pixels. It equals the pixels' F1.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.

    Returns
    -------
    float
        0 (disjoint) to 1 (equal); NaN if both are empty. Always dice = 2 iou / (1 + iou).

    Raises
    ------
    InputError
        If dtypes or shapes do not fit.

    References
    ----------
    Dice 1945, Measures of the amount of ecologic association between species, Ecology 26.

    Examples
    --------
    >>> dice([1, 1, 0, 0], [0, 1, 1, 0])
    0.5
    """
    tp, fp, fn = counts = _counts(truth, prediction)
    return _ratio(2 * tp, 2 * tp + fp + fn, counts)


def f1(truth, prediction) -> float:
    """F1 of two masks, the harmonic mean of `precision` and `recall`: the same number as `dice`.

    Parameters, returned value and errors are those of `dice`. The F1 of objects
    is ``match(…).f1``.
    """
    return dice(truth, prediction)


def precision(truth, prediction) -> float:
    """Share of the predicted foreground that is foreground in truth: TP / (TP + FP), in pixels.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.

    Returns
    -------
    float
        0 to 1; NaN if both are empty, 0 if only the prediction is.

    Raises
    ------
    InputError
        If dtypes or shapes do not fit.
    """
    tp, fp, _ = counts = _counts(truth, prediction)
    return _ratio(tp, tp + fp, counts)


def recall(truth, prediction) -> float:
    """Share of the true foreground that was found (sensitivity): TP / (TP + FN), in pixels.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.

    Returns
    -------
    float
        0 to 1; NaN if both are empty, 0 if only the truth is.

    Raises
    ------
    InputError
        If dtypes or shapes do not fit.
    """
    tp, _, fn = counts = _counts(truth, prediction)
    return _ratio(tp, tp + fn, counts)


def accuracy(truth, prediction) -> float:
    """Share of pixels (or samples) whose class is right.

    Where most pixels are background, an empty prediction is nearly always "accurate":
    look at `iou` as well.

    Parameters
    ----------
    truth, prediction : array of bool, int or str, equal shape
        Classes. For masks, foreground must carry the same number in both.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    InputError
        If dtypes or shapes do not fit.

    Examples
    --------
    >>> accuracy([0, 0, 1, 2], [0, 0, 1, 1])
    0.75
    """
    truth = arguments.array(truth, "the truth", axes=True, kinds="biufU")
    prediction = arguments.array(prediction, "the prediction", axes=True, kinds="biufU")
    arguments.same_shape(truth, prediction)
    for value, what in ((truth, "the truth"), (prediction, "the prediction")):
        if value.dtype.kind == "f":
            raise InputError(
                f"{what} must hold classes (integers, booleans or names), but its dtype is {value.dtype}: "
                "make classes of scores first, for example with .argmax(axis=-1) or > 0.5"
            )
    if (truth.dtype.kind == "U") != (prediction.dtype.kind == "U"):
        raise InputError("the truth and the prediction must both hold names, or both numbers")
    return float(np.mean(truth == prediction))
