"""The explorable of the bridge computes what NumPy computes, and judges its three tasks rightly."""

import base64
import re

import numpy as np
import pytest

from bioimage_course.explore.explorables import SCRIPTS
from bioimage_course.materials import ch20 as bridge
from browser import frame
from coursebook import explorable_data
from explorable_page import as_float, control, number, opened

pytestmark = pytest.mark.browser
TAG = "ball-explorer"
GREY, TRUTH = bridge.nuclei()
LOSSES = {"cross": "cross-entropy", "squared": "squared error", "wrong": "wrong pixels"}
SCRIPT = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
RATES = [float(rate) for rate in re.search(r"RATES = \[([^\]]+)\]", SCRIPT)[1].split(",")]


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


@pytest.fixture
def still(open_page):
    """With reduced motion a roll is done at once."""
    return opened(open_page, TAG, reduced_motion=True)


def choose(page, rate=None, loss=None, batch=None, task=None):
    if task:
        control(page, "task").select_option(task)
    if loss:
        control(page, f"loss-{loss}").check(force=True)
    if batch:
        control(page, "batch").select_option(batch)
    if rate:
        control(page, "rate").fill(str(RATES.index(rate)))
    frame(page)


def put(page, threshold):
    """Move the ball by the keyboard, from wherever it lies: by tens, then by ones."""
    ball = control(page, "ball")
    ball.focus()
    ball.press("ArrowRight")  # onto a whole number
    while (left := threshold - round(as_float(page, "threshold"))) != 0:
        side = "ArrowRight" if left > 0 else "ArrowLeft"
        ball.press(f"Shift+{side}" if abs(left) >= 10 else side)
    return page


def click(page, name, times=1):
    for _ in range(times):
        control(page, name).click()
    frame(page)


def note(page):
    frame(page)
    return page.locator("[data-text=note]").first.inner_text()


def test_patch_is_cut_from_the_built_in_sample():
    assert explorable_data.ball_block() in SCRIPT, "run: python -m coursebook.explorable_data"
    values = np.frombuffer(base64.b64decode(re.search(r'VALUES = "([^"]+)"', SCRIPT)[1]), np.uint8)
    np.testing.assert_array_equal(values.reshape(GREY.shape), GREY)
    assert f"SOFTNESS = {bridge.SOFTNESS:g}, START = {bridge.START:g}" in SCRIPT


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("threshold", [25, 54, 97])
def test_loss_slope_and_mask_agree_with_numpy(page, loss, threshold):
    choose(page, loss=loss)
    put(page, threshold)
    wanted = [f(threshold, GREY, TRUTH, LOSSES[loss]) for f in (bridge.mean_loss, bridge.slope)]
    assert as_float(page, "loss") == pytest.approx(wanted[0], abs=0.0006)
    assert as_float(page, "slope") == pytest.approx(wanted[1], abs=0.006)
    wrong = 100 * bridge.mean_loss(threshold, GREY, TRUTH, "wrong pixels")
    assert float(number(page, "wrong").split()[0]) == pytest.approx(wrong, abs=0.06)
    assert f"brighter than {threshold}.0" in page.locator("canvas").first.get_attribute("aria-label")


@pytest.mark.parametrize("rate", [0.3, 5, 20])
def test_steps_are_gradient_descent(page, rate):
    choose(page, rate=rate)
    click(page, "step", 4)
    way = bridge.descend(bridge.START, rate, 4, lambda t: bridge.slope(t, GREY, TRUTH))
    assert as_float(page, "threshold") == pytest.approx(way[-1], abs=0.06)
    assert number(page, "steps") == "4" and number(page, "epochs") == "4.00"
    assert as_float(page, "move") == pytest.approx(-rate * bridge.slope(way[-1], GREY, TRUTH), abs=0.06)


def test_the_ball_is_a_slider_for_those_who_cannot_see_it(page):
    ball = control(page, "ball")
    assert ball.get_attribute("role") == "slider" and ball.get_attribute("aria-valuenow") == "140"
    put(page, 60)
    assert ball.get_attribute("aria-valuenow") == "60"
    assert ball.get_attribute("aria-valuetext").startswith("threshold 60.0, loss 0.")
    ball.press("ArrowUp")
    assert as_float(page, "threshold") == 61


def test_dragging_the_ball_moves_the_mask(page):
    ball = control(page, "ball")
    ball.scroll_into_view_if_needed()
    box, curve = ball.bounding_box(), page.locator("canvas").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(curve["x"] + curve["width"] * 54 / 160, curve["y"] + 20)
    page.mouse.up()
    assert as_float(page, "threshold") == pytest.approx(54, abs=1)
    assert float(number(page, "wrong").split()[0]) < 6
    assert "bottom of the valley" in note(page)


def test_an_epoch_of_batches_uses_every_pixel_once(page):
    choose(page, rate=0.1, batch="96")
    seen = page.evaluate(
        """tag => { const e = document.querySelector(tag), seen = [];
          for (let i = 0; i < 96; i++) { seen.push(...e.batch); e.step(); }
          return [seen, [...e.batch]]; }""",
        TAG,
    )
    assert sorted(seen[0]) == list(range(GREY.size))
    assert seen[0][:96] != list(range(96)) and seen[1] != seen[0][:96]  # another order in the next epoch
    click(page, "again")
    assert number(page, "epochs") == "0.00"
    click(page, "step")
    assert float(number(page, "epochs")) == pytest.approx(96 / GREY.size, abs=0.006)


def test_a_batch_has_its_own_slope(page):
    choose(page, batch="96")
    put(page, 70)
    batch = np.array(page.evaluate("tag => [...document.querySelector(tag).batch]", TAG))
    own = bridge.slope(70, GREY.ravel()[batch], TRUTH.ravel()[batch])
    assert as_float(page, "slope") == pytest.approx(own, abs=0.006)
    assert own != pytest.approx(bridge.slope(70, GREY, TRUTH), abs=0.01)


def test_stairs_and_plateau_do_not_move_the_ball(page):
    choose(page, loss="wrong", rate=20)
    click(page, "step", 3)
    assert as_float(page, "threshold") == 140 and "staircase" in note(page)
    choose(page, loss="squared", rate=5)
    assert "plateau" in note(page)
    click(page, "step", 3)
    assert as_float(page, "threshold") > 139.5


@pytest.mark.parametrize(("rate", "verdict"), [(0.5, "More than ten steps"), (7, "Solved in")])
def test_task_least_loss_in_ten_steps(page, rate, verdict):
    choose(page, task="fast", rate=rate)
    assert "10 steps left; the loss should be 0.120" in note(page)
    click(page, "step", 11 if rate < 1 else 8)
    assert verdict in note(page)
    before = number(page, "threshold")
    control(page, "ball").press("ArrowLeft")  # in a task the ball cannot be carried to its end
    assert number(page, "threshold") == before


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.2, "will arrive"), (5, "It arrives"), (14, "arrive"), (16, "Solved"), (25, "Solved")],
)
def test_task_rate_that_never_arrives(still, rate, verdict):
    choose(still, task="never", rate=rate)
    assert "40 to go" in note(still)
    click(still, "roll")
    assert number(still, "steps") == "40" and verdict in note(still)


def test_task_leave_the_plateau(page):
    choose(page, task="plateau")
    assert "What can be changed?" in note(page) and as_float(page, "loss") > 0.25
    click(page, "step", 2)
    assert as_float(page, "threshold") > 139.5
    choose(page, loss="cross")
    click(page, "step", 7)
    assert "Solved in 7 steps with the cross-entropy" in note(page)


def test_rolling_goes_on_until_it_is_stopped(page):
    click(page, "roll")
    page.wait_for_function("tag => document.querySelector(tag).way.length > 2", arg=TAG)
    click(page, "again")
    assert number(page, "steps") == "0" and as_float(page, "threshold") == 140
    page.wait_for_timeout(300)
    assert number(page, "steps") == "0"


def test_reset_brings_the_first_state_back(page):
    first = [number(page, name) for name in ("threshold", "loss", "slope", "move", "steps")]
    choose(page, task="plateau")
    click(page, "step", 3)
    page.get_by_role("button", name="Reset").click()
    assert [number(page, name) for name in ("threshold", "loss", "slope", "move", "steps")] == first
    assert control(page, "task").input_value() == "free"
