"""One scale for intensities, as networks expect it."""

import numpy as np

from bioimage_course import arguments


def normalise(image, low=None, high=None):
    """Map two intensities to 0 and 1, as StarDist's models expect it; nothing is clipped.

    Parameters
    ----------
    image : array
    low, high : float, optional
        Default: percentiles 1 and 99.8 of the image, like ``csbdeep.utils.normalize(image, 1, 99.8)``.

    Returns
    -------
    array of float32

    Raises
    ------
    InputError
        If it is no array of finite numbers.
    """
    array = arguments.numbers(image, "the image").astype(np.float32)
    low = np.percentile(array, 1) if low is None else low
    high = np.percentile(array, 99.8) if high is None else high
    return (array - np.float32(low)) / np.float32(max(high - low, 1e-20))
