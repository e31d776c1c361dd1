"""Plots: training curves, decision boundaries, drawings of networks."""

import itertools

import matplotlib as mpl
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .. import arguments
from ..errors import InputError
from .style import INK, LINE_STYLES, MUTED, PALETTE, STYLE, figure


def curves(series, *, x=None, xlabel="epoch", ylabel="loss", title=None, log=False, mark=None, alt=""):
    """Curves over epochs, thresholds or anything else, told apart by colour and line style.

    Parameters
    ----------
    series : dict of str to sequence of float, or a nets.History
        Name and values of each curve. Of a History the training and validation losses are shown and the
        best epoch is marked.
    x : sequence of float, optional
        Positions of the values; default 1, 2, 3, … (epochs).
    xlabel, ylabel, title : str
    log : bool
        Logarithmic y axis.
    mark : float, optional
        Position of a vertical line, for example the epoch that was kept.
    alt : str
        Alt text.

    Returns
    -------
    CourseFigure

    Raises
    ------
    InputError
        If there is no curve, a curve is empty, or its length differs from that of `x`.
    """
    if hasattr(series, "train_loss"):
        history, series = series, {"training": series.train_loss}
        if getattr(history, "validation_loss", None):
            series["validation"] = history.validation_loss
            best = getattr(history, "best_epoch", None)
            mark = best if mark is None else mark
    if not isinstance(series, dict) or not series:
        raise InputError('Curves are given as a dict of name and values, e.g. {"training": [0.9, 0.5]}.')
    lines = {name: _curve(name, values, x) for name, values in series.items()}
    alt = alt or title or f"{ylabel} over {xlabel}: " + ", ".join(lines)
    made, ax = figure(alt=alt)
    with mpl.rc_context(STYLE):
        for number, (name, (at, values)) in enumerate(lines.items()):
            marker = "o" if len(values) < 12 else None
            ax.plot(at, values, LINE_STYLES[number % 4], marker=marker, markersize=4.5, label=name)
        if mark is not None:
            ax.axvline(mark, color=MUTED, linewidth=1.2, linestyle=":")
            at = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
            ax.annotate(f"{xlabel} {mark:g}", (mark, 1), (4, -4), color=MUTED, **at)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            ax.set_yscale("log")
        if x is None:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        if title:
            ax.set_title(title)
        if len(lines) > 1:
            ax.legend(handlelength=2.6)
    return made


def _curve(name: str, values, x) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of one curve."""
    values = arguments.pixels(values, f"curve {name!r}").astype(float)
    if values.ndim != 1:
        raise InputError(f"curve {name!r} must be one row of numbers, but its shape is {values.shape}.")
    if np.isnan(values).all():
        raise InputError(f"curve {name!r} contains nothing but NaN: the training may have diverged.")
    at = np.arange(1, len(values) + 1) if x is None else arguments.pixels(x, "x").ravel()
    if len(at) != len(values):
        raise InputError(f"curve {name!r} has {len(values)} values, but x has {len(at)}.")
    return at, values


def network(layers=None, weights=None, *, names=None, title=None, alt="", most=10):
    """A multilayer perceptron drawn as circles and lines.

    Parameters
    ----------
    layers : sequence of int
        Number of units a layer, inputs first; can be left out when `weights` are given.
    weights : sequence of arrays (outputs, inputs), or a torch.nn.Module, optional
        Weights between successive layers, as ``torch.nn.Linear`` stores them. Width shows the size; blue
        solid lines are positive, orange dashed lines negative.
    names : sequence of str, optional
        Names of the layers; default "input", "hidden 1", …, "output".
    title, alt : str
    most : int
        Layers with more units than this are drawn with a gap.

    Returns
    -------
    CourseFigure

    Raises
    ------
    InputError
        If there are fewer than two layers or the weights do not fit the layers.

    Examples
    --------
    >>> figure = network([3, 4, 2])
    """
    if weights is None and hasattr(layers, "parameters"):
        layers, weights = None, layers
    if hasattr(weights, "parameters"):
        weights = [p for p in weights.parameters() if p.ndim == 2]
    if weights is not None:
        weights, layers = _matrices(weights, layers)
    try:
        layers = [int(n) for n in layers]
    except (TypeError, ValueError):
        raise InputError("layers must be a list of numbers of units, e.g. [3, 4, 2].") from None
    if len(layers) < 2 or min(layers) < 1:
        raise InputError(f"A network needs at least two layers of at least one unit, not {layers}.")
    names = _layer_names(len(layers), names)
    # Which units are drawn (None: the gap of a long layer), and where.
    units = [
        list(range(n)) if n <= most else [*range(most // 2), None, *range(n - most // 2 + 1, n)]
        for n in layers
    ]
    places = [[(i, (len(rows) - 1) / 2 - row) for row in range(len(rows))] for i, rows in enumerate(units)]
    tallest = max(map(len, units))
    size = " to ".join(str(n) for n in layers)
    alt = alt or f"Network with {len(layers)} layers of {size} units, every unit connected to all of the next"
    made, ax = figure(height=min(1.1 + 0.42 * tallest, 4.6), alt=alt)
    with mpl.rc_context(STYLE):
        _connect(ax, units, places, weights)
        for i, rows in enumerate(units):
            shown = [place for place, unit in zip(places[i], rows, strict=True) if unit is not None]
            colour = PALETTE["sky"] if i == 0 else PALETTE["green"] if i == len(layers) - 1 else "white"
            ax.scatter(*zip(*shown, strict=True), s=300, color=colour, edgecolor=INK, linewidth=1.4, zorder=2)
            if None in rows:
                ax.text(*places[i][rows.index(None)], "⋮", ha="center", va="center", fontsize=16)
            ax.text(i, -tallest / 2 - 0.1, f"{names[i]}\n{layers[i]}", ha="center", va="top")
        if weights:
            signs = {"positive weight": 1, "negative weight": -1}
            handles = [Line2D([], [], label=label, **_connection(sign)) for label, sign in signs.items()]
            made.legend(handles=handles, loc="outside lower center", ncols=2)
        ax.set(xlim=(-0.4, len(layers) - 0.6), ylim=(-tallest / 2 - 0.2, tallest / 2))
        ax.set_axis_off()
        if title:
            ax.set_title(title)
    return made


def _layer_names(count: int, given) -> list[str]:
    hidden = [f"hidden {i}" if count > 3 else "hidden" for i in range(1, count - 1)]
    names = ["input", *hidden, "output"] if given is None else list(given)
    if len(names) != count:
        raise InputError(f"There are {count} layers but {len(names)} names.")
    return names


def _matrices(weights, layers) -> tuple[list[np.ndarray], list[int]]:
    """Weights as matrices that fit each other and the layers, if these are given; and the layers."""
    weights = [arguments.pixels(w, f"weights {i}").astype(float) for i, w in enumerate(weights)]
    if not weights or any(w.ndim != 2 for w in weights):
        raise InputError("weights must be matrices (outputs, inputs), one between two successive layers.")
    shapes = [weights[0].shape[1], *(w.shape[0] for w in weights)]
    fits = all(w.shape[1] == n for w, n in zip(weights, shapes[:-1], strict=True))
    if not fits or (layers is not None and list(layers) != shapes):
        shown = ", ".join(str(w.shape) for w in weights)
        other = f"layers of {list(layers)} units" if fits else "each other"
        raise InputError(
            f"The weights have shapes {shown}, which do not fit {other}; each is (outputs, inputs)."
        )
    return weights, shapes


def _connect(ax, units, places, weights) -> None:
    """A line between any two drawn units of successive layers."""
    largest = max(np.abs(w).max() for w in weights) or 1 if weights else 1
    for i in range(len(units) - 1):
        here, there = (list(zip(units[j], places[j], strict=True)) for j in (i, i + 1))
        for (source, (xa, ya)), (target, (xb, yb)) in itertools.product(here, there):
            if source is None or target is None:
                continue
            look = {"color": "#9aa0a6", "linewidth": 1.0}
            if weights:
                look = _connection(weights[i][target, source] / largest)
            ax.plot([xa, xb], [ya, yb], zorder=1, **look)


def _connection(weight: float) -> dict:
    """Look of a connection whose weight is given relative to the largest."""
    positive = weight >= 0
    return {
        "color": PALETTE["blue"] if positive else PALETTE["orange"],
        "linestyle": "-" if positive else (0, (3, 1.2)),
        "linewidth": 0.3 + 3.2 * abs(weight),
    }
