"""Exercises of chapter 4, convolutional networks."""

from functools import lru_cache

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
)

# --- (1) cross-correlation ------------------------------


def correlate(image, kernel, padding=0, stride=1, dilation=1):
    """What the learner is to write, by SciPy: pad, spread the kernel out, slide, keep every `stride`-th."""
    from scipy.signal import correlate2d

    spread = np.zeros([dilation * (length - 1) + 1 for length in kernel.shape])
    spread[::dilation, ::dilation] = kernel
    return correlate2d(np.pad(image, padding), spread, mode="valid")[::stride, ::stride]


def _flipped(image, kernel, **settings):
    return correlate(image, kernel[::-1, ::-1], **settings)


def _mirrored(image, kernel, padding=0, **settings):
    return correlate(np.pad(image, padding, mode="reflect"), kernel, **settings)


def _repeated(image, kernel, padding=0, **settings):
    return correlate(np.pad(image, padding, mode="edge"), kernel, **settings)


_FLIPPED = (
    "You flip the kernel: that is the mathematician's convolution. In deep learning nothing is flipped, the "
    "upper left weight meets the upper left pixel."
)


def _compare_correlation(got, image, kernel, what, settings, mistakes):
    right = correlate(image, kernel, **settings)
    array = expect_array(got, what=f"your output {what}")
    named = {_FLIPPED: _flipped(image, kernel, **settings)} | mistakes
    transposed = f"Your output {what} is turned: rows and columns are exchanged."
    if array.shape == right.T.shape and array.shape != right.shape:
        raise Failure(transposed)
    expect_array(array, close_to=right, what=f"your output {what}", mistakes=named)


@exercise(
    chapter="04",
    hints=(
        "Where in the padded image does the window for output pixel (y, x) start, and over how many rows "
        "does it reach? In how many places can it stand?",
        "The window for output pixel (y, x) starts at row y * stride and column x * stride of the padded "
        "image and reaches over dilation * (k - 1) + 1 rows and columns.",
        "image[top : top + reach[0] : dilation, left : left + reach[1] : dilation] is the window. The "
        "output has (padded rows - reach[0]) // stride + 1 rows.",
    ),
)
def cross_correlation(function):
    """Write the sliding window: cross-correlation with padding, stride and dilation."""
    expect_callable(function)
    rng = np.random.default_rng(4)
    image = rng.integers(0, 100, (9, 11)).astype(float)
    kernel = rng.integers(-5, 6, (3, 3)).astype(float)
    _compare_correlation(
        call(function, image, kernel, pure=True),
        image,
        kernel,
        "for a 9×11 image and a 3×3 kernel",
        {},
        {
            "You add up the pixels under the window but forget the weights.": correlate(image, kernel**0),
            "Each output pixel is the mean of the products; take their sum.": correlate(image, kernel) / 9,
            "Your output has the size of the input: without padding the window must stay inside the image.": (
                correlate(image, kernel, padding=1)
            ),
        },
    )
    wide = rng.integers(-5, 6, (5, 3)).astype(float)
    _compare_correlation(
        call(function, image, wide), image, wide, "for a kernel of 5 rows and 3 columns", {}, {}
    )
    plain = correlate(image, kernel)
    _compare_correlation(
        call(function, image, kernel, padding=2),
        image,
        kernel,
        "with padding=2",
        {"padding": 2},
        {
            "padding=2 changes nothing yet: add two rows and columns of zeros on each side first.": plain,
            "padding=2 means two rows and columns on each side; you add one.": correlate(image, kernel, 1),
            "You pad with a mirror image; this exercise wants zeros.": _mirrored(image, kernel, 2),
            "You pad by repeating the border; this exercise wants zeros.": _repeated(image, kernel, 2),
        },
    )
    _compare_correlation(
        call(function, image, kernel, stride=2),
        image,
        kernel,
        "with stride=2",
        {"stride": 2},
        {
            "stride=2 changes nothing yet: move the window two pixels at a time.": plain,
            "Your output with stride=2 has the right size, but the window still moves by one pixel: output "
            "pixel (y, x) belongs to the window at (2y, 2x).": plain[:4, :5],
        },
    )
    _compare_correlation(
        call(function, image, kernel, dilation=2),
        image,
        kernel,
        "with dilation=2",
        {"dilation": 2},
        {
            "dilation=2 changes nothing yet: the window reads every second pixel.": plain,
            "With dilation=2 the window spans 2 * (3 - 1) + 1 = 5 pixels; you count 2 * 3 = 6, so that a row "
            "and a column are missing.": correlate(image, kernel, dilation=2)[:-1, :-1],
        },
    )
    everything = {"padding": 3, "stride": 3, "dilation": 2}
    _compare_correlation(
        call(function, image, kernel, **everything),
        image,
        kernel,
        "with padding=3, stride=3 and dilation=2 together",
        everything,
        {},
    )
    return "Your window agrees with SciPy and with PyTorch's conv2d, padding, stride and dilation included."


# --- (2) output size ------------------------------

SIZES = (
    (10, 3, 0, 1, 1),
    (10, 3, 1, 1, 1),
    (10, 5, 2, 1, 1),
    (10, 2, 0, 2, 1),
    (11, 3, 1, 2, 1),
    (10, 3, 1, 2, 1),
    (10, 3, 0, 1, 2),
    (28, 5, 3, 3, 2),
)
"""Eight cases (n, k, p, s, d)."""


def _size(n, k, p, s, d):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


_SIZE_MISTAKES = {
    "count the padding on both sides, 2p": lambda n, k, p, s, d: (n + p - d * (k - 1) - 1) // s + 1,
    "the + 1 is missing: a window that fits exactly once gives one pixel": lambda n, k, p, s, d: (
        _size(n, k, p, s, d) - 1
    ),
    "round down, not up: a window that does not fit is left out": lambda n, k, p, s, d: (
        -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1
    ),
    "the dilation is missing": lambda n, k, p, s, d: (n + 2 * p - k) // s + 1,
    "a dilated kernel spans d(k − 1) + 1 pixels, not d·k": lambda n, k, p, s, d: (n + 2 * p - d * k) // s + 1,
    "the stride is missing": lambda n, k, p, s, d: n + 2 * p - d * (k - 1),
    "the padding is missing": lambda n, k, p, s, d: (n - d * (k - 1) - 1) // s + 1,
    "use whole-number division, //": lambda n, k, p, s, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
}


@exercise(
    chapter="04",
    hints=(
        "How many pixels does the dilated kernel span, and how far can its start still move?",
        "The padded axis has n + 2p pixels. The first window starts at 0; how far can the start still move? "
        "Divide that by s, round down, add 1.",
    ),
)
def output_size(function):
    """Write the formula for the size of a convolution's output."""
    expect_callable(function)
    got = [expect_number(call(function, *case), what=f"the size for {_case(case)}") for case in SIZES]
    wrong = [i for i, case in enumerate(SIZES) if got[i] != _size(*case)]
    if not wrong:
        return "All eight cases are right: out = ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1."
    for sentence, mistake in _SIZE_MISTAKES.items():
        if np.allclose(got, [mistake(*case) for case in SIZES]):
            raise Failure(f"{8 - len(wrong)} of 8 cases are right: {sentence}.")
    case = SIZES[wrong[0]]
    raise Failure(
        f"{8 - len(wrong)} of 8 cases are right; for {_case(case)} you get {got[wrong[0]]:g} instead of "
        f"{_size(*case)}."
    )


def _case(case):
    return ", ".join(f"{name} = {value}" for name, value in zip("nkpsd", case, strict=True))


# --- (3) counting weights ------------------------------


@exercise(
    chapter="04",
    hints=(
        "How many weights has one filter, if it reaches through all input channels? And how many filters are "
        "there?",
        "One filter has k · k weights for every input channel, and one bias; each output has a filter.",
        "Fully connected: inputs · height · width numbers go in and outputs · height · width come out; every "
        "one that comes out has a weight for every one that goes in, and one bias.",
    ),
)
def layer_parameters(convolutional, fully_connected):
    """Count what a convolutional and a fully connected layer have to learn."""
    expect_callable(convolutional, "the first thing you passed")
    expect_callable(fully_connected, "the second thing you passed")
    for inputs, outputs, k in ((1, 16, 3), (3, 8, 5), (16, 32, 1)):
        expect_number(
            call(convolutional, inputs, outputs, k),
            close_to=outputs * (k * k * inputs + 1),
            rtol=1e-9,
            what=f"the count for a {k}×{k} convolution from {inputs} to {outputs} channels",
            mistakes={
                "The biases are missing: one for each feature map.": outputs * k * k * inputs,
                "A filter has weights for every input channel: k · k · inputs.": outputs * (k * k + 1),
                "One bias for each feature map, not one for each kernel.": outputs * inputs * (k * k + 1),
                "One bias for each feature map, not one for the layer.": outputs * k * k * inputs + 1,
                "A k×k kernel has k · k weights, not k.": outputs * (k * inputs + 1),
            },
        )
    for inputs, outputs, height, width in ((1, 1, 2, 3), (3, 2, 4, 5), (1, 16, 256, 256)):
        pixels = height * width
        expect_number(
            call(fully_connected, inputs, outputs, height, width),
            close_to=outputs * pixels * (inputs * pixels + 1),
            rtol=1e-9,
            what=f"the count for a fully connected layer, {inputs} to {outputs} maps of {height}×{width}",
            mistakes={
                "The biases are missing: one for each output value.": outputs * pixels * inputs * pixels,
                "The output is a set of maps, not a single value each: outputs · height · width values.": (
                    outputs * (inputs * pixels + 1)
                ),
                "One bias for each output value, not one for each map.": (
                    outputs * pixels * inputs * pixels + outputs
                ),
            },
        )
    return "160 numbers or 69 billion for the same 16 maps of a 256×256 image: shared weights save the rest."


# --- (4) pooling ------------------------------

LECTURE = np.array([[3, 15, 1, 13], [9, 7, 0, 10], [11, 5, 5, 3], [1, 8, 9, 6]])
"""The example of the lecture."""


def pool(image, how):
    """Max or average pooling with 2×2 windows."""
    blocks = np.asarray(image).reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2)
    return blocks.max(axis=(1, 3)) if how == "max" else blocks.mean(axis=(1, 3))


@exercise(
    chapter="04",
    hints=(
        "How would you get the upper left pixel of every block, all at once?",
        "image[0::2, 0::2] is the upper left pixel of each block, image[0::2, 1::2] the upper right one, and "
        "so on: four pictures of half the size. Combine them.",
        "Or give each block axes of its own: image.reshape(rows // 2, 2, columns // 2, 2), then max or mean "
        "over axes 1 and 3.",
    ),
)
def pooling(function):
    """Write 2×2 max pooling and average pooling."""
    from scipy import ndimage

    expect_callable(function)
    larger = np.random.default_rng(5).integers(0, 250, (6, 10))
    for image, name in ((LECTURE, "the lecture's numbers"), (larger, "a 6×10 image")):
        right = {how: pool(image, how) for how in ("max", "average")}
        for how, other in (("max", "average"), ("average", "max")):
            filters = {"max": ndimage.maximum_filter, "average": ndimage.uniform_filter}
            sliding = filters[how](image.astype(float), 2)[1:, 1:]
            blocks = image.reshape(2, image.shape[0] // 2, 2, image.shape[1] // 2)
            expect_array(
                call(function, image, how, pure=True),
                close_to=right[how],
                what=f"{how} pooling of {name}",
                mistakes={
                    f"That is {other} pooling; look at `how`.": right[other],
                    "Your window moves by one pixel; pooling moves by two: blocks do not overlap.": sliding,
                    "You took the sum of each block; divide by 4.": right["average"] * 4,
                    "You took the smallest value of each block.": -pool(-image, "max"),
                    "You keep one pixel of each block whatever its value.": image[::2, ::2],
                    "That is the mean as a whole number; keep the decimals.": right["average"].astype(int),
                    "The reshape puts distant pixels into one block: rows // 2 comes before the 2, "
                    "(rows // 2, 2, columns // 2, 2).": (
                        blocks.max(axis=(0, 2)) if how == "max" else blocks.mean(axis=(0, 2))
                    ),
                },
            )
    return "Max keeps the strongest answer of each block, average its mean; both halve height and width."


# --- (5) receptive field ------------------------------

STACKS = {
    "three 3×3 layers": ((3, 1, 1),) * 3,
    "three 3×3 layers with dilation 1, 2, 4": ((3, 1, 1), (3, 1, 2), (3, 1, 4)),
    "3×3, 2×2 pooling, 3×3, 2×2 pooling": ((3, 1, 1), (2, 2, 1), (3, 1, 1), (2, 2, 1)),
    "7×7 with stride 2, then 3×3 with stride 2, then 3×3": ((7, 2, 1), (3, 2, 1), (3, 1, 1)),
}


def field_of(layers, *, strides=True, own=False, dilation=True, kernel=False):
    """Receptive field; the switches build the usual mistakes in."""
    field, step = 1, 1
    for k, s, d in layers:
        if own:
            step *= s
        field += (k if kernel else k - 1) * (d if dilation else 1) * (step if strides or own else 1)
        if not own:
            step *= s
    return field


_FIELD_MISTAKES = {
    "the strides are missing: after a stride of 2 neighbouring values are two pixels of the image apart": {
        "strides": False
    },
    "a layer's own stride counts for the layers after it, not for itself": {"own": True},
    "the dilation is missing": {"dilation": False},
    "a layer adds k − 1 steps, not k": {"kernel": True},
}


@exercise(
    chapter="04",
    hints=(
        "By how many steps does a layer widen the field, and how long is a step, in pixels of the image?",
        "field += (k - 1) * d * step, and only then step *= s.",
    ),
)
def receptive_field(function):
    """Compute how many pixels of the image one value of the last layer can see."""
    expect_callable(function)
    got = {
        name: expect_number(call(function, list(layers)), what=f"the field of {name}")
        for name, layers in STACKS.items()
    }
    wrong = [name for name, layers in STACKS.items() if got[name] != field_of(layers)]
    if not wrong:
        return "Three 3×3 layers see 7 pixels, with dilation 1, 2, 4 they see 15, with as many weights."
    for sentence, mistake in _FIELD_MISTAKES.items():
        if all(got[name] == field_of(layers, **mistake) for name, layers in STACKS.items()):
            raise Failure(f"For {wrong[0]} you get {got[wrong[0]]:g}: {sentence}.")
    raise Failure(
        f"For {wrong[0]} you get {got[wrong[0]]:g}, but the field has {field_of(STACKS[wrong[0]])} pixels."
    )


# --- (6) reading a network ------------------------------

_PARTS = {
    "maps": "the shape of the last maps",
    "learnt": "the count",
    "sees": "the field",
    "classes": "the classes",
}
_READ = {"maps": (32, 15, 15), "learnt": 6548, "sees": 18, "classes": 4}
_MISREAD = {
    "maps": {
        (15, 15, 32): "First the number of maps, then rows and columns.",
        (32, 16, 16): "The first convolution has no padding: 64 pixels become 60.",
        (32, 14, 14): "With padding 2 the dilated convolution keeps its 30 pixels: its window spans 5.",
        (32, 13, 13): "With padding 2 the dilated convolution keeps its 30 pixels: its window spans 5.",
        (32, 30, 30): "The last convolution has a stride of 2.",
        (32, 1, 1): "That is the shape after averaging; wanted is the one before.",
    },
    "learnt": {
        6488: "The biases are missing: one for each map and one for each class.",
        6416: "The last layer learns as well: a weight for each map and class, and a bias for each class.",
        6544: "The biases of the last layer are missing.",
    },
    "sees": {
        14: "The dilation is missing: a dilated kernel of 3 spans 5 values.",
        11: "The strides are missing: after the pooling a step is two pixels.",
        17: "The pooling widens the field, too: by one step.",
        22: "A layer's own stride counts for the layers after it, not for itself.",
    },
    "classes": {32: "That is what goes into the last layer; what comes out are the scores of the classes."},
}


@exercise(
    chapter="04",
    hints=(
        "Which of the lines change the size, which have something to learn, and after which is a step two "
        "pixels long?",
        "Sizes by ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1, line by line. A filter has k · k · inputs + 1 numbers. "
        "The field grows by (k − 1) · d · step.",
    ),
)
def read_network(answers):
    """Read shapes, weights, receptive field and classes off the lines of a network."""
    given = call(answers)
    if not isinstance(given, dict):
        raise Failure('Return a dictionary with "maps", "learnt", "sees" and "classes".')
    for name, right in _READ.items():
        if name not in given:
            raise Failure(f'The dictionary has no "{name}".')
        if name == "maps":
            array = expect_array(given[name], shape=(3,), what="the shape of the last maps")
            value = tuple(float(n) for n in array)
        else:
            value = expect_number(given[name], integer=True, what=_PARTS[name])
        if value == right:
            continue
        if value in (0, (0, 0, 0)):
            raise Failure(f'"{name}" is still empty.')
        raise Failure(_MISREAD[name].get(value) or f'"{name}" is not right: go through the lines once more.')
    return "You can read a network: 64 → 60 → 30 → 30 → 15 pixels, 6,548 numbers, 18 pixels of field."


# --- (7) five silent mistakes ------------------------------


@lru_cache(maxsize=1)
def _blood_cells():
    """Some crops of each class, and the numbers of their classes."""
    from bioimage_course import data, nets

    names = nets.cell_classifier().card["classes"]
    found = [(names.index(cell.target), cell.image) for cell in data.load("blood-cells")]
    return [pair for kind in range(3) for pair in [p for p in found if p[0] == kind][:4]]


def _situations(image):
    """The same cell as it is, at the border of the image, and magnified twice: (image, row, column, side)."""
    return {
        "plain": (image, 32, 32, 64),
        "at the left border": (image[:, 12:], 32, 20, 64),
        "magnified twice": (image.repeat(2, axis=0).repeat(2, axis=1), 64, 64, 128),
    }


def _probe(function, arguments):
    """What reaches the model, and in which mode: (batch, training)."""
    import torch

    class Probe(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.still = torch.nn.Parameter(torch.zeros(1))
            self.seen = []

        def forward(self, x):
            self.seen.append((x.detach().clone(), self.training))
            return torch.zeros(len(x) if x.ndim else 1, 3) + self.still

    probe = Probe()  # new modules are in training mode
    call(function, *arguments, probe, pure=True)
    if not probe.seen:
        raise Failure("Your function never asks the model.")
    return probe.seen[-1]


def _named_mistake(function, image):
    """A sentence about the first mistake that can be seen in what reaches the model, or None."""
    batch, training = _probe(function, _situations(image)["plain"])
    if batch.shape != (1, 3, 64, 64):
        return f"The model gets the shape {tuple(batch.shape)}; it wants (1, 3, 64, 64)."
    if float(batch.max()) > 2:
        return "The model was trained on values from 0 to 1, but it gets values up to 255."
    wrong = _wrong_values(batch[0].numpy(), image)
    if wrong:
        return wrong
    if training:
        return "The model is in training mode: its answer depends on the batch."
    larger = np.pad(image, ((10, 26), (40, 20), (0, 0)), mode="reflect")
    batch, _ = _probe(function, (larger, 42, 72, 64))
    if batch.shape != (1, 3, 64, 64) or not _shows(batch[0].numpy(), image):
        return "Of a larger image, with the cell at row 42 and column 72, the model gets another part."
    batch, _ = _probe(function, _situations(image)["magnified twice"])
    if batch.shape[-2:] != (64, 64):
        return "A cell magnified twice reaches the model twice as large: bring the crop to 64 × 64 pixels."
    for border in ("left", "right", "upper", "lower"):
        wrong = _wrong_border(function, image, border)
        if wrong:
            return wrong
    return None


def _shows(batch, image, atol=0.001):
    """Whether values (3, rows, columns) are an image's, from 0 to 1; a division by 256 makes up to 0.004."""
    return np.allclose(batch, np.moveaxis(image / 255.0, -1, 0), atol=atol)


def _wrong_values(batch, image):
    """A sentence about a crop that needs neither padding nor another size, or None."""
    if _shows(batch, image):
        return None
    if _shows(batch, image, atol=0.02):
        return (
            f"The brightest pixel of an image, {image.max()} of 255, reaches the model as {batch.max():.4f}: "
            "the largest possible value, 255, shall become 1."
        )
    if np.allclose(batch, (image / 255.0).reshape(3, 64, 64), atol=0.02):
        return "reshape gives the right shape and a scrambled picture: move the axis instead."
    return "What reaches the model is not the picture: look at it channel by channel."


def _wrong_border(function, image, border):
    """A sentence about a window that hangs over a border of the image by 12 pixels, or None."""
    kept = {
        "left": np.s_[:, 12:],
        "right": np.s_[:, :52],
        "upper": np.s_[12:],
        "lower": np.s_[:52],
    }[border]
    row, column = 32 - 12 * (border == "upper"), 32 - 12 * (border == "left")
    batch = _probe(function, (image[kept], row, column, 64))[0]
    if batch.shape != (1, 3, 64, 64):
        return (
            f"At the {border} border the model gets the shape {tuple(batch.shape)}; it wants (1, 3, 64, 64)."
        )
    values, inside = batch[0].numpy(), np.zeros((64, 64), bool)
    inside[kept] = True
    if not np.allclose(values[:, inside], np.moveaxis(image / 255.0, -1, 0)[:, inside], atol=0.001):
        return f"At the {border} border the model gets another part of the image than at the middle."
    if values[:, ~inside].max() == 0:
        return (
            "At the border zeros are made up, a black stripe on a bright smear: continue the image instead."
        )
    return None


@exercise(
    chapter="04",
    hints=(
        "What exactly reaches the model? Its shape, its largest value, its three channels as pictures, the "
        "columns at the border, the mode of the model?",
        "np.pad has a mode, permute moves axes, F.interpolate resizes, values end at 1, and there is "
        "model.eval().",
    ),
)
def name_cell(function):
    """Mend a function that names blood cells and has five silent mistakes."""
    import copy

    from bioimage_course import nets

    expect_callable(function)
    cells = _blood_cells()
    mistake = _named_mistake(function, cells[0][1])
    if mistake:
        raise Failure(mistake)
    right = dict.fromkeys(_situations(cells[0][1]), 0)
    for kind, image in cells:
        for what, arguments in _situations(image).items():
            model = copy.deepcopy(nets.cell_classifier()).train()
            answer = expect_number(
                call(function, *arguments, model, pure=True), integer=True, what="the number of the class"
            )
            right[what] += answer == kind
    for what, count in right.items():
        if count < 0.9 * len(cells):
            raise Failure(f"Of {len(cells)} cells, {what}, your function names {count} as they should be.")
    return f"{len(cells)} cells as they are, at the border and magnified: named as they should be."


# --- (8) a kernel for spots ------------------------------


@lru_cache(maxsize=1)
def _spot_images():
    """Three images of 40 spots on clouds and noise, as in the notebook, and the centres of the spots."""
    from scipy import ndimage

    from bioimage_course import data

    images = []
    for seed in (11, 12, 13):
        sample, rng = data.synthetic.spots((128, 128), count=40, seed=seed), np.random.default_rng(seed)
        clouds = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 12, mode="wrap")
        noise = rng.normal(0, 15, (128, 128))
        images.append((sample.image + 200 * clouds / clouds.std() + noise, sample.target))
    return images


def spots_found(kernel):
    """Share of the spots among the highest local maxima of the filtered images."""
    from scipy import ndimage
    from scipy.signal import correlate2d

    found = total = 0
    for image, centres in _spot_images():
        margin = len(kernel) // 2
        answer = correlate2d(np.pad(image, margin, mode="reflect"), kernel, mode="valid")
        peaks = np.argwhere((answer == ndimage.maximum_filter(answer, 5)) & (np.ptp(answer) > 0))
        best = peaks[np.argsort(-answer[tuple(peaks.T)], kind="stable")[: len(centres)]]
        if len(best):
            distance = np.hypot(*(centres[:, None] - best[None]).T)  # (peaks, centres)
            found += int((distance.min(axis=0) <= 2).sum())
        total += len(centres)
    return found / total


@exercise(
    chapter="04",
    hints=(
        "What should the kernel answer to a flat region, dark or bright? What does that say about the sum of "
        "its weights?",
        "A flat region should give zero, so the weights add up to 0.",
        "Positive weights where the spot is (a Gaussian with σ of about 1.5), negative ones around it, in "
        "all directions alike, so that a gradient cancels. Narrow Gaussian minus wide Gaussian is a start.",
    ),
)
def spot_kernel(kernel):
    """Design a kernel that finds bright spots on an uneven background."""
    weights = expect_array(call(kernel), shape=(None, None), what="your kernel")
    if weights.shape[0] != weights.shape[1] or weights.shape[0] % 2 == 0 or len(weights) > 15:
        raise Failure(
            "The kernel must be square with an odd side of at most 15, but it is "
            f"{weights.shape[0]}×{weights.shape[1]}."
        )
    if not weights.any():
        raise Failure("All weights are 0, so the answer is 0 everywhere.")
    share = spots_found(weights)
    if share >= 0.9:
        return f"{share:.0%} of the spots in three new images, with {weights.size} weights and no threshold."
    text = f"Your kernel finds {share:.0%} of the spots; 90% are wanted"
    sizes = np.abs(weights)
    if abs(weights.sum()) > 0.02 * sizes.sum():
        raise Failure(
            f"{text}. Its weights add up to {weights.sum():.3g}, so it answers to the bright background as "
            "well: let them add up to 0."
        )
    if spots_found(-weights) >= 0.9:
        raise Failure(f"{text}. With all signs turned it would find more: positive weights in the middle.")
    if not np.allclose(weights, weights[::-1, ::-1], atol=0.05 * sizes.max()):
        raise Failure(f"{text}. It is not symmetric, so it answers to edges and gradients too.")
    raise Failure(f"{text}. Try another width: a spot has σ = 1.5 pixels, so it is about 5 pixels wide.")
