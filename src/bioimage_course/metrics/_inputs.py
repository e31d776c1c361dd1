"""Checks of arguments that all metrics share."""

from __future__ import annotations

import numpy as np

from bioimage_course.errors import InputError


def array(value, what: str) -> np.ndarray:
    """`value` as an array with at least one element."""
    if value is None:
        raise InputError(f"{what} must be an array, but it is None")
    try:
        out = np.asarray(value)
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
    out = array(value, what)
    if out.dtype == bool:
        raise InputError(
            f"{what} is a mask of True and False, not a label image: "
            "number its objects first, for example with skimage.measure.label"
        )
    if out.dtype.kind not in "ui":
        raise InputError(
            f"{what} must be a label image of integers, but its dtype is {out.dtype}: "
            "if its values are whole numbers, convert it with .astype(int)"
        )
    if out.dtype == np.uint64 and out.max() > np.iinfo(np.int64).max:
        raise InputError(f"{what} has labels above 2**63, which nothing needs: relabel it from 1")
    if out.dtype.kind == "i" and out.min() < 0:
        raise InputError(
            f"{what} has negative labels (lowest {out.min()}): 0 is background, objects count from 1"
        )
    return out


def numbered(value, what: str) -> tuple[np.ndarray, np.ndarray]:
    """A label image with its objects numbered 1, 2, 3, … whatever their numbers were, and those numbers.

    Tables by label number (``bincount``, ``find_objects``, ``regionprops``) are as long as the largest one:
    with a number of 2³¹ they fill the memory.
    """
    values, index = np.unique(labels(value, what), return_inverse=True)
    index = index.reshape(np.shape(value)) + int(values[0] > 0)
    return index, values[values > 0]


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
    out = array(value, what)
    if out.dtype.kind not in "buif":
        raise InputError(f"{what} must hold real numbers, but its dtype is {out.dtype}")
    out = out.astype(np.float64)
    if not np.isfinite(out).all():
        raise InputError(f"{what} has values that are NaN or infinite: replace or cut them out first")
    return out


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
            f"IoU thresholds lie between 0 and 1, but there is {[t for t in out if not 0 <= t <= 1][0]}"
        )
    return out
