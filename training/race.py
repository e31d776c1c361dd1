"""The race of chapter 14: every segmentation tool of the course on the same held-out images of three kinds.

*easy* and *crowded* are images of the 50 test images of DSB2018, chosen by the truth alone: the eight with
the smallest and the eight with the largest share of nuclei that have a neighbour within two pixels. *tissue*
are six of the eight images of ``tissue-he-dsb2018`` (H&E, RGB), which no checkpoint of the course has seen;
the other two, the first by name, serve to adjust tools. Tools for one channel get 255 − red, in which nuclei
are bright; SAM's grid of clicks gets the colours.

Each entrant runs in a process of its own, so that its peak memory is its own, on all cores. What counts is
CPU time, summed over the cores: unlike seconds on the clock it hardly depends on what else the machine does.
Loading, compiling and the first image (a validation image) are counted apart. What people have to do is
*assumed*, not measured: `PERSON` says what and why.

Run it with ``python training/race.py``; ten minutes on two CPU cores. The results are written after each
entrant, and a run that was cut short goes on where it was (``--again NAME`` repeats one entrant).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

import dsb2018
from bioimage_course import data, files, metrics, toolbox, tools
from bioimage_course.metrics.objects import COMMON_THRESHOLDS
from bioimage_course.results import sam_grids
from bioimage_course.results.race import KINDS

OUT = dsb2018.OUT.parent / "race"
IMAGES = 8  # of each of the first two kinds
CLICKS = 8  # along a side of SAM's grid; its default, 32, takes sixteen times as long
ADJUST = 2  # tissue images to adjust tools on
GAP = 2  # pixels within which two nuclei are neighbours

SECONDS_PER_NUCLEUS = 15 * 3600 / 6409
"""15 hours for 6409 nuclei: Englbrecht et al. 2021 (doi:10.1371/journal.pone.0250093), figure 3."""

PERSON = {
    "look": (10, "20 results looked at, half a minute each; every tool needs it"),
    "knobs": (15, "two settings turned while looking at two images"),
    "strokes": (20, "strokes on two images, looking, and strokes again where it failed"),
    "script": (60, "converting two annotations, starting a training script, reading its curve"),
}
"""Minutes of a person, assumed, and what they are spent on."""


def entrant(tool, settings, category="pretrained", **others):
    """What the results say about one who runs; name, chapter and packages are those of the tool's record."""
    record = toolbox.TOOLS[tool]
    about = {"title": record.title, "category": category, "chapter": record.chapter, "kinds": KINDS}
    about |= {"person": ["look"], "settings": settings, "packages": list(record.packages)}
    return about | others


OURS = {"seen": ["easy", "crowded"], "drawn": "dsb2018"}
"""Trained by the course, on outlines of DSB2018."""

TISSUE = {"kinds": ("tissue",)}

ENTRANTS = {
    "voronoi-otsu": entrant("voronoi-otsu", "as in chapter 9", "classical"),
    "pixel-classifier": entrant(
        "pixel-classifier", "as in chapter 9", "pixel-based", seen=["easy", "crowded"]
    ),
    "unet": entrant("unet", 'scale="auto"', **OURS),
    "stardist": entrant("stardist", 'scale="auto"', **OURS),
    "cellpose": entrant("cellpose", "the course's own small flow network, as in chapter 12", **OURS),
    "sam-decoder": entrant(
        "micro-sam",
        "MobileSAM's encoder, the course's decoder (AIS), as in chapter 13",
        title="SAM + decoder",
        **OURS,
    ),
    "sam-grid": entrant(
        "micro-sam",
        f"MobileSAM, {CLICKS} × {CLICKS} clicks, thresholds and smallest size as chosen in chapter 13",
        title=f"SAM, grid of {CLICKS} × {CLICKS} clicks",
    ),
    "voronoi-otsu-adjusted": entrant(
        "voronoi-otsu",
        "both sigmas chosen on two tissue images",
        "classical",
        title="Voronoi-Otsu, adjusted",
        person=["look", "knobs"],
        **TISSUE,
    ),
    "pixel-classifier-adjusted": entrant(
        "pixel-classifier",
        "a new forest from a few pixels of two tissue images, threshold as in chapter 9",
        "pixel-based",
        title="pixel classifier, new strokes",
        person=["look", "strokes"],
        seen=["tissue"],
        **TISSUE,
    ),
    "unet-adjusted": entrant(
        "unet",
        "100 steps on two outlined tissue images, thresholds as in chapter 10",
        "fine-tuned",
        title="U-Net, fine-tuned",
        person=["look", "script"],
        seen=["tissue"],
        drawn="tissue",
        **TISSUE,
    ),
}
"""Who runs. ``seen``: kinds from whose collection images were in the training set; ``drawn``: whose outlines.
``person``: what somebody has to do, see `PERSON`."""

PUBLISHED = "published-"
"""How the names of published models begin here; they run when they are asked for (`--published`)."""


def published(name):
    """What the results say about a published model, by its name in ``tools.published``."""
    model = tools.published.about(name)
    # where the authors do not say which images, those of all kinds count as seen
    about = {"title": f"{model.title} (published)", "seen": [] if model.seen == "no" else list(KINDS)}
    return entrant(
        model.tool, f"{model.model}, settings of its authors", **about | (TISSUE if colour(name) else {})
    )


def colour(name):
    """Whether a published model wants the colours of stained tissue."""
    return tools.published.about(name).images == "H&E"


def takes_colours(name):
    """Whether a published model takes them: Cellpose-SAM and micro-sam learnt from such images, too."""
    return colour(name) or tools.published.about(name).tool in ("cellpose", "micro-sam")


MEASURED = ("start_seconds", "kinds", "other_seeds", "peak_memory_mb", "versions", "load_average_before")


# ---------------------------------------------------------------- images


def crowding(labels, gap=GAP):
    """Share of the objects that have another object within `gap` pixels.

    Parameters
    ----------
    labels : array of int (Y, X)

    Returns
    -------
    float
        0 if all stand apart or there is none, 1 if each has a neighbour.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    labels = np.asarray(labels)
    size = 2 * gap + 1
    largest = maximum_filter(labels, size)
    background = labels.max() + 1  # in the minimum it has no say; the type's own limit would overflow
    smallest = minimum_filter(np.where(labels > 0, labels, background), size)
    near = (labels > 0) & ((largest != labels) | (smallest != labels))
    objects = np.unique(labels[labels > 0])
    return len(np.unique(labels[near])) / len(objects) if len(objects) else 0.0


def choose(truths, names, count=IMAGES):
    """The images with the least and the most crowded truths; among equals by name."""
    shares = [crowding(truth) for truth in truths]
    order = sorted(range(len(names)), key=lambda i: (shares[i], names[i]))
    return {"easy": order[:count], "crowded": order[: -count - 1 : -1]}


def load_kind(kind):
    """Images, truths and names of one kind; "adjust" are the two tissue images for adjusting."""
    if kind in ("tissue", "adjust"):
        samples = sorted(data.load("tissue-he-dsb2018"), key=lambda sample: sample.name)
        samples = samples[ADJUST:] if kind == "tissue" else samples[:ADJUST]
        return [s.image for s in samples], [s.labels for s in samples], [s.name for s in samples]
    test = dsb2018.load_part("test")
    return tuple([things[i] for i in choose(*test[1:])[kind]] for things in test)


def nuclei_bright(image):
    """One channel with bright nuclei: haematoxylin absorbs red light, so red is turned round."""
    return 255 - image[..., 0] if image.ndim == 3 else image


# ---------------------------------------------------------------- entrants


def make(name):
    """A function ``segment(image) -> labels`` for images of every kind; adjusts the tool where it has to."""
    if name.startswith(PUBLISHED):
        name = name.removeprefix(PUBLISHED)
        segment = tools.published.segmenter(name, download=True)
        return segment if takes_colours(name) else lambda image: segment(nuclei_bright(image))
    if name == "sam-grid":
        chosen = sam_grids.results()["chosen"]
        return lambda image: tools.micro_sam.segment(image, points_per_side=CLICKS, **chosen)
    plain = {
        "voronoi-otsu": tools.voronoi_otsu.segment,
        "pixel-classifier": tools.pixel_classifier.segment,
        "unet": lambda image: tools.unet.segment(image, scale="auto"),
        "stardist": lambda image: tools.stardist.segment(image, scale="auto"),
        "cellpose": tools.cellpose.segment,
        "sam-decoder": tools.micro_sam.segment_automatic,
    }
    adjust = {
        "voronoi-otsu-adjusted": adjust_voronoi,
        "pixel-classifier-adjusted": adjust_pixels,
        "unet-adjusted": adjust_unet,
    }
    if name in adjust:
        images, truths, _ = load_kind("adjust")
        segment = adjust[name]([nuclei_bright(image) for image in images], truths)
    else:
        segment = plain[name]
    return lambda image: segment(nuclei_bright(image))


def adjust_voronoi(images, truths):
    """Both sigmas with the best pooled AP@0.5 on these images."""
    import itertools

    def ap(sigmas):
        found = [tools.voronoi_otsu.segment(i, spot_sigma=sigmas[0], outline_sigma=sigmas[1]) for i in images]
        return metrics.average_precision_dataset(truths, found).pooled[0]

    spot, outline = max(itertools.product(("auto", 3, 5, 8, 12), (1, 2, 3)), key=ap)
    print(f"spot_sigma={spot!r}, outline_sigma={outline}")
    return lambda image: tools.voronoi_otsu.segment(image, spot_sigma=spot, outline_sigma=outline)


def adjust_pixels(images, truths):
    """A new forest from a few pixels of these images and augmented copies of them (as in chapter 9)."""
    import classical

    table, classes = classical.annotate(images, truths)
    print(f"{len(classes)} annotated pixels")
    classifier = tools.pixel_classifier.PixelClassifier(tools.pixel_classifier.grow(table, classes))
    return lambda image: tools.pixel_classifier.segment(image, classifier)


def adjust_unet(images, truths, steps=100, seed=0):
    """The course's U-Net, trained on with these images: all layers, a tenth of the learning rate."""
    import copy

    import torch

    import unet_nuclei
    from bioimage_course import nets

    nets.seed_everything(seed)
    model = copy.deepcopy(tools.unet.course_model()).float()
    draw = unet_nuclei.make_drawer(unet_nuclei.normalise_all(images), truths, 128, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-4)
    model.train()
    for _ in range(steps):
        inputs, targets = draw(8)
        value = unet_nuclei.loss(model(inputs), targets)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    model.eval()
    return lambda image: tools.unet.segment(image, model, scale="auto")


def repeat_fine_tuning(seeds=(1, 2)):
    """Pooled AP@0.5 on the tissue images after fine-tuning with other seeds: how much a training varies."""
    adjusting, outlines, _ = load_kind("adjust")
    images, truths, _ = load_kind("tissue")
    rows = []
    for seed in seeds:
        segment = adjust_unet([nuclei_bright(image) for image in adjusting], outlines, seed=seed)
        found = [segment(nuclei_bright(image)) for image in images]
        ap = metrics.average_precision_dataset(truths, found).pooled[0]
        rows.append({"seed": seed, "pooled_ap50": round(float(ap), 4)})
    return rows


def run(name):
    """Let one entrant segment all images of its kinds; returns what is written about it."""
    about = entrants([name])[name]
    started = time.perf_counter()
    segment = make(name)
    segment(
        load_kind("adjust")[0][0] if about["kinds"] == ("tissue",) else dsb2018.load_part("validation")[0][0]
    )
    found = {"start_seconds": round(time.perf_counter() - started, 1), "kinds": {}}
    for kind in about["kinds"]:
        images, truths, names = load_kind(kind)
        predictions, seconds, cpu_seconds = [], [], []
        for image in images:
            started, cpu = time.perf_counter(), time.process_time()
            predictions.append(segment(image))
            seconds.append(round(time.perf_counter() - started, 3))
            cpu_seconds.append(round(time.process_time() - cpu, 3))
        scores = metrics.average_precision_dataset(truths, predictions)
        found["kinds"][kind] = {
            "pooled_ap50": round(float(scores.pooled[0]), 4),
            "images": [
                {"name": n, "tp": tp.tolist(), "fp": fp.tolist(), "fn": fn.tolist(), "seconds": s, "cpu": c}
                for n, tp, fp, fn, s, c in zip(
                    names, scores.tp, scores.fp, scores.fn, seconds, cpu_seconds, strict=True
                )
            ],
        }
    # kilobytes on Linux, bytes on macOS
    unit = 1024**2 if sys.platform == "darwin" else 1024
    found["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    if name == "unet-adjusted":  # after the memory was read
        found["other_seeds"] = repeat_fine_tuning()
    found["versions"] = {package: version(package) for package in about["packages"]}
    return found


# ---------------------------------------------------------------- results


def entrants(names):
    """The course's own entrants, and those of `names` that are published models."""
    more = [name for name in names if name.startswith(PUBLISHED)]
    return ENTRANTS | {name: published(name.removeprefix(PUBLISHED)) for name in more}


def describe():
    """Everything that does not depend on an entrant: images, rule, truth, assumptions, machine."""
    kinds = {}
    for kind in (*KINDS, "adjust"):
        images, truths, names = load_kind(kind)
        kinds[kind] = {
            "images": [
                {
                    "name": name,
                    "shape": list(image.shape[:2]),
                    "nuclei": len(np.unique(truth[truth > 0])),
                    "crowding": round(crowding(truth), 3),
                }
                for image, truth, name in zip(images, truths, names, strict=True)
            ],
            "pixels_sha256": files.sha256_of(*images, *truths),
        }
    drawn = {
        "dsb2018": sum(
            len(np.unique(m[m > 0])) for part in ("train", "validation") for m in dsb2018.load_part(part)[1]
        ),
        "tissue": sum(image["nuclei"] for image in kinds["adjust"]["images"]),
    }
    return {
        "command": "python training/race.py",
        "machine": dsb2018.machine(),
        "python": platform.python_version(),
        "rule": f"easy and crowded: the {IMAGES} test images of nuclei-dsb2018 with the smallest and the "
        f"largest share of nuclei that have a neighbour within {GAP} pixels; tissue: tissue-he-dsb2018 "
        f"without the first {ADJUST} images by name, on which tools were adjusted",
        "iou_thresholds": list(COMMON_THRESHOLDS),
        "kinds": kinds,
        "assumed": {
            "note": "Minutes of a person are assumptions, not measurements.",
            "seconds_per_nucleus": round(SECONDS_PER_NUCLEUS, 2),
            "source": "Englbrecht, Ruider and Bausch 2021, doi:10.1371/journal.pone.0250093: about 15 hours "
            "for 6409 nuclei outlined by hand",
            "minutes": {key: {"minutes": m, "for": words} for key, (m, words) in PERSON.items()},
            "outlined_nuclei": drawn,
        },
    }


def write(results, out=OUT):
    out.mkdir(parents=True, exist_ok=True)
    files.save(out / "results.json", json.dumps(results, ensure_ascii=False) + "\n")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", nargs="*", default=[], metavar="NAME", help="repeat these entrants")
    parser.add_argument("--published", nargs="*", default=[], metavar="MODEL", help="let these run as well")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        files.save(Path(args.one[1]), json.dumps(run(args.one[0])))
        return
    file = args.out / "results.json"
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"entrants": {}}
    before = old["entrants"]
    # who only adds a published model leaves what is said of the images and the machine
    results = (old if args.published and before else describe()) | {"entrants": {}}
    asked = [PUBLISHED + name for name in args.published]
    for name, about in entrants([*before, *asked]).items():
        outdated = name in asked and not dsb2018.same_versions(
            before.get(name, {}).get("versions", {}), about["packages"]
        )
        if name in before and name not in args.again and not outdated:
            results["entrants"][name] = about | {
                key: before[name][key] for key in MEASURED if key in before[name]
            }
            continue
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "found.json"
            subprocess.run(
                [sys.executable, __file__, "--one", name, str(target)],
                check=True,
                env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},  # CPU time compares CPUs
            )
            found = json.loads(target.read_text(encoding="utf-8"))
        results["entrants"][name] = about | found | {"load_average_before": round(load, 2)}
        write(results, args.out)
        scores = {kind: told["pooled_ap50"] for kind, told in found["kinds"].items()}
        print(f"{name}: {scores}, {found['peak_memory_mb']} MB", flush=True)
    write(results, args.out)


if __name__ == "__main__":
    main()
