"""csbdeep's CARE and the original n2v, once each beside our driving of the same methods.

The library's own network, loss, masking and training call; the patches, their number and the validation
images are those of every other method. A training goes on where it was: weights, random numbers and curve
are kept after each piece. (The optimiser's running means begin anew then; both programs keep weights only.)
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from bioimage_course import compat, files
from denoisers import sets

BATCH, PIECE, WIDTH, RATE = 16, 200, 16, 4e-4
"""Patches a step, steps between two looks, feature maps, and csbdeep's learning rate (Adam)."""


def _stacked(fold, steps, rng):
    """Patches for so many steps: noisy and clean, (N, Y, X, 1)."""
    batches = [sets.draw(fold, BATCH, rng) for _ in range(steps)]
    return [
        np.concatenate([batch[key] for batch in batches]).transpose(0, 2, 3, 1) for key in ("noisy", "clean")
    ]


def _care(_fold, folder):
    """csbdeep's CARE, and functions that train it on patches and restore an image."""
    from csbdeep.models import CARE, Config

    config = Config(
        "YX", 1, 1, unet_n_depth=2, unet_n_first=WIDTH, unet_residual=False, train_loss="mse",
        train_learning_rate=RATE, train_batch_size=BATCH, train_tensorboard=False, train_reduce_lr=None,
        train_checkpoint=None,
    )  # fmt: skip
    model = CARE(config, "care", basedir=folder)

    def train(noisy, clean):
        held = noisy[:BATCH], clean[:BATCH]  # csbdeep wants some; the curve is that of `sets`
        model.train(noisy, clean, held, epochs=1, steps_per_epoch=len(noisy) // BATCH)

    return model, train, lambda image: model.predict(image, "YX", normalizer=None)


def _n2v(fold, folder):
    """The original n2v, and functions that train it on patches and restore an image."""
    from n2v.models import N2V, N2VConfig

    sample = np.concatenate([stack.reshape(-1)[:4096] for stack in fold.stacks]).reshape(-1, 64, 64, 1)
    config = N2VConfig(
        sample, unet_n_depth=2, unet_n_first=WIDTH, unet_kern_size=3, unet_residual=False, batch_norm=False,
        train_loss="mse", train_learning_rate=RATE, train_batch_size=BATCH, train_epochs=1,
        train_steps_per_epoch=PIECE, train_tensorboard=False, train_reduce_lr=None, train_checkpoint=None,
        n2v_perc_pix=1.5, n2v_patch_shape=(sets.PATCH, sets.PATCH),
    )  # fmt: skip
    model = N2V(config, "n2v", basedir=folder)

    def train(noisy, _clean):
        model.train(noisy, noisy[:BATCH].copy(), epochs=1, steps_per_epoch=len(noisy) // BATCH)

    return model, train, lambda image: model.predict(image, "YX")


def _trained(build, fold, seed, steps, checkpoint):
    """Train piece by piece; the result at the end, and where it was best on the validation images."""
    compat.prepare("n2v")  # before TensorFlow is imported
    import tensorflow as tf

    tf.keras.utils.set_random_seed(seed)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    rng, state = np.random.default_rng(seed), Path(checkpoint).with_suffix(".state.json")
    kept = {"step": 0, "curve": [], "seconds": 0.0, "cpu_seconds": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        model, train, predict = build(fold, folder)
        network = model.keras_model
        last, best = (
            state.with_name(state.name.replace("state.json", f"{which}.weights.h5"))
            for which in ("last", "best")
        )

        def restored(pairs):
            return [predict(pair.standardised()) * pair.std + pair.mean for pair in pairs]

        if state.exists():
            kept = json.loads(state.read_text(encoding="utf-8"))
            network.load_weights(last)
            rng.bit_generator.state = kept.pop("rng")
        while kept["step"] < steps:
            began, used = time.monotonic(), time.process_time()
            piece = min(PIECE, steps - kept["step"])
            train(*_stacked(fold, piece, rng))
            kept["step"] += piece
            value = round(float(fold.validate(restored(fold.validation))), 3)
            kept["curve"].append([kept["step"], value])
            if value == max(v for _, v in kept["curve"]):
                network.save_weights(best)
            network.save_weights(last)
            kept["seconds"] += time.monotonic() - began
            kept["cpu_seconds"] += time.process_time() - used
            files.save_json(state, kept | {"rng": rng.bit_generator.state})
            print(f"{state.stem} step {kept['step']}: validation {value:.2f} dB", flush=True)
        result = {"restored": restored(fold.test)}
        network.load_weights(best)
        result["best_restored"] = restored(fold.test)
    parameters = int(sum(np.prod(weight.shape) for weight in network.trainable_weights))
    return result | {
        "settings": {
            "steps": steps,
            "batch": BATCH,
            "patch": sets.PATCH,
            "parameters": parameters,
            "optimiser": f"Adam, learning rate {RATE}",
        },
        "curve": kept["curve"],
        "validation": kept["curve"][-1][1],
        "best_validation": max(v for _, v in kept["curve"]),
        "seconds": round(kept["seconds"], 1),
        "cpu_seconds": round(kept["cpu_seconds"], 1),
    }


METHODS = {
    "csbdeep-care": lambda *args: _trained(_care, *args),
    "n2v-original": lambda *args: _trained(_n2v, *args),
}
"""Name: function of (fold, seed, steps, checkpoint) that returns ``restored`` and what else is to be kept."""

PLANNED = ()
"""Methods that the list of runs shows as missing although there is no code for them yet."""
