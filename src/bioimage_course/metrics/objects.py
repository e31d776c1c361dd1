"""Comparing label images object by object.

The overlaps of all pairs of objects are counted once; every threshold is then
a matter of a few thousand numbers. Counting goes along runs of pixels that
carry the same pair of labels, of which there are far fewer than pixels.

Counts agree with `stardist.matching.matching` and `cellpose.metrics.average_precision`:
a pair matches if its IoU is at least the threshold, every object has at most
one partner, and as many pairs as possible are formed. Above 0.5 there is only
one way to do that; at 0.5 and below an optimal assignment is looked for, which prefers
large IoUs among matchings with equally many pairs. As in StarDist, IoU and threshold are compared in
single precision, so that 13/20 reaches a threshold that was computed as
0.6500000000000001.

Empty images
------------
A ratio is 0 where objects are on one side only, and NaN where neither image has an
object: nothing was asked, so there is nothing to score (StarDist says 0 there,
Cellpose NaN). Means over images leave such pairs out; the counts are 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.metrics.uncertainty import bootstrap_interval

COMMON_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""0.5, 0.55, …, 0.95: the thresholds of the 2018 Data Science Bowl."""


def _ratio(numerator, denominator, empty):
    """Quotient, 0 where the denominator is 0 and NaN where `empty`; for numbers and arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(np.equal(denominator, 0), 0.0, np.divide(numerator, denominator))
    out = np.where(empty, np.nan, out)
    return out if out.ndim else float(out)


class Pairs:
    """Counts and ratios of a matching, whatever was matched: objects or places.

    A subclass has the arrays `pairs`, `missed` and `spurious`.
    """

    pairs: np.ndarray
    missed: np.ndarray
    spurious: np.ndarray

    @property
    def tp(self) -> int:
        """True positives: matched pairs."""
        return len(self.pairs)

    @property
    def fp(self) -> int:
        """False positives: what was predicted and has no partner."""
        return len(self.spurious)

    @property
    def fn(self) -> int:
        """False negatives: what is true and has no partner."""
        return len(self.missed)

    def _score(self, numerator, denominator) -> float:
        return _ratio(numerator, denominator, self.tp + self.fp + self.fn == 0)

    @property
    def precision(self) -> float:
        """TP / (TP + FP): how much of what was found is real."""
        return self._score(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN): how much of what is real was found."""
        return self._score(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN): harmonic mean of precision and recall."""
        return self._score(2 * self.tp, 2 * self.tp + self.fp + self.fn)


@dataclass(frozen=True, eq=False)
class Matching(Pairs):
    """Which objects of two label images correspond at one IoU threshold.

    Attributes
    ----------
    threshold : float
        Least IoU of a pair.
    pairs : ndarray of int, shape (tp, 2)
        Matched labels: column 0 from the truth, column 1 from the prediction.
    ious : ndarray of float, shape (tp,)
        IoU of each pair.
    missed : ndarray of int, shape (fn,)
        Labels of the truth without partner: false negatives.
    spurious : ndarray of int, shape (fp,)
        Labels of the prediction without partner: false positives.

    Notes
    -----
    Where neither image has an object, all ratios are NaN. See the module's text.
    """

    threshold: float
    pairs: np.ndarray
    ious: np.ndarray
    missed: np.ndarray
    spurious: np.ndarray

    @property
    def n_true(self) -> int:
        """Objects in the truth."""
        return self.tp + self.fn

    @property
    def n_predicted(self) -> int:
        """Objects in the prediction."""
        return self.tp + self.fp

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN), the "average precision" of microscopy (StarDist calls it accuracy).

        It is not the area under a precision-recall curve that COCO gives this name.
        """
        return self._score(self.tp, self.tp + self.fp + self.fn)

    @property
    def mean_matched_iou(self) -> float:
        """Mean IoU of the matched pairs: how well the found objects are outlined; 0 without pairs."""
        return self._score(float(self.ious.sum()), self.tp)

    @property
    def panoptic_quality(self) -> float:
        """Sum of matched IoUs / (TP + FP/2 + FN/2) = `f1` × `mean_matched_iou` (Kirillov et al. 2019)."""
        return self._score(float(self.ious.sum()), self.tp + (self.fp + self.fn) / 2)

    def __repr__(self):
        return (
            f"Matching(threshold={self.threshold:g}, tp={self.tp}, fp={self.fp}, fn={self.fn}, "
            f"precision={self.precision:.3f}, recall={self.recall:.3f}, f1={self.f1:.3f}, "
            f"average_precision={self.average_precision:.3f})"
        )


def largest_assignment(row: np.ndarray, column: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """The largest set of pairs without a common member; of several, that of largest summed worth.

    Pairs that share members directly or in a chain form groups, usually of three or four
    members, and each group is solved on its own.

    Parameters
    ----------
    row, column : ndarray of int, shape (n,)
        Members of each possible pair.
    worth : ndarray of float, shape (n,)
        From 0 to 1 each.

    Returns
    -------
    ndarray of int
        Numbers of the chosen pairs.
    """
    if len(row) == 0:
        return np.empty(0, int)
    n_rows = int(row.max()) + 1
    n = n_rows + int(column.max()) + 1
    graph = sparse.coo_array((np.ones(len(row)), (row, column + n_rows)), shape=(n, n))
    group = sparse.csgraph.connected_components(graph, directed=False)[1][row]
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    parts = np.split(order, borders)
    return np.concatenate([part[_assign_group(row[part], column[part], worth[part])] for part in parts])


def _assign_group(row, column, worth) -> np.ndarray:
    rows, i = np.unique(row, return_inverse=True)
    columns, j = np.unique(column, return_inverse=True)
    number = np.full((len(rows), len(columns)), -1)
    number[i, j] = np.arange(len(row))
    gain = np.zeros(number.shape)
    # One more pair always outweighs any worth: its sum, divided so, stays below 1.
    gain[i, j] = 1 + worth / (min(number.shape) + 1)
    chosen = number[linear_sum_assignment(gain, maximize=True)]
    return chosen[chosen >= 0]


class _Overlaps:
    """IoUs of all overlapping pairs of objects of two label images, counted in one pass."""

    def __init__(self, truth, prediction):
        truth = arguments.label_image(truth, "the truth")
        prediction = arguments.label_image(prediction, "the prediction")
        arguments.same_shape(truth, prediction)
        truth, prediction = truth.ravel(), prediction.ravel()
        # Runs of pixels with the same pair of labels: a label image has some hundred times fewer of
        # them than pixels. Everything after these two lines works on runs.
        changes = np.flatnonzero((truth[1:] != truth[:-1]) | (prediction[1:] != prediction[:-1])) + 1
        starts = np.concatenate(([0], changes))
        lengths = np.diff(starts, append=truth.size)
        i, true_labels = arguments.consecutive(truth[starts])
        j, predicted_labels = arguments.consecutive(prediction[starts])
        # Duplicate entries of a COO matrix are summed: row i, column j counts the common pixels.
        shape = (len(true_labels), len(predicted_labels))
        table = sparse.coo_array((lengths, (i, j)), shape=shape).tocsr()
        true_area = np.asarray(table.sum(axis=1)).ravel()
        predicted_area = np.asarray(table.sum(axis=0)).ravel()
        table = table.tocoo()
        row, column = table.coords
        keep = (row > 0) & (column > 0)  # row and column 0 are background
        row, column, common = row[keep], column[keep], table.data[keep]
        self.true_labels, self.predicted_labels = true_labels[1:], predicted_labels[1:]
        self.row, self.column = row - 1, column - 1
        self.iou = common / (true_area[row] + predicted_area[column] - common)
        self.iou_single = self.iou.astype(np.float32)

    def matched(self, threshold: float) -> np.ndarray:
        """Numbers of the overlapping pairs that are matched at an IoU threshold above 0."""
        threshold = np.float32(threshold)
        pairs = np.flatnonzero(self.iou_single >= threshold)
        if threshold > np.float32(0.5):  # two objects cannot both cover more than half of a third
            return pairs
        row, column = self.row[pairs], self.column[pairs]
        contested = (np.bincount(row)[row] > 1) | (np.bincount(column)[column] > 1)
        chosen = [pairs[~contested], self._assign(pairs[contested])]
        return np.sort(np.concatenate(chosen))

    def _assign(self, pairs: np.ndarray) -> np.ndarray:
        """The largest set of pairs without a common object; of several, that of largest summed IoU."""
        return pairs[largest_assignment(self.row[pairs], self.column[pairs], self.iou[pairs])]

    def match(self, threshold: float) -> Matching:
        if threshold == 0:
            return self._match_all()
        pairs = self.matched(threshold)
        return self._matching(threshold, self.row[pairs], self.column[pairs], self.iou[pairs])

    def _match_all(self) -> Matching:
        """Threshold 0: an IoU of 0 is enough, so even objects far apart make pairs, as in StarDist."""
        pairs = self._assign(np.arange(len(self.iou)))
        row, column, iou = self.row[pairs], self.column[pairs], self.iou[pairs]
        free_row = np.setdiff1d(np.arange(len(self.true_labels)), row)
        free_column = np.setdiff1d(np.arange(len(self.predicted_labels)), column)
        n = min(len(free_row), len(free_column))
        row = np.concatenate([row, free_row[:n]])
        column = np.concatenate([column, free_column[:n]])
        return self._matching(0.0, row, column, np.concatenate([iou, np.zeros(n)]))

    def _matching(self, threshold, row, column, iou) -> Matching:
        missed = np.ones(len(self.true_labels), bool)
        missed[row] = False
        spurious = np.ones(len(self.predicted_labels), bool)
        spurious[column] = False
        pairs = np.stack([self.true_labels[row], self.predicted_labels[column]], axis=1)
        return Matching(threshold, pairs, iou, self.true_labels[missed], self.predicted_labels[spurious])


def match(truth, prediction, threshold: float | Sequence[float] = 0.5) -> Matching | tuple[Matching, ...]:
    """Match the objects of two label images.

    Parameters
    ----------
    truth, prediction : array of int, any but equal shape (2D, 3D, …)
        Label images: 0 is background, every object has its own number. Numbers may have gaps,
        and an object need not be connected.
    threshold : float or sequence of float
        Least intersection over union (IoU) of a match, from 0 to 1. For a sequence,
        overlaps are counted only once.

    Returns
    -------
    Matching, or a tuple of them
        One a threshold.

    Raises
    ------
    InputError
        If an array is not a label image, shapes differ, or a threshold is not between 0 and 1.

    Notes
    -----
    Counts are those of `stardist.matching.matching` at every threshold. If neither image has
    objects, ratios are NaN; if only one has, they are 0.

    References
    ----------
    Schmidt, Weigert et al. 2018, Cell detection with star-convex polygons;
    Caicedo et al. 2019, Nature Methods 16, doi:10.1038/s41592-019-0612-7.

    Examples
    --------
    >>> found = match([[1, 1, 0, 2]], [[3, 3, 0, 0]])
    >>> found.tp, found.fp, found.fn, found.recall
    (1, 0, 1, 0.5)
    """
    wanted = arguments.thresholds(threshold)
    overlaps = _Overlaps(truth, prediction)
    matchings = tuple(overlaps.match(t) for t in wanted)
    return matchings[0] if np.ndim(threshold) == 0 else matchings


def average_precision(truth, prediction, thresholds: float | Sequence[float] = COMMON_THRESHOLDS):
    """Average precision TP / (TP + FP + FN) of a label image at one or several IoU thresholds.

    Parameters
    ----------
    truth, prediction : array of int, equal shape
        Label images, as for `match`.
    thresholds : float or sequence of float
        By default 0.5, 0.55, …, 0.95.

    Returns
    -------
    float, or ndarray of float64 with one value a threshold
        NaN where neither image has an object (Cellpose: NaN, StarDist: 0).

    Raises
    ------
    InputError
        As `match`.

    Notes
    -----
    This is what microscopists call average precision (Caicedo et al. 2019; `accuracy` in StarDist). COCO's
    average precision is another number: the area under a precision-recall curve.

    Examples
    --------
    >>> average_precision([[1, 1, 0, 2]], [[3, 3, 0, 0]], 0.5)
    0.5
    """
    matchings = match(truth, prediction, thresholds)
    if isinstance(matchings, Matching):
        return matchings.average_precision
    return np.array([m.average_precision for m in matchings])


def panoptic_quality(truth, prediction, threshold: float = 0.5) -> float:
    """Panoptic quality of one label image: the sum of matched IoUs over TP + FP/2 + FN/2.

    Parameters
    ----------
    truth, prediction : array of int, equal shape
        Label images, as for `match`.
    threshold : float
        Least IoU of a match; the definition has 0.5.

    Returns
    -------
    float
        From 0 to 1; NaN where neither image has an object.

    Raises
    ------
    InputError
        As `match`.

    References
    ----------
    Kirillov et al. 2019, Panoptic segmentation, CVPR, equation 1.
    """
    if len(arguments.thresholds(threshold)) != 1 or np.ndim(threshold) != 0:
        raise InputError(
            "panoptic_quality takes one threshold; for several, use match and its panoptic_quality"
        )
    return match(truth, prediction, threshold).panoptic_quality


@dataclass(frozen=True, eq=False)
class DatasetScores:
    """Counts of a whole data set, and the ways to make one score of them.

    Attributes
    ----------
    thresholds : tuple of float
        IoU thresholds.
    tp, fp, fn : ndarray of int, shape (images, thresholds)
        Counts of every image.
    """

    thresholds: tuple[float, ...]
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.stack([self.tp, self.fp, self.fn], axis=-1)

    @cached_property
    def by_image(self) -> np.ndarray:
        """Average precision of every image, shape (images, thresholds); NaN for a pair without objects."""
        return _average_precision(self._counts)

    @property
    def pooled(self) -> np.ndarray:
        """Average precision over the objects of all images together, shape (thresholds,).

        Crowded images weigh more. As `stardist.matching.matching_dataset(by_image=False)`.
        """
        return _pooled(self._counts)

    @property
    def mean(self) -> np.ndarray:
        """Mean of the images' average precisions, shape (thresholds,); every image weighs the same."""
        return _mean(self._counts)

    def interval(self, level: float = 0.95, *, of: str = "pooled", resamples: int = 2000, seed: int = 0):
        """Bootstrap interval of a score: how far it would move with other images of the same kind.

        Whole images are drawn, not objects: objects of one image resemble each other.

        Parameters
        ----------
        level : float
            Share of the resampled scores between the two bounds.
        of : {"pooled", "mean"}
            Which score.
        resamples, seed : int
            Number of resampled data sets, and the seed of the draw.

        Returns
        -------
        low, high : ndarray of float, shape (thresholds,)
        """
        statistics = {"pooled": _pooled, "mean": _mean}
        if of not in statistics:
            raise InputError(f"the interval is that of 'pooled' or of 'mean', not of {of!r}")
        return bootstrap_interval(self._counts, statistics[of], level=level, resamples=resamples, seed=seed)

    def __repr__(self):
        scores = ", ".join(f"{t:g}: {p:.3f}" for t, p in zip(self.thresholds, self.pooled, strict=True))
        return f"DatasetScores({len(self.tp)} images; pooled average precision at IoU {scores})"


def _average_precision(counts: np.ndarray) -> np.ndarray:
    """TP / (TP + FP + FN) of counts with the last axis (tp, fp, fn)."""
    total = counts.sum(axis=-1)
    return np.atleast_1d(_ratio(counts[..., 0], total, total == 0))


def _pooled(counts: np.ndarray) -> np.ndarray:
    return _average_precision(counts.sum(axis=0))


def _mean(counts: np.ndarray) -> np.ndarray:
    scores = _average_precision(counts)
    scored = ~np.isnan(scores)
    total, number = np.where(scored, scores, 0).sum(axis=0), scored.sum(axis=0)
    return np.atleast_1d(_ratio(total, number, number == 0))


def average_precision_dataset(
    truths: Sequence, predictions: Sequence, thresholds: float | Sequence[float] = COMMON_THRESHOLDS
) -> DatasetScores:
    """Average precision over several images: pooled, as a mean over images, and with an interval.

    Parameters
    ----------
    truths, predictions : sequences of label images
        Equally many; each pair as for `match`, sizes may differ between pairs.
    thresholds : float or sequence of float
        By default 0.5, 0.55, …, 0.95.

    Returns
    -------
    DatasetScores
        With `.pooled`, `.mean`, `.by_image` and `.interval()`.

    Raises
    ------
    InputError
        If numbers of images differ or are 0, or a pair cannot be matched (the message says which).

    Examples
    --------
    >>> scores = average_precision_dataset([[[1, 1, 2]], [[1, 0, 0]]], [[[1, 1, 2]], [[0, 0, 1]]], 0.5)
    >>> float(scores.pooled[0]), float(scores.mean[0])
    (0.5, 0.5)
    """
    wanted = arguments.thresholds(thresholds)
    try:
        truths, predictions = list(truths), list(predictions)
    except TypeError:
        raise InputError(
            "truths and predictions are sequences of label images; for one pair use average_precision"
        ) from None
    if len(truths) != len(predictions):
        raise InputError(f"there are {len(truths)} true label images, but {len(predictions)} predictions")
    if not truths:
        raise InputError("there are no images to score: truths and predictions are empty")
    counts = []
    for number, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        try:
            counts.append([(m.tp, m.fp, m.fn) for m in match(truth, prediction, wanted)])
        except InputError as error:
            raise InputError(f"pair number {number}: {error}") from None
    tp, fp, fn = np.moveaxis(np.array(counts), -1, 0)
    return DatasetScores(wanted, tp, fp, fn)


def median_diameter(labels):
    """Diameter in pixels of the disc that has the median object's area; 0 without objects.

    Parameters
    ----------
    labels : array of int
        Label image, 0 for background.

    Returns
    -------
    float
    """
    areas = np.bincount(arguments.consecutive(arguments.label_image(labels))[0].ravel())[1:]
    return float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else 0.0
