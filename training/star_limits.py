"""What limits the strict end of the course's StarDist: shape model, places, or distances?

Three versions of the same 50 test images of DSB2018, in one pass. As the network says; the same objects at
the same places, but with the *true* distances along their rays; and each true nucleus as the polygon of its
innermost point: what a star with 32 rays can do without any network. And by how much the distances are off.

Run it with ``python training/star_limits.py``, about a minute on one core. It writes
``src/bioimage_course/weights/stardist-nuclei/limits.json``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

import dsb2018
from bioimage_course import compat, data, files, metrics, tools

OUT = Path(__file__).resolve().parents[1] / "src/bioimage_course/weights/stardist-nuclei/limits.json"
THRESHOLDS = (0.5, 0.75, 0.9)


def innermost(truth):
    """The point of each nucleus that is farthest from its outline, (n, 2)."""
    inside = ndimage.distance_transform_edt(np.pad(truth > 0, 1))[1:-1, 1:-1]
    return np.array(ndimage.maximum_position(inside, truth, np.unique(truth[truth > 0])), int).reshape(-1, 2)


def drawn(distances, points, shape, surety=None):
    """Label image of star polygons; the surest lie on top."""
    from stardist.geometry import polygons_to_label

    if not len(points):
        return np.zeros(shape, np.int32)
    return polygons_to_label(distances, points, shape, prob=surety)


def versions(model, image, truth):
    """Three label images, and predicted beside true distances of the places that lie in a nucleus."""
    from stardist.geometry import star_dist

    _, details = model.predict_instances(data.normalise(image), verbose=False, show_tile_progress=False)
    points, surety = details["points"], details["prob"]
    predicted = np.linalg.norm(details["coord"] - points[:, :, None], axis=1)
    true = star_dist(truth, model.config.n_rays)
    there, hits = true[tuple(points.T)], truth[tuple(points.T)] > 0
    centres = innermost(truth)
    return {
        "as predicted": drawn(predicted, points, truth.shape, surety),
        "same places, true distances": drawn(
            np.where(hits[:, None], there, predicted), points, truth.shape, surety
        ),
        "every nucleus a true star": drawn(true[tuple(centres.T)], centres, truth.shape),
    }, (predicted[hits], there[hits])


def main():
    compat.prepare("stardist")
    started, model = time.perf_counter(), tools.stardist.course_model()
    images, truths, names = dsb2018.load_part("test")
    labels, rays = {}, []
    for image, truth in zip(images, truths, strict=True):
        found, pair = versions(model, image, truth.astype(np.int32))
        rays.append(pair)
        for version, picture in found.items():
            labels.setdefault(version, []).append(picture)
    predicted, true = (np.concatenate([pair[k] for pair in rays]) for k in (0, 1))
    off = (predicted - true) / true.mean(axis=1, keepdims=True)
    results = {
        "what": "what limits the strict end of StarDist on the 50 test images of DSB2018, one pass",
        "command": "python training/star_limits.py",
        "weights": files.sha256(tools.stardist.WEIGHTS / "weights_best.h5"),
        "test_pixels_sha256": files.sha256_of(*images, *truths),
        "iou_thresholds": list(THRESHOLDS),
        "versions": {version: counts(names, truths, found) for version, found in labels.items()},
        "distances": {
            "nuclei": len(true),
            "mean_error_share_of_radius": round(float(np.abs(off).mean()), 4),
            "mean_bias_share_of_radius": round(float(off.mean()), 4),
        },
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }
    files.save(OUT, json.dumps(results) + "\n")
    print(results["distances"], {v: dsb2018.pooled(rows) for v, rows in results["versions"].items()})


def counts(names, truths, found):
    """TP, FP and FN of every image at the thresholds."""
    scores = metrics.average_precision_dataset(truths, found, THRESHOLDS)
    return [
        {"name": name, "tp": tp.tolist(), "fp": fp.tolist(), "fn": fn.tolist()}
        for name, tp, fp, fn in zip(names, scores.tp, scores.fp, scores.fn, strict=True)
    ]


if __name__ == "__main__":
    main()
