"""Examinations against the image: size, place, orientation, scale, objects without label."""

import itertools

import numpy as np
from scipy import fft, ndimage

from bioimage_course.data.diagnosis.findings import Notes, box, counted
from bioimage_course.data.diagnosis.objects import Objects, edges_of, grown

CLEAR = 6.0  # standard deviations by which edges must fit better than at a place drawn by lot
BETTER = 1.3  # times as well as where the labels lie
TOLERATED = 3  # pixels within which a best place is no shift: outlines are drawn that far inside or outside
ALL_ROUND = (-8, -6, -4, 4, 6, 8)  # pixels by which outlines may lie too far inside or outside
SCALES = (0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 2.0)
MOST = 2048  # pixels of an axis that are looked at


def channels(image: np.ndarray, shape: tuple) -> list[np.ndarray] | None:
    """The channels of an image whose spatial axes have this shape; None if it has not."""
    if image.shape == shape:
        return [image]
    if image.ndim == len(shape) + 1 and image.shape[:-1] == shape:
        return [image[..., c] for c in range(min(image.shape[-1], 3 if image.shape[-1] == 4 else 8))]
    if image.ndim == len(shape) + 1 and image.shape[1:] == shape:
        return list(image[:8])
    return None


def size(notes: Notes, image: np.ndarray) -> None:
    """Labels must have the size of their image: exchanged axes and a whole factor are mended."""
    found = channels(image, notes.labels.shape)
    if found is None:
        _other_size(notes, image)
        found = channels(image, notes.labels.shape)
    if found is not None:
        notes.channels = [_finite(c) for c in found]


def _finite(channel: np.ndarray) -> np.ndarray:
    """As float32; what is no number becomes 0."""
    with np.errstate(over="ignore"):
        single = np.asarray(channel, np.float32)
    return (
        single
        if channel.dtype.kind != "f" or np.isfinite(single).all()
        else np.nan_to_num(single, posinf=0, neginf=0)
    )


def _other_size(notes: Notes, image: np.ndarray) -> None:
    labels, ndim = notes.labels, notes.labels.ndim
    wanted = image.shape if image.ndim == ndim else image.shape[:ndim]
    told = f"The labels are {_times(labels.shape)} pixels, the image is {_times(wanted)}"
    factors = {round(a / b, 4) for a, b in zip(wanted, labels.shape, strict=False)}
    (factor,) = factors if len(factors) == 1 else (0,)
    if image.ndim < ndim:
        squeezed = np.squeeze(labels)
        if squeezed.shape == image.shape:
            told = f"{told}: an axis of length 1 is left over. repair() takes it away."
            return notes.find("size", told, mended=squeezed)
        notes.find("size", f"{told}: they have more axes; choose a plane or a channel.")
    elif ndim == 2 and labels.shape[::-1] == wanted:
        told = f"{told}: rows and columns have changed places. repair() changes them back."
        return notes.find("size", told, mended=np.ascontiguousarray(labels.T))
    elif factor and (factor == round(factor) or round(1 / factor, 3) == round(1 / factor)):
        mended = _resized(labels, wanted)
        told = f"{told}: {factor:g} times as large. repair() resizes them by nearest neighbour."
        return notes.find("size", told, mended=mended)
    else:
        notes.find("size", f"{told}: they do not belong together, or one of them was cropped.")
    notes.not_judged.append("whether labels and image fit each other: their sizes differ.")


def _times(shape: tuple) -> str:
    return " × ".join(map(str, shape))


def _resized(labels: np.ndarray, shape: tuple) -> np.ndarray:
    """Labels of another size by nearest neighbour, corners on corners."""
    rows = [
        np.minimum((np.arange(n) + 0.5) * old / n, old - 1).astype(int)
        for n, old in zip(shape, labels.shape, strict=True)
    ]
    return labels[np.ix_(*rows)]


# ---------------------------------------------------------------- place, orientation, scale


def place(notes: Notes) -> None:
    """Whether the edges of the labels fit those of the image better elsewhere, turned or at another
    scale."""
    if not notes.channels:
        return
    middle = tuple(slice(max((n - MOST) // 2, 0), (n + MOST) // 2) for n in notes.labels.shape)
    labels = notes.labels[middle]
    seen = _image_edges([channel[middle] for channel in notes.channels])
    image_edges = fft.rfftn(seen)
    here, best, shift = _fit(labels, image_edges)
    if np.abs(shift).max() <= TOLERATED and best >= CLEAR and not _uneven(labels, seen):
        return
    others = {("scaled", s): _fit(_scaled(labels, s), image_edges) for s in SCALES}
    others |= {("turned", name): _fit(turned, image_edges) for name, turned in _orientations(labels)}
    others["shifted", ""] = (here, best, shift)
    (kind, how), (_, score, shift) = max(others.items(), key=lambda item: item[1][1])
    if kind == "shifted":  # what is too wide fits on one side when it is moved, and all round when it shrinks
        rounds = {n: _fit(_grown_by(labels, n), image_edges)[0] for n in ALL_ROUND}
        if max(rounds.values()) > score:
            kind, how = "outlines", max(rounds, key=rounds.get)
            score = rounds[how]
    if kind == "shifted" and np.abs(shift).max() <= TOLERATED:
        kind = "nowhere"
    if score < CLEAR or kind == "nowhere" or score < BETTER * max(here, 1):
        if max(here, best) < CLEAR:
            notes.not_judged.append(
                "whether the labels lie in the right place: their edges fit none of the image's."
            )
        return
    _say_place(notes, kind, how, shift)


def _grown_by(labels: np.ndarray, pixels: int) -> np.ndarray:
    """Labels with outlines so many pixels further out, or further in."""
    if pixels > 0:
        from skimage.segmentation import expand_labels

        return expand_labels(labels, pixels)
    inside = ndimage.distance_transform_edt((labels > 0) & ~edges_of(labels))
    return np.where(inside >= -pixels, labels, 0)


def _say_place(notes: Notes, kind: str, how, shift) -> None:
    if kind == "outlines":
        told = (
            f"The outlines would fit the image better about {abs(how)} pixels further "
            f"{'out' if how > 0 else 'in'}, all round: they were drawn, or made by a program, too "
            f"{'narrow' if how > 0 else 'wide'}"
        )
        return notes.find("outlines", f"{told}. Go back to the labels before that; shapes do not come back.")
    where = " and ".join(
        f"{abs(n)} pixels {words[int(n > 0)]}"
        for n, words in zip(
            shift, (("up", "down"), ("to the left", "to the right"))[-len(shift) :], strict=False
        )
        if n
    )
    if len(shift) > 2:
        where = f"{tuple(int(n) for n in shift)} pixels"
    if kind == "shifted":
        told = f"The labels would fit the image much better if they were moved {where}. repair() moves them"
        return notes.find(
            "shifted", f"{told}; what left the image stays lost.", mended=_moved(notes.labels, shift)
        )
    if kind == "turned":
        turned = dict(_orientations(notes.labels))[how]
        told = f"The labels would fit the image if they were {how}. repair() does it."
        return notes.find(
            "turned", told, mended=_moved(turned, shift if np.abs(shift).max() > TOLERATED else 0 * shift)
        )
    told = (
        f"The labels would fit the image better at {how:g} times their size: they were drawn on another "
        "version of it"
    )
    notes.find(
        "scaled", f"{told}, resized or cropped. Find that version; resized labels would only be about right."
    )


def _image_edges(channels: list[np.ndarray]) -> np.ndarray:
    """Strength of the edges, the same for dim and bright objects up to a limit; mean 0."""
    total = np.zeros(channels[0].shape, np.float32)
    for channel in channels:
        strength = ndimage.gaussian_gradient_magnitude(channel, 1.5)
        limit = np.percentile(strength[(slice(None, None, 2),) * strength.ndim], 95)
        if limit > 0:
            total += np.minimum(strength / limit, 1)
    return total - total.mean()


def _fit(labels: np.ndarray, image_edges: np.ndarray) -> tuple[float, float, np.ndarray]:
    """How well the edges fit here and at the best place near, in standard deviations; and that place."""
    drawn = edges_of(labels).astype(np.float32)
    reach = tuple(min(64, n // 4) for n in labels.shape)
    found = fft.irfftn(image_edges * np.conj(fft.rfftn(drawn)), labels.shape)
    found /= found.std() or 1
    near = found[np.ix_(*(np.arange(-r, r + 1) for r in reach))]
    best = np.unravel_index(np.argmax(near), near.shape)
    around = near[tuple(slice(max(r - 1, 0), r + 2) for r in reach)]
    return float(around.max()), float(near[best]), np.array(best) - reach


def _uneven(labels: np.ndarray, image_edges: np.ndarray) -> bool:
    """Whether two or more corners of the image fit only after a shift, as they do when the scale is
    wrong."""
    if labels.ndim != 2 or min(labels.shape) < 128:
        return False
    halves = [(slice(None, n // 2), slice(n // 2, None)) for n in labels.shape]
    moved = 0
    for corner in itertools.product(*halves):
        part = image_edges[corner] - image_edges[corner].mean()
        _, best, shift = _fit(labels[corner], fft.rfftn(part))
        moved += best >= CLEAR and np.abs(shift).max() > TOLERATED
    return moved >= 2


def _scaled(labels: np.ndarray, factor: float) -> np.ndarray:
    """Labels at another scale around the middle, in an image of the same size."""
    scaled = labels
    for axis, n in enumerate(labels.shape):
        at = np.rint((np.arange(n) - n / 2) / factor + n / 2).astype(int)
        scaled = scaled.take(at.clip(0, n - 1), axis)
        scaled[(slice(None),) * axis + ((at < 0) | (at >= n),)] = 0
    return scaled


def _orientations(labels: np.ndarray):
    """The labels mirrored or turned in the plane, as far as that keeps their size."""
    yield "turned upside down (mirrored top to bottom)", np.flip(labels, -2)
    yield "mirrored left to right", np.flip(labels, -1)
    yield "turned by 180 degrees", np.flip(labels, (-2, -1))
    if labels.shape[-1] == labels.shape[-2]:
        turned = np.swapaxes(labels, -1, -2)
        yield "transposed (rows and columns exchanged)", turned
        yield "turned by 90 degrees", np.flip(turned, -2)
        yield "turned by 270 degrees", np.flip(turned, -1)


def _moved(labels: np.ndarray, shift) -> np.ndarray:
    """Labels moved by whole pixels; what comes in is background."""
    moved = np.zeros_like(labels)
    into = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(shift, labels.shape, strict=True))
    out_of = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(shift, labels.shape, strict=True))
    moved[into] = labels[out_of]
    return moved


# ---------------------------------------------------------------- objects without label


def itself(notes: Notes) -> None:
    """The image in place of the labels."""
    if (
        any(np.array_equal(notes.labels, channel) for channel in notes.channels)
        and len(np.unique(notes.labels)) > 2
    ):
        told = (
            "These are not labels, but the image itself, or one of its channels: the files have changed "
            "places."
        )
        notes.find("picture", told)
        notes.stop(readable=False)


def unlabelled(notes: Notes) -> None:
    """Regions outside all labels that are as bright (or dark), as large and as thick as the labelled
    objects."""
    names = {finding.name for finding in notes.findings}
    if not notes.channels or names & {"shifted", "turned", "scaled", "outlines"}:
        return
    objects = notes.objects
    seen = _separating(notes.smooth, objects)
    if seen is None:
        told = (
            "whether objects lack a label: the labelled ones do not stand out from the background by "
            "brightness."
        )
        notes.not_judged.append(told)
        return
    found = _as_large(seen & ~grown(objects.index > 0, 4), objects)
    if found:
        told = (
            f"{counted(len(found), 'region')} without label {'is' if len(found) == 1 else 'are'} as bright "
            "(or dark) and "
            "as large as labelled objects: what is not drawn is taught as background. Draw them, or cut "
            "them out."
        )
        cut = sum(_at_the_border(place, seen.shape) for place in found)
        if cut:
            told += f" ({cut} of them at the image's border, where some leave objects out on purpose.)"
        notes.find("unlabelled", told, found)


def _as_large(mask: np.ndarray, objects: Objects) -> list[tuple[int, ...]]:
    """Boxes of the pieces of a mask that are as large, as compact and as thick as the objects; largest
    first."""
    typical = 0.5 * float(np.median(objects.areas[1:]))
    if mask.sum() < typical:
        return []
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    places = ndimage.find_objects(pieces)
    thickness, found = None, []
    for i in np.flatnonzero(sizes[1:] >= typical):
        filled = sizes[i + 1] / max(np.prod([s.stop - s.start for s in places[i]]), 1)
        if filled <= 0.5:
            continue
        thickness = _thickness(objects) if thickness is None else thickness
        if _depth(pieces[places[i]] == i + 1) >= 0.6 * thickness:
            found.append((sizes[i + 1], box(places[i])))
    return [place for _, place in sorted(found, reverse=True)]


def _at_the_border(place: tuple, shape: tuple) -> bool:
    first, last = place[: len(shape)], place[len(shape) :]
    return any(a == 0 or b == n for a, b, n in zip(first, last, shape, strict=True))


def _depth(mask: np.ndarray) -> float:
    """How far the innermost pixel of a mask lies from its outside."""
    return float(ndimage.distance_transform_edt(np.pad(mask, 1)).max())


def _thickness(objects: Objects) -> float:
    """Median over objects of the depth of their middle, of at most 30 of them."""
    count = len(objects.boxes)
    some = np.linspace(1, count, min(30, count)).astype(int)
    return float(np.median([_depth(objects.mask(number)) for number in some]))


def _separating(smooth: list[np.ndarray], objects: Objects) -> np.ndarray | None:
    """Pixels on the objects' side of a grey value that parts nearly all objects from nearly all
    background."""
    outside = objects.index == 0
    if len(objects.boxes) < 3 or outside.mean() < 0.2:
        return None
    best = None
    flat, areas = objects.index.ravel(), objects.areas[1:]
    for channel in smooth:
        means = np.bincount(flat, channel.ravel(), len(areas) + 1)[1:] / areas
        low, dark, high = np.percentile(channel[outside], (25, 50, 75))
        bright = np.median(means)
        sign = 1 if bright > dark else -1
        level = dark + 0.6 * (bright - dark)
        apart = np.mean(sign * (means - (dark + level) / 2) > 0)
        clear = abs(bright - dark) / max(high - low, 1e-9)
        if apart > 0.9 and clear > 5 and (best is None or clear > best[0]):
            best = clear, sign * (channel - level) > 0
    return None if best is None else best[1]
