"""Exercises of chapter 2, activation functions."""

import itertools

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number, takes

# --- two linear layers collapse to one ------------------------------


def _weights(seed):
    """Six weights and three biases, all different."""
    return [float(x) for x in np.round(np.random.default_rng(seed).uniform(-2, 2, 9), 3)]


_MISTAKES_V = (  # what was returned instead of v, and the sentence for it
    (
        lambda w1, w2, w3, w4, w5, w6: [w5 * w1, w5 * w2, w6 * w4],
        "v2 lacks a term: x2 goes into both hidden neurons, so two paths lead from it to the output.",
    ),
    (
        lambda w1, w2, w3, w4, w5, w6: [w5 * w1, w6 * w3, w6 * w4],
        "v2 lacks a term: x2 goes into both hidden neurons, so two paths lead from it to the output.",
    ),
    (
        lambda w1, w2, w3, w4, w5, w6: [w5 + w1, w5 + w2 + w6 + w3, w6 + w4],
        "Along a path the weights are multiplied, not added; only different paths are added.",
    ),
    (
        lambda w1, w2, w3, w4, w5, w6: [w5 * w1, w5 * w2 * w6 * w3, w6 * w4],
        "The two paths from x2 to the output are added; you multiply them.",
    ),
    (
        lambda w1, w2, w3, w4, w5, w6: [w6 * w1, w6 * w2 + w5 * w3, w5 * w4],
        "w5 and w6 are swapped: w5 comes after the hidden neuron that sees x1 and x2.",
    ),
)


@exercise(
    chapter="02",
    hints=(
        "Multiplied out, what stands in front of x1, of x2, of x3, and what stands alone? Which input occurs "
        "twice?",
        "Follow the paths: the weight v1 is the product along the path from x1 to the output, w5 * w1. A "
        "hidden bias takes a path too: b1 reaches the output multiplied by w5.",
    ),
)
def collapse(function):
    """Replace two layers without activation by one neuron."""
    expect_callable(function)
    for seed in range(5):
        *w, b1, b2, b3 = _weights(seed)
        answer = call(function, *w, b1, b2, b3)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise Failure(
                "Return two things, the list of three weights [v1, v2, v3] and the bias c, in this order."
            )
        v = expect_array(answer[0], shape=(3,), what="the list of weights v")
        expect_number(answer[1], what="the bias c")
        right_v = [w[4] * w[0], w[4] * w[1] + w[5] * w[2], w[5] * w[3]]
        for wrong, sentence in _MISTAKES_V:
            if np.allclose(v, wrong(*w)) and not np.allclose(v, right_v):
                raise Failure(sentence)
        expect_array(v, close_to=right_v, rtol=1e-12, atol=1e-12, what="the list of weights v")
        expect_number(
            answer[1],
            close_to=w[4] * b1 + w[5] * b2 + b3,
            rtol=1e-12,
            atol=1e-12,
            what="the bias c",
            mistakes={
                "The weights are right. The bias is only b3; the hidden biases reach the output as well, "
                "through w5 and w6.": b3,
                "The weights are right. The hidden biases pass through w5 and w6 on their way to the output; "
                "you add them as they are.": b1 + b2 + b3,
                "The weights are right. The bias c lacks b3, the output neuron's own.": w[4] * b1 + w[5] * b2,
            },
        )
    return "Four numbers do the work of nine: without activation a hidden layer adds nothing."


# --- derivatives ------------------------------


def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def _central(f, z, h=1e-5):
    """The derivative of f by finite differences."""
    return (f(z + h) - f(z - h)) / (2 * h)


_Z = np.random.default_rng(3).uniform(-4, 4, (3, 20))
_FAR = np.array([-1000.0, 1000.0])
_TOLERANCE = {"rtol": 1e-6, "atol": 1e-7}


def _derivative(function, name, f, far, mistakes, **kwargs):
    """Compare one derivative with finite differences, and with its values far out."""
    what = f"{name}(z, slope={kwargs['slope']})" if kwargs else f"{name}(z)"
    answer = call(function, _Z, **kwargs)
    expect_array(answer, close_to=_central(f, _Z), what=what, mistakes=mistakes, **_TOLERANCE)
    with np.errstate(all="ignore"):
        answer = call(function, _FAR, **kwargs)
    ends = expect_array(answer, shape=(2,), what=what, finite=False)
    if np.isnan(ends).any():
        raise Failure(
            f"{what} is right near zero but NaN (not a number) at z = -1000 or 1000: an exponential "
            "overflows. Write it with exp(-|z|), or with the function itself, f(1 - f)."
        )
    expect_array(ends, close_to=far, what=f"{what} at z = -1000 and 1000", **_TOLERANCE)


@exercise(
    chapter="02",
    hints=(
        "Which of the four have the same slope all along one side of zero? And can you write the slope of "
        "the sigmoid and of tanh with the value of the function itself?",
        "With s = sigmoid(z) the derivative is s (1 - s), with t = tanh(z) it is 1 - t². Those of the ReLUs "
        "are constants on either side of zero: np.where(z > 0, …, …).",
        "If you get NaN at -1000: exp(1000) is infinite, and infinite / infinite is NaN. The sigmoid's "
        "derivative is the same at z and at -z, so compute it from np.exp(-np.abs(z)).",
    ),
)
def derivatives(d_sigmoid, d_tanh, d_relu, d_leaky_relu):
    """Write the derivatives of four activation functions."""
    for function in (d_sigmoid, d_tanh, d_relu, d_leaky_relu):
        expect_callable(function)
    s, t, z = _sigmoid(_Z), np.tanh(_Z), _Z
    _derivative(
        d_sigmoid,
        "d_sigmoid",
        _sigmoid,
        [0, 0],
        {
            "d_sigmoid returns the sigmoid itself; its derivative is wanted.": s,
            "d_sigmoid puts z where the sigmoid of z belongs: s (1 - s) with s = sigmoid(z).": z * (1 - z),
            "d_sigmoid returns 1 - s²; that would be right for tanh. For the sigmoid it is s (1 - s).": 1
            - s**2,
        },
    )
    _derivative(
        d_tanh,
        "d_tanh",
        np.tanh,
        [0, 0],
        {
            "d_tanh returns tanh itself; its derivative is wanted.": t,
            "d_tanh puts z where tanh(z) belongs: 1 - t² with t = tanh(z).": 1 - z**2,
            "d_tanh returns 1 - t; t has to be squared.": 1 - t,
            "d_tanh returns t (1 - t); that is the rule of the sigmoid. For tanh it is 1 - t².": t * (1 - t),
        },
    )
    _derivative(
        d_relu,
        "d_relu",
        lambda z: np.maximum(z, 0),
        [0, 1],
        {
            "d_relu returns the ReLU itself; its slope is wanted, 1 for every positive z.": np.maximum(z, 0),
            "d_relu is 1 on the wrong side: the ReLU is flat for negative z.": (z < 0) * 1.0,
            "d_relu is 1 everywhere, as for the identity: the ReLU is flat for negative z.": np.ones_like(z),
        },
    )
    for slope in (0.01, 0.2):
        _derivative(
            d_leaky_relu,
            "d_leaky_relu",
            lambda z, slope=slope: np.where(z > 0, z, slope * z),
            [slope, 1],
            {
                "d_leaky_relu returns the function itself; its slope is wanted, 1 or the slope.": np.where(
                    z > 0, z, slope * z
                ),
                "d_leaky_relu is 0 for negative z; there it leaks: the slope is wanted.": (z > 0) * 1.0,
                "d_leaky_relu returns slope * z for negative z; the slope alone is wanted.": np.where(
                    z > 0, 1, slope * z
                ),
                "d_leaky_relu ignores its argument `slope`; use it instead of 0.01.": np.where(
                    z > 0, 1, 0.01
                ),
                "d_leaky_relu has a negative slope on the left; the function still rises there.": np.where(
                    z > 0, 1, -slope
                ),
            },
            slope=slope,
        )
    if takes(d_leaky_relu, _Z):
        _derivative(d_leaky_relu, "d_leaky_relu", lambda z: np.where(z > 0, z, 0.01 * z), [0.01, 1], {})
    return "All four agree with finite differences, and at z = ±1000 only the ReLUs have a gradient left."


# --- which ones saturate ------------------------------


def _gelu(z):
    from scipy.special import ndtr

    return z * ndtr(z)


_CURVES = {  # name: function, whether it saturates on the left and on the right, and what to think about
    "the sigmoid": (_sigmoid, (1, 1), "far out on either side the sigmoid hardly changes"),
    "tanh": (np.tanh, (1, 1), "far out on either side tanh hardly changes"),
    "the identity": (lambda z: z, (0, 0), "the identity has the slope 1 everywhere"),
    "the ReLU": (lambda z: np.maximum(z, 0), (1, 0), "the ReLU is flat on one side only"),
    "the leaky ReLU": (
        lambda z: np.where(z > 0, z, 0.01 * z),
        (0, 0),
        "a small slope is a slope, and the leaky ReLU keeps 0.01 on the left",
    ),
    "the step": (lambda z: np.where(z >= 0, 1.0, 0.0), (1, 1), "the step is flat on either side"),
    "GELU": (_gelu, (1, 0), "GELU dips below zero on the left but comes to rest at zero far out"),
    "softplus": (lambda z: np.logaddexp(0, z), (1, 0), "softplus is a smooth ReLU"),
    "−ReLU(−z)": (lambda z: -np.maximum(-z, 0), (0, 1), "this one is a ReLU turned round"),
    "−ReLU(z)": (lambda z: -np.maximum(z, 0), (1, 0), "this one falls, and a negative slope is a slope"),
    "ReLU(−z)": (lambda z: np.maximum(-z, 0), (0, 1), "this one falls, and a negative slope is a slope"),
    "5 + a wide sigmoid": (
        lambda z: 5 + _sigmoid(z / 4),
        (1, 1),
        "the height does not matter, only whether the curve comes to rest",
    ),
    "the sine": (
        np.sin,
        (0, 0),
        "bounded is not saturated: the sine never comes to rest, so look at the slope, not at the values",
    ),
    "tanh(z) + 0.1 z": (
        lambda z: np.tanh(z) + 0.1 * z,
        (0, 0),
        "the slope of this one never falls below 0.1",
    ),
}


def _as_function(f):
    return lambda z: f(np.asarray(z, dtype=float))


@exercise(
    chapter="02",
    hints=(
        "How can you measure the slope of a function that you cannot look into, at one place? And what is "
        "the slope of a curve that has come to rest?",
        "The slope at z is about (f(z + h) - f(z - h)) / 2h. A side is saturated if it is zero there, or as "
        "good as zero: below 0.0001, say.",
    ),
)
def saturates(function):
    """Find out on which sides a function saturates."""
    expect_callable(function)
    answers = {}
    for name, (f, _, _) in _CURVES.items():
        with np.errstate(all="ignore"):
            answer = call(function, _as_function(f))
        if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != 2:
            raise Failure("Return two answers, left and right, each True or False: `return left, right`.")
        answers[name] = tuple(
            expect_number(side, between=(0, 1), integer=True, what="each of the two answers")
            for side in answer
        )
    rights = {name: right for name, (_, right, _) in _CURVES.items()}
    if answers == rights:
        return "Sigmoid and tanh saturate on both sides, ReLU and GELU on the left, leaky ReLU nowhere."
    if all(answers[name] == right[::-1] for name, right in rights.items()):
        raise Failure("Left and right are swapped: return the answer for z = -100 first.")
    if all(answers[name] == (1 - right[0], 1 - right[1]) for name, right in rights.items()):
        raise Failure("Your answers are the other way round: True means that the slope is zero.")
    for name, (_, right, thought) in _CURVES.items():
        if answers[name] != right:
            sides = [
                side for side, a, b in zip(("left", "right"), answers[name], right, strict=True) if a != b
            ]
            raise Failure(f"Look at {name} on the {' and on the '.join(sides)}: {thought}.")
    return None


# --- what a network will draw ------------------------------

_BOUNDARIES = {
    "identity": ("line", "without activation two layers collapse to one; what does one neuron draw?"),
    "step": (
        "pieces",
        "each hidden neuron is flat on either side of a straight line; which edges can an area have that is "
        "put together from such lines?",
    ),
    "sigmoid": ("curve", "has the sigmoid a corner anywhere, from which the boundary could get one?"),
    "tanh": ("curve", "has tanh a corner anywhere, from which the boundary could get one?"),
    "ReLU": (
        "pieces",
        "away from its corner the ReLU is a straight line; what is a sum of such pieces, where can it bend?",
    ),
    "leaky ReLU": (
        "pieces",
        "the leaky ReLU has a corner too, only a shallower one; what is a sum of such pieces?",
    ),
    "GELU": ("curve", "GELU rounds the corner of the ReLU; where should the boundary get one?"),
}


@exercise(
    chapter="02",
    hints=(
        "The output neuron adds up what the hidden neurons give: has a sum of smooth curves a corner "
        "anywhere? Has a sum of lines with corners?",
        "Sort the seven by their own shape: no bend at all, a corner or a jump, or smooth throughout. The "
        "boundary inherits it.",
    ),
)
def drawn_boundaries(predict):
    """Predict which kind of boundary a network draws with each activation."""
    answer = call(predict)
    if not isinstance(answer, dict):
        raise Failure('Return a dictionary such as {"identity": "line", …}, with one entry an activation.')
    given = {str(name).strip().lower(): kind for name, kind in answer.items()}
    kinds = ("line", "pieces", "curve")
    for name in _BOUNDARIES:
        kind = given.get(name.lower())
        if kind is None or kind == "" or kind is ...:
            raise Failure(f'There is no prediction for "{name}": choose "line", "pieces" or "curve".')
        if not isinstance(kind, str) or kind.strip().lower() not in kinds:
            raise Failure(f'The prediction for "{name}" must be "line", "pieces" or "curve".')
    for name, (right, thought) in _BOUNDARIES.items():
        kind = given[name.lower()].strip().lower()
        if kind == right:
            continue
        if kind == "line":
            thought = "one straight line is what a single neuron draws; can this hidden layer do no more?"
        raise Failure(f"{name}: {thought}")
    return "Lines make a line, corners make pieces, smooth curves make a curve. Now look at the pictures."


# --- through many layers ------------------------------


@exercise(
    chapter="02",
    hints=(
        "Look at the gallery: at which z is the gradient of the sigmoid largest, and how large is it there?",
        "The largest gradient is 0.5 · (1 − 0.5) = 0.25. One layer multiplies by it once, `depth` layers …",
    ),
)
def through_sigmoids(best_factor):
    """Say which factor a gradient keeps at best on its way through many sigmoids."""
    expect_callable(best_factor)
    for depth in (1, 3, 10):
        expect_number(
            call(best_factor, depth),
            close_to=0.25**depth,
            rtol=1e-6,
            atol=0,
            what=f"best_factor({depth})",
            mistakes={
                "You use the largest value of sigmoid at z = 0, one half; its gradient there is smaller.": 0.5
                ** depth,
                "1 is the largest value of the sigmoid; its gradient is wanted.": 1.0,
                "That is the factor of a single sigmoid; each further one multiplies again.": 0.25,
                "Factors of successive layers are multiplied, not added.": 0.25 * depth,
                "You divide by the depth; every layer multiplies by the same factor again.": 0.25 / depth,
                "A gradient that passes sigmoids shrinks; yours grows.": 4.0**depth,
            },
        )
    return "At best 0.25 each: ten sigmoids leave less than a millionth of the gradient."


# --- dead neurons ------------------------------

_SUMS = np.array(
    [  # five examples, seven neurons; columns 1, 4 and 6 are dead
        (+1.0, -1.0, -2.0, +0.5, -0.1, -3.0, -1.0),
        (-0.5, -2.0, -1.0, -0.5, 0.0, -2.0, -5.0),
        (+2.0, -0.5, -3.0, +1.0, -2.0, -1.0, -0.2),
        (+1.0, -3.0, +0.1, -1.0, -1.0, -0.5, -2.0),
        (-1.0, -0.2, -9.0, +2.0, -0.5, +0.2, -1.0),
    ]
)


@exercise(
    chapter="02",
    hints=(
        "Which sums does a ReLU turn into zero? And for how many of the examples must that be so before a "
        "neuron counts as dead?",
        "z <= 0 is a table of True and False; `.all(axis=0)` asks column by column, over "
        "all examples; `.sum()` counts the columns.",
    ),
)
def dead_neurons(count_dead):
    """Count the ReLUs that are zero for every example."""
    expect_callable(count_dead)
    off = _SUMS <= 0
    by_mistake = {
        "You count single zeros, also of neurons that answer to other examples: a neuron is dead only if "
        "it is zero for all of them.": off.sum(),
        "You count neurons that are zero for at least one example; dead means for all.": off.any(
            axis=0
        ).sum(),
        "You look along the wrong axis: examples are rows, neurons are columns.": off.all(axis=1).sum(),
        "You overlook the neuron whose sum is exactly 0 once: a ReLU gives 0 there as well (<=).": (_SUMS < 0)
        .all(axis=0)
        .sum(),
        "You count the neurons that are alive.": (~off.all(axis=0)).sum(),
        "You judge a neuron by the mean of its sums; one positive sum is enough to be alive.": (
            _SUMS.mean(axis=0) < 0
        ).sum(),
    }
    answer = call(count_dead, _SUMS)
    if np.shape(answer) == (7,):
        raise Failure("You return one answer per neuron; return how many of them are dead, one number.")
    expect_number(answer, close_to=3, integer=True, what="the number of dead neurons", mistakes=by_mistake)
    for table, right, what in (
        (-np.ones((4, 6)), 6, "In a table of negative sums all 6 neurons are dead, but you count"),
        (np.ones((9, 2)), 0, "In a table of positive sums no neuron is dead, but you count"),
    ):
        got = expect_number(call(count_dead, table), integer=True, what="the number of dead neurons")
        if got != right:
            raise Failure(f"{what} {got}.")
    return "Dead means zero for every example. Run it on a network of your own before you blame the data."


# --- softmax ------------------------------

_SCORES = np.array([(1.0, 2.3, 0.6, 4.2), (0.0, 0.0, 0.0, 0.0), (-1.0, 3.0, 3.0, 0.5)])


def _softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@exercise(
    chapter="02",
    hints=(
        "The answers of a row must sum to 1: by what must its exponentials be divided? And what does your "
        "computer say to the exponential of 1000?",
        "e = np.exp(z), then divide each row by its own sum: e.sum(axis=-1, keepdims=True) keeps the shape "
        "that is needed for dividing.",
        "exp(1000) is infinite. Subtract from each row its largest score first, "
        "z.max(axis=-1, keepdims=True). The result does not change, because e^(a-m) / e^(b-m) = e^a / e^b.",
    ),
)
def softmax(function):
    """Write a softmax that survives large scores."""
    expect_callable(function)
    e = np.exp(_SCORES)
    with np.errstate(all="ignore"):
        answer = call(function, _SCORES, pure=True)
        expect_array(
            answer,
            close_to=_softmax(_SCORES),
            what="your softmax",
            mistakes={
                "You divide by the sum over the whole table; each row is an example and must sum to 1.": e
                / e.sum(),
                "You divide by the sums of the columns; each row (an example) must sum to 1.": e
                / e.sum(axis=0),
                "You return the exponentials; divide each row by its sum.": e,
                "That is the sigmoid of every score on its own; the scores of a row must compete.": _sigmoid(
                    _SCORES
                ),
                "That is the logarithm of the softmax; leave out the logarithm.": np.log(_softmax(_SCORES)),
                "That is the softmax of minus z: the largest score must get the largest share.": _softmax(
                    -_SCORES
                ),
            },
        )
        large = np.array([(1000.0, 1001.0, 1002.0), (-1000.0, -1001.0, -999.0)])
        answer = expect_array(call(function, large), shape=(2, 3), what="your softmax", finite=False)
    if np.isnan(answer[0]).any():
        raise Failure(
            "Right for small scores, but NaN (not a number) for scores near 1000, where exp overflows: "
            "subtract the largest score of each row first."
        )
    if np.isnan(answer[1]).any():
        raise Failure(
            "One row of large scores makes another NaN: subtract from each row its own largest score "
            "(axis=-1, keepdims=True), not that of the whole table."
        )
    expect_array(answer, close_to=_softmax(large), what="your softmax of scores near ±1000")
    apart = np.array([(0.0, 0.0, 3000.0), (-3000.0, 0.0, 0.0)])
    with np.errstate(all="ignore"):
        answer = expect_array(call(function, apart), shape=(2, 3), what="your softmax", finite=False)
    if np.isnan(answer).any():
        raise Failure(
            "Scores that lie far apart, such as (0, 0, 3000), overflow: subtract the *largest* score of "
            "the row, so that no exponent is above 0."
        )
    expect_array(answer, close_to=_softmax(apart), what="your softmax of scores that lie far apart")
    pairs = np.array(list(itertools.product((-2.0, 0.5, 3.0), (-1.0, 0.0, 4.0))))
    first = expect_array(call(function, pairs), shape=pairs.shape, what="your softmax of pairs")[:, 0]
    if not np.allclose(first, _sigmoid(pairs[:, 0] - pairs[:, 1])):
        raise Failure(
            "For two classes softmax((a, b)) must be sigmoid(a − b) in its first place; yours is not."
        )
    return "Each row sums to 1, no overflow, and for two classes it is the sigmoid of the difference."


# --- the softmax that was applied twice ------------------------------


@exercise(
    chapter="02",
    hints=(
        "Read the documentation of nn.CrossEntropyLoss: which input does it expect, probabilities or scores "
        "(“logits”)?",
        "nn.CrossEntropyLoss contains a (log-)softmax. The model applies one already. One of them is "
        "too many, and the loss is to stay.",
    ),
)
def double_softmax(repaired_model):
    """Repair a classifier whose loss stops falling."""
    import torch

    model = call(repaired_model)
    if isinstance(model, (tuple, list)):
        raise Failure("Return the model alone, without the loss.")
    if isinstance(model, (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss)):
        raise Failure("You return a loss; return the model. The loss stays as it is.")
    if not isinstance(model, torch.nn.Module):
        raise Failure(f"Return a model such as nn.Sequential(…), not {type(model).__name__}.")
    parameters = list(model.parameters())
    if not parameters:
        raise Failure("This model has no weights: it needs its two linear layers.")
    inputs = 10 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    inputs = inputs.to(parameters[0].device)

    def run(x):
        with torch.no_grad():
            return expect_array(call(model, x), what="the output of your model")

    out = run(inputs)
    if out.shape == (200, 16):
        raise Failure("The output has 16 values a nucleus: the last linear layer, 16 → 3, is missing.")
    if out.shape != (200, 3):
        raise Failure(f"For 200 nuclei the output has the shape {out.shape}, expected (200, 3).")
    if (out >= 0).all() and np.allclose(out.sum(axis=1), 1, atol=1e-4):
        raise Failure(
            "The three outputs of each nucleus still sum to 1: there is a softmax in the model, and the loss "
            "applies another one."
        )
    if (out >= 0).all() and np.allclose(out.sum(axis=0), 1, atol=1e-4):
        raise Failure(
            "The model has a softmax over the wrong axis, over the nuclei of a batch; none is wanted at all."
        )
    if (out >= 0).all() and (out <= 1).all():
        raise Failure(
            "All outputs lie between 0 and 1: a sigmoid squashes the scores just as the softmax did. Give "
            "the loss the scores themselves."
        )
    if (out >= 0).all():
        raise Failure("No output is negative, as after a ReLU; scores must be free to take either sign.")
    if np.allclose(np.log(np.exp(out.astype(float)).sum(axis=1)), 0, atol=1e-4):
        return (
            "A log-softmax does no harm, because repeating it changes nothing; but nn.CrossEntropyLoss does "
            "it anyway, so you can leave it out."
        )
    half = (inputs[:100] + inputs[100:]) / 2
    if np.allclose(run(half), (out[:100] + out[100:]) / 2, rtol=1e-3, atol=1e-3):
        raise Failure(
            "The softmax is gone, but so is the activation of the hidden layer: the model has collapsed to "
            "one linear layer. Keep nn.ReLU()."
        )
    return "One softmax is enough: the model gives scores, the loss turns them into probabilities."
