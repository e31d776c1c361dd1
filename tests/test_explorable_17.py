"""The explorable of chapter 17 puts masks as Python does, and tells what the label doctor says of them."""

import itertools

import numpy as np
import pytest

from bioimage_course import metrics
from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.materials import ch17
from browser import frame
from coursebook import explorable_data
from explorable_page import as_float, control, number, opened, set_slider

pytestmark = pytest.mark.browser
TAG = "mask-explorer"
PICTURE, MASKS = ch17.picture_and_masks()


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def masks_in(page):
    frame(page)
    return np.array(page.evaluate("tag => document.querySelector(tag).masks", TAG)).reshape(MASKS.shape)


def put(page, down=0, right=0, turn="none", scale=1.0):
    set_slider(page, "down", down)
    set_slider(page, "right", right)
    set_slider(page, "scale", ch17.SCALES.index(scale))
    control(page, "turn").select_option(turn)
    frame(page)


PLACES = [
    (0, 0, "none", 1.0),
    (-6, 4, "none", 1.0),
    (0, 0, "none", 0.9),
    (8, -2, "none", 1.25),
    (0, 0, "mirrored", 1.0),
    (4, 12, "quarter", 0.8),
    (-12, -12, "upside down", 1.1),
]


@pytest.mark.parametrize("place", PLACES)
def test_masks_numbers_and_answers_are_those_of_python(page, place):
    put(page, *place)
    right = ch17.put_wrongly(MASKS, *place)
    np.testing.assert_array_equal(masks_in(page), right)
    assert number(page, "answer") == ch17.answer(PICTURE, right)
    best = [
        max(
            (
                np.mean(right[both] == m) * both.sum() / np.sum(both | (right == m))
                for m in np.unique(right[both])
                if m
            ),
            default=0,
        )
        for both in (MASKS == n for n in range(1, MASKS.max() + 1))
    ]
    assert as_float(page, "iou") == pytest.approx(np.mean(best), abs=0.006)
    assert number(page, "matched").split()[0] == str(sum(iou >= 0.5 for iou in best))


def test_the_picture_is_the_built_in_one(page):
    shown = page.evaluate(
        "tag => { const e = document.querySelector(tag); e.reset(); e.update(); return e.masks; }", TAG
    )
    assert metrics.iou(MASKS > 0, np.array(shown).reshape(MASKS.shape) > 0) == 1
    script = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
    assert f'RUNS = "{explorable_data.runs(MASKS)}"' in script, "run: python -m coursebook.explorable_data"
    flat = PICTURE.ravel()
    packed = explorable_data.encoded((16 * flat[::2] + flat[1::2]).astype(np.uint8).tobytes())
    assert packed in script


def test_every_hundredth_answer_is_what_the_doctor_says_today(page):
    told = page.evaluate(
        """tag => { const e = document.querySelector(tag), all = [];
          for (const turn of ["none", "mirrored", "upside down", "quarter"])
            for (let scale = 0; scale < 5; scale++) for (let down = -12; down <= 12; down += 2)
              for (let right = -12; right <= 12; right += 2) {
              e.turn.value = turn; e.scale.value = scale; e.down.value = down; e.right.value = right;
              all.push(e.told);
            }
          return all; }""",
        TAG,
    )
    places = list(itertools.product(ch17.TURNS, ch17.SCALES, ch17.SHIFTS, ch17.SHIFTS))
    assert len(told) == len(places)
    for turn, scale, down, right in places[::97]:
        found = ch17.answer(PICTURE, ch17.put_wrongly(MASKS, down, right, turn, scale))
        assert ch17.ANSWERS[told[places.index((turn, scale, down, right))]] == found


def test_the_point_is_moved_by_keys_and_stays_in_its_limits(page):
    point = control(page, "place")
    point.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    frame(page)
    assert control(page, "right").input_value() == "6" and control(page, "down").input_value() == "-2"
    assert number(page, "answer") == "shifted"
    page.keyboard.press("Shift+ArrowRight")
    frame(page)
    assert control(page, "right").input_value() == "12"
    assert "12 pixels to the right, -2 down" in point.get_attribute("aria-label").replace("−", "-")
