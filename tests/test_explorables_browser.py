"""Explorables in a real browser: quiet, accessible, operable by keyboard and pointer, right numbers."""

import base64
import json

import numpy as np
import pytest

from bioimage_course import explore
from bioimage_course.explore.explorables import SCRIPTS
from browser import COLOURS, LATE_FRAMES, frame, overflow
from coursebook import explorable_data, screenshots
from explorable_page import control, number, set_slider

pytestmark = pytest.mark.browser
TAGS = explore.tags()

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Explorable</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 0 auto; max-width: 700px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14161a; color: #eee; }} }}</style></head>
<body {body}><main><h1>A page</h1>
<script defer src="{base}"></script><script defer src="{script}"></script>
<figure>{elements}</figure>
<p>Text after it.</p></main><script defer src="{tasks}"></script></body></html>"""


def uri(name):
    return (SCRIPTS / f"{name}.js").as_uri()


def page_of(tag, *, attributes="", copies=1, body=""):
    picture = (screenshots.FOLDER / f"{tag}.png").as_uri()
    element = f'<{tag} {attributes}><img src="{picture}" alt="What the explorable shows" width="700"></{tag}>'
    return page_with(script=uri(tag), elements=element * copies, body=body)


def page_with(**parts):
    """As in the book: base.js before the explorable, tasks.js at the end."""
    return PAGE.format(base=uri("base"), tasks=uri("tasks"), **{"body": ""} | parts)


@pytest.fixture
def explorable(open_page):
    """Open a page with one explorable; arguments that it does not know go to `open_page`."""

    def open_(tag, *, attributes="", copies=1, body="", **kwargs):
        page = open_page(page_of(tag, attributes=attributes, copies=copies, body=body), **kwargs)
        page.locator(f"{tag} .app").first.wait_for()
        frame(page)
        return page

    return open_


# ------------------------------------------------------------------------------ every explorable


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("tag", TAGS)
def test_accessible_and_quiet(explorable, axe, tag, dark):
    page = explorable(tag, dark=dark)
    assert page.locator(tag).get_attribute("data-dark") == ("" if dark else None)
    assert axe(page, only=COLOURS if dark else ()) == []


@pytest.mark.parametrize("tag", TAGS)
def test_fits_a_phone(explorable, axe, tag):
    page = explorable(tag, width=360, height=740)
    assert overflow(page) == []
    small = page.evaluate(
        """tag => [...document.querySelector(tag).shadowRoot
            .querySelectorAll("button, select, input, .handle")]
          
          .filter(e => e.offsetParent && Math.min(e.offsetWidth, e.offsetHeight) < 18)
          .map(e => e.outerHTML)""",
        tag,
    )
    assert small == [], "too small to touch"


@pytest.mark.parametrize("tag", TAGS)
def test_every_control_is_reached_by_tab_and_named(explorable, tag):
    page = explorable(tag)
    expected = page.evaluate(
        """tag => { const found = [...document.querySelector(tag).shadowRoot.querySelectorAll(
            'button:not(:disabled), select, input, [tabindex="0"]')].filter(e => e.offsetParent);
          // of radio buttons only the chosen one is reached
          return found.filter(e => e.type !== 'radio' || e.checked).map(e => e.dataset.name); }""",
        tag,
    )
    reached, links = [], page.locator(f"{tag} a[href]:visible").count()
    for _ in range(len(expected) + links + 3):
        page.keyboard.press("Tab")
        name = page.evaluate("tag => document.querySelector(tag).shadowRoot.activeElement?.dataset.name", tag)
        if name:
            reached.append(name)
    assert sorted(set(reached)) == sorted(expected)
    assert len(expected) == len(set(expected))


@pytest.mark.parametrize("tag", TAGS)
def test_canvases_are_sharp_on_dense_screens(explorable, tag):
    page = explorable(tag, scale=2)
    ratios = page.evaluate(
        """tag => [...document.querySelector(tag).shadowRoot.querySelectorAll('canvas')]
          .filter(c => c.clientWidth).map(c => c.width / c.clientWidth)""",
        tag,
    )
    assert ratios and all(abs(ratio - 2) < 0.02 for ratio in ratios)


@pytest.mark.parametrize("tag", TAGS)
def test_picture_without_javascript(open_page, tag):
    page = open_page(page_of(tag), javascript=False)
    assert page.locator("img").is_visible()


@pytest.mark.parametrize("tag", TAGS)
def test_picture_in_print_only(explorable, tag):
    page = explorable(tag)
    assert not page.locator("img").is_visible()
    page.emulate_media(media="print")
    assert page.locator("img").is_visible() and not page.locator(f"{tag} .app").is_visible()


@pytest.mark.parametrize("tag", TAGS)
def test_printed_without_a_picture_it_shows_itself(open_page, tag):
    page = open_page(page_with(script=uri(tag), elements=f"<{tag}></{tag}>"))
    page.emulate_media(media="print")
    assert page.locator(f"{tag} .app").is_visible()


@pytest.mark.parametrize(
    ("body", "system", "expected"),
    [
        ('data-jp-theme-light="false"', False, True),  # JupyterLab, dark
        ('data-jp-theme-light="true"', True, False),
        ('class="quarto-dark"', False, True),
        ('class="quarto-light"', True, False),
    ],
)
def test_follows_the_theme_of_the_page(explorable, body, system, expected):
    page = explorable("perceptron-explorer", body=body, dark=system)
    assert (
        page.evaluate("document.querySelector('perceptron-explorer').hasAttribute('data-dark')") == expected
    )


def test_follows_the_switch_of_the_page_and_its_colours(explorable):
    page = explorable("perceptron-explorer")
    colour = (
        "getComputedStyle(document.querySelector('perceptron-explorer').shadowRoot.querySelector('.app'))"
    )
    assert page.evaluate(f"{colour}.backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    frame(page)
    assert page.evaluate(f"{colour}.backgroundColor") == "rgb(27, 30, 35)"
    page.evaluate("document.documentElement.style.setProperty('--course-paper', '#123456')")
    assert page.evaluate(f"{colour}.backgroundColor") == "rgb(18, 52, 86)"


@pytest.mark.parametrize("tag", TAGS)
def test_twice_on_a_page(explorable, axe, tag):
    page = explorable(tag, copies=2)
    page.add_script_tag(url=uri("base"))  # a page may name the scripts once for each figure
    page.add_script_tag(url=uri(tag))
    assert page.locator(f"{tag} .app").count() == 2
    assert axe(page) == []
    slider = page.locator(f"{tag} input[type=range]:visible")
    first, second = slider.first, page.locator(tag).nth(1).locator("input[type=range]:visible").first
    before = second.input_value()
    first.press("ArrowLeft" if before == first.get_attribute("max") else "ArrowRight")
    frame(page)
    assert second.input_value() == before != first.input_value()


@pytest.mark.parametrize("tag", TAGS)
def test_two_widgets_evaluate_the_module_twice(open_page, tag):
    """What a notebook front end does for two widgets of one class, anywidget's module from a blob each."""
    page = open_page("<!doctype html><html lang=en><title>Notebook</title><body></body></html>")
    widget = explore.explorable(tag)
    page.evaluate(
        """async ([text, data]) => {
          for (let i = 0; i < 2; i++) {
            const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
            const { default: widget } = await import(url);
            const el = document.createElement('div');
            document.body.append(el);
            widget.render({ model: { get: (name) => ({ attributes: {}, data })[name] }, el });
          }
        }""",
        [widget._esm, widget.data],
    )
    frame(page)
    assert page.locator(f"{tag} .app").count() == 2
    assert page.locator("[data-lm-suppress-shortcuts]").count() == 2
    assert page.locator(f"{tag} canvas").first.bounding_box()["width"] > 200


@pytest.mark.parametrize("tag", TAGS)
def test_nothing_is_drawn_before_it_is_computed(open_page, tag):
    """The browser tells the size of a canvas before a late first frame."""
    element = f"<script>{LATE_FRAMES}</script><{tag}></{tag}>"
    page = open_page(page_with(script=uri(tag), elements=element))
    page.locator(f"{tag} .app").wait_for()
    frame(page)
    assert page.locator(f"{tag} canvas").first.evaluate("canvas => canvas.width") > 0


@pytest.mark.parametrize("tag", TAGS)
def test_keys_stay_inside_a_widget(open_page, tag):
    """Else an arrow key would move the notebook to another cell."""
    page = open_page("<!doctype html><html lang=en><title>Notebook</title><body></body></html>")
    widget = explore.explorable(tag)
    page.evaluate(
        """async ([text, data]) => {
          window.heard = 0;
          document.addEventListener('keydown', () => { window.heard += 1; });
          const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
          const { default: widget } = await import(url);
          const el = document.createElement('div');
          document.body.append(el);
          widget.render({ model: { get: (name) => ({ attributes: {}, data })[name] }, el });
        }""",
        [widget._esm, widget.data],
    )
    frame(page)
    page.locator("input[type=range]:visible").first.press("ArrowRight")
    assert page.evaluate("window.heard") == 0


# ------------------------------------------------------------------------------ perceptron


def perceptron_state(page):
    return json.loads(
        page.evaluate(
            """() => { const e = document.querySelector('perceptron-explorer');
              return JSON.stringify({w: [e.w1, e.w2], b: e.b, points: e.task.points}); }"""
        )
    )


def errors_of(state):
    """The number of errors, counted here again from the weights and the points."""
    points = np.array([[p["x"], p["y"]] for p in state["points"]])
    kinds = np.array([p["kind"] for p in state["points"]])
    return int(((points @ state["w"] + state["b"] >= 0) != kinds).sum())


@pytest.mark.parametrize("weight", ["w1", "w2", "b"])
def test_perceptron_sliders_by_keyboard(explorable, weight):
    page = explorable("perceptron-explorer")
    before = number(page, "errors")
    assert before == f"{errors_of(perceptron_state(page))} of 40"
    control(page, weight).press("Home")
    after = number(page, "errors")
    assert after == f"{errors_of(perceptron_state(page))} of 40" != before
    assert "−6.00" in page.locator(".formula").inner_text().replace("\u00a0", "").replace("− 6", "−6")


def test_perceptron_line_can_be_dragged(explorable):
    page = explorable("perceptron-explorer")
    before = number(page, "errors")
    canvas = page.locator("canvas").bounding_box()
    handle = control(page, "move").bounding_box()
    page.mouse.move(handle["x"] + 16, handle["y"] + 16)
    page.mouse.down()
    x, y = 0.75, 0.7  # of the canvas
    page.mouse.move(canvas["x"] + x * canvas["width"], canvas["y"] + y * canvas["height"], steps=5)
    page.mouse.up()
    assert number(page, "errors") != before
    state = perceptron_state(page)
    at = np.array([-3.2 + 6.4 * x, 3.2 - 6.4 * y])
    assert at @ state["w"] + state["b"] == pytest.approx(0, abs=0.05), "the line goes where the pointer is"
    assert number(page, "errors") == f"{errors_of(state)} of 40"


def test_perceptron_handles_by_keyboard(explorable):
    page = explorable("perceptron-explorer")
    turn, move = control(page, "turn"), control(page, "move")
    angle = int(turn.get_attribute("aria-valuenow"))
    turn.press("ArrowUp")
    frame(page)
    assert int(turn.get_attribute("aria-valuenow")) == angle + 3
    bias = float(move.get_attribute("aria-valuenow"))
    move.press("Shift+ArrowUp")
    frame(page)
    assert float(move.get_attribute("aria-valuenow")) < bias
    assert "bias" in move.get_attribute("aria-valuetext")


def test_one_step_is_the_perceptron_rule(explorable):
    page = explorable("perceptron-explorer")
    before = perceptron_state(page)
    control(page, "step").click()
    after = perceptron_state(page)
    wrong = [
        p for p in before["points"]
        if (p["x"] * before["w"][0] + p["y"] * before["w"][1] + before["b"] >= 0) != p["kind"]
    ]  # fmt: skip
    sign = 2 * wrong[0]["kind"] - 1
    assert after["w"] == pytest.approx(
        [w + sign * wrong[0][k] for w, k in zip(before["w"], "xy", strict=True)]
    )
    assert after["b"] == before["b"] + sign and number(page, "updates") == "1"


@pytest.mark.parametrize(
    ("task", "separable"), [("nuclei", True), ("and", True), ("or", True), ("xor", False), ("overlap", False)]
)
def test_the_rule_comes_to_rest_only_if_a_line_separates_the_classes(explorable, task, separable):
    page = explorable("perceptron-explorer", reduced_motion=True)
    control(page, "data").select_option(task)
    control(page, "run").click()
    errors, updates = int(number(page, "errors").split()[0]), int(number(page, "updates"))
    assert (errors == 0) == separable
    assert (1 <= updates < 100) if separable else updates == 100
    note = page.locator(".note").inner_text()
    assert ("No errors" if separable else "no line separates") in note


def test_run_is_animated_unless_less_motion_is_wanted(explorable):
    page = explorable("perceptron-explorer")
    control(page, "run").click()
    assert int(number(page, "updates")) < 7 and control(page, "run").inner_text() == "Stop"
    page.wait_for_function(
        "document.querySelector('perceptron-explorer').shadowRoot.querySelector('[data-number=errors]')"
        ".textContent === '0 of 40'"
    )
    less = explorable("perceptron-explorer", reduced_motion=True)
    control(less, "run").click()
    assert number(less, "errors") == "0 of 40"


def test_reset_brings_the_start_back(explorable):
    page = explorable("perceptron-explorer")
    before = perceptron_state(page)
    control(page, "data").select_option("xor")
    control(page, "step").click()
    control(page, "reset").click()
    frame(page)
    assert perceptron_state(page) == before
    assert control(page, "data").input_value() == "nuclei" and number(page, "updates") == "0"


def test_errors_are_announced_politely(explorable):
    page = explorable("perceptron-explorer")
    live = page.locator("[role=status]")
    page.wait_for_timeout(700)
    assert live.inner_text() == "", "nothing is said before the reader does something"
    control(page, "w1").press("Home")
    page.wait_for_function(
        "document.querySelector('perceptron-explorer').shadowRoot.querySelector('[role=status]').textContent"
    )
    assert live.inner_text().startswith(number(page, "errors"))


# ------------------------------------------------------------------------------ StarDist


def expected_iou(x, y, rays):
    """IoU of the polygon, computed here from the built-in sample with NumPy and scikit-image."""
    from skimage.measure import points_in_poly

    labels = explorable_data.cut()[1]
    inside = np.pad(labels == labels[y, x], 1)
    corners = []
    for phi in 2 * np.pi * np.arange(rays) / rays:
        dx, dy = np.cos(phi), np.sin(phi)
        # Steps of one pixel until outside; half a pixel back, as in stardist's own star_dist.
        step = next(s for s in range(1, 99) if not inside[round(y + s * dy) + 1, round(x + s * dx) + 1])
        distance = step - 1 + 0.5 / max(abs(dx), abs(dy))
        corners.append([x + distance * dx, y + distance * dy])
    across, down = np.meshgrid(np.arange(96), np.arange(96))
    polygon = points_in_poly(np.stack([across.ravel(), down.ravel()], 1), corners).reshape(96, 96)
    truth = labels == labels[y, x]
    return (polygon & truth).sum() / (polygon | truth).sum()


@pytest.mark.parametrize("rays", [4, 8, 16, 32, 64])
def test_stardist_iou_for_each_number_of_rays(explorable, rays):
    page = explorable("stardist-explorer")
    set_slider(page, "rays", rays)
    assert float(number(page, "iou")) == pytest.approx(expected_iou(72, 54, rays), abs=0.012)


def test_stardist_distances_are_those_of_stardist(explorable):
    geometry = pytest.importorskip("stardist.geometry", reason="stardist is not installed")
    page = explorable("stardist-explorer")
    ours = page.evaluate("document.querySelector('stardist-explorer').measureRays().distances")
    theirs = geometry.star_dist(explorable_data.cut()[1], n_rays=32)[54, 72]
    # The package counts its angles from the other axis, so compare the sets of distances.
    assert np.allclose(np.sort(ours), np.sort(theirs), atol=0.75)


def test_stardist_rays_by_keyboard_change_the_iou(explorable):
    page = explorable("stardist-explorer")
    before = float(number(page, "iou"))
    control(page, "rays").press("Home")
    assert float(number(page, "iou")) < before - 0.2
    control(page, "rays").press("End")
    assert float(number(page, "iou")) >= before - 0.01


def test_stardist_point_by_arrow_keys(explorable):
    page = explorable("stardist-explorer")
    point, before = control(page, "point"), number(page, "iou")
    assert "column 72, row 54" in point.get_attribute("aria-label")
    point.press("ArrowLeft")
    point.press("ArrowDown")
    frame(page)
    assert "column 71, row 55" in point.get_attribute("aria-label")
    point.press("Shift+ArrowUp")
    assert number(page, "iou") != before
    for _ in range(10):
        point.press("Shift+ArrowRight")
    assert number(page, "iou") == "–" and "Background" in page.locator(".note").inner_text()


def test_stardist_point_by_pointer(explorable):
    page = explorable("stardist-explorer")
    box = page.locator("canvas").first.bounding_box()

    def place(column, row):
        return box["x"] + (column + 0.5) / 96 * box["width"], box["y"] + (row + 0.5) / 96 * box["height"]

    page.mouse.click(*place(30, 14))  # another nucleus, clicked
    frame(page)
    assert "column 30, row 14" in control(page, "point").get_attribute("aria-label")
    inside = float(number(page, "iou"))
    assert inside > 0.9
    page.mouse.move(*place(30, 14))
    page.mouse.down()
    page.mouse.move(*place(90, 90), steps=5)  # into the background, dragged
    page.mouse.up()
    assert number(page, "probability") == "0" and number(page, "iou") == "–"


def counts(page):
    return [int(number(page, name)) for name in ("left", "kept", "suppressed")]


def test_suppression_step_by_step(explorable):
    page = explorable("stardist-explorer", attributes='mode="suppression"')
    all_candidates, kept, suppressed = counts(page)
    assert all_candidates > 20 and kept == suppressed == 0
    control(page, "step").click()
    left, kept, suppressed = counts(page)
    assert kept == 1 and suppressed >= 1 and left + kept + suppressed == all_candidates
    for _ in range(all_candidates):
        if control(page, "step").is_disabled():
            break
        control(page, "step").click()
        frame(page)
    left, kept, suppressed = counts(page)
    assert left == 0 and kept + suppressed == all_candidates
    assert kept == 8 and number(page, "found") == "8 of 8"


def run_suppression(page, **sliders):
    for name, value in sliders.items():
        set_slider(page, name, value)
    control(page, "run").click()
    return counts(page)[1], int(number(page, "found").split()[0])


def test_thresholds_do_what_the_chapter_says(explorable):
    page = explorable("stardist-explorer", attributes='mode="suppression"', reduced_motion=True)
    assert run_suppression(page) == (8, 8)
    kept, found = run_suppression(page, overlap=0.9)
    assert kept > 20 and found == 8, "too high: duplicates survive"
    kept, found = run_suppression(page, overlap=0)
    assert kept == found < 8, "too low: a touching neighbour is lost"
    kept, found = run_suppression(page, overlap=0.4, probability=0.2)
    assert kept > 8 == found, "too low: objects in the background"
    kept, found = run_suppression(page, probability=0.8)
    assert found < 5, "too high: nuclei are missed"


def test_overlap_over_the_smaller_area_suppresses_more(explorable):
    page = explorable("stardist-explorer", attributes='mode="suppression"', reduced_motion=True)
    by_iou, _ = run_suppression(page, overlap=0.7)
    control(page, "measure").select_option("smaller")
    by_smaller, _ = run_suppression(page)
    assert by_smaller < by_iou


def test_suppression_mode_is_accessible(explorable, axe):
    page = explorable("stardist-explorer", attributes='mode="suppression"')
    control(page, "step").click()
    frame(page)
    assert axe(page) == []
    assert not control(page, "point").is_visible()


def test_the_picture_is_drawn(explorable):
    page = explorable("stardist-explorer")
    page.wait_for_function("document.querySelector('stardist-explorer').picture.complete")
    frame(page)
    url = page.evaluate("document.querySelector('stardist-explorer').image.canvas.toDataURL()")
    import io

    from PIL import Image

    drawn = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("L").resize((96, 96))
    )
    assert np.corrcoef(drawn.ravel(), explorable_data.cut()[0].ravel())[0, 1] > 0.9


# ------------------------------------------------------------------------------ the instructions


def test_the_smallest_explorable_of_the_instructions_works(open_page, axe, tmp_path):
    text = (SCRIPTS.parent / "README.md").read_text(encoding="utf-8")
    script = tmp_path / "sigmoid-explorer.js"
    script.write_text(text.split("```js\n")[1].split("```")[0], encoding="utf-8")
    element = "<sigmoid-explorer></sigmoid-explorer>"
    page = open_page(page_with(script=script.as_uri(), elements=element))
    assert number(page, "value") == "0.731"
    control(page, "slope").press("ArrowRight")
    assert number(page, "value") == f"{1 / (1 + np.exp(-1.1)):.3f}"
    assert axe(page) == [] and overflow(page) == []
