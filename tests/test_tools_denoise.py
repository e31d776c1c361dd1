"""Noise level, wavelets and blind spots: what they compute, and what they refuse."""

import numpy as np
import pytest

from bioimage_course import data, metrics
from bioimage_course.errors import InputError
from bioimage_course.tools import denoise


def noise(sigma=1.0, shape=(256, 256), seed=0):
    return np.random.default_rng(seed).normal(0, sigma, shape)


# --- noise_level ------------------------------


@pytest.mark.parametrize("sigma", [0.01, 1, 40])
def test_level_of_noise_alone(sigma):
    assert denoise.noise_level(noise(sigma)) == pytest.approx(sigma, rel=0.03)


def test_structure_hardly_counts():
    rows, columns = np.mgrid[:256, :256]
    slope, edge = 0.3 * rows + 0.2 * columns, 500.0 * (columns > 100)
    assert denoise.noise_level(slope) == pytest.approx(0, abs=1e-4)
    assert denoise.noise_level(noise(3) + slope + edge) == pytest.approx(3, rel=0.05)


def test_correlated_noise_is_underestimated_as_the_docstring_says():
    grain = noise()
    smooth = (grain[1:] + grain[:-1]) / np.sqrt(2)  # the same variance, correlated with the pixel above
    assert smooth.std() == pytest.approx(1, rel=0.02)
    assert denoise.noise_level(smooth) < 0.8


def test_constant_image_has_no_noise():
    assert denoise.noise_level(np.full((8, 8), 7)) == 0


def test_samples_are_accepted():
    assert denoise.noise_level(data.load("nuclei")) > 0


@pytest.mark.parametrize("function", [denoise.noise_level, denoise.wavelets])
@pytest.mark.parametrize(
    ("image", "word"),
    [
        (np.full((8, 8), np.nan), "NaN"),
        (np.full((8, 8), np.inf), "NaN, infinity"),
        (np.zeros((3, 8, 8)), "2D image"),
        (np.zeros(8), "2D image"),
    ],
)
def test_bad_images_are_refused_in_one_sentence(function, image, word):
    with pytest.raises(InputError, match=word) as caught:
        function(image)
    assert "\n" not in str(caught.value)


def test_one_row_is_too_little_for_a_noise_level():
    with pytest.raises(InputError, match="2×2"):
        denoise.noise_level(np.zeros((1, 9)))


# --- wavelets ------------------------------


@pytest.mark.parametrize("scales", [1, 3, 5])
def test_strength_0_changes_nothing(scales):
    image = noise(5) + 100
    np.testing.assert_allclose(denoise.wavelets(image, 0, scales=scales), image, rtol=1e-5)


def test_flat_parts_become_flat_and_brightness_stays():
    image = noise(5) + 100
    restored = denoise.wavelets(image, 3)
    assert restored.std() < 0.15 * image.std()
    assert restored.mean() == pytest.approx(image.mean(), abs=0.05)


def test_nuclei_gain_decibels():
    truth = data.load("nuclei").image[:256, :256].astype(float)
    noisy = truth + noise(truth.std())
    assert metrics.psnr(truth, denoise.wavelets(noisy, 2)) > metrics.psnr(truth, noisy) + 3


def test_known_noise_replaces_the_estimate():
    image = noise(5)
    np.testing.assert_array_equal(
        denoise.wavelets(image, noise=denoise.noise_level(image)), denoise.wavelets(image)
    )
    np.testing.assert_allclose(denoise.wavelets(image, noise=0), image, atol=1e-4)


def test_noise_at_each_scale_is_that_of_the_transform():
    """The constants, measured again on one big image of noise by the differences between thresholds."""
    from scipy import ndimage

    array, kernel = noise(shape=(1024, 1024)), np.array([1, 4, 6, 4, 1]) / 16
    for scale, expected in enumerate(denoise._NOISE_AT_SCALE):
        holes = np.zeros(4 * 2**scale + 1)
        holes[:: 2**scale] = kernel
        smooth = ndimage.convolve1d(ndimage.convolve1d(array, holes, axis=0), holes, axis=1)
        assert (array - smooth).std() == pytest.approx(expected, rel=0.05)
        array = smooth


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"strength": -1}, "strength must be a number of at least 0"),
        ({"strength": "strong"}, "strength"),
        ({"noise": -1}, "noise must"),
        ({"scales": 0}, "scales must be a number from 1 to 5"),
        ({"scales": 6}, "scales must"),
    ],
)
def test_wavelets_refuse_bad_arguments(arguments, word):
    with pytest.raises(InputError, match=word):
        denoise.wavelets(np.zeros((8, 8)), **arguments)


# --- blind_spots ------------------------------


@pytest.fixture
def unique():
    """Three images in which every value occurs once."""
    return np.random.default_rng(0).permutation(3 * 40 * 50).reshape(3, 40, 50).astype(np.float32)


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_spots_hold_a_neighbour_of_their_own_image(unique, radius):
    before = unique.copy()
    masked, mask = denoise.blind_spots(unique, 0.2, radius=radius, seed=0)
    np.testing.assert_array_equal(unique, before)
    np.testing.assert_array_equal(masked != unique, mask)  # every spot changed, and nothing else did
    steps = []
    for number, row, column in np.argwhere(mask):
        source, y, x = np.argwhere(unique == masked[number, row, column])[0]
        assert source == number
        steps.append((y - row, x - column))
    steps = np.array(steps)
    assert np.abs(steps).max() == radius and (steps != 0).any(axis=1).all()
    assert len(np.unique(steps, axis=0)) > 0.8 * ((2 * radius + 1) ** 2 - 1)


def test_all_eight_neighbours_are_equally_likely():
    image = np.arange(300 * 300, dtype=float).reshape(300, 300)
    masked, mask = denoise.blind_spots(image, 0.5, radius=1, seed=1)
    inner = mask.copy()
    inner[[0, -1]] = inner[:, [0, -1]] = False
    kinds, counts = np.unique((masked - image)[inner], return_counts=True)
    assert sorted(kinds) == [-301, -300, -299, -1, 1, 299, 300, 301]
    assert counts.max() < 1.1 * counts.min()


def test_share_and_seed(unique):
    _, mask = denoise.blind_spots(np.zeros((400, 400)), 0.03, seed=0)
    assert mask.mean() == pytest.approx(0.03, rel=0.05) and mask.dtype == bool
    first, again, other = (denoise.blind_spots(unique, seed=seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    generator = np.random.default_rng(3)
    np.testing.assert_array_equal(denoise.blind_spots(unique, seed=generator)[0], first)
    assert not np.array_equal(denoise.blind_spots(unique, seed=generator)[0], first)  # it goes on


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dtype_and_shape_stay(dtype):
    masked, mask = denoise.blind_spots(np.ones((2, 1, 16, 16), dtype), seed=0)
    assert masked.dtype == dtype and masked.shape == mask.shape == (2, 1, 16, 16)


@pytest.mark.parametrize(
    ("images", "arguments", "word"),
    [
        (np.zeros(9), {}, "images"),
        (np.array([["a", "b"]]), {}, "numbers"),
        (np.zeros((9, 9)), {"share": 0}, "share"),
        (np.zeros((9, 9)), {"share": 1}, "share"),
        (np.zeros((9, 9)), {"share": True}, "share"),
        (np.zeros((9, 9)), {"radius": 0}, "radius"),
        (np.zeros((9, 9)), {"radius": 5}, "radius"),
        (np.zeros((9, 9)), {"radius": 1.5}, "radius"),
    ],
)
def test_blind_spots_refuse_bad_arguments(images, arguments, word):
    with pytest.raises(InputError, match=word):
        denoise.blind_spots(images, **arguments)


# --- the course's networks ------------------------------


def test_a_denoiser_keeps_the_shape_and_the_units():
    pytest.importorskip("careamics", reason="CAREamics is not installed")
    frame = data.load("telomere-frames").image[0, :50, :63]  # neither is a multiple of 4
    restored = denoise.load("structn2v")(frame)
    assert restored.shape == frame.shape and restored.dtype == np.float32
    assert abs(restored.mean() - frame.mean()) < 0.2 and restored.std() < frame.std()


def test_unknown_networks_and_bad_images_are_refused():
    with pytest.raises(InputError, match="there are n2n, n2v, structn2v"):
        denoise.load("care")
    pytest.importorskip("careamics", reason="CAREamics is not installed")
    with pytest.raises(InputError, match="2D"):
        denoise.load("n2n")(np.zeros((2, 8, 8)))
