"""Which tool is best on one's own images, and are there enough of them to tell?"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from bioimage_course import arguments, compat, data, metrics
from bioimage_course.data.loading import decode
from bioimage_course.errors import CourseError, InputError, first_line
from bioimage_course.project import chosen, scale
from bioimage_course.project.folder import OwnProject
from bioimage_course.project.steps import drawn_before
from bioimage_course.project.tables import write_table

AT = (0.5, 0.75, 0.9)
"""IoU thresholds of the race; the first decides, and those after it where tools are level."""

UNFIT = {
    *("colours", "size", "float", "negative", "empty", "picture", "interpolated", "binary", "classes"),
    *("overflow", "shifted", "turned", "scaled", "outlines"),
}
"""Findings of the label doctor with which a mask is no truth to score against."""


@dataclass(frozen=True)
class Labelled:
    """An image with its labels, ready to be scored."""

    name: str
    replicate: str
    plane: np.ndarray
    labels: np.ndarray
    pixel_size: float | None


@dataclass(frozen=True)
class Race:
    """How the tools did.

    Attributes
    ----------
    rows : list of dict
        One a tool, the best first.
    verdict : str
        Which tool is ahead, and whether so few images can tell.
    notes : tuple of str
        What was left out, and why.
    by_image : dict of str to array (images,)
        Average precision at the first threshold of each tool on each image.
    """

    rows: list[dict]
    verdict: str
    notes: tuple[str, ...]
    by_image: dict[str, np.ndarray]


def labelled(own: OwnProject, on: str = "all") -> tuple[list[Labelled], list[str]]:
    """The labelled images of a part of the lot, and what was left out."""
    arguments.choice({"train": 0, "test": 1, "all": 2}, on, "part")
    drawn_file, notes = own.folder / "results" / "drawn.csv", []
    wanted = None
    if on != "all":
        if not drawn_file.exists():
            raise InputError("nothing was drawn yet: `course project draw` says which images are for what.")
        wanted = getattr(drawn_before(own, drawn_file), on)
    found = []
    for path in own.images():
        if own.labels(path) is None or (wanted is not None and path.name not in wanted):
            continue
        try:
            found.append(_fit(own, path))
        except CourseError as error:
            notes.append(f"{path.name} is left out: {error}")
        except Exception as error:  # a label file of any kind of damage must not stop the others
            notes.append(f"{path.name} is left out: {own.labels(path).name} ({type(error).__name__}).")
    if not found:
        part = "" if on == "all" else f" among those drawn for {'training' if on == 'train' else 'the test'}"
        why = f" ({notes[0]})" if notes else ""
        raise InputError(f"no image{part} has labels that can be used{why}; save them in labels/.")
    return found, notes


def _fit(own: OwnProject, path) -> Labelled:
    opened, file = data.open_image(path), own.labels(path)
    plane = own.plane_of(opened)
    seen = data.diagnose(plane, decode(file.read_bytes(), file.name))
    if unfit := [finding for finding in seen.findings if finding.name in UNFIT]:
        raise InputError(unfit[0].sentence)
    size = opened.pixel_size or own.pixel_size
    return Labelled(path.name, own.replicate_of(path) or "", plane, seen.labels, size)


def race(own: OwnProject, tools=None, on: str = "train") -> Race:
    """Score tools on the labelled images of a project."""
    pairs, notes = labelled(own, on)
    one_scale = scale.of_folder(own)
    names = [n for n in chosen.RACERS if n == chosen.BLOBS or compat.available(n)] if tools is None else tools
    names = [names] if isinstance(names, str) or callable(names) else list(names)
    racers = [chosen.choose(name, one_scale, own.object_diameter) for name in names]
    truths, rows, by_image, finer = [pair.labels for pair in pairs], [], {}, {}
    with tqdm(total=len(racers) * len(pairs), desc="race", unit="image", disable=None) as shown:
        for racer in racers:
            try:
                seconds, found = _run(racer, pairs, shown)
            except CourseError as error:
                notes.append(f"{racer.name} did not run: {error}")
                continue
            except Exception as error:  # one tool's accident is no reason to lose the others' scores
                notes.append(f"{racer.name} did not run: {type(error).__name__}: {first_line(error)}"[:200])
                continue
            scores = metrics.average_precision_dataset(truths, found, AT)
            by_image[racer.name], finer[racer.name] = scores.by_image[:, 0], scores.by_image[:, 1]
            row = {"tool": racer.name, "images": len(pairs)}
            row |= {
                f"ap{round(100 * at)}": round(float(ap), 4) for at, ap in zip(AT, scores.pooled, strict=True)
            }
            rows.append(row | {"seconds_an_image": round(seconds / len(pairs), 3)})
    if not rows:
        raise InputError(f"no tool could be scored: {notes[-1]}")
    rows.sort(key=lambda row: tuple(-row[f"ap{round(100 * at)}"] for at in AT))
    units = [pair.replicate for pair in pairs]
    for row in rows:
        row["best_minus_this"] = _against(by_image[rows[0]["tool"]], by_image[row["tool"]], units)[0]
    write_table(own.folder / "results" / f"race-{on}.csv", rows)
    return Race(rows, verdict(rows, by_image, units, finer), tuple(notes), by_image)


def _run(racer, pairs, shown) -> tuple[float, list[np.ndarray]]:
    """Seconds and labels; the first image, with which a network is loaded, is run twice and counts once."""
    racer(pairs[0].plane, pairs[0].pixel_size)
    begun, found = time.perf_counter(), []
    for pair in pairs:
        found.append(np.asarray(racer(pair.plane, pair.pixel_size)))
        shown.update()
    return time.perf_counter() - begun, found


def _against(first, second, units) -> tuple[str, bool]:
    """The paired difference in words, and whether zero lies outside its interval."""
    scored = np.isfinite(first) & np.isfinite(second)
    groups = np.asarray(units)[scored]
    several = len(set(groups)) > 1 and "" not in groups
    if np.array_equal(first, second) or scored.sum() < 2:
        return "", False
    found = metrics.paired_difference(first[scored], second[scored], groups=groups if several else None)
    return f"{found} {'replicates' if several else 'images'}", found.low > 0 or found.high < 0


def _level(best: str, second: str, finer: dict, units: list[str], images: str) -> str:
    """What is said of two tools with the same score at IoU 0.5."""
    told = f"{best} and {second} are level at IoU 0.5"
    said, clear = _against(finer[best], finer[second], units) if finer else ("", False)
    if not said:
        return f"{told} and cannot be told apart by {images}. Take the one that costs you less."
    if clear:
        return f"{told}; at IoU 0.75 {best} is ahead: {said} ({images})."
    return f"{told}, and {images} are too few to tell them apart at IoU 0.75 ({said})."


def verdict(rows: list[dict], by_image: dict, units: list[str], finer: dict | None = None) -> str:
    """One or two sentences on what so few images can tell.

    Parameters
    ----------
    rows : list of dict
        Of a race, the best first.
    by_image : dict of str to array
    units : list of str
        The replicate of each image, "" where it is not known.
    finer : dict of str to array, optional
        The scores at IoU 0.75, to which those look who are level at 0.5.
    """
    count, known = len(units), len(set(units) - {""})
    replicates = "" if "" in units else f" of {known} replicate{'s' * (known != 1)}"
    images = f"{count} image{'s' * (count != 1)}{replicates}"
    if len(rows) < 2:
        return f"{rows[0]['tool']}: AP {rows[0]['ap50']:.2f} at IoU 0.5 on {images}."
    best, second = rows[0]["tool"], rows[1]["tool"]
    if rows[0]["ap50"] == rows[1]["ap50"] or np.array_equal(by_image[best], by_image[second]):
        return _level(best, second, finer or {}, units, images)
    said, clear = _against(by_image[best], by_image[second], units)
    if not said:
        return f"{best} and {second} cannot be told apart by {images}."
    if clear:
        return f"{best} is ahead of {second}: {said} ({images})."
    if len(rows) > 2 and not _against(by_image[best], by_image[rows[-1]["tool"]], units)[1]:
        return f"Too few to tell the tools apart: {images}. Label more, or take the simplest."
    return f"{best} leads, but {images} are too few to tell it from {second} ({said})."
