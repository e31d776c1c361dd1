"""Exercises of chapter 13, Segment Anything for microscopy.

Conventions: points are (row, column), boxes (top, left, bottom, right) with bottom and right just outside the
object, as in slices; the label of a click is 1 for "this belongs to the object" and 0 for "this does not".
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
from bioimage_course.materials.ch13 import depth, hit, largest_region

SHAPE = (80, 96)


# --- shapes ------------------------------


def _disc(row, column, radius, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def _ring(row, column, radius, width, shape=SHAPE):
    return _disc(row, column, radius, shape) & ~_disc(row, column, radius - width, shape)


def _square(row, column, side, shape=SHAPE):
    """So small that a click one pixel off is outside, or at its border."""
    mask = np.zeros(shape, bool)
    mask[row : row + side, column : column + side] = True
    return mask


# --- (a) the next click ------------------------------


def _click_cases():
    """Name, truth, prediction, the region in which the next click belongs, and its label."""
    nucleus, neighbour = _disc(40, 34, 18), _disc(40, 70, 14)
    bite = nucleus & _disc(40, 56, 14)
    yield "a piece is missing", nucleus, nucleus & ~bite, 1
    yield "a neighbour is swallowed", nucleus, nucleus | neighbour, 0
    yield "two crumbs and one larger piece", nucleus | _disc(8, 80, 5), nucleus & ~_disc(30, 26, 6), 1
    crumbs = _disc(8, 60, 6) | _disc(8, 80, 6) | _disc(70, 76, 6)
    yield "several mistakes of both kinds", nucleus, (nucleus & ~_disc(40, 26, 9)) | crumbs, 1
    both, outside = _disc(40, 52, 12), _disc(40, 52, 9) & ~nucleus
    yield "too little here, too much beside it", nucleus, (nucleus & ~both) | outside, 1
    yield "a rim is missing", nucleus, _disc(40, 34, 12), 1
    yield "nothing has been found", nucleus, np.zeros(SHAPE, bool), 1
    yield "nine pixels are missing", nucleus, nucleus & ~_square(38, 30, 3), 1
    last = _square(SHAPE[0] - 1, SHAPE[1] - 1, 1)
    yield "one pixel too many, the last of the image", nucleus, nucleus | last, 0


@exercise(
    chapter="13",
    hints=(
        "Which two kinds of mistakes can a mask make, and in the middle of which one would a click change "
        "most?",
        "There are two kinds of mistakes: truth & ~prediction (missing, label 1) and prediction & "
        "~truth (too "
        "much, label 0). Find the connected regions of both with scipy.ndimage.label and keep the "
        "largest one.",
        "Inside that region take the pixel that is farthest from its border: the maximum of "
        "distance_transform_edt(region). The mean of its pixels would lie outside a ring.",
        "np.unravel_index(distance.argmax(), distance.shape) turns the position of the maximum into row and "
        "column. Return row, column and label as three whole numbers.",
    ),
)
def next_click(click):
    """Find where the prediction is wrong most, and return a click there: row, column and label."""
    expect_callable(click)
    for name, truth, prediction, label in _click_cases():
        got = call(click, truth, prediction, pure=True)
        if isinstance(got, (tuple, list)) and len(got) == 2 and np.size(got[0]) == 2:
            got = (*np.ravel(got[0]), got[1])
        got = expect_array(got, shape=(3,), dtype="number", what="your click (row, column, label)")
        _judge_click(name, truth, prediction, label, got)
    nothing = call(click, truth, truth)
    if nothing is not None:
        raise Failure("When nothing is wrong there is nothing to click: return None.")
    return "Each click lands in the middle of the largest mistake, with the right sign."


def _judge_click(name, truth, prediction, label, got):
    missing, extra = truth & ~prediction, prediction & ~truth
    row, column = (int(v) for v in np.rint(got[:2]))
    if not (0 <= row < SHAPE[0] and 0 <= column < SHAPE[1]):
        raise Failure(f"Case '{name}': your click ({row}, {column}) lies outside the image.")
    regions = [r for r in (largest_region(missing), largest_region(extra)) if r is not None]
    right = max(regions, key=np.count_nonzero)
    wrong = missing | extra
    transposed = column < SHAPE[0] and row < SHAPE[1] and right[column, row]
    if not wrong[row, column]:
        if transposed:
            raise Failure("Row and column of your click are swapped: return row first.")
        advice = ""
        if np.hypot(row - np.nonzero(right)[0].mean(), column - np.nonzero(right)[1].mean()) < 1.5:
            advice = (
                " The mean of a region's pixels may lie outside it; take the pixel farthest from its border."
            )
        raise Failure(
            f"Case '{name}': at ({row}, {column}) the prediction is right; click where it is wrong.{advice}"
        )
    if not right[row, column]:
        raise Failure(
            f"Case '{name}': there is a larger mistake elsewhere. Compare connected regions of both kinds by "
            "their number of pixels."
        )
    if got[2] not in (0, 1) or int(got[2]) != label:
        meaning = "belongs to the object (1)" if label else "does not belong to the object (0)"
        raise Failure(f"Case '{name}': the clicked pixel {meaning}; your label is {got[2]:g}.")
    deep = depth(right)
    if deep[row, column] < 0.7 * deep.max():
        raise Failure(
            f"Case '{name}': your click lies {deep[row, column]:.1f} pixels from the edge of the "
            f"region, possible "
            f"are {deep.max():.1f}. Take the pixel farthest from the border: it is the safest."
        )


# --- (b) prompts from a mask ------------------------------


def _horseshoe():
    return (_ring(40, 50, 26, 9)) & ~(np.mgrid[: SHAPE[0], : SHAPE[1]][0] > 46)


@exercise(
    chapter="13",
    hints=(
        "Where is a bent object thickest, and why is the mean of its pixels a bad place for a click?",
        "rows, columns = np.nonzero(mask). The box begins at their minima and ends one after their maxima.",
        "Enlarge by the margin, then keep the box in the image: max(…, 0) above and left, min(…, "
        "mask.shape[0]) "
        "and mask.shape[1] below and right.",
        "The click is the pixel farthest from the border: the maximum of distance_transform_edt. "
        "np.pad(mask, 1) first, so that the image's border counts as a border; take the padding off again.",
    ),
)
def prompts(box_and_click):
    """Derive the two usual prompts from a mask: a box with a margin, and one click inside."""
    expect_callable(box_and_click)
    disc, horseshoe = _disc(30, 60, 11), _horseshoe()
    corner = _disc(2, 3, 9)
    others = ((_square(40, 20, 3), 2), (_square(SHAPE[0] - 1, SHAPE[1] - 1, 1), 5))
    for mask, margin in ((disc, 0), (disc, 4), (horseshoe, 0), (corner, 5), *others):
        got = call(box_and_click, mask, margin, pure=True)
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise Failure(
                "Return two things: the box (top, left, bottom, right) and the click (row, column)."
            )
        box = expect_array(got[0], shape=(4,), dtype="number", what="your box")
        _judge_box(box, mask, margin)
        _judge_inner(expect_array(got[1], shape=(2,), dtype="number", what="your click"), mask)
    return "Box and click are right, also for a bent object and at the image's border."


def _judge_box(box, mask, margin):
    rows, columns = np.nonzero(mask)
    tight = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    high = np.array([*mask.shape, *mask.shape])
    loose = tight + margin * np.array([-1, -1, 1, 1])
    right = np.clip(loose, 0, high)
    if np.array_equal(box, right):
        return
    short = np.clip(loose - [0, 0, 1, 1], 0, high)
    mistakes = (
        (short, "Your box ends with the last pixel of the object; it must end one after it, as slices do."),
        (right[[1, 0, 3, 2]], "Rows and columns of your box are swapped: (top, left, bottom, right)."),
        (right[[0, 2, 1, 3]], "The order is (top, left, bottom, right), not (top, bottom, left, right)."),
        (np.r_[right[:2], right[2:] - right[:2]], "Give bottom and right, not height and width."),
        (loose, "Your box leaves the image: limit it to 0 and to mask.shape."),
        (tight, "The margin is not used: move each side outwards by it."),
    )
    for wrong, sentence in mistakes:
        if np.array_equal(box, wrong):
            raise Failure(sentence)
    raise Failure(f"With margin {margin} the box should be {right.tolist()}; yours is {box.tolist()}.")


def _judge_inner(click, mask):
    row, column = (int(v) for v in np.rint(click))
    inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
    deep = depth(mask)
    if not inside or not mask[row, column]:
        if 0 <= column < mask.shape[0] and 0 <= row < mask.shape[1] and deep[column, row] > 0.7 * deep.max():
            raise Failure("Row and column of your click are swapped.")
        raise Failure(
            f"Your click ({row}, {column}) lies outside the object. The mean of the pixels, or the "
            f"middle of the "
            "box, need not be inside a bent object; the pixel farthest from the border is."
        )
    if deep[row, column] < 0.7 * deep.max():
        raise Failure(
            f"Your click lies {deep[row, column]:.1f} pixels from the object's border, possible are "
            f"{deep.max():.1f}: "
            "take the pixel farthest from the border; the border of the image counts, too."
        )


# --- (c) stability ------------------------------


def _logits(slope, radius=20.0):
    """Scores of a disc whose edge is steep or shallow: 0 at the radius, changing by `slope` a pixel."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return slope * (radius - np.hypot(y - 40, x - 48))


@exercise(
    chapter="13",
    hints=(
        "Which of the two masks, at +offset and at -offset, lies inside the other? What is then their union?",
        "Make two masks: logits > offset (strict) and logits > -offset (generous). The strict one lies "
        "inside the "
        "generous one.",
        "For nested masks the intersection is the smaller and the union the larger one, so their IoU is "
        "strict.sum() "
        "/ generous.sum(). Think of a generous mask without any pixel.",
    ),
)
def stability(stability_score):
    """Measure how much a mask changes when its cut-off moves up and down."""
    expect_callable(stability_score)
    for slope, offset in ((1.0, 1.0), (0.2, 1.0), (3.0, 1.0), (1.0, 2.5)):
        logits = _logits(slope)
        strict, zero, generous = (np.count_nonzero(logits > t) for t in (offset, 0, -offset))
        expect_number(
            call(stability_score, logits, offset, pure=True),
            close_to=strict / generous,
            atol=1e-6,
            what="your stability score",
            mistakes={
                "Strict and generous are the wrong way round: the score cannot exceed 1.": generous / strict,
                "You compare with the mask at 0; compare the cut-offs +offset and -offset.": strict / zero,
                "You compare with the mask at 0; compare the cut-offs -offset and +offset.": zero / generous,
                "This is the share that changes; the score is what stays: 1 minus it.": 1 - strict / generous,
                "This is the Dice coefficient; IoU divides by the union.": 2 * strict / (strict + generous),
                "The offset belongs to the logits, before any sigmoid.": _sigmoid_ratio(logits, offset),
            },
        )
    empty = call(stability_score, np.full(SHAPE, -9.0), 1.0)
    value = expect_array(empty, finite=False, what="the score of an empty mask")
    if value.ndim or not np.isfinite(value) or value != 0:
        raise Failure(
            "A mask without any pixel has nothing to keep: return 0 for it instead of dividing by 0."
        )
    return "A steep edge scores high, a shallow one low: at the shallow one SAM could not decide."


def _sigmoid_ratio(logits, offset):
    probability = 1 / (1 + np.exp(-logits))
    generous = np.count_nonzero(probability > -offset)
    return np.count_nonzero(probability > offset) / generous if generous else np.nan


# --- (d) trust ------------------------------


@exercise(
    chapter="13",
    hints=(
        "Of how many masks is it a share: of all, or of those that you accept?",
        "accepted = predicted >= accept gives a mask of True and False; true[accepted] are the real "
        "IoUs of what "
        "you would have kept.",
        "np.mean(true[accepted] < good) is the share. With nothing accepted, nothing is wrong: return 0.",
    ),
)
def trust(wrongly_trusted):
    """Of the masks that SAM is sure about, which share is wrong?"""
    expect_callable(wrongly_trusted)
    rng = np.random.default_rng(3)
    predicted = np.round(rng.uniform(0.4, 1, 200), 2)
    true = np.clip(predicted - rng.exponential(0.15, 200), 0, 1).round(2)
    true[:4], predicted[:4] = 0.5, (0.8, 0.9, 0.8, 0.9)  # ties with both limits
    for accept, good in ((0.8, 0.5), (0.9, 0.5), (0.9, 0.75)):
        accepted, wrong = predicted >= accept, true < good
        expect_number(
            call(wrongly_trusted, predicted, true, accept, good, pure=True),
            close_to=wrong[accepted].mean(),
            atol=1e-6,
            what=f"the share at accept={accept}, good={good}",
            mistakes={
                "You divide by all masks; divide by those you accept.": (accepted & wrong).mean(),
                "This is the share that is right; wanted is the share that is wrong.": 1
                - wrong[accepted].mean(),
                "This is a number of masks; divide by how many you accept.": (accepted & wrong).sum(),
                "This is a percentage; give the share, 0 to 1.": 100 * wrong[accepted].mean(),
                "You divide by the wrong masks; divide by the accepted ones.": accepted[wrong].mean(),
                "Predicted and true IoU are swapped: SAM's own number decides what is accepted.": (
                    predicted[true >= accept] < good
                ).mean(),
                "A mask whose predicted IoU equals the limit is accepted: use >=.": wrong[
                    predicted > accept
                ].mean(),
                "A mask whose true IoU equals the limit is good: use <.": (true[accepted] <= good).mean(),
            },
        )
    nothing = expect_array(
        call(wrongly_trusted, predicted, true, 1.5, 0.5), finite=False, what="the share of nothing"
    )
    if nothing.ndim or not np.isfinite(nothing) or nothing != 0:
        raise Failure("If no mask is accepted, none is wrongly trusted: return 0 instead of dividing by 0.")
    return "Now ask it about SAM's masks of real nuclei."


# --- (e) a grid of clicks ------------------------------


def _scattered():
    """Objects of several sizes, numbers with gaps: some hit twice, some by one click, some missed."""
    labels = np.zeros(SHAPE, int)
    discs = (
        (5, 6, 5),
        (20, 30, 9),
        (52, 70, 14),
        (70, 12, 4),
        (37, 90, 3),
        (60, 40, 5),
        (12, 76, 7),
        (76, 92, 3),
    )
    for number, disc in enumerate(discs):
        labels[_disc(*disc)] = 3 * number + 1
    return labels


@exercise(
    chapter="13",
    hints=(
        "How many clicks has the grid, and how many of its clicks can fall into one large nucleus?",
        "places = (np.arange(side) + 0.5) / side; multiply by the height and by the width and round down. "
        "labels[np.ix_(rows, columns)] is what the clicks see.",
        "Count the different labels among them, without the background, and divide by the number of objects.",
    ),
)
def grid_hits(share_hit):
    """Write share_hit(labels, side): the share of objects that contain a click of a side × side grid."""
    expect_callable(share_hit)
    labels = _scattered()
    mistakes = {
        "That is the share of clicks that hit something; wanted is the share of objects that are "
        "hit.": "clicks",
        "An object that is hit by two clicks counts once: count different labels.": "counted twice",
        "The background is no object: leave label 0 out.": "background",
        "You look along the diagonal only: every row with every column, np.ix_(rows, columns).": "diagonal",
        "Rows go with the height, columns with the width; yours are swapped.": "swapped",
        "Clicks lie in the middles of the grid's cells, (k + 0.5) / side, not at their corners.": "corners",
    }
    for case, side in ((labels, 16), (labels, 8), (labels, 4), (labels.astype(np.uint16)[:, :50], 5)):
        right = hit(case, side)
        wrong = {sentence: hit(case, side, kind=kind) for sentence, kind in mistakes.items()}
        expect_number(
            call(share_hit, case, side, pure=True),
            close_to=right,
            atol=1e-6,
            what=f"the share that {side} × {side} clicks hit",
            mistakes={name: v for name, v in wrong.items() if abs(v - right) > 1e-9}
            | ({} if right == 0 else {"This is a percentage; give the share, 0 to 1.": 100 * right}),
        )
    nothing = expect_array(
        call(share_hit, np.zeros(SHAPE, int), 8), finite=False, what="the share of nothing"
    )
    if nothing.ndim or not np.isfinite(nothing) or nothing != 0:
        raise Failure("Without any object the share is 0; do not divide by 0.")
    return f"Here 4 × 4 clicks hit {hit(labels, 4):.0%} of the objects, 16 × 16 {hit(labels, 16):.0%}."


# --- (f) crumbs ------------------------------


def _crumbs():
    """Four nuclei, one of them in two pieces, crumbs around them, and one object of exactly 40 pixels."""
    labels = np.zeros(SHAPE, int)
    for number, disc in ((70, (20, 20, 9)), (9, (20, 60, 8)), (31, (60, 20, 8)), (12, (60, 62, 7))):
        labels[_disc(*disc)] = number
    labels[66, : SHAPE[1] // 2] = 0  # a line of background cuts a little piece off number 31
    labels[40:45, 20:28], labels[40:45, 40:47] = 200, 1  # 40 pixels, and a large crumb of 35
    for number, (row, column) in enumerate(((4, 4), (4, 90), (38, 60), (70, 80), (76, 4), (44, 88)), 80):
        labels[row : row + 2, column : column + 2 + number % 3] = number
    return labels


def _crumbs_dropped(labels, typical_area, *, kind="right"):
    """The solution, with the usual mistakes built in."""
    from scipy.ndimage import label

    pieces = label(labels)[0] if kind == "pieces" else labels
    numbers, areas = np.unique(pieces[pieces > 0], return_counts=True)
    least = {"whole": typical_area, "median": np.median(areas) if len(areas) else 0}
    least = least.get(kind, typical_area / 5) / (5 if kind == "median" else 1)
    small = numbers[areas <= least] if kind == "as small" else numbers[areas < least]
    if kind == "large":
        small = np.setdiff1d(numbers, small)
    kept = np.where(np.isin(pieces, small), 0, labels)
    if kind == "renumbered":
        kept = np.searchsorted(np.unique(np.append(kept, 0)), kept)
    return kept > 0 if kind == "mask" else kept


@exercise(
    chapter="13",
    hints=(
        "How many pixels has each number, and which number is no object?",
        "numbers, areas = np.unique(labels[labels > 0], return_counts=True)",
        "numbers[areas < typical_area / 5] are too small; np.isin(labels, …) says where they lie, and "
        "np.where puts a 0 there.",
    ),
)
def crumbs(without_crumbs):
    """Write without_crumbs(labels, typical_area): the labels without objects below a fifth of that area."""
    expect_callable(without_crumbs)
    labels = _crumbs()
    mistakes = {
        "You keep the crumbs and drop the nuclei.": "large",
        "An object stays one object where it lies in two pieces: count the pixels of each number, do not "
        "number the pieces anew.": "pieces",
        "The others keep their numbers: the results would no longer fit a table that was made before.": (
            "renumbered"
        ),
        "This is a mask; return the label image, with a 0 where a crumb was.": "mask",
        "Fewer than a fifth of the typical area, not fewer than all of it.": "whole",
        "An object with exactly a fifth of the area is not smaller than that: use <.": "as small",
        "You have taken the areas of the objects found: most of them are crumbs, and so is their median. Use "
        "typical_area.": "median",
    }
    for case, area in ((labels, 200), (labels.astype(np.uint16), 200), (labels[:, ::2], 100)):
        right = _crumbs_dropped(case, area)
        wrong = {s: _crumbs_dropped(case, area, kind=kind) for s, kind in mistakes.items()}
        expect_array(
            call(without_crumbs, case, area, pure=True),
            close_to=right,
            what="the label image without crumbs",
            mistakes={s: w for s, w in wrong.items() if not np.array_equal(w, right)},
        )
    nothing = np.zeros(SHAPE, int)
    expect_array(
        call(without_crumbs, nothing, 200), close_to=nothing, what="an image without objects, without crumbs"
    )
    found, left = (len(np.unique(image)) - 1 for image in (labels, _crumbs_dropped(labels, 200)))
    return f"Of {found} objects {left} are left: the nuclei, and the one with exactly a fifth of the area."


# --- (g) judgement ------------------------------

NEEDS = {
    "AIS or APG: objects without any prompt, in a second or two": "a second decoder",
    "AMG: everything in a photograph that makes a good mask, however long it takes": "SAM's own weights",
    "a student annotates 200 nuclei of one image on a laptop; each click shall be answered at once": (
        "the embedding, saved"
    ),
    "nuclei 10 pixels wide in an image of 4,000 pixels": "tiles",
    "the nucleus, not the clump around it, at the first attempt": "a box",
    "to know whether vit_b_lm is better than MobileSAM on your microscope": "images of my own",
}
NOT_NEEDED = {
    "a second decoder": "That is what segmenting without prompts needs, if it is to know what you are "
    "looking for.",
    "SAM's own weights": "They are enough for prompts and for a grid of clicks; this wish asks for "
    "something more.",
    "the embedding, saved": "That saves the time of the encoder; it makes no mask better.",
    "tiles": "They keep small objects from being shrunk away in a large image.",
    "a box": "That is a better prompt; here the prompt is not the question.",
    "images of my own": "They answer whether a score is to be believed; here no score is the question.",
}


@exercise(
    chapter="13",
    hints=(
        "Ask of each wish: is it about a model, about the prompt, about time, about size, or about a "
        "number to believe?",
        "Two wishes are about which weights are there, one about the encoder's work, one about what it "
        "sees, one "
        "about the prompt, one about a test away from home.",
    ),
)
def what_it_takes(needs):
    """Say, for each of six wishes, what it needs."""
    expect_choices(needs, NEEDS, NOT_NEEDED, ("needs", "wish"))
    return "Weights, prompt, time, size, and a test of your own: that is the plan."
