"""Chapter 2: the exercises tell right answers, usual mistakes and untouched starters apart."""

import numpy as np
import pytest
from torch import nn

from bioimage_course import check
from bioimage_course.check.exercises import ch02
from exercise_cells import Chapter, failure

CHAPTER = Chapter("02-activations")


# --- (a) collapse ------------------------------


def right_collapse(w1, w2, w3, w4, w5, w6, b1, b2, b3):
    return [w5 * w1, w5 * w2 + w6 * w3, w6 * w4], w5 * b1 + w6 * b2 + b3


def test_the_collapsed_network_gives_the_same_outputs():
    """The right answer of the check, against the network itself."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        w1, w2, w3, w4, w5, w6, b1, b2, b3 = p = rng.normal(size=9)
        x1, x2, x3 = x = rng.normal(size=3)
        v, c = right_collapse(*p)
        network = w5 * (w1 * x1 + w2 * x2 + b1) + w6 * (w3 * x2 + w4 * x3 + b2) + b3
        assert abs(np.dot(v, x) + c - network) < 1e-12


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda w1, w2, w3, w4, w5, w6, *b: ([w5 * w1, w5 * w2, w6 * w4], 0), "two paths lead"),
        (
            lambda w1, w2, w3, w4, w5, w6, *b: ([w5 + w1, w5 + w2 + w6 + w3, w6 + w4], 0),
            "multiplied, not added",
        ),
        (lambda w1, w2, w3, w4, w5, w6, *b: ([w5 * w1, w5 * w2 * w6 * w3, w6 * w4], 0), "are added"),
        (lambda w1, w2, w3, w4, w5, w6, *b: ([w6 * w1, w6 * w2 + w5 * w3, w5 * w4], 0), "are swapped"),
        (lambda *p: (right_collapse(*p)[0], p[8]), "only b3"),
        (lambda *p: (right_collapse(*p)[0], sum(p[6:])), "as they are"),
        (lambda *p: (right_collapse(*p)[0], right_collapse(*p)[1] - p[8]), "lacks b3"),
        (lambda *p: (right_collapse(*p)[0], 1 + right_collapse(*p)[1]), "not the right value"),
        (lambda *p: (np.array(right_collapse(*p)[0])[:, None], 0), "shape (3, 1)"),
        (lambda *p: right_collapse(*p)[0], "two things"),
    ],
)
def test_wrong_collapse(wrong, sentence):
    message = failure("collapse", wrong)
    assert sentence in message or (sentence == "values wrong" and "value wrong" in message), message


# --- (b) derivatives ------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


RIGHT = {
    "d_sigmoid": lambda z: sigmoid(z) * (1 - sigmoid(z)),
    "d_tanh": lambda z: 1 - np.tanh(z) ** 2,
    "d_relu": lambda z: (z > 0) * 1.0,
    "d_leaky_relu": lambda z, slope=0.01: np.where(z > 0, 1, slope),
}


def test_the_textbook_formulas_pass():
    assert check.derivatives.verdict(*RIGHT.values()).passed


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"d_sigmoid": sigmoid}, "the sigmoid itself"),
        ({"d_sigmoid": lambda z: z * (1 - z)}, "puts z where"),
        ({"d_sigmoid": lambda z: 1 - sigmoid(z) ** 2}, "right for tanh"),
        ({"d_sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2}, "overflows"),
        ({"d_sigmoid": lambda z: RIGHT["d_sigmoid"](z)[0]}, "shape (20,), expected (3, 20)"),
        ({"d_tanh": np.tanh}, "tanh itself"),
        ({"d_tanh": lambda z: 1 - z**2}, "puts z where"),
        ({"d_tanh": lambda z: 1 - np.tanh(z)}, "has to be squared"),
        ({"d_relu": lambda z: np.maximum(z, 0)}, "the ReLU itself"),
        ({"d_relu": lambda z: (z < 0) * 1.0}, "wrong side"),
        ({"d_relu": np.ones_like}, "1 everywhere"),
        ({"d_relu": lambda z: 1 if z > 0 else 0}, "ValueError"),
        ({"d_leaky_relu": lambda z, slope=0.01: np.where(z > 0, z, slope * z)}, "the function itself"),
        ({"d_leaky_relu": lambda z, slope=0.01: (z > 0) * 1.0}, "there it leaks"),
        ({"d_leaky_relu": lambda z, slope=0.01: np.where(z > 0, 1, slope * z)}, "slope alone"),
        ({"d_leaky_relu": lambda z, slope=0.01: np.where(z > 0, 1, 0.01)}, "ignores its argument"),
        ({"d_leaky_relu": lambda z, slope=0.01: np.where(z > 0, 1, -slope)}, "negative slope"),
        ({"d_leaky_relu": lambda z: np.where(z > 0, 1, 0.01)}, "cannot be called"),
    ],
)
def test_wrong_derivatives(wrong, sentence):
    assert sentence in failure("derivatives", *(RIGHT | wrong).values())


# --- which ones saturate ------------------------------


def flat(f, z, h=1e-3):
    return abs(f(z + h) - f(z - h)) < 2e-7


def saturates_by_differences(f):
    values = f(np.array([-101.0, -100.0, 100.0, 101.0]))
    return np.isclose(values[0], values[1]), np.isclose(values[2], values[3])


@pytest.mark.parametrize(
    "right",
    [
        lambda f: (flat(f, -100), flat(f, 100)),
        lambda f: [bool(flat(f, -100.0)), bool(flat(f, 100.0))],
        lambda f: np.abs(np.gradient(f(np.linspace(-100, 100, 20_001)), 0.01))[[0, -1]] < 1e-4,
        saturates_by_differences,
    ],
)
def test_other_ways_to_see_saturation(right):
    verdict = check.saturates.verdict(right)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda f: (flat(f, 100), flat(f, -100)), "swapped"),
        (lambda f: (not flat(f, -100), not flat(f, 100)), "the other way round"),
        (lambda f: (flat(f, -5), flat(f, 5)), "the sigmoid on the left and on the right"),
        (lambda f: (abs(f(-100)) < 10, abs(f(100)) < 10), "the leaky ReLU on the left"),
        (lambda f: (abs(f(-100)) < 1e-6, abs(f(100) - 1) < 1e-6), "tanh on the left"),
        (lambda f: (abs(f(-99) - f(-100)) < 0.5, abs(f(100) - f(99)) < 0.5), "a small slope is a slope"),
        (lambda f: (abs(f(-1000) - f(-2000)) < 6, abs(f(2000) - f(1000)) < 6), "the sine on the left"),
        (lambda f: (flat(f, -100), flat(f, -100)), "the ReLU on the right"),
        (lambda f: flat(f, 100), "two answers"),
        (lambda f: (True, 7), "between 0 and 1"),
    ],
)
def test_wrong_saturation(wrong, sentence):
    assert sentence in failure("saturates", wrong)


def test_the_curves_of_the_check_are_as_said():
    """Slopes by PyTorch-free finite differences over a wide range, not at one place alone."""
    for f, (left, right), _ in ch02._CURVES.values():
        for side, places in ((left, np.linspace(-120, -90, 301)), (right, np.linspace(90, 120, 301))):
            slopes = np.abs(f(places + 1e-3) - f(places - 1e-3)) / 2e-3
            assert (slopes.max() < 1e-6) if side else (slopes.max() > 0.005)


# --- what a network will draw ------------------------------

PREDICTED = {name: kind for name, (kind, _) in ch02._BOUNDARIES.items()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"identity": "curve"}, "collapse"),
        ({"step": "curve"}, "either side"),
        ({"step": "line"}, "single neuron"),
        ({"sigmoid": "pieces"}, "the sigmoid a corner"),
        ({"tanh": "pieces"}, "tanh a corner"),
        ({"ReLU": "curve"}, "away from its corner"),
        ({"leaky ReLU": "curve"}, "shallower"),
        ({"GELU": "pieces"}, "rounds the corner"),
        ({"GELU": "line"}, "single neuron"),
        ({"GELU": ""}, "no prediction"),
        ({"GELU": "wavy"}, "must be"),
        ({"GELU": 3}, "must be"),
    ],
)
def test_wrong_predictions(change, sentence):
    message = failure("drawn_boundaries", lambda: PREDICTED | change)
    assert sentence in message
    right = {name: PREDICTED[name] for name in change}
    assert (
        not any(f'"{kind}"' in message for kind in right.values()) or "choose" in message or "must" in message
    )


def test_predictions_in_other_spelling_pass():
    assert check.drawn_boundaries.verdict(
        lambda: {k.upper(): f" {v.title()}" for k, v in PREDICTED.items()}
    ).passed
    assert "no prediction" in failure("drawn_boundaries", dict)
    assert "dictionary" in failure("drawn_boundaries", lambda: list(PREDICTED.values()))


def test_the_predictions_are_what_networks_draw():
    """Along a line through the plane the score is linear, linear between corners, or smooth."""
    rng = np.random.default_rng(0)
    z = np.linspace(-3, 3, 6001)
    for name in ("identity", "sigmoid", "tanh", "ReLU", "leaky ReLU", "GELU"):
        f = next(ch02._CURVES[key][0] for key in (name, f"the {name}") if key in ch02._CURVES)
        score = sum(v * f(w * z + b) for v, w, b in rng.normal(size=(16, 3)))
        bends = np.abs(np.diff(score, 2))  # second differences: zero on a line, few and large at corners
        kind = "line" if bends.max() < 1e-9 else "pieces" if (bends > 1e-9).mean() < 0.02 else "curve"
        assert kind == PREDICTED[name], name


# --- (c) through many layers ------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda n: 0.5**n, "one half"),
        (lambda n: 0.25, "single sigmoid"),
        (lambda n: 0.25 * n, "not added"),
        (lambda n: 0.25 / n, "divide by the depth"),
        (lambda n: 4**n, "shrinks"),
        (lambda n: 1, "1 is the largest value"),
        (lambda n: [0.25] * n, "one number"),
    ],
)
def test_wrong_factors(wrong, sentence):
    assert sentence in failure("through_sigmoids", wrong)


def test_the_factor_is_the_true_maximum():
    z = np.linspace(-5, 5, 100_001)
    assert RIGHT["d_sigmoid"](z).max() == pytest.approx(0.25, abs=1e-9)


# --- (d) dead neurons ------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda z: (z <= 0).sum(), "single zeros"),
        (lambda z: (z <= 0).any(axis=0).sum(), "at least one"),
        (lambda z: (z <= 0).all(axis=1).sum(), "wrong axis"),
        (lambda z: (z < 0).all(axis=0).sum(), "exactly 0"),
        (lambda z: (z > 0).any(axis=0).sum(), "alive"),
        (lambda z: (z.mean(axis=0) < 0).sum(), "mean"),
        (lambda z: (z <= 0).all(axis=0), "one answer per neuron"),
        (lambda z: 3, "all 6 neurons are dead"),
        (lambda z: "3", "must be made of numbers"),
    ],
)
def test_wrong_counts_of_the_dead(wrong, sentence):
    assert sentence in failure("dead_neurons", wrong)


def test_mistakes_in_counting_give_different_numbers():
    off = ch02._SUMS <= 0
    assert off.all(axis=0).sum() == 3
    others = [off.sum(), off.any(axis=0).sum(), off.all(axis=1).sum(), (ch02._SUMS < 0).all(axis=0).sum()]
    others += [(~off.all(axis=0)).sum(), (ch02._SUMS.mean(axis=0) < 0).sum()]
    assert 3 not in others and len(set(map(int, others))) == len(others)


# --- (e) softmax ------------------------------


def centred(z, centre):
    """Softmax that subtracts another number of the row than its largest."""
    e = np.exp(z - centre(z, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda z: np.exp(z) / np.exp(z).sum(), "whole table"),
        (lambda z: np.exp(z) / np.exp(z).sum(axis=0), "columns"),
        (np.exp, "divide each row by its sum"),
        (sigmoid, "the sigmoid of every score"),
        (lambda z: np.log(ch02._softmax(z)), "leave out the logarithm"),
        (lambda z: ch02._softmax(-z), "minus z"),
        (lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), "overflows"),
        (lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(axis=-1, keepdims=True), "its own largest"),
        (lambda z: centred(z, np.mean), "*largest* score of the row"),
        (lambda z: centred(z, np.median), "*largest* score of the row"),
        (lambda z: centred(z, np.min), "*largest* score of the row"),
        (lambda z: ch02._softmax(z)[0], "shape (4,), expected (3, 4)"),
    ],
)
def test_wrong_softmax(wrong, sentence):
    assert sentence in failure("softmax", wrong)


def test_softmax_that_changes_its_input_is_told():
    def softmax(z):
        z -= z.max(axis=-1, keepdims=True)
        return ch02._softmax(z)

    assert "work on a copy" in failure("softmax", softmax)


def test_softmax_of_torch_passes():
    import torch

    assert check.softmax.verdict(lambda z: torch.tensor(z).softmax(-1)).passed


# --- (f) two softmaxes ------------------------------


def model(*last, middle=True):

    return nn.Sequential(nn.Linear(3, 16), *([nn.ReLU()] if middle else []), nn.Linear(16, 3), *last)


@pytest.mark.slow
def test_wrong_repairs():

    for wrong, sentence in (
        (lambda: model(nn.Softmax(dim=1)), "still sum to 1"),
        (lambda: model(nn.Softmax(dim=0)), "wrong axis"),
        (lambda: model(nn.Sigmoid()), "sigmoid squashes"),
        (lambda: model(nn.ReLU()), "No output is negative"),
        (lambda: model(middle=False), "collapsed"),
        (lambda: nn.Sequential(nn.Linear(3, 16), nn.ReLU()), "16 values"),
        (lambda: nn.Linear(3, 2), "expected (200, 3)"),
        (lambda: nn.Sequential(nn.Linear(16, 3)), "stopped with"),
        (lambda: (model(), nn.NLLLoss()), "model alone"),
        (nn.CrossEntropyLoss, "a loss"),
        (nn.Identity, "no weights"),
        (lambda: model().to("meta"), "meta"),
        (lambda: [1], "model alone"),
    ):
        assert sentence in failure("double_softmax", wrong), sentence


def test_other_repairs_pass():

    from bioimage_course import nets

    assert check.double_softmax.verdict(lambda: nets.MLP([3, 16, 3])).passed
    assert check.double_softmax.verdict(lambda: nets.MLP([3, 8, 8, 3], activation="tanh")).passed
    assert "no harm" in check.double_softmax.verdict(lambda: model(nn.LogSoftmax(dim=1))).message


# --- what the chapter says ------------------------------


def test_numbers_that_the_page_states():
    """Analytic statements of the page, recomputed."""
    import torch

    page = CHAPTER.path.parents[2].joinpath("book", "02-activations.qmd").read_text(encoding="utf-8")
    z = torch.linspace(-6, 6, 120_001, dtype=torch.float64, requires_grad=True)
    gelu = torch.nn.functional.gelu(z)
    slope = torch.autograd.grad(gelu.sum(), z)[0]
    assert round(gelu.min().item(), 2) == -0.17 and round(slope.max().item(), 2) == 1.13
    assert round(sigmoid(8), 4) == 0.9997 and round(RIGHT["d_sigmoid"](8), 4) == 0.0003
    assert round(np.log(1 + 2 / np.e), 3) == 0.551 and round(np.log(1 + 1 / np.e), 3) == 0.313
    assert round(np.e / (np.e + 2), 2) == 0.58
    for number in ("−0.17", "1.13", "0.9997", "0.0003", "0.551", "0.313", "0.58"):
        assert number in page
    relu = torch.zeros(1, requires_grad=True)
    torch.relu(relu).sum().backward()
    assert relu.grad.item() == 0  # "PyTorch takes 0"


def test_two_softmaxes_cannot_be_sure():
    """The floor of the loss holds for any scores."""
    import torch

    scores = 1e4 * torch.eye(3)
    loss = torch.nn.CrossEntropyLoss()(scores.softmax(dim=1), torch.arange(3))
    assert loss.item() == pytest.approx(np.log(1 + 2 / np.e), abs=1e-6)


def test_every_activation_that_the_caption_names_is_drawn():
    (cell,) = [c.text for c in CHAPTER.cells if "label: fig-boundaries" in c.text]
    (drawn,) = [line for line in cell.splitlines() if "zip(row, (" in line]
    caption = next(line for line in cell.splitlines() if "fig-cap" in line).lower()
    named = [
        name for name in ("identity", "step", "sigmoid", "tanh", "ReLU", "GELU") if name.lower() in caption
    ]
    assert len(named) == 5 and all(f'"{name}"' in drawn for name in named)
