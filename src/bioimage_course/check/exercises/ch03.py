"""Exercises of chapter 3, backpropagation."""

import math
import random

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number

# --- (a) the chain rule by hand ------------------------------

_INPUTS = ((2.0, -1.0, 1.5), (0.5, 0.8, -0.2), (-1.2, 0.3, 0.9), (1.0, 3.0, -2.5))


def _tuple(value, length, what):
    """A tuple or list (or an array's rows) of `length`, or a sentence."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or len(value) != length:
        got = f"{len(value)} things" if isinstance(value, (tuple, list)) else type(value).__name__
        raise Failure(f"Return {what}, but got {got}.")
    return value


@exercise(
    chapter="03",
    hints=(
        "Go backwards, one box at a time: how fast does f change with d, d with m and with c, m with a and "
        "with b?",
        "f = tanh(d), so df/dd = 1 - tanh(d)². d = m + c, so dd/dm = dd/dc = 1.",
        "m = a · b, so dm/da = b. Multiply along the way: df/da = (1 - tanh²(ab + c)) · 1 · b.",
    ),
)
def chain_rule(gradients):
    """Differentiate f = tanh(a·b + c) by hand."""
    for a, b, c in _INPUTS:
        answer = _tuple(call(gradients, a, b, c), 3, "three numbers, df/da, df/db and df/dc")
        got = np.array([expect_number(n, what=f"df/d{x}") for n, x in zip(answer, "abc", strict=True)])
        d = a * b + c
        slope = 1 - math.tanh(d) ** 2
        right = slope * np.array([b, a, 1.0])
        if np.allclose(got, right, rtol=1e-6, atol=1e-9):
            continue
        for sentence, wrong in {
            "a and b are exchanged: the product a · b changes with a as fast as b is large, so dm/da = b.": (
                right[[1, 0, 2]]
            ),
            "You stop at d = a·b + c: multiply by the derivative of tanh as well, 1 - tanh²(d).": (b, a, 1),
            "The derivative of tanh(d) is 1 - tanh²(d), not tanh(d) itself.": math.tanh(d)
            * np.array([b, a, 1]),
            "You square d instead of tanh(d): the derivative is 1 - tanh²(d).": (1 - d**2)
            * np.array([b, a, 1]),
            "You write 1 - tanh(d); the square is missing.": (1 - math.tanh(d)) * np.array([b, a, 1]),
            "df/dc is right, but on the way to a and b the product is missing: dm/da = b, dm/db = a.": (
                slope,
                slope,
                slope,
            ),
        }.items():
            if np.allclose(got, wrong, rtol=1e-6):
                raise Failure(sentence)
        if np.allclose(got, right, rtol=2e-2, atol=1e-3):
            raise Failure(
                "Close, but not exact: this looks like nudging. Write the formula with 1 - tanh²(d)."
            )
        x = int(np.argmax(~np.isclose(got, right, rtol=1e-6, atol=1e-9)))
        raise Failure(
            f"At a = {a}, b = {b}, c = {c} you get df/d{'abc'[x]} = {got[x]:.4g}; nudging {'abc'[x]} "
            f"says {right[x]:.4g}."
        )
    return "Three exact derivatives from one walk back through the graph."


# --- (b) automatic differentiation ------------------------------


def _number(value, what):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Failure(f"{what} should be a number, not {type(value).__name__}.") from None


def _run(function, value_class, inputs):
    """Value and gradients of a small expression, by the learner's class."""

    def work():
        nodes = [value_class(x) for x in inputs]
        out = function(*nodes)
        out.backward()
        return out.data, [node.grad for node in nodes]

    work.__name__ = "Value"
    answer, gradients = call(work)
    numbers = [_number(g, "a gradient") for g in gradients]
    return _number(answer, "the value (data) of a result"), numbers


_CASES = (  # expression, function, inputs, right gradients, {wrong gradients: sentence}
    ("a + b", lambda a, b: a + b, (2.0, 5.0), (1, 1), {}),
    (
        "a * b",
        lambda a, b: a * b,
        (2.0, 5.0),
        (5, 2),
        {(2, 5): "In * the factors are exchanged: a gets b times what arrives, b gets a times it."},
    ),
    (
        "tanh(a)",
        lambda a: a.tanh(),
        (0.5,),
        (1 - math.tanh(0.5) ** 2,),
        {
            (math.tanh(0.5),): "In tanh the local derivative is 1 - tanh², that is 1 - out.data**2.",
            (1 - 0.5**2,): "In tanh you square the input; square the output: 1 - out.data**2.",
            (1 - math.tanh(0.5),): "In tanh the square is missing: 1 - out.data**2.",
        },
    ),
    (
        "a + a",
        lambda a: a + a,
        (3.0,),
        (2,),
        {
            (1,): "a + a has the gradient 2, yours is 1: the second contribution overwrites the first. Write "
            "+= instead of =, a variable used twice adds its gradients."
        },
    ),
    (
        "a * a",
        lambda a: a * a,
        (3.0,),
        (6,),
        {(3,): "a * a has the gradient 6, yours is 3: write += instead of = in *, so that gradients add up."},
    ),
    (
        "(a + b) * 3",
        lambda a, b: (a + b) * 3,
        (1.0, 2.0),
        (3, 3),
        {
            (
                1,
                1,
            ): "(a + b) * 3 has the gradients 3 and 3, yours are 1: + must pass on what arrives, out.grad, "
            "not 1."
        },
    ),
    (
        "(a * b) * 3",
        lambda a, b: (a * b) * 3,
        (2.0, 5.0),
        (15, 6),
        {(5, 2): "(a * b) * 3: the gradient that arrives is forgotten in *; multiply by out.grad."},
    ),
    (
        "tanh(a) * 3",
        lambda a: a.tanh() * 3,
        (0.5,),
        (3 * (1 - math.tanh(0.5) ** 2),),
        {
            (
                1 - math.tanh(0.5) ** 2,
            ): "tanh(a) * 3: the gradient that arrives is forgotten in tanh; multiply by out.grad."
        },
    ),
    (
        "tanh(a) + a.tanh() * a",
        lambda a: a.tanh() + a.tanh() * a,
        (0.7,),
        ((1 - math.tanh(0.7) ** 2) * 1.7 + math.tanh(0.7),),
        {},
    ),
)


def random_graph(seed, operations=14):
    """A random expression of + - * / tanh exp and powers, as a function of four numbers.

    Works with anything that has Python's operators, `tanh` and `exp`: the learner's class and PyTorch.
    """
    rng = random.Random(seed)
    steps = [
        (
            rng.choice(["+", "*", "tanh", "+", "*", "tanh", "-", "/", "exp", "square"]),
            rng.random(),
            rng.random(),
        )
        for _ in range(operations)
    ]
    inputs = [rng.uniform(-1.5, 1.5) for _ in range(4)]

    def function(*numbers):
        nodes = list(numbers)
        for step, first, second in steps:
            # Late nodes are preferred, so that the graph is deep; early ones are used again and again.
            a, b = (nodes[int(len(nodes) * (1 - (1 - r) ** 2))] for r in (first, second))
            new = {
                "+": lambda a=a, b=b: a + b,
                "*": lambda a=a, b=b: a * b,
                "-": lambda a=a, b=b: 0.5 - a + b,
                "/": lambda a=a, b=b: a / (b * b + 1),
                "tanh": lambda a=a: a.tanh(),
                "exp": lambda a=a: (a.tanh()).exp(),
                "square": lambda a=a: a**2,
            }[step]()
            # tanh keeps the numbers small, whatever is multiplied; the weights keep them apart.
            nodes.append(new if step == "tanh" else (new * 0.7).tanh() if len(nodes) % 3 == 0 else new)
        total = nodes[4]
        for node in nodes[5:] + nodes[:4]:
            total = total + node * node
        return total

    return function, inputs


@exercise(
    chapter="03",
    hints=(
        "How fast does a sum change with one of its terms, and a product with one of its factors? What has "
        "to happen if the same number is used a second time?",
        "The pattern is always the same: parent.grad += (local derivative) * out.grad. For a + b both local "
        "derivatives are 1; for a * b they are b.data and a.data.",
        "tanh: self.grad += (1 - out.data**2) * out.grad. And always +=: a variable may be used twice.",
    ),
)
def autograd(Value):
    """Give +, * and tanh their backward lines."""
    import torch

    if not isinstance(Value, type):
        raise Failure("Pass the class Value itself, without parentheses.")
    for name in ("backward", "__add__", "__mul__", "tanh"):
        if not hasattr(Value, name):
            raise Failure(
                f"The class {Value.__name__} has no method {name}: start from the cell of the exercise."
            )
    for words, function, inputs, right, mistakes in _CASES:
        _, got = _run(function, Value, inputs)
        if np.allclose(got, right, rtol=1e-9):
            continue
        for wrong, sentence in mistakes.items():
            if np.allclose(got, wrong, rtol=1e-9):
                raise Failure(sentence)
        if not any(got):
            raise Failure(f"{words}: no gradient arrives; add to the parents' grad, not to out's.")
        if np.allclose(got, -np.array(right)):
            raise Failure(f"{words}: the sign is the wrong way round.")
        shown = ", ".join(f"{g:.4g}" for g in got)
        raise Failure(
            f"{words} at {inputs}: your gradient is {shown}, nudging the input gives "
            + f"{', '.join(f'{g:.4g}' for g in right)}."
        )
    for seed in range(100):
        function, inputs = random_graph(seed)
        value, got = _run(function, Value, inputs)
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
        out = function(*tensors)
        out.backward()
        right = [0.0 if t.grad is None else t.grad.item() for t in tensors]
        if not np.isclose(value, out.item(), rtol=1e-9):
            raise Failure(
                f"Random graph {seed}: the value is {value:.6g}, PyTorch says {out.item():.6g}; leave the "
                "forward lines as they were."
            )
        if not np.allclose(got, right, rtol=1e-8, atol=1e-10):
            raise Failure(
                f"The small cases are right, but in random graph {seed} a gradient differs from PyTorch's: "
                "do all of your backward lines use +=?"
            )
    return "Your class agrees with PyTorch on 100 random graphs, values and gradients."


# --- (c) softmax and cross-entropy ------------------------------


def _softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


@exercise(
    chapter="03",
    hints=(
        "What does softmax do if the same number is subtracted from all scores? And what is the gradient of "
        "loss and softmax together, in the formula of the page?",
        "The gradient is short: p - y, where y is 1 for the true class and 0 for the others. Do not "
        "differentiate the softmax on its own.",
        "Subtract the largest score first: softmax does not change, and exp never overflows. "
        "Then loss = log(sum(exp(z))) - z[true_class].",
    ),
)
def cross_entropy(function):
    """Compute the cross-entropy of one example and its gradient with respect to the scores."""
    expect_callable(function)
    cases = (
        (np.array([1.0, 2.3, 0.6, 4.2]), 3),
        (np.array([0.5, -1.0, 2.0]), 0),
        (np.array([1000.0, 0.0]), 0),
        (np.array([-1000.0, 0.0, 3.0]), 2),
        (np.array([1000.0, 0.0]), 1),
    )
    for z, true in cases:
        large = np.abs(z).max() > 500
        answer = _tuple(call(function, z, true), 2, "two things, the loss and the gradient")
        p, y = _softmax(z), np.eye(len(z))[true]
        right = float(np.log(np.sum(np.exp(z - z.max()))) - (z[true] - z.max()))
        try:
            loss = expect_number(
                answer[0],
                right,
                atol=1e-9,
                what="the loss",
                mistakes={}
                if large
                else {
                    "The loss is minus the logarithm; the minus is missing.": -right,
                    "That is the probability of the true class: take minus its logarithm.": p[true],
                    "You take one minus the probability; the loss is minus its logarithm.": 1 - p[true],
                    "You use the logarithm to base 10: np.log is the natural one.": right / math.log(10),
                    "You use the logarithm to base 2: np.log is the natural one.": right / math.log(2),
                    "That is minus the score of the true class: softmax comes first.": -z[true],
                    "You average over the classes; add them up (all but the true one are zero).": right
                    / len(z),
                },
            )
            gradient = expect_array(
                answer[1],
                close_to=p - y,
                atol=1e-9,
                what="the gradient",
                mistakes={}
                if large
                else {
                    "The sign is the wrong way round: the gradient is p - y.": y - p,
                    "Those are the probabilities; subtract 1 at the true class: p - y.": p,
                    "That is the gradient with respect to the probabilities; with respect to the scores "
                    "it is p - y.": -y / p,
                    "Do not divide by the number of classes: the gradient is p - y.": (p - y) / len(z),
                    "That is the derivative of a sigmoid applied to each class; for softmax with "
                    "cross-entropy the gradient is p - y.": (p - y) * p * (1 - p),
                },
            )
        except Failure as failure:
            if large and not np.isfinite(np.asarray(answer[0], dtype=float)).all():
                raise Failure(
                    f"With scores {z.tolist()} the loss is {answer[0]}: exp(1000) overflows or "
                    "log(0) comes out; subtract the largest score first and take log(sum(exp(z))) - z[true]."
                ) from None
            raise failure
    del loss, gradient
    p = _softmax(cases[0][0])
    return (
        f"For the scores (1.0, 2.3, 0.6, 4.2) the loss is {-math.log(p[3]):.3f}, and the gradient is p − y."
    )


# --- (d) Dice loss ------------------------------


@exercise(
    chapter="03",
    hints=(
        "Which comes first: summing over the pixels, dividing, or averaging over the classes?",
        "Sum over the pixels of each class first (axis=1), divide class by class, and average the quotients "
        "last.",
        "overlap = np.sum(p * y, axis=1); total = np.sum(p, axis=1) + np.sum(y, axis=1); then "
        "1 - np.mean((2 * overlap + eps) / (total + eps)).",
    ),
)
def dice_loss(function):
    """Compute the Dice loss, averaged over the classes."""
    expect_callable(function)
    one_p, one_y = np.array([[0.9, 0.8, 0.1, 0.0]]), np.array([[1.0, 1.0, 0.0, 0.0]])
    rng = np.random.default_rng(3)
    two_p = np.stack([rng.uniform(0.5, 1, 40), rng.uniform(0, 0.3, 40)])
    two_y = np.zeros((2, 40))
    two_y[0, :34], two_y[1, 34:37] = 1, 1
    three_p, three_y = np.concatenate([two_p, rng.uniform(0, 1, (1, 40))]), np.eye(3)[np.arange(40) % 3].T
    absent_p, absent_y = np.stack([one_p[0], np.zeros(4)]), np.stack([one_y[0], np.zeros(4)])
    for what, p, y in (
        ("one class", one_p, one_y),
        ("two classes", two_p, two_y),
        ("three classes", three_p, three_y),
        ("an absent class", absent_p, absent_y),
    ):
        eps = 1e-6
        i, s = (p * y).sum(axis=1), p.sum(axis=1) + y.sum(axis=1)
        quotient = (2 * i + eps) / (s + eps)
        right = 1 - quotient.mean()
        answer = call(function, p, y, pure=True)
        if what == "an absent class":
            if np.ndim(answer) == 0 and not np.isfinite(np.asarray(answer, dtype=float)):
                raise Failure(
                    "A class that is neither in the truth nor in the prediction gives 0 / 0: add eps above "
                    "and below."
                )
            mistakes = {
                "An absent class that nobody predicted is perfect, but you count it as wrong: add eps above "
                "the fraction bar as well.": 1 - np.mean(2 * i / (s + eps))
            }
        else:
            squares = (p**2).sum(axis=1) + (y**2).sum(axis=1)
            pooled = 1 - (2 * i.sum() + eps) / (s.sum() + eps)
            mistakes = {
                "That is the Dice coefficient; the loss is 1 minus it.": 1 - right,
                "The 2 in front of the overlap is missing.": 1 - np.mean((i + eps) / (s + eps)),
                "That is one minus the IoU; for Dice divide twice the overlap by the sum of both areas.": 1
                - np.mean((i + eps) / (s - i + eps)),
                "You square below the fraction bar, a variant of some papers; here sum p and y themselves.": 1
                - np.mean((2 * i + eps) / (squares + eps)),
            }
            if len(p) > 1:
                mistakes[
                    "You pool the pixels of all classes, so that a small class hardly counts: divide class "
                    "by class, then average."
                ] = pooled
                mistakes["You add up the classes; return 1 minus the mean over them."] = (
                    len(p) - quotient.sum()
                )
                mistakes["You sum over classes (axis=0) where you should sum over pixels (axis=1)."] = (
                    1 - np.mean((2 * (p * y).sum(axis=0) + eps) / (p.sum(axis=0) + y.sum(axis=0) + eps))
                )
            if np.ndim(answer) == 1 and np.shape(answer) == (len(p),) and len(p) > 1:
                raise Failure("You return one number for each class; return 1 minus their mean.")
        if np.shape(answer) == (1,):
            raise Failure(
                "You return an array with one number in it; average over the classes to get one number."
            )
        expect_number(answer, right, atol=2e-6, what=f"the Dice loss for {what}", mistakes=mistakes)
    i, s = (two_p * two_y).sum(axis=1), two_p.sum(axis=1) + two_y.sum(axis=1)
    expect_number(
        call(function, two_p, two_y, 5.0),
        1 - np.mean((2 * i + 5.0) / (s + 5.0)),
        atol=2e-6,
        what="the Dice loss with eps = 5",
        mistakes={
            "eps = 5 changes nothing in your loss: use the argument, not a number.": 1
            - np.mean((2 * i + 1e-6) / (s + 1e-6)),
            "eps belongs above and below the fraction bar.": 1 - np.mean(2 * i / (s + 5.0)),
        },
    )
    expect_number(
        call(function, np.full((1, 1), 1e-6), np.zeros((1, 1))),
        0.5,
        atol=0.01,
        what="the Dice loss without eps, which should then be 1e-6, for one pixel with p = 1e-6 and y = 0",
    )
    return "(0.9, 0.8, 0.1, 0) against (1, 1, 0, 0) costs 0.105, and an absent class costs nothing."


# --- (e) momentum and Adam ------------------------------


def momentum_steps(gradients, w, rate, beta=0.9, *, damp=1.0, sign=-1):
    """Positions after each step of momentum, and the velocities; `damp` and `sign` are usual mistakes."""
    velocity, path = np.zeros_like(w), []
    for g in gradients:
        velocity = beta * velocity + damp * g
        w = w + sign * rate * velocity
        path.append((w, velocity))
    return path


def adam_steps(
    gradients,
    w,
    rate,
    beta1=0.9,
    beta2=0.999,
    eps=1e-8,
    *,
    correct=True,
    inside=False,
    root=True,
    sign=-1,
    late=0,
):
    """Positions, m and v after each step of Adam; the options after the star are usual mistakes."""
    m, v, path = np.zeros_like(w), np.zeros_like(w), []
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1 ** (t + late)) if correct else m
        v_hat = v / (1 - beta2 ** (t + late)) if correct else v
        below = (np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps) if root else v_hat + eps
        w = w + sign * rate * m_hat / below
        path.append((w, m, v))
    return path


def _same(path, others):
    return all(np.allclose(a, b, rtol=5e-6, atol=1e-7) for a, b in zip(path, others, strict=True))


def _walk(step, called, gradients, start, memory, names, *rest):
    """Positions after each step of the learner's function, and everything it returns."""
    w, path, states = start, [], []
    for t, g in enumerate(gradients, start=1):
        time = (t,) if len(memory) == 2 else ()
        answer = _tuple(
            call(step, w, g, *memory, *time, *rest, pure=True),
            len(names),
            f"{'two' if len(names) == 2 else 'three'} arrays from {called}, "
            f"{', '.join(names[:-1])} and {names[-1]}",
        )
        w, *memory = (
            expect_array(x, shape=(3,), what=f"the {name} of {called}")
            for x, name in zip(answer, names, strict=True)
        )
        path.append(w)
        states.append((w, *memory))
    return path, states


@exercise(
    chapter="03",
    hints=(
        "Which comes first, the new velocity or the step? And which of Adam's numbers must be remembered, "
        "which serve only the present step?",
        "Momentum in two lines: first the new velocity, then the step with the new velocity. Return both.",
        "Adam: m and v are running means of the gradient and of its square. Return m and v as they are; the "
        "corrected m / (1 - beta1**t) and v / (1 - beta2**t) are for the step only.",
    ),
)
def momentum_and_adam(momentum_step, adam_step):
    """Write one step of gradient descent with momentum, and one of Adam."""
    rng = np.random.default_rng(5)
    gradients = [rng.normal(0, 1, 3) * np.array([1, 0.01, 1e-4]) for _ in range(8)]
    start, rate = np.array([1.0, -2.0, 0.5]), 0.1

    still = [np.zeros(3)]
    path, _ = _walk(momentum_step, "momentum_step", gradients, start, still, ("w", "velocity"), rate)
    right = [w for w, _ in momentum_steps(gradients, start, rate)]
    if not _same(path, right):
        for sentence, wrong in {
            "momentum_step climbs: subtract rate * velocity.": momentum_steps(gradients, start, rate, sign=1),
            "momentum_step weakens the new gradient by (1 - beta); here, as in PyTorch, it counts in full.": (
                momentum_steps(gradients, start, rate, damp=0.1)
            ),
            "momentum_step has no memory: velocity = beta * velocity + gradient.": momentum_steps(
                gradients, start, rate, beta=0.0
            ),
            "momentum_step forgets beta: the old velocity must shrink to beta times itself.": momentum_steps(
                gradients, start, rate, beta=1.0
            ),
        }.items():
            if _same(path, [w for w, _ in wrong]):
                raise Failure(sentence)
        if np.allclose(path[0], start):
            raise Failure("momentum_step steps with the old velocity: renew the velocity first, then step.")
        raise Failure(
            f"momentum_step is at {np.round(path[1], 4).tolist()} after two steps, should be at "
            f"{np.round(right[1], 4).tolist()}; compute by hand."
        )

    right = [w for w, _ in momentum_steps(gradients, start, 0.03)]
    if not _same(
        _walk(momentum_step, "momentum_step", gradients, start, still, ("w", "velocity"), 0.03)[0], right
    ):
        raise Failure("With another rate momentum_step goes wrong: use the argument rate, not a number.")
    other = [w for w, _ in momentum_steps(gradients, start, rate, 0.5)]
    if not _same(
        _walk(momentum_step, "momentum_step", gradients, start, still, ("w", "velocity"), rate, 0.5)[0], other
    ):
        raise Failure("With beta = 0.5 momentum_step goes wrong: use the argument beta, not the number 0.9.")

    path, _ = _walk(adam_step, "adam_step", gradients, start, still * 2, ("w", "m", "v"), rate)
    right = [w for w, _, _ in adam_steps(gradients, start, rate)]
    if not _same(path, right):
        for sentence, wrong in {
            "adam_step climbs: subtract the step.": {"sign": 1},
            "adam_step lacks the corrections: m / (1 - beta1**t) and v / (1 - beta2**t), else the first "
            "steps are too long.": {"correct": False},
            "adam_step has eps under the root; add it to the root.": {"inside": True},
            "adam_step divides by v instead of its square root.": {"root": False},
            "adam_step counts t from 0, but t is 1 at the first step: use it as it is.": {"late": 1},
        }.items():
            if _same(path, [w for w, _, _ in adam_steps(gradients, start, rate, **wrong)]):
                raise Failure(sentence)
        first = adam_steps(gradients, start, rate)[0]
        if _same([path[0]], [first[0]]):
            raise Failure(
                "adam_step is right at first and then goes astray: return m and v without the corrections, "
                "which are for the step only."
            )
        raise Failure(
            f"adam_step is at {np.round(path[0], 4).tolist()} after the first step, should be at "
            f"{np.round(first[0], 4).tolist()}: the first step has the length rate in every direction."
        )
    for name, chosen in (
        ("rate", (0.03,)),
        ("beta1", (rate, 0.5, 0.999, 1e-8)),
        ("beta2", (rate, 0.9, 0.7, 1e-8)),
        ("eps", (rate, 0.9, 0.999, 0.05)),
    ):
        other = [w for w, _, _ in adam_steps(gradients, start, *chosen)]
        if not _same(
            _walk(adam_step, "adam_step", gradients, start, still * 2, ("w", "m", "v"), *chosen)[0],
            other,
        ):
            raise Failure(f"With another {name} adam_step goes wrong: use the argument {name}, not a number.")
    return (
        "Both agree with PyTorch's. Adam's first step is as long as the learning rate, however small the "
        "gradient."
    )


# --- (f) the largest learning rate ------------------------------


def threshold_problem():
    """Standardised grey values of the built-in nuclei, pixels of each, and those inside nuclei."""
    from bioimage_course import data

    nuclei = data.load("nuclei")
    grey, index = np.unique(nuclei.image, return_inverse=True)
    pixels = np.bincount(index.ravel())
    inside = np.bincount(index.ravel(), (nuclei.labels > 0).ravel())
    return (grey - nuclei.image.mean()) / nuclei.image.std(), pixels, inside


def limit_of_the_learning_rate():
    """2 / largest curvature of the two-parameter pixel classifier at its minimum (standardised)."""
    x, pixels, inside = threshold_problem()
    w = np.zeros(2)
    for _ in range(30):  # Newton's method
        p = 1 / (1 + np.exp(-w[0] * x - w[1]))
        weight = pixels * p * (1 - p)
        table = np.array([[np.sum(weight * x * x), np.sum(weight * x)], [np.sum(weight * x), np.sum(weight)]])
        difference = pixels * p - inside
        w = w - np.linalg.solve(table, [np.sum(difference * x), np.sum(difference)])
    return float(2 / np.linalg.eigvalsh(table / pixels.sum())[-1])


@exercise(
    chapter="03",
    hints=(
        "What do the last of 3000 losses look like at a rate of 1, and at 100? Where between the two does it "
        "change?",
        "Start with a rate that settles (1) and one that does not (100), try the middle, and keep the half "
        "that holds the limit. Settled means that the last loss is the minimum, to four digits.",
        "Theory gives it at once: 2 divided by the largest curvature, which stands in the table.",
    ),
)
def largest_learning_rate(my_learning_rate):
    """Find the largest learning rate at which gradient descent settles in the minimum."""
    rate = expect_number(call(my_learning_rate), what="your learning rate")
    limit = limit_of_the_learning_rate()
    if rate <= 0:
        raise Failure(
            f"A learning rate is positive, but yours is {rate:g}: with 0 nothing moves, below it climbs."
        )
    if rate > limit * 1.005:
        large = rate > 2 * limit
        raise Failure(
            f"With {rate:g} the steps overshoot: the parameters jump to and fro across the valley"
            f"{'' if large else ', slowly away from the minimum'}. Look at the last losses of 3000."
        )
    if np.isclose(rate, limit / 2, rtol=0.03):
        raise Failure(f"{rate:g} is half of the limit: it is 2 / curvature, not 1 / curvature.")
    if rate < 0.95 * limit:
        raise Failure(f"With {rate:g} gradient descent settles, but a larger rate would do so too: go on.")
    return (
        f"{rate:.1f} is within 5 % of the limit {limit:.1f}, which is 2 divided by the largest curvature at "
        "the minimum."
    )


# --- (g) a training script with five mistakes ------------------------------


def thymocytes(number, seed):
    """Simulated CD4 and CD8 (number, 2), and 1 (number, 1) for cells that carry exactly one, else 0."""
    import torch

    rng = np.random.default_rng(seed)
    carries = rng.integers(0, 2, (number, 2))
    cells = carries + rng.normal(0, 0.17, (number, 2)) - 0.5
    single = (carries[:, 0] != carries[:, 1]).astype(float)
    return torch.tensor(cells, dtype=torch.float32), torch.tensor(single[:, None], dtype=torch.float32)


def _expect_unequal(network):
    """The first weights of the neurons of a layer differ."""
    import torch

    if not isinstance(network, torch.nn.Module):
        raise Failure("make_network should return the network.")
    for weight in network.parameters():
        if weight.ndim == 2 and len(weight) > 1 and torch.allclose(weight, weight[:1].expand_as(weight)):
            raise Failure(
                "All neurons of a layer start with the same weights and would stay the same for ever: leave "
                "PyTorch's random first weights alone, or draw your own."
            )


def _updates(update, inputs, targets, times):
    """Weights of one neuron after each update, and after each update of ours."""
    import torch

    def neuron():
        linear = torch.nn.Linear(2, 1)
        torch.nn.init.constant_(linear.weight, 0.1)
        torch.nn.init.zeros_(linear.bias)
        return linear, torch.optim.SGD(linear.parameters(), lr=0.5)

    theirs, ours = neuron(), neuron()
    got, right = [], []
    for _ in range(times):
        try:
            call(update, *theirs, inputs, targets)
        except Failure as failure:
            if "does not require grad" in str(failure):
                raise Failure(
                    "PyTorch finds no way back from the loss to the weights: a comparison such as p > 0.5 "
                    "stands between. Train on probabilities or scores, threshold afterwards."
                ) from None
            raise
        linear, optimiser = ours
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(linear(inputs), targets).backward()
        optimiser.step()
        got.append(theirs[0].weight.detach().clone())
        right.append(linear.weight.detach().clone())
    return got, right


@exercise(
    chapter="03",
    hints=(
        "The page lists five ways in which training fails, under What goes wrong. Where in the script is "
        "each of them?",
        "make_network: should all weights be equal? update: what has the slope 0, what becomes infinite, "
        "what is never cleared? make_optimiser: how long is a step?",
        "Let the network's scores go into torch.nn.functional.binary_cross_entropy_with_logits, call "
        "optimiser.zero_grad() before loss.backward(), and try learning rates around 1.",
    ),
)
def mended_training(make_network, update, make_optimiser):
    """Mend a training script with five mistakes."""
    import torch

    from bioimage_course.nets.seeds import seeded

    for what, function in (("first", make_network), ("second", update), ("third", make_optimiser)):
        expect_callable(function, f"the {what} thing you passed")
    with seeded(0):
        _expect_unequal(call(make_network))
    inputs, targets = thymocytes(60, seed=3)
    targets = (inputs[:, :1] > 0).float()  # something that one neuron can learn
    got, right = _updates(update, inputs, targets, 2)
    if torch.equal(got[0], torch.full_like(got[0], 0.1)):
        raise Failure(
            "update moves nothing: no gradient arrives. Is there a rounding before the loss, or is "
            "loss.backward() or optimiser.step() missing?"
        )
    if not torch.allclose(got[0], right[0], rtol=1e-3, atol=1e-5):
        raise Failure(
            "The first update is not that of the mean cross-entropy: with the truth y and the probability p, "
            "a weight moves by the learning rate times the mean of (y - p) times its input."
        )
    if not torch.allclose(got[1], right[1], rtol=1e-3, atol=1e-5):
        raise Failure(
            "The first update is right, the second is not: gradients of the first are still there. Clear "
            "them before each backward pass."
        )
    far, wrong = torch.tensor([[900.0, 900.0], [1.0, 0.0]]), torch.tensor([[0.0], [1.0]])
    got, right = _updates(update, far, wrong, 1)
    if not torch.isfinite(got[0]).all():
        raise Failure(
            "With large scores the weights become NaN: a probability rounds to 0 or 1 and its logarithm is "
            "infinite. Use a loss that takes scores."
        )
    if not torch.allclose(got[0], right[0], rtol=1e-3, atol=1e-3):
        raise Failure(
            "A pixel that is wrong with a large score hears nothing: its probability has rounded to 1, and "
            "the gradient is lost. Use a loss that takes scores."
        )
    cells, single = thymocytes(200, seed=1)
    with seeded(0):
        network = call(make_network)
        optimiser = call(make_optimiser, network)
        if not isinstance(optimiser, torch.optim.Optimizer):
            raise Failure("make_optimiser should return an optimiser, such as torch.optim.SGD.")
        losses = []
        for _ in range(500):
            call(update, network, optimiser, cells, single)
            with torch.no_grad():
                scores = network(cells)
                losses.append(torch.nn.functional.binary_cross_entropy_with_logits(scores, single).item())
    share = ((scores > 0) == (single > 0.5)).float().mean().item()
    if share >= 0.95:
        return f"Five mistakes mended: after 500 updates {share:.0%} of the thymocytes are told apart."
    jumps = not np.isfinite(losses).all() or max(losses) > 1.5 * losses[0] or np.any(np.diff(losses) > 0.05)
    raise Failure(
        f"Every update is right, but after 500 of them only {share:.0%} of the cells are. The loss "
        + ("jumps: lower the learning rate." if jumps else "falls too slowly: raise the learning rate.")
    )
