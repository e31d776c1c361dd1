"""Things to drag, turn and click in a notebook.

`perceptron`, `stardist` and their siblings are the explorables of the book (one script each in ``js/``),
shown as widgets. `insight`, `curtain` and `annotate` are thin compositions with stackview for images of
your own. What a widget shows is not kept in the saved notebook: pair it with a figure of `show`.
"""

from .explorables import (
    activation,
    backprop,
    blocks,
    cellpose,
    convolution,
    decision,
    denoising,
    explorable,
    grad_cam,
    overfitting,
    perceptron,
    pixels,
    sam,
    scores,
    shapley,
    stardist,
    tags,
    threshold,
    unet,
)
from .turning import annotate, curtain, insight

__all__ = [
    "activation",
    "annotate",
    "backprop",
    "blocks",
    "cellpose",
    "convolution",
    "curtain",
    "decision",
    "denoising",
    "explorable",
    "grad_cam",
    "insight",
    "overfitting",
    "perceptron",
    "pixels",
    "scores",
    "sam",
    "shapley",
    "stardist",
    "tags",
    "threshold",
    "unet",
]
