"""Materials of chapter 15."""

import numpy as np

SIDE = 100


def blob(row, column, pixels):
    """The round object of so many pixels around a place, in an image of 100×100.

    Parameters
    ----------
    row, column : float
        Its middle.
    pixels : int
        Its area; the pixels nearest to the middle are taken, so the number is exact.

    Returns
    -------
    ndarray of bool, shape (100, 100)
    """
    rows, columns = np.mgrid[:SIDE, :SIDE]
    order = np.argsort(np.hypot(rows - row, columns - column), axis=None, kind="stable")
    mask = np.zeros(SIDE * SIDE, bool)
    mask[order[:pixels]] = True
    return mask.reshape(SIDE, SIDE)


def lecture_truth():
    """The truth of the lecture's two cases: an object of 455 pixels in an image of 10,000."""
    return blob(50, 35, 455)


def lecture_cases():
    """Two predictions with the lecture's scores, and one that marks nothing.

    Returns
    -------
    dict of str to ndarray of bool, shape (100, 100)
    """
    return {
        "poor": blob(50, 55.8, 523),
        "good": blob(51.5, 36.5, 455),
        "empty": np.zeros((SIDE, SIDE), bool),
    }


def best_first(ious, threshold):
    """Pairs found greedily: the largest IoU first. Below 0.5 this is not always the most pairs."""
    left, count = np.array(ious, float), 0
    while left.size and left.max() >= threshold:
        row, column = np.unravel_index(left.argmax(), left.shape)
        left[row], left[:, column] = -1, -1
        count += 1
    return count


def pooled(counts):
    """AP of all objects together; counts have one row (tp, fp, fn) an image."""
    tp, fp, fn = np.sum(counts, axis=0)
    return tp / (tp + fp + fn)


COMPARISONS = {
    "A": "Our network and the older one were trained on the same 400 images, three seeds each; thresholds of "
    "both "
    "were chosen on the same validation images. Both were tested on the same 60 images, at the size on which "
    "each was trained. We report the difference with its interval over the 12 animals.",
    "B": "Our network was trained on 400 images of the collection and its threshold chosen on 50 more. The "
    "older "
    "one was used as downloaded, with its default threshold. Both were tested on the same 60 images.",
    "C": "Both networks were trained on the same 400 images. Ours gets all three channels at 0.5 µm a pixel, "
    "the "
    "older one their mean at 0.25 µm, for which its published version was not made. Both thresholds were "
    "chosen on validation images.",
    "D": "Both networks were trained on the same images in the same way. Ours reaches 0.82 on our 60 test "
    "images; "
    "for the older one we quote 0.78, the number in its paper, on the images of that paper.",
}
"""Four methods sections, shortened."""


UNLIKE = ("training data", "input", "settings", "test images")
"""What may differ between the two sides of a comparison, besides the method."""
