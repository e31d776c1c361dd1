"""The training script of the cell classifier: a short run, and the card's score measured again."""

import hashlib
import importlib.util
import json

import numpy as np
import pytest

from bioimage_course import data, files, nets

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
RESULTS = json.loads((nets.CELL_CLASSIFIER.parent / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def script(root):
    spec = importlib.util.spec_from_file_location("cell_classifier", root / "training" / "cell_classifier.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def blood(script, mirror):
    """Crops, classes, fields, names of fields and groups of the whole set."""
    return script.load("blood")


def fake_cells(seed=0, number=60):
    """Crops in three colours that a network tells apart within seconds."""
    rng = np.random.default_rng(seed)
    classes = np.arange(number) % 3
    colours = np.array([[200, 120, 120], [90, 60, 160], [200, 190, 210]])
    crops = colours[classes][:, None, None] + rng.normal(0, 25, (number, 64, 64, 3))
    return np.clip(crops, 0, 255).astype(np.uint8), classes


def test_split_keeps_fields_apart_and_twins_together(script):
    groups = np.arange(40)
    groups[8] = 7  # fields 7 and 8 show the same place
    parts = script.split(groups, 0)
    together = np.concatenate(parts)
    assert sorted(together) == list(range(40))
    assert any(7 in part and 8 in part for part in parts)
    assert [part.tolist() for part in script.split(groups, 0)] == [part.tolist() for part in parts]
    assert [part.tolist() for part in script.split(groups, 1)] != [part.tolist() for part in parts]


def test_fields_that_look_the_same_are_found(script):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (4, 120, 160, 3))
    images[3] = images[1] + rng.normal(0, 5, images[1].shape)
    assert script.groups(np.array([script.thumbnail(image) for image in images])).tolist() == [0, 1, 2, 1]


def test_balanced_accuracy_by_hand(script):
    truth, answer = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 0, 2])
    fields = np.array([0, 0, 0, 1, 1, 1, 1])
    tables = script.confusion(truth, answer, fields)
    assert tables.shape == (2, 3, 3) and tables.sum() == 7
    assert script.balanced_accuracy(tables) == pytest.approx((0.75 + 0.5 + 1) / 3)
    scored = script.score(truth, answer, fields)
    assert scored["fields"] == 2 and scored["recall"]["white cell"] == 0.5


def test_augmentation_keeps_shape_class_and_range(script):
    crops, classes = fake_cells()
    torch.manual_seed(0)
    image, kind = script.Crops(crops, classes)[4]
    assert image.shape == (3, 64, 64) and kind == classes[4]
    assert image.min() >= 0 and image.max() <= 1
    assert not torch.equal(image, script.to_tensor(crops)[4])


def test_short_training_is_reproducible_and_learns(script):
    settings = {"depth": 4, "width": 4, "epochs": 4, "patience": 4, "rate": 5e-3, "batch": 12, "seed": 0}
    runs = [script.train(fake_cells(0), fake_cells(1, 30), **settings) for _ in range(2)]
    first, second = (history for _, history in runs)
    assert first.train_loss[-1] < 0.8 * first.train_loss[0]
    np.testing.assert_allclose(first.train_loss, second.train_loss, rtol=1e-3)


def test_shipped_file_is_the_one_that_card_and_results_describe():
    content = nets.CELL_CLASSIFIER.read_bytes()
    assert hashlib.sha256(content).hexdigest() == RESULTS["sha256"] == nets.cell_classifier().card["sha256"]
    assert len(content) < 10e6
    card = nets.cell_classifier().card
    assert card["balanced_accuracy"] == RESULTS["test"]["balanced_accuracy"] >= 0.95
    assert RESULTS["sha256"] in (nets.CELL_CLASSIFIER.parent / "README.md").read_text(encoding="utf-8")
    parts = [set(RESULTS["data"][f"{part}_fields"]) for part in ("training", "validation", "test")]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_carried_crops_come_from_test_fields():
    test = {name.removeprefix("BloodImage_") for name in RESULTS["data"]["test_fields"]}
    assert {cell.group for cell in data.load("blood-cells")} <= test


@pytest.mark.mirror
def test_card_score_comes_out_of_the_shipped_file(script, blood):
    """Within 0.005: one white cell of 45 more or less would be 0.007."""
    crops, classes, fields, names, _ = blood
    assert files.sha256_of(crops, classes, fields) == RESULTS["data"]["crops_sha256"]
    test = np.isin(np.array(names)[fields], RESULTS["data"]["test_fields"])
    answers = script.predict(nets.cell_classifier(), crops[test])
    scored = script.score(classes[test], answers, fields[test])
    assert scored["balanced_accuracy"] == pytest.approx(RESULTS["test"]["balanced_accuracy"], abs=0.005)
    assert scored["interval_95"] == pytest.approx(RESULTS["test"]["interval_95"], abs=0.01)


@pytest.mark.mirror
def test_split_is_that_of_the_results(script, blood):
    names, groups = blood[3], blood[4]
    for part, fields in zip(("training", "validation", "test"), script.split(groups, 0), strict=True):
        assert [names[i] for i in fields] == RESULTS["data"][f"{part}_fields"]


@pytest.mark.mirror
def test_few_steps_on_the_real_cells_lower_the_loss(script, blood):
    """First epochs of the real training on a quarter of its crops: same data, same seed, falling loss."""
    crops, classes, fields, names, _ = blood
    training, validation = (
        np.isin(np.array(names)[fields], RESULTS["data"][f"{part}_fields"])
        for part in ("training", "validation")
    )
    settings = RESULTS["settings"] | {"epochs": 3}
    _, history = script.train(
        (crops[training][::4], classes[training][::4]), (crops[validation], classes[validation]), **settings
    )
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
