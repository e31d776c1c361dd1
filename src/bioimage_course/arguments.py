"""The one place where arguments are checked: each kind by one function, with one sentence.

Lists, NumPy arrays of any byte order and layout, dask and zarr arrays, PyTorch tensors and, where an image is
wanted, a `data.Sample` become ordinary NumPy arrays. What would be lost without a word, such as a mask, is
refused. Every function takes what is given and its name for the sentence, returns it in a form that needs no
more thought, and raises `InputError` if that cannot be.
"""

import os

import numpy as np

from bioimage_course.errors import InputError

# ---------------------------------------------------------------- numbers and names


def number(value, name: str, low: float = 0.0, high: float = np.inf, alternative: str | None = None) -> float:
    """A finite number from `low` to `high`, both included; `alternative` is what else it may be, in words."""
    if not is_number(value) or not low <= value <= high:
        span = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"
        other = f", or {alternative!r}" if alternative else ""
        raise InputError(f"{name} must be a number {span}{other}, not {value!r}.")
    return float(value)


def is_number(value) -> bool:
    """True for a finite real number; False for bool, text, arrays, NaN."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    try:
        return real and bool(np.isfinite(float(value)))
    except OverflowError:  # an integer of hundreds of digits
        return False


def whole(value, name: str, low: int = 1, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both included."""
    right = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not right or value < low or (high is not None and value > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name} must be a whole number {span}, not {value!r}.")
    return int(value)


def share(value, name: str) -> float:
    """A number of at least 0 and below 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and below 1, not {value!r}.")
    return float(value)


def choice(options, name, what: str):
    """The option of that name."""
    try:
        return options[name]
    except (KeyError, TypeError):
        known = ", ".join(repr(option) for option in options)
        raise InputError(f"Unknown {what} {name!r}; choose one of {known}.") from None


def pixel_size(given, size) -> float | None:
    """Length of a pixel in µm along X: `size`, else what a `data.Sample` says, else None."""
    if size is None:
        size = getattr(given, "pixel_size", None)
    if size is None:
        return None
    try:
        length = float(np.ravel(size)[-1])
    except (TypeError, ValueError, IndexError):
        raise InputError(f"pixel_size must be a length in µm, not {size!r}.") from None
    if not np.isfinite(length) or length <= 0:
        raise InputError(f"pixel_size must be a positive length in µm, not {size!r}.")
    return length


def spacing(value, axes: int) -> tuple[float, ...]:
    """Length of a pixel along each of so many axes: one number for all, one each, or None for 1."""
    if value is None:
        return (1.0,) * axes
    try:
        found = np.broadcast_to(np.asarray(value, float), (axes,)) if np.ndim(value) < 2 else None
    except (TypeError, ValueError):
        found = None
    if found is None or not np.isfinite(found).all() or (found <= 0).any():
        raise InputError(
            f"spacing must be a length of a pixel, or one for each of the {axes} axes, not {value!r}."
        )
    return tuple(map(float, found))


def limits(array: np.ndarray, value=None) -> tuple[float, float]:
    """Two intensities (low, high): those given, or percentiles 1 and 99.8 of the image.

    For a constant image both are the same: nothing is to be found in it.
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


def thresholds(value) -> tuple[float, ...]:
    """IoU thresholds as a tuple of numbers from 0 to 1."""
    try:
        given = np.asarray(value)
    except Exception:  # ragged lists, tensors with a gradient, …
        given = np.array(None)
    if given.dtype.kind not in "iuf":
        raise InputError(f"IoU thresholds are numbers from 0 to 1, not {value!r}.") from None
    out = tuple(float(t) for t in given.ravel())
    if not out:
        raise InputError("at least one IoU threshold is needed, for example 0.5.")
    wrong = [t for t in out if not 0 <= t <= 1]  # NaN too
    if wrong:
        raise InputError(f"IoU thresholds lie between 0 and 1, but there is {wrong[0]}.")
    return out


# ---------------------------------------------------------------- arrays


def plain(value, name: str) -> np.ndarray:
    """An ordinary NumPy array in this machine's byte order, which shares memory where it can.

    What NumPy says of ragged lists and the like comes through.
    """
    if hasattr(value, "detach"):  # a tensor, perhaps on a GPU
        value = value.detach().cpu()
    found = np.asanyarray(value)
    # NumPy drops the masks of what a list holds.
    parts = value if isinstance(value, list | tuple) else [found]
    masked = [part for part in parts if isinstance(part, np.ma.MaskedArray)]
    if masked:
        if any(map(np.ma.is_masked, masked)):
            raise InputError(
                f"{name} has a mask, which would be ignored here: fill it, for example with .filled(0), or "
                "cut the masked part away."
            )
        found = np.ma.getdata(found)
    found = np.asarray(found)  # of a matrix or another kind of array
    if found.dtype.kind in "iufc" and not found.dtype.isnative:  # "|" of one byte counts as native
        found = found.astype(found.dtype.newbyteorder("="))
    return found


def array(value, name: str, *, axes: bool = False, kinds: str = "biuf") -> np.ndarray:
    """Real numbers (or other `kinds` of NumPy), at least one; with `axes` a single number is none."""
    try:
        found = plain(value, name)
    except InputError:
        raise
    except Exception:  # whatever the libraries of strange arrays raise
        kind = "a ragged list" if isinstance(value, list | tuple) else type(value).__name__
        raise InputError(f"{name} must be an array of real numbers, not {kind}.") from None
    if found.dtype.kind not in kinds:
        kind = f"an array of {found.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        path = isinstance(value, str | os.PathLike)
        remedy = ": read the file first, for example with data.open_image(path).image" if path else ""
        raise InputError(f"{name} must be an array of real numbers, not {kind}{remedy}.")
    if axes and found.ndim == 0:
        raise InputError(f"{name} must be an array, but it is the single value {found.item()!r}.")
    if found.size == 0:
        raise InputError(f"{name} has no pixels: its shape is {found.shape}.")
    return found


def pixels(value, name: str = "image") -> np.ndarray:
    """The same of an image, which may also be a `data.Sample`."""
    return array(value.image if _is_sample(value) else value, name)


def _is_sample(value) -> bool:
    return hasattr(value, "image") and hasattr(value, "labels")


def numbers(value, name: str, *, axes: bool = False) -> np.ndarray:
    """Finite real numbers, at least one of them."""
    found = array(value, name, axes=axes)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise InputError(f"{name} has values that are NaN or infinite: replace or cut them out first.")
    return found


def intensities(value, name: str) -> np.ndarray:
    """Finite float64 intensities."""
    return numbers(value, name, axes=True).astype(np.float64)


def mask(value, name: str) -> np.ndarray:
    """A mask: truths, or integers of which all but 0 are foreground."""
    found = array(value, name, axes=True)
    if found.dtype.kind == "f":
        raise InputError(
            f"{name} must be a mask of booleans or integers, but its dtype is {found.dtype}: "
            "make one with a threshold, for example image > 0.5."
        )
    return found != 0


def same_shape(
    truth: np.ndarray, other: np.ndarray, name: str = "the prediction", reference: str = "the truth"
) -> None:
    """Refuse two arrays of different shapes."""
    if truth.shape != other.shape:
        raise InputError(
            f"{reference} has shape {truth.shape}, but {name} has {other.shape}: they must be the same."
        )


# ---------------------------------------------------------------- label images


def label_image(value, name: str = "the label image", ndim: int | None = None) -> np.ndarray:
    """Whole numbers, none negative, of any size below 2⁶³; with `ndim` axes."""
    found = array(value.labels if _is_sample(value) else value, name, axes=True)
    if found.dtype == bool:
        raise InputError(
            f"{name} is a mask of True and False, not a label image: "
            "number its objects first, for example with skimage.measure.label."
        )
    if found.dtype.kind not in "ui":
        raise InputError(
            f"{name} must be a label image of integers, but its dtype is {found.dtype}: "
            "if its values are whole numbers, convert it with .astype(int)."
        )
    if ndim is not None and found.ndim != ndim:
        raise InputError(f"{name} must have {ndim} axes, but its shape is {found.shape}.")
    if found.dtype == np.uint64 and found.max() > np.iinfo(np.int64).max:
        raise InputError(f"{name} has labels above 2**63, which nothing needs: relabel it from 1.")
    if found.dtype.kind == "i" and found.min() < 0:
        raise InputError(
            f"{name} has negative labels (lowest {found.min()}): 0 is background, objects count from 1."
        )
    return found


def drawn_labels(value, name: str = "labels", shape: tuple | None = None) -> np.ndarray:
    """A label image that can be drawn: 2D, and of the shape of its image."""
    found = label_image(value, name)
    if found.ndim != 2:
        raise InputError(
            f"{name} must be 2D (Y, X), but its shape is {found.shape}; show one plane, labels[z]."
        )
    if shape is not None and found.shape != tuple(shape):
        raise InputError(f"{name} has shape {found.shape}, but the image it belongs to has {tuple(shape)}.")
    return found


def numbered(value, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A label image with its objects numbered 1, 2, 3, … whatever their numbers were, and those numbers."""
    index, found = consecutive(label_image(value, name))
    return index, found[1:]


def consecutive(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Objects numbered 1, 2, 3, …, whatever their labels are.

    Whatever makes a list as long as the largest label (``np.bincount``, ``ndimage.find_objects``) should see
    these numbers: a label of 2³¹ costs 17 GB otherwise.

    Parameters
    ----------
    labels : array of int, none negative

    Returns
    -------
    numbered : ndarray of int, shape of `labels`
        Small enough an integer for every purpose: 0 for background, up to the number of objects.
    found : ndarray of int64
        ``found[numbered]`` is `labels`: 0 first, then the labels in order.
    """
    highest = int(labels.max(initial=0))
    if highest < max(2**16, 4 * labels.size):  # a table is faster than sorting
        occurs = np.zeros(highest + 1, bool)
        occurs[0] = True
        occurs[labels] = True
        return (np.cumsum(occurs) - 1)[labels], np.flatnonzero(occurs)
    found = np.unique(np.append(labels.ravel(), labels.dtype.type(0)))
    return np.searchsorted(found, labels), found.astype(np.int64)


def smallest(found: np.ndarray) -> type:
    """The integer type of a label image with these labels: int32, or int64 where that is too small."""
    return np.int32 if int(found.max(initial=0)) < 2**31 else np.int64


# ---------------------------------------------------------------- images

LEVELS = 256
"""So many intensities a tool must at least be able to tell apart, or rounding makes other objects."""


def drawn_image(value, name: str = "image") -> np.ndarray:
    """An image that can be drawn: (Y, X) or (Y, X, 3) without NaN; a channel of full opacity is left away."""
    found = pixels(value, name)
    if found.ndim == 3 and found.shape[-1] == 4 and opaque(found[..., 3]):
        found = found[..., :3]
    if found.ndim != 2 and not (found.ndim == 3 and found.shape[-1] == 3):
        wanted = f"{name} must be 2D (Y, X) or colour (Y, X, 3), but its shape is {found.shape}"
        raise InputError(f"{wanted}; {_remedy(found.shape, True)}")
    if not np.isfinite(found).all():
        raise InputError(
            f"{name} contains NaN or infinite values; "
            "find out where they come from, or replace them with np.nan_to_num(image)."
        )
    return found


def tool_image(value, tool: str, *, colour: bool = False) -> np.ndarray:
    """An image for a tool as float32: (Y, X), or with `colour` (Y, X, 3) as well."""
    found = pixels(value)
    if found.ndim != 2 and not (colour and found.ndim == 3 and found.shape[-1] == 3):
        shapes = "(Y, X) or (Y, X, 3)" if colour else "(Y, X)"
        wanted = f"{tool} needs one 2D image {shapes}; this one has the shape {found.shape}"
        raise InputError(f"{wanted}: {_remedy(found.shape, colour)}")
    with np.errstate(over="ignore"):
        single = found.astype(np.float32)
    if not np.isfinite(single).all():
        raise InputError(
            "The image contains NaN, infinity or values beyond 3e38; replace them first, for instance by "
            "numpy.nan_to_num."
        )
    low, high = float(found.min()), float(found.max())
    if 0 < high - low < LEVELS * np.spacing(np.abs(single).max()):
        raise InputError(
            f"The image has values from {low:.10g} to {high:.10g}, too close together for single precision, "
            "in which tools count: rescale it first, (image - image.min()) / np.ptp(image)."
        )
    return single


def not_to_nothing(shape: tuple, factor: float, what: str) -> None:
    """Refuse to shrink an image (Y, X) to less than one pixel, which `what` asks for: "diameter=3000"."""
    if min(shape) * factor < 1:
        raise InputError(
            f"{what} would shrink this image of {shape[0]} × {shape[1]} pixels to nothing: its shorter side "
            f"would be {min(shape) * factor:.2g} pixels."
        )


def scale(value, shape: tuple) -> None:
    """By how much an image (Y, X) is enlarged before it is segmented: a factor, "auto" or None."""
    if value is not None and not (isinstance(value, str) and value == "auto"):
        number(value, "scale", 0.05, 20, alternative="auto")
        not_to_nothing(shape, value, f"scale={value:g}")


def opaque(channel: np.ndarray) -> bool:
    """Whether a fourth channel only says that nothing is transparent: the highest value everywhere."""
    full = np.iinfo(channel.dtype).max if channel.dtype.kind in "iu" else 1
    return bool((channel == full).all())


def channels_last(shape: tuple) -> bool:
    """Whether the last of three axes looks like channels: 2, 4 or a few more, and shorter than the others."""
    return len(shape) == 3 and 2 <= shape[-1] <= 8 and shape[-1] < min(shape[:2])


def _remedy(shape: tuple, colour: bool) -> str:
    """What to take of an image with other axes than (Y, X), or with `colour` (Y, X, 3)."""
    if len(shape) != 3:
        return "choose two axes to look at, for example image[0]."
    if 1 in shape:
        return "remove the axis of length 1 with np.squeeze(image)."
    if shape[-1] == 4 and colour:
        either = "choose a channel, for example image[..., 0], or leave the fourth away, image[..., :3]"
        return f"{either}, if it is opacity."
    if shape[-1] == 3 or channels_last(shape):
        return "choose a channel, for example image[..., 0]."
    if shape[0] in (3, 4) and colour:
        return "move the channels to the end with np.moveaxis(image, 0, -1)."
    return "take one plane of the stack, image[z], or its projection, image.max(axis=0)."
