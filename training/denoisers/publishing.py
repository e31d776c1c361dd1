"""The checkpoints that the course carries, and their README, made from trainings that are done."""

from __future__ import annotations

import json

from bioimage_course import files, nets, tools
from bioimage_course.results import denoising
from denoisers import loop, networks, runs, sets

RECORDING, FOLD, SEED = "telomeres", 0, 0
"""The telomeres, because their licence allows it."""

LICENCE = "weights BSD-3-Clause, like the course; data BSD-3-Clause (Spotiflow)"


def publish(store) -> list[str]:
    """Write the networks at their best step beside the results, with cards, and a README.

    A network whose training is not kept in the cache stays the one that was published before.
    """
    kept = [run for run in map(_run, tools.denoise.SHIPPED) if store.checkpoint(run).exists()]
    if kept:
        fold = sets.load(RECORDING, FOLD)
        for run in kept:
            _write(run, store, fold)
    folder = store.out.parent
    rows = "\n".join(_row(folder / f"{method}.json") for method in tools.denoise.SHIPPED)
    missing = "\n".join(f"- {line}" for line in runs.listing(store) if not line.startswith("done"))
    files.save(folder / "README.md", README.format(rows=rows, missing=missing, licence=LICENCE))
    return [*(f"{run.method}.pt" for run in kept), "README.md"]


def _run(method):
    return runs.Run(RECORDING, method, SEED, FOLD)


def _write(run, store, fold):
    """Write one network with its card."""
    result = store.result(run)
    training = loop.Training(networks.METHODS[run.method](SEED), fold, SEED, store.checkpoint(run))
    training.average.load_state_dict(training.best[1])
    card = {
        "method": denoising.title(run.method),
        "data": f"telomeres (Spotiflow's time-lapse), {fold.about['training']}",
        "mean": float(fold.test[0].mean),
        "spread": float(fold.test[0].std),
        "step": max(result["curve"], key=lambda point: point[1])[0],
        "settings": result["settings"],
        "seed": SEED,
        "cpu_minutes": round(result["cpu_seconds"] / 60, 1),
        "psnr_of_four_blocks_not_trained_on": result["best"]["scores"]["psnr"],
        "licence": LICENCE,
    }
    nets.save(training.average, store.out.parent / f"{run.method}.pt", card)


def _row(file) -> str:
    """A network's line in the README, from its card."""
    card = json.loads(file.read_text(encoding="utf-8"))
    weights, scores = file.with_suffix(".pt"), card["psnr_of_four_blocks_not_trained_on"]
    psnr = f"{sum(scores) / len(scores):.2f} dB"
    return f"| {card['method']} | `{weights.name}` | {card['step']} | {psnr} | `{files.sha256(weights)}` |"


README = """# Denoising

Three small U-Nets of CAREamics (depth 2, 16 channels, no batch normalisation, 83,921 parameters) that
remove the noise of single frames of telomeres, and in `experiments/` the scores of every filter and every
training of chapter 8, a file each. Made for teaching. `tools.denoise.load("structn2v")` loads a network;
its card tells the rest.

| | |
|---|---|
| data | `telomeres` (Spotiflow's time-lapse, BSD-3-Clause): upper half, left three quarters, 200 frames |
| training | 4,000 steps of 16 patches of 64×64 pixels, seed 0 |
| kept | the step that is best on the right quarter of the upper half |
| licence | {licence} |

PSNR on the lower half, mean over four blocks; five frames, each against the mean of the five before and
the five after it, whose own noise is subtracted:

| method | file | step | PSNR | sha256 |
|---|---|---|---|---|
{rows}

To reproduce: `python training/denoising.py`, then `--publish`. The licences of some of the other recordings
are unclear, so no network trained on them is published.

**Limits.** One field of one sample; the blocks of a field are not independent samples. Don't measure spot
intensities on restored frames.

## Planned, and not run yet

{missing}
"""
