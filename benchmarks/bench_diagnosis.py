"""The label doctor on 1,000 masks of 512 × 512 pixels in two processes: at most a minute is wanted.

    python benchmarks/bench_diagnosis.py

Every mask has an image with 60 to 180 nuclei; every second one is spoilt in one of six ways, so that the slow
ways through the examinations are walked too. The result goes to ``results/diagnosis.json``.
"""

import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core

import numpy as np
from recorded import record
from skimage.measure import label

from bioimage_course import data

MASKS, SCENES, PROCESSES = 1000, 20, 2
SPOIL = {
    "healthy": lambda labels: labels,
    "binary": lambda labels: np.uint8(labels > 0) * 255,
    "shifted": lambda labels: np.roll(labels, (9, -12), (0, 1)),
    "turned": lambda labels: labels[::-1],
    "merged": lambda labels: label(labels > 0),
    "halved": lambda labels: labels[::2, ::2],
    "interpolated": lambda labels: (labels + np.roll(labels, 1, 0)) // 2,
}


def scenes() -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and true labels."""
    made = [
        data.synthetic.nuclei(shape=(512, 512), count=60 + 120 * seed // SCENES, seed=seed)
        for seed in range(SCENES)
    ]
    return [(sample.image, sample.labels) for sample in made]


def examine(numbers: range) -> Counter:
    """Diagnose the masks with these numbers; what was found, by how the mask was spoilt."""
    given, found = scenes(), Counter()
    kinds = list(SPOIL)
    for number in numbers:
        image, labels = given[number % SCENES]
        kind = kinds[1 + number // 2 % (len(kinds) - 1)] if number % 2 else "healthy"
        found[kind, " ".join(data.diagnose(image, SPOIL[kind](labels)).names) or "nothing"] += 1
    return found


def main() -> None:
    """Time all, say what was found, write the result."""
    start = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        parts = list(pool.map(examine, [range(first, MASKS, PROCESSES) for first in range(PROCESSES)]))
    seconds = time.perf_counter() - start
    found = sum(parts, Counter())
    result = {
        "what": "data.diagnose with its image; images made in the processes are part of the time",
        "masks": MASKS,
        "pixels": [512, 512],
        "processes": PROCESSES,
        "seconds": round(seconds, 1),
        "processor seconds": round(os.times().children_user + os.times().children_system, 1),
        "found": {f"{kind}: {names}": count for (kind, names), count in sorted(found.items())},
    }
    record("diagnosis", result, ("numpy", "scipy", "scikit-image"))


if __name__ == "__main__":
    main()
