"""The explorable of chapter 7 computes the Shapley values of the chapter's forest."""

import json
import re
from itertools import permutations

import numpy as np
import pytest

from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.materials import ch07
from browser import frame
from coursebook import shapley
from explorable_page import as_float, number, opened

TAG = "shapley-explorer"
SCRIPT = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")


def constant(name, text=SCRIPT):
    return json.loads(re.search(rf"const {name} = (.*);\n", text)[1])


def flat(value):
    """All numbers in nested lists, with the shape spelt out by brackets."""
    if isinstance(value, list):
        return ["[", *(item for part in value for item in flat(part)), "]"]
    return [value]


@pytest.mark.parametrize("name", ["FOREST", "BACKGROUND", "NUCLEI", "SIDE"])
def test_script_is_in_step_with_the_chapter(name):
    stored, fresh = (flat(constant(name, text)) for text in (SCRIPT, shapley.block()))
    assert len(stored) == len(fresh)
    for one, other in zip(stored, fresh, strict=True):
        assert one == other if isinstance(one, str) else one == pytest.approx(other, abs=1e-3)


def test_nuclei_were_not_trained_on():
    _, table = ch07.small_forest()
    training, _ = ch07.halves(table.classes)
    assert not set(shapley.NUCLEI) & set(training.tolist())


def worth(x, rows):
    """Values of all coalitions, by scikit-learn."""
    forest, _ = ch07.small_forest()
    return lambda known: ch07.coalition_value(lambda t: forest.predict_proba(t)[:, 1], x, rows, known)


BACKGROUND = np.array(constant("BACKGROUND"))
ROWS = {
    "all": BACKGROUND[:, :3],
    "interphase": BACKGROUND[BACKGROUND[:, 3] == 0, :3],
    "mitotic": BACKGROUND[BACKGROUND[:, 3] == 1, :3],
}
X = np.array([nucleus[1:4] for nucleus in constant("NUCLEI")])


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def row(page, name):
    frame(page)
    texts = page.locator(f"[data-order='{name}'] td").all_inner_texts()
    return [float(text.replace("−", "-").replace("+", "")) for text in texts]


@pytest.mark.browser
def test_ticking_by_keyboard_walks_a_path(page):
    value = worth(X[0], ROWS["all"])
    assert as_float(page, "value") == pytest.approx(value(()), abs=2e-3)
    for known in ((1,), (1, 2), (1, 2, 0)):
        page.locator(f"[data-name=known-{known[-1]}]").focus()
        page.keyboard.press("Space")
        assert as_float(page, "value") == pytest.approx(value(known), abs=2e-3)
        gain = value(known) - value(known[:-1])
        assert as_float(page, "step") == pytest.approx(gain, abs=2e-3)
    assert number(page, "walked") == "1 of 6"
    page.keyboard.press("Space")  # unknown again
    assert as_float(page, "value") == pytest.approx(value((1, 2)), abs=2e-3)


@pytest.mark.browser
def test_six_orders_and_their_mean(page):
    page.locator("[data-name=all]").focus()
    page.keyboard.press("Enter")
    value = worth(X[0], ROWS["all"])
    for index, order in enumerate(permutations(range(3))):
        gains = np.zeros(3)
        for place, feature in enumerate(order):
            gains[feature] = value(order[: place + 1]) - value(order[:place])
        assert row(page, index) == pytest.approx(gains, abs=3e-3)
    assert row(page, "mean") == pytest.approx(ch07.shapley_values(value, 3), abs=2e-3)


@pytest.mark.browser
@pytest.mark.parametrize(("nucleus", "kind"), [(1, "all"), (4, "interphase"), (2, "mitotic")])
def test_other_nuclei_and_backgrounds(page, nucleus, kind):
    page.locator("[data-name=nucleus]").select_option(str(nucleus))
    page.locator(f"[data-name=background-{kind}]").check(force=True)
    page.locator("[data-name=all]").click()
    right = ch07.shapley_values(worth(X[nucleus], ROWS[kind]), 3)
    assert row(page, "mean") == pytest.approx(right, abs=2e-3)


@pytest.mark.browser
def test_a_nucleus_of_ones_own_by_keyboard(page):
    page.locator("[data-name=all]").click()
    before = as_float(page, "value")
    slider = page.locator("[data-name=feature-1]")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator("[data-name=nucleus]").input_value() == "own"
    dim = worth(np.array([X[0, 0], 36.0, X[0, 2]]), ROWS["all"])
    assert as_float(page, "value") == pytest.approx(dim((0, 1, 2)), abs=2e-3) and before > 0.5
    assert row(page, "mean") == pytest.approx(ch07.shapley_values(dim, 3), abs=2e-3)


@pytest.mark.browser
def test_walking_orders_one_by_one_and_again(page):
    button = page.locator("[data-name=next]")
    for walked in range(1, 7):
        button.click()
        assert number(page, "walked") == f"{walked} of 6"
    button.click()
    assert number(page, "walked") == "1 of 6"
    page.locator("[data-name=reset]").click()
    assert number(page, "walked") == "0 of 6" and number(page, "step") == "–"
