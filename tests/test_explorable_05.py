"""The explorable of chapter 5 in a real browser: it trains for real, and says what the curves say."""

import json

import numpy as np
import pytest

from browser import frame
from explorable_page import control, number, set_slider
from test_explorables_browser import explorable  # noqa: F401

pytestmark = pytest.mark.browser
TAG = "overfitting-explorer"


def state(page):
    """Data, weights and losses, as the page has them."""
    frame(page)
    return json.loads(
        page.evaluate(
            """tag => { const e = document.querySelector(tag), n = e.network;
              const plain = (d) => ({x: [...d.x], y: [...d.y]});
              return JSON.stringify({p: [...n.p], best: {...e.best, weights: [...e.best.weights]},
                units: n.units, data: plain(e.data), held: plain(e.held),
                train: e.train, validation: e.validation}); }""",
            TAG,
        )
    )


def judge(p, units, data):
    """Mean cross-entropy and right answers of the same network, written again in NumPy."""
    p, h = np.array(p), units
    x, y = np.reshape(data["x"], (-1, 2)), np.array(data["y"])
    w1, b1, rest = p[: 2 * h].reshape(h, 2), p[2 * h : 3 * h], p[3 * h :]
    w2, b2, w3, b3 = rest[: h * h].reshape(h, h), rest[h * h : h * h + h], rest[h * h + h : -1], rest[-1]
    score = np.tanh(np.tanh(x @ w1.T + b1) @ w2.T + b2) @ w3 + b3
    return np.mean(np.logaddexp(0, score) - y * score), int(((score >= 0) == y).sum())


def test_numbers_are_those_of_the_network(explorable):  # noqa: F811
    page = explorable(TAG, reduced_motion=True)
    control(page, "step").click()
    now = state(page)
    for data, loss, right in (("data", "train", "right"), ("held", "validation", "validated")):
        expected, count = judge(now["p"], now["units"], now[data])
        assert number(page, loss) == f"{expected:.3f}"
        assert number(page, right) == f"{count} of {len(now[data]['y'])}"
    assert number(page, "epoch") == "10" and len(now["train"]) == 11


def test_gradient_agrees_with_finite_differences(explorable):  # noqa: F811
    page = explorable(TAG)
    now = state(page)
    gradient = page.evaluate(
        """tag => { const { network, data } = document.querySelector(tag);
          network.gradient(data); return [...network.g]; }""",
        TAG,
    )
    for i in range(0, len(now["p"]), 37):
        sides = []
        for shift in (1e-5, -1e-5):
            p = list(now["p"])
            p[i] += shift
            sides.append(judge(p, now["units"], now["data"])[0])
        assert gradient[i] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-7)


def test_training_overfits_and_early_stopping_is_marked(explorable):  # noqa: F811
    page = explorable(TAG, reduced_motion=True)
    control(page, "train").click()
    now = state(page)
    assert number(page, "epoch") == "800" and len(now["train"]) == 801
    best = int(np.argmin(now["validation"]))
    assert int(number(page, "best")) == best < 200
    assert now["train"][-1] < 0.15 and now["validation"][-1] > now["validation"][best] + 0.2
    assert page.locator(".note").inner_text().startswith("Overfitting: since epoch")
    control(page, "shown-best").check(force=True)
    frame(page)
    loss, right = judge(now["best"]["weights"], now["units"], now["held"])
    assert loss == pytest.approx(now["validation"][best])
    note = page.locator(".note").inner_text()
    assert f"epoch {best}" in note and f"{loss:.3f}" in note and f"{right} of 200" in note


@pytest.mark.parametrize("slider", ["units", "noise", "count"])
def test_sliders_by_keyboard_start_anew(explorable, slider):  # noqa: F811
    page = explorable(TAG)
    control(page, "step").click()
    before = number(page, "train"), number(page, "epoch")
    control(page, slider).press("Home")
    after = state(page)
    assert before[1] == "10" and number(page, "epoch") == "0"
    expected, _ = judge(after["p"], after["units"], after["data"])
    assert number(page, "train") == f"{expected:.3f}" != before[0]
    assert after["units"] == (1 if slider == "units" else 24)
    assert len(after["data"]["y"]) == (10 if slider == "count" else 40)


def test_more_examples_are_a_remedy_and_too_small_a_network_is_none(explorable):  # noqa: F811
    page = explorable(TAG, reduced_motion=True)

    def trained(**sliders):
        for name, place in sliders.items():
            set_slider(page, name, place)
        control(page, "train").click()
        return state(page)

    few = trained(noise=0.3, count=3)
    many = trained(count=9)
    assert many["validation"][-1] < few["validation"][-1] - 0.2
    assert page.locator(".note").inner_text().startswith("A good fit")
    tiny = trained(units=0, count=9)
    assert tiny["train"][-1] > many["train"][-1] + 0.15, "underfitting: bad even on its own examples"
    assert "underfitting" in page.locator(".note").inner_text()


def test_training_is_animated_and_can_be_paused(explorable):  # noqa: F811
    page = explorable(TAG)
    button = control(page, "train")
    button.press("Enter")
    frame(page)
    assert button.inner_text() == "Pause"
    button.press("Enter")
    frame(page)
    assert button.inner_text() == "Train" and 0 < int(number(page, "epoch")) < 800
