"""Train the flow network of chapter 12 on nuclei of the 2018 Data Science Bowl, by cellpose's own means.

    python training/cellpose_flows.py             # trains, chooses thresholds, saves
    python training/cellpose_flows.py --score     # scores the saved checkpoint on the 50 test images

The network is the U-Net of the course (``tools.cellpose.flow_network``), 1.0 million parameters instead of
Cellpose-SAM's 304 million. Everything else is cellpose's own: the flows of the labels, the augmentation by
rotation and scale, the loss, the optimiser (``cellpose.train.train_seg``), the way back from flows to labels.
Because train_seg takes arrays and no augmenter, focus, brightness and noise vary between copies of the
training images that are made beforehand. Thresholds are chosen on the 23 validation images and their zoomed
copies; the test images are looked at once, at the end, by ``--score``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

import dsb2018
from bioimage_course import compat, data, files, metrics, nets, tools

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "cellpose-flows"
FILE = "cellpose-flows.pt"
CELLPROBS = (-1.0, 0.0, 1.0)
FLOW_ERRORS = (0.4, 0.8, None)
SCALES = (None, "auto")


# ---------------------------------------------------------------- data


def normalise(images):
    """Percentiles 1 and 99.8 at 0 and 1, so that the augmenter's noise and offsets have one scale."""
    return [data.normalise(image) for image in images]


def copies(images, masks, n, seed):
    """Tiles of the training images, and n − 1 altered copies of each (turned, blurred, brighter, noisier)."""
    augment = dsb2018.make_augmenter(seed, zooming=False)
    pairs = list(zip(*dsb2018.tiles(images, masks), strict=True))
    pairs += [augment(*pair) for _ in range(n - 1) for pair in pairs]
    return [np.ascontiguousarray(x) for x, _ in pairs], [y.astype(np.int32) for _, y in pairs]


# ---------------------------------------------------------------- training


def train(training, validation, folder, args):
    """The trained network and its losses (training: every epoch, validation: every tenth)."""
    from cellpose import train as cellpose_train

    nets.seed_everything(args.seed)
    network = tools.cellpose.flow_network(args.width, args.depth)
    if args.start:
        nets.load(args.start, model=network)
    _, losses, validation_losses = cellpose_train.train_seg(
        network,
        train_data=training[0],
        train_labels=training[1],
        test_data=validation[0],
        test_labels=validation[1],
        n_epochs=args.epochs,
        nimg_per_epoch=args.patches,
        batch_size=args.batch,
        bsize=args.patch,
        learning_rate=args.rate,
        weight_decay=args.decay,
        rescale=True,  # to a median diameter of 30 pixels …
        scale_range=args.scales,  # … times a factor from 1 − scales/2 to 1 + scales/2
        min_train_masks=1,
        save_path=folder,
        save_every=20,
        save_each=True,
        model_name="flows",
    )
    looked = [epoch for epoch in range(args.epochs) if epoch == 5 or epoch % 10 == 0]
    return network, {
        "train_loss": [round(float(v), 4) for v in losses],
        "validation_loss": {epoch: round(float(validation_losses[epoch]), 4) for epoch in looked},
    }


# ---------------------------------------------------------------- thresholds, on validation images


def average_precision(model, images, masks, **options):
    """Pooled AP at an IoU of 0.5."""
    found = [tools.cellpose.segment(image, model, **options) for image in images]
    return float(metrics.average_precision_dataset(masks, found).pooled[0])


def choose(model, images, masks):
    """Thresholds and handling of scale with the best AP@0.5, chosen one after the other; and all tried."""
    best, tried = {"cellprob_threshold": 0.0, "flow_threshold": 0.4, "diameter": None}, []
    for name, values in (
        ("cellprob_threshold", CELLPROBS),
        ("flow_threshold", FLOW_ERRORS),
        ("diameter", SCALES),
    ):
        for value in values:
            row = best | {name: value}
            if row not in [other["options"] for other in tried]:
                tried.append({"options": row, "ap": round(average_precision(model, images, masks, **row), 4)})
                print(tried[-1], flush=True)
        best = max(tried, key=lambda row: row["ap"])["options"]
    return best, tried


# ---------------------------------------------------------------- the whole run


def validation_pairs():
    """Validation images and their zoomed copies, normalised, with their labels."""
    images, masks, _ = dsb2018.load_part("validation")
    return dsb2018.validation_set(normalise(images), masks)


def run(args, command):
    """Train, save, choose thresholds, save again."""
    parts = {part: dsb2018.load_part(part) for part in ("train", "validation")}
    training = copies(normalise(parts["train"][0]), parts["train"][1], args.copies, args.seed)
    validation = validation_pairs()
    if args.limit:
        training, validation = (tuple(x[: args.limit] for x in pair) for pair in (training, validation))
    print(f"{len(training[0])} training tiles, {len(validation[0])} validation images and copies", flush=True)
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        network, history = train(training, validation, args.keep or folder, args)
    minutes = round((time.time() - started) / 60, 1)
    names = ("epochs", "patches", "batch", "patch", "rate", "decay", "scales", "copies", "width", "depth")
    results = {
        "what": "flow network for fluorescence nuclei of the 2018 Data Science Bowl",
        "command": command,
        "seed": args.seed,
        "settings": {name: getattr(args, name) for name in names},
        "minutes": minutes,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, no GPU used",
        "versions": {p: version(p) for p in ("cellpose", "torch", "numpy")}
        | {"python": platform.python_version()},
        "data": {
            "name": dsb2018.COLLECTION,
            "training_images": parts["train"][2],
            "validation_images": parts["validation"][2],
            "train_pixels_sha256": files.sha256_of(*parts["train"][0], *parts["train"][1]),
        },
        "history": history,
    }
    card = {"what": results["what"], "made_by": command, "licence": "CC0-1.0, like the data"}
    results["files"] = {FILE: nets.save(network, args.out / FILE, card)}
    write(results, args.out)
    finish(network, results, validation, args.out)


def finish(network, results, validation, out):
    """Choose the thresholds of a trained network and write them down."""
    thresholds, tried = choose(tools.cellpose.as_cellpose(network), *validation)
    ap = max(row["ap"] for row in tried)
    results |= {"thresholds": thresholds, "tried_on_validation": tried, "ap_validation": ap}
    write(results, out)


def write(results, out):
    """Results and, once the thresholds are chosen, the card."""
    files.save(out / "results.json", json.dumps(results, indent=1) + "\n")
    if "thresholds" in results:
        files.save(out / "README.md", describe(results))


def read(out):
    """Results written before."""
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def describe(results):
    """The checkpoint's card, in Markdown, from its results."""
    s, t = results["settings"], results["thresholds"]
    low, high = 30 * (1 - s["scales"] / 2), 30 * (1 + s["scales"] / 2)
    rows = {
        "data": f"`{results['data']['name']}`: {len(results['data']['training_images'])} training and "
        f"{len(results['data']['validation_images'])} validation images of the 2018 Data Science Bowl "
        "(BBBC038, CC0)",
        "network": f"`tools.cellpose.flow_network({s['width']}, {s['depth']})`: the course's U-Net on 2 × 2 "
        "pixel patches; output: two flows (times 5) and a cell logit",
        "input": "one channel, bright nuclei on a dark background, percentiles 1 and 99 mapped to 0 and 1",
        "training": f"`cellpose.train.train_seg`, {s['epochs']} epochs × {s['patches']} patches of "
        f"{s['patch']}², nuclei scaled to {low:.0f} to {high:.0f} pixels, seed {results['seed']}, "
        f"{results['minutes']:.0f} minutes on {results['machine']}",
        "thresholds": f"cellprob {t['cellprob_threshold']}, flow {t['flow_threshold']}, "
        f"diameter {t['diameter']!r}; chosen on validation images and their zoomed copies",
        "AP@0.5, validation": f"{results['ap_validation']:.3f} pooled over nuclei, zoomed copies included",
        "AP@0.5, 50 test images": (
            f"{results['test']['ap_pooled']:.3f} pooled over nuclei "
            f"({results['test']['ap_mean_over_images']:.3f} mean over images)"
            if "test" in results
            else "not scored yet"
        ),
        "licence": "weights CC0 1.0, like the data",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    files = "\n".join(f"| `{name}` | `{digest}` |" for name, digest in results["files"].items())
    return f"""# Flow network for fluorescence nuclei

Made for teaching: for research start with Cellpose-SAM. Load it with `tools.cellpose.course_model()`.

| | |
|---|---|
{table}

AP is TP / (TP + FP + FN). Nothing was chosen on the test images, except that we knew their nuclei to be
larger than those of the training images. All figures: `results.json`, image by image
`../dsb2018/cellpose.json`.
To reproduce: `{results["command"]}`, then the same with `--score`.

**Limits.** Fluorescence only, one channel, no overlapping nuclei. The test images come from the same
collection as the training images: expect less elsewhere.

| file | sha256 |
|---|---|
{files}
"""


def load(out):
    """The checkpoint in a folder, as a CellposeModel."""
    settings = read(out)["settings"]
    network = tools.cellpose.flow_network(settings["width"], settings["depth"])
    return tools.cellpose.as_cellpose(nets.load(out / FILE, model=network))


def score(out):
    """Score the saved checkpoint on the 50 test images, once."""
    results, model = read(out), load(out)
    scores = dsb2018.score(
        "cellpose",
        lambda image: tools.cellpose.segment(image, model, **results["thresholds"]),
        chapter="12",
        title="Cellpose flows, our own small network",
        in_training="127 images",
        note="The course's own U-Net, trained and evaluated by cellpose; thresholds from validation images.",
        packages=("cellpose", "torch"),
    )
    results["test"] = {
        "ap_pooled": round(float(scores.pooled[0]), 6),
        "ap_mean_over_images": round(float(scores.mean[0]), 4),
    }
    write(results, out)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--patches", type=int, default=80, help="patches an epoch")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=160, help="side of a training patch in pixels")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.01, help="weight decay")
    parser.add_argument("--scales", type=float, default=1.5, help="range of scale augmentation, 0 to 2")
    parser.add_argument("--copies", type=int, default=3, help="altered copies of each tile, itself included")
    parser.add_argument("--width", type=int, default=24, help="channels of the U-Net's first block")
    parser.add_argument("--depth", type=int, default=3, help="poolings of the U-Net")
    parser.add_argument("--start", type=Path, help="checkpoint of the course to continue from")
    parser.add_argument("--keep", type=Path, help="folder for cellpose's own checkpoints, every 20 epochs")
    parser.add_argument("--limit", type=int, help="use the first so many images only, to try things out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--choose", action="store_true", help="train nothing, choose the thresholds again")
    parser.add_argument("--score", action="store_true", help="train nothing, score the checkpoint in --out")
    args = parser.parse_args(argv)
    compat.prepare("cellpose")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if args.score:
        score(args.out)
    elif args.choose:
        finish(load(args.out).net, read(args.out), validation_pairs(), args.out)
    else:
        skip = {"keep", "out"}  # places on one machine
        given = [f"--{k} {v}" for k, v in vars(args).items() if k not in skip and v != parser.get_default(k)]
        run(args, " ".join(["python training/cellpose_flows.py", *given]))


if __name__ == "__main__":
    main()
