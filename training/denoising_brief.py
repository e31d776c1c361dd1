"""The short experiments of chapter 8: denoising real microscopy images with and without pairs.

Three sets of real noise, and on each the same question: how near does a method come to the average of many
frames? Classical filters get the parameter that is best on *other* images.

- ``noise-w2s``: ten pairs, one frame and the mean of 400. Two folds: filters are tuned and the network with
  pairs (CARE) is trained on five pairs, and scored on the other five. Noise2Void, in three implementations,
  trains on the ten single frames and never sees a mean. All ten are scored, with bootstrap intervals.
- ``telomere-frames``: forty frames of one field, whose noise is correlated between neighbouring pixels. The
  field is cut in an upper and a lower half; networks train on one and are scored on the other (both ways).
- ``noise-fmd-fish`` and the three channels of ``noise-fmd-bpae``: two fields of other microscopes, for what
  happens to a network trained on W2S. Two fields are too few for an interval.

Nothing is chosen on the images that are scored. The networks trained on the telomeres (upper half) are the
course's checkpoints; of W2S and FMD only scores are published, their licences allow no more.

    python training/denoising.py --brief             # what is not in results.json yet, 20 minutes or so
    python training/denoising.py --brief --again w2s-care --again w2s-classical
    python training/denoising.py --brief --steps 20  # a smoke run, into another folder: --out /tmp/smoke

Every part writes its scores into ``src/bioimage_course/weights/denoising/results.json`` when it is done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow small networks many times

import numpy as np
import torch
from skimage import filters, morphology, restoration

from bioimage_course import data, metrics, nets, tools

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "denoising"
SEED = 0
PATCH = 64


# ---------------------------------------------------------------- classical filters

FILTERS = {
    "Gaussian": (lambda x, p: filters.gaussian(x, p, mode="reflect"), (0.7, 1, 1.4, 2, 2.8, 4)),
    "median": (lambda x, p: filters.median(x, morphology.disk(p), mode="reflect"), (1, 2, 3, 4, 5, 6)),
    "non-local means": (
        lambda x, p: restoration.denoise_nl_means(
            x,
            patch_size=7,
            patch_distance=7,
            fast_mode=True,
            h=p * (s := tools.denoise.noise_level(x)),
            sigma=s,
        ),
        (0.7, 1, 1.4, 2, 2.8),
    ),
    "wavelets": (lambda x, p: tools.denoise.wavelets(x, p, scales=5), (1, 2, 3, 4, 6)),
    "total variation": (
        lambda x, p: restoration.denoise_tv_chambolle(x, weight=p * tools.denoise.noise_level(x)),
        (0.8, 1.2, 1.8, 2.5, 3.5),
    ),
}
"""Name: (function of image and parameter, parameters to choose from); strengths in units of the noise."""


def tuned_filter(name, noisy, clean):
    """The parameter of a filter with the highest mean SI-PSNR on pairs; and all means."""
    function, parameters = FILTERS[name]
    means = [
        np.mean([metrics.scale_invariant_psnr(c, function(n, p)) for n, c in zip(noisy, clean, strict=True)])
        for p in parameters
    ]
    return parameters[int(np.argmax(means))], dict(zip(parameters, np.round(means, 3).tolist(), strict=True))


# ---------------------------------------------------------------- networks


def network(width=16):
    """A small U-Net, the same for every training of this script."""
    nets.seed_everything(SEED)
    return nets.UNet(1, 1, depth=2, width=width, norm=None)


def standardise(image, like=None):
    """Image with mean 0 and standard deviation 1, those of `like` if it is given."""
    like = image if like is None else like
    return ((image - like.mean()) / like.std()).astype(np.float32)


def fit_to(image, reference):
    """The image with the offset and scale that fit the reference best."""
    slope, offset = np.polyfit(np.ravel(image).astype(float), np.ravel(reference).astype(float), 1)
    return slope * image + offset


def patches(pairs, batch, rng):
    """Random patches (batch, 1, 64, 64) of (input, target) image pairs, turned and mirrored."""
    chosen = []
    for _ in range(batch):
        pair = np.stack(pairs[rng.integers(len(pairs))])
        y, x = (rng.integers(0, n - PATCH + 1) for n in pair.shape[1:])
        crop = np.rot90(pair[:, y : y + PATCH, x : x + PATCH], rng.integers(4), (1, 2))
        chosen.append(crop[:, :, ::-1] if rng.random() < 0.5 else crop)
    both = torch.from_numpy(np.stack(chosen).copy())
    return both[:, :1], both[:, 1:]


def train(draw, steps, *, blind=False, rate=2e-3, note=""):
    """Train the small U-Net; `draw(rng)` gives (input, target) batches. Returns it, and the smoothed loss.

    With `blind` the target is the noisy input itself and the loss counts blind spots only.
    """
    model, rng = network().train(), np.random.default_rng(SEED)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    losses, started = [], time.time()
    for step in range(steps):
        inputs, targets = draw(rng)
        if blind:
            masked, mask = map(torch.from_numpy, tools.denoise.blind_spots(inputs.numpy(), seed=rng))
            loss = ((model(masked) - inputs)[mask] ** 2).mean()
        else:
            loss = ((model(inputs) - targets) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        scheduler.step()
        losses.append(loss.item())
        if (step + 1) % max(1, steps // 5) == 0:
            recent = np.mean(losses[-max(1, steps // 5) :])
            print(f"  {note} step {step + 1}, loss {recent:.4f}, {time.time() - started:.0f} s", flush=True)
    parts = np.array_split(losses, min(10, steps))
    return model.eval(), [round(float(part.mean()), 5) for part in parts]


def apply(model, image):
    """What the network makes of a whole image, in the image's own intensities."""
    image = np.asarray(image, dtype=float)
    height, width = image.shape
    padded = np.pad(standardise(image), ((0, -height % 4), (0, -width % 4)), mode="reflect")
    with torch.no_grad():
        output = model(torch.from_numpy(padded)[None, None])[0, 0, :height, :width].numpy()
    return output * image.std() + image.mean()


# ---------------------------------------------------------------- libraries


def n2v_library(noisy, steps):
    """Noise2Void by its authors' package n2v, trained on these images; the images restored."""
    from bioimage_course import compat

    compat.prepare("n2v")
    import tensorflow as tf
    from n2v.models import N2V, N2VConfig

    tf.keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    images = [standardise(image) for image in noisy]
    crops = np.concatenate(
        [patches([(image, image)], max(1, 640 // len(images)), rng)[0].numpy() for image in images]
    ).transpose(0, 2, 3, 1)
    rng.shuffle(crops)
    training, validation = crops[: -len(crops) // 10], crops[-len(crops) // 10 :]
    config = N2VConfig(
        training,
        unet_kern_size=3,
        unet_n_first=16,
        unet_n_depth=2,
        train_epochs=max(1, steps // 50),
        train_steps_per_epoch=min(50, steps),
        train_batch_size=8,
        train_loss="mse",
        train_learning_rate=0.002,
        n2v_perc_pix=2,
        n2v_patch_shape=(PATCH, PATCH),
        train_tensorboard=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        model = N2V(config, "n2v", basedir=folder)
        history = model.train(training, validation)
        restored = [
            model.predict(np.asarray(image, np.float32), "YX") * original.std() + original.mean()
            for image, original in zip(images, noisy, strict=True)
        ]
    return restored, [round(float(v), 5) for v in history.history["loss"]]


def careamics_library(noisy, steps, **options):
    """Noise2Void by CAREamics, trained on these images; the images restored."""
    import logging

    from careamics import CAREamist
    from careamics.config import create_advanced_n2v_config

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    images = np.stack([standardise(image) for image in noisy])
    config = create_advanced_n2v_config(
        experiment_name="n2v",
        data_type="array",
        axes="SYX",
        patch_size=[PATCH, PATCH],
        batch_size=8,
        num_epochs=max(1, steps // 50),
        num_steps=min(50, steps),
        model_params={"depth": 2, "num_channels_init": 16},
        optimizer_params={"lr": 2e-3},
        num_workers=0,
        trainer_params={"accelerator": "cpu"},
        seed=SEED + 1,  # CAREamics wants one above 0
        **options,
    )
    with tempfile.TemporaryDirectory() as folder:
        tool = CAREamist(config, work_dir=folder, enable_progress_bar=False)
        tool.train(train_data=images)
        restored = []
        for image, original in zip(images, noisy, strict=True):
            output, _ = tool.predict(image, axes="YX", batch_size=1, tile_size=None)
            restored.append(np.squeeze(output[0]) * original.std() + original.mean())
    return restored


# ---------------------------------------------------------------- scores


def score_image(clean, restored):
    """PSNR as the numbers are, SI-PSNR, and SSIM after offset and scale were fitted."""
    clean, restored = np.asarray(clean, float), np.asarray(restored, float)
    return {
        "psnr": metrics.psnr(clean, restored),
        "si_psnr": metrics.scale_invariant_psnr(clean, restored),
        "ssim": metrics.ssim(clean, fit_to(restored, clean)),
    }


def score(clean, restored, interval=True):
    """Scores of several images: each, their means, and bootstrap intervals over images."""
    each = [score_image(c, r) for c, r in zip(clean, restored, strict=True)]
    columns = {key: np.array([e[key] for e in each]) for key in each[0]}
    summary = {key: round(float(values.mean()), 4) for key, values in columns.items()}
    if interval:
        summary["interval_95"] = {
            key: [round(v, 4) for v in metrics.bootstrap_interval(values)] for key, values in columns.items()
        }
    return summary | {"each": {key: np.round(values, 4).tolist() for key, values in columns.items()}}


def load_w2s():
    """Names, single frames and means of the ten W2S pairs, as float arrays from 0 to 1."""
    samples = list(data.load("noise-w2s"))
    return (
        [s.name for s in samples],
        [s.image / 255 for s in samples],
        [s.target / 255 for s in samples],
    )


def folds(number):
    """Two folds of image numbers: (training, test), even against odd."""
    even, odd = np.arange(0, number, 2), np.arange(1, number, 2)
    return (even, odd), (odd, even)


def load_fmd():
    """Names, single frames and means of the FMD images, one channel each."""
    fish, cells = data.load("noise-fmd-fish"), data.load("noise-fmd-bpae")
    names = ["zebrafish, confocal", *(f"BPAE cells, widefield, channel {c}" for c in range(3))]
    noisy = [fish.image / 255, *(cells.image[..., c] / 255 for c in range(3))]
    clean = [fish.target / 255, *(cells.target[..., c] / 255 for c in range(3))]
    return names, noisy, clean


def load_telomeres():
    """Frames (40, Y, X), their reference, and the two halves of the field as slices of rows."""
    sample = data.load("telomere-frames")
    middle = sample.image.shape[1] // 2
    upper, lower = slice(0, middle), slice(middle, None)
    return sample.image.astype(np.float32), sample.target, {"upper": upper, "lower": lower}


def data_hash(*arrays):
    """One sha256 over all values, so that a results file names the data it was made from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# ---------------------------------------------------------------- parts


def w2s_classical(run):
    """No method at all, and the five filters, each tuned on the other fold."""
    _, noisy, clean = load_w2s()
    run.note("w2s", "one frame", score(clean, noisy))
    for name, (function, _) in FILTERS.items():
        restored, chosen = [None] * len(noisy), []
        for training, test in folds(len(noisy)):
            best, _ = tuned_filter(name, [noisy[i] for i in training], [clean[i] for i in training])
            chosen.append(best)
            for i in test:
                restored[i] = function(noisy[i], best)
        run.note("w2s", name, score(clean, restored) | {"parameter_per_fold": chosen})


def w2s_care(run):
    """Pairs: a network for each fold; also applied to the FMD images, which it was not trained for."""
    _, noisy, clean = load_w2s()
    pairs = [(standardise(n), standardise(fit_to(c, n), n)) for n, c in zip(noisy, clean, strict=True)]
    restored, elsewhere, losses = [None] * len(noisy), [], []
    _names, fmd_noisy, fmd_clean = load_fmd()
    for number, (training, test) in enumerate(folds(len(noisy))):
        chosen = [pairs[i] for i in training]
        model, curve = train(
            lambda rng, chosen=chosen: patches(chosen, 8, rng), run.steps(400), note=f"CARE fold {number}"
        )
        losses.append(curve)
        for i in test:
            restored[i] = apply(model, noisy[i])
        elsewhere.append([apply(model, image) for image in fmd_noisy])
    run.note("w2s", "CARE (pairs)", score(clean, restored) | {"loss": losses})
    trained_on_w2s = [np.mean(both, axis=0) for both in zip(*elsewhere, strict=True)]
    run.note("fmd", "CARE trained on W2S", score(fmd_clean, trained_on_w2s, interval=False))


def w2s_n2v(run):
    """Our Noise2Void: the ten single frames, and nothing else."""
    _, noisy, clean = load_w2s()
    pairs = [(standardise(n), standardise(n)) for n in noisy]
    model, curve = train(lambda rng: patches(pairs, 8, rng), run.steps(600), blind=True, note="N2V")
    run.note("w2s", "Noise2Void (ours)", score(clean, [apply(model, n) for n in noisy]) | {"loss": curve})


def w2s_n2v_library(run):
    """The authors' package on the same ten single frames."""
    _, noisy, clean = load_w2s()
    restored, curve = n2v_library(noisy, run.steps(400))
    run.note("w2s", "Noise2Void (n2v)", score(clean, restored) | {"loss": curve})


def w2s_careamics(run):
    """CAREamics on the same ten single frames."""
    _, noisy, clean = load_w2s()
    run.note("w2s", "Noise2Void (CAREamics)", score(clean, careamics_library(noisy, run.steps(400))))


def fmd(run):
    """Filters with the parameters that are best on W2S, and Noise2Void trained on these very images."""
    names, noisy, clean = load_fmd()
    run.note("fmd", "one frame", score(clean, noisy, interval=False) | {"images": names})
    _, other_noisy, other_clean = load_w2s()
    for name in ("Gaussian", "non-local means"):
        best, _ = tuned_filter(name, other_noisy, other_clean)
        restored = [FILTERS[name][0](image, best) for image in noisy]
        run.note("fmd", name, score(clean, restored, interval=False) | {"parameter": best})
    pairs = [(standardise(n), standardise(n)) for n in noisy]
    model, curve = train(lambda rng: patches(pairs, 8, rng), run.steps(300), blind=True, note="N2V FMD")
    restored = [apply(model, image) for image in noisy]
    run.note("fmd", "Noise2Void (ours)", score(clean, restored, interval=False) | {"loss": curve})


TELOMERES = {"Noise2Noise": False, "Noise2Void": True}


def train_telomeres(frames, rows, steps, blind):
    """Noise2Noise or Noise2Void on the frames of one half of the field."""
    half = [standardise(frame, frames[:, rows]) for frame in frames[:, rows]]

    def draw(rng):
        pairs = [tuple(half[i] for i in rng.choice(len(half), 2, replace=False)) for _ in range(8)]
        return patches(pairs, 8, rng)

    return train(draw, steps, blind=blind, note="N2V telomeres" if blind else "N2N telomeres")


def blocks(image, columns=4):
    """Four blocks of a half field, side by side: the units of the intervals."""
    return np.array_split(np.asarray(image, float), columns, axis=1)


def telomere_scores(restored, reference, halves):
    """Scores of restored frames: (frame, half) -> image. Blocks of both halves are the units.

    PSNR with one range for all blocks; the frames are averaged first, because they show the same place.
    """
    span = float(np.ptp(reference))
    each = []
    for name, rows in halves.items():
        truth = blocks(reference[rows])
        shown = [blocks(image) for (_, half), image in restored.items() if half == name]
        for number, block in enumerate(truth):
            errors = [np.mean((image[number] - block) ** 2) for image in shown]
            each.append(10 * np.log10(span**2 / np.mean(errors)))
    return {
        "psnr": round(float(np.mean(each)), 4),
        "interval_95": {"psnr": [round(v, 4) for v in metrics.bootstrap_interval(np.array(each))]},
        "each": {"psnr": np.round(each, 4).tolist()},
    }


SCORED_FRAMES = (4, 12, 20, 28, 36)


def telomeres(run):
    """Filters, Noise2Noise and Noise2Void, each tuned or trained on the other half of the field."""
    frames, reference, halves = load_telomeres()
    other = {"upper": "lower", "lower": "upper"}
    single = {(f, half): frames[f, rows] for f in SCORED_FRAMES for half, rows in halves.items()}
    run.note("telomeres", "one frame", telomere_scores(single, reference, halves))
    for name, (function, parameters) in FILTERS.items():
        restored, chosen = {}, {}
        for half in halves:
            rows = halves[other[half]]
            errors = [
                np.mean([(function(frames[f, rows], p) - reference[rows]) ** 2 for f in SCORED_FRAMES])
                for p in parameters
            ]
            chosen[half] = parameters[int(np.argmin(errors))]
            restored |= {
                key: function(image, chosen[half]) for key, image in single.items() if key[1] == half
            }
        scored = telomere_scores(restored, reference, halves)
        run.note("telomeres", name, scored | {"parameter_per_half": chosen})
    for name, blind in TELOMERES.items():
        restored = {}
        for half in halves:
            model, curve = train_telomeres(frames, halves[other[half]], run.steps(250), blind)
            scale = frames[:, halves[other[half]]]
            restored |= {
                key: restore(model, image, scale.mean(), scale.std())
                for key, image in single.items()
                if key[1] == half
            }
            if other[half] == "upper":
                run.save(name, model, curve, scale)
        run.note("telomeres", name, telomere_scores(restored, reference, halves))


def restore(model, image, mean, std):
    """Apply a network with the offset and scale that it was trained with."""
    height, width = image.shape
    padded = np.pad((image - mean) / std, ((0, -height % 4), (0, -width % 4)), mode="reflect")
    with torch.no_grad():
        output = model(torch.from_numpy(padded.astype(np.float32))[None, None])[0, 0, :height, :width].numpy()
    return output * std + mean


def neighbour_correlation(noisy, clean):
    """Correlation of the noise of a pixel with that of the pixel below and of the pixel to the right."""
    noise = noisy - fit_to(clean, noisy)
    noise = noise - noise.mean()
    below, right = (noise[1:] * noise[:-1]).mean(), (noise[:, 1:] * noise[:, :-1]).mean()
    return [round(float(value / noise.var()), 3) for value in (below, right)]


def noise(run):
    """Is the noise of neighbouring pixels independent? Noise2Void needs that."""
    for name, load in (("w2s", load_w2s), ("fmd", load_fmd)):
        _, noisy, clean = load()
        run.note("noise", name, [neighbour_correlation(n, c) for n, c in zip(noisy, clean, strict=True)])


PARTS = {
    "noise": noise,
    "telomeres": telomeres,
    "w2s-classical": w2s_classical,
    "w2s-care": w2s_care,
    "w2s-n2v": w2s_n2v,
    "w2s-n2v-library": w2s_n2v_library,
    "w2s-careamics": w2s_careamics,
    "fmd": fmd,
}


# ---------------------------------------------------------------- the whole run


class Run:
    """Where the parts write to: results.json, checkpoints and their card."""

    def __init__(self, out, steps, command):
        self.out, self.limit, self.command, self.new = out, steps, command, {}
        self.path = out / "results.json"

    def read(self):
        """What the results file holds now."""
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {"parts": {}}

    def steps(self, number):
        """Steps of a training: as planned, or fewer in a smoke run."""
        return number if self.limit is None else min(number, self.limit)

    def note(self, table, method, scores):
        """Keep the scores of a method."""
        self.new.setdefault(table, {})[method] = scores
        means = (
            {k: v for k, v in scores.items() if isinstance(v, float)} if isinstance(scores, dict) else scores
        )
        print(f"{table}: {method}", means, flush=True)

    def save(self, name, model, curve, scale):
        """A checkpoint of the telomeres."""
        file = name.lower() + ".pt"
        card = {
            "what": f"{name} for telomeres: removes camera noise from one frame",
            "data": {"name": "telomere-frames", "rows": "upper half (0 to 65)", "sha256": data_hash(scale)},
            "input": "(N, 1, H, W), (intensity - mean) / std, H and W multiples of 4",
            "mean": float(scale.mean()),
            "std": float(scale.std()),
            "seed": SEED,
            "steps": self.steps(250),
            "licence": "weights BSD-3-Clause, like the course; data BSD-3-Clause (Spotiflow)",
        }
        sha256 = nets.save(model, self.out / file, card)
        self.new.setdefault("checkpoints", {})[file] = {"sha256": sha256, "loss": curve}

    def write(self, part, minutes):
        """Add what is new to results.json (another process may have written to it), and write the card."""
        results = self.read()
        for table, methods in self.new.items():
            results[table] = results.get(table, {}) | methods
        results["parts"][part] = minutes
        results |= {
            "what": "Denoising of real microscopy images: scores against the mean of many frames",
            "command": self.command,
            "seed": SEED,
            "machine": f"{platform.machine()}, one CPU core used, no GPU",
            "versions": {p: version(p) for p in ("torch", "numpy", "scikit-image", "n2v", "careamics")}
            | {"python": platform.python_version()},
            "minutes": round(sum(part["minutes"] for part in results["parts"].values()), 1),
        }
        self.out.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        if {"telomeres", "checkpoints"} <= results.keys():
            write_text(self.out / "README.md", readme(results))


def write_text(path, text):
    """Write a file in one go: a temporary file first, then a rename."""
    temporary = Path(f"{path}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def readme(results):
    """The card of the checkpoints, in Markdown."""
    rows = "\n".join(
        f"| {name} | {s['psnr']:.2f} ({' to '.join(f'{v:.2f}' for v in s['interval_95']['psnr'])}) |"
        for name, s in results["telomeres"].items()
    )
    files = "\n".join(f"| `{name}` | `{c['sha256']}` |" for name, c in results["checkpoints"].items())
    parameters = nets.count_parameters(network())
    return f"""# Denoising

Two small U-Nets (`nets.UNet(1, 1, depth=2, width=16, norm=None)`, {parameters:,} parameters) that remove the
noise of single frames of telomeres, and the scores of chapter 8 (`results.json`). Made for teaching. Load one
with `nets.load(path)`; its card holds the mean and standard deviation to standardise with.

| | |
|---|---|
| data | `telomere-frames` (Spotiflow's time-lapse, BSD-3-Clause): 40 frames, upper half of the field |
| Noise2Noise | input and target are two different frames |
| Noise2Void | input and target are the same frame, with blind spots |
| training | 250 steps of 8 patches of 64×64 pixels, seed {results["seed"]} |
| licence | weights BSD-3-Clause, like the course; data BSD-3-Clause (Spotiflow) |

PSNR in dB on the half not used for training (both ways; 95 % interval over eight blocks of one field):

| method | PSNR |
|---|---|
{rows}

To reproduce: `python training/denoising.py --brief`. All scores of the other sets (W2S, FMD):
`results.json`; their licences are unclear, so no network trained on them is published.

**Limits.** One field of one sample. The noise is correlated between neighbouring pixels, which Noise2Void
cannot know. Don't measure spot intensities on restored frames without checking them.

| file | sha256 |
|---|---|
{files}
"""


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part (several times: these)")
    parser.add_argument(
        "--again", action="append", choices=PARTS, default=[], help="run it even if it is done"
    )
    parser.add_argument("--steps", type=int, help="at most so many steps for each network (smoke run)")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    run = Run(args.out, args.steps, "python training/denoising.py --brief")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only or PARTS:
        if name in run.read()["parts"] and name not in args.again:
            print(f"{name}: done before")
            continue
        print(f"{name} …", flush=True)
        started = time.time(), time.process_time()
        PARTS[name](run)
        minutes = {
            "minutes": round((time.time() - started[0]) / 60, 2),
            "cpu_minutes": round((time.process_time() - started[1]) / 60, 2),
        }
        run.write(name, minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
