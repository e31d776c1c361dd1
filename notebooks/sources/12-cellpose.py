# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "12"
#   title: Cellpose and Cellpose-SAM
#   extra: cellpose
#   paths: [user, builder]
#   gpu: "helps"
# ---

# %% [markdown]
# From masks to flows and back: you will let heat spread in a cell, send particles up the slope, and count where
# they end. Then a network predicts the flows; cellpose's own code trains it, runs it, and turns its answer into
# labels. You will see what both thresholds do, where images and tiles end badly, and how to fine-tune.
#
# Seven exercises are checked and one is open. Everything runs without network; Cellpose-SAM itself, 1.2 GB of
# weights, runs if you have them or agree to a download.

# %% tags=["setup"]
import tempfile

import numpy as np
import torch
from scipy import ndimage
from skimage.segmentation import relabel_sequential

from bioimage_course import check, compat, data, explore, metrics, nets, results, show, tools
from bioimage_course.materials.ch12 import bent_cell, middle, two_cells

compat.prepare("cellpose")
with compat.quiet():
    from cellpose import dynamics, train, vit

colour = show.PALETTE

# %% [markdown]
# ## Heat
#
# Put a small flame on the middle of a cell. The heat spreads, but only inside the mask; outside it is cold. In every
# step, each pixel takes the mean of its 3 × 3 neighbours. After some hundred steps it is warm in the middle and
# cool at the tips, and from every pixel one can see in which direction it gets warmer. You write it first; the pictures
# follow.

# %% [markdown]
# ## Exercise 1: heat and flow
#
# 1. `diffuse(mask, centre, steps)`: begin with zeros. In each step add 1 at `centre` (row, column), replace every pixel
#    by the mean of its 3 × 3 neighbourhood (outside the image it is 0), and set everything outside the mask to 0.
#    Return the temperature.
# 2. `flow(temperature, mask)`: an array (2, rows, columns). First the slope along rows, `T[y + 1] − T[y − 1]`, then
#    along columns; divide both by the length of the arrow, so that it is 1 inside the mask; 0 outside. The mask does
#    not touch the image's border.

# %% tags=["exercise"] exercise="heat_flow"
def diffuse(mask, centre, steps):
    raise NotImplementedError
    temperature = np.zeros(mask.shape)
    for _ in range(steps):
        ...  # ndimage.uniform_filter(…, 3, mode="constant") takes the mean of 3 × 3 pixels
    return temperature


def flow(temperature, mask):
    raise NotImplementedError
    slope = np.zeros((2, *mask.shape))
    slope[0, 1:-1] = ...  # along rows
    slope[1, :, 1:-1] = ...  # along columns
    return ...


# %% tags=["solution"] exercise="heat_flow"
def diffuse(mask, centre, steps):
    temperature = np.zeros(mask.shape)
    for _ in range(steps):
        temperature[centre] += 1
        temperature = ndimage.uniform_filter(temperature, 3, mode="constant") * mask
    return temperature


def flow(temperature, mask):
    slope = np.zeros((2, *mask.shape))
    slope[0, 1:-1] = temperature[2:] - temperature[:-2]
    slope[1, :, 1:-1] = temperature[:, 2:] - temperature[:, :-2]
    length = np.sqrt((slope**2).sum(axis=0))
    return np.where(mask, slope / np.maximum(length, 1e-60), 0)


# %% tags=["check", "nbval-check-output"] exercise="heat_flow"
check.heat_flow(diffuse, flow)

# %%
#| label: fig-heat
#| fig-cap: "Heat in a bent cell, after 5, 50 and 400 steps (colours: logarithm of the temperature), and the flow: at each pixel an arrow of length 1 in the direction in which it gets warmer fastest. From the ends the arrows do not point at the flame but round the corner, where the heat came from."
#| fig-alt: "Four panels with a thick half ring. In the first three a warm spot at the middle of its inner edge grows until the whole shape is warm, the two ends least. In the fourth, arrows run from both ends along the bend towards a dot at the middle of the inner edge."
from bioimage_course.materials.ch12 import heat  # exercise 1, done

cell = bent_cell()
figure, panels = show.figure(1, 4, height=2.6)
for axes, steps in zip(panels, (5, 50, 400)):
    temperature = heat(cell, middle(cell), steps)
    axes.imshow(np.where(cell, np.log10(temperature + 1e-12), np.nan), cmap="inferno", vmin=-12, vmax=1)
    axes.set_title(f"{steps} steps")
flow = dynamics.masks_to_flows_gpu(cell.astype(int))[0]
rows, columns = (part[::5, ::5][cell[::5, ::5]] for part in np.mgrid[: cell.shape[0], : cell.shape[1]])
panels[3].imshow(cell, cmap="gray_r", vmax=4)
panels[3].quiver(columns, rows, flow[1][rows, columns], flow[0][rows, columns], angles="xy", scale=16, width=0.012,
                 color=colour["blue"])
panels[3].plot(*middle(cell)[::-1], "o", color=colour["vermilion"], ms=6)
panels[3].set_title("flow")
for axes in panels:
    axes.set_axis_off()
figure

# %% [markdown]
# ## What the network learns
#
# For a whole image: flow along rows, flow along columns, and cell or background. All three follow from what is
# around a pixel, none depends on arbitrary label numbers. From here on the library makes the flows: all cells of an image
# at once, and as many steps as the largest cell needs. The check has just compared yours with it.

# %%
def flows_of(labels):
    """Cellpose's flows of a label image: an array (2, rows, columns), along rows and along columns."""
    numbered, _, _ = relabel_sequential(np.asarray(labels).astype(int))  # cellpose wants 1, 2, 3 … without gaps
    return dynamics.masks_to_flows_gpu(numbered)[0]


nuclei = data.load("nuclei")
image, truth = nuclei.image, nuclei.labels
crop = np.s_[200:328, 150:278]
targets = flows_of(truth)

# %%
#| label: fig-flow-targets
#| fig-cap: "The three targets of training, made from the masks. Where two nuclei touch, the flow changes its sign from one pixel to the next: that is how they will be told apart."
#| fig-alt: "Four panels of the same crop: fluorescence image; flow along rows, each nucleus orange in its upper and purple in its lower half; flow along columns, each nucleus orange on its left and purple on its right; cell or background in white and black."
figure, panels = show.figure(1, 4, height=2.4)
panels[0].imshow(np.sqrt(image[crop]), cmap="gray")
for axes, part in zip(panels[1:3], targets):
    axes.imshow(np.where(truth[crop] > 0, part[crop], np.nan), cmap="PuOr_r", vmin=-1, vmax=1)
panels[3].imshow(truth[crop] > 0, cmap="gray")
for axes, title in zip(panels, ("image", "flow along rows", "flow along columns", "cell or background")):
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Back again: follow the flow
#
# Every pixel of a cell becomes a particle. In each step it moves along the flow where it is. After enough steps all
# particles of a cell meet, and pixels whose particles meet belong together.

# %%
#| label: fig-follow
#| fig-cap: "Particles on the flow of two touching cells (above) and of one bent cell (below), after 0, 10, 40 and 200 steps; for clarity every fourth pixel in each direction. Two crowds, two objects; one crowd, one object. (These flows were made from the masks; a network has to predict them first.)"
#| fig-alt: "Two rows of four panels. Above, dots fill two touching discs, then draw together into two tight clusters. Below, dots fill a half ring, then move along the bend and end in one cluster at the middle of its inner edge."
def follow_cellpose(flow, points, steps):
    """Cellpose's own way: bilinear interpolation of the flow between pixels; points (n, 2), rows and columns."""
    start = tuple(np.asarray(points, dtype=int).T)
    with compat.quiet():
        return np.asarray(dynamics.follow_flows(flow, inds=start, niter=steps)).T


figure, panels = show.figure(2, 4, height=4)
for row, mask in zip(panels, (two_cells(), bent_cell().astype(int))):
    field, points = flows_of(mask), np.argwhere(mask)
    points = points[(points % 4 == 0).all(axis=1)]
    for axes, steps in zip(row, (0, 10, 40, 200)):
        moved = follow_cellpose(field, points, steps) if steps else points
        axes.imshow(mask > 0, cmap="gray_r", vmax=5)
        axes.scatter(moved[:, 1], moved[:, 0], s=5, c=[[colour["blue"], colour["vermilion"]][i - 1]
                                                       for i in mask[tuple(points.T)]])
        axes.set(title=f"{steps} steps", xlim=(4, 59), ylim=(54, 14))
        axes.set_axis_off()
figure

# %% tags=["widget"]
explore.cellpose()

# %% [markdown]
# ## Exercise 2: follow the flow
#
# Write `follow(flow, points, steps)`. `points` is an array (n, 2) of rows and columns. In each step every point looks up
# the flow at the pixel it is in (round its coordinates), and moves by that arrow. Keep points inside the image
# (`np.clip`). Return their last positions. The check counts the crowds.

# %% tags=["exercise"] exercise="follow_flows"
def follow(flow, points, steps):
    raise NotImplementedError
    points = points.astype(float)
    highest = np.array(flow.shape[1:]) - 1
    for _ in range(steps):
        pixel = ...  # np.rint(points).astype(int)
        points = ...  # flow[:, rows, columns] has the shape (2, n)
    return points


# %% tags=["solution"] exercise="follow_flows"
def follow(flow, points, steps):
    points = points.astype(float)
    highest = np.array(flow.shape[1:]) - 1
    for _ in range(steps):
        pixel = np.rint(points).astype(int)
        points = np.clip(points + flow[:, pixel[:, 0], pixel[:, 1]].T, 0, highest)
    return points


# %% tags=["check", "nbval-check-output"] exercise="follow_flows"
check.follow_flows(follow)

# %% [markdown]
# ## A network that predicts flows
#
# Version 4.2 of cellpose lists four sets of weights: `cpsam_v2`, the default, and `cpsam`, which are Cellpose-SAM with 305
# million parameters; `cpdino` and `cpdino-vitb` need a further package. But its training and its evaluation take any network that answers in the same way: flow along rows, flow along columns (both times 5), and
# a logit for "cell". So we give it the U-Net of this course.

# %%
#| label: tbl-flow-networks
#| tbl-cap: "The two networks. Both read an image in square patches, think about patches, and write the answer for all pixels of a patch at once. The numbers are counted from the networks as built here; Cellpose-SAM with random weights."
with compat.quiet():
    giant = vit.CPSAM().eval()  # Cellpose-SAM's architecture, without its weights
ours = tools.cellpose.flow_network()
sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in (("sam", giant), ("ours", ours))}
show.table(
    [
        ["Cellpose-SAM", "vision transformer (ViT-L)", f"{sizes['sam'] / 1e6:.1f}", f"{4 * sizes['sam'] / 1e6:,.0f}",
         f"{giant.ps} × {giant.ps}", "one tile of 256 × 256, all of it"],
        ["this course", "U-Net", f"{sizes['ours'] / 1e6:.1f}", f"{4 * sizes['ours'] / 1e6:,.0f}", "2 × 2",
         "some 100 pixels around"],
    ],
    ["network", "kind", "million parameters", "MB of weights", "patch (pixels)", "what a patch can see"],
)

# %% [markdown]
# A forward pass through both, to see that they speak the same language. Cellpose-SAM's weights are random here, so
# its answer means nothing; we only look at the shape. (A version for tiles of 64 pixels: 256 would take most of a minute.)

# %% tags=["nbval-check-output"]
giant = None  # makes room for the next one
with compat.quiet():
    giant = vit.CPSAM(bsize=64).eval()
patch = torch.tensor(image[:64, :64].astype(np.float32))[None, None].repeat(1, 3, 1, 1)
with torch.no_grad():
    for name, network in (("Cellpose-SAM", giant), ("ours", ours.eval())):
        answer, style = network(patch)
        print(f"{name}: image {tuple(patch.shape)} → answer {tuple(answer.shape)}, style all zero: {bool((style == 0).all())}")
del giant

# %% [markdown]
# ### Training, live
#
# A tiny one first: 8 channels, a few seconds, the left half of our image for training, the right half to look how
# well it goes. `train_seg` is cellpose's own function: it makes the flows, rotates, scales and flips at random, and
# adds up the loss.

# %%
nets.seed_everything(0)
tiny = tools.cellpose.flow_network(width=8, depth=2)
halves = [[half[i : i + 128, j : j + 128] for i in range(0, 512, 128) for j in (0, 128)]
          for half in (image[:, :256], image[:, 256:])]
halves_truth = [[half[i : i + 128, j : j + 128] for i in range(0, 512, 128) for j in (0, 128)]
                for half in (truth[:, :256].astype(np.int32), truth[:, 256:].astype(np.int32))]
with compat.quiet(), tempfile.TemporaryDirectory() as folder:
    _, losses, other_losses = train.train_seg(
        tiny, train_data=halves[0], train_labels=halves_truth[0], test_data=halves[1], test_labels=halves_truth[1],
        n_epochs=41, batch_size=8, bsize=96, learning_rate=5e-3, weight_decay=0.01, min_train_masks=1, save_path=folder,
    )

# %%
#| label: fig-flow-training
#| fig-cap: "Some seconds of training: the loss, mean squared error of the flows plus cross-entropy of cell against background. Cellpose looks at the validation images now and then only. The distance between the curves means little: they are taken from two halves of one image, and the network is in training mode for the one and in evaluation mode for the other. Both fall, and neither has levelled off."
#| fig-alt: "Line plot of loss against epoch. The training loss falls from about 2.6 to below 1 within forty epochs; the validation points lie below it and fall as well."
looked = [epoch for epoch in range(len(losses)) if epoch == 5 or epoch % 10 == 0]
figure, axes = show.figure(height=2.8)
axes.plot(losses, color=colour["blue"], label="training (left half)")
axes.plot(looked, other_losses[looked], "o--", color=colour["vermilion"], label="validation (right half)")
axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
axes.legend()
figure

# %% tags=["nbval-check-output"]
print("the loss fell:", losses[-5:].mean() < 0.8 * losses[:3].mean())

# %% [markdown]
# ## The course's own flow network
#
# `training/cellpose_flows.py` did the same with 127 images, a larger U-Net, and more time. Its checkpoint comes with
# the course. `tools.cellpose.course_model()` gives a real `CellposeModel` around it, so this is the very call that you
# would use with Cellpose-SAM.

# %%
model = tools.cellpose.course_model()
chosen = tools.cellpose.results()["thresholds"]
with compat.quiet():
    masks, flows, styles = model.eval(image, bsize=256, flow_threshold=0.4, cellprob_threshold=0.0)

# %%
#| label: fig-flow-steps
#| fig-cap: "What `eval` returns, on a part of the built-in image. Flow as colours: the hue is the direction, the brightness the length. The logit: 0 means a probability of one half. Labels: pixels whose particles met. The network was trained on images of the same collection, not on this one."
#| fig-alt: "Four panels: fluorescence image of nine nuclei, some cut by the border; the flow as a colour wheel in each nucleus; the logit, high inside nuclei and low between; the image with the outlines of the labels found."
figure, panels = show.figure(1, 4, height=2.6)
panels[0].imshow(np.sqrt(image[crop]), cmap="gray")
panels[1].imshow(flows[0][crop])
panels[2].imshow(flows[2][crop], cmap="PuOr_r", vmin=-8, vmax=8)
panels[3].imshow(np.sqrt(image[crop]), cmap="gray")
for number in np.unique(masks[crop])[1:]:
    panels[3].contour(masks[crop] == number, [0.5], colors=colour["orange"], linewidths=1)
for axes, title in zip(panels, ("image", "flow", "logit", "labels")):
    axes.set_title(title)
    axes.set_axis_off()
figure

# %%
#| label: fig-flow-score
#| fig-cap: "The course's flow network on the built-in image, against its masks at an IoU of 0.5."
#| fig-alt: "Fluorescence image with about 125 nuclei; most are outlined as true positives, some are missed and a few are false."
prediction = tools.cellpose.segment(image)
show.matches(np.sqrt(image), truth, prediction)  # segment() takes the thresholds chosen on validation images

# %%
#| label: tbl-flow-score
#| tbl-cap: "The same in numbers: AP = TP/(TP + FP + FN), at three IoU thresholds."
matchings = {threshold: metrics.match(truth, prediction, threshold) for threshold in (0.5, 0.75, 0.9)}
show.table(
    [[threshold, m.tp, m.fp, m.fn, f"{m.average_precision:.3f}"] for threshold, m in matchings.items()],
    ["IoU threshold", "TP", "FP", "FN", "AP"], digits=2,
)

# %% tags=["nbval-check-output"]
print("AP@0.5 above 0.7:", matchings[0.5].average_precision > 0.7)

# %%
#| label: tbl-flow-dsb2018
#| tbl-cap: "On the 50 test images, once: our flow network and the StarDist model of the last chapter, which learnt from the same 127 images. AP pooled over all nuclei, the difference of the two with its interval (whole images drawn again and again), and on how many images the flow network scores higher."
show.table(results.dsb2018.comparison("cellpose", "stardist"))

# %% [markdown]
# ## The thresholds
#
# The network has answered; what follows is arithmetic. So both thresholds can be varied without asking it again.

# %%
def labels_with(flow_threshold=0.4, cellprob_threshold=0.0):
    """Labels from the network's answer for a quarter of the image, with other thresholds."""
    part = np.s_[:256, :256]
    with compat.quiet():
        return dynamics.resize_and_compute_masks(
            flows[1][(slice(None), *part)], flows[2][part], flow_threshold=flow_threshold,
            cellprob_threshold=cellprob_threshold,
        )


logits, errors = (-6, -4, -2, 0, 2, 4, 6), (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
by_logit = [labels_with(flow_threshold=None, cellprob_threshold=value) for value in logits]
by_error = [labels_with(flow_threshold=value) for value in errors]

# %%
#| label: fig-flow-thresholds
#| fig-cap: "Left: a higher `cellprob_threshold` makes objects smaller, then fewer; between −2 and 2 it changes their area much more than their number (both relative to the default 0; quality control switched off). Right: a lower `flow_threshold` throws away objects, at last all of them. A higher one than the default lets a few more pass, as far as we tried. A quarter of the built-in image; vertical lines: cellpose's defaults."
#| fig-alt: "Left: two falling curves against cellprob threshold from minus 6 to 6; the area falls steadily from more than twice to zero, the number of objects from one and a half times to zero, with a flat part in the middle. Right: the number of objects rises steeply from zero at 0.05 to the default 0.4, then slowly on to 1.6."
figure, (left, right) = show.figure(1, 2, height=2.9)
area, number = (np.array([f(found) for found in by_logit], float) for f in (np.count_nonzero, np.max))
area_change, number_change = (float(np.ptp((values / values[3])[[2, 3, 4]])) for values in (area, number))
left.plot(logits, area / area[3], "o-", color=colour["blue"], label="area of all objects")
left.plot(logits, number / number[3], "s--", color=colour["vermilion"], label="number of objects")
left.axvline(0, color=colour["black"], lw=0.8)
left.set(xlabel="cellprob_threshold (a logit)", ylabel="relative to threshold 0", ylim=(0, None))
left.legend()
right.plot(errors, [found.max() for found in by_error], "s--", color=colour["vermilion"])
right.axvline(0.4, color=colour["black"], lw=0.8)
right.set(xlabel="flow_threshold", ylabel="number of objects", ylim=(0, None))
figure

# %% tags=["nbval-check-output"]
print("higher cellprob_threshold, smaller area:", bool((np.diff(area) < 0).all()))
print("lower flow_threshold, fewer objects:", by_error[0].max() < by_error[3].max() <= by_error[-1].max())

# %% [markdown]
# ## Exercise 3: quality control
#
# `flow_threshold` asks of every object: if you were real, would your flow look like what the network saw? Write
# `flow_errors(labels, predicted)`: make the flow of the labels (`flows_of(labels)`, both functions take rows first),
# square its difference to the predicted one (unit length, same shape), add both components, and return, for label 1,
# 2, …, the mean over the object's pixels.

# %% tags=["exercise"] exercise="flow_quality"
def flow_errors(labels, predicted):
    raise NotImplementedError
    own = flows_of(labels)
    error = ...  # one number a pixel
    return [... for number in range(1, labels.max() + 1)]


# %% tags=["solution"] exercise="flow_quality"
def flow_errors(labels, predicted):
    own = flows_of(labels)
    error = ((own - predicted) ** 2).sum(axis=0)
    return [error[labels == number].mean() for number in range(1, labels.max() + 1)]


# %% tags=["check", "nbval-check-output"] exercise="flow_quality"
check.flow_quality(flow_errors)

# %% [markdown]
# ## Exercise 4: logits
#
# Cellpose's "cell probability" is a logit, z = ln(p/(1 − p)). Write `to_probability(logit)`, for one number,
# and without an overflow, not even a warning, for −1000 (exp(1000) is too large for a computer); and `to_logit(probability)`. Then predict, *before* you look at @fig-flow-thresholds again, by "more", "fewer" or
# "the same":
#
# - `"pixels"`: pixels that belong to objects, when `cellprob_threshold` rises from 0 to 2;
# - `"objects"`: objects, when `flow_threshold` falls from 0.4 to 0.1;
# - `"network runs"`: passes through the network to try out ten more thresholds with our function `labels_with`.

# %% tags=["exercise"] exercise="cell_logits"
def to_probability(logit):
    raise NotImplementedError


def to_logit(probability):
    raise NotImplementedError


forecast = {"pixels": ..., "objects": ..., "network runs": ...}


# %% tags=["solution"] exercise="cell_logits"
def to_probability(logit):
    return 0.5 * (1 + np.tanh(np.asarray(logit) / 2))


def to_logit(probability):
    return np.log(probability) - np.log1p(-np.asarray(probability))


forecast = {"pixels": "fewer", "objects": "fewer", "network runs": "the same"}


# %% tags=["check", "nbval-check-output"] exercise="cell_logits"
check.cell_logits(to_probability, to_logit, forecast)

# %% [markdown]
# ## Where the image ends, and where tiles end
#
# A cell that is cut by the image's border is an incomplete cell next to a black wall: neither was common in training.
# And a large image is processed in tiles, each with four such walls. What is wrong with segmenting tiles one by one
# and gluing the labels?

# %%
side = 128
glued, offset = np.zeros(truth.shape, int), 0
for i in range(0, 512, side):
    for j in range(0, 512, side):
        part = tools.cellpose.segment(image[i : i + side, j : j + side], limits=np.percentile(image, (1, 99)), diameter=None)
        glued[i : i + side, j : j + side] = np.where(part > 0, part + offset, 0)
        offset += part.max()
with compat.quiet():
    tiled = model.eval(image, bsize=128, **{k: v for k, v in chosen.items() if k != "diameter"})[0].astype(int)
seams = np.zeros(truth.shape, bool)
seams[side - 1 : -1 : side], seams[side : -1 : side] = True, True
seams |= seams.T
at_seam = np.unique(truth[seams])[1:]
single = tools.cellpose.segment(image, diameter=None)


def found(labels, numbers, threshold=0.7):
    """Which share of the given true objects has a partner at this IoU."""
    partners = {int(t) for t, _ in metrics.match(truth, labels, threshold).pairs}
    return sum(int(n) in partners for n in numbers) / len(numbers)


# %%
#| label: fig-flow-tiles
#| fig-cap: "Tiles of 128 pixels. Left: every tile segmented on its own and the labels glued; objects end at the seams (dashed). Right: cellpose's own way; tiles overlap, the *flows* are averaged where they do, and particles run across the seams. The nucleus that the vertical seam cut is whole now. One nucleus of the chain at the lower right is missed both ways: that is the network, not the tiles."
#| fig-alt: "Two panels of the same part of the image with outlines. Left, a large nucleus is cut in two by the dashed vertical line. Right, it is whole. Of three nuclei in a chain below it the middle one has no outline in either panel."
figure, panels = show.figure(1, 2, height=4)
window = np.s_[314:454, 58:198]  # around the corner of four tiles
for axes, labels, title in ((panels[0], glued, "labels glued"), (panels[1], tiled, "flows averaged")):
    axes.imshow(np.sqrt(image[window]), cmap="gray")
    for number in np.unique(labels[window])[1:]:
        axes.contour(labels[window] == number, [0.5], colors=colour["orange"], linewidths=1)
    axes.axvline(69.5, ls="--", lw=0.8, color=colour["sky"])
    axes.axhline(69.5, ls="--", lw=0.8, color=colour["sky"])
    axes.set_title(title)
    axes.set_axis_off()
figure

# %%
#| label: tbl-flow-tiles
#| tbl-cap: "Three ways through the same image: all objects at an IoU of 0.5, the share of the true nuclei on a seam of the 128-pixel tiles that are found at the stricter IoU of 0.7, and the agreement with the last row: the share of its objects that have a partner with an IoU of 0.9. With averaged flows small and large tiles give nearly the same here; that is agreement, measured, and not the identity that a network without statistics over the window can have."
ways = {"128-pixel tiles, labels glued": glued, "128-pixel tiles, flows averaged": tiled, "256-pixel tiles, flows averaged": single}
agreement = {name: metrics.match(single, labels, 0.9).recall for name, labels in ways.items()}
rows = [[name, int((np.bincount(labels.ravel())[1:] > 0).sum()), f"{metrics.match(truth, labels, 0.5).average_precision:.3f}",
         f"{found(labels, at_seam):.0%}", f"{agreement[name]:.0%}"] for name, labels in ways.items()]
show.table(rows, ["way", "objects", "AP@0.5", f"of {len(at_seam)} nuclei on a seam", "agreement"])

# %% tags=["nbval-check-output"]
print("gluing labels loses nuclei at seams:", found(glued, at_seam) < found(tiled, at_seam))

# %% [markdown]
# ## Exercise 5: a mirror instead of a wall
#
# At the outer border there is no neighbouring tile. A mirror is better than a black wall: continue the image by its
# reflection, segment, and cut the margin off again. Write `mirrored(segment, image, width)`: pad on all four sides by
# reflection (`np.pad`, mode `"reflect"`), call `segment(padded)`, crop to the original size, and renumber the labels
# 1, 2, 3 … without gaps (objects that lay in the margin only have gone).

# %% tags=["exercise"] exercise="mirrored_border"
def mirrored(segment, image, width):
    raise NotImplementedError
    padded = ...
    labels = ...
    return ...


# %% tags=["solution"] exercise="mirrored_border"
def mirrored(segment, image, width):
    padded = np.pad(image, width, mode="reflect")
    labels = segment(padded)[width : width + image.shape[0], width : width + image.shape[1]]
    numbers = np.unique(labels)
    return np.searchsorted(numbers[numbers > 0], labels) + (labels > 0)


# %% tags=["check", "nbval-check-output"] exercise="mirrored_border"
check.mirrored_border(mirrored)

# %% [markdown]
# Does it help? We cut sixteen small windows out of the image, so that many nuclei lie on a border, and segment each with
# a wall (cellpose pads with zeros) and with a mirror. For every border nucleus we compare with the mask in the window.

# %%
def with_mirror(window, width=32):
    """The same as exercise 5."""
    labels = tools.cellpose.segment(np.pad(window, width, mode="reflect"), limits=limits, diameter=None)
    return labels[width : width + window.shape[0], width : width + window.shape[1]]


limits = np.percentile(image, (1, 99))
border_iou, border_window = {"wall": [], "mirror": []}, []
for i in range(0, 512, 128):
    for j in range(0, 512, 128):
        window, inside = image[i : i + 128, j : j + 128], truth[i : i + 128, j : j + 128]
        edge = np.unique(np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]))
        for how, labels in (("wall", tools.cellpose.segment(window, limits=limits, diameter=None)), ("mirror", with_mirror(window))):
            for number in edge[edge > 0]:
                mask = inside == number
                partner = np.bincount(labels[mask]).argmax() if labels[mask].any() else 0
                border_iou[how].append(metrics.iou(mask, labels == partner) if partner else 0.0)
        border_window += [(i, j)] * int((edge > 0).sum())
mirror_gain = metrics.paired_difference(border_iou["mirror"], border_iou["wall"], groups=[i * 8 + j for i, j in border_window])

# %%
#| label: tbl-flow-border
#| tbl-cap: "Nuclei on the border of sixteen windows of 128 pixels: IoU with the part of their mask that lies in the window. Last row: the difference, the same nuclei paired, with a 95 % interval over the windows, which are the units here. All are cut from one image."
show.table(
    [*([name, len(values), f"{np.mean(values):.3f}", f"{np.mean(np.array(values) >= 0.5):.0%}"] for name, values in
       (("black wall", border_iou["wall"]), ("mirror of 32 pixels", border_iou["mirror"]))),
     ["difference, mean of the windows", "", str(mirror_gain), ""]],
    ["beyond the border", "border nuclei", "mean IoU", "found at IoU 0.5"],
)

# %% [markdown]
# ## Cellpose-SAM
#
# The real model, if its weights are on this machine. If they are not, `pretrained` says so in one sentence; change
# `download` to True to fetch them (it first prints what that costs). Nothing else changes: the same `eval`.

# %%
download = False
print(tools.cellpose.announcement())
try:
    sam = tools.cellpose.pretrained(download=download)
except Exception as error:  # no weights: the sentence, and our own network instead
    print(error)
    sam = None

# %%
small = image[:256, :256]
with compat.quiet():
    masks, flows_small, styles = (sam or model).eval(
        small, batch_size=8, flow_threshold=0.4, cellprob_threshold=0.0, normalize={"tile_norm_blocksize": 0},
        bsize=256,
    )
name = "Cellpose-SAM" if sam else "our own flow network (Cellpose-SAM's weights are not here)"
ap = metrics.match(truth[:256, :256], masks, 0.5).average_precision
print(f"{name}: {masks.max()} objects, AP@0.5 {ap:.2f}")

# %% [markdown]
# ## From default to tuned to fine-tuned
#
# A real case: spread cells in phase contrast, outlined by hand (Usiigaci, MIT licence). Our network has only seen
# bright nuclei on black ground. First a small attempt that you can watch: one crop to learn from, half a minute of
# training, and two crops of other images to see what came of it. Before and after, the network is told how large the
# cells are, so that size is no excuse.

# %%
spread, crops = data.load("spread-cells"), results.spread_cells.crops()
learn_image, learn_masks = crops["learn_image"], crops["learn_truth"].astype(np.int32)
cell_size = metrics.median_diameter(learn_masks)
nets.seed_everything(0)
network = tools.cellpose.flow_network(**model.net.arguments)
network.load_state_dict(model.net.state_dict())  # start from what it knows
with compat.quiet(), tempfile.TemporaryDirectory() as folder:
    train.train_seg(
        network, train_data=[learn_image], train_labels=[learn_masks], n_epochs=40, nimg_per_epoch=16, batch_size=8, bsize=128,
        learning_rate=2e-3, weight_decay=0.01, min_train_masks=1, rescale=True, scale_range=0.5, save_path=folder,
    )
scenes = {"spread cells": (spread.image, spread.labels), "another cell line": (crops["odd_image"], crops["odd_truth"])}
live = {
    kind: {name: tools.cellpose.segment(picture, segmenter, diameter=cell_size)
           for name, segmenter in (("as shipped", model), ("half a minute", tools.cellpose.as_cellpose(network)))}
    for kind, (picture, _) in scenes.items()
}
live_ap = {name: metrics.match(spread.labels, labels, 0.5).average_precision for name, labels in live["spread cells"].items()}

# %%
#| label: fig-spread-live
#| fig-cap: "Half a minute of fine-tuning on one crop with a dozen cells. Above: part of a test image; the cells as drawn by hand; what the nuclei network finds; what it finds half a minute later. Below: the same for cells of another line, smaller and more slender, on which nothing was trained. The titles count cells found at an IoU of 0.5."
#| fig-alt: "Two rows of four panels. Above, a phase-contrast crop with some thirty large, angular, spread cells: the image; outlines by hand along every cell; as shipped, outlines that do not follow cells; after half a minute, many cells with an outline roughly along their border, others with none or a wrong one. Below, smaller, slender cells: the image; by hand; as shipped; after half a minute, where few outlines fit."
figure, panels = show.figure(2, 4, height=4.1)
for row, (kind, (picture, drawn)) in zip(panels, scenes.items()):
    pictures = {kind: None, "by hand": drawn} | live[kind]
    for axes, (title, labels) in zip(row, pictures.items()):
        axes.imshow(picture, cmap="gray", vmin=np.percentile(picture, 0.5), vmax=np.percentile(picture, 99.8))
        for number in () if labels is None else np.unique(labels)[1:]:
            axes.contour(labels == number, [0.5], colors=colour["sky" if labels is drawn else "orange"], linewidths=1)
        if title in live[kind]:
            title += f": {metrics.match(drawn, labels, 0.5).tp} of {drawn.max()}"
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print("half a minute helped:", live_ap["half a minute"] > live_ap["as shipped"] + 0.1)

# %% [markdown]
# ### With more images, and to the end
#
# `training/spread_cells.py` did it properly. Eight images are for testing only. The other ten are put into an order by lot;
# *n images* are the first n. The same number of training steps each time; three lots, so three seeds. What has not been run yet
# says so. How long do *you* need to outline a cell? Put it in: 30 seconds are an assumption of ours.

# %%
seconds_per_cell = 30

# %%
#| label: fig-spread-curve
#| fig-cap: "How many outlined images? Left: AP@0.5 on the eight test images; each point is one training (one seed), lines join the means. Right: the fine-tuned network on three kinds of images: what it was trained for, cells of another line, and the nuclei that it knew before. Points that have not been run are missing."
#| fig-alt: "Two panels, AP at an IoU of 0.5 against the number of outlined images, 0, 1, 2, 5 and 10. Left: fine-tuned rises steeply from zero at no image to a high value at one image and little afterwards; from scratch and tuned settings as far as they were run. Right: for the fine-tuned network, spread cells rise and stay high, the other cell line stays far below, and the nuclei fall from 0.8 to near zero."
figure, (left, right) = show.figure(1, 2, height=3.4)
ticks, names = (0, *results.spread_cells.NUMBERS), []


def draw_curve(axes, curve, marker, tint, name):
    """All seeds as points, and a line through their means; its name is written later."""
    places = [ticks.index(n) for n in curve]
    axes.plot(places, [np.mean(values) for values in curve.values()], color=tint, lw=1)
    for place, values in zip(places, curve.values()):
        axes.plot([place] * len(values), values, marker, color=tint, ms=5, mfc="white")
    names.append([axes, places[-1], np.mean(list(curve.values())[-1]), name, tint])


shipped = results.spread_cells.curve("shipped")
for method, marker, tint in (("fine-tuned", "o", "blue"), ("scratch", "s", "vermilion"), ("tuned", "^", "black"),
                             ("scratch-longer", "D", "green")):
    runs = results.spread_cells.curve(method)
    start = shipped if method == "fine-tuned" else {}
    if runs:
        name = {"tuned": "tuned", "scratch": "from scratch", "scratch-longer": "3 × as long"}.get(method, method)
        draw_curve(left, start | runs, marker, colour[tint], name)
for part, marker, tint in (("test", "o", "blue"), ("odd", "v", "orange"), ("nuclei", "P", "purple")):
    both = results.spread_cells.curve("shipped", part) | results.spread_cells.curve("fine-tuned", part)
    draw_curve(right, both, marker, colour[tint], {"test": "spread cells", "odd": "other line", "nuclei": "nuclei"}[part])
for axes, title in ((left, "spread cells, test images"), (right, "the fine-tuned network")):
    last = -1.0
    for _, place, height, name, tint in sorted((row for row in names if row[0] is axes), key=lambda row: row[2]):
        last = max(height, last + 0.07)  # names do not lie on each other
        axes.annotate(name, (place, last), xytext=(7, 0), textcoords="offset points", color=tint, va="center", fontsize=8)
    axes.set(xticks=range(len(ticks)), xticklabels=ticks, xlabel="outlined images", ylabel="AP@0.5", ylim=(-0.03, 1),
             xlim=(-0.3, len(ticks) + 0.6), title=title)
figure

# %%
#| label: tbl-spread
#| tbl-cap: "Everything that was to be run. AP pooled over the cells of eight test images, of two images of another cell line, and over the nuclei of 50 DSB2018 images that the network knew; the mean of the seeds, in brackets the lowest and the highest. Minutes of outlining: cells × the assumed seconds. CPU minutes: training or tuning, on two cores."
show.table(results.spread_cells.table(seconds_per_cell))

# %%
#| label: tbl-spread-pairs
#| tbl-cap: "What may be ranked: difference in AP@0.5 on the same eight test images, seed by seed, with the 95 % interval over images. An interval that contains 0 says that these images do not tell the two apart."
show.table(results.spread_cells.comparisons())

# %%
#| label: tbl-spread-two
#| tbl-cap: "Two specialists: networks of the same kind, two kinds of images, AP@0.5. The second began as the first. A generalist would be a row with two high numbers."
most = max(results.spread_cells.curve("fine-tuned"))
show.table(
    [[name, *(float(np.mean(results.spread_cells.curve(method, part)[n])) for part in ("nuclei", "test"))]
     for name, method, n in (("the nuclei network", "shipped", 0), (f"fine-tuned, {most} images", "fine-tuned", most))],
    ["network", "nuclei (50 images)", "spread cells (8 images)"], digits=2,
)

# %% [markdown]
# ## Exercise 6: which knob?
#
# Six things that you may see in your own results. What do you turn first? Answer each with one of `"cellprob_threshold"`,
# `"flow_threshold"`, `"diameter"`, `"normalize"`, `"mirror"` (continue the image before segmenting) and `"fine-tune"`.
# Each is the answer once.

# %% tags=["exercise"] exercise="which_knob"
knob = {
    "all outlines lie well inside the cells": ...,
    "cells of 120 pixels are cut into pieces; the same cells at half the size come out whole": ...,
    "a field without any cell is full of small objects": ...,
    "between good cells there are odd objects where no cell is": ...,
    "tuned settings change little: half of the cells, of an unusual kind, are missed": ...,
    "objects at the edge of the picture are wrong, all others are right": ...,
}


# %% tags=["solution"] exercise="which_knob"
knob = {
    "all outlines lie well inside the cells": "cellprob_threshold",
    "cells of 120 pixels are cut into pieces; the same cells at half the size come out whole": "diameter",
    "a field without any cell is full of small objects": "normalize",
    "between good cells there are odd objects where no cell is": "flow_threshold",
    "tuned settings change little: half of the cells, of an unusual kind, are missed": "fine-tune",
    "objects at the edge of the picture are wrong, all others are right": "mirror",
}


# %% tags=["check", "nbval-check-output"] exercise="which_knob"
check.which_knob(knob)

# %% [markdown]
# ## Exercise 7: without telling the network (open)
#
# Enlarge the image and do not tell the network; then tell it by `diameter`, which makes cellpose resize the image so
# that objects are 30 pixels wide. Extend the table: from which diameter on does the network need help, below and
# above? What happens to the objects, lost, merged or cut to pieces? How would you choose `diameter` for images without masks?

# %%
from skimage.transform import resize


def score_at(factor, tell):
    """Median diameter and AP@0.5 when the image is enlarged by a factor, with or without telling cellpose."""
    shape = tuple(int(factor * n) for n in (192, 192))
    bigger = resize(image[:192, :192].astype(float), shape, order=1, anti_aliasing=factor < 1)
    masks = resize(truth[:192, :192], shape, order=0, preserve_range=True, anti_aliasing=False).astype(int)
    diameter = metrics.median_diameter(masks)
    labels = tools.cellpose.segment(bigger, diameter=diameter if tell else None)
    return diameter, metrics.match(masks, labels, 0.5).average_precision


# %%
#| label: tbl-flow-scale
#| tbl-cap: "The same nuclei at other sizes: AP@0.5 without and with `diameter`. One corner of one image, some 20 nuclei: differences of a few hundredths are one nucleus."
rows = []
for factor in (0.5, 1, 4):  # add more factors
    diameter, alone = score_at(factor, tell=False)
    rows.append([factor, diameter, alone, score_at(factor, tell=True)[1]])
show.table(rows, ["factor", "median diameter (pixels)", "AP@0.5, not told", "AP@0.5, told"], digits=2)

# %% [markdown]
# ## Three dimensions
#
# A stack is a pile of planes, mostly farther apart than the pixels of a plane. To see what that does to shapes, and
# to know the truth, we take a synthetic one: ellipsoids like nuclei, some on top of each other, planes 1 µm apart,
# pixels of 0.25 µm, blurred four times more along the axis than across it. First anisotropy by hand: how large is a
# nucleus, and how high for its width?

# %%
stack = results.volumes.volume("test", 0)
spacing = np.array(results.volumes.results()["scene"]["spacing"])  # µm between planes, rows, columns


def inner_objects(labels):
    """Number and place of each object that does not touch the border of the stack."""
    ends = np.array(labels.shape)
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if all(part.start > 0 and part.stop < end for part, end in zip(place, ends)):
            yield number, place


def measured(labels, voxel):
    """Median volume in µm³, and median height divided by width, with voxels of these lengths."""
    sizes = [(labels[place] == number).sum() * np.prod(voxel) for number, place in inner_objects(labels)]
    boxes = np.array([[part.stop - part.start for part in place] for _, place in inner_objects(labels)]) * voxel
    return float(np.median(sizes)), float(np.median(boxes[:, 0] / boxes[:, 1:].mean(axis=1)))


def neighbours(labels, voxel):
    """Of each object the nearest other one, from centre to centre."""
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, range(1, labels.max() + 1))) * voxel
    distances = np.linalg.norm(centres[:, None] - centres, axis=-1)
    return (distances + np.diag([np.inf] * len(centres))).argmin(axis=1)


cubes = stack.labels.repeat(round(spacing[0] / spacing[1]), axis=0)  # each plane four times: voxels are cubes now
wrong = np.full(3, spacing[1])
right_neighbours = neighbours(stack.labels, spacing)

# %%
#| label: tbl-anisotropy
#| tbl-cap: "The nuclei of one synthetic stack, measured three times (those that do not touch the border; medians), and for how many of all nuclei the nearest other one is the right one. Only the unit of the third axis differs."
show.table(
    [[name, *measured(labels, voxel), f"{(neighbours(labels, voxel) == right_neighbours).sum()} of {stack.n_objects}"]
     for name, labels, voxel in (("all three steps counted as 0.25 µm", stack.labels, wrong), ("planes 1 µm apart", stack.labels, spacing),
                                 ("made into cubes of 0.25 µm first", cubes, wrong))],
    ["how", "volume (µm³)", "height ÷ width", "right neighbour"], digits=2,
)

# %% [markdown]
# ### Two dimensions, used twice
#
# Cellpose has two ways to segment a stack with a network that knows planes only. Each is one call. Here is our network as
# shipped, which has never seen a stack; live, some seconds. The two settings were chosen on other synthetic stacks.

# %%
scaled, chosen_3d = data.normalise(stack.image), {way: results.volumes.run(way, "shipped")["options"] for way in ("stitched", "views")}
options = {"z_axis": 0, "bsize": 96, "normalize": {"normalize": False}}
with compat.quiet():
    by_planes = model.eval(scaled, **chosen_3d["stitched"], **options)[0].astype(int)
    by_views = model.eval(scaled, do_3D=True, anisotropy=spacing[0] / spacing[1], **chosen_3d["views"], **options)[0].astype(int)

# %% tags=["nbval-check-output"]
found_in = {name: metrics.match(stack.labels, labels, 0.5) for name, labels in (("planes", by_planes), ("views", by_views))}
print("views added find more than stitched planes, in this stack:", found_in["views"].tp > found_in["planes"].tp)

# %% [markdown]
# ### Three ways, six stacks
#
# `training/volumes.py` repeated it on six such stacks, and trained a small 3D U-Net on eight others. The latter's score on two stacks kept aside, look by look; training ended when three looks had
# brought nothing:

# %%
#| label: fig-volumes-training
#| fig-cap: "AP@0.5 of the 3D U-Net on two stacks kept aside, every hundred steps; one line a training, the best look was kept. The way up is rough: a look in between can be bad. Synthetic stacks."
#| fig-alt: "Curves of AP at an IoU of 0.5 against training steps. They rise within some hundred steps, with dips, and end close to 1."
figure, axes = show.figure(height=2.4)
for seed, marker, tint in ((0, "o", "blue"), (1, "s", "vermilion")):
    history = results.volumes.results()["training"].get(f"network/{seed}", {"step": [], "ap": []})
    axes.plot(history["step"], history["ap"], marker + "-", color=colour[tint], label=f"seed {seed}")
axes.set(xlabel="step", ylabel="AP@0.5", ylim=(0, 1))
axes.legend(loc="lower right")
figure

# %%
#| label: fig-volumes
#| fig-cap: "One synthetic stack: a plane (above) and a section along the axis (below; drawn in true proportions, so every plane is a stripe). Truth, and three ways; the first two with the network as shipped. In the plane most outlines look alike, and nothing shows what lies below. The section does: look at sections, never at planes alone."
#| fig-alt: "Two rows of five panels: image, truth, planes stitched, views added, 3D network. Above, a plane with seven round nuclei, outlined much alike, the stitched ones with gaps. Below, a section with nuclei on top of each other, coarse and blurred along the axis; in the truth each has its own outline. Stitched planes cut several into slabs and miss some; views added and the 3D network follow the truth closely."
ways = {"truth": stack.labels, "planes stitched": by_planes, "views added": by_views, "3D network": results.volumes.labels()}
upper, lower = stack.labels[:-1], stack.labels[1:]
row = int(((upper != lower) & (upper > 0) & (lower > 0)).sum(axis=(0, 2)).argmax())  # through most contacts
plane = int((stack.labels > 0).sum(axis=(1, 2)).argmax())
figure, panels = show.figure(2, 5, height=3.3)
for axes_row, cut, aspect in ((panels[0], np.s_[plane], 1), (panels[1], np.s_[:, row], spacing[0] / spacing[1])):
    for axes, (title, labels) in zip(axes_row, ({"image": None} | ways).items()):
        axes.imshow(scaled[cut], cmap="gray", vmin=0, vmax=1, aspect=aspect)
        for number in () if labels is None else np.unique(labels[cut])[1:]:
            axes.contour(labels[cut] == number, [0.5], colors=colour["sky" if title == "truth" else "orange"], linewidths=1)
        axes.set_axis_off()
        if aspect == 1:
            axes.set_title(title)
figure

# %%
#| label: tbl-volumes
#| tbl-cap: "Three ways and a classical one on six synthetic stacks, of which the truth is known exactly. AP in three dimensions, pooled over all nuclei; of those that touch another one above or below, how many were found at an IoU of 0.5; nuclei that share an object with another one, and nuclei in several pieces. Two numbers: two trainings. Seconds of one processor core and MB of memory for one stack of 24 × 96 × 96 voxels. Synthetic: this ranks nothing about real tools on real tissue."
show.table(results.volumes.table())

# %%
#| label: tbl-volumes-pairs
#| tbl-cap: "What may be ranked, on these synthetic stacks only: difference in AP, the same six stacks, with the 95 % interval over them."
show.table(results.volumes.comparisons())

# %% [markdown]
# ### What it takes
#
# All values of an image go through all feature maps. In three dimensions there are more of both:

# %%
#| label: tbl-volumes-memory
#| tbl-cap: "Values of one channel, and MB of 32 feature maps of that size (four bytes a value), which is a single layer; training keeps all layers."
sizes_3d = {"image of 256 × 256 pixels": 256**2, "our training patch, 12 × 48 × 48": int(np.prod(results.volumes.results()["patch"])),
            "our whole stack, 24 × 96 × 96": stack.image.size, "patch of 128 × 128 × 128": 128**3, "stack of 256 × 256 × 256": 256**3}
memory = [[name, f"{n:,}", f"{n * 32 * 4 / 1e6:,.0f}"] for name, n in sizes_3d.items()]
step = results.volumes.results().get("training_mb", "not run")
show.table([*memory, ["measured: one training step of our 3D U-Net, 8 maps at the top, two patches", "", step]], ["what", "values", "MB"])

# %% [markdown]
# ## Exercise 8: stitch planes
#
# Write `stitch(planes, threshold)`. `planes` is an array (planes, rows, columns) of labels, each plane segmented without
# regard to the others. Its numbers may have gaps and say nothing about other planes. Return an array of the same shape in
# which an object has one number through all planes:
#
# - pairs of objects of *neighbouring* planes are looked at from the highest IoU down. A pair is joined, which means that
#   the object gets the number of the one in the plane before, if the IoU is at least `threshold` and neither of the
#   two has a partner yet;
# - every other object gets a new number. So no number stands twice in a plane, and a plane without objects ends them all.
#
# Mind 8 bits: planes may come as `uint8`, and a stack may hold more than 255 objects.

# %% tags=["exercise"] exercise="stitch_planes"
def stitch(planes, threshold):
    raise NotImplementedError
    stack, last = np.zeros(planes.shape, int), 0
    for z, plane in enumerate(planes):
        before = stack[z - 1] if z else np.zeros(plane.shape, int)
        pairs = ...  # (IoU, object of this plane, number in the plane before); metrics.iou takes two masks
        names = {}
        for iou, here, there in sorted(pairs, reverse=True):
            ...  # names[here] = there, if they may be joined
        for here in np.unique(plane[plane > 0]):
            ...  # a new number if it has none; then write it into stack[z]
    return stack


# %% tags=["solution"] exercise="stitch_planes"
def stitch(planes, threshold):
    stack, last = np.zeros(planes.shape, int), 0
    for z, plane in enumerate(planes):
        before = stack[z - 1] if z else np.zeros(plane.shape, int)
        pairs = [
            (metrics.iou(plane == here, before == there), here, there)
            for here in np.unique(plane[plane > 0]) for there in np.unique(before[before > 0])
        ]
        names = {}
        for iou, here, there in sorted(pairs, reverse=True):
            if iou >= threshold and here not in names and there not in names.values():
                names[here] = there
        for here in np.unique(plane[plane > 0]):
            if here not in names:
                last += 1
                names[here] = last
            stack[z][plane == here] = names[here]
    return stack


# %% tags=["check", "nbval-check-output"] exercise="stitch_planes"
check.stitch_planes(stitch)

# %% [markdown]
# ## What the chapter says, computed
#
# Each line stands for a sentence of the chapter's page, and says what it rests on.

# %%
tuned_on = {part: results.spread_cells.curve("fine-tuned", part) for part in results.spread_cells.PARTS}
first_and_last = [
    [results.spread_cells.ap("fine-tuned", n, seed) for n in (1, most)] for seed in results.spread_cells.seeds("fine-tuned", most)
]

head_starts = [
    paired for n in results.spread_cells.NUMBERS
    for paired in results.spread_cells.differences(("fine-tuned", n), ("scratch", n)).values()
]


def spread_scores(method, count):
    """TP, FP or FN of each test image at an IoU of 0.5; of a method without seeds."""
    return results.spread_cells.counts(method, 0)[:, ("tp", "fp", "fn").index(count)]


def pairs_of(part, iou=0.5):
    """For every fine-tuned network: AP on a part at an IoU, and AP@0.5 on the test images."""
    there = results.spread_cells.curve("fine-tuned", part, iou)
    return [pair for n in there for pair in zip(there[n], tuned_on["test"][n])]


views_gain = results.volumes.difference(("views", "shipped"), ("stitched", "shipped"))
stacked = {way: results.volumes.total(way, "shipped", "on_top_found") for way in ("stitched", "views")}
stacked["all"] = results.volumes.total("views", "shipped", "on_top")


# %% tags=["claims", "nbval-check-output"]
loose, strict, strictest = (results.dsb2018.difference("cellpose", "stardist", iou) for iou in (0.5, 0.75, 0.9))
unet_flows = [results.dsb2018.difference("cellpose", "unet", iou) for iou in (0.5, 0.75, 0.9)]
largest = rows[-1]
good_objects = [metrics.match(truth[:256, :256], by_error[k], 0.5).tp for k in (0, 3)]
ahead, behind = sum(bool(pair.low > 0) for pair in head_starts), sum(bool(pair.high < 0) for pair in head_starts)
show.claims(
    ("area-before-number", "10ab21", area_change > 2 * number_change,
     f"from −2 to 2: area changes by {area_change:.1f}, number by {number_change:.1f} of their values at 0"),
    ("quality-control-drops", "7fd2bc", good_objects[0] < good_objects[1] / 2 and by_error[-1].max() > by_error[3].max(),
     "compared with 0.4: fewer than half of the true positives at 0.05, more objects at 1.6"),
    ("flows-strict-ahead", "2a6ae7", loose.low < 0 < loose.high and min(strict.low, strictest.low) > 0.03,
     f"flows − StarDist, AP@0.5: {loose:.3f}; AP@0.75: {strict:.3f}; AP@0.9: {strictest:.3f}"),
    ("flows-unet-alike", "19a9bb", all(d.low < 0 < d.high for d in unet_flows),
     "; ".join(f"{d:.3f}" for d in unet_flows)),
    ("shipped-finds-none", "d7ec07", bool(spread_scores("shipped", "tp").max() == 0 and spread_scores("shipped", "fp").min() > 100),
     f"true positives at an IoU of 0.5: 0 in {len(spread_scores('shipped', 'tp'))} images; false positives: more than 100 in each"),
    ("one-image-is-most", "3c8c06", min(tuned_on["test"][1]) > 0.5 and all(one > more - one for one, more in first_and_last),
     f"AP@0.5 above 0.5 with 1 image, seeds run: {len(tuned_on['test'][1])}; the gain from 0 to 1 image is more than that from 1 to {most}, "
     f"seeds run: {len(first_and_last)}"),
    ("no-head-start", "291ecf", (len(head_starts), ahead, behind) == (12, 2, 4),
     f"AP@0.5, fine-tuned minus from scratch: {len(head_starts)} pairs of trainings, the interval above 0 in {ahead}, below 0 in {behind}"),
    ("outlines-need-more", "06798f", all(strict < 2 / 3 * loose for strict, loose in pairs_of("test", 0.75)),
     f"AP@0.75 below two thirds of AP@0.5 in all of {len(pairs_of('test', 0.75))} trainings"),
    ("other-line-lags", "5974a4", all(odd < own - 0.2 for odd, own in pairs_of("odd")),
     f"AP@0.5 lower by more than 0.2 in all of {len(pairs_of('odd'))} trainings; 2 images"),
    ("spread-forgot", "5a88fe", all(old < results.spread_cells.ap("shipped", 0, part="nuclei") * 2 / 3 for old, _ in pairs_of("nuclei")),
     f"AP@0.5 of nuclei below two thirds of what it was in all of {len(pairs_of('nuclei'))} trainings"),
    ("glued-labels-lose", "2a37ea", found(glued, at_seam) < found(tiled, at_seam) - 0.1,
     f"of {len(at_seam)} nuclei on a seam: more than a tenth more"),
    ("mirror-helps-here", "a252d4", bool(mirror_gain.low > 0),
     f"mean IoU, paired: the interval over {mirror_gain.n} windows lies above 0"),
    ("large-needs-diameter", "d0efe5", bool(largest[3] - largest[2] > 0.25),
     f"at {largest[1]:.0f} pixels: AP@0.5 higher by more than 0.25 when told"),
    ("views-find-stacked", "579154", bool(views_gain.low > 0 and stacked["views"] > stacked["stitched"]),
     f"{stacked['views']} against {stacked['stitched']} of {stacked['all']} nuclei; AP@0.5, views − planes: {views_gain:.2f}; synthetic"),
)

