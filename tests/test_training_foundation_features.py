"""The comparison of features: its stored scores come out again where they can be measured."""

import json

import numpy as np
import pytest

import foundation_features as script
from bioimage_course import data, tools

RESULTS = json.loads((script.OUT / "results.json").read_text(encoding="utf-8"))


@pytest.fixture
def blind(monkeypatch):
    """MobileSAM's place is taken by zeros: the scores of hand-made features do not depend on it."""
    monkeypatch.setattr(
        tools.sam_features, "features", lambda image, tile: np.zeros((*image.shape[:2], 256), np.float32)
    )


def test_results_are_complete():
    assert RESULTS["repeats"] == script.REPEATS
    for task in RESULTS["tasks"].values():
        assert list(task["scores"]) == ["hand-made", "MobileSAM", "both"]
        for values in task["scores"].values():
            assert len(values) == script.REPEATS and 0 <= min(values) and max(values) <= 1
            assert len(set(values)) > script.REPEATS / 2  # other labels, other scores


def test_scores_of_mitosis_by_hand_made_features_come_out_again(blind, monkeypatch):
    monkeypatch.setattr(script, "REPEATS", 4)
    scores = script.mitosis()
    told = RESULTS["tasks"]["mitosis"]["scores"]["hand-made"][:4]
    np.testing.assert_allclose(scores["hand-made"], told, atol=0.01)
    assert np.mean(scores["MobileSAM"]) == pytest.approx(0.5)  # zeros say nothing


@pytest.mark.slow
@pytest.mark.mirror
def test_scores_of_tissue_by_hand_made_features_come_out_again(blind, monkeypatch, mirror):
    monkeypatch.setattr(script, "REPEATS", 2)
    scores = script.tissue()
    told = RESULTS["tasks"]["tissue"]["scores"]["hand-made"][:2]
    np.testing.assert_allclose(scores["hand-made"], told, atol=0.01)


@pytest.mark.slow
@pytest.mark.mirror
def test_scores_of_mitosis_by_mobilesam_come_out_again(monkeypatch, mirror):
    if not tools.available("mobile-sam"):
        pytest.skip("MobileSAM's code is not installed")
    if not data.available("weights-mobilesam"):
        pytest.skip("the weights of MobileSAM are not on this machine")
    monkeypatch.setattr(script, "REPEATS", 3)
    scores = script.mitosis()
    told = RESULTS["tasks"]["mitosis"]["scores"]
    for name in ("MobileSAM", "both"):
        np.testing.assert_allclose(scores[name], told[name][:3], atol=0.05)
