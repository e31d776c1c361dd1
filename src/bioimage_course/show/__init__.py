"""Figures in one style.

Every function returns a matplotlib ``Figure`` that a notebook shows once (it is not registered in
``pyplot``), drawn for a page 700 pixels wide, on white, in colours that colour-blind readers can tell
apart (`PALETTE`). Every function takes ``alt``, the text that describes the figure to readers who cannot
see it. The same input gives the same bytes. Display contrast is never written into the data.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claim_table": ["claims"],
        "pictures": ["heat", "image", "images", "label_colours", "labels", "matches"],
        "plots": ["curves", "network"],
        "superplots": ["superplot"],
        "style": ["PALETTE", "CourseFigure", "Markdown", "figure", "table"],
    },
)
