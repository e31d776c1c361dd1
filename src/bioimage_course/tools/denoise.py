"""Small tools for denoising: how strong the noise is, blind spots, and wavelets without a further package.

Gaussian and median filter, non-local means and total variation come from scikit-image. Its wavelet filter
needs PyWavelets; the few lines here do the same job with SciPy.
"""

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError

# Standard deviation, at each scale, of what white noise of standard deviation 1 leaves in the planes of the
# transform below (measured once on a large image of noise).
_NOISE_AT_SCALE = (0.8908, 0.2007, 0.0856, 0.0413, 0.0205)


def noise_level(image) -> float:
    """Standard deviation of the noise of one image, estimated from its finest detail.

    In every 2×2 block the difference of the two diagonals, divided by 2, is free of flat areas and
    slopes; half of its median absolute value belongs to noise rather than to edges.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
        At least 2 × 2 pixels.

    Returns
    -------
    float
        In the image's own units; 0 for a constant image. Noise that is correlated between neighbours
        is underestimated.

    Raises
    ------
    InputError
        If it is not a 2D image, or contains NaN or infinity.

    References
    ----------
    Donoho and Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81,
    doi:10.1093/biomet/81.3.425: median of the finest wavelet coefficients divided by 0.6745.
    """
    array = arguments.tool_image(image, "noise_level").astype(float)
    height, width = (n // 2 * 2 for n in array.shape)
    if not height or not width:
        raise InputError(f"noise_level needs at least 2×2 pixels; this image has the shape {array.shape}.")
    a, b = array[:height:2, :width:2], array[:height:2, 1:width:2]
    c, d = array[1:height:2, :width:2], array[1:height:2, 1:width:2]
    return float(np.median(np.abs(a - b - c + d) / 2) / 0.67448975)


def wavelets(image, strength: float = 1.0, *, noise: float | None = None, scales: int = 4) -> np.ndarray:
    """Denoise by soft thresholds on a wavelet transform.

    The image is smoothed again and again, each time twice as widely; the differences between one smoothing
    and the next are its details, from fine to coarse. All details are moved towards 0 by a multiple of the
    noise that they contain, and added up again.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
    strength : float
        Threshold in standard deviations of the noise at each scale; 0 changes nothing.
    noise : float, optional
        Standard deviation of the noise; default: `noise_level`.
    scales : int
        Number of smoothings, 1 to 5.

    Returns
    -------
    ndarray of float, shape (Y, X)

    Raises
    ------
    InputError
        If the image or a parameter is not as described.

    References
    ----------
    Donoho 1995, De-noising by soft-thresholding, IEEE Transactions on Information Theory 41,
    doi:10.1109/18.382009. The transform is the "à trous" one with a cubic spline.
    """
    from scipy import ndimage

    array = arguments.tool_image(image, "wavelets").astype(float)
    arguments.number(strength, "strength", 0, np.inf)
    noise = noise_level(array) if noise is None else arguments.number(noise, "noise", 0, np.inf)
    scales = int(arguments.number(scales, "scales", 1, len(_NOISE_AT_SCALE)))
    kernel, restored = np.array([1, 4, 6, 4, 1]) / 16, np.zeros_like(array)
    for scale in range(scales):
        holes = np.zeros(4 * 2**scale + 1)
        holes[:: 2**scale] = kernel
        smooth = ndimage.convolve1d(ndimage.convolve1d(array, holes, axis=0), holes, axis=1)
        detail, threshold = array - smooth, strength * noise * _NOISE_AT_SCALE[scale]
        restored += np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0)
        array = smooth
    return restored + array


def blind_spots(images, share: float = 0.02, *, radius: int = 2, seed=None) -> tuple[np.ndarray, np.ndarray]:
    """Noise2Void's trick: a few pixels are replaced by one of their neighbours, drawn at random.

    A network that sees the changed image and has to predict the original values at these places cannot
    just pass a pixel on, because it does not see it.

    Parameters
    ----------
    images : array (…, Y, X)
        Noisy images; not changed.
    share : float
        Share of the pixels that become blind spots, above 0 and below 1.
    radius : int
        Neighbours are drawn from the square of ``2 * radius + 1`` pixels around the pixel, never the pixel
        itself; where that would lie outside the image, the one opposite. At least 1, and less than half
        the image's height and width.
    seed : int or numpy.random.Generator, optional
        A generator goes on from where it is.

    Returns
    -------
    masked : ndarray, as `images`
        The input for the network.
    mask : ndarray of bool, as `images`
        True at the blind spots, where the loss is counted.

    Raises
    ------
    InputError
        If an argument is not as described.

    References
    ----------
    Krull, Buchholz and Jug 2019, Noise2Void: learning denoising from single noisy images, CVPR,
    arXiv:1811.10980.
    """
    images = arguments.plain(images, "the array of images")
    if images.ndim < 2 or not images.size or images.dtype.kind not in "buif":
        raise InputError(f"blind_spots needs images (…, Y, X) of numbers, not a shape of {images.shape}.")
    if not arguments.is_number(share) or not 0 < share < 1:
        raise InputError(f"share must lie between 0 and 1, such as 0.02, not {share!r}.")
    height, width = images.shape[-2:]
    if isinstance(radius, bool) or not isinstance(radius, int) or not 1 <= radius < min(height, width) / 2:
        raise InputError(f"radius must be a whole number from 1 to below half the image, not {radius!r}.")
    rng = np.random.default_rng(seed)
    mask = rng.random(images.shape) < share
    where = np.argwhere(mask)
    side, middle = 2 * radius + 1, 2 * radius * (radius + 1)  # number of the middle pixel of the square
    step = rng.integers(1, side**2, len(where))
    step = np.where(step <= middle, step - 1, step)  # every number but the middle's
    rows = _inside(where[:, -2], step // side - radius, height)
    columns = _inside(where[:, -1], step % side - radius, width)
    masked = images.copy()
    masked[mask] = images[(*where[:, :-2].T, rows, columns)]
    return masked, mask


def _inside(index: np.ndarray, step: np.ndarray, size: int) -> np.ndarray:
    """Index + step, or index − step where that would leave the image."""
    to = index + step
    return np.where((to < 0) | (to >= size), index - step, to)
