"""Score Segment Anything on the nuclei of DSB2018 with perfect prompts.

Nothing is trained here. MobileSAM (``vit_t`` in micro-sam) learnt from photographs; no image of DSB2018 was
among them. The 50 test images are segmented in two ways:

- *boxes*: the bounding box of each true nucleus as prompt;
- *clicks*: one click in each true nucleus, on the pixel farthest from its border.

Both are upper bounds ("with perfect prompts"), not methods: somebody has to know where the nuclei are.
``micro_sam_grids.py`` scores what needs no such help, a grid of clicks.

Run it with ``python training/micro_sam_prompts.py``, some twenty minutes on one idle CPU core; ``--limit 12``
scores the first twelve images only, as the results files then say. It writes to
``src/bioimage_course/weights/micro-sam/`` one file for each way and ``results.json``. Scores of all 50 images
go to ``src/bioimage_course/weights/dsb2018/``, where the table of all methods looks for them. Every
finished image is kept in ``--cache``, so that a run can be taken up where it stopped (``--stop-after 120``
stops it after two minutes).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

import dsb2018
from bioimage_course import files, metrics, tools
from bioimage_course.materials.ch13 import clicked

OUT = dsb2018.OUT.parent / "micro-sam"
PACKAGES = ("micro-sam", "mobilesam-mirror", "torch")
METHODS = {
    "sam-boxes": ("SAM, a box around each true nucleus (perfect prompts)", "boxes"),
    "sam-clicks": ("SAM, a click in each true nucleus (perfect prompts)", "points"),
}


def true_prompts(labels):
    """A box (top, left, bottom, right) and a click (row, column) for each object of a label image."""
    boxes, clicks = [], []
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is None:
            continue
        boxes.append([s.start for s in window] + [s.stop for s in window])
        depth = ndimage.distance_transform_edt(np.pad(labels[window] == number, 1))[1:-1, 1:-1]
        inner = np.unravel_index(depth.argmax(), depth.shape)
        clicks.append([s.start + i for s, i in zip(window, inner, strict=True)])
    return {"boxes": np.array(boxes), "points": np.array(clicks)}


class Cache:
    """Arrays that took long, one file each; ``seconds`` says what each took on one core."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name, image, make):
        """The arrays made for an image, from the file if there is one."""
        digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]
        file = self.folder / f"{name}-{digest}.npz"
        if not file.exists():
            started = time.process_time()
            made = make() | {"seconds": time.process_time() - started}
            part = file.with_suffix(".part.npz")
            np.savez_compressed(part, **made)
            part.replace(file)
        return dict(np.load(file))


def embed(cache, image):
    """Embeddings of an image as micro-sam wants them, and the seconds they took."""
    kept = cache.get(
        "embedding", image, lambda: {"features": np.asarray(tools.micro_sam.embed(image)["features"])}
    )
    side = max(image.shape)
    return {
        "features": kept["features"],
        "original_size": image.shape[:2],
        "input_size": tuple(int(n * 1024 / side + 0.5) for n in image.shape[:2]),
    }, float(kept["seconds"])


def prompted(kind, truth, embeddings):
    """Label image, predicted IoUs and packed masks of one image with prompts from its truth."""
    records = tools.micro_sam.masks(
        tools.micro_sam.predictor(), embeddings, **{kind: true_prompts(truth)[kind]}
    )
    return {
        "labels": tools.micro_sam.paint(records, truth.shape),
        "predicted": np.array([r["predicted_iou"] for r in records], np.float32),
        "masks": np.packbits(np.stack([r["segmentation"] for r in records]), axis=-1),
    }


def predictions_of_all(cache, images, truths, log):
    """What both methods make of each test image, and the seconds it took, encoder included."""
    kept = {name: [] for name in METHODS}
    for number, (image, truth) in enumerate(zip(images, truths, strict=True), start=1):
        embeddings, seconds = embed(cache, image)
        for name, (_, kind) in METHODS.items():
            part = cache.get(name, image, partial(prompted, kind, truth, embeddings))
            kept[name].append(part | {"seconds": float(part["seconds"]) + seconds})
            log(f"test image {number} of {len(images)}: {name}")
    return kept


def confidence(kept, truths):
    """Predicted and true IoU of each prompted mask: is SAM's own estimate to be trusted?"""
    rows = {}
    for name in METHODS:
        predicted, true = [], []
        for part, truth in zip(kept[name], truths, strict=True):
            drawn = np.unpackbits(part["masks"], axis=-1, count=truth.shape[1]).astype(bool)
            numbers = [n for n in np.unique(truth) if n]
            predicted += part["predicted"].tolist()
            true += [metrics.iou(truth == n, mask) for n, mask in zip(numbers, drawn, strict=True)]
        rows[name] = {
            "predicted": [round(float(v), 3) for v in predicted],
            "true": [round(float(v), 3) for v in true],
        }
    return rows


def grid_hits(truths, sides=(8, 16, 32)):
    """How many true nuclei contain a click of a grid: those that AMG asks about."""
    rows = []
    for side in sides:
        hit = sum(len(clicked(labels, side)) for labels in truths)
        nuclei = sum(len(np.unique(labels)) - 1 for labels in truths)
        rows.append({"side": side, "hit": hit, "nuclei": int(nuclei)})
    return rows


def note_seconds(name, seconds):
    """Write into a method's scores what an image took when its masks were made."""
    file = dsb2018.OUT / f"{name}.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    about["seconds_per_image"] = round(float(seconds), 2)
    about["machine"] = "x86_64, seconds of one CPU core, no GPU used"
    files.save(file, json.dumps(about) + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "micro-sam-prompts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="score the first so many test images only")
    parser.add_argument("--stop-after", type=float, default=float("inf"), help="seconds")
    parser.add_argument("--hits", action="store_true", help="only count the nuclei that a grid hits")
    options = parser.parse_args(arguments)
    if options.hits:
        results = json.loads((OUT / "results.json").read_text(encoding="utf-8"))
        results["grid_hits"] = grid_hits(dsb2018.load_part("test")[1])
        return files.save(OUT / "results.json", json.dumps(results) + "\n")
    import torch

    torch.set_num_threads(options.threads)
    started = time.perf_counter()

    def log(text):
        seconds = time.perf_counter() - started
        print(f"{seconds:6.0f} s  {text}", flush=True)
        if seconds > options.stop_after and text != "done":
            raise SystemExit(3)

    cache = Cache(options.cache)
    images, truths, _ = (part[: options.limit] for part in dsb2018.load_part("test"))
    command = "python training/micro_sam_prompts.py" + (f" --limit {options.limit}" if options.limit else "")
    kept = predictions_of_all(cache, images, truths, log)
    if options.limit:  # a part of the images must not stand in the table of those that were scored on all
        dsb2018.OUT = OUT
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (title, _) in METHODS.items():
        answers = {image.tobytes(): part["labels"] for image, part in zip(images, kept[name], strict=True)}
        dsb2018.score(
            name,
            lambda image, answers=answers: answers[image.tobytes()],
            chapter="13",
            title=title,
            in_training="no",
            note="MobileSAM's published weights (vit_t), trained on photographs. "
            "Prompts come from the true masks: an upper bound, not a method.",
            packages=PACKAGES,
            command=command,
            limit=options.limit,
        )
        note_seconds(name, np.mean([p["seconds"] for p in kept[name]]))
    results = {
        "command": command,
        "checkpoint": tools.micro_sam.CHECKPOINT,
        "seconds_per_image": {n: round(float(np.mean([p["seconds"] for p in kept[n]])), 2) for n in METHODS},
        "confidence": confidence(kept, truths),
        "grid_hits": grid_hits(truths),
    }
    files.save(OUT / "results.json", json.dumps(results) + "\n")
    log("done")


if __name__ == "__main__":
    main()
