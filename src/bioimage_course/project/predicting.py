"""From a folder of images to labels, overlays, one table of measurements and a paragraph on how."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from bioimage_course import arguments, data, files
from bioimage_course.data.opening import NO_PIXEL_SIZE
from bioimage_course.errors import CourseError, InputError, first_line
from bioimage_course.large import runs
from bioimage_course.project import chosen, scale
from bioimage_course.project.folder import OwnProject, stem_of
from bioimage_course.project.tables import write_table

LONGEST = 1024
"""Side of an overlay in pixels; larger images are thinned out for it."""

OUTLINES = np.array([(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167)], np.uint8)


def predict(own: OwnProject, tool="unet", *, name: str | None = None) -> list[dict]:
    """Segment and measure every image; what is done is not done again."""
    paths = own.images()
    if not paths:
        why = (
            ": copy some of yours into it"
            if not own.others()
            else " that can be read: `course project survey` says why"
        )
        raise InputError(f"there is no image in {own.folder.name}/raw{why}.")
    if name is not None and (not name.strip(". ") or set(name) & set('/\\:*?"<>|')):
        raise InputError(f"name must be that of a folder within results/predictions, not {name!r}.")
    one_scale = scale.of_folder(own)
    picked = chosen.choose(tool, one_scale, own.object_diameter)
    out = own.folder / "results" / "predictions" / (name or picked.name)
    run = runs.agree(
        out,
        picked.function,
        "labels/*_labels.tif",
        tool=picked.name,
        limits=list(one_scale.limits),
        threshold=one_scale.threshold,
        object_diameter=own.object_diameter,
        channel=own.channel,
        plane=own.plane,
        versions=picked.versions(),
    )
    stems = [stem_of(path).casefold() for path in paths]
    rows, parts = [], []
    with runs.changing(out, picked.function):
        for number, path in enumerate(tqdm(paths, desc=picked.name, unit="image", disable=None)):
            row = dict.fromkeys(("image", "replicate", "objects", "notes", "problem"), "")
            row |= {"image": path.name, "replicate": own.replicate_of(path) or ""}
            rows.append(row)
            try:
                if stems[number] in stems[:number]:
                    raise InputError(f"another image is called {stem_of(path)} as well: rename one of them.")
                parts.append(_one(own, path, picked, out, run, row))
            except CourseError as error:
                row["problem"] = str(error)
            except Exception as error:  # whatever is wrong with one image, the others go on
                row["problem"] = f"{type(error).__name__}: {first_line(error)}"[:200]
    write_table(out / "summary.csv", rows)
    _join(out / "measurements.csv", parts)
    files.save(out / "methods.md", methods(own, picked, rows))
    return rows


def _one(own: OwnProject, path: Path, picked, out: Path, run: str, row: dict) -> Path:
    """Labels, overlay and measurements of one image; the file with its measurements."""
    opened = data.open_image(path)
    plane, size = own.plane_of(opened), opened.pixel_size or own.pixel_size
    digest, target = _digest(path), out / "labels" / f"{stem_of(path)}_labels.tif"
    labels, told = _there(target, run, digest)
    if labels is None:
        found = runs.label_array(picked(plane, size), plane.shape)
        labels = arguments.consecutive(found)[0]
        _save_labels(target, labels, {"run": run, "image": digest}, size)
    elif labels.shape != plane.shape:
        raise InputError(f"{target.name} was changed and has no longer the size of its image.")
    unknown = "" if size else "pixel size unknown: lengths in pixels only"
    row["objects"] = int(np.count_nonzero(np.unique(labels)))
    remarks = [said for said in own.remarks(opened) if said != NO_PIXEL_SIZE]
    row["notes"] = "; ".join(filter(None, (told, unknown, *remarks)))
    key = hashlib.sha256(f"{digest} {files.sha256_of(labels)} {size} {row['replicate']}".encode())
    part = out / ".parts" / f"{stem_of(path)}.{key.hexdigest()[:12]}.csv"
    if not part.exists():
        picture = out / "overlays" / f"{stem_of(path)}.png"
        files.save(picture, lambda stream: overlay(plane, labels, picked.scale.limits).save(stream, "PNG"))
        table = measurements(labels, opened, own, size)
        write_table(part, [{"image": path.name, "replicate": row["replicate"]} | line for line in table])
    return part


def _digest(path: Path) -> str:
    """The sha256 of a file; of a folder (OME-Zarr), that of the names and sizes in it."""
    if path.is_file():
        return files.sha256(path)
    inside = sorted((p.relative_to(path).as_posix(), p.stat().st_size) for p in path.rglob("*"))
    return hashlib.sha256(json.dumps(inside).encode()).hexdigest()


# ---------------------------------------------------------------- labels


def _save_labels(target: Path, labels: np.ndarray, record: dict, size: float | None) -> None:
    """A TIFF that says what it was made from, and its pixel size in the unit that TIFF knows, centimetres."""
    import tifffile

    labels = labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.int32)
    told = json.dumps(record | {"labels": files.sha256_of(labels)})
    options = {"compression": "zlib", "description": told, "metadata": None}
    if size:
        options |= {"resolution": (1e4 / size, 1e4 / size), "resolutionunit": "CENTIMETER"}
    files.save(target, lambda stream: tifffile.imwrite(stream, labels, **options))


def _there(target: Path, run: str, digest: str) -> tuple[np.ndarray | None, str]:
    """Labels that are there already, and what is to be said about them; None if they must be made.

    Labels that somebody has corrected, or put there, stay as they are.
    """
    import tifffile

    if not target.exists():
        return None, ""
    try:
        with tifffile.TiffFile(target) as stored:
            told, labels = stored.pages.first.description, stored.asarray()
    except Exception:
        raise InputError(f"{target.name} is there and cannot be read: repair or remove it.") from None
    try:
        record = json.loads(told)
        ours = record["labels"] == files.sha256_of(labels)
    except (ValueError, TypeError, KeyError):
        record, ours = {}, False
    if not ours:
        return arguments.label_image(labels, target.name), "labels corrected by hand, kept as they are"
    same = record.get("run") == run and record.get("image") == digest
    return (labels, "") if same else (None, "")


def overlay(plane, labels, limits):
    """The image on the scale of the folder, with the objects' outlines, as a picture to look at.

    Parameters
    ----------
    plane : array (Y, X)
    labels : array of int (Y, X)
    limits : (low, high)

    Returns
    -------
    PIL.Image.Image
    """
    from PIL import Image
    from skimage.segmentation import find_boundaries

    step = -(-max(plane.shape) // LONGEST)
    grey = data.normalise(plane[::step, ::step].astype(np.float32), *limits).clip(0, 1)
    coloured = np.repeat((255 * np.nan_to_num(grey)).astype(np.uint8)[..., None], 3, axis=2)
    thin = labels[::step, ::step]
    rim = find_boundaries(thin, mode="inner")
    coloured[rim] = OUTLINES[thin[rim] % len(OUTLINES)]
    return Image.fromarray(coloured)


# ---------------------------------------------------------------- measurements


def measurements(labels, opened, own: OwnProject, size: float | None) -> list[dict]:
    """One row an object: place, size, shape, and the mean of every channel in the raw pixels.

    Parameters
    ----------
    labels : array of int (Y, X)
    opened : data.OwnImage
    own : OwnProject
    size : float or None
        Side of a pixel in µm; without it the columns in µm stay empty.

    Returns
    -------
    list of dict
    """
    from skimage.measure import regionprops_table

    count = len(opened.channels) or 1
    planes = [opened.plane(channel, z=own.plane) for channel in range(count)]
    wanted = (
        "label",
        "area",
        "centroid",
        "bbox",
        "equivalent_diameter_area",
        "eccentricity",
        "intensity_mean",
    )
    found = regionprops_table(labels, np.stack(planes, axis=-1), properties=wanted)
    height, width = labels.shape
    rows = []
    for i, number in enumerate(found["label"]):
        top, left, bottom, right = (int(found[f"bbox-{k}"][i]) for k in range(4))
        area, diameter = float(found["area"][i]), float(found["equivalent_diameter_area"][i])
        row = {
            "label": int(number),
            "y_px": round(float(found["centroid-0"][i]), 2),
            "x_px": round(float(found["centroid-1"][i]), 2),
            "area_px": int(area),
            "area_um2": round(area * size**2, 4) if size else "",
            "diameter_px": round(diameter, 3),
            "diameter_um": round(diameter * size, 4) if size else "",
            "eccentricity": round(float(found["eccentricity"][i]), 4),
            "cut_by_border": int(top == 0 or left == 0 or bottom == height or right == width),
        }
        means = {f"mean_channel_{k}": round(float(found[f"intensity_mean-{k}"][i]), 3) for k in range(count)}
        rows.append(row | means)
    return rows


def _join(path: Path, parts: list[Path]) -> None:
    """One table of the tables of all images; never more than one row in memory."""

    def lines():
        for part in parts:
            with open(part, newline="", encoding="utf-8") as stream:
                yield from csv.DictReader(stream)

    def columns(part):
        with open(part, newline="", encoding="utf-8") as stream:
            return next(csv.reader(stream), [])

    names = list(dict.fromkeys(chain.from_iterable(map(columns, parts)))) or ["image"]

    def write(stream):
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines())
        text.flush()
        text.detach()

    files.save(path, write)


# ---------------------------------------------------------------- how it was made


def methods(own: OwnProject, picked, rows: list[dict]) -> str:
    """A paragraph for the methods section: every number that somebody would need to repeat it."""
    used, failed = [r for r in rows if not r["problem"]], sum(bool(r["problem"]) for r in rows)
    by_hand = sum("by hand" in r["notes"] for r in used)
    replicates = len({r["replicate"] for r in used} - {""})
    versions = ", ".join(f"{name} {number}" for name, number in picked.versions().items())
    low, high = picked.scale.limits
    if picked.name == chosen.BLOBS:
        grey = f"one threshold for all images was used (Otsu's, {picked.scale.threshold:g})"
    elif picked.name in chosen.ON_THE_SCALE:
        grey = f"the grey values {low:g} and {high:g} became 0 and 1 in every image"
    else:
        grey = "the tool chose its scale for each image by itself"
    text = [
        f"# {own.title or own.folder.resolve().name}: methods\n",
        f"{len(used)} images{f' of {replicates} replicates' if replicates else ''} were segmented with "
        f"{picked.name} ({versions}; Python {platform.python_version()}). "
        f"Channel {own.channel}, plane {own.plane}; {grey} (percentiles {scale.PERCENTILES[0]:g} and "
        f"{scale.PERCENTILES[1]:g} of all pixels of {picked.scale.images} images: {low:g} and {high:g}). "
        f"Objects were measured in the raw pixels with scikit-image's regionprops; "
        f"{sum(r['objects'] for r in used)} objects, those cut by the border marked in the table. ",
        f"{failed} file{'s' * (failed > 1)} could not be used (see summary.csv). " if failed else "",
        f"The labels of {by_hand} image{'s' * (by_hand > 1)} were corrected by hand. " if by_hand else "",
        f"{picked.scale.note.capitalize()}. " if picked.scale.note else "",
        f"Typical object diameter given to the tool: {own.object_diameter:g} µm. "
        if own.object_diameter
        else "",
        "\n\nWrite yourself: microscope, objective, pixel size, what a replicate is, who labelled the test "
        "images, and the score on them (`course project race FOLDER --on test --tools TOOL`).\n",
    ]
    return "".join(text)
