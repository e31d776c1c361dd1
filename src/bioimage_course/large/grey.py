"""One scale for the whole image, from counted grey values; and a cheap method to segment with."""

import functools

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.large.grid import Block, blocks
from bioimage_course.large.runs import each, native, pixels


def histogram(image, *, block: int = 2048, client=None) -> np.ndarray:
    """Count how often each grey value occurs, block by block.

    From the counts follow percentiles and thresholds of the *whole* image, exactly, with little memory.

    Parameters
    ----------
    image : array or zarr.Array (Y, X) of uint8 or uint16, of either byte order
    block : int
        Side of the pieces that are read.
    client : dask.distributed.Client, optional
        Who counts; default: this process.

    Returns
    -------
    array of int64
        256 or 65536 counts.

    Raises
    ------
    InputError
        If the image has another data type or more than two axes.
    """
    image = pixels(image)
    dtype = image.dtype.newbyteorder("=")
    if dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"Grey values are counted in images of uint8 or uint16; this one has {image.dtype}. "
            "Choose limits yourself, or convert the image."
        )
    parts = each(_count, blocks(image.shape, block, 0), client, image=image)
    return functools.reduce(np.add, parts, np.zeros(np.iinfo(dtype).max + 1, np.int64))


def _count(block: Block, image) -> np.ndarray:
    part = native(image[block.core])
    return np.bincount(part.ravel(), minlength=np.iinfo(part.dtype).max + 1)


def percentiles(counts, wanted=(1, 99.8)) -> tuple[float, ...]:
    """Percentiles of an image from its histogram; the same numbers as `numpy.percentile` of the image.

    Parameters
    ----------
    counts : array of int
        How often each grey value 0, 1, 2, … occurs.
    wanted : sequence of float
        Percentiles, 0 to 100.

    Returns
    -------
    tuple of float
    """
    cumulative = np.cumsum(counts)
    if not cumulative[-1]:
        raise InputError("The histogram is empty: there is no pixel to take percentiles of.")
    place = np.asarray(wanted, float) / 100 * (cumulative[-1] - 1)
    below, above = (np.searchsorted(cumulative, part(place), side="right") for part in (np.floor, np.ceil))
    return tuple(float(v) for v in below + (above - below) * (place % 1))


def otsu(counts) -> float:
    """Otsu's threshold of an image from its histogram.

    References
    ----------
    Otsu 1979, doi:10.1109/TSMC.1979.4310076; computed by `skimage.filters.threshold_otsu`.
    """
    from skimage.filters import threshold_otsu

    occurring = np.flatnonzero(counts)
    if occurring.size < 2:
        raise InputError("The image has a single grey value: there is nothing to separate.")
    values = np.arange(occurring[0], occurring[-1] + 1)
    return float(threshold_otsu(hist=(np.asarray(counts)[values], values)))


# ---------------------------------------------------------------- a cheap method to segment with


def bright_blobs(image, threshold: float, *, spot_sigma: float = 3.0, outline_sigma: float = 1.0):
    """Separate bright, roundish objects: blur, threshold, and a watershed from the maxima.

    A classical method, cheap enough for very large images. The threshold is *given*, so that all blocks share
    it. Its reach is four times the larger sigma: beyond that no pixel has any influence, except along objects
    that touch one another.

    Parameters
    ----------
    image : array (Y, X)
    threshold : float
        Grey value that separates objects from background, for example from `otsu`.
    spot_sigma, outline_sigma : float
        Blur in pixels before maxima are looked for, and before the threshold.

    Returns
    -------
    labels : array of int32 (Y, X)

    Raises
    ------
    InputError
        If pixels are NaN or infinite.
    """
    from scipy.ndimage import gaussian_filter, label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    image = arguments.numbers(image, "the image").astype(np.float32)
    mask = gaussian_filter(image, outline_sigma) > threshold
    # Whole numbers, so that a flat top is a single maximum.
    landscape = np.rint(gaussian_filter(image, spot_sigma) * 256).astype(np.int32)
    seeds, _ = label(local_maxima(landscape) & mask, np.ones((3, 3)))
    return watershed(-landscape, seeds, mask=mask).astype(np.int32)
