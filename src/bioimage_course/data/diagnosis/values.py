"""Examinations of the numbers in a label image: type, range, interpolation, one number for all."""

import numpy as np
from scipy import ndimage

from bioimage_course import arguments
from bioimage_course.data.diagnosis.findings import Notes, box, counted
from bioimage_course.data.diagnosis.objects import between

IN_BETWEEN = 0.12  # share of edge pixels with a number between their neighbours'; true masks stay below 0.04
SPECK = 9  # pixels; a piece that is smaller is a slip of the pen


def colours(notes: Notes, dimensions: int) -> None:
    """A picture of colours, (Y, X, 3) or (Y, X, 4), where the image has two axes."""
    labels = notes.labels
    if labels.ndim != dimensions + 1 or labels.shape[-1] not in (3, 4):
        return
    if labels.dtype.kind not in "ui":
        notes.find(
            "colours", "The mask is a picture of colours in fractions: save it as numbers, one an object."
        )
        return notes.stop(readable=False)
    seen = labels[..., :3]
    if (seen == seen[..., :1]).all():
        told = (
            "The mask was saved as a colour picture, with the same number in all channels: the first is "
            "taken."
        )
        return notes.find("colours", told, mended=seen[..., 0])
    codes = seen.astype(np.int64) @ np.array([1, 2**16, 2**32])
    flat = np.unique(codes)
    if len(flat) > max(64, codes.size // 100):
        told = (
            f"The mask is a picture with {len(flat):,} colours, a photograph or a lossy file: no labels "
            "are "
            "in it."
        )
        notes.find("colours", told)
        return notes.stop(readable=False)
    background = codes.ravel()[0] if 0 not in flat else 0
    mended = np.searchsorted(flat, codes) + 1
    mended[codes == background] = 0
    told = (
        f"The mask is a picture in which each of {len(flat) - 1:,} colours is an object: numbers are "
        "needed, and "
        "repair() gives every colour one."
    )
    notes.find("colours", told, mended=mended)


def numbers(notes: Notes) -> None:
    """Fractions, NaN, negative numbers, truths; afterwards the labels are integers."""
    labels = notes.labels
    if labels.dtype.kind == "f":
        _floating(notes)
    elif labels.dtype == np.uint64 and labels.max() > np.iinfo(np.int64).max:
        labels = notes.labels = arguments.consecutive(labels)[0]
    if notes.stopped:
        return
    if notes.labels.dtype == bool:
        notes.labels = notes.labels.astype(np.uint8)
    if notes.labels.dtype.kind == "i" and notes.labels.min() < 0:
        _negative(notes)


def _floating(notes: Notes) -> None:
    labels = notes.labels
    broken = ~np.isfinite(labels)
    if broken.any():
        told = (
            f"{counted(int(broken.sum()), 'pixel')} of the mask are NaN or infinite: a label image has none."
        )
        finite = np.where(broken, 0, labels)
        notes.find("float", f"{told} Whether they are background, only you can say.")
        notes.labels = labels = finite
    if (np.abs(labels) < 2.0**53).all() and (labels == np.rint(labels)).all():
        told = f"The numbers are whole, but their type is {labels.dtype}, which most tools refuse."
        return notes.find("float", f"{told} repair() makes them integers.", mended=labels.astype(np.int64))
    values = np.unique(labels)
    step = _step(values)
    if step:
        told = (
            f"The numbers are multiples of 1/{round(1 / step)}: somebody has divided the labels by the "
            "type's or "
            "by their own highest number. repair() multiplies them back."
        )
        return notes.find("float", told, mended=np.rint(labels / step).astype(np.int64))
    told = (
        f"The mask has {len(values):,} different fractions from {values[0]:.3g} to {values[-1]:.3g}: it is "
        "a map of "
        "probabilities, or was resized. Go back to the labels it was made from, or set a threshold."
    )
    notes.find("picture" if len(values) > labels.size // 50 else "float", told)
    notes.stop(readable=False)


def _step(values: np.ndarray) -> float | None:
    """What all values are multiples of, if they are an image divided by one number."""
    if values[0] < 0 or values[-1] > 1 or len(values) > 4096:
        return None
    for highest in (255, 65535, *range(1, 1025)):
        scaled = values.astype(float) * highest
        if np.abs(scaled - np.rint(scaled)).max() < 1e-3 * max(1, highest / 1024):
            return 1 / highest
    return None


def _negative(notes: Notes) -> None:
    lowest, labels = int(notes.labels.min()), notes.labels
    if lowest == -1 and not (labels == 0).any():
        told = "Background is −1 and no pixel is 0: repair() adds one to every number."
        return notes.find("negative", told, mended=labels.astype(np.int64) + 1)
    told = f'There are numbers below 0 (lowest {lowest}), often a mark for "do not count this"'
    notes.find("negative", f"{told}: 0 is background, objects count from 1, and nothing else is understood.")
    notes.labels = np.maximum(labels, 0)


def emptiness(notes: Notes) -> None:
    """No object at all, or one that fills the image."""
    lowest, highest = int(notes.labels.min()), int(notes.labels.max())
    if lowest < highest:
        return
    told = f"Every pixel has the same number, {highest}"
    if highest == 0:
        told = (
            "There is no object in it. If the image has none either, it is a fine example; else it was not "
            "drawn"
        )
    notes.find("empty", f"{told}.")
    notes.stop()


def background(notes: Notes) -> None:
    """Another number than 0 around all objects."""
    labels = notes.labels
    rims = [np.take(labels, (0, -1), axis) for axis in range(labels.ndim)]
    number = notes.objects.numbers[notes.objects.areas.argmax()]
    if number == 0 or any((rim == number).mean() < 0.5 for rim in rims):
        return
    rest, _ = ndimage.label(labels != number)
    areas = np.bincount(rest.ravel())
    if len(areas) < 4 or areas[0] < 10 * np.median(areas[1:]):
        return
    if not (labels == 0).any():
        told = (
            f"No pixel is 0, and the number {number} goes around all objects: repair() makes it 0, the "
            "background."
        )
        return notes.find("background", told, mended=np.where(labels == number, 0, labels))
    if len(np.unique(labels)) == 2:
        told = (
            f"The number {number} covers {areas[0] / labels.size:.0%} of the image and goes around "
            f"{len(areas) - 1:,} "
            "pieces of background: the mask is probably inverted (a program that shows it with an inverted "
            "table of "
            "greys does that). Then labels == 0 is what you want."
        )
        notes.find("background", told)


# ---------------------------------------------------------------- interpolation


def interpolation(notes: Notes) -> None:
    """Numbers in between, along the edges: a resize with the wrong method, an anti-aliased line, a JPEG."""
    labels = notes.labels
    thick, edge = notes.objects.thick, notes.objects.edges
    if not edge.any():
        return
    if thick.mean() < 0.25:
        told = (
            f"Hardly any two neighbours have the same number, and {len(np.unique(labels)):,} occur: this "
            "is "
            "an image, "
            "not a label image. Perhaps the two files have changed places."
        )
        notes.find("picture", told)
        return notes.stop(readable=False)
    thin = between(labels, ~thick)
    share = thin.sum() / edge.sum()
    if share < IN_BETWEEN:
        return
    smooth = _smoothed(labels, thick)
    if smooth is not None:
        told = (
            f"{share:.0%} of the pixels along the edges have a number between 0 and {smooth}: the mask was "
            "drawn "
            "with smoothed lines or saved with loss. repair() cuts it at the half."
        )
        return notes.find("interpolated", told, _largest_boxes(thin), mended=(labels > smooth / 2) * smooth)
    mended = _to_the_nearest(labels, thick)
    told = (
        f"{share:.0%} of the pixels along the edges have a number between those of their neighbours: the "
        "mask was "
        "resized as if it were an image, drawn with smoothed lines or saved with loss. repair() gives such "
        "pixels to "
        "the nearest region, right to about a pixel; exporting it again with nearest-neighbour is better."
    )
    notes.find("interpolated", told, _largest_boxes(thin), mended=mended)


def _smoothed(labels: np.ndarray, thick: np.ndarray) -> int | None:
    """The one number that all objects have inside, if a mask of 0 and that number has been smoothed."""
    inside, counts = np.unique(labels[thick & (labels > 0)], return_counts=True)
    if not inside.size:
        return None
    number = int(inside[np.argmax(counts)])
    near = (np.abs(inside.astype(float) - number) <= 0.05 * number) | (inside <= 0.05 * number)
    return number if number >= 20 and counts[near].sum() > 0.7 * counts.sum() else None


def _to_the_nearest(labels: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """Thin pixels and pieces that consist of little else get the number of the nearest thick region."""
    from skimage.measure import label

    pieces = label(np.where(thick, labels, 0).astype(np.int64), connectivity=1)
    areas = np.bincount(pieces.ravel())
    thick = thick & (
        (areas >= max(SPECK, 0.05 * np.median(areas[1:]) if len(areas) > 1 else 0))[pieces] | (labels == 0)
    )
    if not thick.any():
        return labels
    nearest = ndimage.distance_transform_edt(~thick, return_distances=False, return_indices=True)
    return labels[tuple(nearest)]


def _largest_boxes(mask: np.ndarray) -> list:
    """Boxes of the largest connected pieces of a mask."""
    pieces, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    order = np.argsort(np.bincount(pieces.ravel())[1:])[::-1][:4]
    found = ndimage.find_objects(pieces)
    return [box(found[i]) for i in order]


# ---------------------------------------------------------------- one number for several objects


def instances(notes: Notes) -> None:
    """One number for all objects, one a class, or more objects than the type has numbers."""
    numbers, pieces, areas = notes.objects.numbers, notes.objects.pieces, notes.objects.piece_areas
    large = areas >= SPECK
    large[0] = False
    typical = np.median(areas[large]) if large.any() else 0
    large &= areas >= typical / 4
    owners = notes.objects.owners[large]
    of_each = np.bincount(owners, minlength=len(numbers))[1:]  # large pieces of every number
    if len(numbers) == 2:
        _binary(notes, pieces, int(numbers[1]), int(of_each[0]))
    elif _overflown(numbers, of_each):
        _overflow(notes, pieces, numbers, of_each)
    elif len(numbers) <= 7 and (of_each >= 5).all():
        told = (
            f"{len(numbers) - 1} numbers for {counted(int(of_each.sum()), 'piece')}: they name classes, "
            "not "
            "objects. "
            "Choose the class and number its pieces, for example skimage.measure.label(labels == "
            f"{int(numbers[-1])})."
        )
        notes.find("classes", told)
        notes.stop()


def _binary(notes: Notes, pieces: np.ndarray, value: int, objects: int) -> None:
    if objects < 2:
        return
    told = (
        f"One number, {value}, for {counted(objects, 'piece')}: the mask says where objects are, not which "
        "pixel "
        "belongs to which. repair() numbers the pieces; objects that touch stay one until somebody "
        "separates them."
    )
    notes.find("binary", told, mended=pieces.astype(np.int64))


def _overflown(numbers: np.ndarray, of_each: np.ndarray) -> bool:
    """Whether there are more large pieces than the highest number allows, and nearly all numbers are "
    "taken."""
    highest = int(numbers[-1])
    limit = next((limit for limit in (255, 65535) if highest <= limit), None)
    if limit is None or highest < 0.97 * limit:
        return False
    saturated = highest == limit and of_each[-1] > 2 and of_each[:-1].mean() < 1.2
    return saturated or (len(numbers) > 0.75 * limit and of_each.sum() > 1.02 * limit)


def _overflow(notes: Notes, pieces: np.ndarray, numbers: np.ndarray, of_each: np.ndarray) -> None:
    repeated = numbers[1:][of_each > 1]
    first = notes.labels == repeated[np.argmax(of_each[of_each > 1])]
    limit = 255 if numbers[-1] <= 255 else 65535
    told = (
        f"There are {counted(int(of_each.sum()), 'object')} but no number above {limit}: "
        f"{counted(len(repeated), 'number')} "
        f"stand for several. The file was saved with {8 if limit == 255 else 16} bits. repair() numbers "
        "the "
        "pieces anew; "
        f"an object that had a multiple of {limit + 1} may be gone: export again with more bits if you can."
    )
    notes.find("overflow", told, _largest_boxes(first), mended=pieces.astype(np.int64))
