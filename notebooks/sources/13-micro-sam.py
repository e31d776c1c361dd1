# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "13"
#   title: Segment Anything for microscopy
#   extra: micro-sam
#   paths: [user, builder]
#   gpu: "helps"
#   needs: [weights-mobilesam]
# ---

# %% [markdown]
# A network that was trained on photographs meets fluorescent nuclei. You will click, draw boxes, correct, and watch
# the masks get better; then you will let it segment without any prompt, in three ways, and measure each.
#
# Six exercises are checked and a seventh is open. The network is MobileSAM, 40 MB, by way of micro-sam. It is
# downloaded once; where that is impossible, the cells that ask it are passed over, and everything else runs.

# %% tags=["setup"]
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label as connected
from scipy.stats import spearmanr
from tifffile import imwrite

from bioimage_course import check, compat, data, explore, metrics, nets, results, show, tools
from bioimage_course.materials.ch13 import depth, largest_region

colour = show.PALETTE
nets.seed_everything(0)

# %%
without_sam = data.missing("weights-mobilesam")

# %% [markdown]
# ## An image
#
# A part of the nuclei image that you know from StarDist. SAM was trained on photographs with 8 bits, so the intensities
# are brought to 0 … 255 first, percentile by percentile.

# %%
nuclei = data.load("nuclei")
window = np.s_[96:352, 0:256]
image, truth = nuclei.image[window], nuclei.labels[window]
picture = tools.micro_sam.to_uint8(image)
numbers = np.unique(truth)[1:]

# %% tags=["nbval-check-output"]
print(picture.shape, picture.dtype, len(numbers), "nuclei")

# %%
def true_prompts(labels):
    """A box and a click for each object of a label image."""
    boxes, clicks = [], []
    for number in np.unique(labels)[1:]:
        inside = depth(labels == number)
        rows, columns = np.nonzero(inside)
        boxes.append([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        clicks.append(np.unravel_index(inside.argmax(), inside.shape))
    return np.array(boxes), np.array(clicks)


boxes, clicks = true_prompts(truth)

# %% [markdown]
# ## The encoder, once
#
# `get_sam_model` of micro-sam loads the network; `tools.micro_sam.predictor("vit_t")` calls it with weights whose hash
# was checked. The encoder enlarges the image to 1024 pixels and gives back 256 numbers for each of 64 × 64 places.

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    from micro_sam.prompt_based_segmentation import segment_from_box, segment_from_mask, segment_from_points
    from micro_sam.util import precompute_image_embeddings, set_precomputed

    predictor = tools.micro_sam.predictor("vit_t")
    started = time.perf_counter()
    embeddings = precompute_image_embeddings(predictor, picture, verbose=False)
    encoder_seconds = time.perf_counter() - started
    parts = {"image encoder": predictor.model.image_encoder, "prompt encoder": predictor.model.prompt_encoder,
             "mask decoder": predictor.model.mask_decoder}
    print("embedding:", embeddings["features"].shape)
    for name, part in parts.items():
        print(f"{name}: {sum(weights.numel() for weights in part.parameters()):,} weights")

# %% tags=["needs-weights"]
#| label: fig-embedding
#| fig-cap: "What the encoder makes of the image. Middle: the three directions in which the 256 numbers vary most, shown as red, green and blue. Right: how alike each place is to the place under the cross (cosine of the angle between the two lists of numbers). Nuclei look like nuclei to it, although nobody ever told it what a nucleus is."
#| fig-alt: "Three panels of the same crop. Left, fluorescent nuclei with a cross in one of them. Middle, a coarse picture in false colours in which nuclei stand out from the background. Right, a map of similarity, bright in nuclei, dark between them."
if not without_sam:
    features = np.asarray(embeddings["features"])[0].reshape(256, -1).T
    centred = features - features.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, -3:]
    rgb = (centred @ directions).reshape(64, 64, 3)
    rgb = (rgb - rgb.min(axis=(0, 1))) / np.ptp(rgb, axis=(0, 1))
    y, x = clicks[13]
    place = y // 4 * 64 + x // 4  # 4 pixels of the image are one place
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    figure, panels = show.figure(1, 3, height=2.8)
    panels[0].imshow(np.sqrt(picture), cmap="gray")
    panels[1].imshow(rgb)
    panels[2].imshow((unit @ unit[place]).reshape(64, 64), cmap="viridis")
    for axes, title, scale in zip(panels, ("image", "embedding in colours", "likeness to the cross"), (1, 4, 4)):
        axes.plot(x / scale, y / scale, "+", color=colour["vermilion"], ms=10, mew=2)
        axes.set_title(title)
        axes.set_axis_off()
    display(figure)

# %% [markdown]
# ## One click, three masks
#
# A click could mean a part, an object or a group. SAM answers with three masks and, for each, its own guess of the IoU.

# %% tags=["needs-weights"]
#| label: fig-click
#| fig-cap: "One click (red), three answers (tinted), each with the IoU that SAM predicts for it. Above, a bright nucleus; below, one in a crowd, where the three masks are the nucleus, the crowd and nearly the whole image. The click alone does not say which is meant, and the highest predicted IoU is not always the nucleus."
#| fig-alt: "Two rows of three panels. Above: a bright nucleus is tinted twice, the third time nearly the whole image. Below: from one click in a crowd one nucleus is tinted, then several, then nearly the whole image."
def outline(axes, mask, name="orange", **style):
    if mask.any():
        axes.contour(mask, [0.5], colors=colour[name], **({"linewidths": 1.6} | style))


def fill(axes, mask, name):
    """Tint a mask: for those too ragged to be outlined."""
    tint = np.zeros((*mask.shape, 4))
    tint[mask] = (*(int(colour[name][k : k + 2], 16) / 255 for k in (1, 3, 5)), 0.35)
    axes.imshow(tint)


def background(axes, title=None):
    axes.imshow(np.sqrt(picture), cmap="gray")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9)


if not without_sam:
    figure, panels = show.figure(2, 3, height=5.2)
    for row_of_panels, (y, x) in zip(panels, ((68, 74), (118, 92))):
        masks, scores, _ = segment_from_points(
            predictor, np.array([[y, x]]), np.array([1]), embeddings,
            multimask_output=True, return_all=True, use_best_multimask=False,
        )
        for axes, mask, score in zip(row_of_panels, masks, scores):
            background(axes, f"predicted IoU {score:.2f}, {mask.sum():,} pixels")
            fill(axes, mask, "orange")
            axes.plot(x, y, "o", color=colour["vermilion"], mec="white", ms=6)
            axes.set(xlim=(20, 160), ylim=(200, 30))
    display(figure)

# %% [markdown]
# ## Exercise 1: prompts from a mask
#
# Where do prompts come from? From your hand, from another program, or, for experiments like ours, from a mask.
# Write `box_and_click(mask, margin)`: the box (top, left, bottom, right) around the mask, `margin` pixels wider on each
# side but never outside the image, and a click (row, column) on the pixel farthest from the mask's border; where the image ends,
# the mask ends, too.
# Bottom and right are one past the last pixel, as in slices.

# %% tags=["exercise"] exercise="prompts"
def box_and_click(mask, margin):
    raise NotImplementedError
    rows, columns = np.nonzero(mask)
    distance = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]  # the image's border counts as a border
    return box, click


# %% tags=["solution"] exercise="prompts"
def box_and_click(mask, margin):
    rows, columns = np.nonzero(mask)
    box = (
        max(rows.min() - margin, 0), max(columns.min() - margin, 0),
        min(rows.max() + 1 + margin, mask.shape[0]), min(columns.max() + 1 + margin, mask.shape[1]),
    )
    distance = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return box, np.unravel_index(distance.argmax(), distance.shape)


# %% tags=["check", "nbval-check-output"] exercise="prompts"
check.prompts(box_and_click)

# %% [markdown]
# ## Click against box
#
# Each of the nuclei once with a click in its middle, once with a tight box; masks against the truth. Somebody who
# knows where the nuclei are makes these prompts: the scores are what is possible "with perfect prompts".

# %% tags=["needs-weights"]
if not without_sam:
    started = time.perf_counter()
    by_click = tools.micro_sam.masks(predictor, embeddings, points=clicks)  # the best of three by SAM's own guess
    decoder_seconds = (time.perf_counter() - started) / len(clicks)
    by_box = tools.micro_sam.masks(predictor, embeddings, boxes=boxes)

    def true_ious(masks):
        return np.array([metrics.iou(truth == n, mask) for n, mask in zip(numbers, masks)])

    click_ious = true_ious([record["segmentation"] for record in by_click])
    box_ious = true_ious([record["segmentation"] for record in by_box])

# %% tags=["needs-weights"]
#| label: fig-click-box
#| fig-cap: "The same nuclei, prompted by one click each (left) and by one tight box each (right). Masks whose IoU with the true nucleus reaches 0.5 are outlined in green. A red cross marks a nucleus whose mask does not; most of these masks mean too much: the crowd, or nearly the whole image."
#| fig-alt: "Two panels of the same crop. Left, about half of the nuclei have neat green outlines, the others a red cross. Right, all nuclei but one have neat green outlines."
if not without_sam:
    figure, panels = show.figure(1, 2, height=3.8)
    for axes, records, values, name in ((panels[0], by_click, click_ious, "one click each"), (panels[1], by_box, box_ious, "one box each")):
        background(axes, f"{name}: {np.mean(values >= 0.5):.0%} reach IoU 0.5")
        for record, value, (y, x) in zip(records, values, clicks):
            if value >= 0.5:
                outline(axes, record["segmentation"], "green")
            else:
                axes.plot(x, y, "X", color=colour["vermilion"], mec="white", ms=8)
    display(figure)

# %% [markdown]
# The third kind of prompt is a mask, for instance a rough one from another program. As a stand-in: for each nucleus a
# disc of the same area. How good is the disc itself, and what does SAM make of it?

# %% tags=["needs-weights"]
if not without_sam:
    rows, columns = np.indices(truth.shape)
    discs = [(rows - y) ** 2 + (columns - x) ** 2 <= (truth == n).sum() / np.pi for n, (y, x) in zip(numbers, clicks)]
    by_mask = [segment_from_mask(predictor, disc, embeddings)[0] for disc in discs]
    disc_ious, mask_ious = true_ious(discs), true_ious(by_mask)

# %% tags=["needs-weights"]
#| label: tbl-prompts
#| tbl-cap: "One prompt for each nucleus of the crop, all made from the true masks. “A disc as mask” gives SAM the disc and the box around it; the last row is the disc itself, without SAM."
if not without_sam:
    display(show.table(
        [[name, f"{values.mean():.2f}", f"{np.mean(values >= 0.5):.0%}", f"{np.mean(values >= 0.75):.0%}"]
         for name, values in (("one click", click_ious), ("one box", box_ious), ("a disc as mask", mask_ious),
                              ("(the disc itself)", disc_ious))],
        ["prompt", "mean IoU", "reach 0.5", "reach 0.75"],
    ))

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    print("boxes beat clicks:", box_ious.mean() > click_ious.mean() + 0.1)
    print("nine boxes of ten reach IoU 0.5:", np.mean(box_ious >= 0.5) > 0.9)

# %% [markdown]
# ## Turn it yourself
#
# Move the click or the box; the masks are SAM's real answers, computed before.

# %% tags=["widget"]
explore.sam()

# %% [markdown]
# ## Exercise 2: the next click
#
# The mask is wrong somewhere. Where do you click next? Write `click(truth, prediction)`: find the largest connected
# region of one kind of mistake, of pixels that were missed or of pixels that are too many; regions of different kinds
# stay two, even where they touch. Take its pixel farthest from the region's border, and return row, column and label: 1 if
# the pixel belongs to the object (it was missed), 0 if it does not. If nothing is wrong, return `None`.

# %% tags=["exercise"] exercise="next_click"
def click(truth, prediction):
    raise NotImplementedError
    missing = truth & ~prediction
    regions, number = connected(missing)  # regions == 1 is the first region, and so on
    return row, column, label


# %% tags=["solution"] exercise="next_click"
def click(truth, prediction):
    size, answer = 0, None
    for wrong, label in ((truth & ~prediction, 1), (prediction & ~truth, 0)):
        regions, number = connected(wrong)
        for region in (regions == k for k in range(1, number + 1)):
            if region.sum() > size:
                size = region.sum()
                distance = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
                answer = (*np.unravel_index(distance.argmax(), distance.shape), label)
    return answer


# %% tags=["check", "nbval-check-output"] exercise="next_click"
check.next_click(click)

# %% [markdown]
# ## The interactive loop
#
# With such a function a computer can play the annotator: prompt, look where the mask is wrong, click there, ask again
# with all clicks and the last mask. SAM was trained in just this loop.

# %%
def correction(target, found):
    """The click that corrects most: position and label (1: belongs to it, 0: does not)."""
    regions = [(largest_region(target & ~found), 1), (largest_region(found & ~target), 0)]
    region, label = max(regions, key=lambda pair: 0 if pair[0] is None else pair[0].sum())
    inside = depth(region)
    return np.unravel_index(inside.argmax(), inside.shape), label


def annotate(model, target, first, rounds=6):
    """IoU after each round, and what was asked and answered: clicks, labels, mask."""
    points, labels, logits, ious, history = [first], [1], None, [], []
    for k in range(rounds):
        found, scores, low = model.predict(
            point_coords=np.array(points, float)[:, ::-1],  # SAM wants x before y
            point_labels=np.array(labels), mask_input=logits, multimask_output=k == 0,
        )
        best = scores.argmax()
        found, logits = found[best], low[best][None]
        ious.append(metrics.iou(target, found))
        history.append((list(points), list(labels), found))
        if ious[-1] == 1:
            break
        place, label = correction(target, found)
        points.append(place)
        labels.append(label)
    return ious, history


# %% tags=["needs-weights"]
if not without_sam:
    set_precomputed(predictor, embeddings)
    chosen = range(1, len(numbers), 4)  # every fourth nucleus
    runs = [annotate(predictor, truth == numbers[k], clicks[k]) for k in chosen]
    courses = np.array([ious for ious, _ in runs])

# %% tags=["needs-weights"]
#| label: fig-loop
#| fig-cap: "The loop on one nucleus. The first click (blue, plus) is taken for nearly the whole background (tint). Each further click, red with a minus where there is too much, blue with a plus where something is missing, goes to the largest mistake of the round before. Dashed: the true nucleus."
#| fig-alt: "Four panels of the same part of the crop. First, one click and a tint over everything. In the following panels clicks are added around the nucleus and the tint covers little more than it."
if not without_sam:
    worst = int(np.argmax(courses[:, -1] - courses[:, 0]))
    ious, history = runs[worst]
    target = truth == numbers[chosen[worst]]
    corners = np.array(history[-1][0])  # the part of the crop in which all clicks lie
    middle, reach = (corners.max(axis=0) + corners.min(axis=0)) / 2, np.ptp(corners, axis=0).max() / 2 + 15
    figure, panels = show.figure(1, 4, height=2.3)
    for axes, k in zip(panels, (0, 1, 2, 5)):
        points, labels, found = history[k]
        background(axes, f"round {k + 1}: IoU {ious[k]:.2f}")
        fill(axes, found, "orange")
        outline(axes, target, "sky", linestyles="--", linewidths=1)
        for (y, x), label in zip(points, labels):
            axes.plot(x, y, "o", color=colour["blue" if label else "vermilion"], mec="white", ms=9)
            axes.plot(x, y, "+" if label else "_", color="white", ms=6, mew=1.4)
        axes.set(xlim=(middle[1] - reach, middle[1] + reach), ylim=(middle[0] + reach, middle[0] - reach))
    display(figure)

# %% tags=["needs-weights"]
#| label: fig-rounds
#| fig-cap: "IoU of ten nuclei (grey) against the number of clicks, and their mean (blue). On average of these ten more clicks help; for a single nucleus a click can also make it worse before the next one makes it better. SAM promises nothing about the order."
#| fig-alt: "Line plot with ten thin grey lines and one thick blue line over six rounds. The mean rises steadily. Several grey lines start near zero and climb, most start above 0.8 and stay there, one falls at the second click and recovers."
if not without_sam:
    figure, axes = show.figure(1, 1, height=3)
    for k, course in enumerate(courses):
        axes.plot(range(1, 7), course, color="0.65", lw=1, label="one nucleus" if not k else None)
    axes.plot(range(1, 7), courses.mean(axis=0), "o-", color=colour["blue"], lw=2.5, label="mean")
    axes.set(xlabel="clicks", ylabel="IoU with the true nucleus", ylim=(0, 1))
    axes.legend()
    display(figure)

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    print("six clicks are better than one, on average:", courses[:, -1].mean() > courses[:, 0].mean() + 0.1)
    print("every click helps every nucleus:", bool((np.diff(courses, axis=1) >= 0).all()))

# %% [markdown]
# ## Does it know when it is wrong?
#
# With each mask comes a predicted IoU. The true one we can compute.

# %% tags=["needs-weights"]
#| label: fig-confidence
#| fig-cap: "Predicted against true IoU, one point a nucleus. On the line SAM would be exactly right. For boxes the estimate is somewhat too high, and better masks tend to get a higher one; for clicks SAM is often very sure of a mask that is not the nucleus at all. It cannot know what you meant: its own guess is about the mask, not about your question. Some predictions exceed 1, which no IoU can: the network's last layer is an ordinary linear one, and nothing keeps its output in range."
#| fig-alt: "Scatter plot of true IoU against predicted IoU with the diagonal. Crosses for boxes gather in the upper right. Circles for clicks form two groups: one in the upper right, one along the bottom, with predicted values from 0.87 to just above 1 and true values near zero; a few lie between."
if not without_sam:
    figure, axes = show.figure(1, 1, height=3.4)
    axes.plot([0, 1], [0, 1], color="0.6", lw=1)
    for records, values, marker, name in ((by_click, click_ious, "o", "blue"), (by_box, box_ious, "x", "orange")):
        axes.plot([record["predicted_iou"] for record in records], values, marker, color=colour[name], mew=1.8,
                  mfc="none", label="one click" if marker == "o" else "one box")
    axes.set(xlabel="IoU predicted by SAM", ylabel="true IoU", xlim=(0.7, 1.05), ylim=(-0.03, 1.03))
    axes.legend()
    display(figure)

# %% [markdown]
# ## Exercise 3: trust
#
# You accept every mask with a predicted IoU of at least `accept` without looking at it. Write
# `wrongly_trusted(predicted, true, accept, good)`: the share of the accepted masks whose true IoU is below `good`.
# If none is accepted, the share is 0.

# %% tags=["exercise"] exercise="trust"
def wrongly_trusted(predicted, true, accept, good):
    raise NotImplementedError
    accepted = ...  # True for the masks that you would keep
    return share


# %% tags=["solution"] exercise="trust"
def wrongly_trusted(predicted, true, accept, good):
    accepted = predicted >= accept
    return np.mean(true[accepted] < good) if accepted.any() else 0.0


# %% tags=["check", "nbval-check-output"] exercise="trust"
check.trust(wrongly_trusted)

# %% [markdown]
# ## Time
#
# The encoder runs once an image, the decoder once a prompt. That is what makes clicking feel immediate.

# %% tags=["needs-weights"]
#| label: tbl-time
#| tbl-cap: "Seconds on the machine that made this page. If every prompt needed the whole network, the third row would be the price of annotating this crop; with one embedding it is the fourth."
if not without_sam:
    n = len(numbers)
    display(show.table(
        [["encoder, once an image", f"{encoder_seconds:.1f}"],
         ["decoder, each prompt", f"{decoder_seconds:.2f}"],
         [f"{n} prompts, everything each time", f"{n * (encoder_seconds + decoder_seconds):.0f}"],
         [f"{n} prompts, encoder once", f"{encoder_seconds + n * decoder_seconds:.0f}"]],
        ["what", "seconds"],
    ))

# %% [markdown]
# ## Without prompts, first way: a grid of clicks
#
# Automatic mask generation (AMG): click everywhere on a grid, keep the masks that SAM believes in and that are stable,
# remove doubles. The clicks take long; trying thresholds afterwards is quick.

# %% tags=["needs-weights"]
if not without_sam:
    from micro_sam.instance_segmentation import AutomaticMaskGenerator

    started = time.perf_counter()
    amg = AutomaticMaskGenerator(predictor, points_per_side=8, points_per_batch=4)
    amg.initialize(picture, embeddings)
    amg_seconds = time.perf_counter() - started
    settings = {"strict": (0.92, 0.95), "micro-sam's own": (0.88, 0.95), "generous": (0.8, 0.85)}
    automatic = {
        name: amg.generate(pred_iou_thresh=iou, stability_score_thresh=stability).astype(int)
        for name, (iou, stability) in settings.items()
    }

# %% tags=["needs-weights"]
#| label: fig-amg
#| fig-cap: "Automatic masks from 8 × 8 clicks with three pairs of thresholds (predicted IoU, stability). Strict: less than a third of the nuclei are found, but all masks are right. Generous: more nuclei, and with them groups that are taken for one. No threshold knows that we want nuclei. And few nuclei are found into which no click fell: that is decided by the grid."
#| fig-alt: "Three panels of the same crop with outlines. Left and middle, the same eleven nuclei outlined. Right, more nuclei outlined, but two outlines run around groups of two or three nuclei."
if not without_sam:
    figure, panels = show.figure(1, 3, height=3)
    for axes, (name, labels) in zip(panels, automatic.items()):
        background(axes, f"{name} {settings[name]}\nAP@0.5 {metrics.match(truth, labels).average_precision:.2f}")
        for number in np.unique(labels)[1:]:
            outline(axes, labels == number, linewidths=1)
    display(figure)

# %% [markdown]
# ## Exercise 4: how many nuclei are asked about?
#
# A grid of clicks asks about those nuclei into which a click falls, and finds few others. SAM's own default is 32 × 32 clicks; here there are
# 8 × 8, because each takes time. Write `share_hit(labels, side)`: the share of the objects that contain at least one click
# of a grid of `side` × `side`. Click k of a side lies at `(k + 0.5) / side` of the image's height (or width), rounded down
# to a pixel. Without any object the share is 0.

# %% tags=["exercise"] exercise="grid_hits"
def share_hit(labels, side):
    raise NotImplementedError
    rows = ...  # side whole numbers
    columns = ...
    return ...


# %% tags=["solution"] exercise="grid_hits"
def share_hit(labels, side):
    places = (np.arange(side) + 0.5) / side
    rows, columns = (np.floor(places * n).astype(int) for n in labels.shape)
    found = np.unique(labels[np.ix_(rows, columns)])
    number = np.unique(labels[labels > 0]).size
    return np.count_nonzero(found) / number if number else 0.0


# %% tags=["check", "nbval-check-output"] exercise="grid_hits"
check.grid_hits(share_hit)

# %% [markdown]
# And how many does it find? Finer grids take minutes on a CPU: 16 × 16 clicks four times and 32 × 32 sixteen times as long
# as ours. `training/micro_sam_grids.py` has waited for them; what micro-sam returned for the crop of this page comes with
# the course. Its masks are painted over one another, and each connected piece that is left becomes an object: many are
# rims of a few pixels. `min_object_size` in `tools.micro_sam.segment` drops them, here `without_small` does.

# %%
from bioimage_course.materials.ch13 import clicked, grid_masks
from bioimage_course.results import sam_grids
from bioimage_course.results.dsb2018 import pooled_ap

found_by_grid = grid_masks()
smallest = sam_grids.results()["chosen"]["min_object_size"]
without_small = {key: tools.without_small(labels, smallest) for key, labels in found_by_grid.items()}

# %% tags=["needs-weights"]
#| label: fig-grids
#| fig-cap: "The same crop, three times with the generous thresholds (0.7 and 0.9). Left, 8 × 8 clicks (crosses): most missed nuclei hold no click. Middle, 32 × 32 clicks: few are missed, and more objects are wrong than right; nearly all of them are crumbs (filled red) along the rims of a few nuclei. Right, the same without objects below 100 pixels: hardly anything wrong is left. Solid green: found; dashed red: no nucleus, or a group taken for one; dotted blue: missed."
#| fig-alt: "Three panels of the same crop of nuclei. Left, 64 crosses, some green outlines and many dotted blue ones. Middle, most nuclei outlined in green, and red specks along the rims of bright and touching ones. Right, the same green outlines without the specks; one dashed red outline around two nuclei is left."
figure, panels = show.figure(1, 3, height=3.6)
for axes, side, labels, title in zip(panels, (8, 32, 32), (found_by_grid["chosen", 8], found_by_grid["chosen", 32], without_small["chosen", 32]),
                                     ("as returned", "as returned", "crumbs dropped")):
    matching = metrics.match(truth, labels)
    background(axes, f"{side} × {side}, {title}\nfound {matching.tp}, wrong {matching.fp}, missed {matching.fn}")
    if side == 8:
        places = (np.arange(side) + 0.5) / side * 256
        axes.plot(*np.meshgrid(places, places), "+", color=colour["yellow"], ms=3, mew=0.6, alpha=0.7)
    right, matched = {p for _, p in matching.pairs}, {t for t, _ in matching.pairs}
    for number in np.unique(labels)[1:]:
        good = number in right
        outline(axes, labels == number, "green" if good else "vermilion", linewidths=1.2, linestyles="-" if good else "--")
    crumbs = (tools.without_small(labels, smallest) != labels) & ~np.isin(labels, list(right))
    axes.imshow(np.ma.masked_where(~crumbs, crumbs), cmap=ListedColormap([colour["vermilion"]]))
    for number in set(numbers) - matched:
        outline(axes, truth == number, "sky", linewidths=1, linestyles=":")
figure

# %%
#| label: tbl-grid-hits
#| tbl-cap: "What MobileSAM makes of this crop, at an IoU of 0.5: objects that match a nucleus, and objects that match none. *As returned*: every connected piece that micro-sam's generator leaves. *Without small*: objects below 100 pixels dropped. micro-sam's own thresholds are 0.88 for the predicted IoU and 0.95 for the stability; the generous ones 0.7 and 0.9."
def found_and_wrong(labels):
    """True and false positives in the crop, and AP@0.5, as words."""
    matching = metrics.match(truth, labels)
    return f"{matching.tp} right, {matching.fp} wrong (AP {matching.average_precision:.2f})"


show.table(
    [[f"{side} × {side}", f"{len(clicked(truth, side))} of {len(numbers)}",
      *(found_and_wrong(found[name, side]) for name in ("own", "chosen") for found in (found_by_grid, without_small))]
     for side in sam_grids.SIDES],
    ["clicks", "nuclei with a click", "own thresholds, as returned", "own, without small", "generous, as returned", "generous, without small"],
)

# %%
#| label: tbl-grids-test
#| tbl-cap: "What MobileSAM finds without prompts on the 50 test images of DSB2018 (2,460 nuclei), at an IoU of 0.5, AP pooled over nuclei. *own*: micro-sam's thresholds, objects as returned. *own, no small*: without objects below the smallest size. *chosen*: thresholds and smallest size (0.7, 0.9, 100 pixels) that were best together on six validation images with 32 × 32 clicks."
show.table(sam_grids.table())

# %% [markdown]
# ## Exercise 5: drop the crumbs
#
# Write `without_crumbs(labels, typical_area)`: the label image without objects of fewer pixels than a fifth of
# `typical_area`. They become background; the others keep their numbers. Numbers may have gaps, and an object stays one
# object where it lies in two pieces. Why is the typical area given, and not the median area of what is in `labels`?

# %% tags=["exercise"] exercise="crumbs"
def without_crumbs(labels, typical_area):
    raise NotImplementedError
    numbers, areas = ...  # of the objects, without the background
    small = ...  # the numbers of those that are too small
    return ...


# %% tags=["solution"] exercise="crumbs"
def without_crumbs(labels, typical_area):
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    small = numbers[areas < typical_area / 5]
    return np.where(np.isin(labels, small), 0, labels)


# %% tags=["check", "nbval-check-output"] exercise="crumbs"
check.crumbs(without_crumbs)

# %% [markdown]
# ## Exercise 6: stability
#
# The decoder gives each pixel a score; above 0 it belongs to the mask. If a slightly different cut-off gives quite a
# different mask, SAM was undecided. Write `stability_score(logits, offset)`: the IoU between the mask at cut-off
# `+offset` and the one at `-offset`; 0 if there is no mask.

# %% tags=["exercise"] exercise="stability"
def stability_score(logits, offset):
    raise NotImplementedError
    strict = ...
    generous = ...
    return ...


# %% tags=["solution"] exercise="stability"
def stability_score(logits, offset):
    strict, generous = logits > offset, logits > -offset
    return strict.sum() / generous.sum() if generous.any() else 0.0


# %% tags=["check", "nbval-check-output"] exercise="stability"
check.stability(stability_score)

# %% [markdown]
# ## Second way: a decoder that knows nuclei
#
# micro-sam's own models have a second decoder (AIS). From the same embedding it predicts three maps: foreground,
# distance to the centre, distance to the boundary; a watershed makes objects of them. What it learns from:

# %%
#| label: fig-ais-targets
#| fig-cap: "What the decoder for automatic instance segmentation must predict. Both distances are normalised in each object and turned so that small values mean 'well inside': the middle of each nucleus is dark in both maps, and that is where the watershed starts."
#| fig-alt: "Four panels of a crop: image; foreground, nuclei white; distance to the centre, dark in the middle of each nucleus; distance to the boundary, dark inside and bright at the edges."
def ais_targets(labels):
    """Foreground, distance to the centre and inverted distance to the boundary, each 0 to 1; (3, Y, X)."""
    maps = np.zeros((3, *labels.shape), np.float32)
    maps[1:] = 1
    for number in np.unique(labels)[1:]:
        mask = labels == number
        inside = depth(mask)
        rows, columns = np.nonzero(mask)
        row, column = np.unravel_index(inside.argmax(), inside.shape)
        away = np.hypot(rows - row, columns - column)
        maps[0][mask] = 1
        maps[1][mask] = away / max(away.max(), 1)
        maps[2][mask] = 1 - inside[mask] / inside.max()
    return maps


part = np.s_[60:156, 20:148]
targets = ais_targets(truth)
show.images(
    [np.sqrt(image[part]), *(m[part] for m in targets)],
    ["image", "foreground", "to the centre", "to the boundary"], columns=4,
)

# %% [markdown]
# The published decoders belong to the models for microscopy, such as `vit_t_lm`. These are the real calls; without
# network the first of them answers with a sentence.

# %%
from bioimage_course.errors import CourseError

try:
    tools.micro_sam.predictor("vit_t_lm")  # downloads it once
    from micro_sam.automatic_segmentation import automatic_instance_segmentation, get_predictor_and_segmenter

    model, segmenter = get_predictor_and_segmenter("vit_t_lm", segmentation_mode="ais")  # or "apg", or "amg"
    labels = automatic_instance_segmentation(model, segmenter, picture, ndim=2, verbose=False)
    print(f"vit_t_lm: AP@0.5 {metrics.match(truth, labels.astype(int)).average_precision:.2f}")
except CourseError as error:
    print(error)

# %% [markdown]
# So we train a small one ourselves, on the embeddings of two other parts of the image, for a few seconds. The encoder
# stays as it is. Then micro-sam's own class turns the three maps into objects.

# %% tags=["needs-weights"]
import torch
from torch import nn
from torch.nn import functional as F


class SmallDecoder(nn.Module):
    """Embedding (1, 256, 64, 64) to three maps; called by micro-sam like its own, some 430 times larger, decoder."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(256, 32, 1), nn.GELU(), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(32, 32, 3, padding=1), nn.GELU(), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(32, 16, 3, padding=1), nn.GELU(), nn.Conv2d(16, 3, 1), nn.Sigmoid(),
        )

    def forward(self, features, input_shape, original_shape):
        maps = F.interpolate(self.layers(features), (1024, 1024), mode="bilinear")
        return F.interpolate(maps[..., : input_shape[0], : input_shape[1]], original_shape, mode="bilinear")


if not without_sam:
    nets.seed_everything(0)
    features, wanted = [], []
    for other in (np.s_[:256, 256:], np.s_[256:, 256:]):  # no pixel of our crop
        part_embeddings = precompute_image_embeddings(
            predictor, tools.micro_sam.to_uint8(nuclei.image[other]), verbose=False
        )
        features.append(torch.as_tensor(np.asarray(part_embeddings["features"])))
        wanted.append(torch.as_tensor(ais_targets(nuclei.labels[other])))
    features, wanted = torch.cat(features), torch.stack(wanted)
    decoder = SmallDecoder()
    optimiser = torch.optim.Adam(decoder.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = F.mse_loss(decoder.layers(features), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    print("loss fell to a third:", losses[-1] < losses[0] / 3)

# %% [markdown]
# ## Third way: automatic prompts
#
# Automatic prompt generation (APG) joins both: the decoder says where objects are, and SAM draws them. Each middle that
# the decoder finds becomes a click.

# %% tags=["needs-weights"]
if not without_sam:
    from micro_sam.instance_segmentation import AutomaticPromptGenerator, InstanceSegmentationWithDecoder

    found, seconds = {"AMG": automatic["micro-sam's own"]}, {"AMG": amg_seconds}
    ways = {"AIS": (InstanceSegmentationWithDecoder, {}), "APG": (AutomaticPromptGenerator, {"multimasking": True})}
    for name, (segmenter, options) in ways.items():
        started = time.perf_counter()
        segmenter = segmenter(predictor, decoder)
        segmenter.initialize(picture, embeddings)
        found[name] = np.asarray(segmenter.generate(**options)).astype(int)
        seconds[name] = time.perf_counter() - started

# %% tags=["needs-weights"]
#| label: fig-three-ways
#| fig-cap: "Three ways without prompts, from one embedding. The grid of clicks has never heard of nuclei. The small decoder, after seconds of training on two other parts of this image, knows what is wanted. Automatic prompts start from its nuclei, but MobileSAM then draws what it takes a click to mean. (A decoder of seconds and the smallest SAM: this shows how the three work, not what they are worth.) Solid green outlines: found; dashed red: no nucleus; dotted blue: missed."
#| fig-alt: "Three panels of the same crop with found, missed and wrongly found objects marked. The grid of clicks finds less than a third of the nuclei and nothing else. The decoder finds more than half; most misses touch a neighbour or are dim. Automatic prompts find about a third, and draw ragged patches that are no nuclei."
if not without_sam:
    figure, panels = show.figure(1, 3, height=3.4)
    names = {"AMG": "AMG: 8 × 8 clicks", "AIS": "AIS: our small decoder", "APG": "APG: decoder, then clicks"}
    for axes, (name, labels) in zip(panels, found.items()):
        matching = metrics.match(truth, labels)
        background(axes, f"{names[name]}\nAP@0.5 {matching.average_precision:.2f}")
        matched_truth, matched = {t for t, _ in matching.pairs}, {p for _, p in matching.pairs}
        for p in np.unique(labels)[1:]:
            outline(axes, labels == p, "green" if p in matched else "vermilion", linewidths=1.2,
                    linestyles="-" if p in matched else "--")
        for t in set(numbers) - matched_truth:
            outline(axes, truth == t, "sky", linewidths=1, linestyles=":")
    handles = [Patch(fill=False, ec=colour[name], ls=style, label=text) for name, style, text in
               (("green", "-", "found"), ("vermilion", "--", "found, but no nucleus"), ("sky", ":", "missed"))]
    figure.legend(handles=handles, ncols=3, loc="outside lower center", fontsize=9)
    display(figure)

# %% tags=["needs-weights"]
#| label: tbl-three-ways
#| tbl-cap: "The same crop, the same embedding. Seconds are for everything after the encoder, on the machine that made this page."
if not without_sam:
    rows = []
    for name, labels in found.items():
        m = metrics.match(truth, labels)
        rows.append([names[name], m.tp, m.fp, m.fn, f"{m.average_precision:.2f}", f"{seconds[name]:.1f}"])
    display(show.table(rows, ["way", "TP", "FP", "FN", "AP@0.5", "seconds"]))

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    score = {name: metrics.match(truth, labels).average_precision for name, labels in found.items()}
    print("the decoder beats the grid of clicks:", score["AIS"] > score["AMG"])

# %% [markdown]
# ## Many images
#
# One crop says little. `training/micro_sam_prompts.py` and `training/micro_sam_grids.py` asked MobileSAM about the 50
# test images of DSB2018.

# %%
#| label: tbl-dsb2018-sam
#| tbl-cap: "MobileSAM on the 50 test images of the DSB2018 subset, and the course's StarDist on the same images; AP pooled over nuclei. Fourth column: AP@0.5 minus StarDist's, with the interval of this difference (whole images drawn again and again). The rows with perfect prompts are upper bounds, not methods: somebody told SAM where every nucleus is. MobileSAM was not trained on this collection; our decoder (AIS) and the StarDist model learnt from 127 images of it and are at home here. The grid of 32 × 32 clicks is SAM's default; objects below 100 pixels were dropped."
names_shown = {"sam-boxes": "a box for each nucleus (perfect prompts)", "stardist": "StarDist",
               "sam-clicks": "a click for each nucleus (perfect prompts)", "sam-decoder": "our decoder (AIS)",
               "sam-grid": "grid of 32 × 32 clicks (AMG), crumbs dropped"}
names_shown |= {name: results.dsb2018.about(name)["title"] for name in results.dsb2018.methods() if name.startswith("published-")}
against = {name: results.dsb2018.difference(name, "stardist") for name in names_shown if name != "stardist"}
rows = []
for name, title in names_shown.items():
    (about,), gain = results.dsb2018.table(name), against.get(name)
    compared = f"{gain:.3f}".split(",")[0] if gain else "–"
    rows.append([title, about["AP@0.5"], about["AP@0.75"], compared, about["DSB2018 in its training"]])
show.table(rows, ["method", "AP@0.5", "AP@0.75", "against StarDist", "DSB2018 in its training"])

# %% [markdown]
# What do the published models make of the crop? `tools.published` knows what each costs to download, under which
# licence it comes and whether it has seen DSB2018, and says how many seconds it took here. `"small"` takes those below 100 MB, `"all"` all of them (4.3 GB, and
# a GPU is advised: it is what `sensible` says on Colab with a GPU), `"none"` none. What cannot be had becomes a
# sentence. `course published` scores them on all 50 images and writes the rows of the table above.

# %%
which = tools.published.sensible()
found_by_others, rows = tools.published.compare(image, truth, which, download=which == "all")
show.table(rows)

# %%
if found_by_others:
    display(show.images(list(found_by_others.values()), list(found_by_others), columns=3))

# %% [markdown]
# What do micro-sam's authors report? They plot seven ways to segment without clicks or boxes, on 36 sets. Nine of them:

# %%
#| label: tbl-reported
#| tbl-cap: "Seven ways without clicks or boxes, as micro-sam's authors plot them: the AP of each image, averaged over IoU thresholds from 0.5 to 0.95 and over images (mSA); far stricter than AP@0.5, and no column of another table. A star: the authors say that the model had learnt from such images. Of several sets large images were cut to their middle 512 × 512 pixels and images with few objects left out, so nothing here may be set beside figures from full frames; for stained tissue AIS and APG run on PathoSAM, the authors' model for it. Read along a row: no model is best everywhere, and the order changes from one kind of image to the next."
show.table(results.reported.foundation_models())

# %%
#| label: tbl-trust
#| tbl-cap: "Is SAM's own estimate to be trusted? All true nuclei of the 50 test images, one prompt each. Of the masks with a predicted IoU of at least 0.9, this share has a true IoU below 0.5."
def trust(predicted, true):
    """What the predicted IoU is worth: table cells, the share of wrong ones among the sure, and the order."""
    sure = predicted >= 0.9
    wrong, order = float(np.mean(true[sure] < 0.5)), float(spearmanr(predicted, true).statistic)
    return {"cells": [len(true), f"{true.mean():.2f}", f"{sure.mean():.0%}", f"{wrong:.0%}"], "wrong": wrong, "order": order}


confidence = tools.micro_sam.results()["confidence"]
trusted = {name: trust(*(np.array(confidence[method][key]) for key in ("predicted", "true")))
           for method, name in (("sam-clicks", "one click"), ("sam-boxes", "one box"))}
show.table([[name, *found["cells"]] for name, found in trusted.items()],
           ["prompt", "nuclei", "mean true IoU", "predicted ≥ 0.9", "of these wrong"])

# %% [markdown]
# ## Far from home
#
# In-domain, out-of-domain: our decoder saw two crops of one image of nuclei. What does it say about a photograph of
# coins, and about stained tissue? And what does SAM say, to one box?

# %% tags=["needs-weights"]
#| label: fig-domains
#| fig-cap: "The small decoder at home and abroad (above, each object with its border), and SAM itself with one box drawn by hand (below). The decoder has seen bright nuclei on black ground and nothing else. Yet it outlines coins, and in the tissue dark nuclei, some of them in clumps: the embedding below it knows more than nuclei. Whether that is right is not measured here; a figure is no score."
#| fig-alt: "Two rows of three panels: nuclei, coins, stained tissue. Above, outlines of the decoder: on single nuclei and on coins, in the tissue around dark nuclei and groups of them. Below, one dashed box in each picture with an outline in it."
if not without_sam:
    scenes = {
        "nuclei (home)": (picture, embeddings, (58, 64, 82, 87)),
        "coins": (tools.micro_sam.to_uint8(data.load("coins").image[:256, :256]), None, (28, 130, 76, 181)),
        "stained tissue": (tools.micro_sam.to_uint8(data.load("tissue-he").image[:256, :256]), None, (162, 175, 186, 199)),
    }
    figure, panels = show.figure(2, 3, height=5.4)
    for column, (name, (scene, known, box)) in enumerate(scenes.items()):
        known = known or precompute_image_embeddings(predictor, scene, ndim=2, verbose=False)
        segmenter = InstanceSegmentationWithDecoder(predictor, decoder)
        segmenter.initialize(scene, known)
        labels = np.asarray(segmenter.generate()).astype(int)
        mask = segment_from_box(predictor, np.array(box), known)[0]
        for axes, title in ((panels[0, column], f"{name}\ndecoder"), (panels[1, column], "one box")):
            axes.imshow(np.sqrt(scene) if scene is picture else scene, cmap="gray")
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
        for number in np.unique(labels)[1:]:
            outline(panels[0, column], labels == number, linewidths=1)
        top, left, bottom, right = box
        panels[1, column].add_patch(
            Rectangle((left, top), right - left, bottom - top, fill=False, ec=colour["sky"], ls="--", lw=1.2)
        )
        outline(panels[1, column], mask)
    display(figure)

# %% [markdown]
# ## Cells that are not round
#
# Spread cells in phase contrast, of which none of the course's nuclei models finds more than a few per cent (see StarDist). SAM is asked about
# ten of those that lie whole in the crop, by lot: with a tight box and with a click, both made from the true masks.

# %% tags=["needs-weights"]
if not without_sam:
    cells = data.load("spread-cells")
    grey = tools.micro_sam.to_uint8(cells.image)
    rim = np.unique(np.concatenate([cells.labels[0], cells.labels[-1], cells.labels[:, 0], cells.labels[:, -1]]))
    by_lot = np.random.default_rng(0).permutation(np.setdiff1d(np.unique(cells.labels), [0, *rim]))[:10]
    encoded = precompute_image_embeddings(predictor, grey, ndim=2, verbose=False)
    cell_boxes, cell_clicks = (prompts[by_lot - 1] for prompts in true_prompts(cells.labels))
    drawn = {"box": tools.micro_sam.masks(predictor, encoded, boxes=cell_boxes),
             "click": tools.micro_sam.masks(predictor, encoded, points=cell_clicks)}
    reached = {name: np.array([metrics.iou(cells.labels == k, record["segmentation"]) for k, record in zip(by_lot, records)])
               for name, records in drawn.items()}

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    print("boxes reach IoU 0.5 more often than clicks:", (reached["box"] >= 0.5).sum() > (reached["click"] >= 0.5).sum() + 3)

# %% tags=["needs-weights"]
#| label: fig-sam-spread
#| fig-cap: "Four of ten spread cells (Usiigaci, MIT licence), asked about with a tight box (above) and with one click (below): where the box does best, where the click does best, the middle of the ten boxes, and where the box does worst. Dashed blue: outlined by hand. Orange: SAM's answer. With the box, the first two masks follow the cell; the third leaves out a lobe, the last fills the ground between the arms. The click is answered with the cell once, and three times with nearly everything there is."
#| fig-alt: "Two rows of four panels, each a grey, spread cell with a dashed hand-drawn outline: a triangle, an oval, a cell with a broad lobe, a cell with several arms. Above, a dashed box around the cell and an orange area: it covers triangle and oval, all of the third cell but its lobe, and the whole middle of the box of the fourth. Below, a dot in the cell: in the second panel the orange area is the oval, in the others the whole panel is orange."
if not without_sam:
    order = np.argsort(-reached["box"])
    shown = {"best box": order[0], "best click": reached["click"].argmax(), "middle box": order[5], "worst box": order[-1]}
    figure, panels = show.figure(2, 4, height=4.2)
    for column, (name, k) in enumerate(shown.items()):
        top, left, bottom, right = cell_boxes[k]
        for axes, prompt in zip(panels[:, column], ("box", "click")):
            axes.imshow(grey, cmap="gray")
            axes.set_title(f"{name}\n{prompt}: IoU {reached[prompt][k]:.2f}" if prompt == "box" else f"{prompt}: IoU {reached[prompt][k]:.2f}", fontsize=9)
            axes.set_axis_off()
            fill(axes, drawn[prompt][k]["segmentation"], "orange")
            outline(axes, drawn[prompt][k]["segmentation"])
            outline(axes, cells.labels == by_lot[k], "sky", linestyles="--", linewidths=1.2)
            middle, half = ((top + bottom) / 2, (left + right) / 2), 0.6 * max(bottom - top, right - left)
            axes.set(xlim=(middle[1] - half, middle[1] + half), ylim=(middle[0] + half, middle[0] - half))
        panels[0, column].add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, ec="white", ls="--", lw=1))
        panels[1, column].plot(*cell_clicks[k][::-1], "o", color=colour["vermilion"], mec="white", ms=7)
    display(figure)

# %% [markdown]
# `training/other_cells.py` asked about more cells, and kinds of cells. A box from the truth is perfect help, so it also
# moved each side of each box by up to a tenth of the box, by lot.

# %%
#| label: tbl-sam-cells
#| tbl-cap: "MobileSAM on cells that are no round nuclei: per cent of the cells whose mask reaches an IoU of 0.5 / 0.75. At most thirty cells an image, by lot, the same for all prompts; clicks and boxes were made from the true masks. *Click*: the mask of which SAM is surest; *best of 3*: the best of its three, which you would have to pick. *Careless box*: each side moved by up to a tenth of the box, inwards or outwards. *Grid*: the best automatic mask of a cell from 16 × 16 and 32 × 32 clicks, nothing made from the truth, with the thresholds and the smallest size chosen on nuclei. Only the first two rows are several independent images outlined by hand, and rank prompts; the ovule is three planes of one stack. For chloroplasts and yeast nobody states how the truth was made; the epithelium's comes from another tool, so that its row is *agreement*."
from bioimage_course.results import other_cells

show.table(other_cells.prompt_table())

# %%
#| label: tbl-sam-cells-pairs
#| tbl-cap: "The same, paired: share of the cells that reach the IoU with the first prompt minus the share with the second, averaged over images, with a 95 % interval (Student's t over the images; of axons each image is another animal)."
def prompt_gain(kind, first, second, iou):
    """Paired difference of two prompts over the images of a kind."""
    return metrics.paired_difference(other_cells.found(kind, first, iou), other_cells.found(kind, second, iou))


prompt_pairs = {
    (kind, first, second, iou): prompt_gain(kind, first, second, iou)
    for kind in ("spread cells", "axons")
    for first, second in (("box", "click"), ("box", "careless box"), ("grid 32", "grid 16"), ("grid 32", "click"))
    for iou in (0.5, 0.75)
}
show.table([[kind, f"{first} − {second}", prompt_pairs[kind, first, second, 0.5], prompt_pairs[kind, first, second, 0.75]]
            for kind, first, second in dict.fromkeys(key[:3] for key in prompt_pairs)],
           ["cells", "prompts", "reach IoU 0.5", "reach IoU 0.75"])

# %%
#| label: tbl-sam-arms
#| tbl-cap: "The same spread cells, parted by their shape: those that some star with 32 rays outlines with an IoU of 0.9 or more, and those with arms so long or bent that none was found (the star ceilings of the StarDist chapter). Per cent that reach an IoU of 0.5 / 0.75."
star_enough = np.concatenate(other_cells.asked_ceilings("spread cells")) >= 0.9
of_spread = {prompt: np.concatenate(other_cells.answers("spread cells", prompt)) for prompt in ("click", "careless box", "box")}
by_shape = {(prompt, iou, star): float(np.mean(ious[star_enough == star] >= iou))
            for prompt, ious in of_spread.items() for iou in (0.5, 0.75) for star in (True, False)}
show.table([[name, int((star_enough == star).sum()), *(f"{100 * by_shape[prompt, 0.5, star]:.0f} / {100 * by_shape[prompt, 0.75, star]:.0f}" for prompt in of_spread)]
            for name, star in (("a star outlines it", True), ("no star does", False))], ["shape", "cells", "click", "careless box", "tight box"])

# %%
#| label: tbl-trust-cells
#| tbl-cap: "The question of the nuclei again: of the masks with a predicted IoU of at least 0.9, which share has a true IoU below 0.5? Last column: rank correlation of predicted and true IoU."
trusted_cells = {(kind, prompt): trust(*(np.concatenate(other_cells.answers(kind, prompt, value)) for value in ("predicted", "iou")))
                 for kind in ("spread cells", "axons") for prompt in ("click", "box")}
show.table([[*key, *found["cells"], f"{found['order']:.2f}".replace("-", "−")] for key, found in trusted_cells.items()],
           ["cells", "prompt", "asked about", "mean true IoU", "predicted ≥ 0.9", "of these wrong", "order"])

# %% [markdown]
# ## Large images: tiles
#
# The encoder always works on 1024 pixels. An image of 4000 pixels would be shrunk, and small nuclei with it. micro-sam
# can encode tiles instead, with a margin around each.

# %% tags=["needs-weights"]
if not without_sam:
    half = np.s_[:, :256]  # the left half of the image, 512 × 256 pixels
    large, large_truth = tools.micro_sam.to_uint8(nuclei.image[half]), nuclei.labels[half]
    some = true_prompts(large_truth)[0][::6]
    some_numbers = np.unique(large_truth)[1:][::6]
    tiled, tiled_ious = [], []
    for name, tiling in (("as one image", {}), ("2 tiles of 256 × 256, halo 32", {"tile_shape": (256, 256), "halo": (32, 32)})):
        started = time.perf_counter()
        encoded = precompute_image_embeddings(predictor, large, verbose=False, **tiling)
        seconds_encoded = time.perf_counter() - started
        ious = [metrics.iou(large_truth == n, segment_from_box(predictor, box, encoded)[0])
                for n, box in zip(some_numbers, some)]
        tiled_ious.append(ious)
        tiled.append([name, f"{np.mean(ious):.3f}", f"{np.min(ious):.2f}", f"{seconds_encoded:.1f}"])

# %% tags=["needs-weights"]
#| label: tbl-tiles
#| tbl-cap: "A box for every sixth nucleus of the left half of the image, 512 × 256 pixels, encoded as one image and in two tiles that overlap. The last row pairs the same nuclei: mean of the differences with a 95 % interval. The tiles see the nuclei at nearly twice the size. On these thirteen nuclei both ways score nearly alike. Equal they are not: in a transformer every place looks at every other one, and no margin makes that equal."
if not without_sam:
    tile_gain = metrics.paired_difference(tiled_ious[1], tiled_ious[0])
    tiled.append(["difference", str(tile_gain), "", ""])
    display(show.table(tiled, ["embedding", "mean IoU", "worst", "seconds for the encoder"]))

# %% [markdown]
# ## Fine-tuning
#
# The call is the same for two steps and for two days. Here are two steps, on two other parts of our image, with the
# encoder frozen, so that a laptop gets through: what follows is a test that everything fits together, not a better
# model.

# %% tags=["needs-weights"]
if not without_sam:
    from micro_sam.training import default_sam_loader, train_sam
    from micro_sam.util import get_sam_model

    folder = Path(tempfile.mkdtemp())
    loaders = []
    for name, other in (("train", np.s_[:256, 256:]), ("validation", np.s_[256:, 256:])):
        imwrite(folder / f"{name}.tif", tools.micro_sam.to_uint8(nuclei.image[other]))
        imwrite(folder / f"{name}-labels.tif", nuclei.labels[other].astype(np.uint16))
        loaders.append(default_sam_loader(
            raw_paths=str(folder / f"{name}.tif"), raw_key=None,
            label_paths=str(folder / f"{name}-labels.tif"), label_key=None,
            patch_shape=(256, 256), batch_size=1, n_samples=2 if name == "train" else 1, num_workers=0,
            with_segmentation_decoder=False, is_train=name == "train",
        ))
    with compat.quiet():
        train_sam(
            name="two-steps", model_type="vit_t", checkpoint_path=data.fetch("weights-mobilesam"),
            train_loader=loaders[0], val_loader=loaders[1], n_iterations=2, n_objects_per_batch=2, n_sub_iteration=2,
            freeze=["image_encoder"], with_segmentation_decoder=False, save_root=folder, device="cpu",
        )
        tuned = get_sam_model("vit_t", checkpoint_path=folder / "checkpoints" / "two-steps" / "best.pt", device="cpu")

# %% tags=["needs-weights", "nbval-check-output"]
if not without_sam:
    for part in ("image_encoder", "mask_decoder"):
        before, after = getattr(predictor.model, part), getattr(tuned.model, part)
        weights = any((a != b).any().item() for a, b in zip(before.parameters(), after.parameters()))
        averages = any((a != b).any().item() for (name, a), (_, b) in zip(before.named_buffers(), after.named_buffers())
                       if "running" in name)
        print(f"{part}: weights have changed: {weights}, running averages have changed: {averages}")

# %% [markdown]
# Frozen is not the same as unchanged: `freeze` keeps gradients from moving the encoder's weights, but the running
# averages of its batch normalisation are updated by every training image.
#
# ## The annotator
#
# The loop of above with you in it. One command in a terminal, on a computer with a screen, opens napari:
#
# ```
# micro_sam.annotator_2d -i my_image.tif -m vit_b_lm -e my_embeddings.zarr
# ```
#
# It has layers for your prompts, for the object in work and for what you have accepted. The next figure shows what
# lies in them, with prompts and masks of this notebook.

# %% tags=["needs-weights"]
#| label: fig-annotator
#| fig-cap: "The layers of the annotator, one step of work from left to right. Left: prompts on one nucleus. Middle: the key S asks SAM, and its answer appears as current object. Right: the key C commits it to the accepted objects, the prompts are gone, and the next nucleus is waiting."
#| fig-alt: "Three panels of the same crop. Left, a dashed box around one nucleus with a plus sign in it. Middle, the same nucleus filled in orange. Right, this nucleus and several others filled in different colours."
if not without_sam:
    figure, panels = show.figure(1, 3, height=3.4)
    order = np.argsort(-box_ious)  # SAM's best first: these an annotator would accept at once
    number, done = order[0], order[1:9]
    background(panels[0], "layers prompts and point_prompts\nimage, box, click")
    top, left, bottom, right = boxes[number] + np.array([-2, -2, 2, 2])
    panels[0].add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, ec=colour["green"], ls="--", lw=1.5))
    panels[0].plot(clicks[number][1], clicks[number][0], "P", color=colour["green"], mec="white", ms=8)
    background(panels[1], "layer current_object\nkey S: ask SAM")
    fill(panels[1], by_box[number]["segmentation"], "orange")
    outline(panels[1], by_box[number]["segmentation"])
    background(panels[2], "layer committed_objects\nkey C: accept")
    for k, place in enumerate([number, *done]):
        name = ("orange", "sky", "green", "yellow", "purple")[k % 5]
        fill(panels[2], by_box[place]["segmentation"], name)
        outline(panels[2], by_box[place]["segmentation"], name, linewidths=1)
    display(figure)

# %% [markdown]
# ## Exercise 7: what does it take?
#
# Six wishes. What does each need? Answer each with one of `"SAM's own weights"` (any of them will do), `"a second
# decoder"`, `"the embedding, saved"`, `"tiles"`, `"a box"` and `"images of my own"`. Each is the answer once.

# %% tags=["exercise"] exercise="what_it_takes"
needs = {
    "AIS or APG: objects without any prompt, in a second or two": ...,
    "AMG: everything in a photograph that makes a good mask, however long it takes": ...,
    "a student annotates 200 nuclei of one image on a laptop; each click shall be answered at once": ...,
    "nuclei 10 pixels wide in an image of 4,000 pixels": ...,
    "the nucleus, not the clump around it, at the first attempt": ...,
    "to know whether vit_b_lm is better than MobileSAM on your microscope": ...,
}


# %% tags=["solution"] exercise="what_it_takes"
needs = {
    "AIS or APG: objects without any prompt, in a second or two": "a second decoder",
    "AMG: everything in a photograph that makes a good mask, however long it takes": "SAM's own weights",
    "a student annotates 200 nuclei of one image on a laptop; each click shall be answered at once":
        "the embedding, saved",
    "nuclei 10 pixels wide in an image of 4,000 pixels": "tiles",
    "the nucleus, not the clump around it, at the first attempt": "a box",
    "to know whether vit_b_lm is better than MobileSAM on your microscope": "images of my own",
}


# %% tags=["check", "nbval-check-output"] exercise="what_it_takes"
check.what_it_takes(needs)

# %% [markdown]
# ## Exercise 8: when does a box pay? (open)
#
# How tight must a box be? Widen the boxes step by step, shift them, or draw them around two nuclei, and watch the mean
# IoU. Then take your stop-watch: how long do you need for a click, and for a box? Given the table of seconds above,
# how many nuclei must an image have before the computer, and not you, is the slower one?

# %% tags=["needs-weights"]
if not without_sam:
    for margin in (0, 8):  # add more, and shifts
        wider = np.clip(boxes[::4] + margin * np.array([-1, -1, 1, 1]), 0, 256)
        records = tools.micro_sam.masks(predictor, embeddings, boxes=wider)
        ious = [metrics.iou(truth == n, record["segmentation"]) for n, record in zip(numbers[::4], records)]
        print(f"margin {margin}: mean IoU {np.mean(ious):.2f}")

# %% [markdown]
# ## What the chapter says, computed
#
# Each line stands for a sentence of the chapter's page, and says what it rests on: first what comes from the scores of the
# 50 test images, then what was measured in this notebook.

# %% tags=["claims", "nbval-check-output"]
boxes_clicks = results.dsb2018.difference("sam-boxes", "sam-clicks")
asked = {side: sam_grids.asked(side) for side in sam_grids.SIDES}
shares = [counted["clicked"] / counted["nuclei"] for counted in asked.values()]
reach = {(kind, prompt): float(np.mean(np.concatenate(other_cells.answers(kind, prompt)) >= 0.5))
         for kind in ("spread cells", "axons") for prompt in other_cells.PROMPTS}
by_kind = {kind: other_cells.grid_counts(kind, "grid 32") for kind in ("spread cells", "axons")}
objects_a_cell = {kind: counted["wrong"] / counted["found"] for kind, counted in by_kind.items()}
grid_gain = {kind: prompt_pairs[kind, "grid 32", "click", 0.5] for kind in by_kind}
finest = {way: sam_grids.counts(32, way).sum(axis=0) for way in sam_grids.WAYS}
no_rims = sam_grids.gain((32, "own, no small"), (32, "own"))
lost = 1 - finest["own, no small"][0] / finest["own"][0]
show.claims(
    ("boxes-say-more", "17da15", boxes_clicks.low > 0,
     f"AP@0.5, boxes − clicks: {boxes_clicks:.3f}"),
    ("sure-clicks-can-be-wrong", "fec4c4", trusted["one click"]["wrong"] > 0.1 and trusted["one box"]["wrong"] < 0.005,
     f"wrong among the sure: {trusted['one click']['wrong']:.0%} of clicks, {trusted['one box']['wrong']:.0%} of boxes"),
    ("confidence-orders-roughly", "cdc6b9", 0.5 < trusted["one box"]["order"] < 0.75,
     f"rank correlation of predicted and true IoU, boxes: {trusted['one box']['order']:.2f}"),
    ("grid-misses", "e74ce8", shares[0] < 0.2 and shares[-1] > 0.9,
     ", ".join(f"{side} × {side}: {counted['clicked']} of {counted['nuclei']}" for side, counted in asked.items())),
    ("rims-not-sam", "a6b5a8",
     finest["own, no small"][1] < 0.1 * finest["own"][1] and pooled_ap(sam_grids.counts(32, "own")) < 0.3
     and pooled_ap(sam_grids.counts(32, "own, no small")) > 0.6 and no_rims.low > 0.2,
     f"32 × 32 clicks: {finest['own'][1]:,} wrong objects become {finest['own, no small'][1]}; AP@0.5, without small − as returned: {no_rims:.2f}"),
    ("small-nuclei-lost", "5ae59c", 0.08 < lost < 0.2,
     f"{sum(image['small'] for image in sam_grids.results()['images'])} nuclei below {smallest} pixels; of {finest['own'][0]:,} found with 32 × 32 clicks {lost:.0%} are lost"),
    ("decoder-below-stardist", "1986d1", against["sam-decoder"].high < 0,
     f"{against['sam-decoder']:.3f}"),
    ("box-outlines-spread-cells", "e4a048",
     0.88 < reach["spread cells", "box"] < 0.95 < reach["axons", "box"]
     and all(0.28 < reach[kind, "click"] < 0.4 and reach[kind, "careless box"] > reach[kind, "box"] - 0.05
             and prompt_pairs[kind, "box", "click", 0.5].low > 0.3 for kind in ("spread cells", "axons")),
     "; ".join(f"{kind}: " + ", ".join(f"{prompt} {reach[kind, prompt]:.1%}" for prompt in other_cells.PROMPTS) for kind in ("spread cells", "axons"))),
    ("arms-cost-boxes", "3bf15b",
     by_shape["box", 0.75, False] == 0 and 0.4 < by_shape["box", 0.5, False] < 0.6
     and by_shape["box", 0.5, True] > 0.9 and 0.4 < by_shape["box", 0.75, True] < 0.6,
     f"{(~star_enough).sum()} and {star_enough.sum()} cells: " + ", ".join(f"{by_shape['box', iou, star]:.0%}" for star in (False, True) for iou in (0.5, 0.75))),
    ("sure-clicks-cells", "3389b1",
     all(trusted_cells[kind, "click"]["wrong"] > 0.5 and trusted_cells[kind, "box"]["wrong"] <= 0.05 for kind in ("spread cells", "axons")),
     "; ".join(f"{kind}, {prompt}: {found['wrong']:.1%}" for (kind, prompt), found in trusted_cells.items())),
    ("grid-like-clicks", "f5d9eb",
     grid_gain["spread cells"].low < 0 < grid_gain["spread cells"].high and grid_gain["axons"].low > 0
     and 3 < objects_a_cell["spread cells"] < 5 and 0.7 < objects_a_cell["axons"] < 1.3,
     "; ".join(f"{kind}: grid 32 − click {grid_gain[kind]:.2f}, {counted['found']} of {counted['cells']} found, {counted['wrong']} wrong" for kind, counted in by_kind.items())),
)

# %% tags=["claims", "needs-weights", "nbval-check-output"]
if not without_sam:
    mean_course = courses.mean(axis=0)
    display(show.claims(
        ("more-clicks-on-average", "df09fe",
         bool(mean_course[-1] > mean_course[0] + 0.1 and (np.diff(mean_course) > -0.01).all() and (np.diff(courses, axis=1) < -0.01).any()),
         f"{len(courses)} nuclei of one crop: the mean rises by more than 0.1 from one click to six, and falls at none"),
        ("encoder-is-the-price", "dbd14e", bool(encoder_seconds > 4 * decoder_seconds),
         "the encoder takes longer than four runs of the decoder"),
        ("toy-decoder-beats-toy-grid", "74de77", score["AIS"] > score["AMG"] + 0.05 and score["AIS"] > score["APG"] + 0.05,
         f"AP@0.5 on one crop of {len(numbers)} nuclei: higher by more than 0.05 than either"),
        ("frozen-still-moves", "7fb10b",
         all((a == b).all().item() for a, b in zip(predictor.model.image_encoder.parameters(), tuned.model.image_encoder.parameters()))
         and any((a != b).any().item() for a, b in zip(predictor.model.image_encoder.buffers(), tuned.model.image_encoder.buffers())),
         "weights of the encoder unchanged, buffers changed"),
    ))
