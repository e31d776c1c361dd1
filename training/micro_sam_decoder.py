"""Train micro-sam's decoder for automatic instance segmentation (AIS) on DSB2018, on a CPU.

AIS needs no prompts: a second decoder on top of Segment Anything's image encoder predicts foreground,
distance to the object's centre and distance from its border, and a watershed makes objects of them (Archit
et al. 2025, doi:10.1038/s41592-024-02580-4). The published decoders, such as ``vit_t_lm``, are downloads;
this script makes a small one for MobileSAM (``vit_t``) and fluorescence nuclei.

*As in* ``micro_sam.training.train_instance_segmentation``: the decoder's class (``UNETR`` and
``DecoderAdapter``), the three target maps (``PerObjectDistanceTransform``), the loss
(``DiceBasedDistanceLoss``), the optimiser (AdamW), and micro-sam's own classes for the segmentation.

*Different*, because there is no GPU: the image encoder is frozen (micro-sam can do that too), so that its
embeddings are computed once: of mosaics of four augmented training images, so that all of them are seen for a
quarter of the time, and of every fourth image alone. The decoder has 16 channels instead of 64 at its finest
level. Each step sees two windows, 24 × 24 of the 64 × 64 vectors of an embedding. The loss is taken at SAM's
scale (1024 pixels), before maps are shrunk to the image's size. The learning rate is 1e-3 instead of 1e-5 and
falls along half a cosine, since the decoder starts from random weights. Encoder and decoder run in bfloat16
while we train; ``tools.micro_sam`` later runs them in full precision.

Two corrections follow the training: the running means of batch normalisation are taken anew, over whole
embeddings; and the three thresholds of AIS are chosen on the 23 validation images, which also choose between
the checkpoints of a run. The test images are scored once, by ``--score``; with ``--limit 12`` these are the
first twelve, and the result is written beside the decoder instead of into the table of all methods.

Run it with ``python training/micro_sam_decoder.py``, then ``python training/micro_sam_decoder.py --score``.
It writes the decoder, its card and its results to ``src/bioimage_course/weights/micro-sam-decoder/``.
That is a short training, 7 minutes of one CPU core with the embeddings; ``--steps`` asks for a longer one.
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
import micro_sam_prompts
from bioimage_course import compat, data, files, metrics, nets, tools

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
    import torch

    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:16]
    file = Path(cache) / f"{digest}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast, and 2 % off
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


def mosaic(pairs, rng, side=256):
    """Four images and their labels as one: a random square of each, in two rows of two."""
    image, masks = np.zeros((2 * side, 2 * side), np.float32), np.zeros((2 * side, 2 * side), np.int32)
    for number, (part, labels) in enumerate(pairs):
        top, left = (int(rng.integers(max(0, n - side) + 1)) for n in part.shape)
        part, labels = (array[top : top + side, left : left + side] for array in (part, labels))
        place = tuple(
            slice(side * k, side * k + n) for k, n in zip(divmod(number, 2), part.shape, strict=True)
        )
        image[place] = part
        masks[place] = np.where(labels > 0, labels + masks.max(), 0)
    return image, masks


def training_set(cache, seed=0, limit=None, log=print):
    """Augmented training images, by fours and every fourth alone: embeddings, sizes and targets."""
    images, masks, _ = (part[:limit] for part in dsb2018.load_part("train"))
    images = [data.normalise(image) for image in images]
    augment, rng = dsb2018.make_augmenter(seed), np.random.default_rng(seed)
    order = rng.permutation(len(images))
    groups = [order[i : i + 4] for i in range(0, len(order), 4)] + [
        order[i : i + 1] for i in range(0, len(order), 4)
    ]
    examples = []
    for group in groups:
        pairs = [augment(images[i], masks[i]) for i in group]
        image, labels = pairs[0] if len(pairs) == 1 else mosaic(pairs, rng)
        found = embed(image, cache, limits=(0, 1))
        examples.append(
            found | {"features": found["features"].astype(np.float16), "targets": targets(labels)}
        )
        if len(examples) % 8 == 0:
            log(f"{len(examples)} of {len(groups)} training embeddings")
    return examples


def validation_set(cache, limit=None, log=print):
    """Embeddings and label images of the validation images, as they are."""
    images, masks, _ = (part[:limit] for part in dsb2018.load_part("validation"))
    found = [embed(image, cache) for image in images]
    log(f"{len(images)} validation images embedded")
    return found, masks


# ---------------------------------------------------------------- training


def window(example, rng, side):
    """A square of `side` × `side` vectors of an embedding around an object; its targets at SAM's scale."""
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
    """Take the running means of batch normalisation anew, over whole embeddings, as inference sees them."""
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


def train(
    examples, steps, *, seed=0, width=None, side=24, batch=2, rate=1e-3, checks=(), check=None, log=print
):
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
            check(recalibrate(network, examples[:12]), step)
    return network.eval(), losses


# ---------------------------------------------------------------- validation


def predict(network, embeddings):
    """micro-sam's segmenters of some images, with their maps predicted."""
    return [tools.micro_sam.automatic_segmenter(found, "ais", network) for found in embeddings]


def average_precision(segmenters, truths, thresholds):
    """AP at an IoU of 0.5, pooled over all nuclei."""
    with compat.quiet():
        found = [np.asarray(s.generate(**thresholds, min_size=0)).astype(np.int32) for s in segmenters]
    return float(metrics.average_precision_dataset(truths, found).pooled[0])


def choose_thresholds(segmenters, truths):
    """Rows of thresholds and AP, best first; among equals those nearest to micro-sam's defaults."""
    rows = [
        {**thresholds, "ap": average_precision(segmenters, truths, thresholds)}
        for thresholds in (
            dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())
        )
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
    files.save(Path(out) / "results.json", json.dumps(results, indent=1) + "\n")


def encoder_hash():
    """sha256 of the encoder's file: the decoder is of no use with another."""
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
        "train_pixels_sha256": files.sha256_of(*images, *masks),
        "images": len(masks[: options.limit]),
        "embeddings": len(examples),
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

    checks = {round(options.steps * part) for part in (0.7, 1)}
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


def score(options):
    """Score the shipped decoder on the test images; embeddings (full precision) may be there already."""
    cache, seconds = micro_sam_prompts.Cache(options.cache), []
    if options.limit:  # a part of the images must not stand in the table of those that were scored on all
        dsb2018.OUT = Path(options.out)

    def segment(image):
        embeddings, spent = micro_sam_prompts.embed(cache, image)
        started = time.process_time()
        labels = tools.micro_sam.segment_automatic(image, embeddings=embeddings)
        seconds.append(spent + time.process_time() - started)
        return labels

    dsb2018.score(
        "sam-decoder",
        segment,
        chapter="13",
        title="SAM with our decoder (AIS)",
        in_training="127 images (the decoder)",
        note="MobileSAM's published encoder (vit_t), frozen; the course's small decoder; checkpoint and "
        "thresholds chosen on 23 validation images.",
        packages=PACKAGES,
        command="python training/micro_sam_decoder.py --score"
        + (f" --limit {options.limit}" if options.limit else ""),
        limit=options.limit,
    )
    file = dsb2018.OUT / "sam-decoder.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    about["seconds_per_image"] = round(float(np.mean(seconds[1:])), 2)  # the first call loads the decoder
    about["machine"] = f"{platform.machine()}, seconds of one CPU core, no GPU used"
    files.save(file, json.dumps(about) + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="take the first so many images only")
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "micro-sam-decoder")
    parser.add_argument("--out", default=OUT)
    parser.add_argument("--score", action="store_true", help="score the shipped decoder on the test images")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()

    def log(text):
        print(f"{time.perf_counter() - started:6.0f} s  {time.process_time():6.0f} CPU s  {text}", flush=True)

    if options.score:
        score(options)
    else:
        fit(options, log)


if __name__ == "__main__":
    main()
