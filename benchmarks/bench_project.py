"""A folder of 200 images of 1024 × 1024 pixels through `predict`, from files to the table of measurements.

    python benchmarks/bench_project.py [--images 200]

One pass with a cheap tool, so that reading, measuring and writing are what is timed; then the same call
again, which must compute nothing. The memory may not depend on the number of images: the highest use after a
quarter of the images and after all of them are compared. The result goes to ``results/project.json``.
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil
import tifffile
from recorded import record

from bioimage_course import data, project

SCENES = 8


def folder(place: Path, images: int):
    """A project with so many images of 1024 × 1024 pixels and 16 bits, of four replicates."""
    made = project.new(place / "many")
    scenes = [data.synthetic.nuclei((1024, 1024), 300, seed=seed).image for seed in range(SCENES)]
    for number in range(images):
        image = np.roll(scenes[number % SCENES], number, axis=1)  # no two files are the same
        tifffile.imwrite(made.folder / "raw" / f"mouse{number % 4}_{number:04}.tif", image)
    return made


class Watch(threading.Thread):
    """Highest memory of this process in MB, by the number of label images that are finished."""

    def __init__(self, done: Path):
        super().__init__(daemon=True)
        self.done, self.highest, self.stopped = done, {}, threading.Event()

    def run(self):
        process = psutil.Process()
        while not self.stopped.wait(0.2):
            count = sum(1 for _ in self.done.glob("*_labels.tif")) if self.done.exists() else 0
            self.highest[count] = max(self.highest.get(count, 0), process.memory_info().rss / 1e6)

    def up_to(self, count: int) -> float:
        """The highest use until so many were finished."""
        return max(mb for n, mb in self.highest.items() if n <= count)


def main() -> None:
    """Time both calls, write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as place:
        mine = folder(Path(place), images)
        out = mine.folder / "results" / "predictions" / "blobs"
        watch = Watch(out / "labels")
        watch.start()
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        rows = mine.predict("blobs")
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        watch.stopped.set()
        watch.join()
        start = time.perf_counter()
        again = mine.predict("blobs")
        second = time.perf_counter() - start
        with open(out / "measurements.csv", encoding="utf-8") as stream:
            objects = sum(1 for _ in stream) - 1
    assert rows == again and objects == sum(row["objects"] for row in rows)
    result = {
        "what": "project.predict('blobs'): limits, labels, overlays, measurements; then the same call again",
        "images": images,
        "pixels": [1024, 1024],
        "objects": objects,
        "seconds": round(seconds, 1),
        "processor seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "seconds, second call": round(second, 1),
        "highest MB until a quarter was done": round(watch.up_to(images // 4)),
        "highest MB until all were done": round(watch.up_to(images)),
    }
    record("project", result, ("numpy", "scikit-image", "bioio"))


if __name__ == "__main__":
    main()
