"""Write what `cnn-explorer.js` computes with, a network and four cells, into ``cnn-weights.js`` beside it.

    python -m coursebook.live_cnn

The network is that of ``training/nuclear_states.py``: batch normalisation is folded into the convolutions,
and each filter is stored as whole numbers from −32767 to 32767 and one factor, so that the page computes what
PyTorch computes to four digits. Three of the cells are cut from ``data.load("mitosis")``, the fourth is
simulated. Tests check that the script is in step.
"""

import json

import numpy as np

from bioimage_course import data, nets, shipped
from bioimage_course.files import save
from coursebook.explorable_data import SCRIPTS, encoded
from coursebook.small_networks import layers

SCRIPT = SCRIPTS / "cnn-weights.js"
FOLDER = shipped.WEIGHTS / "nuclear-states"
LARGEST = 32767
SIDE = 48  # of the pieces of the photograph: what the network sees, enlarged, and room to move
STEP = 0.75  # pixels of the photograph for one of the network: photographed nuclei are smaller
LIGHT = 154  # of a simulated nucleus, all its values added up
CELLS = {"interphase": (53, 174), "metaphase": (453, 461), "anaphase": (272, 341)}  # row, column
HEAD = """/* What <cnn-explorer> computes with; `python -m coursebook.live_cnn` writes it.
 *
 * A classic script, because a page that was opened by double-click may not read a file in another way.
 * Network: training/nuclear_states.py. Cells: crops of human HT29 cells (Moffat et al. 2006; CellProfiler
 * examples, BSD-3-Clause; image CC0), and a simulated one. */
"""


def network() -> dict:
    """Whole numbers of all layers (int16) and, for each layer, factors and biases (float32), as base64."""
    numbers, floats = [], []
    for weights, biases in layers(nets.load(FOLDER / "nuclear-states.pt")):
        flat = weights.reshape(len(weights), -1)
        factors = np.abs(flat).max(axis=1) / LARGEST
        numbers.append(np.rint(flat / factors[:, None]).astype("<i2").ravel())
        floats += [factors, biases]
    return {
        "whole": encoded(np.concatenate(numbers).tobytes()),
        "floats": encoded(np.concatenate(floats).astype("<f4").tobytes()),
    }


def photographed(row: int, column: int) -> dict:
    """A piece of the DNA channel around (row, column), with the light of a simulated nucleus."""
    half = SIDE // 2
    image = data.load("mitosis").image[..., 0]
    piece = image[row - half : row + half, column - half : column + half]
    dark = float(np.percentile(piece, 10))
    seen = piece[half - 12 : half + 12, half - 12 : half + 12].astype(float) - dark  # 24 pixels for the 32
    return cell(piece, dark, LIGHT / (seen.sum() / STEP**2), STEP)


def simulated() -> dict:
    """Fragments of a dying nucleus as in training, with a margin of background of the same camera."""
    crops = data.synthetic.cell_crops(60, seed=5, photons=200)
    fragments = crops.images[crops.classes == 2][3].astype(float)
    margin = (SIDE - 32) // 2
    noise = np.random.default_rng(5).permutation(np.concatenate([fragments[:2], fragments[-2:]]).ravel())
    piece = np.resize(noise, (SIDE, SIDE))
    piece[margin:-margin, margin:-margin] = fragments
    grey = np.clip(np.rint((piece - 80) / 8), 0, 255)
    dark = float(np.median(grey[:margin]))
    return cell(grey, dark, LIGHT / (grey[margin:-margin, margin:-margin] - dark).sum(), 1)


def cell(values: np.ndarray, dark: float, scale: float, step: float) -> dict:
    """One cell for the page; a value v is handed to the network as 0.06 + (v − dark) · scale."""
    whole = np.asarray(values).astype(np.uint8)
    return {
        "side": len(whole),
        "values": encoded(whole.tobytes()),
        "dark": round(dark, 3),
        "scale": round(scale, 6),
        "step": step,
    }


def content() -> dict:
    """Everything that the page gets."""
    cells = {name: photographed(*place) for name, place in CELLS.items()}
    return {
        **network(),
        "ranges": shipped.results("nuclear-states")["ranges"],
        "cells": {**cells, "fragments": simulated()},
    }


def script() -> str:
    """The whole script; its last line holds the content as JSON."""
    line = f'window.CourseData["cnn-explorer"] = {json.dumps(content())};\n'
    return f"{HEAD}window.CourseData ??= {{}};\n{line}"


if __name__ == "__main__":
    save(SCRIPT, script())
