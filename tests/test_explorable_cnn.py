"""The live network of chapter 4 computes what PyTorch computes, and takes a reader's own picture."""

import base64
import copy
import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from bioimage_course import explore, nets
from bioimage_course.explore.explorables import SCRIPTS, read_data
from browser import at_full_speed, frame
from coursebook import live_cnn
from explorable_page import as_float, control, fastest_frame, number, opened, set_slider

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
tifffile = pytest.importorskip("tifffile")
pytestmark = pytest.mark.browser
TAG = "cnn-explorer"
STORED = read_data("cnn-weights", TAG)
START = {"dx": 0, "dy": 0, "turn": 0, "zoom": 1, "blur": 0, "light": 1}
MOVED = {"dx": 3, "dy": -2, "turn": 35, "zoom": 1.3, "blur": 0.8, "light": 0.6}


@pytest.fixture
def page(open_page):
    return ready(opened(open_page, TAG))


def decoded(text):
    return base64.b64decode(text)


def ready(page):
    page.wait_for_function(f"document.querySelector('{TAG}').result")
    return page


@pytest.fixture(scope="module")
def models():
    """The shipped network as it is, and the same with mirror padding."""
    zeros = nets.load(live_cnn.FOLDER / "nuclear-states.pt")
    mirror = copy.deepcopy(zeros)
    for module in mirror.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.padding_mode = "reflect"
    return {"zeros": zeros, "mirror": mirror, "difference": mirror}


def element(page, expression):
    frame(page)
    return np.array(page.evaluate(f"(tag) => Array.from(document.querySelector(tag).{expression})", TAG))


def as_torch(page):
    return torch.tensor(element(page, "image"), dtype=torch.float32).reshape(1, 1, 32, 32)


def set_state(page, **state):
    """Bring the cell into a state by its sliders, and by the arrow keys on its ring."""
    for name in ("turn", "zoom", "blur", "light"):
        if name in state:
            set_slider(page, name, state[name])
    control(page, "move").focus()
    for name, (back, forth) in {"dx": ("Left", "Right"), "dy": ("Up", "Down")}.items():
        for _ in range(abs(state.get(name, 0))):
            page.keyboard.press(f"Arrow{forth if state[name] > 0 else back}")
    frame(page)


def warning(page):
    frame(page)
    box = page.locator("[data-text=warning]")
    return box.inner_text() if box.is_visible() else ""


def note(page):
    frame(page)
    return page.locator("[data-text=note]").inner_text()


# ------------------------------------------------------------------------------ what the script carries


def test_weights_and_cells_are_in_step():
    fresh = live_cnn.content()
    assert STORED.keys() == fresh.keys() and STORED["cells"].keys() == fresh["cells"].keys()
    mend = "run python -m coursebook.live_cnn"
    stored, new = (np.frombuffer(decoded(c["whole"]), "<i2").astype(int) for c in (STORED, fresh))
    assert np.abs(stored - new).max() <= 1, mend  # a weight in the middle may be rounded to either side
    stored, new = (np.frombuffer(decoded(c["floats"]), "<f4") for c in (STORED, fresh))
    np.testing.assert_allclose(stored, new, rtol=1e-5, err_msg=mend)
    assert STORED["ranges"] == fresh["ranges"], mend
    for name, cell in STORED["cells"].items():
        other = fresh["cells"][name]
        stored, new = (np.frombuffer(decoded(c["values"]), np.uint8).astype(int) for c in (cell, other))
        assert np.abs(stored - new).max() <= (name == "fragments"), mend
        assert [cell[key] for key in ("dark", "scale")] == pytest.approx(
            [other[key] for key in ("dark", "scale")], rel=0.01
        )


def test_weights_are_a_small_classic_script():
    text = (SCRIPTS / "cnn-weights.js").read_text(encoding="utf-8")
    assert len(text.encode()) < 60_000 and text.startswith("/*")
    assert text.count("window.CourseData") == 2


def test_notebook_gets_the_weights_as_a_trait():
    widget = explore.cnn()
    assert widget.data == STORED and widget.traits(sync=True).keys() >= {"data", "attributes"}
    assert explore.perceptron().data == {}
    json.dumps(widget.data)


def test_a_widget_answers_with_the_weights_of_its_trait(open_page):
    page = open_page("<!doctype html><html lang=en><title>Notebook</title><body></body></html>")
    page.evaluate(
        """async ([text, data]) => {
          const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
          const { default: widget } = await import(url);
          const el = document.createElement('div');
          document.body.append(el);
          widget.render({ model: { get: (name) => ({ attributes: {}, data })[name] }, el });
        }""",
        [explore.cnn()._esm, STORED],
    )
    assert as_percent(ready(page), 1) > 50


def test_page_says_when_the_weights_are_missing(open_page, tmp_path):
    for name in ("base", TAG):
        (tmp_path / f"{name}.js").write_text((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
    scripts = "".join(
        f'<script defer src="{(tmp_path / f"{n}.js").as_uri()}"></script>' for n in ("base", TAG)
    )
    page = open_page(f"<!doctype html><html lang=en><title>x</title>{scripts}<{TAG}></{TAG}></html>")
    page.locator("[data-text=warning]").wait_for()
    assert "cnn-weights.js is missing" in warning(page)
    page.problems.clear()  # the browser tells of the missing file as well


# ------------------------------------------------------------------------------ the numbers


def as_percent(page, kind):
    return float(number(page, f"chance-{kind}").rstrip(" %"))


def in_numpy(cell, state):
    """What the network gets, computed here with SciPy."""
    side = cell["side"]
    values = np.frombuffer(decoded(cell["values"]), np.uint8).reshape(side, side).astype(float)
    reach = int(np.ceil(3 * state["blur"]))
    rows, columns = np.mgrid[-reach : 32 + reach, -reach : 32 + reach] - 15.5
    u, v = (columns - state["dx"], rows - state["dy"])
    step, angle = cell["step"] / state["zoom"], np.deg2rad(state["turn"])
    x = (side - 1) / 2 + step * (np.cos(angle) * u + np.sin(angle) * v)
    y = (side - 1) / 2 + step * (np.cos(angle) * v - np.sin(angle) * u)
    grey = ndimage.map_coordinates(values, [y, x], order=1, mode="reflect")
    grey = 0.06 + state["light"] * cell["scale"] * (grey - cell["dark"])
    if reach:
        grey = ndimage.gaussian_filter(grey, state["blur"], radius=reach)[reach:-reach, reach:-reach]
    return grey


@pytest.mark.parametrize("state", [START, MOVED], ids=["start", "moved"])
@pytest.mark.parametrize("cell", STORED["cells"])
def test_picture_is_moved_turned_magnified_blurred_and_dimmed(page, cell, state):
    control(page, f"cell-{cell}").check(force=True)
    set_state(page, **state)
    np.testing.assert_allclose(
        element(page, "image").reshape(32, 32), in_numpy(STORED["cells"][cell], state), atol=1e-4
    )


@pytest.mark.parametrize("padding", ["zeros", "mirror"])
@pytest.mark.parametrize("state", [START, MOVED], ids=["start", "moved"])
@pytest.mark.parametrize("cell", STORED["cells"])
def test_all_maps_and_probabilities_agree_with_pytorch(page, models, cell, state, padding):
    control(page, f"cell-{cell}").check(force=True)
    set_state(page, **state)
    control(page, f"padding-{padding}").check(force=True)
    model, x = models[padding], as_torch(page)
    with torch.no_grad():
        scores = model(x)
        np.testing.assert_allclose(element(page, "result.scores"), scores[0], atol=1e-3)
        chances = scores.softmax(1)[0]
        np.testing.assert_allclose(element(page, "result.chances"), chances, atol=1e-3)
        for kind in range(3):
            assert as_percent(page, kind) == pytest.approx(100 * float(chances[kind]), abs=0.11)
        for block in range(3):
            x = model.features[2 * block](x)
            np.testing.assert_allclose(element(page, f"result.maps[{block}]"), x.flatten(), atol=1e-3)
            x = model.features[2 * block + 1](x)
        np.testing.assert_allclose(element(page, "result.means"), x.mean(dim=(2, 3))[0], atol=1e-3)


def test_photographs_at_the_start_are_named_rightly(page):
    for cell, kind in {"interphase": 0, "metaphase": 1, "fragments": 2}.items():
        control(page, f"cell-{cell}").check(force=True)
        assert as_percent(page, kind) > 80 and warning(page) == ""


@pytest.mark.parametrize("padding", ["zeros", "mirror"])
@pytest.mark.parametrize(("block", "index"), [(0, 5), (1, 6), (2, 8), (2, 30)])
def test_gradient_of_a_value_agrees_with_pytorch(page, models, block, index, padding):
    control(page, f"padding-{padding}").check(force=True)
    control(page, f"block-{block}").check(force=True)
    set_slider(page, "map", index + 1)
    control(page, "sees").check()
    x = as_torch(page).requires_grad_()
    maps = models[padding].features[: 2 * block + 1](x)[0, index]
    row, column = np.unravel_index(int(maps.argmax()), maps.shape)
    go_to(page, row, column)
    maps[row, column].backward()
    np.testing.assert_allclose(element(page, "gradient"), x.grad.flatten(), atol=1e-3)
    assert as_float(page, "value") == pytest.approx(float(maps[row, column].detach()), abs=0.006)
    assert "would raise the chosen value" in note(page)


def go_to(page, row, column):
    """Move the ring on the enlarged map by the arrow keys."""
    handle = control(page, "value")
    handle.focus()
    for _ in range(32):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    for _ in range(row):
        page.keyboard.press("ArrowDown")
    for _ in range(column):
        page.keyboard.press("ArrowRight")
    frame(page)
    assert handle.get_attribute("aria-label").endswith(f"row {row + 1}, column {column + 1}")


@pytest.mark.parametrize("kind", range(3))
def test_gradient_of_a_class_agrees_with_pytorch(page, models, kind):
    button = control(page, f"score-{kind}")
    button.focus()
    page.keyboard.press("Enter")
    x = as_torch(page).requires_grad_()
    score = models["zeros"](x)[0, kind]
    score.backward()
    np.testing.assert_allclose(element(page, "gradient"), x.grad.flatten(), atol=1e-3)
    assert number(page, "field") == "32 × 32" and button.get_attribute("aria-pressed") == "true"
    assert as_float(page, "value") == pytest.approx(float(score.detach()), abs=0.006)
    page.keyboard.press("Enter")
    frame(page)
    assert button.get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize(("block", "side"), [(0, 3), (1, 8), (2, 18)])
def test_receptive_field_is_where_a_pixel_can_matter(page, models, block, side):
    """Measured: from which pixels anything reaches the value, whatever the weights."""
    control(page, f"block-{block}").check(force=True)
    assert number(page, "field") == f"{side} × {side}"
    layers = []
    for level in range(block + 1):
        layers += [torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.AvgPool2d(2) if level < block else None]
    model = torch.nn.Sequential(*filter(None, layers))
    for layer in model[::2]:
        torch.nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 32, 32, requires_grad=True)
    middle = 16 >> block
    model(x)[0, 0, middle, middle].backward()
    seen = np.flatnonzero(x.grad[0, 0].sum(dim=0))
    low, high = page.evaluate(
        f"([b, at]) => document.querySelector('{TAG}').constructor.field(b, at)", [block, middle]
    )
    assert [seen[0], seen[-1]] == [low, high] and len(seen) == side


def test_formula_is_the_sum_that_gives_the_value(page):
    control(page, "block-1").check(force=True)
    control(page, "sees").check()
    frame(page)
    parts = [float(b.replace("−", "-")) for b in page.locator(".formula b").all_inner_texts()]
    assert max(0, parts[0] + parts[1]) == pytest.approx(parts[2], abs=0.011)
    assert "72 products" in page.locator(".formula").inner_text()


def test_padding_changes_the_frame_of_the_maps(page, models):
    assert number(page, "changed") == "–"
    control(page, "padding-difference").check(force=True)
    x = as_torch(page)
    with torch.no_grad():
        zeros, mirror = (models[name].features[0](x)[0] for name in ("zeros", "mirror"))
    np.testing.assert_allclose(element(page, "shown[0]"), (mirror - zeros).flatten(), atol=1e-3)
    inner = element(page, "shown[0]").reshape(8, 32, 32)[:, 1:-1, 1:-1]
    assert np.abs(inner).max() < 1e-6 < np.abs(element(page, "shown[0]")).max()
    in_first = as_float_percent(page, "changed")
    changed = float(((mirror - zeros).abs() > 1e-4).float().mean())
    assert (
        in_first == pytest.approx(100 * changed, abs=1) and in_first < 13
    )  # the frame is 12 % of the values
    control(page, "block-2").check(force=True)
    assert as_float_percent(page, "changed") > 2 * in_first


def as_float_percent(page, name):
    return float(number(page, name).rstrip(" %"))


def test_dimming_dims_the_maps(page):
    values = []
    for light in (1, 0.5, 0.25):
        set_slider(page, "light", light)
        values.append(element(page, "result.maps[0]").max())
    assert values[0] > values[1] > values[2]


def test_magnifying_changes_the_answer(page):
    assert "metaphase" in note(page)
    set_slider(page, "zoom", 1.5)
    assert "says interphase" in note(page)


# ------------------------------------------------------------------------------ pointer and keys


def test_dragging_the_picture_moves_the_cell(page):
    box = page.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 20 / 32, box["y"] + box["height"] * 10 / 32)
    frame(page)
    dx, dy = element(page, "state.dx === undefined ? [] : [document.querySelector(tag).state.dx, "
                           "document.querySelector(tag).state.dy]")  # fmt: skip
    assert (dx, dy) == pytest.approx((4, -6), abs=0.2)


def test_a_click_on_a_map_enlarges_it_and_one_in_it_chooses_a_value(page):
    grid = page.locator("canvas").nth(2)
    box = grid.bounding_box()
    grid.click(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * (4.2 + 1.05 + 0.5) / 8.4})
    frame(page)
    assert control(page, "block-2").is_checked() and control(page, "map").input_value() == "11"
    enlarged = page.locator("canvas").nth(1)
    box = enlarged.bounding_box()
    enlarged.click(position={"x": box["width"] * 6.5 / 8, "y": box["height"] * 1.5 / 8})
    frame(page)
    assert control(page, "value").get_attribute("aria-label").endswith("row 2, column 7")
    assert control(page, "sees").is_checked()
    maps = element(page, "result.maps[2]").reshape(32, 8, 8)
    assert as_float(page, "value") == pytest.approx(maps[10, 1, 6], abs=0.006)


def test_reset_brings_the_start_back(page):
    before = element(page, "image")
    set_state(page, **MOVED)
    control(page, "cell-anaphase").check(force=True)
    control(page, "padding-mirror").check(force=True)
    control(page, "reset").click()
    np.testing.assert_array_equal(element(page, "image"), before)
    assert control(page, "cell-metaphase").is_checked() and control(page, "padding-zeros").is_checked()


def test_nothing_moves_by_itself(open_page):
    page = ready(opened(open_page, TAG, reduced_motion=True))
    before = page.screenshot()
    page.wait_for_timeout(600)
    assert page.screenshot() == before


@at_full_speed
def test_quick_enough_for_dragging(page):
    control(page, "padding-difference").check(force=True)
    control(page, "score-0").click()
    frame(page)
    assert fastest_frame(page, TAG, "e.state.turn += 1") < 20


# ------------------------------------------------------------------------------ unlike the training pictures


def test_descriptions_agree_with_those_of_the_training(page):
    import nuclear_states

    set_state(page, **MOVED)
    right = nuclear_states.describe(as_torch(page))
    found = page.evaluate(
        f"() => {{ const e = document.querySelector('{TAG}'); return e.constructor.describe(e.image); }}"
    )
    for name, value in right.items():
        assert found[name] == pytest.approx(float(value[0]), rel=1e-4), name


def test_a_picture_unlike_the_training_pictures_is_told(page):
    control(page, "cell-interphase").check(force=True)
    assert warning(page) == ""
    set_slider(page, "zoom", 2)
    assert "Unlike all the training pictures" in warning(page) and "its border is brighter" in warning(page)
    assert "answers all the same" in warning(page)


# ------------------------------------------------------------------------------ a reader's own picture


GREY = (np.hypot(*np.mgrid[-30:30, -40:40]) < 12).astype(np.uint8) * 150 + np.arange(80, dtype=np.uint8) // 8


def tiff(image, **settings):
    stream = io.BytesIO()
    tifffile.imwrite(stream, image, **settings)
    return stream.getvalue()


def picture(image, kind):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


def own(page, name, content):
    control(page, "file").set_input_files({"name": name, "mimeType": "", "buffer": content})
    frame(page)
    page.wait_for_function(
        f"() => {{ const e = document.querySelector('{TAG}'); return e.name === 'own' || e.refused; }}"
    )
    frame(page)


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [
        ("a.png", picture(GREY, "png"), GREY),
        ("b.tif", tiff(GREY), GREY),
        ("c.tif", tiff(GREY.astype(np.uint16) * 300, rowsperstrip=7), GREY * 300.0),
        ("d.tif", tiff(GREY.astype(np.uint16) * 300, byteorder=">"), GREY * 300.0),
        ("e.tif", tiff(GREY, photometric="miniswhite"), 255.0 - GREY),
        ("f.png", picture(np.stack([GREY, GREY // 2, GREY // 4], axis=-1), "png"), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_own_picture_is_read_and_warned_of(page, models, name, content, values):
    own(page, name, content)
    if values is None:
        values = np.stack([GREY, GREY // 2, GREY // 4]).mean(axis=0)
        assert "has colours" in warning(page)
    np.testing.assert_allclose(element(page, "picture.values").reshape(60, 80), values, atol=1e-3)
    text = warning(page)
    assert name in text and "simulated nuclei only" in text
    assert ("background seems brighter" in text) == (name == "e.tif")
    with torch.no_grad():
        right = models["zeros"](as_torch(page)).softmax(1)[0]
    np.testing.assert_allclose(element(page, "result.chances"), right, atol=1e-3)
    assert control(page, "span").is_visible() and control(page, "span").input_value() == "60"


def test_width_of_the_view_cuts_and_a_cell_comes_back(page):
    own(page, "a.tif", tiff(GREY))
    set_slider(page, "span", 32)
    low = np.sort(GREY.ravel())[int(0.05 * 4799)]
    values = 0.06 + 1.5 * (GREY[14:46, 24:56] - float(low)) / (np.percentile(GREY, 99.5) - low)
    np.testing.assert_allclose(element(page, "image").reshape(32, 32), values, atol=0.02)
    control(page, "cell-interphase").check(force=True)
    assert warning(page) == "" and not control(page, "span").is_visible()


def test_a_large_picture_is_averaged_not_sampled(page):
    stripes = np.tile(np.array([0, 200], np.uint8), (256, 128))
    stripes[:, :64] = 100
    own(page, "stripes.png", picture(stripes, "png"))
    image = element(page, "image").reshape(32, 32)
    assert image[:, 9:].std() < 0.02 * (image.max() + 1)


def test_a_jpeg_is_read(page):
    content = picture(GREY, "jpeg")
    own(page, "a.jpg", content)
    right = np.array(Image.open(io.BytesIO(content)), float)
    np.testing.assert_allclose(element(page, "picture.values").reshape(60, 80), right, atol=3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (tiff(GREY, compression="zlib"), "This TIFF is compressed"),
        (tiff(np.stack([GREY] * 3, axis=-1), photometric="rgb"), "has several channels or colours"),
        (tiff(GREY.astype(np.float32)), "does not hold whole numbers"),
        (tiff(GREY.astype(np.int16)), "does not hold whole numbers"),
        (tiff(GREY.astype(np.uint32)), "has 32 bits a pixel"),
        (
            tiff(np.zeros((64, 64), np.uint8) + np.arange(64, dtype=np.uint8), tile=(16, 16)),
            "is stored in tiles",
        ),
        (tiff(GREY, bigtiff=True), "is a BigTIFF"),
        (tiff(GREY)[:1000], "ends too early or is damaged"),
        (b"II*\0", "ends too early or is damaged"),
        (b"", "is no picture"),
        (b"\0" * 100, "is no picture"),
        (picture(GREY[:4], "png"), "each side needs at least 8"),
        (picture(np.full((20, 20), 7, np.uint8), "png"), "nearly the same value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_refused_with_one_sentence(page, content, sentence):
    before = element(page, "image")
    own(page, "x.tif", content)
    assert sentence in warning(page)
    np.testing.assert_array_equal(element(page, "image"), before)
    control(page, "cell-interphase").check(force=True)
    assert warning(page) == ""


def test_a_dropped_file_is_read(page):
    page.evaluate(
        """([tag, bytes]) => {
          const drop = document.querySelector(tag).shadowRoot.querySelector('.drop');
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], 'dropped.tif'));
          for (const type of ['dragenter', 'drop']) {
            const how = { bubbles: true, composed: true, cancelable: true, dataTransfer: transfer };
            drop.dispatchEvent(new DragEvent(type, how));
          }
        }""",
        [TAG, list(tiff(GREY))],
    )
    page.wait_for_function(f"document.querySelector('{TAG}').name === 'own'")
    assert "dropped.tif" in warning(page)


def test_what_the_page_needs_of_the_file_it_keeps_to_itself(page):
    """No request leaves the page (the fixture watches), and nothing is kept."""
    own(page, "a.png", picture(GREY, "png"))
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
