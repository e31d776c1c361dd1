"""What all training scripts for the nuclei of the 2018 Data Science Bowl share: split, augmentation, score.

Every model of the course learns from the same 127 images, is adjusted on the same 23 (thresholds, early
stopping, choices between variants), and is scored on the same 50, once, when everything is fixed. `score`
writes the counts of each method into one file, ``src/bioimage_course/weights/dsb2018/<method>.json``;
``results.dsb2018.table()`` shows them side by side.

A script beside this one begins with ``import dsb2018``. Run by itself, this file scores the shipped StarDist
model: ``python training/dsb2018.py``.
"""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bioimage_course import data, files, metrics, results, tools

OUT = results.dsb2018.FOLDER
COLLECTION = "nuclei-dsb2018"
VALIDATION_IMAGES = 23
DIAMETERS = (8, 60)  # pixels; the range that scale augmentation covers: what objectives from 10× to 63× show
MAX_ZOOM = 4.5


# ---------------------------------------------------------------- data


def load_pairs(split, name=COLLECTION):
    """Images, label images and names of one published split ("train" or "test"), sorted by name."""
    samples = sorted(data.load(name).split(split), key=lambda sample: sample.name)
    return [s.image for s in samples], [s.labels for s in samples], [s.name for s in samples]


def split_train_validation(n, n_validation=VALIDATION_IMAGES, seed=0):
    """Indices of training and validation images, without overlap."""
    order = np.random.RandomState(seed).permutation(n)
    return sorted(order[n_validation:].tolist()), sorted(order[:n_validation].tolist())


def load_part(part):
    """Images, label images and names of "train" (127), "validation" (23) or "test" (50), as stored."""
    if part == "test":
        return load_pairs("test")
    everything = load_pairs("train")
    training, validation = split_train_validation(len(everything[0]))
    chosen = {"train": training, "validation": validation}[part]
    return tuple([things[i] for i in chosen] for things in everything)


def tiles(images, masks, side=256):
    """Cut large images into tiles, so that a crowded field is drawn as often as its area deserves."""
    cut_images, cut_masks = [], []
    for image, labels in zip(images, masks, strict=True):
        counts = [max(1, round(n / side)) for n in image.shape]
        for rows in np.array_split(np.arange(image.shape[0]), counts[0]):
            for columns in np.array_split(np.arange(image.shape[1]), counts[1]):
                cut_images.append(image[np.ix_(rows, columns)])
                cut_masks.append(labels[np.ix_(rows, columns)])
    return cut_images, cut_masks


# ---------------------------------------------------------------- augmentation


def zoom_in(image, labels, factor):
    """Enlarge the middle of an image and its labels; the shape stays the same."""
    from skimage.transform import resize

    crop = [max(8, round(n / factor)) for n in image.shape]
    window = tuple(slice((n - c) // 2, (n - c) // 2 + c) for n, c in zip(image.shape, crop, strict=True))
    larger = resize(image[window], image.shape, order=1, preserve_range=True, anti_aliasing=False)
    larger_labels = resize(labels[window], labels.shape, order=0, preserve_range=True, anti_aliasing=False)
    return larger.astype(np.float32), larger_labels.astype(labels.dtype)


def make_augmenter(seed, zooming=True):
    """A function ``(image, labels) -> (image, labels)``: zoom, flip, rotate, blur, brighten, add noise.

    The image is normalised (percentiles 1 and 99.8 at 0 and 1). Patches should be square: turns by 90° would
    exchange the sides of others.
    """
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)

    def augment(image, labels):
        # scale: two of three patches, towards a diameter of 8 to 60 px, never below the original
        diameter = metrics.median_diameter(labels)
        target = np.exp(rng.uniform(*np.log(DIAMETERS)))
        zoom = np.clip(target / diameter, 1, MAX_ZOOM) if diameter else rng.uniform(1, MAX_ZOOM)
        if zooming and rng.random() < 2 / 3 and zoom > 1.05:
            image, labels = zoom_in(image, labels, zoom)
        # orientation: microscopy images have no up and down
        turns = rng.integers(4)
        image, labels = np.rot90(image, turns), np.rot90(labels, turns)
        if rng.random() < 0.5:
            image, labels = image[::-1], labels[::-1]
        # intensity, focus and noise
        if rng.random() < 0.15:
            image = gaussian_filter(image, rng.uniform(0.3, 0.8))
        image = np.sign(image) * np.abs(image) ** np.exp(rng.uniform(-0.4, 0.4))
        image = image * rng.uniform(0.6, 1.7) + rng.uniform(-0.15, 0.15)
        image = image + rng.uniform(0, 0.05) * rng.standard_normal(image.shape)
        return image.astype(np.float32), np.ascontiguousarray(labels)

    return augment


def validation_set(images, masks):
    """The validation images themselves, and a copy of each that shows its nuclei 30 to 55 px wide."""
    rng = np.random.default_rng(0)
    copies = []
    for image, labels in zip(images, masks, strict=True):
        target, diameter = rng.uniform(30, 55), metrics.median_diameter(labels)
        if diameter and target / diameter > 1.2:
            larger = zoom_in(image, labels, min(MAX_ZOOM, target / diameter))
            if len(np.unique(larger[1])) > 2:
                copies.append(larger)
    return list(images) + [c[0] for c in copies], list(masks) + [c[1] for c in copies]


# ---------------------------------------------------------------- score


def machine(gpu="no GPU used"):
    """What a score was measured on, in words."""
    return f"{platform.machine()}, {os.cpu_count()} CPU cores, {gpu}"


def same_versions(before, packages):
    """Whether what was recorded hangs on the versions of these distributions that are installed now."""
    return all(before.get(package) == version(package) for package in packages)


def count(truth, labels, thresholds):
    """TP, FP and FN of one image, a list over the thresholds each."""
    matches = metrics.match(truth, labels, thresholds)
    return {key: [int(getattr(m, key)) for m in matches] for key in ("tp", "fp", "fn")}


def pooled(rows):
    """AP over the thresholds, pooled over the objects of all images, from the rows of `count`."""
    tp, fp, fn = (np.sum([row[key] for row in rows], axis=0) for key in ("tp", "fp", "fn"))
    return np.round(tp / (tp + fp + fn), 3).tolist()


def segment_all(segment, images):
    """Labels of all images, and mean seconds of one.

    Parameters
    ----------
    segment : callable
        ``segment(image) -> labels``. If it has ``timed(image) -> (labels, seconds)``, because it remembers
        what an image took when it was new, that counts.
    images : iterable of arrays

    Returns
    -------
    list of array, float
    """

    def measured(image):
        started = time.perf_counter()
        return segment(image), time.perf_counter() - started

    found = [getattr(segment, "timed", measured)(image) for image in images]
    return [labels for labels, _ in found], float(np.mean([seconds for _, seconds in found]))


def score(
    method,
    segment,
    *,
    chapter,
    title,
    in_training,
    note,
    packages=(),
    command=None,
    limit=None,
    gpu="no GPU used",
    out=None,
):
    """Segment the 50 test images, count matches, write the counts into ``<method>.json``.

    Parameters
    ----------
    method : str
        Short name in lower case with hyphens, the name of the file.
    segment : callable
        As for `segment_all`; takes an image as stored (Y, X).
    chapter, title : str
        Number of the chapter that explains the method, and its name in tables.
    in_training : str
        What of DSB2018 the model has seen: "no", "127 images", "unknown" or a short sentence.
    note : str
        One sentence: which weights, which settings, who chose them and on what.
    packages : sequence of str
        Distributions whose versions matter.
    command : str, optional
        How the row was made; by default this very command line.
    limit : int, optional
        Score the first so many images only, for methods that take too long; the file says so.
    gpu : str, optional
        Name of the GPU that was used.
    out : Path, optional
        Folder of the file.

    Returns
    -------
    metrics.DatasetScores
    """
    import sys

    from tqdm.auto import tqdm

    images, truths, names = load_part("test")
    digest = files.sha256_of(*images, *truths)
    images, truths, names = images[:limit], truths[:limit], names[:limit]
    segment(images[0])  # loading and compiling are not counted
    predictions, seconds = segment_all(segment, tqdm(images, desc=method))
    scores = metrics.average_precision_dataset(truths, predictions)
    about = {
        "method": method,
        "title": title,
        "chapter": chapter,
        "in_training": in_training,
        "note": note,
        "command": command or " ".join(["python", "training/" + Path(sys.argv[0]).name, *sys.argv[1:]]),
        "machine": machine(gpu),
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        "test_pixels_sha256": digest,
        "seconds_per_image": round(seconds, 2),
        "iou_thresholds": list(scores.thresholds),
        "images": [
            {"name": name, "tp": tp.tolist(), "fp": fp.tolist(), "fn": fn.tolist()}
            for name, tp, fp, fn in zip(names, scores.tp, scores.fp, scores.fn, strict=True)
        ],
    }
    out = OUT if out is None else out
    out.mkdir(parents=True, exist_ok=True)
    files.save(out / f"{method}.json", json.dumps(about) + "\n")
    print(
        f"{title}: AP@0.5 {scores.pooled[0]:.3f} pooled, {scores.mean[0]:.3f} mean over {len(names)} images"
    )
    return scores


def main():
    score(
        "stardist",
        lambda image: tools.stardist.segment(image, scale="auto"),
        chapter="11",
        title="StarDist",
        in_training="127 images",
        note='The course\'s own model with scale="auto"; thresholds and scale chosen on validation images.',
        packages=("stardist", "csbdeep", "tensorflow", "tf-keras"),
    )


if __name__ == "__main__":
    main()
