"""Exercises of chapter 15, evaluating."""

import numpy as np

from bioimage_course import metrics
from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number
from bioimage_course.materials.ch15 import UNLIKE, best_first, lecture_truth, pooled


def _counts(truth, prediction):
    truth, prediction = np.asarray(truth, bool), np.asarray(prediction, bool)
    tp, fp = int((truth & prediction).sum()), int((~truth & prediction).sum())
    return tp, fp, int((truth & ~prediction).sum()), int((~truth & ~prediction).sum())


def _scores(answer, names, what):
    """A dictionary of numbers, its keys as asked for."""
    if answer is None:
        raise Failure(f"{what} is None; did you forget `return`?")
    if not isinstance(answer, dict):
        raise Failure(f"{what} must be a dictionary with the keys {', '.join(names)}.")
    missing = [name for name in names if name not in answer]
    if missing:
        raise Failure(f"{what} has no entry {missing[0]!r}; expected are {', '.join(names)}.")
    return answer


# --- (1) pixel by pixel ------------------------------

PIXEL_SCORES = ("accuracy", "precision", "recall", "dice", "iou")


@exercise(
    chapter="15",
    hints=(
        "Into which four groups do the pixels fall, if truth and prediction may each say yes or no? Which of "
        "the groups does each score count?",
        "Count four numbers first: tp = (truth & prediction).sum(), then fp, fn and tn with ~ for “not”.",
        "accuracy = (tp + tn) / (tp + fp + fn + tn), precision = tp / (tp + fp), recall = tp / (tp + fn), "
        "dice = 2·tp / (2·tp + fp + fn), iou = tp / (tp + fp + fn).",
    ),
)
def pixel_scores(function):
    """Write accuracy, precision, recall, Dice and IoU of two masks; one of them may be empty."""
    expect_callable(function)
    rng = np.random.default_rng(15)
    for number in range(3):
        truth = rng.random((12, 17)) < 0.2 + 0.2 * number
        prediction = np.where(rng.random(truth.shape) < 0.3, rng.random(truth.shape) < 0.3, truth)
        tp, fp, fn, _tn = _counts(truth, prediction)
        right = {name: getattr(metrics, name)(truth, prediction) for name in PIXEL_SCORES}
        mistakes = {
            "accuracy": {
                "Accuracy counts the background that was recognised, too: (tp + tn) / all pixels.": tp
                / truth.size,
                "That is tp / (tp + fp + fn), which StarDist calls accuracy; over pixels it is the "
                "IoU.": right["iou"],
            },
            "precision": {
                "That is recall: precision divides by what was predicted, tp + fp.": right["recall"]
            },
            "recall": {
                "That is precision: recall divides by what is really there, tp + fn.": right["precision"]
            },
            "dice": {
                "That is the IoU; Dice counts the hits twice, above and below the line.": right["iou"],
                "The hits count twice below the line as well: 2·tp / (2·tp + fp + fn).": 2
                * tp
                / (tp + fp + fn),
                "Above the line belongs 2·tp.": tp / (2 * tp + fp + fn),
            },
            "iou": {
                "That is Dice; the union holds each hit once: tp / (tp + fp + fn).": right["dice"],
                "You divide by the sum of both areas, where the hits are counted twice; the union is "
                "tp + fp + fn.": tp / (2 * tp + fp + fn),
            },
        }
        answer = _scores(call(function, truth, prediction, pure=True), PIXEL_SCORES, "your answer")
        for name in PIXEL_SCORES:
            expect_number(answer[name], close_to=right[name], what=f"your {name}", mistakes=mistakes[name])
    _judge_one_within_the_other(function)
    _judge_empty_masks(function)
    return "Accuracy, precision, recall, Dice and IoU agree with the library's, also where a mask is empty."


def _judge_one_within_the_other(function):
    """Without a false alarm, or without a miss, and as many hits as there are errors of the other kind."""
    wide = np.arange(12).reshape(3, 4) < 6
    half = wide & (np.arange(4) % 2 == 0)
    for truth, prediction, words in (
        (wide, half, "every predicted pixel is right"),
        (half, wide, "every true pixel is found"),
    ):
        answer = _scores(call(function, truth, prediction, pure=True), PIXEL_SCORES, "your answer")
        for name in PIXEL_SCORES:
            right = getattr(metrics, name)(truth, prediction)
            expect_number(answer[name], close_to=right, what=f"your {name} where {words}")


def _judge_empty_masks(function):
    """Where nothing is predicted, or nothing is there, a score is 0; one that is 0/0 may be NaN as well."""
    some, none = np.arange(12).reshape(3, 4) < 5, np.zeros((3, 4), bool)
    for truth, prediction, words in ((some, none, "nothing is predicted"), (none, some, "nothing is there")):
        answer = _scores(call(function, truth, prediction, pure=True), PIXEL_SCORES, "your answer")
        for name in PIXEL_SCORES:
            right = metrics.accuracy(truth, prediction) if name == "accuracy" else 0.0
            undefined = name == ("precision" if truth is some else "recall")  # 0/0
            if undefined and np.isnan(np.asarray(answer[name], float)).all():
                continue
            expect_number(answer[name], close_to=right, what=f"your {name} where {words}")


# --- (2) the lecture's two cases ------------------------------

CASES = {"poor": (0.91, 0.08, 0.04), "good": (0.99, 0.89, 0.80)}


@exercise(
    chapter="15",
    hints=(
        "How many of its pixels may a prediction share with the object if Dice is to be 0.08, and how far "
        "must "
        "a blob move for that?",
        "Try shifts in a loop, in steps of a tenth: for each one compute metrics.accuracy, metrics.dice and "
        "metrics.iou of lecture_truth() and the shifted blob, and print those that round to the wanted ones.",
    ),
)
def two_cases(poor, good, nothing):
    """Make two predictions with 0.91/0.08/0.04 and 0.99/0.89/0.80, and one that needs no work at all."""
    truth = lecture_truth()
    masks = {}
    for name, value in (("poor", poor), ("good", good), ("nothing", nothing)):
        mask = expect_array(value, shape=truth.shape, dtype="number", what=f"your mask {name!r}")
        if not np.isin(mask, (0, 1)).all():
            raise Failure(f"your mask {name!r} must hold True and False only, or 1 and 0.")
        masks[name] = mask.astype(bool)
    for name, wanted in CASES.items():
        got = tuple(getattr(metrics, score)(truth, masks[name]) for score in ("accuracy", "dice", "iou"))
        if tuple(round(value, 2) for value in got) != wanted:
            shown = " / ".join(f"{value:.3f}" for value in got)
            other = CASES["good" if name == "poor" else "poor"]
            if tuple(round(value, 2) for value in got) == other:
                raise Failure("The two predictions are swapped: the poor one comes first.")
            raise Failure(
                f"Accuracy / Dice / IoU of your mask {name!r} are {shown}; wanted, rounded to two "
                f"decimals, are {' / '.join(f'{value:.2f}' for value in wanted)}."
            )
    _judge_shapes(truth, masks)
    if masks["nothing"].any():
        raise Failure(
            f"The mask that needs no work is empty; yours marks {int(masks['nothing'].sum())} pixels."
        )
    empty = metrics.accuracy(truth, masks["nothing"])
    return (
        "One truth, two predictions, and the empty mask has an accuracy of "
        f"{empty:.4f}: more than the poor one, whose IoU is at least above 0."
    )


def _judge_shapes(truth, masks):
    """Size and place of both predictions are prescribed; a round mask's middle is known to half a pixel."""
    for name, pixels in (("poor", 523), ("good", int(truth.sum()))):
        if masks[name].sum() != pixels:
            raise Failure(
                f"The scores of your mask {name!r} are right, but it has {int(masks[name].sum())} pixels; "
                f"{pixels} were asked for."
            )
    middle = {
        name: np.argwhere(mask).mean(axis=0)
        for name, mask in (("truth", truth), *masks.items())
        if mask.any()
    }
    down, right = middle["poor"] - middle["truth"]
    if abs(down) > 0.5 or right < 0:
        raise Failure(
            "The scores of your mask 'poor' are right, but it was to lie in the object's row, to the right."
        )
    down, right = middle["good"] - middle["truth"]
    if abs(down - right) > 0.5 or right < 0:
        raise Failure(
            "The scores of your mask 'good' are right, but it was to be moved down and to the right, by the "
            "same amount."
        )


# --- (3) object by object ------------------------------


def label_pair():
    """Two small label images whose numbers have gaps, with a split, a merger, a miss and an invention."""
    truth, prediction = np.zeros((30, 40), int), np.zeros((30, 40), int)
    truth[2:10, 2:10], prediction[3:11, 2:10] = 4, 7  # shifted by one row
    truth[2:10, 16:26] = 2  # cut in two
    prediction[2:10, 16:23], prediction[2:10, 23:26] = 5, 9
    truth[14:22, 2:8], truth[14:22, 8:16] = 11, 3  # merged
    prediction[14:22, 2:16] = 1
    truth[24:28, 20:26] = 8  # missed
    prediction[24:28, 30:36] = 12  # invented
    return truth, prediction


def most_pairs(ious, threshold):
    """The largest number of pairs with at least this IoU and no object in two of them."""
    from scipy.optimize import linear_sum_assignment

    possible = np.asarray(ious) >= threshold
    return int(possible[linear_sum_assignment(possible, maximize=True)].sum())


# Two true objects want the same prediction; greedily the better one gets it and the other goes without.
CONTESTED = np.array([[0.43, 0.40], [0.40, 0.0]])

# Objects of 20 and 5 pixels along a line, predicted as 7 and 18: the largest sum of IoUs has no pair at 0.5.
TEMPTING = np.array([[0.35, 0.52], [0.0, 0.28]])

# One truth with two predictions, and two truths with one: every row and every column has something, yet
# there are two pairs only.
OPPOSITE = np.array([[0.4, 0.4, 0.0], [0.0, 0.0, 0.4], [0.0, 0.0, 0.4]])


# Each true object has one partner; which one belongs to which differs when read from the other side.
ROUND = np.array([[0.0, 0.8, 0.0], [0.0, 0.0, 0.7], [0.6, 0.0, 0.0]])

WIDE = np.array([[0.0, 0.0, 0.6, 0.0], [0.7, 0.0, 0.0, 0.3]])


def largest_sum(ious, threshold):
    """A usual mistake: the assignment with the largest sum of IoUs, of which the large ones are counted."""
    from scipy.optimize import linear_sum_assignment

    ious = np.asarray(ious, float)
    return int((ious[linear_sum_assignment(ious, maximize=True)] >= threshold).sum())


@exercise(
    chapter="15",
    hints=(
        "Which numbers occur in a label image, and which pixels belong to one of them? And what exactly is "
        "to "
        "be as large as possible: the sum of the IoUs, or the number of pairs that reach the threshold?",
        "np.unique(labels) gives the numbers that occur; leave out 0. For each pair of numbers the two masks "
        "are truth == i and prediction == j.",
        "For the number of pairs: possible = ious >= threshold, then rows, columns = "
        "linear_sum_assignment(possible, maximize=True), and possible[rows, columns].sum().",
    ),
)
def object_matching(iou_table, number_of_pairs):
    """Write the table of IoUs of all pairs of objects, and the largest number of pairs at a threshold."""
    expect_callable(iou_table, "iou_table")
    expect_callable(number_of_pairs, "number_of_pairs")
    right = _judge_table(iou_table, *label_pair())
    _judge_table(iou_table, *_other_labels())
    exact = np.array([[0.5, 0.0], [0.0, 0.9]])
    expect_number(
        call(number_of_pairs, exact, 0.5, pure=True),
        close_to=2,
        what="the number of pairs with IoUs of 0.5 and 0.9 at a threshold of 0.5",
        mistakes={"An IoU equal to the threshold is enough: use >= instead of >.": 1},
    )
    for table, threshold, words in (
        (right, 0.5, "at 0.5 in the example"),
        (right, 0.75, "at 0.75 in the example"),
        (np.array([[0.55, 0.0], [0.42, 0.0]]), 0.4, "where two true objects want the same prediction"),
        (CONTESTED, 0.35, "in the contested table at 0.35"),
        (TEMPTING, 0.5, "at 0.5 in the table [[0.35, 0.52], [0, 0.28]]"),
        (OPPOSITE, 0.3, "at 0.3 where one object has two partners and two others share one"),
        (ROUND, 0.5, "at 0.5 where the partners' numbers go round in a circle"),
        (WIDE, 0.5, "with more predicted objects than true ones"),
        (WIDE.T, 0.5, "with more true objects than predicted ones"),
        (np.zeros((0, 3)), 0.5, "without true objects"),
    ):
        expect_number(
            call(number_of_pairs, table, threshold, pure=True),
            close_to=most_pairs(table, threshold),
            integer=True,
            what=f"the number of pairs {words}",
            mistakes={
                "You take the best pair first, and the second object goes without. Another choice "
                "matches both: look for the assignment with most pairs.": best_first(table, threshold),
                "You count true objects that overlap enough with something; a prediction can be in one "
                "pair only.": int((table >= threshold).any(axis=1).sum()) if table.size else -1,
                "You count all entries above the threshold; each object can be in one pair only.": int(
                    (table >= threshold).sum()
                )
                if table.size
                else -1,
                "You make the sum of the IoUs as large as possible; wanted is the largest number of pairs "
                "that "
                "reach the threshold, so assign `ious >= threshold`.": largest_sum(table, threshold),
            },
        )
    return "Your table and your pairs are right, also at 0.35, where taking the best pair first loses one."


def _other_labels():
    """The example from the other side, without one object: four rows, five columns, and a number 1."""
    prediction, truth = label_pair()
    return np.where(truth == 5, 0, truth), prediction


def _judge_table(iou_table, truth, prediction):
    """The table of the IoUs of two label images; returns the right one."""
    masks = [[labels == i for i in np.unique(labels)] for labels in (truth, prediction)]
    common = np.array([[(a & b).sum() for b in masks[1]] for a in masks[0]], float)
    areas = [np.array([m.sum() for m in group], float) for group in masks]
    whole = common / (areas[0][:, None] + areas[1] - common)
    right, common = whole[1:, 1:], common[1:, 1:]
    true_areas, predicted_areas = areas[0][1:, None], areas[1][1:]
    got = call(iou_table, truth, prediction, pure=True)
    if np.shape(got) == whole.shape:
        raise Failure("Background (label 0) is no object: leave it out, the table has a row and column less.")
    if np.shape(got) == (truth.max(), prediction.max()):
        raise Failure(
            "Label numbers may have gaps: go through np.unique(labels), not through 1, 2, … up to the "
            "largest number."
        )
    expect_array(
        got,
        close_to=right,
        what=f"your table for {len(true_areas)} true and {len(predicted_areas)} predicted objects",
        mistakes={
            "Rows and columns are swapped: one row for each true object.": right.T,
            "That is the number of common pixels; divide by the size of the union.": common,
            "You divide by the area of the true object; divide by that of the union.": common / true_areas,
            "You divide by the area of the predicted object; divide by that of the union.": common
            / predicted_areas,
            "You divide by the sum of both areas, in which common pixels count twice.": common
            / (true_areas + predicted_areas),
        },
    )
    return right


# --- (4) scores of objects ------------------------------

OBJECT_SCORES = ("precision", "recall", "f1", "average_precision", "panoptic_quality")


@exercise(
    chapter="15",
    hints=(
        "What is a true positive if objects are counted instead of pixels? Which of the five scores cares "
        "how "
        "large the IoU of a pair is?",
        "tp = len(ious): each matched pair is a true positive. The first four scores need nothing else of "
        "`ious`.",
        "panoptic_quality = sum(ious) / (tp + fp / 2 + fn / 2).",
    ),
)
def object_scores(function):
    """Write precision, recall, F1, AP and panoptic quality from matched IoUs and the counts of the rest."""
    expect_callable(function)
    for ious, fp, fn in (
        ([0.9, 0.6, 0.75, 0.8], 2, 1),
        ([0.55], 0, 4),
        ([], 3, 2),
        ([], 0, 3),
        ([], 3, 0),
    ):
        matching = metrics.Matching(
            0.5, np.zeros((len(ious), 2), int), np.array(ious), np.arange(fn), np.arange(fp)
        )
        right = {name: getattr(matching, name) for name in OBJECT_SCORES}
        tp, total = len(ious), float(np.sum(ious))
        quotient = total / tp if tp else -1
        mistakes = {
            "precision": {"That is recall; precision divides by what was predicted.": right["recall"]},
            "recall": {"That is precision; recall divides by what is really there.": right["precision"]},
            "f1": {"That is AP; F1 counts each pair twice.": right["average_precision"]},
            "average_precision": {"That is F1; AP counts each pair once.": right["f1"]},
            "panoptic_quality": {
                "That is F1: put the sum of the matched IoUs above the line.": right["f1"],
                "That is the mean IoU of the pairs; errors count, too: add fp / 2 + fn / 2 below the "
                "line.": quotient,
                "fp and fn count half: tp + fp / 2 + fn / 2.": total / (tp + fp + fn),
            },
        }
        answer = _scores(
            call(function, np.array(ious, float), fp, fn, pure=True), OBJECT_SCORES, "your answer"
        )
        for name in OBJECT_SCORES:
            expect_number(
                answer[name],
                close_to=right[name],
                what=f"your {name} for tp = {tp}, fp = {fp}, fn = {fn}",
                mistakes=mistakes[name],
            )
    return "All five agree with the library, and without a single pair they are 0 instead of an error."


# --- (5) pooled or mean ------------------------------


def mean_over_images(counts):
    """Mean of the images' APs."""
    counts = np.asarray(counts, float)
    return float(np.mean(counts[:, 0] / counts.sum(axis=1)))


@exercise(
    chapter="15",
    hints=(
        "Which comes first in each of the two, the sum over the images or the division? Which kind of image "
        "decides then?",
        "pool: sum the columns first, then divide. average: divide in every row, then average.",
        "Take one image with 100 objects and two with 2. Let A be good at the large one and B at the small "
        "ones.",
    ),
)
def pooled_or_mean(pool, average, a, b):
    """Write AP pooled over objects and AP averaged over images; make two methods change places."""
    expect_callable(pool, "pool")
    expect_callable(average, "average")
    counts = np.array([[90, 4, 10], [1, 1, 3], [7, 0, 2], [20, 9, 5]])
    one, other = pooled(counts), mean_over_images(counts)
    expect_number(
        call(pool, counts, pure=True),
        close_to=one,
        what="the pooled AP",
        mistakes={"That is the mean over images: sum the counts first, then divide once.": other},
    )
    expect_number(
        call(average, counts, pure=True),
        close_to=other,
        what="the mean over images",
        mistakes={"That is the pooled AP: divide in every image, then average.": one},
    )
    if a is None or b is None:
        raise NotImplementedError
    tables = []
    for name, value in (("A", a), ("B", b)):
        table = expect_array(value, shape=(None, 3), dtype="number", what=f"the counts of {name}")
        if len(table) < 2:
            raise Failure("Two images are the least: with one, pooled and mean are the same number.")
        if (table < 0).any() or (table % 1 != 0).any():
            raise Failure(f"the counts of {name} must be whole numbers of at least 0.")
        if (table.sum(axis=1) == 0).any():
            raise Failure(f"An image of {name} has no object at all; its AP is not defined.")
        tables.append(table)
    if (
        tables[0].shape != tables[1].shape
        or ((tables[0][:, 0] + tables[0][:, 2]) != (tables[1][:, 0] + tables[1][:, 2])).any()
    ):
        raise Failure(
            "Both methods must be tested on the same images: tp + fn, the number of true objects, must "
            "agree row by row."
        )
    by_objects = pooled(tables[0]) - pooled(tables[1])
    by_images = mean_over_images(tables[0]) - mean_over_images(tables[1])
    if by_objects * by_images >= 0:
        raise Failure(
            f"Pooled, A is ahead by {by_objects:+.3f}; by the mean over images, by {by_images:+.3f}. The "
            "signs must differ."
        )
    winner = "A" if by_objects > 0 else "B"
    return f"{winner} wins pooled, {'B' if winner == 'A' else 'A'} wins on average, and nobody has cheated."


# --- (6) how sure? ------------------------------


def bootstrap_counts():
    """Counts (tp, fp, fn) of 24 images of very different difficulty: objects of one image go together."""
    rng = np.random.default_rng(4)
    rows = []
    for quality in rng.beta(2, 1, 24):
        n = int(rng.integers(10, 40) if quality > 0.6 else rng.integers(80, 160))  # crowded ones are harder
        tp = int(rng.binomial(n, quality))
        rows.append((tp, int(rng.binomial(n, 0.5 * (1 - quality))), n - tp))
    return np.array(rows)


RESAMPLES = 8000  # so many that each bound is known to one or two hundredths of the interval's width


def _judge_shares(function):
    """Each image must come as often as any other: its share of many resamples, one call for each."""
    n, calls, rng = 4, 300, np.random.default_rng(15)
    shares = []
    for image in range(n):
        counts = np.tile([0, 1, 0], (n, 1))
        counts[image] = (1, 0, 0)  # AP is now the share of this image
        shares.append(np.mean([call(function, counts, 1, rng) for _ in range(calls)]))
    worst = int(np.abs(np.subtract(shares, 1 / n)).argmax())
    if abs(shares[worst] - 1 / n) > 0.07:  # more than five standard deviations
        raise Failure(
            f"Of {n} images, image {worst} makes {shares[worst]:.0%} of what you draw; each must be as "
            "likely as any other, the first and the last too."
        )


@exercise(
    chapter="15",
    hints=(
        "What is independent here, and so has to be drawn: an object or an image? How can an image come "
        "twice?",
        "rng.integers(0, n, n) draws n numbers of images, some of them twice; counts[drawn] are their rows.",
        "For each resample sum the rows and compute tp / (tp + fp + fn). The bounds are "
        "np.quantile(scores, (0.025, 0.975)).",
    ),
)
def image_bootstrap(function):
    """Write the 95 % bootstrap interval of a pooled AP: draw images, not objects."""
    expect_callable(function)
    counts = bootstrap_counts()
    n, total = len(counts), counts.sum()
    rng = np.random.default_rng(0)
    drawn = counts[rng.integers(0, n, (20_000, n))]
    tp, fp, fn = np.moveaxis(drawn.sum(axis=1), 1, 0)
    images = tp / (tp + fp + fn)
    means = np.mean(drawn[..., 0] / drawn.sum(axis=2), axis=1)
    objects = rng.binomial(total, pooled(counts), 4000) / total
    right = np.quantile(images, (0.025, 0.975))
    got = expect_array(
        call(function, counts, RESAMPLES, np.random.default_rng(1), pure=True),
        shape=(2,),
        dtype="number",
        what="your interval",
    )
    low, high = got
    single = expect_array(
        call(function, counts, 1, np.random.default_rng(3), pure=True), shape=(2,), what="your interval"
    )
    if low != high and single[0] != single[1]:
        raise Failure(
            "With resamples=1 there is one score and the bounds are equal; yours are not. Draw as often as "
            "`resamples` says."
        )
    again = [call(function, counts, 50, np.random.default_rng(seed), pure=True) for seed in (7, 7, 8)]
    if low != high and not np.array_equal(again[0], again[1]):
        raise Failure(
            "Called twice with the same seed it answers differently: draw with the rng you are given."
        )
    if low != high and np.array_equal(again[0], again[2]):
        raise Failure("Whatever the rng, you draw the same images: draw with the rng you are given.")
    if low == high:
        raise Failure(
            "All your resamples are the same: draw with replacement, so that some images come twice and "
            "others not at all."
        )
    if low > high:
        raise Failure("The lower bound comes first.")
    _judge_shares(function)
    width, tolerance = high - low, 0.05 * np.ptp(right)
    if np.abs(got - right).max() <= tolerance:
        narrow = np.ptp(np.quantile(objects, (0.025, 0.975)))
        return (
            f"Drawing images gives {low:.2f} to {high:.2f}. Drawing objects would have promised an interval "
            f"{np.ptp(right) / narrow:.0f} times as narrow."
        )
    for sentence, wrong in {
        "You draw objects as if each were independent of the others in its image: draw whole rows, that is "
        "images.": np.quantile(objects, (0.025, 0.975)),
        "You average the APs of the images; here the counts of the drawn images are pooled.": np.quantile(
            means, (0.025, 0.975)
        ),
        "These are the quantiles 0.05 and 0.95, which leave out 10 %; for 95 % take 0.025 and "
        "0.975.": np.quantile(images, (0.05, 0.95)),
        "That is the spread of single images; the score of the whole set varies much less.": np.quantile(
            counts[:, 0] / counts.sum(axis=1), (0.025, 0.975)
        ),
    }.items():
        if np.abs(got - wrong).max() <= tolerance:
            raise Failure(sentence)
    if width > 1.5 * np.ptp(right):
        raise Failure(
            "Your interval holds nearly all resamples, from minimum to maximum; take the quantiles 0.025 and "
            "0.975."
        )
    raise Failure(
        f"Your interval is {low:.3f} to {high:.3f} ({width:.3f} wide); about {right[0]:.2f} to "
        f"{right[1]:.2f} was expected."
    )


# --- (7) images of intensities ------------------------------


def _pictures():
    rng = np.random.default_rng(8)
    rows, columns = np.mgrid[:40, :48]
    reference = 100 + 60 * np.sin(rows / 6) * np.cos(columns / 9)
    return reference, 0.5 * reference + 20 + rng.normal(0, 6, reference.shape)


def similarity_map(reference, image):
    """SSIM of each pixel's window, the border included: Gaussian windows, σ = 1.5."""
    from scipy.ndimage import gaussian_filter

    def blur(values):
        return gaussian_filter(values, 1.5, truncate=3.5)

    x, y = np.asarray(reference, float), np.asarray(image, float)
    c1, c2 = (0.01 * np.ptp(x)) ** 2, (0.03 * np.ptp(x)) ** 2
    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x**2) - mean_x**2 + blur(y**2) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    return (
        (2 * mean_x * mean_y + c1) * (2 * covariance + c2) / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    )


def _eight_bit():
    """The pictures in whole numbers from 0 to 255, in which differences below 0 wrap round."""
    return tuple(np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in _pictures())


def _dark():
    """Two spots on a background that is 0 but for noise: there the mean is small, and c1 decides."""
    rng = np.random.default_rng(9)
    rows, columns = np.mgrid[:44, :50]
    reference = sum(
        600 * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 18.0) for r, c in ((14, 16), (30, 34))
    )
    return reference, reference + rng.normal(0, 18, reference.shape)


def _damaged_border():
    """The pictures, the second one with an artefact in its outermost four pixels."""
    reference, image = _pictures()
    inside = np.zeros(image.shape, bool)
    inside[4:-4, 4:-4] = True
    return reference, np.where(inside, image, image[::-1, ::-1] + 80)


@exercise(
    chapter="15",
    hints=(
        "What does PSNR divide by what, before the logarithm? Which two numbers, a factor and an offset, "
        "bring the image as near to the reference as possible? And which pixels have no whole window?",
        "psnr = 20·log10(range) − 10·log10(mean squared error), with range = reference.max() − "
        "reference.min(); convert both images to float first. Scale-invariant: subtract both means, "
        "multiply the image by sum(reference·image) / sum(image²), then psnr.",
        "SSIM: the two brackets of the formula above the line, (2·mean_x·mean_y + c1)·(2·covariance + c2), "
        "divided by the two below, (mean_x² + mean_y² + c1)·(variance_x + variance_y + c2); then the mean "
        "of [5:-5, 5:-5].",
    ),
)
def intensity_scores(psnr, scale_invariant_psnr, ssim):
    """Write PSNR, scale-invariant PSNR and SSIM."""
    for function, name in ((psnr, "psnr"), (scale_invariant_psnr, "scale_invariant_psnr"), (ssim, "ssim")):
        expect_callable(function, name)
    reference, image = _pictures()
    span, error = np.ptp(reference), np.mean((reference - image) ** 2)
    expect_number(
        call(psnr, reference, image, pure=True),
        close_to=metrics.psnr(reference, image),
        rtol=1e-4,
        what="your PSNR",
        mistakes={
            "You divide by the largest value; here the range is maximum minus minimum of the reference.": 20
            * np.log10(reference.max())
            - 10 * np.log10(error),
            "You use the range of the image; the reference's is meant.": 20 * np.log10(np.ptp(image))
            - 10 * np.log10(error),
            "The range of 255 belongs to 8-bit images; here it is that of the reference.": 20 * np.log10(255)
            - 10 * np.log10(error),
            "The logarithm is to base 10.": 20 * np.log(span) - 10 * np.log(error),
            "The range enters squared: 20·log10(range), not 10.": 10 * np.log10(span) - 10 * np.log10(error),
        },
    )
    whole = _eight_bit()
    with np.errstate(all="ignore"):
        wrapped = 20 * np.log10(float(np.ptp(whole[0]))) - 10 * np.log10(np.mean((whole[0] - whole[1]) ** 2))
    expect_number(
        call(psnr, *whole, pure=True),
        close_to=metrics.psnr(*whole),
        rtol=1e-3,
        what="your PSNR of two 8-bit images",
        mistakes={
            "In 8 bits a difference below 0 wraps round to a large number: convert to float first.": wrapped,
        },
    )
    expect_number(
        call(scale_invariant_psnr, reference, image, pure=True),
        close_to=metrics.scale_invariant_psnr(reference, image),
        rtol=1e-4,
        what="your scale-invariant PSNR",
        mistakes={
            "That is the ordinary PSNR: first bring the image to the reference's scale.": metrics.psnr(
                reference, image
            ),
            "You only took the offset away; the factor is missing.": metrics.psnr(
                reference - reference.mean(), image - image.mean()
            ),
        },
    )
    for pair, words in (
        ((reference, image), ""),
        (_damaged_border(), " of an image with a damaged border"),
        (_dark(), " of spots in the dark"),
        (whole, " of two 8-bit images"),
    ):
        similarity = similarity_map(*pair)
        expect_number(
            call(ssim, *pair, pure=True),
            close_to=metrics.ssim(*pair),
            atol=2e-3,
            what=f"your SSIM{words}",
            mistakes={
                "You average over the whole map; the outermost 5 pixels have no whole window, so leave them "
                "out.": similarity.mean(),
            },
        )
    return "PSNR, its scale-invariant version and SSIM agree with the library."


# --- (8) do scores mean what they say? ------------------------------


@exercise(
    chapter="15",
    hints=(
        "In which bin does a score of exactly 1 belong? And what is the mean of a bin in which there is "
        "nothing?",
        "The bin of a score is np.minimum((scores * bins).astype(int), bins - 1).",
        "In every bin that is not empty: gap = abs(mean of scores − mean of correct). Add up gap × (number "
        "in the bin) and divide by the number of all predictions.",
    ),
)
def calibration_error(function):
    """Write the expected calibration error: how far scores are from the share that was right."""
    expect_callable(function)
    rng = np.random.default_rng(3)
    scores = rng.beta(1.3, 0.8, 400)
    scores = np.append(
        scores[(scores < 0.3) | (scores >= 0.4)], [1.0, 1.0, 1.0, 0.0]
    )  # one of ten bins is empty
    correct = rng.random(scores.size) < 0.25 + 0.5 * scores  # too sure of itself at both ends
    correct[scores > 0.9] = scores[scores > 0.9] < 1  # there too timid, but where it says 1 it is wrong
    for bins in (10, 4):
        found = metrics.calibration(correct, scores, bins)
        gap = np.abs(found.score - found.observed)
        centres = (np.arange(bins) + 0.5) / bins
        full = found.count > 0
        mistakes = {
            "You average the gaps of the bins; weigh each with its number of predictions.": np.mean(
                gap[full]
            ),
            "You compare with the middle of the bin; take the mean of the scores in it.": np.sum(
                (np.abs(centres - found.observed) * found.count)[full]
            )
            / scores.size,
            "Without absolute values, gaps in both directions cancel.": np.sum(
                ((found.score - found.observed) * found.count)[full]
            )
            / scores.size,
            "That is the mean difference over single predictions; average within bins first.": np.mean(
                np.abs(scores - correct)
            ),
            "A bin without a score has no mean: leave it out.": np.nan,
            "A score of exactly 1 belongs into the last bin, not into a bin of its own.": _own_bin(
                correct, scores, bins
            ),
            "A score of exactly 1 falls out of your bins; it belongs into the last one.": _dropped(
                correct, scores, bins
            ),
        }
        expect_number(
            call(function, correct, scores, bins, pure=True),
            close_to=found.error,
            what=f"your calibration error with {bins} bins",
            mistakes=mistakes,
        )
    return "Your calibration error agrees with the library's, also where a score of exactly 1 occurs."


def _gaps(correct, scores, number):
    """Sum over bins of |sum of scores − number that were right|."""
    return sum(abs(scores[number == i].sum() - correct[number == i].sum()) for i in np.unique(number))


def _own_bin(correct, scores, bins):
    return _gaps(correct, scores, (scores * bins).astype(int)) / scores.size


def _dropped(correct, scores, bins):
    below = scores < 1
    return _gaps(correct[below], scores[below], (scores[below] * bins).astype(int)) / scores.size


# --- (9) up to where does a score speak? ------------------------------


def two_hands():
    """Label images of three fields by two people, who agree about the nuclei but not about the outlines.

    Returns
    -------
    first, second : list of ndarray of int
    """
    first, second = [], []
    for side, discs in (
        (40, ((12, 12, 6.0, 7.0), (28, 27, 7.0, 8.0))),
        (40, ((11, 28, 4.0, 5.5), (28, 12, 5.0, 5.0), (30, 30, 4.0, 0.0))),  # one is missed by the second
        (70, tuple((10 + 16 * (k // 4), 10 + 16 * (k % 4), 6.0, 6.5 + 0.1 * k) for k in range(16))),
    ):
        rows, columns = np.mgrid[:side, :side]
        images = np.zeros((2, side, side), int)
        for number, (row, column, *radii) in enumerate(discs, start=1):
            for image, radius in zip(images, radii, strict=True):
                image[np.hypot(rows - row, columns - column) < radius] = number
        first.append(images[0])
        second.append(images[1])
    return first, second


@exercise(
    chapter="15",
    hints=(
        "If the second person's labels are treated like a method's result, what is its AP against the first "
        "person's? And from which threshold on does a method score as high as that person, so that the score "
        "no longer tells a nucleus from a habit?",
        "agreement: add up tp, fp and fn of metrics.match over all images, at each threshold, then divide; "
        "metrics.average_precision_dataset(first, second, thresholds).pooled does it.",
        "comparable: True where score < agreement, but from the first False on everything is False.",
    ),
)
def ceiling(agreement, comparable):
    """Write how well two annotators agree, and up to which threshold a method's score still speaks."""
    expect_callable(agreement, "agreement")
    expect_callable(comparable, "comparable")
    first, second = two_hands()
    thresholds = np.array([0.5, 0.6, 0.7, 0.75, 0.8, 0.9])
    pooled_ap = metrics.average_precision_dataset(first, second, thresholds).pooled
    each = np.array([metrics.average_precision(a, b, thresholds) for a, b in zip(first, second, strict=True)])
    itself = np.ones(len(thresholds))
    expect_array(
        call(agreement, first, second, thresholds, pure=True),
        close_to=pooled_ap,
        rtol=1e-3,
        what="your agreement",
        mistakes={
            "You average over the images; here the counts of all images are pooled.": each.mean(axis=0),
            "You compare one person with herself: the second list is the other hand.": itself,
            "That is F1: AP counts each pair once, tp / (tp + fp + fn).": 2 * pooled_ap / (1 + pooled_ap),
            "You look at the first image only.": each[0],
            "You look at the last image only.": each[-1],
        },
    )
    people = np.array([0.97, 0.95, 0.80, 0.40, 0.50, 0.10])
    for score, right, words in (
        ([0.80, 0.75, 0.60, 0.30, 0.20, 0.05], [1, 1, 1, 1, 1, 1], "that stays below"),
        ([0.90, 0.88, 0.80, 0.30, 0.20, 0.05], [1, 1, 0, 0, 0, 0], "that touches it at 0.7"),
        ([0.80, 0.75, 0.60, 0.45, 0.20, 0.05], [1, 1, 1, 0, 0, 0], "that crosses it at 0.75"),
        ([0.99, 0.75, 0.60, 0.30, 0.20, 0.05], [0, 0, 0, 0, 0, 0], "that begins above"),
    ):
        below = np.array(score) < people
        expect_array(
            call(comparable, np.array(score), people, pure=True),
            close_to=np.array(right, bool),
            what=f"your answer for a score {words}",
            mistakes={
                "Once the curve has reached the people's, do not come back: everything stricter is about "
                "habits, too.": below,
                "A score as high as the people's agreement is already about habits: use < instead of "
                "<=.": np.logical_and.accumulate(np.array(score) <= people),
                "True and False are swapped: True means that the score may be compared.": ~np.array(
                    right, bool
                ),
            },
        )
    return (
        "The stricter the threshold, the less two hands agree; a method that reaches them has learnt a hand."
    )


# --- (10) what did they compare? ------------------------------


_DIFFERS = {"A": set(), "B": {"training data", "settings"}, "C": {"input"}, "D": {"test images"}}
_BECAUSE = {
    ("B", "training data"): "one network has seen images of the collection, the other perhaps none",
    ("B", "settings"): "one threshold was chosen on validation images, the other is the default",
    ("C", "input"): "the two do not get the same channels, nor the size in pixels that each was made for",
    ("D", "test images"): "0.82 and 0.78 are scores on different images",
}


@exercise(
    chapter="15",
    hints=(
        "For each section: which of the four things did both sides get alike, and which only one of them?",
        "One of the four comparisons is fair. In one other two things differ at once; in the remaining two "
        "it "
        "is one thing each.",
    ),
)
def unfair(answers):
    """Say for four comparisons what differed besides the method."""
    if answers is None or answers is ...:
        raise NotImplementedError
    if not isinstance(answers, dict):
        raise Failure("Answer with a dictionary, such as {'A': {'input'}, 'B': set(), …}.")
    if any(value is ... for value in answers.values()):
        raise NotImplementedError
    for name, differs in _DIFFERS.items():
        if name not in answers:
            raise Failure(f"Comparison {name} has no answer; if nothing differs, give an empty set().")
        given = answers[name]
        given = {given} if isinstance(given, str) else set(given or ())
        strange = sorted(str(word) for word in given if word not in UNLIKE)
        if strange:
            raise Failure(f"{name}: {strange[0]!r} is none of {', '.join(UNLIKE)}.")
        for word in UNLIKE:
            if word in given - differs:
                raise Failure(
                    f"{name}: does the text say that the {word} differed? Read once more who got what."
                )
        for word in differs - given:
            raise Failure(f"{name}: you miss something: {_BECAUSE[name, word]}.")
    return "One comparison of four is about the methods. The others are about what was done to them."


# --- (11) what reaches the reader ------------------------------


@exercise(
    chapter="15",
    hints=(
        "How many objects are really there in an image, said in tp, fp and fn? And how many does the method "
        "report?",
        "There are tp + fn objects, reported are tp + fp. Average each over the images of a condition, then "
        "divide treated by control.",
    ),
)
def reported_ratio(function):
    """Write what a method reports of a ratio between two conditions, and what is really there."""
    expect_callable(function)
    control = np.array([[38, 1, 2], [29, 0, 1], [45, 3, 5], [36, 2, 4]])
    treated = np.array([[60, 2, 40], [75, 4, 35], [52, 1, 48]])
    swapped = np.array([[10, 6, 0], [8, 5, 2]])
    for a, b, words in (
        (control, treated, "where crowded images lose more"),
        (treated, control, "with the conditions exchanged"),
        (control, swapped, "where objects are invented"),
    ):
        true, told = ((b[:, 0] + b[:, column]).mean() / (a[:, 0] + a[:, column]).mean() for column in (2, 1))
        sums = [(b[:, 0] + b[:, c]).sum() / (a[:, 0] + a[:, c]).sum() for c in (2, 1)]
        found = b[:, 0].mean() / a[:, 0].mean()
        expect_array(
            call(function, a, b, pure=True),
            close_to=np.array([true, told]),
            what=f"your pair of ratios {words}",
            mistakes={
                "You have added up the images; the conditions have different numbers of them, so "
                "average.": np.array(sums),
                "Treated is divided by control, not the other way round.": 1 / np.array([true, told]),
                "First the true ratio, then the reported one.": np.array([told, true]),
                "The method reports its false positives as well: it counts tp + fp.": np.array([true, found]),
            },
        )
    return "The reader gets the second number. How far it is from the first no AP says."


# --- (12) how far apart are the outlines? ------------------------------


def _disc(side, row, column, radius):
    rows, columns = np.mgrid[:side, :side]
    return np.hypot(rows - row, columns - column) <= radius


def outline_pairs():
    """Pairs of masks, each with a tolerance and words: where outlines lie apart in different ways.

    Returns
    -------
    list of (ndarray of bool, ndarray of bool, float, str)
    """
    disc = _disc(40, 20, 18, 10)
    cut = disc & (np.arange(40)[:, None] > 15)
    far, thorn = _disc(40, 33, 34, 4), disc.copy()
    thorn[20, 18:38] = True
    dot, other = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    dot[4, 5], other[4, 8] = True, True
    return [
        (disc, np.roll(disc, 2, axis=1), 1.0, "for a disc moved by two pixels"),
        (disc, cut, 1.5, "where a piece of the disc is missing"),
        (disc, disc & (np.arange(40) < 18), 1.5, "where half of the disc is missing"),
        (disc | far, disc, 1.5, "where one of two discs is missing"),
        (disc, disc | far, 1.5, "where a disc is too much"),
        (disc, thorn, 2.0, "where the disc has a thorn"),
        (dot, other, 3.0, "for two single pixels three apart"),
    ]


@exercise(
    chapter="15",
    hints=(
        "For a pixel on one outline, which pixel of the other outline does it have to be compared with? And "
        "does it matter from which of the two outlines you look?",
        "ndimage.distance_transform_edt(~border(prediction)) holds, at every pixel, the distance to the "
        "predicted outline. Read it off at the pixels of border(truth); then the other way round.",
        "Of each of the two lists of distances take the 95th percentile, and of the two percentiles the "
        "larger. For the share, put both lists into one.",
    ),
)
def outline_distance(function):
    """Write HD95 and the normalised surface distance of two masks from their border pixels."""
    expect_callable(function)
    for truth, prediction, tolerance, words in outline_pairs():
        there, back = metrics.border_distances(truth, prediction)
        together = np.concatenate([there, back])
        right = (
            metrics.hausdorff(truth, prediction),
            metrics.normalised_surface_distance(truth, prediction, tolerance),
        )
        answer = call(function, truth, prediction, tolerance, pure=True)
        if not isinstance(answer, tuple | list | np.ndarray) or len(answer) != 2:
            raise Failure("Return two numbers: HD95 and the share of both outlines within the tolerance.")
        expect_number(
            answer[0],
            close_to=right[0],
            what=f"your HD95 {words}",
            mistakes={
                "That is the largest distance, which a single pixel decides; take the 95th percentile of "
                "each list.": max(there.max(), back.max()),
                "You look from the truth only: what the prediction has too much is not seen from "
                "there.": np.percentile(there, 95),
                "You look from the prediction only: what it lacks is not seen from there.": np.percentile(
                    back, 95
                ),
                "You put both lists into one before the percentile; take it of each, then the larger.": (
                    np.percentile(together, 95)
                ),
                "Of the two percentiles the larger counts, not their mean.": (
                    np.percentile(there, 95) + np.percentile(back, 95)
                )
                / 2,
                "That is a mean distance; a percentile was asked for.": together.mean(),
            },
        )
        expect_number(
            answer[1],
            close_to=right[1],
            what=f"your share within the tolerance {words}",
            mistakes={
                "You average the two shares; the pixels of both outlines count alike, so put both lists into "
                "one.": (np.mean(there <= tolerance) + np.mean(back <= tolerance)) / 2,
                "You look from the truth only.": np.mean(there <= tolerance),
                "You look from the prediction only.": np.mean(back <= tolerance),
                "A distance equal to the tolerance is within it: use <= instead of <.": np.mean(
                    together < tolerance
                ),
                "That is the share that lies outside of the tolerance.": np.mean(together > tolerance),
            },
        )
    return "HD95 and NSD agree with the library's, also for a thorn and for two single pixels."


# --- (13) are the places right? ------------------------------


def place_lists():
    """True places, predicted places, a tolerance and words.

    Returns
    -------
    list of (ndarray, ndarray, float, str)
    """
    rng = np.random.default_rng(6)
    field = rng.uniform(0, 60, (30, 2))
    moved = field[:24] + rng.normal(0, 1.2, (24, 2))
    return [
        (
            np.array([[10.0, 10], [30, 30], [5, 50]]),
            np.array([[11.0, 10], [50, 50], [30, 33], [55, 8]]),
            3.0,
            "with invented spots, a missed one, and a pair exactly at the tolerance",
        ),
        (np.array([[10.0, 10]]), np.array([[10.0, 11], [10, 9]]), 3.0, "where two predictions want one spot"),
        (
            np.array([[0.0, 0], [0, 5]]),
            np.array([[0.0, 4], [0, 8]]),
            4.0,
            "where the nearest pair leaves another spot without partner",
        ),
        (
            np.array([[0.0, 30], [0, 40]]),
            np.array([[0.0, 32], [0, 0]]),
            3.0,
            "where one predicted spot is far from everything",
        ),
        (
            np.array([[0.0, 0], [0, 2]]),
            np.array([[0.0, 2.5], [0, 9]]),
            3.0,
            "where one predicted spot is near to two true ones",
        ),
        (
            np.array([[10.0, 10], [30, 30]]),
            np.array([[12.5, 12.5], [30, 31]]),
            3.0,
            "where a pair is near along each axis, but not along the diagonal",
        ),
        (
            field,
            rng.permutation(np.concatenate([moved, rng.uniform(0, 60, (5, 2))])),
            2.5,
            "in a crowded field",
        ),
        (field[:3], np.empty((0, 2)), 3.0, "where nothing was found"),
    ]


def _nearest_first(distance, tolerance):
    """A usual mistake: the nearest pair first."""
    left, count = np.array(distance, float), 0
    while left.size and left.min() <= tolerance:
        row, column = np.unravel_index(left.argmin(), left.shape)
        left[row], left[:, column] = np.inf, np.inf
        count += 1
    return count


def _shortest_sum(distance, tolerance):
    """A usual mistake: the assignment with the smallest sum of distances, of which the short ones count."""
    from scipy.optimize import linear_sum_assignment

    return int((distance[linear_sum_assignment(distance)] <= tolerance).sum())


@exercise(
    chapter="15",
    hints=(
        "In exercise 3 a pair needed a large IoU, and each object could be in one pair only. What takes the "
        "place of the IoU here?",
        "cdist(truth, prediction) from scipy.spatial.distance is the table of all distances. Which of them "
        "are possible pairs?",
        "linear_sum_assignment(distance <= tolerance, maximize=True) finds the most pairs; count those that "
        "are possible, and F1 = 2·tp / (number of true + number of predicted places).",
    ),
)
def places_found(function):
    """Write the F1 of two lists of places that count as the same within a tolerance."""
    expect_callable(function)
    for truth, prediction, tolerance, words in place_lists():
        both = len(truth) + len(prediction)
        right = metrics.match_places(truth, prediction, tolerance)
        mistakes = {}
        if len(prediction):
            distance = np.linalg.norm(truth[:, None] - prediction[None], axis=2)
            near = distance <= tolerance
            mistakes = {
                "You count every true place that has something near it; a prediction can be in one pair "
                "only.": 2 * near.any(axis=1).sum() / both,
                "You count every prediction that has something near it; a true place can be in one pair "
                "only.": 2 * near.any(axis=0).sum() / both,
                "You take the nearest pair first, and another one goes without: look for the most pairs.": 2
                * _nearest_first(distance, tolerance)
                / both,
                "You make the sum of the distances as small as possible, and pairs that are too long push "
                "out short ones: assign `distance <= tolerance`.": 2
                * _shortest_sum(distance, tolerance)
                / both,
                "A distance equal to the tolerance is a pair: use <= instead of <.": 2
                * metrics.match_places(truth, prediction, tolerance * (1 - 1e-6)).tp
                / both,
                "That is AP; F1 counts each pair twice, above and below the line.": right.tp
                / (both - right.tp),
                "That is recall: F1 asks for invented places, too.": right.recall,
                "That is precision: F1 asks for missed places, too.": right.precision,
            }
        expect_number(
            call(function, truth, prediction, tolerance, pure=True),
            close_to=right.f1,
            what=f"your F1 {words}",
            mistakes=mistakes,
        )
    return "Your F1 of places agrees with the library's, also where the nearest pair is not the best choice."


# --- (14) which images to look at first? ------------------------------


@exercise(
    chapter="15",
    hints=(
        "You have time for a tenth of the images. Which ones do you open, and what would you like to know "
        "afterwards about those that you did not open?",
        "np.argsort(-sign) orders the images, the most suspicious first; n = math.ceil(share * len(sign)) of "
        "them are opened.",
        "Divide the failures among the opened images by all failures.",
    ),
)
def inspect_first(function):
    """Write which share of the failures is found among the most suspicious images."""
    expect_callable(function)
    rng = np.random.default_rng(3)
    for n, share, words in (
        (20, 0.1, "20 images and a tenth"),
        (33, 0.1, "33 images and a tenth"),
        (40, 0.5, "40 images and a half"),
    ):
        sign = rng.permutation(n) / 7 - 1
        failed = (sign + rng.normal(0, 1.5, n)) > np.quantile(sign, 0.7)
        failed[np.argmax(sign)] = True
        order = np.argsort(-sign)
        opened = int(np.ceil(round(share * n, 9)))
        hits = failed[order[:opened]].sum()
        fewer = failed[order[: int(share * n)]].sum()
        expect_number(
            call(function, sign, failed, share, pure=True),
            close_to=metrics.without_truth.found_by_inspection(sign, failed, share),
            what=f"your share of the failures with {words}",
            mistakes={
                "You open the images that look best: sort by −sign.": failed[order[-opened:]].sum()
                / failed.sum(),
                "That is the share of failures among the opened images (precision); asked is how many of all "
                "failures were found (recall).": hits / opened,
                "You divide by all images; divide by all failures.": hits / n,
                "A tenth of 33 images are 4, not 3: round up.": fewer / failed.sum(),
                "That is the number of failures found; divide it by all failures.": hits,
            },
        )
    return "You know what looking at the worst tenth finds, and what it leaves."
