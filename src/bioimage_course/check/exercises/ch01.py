"""Exercises of chapter 1, perceptrons.

The neuron of this chapter fires when ``w·x + b >= 0``: zero counts as firing.
"""

import itertools

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number
from bioimage_course.materials.ch01 import MITOSES

INPUTS = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=float)
"""The four inputs of two switches, in the order in which truth tables list the outputs."""

GATES = {
    "AND": (0, 0, 0, 1),
    "OR": (0, 1, 1, 1),
    "NAND": (1, 1, 1, 0),
    "XOR": (0, 1, 1, 0),
    "XNOR": (1, 0, 0, 1),
}


# --- small helpers ------------------------------


def _neuron(value, what):
    """Split ([w1, w2], b)."""
    if isinstance(value, (tuple, list)) and len(value) == 3:
        raise Failure(
            f"{what} should be a pair, ([w1, w2], b): put the two weights into a list of their own."
        )
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Failure(
            f"{what} should be a pair of weights and bias such as ([1, 1], -0.5), not {_short(value)}."
        )
    weights = expect_array(value[0], shape=(2,), what=f"the list of weights of {what}")
    return weights, expect_number(value[1], what=f"the bias of {what}")


def _short(value):
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def _fires(inputs, weights, bias):
    return tuple((inputs @ weights + bias >= 0).astype(int).tolist())


def _fires_strictly(inputs, weights, bias):
    return tuple((inputs @ weights + bias > 0).astype(int).tolist())


def _name(outputs):
    """'OR (0, 1, 1, 1)', or the bare outputs if they have no name here."""
    names = [name for name, table in GATES.items() if table == outputs]
    return f"{names[0]} {outputs}" if names else str(outputs)


def _why_wrong(what, weights, bias, wanted):
    """The sentence for a neuron whose four outputs are not the wanted ones."""
    got = _fires(INPUTS, weights, bias)
    if _fires_strictly(INPUTS, weights, bias) == wanted:
        at = INPUTS[np.isclose(INPUTS @ weights + bias, 0)][0].astype(int).tolist()
        return (
            f"{what} would be right if the neuron fired only above zero, but ours fires at w·x + b = 0 as "
            f"well, which happens at input {at}: lower the bias a little."
        )
    if bias == 0:
        return (
            f"{what} has the bias 0, so its line runs through input [0, 0] and the neuron always fires "
            f"there; it gives {got} instead of {wanted}."
        )
    if _fires(INPUTS, weights, -bias) == wanted:
        return (
            f"{what} gives {_name(got)}: the sign of the bias is flipped. We add the bias, so a threshold "
            "of 1.5 means b = -1.5."
        )
    wrong = [at for at, a, b in zip(INPUTS.astype(int).tolist(), got, wanted, strict=True) if a != b]
    return f"{what} gives {_name(got)} for 00, 01, 10, 11 but should give {wanted}: look at {wrong[0]}."


# --- logic gates ------------------------------


@exercise(
    chapter="01",
    hints=(
        "If both weights are the same positive number, how large is the sum for each of the four inputs? And "
        "which of these sums should a bias leave at or above zero?",
        "With weights 1 and 1 the sum is 0, 1, 1 or 2. OR needs the line between 0 and 1, AND between 1 and "
        "2. NAND is the opposite of AND: turn every sign round.",
    ),
)
def logic_gates(gates):
    """Find weights and a bias for AND, OR and NAND."""
    answer = call(gates)
    if not isinstance(answer, dict):
        raise Failure(f'Return a dictionary such as {{"AND": ([1, 1], -0.5), …}}, but got {_short(answer)}.')
    for gate in ("AND", "OR", "NAND"):
        if gate not in answer:
            raise Failure(f'The dictionary has no entry "{gate}": it needs AND, OR and NAND, in capitals.')
        weights, bias = _neuron(answer[gate], gate)
        if _fires(INPUTS, weights, bias) != GATES[gate]:
            raise Failure(_why_wrong(gate, weights, bias, GATES[gate]))
    return "AND, OR and NAND are one neuron each: the same neuron with its line in another place."


# --- all Boolean functions ------------------------------


@exercise(
    chapter="01",
    hints=(
        "If each weight and the bias may take only a handful of values, how many combinations are there to "
        "try? And how will your function notice that none of them fits?",
        "itertools.product makes all combinations; return the first that gives the wanted outputs. Weights "
        "from (-1, 0, 1) and biases from (-1.5, -0.5, 0.5, 1.5) are enough: 36 combinations.",
    ),
)
def boolean_functions(find_weights):
    """Find out which of the 16 Boolean functions of two inputs one neuron can compute."""
    expect_callable(find_weights)
    missing = []
    for wanted in itertools.product((0, 1), repeat=4):
        answer = call(find_weights, wanted)
        linear = wanted not in (GATES["XOR"], GATES["XNOR"])
        if answer is None:
            if linear:
                missing.append(wanted)
            continue
        weights, bias = _neuron(answer, f"your neuron for {_name(wanted)}")
        if _fires(INPUTS, weights, bias) == wanted:
            continue
        if not linear:
            raise Failure(
                f"For {_name(wanted)} you return weights that give {_fires(INPUTS, weights, bias)}. Test "
                "all four inputs before returning, and return None if nothing fits."
            )
        if _fires(INPUTS[:, ::-1], weights, bias) == wanted:
            raise Failure(
                f"Your neuron for {wanted} has its inputs swapped: the outputs are listed for (x1, x2) = "
                "(0, 0), (0, 1), (1, 0), (1, 1), in this order."
            )
        raise Failure(_why_wrong(f"Your neuron for {wanted}", weights, bias, wanted))
    if not missing:
        return (
            "One neuron computes 14 of the 16 functions. The two that are left, XOR and XNOR, have no line."
        )
    found = f"You found weights for {14 - len(missing)} of the 14 functions that one neuron can compute"
    if set(missing) <= {(0, 0, 0, 0), (1, 1, 1, 1)}:
        raise Failure(f"{found}: “always 0” and “always 1” count too, a large bias is all they need.")
    rest = [table for table in missing if table[0] == 1 or table in ((0, 0, 1, 0), (0, 1, 0, 0))]
    if rest == [table for table in missing if any(table) and not all(table)]:
        raise Failure(
            f"{found}; {rest[0]} is missing, for example: let weights and bias be negative as well."
        )
    raise Failure(f"{found}; {missing[0]} is missing, for example: try more values for weights and bias.")


# --- the perceptron rule ------------------------------

_NUCLEI = np.array(
    [  # area in pixels, mean intensity and roundness of real nuclei, rounded so that every step is exact
        (537, 91, 0.875),
        (440, 194, 0.750),
        (202, 89, 0.875),
        (372, 64, 0.875),
        (532, 51, 0.625),
        (443, 53, 0.875),
        (85, 173, 0.875),
        (665, 43, 0.750),
        (414, 64, 1.000),
        (421, 57, 0.875),
        (212, 183, 0.750),
        (264, 155, 0.875),
    ]
)
_MITOTIC = np.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1])


def _rule(features, truth, max_passes, *, sign=1, learn_bias=True, strict=False, whole_passes=False, low=0):
    """The perceptron rule with the usual mistakes built in; returns (weights, bias, updates, passes)."""
    weights, bias, updates = np.zeros(features.shape[1]), 0.0, 0
    for number in range(1, max_passes + 1):  # noqa: B007 (returned)
        before, step_w, step_b = updates, np.zeros_like(weights), 0.0
        for x, y in zip(features, truth.tolist(), strict=True):
            z = x @ weights + bias
            error = sign * (y - (1 if (z > 0 if strict else z >= 0) else low))
            if error:
                updates += 1
                if whole_passes:
                    step_w, step_b = step_w + error * x, step_b + error
                else:
                    weights, bias = weights + error * x, bias + error * learn_bias
        weights, bias = weights + step_w, bias + step_b
        if updates == before:
            break
    return weights, bias, updates, number


_MISTAKES = (
    (
        {"sign": -1},
        "The update has the wrong sign: add (truth − prediction) times x, so that a missed nucleus pulls "
        "the weights towards it.",
    ),
    (
        {"learn_bias": False},
        "The bias never changes: it is updated like a weight whose input is always 1, "
        "b = b + (truth − prediction).",
    ),
    (
        {"strict": True},
        "Your neuron fires only above zero, ours at w·x + b = 0 as well (>=): already the first nucleus, "
        "at zero weights, is then treated differently.",
    ),
    (
        {"whole_passes": True},
        "You collect the updates and apply them at the end of a pass: change the weights "
        "immediately after each mistake, before you look at the next nucleus.",
    ),
    (
        {"low": -1},
        "Your neuron answers −1 or +1 but the truth is coded 0 and 1, so that the error is never zero for a "
        "class-0 nucleus: use 0 and 1 for both.",
    ),
)


def _same(a, b):
    return np.allclose(a[0], b[0], rtol=1e-6, atol=1e-6) and np.isclose(a[1], b[1]) and a[2] == b[2]


@exercise(
    chapter="01",
    hints=(
        "What has to happen with a single nucleus, and in which order? And by what do you notice at the end "
        "of a pass that there is nothing left to correct?",
        "Two loops, passes and nuclei. Inside: error = y - (1 if x @ w + b >= 0 else 0). If it is not 0: "
        "w = w + error * x, b = b + error, and count one update. After a pass without an update leave the "
        "outer loop with break.",
    ),
)
def perceptron_rule(train):
    """Write the perceptron rule and count its updates, on raw and on standardised features."""
    expect_callable(train)
    standardised = (_NUCLEI - _NUCLEI.mean(axis=0)) / _NUCLEI.std(axis=0)
    counts = []
    # Rounded to 1/1024, so that no sum depends on the order in which a computer adds.
    standardised = np.round(standardised * 1024) / 1024
    for features in (_NUCLEI, standardised):
        answer = call(train, features, _MITOTIC, 5000)
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            raise Failure(
                f"Return three things, weights, bias and number of updates, but got {_short(answer)}."
            )
        got = (
            expect_array(answer[0], shape=(3,), what="the list of weights"),
            expect_number(answer[1], what="the bias"),
            expect_number(answer[2], integer=True, what="the number of updates"),
        )
        _compare_runs(got, features)
        counts.append(got[2])
    _expect_end_of_passes(train, standardised)
    raw, scaled = counts
    return (
        f"Raw features needed {raw} updates, standardised ones {scaled}: same nuclei, same rule, other units."
    )


def _expect_end_of_passes(train, features):
    """Fewer passes than the rule needs: it stops there, with as many updates as there were until then."""
    *_, passes = _rule(features, _MITOTIC, 5000)
    for limit in (1, passes // 2):
        _, _, updates = call(train, features, _MITOTIC, limit)
        right = _rule(features, _MITOTIC, limit)[2]
        if updates != right:
            raise Failure(
                f"With max_passes={limit} the rule makes {right} updates, yours {updates}: at most "
                "max_passes times through all nuclei, and not one time less."
            )


def _compare_runs(got, features):
    """Pass, or raise the Failure of the mistake that explains the result."""
    weights, bias, updates, passes = _rule(features, _MITOTIC, 5000)
    if _same(got, (weights, bias, updates)):
        return
    scale = np.linalg.norm(got[0]) / np.linalg.norm(weights)
    if scale > 0 and _same((got[0] / scale, got[1] / scale, got[2]), (weights, bias, updates)):
        return  # another learning rate: from zero weights it changes the length of w and b, nothing else
    if _same((got[0], got[1], 0), (weights, bias, 0)):
        counted = "passes" if got[2] in (passes, passes - 1) else "something else"
        raise Failure(
            f"Weights and bias are right, but the rule made {updates} updates and you return {got[2]}: "
            f"count the mistakes, one by one (you seem to count {counted})."
        )
    for mistake, sentence in _MISTAKES:
        if _same(got, _rule(features, _MITOTIC, 5000, **mistake)[:3]):
            raise Failure(sentence)
    if _same(got, _rule(features, _MITOTIC, 1)[:3]):
        raise Failure(
            "You stop after one pass: go on until a whole pass has no mistake, or max_passes is reached."
        )
    if not got[0].any():
        raise Failure("The weights are still zero: make sure that you change and return the same w.")
    if _fires(features, got[0], got[1]) == tuple(_MITOTIC.tolist()):
        raise Failure(
            f"Your line separates the nuclei, but after {got[2]} updates instead of {updates}: start from "
            "zero weights and zero bias and take the rows in the given order, so that counts can be "
            "compared."
        )
    raise Failure(
        f"After {got[2]} updates your line still gets nuclei wrong; the rule needs {updates} updates here. "
        "Print w and b after each update and follow the first three nuclei by hand."
    )


# --- XOR with three neurons ------------------------------


@exercise(
    chapter="01",
    hints=(
        "Can you say XOR in words, with an “and” in the middle? Which gate is the half before it, which one "
        "the half after it?",
        "At least one, and not both: row 1 of the hidden weights is your OR neuron, row 2 your NAND neuron, "
        "and the output neuron is AND of the two.",
    ),
)
def xor_network(network):
    """Build XOR from three neurons."""
    answer = call(network)
    if not isinstance(answer, (tuple, list)) or len(answer) != 4:
        raise Failure(
            "Return four things, hidden weights (2 × 2, one row a neuron), hidden biases (2), output "
            f"weights (2) and output bias, but got {_short(answer)}."
        )
    hidden_w = expect_array(answer[0], shape=(2, 2), what="the table of hidden weights")
    hidden_b = expect_array(answer[1], shape=(2,), what="the list of hidden biases")
    output_w = expect_array(answer[2], shape=(2,), what="the list of output weights")
    output_b = expect_number(answer[3], what="the output bias")

    def outputs(weights):
        hidden = (INPUTS @ weights.T + hidden_b >= 0).astype(float)
        return hidden, _fires(hidden, output_w, output_b)

    hidden, got = outputs(hidden_w)
    if got == GATES["XOR"]:
        return "Three neurons do what one cannot: behind the hidden pair, one line is enough."
    if outputs(hidden_w.T)[1] == GATES["XOR"]:
        raise Failure("The hidden weights are transposed: one row a neuron, one column an input.")
    strict = (INPUTS @ hidden_w.T + hidden_b > 0).astype(float)
    if _fires_strictly(strict, output_w, output_b) == GATES["XOR"]:
        raise Failure(
            "This would be XOR if neurons fired only above zero, but ours fire at w·x + b = 0 as well: "
            "move the biases off the corners, to -0.5 or 1.5 for instance."
        )
    first, second = (tuple(column) for column in hidden.T.astype(int).tolist())
    if first == second:
        raise Failure(
            f"Both hidden neurons compute {_name(first)}: then the second adds nothing. Make them differ."
        )
    raise Failure(
        f"The network gives {_name(got)} for the inputs 00, 01, 10, 11, but should give (0, 1, 1, 0). Your "
        f"hidden neurons compute {_name(first)} and {_name(second)}."
    )


# --- an honest report ------------------------------


def _two_days(seed):
    """Area, intensity and roundness on two days: one nucleus in eight mitotic, then two in five."""
    rng = np.random.default_rng(seed)
    tables = []
    for size, mitoses in ((80, 10), (60, 24)):
        truth = np.zeros(size, dtype=int)
        truth[rng.choice(size, mitoses, replace=False)] = 1
        area = np.where(truth, 300, 480) + rng.normal(0, 80, size)
        intensity = np.where(truth, 112, 75) + rng.normal(0, 19, size)
        roundness = np.where(truth, 0.78, 0.86) + rng.normal(0, 0.05, size)
        tables += [np.round(np.column_stack([area, intensity, roundness]), 2), truth]
    return tables


def _standard(table, reference, ddof=0):
    return (table - reference.mean(axis=0)) / reference.std(axis=0, ddof=ddof)


def _learn(features, truth):
    """What the check gives the learner as `learn`."""
    from bioimage_course import nets

    return nets.perceptron_rule(features, truth, 100)


def _reported(answer, truth):
    found, alarms = ((answer == 1) & (truth == 1)).sum(), ((answer == 1) & (truth == 0)).sum()
    return np.array([found, alarms, np.mean(answer == truth), np.mean(truth == 0)], dtype=float)


def _reports(features, truth, new, new_truth):
    """The right reports (either kind of standard deviation) and those of the usual mistakes."""
    right = [
        _reported(
            _learn(_standard(features, features, ddof), truth).predict(_standard(new, features, ddof)),
            new_truth,
        )
        for ddof in (0, 1)
    ]
    scaled = _learn(_standard(features, features), truth)
    both = np.concatenate([features, new])
    mistakes = {
        "You learn from raw features: standardise first.": _learn(features, truth).predict(new),
        "You standardise the second table with its own mean and deviation. It has another share of mitoses, "
        "so the same nucleus gets other numbers: use those of the first table for both.": scaled.predict(
            _standard(new, new)
        ),
        "You learn from standardised features but predict raw ones: use the same two numbers again.": (
            scaled.predict(new)
        ),
        "You take mean and deviation of both tables together. The second one is for judging only: use those "
        "of the first.": _learn(_standard(features, both), truth).predict(_standard(new, both)),
        "You learn from the table that you judge by: learn from the first, judge by the second.": _learn(
            _standard(new, features), new_truth
        ).predict(_standard(new, features)),
    }
    return right, {sentence: _reported(answer, new_truth) for sentence, answer in mistakes.items()}


_PARTS = ("the number of mitoses found", "the number of false alarms", "the share of right answers")


@exercise(
    chapter="01",
    hints=(
        "Which of the two tables may the mean and the deviation come from, if the second is to show how the "
        "classifier does on nuclei that it does not know? And which nuclei count as found, which as a false "
        "alarm?",
        "mean, deviation = features.mean(axis=0), features.std(axis=0), and the same two for both tables. "
        "Found: answer 1 and truth 1; false alarm: answer 1 and truth 0.",
    ),
)
def honest_report(report):
    """Judge a classifier on nuclei of another day: standardise, and count the rare class on its own."""
    expect_callable(report)
    for seed in (104, 110):  # in both some mitoses are missed, others raised by mistake
        features, truth, new, new_truth = _two_days(seed)
        answer = call(report, _learn, features, truth, new, new_truth, pure=True)
        if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != 4:
            raise Failure(
                "Return four numbers: mitoses found, false alarms, share of right answers, and the share "
                f"without looking, but got {_short(answer)}."
            )
        got = np.array([expect_number(value, what="each of the four numbers") for value in answer])
        _compare_reports(got, *_reports(features, truth, new, new_truth), truth, new_truth)
    return "Counted on its own, and against somebody who does not look: now the numbers mean something."


def _compare_reports(got, right, mistakes, truth, new_truth):
    """Pass, or raise the Failure of the mistake that explains the four numbers."""
    blind = right[0][3]
    if np.isclose(got[:3], [r[:3] for r in right], atol=1e-6).all(axis=1).any():
        if np.isclose(got[3], blind, atol=1e-6):
            return
        sentence = {
            1 - blind: "call every nucleus 0, not 1",
            np.mean(truth == 0): "count in the second table, not in the first",
            (new_truth == 0).sum(): "give the share, not the number",
        }
        for wrong, advice in sentence.items():
            if np.isclose(got[3], wrong, atol=1e-6):
                raise Failure(f"The first three are right. For the share without looking: {advice}.")
        raise Failure(
            "The first three are right. Somebody calls every nucleus of the second table interphase (0): for "
            "which share of them is that right?"
        )
    for sentence, wrong in mistakes.items():
        if np.isclose(got[:3], wrong[:3], atol=1e-6).all():
            raise Failure(sentence)
    if np.isclose(got[2], [100 * r[2] for r in right]).any():
        raise Failure("Give the share of right answers between 0 and 1, not in per cent.")
    mitoses = new_truth.sum()
    for place, what in enumerate(_PARTS):
        if np.isclose(got[place], [r[place] for r in right], atol=1e-6).any():
            continue
        missed = [mitoses - r[0] for r in right]
        if place == 0 and np.isclose(got[0], missed, atol=1e-6).any():
            raise Failure("You count the mitoses that were missed; those that were found were asked for.")
        if place == 0 and np.isclose(got[0], [r[0] + r[1] for r in right], atol=1e-6).any():
            raise Failure(
                "You count every nucleus that was called mitotic; found are those that are mitotic."
            )
        if place == 1 and np.isclose(got[1], missed, atol=1e-6).any():
            raise Failure("Those are missed mitoses; a false alarm is an interphase nucleus called mitotic.")
        raise Failure(
            f"{what} is {got[place]:.4g}, which is not right: compare the answers for the second table with "
            "its truth, nucleus by nucleus."
        )


# --- open question: your own labels ------------------------------


@exercise(
    chapter="01",
    hints=(
        "What becomes of chromatin in mitosis? Which nuclei are compact, sharp-edged plates, rods or pairs, "
        "and which are only bright?",
        "Look near the left edge, at the pair of short bars at the top, and near the right edge at row 129.",
    ),
)
def mitotic_nuclei(my_mitoses):
    """Label the mitotic nuclei by eye and compare your labels with the course's."""
    from bioimage_course import data

    answer = call(my_mitoses)
    labels = np.asarray(data.load("nuclei").labels)
    known = set(np.unique(labels).tolist()) - {0}
    try:
        numbers = np.asarray([*answer], dtype=float) if not isinstance(answer, (str, dict)) else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None:
        raise Failure(f"Return a list of nucleus numbers such as [12, 40], but got {_short(answer)}.")
    if numbers.ndim != 1 or (numbers % 1 != 0).any():
        raise Failure(
            f"Return a flat list of whole nucleus numbers such as [12, 40], but got {_short(answer)}."
        )
    mine = set(numbers.astype(int).tolist())
    if not mine:
        raise Failure(
            "The list is empty, but there are dividing cells in this image: look for compact, bright shapes."
        )
    if mine - known:
        raise Failure(
            f"There is no nucleus number {min(mine - known)} in this image: use the numbers in the figure."
        )
    if len(mine) > len(known) // 3:
        raise Failure(
            f"You marked {len(mine)} of {len(known)} nuclei; in a growing culture only a few percent divide."
        )
    ours = {int(labels[row, column]) for row, column in MITOSES}
    both = mine & ours
    if len(both) < len(ours) / 2:
        raise Failure(
            f"You agree with us on {len(both)} of our {len(ours)} mitotic nuclei. Look again for plates, "
            f"rods and pairs with a sharp edge, nucleus {min(ours - mine)} for instance."
        )
    agreement = len(both) / len(mine | ours)
    only_mine, only_ours = sorted(mine - ours), sorted(ours - mine)
    return (
        f"Agreement {agreement:.0%}: {len(both)} nuclei in common, only yours {only_mine or 'none'}, only "
        f"ours {only_ours or 'none'}. Where people differ, the truth itself has errors."
    )
