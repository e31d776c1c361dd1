"""The explorable of the folded space computes what NumPy computes."""

import numpy as np
import pytest

from bioimage_course.explore.explorables import SCRIPTS
from browser import at_full_speed, frame
from explorable_page import control, fastest_frame, number, opened, set_slider

pytestmark = pytest.mark.browser
TAG = "folding-explorer"
ACTIVATIONS = {
    "step": lambda z: (z >= 0).astype(float),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def state(page):
    frame(page)
    return page.evaluate(
        """tag => { const e = document.querySelector(tag);
          return { points: e.points.map(p => [p.x, p.y]), kinds: e.points.map(p => p.kind),
            size: e.size.value, activation: e.activation.value,
            lines: e.lines.map(l => [l.angle, l.offset]) }; }""",
        TAG,
    )


def folded(now):
    """Outputs of the two hidden neurons, computed here again."""
    angle, offset = np.array(now["lines"][:2]).T
    along = np.array(now["points"]) @ np.stack([np.cos(angle), np.sin(angle)]) - offset
    return ACTIVATIONS[now["activation"]](now["size"] * along)


def errors_of(places, kinds, angle, offset):
    return int((((places @ [np.cos(angle), np.sin(angle)]) >= offset) != np.array(kinds, bool)).sum())


def fewest(places, kinds):
    """Fewest errors of any line, three degrees apart, between neighbouring cells or beside all of them."""
    found = []
    for angle in np.deg2rad(np.arange(0, 360, 3)):
        along = np.sort(places @ [np.cos(angle), np.sin(angle)])
        between = (along[1:] + along[:-1])[np.diff(along) > 1e-6] / 2
        found += [errors_of(places, kinds, angle, offset) for offset in between]
    return min(found)


def press(page, name, key, times=1):
    for _ in range(times):
        control(page, name).press(key)
    frame(page)


def strip(page):
    """Both hidden lines along the diagonal, one on each side of the single-positive cells."""
    press(page, "first-turn", "ArrowUp", 15)
    press(page, "first-move", "ArrowLeft", 22)
    press(page, "second-turn", "ArrowUp", 45)
    press(page, "second-move", "ArrowLeft", 8)


def test_cells_are_four_clouds_of_twenty_and_exactly_one_marker_is_the_question(page):
    now = state(page)
    points, kinds = np.array(now["points"]), np.array(now["kinds"])
    corner = points > 0
    assert np.array_equal(corner[:, 0] ^ corner[:, 1], kinds == 1)
    assert len(points) == 80 and set(np.unique(corner @ [1, 2], return_counts=True)[1]) == {20}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_errors_and_best_line_are_those_of_numpy(page, activation):
    control(page, f"activation-{activation}").press("Space")
    set_slider(page, "size", 1.5)
    for name, key, times in [
        ("first-turn", "ArrowUp", 7),
        ("second-move", "ArrowDown", 9),
        ("output-turn", "ArrowDown", 4),
    ]:
        press(page, name, key, times)
        now = state(page)
        places = folded(now)
        assert number(page, "errors") == f"{errors_of(places, now['kinds'], *now['lines'][2])} of 80"
        assert number(page, "possible") == f"{fewest(places, now['kinds'])} wrong"


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_strip_between_two_lines_solves_xor_with_every_activation(page, activation):
    strip(page)
    control(page, f"activation-{activation}").press("Space")
    press(page, "best", "Enter")
    assert number(page, "errors") == "0 of 80" and number(page, "possible") == "0 wrong"
    assert "No cell is on the wrong side" in page.locator(".note").inner_text()


def test_the_step_leaves_at_most_four_spots_and_relu_puts_what_lies_behind_on_an_axis(page):
    assert len(np.unique(folded(state(page)), axis=0)) == 4
    strip(page)
    control(page, "activation-relu").press("Space")
    now = state(page)
    places = folded(now)
    behind = (
        np.array(now["points"]) @ [np.cos(now["lines"][0][0]), np.sin(now["lines"][0][0])]
        < now["lines"][0][1]
    )
    assert behind.sum() == 20 and (places[behind, 0] == 0).all() and (places[behind, 1] > 0).all()


def test_small_weights_hardly_fold_with_tanh(page):
    """With a slope of nearly one everywhere the hidden layer is nearly linear, and a line cannot do XOR."""
    strip(page)
    control(page, "activation-tanh").press("Space")
    set_slider(page, "size", 0.5)
    now = state(page)
    z = np.arctanh(folded(now))
    assert np.abs(folded(now) - z).max() < 0.45
    set_slider(page, "size", 6)
    assert (np.abs(folded(state(page))) > 0.99).mean() > 0.75, "large ones make a step"


def test_swapping_the_sides_turns_every_answer(page):
    before = int(number(page, "errors").split()[0])
    press(page, "swap", "Enter")
    assert number(page, "errors") == f"{80 - before} of 80"


def test_lines_by_pointer(page):
    canvas, handle = page.locator("canvas").first.bounding_box(), control(page, "first-move").bounding_box()
    page.mouse.move(handle["x"] + 16, handle["y"] + 16)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.25 * canvas["width"], canvas["y"] + 0.5 * canvas["height"], steps=4)
    page.mouse.up()
    angle, offset = state(page)["lines"][0]
    assert np.cos(angle) * -0.95 == pytest.approx(offset, abs=0.03), "the line goes where the pointer is"


def test_a_line_cannot_be_lost(page):
    press(page, "first-move", "Shift+ArrowRight", 12)
    assert state(page)["lines"][0][1] <= 1.9 + 1e-9
    box, canvas = control(page, "first-move").bounding_box(), page.locator("canvas").first.bounding_box()
    assert canvas["x"] - 17 <= box["x"] <= canvas["x"] + canvas["width"]


@at_full_speed
def test_a_frame_is_quick(page):
    assert fastest_frame(page, TAG) < 60


def test_the_cells_of_chapter_one_are_meant():
    text = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
    assert "CD4" in text and "simulated T cells" in text
