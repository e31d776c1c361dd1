"""Which images failed? Signs that need no truth, held against the true error of each image.

    python training/quality_control.py --images FOLDER

Four sets, none of which a method has learnt from:

- ``dsb2018``: the 50 test images of the 2018 Data Science Bowl, as different from each other as they are.
- ``rpe1``: nine images of another laboratory (mnfinder 1.2.3, MIT), each cut into nine fields.
- ``rpe1-spoilt``: the same 81 fields, of which 16, drawn by lot, were spoilt: four out of focus, four with
  too little light, four saturated, four with a bright speck of dirt. The spoiling is simulated.
- ``schwann``: four fields of a third laboratory in four parts each. Their masks were made by CellProfiler
  (CC BY 4.0), so the error is disagreement with CellProfiler.

What counts, written down before anything was scored: the error of an image is 1 − AP@0.5, and it failed if
that is above 0.3. The signs are those of ``metrics.without_truth``. Nothing is tuned. The unit of all
intervals is the image as it was taken, so fields of one image are drawn together. As in
``other_laboratory.py``, objects on micronuclei count neither way, and of the Schwann cells neither do objects
at the border of the image.

Writes ``src/bioimage_course/weights/quality-control/results.json``: error, disagreement, features and
seconds, image by image; and ``pictures.npz``, two failures of DSB2018 (CC0), one that the copies disagree
about and one that they agree about. About 20 minutes on one core; what has been measured is not measured
again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import ndimage

import dsb2018
import other_laboratory
from bioimage_course import compat, files, shipped, tools
from bioimage_course.metrics import without_truth
from bioimage_course.tools import voronoi_otsu

OUT = shipped.WEIGHTS / "quality-control"
SPOILT_SHARE, FAILED = 0.2, 0.3
SIDE = 200  # pixels of a picture
PACKAGES = ("numpy", "scipy", "scikit-image", "stardist", "tensorflow", "torch")


# ---------------------------------------------------------------- images


def dsb2018_fields():
    """The 50 test images: name, unit, image, truth."""
    images, truths, names = dsb2018.load_part("test")
    return [
        dict(name=name, unit=name, image=image, truth=truth)
        for image, truth, name in zip(images, truths, names, strict=True)
    ]


def parts(scene, counts):
    """The scene cut into rows and columns; slivers below 20 pixels are no objects of a part."""
    rows, columns = (
        np.array_split(np.arange(n), k) for n, k in zip(scene["image"].shape, counts, strict=True)
    )
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = np.ix_(row, column)
            part = {key: scene[key][window] for key in ("image", "truth", "aside", "edge") if key in scene}
            area = np.bincount(part["truth"].ravel())
            part["truth"] = np.where(area[part["truth"]] < other_laboratory.SLIP, 0, part["truth"])
            yield part | {"name": f"{scene['name']}/{i}{j}", "unit": scene["name"]}


def rpe1_fields(folder):
    """81 fields of the nine images."""
    return [part for scene in other_laboratory.load_rpe1(folder) for part in parts(scene, (3, 3))]


def schwann_fields(folder):
    """16 fields of the four; `edge` marks the border of the image."""
    found = []
    for scene in other_laboratory.load_schwann(folder):
        edge = np.pad(np.zeros([n - 2 for n in scene["image"].shape], bool), 1, constant_values=True)
        found += parts(scene | {"edge": edge}, (2, 2))
    return found


def spoil(image, kind, rng):
    """The field as a microscope might have delivered it on a bad day; dtype and shape stay."""
    low, high = np.percentile(image, (1, 99.8))
    signal = image.astype(float)
    if kind == "out of focus":
        signal = ndimage.gaussian_filter(signal, 6)
    elif kind == "too little light":
        photons = np.clip((signal - low) / (high - low), 0, None) * 3
        signal = low + (rng.poisson(photons + 1) + rng.normal(0, 1, image.shape)) * (high - low) / 30
    elif kind == "saturated":
        signal = np.minimum(low + (signal - low) * 8, high)
    elif kind == "dirt":
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        middle = rng.uniform(0.25, 0.75, 2) * image.shape
        signal = signal + 20 * (high - low) * np.exp(
            -((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / 30**2
        )
    return np.clip(signal, 0, np.iinfo(image.dtype).max).astype(image.dtype)


def spoilt_fields(fields, seed=0):
    """The same fields, a share of them, drawn by lot, spoilt in four ways."""
    rng = np.random.default_rng(seed)
    kinds = ("out of focus", "too little light", "saturated", "dirt")
    drawn = rng.permutation(len(fields))[: int(SPOILT_SHARE * len(fields))]
    kind_of = {int(place): kinds[k % 4] for k, place in enumerate(drawn)}
    return [
        field
        | (
            {"image": spoil(field["image"], kind_of[place], rng), "spoilt": kind_of[place]}
            if place in kind_of
            else {}
        )
        for place, field in enumerate(fields)
    ]


# ---------------------------------------------------------------- measuring


def true_error(field, labels):
    """1 − AP@0.5 by the rules of the set."""
    if "aside" in field:
        labels = other_laboratory.without(labels, field["aside"])
    if "edge" in field:
        outside = np.unique(labels[field["edge"]])
        labels = np.where(np.isin(labels, outside), 0, labels)
    return without_truth.error(field["truth"], labels)


def measure(segment, field):
    """Error, disagreement, features and seconds of one field, and its labels."""
    started = time.perf_counter()
    answers = without_truth.turned(segment, field["image"])
    seconds = time.perf_counter() - started
    return {
        "name": field["name"],
        "unit": field["unit"],
        "error": round(true_error(field, answers[0]), 4),
        "disagreement": round(without_truth.disagreement(answers), 4),
        "features": {k: round(v, 4) for k, v in without_truth.features(field["image"], answers[0]).items()},
        "seconds": round(seconds, 2),
    } | ({"spoilt": field["spoilt"]} if "spoilt" in field else {}), answers


def methods():
    """Which method is asked on which sets."""
    everywhere = ("dsb2018", "rpe1", "rpe1-spoilt", "schwann")
    return {
        "voronoi-otsu": ("Voronoi-Otsu labelling", voronoi_otsu.segment, everywhere),
        "stardist": ("StarDist", lambda x: tools.stardist.segment(x, scale="auto"), everywhere),
        "unet": ("U-Net", lambda x: tools.unet.segment(x, scale="auto"), ("dsb2018",)),
    }


def load(folder):
    """The fields of each set."""
    rpe1 = rpe1_fields(Path(folder))
    return {
        "dsb2018": dsb2018_fields(),
        "rpe1": rpe1,
        "rpe1-spoilt": spoilt_fields(rpe1),
        "schwann": schwann_fields(Path(folder)),
    }


def around(truth, labels):
    """The window of a picture: where truth and labels differ most."""
    side = [min(SIDE, n) for n in truth.shape]
    unlike = ndimage.uniform_filter(((truth > 0) != (labels > 0)).astype(float), SIDE, mode="constant")
    middle = np.unravel_index(unlike.argmax(), unlike.shape)
    starts = [int(np.clip(m - s // 2, 0, n - s)) for m, s, n in zip(middle, side, truth.shape, strict=True)]
    return tuple(slice(a, a + s) for a, s in zip(starts, side, strict=True))


def pictures(rows, fields, segment, out):
    """The failure about which the copies disagree most, and the one about which they disagree least."""
    failed = [k for k, row in enumerate(rows) if row["error"] > FAILED]
    kept = {}
    for name, place in (
        ("caught", max(failed, key=lambda k: rows[k]["disagreement"])),
        ("confident", min(failed, key=lambda k: rows[k]["disagreement"])),
    ):
        field, answers = fields[place], without_truth.turned(segment, fields[place]["image"])
        window = around(field["truth"], answers[0])
        kept |= {
            f"{name}-image": field["image"][window],
            f"{name}-truth": field["truth"][window].astype(np.uint16),
            f"{name}-answers": np.stack([a[window] for a in answers]).astype(np.uint16),
            f"{name}-place": place,
        }
    files.save(out / "pictures.npz", lambda stream: np.savez_compressed(stream, **kept))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, default=os.environ.get("BIOIMAGE_COURSE_MIRROR"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--limit", type=int, help="the first so many fields of each set only, to try")
    args = parser.parse_args(argv)
    if not args.images or not (Path(args.images) / other_laboratory.RPE1).is_dir():
        parser.error(f"--images must name a folder with the set {other_laboratory.RPE1}")
    compat.prepare("stardist")
    sets, file = load(args.images), args.out / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"methods": {}}
    results |= {
        "what": "signs of a failure that need no truth, against the true error of each image",
        "command": "python training/quality_control.py",
        "machine": dsb2018.machine(),
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "failed": f"1 - AP@0.5 above {FAILED}",
        "threshold": FAILED,
        "copies": list(without_truth.TURNS),
        "sets": {
            name: {
                "images": len({f["unit"] for f in fields}),
                "fields": len(fields),
                "pixels_sha256": files.sha256_of(
                    *(f["image"] for f in fields), *(f["truth"] for f in fields)
                ),
            }
            for name, fields in sets.items()
        },
    }
    args.out.mkdir(parents=True, exist_ok=True)
    for name, (title, segment, chosen) in methods().items():
        found = results["methods"].setdefault(name, {"title": title, "sets": {}})
        for key in chosen:
            if key in found["sets"]:
                continue
            segment(sets[key][0]["image"][:128, :128])  # loading and compiling are not counted
            found["sets"][key] = [measure(segment, field)[0] for field in sets[key][: args.limit]]
            files.save(file, json.dumps(results) + "\n")
            errors = np.array([row["error"] for row in found["sets"][key]])
            signs = np.array([row["disagreement"] for row in found["sets"][key]])
            print(
                f"{title}, {key}: {(errors > FAILED).sum()} of {len(errors)} failed, "
                f"rank correlation {without_truth.rank_correlation(signs, errors):.2f}",
                flush=True,
            )
    if args.limit is None:
        pictures(
            results["methods"]["stardist"]["sets"]["dsb2018"],
            sets["dsb2018"],
            methods()["stardist"][1],
            args.out,
        )


if __name__ == "__main__":
    main()
