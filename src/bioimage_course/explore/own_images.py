"""Thin compositions with stackview (Haase, https://github.com/haesleinhuepf/stackview) for own images."""

import importlib.util

import numpy as np

from .. import arguments
from ..errors import InputError, ToolUnavailableError

WIDEST = 512  # pixels on the page


def _stackview():
    if importlib.util.find_spec("stackview") is None:
        raise ToolUnavailableError("stackview is not installed; install it with: pip install stackview")
    import stackview

    return stackview


def _picture(array: np.ndarray) -> np.ndarray:
    """Numbers that stackview takes for intensities: those of 32 and 64 bits it would colour like labels."""
    return array if array.dtype in (np.uint8, np.uint16) else array.astype(np.float32)


def _contrast(array: np.ndarray) -> dict:
    low, high = np.percentile(array.astype(float), (1, 99.8))
    return {"display_min": float(low), "display_max": float(high if high > low else low + 1)}


def _zoom(array: np.ndarray) -> float:
    """Small images are magnified by a whole number, large ones shrunk, though to no less than one pixel."""
    fits = WIDEST / max(array.shape[:2])
    return float(max(1, int(fits))) if fits >= 1 else max(fits, 1 / min(array.shape[:2]))


def insight(image):
    """An image with its shape, type, smallest and largest value and histogram.

    Parameters
    ----------
    image : array (Y, X) or (Z, Y, X), tensor or data.Sample

    Raises
    ------
    InputError
        If it is not an array of numbers with 2 or 3 axes, or contains NaN or infinity.
    ToolUnavailableError
        If stackview is not installed.
    """
    array = arguments.pixels(image)
    if array.ndim not in (2, 3):
        raise InputError(f"image must have 2 or 3 axes, but its shape is {array.shape}.")
    if not np.isfinite(array).all():  # there is no histogram of it
        raise InputError("image contains NaN or infinity; count them with np.isnan(image).sum().")
    if array.dtype == bool and array.ndim == 3:
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:  # too coarse for the histogram's bins
        array = array.astype(np.float32)
    return _stackview().insight(array)


def curtain(image, other, as_labels=False):
    """Two pictures of the same scene, one drawn over the other like a curtain.

    Parameters
    ----------
    image : array (Y, X), tensor or data.Sample
        The picture underneath.
    other : array (Y, X)
        The picture of the curtain, for example the denoised image.
    as_labels : bool
        `other` is a label image: each object gets a colour.

    Returns
    -------
    ipywidgets widget
        It lives only while the notebook runs: add a static figure, `show.images` or `show.labels`.

    Raises
    ------
    InputError
        If the two differ in height or width.
    ToolUnavailableError
        If stackview is not installed.
    """
    under, over = arguments.drawn_image(image), arguments.drawn_image(other, "other")
    if under.ndim != 2 or under.shape != over.shape:
        raise InputError(
            f"curtain needs two 2D images of the same shape, but got {under.shape} and {over.shape}."
        )
    if as_labels:
        numbered, _ = arguments.consecutive(arguments.drawn_labels(over, "other"))  # it has 65,536 colours
        over, contrast = ((numbered - 1) % 65_535 + 1).astype(np.uint32) * (numbered > 0), {}
    else:
        contrast = {f"curtain_{name}": value for name, value in _contrast(over).items()}
        over = _picture(over)
    under = _picture(under)
    return _stackview().curtain(under, over, zoom_factor=_zoom(under), **_contrast(under), **contrast)


def annotate(image, labels):
    """Draw labels into a label image with the mouse (which the browser changes in place).

    Parameters
    ----------
    image : array (Y, X), tensor or data.Sample
    labels : array of uint32 (Y, X)
        Start with ``np.zeros(image.shape, np.uint32)``; what is drawn is written into it.

    Raises
    ------
    InputError
        If `labels` is not a label image of the image's shape that can be written to.
    ToolUnavailableError
        If stackview is not installed.
    """
    array = _picture(arguments.drawn_image(image))
    if not isinstance(labels, np.ndarray) or labels.dtype != np.uint32 or not labels.flags.writeable:
        raise InputError("labels must be a writable array of uint32: np.zeros(image.shape, np.uint32).")
    arguments.drawn_labels(labels, shape=array.shape[:2])
    if labels.max() >= 2**16:
        raise InputError(
            f"labels must be below 65536, but there is {labels.max()}: number the objects from 1."
        )
    return _stackview().annotate(array, labels, zoom_factor=_zoom(array), **_contrast(array))
