"""SuperPlots: cells in pale colours, replicates on top."""

import matplotlib as mpl
import numpy as np

from .. import arguments
from ..errors import InputError
from .style import INK, PALETTE, STYLE, figure

_COLOURS = ("blue", "orange", "green", "purple", "vermilion", "sky")
_MARKERS = ("o", "s", "^", "D", "v", "P")


def superplot(groups, *, ylabel, connect=False, title=None, alt="", seed=0):
    """Every cell as a pale dot, every replicate as a large symbol: what varies, and what n is, in one figure.

    After Lord, Velle, Mullins and Fritz-Laylin 2020, doi:10.1083/jcb.202001064. A replicate has one colour
    and one shape, the same in all conditions, so that those made together (on one day, from one animal) are
    seen as such. The horizontal line is the mean of the replicates, the error bar its 95 % t interval, from
    two replicates on.

    Parameters
    ----------
    groups : dict of str to dict of str to sequence of float
        By condition, by replicate: the values of the cells. At most six replicates get a look of their own;
        from the seventh on looks are used again.
    ylabel : str
        With its unit.
    connect : bool
        Draw lines between the symbols of one replicate, where conditions share replicates (paired designs).
    title : str, optional
    alt : str
        Alt text.
    seed : int
        Of the sideways scatter.

    Returns
    -------
    CourseFigure

    Raises
    ------
    InputError
        If there is no condition, or a replicate without cells.
    """
    if (
        not isinstance(groups, dict)
        or not groups
        or not all(isinstance(g, dict) and g for g in groups.values())
    ):
        raise InputError(
            'A SuperPlot takes {condition: {replicate: values}}, such as {"control": {"B2": [1, 2]}}.'
        )
    names = list(dict.fromkeys(name for replicates in groups.values() for name in replicates))
    looks = {name: (PALETTE[_COLOURS[i % 6]], _MARKERS[i % 6]) for i, name in enumerate(names)}
    means = {condition: _means(condition, replicates) for condition, replicates in groups.items()}
    counts = ", ".join(f"{condition}: {len(m)} replicates" for condition, m in means.items())
    made, ax = figure(height=3.6, alt=alt or f"SuperPlot of {ylabel}; {counts}.")
    rng = np.random.default_rng(seed)
    with mpl.rc_context(STYLE):
        for place, (condition, replicates) in enumerate(groups.items()):
            spread = np.linspace(-0.16, 0.16, len(replicates)) if len(replicates) > 1 else [0.0]
            for offset, (name, values) in zip(spread, replicates.items(), strict=True):
                tint, marker = looks[name]
                x = place + rng.uniform(-0.3, 0.3, len(values))
                ax.scatter(x, values, s=9, color=tint, marker=marker, alpha=0.3, linewidths=0, zorder=2)
                ax.scatter(
                    place + offset, means[condition][name], s=95, color=tint, marker=marker, edgecolors=INK,
                    linewidths=1.3, zorder=5, label=name if place == _first(groups, name) else None,
                )  # fmt: skip
            _middle(ax, place, list(means[condition].values()))
        if connect:
            _connect(ax, groups, means, looks)
        ax.set_xticks(range(len(groups)), [f"{c}\n(n = {len(means[c])})" for c in groups])
        ax.set(ylabel=ylabel, xlim=(-0.6, len(groups) - 0.4))
        ax.grid(axis="x", visible=False)
        if title:
            ax.set_title(title)
        if len(names) <= 6:
            ax.legend(title="replicate", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return made


def _first(groups, name) -> int:
    """The place of the first condition that has this replicate."""
    return next(place for place, replicates in enumerate(groups.values()) if name in replicates)


def _means(condition, replicates) -> dict:
    """The mean of each replicate's cells."""
    found = {}
    for name, values in replicates.items():
        if not np.size(values):
            raise InputError(f"Replicate {name!r} of {condition!r} has no cells: leave it out, and say so.")
        values = arguments.numbers(values, f"replicate {name!r} of {condition!r}")
        found[name] = float(values.mean())
    return found


def _middle(ax, place: int, means: list) -> None:
    """Mean of the replicates with its t interval."""
    from scipy.stats import t

    middle, n = np.mean(means), len(means)
    ax.hlines(middle, place - 0.34, place + 0.34, color=INK, linewidth=1.6, zorder=4)
    if n > 1:
        half = t.ppf(0.975, n - 1) * np.std(means, ddof=1) / np.sqrt(n)
        ax.errorbar(place + 0.38, middle, half, color=INK, capsize=4, linewidth=1.6, zorder=4)


def _connect(ax, groups, means, looks) -> None:
    """Lines from condition to condition, replicate by replicate."""
    for name, (tint, _) in looks.items():
        at = [place for place, condition in enumerate(groups) if name in groups[condition]]
        if len(at) > 1:
            order = [list(groups[condition]).index(name) for condition in groups if name in groups[condition]]
            sizes = [len(replicates) for replicates in groups.values() if name in replicates]
            shift = [
                np.linspace(-0.16, 0.16, n)[k] if n > 1 else 0.0 for k, n in zip(order, sizes, strict=True)
            ]
            values = [replicates[name] for replicates in means.values() if name in replicates]
            ax.plot(np.array(at) + shift, values, "--", color=tint, linewidth=1.3, zorder=3)
