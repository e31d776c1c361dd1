"""What is done with a project's folder: survey, draw by lot, have the labels checked."""

import csv
from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments, data, files
from bioimage_course.data.loading import decode
from bioimage_course.errors import CourseError, InputError
from bioimage_course.project.folder import NO_IMAGES, OwnProject, stem_of
from bioimage_course.project.tables import read_table, write_table


@dataclass(frozen=True)
class Drawn:
    """Names of the images that are to be labelled.

    Attributes
    ----------
    train, test : tuple of str
        File names; no replicate is in both, if there are several.
    note : str
        What this split cannot say; "" if it is a good one.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    note: str = ""


def survey(own: OwnProject) -> list[dict]:
    """One row a file of ``raw/``."""
    rows = [_surveyed(own, path) for path in (*own.images(), *own.others())]
    if not rows:
        raise InputError(f"there is no image in {own.folder.name}/raw: copy some of yours into it.")
    write_table(own.folder / "results" / "survey.csv", rows)
    return rows


def _surveyed(own: OwnProject, path) -> dict:
    row = dict.fromkeys(
        ("image", "replicate", "format", "axes", "shape", "channels", "pixel_size_um", "bits"), ""
    )
    row |= {"saturated_percent": "", "notes": "", "problem": "", "image": path.name}
    row["replicate"] = own.replicate_of(path) or ""
    try:
        if path.is_dir() and not path.name.lower().endswith(".zarr"):
            raise InputError(f"{path.name} is a folder: only images that lie in raw/ itself are seen.")
        opened = data.open_image(path)
        row |= {
            "format": opened.format,
            "axes": opened.axes,
            "shape": "×".join(map(str, opened.image.shape)),
            "channels": ", ".join(opened.channels),
            "pixel_size_um": opened.pixel_size or own.pixel_size or "",
            "bits": opened.bits,
            "saturated_percent": round(100 * max(opened.saturated), 3),
        }
        own.plane_of(opened)  # says what makes the file useless for the other steps
        row["notes"] = "; ".join(own.remarks(opened))
    except CourseError as error:
        row["problem"] = str(error)
    return row


def draw(own: OwnProject, count: int) -> Drawn:
    """Draw by lot, whole replicates for the test; the first lot counts for ever."""
    path = own.folder / "results" / "drawn.csv"
    if path.exists():
        return drawn_before(own, path)
    count = arguments.whole(count, "count", 2)
    rows = [row for row in survey(own) if not row["problem"]]
    if len(rows) < 2:
        raise InputError(f"only {len(rows)} image of {own.folder.name} can be read: a split needs two.")
    random = np.random.default_rng(own.seed)
    order = [rows[i] for i in random.permutation(len(rows))][:count]
    unknown = [row["image"] for row in rows if not row["replicate"]]
    replicates = list(dict.fromkeys(row["replicate"] for row in order))
    note = ""
    if unknown or len(replicates) < 2:
        test = {row["image"] for row in order[: max(1, round(own.test_share * len(order)))]}
        note = (
            f"{unknown[0]} does not tell its replicate: see replicate in project.yml"
            if unknown
            else "all images are of one replicate: the test says nothing about another one"
        )
    else:
        test = _whole_replicates(order, replicates, own.test_share)
    parts = [
        {"image": r["image"], "replicate": r["replicate"], "part": ("train", "test")[r["image"] in test]}
        for r in order
    ]
    write_table(
        own.folder / "results" / "drawn.csv", sorted(parts, key=lambda row: (row["part"], row["image"]))
    )
    return drawn_before(own, path, note)


def _whole_replicates(order: list, replicates: list, share: float) -> set[str]:
    """Images of replicates, one after the other, until the share is reached; one replicate is left to
    train on."""
    test: set[str] = set()
    for replicate in replicates[:-1]:
        if len(test) >= share * len(order):
            break
        test |= {row["image"] for row in order if row["replicate"] == replicate}
    return test


def drawn_before(own: OwnProject, path, note: str = "") -> Drawn:
    try:
        rows = [(row["image"], row["part"]) for row in read_table(path)]
        if {part for _, part in rows} != {"train", "test"}:
            raise KeyError("part")
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"{own.folder.name}/results/drawn.csv was changed and cannot be read: restore it, or remove it "
            "and draw again (then nothing that was tested before counts)."
        ) from None
    gone = [image for image, _ in rows if not (own.folder / "raw" / image).exists()]
    if gone:
        raise InputError(
            f"{gone[0]}, which was drawn, is not in {own.folder.name}/raw any more: bring it back."
        )
    train, test = (tuple(image for image, part in rows if part == name) for name in ("train", "test"))
    return Drawn(train, test, note)


def check_labels(own: OwnProject) -> list[dict]:
    """The label doctor's row for every labelled image, and a picture where something was found."""
    rows = [_checked(own, path) for path in own.images() if own.labels(path)]
    rows += _without_image(own)
    if not rows:
        raise InputError(
            f"there is no label image in {own.folder.name}/labels: save one as the name of its image, "
            "with _labels or without, as TIFF or PNG."
        )
    write_table(own.folder / "results" / "labels.csv", rows)
    return rows


def _without_image(own: OwnProject) -> list[dict]:
    """A row for each file in ``labels/`` that no step will ever look at."""
    stems = {stem_of(path) for path in own.images()}
    used = {own.labels(path) for path in own.images()}
    rows = []
    for path in sorted((own.folder / "labels").iterdir()):
        if path in used or path.name.startswith(".") or path.name in NO_IMAGES:
            continue
        told = "no image in raw/ has this name; labels are called as their image, with _labels or without"
        if path.is_file() and {path.stem, path.stem.removesuffix("_labels")} & stems:
            told = "not used: its image has other labels, or the name does not end in .tif, .tiff or .png"
        rows.append(
            {
                "image": "",
                "labels": path.name,
                "objects": "",
                "findings": "",
                "problem": f"{path.name}: {told}.",
            }
        )
    return rows


def _checked(own: OwnProject, path) -> dict:
    row = {"image": path.name, "labels": own.labels(path).name, "objects": "", "findings": "", "problem": ""}
    try:
        image = own.plane_of(data.open_image(path))
        labels = decode(own.labels(path).read_bytes(), own.labels(path).name)
        found = data.diagnose(image, labels)
        row["objects"] = "" if found.labels is None else int(np.count_nonzero(np.unique(found.labels)))
        row["findings"] = " ".join(map(str, found.findings))
        if not found.healthy:
            files.save(own.folder / "results" / "labels" / f"{stem_of(path)}.png", found.figure().png())
    except CourseError as error:
        row["problem"] = str(error)
    except Exception as error:  # a label file of any kind of damage must not stop the others
        row["problem"] = f"{own.labels(path).name} cannot be read ({type(error).__name__})."
    return row
