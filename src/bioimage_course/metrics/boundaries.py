"""Comparing masks by the distance between their outlines, and thin structures by their midlines.

Overlaps ask how many pixels two masks share; these ask how far apart their outlines lie, or whether a branch
is there at all. A border pixel is a pixel of the mask with a neighbour outside of it (side by side, not
corner to corner), as in MONAI; the edge of the image counts as outside. Masks may have any number of axes.

Where neither mask has foreground, the values are NaN: there was nothing to outline. Where one is
empty, distances are infinite and the other scores 0.
"""

import numpy as np
from scipy import ndimage

from bioimage_course import arguments
from bioimage_course.errors import InputError


def border_distances(truth, prediction, spacing=None) -> tuple[np.ndarray, np.ndarray]:
    """Distance from each border pixel of one mask to the nearest border pixel of the other.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.
    spacing : float or sequence of float, optional
        Length of a pixel, or along each axis; by default distances are in pixels.

    Returns
    -------
    from_truth, from_prediction : ndarray of float
        One distance a border pixel; infinite if the other mask is empty.

    Raises
    ------
    InputError
        If dtypes, shapes or the spacing do not fit.

    Examples
    --------
    >>> [d.tolist() for d in border_distances([0, 1, 0, 0, 0], [0, 1, 0, 0, 1])]
    [[0.0], [0.0, 3.0]]
    """
    truth, prediction = arguments.mask(truth, "the truth"), arguments.mask(prediction, "the prediction")
    arguments.same_shape(truth, prediction)
    spacing = arguments.spacing(spacing, truth.ndim)
    window = _window(truth | prediction)
    borders = [_border(mask)[window] for mask in (truth, prediction)]
    away = [_distance_to(border, spacing) for border in borders]
    return away[1][borders[0]], away[0][borders[1]]


def hausdorff(truth, prediction, percentile: float = 95, spacing=None) -> float:
    """Hausdorff distance of two outlines, or a percentile of it, because one stray pixel is no outline.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.
    percentile : float
        100 is the largest distance of all, decided by a single pixel; 95 (HD95) leaves out the worst
        twentieth of each outline.
    spacing : float or sequence of float, optional
        Length of a pixel, or along each axis; by default distances are in pixels.

    Returns
    -------
    float
        0 is best; infinite if one mask is empty, NaN if both are. Of the two directions the larger one.

    Raises
    ------
    InputError
        If dtypes, shapes, the percentile or the spacing do not fit.

    References
    ----------
    Huttenlocher et al. 1993, Comparing images using the Hausdorff distance, IEEE PAMI 15; Maier-Hein et al.
    2024, Metrics reloaded, Nature Methods 21.

    Examples
    --------
    >>> hausdorff([0, 1, 0, 0, 0], [0, 1, 0, 0, 1], percentile=100)
    3.0
    """
    percentile = arguments.number(percentile, "percentile", 0, 100)
    distances = border_distances(truth, prediction, spacing)
    if not any(d.size for d in distances):
        return float("nan")
    if not all(d.size for d in distances):
        return float("inf")
    return float(max(np.percentile(d, percentile) for d in distances))


def normalised_surface_distance(truth, prediction, tolerance: float, spacing=None) -> float:
    """Share of both outlines that lies within a tolerance of the other outline (NSD, also surface Dice).

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape
        Foreground is True, or any number but 0.
    tolerance : float
        Distance up to which an outline is right, for example that of two annotators; a distance of just
        that much counts.
    spacing : float or sequence of float, optional
        Length of a pixel, or along each axis; the tolerance is in its unit, by default pixels.

    Returns
    -------
    float
        0 to 1; 0 if one mask is empty, NaN if both are.

    Raises
    ------
    InputError
        If dtypes, shapes, the tolerance or the spacing do not fit.

    References
    ----------
    Nikolov et al. 2021, Clinically applicable segmentation of head and neck anatomy for radiotherapy, Journal
    of Medical Internet Research 23.

    Examples
    --------
    >>> normalised_surface_distance([0, 1, 1, 0], [1, 1, 1, 0], tolerance=0)
    0.5
    """
    tolerance = arguments.number(tolerance, "tolerance", 0)
    distances = np.concatenate(border_distances(truth, prediction, spacing))
    within = distances <= tolerance * (1 + 1e-9)  # three pixels of 0.1 are a little more than 0.3
    return float(np.mean(within)) if distances.size else float("nan")


def centreline_dice(truth, prediction) -> float:
    """Dice of thin structures by their midlines (clDice): a broken branch costs, a thicker one does not.

    Parameters
    ----------
    truth, prediction : array of bool or int, equal shape, (Y, X) or (Z, Y, X)
        Foreground is True, or any number but 0.

    Returns
    -------
    float
        Harmonic mean of the share of the predicted midline that lies in the truth and of the share of the
        true midline that lies in the prediction; 0 if one mask is empty, NaN if both are.

    Raises
    ------
    InputError
        If dtypes or shapes do not fit, or there are not two or three axes.

    References
    ----------
    Shit et al. 2021, clDice – a novel topology-preserving loss function for tubular structure segmentation,
    CVPR, arXiv:2003.07311. The midlines are those of skimage.morphology.skeletonize. Where it leaves nothing
    of a piece, as of some blocks an even number of voxels thick, the piece's innermost pixels stand for it.
    """
    truth, prediction = arguments.mask(truth, "the truth"), arguments.mask(prediction, "the prediction")
    arguments.same_shape(truth, prediction)
    if truth.ndim not in (2, 3):
        raise InputError(f"midlines need two or three axes, but the shape of the masks is {truth.shape}.")
    if not (truth.any() and prediction.any()):
        return 0.0 if truth.any() or prediction.any() else float("nan")
    right, found = truth[_midline(prediction)].mean(), prediction[_midline(truth)].mean()
    return float(2 * right * found / (right + found)) if right + found else 0.0


def _midline(mask):
    """Pixels of the midlines of a mask, at least one of each piece."""
    from skimage.morphology import skeletonize

    line = skeletonize(mask) > 0
    pieces, _ = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    lost = np.setdiff1d(pieces[mask], pieces[line])
    if lost.size:
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
        deepest = np.zeros(pieces.max() + 1)
        np.maximum.at(deepest, pieces[mask], depth[mask])
        line |= np.isin(pieces, lost) & (depth >= deepest[pieces])
    return line


def _border(mask):
    """Pixels of the mask with a neighbour that is none."""
    return mask & ~ndimage.binary_erosion(mask)


def _distance_to(border, spacing):
    """Distance of every pixel to the nearest border pixel; infinite without any."""
    if not border.any():
        return np.full(border.shape, np.inf)
    return ndimage.distance_transform_edt(~border, sampling=spacing)


def _window(mask):
    """The smallest window that holds the foreground; distances need not look beyond it."""
    found = ndimage.find_objects(mask.astype(np.uint8))
    return found[0] if found else tuple(slice(0, 1) for _ in mask.shape)
