"""Three ways to segment a stack (``training/volumes.py``): planes stitched, views added, a 3D network.

``weights/volumes/results.json`` holds counts, seconds and memory on 8 synthetic volumes whose truth is known
exactly, and the validation scores during training; ``labels.npz`` what the 3D network made of the first test
volume. Runs may be missing: tables say so. Synthetic: this ranks nothing about real tools on real tissue.
"""

from __future__ import annotations

from bioimage_course import shipped
from bioimage_course.errors import InputError
from bioimage_course.results import _measured
from bioimage_course.results._measured import known
from bioimage_course.results.dsb2018 import pooled_ap

FOLDER = shipped.WEIGHTS / "volumes"
SEEDS = (0, 1)
ROWS = (
    ("classical", ("none",), "Voronoi-Otsu in 3D, blurs in µm", "–"),
    ("stitched", ("shipped",), "planes stitched", "as shipped"),
    ("views", ("shipped",), "views added", "as shipped"),
    ("network", SEEDS, "3D network", "trained on such volumes"),
)
"""Way, whose weights, and both in words."""

PAIRS = (
    (("views", "shipped"), ("stitched", "shipped")),
    (("views", "shipped"), ("classical", "none")),
    *((("network", seed), ("views", "shipped")) for seed in SEEDS),
    *((("network", seed), ("classical", "none")) for seed in SEEDS),
)
"""What was to be compared on the same test volumes: the first minus the second."""


def results():
    """What ``training/volumes.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/volumes/results.json``.
    """
    return shipped.results("volumes")


def labels():
    """What the 3D network (seed 0) made of the first test volume; the volume itself is computed anew.

    Returns
    -------
    array of uint8 (24, 96, 96)

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged.
    """
    return shipped.arrays(FOLDER, "labels.npz")["network"]


def volume(part="test", index=0):
    """One of the synthetic volumes, computed anew.

    Parameters
    ----------
    part : {"learn", "choose", "test"}
        To learn from, to choose settings on, or to test.
    index : int
        Which one, from 0.

    Returns
    -------
    data.Sample
        Image and labels (24, 96, 96), axes ZYX; planes are four times as far apart as pixels.

    Raises
    ------
    InputError
        If there is no such volume.
    """
    from bioimage_course import data

    seeds = results()["seeds_of"]
    if part not in seeds or index not in range(len(seeds[part])):
        known = ", ".join(f"{len(of)} of {name!r}" for name, of in seeds.items())
        raise InputError(f"There are {known}, but no volume {index!r} of {part!r}.")
    return data.synthetic.stack(seed=seeds[part][index], **_scene())


def _scene():
    """Arguments of the generator."""
    return results()["scene"]


def run(way, network):
    """Everything that was recorded of one way.

    Parameters
    ----------
    way : {"classical", "stitched", "views", "network"}
    network : {"none", "shipped", 0, 1}
        Whose weights: none, the course's flow network as shipped, or a training's seed.

    Returns
    -------
    dict
        Settings, counts of each test volume, processor seconds of one, and MB.

    Raises
    ------
    InputError
        If it was not run.
    """
    runs = results()["runs"]
    known(f"{way}/{network}", runs)
    return runs[f"{way}/{network}"]


def counts(way, network, iou=0.5):
    """TP, FP and FN of the test volumes.

    Parameters
    ----------
    way, network
        As in `run`.
    iou : float
        0.5 or 0.75.

    Returns
    -------
    array of int (volumes, 3)

    Raises
    ------
    InputError
        If there is no such run or threshold.
    """
    return _measured.counts(run(way, network)["test"], results()["iou_thresholds"], iou)


def ap(way, network, iou=0.5):
    """AP in 3D, pooled over the nuclei of all test volumes.

    Parameters
    ----------
    way, network, iou
        As in `counts`.

    Returns
    -------
    float
    """
    return pooled_ap(counts(way, network, iou))


def total(way, network, what):
    """How many nuclei of all test volumes suffered, or were met.

    Parameters
    ----------
    way, network
        As in `run`.
    what : {"merged", "split", "on_top", "on_top_found"}
        True nuclei that share an object with another one; that are split; that lie on top of or under
        another one; and how many of these were found at an IoU of 0.5.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If there is no such run or count.
    """
    rows = run(way, network)["test"]
    known(what, [name for name, value in rows[0].items() if isinstance(value, int)])
    return sum(row[what] for row in rows)


def difference(first, second, iou=0.5):
    """AP of one way minus that of another on the same volumes, with the interval over volumes.

    Parameters
    ----------
    first, second : (way, network)
        As in `run`.
    iou : float
        0.5 or 0.75.

    Returns
    -------
    metrics.PairedDifference
    """
    from bioimage_course.metrics import paired_difference

    return paired_difference(*(counts(way, network, iou) for way, network in (first, second)), pooled_ap)


def table():
    """All ways, for ``show.table``; both seeds of what was trained, separated by a stroke.

    Returns
    -------
    list of dict
    """
    return [_row(*row) for row in ROWS]


def pairs():
    """What is compared on the same test volumes, and has been run: the first minus the second.

    Returns
    -------
    list of ((way, network), (way, network))
    """
    runs = results()["runs"]
    return [pair for pair in PAIRS if all(f"{way}/{network}" in runs for way, network in pair)]


def _row(way, networks, title, weights):
    """One row of `table`."""

    done = [network for network in networks if f"{way}/{network}" in results()["runs"]]

    def both(value, form):
        return " / ".join(form.format(value(network)) for network in done) or "not run"

    on_top = total("classical", "none", "on_top")
    return {
        "way": title,
        "network": weights,
        "AP@0.5": both(lambda n: ap(way, n), "{:.2f}"),
        "AP@0.75": both(lambda n: ap(way, n, 0.75), "{:.2f}"),
        f"found, of {on_top} on top of each other": both(lambda n: total(way, n, "on_top_found"), "{}"),
        "merged": both(lambda n: total(way, n, "merged"), "{}"),
        "split": both(lambda n: total(way, n, "split"), "{}"),
        "CPU seconds": both(lambda n: run(way, n)["seconds"], "{:.1f}"),
        "MB": both(lambda n: run(way, n)["mb"], "{}"),
    }


def comparisons():
    """What is ranked, each on the same volumes, for ``show.table``.

    Returns
    -------
    list of dict
        First minus second with the 95 % interval over the volumes, at IoU 0.5 and 0.75.
    """
    rows = []
    for first, second in pairs():
        row = {"first − second": f"{_title(first)} − {_title(second)}"}
        for iou in results()["iou_thresholds"]:
            row[f"AP@{iou:g}"] = f"{difference(first, second, iou):.2f}".partition(", better")[0]
        rows.append(row)
    return rows


def _title(of):
    """``views added (seed 0)``."""
    way, network = of
    (title,) = {title for known, _, title, _ in ROWS if known == way}
    title = title.partition(",")[0]
    return (
        title
        if network == "none"
        else f"{title} ({'as shipped' if network == 'shipped' else f'seed {network}'})"
    )
