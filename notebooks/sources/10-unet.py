# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "10"
#   title: U-Net
#   extra: explaining
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# A U-Net answers for all pixels of an image in one pass. You will build one, follow the sizes through it, see what its
# shortcuts carry, teach it to mind the gaps between nuclei, turn its answer into objects, cut large images into windows
# without leaving seams, and ask it what it looked at.
#
# Eight exercises with checks and an open one.

# %% tags=["setup"]
import numpy as np
import torch
from scipy import ndimage
from skimage.segmentation import find_boundaries, watershed
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bioimage_course import check, data, explore, metrics, nets, show, tools
from bioimage_course.results import dsb2018

colour = show.PALETTE
nuclei = data.load("nuclei")
image, truth = data.normalise(nuclei.image), nuclei.labels  # percentiles 1 and 99.8 become 0 and 1
window = np.s_[384:512, 64:192]  # a crop in which nuclei touch

# %% [markdown]
# ## Built step by step
#
# A block is two 3×3 convolutions, each followed by batch normalisation and ReLU. On the way down blocks alternate with
# 2×2 max pooling; on the way up, transposed convolutions double the size, and each time the feature maps of the same
# size from the way down are stacked onto them. Watch the shapes: (images, channels, rows, columns).

# %% tags=["nbval-check-output"]
def block(inputs, outputs):
    layers = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def double(inputs, outputs):
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=2, stride=2)


x0 = torch.zeros(1, 1, 128, 128)
with torch.no_grad():
    down1 = block(1, 16)(x0)
    down2 = block(16, 32)(F.max_pool2d(down1, 2))
    bottom = block(32, 64)(F.max_pool2d(down2, 2))
    up2 = double(64, 32)(bottom)
    joined2 = torch.cat([up2, down2], dim=1)  # the skip connection
    joined1 = torch.cat([double(32, 16)(block(64, 32)(joined2)), down1], dim=1)
    scores = nn.Conv2d(16, 3, kernel_size=1)(block(32, 16)(joined1))
for name, x in {"image": x0, "down 1": down1, "down 2": down2, "bottom": bottom, "up 2": up2, "joined 2": joined2,
                "joined 1": joined1, "scores": scores}.items():
    print(f"{name:9}", tuple(x.shape))

# %% [markdown]
# The same as a class is `nets.UNet`, about forty lines of which the last ten are the forward pass. Four questions to it:
# what does a level more, a wider start, or adding instead of stacking cost?

# %%
#| label: tbl-unets
#| tbl-cap: "Five U-Nets, counted by building them. One level more quadruples the parameters, because the number of channels doubles with each level; the image never enters the count. Adding the skip connection instead of stacking it halves the inputs of the first convolution of each block on the way up."
rows = []
for depth, width, skip in ((3, 16, "concatenate"), (4, 16, "concatenate"), (4, 16, "add"), (4, 32, "concatenate"),
                           (4, 64, "concatenate")):
    with torch.device("meta"):  # counts without taking the memory
        parameters = nets.count_parameters(nets.UNet(1, 3, depth=depth, width=width, skip=skip))
    rows.append([depth, width, "stacked" if skip == "concatenate" else "added", f"{parameters:,}"])
show.table(rows, ["poolings", "channels at the top", "skips are", "parameters"])

# %% [markdown]
# The explorable draws any of them. Choose *no padding*, four poolings and 572 pixels to see the original.

# %% tags=["widget"]
explore.unet()

# %% [markdown]
# ## Exercise 1: 572 → 388
#
# The U-Net of the paper does not pad: each 3×3 convolution takes away one pixel on each side. Write
# `output_side(n, depth)`: the side of the output for an image of n × n pixels. A block has two convolutions, pooling
# halves, the upward step doubles; there are `depth` blocks down, one at the bottom, and `depth` blocks up.

# %% tags=["exercise"] exercise="unet_size"
def output_side(n, depth):
    raise NotImplementedError
    for _ in range(depth):
        n = ...
    return n


# %% tags=["solution"] exercise="unet_size"
def output_side(n, depth):
    for _ in range(depth):
        n = (n - 4) // 2  # block, then pooling
    n = n - 4  # the block at the bottom
    for _ in range(depth):
        n = 2 * n - 4  # double, then block
    return n


# %% tags=["check", "nbval-check-output"] exercise="unet_size"
check.unet_size(output_side)

# %% [markdown]
# ## Growing again
#
# Up: interpolation, which has nothing to learn, or a *transposed convolution*, in which every input pixel stamps a
# weighted copy of the kernel into the output. Where stamps overlap unevenly, a checkerboard appears, before anything has
# been learnt.

# %%
#| label: fig-upsampling
#| fig-cap: "Pooled nuclei enlarged by a factor of two, in four ways. The transposed convolutions have all weights 1. With kernel 2 and stride 2 the stamps lie side by side; with kernel 3 and stride 2 they overlap in every second row and column: a checkerboard (the sums at the overlaps are two and four times as high)."
#| fig-alt: "Five panels of a few nuclei, one of them bright. First the pooled 20 by 20 pixel image. Nearest neighbour and transposed convolution with kernel 2 look alike, blocky. Bilinear is smooth. The transposed convolution with kernel 3 shows a strong regular pattern of bright and dark rows and columns over everything."
small = F.avg_pool2d(torch.as_tensor(nuclei.image[154:234, 36:116].astype(float))[None, None], 4)
ones = {k: torch.ones(1, 1, k, k, dtype=torch.double) for k in (2, 3)}
enlarged = {
    "pooled": small,
    "nearest": F.interpolate(small, scale_factor=2),
    "bilinear": F.interpolate(small, scale_factor=2, mode="bilinear"),
    "transposed\nk = 2": F.conv_transpose2d(small, ones[2], stride=2),
    "transposed\nk = 3": F.conv_transpose2d(small, ones[3], stride=2),
}
show.images([image[0, 0] for image in enlarged.values()], list(enlarged), columns=5)

# %% [markdown]
# ## A trained one: what the skips carry
#
# The course carries a U-Net that was trained on the 127 training images of the Data Science Bowl subset
# (`training/unet_nuclei.py`). It gives each pixel three scores: background, *rim* of a nucleus, *inside* of a nucleus.
# We run it with all its skip connections, and then replace one of them after the other by zeros.

# %%
model = tools.unet.course_model()


def without_skips(model, x, missing=()):
    """The forward pass of nets.UNet, with the skip connections of some levels (0 is the top) set to zero."""
    skips = []
    for stage in model.down:
        x = stage(x)
        skips.append(x)
        x = model.pool(x)
    x = model.bottom(x)
    for level, grow, stage in zip(reversed(range(len(skips))), model.grow, model.up):
        skip = skips[level] * (level not in missing)
        x = stage(torch.cat([grow(x), skip], dim=1))
    return model.head(x)


crop = torch.as_tensor(image[window].copy())[None, None]
cuts = {"all skips": (), "top skip cut": (0,), "two top skips cut": (0, 1), "all skips cut": (0, 1, 2, 3)}
with torch.no_grad():
    seen = {name: torch.softmax(without_skips(model, crop, missing), dim=1)[0] for name, missing in cuts.items()}

inside_truth = truth[window] > 0
kept_inside = {name: float((p[2].numpy()[inside_truth] > 0.5).mean()) for name, p in seen.items()}
moved = {name: float(((p[2] > 0.5) != (seen["all skips"][2] > 0.5)).float().mean()) for name, p in seen.items()}

# %% tags=["nbval-check-output"]
with torch.no_grad():
    print("nothing cut is the network itself:", torch.allclose(torch.softmax(model(crop), dim=1)[0], seen["all skips"]))

# %%
#| label: fig-unet-skips
#| fig-cap: "What the skip connections carry. Probability of “inside” in the trained network, with skips set to zero from the top downwards. This network can do without the finest one: nearly every pixel keeps its class. With two cut, some nuclei of the chain fade. With all four cut hardly anything is left, and nothing at the nuclei. (This network never had to do without skips in its training; one that was trained without them might use its deep levels better.)"
#| fig-alt: "Five panels. The image: some fifteen grey nuclei, several of them touching in a chain. All skips: white shapes of the insides, well apart. Top skip cut: nearly the same. Two top skips cut: some of the shapes in the chain are dimmer and smaller. All skips cut: black, with faint straight streaks."
show.images([crop[0, 0], *(p[2] for p in seen.values())], ["image", *seen], columns=5)

# %% [markdown]
# ## Not all pixels are equal
#
# Most pixels are background, and the few that decide whether two nuclei become one are rarer still.

# %%
#| label: tbl-unet-imbalance
#| tbl-cap: "Pixels of the built-in image. A network that calls everything background is right at most of them. The gaps, background pixels whose distances to the two nearest nuclei add up to less than 5 pixels, are what the number of objects hangs on."
target = tools.unet.classes(truth)
weights = tools.unet.border_weights(truth, w0=10, sigma=5)
gaps = weights > 10 * np.exp(-((2 * 2.5) ** 2) / (2 * 5**2))  # d1 + d2 below 5 pixels
rows = [[name, f"{np.mean(target == k):.1%}"] for k, name in enumerate(("background", "rim", "inside"))]
show.table([*rows, ["gap between two nuclei", f"{gaps.mean():.1%}"]], ["pixels", "share"])

# %% [markdown]
# ## Exercise 2: the border weights
#
# The paper's remedy is a weight for each pixel by which its error is multiplied:
#
# $$w(x) = w_c(x) + w_0 \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2\sigma^2}\right)$$
#
# with d₁, d₂ the distances to the nearest and to the second nearest object. Write
# `weight_map(labels, class_weights, w0, sigma)`; `class_weights` is (background, objects). Add the second term in the
# background only. `ndimage.distance_transform_edt(labels != number)` is every pixel's distance to object `number`.

# %% tags=["exercise"] exercise="border_weights"
def weight_map(labels, class_weights, w0, sigma):
    raise NotImplementedError
    numbers = np.unique(labels[labels > 0])
    ...


# %% tags=["solution"] exercise="border_weights"
def weight_map(labels, class_weights, w0, sigma):
    numbers = np.unique(labels[labels > 0])
    distances = np.sort([ndimage.distance_transform_edt(labels != number) for number in numbers], axis=0)
    border = w0 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2))
    return np.where(labels > 0, class_weights[1], class_weights[0] + border)


# %% tags=["check", "nbval-check-output"] exercise="border_weights"
check.border_weights(weight_map)

# %%
#| label: fig-unet-weights
#| fig-cap: "Where errors count. Left: a crop. Middle: the weights w(x) with w_c = 1, w₀ = 10 and σ = 5 pixels; nuclei have weight 1, and gaps light up, the narrower the brighter. Where two masks touch there is no gap, and nothing between them lights up. Right: the course's network learnt another target for the same purpose, three classes with a rim of 12 % of the diameter, at least one pixel."
#| fig-alt: "Three panels of the same crop. Some fifteen nuclei in grey, several touching. A dark map in which only the gaps between neighbouring nuclei glow, from purple where they are wide to yellow where they are narrow. The true classes: light insides, orange rims, dark background; rims of neighbours lie side by side."
figure, panels = show.figure(1, 3, height=2.7)
panels[0].imshow(image[window], cmap="gray", vmin=0, vmax=0.6)
shown = panels[1].imshow(1 + weights[window], cmap="inferno", vmin=1)
figure.colorbar(shown, ax=panels[1], fraction=0.046)
palette = np.array([[0.1, 0.1, 0.12], [0.9, 0.62, 0.0], [0.85, 0.85, 0.85]])
panels[2].imshow(palette[target[window]])
for axes, title in zip(panels, ("image", "weight", "background, rim, inside")):
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 3: carve a border first
#
# The border term is added in the background. Where two masks touch, no background lies between them: the weight has no
# pixel to sit on, and a target of two classes makes one object of both. So the paper first *introduces* a border
# between touching cells. Write `carve(labels)`: a copy of the label image in which every pixel that has a pixel of
# *another* object among its eight neighbours becomes background. Background does not count as an object.

# %% tags=["exercise"] exercise="carve_borders"
def carve(labels):
    raise NotImplementedError
    # the largest and the smallest label in each 3×3 neighbourhood help: ndimage.maximum_filter(labels, 3)
    return ...


# %% tags=["solution"] exercise="carve_borders"
def carve(labels):
    largest = ndimage.maximum_filter(labels, 3)
    smallest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max() + 1), 3)  # background cannot be it
    return np.where((labels > 0) & (largest == labels) & (smallest == labels), labels, 0)


# %% tags=["check", "nbval-check-output"] exercise="carve_borders"
check.carve_borders(carve)

# %% [markdown]
# How often does it matter? In our image:

# %%
#| label: tbl-unet-touching
#| tbl-cap: "Masks of the built-in image that touch. A target of two classes has as many objects as the masks have connected components (two pixels that meet at a corner only are not connected). With a border carved out, one pixel on either side, each nucleus is on its own again and a little smaller. (One mask of this image consists of two pieces from the beginning: hence one component more than nuclei.)"
from bioimage_course.materials.ch10 import carved  # exercise 3, done


def touching(labels):
    """Pairs of objects that have neighbouring pixels, corners included."""
    found = set()
    for rows, columns in ((0, 1), (1, 0), (1, 1), (1, -1)):
        there = np.roll(np.pad(labels, 1), (-rows, -columns), axis=(0, 1))[1:-1, 1:-1]
        meet = (labels > 0) & (there > 0) & (labels != there)
        found |= {tuple(sorted(pair)) for pair in zip(labels[meet].tolist(), there[meet].tolist())}
    return found


pairs_touching = touching(truth)
in_touch = {number for pair in pairs_touching for number in pair}
whole_count, carved_count = (ndimage.label(labels > 0)[1] for labels in (truth, carved(truth)))
show.table(
    [["nuclei", len(np.unique(truth)) - 1], ["pairs that touch", len(pairs_touching)],
     ["nuclei in such a pair", len(in_touch)], ["components of the masks", whole_count],
     ["components after carving", carved_count]],
    ["what", "number"],
)

# %% [markdown]
# ## Exercise 4: soft Dice
#
# Another remedy is a loss that does not count the background at all. Write `dice_loss(p, truth)`, one minus
#
# $$\frac{2 \sum_i p_i t_i + 1}{\sum_i p_i + \sum_i t_i + 1}$$
#
# for probabilities p and a mask t of zeros and ones. The added ones keep the fraction defined when both are empty.

# %% tags=["exercise"] exercise="soft_dice"
def dice_loss(p, truth):
    raise NotImplementedError


# %% tags=["solution"] exercise="soft_dice"
def dice_loss(p, truth):
    return 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)


# %% tags=["check", "nbval-check-output"] exercise="soft_dice"
check.soft_dice(dice_loss)

# %% [markdown]
# How much does a merger cost? We take the true masks and join neighbours, by filling gaps of up to
# two pixels, and score the result as pixels and as objects. Then we do the reverse: shave a pixel off every nucleus.

# %%
#| label: tbl-unet-merge
#| tbl-cap: "The true masks of the built-in image, damaged in two ways. Joining neighbours costs next to nothing in Dice and a large part of the objects; shaving one pixel off every nucleus costs far more Dice and hardly an object (one was nothing but outline)."
joined = ndimage.label(ndimage.binary_closing(truth > 0, np.ones((3, 3))) | (truth > 0))[0]
shaved = np.where(find_boundaries(truth, mode="inner"), 0, truth)
rows = []
for name, labels in {"true masks": truth, "neighbours joined": joined, "every nucleus one pixel smaller": shaved}.items():
    matched = metrics.match(truth, labels, 0.5)
    count = len(np.unique(labels)) - 1
    rows.append([name, f"{metrics.dice(truth > 0, labels > 0):.3f}", count, f"{matched.average_precision:.3f}"])
show.table(rows, ["masks", "Dice of the pixels", "objects", "AP@0.5"])

# %% [markdown]
# ## Five losses, live
#
# The left half of the image for training, the right half for scoring, a small U-Net, and a few seconds each. Two
# classes with cross-entropy, with Dice, with the sum of both, and with border weights; and three classes with the sum of
# both. Two things could make a difference, the loss and the algorithm that makes objects. So each network is scored in
# three ways: connected components of its mask; distance and watershed of its mask; and, where there is an inside, insides
# as markers. (The three classes come out of a softmax: their mask is P(rim) + P(inside) > 0.5.)

# %%
def patches(count, side=80, seed=0):
    """Random patches of the left half, turned and mirrored: images (N, 1, …), class and border weight (N, 2, …)."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        row, column = rng.integers(0, 512 - side + 1), rng.integers(0, 256 - side + 1)
        stack = np.stack([image, target, weights])[:, row : row + side, column : column + side]
        stack = np.rot90(stack, rng.integers(4), axes=(1, 2))
        found.append(stack[:, ::-1] if rng.random() < 0.5 else stack)
    stacks = torch.as_tensor(np.stack(found), dtype=torch.float32)
    return stacks[:, :1], stacks[:, 1:]


def dice(p, t):
    shared = (p * t).sum(dim=(0, 2, 3))
    return 1 - ((2 * shared + 1) / (p.sum(dim=(0, 2, 3)) + t.sum(dim=(0, 2, 3)) + 1)).mean()


def mask_of(y):
    return (y[:, :1] > 0).float()


def three(scores, y):
    p, t = torch.softmax(scores, dim=1), F.one_hot(y[:, 0].long(), 3).movedim(-1, 1).float()
    return F.cross_entropy(scores, y[:, 0].long()) + dice(p[:, 1:], t[:, 1:])


def entropy(scores, y, weight=None):
    return F.binary_cross_entropy_with_logits(scores, mask_of(y), weight=weight)


losses = {
    "2 classes, cross-entropy": entropy,
    "2 classes, Dice": lambda s, y: dice(torch.sigmoid(s), mask_of(y)),
    "2 classes, cross-entropy and Dice": lambda s, y: entropy(s, y) + dice(torch.sigmoid(s), mask_of(y)),
    "2 classes, cross-entropy with border weights": lambda s, y: entropy(s, y, weight=1 + y[:, 1:]),
    "3 classes, cross-entropy and Dice": three,
}
train_loader = DataLoader(TensorDataset(*patches(64)), batch_size=8, shuffle=True)


def train(loss, outputs, norm="batch"):
    nets.seed_everything(0)
    network = nets.UNet(1, outputs, depth=3, width=8, norm=norm)
    nets.fit(network, train_loader, loss=loss, epochs=10, learning_rate=4e-3, device="cpu", seed=0)
    return network


small = {name: train(loss, 3 if name.startswith("3") else 1) for name, loss in losses.items()}

# %%
from skimage.feature import peak_local_max

right = np.s_[:, 256:]


def by_distance(mask):
    """Objects of a mask: distance to the background, its maxima as markers, watershed."""
    smooth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1)
    peaks = np.zeros(mask.shape, int)
    for number, place in enumerate(peak_local_max(smooth, min_distance=5, labels=mask.astype(int)), start=1):
        peaks[tuple(place)] = number
    return watershed(-smooth, peaks, mask=mask)


loss_masks, loss_objects = {}, {}
for name, network in small.items():
    scores = nets.predict(network, torch.as_tensor(image)[None, None])[..., 256:]
    p = torch.softmax(scores, dim=1)[0].numpy() if scores.shape[1] == 3 else None
    mask = (scores[0, 0] > 0).numpy() if p is None else p[0] < 0.5
    loss_masks[name] = mask
    loss_objects[name] = {"components": ndimage.label(mask)[0], "distance": by_distance(mask),
                          "markers": None if p is None else tools.unet.instances(p)}
loss_matches = {name: {way: None if labels is None else metrics.match(truth[right], labels, 0.5)
                       for way, labels in ways.items()} for name, ways in loss_objects.items()}

# %%
#| label: tbl-unet-losses
#| tbl-cap: "Small U-Nets after 80 steps on half an image, scored on the other half, with the same ways from the mask to objects for all. Read down a column to compare losses, along a row to compare algorithms: the watershed repairs a good part of what a loss without regard for gaps has joined. One seed, one image: the order of neighbouring rows means nothing."
rows = []
for name, ways in loss_matches.items():
    scores = ["–" if m is None else f"{m.average_precision:.3f}" for m in ways.values()]
    rows.append([name, f"{metrics.dice(truth[right] > 0, loss_masks[name]):.3f}", *scores])
show.table(rows, ["loss", "Dice of the pixels", "AP@0.5: components", "distance, watershed", "insides as markers"])

# %% [markdown]
# ## Augmentation from a library
#
# Image and labels must be bent by the *same* random transformation, and labels must not be interpolated: between nucleus
# 4 and nucleus 12 there is no nucleus 8. `torchvision.transforms.v2` knows both, if you tell it which is which.

# %%
from torchvision import tv_tensors
from torchvision.transforms import v2

augment = v2.Compose([
    v2.RandomHorizontalFlip(),
    v2.RandomAffine(degrees=180, scale=(0.7, 1.6)),
    v2.ElasticTransform(alpha=80.0, sigma=7.0),
])
picture = tv_tensors.Image(torch.as_tensor(image[window].copy())[None])
masks = tv_tensors.Mask(torch.as_tensor(truth[window].astype(np.int32))[None])
nets.seed_everything(1)
augmented = [augment(picture, masks) for _ in range(3)]

# %%
#| label: fig-unet-augment
#| fig-cap: "One crop and three random versions of it: mirrored, turned, enlarged or reduced, bent. The outlines are those of the masks, transformed with the image. A network that has seen these will not learn nuclei by heart."
#| fig-alt: "Four panels of nuclei with orange outlines. The first is the original; the others show the same nuclei turned, larger and with wavy outlines. In each panel the outlines follow the nuclei."
figure, panels = show.figure(1, 4, height=2.1)
for axes, (a, b), title in zip(panels, [(picture, masks), *augmented], ("original", *["augmented"] * 3)):
    axes.imshow(a[0], cmap="gray", vmin=0, vmax=0.6)
    for number in np.unique(b):
        if number:
            axes.contour(b[0] == number, [0.5], colors=colour["orange"], linewidths=0.8)
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
invented = [set(np.unique(b)) - set(np.unique(masks)) for _, b in augmented]
print("labels invented when labels are marked as such:", sum(map(len, invented)))
nets.seed_everything(1)
careless = augment(picture, tv_tensors.Image(masks.float()))[1]
print("labels invented when they are treated as an image:", "many" if len(np.unique(careless)) > 100 else "few")

# %% [markdown]
# ## Exercise 5: bend both alike
#
# Without a library. Write `turn(image, labels, degrees)`: both turned by the same angle about the middle of the picture,
# with the size that they had (`ndimage.rotate(…, reshape=False)`). The image is interpolated linearly (`order=1`) and
# continued by its mirror image (`mode="reflect"`); labels are taken from the nearest pixel, and beyond the border there
# is background.

# %% tags=["exercise"] exercise="turn_alike"
def turn(image, labels, degrees):
    raise NotImplementedError
    new_image = ndimage.rotate(...)
    new_labels = ndimage.rotate(...)
    return new_image, new_labels


# %% tags=["solution"] exercise="turn_alike"
def turn(image, labels, degrees):
    new_image = ndimage.rotate(image, degrees, reshape=False, order=1, mode="reflect")
    new_labels = ndimage.rotate(labels, degrees, reshape=False, order=0)
    return new_image, new_labels


# %% tags=["check", "nbval-check-output"] exercise="turn_alike"
check.turn_alike(turn)

# %% [markdown]
# ## From three classes to objects
#
# The shipped network on the whole image, and three roads from its answer to a label image: markers and watershed; the
# rim subtracted, then connected components; and the mask alone, its distance transform, maxima, watershed.

# %%
p = tools.unet.probabilities(image)
thresholds = model.card["thresholds"]

# %%
#| label: fig-unet-probabilities
#| fig-cap: "The network's answer: probability of rim and of inside. Between touching nuclei the rims of both run side by side and keep the insides apart. In the lower left corner it fails: two nuclei share one inside."
#| fig-alt: "Three panels: nuclei in grey; bright rings on black, sharing a wall where nuclei touch; bright filled shapes on black, apart from each other except in the lower left corner."
views = [np.clip(image[window] / 0.6, 0, 1), p[1][window], p[2][window]]
show.images(views, ["image", "P(rim)", "P(inside)"], columns=3, limits=(0, 1))

# %% [markdown]
# ## Exercise 6: markers and watershed
#
# Write `separate(inside, foreground)`: `inside` holds probabilities, `foreground` is a mask. The connected components of
# inside > 0.5 (`ndimage.label`) are the markers; `watershed(landscape, markers, mask=…)` on the landscape −inside gives
# each foreground pixel to one of them.

# %% tags=["exercise"] exercise="separate_nuclei"
def separate(inside, foreground):
    raise NotImplementedError
    markers, count = ndimage.label(...)
    return watershed(...)


# %% tags=["solution"] exercise="separate_nuclei"
def separate(inside, foreground):
    markers, count = ndimage.label(inside > 0.5)
    return watershed(-inside, markers, mask=foreground)


# %% tags=["check", "nbval-check-output"] exercise="separate_nuclei"
check.separate_nuclei(separate)

# %%
foreground = p[1] + p[2] > thresholds["foreground"]
roads = {
    "components of the mask": ndimage.label(foreground)[0],
    "rim subtracted, components": ndimage.label(p[2] > thresholds["inside"])[0],
    "distance of the mask, maxima, watershed": by_distance(foreground),
    "insides as markers, watershed": tools.unet.segment(nuclei),
}

# %%
#| label: tbl-unet-roads
#| tbl-cap: "The same network, four ways to objects. Components of the mask merge what touches. Subtracting the rim separates, but what is left of each nucleus is so small that few reach an IoU of 0.5: the rim must be given back. The distance transform needs no rim, and on the round nuclei of this one image it does about as well as the insides do as markers."
rows = []
for name, labels in roads.items():
    loose, strict = (metrics.match(truth, labels, threshold) for threshold in (0.5, 0.8))
    rows.append([name, len(np.unique(labels)) - 1, f"{loose.average_precision:.3f}", f"{strict.average_precision:.3f}"])
show.table(rows, ["road", "objects", "AP@0.5", "AP@0.8"])

# %% tags=["nbval-check-output"]
ap = {name: metrics.match(truth, labels, 0.5).average_precision for name, labels in roads.items()}
print("the adapter's road is better than components of the mask:",
      ap["insides as markers, watershed"] > ap["components of the mask"])

# %%
#| label: fig-unet-matches
#| fig-cap: "The shipped U-Net on the built-in image, a crop: found nuclei, a false one, and missed ones. Most nuclei that touch are told apart; the pair in the middle of the left half is merged, and so is the small pair above on the right. The image is part of one of the test images; the network has not seen it."
#| fig-alt: "Thirty-odd nuclei with outlines. Nearly all are marked as true positives, also several that touch. Two large touching nuclei are outlined as one, marked as a false positive and two missed; a small nucleus on top of another is missed, and one at the lower right edge."
show.matches(image[:256, 256:], truth[:256, 256:], roads["insides as markers, watershed"][:256, 256:], 0.5)

# %% [markdown]
# ## The 50 test images
#
# `training/unet_nuclei.py` scored the checkpoint once on the 50 test images; thresholds were chosen on validation images.

# %%
#| label: tbl-unet-dsb2018
#| tbl-cap: "U-Net and StarDist, trained on the same 127 images and scored on the same 50 test images: AP pooled over all nuclei, the difference of the two with its interval (whole images drawn again and again, both methods on the same ones), and on how many images the U-Net scores higher. StarDist enlarges images with small nuclei; for the U-Net that did not help on the validation images, so it does not."
show.table(dsb2018.comparison("unet", "stardist"))

# %%
#| label: tbl-unet-training
#| tbl-cap: "How the checkpoint was made, from its results file. The validation score is no forecast of the test score: 17 of its 40 images are zoomed copies, so that thresholds are chosen for nuclei of many sizes: other images, another number."
results = tools.unet.results()
settings, wider = results["settings"], max(results["search_wider"], key=lambda row: row["ap"])
show.table(
    [
        ["parameters", f"{model.card['parameters']:,}"],
        ["patches", f"{settings['batch']} of {settings['patch']} × {settings['patch']} pixels a step, zoomed at random"],
        ["steps", f"{settings['steps']}, best validation at step {model.card['step']}"],
        ["minutes on one busy CPU core", f"{results['minutes']:.0f}"],
        ["thresholds, chosen on validation images",
         f"foreground {thresholds['foreground']}, inside {thresholds['inside']}"],
        ["AP@0.5 on 40 validation images, zoomed copies included", f"{results['validation']['ap']:.3f}"],
        ["the best of a wider grid, tried afterwards",
         f"foreground {wider['foreground']}, inside {wider['inside']}: {wider['ap']:.3f}"],
    ],
    ["what", "value"],
)

# %% [markdown]
# ## Large images: a sliding window
#
# A slide scan does not fit into memory, so it is predicted window by window. Near the edge of a window the network sees
# padding instead of the image, and its answer changes. How far inwards? As far as the network looks: its *reach*. We
# measure it, as in the chapter on convolutions, by the gradient of one output pixel with respect to the image, and this time for a pixel at
# each of the 16 places that it can have in the grid of the poolings, and to both sides.

# %%
import copy


def reach(network, picture, stride):
    """How far an output pixel looks to the left and to the right, for each place in the pooling grid: (stride, 2)."""
    network = copy.deepcopy(network).eval()  # gradients are left on a copy
    middle, found = picture.shape[1] // 2 // stride * stride, []
    for place in range(middle, middle + stride):
        x = torch.as_tensor(np.ascontiguousarray(picture))[None, None].requires_grad_()
        network(x)[0, tools.unet.INSIDE, place, place].backward()
        columns = np.flatnonzero(x.grad[0, 0].abs().amax(dim=0).numpy())
        found.append([place - columns[0], columns[-1] - place])
    return np.array(found)


reaches = reach(model, image[:256, :256], 16)  # four poolings: the grid has a period of 16 pixels
fields = reaches.sum(axis=1) + 1

# %% tags=["nbval-check-output"]
print("receptive field of the shipped U-Net:", fields.min(), "or", fields.max(), "pixels, depending on the place")
print("reach to the worst side:", reaches.max(), "pixels; half the largest receptive field:", fields.max() // 2)
print("the adapter's margin is at least the reach:", tools.unet.MARGIN >= reaches.max())
print("and a multiple of 16:", tools.unet.MARGIN % 16 == 0)

# %%
#| label: fig-unet-reach
#| fig-cap: "How far an output pixel of the shipped U-Net looks, to the left and to the right, for the 16 places that it can have in the grid of the poolings. A pixel near the right end of its block of 16 looks further to the left, one near the left end further to the right, and only the worst of all decides how wide a margin must be. The dotted line, half the largest receptive field, is too low for some places."
#| fig-alt: "Line plot over the places 0 to 15. The reach to the left rises by one a place from 94 to 107 at place 13 and drops to 92; the reach to the right falls from 93 to 92, jumps to 107 at place 2 and falls again. A dotted line at 102 lies below five points of each curve, a dashed line at 112 above all."
figure, axes = show.figure(height=2.8)
for side, name, marker, style in ((0, "to the left", "o", "blue"), (1, "to the right", "s", "vermilion")):
    axes.plot(reaches[:, side], f"{marker}-", color=colour[style], label=name)
axes.axhline(fields.max() // 2, color=colour["black"], ls=":", lw=1.2, label="half the receptive field")
axes.axhline(tools.unet.MARGIN, color=colour["green"], ls="--", lw=1.2, label="the adapter's margin")
axes.set(xlabel="place of the pixel in the pooling grid", ylabel="reach (pixels)", ylim=(88, 116), xticks=range(0, 16, 2))
axes.legend(ncols=2, loc="lower center", fontsize=8)
figure

# %% [markdown]
# The rule, in full: windows give what one pass gives if (1) the margin is at least the reach to the worst side, (2) the
# windows start on the network's stride, here multiples of 16 pixels, so that poolings group the same pixels, and (3)
# nothing is computed from a window as a whole.
#
# ## Exercise 7: how wide must the margin be?
#
# Write `safe_margin(reaches, stride)`. `reaches` has one row for each place in the pooling grid: how far the output pixel
# there looks to the left and to the right. Return the smallest margin with which no pixel that is kept looks beyond its
# window, and with which windows start on the stride, if cores do.

# %% tags=["exercise"] exercise="safe_margin"
def safe_margin(reaches, stride):
    raise NotImplementedError


# %% tags=["solution"] exercise="safe_margin"
def safe_margin(reaches, stride):
    return int(-(-np.max(reaches) // stride) * stride)  # rounded up to a multiple


# %% tags=["check", "nbval-check-output"] exercise="safe_margin"
check.safe_margin(safe_margin)

# %% [markdown]
# ## Exercise 8: windows with a margin
#
# Write `predict_in_windows(network, image, core, margin)`. `network(window)` takes and returns a 2D array. Cut the image
# into cores of `core` × `core` pixels; let the network see `margin` pixels more on every side, mirrored where the image
# ends; keep the core only. Images whose sides are no multiples of `core` must work, too. (With a network that pools,
# `core` and `margin` must be multiples of its stride. If you try your function with the shipped network, take 128 and 112;
# with a margin of 120 the difference to one pass is *not* an error in your code.)

# %% tags=["exercise"] exercise="sliding_window"
def predict_in_windows(network, image, core, margin):
    raise NotImplementedError
    padded = np.pad(image, [(margin, margin + -n % core) for n in image.shape], mode="reflect")
    result = np.zeros([n + -n % core for n in image.shape])
    for top in range(0, image.shape[0], core):
        for left in range(0, image.shape[1], core):
            window = ...
            result[top : top + core, left : left + core] = ...
    return result[: image.shape[0], : image.shape[1]]


# %% tags=["solution"] exercise="sliding_window"
def predict_in_windows(network, image, core, margin):
    padded = np.pad(image, [(margin, margin + -n % core) for n in image.shape], mode="reflect")
    result = np.zeros([n + -n % core for n in image.shape])
    for top in range(0, image.shape[0], core):
        for left in range(0, image.shape[1], core):
            window = padded[top : top + core + 2 * margin, left : left + core + 2 * margin]
            answer = network(window)[margin : margin + core, margin : margin + core]
            result[top : top + core, left : left + core] = answer
    return result[: image.shape[0], : image.shape[1]]


# %% tags=["check", "nbval-check-output"] exercise="sliding_window"
check.sliding_window(predict_in_windows)

# %% [markdown]
# Now with networks. The small ones from above see less far than the shipped one, so they are quick.
# Three of them: batch normalisation in evaluation mode; the same network left in training mode, so that it computes mean
# and variance from each window; and one trained with *instance normalisation*, which always does that. With three
# poolings their stride is 8. The first is also cut with margins that are four pixels off that grid.

# %%
from bioimage_course.materials.ch10 import windows  # exercise 8, done

instance = train(three, 3, norm="instance")
batch = small["3 classes, cross-entropy and Dice"]


def probability_of_inside(network, training=False):
    """A function from a window (rows, columns) to the probability of “inside”."""
    def answer(window):
        x = torch.as_tensor(np.ascontiguousarray(window), dtype=torch.float32)[None, None]
        with torch.no_grad():
            return torch.softmax(network.train(training)(x), dim=1)[0, 2].numpy()
    return answer


scene = image[:256, 256:]
modes = {
    "batch norm, evaluation mode": probability_of_inside(copy.deepcopy(batch)),
    "batch norm, left in training mode": probability_of_inside(copy.deepcopy(batch), training=True),
    "instance norm": probability_of_inside(instance),
}
margins, shifted = [0, 16, 32, 48, 56, 64], [12, 28, 44, 60]  # multiples of the stride, and four pixels beside it
evaluated = "batch norm, evaluation mode"
whole = {name: windows(answer, scene, 256, 64) for name, answer in modes.items()}
cut = {name: {margin: windows(answer, scene, 64, margin) for margin in margins} for name, answer in modes.items()}
error = {name: [np.abs(cut[name][margin] - whole[name]).max() for margin in margins] for name in modes}
off_grid = [np.abs(windows(modes[evaluated], scene, 64, margin) - whole[evaluated]).max() for margin in shifted]
small_reach = int(reach(batch, scene, 8).max())

# %%
#| label: fig-unet-tiles
#| fig-cap: "Windows of 64 pixels against the whole image: the largest difference in the probability of “inside”, for growing margins. In evaluation mode (blue) it falls to zero once the margin covers the network's reach (grey line), if the windows start on the pooling grid. The same network with margins four pixels off that grid (yellow) never gets there, and neither do the two whose statistics come from each window."
#| fig-alt: "Line plot of the largest difference against the margin from 0 to 64 pixels. Batch norm in evaluation mode, solid blue, falls steadily, is nearly zero at 48 and zero from 56 pixels on; a grey vertical line stands at the reach, 51. The same network off the grid, dotted yellow, stays at one height, above 0.5, at every margin. Batch norm left in training mode, dashed, and instance norm, dash-dotted, begin near 1 and stay above 0.6."
figure = show.curves(error, x=margins, xlabel="margin (pixels)", ylabel="largest difference of P(inside)")
axes = figure.axes[0]
axes.plot(shifted, off_grid, "s:", color=colour["yellow"], mec=colour["black"], lw=2, label="evaluation mode, off the grid")
axes.axvline(small_reach, color="0.6", lw=1.2)
axes.legend(fontsize=8)
figure

# %% tags=["nbval-check-output"]
print("reach of the small network between 48 and 56 pixels:", 48 < small_reach <= 56)
print("evaluation mode, margin 56: same as the whole image:", error[evaluated][-2] < 1e-3)
print("evaluation mode, no margin: same:", error[evaluated][0] < 1e-3)
print("evaluation mode, margin 60, off the grid: same:", off_grid[-1] < 1e-3)
print("training mode, margin 64: same:", error["batch norm, left in training mode"][-1] < 1e-3)
print("instance norm, margin 64: same:", error["instance norm"][-1] < 1e-3)

# %%
#| label: fig-unet-seams
#| fig-cap: "Seams. Difference between the prediction in windows of 64 pixels and in one go, with no margin (above) and with a margin of 56 pixels (below). In evaluation mode only the surroundings of the cuts are wrong, and the margin cures everything. Where each window is normalised by itself, whole windows differ, most of all empty ones, which are stretched to full contrast; with a margin the outlines of nuclei are still wrong everywhere."
#| fig-alt: "Two rows of three difference maps. Above: in evaluation mode short strokes along the lines of the window grid; in training mode and with instance norm whole square windows are tinted, with dark blobs in one that is nearly empty, and outlines of nuclei differ. Below: the first map is blank; the other two show pale rings around most nuclei."
pictures = [cut[name][margin] - whole[name] for margin in (0, 56) for name in modes]
titles = [f"{name.replace(', ', chr(10))}\nmargin {margin}" for margin in (0, 56) for name in modes]
show.images(pictures, titles, columns=3, cmap="PuOr_r", limits=(-0.5, 0.5))

# %% [markdown]
# The cure for instance normalisation: let mean and variance come from the whole image (or from the training set), not
# from the window. Here a first pass over the whole image notes them for each layer, and the windows use them.

# %%
class Fixed(nn.Module):
    """Instance normalisation whose statistics are noted once, from the whole image, and then kept."""

    def __init__(self):
        super().__init__()
        self.noted = None

    def forward(self, x):
        if self.noted is None:
            self.noted = x.mean(dim=(2, 3), keepdim=True), x.var(dim=(2, 3), keepdim=True, unbiased=False)
        mean, variance = self.noted
        return (x - mean) / torch.sqrt(variance + 1e-5)


def replace_norms(module):
    for name, child in module.named_children():
        if isinstance(child, nn.InstanceNorm2d):
            setattr(module, name, Fixed())
        else:
            replace_norms(child)
    return module


cured = probability_of_inside(replace_norms(copy.deepcopy(instance)))
reference = windows(cured, scene, 256, 64)  # the first call notes the statistics
in_windows = windows(cured, scene, 64, 56)

# %% tags=["nbval-check-output"]
print("first pass is instance norm itself:", np.allclose(reference, whole["instance norm"], atol=1e-4))
print("windows with statistics of the whole image: same:", np.abs(in_windows - reference).max() < 1e-3)

# %% [markdown]
# And the shipped network on an image that is too large for one window. The built-in image and its mirror image stand
# for the scan. Windows of 256 pixels: without a margin, with the adapter's, and with one that is wider but eight pixels
# off the grid. (`tools.unet.probabilities` would round that one; the function of exercise 8 takes it as it is.)

# %%
scan = np.pad(image, ((0, 0), (0, 512)), mode="reflect")


def three_probabilities(window):
    with torch.no_grad():
        x = torch.as_tensor(np.ascontiguousarray(window), dtype=torch.float32)[None, None]
        return torch.softmax(model(x), dim=1)[0].numpy()


once = windows(three_probabilities, scan, 1024, 112)  # one window
pieces = {margin: windows(three_probabilities, scan, 256, margin) for margin in (0, 112, 120)}
difference = {margin: float(np.abs(q - once).max()) for margin, q in pieces.items()}

# %%
#| label: tbl-unet-large
#| tbl-cap: "The shipped network on an image of 512 × 1024 pixels, at once and in windows of 256 pixels. The last column counts the nuclei of the first row that have no partner with an IoU of 0.9 in the other rows. Without a margin, probabilities near the cuts are wrong, and so are the nuclei that lie there. With a margin that covers the reach and keeps to the grid nothing is left of the cuts, and the largest piece in memory stays the same however large the scan. A wider margin off the grid is worse, not better: all windows are pooled in other groups of pixels."
def nuclei_in(p):
    return tools.unet.instances(p, thresholds["foreground"], thresholds["inside"])


rows = [["at once", 1024 + 2 * 112, "0", nuclei_in(once).max(), 0]]
lost = {margin: metrics.match(nuclei_in(once), nuclei_in(q), 0.9).fn for margin, q in pieces.items()}
for margin, q in pieces.items():
    note = ", off the grid" if margin % 16 else ""
    rows.append([f"windows, margin {margin}{note}", 256 + 2 * margin, f"{difference[margin]:.3f}", nuclei_in(q).max(),
                 lost[margin]])
show.table(rows, ["prediction", "longest side of a piece", "largest difference", "nuclei", "nuclei changed"])

# %% tags=["nbval-check-output"]
print("windows with the adapter's margin agree with one pass:", difference[112] < 1e-3)
print("windows without a margin do:", difference[0] < 1e-3)
print("windows with a margin of 120 do:", difference[120] < 1e-3)

# %% [markdown]
# ## What did it look at? Grad-CAM for segmentation
#
# Grad-CAM asks which feature maps of a layer speak for an answer. A segmentation network has an answer for each pixel,
# so we choose some: the pixels of one nucleus. Library: `pytorch-grad-cam`, with its target for segmentation.

# %%
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget

numbers = [n for n in np.unique(truth[100:156, 356:412]) if n]
chosen = numbers[len(numbers) // 2]
one = truth[:256, 256:] == chosen
picture = torch.as_tensor(image[:256, 256:].copy())[None, None]
twin = copy.deepcopy(model)  # gradients are left on a copy
layers = {"top, way down": twin.down[0], "bottom": twin.bottom, "top, way up": twin.up[-1]}
maps = {}
for name, layer in layers.items():
    with GradCAM(model=twin, target_layers=[layer]) as cam:
        maps[name] = cam(input_tensor=picture, targets=[SemanticSegmentationTarget(tools.unet.INSIDE, one)])[0]

# %%
#| label: fig-unet-grad-cam
#| fig-cap: "Grad-CAM for the class “inside” at the pixels of one nucleus (outlined), at three layers of the shipped U-Net. At the top of the way down all outlines answer a little. At the bottom the map is coarse, and its maximum is not at the nucleus. At the top of the way up the map is the answer itself, for all nuclei alike: Grad-CAM weighs whole feature maps, not places. Right: the gradient with respect to the image, which does know the place: only the nucleus and its surroundings count."
#| fig-alt: "Five panels: nuclei, one of them outlined in orange; faint outlines of all nuclei; a blurred patch away from the outlined nucleus; sharp bright shapes at all nuclei; a small bright spot in and around the outlined nucleus on an empty background."
picture.requires_grad_()
twin(picture)[0, tools.unet.INSIDE][torch.as_tensor(one)].sum().backward()
gradient = picture.grad[0, 0].abs().numpy()
picture = picture.detach()
figure, panels = show.figure(1, 5, height=1.9)
views = {"image": picture[0, 0], **maps, "gradient": gradient}
for axes, (name, view) in zip(panels, views.items()):
    axes.imshow(view, cmap="gray" if name == "image" else "viridis")
    axes.contour(one, [0.5], colors=colour["orange"], linewidths=1)
    axes.set_title(name, fontsize=10)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Deeper: three dimensions
#
# The 3D U-Net is the same drawing with 3D convolutions. We train a tiny one on StarDist's synthetic stack of nuclei:
# the left two thirds for training, the rest for validation. Labels: background, rim, inside, as in 2D.

# %%
class UNet3D(nn.Module):
    """Two poolings; the first block keeps the resolution, skips are stacked."""

    def __init__(self, outputs=3, width=8):
        super().__init__()
        def block(a, b):
            return nn.Sequential(nn.Conv3d(a, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU(),
                                 nn.Conv3d(b, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU())
        self.down1, self.down2, self.bottom = block(1, width), block(width, 2 * width), block(2 * width, 4 * width)
        self.grow2 = nn.ConvTranspose3d(4 * width, 2 * width, 2, stride=2)
        self.grow1 = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
        self.up2, self.up1 = block(4 * width, 2 * width), block(2 * width, width)
        self.head = nn.Conv3d(width, outputs, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool3d(a, 2))
        x = self.bottom(F.max_pool3d(b, 2))
        x = self.up2(torch.cat([self.grow2(x), b], dim=1))
        return self.head(self.up1(torch.cat([self.grow1(x), a], dim=1)))


stack = data.load("nuclei-3d")
volume = data.normalise(stack.image)[:28, :60, :56]  # sides that can be halved twice
labels = stack.labels[:28, :60, :56]
rims = np.zeros(labels.shape, bool)
for axis in range(3):
    for shift in (-1, 1):
        rims |= np.roll(labels, shift, axis) != labels
classes = np.where(labels == 0, 0, np.where(rims, 1, 2))
rng = np.random.default_rng(0)
X, Y = [], []
for _ in range(16):
    z, y, x = rng.integers(0, 13), rng.integers(0, 29), rng.integers(0, 5)
    part = np.s_[z : z + 16, y : y + 32, x : x + 32]
    flip = rng.integers(0, 2, 3) * -2 + 1
    X.append(volume[part][:: flip[0], :: flip[1], :: flip[2]].copy())
    Y.append(classes[part][:: flip[0], :: flip[1], :: flip[2]].copy())
nets.seed_everything(0)
network3d = UNet3D()
history = nets.fit(
    network3d, DataLoader(TensorDataset(torch.as_tensor(np.stack(X))[:, None], torch.as_tensor(np.stack(Y))), batch_size=4,
                          shuffle=True),
    loss=nn.CrossEntropyLoss(), epochs=15, learning_rate=1e-2, device="cpu",
)
p3d = torch.softmax(nets.predict(network3d, torch.as_tensor(volume)[None, None]), dim=1)[0].numpy()
held = np.s_[:, :, 40:]

# %% tags=["nbval-check-output"]
print("parameters of the tiny 3D U-Net:", nets.count_parameters(network3d))
print("Dice of nuclei in the held-out part above 0.8:", metrics.dice(labels[held] > 0, p3d[0][held] < 0.5) > 0.8)

# %%
#| label: fig-unet-3d
#| fig-cap: "A tiny 3D U-Net after 60 steps: one plane of the stack, truth and prediction (background, rim, inside). Right of the dashed line the network has not trained."
#| fig-alt: "Three panels of one plane: grey nuclei; the true classes with light insides and orange rims; the predicted classes, similar but coarser. A dashed vertical line separates the right third."
figure, panels = show.figure(1, 3, height=2.6)
plane = 14
panels[0].imshow(volume[plane], cmap="gray")
panels[1].imshow(palette[classes[plane]])
panels[2].imshow(palette[p3d[:, plane].argmax(axis=0)])
for axes, title in zip(panels, ("plane 14", "truth", "3D U-Net")):
    axes.axvline(39.5, color=colour["sky"], ls="--", lw=1.2)
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 9: what may change? (open)
#
# `tools.unet.segment(image, foreground=…, inside=…)` takes both thresholds. Vary them: which one decides how many nuclei
# there are, and which one how large they are? Then add noise, blur the image, or enlarge it, until the result breaks.
# In which way does it break first: merged, cut, or missed? Would you have noticed without the masks?

# %%
rows = []
for inside in (0.3, 0.6, 0.9):  # add more, and vary foreground
    labels = tools.unet.segment(nuclei, inside=inside)
    areas = np.bincount(labels.ravel())[1:]
    rows.append([inside, labels.max(), np.median(areas), metrics.match(truth, labels, 0.5).average_precision])
show.table(rows, ["inside", "objects", "median area", "AP@0.5"], digits=2)

# %% [markdown]
# ## What the chapter says, computed
#
# Each line stands for a sentence of the chapter's page, and says what it rests on.

# %% tags=["claims", "nbval-check-output"]
loose, strict, strictest = (dsb2018.difference("unet", "stardist", iou) for iou in (0.5, 0.75, 0.9))
joined_ap, shaved_ap = (metrics.match(truth, labels, 0.5) for labels in (joined, shaved))
joined_dice, shaved_dice = (metrics.dice(truth > 0, labels > 0) for labels in (joined, shaved))
two_classes = [ways for name, ways in loss_matches.items() if name.startswith("2")]
repaired = [ways["distance"].average_precision - ways["components"].average_precision for ways in two_classes]
by_way = {way: [ways[way].average_precision for ways in loss_matches.values()] for way in ("components", "distance")}
background = float(np.mean(truth == 0))
stamps = F.conv_transpose2d(torch.ones(1, 1, 8, 8, dtype=torch.double), ones[3], stride=2)[0, 0, 4:12, 4:12]
show.claims(
    ("stamps-overlap", "cfe013", sorted(set(stamps.flatten().tolist())) == [1, 2, 4], "sums of 1, 2 and 4 stamps"),
    ("top-skip-spared", "4df233", moved["top skip cut"] < 0.02 and kept_inside["all skips cut"] < 0.05,
     f"pixels changed without the top skip: under 2 %; pixels of nuclei still called inside without any: "
     f"{kept_inside['all skips cut']:.0%}"),
    ("background-wins", "f8a668", background > 0.75, f"background {background:.0%} of the pixels"),
    ("masks-touch", "d699fa", 0.3 < len(in_touch) / 125 < 0.37 and whole_count < 125 <= carved_count,
     f"{len(pairs_touching)} pairs, {len(in_touch)} of 125 nuclei; {whole_count} components of the masks"),
    ("mergers-hide-in-dice", "ee5bef",
     joined_dice > 0.99 > 0.92 > shaved_dice and 0.6 < joined_ap.average_precision < 0.7 < 0.95 < shaved_ap.average_precision,
     f"joined: Dice {joined_dice:.3f}, AP@0.5 {joined_ap.average_precision:.3f}; "
     f"shaved: Dice {shaved_dice:.3f}, AP@0.5 {shaved_ap.average_precision:.3f}"),
    ("watershed-or-loss", "26e963", min(repaired) > 0 and np.mean(repaired) > 0.05 and np.ptp(by_way["distance"]) < np.ptp(by_way["components"]),
     f"the watershed helps {sum(r > 0 for r in repaired)} of {len(repaired)} losses with two classes, in the mean by more than 0.05"),
    ("rims-must-come-back", "920ff5",
     ap["rim subtracted, components"] < 0.2 and ap["insides as markers, watershed"] > 0.8
     and abs(ap["distance of the mask, maxima, watershed"] - ap["insides as markers, watershed"]) < 0.02,
     "AP@0.5 below 0.2 without the rim, above 0.8 with it; by distance less than 0.02 from that by insides"),
    ("loose-no-ranking", "201ed0", loose.low < 0 < loose.high,
     f"AP@0.5, U-Net − StarDist: {loose:.3f}"),
    ("strict-unet-ahead", "7c42f9", min(strict.low, strictest.low) > 0.03,
     f"AP@0.75: {strict:.3f}; AP@0.9: {strictest:.3f}"),
    ("grid-ended-too-early", "d5a0ac",
     0 < wider["ap"] - results["validation"]["ap"] < 0.01 and (wider["foreground"], wider["inside"]) == (0.7, 0.9),
     f"{results['validation']['ap']:.3f} → {wider['ap']:.3f} on 40 validation images"),
    ("worst-side-decides", "663a75", reaches.max() > fields.max() // 2 and tools.unet.MARGIN >= reaches.max(),
     f"reach {reaches.max()}, half the receptive field {fields.max() // 2}, margin {tools.unet.MARGIN}"),
    ("windows-equal-one-pass", "aadda8", difference[112] < 1e-3 and error[evaluated][-2] < 1e-3 and lost[112] == 0,
     f"largest difference below 0.001, {lost[112]} nuclei changed"),
    ("off-the-grid", "8eebe2", difference[120] > 0.1 and min(off_grid) > 0.2,
     "shipped network, margin 120: above 0.1; small one, margins 12 to 60: above 0.2"),
    ("window-statistics", "987f7e", min(error["instance norm"] + error["batch norm, left in training mode"]) > 0.2,
     "every difference at margins 0 to 64 above 0.2"),
    ("noted-statistics", "23cac4", bool(np.abs(in_windows - reference).max() < 1e-3), "largest difference below 0.001"),
)
