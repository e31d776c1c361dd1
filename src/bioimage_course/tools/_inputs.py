"""What all adapters accept: the image and the numbers, checked with one sentence each."""

from __future__ import annotations

import numpy as np

from bioimage_course.errors import InputError
from bioimage_course.show.inputs import channels_last, to_array  # arrays, tensors and Samples alike


def image(value, tool: str, *, colour: bool = False) -> np.ndarray:
    """One 2D image as float32.

    Parameters
    ----------
    value : array, tensor or data.Sample
    tool : str
        Name of the tool, for the sentence: "StarDist needs one 2D image …".
    colour : bool
        Accept an image with three channels, (Y, X, 3), as well.

    Raises
    ------
    InputError
        If it is not an image, has another shape, or contains NaN or infinity.
    """
    array = to_array(value)
    if array.ndim != 2 and not (colour and array.ndim == 3 and array.shape[-1] == 3):
        shapes = "(Y, X) or (Y, X, 3)" if colour else "(Y, X)"
        raise InputError(
            f"{tool} needs one 2D image {shapes}; this one has the shape {array.shape}"
            f"{_choice(array.shape, colour)}."
        )
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise InputError(
            "The image contains NaN, infinity or values beyond 3e38; replace them first, for instance by "
            "numpy.nan_to_num."
        )
    return single


def _choice(shape: tuple, colour: bool) -> str:
    """What to take of an image with three axes."""
    if len(shape) == 3 and shape[-1] == 4 and colour:
        return " (take image[..., :3] if the fourth channel is opacity, else one channel, image[..., 0])"
    if len(shape) == 3 and (shape[-1] == 3 or channels_last(shape)):
        return " (choose one channel, image[..., 0])"
    return " (choose one channel or one plane, image[0])" if len(shape) == 3 else ""


def not_to_nothing(shape: tuple, factor: float, what: str) -> None:
    """Refuse to shrink an image to less than one pixel.

    Parameters
    ----------
    shape : (Y, X)
    factor : float
        By which both sides are multiplied.
    what : str
        Which parameter wants it, for the sentence: "diameter=3000".

    Raises
    ------
    InputError
        If a side would vanish.
    """
    if min(shape) * factor < 1:
        raise InputError(
            f"{what} would shrink this image of {shape[0]} × {shape[1]} pixels to nothing: its shorter side "
            f"would be {min(shape) * factor:.2g} pixels."
        )


def number(value, name: str, low: float, high: float, alternative: str | None = None) -> float:
    """A number from `low` to `high`, both included.

    Raises
    ------
    InputError
        If it is none. `alternative` is what else the parameter may be, for the sentence.
    """
    if not is_number(value) or not low <= value <= high:
        span = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"
        other = f", or {alternative!r}" if alternative else ""
        raise InputError(f"{name} must be a number {span}{other}, not {value!r}.")
    return float(value)


def is_number(value) -> bool:
    """True for a finite real number; False for bool, text, arrays, NaN."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return bool(real and np.isfinite(value))


def limits(array: np.ndarray, value=None) -> tuple[float, float]:
    """Two intensities (low, high): those given, or percentiles 1 and 99.8 of the image.

    For a constant image both are the same: nothing is to be found in it.

    Raises
    ------
    InputError
        If `value` is given and not two numbers, the lower one first.
    """
    if value is not None:
        try:
            low, high = (float(v) for v in value)
        except (TypeError, ValueError):
            raise InputError(f"limits must be two intensities (low, high), not {value!r}.") from None
        if not low < high or not np.isfinite([low, high]).all():
            raise InputError(f"limits must be two intensities, the lower one first, not ({low:g}, {high:g}).")
        return low, high
    low, high = np.percentile(array, (1, 99.8))
    # Objects that cover less than 0.2 % of a perfectly black image escape the percentiles.
    return (float(low), float(high)) if high > low else (float(array.min()), float(array.max()))


def unlike_blocks(limits=None, scale=None) -> str:
    """Why blocks of an image would not give the objects of the whole image, in a sentence; "" if they can."""
    if limits is None:
        return (
            "Each block would be normalised by percentiles of its own: give limits=(low, high) of the whole "
            "image (large.percentiles)."
        )
    if scale not in (None, 1):
        return f"With scale={scale!r} each block is resized by itself, and objects come out differently."
    return ""
