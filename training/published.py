"""Score published models where the course's own small ones are scored: DSB2018, another laboratory, the race.

For somebody with internet: ``course published`` downloads what is missing (it says how much, and begins with
the small ones), checks hashes, and writes, model by model,

- ``weights/dsb2018/published-MODEL.json``, the counts on the 50 test images, which become a row of every
  table that shows all methods;
- rows in ``weights/other-laboratory/results.json`` (if ``--images`` has those images) and in
  ``weights/race/results.json``;
- ``weights/dsb2018/published-MODEL.npz``, what it makes of the dense crop that chapter 9 shows.

Interrupted and called again it goes on: what was found in an image is kept in ``--cache``, with the seconds
it took. Models for stained tissue run in the race only, and the race runs on the CPU. Settings are the
authors' own; nothing is chosen here. Most of these models have seen DSB2018, and the rows say so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

import dense_crop
import dsb2018
import other_laboratory
import race
from bioimage_course import data, files, places, toolbox, tools
from bioimage_course.errors import CourseError, InputError

PREFIX = race.PUBLISHED
ADAPTER = "1"
"""To be raised when the course runs these models in another way: what was found before is then forgotten."""
WEIGHTS = dsb2018.OUT.parent


class Remembered:
    """A ``segment`` that keeps what it has found, and how long it took, in a folder.

    Parameters
    ----------
    segment : callable
        ``segment(image) -> labels``.
    folder : Path
    """

    def __init__(self, segment, folder):
        self.segment, self.folder, self.warm = segment, Path(folder), False

    def __call__(self, image):
        return self.timed(image)[0]

    def timed(self, image):
        """Labels, and the seconds that they took when they were found."""
        file = self.folder / f"{files.sha256_of(image)[:20]}-{'x'.join(map(str, image.shape))}.npz"
        if not file.is_file():
            self._find(image, file)
        try:
            return self._read(file)
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):  # damaged: found again
            self._find(image, file)
            return self._read(file)

    def _read(self, file):
        with np.load(file) as kept:
            return kept["labels"].astype(np.int32), float(kept["seconds"])

    def _find(self, image, file):
        if not self.warm:
            self.segment(image)  # loading and compiling are not counted
            self.warm = True
        started = time.perf_counter()
        labels = self.segment(image)
        seconds = time.perf_counter() - started
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"labels": labels.astype(np.uint16), "seconds": seconds}
        files.save(file, lambda stream: np.savez_compressed(stream, **content))


def gpu():
    """Name of the GPU that the models use, or nothing."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def versions_of(entry):
    """Versions of what a model hangs on."""
    return {package: version(package) for package in toolbox.TOOLS[entry.tool].packages}


def score_dsb2018(entry, segment, out):
    """Counts on the 50 test images, once for each version of the tool."""
    file = out / f"{PREFIX}{entry.name}.json"
    packages = toolbox.TOOLS[entry.tool].packages
    if file.is_file():
        try:
            before = json.loads(file.read_text(encoding="utf-8"))["versions"]
        except (ValueError, KeyError, TypeError):  # half a file, or one of another form: scored again
            before = {}
        if dsb2018.same_versions(before, packages):
            return
    dsb2018.score(
        file.stem,
        segment,
        chapter=toolbox.TOOLS[entry.tool].chapter,
        title=f"{entry.title} (published)",
        in_training=entry.seen,
        note=f"The published model {entry.model} with the settings of its authors.",
        packages=packages,
        command=f"course published {entry.name}",
        gpu=gpu() or "no GPU used",
        out=out,
    )


def draw_crop(entry, segment, out):
    """What the model makes of the built-in image, cut to the crop that the chapters show."""
    crop = np.s_[slice(*dense_crop.ROWS), slice(*dense_crop.COLUMNS)]
    labels = segment(data.load("nuclei").image)[crop].astype(np.uint16)
    files.save(out / f"{PREFIX}{entry.name}.npz", lambda stream: np.savez_compressed(stream, labels=labels))


def read(file):
    """The results in a file that others share, or a sentence."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error}): restore it, for example with git checkout.") from None


def score_other_laboratory(entry, segment, sets, out):
    """Counts on the images of other laboratories, beside those of the course's models."""
    results = read(out)
    method = (f"{entry.title} (published)", segment, {"model": entry.model, **versions_of(entry)})
    if other_laboratory.add(results, PREFIX + entry.name, method, sets):
        now = read(out)  # another run may have added a model meanwhile
        now["methods"][PREFIX + entry.name] = results["methods"][PREFIX + entry.name]
        other_laboratory.write(now, out)


def run(entry, args, sets):
    """Everything for one model."""
    segment = tools.published.segmenter(entry.name, download=True)
    kind = "gpu" if gpu() else "cpu"
    folder = args.cache / entry.name / "-".join([*versions_of(entry).values(), kind, ADAPTER])
    segment = Remembered(segment, folder)
    if entry.images == "fluorescence":
        score_dsb2018(entry, segment, args.out / "dsb2018")
        draw_crop(entry, segment, args.out / "dsb2018")
        if sets:
            score_other_laboratory(entry, segment, sets, args.out / "other-laboratory" / "results.json")
    if (args.out / "race" / "results.json").exists():
        read(args.out / "race" / "results.json")
    race.main(["--published", entry.name, "--out", str(args.out / "race")])


def chosen(args):
    """The models to run, the smallest download first, and what is to be downloaded."""
    names = args.models or tools.published.names("all" if args.all else "small")
    entries = sorted((tools.published.about(name) for name in names), key=lambda entry: entry.megabytes)
    missing = {entry.model: entry.megabytes for entry in entries if not tools.published.here(entry.name)}
    print(
        f"{len(entries)} models; {sum(missing.values())} MB to download ({', '.join(missing) or 'nothing'})"
    )
    return entries


def main(argv=None):
    parser = argparse.ArgumentParser(prog="course published", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(tools.published.MODELS)}")
    parser.add_argument("--all", action="store_true", help="the large ones, too (4.3 GB; a GPU is advised)")
    parser.add_argument("--list", action="store_true", help="only say what would be run and downloaded")
    parser.add_argument(
        "--images", type=Path, default=os.environ.get("BIOIMAGE_COURSE_MIRROR"),
        help="folder with the sets of other laboratories; without it they are left out",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=WEIGHTS, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help="what was found already (default: the user's cache)")
    args = parser.parse_args(argv)
    args.cache = args.cache or places.user_folder("BIOIMAGE_COURSE_CACHE", "cache") / "published"
    try:
        entries = chosen(args)
    except CourseError as reason:
        parser.error(str(reason))
    if args.list:
        return 0
    sets = {}
    if args.images and (Path(args.images) / other_laboratory.RPE1).is_dir():
        sets = other_laboratory.load(args.images)
    else:
        print("Without --images the models are not scored on images of other laboratories.")
    failed = 0
    for entry in tqdm(entries, desc="published models"):
        try:
            run(entry, args, sets)
        # out of memory, a full disk, a folder that may only be read
        except (CourseError, RuntimeError, MemoryError, OSError, subprocess.CalledProcessError) as reason:
            failed += 1
            print(f"{entry.name}: {reason}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
