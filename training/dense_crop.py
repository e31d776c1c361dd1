"""What the course's StarDist makes of the densest part of the built-in nuclei image.

Chapter 9 shows it beside Voronoi-Otsu labelling, but its notebook has no TensorFlow. So this script runs the
shipped network (``weights/stardist-nuclei``, trained on DSB2018) on the whole image and keeps the labels of
one crop, with the scores of both methods inside it.

Run it with ``python training/dense_crop.py``, half a minute on one CPU core. It writes
``src/bioimage_course/weights/stardist-nuclei/dense-crop.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bioimage_course import data, metrics, tools

OUT = Path(__file__).resolve().parents[1] / "src/bioimage_course/weights/stardist-nuclei/dense-crop.json"
ROWS, COLUMNS = (90, 256), (0, 140)
"""The crop in which the chapter shows the watershed as well."""


def main():
    nuclei = data.load("nuclei")
    crop = np.s_[slice(*ROWS), slice(*COLUMNS)]
    truth = nuclei.labels[crop]
    found = {
        "voronoi-otsu": tools.voronoi_otsu.segment(nuclei.image)[crop],
        "stardist": tools.stardist.segment(nuclei.image)[crop],
    }
    scores = {}
    for name, labels in found.items():
        matched = metrics.match(truth, labels, 0.5)
        scores[name] = {"tp": int(matched.tp), "fp": int(matched.fp), "fn": int(matched.fn)}
    result = {
        "what": "StarDist of the course on a crop of the built-in nuclei image",
        "command": "python training/dense_crop.py",
        "rows": ROWS,
        "columns": COLUMNS,
        "nuclei": int(len(np.unique(truth)) - 1),
        "scores_at_0.5": scores,
        "stardist_labels": found["stardist"].tolist(),
    }
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "stardist_labels"}, indent=1))


if __name__ == "__main__":
    main()
