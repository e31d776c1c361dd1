"""Score Voronoi-Otsu labelling and a pixel classifier on the 50 test images of DSB2018.

``python training/classical.py --choose`` tries settings on the validation images (and enlarged copies of
them) and prints a table; what was chosen stands in the adapters. ``--annotate`` draws sparse annotations from
the masks of the 127 training images and stores the features of the annotated pixels, which is all that the
classifier is made of. ``--score`` segments the test images, once. Two minutes on two CPU cores in all.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json

import numpy as np

import dsb2018
from bioimage_course import files, metrics
from bioimage_course.tools import pixel_classifier, voronoi_otsu

SEED = 0
PIXELS = {pixel_classifier.BACKGROUND: 20, pixel_classifier.OBJECT: 20, pixel_classifier.BORDER: 15}
"""Annotated pixels of each class in each patch, where it has so many."""
COPIES = 2  # augmented copies of each training image, beside the image itself


def classes_of(labels, width=1):
    """Background, object, and border: pixels within `width` of another object, both sides."""
    from scipy.ndimage import maximum_filter, minimum_filter

    size = 2 * width + 1
    largest = maximum_filter(labels, size)
    smallest = minimum_filter(np.where(labels > 0, labels, np.iinfo(labels.dtype).max), size)
    border = (labels > 0) & (largest > 0) & (smallest < largest)
    return np.where(border, pixel_classifier.BORDER, np.where(labels > 0, pixel_classifier.OBJECT, 1))


def annotate(images, masks):
    """Features and classes of a few pixels in every image and in augmented copies of it.

    Half of the background pixels lie close to an object, where they matter; nothing else is chosen.
    """
    from scipy.ndimage import distance_transform_edt

    rng, augment = np.random.default_rng(SEED), dsb2018.make_augmenter(SEED)
    table, classes = [], []
    for image, labels in zip(images, masks, strict=True):
        image, labels = pixel_classifier.normalise(image), labels.astype(np.int32)
        versions = [(image, labels), *(augment(image, labels) for _ in range(COPIES))]
        for picture, truth in versions:
            layers, _ = pixel_classifier.features(pixel_classifier.normalise(picture))
            kinds = classes_of(truth)
            near = distance_transform_edt(truth == 0) < 6
            for kind, count in PIXELS.items():
                where = [np.flatnonzero(kinds == kind)]
                if kind == pixel_classifier.BACKGROUND:
                    where = [np.flatnonzero((kinds == kind) & near), np.flatnonzero((kinds == kind) & ~near)]
                for pool in where:
                    size = min(len(pool), count // len(where))
                    chosen = rng.choice(pool, size, replace=False)
                    table.append(layers.reshape(-1, layers.shape[-1])[chosen])
                    classes.append(np.full(size, kind, np.uint8))
    return np.concatenate(table), np.concatenate(classes)


def choose():
    """Try settings on validation images and enlarged copies; nothing here has seen a test image."""
    images, masks, _ = dsb2018.load_part("validation")
    images, masks = dsb2018.validation_set(images, masks)
    table, classes = annotate(*dsb2018.load_part("train")[:2])
    print(f"{len(images)} images; {len(classes)} annotated pixels: {np.bincount(classes)[1:]}")
    for outline, share in itertools.product((0.5, 1.0, 2.0), (0.3, 0.4, 0.5)):
        voronoi_otsu.SEED_SHARE = share
        found = [voronoi_otsu.segment(image, outline_sigma=outline) for image in images]
        report(f"voronoi-otsu outline {outline} share {share}", masks, found)
    classifier = pixel_classifier.PixelClassifier(pixel_classifier.grow(table, classes))
    votes = [classifier.probabilities(image) for image in images]
    for threshold, share in itertools.product((0.5, 0.6, 0.7, 0.8), (0.5, 0.6, 0.7)):
        found = [pixel_classifier.cut(vote, classifier.forest.classes_, threshold, share) for vote in votes]
        report(f"pixel classifier threshold {threshold} share {share}", masks, found)


def report(name, masks, found):
    scores = metrics.average_precision_dataset(masks, found)
    print(f"{name}: {scores.pooled[0]:.3f} pooled, {scores.mean[0]:.3f} mean", flush=True)


def store():
    """Write annotations and results file of the pixel classifier."""
    images, masks, names = dsb2018.load_part("train")
    table, classes = annotate(images, masks)
    pixel_classifier.WEIGHTS.mkdir(parents=True, exist_ok=True)
    file = pixel_classifier.WEIGHTS / "annotations.npz"
    stored = {"table": table.astype(np.float16), "classes": classes}
    files.save(file, lambda stream: np.savez_compressed(stream, **stored))
    about = {
        "command": "python training/classical.py --annotate",
        "seed": SEED,
        "data": {
            "collection": dsb2018.COLLECTION,
            "images": names,
            "pixels_sha256": files.sha256_of(*images, *masks),
        },
        "settings": {
            "sigmas": list(pixel_classifier.SIGMAS),
            "threshold": pixel_classifier.THRESHOLD,
            "seed_share": pixel_classifier.SEED_SHARE,
            "copies": COPIES,
        },
        "annotated_pixels": {
            name: int((classes == kind).sum())
            for kind, name in ((1, "background"), (2, "object"), (3, "border"))
        },
        "all_pixels": int(sum(image.size for image in images)),
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()},
    }
    files.save(pixel_classifier.WEIGHTS / "results.json", json.dumps(about, indent=1) + "\n")
    print(about["annotated_pixels"], file.stat().st_size, about["files"])


def score():
    """Segment the test images with both methods, once."""
    dsb2018.score(
        "voronoi-otsu",
        voronoi_otsu.segment,
        chapter="9",
        title="Voronoi-Otsu labelling",
        in_training="nothing to train",
        note="outline_sigma=1 and the share of the inner radius for seeds chosen on validation images.",
        packages=("scikit-image", "scipy"),
    )
    dsb2018.score(
        "pixel-classifier",
        pixel_classifier.segment,
        chapter="9",
        title="Pixel classifier (random forest)",
        in_training="127 images, few pixels of each",
        note="Features of sparse annotations in the training images; settings chosen on validation images.",
        packages=("scikit-image", "scikit-learn", "scipy"),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, words in (
        ("choose", "on validation images"),
        ("annotate", "store"),
        ("score", "on test images"),
    ):
        parser.add_argument(f"--{name}", action="store_true", help=words)
    arguments = parser.parse_args()
    if arguments.choose:
        choose()
    if arguments.annotate:
        store()
    if arguments.score:
        score()


if __name__ == "__main__":
    main()
