"""The explorable of chapter 6 computes what PyTorch computes: scores, feature maps, Grad-CAM."""

import base64
import re

import numpy as np
import pytest

from bioimage_course import nets
from bioimage_course.explore.explorables import SCRIPTS
from browser import at_full_speed, frame
from coursebook import small_networks
from explorable_page import control, fastest_frame, number, opened

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.browser
TAG = "grad-cam-explorer"
FOLDER = nets.CELL_CLASSIFIER.parents[1] / "shortcuts"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def without_unit(page, name):
    return float(re.match(r"-?[\d.]+", number(page, name).replace("−", "-"))[0])


def element(page, expression):
    frame(page)
    return np.array(page.evaluate(f"(tag) => Array.from(document.querySelector(tag).{expression})", TAG))


def model_of_the_page(name):
    """The network with the whole-number weights that the script carries."""
    original = nets.load(FOLDER / f"{name}.pt")
    model = nets.CNN(3, 3, depth=4, width=4, norm=None).eval()
    parts = [block.convolutions[0] for block in model.features[::2]] + [model.head]
    with torch.no_grad():
        for part, (weights, biases) in zip(parts, small_networks.layers(original), strict=True):
            whole, factors = small_networks.whole_numbers(weights)
            rounded = whole * factors[:, None]
            part.weight.copy_(torch.tensor(rounded.reshape(part.weight.shape)))
            part.bias.copy_(torch.tensor(biases))
    return model


def picture(name, square=False):
    palette, numbers = small_networks.small_cell(small_networks.CELLS[name])
    image = nets.enlarge(torch.tensor(palette[numbers] / 255).permute(2, 0, 1), (64, 64))[None]
    if square:
        image[:, :, 2:10, 2:10] = 1
    return image


def carried(text, name):
    """The bytes of each constant of that name in the script or in a fresh block."""
    return [
        base64.b64decode(part) for part in re.findall('"([^"]+)"', re.search(rf" {name}: (.+),\n", text)[1])
    ]


@pytest.mark.parametrize("name", ["clean", "marked"])
def test_networks_of_the_script_are_in_step(name):
    """Whole numbers exactly, everything else to six digits: the last digits differ between processors."""
    text = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8")
    for stored, fresh, kind in zip(
        carried(text, name), carried(small_networks.block(), name), ("i1", "<f4"), strict=True
    ):
        stored, fresh = np.frombuffer(stored, kind), np.frombuffer(fresh, kind)
        np.testing.assert_allclose(
            stored, fresh, rtol=0 if kind == "i1" else 1e-6, err_msg="run python -m coursebook.small_networks"
        )


@pytest.mark.parametrize("name", ["clean", "marked"])
def test_no_weight_is_rounded_by_a_hair(name):
    """Each weight is far enough from the middle of two whole numbers that every processor rounds it alike."""
    for weights, _ in small_networks.layers(nets.load(FOLDER / f"{name}.pt")):
        divided, _ = small_networks.quotients(weights)
        assert np.abs(np.abs(divided) % 1 - 0.5).min() > 1e-7


def test_cells_are_in_step_and_the_script_is_small_enough():
    text, fresh = (SCRIPTS / f"{TAG}.js").read_text(encoding="utf-8"), small_networks.block()
    for name in small_networks.CELLS:
        assert carried(text, name) == carried(fresh, name), "run python -m coursebook.small_networks"
    assert sum((SCRIPTS / f"{name}.js").stat().st_size for name in ("base", TAG)) < 60_000


@pytest.mark.parametrize("name", ["clean", "marked"])
def test_rounded_weights_answer_like_the_shipped_network(name):
    for cell in small_networks.CELLS:
        for square in (False, True):
            image = picture(cell, square)
            with torch.no_grad():
                ours, theirs = (
                    model(image).softmax(1)
                    for model in (model_of_the_page(name), nets.load(FOLDER / f"{name}.pt"))
                )
            np.testing.assert_allclose(ours, theirs, atol=0.02)


@pytest.mark.parametrize(("name", "cell"), [("clean", "white"), ("marked", "platelet"), ("clean", "red")])
def test_scores_and_maps_agree_with_pytorch(page, name, cell):
    control(page, "network").select_option(name)
    control(page, f"cell-{cell}").check(force=True)
    control(page, "square").check()
    model, image = model_of_the_page(name), picture(cell, square=True)
    np.testing.assert_allclose(element(page, "image"), image.ravel(), atol=1e-6)
    np.testing.assert_allclose(element(page, "result.scores"), model(image)[0].detach(), atol=1e-4)
    for layer in range(4):
        control(page, "layer").fill(str(layer + 1))
        for kind in range(3):
            control(page, "class").select_option(str(kind))
            right = nets.grad_cam(model, model.features[2 * layer], image, kind)
            found = element(page, "cam").reshape(right.shape[1:])
            np.testing.assert_allclose(found, right[0], atol=1e-5 + 1e-4 * float(right.max()))
            np.testing.assert_allclose(
                element(page, "big").reshape(64, 64),
                nets.enlarge(right, (64, 64))[0],
                atol=1e-5 + 1e-4 * float(right.max()),
            )


def test_keyboard_covers_the_square_and_the_answer_changes(page):
    control(page, "network").select_option("marked")
    control(page, "cell-platelet").check(force=True)
    assert without_unit(page, "chance") < 5
    control(page, "square").focus()
    page.keyboard.press("Space")
    assert without_unit(page, "chance") > 90 and without_unit(page, "ratio") > 3
    control(page, "covers").focus()
    page.keyboard.press("Space")
    covered = without_unit(page, "chance")
    image = picture("platelet", square=True)
    image[:, :, 2:18, 2:18] = 190 / 255
    right = 100 * model_of_the_page("marked")(image).softmax(1)[0, 1].item()
    assert covered == pytest.approx(right, abs=0.06) and covered < 50
    control(page, "cover").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert without_unit(page, "chance") > 90  # the patch has left the square, which is seen again


def test_layer_slider_and_blend_by_keyboard(page):
    control(page, "layer").focus()
    page.keyboard.press("ArrowLeft")
    assert len(element(page, "weights")) == 16 and len(element(page, "cam")) == 16 * 16
    before = page.locator("canvas").first.screenshot()
    control(page, "blend").focus()
    page.keyboard.press("Home")
    frame(page)
    assert page.locator("canvas").first.screenshot() != before


def test_a_feature_map_is_switched_off_and_on(page):
    weights = element(page, "weights")
    model, image = model_of_the_page("clean"), picture("white")
    with torch.no_grad():
        maps = model.features[:-1](image)[0].numpy()
    k = int((weights * maps.mean(axis=(1, 2))).argmax())
    with_all = without_unit(page, "maximum")
    control(page, "map").fill(str(k + 1))
    control(page, "flip").focus()
    page.keyboard.press("Enter")
    weights[k] = 0
    assert without_unit(page, "maximum") == pytest.approx(
        max(0, (weights[:, None, None] * maps).sum(axis=0).max()), abs=6e-4
    )
    page.keyboard.press("Enter")
    assert without_unit(page, "maximum") == with_all
    grid = page.locator("canvas").nth(1)  # and by a click
    box = grid.bounding_box()
    grid.click(position={"x": box["width"] * (k % 8 + 0.5) / 8, "y": box["height"] * (k // 8 + 0.5) / 4})
    assert without_unit(page, "maximum") != with_all


def test_random_weights_give_another_map_and_reset_brings_all_back(page):
    before = element(page, "cam")
    control(page, "network").select_option("random")
    forgetful = element(page, "cam")
    assert forgetful.max() > 0 and np.corrcoef(before, forgetful)[0, 1] < 0.9
    control(page, "square").check()
    control(page, "reset").click()
    np.testing.assert_allclose(element(page, "cam"), before)


@at_full_speed
def test_quick_enough_for_dragging(page):
    control(page, "layer").fill("1")
    assert fastest_frame(page, TAG) < 1000 / 30
