"""Exercises of chapter 12, Cellpose.

Conventions, the same as in cellpose: points are (row, column); a flow is an array (2, rows, columns), first
along rows, then along columns, of length 1 inside objects.
"""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_choices,
    expect_labels,
)
from bioimage_course.materials.ch12 import (
    bent_cell,
    crowds,
    diffused,
    disc,
    followed,
    middle,
    slopes,
    stitched,
    two_cells,
)

# --- shapes and flows ------------------------------


def _flow(labels):
    """Unit flows of a label image whose objects do not touch, the same as cellpose's."""
    extents = [np.ptp(np.argwhere(labels == n), axis=0) + 1 for n in np.unique(labels)[1:]]
    steps = 2 * int(max(e.sum() for e in extents) + 2)
    flow = np.zeros((2, *labels.shape))
    for number in np.unique(labels)[1:]:
        mask = labels == number
        slope = slopes(diffused(mask, middle(mask), steps))
        flow += np.where(mask, slope / np.maximum(np.sqrt((slope**2).sum(axis=0)), 1e-60), 0)
    return flow


# --- (a) heat ------------------------------


@exercise(
    chapter="12",
    hints=(
        "Which three things happen to a pixel's temperature in one step, and in which order?",
        "Three lines in the loop: temperature[centre] += 1; then uniform_filter(temperature, 3, "
        'mode="constant"); then multiply by the mask, so that outside it stays cold.',
        "slope[0, 1:-1] = temperature[2:] - temperature[:-2], and along columns slope[1, :, 1:-1] = "
        "temperature[:, 2:] - temperature[:, :-2].",
        "length = np.sqrt((slope ** 2).sum(axis=0)); "
        "return np.where(mask, slope / np.maximum(length, 1e-60), 0).",
    ),
)
def heat_flow(diffuse, flow):
    """Let heat spread in a mask, and turn the temperature into a flow of unit length."""
    expect_callable(diffuse, "diffuse")
    expect_callable(flow, "flow")
    masks = {"disc": disc(20, 22, 12, (40, 44)), "bent cell": bent_cell()}
    for name, mask in masks.items():
        centre = middle(mask)
        for steps in (1, 60):
            _check_temperature(call(diffuse, mask, centre, steps, pure=True), mask, centre, steps, name)
        temperature = diffused(mask, centre, 200)
        _check_flow(call(flow, temperature, mask, pure=True), temperature, mask)
    _check_image_border(diffuse)
    _check_summit(flow)
    mask = masks["bent cell"]
    same = _compare_with_cellpose(diffuse, flow, mask)
    arrow = _flow(mask.astype(int))[:, _tip(mask)[0], _tip(mask)[1]]
    towards = np.array(middle(mask)) - _tip(mask)
    angle = np.rad2deg(np.arccos(arrow @ towards / np.hypot(*towards)))
    return (
        "Hottest at the centre, and arrows of length 1. At the tip of the bent cell the arrow turns away "
        f"from the straight line to the centre by {angle:.0f}°: it leads round the corner.{same}"
    )


def _compare_with_cellpose(diffuse, flow, mask):
    """Both functions together against ``cellpose.dynamics``, where cellpose is installed."""
    from bioimage_course import tools

    if not tools.available("cellpose"):
        return ""
    with tools.cellpose.quiet():
        from cellpose import dynamics
    steps = 2 * int((np.ptp(np.argwhere(mask), axis=0) + 1).sum() + 2)  # cellpose's own rule
    ours = call(flow, call(diffuse, mask, middle(mask), steps), mask)
    difference = np.abs(ours - dynamics.masks_to_flows_gpu(mask.astype(int))[0]).max()
    if difference > 1e-3:
        raise Failure(f"Together, your functions differ from cellpose's flow by up to {difference:.3f}.")
    return " Cellpose's own flow is the same."


def _tip(mask):
    """The lowest pixel of the bent cell's left end."""
    pixels = np.argwhere(mask)
    pixels = pixels[pixels[:, 1] < mask.shape[1] / 2]
    return pixels[pixels[:, 0].argmax()]


def _check_temperature(got, mask, centre, steps, name):
    expect_array(
        got,
        close_to=diffused(mask, centre, steps),
        rtol=1e-6,
        atol=1e-12,
        what=f"the temperature of the {name} after {steps} step{'s' * (steps > 1)}",
        mistakes={
            "Heat leaks out of the mask: set everything outside to 0 after each step.": diffused(
                mask, centre, steps, leak=True
            ),
            "You average over the neighbours inside the mask only; divide by all nine, outside counts as "
            "cold.": diffused(mask, centre, steps, inside=True),
            "You light the flame only once; add 1 at the centre in every step.": diffused(
                mask, centre, steps, once=True
            ),
            "You add the heat after the averaging; add it first.": diffused(mask, centre, steps, late=True),
            "Row and column of the centre are swapped.": diffused(mask, centre[::-1], steps)
            if mask[centre[::-1]]
            else np.zeros(0),
        },
    )


def _check_image_border(diffuse):
    """A cell that all borders of the image cut off: beyond them it is as cold as outside the mask."""
    mask, centre = disc(5, 6, 8, (10, 15)), (4, 8)
    mistakes = {
        f"Beyond its border you continue the image by {what}; there, too, it is as cold as 0.": (
            diffused(mask, centre, 30, mode=mode)
        )
        for mode, what in {
            "reflect": "its mirror image",
            "mirror": "its mirror image, without the outermost pixels",
            "wrap": "its opposite side",
        }.items()
    }
    expect_array(
        call(diffuse, mask, centre, 30),
        close_to=diffused(mask, centre, 30),
        rtol=1e-6,
        atol=1e-12,
        what="the temperature of a cell that the image's border cuts off",
        mistakes=mistakes,
    )


def _check_summit(flow):
    """Whole numbers with a level summit: arrows of no length, 0/0 if one divides by it."""
    mask = np.zeros((11, 13), bool)
    mask[2:9, 2:11] = True
    y, x = np.mgrid[:11, :13]
    temperature = np.where(mask, np.minimum(4 - np.abs(y - 5), 5 - np.abs(x - 6)), 0).astype(float)
    got = expect_array(call(flow, temperature, mask), shape=(2, 11, 13), dtype="number", finite=False)
    level = mask & ~slopes(temperature).any(axis=0)
    if not np.all(np.isfinite(got[:, level])):
        raise Failure(
            "Where it is equally warm all around, as at the summit, your flow is no number, because the "
            "arrow has the length 0. Let the flow be 0 there, or divide by a tiny number at least."
        )
    _check_flow(got, temperature, mask)


def _check_flow(got, temperature, mask):
    slope = slopes(temperature)
    length = np.maximum(np.sqrt((slope**2).sum(axis=0)), 1e-60)
    wanted = np.where(mask, slope / length, 0)
    expect_array(
        got,
        close_to=wanted,
        rtol=1e-4,
        atol=1e-4,
        what="your flow",
        mistakes={
            "Your arrows are not of length 1: divide both components by the length of the arrow.": np.where(
                mask, slope, 0
            ),
            "Your arrows point where it gets colder: T[y + 1] − T[y − 1], not the reverse.": -wanted,
            "The components are swapped: first along rows, then along columns.": wanted[::-1],
            "You divide each component by its own size; divide both by the length √(a² + b²).": np.where(
                mask, np.sign(slope), 0
            ),
            "You divide by the sum of both components; the length is √(a² + b²).": np.where(
                mask, slope / np.maximum(np.abs(slope).sum(axis=0), 1e-60), 0
            ),
            "Outside the mask the flow must be 0.": slope / length,
        },
    )


# --- (b) following ------------------------------


@exercise(
    chapter="12",
    hints=(
        "A particle is at (3.4, 7.8): which pixel's arrow does it follow, and when must you look again?",
        "In the loop: pixel = np.rint(points).astype(int), then arrows = flow[:, pixel[:, 0], pixel[:, 1]], "
        "an array (2, n). Its transpose has the shape of points.",
        "points = np.clip(points + arrows.T, 0, highest). Look the arrows up anew in every step.",
    ),
)
def follow_flows(follow):
    """Move points along a flow, step by step, and see where they meet."""
    expect_callable(follow)
    shape = (24, 40)
    right = np.zeros((2, *shape))
    right[1] = 1
    points = np.array([[3, 4], [20, 30], [11, 0]])
    for steps in (5, 30):
        wanted = followed(right, points, steps)
        expect_array(
            call(follow, right, points, steps, pure=True),
            close_to=wanted,
            atol=0.01,
            what=f"the positions after {steps} steps to the right",
            mistakes={
                "Points leave the image: keep them inside with np.clip.": followed(
                    right, points, steps, bounded=False
                ),
                "Rows and columns are swapped: flow[0] moves rows, flow[1] columns.": followed(
                    right, points, steps, swapped=True
                ),
                "The points move against the flow; add the arrows.": followed(
                    right, points, steps, backwards=True
                ),
                "The points do not move at all.": points,
                "The points move one step only; repeat it.": followed(right, points, 1),
            },
        )
    _check_borders(follow)
    turn = np.zeros((2, *shape))
    turn[1, :12], turn[0, :, 25:] = 1, 1  # to the right; then down as well
    start = np.array([[2, 10], [5, 20]])
    expect_array(
        call(follow, turn, start, 25),
        close_to=followed(turn, start, 25),
        atol=1.5,
        what="the positions in a flow that turns",
        mistakes={
            "You look the arrow up only once, at the start; look it up anew in every step.": followed(
                turn, start, 25, fixed=True
            )
        },
    )
    _check_rounding(follow)
    counts = {}
    for name, labels in (("two touching cells", two_cells()), ("a bent cell", bent_cell().astype(int))):
        end = call(follow, _flow(labels), np.argwhere(labels), 200)
        counts[name] = crowds(expect_array(end, shape=(np.count_nonzero(labels), 2)), labels.shape)
    if counts != {"two touching cells": 2, "a bent cell": 1}:
        raise Failure(
            f"Your points end in {counts['two touching cells']} crowds for two touching cells and in "
            f"{counts['a bent cell']} for a bent one; it should be 2 and 1."
        )
    return "Two touching cells end in two crowds, a bent cell in one."


def _check_borders(follow):
    """Steadily in one direction, until every point lies at the border."""
    points, shape = np.array([[3, 4], [20, 30], [11, 0], [0, 17]]), (24, 40)
    for name, arrow in {"up and left": (-1, -0.8), "down": (1, 0), "down and left": (0.6, -1)}.items():
        flow = np.ones((2, *shape)) * np.reshape(arrow, (2, 1, 1))
        expect_array(
            call(follow, flow, points, 60),
            close_to=followed(flow, points, 60),
            atol=0.01,
            what=f"the positions after 60 steps {name}, at the border of an image of 24×40 pixels",
            mistakes={
                "Points leave the image: keep rows and columns between 0 and the last one.": followed(
                    flow, points, 60, bounded=False
                ),
            },
        )


def _rounding_case():
    """Arrows that differ from pixel to pixel, and points between the pixels, none of them near a half."""
    rng = np.random.default_rng(12)
    angle = rng.uniform(0, 2 * np.pi, (30, 36))
    points = np.stack([rng.integers(8, 22, 12), rng.integers(8, 28, 12)], axis=1)
    return np.stack([np.sin(angle), np.cos(angle)]), points + rng.choice([-0.35, -0.2, 0.2, 0.35], (12, 2))


def _check_rounding(follow):
    """Each point follows the arrow of the pixel nearest to it, also from its first place on."""
    flow, points = _rounding_case()
    for steps in (1, 2):
        expect_array(
            call(follow, flow, points, steps, pure=True),
            close_to=followed(flow, points, steps),
            atol=0.01,
            what=f"the positions, from between the pixels, after {steps} step{'s' * (steps > 1)}",
            mistakes={
                "A point at row 3.7 is in row 4: round, do not cut the decimals off.": followed(
                    flow, points, steps, rounded=np.floor
                ),
                "A point at row 3.2 is in row 3: round to the nearest pixel, not up.": followed(
                    flow, points, steps, rounded=np.ceil
                ),
                "The points begin between the pixels: round only to look the arrow up, not their places.": (
                    followed(flow, np.rint(points), steps)
                ),
                "The points begin between the pixels; keep the decimals of their places.": followed(
                    flow, np.trunc(points), steps
                ),
            },
        )


# --- (c) quality ------------------------------


def _quality_case():
    """Labels of three cells and a predicted flow that fits the first, half the second, not the third."""
    shape = (60, 90)
    labels = np.zeros(shape, int)
    labels[disc(20.3, 18.2, 12, shape)] = 1  # not quite symmetric: the flow in the middle is then defined
    labels[disc(38.2, 46.4, 14, shape)] = 2
    labels[disc(18.4, 76.3, 10, shape)] = 3
    predicted = _flow(labels)
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, shape)
    wrong = np.stack([np.sin(angle), np.cos(angle)])
    half = (labels == 2) & (np.arange(shape[1]) > 46)
    predicted = np.where((labels == 3) | half, wrong, predicted)
    predicted = np.where(labels == 0, 0.3 * wrong, predicted)  # the network says something everywhere
    return labels, predicted


@exercise(
    chapter="12",
    hints=(
        "How far apart are two arrows? And over which pixels does an object average that?",
        "error = ((flows_of(labels) - predicted) ** 2).sum(axis=0) is one number for each pixel.",
        "return [error[labels == number].mean() for number in range(1, labels.max() + 1)]",
    ),
)
def flow_quality(flow_errors):
    """Compare the flow of each object with the predicted flow, as flow_threshold does."""
    expect_callable(flow_errors)
    labels, predicted = _quality_case()
    error = ((_flow(labels) - predicted) ** 2).sum(axis=0)
    masks = [labels == n for n in (1, 2, 3)]
    wanted = np.array([error[m].mean() for m in masks])
    got = expect_array(
        call(flow_errors, labels, predicted, pure=True),
        close_to=wanted,
        rtol=1e-3,
        atol=1e-3,
        what="the list of errors",
        mistakes={
            "You take the mean over both components; add them, then average over the pixels.": wanted / 2,
            "You take the root; the threshold is compared with the mean *squared* difference.": wanted**0.5,
            "You add up over the pixels; take the mean, or large objects are always wrong.": np.array(
                [error[m].sum() for m in masks]
            ),
            "You take the root at every pixel, the length of the difference; the threshold is compared "
            "with the mean "
            "*squared* difference.": np.array([np.sqrt(error)[m].mean() for m in masks]),
            "You add absolute differences; square them.": np.array(
                [np.abs(_flow(labels) - predicted).sum(axis=0)[m].mean() for m in masks]
            ),
            "You divide by all pixels of the image; average over the object's own.": np.array(
                [error[m].sum() / labels.size for m in masks]
            ),
            "You add the differences before squaring, so that they cancel.": np.array(
                [((_flow(labels) - predicted).sum(axis=0) ** 2)[m].mean() for m in masks]
            ),
            "That is one entry too many: leave out the background, label 0.": np.array(
                [error[labels == n].mean() for n in range(4)]
            ),
        },
    )
    dropped = [i + 1 for i, value in enumerate(got) if value > 0.4]
    return (
        f"Errors {', '.join(f'{v:.2f}' for v in got)}: with flow_threshold 0.4 the objects "
        f"{' and '.join(map(str, dropped))} are dropped. They lie where the predicted flow is noise."
    )


# --- (d) logits ------------------------------

FORECAST = {
    "pixels": (
        "fewer",
        "A higher threshold lets fewer pixels take part: objects shrink, then disappear.",
    ),
    "objects": ("fewer", "A lower flow_threshold is stricter: more objects are thrown away."),
    "network runs": (
        "the same",
        "labels_with works on flows and logits that are there already; the network is not asked again.",
    ),
}


@exercise(
    chapter="12",
    hints=(
        "What is e to the power of 1000 on a computer? Is there a way to write the sigmoid that never "
        "needs it?",
        "p = 1 / (1 + exp(−z)). For very negative z the exponential overflows; (1 + tanh(z / 2)) / 2 is the "
        "same and does not (or scipy.special.expit).",
        "The inverse: z = ln(p / (1 − p)), so p = 0.5 gives 0.",
        "cellprob_threshold: a pixel takes part if its logit is *above* the threshold. flow_threshold: an "
        "object stays if its error is *below* it.",
    ),
)
def cell_logits(to_probability, to_logit, forecast):
    """Turn logits into probabilities and back, and forecast what the thresholds do."""
    expect_callable(to_probability, "to_probability")
    expect_callable(to_logit, "to_logit")
    for logit in (0.0, 2.0, -1.5, 30.0, -1000.0, 1000.0):
        _check_probability(to_probability, logit)
    for p in (0.5, 0.9, 0.02):
        z = np.log(p / (1 - p))
        expect_array(
            call(to_logit, p),
            close_to=z,
            rtol=1e-6,
            atol=1e-9,
            what=f"the logit of the probability {p}",
            mistakes={
                "That is the logarithm of p alone; the logit is ln(p / (1 − p)).": np.log(p),
                "The sign is the wrong way round: likely is positive, ln(p / (1 − p)).": -z,
                "Use the natural logarithm (np.log), not the one to base 10.": z / np.log(10),
                "That is the way back again: the logit is the inverse of the sigmoid.": 1 / (1 + np.exp(-p)),
            },
        )
    _check_forecast(forecast)
    p = 1 / (1 + np.exp(-2))
    return f"cellprob_threshold 2 asks for a probability of {p:.2f}, −2 for {1 - p:.2f}."


def _check_probability(function, logit):
    try:
        with np.errstate(over="raise"):
            got = function(logit)
    except (OverflowError, FloatingPointError):
        raise Failure(
            f"to_probability({logit:g}) overflows, because exp of a large number is infinite. The result "
            "may be right, but not without a warning: use (1 + tanh(z / 2)) / 2, or scipy.special.expit."
        ) from None
    except NotImplementedError:
        raise
    except Exception:
        got = call(function, logit)  # tells what went wrong
    expect_array(
        got,
        close_to=0.5 * (1 + np.tanh(logit / 2)),
        rtol=1e-6,
        atol=1e-9,
        what=f"the probability for the logit {logit:g}",
        mistakes={
            "The sign is the wrong way round: a high logit is a high probability.": 0.5
            * (1 - np.tanh(logit / 2)),
            "That is tanh, from −1 to 1; a probability goes from 0 to 1.": np.tanh(logit / 2),
        },
    )


def _check_forecast(forecast):
    if not isinstance(forecast, dict):
        raise Failure('forecast must be a dictionary: {"pixels": …, "objects": …, "network runs": …}.')
    missing = [key for key in FORECAST if key not in forecast]
    if missing:
        raise Failure(f"forecast lacks {missing[0]!r}.")
    for key, (right, why) in FORECAST.items():
        answer = forecast[key]
        if answer is ...:
            raise NotImplementedError
        if answer not in ("more", "fewer", "the same"):
            raise Failure(f'forecast[{key!r}] must be "more", "fewer" or "the same", not {answer!r}.')
        if answer != right:
            raise Failure(f"{key}: not {answer!r}. {why}")


# --- (e) the border ------------------------------


@exercise(
    chapter="12",
    hints=(
        "Of which size is the image that segment must see, and where in its answer does your image lie?",
        'padded = np.pad(image, width, mode="reflect") adds the margin on all four sides; '
        "labels = segment(padded).",
        "Crop: labels[width : width + image.shape[0], width : width + image.shape[1]].",
        "Renumber: numbers = np.unique(labels); new = np.searchsorted(numbers[numbers > 0], labels) + "
        "(labels > 0). skimage.segmentation.relabel_sequential does it, too.",
    ),
)
def mirrored_border(mirrored):
    """Segment an image whose border is continued by its mirror image, and crop."""
    from scipy.ndimage import label

    expect_callable(mirrored)
    rng = np.random.default_rng(3)
    image = rng.uniform(0, 0.2, (40, 30))
    for row, column, radius in ((8, 6, 5), (26, 13, 6), (12, 24, 4), (38, 27, 5), (33, 2, 3)):
        image[disc(row, column, radius, image.shape)] = 0.8
    for width in (6, 11):
        seen = []

        def segment(picture, seen=seen, width=width):
            seen.append(np.array(picture))
            found = label(np.asarray(picture) > 0.5)[0]
            right = np.arange(found.shape[1]) >= width + 13  # the cell there is two that touch
            numbers = np.where(found > 0, 6 * found + 3 * right + 1, 0)  # with gaps
            largest = np.bincount(numbers[numbers > 0], minlength=1).argmax()  # lies in the image
            return np.where((found > 0) & (numbers == largest), 1, numbers).astype(np.int32)

        got = call(mirrored, segment, image, width, pure=False)
        if isinstance(got, tuple) and len(got) == 3 and np.ndim(got[0]) == 2:
            raise Failure(
                "You return three things, as relabel_sequential does: take the first of them, the label "
                "image."
            )
        _check_padding(seen, image, width)
        whole = segment(np.pad(image, width, mode="reflect"))
        if not np.array_equal(seen[0], np.pad(image, width, mode="reflect")):
            whole = segment(np.pad(image, width, mode="symmetric"))
        wanted = whole[width : width + image.shape[0], width : width + image.shape[1]]
        if np.shape(got) == whole.shape:
            raise Failure("You return the padded size: crop the margin off, so that labels fit the image.")
        if np.shape(got) == wanted.shape and np.array_equal(got, label(wanted > 0)[0]):
            raise Failure(
                "Two cells that touch have become one: connected components of the labels are not the "
                "objects. "
                "Renumber the labels that segment gave."
            )
        labels = expect_labels(got, wanted)
        numbers = np.unique(labels[labels > 0])
        if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
            raise Failure(
                f"The objects are numbered {', '.join(map(str, numbers[:4]))} …; renumber them 1, 2, 3 … "
                "without gaps."
            )
    return "The mirror goes in, the margin comes off, and objects count from 1."


def _check_padding(seen, image, width):
    """What the learner gave to `segment`: the image, continued by reflection on all sides."""
    if not seen:
        raise Failure("segment was never called: call segment(padded).")
    given = seen[0]
    if given.shape == image.shape:
        raise Failure("segment was given the image without a margin; pad it first.")
    target = tuple(n + 2 * width for n in image.shape)
    if given.shape != target:
        raise Failure(
            f"segment was given an image of shape {given.shape}; with {width} pixels on all four sides it is "
            f"{target}."
        )
    if any(np.allclose(given, np.pad(image, width, mode=mode)) for mode in ("reflect", "symmetric")):
        return
    if np.allclose(given, np.pad(image, width)):
        raise Failure('You pad with zeros: that is the black wall. Use mode="reflect".')
    if np.allclose(given, np.pad(image, width, mode="edge")):
        raise Failure('You repeat the border pixels, which smears cut cells; use mode="reflect".')
    if np.allclose(given, np.pad(image, width, mode="wrap")):
        raise Failure('You continue with the opposite side of the image; use mode="reflect".')
    raise Failure('The margin is not a mirror image: np.pad(image, width, mode="reflect").')


# --- (f) what to turn ------------------------------

KNOBS = {
    "all outlines lie well inside the cells": "cellprob_threshold",
    "cells of 120 pixels are cut into pieces; the same cells at half the size come out whole": "diameter",
    "a field without any cell is full of small objects": "normalize",
    "between good cells there are odd objects where no cell is": "flow_threshold",
    "tuned settings change little: half of the cells, of an unusual kind, are missed": "fine-tune",
    "objects at the edge of the picture are wrong, all others are right": "mirror",
}
NOT_THIS_KNOB = {
    "cellprob_threshold": "It moves outlines in or out, and lets dim objects come or go.",
    "flow_threshold": "It keeps or drops whole objects by how well their own flow fits; outlines stay.",
    "diameter": "It makes cellpose resize the image; it helps where objects have a size the network "
    "does not know.",
    "normalize": "It decides which intensities become 0 and 1; it matters where an image is empty or "
    "very bright.",
    "mirror": "It changes what lies beyond the edge of the picture, and little elsewhere.",
    "fine-tune": "That is the last step, for what no setting can cure.",
}


@exercise(
    chapter="12",
    hints=(
        "Ask of each: did the network see the right thing? Did it answer rightly? Or was only its answer "
        "cut wrongly?",
        "What the network sees: normalize, diameter, mirror. What is made of its answer: the two "
        "thresholds. What the "
        "network knows: fine-tune.",
    ),
)
def which_knob(knob):
    """Name, for each of six symptoms, the setting that you would turn first."""
    expect_choices(knob, KNOBS, NOT_THIS_KNOB, ("knob", "symptom"))
    return "Look at the symptom first: what the network saw, what it said, or what was made of it."


# --- (g) planes of a stack ------------------------------


def _planes(*planes, shape=(12, 48), dtype=np.uint16):
    """Labels of planes; of each plane a list of rectangles (number, top, bottom, left, right)."""
    labels = np.zeros((len(planes), *shape), dtype)
    for plane, objects in zip(labels, planes, strict=True):
        for number, top, bottom, left, right in objects:
            plane[top:bottom, left:right] = number
    return labels


STACKS = {
    "two objects in three planes": (
        _planes(
            [(7, 1, 6, 2, 12), (3, 4, 10, 30, 40)],
            [(3, 1, 6, 3, 13), (200, 4, 10, 31, 41)],
            [(90, 4, 10, 32, 42), (5, 1, 6, 4, 14)],
        ),
        0.5,
    ),
    "objects that overlap by half": (
        _planes([(1, 2, 10, 4, 14)], [(1, 2, 10, 9, 19), (2, 2, 10, 19, 25)]),
        0.6,
    ),
    "an object of another place with the same number": (
        _planes([(1, 1, 6, 2, 12)], [(1, 5, 11, 30, 40)], [(1, 5, 11, 31, 41)]),
        0.25,
    ),
    "a small object under a large one": (
        _planes([(1, 1, 11, 4, 34)], [(1, 4, 8, 14, 20)], [(1, 1, 11, 5, 35)]),
        0.25,
    ),
    "more background than object": (_planes([(1, 0, 12, 0, 40)], [(1, 0, 12, 0, 15)]), 0.25),
    "an IoU of exactly the threshold": (_planes([(1, 2, 10, 4, 24)], [(1, 2, 10, 4, 14)]), 0.5),
    "an IoU just below the threshold": (_planes([(1, 2, 10, 4, 24)], [(1, 2, 10, 4, 14)]), 0.51),
    "two objects under one": (
        _planes(
            [(1, 1, 11, 4, 24)],
            [(1, 1, 11, 4, 12), (2, 1, 11, 12, 24)],
            [(1, 1, 11, 5, 13), (4, 1, 11, 14, 26)],
        ),
        0.25,
    ),
    "one object under two": (_planes([(1, 1, 11, 4, 12), (2, 1, 11, 12, 24)], [(9, 1, 11, 4, 24)]), 0.25),
    "a plane without objects in between": (
        _planes([(1, 1, 11, 4, 24)], [], [(1, 1, 11, 4, 24)], [(1, 1, 11, 5, 25)]),
        0.25,
    ),
    "planes without objects at both ends": (_planes([], [(4, 1, 11, 4, 24)], []), 0.25),
    "no object at all": (_planes([], []), 0.25),
    "260 objects, numbered from 1 in each plane, in 8 bits": (
        _planes(
            *([(j + 1, 2, 5, 8 * j + k, 8 * j + k + 3) for j in range(4)] for k in (0, 4) * 32 + (0,)),
            shape=(7, 32),
            dtype=np.uint8,
        ),
        0.25,
    ),
}
"""Planes and threshold of each case; no two pairs of a case have the same IoU and an object in common."""

STITCHED_WRONGLY = {
    "You give a number twice in one plane: where two objects want it, the one with the higher IoU gets it "
    "and the other one a new number.": {"twice": True},
    "Two objects want the same number, and the first one gets it; it belongs to the one with the higher "
    "IoU.": {"first": True},
    "The background takes part and takes a number away: label 0 is no object.": {"background": True},
    "You look past the plane without objects. Nothing was seen there, so the next object is a new one: "
    "compare neighbouring planes only.": {"far": True},
    "You hand on the number that the object had in its own plane; hand on the one that you gave it.": {
        "original": True
    },
    "You join objects whose IoU is below the threshold: compare with threshold, whatever it is.": {
        "threshold": 1e-9
    },
    "You divide by the size of the object itself, so whatever lies under a large one joins it; divide by the "
    "union of both.": {"overlap": "of the object"},
    "You divide by the size of the object in the plane before; divide by the union of both.": {
        "overlap": "of the one before"
    },
    "An IoU that equals the threshold counts: at least, not above.": {"strict": True},
}


def _alike(labels, others):
    """Whether two label images mark the same objects, whatever their numbers."""
    pairs = np.unique(np.stack([np.ravel(labels), np.ravel(others)]), axis=1)
    same_background = np.array_equal(np.asarray(labels) > 0, np.asarray(others) > 0)
    return same_background and all(len(np.unique(row)) == pairs.shape[1] for row in pairs)


@exercise(
    chapter="12",
    hints=(
        "Two objects want the number of the same object in the plane before. In which order must you look at "
        "the pairs, so that the better one gets it?",
        "List all pairs (IoU, object of this plane, number in the plane before), sort them from the highest "
        "IoU down, and join a pair if its IoU is high enough and neither of both is taken.",
        "Compare with the plane before *as you have numbered it*, so that numbers are handed on from plane "
        "to plane. `np.unique(plane[plane > 0])` are the objects of a plane, without gaps to worry about.",
        "Begin with `stack = np.zeros(planes.shape, int)`: 8 bits end at 255. What is left without a partner "
        "gets `last = last + 1`.",
    ),
)
def stitch_planes(stitch):
    """Join the objects of neighbouring planes into objects of three dimensions."""
    from scipy.ndimage import label

    expect_callable(stitch)
    for name, (planes, threshold) in STACKS.items():
        got = call(stitch, planes, threshold, pure=True)
        wanted = stitched(planes, threshold)
        what = f"your stack ({name}, threshold {threshold:g})"
        got = expect_array(got, shape=planes.shape, dtype="integer", what=what)
        _check_wrapped(got, planes)
        if _alike(got, wanted):
            continue
        for sentence, mistake in STITCHED_WRONGLY.items():
            if _alike(got, stitched(planes, **{"threshold": threshold} | mistake)):
                raise Failure(f"{sentence} (The case: {name}.)")
        if _alike(got, label(planes > 0)[0]):
            raise Failure(
                "Whatever touches has become one, as connected components do: join objects in pairs, and "
                f"only where their IoU is high enough. (The case: {name}.)"
            )
        if np.array_equal(got, planes):
            raise Failure(
                "You return the numbers as they were: in every plane they begin anew, and say nothing about "
                "the plane before."
            )
        expect_labels(got, wanted, what=what)
    return (
        "Numbers go on from plane to plane, each once in a plane, and an empty plane ends an object."
        + _compare_with_stitch3d(stitch)
    )


def _check_wrapped(got, planes):
    """8 bits have no number 256: objects beyond it get lost, or share their numbers with others."""
    if planes.dtype == np.uint8 and got.max() < 256:
        raise Failure(
            "There are more than 255 objects here, and the planes have 8 bits (uint8). Your stack has so, "
            "too, and numbers above 255 begin anew at 0: begin with np.zeros(planes.shape, int)."
        )


def _compare_with_stitch3d(stitch):
    """The same rule by cellpose, where it is installed."""
    from bioimage_course import tools

    if not tools.available("cellpose"):
        return ""
    planes, threshold = STACKS["two objects under one"]
    with tools.cellpose.quiet():
        from cellpose import utils

        consecutive = np.stack(
            [np.unique(plane, return_inverse=True)[1].reshape(plane.shape) for plane in planes]
        )
        theirs = utils.stitch3D(consecutive.astype(np.int32), stitch_threshold=threshold)
    return " Cellpose's stitch3D joins the same." if _alike(call(stitch, planes, threshold), theirs) else ""
