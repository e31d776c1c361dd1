"""Hand-made features against those of a vision foundation model, with the same few labels.

Two tasks, each repeated with other labels: nuclei in tissue stained with H&E (eight images of DSB2018; 20 +
20 annotated pixels of one image, scored on the other seven), and nuclei in mitosis (20 labelled nuclei of
the built-in sample, scored on all others). ``python training/foundation_features.py`` writes
``src/bioimage_course/weights/foundation-features/results.json``; about three minutes on two CPU cores.
"""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from bioimage_course import data, files, metrics, tools

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "foundation-features"
REPEATS = 24
PIXELS = 20  # annotated of each class
MITOSES, OTHERS = 5, 15  # labelled nuclei
TILE = 256


def forest(table, classes, seed):
    """The same classifier for all features."""
    model = RandomForestClassifier(100, class_weight="balanced", min_samples_leaf=2, random_state=seed)
    return model.fit(table, classes)


def tissue():
    """IoU of nuclei and background in H&E, for each set of features and each repetition."""
    samples = list(data.load("tissue-he-dsb2018"))
    truths, tables = [s.labels > 0 for s in samples], {"hand-made": [], "MobileSAM": []}
    started = {}
    for name, make in (
        ("hand-made", lambda x: tools.pixel_classifier.features(x)[0]),
        ("MobileSAM", lambda x: tools.sam_features.features(x, TILE)),
    ):
        began = time.perf_counter()
        for sample in samples:
            tables[name].append(make(sample.image / np.float32(255)))
        started[name] = (time.perf_counter() - began) / len(samples)
        print(f"tissue, {name}: {started[name]:.1f} s an image", flush=True)
    tables["both"] = [np.concatenate(pair, axis=-1) for pair in zip(*tables.values(), strict=True)]
    scores = {name: [] for name in tables}
    for repeat in range(REPEATS):
        rng, annotated = np.random.default_rng(repeat), repeat % len(samples)
        chosen = np.concatenate(
            [rng.choice(np.flatnonzero(truths[annotated] == kind), PIXELS, replace=False) for kind in (0, 1)]
        )
        for name, table in tables.items():
            flat = table[annotated].reshape(-1, table[annotated].shape[-1])
            model = forest(flat[chosen], truths[annotated].ravel()[chosen], repeat)
            found = [
                model.predict(layers[::2, ::2].reshape(-1, layers.shape[-1])) for layers in table
            ]  # every second pixel in both directions tells as much, four times as fast
            ious = [
                metrics.iou(truth[::2, ::2], guess.reshape(truth[::2, ::2].shape))
                for i, (truth, guess) in enumerate(zip(truths, found, strict=True))
                if i != annotated
            ]
            scores[name].append(round(float(np.mean(ious)), 4))
        print(f"tissue {repeat}: " + ", ".join(f"{k} {v[-1]:.3f}" for k, v in scores.items()), flush=True)
    return scores


def mitosis():
    """Balanced accuracy of telling mitoses from other nuclei, for each set of features and repetition."""
    from scipy.ndimage import mean
    from sklearn.metrics import balanced_accuracy_score

    sample, table = data.load("mitosis"), data.mitosis_table()
    truth, numbers = np.asarray(table.classes), np.arange(1, len(table) + 1)
    layers = tools.sam_features.features(tools.pixel_classifier.normalise(sample.image[..., 0]), TILE)
    by_object = np.stack(
        [mean(layers[..., k], sample.labels, numbers) for k in range(layers.shape[-1])], axis=1
    )
    tables = {"hand-made": np.asarray(table.features), "MobileSAM": by_object}
    tables["both"] = np.concatenate(list(tables.values()), axis=1)
    scores = {name: [] for name in tables}
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        chosen = np.concatenate(
            [rng.choice(np.flatnonzero(truth == k), n, replace=False) for k, n in ((1, MITOSES), (0, OTHERS))]
        )
        others = np.setdiff1d(np.arange(len(truth)), chosen)
        for name, features in tables.items():
            guess = forest(features[chosen], truth[chosen], repeat).predict(features[others])
            scores[name].append(round(float(balanced_accuracy_score(truth[others], guess)), 4))
    print("mitosis: " + ", ".join(f"{k} {np.mean(v):.3f}" for k, v in scores.items()), flush=True)
    return scores


def main():
    began = time.perf_counter()
    about = {
        "command": "python training/foundation_features.py",
        "repeats": REPEATS,
        "encoder": "MobileSAM (weights-mobilesam), tiles of 256 pixels enlarged to 1024",
        "tasks": {
            "tissue": {
                "title": "pixels: nuclei in H&E tissue",
                "labels": f"{PIXELS} + {PIXELS} pixels of one image",
                "score": "IoU on seven other images",
                "scores": tissue(),
            },
            "mitosis": {
                "title": "objects: mitosis or not",
                "labels": f"{MITOSES} + {OTHERS} nuclei",
                "score": "balanced accuracy on all other nuclei",
                "scores": mitosis(),
            },
        },
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU used",
        "versions": {name: version(name) for name in ("torch", "scikit-learn", "mobilesam-mirror")},
    }
    files.save(OUT / "results.json", json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
