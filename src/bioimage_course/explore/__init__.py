"""Things to drag, turn and click in a notebook.

`perceptron`, `stardist` and their siblings are the explorables of the book, shown as widgets: one script each
in ``js/``, whose first comment names the function. `insight`, `curtain` and `annotate` are thin compositions
with stackview for images of your own. What a widget shows is not kept in the saved notebook: pair it with a
figure of `show`.
"""

from . import explorables as _explorables
from . import tasks
from .explorables import explorable, tags
from .own_images import annotate, curtain, insight

_FUNCTIONS = {header.name: _explorables.function(header) for header in _explorables.headers().values()}
globals().update(_FUNCTIONS)

__all__ = ["annotate", "curtain", "explorable", "insight", "tags", "tasks", *_FUNCTIONS]
