"""The explorable of chapter 9 computes what SciPy, scikit-image and `metrics` compute."""

import base64
import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.filters import threshold_otsu
from skimage.measure import label

from bioimage_course import metrics
from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.materials.ch09 import between_class_variance
from bioimage_course.tools.voronoi_otsu import split
from browser import frame
from coursebook import explorable_data
from explorable_page import control, number, opened

pytestmark = pytest.mark.browser
TAG = "threshold-explorer"
IMAGE, TRUTH = explorable_data.threshold()


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def labels_in(page):
    frame(page)
    return np.array(page.evaluate("tag => [...document.querySelector(tag).result.labels]", TAG)).reshape(
        IMAGE.shape
    )


def blurred(sigma):
    """As the page has it: whole numbers, as a histogram needs them."""
    return np.floor(gaussian_filter(IMAGE.astype(float), sigma) + 0.5) if sigma else IMAGE.astype(float)


def expect_score(page, labels):
    """All numbers that the page shows are those of `metrics`."""
    matched = metrics.match(TRUTH, labels, 0.5)
    assert int(number(page, "objects")) == labels.max()
    assert [int(number(page, name)) for name in ("tp", "fp", "fn")] == [matched.tp, matched.fp, matched.fn]
    assert float(number(page, "ap")) == pytest.approx(matched.average_precision, abs=0.006)
    assert float(number(page, "iou")) == pytest.approx(metrics.iou(TRUTH > 0, labels > 0), abs=0.006)


def test_patch_is_cut_from_the_built_in_sample():
    script = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
    assert explorable_data.threshold_block() in script, "run: python -m coursebook.explorable_data"
    values = np.frombuffer(base64.b64decode(re.search(r'VALUES = "([^"]+)"', script)[1]), np.uint8)
    np.testing.assert_array_equal(values.reshape(IMAGE.shape), IMAGE)
    assert len(np.unique(TRUTH)) - 1 == 7 and IMAGE.max() < 160  # the histogram ends there


def test_arrow_keys_move_the_threshold_and_everything_follows(page):
    spread = between_class_variance(np.bincount(IMAGE.ravel(), minlength=256))
    slider = control(page, "threshold")
    slider.focus()
    start = int(slider.input_value())
    before = labels_in(page)
    assert float(number(page, "variance")) == pytest.approx(spread[start], abs=0.06)
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert int(slider.input_value()) == start - 5
    assert float(number(page, "variance")) == pytest.approx(spread[start - 5], abs=0.06)
    assert (labels_in(page) > 0).sum() > (before > 0).sum()
    expect_score(page, label(start - 5 < IMAGE))


@pytest.mark.parametrize("sigma", [0, 1, 2.5])
def test_otsu_button_is_scikit_images_threshold(page, sigma):
    control(page, "sigma").fill(str(sigma))
    control(page, "otsu").focus()
    page.keyboard.press("Enter")
    frame(page)
    assert int(control(page, "threshold").input_value()) == threshold_otsu(blurred(sigma).astype(np.uint8))
    assert "This is Otsu's threshold" in page.locator("[data-text=note], .note").first.inner_text()


@pytest.mark.parametrize(("threshold", "sigma"), [(20, 0), (45, 0), (45, 1), (60, 2), (90, 3.5), (150, 1)])
def test_components_agree_with_scikit_image(page, threshold, sigma):
    control(page, "sigma").fill(str(sigma))
    control(page, "threshold").fill(str(threshold))
    right = label(blurred(sigma) > threshold)
    got = labels_in(page)
    np.testing.assert_array_equal(got > 0, right > 0)
    assert len(np.unique(got * 1000 + right)) == len(np.unique(right))  # same objects, numbered alike or not
    if right.any():
        expect_score(page, right)


@pytest.mark.parametrize(("threshold", "spots"), [(50, 2), (50, 4), (35, 6), (70, 3)])
def test_cut_at_seeds_agrees_with_the_adapter(page, threshold, spots):
    control(page, "sigma").fill("1")
    control(page, "mode-cut").check(force=True)
    control(page, "spots").fill(str(spots))
    control(page, "threshold").fill(str(threshold))
    mask = blurred(1) > threshold
    right = split(mask, gaussian_filter(IMAGE.astype(float), spots))
    got = labels_in(page)
    assert got.max() == right.max() == int(number(page, "objects"))
    # Pixels as far from one seed as from another may go either way.
    assert metrics.match(right, got, 0.9).tp == right.max()
    np.testing.assert_array_equal(got[right == 0], 0)


def test_a_histogram_of_nothing_above_the_threshold(page):
    control(page, "threshold").fill("159")
    assert number(page, "objects") == "0" and number(page, "tp") == "0" and number(page, "fn") == "7"
    assert float(number(page, "iou")) == 0 and float(number(page, "ap")) == 0


def test_dragging_over_the_histogram_sets_the_threshold(page):
    histogram = page.locator("canvas").nth(1)
    histogram.scroll_into_view_if_needed()
    box = histogram.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    frame(page)
    assert abs(int(control(page, "threshold").input_value()) - 80) <= 1


def test_reset_brings_the_first_state_back(page):
    first = number(page, "variance"), number(page, "iou"), control(page, "threshold").input_value()
    control(page, "otsu").click()
    control(page, "mode-cut").check(force=True)
    assert number(page, "variance") != first[0]
    page.get_by_role("button", name="Reset").click()
    now = number(page, "variance"), number(page, "iou"), control(page, "threshold").input_value()
    assert now == first and control(page, "spots").is_hidden()
