"""What several tools do with a label image once they have it."""

import numpy as np

from bioimage_course import arguments


def without_small(labels, min_object_size):
    """A label image without its small objects.

    Automatic masks of Segment Anything need it: micro-sam paints the masks over one another, smaller ones on
    top, and each connected piece that remains becomes an object, also a rim of a few pixels between two
    outlines.

    Parameters
    ----------
    labels : array of int
        0 is background.
    min_object_size : int
        Objects with fewer pixels (voxels of a stack) become background.

    Returns
    -------
    array of int, shape and dtype of `labels`
        The other objects keep their numbers.

    Raises
    ------
    InputError
        If `labels` is no label image, or the size no whole number of at least 0.

    Examples
    --------
    >>> without_small(np.array([[1, 1, 0, 2]]), 2)
    array([[1, 1, 0, 0]])
    """
    labels = arguments.label_image(labels)
    smallest = arguments.whole(min_object_size, "min_object_size", 0)
    index, _ = arguments.consecutive(labels)
    return np.where(np.bincount(index.ravel())[index] >= smallest, labels, 0)
