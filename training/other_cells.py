"""Cells that are not round nuclei: what a star can describe of them, and what the shipped models find.

    python training/other_cells.py               # what is missing; goes on where it was
    python training/other_cells.py --only stars  # or models, or sam: one of the three parts
    python training/other_cells.py --only models --set axons
    python training/other_cells.py --samples     # only write the crops that the package carries

What counts, written down before anything was scored:

- *Spread cells*: the middle 512 x 512 pixels of the eight test images of ``spread_cells.py`` (manual truth).
  *Axons*: the middle 384 x 384 pixels of one image of each of six animals (manual truth). *Ovule*: planes 4,
  16 and 28 of one stack, three views of the same cells (curated truth). These rank, the ovule with reserve.
- *Chloroplasts*: one image at a quarter of its size. How the masks were made is not stated; looked at, they
  follow the organelles. *Yeast*: one frame of a film; how the masks were made is not stated, and the licence
  is not settled: numbers only. Both are shown and rank nothing. *Epithelium*: the masks are the output of
  another tool; what is measured is agreement with it.
- Pieces of a truth below 20 pixels, also those that the crop makes, are no cells.
- *Star ceiling* of a cell: the best IoU that a polygon with 32 corners on 32 rays of one inner point reaches.
  Up to 40 points, spread over the cell, are tried with the true distances along the rays; the best polygon is
  then improved ray by ray. It is what was found, so the true ceiling may lie a little higher. For comparison
  500 nuclei of DSB2018, by lot.
- Models run as shipped, with their settings of the table on DSB2018, on the image and on its inverse
  (``1 - image`` after normalisation), because most of these cells are darker than what lies around them.
- *SAM* (MobileSAM) is asked about at most 30 cells of an image, by lot: with the tight box of the true
  mask; with that box drawn carelessly, each side moved by up to a tenth of the box, outwards or inwards, by
  lot; and with a click on the innermost point. What is counted is the IoU of the answer with the cell. Of a
  click's three masks the one with the highest predicted IoU is the answer. The best of the three, which
  somebody would have to pick, was added when the first answers to clicks had been seen: it explains them.
  Boxes and clicks from the truth are help: nobody has them beforehand.
- *Automatic masks* come from grids of 16 x 16 and of 32 x 32 clicks, in the three ways of
  ``micro_sam_grids.py``; its smallest size was chosen on nuclei. Of a cell that was asked about counts the
  best IoU with any object; beside it stand the matches of all cells and what was found that is none.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import draw, io, measure
from skimage.transform import downscale_local_mean

import cellpose_flows
import dsb2018
import micro_sam_grids
import micro_sam_prompts
import other_laboratory
import spread_cells
from bioimage_course import compat, files, metrics, shipped, tools
from bioimage_course.materials.ch13 import clicked
from bioimage_course.results import sam_grids
from spread_cells import numbered

OUT = shipped.WEIGHTS / "other-cells" / "results.json"
SAMPLES = shipped.WEIGHTS.parent / "data" / "samples"
THRESHOLDS = (0.5, 0.75, 0.9)
RAYS, POINTS = 32, 40
NUCLEI = 500  # of the 2,460 test nuclei of DSB2018
SLIP = 20  # pixels; smaller pieces are no cells
ASKED = 30  # cells of an image that SAM is asked about
CARELESS = 0.1  # of a box's height and width: how far its sides are moved at most
SIDES = (16, 32)  # clicks along one side of a grid
ANIMALS = ("rat1_sample-data1", "rat2_sample-data5", "rat3_sample-data9", "rat4_sample-data12")
ANIMALS += ("rat6_sample-data15", "rat8_sample-V915")
PLANES = (4, 16, 28)
MODELS = ("voronoi-otsu", "stardist", "unet", "cellpose")
ABOUT = {
    "nuclei": ("dsb2018-stardist, 500 nuclei of the 50 test images, by lot", "manual"),
    "spread cells": ("phase-usiigaci2, the 8 test images of spread_cells.py, the middle 512 x 512", "manual"),
    "axons": ("em-axon-sem, one image an animal, the middle 384 x 384", "manual"),
    "ovule": ("membrane-mixed, planes 4, 16 and 28 of the ovule", "curated"),
    "chloroplasts": ("em-chloroplast-wsu, the leaf at a quarter of its size", "not stated, looked at"),
    "yeast": ("yeast-phase-yeastvision, frame im003", "not stated"),
    "epithelium": ("membrane-mixed, EpiTools' projection", "another tool"),
}


# ---------------------------------------------------------------- images


def spread_field(folder, name):
    """One phase-contrast image, in the 16 bits of its file, and the largest piece of each numbered cell."""
    place = folder / spread_cells.SET / name
    numbers = io.imread(place / "instances_ids.png")
    return io.imread(place / "raw.tif"), spread_cells.largest_pieces(numbers)


def axon_field(folder, name):
    """One electron micrograph of nerve fibres, and the connected pieces of its axon mask."""
    place = folder / "em-axon-sem"
    image = io.imread(place / f"sub-{name}_SEM.png")
    mask = io.imread(place / f"sub-{name}_SEM_seg-axon-manual.png")
    return image if image.ndim == 2 else image[..., 0], measure.label(mask == 255, connectivity=1)


def ovule_plane(folder, plane):
    """One plane of the ovule's stack of cell walls, and the cells in it."""
    import h5py

    with h5py.File(folder / "membrane-mixed" / "ovule" / "sample_ovule.h5") as stack:
        return stack["raw"][plane], stack["label"][plane]


def chloroplast_field(folder):
    """The leaf and its chloroplasts at a quarter of their size."""
    place = folder / "em-chloroplast-wsu"
    image, labels = io.imread(place / "001_image.tif"), io.imread(place / "001_labels.tif")
    small = downscale_local_mean(image[:2340, :3292].astype(np.float32), (4, 4))
    return small, labels[2:2340:4, 2:3292:4]


def epithelium_field(folder):
    """The projection of an epithelium, and EpiTools' cells in it."""
    place = folder / "membrane-mixed" / "epitools"
    return io.imread(place / "projected.tif"), io.imread(place / "projected-segmented.tif")


def middles(image, labels, side):
    """The middle of an image and of its labels."""
    return spread_cells.middle(image, side), spread_cells.middle(labels, side)


def cells_of(labels):
    """Labels 1 to n: the connected pieces of each number, without slips."""
    pieces = measure.label(labels, background=0, connectivity=1)
    return numbered(tools.without_small(pieces, SLIP))


def load(folder):
    """Of each set the names, the normalised images and the labels."""
    names = sorted(path.parent.name for path in (folder / spread_cells.SET).glob("*/raw.tif"))
    tests = spread_cells.parts(names)["test"]
    yeast = folder / "yeast-phase-yeastvision"
    pairs = {
        "spread cells": {name: middles(*spread_field(folder, name), 512) for name in tests},
        "axons": {name: middles(*axon_field(folder, name), 384) for name in ANIMALS},
        "ovule": {f"plane {z}": ovule_plane(folder, z) for z in PLANES},
        "chloroplasts": {"leaf": chloroplast_field(folder)},
        "yeast": {"im003": (io.imread(yeast / "im003_phase.tif"), io.imread(yeast / "im003_mask.tif"))},
        "epithelium": {"projected": epithelium_field(folder)},
    }
    return {
        kind: {
            "names": list(images),
            "images": cellpose_flows.normalise([image for image, _ in images.values()]),
            "truths": [cells_of(labels) for _, labels in images.values()],
        }
        for kind, images in pairs.items()
    }


def nuclei():
    """500 nuclei, by lot, of the 50 test images of DSB2018."""
    images, masks, names = dsb2018.load_part("test")
    truths = [numbered(mask) for mask in masks]
    places = np.array([(i, k) for i, truth in enumerate(truths) for k in range(1, truth.max() + 1)])
    chosen = places[np.random.RandomState(0).permutation(len(places))[:NUCLEI]]
    kept = [numbered(np.where(np.isin(t, chosen[chosen[:, 0] == i, 1]), t, 0)) for i, t in enumerate(truths)]
    return {"names": names, "images": images, "truths": kept}


# ---------------------------------------------------------------- the star ceiling


def directions(rays=RAYS):
    """Unit vectors (row, column) of the rays."""
    angle = 2 * np.pi * np.arange(rays) / rays
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def distances(mask, point, rays=RAYS):
    """How far each ray runs from the point before it leaves the mask, in steps of half a pixel."""
    steps = np.arange(0.5, sum(mask.shape), 0.5)
    places = np.rint(point + directions(rays)[:, None] * steps[:, None]).astype(int)
    inside = np.all((places >= 0) & (places < mask.shape), axis=-1)
    held = np.zeros(inside.shape, bool)
    held[inside] = mask[tuple(places[inside].T)]
    return 0.5 * np.argmin(held, axis=1) + 0.25


def star_iou(mask, point, reach):
    """IoU of a mask with the star polygon of a point."""
    corners = point + directions(len(reach)) * reach[:, None]
    rows, columns = draw.polygon(*corners.T, shape=mask.shape)
    shared = np.count_nonzero(mask[rows, columns])
    outside = _polygon_area(corners) - len(rows)  # what leaves the window, if it is more than a rim
    return shared / (np.count_nonzero(mask) + len(rows) - shared + max(0, outside - 2 * len(reach)))


def _polygon_area(corners):
    """Area by the shoelace formula."""
    rows, columns = corners.T
    return 0.5 * abs(np.dot(rows, np.roll(columns, 1)) - np.dot(columns, np.roll(rows, 1)))


def star_ceiling(mask, points=POINTS):
    """The best IoU found of a star polygon with 32 rays, its point and its distances."""
    mask = np.pad(mask, 8)
    inner = np.argwhere(mask)
    depth = ndimage.distance_transform_edt(mask)
    tried = inner[np.linspace(0, len(inner) - 1, min(points, len(inner))).astype(int)]
    tried = np.vstack([tried, np.unravel_index(depth.argmax(), mask.shape)])
    stars = [(point, distances(mask, point)) for point in tried]
    scores = [star_iou(mask, *star) for star in stars]
    point, reach = stars[int(np.argmax(scores))]
    best = max(scores)
    if best < 0.93:  # above, nothing is at stake
        best, reach = improved(mask, point, reach, best)
    return float(best), point - 8, reach


def improved(mask, point, reach, best, rounds=2):
    """Lengthen or shorten one ray after the other as long as the IoU grows."""
    for _ in range(rounds):
        before = best
        for ray in range(len(reach)):
            for factor in (0.85, 0.95, 1.1, 1.35, 1.8):
                other = reach.copy()
                other[ray] *= factor
                score = star_iou(mask, point, other)
                if score > best:
                    best, reach = score, other
        if best - before < 0.002:
            break
    return best, reach


def ceilings(labels):
    """Star ceiling of each cell of a label image."""
    windows = ndimage.find_objects(labels)
    return [round(star_ceiling(labels[w] == k)[0], 4) for k, w in enumerate(windows, 1)]


# ---------------------------------------------------------------- models


def model_parts(kind, scenes, results):
    """Score what is missing of one set: (name, contrast), counts image by image."""
    methods = other_laboratory.methods({"spot_sigma": 0, "outline_sigma": 0})
    for name in MODELS:
        title, segment, what = methods[name]
        for contrast in ("as it is", "inverted"):
            if results.get(name, {}).get(kind, {}).get(contrast):
                continue
            started = time.process_time()
            rows = []
            for image, truth in zip(scenes["images"], scenes["truths"], strict=True):
                rows.append(
                    other_laboratory.count(truth, segment(1 - image if contrast == "inverted" else image))
                )
            seconds = round(time.process_time() - started, 1)
            yield name, title, other_laboratory.identity(what), contrast, rows, seconds


# ---------------------------------------------------------------- Segment Anything


def asked(truth, number):
    """The cells that SAM is asked about: by lot, at most `ASKED`."""
    cells = np.arange(1, truth.max() + 1)
    return np.sort(np.random.RandomState(number).permutation(cells)[:ASKED])


def careless(boxes, shape, number):
    """The same boxes with each side moved by up to a tenth of their height or width, by lot."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + size * np.random.RandomState(number).uniform(-CARELESS, CARELESS, boxes.shape)
    return np.clip(moved, 0, np.tile(shape, 2))


def sam_prompted(image, truth, number, cache):
    """IoU of SAM's answers to boxes and clicks made from the truth, and the IoU that it predicts."""
    cells = asked(truth, number)
    embeddings, _ = micro_sam_prompts.embed(cache, image)
    prompts = {kind: made[cells - 1] for kind, made in micro_sam_prompts.true_prompts(truth).items()}
    row = {"cells": cells.tolist()}
    for name, boxes in (
        ("box", prompts["boxes"]),
        ("careless box", careless(prompts["boxes"], truth.shape, number)),
    ):
        records = tools.micro_sam.masks(tools.micro_sam.predictor(), embeddings, boxes=boxes)
        row[name] = scored(truth, cells, [([r["segmentation"]], [r["predicted_iou"]]) for r in records])
    row["click"] = scored(truth, cells, [three_masks(embeddings, point) for point in prompts["points"]])
    return row


def three_masks(embeddings, point):
    """The three masks that SAM proposes for one click, and their predicted IoUs."""
    from micro_sam.prompt_based_segmentation import segment_from_points

    masks, predicted, _ = segment_from_points(
        tools.micro_sam.predictor(),
        point[None],
        np.array([1]),
        embeddings,
        multimask_output=True,
        return_all=True,
        use_best_multimask=False,
    )
    return masks, predicted


def scored(truth, cells, answers):
    """IoU of the answer of which SAM is surest, the IoU it predicts, and the best IoU of all its answers."""
    row = {"iou": [], "predicted": [], "best": []}
    for cell, (masks, predicted) in zip(cells, answers, strict=True):
        true = [metrics.iou(truth == cell, np.asarray(mask, bool)) for mask in masks]
        surest = int(np.argmax(predicted))
        row["iou"].append(round(float(true[surest]), 3))
        row["predicted"].append(round(float(predicted[surest]), 3))
        row["best"].append(round(float(max(true)), 3))
    return row if len(answers[0][0]) > 1 else {key: row[key] for key in ("iou", "predicted")}


def sam_grid(image, truth, number, cache, side):
    """What automatic masks make of an image: of each cell asked about the best IoU, and counts of all."""
    cells = asked(truth, number)
    row = {"clicked": clicked(truth, side), "cells": cells.tolist()}
    chosen = tuple(sam_grids.results()["chosen"].values())
    for name, labels in micro_sam_grids.automatic(cache, image, side, chosen)[0].items():
        best = [max_iou(truth == k, labels) for k in cells]
        row[name] = {"iou": np.round(best, 3).tolist()} | other_laboratory.count(truth, labels)
    return row


def max_iou(mask, labels):
    """The best IoU of a mask with any object of a label image."""
    rivals = np.unique(labels[mask])
    return max((metrics.iou(mask, labels == k) for k in rivals if k), default=0.0)


# ---------------------------------------------------------------- file of results


def read(out):
    """What has been measured so far."""
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def keep(out, value, *keys):
    """Put one value into the file, which another part may have written to meanwhile."""
    results = read(out)
    place = results
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    out.parent.mkdir(parents=True, exist_ok=True)
    files.save(out, json.dumps(results, separators=(",", ":")) + "\n")


def about(sets):
    """Origin, cells and versions, beside the numbers."""
    return {
        "made_by": "python training/other_cells.py",
        "iou_thresholds": list(THRESHOLDS),
        "sets": {
            kind: {
                "what": ABOUT[kind][0],
                "truth": ABOUT[kind][1],
                "images": scenes["names"],
                "cells": [int(truth.max()) for truth in scenes["truths"]],
                "diameters": [round(float(metrics.median_diameter(t)), 1) for t in scenes["truths"]],
            }
            for kind, scenes in sets.items()
        },
    }


def measure_stars(sets, out):
    """Star ceilings of all sets."""
    for kind, scenes in sets.items():
        if kind not in read(out).get("stars", {}):
            rows = [ceilings(truth) for truth in scenes["truths"]]
            keep(out, rows, "stars", kind)
            low = np.concatenate(rows)
            print("stars", kind, len(low), np.mean(low < 0.9), np.mean(low < 0.8), flush=True)


def measure_models(sets, out):
    """Scores of the shipped models on all sets but their own nuclei."""
    for kind in sets:
        if kind == "nuclei":
            continue
        done = read(out).get("models", {})
        for name, title, weights, contrast, rows, seconds in model_parts(kind, sets[kind], done):
            keep(out, title, "models", name, "title")
            keep(out, weights, "models", name, "weights")
            keep(out, {"images": rows, "cpu_seconds": seconds}, "models", name, kind, contrast)
            print(name, kind, contrast, dsb2018.pooled(rows), seconds, flush=True)


def measure_sam(sets, out, cache):
    """Boxes and clicks of all sets, then the grids, which take longest."""
    parts = {"sam": sam_prompted} | {f"grid {side}": partial(sam_grid, side=side) for side in SIDES}
    for part, ask in parts.items():
        for kind in [kind for kind in sets if kind != "nuclei"]:
            for number, (name, image, truth) in enumerate(triples(sets[kind])):
                if name in read(out).get(part, {}).get(kind, {}):
                    continue
                row = ask(image, truth, number, cache)
                keep(out, row, part, kind, name)
                ious = {key: float(np.mean(value["iou"])) for key, value in row.items() if "iou" in value}
                print(part, kind, name, {key: round(iou, 2) for key, iou in ious.items()}, flush=True)


def triples(scenes):
    """Name, image and truth of each image of a set."""
    return list(zip(scenes["names"], scenes["images"], scenes["truths"], strict=True))


# ---------------------------------------------------------------- crops for the package


def samples(folder):
    """The crops that the package carries, by name: image of 8 bits, and labels.

    The spread cells come from a test image of ``spread_cells.py``, so that whoever learns from its ten images
    has not seen them; of its 16 bits the upper eight are kept. The bacteria are stretched to 8 bits, and
    their numbers, which begin anew in each chamber, are given by connected piece.
    """
    spread, cells = spread_field(folder, "set03")
    sem, axons = axon_field(folder, "rat8_sample-V915")
    walls, ovule = ovule_plane(folder, 16)
    leaf, chloroplasts = chloroplast_field(folder)
    membranes, epithelium = epithelium_field(folder)
    chambers = io.imread(folder / "bacteria-delta-mm" / "phase" / "frame01.tif")[80:272, 20:212].astype(float)
    rods = io.imread(folder / "bacteria-delta-mm" / "labels" / "frame01.tif")[80:272, 20:212]
    return {
        "spread_cells": ((spread >> 8)[:640, :640], cells[:640, :640]),
        "em_axons": (sem[:384, :384], axons[:384, :384]),
        "ovule_cells": (walls, ovule),
        "chloroplasts": (leaf[300:556, 400:656], chloroplasts[300:556, 400:656]),
        "epithelium": (membranes, epithelium),
        "bacteria": (255 * (chambers - chambers.min()) / np.ptp(chambers), cells_of(rods)),
    }


def write_samples(folder):
    """Write the crops into the package; ``make_registry.py`` then notes their hashes."""
    import tifffile

    for name, (image, labels) in samples(folder).items():
        io.imsave(SAMPLES / f"{name}.png", image.astype(np.uint8), check_contrast=False)
        tifffile.imwrite(
            SAMPLES / f"{name}_labels.tif",
            numbered(labels).astype(np.uint16),
            compression="zlib",
        )
        print(name, image.shape, labels.max())


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    mirror = os.environ.get("BIOIMAGE_COURSE_MIRROR", ".")
    parser.add_argument("--images", type=Path, default=Path(mirror), help="folder that holds the sets")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--samples", action="store_true", help="only write the crops of the package")
    parser.add_argument("--only", choices=("stars", "models", "sam"))
    parser.add_argument("--set", choices=list(ABOUT), help="one kind of cells")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "micro-sam-prompts")
    args = parser.parse_args(argv)
    if args.samples:
        return write_samples(args.images)
    for tool in ("stardist", "cellpose"):
        compat.prepare(tool)
    sets = load(args.images)
    for key, value in about(sets).items():
        keep(args.out, value, key)
    cache = micro_sam_prompts.Cache(args.cache)
    parts = {
        "stars": measure_stars,
        "models": measure_models,
        "sam": partial(measure_sam, cache=cache),
    }
    if args.only in (None, "stars"):
        sets = {"nuclei": nuclei()} | sets
    if args.set:
        sets = {args.set: sets[args.set]}
    for name in [args.only] if args.only else parts:
        parts[name](sets, args.out)


if __name__ == "__main__":
    main()
