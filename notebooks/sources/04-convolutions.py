# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "04"
#   title: Convolutional networks
#   extra: torch
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# A trained network names a nucleus. Take it apart: in it windows of nine numbers slide over the image. Chosen by a
# person, such numbers blur, sharpen or find edges; learnt from examples, they tell cells apart. You will write that
# sliding window, count what it saves, find out how far a network can see, and train one that classifies nuclei in less
# than a minute.
#
# Eight exercises wait for you. Fill in a function, run the cell below it, and `check` tells you how it went.

# %% tags=["setup"]
import math

import numpy as np
import torch
from scipy import ndimage, signal
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bioimage_course import check, data, explore, metrics, nets, show

blue, orange, red, green = (show.PALETTE[colour] for colour in ("blue", "orange", "vermilion", "green"))

# %% [markdown]
# ## A network at work
#
# This network has 6,099 numbers, all of them learnt from simulated nuclei. Here it sees photographed ones. Move, turn,
# magnify and dim them, and watch its feature maps and its answer; choose a map, and a value in it.

# %% tags=["widget"]
explore.cnn()

# %% [markdown]
# The same network in PyTorch, and two of the same nuclei: a nucleus in interphase, and one in metaphase, whose chromosomes
# lie in a plate. The photograph is enlarged until its nuclei are as large as the simulated ones, and made as bright.

# %%
live = nets.load(nets.CELL_CLASSIFIER.parents[1] / "nuclear-states" / "nuclear-states.pt")
photograph = data.load("mitosis").image[..., 0].astype(float)  # the channel of DNA


def look_at(row, column, magnify=1.0):
    """What the network gets of this place of the photograph: (1, 1, 32, 32)."""
    around = photograph[row - 24 : row + 24, column - 24 : column + 24]
    dark = np.percentile(around, 10)
    light = (around[12:-12, 12:-12] - dark).sum() / 0.75**2  # a pixel of the network is 0.75 of the photograph's
    steps = (np.arange(32) - 15.5) * 0.75 / magnify - 0.5
    places = np.meshgrid(row + steps, column + steps, indexing="ij")
    piece = ndimage.map_coordinates(photograph, places, order=1)
    return torch.as_tensor(0.06 + (piece - dark) * 154 / light, dtype=torch.float32)[None, None]


places = {"interphase": (53, 174), "metaphase": (453, 461)}
plate = look_at(*places["metaphase"])
print(f"{nets.count_parameters(live):,} learnt numbers; scores of the plate:", live(plate).detach().numpy().round(1))

# %%
#| label: tbl-photographed
#| tbl-cap: "Two photographed nuclei at five magnifications: what the network calls them, and with which probability. It was trained for 1 ×, on nuclei some 15 pixels long. Elsewhere it answers all the same, and often just as surely."
sizes_tried = (0.5, 0.75, 1, 1.5, 2)
said = {name: [torch.softmax(live(look_at(*place, magnify)), dim=1)[0].detach() for magnify in sizes_tried]
        for name, place in places.items()}
kinds_of_nuclei = live.card["classes"]
show.table([[name, *(f"{kinds_of_nuclei[p.argmax()]}, {p.max():.0%}" for p in each)] for name, each in said.items()],
           ["nucleus in", *(f"{magnify:g} ×" for magnify in sizes_tried)])

# %% [markdown]
# What it is made of: three blocks of 3×3 convolution, batch normalisation, ReLU and 2×2 max pooling, the mean of each
# feature map, and one linear layer. The rest of this notebook takes them one by one.

# %% tags=["hide-input"]
#| label: fig-cnn
#| fig-cap: "The network of the explorable from left to right, with what each step hands on: the number of feature maps, below it their rows × columns. Each block of convolution, batch normalisation and ReLU doubles the number of maps (but for the first), each pooling halves rows and columns. At the end one mean a map, and a linear layer that gives three scores. No layer but the last is fully connected."
#| fig-alt: "A row of boxes that become lower and thicker: image one map of 32 × 32; block 1, 8 maps of 32 × 32; pooling, 8 of 16 × 16; block 2, 16 of 16 × 16; pooling, 16 of 8 × 8; block 3, 32 of 8 × 8; pooling, 32 of 4 × 4; mean, 32 numbers; scores, 3."
def shapes_of(model, x):
    """Name and shape of what each step of a nets.CNN hands on."""
    steps, blocks = [("image", tuple(x.shape[1:]))], 0
    for layer in model.features:
        x = layer(x)
        blocks += not isinstance(layer, nn.MaxPool2d)
        steps.append(("pooling" if isinstance(layer, nn.MaxPool2d) else f"block {blocks}", tuple(x.shape[1:])))
    return [*steps, ("mean", (x.shape[1],)), ("scores", tuple(model.head(x.mean(dim=(2, 3))).shape[1:]))]


figure, axes = show.figure(height=3.0)
place = 0.0
for name, shape in shapes_of(live, plate):
    side, width = (shape[1] if len(shape) == 3 else 2), 0.4 + shape[0] / 20
    colour = {"b": blue, "p": orange, "m": green, "s": red}.get(name[0], "#5f6368")
    axes.bar(place + width / 2, side, width, bottom=-side / 2, color=colour, alpha=0.8)
    axes.text(place + width / 2, side / 2 + 1, name, ha="center", fontsize=9)
    axes.text(place + width / 2, -side / 2 - 1, "\n".join([str(shape[0]), " × ".join(map(str, shape[1:]))]), ha="center", va="top", fontsize=9)
    place += width + 1.5
axes.set(xlim=(-0.8, place), ylim=(-23, 20))
axes.set_axis_off()
figure

# %% [markdown]
# ## Nine numbers and a window
#
# Here are fluorescent nuclei, and a *kernel*: a small table of weights. (Each 2×2 pixels are averaged first: kernels that
# take differences answer to noise as well, and there is less of it afterwards.)

# %%
nuclei = data.load("nuclei").image.astype(float).reshape(256, 2, 256, 2).mean(axis=(1, 3))[60:180, 10:130]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])

# %% tags=["nbval-check-output"]
window = nuclei[46:49, 12:15]  # the window at one place, the left edge of a bright nucleus
print(window)
print("sum of the products:", (window * sobel).sum())

# %% [markdown]
# Multiply each pixel under the window by the weight on top of it, add up the nine products, write the sum into a new
# image, move the window by one pixel, repeat. That is all. Try it in the explorable: move the window and watch the
# products, then change a weight.

# %% tags=["widget"]
explore.convolution()

# %% [markdown]
# ## Exercise 1: write it
#
# Write `correlate(image, kernel, padding, stride, dilation)`:
#
# - `padding`: add so many rows and columns of zeros on each side before you start (`np.pad`);
# - `stride`: move the window by so many pixels each time;
# - `dilation`: the window reads every second, third, … pixel. With dilation 2 a 3×3 kernel reaches over 5×5 pixels.
#
# Two loops over the output are fine. The check compares with SciPy, first the plain case, then padding, stride and
# dilation, so do it step by step.

# %% tags=["exercise"] exercise="cross_correlation"
def correlate(image, kernel, padding=0, stride=1, dilation=1):
    raise NotImplementedError
    image = np.pad(image, padding)
    reach = [dilation * (length - 1) + 1 for length in kernel.shape]  # rows and columns that the window spans
    rows = ...  # of the output
    columns = ...
    output = np.zeros((rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = ...  # the pixels under the kernel: image[first : last : step, …]
            output[y, x] = np.sum(window * kernel)
    return output


# %% tags=["solution"] exercise="cross_correlation"
def correlate(image, kernel, padding=0, stride=1, dilation=1):
    image = np.pad(image, padding)
    reach = [dilation * (length - 1) + 1 for length in kernel.shape]  # rows and columns that the window spans
    rows = (image.shape[0] - reach[0]) // stride + 1
    columns = (image.shape[1] - reach[1]) // stride + 1
    output = np.zeros((rows, columns))
    for y in range(rows):
        for x in range(columns):
            top, left = y * stride, x * stride
            window = image[top : top + reach[0] : dilation, left : left + reach[1] : dilation]
            output[y, x] = np.sum(window * kernel)
    return output


# %% tags=["check", "nbval-check-output"] exercise="cross_correlation"
check.cross_correlation(correlate)

# %% [markdown]
# ## What the libraries call it
#
# SciPy has both: `correlate2d` is what you just wrote; `convolve2d`, the convolution of the mathematicians, turns the
# kernel by half a turn first. PyTorch's `conv2d` does not turn anything: what deep learning calls a convolution is a
# cross-correlation.

# %% tags=["nbval-check-output"]
def conv2d(image, kernel, **settings):
    """PyTorch's conv2d for one image and one kernel, both 2D arrays."""
    image, kernel = (torch.as_tensor(np.array(array, dtype=float))[None, None] for array in (image, kernel))
    return F.conv2d(image, kernel, **settings)[0, 0].numpy()


correlated = signal.correlate2d(nuclei, sobel, mode="valid")
convolved = signal.convolve2d(nuclei, sobel, mode="valid")
print("conv2d is a cross-correlation:", np.allclose(conv2d(nuclei, sobel), correlated))
print("conv2d is a convolution:", np.allclose(conv2d(nuclei, sobel), convolved))
print("a convolution is a cross-correlation with the kernel turned by 180°:",
      np.allclose(convolved, signal.correlate2d(nuclei, sobel[::-1, ::-1], mode="valid")))

# %%
#| label: fig-kernels
#| fig-cap: "One image, six kernels; each kernel stands as a table beside its output (orange positive, purple negative). Each output pixel is a weighted sum of nine input pixels. Weights that add up to 1 keep the brightness; weights that add up to 0 answer to changes only, so that flat regions become the same grey, whatever their brightness. Noise is a change, too."
#| fig-alt: "Six pairs of a coloured 3 by 3 table of weights and a filtered image. Mean, nine times one ninth, and Gaussian, with the largest weight in the middle, blur the nuclei. Sharpen, 5 in the middle and −1 beside it, makes their texture crisper. The two Sobel kernels, a negative and a positive column or row, show nuclei as reliefs lit from one side. Laplace, 4 in the middle and −1 beside it, leaves faint outlines, single bright grains and noise on grey."
kernels = {
    "mean": np.full((3, 3), 1 / 9),
    "Gaussian": np.outer([1, 2, 1], [1, 2, 1]) / 16,
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "Sobel, left to right": sobel,
    "Sobel, top to bottom": sobel.T,
    "Laplace": np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
}
figure, panels = show.figure(2, 6, height=4.2, width_ratios=[0.55, 1] * 3)
for (name, kernel), (tiles, picture) in zip(kernels.items(), panels.reshape(6, 2)):
    divisor = {"mean": 9, "Gaussian": 16}.get(name, 1)
    tiles.imshow(kernel * divisor, cmap="PuOr_r", vmin=-8, vmax=8)
    for (row, column), weight in np.ndenumerate(kernel * divisor):
        tiles.text(column, row, f"{weight:.0f}".replace("-", "−"), ha="center", va="center", fontsize=11)
    tiles.set_title(f"÷ {divisor}" if divisor > 1 else " ", fontsize=10)
    picture.imshow(conv2d(nuclei, kernel), cmap="gray")
    picture.set_title(name, fontsize=10)
    for axes in (tiles, picture):
        axes.set(xticks=(), yticks=())
        axes.spines[:].set_visible(False)
        axes.grid(False)
figure

# %% [markdown]
# ## At the border
#
# The window does not fit over the outermost pixels. Either the output gets smaller ("valid"), or we make up pixels
# outside: zeros, or a mirror image of the inside ("same" means: the output is as large as the input). In microscopy
# the background is not zero: cameras add an offset. Watch what an edge filter makes of that.

# %%
#| label: fig-borders
#| fig-cap: "Sobel filter (left to right; orange positive, purple negative) on a corner of the same image, with the camera's offset of 100 grey values put back. No padding: two rows and columns are lost. Zeros: all along the left and right border the filter finds an edge as strong as that of the brightest nucleus, and it is one that we made up. Mirror: no such edge."
#| fig-alt: "Three panels of the Sobel picture in colour: nuclei with an orange left and a purple right side on white. With zero padding a dark orange stripe runs along the left border and a dark purple one along the right border, as strong as the edges of the brightest nucleus at the bottom. Without padding and with mirror padding there is no stripe."
raised = torch.as_tensor(nuclei[:50, :50] + 100)[None, None]
kernel = torch.as_tensor(sobel, dtype=torch.double)[None, None]
borders = {
    "no padding": F.conv2d(raised, kernel),
    "zeros": F.conv2d(raised, kernel, padding=1),
    "mirror": F.conv2d(F.pad(raised, (1, 1, 1, 1), mode="reflect"), kernel),
}
titles = [f"{name}: {out.shape[-2]} × {out.shape[-1]}" for name, out in borders.items()]
show.images([out[0, 0] for out in borders.values()], titles, columns=3, cmap="PuOr_r", limits=(-300, 300))

# %% [markdown]
# ## Exercise 2: how large is the output?
#
# An image has `n` pixels along one axis, the kernel `k`. Padding adds `p` pixels **on each side**, the window moves by
# the stride `s`, and with dilation `d` it reads every `d`-th pixel. How many pixels has the output along this axis?
# Write the formula; the check tries eight cases.

# %% tags=["exercise"] exercise="output_size"
def output_size(n, k, p, s, d):
    raise NotImplementedError


# %% tags=["solution"] exercise="output_size"
def output_size(n, k, p, s, d):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


# %% tags=["check", "nbval-check-output"] exercise="output_size"
check.output_size(output_size)

# %%
#| label: tbl-sizes
#| tbl-cap: "Output sizes, measured by running PyTorch's layers on an empty image. “Same” size at stride 1 needs the padding d(k − 1)/2. Note the last two rows: with stride 2 images of 256 and of 255 pixels give the same size, so the way back is not unique."
rows = []
for n, k, p, s, d in ((256, 3, 0, 1, 1), (256, 3, 1, 1, 1), (256, 7, 3, 1, 1), (256, 3, 2, 1, 2), (256, 2, 0, 2, 1),
                      (572, 3, 0, 1, 1), (256, 3, 1, 2, 1), (255, 3, 1, 2, 1)):
    layer = nn.Conv1d(1, 1, k, padding=p, stride=s, dilation=d)
    rows.append([n, k, p, s, d, layer(torch.zeros(1, 1, n)).shape[-1]])
show.table(rows, ["n", "kernel k", "padding p", "stride s", "dilation d", "output"])

# %% [markdown]
# ## Channels: a filter reaches through all of them
#
# A colour image has three channels, a stained tissue section is one. A filter of a convolutional layer has weights for
# *every* channel, k × k × 3 of them, and adds everything up to *one* feature map; a layer with 16 outputs has 16 such
# filters. Even a 1×1 convolution does something useful: it mixes channels. Stain separation is one, with nine weights
# that are known from the dyes' absorption (Ruifrok and Johnston 2001).

# %% tags=["nbval-check-output"]
from skimage.color import hed_from_rgb, rgb2hed

tissue = data.load("tissue-he").image
density = torch.as_tensor(np.log(np.maximum(tissue / 255, 1e-6)) / np.log(1e-6))  # optical density, as scikit-image scales it
weights = torch.as_tensor(hed_from_rgb.T.copy())[:, :, None, None]  # (3 outputs, 3 inputs, 1, 1)
stains = F.conv2d(density.permute(2, 0, 1)[None], weights)[0]
print("filters, channels of each, height, width:", tuple(weights.shape))
print("same as scikit-image's stain separation:",
      np.allclose(np.maximum(stains.permute(1, 2, 0).numpy(), 0), rgb2hed(tissue)))

# %%
#| label: fig-stains
#| fig-cap: "A 1×1 convolution with known weights: red, green and blue in, haematoxylin (nuclei) and eosin (the rest) out. A network that gets stained tissue can learn such a mixture in its first layer."
#| fig-alt: "Left: pink and violet tissue section. Middle: haematoxylin channel, nuclei bright on dark. Right: eosin channel, cytoplasm and fibres bright, nuclei darker."
show.images([tissue, stains[0], stains[1]], ["tissue, RGB", "haematoxylin", "eosin"], columns=3)

# %% [markdown]
# ## Exercise 3: count the weights
#
# A layer gets an image of `inputs` channels and makes `outputs` feature maps of the same height and width. Count what
# it has to learn, biases included (one a feature map for a convolution, one a neuron if fully connected):
#
# - as a convolution with k × k kernels;
# - fully connected: every output value of every map has a weight for every input value.

# %% tags=["exercise"] exercise="layer_parameters"
def convolutional(inputs, outputs, k):
    raise NotImplementedError


def fully_connected(inputs, outputs, height, width):
    raise NotImplementedError


# %% tags=["solution"] exercise="layer_parameters"
def convolutional(inputs, outputs, k):
    return outputs * (k * k * inputs + 1)


def fully_connected(inputs, outputs, height, width):
    pixels = height * width
    return outputs * pixels * (inputs * pixels + 1)


# %% tags=["check", "nbval-check-output"] exercise="layer_parameters"
check.layer_parameters(convolutional, fully_connected)

# %%
#| label: tbl-layer-parameters
#| tbl-cap: "One layer that turns one channel into 16 feature maps of the same size, and the memory that its weights take (4 bytes each). The convolution does not know how large the image is."
rows = []
for side in (32, 64, 256):
    convolution = nets.count_parameters(nn.Conv2d(1, 16, 3, padding=1))
    with torch.device("meta"):  # counts without taking the memory
        connected = nets.count_parameters(nn.Linear(side**2, 16 * side**2))
    rows.append([f"{side} × {side}", f"{convolution:,}", f"{connected:,}", f"{convolution * 4 / 1e3:.2f} kB",
                 f"{connected * 4 / 1e9:.3g} GB"])
show.table(rows, ["image", "3×3 convolution", "fully connected", "memory", "memory, fully connected"])

# %% [markdown]
# The same weights everywhere have a second consequence: **if the image shifts, the output shifts with it**
# (equivariance). A fully connected layer would have to learn each nucleus anew at every place. Mind what is *not*
# promised: turned or enlarged objects give other outputs.

# %% tags=["nbval-check-output"]
shifted, turned = np.roll(nuclei, 5, axis=1), np.rot90(nuclei)
inner = np.s_[10:-10, 10:-10]  # away from the borders
print("shifted image, shifted output:",
      np.allclose(conv2d(shifted, sobel, padding=1)[inner], np.roll(conv2d(nuclei, sobel, padding=1), 5, axis=1)[inner]))
print("turned image, turned output:",
      np.allclose(conv2d(turned, sobel, padding=1)[inner], np.rot90(conv2d(nuclei, sobel, padding=1))[inner]))

# %% [markdown]
# ## Exercise 4: pooling
#
# Pooling makes images smaller: of each block of 2×2 pixels it keeps the largest value, or the mean. Nothing is learnt.
# Write it for images with even numbers of rows and columns. The 4×4 numbers are those of the lecture.

# %% tags=["exercise"] exercise="pooling"
numbers = np.array([[3, 15, 1, 13], [9, 7, 0, 10], [11, 5, 5, 3], [1, 8, 9, 6]])


def pool(image, how):
    """`how` is "max" or "average"."""
    raise NotImplementedError


# %% tags=["solution"] exercise="pooling"
numbers = np.array([[3, 15, 1, 13], [9, 7, 0, 10], [11, 5, 5, 3], [1, 8, 9, 6]])


def pool(image, how):
    rows, columns = image.shape
    blocks = image.reshape(rows // 2, 2, columns // 2, 2)
    return blocks.max(axis=(1, 3)) if how == "max" else blocks.mean(axis=(1, 3))


# %% tags=["check", "nbval-check-output"] exercise="pooling"
check.pooling(pool)

# %% tags=["nbval-check-output"]
lecture = torch.tensor([[3, 15, 1, 13], [9, 7, 0, 10], [11, 5, 5, 3], [1, 8, 9, 6.0]])[None, None]
print("max:", F.max_pool2d(lecture, 2)[0, 0].tolist())
print("average:", F.avg_pool2d(lecture, 2)[0, 0].tolist())

# %% tags=["hide-input"]
#| label: fig-pooling
#| fig-cap: "Pooling on the numbers of the lecture. Each coloured block of 2 × 2 numbers becomes one number: its largest or its mean."
#| fig-alt: "Left: a square of 4 by 4 numbers in four coloured blocks: 3, 15, 9, 7; 1, 13, 0, 10; 11, 5, 1, 8; and 5, 3, 9, 6. An arrow leads to two squares of 2 by 2 numbers in the same four colours: max pooling gives 15, 13, 11, 9; average pooling gives 8.5, 6, 6.25, 5.75."
def draw_numbers(axes, table, size, title):
    """Numbers in tiles, one colour a quarter."""
    colours = np.array([[blue, orange], [green, red]])
    for (row, column), number in np.ndenumerate(table):
        axes.add_patch(Rectangle((column, row), 1, 1, fc=colours[row // size, column // size], alpha=0.3, ec="white", lw=2))
        axes.text(column + 0.5, row + 0.5, f"{number:g}", ha="center", va="center", fontsize=13)
    axes.set(title=title, xlim=(0, len(table)), ylim=(len(table), 0), aspect="equal")
    axes.set_axis_off()


from matplotlib.patches import Rectangle

figure, panels = show.figure(1, 5, height=2.7, width_ratios=[2, 0.5, 1, 0.2, 1])
draw_numbers(panels[0], lecture[0, 0].numpy(), 2, "input")
draw_numbers(panels[2], F.max_pool2d(lecture, 2)[0, 0].numpy(), 1, "max pooling")
draw_numbers(panels[4], F.avg_pool2d(lecture, 2)[0, 0].numpy(), 1, "average pooling")
panels[1].annotate("", (1, 0.5), (0, 0.5), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "#5f6368"})
panels[3].text(0.5, 0.5, "or", ha="center", va="center")
for axes in panels[1::2]:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 5: how far can a network see?
#
# One 3×3 layer sees 3×3 pixels. A second one on top sees 3×3 pixels of the first, hence 5×5 of the image. Write a
# function that takes a list of layers `(k, s, d)`, kernel, stride and dilation, in order, and returns how many
# pixels of the image along one axis can change one value of the last layer.

# %% tags=["exercise"] exercise="receptive_field"
def receptive_field(layers):
    raise NotImplementedError
    field, step = 1, 1  # one pixel sees itself; neighbouring values are one pixel of the image apart
    for k, s, d in layers:
        ...
    return field


# %% tags=["solution"] exercise="receptive_field"
def receptive_field(layers):
    field, step = 1, 1  # one pixel sees itself; neighbouring values are one pixel of the image apart
    for k, s, d in layers:
        field += (k - 1) * d * step
        step *= s
    return field


# %% tags=["check", "nbval-check-output"] exercise="receptive_field"
check.receptive_field(receptive_field)

# %% [markdown]
# The formula says what *can* matter. The gradient says what *does*: back-propagate from one output value to the image,
# and every pixel tells how much it would change that value. Here random networks of each kind are averaged.

# %%
def gradient_of_the_centre(layers, repeats=200, side=49):
    """Mean size of the gradient of the central output with respect to each pixel, for random weights (N, N)."""
    nets.seed_everything(0)
    total = torch.zeros(side, side)
    for _ in range(repeats):
        steps, inputs = [], 1
        for k, s, d in layers:
            convolution = nn.Conv2d(inputs, 4, k, stride=s, dilation=d, padding=d * (k - 1) // 2)
            steps += [convolution, nn.ReLU()]
            inputs = 4
        image = torch.rand(1, 1, side, side, requires_grad=True)
        output = nn.Sequential(*steps)(image).sum(dim=1)[0]
        output[output.shape[0] // 2, output.shape[1] // 2].backward()
        total += image.grad[0, 0].abs()
    return (total / total.max()).numpy()


stacks = {
    "three 3×3 layers": [(3, 1, 1)] * 3,
    "dilation 1, 2, 4": [(3, 1, 1), (3, 1, 2), (3, 1, 4)],
    "stride 2, 2, 2": [(3, 2, 1)] * 3,
    "ten 3×3 layers": [(3, 1, 1)] * 10,
}
gradients = {name: gradient_of_the_centre(layers) for name, layers in stacks.items()}

# %% tags=["nbval-check-output"]
for name, gradient in gradients.items():
    columns = np.flatnonzero(gradient.max(axis=0) > 0)
    print(f"{name}: {columns[-1] - columns[0] + 1} pixels")

# %%
#| label: fig-receptive-field
#| fig-cap: "Receptive fields measured by gradient: how strongly each pixel of a 49×49 image moves the central output. The orange square is the theoretical receptive field. Dilation and stride widen it cheaply. In the stack of ten layers the pixels near the edge of the field hardly count: the field that matters is a soft spot, much smaller than the square."
#| fig-alt: "Four square heat maps with bright centres inside orange squares. Three layers: a spot filling a small square of 7 pixels. Dilation and stride: two regular grid-like spots, each in a square of 15. Ten layers: a round spot that fades long before it reaches its square of 21 pixels."
figure, panels = show.figure(1, 4, height=2.3)
for axes, (name, gradient) in zip(panels, gradients.items()):
    columns = np.flatnonzero(gradient.max(axis=0) > 0)
    rows = np.flatnonzero(gradient.max(axis=1) > 0)
    axes.imshow(gradient, cmap="viridis")
    axes.plot(columns[[0, -1, -1, 0, 0]] + np.array([-0.5, 0.5, 0.5, -0.5, -0.5]),
              rows[[0, 0, -1, -1, 0]] + np.array([-0.5, -0.5, 0.5, 0.5, -0.5]), color=orange)
    axes.set_title(f"{name}\n{columns[-1] - columns[0] + 1} pixels", fontsize=10)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Batch normalisation
#
# For each feature map one mean and one variance, taken over the batch **and** both image axes; subtract, divide, then
# scale and shift by two learnt numbers. In training the statistics are those of the batch; a running average of them is
# kept, and used after `model.eval()`. Check the formula:

# %% tags=["nbval-check-output"]
nets.seed_everything(0)
batch = torch.rand(8, 3, 16, 16) * 5 + 2  # images, feature maps, rows, columns
layer = nn.BatchNorm2d(3)
mean, variance = batch.mean(dim=(0, 2, 3)), batch.var(dim=(0, 2, 3), unbiased=False)
by_hand = (batch - mean[:, None, None]) / torch.sqrt(variance[:, None, None] + layer.eps)
print("training mode is the formula:", torch.allclose(layer(batch), by_hand, atol=1e-5))
layer.eval()
print("evaluation mode gives the same:", torch.allclose(layer(batch), by_hand, atol=1e-5), "(after one batch)")
layer.train()
for _ in range(100):
    layer(batch)  # each call moves the running averages a tenth of the way towards this batch
layer.eval()
print("and after a hundred batches:", torch.allclose(layer(batch), by_hand, atol=1e-2))

# %% [markdown]
# ## A network that classifies cells
#
# Simulated nuclei in three states. Their mean brightness is the same on average, so it is mainly shape that tells: `data.synthetic.cell_crops`
# draws them, and knows the truth.

# %%
crops = data.synthetic.cell_crops(450, seed=1)
test = data.synthetic.cell_crops(600, seed=2)

# %%
#| label: fig-cell-crops
#| fig-cap: "Simulated crops of nuclei in three states, in random directions, places, sizes and brightness."
#| fig-alt: "Three rows of twelve small fluorescence images. Top: grey, textured ovals. Middle: narrow bright bars at various angles. Bottom: clusters of three or four small bright discs."
rows = [np.hstack(crops.images[crops.classes == kind][:12]) for kind in range(3)]
show.images(rows, crops.class_names, columns=1, limits="shared")


# %% [markdown]
# The network is that of the beginning, `nets.CNN`, with random numbers once more. Two competitors see the same 300 training crops (150 more decide when to stop):
# logistic regression (one layer of neurons with a softmax) on mean and standard deviation of the grey values, and a multilayer perceptron on all pixels.

# %%
def prepare(some):
    """Crops and classes as tensors, camera offset removed and scaled: (N, 1, rows, columns) and (N,)."""
    images = (some.images.astype(np.float32) - 100) / 100
    return torch.as_tensor(images)[:, None], torch.as_tensor(some.classes)


images, classes = prepare(crops)
test_images, test_classes = prepare(test)


def train(model, epochs, learning_rate, scheduler=None):
    return nets.fit(
        model,
        DataLoader(TensorDataset(images[:300], classes[:300]), batch_size=30, shuffle=True),
        DataLoader(TensorDataset(images[300:], classes[300:]), batch_size=150),
        loss=nn.CrossEntropyLoss(),
        learning_rate=learning_rate,
        epochs=epochs,
        patience=10,  # stop after ten epochs without a better validation loss, keep the best weights
        scheduler=scheduler,
        device="cpu",
    )


# %% [markdown]
# Three trainings with other first weights and another order of the crops. Beside the usual validation loss we note a second
# one: for a copy of the network whose averages of batch normalisation are taken anew from the training crops. (`nets.fit`
# calls `step()` of a scheduler after each epoch; here we only use the occasion.)

# %%
import copy


class Recomputed:
    """After each epoch: the validation loss of a copy with freshly computed averages."""

    def __init__(self, model):
        self.model, self.losses = model, []

    def step(self):
        twin = copy.deepcopy(self.model).train()
        for module in twin.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0  # forget the old averages
        with torch.no_grad():
            twin(images[:300])
            self.losses.append(float(F.cross_entropy(twin.eval()(images[300:]), classes[300:])))


cnns, histories, perceptrons, recomputed = [], [], [], []
for seed in range(3):
    nets.seed_everything(seed)
    cnns.append(nets.CNN(channels=1, classes=3, depth=3, width=8))
    recomputed.append(Recomputed(cnns[-1]))
    histories.append(train(cnns[-1], epochs=25, learning_rate=2e-3, scheduler=recomputed[-1]))
    nets.seed_everything(seed)
    perceptrons.append(nn.Sequential(nn.Flatten(), nets.MLP([32 * 32, 64, 3])))
    _ = train(perceptrons[-1], epochs=60, learning_rate=1e-3)
network, perceptron, history = cnns[0], perceptrons[0], histories[0]

# %%
#| label: fig-cnn-training
#| fig-cap: "Training of the small CNN, first of three seeds. The validation loss is measured after each epoch, in evaluation mode, with the running averages of batch normalisation. These trail behind weights that change fast, so the curve falls late, and can be far off for an epoch. Dotted: the same weights, the averages taken anew from all training crops: no delay, hardly a spike. The network had learnt all along."
#| fig-alt: "Three curves of loss over 25 epochs. Training, solid, falls from about 1 to near zero. Validation, dashed, stays at about 1.1 for three epochs, then falls, with a spike near the end. Validation with recomputed averages, dotted, stays close to the training curve and falls smoothly."
figure, axes = show.figure()
epochs = range(1, history.epochs + 1)
axes.plot(epochs, history.train_loss, color=blue, label="training")
axes.plot(epochs, history.validation_loss, "--", color=red, label="validation")
axes.plot(epochs, recomputed[0].losses, ":", color="k", label="validation, averages recomputed")
axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
axes.legend()
figure

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score


def grey_values(tensor):
    return torch.stack([tensor.mean(dim=(1, 2, 3)), tensor.std(dim=(1, 2, 3))], dim=1).numpy()


def answer(model):
    return nets.predict(model, test_images).argmax(dim=1).numpy()


regression = LogisticRegression().fit(grey_values(images[:300]), classes[:300])
answers = {  # one a seed; the regression has nothing random
    "mean and standard deviation, logistic regression": [regression.predict(grey_values(test_images))],
    "all pixels, multilayer perceptron": [answer(model) for model in perceptrons],
    "all pixels, small CNN": [answer(model) for model in cnns],
}
scores = {name: [balanced_accuracy_score(test_classes, a) for a in each] for name, each in answers.items()}
truth = test_classes.numpy()
gains = {  # share of right answers on the same 600 crops, first seed
    name: metrics.paired_difference(answers["all pixels, small CNN"][0] == truth, each[0] == truth)
    for name, each in list(answers.items())[:2]
}

# %%
#| label: tbl-classifiers
#| tbl-cap: "Balanced accuracy (mean over the classes of the share that was found) on 600 new crops, for each of the seeds. All saw the same training crops. Last column: by how much the CNN has a larger share of right answers on the very same crops (first seed, 95 % interval over crops). Of the two networks the CNN has fewer weights, and they suit images."
parameters = [regression.coef_.size + 3, nets.count_parameters(perceptron), nets.count_parameters(network)]
rows = [[name, f"{count:,}", ", ".join(f"{score:.3f}" for score in each),
         f"{100 * gains[name].difference:.0f} ({100 * gains[name].low:.0f} to {100 * gains[name].high:.0f}) points" if name in gains else ""]
        for (name, each), count in zip(scores.items(), parameters)]
show.table(rows, ["classifier", "learnt numbers", "balanced accuracy", "CNN is better by"])

# %% [markdown]
# What has it learnt? The filters of the first layer are 3×3 tables like those that we chose by hand, and each gives a
# feature map. A *hook* would do as well; here we just call the first block.

# %%
#| label: fig-learnt-filters
#| fig-cap: "What training made of random numbers. Top: the eight 3×3 filters of the first layer (purple negative, orange positive). Below: the feature maps that they make of a metaphase plate and of an apoptotic nucleus. Some maps show the whole nucleus, some only one of its sides, one the background without it; nobody asked for any of this."
#| fig-alt: "Top row: eight tables of 3 by 3 coloured squares, purple to orange. Middle row: eight feature maps of a bright bar, some showing the bar, some only one of its sides, one everything but the bar. Bottom row: eight feature maps of a cluster of discs, with the same kinds of answers."
filters = network.features[0].convolutions[0].weight.detach()[:, 0]
figure, panels = show.figure(3, 8, height=3.2)
with torch.no_grad():
    maps = network.features[0](torch.stack([test_images[test_classes == kind][0] for kind in (1, 2)]))
for index in range(8):
    strongest = filters.abs().max()
    panels[0, index].imshow(filters[index], cmap="PuOr_r", vmin=-strongest, vmax=strongest)
    for row in (0, 1):
        panels[row + 1, index].imshow(maps[row, index], cmap="viridis")
for axes in panels.flat:
    axes.set_axis_off()
figure

# %% [markdown]
# ## Real blood cells
#
# `training/cell_classifier.py` trained the same kind of network, four blocks deep, on red cells, white cells and
# platelets of stained blood smears (the BCCD set), and divided *images*, not crops, into training, validation and test
# set. The course carries the trained weights along, and some crops of test images, so you can use it here.

# %%
#| label: tbl-blood
#| tbl-cap: "The classifier of blood cells on test images that it never saw (from the results file of its training). Intervals are a bootstrap over images: how the score varies when the images are drawn anew. The second row is a classifier that knows nothing but the mean colour and its spread; the last row is the difference of the two on the same images."
import json

blood = nets.cell_classifier()
results = json.loads((nets.CELL_CLASSIFIER.parent / "results.json").read_text())


def row(name, scored):
    low, high = scored["interval_95"]
    return [name, f"{scored['balanced_accuracy']:.3f} ({low:.3f}–{high:.3f})",
            *(f"{recall:.3f}" for recall in scored["recall"].values())]


gain = results["gain_over_colour"]
show.table([row(f"CNN, {results['parameters']:,} parameters", results["test"]),
            row("mean colour, logistic regression", results["colour_baseline"]),
            ["difference", f"{gain['difference']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})", "", "", ""]],
           ["classifier", "balanced accuracy", *(f"{name}s found" for name in results["test"]["recall"])])

# %%
cells = data.load("blood-cells")
pictures = torch.as_tensor(np.stack([cell.image for cell in cells])).permute(0, 3, 1, 2) / 255
probabilities = torch.softmax(nets.predict(blood, pictures), dim=1)

# %% tags=["nbval-check-output"]
names = blood.card["classes"]
right = np.mean([names[p] == cell.target for p, cell in zip(probabilities.argmax(dim=1), cells)])
print(f"{len(cells)} crops of test images; at least nine of ten right:", right >= 0.9)

# %%
#| label: fig-blood
#| fig-cap: "Cells of test images with what the network calls them, and how sure it says it is. The crops are resized, so that the network cannot see how small a platelet is. Look what else tells the three apart: colour, the nucleus, sharpness. From such pictures alone nobody can say which of these the network uses."
#| fig-alt: "Twelve small colour pictures in two rows: pale red discs called red cell, large cells with violet lobed nuclei called white cell, blurred violet spots called platelet, each with a probability."
some = [index for kind in range(3) for index in [i for i, cell in enumerate(cells) if cell.target == names[kind]][:4]]
titles = [f"{names[probabilities[i].argmax()]}\n{probabilities[i].max():.0%}" for i in some]
show.images([cells[i].image for i in some], titles, columns=6)

# %%
#| label: fig-blood-maps
#| fig-cap: "A white cell on its way through the network: four feature maps of each of the four blocks, lively ones that differ from one another. The maps become coarser, 64×64 pixels to 8×8, and harder to name. From the last ones, averaged, a linear layer reads the class. The bright frames in the first maps are no biology: they come from padding a bright background with zeros."
#| fig-alt: "A colour picture of a white cell with a violet lobed nucleus, and four rows of four feature maps that look different: nucleus, cell body, outlines, background, some with a bright frame. Each row is coarser than the one before; the last row shows maps of 8 by 8 squares, bright in different places."
white = [i for i, cell in enumerate(cells) if cell.target == names[1]][1]
x, blocks = pictures[white : white + 1], []
with torch.no_grad():
    for layer in blood.features:
        x = layer(x)
        if not isinstance(layer, nn.MaxPool2d):
            blocks.append(x[0])


def dissimilar(maps, number=4):
    """The liveliest map, then always the one that is least like those already chosen, among the livelier half."""
    lively = maps.flatten(1).std(dim=1).argsort(descending=True)[: len(maps) // 2]
    alike, chosen = torch.corrcoef(maps[lively].flatten(1)).abs(), [0]
    while len(chosen) < number:
        chosen.append(int(alike[chosen].amax(dim=0).argmin()))
    return lively[chosen]


figure, panels = show.figure(4, 5, height=5.6)
panels[0, 0].imshow(cells[white].image)
for number, (panel, maps) in enumerate(zip(panels, blocks), start=1):
    panel[0].set_axis_off()
    for axes, index in zip(panel[1:], dissimilar(maps)):
        axes.imshow(maps[index], cmap="viridis")
        axes.set(xticks=(), yticks=())
        axes.spines[:].set_visible(False)
    panel[1].set_ylabel(f"block {number}\n{len(maps)} maps,\n{maps.shape[1]} × {maps.shape[2]}")
figure

# %% [markdown]
# ## Deep networks and shortcuts
#
# A *residual block* adds its input to its output, so that its layers only learn the difference, and the gradient has a
# way around them. Stack more and more 3×3 layers with random weights and ask how much of the gradient reaches the first.

# %%
#| label: fig-residual
#| fig-cap: "Size of the gradient at the first layer of networks of growing depth, before any training, with and without shortcuts. Without them almost nothing of it arrives after a few dozen layers. With them it even grows, slowly. (Without batch normalisation, PyTorch's standard random weights, mean of five networks.)"
#| fig-alt: "Line plot with logarithmic vertical axis against 2 to 40 blocks. The curve of plain networks falls in a straight line by many orders of magnitude. The curve of residual networks rises slowly, by two orders of magnitude."
def gradient_at_the_start(depth, residual):
    nets.seed_everything(0)
    sizes = []
    for _ in range(5):
        steps = [nets.ConvBlock(8, 8, times=1, norm=None, residual=residual) for _ in range(depth)]
        first = nn.Conv2d(1, 8, 3, padding=1)
        nn.Sequential(first, *steps)(images[:8]).mean(dim=(1, 2, 3)).sum().backward()
        sizes.append(float(first.weight.grad.norm()))
    return np.mean(sizes)


depths = [2, 5, 10, 15, 20, 30, 40]
reaching = {name: [gradient_at_the_start(depth, residual) for depth in depths]
            for name, residual in (("plain", False), ("residual", True))}
show.curves(
    reaching, x=depths, xlabel="blocks", ylabel="gradient at the first layer", log=True,
)

# %% [markdown]
# ## What goes wrong
#
# ### Forgotten: `model.eval()`
#
# In training mode batch normalisation looks at the whole batch, so the answer for one cell depends on its neighbours in
# the batch. Here each test crop is classified once in a mixed batch, once in a batch of its own class, once alone.

# %%
#| label: tbl-modes
#| tbl-cap: "One trained network, the same 600 crops, in both modes of batch normalisation. In training mode the score depends on who else is in the batch. In evaluation mode it does not."

def accuracy(model, batches):
    right = [(model(test_images[batch]).argmax(dim=1) == test_classes[batch]).float().sum() for batch in batches]
    return float(sum(right)) / len(test_classes)


batches = {
    "50 crops of all classes": torch.arange(600).split(50),
    "50 crops of one class": torch.argsort(test_classes, stable=True).split(50),
    "one crop": torch.arange(600).split(1),
}
evaluating, training = copy.deepcopy(network).eval(), copy.deepcopy(network).train()
for module in training.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.momentum = 0.0  # use the batch's statistics, but do not learn from test crops
with torch.no_grad():
    table = {name: (accuracy(training, parts), accuracy(evaluating, parts)) for name, parts in batches.items()}
show.table([[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in table.items()],
           ["batches of", "training mode", "evaluation mode"])

# %% tags=["nbval-check-output"]
print("evaluation mode does not care about the batch:", len({round(b, 2) for _, b in table.values()}) == 1)
print("training mode does:", table["50 crops of one class"][0] < table["50 crops of all classes"][0] - 0.1)

# %% [markdown]
# ### Another magnification
#
# Shift does not matter to a CNN. Size does: the filters were learnt for objects of one size.

# %%
#| label: tbl-magnification
#| tbl-cap: "The trained CNN on crops of the same kinds of nuclei, drawn smaller or larger. Nothing warns you: the network accepts images of any size and answers every time."
sizes = {}
for side in (16, 24, 32, 48, 64):
    other_images, other_classes = prepare(data.synthetic.cell_crops(300, seed=3, size=side))
    sizes[side] = balanced_accuracy_score(other_classes, nets.predict(network, other_images).argmax(dim=1))
show.table([[f"{side / 32:g} ×", f"{side} × {side}", f"{score:.3f}"] for side, score in sizes.items()],
           ["magnification", "crop", "balanced accuracy"])

# %% tags=["nbval-check-output"]
print("best at the size it was trained for:", max(sizes, key=sizes.get) in (24, 32))
print("twice as large, clearly worse:", sizes[64] < sizes[32] - 0.1)

# %% [markdown]
# ### Axes in the wrong order
#
# Images are stored as rows × columns × channels, PyTorch wants channels × rows × columns. `reshape` gives the right
# shape and the wrong picture, without a word. `permute` moves the axis.

# %%
#| label: fig-scrambled
#| fig-cap: "A white cell handed to the network. Left: with permute. Right: with reshape, the shape (3, 64, 64) is the same, the picture is not: what the network gets as its red, green and blue channel are three bands of the image, with the colours interleaved. Some answers happen to be right all the same, which does not help to find the mistake."
#| fig-alt: "Left: three grey channel pictures of a white cell. Right: three striped patterns in which no cell can be made out."
picture = torch.as_tensor(cells[white].image)
show.images([*picture.permute(2, 0, 1), *picture.reshape(3, 64, 64)],
            [f"{how}\nchannel {c}" for how in ("permute", "reshape") for c in range(3)], columns=6)

# %% tags=["nbval-check-output"]
kinds = np.array([names.index(cell.target) for cell in cells])
scrambled = torch.as_tensor(np.stack([cell.image for cell in cells])).reshape(-1, 3, 64, 64) / 255
print("same shape:", scrambled.shape == pictures.shape)
right_scrambled = np.mean(nets.predict(blood, scrambled).argmax(dim=1).numpy() == kinds)
print("many more mistakes:", right_scrambled < right - 0.2)

# %% [markdown]
# ## Exercise 6: read a network
#
# Somebody hands you this network; the images have 3 channels and 64 × 64 pixels. Say without running it: the shape of the last
# feature maps before they are averaged (maps, rows, columns); how many numbers it has to learn, biases included; how many
# pixels of the image one value of these maps can see along an axis; and between how many classes it decides.

# %%
unknown = nn.Sequential(
    nn.Conv2d(3, 8, 5),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=2, dilation=2),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),  # the mean of every map
    nn.Flatten(),
    nn.Linear(32, 4),
)

# %% tags=["exercise"] exercise="read_network"
def answers_about_the_network():
    raise NotImplementedError
    return {"maps": (0, 0, 0), "learnt": 0, "sees": 0, "classes": 0}


# %% tags=["solution"] exercise="read_network"
def answers_about_the_network():
    # Size: 64 → 60 (no padding) → 30 (pooling) → 30 (the padding makes up for the dilation) → 15 (stride 2).
    learnt = (5 * 5 * 3 + 1) * 8 + (3 * 3 * 8 + 1) * 16 + (3 * 3 * 16 + 1) * 32 + (32 + 1) * 4
    sees = 1 + 4 * 1 + 1 * 1 + 2 * 2 * 2 + 2 * 2  # after the pooling a step is two pixels
    return {"maps": (32, 15, 15), "learnt": learnt, "sees": sees, "classes": 4}


# %% tags=["check", "nbval-check-output"] exercise="read_network"
check.read_network(answers_about_the_network)

# %% [markdown]
# ## Exercise 7: five silent mistakes
#
# This function shall name the cell at (row, column) of an image: it cuts out a window of `side` × `side` pixels, which may
# hang over the border, and asks the classifier of blood cells, which was trained on crops of 64 × 64 pixels with values from 0 to 1. It
# runs without complaint, and nearly all its answers are the same. It has five mistakes: an invented border, values in
# another range, another magnification, swapped axes and the wrong mode. Mend them.

# %% tags=["exercise"] exercise="name_cell"
def name_cell(image, row, column, side, model):
    """Number of the class; `image` is (rows, columns, 3), uint8."""
    raise NotImplementedError
    padded = np.pad(image, ((side, side), (side, side), (0, 0)))
    top, left = row + side - side // 2, column + side - side // 2
    crop = padded[top : top + side, left : left + side]
    batch = torch.as_tensor(crop.reshape(1, 3, side, side)).float()
    return int(model.train()(batch).argmax())


# %% tags=["solution"] exercise="name_cell"
def name_cell(image, row, column, side, model):
    """Number of the class; `image` is (rows, columns, 3), uint8."""
    padded = np.pad(image, ((side, side), (side, side), (0, 0)), mode="reflect")  # no invented edge
    top, left = row + side - side // 2, column + side - side // 2
    crop = padded[top : top + side, left : left + side]
    batch = torch.as_tensor(crop).permute(2, 0, 1)[None].float() / 255  # axes moved; 0 to 1
    batch = F.interpolate(batch, size=(64, 64), mode="bilinear", antialias=True)  # the training's magnification
    with torch.no_grad():
        return int(model.eval()(batch).argmax())


# %% tags=["check", "nbval-check-output"] exercise="name_cell"
check.name_cell(name_cell)

# %% [markdown]
# ## Exercise 8: your own kernel (open)
#
# Find single molecules: spots with σ = 1.5 pixels, on a background that is uneven and in places brighter than they are.
# Design a kernel (any odd size up to 15) whose answer is highest at the spots. The check filters images that you have
# not seen, takes the highest local maxima, as many as there are spots, and tells how many of them are spots.

# %%
#| label: fig-spots
#| fig-cap: "Left: an image of the kind that the check uses, 40 spots on an uneven background. To the eye no problem. Right: the brightest tenth of its pixels. A threshold finds the background."
#| fig-alt: "Left: grey cloudy image with about forty small bright dots. Right: black and white image of the same place; a few large white patches follow the bright clouds, and most dots outside them are missing."
random = np.random.default_rng(5)
spots = data.synthetic.spots((128, 128), count=40, seed=5).image.astype(float)
clouds = ndimage.gaussian_filter(random.normal(size=(128, 128)), 12, mode="wrap")
spots += 200 * clouds / clouds.std() + random.normal(0, 15, (128, 128))
show.images([spots, spots > np.percentile(spots, 90)], ["spots", "threshold"], columns=2)

# %% tags=["exercise"] exercise="spot_kernel"
def spot_kernel():
    raise NotImplementedError
    return np.ones((7, 7))


# %% tags=["solution"] exercise="spot_kernel"
def spot_kernel():
    # A spot minus its surroundings: a narrow Gaussian minus a wide one. The weights add up to 0, so that a flat
    # background, however bright, gives no answer, and as they are symmetric a slope gives none either.
    distance = np.hypot(*np.mgrid[-7:8, -7:8])
    narrow, wide = np.exp(-((distance / 1.5) ** 2) / 2), np.exp(-((distance / 3) ** 2) / 2)
    return narrow / narrow.sum() - wide / wide.sum()


# %% tags=["check", "nbval-check-output"] exercise="spot_kernel"
check.spot_kernel(spot_kernel)

# %% [markdown]
# A network would *learn* this kernel from examples. Try it: one `nn.Conv2d(1, 1, 15)`, the image in, a picture with
# ones at the centres out. Does it find a kernel like yours?
#
# ## Encoders and decoders
#
# The pieces of this chapter make most networks of this book. One picture as an outlook:

# %% tags=["hide-input"]
#| label: fig-encoder-decoder
#| fig-cap: "Three encoder–decoders. The height of a bar stands for the size of its feature maps, the narrowest is the embedding. An auto-encoder reproduces its input from the embedding. A variational auto-encoder draws the embedding at random around a predicted mean, so that new images can be drawn. A U-Net makes another image, such as a segmentation, and hands fine detail across by skip connections."
#| fig-alt: "Three drawings of bars that get shorter and then longer again. The first has a green bar in the middle, labelled embedding. In the second the middle is split into mean and spread. In the third, curved arrows lead from each bar on the left to its partner on the right."
figure, panels = show.figure(1, 3, height=2.5)
heights = [4, 3, 2, 1, 2, 3, 4]
for axes, title in zip(panels, ("auto-encoder", "variational auto-encoder", "U-Net")):
    for x, height in enumerate(heights):
        middle = x == 3
        if middle and title.startswith("var"):
            for side, name in ((0.75, "mean"), (-0.75, "spread")):
                axes.bar(x, 0.9, 0.55, bottom=side - 0.45, color=green)
                axes.text(x, side * 2.1, name, ha="center", va="center", fontsize=9)
        else:
            axes.bar(x, height, 0.55, bottom=-height / 2, color=green if middle else (blue if x < 3 else orange))
        if title == "U-Net" and x < 3:
            axes.annotate("", (6 - x, height / 2 + 0.05), (x, height / 2 + 0.05),
                          arrowprops={"arrowstyle": "->", "connectionstyle": f"arc3,rad={-0.22}", "color": "k"})
    axes.text(1, -2.7, "encoder", ha="center", color=blue)
    axes.text(5, -2.7, "decoder", ha="center", color="#8a5f00")
    axes.set(title=title, xlim=(-0.6, 6.6), ylim=(-3, 3.4))
    axes.set_axis_off()
figure

# %% [markdown]
# ## What the page claims
#
# Each sentence of the page about these numbers has a name. Here stands what it rests on.

# %% tags=["claims", "nbval-check-output"]
def at_the_sides(out):
    """Share of the other pixels that answer more weakly than the mean of the first and last column."""
    strength = out[0, 0].abs()
    return float((strength[:, 1:-1] < strength[:, [0, -1]].mean()).float().mean())


deep = gradients["ten 3×3 layers"]
middle = deep[19:30, 19:30].sum() / deep.sum()  # the inner 11 × 11 of 21 × 21 pixels
trailing = [max(h.validation_loss[e] - r.losses[e] for e in range(1, 5)) for h, r in zip(histories, recomputed)]
spikes = [max(np.diff(h.validation_loss[8:])) > 3 * max(np.diff(r.losses[8:])) for h, r in zip(histories, recomputed)]
mirrored = F.pad(pictures[white : white + 1], (8, 8, 8, 8), mode="reflect")
with torch.no_grad():
    first_maps, without_frame = blocks[0], blood.features[0](mirrored)[0, :, 8:-8, 8:-8]
frame = [float(torch.cat([m[:, 0], m[:, -1]], dim=1).amax()) for m in (first_maps, without_frame)]
cnn, pixels, simple = ([round(float(v), 3) for v in scores[name]] for name in reversed(scores))
answers_live = {name: [kinds_of_nuclei[p.argmax()] for p in each] for name, each in said.items()}
show.claims(
    ("live-names-photographs", "f44445", all(each[2] == name for name, each in answers_live.items()),
     "at 1 ×: " + " and ".join(each[2] for each in answers_live.values())),
    ("live-knows-one-size", "73a814", answers_live["metaphase"][3] == "interphase" and answers_live["metaphase"][0] == "apoptotic",
     f"the plate at 1.5 ×: {answers_live['metaphase'][3]}, at 0.5 ×: {answers_live['metaphase'][0]}"),
    ("conv2d-turns-nothing", "599273", bool(np.allclose(conv2d(nuclei, sobel), correlated) and not np.allclose(conv2d(nuclei, sobel), convolved)),
     "equal to correlate2d, not to convolve2d"),
    ("zeros-invent-an-edge", "87f6d4", at_the_sides(borders["zeros"]) > 0.98 and at_the_sides(borders["mirror"]) < 0.9,
     f"zeros: stronger than {at_the_sides(borders['zeros']):.0%} of all other pixels"),
    ("sharing-saves", "f3a1e9", convolution == 160 and connected > 6e10 and connected * 4 > 2e11, f"{convolution} and {connected:,}"),
    ("shift-not-turn", "b97638",
     bool(np.allclose(conv2d(shifted, sobel, padding=1)[inner], np.roll(conv2d(nuclei, sobel, padding=1), 5, axis=1)[inner])
          and not np.allclose(conv2d(turned, sobel, padding=1)[inner], np.rot90(conv2d(nuclei, sobel, padding=1))[inner])),
     "shift: equal; quarter turn: not equal"),
    ("soft-spot", "43a47d", bool(middle > 2 / 3), f"more than {math.floor(middle * 10) * 10} % within {121 / 441:.0%} of the square"),
    ("shortcuts-carry", "beb5aa", reaching["plain"][-1] < 1e-12 and min(reaching["residual"]) > 0.1, "40 blocks: below 1e-12 without, above 0.1 with"),
    ("averages-trail", "7604bb", min(trailing) > 0.3 and sum(spikes) == 3, f"more than 0.3 in {sum(t > 0.3 for t in trailing)} of 3 trainings; spikes only with running averages in {sum(spikes)} of 3"),
    ("cnn-sees-shape", "453284", min(cnn) > max(pixels) + 0.03 and min(cnn) > max(simple) + 0.3 and min(g.low for g in gains.values()) > 0
     and nets.count_parameters(perceptron) > 10 * nets.count_parameters(network),
     f"better in {sum(a > b for a, b in zip(cnn, pixels))} of 3 seeds; {nets.count_parameters(network):,} against {nets.count_parameters(perceptron):,} weights"),
    ("colour-gets-far", "ef198a", results["colour_baseline"]["balanced_accuracy"] > 0.9 and gain["low"] > 0,
     f"{results['colour_baseline']['balanced_accuracy']:.3f}; CNN {gain['difference']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f}), {gain['n']} images"),
    ("frames-from-padding", "26b674", frame[0] > 2 * frame[1], "strongest value of the frame more than twice that with mirrored margins"),
    ("mode-decides", "f36ff6", table["50 crops of one class"][0] < 0.5 < 0.95 < min(e for _, e in table.values()), "training mode, sorted: below 0.5; evaluation mode: above 0.95"),
    ("size-matters", "03c67b", sizes[32] > 0.95 and max(sizes[16], sizes[48], sizes[64]) < 0.8, "below 0.8 at half, 1.5 and 2 times the size; above 0.95 at the trained one"),
    ("reshape-scrambles", "3df072", bool(right - right_scrambled > 0.3), f"{right:.0%} right with permute, more than 30 points fewer with reshape"),
)
