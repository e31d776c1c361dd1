"""The experiments of chapter 5 that need many runs: remedies, learning curves, hyperparameters.

Data are simulated (``data.synthetic.foci_crops``): nuclei with repair foci from control and treated fields of
view, and the network shall tell which. Every experiment is repeated with fresh data, fresh first weights
and a fresh order of batches for each seed. Test fields are new ones, the same in all experiments, and nothing
is chosen on them.

Run it with ``python training/overfitting.py``, some minutes on one CPU core. It writes
``src/bioimage_course/weights/overfitting/results.json``, which the chapter's notebook reads.
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

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow tiny networks many times

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bioimage_course import data, files, nets

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "overfitting"
TEST_SEED = 999  # of the new fields on which all experiments are tested

# ---------------------------------------------------------------- the same four functions as in the notebook


def to_tensors(crops):
    """Images (n, 1, 20, 20) with fixed offset and scale, and classes (n,)."""
    images = torch.tensor((crops.images.astype(np.float32) - 180) / 80)
    return images[:, None], torch.tensor(crops.classes)


def make_network(width=8, hidden=64, dropout=0.0):
    """Two convolutions with pooling, then two fully connected layers; two scores."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2 * width * 5 * 5, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, 2),
    )  # fmt: skip


def augment(batch):
    """Collate a batch; turn and mirror it, and change each crop's staining and stray light."""
    images, classes = map(torch.stack, zip(*batch, strict=True))
    images = torch.rot90(images, int(torch.randint(4, ())), (2, 3))
    if torch.rand(()) < 0.5:
        images = images.flip(3)
    gain, offset = (
        torch.exp(0.15 * torch.randn(len(images), 1, 1, 1)),
        0.3 * torch.randn(len(images), 1, 1, 1),
    )
    return images * gain + offset, classes


def train(training, validation, *, width=8, hidden=64, dropout=0.0, augmented=False, seed=0, epochs=40,
          learning_rate=2e-3, weight_decay=0.0, patience=None, batch=16, metrics=None):  # fmt: skip
    """A network trained on crops, and its history."""
    nets.seed_everything(seed)
    network = make_network(width, hidden, dropout)
    loader = DataLoader(
        TensorDataset(*to_tensors(training)), batch_size=batch, shuffle=True,
        collate_fn=augment if augmented is True else augmented or None,
    )  # fmt: skip
    history = nets.fit(
        network, loader, [to_tensors(validation)], loss=nn.CrossEntropyLoss(), optimiser="adamw",
        learning_rate=learning_rate, weight_decay=weight_decay, epochs=epochs, patience=patience,
        metrics=metrics, seed=seed, device="cpu", progress=False,
    )  # fmt: skip
    return network, history


# ---------------------------------------------------------------- scores


def score(network, crops):
    """Accuracy and mean loss on crops."""
    images, classes = to_tensors(crops)
    scores = nets.predict(network, images, device="cpu")
    accuracy = (scores.argmax(dim=1) == classes).float().mean().item()
    return accuracy, nn.functional.cross_entropy(scores, classes).item()


def summary(values):
    """Mean with its 95 % interval (Student's t, one value a seed)."""
    from scipy import stats

    values = np.asarray(values, float)
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return {
        "mean": round(float(values.mean()), 4),
        "interval_95": [round(float(values.mean() + s * half), 4) for s in (-1, 1)],
        "seeds": [round(float(v), 4) for v in values],
    }


def fields(count, cells, seed, **options):
    """Crops of `count` fields with `cells` cells each."""
    return data.synthetic.foci_crops(count, cells, seed, **options)


# ---------------------------------------------------------------- experiments


def curves(test):
    """Six training runs that look different, with training, validation and new-field losses."""
    few, many, validation = fields(8, 12, 10), fields(48, 12, 11), fields(12, 12, 20)
    nothing = {"effect": 0.0, "variation": 3}
    mixed = fields(12, 48, 30, **nothing)
    order = np.random.default_rng(0).permutation(len(mixed))
    cut = 2 * len(mixed) // 3
    cases = {
        "underfitting": (many, validation, {"width": 1, "hidden": 2, "learning_rate": 2e-4}),
        "good fit": (many, validation, {"augmented": True}),
        "overfitting": (few, validation, {}),
        "leakage": (mixed.take(order[:cut]), mixed.take(order[cut:]), {"learning_rate": 1e-3}),
        "learning rate too high": (many, validation, {"learning_rate": 0.1}),
        "dropout only in training": (many, validation, {"dropout": 0.85, "augmented": True}),
    }
    found = {}
    for name, (training, held_out, options) in cases.items():
        new = fields(40, 12, TEST_SEED, **nothing) if name == "leakage" else test
        losses = losses_on(training, held_out, new, options)
        found[name] = {key: [round(v, 4) for v in values] for key, values in losses.items()}
        print(name, {key: values[-1] for key, values in found[name].items()}, flush=True)
    return found


def losses_on(training, validation, new, options, epochs=40):
    """Losses of every epoch; new fields are looked at by joining them to the validation batches."""
    parts = [to_tensors(validation), to_tensors(new)]
    sizes = [len(part[1]) for part in parts]
    joined = data.synthetic.FieldCrops(
        np.concatenate([validation.images, new.images]),
        np.concatenate([validation.classes, new.classes]),
        new.class_names,
        np.concatenate([validation.fields, new.fields]),
    )

    def part_loss(place):
        def metric(predictions, targets):
            if len(targets) != sum(sizes):  # a training batch
                return 0.0
            return nn.functional.cross_entropy(predictions[place], targets[place])

        return metric

    metrics = {"validation": part_loss(slice(None, sizes[0])), "new fields": part_loss(slice(sizes[0], None))}
    _, history = train(training, joined, epochs=epochs, metrics=metrics, **options)
    return {"training": history.train_loss} | {k: c["validation"] for k, c in history.metrics.items()}


REMEDIES = {
    "none (overfitting)": {},
    "early stopping": {"patience": 12},
    "smaller network": {"width": 2, "hidden": 8},
    "weight decay": {"weight_decay": 0.3},
    "dropout": {"dropout": 0.5},
    "augmentation": {"augmented": True},
    "four times the fields": {"count": 32},
    "all but more fields": {"augmented": True, "dropout": 0.5, "weight_decay": 0.1, "patience": 12},
    "all together": {"count": 32, "augmented": True, "dropout": 0.5, "weight_decay": 0.1, "patience": 12},
}


def remedies(test, seeds):
    """Each remedy alone and together: accuracy and loss on new fields, and the gain over none."""
    found = {}
    for name, options in REMEDIES.items():
        options = dict(options)
        count = options.pop("count", 8)
        runs = []
        for seed in range(seeds):
            network, history = train(
                fields(count, 12, 100 + seed), fields(8, 12, 200 + seed), seed=seed, **options
            )
            runs.append((*score(network, test), history.train_loss[-1]))
        accuracy, loss, train_loss = zip(*runs, strict=True)
        found[name] = {
            "accuracy": summary(accuracy),
            "loss": summary(loss),
            "training_loss": summary(train_loss),
        }
        base = found["none (overfitting)"]["accuracy"]["seeds"]
        if name != "none (overfitting)":  # the same seed has the same first fields and first weights
            found[name]["gain"] = summary(np.subtract(found[name]["accuracy"]["seeds"], base))
        print(name, found[name]["accuracy"]["mean"], found[name]["accuracy"]["interval_95"], flush=True)
    return found


def turned(batch):
    """Half of `augment`: turn and mirror a batch, leave its light alone."""
    images, classes = map(torch.stack, zip(*batch, strict=True))
    images = torch.rot90(images, int(torch.randint(4, ())), (2, 3))
    return images.flip(3) if torch.rand(()) < 0.5 else images, classes


def relit(batch):
    """The other half: change each crop's staining and stray light, turn nothing."""
    images, classes = map(torch.stack, zip(*batch, strict=True))
    gain, offset = (
        torch.exp(0.15 * torch.randn(len(images), 1, 1, 1)),
        0.3 * torch.randn(len(images), 1, 1, 1),
    )
    return images * gain + offset, classes


def augmentation_parts(test, seeds):
    """Which half of the augmentation helps? The same seeds and fields as in `remedies`."""
    found = {}
    for name, part in (("turning and mirroring", turned), ("staining and stray light", relit)):
        runs = [
            score(
                train(fields(8, 12, 100 + seed), fields(8, 12, 200 + seed), seed=seed, augmented=part)[0],
                test,
            )
            for seed in range(seeds)
        ]  # fmt: skip
        accuracy, loss = zip(*runs, strict=True)
        found[name] = {"accuracy": summary(accuracy), "loss": summary(loss)}
        print(name, found[name]["accuracy"]["mean"], found[name]["loss"]["mean"], flush=True)
    return found


RECIPE = {"augmented": True, "dropout": 0.5, "weight_decay": 0.1, "patience": 12}


def learning_curve(test, seeds):
    """Accuracy against the number of crops: more fields, or more cells of four fields."""
    found = {"more fields": [], "more cells": []}
    for count, cells, way in (
        [(count, 12, "more fields") for count in (4, 8, 16, 32, 64)]
        + [(4, cells, "more cells") for cells in (24, 48, 96)]
    ):  # fmt: skip
        runs = []
        for seed in range(seeds):
            network, _ = train(
                fields(count, cells, 400 + seed), fields(8, 12, 200 + seed), seed=seed, **RECIPE
            )
            runs.append(score(network, test)[0])
        found[way].append({"fields": count, "crops": count * cells, "accuracy": summary(runs)})
        print(way, count, cells, found[way][-1]["accuracy"]["mean"], flush=True)
    found["more cells"].insert(0, found["more fields"][0])
    return found


def search_space(trial):
    """The hyperparameters, and from where to where they may go."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
        "width": trial.suggest_int("width", 2, 16, log=True),
        "augmented": trial.suggest_categorical("augmented", [False, True]),
    }


def search(test, seeds, trials):
    """Optuna's search with few validation fields: the best that it found, and its worth on new fields."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = []
    for seed in range(seeds):
        training, validation = fields(8, 12, 500 + seed), fields(8, 12, 600 + seed)
        tested = {}

        def objective(trial, training=training, validation=validation, tested=tested, seed=seed):
            network, _ = train(training, validation, seed=seed, patience=12, **search_space(trial))
            tested[trial.number] = score(network, test)  # kept aside for the chapter; no trial sees it
            return score(network, validation)[1]

        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(objective, n_trials=trials)
        best = study.best_trial
        settings = {k: v if isinstance(v, bool) else float(f"{v:.3g}") for k, v in best.params.items()}
        found.append(
            {
                "default": judge(training, validation, test, seed),
                "best": judge(training, validation, test, seed, **best.params) | {"settings": settings},
                "trials": [
                    {
                        "validation_loss": round(t.value, 4),
                        "test_accuracy": round(tested[t.number][0], 4),
                        "test_loss": round(tested[t.number][1], 4),
                    }
                    for t in study.trials
                ],
            }
        )
        print("search", seed, found[-1]["default"], found[-1]["best"], flush=True)
    return found


def judge(training, validation, test, seed, **settings):
    """Train with early stopping; scores on the validation fields that chose, and on new fields."""
    network, _ = train(training, validation, seed=seed, patience=12, **settings)
    accuracy, loss = score(network, validation)
    test_accuracy, test_loss = score(network, test)
    return {
        "validation_loss": round(loss, 4),
        "validation_accuracy": round(accuracy, 4),
        "test_loss": round(test_loss, 4),
        "test_accuracy": round(test_accuracy, 4),
    }


# ---------------------------------------------------------------- the whole run


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8, help="repetitions of the remedies")
    parser.add_argument("--curve-seeds", type=int, default=5, help="repetitions of the learning curve")
    parser.add_argument("--searches", type=int, default=3, help="repetitions of the search")
    parser.add_argument("--trials", type=int, default=25, help="trials of a search")
    parser.add_argument("--only", nargs="+", metavar="PART", help="renew these parts, keep the others")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)

    torch.set_num_threads(1)
    started = time.process_time(), time.time()
    test = fields(40, 12, TEST_SEED)
    results = {
        "what": "Overfitting and its remedies on simulated nuclei with repair foci",
        "command": " ".join(["python training/overfitting.py", *(sys.argv[1:] if argv is None else argv)]),
        "seed": "0 to n - 1 for n repetitions; data from the same numbers plus 100, 200, …",
        "data": f"data.synthetic.foci_crops; test: 40 fields of 12 cells, seed {TEST_SEED}",
        "parameters": nets.count_parameters(make_network()),
    }
    parts = {
        "curves": lambda: curves(test),
        "remedies": lambda: remedies(test, args.seeds),
        "augmentation_parts": lambda: augmentation_parts(test, args.seeds),
        "learning_curve": lambda: learning_curve(test, args.curve_seeds),
        "search": lambda: search(test, args.searches, args.trials),
    }
    unknown = set(args.only or ()) - set(parts)
    if unknown:
        parser.error(f"--only knows {', '.join(parts)}, not {sorted(unknown)[0]}")
    if args.only:
        kept = json.loads((args.out / "results.json").read_text(encoding="utf-8"))
        results = kept | {name: part() for name, part in parts.items() if name in args.only}
        files.save(args.out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        return
    results |= {name: part() for name, part in parts.items()}
    results |= {
        "cpu_minutes": round((time.process_time() - started[0]) / 60, 2),
        "minutes": round((time.time() - started[1]) / 60, 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores (one used), no GPU",
        "versions": {p: version(p) for p in ("torch", "numpy", "optuna")}
        | {"python": platform.python_version()},
    }
    files.save(args.out / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"{results['cpu_minutes']} CPU minutes")


if __name__ == "__main__":
    main()
