"""Materials of chapter 11."""

import numpy as np

SHAPE = (96, 96)


def grid(shape=SHAPE):
    return np.mgrid[: shape[0], : shape[1]]


def disc(row, column, radius, shape=SHAPE):
    y, x = grid(shape)
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def banana(shape=SHAPE):
    """A thick half ring: from no inner point can all of its boundary be seen.

    Returns
    -------
    array of bool
    """
    y, x = grid(shape)
    row, column, radius, width = 0.75 * shape[0], (shape[1] - 1) / 2, 0.36 * shape[1], 0.11 * shape[1]
    half_ring = (np.abs(np.hypot(y - row, x - column) - radius) <= width) & (y <= row)
    ends = disc(row, column - radius, width, shape) | disc(row, column + radius, width, shape)
    return half_ring | ends


def inner_point(mask):
    """The pixel farthest from the background: where StarDist's object probability is highest.

    Parameters
    ----------
    mask : array of bool, 2D or 3D

    Returns
    -------
    tuple of int
        (row, column), in 3D (plane, row, column).
    """
    from scipy.ndimage import distance_transform_edt

    distance = distance_transform_edt(np.pad(mask, 1))  # the image's border counts as background
    return tuple(int(i) - 1 for i in np.unravel_index(distance.argmax(), distance.shape))
