"""The explorable of chapter 16 keeps, cuts, doubles and loses what tools.large does."""

import numpy as np
import pytest

from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.tools import large

pytestmark = pytest.mark.browser
TAG = "blocks-explorer"


@pytest.fixture
def page(open_page):
    base, script = ((SCRIPTS / f"{name}.js").as_uri() for name in ("base", TAG))
    page = open_page(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title>'
        f'<script defer src="{base}"></script>'
        f'<script defer src="{script}"></script><main><h1>x</h1><{TAG}></{TAG}></main></html>'
    )
    page.locator(f"{TAG} .app").wait_for()
    return page


def frame(page):
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def numbers(page):
    frame(page)
    names = ("whole", "cut", "twice", "lost")
    texts = [page.locator(f"[data-number={name}]").inner_text() for name in names]
    return dict(zip(names, (int(text.split()[0]) for text in texts), strict=True))


def truth(page):
    values = page.evaluate(f"Array.from(document.querySelector('{TAG}').truth)")
    side = round(len(values) ** 0.5)
    return np.array(values).reshape(side, side)


def right(labels, block, halo):
    """The same four numbers by the course's own code: a perfect method that sees only the crop."""
    areas = np.bincount(labels.ravel())
    claims = {number: [] for number in range(1, len(areas))}
    for b in large.blocks(labels.shape, block, halo):
        crop = labels[b.crop]
        kept, _ = large.own(crop, b, labels.shape)
        for number in np.unique(crop[kept > 0]):
            claims[number].append(np.count_nonzero(crop == number) == areas[number])
    return {
        "whole": sum(c == [True] for c in claims.values()),
        "cut": sum(c == [False] for c in claims.values()),
        "twice": sum(len(c) > 1 for c in claims.values()),
        "lost": sum(not c for c in claims.values()),
    }


@pytest.mark.parametrize("block", [32, 64, 96])
@pytest.mark.parametrize("halo", [0, 3, 8, 17, 32])
def test_every_setting_agrees_with_the_courses_code(page, block, halo):
    page.locator(f"[data-name=side-{block}]").check(force=True)
    page.locator("[data-name=halo]").fill(str(halo))
    assert numbers(page) == right(truth(page), block, halo)


def test_by_keyboard_a_wider_halo_makes_everything_whole(page):
    labels = truth(page)
    before = numbers(page)
    assert before == right(labels, 64, 0) and before["whole"] < labels.max()
    slider = page.locator("[data-name=halo]")
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
    page.locator("[data-name=rule-cut]").check(force=True)
    assert numbers(page) == {"whole": labels.max() - on_lines, "cut": on_lines, "twice": 0, "lost": 0}
    page.locator("[data-name=halo]").fill("40")
    page.locator("[data-name=rule-all]").check(force=True)
    assert numbers(page) == {"whole": labels.max() - on_lines, "cut": 0, "twice": on_lines, "lost": 0}


def test_price_and_rounds(page):
    page.locator("[data-name=halo]").fill("16")
    page.locator("[data-name=workers]").fill("4")
    frame(page)
    side = truth(page).shape[0]
    pixels = sum(np.prod([s.stop - s.start for s in b.crop]) for b in large.blocks((side, side), 64, 16))
    assert page.locator("[data-number=overhead]").inner_text() == f"× {pixels / side**2:.2f}"
    assert page.locator("[data-number=rounds]").inner_text() == "3"


def test_the_halo_never_exceeds_the_block(page):
    page.locator("[data-name=halo]").fill("48")
    page.locator("[data-name=side-32]").check(force=True)
    frame(page)
    assert page.locator("[data-name=halo]").input_value() == "32"
    assert numbers(page) == right(truth(page), 32, 32)
