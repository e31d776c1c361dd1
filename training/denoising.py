"""The experiments of chapter 8: denoising real microscopy images, with fair budgets for every method.

Every method sees the same patches, as many of them, and is scored on the same pixels; filters are tuned on
the images that the networks are validated on. Each run (a method, a fold of a set, a seed) writes its own
small file into ``src/bioimage_course/weights/denoising/experiments/``, and can be interrupted at any moment.

    python training/denoising.py --list                 # what is done, running, missing, with hours
    python training/denoising.py                        # everything that is missing, the most important first
    python training/denoising.py --only w2s care 0      # one method on one set with one seed
    python training/denoising.py --table                # every network against the best filter, in pairs
    python training/denoising.py --publish              # the checkpoints that the course carries
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow small networks many times

import torch

from bioimage_course.results import denoising
from denoisers import publishing, runs

OUT = (
    Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "denoising" / "experiments"
)


def cache_folder() -> Path:
    """Where interrupted trainings are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bioimage-course" / "denoising"


def chosen(only, fold) -> list[runs.Run]:
    """The runs of the plan that were asked for; or that very run, if it is not planned."""
    if only is None:
        return runs.plan()
    name, method, seed = only[0], only[1], int(only[2])
    planned = [r for r in runs.plan() if (r.set, r.method, r.seed) == (name, method, seed)]
    if fold is not None:
        planned = [r for r in planned if r.fold == fold]
    return planned or [runs.Run(name, method, seed, fold or 0)]


def table(out) -> list[str]:
    """Every training against the best filter, a line each."""
    names = dict.fromkeys(run.set for run in runs.plan())
    lines = []
    for name in names:
        for method in denoising.trained(name, out):
            row = denoising.compare(name, method, folder=out)
            each = ", ".join(f"{value:+.2f}" for value in row["trainings"])
            lines.append(
                f"{name:10} {method:14} {row['mean']:.2f} dB (at the end {row['at_the_end']:.2f}); against "
                f"{' and '.join(row['against'])} {row['difference']}; single trainings {each}"
            )
    return lines


def main(argv=None):
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="show what is done, running and missing")
    parser.add_argument("--table", action="store_true", help="compare with the best filter, in pairs")
    parser.add_argument("--publish", action="store_true", help="write the networks for telomeres")
    parser.add_argument("--only", nargs=3, metavar=("SET", "METHOD", "SEED"), help="one method only")
    parser.add_argument("--fold", type=int, help="with --only: this fold only")
    parser.add_argument(
        "--steps", type=int, default=runs.STEPS, help="steps of each training; what has fewer goes on"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cache", type=Path, default=None, help="where interrupted trainings are kept")
    args = parser.parse_args(argv)
    store = runs.Store(args.out, args.cache or cache_folder())
    if args.list:
        print("\n".join(runs.listing(store)))
        return 0
    if args.table:
        print("\n".join(table(args.out)))
        return 0
    torch.set_num_threads(args.threads)
    if args.publish:
        print("\n".join(publishing.publish(store)))
        return 0
    for run in chosen(args.only, args.fold):
        if store.done(run, args.steps) or not run.written:
            continue
        with store.hold(run) as free:
            if not free:
                print(f"{run.name}: another process is at it")
                continue
            print(f"{time.strftime('%H:%M:%S')} {run.name} …", flush=True)
            runs.do(run, store, args.steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
