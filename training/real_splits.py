"""Split by crop against split by image on real cells: what does each of them promise, and is it kept?

Data: the BCCD set (``data.load("blood")``: 120 fields of stained blood smears with a box around every cell),
cut out as for the cell classifier. Fields that show the same place of a slide count as one image. Two
questions are asked of the crops, each with eight seeds:

``kinds``
    red cell, white cell or platelet, in two thirds of the images. Nearly every image has several of them, so
    knowing the image helps little.
``lottery``
    red cells of twelve images, six of which are called treated by lot. There is nothing to learn about the
    cells, and whoever knows the image knows the answer.

A third of the crops is held out, once drawn crop by crop and once image by image, and three methods are
trained on the rest: a small CNN, and logistic regression and a random forest on the mean and spread of the
three colours. Each is scored on what was held out (reported) and on all images that took no part (new).

Run it with ``python training/real_splits.py``, some minutes on one CPU core. It writes
``src/bioimage_course/weights/real-splits/results.json`` after each seed and goes on where it stopped, and
``cells.csv``, the colours of some red cells with the numbers of their images, for learners to split.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow tiny networks many times

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cell_classifier
import shortcuts
from bioimage_course import files, nets, results

OUT, METHODS = results.real_splits.FOLDER, results.real_splits.METHODS
SEEDS = range(8)
SIZE = 32
RED = 3  # red cells an image in `kinds`, with all white cells and platelets
LOTTERY, ENOUGH = 12, 8  # images in the lottery, and how many red cells each must have
SHIPPED = 24  # images in the table for learners
SETTINGS = {"epochs": {"kinds": 16, "lottery": 30}, "batch": 32, "rate": 5e-3, "depth": 3, "width": 6}


def load():
    """Crops (n, 32, 32, 3) uint8, class and image of each; fields that show one place are one image."""
    crops, kinds, fields, _, groups = cell_classifier.load()
    halved = crops.reshape(len(crops), SIZE, 2, SIZE, 2, 3).mean(axis=(2, 4))
    return np.rint(halved).astype(np.uint8), kinds, groups[fields]


def few_red_cells(kinds, images, seed):
    """Indices of all white cells and platelets, and of at most `RED` red cells an image, drawn by lot."""
    rng, chosen = np.random.default_rng(seed), list(np.flatnonzero(kinds > 0))
    for image in np.unique(images):
        chosen.extend(rng.permutation(np.flatnonzero((images == image) & (kinds == 0)))[:RED])
    return np.sort(chosen)


def with_enough(kinds, images):
    """Numbers of the images that have enough red cells for the lottery."""
    return [image for image in np.unique(images) if ((images == image) & (kinds == 0)).sum() >= ENOUGH]


def by_lot(images, seed):
    """Treated (1) or control (0) for each crop: one lot an image, half of the images each."""
    numbers = np.unique(images)
    lots = np.random.default_rng(1000 + seed).permutation(np.arange(len(numbers)) % 2)
    return lots[np.searchsorted(numbers, images)]


def study(task, kinds, images, seed):
    """Crops of the study, crops of new images, and the answer to each crop."""
    if task == "kinds":
        chosen = few_red_cells(kinds, images, seed)
        inside, new = thirds(images[chosen], np.zeros(len(chosen)), seed)
        return chosen[inside], chosen[new], kinds
    drawn = np.random.default_rng(seed).permutation(with_enough(kinds, images))[:LOTTERY]
    inside = np.flatnonzero(np.isin(images, drawn) & (kinds == 0))
    new = np.flatnonzero(~np.isin(images, drawn) & (kinds == 0))
    answers = np.zeros(len(images), int)
    answers[inside], answers[new] = by_lot(images[inside], seed), by_lot(images[new], seed)
    return inside, new, answers


def thirds(units, strata, seed):
    """Indices of two thirds of the units, and of the last third, drawn within each stratum."""
    rng, out = np.random.default_rng(seed), []
    for stratum in np.unique(strata):
        own = rng.permutation(np.unique(units[strata == stratum]))
        out.extend(own[: round(len(own) / 3)])
    held_out = np.isin(units, out)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def colours(crops):
    """Mean and standard deviation of the three channels (n, 6)."""
    return np.concatenate([crops.mean(axis=(1, 2)), crops.std(axis=(1, 2))], axis=1)


class Turned(cell_classifier.Crops):
    """Crops, turned and mirrored; the colour is left alone, for it is what images differ in."""

    def __getitem__(self, index):
        image = torch.rot90(self.images[index], int(torch.randint(4, ())), (1, 2))
        return (image.flip(2) if torch.rand(()) < 0.5 else image), self.classes[index]


def cnn(crops, targets, epochs, seed):
    """The CNN, trained with equal weight for each class."""
    nets.seed_everything(seed)
    model = nets.CNN(3, int(targets.max()) + 1, depth=SETTINGS["depth"], width=SETTINGS["width"])
    shortcuts.fit(Turned(crops, targets), None, model, SETTINGS | {"epochs": epochs}, seed)
    return lambda crops: cell_classifier.predict(model, crops)


def on_colour(method, crops, targets, seed):
    """Random forest or logistic regression on six numbers a crop."""
    if method.startswith("forest"):
        model = RandomForestClassifier(200, class_weight="balanced", random_state=seed)
    else:
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    model.fit(colours(crops), targets)
    return lambda crops: model.predict(colours(crops))


def one_seed(crops, kinds, images, task, seed):
    """Balanced accuracy of each method under both splits: on what was held out, and on new images."""
    known, new, answers = study(task, kinds, images, seed)
    strata = answers[known] if task == "lottery" else np.zeros(len(known))
    splits = {
        "crop": thirds(np.arange(len(known)), np.zeros(len(known)), seed),
        "image": thirds(images[known], strata, seed),
    }
    found = {}
    for name, (inside, outside) in splits.items():
        training, held_out = known[inside], known[outside]
        found[name] = {"training_crops": len(training), "held_out": len(held_out), "new": len(new)}
        for method in METHODS:
            if method == "CNN":
                answer = cnn(crops[training], answers[training], SETTINGS["epochs"][task], seed)
            else:
                answer = on_colour(method, crops[training], answers[training], seed)
            found[name][method] = [
                round(float(balanced_accuracy_score(answers[part], answer(crops[part]))), 4)
                for part in (held_out, new)
            ]
    return found


def table(crops, kinds, images):
    """The numbers that the course carries along: colours of the red cells of some images, as text."""
    chosen = np.random.default_rng(0).permutation(with_enough(kinds, images))[:SHIPPED]
    rows = np.flatnonzero(np.isin(images, chosen) & (kinds == 0))
    lines = ["image,red,green,blue,red_spread,green_spread,blue_spread"]
    lines += [
        f"{images[row]}," + ",".join(f"{value:.0f}" for value in colours(crops[[row]])[0]) for row in rows
    ]
    return "\n".join(lines) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    crops, kinds, images = load()
    files.save(args.out / "cells.csv", table(crops, kinds, images))
    file, digest = args.out / "results.json", files.sha256_of(crops, kinds, images)
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if (found.get("settings"), found.get("crops_sha256")) != (SETTINGS, digest):  # begin anew
        found = {"cpu_minutes": 0.0, "tasks": {"kinds": {}, "lottery": {}}}
    found |= {
        "what": "Split by crop against split by image on real blood cells",
        "command": "python training/real_splits.py",
        "settings": SETTINGS,
        "crops_sha256": digest,
        "images": len(np.unique(images)),
        "machine": f"{platform.machine()}, one of {os.cpu_count()} CPU cores, no GPU used",
        "versions": {p: version(p) for p in ("torch", "numpy", "scikit-learn")},
    }
    for task, seeds in found["tasks"].items():
        for seed in SEEDS:
            if str(seed) in seeds:
                continue
            started = time.process_time()
            seeds[str(seed)] = one_seed(crops, kinds, images, task, seed)
            found["cpu_minutes"] = round(found["cpu_minutes"] + (time.process_time() - started) / 60, 2)
            files.save(file, json.dumps(found, indent=1) + "\n")
            print(task, seed, seeds[str(seed)], flush=True)


if __name__ == "__main__":
    main()
