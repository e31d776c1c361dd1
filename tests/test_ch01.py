"""Chapter 1: the exercises tell right answers, usual mistakes and untouched starters apart."""

import itertools

import numpy as np
import pytest

from bioimage_course import check, data, nets
from bioimage_course.check.exercises import ch01
from bioimage_course.errors import InputError
from exercise_cells import Chapter, failure


def neuron(x, w, b):
    return (np.asarray(x) @ np.asarray(w) + b >= 0).astype(int)


CHAPTER = Chapter("01-perceptrons")


RIGHT_GATES = {"AND": ([1, 1], -1.5), "OR": ([1, 1], -0.5), "NAND": ([-1, -1], 1.5)}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"AND": ([1, 1], -1)}, "only above zero"),
        ({"OR": ([1, 1], 0)}, "only above zero"),
        ({"AND": ([1, 1], 0)}, "has the bias 0"),
        ({"AND": ([1, 1], 1.5)}, "sign of the bias is flipped"),
        ({"AND": ([1, 1], -0.5)}, "gives OR"),
        ({"NAND": ([1, 1], -1.5)}, "gives AND"),
        ({"AND": (1, 1, -1.5)}, "put the two weights into a list"),
        ({"AND": ([1, 1, 1], -1.5)}, "shape (3,), expected (2,)"),
        ({"AND": ([1, 1], [-1.5, 0])}, "one number"),
    ],
)
def test_wrong_gates(wrong, sentence):
    assert sentence in failure("logic_gates", lambda: RIGHT_GATES | wrong)


def test_missing_gate():
    assert '"NAND"' in failure("logic_gates", lambda: {k: RIGHT_GATES[k] for k in ("AND", "OR")})


def search(weights, biases, fires=lambda z: z >= 0, swap=False):
    """A solution of exercise 2 with its own ideas of what to try."""

    def find_weights(wanted):
        for w1, w2, b in itertools.product(weights, weights, biases):
            inputs = ch01.INPUTS[:, ::-1] if swap else ch01.INPUTS
            if tuple(fires(inputs @ [w1, w2] + b).astype(int).tolist()) == wanted:
                return [w1, w2], b
        return None

    return find_weights


ALL_BIASES = (-1.5, -0.5, 0.5, 1.5)


@pytest.mark.parametrize(
    ("find_weights", "sentence"),
    [
        (search((0, 1), ALL_BIASES), "be negative as well"),
        (search((-1, 0, 1), (-0.6, 0.6)), "try more values"),
        (search((-1, 0, 1), (-1, 0, 1, 2), fires=lambda z: z > 0), "only above zero"),
        (search((-1, 0, 1), ALL_BIASES, swap=True), "inputs swapped"),
        (lambda wanted: ([1, 1], -0.5), "should give (0, 0, 0, 0)"),
        (lambda wanted: search((-1, 0, 1), ALL_BIASES)(wanted) or ([1, 1], -0.5), "return None"),
        (
            lambda wanted: search((-1, 0, 1), ALL_BIASES)(wanted) if 0 < sum(wanted) < 4 else None,
            "“always 0” and “always 1”",
        ),
    ],
)
def test_wrong_searches(find_weights, sentence):
    assert sentence in failure("boolean_functions", find_weights)


def test_exactly_fourteen_functions_have_weights():
    """By exhaustive search over a fine grid, independent of the exercise's claim."""
    grid = np.array(
        list(itertools.product(np.linspace(-2, 2, 9), np.linspace(-2, 2, 9), np.linspace(-2.25, 2.25, 10)))
    )
    outputs = ch01.INPUTS @ grid[:, :2].T + grid[:, 2] >= 0
    found = {tuple(column) for column in outputs.T.astype(int).tolist()}
    assert set(itertools.product((0, 1), repeat=4)) - found == {ch01.GATES["XOR"], ch01.GATES["XNOR"]}


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ({"sign": -1}, "wrong sign"),
        ({"learn_bias": False}, "bias never changes"),
        ({"strict": True}, "only above zero"),
        ({"whole_passes": True}, "end of a pass"),
        ({"low": -1}, "−1 or +1"),
    ],
)
def test_wrong_rules(mistake, sentence):
    assert sentence in failure("perceptron_rule", lambda X, y, n: ch01._rule(X, y, n, **mistake)[:3])


def right_rule(X, y, n):
    return ch01._rule(X, y, n)[:3]


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (lambda X, y, n: right_rule(X, y, 1), "stop after one pass"),
        (lambda X, y, n: (*right_rule(X, y, n)[:2], ch01._rule(X, y, n)[3]), "you seem to count passes"),
        (lambda X, y, n: (*right_rule(X, y, n)[:2], 7), "count the mistakes"),
        (lambda X, y, n: (np.zeros(3), 0, 0), "still zero"),
        (lambda X, y, n: right_rule(X, y, n)[:2], "three things"),
        (lambda X, y, n: (np.zeros((3, 1)), 0, 0), "shape (3, 1)"),
        (lambda X, y, n: right_rule(X[::-1], y[::-1], n), "in the given order"),
        (lambda X, y, n: (np.array([np.nan, 0, 0]), 0, 0), "NaN"),
    ],
)
def test_wrong_answers_to_the_rule(train, sentence):
    assert sentence in failure("perceptron_rule", train)


def test_learning_rate_is_accepted():
    def train(X, y, n):
        w, b, updates = right_rule(X, y, n)
        return 0.1 * w, 0.1 * b, updates

    assert check.perceptron_rule.verdict(train).passed


RIGHT_XOR = ([[1, 1], [-1, -1]], [-0.5, 1.5], [1, 1], -1.5)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (([[1, 1], [1, 1]], [-0.5, -0.5], [1, 1], -1.5), "second adds nothing"),
        (([[1, -1], [1, -1]], [-0.5, 1.5], [1, 1], -1.5), "transposed"),
        (([[1, 1], [-1, -1]], [0, 2], [1, 1], -1), "only above zero"),
        (([[1, 1], [-1, -1]], [-0.5, 1.5], [1, 1], -0.5), "hidden neurons compute OR (0, 1, 1, 1) and NAND"),
        (([1, 1], [-0.5, 1.5], [1, 1], -1.5), "shape (2,), expected (2, 2)"),
        (([[1, 1], [-1, -1]], -0.5, [1, 1], -1.5), "hidden biases"),
        ((1, 2, 3), "four things"),
    ],
)
def test_wrong_xor(wrong, sentence):
    assert sentence in failure("xor_network", lambda: wrong)


def test_other_xor_networks_pass():
    and_not = ([[1, -1], [-1, 1]], [-0.5, -0.5], [1, 1], -0.5)  # (A and not B) or (B and not A)
    assert check.xor_network.verdict(lambda: and_not).passed
    assert check.xor_network.verdict(lambda: tuple(map(np.array, RIGHT_XOR))).passed


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([], "list is empty"),
        ([9999], "no nucleus number 9999"),
        ([0, 130], "no nucleus number 0"),
        ([1.5], "whole nucleus numbers"),
        ([1, 6], "agree with us on 0 of our 8"),
        ([[130, 81]], "whole nucleus numbers"),
        ("130", "list of nucleus numbers"),
    ],
)
def test_wrong_labels(numbers, sentence):
    assert sentence in failure("mitotic_nuclei", lambda: numbers)


def test_far_too_many_labels():
    everything = np.unique(data.load("nuclei").labels)[1:]
    assert "You marked 125 of 125" in failure("mitotic_nuclei", lambda: everything)


def test_agreement_is_reported():
    ours = [int(data.load("nuclei").labels[point]) for point in ch01.MITOSES]
    assert len(set(ours)) == 8
    assert "Agreement 100%" in check.mitotic_nuclei.verdict(lambda: set(ours)).message
    message = check.mitotic_nuclei.verdict(lambda: [*ours[1:], 7]).message
    assert "only yours [7]" in message and f"only ours [{ours[0]}]" in message


def test_notebook_and_check_use_the_same_labels():
    assert str(list(ch01.MITOSES)) in CHAPTER.path.read_text(encoding="utf-8")


# --- the course's own rule ------------------------------


def test_course_rule_agrees_with_the_check():
    run = nets.perceptron_rule(ch01._NUCLEI, ch01._MITOTIC, 5000)
    weights, bias, updates, passes = ch01._rule(ch01._NUCLEI, ch01._MITOTIC, 5000)
    np.testing.assert_allclose(run.weights, weights, rtol=1e-9)
    assert run.bias == pytest.approx(bias, rel=1e-9)
    assert (run.updates, run.passes, run.converged) == (updates, passes, True)
    assert np.array_equal(run.predict(ch01._NUCLEI), ch01._MITOTIC)


def test_course_rule_by_hand():
    """AND, row by row: the updates worked out with pencil and paper."""
    run = nets.perceptron_rule([(0, 0), (0, 1), (1, 0), (1, 1)], [0, 0, 0, 1], max_passes=2)
    # Pass 1: 00 fires (z=0): b=-1. 01, 10 stay quiet. 11 is missed: w=(1,1), b=0.
    # Pass 2: 00 fires: b=-1. 01 fires (1-1=0): w=(1,0), b=-2. 10 quiet. 11 missed: w=(2,1), b=-1.
    assert run.weights.tolist() == [2, 1] and run.bias == -1 and run.mistakes == (2, 3)


def test_course_rule_never_converges_on_xor():
    run = nets.perceptron_rule([(0, 0), (0, 1), (1, 0), (1, 1)], [0, 1, 1, 0], max_passes=50)
    assert not run.converged and run.passes == 50


@pytest.mark.parametrize(
    ("features", "truth", "passes", "words"),
    [
        ([[1.0], [2.0]], [0], 10, "shapes are"),
        ([1.0, 2.0], [0, 1], 10, "shapes are"),
        (np.zeros((0, 2)), [], 10, "non-empty"),
        ([[1.0], [np.nan]], [0, 1], 10, "NaN"),
        ([[1.0], [2.0]], [-1, 1], 10, "must be 0 or 1"),
        ([["a"], ["b"]], [0, 1], 10, "table of numbers"),
        ([[1.0], [2.0]], [0, 1], 0, "max_passes"),
    ],
)
def test_course_rule_refuses_bad_input(features, truth, passes, words):
    with pytest.raises(InputError, match=words):
        nets.perceptron_rule(features, truth, passes)


# --- an honest report ------------------------------


def report(learn, features, truth, new_features, new_truth):
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    answer = learn((features - mean) / deviation, truth).predict((new_features - mean) / deviation)
    return ch01._reported(answer, new_truth)


def report_with_sklearn(learn, features, truth, new_features, new_truth):
    """The other ways: a scaler, torch, lists, a loop."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    answer = learn(scaler.transform(features).tolist(), truth.tolist()).predict(
        scaler.transform(new_features)
    )
    pairs = list(zip(answer.tolist(), new_truth.tolist(), strict=True))
    found = sum(a == 1 and t == 1 for a, t in pairs)
    alarms = sum(a == 1 and t == 0 for a, t in pairs)
    return [found, alarms, sum(a == t for a, t in pairs) / len(pairs), np.float32(1 - new_truth.mean())]


def report_with_torch(learn, features, truth, new_features, new_truth):
    import torch

    table, new = torch.tensor(features), torch.tensor(new_features)
    mean, deviation = table.mean(0), table.std(0)  # divides by n - 1
    run = learn(((table - mean) / deviation).numpy(), truth)
    return tuple(ch01._reported(run.predict(((new - mean) / deviation).numpy()), new_truth).tolist())


@pytest.mark.parametrize("right", [report, report_with_sklearn, report_with_torch])
def test_right_reports(right):
    verdict = check.honest_report.verdict(right)
    assert verdict.passed, verdict.message


def standardised_by(choose):
    """A report in which `choose(features, new)` gives the two tables as the classifier sees them."""

    def wrong(learn, features, truth, new_features, new_truth):
        first, second = choose(features, new_features)
        return ch01._reported(learn(first, truth).predict(second), new_truth)

    return wrong


def learnt_from_the_judge(learn, features, truth, new_features, new_truth):
    second = ch01._standard(new_features, features)
    return ch01._reported(learn(second, new_truth).predict(second), new_truth)


def changed(place, change):
    """The right report with one number replaced."""

    def wrong(learn, features, truth, new_features, new_truth):
        numbers = list(report(learn, features, truth, new_features, new_truth))
        numbers[place] = change(numbers, truth, new_truth)
        return numbers

    return wrong


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (standardised_by(lambda a, b: (a, b)), "raw features"),
        (standardised_by(lambda a, b: (ch01._standard(a, a), ch01._standard(b, b))), "its own mean"),
        (standardised_by(lambda a, b: (ch01._standard(a, a), b)), "predict raw ones"),
        (
            standardised_by(
                lambda a, b: (ch01._standard(a, np.vstack([a, b])), ch01._standard(b, np.vstack([a, b])))
            ),
            "both tables together",
        ),
        (learnt_from_the_judge, "the table that you judge by"),
        (changed(0, lambda n, t, new: new.sum() - n[0]), "that were missed"),
        (changed(0, lambda n, t, new: n[0] + n[1]), "called mitotic"),
        (changed(1, lambda n, t, new: new.sum() - n[0]), "missed mitoses"),
        (changed(1, lambda n, t, new: 0), "false alarms is 0"),
        (changed(2, lambda n, t, new: 100 * n[2]), "per cent"),
        (changed(2, lambda n, t, new: n[0] / new.sum()), "share of right answers is"),
        (changed(3, lambda n, t, new: new.mean()), "0, not 1"),
        (changed(3, lambda n, t, new: np.mean(t == 0)), "second table"),
        (changed(3, lambda n, t, new: (new == 0).sum()), "not the number"),
        (changed(3, lambda n, t, new: 0.5), "for which share"),
        (lambda *tables: report(*tables)[:3], "four numbers"),
    ],
)
def test_wrong_reports(wrong, sentence):
    assert sentence in failure("honest_report", wrong)


def test_mistakes_in_the_report_give_different_numbers():
    for seed in (104, 110):
        right, mistakes = ch01._reports(*ch01._two_days(seed))
        seen = [tuple(numbers[:3].round(6)) for numbers in mistakes.values()]
        assert len(set(seen)) == len(seen)
        for numbers in right:
            assert tuple(numbers[:3].round(6)) not in seen and numbers[1] > 0


# --- what the chapter says of its data ------------------------------


def test_the_explorable_says_that_its_nuclei_are_simulated():
    """By area and roundness no line separates the real nuclei; those of the explorable are simulated."""
    from bioimage_course.explore.explorables import SCRIPTS

    script = (SCRIPTS / "perceptron-explorer.js").read_text(encoding="utf-8")
    assert script.count('label: "Simulated nuclei') == 2 and 'label: "Nuclei' not in script


def test_the_drawn_network_has_as_many_numbers_as_the_caption_says():
    network = nets.MLP([2, 4, 1])
    weights = sum(p.numel() for p in network.parameters() if p.ndim == 2)
    biases = sum(p.numel() for p in network.parameters() if p.ndim == 1)
    (cell,) = [c.text for c in CHAPTER.cells if "label: fig-network" in c.text]
    assert (weights, biases) == (12, 5) and "twelve weights and five biases" in cell and "bias:+.1f" in cell


def test_one_number_separates_the_classes_and_two_others_do_not():
    """Mean intensity alone has a gap; by area and roundness a linear program finds no line."""
    from scipy.optimize import linprog
    from skimage.measure import regionprops_table

    nuclei = data.load("nuclei")
    wanted = ("label", "area", "intensity_mean", "perimeter")
    table = regionprops_table(nuclei.labels, nuclei.image, properties=wanted)
    mitotic = np.isin(table["label"], [nuclei.labels[point] for point in ch01.MITOSES])
    intensity = table["intensity_mean"]
    assert intensity[mitotic].min() - intensity[~mitotic].max() > 40
    roundness = 4 * np.pi * table["area"] / table["perimeter"] ** 2
    examples = np.column_stack([table["area"] / 100, roundness, np.ones(len(roundness))])
    signed = examples * np.where(mitotic, 1, -1)[:, None]
    assert linprog(np.zeros(3), A_ub=-signed, b_ub=-np.ones(len(signed)), bounds=(None, None)).status == 2
