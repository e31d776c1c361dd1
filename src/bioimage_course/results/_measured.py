"""What all readers of results do: refuse what was not measured, and look counts up."""

import numpy as np

from bioimage_course.errors import InputError


def known(value, among) -> None:
    """Refuse a value that is not among those that were measured."""
    if value not in among:
        raise InputError(f"There are {', '.join(map(str, among))}, but no {value!r}.")


def counts(rows, thresholds, iou) -> np.ndarray:
    """TP, FP and FN at an IoU, a row an image; `rows` hold a list for each, one value a threshold."""
    known(iou, thresholds)
    at = thresholds.index(iou)
    return np.array([[row[key][at] for key in ("tp", "fp", "fn")] for row in rows])
