"""Chapter 4: exercises tell right answers, usual mistakes and untouched starters apart; data and helpers."""

import json
from pathlib import Path

import numpy as np
import pytest

from bioimage_course import check, data, nets
from bioimage_course.check.exercises import ch04
from bioimage_course.errors import InputError
from exercise_cells import failure

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


# --- (1) ------------------------------


@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_reference_agrees_with_pytorch(padding, stride, dilation):
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(12, 14)), rng.normal(size=(3, 2))
    theirs = torch.nn.functional.conv2d(
        torch.tensor(image)[None, None],
        torch.tensor(kernel)[None, None],
        padding=padding,
        stride=stride,
        dilation=dilation,
    )
    np.testing.assert_allclose(ch04.correlate(image, kernel, padding, stride, dilation), theirs[0, 0])


def without(**wrong):
    """The right function with some settings replaced."""
    return lambda image, kernel, padding=0, stride=1, dilation=1: ch04.correlate(
        image, kernel, **({"padding": padding, "stride": stride, "dilation": dilation} | wrong)
    )


def padded(mode):
    def function(image, kernel, padding=0, stride=1, dilation=1):
        return ch04.correlate(np.pad(image, padding, mode=mode), kernel, 0, stride, dilation)

    return function


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda i, k, **s: ch04.correlate(i, k[::-1, ::-1], **s), "You flip the kernel"),
        (lambda i, k, **s: ch04.correlate(i, np.ones((3, 3)), **s), "forget the weights"),
        (lambda i, k, **s: ch04.correlate(i, k, **s) / k.size, "take their sum"),
        (lambda i, k, **s: ch04.correlate(i, k, padding=1), "size of the input"),
        (lambda i, k, **s: ch04.correlate(i, k, **s).T, "rows and columns are exchanged"),
        (lambda i, k, **s: ch04.correlate(i, k, **s)[1:], "shape (6, 9)"),
        (without(padding=0), "padding=2 changes nothing"),
        (lambda i, k, padding=0, **s: ch04.correlate(i, k, padding // 2, **s), "you add one"),
        (padded("reflect"), "mirror image"),
        (padded("edge"), "repeating the border"),
        (without(stride=1), "stride=2 changes nothing"),
        (without(dilation=1), "dilation=2 changes nothing"),
        (lambda i, k, stride=1, **s: _half_strided(i, k, stride, **s), "still moves by one pixel"),
        (lambda i, k, dilation=1, **s: _short(i, k, dilation, **s), "you count 2 * 3 = 6"),
        (lambda image, kernel: ch04.correlate(image, kernel), "padding"),
    ],
)
def test_wrong_correlations(function, sentence):
    assert sentence in failure("cross_correlation", function)


def _half_strided(image, kernel, stride, **settings):
    rows, columns = ch04.correlate(image, kernel, stride=stride, **settings).shape
    return ch04.correlate(image, kernel, **settings)[:rows, :columns]


def _short(image, kernel, dilation, **settings):
    output = ch04.correlate(image, kernel, dilation=dilation, **settings)
    return output[:-1, :-1] if dilation > 1 else output


def test_changing_the_image_is_noticed():
    def spoils(image, kernel, padding=0, stride=1, dilation=1):
        result = ch04.correlate(image, kernel, padding, stride, dilation)
        image[:] = 0
        return result

    assert "chang" in failure("cross_correlation", spoils)


def test_lists_and_tensors_are_accepted():
    def as_tensor(*args, **settings):
        return torch.tensor(ch04.correlate(*args, **settings), requires_grad=True)

    assert check.cross_correlation.verdict(as_tensor).passed
    assert check.cross_correlation.verdict(lambda *a, **s: ch04.correlate(*a, **s).tolist()).passed


# --- (2) ------------------------------


def test_output_sizes_are_those_of_pytorch():
    for n, k, p, s, d in ch04.SIZES:
        layer = torch.nn.Conv1d(1, 1, k, padding=p, stride=s, dilation=d)
        assert ch04._size(n, k, p, s, d) == layer(torch.zeros(1, 1, n)).shape[-1]


@pytest.mark.parametrize("sentence", ch04._SIZE_MISTAKES)
def test_wrong_sizes(sentence):
    assert sentence in failure("output_size", ch04._SIZE_MISTAKES[sentence])


def test_other_wrong_sizes():
    message = failure("output_size", lambda n, k, p, s, d: ch04._size(n, k, p, s, d) + (n == 28))
    assert "7 of 8" in message and "n = 28" in message
    assert "one number" in failure("output_size", lambda *case: [1, 2])


# --- (3) ------------------------------


def conv(inputs, outputs, k):
    return outputs * (k * k * inputs + 1)


def dense(inputs, outputs, height, width):
    return outputs * height * width * (inputs * height * width + 1)


def test_counts_are_those_of_pytorch():
    for inputs, outputs, k in ((1, 16, 3), (3, 8, 5)):
        assert nets.count_parameters(torch.nn.Conv2d(inputs, outputs, k)) == conv(inputs, outputs, k)
    assert nets.count_parameters(torch.nn.Linear(3 * 20, 2 * 20)) == dense(3, 2, 4, 5)


@pytest.mark.parametrize(
    ("convolutional", "connected", "sentence"),
    [
        (lambda c, o, k: o * k * k * c, dense, "biases are missing: one for each feature map"),
        (lambda c, o, k: o * (k * k + 1), dense, "every input channel"),
        (lambda c, o, k: o * c * (k * k + 1), dense, "not one for each kernel"),
        (lambda c, o, k: o * k * k * c + 1, dense, "not one for the layer"),
        (lambda c, o, k: o * (k * c + 1), dense, "k · k weights"),
        (conv, lambda c, o, h, w: o * h * w * c * h * w, "one for each output value"),
        (conv, lambda c, o, h, w: o * (c * h * w + 1), "set of maps"),
        (conv, lambda c, o, h, w: o * h * w * c * h * w + o, "not one for each map"),
        (conv, 160, "second thing"),
    ],
)
def test_wrong_counts(convolutional, connected, sentence):
    assert sentence in failure("layer_parameters", convolutional, connected)


# --- (4) ------------------------------


def test_lecture_example():
    assert ch04.pool(ch04.LECTURE, "max").tolist() == [[15, 13], [11, 9]]
    assert ch04.pool(ch04.LECTURE, "average").tolist() == [[8.5, 6], [6.25, 5.75]]


def sliding(image, how):
    view = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
    return view.max(axis=(2, 3)) if how == "max" else view.mean(axis=(2, 3))


def scrambled(image, how):
    blocks = image.reshape(2, image.shape[0] // 2, 2, image.shape[1] // 2)
    return blocks.max(axis=(0, 2)) if how == "max" else blocks.mean(axis=(0, 2))


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda i, how: ch04.pool(i, "max"), "That is max pooling"),
        (lambda i, how: ch04.pool(i, "average"), "That is average pooling"),
        (sliding, "blocks do not overlap"),
        (lambda i, how: ch04.pool(i, how) * (1 if how == "max" else 4), "divide by 4"),
        (lambda i, how: -ch04.pool(-i, how), "smallest value"),
        (lambda i, how: i[::2, ::2], "keep one pixel"),
        (lambda i, how: ch04.pool(i, how).astype(int), "keep the decimals"),
        (scrambled, "distant pixels"),
        (lambda i, how: ch04.pool(i, how).ravel(), "shape (4,)"),
    ],
)
def test_wrong_pooling(function, sentence):
    assert sentence in failure("pooling", function)


# --- (5) ------------------------------


@pytest.mark.parametrize("name", ch04.STACKS)
def test_receptive_fields_are_those_of_the_gradient(name):
    """Positive weights and no padding: every path counts, so the gradient shows the whole field."""
    layers = [torch.nn.Conv1d(1, 1, k, stride=s, dilation=d) for k, s, d in ch04.STACKS[name]]
    for layer in layers:
        torch.nn.init.ones_(layer.weight)
    image = torch.zeros(1, 1, 200, requires_grad=True)
    torch.nn.Sequential(*layers)(image)[0, 0, 3].backward()
    assert int((image.grad != 0).sum()) == ch04.field_of(ch04.STACKS[name])


def test_numbers_of_the_page():
    fields = [ch04.field_of(layers) for layers in ch04.STACKS.values()]
    assert fields[:2] == [7, 15]


@pytest.mark.parametrize("sentence", ch04._FIELD_MISTAKES)
def test_wrong_fields(sentence):
    mistake = ch04._FIELD_MISTAKES[sentence]
    assert sentence in failure("receptive_field", lambda layers: ch04.field_of(layers, **mistake))


# --- (6) ------------------------------


def test_the_network_to_read_is_read_rightly():
    source = (Path(__file__).parents[1] / "notebooks/sources/04-convolutions.py").read_text(encoding="utf-8")
    space = {"nn": torch.nn}
    start = source.index("unknown = nn.Sequential(")
    exec(source[start : source.index("\n)\n", start) + 3], space)
    unknown = space["unknown"]
    maps = unknown[:7](torch.zeros(1, 3, 64, 64))
    assert tuple(maps.shape[1:]) == ch04._READ["maps"]
    assert nets.count_parameters(unknown) == ch04._READ["learnt"]
    assert ch04.field_of([(5, 1, 1), (2, 2, 1), (3, 1, 2), (3, 2, 1)]) == ch04._READ["sees"]
    assert unknown(torch.zeros(2, 3, 64, 64)).shape[1] == ch04._READ["classes"]


def test_readings_in_any_form():
    good = {"maps": torch.Size((32, 15, 15)), "learnt": np.int64(6548), "sees": 18.0, "classes": 4}
    assert check.read_network.verdict(lambda: good).passed
    assert check.read_network.verdict(lambda: good | {"maps": [32, 15, 15]}).passed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"maps": (15, 15, 32)}, "First the number of maps"),
        ({"maps": (32, 1, 1)}, "before"),
        ({"learnt": 6488}, "biases are missing"),
        ({"sees": 14}, "dilation is missing"),
        ({"sees": 19}, '"sees" is not right'),
        ({"classes": 32}, "goes into the last layer"),
        ({"classes": 0}, "still empty"),
        ({"learnt": 1.5}, "whole"),
    ],
)
def test_wrong_readings(change, sentence):
    assert sentence in failure("read_network", lambda: ch04._READ | change)


# --- (7) ------------------------------


def naming(mode="reflect", scale=255, permute=True, resize=True, evaluate=True):
    """A solution of the seventh exercise, or with some of its mistakes left in."""

    def name_cell(image, row, column, side, model):
        kind = {"mode": mode} if mode else {}
        padded = np.pad(image, ((side, side), (side, side), (0, 0)), **kind)
        top, left = row + side - side // 2, column + side - side // 2
        crop = padded[top : top + side, left : left + side]
        axes = crop.transpose(2, 0, 1) if permute else crop.reshape(3, side, side)
        batch = torch.tensor(axes[None].copy()).float() / scale
        if resize:
            batch = torch.nn.functional.interpolate(batch, size=(64, 64))
        if evaluate:
            model.eval()
        return model(batch)[0].argmax()

    return name_cell


@pytest.mark.parametrize("mode", ["reflect", "edge", "symmetric"])
def test_named_cells(mode):
    assert check.name_cell.verdict(naming(mode)).passed


@pytest.mark.parametrize(
    ("mistakes", "sentence"),
    [
        ({"mode": None}, "black stripe"),
        ({"scale": 1}, "values up to 255"),
        ({"scale": 256}, "255, shall become 1"),
        ({"scale": 254}, "255, shall become 1"),
        ({"permute": False}, "scrambled picture"),
        ({"resize": False}, "twice as large"),
        ({"evaluate": False}, "training mode"),
    ],
)
def test_each_silent_mistake_is_named(mistakes, sentence):
    assert sentence in failure("name_cell", naming(**mistakes))


@pytest.mark.parametrize(
    "place",
    [lambda row, column: (32, column), lambda row, column: (row, 32), lambda row, column: (column, row)],
    ids=["row ignored", "column ignored", "swapped"],
)
def test_a_cell_off_the_middle_is_found(place):
    def elsewhere(image, row, column, side, model):
        return naming()(image, *(place(row, column) if side == 64 else (row, column)), side, model)

    assert "at row 42 and column 72" in failure("name_cell", elsewhere)


@pytest.mark.parametrize(
    ("border", "row", "column"), [("left", 32, 20), ("right", 32, 32), ("upper", 20, 32), ("lower", 32, 32)]
)
def test_each_border_is_tried(border, row, column):
    """A window that is right but for zeros at one border, or that is moved there."""

    def at_border(image, side):
        shape = {"left": (64, 52), "right": (64, 52), "upper": (52, 64), "lower": (52, 64)}[border]
        return image.shape[:2] == shape and side == 64

    def black(image, r, c, side, model):
        mode = None if at_border(image, side) and (r, c) == (row, column) else "reflect"
        return naming(mode)(image, r, c, side, model)

    def moved(image, r, c, side, model):
        off = 3 * (at_border(image, side) and (r, c) == (row, column))
        return naming()(image, r + off, c + off, side, model)

    assert "black stripe" in failure("name_cell", black)
    assert f"At the {border} border the model gets another part" in failure("name_cell", moved)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_any_interpolation_passes(mode):
    def name_cell(image, row, column, side, model):
        padded = torch.tensor(np.pad(image, ((side, side), (side, side), (0, 0)), mode="reflect"))
        crop = padded[row + side // 2 :, column + side // 2 :][:side, :side]
        batch = torch.nn.functional.interpolate(crop.permute(2, 0, 1)[None] / 255, size=(64, 64), mode=mode)
        return model.eval()(batch).argmax()

    verdict = check.name_cell.verdict(name_cell)
    assert verdict.passed, verdict.message


def test_one_answer_for_all_is_refused():
    def lazy(image, row, column, side, model):
        naming()(image, row, column, side, model)
        return 0

    assert "names 4 as they should be" in failure("name_cell", lazy)


# --- (8) ------------------------------


def gaussian(sigma, side=15):
    distance = np.hypot(*(np.mgrid[:side, :side] - side // 2))
    weights = np.exp(-((distance / sigma) ** 2) / 2)
    return weights / weights.sum()


@pytest.mark.parametrize("wide", [2.5, 3, 4, 5])
def test_differences_of_gaussians_find_spots(wide):
    assert check.spot_kernel.verdict(lambda: gaussian(1.5) - gaussian(wide)).passed


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        (np.ones((7, 7)), "add up to"),
        (gaussian(1.5), "add up to"),
        (gaussian(4) - gaussian(1.5), "signs turned"),
        (np.outer(np.ones(7), [-1, -1, -1, 0, 1, 1, 1]), "not symmetric"),
        (np.zeros((3, 3)), "All weights are 0"),
        (np.ones((4, 4)), "odd side"),
        (np.ones((3, 5)), "must be square"),
        (np.ones((17, 17)), "at most 15"),
        (np.full((3, 3), np.nan), "NaN"),
    ],
)
def test_wrong_kernels(kernel, sentence):
    assert sentence in failure("spot_kernel", lambda: kernel)


# --- data and networks of the chapter ------------------------------


def test_cell_crops_are_reproducible_balanced_and_not_told_by_brightness():
    crops = data.synthetic.cell_crops(300, seed=3)
    again = data.synthetic.cell_crops(300, seed=3)
    np.testing.assert_array_equal(crops.images, again.images)
    assert crops.images.shape == (300, 32, 32) and crops.images.dtype == np.uint16 and len(crops) == 300
    assert np.bincount(crops.classes).tolist() == [100] * 3
    assert not np.array_equal(crops.images, data.synthetic.cell_crops(300, seed=4).images)
    means = [crops.images[crops.classes == kind].mean() for kind in range(3)]
    assert np.ptp(means) < 2 and "metaphase" in repr(crops)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"n": 0}, "n must"),
        ({"n": 10**6}, "too many"),
        ({"size": 8}, "size must"),
        ({"photons": -1}, "photons"),
        ({"brightness": (2, 1)}, "brightness"),
        ({"seed": -1}, "seed"),
    ],
)
def test_cell_crops_refuse_bad_arguments(arguments, word):
    with pytest.raises(InputError, match=word):
        data.synthetic.cell_crops(**arguments)


@pytest.mark.parametrize("dtype", [np.uint32, np.int64, ">u4"])
def test_crops_by_labels_of_any_size_and_type(dtype):
    labels = np.zeros((40, 40), dtype)
    labels[2:12, 2:12], labels[20:30, 22:32] = 5, 2**31 - 2 + (np.dtype(dtype).kind == "u") * 3
    image = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    first, second = data.crops(data.Sample("s", image, labels), 10, margin=0)
    np.testing.assert_array_equal(first, image[2:12, 2:12])
    np.testing.assert_array_equal(second, image[20:30, 22:32])


def test_crops_by_labels_and_by_boxes():
    nuclei = data.load("nuclei")
    cut = data.crops(nuclei, 24)
    assert cut.shape == (125, 24, 24) and cut.dtype == np.uint16
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:30, 40:44] = 200
    sample = data.Sample("x", image, None, "YXC", "", "", "", boxes=np.array([[20, 40, 30, 44]]))
    (crop,) = data.crops(sample, 10, margin=0.0)  # a square of 10 around the box, not resized
    assert crop.shape == (10, 10, 3) and (crop[:, 3:7] == 200).all() and not crop[:, :3].any()
    border = data.Sample(
        "x", image, None, "YXC", "", "", "", boxes=np.array([[0, 0, 10, 4], [50, 76, 60, 80]])
    )
    assert data.crops(border, 16).shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    ("sample", "arguments", "word"),
    [
        ("nuclei", {"size": 1}, "size"),
        ("nuclei", {"size": True}, "size"),
        ("nuclei", {"margin": -1}, "margin"),
        ("camera", {}, "neither boxes nor labels"),
        ("nuclei-3d", {}, "axes"),
    ],
)
def test_crops_refuse_bad_arguments(sample, arguments, word):
    with pytest.raises(InputError, match=word):
        data.crops(data.load(sample), **arguments)


def test_blood_cells_are_carried_along(no_mirror):
    cells = data.load("blood-cells")
    assert len(cells) == 36 and cells.licence.startswith("MIT")
    model = nets.cell_classifier()
    images = torch.tensor(np.stack([cell.image for cell in cells])).permute(0, 3, 1, 2) / 255
    assert images.shape == (36, 3, 64, 64)
    answers = [model.card["classes"][i] for i in nets.predict(model, images).argmax(dim=1)]
    assert np.mean([answer == cell.target for answer, cell in zip(answers, cells, strict=True)]) > 0.9
    assert model.features[:-1](images[:1]).shape == (1, 128, 8, 8)  # what Grad-CAM will read


def test_no_notebook_ends_a_cell_with_a_dump():
    """A last expression that is no figure, table or widget prints an object that nobody asked for."""
    folder = Path(__file__).parents[1] / "notebooks" / "solutions"
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                kinds = set(output.get("data", ()))
                if output["output_type"] == "execute_result" and kinds == {"text/plain"}:
                    text = "".join(output["data"]["text/plain"])
                    assert text.startswith("An interactive widget"), f"{path.name}: {text[:60]}"
