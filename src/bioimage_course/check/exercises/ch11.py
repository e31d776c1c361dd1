"""Exercises of chapter 11, StarDist.

Conventions, the same as in StarDist: points are (row, column); ray k of n leaves at the angle 2πk/n, so ray 0
points to the right (columns grow) and ray n/4 down (rows grow).
"""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_choices,
    expect_number,
)
from bioimage_course.materials.ch11 import SHAPE, banana, disc, grid, inner_point

# --- shapes ------------------------------


def _ellipse(row, column, long, short, degrees, shape=SHAPE):
    y, x = grid(shape)
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    u, v = (x - column) * c + (y - row) * s, -(x - column) * s + (y - row) * c
    return (u / long) ** 2 + (v / short) ** 2 <= 1


# --- (a) rays ------------------------------


def _march(mask, point, n_rays, *, swap=False, mirror=False, endpoint=False, wrap=False, transpose=False):
    """Distances to the boundary along the rays, in quarter pixels, with the usual mistakes built in."""
    point = point[::-1] if transpose else point
    distances = []
    for angle in np.linspace(0, 2 * np.pi, n_rays, endpoint=endpoint):
        step = np.array([np.sin(angle), np.cos(angle)])
        step = step[::-1] if swap else step
        step = step * (-1, 1) if mirror else step
        length = 0.0
        while length < 2 * max(mask.shape):
            row, column = np.rint(np.array(point) + (length + 0.25) * step).astype(int)
            inside = row < mask.shape[0] and column < mask.shape[1] and (wrap or (row >= 0 and column >= 0))
            if not inside or not mask[row, column]:
                break
            length += 0.25
        distances.append(length)
    return np.array(distances)


def _agrees(distances, reference):
    """Within what step width, rounding and where exactly the boundary is drawn may change."""
    return bool(np.all((distances >= reference - 1.3) & (distances <= reference + 1.8)))


def _iou(mask, corners):
    from skimage.draw import polygon

    drawn = np.zeros(mask.shape, bool)
    drawn[polygon(corners[:, 0], corners[:, 1], mask.shape)] = True
    return np.count_nonzero(mask & drawn) / np.count_nonzero(mask | drawn)


@exercise(
    chapter="11",
    hints=(
        "Standing at the point and looking in one direction: how would you find out, step by step, where "
        "the mask "
        "ends?",
        "One loop over the angles 2π·k/n. Inside, a while loop that makes the distance longer, in "
        "steps of half a "
        "pixel, say, as long as the pixel at the rounded position is still inside the mask.",
        "The position at distance r is row + r·sin(angle), column + r·cos(angle). Stop also when it leaves "
        "the image: compare with 0 and mask.shape before you look into the mask.",
        "outline needs no loop: rows = point[0] + distances * np.sin(angles), columns = point[1] + "
        "distances * "
        "np.cos(angles), then np.stack([rows, columns], axis=1).",
    ),
)
def rays(radial_distances, outline):
    """Measure the radial distances of a mask from a point, and turn them back into an outline."""
    expect_callable(radial_distances, "radial_distances")
    expect_callable(outline, "outline")
    _check_distances(radial_distances)
    _check_outline(outline)
    shapes = {"disc": disc(48, 48, 30), "ellipse": _ellipse(48, 48, 40, 16, 30), "banana": banana()}
    score = {}
    for name, mask in shapes.items():
        point = inner_point(mask)
        for n in (4, 8, 16, 32, 64):
            distances = expect_array(call(radial_distances, mask, point, n), shape=(n,), dtype="number")
            score[name, n] = _iou(mask, expect_array(call(outline, distances, point), shape=(n, 2)))
    if score["disc", 32] < 0.9 or score["ellipse", 32] < 0.85:
        raise Failure(
            "Both functions pass alone, but together they do not give the shape back: use the same "
            "angles in both."
        )
    rows = "; ".join(f"{name} {score[name, 4]:.2f} → {score[name, 32]:.2f}" for name in shapes)
    return f"IoU with 4 → 32 rays: {rows}. No number of rays shows what the point cannot see."


def _check_distances(function):
    mask = _ellipse(40, 52, 34, 14, 25) | disc(58, 36, 13)
    point = (44, 50)
    wanted = _march(mask, point, 16)
    got = _distances(function, mask, point, 16, pure=True)
    if not _agrees(got, wanted):
        _explain_distances(got, mask, point, wanted)
    _check_narrow_gap(function)
    _check_all_directions(function)
    for where in ("upper left", "lower right"):
        _check_border(function, where)


def _distances(function, mask, point, n_rays, **settings):
    got = call(function, mask, point, n_rays, **settings)
    return expect_array(got, shape=(n_rays,), dtype="number", what="your list of distances")


def _check_narrow_gap(function):
    """A single pixel in a hole one pixel wide: the mask goes on behind it, the rays do not."""
    mask = disc(20, 24, 12, (40, 50))
    mask[19:22, 23:26] = False
    mask[20, 24] = True
    got, wanted = _distances(function, mask, (20, 24), 8), _march(mask, (20, 24), 8)
    if not _agrees(got, wanted):
        k = int(np.argmax(np.abs(got - wanted)))
        raise Failure(
            "Around a single pixel lies a gap one pixel wide, then the mask goes on. There ray "
            f"{k} is {got[k]:.1f} pixels long, although it leaves the mask within the first pixel: begin to "
            "look at the point itself, and skip no pixel."
        )


def _check_border(function, where):
    """An object cut off by a corner of a wide image, with something at the opposite borders."""
    mask, point = np.zeros((60, 96), bool), (6, 8)
    mask[:20, :17] = mask[-6:, :17] = mask[:20, -6:] = True
    if where == "lower right":
        mask, point = mask[::-1, ::-1], (53, 87)
    got, wanted = _distances(function, mask, point, 8), _march(mask, point, 8)
    framed = _distances(function, np.pad(mask, 4), (point[0] + 4, point[1] + 4), 8)
    if _agrees(got, wanted) and np.all(np.abs(got - framed) < 0.7):
        return
    if where == "upper left" and _agrees(got, _march(mask, point, 8, wrap=True)):
        raise Failure(
            "At the border of the image your ray comes back on the other side: in NumPy a negative index "
            "counts from the end, so stop when row or column falls below 0."
        )
    off = got - wanted if not _agrees(got, wanted) else got - framed
    k = int(np.argmax(np.abs(off)))
    size = f"{abs(off[k]):.1f} pixels too {'long' if off[k] > 0 else 'short'}"
    raise Failure(
        f"For an object cut off by the {where} corner of a wide image (60 rows, 96 columns) the distances "
        f"are wrong: ray {k} of 8 is {size}. The image's edge ends a ray."
    )


def _check_all_directions(function):
    """Seen from its centre a disc is equally wide in all directions, whatever step and boundary one takes."""
    n_rays, words = 96, ("to the right", "downwards", "to the left", "upwards")
    got = _distances(function, disc(30, 34, 24, (60, 80)), (30, 34), n_rays)
    eighth = np.arange(-(n_rays // 16) + 1, n_rays // 16)
    means = [got[(eighth + side * n_rays // 4) % n_rays].mean() for side in range(4)]
    if np.ptp(means) > 0.12:
        told = ", ".join(f"{word} {mean:.2f}" for word, mean in zip(words, means, strict=True))
        raise Failure(
            "From the centre of a disc the rays are not equally long in all directions: on average "
            f"{told} pixels. A pixel reaches half a pixel to either side of its row and column: round both "
            "to the nearest whole number (int only cuts off), at the same place on the ray."
        )


def _explain_distances(got, mask, point, wanted):
    mistakes = {
        "Sine and cosine are swapped: ray 0 must point to the right, so rows go with the sine and "
        "columns with "
        "the cosine.": {"swap": True},
        "Your rays turn the wrong way: rows grow downwards, so the second of four rays points down "
        "(row + r·sin).": {"mirror": True},
        "Your first and last ray point the same way: use 2πk/n, or np.linspace(…, endpoint=False).": {
            "endpoint": True
        },
        "Row and column of the point are swapped: points are (row, column).": {"transpose": True},
    }
    for sentence, mistake in mistakes.items():
        if _agrees(got, _march(mask, point, 16, **mistake)):
            raise Failure(sentence)
    if _agrees(np.sqrt(np.abs(got)), wanted):
        raise Failure("These are squared distances: take the square root.")
    if np.allclose(got, got[0]):
        raise Failure(
            f"All your distances are {got[0]:g}; each ray must be followed until it leaves the mask."
        )
    if np.all(got >= wanted - 1.3) and np.any(got > wanted + 1.8):
        k = int(np.argmax(got - wanted))
        raise Failure(
            f"Ray {k} is {got[k]:.1f} pixels long but leaves the mask after {wanted[k]:.1f}: stop at "
            f"the first pixel "
            "outside, even if the mask goes on behind it."
        )
    k = int(np.argmax(np.abs(got - wanted)))
    raise Failure(f"Ray {k} of 16 should be about {wanted[k]:.1f} pixels long; yours is {got[k]:.1f}.")


def _check_outline(function):
    distances, point = np.array([10.0, 4.0, 7.0, 2.0, 9.0, 5.0, 3.0, 6.0]), (30, 50)
    angles = np.arange(8) * 2 * np.pi / 8
    offset = np.stack([distances * np.sin(angles), distances * np.cos(angles)], axis=1)
    closed = np.concatenate([offset + point, (offset + point)[:1]])
    wanted = offset + point
    got = call(function, distances, point)
    expect_array(
        got,
        shape=None if np.shape(got) == (9, 2) else (8, 2),
        dtype="number",
        what="your outline",
        mistakes={
            "Each corner must be (row, column); yours are (column, row).": wanted[:, ::-1],
            "The corners are relative to the point: add its row and column.": offset,
            "Sine and cosine are swapped: rows go with the sine, columns with the cosine.": offset[:, ::-1]
            + point,
            "Your outline is turned upside down: rows grow downwards, so add r·sin to the row.": offset
            * (-1, 1)
            + point,
            "Leave out the ninth corner: the polygon closes by itself.": closed,
        },
    )
    expect_array(got, close_to=wanted, atol=0.02, what="your outline")


# --- (b) non-maximum suppression ------------------------------


def _candidates():
    """Candidates (n, Y, X) and scores: a chain, small discs inside large ones, a lonely one, an ellipse."""
    masks = np.stack(
        [
            disc(30, 36, 12),  # 0: middle of the chain 4 – 0 – 2
            disc(72, 26, 6),  # 1: inside 5
            disc(30, 46, 12),  # 2: end of the chain
            disc(72, 76, 10),  # 3: lonely
            disc(30, 26, 12),  # 4: beginning of the chain
            disc(72, 26, 17),  # 5
            _ellipse(60, 75, 11, 10, 90),  # 6: overlaps 3
            disc(10, 80, 4),  # 7: small and good, inside 8
            disc(12, 80, 12),  # 8: large and not so good
        ]
    )
    return masks, np.array([0.80, 0.55, 0.70, 0.65, 0.90, 0.75, 0.60, 0.85, 0.58])


def _suppress(masks, scores, threshold, *, order="best", keep_if="below", against="kept", measure="smaller"):
    """Greedy suppression with the usual mistakes built in; returns the kept indices."""
    indices = {"best": np.argsort(-scores), "given": np.arange(len(scores)), "worst": np.argsort(scores)}[
        order
    ]
    kept, seen = [], []
    for i in indices.tolist():
        shares = []
        for j in {"kept": kept, "all": seen, "last": kept[-1:]}[against]:
            both = np.count_nonzero(masks[i] & masks[j])
            areas = np.count_nonzero(masks[i]), np.count_nonzero(masks[j])
            shares.append(
                both
                / {
                    "smaller": min(areas),
                    "larger": max(areas),
                    "iou": sum(areas) - both,
                    "candidate": areas[0],
                    "kept one": areas[1],
                }[measure]
            )
        seen.append(i)
        passes = {"below": np.less_equal, "strictly": np.less, "above": np.greater_equal}[keep_if]
        if all(passes(share, threshold) for share in shares):
            kept.append(i)
    return kept


_NMS_MISTAKES = (
    (
        {"keep_if": "above"},
        "The comparison is the wrong way round: suppress a candidate that overlaps *more* than the "
        "threshold, keep one that overlaps less.",
    ),
    (
        {"order": "worst"},
        "You begin with the worst candidate: sort by score, highest first (np.argsort(-scores)).",
    ),
    (
        {"order": "given"},
        "You go through the candidates in the given order: begin with the highest score "
        "(np.argsort(-scores)).",
    ),
    (
        {"against": "all"},
        "A candidate that was itself suppressed suppresses another one: compare only with those that "
        "you have kept.",
    ),
    (
        {"measure": "iou"},
        "You divide the overlap by the union. StarDist divides by the area of the *smaller* of the "
        "two; otherwise a small candidate inside a large one survives.",
    ),
    ({"measure": "larger"}, "You divide the overlap by the larger area; divide by the smaller one."),
    (
        {"measure": "candidate"},
        "You divide by the candidate's own area. Divide by the smaller of the two: a large candidate over "
        "a small "
        "kept one must go, too.",
    ),
    (
        {"measure": "kept one"},
        "You divide by the area of the kept one. Divide by the smaller of the two: a small candidate "
        "inside a large "
        "kept one must go, too.",
    ),
    (
        {"against": "last"},
        "You compare with the last one kept only; compare with all that you have kept.",
    ),
)


@exercise(
    chapter="11",
    hints=(
        "With which other candidates must one be compared: with all, or only with some? In which order do "
        "you go?",
        "Start with an empty list `kept` and go through np.argsort(-scores). For each candidate look at "
        "the kept ones only.",
        "overlap = (masks[i] & masks[j]).sum() / min(masks[i].sum(), masks[j].sum()). Keep candidate i if "
        "no kept j overlaps it by more than the threshold.",
    ),
)
def suppression(nms):
    """Write non-maximum suppression: keep the best candidate, drop those that overlap it, go on."""
    expect_callable(nms)
    masks, scores = _candidates()
    for threshold in (0.3, 0.05, 0.95):
        wanted = _suppress(masks, scores, threshold)
        got = _kept(call(nms, masks, scores, threshold, pure=True), len(masks))
        if sorted(got) == sorted(wanted):
            continue
        for mistake, sentence in _NMS_MISTAKES:
            if sorted(got) == sorted(_suppress(masks, scores, threshold, **mistake)):
                raise Failure(sentence)
        ranks = np.argsort(-scores).tolist()
        if sorted(ranks[i] for i in got) == sorted(wanted):
            raise Failure("You return positions in the sorted list; return the candidates' own numbers.")
        if len(got) == len(masks):
            raise Failure(
                f"You keep all {len(masks)} candidates, although some of them lie on top of each other."
            )
        raise Failure(
            f"At threshold {threshold} the candidates {sorted(wanted)} survive; yours are {sorted(got)}."
        )
    _check_tie(nms)
    empty = call(nms, masks[:0], scores[:0], 0.3)
    if len(_kept(empty, 0)):
        raise Failure("Without any candidate the list of survivors must be empty.")
    return (
        f"The best candidate of each object survives, {len(_suppress(masks, scores, 0.3))} of 9 at "
        f"threshold 0.3."
    )


def _check_tie(nms):
    """An overlap of exactly the threshold, half of either square, is not more than the threshold."""
    squares = np.zeros((2, 12, 12), bool)
    squares[0, 2:6, 2:6] = squares[1, 2:6, 4:8] = True
    got = _kept(call(nms, squares, np.array([0.9, 0.8]), 0.5), 2)
    if sorted(got) != [0, 1]:
        raise Failure(
            "Two candidates that share exactly half of their area, at threshold 0.5: both stay, because "
            "the overlap is "
            "not *more* than the threshold."
        )


def _kept(value, number):
    if isinstance(value, (set, frozenset)):  # the order does not matter
        value = sorted(value)
    array = (
        expect_array(value, what="the list of kept candidates")
        if np.size(value) or value is None
        else np.zeros(0)
    )
    if array.dtype.kind == "b":
        raise Failure("Return the numbers of the kept candidates, for instance [4, 2], not True and False.")
    if array.ndim != 1:
        raise Failure(f"Return one flat list of numbers, not an array of shape {array.shape}.")
    if np.any(array != np.round(array)) or np.any(array < 0) or np.any(array >= number):
        raise Failure(f"Each entry must be a candidate's number, 0 to {number - 1}.")
    if len(set(array.tolist())) != len(array):
        raise Failure("A candidate is in your list twice.")
    return array.astype(int).tolist()


# --- (c) the best star ------------------------------


def _hook(shape=SHAPE):
    """A spread cell as one draws it: a body with a long arm that bends."""
    y, x = grid(shape)
    body = disc(64, 34, 20, shape)
    arm = (np.abs(np.hypot(y - 64, x - 54) - 34) <= 6) & (y <= 64) & (x >= 34)
    return body | arm


def _spread(mask, step=9):
    """Points spread over a mask, the innermost in between."""
    inside = np.argwhere(mask)
    points = [*inside[:: max(1, len(inside) // 14)], inner_point(mask)]
    return np.array(points[step:] + points[:step])


@exercise(
    chapter="11",
    hints=(
        "What would somebody do who has a pencil, a mask and a handful of points, and wants the best of "
        "their stars?",
        "Go through the points one by one: draw the star of the point, compare it with the mask, and "
        "remember the point whose star fits best.",
        "The polygon of a point is star_polygon(mask, 32, point), its likeness metrics.iou(mask, polygon).",
        "Collect one IoU a point in a list; np.argmax of the list says which point it belongs to. Return "
        "that point (not its number in the list), and its IoU.",
    ),
)
def best_star(best_star):
    """Of several inner points, find the one whose star comes nearest to the mask."""
    expect_callable(best_star)
    told = []
    for name, mask in (
        ("banana", banana()),
        ("cell with an arm", _hook()),
        ("ellipse", _ellipse(48, 48, 40, 16, 30)),
    ):
        points = _spread(mask)
        stars = [_star_of(mask, point) for point in points]
        scores = np.array([_iou(mask, star) for star in stars])
        for order in (slice(None), slice(None, None, -1)):
            answer = call(best_star, mask, points[order], pure=True)
            told.append((name, _inner_score(mask), _judge_star(name, mask, points, stars, scores, answer)))
    name, inner, best = told[0]
    return f"{name}: IoU {best:.2f} from the best point, {inner:.2f} from the innermost one."


def _star_of(mask, point):
    """Corners of the star polygon of a point, (32, 2)."""
    reach = _march(mask, point, 32)
    angles = 2 * np.pi * np.arange(32) / 32
    return np.stack([point[0] + reach * np.sin(angles), point[1] + reach * np.cos(angles)], axis=1)


def _inner_score(mask):
    """IoU of the star of the innermost point."""
    return _iou(mask, _star_of(mask, inner_point(mask)))


def _judge_star(name, mask, points, stars, scores, answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Failure("Return two things, the best point and its IoU: `return point, iou`.")
    point, iou = answer
    if np.ndim(point) == 0:
        raise Failure("The first thing you return is one number; wanted is the point itself, (row, column).")
    point = expect_array(point, shape=(2,), dtype="number", what="your point")
    chosen = np.flatnonzero((points == point).all(axis=1))
    if not len(chosen):
        raise Failure(f"Your point {tuple(point)} is none of the points that you were given.")
    star, best = stars[chosen[0]], scores.max()
    if scores[chosen[0]] < best - 0.03:
        raise Failure(
            f"{name}: the star of your point has an IoU of {scores[chosen[0]]:.2f}, another one of "
            f"{best:.2f}. Compare all points, and keep the one with the highest IoU."
        )
    shared, whole = _overlap(mask, star)
    expect_number(
        iou,
        close_to=scores[chosen[0]],
        atol=0.04,
        what="the IoU of the best star",
        mistakes={
            "That is the number of shared pixels: divide it by the union.": shared,
            "That is a percentage; give a number between 0 and 1.": 100 * shared / whole,
        },
    )
    return float(best)


def _overlap(mask, corners):
    """Pixels shared by a mask and a polygon, and pixels of either."""
    from skimage.draw import polygon

    drawn = np.zeros(mask.shape, bool)
    drawn[polygon(corners[:, 0], corners[:, 1], mask.shape)] = True
    return np.count_nonzero(mask & drawn), np.count_nonzero(mask | drawn)


# --- (d) shape features ------------------------------


def _before_after():
    """Label images before and after (32-ray polygons). Object 5 is lost, object 3 has no partner."""
    before, after = np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    half_ring = np.zeros(SHAPE, bool)
    half_ring[36:, 36:] = banana((60, 60))
    shapes = {9: _ellipse(24, 26, 22, 13, 10), 2: disc(70, 20, 15), 5: disc(20, 76, 9), 7: half_ring}
    for label, mask in shapes.items():
        before[mask] = label
        if label != 5:
            after[_star_polygon(mask)] = label
    after[disc(10, 86, 6)] = 3
    return before, after


def _star_polygon(mask, n_rays=32):
    """What is left of a mask after 32 rays from its inner point."""
    from skimage.draw import polygon

    point = inner_point(mask)
    angles = 2 * np.pi * np.arange(n_rays) / n_rays
    distances = _march(mask, point, n_rays)
    drawn = np.zeros(mask.shape, bool)
    drawn[
        polygon(point[0] + distances * np.sin(angles), point[1] + distances * np.cos(angles), mask.shape)
    ] = True
    return drawn


def _features(labels, feature):
    from skimage.measure import regionprops

    return {region.label: float(getattr(region, feature)) for region in regionprops(labels)}


@exercise(
    chapter="11",
    hints=(
        "How do you know which object after belongs to which object before, if some are lost and some are "
        "new?",
        "regionprops_table(labels, properties=('label', feature)) gives both columns. Put them into "
        "a dictionary "
        "{label: value} for each of the two images.",
        "Loop over the labels that both dictionaries have, collect (after - before) / before, and "
        "return the mean.",
    ),
)
def shape_bias(relative_change):
    """Measure by how much a shape feature changes, object by object, from one label image to another."""
    expect_callable(relative_change)
    before, after = _before_after()
    changes = {}
    for feature in ("area", "perimeter", "solidity"):
        a, b = _features(before, feature), _features(after, feature)
        common = sorted(set(a) & set(b))
        x, y = np.array([a[i] for i in common]), np.array([b[i] for i in common])
        in_a_row = np.array(list(a.values())), np.array(list(b.values()))
        mistakes = {
            "The sign is the wrong way round: (after − before) / before, so that shrinking is "
            "negative.": -np.mean((y - x) / x),
            "You divide by the value after; what it was before is the reference.": np.mean((y - x) / y),
            "That is the mean difference; divide each difference by the value before.": np.mean(y - x),
            "That is the mean ratio; subtract 1, so that no change is 0.": np.mean(y / x),
            "That is a percentage; return the fraction.": 100 * np.mean((y - x) / x),
            "You compare the means; compute the change of each object first, then average.": y.mean()
            / x.mean()
            - 1,
            "You take absolute values: then a bias cannot be told from scatter.": np.mean(np.abs(y - x) / x),
            "The objects are paired by their position in the list: label 5 is missing afterwards and "
            "3 is new, so "
            "pair them by label.": np.mean((in_a_row[1] - in_a_row[0]) / in_a_row[0]),
            "You average over all labels before, including the lost one: use the labels that both "
            "images have.": (np.sum((y - x) / x) / len(a)),
        }
        changes[feature] = expect_number(
            call(relative_change, before, after, feature, pure=True),
            close_to=np.mean((y - x) / x),
            atol=1e-6,
            what=f"the relative change of the {feature}",
            mistakes=mistakes,
        )
    same = call(relative_change, before, before, "area")
    expect_number(same, close_to=0, atol=1e-9, what="the change between an image and itself")
    told = ", ".join(f"{name} {value:+.0%}" for name, value in changes.items())
    told = told.replace("-", "−").replace("%", " %")
    return f"Polygons changed {told} on average, mostly because of the one bent object."


# --- (e) the empty image ------------------------------


@exercise(
    chapter="11",
    hints=(
        "By what would you divide an image whose two percentiles are only as far apart as the noise?",
        "low, high = np.percentile(image, (1, 99.8)) of the image as floating-point numbers. Then "
        "decide by what "
        "to divide.",
        "Divide by max(high - low, smallest_range): a real image is normalised as before, an empty "
        "one is not "
        "stretched any further than the smallest range allows.",
    ),
)
def guarded_normalisation(normalise):
    """Normalise by percentiles, without stretching the noise of an empty image to full contrast."""
    expect_callable(normalise)
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 3, (64, 64)).clip(0, 255)
    image = noise + 120.0 * disc(30, 34, 14, (64, 64))
    image[5, 6] = 4000  # a hot pixel
    for picture, what in (
        (image, "a real image"),
        (np.round(image).clip(0, 255).astype(np.uint8), "an 8-bit image"),
    ):
        exact = picture.astype(float)
        low, high = np.percentile(exact, (1, 99.8))
        wanted = (exact - low) / (high - low)
        with np.errstate(all="ignore"):
            wrapped = (picture - picture.dtype.type(low)) / (high - low)
        peak = exact.max() - exact.min()
        expect_array(
            call(normalise, picture, 20.0, pure=True),
            close_to=wanted,
            rtol=1e-3,
            atol=5e-3,
            what=f"the normalised version of {what}",
            mistakes={
                "You clip to 0…1: do not, percentiles are mapped to 0 and 1, and what lies outside "
                "stays outside.": (np.clip(wanted, 0, 1)),
                "You use minimum and maximum: one hot pixel then decides about all others; use "
                "percentiles 1 and 99.8.": ((exact - exact.min()) / peak),
                "You divide by the upper percentile; divide by the difference of the two percentiles.": (
                    exact - low
                )
                / high,
                "You divide by smallest_range although the image has more contrast: take the larger "
                "of the two.": ((exact - low) / 20.0),
                "8-bit numbers wrap around below 0: convert to floating point before you subtract.": wrapped,
                "You standardise (mean and standard deviation); here percentiles 1 and 99.8 become "
                "0 and 1.": ((exact - exact.mean()) / exact.std()),
            },
        )
    low, high = np.percentile(noise, (1, 99.8))
    stretched = (noise - low) / (high - low)
    expect_array(
        call(normalise, noise, 60.0),
        close_to=(noise - low) / 60.0,
        rtol=1e-3,
        atol=5e-3,
        what="the normalised empty image",
        mistakes={
            "The noise of the empty image is still stretched to full contrast: smallest_range is "
            "not used.": stretched,
            "You set the empty image to zero: a dim but real nucleus would vanish as well. Limit the "
            "stretching instead.": (np.zeros_like(noise)),
            "You return the empty image as it was, with intensities near 100; it must be near 0.": noise,
        },
    )
    expect_array(
        call(normalise, np.full((8, 8), 7), 10.0),
        close_to=np.zeros((8, 8)),
        atol=1e-6,
        what="a constant image",
    )
    return "Real images are normalised as before, and an empty one stays dark."


# --- (f) judgement ------------------------------

NOW = {
    "round nuclei, 25 pixels wide as in training; you report their area": "go on",
    "crescents; you report their perimeter": "other tool",
    "nuclei 8 pixels wide; the network learnt widths of 20 to 30": "rescale",
    "some wells of the plate have no cells, and each image is normalised by its own "
    "percentiles": "fixed limits",
    "your model: AP 0.80 on 50 test images; another: AP 0.83 on 67 images held back from its training set": (
        "same images first"
    ),
    "a downloaded model reaches AP 0.92 on images of a collection that it was trained on": "own images first",
}
NOT_NOW = {
    "go on": "Something about shape, size, contrast or the number is amiss here.",
    "other tool": "One inner point sees the whole boundary of these objects, or the question is another one.",
    "rescale": "The size in pixels is not the trouble here.",
    "fixed limits": "The contrast of empty images is not the trouble here.",
    "same images first": "That cures a comparison of two numbers from different images.",
    "own images first": "That cures a number from images which the model has known.",
}


@exercise(
    chapter="11",
    hints=(
        "Of each situation ask: can the shape be described by rays from one point? Has the network seen "
        "this size and "
        "this contrast? On which images was the number measured?",
        "Two situations are about numbers, two about what the network is shown, one about shapes; in one "
        "nothing is "
        "wrong.",
    ),
)
def what_now(now):
    """Say, for each of six situations, what you would do."""
    expect_choices(now, NOW, NOT_NOW, ("now", "situation"))
    return "Shape, size, contrast, and where a number comes from: four questions before you trust a mask."
