"""The explorable of chapter 15 counts what the course's metrics count."""

import numpy as np
import pytest

from bioimage_course import metrics
from browser import frame
from explorable_page import control, number, opened

pytestmark = pytest.mark.browser
TAG = "score-explorer"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def labels(page):
    frame(page)
    both = page.evaluate(
        "tag => ['truth', 'prediction'].map(name => Array.from(document.querySelector(tag)[name]))",
        TAG,
    )
    side = round(len(both[0]) ** 0.5)
    return [np.array(values).reshape(side, side) for values in both]


def agrees(page, threshold):
    truth, prediction = labels(page)
    found = metrics.match(truth, prediction, threshold)
    assert number(page, "counts") == f"{found.tp} / {found.fp} / {found.fn}"
    assert float(number(page, "ap")) == pytest.approx(found.average_precision, abs=6e-4)
    assert float(number(page, "pq")) == pytest.approx(found.panoptic_quality, abs=6e-4)
    for name in ("accuracy", "dice", "iou"):
        wanted = getattr(metrics, name)(truth > 0, prediction > 0)
        assert float(number(page, name)) == pytest.approx(wanted, abs=6e-4)
    return found


def test_numbers_at_first_sight(page):
    truth, _ = labels(page)
    assert sorted(np.unique(truth)) == [0, 1, 2, 3]
    assert agrees(page, 0.5).tp == 3


def test_arrow_keys_move_the_prediction_until_it_is_lost(page):
    before = float(number(page, "dice"))
    control(page, "point").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert float(number(page, "dice")) < before
    assert agrees(page, 0.5).tp == 2


@pytest.mark.parametrize("threshold", [0.1, 0.35, 0.5, 0.65, 0.8, 0.95])
def test_every_threshold(page, threshold):
    control(page, "threshold").fill(str(threshold))
    agrees(page, threshold)


def test_size_of_the_chosen_one(page):
    control(page, "which-c").check(force=True)
    control(page, "size").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    truth, prediction = labels(page)
    assert (prediction == 3).sum() > 2 * (truth == 3).sum()
    assert agrees(page, 0.5).tp == 2


def test_merging_costs_ap_and_not_dice(page):
    dice, ap = float(number(page, "dice")), float(number(page, "ap"))
    control(page, "merge").press("Space")
    assert float(number(page, "dice")) == dice
    assert float(number(page, "ap")) < ap
    agrees(page, 0.5)


def test_nothing_at_all_keeps_the_accuracy_of_the_background(page):
    control(page, "nothing").press("Space")
    truth, prediction = labels(page)
    assert not prediction.any()
    assert float(number(page, "accuracy")) == pytest.approx((truth == 0).mean(), abs=6e-4)
    assert (truth == 0).mean() > 0.8
    assert number(page, "counts") == "0 / 0 / 3"
    control(page, "reset").click()
    assert agrees(page, 0.5).tp == 3


# --- the reporting checklist, a form beside the chapter ------------------------------


def test_the_form_is_accessible_and_narrow_enough(open_page, axe, root):
    for width, dark in ((1000, False), (1000, True), (360, False)):
        page = open_page(root / "book/assets/reporting-checklist.html", width=width, dark=dark)
        assert not axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_form_is_filled_in_by_keyboard_without_javascript_and_prints_on_one_page(open_page, root):
    page = open_page(root / "book/assets/reporting-checklist.html", javascript=False)
    page.get_by_label("1 Question.").focus()
    page.keyboard.type("Nuclei per field")
    page.keyboard.press("Tab")
    page.keyboard.type("F1 at 0.5")
    assert page.get_by_label("1 Question.").input_value() == "Nuclei per field"
    assert page.get_by_label("2 Metric.").input_value() == "F1 at 0.5"
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1
