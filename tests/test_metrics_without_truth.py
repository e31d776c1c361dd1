"""Signs of a failure that need no truth, and what they are worth."""

import numpy as np
import pytest
from scipy import stats

from bioimage_course import results
from bioimage_course.errors import InputError
from bioimage_course.metrics import without_truth


def squares(*corners, side=6, shape=(40, 50)):
    labels = np.zeros(shape, int)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + side, column : column + side] = number
    return labels


def test_copies_are_turned_back():
    labels = squares((2, 3), (20, 30))
    for answer in without_truth.turned(lambda image: image, labels):
        assert np.array_equal(answer, labels)


def test_channels_stay_where_they_are():
    image = np.stack([squares((2, 3)), squares((20, 30))])
    for answer in without_truth.turned(lambda channels: channels[1], image):
        assert np.array_equal(answer, image[1])


def test_a_method_that_sees_up_and_down_disagrees_with_itself():
    def upper_half_only(image):
        labels = image.copy()
        labels[len(image) // 2 :] = 0
        return labels

    answers = without_truth.turned(upper_half_only, squares((2, 3), (30, 30)))
    # upside down the other square is found; of the two other copies one finds what the image as it is shows
    assert without_truth.disagreement(answers) > 0.3
    assert without_truth.disagreement(without_truth.turned(lambda x: x, squares((2, 3)))) == 0


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: without_truth.turned(None, np.zeros((4, 4))), "must be a function"),
        (lambda: without_truth.turned(lambda x: x, np.zeros((20, 20, 3))), "channels first"),
        (lambda: without_truth.turned(lambda x: x, np.zeros(4)), "must be"),
        (lambda: without_truth.turned(lambda x: None, squares()), "labels of the size"),
        (lambda: without_truth.turned(lambda x: x[:-1], squares()), "labels of the size"),
        (
            lambda: without_truth.turned(lambda x: np.zeros((3, 5), int), np.zeros((3, 5))),
            "labels of the size",
        ),
        (lambda: without_truth.disagreement([squares()]), "at least two"),
        (lambda: without_truth.features(np.zeros((4, 4)), squares()), "must be the same"),
        (lambda: without_truth.outlyingness([1, 2]), "two axes"),
        (lambda: without_truth.outlyingness([[np.nan], [2]]), "finite"),
        (lambda: without_truth.found_by_inspection([1, 2], [True, False], 0), "above 0"),
        (lambda: without_truth.found_by_inspection([1, 2, 3], [True, False]), "must be the same"),
        (lambda: without_truth.rank_correlation([1, np.nan], [1, 2]), "finite"),
        (lambda: results.quality_control.rows("cellpose", "rpe1"), "no 'cellpose'"),
        (lambda: results.quality_control.rows("unet", "rpe1"), "not on 'rpe1'"),
        (lambda: results.quality_control.sign("unet", "dsb2018", "luck"), "no 'luck'"),
    ],
)
def test_bad_input_gets_one_sentence(act, words):
    with pytest.raises(InputError, match=words):
        act()


def test_features_see_what_they_are_named_after():
    rng = np.random.default_rng(0)
    labels = squares((2, 3), (20, 30), (20, 10))
    image = 100.0 * (labels > 0) + rng.normal(100, 5, labels.shape)
    plain = without_truth.features(image, labels)
    assert list(plain) == list(without_truth.FEATURES)
    from scipy.ndimage import gaussian_filter

    assert without_truth.features(gaussian_filter(image, 4), labels)["focus"] < plain["focus"] - 1
    assert without_truth.features(np.minimum(image, 150), labels)["saturated"] > plain["saturated"] + 0.02
    assert without_truth.features(image * 9, labels)["contrast"] > plain["contrast"] + 2
    fewer = without_truth.features(image, np.where(labels == 1, labels, 0))
    assert fewer["count"] < plain["count"] and fewer["covered"] == pytest.approx(plain["covered"] / 3)
    none = without_truth.features(image, labels * 0)
    assert none["count"] == none["median area"] == none["spread of areas"] == none["covered"] == 0
    constant = without_truth.features(np.full((8, 8), 3), np.zeros((8, 8), int))
    assert np.isfinite(list(constant.values())).all()


def test_features_do_not_depend_on_the_numbers_of_the_labels():
    labels, image = squares().astype(np.int64), np.random.default_rng(0).random(squares().shape)
    assert without_truth.features(image, labels * 2**33) == without_truth.features(image, labels)


def test_a_single_strange_image_stands_out_and_alike_images_do_not():
    table = np.random.default_rng(1).normal(size=(30, 2))
    table[4, 1] = 40
    far = without_truth.outlyingness(table)
    assert np.unravel_index(far.argmax(), far.shape) == (4, 1)
    assert not without_truth.outlyingness(np.ones((5, 3))).any()
    mostly = without_truth.outlyingness([[0.0], [0.0], [0.0], [0.0], [1.0]])
    assert mostly.ravel().tolist() == [0, 0, 0, 0, pytest.approx(2.5)]


def test_a_sign_that_says_nothing_finds_as_much_as_chance():
    failed = np.arange(20) < 5
    assert without_truth.found_by_inspection(np.zeros(20), failed, 0.1) == pytest.approx(0.1)
    assert without_truth.found_by_inspection(-np.arange(20), failed, 0.1) == pytest.approx(0.4)
    assert without_truth.found_by_inspection(np.arange(20), failed, 1) == 1
    assert np.isnan(without_truth.found_by_inspection(np.arange(20), failed & False, 0.1))
    tied = [3, 2, 2, 1]  # two are opened: the first, and one of the two in the middle
    assert without_truth.found_by_inspection(tied, [False, True, False, False], 0.5) == 0.5


def test_rank_correlation_is_spearmans():
    sign, error = np.random.default_rng(2).normal(size=(2, 15))
    assert without_truth.rank_correlation(sign, error) == pytest.approx(stats.spearmanr(sign, error)[0])
    assert np.isnan(without_truth.rank_correlation(np.ones(4), [1, 2, 3, 4]))


# ---------------------------------------------------------------- what was measured


def test_results_hold_every_image_of_every_set():
    found = results.quality_control.results()
    assert {name: about["fields"] for name, about in found["sets"].items()} == {
        "dsb2018": 50, "rpe1": 81, "rpe1-spoilt": 81, "schwann": 16
    }  # fmt: skip
    for method, about in found["methods"].items():
        for images, rows in about["sets"].items():
            assert len(rows) == found["sets"][images]["fields"], (method, images)
            assert len({row["unit"] for row in rows}) == found["sets"][images]["images"]
    assert sum("spoilt" in row for row in results.quality_control.rows("stardist", "rpe1-spoilt")) == 16


def test_turning_does_not_concern_a_method_without_directions():
    signs = results.quality_control.sign("voronoi-otsu", "dsb2018", "disagreement")
    assert not signs.any()
    assert results.quality_control.failed("voronoi-otsu", "dsb2018").sum() > 10
    assert np.isnan(
        results.quality_control.judged("voronoi-otsu", "dsb2018", "disagreement", resamples=3)["correlation"][
            0
        ]
    )


def test_intervals_hold_their_estimates_and_draw_whole_images():
    for which in results.quality_control.SIGNS:
        for value, low, high in results.quality_control.judged(
            "stardist", "rpe1", which, resamples=100
        ).values():
            assert low <= value <= high
    table = results.quality_control.table("unet")
    assert table[0]["failures in the worst tenth"].endswith("at most 50 %")  # 5 images opened, 10 failures
    assert results.quality_control.most("stardist", "rpe1") == pytest.approx(9 / 24)
    assert results.quality_control.most("stardist", "dsb2018", share=0.5) == 1
    assert np.isnan(results.quality_control.most("voronoi-otsu", "schwann"))
    assert table[0]["failed"] == "10 of 50"
    assert "(−0." in table[0]["unlike the others"] and " to 0." in table[0]["unlike the others"]
