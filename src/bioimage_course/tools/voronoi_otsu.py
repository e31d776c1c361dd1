"""Voronoi-Otsu labelling behind the course's one signature: ``segment(image) -> labels``.

Two blurs, a threshold, and every foreground pixel goes to the nearest seed. No training, no weights, a
fraction of a second. The recipe is that of the ``voronoi_otsu_labeling`` of clEsperanto and of
napari-segment-blobs-and-things-with-membranes (R. Haase): local maxima of the image blurred with `spot_sigma`
are the seeds; Otsu's threshold of the image blurred with `outline_sigma` gives the foreground.
"""

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.large.grid import Tiling

SEED_SHARE = 0.4
"""``spot_sigma="auto"``: this share of the typical inner radius; chosen on validation images."""


def segment(image, *, spot_sigma="auto", outline_sigma=1.0):
    """Segment bright, blob-like objects on a dark background.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
        One channel, any number type.
    spot_sigma : float or "auto"
        Blur in pixels before seeds are looked for: the larger, the fewer and the larger the objects. "auto"
        takes a share of the typical inner radius of the foreground (see `inner_radius`).
    outline_sigma : float
        Blur in pixels before the threshold: the larger, the smoother the outlines.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background, objects count from 1. Threshold and "auto" come from the image at hand: blocks of a
        large image agree with the whole, but are not the same (`large.bright_blobs` takes a threshold).

    Raises
    ------
    InputError
        If the image or a parameter is not as described.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> int(tools.voronoi_otsu.segment(data.load("nuclei"), spot_sigma=4).max()) > 100
    True
    """
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    array = arguments.tool_image(image, "Voronoi-Otsu labelling")
    automatic = isinstance(spot_sigma, str) and spot_sigma == "auto"
    if not automatic:
        spot_sigma = arguments.number(spot_sigma, "spot_sigma", 0, 1000, alternative="auto")
    outline_sigma = arguments.number(outline_sigma, "outline_sigma", 0, 1000)
    if array.min() == array.max():  # nothing to be told apart
        return np.zeros(array.shape, np.int32)
    smooth = gaussian_filter(array, outline_sigma)
    if smooth.min() == smooth.max():  # blurred until nothing is left
        return np.zeros(array.shape, np.int32)
    mask = smooth > threshold_otsu(smooth)
    if automatic:
        spot_sigma = SEED_SHARE * inner_radius(mask)
    return split(mask, gaussian_filter(array, spot_sigma))


_OWN = "Each block would have a threshold of its own: large.bright_blobs takes one for all."
segment.tiling = Tiling(problem=_OWN)


def split(mask, landscape):
    """Give every foreground pixel to the nearest local maximum of a landscape, by way of the foreground.

    Parameters
    ----------
    mask : array of bool (Y, X)
        The foreground.
    landscape : array (Y, X)
        High in the middle of objects: a blurred image, a blurred distance map, a probability.

    Returns
    -------
    labels : array of int32 (Y, X)
        Foreground without any maximum stays background.

    Raises
    ------
    InputError
        If the two are no mask and no image of the same shape.
    """
    from skimage.measure import label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    mask, landscape = _mask(mask), arguments.numbers(landscape, "landscape").astype(float)
    if mask.shape != landscape.shape:
        raise InputError(
            f"mask and landscape must fit, but have the shapes {mask.shape} and {landscape.shape}."
        )
    seeds = label(local_maxima(landscape) & mask)
    # Flooding a flat landscape reaches every pixel from the seed that is nearest on a path inside the mask.
    return watershed(np.zeros(mask.shape, np.uint8), seeds, mask=mask).astype(np.int32)


def inner_radius(mask):
    """Typical radius of the largest discs that fit into the connected components of a mask.

    Parameters
    ----------
    mask : array of bool (Y, X)

    Returns
    -------
    float
        Median over components, each weighted with its area, in pixels; 0 for an empty mask.

    Raises
    ------
    InputError
        If it is no 2D mask.
    """
    from scipy.ndimage import distance_transform_edt, maximum
    from skimage.measure import label

    mask = _mask(mask)
    components = label(mask)
    if not components.any():
        return 0.0
    numbers = np.arange(1, components.max() + 1)
    radii = np.asarray(maximum(distance_transform_edt(mask), components, numbers))
    areas = np.bincount(components.ravel())[1:]
    order = np.argsort(radii, kind="stable")
    middle = np.searchsorted(np.cumsum(areas[order]), areas.sum() / 2)
    return float(radii[order][middle])


def _mask(mask):
    mask = arguments.numbers(mask, "mask")
    if mask.dtype.kind == "f" or mask.ndim != 2:
        raise InputError(
            f"mask must be True or False at each pixel (Y, X), not {mask.dtype} of {mask.shape}."
        )
    return mask != 0
