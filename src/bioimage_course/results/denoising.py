"""Denoising of real recordings by filters and by networks, as measured by ``training/denoising.py``.

Each file of ``weights/denoising/experiments`` is one run: one method on one fold of a recording with one
seed, with the score of every test unit (an image, or a block of a field). Filters and networks are chosen on
the same validation images: a filter and its strength by its score there, and a network by the step at which
its score there was best. Everything shown is computed from these files.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from bioimage_course import metrics, shipped
from bioimage_course.errors import InputError

FOLDER = shipped.WEIGHTS / "denoising" / "experiments"

SCORE = {"w2s": "si_psnr", "telomeres": "psnr"}
"""Which score a recording is judged by; ``fitted_psnr`` (offset and scale fitted) elsewhere."""

TITLES = {
    "none": "one frame",
    "gaussian": "Gaussian",
    "median": "median",
    "nlm": "non-local means",
    "wavelets": "wavelets",
    "tv": "total variation",
    "care": "CARE",
    "n2n": "Noise2Noise",
    "n2v": "Noise2Void",
    "n2v2": "N2V2",
    "structn2v": "StructN2V",
    "structn2v-cross": "StructN2V, cross",
    "n2s": "Noise2Self",
    "ours-care": "CARE, our loop",
    "ours-n2n": "Noise2Noise, our loop",
    "ours-n2v": "Noise2Void, our loop",
    "csbdeep-care": "CARE, csbdeep",
    "n2v-original": "Noise2Void, n2v",
}
STABILISED = "-vst"


def title(method: str) -> str:
    """A method's name as tables show it."""
    stabilised = ", stabilised" if method.endswith(STABILISED) else ""
    return TITLES[method.removesuffix(STABILISED)] + stabilised


def runs(recording: str, method: str | None = None, folder: Path = FOLDER) -> list[dict]:
    """The runs on a recording, ordered by fold and seed.

    Parameters
    ----------
    recording : str
        Such as ``"w2s"`` or ``"telomeres"``.
    method : str, optional
        A key of `TITLES`, filters also with ``-vst``; by default all methods.
    folder : Path

    Returns
    -------
    list of dict
        ``method``, ``fold``, ``seed``, ``cut`` (what was trained, validated and scored on) and, by
        the kind of run, ``scores`` of the ``units``, ``validation``, ``best``, ``curve``, ``settings``,
        ``noise``.

    Raises
    ------
    InputError
        If there is no such run.
    """
    files = folder.glob(f"{recording}_{method or '*'}_fold*.json")
    chosen = [_read(file, file.stat().st_mtime_ns) for file in files]
    if not chosen:
        known = sorted({f.name.split("_")[0] for f in folder.glob("*_fold*.json")})
        raise InputError(
            f"No run of {method or 'any method'} on {recording!r}; there are recordings {', '.join(known)}."
        )
    return sorted(chosen, key=lambda run: (run["fold"], run["seed"], run["method"]))


@cache
def _read(file: Path, _changed: int) -> dict:
    """One run; read again when the file has changed."""
    return json.loads(file.read_text(encoding="utf-8"))


def _scores(run: dict, *, at_the_end: bool = False) -> np.ndarray:
    """Scores of the units of one run; of a training at its best step on the validation images."""
    chosen = run if at_the_end else run.get("best", run)
    return np.array(chosen["scores"][SCORE.get(run["set"], "fitted_psnr")])


def best_filter(recording: str, fold: int, folder: Path = FOLDER) -> dict:
    """The run of the filter that does best on the validation images of a fold."""
    return max(
        (run for run in runs(recording, folder=folder) if run["fold"] == fold and "tuning" in run),
        key=lambda run: run["validation"],
    )


def filter_in_hindsight(recording: str, folder: Path = FOLDER) -> str:
    """The filter with the highest mean score on the test units, which nobody could have known before."""
    means: dict[str, list[float]] = {}
    for run in runs(recording, folder=folder):
        if "tuning" in run:
            means.setdefault(run["method"], []).append(_scores(run).mean())
    return max(means, key=lambda method: np.mean(means[method]))


def compare(recording: str, method: str, against: str | None = None, folder: Path = FOLDER) -> dict:
    """One method against another, in pairs over the units of the folds on which both were run.

    The seeds of a training are averaged for each unit first; then the folds are pooled.

    Parameters
    ----------
    recording, method : str
        As for `runs`.
    against : str, optional
        Another method; by default the best filter of each fold.
    folder : Path

    Returns
    -------
    dict
        ``mean`` and ``at_the_end`` (the same after all steps), and ``mean_against`` and ``end_against``, in
        dB; ``against``, the methods compared with, one for each fold; ``difference``, a
        `metrics.PairedDifference` over units, and ``trainings``, the mean difference of every single
        training; ``steps``, how long they were.

    Raises
    ------
    InputError
        If one of the two was not run.
    """
    ours, ends, theirs, their_ends, trainings, rivals = [], [], [], [], [], []
    mine = runs(recording, method, folder)
    others = None if against is None else runs(recording, against, folder)
    for fold in sorted({run["fold"] for run in mine}):
        here = [run for run in mine if run["fold"] == fold]
        if others is None:
            there = [best_filter(recording, fold, folder)]
        elif not (there := [run for run in others if run["fold"] == fold]):
            continue
        rivals.append(there[0]["method"])
        theirs.append(np.mean([_scores(run) for run in there], axis=0))
        their_ends.append(np.mean([_scores(run, at_the_end=True) for run in there], axis=0))
        ours.append(np.mean([_scores(run) for run in here], axis=0))
        ends.append(np.mean([_scores(run, at_the_end=True) for run in here], axis=0))
        trainings += [float((_scores(run) - theirs[-1]).mean()) for run in here]
    if not ours:
        raise InputError(f"{method} and {against} share no fold of {recording}.")
    ours, ends, theirs, their_ends = map(np.concatenate, (ours, ends, theirs, their_ends))
    return {
        "mean": float(ours.mean()),
        "at_the_end": float(ends.mean()),
        "mean_against": float(theirs.mean()),
        "end_against": float(their_ends.mean()),
        "against": rivals,
        "difference": metrics.paired_difference(ours, theirs),
        "trainings": trainings,
        "steps": sorted({run["curve"][-1][0] for run in mine if "curve" in run}),
    }


def trained(recording: str, folder: Path = FOLDER) -> list[str]:
    """Methods that were trained on a recording, best first."""
    methods = {run["method"] for run in runs(recording, folder=folder) if "curve" in run}
    return sorted(
        methods, key=lambda method: -compare(recording, method, folder=folder)["difference"].difference
    )
