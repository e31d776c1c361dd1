"""What the training scripts for nuclei share, and the table made of their scores."""

import json

import numpy as np
import pytest

import dsb2018
from bioimage_course import metrics, results, show, tools
from bioimage_course.errors import InputError


@pytest.mark.mirror
def test_parts_are_disjoint_and_those_of_the_stardist_model(mirror):
    told = tools.stardist.results()["data"]
    names = {part: dsb2018.load_part(part)[2] for part in ("train", "validation", "test")}
    assert {part: len(found) for part, found in names.items()} == {"train": 127, "validation": 23, "test": 50}
    assert names["train"] == told["training_images"] and names["validation"] == told["validation_images"]
    assert len(set().union(*names.values())) == 200


@pytest.mark.mirror
def test_score_writes_the_counts_it_returns(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(dsb2018, "OUT", tmp_path)
    monkeypatch.setattr(results.dsb2018, "FOLDER", tmp_path)
    images, truths, _ = dsb2018.load_part("test")
    seen = []

    def half(image):  # finds each second nucleus
        seen.append(image)
        truth = next(t for i, t in zip(images, truths, strict=True) if np.array_equal(i, image))
        return np.where(truth % 2, truth, 0)

    scores = dsb2018.score(
        "half", half, chapter="0", title="Half", in_training="no", note="A test.", command="none", limit=3
    )
    expected = metrics.average_precision_dataset(truths[:3], [np.where(t % 2, t, 0) for t in truths[:3]])
    np.testing.assert_array_equal(scores.tp, expected.tp)
    assert len(seen) == 4  # one image more, to warm up
    assert 0.3 < results.dsb2018.counts("half").pooled[0] < 0.7
    (row,) = results.dsb2018.table()
    assert row["method"] == "Half" and row["images"] == 3
    assert row["AP@0.5"] == f"{expected.pooled[0]:.3f}"


def test_scores_of_the_shipped_methods_agree_with_their_cards():
    two_passes = tools.stardist.results()["test"]["two_passes"]["by_iou"]
    stored = results.dsb2018.counts("stardist")
    assert stored.pooled[0] == pytest.approx(two_passes[0]["ap_pooled"], abs=0.002)
    digest = tools.stardist.results()["data"]["test_pixels_sha256"]
    for method in results.dsb2018.methods():
        found = results.dsb2018.about(method)
        assert found["test_pixels_sha256"] == digest, method
        nuclei = np.array(found["images"][0]["tp"]) + np.array(found["images"][0]["fn"])
        assert len(set(nuclei)) == 1, f"{method}: the number of true nuclei changes with the threshold"
    assert "StarDist" in str(show.table(results.dsb2018.table()))


def test_unknown_method_is_one_sentence():
    with pytest.raises(InputError, match=r"No scores of 'magic'.*stardist"):
        results.dsb2018.about("magic")


def test_files_hold_no_absolute_path():
    for file in results.dsb2018.FOLDER.glob("*.json"):
        assert not [v for v in json.loads(file.read_text()).values() if isinstance(v, str) and "/home" in v]
