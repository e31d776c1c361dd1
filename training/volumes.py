"""Three ways to segment a stack: planes stitched, views added, a network in three dimensions.

    python training/volumes.py    # what is missing; goes on where it was

The volumes are synthetic (``data.synthetic.stack``): nuclei-like ellipsoids, some on top of each other,
planes four times as far apart as pixels, blurred more along the axis. So the truth is known exactly, and the
numbers rank nothing about real tools on real tissue; they show what the three ways do to one and the same
stack.

What counts, written down before anything was scored:

- 8 volumes to learn from, 2 to choose settings on, 6 to test, all of one generator.
- *classical*: Voronoi-Otsu in 3D, both blurs in µm; no training.
- *stitched* and *views*: the course's flow network of two dimensions as shipped, which learnt from nuclei of
  DSB2018 and from no synthetic stack. ``cellpose.utils.stitch3D`` joins the objects of neighbouring planes;
  ``do_3D`` runs the network on the planes of all three directions and adds the flows.
- *network*: a 3D U-Net that tells inside from outside and how deep inside, then a watershed. It learnt from
  the 8 volumes, with two seeds, for at most 1000 steps, until its AP@0.5 on the 2 volumes for choosing had
  not risen for 300. The best look is kept.
- Settings are those with the best AP@0.5 on the 2 volumes for choosing.
- Scored: TP, FP, FN at IoU 0.5 and 0.75 in 3D; true nuclei that were merged (an object holds more than half
  of each of two) or split (two or more objects lie mostly in it and hold more than a tenth of it each).
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import multiprocessing
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import relabel_sequential, watershed
from torch import nn
from torch.nn import functional as F

import dsb2018
from bioimage_course import compat, data, files, metrics, nets, shipped, tools

OUT = shipped.WEIGHTS / "volumes"
SPACING = (1.0, 0.25, 0.25)
ANISOTROPY = SPACING[0] / SPACING[1]
SCENE = {"count": 28, "spacing": SPACING, "photons": 60}
SEEDS_OF = {"learn": range(100, 108), "choose": range(200, 202), "test": range(300, 306)}
SEEDS = (0, 1)
THRESHOLDS = (0.5, 0.75)
TILE = 96
"""Planes go through the flow network in tiles as wide: one tile each, in all three directions."""
STEPS, LOOK, PATIENCE = 1000, 100, 3
"""The 3D network is looked at every 100 steps, and training ends when three looks have brought nothing."""
PATCH = (12, 48, 48)


# ---------------------------------------------------------------- volumes


def volumes(part):
    """Images (percentiles 1 and 99.8 at 0 and 1) and labels of "learn", "choose" or "test"."""
    samples = [data.synthetic.stack(seed=seed, **SCENE) for seed in SEEDS_OF[part]]
    return [data.normalise(s.image).astype(np.float32) for s in samples], [s.labels for s in samples]


def depth(labels, spacing=SPACING):
    """How deep inside its object each voxel is: distance to the border in µm, 1 at the deepest point."""
    deep = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            mask = np.pad(labels[box] == number, 1)
            inside = ndimage.distance_transform_edt(mask, sampling=spacing)[1:-1, 1:-1, 1:-1]
            deep[box] = np.maximum(deep[box], inside / inside.max())
    return deep


# ---------------------------------------------------------------- the classical way


def classical(image, seed_blur, outline_blur, spacing=SPACING):
    """Voronoi-Otsu in 3D: blurs in µm, so many voxels along each axis."""
    smooth = ndimage.gaussian_filter(image, np.divide(outline_blur, spacing))
    mask = smooth > threshold_otsu(smooth)
    seeds = label(local_maxima(ndimage.gaussian_filter(image, np.divide(seed_blur, spacing))) & mask)
    return watershed(ndimage.distance_transform_edt(~(seeds > 0), sampling=spacing), seeds, mask=mask)


# ---------------------------------------------------------------- flows of two dimensions


def planes_of(model, image, cellprob_threshold):
    """Labels of each plane, by cellpose's own ``eval``."""
    options = {"bsize": TILE, "min_size": -1, "normalize": {"normalize": False}}
    with compat.quiet():
        found = [model.eval(p, cellprob_threshold=cellprob_threshold, **options)[0] for p in image]
    return np.stack(found)


def joined(planes, cellprob_threshold, stitch_threshold):
    """Cellpose's own stitching of planes, and what its ``eval`` does afterwards; planes by threshold."""
    from cellpose import utils

    with compat.quiet():
        labels = planes[cellprob_threshold].astype(np.int32)
        labels = utils.stitch3D(labels, stitch_threshold=stitch_threshold)
        return utils.fill_holes_and_remove_small_masks(labels, min_size=15)


def views(model, image, **options):
    """Planes of three directions, flows added: cellpose's own ``do_3D``. Labels, flows and logits."""
    with compat.quiet():
        labels, flows, _ = model.eval(
            image, z_axis=0, do_3D=True, anisotropy=ANISOTROPY, bsize=TILE,
            normalize={"normalize": False}, **options,
        )  # fmt: skip
    return labels, flows[1], flows[2]


def gathered(flows, logits, cellprob_threshold):
    """The labels that ``do_3D`` makes of its flows, with another threshold."""
    from cellpose import dynamics

    with compat.quiet():
        return dynamics.resize_and_compute_masks(
            flows, logits, do_3D=True, cellprob_threshold=cellprob_threshold
        )


# ---------------------------------------------------------------- a network of three dimensions


class UNet3D(nn.Module):
    """U-Net for coarse planes: the first convolutions and two poolings leave that axis alone, then voxels are
    cubes and everything is 3 × 3 × 3 and 2 × 2 × 2."""

    kernels = ((1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
    pools = ((1, 2, 2), (1, 2, 2), (2, 2, 2))

    def __init__(self, width=8, outputs=2):
        super().__init__()
        sizes = [width * 2**level for level in range(len(self.pools) + 1)]

        def block(inputs, level):
            layers = []
            for channels in (inputs, sizes[level]):
                convolution = nn.Conv3d(channels, sizes[level], self.kernels[level], padding="same")
                layers += [convolution, nn.BatchNorm3d(sizes[level]), nn.ReLU()]
            return nn.Sequential(*layers)

        self.down = nn.ModuleList(block(inputs, level) for level, inputs in enumerate([1, *sizes[:-1]]))
        self.grow = nn.ModuleList(
            nn.ConvTranspose3d(2 * size, size, pool, stride=pool)
            for size, pool in zip(sizes, self.pools, strict=False)
        )
        self.up = nn.ModuleList(block(2 * size, level) for level, size in enumerate(sizes[:-1]))
        self.head = nn.Conv3d(width, outputs, 1)

    def forward(self, x):
        """Logit of inside, and depth, for images (N, 1, Z, Y, X)."""
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool3d(x, self.pools[level - 1]))
            skips.append(x)
        for level in reversed(range(len(self.pools))):
            x = self.up[level](torch.cat([self.grow[level](x), skips[level]], 1))
        return self.head(x)


def answers(network, images):
    """Inside or not, and depth, of whole volumes, all in one pass."""
    network.eval()
    with torch.no_grad():
        found = network(torch.as_tensor(np.stack(images))[:, None]).numpy()
    return [(logit > 0, deep) for logit, deep in found]


def split(inside, deep, seed_depth):
    """Objects: where it is deep are the seeds, and every voxel inside goes to one of them."""
    return watershed(-deep, label(inside & (deep > seed_depth)), mask=inside)


def drawn(images, targets, rng):
    """A random patch, flipped and turned, brighter or darker: image and both targets."""
    k = rng.integers(len(images))
    corner = [rng.integers(0, n - p + 1) for n, p in zip(images[k].shape, PATCH, strict=True)]
    window = tuple(slice(c, c + p) for c, p in zip(corner, PATCH, strict=True))
    patch = np.concatenate([images[k][window][None], targets[k][(slice(None), *window)]])
    patch = np.rot90(patch, rng.integers(4), (2, 3))
    for axis in (1, 2):
        patch = np.flip(patch, axis) if rng.random() < 0.5 else patch
    patch = patch.copy()
    patch[0] = patch[0] * rng.uniform(0.7, 1.3) + rng.normal(0, rng.uniform(0, 0.05), patch[0].shape)
    return patch.astype(np.float32)


def train_network(seed, work):
    """A 3D U-Net, trained until it gets no better; losses and scores. Goes on where it was interrupted."""
    nets.seed_everything(seed)
    images, labels = volumes("learn")
    targets = [np.stack([truth > 0, depth(truth)]).astype(np.float32) for truth in labels]
    choose, truths = volumes("choose")
    network, rng, started = UNet3D(), np.random.default_rng(seed), time.process_time()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    history = {"step": [], "loss": [], "ap": [], "cpu_minutes": []}
    saved, before = work / f"network-{seed}.state", 0.0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        history, before = state["history"], state["history"]["cpu_minutes"][-1]
        rng.bit_generator.state = state["rng"]
    while not finished(history):
        seen = [update(network, optimiser, images, targets, rng) for _ in range(LOOK)]
        found = [split(*pair, 0.5) for pair in answers(network, choose)]
        history["step"].append(LOOK * (len(history["step"]) + 1))
        history["loss"].append(round(float(np.mean(seen)), 4))
        history["ap"].append(score(truths, found))
        history["cpu_minutes"].append(round(before + (time.process_time() - started) / 60, 2))
        print("network", seed, {name: values[-1] for name, values in history.items()}, flush=True)
        if history["ap"][-1] == max(history["ap"]):
            torch.save(network.state_dict(), work / f"network-{seed}.pt")
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save(state | {"history": history, "rng": rng.bit_generator.state}, saved)
    return history


def finished(history):
    """Whether training has lasted long enough, or the last looks brought nothing new."""
    ap = history["ap"]
    best = ap.index(max(ap)) if ap else 0
    return len(ap) * LOOK >= STEPS or len(ap) - 1 - best >= PATIENCE


def update(network, optimiser, images, targets, rng):
    """One step on two patches; its loss."""
    batch = torch.as_tensor(np.stack([drawn(images, targets, rng) for _ in range(2)]))
    network.train()
    found = network(batch[:, :1])
    loss = F.binary_cross_entropy_with_logits(found[:, 0], batch[:, 1])
    loss = loss + 4 * ((found[:, 1] - batch[:, 2]) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


# ---------------------------------------------------------------- scores


def score(truths, found):
    """AP at an IoU of 0.5, pooled over the volumes."""
    return dsb2018.pooled([dsb2018.count(*pair, (0.5,)) for pair in zip(truths, found, strict=True)])[0]


def mistakes(truth, labels):
    """True objects that were merged with another one, and such that were split."""
    overlap = np.zeros((truth.max() + 1, labels.max() + 1), int)
    np.add.at(overlap, (truth.ravel(), labels.ravel()), 1)
    inside, size = overlap[1:, 1:], overlap[1:].sum(axis=1)
    if not inside.size:
        return {"merged": 0, "split": 0}
    mostly = inside > size[:, None] / 2
    merged = mostly[:, mostly.sum(axis=0) > 1].any(axis=1)
    ones_own = inside > overlap[:, 1:].sum(axis=0) / 2  # objects that lie mostly in this true one
    parts = (ones_own & (inside > size[:, None] / 10)).sum(axis=1)
    return {"merged": int(merged.sum()), "split": int((parts > 1).sum())}


def on_top(truth):
    """Numbers of objects that have a voxel directly above or below one of another object."""
    upper, lower = truth[:-1], truth[1:]
    touching = (upper != lower) & (upper > 0) & (lower > 0)
    return np.union1d(upper[touching], lower[touching])


def scored(method):
    """Counts of the test volumes, and processor seconds of one."""
    images, truths = volumes("test")
    rows, seconds = [], []
    for image, truth in zip(images, truths, strict=True):
        started = time.process_time()
        labels = method(image).astype(np.int32)
        seconds.append(time.process_time() - started)
        partners = set(metrics.match(truth, labels, 0.5).pairs[:, 0].tolist())
        stacked = on_top(truth)
        rows.append(dsb2018.count(truth, labels, THRESHOLDS) | mistakes(truth, labels))
        rows[-1] |= {"on_top": len(stacked), "on_top_found": sum(int(n) in partners for n in stacked)}
    return {"test": rows, "seconds": round(float(np.median(seconds)), 2)}


# ---------------------------------------------------------------- settings, and what is run with them

GRID = {
    "classical": {"seed_blur": (0.4, 0.6, 0.8, 1.0, 1.3), "outline_blur": (0.1, 0.25, 0.5)},
    "stitched": {
        "cellprob_threshold": (0.0, 2.0, 4.0),
        "stitch_threshold": (0.1, 0.25, 0.5, 0.7, 0.85),
    },
    "views": {"cellprob_threshold": (-3.0, 0.0, 3.0)},
    "network": {"seed_depth": (0.3, 0.4, 0.5, 0.6, 0.7)},
}


def choices(way):
    """All settings that are tried."""
    return [dict(zip(GRID[way], values, strict=True)) for values in itertools.product(*GRID[way].values())]


def prepared(way, model, image):
    """What takes long and hangs on no setting, and the function that makes labels of it."""
    if way == "network":
        return answers(model, [image])[0], split
    if way == "stitched":
        return ({t: planes_of(model, image, t) for t in GRID[way]["cellprob_threshold"]},), joined
    if way == "views":
        return views(model, image, compute_masks=False)[1:], gathered
    return (image,), classical


def segment(way, model, image, options):
    """Labels of a volume by one of the four ways."""
    if way == "views":
        return views(model, image, **options)[0]
    if way == "stitched":
        threshold = options["cellprob_threshold"]
        return joined({threshold: planes_of(model, image, threshold)}, **options)
    parts, last = prepared(way, model, image)
    return last(*parts, **options)


def model_of(way, network, work):
    """What a way needs: a CellposeModel, a 3D U-Net, or nothing."""
    if way == "classical":
        return None
    if way == "network":
        model = UNet3D()
        model.load_state_dict(torch.load(work / f"network-{network}.pt"))
        return model
    return tools.cellpose.course_model()


def jobs():
    """All runs: way, and whose weights (a seed, or "shipped", or "none")."""
    yield "classical", "none"
    yield from (("stitched", "shipped"), ("views", "shipped"))
    yield from (("network", seed) for seed in SEEDS)


def run(way, network, work):
    """Choose settings, then score the test volumes."""
    model = model_of(way, network, work)
    images, truths = volumes("choose")
    ready, tried = [prepared(way, model, image) for image in images], []
    for options in choices(way):
        found = [last(*parts, **options).astype(np.int32) for parts, last in ready]
        tried.append({"options": options, "ap": score(truths, found)})
        print(way, network, tried[-1], flush=True)
    best = max(tried, key=lambda row: row["ap"])["options"]
    mb = megabytes(lambda: segment(way, model, images[0], best))
    return {"options": best, "tried": tried, "mb": mb} | scored(
        lambda image: segment(way, model, image, best)
    )


def megabytes(work_to_do):
    """Peak memory of a function on top of what is loaded, in MB, in a copy of this process (Linux)."""

    def told(sender):
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is loaded, and nothing that was freed
        Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
        before = status("VmRSS")
        work_to_do()
        sender.send(round((status("VmHWM") - before) / 1024))

    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=told, args=(sender,))
    process.start()
    sender.close()
    return receiver.recv()


def status(name):
    """A line of this process's status, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def one_step():
    """What a step of training needs: two patches through the 3D network and back."""
    UNet3D()(torch.rand(2, 1, *PATCH)).square().mean().backward()


# ---------------------------------------------------------------- file of results


def read(out):
    """What has been measured so far."""
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"training": {}, "runs": {}}


def about():
    """Data and versions, beside what was measured."""
    return {
        "made_by": "python training/volumes.py",
        "volumes": "synthetic: data.synthetic.stack, lengths in µm",
        "scene": SCENE | {"shape": [24, 96, 96]},
        "seeds_of": {part: list(seeds) for part, seeds in SEEDS_OF.items()},
        "iou_thresholds": list(THRESHOLDS),
        "patch": list(PATCH),
        "weights_3d": nets.count_parameters(UNet3D()),
        "machine": dsb2018.machine() + ", one thread",
        "versions": {name: version(name) for name in ("cellpose", "torch", "numpy", "scipy", "scikit-image")},
    }


def keep(out, part, name, found):
    """Add one entry to the file."""
    before = read(out)
    files.save(out, json.dumps(before | about() | {part: before[part] | {name: found}}, indent=1) + "\n")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "course-volumes")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="In CPU autocast")  # cellpose asks for it, with 32 bits
    compat.prepare("cellpose")
    args.work.mkdir(parents=True, exist_ok=True)
    out = args.out / "results.json"
    for way, network in jobs():
        if f"{way}/{network}" in read(out)["runs"]:
            continue
        if way == "network":
            trained(out, network, args.work)
        keep(out, "runs", f"{way}/{network}", run(way, network, args.work))
        if (way, network) == ("network", 0):
            show_first(args.out, args.work)
    if "training_mb" not in read(out):
        files.save_json(out, read(out) | {"training_mb": megabytes(one_step)})


def show_first(out, work):
    """Save what the 3D network makes of the first test volume, which chapter 12 shows."""
    options = read(out / "results.json")["runs"]["network/0"]["options"]
    labels = segment("network", model_of("network", 0, work), volumes("test")[0][0], options)
    shown = {"network": relabel_sequential(labels)[0].astype(np.uint8)}
    files.save(out / "labels.npz", lambda stream: np.savez_compressed(stream, **shown))


def trained(out, seed, work):
    """Train a 3D U-Net, unless that has been done and its weights are still in the work folder."""
    if f"network/{seed}" not in read(out)["training"] or not (work / f"network-{seed}.pt").exists():
        keep(out, "training", f"network/{seed}", train_network(seed, work))


if __name__ == "__main__":
    main()
