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

# --- (1) sizes ------------------------------


def valid_size(n, depth=4, *, convolutions=2, lost=2, bottom=True, up=True, strict=True):
    """Side of the output of a U-Net with unpadded 3×3 convolutions; None if a pooling meets an odd side.

    The keywords build in the usual mistakes; with `strict` off odd sides are halved and rounded down.
    """
    for _ in range(depth):
        n -= convolutions * lost
        if strict and (n % 2 or n <= 0):
            return None
        n //= 2
    n -= convolutions * lost * bottom
    for _ in range(depth):
        n = 2 * n - convolutions * lost * up
    return n if n > 0 or not strict else None


_SIZE_MISTAKES = {
    "Each block has two convolutions; you count one.": {"convolutions": 1},
    "Each unpadded 3×3 convolution takes away two pixels, one on each side; you take one.": {"lost": 1},
    "The block at the bottom has two convolutions, too.": {"bottom": False},
    "The blocks on the way up have two convolutions each, too.": {"up": False},
}


@exercise(
    chapter="10",
    hints=(
        "Each unpadded 3×3 convolution takes away two pixels, and each block has two of them. Follow the "
        "side: "
        "block, half, block, half, … down to the bottom block.",
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
        "distance_transform_edt(labels != number) is the distance of every pixel to object `number`. Do "
        "this for "
        "all objects, stack the results and sort along the first axis: d1 and d2 are the first two.",
        "weights = np.where(labels > 0, class_weights[1], class_weights[0]); then add "
        "w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2)) where labels == 0.",
    ),
)
def border_weights(function):
    """Write weights(labels, class_weights, w0, sigma): class weights, and more between close objects."""
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
    for w0, sigma in ((10.0, 5.0), (4.0, 2.0)):
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
    gaps = [weight_map(_discs((20, 14, 9), (20, 14 + 18 + gap, 9)), (1, 1), 10, 5)[20, 24] for gap in (2, 6)]
    return (
        f"A pixel in a gap of 1 pixel weighs {gaps[0]:.1f}, in a gap of 5 pixels {gaps[1]:.1f}, far away 1: "
        "errors count most where they would join two nuclei."
    )


# --- (3) Dice ------------------------------


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


# --- (4) from classes to objects ------------------------------


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
        "Two steps: markers, _ = ndimage.label(inside > 0.5), then watershed(…, markers, mask=foreground).",
        "Water rises from low places: give watershed the landscape -inside, whose valleys are the middles "
        "of the "
        "nuclei.",
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
    return "Two nuclei that touch stay two, and no pixel of the foreground is lost."


# --- (5) windows ------------------------------


def windows(network, image, core, margin, *, border="reflect", use_margin=True, average=False):
    """Prediction window by window, with the usual mistakes built in."""
    rows, columns = image.shape
    extra = [(margin, margin + -n % core) for n in image.shape]
    padded = np.pad(image, extra, mode=border)
    result = np.zeros([n + -n % core for n in image.shape])
    for top in range(0, rows, core):
        for left in range(0, columns, core):
            window = padded[top : top + core + 2 * margin, left : left + core + 2 * margin]
            if not use_margin:
                window = window[margin : margin + core, margin : margin + core]
            answer = np.asarray(network(window))
            inner = slice(margin, margin + core) if use_margin else slice(None)
            result[top : top + core, left : left + core] = answer[inner, inner]
    return result[:rows, :columns]


@exercise(
    chapter="10",
    hints=(
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
        return "Window by window or in one go: the same, because the margin covers the receptive field."
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
