"""The explorable of chapter 10 computes what PyTorch counts and what the exercise follows."""

import numpy as np
import pytest

from bioimage_course import nets
from bioimage_course.materials.ch10 import valid_size
from explorable_page import control, number, opened

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.browser
TAG = "unet-explorer"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def parameters(depth, width, skip):
    with torch.device("meta"):
        return nets.count_parameters(nets.UNet(1, 3, depth=depth, width=width, skip=skip))


def receptive_field(depth):
    """Measured: pixels of the image that move one output pixel, and how many to one side, at worst."""
    nets.seed_everything(0)
    model = nets.UNet(1, 1, depth=depth, width=2, norm=None).double().eval()
    for module in model.modules():  # no ReLU must be dead and nothing cancel
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.weight.data.abs_()
            module.bias.data.abs_()
    model.pool = torch.nn.AvgPool2d(2)
    side = 2 ** (depth + 4)
    x = torch.rand(1, 1, side, side, dtype=torch.double, requires_grad=True)
    output, field, reach = model(x)[0, 0], 0, 0
    for at in range(side // 2, side // 2 + 2**depth):
        (gradient,) = torch.autograd.grad(output[at, at], x, retain_graph=True)
        rows = np.flatnonzero(gradient[0, 0].abs().amax(dim=1).numpy())
        field = max(field, rows[-1] - rows[0] + 1)
        reach = max(reach, at - rows[0], rows[-1] - at)
    return field, reach


def test_keyboard_changes_depth_and_the_numbers_follow(page):
    assert number(page, "output") == "128 × 128"
    assert number(page, "parameters") == f"{parameters(4, 16, 'concatenate'):,}"
    control(page, "depth").focus()
    page.keyboard.press("ArrowLeft")
    assert number(page, "parameters") == f"{parameters(3, 16, 'concatenate'):,}"
    page.keyboard.press("ArrowLeft")
    assert number(page, "field") == f"{receptive_field(2)[0]} pixels"


@pytest.mark.parametrize("skip", ["concatenate", "add"])
@pytest.mark.parametrize(("depth", "exponent"), [(1, 3), (3, 5), (5, 6)])
def test_parameters_are_those_of_the_network(page, skip, depth, exponent):
    control(page, f"skip-{skip}").check(force=True)
    control(page, "depth").fill(str(depth))
    control(page, "width").fill(str(exponent))
    assert number(page, "parameters") == f"{parameters(depth, 2**exponent, skip):,}"


@pytest.mark.parametrize("depth", [1, 3])
def test_receptive_field_is_the_measured_one(page, depth):
    control(page, "depth").fill(str(depth))
    field, reach = receptive_field(depth)
    assert number(page, "field") == f"{field} pixels"
    assert number(page, "reach") == f"{reach} pixels"
    margin = -(-reach // 2**depth) * 2**depth
    assert f"need a margin of {margin}:" in page.locator("[data-text=note]").inner_text()


def test_the_course_network_looks_107_pixels_to_one_side(page):
    assert number(page, "field") == "204 pixels"
    assert number(page, "reach") == "107 pixels"
    assert "need a margin of 112" in page.locator("[data-text=note]").inner_text()


def test_the_paper(page):
    control(page, "paper").focus()
    page.keyboard.press("Enter")
    assert number(page, "output") == "388 × 388"
    assert page.locator("[data-text=note]").inner_text().startswith("92 pixels on each side")
    assert "568 to 392" in page.locator("[data-text=note]").inner_text()


@pytest.mark.parametrize("side", [100, 188, 572, 576, 1020])
@pytest.mark.parametrize("depth", [2, 4])
def test_sizes_without_padding(page, side, depth):
    control(page, "padding-valid").check(force=True)
    control(page, "depth").fill(str(depth))
    control(page, "side").fill(str(side))
    right = valid_size(side, depth)
    assert number(page, "output") == (f"{right} × {right}" if right else "–")
    if not right:
        words = page.locator("[data-text=note]").inner_text()
        sides = [int(word) for word in words.partition("Sides that work: ")[2].strip(" .").split(" and ")]
        works = [n for n in range(1, 2048) if valid_size(n, depth)]
        below, above = [n for n in works if n < side][-1:], [n for n in works if n > side][:1]
        assert sides == below + above


def test_with_padding_only_multiples_fit(page):
    control(page, "side").fill("132")
    assert number(page, "output") == "–"
    assert "Sides that work: 128 and 144" in page.locator("[data-text=note]").inner_text()


def test_memory_is_that_of_the_feature_maps(page):
    control(page, "depth").fill("3")
    control(page, "width").fill("4")
    model, values = nets.UNet(1, 3, depth=3, width=16).eval(), []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(lambda _module, _inputs, output: values.append(output.numel()))
    with torch.no_grad():
        model(torch.zeros(1, 1, 128, 128))
    size = 4 * sum(values) / 1e6
    assert number(page, "memory") == (f"{size:.1f} MB" if size < 10 else f"{size:.0f} MB")
