"""The explorable of chapter 3 in a real browser: steps, gradients and optimisers against PyTorch."""

import numpy as np
import pytest

from bioimage_course import data, explore
from browser import at_full_speed, frame
from explorable_page import as_float, control, fastest_frame, number, set_slider
from test_explorables_browser import explorable  # noqa: F401

pytestmark = pytest.mark.browser
TAG = "backprop-explorer"
STEPS = {"neuron": 7, "twice": 5, "loss": 11}


def inputs(page):
    return page.evaluate(f"document.querySelector('{TAG}').inputs")


def expected(graph, given):
    """Output and gradients of a graph by PyTorch, inputs in the order of the sliders."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    leaves = {
        name: torch.tensor(float(x), dtype=torch.float64, requires_grad=True) for name, x in given.items()
    }
    n = type("Names", (), leaves)
    out = {
        "neuron": lambda: torch.tanh(n.a * n.b + n.c),
        "twice": lambda: n.a * n.b + n.a,
        "loss": lambda: (torch.tanh(n.w * n.x + n.b) - n.y) ** 2,
    }[graph]()
    out.backward()
    return out.item(), [leaf.grad.item() for leaf in leaves.values()]


def to_the_end(page, graph):
    for _ in range(STEPS[graph]):
        control(page, "next").click()
    frame(page)
    assert control(page, "next").is_disabled()


@pytest.mark.parametrize("graph", STEPS)
def test_gradients_are_those_of_pytorch(explorable, graph):  # noqa: F811
    page = explorable(TAG)
    control(page, "graph").select_option(graph)
    to_the_end(page, graph)
    for changed in (None, 0, 1):
        if changed is not None:
            before = number(page, "output")
            control(page, f"input{changed}").press("ArrowLeft")
            control(page, f"input{changed}").press("PageDown")
            assert number(page, "output") != before, "the output follows the slider"
        output, gradients = expected(graph, inputs(page))
        assert as_float(page, "output") == pytest.approx(output, abs=6e-4)
        for i, gradient in enumerate(gradients):
            assert as_float(page, f"gradient{i}") == pytest.approx(gradient, abs=6e-4)


def test_step_by_step_forward_and_back(explorable):  # noqa: F811
    page = explorable(TAG)
    assert number(page, "output") == "–" and number(page, "gradient0") == "–"
    for _ in range(3):
        control(page, "next").press("Enter")
    assert number(page, "output") == "−0.462" and number(page, "gradient2") == "–"
    control(page, "next").press("Enter")
    frame(page)
    assert "gradient is 1" in page.locator(".note").inner_text()
    for _ in range(2):
        control(page, "next").press("Enter")
    assert number(page, "gradient2") == "0.786" and number(page, "gradient0") == "–"
    control(page, "next").press("Enter")
    assert number(page, "gradient0") == "−0.786" and number(page, "gradient1") == "1.573"
    assert "changes by −0.79 thousandths" in page.locator(".note").inner_text()
    control(page, "back").press("Enter")
    assert number(page, "gradient0") == "–"


def test_a_variable_used_twice_adds_its_gradients(explorable):  # noqa: F811
    page = explorable(TAG)
    control(page, "graph").select_option("twice")
    for _ in range(4):
        control(page, "next").click()
    assert number(page, "gradient0") == "1.000", "what came through the sum"
    control(page, "next").click()
    assert number(page, "gradient0") == "1.500", "1 through the sum, b = 0.5 through the product"


def test_an_update_lowers_the_loss(explorable):  # noqa: F811
    page = explorable(TAG)
    control(page, "graph").select_option("loss")
    assert control(page, "learn").is_disabled()
    losses = []
    for _ in range(4):
        to_the_end(page, "loss")
        losses.append(as_float(page, "output"))
        control(page, "learn").click()
        frame(page)
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 2


def surface(unit):
    """Loss and gradient of the pixel classifier on the built-in image, grey values in bins of five."""
    nuclei = data.load("nuclei")
    bins = nuclei.image.astype(int).ravel() // 5
    pixels = np.bincount(bins)
    inside = np.bincount(bins, (nuclei.labels > 0).ravel())
    grey = 5.0 * np.arange(len(pixels)) + 2
    mean = np.average(grey, weights=pixels)
    spread = np.sqrt(np.average((grey - mean) ** 2, weights=pixels))
    x = grey / 100 if unit == "valley" else (grey - mean) / spread

    def loss(w):
        z = w[0] * x + w[1]
        return np.sum(pixels * np.logaddexp(0, z) - inside * z) / pixels.sum()

    def gradient(w):
        r = (pixels / (1 + np.exp(-w[0] * x - w[1])) - inside) / pixels.sum()
        return np.array([np.sum(r * x), np.sum(r)])

    return loss, gradient


@pytest.mark.parametrize("unit", ["valley", "bowl"])
def test_optimisers_are_those_of_pytorch_on_the_built_in_image(explorable, unit):  # noqa: F811
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    page = explorable(TAG, attributes='mode="descent"')
    control(page, "surface").select_option(unit)
    set_slider(page, "rate", -0.3)
    rate = 10**-0.3
    for _ in range(12):
        control(page, "step").click()
    assert number(page, "updates") == "12"
    loss, gradient = surface(unit)
    for name, make in {
        "plain": lambda w: torch.optim.SGD([w], lr=rate),
        "momentum": lambda w: torch.optim.SGD([w], lr=rate, momentum=0.9),
        "adam": lambda w: torch.optim.Adam([w], lr=rate),
    }.items():
        w = torch.tensor([-3.0, 2.0], dtype=torch.float64, requires_grad=True)
        optimiser = make(w)
        for _ in range(12):
            w.grad = torch.tensor(gradient(w.detach().numpy()))
            optimiser.step()
        assert as_float(page, name) == pytest.approx(loss(w.detach().numpy()), abs=6e-5)


def test_all_three_reach_the_lowest_loss_and_too_large_steps_do_not(explorable):  # noqa: F811
    page = explorable(TAG, attributes='mode="descent"', reduced_motion=True)
    control(page, "surface").select_option("bowl")
    control(page, "run").click()
    assert number(page, "updates") == "300"
    lowest = as_float(page, "lowest")
    loss, gradient = surface("bowl")
    w = np.zeros(2)
    for _ in range(3000):
        w = w - 10 * gradient(w)
    assert lowest == pytest.approx(loss(w), abs=1e-4)
    for name in ("plain", "momentum", "adam"):
        assert as_float(page, name) == pytest.approx(lowest, rel=0.01)
    control(page, "rate").press("End")
    control(page, "run").click()
    assert as_float(page, "plain") > 1.1 * lowest


def test_start_by_arrow_keys(explorable):  # noqa: F811
    page = explorable(TAG, attributes='mode="descent"')
    control(page, "step").click()
    before = number(page, "plain")
    control(page, "start").press("Shift+ArrowRight")
    frame(page)
    assert number(page, "updates") == "0" and number(page, "plain") != before
    assert "at 2.7, 2.0" in control(page, "start").get_attribute("aria-label")


def test_descent_mode_is_accessible(explorable, axe):  # noqa: F811
    page = explorable(TAG, attributes='mode="descent"', dark=True)
    control(page, "step").click()
    frame(page)
    assert axe(page) == []
    assert not control(page, "graph").is_visible() and control(page, "start").is_visible()


@at_full_speed
def test_a_frame_takes_less_than_a_sixtieth_of_a_second(explorable):  # noqa: F811
    page = explorable(TAG, attributes='mode="descent"')
    assert fastest_frame(page, TAG, "e.advance()") < 1000 / 60


def test_mode_of_the_widget():
    assert explore.backprop("descent").attributes == {"mode": "descent"}
    with pytest.raises(ValueError, match='"graph" or "descent"'):
        explore.backprop("adam")
