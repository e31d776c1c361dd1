"""Comparing the intensities of an image with those of a reference."""

import math

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


def _pair(reference, image) -> tuple[np.ndarray, np.ndarray]:
    reference = arguments.intensities(reference, "the reference")
    image = arguments.intensities(image, "the image")
    arguments.same_shape(reference, image, "the image", "the reference")
    return reference, image


def _range(reference: np.ndarray, data_range: float | None) -> float:
    if data_range is None:
        data_range = float(np.ptp(reference))
        if data_range == 0:
            raise InputError("the reference has one value everywhere: pass data_range, for example 255")
    if not isinstance(data_range, int | float | np.integer | np.floating) or not 0 < data_range < math.inf:
        raise InputError(f"data_range is a number above 0, such as 255, not {data_range!r}")
    return float(data_range)


def psnr(reference, image, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio in decibels: 20 log10(range) − 10 log10(mean squared error).

    Parameters
    ----------
    reference, image : array, equal shape
        Intensities in the same units.
    data_range : float, optional
        Range of possible values. By default that of the reference (its maximum minus its minimum), as the
        denoising literature does. State it with every number: 255 or 65535 give other values.

    Returns
    -------
    float
        Decibels; infinity for equal images.

    Raises
    ------
    InputError
        If shapes differ, values are not finite, or the range is not above 0.

    Examples
    --------
    >>> round(psnr([0, 100], [10, 90]), 6)
    20.0
    """
    reference, image = _pair(reference, image)
    data_range = _range(reference, data_range)
    with np.errstate(over="ignore"):  # infinitely wrong is −∞ decibels
        error = float(np.mean((reference - image) ** 2))
    return math.inf if error == 0 else 20 * math.log10(data_range) - 10 * math.log10(error)


def scale_invariant_psnr(reference, image) -> float:
    """PSNR after the image has been given the offset and scale that fit the reference best.

    Use it where a method returns intensities on a scale of its own. An affine change of the
    image's contrast, and for that matter an inverted one, does not change the value.

    Parameters
    ----------
    reference, image : array, equal shape
        Intensities; units may differ.

    Returns
    -------
    float
        Decibels, on the reference's own range; infinity if the image is an affine copy.

    Raises
    ------
    InputError
        If shapes differ, values are not finite, or the reference has one value everywhere.

    References
    ----------
    Weigert et al. 2018, Content-aware image restoration, Nature Methods 15,
    doi:10.1038/s41592-018-0216-7, supplement; known as SI-PSNR.
    """
    reference, image = _pair(reference, image)
    data_range = _range(reference, None)
    wanted, given = reference - reference.mean(), image - image.mean()
    power = float(np.sum(given**2))
    if power > 0:
        given = given * (float(np.sum(wanted * given)) / power)
    error = float(np.mean((wanted - given) ** 2))
    # Rounding leaves about 1e-32 of the squared range of an affine copy.
    if error <= 1e-28 * data_range**2:
        return math.inf
    return 20 * math.log10(data_range) - 10 * math.log10(error)


def ssim(reference, image, data_range: float | None = None, *, channel_axis: int | None = None) -> float:
    """Structural similarity: means, contrasts and patterns compared in Gaussian windows (σ = 1.5 px).

    Parameters
    ----------
    reference, image : array, equal shape, at least 11 pixels along each axis
        Intensities in the same units.
    data_range : float, optional
        Range of possible values; by default that of the reference, as in `psnr`.
    channel_axis : int, optional
        The axis of colours, which are compared one by one and averaged.

    Returns
    -------
    float
        At most 1, for equal images.

    Raises
    ------
    InputError
        If shapes differ, an axis is too short, values are not finite, or the range is not above 0.

    References
    ----------
    Wang et al. 2004, Image quality assessment: from error visibility to structural similarity,
    doi:10.1109/TIP.2003.819861. Computed by `skimage.metrics.structural_similarity` with its settings.
    """
    from skimage.metrics import structural_similarity

    reference, image = _pair(reference, image)
    data_range = _range(reference, data_range)
    if channel_axis is not None:
        axes = range(-reference.ndim, reference.ndim)
        if not isinstance(channel_axis, int | np.integer) or channel_axis not in axes:
            raise InputError(
                f"channel_axis is the number of one of the {reference.ndim} axes, not {channel_axis!r}"
            )
        channel_axis = int(channel_axis) % reference.ndim
    sizes = [n for axis, n in enumerate(reference.shape) if axis != channel_axis]
    if not sizes or min(sizes) < 11:
        raise InputError(
            f"SSIM looks through windows of 11 pixels, but the image has shape {reference.shape}: "
            "for colours, name their axis with channel_axis"
        )
    as_published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    settings = {"data_range": data_range, "channel_axis": channel_axis} | as_published
    return float(structural_similarity(reference, image, **settings))
