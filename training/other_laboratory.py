"""Score the course's nuclei models on images of other laboratories, from which none has learnt.

Two sets. Nuclei of RPE1 cells, which mnfinder 1.2.3 (MIT) brings along to train a network: nine images with
masks, of three experiments; they rank methods. Four fields of Schwann cells whose masks CellProfiler made
(CC BY 4.0): they measure *agreement with CellProfiler* and rank nothing.

What counts, written down before anything was scored:

- Masks are RGBA pictures, one colour a nucleus. In one image a colour stands for two nuclei, so each
  connected piece is a nucleus, and pieces below 20 pixels are slips of the pen.
- Micronuclei are outlined apart and are no nuclei here. An object that lies mostly on micronuclei counts
  neither way; ``strict`` counts it as a false positive.
- CellProfiler left out nuclei at the border of the image. Found objects that touch it count neither way.

Beside the shipped methods runs a Voronoi-Otsu labelling whose two blurs, in pixels, were tuned on the 127
training images of DSB2018: what somebody does who tunes the classical method on what there is. All methods
run with their settings of the table on DSB2018; nothing is chosen here. The row *at half size* was added when
the pixel classifier had failed on the Schwann cells, to find out why: it explains, and is no contestant.

Run it with ``python training/other_laboratory.py --images FOLDER``, about five minutes on one core.
``--images`` is a folder with the sets ``nuclei-mnfinder-rpe1`` and ``fluo-nf1-schwann`` (by default the
mirror). Methods that were scored with the same weights are not scored again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from pathlib import Path

import numpy as np
from skimage import io, measure
from skimage.transform import resize

import dsb2018
from bioimage_course import compat, files, metrics, shipped, tools
from bioimage_course.tools import voronoi_otsu

OUT = shipped.WEIGHTS / "other-laboratory" / "results.json"
PICTURE, CROP = "2022-05-27_RPE1/train-3", np.s_[:288, 60:348]
SLIP = 20  # pixels; smaller pieces of a mask are not nuclei
SPOTS, OUTLINES = (1, 2, 3, 4, 6), (0, 1, 2)  # pixels
THRESHOLDS = (0.5, 0.75, 0.9)
RPE1, SCHWANN = "nuclei-mnfinder-rpe1", "fluo-nf1-schwann"


# ---------------------------------------------------------------- images


def load_rpe1(folder):
    """The nine images: name, experiment, image, nuclei, micronuclei."""
    found = []
    for path in sorted((folder / RPE1).glob("*/images/*.tif")):
        masks = [path.parents[1] / kind / f"{path.stem}.png" for kind in ("nucleus_masks", "mn_masks")]
        nuclei, micronuclei = (colours_to_labels(io.imread(mask)) for mask in masks)
        experiment = path.parts[-3]
        name = f"{experiment}/{path.stem}"
        found.append(dict(name=name, experiment=experiment, image=io.imread(path), truth=nuclei))
        found[-1]["aside"] = micronuclei > 0
    return found


def colours_to_labels(picture):
    """Connected pieces of one colour, without those smaller than a slip of the pen."""
    colours = picture[..., :3].astype(np.int64) @ np.array([65536, 256, 1])
    pieces = measure.label(colours, background=0, connectivity=1)
    return tools.without_small(pieces, SLIP).astype(np.int32)


def load_schwann(folder):
    """The four fields: name, well, image, CellProfiler's nuclei, border of the image."""
    found = []
    for path in sorted((folder / SCHWANN).glob("*_DAPI.tif")):
        name = path.stem.removesuffix("_DAPI")
        truth = measure.label(io.imread(path.with_name(f"{name}_MaskNuclei.tiff")) > 0).astype(np.int32)
        found.append(dict(name=name, experiment=name.split("_")[0], image=io.imread(path), truth=truth))
    return found


# ---------------------------------------------------------------- counting


def without(labels, aside, share=0.5):
    """Labels without the objects of which more than `share` lies on `aside`."""
    area = np.maximum(1, np.bincount(labels.ravel()))
    covered = np.bincount(labels.ravel(), aside.ravel(), len(area)) / area
    return np.where(covered[labels] > share, 0, labels)


def inside(labels):
    """Labels without the objects that touch the border of the image."""
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.where(np.isin(labels, edge), 0, labels)


def count(truth, labels):
    """TP, FP and FN at the thresholds."""
    return dsb2018.count(truth, labels, THRESHOLDS)


def counts_of(scene, labels):
    """Counts of one image; those of RPE1 twice."""
    about = {"name": scene["name"], "experiment": scene["experiment"]}
    if "aside" not in scene:
        return about | count(scene["truth"], inside(labels))
    lenient = without(labels, scene["aside"])
    aside = len(np.unique(labels)) - len(np.unique(lenient))
    return (
        about
        | count(scene["truth"], lenient)
        | {"on_micronuclei": aside, "strict": count(scene["truth"], labels)}
    )


# ---------------------------------------------------------------- methods


def tune_voronoi_otsu():
    """Both blurs with the best pooled AP@0.5 on the training images of DSB2018, and the whole search."""
    images, masks, _ = dsb2018.load_part("train")
    table = []
    for spot, outline in itertools.product(SPOTS, OUTLINES):
        found = [voronoi_otsu.segment(x, spot_sigma=spot, outline_sigma=outline) for x in images]
        ap = metrics.average_precision_dataset(masks, found, thresholds=(0.5,)).pooled[0]
        table.append({"spot_sigma": spot, "outline_sigma": outline, "ap": round(float(ap), 4)})
    return max(table, key=lambda row: row["ap"]), table


def methods(tuned):
    """How each method of the course segments an image, what it is called, what its outcome hangs on."""
    flows = tools.cellpose.results()["thresholds"]
    blurs = {key: tuned[key] for key in ("spot_sigma", "outline_sigma")}
    return {
        "voronoi-otsu-tuned": (
            "Voronoi-Otsu, blurs tuned on DSB2018",
            lambda x: voronoi_otsu.segment(x, **blurs),
            blurs,
        ),
        "voronoi-otsu": ("Voronoi-Otsu labelling", voronoi_otsu.segment, None),
        "pixel-classifier": (
            "Pixel classifier (random forest)",
            tools.pixel_classifier.segment,
            tools.pixel_classifier.WEIGHTS / "annotations.npz",
        ),
        "pixel-classifier-half": (
            "Pixel classifier, image at half size",
            lambda x: at_half_size(x, tools.pixel_classifier.segment),
            tools.pixel_classifier.WEIGHTS / "annotations.npz",
        ),
        "unet": ("U-Net", lambda x: tools.unet.segment(x, scale="auto"), tools.unet.WEIGHTS / "unet.pt"),
        "stardist": (
            "StarDist",
            lambda x: tools.stardist.segment(x, scale="auto"),
            tools.stardist.WEIGHTS / "weights_best.h5",
        ),
        "cellpose": (
            "Cellpose flows, our own small network",
            lambda x: tools.cellpose.segment(x, tools.cellpose.course_model(), **flows),
            tools.cellpose.WEIGHTS / "cellpose-flows.pt",
        ),
    }


def at_half_size(image, segment):
    """Labels of the image, found in a copy of half its size."""
    small = resize(image.astype(np.float32), [n // 2 for n in image.shape], order=1, anti_aliasing=True)
    return resize(segment(small), image.shape, order=0, preserve_range=True, anti_aliasing=False).astype(
        np.int32
    )


def identity(what):
    """The sha256 of a file of weights, or the settings of a method without any."""
    return files.sha256(what) if isinstance(what, Path) else what


def run(segment, scenes, keep=None):
    """Counts of all images, and seconds an image."""
    segment(scenes[0]["image"][:128, :128])  # loading and compiling are not counted
    rows = []
    found, seconds = dsb2018.segment_all(segment, [scene["image"] for scene in scenes])
    for scene, labels in zip(scenes, found, strict=True):
        rows.append(counts_of(scene, labels))
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            np.save(keep / f"{scene['name'].replace('/', '_')}.npy", labels.astype(np.uint16))
    return rows, round(seconds, 2)


def picture(scenes, tuned, out):
    """A crop of one image with its masks and what three methods make of it, for the chapter's figure."""
    (scene,) = (scene for scene in scenes if scene["name"] == PICTURE)
    layers = {"image": scene["image"], "truth": scene["truth"], "micronuclei": scene["aside"]}
    for name in ("voronoi-otsu-tuned", "unet", "stardist"):
        layers[name] = methods(tuned)[name][1](scene["image"])
    crop = {
        name: layer[CROP].astype(layer.dtype if name == "image" else np.uint16)
        for name, layer in layers.items()
    }
    files.save(out / "crop.npz", lambda stream: np.savez_compressed(stream, **crop))


def about(scenes):
    """What was scored: pixels, nuclei and their width, image by image."""
    return {
        "pixels_sha256": files.sha256_of(*(s["image"] for s in scenes), *(s["truth"] for s in scenes)),
        "images": [
            {
                "name": s["name"],
                "experiment": s["experiment"],
                "nuclei": int(len(np.unique(s["truth"])) - 1),
                "median_diameter_px": round(metrics.median_diameter(s["truth"]), 1),
            }
            for s in scenes
        ],
    }


def add(results, name, method, sets, keep=None):
    """Score one method, unless the results have its scores with the same weights already.

    Parameters
    ----------
    results : dict
        Changed: ``results["methods"][name]``.
    name : str
    method : tuple
        As in `methods`.
    sets : dict
        Scenes of each set.
    keep : Path, optional
        Folder for the label images.

    Returns
    -------
    bool
        Whether anything was done.
    """
    title, segment, what = method
    scored = results.setdefault("methods", {})
    if name in scored and scored[name]["weights"] == identity(what):
        return False
    found = {"title": title, "weights": identity(what), "seconds_per_image": {}}
    for key, scenes in sets.items():
        found[key], found["seconds_per_image"][key] = run(segment, scenes, keep and keep / name)
    scored[name] = found
    print(name, sum_up(found), flush=True)
    return True


def load(folder):
    """The scenes of both sets."""
    return {RPE1: load_rpe1(Path(folder)), SCHWANN: load_schwann(Path(folder))}


def write(results, out):
    """Write the results in one go."""
    out.parent.mkdir(parents=True, exist_ok=True)
    files.save(out, json.dumps(results, indent=1) + "\n")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, default=os.environ.get("BIOIMAGE_COURSE_MIRROR"))
    parser.add_argument("--picture", action="store_true", help="only make the crop for the figure")
    parser.add_argument("--keep", type=Path, help="folder for the label images that were found")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    if not args.images or not (Path(args.images) / RPE1).is_dir():
        parser.error(f"--images must name a folder with the sets {RPE1} and {SCHWANN}")
    compat.prepare("stardist")
    results = json.loads(args.out.read_text(encoding="utf-8")) if args.out.is_file() else {}
    sets = load(args.images)
    if args.picture:
        return picture(sets[RPE1], results["tuning"]["best"], args.out.parent)
    results |= {
        "what": "the course's nuclei models on images of other laboratories",
        "command": "python training/other_laboratory.py",
        "iou_thresholds": list(THRESHOLDS),
        "sets": {name: about(scenes) for name, scenes in sets.items()},
    }
    if "tuning" not in results:
        best, table = tune_voronoi_otsu()
        results["tuning"] = {"on": "127 training images of DSB2018", "best": best, "search": table}
    for name, method in methods(results["tuning"]["best"]).items():
        if add(results, name, method, sets, args.keep):
            write(results, args.out)


def sum_up(found):
    """Pooled AP at the thresholds, for whoever watches."""
    return {key: dsb2018.pooled(found[key]) for key in (RPE1, SCHWANN)}


if __name__ == "__main__":
    main()
