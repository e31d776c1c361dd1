"""Materials of the bridge "How a network learns, in pictures": one neuron that looks at one grey value.

The neuron answers with the probability that a pixel belongs to a nucleus. Its only number to learn is the
grey value at which it is undecided, the threshold. Slopes are counted per 100 grey values, so that they are
numbers that one can read.
"""

import numpy as np

from bioimage_course.errors import InputError

PIECE = np.s_[352:448, 112:208]
"""The piece of `data.load("nuclei")` that is looked at: seven nuclei, most of them touching."""
OTHER_PIECE = np.s_[352:448, 16:112]
"""Its neighbour to the left, from which nothing is learnt."""
SOFTNESS = 5.0
"""How gradually the neuron changes its mind, in grey values; it is fixed."""
LOSSES = ("cross-entropy", "squared error", "wrong pixels")
START = 140.0
"""Where the ball lies at first: a threshold above every grey value of the piece."""


def nuclei(piece=PIECE):
    """Grey values (float) and truth (bool) of a piece of the built-in nuclei image, both (96, 96)."""
    from bioimage_course import data

    sample = data.load("nuclei")
    return sample.image[piece].astype(float), sample.labels[piece] > 0


def answer(grey, threshold):
    """The neuron's probability of "nucleus" for each grey value: one half at the threshold."""
    return 1 / (1 + np.exp(-(np.asarray(grey, float) - threshold) / SOFTNESS))


def prices(threshold, grey, truth, loss="cross-entropy"):
    """What each pixel adds to the loss.

    Parameters
    ----------
    threshold : float
    grey : array
    truth : array of bool
    loss : {"cross-entropy", "squared error", "wrong pixels"}

    Returns
    -------
    array of float
        For the cross-entropy minus the natural logarithm of the probability of the right answer.
    """
    _known(loss)
    towards = np.where(truth, 1.0, -1.0) * (np.asarray(grey, float) - threshold)
    if loss == "wrong pixels":
        return np.where(truth, grey <= threshold, grey > threshold).astype(float)
    if loss == "squared error":
        return (1 - answer(towards, 0.0)) ** 2
    return np.logaddexp(0, -towards / SOFTNESS)


def mean_loss(threshold, grey, truth, loss="cross-entropy"):
    """The loss: the mean of what the pixels add to it."""
    return float(np.mean(prices(threshold, grey, truth, loss)))


def slope(threshold, grey, truth, loss="cross-entropy"):
    """How much the loss rises for each 100 grey values by which the threshold is raised."""
    _known(loss)
    if loss == "wrong pixels":
        return 0.0  # a staircase: flat, except at single points
    p = answer(grey, threshold)
    pull = truth - p  # positive where the answer should be higher
    if loss == "squared error":
        pull = 2 * pull * p * (1 - p)
    return 100 * float(np.mean(pull)) / SOFTNESS


def descend(start, rate, steps, slope_at):
    """The thresholds of a descent, the start included: each step is minus rate times slope.

    Parameters
    ----------
    start, rate : float
    steps : int
    slope_at : function
        Takes a threshold.

    Returns
    -------
    array of float (steps + 1,)
    """
    thresholds = [float(start)]
    for _ in range(steps):
        thresholds.append(thresholds[-1] - rate * slope_at(thresholds[-1]))
    return np.array(thresholds)


def _known(loss):
    if loss not in LOSSES:
        raise InputError(f"The loss must be one of {', '.join(LOSSES)}, not {loss!r}.")
