"""Things to drag, turn and click in a notebook.

`perceptron`, `stardist` and their siblings are the explorables of the book (one script each in ``js/``),
shown as widgets. `insight`, `curtain` and `annotate` are thin compositions with stackview for images of
your own. What a widget shows is not kept in the saved notebook: pair it with a figure of `show`.
"""

from .explorables import (
    activation,
    backprop,
    blocks,
    convolution,
    explorable,
    overfitting,
    perceptron,
    pixels,
    shapley,
    stardist,
    tags,
)
from .turning import annotate, curtain, insight

__all__ = [
    "activation",
    "annotate",
    "backprop",
    "blocks",
    "convolution",
    "curtain",
    "explorable",
    "insight",
    "overfitting",
    "perceptron",
    "pixels",
    "shapley",
    "stardist",
    "tags",
]
