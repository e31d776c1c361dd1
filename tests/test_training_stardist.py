"""The training script of the StarDist checkpoint: a short run, and the card's score measured again."""

import importlib
import json

import numpy as np
import pytest

from bioimage_course import compat, data, metrics, results, tools

pytestmark = pytest.mark.skipif(not tools.available("stardist"), reason="StarDist is not installed")


@pytest.fixture(scope="module")
def script():
    compat.prepare("stardist")
    return importlib.import_module("stardist_nuclei")


@pytest.fixture(scope="module")
def shared():
    return importlib.import_module("dsb2018")


def _blobs(shape=(96, 96), radius=6):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate([(20, 20), (20, 60), (60, 40), (70, 75)], start=1):
        labels[np.hypot(rows - row, columns - column) <= radius] = number
    return labels


def test_split_has_no_overlap_and_follows_the_seed(script):
    training, validation = script.split_train_validation(150, 23, 0)
    assert len(training) == 127 and len(validation) == 23
    assert not set(training) & set(validation)
    assert script.split_train_validation(150, 23, 0) == (training, validation)
    assert script.split_train_validation(150, 23, 1) != (training, validation)


def test_zoom_enlarges_image_and_labels_alike(shared):
    labels, width = _blobs(), metrics.median_diameter
    image = labels.astype(np.float32)
    larger, larger_labels = shared.zoom_in(image, labels, 2)
    assert larger.shape == image.shape and larger_labels.dtype == labels.dtype
    assert width(larger_labels[20:76, 20:76]) > 1.5 * width(labels)
    assert ((larger > 0.5) == (larger_labels > 0)).mean() > 0.97


def test_augmentation_keeps_image_and_labels_together(script):
    augment, labels = script.make_augmenter(0), _blobs()
    for _ in range(20):
        image, changed = augment((labels > 0).astype(np.float32), labels)
        assert image.shape == changed.shape == labels.shape
        if changed.any() and (changed == 0).any():
            assert image[changed > 0].mean() > image[changed == 0].mean() + 0.3


def test_augmentation_follows_its_seed(script):
    labels = _blobs()
    first, second, other = (
        script.make_augmenter(seed)((labels > 0).astype(np.float32), labels)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_short_training_is_reproducible_and_learns(script, tmp_path):
    nuclei = data.load("nuclei")
    image = data.normalise(nuclei.image)
    labels = script.clean_labels(nuclei.labels)
    pairs = ([image[:, :256]], [labels[:, :256]]), ([image[:, 256:]], [labels[:, 256:]])
    settings = {
        "epochs": 4,
        "steps": 8,
        "batch": 2,
        "patch": 96,
        "filters": 8,
        "depth": 2,
        "rate": 1e-3,
        "zooming": False,
    }
    runs = [script.train(*pairs, tmp_path / str(i), seed=0, **settings)[1] for i in range(2)]
    assert runs[0]["loss"][-1] < runs[0]["loss"][0]
    assert np.isfinite(runs[0]["val_loss"]).all()
    np.testing.assert_allclose(runs[0]["loss"], runs[1]["loss"], rtol=0.02)


@pytest.mark.slow
@pytest.mark.mirror
def test_counts_of_a_sample_come_out_of_the_shipped_file(script, mirror):
    images, masks, _ = (part[::5] for part in script.load_pairs("test"))
    found = [tools.stardist.segment(image, scale="auto") for image in images]
    told = np.array([image["tp"][0] for image in results.dsb2018.about("stardist")["images"][::5]])
    counts = metrics.average_precision_dataset(masks, found)
    assert (
        np.abs(counts.tp[:, 0] - told).sum() <= 4
    )  # one nucleus more or less may hang on the machine's rounding


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.mirror
def test_card_score_comes_out_of_the_shipped_file(script, mirror):
    results = tools.stardist.results()
    images, masks, _names, digest = script.prepare("test")
    assert digest == results["data"]["test_pixels_sha256"]
    for scale, told in ((None, results["test"]), ("auto", results["test"]["two_passes"])):
        rows, _ = script.score(masks, script.predict_all(tools.stardist.course_model(), images, scale))
        for row, expected in zip(rows, told["by_iou"], strict=True):
            assert row["ap_pooled"] == pytest.approx(expected["ap_pooled"], abs=0.01)
    assert told["by_iou"][0]["ap_pooled"] >= 0.80


def test_tiles_cover_every_pixel_once(script):
    image = np.arange(520 * 696).reshape(520, 696)
    cut, _ = script.tiles([image, image[:256, :256]], [image, image[:256, :256]])
    assert len(cut) == 2 * 3 + 1
    assert all(min(tile.shape) >= 192 for tile in cut)
    assert sorted(np.concatenate([tile.ravel() for tile in cut[:6]])) == list(range(image.size))


@pytest.mark.mirror
def test_training_data_are_those_of_the_results(script, mirror):
    images, masks, names = script.load_pairs("train")
    told = tools.stardist.results()["data"]
    assert script.files.sha256_of(*images, *masks) == told["train_pixels_sha256"]
    training, validation = script.split_train_validation(len(names), 23, 0)
    assert [names[i] for i in training] == told["training_images"]
    assert [names[i] for i in validation] == told["validation_images"]


def test_what_limits_the_strict_end_is_told_of_the_shipped_weights():
    limits = json.loads((tools.stardist.WEIGHTS / "limits.json").read_text(encoding="utf-8"))
    told = tools.stardist.results()
    assert limits["weights"] == told["files"]["weights_best.h5"]
    assert limits["test_pixels_sha256"] == results.dsb2018.about("stardist")["test_pixels_sha256"]
    at_half = [sum(image["tp"][0] for image in images) for images in limits["versions"].values()]
    assert at_half == sorted(at_half)
    assert at_half[0] == pytest.approx(told["test"]["by_iou"][0]["tp"], abs=20)


def test_a_true_star_is_the_nucleus_itself():
    script = importlib.import_module("star_limits")
    compat.prepare("stardist")
    from stardist.geometry import star_dist

    labels = _blobs()
    places = script.innermost(labels)
    assert [labels[tuple(place)] for place in places] == [1, 2, 3, 4]
    found = script.drawn(star_dist(labels, 32)[tuple(places.T)], places, labels.shape)
    assert metrics.average_precision(labels, found, 0.9) == 1
