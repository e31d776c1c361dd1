"""The explorable of chapter 2 computes what NumPy and PyTorch compute."""

import numpy as np
import pytest

from bioimage_course.explore.explorables import SCRIPTS
from browser import at_full_speed
from explorable_page import as_float, control, fastest_frame, number, opened

pytestmark = pytest.mark.browser
TAG = "activation-explorer"
NAMES = ["identity", "step", "sigmoid", "tanh", "relu", "leaky", "gelu"]
ELEMENT = f"document.querySelector('{TAG}')"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


def train(page, name, steps=4000, data="arms"):
    """Choose an activation and train; the state (loss, errors, silent)."""
    control(page, "activation").select_option(name)
    control(page, f"data-{data}").check(force=True)
    page.evaluate(f"{ELEMENT}.descend({steps}); {ELEMENT}.changed()")
    return page.evaluate(
        f"(({{loss, errors, silent}}) => [loss, errors, silent.filter(Boolean).length])({ELEMENT}.state)"
    )


def torch_function(name):
    import torch

    return {
        "identity": lambda z: z,
        "step": lambda z: (z >= 0).to(z.dtype),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
        "gelu": torch.nn.functional.gelu,
    }[name]


def test_size():
    assert sum((SCRIPTS / f"{name}.js").stat().st_size for name in ("base", TAG)) < 60_000


@pytest.mark.parametrize("name", NAMES)
def test_functions_and_gradients_are_those_of_pytorch(page, name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    control(page, "activation").select_option(name)
    at = np.arange(-50, 51) / 10 + 0.013
    ours = page.evaluate(f"zs => zs.map(z => [{ELEMENT}.phi.f(z), {ELEMENT}.phi.g(z)])", at.tolist())
    z = torch.tensor(at, requires_grad=True)
    value = torch_function(name)(z)
    slope = torch.zeros_like(z) if name == "step" else torch.autograd.grad(value.sum(), z)[0]
    assert np.allclose(ours, np.stack([value.detach().numpy(), slope.numpy()], axis=1), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_training_is_gradient_descent_as_in_pytorch(page, name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    control(page, "activation").select_option(name)
    get = f"(({{w1, w2, b, v, c}}) => ({{w1: [...w1], w2: [...w2], b: [...b], v: [...v], c}}))({ELEMENT}.net)"
    start = page.evaluate(get)
    points = page.evaluate(f"{ELEMENT}.points")
    parameters = [
        torch.tensor(np.array(value), dtype=torch.float64, requires_grad=True)
        for value in ([start["w1"], start["w2"]], start["b"], start["v"], start["c"])
    ]
    W, b, v, c = parameters
    x = torch.tensor([[p["x"], p["y"]] for p in points], dtype=torch.float64)
    y = torch.tensor([p["kind"] for p in points], dtype=torch.float64)
    losses = []
    for _ in range(21):
        score = torch_function(name)(x @ W + b) @ v + c
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, y)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter -= 0.3 * gradient
    assert as_float(page, "loss") == pytest.approx(losses[0], abs=6e-4)
    for _ in range(20):
        control(page, "step").press("Enter")
    assert number(page, "steps") == "20"
    assert page.evaluate(f"{ELEMENT}.state.loss") == pytest.approx(losses[20], rel=1e-5)


def test_the_point_moves_by_arrow_keys(page):
    point = control(page, "point")
    assert number(page, "value") == f"{np.tanh(1):.3f}"
    for _ in range(5):
        point.press("ArrowRight")
    assert as_float(page, "value") == pytest.approx(np.tanh(1.5), abs=6e-4)
    assert as_float(page, "slope") == pytest.approx(1 - np.tanh(1.5) ** 2, abs=6e-4)
    point.press("Shift+ArrowLeft")
    point.press("ArrowDown")
    assert as_float(page, "value") == pytest.approx(np.tanh(0.4), abs=6e-4)
    assert "gradient" in point.get_attribute("aria-valuetext")


def test_the_point_moves_by_pointer(page):
    box = control(page, "point").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    assert as_float(page, "value") > np.tanh(1.5)


def test_what_the_chapter_says(page):
    """Straight lines fail, the step learns little, the sigmoid is slow, tanh is done."""
    results = {name: train(page, name) for name in NAMES}
    assert results["identity"][1] > 40 and results["step"][1] > 20
    assert results["tanh"][1] == 0 == results["gelu"][1]
    assert results["sigmoid"][0] > 5 * results["tanh"][0]
    assert results["step"][2] == 12 and results["tanh"][2] == 0
    assert train(page, "identity", data="xor")[1] > 40 and train(page, "tanh", data="xor")[1] == 0


def test_a_high_learning_rate_kills_relus(page):
    control(page, "rate").press("End")
    alive = train(page, "leaky")[2]
    dead = train(page, "relu")[2]
    assert alive == 0 and dead >= 3
    assert number(page, "silent") == f"{dead} of 12" and "cannot learn" in page.locator(".note").inner_text()


def test_controls_start_again_from_the_same_weights(page):
    first = number(page, "loss")
    control(page, "step").click()
    assert number(page, "loss") != first and number(page, "steps") == "1"
    control(page, "activation").select_option("relu")
    control(page, "activation").select_option("tanh")
    assert number(page, "loss") == first and number(page, "steps") == "0"
    control(page, "weights").click()
    assert number(page, "loss") != first
    control(page, "hidden").press("ArrowLeft")
    assert number(page, "silent") == "0 of 11"
    control(page, "reset").click()
    assert number(page, "loss") == first and number(page, "silent") == "0 of 12"


def test_train_by_keyboard_is_animated_and_stops(page):
    before = as_float(page, "loss")
    control(page, "train").press("Enter")
    page.wait_for_function(f"{ELEMENT}.steps > 200")
    assert control(page, "train").inner_text() == "Stop"
    control(page, "train").press("Enter")
    steps = number(page, "steps")
    assert as_float(page, "loss") < before and number(page, "steps") == steps


def test_less_motion_gives_the_end_at_once(open_page):
    page = opened(open_page, TAG, reduced_motion=True)
    control(page, "train").click()
    assert number(page, "steps") == "4000" and number(page, "errors") == "0 of 160"


@at_full_speed
def test_a_frame_takes_less_than_a_sixtieth_of_a_second(page):
    """Training, numbers and pictures."""
    control(page, "hidden").press("End")
    control(page, "activation").select_option("gelu")
    assert fastest_frame(page, TAG, "e.descend(16)") < 1000 / 60
