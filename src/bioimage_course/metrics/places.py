"""Comparing places: spots and centres that should be found, wherever exactly their outlines are."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.metrics.objects import Pairs, largest_assignment


@dataclass(frozen=True, eq=False)
class PlaceMatching(Pairs):
    """Which places of two lists correspond.

    Attributes
    ----------
    tolerance : float
        Largest distance of a pair.
    pairs : ndarray of int, shape (tp, 2)
        Rows of the matched places: column 0 of the truth, column 1 of the prediction.
    distances : ndarray of float, shape (tp,)
        How far apart each pair is.
    missed : ndarray of int, shape (fn,)
        Rows of the true places without partner.
    spurious : ndarray of int, shape (fp,)
        Rows of the predicted places without partner.

    Notes
    -----
    All ratios are NaN where there is no place at all, and 0 where there are places on one side only.
    """

    tolerance: float
    pairs: np.ndarray
    distances: np.ndarray
    missed: np.ndarray
    spurious: np.ndarray

    def __repr__(self):
        return (
            f"PlaceMatching(tolerance={self.tolerance:g}, tp={self.tp}, fp={self.fp}, fn={self.fn}, "
            f"precision={self.precision:.3f}, recall={self.recall:.3f}, f1={self.f1:.3f})"
        )


def match_places(truth, prediction, tolerance: float, spacing=None) -> PlaceMatching:
    """Match spots, or centres of objects, that are at most `tolerance` apart.

    As many pairs as possible are made, each place in at most one of them; of several ways to make as many,
    that with the smallest sum of distances.

    Parameters
    ----------
    truth, prediction : array of float, shape (n, axes)
        One place a row, as `skimage.feature.peak_local_max` or `scipy.ndimage.center_of_mass` return them.
    tolerance : float
        Largest distance of a pair, above 0; a pair exactly as far apart counts.
    spacing : float or sequence of float, optional
        Length of a pixel, or along each axis; the tolerance is in its unit, by default pixels.

    Returns
    -------
    PlaceMatching

    Raises
    ------
    InputError
        If the lists of places, the tolerance or the spacing do not fit.

    Notes
    -----
    Within a tolerance, overlap plays no role: a spot of three pixels that was found one pixel aside is found.
    What is found is not measured: a centre may be right and the outline wrong.

    References
    ----------
    Maier-Hein et al. 2024, Metrics reloaded, Nature Methods 21 ("localization criterion: point distance").

    Examples
    --------
    >>> match_places([[5, 5], [20, 20]], [[6, 5], [40, 40]], tolerance=2)
    PlaceMatching(tolerance=2, tp=1, fp=1, fn=1, precision=0.500, recall=0.500, f1=0.500)
    """
    tolerance = arguments.number(tolerance, "tolerance", 0)
    if tolerance == 0:
        raise InputError("tolerance must be above 0: two places are never exactly the same.")
    truth, prediction = _places(truth, "the true places"), _places(prediction, "the predicted places")
    if len(truth) and len(prediction) and truth.shape[1] != prediction.shape[1]:
        raise InputError(
            f"the true places have {truth.shape[1]} coordinates, the predicted ones {prediction.shape[1]}."
        )
    if not (len(truth) and len(prediction)):
        none = np.empty((0, 2), int), np.empty(0)
        return PlaceMatching(tolerance, *none, np.arange(len(truth)), np.arange(len(prediction)))
    scale = np.array(arguments.spacing(spacing, truth.shape[1]))
    near = cKDTree(truth * scale).sparse_distance_matrix(
        cKDTree(prediction * scale), tolerance * (1 + 1e-9), output_type="ndarray"
    )
    row, column, distance = near["i"], near["j"], near["v"]
    chosen = largest_assignment(row, column, 1 - np.minimum(distance / tolerance, 1))
    pairs = np.stack([row[chosen], column[chosen]], axis=1).astype(int)
    missed, spurious = (
        np.setdiff1d(np.arange(len(places)), matched)
        for places, matched in ((truth, pairs[:, 0]), (prediction, pairs[:, 1]))
    )
    return PlaceMatching(tolerance, pairs, distance[chosen], missed, spurious)


def _places(value, what) -> np.ndarray:
    """Places as (n, axes); an empty list is none."""
    if np.size(value) == 0:
        return np.empty((0, 0))
    found = arguments.array(value, what, axes=True).astype(float)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise InputError(f"{what} must be finite numbers, one row a place and one column an axis.")
    return found
