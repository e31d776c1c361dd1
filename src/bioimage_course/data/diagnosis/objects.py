"""What several examinations ask about the same labels, found once: numbers, pieces, boxes, edges."""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np
from scipy import ndimage

from bioimage_course import arguments


class Objects:
    """The objects of one label image. Everything is computed when it is first asked for.

    Parameters
    ----------
    labels : array of int, none negative
    """

    def __init__(self, labels: np.ndarray):
        self.labels = labels

    @cached_property
    def _numbered(self) -> tuple[np.ndarray, np.ndarray]:
        index, numbers = arguments.consecutive(self.labels)
        return index.astype(np.int32), numbers  # half the memory of what counting gives

    @property
    def index(self) -> np.ndarray:
        """The objects numbered 1, 2, 3, …, whatever their labels are."""
        return self._numbered[0]

    @property
    def numbers(self) -> np.ndarray:
        """``numbers[index]`` is the labels: 0 first, whether it occurs or not."""
        return self._numbered[1]

    @cached_property
    def areas(self) -> np.ndarray:
        """Pixels of the background and of each object."""
        return np.bincount(self.index.ravel(), minlength=len(self.numbers))

    @cached_property
    def boxes(self) -> list[tuple[slice, ...]]:
        """Where each object lies; the first belongs to object 1."""
        return ndimage.find_objects(self.index, len(self.numbers) - 1)

    @cached_property
    def pieces(self) -> np.ndarray:
        """Connected pieces of one number, numbered 1, 2, 3, …; they touch across corners too."""
        from skimage.measure import label

        return label(self.index, connectivity=self.index.ndim)

    @cached_property
    def piece_areas(self) -> np.ndarray:
        """Pixels of the background and of each piece."""
        return np.bincount(self.pieces.ravel(), minlength=1)

    @cached_property
    def owners(self) -> np.ndarray:
        """The object that each piece belongs to."""
        owners = np.zeros(len(self.piece_areas), int)
        owners[self.pieces.ravel()] = self.index.ravel()
        return owners

    @cached_property
    def edges(self) -> np.ndarray:
        """Pixels with another number on some side."""
        return edges_of(self.labels)

    @cached_property
    def thick(self) -> np.ndarray:
        """Pixels that lie in some block of 2 × 2 (× 2) with one number."""
        return thick_of(self.labels)

    def mask(self, number: int) -> np.ndarray:
        """Object `number` alone, in its box."""
        return self.index[self.boxes[number - 1]] == number


def edges_of(labels: np.ndarray) -> np.ndarray:
    """Pixels with another number on some side."""
    found = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        first, second = _neighbours(labels.ndim, axis)
        different = labels[first] != labels[second]
        found[first] |= different
        found[second] |= different
    return found


def thick_of(labels: np.ndarray) -> np.ndarray:
    """Pixels that lie in some block of 2 × 2 (× 2) with one number; what leaves the image counts as equal."""
    lowest = highest = np.pad(labels, 1, mode="edge")
    for axis in range(labels.ndim):
        first, second = _neighbours(labels.ndim, axis)
        lowest = np.minimum(lowest[first], lowest[second])
        highest = np.maximum(highest[first], highest[second])
    found = lowest == highest  # of every block
    for axis in range(labels.ndim):
        first, second = _neighbours(labels.ndim, axis)
        found = found[first] | found[second]
    return found


def between(labels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Pixels, of those at `where`, with a number strictly between the lowest and the highest around them."""
    found = np.zeros(labels.shape, bool)
    places = np.nonzero(where)
    around = np.pad(labels, 1, mode="edge")
    values = [
        around[tuple(p + s for p, s in zip(places, step, strict=True))]
        for step in itertools.product(range(3), repeat=labels.ndim)
    ]
    own = labels[places]
    found[places] = (np.min(values, 0) < own) & (own < np.max(values, 0))
    return found


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask and what lies within so many steps to a side of it."""
    found = mask.copy()
    for _ in range(pixels):
        before = found.copy()
        for axis in range(mask.ndim):
            first, second = _neighbours(mask.ndim, axis)
            found[first] |= before[second]
            found[second] |= before[first]
    return found


def _neighbours(ndim: int, axis: int):
    """Two indices: all but the last, and all but the first, along one axis."""
    whole = [slice(None)] * ndim
    first, second = list(whole), list(whole)
    first[axis], second[axis] = slice(None, -1), slice(1, None)
    return tuple(first), tuple(second)
