"""Distances between outlines, midlines, places and counts, against other libraries and the definitions."""

import itertools

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from bioimage_course import metrics
from bioimage_course.errors import InputError


def pair(shape, seed):
    """Two masks of blobs that overlap in part."""

    def blobs(number):
        return ndimage.gaussian_filter(np.random.default_rng(number).normal(size=shape), 2) > 0.05

    first = blobs(seed)
    return first, np.roll(first, 2, -1) | blobs(seed + 10) & blobs(seed + 20)


# HD95, Hausdorff distance and surface Dice at 1.0, computed by MONAI 1.6.1 (compute_hausdorff_distance,
# compute_surface_dice) in single precision for `pair(shape, seed)`.
MONAI = [
    ((40, 50), None, 1, 4.116948127746582, 8.246211051940918, 0.5320813655853271),
    ((40, 50), None, 2, 4.414762020111084, 7.211102485656738, 0.5264847278594971),
    ((40, 50), (0.5, 0.2), 1, 1.9749908447265625, 3.001666307449341, 0.9327073693275452),
    ((40, 50), (0.5, 0.2), 2, 1.5, 2.5, 0.927768886089325),
    ((12, 30, 30), (3.0, 1.0, 1.0), 1, 6.7082037925720215, 10.440306663513184, 0.5627312660217285),
    ((12, 30, 30), (3.0, 1.0, 1.0), 2, 5.0, 8.185352325439453, 0.6545675992965698),
    ((12, 30, 30), None, 1, 5.099019527435303, 8.485280990600586, 0.5819038152694702),
    ((12, 30, 30), None, 2, 3.0892605781555176, 5.4772257804870605, 0.700852632522583),
]


@pytest.mark.parametrize(("shape", "spacing", "seed", "hd95", "largest", "nsd"), MONAI)
def test_outlines_agree_with_monai(shape, spacing, seed, hd95, largest, nsd):
    truth, prediction = pair(shape, seed)
    assert metrics.hausdorff(truth, prediction, spacing=spacing) == pytest.approx(hd95, abs=1e-4)
    assert metrics.hausdorff(truth, prediction, 100, spacing) == pytest.approx(largest, abs=1e-4)
    assert metrics.normalised_surface_distance(truth, prediction, 1.0, spacing) == pytest.approx(
        nsd, abs=1e-5
    )


def borders(mask):
    """The definition: pixels of the mask with a neighbour outside of it or of the image."""
    found = []
    for place in np.argwhere(mask):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            other = place.copy()
            other[axis] += step
            if not (0 <= other[axis] < mask.shape[axis]) or not mask[tuple(other)]:
                found.append(place)
                break
    return np.array(found)


@pytest.mark.parametrize("spacing", [None, 0.5, (2.0, 0.3)])
@pytest.mark.parametrize("seed", [4, 5])
def test_distances_are_those_of_the_definition(seed, spacing):
    truth, prediction = pair((20, 24), seed)
    size = np.broadcast_to(1 if spacing is None else spacing, 2)
    table = cdist(borders(truth) * size, borders(prediction) * size)
    there, back = metrics.border_distances(truth, prediction, spacing)
    np.testing.assert_allclose(np.sort(there), np.sort(table.min(axis=1)))
    np.testing.assert_allclose(np.sort(back), np.sort(table.min(axis=0)))


@pytest.mark.parametrize("seed", range(3))
def test_the_largest_distance_is_that_of_scikit_image_between_the_borders(seed):
    masks = pair((40, 50), seed)
    drawn = [mask & ~ndimage.binary_erosion(mask) for mask in masks]
    assert metrics.hausdorff(*masks, percentile=100) == pytest.approx(hausdorff_distance(*drawn))


def test_empty_masks_and_single_pixels():
    none, one, other = np.zeros((3, 9, 9), bool)
    one[4, 2], other[4, 5] = True, True
    assert np.isnan(metrics.hausdorff(none, none))
    assert np.isnan(metrics.normalised_surface_distance(none, none, 1))
    assert np.isnan(metrics.centreline_dice(none, none))
    for first, second in ((none, one), (one, none)):
        assert metrics.hausdorff(first, second) == np.inf
        assert metrics.normalised_surface_distance(first, second, 100) == 0
        assert metrics.centreline_dice(first, second) == 0
    assert metrics.hausdorff(one, other) == 3
    assert metrics.hausdorff(one, other, spacing=(1, 0.5)) == 1.5
    assert metrics.normalised_surface_distance(one, other, 3) == 1
    assert metrics.normalised_surface_distance(one, other, 2.9) == 0
    assert metrics.centreline_dice(one, one) == 1


@pytest.mark.parametrize(("pixels", "size"), [(3, 0.1), (6, 0.1), (4, 0.325)])
def test_a_distance_of_just_the_tolerance_is_within_it(pixels, size):
    mask = np.arange(12) == 2
    assert metrics.normalised_surface_distance(mask, np.roll(mask, pixels), pixels * size, size) == 1
    assert metrics.normalised_surface_distance(mask, np.roll(mask, 3), 0.3, 0.1) == 1  # 3 × 0.1 > 0.3
    assert metrics.normalised_surface_distance(mask, np.roll(mask, 3), 0.299, 0.1) == 0


@pytest.mark.parametrize("block", [(4, 4, 9), (2, 2, 2), (2, 9, 2), (2, 2), (1, 1, 1)])
def test_every_piece_has_a_midline(block):
    """Thinning in 3D leaves nothing of some blocks an even number of voxels thick."""
    mask = np.zeros([n + 12 for n in block], bool)
    mask[tuple(slice(2, 2 + n) for n in block)] = True
    assert metrics.centreline_dice(mask, mask) == 1
    two = mask.copy()
    two[(-2,) * mask.ndim] = True
    assert metrics.centreline_dice(mask, two) < 1
    assert metrics.centreline_dice(two, mask) < 1


def test_a_broken_branch_costs_and_a_thick_one_does_not():
    thin = np.zeros((30, 60), bool)
    thin[13:16, 5:55] = True
    thick, broken = ndimage.binary_dilation(thin), thin.copy()
    broken[:, 25:35] = False
    assert metrics.centreline_dice(thin, thick) == 1 > metrics.dice(thin, thick)
    # the whole midline of the pieces lies in the truth; of the truth's, four fifths lie in the pieces
    assert metrics.centreline_dice(thin, broken) == pytest.approx(2 * 0.8 / 1.8, abs=0.02)
    stack = np.stack([np.zeros_like(thin), thin, np.zeros_like(thin)])
    assert metrics.centreline_dice(stack, stack) == 1


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda a: metrics.hausdorff(a, a[:3]), "must be the same"),
        (lambda a: metrics.hausdorff(a, a, 101), "from 0 to 100"),
        (lambda a: metrics.hausdorff(a, a, spacing=(1, 2, 3)), "one for each of the 2 axes"),
        (lambda a: metrics.hausdorff(a, a, spacing=0), "a length of a pixel"),
        (lambda a: metrics.hausdorff(a, a, spacing="1 µm"), "a length of a pixel"),
        (lambda a: metrics.hausdorff(a * 0.5, a), "with a threshold"),
        (lambda a: metrics.normalised_surface_distance(a, a, -1), "tolerance must be"),
        (lambda a: metrics.centreline_dice(a[0], a[0]), "two or three axes"),
        (lambda a: metrics.match_places([[1, 2]], [[1, 2, 3]], 1), "2 coordinates, the predicted ones 3"),
        (lambda a: metrics.match_places([1, 2], [[1, 2]], 1), "one row a place"),
        (lambda a: metrics.match_places([[1, np.nan]], [[1, 2]], 1), "finite"),
        (lambda a: metrics.match_places([[1, 2]], [[1, 2]], 0), "above 0"),
        (lambda a: metrics.bland_altman([1, 2], [1, 2, 3]), "must be the same"),
        (lambda a: metrics.bland_altman([1], [2]), "at least two units"),
        (lambda a: metrics.bland_altman([], []), "one is empty"),
        (lambda a: metrics.bland_altman([1, np.inf], [2, 3]), "finite"),
        (lambda a: metrics.bland_altman([1, 2], [2, 3], level=95), "level is a share"),
    ],
)
def test_bad_input_gets_one_sentence(act, words):
    with pytest.raises(InputError, match=words) as caught:
        act(np.ones((6, 6), int))
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- places


def most_pairs(near):
    """The largest number of pairs, by trying."""
    small, large = sorted(near.shape)
    near = near if near.shape[0] == small else near.T
    return max(sum(near[range(small), order]) for order in itertools.permutations(range(large), small))


@pytest.mark.parametrize("seed", range(12))
def test_as_many_places_are_paired_as_can_be(seed):
    rng = np.random.default_rng(seed)
    truth, prediction = rng.uniform(0, 10, (5, 2)), rng.uniform(0, 10, (6, 2))
    found = metrics.match_places(truth, prediction, 3)
    assert found.tp == most_pairs(cdist(truth, prediction) <= 3)
    assert sorted([*found.pairs[:, 0], *found.missed]) == list(range(5))
    assert sorted([*found.pairs[:, 1], *found.spurious]) == list(range(6))
    assert (found.fn, found.fp) == (5 - found.tp, 6 - found.tp)
    assert len(set(found.pairs[:, 0])) == len(set(found.pairs[:, 1])) == found.tp
    np.testing.assert_allclose(
        found.distances, np.linalg.norm(truth[found.pairs[:, 0]] - prediction[found.pairs[:, 1]], axis=1)
    )


def test_of_equally_many_pairs_the_nearer_ones_are_taken():
    found = metrics.match_places([[0, 0], [0, 3]], [[0, 3.2], [0, 0.1]], 4)
    assert sorted(map(tuple, found.pairs)) == [(0, 1), (1, 0)]


def test_spacing_moves_places_apart():
    assert metrics.match_places([[0, 0]], [[2, 0]], 3).tp == 1
    assert metrics.match_places([[0, 0]], [[2, 0]], 3, spacing=(2, 1)).tp == 0
    assert metrics.match_places([[0, 0, 0]], [[1, 0, 0]], 0.4, spacing=0.3).f1 == 1


def test_without_places():
    assert np.isnan(metrics.match_places([], [], 1).f1)
    nothing = metrics.match_places([[1, 1]], [], 1)
    assert (nothing.f1, nothing.recall, nothing.precision, nothing.fn) == (0, 0, 0, 1)
    assert metrics.match_places(np.empty((0, 2)), [[1, 1], [2, 2]], 1).fp == 2


def test_thousands_of_places_take_seconds_not_minutes():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 2000, (5000, 2))
    assert metrics.match_places(truth, truth + rng.normal(0, 0.3, truth.shape), 3).f1 > 0.99


# ---------------------------------------------------------------- counts


def test_limits_of_agreement_are_those_of_bland_and_altman():
    """The peak flows of their paper of 1986, two meters, 17 people: −2.1, −79.7 and 75.5 l/min."""
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = metrics.bland_altman(mini, wright)
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    # the paper takes 2 standard deviations (38.8), this course 1.96
    assert (found.high - found.bias) / 1.96 == pytest.approx(38.8, abs=0.05)
    assert found.bias_low < 0 < found.bias_high
    assert found.n == 17


def test_half_of_everything_missed_is_a_slope_and_no_agreement():
    found = metrics.bland_altman([10, 20, 40], [5, 10, 20])
    assert found.slope == pytest.approx(-2 / 3)
    assert np.isnan(metrics.bland_altman([1, 2, 3], [3, 2, 1]).slope)
