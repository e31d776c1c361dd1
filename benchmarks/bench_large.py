"""What a block costs beside reading, segmenting and writing: 1,024 blocks against 16,384.

    python benchmarks/bench_large.py

There is one object in every block of 8 × 8 pixels. Reading, segmenting and all that touches a block's file
are taken out; what is left is the bookkeeping of `large.label_image`: the grid, the plan, the numbers,
the neighbours, one job a block. Processor time, in rounds, in turns; the fastest of each counts. The result
goes to ``results/large.json``.
"""

import json
import os
import platform
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from bioimage_course import large
from bioimage_course.large import labelling

BLOCK, HALO, ROUNDS = 8, 4, 5
SIDES = (32, 128)  # 1,024 and 16,384 blocks
PART = labelling.Part(objects=1, touching=0, radius=0, run="", seen="")


def one_dot(crop):
    """Two grey values become a label."""
    return crop.astype(np.int32)


def image(side):
    """One object in every block."""
    pixels = np.zeros((side * BLOCK, side * BLOCK), np.uint8)
    pixels[3::BLOCK, 3::BLOCK] = 1
    return pixels


def seconds(side):
    """Time a block of one call."""
    pixels = image(side)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(labelling, "_segment_block", return_value=(PART, True)),
        mock.patch.object(labelling, "_write_block"),
    ):
        start = time.process_time()
        done = large.label_image(pixels, one_dot, Path(folder) / "labels.zarr", block=BLOCK, halo=HALO)
        passed = time.process_time() - start
    assert done.objects == done.blocks == side**2
    return passed / done.blocks


def main():
    """Measure, print, and write the results file."""
    seconds(8)  # what is imported on the first call
    rounds = [{side: seconds(side) for side in SIDES} for _ in range(ROUNDS)]
    best = {side: min(row[side] for row in rounds) for side in SIDES}
    result = {
        "what": "large.label_image without reading, segmenting, writing; processor time",
        "milliseconds a block": {str(side**2): round(1000 * s, 4) for side, s in best.items()},
        "ratio": round(best[SIDES[1]] / best[SIDES[0]], 3),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }
    print(json.dumps(result, indent=1, ensure_ascii=False))
    target = Path(__file__).parent / "results" / "large.json"
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
