"""How sure is a score: bootstrap intervals, paired differences and calibration."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bioimage_course import arguments
from bioimage_course.errors import InputError


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
    values = arguments.array(values, "the values", axes=True)
    if len(values) < 2:
        raise InputError(f"a bootstrap needs at least two units to draw from, but there is {len(values)}")
    _check_level(level)
    resamples, seed = arguments.whole(resamples, "resamples", 1), arguments.whole(seed, "seed", 0)
    statistic = _mean if statistic is None else _function(statistic)
    random = np.random.default_rng(seed)
    n = len(values)
    with np.errstate(all="ignore"):
        found = np.stack([np.asarray(statistic(values[random.integers(0, n, n)])) for _ in range(resamples)])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "All-NaN slice")  # the bounds are then NaN, as documented
        low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (float(low), float(high)) if np.ndim(low) == 0 else (low, high)


def _function(statistic) -> Callable:
    if not callable(statistic):
        raise InputError(f"statistic must be a function, such as np.median, not {statistic!r}")
    return statistic


def _mean(values: np.ndarray) -> np.ndarray:
    return np.mean(values, axis=0)


@dataclass(frozen=True)
class PairedDifference:
    """By how much one method is better than another on the same units.

    Prints as a table cell: ``+0.74 (+0.50 to +0.97), better in 8 of 8``.

    Attributes
    ----------
    difference : float
        First minus second.
    low, high : float
        Bounds of the interval of the difference.
    better, n : int
        In how many of the n units the first is higher; where both are equal it is not.
    """

    difference: float
    low: float
    high: float
    better: int
    n: int

    def __str__(self):
        return f"{self:.2f}"

    def __format__(self, spec):
        """Format the three numbers alike: ``f"{paired:.3f}"`` gives three decimals."""
        values = (self.difference, self.low, self.high)
        difference, low, high = (f"{value:+{spec or '.2f'}}".replace("-", "−") for value in values)
        return f"{difference} ({low} to {high}), better in {self.better} of {self.n}"


def paired_difference(
    first,
    second,
    statistic: Callable | None = None,
    *,
    groups=None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedDifference:
    """Difference of two methods that were judged on the same units, with its interval.

    Unpaired intervals of the two scores overlap even where one method wins on every single image,
    because most of their width is the difficulty of the images, which both share. Pairs remove it.

    Parameters
    ----------
    first, second : array, shape (n, …)
        One entry a unit and in the same order: scores of n images, or counts from which
        `statistic` computes a score.
    statistic : callable, optional
        Takes an array of units like `first` and returns one number, for example an average
        precision pooled over images. By default the mean.
    groups : array, shape (n,), optional
        Which replicate (slide, well, animal) a unit belongs to. The replicates are then the units.
    level : float
        How sure the interval is, above 0 and below 1.
    resamples, seed : int
        For the bootstrap: how often units are drawn, and the seed of the draw.

    Returns
    -------
    PairedDifference
        The interval is Student's t of the n differences for the mean, which is honest for few
        units as well, and the percentile bootstrap over units for any other statistic.

    Raises
    ------
    InputError
        If the two are not paired, there are fewer than two units, or an argument is out of range.

    References
    ----------
    Student 1908, The probable error of a mean, Biometrika 6; Efron 1979, Annals of Statistics 7.

    Examples
    --------
    >>> print(paired_difference([0.81, 0.62, 0.93], [0.75, 0.58, 0.86]))
    +0.06 (+0.02 to +0.09), better in 3 of 3
    """
    first = arguments.array(first, "the first scores", axes=True)
    second = arguments.array(second, "the second scores", axes=True)
    arguments.same_shape(first, second, "the array of second scores", "the first scores")
    for values, what in ((first, "the first scores"), (second, "the second scores")):
        if not np.isfinite(values).all():
            raise InputError(f"{what} must be finite numbers: leave out units without a score in both")
    pairs = np.stack([first, second], axis=1).astype(float)
    units = _by_replicate(pairs, groups)
    if len(units) < 2:
        raise InputError(f"an interval needs at least two units, but there is {len(units)}")
    if statistic is None:
        if first.ndim > 1:
            raise InputError("give one number a unit, or a statistic that makes one number of many units")
        units = [unit.mean(axis=0) for unit in units]  # each replicate counts once
        each = np.array([a - b for a, b in units])
        low, high = _t_interval(each, level)
        return PairedDifference(float(each.mean()), low, high, int((each > 0).sum()), len(units))
    _function(statistic)

    def difference(drawn):
        joined = np.concatenate([units[i] for i in drawn])
        return float(statistic(joined[:, 0]) - statistic(joined[:, 1]))

    everything = np.arange(len(units))
    each = np.array([difference([i]) for i in everything])
    low, high = bootstrap_interval(everything, difference, level=level, resamples=resamples, seed=seed)
    return PairedDifference(difference(everything), low, high, int((each > 0).sum()), len(units))


def _by_replicate(pairs: np.ndarray, groups) -> list[np.ndarray]:
    """Return the pairs of each replicate, or each pair alone."""
    if groups is None:
        return [pairs[i : i + 1] for i in range(len(pairs))]
    groups = np.asarray(groups)
    if groups.shape != (len(pairs),):
        raise InputError(
            f"groups names the replicate of each of the {len(pairs)} units, but its shape is {groups.shape}"
        )
    return [pairs[groups == name] for name in np.unique(groups)]


def _check_level(level) -> None:
    if not isinstance(level, int | float | np.floating) or not 0 < level < 1:
        raise InputError(f"level is a share between 0 and 1, such as 0.95, not {level!r}")


def _t_interval(values: np.ndarray, level: float) -> tuple[float, float]:
    _check_level(level)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


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
    correct = arguments.array(correct, "correct", axes=True)
    if correct.dtype.kind not in "bui" or (correct.dtype.kind != "b" and not np.isin(correct, (0, 1)).all()):
        raise InputError("correct must hold True and False, or 1 and 0")
    scores = arguments.intensities(scores, "the scores")
    arguments.same_shape(correct, scores, "the array of scores", "correct")
    if scores.min() < 0 or scores.max() > 1:
        raise InputError(
            f"scores lie between 0 and 1, but they reach from {scores.min():g} to {scores.max():g}"
        )
    bins = arguments.whole(bins, "bins", 1)
    correct, scores = correct.ravel(), scores.ravel()
    number = np.minimum((scores * bins).astype(int), bins - 1)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        score = np.bincount(number, scores, bins) / count
        observed = np.bincount(number, correct, bins) / count
    gap = np.abs(score - observed)
    error = math.fsum(gap[count > 0] * count[count > 0]) / scores.size
    return Calibration(score, observed, count, error)
