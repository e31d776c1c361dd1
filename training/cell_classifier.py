"""Train the course's classifier of blood cells: red cell, white cell or platelet in a 64×64 crop.

Data: the BCCD set (``data.load("blood")``: 120 fields of stained smears with a box around every cell). Each
box is cut out, made square and resized (``data.crops``). The fields, not the crops, are divided into
training, validation and test set, and fields that show the same place of the slide stay together. *Nothing*
is chosen on the test fields: the network's size and the number of epochs look at validation fields only.

For comparison the same crops are classified by logistic regression on their mean colour and its spread.

Run it with ``python training/cell_classifier.py``, a few minutes on two CPU cores. It writes the checkpoint,
its card and its results to ``src/bioimage_course/weights/cell-classifier/``; with ``--samples`` also the
few crops of test fields that the course carries along (``data.load("blood-cells")``). ``--compare`` trains
nothing: it compares the stored network with the mean colour on the same test fields and adds the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from bioimage_course import data, files, metrics, nets

ROOT = Path(__file__).resolve().parents[1]
NAME = "cell-classifier"
OUT = ROOT / "src" / "bioimage_course" / "weights" / NAME
SAMPLES = ROOT / "src" / "bioimage_course" / "data" / "samples" / "blood-cells"
CLASSES = ("RBC", "WBC", "Platelets")
CLASS_NAMES = ("red cell", "white cell", "platelet")
SIZE, MARGIN = 64, 0.1
TWINS = 0.9  # correlation of two shrunken fields above which they show the same place


# ---------------------------------------------------------------- data


def load(name="blood"):
    """Crops (n, 64, 64, 3) uint8, their class (n,), the number of their field (n,), and the fields' names."""
    crops, classes, fields, names, thumbnails = [], [], [], [], []
    for number, sample in enumerate(data.load(name)):
        crops.append(data.crops(sample, SIZE, margin=MARGIN))
        classes += [CLASSES.index(kind) for kind in sample.box_names]
        fields += [number] * len(sample.boxes)
        names.append(sample.name)
        thumbnails.append(thumbnail(sample.image))
    return np.concatenate(crops), np.array(classes), np.array(fields), names, groups(np.array(thumbnails))


def thumbnail(image):
    """A field as 24×32 grey values, mean 0 and standard deviation 1."""
    from skimage.transform import resize

    small = resize(image.mean(axis=-1), (24, 32), anti_aliasing=True).ravel()
    return (small - small.mean()) / small.std()


def groups(thumbnails):
    """Number of the group of each field: fields that look the same get the same number."""
    alike = thumbnails @ thumbnails.T / thumbnails.shape[1] > TWINS
    return np.argmax(alike, axis=1)  # the first field that looks like this one


def split(groups, seed, shares=(0.15, 0.35)):
    """Fields of the training, validation and test set; `shares` are those of validation and test."""
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    n_validation, n_test = (round(share * len(order)) for share in shares)
    parts = (
        order[n_validation + n_test :],
        order[:n_validation],
        order[n_validation : n_validation + n_test],
    )
    return [np.flatnonzero(np.isin(groups, part)) for part in parts]


def to_tensor(crops):
    """Crops (n, 64, 64, 3) uint8 as the network wants them: (n, 3, 64, 64), 0 to 1."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255


class Crops(Dataset):
    """Training crops, turned, mirrored and with changed brightness and colour each time anew."""

    def __init__(self, crops, classes):
        self.images, self.classes = to_tensor(crops), torch.from_numpy(classes).long()

    def __len__(self):
        return len(self.classes)

    def __getitem__(self, index):
        image = torch.rot90(self.images[index], int(torch.randint(4, ())), (1, 2))
        if torch.rand(()) < 0.5:
            image = image.flip(2)
        gain = 1 + 0.2 * (torch.rand(()) - 0.5) + 0.1 * (torch.rand(3, 1, 1) - 0.5)  # light and stain vary
        return (image * gain + 0.1 * (torch.rand(()) - 0.5)).clamp(0, 1), self.classes[index]


# ---------------------------------------------------------------- training and scores


def train(training, validation, *, depth, width, epochs, patience, rate, batch, seed):
    """Train a CNN on (crops, classes); returns it with its best weights, and its history."""
    nets.seed_everything(seed)
    model = nets.CNN(3, len(CLASSES), depth=depth, width=width, dropout=0.2)
    # Twelve red cells for each platelet: without weights they would decide every step.
    counts = np.bincount(training[1], minlength=len(CLASSES))
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor(counts.sum() / (len(CLASSES) * counts)).float())
    history = nets.fit(
        model,
        DataLoader(Crops(*training), batch_size=batch, shuffle=True),
        [(to_tensor(validation[0]), torch.from_numpy(validation[1]).long())],
        loss=loss,
        optimiser="adamw",
        learning_rate=rate,
        weight_decay=1e-3,
        epochs=epochs,
        patience=patience,
        scheduler=lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs),
        seed=seed,
        device="cpu",
    )
    return model, history


def predict(model, crops):
    """Class numbers (n,) that the network gives to crops."""
    with torch.no_grad():
        return torch.cat([model(part) for part in to_tensor(crops).split(256)]).argmax(dim=1).numpy()


def confusion(truth, prediction, fields):
    """One table (true class, predicted class) a field, shape (fields, 3, 3)."""
    tables = np.zeros((fields.max() + 1, len(CLASSES), len(CLASSES)), int)
    np.add.at(tables, (fields, truth, prediction), 1)
    return tables[np.unique(fields)]


def balanced_accuracy(tables):
    """Mean over the classes of the share found, from tables of several fields; NaN without a class."""
    table = tables.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.mean(np.diag(table) / table.sum(axis=1))


def score(truth, prediction, fields):
    """Balanced accuracy with its 95 % interval (fields drawn with replacement), recalls, confusion table."""
    tables = confusion(truth, prediction, fields)
    table = tables.sum(axis=0)
    return {
        "balanced_accuracy": round(float(balanced_accuracy(tables)), 4),
        "interval_95": [round(b, 4) for b in metrics.bootstrap_interval(tables, balanced_accuracy)],
        "accuracy": round(float(np.trace(table) / table.sum()), 4),
        "recall": {k: round(float(table[i, i] / table[i].sum()), 4) for i, k in enumerate(CLASS_NAMES)},
        "confusion": table.tolist(),
        "crops": int(table.sum()),
        "fields": len(tables),
    }


def difference(truth, first, second, fields):
    """By how much the first answers are better, on the same fields, with the interval over fields."""
    tables = (confusion(truth, answer, fields) for answer in (first, second))
    found = metrics.paired_difference(*tables, balanced_accuracy)
    return {key: round(getattr(found, key), 4) for key in ("difference", "low", "high")} | {"n": found.n}


def compare(path, crops, classes, fields, training, test):
    """Add to the results file how the stored network and the mean colour differ on the test fields."""
    results = json.loads((path / "results.json").read_text(encoding="utf-8"))
    learnt = predict(nets.cell_classifier(), crops[test])
    baseline = colour_baseline((crops[training], classes[training]), crops[test])
    for key, answer in (("test", learnt), ("colour_baseline", baseline)):
        if score(classes[test], answer, fields[test])["confusion"] != results[key]["confusion"]:
            sys.exit(f"{key} gives other answers than those in the results file; train again instead.")
    results["gain_over_colour"] = difference(classes[test], learnt, baseline, fields[test])
    files.save(path / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(results["gain_over_colour"])


def colour_baseline(training, crops):
    """Classes by logistic regression on mean and standard deviation of the three colours."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def features(images):
        return np.hstack([images.mean(axis=(1, 2)), images.std(axis=(1, 2))])

    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    return model.fit(features(training[0]), training[1]).predict(features(crops))


# ---------------------------------------------------------------- the whole run


def write_samples(crops, classes, fields, names, test, number=12, folder=SAMPLES):
    """Carry along some crops a class, drawn at random from different test fields."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    rng = np.random.default_rng(0)
    for kind, name in enumerate(CLASSES):
        candidates = rng.permutation(np.flatnonzero((classes == kind) & np.isin(fields, test)))
        _, first = np.unique(fields[candidates], return_index=True)  # one a field
        for index in candidates[np.sort(first)[:number]]:
            path = folder / f"{name}_{names[fields[index]].removeprefix('BloodImage_')}_{index}.png"
            Image.fromarray(crops[index]).save(path, optimize=True)


def readme(results):
    """The checkpoint's card, in Markdown, from its results."""
    test, settings, d = results["test"], results["settings"], results["data"]
    low, high = test["interval_95"]
    recall = ", ".join(f"{name} {value:.3f}" for name, value in test["recall"].items())
    rows = {
        "data": f"`{d['name']}` (BCCD, MIT): {len(d['training_fields'])} training, "
        f"{len(d['validation_fields'])} validation and {len(d['test_fields'])} test fields, split by field",
        "classes": "0 red cell, 1 white cell, 2 platelet",
        "network": f"`nets.CNN(3, 3, depth={settings['depth']}, width={settings['width']})`, "
        f"{results['parameters']:,} parameters; last feature maps "
        f"{SIZE >> settings['depth'] - 1}×{SIZE >> settings['depth'] - 1} (`features[-2]`)",
        "input": "RGB crop of 64×64 pixels, 0 to 1, cut by `data.crops` (box, square, 10 % margin)",
        "training": f"{results['epochs']} epochs, best {results['best_epoch']}, seed {results['seed']}, "
        f"{results['minutes']:.1f} minutes on {results['machine']}",
        "balanced accuracy, test": f"{test['balanced_accuracy']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, fields drawn with replacement)",
        "found of each class": recall,
        "mean colour alone": f"{results['colour_baseline']['balanced_accuracy']:.3f} (logistic regression)",
        "licence": "weights BSD-3-Clause, like the course; data MIT, © 2017 shenggan",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"""# Classifier of blood cells

Made for teaching; not a diagnostic tool. Load it with `nets.cell_classifier()`.

| | |
|---|---|
{table}

Nothing was chosen on the test fields. All figures: `results.json`. To reproduce: `{results["command"]}`.

**Limits.** One laboratory, one stain, one microscope; boxes drawn by hand, some of them wrong. Crops are
resized, so the network does not see how large a cell is. Expect less on other smears.

| file | sha256 |
|---|---|
| `{NAME}.pt` | `{results["sha256"]}` |
"""


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="blood", help="a collection with boxes")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--patience", type=int, default=12)
    parser.add_argument("--depth", type=int, default=4, help="blocks of convolution and pooling")
    parser.add_argument("--width", type=int, default=16, help="feature maps of the first block")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--samples", action="store_true", help="write the crops that the course carries along"
    )
    parser.add_argument("--compare", action="store_true", help="train nothing, only compare with the colour")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)

    crops, classes, fields, names, twins = load(args.data)
    parts = split(twins, args.seed)
    training, validation, test = (np.isin(fields, part) for part in parts)
    if args.compare:
        return compare(args.out, crops, classes, fields, training, test)
    print("crops:", *(int(part.sum()) for part in (training, validation, test)))
    keys = ("depth", "width", "epochs", "patience", "rate", "batch", "seed")
    settings = {key: getattr(args, key) for key in keys}
    started = time.process_time(), time.time()
    model, history = train(
        (crops[training], classes[training]), (crops[validation], classes[validation]), **settings
    )
    cpu_minutes, minutes = (time.process_time() - started[0]) / 60, (time.time() - started[1]) / 60

    def judge(part, answer):
        return score(classes[part], answer, fields[part])

    validated = judge(validation, predict(model, crops[validation]))
    # From here on nothing is chosen any more.
    learnt = predict(model, crops[test])
    simple = colour_baseline((crops[training], classes[training]), crops[test])
    tested, baseline = judge(test, learnt), judge(test, simple)
    summary = {
        "what": "Classifier of red cells, white cells and platelets in crops of stained blood smears",
        "classes": CLASS_NAMES,
        "input": "RGB crop (N, 3, 64, 64), float from 0 to 1, cut by data.crops(sample, 64)",
        "command": " ".join(
            ["python training/cell_classifier.py", *(sys.argv[1:] if argv is None else argv)]
        ),
        "seed": args.seed,
        "minutes": round(minutes, 2),
        "cpu_minutes": round(cpu_minutes, 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU used",
        "licence": "weights BSD-3-Clause; data MIT, © 2017 shenggan",
    }
    args.out.mkdir(parents=True, exist_ok=True)
    digest = files.sha256_of(crops, classes, fields)
    card = summary | {
        "data": {"name": args.data, "crops_sha256": digest},
        "balanced_accuracy": tested["balanced_accuracy"],
        "interval_95": tested["interval_95"],
    }
    sha256 = nets.save(model, args.out / f"{NAME}.pt", card)
    results = summary | {
        "settings": settings,
        "versions": {p: version(p) for p in ("torch", "numpy", "scikit-image")}
        | {"python": platform.python_version()},
        "data": {
            "name": args.data,
            "crops_sha256": digest,
            "twins": [names[i] for i in np.flatnonzero(np.bincount(twins)[twins] > 1)],
            **{
                f"{part}_fields": [names[i] for i in chosen]
                for part, chosen in zip(("training", "validation", "test"), parts, strict=True)
            },
        },
        "parameters": nets.count_parameters(model),
        "sha256": sha256,
        "epochs": history.epochs,
        "best_epoch": history.best_epoch,
        "history": {
            "train_loss": [round(v, 5) for v in history.train_loss],
            "validation_loss": [round(v, 5) for v in history.validation_loss],
        },
        "validation": validated,
        "test": tested,
        "colour_baseline": baseline,
        "gain_over_colour": difference(classes[test], learnt, simple, fields[test]),
    }
    files.save(args.out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    files.save(args.out / "README.md", readme(results))
    if args.samples:
        write_samples(crops, classes, fields, names, parts[2])
    low, high = tested["interval_95"]
    print(
        f"balanced accuracy: validation {validated['balanced_accuracy']}, test {tested['balanced_accuracy']} "
        f"({low} to {high}); mean colour alone {baseline['balanced_accuracy']}; {cpu_minutes:.1f} CPU minutes"
    )


if __name__ == "__main__":
    main()
