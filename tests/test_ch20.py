"""The bridge: its neuron, and exercises that tell right answers and usual mistakes apart."""

import numpy as np
import pytest

from bioimage_course import check
from bioimage_course.errors import InputError
from bioimage_course.materials import ch20 as bridge
from exercise_cells import Chapter, failure

CHAPTER = Chapter("20-how-a-network-learns")
GREY, TRUTH = bridge.nuclei()


@pytest.mark.parametrize(
    "exercise", CHAPTER.cells and sorted({c.exercise for c in CHAPTER.cells if c.exercise})
)
def test_the_solution_passes(exercise):
    names = {"np": np}
    exec("\n".join(CHAPTER.texts("solution", exercise)), names)
    verdict = getattr(check, exercise).verdict(
        next(value for name, value in names.items() if callable(value) and name not in ("np", "__builtins__"))
    )
    assert verdict.status == "passed", verdict


# ---------------------------------------------------------------- the neuron


@pytest.mark.parametrize("loss", bridge.LOSSES[:2])
@pytest.mark.parametrize("threshold", [10.0, 54.0, 120.0])
def test_slope_is_what_nudging_finds(loss, threshold):
    left, right = (bridge.mean_loss(threshold + nudge, GREY, TRUTH, loss) for nudge in (-1e-3, 1e-3))
    assert bridge.slope(threshold, GREY, TRUTH, loss) == pytest.approx((right - left) / 2e-3 * 100, abs=1e-4)


def test_prices():
    assert bridge.answer(54.0, 54.0) == pytest.approx(0.5)
    half = bridge.prices(54.0, [54.0, 54.0], np.array([True, False]))
    np.testing.assert_allclose(half, np.log(2))
    right = bridge.answer([30.0, 60.0], 54.0)
    np.testing.assert_allclose(
        bridge.prices(54.0, [30.0, 60.0], np.array([True, False])), -np.log([right[0], 1 - right[1]])
    )
    np.testing.assert_allclose(
        bridge.prices(54.0, [30.0, 60.0], np.array([True, False]), "squared error"),
        [(1 - right[0]) ** 2, right[1] ** 2],
    )
    assert np.isfinite(bridge.prices(-1e5, GREY, TRUTH)).all()


def test_wrong_pixels_are_those_of_the_mask():
    assert bridge.mean_loss(54, GREY, TRUTH, "wrong pixels") == np.mean((GREY > 54) != TRUTH)
    assert bridge.slope(54, GREY, TRUTH, "wrong pixels") == 0


def test_unknown_loss():
    with pytest.raises(InputError, match="must be one of cross-entropy"):
        bridge.mean_loss(54, GREY, TRUTH, "hinge")
    with pytest.raises(InputError, match="hinge"):
        bridge.slope(54, GREY, TRUTH, "hinge")


def test_descend_returns_the_start_too():
    np.testing.assert_allclose(bridge.descend(10, 0.5, 3, lambda t: t), [10, 5, 2.5, 1.25])


def test_pieces_do_not_overlap():
    rows, columns = bridge.PIECE
    assert bridge.OTHER_PIECE[0] == rows and bridge.OTHER_PIECE[1].stop == columns.start


# ---------------------------------------------------------------- wrong answers


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (lambda g, t, x: np.sum((g > x) != t), "return their share"),
        (lambda g, t, x: np.mean((g > x) == t), "share of right pixels"),
        (lambda g, t, x: np.mean((g >= x) != t), "use >, not >="),
        (lambda g, t, x: np.mean((g < x) != t), "the darker ones"),
        (lambda g, t, x: np.mean((g > x) & ~t), "missed pixels are wrong, too"),
        (lambda g, t, x: np.mean((g <= x) & t), "background taken for nucleus is wrong, too"),
    ],
)
def test_wrong_counts(count, sentence):
    assert sentence in failure("count_wrong", count)


def right(p, t):
    return np.where(t, p, 1 - p)


@pytest.mark.parametrize(
    ("price", "sentence"),
    [
        (lambda p, t: np.mean(np.log(right(p, t))), "price is minus that"),
        (lambda p, t: np.sum(-np.log(right(p, t))), "return the mean"),
        (lambda p, t: np.mean(-np.log10(right(p, t))), "base 10"),
        (lambda p, t: np.mean(-np.log2(right(p, t))), "base 2"),
        (lambda p, t: -np.log(np.mean(right(p, t))), "mean of the logarithms"),
        (lambda p, t: np.mean(-np.log(p)), "1 minus"),
        (lambda p, t: np.mean(-np.log(p) * t), "background has its price"),
        (lambda p, t: np.mean(-np.log(1 - right(p, t))), "probability of the wrong answer"),
    ],
)
def test_wrong_prices(price, sentence):
    assert sentence in failure("answer_price", price)


@pytest.mark.parametrize(
    ("slope", "sentence"),
    [
        (lambda f, t, h: (f(t - h) - f(t + h)) / (2 * h), "positive slope"),
        (lambda f, t, h: (f(t + h) - f(t - h)) / h, "two nudges apart"),
        (lambda f, t, h: f(t + h) - f(t - h), "divide it by the way"),
        (lambda f, t, h: (f(t + h) - f(t)) / h, "to the right only"),
        (lambda f, t, h: (f(t) - f(t - h)) / h, "to the left only"),
    ],
)
def test_wrong_slopes(slope, sentence):
    assert sentence in failure("slope_by_trying", slope)


@pytest.mark.parametrize(
    ("roll", "sentence"),
    [
        (lambda s, x, r, n: bridge.descend(x, -r, n, s), "uphill"),
        (lambda s, x, r, n: bridge.descend(x, r, n, s)[1:], "holds 7 thresholds"),
        (lambda s, x, r, n: bridge.descend(x, r, n + 1, s), "holds 7 thresholds"),
        (lambda s, x, r, n: [x - r * s(x) * i for i in range(n + 1)], "feel it anew"),
        (lambda s, x, r, n: bridge.descend(x, 1, n, s), "does not use the rate"),
        (lambda s, x, r, n: bridge.descend(x, 1 / r, n, s), "you divide"),
        (lambda s, x, r, n: bridge.descend(x, r, n, s)[-1], "one axis"),
    ],
)
def test_wrong_descents(roll, sentence):
    message = failure("roll_down", roll)
    assert sentence in message or (sentence == "one axis" and "list of thresholds" in message)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"creeps": 2}, "more than half the way"),
        ({"creeps": -1}, "above 0"),
        ({"arrives": 2}, "above the smallest"),
        ({"arrives": 13}, "above the smallest"),
        ({"jumps": 12}, "does come to rest"),
        ({"hops": 3}, "with the keys"),
        ({"jumps": None}, "the rate that jumps"),
    ],
)
def test_wrong_rates(change, sentence):
    assert sentence in failure("find_rates", lambda: {"creeps": 0.3, "arrives": 6, "jumps": 20} | change)


def cut(order, size):
    return [order[first : first + size] for first in range(0, len(order), size)]


@pytest.mark.parametrize(
    ("batches", "sentence"),
    [
        (lambda n, s, rng: cut(np.arange(n), s), "draw one by lot"),
        (lambda n, s, rng: cut(np.random.default_rng(0).permutation(n), s), "the same order"),
        (lambda n, s, rng: cut(np.random.default_rng().permutation(n), s), "that you are given"),
        (lambda n, s, rng: cut(rng.permutation(n), s)[: n // s], "are in no batch"),
        (lambda n, s, rng: cut(rng.integers(0, n, n), s), "occurs twice"),
        (lambda n, s, rng: cut(rng.permutation(n) + 1, s), "are in no batch"),
        (lambda n, s, rng: [rng.permutation(n)], "the batches hold"),
        (lambda n, s, rng: rng.permutation(n), "Return a list of batches"),
    ],
)
def test_wrong_batches(batches, sentence):
    assert sentence in failure("epoch_batches", batches)
