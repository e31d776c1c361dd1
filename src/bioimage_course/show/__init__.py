"""Figures in one style.

Every function returns a matplotlib ``Figure`` that a notebook shows once (it is not registered in
``pyplot``), drawn for a page 700 pixels wide, on white, in colours that colour-blind readers can tell
apart (`PALETTE`). Every function takes ``alt``, the text that describes the figure to readers who cannot
see it. The same input gives the same bytes. Display contrast is never written into the data.
"""

from .claims import claims
from .pictures import heat, image, images, label_colours, labels, matches
from .plots import curves, network
from .style import PALETTE, CourseFigure, Markdown, figure, table

__all__ = [
    "PALETTE",
    "CourseFigure",
    "Markdown",
    "claims",
    "curves",
    "figure",
    "heat",
    "image",
    "images",
    "label_colours",
    "labels",
    "matches",
    "network",
    "table",
]
