"""The race of all segmentation tools on three kinds of images, as measured by ``training/race.py``.

``weights/race/results.json`` holds, for each tool and kind, the counts of each image, seconds and peak
memory, and the assumptions about what people have to do. Everything shown is computed from it.
"""

import numpy as np

from bioimage_course import shipped
from bioimage_course.results import dsb2018

KINDS = ("easy", "crowded", "tissue")


def results():
    """What ``training/race.py`` measured and assumed.

    Returns
    -------
    dict
        The content of ``weights/race/results.json``.
    """
    return shipped.results("race")


def counts(entrant, kind, found=None):
    """Counts of one entrant on one kind of images, with `.pooled`, `.mean` and `.interval()`.

    Parameters
    ----------
    entrant, kind : str
        A key of ``results()["entrants"]`` and one of `KINDS` in which it ran.
    found : dict, optional
        The results; default: `results()`.

    Returns
    -------
    metrics.DatasetScores
    """
    found = results() if found is None else found
    told = found["entrants"][entrant]["kinds"][kind]
    return dsb2018.from_record({"iou_thresholds": found["iou_thresholds"], "images": told["images"]})


def rows(found=None):
    """One row for each tool and kind: accuracy, its interval, time, memory, and assumed human minutes.

    Parameters
    ----------
    found : dict, optional
        The results; default: `results()`.

    Returns
    -------
    list of dict
        ``entrant``, ``title``, ``category``, ``kind``; ``ap`` at an IoU of 0.5, pooled over nuclei, with
        ``low`` and ``high`` of its 95 % bootstrap interval over images; ``count_ratio``, objects found for
        each true one; median ``seconds`` of CPU time an image, peak ``memory`` in MB; ``minutes`` that a
        person needs before the results can be trusted, and ``drawn_before``, minutes that others have spent
        on outlining the training set (both assumed); ``seen``, whether images of the same collection were
        in the training set.
    """
    found = results() if found is None else found
    assumed = found["assumed"]
    outlined = assumed["outlined_nuclei"]
    drawing = {name: number * assumed["seconds_per_nucleus"] / 60 for name, number in outlined.items()}
    table = []
    for name, about in found["entrants"].items():
        own = about.get("drawn") == "tissue"  # drawn for this very task, by whoever wants the result
        for kind, told in about["kinds"].items():
            ours = counts(name, kind, found)
            low, high = ours.interval()
            tp, fp, fn = (int(n[:, 0].sum()) for n in (ours.tp, ours.fp, ours.fn))
            table.append(
                {
                    "entrant": name,
                    "title": about["title"],
                    "category": about["category"],
                    "kind": kind,
                    "ap": float(ours.pooled[0]),
                    "low": float(low[0]),
                    "high": float(high[0]),
                    "count_ratio": (tp + fp) / (tp + fn),
                    "seconds": float(np.median([image["cpu"] for image in told["images"]])),
                    "memory": about["peak_memory_mb"],
                    "minutes": sum(assumed["minutes"][step]["minutes"] for step in about["person"])
                    + (drawing["tissue"] if own else 0),
                    "drawn_before": 0.0 if own else drawing.get(about.get("drawn"), 0.0),
                    "seen": kind in about.get("seen", ()),
                }
            )
    return table


def minutes_by_hand(kind, images=100, found=None):
    """Minutes to outline every nucleus of so many images by hand, at the assumed time for a nucleus.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    images : int
    found : dict, optional
        The results; default: `results()`.

    Returns
    -------
    float
    """
    found = results() if found is None else found
    a_field = np.mean([image["nuclei"] for image in found["kinds"][kind]["images"]])
    return float(images * a_field * found["assumed"]["seconds_per_nucleus"] / 60)
