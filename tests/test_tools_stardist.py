"""The StarDist adapter: the shipped checkpoint works, and bad input gets a sentence."""

import json
import shutil

import numpy as np
import pytest

from bioimage_course import data, large, metrics, shipped, tools
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError

pytestmark = pytest.mark.skipif(not tools.available("stardist"), reason="StarDist is not installed")
stardist = tools.stardist


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


def test_checkpoint_is_small_and_described():
    files = {file.name: file.stat().st_size for file in stardist.WEIGHTS.iterdir()}
    assert {"config.json", "thresholds.json", "weights_best.h5", "results.json", "README.md"} <= set(files)
    assert sum(files.values()) < 10 * 2**20
    card, results = (stardist.WEIGHTS / "README.md").read_text(encoding="utf-8"), stardist.results()
    for digest in results["files"].values():
        assert digest in card
    assert f"{results['test']['by_iou'][0]['ap_pooled']:.3f}" in card
    thresholds = json.loads((stardist.WEIGHTS / "thresholds.json").read_text())
    assert thresholds["prob"] == pytest.approx(results["thresholds"]["prob"], abs=1e-5)


def test_results_are_complete_and_add_up():
    results = stardist.results()
    assert len(results["test"]["images"]) == 50
    assert len(results["train"]["images"]) == 127
    split = results["data"]
    assert not set(split["training_images"]) & set(split["validation_images"])
    assert len(split["training_images"]) + len(split["validation_images"]) == 150
    first = results["test"]["by_iou"][0]
    for count in ("tp", "fp", "fn"):
        assert sum(image[count] for image in results["test"]["images"]) == first[count]
    assert first["ap_pooled"] == pytest.approx(
        first["tp"] / (first["tp"] + first["fp"] + first["fn"]), abs=1e-4
    )
    ap = [row["ap_pooled"] for row in results["test"]["by_iou"]]
    assert ap == sorted(ap, reverse=True)


@pytest.mark.slow
def test_course_model_finds_the_nuclei(nuclei):
    labels = stardist.segment(nuclei)
    assert labels.shape == nuclei.image.shape
    assert labels.dtype == np.int32
    assert metrics.match(nuclei.labels, labels, 0.5).average_precision > 0.8


def test_gain_and_offset_of_the_camera_do_not_matter(nuclei):
    crop = nuclei.image[:192, :192]
    np.testing.assert_array_equal(stardist.segment(crop), stardist.segment(crop.astype(np.float64) * 7 + 400))


def test_thresholds_reach_the_model(nuclei):
    crop = nuclei.image[:192, :192]
    counts = [stardist.segment(crop, prob_thresh=p).max() for p in (0.3, 0.85)]
    assert counts[1] < counts[0]
    assert stardist.segment(crop, nms_thresh=0.99).max() > stardist.segment(crop, nms_thresh=0.2).max()


def test_scale_keeps_the_shape(nuclei):
    crop = nuclei.image[:150, :131]
    assert stardist.segment(crop, scale=1.5).shape == crop.shape


def test_automatic_scale_enlarges_small_nuclei_only(nuclei, monkeypatch):
    from skimage.transform import rescale

    scales, predict = [], stardist._predict

    def spy(model, image, scale, thresholds):
        scales.append(scale)
        return predict(model, image, scale, thresholds)

    monkeypatch.setattr(stardist, "_predict", spy)
    crop = nuclei.image[:192, :192].astype(float)
    assert stardist.segment(crop, scale="auto").shape == crop.shape
    assert scales == [None]  # 20 pixels wide: one pass is enough
    small = rescale(crop, 0.5, anti_aliasing=True)
    assert stardist.segment(small, scale="auto").shape == small.shape
    assert scales == [None, None, stardist.ENLARGE]


def test_median_diameter_of_known_discs():
    rows, columns = np.mgrid[:64, :64]
    labels = (np.hypot(rows - 20, columns - 20) <= 10) * 3 + (np.hypot(rows - 45, columns - 45) <= 10) * 7
    assert metrics.median_diameter(labels) == pytest.approx(20, abs=0.5)
    assert metrics.median_diameter(np.zeros((4, 4), int)) == 0


@pytest.mark.slow
def test_large_images_in_tiles_agree_with_whole_ones(nuclei, monkeypatch):
    crop = nuclei.image[:384, :384]
    whole = stardist.segment(crop)
    monkeypatch.setattr(stardist, "TILE", 200)
    assert metrics.match(whole, stardist.segment(crop), 0.7).average_precision > 0.95


def test_fixed_limits_keep_an_empty_image_empty():
    empty = np.random.default_rng(0).normal(100, 3, (128, 128))
    assert stardist.segment(empty, limits=(100, 400)).max() == 0


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_image_has_no_objects(value):
    assert stardist.segment(np.full((40, 50), value, np.uint8)).max() == 0


def test_one_small_object_on_black_is_found():
    rows, columns = np.mgrid[:512, :512]
    image = 200.0 * (np.hypot(rows - 200, columns - 300) < 9)  # less than 0.2 % of the pixels
    assert stardist.segment(image).max() == 1


@pytest.mark.parametrize("shape", [(1, 1), (5, 90), (33, 17)])
def test_odd_shapes(shape):
    image = np.random.default_rng(0).random(shape)
    assert stardist.segment(image).shape == shape


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((8, 8, 3))}, "2D image"),
        ({"image": np.zeros(8)}, "2D image"),
        ({"image": np.full((8, 8), np.nan)}, "NaN"),
        ({"image": np.zeros((0, 8))}, "no pixels"),
        ({"image": "nuclei.tif"}, "array"),
        ({"image": np.zeros((8, 8)), "prob_thresh": 1.5}, "prob_thresh"),
        ({"image": np.zeros((8, 8)), "nms_thresh": "low"}, "nms_thresh"),
        ({"image": np.zeros((8, 8)), "scale": 0}, "scale"),
        ({"image": np.zeros((8, 8)), "limits": (5, 1)}, "lower one first"),
        ({"image": np.zeros((8, 8)), "limits": 5}, "two intensities"),
        ({"image": np.zeros((8, 8)), "model": 3}, "model"),
        ({"image": np.zeros((8, 8)), "model": "3D_versatile"}, "2D_versatile_fluo"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, words):
    with pytest.raises(InputError) as caught:
        stardist.segment(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_published_model_offline_is_a_sentence(monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    monkeypatch.setattr(stardist, "_downloaded", lambda *_: False)
    stardist.pretrained.cache_clear()
    with pytest.raises(ToolUnavailableError, match="course_model"):
        stardist.pretrained("2D_versatile_fluo")


def test_broken_download_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.delenv("BIOIMAGE_COURSE_OFFLINE", raising=False)
    stardist.pretrained.cache_clear()
    stardist._library()
    from csbdeep.models import pretrained

    def broken(kind, key):
        raise Exception("URL fetch failure on …: None -- [Errno -2] Name or service not known")

    monkeypatch.setattr(pretrained, "get_model_instance", broken)
    with pytest.raises(ToolUnavailableError, match="could not be downloaded"):
        stardist.pretrained("2D_versatile_fluo")
    stardist.pretrained.cache_clear()


def test_changed_weights_are_refused(tmp_path):
    copy = tmp_path / "stardist-nuclei"
    shutil.copytree(stardist.WEIGHTS, copy)
    shipped.verify(copy, "StarDist model", "stardist_nuclei.py")
    with open(copy / "weights_best.h5", "r+b") as file:
        file.seek(5000)
        file.write(b"changed")
    with pytest.raises(DataUnavailableError, match="sha256"):
        shipped.verify(copy, "StarDist model", "stardist_nuclei.py")
    (copy / "weights_best.h5").unlink()
    with pytest.raises(DataUnavailableError, match="incomplete"):
        shipped.verify(copy, "StarDist model", "stardist_nuclei.py")


def test_normalise_is_csbdeeps(nuclei):
    from csbdeep.utils import normalize

    np.testing.assert_allclose(data.normalise(nuclei.image), normalize(nuclei.image, 1, 99.8), atol=1e-5)


def test_missing_stardist_is_a_sentence(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "stardist", None)
    with pytest.raises(ToolUnavailableError, match="bioimage-course\\[stardist\\]"):
        stardist._library()


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "uint32", "int64", ">u8"])
def test_the_median_diameter_of_labels_of_any_size_and_type(dtype):
    labels = np.zeros((20, 30), dtype)
    labels[2:12, 2:12], labels[5:15, 16:26] = 1, min(np.iinfo(dtype).max // 2 + 1, 2**62)
    assert metrics.median_diameter(labels) == pytest.approx(np.sqrt(400 / np.pi))


@pytest.mark.slow
def test_tiles_of_a_large_image_change_nothing_and_overlap_as_far_as_the_network_sees(monkeypatch):
    image = data.load("nuclei").image[:256]
    once = stardist.segment(image)
    monkeypatch.setattr(stardist, "TILE", 256)
    tiled = stardist.segment(image)
    assert large.identical(once, tiled) == once.max() == tiled.max() > 30
    assert set(stardist.course_model()._axes_tile_overlap("YX")) == {stardist.FIELD}


def test_a_model_for_colours_gets_colours():
    models = stardist._library()
    colours = models.StarDist2D(models.Config2D(n_rays=4, n_channel_in=3, unet_n_depth=1), basedir=None)
    picture = np.random.default_rng(0).integers(0, 255, (48, 40, 3))
    assert stardist.segment(picture, colours, prob_thresh=0.99).shape == (48, 40)
    with pytest.raises(InputError, match=r"3 channels, \(Y, X, 3\); this image has the shape \(48, 40\)"):
        stardist.segment(picture[..., 0], colours)
    with pytest.raises(InputError, match=r"one channel, \(Y, X\)"):
        stardist.segment(picture, stardist.course_model())
