# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "16"
#   title: Large images, clusters and sharing models
#   extra: "practice,stardist,torch"
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# A notebook works once, on one image, while you watch. A laboratory needs the same result for ten thousand images, and
# for one that is larger than the memory, while nobody watches. You will segment a folder and a large image block by block,
# share the work among jobs, pack a trained model so that somebody else gets the same numbers, and compare training from
# nothing with fine-tuning.
#
# Ten exercises are checked and an eleventh is open. Everything runs without network, on small images; what takes longer
# was measured by `training/large_image.py`, and the notebook shows its results.

# %% tags=["setup"]
import copy
import functools
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import tifffile
import torch

from bioimage_course import check, compat, data, explore, large, metrics, nets, show, tools
from bioimage_course.materials.ch16 import shelf

compat.prepare("stardist")  # Keras 2, before TensorFlow is imported
warnings.filterwarnings("ignore", message="(?s).*halo.*")  # too narrow ones are tried on purpose below
colour = show.PALETTE
place = Path(tempfile.mkdtemp())  # everything that this notebook writes lies here

# %% [markdown]
# ## A folder of images
#
# Four images; one of them is not an image at all. `large.label_folder` takes any function
# `segment(image) -> labels`. Here it is a classical one with one threshold for *all* images.

# %%
nuclei = data.load("nuclei").image
folder = place / "plate"
folder.mkdir(exist_ok=True)
for name, part in {"A01": nuclei[:256, :256], "A02": nuclei[:256, 256:], "B01": nuclei[256:, :256]}.items():
    tifffile.imwrite(folder / f"{name}.tif", part)
(folder / "B02.tif").write_text("the copy was interrupted here")

threshold = large.otsu(large.histogram(nuclei))
segment = functools.partial(large.bright_blobs, threshold=threshold, spot_sigma=4)
rows = large.label_folder(folder, segment, place / "plate-labels")

# %%
#| label: tbl-folder
#| tbl-cap: "A folder, segmented image by image. The broken file does not stop the others, and its row says that something is wrong."
show.table(
    [[row["image"], "–" if row["objects"] is None else row["objects"], row["problem"].split(":")[0] or "none"] for row in rows],
    ["image", "objects", "problem"],
)

# %% [markdown]
# Once more: nothing is computed again. Another threshold in the same folder would mix two analyses, and is refused.

# %% tags=["nbval-check-output"]
before = {p.name: p.stat().st_mtime_ns for p in (place / "plate-labels").glob("*.tif")}
large.label_folder(folder, segment, place / "plate-labels")
after = {p.name: p.stat().st_mtime_ns for p in (place / "plate-labels").glob("*.tif")}
print("label images left alone:", before == after, len(after))
try:
    other = functools.partial(large.bright_blobs, threshold=2 * threshold)
    large.label_folder(folder, other, place / "plate-labels")
except ValueError as error:
    print(error)

# %% [markdown]
# ## Exercise 1: one broken file stops nothing
#
# Write the loop yourself: `run_folder(paths, segment, save)`. For each path let `labels = segment(path)`, then
# `save(path, labels)`; both may raise an error. Whatever is wrong with one file, the others go on. Return a dictionary: the
# paths that failed, and what was wrong. The stop button (`KeyboardInterrupt`) must still stop.

# %% tags=["exercise"] exercise="run_folder"
def run_folder(paths, segment, save):
    raise NotImplementedError
    for path in paths:
        save(path, segment(path))


# %% tags=["solution"] exercise="run_folder"
def run_folder(paths, segment, save):
    problems = {}
    for path in paths:
        try:
            save(path, segment(path))
        except Exception as error:
            problems[path] = f"{type(error).__name__}: {error}"
    return problems


# %% tags=["check", "nbval-check-output"] exercise="run_folder"
check.run_folder(run_folder)

# %% [markdown]
# ## Exercise 2: whole or not at all
#
# What made the second run safe? A file that is there is *complete*. Write `save(path, write)`: if `path` is there,
# return False and do nothing. Otherwise let `write(…)` make the file, in such a way that a crash in the middle never
# leaves half a file under the final name, and return True. `write(target)` writes to whatever path it is given.

# %% tags=["exercise"] exercise="save_once"
def save(path, write):
    raise NotImplementedError
    return True


# %% tags=["solution"] exercise="save_once"
def save(path, write):
    if path.exists():
        return False
    temporary = path.with_name(path.name + ".unfinished")
    write(temporary)
    os.replace(temporary, path)  # one step: the file has its name, and all of its content, or neither
    return True


# %% tags=["check", "nbval-check-output"] exercise="save_once"
check.save_once(save)

# %% [markdown]
# ## An image in blocks
#
# A "slide" of 1024 × 1024 pixels, the built-in nuclei mirrored side by side, stored as OME-Zarr in chunks of 256 × 256.
# It is small enough to be segmented in one piece as well, so that we can compare.

# %%
small = np.pad(nuclei, ((0, 512), (0, 512)), mode="symmetric")
array = large.create(place / "slide.ome.zarr", small.shape, small.dtype, block=256, pixel_size=0.5)
array[:] = small
slide = large.open_image(place / "slide.ome.zarr")  # nothing is read yet
piece = segment(slide[:])  # in one piece

# %% tags=["nbval-check-output"]
print(slide.shape, slide.dtype, "in chunks of", slide.chunks)
meta = json.loads((place / "slide.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
print("OME-Zarr", meta["version"], "axes", [axis["name"] for axis in meta["multiscales"][0]["axes"]],
      "pixel", meta["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"])

# %% [markdown]
# ### The file that a microscope leaves
#
# It has more axes: time, channels, planes. Here is one with three channels, of version 0.4 of the format. Which pixels are meant?

# %% tags=["nbval-check-output"]
stained = place / "stained.ome.zarr"
if stained.exists():
    shutil.rmtree(stained)
array = large.create(stained, (1, 3, 2, 512, 512), np.uint16, axes="tczyx", channels=["DAPI", "actin", "tubulin"],
                     pixel_size=0.25, z_step=1.5, block=256, version="0.4")
array[0, 0, 1] = nuclei
try:
    large.open_image(stained)
except ValueError as error:
    print(error)
plane = large.open_image(stained, channel="DAPI", z=1)
print(plane.shape, plane.spacing)

# %% [markdown]
# Segmented in blocks, the labels keep scale, unit and place, and go where other programs look for them: into the group `labels` of
# the image. Labels and image are pyramids with the same number of levels. What the files say now:

# %% tags=["nbval-check-output"]
large.add_levels(stained)
done = large.label_image(plane, segment, place / "stained-labels.ome.zarr", block=256, halo=80)
inside = large.add_labels(plane, large.open_image(done.path), "nuclei")
levels = json.loads((inside / ".zattrs").read_text())["multiscales"][0]["datasets"]
for level in levels:
    print(level["path"], {step["type"]: step[step["type"]] for step in level["coordinateTransformations"]})

# %% [markdown]
# Does a library that did not write it understand it? `ome-zarr` reads the labels, and so do we:

# %% tags=["nbval-check-output", "stderr-ok"]
from ome_zarr.format import FormatV04
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

found_there = [node.data[0] for node in Reader(parse_url(str(inside), fmt=FormatV04()))() if node.data]
read = next(array for array in found_there if array.dtype == np.int32)  # the image that they belong to is found as well
labels_again = large.open_image(inside)
print("read by ome-zarr as written:", bool(np.array_equal(np.asarray(read).squeeze(), labels_again[:])))
print("height and width of a pixel kept:", labels_again.spacing == plane.spacing)

# %% [markdown]
# ## Exercise 3: where on the slide?
#
# An object has its centre in row 10, column 8 of some level. Write `place_on_slide(steps, pixel)`: the place (y, x) in the units of
# the file. `steps` are the coordinate transformations of the level, as printed above but for rows and columns only, such as
# `[{"type": "scale", "scale": [0.5, 0.5]}, {"type": "translation", "translation": [100.0, 40.0]}]`; the translation may be absent.

# %% tags=["exercise"] exercise="place_on_slide"
def place_on_slide(steps, pixel):
    raise NotImplementedError


# %% tags=["solution"] exercise="place_on_slide"
def place_on_slide(steps, pixel):
    found = np.array(pixel, float)
    for step in steps:
        if step["type"] == "scale":
            found = found * step["scale"]
        else:
            found = found + step["translation"]
    return found


# %% tags=["check", "nbval-check-output"] exercise="place_on_slide"
check.place_on_slide(place_on_slide)

# %% [markdown]
# ## Blocks of their own
#
# Now each block of the slide alone, first without any surroundings.

# %%
naive = np.zeros(small.shape, int)
for block in large.blocks(slide.shape, 256, 0):
    labels = segment(slide[block.core])
    naive[block.core] = np.where(labels > 0, labels + naive.max(), 0)

# %%
#| label: fig-seams
#| fig-cap: "A corner where four blocks meet (dashed lines). Left, in one piece. Middle, each block alone: nuclei on the line are cut in two, and each half is counted. Right, with a halo of 32 pixels: the same outlines as on the left."
#| fig-alt: "Three panels of the same crop with about nine bright nuclei and their outlines, crossed by a faint vertical and horizontal dashed line. In the middle panel a nucleus that lies on the crossing is cut by straight outlines along both lines; left and right it is whole, and the panels look the same."
done = large.label_image(slide, segment, place / "labels.ome.zarr", block=256, halo=32)
blockwise = large.open_image(done.path)[:]
window = np.s_[186:326, 186:326]
figure, panels = show.figure(1, 3, height=2.7)
for axes, labels, title in zip(panels, (piece, naive, blockwise), ("in one piece", "blocks, no halo", "blocks with halo")):
    axes.imshow(np.sqrt(small[window]), cmap="gray")
    for number in np.unique(labels[window]):
        if number:
            axes.contour(labels[window] == number, [0.5], colors=colour["orange"], linewidths=1.4)
    for line in (axes.axhline, axes.axvline):
        line(69.5, color=colour["sky"], ls=(0, (2, 4)), lw=0.8)
    axes.set_title(title)
    axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print("in one piece:", int(piece.max()), "objects; blocks without halo:", int(naive.max()))
print("blocks with halo:", done.objects, "objects, identical:", large.identical(piece, blockwise))

# %% [markdown]
# Try it: move the halo until every object is whole; then make it larger and watch the price.

# %% tags=["widget"]
explore.blocks()

# %% [markdown]
# ## Exercise 4: whose object is it?
#
# Two blocks see a nucleus on the line between them. Write `keep(labels, core)`: of the objects in a crop keep those
# whose centre (the mean of their pixels' rows and columns) lies in the core, `core = (top, left, bottom, right)`, with
# top and left included and bottom and right not. An object is kept whole, also what reaches into the halo, and with its
# number; all others become 0.

# %% tags=["exercise"] exercise="own_objects"
def keep(labels, core):
    raise NotImplementedError
    top, left, bottom, right = core
    kept = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        ...
    return kept


# %% tags=["solution"] exercise="own_objects"
def keep(labels, core):
    top, left, bottom, right = core
    kept = np.zeros_like(labels)
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        if top <= rows.mean() < bottom and left <= columns.mean() < right:
            kept[labels == number] = number
    return kept


# %% tags=["check", "nbval-check-output"] exercise="own_objects"
check.own_objects(keep)

# %% [markdown]
# ## How wide must the halo be?

# %%
halos = (0, 4, 8, 12, 16, 24, 32, 48)
runs = [
    large.label_image(slide, segment, place / f"halo-{halo}.ome.zarr", block=256, halo=halo) for halo in halos
]
alike = [large.identical(piece, large.open_image(run.path)[:]) for run in runs]

# %%
#| label: fig-halo
#| fig-cap: "What too small a halo costs, on the small slide with blocks of 256 pixels. Objects that come out exactly as in one piece (left), and objects that the blocks count (right), against the width of the halo; the dashed line is the result in one piece. The safe width, longest object plus reach of the method, is marked; here less would have done."
#| fig-alt: "Two line plots against the halo from 0 to 48 pixels. Left: identical objects rise steeply from a low value and reach the dashed line by 24 pixels. Right: counted objects fall from above to the dashed line and stay there. A vertical dotted line to the right marks the safe width."
safe = large.longest(piece) + 16  # four times spot_sigma
figure, panels = show.figure(1, 2, height=2.9)
for axes, values, label in zip(panels, (alike, [run.objects for run in runs]), ("identical objects", "counted objects")):
    axes.plot(halos, values, "o-", color=colour["blue"])
    axes.axhline(piece.max(), color=colour["vermilion"], ls="--")
    axes.axvline(safe, color="grey", ls=":")
    axes.set(xlabel="halo (pixels)", ylabel=label)
figure

# %%
#| label: tbl-touching
#| tbl-cap: "You need no result in one piece to see that a halo is too small: count the kept objects that touch its rim. The cost of a halo, last column, is the number of pixels computed for each pixel of the image."
def computed(halo):
    return sum(np.prod([s.stop - s.start for s in b.crop]) for b in large.blocks(slide.shape, 256, halo)) / slide.size


show.table(
    [[halo, run.objects, number, run.touching, f"{computed(halo):.2f}"] for halo, run, number in zip(halos, runs, alike)],
    ["halo", "objects", "identical", "touching", "cost"],
)

# %% tags=["nbval-check-output"]
print("from a halo of 24 on everything is identical:", all(n == piece.max() for n, h in zip(alike, halos) if h >= 24))

# %% [markdown]
# ### A network in blocks
#
# Now the course's StarDist network instead of the classical method, with limits of the whole slide. It halves the image
# four times on its way down, so its answers depend on where the grid of sixteen pixels begins. First without any blocks:
# one crop, cut out at different places, against the same objects of the whole slide.

# %%
slide_limits = large.percentiles(large.histogram(slide))
by_stars = functools.partial(tools.stardist.segment, limits=slide_limits)
needs = large.tiling(by_stars)
stars = by_stars(slide[:])


def same_inside(start, side=640):
    """Objects of a crop that lie deep inside it: how many there are in the whole, and how many come out the same."""
    margin = needs.reach
    inner = np.s_[start + margin : start + side - margin, start + margin : start + side - margin]
    chosen = np.setdiff1d(np.unique(stars[inner]), 0)
    whole = np.where(np.isin(stars, chosen), stars, 0)[start : start + side, start : start + side]
    return len(chosen), metrics.match(whole, by_stars(slide[start : start + side, start : start + side]), 0.999).tp


starts = (256, 257, 264, 272)
offsets = {start: same_inside(start) for start in starts}

# %%
#| label: tbl-offsets
#| tbl-cap: "A crop of 640 × 640 pixels of the slide, cut out at four places, through StarDist: objects that lie further inside than the network can see, and how many of them are the same (IoU at least 0.999) as in the slide in one piece. Only crops that start at a multiple of the network's stride give all."
show.table(
    [[start, f"{start % needs.stride}", *offsets[start]] for start in starts],
    ["first row and column", "remainder, divided by the stride", "objects", "the same"],
)

# %% [markdown]
# `large.label_image` asks the tool for its stride and starts its crops there, whatever the halo. What remains is the
# width: how far the network sees, and how far the nuclei of this image reach from their centres. It says that, too, after
# the run, and whether the halo was wide enough to promise the objects of the slide in one piece.

# %%
field = slide[:768, :768]
field_stars = by_stars(field)
star_runs = {
    halo: large.label_image(field, by_stars, place / f"stars-{halo}.ome.zarr", block=256, halo=halo)
    for halo in (0, 33, 101, 137, 150)
}
star_labels = {halo: large.open_image(run.path)[:] for halo, run in star_runs.items()}
star_same = {halo: metrics.match(field_stars, labels, 0.999).tp for halo, labels in star_labels.items()}

# %%
#| label: tbl-stars
#| tbl-cap: "StarDist in blocks of 256 pixels on 768 × 768 pixels of the slide, against one piece, for several halos, odd ones too. The same: pairs of objects with an IoU of at least 0.999. Reach: how far the network sees on its worst side, plus how far the objects found reach from their centres. Promised: the halo covers the reach."
show.table(
    [[halo, run.objects, star_same[halo], run.touching, run.reach, "yes" if run.exact else "no"] for halo, run in star_runs.items()],
    ["halo", f"objects ({len(np.unique(field_stars)) - 1} in one piece)", "the same", "touching", "reach", "promised"],
)

# %% [markdown]
# ## Exercise 5: where does a crop start?
#
# Write `aligned_crop(start, stop, halo, stride, length)`, along one axis: first and last-plus-one pixel of the crop for a block from
# `start` to `stop` in an image of `length` pixels. The halo has at least `halo` pixels on both sides, except at the image's ends, the
# crop starts at a multiple of `stride`, and nothing is computed without need.

# %% tags=["exercise"] exercise="aligned_crop"
def aligned_crop(start, stop, halo, stride, length):
    raise NotImplementedError
    return first, last


# %% tags=["solution"] exercise="aligned_crop"
def aligned_crop(start, stop, halo, stride, length):
    first = max(start - halo, 0) // stride * stride
    return first, min(stop + halo, length)


# %% tags=["check", "nbval-check-output"] exercise="aligned_crop"
check.aligned_crop(aligned_crop)

# %% [markdown]
# StarDist's own mode for large images, on the same field. It cuts by another rule: overlaps that hold any object, and a context
# that is thrown away.

# %% tags=["nbval-check-output"]
scaled_field = data.normalise(field, *slide_limits)
big, _ = tools.stardist.course_model().predict_instances_big(
    scaled_field, axes="YX", block_size=512, min_overlap=96, context=112, show_progress=False
)
big_ap = metrics.average_precision(field_stars, big, (0.5, 0.9))
print("AP against one piece at least 0.95 at 0.5 and at 0.9:", bool(min(big_ap) >= 0.95))

# %% [markdown]
# Cellpose is another matter: it cuts tiles of its own, whose places depend on the size of what it is given, and its pixels walk
# along the flows through all of it. No halo promises the same objects; blocks are scored by their agreement with one piece.
# And one mirrored image is not enough to say how well blocks agree. So `training/blockwise.py` cut real fields of DSB2018's test
# images, which differ in size and density of their nuclei, in two sizes of block:

# %%
blockwise_rows = large.results("blockwise")["rows"]
fields = list(dict.fromkeys(row["image"] for row in blockwise_rows))


def of(tool, block, halo, key="ap90"):
    """A score of every field, in their order, for one way of cutting."""
    chosen = {row["image"]: row[key] for row in blockwise_rows
              if (row["tool"], row["block"]) == (tool, block) and row["halo"] == halo}
    return [chosen[name] for name in fields]


titles = {"stardist": "StarDist", "unet": "U-Net", "cellpose": "Cellpose flows"}
ways_cut = [(256, 0, "no halo"), (192, 64, "halo 64"), (256, 64, "halo 64"), (256, 168, "halo 168, beside the stride"), (256, 176, "halo 176, on the stride")]

# %%
#| label: tbl-blockwise
#| tbl-cap: "Real fields of 512 × 512 pixels in blocks against the same field in one piece, with one pair of limits a field: mean AP over the fields at IoU 0.5 and 0.9, the lowest of any field at 0.9, and the share of the objects that are the same (IoU at least 0.999). A halo of 176 covers the reach of StarDist and the U-Net in these fields; the one of 168 does as well, but its crops start between the poolings."
cut_rows = []
for tool, title in titles.items():
    for block, halo, words in ways_cut:
        if tool == "cellpose" and halo > 64:
            continue
        ap50, ap90 = of(tool, block, halo, "ap50"), of(tool, block, halo)
        same = sum(of(tool, block, halo, "same")) / sum(of(tool, block, halo, "whole"))
        cut_rows.append([title, block, words, f"{np.mean(ap50):.3f}", f"{np.mean(ap90):.3f}", f"{min(ap90):.3f}", f"{same:.0%}"])
show.table(cut_rows, [f"method ({len(fields)} fields)", "block", "cut", "AP@0.5", "AP@0.9", "lowest AP@0.9", "the same"])

# %% tags=["nbval-check-output"]
print(len(fields), "fields,", sum(of("stardist", 256, 0, "whole")), "objects of StarDist in one piece")
for tool, title in titles.items():
    print(title, "a halo of 64 minus none, AP@0.9:", metrics.paired_difference(of(tool, 256, 64), of(tool, 256, 0)))

# %% [markdown]
# ## One scale for all
#
# The halo is not the only thing that must fit. If each block chooses its own threshold (or its own percentiles), a
# nucleus is judged differently on the two sides of a line. Worst is a block without any nuclei.

# %%
rng = np.random.default_rng(0)
patchy = small.astype(float) + rng.normal(20, 3, small.shape)
patchy[300:800, 300:800] = rng.normal(20, 3, (500, 500))  # a hole in the tissue: nothing but noise
patchy = np.clip(np.rint(patchy), 0, 65535).astype(np.uint16)


def own_threshold(crop):
    return large.bright_blobs(crop, large.otsu(large.histogram(crop)), spot_sigma=4)


one = functools.partial(large.bright_blobs, threshold=large.otsu(large.histogram(patchy)), spot_sigma=4)
found = {
    name: large.label_image(patchy, method, place / f"{name}.ome.zarr", block=256, halo=32)
    for name, method in {"own": own_threshold, "one": one}.items()
}

# %%
#| label: fig-own-threshold
#| fig-cap: "The same slide with a hole in the tissue. Left, each block has chosen its own threshold, as if it were an image of its own: the block that lies wholly in the hole, halo included, finds \"nuclei\" in its noise, and others at the edge of the hole find too much or too little. Right, one threshold for the whole image."
#| fig-alt: "Two panels of a field of nuclei with a dark square hole in the middle, objects outlined. Left, a part of the hole is full of small outlined specks, with straight edges. Right, the hole is empty."
figure, panels = show.figure(1, 2, height=3.6)
for axes, name, title in zip(panels, ("own", "one"), ("a threshold for each block", "one threshold for all")):
    labels = large.open_image(found[name].path)[:]
    axes.imshow(np.sqrt(patchy), cmap="gray")
    axes.contour(labels > 0, [0.5], colors=colour["orange"], linewidths=0.5)
    axes.set_title(f"{title}: {found[name].objects} objects", fontsize=10)
    axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print("one threshold, as in one piece:",
      large.identical(one(patchy), large.open_image(found["one"].path)[:]) == found["one"].objects)
print("own thresholds find more:", found["own"].objects > 1.2 * found["one"].objects)

# %% [markdown]
# ## Exercise 6: limits of an image that you never hold
#
# Write `limits(blocks)`: the percentiles 1 and 99.8 of an image of uint16 whose blocks come one after another, from a
# generator that reuses its memory, as a camera does. So a block must be dealt with as it comes.

# %% tags=["exercise"] exercise="global_limits"
def limits(blocks):
    raise NotImplementedError
    counts = np.zeros(65536, int)  # how often each grey value occurs
    for block in blocks:
        ...
    return low, high


# %% tags=["solution"] exercise="global_limits"
def limits(blocks):
    counts = np.zeros(65536, int)
    for block in blocks:
        counts += np.bincount(block.ravel(), minlength=65536)
    cumulative = np.cumsum(counts)
    places = np.array([0.01, 0.998]) * (cumulative[-1] - 1)
    low, high = np.searchsorted(cumulative, places, side="right")
    return low, high


# %% tags=["check", "nbval-check-output"] exercise="global_limits"
check.global_limits(limits)

# %% [markdown]
# ## Workers
#
# The same call, now by two worker processes of `dask.distributed`. Only `client=` is new. On a cluster the two lines
# that make the client are others, and nothing else changes.

# %%
from dask.distributed import Client, LocalCluster

cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)
client = Client(cluster)
by_workers = large.label_image(
    slide, segment, place / "by-workers.ome.zarr", block=256, halo=32, client=client
)
client.close()
cluster.close()

# %% tags=["nbval-check-output"]
print("numbered alike, whoever computed what:",
      np.array_equal(large.open_image(by_workers.path)[:], blockwise))

# %% [markdown]
# Take three finished blocks away, as if the run had been stopped before them, and call again:

# %% tags=["nbval-check-output"]
parts = sorted((place / "by-workers.ome.zarr.parts").glob("r*.npz"))
for path in parts[5:8]:
    path.unlink()
again = large.label_image(slide, segment, place / "by-workers.ome.zarr", block=256, halo=32)
print("blocks:", again.blocks, "computed now:", again.computed, "objects:", again.objects)

# %% [markdown]
# ### A job array
#
# A cluster without Dask: the same script is started many times, and each job takes its share of a folder. Here three jobs are three
# processes. One image is too large for the memory that the jobs have asked for, and the system kills the job that meets it
# (`MEMORY` stands for the system).

# %%
script = '''
import os, signal, sys
from bioimage_course import large

def segment(image):
    if image.nbytes > int(os.environ["MEMORY"]):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return large.bright_blobs(image, 47.0, spot_sigma=4)

if __name__ == "__main__":
    share = tuple(map(int, sys.argv[1:])) or None  # this job, and how many there are
    large.label_folder("images", segment, "labels", share=share)
'''
array_place = place / "array"
if array_place.exists():
    shutil.rmtree(array_place)
(array_place / "images").mkdir(parents=True)
(array_place / "job.py").write_text(script)
for number in range(8):
    size = 256 if number == 4 else 128  # one is larger
    top, left = divmod(number, 3)
    tifffile.imwrite(array_place / "images" / f"{number}.tif", nuclei[top * 128 : top * 128 + size, left * 128 : left * 128 + size])


def submit(*shares, memory):
    """Start a process for each share, wait, and return the numbers of those that were killed."""
    environment = os.environ | {"MEMORY": str(memory)}
    jobs = [subprocess.Popen([sys.executable, "job.py", *map(str, share)], cwd=array_place, env=environment, stderr=subprocess.DEVNULL) for share in shares]
    return [share[0] for share, job in zip(shares, jobs) if job.wait() != 0]


def finished():
    return {path.name: path.stat().st_mtime_ns for path in (array_place / "labels").glob("*_labels.tif")}


killed = submit((0, 3), (1, 3), (2, 3), memory=50_000)
after_first = finished()
killed_again = submit((1, 3), memory=500_000)  # the same job, with more memory
submit((), memory=1)  # the same script without a share collects; if it computed anything now, it would be killed
collected = (array_place / "labels" / "summary.csv").read_text().splitlines()

# %% tags=["nbval-check-output"]
print("killed:", killed, "then:", killed_again, "label images:", len(after_first), "then:", len(finished()))
print("left alone:", after_first.items() <= finished().items(), "rows of the summary:", len(collected) - 1)

# %% [markdown]
# ## Exercise 7: which images are mine?
#
# Write `array_share(names, job, jobs)`: the images that job number `job` (from 0) of `jobs` takes. Every image has exactly one job,
# no share is larger than another by more than one, and every node may list the folder in another order.

# %% tags=["exercise"] exercise="array_share"
def array_share(names, job, jobs):
    raise NotImplementedError


# %% tags=["solution"] exercise="array_share"
def array_share(names, job, jobs):
    return sorted(names)[job::jobs]


# %% tags=["check", "nbval-check-output"] exercise="array_share"
check.array_share(array_share)

# %% [markdown]
# ### The large one
#
# `training/large_image.py` did the same with 16,384 × 16,384 pixels, and killed one of the two workers on the way.

# %%
measured = large.results()
huge = measured["large"]

# %%
#| label: fig-killed
#| fig-cap: "Two workers on the large image; at the dashed line one of them is killed. The other one goes on, Dask starts a new worker, and the block that was lost is computed again: the curve bends a little, and ends at the full number of blocks."
#| fig-alt: "Number of finished blocks against seconds: a rising, nearly straight line from 0 to all blocks, with a vertical dashed line at about a quarter of the way."
figure, axes = show.figure(height=2.8)
axes.plot(huge["finished_at"], np.arange(1, len(huge["finished_at"]) + 1), color=colour["blue"])
axes.axvline(huge["killed_at"], color=colour["vermilion"], ls="--", label="one worker killed")
axes.axhline(huge["blocks"], color="grey", lw=0.8)
axes.set(xlabel="seconds", ylabel="finished blocks", xlim=(0, None), ylim=(0, None))
axes.legend(loc="lower right")
figure

# %%
#| label: tbl-large
#| tbl-cap: "The large image, measured on the machine of the last row. Peak memory is that of all processes together: scheduler, both workers and the script; memory that they share is counted more than once."
machine = measured["machine"]
show.table(
    [
        ["image", f"{huge['side']:,} × {huge['side']:,} pixels, {huge['gigabytes']:.2f} GB"],
        ["blocks", f"{huge['blocks']} of {huge['block']} pixels, halo {huge['halo']}"],
        ["objects", f"{huge['objects']:,}, each with a number of its own; touching the rim: {huge['touching']}"],
        ["time with two workers, one of them killed", f"{huge['seconds']:.0f} s"],
        ["peak memory, all processes", f"{huge['peak_mb_together'] / 1000:.2f} GB"],
        ["peak memory, largest process", f"{huge['peak_mb_largest_process'] / 1000:.2f} GB"],
        ["the same call again", f"{huge['rerun']['computed']} blocks computed, {huge['rerun']['seconds']:.1f} s"],
        [f"again, after {huge['resumed']['missing']} blocks were taken away", f"{huge['resumed']['computed']} blocks computed"],
        ["other work on the machine", f"load {huge['load_before']:.1f} before the start" if "load_before" in huge else "some"],
        ["machine", f"{machine['system']} {machine['processor']}, {machine['cores']} cores, Python {machine['python']}"],
    ],
    ["what", "measured"],
)

# %%
#| label: tbl-speed
#| tbl-cap: "One worker and two, on 6,144 × 6,144 pixels of the same kind, in turns; seconds of the call alone, without starting the workers."
speed = measured["speed"]
show.table(
    [[n, ", ".join(f"{s:.1f}" for s in seconds), f"{min(speed['seconds']['1']) / min(seconds):.2f}"]
     for n, seconds in speed["seconds"].items()],
    ["workers", "seconds, each round", "speed-up (best rounds)"],
)

# %%
#| label: tbl-whole
#| tbl-cap: "Images that fit into memory, in one piece and in blocks with a halo: is the result the same?"
whole, halo_test = measured["whole"], measured["halo"]
own = halo_test["own_threshold"]
largest_halo = halo_test["rows"][-1]
show.table(
    [
        [f"{whole['side']:,} × {whole['side']:,}", huge["block"], huge["halo"], whole["objects_in_one_piece"],
         whole["objects_in_blocks"], whole["identical"]],
        [f"{halo_test['side']:,} × {halo_test['side']:,}", halo_test["block"], largest_halo["halo"], halo_test["objects"],
         largest_halo["objects"], largest_halo["identical"]],
        [f"{halo_test['side']:,} × {halo_test['side']:,}, own thresholds", halo_test["block"], own["halo"],
         halo_test["objects"], own["objects"], own["identical"]],
    ],
    ["pixels", "block", "halo", "objects in one piece", "in blocks", "identical"],
)

# %% tags=["nbval-check-output"]
print("peak below 2 GB:", huge["peak_mb_together"] < 2000)
print("nothing lost:", huge["numbers_in_the_labels"] == huge["objects"] == huge["resumed"]["objects"])
print("in blocks as in one piece:", whole["identical"] == whole["objects_in_one_piece"] == whole["objects_in_blocks"])

# %% [markdown]
# ## A model in a parcel
#
# The course's classifier of blood cells in the format of the BioImage Model Zoo: one zip file with weights, a
# description (`rdf.yaml`), documentation, a test input, and the output that belongs to it.

# %%
compat.prepare("bioimageio")
import bioimageio.core
from bioimageio.core.digest_spec import create_sample_for_model
from bioimageio.spec.model import v0_5 as zoo

parcel = place / "parcel"
parcel.mkdir(exist_ok=True)
model = nets.cell_classifier()
test_input = np.stack([cell.image for cell in data.load("blood-cells")[:4]]).transpose(0, 3, 1, 2).astype(np.float32)
with torch.no_grad():
    test_output = model(torch.from_numpy(test_input) / 255).numpy()
np.save(parcel / "input.npy", test_input)
np.save(parcel / "output.npy", test_output)
torch.save(model.state_dict(), parcel / "weights.pt")
(parcel / "README.md").write_text(
    "# Blood cells\n\nMade for teaching.\n\n## Validation\n\nBalanced accuracy on fields that were held out; see the card.\n"
)


def pack(gain, name):
    """Write the parcel; `gain` is what pixels are multiplied with before they reach the network."""
    space = [zoo.SpaceInputAxis(id=axis, size=64) for axis in "yx"]
    description = zoo.ModelDescr(
        name="Blood cells of the course",
        description="Red cell, white cell or platelet in a crop of a stained smear. For teaching only.",
        authors=[zoo.Author(name="The course authors")],
        cite=[zoo.CiteEntry(text="BCCD data set", url="https://github.com/Shenggan/BCCD_Dataset")],
        license="BSD-3-Clause",
        documentation=zoo.FileDescr(source=parcel / "README.md"),
        inputs=[
            zoo.InputTensorDescr(
                id="crop",
                axes=[zoo.BatchAxis(), zoo.ChannelAxis(channel_names=["red", "green", "blue"]), *space],
                data=zoo.IntervalOrRatioDataDescr(type="float32"),
                preprocessing=[zoo.ScaleLinearDescr(kwargs=zoo.ScaleLinearKwargs(gain=gain))],
                test_tensor=zoo.FileDescr(source=parcel / "input.npy"),
            )
        ],
        outputs=[
            zoo.OutputTensorDescr(
                id="scores",
                axes=[zoo.BatchAxis(), zoo.ChannelAxis(channel_names=["red_cell", "white_cell", "platelet"])],
                test_tensor=zoo.FileDescr(source=parcel / "output.npy"),
            )
        ],
        weights=zoo.WeightsDescr(
            pytorch_state_dict=zoo.PytorchStateDictWeightsDescr(
                source=parcel / "weights.pt",
                architecture=zoo.ArchitectureFromLibraryDescr(
                    callable="CNN", import_from="bioimage_course.nets", kwargs=model.arguments
                ),
                pytorch_version=zoo.Version(torch.__version__.split("+")[0]),
            )
        ),
    )
    return bioimageio.core.save_bioimageio_package(description, output_path=place / name)


packed = pack(1 / 255, "blood-cells.zip")

# %% [markdown]
# Load it from the zip file, without any of the variables above. (A stranger needs one thing more, this course's package: these
# weights belong to a class of it, and the parcel only names it.)

# %% tags=["nbval-check-output"]
loaded = bioimageio.core.load_model_description(packed)
print(loaded.name, "|", loaded.license, "|", loaded.format_version.rpartition(".")[0])
sample = create_sample_for_model(loaded, inputs={"crop": np.load(parcel / "input.npy")})
with bioimageio.core.create_prediction_pipeline(loaded, devices=["cpu"]) as pipeline:
    loaded_output = np.asarray(pipeline.predict_sample_without_blocking(sample).members["scores"].data)
print("largest difference below 0.001:", bool(np.abs(loaded_output - test_output).max() < 1e-3))

# %% [markdown]
# ## Exercise 8: does it still do the same?
#
# A parcel carries its own test: does the model give the test output for the test input? Write `same(got, expected,
# rtol, atol)`: True if the shapes agree and every number differs by at most `atol + rtol·|expected|`.

# %% tags=["exercise"] exercise="reproduces"
def same(got, expected, rtol, atol):
    raise NotImplementedError
    return ...


# %% tags=["solution"] exercise="reproduces"
def same(got, expected, rtol, atol):
    return got.shape == expected.shape and bool(np.all(np.abs(got - expected) <= atol + rtol * np.abs(expected)))


# %% tags=["check", "nbval-check-output"] exercise="reproduces"
check.reproduces(same)

# %% [markdown]
# The library's own test, on the right parcel and on one whose author took the images for 16-bit ones:

# %% tags=["nbval-check-output"]
wrong = pack(1 / 65535, "wrong-scale.zip")
states = {}
for name, path in {"right": packed, "wrong scale": wrong}.items():
    summary = bioimageio.core.test_model(path, weight_format="pytorch_state_dict", devices=["cpu"])
    reproduced = [d.status for d in summary.details if d.name.startswith("Reproduce test outputs")]
    states[name] = str(summary.status), str(reproduced[0])
    print(f"{name}: status {summary.status}, test output reproduced: {reproduced[0]}")

# %% [markdown]
# ## Without our package
#
# TorchScript and ONNX hold the network itself, not only its weights. The course's U-Net in both. `dynamic_shapes` says which axes may
# have another length: number of images, rows, columns, the latter two multiples of 16.

# %% tags=["stderr-ok"]
warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # of the check that sides are multiples of 16
unet = tools.unet.course_model().eval()
example = torch.rand(1, 1, 96, 128)
torch.jit.trace(unet, example).save(place / "unet.torchscript.pt")
any_size = torch.export.Dim
torch.onnx.export(
    unet, (example,), place / "unet.onnx", input_names=["image"], output_names=["scores"], opset_version=18,
    dynamic_shapes=({0: any_size.DYNAMIC, 2: 16 * any_size("rows"), 3: 16 * any_size("columns")},),
    external_data=False, verbose=False,
)
other_size = torch.rand(2, 1, 160, 64)  # neither number nor size of the example
with torch.no_grad():
    np.savez(place / "unet-test.npz", image=other_size.numpy(), scores=unet(other_size).numpy())

# %% [markdown]
# A process that cannot have this package (`-I`, and its name is barred) opens both:

# %%
stranger = """
import sys
sys.modules["bioimage_course"] = None  # whoever imports it now fails
import numpy as np
kind, network, test = sys.argv[1:]
stored = np.load(test)
if kind == "ONNX":
    import onnxruntime
    scores, = onnxruntime.InferenceSession(network).run(None, {"image": stored["image"]})
else:
    import torch
    with torch.no_grad():
        scores = torch.jit.load(network)(torch.from_numpy(stored["image"])).numpy()
print(scores.shape == stored["scores"].shape and float(np.abs(scores - stored["scores"]).max()))
"""
strangers = {}
for kind, name in {"TorchScript": "unet.torchscript.pt", "ONNX": "unet.onnx"}.items():
    answer = subprocess.run([sys.executable, "-W", "ignore", "-I", "-c", stranger, kind, str(place / name), str(place / "unet-test.npz")],
                            capture_output=True, text=True)
    strangers[kind] = float(answer.stdout)
largest_score = float(np.abs(np.load(place / "unet-test.npz")["scores"]).max())

# %% tags=["nbval-check-output"]
for kind, difference in strangers.items():
    print(f"{kind}: largest difference below a thousandth of the largest score:", difference < 1e-3 * largest_score)

# %% [markdown]
# ## Exercise 9: which images to annotate
#
# You have 24 images and time to annotate a few. They were recorded condition by condition:

# %% tags=["nbval-check-output"]
conditions = shelf()
print({name: conditions.count(name) for name in dict.fromkeys(conditions)})

# %% [markdown]
# Write `choose(conditions, n, seed)`: the indices of `n` images, as even over the conditions as possible (a condition
# gets one more only where another has run out, or where `n` cannot be divided), and drawn at random within each.

# %% tags=["exercise"] exercise="choose_images"
def choose(conditions, n, seed):
    raise NotImplementedError
    rng = np.random.default_rng(seed)
    return ...


# %% tags=["solution"] exercise="choose_images"
def choose(conditions, n, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(conditions))
    turn = {name: 0 for name in conditions}
    rounds = []
    for i in order:  # the first image of each condition is in round 0, the second in round 1 …
        rounds.append(turn[conditions[i]])
        turn[conditions[i]] += 1
    return order[np.argsort(rounds, kind="stable")][:n]


# %% tags=["check", "nbval-check-output"] exercise="choose_images"
check.choose_images(choose)

# %% [markdown]
# ## From nothing, or from something
#
# The task of the chapter on overfitting: control or treated, told by repair foci in simulated nuclei. For years you imaged with plenty
# of light and trained on 48 annotated fields. Now the cells must be imaged alive, with a twelfth of the photons. You
# annotate 2, 4 or 8 new fields. Four ways:
#
# - **as it is**: the old network on the new images;
# - **last layer**: the old network with its convolutions frozen, only the last layer is trained on (transfer learning);
# - **all layers**: the old network, all weights are trained on (fine-tuning);
# - **from scratch**: random weights, three times as many steps.

# %%
torch.set_num_threads(1)  # networks this small gain nothing by a second core


def scan(fields, seed, photons):
    """Crops (n, 1, 20, 20), scaled by the camera's offset and the light, and their classes."""
    crops = data.synthetic.foci_crops(fields, 12, seed, photons=photons)
    images = (crops.images.astype(np.float32) - 100) / (2 * photons)
    return torch.from_numpy(images)[:, None], torch.from_numpy(crops.classes).long()


def train(model, images, classes, steps, layers="all"):
    """Train all layers or the last one on crops, turned at random; returns the network."""
    weights = model.head.parameters() if layers == "last" else model.parameters()
    optimiser = torch.optim.Adam(weights, 2e-3)
    for _ in range(steps):
        pick = torch.randperm(len(images))[:32]
        batch = torch.rot90(images[pick], int(torch.randint(4, ())), (2, 3))
        loss = torch.nn.functional.cross_entropy(model(batch), classes[pick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


def accuracy(model, images, classes):
    with torch.no_grad():
        return float((model(images).argmax(1) == classes).float().mean())


def network():
    return nets.CNN(1, 2, depth=3, width=8, norm=None)


bright, dim = 120, 10
nets.seed_everything(0)
old = train(network(), *scan(48, 1, bright), steps=600)
test = {photons: scan(40, 99, photons) for photons in (bright, dim)}  # new fields, the same for all

# %%
sizes, draws = (2, 4, 8), 4
ways = {
    "all layers": lambda new: train(copy.deepcopy(old), *new, 100),
    "last layer": lambda new: train(copy.deepcopy(old), *new, 100, "last"),
    "from scratch": lambda new: train(network(), *new, 300),
}
scores = {name: np.zeros((len(sizes), draws)) for name in ways}
for i, annotated in enumerate(sizes):
    for draw in range(draws):
        new = scan(annotated, 1000 + 10 * annotated + draw, dim)
        for name, way in ways.items():
            nets.seed_everything(draw)
            scores[name][i, draw] = accuracy(way(new), *test[dim])
as_is = accuracy(old, *test[dim])
at_home = accuracy(old, *test[bright])

# %%
#| label: fig-few-examples
#| fig-cap: "A network moves to a microscope with a twelfth of the light: accuracy on 40 new dim fields (0.5 is guessing) against the number of dim fields annotated. Lines are means of four draws, points the draws. Grey lines: the old network on new images as it is, and on bright ones, where it is at home. With two fields the networks that begin with the old weights are ahead, on average of four draws, of the one that begins with nothing; with eight all three are level."
#| fig-alt: "Line plot of accuracy against 2, 4 and 8 annotated fields. The lines for all layers and last layer run between the two grey lines; the line from scratch begins below them and rises towards them."
figure, axes = show.figure(height=3.2)
styles = zip(scores.items(), ("blue", "green", "vermilion"), ("s", "^", "o"), ("-", "--", "-"))
for k, ((name, values), tint, marker, line) in enumerate(styles):
    x = np.array(sizes) * (1 + 0.03 * (k - 1))
    axes.plot(x, values.mean(axis=1), line, color=colour[tint], label=name)
    axes.plot(np.repeat(x, draws), values.ravel(), marker, color=colour[tint], ms=4, alpha=0.6)
for value, text in ((as_is, "old network, as it is"), (at_home, "old network, bright images")):
    axes.axhline(value, color="grey", lw=1, ls=":")
    axes.text(8.4, value, text, ha="right", va="bottom", fontsize=8, color="dimgrey")
axes.set(xlabel="annotated dim fields (12 cells each)", ylabel="accuracy", ylim=(0.45, 0.95), xscale="log")
axes.set_xticks(sizes, sizes)
axes.minorticks_off()
axes.legend(loc="lower center")
figure

# %%
#| label: tbl-few-examples
#| tbl-cap: "The means of the figure, and below them the differences on the same draws with their 95 % intervals (Student's t, four draws: wide). The old network as it is, and at home, do not depend on new annotations."
ahead = {name: [metrics.paired_difference(a, b) for a, b in zip(scores[name], scores["from scratch"])] for name in ("all layers", "last layer")}
rows = [[name, *(f"{v:.2f}" for v in values.mean(axis=1))] for name, values in scores.items()]
rows += [["as it is", *[f"{as_is:.2f}"] * 3], ["at home, bright images", *[f"{at_home:.2f}"] * 3]]
rows += [[f"{name} minus from scratch", *map(str, pairs)] for name, pairs in ahead.items()]
show.table(rows, ["network", *(f"{n} fields" for n in sizes)])

# %% tags=["nbval-check-output"]
mean = {name: values.mean(axis=1) for name, values in scores.items()}
print("as it is, the old network is lost:", as_is < mean["last layer"].min() - 0.05)
print("with two fields, training its last layer beats starting from scratch:",
      bool(mean["last layer"][0] > mean["from scratch"][0] + 0.03))

# %% [markdown]
# ## Exercise 10: use it, fine-tune it, or train it?
#
# Write `which_way(scores, needed)`. `scores` holds validation scores of four ways in the order of effort, several draws of
# each: `{"as it is": [0.59, 0.60], "last layer": […], "all layers": […], "from scratch": […]}`. Return the name of the first
# way that is good enough (at least `needed`) in *every* draw, or `"annotate more"` if there is none.

# %% tags=["exercise"] exercise="which_way"
def which_way(scores, needed):
    raise NotImplementedError


# %% tags=["solution"] exercise="which_way"
def which_way(scores, needed):
    for way, draws in scores.items():
        if min(draws) >= needed:
            return way
    return "annotate more"


# %% tags=["check", "nbval-check-output"] exercise="which_way"
check.which_way(which_way)

# %% [markdown]
# ## What to write down
#
# A result without its environment cannot be repeated. A few lines are enough to keep it beside the labels:

# %%
from importlib.metadata import version

record = {
    "input": "plate",
    "segment": str(segment.func.__name__), **{k: round(v, 3) for k, v in segment.keywords.items()},
    "packages": {name: version(name) for name in ("bioimage-course", "numpy", "scikit-image", "zarr", "dask")},
}
(place / "record.json").write_text(json.dumps(record, indent=1))
print(json.dumps(record, indent=1))

# %% tags=["claims", "nbval-check-output"]
on_stride = {start: start % needs.stride == 0 for start in starts}
all_stars = len(np.unique(field_stars)) - 1
two, one_worker = speed["seconds"]["2"], speed["seconds"]["1"]
show.claims(
    ("training-pays", "2e3c19", min(m.min() for m in mean.values()) > as_is + 0.03, f"{len(mean)} ways, {draws} draws each"),
    ("old-weights-help", "bc49e3", mean["last layer"][0] > mean["from scratch"][0] + 0.03 and np.ptp([m[-1] for m in mean.values()]) < 0.05, f"means of {draws} draws"),
    ("less-would-do", "cd7f77", all(n == piece.max() for n, h in zip(alike, halos) if h >= 24) and 24 < safe / 3, f"safe: {safe}"),
    ("rim-is-silent", "09a4e9", runs[halos.index(16)].touching == 0 and alike[halos.index(16)] < piece.max(), f"{alike[halos.index(16)]} of {piece.max()} identical, 0 touching"),
    ("starts-on-stride", "fb9e0b", all((n == found) if on_stride[start] else (found < n / 2) for start, (n, found) in offsets.items()),
     f"{sum(on_stride.values())} of {len(starts)} starts on a stride of {needs.stride}"),
    ("stars-at-reach", "2af8ba", all(star_same[halo] == all_stars == run.objects for halo, run in star_runs.items() if run.exact) and sum(run.exact for run in star_runs.values()) >= 2 and star_same[0] < all_stars,
     f"{sum(run.exact for run in star_runs.values())} of {len(star_runs)} halos promise it"),
    ("real-fields-exact", "ba98a1", all(of(tool, 256, 176, "same") == of(tool, 256, 176, "whole") == of(tool, 256, 176, "objects") for tool in ("stardist", "unet")) and all(sum(of(tool, 256, 168, "same")) < 0.5 * sum(of(tool, 256, 168, "whole")) for tool in ("stardist", "unet")),
     f"{len(fields)} fields, 2 networks"),
    ("flows-never-exact", "91561b", all(sum(of("cellpose", block, halo, "same")) < 0.05 * sum(of("cellpose", block, halo, "whole")) for block, halo in ((256, 0), (192, 64), (256, 64))) and np.mean(of("cellpose", 256, 64, "ap50")) > 0.95, f"{len(fields)} fields, 2 sizes of block"),
    ("nothing-lost", "827408", huge["numbers_in_the_labels"] == huge["objects"] and huge["peak_mb_together"] < 1000, f"{huge['objects']:,} objects, {huge['peak_mb_together'] / 1000:.2f} GB"),
    ("two-workers", "b7522c", all(b < a for a, b in zip(one_worker, two)) and min(one_worker) / min(two) < 2, f"{len(two)} rounds, best {min(one_worker) / min(two):.2f} times as fast"),
    ("own-thresholds-differ", "b2e45d", own["identical"] < 0.01 * halo_test["objects"], f"{own['identical']} of {halo_test['objects']}"),
    ("labels-lie-on-image", "6530de", labels_again.spacing == plane.spacing and np.array_equal(np.asarray(read).squeeze(), labels_again[:]) and len(levels) == 2, f"{len(levels)} levels, 1 image"),
    ("job-resumed", "105ae0", killed == [1] and killed_again == [] and after_first.items() <= finished().items() and len(finished()) == len(collected) - 1 == 8, "8 images, 3 jobs, 1 killed"),
    ("opened-by-strangers", "1353e5", max(strangers.values()) < 1e-3 * largest_score, "2 formats, another size than the example"),
    ("parcel-test", "744eb9", states == {"right": ("passed", "passed"), "wrong scale": ("valid-format", "failed")}, "2 parcels"),
)

# %% [markdown]
# ## Exercise 11: your own method in blocks (open)
#
# Take a method of your own, or `tools.unet.segment` with `limits=`: which stride and which halo does it need? Predict
# both, then measure: crops at five starts, blocks with four halos, each against one piece. Which of the three conditions
# (enough surroundings, starts on the stride, no statistics over the window) does it break without `limits=`? And what
# does `large.tiling` say about it?

# %%
shutil.rmtree(place, ignore_errors=True)
