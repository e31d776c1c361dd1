"""How many outlined images another kind of cell needs (``training/spread_cells.py``).

``weights/spread-cells/results.json`` holds runs of one network, as shipped, tuned, fine-tuned and from
scratch on 1, 2, 5 or 10 images, each with the counts of 8 test images, of two images of another cell line,
and of the 50 nuclei images that the network knew before. Runs may be missing: the table says so, and whatever
is computed says how many seeds it rests on. ``crops.npz`` beside it holds what the page shows (Usiigaci, MIT
licence).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bioimage_course import shipped
from bioimage_course.errors import InputError
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap

FOLDER = shipped.WEIGHTS / "spread-cells"
METHODS = {
    "shipped": "as shipped",
    "tuned": "tuned settings",
    "fine-tuned": "fine-tuned",
    "scratch": "from scratch",
    "scratch-longer": "from scratch, three times as long",
}
PARTS = {
    "test": "test images",
    "odd": "another cell line",
    "nuclei": "fluorescence nuclei",
}
NUMBERS = (1, 2, 5, 10)
SEEDS = (0, 1, 2)
PLAN = (
    ("shipped", 0),
    ("tuned", 2),
    *(("fine-tuned", n) for n in NUMBERS),
    *(("scratch", n) for n in NUMBERS),
    ("scratch-longer", 10),
)
"""What was to be run: method and number of images. All but *as shipped* with three seeds."""

PAIRS = (
    (("tuned", 2), ("shipped", 0)),
    (("fine-tuned", 2), ("tuned", 2)),
    *((("fine-tuned", n), ("scratch", n)) for n in NUMBERS),
    (("fine-tuned", 10), ("scratch-longer", 10)),
    *((("fine-tuned", more), ("fine-tuned", less)) for less, more in pairwise(NUMBERS)),
)
"""What is compared on the same test images: the first minus the second."""


def results():
    """What ``training/spread_cells.py`` has measured so far.

    Returns
    -------
    dict
        The content of ``weights/spread-cells/results.json``.
    """
    return shipped.results("spread-cells")


def crops():
    """Crops of an image to learn from, and of one that shows the other cell line.

    Returns
    -------
    dict of str to array
        ``learn_image`` and ``odd_image`` (8 bits), and ``learn_truth`` and ``odd_truth``, the cells as they
        were outlined by hand. For a crop of a test image see ``data.load("spread-cells")``.

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged.
    """
    return shipped.arrays(FOLDER, "crops.npz")


def seeds(method, n):
    """The seeds with which a method has been run on n images.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    n : int
        Number of outlined images.

    Returns
    -------
    list of int

    Raises
    ------
    InputError
        If this was never to be run.

    Examples
    --------
    >>> seeds("shipped", 0)
    [0]
    """
    if (method, n) not in PLAN:
        known = "; ".join(f"{name} with {number}" for name, number in PLAN)
        raise InputError(f"There is no run {method!r} with {n!r} images; there are {known}.")
    runs = results()["runs"]
    return [seed for seed in SEEDS if f"{method}/{n}/{seed}" in runs]


def run(method, n, seed):
    """Everything that was recorded of one run.

    Parameters
    ----------
    method, n
        As in `seeds`.
    seed : int

    Returns
    -------
    dict
        Images, number of cells, settings, CPU minutes, and counts.

    Raises
    ------
    InputError
        If it has not been run.
    """
    done = seeds(method, n)
    if seed not in done:
        raise InputError(f"{METHODS[method]} with {n} images has been run with seeds {done}, not {seed!r}.")
    return results()["runs"][f"{method}/{n}/{seed}"]


def counts(method, n, seed=0, part="test", iou=0.5):
    """TP, FP and FN of one run.

    Parameters
    ----------
    method, n, seed
        As in `run`.
    part : {"test", "odd", "nuclei"}
        Which images.
    iou : float
        0.5, 0.75 or 0.9.

    Returns
    -------
    array of int (images, 3)

    Raises
    ------
    InputError
        If there is no such run, part or threshold.
    """
    known(part, PARTS)
    return _measured.counts(run(method, n, seed)[part], results()["iou_thresholds"], iou)


def ap(method, n, seed=0, part="test", iou=0.5):
    """AP of one run, pooled over all cells.

    Parameters
    ----------
    method, n, seed, part, iou
        As in `counts`.

    Returns
    -------
    float

    Examples
    --------
    >>> ap("shipped", 0)
    0.0
    """
    return pooled_ap(counts(method, n, seed, part, iou))


def curve(method, part="test", iou=0.5):
    """AP against the number of outlined images, every seed.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    part, iou
        As in `counts`.

    Returns
    -------
    dict of int to list of float
        For each number of images that has been run: AP of each seed.
    """
    done = {n: seeds(method, n) for name, n in PLAN if name == method}
    return {n: [ap(method, n, seed, part, iou) for seed in of] for n, of in done.items() if of}


def difference(first, second, part="test", iou=0.5):
    """AP of one run minus that of another on the same images, with the interval over images.

    Parameters
    ----------
    first, second : (method, n, seed)
        As in `run`.
    part, iou
        As in `counts`.

    Returns
    -------
    metrics.PairedDifference
        AP pooled over cells; the interval (95 %, bootstrap) and `.better` count images.
    """
    from bioimage_course.metrics import paired_difference

    return paired_difference(*(counts(*of, part, iou) for of in (first, second)), pooled_ap)


def differences(first, second, part="test", iou=0.5):
    """`difference`, seed by seed.

    Parameters
    ----------
    first, second : (method, n)
        As in `seeds`. *As shipped* has no seed and is compared with every seed of the other.
    part, iou
        As in `counts`.

    Returns
    -------
    dict of int to metrics.PairedDifference
        For each seed with which both have been run.
    """
    alone = ("shipped", 0)
    first_seeds, second_seeds = (SEEDS if of == alone else seeds(*of) for of in (first, second))
    both = [seed for seed in first_seeds if seed in second_seeds]
    return {seed: difference(*(_with(of, seed, alone) for of in (first, second)), part, iou) for seed in both}


def _with(of, seed, alone):
    """A run: method, number of images and seed; *as shipped* has only one."""
    return (*of, 0 if of == alone else seed)


def minutes_to_outline(cells, seconds):
    """Minutes to outline so many cells by hand.

    Parameters
    ----------
    cells : float
    seconds : float
        For one cell: an assumption of yours.

    Returns
    -------
    float

    Examples
    --------
    >>> minutes_to_outline(60, 30)
    30.0
    """
    return cells * seconds / 60


def table(seconds=30):
    """All that was to be run, for ``show.table``.

    Parameters
    ----------
    seconds : float
        Assumed for outlining one cell by hand.

    Returns
    -------
    list of dict
        One row for a method and a number of images: cells outlined and the minutes that takes, AP on the test
        images (mean of the seeds, lowest and highest), on the other cell line and on the nuclei, CPU minutes.
        What has not been run says so.

    Examples
    --------
    >>> table()[0]["network"]
    'as shipped'
    """
    return [_row(method, n, seconds) for method, n in PLAN]


def _row(method, n, seconds):
    """One row of `table`."""
    done = seeds(method, n)
    of = {part: [ap(method, n, seed, part) for seed in done] for part in PARTS}
    runs = [run(method, n, seed) for seed in done]
    cells = [about["cells"] for about in runs]
    return {
        "network": METHODS[method],
        "images": str(n),
        "seeds": str(len(done)) if method != "shipped" else "–",
        "minutes outlining": _range([minutes_to_outline(number, seconds) for number in cells], "{:.0f}"),
        "AP@0.5": _mean_and_range(of["test"]),
        "AP@0.75": _mean_and_range([ap(method, n, seed, "test", 0.75) for seed in done]),
        "other cell line, AP@0.5": _mean_and_range(of["odd"]),
        "nuclei, AP@0.5": _mean_and_range(of["nuclei"]),
        "CPU minutes": _range([about["cpu_minutes"] for about in runs], "{:.1f}"),
    }


def _range(values, form):
    """``20–25``, or one number; or that nothing has been run."""
    if not values:
        return "not run"
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low}–{high}"


def _mean_and_range(values):
    """``0.50 (0.45–0.55)``, or one number; or that nothing has been run."""
    mean = f"{np.mean(values):.2f}" if values else "not run"
    return mean if len(values) < 2 else f"{mean} ({_range(values, '{:.2f}')})"


def comparisons(iou=0.5):
    """What is ranked, each on the same images: one row a pair, one column a seed, for ``show.table``.

    Parameters
    ----------
    iou : float
        0.5, 0.75 or 0.9.

    Returns
    -------
    list of dict
        First minus second on the 8 test images, with the 95 % interval over them; what lacks a run says so.

    Examples
    --------
    >>> comparisons()[0]["first − second"]
    'tuned settings − as shipped'
    """
    rows = []
    for first, second in PAIRS:
        paired = differences(first, second, iou=iou)
        row = {"first − second": f"{_title(first)} − {_title(second)}"}
        row |= {f"seed {seed}": f"{paired[seed]:.2f}" if seed in paired else "not run" for seed in SEEDS}
        rows.append({name: value.partition(", better")[0] for name, value in row.items()})
    return rows


def _title(of):
    """``fine-tuned, 5 images``."""
    method, n = of
    return METHODS[method] + (f", {n} image{'s' * (n > 1)}" if method in ("fine-tuned", "scratch") else "")
