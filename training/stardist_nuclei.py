"""Train the course's StarDist model for fluorescence nuclei, and score it.

Data: the StarDist subset of the 2018 Data Science Bowl (``data.load("nuclei-dsb2018")``: 150 images to
train on, 50 to test on). 23 of the 150 are held back for validation. *Nothing* is chosen on the test
images: early stopping, learning rate and thresholds look at the validation images only, and the test
images are scored once, when everything else is fixed.

The nuclei of the test images are often much larger than those of the training images (a median of 394
against 155 pixels). So every training patch is zoomed until its median nucleus has a diameter drawn at
random between 8 and 60 pixels, and validation sees zoomed copies too.

Run it with ``python training/stardist_nuclei.py``. It writes the checkpoint, its card and its results to
``src/bioimage_course/weights/stardist-nuclei/``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "src" / "bioimage_course" / "weights" / "stardist-nuclei"
IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
DIAMETERS = (8, 60)  # pixels; the range that scale augmentation covers
MAX_ZOOM = 4.5


# ---------------------------------------------------------------- data


def load_pairs(split):
    """Images, label images and names of one split of the DSB2018 subset."""
    from bioimage_course import data

    samples = data.load("nuclei-dsb2018").split(split)
    return [s.image for s in samples], [s.labels for s in samples], [s.name for s in samples]


def data_hash(images, masks):
    """One sha256 over all pixels, so that a results file names the data it was made from."""
    digest = hashlib.sha256()
    for array in (*images, *masks):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def clean_labels(labels):
    """Fill holes inside objects and number them 1, 2, 3 …: what StarDist expects to be trained on."""
    from csbdeep.utils import normalize  # noqa: F401  (csbdeep first: it sets up Keras for stardist)
    from stardist import fill_label_holes

    return fill_label_holes(labels.astype(np.int32))


def split_train_validation(n, n_validation, seed):
    """Indices of training and validation images, without overlap."""
    order = np.random.RandomState(seed).permutation(n)
    return sorted(order[n_validation:].tolist()), sorted(order[:n_validation].tolist())


# ---------------------------------------------------------------- augmentation


def median_diameter(labels):
    """Diameter in pixels of the disc that has the median object's area; None without objects."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else None


def zoom_in(image, labels, factor):
    """Enlarge the middle of an image and its labels; the shape stays the same."""
    from skimage.transform import resize

    crop = [max(8, round(n / factor)) for n in image.shape]
    window = tuple(slice((n - c) // 2, (n - c) // 2 + c) for n, c in zip(image.shape, crop, strict=True))
    larger = resize(image[window], image.shape, order=1, preserve_range=True, anti_aliasing=False)
    larger_labels = resize(labels[window], labels.shape, order=0, preserve_range=True, anti_aliasing=False)
    return larger.astype(np.float32), larger_labels.astype(labels.dtype)


def make_augmenter(seed):
    """A function ``(image, labels) -> (image, labels)``: flip, rotate, zoom, brighten, add noise."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)

    def augment(image, labels):
        # scale: towards a diameter between 8 and 60 px, never smaller than the original
        diameter = median_diameter(labels)
        target = np.exp(rng.uniform(*np.log(DIAMETERS)))
        zoom = np.clip(target / diameter, 1, MAX_ZOOM) if diameter else rng.uniform(1, MAX_ZOOM)
        if zoom > 1.05:
            image, labels = zoom_in(image, labels, zoom)
        # orientation: microscopy images have no up and down
        turns = rng.integers(4)
        image, labels = np.rot90(image, turns), np.rot90(labels, turns)
        if rng.random() < 0.5:
            image, labels = image[::-1], labels[::-1]
        # intensity, focus and noise
        if rng.random() < 0.2:
            image = gaussian_filter(image, rng.uniform(0.3, 1.2))
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
        target, diameter = rng.uniform(30, 55), median_diameter(labels)
        if diameter and target / diameter > 1.2:
            larger = zoom_in(image, labels, min(MAX_ZOOM, target / diameter))
            if len(np.unique(larger[1])) > 2:
                copies.append(larger)
    return list(images) + [c[0] for c in copies], list(masks) + [c[1] for c in copies]


# ---------------------------------------------------------------- training


def cosine(epochs, first, last=1e-5):
    """Learning rate of an epoch: short warm-up, then half a cosine from `first` down to `last`."""

    def rate(epoch, _current=None):
        if epoch < 2:
            return first * (epoch + 1) / 3
        return last + 0.5 * (first - last) * (1 + np.cos(np.pi * (epoch - 2) / max(1, epochs - 2)))

    return rate


def train(train_pairs, validation_pairs, *, epochs, steps, batch, patch, filters, depth, seed, folder):
    """Train one StarDist model; returns it (best validation weights loaded) and its history."""
    import tensorflow as tf
    from stardist.models import Config2D, StarDist2D

    np.random.seed(seed)
    tf.keras.utils.set_random_seed(seed)
    config = Config2D(
        n_rays=32, grid=(2, 2), n_channel_in=1, unet_n_depth=depth, unet_n_filter_base=filters,
        train_patch_size=(patch, patch), train_batch_size=batch, train_epochs=epochs,
        train_steps_per_epoch=steps, train_learning_rate=4e-4, train_tensorboard=False,
        train_reduce_lr=None, train_n_val_patches=64,
    )
    model = StarDist2D(config, name="stardist-nuclei", basedir=str(folder))
    model.prepare_for_training()
    rate = cosine(epochs, config.train_learning_rate)
    model.callbacks.append(tf.keras.callbacks.LearningRateScheduler(lambda epoch, lr: float(rate(epoch))))
    history = model.train(*train_pairs, validation_data=validation_pairs, augmenter=make_augmenter(seed),
                          seed=seed, workers=1)
    return model, {k: [round(float(v), 5) for v in vs] for k, vs in history.history.items()}


def predict_all(model, images, **kwargs):
    """Label images of a list of normalised images."""
    return [model.predict_instances(x, verbose=False, show_tile_progress=False, **kwargs)[0] for x in images]


def score(truths, predictions):
    """AP = TP / (TP + FP + FN) over IoU thresholds: pooled over all nuclei, and as mean over images."""
    from stardist.matching import matching, matching_dataset

    rows = []
    for threshold in IOU_THRESHOLDS:
        pooled = matching_dataset(truths, predictions, thresh=threshold, by_image=False, show_progress=False)
        mean = matching_dataset(truths, predictions, thresh=threshold, by_image=True, show_progress=False)
        rows.append({
            "iou": threshold, "tp": int(pooled.tp), "fp": int(pooled.fp), "fn": int(pooled.fn),
            "ap_pooled": round(float(pooled.accuracy), 4), "ap_mean_over_images": round(float(mean.accuracy), 4),
            "precision": round(float(pooled.precision), 4), "recall": round(float(pooled.recall), 4),
            "f1": round(float(pooled.f1), 4),
        })
    images = [matching(t, p, thresh=0.5) for t, p in zip(truths, predictions, strict=True)]
    return rows, images


def per_image(names, images, truths, matchings):
    """One row an image: size, nuclei, their median diameter, and TP, FP, FN at IoU 0.5."""
    return [
        {
            "name": name, "shape": list(image.shape), "nuclei": int(len(np.unique(truth)) - 1),
            "median_diameter_px": round(median_diameter(truth) or 0, 1),
            "tp": int(m.tp), "fp": int(m.fp), "fn": int(m.fn), "ap": round(float(m.accuracy), 4),
        }
        for name, image, truth, m in zip(names, images, truths, matchings, strict=True)
    ]


# ---------------------------------------------------------------- the whole run


def prepare(split):
    """Normalised images, cleaned labels, names and the data's hash of one split."""
    from csbdeep.utils import normalize

    images, masks, names = load_pairs(split)
    digest = data_hash(images, masks)
    return [normalize(x, 1, 99.8) for x in images], [clean_labels(y) for y in masks], names, digest


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_text(path, text):
    """Write a file in one go: a temporary file first, then a rename."""
    temporary = Path(f"{path}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=150, help="steps an epoch")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--patch", type=int, default=192, help="side of a training patch in pixels")
    parser.add_argument("--filters", type=int, default=32, help="feature maps of the first U-Net level")
    parser.add_argument("--depth", type=int, default=3, help="levels of the U-Net")
    parser.add_argument("--validation", type=int, default=23, help="training images held back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    images, masks, names, train_digest = prepare("train")
    training, validation = split_train_validation(len(images), args.validation, args.seed)
    X, Y = [images[i] for i in training], [masks[i] for i in training]
    VX, VY = validation_set([images[i] for i in validation], [masks[i] for i in validation])
    print(f"{len(X)} training images, {len(validation)} validation images + {len(VX) - len(validation)} zoomed copies")

    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        model, history = train((X, Y), (VX, VY), epochs=args.epochs, steps=args.steps, batch=args.batch,
                               patch=args.patch, filters=args.filters, depth=args.depth, seed=args.seed, folder=folder)
        train_minutes = (time.time() - started) / 60
        model.optimize_thresholds(VX, VY)
        thresholds = {k: round(float(v), 6) for k, v in model.thresholds._asdict().items()}
        args.out.mkdir(parents=True, exist_ok=True)
        saved = Path(folder) / "stardist-nuclei"
        for file in ("config.json", "thresholds.json"):
            write_text(args.out / file, json.dumps(json.loads((saved / file).read_text()), indent=1) + "\n")
        model.keras_model.save_weights(str(saved / "weights_best.h5"))
        os.replace(saved / "weights_best.h5", args.out / "weights_best.h5")
        validation_rows, validation_images = score(VY, predict_all(model, VX))

        # From here on nothing is chosen any more.
        TX, TY, test_names, test_digest = prepare("test")
        test_rows, test_images = score(TY, predict_all(model, TX))

    val_names = [names[i] for i in validation] + [f"zoomed copy {i}" for i in range(len(VX) - len(validation))]
    results = {
        "what": "StarDist on the 150 + 50 image subset of the 2018 Data Science Bowl",
        "command": "python training/stardist_nuclei.py " + " ".join(sys.argv[1:] if argv is None else argv),
        "seed": args.seed,
        "settings": {k: v for k, v in vars(args).items() if k != "out"},
        "minutes": {"training": round(train_minutes, 1), "all": round((time.time() - started) / 60, 1)},
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU",
        "versions": {p: version(p) for p in ("stardist", "csbdeep", "tensorflow", "tf-keras", "numpy")}
        | {"python": platform.python_version()},
        "data": {"name": "nuclei-dsb2018", "train_pixels_sha256": train_digest, "test_pixels_sha256": test_digest,
                 "training_images": [names[i] for i in training], "validation_images": [names[i] for i in validation]},
        "weights_sha256": sha256(args.out / "weights_best.h5"),
        "weights_bytes": (args.out / "weights_best.h5").stat().st_size,
        "thresholds": thresholds | {"chosen_on": "validation images and their zoomed copies"},
        "history": history,
        "validation": {"by_iou": validation_rows, "images": per_image(val_names, VX, VY, validation_images)},
        "test": {"by_iou": test_rows, "images": per_image(test_names, TX, TY, test_images)},
    }
    write_text(args.out / "results.json", json.dumps(results, indent=1) + "\n")
    print(f"thresholds {thresholds}; AP@0.5 validation {validation_rows[0]['ap_pooled']}, test {test_rows[0]['ap_pooled']}")


if __name__ == "__main__":
    main()
