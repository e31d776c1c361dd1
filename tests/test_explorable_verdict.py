"""The explorable of the clinic judges what a script measured, and counts as Python does."""

import json
import re

import numpy as np
import pytest

from browser import frame
from coursebook import explorable_data
from explorable_page import control, number, opened, set_slider

pytestmark = pytest.mark.browser
TAG = "verdict-explorer"
LIMITS = {"share": lambda p: 10 ** (p / 20 - 5), "highest": lambda p: 42 * p, "mean": lambda p: 20 * p}


def embedded():
    """What the script holds: test -> sick and healthy values."""
    text = (explorable_data.SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
    return {
        name: json.loads(values)
        for name, values in re.findall(r'^    (\w+): (\{"sick".*\}),$', text, re.MULTILINE)
    }


def test_the_script_holds_what_was_measured():
    inside = embedded()
    for test, measured in explorable_data.verdicts().items():
        for word, values in measured.items():
            np.testing.assert_allclose(inside[test][word], values, rtol=0.01)
    assert list(inside) == list(LIMITS)


@pytest.mark.parametrize(
    ("test", "count", "place"), [("share", 12, 50), ("highest", 2, 80), ("mean", 12, 42), ("mean", 5, 25)]
)
def test_convicted_and_acquitted_are_counted(open_page, test, count, place):
    page = opened(open_page, TAG)
    control(page, f"test-{test}").check(force=True)
    set_slider(page, "count", count)
    set_slider(page, "limit", place)
    frame(page)
    values, limit = embedded()[test], LIMITS[test](place)
    convicted = sum(value > limit for value in values["sick"][:count])
    acquitted = sum(value <= limit for value in values["healthy"][:count])
    assert number(page, "convicted") == f"{convicted} of {count}"
    assert number(page, "acquitted") == f"{acquitted} of {count}"
    assert int(number(page, "mistakes")) == 2 * count - convicted - acquitted


def test_two_images_convince_of_a_test_that_twelve_refute(open_page):
    page = opened(open_page, TAG)
    control(page, "test-highest").check(force=True)
    set_slider(page, "limit", 80)
    set_slider(page, "count", 2)
    frame(page)
    assert int(number(page, "mistakes")) == 0
    set_slider(page, "count", 12)
    frame(page)
    assert int(number(page, "mistakes")) > 5


def test_no_limit_of_the_mean_makes_fewer_mistakes_than_the_task_asks_for(open_page):
    values = embedded()["mean"]
    least = min(
        sum(v <= 20 * p for v in values["sick"]) + sum(v > 20 * p for v in values["healthy"])
        for p in range(101)
    )
    page = opened(open_page, TAG)
    control(page, "test-mean").check(force=True)
    set_slider(page, "limit", 42)
    frame(page)
    assert int(number(page, "mistakes")) == least
