"""Measure what chapter 16 says about large images: memory, workers, a killed worker, a rerun, and halos.

The image is made, not taken: the built-in nuclei, mirrored side by side, get brighter and darker from place
to place like a slide under uneven light, and noise of its own everywhere. It is written block by block as
OME-Zarr, so that no process ever holds it.

1. ``large``: 16,384 × 16,384 pixels with two workers, one of which is killed when a quarter of the blocks
   are done; peak memory of all processes together; then the same call again, and once more with some blocks
   missing.
2. ``speed``: 6,144 × 6,144 pixels with one worker and with two, in turns.
3. ``whole``: 4,096 × 4,096 pixels in one piece and in blocks: the same objects?
4. ``halo``: 2,048 × 2,048 pixels in blocks with halos from 0 upwards, and with limits of each block's own.

Run it with ``python training/large_image.py`` (about ten minutes on two cores, 1.5 GB of disk in a
temporary folder); ``--small`` makes everything sixteen times smaller, to see whether it runs. The results go
to ``src/bioimage_course/weights/large-image/results.json``, after each step.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import platform
import shutil
import signal
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bioimage_course import data, large
from coursebook.execute import PeakMemory

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "large-image"
TILE = 512
BLOCK, HALO, SPOT = 1024, 96, 4.0  # the longest object measures 67 pixels, the method reaches 16 far
HALOS = (0, 16, 32, 64, 96)
ROUNDS = 3


# ---------------------------------------------------------------- the image


def light(rows, columns, shape):
    """Brightness of the lamp at some pixels: between 0.5 and 1, changing slowly over the whole image."""
    y, x = rows / shape[0], columns / shape[1]
    return 0.75 + 0.25 * np.cos(2 * np.pi * y) * np.cos(2 * np.pi * x)


@functools.cache
def nuclei():
    """The built-in image."""
    return data.load("nuclei").image.astype(float)


def tile(row, column, shape):
    """512 × 512 pixels of the slide, uint16; row and column count tiles."""
    image = nuclei()[
        :: -1 if row % 2 else 1, :: -1 if column % 2 else 1
    ]  # mirrored: no nucleus ends abruptly
    rows, columns = np.ogrid[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
    noise = np.random.default_rng([row, column]).normal(0, 3, image.shape)
    return np.clip(np.rint(100 + 8 * image * light(rows, columns, shape) + noise), 0, 65535).astype(np.uint16)


def make(path, side):
    """Write the slide as OME-Zarr, one chunk after another; returns its zarr.Array."""
    array = large.create(path, (side, side), np.uint16, block=BLOCK, pixel_size=0.5, name="slide")
    per_chunk = BLOCK // TILE
    for b in large.blocks((side, side), BLOCK, 0):
        row, column = (i * per_chunk for i in b.index)
        array[b.core] = np.block(
            [[tile(row + i, column + j, (side, side)) for j in range(per_chunk)] for i in range(per_chunk)]
        )
    return large.open_image(path)


def method(image, client=None):
    """The classical segmenter with one threshold for the whole image."""
    threshold = large.otsu(large.histogram(image, client=client))
    return functools.partial(large.bright_blobs, threshold=round(threshold, 3), spot_sigma=SPOT)


# ---------------------------------------------------------------- measuring


def workers(n):
    """A client with n workers of one thread each, that have imported what they need."""
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=n,
        threads_per_worker=1,
        memory_limit="1GB",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    client = Client(cluster)
    client.run(large.bright_blobs, np.zeros((8, 8)), 1.0)
    return client


def close(client):
    """End a client and its workers."""
    cluster = client.cluster
    client.close()
    cluster.close()


def finished(folder):
    """Times (seconds since the epoch) at which the blocks of a run were finished, sorted."""
    return sorted(p.stat().st_mtime for p in folder.glob("r*.npz"))


def kill_one(client, folder, count, told):
    """As soon as `count` blocks are finished, kill the first worker, without warning."""
    victim = sorted(client.run(os.getpid).values())[0]
    while len(list(folder.glob("r*.npz"))) < count:
        time.sleep(0.05)
    os.kill(victim, signal.SIGKILL)
    told["at"] = time.time()


def measure_large(folder, side):
    """The large image, with a worker killed on the way, and then again."""
    image = make(folder / "slide.ome.zarr", side)
    out = folder / "labels.ome.zarr"
    parts = out.with_name(out.name + ".parts")
    client = workers(2)
    told = {}
    with PeakMemory(os.getpid()) as peak:
        start = time.time()
        segment = method(image, client)
        counted = time.time()
        count = len(large.blocks(image.shape, BLOCK, HALO)) // 4
        assassin = threading.Thread(target=kill_one, args=(client, parts, count, told), daemon=True)
        assassin.start()
        done = large.label_image(image, segment, out, block=BLOCK, halo=HALO, client=client)
        seconds = time.time() - start
    assassin.join()
    times = [round(t - start, 2) for t in finished(parts)]
    begun = time.time()
    again = large.label_image(image, segment, out, block=BLOCK, halo=HALO, client=client)
    rerun = time.time() - begun
    missing = sorted(parts.glob("r*.npz"))[1::5]
    for path in missing:
        path.unlink()
    resumed = large.label_image(image, segment, out, block=BLOCK, halo=HALO, client=client)
    close(client)
    labels = large.open_image(out)
    seen = np.zeros(done.objects + 1, bool)
    for b in large.blocks(labels.shape, 2048, 0):
        seen[np.unique(labels[b.core])] = True
    return {
        "side": side,
        "gigabytes": round(side * side * 2 / 1e9, 3),
        "block": BLOCK,
        "halo": HALO,
        "workers": 2,
        "blocks": done.blocks,
        "objects": done.objects,
        "numbers_in_the_labels": int(seen[1:].sum()),
        "touching": done.touching,
        "seconds": round(seconds, 1),
        "seconds_histogram": round(counted - start, 1),
        "peak_mb_together": round(peak.bytes / 2**20),
        "peak_mb_largest_process": round(peak.largest / 2**20),
        "killed_after_blocks": count,
        "killed_at": round(told["at"] - start, 2),
        "finished_at": times,
        "rerun": {"seconds": round(rerun, 2), "computed": again.computed},
        "resumed": {"missing": len(missing), "computed": resumed.computed, "objects": resumed.objects},
    }


def measure_speed(folder, side):
    """The same image with one worker and with two, in turns; seconds of label_image alone."""
    image = make(folder / "quarter.ome.zarr", side)
    segment = method(image)
    seconds = {"1": [], "2": []}
    for turn in range(ROUNDS):
        for n in (1, 2):
            client = workers(n)
            out = folder / f"speed-{turn}-{n}.ome.zarr"
            start = time.perf_counter()
            large.label_image(image, segment, out, block=BLOCK, halo=HALO, client=client)
            seconds[str(n)].append(round(time.perf_counter() - start, 1))
            close(client)
            shutil.rmtree(out)
            shutil.rmtree(f"{out}.parts")
    best = {n: min(times) for n, times in seconds.items()}
    return {"side": side, "seconds": seconds, "speed_up": round(best["1"] / best["2"], 2)}


def measure_whole(folder, side):
    """An image that fits into memory, in one piece and in blocks."""
    image = make(folder / "whole.ome.zarr", side)
    segment = method(image)
    pixels = image[:]
    piece = segment(pixels)
    done = large.label_image(image, segment, folder / "whole-labels.ome.zarr", block=BLOCK, halo=HALO)
    labels = large.open_image(done.path)[:]
    return {
        "side": side,
        "objects_in_one_piece": int(piece.max()),
        "objects_in_blocks": done.objects,
        "identical": large.identical(piece, labels),
        "longest": large.longest(piece),
    }


def own_threshold(crop):
    """What not to do: a threshold of the crop's own."""
    counts = np.bincount(np.asarray(crop).ravel(), minlength=2**16)
    return large.bright_blobs(crop, large.otsu(counts), spot_sigma=SPOT)


def measure_halo(folder, side, block=256):
    """Objects that come out as in one piece, against the width of the halo."""
    image = make(folder / "halo.ome.zarr", side)[:]
    segment = method(image)
    piece = segment(image)
    rows = []
    for halo in HALOS:
        done = large.label_image(image, segment, folder / f"halo-{halo}.ome.zarr", block=block, halo=halo)
        labels = large.open_image(done.path)[:]
        b = large.blocks(image.shape, block, halo)
        pixels = sum((c.crop[0].stop - c.crop[0].start) * (c.crop[1].stop - c.crop[1].start) for c in b)
        rows.append(
            {
                "halo": halo,
                "objects": done.objects,
                "identical": large.identical(piece, labels),
                "touching": done.touching,
                "overhead": round(pixels / image.size, 3),
            }
        )
    done = large.label_image(image, own_threshold, folder / "own.ome.zarr", block=block, halo=HALO)
    own = {
        "halo": HALO,
        "objects": done.objects,
        "identical": large.identical(piece, large.open_image(done.path)[:]),
    }
    return {
        "side": side,
        "block": block,
        "objects": int(piece.max()),
        "longest": large.longest(piece),
        "rows": rows,
        "own_threshold": own,
    }


# ---------------------------------------------------------------- all of it


def measure(out, scale=1, folder=None, only=None):
    """Measure everything, `scale` times smaller, and write the results after each step; returns them.

    With `only`, names of steps, the other steps' results stay as they are in the file.
    """
    results = json.loads((out / "results.json").read_text(encoding="utf-8")) if only else {}
    results |= {
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "versions": {n: version(n) for n in ("dask", "distributed", "zarr", "ome-zarr", "scikit-image")},
        },
        "tile": TILE,
    }
    steps = {
        "whole": (measure_whole, 4096),
        "halo": (measure_halo, 2048),
        "large": (measure_large, 16384),
        "speed": (measure_speed, 6144),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, (step, side) in steps.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory(dir=folder) as place:
            start = time.perf_counter()
            busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            results[name] = step(Path(place), max(side // scale, BLOCK)) | {"load_before": busy}
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        text = json.dumps(results, indent=1) + "\n"
        large.save(out / "results.json", lambda stream, text=text: stream.write(text.encode()))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="everything sixteen times smaller")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of results.json")
    parser.add_argument("--scratch", type=Path, help="where the temporary images go")
    parser.add_argument("--only", nargs="+", help="whole, halo, large, speed: measure these, keep the others")
    arguments = parser.parse_args()
    measure(arguments.out, 4 if arguments.small else 1, arguments.scratch, arguments.only)


if __name__ == "__main__":
    main()
