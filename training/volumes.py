"""Three ways from planes to objects in 3D, on synthetic stacks of nuclei whose truth is known.

- *stitched*: a 2D network segments each plane, and objects of neighbouring planes whose IoU exceeds a
  threshold become one;
- *three views*: the same 2D network looks at the stack from above, from the front and from the side, its
  three answers are averaged, and one watershed in 3D makes the objects;
- *3D network*: its convolutions see all three axes.

All learn from the same six stacks, equally many steps and about equally many voxels a step, predict the same
three classes (background, border, inside) and end in the same watershed; the one threshold of each is chosen
on a validation stack. Twice: with planes as far apart as pixels, and with every fourth plane only. Half of the
nuclei lie on top of another one; all are blurred more along the optical axis than across.

Run it with ``python training/volumes.py``, a few minutes on one idle CPU core; ``--steps 20 --test 2 --out X``
is a trial. It writes ``src/bioimage_course/weights/volumes/results.json`` and ``sections.npz``, one section
through the first test stack with what each way makes of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import ndimage

import dsb2018
from bioimage_course import compat, files, metrics, nets, results

OUT = results.dsb2018.FOLDER.parent / "volumes"
SHAPE = (48, 96, 96)
SPACINGS = {"fine": 1, "coarse": 4}  # the distance of planes, in pixels of a plane
TRAIN, VALIDATION, TEST = range(6), range(6, 7), range(100, 108)  # seeds of the stacks
VIEWS = ((0, 1, 2), (1, 0, 2), (2, 0, 1))  # the axis along which one looks comes first
INSIDE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
OVERLAP = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
STEPS = 150
WAYS = ("stitched", "views", "3d")
PACKAGES = ("cellpose", "scikit-image", "scipy", "torch")


# ---------------------------------------------------------------- stacks


def nuclei(seed, shape=SHAPE, tries=400):
    """Label image of nuclei, half of them on top of another one, and the pairs of numbers that lie so."""
    random = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    number, below, pairs = 0, None, []
    for _ in range(tries):
        radii = random.uniform(6, 9) * random.uniform(0.8, 1.2, 3)
        if below is None:
            place = random.uniform(0, 1, 3) * shape
        else:
            place = below[0] + [below[1][0] + radii[0], *random.uniform(-2, 2, 2)]
        start = np.clip(np.floor(place - radii), 0, shape).astype(int)
        window = tuple(map(slice, start, np.clip(np.ceil(place + radii) + 1, 0, shape).astype(int)))
        away = (np.moveaxis(np.indices(labels[window].shape), 0, -1) + start - place) / radii
        body = (away**2).sum(axis=-1) < 1
        free = body & (labels[window] == 0)
        if body.sum() < 400 or free.sum() < 0.92 * body.sum():
            below = None
            continue
        number += 1
        labels[window][free] = number
        if below is not None:
            pairs.append((number - 1, number))
        below = None if below is not None else (place, radii)
    return labels, pairs


def stack(seed, spacing):
    """Image (percentiles 1 and 99.8 at 0 and 1), labels and pairs; every ``spacing``-th plane."""
    labels, pairs = nuclei(seed)
    random = np.random.default_rng([seed, 1])
    light = np.append(0, random.uniform(0.5, 1, labels.max()))[labels]
    light = ndimage.gaussian_filter(light, (2.5, 1, 1)) + 0.05
    image = random.poisson(60 * light) + random.normal(0, 2, labels.shape)
    low, high = np.percentile(image, (1, 99.8))
    planes = slice(spacing // 2, None, spacing)
    return ((image - low) / (high - low)).astype(np.float32)[planes], labels[planes], pairs


def refined(image, spacing):
    """Planes interpolated until they are as far apart as pixels."""
    return ndimage.zoom(image, (spacing, 1, 1), order=1, grid_mode=True, mode="nearest")


def classes(labels, between_planes):
    """0 background, 1 border, 2 inside; the border of a plane, and where nuclei touch across planes."""
    size = (1, 3, 3)
    border = ndimage.maximum_filter(labels, size) != ndimage.minimum_filter(labels, size)
    if between_planes:
        for other in (np.roll(labels, 1, axis=0), np.roll(labels, -1, axis=0)):
            touching = (other > 0) & (other != labels)
            touching[[0, -1]] = False
            border |= touching
    return np.where(labels == 0, 0, np.where(border, 1, 2))


# ---------------------------------------------------------------- networks


def network_3d(coarse, width=8):
    """A 3D U-Net with two poolings; with coarse planes they leave the optical axis alone."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    pool = (1, 2, 2) if coarse else (2, 2, 2)

    def block(a, b):
        layers = []
        for channels in (a, b):
            layers += [nn.Conv3d(channels, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU()]
        return nn.Sequential(*layers)

    class UNet3D(nn.Module):
        def __init__(self):
            super().__init__()
            self.down1, self.down2 = block(1, width), block(width, 2 * width)
            self.bottom = block(2 * width, 4 * width)
            self.grow2 = nn.ConvTranspose3d(4 * width, 2 * width, pool, stride=pool)
            self.grow1 = nn.ConvTranspose3d(2 * width, width, pool, stride=pool)
            self.up2, self.up1 = block(4 * width, 2 * width), block(2 * width, width)
            self.head = nn.Conv3d(width, 3, 1)

        def forward(self, x):
            a = self.down1(x)
            b = self.down2(F.max_pool3d(a, pool))
            x = self.bottom(F.max_pool3d(b, pool))
            x = self.up2(torch.cat([self.grow2(x), b], dim=1))
            return self.head(self.up1(torch.cat([self.grow1(x), a], dim=1)))

    return UNet3D()


def pieces(arrays, shape, count, random):
    """Windows of this shape at random places of random pairs (image, classes), some of them mirrored."""
    images, truths = [], []
    for _ in range(count):
        image, truth = arrays[random.integers(len(arrays))]
        start = [random.integers(0, n - s + 1) for n, s in zip(image.shape, shape, strict=True)]
        turn = tuple(slice(None, None, step) for step in random.choice([-1, 1], len(shape)))
        window = tuple(slice(a, a + s) for a, s in zip(start, shape, strict=True))
        images.append(image[window][turn])
        truths.append(truth[window][turn])
    return np.stack(images)[:, None], np.stack(truths)


def train(network, draw, steps):
    """Minimise the cross-entropy on what ``draw()`` gives; the rate falls to nothing."""
    import torch

    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    network.train()
    for _ in range(steps):
        images, truths = map(torch.as_tensor, draw())
        loss = torch.nn.functional.cross_entropy(network(images), truths.long())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def trained(spacing, steps):
    """The 2D and the 3D network for stacks with this spacing, and the seconds that each took."""
    stacks = [stack(seed, spacing) for seed in TRAIN]
    planes = []
    for image, labels, _ in stacks:
        fine, fine_labels = refined(image, spacing), np.repeat(labels, spacing, axis=0)
        for view in VIEWS:
            turned, truth = fine.transpose(view), classes(fine_labels.transpose(view), False)
            planes += list(zip(turned, truth, strict=True))
    volumes = [(image, classes(labels, True)) for image, labels, _ in stacks]
    shape, count = ((32, 32, 32), 2) if spacing == 1 else ((12, 48, 48), 2)
    jobs = {
        "2d": (lambda: nets.UNet(1, 3, depth=2, width=12), planes, (48, 48), 28),
        "3d": (lambda: network_3d(spacing > 1), volumes, shape, count),
    }
    networks, seconds = {}, {}
    for name, (make, arrays, shape, count) in jobs.items():
        nets.seed_everything(0)
        random = np.random.default_rng(0)
        started = time.process_time()
        networks[name] = train(make(), lambda a=arrays, s=shape, c=count, r=random: pieces(a, s, c, r), steps)
        seconds[name] = round(time.process_time() - started, 1)
    return networks, seconds


# ---------------------------------------------------------------- three ways


def probabilities(network, images):
    """Probabilities of the three classes, classes first, of images that the network takes one by one."""
    import torch

    with torch.no_grad():
        parts = [network(torch.as_tensor(np.ascontiguousarray(i))[None, None]).softmax(1)[0] for i in images]
    return np.stack([p.numpy() for p in parts], axis=1)


def grown(p, inside):
    """Objects that grow from where ``inside`` is likely over the foreground."""
    from skimage.segmentation import watershed

    foreground = p[0] < 0.5
    seeds, _ = ndimage.label((p[2] > inside) & foreground)
    return watershed(-p[2], seeds, mask=foreground)


def by_planes(networks, image, spacing):
    """Objects of each plane for itself."""
    p = probabilities(networks["2d"], image)
    return np.stack([grown(p[:, z], 0.5) for z in range(len(image))]).astype(np.int32)


def stitched(planes, overlap):
    """Objects of neighbouring planes whose IoU exceeds the threshold become one."""
    from cellpose.utils import stitch3D

    with compat.quiet():
        return stitch3D(planes.copy(), stitch_threshold=overlap)


def by_views(networks, image, spacing):
    """The mean of three views' probabilities, at the planes that there are."""
    fine, total = refined(image, spacing), 0
    for view in VIEWS:
        back = (0, *(1 + np.argsort(view)))
        total = total + probabilities(networks["2d"], fine.transpose(view)).transpose(back)
    return (total / 3).reshape(3, len(image), spacing, *image.shape[1:]).mean(axis=2)


def by_volume(networks, image, spacing):
    """Probabilities of the 3D network."""
    return probabilities(networks["3d"], image[None])[:, 0]


STEPS_OF = {
    "stitched": (by_planes, stitched, OVERLAP),
    "views": (by_views, grown, INSIDE),
    "3d": (by_volume, grown, INSIDE),
}


def in_a_process_of_its_own(job):
    """Seconds of one core and MB that a job needs on top of what is loaded."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024
        started = time.process_time()
        job()
        seconds, after = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(write, json.dumps([seconds, (after - resident) / 1024, before / 1024]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    seconds, megabytes, _ = json.loads(os.read(read, 1000))
    return {"seconds": round(seconds, 2), "megabytes": round(megabytes)}


def row(truth, pairs, found):
    """Counts of one stack, and how many of the pairs on top of each other were found as two."""
    scores = metrics.average_precision_dataset([truth], [found])
    matched = {int(t) for t, _ in metrics.match(truth, found).pairs}
    counts = {key: getattr(scores, key)[0].tolist() for key in ("tp", "fp", "fn")}
    visible = set(np.unique(truth).tolist())
    there = [pair for pair in pairs if visible.issuperset(pair)]
    return counts | {"pairs": len(there), "both_found": sum(matched.issuperset(pair) for pair in there)}


def measured(spacing, steps, test, log):
    """Everything about stacks with one spacing, and labels of the first test stack."""
    networks, training = trained(spacing, steps)
    log(f"spacing {spacing}: trained, {training} s")
    image, truth, _ = stack(VALIDATION[0], spacing)
    ways = {}
    for way in WAYS:
        predict, finish, values = STEPS_OF[way]
        answer = predict(networks, image, spacing)
        tried = {v: metrics.match(truth, finish(answer, v)).average_precision for v in values}
        ways[way] = {"threshold": max(tried, key=tried.get), "validation": round(max(tried.values()), 3)}
    sections = {}
    for way in WAYS:
        predict, finish, _ = STEPS_OF[way]
        value, rows = ways[way]["threshold"], []
        for seed in TEST[:test]:
            image, truth, pairs = stack(seed, spacing)
            found = finish(predict(networks, image, spacing), value)
            rows.append(row(truth, pairs, found))
            if seed == TEST[0]:
                sections |= {"image": image, "truth": truth, way: found}
        ways[way] |= {
            "stacks": rows,
            "parameters": nets.count_parameters(networks["3d" if way == "3d" else "2d"]),
        }
        ways[way]["training_seconds"] = training["3d" if way == "3d" else "2d"]
        image = stack(TEST[0], spacing)[0]
        ways[way] |= in_a_process_of_its_own(
            lambda p=predict, f=finish, v=value, i=image: f(p(networks, i, spacing), v)
        )
        log(f"{way}: {[round(r['tp'][0] / (r['tp'][0] + r['fp'][0] + r['fn'][0]), 3) for r in rows]}")
    return ways, sections


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--test", type=int, default=len(TEST), help="score so many test stacks only")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    import torch

    compat.prepare("cellpose")
    torch.set_num_threads(1)
    started = time.perf_counter()

    def log(text):
        print(f"{time.perf_counter() - started:6.0f} s  {text}", flush=True)

    spacings, kept = {}, {}
    for name, spacing in SPACINGS.items():
        spacings[name], sections = measured(spacing, options.steps, options.test, log)
        middle = SHAPE[2] // 2
        for key, volume in sections.items():
            plane = volume[:, :, middle]
            grey = np.rint(255 * np.clip(plane, 0, 1)).astype(np.uint8) if key == "image" else None
            kept[f"{name}_{key}"] = plane.astype(np.uint16) if grey is None else grey
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out / "sections.npz", **kept)
    about = {
        "command": "python training/volumes.py",
        "steps": options.steps,
        "shape": SHAPE,
        "seeds": {"train": list(TRAIN), "validation": list(VALIDATION), "test": list(TEST[: options.test])},
        "machine": dsb2018.machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "iou_thresholds": [round(float(v), 2) for v in np.arange(0.5, 1, 0.05)],
        "spacings": spacings,
    }
    files.save(options.out / "results.json", json.dumps(about) + "\n")


if __name__ == "__main__":
    main()
