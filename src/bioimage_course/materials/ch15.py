"""Materials of chapter 15."""

import tomllib
from pathlib import Path

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


# --- the question first ------------------------------


def chooser():
    """From the question to the score, for ``show.table``.

    Returns
    -------
    list of dict
        One row a question: what is reported, which score fits and by which function of ours, what that score
        cannot see, what to give beside it. Written down in ``metric_chooser.toml``, with reason and source.
    """
    return [
        {
            "what you report": row["question"],
            "score": f"{row['score']} (`{row['function'].rpartition('.')[2]}`)",
            "does not see": row["blind"],
            "so give with it": row["beside"],
        }
        for row in chooser_rows()
    ]


def chooser_rows():
    """The rows of ``metric_chooser.toml`` as they were written.

    Returns
    -------
    list of dict of str to str
        Keys ``question``, ``score``, ``function``, ``blind``, ``beside``, ``reason``, ``source``.
    """
    file = Path(__file__).parents[1] / "materials/metric_chooser.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))["row"]


def cut_straight(labels, smaller):
    """Each object without a piece on its right, cut off straight, with as many pixels as `smaller` lacks.

    Parameters
    ----------
    labels, smaller : ndarray of int (Y, X)
        Objects, and the same objects with fewer pixels.

    Returns
    -------
    ndarray of int (Y, X)
    """
    out = labels.copy()
    left = np.bincount(smaller.ravel(), minlength=int(labels.max()) + 1)
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        lost = np.lexsort((rows, columns))[left[number] :]
        out[rows[lost], columns[lost]] = 0
    return out


def vessels():
    """Vessels in a part of the retina's photograph, as a ridge filter sees them: thin, branching lines.

    Returns
    -------
    ndarray of bool, shape (300, 300)
    """
    from skimage.filters import sato, threshold_otsu
    from skimage.measure import label

    from bioimage_course import data

    green = 255.0 - data.load("retina").image[500:800, 500:800, 1]
    ridges = sato(green, sigmas=(2, 3, 4), black_ridges=False)
    pieces = label(ridges > 1.1 * threshold_otsu(ridges))
    return (np.bincount(pieces.ravel())[pieces] > 150) & (pieces > 0)


def gaps_in(mask, count, side=11, seed=0):
    """The mask with so many square gaps on its midlines, at places drawn by lot.

    Parameters
    ----------
    mask : ndarray of bool (Y, X)
    count, side, seed : int
        How many gaps, how wide they are in pixels, and the seed of the lot.

    Returns
    -------
    ndarray of bool (Y, X)
    """
    from skimage.morphology import skeletonize

    out, places = mask.copy(), np.argwhere(skeletonize(mask))
    for row, column in places[np.random.default_rng(seed).permutation(len(places))[:count]]:
        out[
            max(0, row - side // 2) : row + side // 2 + 1, max(0, column - side // 2) : column + side // 2 + 1
        ] = 0
    return out


def spots_in(image, threshold=2.0):
    """Bright spots: their places and their areas, by a Laplacian of Gaussian.

    Parameters
    ----------
    image : array (Y, X)
    threshold : float
        Least response at the middle of a spot; its area is where the response is above half of that.

    Returns
    -------
    places : ndarray of int (n, 2)
    labels : ndarray of int (Y, X)
        Connected areas, without those that hold no place.
    """
    from scipy.ndimage import gaussian_laplace
    from skimage.feature import peak_local_max
    from skimage.measure import label

    response = -gaussian_laplace(np.asarray(image, float), 1.5)
    places = peak_local_max(response, min_distance=3, threshold_abs=threshold)
    areas = label(response > threshold / 2)
    return places, np.where(np.isin(areas, areas[tuple(places.T)]), areas, 0)
