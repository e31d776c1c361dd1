"""The Cellpose adapter: the shipped checkpoint works, downloads are asked for, bad input gets a sentence."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest

from bioimage_course import compat, data, metrics, results, tools
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError

pytestmark = pytest.mark.skipif(not tools.available("cellpose"), reason="cellpose is not installed")
cellpose = tools.cellpose


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


@pytest.fixture(scope="module")
def crop(nuclei):
    return nuclei.image[:160, :160]


@pytest.fixture(autouse=True)
def fresh():
    """No model of another test's folder stays in the cache."""
    yield
    cellpose.pretrained.cache_clear()


# ------------------------------------------------------------------------------ the course's own model


def test_checkpoint_is_small_and_described():
    files = {file.name: file.stat().st_size for file in cellpose.WEIGHTS.iterdir()}
    assert sum(files.values()) < 8 * 2**20
    card, results = (cellpose.WEIGHTS / "README.md").read_text(encoding="utf-8"), cellpose.results()
    for name, digest in results["files"].items():
        assert hashlib.sha256((cellpose.WEIGHTS / name).read_bytes()).hexdigest() == digest
        assert digest in card
    assert f"{results['test']['ap_pooled']:.3f}" in card
    assert "/tmp" not in results["command"] + card


def test_results_agree_with_the_common_table():
    measured, scores = cellpose.results(), results.dsb2018.counts("cellpose")
    assert measured["test"]["ap_pooled"] == pytest.approx(scores.pooled[0], abs=1e-4)
    split = measured["data"]
    assert len(split["training_images"]) == 127 and len(split["validation_images"]) == 23
    assert not set(split["training_images"]) & set(split["validation_images"])
    assert measured["ap_validation"] == max(row["ap"] for row in measured["tried_on_validation"])
    assert measured["thresholds"] in [row["options"] for row in measured["tried_on_validation"]]


def test_course_model_finds_the_nuclei(nuclei):
    part = np.s_[:256, :256]
    labels = cellpose.segment(nuclei.image[part])
    assert labels.shape == (256, 256) and labels.dtype == np.int32
    assert metrics.match(nuclei.labels[part], labels, 0.5).average_precision > 0.6


def test_it_is_a_real_cellpose_model(crop):
    from cellpose.models import CellposeModel

    model = cellpose.course_model()
    assert isinstance(model, CellposeModel)
    with compat.quiet():
        masks, flows, _ = model.eval(crop, bsize=256)
    assert masks.shape == crop.shape and flows[1].shape == (2, *crop.shape)


def test_gain_and_offset_do_not_matter(crop):
    once, again = (cellpose.segment(image, diameter=None) for image in (crop, crop.astype(float) * 7 + 400))
    assert metrics.match(once, again, 0.9).average_precision > 0.95


def test_limits_keep_an_empty_image_empty(crop):
    empty = np.random.default_rng(0).normal(np.percentile(crop, 1), 2, crop.shape)
    assert not cellpose.segment(empty, limits=np.percentile(crop, (1, 99))).any()
    assert not cellpose.segment(np.full((64, 64), 7)).any()


def test_limits_do_not_change_later_calls(crop):
    with compat.quiet():
        before = cellpose.course_model().eval(crop, bsize=256, normalize={"tile_norm_blocksize": 0})[0]
        cellpose.segment(crop, limits=(0, 10_000))
        after = cellpose.course_model().eval(crop, bsize=256, normalize={"tile_norm_blocksize": 0})[0]
    np.testing.assert_array_equal(before, after)


def test_thresholds_do_what_they_say(crop):
    def area(logit):
        return np.count_nonzero(
            cellpose.segment(crop, diameter=None, flow_threshold=None, cellprob_threshold=logit)
        )

    assert area(-2) > area(0) > area(2)
    counts = [
        cellpose.segment(crop, diameter=None, flow_threshold=value).max() for value in (0.05, 0.4, None)
    ]
    assert counts[0] < counts[1] <= counts[2]


def test_diameter_rescues_a_large_image(nuclei):
    image, truth = (np.kron(x[:96, :96], np.ones((4, 4), int)) for x in (nuclei.image, nuclei.labels))
    alone, told = (
        metrics.match(truth, cellpose.segment(image, diameter=d), 0.5).average_precision for d in (None, 95)
    )
    assert told > alone


def test_a_changed_checkpoint_is_refused(tmp_path, monkeypatch):
    shutil.copytree(cellpose.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(cellpose, "WEIGHTS", tmp_path / "weights")
    file = tmp_path / "weights" / "cellpose-flows.pt"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DataUnavailableError, match="sha256"):
        cellpose.course_model.__wrapped__()
    (tmp_path / "weights" / "results.json").unlink()
    with pytest.raises(DataUnavailableError, match="install bioimage-course again"):
        cellpose.results()


# ------------------------------------------------------------------------------ input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"diameter": 0}, "diameter"),
        ({"diameter": "big"}, "auto"),
        ({"flow_threshold": -1}, "flow_threshold"),
        ({"cellprob_threshold": None}, "cellprob_threshold"),
        ({"cellprob_threshold": "0"}, "cellprob_threshold"),
        ({"limits": (5, 5)}, "limits"),
        ({"model": 3}, "CellposeModel"),
        ({"model": "cyto3"}, "cpsam_v2"),
    ],
)
def test_bad_options_get_one_sentence(crop, options, words):
    with pytest.raises(InputError, match=words):
        cellpose.segment(crop, **options)


def test_bad_images_get_one_sentence(crop):
    with pytest.raises(InputError, match="2D image"):
        cellpose.segment(crop[0])
    with pytest.raises(InputError, match="NaN"):
        cellpose.segment(np.full((32, 32), np.nan))


def test_colour_images_keep_their_size(crop):
    assert cellpose.segment(np.stack([crop] * 3, axis=-1), diameter=None).shape == crop.shape


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (1, 1), (1, 64, 3)])
@pytest.mark.parametrize("diameter", [None, "auto", 20])
def test_an_axis_of_one_pixel_stays(shape, diameter):
    image = np.zeros(shape)
    image[0, 0] = 1000
    assert cellpose.segment(image, diameter=diameter).shape == shape[:2]


def test_the_largest_diameter_that_leaves_a_pixel(crop):
    largest = cellpose.UNIT * min(crop.shape)
    assert cellpose.segment(crop, diameter=largest).shape == crop.shape
    with pytest.raises(InputError, match="to nothing"):
        cellpose.segment(crop, diameter=largest + 1)


# ------------------------------------------------------------------------------ Cellpose-SAM


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "models"))
    return tmp_path / "models"


def register(monkeypatch, **changes):
    """Let the registry say something else about the default model."""
    file = dataclasses.replace(cellpose._registered("cpsam_v2"), **changes)
    monkeypatch.setattr(cellpose, "_registered", lambda name: file)


def test_nothing_is_downloaded_unasked(nowhere, monkeypatch):
    monkeypatch.delenv("BIOIMAGE_COURSE_OFFLINE", raising=False)
    with pytest.raises(ToolUnavailableError, match="download=True"):
        cellpose.pretrained()
    assert not nowhere.exists()


def test_offline_means_offline(nowhere, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    with pytest.raises(ToolUnavailableError, match="OFFLINE forbids"):
        cellpose.pretrained(download=True)


def test_download_is_announced_and_failure_is_one_sentence(nowhere, monkeypatch, capsys):
    monkeypatch.delenv("BIOIMAGE_COURSE_OFFLINE", raising=False)
    register(monkeypatch, sources=("http://127.0.0.1:9/cpsam_v2",))
    with pytest.raises(ToolUnavailableError, match="could not be downloaded") as caught:
        cellpose.pretrained(download=True)
    assert "1.23 GB" in capsys.readouterr().out
    assert "\n" not in str(caught.value)
    assert not (nowhere / "cpsam_v2").exists()


def test_other_bytes_are_refused(nowhere):
    nowhere.mkdir()
    (nowhere / "cpsam_v2").write_bytes(b"half a download")
    with pytest.raises(ToolUnavailableError, match="sha256"):
        cellpose.pretrained()


def test_weights_that_are_there_reach_cellpose_itself(nowhere, monkeypatch):
    """A small Cellpose-SAM with random weights, saved as cellpose does: the real constructor loads it."""
    import torch
    from cellpose import models, vit

    class Tiny(vit.BaseModel):
        def __init__(self, **kwargs):
            super().__init__()
            self.backbone, self.W2 = "sam_vitl", torch.nn.Parameter(torch.zeros(1), requires_grad=False)
            self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.layer(x.expand(-1, 3, -1, -1)), torch.zeros(len(x), 256)

    nowhere.mkdir()
    Tiny().save_model(nowhere / "cpsam_v2")
    digest = hashlib.sha256((nowhere / "cpsam_v2").read_bytes()).hexdigest()
    register(monkeypatch, sha256=digest)
    monkeypatch.setattr(models, "CPSAM", Tiny)
    model = cellpose.pretrained()
    assert isinstance(model, models.CellposeModel)
    labels = cellpose.segment(np.random.default_rng(0).random((64, 64)), model)
    assert labels.shape == (64, 64)


def test_published_hashes_look_like_hashes():
    files = list(map(cellpose._registered, cellpose.PUBLISHED))
    assert all(len(file.sha256) == 64 and file.bytes > 1e9 for file in files)
    assert json.dumps(cellpose.announcement())
    with pytest.raises(InputError):
        cellpose.announcement("cyto3")
