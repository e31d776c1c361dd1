"""What all adapters accept: the image and the numbers, checked with one sentence each."""

from __future__ import annotations

import numpy as np

from bioimage_course.errors import InputError
from bioimage_course.show.inputs import to_array  # arrays, tensors and Samples alike


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
        hint = " (choose one channel or one plane)" if array.ndim == 3 else ""
        raise InputError(f"{tool} needs one 2D image {shapes}; this one has the shape {array.shape}{hint}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(
            "The image contains NaN or infinity; replace them first, for instance by numpy.nan_to_num."
        )
    return array.astype(np.float32)


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
