"""Do two ways of counting agree? What Bland and Altman look at instead of a correlation."""

from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.metrics.uncertainty import _check_level, _t_interval


@dataclass(frozen=True)
class Agreement:
    """Differences between two ways of measuring the same units.

    Attributes
    ----------
    bias : float
        Mean difference, prediction minus truth.
    bias_low, bias_high : float
        Interval of the bias (Student's t over units).
    low, high : float
        Limits of agreement: where about 95 % of the differences lie, bias ± 1.96 standard deviations.
    slope : float
        Change of the difference for one unit of the mean of both: not 0 where large numbers err otherwise
        than small ones. NaN if all means are alike.
    n : int
        Number of units.
    """

    bias: float
    bias_low: float
    bias_high: float
    low: float
    high: float
    slope: float
    n: int


def bland_altman(truth, prediction, level: float = 0.95) -> Agreement:
    """Agreement of two ways of counting or measuring: bias, limits, and whether both depend on size.

    Parameters
    ----------
    truth, prediction : array of float, shape (n,)
        One number a unit (an image, better a replicate), in the same order.
    level : float
        How sure the interval of the bias is, above 0 and below 1.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If the two are not paired, finite lists of at least two units, or the level is out of range.

    Notes
    -----
    A correlation near 1 says that the two rise together, not that they agree: half of all nuclei missed in
    every image is a perfect correlation. The limits suppose that the differences are about as large
    everywhere; where `slope` is far from 0, give the logarithms and read ratios.

    References
    ----------
    Bland and Altman 1986, Statistical methods for assessing agreement between two methods of clinical
    measurement, Lancet 327.

    Examples
    --------
    >>> found = bland_altman([10, 20, 30, 40], [9, 18, 27, 36])
    >>> found.bias, round(found.slope, 2)
    (-2.5, -0.11)
    """
    if not (np.size(truth) and np.size(prediction)):
        raise InputError("agreement needs two lists of numbers, but one is empty.")
    truth = arguments.array(truth, "the true numbers", axes=True).astype(float)
    prediction = arguments.array(prediction, "the predicted numbers", axes=True).astype(float)
    arguments.same_shape(truth, prediction, "the list of predicted numbers", "the true numbers")
    if truth.ndim != 1 or len(truth) < 2 or not np.isfinite([truth, prediction]).all():
        raise InputError("agreement needs two lists of finite numbers, with at least two units each.")
    _check_level(level)
    difference, middle = prediction - truth, (prediction + truth) / 2
    bias, spread = float(difference.mean()), 1.96 * float(difference.std(ddof=1))
    slope = float(np.polyfit(middle, difference, 1)[0]) if np.ptp(middle) else float("nan")
    return Agreement(bias, *_t_interval(difference, level), bias - spread, bias + spread, slope, len(truth))
