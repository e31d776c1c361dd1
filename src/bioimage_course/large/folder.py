"""A folder of images: each is segmented once, and a broken one does not stop the others."""

import json
from pathlib import Path

import numpy as np

from bioimage_course import arguments, files
from bioimage_course.errors import InputError
from bioimage_course.large.runs import agree, changing, each, label_array, native, refuse

SUFFIXES = (".tif", ".tiff", ".png")


def label_folder(folder, segment, out, *, client=None, share: tuple[int, int] | None = None) -> list[dict]:
    """Segment every TIFF and PNG image of a folder; one label image (TIFF) each.

    Images that have their labels already are left alone. An image that cannot be read or segmented does not
    stop the others: its row says why.

    Parameters
    ----------
    folder : path
    segment : callable
        As in `label_image`; it gets the whole image.
    out : path
        Folder for the label images, ``<name>_labels.tif``, and ``summary.csv``; not the folder of the images.
        Labels keep their numbers; if one is above 2³¹ − 1, all are numbered anew from 1.
    client : dask.distributed.Client, optional
    share : (int, int), optional
        Number of this job, from 0, and how many jobs there are: for a job array of a cluster, whose jobs
        work side by side in the same folders. Every job takes another share of the images, and together they
        take all. ``summary.csv`` is written by a call without `share` from the same script, once they have
        finished: it computes what is still missing, usually nothing.

    Returns
    -------
    list of dict
        One an image of the share, by name: ``image``, ``objects`` (None if it failed), ``problem`` ("" if
        none).

    Raises
    ------
    InputError
        If the share is none, there are no images, two of them would get the same label file, `out` is the
        folder itself, or `out` holds labels of another function, of other images, or of an image that has
        changed since.
    """
    import csv
    import io

    job, jobs = _share(share)
    folder, out = Path(folder).resolve(), Path(out).resolve()
    if out == folder or (out.exists() and folder.exists() and out.samefile(folder)):
        raise InputError("The label images need a folder of their own: choose another one than the images'.")
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not found:
        raise InputError(f"There is no image ({', '.join(SUFFIXES)}) in the folder {folder.name}.")
    stems = [p.stem.casefold() for p in found]  # some file systems do not tell capitals from small letters
    twice = [p.stem for p in found if stems.count(p.stem.casefold()) > 1]
    if twice:
        raise InputError(f"Several images are called {twice[0]}: their label images would overwrite another.")
    run = agree(out, segment, "*_labels.tif")
    targets = {_target(path, out).name for path in found}
    strangers = sorted(p.name for p in out.glob("*_labels.tif") if p.name not in targets)
    if strangers:
        refuse(out, f"{strangers[0]} belongs to no image of {folder.name}")
    found = found[job::jobs]
    each(_check_file, found, client, out=out, run=run)
    with changing(out, segment):
        rows = each(_segment_file, found, client, segment=segment, out=out, run=run)
    if share is not None:
        return rows
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["image", "objects", "problem"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.save(out / "summary.csv", text.getvalue())
    return rows


def _share(share) -> tuple[int, int]:
    if share is None:
        return 0, 1
    job, jobs = share
    jobs = arguments.whole(jobs, "the number of jobs", 1)
    return arguments.whole(job, "the number of this job", 0, jobs - 1), jobs


def _target(path: Path, out: Path) -> Path:
    return out / f"{path.stem}_labels.tif"


def _record(path: Path, run: str) -> dict:
    """What a label file says about its origin: the run, and the sha256 of the image's file."""
    return {"run": run, "sha256": files.sha256(path)}


def _check_file(path: Path, out: Path, run: str) -> None:
    """Refuse to go on if there are labels that were not made by this run from this very image."""
    import tifffile

    target = _target(path, out)
    if not target.exists():
        return
    try:
        with tifffile.TiffFile(target) as stored:
            record = json.loads(stored.pages.first.description)
    except Exception:  # damaged, or made by another program
        record = None
    if record != _record(path, run):
        refuse(out, f"the image of {target.name}")


def _segment_file(path: Path, segment, out: Path, run: str) -> dict:
    import tifffile
    from skimage.io import imread

    target = _target(path, out)
    try:
        if not target.exists():
            record = json.dumps(_record(path, run))
            image = native(imread(path))
            labels = _small(label_array(segment(image), image.shape[:2]))
            options = {"compression": "zlib", "description": record, "metadata": None}
            files.save(target, lambda stream: tifffile.imwrite(stream, labels, **options))
        labels = tifffile.imread(target)
        return {"image": path.name, "objects": int(np.unique(labels[labels > 0]).size), "problem": ""}
    except Exception as error:  # whatever is wrong with one image, the others go on
        return {"image": path.name, "objects": None, "problem": f"{type(error).__name__}: {error}"[:200]}


def _small(labels) -> np.ndarray:
    """As int32; numbered anew if a number is too large for that."""
    if labels.max(initial=0) > np.iinfo(np.int32).max:
        labels, _ = arguments.consecutive(labels)
    return labels.astype(np.int32)
