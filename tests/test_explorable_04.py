"""The explorable of chapter 4 computes what NumPy and PyTorch compute."""

import re

import numpy as np
import pytest

from bioimage_course import data
from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.materials.ch04 import correlate, pool
from browser import frame
from explorable_page import as_float, control, number, opened

pytestmark = pytest.mark.browser
TAG = "convolution-explorer"
SCRIPT = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
IMAGE = np.array([int(v) for v in re.search(r"const IMAGE = \[([\d,\s]*)\]", SCRIPT)[1].split(",")]).reshape(
    16, 16
)
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def everything(page):
    """The whole output image."""
    values = page.evaluate("tag => document.querySelector(tag).results", TAG)
    side = round(len(values) ** 0.5)
    return np.array(values).reshape(side, side)


def test_image_is_cut_from_the_built_in_sample():
    cut = data.load("nuclei").image[268:332, 300:364].astype(float)
    np.testing.assert_array_equal(IMAGE, np.rint(cut.reshape(16, 4, 16, 4).mean(axis=(1, 3))))


def test_arrow_keys_move_the_window_and_the_sum_follows(page):
    right = correlate(IMAGE, SOBEL)
    assert as_float(page, "sum") == right[4, 4]
    assert number(page, "size") == "14 × 14"
    control(page, "window").focus()
    page.keyboard.press("ArrowRight")
    assert as_float(page, "sum") == right[4, 5]
    page.keyboard.press("ArrowDown")
    assert as_float(page, "sum") == right[5, 5]
    products = [
        p.replace("= ", "").replace("−", "-") for p in page.locator("[data-product]").all_inner_texts()
    ]
    np.testing.assert_allclose([float(p) for p in products], (IMAGE[5:8, 5:8] * SOBEL).ravel())
    assert sum(map(float, products)) == right[5, 5]


def test_slider_and_step_by_keyboard(page):
    right = correlate(IMAGE, SOBEL).ravel()
    control(page, "position").focus()
    page.keyboard.press("End")
    assert as_float(page, "sum") == right[-1]
    page.keyboard.press("Home")
    assert as_float(page, "sum") == right[0]
    control(page, "step").focus()
    page.keyboard.press("Enter")
    assert as_float(page, "sum") == right[1]


@pytest.mark.parametrize("padding", ["none", "zeros", "mirror"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 4), (4, 3)])
def test_every_setting_agrees_with_scipy(page, padding, stride, dilation):
    control(page, f"padding-{padding}").check(force=True)
    control(page, "stride").fill(str(stride))
    control(page, "dilation").fill(str(dilation))
    frame(page)
    p = 0 if padding == "none" else dilation
    padded = np.pad(IMAGE, p, mode="reflect") if padding == "mirror" else np.pad(IMAGE, p)
    right = correlate(padded, SOBEL, stride=stride, dilation=dilation)
    assert number(page, "size") == f"{len(right)} × {len(right)}"
    np.testing.assert_allclose(everything(page), right)


@pytest.mark.parametrize("how", ["max", "average"])
def test_pooling_and_back(page, how):
    control(page, "kernel").select_option(how)
    assert number(page, "size") == "8 × 8"
    np.testing.assert_allclose(everything(page), pool(IMAGE, how))
    control(page, "kernel").select_option("own")  # the weights of before are still there
    assert number(page, "size") == "14 × 14"
    np.testing.assert_allclose(everything(page), correlate(IMAGE, SOBEL))


def test_edited_weight_counts(page):
    box = control(page, "weight-4")
    box.fill("2,5")
    box.press("Tab")
    kernel = SOBEL.astype(float)
    kernel[1, 1] = 2.5
    frame(page)
    np.testing.assert_allclose(everything(page), correlate(IMAGE, kernel))
    assert control(page, "kernel").input_value() == "own"
    box.press("ArrowUp")
    frame(page)
    assert box.input_value() == "3.50"
    box.fill("rubbish")
    box.press("Tab")
    frame(page)
    assert everything(page)[0, 0] == correlate(IMAGE, kernel + np.eye(9)[4].reshape(3, 3))[0, 0]


def test_dragging_moves_the_window_to_the_pointer(page):
    canvas = page.locator("canvas").first.bounding_box()
    page.mouse.click(canvas["x"] + canvas["width"] * 12.5 / 16, canvas["y"] + canvas["height"] * 2.5 / 16)
    assert as_float(page, "sum") == correlate(IMAGE, SOBEL)[1, 11]


def test_run_fills_the_output_and_stops(open_page):
    page = opened(open_page, TAG, reduced_motion=True)
    control(page, "run").click()
    frame(page)
    assert (
        page.locator("canvas")
        .nth(1)
        .get_attribute("aria-label")
        .startswith("Output of 14 by 14 pixels, 196 of 196")
    )
    assert as_float(page, "sum") == correlate(IMAGE, SOBEL)[-1, -1]
