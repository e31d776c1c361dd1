"""The explorable of chapter 12 in a real browser: heat, flow and crowds are those of the exercises."""

import numpy as np
import pytest

from bioimage_course.materials import ch12 as materials
from browser import frame
from explorable_page import control, number, set_slider
from test_explorables_browser import explorable  # noqa: F401

pytestmark = pytest.mark.browser
TAG = "cellpose-explorer"
SIDE = 48


def diffuse(cell, steps):
    """Heat as in the exercise, but by plain sums: where it has not arrived the temperature is exactly 0."""
    temperature = np.zeros(cell.shape)
    for _ in range(steps):
        temperature[materials.middle(cell)] += 1
        padded = np.pad(temperature, 1)
        temperature = sum(padded[a : a + SIDE, b : b + SIDE] for a in range(3) for b in range(3)) / 9 * cell
    return temperature


def expected(mask, heat, steps):
    """Crowds and pixels without arrow, computed in Python."""
    flow = np.zeros((2, SIDE, SIDE))
    for label in np.unique(mask[mask > 0]):
        cell = mask == label
        slope = materials.slopes(diffuse(cell, heat))
        length = np.hypot(*slope)
        flow += np.where(cell & (length > 0), slope / np.where(length > 0, length, 1), 0)
    cold = int(((mask > 0) & (flow == 0).all(axis=0)).sum())
    return materials.crowds(materials.followed(flow, np.argwhere(mask), steps), mask.shape), cold


def labels(page):
    return np.array(page.evaluate("tag => [...document.querySelector(tag).labels]", TAG)).reshape(SIDE, SIDE)


@pytest.mark.parametrize(("shape", "make"), [("two", materials.two_cells), ("bent", materials.bent_cell)])
def test_masks_are_those_of_the_notebook(explorable, shape, make):  # noqa: F811
    page = explorable(TAG)
    control(page, "shape").select_option(shape)
    frame(page)
    np.testing.assert_array_equal(labels(page) > 0, make(SIDE) > 0)


def test_particles_of_each_mask_end_in_as_many_crowds_as_cells(explorable):  # noqa: F811
    page = explorable(TAG, reduced_motion=True)
    for shape, cells in {"two": 2, "bent": 1, "rod": 1, "crowd": 5}.items():
        control(page, "shape").select_option(shape)
        control(page, "run").click()
        assert number(page, "cells") == str(cells)
        assert number(page, "objects") == str(cells), shape
        assert number(page, "objects") == str(expected(labels(page), 150, 120)[0])


def test_steps_by_keyboard_change_the_number_of_crowds(explorable):  # noqa: F811
    page = explorable(TAG)
    slider = control(page, "steps")
    assert number(page, "objects") == "1", "the cells touch, and no particle has moved"
    slider.press("End")
    assert number(page, "objects") == "2"
    slider.press("Home")
    for _ in range(3):
        slider.press("ArrowRight")
    assert number(page, "objects") == str(expected(labels(page), 150, 3)[0])


@pytest.mark.parametrize("heat", [0, 5, 10])
def test_little_heat_leaves_pixels_without_arrow(explorable, heat):  # noqa: F811
    page = explorable(TAG)
    control(page, "shape").select_option("rod")
    set_slider(page, "heat", heat)
    set_slider(page, "steps", 120)
    crowds, cold = expected(labels(page), heat, 120)
    assert number(page, "cold") == str(cold)
    assert abs(int(number(page, "objects")) - crowds) <= 1  # rounding of halves may join or part two crowds
    assert "heat has not reached" in page.locator(".note").inner_text()


def test_drawing_by_keyboard_makes_a_cell(explorable):  # noqa: F811
    page = explorable(TAG)
    control(page, "shape").select_option("draw")
    frame(page)
    before = labels(page)
    control(page, "tool-3").check(force=True)
    brush = control(page, "brush")
    for _ in range(18):
        brush.press("ArrowDown")
    control(page, "paint").click()
    assert number(page, "cells") == "3"
    after = labels(page)
    assert set(after[before != after]) == {3}
    control(page, "tool-0").check(force=True)
    control(page, "paint").click()
    assert number(page, "cells") == "2"


def test_running_can_be_stopped(explorable):  # noqa: F811
    page = explorable(TAG)
    button = control(page, "run")
    button.press("Enter")
    frame(page)
    assert button.inner_text() == "Stop"
    button.press("Enter")
    frame(page)
    assert button.inner_text() == "Run" and 0 <= int(control(page, "steps").input_value()) < 120
