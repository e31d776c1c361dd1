"""Train the network that lives in the page of chapter 4: three states of a nucleus, 6,099 numbers.

It learns from simulated nuclei alone (``data.synthetic.cell_crops``): interphase, metaphase, apoptotic.
Noise, sharpness, brightness and background differ from crop to crop, so that it does not rely on any one of
them; with one camera for all it took smooth photographs of plates for nuclei in interphase. The size of the
nuclei varies no more than in one recording: that a network does not see past a magnification is what the
chapter shows.

Run it with ``python training/nuclear_states.py``, a minute or two on one CPU core. It writes checkpoint,
card, ``results.json`` and ``README.md`` to ``src/bioimage_course/weights/nuclear-states/``; afterwards
``python -m coursebook.live_cnn`` hands the weights to the page. ``results.json`` holds, too, in which ranges
the training pictures lie, so that the page can say when a picture is unlike all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bioimage_course import data, files, nets

OUT = Path(__file__).resolve().parents[1] / "src/bioimage_course/weights/nuclear-states"
PHOTONS, BLUR = (30, 60, 200, 1000), (0.8, 1.4, 2.0)  # of the camera: every pair is drawn equally often
BRIGHTNESS, BACKGROUND = (0.4, 2.0), (-0.06, 0.10)
SETTINGS = {"crops": 2400, "epochs": 20, "rate": 2e-3, "batch": 32, "seed": 0}


def varied(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops (N, 1, 32, 32) as the network gets them, and their classes, shared out over all cameras."""
    pictures, classes = [], []
    for number, (photons, blur) in enumerate((p, b) for p in PHOTONS for b in BLUR):
        drawn = data.synthetic.cell_crops(
            count // (len(PHOTONS) * len(BLUR)),
            seed=100 * seed + number,
            photons=photons,
            psf=blur,
            brightness=BRIGHTNESS,
        )
        # The camera adds 100 grey values; dividing by the photons gives all cameras one scale.
        pictures.append((drawn.images.astype(np.float32) - 100) / 100 * (60 / photons))
        classes.append(drawn.classes)
    images = np.concatenate(pictures)
    images += np.random.default_rng(seed).uniform(*BACKGROUND, (len(images), 1, 1)).astype(np.float32)
    return torch.as_tensor(images)[:, None], torch.as_tensor(np.concatenate(classes))


def describe(images: torch.Tensor) -> dict[str, np.ndarray]:
    """What a picture is like, in four numbers: the page computes the same of the picture that it is shown."""
    pictures = images[:, 0].numpy()
    edge = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1)
    steps = np.abs(np.diff(pictures, axis=2)).mean(axis=(1, 2))
    return {
        "frame": np.median(edge, axis=1),
        "mean": pictures.mean(axis=(1, 2)),
        "peak": np.sort(pictures.reshape(len(pictures), -1))[:, -11],  # ten pixels are brighter
        "roughness": steps / pictures.std(axis=(1, 2)),
    }


def ranges(model, images: torch.Tensor) -> dict[str, list]:
    """Smallest and largest value of each description and of each of the last means over all pictures."""
    with torch.no_grad():
        means = model.features(images).mean(dim=(2, 3)).numpy()
    found = {name: [_rounded(v.min()), _rounded(v.max())] for name, v in describe(images).items()}
    return {**found, "means": [[_rounded(v.min()), _rounded(v.max())] for v in means.T]}


def _rounded(value) -> float:
    return round(float(value), 4)


def train(settings: dict) -> tuple[nets.CNN, dict]:
    """Train with these settings; return the network and what is to be known of it."""
    images, classes = varied(settings["crops"], seed=1)
    others = varied(max(settings["crops"] // 6, 36), seed=2)
    nets.seed_everything(settings["seed"])
    model = nets.CNN(channels=1, classes=3, depth=3, width=8)
    start = time.process_time()
    history = nets.fit(
        model,
        DataLoader(TensorDataset(images, classes), batch_size=settings["batch"], shuffle=True),
        DataLoader(TensorDataset(*others), batch_size=200),
        loss=nn.CrossEntropyLoss(),
        learning_rate=settings["rate"],
        epochs=settings["epochs"],
        patience=10,
        device="cpu",
    )
    minutes = (time.process_time() - start) / 60
    return model.eval(), {
        "settings": settings,
        "epochs": history.epochs,
        "cpu_minutes": round(minutes, 2),
        "accuracy": {
            "varied cameras": accuracy(model, *varied(1200, seed=3)),
            "the chapter's test crops": accuracy(model, *plain()),
        },
        "ranges": ranges(model, images),
    }


def plain() -> tuple[torch.Tensor, torch.Tensor]:
    """The 600 test crops of the chapter's notebook."""
    test = data.synthetic.cell_crops(600, seed=2)
    images = (test.images.astype(np.float32) - 100) / 100
    return torch.as_tensor(images)[:, None], torch.as_tensor(test.classes)


def accuracy(model, images, classes) -> float:
    """Share of right answers."""
    return _rounded((nets.predict(model, images).argmax(dim=1) == classes).float().mean())


README = """# States of a nucleus

The network in the page of chapter 4, made for teaching by `{command}`:
`nets.CNN(1, 3, depth=3, width=8)`, {parameters:,} learnt numbers. Input: grey crops (N, 1, 32, 32),
background near 0, nuclei some 15 pixels wide with values around 1. Output: scores of interphase, metaphase,
apoptotic.

It has seen {crops:,} simulated nuclei and no photograph; it is no tool. Share of right answers on new
simulated crops: {varied:.3f} with cameras as in training, {plain:.3f} on the 600 test crops of the chapter.
Seed {seed}, {epochs} epochs, the weights of the lowest validation loss.

Weights BSD-3-Clause, like the course. sha256 of `nuclear-states.pt`: `{sha256}`.
"""


def write(model, results: dict, folder: Path = OUT) -> None:
    """Write checkpoint, card, results and what to read about them."""
    folder.mkdir(parents=True, exist_ok=True)
    command, settings = "python training/nuclear_states.py", results["settings"]
    sha256 = nets.save(
        model,
        folder / "nuclear-states.pt",
        {
            "what": "Classifier of simulated nuclei in three states, for teaching",
            "classes": list(data.synthetic.cell_crops(3).class_names),
            "input": "grey crop (N, 1, 32, 32), background near 0, nuclei around 1",
            "command": command,
            "seed": settings["seed"],
            "cpu_minutes": results["cpu_minutes"],
            "data": "data.synthetic.cell_crops",
            "licence": "weights BSD-3-Clause",
        },
    )
    results = {"command": command, "sha256": sha256, "torch": version("torch"), **results}
    files.save(folder / "results.json", json.dumps(results, indent=1) + "\n")
    text = README.format(
        command=command,
        parameters=nets.count_parameters(model),
        crops=settings["crops"],
        varied=results["accuracy"]["varied cameras"],
        plain=results["accuracy"]["the chapter's test crops"],
        seed=settings["seed"],
        epochs=results["epochs"],
        sha256=sha256,
    )
    files.save(folder / "README.md", text)


def main(arguments: list[str] | None = None) -> None:
    """Train and write."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(arguments)
    write(*train(SETTINGS))


if __name__ == "__main__":
    main()
