"""The look of all figures and tables: palette, figure class, Markdown tables."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .. import arguments
from ..errors import InputError

# Okabe M. and Ito K. (2008), Color Universal Design, https://jfly.uni-koeln.de/color/
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
}
INK, MUTED, PAPER = "#222222", "#5f6368", "#ffffff"
LINE_STYLES = ["-", "--", "-.", ":"]

WIDTH = 7.0  # inches; 700 CSS pixels on a page
SCREEN_DPI = 100  # CSS pixels per inch: 10 pt text is 14 pixels high
FILE_DPI = 150  # pixels per inch in the file: sharp on high-density screens, still small

# Lines in dark colours first: yellow and sky blue are too pale for thin lines on white.
_LINE_COLOURS = ["blue", "vermilion", "green", "purple", "orange", "sky", "black"]
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.prop_cycle": mpl.cycler(color=[PALETTE[name] for name in _LINE_COLOURS]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11.5,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look the same everywhere
    "font.size": 10,
    "grid.color": "#e3e5e8",
    "grid.linewidth": 0.8,
    "image.cmap": "gray",
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


class CourseFigure(Figure):
    """A matplotlib figure that carries its alt text and that a notebook shows exactly once.

    Parameters
    ----------
    alt : str
        What is to be seen, for readers who cannot see it. Stored in the metadata of the output, where
        IPython's own `Image` puts it and nbconvert's classic template reads it (JupyterLab 4 does not), and
        as the plain-text form of the output. The book takes its alt text from the cell's `#| fig-alt:`.
    """

    def __init__(self, *args, alt: str = "", **kwargs):
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)
        self.alt = alt

    def png(self) -> bytes:
        """The figure as PNG; the same input gives the same bytes (no date, no version)."""
        buffer = io.BytesIO()
        # Constrained layout starts from where the axes are, so a second drawing would differ by a pixel
        # from the first: put the axes back afterwards.
        places = [(axes, axes.get_position(original=True), axes.get_position()) for axes in self.axes]
        with mpl.rc_context(STYLE):
            self.savefig(buffer, format="png", dpi=FILE_DPI, facecolor=PAPER, metadata={"Software": None})
        for axes, original, active in places:
            axes.set_position(original, "original")
            axes.set_position(active, "active")
            axes.set_in_layout(True)  # which set_position switches off
        return buffer.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):  # noqa: ARG002 Jupyter names them
        png = base64.b64encode(self.png()).decode("ascii")
        data = {"image/png": png, "text/plain": self.alt or repr(self)}
        width = round(self.get_size_inches()[0] * SCREEN_DPI)
        return data, {"image/png": {"alt": self.alt, "width": width}}


def figure(rows: int = 1, columns: int = 1, *, height: float | None = None, alt: str = "", **kwargs):
    """An empty figure in the course's style, for plots of your own.

    Parameters
    ----------
    rows, columns : int
        Grid of axes.
    height : float, optional
        Height in inches; the width is always 7 inches. Default: 3.2 inches a row.
    alt : str
        Alt text (see `CourseFigure`); it can also be set later: ``figure.alt = "…"``.
    **kwargs
        Handed to `matplotlib.figure.Figure.subplots` (``sharex``, ``width_ratios`` …).

    Returns
    -------
    figure, axes : CourseFigure, matplotlib Axes or array of Axes
        Make `figure` the last line of a notebook cell to show it.

    Raises
    ------
    InputError
        If `rows` or `columns` is not a positive whole number.
    """
    rows, columns = arguments.whole(rows, "rows"), arguments.whole(columns, "columns")
    with mpl.rc_context(STYLE):
        # 3.2 inches for one row; a little less each for several, so that a grid fits on a screen.
        height = height or (3.2 if rows == 1 else 2.6 * rows)
        made = CourseFigure(figsize=(WIDTH, height), dpi=SCREEN_DPI, layout="constrained", alt=alt)
        return made, made.subplots(rows, columns, **kwargs)


class Markdown:
    """Text that a notebook shows as Markdown; a printed figure of it is the Markdown itself."""

    def __init__(self, text: str):
        self.text = text

    def __str__(self):
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):  # noqa: ARG002 Jupyter names them
        return {"text/markdown": self.text, "text/plain": self.text}


_NUMBER = re.compile(r"[+−-]?[\d,]+(\.\d+)?(e[+-]?\d+)?( ?%)?|–")


def _cell(value, digits: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, Real) and not isinstance(value, Integral):
        return "–" if value != value else f"{value:.{digits}f}"  # NaN: nothing to show
    return str(value).replace("|", r"\|").replace("\n", " ")


def table(rows, columns: Sequence[str] | None = None, *, digits: int = 3) -> Markdown:
    """A table as Markdown (never HTML, so that every renderer shows it in its own style).

    Parameters
    ----------
    rows : sequence of sequences or of dicts
        One entry a row. Numbers that are not whole are rounded to `digits` decimals; None and NaN become a
        dash. A column of nothing but numbers, rounded before or not, is set flush right.
    columns : sequence of str, optional
        Headings. Needed unless the rows are dicts, whose keys are used.
    digits : int
        Decimals.

    Raises
    ------
    InputError
        If there are no rows, no headings, or a row of another length than the headings.

    Examples
    --------
    >>> print(table([["ours", 0.81234], ["published", 0.835]], ["model", "AP@0.5"]))
    | model | AP@0.5 |
    |:---|---:|
    | ours | 0.812 |
    | published | 0.835 |
    """
    rows = list(rows)
    if not rows:
        raise InputError("A table needs at least one row.")
    if columns is None:
        if not isinstance(rows[0], Mapping):
            raise InputError("A table of plain rows needs its headings: table(rows, columns=[…]).")
        columns = list(rows[0])
    columns = list(columns)
    cells = []
    for number, row in enumerate(rows, start=1):
        values = [row.get(name) for name in columns] if isinstance(row, Mapping) else list(row)
        if len(values) != len(columns):
            raise InputError(
                f"Row {number} of the table has {len(values)} values, but there are {len(columns)} headings."
            )
        cells.append(values)
    cells = [[_cell(value, digits) for value in row] for row in cells]
    numeric = [all(_NUMBER.fullmatch(row[j]) for row in cells) for j in range(len(columns))]
    lines = [
        "| " + " | ".join(_cell(name, digits) for name in columns) + " |",
        "|" + "|".join("---:" if right else ":---" for right in numeric) + "|",
        *("| " + " | ".join(row) + " |" for row in cells),
    ]
    return Markdown("\n".join(lines))
