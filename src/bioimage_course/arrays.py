"""What every function makes of the arrays it is given: the one place for checks that all of them share.

Lists, NumPy arrays of any byte order and layout, dask and zarr arrays and PyTorch tensors become ordinary
NumPy arrays. What would be lost without a word, such as a mask, is refused with a sentence.
"""

from __future__ import annotations

import numpy as np

from bioimage_course.errors import InputError


def plain(value, name: str) -> np.ndarray:
    """An ordinary NumPy array in this machine's byte order.

    Parameters
    ----------
    value : array, tensor, list or number
        Memory is shared where nothing has to be changed.
    name : str
        What it is, for the sentence: "the image".

    Raises
    ------
    InputError
        If pixels of it are masked.
    TypeError, ValueError, …
        What NumPy says of ragged lists and the like.
    """
    if hasattr(value, "detach"):  # a tensor, perhaps on a GPU
        value = value.detach().cpu()
    array = np.asanyarray(value)
    parts = (
        value if isinstance(value, list | tuple) else [array]
    )  # NumPy drops the masks of what a list holds
    masked = [part for part in parts if isinstance(part, np.ma.MaskedArray)]
    if masked:
        if any(map(np.ma.is_masked, masked)):
            raise InputError(
                f"{name} has a mask, which would be ignored here: fill it, for example with .filled(0), or "
                "cut the masked part away"
            )
        array = np.ma.getdata(array)
    array = np.asarray(array)  # of a matrix or another kind of array
    if array.dtype.kind in "iufc" and not array.dtype.isnative:  # "|" of one byte counts as native
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def numbers(value, name: str) -> np.ndarray:
    """An array of finite real numbers with at least one element.

    Raises
    ------
    InputError
        If it is none.
    """
    out = _array(value, name)
    if out.dtype.kind not in "buif":
        raise InputError(f"{name} must hold real numbers, but its dtype is {out.dtype}")
    if out.dtype.kind == "f" and not np.isfinite(out).all():
        raise InputError(f"{name} has values that are NaN or infinite: replace or cut them out first")
    return out


def _array(value, name: str) -> np.ndarray:
    try:
        out = plain(value, name)
    except InputError:
        raise
    except Exception:  # ragged lists and the like
        kind = type(value).__name__
        raise InputError(f"{name} must be an array, and {kind} cannot be made into one") from None
    if out.size == 0:
        raise InputError(f"{name} has no pixels: its shape is {out.shape}")
    return out


def label_image(value, name: str = "the label image", ndim: int | None = None) -> np.ndarray:
    """A label image: whole numbers, none negative, of any size below 2⁶³.

    Parameters
    ----------
    value : array
    name : str
        For the sentence.
    ndim : int, optional
        Number of axes that it must have.

    Raises
    ------
    InputError
        If it is a mask, holds fractions or negative numbers, or has another number of axes.
    """
    out = _array(value, name)
    if out.dtype == bool:
        raise InputError(
            f"{name} is a mask of True and False, not a label image: "
            "number its objects first, for example with skimage.measure.label"
        )
    if out.dtype.kind not in "ui":
        raise InputError(
            f"{name} must be a label image of integers, but its dtype is {out.dtype}: "
            "if its values are whole numbers, convert it with .astype(int)"
        )
    if ndim is not None and out.ndim != ndim:
        raise InputError(f"{name} must have {ndim} axes, but its shape is {out.shape}")
    if out.dtype == np.uint64 and out.max() > np.iinfo(np.int64).max:
        raise InputError(f"{name} has labels above 2**63, which nothing needs: relabel it from 1")
    if out.dtype.kind == "i" and out.min() < 0:
        raise InputError(
            f"{name} has negative labels (lowest {out.min()}): 0 is background, objects count from 1"
        )
    return out


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
