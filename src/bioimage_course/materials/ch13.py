"""Materials of chapter 13."""

import numpy as np

from bioimage_course import shipped


def depth(mask):
    """How far each pixel of a mask is from the nearest pixel outside; the image's border counts as outside.

    Returns
    -------
    array of float
    """
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def largest_region(mask):
    """The largest connected part of a mask (4-connected), or None if the mask is empty.

    Returns
    -------
    array of bool or None
    """
    from scipy.ndimage import label

    regions, number = label(mask)
    if not number:
        return None
    return regions == 1 + np.bincount(regions[regions > 0])[1:].argmax()


def hit(labels, side, *, kind="right"):
    """Share of the objects that contain a click of a grid, with the usual mistakes built in.

    Parameters
    ----------
    labels : array of int (Y, X)
    side : int
        Clicks along one side of the grid.

    Returns
    -------
    float
    """
    labels = np.asarray(labels)
    places = (np.arange(side) + 0.5) / side
    if kind == "corners":
        places = np.linspace(0, 1, side, endpoint=False)
    rows, columns = (np.floor(places * n).astype(int) for n in labels.shape)
    if kind == "swapped":
        rows, columns = np.minimum(columns, labels.shape[0] - 1), np.minimum(rows, labels.shape[1] - 1)
    clicked = labels[rows, columns] if kind == "diagonal" else labels[np.ix_(rows, columns)]
    number = np.unique(labels[labels > 0]).size
    if not number:
        return 0.0
    if kind == "clicks":
        return np.count_nonzero(clicked) / clicked.size
    if kind == "counted twice":
        return np.count_nonzero(clicked) / number
    found = np.unique(clicked)
    return (found.size if kind == "background" else np.count_nonzero(found)) / number


def clicked(labels, side):
    """The numbers of the objects that contain a click of a grid.

    Parameters
    ----------
    labels : array of int (Y, X)
    side : int
        Clicks along each side of the image.

    Returns
    -------
    list of int
    """
    places = (np.arange(side) + 0.5) / side
    grid = np.ix_(*(np.floor(places * n).astype(int) for n in labels.shape))
    return [int(number) for number in np.unique(labels[grid]) if number]


def grid_masks():
    """Automatic masks of the notebook's crop with 8 × 8, 16 × 16 and 32 × 32 clicks.

    Returns
    -------
    dict of (str, int) to array of int (256, 256)
        Thresholds ("own", micro-sam's, or "chosen", on validation images) and clicks along a side: labels.
    """
    stored = shipped.arrays("micro-sam-grids", "crop.npz")
    pairs = {key: tuple(key.split("_")) for key in stored}
    return {(name, int(side)): stored[key].astype(int) for key, (name, side) in pairs.items()}
