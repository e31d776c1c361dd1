"""Pictures of cases: what the user sends, beside the same after the repair."""

import numpy as np

from bioimage_course import arguments, show
from bioimage_course.clinic.patients import Case, case, cases

LOOKS = {
    "stripes-in-the-stack": ("stack[len(stack) // 2]", None),
    "blue-tissue": ("image", None),
    "black-hearts": ("image", None),
    "one-large-cell": (None, "labels"),
    "black-when-saved": ("file", None, (0, 255)),
    "two-cells-one-name": (None, "labels[:150, :150]"),
    "snow": ("image", None),
    "pale-export": ("grey", None, (0, 255)),
    "too-small-an-effect": ("treated", None),
    "chessboard": ("np.clip(image, 0, np.percentile(image, 60))", None),
    "rings-around-objects": (None, "labels[20:100, 20:100]"),
    "outlines-beside-cells": ("image[90:190, 60:160]", "labels[90:190, 60:160]"),
    "pancakes": ("np.repeat(labels.max(axis=1) > 0, round(used[0] / used[2]), axis=0)", None),
    "crumbs": ("image", "found"),
    "no-masks-at-all": ("image", "found"),
    "only-the-bright-ones": ("image", "found"),
    "outlines-of-gaps": ("image", "found"),
    "nuclei-in-an-empty-well": ("image", "found"),
    "plugin-works-script-does-not": ("given_to_network", "found"),
    "patchwork": ("blocks[1]", "found[1]"),
    "other-outlines-in-blocks": ("np.abs(in_block - in_one_piece)[0].max(axis=0)", None, (0, 0.3)),
    "frozen-and-still-worse": ("image", "(answer > 0.5).astype(int)"),
    "straight-edges": ("image[:192, :192]", "labels[:192, :192]"),
    "staircase": ("given_to_network", "found"),
    "colours-to-grey": ("grey", "found"),
    "half-of-the-paper": (None, "found"),
    "perfect-masks-wrong-counts": (None, "found"),
    "more-than-i-see": (None, "labels"),
    "black-masks": ("image", None),
}
"""What to look at: an expression for the image, one for the objects over it, and perhaps limits."""


def sheet(group, alt="", columns=2):
    """The cases of a group, sick beside repaired: pictures where there is something to see, else the number.

    Parameters
    ----------
    group : str
        One of `GROUPS`.
    alt : str
        Alt text of the figure.
    columns : int
        Cases in a row.

    Returns
    -------
    CourseFigure
    """
    patients = cases(group)
    columns = arguments.whole(columns, "columns")
    rows = -(-len(patients) // columns)
    made, axes = show.figure(rows, 2 * columns, height=2.0 * rows, alt=alt, squeeze=False)
    pairs = axes.reshape(-1, 2)
    for pair, patient in zip(pairs, patients, strict=False):
        _pair(pair, patient)
    for pair in pairs[len(patients) :]:
        for ax in pair:
            ax.set_axis_off()
    return made


def picture(name, alt=""):
    """One case, sick beside repaired.

    Parameters
    ----------
    name : str
    alt : str

    Returns
    -------
    CourseFigure
    """
    made, axes = show.figure(1, 2, alt=alt)
    _pair(axes, case(name))
    return made


def table(group=None):
    """The number of every case before and after the repair, as a table.

    Parameters
    ----------
    group : str, optional

    Returns
    -------
    show.Markdown
    """
    rows = [(item.name, item.outcome, item.before, item.after) for item in cases(group)]
    return show.table(rows, columns=["case", "counted", "before", "after"], digits=2)


def _pair(axes, patient: Case):
    for ax, sick in zip(axes, (True, False), strict=True):
        if patient.name in LOOKS:
            draw(ax, patient, sick)
        else:
            _bar(ax, patient, sick)
    axes[0].set_title(patient.name.replace("-", " "), fontsize=8, loc="left")
    axes[1].set_title("repaired", fontsize=8, loc="left")


def draw(ax, patient, sick):
    """Draw what there is to see of a case that stands in `LOOKS`.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    patient : Case
    sick : bool
    """
    from matplotlib.colors import ListedColormap

    given = patient.given(sick=sick)
    lines, limits = LOOKS[patient.name][:2], LOOKS[patient.name][2:]
    image, objects = (None if line is None else patient.evaluate(line, given) for line in lines)
    if image is not None:
        array = np.asarray(image)
        colour = (
            {}
            if array.ndim == 3
            else dict(zip(("vmin", "vmax"), limits[0] if limits else _limits(array), strict=True))
        )
        ax.imshow(array, cmap="gray", interpolation="nearest", **colour)
    if objects is not None:
        objects = np.asarray(objects)
        colours = np.random.default_rng(1).uniform(0.3, 1, (int(objects.max()) + 1, 3))
        tint = np.ma.masked_equal(objects, 0)
        ax.imshow(tint, cmap=ListedColormap(colours), vmin=0, alpha=1 if image is None else 0.45,
                  vmax=int(objects.max()), interpolation="nearest")  # fmt: skip
        if image is None:
            ax.set_facecolor("black")
    ax.set_xticks([])
    ax.set_yticks([])


def _limits(array):
    low, high = np.percentile(array.astype(float), (1, 99.8))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1)


def _bar(ax, patient, sick):
    """The number itself, where there is no image to look at."""
    value = patient.before if sick else patient.after
    ax.bar([0], [value], width=0.5, color=show.PALETTE["vermilion" if sick else "green"])
    ax.set_ylim(0, 1.15 * max(patient.before, patient.after, patient.truth or 0, 1e-9))
    ax.set_xlim(-1, 1)
    ax.set_xticks([])
    ax.tick_params(labelsize=7)
    if patient.truth is not None:
        ax.axhline(patient.truth, color="0.4", linewidth=0.8, linestyle="--")
