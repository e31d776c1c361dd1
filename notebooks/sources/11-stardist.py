# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "11"
#   title: StarDist
#   extra: stardist
#   paths: [user, builder]
#   gpu: "helps"
# ---

# %% [markdown]
# From pixels to star-convex objects: you will measure rays, suppress candidates, watch a small StarDist learn,
# and then let a trained one segment 125 nuclei and score it. At the end you will make it fail.
#
# Six exercises are checked and a seventh is open. Everything runs without network.

# %% tags=["setup"]
import json

import numpy as np
from matplotlib.colors import ListedColormap
from skimage.draw import polygon
from skimage.measure import regionprops_table
from skimage.segmentation import find_boundaries
from skimage.transform import rescale

from bioimage_course import check, compat, data, explore, metrics, show, tools
from bioimage_course.materials.ch11 import banana, inner_point
from bioimage_course.results import dsb2018, other_cells, other_laboratory, reported

compat.prepare("stardist")  # Keras 2, before TensorFlow is imported
with tools.stardist.quiet():
    import tensorflow as tf
    from csbdeep.utils import normalize
    from stardist.geometry import dist_to_coord, ray_angles, star_dist
    from stardist.models import Config2D, StarDist2D
    from stardist.nms import non_maximum_suppression_inds
    from stardist.utils import edt_prob

colour = show.PALETTE

# %% [markdown]
# ## One nucleus, 32 rays
#
# The image with a mask for each nucleus that ships with StarDist. For one nucleus we take the pixel that is
# farthest from the background and measure how far it is to the boundary in 32 directions.

# %%
nuclei = data.load("nuclei")
image, truth = nuclei.image, nuclei.labels
distances = star_dist(truth, n_rays=32)  # for every pixel: 32 distances to the boundary of its object
probability = edt_prob(truth)  # for every pixel: its distance to the background, 1 at most in each object


def rays_of(number):
    """Centre (row, column), distances (32,) and corners (2, 32) of the star-convex polygon of one object."""
    centre = inner_point(truth == number)
    return centre, distances[centre], dist_to_coord(distances[centre][None], [centre])[0]


# %%
#| label: fig-rays
#| fig-cap: "One nucleus as StarDist describes it: an inner point and 32 distances. Left, the rays in the image; right, the same 32 numbers as a curve. The outline is the polygon through the ends of the rays."
#| fig-alt: "Left: a bright oval nucleus with 32 thin lines that run from an inner point to its boundary, and the polygon through their ends. Right: a plot of distance in pixels against direction from 0 to 360 degrees, a smooth curve with two maxima, one for each end of the oval."
number = truth[118, 87]
centre, lengths, corners = rays_of(number)
figure, (picture, plot) = show.figure(1, 2, height=3.2)
picture.imshow(np.sqrt(image), cmap="gray")
for row, column in corners.T:
    picture.plot([centre[1], column], [centre[0], row], color=colour["sky"], lw=0.8)
picture.plot(*np.append(corners, corners[:, :1], axis=1)[::-1], color=colour["orange"], lw=2)
picture.plot(centre[1], centre[0], "o", color=colour["vermilion"], ms=5)
picture.set(xlim=(centre[1] - 26, centre[1] + 26), ylim=(centre[0] + 26, centre[0] - 26))
picture.set_axis_off()
plot.plot(np.rad2deg(ray_angles(32)), lengths, "o-", color=colour["orange"], ms=4)
plot.set(xlabel="direction (degrees, clockwise from the right)", ylabel="distance (pixels)", ylim=(0, None))
plot.set_xticks([0, 90, 180, 270, 360])
figure

# %% [markdown]
# ## What the network is asked to predict
#
# Not labels, whose numbers are arbitrary, but for each pixel one object probability and 32 distances. All of these
# follow from the pixel and its surroundings alone.

# %%
#| label: fig-targets
#| fig-cap: "The targets of training, made from the masks. The object probability is the distance to the background, divided by its maximum in each object: high in the middle, low at every border, also where two nuclei touch. Two of the 32 distance maps show how far it is to the right and down."
#| fig-alt: "Four panels of the same crop: fluorescence image; object probability, each nucleus bright in its middle and dark towards its edge; distance to the right, each nucleus bright at its left side; distance down, each nucleus bright at its top."
crop = np.s_[200:360, 150:310]
show.images(
    [np.sqrt(image[crop]), probability[crop], distances[crop][..., 0], distances[crop][..., 8]],
    ["image", "object probability", "distance to the right", "distance down"],
    columns=4,
)

# %% [markdown]
# ## Exercise 1: rays and back
#
# 1. `radial_distances(mask, point, n_rays)`: start at `point` (row, column), walk along each ray in small steps
#    and return the distances at which you leave the mask. Ray `k` has the angle `2πk/n_rays`; the position at
#    distance `r` is `row + r·sin`, `column + r·cos`; it lies in the pixel nearest to it, so round. The image's border
#    ends a ray, too.
# 2. `outline(distances, point)`: the corners of the polygon, an array (n_rays, 2) of rows and columns.
#
# Half a pixel is a good step. The check then draws disc, ellipse and banana with 4, 8, 16, 32 and 64 rays.

# %% tags=["exercise"] exercise="rays"
def radial_distances(mask, point, n_rays):
    raise NotImplementedError
    distances = np.zeros(n_rays)
    for k in range(n_rays):
        ...  # angle; then walk until you are outside
    return distances


def outline(distances, point):
    raise NotImplementedError
    return np.stack([rows, columns], axis=1)


# %% tags=["solution"] exercise="rays"
def radial_distances(mask, point, n_rays):
    distances = np.zeros(n_rays)
    for k in range(n_rays):
        angle = 2 * np.pi * k / n_rays
        while True:
            row = round(point[0] + (distances[k] + 0.5) * np.sin(angle))
            column = round(point[1] + (distances[k] + 0.5) * np.cos(angle))
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if not inside or not mask[row, column]:
                break
            distances[k] += 0.5
    return distances


def outline(distances, point):
    angles = 2 * np.pi * np.arange(len(distances)) / len(distances)
    return np.stack([point[0] + distances * np.sin(angles), point[1] + distances * np.cos(angles)], axis=1)


# %% tags=["check", "nbval-check-output"] exercise="rays"
check.rays(radial_distances, outline)

# %% [markdown]
# ## How many rays, and for which shapes?
#
# The same with StarDist's own functions, and pictures of it.

# %%
def star_polygon(mask, n_rays, point=None):
    """The mask that the star-convex polygon with n_rays rays from a point, by default the innermost, would give."""
    point = inner_point(mask) if point is None else tuple(point)
    corners = dist_to_coord(star_dist(mask.astype(np.uint16), n_rays)[point][None], [point])[0]
    drawn = np.zeros(mask.shape, bool)
    drawn[polygon(*corners, mask.shape)] = True
    return drawn


rows, columns = np.mgrid[:96, :96]
along, across = ((columns - 48) * np.cos(0.5) + (rows - 48) * np.sin(0.5),
                 (rows - 48) * np.cos(0.5) - (columns - 48) * np.sin(0.5))
shapes = {
    "disc": np.hypot(rows - 48, columns - 48) <= 32,
    "ellipse": np.hypot(along / 42, across / 15) <= 1,
    "banana": banana((96, 96)),
    "ring": abs(np.hypot(rows - 48, columns - 48) - 26) <= 9,
    "branches": (np.minimum(abs(along), abs(across)) <= 6) & (np.maximum(abs(along), abs(across)) <= 40),
}

# %%
#| label: fig-ray-number
#| fig-cap: "Five shapes (grey) and their polygons with 32 rays (orange) from the inner point (dot). Disc and ellipse are star-convex and come back nearly perfect. The branches are far from convex, but one point sees all of their boundary: they come back for the most part, and lose what 32 corners are too few for. Of the banana both ends are hidden, and the ring loses its hole and its far side."
#| fig-alt: "Five panels with the outlines of a disc, a slanted ellipse, a banana, a ring and a slanted cross. The orange polygon coincides with the disc and the ellipse and nearly with the cross. Of the banana it covers the arch without both ends, of the ring the upper left part, closed by straight lines."
figure, panels = show.figure(1, 5, height=1.9)
for axes, (name, mask) in zip(panels, shapes.items()):
    axes.imshow(mask, cmap="Greys", vmin=0, vmax=2.5)
    axes.contour(star_polygon(mask, 32), [0.5], colors=colour["orange"], linewidths=2)
    axes.plot(*inner_point(mask)[::-1], "o", color=colour["vermilion"], ms=4)
    axes.set_title(name)
    axes.set_axis_off()
figure

# %%
#| label: tbl-ray-number
#| tbl-cap: "IoU between a shape and its star-convex polygon. More rays help until the corners are finer than pixels; they never show the point what it cannot see."
counts = (4, 8, 16, 32, 64)
show.table(
    [[name, *(f"{metrics.iou(mask, star_polygon(mask, n)):.2f}" for n in counts)] for name, mask in shapes.items()],
    ["shape", *(f"{n} rays" for n in counts)],
)

# %% tags=["nbval-check-output"]
by_rays = {name: [metrics.iou(mask, star_polygon(mask, n)) for n in counts] for name, mask in shapes.items()}
print("32 rays are enough for disc and ellipse:", all(by_rays[name][3] > 0.9 for name in ("disc", "ellipse")))
print("64 rays are not enough for the banana:", by_rays["banana"][4] < 0.85)

# %% [markdown]
# ## Turn it yourself
#
# Move the point and the number of rays; then step through non-maximum suppression.

# %% tags=["widget"]
explore.stardist()

# %% [markdown]
# ## Normalisation
#
# Three copies of one nuclei image: as it is, from a camera with another gain and offset, and with one hot pixel.

# %%
#| label: fig-normalise
#| fig-cap: "Intensities of three versions of one image, after two ways of normalising. Min–max (left) lets a single hot pixel squeeze everything else to the dark end. Percentiles 1 and 99.8 (right) give the network the same values every time; the hot pixel simply lies far above 1."
#| fig-alt: "Two histograms with three step lines each. Left, min–max: two lines coincide, the third, with the hot pixel, is squeezed into a narrow peak near zero. Right, percentiles: all three lines coincide."
hot = image.astype(float)
hot[10, 10] = 5000
versions = {"as it is": image.astype(float), "other camera": 7.3 * image + 400, "one hot pixel": hot}
figure, (left, right) = show.figure(1, 2, height=2.8, sharey=True)
styles = dict(zip(versions, ("-", "--", ":")))
for name, version in versions.items():
    span = version.max() - version.min()
    for axes, values in ((left, (version - version.min()) / span), (right, normalize(version, 1, 99.8))):
        axes.hist(values.ravel(), np.linspace(-0.1, 1.1, 61), histtype="step", log=True, label=name,
                  linestyle=styles[name], linewidth=2)
left.set(title="minimum and maximum", xlabel="normalised intensity", ylabel="pixels")
right.set(title="percentiles 1 and 99.8", xlabel="normalised intensity")
right.legend()
figure

# %% tags=["nbval-check-output"]
same = np.allclose(normalize(versions["as it is"], 1, 99.8), normalize(versions["other camera"], 1, 99.8), atol=1e-4)
print("gain and offset have no effect:", same)
print("values outside 0 to 1 stay outside:", normalize(image, 1, 99.8).min() < 0 and normalize(hot, 1, 99.8).max() > 1)

# %% [markdown]
# ## Watch one learn
#
# A very small StarDist, trained for a minute at most on the left half of our image, validated on the right
# half. It is the real training code of the library, only little of everything: 8 filters instead of 32 and
# about a hundred steps instead of thousands.

# %%
half = image.shape[1] // 2
normalised = normalize(image, 1, 99.8)
tf.keras.utils.set_random_seed(0)
config = Config2D(
    n_rays=32, grid=(2, 2), unet_n_filter_base=8, train_patch_size=(96, 96), train_batch_size=4,
    train_epochs=8, train_steps_per_epoch=12, train_learning_rate=2e-3, train_tensorboard=False,
    train_n_val_patches=8,
)
with tools.stardist.quiet():
    small = StarDist2D(config, basedir=None)
    run = small.train(
        [normalised[:, :half]], [truth[:, :half]],
        validation_data=([normalised[:, half:]], [truth[:, half:]]), seed=0, workers=1,
    )

# %%
#| label: fig-live-training
#| fig-cap: "Eight short epochs. Both curves fall together: the network learns something that also holds for the other half of the image. It is far from finished."
#| fig-alt: "Line plot of the loss over eight epochs. Training loss (solid) and validation loss (dashed) fall steeply at first and then more slowly, close to each other."
show.curves({"training": run.history["loss"], "validation": run.history["val_loss"]})

# %% tags=["nbval-check-output"]
print("loss fell:", run.history["loss"][-1] < run.history["loss"][0])
print("validation loss fell:", run.history["val_loss"][-1] < run.history["val_loss"][0])

# %% [markdown]
# ## The course's checkpoint
#
# About an hour of such training on 127 images gave the checkpoint that comes with the course. First what the network
# itself says: for every second pixel in each direction (`grid=(2, 2)`) an object probability and 32 distances.

# %%
model = tools.stardist.course_model()
with tools.stardist.quiet():
    predicted_probability, predicted_distances = model.predict(normalised)

# %% tags=["nbval-check-output"]
print("probability", predicted_probability.shape, "distances", predicted_distances.shape)

# %% [markdown]
# ### From candidates to objects
#
# Each pixel whose probability is above the threshold proposes a polygon. Non-maximum suppression keeps the
# best and drops those that overlap it.

# %%
#| label: fig-nms
#| fig-cap: "Non-maximum suppression in a part of the image where nuclei touch. Left: object probability as predicted. Middle: all candidates above the threshold, each a polygon; most nuclei are proposed dozens of times. Right: what is left when the best candidate has suppressed those that overlap it, again and again. The outlines are not perfect: some have a waist that the nucleus has not. That is this small checkpoint, not the method."
#| fig-alt: "Three panels. Left: a probability map with a bright blob for each nucleus. Middle: the image under a dense web of overlapping outlines. Right: the image with a single outline around each nucleus, one of them peanut-shaped."
window = (215, 175, 335, 295)  # top, left, bottom, right
above = np.argwhere(predicted_probability > model.thresholds.prob)
points = above * 2  # grid (2, 2): back to image pixels
keep = (points >= window[:2]).all(axis=1) & (points < window[2:]).all(axis=1)
above, points = above[keep], points[keep]
scores = predicted_probability[tuple(above.T)]
order = np.argsort(-scores)
points, scores, radii = points[order], scores[order], predicted_distances[tuple(above.T)][order]
survivors = non_maximum_suppression_inds(
    radii, points.astype(np.float32), scores=scores, thresh=model.thresholds.nms, verbose=False
)
outlines = dist_to_coord(radii, points)
figure, panels = show.figure(1, 3, height=2.7)
panels[0].imshow(np.kron(predicted_probability, np.ones((2, 2))), cmap="viridis")
panels[0].set_title("object probability")
for axes, chosen, title in (
    (panels[1], np.ones(len(points), bool), f"{len(points)} candidates"),
    (panels[2], survivors, f"{survivors.sum()} survivors"),
):
    axes.imshow(np.sqrt(image), cmap="gray")
    for corners in outlines[chosen]:
        axes.fill(corners[1], corners[0], fill=False, ec=colour["orange"], lw=0.4 if axes is panels[1] else 1.6)
    axes.set_title(title)
for axes in panels:
    axes.set(xlim=(window[1], window[3]), ylim=(window[2], window[0]))
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 2: non-maximum suppression
#
# `masks` is an array (n, Y, X) with one candidate each, `scores` (n,) are their probabilities. Return the numbers
# of the candidates to keep:
#
# - go through the candidates from the highest score to the lowest;
# - keep a candidate unless it overlaps one that you have **kept** by more than `threshold`;
# - overlap = pixels that both have, divided by the area of the **smaller** of the two. That is how StarDist
#   measures overlap; it is not the IoU. An overlap of exactly `threshold` is still allowed.
# - without any candidate, an array (0, Y, X), nothing is kept: return an empty list.

# %% tags=["exercise"] exercise="suppression"
def nms(masks, scores, threshold):
    raise NotImplementedError
    kept = []
    for i in ...:
        ...
    return kept


# %% tags=["solution"] exercise="suppression"
def nms(masks, scores, threshold):
    kept = []
    for i in np.argsort(-scores):
        suppressed = False
        for j in kept:
            shared = (masks[i] & masks[j]).sum()
            if shared / min(masks[i].sum(), masks[j].sum()) > threshold:
                suppressed = True
        if not suppressed:
            kept.append(i)
    return kept


# %% tags=["check", "nbval-check-output"] exercise="suppression"
check.suppression(nms)

# %% [markdown]
# ## Segment and score
#
# `tools.stardist.segment` normalises, predicts and suppresses in one go. In StarDist's own words that is
# `model.predict_instances(normalize(image, 1, 99.8))`.
#
# **Is this image new to the network?** Nearly. We compared it with all 200 images of the data set, patch by
# patch: it is a noisier copy of a part of one of the 50 *test* images, with the same masks. The network has not
# seen it, nor was anything chosen on it. But it comes from the same collection: in-domain, not new territory.

# %%
prediction = tools.stardist.segment(image)

# %%
#| label: fig-score
#| fig-cap: "The checkpoint on the built-in image, scored at IoU 0.5: found (solid blue), false alarms (dashed orange), missed (dotted yellow). Most of the missed nuclei touch another one, the very case for which the method is made. In a pair one is often found and the other swallowed; some of the found outlines have a waist that the nucleus has not."
#| fig-alt: "Fluorescence image with 125 nuclei. Most are outlined in solid blue; a few dashed orange and more dotted yellow outlines remain, most of them on nuclei that touch or overlie another one, in the middle of the image as well as near its left side."
show.matches(image, truth, prediction, threshold=0.5)

# %%
missed = set(np.unique(truth)[1:].tolist()) - {int(t) for t, _ in metrics.match(truth, prediction, 0.5).pairs}
touch = set()  # objects with a pixel of another object among their pixels' neighbours
for rows, columns in ((0, 1), (1, 0), (1, 1), (1, -1)):
    there = np.roll(np.pad(truth, 1), (-rows, -columns), axis=(0, 1))[1:-1, 1:-1]
    meet = (truth > 0) & (there > 0) & (truth != there)
    touch |= set(truth[meet].tolist()) | set(there[meet].tolist())
missed_touching = len(missed & touch)

# %%
#| label: tbl-live-score
#| tbl-cap: "The built-in image, scored live. AP = TP / (TP + FP + FN) at an IoU threshold; StarDist's code calls it accuracy. The stricter the threshold, the more outlines are too loose or too tight to count."
rows = []
for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
    m = metrics.match(truth, prediction, threshold)
    rows.append([threshold, m.tp, m.fp, m.fn, f"{m.precision:.2f}", f"{m.recall:.2f}", f"{m.average_precision:.2f}"])
show.table(rows, ["IoU threshold", "TP", "FP", "FN", "precision", "recall", "AP"], digits=1)

# %% tags=["nbval-check-output"]
print("AP@0.5 above 0.8:", metrics.match(truth, prediction, 0.5).average_precision > 0.8)

# %% [markdown]
# ### The published model
#
# `2D_versatile_fluo`, trained by StarDist's authors, is a download of a few megabytes. Without network we say so and go on.

# %%
from bioimage_course.errors import ToolUnavailableError

try:
    published = tools.stardist.pretrained("2D_versatile_fluo")
    print("2D_versatile_fluo:", published.thresholds)
    m = metrics.match(truth, tools.stardist.segment(image, published))
    print(f"AP@0.5 on this image: {m.average_precision:.2f} (in-domain: it was trained on images of this collection)")
except ToolUnavailableError as reason:
    print(reason)

# %% [markdown]
# ## Two thresholds
#
# A candidate must reach the probability threshold; two candidates that overlap more than the NMS threshold are one
# object. The network's answer stays the same, so trying thresholds is cheap.

# %%
#| label: fig-thresholds
#| fig-cap: "AP@0.5 on a quarter of the image when one threshold is moved and the other stays at the model's own value (vertical lines). Between extremes there is a broad plateau: here thresholds matter, but not their second decimal. Never choose them on the images that you report."
#| fig-alt: "Two line plots. Left: AP against the probability threshold, a plateau for small and medium values that falls to zero near one. Right: AP against the NMS threshold, high for small and medium values and falling steeply towards one."
part = np.s_[:256, :256]
figure, panels = show.figure(1, 2, height=2.8, sharey=True)
grids = {"prob_thresh": np.linspace(0.1, 0.9, 9), "nms_thresh": np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.95])}
sweep = {
    name: [
        metrics.match(truth[part], tools.stardist.segment(image[part], **{name: value})).average_precision
        for value in values
    ]
    for name, values in grids.items()
}
for axes, (name, values) in zip(panels, grids.items()):
    axes.plot(values, sweep[name], "o-", color=colour["blue"])
    axes.axvline(getattr(model.thresholds, name.removesuffix("_thresh")), color=colour["vermilion"], ls="--")
    axes.set(xlabel=name, ylim=(0, 1))
panels[0].set_ylabel("AP@0.5")
figure

# %% tags=["nbval-check-output"]
print("too strict a probability threshold loses nuclei:", sweep["prob_thresh"][-1] < max(sweep["prob_thresh"]))
print("too high an NMS threshold keeps doubles:", sweep["nms_thresh"][-1] < sweep["nms_thresh"][3])

# %% [markdown]
# ## The 50 test images
#
# One image says little. `training/stardist_nuclei.py` trained the checkpoint and scored it on the 50 test images of the
# DSB2018 subset, once; this is its results file.

# %%
results = tools.stardist.results()
test = results["test"]

# %%
#| label: tbl-dsb2018
#| tbl-cap: "The checkpoint on the 50 test images of the DSB2018 subset, 2,460 nuclei: AP pooled over all nuclei, and as mean over images."
show.table(
    [[row["iou"], row["tp"], row["fp"], row["fn"], f"{row['ap_pooled']:.3f}", f"{row['ap_mean_over_images']:.3f}"]
     for row in test["by_iou"]],
    ["IoU threshold", "TP", "FP", "FN", "AP (pooled)", "AP (mean over images)"], digits=2,
)

# %% [markdown]
# What keeps the strict end low: the star as a shape, the places of the objects, or the distances? `training/star_limits.py`
# replaced one after the other by the truth.

# %%
#| label: tbl-limits
#| tbl-cap: "The 50 test images in one pass, three times: as the network says; the same objects at the same places, with the true distances along their 32 rays; and every true nucleus as the star of its innermost point, without any network. AP pooled over all nuclei."
strict_end = json.loads((tools.stardist.WEIGHTS / "limits.json").read_text(encoding="utf-8"))


def pooled_at(version, at):
    counts = np.array([[image[key][at] for key in ("tp", "fp", "fn")] for image in strict_end["versions"][version]])
    return counts[:, 0].sum() / counts.sum()


by_version = {version: [pooled_at(version, at) for at in range(3)] for version in strict_end["versions"]}
show.table([[version, *values] for version, values in by_version.items()],
           ["outlines", *(f"AP@{iou:g}" for iou in strict_end["iou_thresholds"])], digits=3)

# %%
#| label: tbl-comparison
#| tbl-cap: "Ours and the number that StarDist's own training example prints. The metric is the same, the images are not, so the difference between the rows says little about the models."
minutes = sum(stage["minutes"]["training"] for stage in results["stages"])
show.table(
    [
        ["this course, one pass", f"{test['by_iou'][0]['ap_pooled']:.3f}", "yes", "50 test images; trained on 127",
         results["seed"], f"{minutes:.0f} on 2 CPU cores"],
        ["this course, small nuclei enlarged", f"{test['two_passes']['by_iou'][0]['ap_pooled']:.3f}", "yes",
         "the same 50", results["seed"], "the same"],
        ["StarDist's example notebook", "0.835", "yes, as accuracy", "its 67 validation images; trained on 380",
         42, "not stated"],
    ],
    ["model", "AP@0.5", "same metric?", "images", "seed", "minutes"],
)

# %% [markdown]
# StarDist's paper has a table for the same 50 images. Its networks learnt from all 447 training images, ours from 127.

# %%
#| label: tbl-printed
#| tbl-cap: "What the StarDist paper prints for these 50 test images, and ours. AP pooled over all nuclei, as there. Read down a column: the order at 0.5 is not the order at 0.9. The paper's StarDist falls behind, and so does ours; U-Nets, which decide pixel by pixel, fall less."
show.table(reported.stardist_paper("stardist", "unet", "cellpose"))

# %% [markdown]
# ### Why the test images are harder
#
# Many of them look different: other magnifications, larger nuclei.

# %%
#| label: fig-shift
#| fig-cap: "A shift of scale. Above: the median nucleus of each image, in training and test images of the subset; many test images show nuclei larger than any in training. Below: how well each test image was segmented. A network trained without zooming would have met the right half for the first time."
#| fig-alt: "Above: two histograms of the median nucleus diameter. Training images pile up between 8 and 25 pixels; test images have a second group between 30 and 55 pixels. Below: a scatter plot of AP at 0.5 per test image against diameter, most points above 0.7 at all diameters, some lower."
figure, (above_axes, below_axes) = show.figure(2, 1, height=4.4, sharex=True)
bins = np.arange(0, 60, 3)
above_axes.hist([i["median_diameter_px"] for i in results["train"]["images"]], bins, color=colour["blue"], alpha=0.6,
                label="127 training images", weights=np.full(127, 1 / 127))
above_axes.hist([i["median_diameter_px"] for i in test["images"]], bins, histtype="step", lw=2,
                color=colour["vermilion"], label="50 test images", weights=np.full(50, 1 / 50))
above_axes.set(ylabel="share of images")
above_axes.legend()
below_axes.plot([i["median_diameter_px"] for i in test["images"]], [i["ap"] for i in test["images"]], "o",
                color=colour["vermilion"], mec="white")
below_axes.set(xlabel="median diameter of the nuclei (pixels)", ylabel="AP@0.5", ylim=(0, 1.03))
figure

# %% [markdown]
# The smallest nuclei are the hardest: a few pixels more or less decide about their IoU. `segment(…, scale="auto")`
# looks twice: if the median object is narrower than 16 pixels, it enlarges the image and segments again.

# %%
#| label: tbl-scale
#| tbl-cap: "AP@0.5 on the test images, grouped by the median diameter of their nuclei: in one pass, and in two with small nuclei enlarged. Threshold (16 pixels) and factor (2) were chosen on validation images."
groups = {"below 16 pixels": (0, 16), "16 to 35 pixels": (16, 35), "above 35 pixels": (35, 999), "all": (0, 999)}


def pooled(images):
    tp, fp, fn = (sum(i[key] for i in images) for key in ("tp", "fp", "fn"))
    return f"{tp / (tp + fp + fn):.3f}"


def in_group(low, high):
    """Images of one group: (one pass, two passes), in the same order."""
    widths = [i["median_diameter_px"] for i in test["images"]]
    return [[i for i, w in zip(part["images"], widths) if low <= w < high] for part in (test, test["two_passes"])]


def paired(one, two):
    """AP of two passes minus that of one, with its interval; the images are the units."""
    counts = [[[i[key] for key in ("tp", "fp", "fn")] for i in images] for images in (two, one)]
    return metrics.paired_difference(*counts, lambda c: c[:, 0].sum() / c.sum())


gains = {name: paired(*in_group(*limits)) for name, limits in groups.items()}
rows = []
for name, limits in groups.items():
    one, two = in_group(*limits)
    gain = gains[name]
    rows.append([name, len(one), sum(i["nuclei"] for i in one), pooled(one), pooled(two),
                 f"{gain.difference:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"])
show.table(rows, ["median nucleus", "images", "nuclei", "one pass", "two passes", "difference, 95 % interval"])

# %% [markdown]
# ## Another laboratory
#
# `training/other_laboratory.py` ran all models of this part on images from which none has learnt, and for which nothing
# was chosen. The rival is a Voronoi-Otsu labelling whose two blurs were tuned on DSB2018's training images.

# %%
#| label: tbl-elsewhere
#| tbl-cap: "Nuclei of two other laboratories. Left: nine images of RPE1 cells, AP pooled over all nuclei; the difference to the tuned Voronoi-Otsu with its interval, the images drawn again and again, and on how many of them the method is ahead. An object that lies on a micronucleus counts neither way, or, in the last column but one, as a false positive. Right: four fields of Schwann cells with masks of CellProfiler. They say how far a method agrees with CellProfiler, and rank nothing. The row at half size was tried after the failure in the last column had been seen: it explains, and does not compete."
told = other_laboratory.results()
show.table(other_laboratory.table())

# %%
#| label: fig-elsewhere
#| fig-cap: "Part of one of the nine images (RPE1 cells, from mnfinder, MIT licence), matched at an IoU of 0.5: found (solid blue), false (dashed orange), missed (dotted yellow). The dim nuclei lie below Otsu's one threshold and are missed; the fixed blur cuts large ones in two. Both networks find them, StarDist with rounder outlines than there are, and both fail at the two nuclei with lobes."
#| fig-alt: "Four panels of the same field. First the image, brightened by a square root: some fourteen nuclei, a few glaring, most grey, several barely above the background, two with lobes and small satellites. Then three results. Voronoi-Otsu: four nuclei are marked as found, the others as missed or cut in two. U-Net and StarDist: all but the two with lobes are marked as found."
crop = np.load(other_laboratory.PICTURE)
figure, axes = show.figure(2, 2, height=7.6)
dimmed = np.sqrt(data.normalise(crop["image"]).clip(0, 1))
axes.flat[0].imshow(dimmed, cmap="gray")
axes.flat[0].axis("off")
axes.flat[0].set_title("image (square root)")
for axis, name in zip(axes.flat[1:], (other_laboratory.TUNED, "unet", "stardist")):
    matched = metrics.match(crop["truth"], crop[name], 0.5)
    axis.imshow(dimmed, cmap="gray")
    for labels, which, tint, style in ((crop[name], matched.pairs[:, 1], "sky", "solid"),
                                       (crop[name], matched.spurious, "orange", "dashed"),
                                       (crop["truth"], matched.missed, "yellow", "dotted")):
        for number in which:
            axis.contour(labels == number, [0.5], colors=colour[tint], linestyles=style, linewidths=1.4)
    axis.axis("off")
    axis.set_title(f"{told['methods'][name]['title'].split(',')[0]}: {matched.tp} found, {matched.fp} false, {matched.fn} missed", fontsize=10)
figure

# %%
#| label: tbl-elsewhere-experiments
#| tbl-cap: "The RPE1 cells, experiment by experiment: AP@0.5, three images each."
learners = ["pixel-classifier", "unet", "stardist", "cellpose"]
experiments = np.array([row["experiment"] for row in told["sets"][other_laboratory.RPE1]["images"]])


def ap_there(method, images=other_laboratory.RPE1, chosen=slice(None), strict=False):
    counts = other_laboratory.counts(method, images, strict=strict)[chosen]
    return counts[:, 0].sum() / counts.sum()


by_experiment = {method: [ap_there(method, chosen=experiments == name) for name in np.unique(experiments)] for method in told["methods"]}
show.table([[told["methods"][method]["title"], *values] for method, values in by_experiment.items()],
           ["method", *(name.removesuffix("_RPE1") for name in np.unique(experiments))], digits=3)

# %% [markdown]
# ## Cells that are not round
#
# Spread cells in phase contrast, outlined by hand. First what a star could do: for each cell 25 points are tried, with the
# true distances along the rays, and the best star is kept. Then what the shipped StarDist finds.

# %%
cells = data.load("spread-cells")
reach = star_dist(cells.labels, n_rays=32)


def best_stars(labels, reach, tried=25):
    """Label image of the best star of each cell, and its IoU with the cell."""
    drawn, ious = np.zeros_like(labels), []
    for number in np.unique(labels)[1:]:
        mask, inside, best = labels == number, np.argwhere(labels == number), (0, None)
        for point in map(tuple, inside[np.linspace(0, len(inside) - 1, tried).astype(int)]):
            star = np.zeros(mask.shape, bool)
            star[polygon(*dist_to_coord(reach[point][None], [point])[0], mask.shape)] = True
            best = max(best, (metrics.iou(mask, star), star), key=lambda pair: pair[0])
        ious.append(best[0])
        drawn[best[1]] = number
    return drawn, np.array(ious)


stars_drawn, star_ious = best_stars(cells.labels, reach)
found_there = tools.stardist.segment(cells, scale="auto")

# %%
#| label: fig-spread
#| fig-cap: "Spread cells in phase contrast (a crop of one test image of Usiigaci, MIT licence), outlined by hand; the best star of each cell, red where its IoU with the cell stays below 0.9; and what the course's StarDist, which has learnt from fluorescent nuclei, finds in the image: hundreds of grains and pieces of bright rims, and not one cell."
#| fig-alt: "Four panels of the same field of grey, spread and branched cells with bright rims. Second: hand-drawn outlines that follow every arm. Third: star polygons that follow most cells closely, a few of them red, with arms cut short. Fourth: hundreds of small outlines on grains and bright rims, none around a whole cell."
low_star = np.isin(stars_drawn, np.unique(cells.labels)[1:][star_ious < 0.9])
figure, axes = show.figure(2, 2, height=7.6)
panels = {"image": None, f"truth: {cells.n_objects} cells": cells.labels,
          f"best stars: {np.mean(star_ious < 0.9):.0%} below 0.9".replace("%", " %"): stars_drawn,
          f"StarDist finds {len(np.unique(found_there)) - 1} objects": found_there}
for axis, (title, labels) in zip(axes.flat, panels.items()):
    axis.imshow(cells.image, cmap="gray", vmin=40, vmax=230)
    if labels is not None:
        edges = find_boundaries(labels, mode="inner" if labels is found_there else "thick")
        tinted = edges & low_star if labels is stars_drawn else np.zeros_like(edges)
        axis.imshow(np.where(edges & ~tinted, 1.0, np.nan), cmap=ListedColormap([colour["yellow"]]), interpolation="nearest")
        axis.imshow(np.where(tinted, 1.0, np.nan), cmap=ListedColormap([colour["vermilion"]]), interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()
figure

# %%
#| label: tbl-star-ceilings
#| tbl-cap: "Star ceilings: the best IoU that was found of a polygon with 32 rays, cell by cell, and the share of the cells that stay below 0.9 and 0.8. Without any network; nuclei are 500 of the test images of DSB2018, by lot."
show.table(other_cells.star_table())

# %%
#| label: tbl-other-models
#| tbl-cap: "AP@0.5 of the course's models as shipped, on the same cells, pooled; in brackets the share of the cells that was found. Each had the image as it is and inverted, and the better score is shown, a choice in hindsight that flatters. Spread cells, axons and, being planes of one stack, with reserve the ovule say something about the models; of chloroplasts and yeast nobody states how the truth was made, and the epithelium's comes from another tool: its row is *agreement*."
def scored_better(model, kind):
    """AP@0.5 of a model in the contrast that suits it better, and the share of the cells that it finds there."""
    tries = [other_cells.counts(model, kind, contrast) for contrast in other_cells.contrasts(model, kind)]
    tp, fp, fn = max(tries, key=lambda counts: counts[:, 0].sum() / counts.sum()).sum(axis=0)
    return f"{tp / (tp + fp + fn):.2f} ({tp / (tp + fn):.0%})".replace("%", " %")


scores = other_cells.model_table()  # its columns: cells, truth, then the models
titles = dict(zip(list(scores[0])[2:], other_cells.results()["models"]))
show.table([row | {title: scored_better(model, row["cells"]) for title, model in titles.items()} for row in scores])

# %% [markdown]
# ## Exercise 3: the best star
#
# The innermost point is a good place for a star, and not always the best. Write `best_star(mask, points)`: of the
# `points`, an array (n, 2) of rows and columns, find the one whose star with 32 rays has the highest IoU with the mask.
# Return the point and that IoU. `star_polygon(mask, 32, point)` draws a star, `metrics.iou` compares two masks.

# %% tags=["exercise"] exercise="best_star"
def best_star(mask, points):
    raise NotImplementedError
    return point, iou


# %% tags=["solution"] exercise="best_star"
def best_star(mask, points):
    ious = [metrics.iou(mask, star_polygon(mask, 32, point)) for point in points]
    return points[np.argmax(ious)], max(ious)


# %% tags=["check", "nbval-check-output"] exercise="best_star"
check.best_star(best_star)

# %% [markdown]
# ## What polygons do to shapes
#
# Two questions. What does the *representation* change, if the network were perfect? And what does the whole method
# change, on our image?

# %%
#| label: tbl-shape
#| tbl-cap: "Shape features before and after. First rows: perfect rays, drawn as polygons. Last row: the network's objects against the masks, median over matched nuclei. In the median round nuclei hardly change; a bent object loses area and perimeter, its solidity comes out wrong, and a hole disappears (Euler number 0 becomes 1)."
def features(mask):
    table = regionprops_table(mask.astype(int), properties=("area", "perimeter", "solidity", "euler_number"))
    return [float(table[name][0]) for name in ("area", "perimeter", "solidity", "euler_number")]


def percent(share):
    return "0 %" if round(share, 2) == 0 else f"{share:+.0%}".replace("-", "−").replace("%", " %")


def change(before, after):
    return percent((after - before) / before)


rows = []
for name, mask in shapes.items():
    before, after = features(mask), features(star_polygon(mask, 32))
    rows.append([f"{name}, perfect rays", *(change(b, a) for b, a in zip(before[:2], after[:2])),
                 f"{before[2]:.2f} → {after[2]:.2f}", f"{before[3]:.0f} → {after[3]:.0f}"])
pairs = [(features(truth == t), features(prediction == p)) for t, p in metrics.match(truth, prediction, 0.5).pairs]
middle = np.median(np.array(pairs), axis=0)
area_change, perimeter_change = (float(np.median([(a[k] - b[k]) / b[k] for b, a in pairs])) for k in (0, 1))
rows.append([f"{len(pairs)} nuclei, network", percent(area_change), percent(perimeter_change),
             f"{middle[0, 2]:.2f} → {middle[1, 2]:.2f}", f"{middle[0, 3]:.0f} → {middle[1, 3]:.0f}"])
show.table(rows, ["object", "area", "perimeter", "solidity", "Euler number"])

# %% [markdown]
# ## Exercise 4: measure the bias
#
# Write `relative_change(before, after, feature)`: for each object that has the same label number in both label images,
# take (after − before) / before of a feature such as `"area"`, and return the mean. Labels that only one image has are
# left out.

# %% tags=["exercise"] exercise="shape_bias"
def relative_change(before, after, feature):
    raise NotImplementedError
    table = regionprops_table(before, properties=("label", feature))  # table["label"], table[feature]
    return ...


# %% tags=["solution"] exercise="shape_bias"
def relative_change(before, after, feature):
    values = []
    for labels in (before, after):
        table = regionprops_table(labels, properties=("label", feature))
        values.append(dict(zip(table["label"], table[feature])))
    first, second = values
    return np.mean([(second[i] - first[i]) / first[i] for i in first if i in second])


# %% tags=["check", "nbval-check-output"] exercise="shape_bias"
check.shape_bias(relative_change)

# %% [markdown]
# ## What goes wrong: the empty image
#
# A field of view without a single cell. Percentile normalisation does not know that: it stretches whatever is
# there until it fills 0 to 1. We simulate three such fields: pure camera noise; the same noise after
# a slight smoothing, as denoising or rescaling leaves it; and a little light from out of focus.

# %%
from scipy.ndimage import gaussian_filter

rng = np.random.default_rng(1)
noise = rng.normal(0, 3, (256, 256))  # read-out noise; the camera's offset is 100
rows, columns = np.mgrid[:256, :256]
haze = sum(9 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 12**2)) for y, x in ((60, 70), (150, 180), (200, 60)))
empties = {"noise": 100 + noise, "smoothed noise": 100 + gaussian_filter(noise, 1), "noise and haze": 100 + noise + haze}
limits = np.percentile(image, (1, 99.8)) + 100  # what an image with nuclei would give with this camera
found = {
    name: (tools.stardist.segment(empty), tools.stardist.segment(empty, limits=limits)) for name, empty in empties.items()
}

# %%
#| label: fig-empty
#| fig-cap: "Images without any nucleus; the titles count what StarDist finds in them. Above, each image normalised by its own percentiles: bare noise does not fool this network, but smoothed noise becomes a carpet of nuclei, and nuclei are seen in two of three spots of faint light from out of focus. Below, the same images with the limits of the whole experiment: they stay dark. The guard has a price: the blobs on the right might as well have been dim nuclei, and it cannot tell. Below its limits everything goes."
#| fig-alt: "Two rows of three panels. Above: white noise without outlines, smoothed noise covered with well over a hundred outlines, noise with three faint bright spots, two of them outlined. Below: three black panels without outlines."
figure, panels = show.figure(2, 3, height=5.4)
for column, (name, empty) in enumerate(empties.items()):
    for row, (how, scaled) in enumerate(
        (("own percentiles", normalize(empty, 1, 99.8)), ("fixed limits", data.normalise(empty, *limits)))
    ):
        axes, labels = panels[row, column], found[name][row]
        axes.imshow(scaled, cmap="gray", vmin=0, vmax=1)
        edges = find_boundaries(labels, mode="inner")  # object by object: neighbours keep their borders
        axes.imshow(np.where(edges, 1.0, np.nan), cmap=ListedColormap([colour["orange"]]))
        axes.set_title(f"{name}\n{how}: {len(np.unique(labels)) - 1}", fontsize=9)
        axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print("false nuclei without the guard:", any(own.any() for own, _ in found.values()))
print("false nuclei with the guard:", any(fixed.any() for _, fixed in found.values()))

# %% [markdown]
# ## Exercise 5: the guard
#
# Write `normalise(image, smallest_range)`: percentiles 1 and 99.8 become 0 and 1, nothing is clipped. But if
# the two percentiles are closer together than `smallest_range`, divide by `smallest_range` instead of their
# difference.

# %% tags=["exercise"] exercise="guarded_normalisation"
def normalise(image, smallest_range):
    raise NotImplementedError
    low, high = np.percentile(image, (1, 99.8))
    return ...


# %% tags=["solution"] exercise="guarded_normalisation"
def normalise(image, smallest_range):
    image = image.astype(float)
    low, high = np.percentile(image, (1, 99.8))
    return (image - low) / max(high - low, smallest_range)


# %% tags=["check", "nbval-check-output"] exercise="guarded_normalisation"
check.guarded_normalisation(normalise)

# %% [markdown]
# ## Deeper: three dimensions
#
# In 3D the rays go to the corners of a nearly even distribution on a sphere and the polygon becomes a polyhedron.
# Here are 96 rays in a stack of nuclei, from the masks, without a network.

# %%
from stardist import Rays_GoldenSpiral
from stardist.geometry import polyhedron_to_label, star_dist3D

stack = data.load("nuclei-3d")
rays_3d = Rays_GoldenSpiral(96)
lengths_3d = star_dist3D(stack.labels, rays_3d)
numbers = [n for n in np.unique(stack.labels) if n]
centres = np.array([inner_point(stack.labels == n) for n in numbers])
with tools.stardist.quiet():
    polyhedra = polyhedron_to_label(
        lengths_3d[tuple(centres.T)], centres, rays_3d, stack.labels.shape, labels=np.array(numbers), verbose=False
    )

# %%
#| label: fig-3d
#| fig-cap: "A nucleus of a stack as a star-convex polyhedron with 96 rays (orange) and as mask (dashed blue), cut in two directions. The polyhedron was drawn from the 96 distances of one inner voxel (red)."
#| fig-alt: "Two slices through a bright nucleus, seen from above and from the side. The orange outline of the polyhedron follows the dashed blue outline of the mask within a voxel or two."
largest = 81  # of those that lie wholly in the stack
z, y, x = centres[numbers.index(largest)]
figure, panels = show.figure(1, 2, height=2.8)
for axes, plane, point, title in (
    (panels[0], np.s_[z], (x, y), "from above"),
    (panels[1], np.s_[:, y], (x, z), "from the side"),
):
    axes.imshow(stack.image[plane], cmap="gray")
    axes.contour(stack.labels[plane] == largest, [0.5], colors=colour["sky"], linestyles="--", linewidths=1.5)
    axes.contour(polyhedra[plane] == largest, [0.5], colors=colour["orange"], linewidths=1.5)
    axes.plot(*point, "o", color=colour["vermilion"], ms=4)
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print("mean IoU of masks and polyhedra above 0.8:",
      np.mean([metrics.iou(stack.labels == n, polyhedra == n) for n in numbers]) > 0.8)

# %% [markdown]
# ## Exercise 6: what now?
#
# Six situations, and six answers, each right once: `"go on"`; `"other tool"`; `"rescale"`; `"fixed limits"`;
# `"same images first"` (the two numbers cannot be compared); `"own images first"` (the number says little about yours).

# %% tags=["exercise"] exercise="what_now"
now = {
    "round nuclei, 25 pixels wide as in training; you report their area": ...,
    "crescents; you report their perimeter": ...,
    "nuclei 8 pixels wide; the network learnt widths of 20 to 30": ...,
    "some wells of the plate have no cells, and each image is normalised by its own percentiles": ...,
    "your model: AP 0.80 on 50 test images; another: AP 0.83 on 67 images held back from its training set": ...,
    "a downloaded model reaches AP 0.92 on images of a collection that it was trained on": ...,
}


# %% tags=["solution"] exercise="what_now"
now = {
    "round nuclei, 25 pixels wide as in training; you report their area": "go on",
    "crescents; you report their perimeter": "other tool",
    "nuclei 8 pixels wide; the network learnt widths of 20 to 30": "rescale",
    "some wells of the plate have no cells, and each image is normalised by its own percentiles": "fixed limits",
    "your model: AP 0.80 on 50 test images; another: AP 0.83 on 67 images held back from its training set":
        "same images first",
    "a downloaded model reaches AP 0.92 on images of a collection that it was trained on": "own images first",
}


# %% tags=["check", "nbval-check-output"] exercise="what_now"
check.what_now(now)

# %% [markdown]
# ## Exercise 7: how large may a nucleus be? (open)
#
# The function below rescales the image, segments it, and scores the result. Find out between which
# median diameters the checkpoint can be trusted. Where does it break first, at small or at large nuclei, and in
# which way: missed, merged, or cut into pieces? Then use `segment(…, scale=…)` to rescue the worst case. Would
# you do the same with your own images, and how would you choose the factor without a mask?

# %%
def score_at(factor, scale=None):
    """Median diameter of the nuclei and AP@0.5 when the image is enlarged or reduced by a factor."""
    size = rescale(image[:256, :256].astype(float), factor, order=1, anti_aliasing=factor < 1)
    masks = rescale(truth[:256, :256], factor, order=0, preserve_range=True, anti_aliasing=False).astype(int)
    area = np.median(np.unique(masks[masks > 0], return_counts=True)[1])
    found = tools.stardist.segment(size, scale=scale)
    return 2 * np.sqrt(area / np.pi), metrics.match(masks, found, 0.5).average_precision


# %%
rows = [[factor, *score_at(factor)] for factor in (0.5, 1, 2)]  # add more factors
show.table(rows, ["factor", "median diameter (pixels)", "AP@0.5"], digits=2)

# %% [markdown]
# ## What the chapter says, computed
#
# Each line stands for a sentence of the chapter's page, and says what it rests on.

# %% tags=["claims", "nbval-check-output"]
unet, flows = (dsb2018.difference(name, "stardist", 0.9) for name in ("unet", "cellpose"))
loose = [dsb2018.difference(name, "stardist") for name in ("unet", "cellpose")]
largest_in_training = max(i["median_diameter_px"] for i in results["train"]["images"])
unseen = sum(i["median_diameter_px"] > largest_in_training for i in test["images"])
plateau = [ap for ap, value in zip(sweep["prob_thresh"], grids["prob_thresh"]) if 0.25 < value < 0.65]
pairs_by_iou = [metrics.match(truth, prediction, threshold).average_precision for threshold in (0.5, 0.7, 0.9)]
left_out = 1 - (shapes["banana"] & star_polygon(shapes["banana"], 64)).sum() / shapes["banana"].sum()
said, mended, stars = (values[2] for values in by_version.values())
mistake = strict_end["distances"]["mean_error_share_of_radius"]
steps_done = sum(stage["settings"]["epochs"] * stage["settings"]["steps"] for stage in results["stages"])
steps_usual = Config2D().train_epochs * Config2D().train_steps_per_epoch
leads = [other_laboratory.difference(name) for name in learners]
behind = [other_laboratory.difference(name, "voronoi-otsu") for name in learners]
weakest, adaptive = min(leads, key=lambda lead: lead.difference), other_laboratory.difference("voronoi-otsu")
loose_there, strict_there = (other_laboratory.difference("unet", "stardist", iou) for iou in (0.5, 0.75))
lenient, harsh = ({name: ap_there(name, strict=strict) for name in told["methods"]} for strict in (False, True))
costs, last = [1 - harsh[name] / lenient[name] for name in lenient], [min(ap, key=ap.get) for ap in (lenient, harsh)]
forest = learners[0]
whole, halved = (ap_there(name, other_laboratory.SCHWANN) for name in (forest, f"{forest}-half"))
halving = other_laboratory.difference(f"{forest}-half", forest)
width_there = np.median([row["median_diameter_px"] for row in told["sets"][other_laboratory.SCHWANN]["images"]])
spread, of_them = other_cells.ceilings("spread cells"), "spread cells"
attempts = [other_cells.counts(name, of_them, contrast) for name in other_cells.results()["models"] for contrast in other_cells.contrasts(name, of_them)]
most_found = max(counts[:, 0].sum() / counts[:, [0, 2]].sum() for counts in attempts)
false_nuclei = [(own.max(), fixed.max()) for own, fixed in found.values()]
show.claims(
    ("rays-help-what-is-seen", "69b602",
     min(by_rays[name][3] for name in ("disc", "ellipse")) > 0.95 and 0.17 < left_out < 0.2
     and by_rays["banana"] == sorted(by_rays["banana"]),
     f"IoU at 32 rays: disc {by_rays['disc'][3]:.2f}, ellipse {by_rays['ellipse'][3]:.2f}; "
     f"banana {by_rays['banana'][2]:.2f}, {by_rays['banana'][3]:.2f}, {by_rays['banana'][4]:.2f} at 16, 32, 64, "
     f"with {left_out:.0%} left out".replace("%", " %")),
    ("thresholds-plateau", "d2de39", bool(np.ptp(plateau) < 0.05 and sweep["prob_thresh"][-1] < 0.2),
     f"{len(plateau)} probability thresholds from 0.3 to 0.6: AP@0.5 within 0.05; at 0.9 below 0.2"),
    ("missed-nuclei-touch", "0915ef", missed_touching > 0.6 * len(missed) and 0.25 < len(touch) / nuclei.n_objects < 0.4,
     f"more than 60 % of the missed nuclei; of all {nuclei.n_objects} nuclei {len(touch)} touch another one"),
    ("strictness-costs", "8fb52d", pairs_by_iou[0] > 0.75 and pairs_by_iou[2] < 0.3, "AP@0.5 above 0.75, AP@0.9 below 0.3"),
    ("strict-end-is-ours", "663ba8", unet.low > 0.1 and flows.low > 0.1 and all(-0.05 < gain.low and gain.high < 0.05 for gain in loose),
     f"AP@0.5 within 0.05; AP@0.9, difference to StarDist: U-Net {unet.difference:+.3f} ({unet.low:+.3f} to {unet.high:+.3f}), "
     f"flows {flows.difference:+.3f} ({flows.low:+.3f} to {flows.high:+.3f})"),
    ("distances-are-the-limit", "a566fa", mended > 0.7 and said < 0.1 and stars > 0.9 and 0.14 < mistake < 0.19
     and steps_done < steps_usual / 6,
     f"AP@0.9: {said:.3f} as predicted, {mended:.3f} with true distances, {stars:.3f} for perfect stars; mean error of a "
     f"distance {mistake:.0%} of the radius; {steps_done} steps against {steps_usual}".replace("%", " %")),
    ("sizes-unseen", "09fa8b", 10 <= unseen <= 20 and len(test["images"]) == 50,
     f"{unseen} of 50 test images have a median diameter above {largest_in_training:.0f} pixels, the training's largest"),
    ("two-passes-help-small", "58692b", gains["below 16 pixels"].low > 0,
     f"{gains['below 16 pixels'].difference:+.3f} ({gains['below 16 pixels'].low:+.3f} to "
     f"{gains['below 16 pixels'].high:+.3f}) on {gains['below 16 pixels'].n} images"),
    ("learning-travels", "ace20a", all(lead.better == lead.n == 9 and lead.low > 0.3 for lead in leads),
     f"AP@0.5, least of {len(leads)} differences {weakest.difference:+.3f} ({weakest.low:+.3f} to {weakest.high:+.3f}), "
     "all ahead in 9 of 9 images"),
    ("tuning-did-not-travel", "7e4520", adaptive.low > 0 and all(lead.low > 0.2 for lead in behind),
     f"adaptive blur against tuned {adaptive:.3f}; behind every model that has learnt by at least "
     f"{min(lead.difference for lead in behind):.2f}"),
    ("loose-here-too", "f93721", strict_there.better == 9 and strict_there.low > 0.1 and abs(loose_there.difference) < 0.06
     and all(0 < cost < 0.1 for cost in costs) and last == [other_laboratory.TUNED] * 2,
     f"U-Net against StarDist: {loose_there:.3f} at 0.5, {strict_there:.3f} at 0.75; with micronuclei as mistakes, losses of "
     f"{min(costs):.1%} to {max(costs):.1%} of AP@0.5; last either way: Voronoi-Otsu, tuned".replace("%", " %")),
    ("forest-sees-small", "b0cd98", halved > 0.85 and whole < 0.5 and halving.low > 0 and 50 < width_there < 70
     and max(tools.pixel_classifier.SIGMAS) == 8,
     f"agreement {whole:.2f} as it is, {halved:.2f} at half size (RPE1: {halving:.3f}); median nucleus {width_there:.0f} pixels"),
    ("star-is-not-the-reason", "fa88bd", 0.05 < np.mean(spread < 0.9) < 0.15 and np.mean(spread < 0.8) < 0.02 and most_found < 0.05,
     f"{len(spread)} cells: {np.mean(spread < 0.9):.0%} below 0.9, {np.mean(spread < 0.8):.1%} below 0.8; highest share of them found at "
     f"an IoU of 0.5 by any of {len(other_cells.results()['models'])} models, inverted or not: {most_found:.1%}".replace("%", " %")),
    ("round-nuclei-keep-area", "0b6a44", max(abs(area_change), abs(perimeter_change)) < 0.04,
     "median change of area and perimeter below 4 %"),
    ("empty-images-filled", "b39559", max(own for own, _ in false_nuclei) > 100 and not any(fixed for _, fixed in false_nuclei),
     "more than 100 false nuclei in smoothed noise; none with fixed limits"),
)
