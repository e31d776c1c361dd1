"""The checkpoints that the course carries, and their README, made from trainings that are done."""

from __future__ import annotations

from bioimage_course import files, nets, tools
from bioimage_course.results import denoising
from denoisers import loop, networks, runs, sets

RECORDING, FOLD, SEED = "telomeres", 0, 0
"""The telomeres, because their licence allows it."""

LICENCE = "weights BSD-3-Clause, like the course; data BSD-3-Clause (Spotiflow)"


def publish(store) -> list[str]:
    """Write the networks at their best step beside the results, with cards and a README."""
    folder = store.out.parent
    fold = sets.load(RECORDING, FOLD)
    rows = []
    for method in tools.denoise.SHIPPED:
        run = runs.Run(RECORDING, method, SEED, FOLD)
        result = store.result(run)
        training = loop.Training(networks.METHODS[method](SEED), fold, SEED, store.checkpoint(run))
        training.average.load_state_dict(training.best[1])
        scores = result["best"]["scores"]["psnr"]
        step = max(result["curve"], key=lambda point: point[1])[0]
        card = {
            "method": denoising.title(method),
            "data": f"telomeres (Spotiflow's time-lapse), {fold.about['training']}",
            "mean": float(fold.test[0].mean),
            "spread": float(fold.test[0].std),
            "step": step,
            "settings": result["settings"],
            "seed": SEED,
            "cpu_minutes": round(result["cpu_seconds"] / 60, 1),
            "psnr_of_four_blocks_not_trained_on": scores,
            "licence": LICENCE,
        }
        digest = nets.save(training.average, folder / f"{method}.pt", card)
        row = (
            f"| {card['method']} | `{method}.pt` | {step} | {sum(scores) / len(scores):.2f} dB | `{digest}` |"
        )
        rows.append(row)
    rows = "\n".join(rows)
    missing = "\n".join(f"- {line}" for line in runs.listing(store) if not line.startswith("done"))
    files.save(folder / "README.md", README.format(rows=rows, missing=missing, licence=LICENCE))
    return [f"{method}.pt" for method in tools.denoise.SHIPPED]


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
