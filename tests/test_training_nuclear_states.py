"""The network in the page of chapter 4: a short run of its training, and the shipped one once more."""

import hashlib
import importlib
import json

import numpy as np
import pytest

from bioimage_course import nets, shipped

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
FOLDER = shipped.WEIGHTS / "nuclear-states"
RESULTS = shipped.results("nuclear-states")


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("nuclear_states")


@pytest.fixture(scope="module")
def model():
    return nets.load(FOLDER / "nuclear-states.pt")


def test_crops_come_from_all_cameras_and_classes(script):
    images, classes = script.varied(72, seed=4)
    assert images.shape == (72, 1, 32, 32) and np.bincount(classes).tolist() == [24, 24, 24]
    again, _ = script.varied(72, seed=4)
    assert torch.equal(images, again)
    roughness = script.describe(images)["roughness"].reshape(12, 6).mean(axis=1)
    assert roughness[0] > 2 * roughness[-1]  # few photons and a sharp camera; many and a blurred one


def test_descriptions_of_a_picture_by_hand(script):
    image = torch.zeros(1, 1, 32, 32)
    image[..., 10:20, 10:20] = 2
    found = {name: value.item() for name, value in script.describe(image).items()}
    assert found["frame"] == 0 and found["peak"] == 2
    assert found["mean"] == pytest.approx(200 / 1024)
    steps = 10 * 2 * 2 / (32 * 31)  # each of ten rows rises by 2 and falls by 2
    assert found["roughness"] == pytest.approx(steps / np.std(image.numpy()))


def test_a_short_training_writes_what_is_shipped(script, tmp_path):
    settings = {**script.SETTINGS, "crops": 72, "epochs": 1}
    script.write(*script.train(settings), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in FOLDER.iterdir()}
    results = json.loads((tmp_path / "results.json").read_text())
    assert results.keys() == RESULTS.keys() and len(results["ranges"]["means"]) == 32
    assert nets.load(tmp_path / "nuclear-states.pt").card["classes"] == [
        "interphase",
        "metaphase",
        "apoptotic",
    ]


def test_shipped_network_is_the_one_of_its_results(script, model):
    digest = hashlib.sha256((FOLDER / "nuclear-states.pt").read_bytes()).hexdigest()
    assert digest == RESULTS["sha256"] == model.card["sha256"]
    assert digest in (FOLDER / "README.md").read_text()
    assert nets.count_parameters(model) == model.card["parameters"] == 6099
    assert RESULTS["settings"] == script.SETTINGS


def test_scores_and_ranges_come_out_again(script, model):
    told = RESULTS["accuracy"]
    assert script.accuracy(model, *script.plain()) == pytest.approx(
        told["the chapter's test crops"], abs=0.004
    )
    assert script.accuracy(model, *script.varied(1200, seed=3)) == pytest.approx(
        told["varied cameras"], abs=0.004
    )
    found = script.ranges(model, script.varied(script.SETTINGS["crops"], seed=1)[0])
    for name, values in RESULTS["ranges"].items():
        np.testing.assert_allclose(found[name], values, atol=0.01)
