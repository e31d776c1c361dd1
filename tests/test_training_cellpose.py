"""The training script of the flow network: its copies, its choice of thresholds, and a short run."""

import importlib
import json

import numpy as np
import pytest

from bioimage_course import compat, data, tools

pytestmark = pytest.mark.skipif(not tools.available("cellpose"), reason="cellpose is not installed")


@pytest.fixture(scope="module")
def script():
    compat.prepare("cellpose")
    return importlib.import_module("cellpose_flows")


def test_copies_begin_with_the_tiles_and_keep_labels_with_images(script):
    nuclei = data.load("nuclei")
    images, masks = script.copies([data.normalise(nuclei.image)], [nuclei.labels], 3, seed=0)
    assert len(images) == len(masks) == 3 * 4  # 512² in tiles of 256², times three
    np.testing.assert_array_equal(masks[0], nuclei.labels[:256, :256])
    for image, labels in zip(images, masks, strict=True):
        assert image.shape == labels.shape
        assert image[labels > 0].mean() > image[labels == 0].mean()


def test_thresholds_are_those_with_the_best_score(script, monkeypatch):
    best = {"cellprob_threshold": 1.0, "flow_threshold": 0.8, "diameter": "auto"}

    def score(model, images, masks, **options):
        return sum(options[name] == value for name, value in best.items()) / 3

    monkeypatch.setattr(script, "average_precision", score)
    chosen, tried = script.choose(None, [], [])
    assert chosen == best
    assert max(row["ap"] for row in tried) == 1.0


def test_command_of_a_run_names_no_place(script, monkeypatch):
    commands = []
    monkeypatch.setattr(script, "run", lambda args, command: commands.append(command))
    script.main(["--keep", "/some/place", "--out", "/some/other", "--epochs", "3"])
    assert commands == ["python training/cellpose_flows.py --epochs 3"]


def test_short_run_writes_a_checkpoint_that_loads(script, tmp_path, monkeypatch):
    sample = data.load("nuclei")
    crop = (sample.image[:96, :96], sample.labels[:96, :96])

    def load_part(part):
        return [crop[0]], [crop[1]], [f"{part}-1"]

    monkeypatch.setattr(script.dsb2018, "load_part", load_part)
    monkeypatch.setattr(script, "CELLPROBS", (0.0,))
    monkeypatch.setattr(script, "FLOW_ERRORS", (0.4,))
    script.main(
        ["--epochs", "2", "--patches", "2", "--batch", "2", "--patch", "64", "--copies", "2"]
        + ["--width", "4", "--depth", "2", "--out", str(tmp_path)]
    )
    results = json.loads((tmp_path / "results.json").read_text())
    assert np.isfinite(results["history"]["train_loss"]).all()
    assert str(tmp_path) not in json.dumps(results)
    model = script.load(tmp_path)
    assert tools.cellpose.segment(crop[0], model).shape == (96, 96)
    assert "not scored yet" in (tmp_path / "README.md").read_text(encoding="utf-8")
