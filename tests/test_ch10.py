"""Chapter 10: exercises tell right answers, usual mistakes and untouched starters apart."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from bioimage_course import tools
from bioimage_course.check.exercises import ch10
from exercise_cells import failure

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


# --- (1) sizes ------------------------------


@pytest.mark.parametrize(("n", "depth"), [(572, 4), (188, 4), (92, 3), (44, 2)])
def test_reference_size_agrees_with_pytorch(n, depth):
    block = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.Conv2d(1, 1, 3))
    x = torch.zeros(1, 1, n, n)
    with torch.no_grad():
        for _ in range(depth):
            x = torch.nn.functional.max_pool2d(block(x), 2)
        x = block(x)
        for _ in range(depth):
            x = block(torch.nn.functional.interpolate(x, scale_factor=2))
    assert x.shape[-1] == ch10.valid_size(n, depth)


def test_size_of_the_paper():
    assert ch10.valid_size(572) == 388
    assert ch10.valid_size(570) is None  # 566, 283: cannot be halved again


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda n, depth: n, "with padding"),
        (lambda n, depth: ch10.valid_size(n, depth, convolutions=1, strict=False), "you count one"),
        (lambda n, depth: ch10.valid_size(n, depth, bottom=False, strict=False), "at the bottom has two"),
        (lambda n, depth: ch10.valid_size(n, depth, up=False, strict=False), "on the way up"),
        (lambda n, depth: ch10._bottom(n, depth), "stopped at the bottom"),
        (lambda n, depth: ch10.valid_size(n, 4) or 1, "depth"),
    ],
)
def test_wrong_sizes(function, words):
    assert words in failure("unet_size", function)


# --- (2) weights ------------------------------


def test_adapter_and_exercise_weigh_alike():
    labels = ch10._discs((20, 14, 9), (20, 34, 9), (8, 49, 5))
    np.testing.assert_allclose(
        tools.unet.border_weights(labels, 10, 5), ch10.weight_map(labels, (0, 0), 10, 5), atol=1e-9
    )
    assert not tools.unet.border_weights(labels == 1).any()  # one object has no second nearest


def test_weights_are_larger_between_closer_nuclei():
    near, far = (
        tools.unet.border_weights(ch10._discs((20, 14, 9), (20, 32 + gap, 9)))[20, 24] for gap in (2, 8)
    )
    assert near > 2 * far


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"formula": "squares"}, "squares their sum"),
        ({"formula": "no 2"}, "divided by 2 σ²"),
        ({"formula": "sigma"}, "you divide by 2 σ;"),
        ({"formula": "linear"}, "must be squared"),
        ({"formula": "nearest"}, "second nearest"),
        ({"formula": "twice"}, "nearest object twice"),
        ({"formula": "sign"}, "minus sign"),
        ({"everywhere": True}, "background only"),
    ],
)
def test_wrong_weights(mistake, words):
    message = failure("border_weights", lambda *a: ch10.weight_map(*a, **mistake))
    assert words.lower() in message.lower()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda labels, c, w, s: ch10.weight_map(labels, c[::-1], w, s), "swapped"),
        (lambda labels, c, w, s: ch10.weight_map(labels, (0, 0), w, s), "leave them out"),
        (lambda labels, c, w, s: ch10.weight_map(labels, c, 0, s), "w0 changes nothing"),
        (lambda labels, c, w, s: ch10.weight_map(labels, c, w, s)[1:], "shape"),
    ],
)
def test_other_wrong_weights(function, words):
    assert words in failure("border_weights", function)


# --- (3) Dice ------------------------------


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("score", "score itself"),
        ("no 2", "factor 2"),
        ("iou", "1 − IoU"),
        ("hard", "threshold"),
        ("squares", "squares"),
        ("means", "not means"),
    ],
)
def test_wrong_dice(kind, words):
    assert words in failure("soft_dice", lambda p, t: ch10.dice_loss(p, t, kind=kind))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_dice_without_smoothing():
    assert "Add 1" in failure("soft_dice", lambda p, t: ch10.dice_loss(p, t, smooth=0))


# --- (4) objects ------------------------------


def markers(inside):
    return ndimage.label(inside > 0.5)[0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda i, f: markers(i), "markers only"),
        (lambda i, f: ndimage.label(f)[0], "touching nuclei are one"),
        (lambda i, f: watershed(-i, markers(i)), "flooded the whole image"),
        (lambda i, f: f, "not a mask"),
        (lambda i, f: watershed(-i, ndimage.label(i > 0.05)[0], mask=f), "one object"),
        (lambda i, f: watershed(-i, markers(i), mask=f)[:-1], "shape"),
    ],
)
def test_wrong_objects(function, words):
    assert words in failure("separate_nuclei", function)


# --- (5) windows ------------------------------


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"use_margin": False}, "its core only"),
        ({"border": "constant"}, "dark frame"),
        ({"border": "edge"}, "repeat the border"),
        ({"border": "symmetric"}, "symmetric"),
    ],
)
def test_wrong_windows(mistake, words):
    assert words in failure("sliding_window", lambda *a: ch10.windows(*a, **mistake))


def _whole(network, image, core, margin):
    return network(np.pad(image, margin, mode="reflect"))[margin:-margin, margin:-margin]


def _last_missing(network, image, core, margin):
    result = ch10.windows(network, image, core, margin)
    result[48:] = 0
    return result


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_whole, "62×82"),
        (_last_missing, "hang over"),
        (lambda network, image, core, margin: image, "never call"),
        (lambda *a: ch10.windows(*a).T, "rows and columns"),
        (lambda *a: ch10.windows(*a)[::-1], "differs most"),
    ],
)
def test_other_wrong_windows(function, words):
    assert words in failure("sliding_window", function)
