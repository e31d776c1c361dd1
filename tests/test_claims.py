"""`show.claims` and `metrics.paired_difference`: what the chapters' sentences rest on."""

import numpy as np
import pytest
from scipy import stats

from bioimage_course import metrics, show
from bioimage_course.errors import InputError


def test_a_table_says_which_claims_hold():
    text = str(
        show.claims(("it-holds", "0a1b2c", np.bool_(True), "3 | 4"), ("it-fails", "0a1b2c", 2 > 3, "2"))
    )
    assert "| it-holds | 3 \\| 4 | yes |" in text
    assert "| it-fails | 2 | **no** |" in text


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("it-holds", "is a tuple"),
        (("It holds", "0a1b2c", True, "1"), "name of its own"),
        (("it-holds", "0a1b2", True, "1"), "six hexadecimal digits"),
        (("it-holds", "0a1b2c", 0.3, "1"), "must be True or False"),
        (("it-holds", "0a1b2c", True, 1.0), "as text"),
    ],
)
def test_wrong_entries_get_one_sentence(entry, words):
    with pytest.raises(InputError, match=words):
        show.claims(entry)


def test_a_name_comes_once():
    with pytest.raises(InputError, match="of its own"):
        show.claims(("a", "0a1b2c", True, "1"), ("a", "0a1b2c", True, "1"))


def test_pairs_show_what_unpaired_intervals_hide():
    random = np.random.default_rng(0)
    difficulty = random.normal(0.7, 0.15, 12)
    first, second = difficulty + 0.03 + random.normal(0, 0.01, 12), difficulty
    a, b = metrics.bootstrap_interval(first), metrics.bootstrap_interval(second)
    assert a[0] < b[1]  # they overlap
    found = metrics.paired_difference(first, second)
    assert found.low > 0 and found.n == 12
    assert found.better == (first > second).sum()
    reference = stats.ttest_rel(first, second).confidence_interval(0.95)
    np.testing.assert_allclose([found.low, found.high], reference)


def test_a_statistic_over_units_is_drawn_in_pairs():
    truth = np.array([[8, 10], [9, 10], [1, 2], [30, 40], [5, 9], [7, 8]])  # right, all
    worse = truth - [1, 0]
    pooled = lambda counts: counts[:, 0].sum() / counts[:, 1].sum()  # noqa: E731
    found = metrics.paired_difference(truth, worse, pooled)
    assert found.difference == pytest.approx(6 / 79)
    assert 0 < found.low <= found.difference <= found.high
    assert (found.better, found.n) == (6, 6)
    swapped = metrics.paired_difference(worse, truth, pooled)
    assert swapped.difference == pytest.approx(-found.difference) and swapped.better == 0


def test_the_replicate_is_the_unit():
    first = np.array([1.0, 1.1, 0.9, 1.0, 2.0, 2.1])
    wells = np.array(["a", "a", "a", "a", "b", "b"])
    found = metrics.paired_difference(first, np.zeros(6), groups=wells)
    assert found.n == 2
    assert found.difference == pytest.approx((1.0 + 2.05) / 2)
    assert found.low < 0  # two wells say little, however many images


def test_it_prints_as_a_cell():
    found = metrics.PairedDifference(-0.125, -0.2, 0.05, 1, 8)
    assert f"{found:.3f}" == "−0.125 (−0.200 to +0.050), better in 1 of 8"


@pytest.mark.parametrize(
    ("first", "second", "more", "words"),
    [
        ([1, 2], [1, 2, 3], {}, "must be the same"),
        ([1], [1], {}, "at least two"),
        ([1, np.nan], [1, 2], {}, "finite"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], {}, "a statistic"),
        ([1, 2], [1, 2], {"level": 1.5}, "level"),
        ([1, 2], [1, 2], {"groups": [1]}, "replicate"),
        ([1, 2], [1, 2], {"groups": [1, 1]}, "at least two"),
        ([1, 2], [1, 2], {"statistic": "mean"}, "function"),
    ],
)
def test_unpaired_scores_get_one_sentence(first, second, more, words):
    with pytest.raises(InputError, match=words):
        metrics.paired_difference(first, second, **more)
