"""Exercises of chapter 10, U-Net."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_labels,
    expect_number,
)
from bioimage_course.materials.ch10 import carved, valid_size, windows

# --- (1) sizes ------------------------------


_SIZE_MISTAKES = {
    "Each block has two convolutions; you count one.": {"convolutions": 1},
    "Each unpadded 3×3 convolution takes away two pixels, one on each side; you take one.": {"lost": 1},
    "The block at the bottom has two convolutions, too.": {"bottom": False},
    "The blocks on the way up have two convolutions each, too.": {"up": False},
}


@exercise(
    chapter="10",
    hints=(
        "By how much is an image smaller after one 3×3 convolution without padding, and after a block of "
        "two?",
        "Follow the side: block, half, block, half, … down to the bottom block, and back up.",
        "for _ in range(depth): n = (n - 4) // 2. Then the bottom: n - 4. Then, as often as before: n = 2 * "
        "n - 4.",
    ),
)
def unet_size(function):
    """Write output_side(n, depth): the side of the output of a U-Net without padding."""
    expect_callable(function)
    cases = [(572, 4), (188, 4), (268, 4), (140, 3), (92, 3), (36, 1), (44, 2)]
    cases = [(n, depth) for n, depth in cases if valid_size(n, depth)]
    for n, depth in cases:
        wrong = {
            "Your output is as large as the input: that is a U-Net with padding.": n,
            "You stopped at the bottom: each step up doubles the side, then a block takes four pixels.": (
                _bottom(n, depth)
            ),
        }
        for sentence, mistake in _SIZE_MISTAKES.items():
            wrong[sentence] = valid_size(n, depth, strict=False, **mistake)
        expect_number(
            call(function, n, depth),
            close_to=valid_size(n, depth),
            what=f"your output side for an input of {n} pixels and depth {depth}",
            mistakes=wrong,
        )
    return "572 pixels in, 388 out, as in the paper: the 92 outermost pixels on each side are context only."


def _bottom(n, depth):
    for _ in range(depth):
        n = (n - 4) // 2
    return n - 4


# --- (2) weights at borders ------------------------------


def _discs(*discs, shape=(40, 56)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, int)
    for number, (row, column, radius) in enumerate(discs, start=1):
        labels[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = number
    return labels


def _two_distances(labels):
    from scipy.ndimage import distance_transform_edt

    numbers = np.unique(labels[labels > 0])
    return np.sort([distance_transform_edt(labels != number) for number in numbers], axis=0)[:2]


def weight_map(labels, class_weights, w0, sigma, *, formula="right", everywhere=False):
    """Class weights plus the border term in the background, with the usual mistakes built in."""
    d1, d2 = _two_distances(labels)
    term = {
        "right": np.exp(-((d1 + d2) ** 2) / (2 * sigma**2)),
        "squares": np.exp(-(d1**2 + d2**2) / (2 * sigma**2)),
        "no 2": np.exp(-((d1 + d2) ** 2) / sigma**2),
        "sigma": np.exp(-((d1 + d2) ** 2) / (2 * sigma)),
        "linear": np.exp(-(d1 + d2) / (2 * sigma**2)),
        "nearest": np.exp(-(d1**2) / (2 * sigma**2)),
        "twice": np.exp(-((2 * d1) ** 2) / (2 * sigma**2)),
        "sign": np.exp(np.minimum((d1 + d2) ** 2 / (2 * sigma**2), 50)),
    }[formula]
    weights = np.where(labels > 0, class_weights[1], class_weights[0]).astype(float)
    return weights + w0 * (term if everywhere else np.where(labels > 0, 0, term))


_WEIGHT_MISTAKES = {
    "You add the squares of the distances; the formula squares their sum.": {"formula": "squares"},
    "A factor is missing: the exponent is divided by 2 σ².": {"formula": "no 2"},
    "You divide by 2 σ; the formula has 2 σ².": {"formula": "sigma"},
    "The sum of the distances must be squared.": {"formula": "linear"},
    "Only the nearest object counts in your weights: add the distance to the second nearest.": {
        "formula": "nearest"
    },
    "You take the nearest object twice: d2 is the distance to the second nearest.": {"formula": "twice"},
    "The exponent needs a minus sign: far from two objects the weight falls to zero.": {"formula": "sign"},
    "Add the border term in the background only; inside an object the class weight is enough.": {
        "everywhere": True
    },
}


@exercise(
    chapter="10",
    hints=(
        "If you knew each pixel's distance to every object, which two of these numbers would you need?",
        "distance_transform_edt(labels != number) is the distance of every pixel to object `number`. Do "
        "this for all objects, stack the results and sort along the first axis: d1 and d2 are the first two.",
        "weights = np.where(labels > 0, class_weights[1], class_weights[0]); then add "
        "w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2)) where labels == 0.",
    ),
)
def border_weights(function):
    """Write weight_map(labels, class_weights, w0, sigma): class weights, and more between close objects."""
    expect_callable(function)
    labels = _discs((20, 14, 9), (20, 34, 9), (8, 49, 5))
    class_weights = (1.0, 3.0)
    plain = weight_map(labels, class_weights, 0, 5)
    expect_array(
        call(function, labels, class_weights, 0, 5, pure=True),
        close_to=plain,
        atol=1e-6,
        what="your weight map with w0 = 0",
        mistakes={
            "With w0 = 0 the class weights (background, objects) must be left; yours are swapped.": (
                weight_map(labels, class_weights[::-1], 0, 5)
            ),
            "With w0 = 0 the class weights must be left; you leave them out.": np.zeros(labels.shape),
        },
    )
    for class_weights, w0, sigma in (((1.0, 3.0), 10.0, 5.0), ((0.5, 2.0), 4.0, 2.0)):
        plain = weight_map(labels, class_weights, 0, sigma)
        expect_array(
            call(function, labels, class_weights, w0, sigma),
            close_to=weight_map(labels, class_weights, w0, sigma),
            atol=1e-3,
            what=f"your weight map with w0 = {w0:g} and sigma = {sigma:g}",
            mistakes={
                "w0 changes nothing in your map.": plain,
                **{
                    sentence: weight_map(labels, class_weights, w0, sigma, **mistake)
                    for sentence, mistake in _WEIGHT_MISTAKES.items()
                },
            },
        )
    numbers = np.array([0, 3, 12, 40])[labels]  # as in a real label image, with gaps
    expect_array(
        call(function, numbers, class_weights, 10, 5),
        close_to=weight_map(numbers, class_weights, 10, 5),
        atol=1e-3,
        what="your weight map of objects with the numbers 3, 12 and 40 (go through the numbers that occur)",
    )
    gaps = [weight_map(_discs((20, 14, 9), (20, 14 + 18 + gap, 9)), (1, 1), 10, 5)[20, 24] for gap in (2, 6)]
    return (
        f"A pixel in a gap of 1 pixel weighs {gaps[0]:.1f}, in a gap of 5 pixels {gaps[1]:.1f}, far away 1: "
        "errors count most where they would join two nuclei."
    )


# --- (3) a border between masks ------------------------------


def _touching_labels():
    """Objects that touch along a line, at a corner, and not at all; one at the border; numbers with gaps."""
    labels = np.zeros((30, 34), int)
    labels[4:14, 4:12], labels[4:14, 12:20] = 1, 9  # along a line
    labels[14:20, 20:26] = 5  # meets 9 at a corner only
    labels[24:, :8] = 2  # at the border, alone
    labels[22:28, 14:20], labels[22:28, 21:27] = 7, 8  # one background pixel between them
    return labels


@exercise(
    chapter="10",
    hints=(
        "How can a pixel notice, from its 3×3 neighbourhood alone, that a second object is near?",
        "Its label is not the largest in the neighbourhood, or not the smallest one above 0: compare with "
        "ndimage.maximum_filter and minimum_filter, and do not let background count as the smallest.",
        "filled = np.where(labels > 0, labels, labels.max() + 1) hides the background from "
        "minimum_filter. Keep a "
        "pixel where maximum_filter(labels, 3) and minimum_filter(filled, 3) both equal its label.",
    ),
)
def carve_borders(carve):
    """Write carve(labels): make background of every pixel that touches another object."""
    expect_callable(carve)
    labels = _touching_labels()
    for case in (labels, np.ascontiguousarray(labels.T), labels.astype(np.uint16)):
        wanted = carved(case)
        got = expect_array(
            call(carve, case, pure=True), shape=case.shape, dtype="number", what="your label image"
        )
        for sentence, mistake in {
            "Pixels that meet at a corner touch as well: look at all eight neighbours.": carved(
                case, reach="4"
            ),
            "You take away the whole outline: background does not count as another object.": carved(
                case, background=True
            ),
            "Nothing is carved: objects still touch.": case,
            "Return a label image with the numbers that it had, not a mask.": wanted > 0,
            "You return what is to be taken away; return what is left.": np.where(wanted == case, 0, case),
        }.items():
            if np.array_equal(got, mistake):
                raise Failure(sentence)
        if not np.array_equal(got, wanted):
            row, column = np.argwhere(got != wanted)[0]
            raise Failure(
                f"At row {row}, column {column} (object {case[row, column]}) you have "
                f"{got[row, column]:g}, it should "
                f"be {wanted[row, column]}."
            )
    return "Where masks touched there is background now, on both sides: a place for the border weight."


# --- (4) Dice ------------------------------


def dice_loss(p, truth, *, smooth=1.0, kind="right"):
    """1 − soft Dice, with the usual mistakes built in."""
    p, truth = np.asarray(p, float), np.asarray(truth, float)
    if kind == "hard":
        p = (p > 0.5).astype(float)
    shared, total = (p * truth).sum(), p.sum() + truth.sum()
    if kind == "squares":
        total = (p**2).sum() + (truth**2).sum()
    if kind == "iou":
        return 1 - (shared + smooth) / (total - shared + smooth)
    if kind == "no 2":
        return 1 - (shared + smooth) / (total + smooth)
    if kind == "score":
        return (2 * shared + smooth) / (total + smooth)
    if kind == "means":
        return 1 - (2 * (p * truth).mean() + smooth) / (p.mean() + truth.mean() + smooth)
    return 1 - (2 * shared + smooth) / (total + smooth)


@exercise(
    chapter="10",
    hints=(
        "What would the overlap of two masks of 0 and 1 be, written with a product and a sum? And for a p "
        "of 0.7?",
        "The overlap is the sum of p * truth over all pixels; no threshold anywhere.",
        "1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)",
    ),
)
def soft_dice(function):
    """Write dice_loss(p, truth): one minus the soft Dice score, with 1 added above and below."""
    expect_callable(function)
    rng = np.random.default_rng(0)
    truth = _discs((10, 12, 6), (22, 30, 7), shape=(32, 40)) > 0
    p = np.clip(truth * 0.7 + rng.uniform(0, 0.3, truth.shape), 0, 1)
    mistakes = {
        "That is the Dice score itself; a loss must fall when things get better: 1 − score.": "score",
        "Twice the overlap: the factor 2 above the fraction is missing.": "no 2",
        "That is 1 − IoU: below the fraction stands the sum of both, without subtracting the overlap.": "iou",
        "You apply a threshold to p: then the loss is flat and has no gradient. Use p as it is.": "hard",
        "You sum squares below the fraction, as V-Net does; here it is p and truth as they are.": ("squares"),
        "Take sums over all pixels, not means: the 1 that is added would weigh far too much.": "means",
    }
    expect_number(
        call(function, p, truth.astype(float), pure=True),
        close_to=dice_loss(p, truth),
        rtol=1e-6,
        what="your loss",
        mistakes={sentence: dice_loss(p, truth, kind=kind) for sentence, kind in mistakes.items()}
        | {"Add 1 above and below the fraction.": dice_loss(p, truth, smooth=0)},
    )
    empty = np.zeros((8, 8))
    expect_number(
        call(function, empty, empty),
        close_to=0,
        what="your loss for an empty image in which nothing was found",
    )
    merged = truth.copy()
    merged[14:18, 18:25] = True  # a bridge between both discs
    return (
        f"A bridge that joins two nuclei to one costs {dice_loss(merged, truth):.3f}: pixels hardly see it."
    )


# --- (5) augmentation ------------------------------


def turned(image, labels, degrees, *, image_order=1, label_order=0, other=None, mode="reflect"):
    """Image and labels turned alike, with the usual mistakes built in."""
    from scipy.ndimage import rotate

    second = degrees if other is None else other
    return (
        rotate(image, degrees, reshape=False, order=image_order, mode=mode),
        rotate(labels, second, reshape=False, order=label_order),
    )


@exercise(
    chapter="10",
    hints=(
        "Half-way between nucleus 4 and nucleus 12, which number must a turned label image never show?",
        "The order of the interpolation decides: 1 is linear, for intensities; 0 takes the nearest pixel, "
        "for names.",
        'ndimage.rotate(image, degrees, reshape=False, order=1, mode="reflect") and '
        "ndimage.rotate(labels, degrees, reshape=False, order=0).",
    ),
)
def turn_alike(turn):
    """Write turn(image, labels, degrees): both turned by the same angle, without inventing labels."""
    expect_callable(turn)
    labels = _discs((14, 18, 9), (30, 40, 7), (10, 44, 6)) * 4
    image = np.random.default_rng(4).uniform(0, 0.1, labels.shape) + (labels > 0)
    for degrees in (30, -75):
        got = call(turn, image, labels, degrees, pure=True)
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise Failure("Return two things: the turned image and the turned labels.")
        new_image = expect_array(got[0], dtype="number", what="your image")
        new_labels = expect_array(got[1], dtype="number", what="your labels")
        for array in (new_image, new_labels):
            if array.shape != labels.shape:
                raise Failure(
                    f"The size has changed from {labels.shape} to {array.shape}: keep it (reshape=False)."
                )
        invented = np.setdiff1d(np.unique(new_labels), np.unique(labels))
        if invented.size:
            raise Failure(
                f"Your labels contain {invented[0]:g}, which no object had: labels are names, take the "
                f"nearest pixel "
                "(order=0)."
            )
        wanted_image, wanted_labels = turned(image, labels, degrees)
        if np.mean(new_labels != wanted_labels) > 0.02:
            opposite = turned(image, labels, -degrees)[1]
            if np.mean(new_labels != opposite) < 0.02:
                raise Failure(
                    "Your labels turn the other way: both by the same angle as ndimage.rotate turns."
                )
            raise Failure("Your labels are not turned by the angle about the middle of the picture.")
        inner = ndimage_inner(labels.shape, degrees)
        if not np.allclose(new_image[inner], wanted_image[inner], atol=1e-3):
            raise Failure(_why_not_turned(new_image, image, degrees, inner))
        if not np.allclose(new_image, wanted_image, atol=1e-3):
            raise Failure('Beyond the border continue the image by its mirror image: mode="reflect".')
    return "Turned alike, and no label was invented."


def ndimage_inner(shape, degrees):
    """Pixels of the turned picture that come from well inside the picture before."""
    from scipy.ndimage import rotate

    inside = np.pad(np.ones([n - 6 for n in shape]), 3)
    return rotate(inside, degrees, reshape=False, order=1) > 0.99


def _why_not_turned(got, image, degrees, inner):
    from scipy.ndimage import rotate

    options = {"reshape": False, "mode": "reflect"}
    if np.allclose(got[inner], rotate(image, degrees, order=0, **options)[inner], atol=1e-3):
        return "Interpolate the image linearly (order=1); the nearest pixel is for labels."
    if np.allclose(got[inner], rotate(image, degrees, order=3, **options)[inner], atol=1e-3):
        return "That is scipy's default, cubic interpolation, which can overshoot; use order=1."
    if np.allclose(got[inner], rotate(image, -degrees, order=1, **options)[inner], atol=1e-3):
        return "Your image turns the other way than your labels: one angle for both."
    if np.allclose(got, image):
        return "The image has not been turned: the labels have moved away from their nuclei."
    return "Your image is not turned by the same angle as the labels, with linear interpolation."


# --- (6) from classes to objects ------------------------------


def _touching():
    """P(inside) and foreground: two touching discs, a third one apart, specks of noise below 0.5."""
    labels = _discs((20, 16, 10), (20, 35, 10), (10, 50, 5))
    from scipy.ndimage import distance_transform_edt

    depth = np.max([distance_transform_edt(labels == k) for k in (1, 2, 3)], axis=0)
    inside = np.clip(depth / 5, 0, 1) * 0.9
    inside[36, 4:7] = 0.4
    return inside, labels > 0, labels


@exercise(
    chapter="10",
    hints=(
        "Where are you sure of each nucleus, and where must the water of two nuclei meet?",
        "Two steps: markers, _ = ndimage.label(inside > 0.5), then watershed(…, markers, mask=foreground).",
        "Water rises from low places: give watershed the landscape -inside, whose valleys are the middles "
        "of the nuclei.",
    ),
)
def separate_nuclei(function):
    """Write separate(inside, foreground): insides are markers, a watershed gives them the rest."""
    expect_callable(function)
    from scipy.ndimage import label
    from skimage.segmentation import watershed

    inside, foreground, _ = _touching()
    wanted = watershed(-inside, label(inside > 0.5)[0], mask=foreground)
    got = expect_array(
        call(function, inside, foreground, pure=True), shape=inside.shape, what="your label image"
    )
    if got.dtype.kind == "b":
        raise Failure("Return a label image (0, 1, 2, …), not a mask of True and False.")
    markers = label(inside > 0.5)[0]
    if np.array_equal(got > 0, markers > 0):
        raise Failure("These are the markers only: let the watershed give them the rest of the foreground.")
    if np.all(got > 0):
        raise Failure("The watershed flooded the whole image: give it mask=foreground.")
    if np.array_equal(got > 0, foreground) and np.unique(got[got > 0]).size == label(foreground)[1]:
        raise Failure(
            "These are connected components of the foreground: the two touching nuclei are one object. Take "
            "the "
            "components of inside > 0.5 as markers."
        )
    if np.array_equal(got > 0, foreground):
        sharp = expect_labels(got.astype(int), wanted) if np.unique(got[got > 0]).size == 3 else None
        if sharp is None:
            raise Failure(
                f"You find {np.unique(got[got > 0]).size} objects; inside > 0.5 has three connected "
                f"components."
            )
    expect_labels(got.astype(int), wanted)
    _check_valleys(function)
    return "Two nuclei that touch stay two, and no pixel of the foreground is lost."


def _valleys():
    """P(inside) and foreground of two pairs: a valley off the middle; a bridge of 0.5, a dip to 0.7."""
    columns = np.arange(72)
    first = np.interp(columns, [5, 15, 16, 50, 55, 65], [0.9, 0.9, 0.45, 0.1, 0.9, 0.9])
    second = np.interp(
        columns, [5, 12, 15, 18, 25, 26, 30, 31, 50], [0.9, 0.9, 0.7, 0.9, 0.9, 0.5, 0.5, 0.9, 0.9]
    )
    inside, foreground = np.zeros((50, 72)), np.zeros((50, 72), bool)
    for rows, profile, ends in ((slice(5, 25), first, (5, 66)), (slice(32, 44), second, (5, 51))):
        foreground[rows, slice(*ends)] = True
        inside[rows, slice(*ends)] = profile[slice(*ends)]
    return inside, foreground


def _agreement(labels, wanted):
    """Share of the wanted objects' pixels that lie in the object that shares most pixels with theirs."""
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((wanted.max() + 1, np.unique(labels).size), int)
    np.add.at(table, (wanted.ravel(), np.unique(labels, return_inverse=True)[1].ravel()), 1)
    table = table[1:]
    return table[linear_sum_assignment(-table)].sum() / table.sum()


def _check_valleys(function):
    from scipy.ndimage import label
    from skimage.segmentation import watershed

    inside, foreground = _valleys()
    markers = label(inside > 0.5)[0]
    wanted = watershed(-inside, markers, mask=foreground)
    got = expect_array(call(function, inside, foreground), shape=inside.shape, what="your label image")
    number = np.unique(got[got > 0]).size
    if number != 4:
        raise Failure(
            f"Of two pairs of nuclei, with P(inside) of 0.5 or less between them, you make {number} objects, "
            "not four: the markers are the components of inside > 0.5, no more and no fewer."
        )
    if _agreement(got, wanted) > 0.98:
        return
    if _agreement(got, watershed(np.zeros_like(inside), markers, mask=foreground)) > 0.98:
        raise Failure(
            "Your landscape is flat, so that two nuclei meet half-way between their markers. Give watershed "
            "-inside: they then meet where P(inside) is lowest."
        )
    raise Failure(
        "Two nuclei should meet where P(inside) is lowest between them; yours meet elsewhere. The landscape "
        "is -inside."
    )


# --- (7) the margin ------------------------------


def safe(reaches, stride, *, worst=np.max, up=True):
    """The smallest sufficient margin, with the usual mistakes built in."""
    reaches = np.asarray(reaches)
    needed = worst(reaches)
    return int((-(-needed // stride) if up else needed // stride) * stride)


def _one_sentence_a_value(wrong, right):
    """Mistakes by value; where several give the same number, one sentence that is true of all."""
    values = list(wrong.values())
    shared = {
        f"{value} is too narrow: take the worst of all places and of both sides, and round up to a "
        f"multiple of the "
        "stride.": value
        for value in values
        if value < right and values.count(value) > 1
    }
    return {name: v for name, v in wrong.items() if v != right and values.count(v) == 1} | shared


@exercise(
    chapter="10",
    hints=(
        "Two pixels of the core: one looks 107 pixels to the left, the other 92. Which of them decides?",
        "Take the largest number of the whole table, then round it up to a multiple of the stride.",
        "-(-n // stride) * stride rounds n up; so does math.ceil(n / stride) * stride.",
    ),
)
def safe_margin(function):
    """Write safe_margin(reaches, stride): the smallest margin with which windows change nothing."""
    expect_callable(function)
    shipped = np.array(
        [[94 + k, 93 - k] if k < 2 else [94 + k, 109 - k] for k in range(14)] + [[92, 95], [93, 94]]
    )
    lopsided = np.array([[11, 14], [12, 13], [13, 12], [14, 21]])
    for reaches, stride in (
        (shipped, 16),
        (lopsided, 4),
        (lopsided, 8),
        (np.array([[32, 31], [30, 32]]), 2),
        (np.array([[5, 5]]), 1),
    ):
        right = safe(reaches, stride)
        wrong = {
            "That is half the largest receptive field: a pixel may look further to one side than to the "
            "other.": safe(reaches, stride, worst=lambda r: (r.sum(axis=1).max() + 1) // 2),
            "The mean reach leaves out the pixels that look furthest: the worst one decides.": safe(
                reaches, stride, worst=lambda r: int(np.ceil(r.mean()))
            ),
            "The smallest reach is not enough: the worst pixel decides.": safe(reaches, stride, worst=np.min),
            "You look at one place in the grid only: take the worst of all rows.": safe(reaches[:1], stride),
            "You look to one side only: take the worst of both columns.": safe(reaches[:, :1], stride),
            "The margin covers the reach, but windows no longer start on the stride: round up to a "
            "multiple of it.": int(reaches.max()),
            "Rounded down the margin is too narrow: round up to a multiple of the stride.": safe(
                reaches, stride, up=False
            ),
            "One stride too much: a reach that is a multiple of the stride needs no more.": right + stride,
            "That is the margin of both sides together; return that of one side.": 2 * right,
        }
        expect_number(
            call(function, reaches, stride, pure=True),
            close_to=right,
            what=f"your margin for a largest reach of {reaches.max()} pixels and a stride of {stride}",
            mistakes=_one_sentence_a_value(wrong, right),
        )
    return "The worst side decides, and the margin keeps to the grid: 107 pixels and a stride of 16 make 112."


# --- (8) windows ------------------------------


@exercise(
    chapter="10",
    hints=(
        "To keep the core from row 32 to row 48 with a margin of 6, which rows must the network see? And "
        "where are "
        "they after you have padded the image by 6?",
        "Pad the image first: np.pad(image, ((margin, margin + rows_missing), (margin, margin + "
        "columns_missing)), "
        'mode="reflect"), where -n % core pixels are missing to a multiple of core.',
        "In the padded image the window for the core at (top, left) is padded[top : top + core + 2 * "
        "margin, left : "
        "left + core + 2 * margin]. Of the answer keep [margin : margin + core, margin : margin + core]. "
        "Cut the "
        "result to the size of the image at the end.",
    ),
)
def sliding_window(function):
    """Write predict_in_windows(network, image, core, margin): windows that see more than they keep."""
    expect_callable(function)
    from scipy.ndimage import uniform_filter

    image = np.random.default_rng(1).uniform(1, 2, (50, 70))
    seen = []

    def network(window):
        window = np.asarray(window, float)
        if window.ndim != 2:
            raise ValueError("the network takes one window (rows, columns)")
        seen.append(window.shape)
        return uniform_filter(window, 9, mode="constant")  # sees 4 pixels in each direction, zeros outside

    got = expect_array(
        call(function, network, image, 16, 6, pure=True), shape=image.shape, what="your prediction"
    )
    if not seen:
        raise Failure("You never call network(window).")
    right = windows(network, image, 16, 6)
    if np.allclose(got, right):
        too_large = [shape for shape in seen if max(shape) > 28]
        if too_large:
            raise Failure(
                f"Your network sees a window of {too_large[0][0]}×{too_large[0][1]} pixels: core + 2 · "
                f"margin is 28."
            )
        _check_whole_cores(function, network, seen)
        _check_grid(function)
        return (
            "Window by window or in one go: the same, because the margin covers the reach, cores and "
            "margin keep to "
            "the pooling grid, and nothing is computed from a whole window."
        )
    mistakes = {
        "Each window sees its core only, so that seams appear: cut it out with the margin around it.": {
            "use_margin": False
        },
        "You pad the image with zeros: the network sees a dark frame. Mirror it (mode='reflect').": {
            "border": "constant"
        },
        "You repeat the border pixels; mirror them (mode='reflect').": {"border": "edge"},
        "Your mirror repeats the outermost pixel ('symmetric'); use mode='reflect'.": {"border": "symmetric"},
    }
    for sentence, mistake in mistakes.items():
        if np.allclose(got, windows(network, image, 16, 6, **mistake)):
            raise Failure(sentence)
    if np.allclose(got, windows(lambda w: w, image, 16, 6)):
        raise Failure("You return the image itself: keep what network(window) gives.")
    if np.allclose(got[:48, :64], right[:48, :64]):
        raise Failure(
            "The last rows or columns are wrong: 50 and 70 are no multiples of 16, so the last windows hang "
            "over."
        )
    row, column = np.unravel_index(np.abs(got - right).argmax(), got.shape)
    raise Failure(
        f"Your prediction differs most at row {row}, column {column}: {got[row, column]:.3f} instead of "
        f"{right[row, column]:.3f}. Does each answer go where its core lies?"
    )


def _check_whole_cores(function, network, seen):
    """Another core, a margin as wide as the reach, an image whose sides are multiples of the core."""
    image = np.random.default_rng(3).uniform(1, 2, (48, 60))
    seen.clear()
    got = expect_array(call(function, network, image, 12, 4), shape=image.shape, what="your prediction")
    largest = max(map(max, seen), default=0)
    right = windows(network, image, 12, 4)
    if not np.allclose(got, right):
        row, column = np.unravel_index(np.abs(got - right).argmax(), got.shape)
        raise Failure(
            "With a margin of 4 pixels and a network that looks 4 pixels far, your prediction differs at row "
            f"{row}, column {column}: does every core have the whole margin on all four sides?"
        )
    if largest > 20:
        raise Failure(
            f"With core=12 and margin=4 your network sees a window of {largest} pixels: "
            "core + 2 · margin is 20."
        )


def _pooling_network(window):
    """Stands for a network with two poolings: means of 4×4 blocks, counted from the window's corner."""
    rows, columns = (-(-n // 4) * 4 for n in window.shape)
    padded = np.pad(window, ((0, rows - window.shape[0]), (0, columns - window.shape[1])), mode="edge")
    means = padded.reshape(rows // 4, 4, columns // 4, 4).mean(axis=(1, 3))
    return np.kron(means, np.ones((4, 4)))[: window.shape[0], : window.shape[1]]


def _check_grid(function):
    """With a network that pools, windows must start on its grid: core and margin are multiples of 4."""
    image = np.random.default_rng(2).uniform(1, 2, (48, 64))
    got = expect_array(
        call(function, _pooling_network, image, 16, 8), shape=image.shape, what="your prediction"
    )
    if not np.allclose(got, windows(_pooling_network, image, 64, 8)):
        raise Failure(
            "With a network that pools, your result differs from one pass, although core and margin are "
            "multiples of "
            "its stride: do all your windows start at a multiple of core, margin pixels before the core?"
        )
