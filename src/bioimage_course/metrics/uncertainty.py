"""How sure is a score: bootstrap intervals and calibration."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bioimage_course.errors import InputError
from bioimage_course.metrics import _inputs


def _whole(value, least: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{what} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def bootstrap_interval(
    values, statistic: Callable | None = None, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
):
    """Percentile bootstrap interval of a statistic over independent units, usually images.

    Parameters
    ----------
    values : array, shape (n, …)
        One entry a unit: scores of n images, or counts of n images.
    statistic : callable, optional
        Takes an array like `values` (n units drawn with replacement) and returns a number or an array.
        By default the mean over units.
    level : float
        Share of the resampled statistics between the bounds, above 0 and below 1.
    resamples : int
        How many times n units are drawn.
    seed : int
        Seed of the draw.

    Returns
    -------
    low, high : float or ndarray
        Bounds, shaped like the statistic. Resamples in which it is NaN are left out;
        if it always is, so are the bounds.

    Raises
    ------
    InputError
        If there are fewer than two units, or an argument is out of range.

    Notes
    -----
    Draw what is independent: images, or better fields, slides and animals, not objects. With
    fewer than about ten units, percentile intervals come out too narrow.

    References
    ----------
    Efron 1979, Bootstrap methods: another look at the jackknife, Annals of Statistics 7.
    """
    values = _inputs.array(values, "the values")
    if values.dtype.kind not in "buif":
        raise InputError(f"the values must be numbers, but their dtype is {values.dtype}")
    if len(values) < 2:
        raise InputError(f"a bootstrap needs at least two units to draw from, but there is {len(values)}")
    if not isinstance(level, int | float | np.floating) or not 0 < level < 1:
        raise InputError(f"level is a share between 0 and 1, such as 0.95, not {level!r}")
    resamples, seed = _whole(resamples, 1, "resamples"), _whole(seed, 0, "seed")
    if statistic is None:
        statistic = _mean
    elif not callable(statistic):
        raise InputError(f"statistic must be a function, such as np.median, not {statistic!r}")
    random = np.random.default_rng(seed)
    n = len(values)
    with np.errstate(all="ignore"):
        found = np.stack([np.asarray(statistic(values[random.integers(0, n, n)])) for _ in range(resamples)])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "All-NaN slice")  # the bounds are then NaN, as documented
        low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def _mean(values: np.ndarray) -> np.ndarray:
    return np.mean(values, axis=0)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores against reality, in bins of equal width.

    Attributes
    ----------
    score, observed : ndarray of float, shape (bins,)
        Mean score in a bin, and the share in it that was right; NaN in an empty bin.
    count : ndarray of int, shape (bins,)
        Predictions in the bin.
    error : float
        Expected calibration error: mean of |score − observed| weighted by count, 0 is best.
    """

    score: np.ndarray
    observed: np.ndarray
    count: np.ndarray
    error: float


def calibration(correct, scores, bins: int = 10) -> Calibration:
    """Do scores mean what they say: of predictions with a score of 0.8, are 80 % right?

    Parameters
    ----------
    correct : array of bool, any shape
        Whether the prediction was right (or the pixel is foreground).
    scores : array of float, same shape
        The score from 0 to 1 that the network gave for it.
    bins : int
        Number of equally wide bins between 0 and 1.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If shapes differ, scores leave 0 to 1, or `correct` is neither boolean nor 0 and 1.

    References
    ----------
    Guo et al. 2017, On calibration of modern neural networks, ICML, arXiv:1706.04599.
    """
    correct = _inputs.array(correct, "correct")
    if correct.dtype.kind not in "bui" or (correct.dtype.kind != "b" and not np.isin(correct, (0, 1)).all()):
        raise InputError("correct must hold True and False, or 1 and 0")
    scores = _inputs.intensities(scores, "the scores")
    _inputs.same_shape(correct, scores, "the array of scores", "correct")
    if scores.min() < 0 or scores.max() > 1:
        raise InputError(
            f"scores lie between 0 and 1, but they reach from {scores.min():g} to {scores.max():g}"
        )
    bins = _whole(bins, 1, "bins")
    correct, scores = correct.ravel(), scores.ravel()
    number = np.minimum((scores * bins).astype(int), bins - 1)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        score = np.bincount(number, scores, bins) / count
        observed = np.bincount(number, correct, bins) / count
    gap = np.abs(score - observed)
    error = math.fsum(gap[count > 0] * count[count > 0]) / scores.size
    return Calibration(score, observed, count, error)
