"""Segment what is too large for the memory, block by block and without seams; or a folder, image by image.

The recipe of `label_image`:

1. The image is divided into blocks. Each is segmented together with a margin of its surroundings, the halo.
2. An object belongs to the block in which its centre lies. Each block keeps its own objects, whole, also
   where they reach over its border, and drops the others: a neighbour has them.
3. Objects get numbers that are unique in the whole image: block after block, counted on.

With a halo of at least *the longest object plus the reach of the method* the result is the same as in one
piece: every block sees its objects whole, and what is cut off at the rim of the halo has its centre
elsewhere. The method must treat every block alike: thresholds and normalisation are computed once, for the
whole image (`histogram`, `percentiles`, `otsu`).

Every finished block is a file, written whole or not at all. So a worker may die and a run may be stopped:
what is there is not computed again. The same lines run in one process, on the cores of one computer
(``dask.distributed``) or on a cluster (``dask-jobqueue``); only the `client` differs.
"""

from __future__ import annotations

import functools
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bioimage_course.errors import InputError

SUFFIXES = (".tif", ".tiff", ".png")


# ---------------------------------------------------------------- blocks


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


def blocks(shape, block: int, halo: int) -> list[Block]:
    """Divide an image into blocks with a halo.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    block : int
        Side of a block in pixels. Blocks at the lower and right border may be smaller.
    halo : int
        Width of the margin in pixels, at most `block`. It ends at the image's border.

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
    """
    block, halo = _whole(block, "block", 1), _whole(halo, "halo", 0)
    if halo > block:
        raise InputError(f"The halo ({halo}) must not be wider than a block ({block}): choose larger blocks.")
    if len(shape) != 2:
        raise InputError(f"An image of rows and columns is needed; this one has {len(shape)} axes.")

    def pieces(length):
        return [
            (slice(a, min(a + block, length)), slice(max(a - halo, 0), min(a + block + halo, length)))
            for a in range(0, length, block)
        ]

    return [
        Block((i, j), (rows, columns), (wide_rows, wide_columns))
        for i, (rows, wide_rows) in enumerate(pieces(shape[0]))
        for j, (columns, wide_columns) in enumerate(pieces(shape[1]))
    ]


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
    mine = np.ones(len(numbers), bool)
    for axis, places in enumerate((rows, columns)):
        start = block.crop[axis].start
        centre = np.bincount(inverse, places).astype(np.int64) // area + start
        mine &= (centre >= block.core[axis].start) & (centre < block.core[axis].stop)
    rim = np.zeros(len(numbers), bool)
    for axis, places in enumerate((rows, columns)):
        crop = block.crop[axis]
        for edge, at_border in ((0, crop.start == 0), (labels.shape[axis] - 1, crop.stop == shape[axis])):
            if not at_border:
                rim[inverse[places == edge]] = True
    new = np.cumsum(mine) * mine
    kept = np.zeros(labels.shape, np.int32)
    kept[rows, columns] = new[inverse]
    return kept, int(np.count_nonzero(mine & rim))


# ---------------------------------------------------------------- one scale for the whole image


def histogram(image, *, block: int = 2048, client=None) -> np.ndarray:
    """Count how often each grey value occurs, block by block.

    From the counts follow percentiles and thresholds of the *whole* image, exactly, with little memory.

    Parameters
    ----------
    image : array or zarr.Array (Y, X) of uint8 or uint16
    block : int
        Side of the pieces that are read.
    client : dask.distributed.Client, optional
        Who counts; default: this process.

    Returns
    -------
    array of int64
        256 or 65536 counts.

    Raises
    ------
    InputError
        If the image has another data type or more than two axes.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"Grey values are counted in images of uint8 or uint16; this one has {image.dtype}. "
            "Choose limits yourself, or convert the image."
        )
    parts = _each(_count, blocks(image.shape, block, 0), client, image=image)
    return functools.reduce(np.add, parts, np.zeros(np.iinfo(image.dtype).max + 1, np.int64))


def _count(block: Block, image) -> np.ndarray:
    part = np.asarray(image[block.core])
    return np.bincount(part.ravel(), minlength=np.iinfo(part.dtype).max + 1)


def percentiles(counts, wanted=(1, 99.8)) -> tuple[float, ...]:
    """Percentiles of an image from its histogram; the same numbers as `numpy.percentile` of the image.

    Parameters
    ----------
    counts : array of int
        How often each grey value 0, 1, 2, … occurs.
    wanted : sequence of float
        Percentiles, 0 to 100.

    Returns
    -------
    tuple of float
    """
    cumulative = np.cumsum(counts)
    if not cumulative[-1]:
        raise InputError("The histogram is empty: there is no pixel to take percentiles of.")
    place = np.asarray(wanted, float) / 100 * (cumulative[-1] - 1)
    below, above = (np.searchsorted(cumulative, part(place), side="right") for part in (np.floor, np.ceil))
    return tuple(float(v) for v in below + (above - below) * (place % 1))


def otsu(counts) -> float:
    """Otsu's threshold of an image from its histogram.

    References
    ----------
    Otsu 1979, doi:10.1109/TSMC.1979.4310076; computed by `skimage.filters.threshold_otsu`.
    """
    from skimage.filters import threshold_otsu

    occurring = np.flatnonzero(counts)
    if occurring.size < 2:
        raise InputError("The image has a single grey value: there is nothing to separate.")
    values = np.arange(occurring[0], occurring[-1] + 1)
    return float(threshold_otsu(hist=(np.asarray(counts)[values], values)))


# ---------------------------------------------------------------- a cheap method to segment with


def bright_blobs(image, threshold: float, *, spot_sigma: float = 3.0, outline_sigma: float = 1.0):
    """Separate bright, roundish objects: blur, threshold, and a watershed from the maxima.

    A classical method, cheap enough for very large images. The threshold is *given*, so that all blocks share
    it. Its reach is four times the larger sigma: beyond that no pixel has any influence, except along objects
    that touch one another.

    Parameters
    ----------
    image : array (Y, X)
    threshold : float
        Grey value that separates objects from background, for example from `otsu`.
    spot_sigma, outline_sigma : float
        Blur in pixels before maxima are looked for, and before the threshold.

    Returns
    -------
    labels : array of int32 (Y, X)
    """
    from scipy.ndimage import gaussian_filter, label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    image = np.asarray(image, np.float32)
    mask = gaussian_filter(image, outline_sigma) > threshold
    # Whole numbers, so that a flat top is a single maximum.
    landscape = np.rint(gaussian_filter(image, spot_sigma) * 256).astype(np.int32)
    seeds, _ = label(local_maxima(landscape) & mask, np.ones((3, 3)))
    return watershed(-landscape, seeds, mask=mask).astype(np.int32)


# ---------------------------------------------------------------- OME-Zarr


def create(path, shape, dtype, *, block: int = 1024, pixel_size: float | None = None, name: str = "image"):
    """Make an empty OME-Zarr image of one resolution level, ready to be filled block by block.

    Parameters
    ----------
    path : path
        Folder to be made, usually ``something.ome.zarr``.
    shape : (int, int)
        Rows and columns.
    dtype : numpy dtype
    block : int
        Side of a chunk. Different chunks can be written at the same time.
    pixel_size : float, optional
        In micrometres.
    name : str

    Returns
    -------
    zarr.Array
    """
    import zarr
    from ome_zarr.format import FormatV05
    from ome_zarr.writer import write_multiscales_metadata

    block = _whole(block, "block", 1)
    group = zarr.open_group(str(path), mode="a", zarr_format=3)
    chunks = tuple(min(block, n) for n in shape)
    array = group.create_array("0", shape=tuple(shape), chunks=chunks, dtype=dtype, overwrite=True)
    unit = {"unit": "micrometer"} if pixel_size else {}
    write_multiscales_metadata(
        group,
        [
            {
                "path": "0",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [float(pixel_size or 1)] * len(shape)}
                ],
            }
        ],
        fmt=FormatV05(),
        axes=[{"name": axis, "type": "space", **unit} for axis in "yx"],
        name=name,
    )
    return array


def open_image(path):
    """The full resolution of an OME-Zarr image; nothing is read before it is sliced.

    Parameters
    ----------
    path : path
        Folder of the OME-Zarr image.

    Returns
    -------
    zarr.Array

    Raises
    ------
    InputError
        If there is no OME-Zarr image.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        attributes = group.attrs.asdict()
        levels = attributes.get("ome", attributes)["multiscales"][0]["datasets"]  # 0.5 and 0.4
        return group[levels[0]["path"]]
    except (FileNotFoundError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{Path(path).name} is no OME-Zarr image ({type(error).__name__}).") from None


# ---------------------------------------------------------------- label images in blocks


@dataclass(frozen=True)
class Labelled:
    """What `label_image` did: where the labels are, how many objects and blocks, how many computed anew."""

    path: Path
    objects: int
    blocks: int
    computed: int
    touching: int


def label_image(image, segment, out, *, block: int = 1024, halo: int = 64, client=None) -> Labelled:
    """Segment a large image block by block; the label image becomes an OME-Zarr image.

    Parameters
    ----------
    image : zarr.Array or array (Y, X)
        Only crops of it are read.
    segment : callable
        ``segment(crop) -> labels``: label image (int, same shape, 0 is background). With a `client` it must
        be importable by the workers, or a `functools.partial` of such a function.
    out : path
        Folder of the label image. Beside it, in ``<out>.parts``, lie the finished blocks; they can be
        deleted once everything is done.
    block, halo : int
        Side of a block, width of its margin. The halo should be at least the longest object plus the reach
        of the method.
    client : dask.distributed.Client, optional
        Who computes; default: this process.

    Returns
    -------
    Labelled
        ``touching`` counts objects that touch the rim of the halo: if it is not 0, the halo is too small.

    Raises
    ------
    InputError
        If `segment` returns something else than labels, or the folder holds blocks of another run.
    """
    out = Path(out).resolve()  # workers may have another working directory
    parts = out.with_name(out.name + ".parts")
    plan = {
        "shape": list(image.shape),
        "image": str(getattr(image, "store_path", "in memory")),
        "block": block,
        "halo": halo,
        "segment": _describe(segment),
    }
    todo = blocks(image.shape, block, halo)
    _agree(parts, plan)
    settings = {"image": image, "segment": segment, "parts": parts}
    found = _each(_segment_block, todo, client, **settings)
    ends = np.cumsum([n for n, _, _ in found])
    starts = {b.index: int(end - n) for b, end, (n, _, _) in zip(todo, ends, found, strict=True)}
    if not (out / "zarr.json").exists():
        for mark in parts.glob("*.written"):  # somebody has deleted the label image
            mark.unlink()
        create(out, image.shape, np.int32, block=block, name="labels")
    _each(_write_block, todo, client, out=out, parts=parts, starts=starts)
    return Labelled(
        out, int(ends[-1]), len(todo), sum(new for _, _, new in found), sum(t for _, t, _ in found)
    )


def _segment_block(block: Block, image, segment, parts: Path) -> tuple[int, int, bool]:
    """Make the file of one block, unless it is there: (objects, of those touching the rim, computed now?)."""
    path = parts / block.name
    if path.exists():
        with np.load(path) as stored:
            return int(stored["objects"]), int(stored["touching"]), False
    crop = np.asarray(image[block.crop])
    kept, touching = own(_labels(segment(crop), crop.shape), block, image.shape)
    objects = int(kept.max(initial=0))
    small = kept.astype(np.uint16 if objects < 2**16 else np.int32)
    save(path, lambda stream: np.savez_compressed(stream, labels=small, objects=objects, touching=touching))
    return objects, touching, True


def _write_block(block: Block, out: Path, parts: Path, starts: dict) -> None:
    """Put together the labels of one core: its own objects and what reaches in from the eight neighbours."""
    import zarr

    done = (parts / block.name).with_suffix(".written")
    if done.exists():
        return
    canvas = np.zeros([s.stop - s.start for s in block.core], np.int32)
    target = zarr.open_group(str(out), mode="a")["0"]
    # All blocks of the grid, to know the neighbours' crops; a few hundred slices cost nothing.
    halo, side = _plan(parts)["halo"], _plan(parts)["block"]
    for other in blocks(target.shape, side, halo):
        if max(abs(a - b) for a, b in zip(other.index, block.index, strict=True)) > 1:
            continue
        shared = [
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(block.core, other.crop, strict=True)
        ]
        if any(s.start >= s.stop for s in shared):
            continue
        with np.load(parts / other.name) as stored:
            there = stored["labels"][
                tuple(
                    slice(s.start - c.start, s.stop - c.start)
                    for s, c in zip(shared, other.crop, strict=True)
                )
            ].astype(np.int32)
        here = canvas[
            tuple(slice(s.start - c.start, s.stop - c.start) for s, c in zip(shared, block.core, strict=True))
        ]
        # With a sufficient halo no pixel is claimed twice; otherwise the first block of the grid wins.
        free = (here == 0) & (there > 0)
        here[free] = there[free] + starts[other.index]
    target[block.core] = canvas
    save(done, lambda stream: None)


def _labels(labels, shape) -> np.ndarray:
    array = np.asarray(labels)
    if array.shape != tuple(shape) or array.dtype.kind not in "iu":
        raise InputError(
            f"segment must return a label image, integers of shape {tuple(shape)}; it returned "
            f"{array.dtype} of shape {array.shape}."
        )
    return array


# ---------------------------------------------------------------- a folder of images


def label_folder(folder, segment, out, *, client=None) -> list[dict]:
    """Segment every TIFF and PNG image of a folder; one label image (TIFF) each.

    Images that have their labels already are left alone. An image that cannot be read or segmented does not
    stop the others: its row says why.

    Parameters
    ----------
    folder : path
    segment : callable
        As in `label_image`; it gets the whole image.
    out : path
        Folder for the label images, ``<name>_labels.tif``, and ``summary.csv``.
    client : dask.distributed.Client, optional

    Returns
    -------
    list of dict
        One an image, by name: ``image``, ``objects`` (None if it failed), ``problem`` ("" if none).

    Raises
    ------
    InputError
        If there are no images, two of them would get the same label file, or `out` holds another run.
    """
    import csv
    import io

    folder, out = Path(folder).resolve(), Path(out).resolve()
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not files:
        raise InputError(f"There is no image ({', '.join(SUFFIXES)}) in the folder {folder.name}.")
    stems = [p.stem for p in files]
    twice = sorted({s for s in stems if stems.count(s) > 1})
    if twice:
        raise InputError(f"Several images are called {twice[0]}: their label images would overwrite another.")
    _agree(out, {"segment": _describe(segment)})
    rows = _each(_segment_file, files, client, segment=segment, out=out)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["image", "objects", "problem"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    save(out / "summary.csv", lambda stream: stream.write(text.getvalue().encode()))
    return rows


def _segment_file(path: Path, segment, out: Path) -> dict:
    import tifffile
    from skimage.io import imread

    target = out / f"{path.stem}_labels.tif"
    try:
        if not target.exists():
            image = imread(path)
            labels = _labels(segment(image), image.shape[:2]).astype(np.int32)
            save(target, lambda stream: tifffile.imwrite(stream, labels, compression="zlib"))
        labels = tifffile.imread(target)
        return {"image": path.name, "objects": int(np.unique(labels[labels > 0]).size), "problem": ""}
    except Exception as error:  # whatever is wrong with one image, the others go on
        return {"image": path.name, "objects": None, "problem": f"{type(error).__name__}: {error}"[:200]}


# ---------------------------------------------------------------- files and workers


def save(path, write) -> None:
    """Write a file whole or not at all: under another name first, then renamed.

    Parameters
    ----------
    path : path
    write : callable
        Gets the open binary file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        with open(temporary, "wb") as stream:
            write(stream)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _plan(folder: Path) -> dict:
    return json.loads((folder / "plan.json").read_text(encoding="utf-8"))


def _agree(folder: Path, plan: dict) -> None:
    """Note the plan in the folder; refuse to go on with the blocks of another one."""
    if (folder / "plan.json").exists():
        old = _plan(folder)
        other = [key for key in plan if old.get(key) != plan[key]]
        if other:
            raise InputError(
                f"The folder {folder.name} holds results of another run (different: {', '.join(other)}); "
                "choose another place or delete it."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.unfinished"):  # of a process that was killed while it wrote
        left.unlink(missing_ok=True)
    save(folder / "plan.json", lambda stream: stream.write(json.dumps(plan, indent=1).encode()))


def _describe(function) -> str:
    """A function and its settings in words: what has to be the same for results to be put together."""
    if isinstance(function, functools.partial):
        settings = [repr(a) for a in function.args] + [f"{k}={v!r}" for k, v in function.keywords.items()]
        return f"{_describe(function.func)}({', '.join(settings)})"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _each(function, jobs, client, **settings) -> list:
    """function(job, **settings) for each job, here or by the workers of a Dask client, in the jobs' order."""
    # Bound to the function: what `map` is given as an argument becomes a task of its own if it is large, and
    # distributed 2026.8 stumbles over that.
    task = functools.partial(function, **settings)
    if client is None:
        return [task(job) for job in jobs]
    futures = client.map(task, jobs, pure=False)
    try:
        return client.gather(futures)
    finally:
        client.cancel(futures)  # of no use any more; after an error this also stops the rest


def _whole(value, name: str, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise InputError(f"{name} must be a whole number of at least {low}, not {value!r}.")
    return int(value)


# ---------------------------------------------------------------- comparing


def identical(first, second) -> int:
    """How many objects two label images have in common, pixel by pixel; their numbers may differ.

    Parameters
    ----------
    first, second : array of int, same shape
        0 is background.

    Returns
    -------
    int
    """
    first, second = np.asarray(first).ravel(), np.asarray(second).ravel()
    if first.shape != second.shape:
        raise InputError(f"The label images have different sizes: {first.size} and {second.size} pixels.")
    together, shared = np.unique(
        np.stack([first, second], axis=1)[(first > 0) & (second > 0)], axis=0, return_counts=True
    )
    areas, others = np.bincount(first), np.bincount(second)
    return int(np.count_nonzero((areas[together[:, 0]] == shared) & (others[together[:, 1]] == shared)))


def longest(labels) -> int:
    """Length of the longest object: the larger side of its bounding box, in pixels; 0 without objects.

    Parameters
    ----------
    labels : array of int (Y, X)
    """
    from scipy.ndimage import find_objects

    boxes = [box for box in find_objects(np.asarray(labels)) if box]
    return max((side.stop - side.start for box in boxes for side in box), default=0)


def results() -> dict:
    """What ``training/large_image.py`` measured: 16,384 × 16,384 pixels, workers, a killed one, halos.

    Returns
    -------
    dict
    """
    path = Path(__file__).parents[1] / "weights" / "large-image" / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))
