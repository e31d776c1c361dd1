"""Checks of arguments that all metrics share."""

from __future__ import annotations

import numpy as np

from bioimage_course import arrays
from bioimage_course.errors import InputError


def array(value, what: str) -> np.ndarray:
    """`value` as an array with at least one element."""
    if value is None:
        raise InputError(f"{what} must be an array, but it is None")
    try:
        out = arrays.plain(value, what)
    except InputError:
        raise
    except Exception:  # ragged lists, tensors on another device, …
        raise InputError(
            f"{what} must be an array, and {type(value).__name__} cannot be made into one"
        ) from None
    if out.dtype == object:
        held = "an array of objects" if isinstance(value, np.ndarray) else f"{type(value).__name__}"
        raise InputError(f"{what} must be an array of numbers, not {held}")
    if out.ndim == 0:
        raise InputError(f"{what} must be an array, but it is the single value {out.item()!r}")
    if out.size == 0:
        raise InputError(f"{what} has no pixels: its shape is {out.shape}")
    return out


def same_shape(
    truth: np.ndarray, other: np.ndarray, name: str = "the prediction", reference: str = "the truth"
):
    """Raise unless both arrays have one shape."""
    if truth.shape != other.shape:
        raise InputError(
            f"{reference} has shape {truth.shape}, but {name} has {other.shape}: they must be the same"
        )


def labels(value, what: str) -> np.ndarray:
    """`value` as a label image: integers, none negative."""
    return arrays.label_image(array(value, what), what)


def numbered(value, what: str) -> tuple[np.ndarray, np.ndarray]:
    """A label image with its objects numbered 1, 2, 3, … whatever their numbers were, and those numbers.

    Tables by label number (``bincount``, ``find_objects``, ``regionprops``) are as long as the largest one:
    with a number of 2³¹ they fill the memory.
    """
    index, found = arrays.consecutive(labels(value, what))
    return index, found[1:]


def mask(value, what: str) -> np.ndarray:
    """`value` as a mask: booleans, or integers of which all but 0 are foreground."""
    out = array(value, what)
    if out.dtype.kind not in "bui":
        raise InputError(
            f"{what} must be a mask of booleans or integers, but its dtype is {out.dtype}: "
            "make one with a threshold, for example image > 0.5"
        )
    return out != 0


def intensities(value, what: str) -> np.ndarray:
    """`value` as finite float64 intensities."""
    return arrays.numbers(array(value, what), what).astype(np.float64)


def thresholds(value) -> tuple[float, ...]:
    """IoU thresholds as a tuple of numbers from 0 to 1."""
    try:
        numbers = np.asarray(value)
    except Exception:  # ragged lists, tensors with a gradient, …
        numbers = np.array(None)
    if numbers.dtype.kind not in "iuf":
        raise InputError(f"IoU thresholds are numbers from 0 to 1, not {value!r}") from None
    out = tuple(float(t) for t in numbers.ravel())
    if not out:
        raise InputError("at least one IoU threshold is needed, for example 0.5")
    if not all(0 <= t <= 1 for t in out):  # also refuses NaN
        raise InputError(
            f"IoU thresholds lie between 0 and 1, but there is {next(t for t in out if not 0 <= t <= 1)}"
        )
    return out
