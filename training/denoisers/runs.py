"""The list of runs, and their results.

A run is one method on one fold of a set with one seed. Each writes a small JSON of its own.
"""

from __future__ import annotations

import fcntl
import json
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bioimage_course import files
from denoisers import classical, libraries, noise, sets

STEPS = 4000

NETWORKS = (
    "care",
    "n2n",
    "n2v",
    "n2v2",
    "structn2v",
    "structn2v-cross",
    "n2s",
    "ours-care",
    "ours-n2n",
    "ours-n2v",
)
SECONDS_A_STEP = 0.35
"""What a step is assumed to take before one has been measured."""


@dataclass(frozen=True)
class Run:
    """One method on one fold of a set with one seed."""

    set: str
    method: str
    seed: int = 0
    fold: int = 0

    @property
    def name(self):
        """Name of its file."""
        return f"{self.set}_{self.method}_fold{self.fold}_seed{self.seed}"

    @property
    def trains(self):
        """Whether it takes long."""
        return self.method in (*NETWORKS, *libraries.METHODS, *libraries.PLANNED)

    @property
    def written(self):
        """Whether there is code for its method."""
        return self.method not in libraries.PLANNED or self.method in libraries.METHODS


def plan() -> list[Run]:
    """All runs, the most important first."""
    runs = []
    for name, (_, folds) in sets.FOLDS.items():
        for fold in range(folds):
            runs += [Run(name, method, 0, fold) for method in ("noise", "none", *classical.METHODS)]
    first = [
        ("w2s", ("care", "n2v")),
        ("telomeres", ("structn2v", "n2n", "n2v")),
        ("w2s", ("n2v2", "n2s", "ours-care", "ours-n2v")),
        ("telomeres", ("structn2v-cross", "n2v2", "care", "n2s", "ours-n2n", "ours-n2v")),
    ]
    runs += [Run(name, method) for name, methods in first for method in methods]
    runs += [Run("w2s", "csbdeep-care"), Run("w2s", "n2v-original")]
    ranked = {"w2s": ("care", "n2v", "n2v2"), "telomeres": ("structn2v", "n2n", "n2v")}
    for seed in range(3):
        for fold in range(2):
            runs += [Run(name, method, seed, fold) for name, methods in ranked.items() for method in methods]
    called_for = {"fmd-fish": "n2v", "nuclei": "n2v2", "mitochondria": "care"}
    called_for |= {f"fmd-bpae-{channel}": "care" for channel in range(3)}
    runs += [Run(name, method) for name, method in called_for.items()]
    return list(dict.fromkeys(runs))


class Store:
    """Where results (`out`) and what is needed to go on (`cache`) are kept."""

    def __init__(self, out, cache):
        self.out, self.cache = Path(out), Path(cache)
        self.out.mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)

    def result(self, run) -> dict | None:
        """The result of a run that is done."""
        path = self.out / f"{run.name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def write(self, run, result):
        """Keep a result, in one go."""
        path = self.out / f"{run.name}.json"
        text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        files.save(path, text.replace(',"', ',\n"') + "\n")

    @contextmanager
    def hold(self, run):
        """True inside if no other process is at work on this run."""
        with (self.cache / f"{run.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def done(self, run, steps) -> bool:
        """Whether a run has a result, and a training at least so many steps."""
        result = self.result(run)
        return result is not None and result.get("settings", {}).get("steps", steps) >= steps

    def checkpoint(self, run) -> Path:
        """File to go on from."""
        return self.cache / f"{run.name}.pt"


# ---------------------------------------------------------------- doing


def do(run: Run, store: Store, steps: int = STEPS):
    """Do one run and write its result."""
    fold = sets.load(run.set, run.fold)
    started, used = time.monotonic(), time.process_time()
    result = {"set": run.set, "fold": run.fold, "method": run.method, "seed": run.seed, "cut": fold.about}
    if run.method == "noise":
        result |= {"noise": noise.of_pairs(fold.validation)}
        if fold.frames is not None:
            result |= {"noise_between_frames": noise.of_frames(fold.frames)}
    elif run.method == "none":
        result |= scored(fold, [pair.noisy for pair in fold.test])
        result["validation"] = round(fold.validate([pair.noisy for pair in fold.validation]), 3)
    elif run.method in classical.METHODS:
        result |= filtered(run.method, fold)
    elif run.method in libraries.METHODS:
        result |= libraries.METHODS[run.method](fold, run.seed, steps, store.checkpoint(run))
        result |= scored(fold, result.pop("restored"))
        best = scored(fold, result.pop("best_restored"))["scores"]
        result["best"] = {"validation": result.pop("best_validation"), "scores": best}
    else:
        result |= trained(run, fold, store, steps)
    result.setdefault("seconds", round(time.monotonic() - started, 1))
    result.setdefault("cpu_seconds", round(time.process_time() - used, 1))
    result["versions"] = versions()
    store.write(run, result)
    return result


def scored(fold, restored) -> dict:
    """Scores of the restored test images, unit by unit."""
    scores = {key: np.round(values, 4).tolist() for key, values in fold.score(restored).items()}
    return {"units": fold.units, "scores": scores}


def filtered(method, fold) -> dict:
    """A filter, its strength chosen on the validation images."""
    strength, curve = classical.tune(method, fold)
    restored = [classical.apply(method, pair.noisy, strength) for pair in fold.test]
    tuning = {"strength": strength, "tuning": curve, "validation": max(v for _, v in curve)}
    return scored(fold, restored) | tuning


def trained(run, fold, store, steps) -> dict:
    """A network trained by our loop; scored at the end, and where it was best on the validation images."""
    from denoisers import loop, networks

    objective = networks.METHODS[run.method](run.seed)
    training = loop.Training(objective, fold, run.seed, store.checkpoint(run)).until(steps, run.name)
    result = {
        "settings": objective.settings
        | {
            "steps": steps,
            "batch": loop.BATCH,
            "patch": sets.PATCH,
            "optimiser": f"Adam, learning rate {loop.RATE} after {loop.WARM_UP} steps of warm-up",
            "judged": f"weights averaged exponentially, decay {loop.DECAY}",
            "parameters": sum(
                p.numel() for name, p in training.model.named_parameters() if "batch_norm" not in name
            ),
        },
        "curve": training.curve,
        "losses": training.losses,
        "seconds": round(training.seconds, 1),
        "cpu_seconds": round(training.cpu_seconds, 1),
        "validation": training.curve[-1][1],
    }
    result |= scored(fold, [training.restore(pair) for pair in fold.test])
    if hasattr(objective, "restore_blind"):
        blind = scored(fold, [training.restore(pair, blind=True) for pair in fold.test])
        result["scores_never_seeing_the_pixel"] = blind["scores"]
    training.average.load_state_dict(training.best[1])
    best = scored(fold, [training.restore(pair) for pair in fold.test])["scores"]
    result["best"] = {"validation": round(training.best[0], 3), "scores": best}
    return result


def versions() -> dict:
    """Versions of what the numbers depend on."""
    packages = ("torch", "numpy", "scikit-image", "careamics", "n2v", "csbdeep")
    return {p: version(p) for p in packages} | {"python": platform.python_version()}


# ---------------------------------------------------------------- looking


def seconds_of(run, results, steps=STEPS) -> float:
    """Expected CPU seconds of a run: as long as its like took."""
    like = [r["cpu_seconds"] for k, r in results.items() if k.method == run.method and k.set == run.set]
    like = like or [r["cpu_seconds"] for k, r in results.items() if k.method == run.method]
    if like:
        return float(np.median(like))
    return steps * SECONDS_A_STEP if run.trains else 10.0


def listing(store) -> list[str]:
    """What is done, running and missing, a line each, with the hours that are missing."""
    results = {run: store.result(run) for run in plan()}
    done = {run: result for run, result in results.items() if result}
    lines, missing = [], 0.0
    for run in results:
        if run in done:
            lines.append(f"done     {run.name}  {done[run]['cpu_seconds'] / 60:.1f} CPU minutes")
            continue
        hours = seconds_of(run, done) / 3600
        missing += hours
        with store.hold(run) as free:
            state = ("missing" if run.written else "to write") if free else "running"
        if free and store.checkpoint(run).exists():
            state = "begun"
        lines.append(f"{state:8} {run.name}  about {hours:.2f} CPU hours")
    return [*lines, f"{len(done)} of {len(results)} done; missing: about {missing:.1f} CPU hours"]
