"""What figures accept: arrays, tensors and samples, checked with one sentence each."""

import numpy as np

from ..arrays import plain
from ..errors import InputError


def to_array(value, name: str = "image") -> np.ndarray:
    """NumPy array of an array, a list, a PyTorch tensor (also on a GPU) or a `data.Sample`.

    Raises
    ------
    InputError
        If it is not numeric or has no elements.
    """
    if hasattr(value, "image") and hasattr(value, "labels"):  # a data.Sample
        value = value.image
    try:
        array = plain(value, name)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an array of numbers, not a ragged list.") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be an array of real numbers, not {_describe(value, array)}.")
    if array.size == 0:
        raise InputError(f"{name} has no pixels: its shape is {array.shape}.")
    return array


def _describe(value, array) -> str:
    return f"an array of {array.dtype}" if isinstance(value, np.ndarray) else f"{type(value).__name__}"


def to_image(value, name: str = "image") -> np.ndarray:
    """A 2D image (Y, X) or colour image (Y, X, 3) without NaN; a channel of full opacity is left away.

    Raises
    ------
    InputError
        If the shape is another one or a value is NaN or infinite.
    """
    array = to_array(value, name)
    if array.ndim == 3 and array.shape[-1] == 4 and opaque(array[..., 3]):
        array = array[..., :3]
    colour = array.ndim == 3 and array.shape[-1] == 3
    if array.ndim != 2 and not colour:
        raise InputError(
            f"{name} must be 2D (Y, X) or colour (Y, X, 3), but its shape is {array.shape}; " + _remedy(array)
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"{name} contains NaN or infinite values; "
            "find out where they come from, or replace them with np.nan_to_num(image)."
        )
    return array


def opaque(channel: np.ndarray) -> bool:
    """Whether a fourth channel only says that nothing is transparent: the highest value everywhere."""
    full = np.iinfo(channel.dtype).max if channel.dtype.kind in "iu" else 1
    return bool((channel == full).all())


def channels_last(shape: tuple) -> bool:
    """Whether the last of three axes looks like channels: 2, 4 or a few more, and shorter than the others."""
    return len(shape) == 3 and 2 <= shape[-1] <= 8 and shape[-1] < min(shape[:2])


def _remedy(array: np.ndarray) -> str:
    if array.ndim == 3 and 1 in array.shape:
        return "remove the axis of length 1 with np.squeeze(image)."
    if array.ndim == 3 and array.shape[-1] == 4:
        return (
            "choose a channel, for example image[..., 0], or leave the fourth away, image[..., :3], if it is "
            "opacity."
        )
    if channels_last(array.shape):
        return "choose a channel, for example image[..., 0]."
    if array.ndim == 3 and array.shape[0] in (3, 4):
        return "move the channels to the end with np.moveaxis(image, 0, -1)."
    if array.ndim == 3:
        return "show one plane of the stack, image[z], or its projection, image.max(axis=0)."
    return "choose two axes to look at, for example image[0]."


def to_labels(value, name: str = "labels", shape: tuple | None = None) -> np.ndarray:
    """A 2D label image: whole numbers, 0 for background.

    Raises
    ------
    InputError
        If the dtype is not an integer, a value is negative, or the shape is not 2D or not `shape`.
    """
    if hasattr(value, "image") and hasattr(value, "labels"):
        value = value.labels
    array = to_array(value, name)
    if array.dtype.kind not in "iu":
        remedy = (
            "a mask gets one number an object from skimage.measure.label(mask)"
            if array.dtype.kind == "b"
            else "convert it with labels.astype(int) if its values are whole numbers"
        )
        raise InputError(f"{name} must be whole numbers (0 for background), not {array.dtype}; {remedy}.")
    if array.ndim != 2:
        raise InputError(
            f"{name} must be 2D (Y, X), but its shape is {array.shape}; show one plane, labels[z]."
        )
    if array.min() < 0:
        raise InputError(f"{name} must not be negative, but its smallest value is {array.min()}.")
    if array.max() > np.iinfo(np.int64).max:
        raise InputError(f"{name} has labels above 2**63, which nothing needs; relabel it from 1.")
    if shape is not None and array.shape != tuple(shape):
        raise InputError(f"{name} has shape {array.shape}, but the image it belongs to has {tuple(shape)}.")
    return array


def pixel_size_of(value, pixel_size) -> float | None:
    """Length of a pixel in µm along X: the argument, else what a `data.Sample` says, else None."""
    if pixel_size is None:
        pixel_size = getattr(value, "pixel_size", None)
    if pixel_size is None:
        return None
    try:
        size = float(np.ravel(pixel_size)[-1])
    except (TypeError, ValueError, IndexError):
        raise InputError(f"pixel_size must be a length in µm, not {pixel_size!r}.") from None
    if not np.isfinite(size) or size <= 0:
        raise InputError(f"pixel_size must be a positive length in µm, not {pixel_size!r}.")
    return size
