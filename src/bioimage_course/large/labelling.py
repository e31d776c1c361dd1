"""Label images in blocks: segment each block once, then put the objects together."""

import json
import shutil
import warnings
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bioimage_course import files, fingerprint
from bioimage_course.errors import InputError
from bioimage_course.large.grid import Block, Tiling, blocks, neighbours, own, radius, tiling
from bioimage_course.large.omezarr import add_levels, empty_labels
from bioimage_course.large.runs import agree, changing, each, label_array, native, note, noted, pixels, refuse

# What a damaged file raises.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Labelled:
    """What `label_image` did.

    Attributes
    ----------
    path : Path
        Where the label image is.
    objects, blocks : int
        How many there are.
    computed : int
        Blocks that were segmented now; the others were there from an earlier run.
    touching : int
        Objects that touch the rim of the halo.
    reach : int or None
        The halo that suffices for this image: as far as the method sees, and as far as the objects found
        reach from their centres. None if the method does not say how far it sees.
    exact : bool
        True: the method promises the objects of the whole image, and the halo suffices. False: blocks and
        whole can differ; say how well they agree.
    """

    path: Path
    objects: int
    blocks: int
    computed: int
    touching: int
    reach: int | None = None
    exact: bool = False


def label_image(
    image, segment, out, *, block: int = 1024, halo: int = 64, stride: int | None = None, client=None
) -> Labelled:
    """Segment a large image block by block; the label image becomes an OME-Zarr image, a pyramid.

    Parameters
    ----------
    image : large.Plane, zarr.Array or array (Y, X)
        Only crops of it are read. Of a `Plane` (see `open_image`) the labels take scale, units and place.
    segment : callable
        ``segment(crop) -> labels``: label image (int, same shape, 0 is background). With a `client` it must
        be importable by the workers, or a `functools.partial` of such a function.
    out : path
        Folder of the label image. It appears when it is complete. Beside it, in ``<out>.parts``, lie the
        finished blocks; they can be deleted once everything is done.
    block, halo : int
        Side of a block, width of its margin.
    stride : int, optional
        Crops start at multiples of it. Default: what `segment` asks for (see `tiling`). For a function of
        your own that runs a network which pools: the product of its poolings.
    client : dask.distributed.Client, optional
        Who computes; default: this process.

    Returns
    -------
    Labelled
        ``touching`` counts objects that touch the rim of the halo: if it is not 0, the halo is too small.

    Raises
    ------
    InputError
        If `segment` returns something else than labels, or the folder holds blocks of another image,
        function or setting. Images are compared by their pixels, or by the sizes and times of their files;
        functions by code, arguments and what they use from around them.

    Warns
    -----
    UserWarning
        If the halo is narrower than the method's reach, or its settings rule out the same objects. It is a
        warning and not a refusal: objects may still come out right, for what a method sees in theory it
        hardly uses at the rim, and a quick look with a narrow halo is a sensible thing to do.

    Notes
    -----
    What is guaranteed, for which method:

    - ``tools.stardist.segment`` and ``tools.unet.segment`` with ``limits=`` of the whole image and without
      ``scale``: the same objects as in one piece, with every halo of at least their reach. The reach is half
      the receptive field on its worst side (107 pixels for the course's networks) plus how far objects
      reach from their centre (StarDist's longest ray). Last digits depend on the shape of a crop, so that a
      pixel on an outline may flip once in a blue moon.
    - `bright_blobs` with a given threshold: the same, with a halo of the longest object plus four times the
      larger sigma, except where objects touch one another over more than the halo.
    - ``tools.cellpose``, ``tools.micro_sam``, networks with instance norm, and whatever takes limits,
      thresholds or sizes from the crop (``tools.voronoi_otsu``, ``tools.pixel_classifier``, ``scale``): no
      halo gives the same objects. Score the agreement with `metrics.average_precision`, and call it so.
    - Your own function: what it keeps. It must treat every crop alike.
    """
    out = Path(out).resolve()  # workers may have another working directory
    parts = out.with_name(out.name + ".parts")
    image, needs = pixels(image), tiling(segment)
    stride = needs.stride if stride is None else stride
    grid = blocks(image.shape, block, halo, stride)
    if needs.problem:
        warnings.warn(needs.problem, stacklevel=2)
    settings = {"shape": list(image.shape), "dtype": image.dtype.newbyteorder("=").str}
    if getattr(image, "index", ()):  # another channel of the same files is another image
        settings["plane"] = list(image.index)
    run = agree(parts, segment, "r*.npz", **settings, block=block, halo=halo, stride=stride)
    if (out.is_file() or (out.is_dir() and any(out.iterdir()))) and _made_by(out) != run:
        raise InputError(f"{out.name} was not made by this run: choose another place or delete it.")
    seen = fingerprint.stamp(image)
    if seen is None or seen != noted(parts).get("files"):
        there = {path.name for path in parts.glob("r*.npz")}
        each(_check_block, [b for b in grid if b.name in there], client, image=image, parts=parts, run=run)
    with changing(parts, segment):
        found = each(_segment_block, grid, client, image=image, segment=segment, parts=parts, run=run)
    note(parts, noted(parts) | {"files": seen})
    computed = sum(new for _, new in found)
    if computed or _made_by(out) != run:
        _write(out, parts, run, image, block, grid, [done for done, _ in found], computed, client)
    objects, touching = sum(part.objects for part, _ in found), sum(part.touching for part, _ in found)
    done = Labelled(out, objects, len(grid), computed, touching)
    return _promise(done, needs, stride, halo, max(part.radius for part, _ in found))


def _promise(done: Labelled, needs: Tiling, stride: int, halo: int, longest: int) -> Labelled:
    """Add what follows from the method, the halo and the objects found."""
    if needs.field is None:
        return done
    reach = needs.field + longest
    if halo < reach:
        warnings.warn(
            f"The halo ({halo}) is narrower than the reach of the method in this image ({reach}): objects "
            "near the borders between blocks may differ from those of the whole image.",
            stacklevel=3,
        )
    exact = needs.exact and halo >= reach and not stride % needs.stride
    return replace(done, reach=reach, exact=exact)


# ---------------------------------------------------------------- one block


@dataclass(frozen=True)
class Part:
    """What the file of a block says beside the labels."""

    objects: int
    touching: int
    radius: int
    run: str
    seen: str


def _stored(path: Path) -> Part | None:
    """What the file of a block says; None if it is not there, or damaged."""
    try:
        with np.load(path) as stored:
            return Part(*(stored[name].item() for name in Part.__dataclass_fields__))
    except UNREADABLE:
        return None


def _check_block(block: Block, image, parts: Path, run: str) -> None:
    """Refuse to go on if a block was made from other pixels."""
    stored = _stored(parts / block.name)
    if stored and stored.run == run and stored.seen != fingerprint.digest(native(image[block.crop])):
        refuse(parts, "image")


def _segment_block(block: Block, image, segment, parts: Path, run: str) -> tuple[Part, bool]:
    """Make the file of one block, unless it is there: (what it says, made now?)."""
    path = parts / block.name
    stored = _stored(path)
    if stored and stored.run != run:
        refuse(parts, "run")
    if stored:
        return stored, False
    crop = native(image[block.crop])
    seen = fingerprint.digest(crop)  # before: a careless function may write into it
    kept, touching = own(label_array(segment(crop), crop.shape), block, image.shape)
    objects = int(kept.max(initial=0))
    small = kept.astype(np.uint16 if objects < 2**16 else np.int32)
    part = Part(objects, touching, radius(kept), run, seen)
    files.save(path, lambda stream: np.savez_compressed(stream, labels=small, **vars(part)))
    return part, True


# ---------------------------------------------------------------- all together


def _write(out: Path, parts: Path, run: str, image, block: int, grid, found, computed: int, client) -> None:
    """Make the label image: beside the blocks first, and into its place when it is complete."""
    import zarr

    unfinished = parts / "unfinished.zarr"
    if computed or _made_by(unfinished) != run:  # nothing there, or of other blocks
        for mark in parts.glob("*.written"):
            mark.unlink()
        shutil.rmtree(unfinished, ignore_errors=True)
        empty_labels(unfinished, image, block)
        zarr.open_group(str(unfinished), mode="a").attrs["run"] = run
    counts = [part.objects for part in found]
    starts = (np.cumsum(counts) - counts).tolist()
    places = {b.index: b for b in grid}
    numbered = {b.index: pair for b, *pair in zip(grid, starts, counts, strict=True)}
    jobs = (_job(b, neighbours(b, places), numbered) for b in grid)
    each(_write_block, jobs, client, target=unfinished, parts=parts)
    add_levels(unfinished, labels=True, block=block)
    if out.exists():  # the label image of this run, or an empty folder
        shutil.rmtree(out)
    unfinished.rename(out)


def _job(block: Block, around, numbered) -> tuple:
    """A block and, of its neighbours, those with objects and their first number: as long for any grid."""
    known = [(other, *numbered[other.index]) for other in around]
    return block, [(other, start) for other, start, objects in known if objects]


def _made_by(folder: Path) -> str | None:
    """Name of the run that made a label image."""
    try:
        return json.loads((folder / "zarr.json").read_text(encoding="utf-8"))["attributes"]["run"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_block(job, target: Path, parts: Path) -> None:
    """Put together the labels of one core: its own objects and what reaches in from its neighbours."""
    import zarr

    block, sources = job
    done = (parts / block.name).with_suffix(".written")
    if done.exists():
        return
    if sources:  # a chunk without objects need not be written
        canvas = np.zeros([s.stop - s.start for s in block.core], np.int32)
        for other, start in sources:
            _paint(canvas, block, other, start, parts)
        zarr.open_array(str(target / "0"), mode="r+")[block.core] = canvas
    files.save(done, b"")


def _paint(canvas, block: Block, other: Block, start: int, parts: Path) -> None:
    """Add the part of another block's objects that lies in this block's core."""
    pairs = zip(block.core, other.crop, strict=True)
    shared = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in pairs]
    try:
        with np.load(parts / other.name) as stored:
            there = stored["labels"][_within(shared, other.crop)].astype(np.int32)
    except UNREADABLE as error:
        raise InputError(
            f"The file {other.name} of a finished block is damaged ({type(error).__name__}): delete it and "
            "call label_image again."
        ) from None
    here = canvas[_within(shared, block.core)]
    # With a sufficient halo no pixel is claimed twice; otherwise the first block of the grid wins.
    free = (here == 0) & (there > 0)
    here[free] = there[free] + start


def _within(places, window) -> tuple:
    return tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(places, window, strict=True))
