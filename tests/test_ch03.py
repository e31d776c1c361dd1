"""Chapter 3: automatic differentiation of the notebook against PyTorch; the checks and wrong answers."""

import ast
import math

import numpy as np
import pytest

from bioimage_course import check
from bioimage_course.check.exercises import ch03
from exercise_cells import Chapter, failure

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
CHAPTER = Chapter("03-backpropagation")
EXERCISES = [
    "chain_rule",
    "autograd",
    "cross_entropy",
    "dice_loss",
    "momentum_and_adam",
    "largest_learning_rate",
    "mended_training",
]


NODE = next(cell.text for cell in CHAPTER.cells if cell.text.startswith("class Node"))
SOLUTION = "\n\n".join(CHAPTER.texts("solution", "autograd"))


def value_class(old="", new="", count=-1):
    """The class of the notebook, with a piece of the solution replaced to make a usual mistake."""
    import itertools

    assert old in SOLUTION, old
    space = {"math": math, "itertools": itertools}
    exec(NODE, space)
    exec(SOLUTION.replace(old, new, count), space)
    return space["Value"]


# --- automatic differentiation ------------------------------


def test_the_class_has_at_most_a_hundred_lines():
    lines = [line for line in f"{NODE}\n{SOLUTION}".splitlines() if line.strip()]
    assert len(lines) <= 100
    assert {n.name for n in ast.parse(NODE + "\n" + SOLUTION).body} == {"Node", "Value"}


@pytest.mark.parametrize("seed", range(100))
def test_agrees_with_pytorch_on_random_graphs(seed):
    function, inputs = ch03.random_graph(seed)
    Value = value_class()
    nodes = [Value(x) for x in inputs]
    ours = function(*nodes)
    ours.backward()
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
    theirs = function(*tensors)
    theirs.backward()
    assert ours.data == pytest.approx(theirs.item(), rel=1e-12)
    for node, tensor in zip(nodes, tensors, strict=True):
        assert tensor.grad is not None, "every input takes part"
        assert node.grad == pytest.approx(tensor.grad.item(), rel=1e-9, abs=1e-12)


def test_random_graphs_use_all_operations_and_share_nodes():
    used, shared = set(), 0
    for seed in range(100):
        function, inputs = ch03.random_graph(seed)
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
        counts, todo, seen = {}, [function(*tensors).grad_fn], set()
        while todo:
            node = todo.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            used.add(type(node).__name__.rstrip("0123456789"))
            for parent, _ in node.next_functions:
                counts[parent] = counts.get(parent, 0) + 1
                todo.append(parent)
        shared += max(counts.values()) > 1
    assert shared == 100
    assert {"AddBackward", "MulBackward", "TanhBackward", "ExpBackward", "PowBackward", "DivBackward"} <= used


def test_backward_twice_adds_as_in_pytorch():
    Value = value_class()
    x = Value(3.0)
    y = x * x
    y.backward()
    y.backward()
    t = torch.tensor(3.0, requires_grad=True)
    z = t * t
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad == t.grad.item() == 12


def test_a_chain_of_ten_thousand_is_no_problem():
    Value = value_class()
    x = total = Value(1.0)
    for _ in range(10_000):
        total = total + x
    total.backward()
    assert x.grad == 10_001


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("+=", "=", "Write += instead of ="),
        ("self.grad += other.data * out.grad", "self.grad += self.data * out.grad", "a * b"),
        (
            "self.grad += other.data * out.grad\n            other.grad += self.data * out.grad",
            "self.grad += self.data * out.grad\n            other.grad += other.data * out.grad",
            "factors are exchanged",
        ),
        ("(1 - out.data**2)", "out.data", "local derivative is 1 - tanh²"),
        ("(1 - out.data**2)", "(1 - self.data**2)", "square the output"),
        ("(1 - out.data**2)", "(1 - out.data)", "square is missing"),
        ("self.grad += out.grad\n            other.grad += out.grad",
         "self.grad += 1\n            other.grad += 1", "pass on what arrives"),
        (" * out.grad", "", "forgotten in *"),
        ("(1 - out.data**2) * out.grad", "(1 - out.data**2)", "forgotten in tanh"),
        ("self.grad += out.grad\n", "out.grad += self.grad\n", "a + b"),
        ("out.grad", "-out.grad", "sign is the wrong way round"),
        ("self.grad += out.grad\n            other.grad += out.grad", "pass", "no gradient arrives"),
        ("self.data + other.data", "self.data - other.data", "leave the forward lines"),
    ],
)  # fmt: skip
def test_wrong_backward_lines(old, new, sentence):
    assert sentence in failure("autograd", value_class(old, new))


def test_products_alone_overwrite():
    wrong = value_class(
        "self.grad += other.data * out.grad\n            other.grad += self.data * out.grad",
        "self.grad = other.data * out.grad\n            other.grad = self.data * out.grad",
    )
    assert "a * a has the gradient 6, yours is 3" in failure("autograd", wrong)


def test_a_class_is_asked_for():
    assert "without parentheses" in failure("autograd", value_class()(1.0))
    assert "no method backward" in failure("autograd", int)


# --- the chain rule ------------------------------


def slope(a, b, c):
    return 1 - math.tanh(a * b + c) ** 2


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda a, b, c: (slope(a, b, c) * a, slope(a, b, c) * b, slope(a, b, c)), "a and b are exchanged"),
        (lambda a, b, c: (b, a, 1), "You stop at d"),
        (lambda a, b, c: tuple(math.tanh(a * b + c) * x for x in (b, a, 1)), "not tanh(d) itself"),
        (lambda a, b, c: tuple((1 - math.tanh(a * b + c)) * x for x in (b, a, 1)), "the square is missing"),
        (lambda a, b, c: tuple((1 - (a * b + c) ** 2) * x for x in (b, a, 1)), "square d instead"),
        (lambda a, b, c: (slope(a, b, c),) * 3, "the product is missing"),
        (lambda a, b, c: (slope(a, b, c) * b, slope(a, b, c) * a), "three numbers"),
        (lambda a, b, c: (0, 0, 0), "nudging a says -0.7864"),
        (
            lambda a, b, c: tuple(
                (math.tanh((a + p) * (b + q) + c + r) - math.tanh(a * b + c)) / 1e-3
                for p, q, r in np.eye(3) * 1e-3
            ),
            "looks like nudging",
        ),
    ],
)
def test_wrong_derivatives(answer, sentence):
    assert sentence in failure("chain_rule", answer)


# --- losses ------------------------------


def softmax(z):
    return np.exp(z - np.max(z)) / np.sum(np.exp(z - np.max(z)))


def entropy(loss=None, gradient=None):
    def function(z, true):
        p, y = softmax(z), np.eye(len(z))[true]
        with np.errstate(all="ignore"):
            right = np.log(np.sum(np.exp(z - z.max()))) - z[true] + z.max()
            return (loss or (lambda z, p, t: right))(z, p, true), (gradient or (lambda p, y: p - y))(p, y)

    return function


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (entropy(loss=lambda z, p, t: np.log(p[t])), "the minus is missing"),
        (entropy(loss=lambda z, p, t: p[t]), "That is the probability"),
        (entropy(loss=lambda z, p, t: -np.log10(p[t])), "base 10"),
        (entropy(loss=lambda z, p, t: -z[t]), "softmax comes first"),
        (entropy(gradient=lambda p, y: y - p), "wrong way round"),
        (entropy(gradient=lambda p, y: p), "subtract 1 at the true class"),
        (entropy(gradient=lambda p, y: -y / p), "with respect to the probabilities"),
        (entropy(gradient=lambda p, y: (p - y) / len(p)), "Do not divide"),
        (entropy(gradient=lambda p, y: (p - y)[:-1]), "shape"),
        (entropy(loss=lambda z, p, t: -np.log(p[t])), "overflows"),
        (lambda z, t: 0.197, "two things"),
    ],
)
def test_wrong_cross_entropies(function, sentence):
    assert sentence in failure("cross_entropy", function)


def test_cross_entropy_with_naive_exponential():
    def naive(z, t):
        p = np.exp(z) / np.sum(np.exp(z))
        return -np.log(p[t]), p - np.eye(len(z))[t]

    assert "subtract the largest score first" in failure("cross_entropy", naive)


def test_cross_entropy_in_pytorch_passes():
    def function(z, t):
        z = torch.tensor(z, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([t]))
        loss.backward()
        return loss, z.grad

    verdict = check.cross_entropy.verdict(function)
    assert verdict.passed and "0.197" in verdict.message, verdict


def dice(p, y, eps=1e-6, factor=2, axis=1, below=None, above=None):
    i, s = (
        np.sum(p * y, axis=axis),
        (below or (lambda p, y: np.sum(p, axis=axis) + np.sum(y, axis=axis)))(p, y),
    )
    return (factor * i + (eps if above is None else above)) / (s + eps)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda p, y: np.mean(dice(p, y)), "That is the Dice coefficient"),
        (lambda p, y: 1 - np.mean(dice(p, y, factor=1)), "The 2 in front"),
        (
            lambda p, y: 1 - np.mean(dice(p, y, factor=1, below=lambda p, y: (p + y - p * y).sum(1))),
            "minus the IoU",
        ),
        (lambda p, y: 1 - np.mean(dice(p, y, below=lambda p, y: (p**2 + y**2).sum(1))), "square below"),
        (lambda p, y: 1 - dice(p, y, axis=None), "pool the pixels"),
        (lambda p, y: np.sum(1 - dice(p, y)), "add up the classes"),
        (lambda p, y: 1 - dice(p, y), "an array with one number"),
        (lambda p, y: 1 - dice(p, y) if len(p) > 1 else 1 - dice(p, y)[0], "one number for each class"),
        (lambda p, y: 1 - np.mean(dice(p, y, eps=0)), "0 / 0"),
        (lambda p, y: 1 - np.mean(dice(p, y, above=0)), "above the fraction bar"),
        (lambda p, y: 0.5, "not the right value"),
    ],
)
def test_wrong_dice_losses(function, sentence):
    assert sentence in failure("dice_loss", function)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda p, y, eps=1e-6: 1 - np.mean(dice(p, y)), "use the argument"),
        (lambda p, y, eps=1e-6: 1 - np.mean(dice(p, y, eps, above=min(eps, 1e-6))), "above and below"),
    ],
)
def test_dice_loss_must_use_eps(function, sentence):
    assert sentence in failure("dice_loss", function)


def test_dice_loss_must_not_change_its_input():
    def function(p, y):
        p *= 0.5
        return 0.1

    assert "changes the array" in failure("dice_loss", function)


# --- optimisers ------------------------------


def right_momentum(w, g, velocity, rate, beta=0.9):
    velocity = beta * velocity + g
    return w - rate * velocity, velocity


def adam(correct=True, inside=False, root=True, sign=-1, shift=0, keep=False):
    def step(w, g, m, v, t, rate, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        a, b = (m / (1 - beta1 ** (t + shift)), v / (1 - beta2 ** (t + shift))) if correct else (m, v)
        below = (np.sqrt(b + eps) if inside else np.sqrt(b) + eps) if root else b + eps
        return (w + sign * rate * a / below, a, b) if keep else (w + sign * rate * a / below, m, v)

    return step


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (lambda w, g, v, rate: (w + rate * (0.9 * v + g), 0.9 * v + g), "momentum_step climbs"),
        (
            lambda w, g, v, rate: (w - rate * (0.9 * v + 0.1 * g), 0.9 * v + 0.1 * g),
            "weakens the new gradient",
        ),
        (lambda w, g, v, rate: (w - rate * g, g), "no memory"),
        (lambda w, g, v, rate: (w - rate * (v + g), v + g), "forgets beta"),
        (lambda w, g, v, rate: (w - rate * v, 0.9 * v + g), "old velocity"),
        (lambda w, g, v, rate: w, "two arrays from momentum_step"),
        (lambda w, g, v, rate: (w[:2], v), "shape"),
    ],
)
def test_wrong_momentum(step, sentence):
    assert sentence in failure("momentum_and_adam", step, adam())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sign": 1}, "adam_step climbs"),
        ({"correct": False}, "lacks the corrections"),
        ({"inside": True}, "eps under the root"),
        ({"root": False}, "instead of its square root"),
        ({"shift": 1}, "counts t from 0"),
        ({"keep": True}, "return m and v without the corrections"),
    ],
)
def test_wrong_adam(options, sentence):
    assert sentence in failure("momentum_and_adam", right_momentum, adam(**options))


@pytest.mark.parametrize(
    ("name", "fixed"), [("beta1", {"beta1": 0.9}), ("beta2", {"beta2": 0.999}), ("eps", {"eps": 1e-8})]
)
def test_adam_must_use_its_arguments(name, fixed):
    def step(w, g, m, v, t, rate, beta1=0.9, beta2=0.999, eps=1e-8):
        return adam()(w, g, m, v, t, rate, **({"beta1": beta1, "beta2": beta2, "eps": eps} | fixed))

    assert f"With another {name}" in failure("momentum_and_adam", right_momentum, step)


def test_momentum_must_use_beta():
    def step(w, g, velocity, rate, beta=0.9):
        return right_momentum(w, g, velocity, rate)

    assert "With beta = 0.5" in failure("momentum_and_adam", step, adam())


def test_steps_in_single_precision_and_as_lists_pass():
    def momentum(w, g, velocity, rate, beta=0.9):
        w, g, velocity = (np.float32(x) for x in (w, g, velocity))
        velocity = np.float32(beta) * velocity + g
        return [w - np.float32(rate) * velocity, velocity.tolist()]

    def adam_in_torch(w, g, m, v, t, rate, beta1=0.9, beta2=0.999, eps=1e-8):
        w, g, m, v = (torch.as_tensor(np.array(x, float)) for x in (w, g, m, v))
        m, v = torch.lerp(g, m, beta1), torch.lerp(g * g, v, beta2)
        return w - rate * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps), m, v

    assert check.momentum_and_adam.verdict(momentum, adam_in_torch).passed


def test_half_done_is_open():
    def unfinished(*arguments, **named):
        raise NotImplementedError

    assert check.momentum_and_adam.verdict(right_momentum, unfinished).status == "open"


def test_the_checks_optimisers_are_those_of_pytorch():
    gradients = [np.random.default_rng(seed).normal(size=3) for seed in range(6)]
    start = np.array([1.0, -2.0, 0.5])
    for ours, make in (
        (ch03.momentum_steps, lambda w: torch.optim.SGD([w], lr=0.1, momentum=0.9)),
        (ch03.adam_steps, lambda w: torch.optim.Adam([w], lr=0.1)),
    ):
        w = torch.tensor(start, requires_grad=True)
        optimiser = make(w)
        for g, (expected, *_) in zip(gradients, ours(gradients, start, 0.1), strict=True):
            w.grad = torch.tensor(g)
            optimiser.step()
            assert np.allclose(w.detach().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        (0, "positive"),
        (-3, "positive"),
        (10, "a larger rate would do so too"),
        (18.8, "half of the limit"),
        (39, "slowly away"),
        (100, "overshoot"),
        ([30, 37], "one number"),
    ],
)
def test_wrong_learning_rates(rate, sentence):
    assert sentence in failure("largest_learning_rate", lambda: rate)


def test_the_limit_is_where_gradient_descent_stops_settling():
    """The claim of the text, tried out."""
    x, pixels, inside = ch03.threshold_problem()
    limit = ch03.limit_of_the_learning_rate()

    def last_step(rate):
        w = np.zeros(2)
        for _ in range(4000):
            before = w
            r = (pixels / (1 + np.exp(-w[0] * x - w[1])) - inside) / pixels.sum()
            w = w - rate * np.array([np.sum(r * x), np.sum(r)])
        return np.abs(w - before).max()

    assert last_step(0.98 * limit) < 1e-9 < 1e-3 < last_step(1.02 * limit)
    assert check.largest_learning_rate.verdict(lambda: 0.98 * limit).passed


# --- five mistakes ------------------------------


def network():
    return torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def equal():
    model = network()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    return model


def sgd(rate=1.0):
    return lambda model: torch.optim.SGD(model.parameters(), lr=rate)


def trains(loss=None, clear=True, step=True):
    loss = loss or torch.nn.functional.binary_cross_entropy_with_logits

    def update(model, optimiser, inputs, targets):
        value = loss(model(inputs), targets)
        if clear:
            optimiser.zero_grad()
        value.backward()
        if step:
            optimiser.step()

    return update


def on_probabilities(change=lambda p: p):
    def loss(scores, y):
        p = change(torch.sigmoid(scores))
        return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()

    return loss


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((equal, trains(), sgd()), "same weights"),
        ((network, trains(on_probabilities(lambda p: (p > 0.5).float())), sgd()), "a comparison"),
        ((network, trains(step=False), sgd()), "moves nothing"),
        ((network, trains(clear=False), sgd()), "Clear them"),
        ((network, trains(on_probabilities()), sgd()), "become NaN"),
        ((network, trains(on_probabilities(lambda p: p.clamp(1e-7, 1 - 1e-7))), sgd()), "hears nothing"),
        ((network, trains(lambda z, y: ((torch.sigmoid(z) - y) ** 2).mean()), sgd()), "mean cross-entropy"),
        ((network, trains(), sgd(1000)), "jumps"),
        ((network, trains(), sgd(1e-3)), "too slowly"),
        ((network, trains(), lambda model: 1), "should return an optimiser"),
        ((lambda: None, trains(), sgd()), "return the network"),
    ],
)
def test_wrong_trainings(arguments, sentence):
    assert sentence in failure("mended_training", *arguments)


def test_other_right_trainings():
    def softplus(z, y):
        return (torch.nn.functional.softplus(z) - y * z).mean()

    def cleared_at_the_end(model, optimiser, inputs, targets):
        softplus(model(inputs), targets).backward()
        optimiser.step()
        optimiser.zero_grad()

    def adam_optimiser(model):
        return torch.optim.Adam(model.parameters(), lr=0.03)

    assert check.mended_training.verdict(network, cleared_at_the_end, sgd(0.5)).passed
    assert check.mended_training.verdict(network, trains(softplus), adam_optimiser).passed


# --- every exercise ------------------------------


def test_all_are_registered():
    assert [item.name for item in check.exercises("03")] == EXERCISES
