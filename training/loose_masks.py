"""How far are the annotations of the 2018 Data Science Bowl from the images themselves?

    python training/loose_masks.py

For the 50 test images, every annotated nucleus is outlined anew where the image falls to half of its height
(`metrics.outlines.half_maximum`), and the result is scored against the annotation like a method. Nothing is
trained. Writes ``src/bioimage_course/weights/outlines/results.json``: counts at ten IoU thresholds and the
ratio of areas, image by image.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

import dsb2018
from bioimage_course import files, metrics
from bioimage_course.metrics.objects import COMMON_THRESHOLDS

OUT = Path(metrics.outlines.__file__).resolve().parents[1] / "weights" / "outlines"


def measure(image, labels):
    """Counts of half-maximum outlines against the annotation, and by how much the areas differ."""
    redrawn = metrics.outlines.half_maximum(image, labels)
    matchings = metrics.match(labels, redrawn, COMMON_THRESHOLDS)
    areas = np.bincount(labels.ravel(), minlength=labels.max() + 1)[1:].astype(float)
    others = np.bincount(redrawn.ravel(), minlength=labels.max() + 1)[1:]
    both = (areas > 0) & (others > 0)
    return {
        "tp": [m.tp for m in matchings],
        "fp": [m.fp for m in matchings],
        "fn": [m.fn for m in matchings],
        "median_iou": round(float(np.median(metrics.match(labels, redrawn, 0.1).ious)), 4),
        "median_area_ratio": round(float(np.median(areas[both] / others[both])), 4),
    }


def main():
    images, truths, names = dsb2018.load_part("test")
    found = [
        {"name": name, **measure(image, labels)}
        for image, labels, name in zip(images, truths, names, strict=True)
    ]
    about = {
        "what": "Half-maximum outlines against the annotation, 50 test images of the DSB2018 subset",
        "command": "python training/loose_masks.py",
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-image")}
        | {"python": platform.python_version()},
        "test_pixels_sha256": files.sha256_of(*images, *truths),
        "settings": {"reach": 4, "blur": 1.0},
        "iou_thresholds": list(COMMON_THRESHOLDS),
        "images": found,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    files.save(OUT / "results.json", json.dumps(about) + "\n")
    print("pooled AP:", dsb2018.pooled(found))
    print(
        "area of the annotation / area at half maximum:", np.median([i["median_area_ratio"] for i in found])
    )


if __name__ == "__main__":
    main()
