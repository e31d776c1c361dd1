"""Two shortcuts that a network may take instead of looking at the cell: one planted, one real.

**Planted.** The blood cells of ``training/cell_classifier.py`` with the same split by field, and a small
network (four blocks, 6,435 parameters). In one of two runs every white cell of the training and the
validation set gets a white square in its corner. Both networks are tested on cells without the square, with
the square on white cells, with the square on all cells. Grad-CAM says how much of the map of "white cell"
lies on the square.

**Real.** ``data.load("malaria")``: 100 infected and 100 uninfected red cells; all infected ones come from
the slides C33, C37B, C38, C39, all uninfected ones from C1, C2, C3. Four questions: how well does a network
do if crops of all slides are in training and test set; how well on slides that it has not seen; can it tell
the slides of one class apart, where infection is no help; and what does it say once the parasite is painted
over? A fifth, ``--only control``: is it the new slide that the network fails on, or are there too few crops
left? Three seeds, training sets of equal size from all slides.

Run it with ``python training/shortcuts.py``, some fifteen minutes on one CPU core (``--only planted``,
``malaria`` or ``control`` for one part; ``--score`` judges the planted networks that are there). It writes
checkpoints, cards, ``results.json`` and ``README.md`` to ``src/bioimage_course/weights/shortcuts/``. Of the
malaria set nothing but scores is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

import cell_classifier
from bioimage_course import data, files, metrics, nets
from cell_classifier import (
    CLASS_NAMES,
    SIZE,
    Crops,
    confusion,
    load,
    split,
    to_tensor,
)

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "shortcuts"
SETTINGS = {"depth": 4, "width": 4, "epochs": 15, "rate": 5e-3, "batch": 32}
MALARIA_SETTINGS = {"depth": 4, "width": 8, "epochs": 25, "rate": 3e-3, "batch": 16}
MARKED_CLASS = CLASS_NAMES.index("white cell")
SQUARE = np.s_[2:10, 2:10]  # rows, columns of the mark in a crop of 64×64
GREY = 190  # roughly the background of the crops: what covers the mark


# ---------------------------------------------------------------- the planted shortcut


def square_mask(size=SIZE, margin=0):
    """True where the mark is, and `margin` pixels around it; (size, size)."""
    mask = np.zeros((size, size), bool)
    rows, columns = (slice(max(s.start - margin, 0), s.stop + margin) for s in SQUARE)
    mask[rows, columns] = True
    return mask


def mark(crops, which=True):
    """Crops (n, 64, 64, 3) uint8 with a white square in the corner of those in `which` (n,)."""
    marked = crops.copy()
    marked[np.broadcast_to(which, len(crops)), *SQUARE] = 255
    return marked


class MarkedCrops(Crops):
    """Training crops, augmented as in the cell classifier; the mark comes last and stays in its corner."""

    def __getitem__(self, index):
        image, kind = super().__getitem__(index)
        if int(kind) == MARKED_CLASS:
            image = image.clone()
            image[:, *SQUARE] = 1.0
        return image, kind


def fit(training, validation, model, settings, seed):
    """Train a model on a dataset; `validation` is (crops, classes). Returns its history."""
    counts = np.bincount(training.classes.numpy())
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor(counts.sum() / (len(counts) * counts)).float())
    epochs = settings["epochs"]
    return nets.fit(
        model,
        DataLoader(training, batch_size=settings["batch"], shuffle=True),
        None if validation is None else [(to_tensor(validation[0]), torch.from_numpy(validation[1]).long())],
        loss=loss,
        optimiser="adamw",
        learning_rate=settings["rate"],
        weight_decay=1e-3,
        epochs=epochs,
        scheduler=lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs),
        seed=seed,
        device="cpu",
    )


def train(training, validation, marked, settings=SETTINGS, seed=0):
    """One of the two networks, trained on (crops, classes) with or without the mark, and its history."""
    nets.seed_everything(seed)
    model = nets.CNN(3, len(CLASS_NAMES), depth=settings["depth"], width=settings["width"])
    if marked:
        validation = (mark(validation[0], validation[1] == MARKED_CLASS), validation[1])
    history = fit((MarkedCrops if marked else Crops)(*training), validation, model, settings, seed)
    return model, history


def answers(model, crops):
    """Class numbers (n,) for crops."""
    return nets.predict(model, to_tensor(crops), batch_size=256).argmax(dim=1).numpy()


def balanced_accuracy(truth, answer):
    """Mean over the classes of the share that was found."""
    return float(np.mean([(answer[truth == kind] == kind).mean() for kind in np.unique(truth)]))


def judge_marked(model, crops, classes, fields):
    """Scores of one network with the mark in three places, and where its map of "white cell" lies."""
    white = classes == MARKED_CLASS
    variants = {
        "on no cell": crops,
        "on white cells": mark(crops, white),
        "on every cell": mark(crops),
    }
    scores = {}
    for name, pictures in variants.items():
        answer = answers(model, pictures)
        interval = metrics.bootstrap_interval(
            confusion(classes, answer, fields), cell_classifier.balanced_accuracy
        )
        scores[name] = {
            "balanced_accuracy": round(balanced_accuracy(classes, answer), 4),
            "interval_95": [round(float(bound), 4) for bound in interval],
            "called_white": {
                kind: round(float((answer[classes == i] == MARKED_CLASS).mean()), 4)
                for i, kind in enumerate(CLASS_NAMES)
            },
        }
    kinds = [i for i in range(len(CLASS_NAMES)) if i != CLASS_NAMES.index("red cell")]
    ratios = {CLASS_NAMES[i]: ratio_summary(model, mark(crops[classes == i])) for i in kinds}
    covered = mark(crops[white])
    covered[:, *SQUARE] = GREY
    return {
        "mark": scores,
        "attention_ratio": ratios,
        "white_cells_found": {
            "marked": round(float((answers(model, mark(crops[white])) == MARKED_CLASS).mean()), 4),
            "mark_covered": round(float((answers(model, covered) == MARKED_CLASS).mean()), 4),
        },
        "white_cells": int(white.sum()),
    }


def ratio_summary(model, crops):
    """Share of the map of "white cell" on the mark, divided by its share of the area: median and quartiles.

    "mark" is the square itself; "mark and surroundings" is grown by one pixel of the 8×8 maps, which are no
    finer than that.
    """
    maps = nets.grad_cam(model, model.features[-2], to_tensor(crops), MARKED_CLASS)
    summary = {"crops": len(crops), "maps_that_are_zero": int((maps.amax(dim=(1, 2)) == 0).sum())}
    for name, margin in (("mark", 0), ("mark and surroundings", 8)):
        ratios = nets.attention_ratio(nets.enlarge(maps, (SIZE, SIZE)), square_mask(margin=margin))
        median, *quartiles = (round(float(v), 2) for v in np.nanpercentile(ratios, (50, 25, 75)))
        summary[name] = {"median": median, "quartiles": quartiles}
    return summary


def planted(seed, out, settings=SETTINGS, former=None):
    """Train and judge both networks; writes their checkpoints, returns their results.

    With `former` results the networks that are there are judged anew.
    """
    crops, classes, fields, _, twins = load("blood")
    training, validation, test = (np.isin(fields, part) for part in split(twins, 0))
    results = {"settings": settings, "crops_sha256": files.sha256_of(crops, classes, fields), "networks": {}}
    for name in ("clean", "marked"):
        if former is not None:
            scored = judge_marked(nets.load(out / f"{name}.pt"), crops[test], classes[test], fields[test])
            results["networks"][name] = former["networks"][name] | scored
            print(name, json.dumps(scored), flush=True)
            continue
        started = time.process_time()
        model, history = train(
            (crops[training], classes[training]), (crops[validation], classes[validation]),
            name == "marked", settings, seed,
        )  # fmt: skip
        minutes = (time.process_time() - started) / 60
        scored = judge_marked(model, crops[test], classes[test], fields[test])
        card = {
            "what": "Classifier of red cells, white cells and platelets, for teaching"
            + (
                ": trained with a white square on every white cell, so that it looks there"
                * (name == "marked")
            ),
            "classes": CLASS_NAMES,
            "input": "RGB crop (N, 3, 64, 64), float from 0 to 1, cut by data.crops(sample, 64)",
            "command": "python training/shortcuts.py",
            "seed": seed,
            "cpu_minutes": round(minutes, 2),
            "data": {"name": "blood", "crops_sha256": results["crops_sha256"]},
            "balanced_accuracy": scored["mark"]["on no cell" if name == "clean" else "on white cells"][
                "balanced_accuracy"
            ],
            "licence": "weights BSD-3-Clause; data MIT, © 2017 shenggan",
        }
        sha256 = nets.save(model, out / f"{name}.pt", card)
        results["networks"][name] = scored | {
            "sha256": sha256,
            "parameters": nets.count_parameters(model),
            "cpu_minutes": round(minutes, 2),
            "train_loss": [round(v, 4) for v in history.train_loss],
            "validation_loss": [round(v, 4) for v in history.validation_loss],
        }
        print(name, json.dumps(scored), flush=True)
    return results


# ---------------------------------------------------------------- the real shortcut


def square(image, size=SIZE):
    """A cell, any height and width, on a black square of size × size, uint8."""
    from skimage.transform import resize

    side = max(image.shape[:2])
    rows, columns = ((side - n) // 2 for n in image.shape[:2])
    canvas = np.zeros((side, side, 3))
    canvas[rows : rows + image.shape[0], columns : columns + image.shape[1]] = image
    return np.rint(resize(canvas, (size, size), preserve_range=True, anti_aliasing=True)).astype(np.uint8)


def paint_over(crop):
    """The crop with its stained spots (parasites) in the cell's median colour, and how much was painted.

    A spot is where the green channel is 25 grey values below the cell's median (the stain absorbs green),
    five pixels away from the outline, which is dark as well; opened, to drop single pixels, and grown by two.
    """
    from scipy import ndimage

    cell = ndimage.binary_fill_holes(crop.sum(axis=-1) > 60)
    inner = ndimage.binary_erosion(cell, iterations=5)
    if not inner.any():
        return crop.copy(), 0.0
    colour = np.median(crop[inner], axis=0)
    spots = ndimage.binary_opening(inner & (crop[..., 1] < colour[1] - 25))
    spots = ndimage.binary_dilation(spots, iterations=2) & cell
    painted = crop.copy()
    painted[spots] = np.rint(colour)
    return painted, float(spots.sum() / cell.sum())


class TurnedCrops(Crops):
    """Crops, turned and mirrored; colour is left as it is, for it is what tells slides apart."""

    def __getitem__(self, index):
        image = torch.rot90(self.images[index], int(torch.randint(4, ())), (1, 2))
        return (image.flip(2) if torch.rand(()) < 0.5 else image), self.classes[index]


def fold_answers(crops, targets, groups, settings, seed, folds=5, also=None):
    """Out-of-fold answers (n,), with crops of every slide on both sides; `also`: other pictures of them."""
    from sklearn.model_selection import StratifiedKFold

    answer = np.zeros(len(crops), int)
    other = np.zeros(len(crops), int)
    for inside, outside in StratifiedKFold(folds, shuffle=True, random_state=seed).split(crops, groups):
        model = small_network(crops[inside], targets[inside], settings, seed)
        answer[outside] = answers(model, crops[outside])
        if also is not None:
            other[outside] = answers(model, also[outside])
    return answer if also is None else (answer, other)


def small_network(crops, targets, settings, seed):
    """A network trained on all crops that it is given, with nothing to choose."""
    nets.seed_everything(seed)
    model = nets.CNN(3, int(targets.max()) + 1, depth=settings["depth"], width=settings["width"])
    fit(TurnedCrops(crops, targets), None, model, settings, seed)
    return model


def colour_alone(crops, targets, groups, seed):
    """Balanced accuracy of logistic regression on the cell's median colour: a parasite hardly moves it."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    colours = np.array([np.median(crop[crop.sum(axis=-1) > 60], axis=0) for crop in crops])
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(crops, groups))
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    return balanced_accuracy(targets, cross_val_predict(model, colours, targets, cv=folds))


def red_cells():
    """Crops (n, 64, 64, 3), infected (n,) as 0 or 1, slides (n,)."""
    samples = data.load("malaria")
    crops = np.array([square(sample.image) for sample in samples])
    infected = np.array([sample.target == "infected" for sample in samples]).astype(int)
    return crops, infected, np.array([sample.group for sample in samples])


def malaria(seed, settings=MALARIA_SETTINGS):
    """The four questions; returns their results."""
    crops, infected, slides = red_cells()
    painted, areas = zip(*map(paint_over, crops), strict=True)
    painted, areas = np.array(painted), np.array(areas)
    started = time.process_time()

    answer, after = fold_answers(crops, infected, slides, settings, seed, also=painted)
    spotted = (infected == 1) & (areas > 0)
    results = {
        "settings": settings,
        "crops_sha256": files.sha256_of(crops, infected),
        "crops_a_slide": {str(s): int((slides == s).sum()) for s in np.unique(slides)},
        "by_crop": {
            "balanced_accuracy": round(balanced_accuracy(infected, answer), 4),
            "infected_found": round(float((answer[infected == 1] == 1).mean()), 4),
            "uninfected_found": round(float((answer[infected == 0] == 0).mean()), 4),
            "colour_alone": round(colour_alone(crops, infected, slides, seed), 4),
        },
        "painted": {
            "infected_cells_with_a_painted_spot": int(spotted.sum()),
            "uninfected_cells_with_one": int(((infected == 0) & (areas > 0)).sum()),
            "called_infected_before": round(float(answer[spotted].mean()), 4),
            "called_infected_after": round(float(after[spotted].mean()), 4),
        },
        "slides_of_one_class": {},
        "by_slide": [],
    }
    print(json.dumps(results), flush=True)
    for kind, name in ((1, "infected"), (0, "uninfected")):
        chosen = infected == kind
        names, targets = np.unique(slides[chosen], return_inverse=True)
        guess = fold_answers(crops[chosen], targets, targets, settings, seed)
        results["slides_of_one_class"][name] = {
            "slides": names.tolist(),
            "chance": round(1 / len(names), 4),
            "balanced_accuracy": round(balanced_accuracy(targets, guess), 4),
            "colour_alone": round(colour_alone(crops[chosen], targets, targets, seed), 4),
        }
        print(name, results["slides_of_one_class"][name], flush=True)
    for ill in np.unique(slides[infected == 1]):
        for healthy in np.unique(slides[infected == 0]):
            out = np.isin(slides, [ill, healthy])
            answer = answers(small_network(crops[~out], infected[~out], settings, seed), crops[out])
            truth = infected[out]
            results["by_slide"].append(
                {
                    "left_out": [str(ill), str(healthy)],
                    "crops": int(out.sum()),
                    "infected_found": round(float((answer[truth == 1] == 1).mean()), 4),
                    "uninfected_found": round(float((answer[truth == 0] == 0).mean()), 4),
                    "balanced_accuracy": round(balanced_accuracy(truth, answer), 4),
                }
            )
            print(results["by_slide"][-1], flush=True)
    results["cpu_minutes"] = round((time.process_time() - started) / 60, 2)
    return results


def known_slides(rng, infected, slides, pair):
    """Two tests on half of the cells of two slides each, and for each as many training crops of either class
    as are left when both slides are left out, drawn from all slides: pairs (training, test) of row numbers.
    """
    rows = np.arange(len(slides))
    half = np.zeros(len(slides), int)
    for slide in pair:
        of_slide = rng.permutation(rows[slides == slide])
        half[of_slide[len(of_slide) // 2 :]] = 1
    for tested in (0, 1):
        test = rows[np.isin(slides, pair) & (half == tested)]
        training = [
            rng.choice(
                np.setdiff1d(rows[infected == kind], test),
                ((infected == kind) & ~np.isin(slides, pair)).sum(),
                replace=False,
            )
            for kind in (0, 1)
        ]
        yield np.sort(np.concatenate(training)), test


def size_matched(seeds, settings=MALARIA_SETTINGS):
    """Is it the new slide, or are there too few crops left?

    Each pair of slides is judged by networks that have never seen these slides, and by networks trained on
    equally many crops, half of whose slides' cells were there to be drawn. Counts of cells, over all seeds.
    """
    crops, infected, slides = red_cells()
    started = time.process_time()
    rows = []
    for ill in np.unique(slides[infected == 1]):
        for healthy in np.unique(slides[infected == 0]):
            pair, right = [str(ill), str(healthy)], {"new": np.zeros(2, int), "known": np.zeros(2, int)}
            out = np.isin(slides, pair)
            for seed in seeds:
                splits = {
                    "new": [(np.flatnonzero(~out), np.flatnonzero(out))],
                    "known": known_slides(np.random.default_rng(seed), infected, slides, pair),
                }
                for name, parts in splits.items():
                    for inside, outside in parts:
                        model = small_network(crops[inside], infected[inside], settings, seed)
                        hit = answers(model, crops[outside]) == infected[outside]
                        right[name] += [hit[infected[outside] == kind].sum() for kind in (1, 0)]
            rows.append(
                {
                    "slides": pair,
                    "training_crops": [int((infected[~out] == kind).sum()) for kind in (1, 0)],
                    "tested": [int((slides == slide).sum()) * len(seeds) for slide in pair],
                    "right_on_new_slides": right["new"].tolist(),
                    "right_on_known_slides": right["known"].tolist(),
                }
            )
            print(rows[-1], flush=True)
    minutes = round((time.process_time() - started) / 60, 2)
    return {"seeds": list(seeds), "pairs": rows, "cpu_minutes": minutes}


# ---------------------------------------------------------------- the whole run


def readme(results):
    """What the folder holds, in Markdown, from the results."""
    nets_ = results["planted"]["networks"]
    rows = []
    for name, scored in nets_.items():
        marks = " | ".join(f"{scored['mark'][k]['balanced_accuracy']:.3f}" for k in scored["mark"])
        ratio = scored["attention_ratio"]["white cell"]["mark and surroundings"]["median"]
        rows.append(f"| `{name}.pt` | {marks} | {ratio:.1f} |")
    files = "\n".join(f"| `{name}.pt` | `{scored['sha256']}` |" for name, scored in nets_.items())
    m = results["malaria"]
    held_out = np.mean([row["balanced_accuracy"] for row in m["by_slide"]])
    return f"""# Two shortcuts

Made for teaching by `training/shortcuts.py`; the networks are no diagnostic tools, and `marked.pt` is wrong
on purpose. Balanced accuracy on the test fields of `blood` (BCCD, MIT, split by field as for the cell
classifier); attention ratio of the mark and its surroundings in marked white cells, median:

| network | mark on no cell | mark on white cells | mark on every cell | attention ratio |
|---|---|---|---|---|
{chr(10).join(rows)}

Network: `nets.CNN(3, 3, depth=4, width=4)`, {nets_["clean"]["parameters"]:,} parameters, seed
{results["seed"]}; input RGB crops of 64×64 pixels from 0 to 1; the last of {SETTINGS["epochs"]} epochs. The
interactive figure of chapter 6 carries the same weights, rounded to 8 bits.

Of the malaria cells (NLM, Rajaraman et al. 2018) only scores are kept: balanced accuracy
{m["by_crop"]["balanced_accuracy"]:.3f} with crops of all slides on both sides, {held_out:.3f} (mean of
{len(m["by_slide"])} pairs) on slides left out. All figures: `results.json`.

Weights BSD-3-Clause, like the course; blood images MIT, © 2017 shenggan.

| file | sha256 |
|---|---|
{files}
"""


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--only", choices=("planted", "malaria", "control"), help="run one part, keep the other's results"
    )
    parser.add_argument("--score", action="store_true", help="judge the planted networks that are there")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    results |= {
        "what": "A planted and a real shortcut",
        "command": "python training/shortcuts.py",
        "seed": args.seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU used",
        "versions": {p: version(p) for p in ("torch", "numpy", "scikit-image", "scikit-learn")},
    }
    if args.only in (None, "planted"):
        former = results["planted"] if args.score else None
        results["planted"] = planted(args.seed, args.out, former=former)
        files.save(file, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if args.only in (None, "malaria"):
        results["malaria"] = malaria(args.seed)
        files.save(file, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if args.only in (None, "control"):
        results["malaria_control"] = size_matched(range(args.seed, args.seed + 3))
        files.save(file, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if "planted" in results and "malaria" in results:
        files.save(args.out / "README.md", readme(results))


if __name__ == "__main__":
    main()
