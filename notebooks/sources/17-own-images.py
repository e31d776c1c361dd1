# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "17"
#   title: From ten images to the whole experiment
#   extra: "reading,torch"
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# Your own images lie in a folder. This notebook reads such files and asks what they do not tell, has masks examined before a
# network learns from them, draws by lot what is labelled, lets tools race, and brings a folder to a table of measurements.
#
# Five exercises are checked and a sixth is open: it asks for your own folder. Everything runs without network, on small
# images; the same steps for a folder of yours are the commands `course project …`.

# %% tags=["setup"]
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tifffile
import torch

from bioimage_course import check, data, explore, large, metrics, nets, project, show, tools
from bioimage_course.materials import ch17

nets.seed_everything(0)
torch.set_num_threads(1)  # networks this small gain nothing by a second core
colour = show.PALETTE
place = Path(tempfile.mkdtemp())  # everything that this notebook writes lies here

# %% [markdown]
# ## What is in the file?
#
# Two channels and three planes of simulated nuclei, saved as four programs might save them: with the pixel size in µm,
# in nm, without any, and copied by somebody who pulled out the disk half-way.

# %%
planes = [[data.synthetic.nuclei((128, 128), 8, seed=s, photons=p).image for s in (1, 2, 3)] for p in (200, 60)]
stack = np.array(planes)


def save_stack(name, unit, size):
    """An OME-TIFF of two channels and three planes with a pixel size in this unit."""
    told = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    if unit:
        told |= {f"PhysicalSize{axis}": size for axis in "XY"} | {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    tifffile.imwrite(place / name, stack, ome=True, photometric="minisblack", metadata=told)


save_stack("micrometres.ome.tif", "µm", 0.25)
save_stack("nanometres.ome.tif", "nm", 250)
save_stack("silent.ome.tif", None, None)
whole = (place / "micrometres.ome.tif").read_bytes()
_ = (place / "half.ome.tif").write_bytes(whole[: len(whole) // 2])

# %% tags=["nbval-check-output"]
opened = data.open_image(place / "micrometres.ome.tif")
print(opened)
print(opened.plane("GFP", z=1).shape, "one plane;", opened.plane("GFP").shape, "the brightest of all")

# %%
#| label: tbl-own-files
#| tbl-cap: "The same pixels in four files, and what `data.open_image` says of them. The last file is half a copy."
def told(path):
    try:
        found = data.open_image(path)
    except ValueError as error:
        return ["–", "–", str(error)]
    size = f"{found.pixel_size:g} µm" if found.pixel_size else "unknown"
    return [" × ".join(f"{a} {n}" for a, n in zip(found.axes, found.image.shape)), size, "; ".join(found.notes) or "nothing"]


names = ("micrometres.ome.tif", "nanometres.ome.tif", "silent.ome.tif", "half.ome.tif")
show.table([[name, *told(place / name)] for name in names], ["file", "axes", "a pixel", "remarks"])

# %% [markdown]
# What a reader says that hands numbers on, and what one says that opens whatever opens:

# %% tags=["nbval-check-output"]
import bioio
import bioio_ome_tiff

handed_on = bioio.BioImage(place / "nanometres.ome.tif", reader=bioio_ome_tiff.Reader).physical_pixel_sizes.X
with tifffile.TiffFile(place / "micrometres.ome.tif") as file:
    readable = sum(page.dataoffsets[-1] + page.databytecounts[-1] <= len(whole) // 2 for page in file.pages)
right_size = data.open_image(place / "nanometres.ome.tif").pixel_size
print("handed on:", handed_on, "| with its unit:", right_size, "µm")
print("planes that half of the file still holds:", readable, "of 6")

# %% [markdown]
# ## Exercise 1: a length has a unit
#
# Write `convert(value, unit)`: the length of a pixel in µm, from what a file says: a number, and `"µm"`, `"micron"`, `"nm"`,
# `"mm"` or `"m"`. Where nobody knows it (a unit that is none of these, such as `"pixel"` or nothing; a length of 0) return None.
# Two characters look like µ: `"\u00b5"` and `"\u03bc"`.

# %% tags=["exercise"] exercise="pixel_length"
def convert(value, unit):
    raise NotImplementedError


# %% tags=["solution"] exercise="pixel_length"
def convert(value, unit):
    factors = {"µm": 1, "micron": 1, "nm": 1e-3, "mm": 1e3, "m": 1e6}
    factor = factors.get(unit.replace("\u03bc", "µ"))
    return factor * value if factor and value > 0 else None


# %% tags=["check", "nbval-check-output"] exercise="pixel_length"
check.pixel_length(convert)

# %% [markdown]
# ## Drawn by lot, split by replicate
#
# Fifteen images of five mice. How often does a lot over *images* put one mouse on both sides?

# %% tags=["nbval-check-output"]
mice = np.repeat(np.arange(5), 3)
random = np.random.default_rng(0)
lots = [random.permutation(15) for _ in range(1000)]
mixed = np.mean([bool(set(mice[lot[:5]]) & set(mice[lot[5:]])) for lot in lots])
print("at least one mouse on both sides in more than 95 % of the lots:", bool(mixed > 0.95))

# %% [markdown]
# ## Exercise 2: whole replicates
#
# Write `split(names, share, seed)` → `(train, test)`, lists of file names such as `"mouse3_slice2.tif"`: mice are drawn by lot
# for the test, whole, one after the other, until the test has at least `share` of the images; then stop. At least one mouse stays in training,
# whatever the share. The same seed gives the same split.

# %% tags=["exercise"] exercise="split_by_lot"
def split(names, share, seed):
    raise NotImplementedError
    return ..., ...


# %% tags=["solution"] exercise="split_by_lot"
def split(names, share, seed):
    mouse_of = {name: name.split("_")[0] for name in names}
    order = np.random.default_rng(seed).permutation(sorted(set(mouse_of.values())))
    tested = []
    for mouse in order[:-1]:
        if sum(mouse_of[name] in tested for name in names) >= share * len(names):
            break
        tested.append(mouse)
    return [n for n in names if mouse_of[n] not in tested], [n for n in names if mouse_of[n] in tested]


# %% tags=["check", "nbval-check-output"] exercise="split_by_lot"
check.split_by_lot(split)

# %% [markdown]
# ## Are the masks good?
#
# Real nuclei and the mask that was drawn for them, spoilt in nine ways, and what the label doctor says.

# %%
window = np.s_[250:410, 130:290]
nuclei = data.load("nuclei")
image, truth = nuclei.image[window], nuclei.labels[window]
truth = np.unique(truth, return_inverse=True)[1].reshape(truth.shape)


def resized(labels):
    from skimage.transform import resize

    return np.rint(resize(labels[::2, ::2].astype(float), labels.shape, order=1, preserve_range=True)).astype(int)


spoilt = {
    "as it was drawn": truth,
    "one number for all": (truth > 0).astype(np.uint8) * 255,
    "resized with interpolation": resized(truth),
    "moved": ch17.put_wrongly(truth, 9, -7),
    "upside down": truth[::-1],
    "of another zoom": ch17.put_wrongly(truth, scale=0.85),
    "numbers counted to 6": np.where(truth > 6, truth - 6, truth),
    "two that touch joined": np.where(truth == 11, 9, truth),
    "four not drawn": np.where(np.isin(truth, [2, 5, 8, 10]), 0, truth),
}
said = {name: data.diagnose(image, labels) for name, labels in spoilt.items()}

# %%
#| label: fig-own-spoilt
#| fig-cap: "Twelve nuclei under nine masks. Above each what was done to the mask, and behind the arrow what `data.diagnose` says. Only the first is right, and none of the others would stop a training."
#| fig-alt: "Nine panels of the same nuclei with outlined labels: right, binary, with interpolated rims, moved, upside down, too small, with numbers used twice, with joined nuclei, and with nuclei left out."
def panels(pictures, titles, columns=3):
    """Labels over the image, panel by panel."""
    figure, axes = show.figure(3, columns, height=8.4)
    for ax, labels, title in zip(axes.flat, pictures, titles):
        ax.imshow(image, cmap="gray", vmax=150)
        ax.imshow(np.ma.masked_equal(np.asarray(labels) % 20, 0) if labels.max() < 255 else np.ma.masked_equal(labels, 0),
                  cmap="tab20", alpha=0.6, interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
        ax.title.set_fontsize(9)
    return figure


panels(spoilt.values(), [f"{name}\n→ {', '.join(dict.fromkeys(said[name].names)) or 'healthy'}" for name in spoilt])

# %% tags=["nbval-check-output"]
print({name: found.names for name, found in said.items()})

# %%
#| label: tbl-own-findings
#| tbl-cap: "What the label doctor looks for. *Mended*: where it can be done without guessing, `repair()` does."
from bioimage_course.data.diagnosis.findings import KINDS

never = {"empty", "picture", "classes", "merged", "scaled", "unlabelled"}
show.table([[f"`{kind}`", meaning, "no" if kind in never else "yes"] for kind, meaning in KINDS.items()],
           ["finding", "what it means", "mended"])

# %% [markdown]
# What `repair()` makes of the mask that was moved:

# %%
#| label: fig-own-repair
#| fig-cap: "The moved mask of the figure above: its places, and what `repair()` makes of it. What had left the image stays lost."
#| fig-alt: "Left: nuclei with outlines beside them. Right: the same outlines on the nuclei."
said["moved"].figure(alt="Left: nuclei with outlines beside them. Right: the same outlines on the nuclei.")

# %% [markdown]
# What the doctor says of the place of one mask, and how many of its outlines still match, by three mistakes:

# %% tags=["nbval-check-output"]
pixels, masks = ch17.picture_and_masks()
places = {"as drawn": {}, "4 pixels to the left": {"right": -4}, "a tenth too small": {"scale": 0.9}, "mirrored": {"turn": "mirrored"}}
answers = {}
for name, wrong in places.items():
    put = ch17.put_wrongly(masks, **wrong)
    answers[name] = ch17.answer(pixels, put), int(metrics.match(masks, put, 0.5).tp)
    print(f"{name}: {answers[name][0]}; {answers[name][1]} of {masks.max()} still match")

# %% [markdown]
# ### To drag, turn and scale
#
# When does the doctor notice, and when does it not?

# %% tags=["widget"]
explore.mask()

# %% [markdown]
# ## Exercise 3: five spoilt masks
#
# A colleague has sent eight images with masks. Write `find_spoilt(pairs)`: it gets a list of `(image, labels)` and
# returns the numbers, counted from 0, of the masks that are spoilt. Then look at each with `data.diagnose`.

# %% tags=["exercise"] exercise="spoilt_masks"
def find_spoilt(pairs):
    raise NotImplementedError


# %% tags=["solution"] exercise="spoilt_masks"
def find_spoilt(pairs):
    return [number for number, pair in enumerate(pairs) if not data.diagnose(*pair).healthy]


# %% tags=["check", "nbval-check-output"] exercise="spoilt_masks"
check.spoilt_masks(find_spoilt)

# %%
for number, pair in enumerate(ch17.folder_of_masks()):
    print(number, data.diagnose(*pair), sep="\n")

# %% [markdown]
# ## What a network learns from a mask that lies beside its image
#
# Two small U-Nets learn where nuclei are, from the left half of the image: one from the masks as they were drawn, one from
# masks moved by (8, 8) pixels. The right half is kept for scoring.

# %%
def halves(labels):
    """Brightness and foreground of the left and of the right half."""
    bright = data.normalise(nuclei.image, *np.percentile(nuclei.image, (1, 99.8))).astype(np.float32)
    mask = (labels > 0).astype(np.float32)
    return (bright[:, :256], mask[:, :256]), (bright[:, 256:], mask[:, 256:])


def learn(bright, mask, steps=150):
    """A small U-Net trained on crops, and its losses."""
    nets.seed_everything(0)
    network = nets.UNet(1, 1, depth=2, width=8)
    optimiser, losses, random = torch.optim.Adam(network.parameters(), 3e-3), [], np.random.default_rng(0)
    for _ in range(steps):
        corners = [(random.integers(512 - 96), random.integers(256 - 96)) for _ in range(4)]
        crops = [np.stack([part[y : y + 96, x : x + 96] for y, x in corners]) for part in (bright, mask)]
        images, masks = (torch.from_numpy(c)[:, None] for c in crops)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return network.eval(), losses


moved_labels = ch17.put_wrongly(nuclei.labels, 8, 8)
found_by, losses = {}, {}
for name, labels in {"right masks": nuclei.labels, "moved masks": moved_labels}.items():
    network, losses[name] = learn(*halves(labels)[0])
    with torch.no_grad():
        found_by[name] = (network(torch.from_numpy(halves(labels)[1][0])[None, None]) > 0)[0, 0].numpy()
right_half, moved_half = (halves(labels)[1][1] > 0 for labels in (nuclei.labels, moved_labels))
iou_own = metrics.iou(moved_half, found_by["moved masks"])  # against masks that are moved alike
iou_true = metrics.iou(right_half, found_by["moved masks"])
iou_right = metrics.iou(right_half, found_by["right masks"])

# %%
#| label: fig-own-losses
#| fig-cap: "Loss of two networks, one of which learns from masks that lie eight pixels beside their nuclei. Both fall, and neither curve says anything about the masks."
#| fig-alt: "Two falling curves of loss against training step, close to one another."
smooth = {name: np.convolve(values, np.ones(10) / 10, "valid") for name, values in losses.items()}
show.curves(smooth, xlabel="step", ylabel="loss (mean of ten steps)", alt="Two falling loss curves.")

# %%
#| label: tbl-own-moved
#| tbl-cap: "IoU of foreground and mask in the half of the image that was kept apart. A score against masks that are moved alike looks like success."
show.table(
    [["right masks", "right masks", f"{iou_right:.2f}"], ["moved masks", "masks moved alike", f"{iou_own:.2f}"],
     ["moved masks", "right masks", f"{iou_true:.2f}"]],
    ["learnt from", "scored against", "IoU"],
)

# %% [markdown]
# ## A folder as a project
#
# Five mice, three slices each, simulated, so that the truth is known; every mouse is stained otherwise. In the shell the
# steps are `course project new`, `survey`, `draw`, `labels`, `race`, `curve` and `predict`.

# %% tags=["nbval-check-output"]
mine = project.new(place / "mice")
ch17.simulated_mice(mine.folder)
(mine.folder / "raw" / "mouse6_slice0.tif").write_bytes(b"II*\x00 the copy was interrupted here")
surveyed = mine.survey()
print(len(surveyed), "files;", sum(bool(row["problem"]) for row in surveyed), "cannot be read")
drawn = mine.draw(12)
print("train:", sorted({n.split("_")[0] for n in drawn.train}), "test:", sorted({n.split("_")[0] for n in drawn.test}))
print("labels:", {row["findings"] for row in mine.check_labels()})

# %% [markdown]
# Which tool? The images drawn for training choose; the tools have learnt nothing from them. (StarDist and Cellpose join if
# they are installed: leave `tools` away.)

# %%
raced = mine.race(["blobs", "voronoi-otsu", "pixel-classifier", "unet"])

# %%
#| label: tbl-own-race
#| tbl-cap: "A race on the labelled training images of the project. The last column is the paired difference of the best tool and this one at IoU 0.5, with its 95 % interval over mice."
show.table(
    [[row["tool"], *(f"{row[f'ap{at}']:.2f}" for at in (50, 75, 90)), row["best_minus_this"] or "–"] for row in raced.rows],
    ["tool", "AP@0.5", "AP@0.75", "AP@0.9", "best minus this"],
)

# %%
print(raced.verdict)

# %% [markdown]
# ## Exercise 4: are there enough to tell?
#
# Write `judge(first, second, mice)`: scores of two tools on the same images, and the mouse of each image. Return `"first"` or
# `"second"` if the 95 % interval of their difference *over mice* leaves zero on one side, else `"too few"`, also when
# there is only one mouse. `metrics.paired_difference` has an argument `groups`.

# %% tags=["exercise"] exercise="tell_apart"
def judge(first, second, mice):
    raise NotImplementedError


# %% tags=["solution"] exercise="tell_apart"
def judge(first, second, mice):
    if len(set(mice)) < 2:
        return "too few"
    found = metrics.paired_difference(first, second, groups=np.array(mice))
    if found.low > 0:
        return "first"
    return "second" if found.high < 0 else "too few"


# %% tags=["check", "nbval-check-output"] exercise="tell_apart"
check.tell_apart(judge)

# %% [markdown]
# ## Would more labels help?
#
# Now real cells: sixteen tiles of one image, eleven of them drawn for training. Of these a pixel classifier learns from one,
# two, four and seven, in three lots each; four are kept apart, and the test tiles are not touched. The line is the course's U-Net, which was trained on other nuclei.

# %%
real = project.new(place / "slide")
ch17.tiles_of_one_slide(real.folder)
lot = real.draw(16)
print(len(lot.train), "for training,", len(lot.test), "for the test;", lot.note)

# %%
curve = real.curve(draws=3)

# %%
#| label: fig-own-curve
#| fig-cap: "A learning curve on real cells: AP at IoU 0.5 of a pixel classifier on four tiles kept apart, against the number of labelled tiles it has learnt from; points are lots. Dotted: the course's U-Net as it is. All tiles are of one slide."
#| fig-alt: "Line plot of average precision against one to seven labelled tiles with a horizontal dotted line for the U-Net as it is."
curve.figure(alt="Average precision against labelled tiles, and the U-Net as it is.")

# %% tags=["nbval-check-output"]
print(curve.sizes, curve.scores.shape, curve.note)

# %% [markdown]
# ## One scale for the folder
#
# An empty field, as every plate has some: nothing but the camera's noise. Voronoi-Otsu labelling chooses a threshold in each
# image; `large.bright_blobs` is given one, here Otsu's threshold of all pixels of the folder.

# %%
empty = data.synthetic.camera(np.zeros((192, 192)), seed=5)
field = tifffile.imread(mine.folder / "raw" / "mouse3_slice0.tif")
scale = mine.scale()
methods = {
    "a threshold of its own": tools.voronoi_otsu.segment,
    "the threshold of the folder": lambda picture: large.bright_blobs(picture, scale.threshold),
}
counted = {name: [int(method(picture).max()) for picture in (field, empty)] for name, method in methods.items()}

# %%
#| label: fig-own-scale
#| fig-cap: "A field with nuclei and an empty one, each stretched to its own contrast (above) and both on the scale of the folder (below). In the titles: objects counted with a threshold of each image, and with one for the folder."
#| fig-alt: "Four panels. Stretched to their own contrast the empty field is full of noise, with hundreds of objects; on the scale of the folder it is black, with none."
figure, axes = show.figure(2, 2, height=6.2)
shown = [(p, name, counted[name][k]) for name in counted for k, p in enumerate((field, empty))]
for ax, (picture, name, n) in zip(axes.flat, shown):
    low, high = np.percentile(picture, (1, 99.8)) if name.startswith("a ") else scale.limits
    ax.imshow(picture, cmap="gray", vmin=low, vmax=high)
    ax.set(title=f"{name}: {n} objects", xticks=[], yticks=[])
    ax.title.set_fontsize(9)
figure

# %% tags=["nbval-check-output"]
print("objects in the empty field, with the threshold of the folder:", counted["the threshold of the folder"][1])

# %% [markdown]
# ## Exercise 5: the limits of a folder
#
# Write `limits(images)`: percentiles 1 and 99.8 of *all pixels of all images together*. `images` is a generator; the images
# (uint16, of different size) come one by one in the same memory, as when a folder does not fit. `large.percentiles` takes counts.

# %% tags=["exercise"] exercise="folder_limits"
def limits(images):
    raise NotImplementedError
    return low, high


# %% tags=["solution"] exercise="folder_limits"
def limits(images):
    counts = np.zeros(65536, int)
    for image in images:
        counts += np.bincount(image.ravel(), minlength=65536)
    return large.percentiles(counts, (1, 99.8))


# %% tags=["check", "nbval-check-output"] exercise="folder_limits"
check.folder_limits(limits)

# %% [markdown]
# ## The whole folder
#
# Labels, overlays, one table, one paragraph. Then the same call once more.

# %%
predicted = mine.predict("unet")
results = mine.folder / "results" / "predictions" / "unet"
before = {p.name: p.stat().st_mtime_ns for p in (results / "labels").iterdir()}
again = mine.predict("unet")
after = {p.name: p.stat().st_mtime_ns for p in (results / "labels").iterdir()}

# %%
#| label: tbl-own-summary
#| tbl-cap: "`summary.csv`, its first and its last rows: one row a file, also for the one that cannot be read."
show.table(
    [[row["image"], row["replicate"], row["objects"] if row["objects"] != "" else "–", row["problem"] or "none"] for row in predicted[:3] + predicted[-2:]],
    ["image", "replicate", "objects", "problem"],
)

# %%
#| label: tbl-own-measured
#| tbl-cap: "`measurements.csv`, its first rows and some of its columns: one row an object, every length with its unit."
import csv

with open(results / "measurements.csv", newline="", encoding="utf-8") as stream:
    measured = list(csv.DictReader(stream))
columns = ["image", "replicate", "label", "area_px", "area_um2", "diameter_um", "cut_by_border", "mean_channel_0"]
show.table([[row[c] for c in columns] for row in measured[:4]], [f"`{c}`" for c in columns])

# %%
print((results / "methods.md").read_text(encoding="utf-8"))

# %% tags=["nbval-check-output"]
print("computed again:", sum(before[name] != after[name] for name in before), "of", len(before))
print("rows with a problem:", sum(bool(row["problem"]) for row in again), "| same as before:", again == predicted)

# %% tags=["claims", "nbval-check-output"]
mouse_of = np.array([name.split("_")[0] for name in drawn.train])
ranks = [raced.by_image[row["tool"]] for row in raced.rows]
gaps = [metrics.paired_difference(a, b, groups=mouse_of) for a, b in zip(ranks, ranks[1:])]
fell = {name: np.mean(values[-20:]) < 0.6 * np.mean(values[:20]) for name, values in losses.items()}
named = {name: found.names for name, found in said.items()}
means, unet = curve.scores.mean(axis=1), curve.as_is["unet"]
own_threshold, one_threshold = (counted[name][1] for name in counted)
show.claims(
    ("handed-on", "ff68b0", handed_on == 1000 * right_size, "1 file"),
    ("half-readable", "e72205", 0 < readable < 6, "1 file of 6 planes"),
    ("mouse-on-both", "91998a", mixed > 0.95, f"{len(lots)} lots"),
    ("eight-named", "7f3c61", [not names for names in named.values()] == [True] + [False] * 8, "9 masks of 1 image"),
    ("tenth-unnoticed", "36f2be", answers["a tenth too small"][0] == "nothing" and answers["a tenth too small"][1] < 6 and answers["4 pixels to the left"][0] == "shifted", "12 nuclei of 1 image"),
    ("both-losses-fall", "1b26da", all(fell.values()), "1 image, 1 seed"),
    ("moved-looks-good", "1e48c1", iou_own > 0.6 and iou_true < 0.4, "half an image, 1 seed"),
    ("three-mice", "de4a69", gaps[0].low > 0 and gaps[1].low <= 0 <= gaps[1].high, f"{len(mouse_of)} images of {gaps[0].n} mice, simulated"),
    ("seven-tiles", "921553", means[0] < unet - 0.1 and abs(means[-1] - unet) < 0.1, f"{curve.scores.shape[1]} lots, {len(curve.kept_apart)} tiles of 1 slide"),
    ("empty-field", "95c38c", own_threshold > 50 and one_threshold == 0, "1 empty field"),
    ("nothing-twice", "80d251", before == after and again == predicted and bool(again[-1]["problem"]), f"{len(before)} images, 1 broken file"),
)

# %% [markdown]
# ## Exercise 6: your own folder (open)
#
# `project.new("my-experiment")` makes a folder. Copy ten of your images into `raw/`, fill in `project.yml`, and go through
# the steps. What did the survey tell you that you did not know? Is the interval of your race over replicates or over
# images of one replicate? And which of your masks did the doctor complain about?

# %%
shutil.rmtree(place, ignore_errors=True)
