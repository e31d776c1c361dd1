"""The grid: blocks with their halo, what a method needs of it, and which block an object belongs to."""

import dis
import functools
import inspect
import math
import types
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


@dataclass(frozen=True)
class Block:
    """One block: its place in the grid, its own pixels (`core`), and those with the halo (`crop`)."""

    index: tuple[int, int]
    core: tuple[slice, slice]
    crop: tuple[slice, slice]

    @property
    def name(self) -> str:
        """Name of the file that keeps its result."""
        return "r{:04d}-c{:04d}.npz".format(*self.index)


def blocks(shape, block: int, halo: int, stride: int = 1) -> list[Block]:
    """Divide an image into blocks with a halo.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    block : int
        Side of a block in pixels. Blocks at the lower and right border may be smaller.
    halo : int
        Width of the margin in pixels, at most `block`. It ends at the image's border.
    stride : int
        Crops start at multiples of it: the halo is up to ``stride - 1`` pixels wider above and to the left.
        A network that pools needs this, because its answer depends on where the grid of poolings begins.

    Returns
    -------
    list of Block
        Row by row. The cores cover every pixel exactly once.

    Raises
    ------
    InputError
        If a number is not whole or out of range.

    Examples
    --------
    >>> [b.crop[1] for b in blocks((100, 250), 100, 10)]
    [slice(0, 110, None), slice(90, 210, None), slice(190, 250, None)]
    >>> [b.crop[1] for b in blocks((100, 250), 100, 10, stride=16)]
    [slice(0, 110, None), slice(80, 210, None), slice(176, 250, None)]
    """
    block, halo = arguments.whole(block, "block", 1), arguments.whole(halo, "halo", 0)
    stride = arguments.whole(stride, "stride", 1)
    if halo > block:
        raise InputError(f"The halo ({halo}) must not be wider than a block ({block}): choose larger blocks.")
    if len(shape) != 2:
        raise InputError(f"An image of rows and columns is needed; this one has {len(shape)} axes.")

    def pieces(length):
        for start in range(0, length, block):
            first = max(start - halo, 0) // stride * stride
            core = slice(start, min(start + block, length))
            yield core, slice(first, min(start + block + halo, length))

    return [
        Block((i, j), (rows, columns), (wide_rows, wide_columns))
        for i, (rows, wide_rows) in enumerate(pieces(shape[0]))
        for j, (columns, wide_columns) in enumerate(pieces(shape[1]))
    ]


def neighbours(block: Block, grid: dict[tuple[int, int], Block]) -> list[Block]:
    """The blocks whose crops reach into a block's core, itself included, in the order of the grid.

    Parameters
    ----------
    block : Block
    grid : dict
        All blocks by their index.

    Returns
    -------
    list of Block
        Found by their place in the grid: it takes the same time whatever the number of blocks.
    """
    spans = []
    for axis in (0, 1):
        here, span = block.index[axis], [block.index[axis]]
        for step in (-1, 1):
            place = here + step
            while (other := grid.get(_moved(block.index, axis, place))) and _meet(block, other, axis):
                span.append(place)
                place += step
        spans.append(sorted(span))
    return [grid[row, column] for row in spans[0] for column in spans[1]]


def _moved(index, axis, place) -> tuple[int, int]:
    return (place, index[1]) if axis == 0 else (index[0], place)


def _meet(block, other, axis) -> bool:
    return other.crop[axis].start < block.core[axis].stop and other.crop[axis].stop > block.core[axis].start


# ---------------------------------------------------------------- what a method needs


@dataclass(frozen=True)
class Tiling:
    """What a method needs so that blocks give the same objects as the whole image.

    A function says so by its attribute ``tiling``: a `Tiling`, or a function that gets the settings of the
    method by name and returns one.

    Attributes
    ----------
    stride : int
        Crops must start at multiples of it: for a network that pools, the product of its poolings.
    field : int or None
        How many pixels away, along a row or a column, something may still change a pixel's answer: on the
        worst side, at the worst place of the pooling grid. None: there is no such limit, or none is known.
    radius : int
        How far objects reach from their centre, along a row or a column: the largest of the images that the
        method was made for.
    exact : bool
        With crops on the stride and a halo of at least `reach` the objects are those of the whole image.
        False: blocks and whole can only be scored for their agreement.
    problem : str
        What in the settings prevents the same objects, in a sentence; "" if nothing does.
    """

    stride: int = 1
    field: int | None = None
    radius: int = 0
    exact: bool = False
    problem: str = ""

    @property
    def reach(self) -> int | None:
        """The halo that suffices: `field` plus `radius`."""
        return None if self.field is None else self.field + self.radius


def tiling(segment: Callable) -> Tiling:
    """Ask a method what it needs to be run in blocks.

    Parameters
    ----------
    segment : callable
        The ``segment`` of one of the `tools`, a ``functools.partial`` of it, or a function of your own.

    Returns
    -------
    Tiling
        For a function of your own that calls one of the `tools` by name: the stride and the field of that
        tool with its usual model; what else the function does is not known, so nothing is promised. Stride 1
        and no field for any other function.

    Examples
    --------
    >>> from bioimage_course import tools
    >>> wanted = tiling(functools.partial(tools.unet.segment, limits=(0, 1)))
    >>> wanted.stride, wanted.exact
    (16, True)
    """
    settings = {}
    while isinstance(segment, functools.partial):
        settings, segment = segment.keywords | settings, segment.func
    declared = getattr(segment, "tiling", None)
    if callable(declared):
        return declared(**settings)
    return declared if isinstance(declared, Tiling) else _of_what_it_calls(segment, set())


def _of_what_it_calls(function, seen) -> Tiling:
    """Stride and field of the tools that a function calls by name; nothing if it calls none."""
    found = []
    for called in _called(function) if isinstance(function, types.FunctionType) else ():
        if id(called) in seen:
            continue
        seen.add(id(called))
        inner = called
        while isinstance(inner, functools.partial):
            inner = inner.func
        found.append(tiling(called) if hasattr(inner, "tiling") else _of_what_it_calls(inner, seen))
    fields = [told.field for told in found if told.field is not None]
    stride = math.lcm(*(told.stride for told in found))
    radius = max((told.radius for told in found), default=0)
    return Tiling(stride, max(fields, default=None), radius)


def _called(function):
    """What a function looks up by name around itself, such as ``tools.unet.segment``."""
    around = inspect.getclosurevars(function)
    names = around.globals | around.nonlocals
    thing = None
    for step in dis.get_instructions(function.__code__):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            thing = names.get(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(thing, types.ModuleType):
            thing = getattr(thing, step.argval, None)
        elif step.opname not in ("PUSH_NULL", "CACHE"):
            thing = None
        if isinstance(thing, types.FunctionType | functools.partial):
            yield thing


# ---------------------------------------------------------------- whose is an object?


def own(labels, block: Block, shape) -> tuple[np.ndarray, int]:
    """Of the objects in a crop, keep those whose centre lies in the block's core.

    The centre is the centroid, rounded down to a pixel, in whole-number arithmetic: two blocks that see the
    same object always agree about it.

    Parameters
    ----------
    labels : array of int
        Label image of the crop.
    block : Block
    shape : (int, int)
        Shape of the whole image.

    Returns
    -------
    labels : array of int32
        The kept objects, numbered from 1 in the order of their old numbers.
    touching : int
        How many of them touch the rim of the halo, so that a part of them may be missing.
    """
    rows, columns = np.nonzero(labels)
    if not rows.size:
        return np.zeros(labels.shape, np.int32), 0
    numbers, inverse = np.unique(labels[rows, columns], return_inverse=True)
    area = np.bincount(inverse)
    mine, rim = np.ones(len(numbers), bool), np.zeros(len(numbers), bool)
    for axis, places in enumerate((rows, columns)):
        core, crop = block.core[axis], block.crop[axis]
        centre = np.bincount(inverse, places).astype(np.int64) // area
        mine &= (centre + crop.start >= core.start) & (centre + crop.start < core.stop)
        for edge, at_border in ((0, crop.start == 0), (labels.shape[axis] - 1, crop.stop == shape[axis])):
            if not at_border:
                rim[inverse[places == edge]] = True
    new = np.cumsum(mine) * mine
    kept = np.zeros(labels.shape, np.int32)
    kept[rows, columns] = new[inverse]
    return kept, int(np.count_nonzero(mine & rim))


def radius(labels) -> int:
    """How far an object reaches from its centre at most, along a row or a column, in pixels.

    Parameters
    ----------
    labels : array of int (Y, X)
        Objects numbered from 1.

    Returns
    -------
    int
        0 without objects.
    """
    places = np.nonzero(labels)
    number = labels[places]
    area = np.maximum(np.bincount(number), 1)
    centres = (np.bincount(number, p).astype(np.int64) // area for p in places)
    return max(int(np.abs(p - c[number]).max(initial=0)) for p, c in zip(places, centres, strict=True))
