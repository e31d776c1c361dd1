"""Two label images side by side: which objects are the same, and how long are they?"""

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


def identical(first, second) -> int:
    """How many objects two label images have in common, pixel by pixel; their numbers may differ.

    Parameters
    ----------
    first, second : array of int, same shape
        0 is background.

    Returns
    -------
    int
    """
    first, _ = arguments.numbered(first, "the first label image")
    second, _ = arguments.numbered(second, "the second label image")
    if first.shape != second.shape:
        raise InputError(f"The label images have different shapes: {first.shape} and {second.shape}.")
    first, second = first.ravel(), second.ravel()
    pairs = np.stack([first, second], axis=1)[(first > 0) & (second > 0)]
    together, shared = np.unique(pairs, axis=0, return_counts=True)
    areas, others = np.bincount(first), np.bincount(second)
    return int(np.count_nonzero((areas[together[:, 0]] == shared) & (others[together[:, 1]] == shared)))


def longest(labels) -> int:
    """Length of the longest object: the larger side of its bounding box, in pixels; 0 without objects.

    Parameters
    ----------
    labels : array of int (Y, X)
    """
    from scipy.ndimage import find_objects

    boxes = [box for box in find_objects(arguments.numbered(labels, "the label image")[0]) if box]
    return max((side.stop - side.start for box in boxes for side in box), default=0)
