"""The Voronoi-Otsu adapter: known discs, the recipe step by step, and sentences for bad input."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from bioimage_course import data, metrics
from bioimage_course.errors import InputError
from bioimage_course.tools import voronoi_otsu


def discs(*places, shape=(80, 100), radius=9, height=100.0):
    """Bright discs with a soft rim on a dark, slightly noisy ground."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.random.default_rng(0).normal(10, 1, shape)
    for row, column in places:
        image += height * (np.hypot(rows - row, columns - column) < radius)
    return image


def test_it_is_the_recipe_of_the_chapter():
    image = data.load("nuclei").image.astype(np.float32)
    smooth = gaussian_filter(image, 1.5)
    mask = smooth > threshold_otsu(smooth)
    seeds = label(local_maxima(gaussian_filter(image, 4)) & mask)
    right = watershed(np.zeros(image.shape), seeds, mask=mask)
    got = voronoi_otsu.segment(image, spot_sigma=4, outline_sigma=1.5)
    np.testing.assert_array_equal(got, right)
    assert got.dtype == np.int32 and got.shape == image.shape


def test_known_discs_are_found_one_by_one():
    labels = voronoi_otsu.segment(discs((20, 20), (20, 60), (60, 40)))
    assert labels.max() == 3
    assert len({labels[20, 20], labels[20, 60], labels[60, 40], 0}) == 4
    areas = np.bincount(labels.ravel())[1:]
    np.testing.assert_allclose(areas, np.pi * 81, rtol=0.15)


def test_touching_discs_are_cut_in_the_middle():
    image = discs((40, 35), (40, 52))
    labels = voronoi_otsu.segment(image, spot_sigma=4)
    assert label(labels > 0).max() == 1 and labels.max() == 2
    areas = np.bincount(labels.ravel())[1:]
    assert max(areas) < 1.15 * min(areas)
    assert labels[40, 38] != labels[40, 49]


def test_automatic_blur_follows_the_size_of_the_objects():
    image = discs((20, 20), (20, 60), (60, 40))
    larger = np.kron(image, np.ones((3, 3)))
    assert voronoi_otsu.segment(image).max() == voronoi_otsu.segment(larger).max() == 3
    assert voronoi_otsu.segment(larger, spot_sigma=0.5).max() > 10  # fits the noise, not the discs


def test_inner_radius_of_discs():
    rows, columns = np.mgrid[:80, :100]
    mask = np.hypot(rows - 30, columns - 30) < 12
    assert voronoi_otsu.inner_radius(mask) == pytest.approx(12, abs=0.5)
    specks = mask.copy()
    specks[70, ::4] = True  # many tiny components weigh little
    assert voronoi_otsu.inner_radius(specks) == pytest.approx(12, abs=0.5)
    assert voronoi_otsu.inner_radius(np.zeros((5, 5), bool)) == 0


def test_score_on_the_built_in_image():
    """As the chapter's table has it; 0.05 is six nuclei."""
    nuclei = data.load("nuclei")
    found = voronoi_otsu.segment(nuclei)
    assert metrics.match(nuclei.labels, found, 0.5).average_precision == pytest.approx(0.56, abs=0.05)


def test_gain_and_offset_of_the_camera_do_not_matter():
    crop = data.load("nuclei").image[:160, :200]
    first, second = (voronoi_otsu.segment(x, spot_sigma=3) for x in (crop, crop.astype(np.float64) * 8 + 64))
    assert metrics.match(first, second, 0.95).average_precision > 0.9  # Otsu's 256 bins lie elsewhere


def test_input_is_left_alone():
    image = discs((20, 20))
    before = image.copy()
    voronoi_otsu.segment(image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_image_has_no_objects(value):
    assert voronoi_otsu.segment(np.full((40, 50), value, np.uint8)).max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (5, 90), (33, 17)])
def test_odd_shapes(shape):
    assert voronoi_otsu.segment(np.random.default_rng(0).random(shape)).shape == shape


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((8, 8, 3))}, "2D image"),
        ({"image": np.zeros(8)}, "2D image"),
        ({"image": np.full((8, 8), np.nan)}, "NaN"),
        ({"image": np.zeros((0, 8))}, "no pixels"),
        ({"image": "nuclei.tif"}, "array"),
        ({"image": np.zeros((8, 8)), "spot_sigma": -1}, "spot_sigma"),
        ({"image": np.zeros((8, 8)), "spot_sigma": "large"}, "'auto'"),
        ({"image": np.zeros((8, 8)), "outline_sigma": None}, "outline_sigma"),
        ({"image": np.zeros((8, 8)), "outline_sigma": np.inf}, "outline_sigma"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, words):
    with pytest.raises(InputError) as caught:
        voronoi_otsu.segment(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
