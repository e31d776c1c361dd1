"""Chapter 10: exercises tell right answers, usual mistakes and untouched starters apart."""

import copy
import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import watershed

from bioimage_course import check, data, results, tools
from bioimage_course.check.exercises import ch10
from bioimage_course.errors import InputError
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
    assert not tools.unet.border_weights((labels == 1).astype(int)).any()  # one object has no second nearest


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


def test_weights_that_go_through_all_numbers_up_to_the_largest():
    def weights(labels, class_weights, w0, sigma, numbers=lambda labels: range(1, labels.max() + 1)):
        distances = [ndimage.distance_transform_edt(labels != number) for number in numbers(labels)]
        d1, d2 = np.sort(distances, axis=0)[:2]
        border = w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
        return np.where(labels > 0, class_weights[1], class_weights[0] + border)

    assert "go through the numbers that occur" in failure("border_weights", weights)
    assert check.border_weights.verdict(lambda *a: weights(*a, numbers=lambda x: set(x[x > 0]))).passed


# --- (3) a border between masks ------------------------------


def _carve_loop(labels):
    """Pixel by pixel, a list of lists."""
    padded = np.pad(np.asarray(labels).astype(int), 1)
    rows = []
    for y in range(1, padded.shape[0] - 1):
        row = []
        for x in range(1, padded.shape[1] - 1):
            near = set(padded[y - 1 : y + 2, x - 1 : x + 2].ravel().tolist()) - {0, int(padded[y, x])}
            row.append(0 if near else int(padded[y, x]))
        rows.append(row)
    return rows


def test_carving_in_an_unusual_form_passes():
    assert check.carve_borders.verdict(_carve_loop).passed
    assert check.carve_borders.verdict(
        lambda labels: torch.as_tensor(ch10.carved(labels).astype(float))
    ).passed


def test_carved_masks_are_as_many_components_as_objects():
    labels = data.load("nuclei").labels
    assert ndimage.label(labels > 0)[1] < labels.max()
    assert ndimage.label(ch10.carved(labels) > 0, np.ones((3, 3)))[1] >= len(np.unique(labels)) - 1


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda labels: ch10.carved(labels, reach="4"), "eight neighbours"),
        (lambda labels: ch10.carved(labels, background=True), "whole outline"),
        (lambda labels: labels, "still touch"),
        (lambda labels: ch10.carved(labels) > 0, "not a mask"),
        (lambda labels: np.where(ch10.carved(labels) == labels, 0, labels), "what is left"),
        (lambda labels: ch10.carved(labels)[::-1], "At row"),
        (lambda labels: np.where(ndimage.maximum_filter(labels, 3) == labels, labels, 0), "At row"),
        (lambda labels: ch10.carved(np.where(labels > 1, labels, 0)), "At row"),
    ],
)
def test_wrong_carving(function, words):
    assert words in failure("carve_borders", function)


# --- (5) augmentation ------------------------------


def test_turning_with_another_library_passes():
    from skimage.transform import rotate

    def turn(image, labels, degrees):
        options = {"preserve_range": True, "resize": False}
        return [
            ndimage.rotate(image.astype(np.float32), degrees, order=1, reshape=False, mode="reflect"),
            rotate(labels, degrees, order=0, **options).astype(int),
        ]

    assert check.turn_alike.verdict(turn).passed


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"label_order": 1}, "no object had"),
        ({"image_order": 0}, "nearest pixel is for labels"),
        ({"image_order": 3}, "cubic"),
        ({"other": 10}, "not turned by the angle"),
        ({"mode": "constant"}, "Beyond the border"),
    ],
)
def test_wrong_turning(mistake, words):
    assert words in failure("turn_alike", lambda *a: ch10.turned(*a, **mistake))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda image, labels, angle: (image, ch10.turned(image, labels, angle)[1]), "has not been turned"),
        (lambda image, labels, angle: ch10.turned(image, labels, -angle), "turn the other way"),
        (lambda image, labels, angle: ch10.turned(image, labels, angle)[0], "two things"),
        (lambda image, labels, angle: (ndimage.rotate(image, angle), ndimage.rotate(labels, angle)), "size"),
    ],
)
def test_other_wrong_turning(function, words):
    assert words in failure("turn_alike", function)


# --- (7) the margin ------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda reaches, stride: math.ceil(max(map(max, reaches.tolist())) / stride) * stride,
        lambda reaches, stride: np.float32(-(-reaches.max() // stride) * stride),
        lambda reaches, stride: torch.as_tensor(next(n for n in range(0, 999, stride) if n >= reaches.max())),
    ],
)
def test_margins_in_unusual_form_pass(function):
    assert check.safe_margin.verdict(function).passed


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda r, s: ch10.safe(r, s, worst=lambda x: (x.sum(axis=1).max() + 1) // 2), "narrow"),
        (lambda r, s: int(r.max()), "round up to a multiple"),
        (lambda r, s: ch10.safe(r, s, up=False), "narrow"),
        (lambda r, s: (int(r.max()) // s + 1) * s, "too much"),
        (lambda r, s: ch10.safe(r[:, :1], s), "both sides"),
        (lambda r, s: ch10.safe(r[:1], s), "worst of all"),
        (lambda r, s: 2 * ch10.safe(r, s), "of one side"),
    ],
)
def test_wrong_margins(function, words):
    assert words in failure("safe_margin", function)


def test_measured_reach_needs_the_adapters_margin():
    """The worst side decides: at 12 of 16 places the field is 204 pixels, and it reaches 107 to one side."""
    network = copy.deepcopy(tools.unet.course_model())
    picture = torch.as_tensor(data.normalise(data.load("nuclei").image)[:256, :256])[None, None]
    found = []
    for place in (128, 130, 141):
        x = picture.clone().requires_grad_()
        network(x)[0, 2, place, place].backward()
        columns = np.flatnonzero(x.grad[0, 0].abs().amax(dim=0).numpy())
        found.append((place - columns[0], columns[-1] - place))
    assert found == [(94, 93), (96, 107), (107, 96)]
    assert ch10.safe(found, 16) == tools.unet.MARGIN


def test_only_windows_on_the_grid_give_one_pass():
    network, image = (
        tools.unet.course_model(),
        data.normalise(data.load("nuclei").image)[:256, :256],
    )

    def answer(window):
        with torch.no_grad():
            x = torch.as_tensor(np.ascontiguousarray(window), dtype=torch.float32)[None, None]
            return torch.softmax(network(x), dim=1)[0].numpy()

    whole = ch10.windows(answer, image, 256, 112)
    on, off = (np.abs(ch10.windows(answer, image, 128, margin) - whole).max() for margin in (112, 120))
    assert on < 1e-4 < 0.05 < off


# --- (4) Dice ------------------------------


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


# --- (6) objects ------------------------------


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
        (lambda i, f: watershed(np.zeros_like(i), markers(i), mask=f), "flat"),
        (lambda i, f: watershed(i, markers(i), mask=f), "cut or merged"),
        (lambda i, f: watershed(-i, ndimage.label(i > 0.3)[0], mask=f), "inside > 0.5"),
    ],
)
def test_wrong_objects(function, words):
    assert words in failure("separate_nuclei", function)


# --- (8) windows ------------------------------


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


def _shifted(network, image, core, margin):
    """Right without poolings: two more pixels of margin above, taken off again."""
    padded = np.pad(image, ((margin + 2, margin + 14), (margin, margin + 30)), mode="reflect")
    rows, columns = image.shape
    result = np.zeros((rows + 16, columns + 32))
    for top in range(0, rows + 2, core):
        for left in range(0, columns, core):
            answer = network(padded[top : top + core + 2 * margin, left : left + core + 2 * margin])
            result[top : top + core, left : left + core] = answer[
                margin : margin + core, margin : margin + core
            ]
    return result[2 : rows + 2, :columns]


def test_windows_of_a_convolution_may_be_shifted_those_of_a_pooling_not():
    image = np.random.default_rng(0).uniform(1, 2, (32, 32))
    blur = lambda window: ndimage.uniform_filter(window, 5, mode="constant")  # noqa: E731
    np.testing.assert_allclose(ch10.windows(blur, image, 16, 6), _shifted(blur, image, 16, 6))
    pooled = ch10.windows(ch10._pooling_network, image, 16, 8)
    assert not np.allclose(pooled, _shifted(ch10._pooling_network, image, 16, 8))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_whole, "62×82"),
        (_last_missing, "hang over"),
        (lambda network, image, core, margin: image, "never call"),
        (lambda *a: ch10.windows(*a).T, "rows and columns"),
        (lambda *a: ch10.windows(*a)[::-1], "differs most"),
        (_shifted, "start at a multiple of core"),
    ],
)
def test_other_wrong_windows(function, words):
    assert words in failure("sliding_window", function)


# --- what the page says of scores ------------------------------


def test_methods_are_compared_on_the_same_images():
    paired = results.dsb2018.difference("unet", "stardist", 0.75)
    pooled = [results.dsb2018.counts(name).pooled[5] for name in ("unet", "stardist")]
    assert paired.difference == pytest.approx(pooled[0] - pooled[1])
    assert paired.n == 50 and paired.low < paired.difference < paired.high
    rows = results.dsb2018.comparison("unet", "stardist")
    assert [row["IoU threshold"] for row in rows] == ["0.5", "0.75", "0.9"]
    assert rows[1]["difference"] == f"{paired.difference:+.3f}".replace("-", "−")
    with pytest.raises(InputError, match=r"not at 0.77"):
        results.dsb2018.difference("unet", "stardist", 0.77)


def test_thresholds_of_the_wider_grid_are_best_inside_it():
    table = tools.unet.results()["search_wider"]
    best = max(table, key=lambda row: row["ap"])
    for name in ("foreground", "inside"):
        tried = sorted({row[name] for row in table})
        assert tried[0] < best[name] < tried[-1]
    shipped = tools.unet.course_model().card["thresholds"]
    (same,) = [row for row in table if all(row[name] == shipped[name] for name in ("foreground", "inside"))]
    assert same["ap"] == pytest.approx(tools.unet.results()["validation"]["ap"], abs=1e-3)
