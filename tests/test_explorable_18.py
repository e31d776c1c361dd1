"""The explorable of chapter 18 computes what SciPy and a simulation compute."""

import numpy as np
import pytest
from scipy.stats import nct, t, ttest_ind

from bioimage_course.materials import ch18
from browser import frame
from explorable_page import control, number, opened, set_slider

pytestmark = pytest.mark.browser
TAG = "replicate-explorer"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def ask(page, script):
    return page.evaluate(f"(() => {{ const e = document.querySelector('{TAG}'); return {script}; }})()")


def settle(page, **settings):
    for name, value in settings.items():
        set_slider(page, name, value)


@pytest.mark.parametrize(
    "settings",
    [
        {"wells": 2, "cells": 2, "icc": 0.5, "effect": 0},
        {"wells": 4, "cells": 50, "icc": 0.2, "effect": 1.5},
        {"wells": 12, "cells": 200, "icc": 0.05, "effect": 0.1},
    ],
)
def test_both_p_values_are_those_of_the_cells_shown(page, settings):
    settle(page, **settings)
    values = np.array(ask(page, "e.values"))
    assert values.shape == (2, settings["wells"], settings["cells"])
    right = {
        "pCells": ttest_ind(*values.reshape(2, -1)).pvalue,
        "pWells": ttest_ind(*values.mean(axis=2)).pvalue,
    }
    for name, value in right.items():
        assert ask(page, f"e.{name}") == pytest.approx(value, abs=1e-6)
        shown = number(page, name)
        assert shown == "< 0.001" if value < 0.001 else float(shown) == pytest.approx(value, abs=0.0006)


@pytest.mark.parametrize(
    ("wells", "cells", "icc"),
    [(2, 2, 0.3), (2, 60, 0.2), (4, 50, 0.2), (12, 20, 0.05), (6, 40, 0.0), (3, 6, 0.5)],
)
def test_alarms_are_those_of_a_simulation(page, wells, cells, icc):
    settle(page, wells=wells, cells=cells, icc=icc)
    values = ch18.experiments(wells, cells, icc, np.random.default_rng(0), repeats=3000)
    share, _, _ = ch18.share(ch18.p_values(values, "cells") < 0.05)
    assert ask(page, "e.alarms") == pytest.approx(share, abs=0.03)
    assert number(page, "alarmCells") == f"{100 * ask(page, 'e.alarms'):.0f} %"


@pytest.mark.parametrize(
    ("wells", "cells", "icc", "effect"),
    [(2, 50, 0.2, 1.5), (3, 20, 0.1, 1.0), (6, 50, 0.2, 0.5), (12, 200, 0.5, 1.0)],
)
def test_power_is_that_of_the_noncentral_t(page, wells, cells, icc, effect):
    settle(page, wells=wells, cells=cells, icc=icc, effect=effect)
    df = 2 * wells - 2
    shift = effect / np.sqrt(2 * (icc + (1 - icc) / cells) / wells)
    limit = t.ppf(0.975, df)
    right = nct.sf(limit, df, shift) + nct.cdf(-limit, df, shift)
    assert ask(page, "e.powerShare()") == pytest.approx(right, abs=0.015)


def test_worth_independent_cells(page):
    settle(page, wells=4, cells=50, icc=0.2)
    assert number(page, "effective") == f"{round(200 / (1 + 49 * 0.2))} of 200"
    settle(page, icc=0)
    assert number(page, "effective") == "200 of 200"


def test_by_keyboard_a_new_experiment_has_other_cells_and_the_same_chances(page):
    before, alarms = number(page, "pWells"), number(page, "alarmCells")
    control(page, "again").focus()
    page.keyboard.press("Enter")
    frame(page)
    assert number(page, "pWells") != before and number(page, "alarmCells") == alarms
    control(page, "reset").focus()
    page.keyboard.press("Enter")
    assert number(page, "pWells") == before


def test_the_note_says_what_happened(page):
    note = page.locator("[data-text=note]")
    said = set()
    for _ in range(12):
        control(page, "again").click()
        frame(page)
        cells, wells = (ask(page, f"e.{name}") < 0.05 for name in ("pCells", "pWells"))
        text = note.inner_text()
        assert ("and yet" in text) == cells and "Nothing was done" in text
        assert ("fooled, too" in text or "only the test on wells" in text) == wells
        said.add(text.split(",")[1])
    assert len(said) > 1
    settle(page, effect=1.5)
    assert "There is an effect of 1.5" in note.inner_text()
