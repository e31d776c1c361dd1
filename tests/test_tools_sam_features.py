"""Features of MobileSAM's encoder: tiles and sentences without its weights, the real thing with them."""

import numpy as np
import pytest

from bioimage_course import compat, data
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError
from bioimage_course.tools import sam_features

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


class Stand(torch.nn.Module):
    """An encoder of the right shape that passes on the mean of each 16 × 16 pixels, and counts its calls."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(tuple(x.shape))
        places = torch.nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), 16)
        return places.repeat(1, sam_features.CHANNELS, 1, 1)


@pytest.mark.parametrize(("shape", "tiles"), [((64, 64), 1), ((64, 65), 2), ((130, 70), 6), ((20, 30, 3), 1)])
def test_tiles_cover_the_image(shape, tiles):
    model, image = Stand(), np.random.default_rng(0).random(shape)
    layers = sam_features.features(image, tile=64, model=model)
    assert layers.shape == (*shape[:2], 256) and layers.dtype == np.float32 and np.isfinite(layers).all()
    assert model.seen == [(1, 3, 1024, 1024)] * tiles


def test_features_lie_where_the_pixels_are():
    image = np.zeros((64, 128))
    image[10:30, 80:110] = 1
    layers = sam_features.features(image, tile=64, model=Stand())[..., 0]
    bright, dark = layers[15:25, 85:105], layers[40:60, 5:60]
    assert bright.min() > dark.max() + 2
    again = sam_features.features(image.T, tile=64, model=Stand())[..., 0]
    np.testing.assert_allclose(again, layers.T, atol=1e-4)


def test_values_are_normalised_as_sam_was_trained():
    grey = 123.675 / 255
    layers = sam_features.features(np.full((32, 32), grey), tile=32, model=Stand())
    expected = np.mean([0, (123.675 - 116.28) / 57.12, (123.675 - 103.53) / 57.375])
    np.testing.assert_allclose(layers, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((8, 8, 4))}, "2D image"),
        ({"image": np.full((8, 8), np.nan)}, "NaN"),
        ({"image": np.zeros((8, 8)), "tile": 4}, "tile"),
        ({"image": np.zeros((8, 8)), "tile": 64.0}, "tile"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, words):
    with pytest.raises(InputError, match=words):
        sam_features.features(**arguments, model=Stand())


def test_without_weights_there_is_a_sentence(no_mirror):
    sam_features.encoder.cache_clear()
    with pytest.raises(DataUnavailableError, match="weights-mobilesam"):
        sam_features.features(np.zeros((32, 32)))


def test_without_the_code_there_is_a_sentence(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mobile_sam", None)
    with pytest.raises(ToolUnavailableError, match="bioimage-course\\[micro-sam\\]"):
        sam_features.build()


def test_other_weights_are_refused_without_being_executed(tmp_path):
    if not compat.available("mobile-sam"):
        pytest.skip("MobileSAM's code is not installed")
    file = tmp_path / "evil.pt"
    torch.save({"x": print}, file)  # a pickled function
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        sam_features.encoder(file)


@pytest.mark.slow
@pytest.mark.mirror
def test_real_encoder_tells_nuclei_from_background(mirror):
    if not compat.available("mobile-sam"):
        pytest.skip("MobileSAM's code is not installed")
    if not data.available("weights-mobilesam"):
        pytest.skip("the weights of MobileSAM are not on this machine")
    sample = data.load("nuclei")
    image, labels = (sample.image[:128, :128] / 150.0).clip(0, 1), sample.labels[:128, :128]
    sam_features.encoder.cache_clear()
    layers = sam_features.features(image, tile=128)
    assert layers.shape == (128, 128, 256)
    inside, outside = layers[labels > 0], layers[labels == 0]
    apart = np.abs(inside.mean(0) - outside.mean(0)) / layers.reshape(-1, 256).std(0)
    assert (apart > 1).sum() > 20  # many of the 256 features differ by more than their spread
    sam_features.encoder.cache_clear()
