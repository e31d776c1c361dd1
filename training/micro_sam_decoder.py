"""Train micro-sam's decoder for automatic instance segmentation (AIS) on DSB2018, on a CPU.

AIS needs no prompts: a second decoder on top of Segment Anything's image encoder predicts foreground, distance
to the object's centre and distance from its border, and a watershed makes objects of them (Archit et al.
2025, doi:10.1038/s41592-024-02580-4). The published decoders, ``vit_t_lm`` for instance, are downloads;
this script makes a small one for MobileSAM (``vit_t``) and fluorescence nuclei.

*As in* ``micro_sam.training.train_instance_segmentation``: the decoder's class (``UNETR`` and
``DecoderAdapter``), the three target maps (``PerObjectDistanceTransform``), the loss
(``DiceBasedDistanceLoss``), the optimiser (AdamW), and micro-sam's own classes for the segmentation.

*Different*, because there is no GPU: the image encoder is frozen (micro-sam can do that too), and so its
embeddings are computed once an image, of one augmented version of each training image; the decoder has 16
channels instead of 64 at its finest level; each step sees two quarters of an embedding, not whole images;
the loss is taken at SAM's scale (1024 pixels) before maps are shrunk to the image's size; learning rate
1e-3 instead of 1e-5, since the decoder starts from random weights; convolutions run in bfloat16.

Two corrections follow the training: the running means of batch normalisation are taken anew, over whole
embeddings; and the three thresholds of AIS are chosen on the 23 validation images. They also choose among
the checkpoints of a run. The 50 test images are scored once, by ``--score``.

Run it with ``python training/micro_sam_decoder.py``, then ``python training/micro_sam_decoder.py --score``.
It writes the decoder, its card and its results to ``src/bioimage_course/weights/micro-sam-decoder/``.
Embeddings are kept in ``--cache``, so that a run can be taken up again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

import dsb2018
from bioimage_course import metrics, nets, tools

OUT = dsb2018.OUT.parent / "micro-sam-decoder"
SIDE, CELL = 1024, 16  # SAM's image and the pixels of it that one vector of the embedding stands for
GRID = {
    "center_distance_threshold": (0.3, 0.4, 0.5, 0.6),
    "boundary_distance_threshold": (0.3, 0.4, 0.5, 0.6),
    "foreground_threshold": (0.4, 0.5, 0.6),
}
MIDDLE = dict.fromkeys(GRID, 0.5)  # micro-sam's own defaults
PACKAGES = ("micro-sam", "torch-em", "mobilesam-mirror", "torch")


# ---------------------------------------------------------------- embeddings and targets


def embed(image, cache, limits=None):
    """Embedding of one image as micro-sam wants it, from the cache if it is there (in half precision)."""
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]
    file = Path(cache) / f"{digest}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        found = tools.micro_sam.embed(image, limits=limits)["features"]
        part = file.with_suffix(".part.npy")
        np.save(part, np.asarray(found).astype(np.float16))
        part.replace(file)
    side = max(image.shape)
    return {
        "features": np.load(file).astype(np.float32),
        "original_size": image.shape[:2],
        "input_size": tuple(int(n * SIDE / side + 0.5) for n in image.shape[:2]),
    }


def targets(labels):
    """Foreground, centre distance and boundary distance of a label image, by micro-sam's own transform."""
    from torch_em.transform.label import PerObjectDistanceTransform

    transform = PerObjectDistanceTransform(
        distances=True, boundary_distances=True, directed_distances=False, foreground=True, min_size=25
    )
    return transform(labels).astype(np.float16)


def training_set(cache, seed=0, limit=None, log=print):
    """An augmented version of each training image: its embedding, sizes and targets."""
    images, masks, _ = (part[:limit] for part in dsb2018.load_part("train"))
    augment = dsb2018.make_augmenter(seed)
    examples = []
    for number, (image, labels) in enumerate(zip(images, masks, strict=True), start=1):
        image, labels = augment(tools.stardist.normalise(image), labels)
        found = embed(image, cache, limits=(0, 1))
        examples.append(
            found | {"features": found["features"].astype(np.float16), "targets": targets(labels)}
        )
        if number % 10 == 0:
            log(f"{number} of {len(images)} training images embedded")
    return examples


def validation_set(cache, limit=None, log=print):
    """Embeddings and label images of the validation images, as they are."""
    images, masks, _ = (part[:limit] for part in dsb2018.load_part("validation"))
    found = [embed(image, cache) for image in images]
    log(f"{len(images)} validation images embedded")
    return found, masks


# ---------------------------------------------------------------- training


def window(example, rng, side):
    """A square of `side` × `side` vectors of an embedding around an object, and its targets at SAM's scale."""
    import torch
    from torch.nn import functional

    height, width = example["input_size"]
    maps = torch.from_numpy(example["targets"].astype(np.float32))[None]
    maps = functional.interpolate(maps, (height, width), mode="bilinear", align_corners=False)[0]
    whole = torch.ones(3, SIDE, SIDE)  # beyond the image: background, far from every centre
    whole[0] = 0
    whole[:, :height, :width] = maps
    inside = np.argwhere(example["targets"][0] > 0)
    middle = inside[rng.integers(len(inside))] if len(inside) else np.zeros(2)
    middle = middle * height / example["targets"].shape[1] / CELL
    top, left = (
        int(np.clip(round(m) - side // 2, 0, max(0, n // CELL - side)))
        for m, n in zip(middle, (height, width), strict=True)
    )
    features = example["features"][0, :, top : top + side, left : left + side].astype(np.float32)
    rows, columns = (slice(CELL * start, CELL * (start + side)) for start in (top, left))
    return torch.from_numpy(features), whole[:, rows, columns]


def recalibrate(network, examples):
    """Take the running means of batch normalisation anew, over whole embeddings; inference sees no windows."""
    import torch

    layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over all batches
    network.train()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for example in examples:
            network._forward_impl(torch.from_numpy(example["features"].astype(np.float32)))
    for layer in layers:
        layer.momentum = 0.1
    return network.eval()


def train(examples, steps, *, seed=0, width=None, side=32, batch=2, rate=1e-3, checks=(), check=None, log=print):
    """Train a decoder on embeddings; returns it and the loss of each step.

    After each step in `checks`, ``check(network, step)`` is called, with batch normalisation recalibrated.
    """
    import torch
    from torch_em.loss import DiceBasedDistanceLoss

    nets.seed_everything(seed)
    rng = np.random.default_rng(seed)
    network = tools.micro_sam.untrained_decoder(width or tools.micro_sam.WIDTH)
    network = network.to(memory_format=torch.channels_last)
    criterion = DiceBasedDistanceLoss(mask_distances_in_bg=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=rate / 50)
    losses, order = [], []
    for step in range(1, steps + 1):
        network.train()
        pairs = []
        for _ in range(batch):
            order = order or rng.permutation(len(examples)).tolist()
            pairs.append(window(examples[order.pop()], rng, side))
        features, maps = (torch.stack(things) for things in zip(*pairs, strict=True))
        with torch.autocast("cpu", torch.bfloat16):
            # The adapter's forward without its last step, which shrinks the maps to the image's size.
            predicted = network._forward_impl(features.to(memory_format=torch.channels_last))
        loss = criterion(predicted.float(), maps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if not np.isfinite(losses[-1]):
            raise SystemExit(f"The loss is {losses[-1]} in step {step}; lower the learning rate.")
        if step % 25 == 0:
            log(f"step {step} of {steps}: loss {np.mean(losses[-25:]):.3f}")
        if step in checks:
            check(recalibrate(network, examples[:24]), step)
    return network.eval(), losses


# ---------------------------------------------------------------- validation


def predict(network, embeddings):
    """micro-sam's segmenters of some images, with their maps predicted."""
    return [tools.micro_sam.automatic_segmenter(found, "ais", network) for found in embeddings]


def average_precision(segmenters, truths, thresholds):
    """AP at an IoU of 0.5, pooled over all nuclei."""
    with tools.micro_sam.quiet():
        found = [np.asarray(s.generate(**thresholds, min_size=0)).astype(np.int32) for s in segmenters]
    return float(metrics.average_precision_dataset(truths, found).pooled[0])


def choose_thresholds(segmenters, truths):
    """Rows of thresholds and AP, best first; among equals those nearest to micro-sam's defaults."""
    rows = [
        {**thresholds, "ap": average_precision(segmenters, truths, thresholds)}
        for thresholds in (dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values()))
    ]
    return sorted(rows, key=lambda row: (-row["ap"], sum(abs(row[name] - 0.5) for name in GRID)))


# ---------------------------------------------------------------- files


def write(network, results, thresholds, out):
    """The decoder with its card, and the results, so far."""
    digest = nets.save(
        network,
        Path(out) / "decoder.pt",
        {
            "purpose": "AIS and APG of micro-sam with MobileSAM (vit_t) on fluorescence nuclei",
            "data": "nuclei-dsb2018: 127 images to train on, 23 to choose by",
            "encoder": {"data": tools.micro_sam.CHECKPOINT, "sha256": encoder_hash()},
            "width": tools.micro_sam.WIDTH,
            "thresholds": thresholds,
            "licence": "CC0 1.0",
        },
    )
    results["checkpoint_sha256"] = digest
    dsb2018.write_text(Path(out) / "results.json", json.dumps(results, indent=1) + "\n")


def encoder_hash():
    """sha256 of the encoder's file: the decoder is of no use with another."""
    from bioimage_course import data

    return hashlib.sha256(Path(data.fetch(tools.micro_sam.CHECKPOINT)).read_bytes()).hexdigest()


def rounded(rows):
    return [{name: round(value, 4) for name, value in row.items()} for row in rows]


def fit(options, log):
    """Embeddings, training, choice of checkpoint and thresholds, files."""
    embeddings, truths = validation_set(options.cache, options.limit, log)
    examples = training_set(options.cache, options.seed, options.limit, log)
    started = time.process_time()
    images, masks, _ = dsb2018.load_part("train")
    results = {
        "command": f"python training/micro_sam_decoder.py --steps {options.steps} --seed {options.seed}",
        "machine": f"{platform.machine()}, one CPU core, no GPU used",
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "train_pixels_sha256": dsb2018.data_hash(images, masks),
        "images": len(examples),
        "steps": options.steps,
        "validation": [],
    }
    best = {"ap": -1.0}

    def check(network, step):
        segmenters = predict(network, embeddings)
        ap = average_precision(segmenters, truths, MIDDLE)
        results["validation"].append({"step": step, "ap": ap})
        log(f"step {step}: validation AP@0.5 {ap:.3f} with micro-sam's default thresholds")
        if ap > best["ap"]:  # compared unrounded
            state = {name: value.clone() for name, value in network.state_dict().items()}
            best.update(ap=ap, step=step, segmenters=segmenters, state=state)
            write(network, results, MIDDLE, options.out)

    checks = {round(options.steps * part) for part in (0.5, 0.75, 1)}
    network, losses = train(examples, options.steps, seed=options.seed, checks=checks, check=check, log=log)
    network.load_state_dict(best["state"])
    rows = choose_thresholds(best["segmenters"], truths)
    log(f"best of the thresholds: {rows[0]}")
    thresholds = {name: rows[0][name] for name in GRID}
    results |= {
        "loss": [round(float(np.mean(losses[i : i + 25])), 4) for i in range(0, len(losses), 25)],
        "validation": rounded(results["validation"]),
        "chosen_step": best["step"],
        "thresholds": rounded(rows[:10]),
        "validation_ap": round(rows[0]["ap"], 4),
        "cpu_minutes_without_embeddings": round((time.process_time() - started) / 60, 1),
    }
    write(network, results, thresholds, options.out)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="take the first so many images only, to try the script out")
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "micro-sam-decoder")
    parser.add_argument("--out", default=OUT)
    parser.add_argument("--score", action="store_true", help="score the shipped decoder on the 50 test images")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()

    def log(text):
        print(f"{time.perf_counter() - started:6.0f} s  {time.process_time():6.0f} CPU s  {text}", flush=True)

    if not options.score:
        return fit(options, log)
    dsb2018.score(
        "sam-decoder",
        tools.micro_sam.segment_automatic,
        chapter="13",
        title="SAM with our decoder (AIS)",
        in_training="127 images (the decoder)",
        note="MobileSAM's published encoder (vit_t), frozen; the course's small decoder; checkpoint and "
        "thresholds chosen on 23 validation images.",
        packages=PACKAGES,
        command="python training/micro_sam_decoder.py --score",
    )


if __name__ == "__main__":
    main()
