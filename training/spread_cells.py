"""How many outlined images does another kind of cell need? Spread cells in phase contrast, curve by curve.

    python training/spread_cells.py             # what is missing of the list below; goes on where it was
    python training/spread_cells.py --list      # what has been done, and what has not
    python training/spread_cells.py --crops     # only saves the crops that chapter 12 shows

Twenty images of Usiigaci (Tsai et al. 2019, doi:10.1016/j.softx.2019.02.007; MIT licence) with cells
outlined by hand. Two of them, sets 32 and 44, show another, smaller cell line: they are the odd ones, never
learnt from. Of the other 18 the lot puts 8 apart as test images; the ten left are what there is to learn
from.

What counts, written down before anything was scored:

- A cell is the largest connected piece of its number. Pieces beside it are slips of the pen (together less
  than 0.1 % of the outlined pixels in each image).
- For a seed, the ten images are put into an order by lot, and *n images* are the first n: what one has who
  annotates one more. Seeds also decide the network's first weights and its patches.
- *As shipped*: the flow network for fluorescence nuclei, with the settings of its table.
- *Tuned*: the same weights; diameter, thresholds and contrast (as it is or inverted) with the best AP at an
  IoU of 0.5 on two learning images.
- *Fine-tuned* and *from scratch*: ``cellpose.train.train_seg`` on the same patches for the same number of
  steps, from the shipped weights or from random ones; *from scratch, longer* has three times the steps.
  Settings are cellpose's defaults, the diameter is the median of the learning images.
- Scored: the 8 test images, the two odd ones, and the 50 nuclei images of DSB2018, to see what is forgotten
  (there with the settings of the shipped network).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from skimage import io, measure, segmentation

import cellpose_flows
import dsb2018
from bioimage_course import compat, files, metrics, nets, shipped, tools

OUT = shipped.WEIGHTS / "spread-cells" / "results.json"
SET = "phase-usiigaci2"
ODD = ("set32", "set44")
TESTS = 8
NUMBERS = (1, 2, 5, 10)
SEEDS = (0, 1, 2)
THRESHOLDS = (0.5, 0.75, 0.9)
DIAMETERS = (30, 45, 60, 70, 90)
CELLPROBS = (-2.0, 0.0, 1.0)
FLOW_ERRORS = (0.4, 0.8, None)
EPOCHS = {"fine-tuned": 60, "scratch": 60, "scratch-longer": 180}
CROP = 448
"""Side of the crops in pixels: the middle of an image to learn from and of the first odd one."""


# ---------------------------------------------------------------- images


def largest_pieces(numbers):
    """Labels 1 to n: of each number its largest connected piece."""
    pieces = measure.label(numbers, background=0, connectivity=1)
    areas = np.bincount(pieces.ravel())
    number_of = np.zeros(len(areas), int)
    number_of[pieces.ravel()] = numbers.ravel()
    largest = {n: max(np.flatnonzero(number_of == n), key=areas.__getitem__) for n in np.unique(numbers) if n}
    labels = np.zeros(len(areas), np.int32)
    labels[list(largest.values())] = np.arange(1, len(largest) + 1)
    return labels[pieces]


def load(folder):
    """Names, normalised images and labels of the twenty images, as three lists."""
    names = sorted(path.parent.name for path in (folder / SET).glob("*/raw.tif"))
    images = [io.imread(folder / SET / name / "raw.tif") for name in names]
    labels = [largest_pieces(io.imread(folder / SET / name / "instances_ids.png")) for name in names]
    return names, cellpose_flows.normalise(images), labels


def loaded(folder):
    """Names of the parts, and images and labels by name."""
    names, images, labels = load(folder)
    pictures = {"image": images, "labels": labels}
    return parts(names) | {k: dict(zip(names, of, strict=True)) for k, of in pictures.items()}


def parts(names):
    """Names of the images to learn from, to test on, and of the odd ones."""
    ordinary = [name for name in names if name not in ODD]
    order = np.random.RandomState(0).permutation(len(ordinary))
    test = sorted(ordinary[i] for i in order[:TESTS])
    return {"learn": [n for n in ordinary if n not in test], "test": test, "odd": list(ODD)}


def order(learn, seed):
    """The images to learn from in the order of one lot."""
    return [learn[i] for i in np.random.RandomState(100 + seed).permutation(len(learn))]


# ---------------------------------------------------------------- runs


def jobs():
    """All runs: (method, number of images, seed)."""
    yield "shipped", 0, 0
    for seed in SEEDS:
        for n in NUMBERS:
            yield "fine-tuned", n, seed
        for n in NUMBERS:
            yield "scratch", n, seed
        yield "tuned", 2, seed
    for seed in SEEDS:
        yield "scratch-longer", 10, seed


def key(method, n, seed):
    """Name of a run in the file of results."""
    return f"{method}/{n}/{seed}"


def settings():
    """What train_seg gets, but for epochs and start: as the shipped network was trained."""
    return SimpleNamespace(
        width=24, depth=3, patches=40, batch=8, patch=160, rate=2e-3, decay=0.01, scales=0.5, copies=3
    )


def trained(method, images, labels, seed):
    """A CellposeModel, trained on these images."""
    args = settings()
    args.seed, args.epochs = seed, EPOCHS[method]
    args.start = cellpose_flows.OUT / cellpose_flows.FILE if method == "fine-tuned" else None
    augment = dsb2018.make_augmenter(seed, zooming=False)
    pairs = list(zip(images, labels, strict=True))
    pairs += [augment(*pair) for _ in range(args.copies - 1) for pair in pairs]
    training = [np.ascontiguousarray(x) for x, _ in pairs], [y.astype(np.int32) for _, y in pairs]
    with tempfile.TemporaryDirectory() as folder:
        network, _ = cellpose_flows.train(training, (None, None), folder, args)
    return tools.cellpose.as_cellpose(network.eval())


def inverted(image):
    """Dark for bright."""
    return 1 - image


def tune(model, images, labels):
    """The settings with the best pooled AP@0.5 on these images, chosen one after the other."""
    best = {"diameter": 30, "cellprob_threshold": 0.0, "flow_threshold": 0.4, "inverted": False}
    for name, values in (
        ("diameter", DIAMETERS),
        ("inverted", (False, True)),
        ("cellprob_threshold", CELLPROBS),
        ("flow_threshold", FLOW_ERRORS),
    ):
        rows = [best | {name: value} for value in values]
        found = [[segment(model, image, row) for image in images] for row in rows]
        scores = [metrics.average_precision_dataset(labels, labelled).pooled[0] for labelled in found]
        best = rows[int(np.argmax(scores))]
    return best


def segment(model, image, options):
    """Labels of one image; ``inverted`` is an option like the others."""
    options = dict(options)
    image = inverted(image) if options.pop("inverted", False) else image
    return tools.cellpose.segment(image, model, **options)


def counts(truths, found):
    """TP, FP and FN at the thresholds, image by image."""
    return [dsb2018.count(*pair, THRESHOLDS) for pair in zip(truths, found, strict=True)]


def run(method, n, seed, sets, nuclei):
    """Train or tune, then score on all that counts."""
    shipped_options = cellpose_flows.read(cellpose_flows.OUT)["thresholds"]
    names = order(sets["learn"], seed)[:n]
    images, labels = [sets["image"][name] for name in names], [sets["labels"][name] for name in names]
    started = time.process_time()
    model, options = cellpose_flows.load(cellpose_flows.OUT), shipped_options
    if method == "tuned":
        options = tune(model, images, labels)
    elif method != "shipped":
        model = trained(method, images, labels, seed)
        options = {"diameter": float(np.median([metrics.median_diameter(one) for one in labels]))}
    about = {"images": names, "cells": int(sum(one.max() for one in labels)), "options": options}
    about["cpu_minutes"] = round((time.process_time() - started) / 60, 2)
    for part in ("test", "odd"):
        found = [segment(model, sets["image"][name], options) for name in sets[part]]
        about[part] = counts([sets["labels"][name] for name in sets[part]], found)
    old = options if method == "tuned" else shipped_options
    about["nuclei"] = counts(nuclei[1], [segment(model, image, old) for image in nuclei[0]])
    return about


# ---------------------------------------------------------------- crops for the page


def middle(array, side=CROP):
    """The middle of an image, so many pixels wide and high."""
    y, x = ((n - side) // 2 for n in array.shape)
    return array[y : y + side, x : x + side]


def crops(sets):
    """Images (8 bits) and outlines: of one image to learn from, and of the other cell line."""
    kept = {}
    for part, name in (("learn", order(sets["learn"], 0)[0]), ("odd", sets["odd"][0])):
        kept[f"{part}_image"] = np.uint8(255 * np.clip(middle(sets["image"][name]), 0, 1))
        kept[f"{part}_truth"] = numbered(middle(sets["labels"][name])).astype(np.uint16)
    return kept


def numbered(labels):
    """The same objects, numbered 1 to n."""
    return segmentation.relabel_sequential(labels)[0].astype(np.int32)


# ---------------------------------------------------------------- file of results


def read(out):
    """What has been measured so far."""
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"runs": {}}


def about_this(names, labels):
    """Origin, lot and versions, beside the runs."""
    from importlib.metadata import version

    return {
        "made_by": "python training/spread_cells.py",
        "images": f"{SET}: phase contrast, cells outlined by hand (Usiigaci, MIT licence)",
        "cells": {name: int(one.max()) for name, one in zip(names, labels, strict=True)},
        "diameters": {
            name: round(float(metrics.median_diameter(one)), 1)
            for name, one in zip(names, labels, strict=True)
        },
        "parts": parts(names),
        "iou_thresholds": list(THRESHOLDS),
        "epochs": EPOCHS,
        "settings": vars(settings()),
        "machine": dsb2018.machine(),
        "versions": {name: version(name) for name in ("cellpose", "torch", "numpy")},
    }


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    mirror = os.environ.get("BIOIMAGE_COURSE_MIRROR", ".")
    parser.add_argument("--images", type=Path, default=Path(mirror), help=f"folder that holds {SET}")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--crops", action="store_true", help="save the crops shown, and run nothing")
    parser.add_argument("--only", nargs=3, metavar=("METHOD", "IMAGES", "SEED"), help="one run")
    args = parser.parse_args(argv)
    if args.crops:
        shown = crops(loaded(args.images))
        files.save(args.out.parent / "crops.npz", lambda stream: np.savez_compressed(stream, **shown))
        return
    wanted = [(args.only[0], int(args.only[1]), int(args.only[2]))] if args.only else list(jobs())
    done = read(args.out)["runs"]
    for job in wanted:
        print("done   " if key(*job) in done else "missing", key(*job))
    if args.list:
        return
    compat.prepare("cellpose")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sets = loaded(args.images)
    names, labels = list(sets["labels"]), list(sets["labels"].values())
    nuclei = dsb2018.load_part("test")
    nuclei = cellpose_flows.normalise(nuclei[0]), nuclei[1]
    for job in wanted:
        if key(*job) in done:
            continue
        nets.seed_everything(job[2])
        found = run(*job, sets, nuclei)
        done = read(args.out)["runs"] | {key(*job): found}
        files.save(args.out, json.dumps(about_this(names, labels) | {"runs": done}, indent=1) + "\n")
        ap = f"AP@0.5 {dsb2018.pooled(found['test'])[0]:.3f}"
        print(key(*job), ap, found["options"], found["cpu_minutes"], flush=True)


if __name__ == "__main__":
    main()
