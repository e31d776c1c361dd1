"""The exercises of chapter 15: each usual mistake gets its own sentence."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from skimage.metrics import structural_similarity
from sklearn import metrics as sklearn_metrics

from bioimage_course import check, metrics
from bioimage_course.check.exercises import ch15
from bioimage_course.materials import ch15 as materials
from exercise_cells import failure

# --- (1) and (2) masks ------------------------------


def scores(truth, prediction, **wrong):
    right = {name: getattr(metrics, name)(truth, prediction) for name in ch15.PIXEL_SCORES}
    return right | {name: rule(right, truth, prediction) for name, rule in wrong.items()}


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("accuracy", lambda r, t, p: (t & p).sum() / t.size, "background that was recognised"),
        ("accuracy", lambda r, t, p: r["iou"], "StarDist calls accuracy"),
        ("precision", lambda r, t, p: r["recall"], "That is recall"),
        ("recall", lambda r, t, p: r["precision"], "That is precision"),
        ("dice", lambda r, t, p: r["iou"], "That is the IoU"),
        ("iou", lambda r, t, p: r["dice"], "That is Dice"),
        ("iou", lambda r, t, p: (t & p).sum() / (t.sum() + p.sum()), "sum of both areas"),
    ],
)
def test_pixel_score_mistakes(name, rule, words):
    assert words in failure("pixel_scores", lambda t, p: scores(t, p, **{name: rule}))


def test_pixel_scores_of_another_kind():
    assert "no entry 'dice'" in failure(
        "pixel_scores", lambda t, p: {"accuracy": 1, "precision": 1, "recall": 1}
    )
    assert "dictionary" in failure("pixel_scores", lambda t, p: 0.5)


@pytest.mark.parametrize("empty", [0.0, float("nan")])
def test_pixel_scores_of_an_empty_mask_may_be_nan_or_0(empty):
    def own(t, p):
        tp, fp, fn = (t & p).sum(), (~t & p).sum(), (t & ~p).sum()
        return {
            "accuracy": (t == p).mean(),
            "precision": tp / (tp + fp) if tp + fp else empty,
            "recall": tp / (tp + fn) if tp + fn else empty,
            "dice": 2 * tp / (2 * tp + fp + fn),
            "iou": tp / (tp + fp + fn),
        }

    assert check.pixel_scores.verdict(own).passed


def test_pixel_scores_that_stop_at_an_empty_mask():
    def careless(t, p):
        return scores(t, p) | {"precision": int((t & p).sum()) / int(p.sum())}

    assert "ZeroDivisionError" in failure("pixel_scores", careless)
    wrong = failure("pixel_scores", lambda t, p: scores(t, p) | ({} if p.any() else {"precision": 1.0}))
    assert "nothing is predicted" in wrong


def counted(t, p, precision_if=lambda tp, fp: tp + fp, recall_if=lambda tp, fn: tp + fn):
    tp, fp, fn = int((t & p).sum()), int((~t & p).sum()), int((t & ~p).sum())
    return scores(t, p) | {
        "precision": tp / (tp + fp) if precision_if(tp, fp) else 0.0,
        "recall": tp / (tp + fn) if recall_if(tp, fn) else 0.0,
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"precision_if": lambda tp, fp: fp}, "your precision where every predicted pixel is right"),
        ({"precision_if": lambda tp, fp: tp - fp}, "your precision where every true pixel is found"),
        ({"recall_if": lambda tp, fn: fn}, "your recall where every true pixel is found"),
        ({"recall_if": lambda tp, fn: tp - fn}, "your recall where every predicted pixel is right"),
    ],
)
def test_pixel_scores_with_another_condition_than_emptiness(wrong, words):
    assert check.pixel_scores.verdict(counted).passed
    assert words in failure("pixel_scores", lambda t, p: counted(t, p, **wrong))


def test_lecture_cases_are_those_of_the_lecture():
    truth = materials.lecture_truth()
    assert truth.sum() == 455 and truth.size == 10_000
    poor = materials.lecture_cases()["poor"]
    assert ((truth & poor).sum(), (~truth & poor).sum(), (truth & ~poor).sum()) == (39, 484, 416)
    assert metrics.accuracy(truth, np.zeros_like(truth)) == 0.9545 > metrics.accuracy(truth, poor)


def test_two_cases_mistakes():
    poor, good, empty = (
        materials.blob(50, 55.8, 523),
        materials.blob(51.5, 36.5, 455),
        np.zeros((100, 100), bool),
    )
    assert "swapped" in failure("two_cases", good, poor, empty)
    assert "empty" in failure("two_cases", poor, good, poor)
    assert "your mask 'good'" in failure("two_cases", poor, materials.lecture_truth(), empty)
    assert "shape" in failure("two_cases", poor[:50], good, empty)
    assert "True and False only" in failure("two_cases", poor * 3, good, empty)


def test_two_cases_of_another_size_or_elsewhere():
    poor, good, empty = (
        materials.blob(50, 55.8, 523),
        materials.blob(51.5, 36.5, 455),
        np.zeros((100, 100), bool),
    )
    assert check.two_cases.verdict(poor.astype(int), good.astype(float), empty.tolist()).passed
    assert "524 pixels; 523 were asked for" in failure(
        "two_cases", materials.blob(50, 55.8, 524), good, empty
    )
    assert "454 pixels; 455 were asked for" in failure(
        "two_cases", poor, materials.blob(51.5, 36.5, 454), empty
    )
    for row, column in ((50, 35 - 20.8), (50 + 20.8, 35), (51, 35 + 20.8)):
        elsewhere = materials.blob(row, column, 523)
        assert "in the object's row, to the right" in failure("two_cases", elsewhere, good, empty)
    assert "by the same amount" in failure("two_cases", poor, materials.blob(52, 35, 455), empty)


# --- (3) matching ------------------------------


def table(truth, prediction, background=False, gaps=True, divide="union", transpose=False):
    rows = np.unique(truth) if gaps else np.arange(truth.max() + 1)
    columns = np.unique(prediction) if gaps else np.arange(prediction.max() + 1)
    out = np.zeros((len(rows), len(columns)))
    for r, i in enumerate(rows):
        for c, j in enumerate(columns):
            a, b = truth == i, prediction == j
            below = {
                "union": (a | b).sum(),
                "truth": a.sum(),
                "prediction": b.sum(),
                "sum": a.sum() + b.sum(),
                "one": 1,
            }[divide]
            out[r, c] = (a & b).sum() / max(below, 1)
    out = out if background else out[1:, 1:]
    return out.T if transpose else out


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"background": True}, "no object"),
        ({"gaps": False}, "gaps"),
        ({"divide": "truth"}, "area of the true object"),
        ({"divide": "prediction"}, "area of the predicted object"),
        ({"divide": "sum"}, "sum of both areas"),
        ({"divide": "one"}, "number of common pixels"),
        ({"transpose": True}, "swapped"),
    ],
)
def test_table_mistakes(mistake, words):
    assert words in failure("object_matching", lambda t, p: table(t, p, **mistake), ch15.most_pairs)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda t, p: table(t, p)[int(1 in t) :],  # number 1 taken for background
        lambda t, p: np.where(np.arange(len(np.unique(p)) - 1) == len(np.unique(p)) - 2, 0, table(t, p)),
    ],
)
def test_table_that_loses_an_object(wrong):
    assert "your table" in failure("object_matching", wrong, ch15.most_pairs)


def test_pairs_read_from_the_wrong_side():
    def by_columns(ious, threshold):
        possible = ious >= threshold
        rows, columns = linear_sum_assignment(possible, maximize=True)
        side = max(ious.shape)
        padded = np.zeros((side, side), bool)
        padded[: len(possible), : possible.shape[1]] = possible
        return int(padded[columns, rows].sum())

    assert "round in a circle" in failure("object_matching", table, by_columns)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (materials.best_first, "best pair first"),
        (
            lambda x, t: int((x > t).sum()) if x.size and x.max() > 0.85 and x.shape == (2, 2) else 0,
            ">= instead",
        ),
        (lambda x, t: int((x >= t).any(axis=1).sum()), "one pair only"),
        (lambda x, t: int((x >= t).sum()), "one pair only"),
        (ch15.largest_sum, "sum of the IoUs"),
        (
            lambda x, t: int(min((x >= t).any(axis=0).sum(), (x >= t).any(axis=1).sum())),
            "one pair only",
        ),
    ],
)
def test_matching_mistakes(wrong, words):
    assert words in failure("object_matching", table, wrong)


def test_table_of_the_check_is_that_of_the_library():
    truth, prediction = ch15.label_pair()
    for threshold in (0.3, 0.5, 0.75):
        expected = metrics.match(truth, prediction, threshold).tp
        assert ch15.most_pairs(table(truth, prediction), threshold) == expected
    line = np.repeat([0, 1, 2], [3, 20, 5])[None], np.repeat([0, 1, 2], [3, 7, 18])[None]
    assert np.allclose(table(*line), ch15.TEMPTING, atol=0.01)
    assert ch15.most_pairs(table(*line), 0.5) == 1 > ch15.largest_sum(table(*line), 0.5)
    assert materials.best_first(ch15.CONTESTED, 0.35) == 1 < ch15.most_pairs(ch15.CONTESTED, 0.35)


# --- (4) to (6) ------------------------------


def of_objects(ious, fp, fn):
    tp = len(ious)
    return {
        "precision": tp / (tp + fp) if tp else 0,
        "recall": tp / (tp + fn) if tp else 0,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "average_precision": tp / (tp + fp + fn),
        "panoptic_quality": sum(ious) / (tp + fp / 2 + fn / 2),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, x, fp, fn: {"precision": s["recall"], "recall": s["precision"]}, "That is recall"),
        (lambda s, x, fp, fn: {"f1": s["average_precision"]}, "counts each pair twice"),
        (lambda s, x, fp, fn: {"average_precision": s["f1"]}, "counts each pair once"),
        (lambda s, x, fp, fn: {"panoptic_quality": s["f1"]}, "sum of the matched IoUs"),
        (lambda s, x, fp, fn: {"panoptic_quality": np.mean(x)}, "mean IoU of the pairs"),
        (lambda s, x, fp, fn: {"panoptic_quality": sum(x) / (len(x) + fp + fn)}, "count half"),
    ],
)
def test_object_score_mistakes(change, words):
    def wrong(ious, fp, fn):
        right = of_objects(ious, fp, fn)
        return right | change(right, ious, fp, fn)

    assert words in failure("object_scores", wrong)


def test_division_by_zero_is_reported():
    def careless(ious, fp, fn):
        return of_objects(ious, fp, fn) | {"precision": len(ious) / (len(ious) + 0 * fp)}

    assert failure("object_scores", careless)


@pytest.mark.parametrize("empty", [1.0, float("nan")])
def test_scores_without_a_single_pair_are_0(empty):
    def careless(ious, fp, fn):
        tp = len(ious)
        return of_objects(ious, fp, fn) | {"precision": tp / (tp + fp) if tp + fp else empty}

    assert "precision for tp = 0, fp = 0, fn = 3" in failure("object_scores", careless)


def bootstrap(draw, statistic=materials.pooled, quantiles=(0.025, 0.975)):
    def function(counts, resamples, rng):
        return np.quantile([statistic(draw(counts, rng)) for _ in range(resamples)], quantiles)

    return function


def rows(counts, rng):
    return counts[rng.integers(0, len(counts), len(counts))]


@pytest.mark.parametrize("seed", range(3))
def test_bootstrap_passes_with_any_seed(seed):
    def function(counts, resamples, rng):
        own = np.random.default_rng([seed, rng.integers(2**31)])
        return bootstrap(rows)(counts, resamples, own)

    assert check.image_bootstrap.verdict(function).passed


def test_bootstraps_in_another_form_pass():
    def at_once(counts, resamples, rng):
        tp, fp, fn = counts[rng.choice(len(counts), (resamples, len(counts)))].sum(axis=1).T
        return np.percentile(tp / (tp + fp + fn), [2.5, 97.5]).astype(np.float32)

    def by_weights(counts, resamples, rng):
        weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), resamples)
        tp, fp, fn = (weights @ counts).T
        scores = np.sort(tp / (tp + fp + fn))
        return [scores[int(0.025 * resamples)], scores[int(0.975 * resamples)]]

    for function in (at_once, by_weights):
        assert check.image_bootstrap.verdict(function).passed


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (bootstrap(lambda c, rng: rng.multinomial(c.sum(), c.sum(axis=0) / c.sum())[None]), "draw objects"),
        (bootstrap(lambda c, rng: rng.permutation(c)), "with replacement"),
        (bootstrap(rows, ch15.mean_over_images), "average the APs"),
        (bootstrap(rows, quantiles=(0.05, 0.95)), "0.025"),
        (bootstrap(rows, quantiles=(0.05, 0.975)), "was expected"),
        (bootstrap(rows, quantiles=(0.0125, 0.975)), "was expected"),
        (bootstrap(rows, quantiles=(0, 1)), "from minimum to maximum"),
        (bootstrap(lambda c, rng: c[rng.integers(1, len(c), len(c))]), "image 0 makes 0%"),
        (bootstrap(lambda c, rng: c[rng.integers(-1, len(c), len(c))]), "image 3 makes 4"),
        (bootstrap(lambda c, rng: c[rng.integers(0, len(c) - 1, len(c))]), "image 3 makes 0%"),
        (bootstrap(rows, quantiles=(0.975, 0.025)), "lower bound"),
        (bootstrap(rows, quantiles=(0.025, 0.5, 0.975)), "shape"),
        (lambda c, n, rng: bootstrap(rows)(c, 200, rng), "as `resamples` says"),
        (lambda c, n, rng: bootstrap(rows)(c, n, np.random.default_rng()), "Called twice with the same seed"),
        (lambda c, n, rng: bootstrap(rows)(c, n, np.random.default_rng(5)), "Whatever the rng"),
    ],
)
def test_bootstrap_mistakes(wrong, words):
    assert words in failure("image_bootstrap", wrong)


A, B = [[95, 2, 5], [1, 1, 1], [1, 1, 1]], [[70, 9, 30], [2, 0, 0], [2, 0, 0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((ch15.mean_over_images, ch15.mean_over_images, A, B), "mean over images: sum"),
        ((materials.pooled, materials.pooled, A, B), "divide in every image"),
        ((materials.pooled, ch15.mean_over_images, A, A), "signs must differ"),
        ((materials.pooled, ch15.mean_over_images, A, B[:2]), "same images"),
        ((materials.pooled, ch15.mean_over_images, A[:1], B[:1]), "Two images"),
        ((materials.pooled, ch15.mean_over_images, A, [[70, 9, 31], *B[1:]]), "same images"),
        ((materials.pooled, ch15.mean_over_images, A, [[70, -9, 30], *B[1:]]), "at least 0"),
    ],
)
def test_pooled_or_mean_mistakes(arguments, words):
    assert words in failure("pooled_or_mean", *arguments)


# --- (7) and (8) ------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda r, x: 20 * np.log10(r.max()) - 10 * np.log10(np.mean((r - x) ** 2)), "largest value"),
        (lambda r, x: 20 * np.log10(255) - 10 * np.log10(np.mean((r - x) ** 2)), "8-bit"),
        (lambda r, x: 10 * np.log10(np.ptp(r)) - 10 * np.log10(np.mean((r - x) ** 2)), "squared"),
    ],
)
def test_psnr_mistakes(wrong, words):
    assert words in failure("intensity_scores", wrong, metrics.scale_invariant_psnr, metrics.ssim)


def test_other_intensity_mistakes():
    assert "ordinary PSNR" in failure("intensity_scores", metrics.psnr, metrics.psnr, metrics.ssim)
    wrong = failure("intensity_scores", metrics.psnr, metrics.scale_invariant_psnr, lambda r, x: 0.9)
    assert "SSIM" in wrong


def test_scores_of_intensities_that_forget_type_or_border():
    def in_eight_bits(r, x):
        return 20 * np.log10(float(np.ptp(r))) - 10 * np.log10(np.mean((r - x) ** 2))

    wrong = failure("intensity_scores", in_eight_bits, metrics.scale_invariant_psnr, metrics.ssim)
    assert "wraps round" in wrong

    def with_border(r, x):
        return ch15.similarity_map(r, x).mean()

    wrong = failure("intensity_scores", metrics.psnr, metrics.scale_invariant_psnr, with_border)
    assert "no whole window" in wrong


def ssim(r, x, first=0.01, second=0.03, as_float=True):
    def blur(values):
        return gaussian_filter(values, 1.5, truncate=3.5)

    span = float(np.ptp(r))
    r, x = (r.astype(float), x.astype(float)) if as_float else (r, x)
    mean_r, mean_x, c1, c2 = blur(r), blur(x), (first * span) ** 2, (second * span) ** 2
    above = (2 * mean_r * mean_x + c1) * (2 * (blur(r * x) - mean_r * mean_x) + c2)
    below = (mean_r**2 + mean_x**2 + c1) * (blur(r**2) - mean_r**2 + blur(x**2) - mean_x**2 + c2)
    return (above / below)[5:-5, 5:-5].mean()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"first": 0}, "spots in the dark"),
        ({"first": 0.02}, "spots in the dark"),
        ({"first": 0.03, "second": 0.01}, "your SSIM"),
        ({"second": 0.06}, "your SSIM"),
        ({"as_float": False}, "SSIM of two 8-bit images"),
    ],
)
def test_ssim_mistakes(change, words):
    own = metrics.psnr, metrics.scale_invariant_psnr
    assert check.intensity_scores.verdict(*own, ssim).passed
    assert words in failure("intensity_scores", *own, lambda r, x: ssim(r, x, **change))


def test_ssim_of_scikit_image_passes():
    def of_library(r, x):
        return structural_similarity(r, x, data_range=float(np.ptp(r)), gaussian_weights=True)

    own = metrics.psnr, metrics.scale_invariant_psnr
    assert check.intensity_scores.verdict(*own, of_library).passed


def test_the_map_of_the_check_is_the_librarys():
    pair = ch15._damaged_border()
    assert ch15.similarity_map(*pair)[5:-5, 5:-5].mean() == pytest.approx(metrics.ssim(*pair), abs=1e-4)


def gaps(correct, scores, bins, weigh=True, sign=False):
    found = metrics.calibration(correct, scores, bins)
    full = found.count > 0
    gap = (found.score - found.observed)[full]
    gap = gap if sign else np.abs(gap)
    return np.average(gap, weights=found.count[full] if weigh else None)


@pytest.mark.parametrize(
    ("mistake", "words"), [({"weigh": False}, "weigh each"), ({"sign": True}, "absolute values")]
)
def test_calibration_mistakes(mistake, words):
    assert words in failure("calibration_error", lambda c, s, b: gaps(c, s, b, **mistake))


def binned(correct, scores, number):
    return sum(abs(scores[number == i].sum() - correct[number == i].sum()) for i in np.unique(number)) / len(
        scores
    )


def test_calibration_of_the_ends_and_of_an_empty_bin():
    def own_bin(c, s, b):
        return binned(c, s, (s * b).astype(int))

    def by_digitize(c, s, b):
        return binned(c, s, np.digitize(s, np.linspace(0, 1, b + 1)[1:-1]))

    def careless(c, s, b):
        number = np.minimum((s * b).astype(int), b - 1)
        inside = [number == i for i in range(b)]
        with np.errstate(all="ignore"):
            return sum(m.sum() * abs(s[m].mean() - c[m].mean()) for m in inside) / len(s)

    def dropped(c, s, b):
        edges = np.linspace(0, 1, b + 1)
        total = 0
        for low, high in itertools.pairwise(edges):
            m = (s >= low) & (s < high)
            total += abs(s[m].sum() - c[m].sum())
        return total / len(s)

    assert "bin of its own" in failure("calibration_error", own_bin)
    assert "without a score" in failure("calibration_error", careless)
    assert "falls out" in failure("calibration_error", dropped)
    assert check.calibration_error.verdict(by_digitize).passed


# --- (9) to (11) ------------------------------


def agreement(first, second, thresholds):
    return metrics.average_precision_dataset(first, second, thresholds).pooled


def comparable(scores, people):
    return np.logical_and.accumulate(scores < people)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        (
            "agreement",
            lambda a, b, t: np.mean(
                [metrics.average_precision(x, y, t) for x, y in zip(a, b, strict=True)], 0
            ),
            "average over the images",
        ),
        ("agreement", lambda a, b, t: agreement(a, a, t), "with herself"),
        ("agreement", lambda a, b, t: agreement(a[:1], b[:1], t), "first image only"),
        ("agreement", lambda a, b, t: agreement(a, b, t)[0], "axes"),
        ("comparable", lambda s, p: s < p, "do not come back"),
        ("comparable", lambda s, p: np.logical_and.accumulate(s <= p), "use < instead"),
        ("comparable", lambda s, p: ~comparable(s, p), "swapped"),
    ],
)
def test_ceiling_mistakes(name, wrong, words):
    functions = {"agreement": agreement, "comparable": comparable} | {name: wrong}
    assert words in failure("ceiling", *functions.values())


def test_a_ceiling_by_loops_passes():
    def by_hand(first, second, thresholds):
        answer = []
        for t in thresholds:
            found = [metrics.match(a, b, t) for a, b in zip(first, second, strict=True)]
            tp = sum(m.tp for m in found)
            answer.append(tp / sum(m.tp + m.fp + m.fn for m in found))
        return answer

    def one_by_one(scores, people):
        answer = []
        for score, both in zip(scores, people, strict=True):
            answer.append(bool(score < both) and all(answer))
        return answer

    assert check.ceiling.verdict(by_hand, one_by_one).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"A": {"settings"}}, "does the text say"),
        ({"B": {"training data"}}, "the other is the default"),
        ({"C": set()}, "channels"),
        ({"D": {"test images", "input"}}, "does the text say"),
        ({"D": {"seeds"}}, "is none of"),
    ],
)
def test_unfair_mistakes(change, words):
    right = {"A": set(), "B": {"training data", "settings"}, "C": {"input"}, "D": {"test images"}}
    assert words in failure("unfair", right | change)


def test_unfair_takes_words_lists_and_none():
    answers = {"A": None, "B": ["settings", "training data"], "C": "input", "D": ("test images",)}
    assert check.unfair.verdict(answers).passed
    assert check.unfair.verdict(None).status == "open"
    assert "no answer" in failure("unfair", {"A": set()})


def ratio(control, treated, column, average=np.mean):
    return average(treated[:, 0] + treated[:, column]) / average(control[:, 0] + control[:, column])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda c, t: (ratio(c, t, 2, np.sum), ratio(c, t, 1, np.sum)), "added up"),
        (lambda c, t: (ratio(t, c, 2), ratio(t, c, 1)), "other way round"),
        (lambda c, t: (ratio(c, t, 1), ratio(c, t, 2)), "First the true ratio"),
        (lambda c, t: (ratio(c, t, 2), t[:, 0].mean() / c[:, 0].mean()), "false positives"),
        (lambda c, t: ratio(c, t, 1), "axes"),
    ],
)
def test_reported_ratio_mistakes(wrong, words):
    assert words in failure("reported_ratio", wrong)


def test_reported_ratio_in_another_form_passes():
    assert check.reported_ratio.verdict(lambda c, t: [ratio(c, t, 2), ratio(c, t, 1)]).passed


@pytest.mark.parametrize(
    "exercise", [e for c in ("14", "15", "16") for e in check.exercises(c)], ids=lambda e: e.name
)
def test_the_first_hint_is_a_question_without_code(exercise):
    first = exercise.hints[0]
    assert first.rstrip().endswith("?")
    assert not any(sign in first for sign in ("np.", "()", " = ", "[", "metrics."))


# --- (12) outlines ------------------------------


def outlines(truth, prediction, tolerance, hd=None, share=None):
    there, back = metrics.border_distances(truth, prediction)
    both = np.concatenate([there, back])
    return (
        hd(there, back) if hd else max(np.percentile(there, 95), np.percentile(back, 95)),
        share(there, back, tolerance) if share else np.mean(both <= tolerance),
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hd": lambda a, b: max(a.max(), b.max())}, "largest distance"),
        ({"hd": lambda a, b: np.percentile(a, 95)}, "from the truth only"),
        ({"hd": lambda a, b: np.percentile(b, 95)}, "from the prediction only"),
        ({"hd": lambda a, b: np.percentile(np.concatenate([a, b]), 95)}, "before the percentile"),
        ({"hd": lambda a, b: (np.percentile(a, 95) + np.percentile(b, 95)) / 2}, "not their mean"),
        ({"hd": lambda a, b: np.concatenate([a, b]).mean()}, "a mean distance"),
        ({"share": lambda a, b, t: (np.mean(a <= t) + np.mean(b <= t)) / 2}, "average the two shares"),
        ({"share": lambda a, b, t: np.mean(a <= t)}, "from the truth only"),
        ({"share": lambda a, b, t: np.mean(b <= t)}, "from the prediction only"),
        ({"share": lambda a, b, t: np.mean(np.concatenate([a, b]) < t)}, "<= instead of <"),
        ({"share": lambda a, b, t: np.mean(np.concatenate([a, b]) > t)}, "outside of the tolerance"),
    ],
)
def test_outline_distance_mistakes(wrong, words):
    assert words in failure("outline_distance", lambda a, b, t: outlines(a, b, t, **wrong))


def test_outline_distance_of_all_pixels_instead_of_the_border_is_refused():
    def of_masks(truth, prediction, tolerance):
        there = distance_transform_edt(~prediction)[truth]
        back = distance_transform_edt(~truth)[prediction]
        both = np.concatenate([there, back])
        return max(np.percentile(there, 95), np.percentile(back, 95)), np.mean(both <= tolerance)

    assert failure("outline_distance", of_masks)
    assert "two numbers" in failure("outline_distance", lambda a, b, t: 3.0)
    assert check.outline_distance.verdict(outlines).passed
    assert check.outline_distance.verdict(lambda a, b, t: np.array(outlines(a, b, t))).passed


# --- (13) places ------------------------------


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (lambda d, t: int((d <= t).any(axis=1).sum()), "every true place"),
        (lambda d, t: int((d <= t).any(axis=0).sum()), "every prediction"),
        (ch15._nearest_first, "nearest pair first"),
        (ch15._shortest_sum, "sum of the distances"),
        (lambda d, t: most(d < t), "<= instead of <"),
    ],
)
def test_places_found_mistakes(pairs, words):
    def own(truth, prediction, tolerance):
        distance = np.linalg.norm(truth[:, None] - prediction[None], axis=2)
        return 2 * pairs(distance, tolerance) / sum(distance.shape) if distance.size else 0.0

    assert words in failure("places_found", own)


@pytest.mark.parametrize("metric", ["chebyshev", "cityblock", "sqeuclidean"])
def test_places_found_by_another_distance(metric):
    def own(truth, prediction, tolerance):
        both = len(truth) + len(prediction)
        return 2 * most(cdist(truth, prediction, metric) <= tolerance) / both if len(prediction) else 0.0

    assert failure("places_found", own)


def most(near):
    return int(near[linear_sum_assignment(near, maximize=True)].sum())


@pytest.mark.parametrize(("score", "words"), [("recall", "recall"), ("precision", "precision")])
def test_places_found_by_another_score(score, words):
    assert words in failure("places_found", lambda *a: getattr(metrics.match_places(*a), score))


def test_places_found_in_another_form_passes():
    assert check.places_found.verdict(lambda *a: np.float32(metrics.match_places(*a).f1)).passed
    assert failure("places_found", lambda t, p, tolerance: len(p) / len(t))


# --- (14) inspection ------------------------------


def opened(sign, failed, share, order=lambda s: np.argsort(-s), count=np.ceil, over=lambda f, n, k: f):
    n = int(count(round(share * len(sign), 9)))
    return failed[order(sign)[:n]].sum() / over(failed.sum(), len(sign), n)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"order": np.argsort}, "look best"),
        ({"count": np.floor}, "round up"),
        ({"over": lambda f, n, k: k}, "(precision)"),
        ({"over": lambda f, n, k: n}, "divide by all failures"),
        ({"over": lambda f, n, k: 1}, "number of failures found"),
    ],
)
def test_inspect_first_mistakes(wrong, words):
    assert words in failure("inspect_first", lambda *a: opened(*a, **wrong))


def test_inspect_first_in_another_form_passes():
    def by_sorting(sign, failed, share):
        ranked = [bad for _, bad in sorted(zip(sign, failed, strict=True), reverse=True)]
        return sum(ranked[: -int(-share * len(sign) // 1)]) / sum(ranked)

    assert check.inspect_first.verdict(opened).passed
    assert check.inspect_first.verdict(by_sorting).passed


# --- what the chapter is made of ------------------------------


def test_the_chooser_names_functions_that_are_there_and_sources_that_are_listed(root):
    rows = materials.chooser_rows()
    listed = (root / "book/references.bib").read_text(encoding="utf-8")
    page = (root / "book/15-evaluation.qmd").read_text(encoding="utf-8")
    for row in rows:
        assert set(row) == {"question", "score", "function", "blind", "beside", "reason", "source"}
        assert all(row.values())
        assert f"{{{row['source']}," in listed and f"@{row['source']}" in page, row["source"]
        package, _, name = row["function"].rpartition(".")
        library = {"metrics": metrics, "sklearn.metrics": sklearn_metrics}[package]
        assert callable(getattr(library, name))
    assert len(materials.chooser()) == len(rows) == len({row["question"] for row in rows})


def test_each_score_of_the_pairs_sees_what_it_is_chosen_for():
    labels = np.zeros((60, 60), int)
    labels[ch15._disc(60, 20, 20, 12)], labels[ch15._disc(60, 42, 42, 10)] = 1, 5
    tight = metrics.outlines.redraw(labels, generosity=-1, unsteadiness=0)
    cut = materials.cut_straight(labels, tight)
    assert [(cut == n).sum() for n in (1, 5)] == [(tight == n).sum() for n in (1, 5)]
    assert metrics.dice(labels > 0, cut > 0) == metrics.dice(labels > 0, tight > 0)
    assert metrics.hausdorff(labels == 1, cut == 1) > 2 * metrics.hausdorff(labels == 1, tight == 1)
    lines = np.zeros((60, 60), bool)
    lines[30:33] = True
    broken = materials.gaps_in(lines, 3, side=9)
    assert metrics.centreline_dice(lines, broken) < 0.9 and not (broken & ~lines).any()
    places, areas = materials.spots_in(100 * gaussian_filter((labels == 5) * 1.0, 1) * (areas_of_spots() > 0))
    assert len(places) and set(np.unique(areas[areas > 0])) == set(areas[tuple(places.T)])


def areas_of_spots():
    spots = np.zeros((60, 60))
    spots[40:44, 40:44] = 1
    return spots


def test_the_form_has_ten_labelled_fields_and_needs_no_script(root):
    form = (root / "book/assets/reporting-checklist.html").read_text(encoding="utf-8")
    assert form.count("<textarea") == form.count("<li><label>") == 10
    assert form.count("<input") == form.count("<label>") - 10 == 3
    assert "<script" not in form and "http" not in form
    assert "@media print" in form
