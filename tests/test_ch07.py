"""Chapter 7: exercises tell right answers, usual mistakes and untouched starters apart; data and library."""

from itertools import combinations

import numpy as np
import pytest

from bioimage_course import check, data
from bioimage_course.check.exercises import ch07
from exercise_cells import Chapter, failure

CHAPTER = Chapter("07-shap")


# --- (1) ------------------------------


def others(known):
    return [i for i in range(3) if i not in known]


def filled(predict, x, background, known, fill):
    row = fill.copy()
    row[list(known)] = x[list(known)]
    return predict(row[None])[0]


def in_place(predict, x, background, known):
    background[:, list(known)] = x[list(known)]
    return predict(background).mean()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda p, x, b, k: ch07.coalition_value(p, x, b, others(k)), "the known ones that come from x"),
        (lambda p, x, b, k: filled(p, x, b, k, b.mean(axis=0)), "average the background first"),
        (lambda p, x, b, k: filled(p, x, b, k, np.zeros(3)), "unknown features to 0"),
        (lambda p, x, b, k: 30 * ch07.coalition_value(p, x, b, k), "take their mean"),
        (lambda p, x, b, k: p(x[None])[0], "whatever is known"),
        (lambda p, x, b, k: p(b), "one prediction for each background nucleus"),
        (lambda p, x, b, k: ch07.coalition_value(p, x, b, k) + 1, "not the right value"),
        (in_place, "changes the array"),
        (lambda p, x, b, k: ch07.coalition_value(p, x[:2], b[:, :2], k), "(n, 3)"),
    ],
)
def test_wrong_coalitions(function, sentence):
    assert sentence in failure("value_of_a_coalition", function)


# --- (2) ------------------------------


def alone(value, n):
    return [value((i,)) - value(()) for i in range(n)]


def last(value, n):
    return [value(range(n)) - value([p for p in range(n) if p != i]) for i in range(n)]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (ch07._one_order, "one order only"),
        (lambda v, n: ch07.shapley_values(v, n) * ch07.factorial(n), "divide by their number"),
        (alone, "first to be known"),
        (last, "all others are known"),
        (lambda v, n: ch07.shapley_values(v, n) * ch07.factorial(n) / n, "divide by the number of orders"),
        (ch07._banzhaf, "every coalition once"),
        (lambda v, n: ch07.shapley_values(v, 3), "shape (3,)"),
        (lambda v, n: ch07.shapley_values(v, n)[1:], "expected (3,)"),
    ],
)
def test_wrong_shapley_values(function, sentence):
    assert sentence in failure("shapley", function)


def by_coalitions(value, n):
    """Shapley's formula over coalitions, the second one of the chapter."""
    credit = np.zeros(n)
    for i in range(n):
        rest = [p for p in range(n) if p != i]
        for size in range(n):
            weight = ch07.factorial(size) * ch07.factorial(n - size - 1) / ch07.factorial(n)
            credit[i] += weight * sum(value((*s, i)) - value(s) for s in combinations(rest, size))
    return credit


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_both_formulas_agree_and_share_everything(n):
    value = ch07.game(n, seed=n)
    orders = ch07.shapley_values(value, n)
    np.testing.assert_allclose(orders, by_coalitions(value, n), atol=1e-12)
    assert orders.sum() == pytest.approx(value(range(n)) - value(()))
    assert check.shapley.verdict(by_coalitions).passed


# --- (3) ------------------------------


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda *a: ch07.deletion_curve(*a)[1:], "has 9 values"),
        (lambda *a: ch07.deletion_curve(*a)[:-1], "has 9 values"),
        (lambda *a: ch07.deletion_curve(*a, rising=True), "least important"),
        (lambda *a: ch07.deletion_curve(*a, own=True), "stays replaced"),
        (lambda p, i, m, f, s: ch07.deletion_curve(p, i, np.abs(m), f, s), "|importance|"),
        (lambda p, i, m, f, s: ch07.deletion_curve(p, i, m, 0 * f, s), "set pixels to 0"),
        (lambda p, i, m, f, s: ch07.deletion_curve(p, i, m, 0 * f + f.mean(), s), "`fill` is an image"),
        (lambda p, i, m, f, s: ch07.deletion_curve(p, i, m, f, s) + 1, "off by 1"),
        (lambda p, i, m, f, s: p(i), "(n, 6, 8, 3)"),
    ],
)
def test_wrong_deletion_curves(function, sentence):
    assert sentence in failure("deletion", function)


# --- (4) ------------------------------


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda v, g: [np.abs(v[:, c]).mean(axis=0).sum() for c in g], "add up the importances"),
        (lambda v, g: [np.abs(v[:, c].mean(axis=1)).mean() for c in g], "average the members"),
        (lambda v, g: [v[:, c].sum(axis=1).mean() for c in g], "absolute value is missing"),
        (lambda v, g: [abs(v[:, c].sum(axis=1).mean()) for c in g], "too late"),
        (lambda v, g: [np.abs(v[:, c].sum(axis=1)).sum() for c in g], "not the sum"),
        (lambda v, g: np.abs(v).mean(axis=0), "shape (5,)"),
    ],
)
def test_wrong_group_importances(function, sentence):
    assert sentence in failure("grouped_importance", function)


# --- (5) ------------------------------


def test_several_backgrounds_are_accepted():
    table = data.mitosis_table()
    brightest = np.argsort(-table.column("mean intensity"))[:20]
    assert check.another_background.verdict(lambda: brightest).passed


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (np.arange(20), "still gets"),
        (np.arange(5), "at least 20"),
        ([0] * 30, "more than once"),
        (np.arange(280, 310), "counted from 0 to 293"),
        (np.arange(20) / 2, "integers"),
    ],
)
def test_wrong_backgrounds(rows, sentence):
    assert sentence in failure("another_background", lambda: rows)


# --- data and library ------------------------------


def test_table_is_measured_in_dna_and_labelled_by_the_other_stain(no_mirror):
    table, sample = data.mitosis_table(), data.load("mitosis")
    assert table.features.shape == (294, 6) and np.isfinite(table.features).all()
    assert table.classes.sum() == 21 and sample.n_objects == 294
    areas = np.bincount(sample.labels.ravel())[1:]
    np.testing.assert_array_equal(table.column("area"), areas)
    histone = np.bincount(sample.labels.ravel(), sample.image[..., 1].ravel())[1:] / areas
    assert ((histone > 20) == table.classes).all()
    assert not ((histone > 13) & (histone < 26)).any(), "the gap that tables.py promises"
    dna = np.bincount(sample.labels.ravel(), sample.image[..., 0].ravel())[1:] / areas
    np.testing.assert_allclose(table.column("mean intensity"), dna)
    np.testing.assert_allclose(table.column("total intensity"), areas * dna / 1000)
    table.features[:] = 0
    assert data.mitosis_table().features.any(), "every call gives a fresh copy"


@pytest.mark.mirror
def test_sample_is_two_channels_of_cells_human(mirror):
    import runpy

    script = runpy.run_path(str(CHAPTER.path.parents[2] / "training" / "mitosis.py"))
    original, sample = data.load("cells-human").image, data.load("mitosis")
    np.testing.assert_array_equal(sample.image, original[..., :2])
    np.testing.assert_array_equal(sample.labels, script["outline"](original[..., 0]))


def test_library_agrees_with_the_reference_to_one_in_a_million():
    shap = pytest.importorskip("shap", reason="shap is not installed")
    forest, table = ch07.small_forest()
    training, test = ch07.halves(table.classes)
    background = table.features[training[:100]][:, ch07.FEATURES]
    explainer = shap.TreeExplainer(forest, background, feature_perturbation="interventional")
    for row in (ch07.NUCLEUS, *test[:3]):
        x = table.features[row, ch07.FEATURES]
        right = ch07.shapley_values(
            lambda known, x=x: ch07.coalition_value(
                lambda t: forest.predict_proba(t)[:, 1], x, background, known
            ),
            3,
        )
        np.testing.assert_allclose(explainer.shap_values(x[None])[0, :, 1], right, rtol=0, atol=1e-6)
    assert ch07.NUCLEUS in test and table.classes[ch07.NUCLEUS] == 1
