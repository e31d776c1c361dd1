"""Examinations of the objects: one number in several places, two objects drawn as one."""

import itertools

import numpy as np
from scipy import ndimage

from bioimage_course.data.diagnosis.findings import Notes, box, counted

FEW = 5  # objects; with fewer nobody knows what is typical
PIECE = 0.15  # a piece with less than this share of its object's area is a crumb
NECK = 0.65  # width of the neck between two parts, as a share of the narrower part's; below: two objects
BAYS = 0.94  # solidity from which an object has no neck that would count
CONVEX = 0.9  # area by that of the convex hull, of single objects and of the parts of a double one
LARGE = 1.3  # times the median area, above which an object may be two

_ANGLES = np.linspace(-np.pi / 2, 1.5 * np.pi, 129)  # from the top over the right to the bottom, and back
DIRECTIONS = np.stack([np.sin(_ANGLES), np.cos(_ANGLES)])  # in which the corners of a hull are looked for


def fragments(notes: Notes) -> None:
    """One number in several places: numbered anew where they are far apart, left and shown where not."""
    numbers, pieces, areas = notes.objects.numbers, notes.objects.pieces, notes.objects.piece_areas
    if len(areas) == len(numbers):
        return
    owner, found = notes.objects.owners, ndimage.find_objects(pieces)
    far, near, mended, following = [], [], notes.labels.astype(np.int64), int(numbers[-1]) + 1
    for number in np.flatnonzero(np.bincount(owner[1:], minlength=len(numbers)) > 1):
        own = np.flatnonzero(owner[1:] == number) + 1
        own = own[np.argsort(areas[own])[::-1]]
        for piece in own[1:]:
            if areas[piece] < max(PIECE * areas[own[0]], 9):
                continue  # a crumb: it disturbs no training
            if _gap(found[own[0] - 1], found[piece - 1]) > np.sqrt(areas[own[0]]):
                mended[found[piece - 1]][pieces[found[piece - 1]] == piece] = following
                following += 1
                far.append(box(found[piece - 1]))
            else:
                near.append(box(found[piece - 1]))
    if far:
        told = (
            f"{counted(len(far), 'piece')} of the size of an object carry the number of another object far "
            "away"
        )
        notes.find("fragments", f"{told}. repair() gives each a number of its own.", far, mended=mended)
    if near:
        told = (
            f"{counted(len(near), 'large piece')} beside an object carry its number without touching it: "
            "either one "
            "object that something lies across, or two. Look at the frames; repair() leaves them."
        )
        notes.find("fragments", told, near)


def _gap(first, second) -> int:
    """How far two boxes are apart, along the axis in which they are furthest."""
    return max(max(a.start - b.stop, b.start - a.stop) for a, b in zip(first, second, strict=True))


def merged(notes: Notes) -> None:
    """Two objects drawn as one: large for this image, with a neck between two parts of an object's size."""
    if notes.labels.ndim != 2:
        notes.not_judged.append(
            "whether touching objects are merged (only in 2D: take the planes one by one)."
        )
        return
    objects, areas = notes.objects, notes.objects.areas[1:]
    if len(areas) < FEW:
        notes.not_judged.append(
            f"whether touching objects are merged: {counted(len(areas), 'object')} are too few."
        )
        return
    typical = float(np.median(areas))
    sample = np.linspace(0, len(areas) - 1, min(15, len(areas))).astype(int)
    if np.median([_solidity(objects.mask(i + 1)) for i in sample]) < CONVEX:
        notes.not_judged.append(
            "whether touching objects are merged: single objects have bays and branches here too."
        )
        return
    suspects = [(i, objects.mask(i + 1)) for i in np.flatnonzero(areas > LARGE * typical)]
    doubles = [i for i, mask in suspects if _solidity(mask) < BAYS and _double(mask, typical)]
    if not doubles:
        return
    doubles.sort(key=lambda i: -areas[i])
    told = (
        f"{counted(len(doubles), 'object')} {'is' if len(doubles) == 1 else 'are'} large and narrow in the "
        "middle, as "
        "if two that touch had been drawn as one. Separate them by hand: where one ends, only you can say."
    )
    notes.find("merged", told, [box(objects.boxes[i]) for i in doubles])


def _double(mask: np.ndarray, typical: float) -> bool:
    """Whether an object has two parts of at least 0.4 times the typical area, with a neck between them."""
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    depth = ndimage.distance_transform_edt(np.pad(ndimage.binary_fill_holes(mask), 1))
    smooth = ndimage.gaussian_filter(depth, 0.04 * np.sqrt(typical))
    reach = max(int(0.4 * np.sqrt(typical)), 2)
    peaks = peak_local_max(smooth, min_distance=reach, exclude_border=False, labels=(depth > 0).astype(int))
    if len(peaks) < 2:
        return False
    seeds = np.zeros(depth.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    parts = watershed(-smooth, seeds, mask=depth > 0)
    areas = np.bincount(parts.ravel(), minlength=len(peaks) + 1)
    large = [one for one in range(1, len(peaks) + 1) if areas[one] >= 0.4 * typical]
    return any(
        _neck(depth, parts, one, other) < NECK
        and min(_solidity(parts == one), _solidity(parts == other)) >= CONVEX
        for one, other in itertools.combinations(large, 2)
    )


def _neck(depth: np.ndarray, parts: np.ndarray, one: int, other: int) -> float:
    """Depth of the object where two parts meet, by that of the narrower part; infinite if they do not "
    "meet."""
    contact = ndimage.binary_dilation(parts == one) & (parts == other)
    if not contact.any():
        return np.inf
    return depth[contact].max() / min(depth[parts == one].max(), depth[parts == other].max())


def _solidity(mask: np.ndarray) -> float:
    """Area by the area of the convex hull, as `skimage.measure.regionprops` counts it, ten times as fast."""
    rows = np.flatnonzero(mask.any(1))
    sides = np.empty((6, len(rows), 2))  # middles of the sides of the first and last pixel of each row
    sides[..., 0] = rows
    sides[0::2, :, 1] = mask[rows].argmax(1)
    sides[1::2, :, 1] = mask.shape[1] - 1 - mask[rows, ::-1].argmax(1)
    sides += np.array([(0, -0.5), (0, 0.5), (-0.5, 0), (-0.5, 0), (0.5, 0), (0.5, 0)])[:, None]
    outermost = sides.reshape(-1, 2)[(sides.reshape(-1, 2) @ DIRECTIONS).argmax(0)]
    down, up = outermost[: DIRECTIONS.shape[1] // 2 + 1], outermost[DIRECTIONS.shape[1] // 2 :][::-1]
    every = np.arange(rows[0], rows[-1] + 1)
    right, left = np.interp(every, *down.T), np.interp(every, *up.T)
    return float(mask.sum() / (np.floor(right + 1e-9) - np.ceil(left - 1e-9) + 1).sum())
