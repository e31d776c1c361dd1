"""Outlines by another hand and at half maximum."""

import json

import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk

from bioimage_course import data, metrics, results
from bioimage_course.errors import InputError


def discs():
    labels = np.zeros((80, 120), np.int32)
    for number, (row, column, radius) in {3: (25, 25, 14), 7: (50, 80, 20)}.items():
        labels[disk((row, column), radius + 0.5)] = number
    return labels


@pytest.mark.parametrize("generosity", [-3, -1, 1, 3])
def test_generosity_moves_the_outline_by_so_many_pixels(generosity):
    labels = discs()
    drawn = metrics.outlines.redraw(labels, generosity, unsteadiness=0)
    for number in (3, 7):
        radius, new = (np.sqrt((x == number).sum() / np.pi) for x in (labels, drawn))
        assert new - radius == pytest.approx(generosity, abs=0.35)


def test_a_steady_hand_without_bias_changes_nothing():
    labels = data.load("nuclei").labels
    np.testing.assert_array_equal(metrics.outlines.redraw(labels, 0, 0), labels)


def test_unsteadiness_lowers_agreement_and_is_repeatable():
    labels = discs()
    scores = [
        metrics.match(labels, metrics.outlines.redraw(labels, 0, u, seed=1)).mean_matched_iou
        for u in (0.3, 1, 2)
    ]
    assert scores[0] > scores[1] > scores[2] > 0.5
    first, second = (metrics.outlines.redraw(labels, 0, 1, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (first != metrics.outlines.redraw(labels, 0, 1, seed=5)).any()


@pytest.mark.parametrize("loosely", [0, 2, 4])
def test_half_maximum_finds_the_edge_of_a_blurred_disc_under_a_loose_mask(loosely):
    labels = discs()
    image = 100 + 50 * ndimage.gaussian_filter((labels > 0).astype(float), 1.5)
    loose = metrics.outlines.redraw(labels, loosely, unsteadiness=0)
    drawn = metrics.outlines.half_maximum(image, loose)
    assert set(np.unique(drawn)) == {0, 3, 7}
    for number in (3, 7):
        assert metrics.iou(labels == number, drawn == number) > 0.93


@pytest.mark.parametrize("dtype", [">u2", "int64", "uint32", ">u8"])
def test_labels_of_any_size_and_type_keep_their_numbers(dtype):
    largest = min(np.iinfo(dtype).max // 2 + 1, 2**62)
    labels = discs().astype(dtype)
    labels[discs() == 7] = largest
    image = discs() > 0
    for drawn, small in (
        (metrics.outlines.redraw(labels, 0, 1, seed=4), metrics.outlines.redraw(discs(), 0, 1, seed=4)),
        (metrics.outlines.half_maximum(image, labels), metrics.outlines.half_maximum(image, discs())),
    ):
        assert set(np.unique(drawn).tolist()) == {0, 3, int(largest)}
        np.testing.assert_array_equal(drawn == largest, small == 7)


def test_touching_objects_stay_apart():
    sample = data.load("nuclei")
    drawn = metrics.outlines.half_maximum(sample.image, sample.labels)
    assert set(np.unique(drawn)) <= set(np.unique(sample.labels))
    assert metrics.average_precision(sample.labels, drawn, 0.5) > 0.9


@pytest.mark.parametrize("labels", [None, np.ones((4, 4), bool), np.ones((3, 4, 5), int), np.ones((4, 4))])
def test_bad_labels_are_refused(labels):
    with pytest.raises(InputError):
        metrics.outlines.redraw(labels)
    with pytest.raises(InputError):
        metrics.outlines.half_maximum(np.zeros((4, 4)), labels)


def test_shapes_must_agree():
    with pytest.raises(InputError, match="shape"):
        metrics.outlines.half_maximum(np.zeros((5, 4)), np.ones((4, 4), int))


# --- the recorded measurement ------------------------------


@pytest.fixture(scope="module")
def recorded():
    path = results.dsb2018.FOLDER.parent / "outlines" / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_record_is_complete(recorded):
    assert len(recorded["images"]) == 50
    assert recorded["iou_thresholds"] == [round(0.5 + 0.05 * i, 2) for i in range(10)]
    truth = results.dsb2018.about("stardist")
    assert recorded["test_pixels_sha256"] == truth["test_pixels_sha256"]
    for ours, theirs in zip(recorded["images"], truth["images"], strict=True):
        assert ours["name"] == theirs["name"]
        assert ours["tp"][0] + ours["fn"][0] == theirs["tp"][0] + theirs["fn"][0]


def test_record_can_be_measured_again(recorded, monkeypatch):
    from pathlib import Path

    if not data.available("nuclei-dsb2018"):
        pytest.skip("the DSB2018 images are not at hand")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "training")
    import loose_masks

    images, truths, names = loose_masks.dsb2018.load_part("test")
    for number in (0, 17, 42):
        found = loose_masks.measure(images[number], truths[number])
        known = recorded["images"][number]
        assert names[number] == known["name"]
        for key in ("tp", "fp", "fn"):  # a nucleus or two may change sides with another SciPy
            np.testing.assert_allclose(found[key], known[key], atol=2)
        assert found["median_area_ratio"] == pytest.approx(known["median_area_ratio"], abs=0.02)
