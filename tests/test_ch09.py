"""Chapter 9: exercises tell right answers and usual mistakes apart; page and captions say what was found."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from bioimage_course import check, data, metrics, tools
from bioimage_course.check.exercises import ch09
from exercise_cells import failure

# ---------------------------------------------------------------- (1) Otsu


def otsu(counts, *, shares=True, own=lambda t: t):
    """Otsu's threshold, with switches for the usual mistakes."""
    values, best, most = np.arange(len(counts)), 0, -1
    for t in range(len(counts) - 1):
        below, above = counts[: t + 1], counts[t + 1 :]
        if not below.sum() or not above.sum():
            continue
        spread = (
            (below * values[: t + 1]).sum() / below.sum() - (above * values[t + 1 :]).sum() / above.sum()
        ) ** 2
        if shares:
            spread = spread * below.sum() * above.sum()
        if spread > most:
            best, most = t, spread
    return own(best)


@pytest.mark.parametrize("sample", ["nuclei", "coins", "camera"])
def test_between_class_variance_has_its_maximum_at_scikit_images_threshold(sample):
    image = data.load(sample).image
    counts = np.bincount(image.ravel().astype(int), minlength=256)
    assert ch09.between_class_variance(counts).argmax() == threshold_otsu(image)


@pytest.mark.parametrize("better", [np.greater, np.greater_equal])
def test_every_threshold_in_an_empty_gap_passes(better):
    def first_or_last(counts):
        best, most = 0, -1.0
        for t, spread in enumerate(ch09.between_class_variance(counts)):
            if better(spread, most * (1 - 1e-12)):
                best, most = t, max(most, spread)
        return best

    verdict = check.otsu.verdict(first_or_last)
    assert verdict.passed, verdict.message


def test_the_empty_class_is_named():
    def without_guard(counts):
        values, spreads = np.arange(len(counts)), []
        for t in range(len(counts) - 1):
            below, above = counts[: t + 1], counts[t + 1 :]
            means = [
                (part * v).sum() / part.sum()
                for part, v in ((below, values[: t + 1]), (above, values[t + 1 :]))
            ]
            spreads.append(below.sum() * above.sum() * (means[0] - means[1]) ** 2)
        return np.argmax(spreads)

    assert "dark class (at most t) has no pixels" in failure("otsu", without_guard)


def test_scikit_images_function_passes():
    def by_library(counts):
        return threshold_otsu(hist=(counts, np.arange(len(counts))))

    verdict = check.otsu.verdict(by_library)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda c: otsu(c, own=lambda t: t + 1), "one too high"),
        (lambda c: otsu(c, shares=False), "shares of the classes"),
        (lambda c: (np.arange(len(c)) * c).sum() / c.sum(), "mean grey value"),
        (lambda c: ch09.between_class_variance(c).max(), "the threshold at which"),
        (lambda c: int(np.argmax(c)), "most frequent"),
        (lambda c: otsu(c) - 3, "your threshold for"),
        (lambda c: ch09.between_class_variance(c), "one"),
    ],
)
def test_otsu_mistakes(wrong, words):
    assert words in failure("otsu", wrong)


def test_answer_that_changes_its_input_is_refused():
    def spoils(counts):
        answer = otsu(counts)
        counts[:] = 0
        return answer

    assert "chang" in failure("otsu", spoils)


# ---------------------------------------------------------------- (2) six objects


def test_six_objects_are_what_the_comments_say():
    truth, prediction = ch09.six_objects()
    matched = metrics.match(truth, prediction, 0.5)
    assert (matched.n_true, matched.n_predicted) == (6, 7)
    assert (matched.tp, matched.fp, matched.fn) == (4, 3, 2)
    ious = [
        [metrics.iou(truth == t, prediction == p) for t, p in pairs]
        for pairs in ([(1, 1)], [(2, 2)], [(3, 3), (4, 3)], [(5, 4)], [(6, 5)], [(6, 6)])
    ]
    assert ious == [[1], [12 / 20], [0.5, 0.5], [6 / 26], [0.5], [0.25]]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((4, 3, 1, 0.6, 0.4), "TP + FN must be"),
        ((4, 2, 2, 0.6, 0.4), "TP + FP must be"),
        ((5, 2, 1, 10 / 13, 5 / 8), "One TP too many"),
        ((3, 4, 3, 6 / 13, 3 / 10), "One TP too few"),
        ((2, 5, 4, 4 / 13, 2 / 11), "Too few TP"),
        ((6, 1, 0, 12 / 13, 6 / 7), "Too many TP"),
        ((4, 3, 2, 4 / 9, 8 / 13), "exchanged"),
        ((4, 3, 2, 61.5, 44.4), "percentage"),
        ((4, 3, 2, 4 / 7, 4 / 9), "precision"),
        ((4, 3, 2, 8 / 13, 4 / 6), "recall"),
        ((4.5, 3, 2, 0.6, 0.4), "whole"),
    ],
)
def test_six_mistakes(answer, words):
    assert words in failure("six_by_hand", *answer)


def test_rounded_answers_pass():
    assert check.six_by_hand.verdict(4, 3, 2, 0.62, 0.44).passed
    assert check.six_by_hand.verdict(4, 3, 2, 0.615, 0.444).passed


# ---------------------------------------------------------------- (3) Voronoi-Otsu


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda i, s, o: ch09.label_blobs(i, o, s), "exchanged"),
        (lambda i, s, o: ch09.label_blobs(i, s, o, dark=True), "background"),
        (lambda i, s, o: ch09.label_blobs(i, s, o, masked=False), "Nothing is background"),
        (lambda i, s, o: ch09.label_blobs(i, s, o, flat=False), "flat landscape"),
        (lambda i, s, o: ch09.label_blobs(i, s, o, twice=True), "blur the original"),
        (lambda i, s, o: ch09._components(i, o), "connected components"),
        (lambda i, s, o: ch09.label_blobs(i, s, o) > 0, "a mask"),
        (lambda i, s, o: ch09.label_blobs(i, s, o)[:-1], "shape"),
        (lambda i, s, o: np.zeros(i.shape, int), "label image"),
    ],
)
def test_voronoi_otsu_mistakes(wrong, words):
    assert words in failure("voronoi_otsu", wrong)


def test_other_numbering_passes():
    def renumbered(image, spot_sigma, outline_sigma):
        labels = ch09.label_blobs(image, spot_sigma, outline_sigma)
        return np.where(labels, 100 - labels, 0)

    assert check.voronoi_otsu.verdict(renumbered).passed


def test_the_adapter_passes_its_own_exercise():
    def adapter(image, spot_sigma, outline_sigma):
        return tools.voronoi_otsu.segment(image, spot_sigma=spot_sigma, outline_sigma=outline_sigma)

    verdict = check.voronoi_otsu.verdict(adapter)
    assert verdict.passed, verdict.message


# ---------------------------------------------------------------- (4) second stage


def features(channels, sigmas):
    return tools.pixel_classifier.features(channels, sigmas)[0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda i, v, s: features(i, s), "Only the image"),
        (lambda i, v, s: features(v, s), "Only the votes"),
        (lambda i, v, s: np.dstack([features(i, s), v]), "appended as they are"),
        (lambda i, v, s: features(np.dstack([i, v.argmax(-1)]), s), "one channel"),
        (lambda i, v, s: np.dstack([i, v]), "four channels themselves"),
        (lambda i, v, s: features(np.dstack([v, i]), s), "votes come first"),
        (lambda i, v, s: features(np.dstack([i, np.eye(3)[v.argmax(-1)]]), s), "winning class"),
        (
            lambda i, v, s: tools.pixel_classifier.features(np.dstack([i, v]), s),
            "features *and* names",
        ),
        (lambda i, v, s: features(np.dstack([i, v]), s) + 1, "wrong"),
    ],
)
def test_second_stage_mistakes(wrong, words):
    assert words in failure("second_stage", wrong)


# ---------------------------------------------------------------- which kind, calls, one threshold


def test_the_least_kind_is_asked_for():
    assert check.which_kind.verdict("semantic", "Instance", "panoptic ", "semantic").passed
    assert check.which_kind.verdict("semantic", ..., "panoptic", "semantic").status == "open"
    assert "asks for more" in failure("which_kind", "instance", "instance", "panoptic", "semantic")
    assert "does not answer" in failure("which_kind", "semantic", "semantic", "panoptic", "semantic")
    assert "does not answer" in failure("which_kind", "semantic", "instance", "instance", "semantic")
    assert "not 'all'" in failure("which_kind", "semantic", "instance", "panoptic", "all")


def calls(found, false, rare, others):
    return found * rare + false * others, found * rare / (found * rare + false * others)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda a, b, c, d: (a * c, calls(a, b, c, d)[1]), "the false alarms are called"),
        (lambda a, b, c, d: (b * d, calls(a, b, c, d)[1]), "the right calls belong"),
        (lambda a, b, c, d: (calls(a, b, c, d)[0], a), "share of the rare objects that is found"),
        (lambda a, b, c, d: (calls(a, b, c, d)[0], 1 - calls(a, b, c, d)[1]), "share of calls that is wrong"),
        (lambda a, b, c, d: (calls(a, b, c, d)[0], 1 - b), "must count, too"),
        (lambda a, b, c, d: calls(a, b, c, d)[0], "shape"),
    ],
)
def test_wrong_calls(function, sentence):
    assert check.expected_calls.verdict(lambda *a: list(calls(*a))).passed
    assert sentence in failure("expected_calls", function)


def means_of(image, labels):
    return [image[labels == number].mean() for number in range(1, labels.max() + 1)]


def spread(values, times):
    return values.mean() + times * values.std()


def test_one_threshold_in_several_ways():
    for nearly_all in (lambda v: np.percentile(v, 99), lambda v: np.quantile(v, 0.99)):
        answer = check.one_threshold_can_work.verdict(
            lambda i, m, top=nearly_all: bool(m.any()) and min(means_of(i, m)) > top(i[m == 0])
        )
        assert answer.passed, answer.message


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda i, m: m.any() and min(means_of(i, m)) > i[m == 0].mean(), "brightest background anywhere"),
        (
            lambda i, m: m.any() and np.mean(means_of(i, m)) > np.percentile(i[m == 0], 99),
            "brightest background",
        ),
        (
            lambda i, m: min(means_of(i, m), default=np.inf) > np.percentile(i[m == 0], 99),
            "nothing to be found",
        ),
        (lambda i, m: m.any() and min(means_of(i, m)) > i[m == 0].max(), "brightest one per cent"),
        (lambda i, m: m.any() and min(means_of(i, m)) > spread(i[m == 0], 2), "two standard deviations"),
        (lambda i, m: m.any() and min(means_of(i, m)) > spread(i[m == 0], 3), "brightest one per cent"),
        (lambda i, m: m.any() and i[m > 0].min() > np.percentile(i[m == 0], 99), "its darkest one"),
        (
            lambda i, m: m.any() and min(means_of(i, m)) > np.percentile(i[m == 0], 98),
            "more than one per cent",
        ),
        (lambda i, m: m.any() and min(means_of(i, m)) >= np.percentile(i[m == 0], 99), "do not lie above"),
        (lambda i, m: True, "the answer is False"),
        (lambda i, m: False, "the answer is True"),
    ],
)
def test_wrong_about_one_threshold(function, sentence):
    assert sentence in failure("one_threshold_can_work", function)


# ---------------------------------------------------------------- what page and captions say


@pytest.fixture(scope="module")
def tables():
    """Markdown tables of the executed notebook: label -> rows of cells."""
    path = Path(__file__).parents[1] / "notebooks" / "solutions" / "09-pixels-to-objects.ipynb"
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        label = re.search(r"label: (tbl-\S+)", source)
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/markdown", ""))
            if label and text:
                rows = [[c.strip() for c in row.strip("|").split("|")] for row in text.strip().splitlines()]
                found[label[1]] = [rows[0], *rows[2:]]
    return found


def column(table, name):
    at = table[0].index(name)
    return [float("nan" if row[at] == "–" else row[at]) for row in table[1:]]


def test_blur_before_the_threshold_removes_specks_and_leaves_too_few_objects(tables):
    four, eight, blurred, true = column(tables["tbl-components"], "objects")
    assert four > eight > 2 * true  # specks are most of what is found
    assert blurred < true


def test_masks_agree_and_objects_do_not(tables):
    iou, ap = (column(tables["tbl-classical"], name) for name in ("IoU of the masks", "AP@0.5"))
    assert iou[0] == iou[1] and max(iou) - min(iou) <= 0.02
    assert min(ap[1:]) > ap[0] + 0.15


def test_what_helps_the_pixel_classifier(tables):
    table = tables["tbl-classifier"]
    one, two = (column(table, f"AP@0.5, {name}")[1:] for name in ("one stage", "two stages"))
    assert all(b > a for a, b in zip(one, two, strict=True))  # the second stage in every row
    assert one[1] > one[0] and one[3] > one[2]  # larger filters
    assert one[2] > one[0] and one[3] > one[1]  # more strokes


def test_mitoses_found_and_false_alarms(tables):
    found, missed, false = column(tables["tbl-objects"], "mean")
    assert found > 15 and found + missed == pytest.approx(16)
    assert 0.4 < false / found < 0.6  # "for every two mitoses there is one false alarm"


def test_foundation_features_give_no_clear_winner_on_one_image_and_lose_on_two_tasks(tables):
    table = tables["tbl-sam"]
    for strokes, ahead in (("five", 1), ("ten", 0)):
        ap, iou = (column(table, f"{name}, {strokes} strokes") for name in ("AP@0.5", "IoU"))
        assert np.argmax(ap[:2]) == ahead  # MobileSAM with five strokes, filters with ten
        assert iou[0] > max(iou[1:])
    table = tables["tbl-foundation"]
    hand, sam, both = (column(table, name) for name in ("hand-made", "MobileSAM", "both"))
    assert hand[0] > sam[0] and hand[1] > sam[1]
    assert both[1] < hand[1]  # harm for mitosis
    duels = [row[table[0].index("MobileSAM − hand-made (95 % interval)")] for row in table[1:]]
    assert duels[1].endswith("better in 0 of 24") and int(duels[0].split()[-3]) < 12


def test_a_third_of_the_images_do_not_need_a_network(tables):
    level = column(tables["tbl-by-image"], "images at least as good as StarDist")
    failed = column(tables["tbl-by-image"], "images with AP@0.5 below 0.5")
    assert 15 <= level[0] <= 20 and failed[0] > failed[1] > failed[2] == 0


def test_division_undoes_uneven_light(tables):
    table = tables["tbl-wrong"]
    ap = dict(zip([row[0] for row in table[1:]], column(table, "AP@0.5"), strict=True))
    assert ap["uneven light"] < 0.1 < ap["uneven light, blurred copy subtracted"]
    assert ap["uneven light, divided by background"] > ap["uneven light, blurred copy subtracted"] + 0.1
    assert ap["bright mitoses, clipped at percentile 95"] > ap["bright mitoses"]
    found = dict(zip([row[0] for row in table[1:]], column(table, "found"), strict=True))
    assert found["no nuclei"] > 100 and found["uneven light"] == 1
