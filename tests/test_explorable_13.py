"""The explorable of chapter 13 shows SAM's answers, and compares them with the annotation as NumPy does."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

import micro_sam_clicks as script
from bioimage_course import metrics
from browser import frame
from coursebook import explorable_data
from explorable_page import control, number
from test_explorables_browser import explorable  # noqa: F401

TAG = "sam-explorer"
TEXT = script.SCRIPT.read_text(encoding="utf-8")
HALF = (script.SIDE // 2,) * 2


def constant(name):
    return re.search(rf'const {name} = "?(.*?)"?;\n', TEXT)[1]


MASKS = [script.decode(text, HALF) for text in constant("MASKS").split(" ")]
LABELS = explorable_data.cut()[1]


def answer(name, k):
    """Mask and predicted IoU number k of BY_CLICK or BY_BOX."""
    first, second, percent = (script.DIGITS.index(d) for d in constant(name)[3 * k : 3 * k + 3])
    return MASKS[90 * first + second], (percent + script.LOWEST) / 100


def answers(row, column):
    """The three answers to a click, from the smallest to the largest."""
    side = script.SIDE // script.STEP
    return sorted(
        (answer("BY_CLICK", 3 * (row * side + column) + i) for i in range(3)), key=lambda a: a[0].sum()
    )


def true_iou(mask, label):
    return metrics.iou(script.halve(LABELS == label), mask)


def label_at(row, column):
    return LABELS[script.STEP * row + script.STEP // 2, script.STEP * column + script.STEP // 2]


# ---------------------------------------------------------------- what is kept


@pytest.mark.parametrize("kind", ["empty", "full", "noise", "one late pixel", "shape"])
def test_run_lengths_come_back(kind):
    mask = np.zeros(HALF, bool)
    if kind == "full":
        mask[:] = True
    elif kind == "noise":
        mask = np.random.default_rng(0).random(HALF) < 0.5
    elif kind == "one late pixel":
        mask[-1, -1] = True
    elif kind == "shape":
        mask[20:40, 3:30] = True
    text = script.encode(mask)
    np.testing.assert_array_equal(script.decode(text, HALF), mask)
    assert not set(text) & set('"\\` ')


def test_picture_labels_and_boxes_are_those_of_the_sample():
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(constant("PICTURE").split(",")[1]))))
    pixels, labels = explorable_data.cut()
    assert picture.shape == pixels.shape
    assert np.abs(picture.astype(int) - pixels).mean() < 6  # JPEG
    runs = [map(int, run.split(":")) for run in constant("RUNS").split(" ")]
    np.testing.assert_array_equal(np.concatenate([np.full(n, v) for v, n in runs]), labels.ravel())
    expected = [[number, *tight[0].tolist()] for number, tight in script.boxes(labels)]
    assert constant("BOXES").replace(" ", "") == str(expected).replace(" ", "")


def test_there_is_an_answer_to_every_prompt():
    assert len(constant("BY_CLICK")) == 9 * len(script.clicks())
    assert len(constant("BY_BOX")) == 3 * len(script.boxes(LABELS)) * len(script.MARGINS)
    tight = [answer("BY_BOX", k * len(script.MARGINS)) for k in range(len(script.boxes(LABELS)))]
    scores = [true_iou(mask, n) for (mask, _), (n, _) in zip(tight, script.boxes(LABELS), strict=True)]
    assert np.mean(scores) > 0.7, "tight boxes find their nuclei"


# ---------------------------------------------------------------- in the page


def shown(page):
    frame(page)
    return number(page, "predicted"), number(page, "true")


def words(mask, predicted, label):
    return f"{predicted:.2f}", f"{true_iou(mask, label):.2f}" if label else "–"


@pytest.mark.browser
def test_arrow_keys_move_the_click_and_the_numbers_follow(explorable):  # noqa: F811
    page = explorable(TAG)
    row, column = 6, 8
    seen = set()
    for key, down, right in (
        ("ArrowLeft", 0, -1),
        ("ArrowDown", 1, 0),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", -1, 0),
    ):
        control(page, "click").press(key)
        row, column = row + down, column + right
        surest = max(answers(row, column), key=lambda a: a[1])
        assert shown(page) == words(*surest, label_at(row, column))
        seen.add(shown(page))
    assert len(seen) > 2


@pytest.mark.browser
def test_each_of_the_three_masks_can_be_chosen(explorable):  # noqa: F811
    page = explorable(TAG)
    for expected in answers(6, 8):
        control(page, "which").press("ArrowRight")
        assert shown(page) == words(*expected, label_at(6, 8))
        assert number(page, "share") == f"{int(100 * expected[0].mean() + 0.5)} %"


@pytest.mark.browser
def test_a_click_on_nothing_is_answered_all_the_same(explorable):  # noqa: F811
    page = explorable(TAG)
    control(page, "click").press("Shift+ArrowUp")
    control(page, "click").press("Shift+ArrowRight")
    assert label_at(0, 11) == 0
    assert shown(page)[1] == "–" and float(shown(page)[0]) > 0.5
    assert "There is no nucleus" in page.locator(".note").inner_text()


@pytest.mark.browser
def test_boxes_by_keyboard(explorable):  # noqa: F811
    page = explorable(TAG, attributes='mode="box"')
    assert control(page, "mode-box").is_checked() and not control(page, "click").is_visible()
    number_of_margins = len(script.MARGINS)
    for nucleus in range(1, len(script.boxes(LABELS)) + 1):
        control(page, "nucleus").fill(str(nucleus))
        for margin, key in ((0, "Home"), (number_of_margins - 1, "End")):
            control(page, "margin").press(key)
            label = script.boxes(LABELS)[nucleus - 1][0]
            assert shown(page) == words(*answer("BY_BOX", (nucleus - 1) * number_of_margins + margin), label)
    control(page, "reset").click()
    assert shown(page) == words(*answer("BY_BOX", 2 * number_of_margins), script.boxes(LABELS)[2][0])


@pytest.mark.browser
def test_a_sure_and_wrong_answer_exists_and_is_said(explorable):  # noqa: F811
    page = explorable(TAG)
    side = script.SIDE // script.STEP
    surest = {(r, c): max(answers(r, c), key=lambda a: a[1]) for r in range(side) for c in range(side)}
    wrong = [
        place
        for place, (mask, predicted) in surest.items()
        if label_at(*place) and predicted >= 0.9 and true_iou(mask, label_at(*place)) < 0.5
    ]
    assert wrong, "the caption asks the reader to find one"
    row, column = wrong[0]
    page.evaluate(
        "([tag, x, y]) => { const e = document.querySelector(tag); e.go(x, y); e.changed(); }",
        [TAG, column, row],
    )
    frame(page)
    assert "SAM is sure of it" in page.locator(".note").inner_text()
