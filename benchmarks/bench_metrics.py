"""Object matching against StarDist and Cellpose: 2048×2048 pixels, about 3000 objects, 10 thresholds.

    python benchmarks/bench_metrics.py

All three see the same two label images in one run, in turns, and must report the
same TP, FP and FN at every threshold. The result goes to ``results/metrics.json``.
"""

import time

import numpy as np
from recorded import record
from skimage.segmentation import expand_labels

from bioimage_course import metrics
from bioimage_course.metrics.objects import COMMON_THRESHOLDS

SIZE, OBJECTS, ROUNDS = 2048, 3000, 7
THRESHOLDS = list(COMMON_THRESHOLDS)


def label_images(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A crowded truth, and a prediction of it that is shifted, uneven and has objects lost and added."""
    random = np.random.default_rng(seed)
    seeds = np.zeros((SIZE, SIZE), np.int32)
    seeds.flat[random.choice(SIZE * SIZE, OBJECTS, replace=False)] = np.arange(1, OBJECTS + 1)
    truth = expand_labels(seeds, 14)
    smaller = expand_labels(seeds, 12)
    lost = random.random(OBJECTS + 1) < 0.05
    shrunk = random.random(OBJECTS + 1) < 0.5
    prediction = np.where(shrunk[truth], smaller, truth) * ~lost[truth]
    prediction = np.roll(prediction, (1, 2), (0, 1))
    extra = np.zeros_like(seeds)
    free = np.flatnonzero(prediction == 0)
    extra.flat[random.choice(free, 100, replace=False)] = OBJECTS + 1 + np.arange(100)
    prediction = np.where(prediction == 0, expand_labels(extra, 5), prediction)
    return truth, prediction


def main() -> None:
    """Time the three, compare their counts, write the result."""
    from cellpose.metrics import average_precision as cellpose
    from stardist.matching import matching as stardist

    truth, prediction = label_images()

    def ours():
        return [(m.tp, m.fp, m.fn) for m in metrics.match(truth, prediction, THRESHOLDS)]

    def theirs_stardist():
        return [(m.tp, m.fp, m.fn) for m in stardist(truth, prediction, thresh=THRESHOLDS)]

    def theirs_cellpose():
        return [
            tuple(map(int, row)) for row in zip(*cellpose(truth, prediction, THRESHOLDS)[1:], strict=True)
        ]

    rivals = {"bioimage_course": ours, "stardist": theirs_stardist, "cellpose": theirs_cellpose}
    counts = {name: run() for name, run in rivals.items()}  # also compiles StarDist's numba code
    seconds = {name: [] for name in rivals}
    for _ in range(ROUNDS):
        for name, run in rivals.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)

    median = {name: float(np.median(times)) for name, times in seconds.items()}
    result = {
        "what": "match two label images at 10 IoU thresholds; median seconds of interleaved rounds",
        "pixels": list(truth.shape),
        "objects": [len(np.unique(image)) - 1 for image in (truth, prediction)],
        "thresholds": THRESHOLDS,
        "rounds": ROUNDS,
        "seconds": {name: round(value, 4) for name, value in median.items()},
        "fastest seconds": {name: round(min(times), 4) for name, times in seconds.items()},
        "times as fast as the faster of the two": round(
            min(median["stardist"], median["cellpose"]) / median["bioimage_course"], 1
        ),
        "same TP, FP and FN at every threshold": counts["bioimage_course"]
        == counts["stardist"]
        == counts["cellpose"],
        "TP, FP, FN": counts["bioimage_course"],
    }
    record("metrics", result, ("numpy", "scipy", "stardist", "cellpose"))


if __name__ == "__main__":
    main()
