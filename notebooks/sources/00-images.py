# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "00"
#   title: Images as arrays
#   extra: torch
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# To a computer a micrograph is a table of numbers. In the next 45 minutes you will read single pixels, cut out
# parts, see how numbers break when they no longer fit, count nuclei in a label image, and end with a tensor that
# knows its gradient. No model yet, and no experience with arrays needed.
#
# ## The notebook
#
# A notebook is made of *cells*. Click into one and press **Shift + Enter**: it runs, its result appears below,
# and the next cell is selected. Run them from top to bottom, because later cells use what earlier ones made. If
# things get muddled, choose *Restart kernel and run all cells* in the menu. You cannot break anything.
#
# Start with this one. It loads the tools; the first time takes some seconds.

# %% tags=["setup"]
import io

import numpy as np
from matplotlib.patheffects import withStroke
from PIL import Image
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu
from skimage.measure import block_reduce
from skimage.transform import resize

from bioimage_course import check, data, explore, show

rng = np.random.default_rng(36)  # random numbers that are the same every time
blue, orange, yellow = (show.PALETTE[colour] for colour in ("blue", "orange", "yellow"))

# %% [markdown]
# ## An image is an array
#
# `data.load` brings one of the course's images. `image` is then a NumPy *array*: numbers in rows and columns.

# %% tags=["nbval-check-output"]
nuclei = data.load("nuclei")
image = nuclei.image
print("shape:", image.shape)  # rows, columns
print("type: ", image.dtype)  # what kind of numbers
print("from", image.min(), "to", image.max())

# %% [markdown]
# Or all of it at a glance, with the picture and its histogram. This works for images of your own as well (drawn by
# [stackview](https://github.com/haesleinhuepf/stackview)).

# %% tags=["widget"]
explore.insight(image)

# %% [markdown]
# Square brackets pick values. The **row comes first** and counts downwards, then the column; both start at 0. A
# colon makes a *slice*, from the first number up to, but not including, the second.

# %% tags=["nbval-check-output"]
print(image[30, 60])  # one pixel: row 30, column 60
print(image[30:33, 60:64])  # a small block: rows 30 to 32, columns 60 to 63

# %% tags=["hide-input"]
#| label: fig-pixels
#| fig-cap: "A micrograph (its upper left part) and what it consists of. Right: the orange square, magnified. Every pixel is one number; its address is row, then column, counted from the upper left corner."
#| fig-alt: "Left: fluorescence image of nuclei with a small orange square at the edge of a bright nucleus. Right: the ten by ten pixels of that square as grey tiles, each with its value written in it, from 21 in the dark background to 148 in the nucleus, with row numbers down the side and column numbers along the top."
top, left, size = 36, 48, 10
figure, (whole, part) = show.figure(1, 2, height=3.7)
whole.imshow(image[:160, :160], cmap="gray", vmax=150)
whole.plot([left, left + size, left + size, left, left], [top, top, top + size, top + size, top], color=orange, lw=2)
whole.set(xlabel="column", ylabel="row")
part.imshow(image[top:top + size, left:left + size], cmap="gray", vmin=0, vmax=150)
for row in range(size):
    for column in range(size):
        value = image[top + row, left + column]
        part.text(column, row, value, ha="center", va="center", fontsize=8.5, color="white" if value < 80 else "black")
part.set(xticks=range(size), yticks=range(size), xticklabels=range(left, left + size), yticklabels=range(top, top + size))
part.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=8.5)
for axes in (whole, part):
    axes.grid(False)
figure

# %% [markdown]
# ## Warm-up: how exercises work
#
# An exercise is a function for you to fill in. Replace `raise NotImplementedError` by your answer, run the cell,
# then run the check below it:
#
# - `○` not done yet,
# - `✗` not right, and what seems to be the matter,
# - `✔` right.
#
# Stuck? Put `check.one_pixel.hint()` into a new cell, more than once if you like; `check.one_pixel.solution()` shows
# a solution. Run the check first *without* touching anything, to see the circle.
#
# Now: return the value of the pixel in **row 40, column 60**.

# %% tags=["exercise"] exercise="one_pixel"
def look(image):
    raise NotImplementedError
    return image[...]  # put the address of the pixel between the brackets, and delete the line above


# %% tags=["solution"] exercise="one_pixel"
def look(image):
    return image[40, 60]


# %% tags=["check", "nbval-check-output"] exercise="one_pixel"
check.one_pixel(look)

# %% [markdown]
# ## Sampling: how many pixels?
#
# The camera divides a continuous scene into a grid and adds up the light that falls on each square. What if the
# squares were larger? We average blocks of 2 × 2, 4 × 4 and 8 × 8 pixels.

# %%
#| label: fig-sampling
#| fig-cap: "The same eight nuclei, sampled ever more coarsely. Where 2 × 2 pixels are averaged, outlines turn into small steps; with 4 × 4 a nucleus is a clump of squares, and with 8 × 8 those that touch have run together. No later processing brings the outlines back."
#| fig-alt: "Four versions of one cut-out. As recorded, with 96 by 96 pixels, eight grey nuclei, some touching, can be told apart; with 48 by 48 pixels they look jagged; with 24 by 24 the nuclei are clumps of squares; with 12 by 12 only a mosaic of grey tiles is left."
crop = image[154:250, 40:136]
sampled = [block_reduce(crop, (size, size), np.mean) for size in (1, 2, 4, 8)]
names = ("as recorded", "2 × 2 averaged", "4 × 4 averaged", "8 × 8 averaged")
show.images(sampled, [f"{name}\n{len(s)} × {len(s)} pixels" for name, s in zip(names, sampled)], limits=(0, 150))

# %% [markdown]
# Too coarse a grid does more than blur: it *invents*. Take stripes that repeat every 2 µm, as in a muscle fibre, and
# count the stripes that different pixels record over 36 µm.

# %%
stripes = np.tile(0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(360) + 0.5) / 20), (90, 1))  # 0.1 µm a value, period 2 µm
recorded = {0.1 * size: block_reduce(stripes, (size, size), np.mean) for size in (1, 5, 15)}


def count_stripes(picture):
    """Number of periods across a picture: the strongest wave in its mean row."""
    row = picture.mean(axis=0)
    return int(np.abs(np.fft.rfft(row - row.mean())).argmax())


# %%
#| label: fig-aliasing
#| fig-cap: "A pattern that is not there. Above: drawn stripes, one every 2 µm. Middle: pixels of 0.5 µm record them all. Below: pixels of 1.5 µm, more than half of the period, record regular stripes too, but six of them, 6 µm apart, and nothing in the picture says that they are false."
#| fig-alt: "Three wide pictures, one below the other, of vertical grey stripes over 36 micrometres. Above and in the middle 18 stripes; below 6 broader stripes of weaker contrast, made of coarse pixels."
figure, panels = show.figure(3, 1, height=3.9, sharex=True)
for axes, (pixel, picture) in zip(panels, recorded.items()):
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, extent=(0, 36, 9, 0), aspect="auto")
    what = "the scene" if pixel < 0.2 else f"pixels of {pixel:.1f} µm"
    axes.set_title(f"{what}: {count_stripes(picture)} stripes", fontsize=10)
    axes.set(yticks=[])
    axes.grid(False)
panels[-1].set_xlabel("µm")
figure

# %% tags=["nbval-check-output"]
for pixel, picture in recorded.items():
    print(f"pixels of {pixel:.1f} µm: {count_stripes(picture)} stripes in 36 µm, one every {36 / count_stripes(picture):.0f} µm")

# %% [markdown]
# ## Quantisation: how many values?
#
# The light in each square is turned into a whole number. With *b* bits there are 2ᵇ of them. To see what fewer bits
# would have left, we give each pixel the nearest of 2ᵇ values that are spread evenly from 0 to 255.

# %%
def nearest_level(values, bits):
    """Each value of an 8-bit image, replaced by the nearest of 2**bits levels between 0 and 255."""
    levels = np.linspace(0, 255, 2**bits).round()
    return levels[np.abs(np.asarray(values)[..., None] - levels).argmin(axis=-1)]


# %%
#| label: fig-bits
#| fig-cap: "Fewer bits, fewer values. With 4 bits you hardly see the loss, but every pixel is now one of 16 numbers; with 3 bits shading breaks into steps, and with 2 bits touching nuclei have become one grey patch."
#| fig-alt: "The same cut-out with 8, 4, 3 and 2 bits. 8 and 4 bits look nearly alike. With 3 bits nuclei are flat grey areas with ragged borders between the greys; with 2 bits only black, grey and white areas are left: the nuclei are flat grey patches with ragged borders, and those that touch cannot be told apart."
few_bits = {bits: nearest_level(crop, bits) for bits in (8, 4, 3, 2)}
show.images(list(few_bits.values()), [f"{bits} bits: {2**bits} values" for bits in few_bits], limits=(0, 150))

# %%
#| label: tbl-types
#| tbl-cap: "The number types that you will meet. Memory is for one camera image of 2048 × 2048 pixels."
rows = []
for name, use in (("uint8", "photographs, most screens"), ("uint16", "microscope cameras, label images"),
                  ("int32", "label images, differences"), ("float32", "networks, everything calculated")):
    kind = np.dtype(name)
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    span = [(f"{limit:,}" if kind.kind in "iu" else f"{limit:.1e}").replace("-", "−") for limit in (limits.min, limits.max)]
    rows.append([f"`{name}`", 8 * kind.itemsize, *span, f"{2048 * 2048 * kind.itemsize / 1e6:.1f} MB", use])
show.table(rows, ["type", "bits", "smallest", "largest", "memory", "used for"])

# %% [markdown]
# The type of a file says how many values *could* be in it, not how many there are:

# %% tags=["nbval-check-output"]
print("our image is", image.dtype, "with room for", np.iinfo(image.dtype).max + 1, "values")
print("different values that occur:", np.unique(image).size)
print("8 bits would have been enough:", image.max() < 2**8)

# %% [markdown]
# ## Exercise 1: the impossible pixel
#
# This table was printed in a lecture as an example of an 8-bit image. One of its numbers cannot be.
#
# Let the computer find it: write a function that returns the places, `[row, column]`, of all values that an 8-bit
# image cannot contain. The check tries other tables too.

# %%
printed = np.array([
    [249, 244, 240, 230, 209, 233, 227, 251, 255],
    [248, 245, 210, 93, 81, 120, 97, 193, 254],
    [250, 170, 133, 94, 137, 120, 104, 145, 253],
    [241, 116, 118, 107, 134, 138, 96, 92, 163],
    [277, 142, 121, 113, 124, 115, 107, 71, 179],
    [234, 106, 84, 125, 97, 108, 125, 106, 204],
    [241, 202, 102, 132, 75, 73, 141, 248, 252],
    [253, 252, 244, 239, 178, 199, 242, 250, 245],
    [255, 249, 244, 250, 226, 231, 240, 251, 253],
])

# %% [markdown]
# A comparison with an array answers for every pixel at once. The answer is a *mask*, an array of `True` and `False`:

# %% tags=["nbval-check-output"]
print((printed > 250)[0])  # first row only
print("how many:", (printed > 250).sum())  # True counts as 1

# %% tags=["exercise"] exercise="impossible_pixels"
def find(table):
    raise NotImplementedError
    mask = ...  # True where the value is impossible; | means "or", & means "and"
    return np.argwhere(mask)  # the [row, column] of every True


# %% tags=["solution"] exercise="impossible_pixels"
def find(table):
    mask = (table < 0) | (table > 255)
    return np.argwhere(mask)


# %% tags=["check", "nbval-check-output"] exercise="impossible_pixels"
check.impossible_pixels(find)

# %% [markdown]
# ## Exercise 2: a camera
#
# Sampling and quantisation in one. `light` is a scene on a fine grid: 0 is dark, 1 is the most that the camera can
# record, and there may be more than that.
#
# 1. `record(light, size, bits)`: average the light in squares of `size` × `size` values. Turn each mean into the
#    nearest whole number on a scale from 0 (dark) to the largest value that `bits` bits can hold (light 1 and
#    more).
# 2. `told_apart(first, second, size, bits)`: two scenes are given. Could *any* software tell from the recorded images
#    that the scenes differ? Answer `True` or `False`.
#
# (`block_reduce` above averages blocks.)

# %% tags=["exercise"] exercise="camera"
def record(light, size, bits):
    raise NotImplementedError
    return ...  # whole numbers, one for each square


def told_apart(first, second, size, bits):
    raise NotImplementedError
    return ...


# %% tags=["solution"] exercise="camera"
def record(light, size, bits):
    squares = block_reduce(light, (size, size), np.mean)
    return np.round(np.clip(squares, 0, 1) * (2**bits - 1)).astype(int)


def told_apart(first, second, size, bits):
    return not np.array_equal(record(first, size, bits), record(second, size, bits))


# %% tags=["check", "nbval-check-output"] exercise="camera"
check.camera(record, told_apart)

# %% [markdown]
# ## When numbers do not fit
#
# NumPy does what the processor does: a sum that is too large for its type starts again at zero, like the
# odometer of an old car. No error, no warning.

# %% tags=["nbval-check-output"]
values = np.array([100, 155, 156, 200], dtype=np.uint8)
print(values + 100)
print(values - 101)

# %%
#| label: fig-wrap
#| fig-cap: "Adding 100 to an 8-bit image. Middle: where the sum would pass 255 it wraps around, and the brightest parts turn black. Right: calculated with room to spare and clipped at the end."
#| fig-alt: "Three versions of a cut-out with two bright nuclei and two dim ones. Left: original. Middle: everything is brighter, but inside the brightest nucleus two patches with sharp edges are black. Right: everything is brighter and those patches are white."
eight_bit = image[20:84, 20:84].astype(np.uint8)
wrapped = eight_bit + 100
cured = np.clip(eight_bit.astype(np.uint16) + 100, 0, 255).astype(np.uint8)
show.images([eight_bit, wrapped, cured], ["original", "image + 100", "with room, then clipped"], limits=(0, 255))

# %% [markdown]
# ## Exercise 3: wrap-around
#
# 1. `will_wrap(image)`: for an 8-bit image, a mask of the pixels that will wrap around when 100 is added.
# 2. `brighten(image)`: the 8-bit image plus 100; what would pass 255 becomes 255.

# %% tags=["exercise"] exercise="wrap_around"
def will_wrap(image):
    raise NotImplementedError
    return ...  # a mask


def brighten(image):
    raise NotImplementedError
    return ...  # of type np.uint8 again


# %% tags=["solution"] exercise="wrap_around"
def will_wrap(image):
    return image > 255 - 100


def brighten(image):
    wide = image.astype(np.uint16) + 100
    return np.clip(wide, 0, 255).astype(np.uint8)


# %% tags=["check", "nbval-check-output"] exercise="wrap_around"
check.wrap_around(will_wrap, brighten)

# %% [markdown]
# ## More axes
#
# A stack has a third axis, a colour image a third of another kind. The shape alone does not tell which is which:
# you have to know, and the course's samples say it.

# %%
tissue, stack = data.load("tissue-he"), data.load("nuclei-3d")

# %%
#| label: tbl-axes
#| tbl-cap: "Three images of this course and their axes: Z plane, Y row, X column, C channel."
rows = [[f"`{sample.name}`", " × ".join(map(str, sample.image.shape)), sample.axes, f"`{sample.image.dtype}`", what]
        for sample, what in ((nuclei, "one plane, one channel"), (tissue, "colour: red, green, blue"),
                             (stack, "a stack of planes"))]
show.table(rows, ["sample", "shape", "axes", "type", "what it is"])

# %%
#| label: fig-channels
#| fig-cap: "A tissue section stained with haematoxylin and eosin, and its three channels. Haematoxylin swallows red light and eosin lets it pass, so nuclei stand out best in the red channel. Channels are what the camera saw; none of them is one of the two dyes."
#| fig-alt: "Four panels. A pink tissue section with dark blue nuclei, then its red, green and blue channel in grey. In the red channel nuclei are dark on a light background; in the green one nuclei and background are both darker; in the blue one the background is light again and nuclei are less dark."
colours = tissue.image[60:200, 180:320]
channels = [colours[..., 0], colours[..., 1], colours[..., 2]]
show.images([colours, *channels], ["all three", "channel 0: red", "channel 1: green", "channel 2: blue"], limits=(0, 255))

# %% [markdown]
# Functions such as `max`, `mean` and `sum` take the axis over which they run. That axis disappears:

# %% tags=["nbval-check-output"]
print("stack:", stack.image.shape)
print("one plane:", stack.image[15].shape)
print("maximum projection along Z:", stack.image.max(axis=0).shape)
print("channels to the front:", np.moveaxis(tissue.image, -1, 0).shape)

# %% [markdown]
# ## Exercise 4: crop, flip, sum
#
# From a colour picture (rows, columns, channels) cut out **rows 50 to 149** and **columns 100 to 299** of the **third
# channel**, mirror the piece left–right, and return it together with the sum of its values.

# %% tags=["exercise"] exercise="crop_flip_sum"
def prepare(picture):
    raise NotImplementedError
    crop = ...  # the end of a slice is not included; [::-1] runs backwards
    return crop, crop.sum()


# %% tags=["solution"] exercise="crop_flip_sum"
def prepare(picture):
    crop = picture[50:150, 100:300, 2]
    crop = crop[:, ::-1]
    return crop, crop.sum()


# %% tags=["check", "nbval-check-output"] exercise="crop_flip_sum"
check.crop_flip_sum(prepare)

# %% [markdown]
# ## Two kinds of image
#
# In an *intensity image* a value says how much light. In a *label image* it says **whose pixel this is**: 0 for
# background, and one number for each object. The numbers are names. Twice as large means nothing.

# %% tags=["hide-input"]
#| label: fig-labels
#| fig-cap: "The same place twice. Left: intensities with the outlines of the annotated nuclei, a colour for each. Right: the label image inside the white square. The two touching nuclei have different numbers, so they stay apart although no background lies between them."
#| fig-alt: "Left: cut-out of the fluorescence image, eight nuclei outlined in eight colours with their numbers in them, a dashed white square where two nuclei touch. Right: fourteen by fourteen tiles with numbers; a left area of 169 and a right area of 35 meet without a gap, and in the upper right corner lie black tiles of 0."
labels = nuclei.labels
here = np.s_[154:250, 40:136]
eight = np.unique(labels[here])[1:]
names = ("orange", "sky", "green", "purple", "blue", "vermilion", "yellow")
colours_of = dict(zip(eight.tolist(), [*(show.PALETTE[name] for name in names), "#ffffff"]))
figure, (whole, part) = show.figure(1, 2, height=3.6)
whole.imshow(image[here], cmap="gray", vmax=150)
for number in np.unique(labels[here])[1:]:
    whole.contour(labels[here] == number, [0.5], colors=colours_of[int(number)], linewidths=1.5)
    row, column = np.argwhere(labels[here] == number).mean(axis=0)
    whole.text(column, row, number, ha="center", va="center", fontsize=9, color="white",
               path_effects=[withStroke(linewidth=2, foreground="black")])
top, left, size = 57, 47, 14
whole.plot(np.array([left, left + size, left + size, left, left]) - 0.5,
           np.array([top, top, top + size, top + size, top]) - 0.5, "--", color="white", lw=2)
numbers = labels[here][top:top + size, left:left + size]
tiles = np.zeros((size, size, 3))
for number in np.unique(numbers)[1:]:
    tiles[numbers == number] = [int(colours_of[int(number)][i:i + 2], 16) / 255 for i in (1, 3, 5)]
part.imshow(tiles)
for row in range(size):
    for column in range(size):
        number = numbers[row, column]
        part.text(column, row, number, ha="center", va="center", fontsize=7.5, color="black" if number else "white")
for axes in (whole, part):
    axes.set_axis_off()
figure

# %% [markdown]
# With a mask you ask an object anything: its area is the number of its pixels, its brightness the mean of the
# *intensity image* there.

# %% tags=["nbval-check-output"]
mask = labels == 1
print("object 1 covers", mask.sum(), "pixels")
print("its mean intensity is", round(float(image[mask].mean()), 1))

# %% [markdown]
# ## Exercise 5: count nuclei
#
# Return the number of objects in a label image and the area (in pixels) of the object with a given number. Look at
# `np.unique(labels)` first: what is the largest number, and is every number there? The check tries other label images
# too. In one of them the objects fill everything and there is no background at all.

# %% tags=["exercise"] exercise="count_labels"
def measure(labels, number):
    raise NotImplementedError
    count = ...
    area = ...  # of the object called `number`
    return count, area


# %% tags=["solution"] exercise="count_labels"
def measure(labels, number):
    count = len(np.unique(labels[labels > 0]))
    area = (labels == number).sum()
    return count, area


# %% tags=["check", "nbval-check-output"] exercise="count_labels"
check.count_labels(measure)

# %% [markdown]
# ## What you see is not what is stored
#
# A screen shows 256 greys. Something must decide which value becomes black and which white: the *display range*.
# Try it. Which of the numbers change when you move the black and white point, and which when you lower the bit
# depth?

# %% tags=["widget"]
explore.pixels()

# %%
#| label: fig-display
#| fig-cap: "One array, shown three times. The sum below each panel is that of the array, and it is the same."
#| fig-alt: "The image of nuclei three times: dark, with a few bright nuclei and many faint ones; brighter, with every nucleus plain to see on dark grey; and very bright, with nearly all nuclei flat white. Under each the same sum of values is printed."
figure, panels = show.figure(1, 3, height=2.9)
for axes, (low, high) in zip(panels, ((0, 235), (0, 100), (20, 45))):
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    axes.set(title=f"black {low}, white {high}", xlabel=f"sum {image.sum():,}", xticks=[], yticks=[])
    axes.grid(False)
figure

# %% [markdown]
# Software that chooses the range for each image by itself ("auto") makes a dim image look like a bright one. Here
# the second image has a quarter of the light:

# %%
#| label: fig-auto
#| fig-cap: "Control and treatment? In the first pair each image is stretched to its own range and they look alike. In the second pair both have the same range, and the fourfold difference is plain to see. Compare images only at the same display range, and report numbers."
#| fig-alt: "Four panels with the same nuclei. The first two look the same. The third is the first again; the fourth is almost black with faint nuclei."
dim = crop // 4
figure, panels = show.figure(1, 4, height=2.3)
for axes, piece, white, title in zip(panels, (crop, dim, crop, dim), (crop.max(), dim.max(), crop.max(), crop.max()),
                                     ("image 1, own range", "image 2, own range", "image 1", "image 2, range of 1")):
    axes.imshow(piece, cmap="gray", vmin=0, vmax=white)
    axes.set(title=title, xlabel=f"white = {white}", xticks=[], yticks=[])
    axes.grid(False)
figure

# %% tags=["nbval-check-output"]
print("mean of the first: ", round(float(crop.mean()), 1))
print("mean of the second:", round(float(dim.mean()), 1))

# %% [markdown]
# ## From array to tensor
#
# PyTorch, with which this course builds networks, has arrays of its own: *tensors*. Three things are new.
#
# **An agreed order of axes.** The layers of a network expect whole batches, N × C × H × W: images, channels, height
# (rows), width (columns). A single grey image gets two axes of length 1 in front. Numbers are `float32`.

# %% tags=["nbval-check-output"]
import torch

x = torch.tensor(image.astype(np.float32))
print(x.shape, x.dtype)
print(x[None, None].shape)  # None adds an axis of length 1

# %%
#| label: fig-batch
#| fig-cap: "A batch: four pieces cut at random places, one after another along the first axis. This is how images enter a network."
#| fig-alt: "Four square cut-outs of 64 by 64 pixels with a few nuclei each, side by side, numbered 0 to 3."
corners = rng.integers(0, 512 - 64, (4, 2))
batch = torch.stack([x[None, row:row + 64, column:column + 64] for row, column in corners])
show.images([piece[0] for piece in batch], [f"batch[{n}]" for n in range(4)], limits=(0, 150))

# %% tags=["nbval-check-output"]
print("batch:", tuple(batch.shape))
picture = torch.tensor(tissue.image.astype(np.float32))  # rows, columns, channels
print("colour image as a batch of one:", tuple(picture.permute(2, 0, 1)[None].shape))

# %% [markdown]
# **A device.** A tensor lies in the memory of the processor or of a graphics card, and two tensors can only be
# combined on the same one. `.to(device)` moves it, `.cpu().numpy()` brings it back.

# %%
from bioimage_course import nets

device = nets.device()  # the fastest one here: "cuda", "mps" or "cpu"
there = batch.to(device)
back = there.cpu().numpy()

# %% tags=["nbval-check-output"]
print("unchanged by the journey:", np.array_equal(back, batch.numpy()))

# %% [markdown]
# **A gradient.** Ask a tensor to keep track (`requires_grad_()`), calculate one number from it, and call
# `backward()`. Then `.grad` holds, for every single value: *how much would the result change if this value were 1
# larger?* Take three numbers and their sum, in which the last counts ten times:

# %% tags=["nbval-check-output"]
t = torch.tensor([3.0, 5.0, 2.0]).requires_grad_()
score = t[0] + t[1] + 10 * t[2]
score.backward()
print("score:", score.item())
print("gradient:", t.grad)

# %% [markdown]
# The same with an image. The score is how much brighter nucleus 7 is than the empty ring around it:

# %%
from scipy.ndimage import distance_transform_edt

nucleus = labels == 7
distance = distance_transform_edt(~nucleus)  # of every pixel outside, to the nucleus
ring = (distance > 3) & (distance <= 8) & (labels == 0)
x = torch.tensor(image.astype(np.float32))[None, None].requires_grad_()
contrast = x[0, 0][torch.tensor(nucleus)].mean() - x[0, 0][torch.tensor(ring)].mean()
contrast.backward()

# %%
#| label: fig-gradient
#| fig-cap: "A gradient is an image too. The score is the contrast of one nucleus: mean inside minus mean of the empty ring around it. Blue pixels raise the score when they get brighter, orange ones lower it, all others do not matter. We did not draw this map; PyTorch worked it out from the score."
#| fig-alt: "Left: cut-out with a bright nucleus. Right: the gradient at the same place; an evenly blue oval where the nucleus is, an orange ring at some distance around it with gaps where other nuclei lie, white elsewhere."
from matplotlib.colors import LinearSegmentedColormap

view = np.s_[8:78, 26:96]
figure, (left_axes, right_axes) = show.figure(1, 2, height=3.5)
left_axes.imshow(image[view], cmap="gray", vmax=200)
left_axes.set_title(f"image (contrast {contrast.item():.0f})")
gradient = x.grad[0, 0].numpy()[view]
largest = np.abs(gradient).max()
map_ = LinearSegmentedColormap.from_list("signed", [orange, "white", blue])
shown = right_axes.imshow(gradient, cmap=map_, vmin=-largest, vmax=largest)
right_axes.set_title("gradient of the contrast")
figure.colorbar(shown, ax=right_axes, fraction=0.046, pad=0.03)
for axes in (left_axes, right_axes):
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 6: a tensor with a gradient
#
# Make a `float32` tensor `x` of shape 1 × 1 × H × W from an image, let the score be the **mean intensity of one
# object**, call `backward()`, and return `x`. Before you run the check: what will the gradient be inside the object,
# and what outside?

# %% tags=["exercise"] exercise="tensor_with_gradient"
def make(image, labels, number):
    raise NotImplementedError
    x = ...  # float32, four axes, requires_grad_()
    score = ...  # the mean of the pixels where labels == number
    score.backward()
    return x


# %% tags=["solution"] exercise="tensor_with_gradient"
def make(image, labels, number):
    x = torch.tensor(image.astype(np.float32))[None, None].requires_grad_()
    inside = torch.tensor(labels == number)
    score = x[0, 0][inside].mean()
    score.backward()
    return x


# %% tags=["check", "nbval-check-output"] exercise="tensor_with_gradient"
check.tensor_with_gradient(make)

# %% [markdown]
# ## What goes wrong
#
# Label images look like images, and programs treat them like images. Halve the size with interpolation, or save a
# JPEG on the way, and numbers appear that nobody gave: between background 0 and object 40 lies 20, and 20 is another
# nucleus.

# %%
half = (256, 256)
nearest = resize(labels, half, order=0, preserve_range=True, anti_aliasing=False).astype(int)
linear = resize(labels.astype(float), half, order=1, preserve_range=True, anti_aliasing=True).round().astype(int)
file = io.BytesIO()
Image.fromarray(labels.astype(np.uint8)).save(file, "jpeg", quality=90)
jpeg = np.asarray(Image.open(file)).astype(int)


def count(labels):
    return len(np.unique(labels[labels > 0]))


# %%
#| label: tbl-broken
#| tbl-cap: "What became of 125 nuclei. After interpolation and after JPEG there are numbers that nobody gave, and pixels from all over the image are called 7."
original = labels.astype(int)
rows = []
for name, result in (("untouched", original), ("half size, nearest pixel", nearest),
                     ("half size, interpolated", linear), ("saved as JPEG", jpeg)):
    truth = original if result.shape == original.shape else nearest
    rows.append([name, count(result), int((result == 7).sum()), int((result != truth).sum())])
show.table(rows, ["the label image", "different numbers", "pixels called 7", "pixels with a wrong number"])

# %%
#| label: fig-broken
#| fig-cap: "Where the new numbers are. Left: resized by taking the nearest pixel. Middle: by interpolation. Right: all pixels whose number changed, a rim around every nucleus."
#| fig-alt: "Three panels of the same cut-out. Left: nuclei in even greys with sharp edges. Middle: the same nuclei with thin rims in many other greys. Right: white rims on black."
there = np.s_[77:125, 20:68]
shuffled = np.append(0, 60 + np.arange(195) * 71 % 195)  # neighbouring numbers get different greys
pieces = [shuffled[nearest[there]], shuffled[linear[there]], 255 * (nearest[there] != linear[there])]
show.images(pieces, ["nearest pixel", "interpolated", "changed"], limits=(0, 255))

# %% tags=["nbval-check-output"]
print("nearest pixel keeps every number:", set(np.unique(nearest)) <= set(np.unique(labels)))
print("interpolation invents numbers:", not set(np.unique(linear)) <= set(np.unique(labels)))

# %% [markdown]
# ## What the chapter claims
#
# Sentences of the page about the numbers above, each with the condition that makes it true.

# %% tags=["claims", "nbval-check-output"]
smallest = min((labels == number).sum() for number in eight)
stripes_seen = [count_stripes(picture) for picture in recorded.values()]
shift = {bits: abs(float(few_bits[bits].mean() - crop.mean())) for bits in (4, 2)}
moved = int(np.abs(few_bits[4] - crop).max())
haematoxylin = rgb2hed(tissue.image)[..., 0]
stained = haematoxylin > threshold_otsu(haematoxylin)  # nuclei, found by their dye
against_the_rest = [float(channel[~stained].mean() - channel[stained].mean()) for channel in np.moveaxis(tissue.image, -1, 0)]
own_range = 100 * np.abs(crop / crop.max() - dim / dim.max()).mean()
same_range = 100 * np.abs(crop - dim).mean() / crop.max()
invented = {name: len(set(np.unique(other)) - set(np.unique(labels))) for name, other in
            (("nearest", nearest), ("interpolated", linear), ("JPEG", jpeg))}
show.claims(
    ("few-squares", "a0154a", smallest < 4 * 64, f"smallest nucleus {smallest} pixels = {smallest / 64:.1f} squares of 8 × 8"),
    ("false-stripes", "2ac119", stripes_seen == [18, 18, 6], f"{stripes_seen} stripes in 36 µm with 0.1, 0.5 and 1.5 µm"),
    ("rounding", "a09da4", moved <= 8 and shift[4] < 1, f"4 bits: largest change {moved}, mean changed by {shift[4]:.1f}"),
    ("two-bits", "9cc117", shift[2] > 0.1 * crop.mean(), f"2 bits: mean changed by {shift[2]:.1f}, of {crop.mean():.1f}"),
    ("eight-bits-do", "5fd08b", image.dtype == np.uint16 and image.max() < 256, f"{image.dtype}, largest value {image.max()}"),
    ("red-channel", "e3650a", against_the_rest[0] > against_the_rest[1] > against_the_rest[2],
     "rest minus nuclei, in grey values: " + ", ".join(f"{c} {d:.0f}" for c, d in zip(("red", "green", "blue"), against_the_rest))),
    ("numbers-missing", "dbf590", count(labels) == 125 and labels.max() == 183, f"{count(labels)} different numbers, largest {labels.max()}"),
    ("auto-contrast", "c1bdd6", own_range < 1 and same_range > 15, f"difference in % of white: own range {own_range:.1f}, same range {same_range:.1f}"),
    ("broken-labels", "75f145", count(nearest) == 125 and invented["nearest"] == 0 and min(invented["interpolated"], invented["JPEG"]) > 24,
     "numbers that nobody gave: " + ", ".join(f"{name} {number}" for name, number in invented.items())),
)

# %% [markdown]
# That is all you need for the first chapter. `check.progress()` shows what you have done.
