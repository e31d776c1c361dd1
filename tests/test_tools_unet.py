"""The U-Net adapter: targets, objects, windows; the shipped checkpoint works; bad input gets a sentence."""

import copy
import shutil
import sys

import numpy as np
import pytest
from scipy import ndimage

from bioimage_course import data, metrics, nets, tools
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
unet = tools.unet


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


@pytest.fixture(scope="module")
def small():
    """An untrained network: windows are about places, not about being right."""
    nets.seed_everything(0)
    return nets.UNet(1, 3, depth=2, width=4).eval()


def discs(*places, shape=(60, 80), radius=9):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, int)
    for number, (row, column) in enumerate(places, start=1):
        labels[np.hypot(rows - row, columns - column) <= radius] = number
    return labels


def as_probabilities(labels):
    """Sure and right: what a perfect network would answer."""
    return np.moveaxis(np.eye(3)[unet.classes(labels)], -1, 0)


# --- targets ------------------------------


def test_classes_of_a_disc():
    labels = discs((30, 40), radius=20)
    found = unet.classes(labels)
    assert ((found > 0) == (labels > 0)).all()
    rows, columns = np.nonzero(found == unet.INSIDE)
    depth = 20 - np.hypot(rows - 30, columns - 40).max()
    assert depth == pytest.approx(unet.RIM_WIDTH * 41, abs=1)  # 12 % of the diameter


def test_rims_part_touching_nuclei_and_belong_to_both():
    labels = discs((30, 30), (30, 48))
    assert ndimage.label(labels > 0)[1] == 1
    assert ndimage.label(unet.classes(labels) == unet.INSIDE)[1] == 2


def test_smallest_nuclei_keep_an_inside():
    labels = np.zeros((9, 9), int)
    labels[3:6, 3:6] = 1
    assert (unet.classes(labels) == unet.INSIDE).sum() == 1


def test_border_weights_by_hand():
    labels = np.zeros((5, 12), int)
    labels[:, 0], labels[:, 8] = 1, 2
    weights = unet.border_weights(labels, w0=10, sigma=5)
    assert weights[2, 3] == pytest.approx(10 * np.exp(-((3 + 5) ** 2) / 50))
    assert not weights[labels > 0].any()
    assert not unet.border_weights(labels, w0=0).any()


# --- objects ------------------------------


def test_perfect_probabilities_give_the_truth_back():
    labels = discs((20, 20), (20, 38), (45, 60))
    found = unet.instances(as_probabilities(labels))
    assert found.dtype == np.int32 and found.max() == 3
    assert metrics.match(labels, found, 0.9).average_precision == 1


def test_thresholds_mean_what_they_say():
    p = np.zeros((3, 40, 60))
    blobs = discs((20, 20), (20, 40), shape=(40, 60), radius=7) > 0
    p[2], p[1] = blobs * 0.6, ndimage.binary_dilation(blobs, iterations=2) * 0.3
    assert unet.instances(p, 0.2, 0.5).max() == 2
    assert unet.instances(p, 0.2, 0.7).max() == 0  # no marker
    assert (unet.instances(p, 0.5, 0.5) > 0).sum() < (unet.instances(p, 0.2, 0.5) > 0).sum()


def test_specks_are_dropped_and_numbers_have_no_gaps():
    labels = discs((20, 20), (20, 60))
    labels[50:52, 50:52] = 3
    found = unet.instances(as_probabilities(labels), min_area=12)
    assert sorted(np.unique(found)) == [0, 1, 2]


# --- windows ------------------------------


@pytest.mark.parametrize("shape", [(128, 128), (130, 201), (75, 333)])
def test_windows_with_margin_agree_with_one_pass(small, shape):
    image = np.random.default_rng(0).random(shape)
    once = unet.probabilities(image, small, core=1024)
    assert once.shape == (3, *shape)
    np.testing.assert_allclose(once.sum(axis=0), 1, atol=1e-5)
    pieces = unet.probabilities(image, small, core=64, margin=32)  # receptive field: 44 pixels
    np.testing.assert_allclose(pieces, once, atol=1e-5)


def test_windows_without_margin_do_not(small):
    image = np.random.default_rng(0).random((128, 128))
    once, pieces = (unet.probabilities(image, small, core=core, margin=0) for core in (1024, 64))
    assert np.abs(pieces - once).max() > 1e-3


def test_margin_covers_half_the_receptive_field_of_the_shipped_network():
    model = copy.deepcopy(unet.course_model())
    x = torch.rand(1, 1, 320, 320, requires_grad=True)
    model(x)[0, unet.INSIDE, 160, 160].backward()
    seen = np.flatnonzero(x.grad[0, 0].abs().amax(dim=0).numpy())
    assert max(160 - seen[0], seen[-1] - 160) <= unet.MARGIN


def test_prediction_leaves_the_network_as_it_is(small):
    before = {name: value.clone() for name, value in small.state_dict().items()}
    small.train()
    unet.probabilities(np.random.default_rng(0).random((64, 64)), small)
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())
    small.eval()


# --- the shipped network ------------------------------


@pytest.mark.slow
def test_course_model_finds_the_nuclei(nuclei):
    labels = unet.segment(nuclei)
    assert labels.shape == nuclei.image.shape and labels.dtype == np.int32
    assert metrics.match(nuclei.labels, labels, 0.5).average_precision > 0.75


def test_gain_and_offset_of_the_camera_do_not_matter(nuclei):
    crop = nuclei.image[:192, :192]
    same = unet.segment(crop.astype(np.float64) * 7 + 400)
    assert metrics.match(unet.segment(crop), same, 0.9).average_precision == 1


def test_thresholds_reach_the_objects(nuclei):
    crop = nuclei.image[:192, :192]
    areas = [(unet.segment(crop, foreground=f) > 0).sum() for f in (0.2, 0.9)]
    assert areas[1] < areas[0]
    assert unet.segment(crop, inside=0.999).max() < unet.segment(crop, inside=0.5).max()


def test_automatic_scale_enlarges_small_nuclei_only(nuclei, monkeypatch):
    from skimage.transform import rescale

    scales, predict = [], unet.probabilities

    def spy(image, model, *, scale=1):
        scales.append(scale)
        return predict(image, model, scale=scale)

    monkeypatch.setattr(unet, "probabilities", spy)
    model = copy.deepcopy(unet.course_model())
    model.card["thresholds"]["small"] = 16
    crop = nuclei.image[:192, :192].astype(float)
    assert unet.segment(crop, model, scale="auto").shape == crop.shape
    assert scales == [1]  # 20 pixels wide: one pass is enough
    tiny = rescale(crop, 0.4, anti_aliasing=True)
    assert unet.segment(tiny, model, scale="auto").shape == tiny.shape
    assert scales == [1, 1, 2]


def test_fixed_limits_keep_an_empty_image_empty():
    empty = np.random.default_rng(0).normal(100, 3, (128, 128))
    assert unet.segment(empty, limits=(100, 400)).max() == 0


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_image_has_no_objects(value):
    assert unet.segment(np.full((40, 50), value, np.uint8)).max() == 0


@pytest.mark.parametrize("shape", [(20, 20), (33, 17), (18, 90)])
def test_odd_shapes(shape):
    image = np.random.default_rng(0).random(shape)
    assert unet.segment(image).shape == shape
    assert unet.segment(image, scale=1.5).shape == shape


@pytest.mark.parametrize("shape", [(1, 1), (5, 90), (3, 3)])
def test_tiny_images(shape):
    assert unet.segment(np.random.default_rng(0).random(shape)).shape == shape


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((8, 8, 3))}, "2D image"),
        ({"image": np.full((8, 8), np.nan)}, "NaN"),
        ({"image": np.zeros((0, 8))}, "no pixels"),
        ({"image": "nuclei.tif"}, "array"),
        ({"image": np.zeros((8, 8)), "foreground": 1.5}, "foreground"),
        ({"image": np.zeros((8, 8)), "inside": "low"}, "inside"),
        ({"image": np.zeros((8, 8)), "scale": 0}, "scale"),
        ({"image": np.zeros((8, 8)), "limits": (5, 1)}, "lower one first"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, words):
    with pytest.raises(InputError) as caught:
        unet.segment(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_network_with_other_outputs_is_refused():
    model = nets.UNet(1, 2, depth=1, width=4)
    with pytest.raises(InputError, match="3 scores a pixel"):
        unet.segment(np.random.default_rng(0).random((40, 40)), model)


def test_changed_or_missing_weights_are_refused(tmp_path, monkeypatch):
    copied = tmp_path / "unet-nuclei"
    shutil.copytree(unet.WEIGHTS, copied)
    monkeypatch.setattr(unet, "WEIGHTS", copied)
    unet.course_model.cache_clear()
    try:
        with open(copied / "unet.pt", "r+b") as file:
            file.seek(5000)
            file.write(b"changed")
        with pytest.raises(DataUnavailableError, match="sha256"):
            unet.course_model()
        (copied / "unet.pt").unlink()
        with pytest.raises(DataUnavailableError):
            unet.course_model()
    finally:
        unet.course_model.cache_clear()


def test_missing_torch_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    unet.course_model.cache_clear()
    with pytest.raises(ToolUnavailableError, match="bioimage-course\\[torch\\]"):
        unet.course_model()


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "uint32", "int64", ">u8"])
def test_targets_of_labels_of_any_size_and_type(dtype):
    small = np.zeros((20, 30), int)
    small[2:12, 2:12], small[5:15, 16:28] = 1, 2
    labels = small.astype(dtype)
    labels[small == 2] = min(np.iinfo(dtype).max // 2 + 1, 2**62)
    np.testing.assert_array_equal(unet.classes(labels), unet.classes(small))
    np.testing.assert_array_equal(unet.border_weights(labels), unet.border_weights(small))


@pytest.mark.parametrize("wrong", [np.ones((5, 5), bool), np.ones((5, 5)), -np.ones((5, 5), int)])
def test_targets_of_what_is_no_label_image(wrong):
    for make in (unet.classes, unet.border_weights):
        with pytest.raises(InputError, match="label"):
            make(wrong)
