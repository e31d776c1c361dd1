"""The explorable of chapter 0 in a real browser: its numbers are those of NumPy."""

import re

import numpy as np
import pytest

from browser import frame, overflow
from coursebook import explorable_data
from explorable_page import control, number, set_slider
from test_explorables_browser import explorable  # noqa: F401

pytestmark = pytest.mark.browser
TAG = "pixel-explorer"


def greys(page):
    """The picture as drawn: one grey for each pixel of the patch."""
    frame(page)
    values = page.evaluate(
        """tag => { const e = document.querySelector(tag), c = e.small;
          return Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data); }""",
        TAG,
    )
    side = len(explorable_data.pixels())
    return np.array(values).reshape(side, side, 4)[..., 0]


def expected(values, low, high, gamma):
    share = np.clip((values.astype(float) - low) / (high - low), 0, 1)
    return np.floor(255 * share**gamma + 0.5)  # JavaScript rounds halves up


def numbers(page):
    return {name: number(page, name) for name in ("value", "mean", "levels")}


def test_the_patch_is_the_built_in_sample():
    text = explorable_data.PIXELS_SCRIPT.read_text(encoding="utf-8")
    assert (
        explorable_data.BLOCK.search(text)[0].split("\n", 1)[1].rsplit("\n", 1)[0] + "\n"
        == explorable_data.pixels_block()
    )


def test_at_first_each_value_is_its_own_grey(explorable):  # noqa: F811
    page = explorable(TAG)
    values = explorable_data.pixels()
    assert np.array_equal(greys(page), values)
    assert numbers(page) == {
        "value": str(values[24, 27]),
        "mean": f"{values.mean():.2f}",
        "levels": str(np.unique(values).size),
    }


def test_display_by_keyboard_changes_the_picture_and_no_number(explorable):  # noqa: F811
    page = explorable(TAG)
    before, picture, grey = numbers(page), greys(page), number(page, "grey")
    for _ in range(3):
        control(page, "high").press("PageDown")
    control(page, "low").press("ArrowRight")
    control(page, "gamma").press("ArrowLeft")
    assert not np.array_equal(greys(page), picture) and number(page, "grey") != grey
    assert numbers(page) == before


@pytest.mark.parametrize(("low", "high", "gamma"), [(0, 70, 1), (20, 45, 1), (0, 255, 0.5), (30, 200, 2.2)])
def test_greys_are_those_of_the_formula(explorable, low, high, gamma):  # noqa: F811
    page = explorable(TAG)
    for name, value in (("low", low), ("high", high), ("gamma", gamma)):
        set_slider(page, name, value)
    assert np.abs(greys(page) - expected(explorable_data.pixels(), low, high, gamma)).max() == 0


def test_black_stays_below_white(explorable):  # noqa: F811
    page = explorable(TAG)
    set_slider(page, "high", 40)
    set_slider(page, "low", 120)
    assert (control(page, "low").input_value(), control(page, "high").input_value()) == ("120", "121")
    set_slider(page, "high", 1)
    assert control(page, "low").input_value() == "0"


def test_auto_contrast(explorable):  # noqa: F811
    page = explorable(TAG)
    control(page, "auto").click()
    frame(page)
    values = explorable_data.pixels()
    assert (control(page, "low").input_value(), control(page, "high").input_value()) == (
        str(values.min()),
        str(values.max()),
    )
    assert {greys(page).min(), greys(page).max()} == {0, 255}


@pytest.mark.parametrize("bits", range(1, 9))
def test_bit_depth_changes_the_numbers_themselves(explorable, bits):  # noqa: F811
    page = explorable(TAG)
    assert not control(page, "bits").is_visible()
    control(page, "mode-bits").check(force=True)
    set_slider(page, "bits", bits)
    steps = 2**bits - 1
    nearest = np.floor(explorable_data.pixels() * (steps / 255) + 0.5)
    values = np.floor(nearest * 255 / steps + 0.5).astype(int)
    assert numbers(page) == {
        "value": str(values[24, 27]),
        "mean": f"{values.mean():.2f}",
        "levels": str(np.unique(values).size),
    }
    control(page, "mode-display").check(force=True)
    assert number(page, "mean") == f"{explorable_data.pixels().mean():.2f}"


def test_fewer_bits_do_not_darken_the_patch():
    """Rounding is off by half a step at most, and the mean stays; cutting bits off would lower it."""
    values = explorable_data.pixels().astype(float)
    for bits in (4, 5, 6, 7):
        step = 255 / (2**bits - 1)
        rounded = np.round(values / step) * step
        assert np.abs(rounded - values).max() <= step / 2 + 1e-9
        assert abs(rounded.mean() - values.mean()) < 1
        cut = (explorable_data.pixels() >> (8 - bits)) << (8 - bits)
        assert values.mean() - cut.mean() > (2 ** (8 - bits) - 1) / 3


def test_a_pixel_by_arrow_keys(explorable):  # noqa: F811
    page = explorable(TAG)
    values, ring = explorable_data.pixels(), control(page, "pixel")
    for key, place in (("ArrowRight", (24, 28)), ("ArrowUp", (23, 28)), ("Shift+ArrowDown", (33, 28))):
        ring.press(key)
        assert number(page, "value") == str(values[place])
    for _ in range(9):
        ring.press("Shift+ArrowLeft")
    frame(page)
    assert f"row 33, column 0, value {values[33, 0]}" in ring.get_attribute("aria-label")


def test_a_pixel_by_hovering(explorable):  # noqa: F811
    page = explorable(TAG)
    values, box = explorable_data.pixels(), page.locator("canvas").first.bounding_box()
    for row, column in (
        (5, 40),
        (6, 40),
        (7, 41),
        (47, 0),
    ):  # small steps: the ring does not hold the pointer
        page.mouse.move(
            box["x"] + (column + 0.5) / len(values) * box["width"],
            box["y"] + (row + 0.5) / len(values) * box["height"],
        )
        assert number(page, "value") == str(values[row, column])
        assert f"patch[{row}, {column}] is {values[row, column]}." in page.locator(".key").inner_text()


def test_shares_of_black_and_white_are_told(explorable):  # noqa: F811
    page = explorable(TAG)
    set_slider(page, "high", 70)
    black, white = map(
        int, re.findall(r"(\d+)(?: pixels are shown as black| as white)", page.locator(".key").inner_text())
    )
    assert (black, white) == ((explorable_data.pixels() <= 0).sum(), (explorable_data.pixels() >= 70).sum())


def test_reset_and_dark_and_narrow(explorable, axe):  # noqa: F811
    page = explorable(TAG, dark=True, width=360, height=740)
    control(page, "mode-bits").check(force=True)
    set_slider(page, "high", 30)
    assert axe(page) == [] and overflow(page) == []
    control(page, "reset").click()
    assert np.array_equal(greys(page), explorable_data.pixels())
