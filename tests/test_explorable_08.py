"""The explorable of chapter 8 hides what it says it hides, and its errors are those of NumPy."""

import re

import numpy as np
import pytest
from scipy import ndimage

from bioimage_course import data
from bioimage_course.explore.explorables import SCRIPTS
from browser import frame
from explorable_page import as_float, control, opened

pytestmark = pytest.mark.browser
TAG = "denoising-explorer"
SCRIPT = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
IMAGE = np.array([int(v) for v in re.search(r"const IMAGE = \[([\d,\s]*)\]", SCRIPT)[1].split(",")]).reshape(
    24, 24
)


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG, reduced_motion=True)


def field(page, name):
    values = np.array(page.evaluate(f"tag => document.querySelector(tag).{name}", TAG))
    return values.reshape(24, 24) if values.size == 576 else values


def test_image_is_cut_from_the_built_in_sample():
    cut = data.load("nuclei").image[268:340, 300:372].astype(float)
    np.testing.assert_array_equal(IMAGE, np.rint(cut.reshape(24, 3, 24, 3).mean(axis=(1, 3))))


def test_spots_hold_a_neighbour_and_nothing_else_changes(page):
    noisy, masked, spots = field(page, "noisy"), field(page, "masked"), field(page, "spots")
    assert 5 <= len(spots) <= 60
    assert sorted(np.flatnonzero(masked != noisy)) == sorted(spots)
    padded = np.pad(noisy, 1, mode="reflect")
    for spot in spots:
        y, x = divmod(int(spot), 24)
        around = np.delete(padded[y : y + 3, x : x + 3].ravel(), 4)
        assert np.isclose(around, masked[y, x]).any()


@pytest.mark.parametrize(
    ("name", "footprint", "function"),
    [
        ("median9", np.ones((3, 3)), np.median),
        ("median8", [[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.median),
        ("mean8", [[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.mean),
        ("vertical", [[0, 1, 0], [0, 0, 0], [0, 1, 0]], np.mean),
    ],
)
def test_answers_and_errors_are_those_of_scipy(page, name, footprint, function):
    control(page, "predictor").select_option(name)
    frame(page)
    answer = ndimage.generic_filter(
        field(page, "masked"), function, footprint=np.array(footprint), mode="mirror"
    )
    np.testing.assert_allclose(field(page, "answer"), answer)
    at = np.unravel_index(field(page, "spots").astype(int), IMAGE.shape)
    assert as_float(page, "loss") == pytest.approx(
        np.mean((answer - field(page, "noisy"))[at] ** 2), abs=0.51
    )
    assert as_float(page, "truth") == pytest.approx(np.mean((answer - IMAGE)[at] ** 2), abs=0.51)


def test_keyboard_changes_the_noise_and_the_numbers_follow(page):
    before = as_float(page, "noise")
    control(page, "strength").focus()
    page.keyboard.press("End")  # 40 instead of 20: four times the variance
    assert as_float(page, "noise") == pytest.approx(4 * before, rel=0.01)
    page.keyboard.press("Home")
    assert as_float(page, "noise") == 0 and as_float(page, "loss") == as_float(page, "truth")
    control(page, "pixel").focus()
    at = page.evaluate("tag => document.querySelector(tag).at", TAG)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("tag => document.querySelector(tag).at", TAG) == at + 25


def test_without_blind_spots_the_identity_looks_perfect(page):
    control(page, "predictor").select_option("identity")
    control(page, "blind-no").check(force=True)
    assert as_float(page, "loss") == 0 and as_float(page, "truth") == as_float(page, "noise") > 100
    control(page, "blind-yes").check(force=True)
    assert as_float(page, "loss") > as_float(page, "noise")


def test_averaged_loss_is_true_error_plus_noise(page):
    control(page, "run").click()
    assert as_float(page, "masks") == 300
    loss, truth, noise = (as_float(page, name) for name in ("loss", "truth", "noise"))
    assert loss - truth == pytest.approx(noise, rel=0.12)


def test_column_noise_is_read_from_above_and_below(page):
    control(page, "noise-columns").check(force=True)
    control(page, "predictor").select_option("vertical")
    control(page, "run").click()
    assert as_float(page, "loss") < 0.3 * as_float(page, "noise") < as_float(page, "truth")
    assert "sees the noise" in page.locator("[data-text=note]").inner_text()


def test_a_spot_can_be_set_and_taken_away(page):
    control(page, "pixel").focus()
    count = len(field(page, "spots"))
    control(page, "here").uncheck()
    frame(page)
    assert len(field(page, "spots")) == count - 1
    control(page, "here").check()
    frame(page)
    assert len(field(page, "spots")) == count
