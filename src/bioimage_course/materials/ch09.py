"""Materials of chapter 9."""

import numpy as np


def between_class_variance(counts):
    """For every threshold t: how far apart the classes "at most t" and "above t" are, weighted.

    Parameters
    ----------
    counts : array of int (n,)
        How many pixels have the grey value 0, 1, …, n - 1.

    Returns
    -------
    array of float (n,)
        0 where one of the classes is empty.
    """
    counts = np.asarray(counts, float)
    values = np.arange(len(counts))
    below, total = np.cumsum(counts), np.sum(counts)
    sum_below, sum_all = np.cumsum(counts * values), np.sum(counts * values)
    above = total - below
    with np.errstate(all="ignore"):
        difference = sum_below / below - (sum_all - sum_below) / above
    return np.where((below > 0) & (above > 0), below * above / total**2 * difference**2, 0.0)


def six_objects():
    """Truth and prediction with six true objects, drawn as boxes on a grid of 12 × 20 pixels.

    Returns
    -------
    truth, prediction : arrays of int (12, 20)
    """
    truth, prediction = np.zeros((2, 12, 20), int)
    for number, (row, column, height, width) in enumerate(
        ((1, 1, 4, 4), (1, 7, 4, 4), (1, 13, 4, 3), (1, 16, 4, 3), (7, 1, 4, 4), (7, 8, 4, 4)), 1
    ):
        truth[row : row + height, column : column + width] = number
    for number, (row, column, height, width) in enumerate(
        (
            (1, 1, 4, 4),  # exactly
            (1, 8, 4, 4),  # shifted by one pixel: 12 / 20
            (1, 13, 4, 6),  # two true objects in one: 12 / 24 with each
            (8, 3, 4, 4),  # shifted too far: 6 / 26
            (7, 8, 2, 4),  # the upper half: 8 / 16
            (9, 8, 2, 2),  # a piece of what is left: 4 / 16
            (7, 15, 3, 3),  # nothing is there
        ),
        1,
    ):
        prediction[row : row + height, column : column + width] = number
    return truth, prediction
