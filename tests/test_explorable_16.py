"""The explorable of chapter 16 keeps, cuts, doubles and loses what large does."""

import numpy as np
import pytest

from bioimage_course import large
from browser import frame
from explorable_page import control, number, opened

pytestmark = pytest.mark.browser
TAG = "blocks-explorer"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def numbers(page):
    return {name: int(number(page, name).split()[0]) for name in ("whole", "cut", "twice", "lost")}


def truth(page):
    values = page.evaluate(f"Array.from(document.querySelector('{TAG}').truth)")
    side = round(len(values) ** 0.5)
    return np.array(values).reshape(side, side)


def right(labels, block, halo):
    """The same four numbers by the course's own code: a perfect method that sees only the crop."""
    areas = np.bincount(labels.ravel())
    claims = {label: [] for label in range(1, len(areas))}
    for b in large.blocks(labels.shape, block, halo):
        crop = labels[b.crop]
        kept, _ = large.own(crop, b, labels.shape)
        for label in np.unique(crop[kept > 0]):
            claims[label].append(np.count_nonzero(crop == label) == areas[label])
    return {
        "whole": sum(c == [True] for c in claims.values()),
        "cut": sum(c == [False] for c in claims.values()),
        "twice": sum(len(c) > 1 for c in claims.values()),
        "lost": sum(not c for c in claims.values()),
    }


@pytest.mark.parametrize("block", [32, 64, 96])
@pytest.mark.parametrize("halo", [0, 3, 8, 17, 32])
def test_every_setting_agrees_with_the_courses_code(page, block, halo):
    control(page, f"side-{block}").check(force=True)
    control(page, "halo").fill(str(halo))
    assert numbers(page) == right(truth(page), block, halo)


def test_by_keyboard_a_wider_halo_makes_everything_whole(page):
    labels = truth(page)
    before = numbers(page)
    assert before == right(labels, 64, 0) and before["whole"] < labels.max()
    slider = control(page, "halo")
    slider.focus()
    for _ in range(large.longest(labels)):
        page.keyboard.press("ArrowRight")
    assert numbers(page) == {"whole": labels.max(), "cut": 0, "twice": 0, "lost": 0}
    assert "wide enough" in page.locator("[data-text=note]").inner_text()


def test_the_two_wrong_rules(page):
    labels = truth(page)
    parts = [
        len({(y // 64, x // 64) for y, x in np.argwhere(labels == n)}) for n in range(1, labels.max() + 1)
    ]
    on_lines = sum(n > 1 for n in parts)
    control(page, "rule-cut").check(force=True)
    assert numbers(page) == {"whole": labels.max() - on_lines, "cut": on_lines, "twice": 0, "lost": 0}
    control(page, "halo").fill("40")
    control(page, "rule-all").check(force=True)
    assert numbers(page) == {"whole": labels.max() - on_lines, "cut": 0, "twice": on_lines, "lost": 0}


def test_price_and_rounds(page):
    control(page, "halo").fill("16")
    control(page, "workers").fill("4")
    frame(page)
    side = truth(page).shape[0]
    pixels = sum(np.prod([s.stop - s.start for s in b.crop]) for b in large.blocks((side, side), 64, 16))
    assert number(page, "overhead") == f"× {pixels / side**2:.2f}"
    assert number(page, "rounds") == "3"


def test_the_halo_never_exceeds_the_block(page):
    control(page, "halo").fill("48")
    control(page, "side-32").check(force=True)
    frame(page)
    assert control(page, "halo").input_value() == "32"
    assert numbers(page) == right(truth(page), 32, 32)
