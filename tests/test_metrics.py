"""Metrics: by hand, against StarDist, Cellpose, scikit-learn and scikit-image, and by their invariants."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bioimage_course import data, metrics
from bioimage_course.errors import InputError

# A busy machine is no failure.
settings.register_profile("course", deadline=None)
settings.load_profile("course")

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


def counts(truth, prediction, thresholds=THRESHOLDS):
    return [(m.tp, m.fp, m.fn) for m in metrics.match(truth, prediction, thresholds)]


def small_labels(draw_shape=None, highest=6):
    shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9)
    return hnp.arrays(np.int64, draw_shape or shapes, elements=st.integers(0, highest))


@st.composite
def pairs(draw, highest=6):
    """Two label images of one shape, of 1 to 3 dimensions."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9))
    return draw(small_labels(shape, highest)), draw(small_labels(shape, highest))


def random_pair(seed, size=96):
    """Two images of blocky objects that overlap in all ways, with gaps in the numbers."""
    random = np.random.default_rng(seed)
    images = []
    for _ in range(2):
        image = np.zeros((size, size), np.int32)
        for number in random.permutation(400)[:60] + 1:
            y, x = random.integers(0, size - 4, 2)
            h, w = random.integers(3, 16, 2)
            image[y : y + h, x : x + w] = number
        images.append(image)
    if seed % 2:  # mostly alike
        images[1] = np.where(random.random((size, size)) < 0.8, images[0], images[1])
    return images


# --- By hand ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_match_by_hand():
    truth = np.zeros((10, 10), int)
    truth[0:4, 0:4], truth[0:4, 6:10], truth[6:10, 0:4] = 5, 9, 2
    prediction = np.zeros((10, 10), int)
    prediction[0:4, 0:3] = 7  # IoU 12/16 with 5
    prediction[1:4, 6:9] = 1  # IoU 9/16 with 9
    prediction[8:10, 8:10] = 3  # nothing there
    found = metrics.match(truth, prediction)
    assert (found.tp, found.fp, found.fn) == (2, 1, 1)
    np.testing.assert_array_equal(found.pairs, [[5, 7], [9, 1]])
    np.testing.assert_allclose(found.ious, [0.75, 0.5625])
    assert list(found.missed) == [2] and list(found.spurious) == [3]
    assert found.precision == found.recall == found.f1 == pytest.approx(2 / 3)
    assert found.average_precision == 0.5
    assert found.mean_matched_iou == pytest.approx((0.75 + 0.5625) / 2)
    assert found.panoptic_quality == pytest.approx((0.75 + 0.5625) / 3)
    assert metrics.panoptic_quality(truth, prediction) == found.panoptic_quality
    assert [m.tp for m in metrics.match(truth, prediction, [0.5, 0.5625, 0.57, 0.75, 0.76])] == [
        2,
        2,
        1,
        1,
        0,
    ]
    assert "tp=2, fp=1, fn=1" in repr(found)


def test_greedy_is_not_enough_below_one_half():
    """The largest IoU is A–b (3/7), but taking it leaves one pair where two are possible."""
    truth = np.array([[1, 1, 1, 1, 1, 2, 2, 2]])
    prediction = np.array([[3, 3, 4, 4, 4, 4, 4, 0]])
    # IoU: 1–3 2/5, 1–4 3/7, 2–4 2/6
    found = metrics.match(truth, prediction, 0.3)
    assert found.tp == 2 and found.pairs.tolist() == [[1, 3], [2, 4]]
    assert metrics.match(truth, prediction, 0.41).pairs.tolist() == [[1, 4]]


def test_among_equally_many_pairs_the_better_outlines():
    truth = np.array([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
    prediction = np.array([[0, 5, 5, 5, 7, 7, 7, 7, 0, 0]])
    assert metrics.match(truth, prediction, 0.2).pairs.tolist() == [[1, 7]]


def test_threshold_zero_pairs_everything():
    truth, prediction = np.array([1, 1, 0, 2, 3]), np.array([4, 4, 0, 0, 0])
    found = metrics.match(truth, prediction, 0)
    assert (found.tp, found.fp, found.fn) == (1, 0, 2) and found.pairs.tolist() == [[1, 4]]
    found = metrics.match([1, 0, 0], [0, 0, 1], 0)
    assert (found.tp, found.ious.tolist()) == (1, [0.0])


def test_rounded_thresholds_do_not_lose_exact_ious():
    """13/20 is 0.65; adding steps of 0.05 gives 0.6500000000000001."""
    truth, prediction = np.zeros(40, int), np.zeros(40, int)
    truth[:20], prediction[:13] = 1, 1
    assert metrics.match(truth, prediction, 0.65).tp == 1
    assert metrics.match(truth, prediction, 0.6500000000000001).tp == 1
    assert metrics.match(truth, prediction, 0.6501).tp == 0


# --- Empty cases --------------------------------------------------------------------------------------

EMPTY, ONE = np.zeros((4, 4), int), np.eye(4, dtype=int)


def test_nothing_to_find_is_nan():
    found = metrics.match(EMPTY, EMPTY)
    assert (found.tp, found.fp, found.fn) == (0, 0, 0) and found.pairs.shape == (0, 2)
    for name in ("precision", "recall", "f1", "average_precision", "panoptic_quality", "mean_matched_iou"):
        assert np.isnan(getattr(found, name)), name
    assert np.isnan(metrics.average_precision(EMPTY, EMPTY)).all()
    for metric in (metrics.iou, metrics.dice, metrics.precision, metrics.recall, metrics.f1):
        assert np.isnan(metric(EMPTY, EMPTY))
    assert metrics.accuracy(EMPTY, EMPTY) == 1


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"), [(ONE, EMPTY, (0, 0, 1)), (EMPTY, ONE, (0, 1, 0))]
)
def test_one_side_empty_is_zero(truth, prediction, expected):
    found = metrics.match(truth, prediction)
    assert (found.tp, found.fp, found.fn) == expected
    for name in ("precision", "recall", "f1", "average_precision", "panoptic_quality", "mean_matched_iou"):
        assert getattr(found, name) == 0, name
    for metric in (metrics.iou, metrics.dice, metrics.precision, metrics.recall, metrics.f1):
        assert metric(truth, prediction) == 0
    assert metrics.match(truth, prediction, 0).tp == 0


def test_no_background():
    full = np.ones((4, 4), int)
    assert counts(full, full) == [(1, 0, 0)] * len(THRESHOLDS)


# --- Against others -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stardist():
    """StarDist's matching, which defines the counts."""
    return pytest.importorskip("stardist.matching", reason="StarDist is not installed")


@pytest.fixture(scope="module")
def cellpose():
    return pytest.importorskip("cellpose.metrics", reason="Cellpose is not installed")


def stardist_counts(stardist, truth, prediction, thresholds=THRESHOLDS):
    return [(m.tp, m.fp, m.fn) for m in stardist.matching(truth, prediction, thresh=list(thresholds))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_counts_of_stardist_and_cellpose(seed, stardist, cellpose):
    truth, prediction = random_pair(seed)
    ours = counts(truth, prediction)
    assert ours == stardist_counts(stardist, truth, prediction)
    theirs = cellpose.average_precision(truth, prediction, list(THRESHOLDS))
    assert ours == [tuple(map(int, row)) for row in zip(*theirs[1:], strict=True)]
    np.testing.assert_allclose(metrics.average_precision(truth, prediction, THRESHOLDS), theirs[0], rtol=1e-6)


@pytest.mark.slow
@settings(max_examples=150)
@given(pairs())
def test_counts_of_stardist_on_anything(stardist, pair):
    thresholds = (0.0, 0.1, 0.25, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.75, 1.0)
    assert counts(*pair, thresholds) == stardist_counts(stardist, *pair, thresholds)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_other_numbers_of_stardist(seed, stardist):
    truth, prediction = random_pair(seed)
    for threshold in (0.5001, 0.7):
        ours, theirs = (f(truth, prediction, threshold) for f in (metrics.match, stardist.matching))
        for our, their in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1"),
            ("average_precision", "accuracy"),
            ("panoptic_quality", "panoptic_quality"),
            ("mean_matched_iou", "mean_matched_score"),
        ):
            assert getattr(ours, our) == pytest.approx(getattr(theirs, their), rel=1e-6), our


def test_3d_stack(stardist):
    labels = data.load("nuclei-3d").labels
    for axis, shift in ((0, 1), (1, 2), (2, 3)):
        moved = np.roll(labels, shift, axis)
        assert counts(labels, moved) == stardist_counts(stardist, labels, moved)


def test_dataset_of_stardist(stardist):
    truths, predictions = zip(*map(random_pair, range(5)), strict=True)
    thresholds = (0.3, 0.5, 0.7)
    ours = metrics.average_precision_dataset(truths, predictions, thresholds)
    for by_image, score in ((False, ours.pooled), (True, ours.mean)):
        theirs = stardist.matching_dataset(
            truths, predictions, thresh=thresholds, by_image=by_image, show_progress=False
        )
        np.testing.assert_allclose(score, [m.accuracy for m in theirs])
    assert ours.tp.shape == ours.fp.shape == ours.fn.shape == ours.by_image.shape == (5, 3)


@settings(max_examples=30)
@given(hnp.arrays(bool, (6, 7)), hnp.arrays(bool, (6, 7)))
def test_pixels_of_scikit_learn(truth, prediction):
    from sklearn import metrics as sk

    flat = truth.ravel(), prediction.ravel()
    assert metrics.accuracy(truth, prediction) == pytest.approx(sk.accuracy_score(*flat))
    if truth.any() or prediction.any():
        for ours, theirs in (
            (metrics.iou, sk.jaccard_score),
            (metrics.dice, sk.f1_score),
            (metrics.f1, sk.f1_score),
            (metrics.precision, sk.precision_score),
            (metrics.recall, sk.recall_score),
        ):
            assert ours(truth, prediction) == pytest.approx(theirs(*flat, zero_division=0))


def test_intensities_of_scikit_image():
    from skimage import metrics as sk

    reference = data.load("camera").image
    noisy = data.synthetic.camera(reference / 255, photons=50, psf=0, gain=5, offset=0)
    assert metrics.psnr(reference, noisy, 255) == pytest.approx(
        sk.peak_signal_noise_ratio(reference.astype(float), noisy.astype(float), data_range=255)
    )
    expected = sk.structural_similarity(
        reference.astype(float),
        noisy.astype(float),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim(reference, noisy, 255) == pytest.approx(expected)
    colour = data.load("tissue-he").image
    assert metrics.ssim(colour, colour, channel_axis=-1) == pytest.approx(1)


# --- Invariants ---------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(pairs(), st.randoms(use_true_random=False))
def test_numbers_of_labels_do_not_matter(pair, random):
    names = random.sample(range(1, 10**6), 6)
    lookup = np.array([0, *names])
    assert counts(*pair) == counts(lookup[pair[0]], pair[1]) == counts(pair[0], lookup[pair[1]])


@settings(max_examples=150)
@given(pairs())
def test_roles_swap(pair):
    assert counts(*pair) == [(tp, fn, fp) for tp, fp, fn in counts(*pair[::-1])]


@settings(max_examples=150)
@given(pairs())
def test_a_match_is_consistent(pair):
    truth, prediction = pair
    previous = None
    for threshold in sorted(THRESHOLDS):
        found = metrics.match(truth, prediction, threshold)
        assert found.n_true == len(set(truth.ravel()) - {0})
        assert found.n_predicted == len(set(prediction.ravel()) - {0})
        assert previous is None or found.tp <= previous, "higher thresholds match less"
        previous = found.tp
        for (a, b), iou in zip(found.pairs, found.ious, strict=True):
            assert iou == pytest.approx(metrics.iou(truth == a, prediction == b))
            assert np.float32(iou) >= np.float32(threshold)
        for side, rest, image in ((0, found.missed, truth), (1, found.spurious, prediction)):
            everyone = sorted([*found.pairs[:, side], *rest])
            assert everyone == sorted(set(image.ravel()) - {0})


@given(small_labels())
def test_an_image_matches_itself(labels):
    n = len(set(labels.ravel()) - {0})
    assert counts(labels, labels) == [(n, 0, 0)] * len(THRESHOLDS)


@given(pairs(highest=1))
def test_one_object_is_pixel_iou(pair):
    if pair[0].any() and pair[1].any():
        iou = metrics.iou(*pair)
        assert metrics.match(*pair, 1e-9).ious.sum() == pytest.approx(iou)
        assert metrics.dice(*pair) == pytest.approx(2 * iou / (1 + iou))


@given(pairs())
def test_memory_layout_and_dtype_do_not_matter(pair):
    expected = counts(*pair)
    for dtype in (np.uint8, np.int16, np.uint32, np.uint64):
        assert counts(pair[0].astype(dtype), pair[1]) == expected
    assert counts(np.asfortranarray(pair[0]), pair[1]) == expected
    assert counts(pair[0].T, pair[1].T) == expected
    assert counts(pair[0].tolist(), pair[1].tolist()) == expected


def test_huge_label_numbers():
    truth = np.array([[2**62, 2**62, 0, 5]])
    found = metrics.match(truth, truth.astype(np.uint64))
    assert found.pairs.tolist() == [[5, 5], [2**62, 2**62]] and found.pairs.dtype == np.int64


def test_arguments_are_not_changed():
    truth, prediction = random_pair(1)
    before = truth.copy(), prediction.copy()
    counts(truth, prediction)
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(prediction, before[1])
    for image in (truth, prediction):
        image.setflags(write=False)
    counts(truth, prediction)


@pytest.mark.parametrize("kind", ["noise", "chain"])
def test_worst_cases_are_bearable(kind):
    """Every pixel its own run, or all objects in one long chain at a low threshold."""
    random = np.random.default_rng(0)
    if kind == "noise":
        truth, prediction = random.integers(0, 1000, (2, 512, 512))
        assert metrics.match(truth, prediction, 0.01).tp >= 0
    else:
        truth = np.repeat(np.arange(1, 801), 10)
        prediction = np.roll(truth, 5)
        assert metrics.match(truth, prediction, 0.3).tp == 800


# --- Data sets and uncertainty ------------------------------------------------------------------------


def test_pooled_and_mean_can_disagree():
    crowded = np.kron(np.arange(1, 101).reshape(10, 10), np.ones((3, 3), int))
    half = np.where(crowded <= 50, crowded, 0)
    lone = np.zeros((9, 9), int)
    lone[2:5, 2:5] = 1
    scores = metrics.average_precision_dataset([crowded, lone], [half, lone], 0.5)
    assert scores.pooled[0] == pytest.approx(51 / 101) and scores.mean[0] == pytest.approx(0.75)
    assert "2 images" in repr(scores)


def test_pairs_without_objects_do_not_count():
    scores = metrics.average_precision_dataset([ONE, EMPTY], [ONE, EMPTY], [0.5, 0.9])
    np.testing.assert_array_equal(scores.mean, [1, 1])
    np.testing.assert_array_equal(scores.pooled, [1, 1])
    assert np.isnan(scores.by_image[1]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nothing = metrics.average_precision_dataset([EMPTY, EMPTY], [EMPTY, EMPTY])
        assert np.isnan(nothing.mean).all() and np.isnan(nothing.pooled).all()
        assert np.isnan(nothing.interval()).all()


@pytest.mark.parametrize("of", ["pooled", "mean"])
def test_interval_holds_the_score(of):
    truths, predictions = zip(*[random_pair(seed, 48) for seed in range(20)], strict=True)
    scores = metrics.average_precision_dataset(truths, predictions, (0.3, 0.5))
    low, high = scores.interval(of=of, resamples=300)
    assert low.shape == high.shape == (2,)
    assert (low < getattr(scores, of)).all() and (getattr(scores, of) < high).all()
    again = scores.interval(of=of, resamples=300)
    np.testing.assert_array_equal(again, (low, high))
    narrow = scores.interval(0.5, of=of, resamples=300)
    assert (narrow[0] > low).all() and (narrow[1] < high).all()


def test_bootstrap_covers_the_mean():
    random = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        low, high = metrics.bootstrap_interval(random.normal(size=40), level=0.9, resamples=200, seed=trial)
        inside += low < 0 < high
    assert 165 <= inside <= 193  # about 180 of 200
    low, high = metrics.bootstrap_interval([3.0, 3.0, 3.0])
    assert low == high == 3
    median = metrics.bootstrap_interval(np.arange(30.0), np.median, resamples=100)
    assert isinstance(median[0], float) and median[0] < 14.5 < median[1]


def test_calibration():
    random = np.random.default_rng(0)
    scores = random.random(20000)
    honest = metrics.calibration(random.random(20000) < scores, scores)
    assert honest.error < 0.02 and honest.count.sum() == 20000
    boastful = metrics.calibration(random.random(20000) < scores**3, scores)
    assert boastful.error > 0.15
    few = metrics.calibration([1, 0], [1.0, 1.0], bins=4)
    assert few.error == 0.5 and np.isnan(few.score[:3]).all() and few.observed[3] == 0.5


# --- Intensities --------------------------------------------------------------------------------------


def test_psnr_by_hand():
    assert metrics.psnr([0, 100], [10, 90]) == pytest.approx(20)
    assert metrics.psnr([0, 100], [10, 90], 1000) == pytest.approx(40)
    assert metrics.psnr([1, 2], [1, 2]) == np.inf
    reference = np.array([0, 255], np.uint8)  # no wrap-around
    assert metrics.psnr(reference, reference[::-1], 255) == pytest.approx(0)


def test_scale_invariance():
    random = np.random.default_rng(0)
    reference = random.random((32, 32))
    noisy = reference + random.normal(0, 0.1, reference.shape)
    expected = metrics.scale_invariant_psnr(reference, noisy)
    assert expected > 18
    assert metrics.scale_invariant_psnr(reference, 500 * noisy + 30) == pytest.approx(expected)
    assert metrics.scale_invariant_psnr(7 * reference - 3, noisy) == pytest.approx(expected)
    assert metrics.scale_invariant_psnr(reference, 3 * reference + 1) == np.inf
    assert expected >= metrics.psnr(reference, noisy)
    # Where the best is to say nothing: as good as the mean of the reference.
    flat = np.full_like(reference, 5)
    assert metrics.scale_invariant_psnr(reference, flat) == pytest.approx(
        metrics.psnr(reference, np.full_like(reference, reference.mean()))
    )


# --- Broken inputs ------------------------------------------------------------------------------------

GOOD = np.eye(12, dtype=int)
NOT_LABELS = [
    None,
    3,
    "labels",
    [],
    {},
    object(),
    [[1, 2], [3]],
    np.zeros((0, 4), int),
    GOOD.astype(float),
    GOOD.astype(bool),
    GOOD.astype(complex),
    -GOOD,
    GOOD.astype(str),
    np.array([[1, None]]),
    np.full((12, 12), 2**63 + 1, np.uint64),
]


@pytest.mark.parametrize("broken", NOT_LABELS, ids=lambda b: repr(b)[:20])
@pytest.mark.parametrize(
    "metric",
    [
        metrics.match,
        metrics.average_precision,
        metrics.panoptic_quality,
        lambda a, b: metrics.average_precision_dataset([a], [b]),
    ],
)
def test_what_is_no_label_image(metric, broken):
    for arguments in ((broken, GOOD), (GOOD, broken), (broken, broken)):
        with pytest.raises(InputError, match=r"truth|prediction"):
            metric(*arguments)


def test_sentences_say_how_to_fix_it():
    for broken, fix in ((GOOD > 0, "skimage.measure.label"), (GOOD * 1.0, "astype"), (-GOOD, "negative")):
        with pytest.raises(InputError, match=fix):
            metrics.match(GOOD, broken)
    with pytest.raises(InputError, match=r"\(12, 12\).*\(12, 11\)"):
        metrics.match(GOOD, GOOD[:, 1:])
    with pytest.raises(InputError, match="pair number 1"):
        metrics.average_precision_dataset([GOOD, GOOD], [GOOD, GOOD > 0])


@pytest.mark.parametrize(
    "threshold", [-0.1, 1.1, 50, np.nan, np.inf, "half", None, [], [0.5, 2], {}, 1j, [[0.5], [0.5, 1]]]
)
@pytest.mark.parametrize(
    "metric",
    [
        metrics.match,
        metrics.average_precision,
        metrics.panoptic_quality,
        lambda a, b, t: metrics.average_precision_dataset([a], [b], t),
    ],
)
def test_broken_thresholds(metric, threshold):
    with pytest.raises(InputError, match="threshold"):
        metric(GOOD, GOOD, threshold)


@pytest.mark.parametrize("arguments", [([], []), ([GOOD], []), (GOOD[0, 0], GOOD), (None, None), ([GOOD], 3)])
def test_broken_data_sets(arguments):
    with pytest.raises(InputError):
        metrics.average_precision_dataset(*arguments)


@pytest.mark.parametrize("broken", [None, 3, [], GOOD * 0.5, "mask", GOOD[1:], [[1], [1, 2]], GOOD * 1j])
@pytest.mark.parametrize("metric", [metrics.iou, metrics.dice, metrics.f1, metrics.precision, metrics.recall])
def test_what_is_no_mask(metric, broken):
    for arguments in ((broken, GOOD), (GOOD, broken)):
        with pytest.raises(InputError):
            metric(*arguments)


@pytest.mark.parametrize("broken", [None, 3, [], GOOD * 0.5, GOOD[1:], [[1], [1, 2]], GOOD.astype(str)])
def test_what_is_no_class_map(broken):
    for arguments in ((broken, GOOD), (GOOD, broken)):
        with pytest.raises(InputError):
            metrics.accuracy(*arguments)
    assert metrics.accuracy(["a", "b"], ["a", "c"]) == 0.5


@pytest.mark.parametrize(
    "broken",
    [None, 3.0, [], "image", GOOD[1:], GOOD * np.nan, GOOD * 1j, [[1], [1, 2]], np.full((12, 12), np.inf)],
)
@pytest.mark.parametrize("metric", [metrics.psnr, metrics.scale_invariant_psnr, metrics.ssim])
def test_what_is_no_image(metric, broken):
    for arguments in ((broken, GOOD), (GOOD, broken)):
        with pytest.raises(InputError):
            metric(*arguments)


@pytest.mark.parametrize("data_range", [0, -1, np.nan, np.inf, "255", [1, 2]])
@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_broken_ranges(metric, data_range):
    with pytest.raises(InputError, match="data_range"):
        metric(GOOD, GOOD, data_range)


def test_other_broken_images():
    flat = np.ones((12, 12))
    for metric in (metrics.psnr, metrics.ssim):
        with pytest.raises(InputError, match="data_range"):
            metric(flat, GOOD)
    with pytest.raises(InputError, match="one value everywhere"):
        metrics.scale_invariant_psnr(flat, GOOD)
    with pytest.raises(InputError, match="channel_axis"):
        metrics.ssim(np.eye(20)[..., None], np.eye(20)[..., None])
    for axis in (5, "C", 1.5):
        with pytest.raises(InputError, match="channel_axis"):
            metrics.ssim(GOOD, GOOD, channel_axis=axis)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((None,), {}),
        (([],), {}),
        (([1.0],), {}),
        ((["a", "b"],), {}),
        (([1, 2],), {"level": 95}),
        (([1, 2],), {"level": "high"}),
        (([1, 2],), {"resamples": 0}),
        (([1, 2],), {"resamples": 1.5}),
        (([1, 2],), {"seed": -1}),
        (([1, 2], "mean"), {}),
    ],
)
def test_broken_bootstraps(arguments, options):
    with pytest.raises(InputError):
        metrics.bootstrap_interval(*arguments, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ([1, 0], [0.5]),
        ([1, 0], [0.5, 1.5]),
        ([2, 0], [0.5, 0.5]),
        ([1.0, 0.0], [0.5, 0.5]),
        ([1], [np.nan]),
        (1, 0.5),
    ],
)
def test_broken_calibrations(arguments):
    with pytest.raises(InputError):
        metrics.calibration(*arguments)


@pytest.mark.parametrize("bins", [0, -1, 2.5, None, "ten"])
def test_broken_bins(bins):
    with pytest.raises(InputError, match="bins"):
        metrics.calibration([1, 0], [0.5, 0.5], bins)


def test_broken_intervals():
    scores = metrics.average_precision_dataset([GOOD, GOOD], [GOOD, GOOD])
    with pytest.raises(InputError, match="pooled"):
        scores.interval(of="median")
    with pytest.raises(InputError, match="at least two"):
        metrics.average_precision_dataset([GOOD], [GOOD]).interval()
