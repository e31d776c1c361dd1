"""Exercises of chapter 5, overfitting and validation."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
    expect_parts,
)

# --- (a) a split by field ------------------------------


def _indices(value, count, what):
    """Indices of crops; a mask of the right length is accepted as well."""
    array = expect_array(value, shape=(None,), what=what)
    if array.dtype == bool and len(array) == count:
        return np.flatnonzero(array)
    if array.size and (array % 1 != 0).any():
        raise Failure(f"{what} must hold whole numbers, the indices of crops.")
    array = array.astype(int)
    if array.size and (array.min() < 0 or array.max() >= count):
        raise Failure(f"{what} holds {array.max()}, but the {count} crops have the indices 0 to {count - 1}.")
    return array


@exercise(
    chapter="05",
    hints=(
        "What should chance draw here, crops or something larger?",
        "Draw fields, not crops: shuffle np.unique(fields) with np.random.default_rng(seed).permutation(…) "
        "and cut the shuffled list into three parts.",
        "With `test_fields` in hand, the crops of the test set are np.flatnonzero(np.isin(fields, "
        "test_fields)).",
    ),
)
def split_by_field(split):
    """Divide crops into training, validation and test set so that no field is in two of them."""
    expect_callable(split)
    rng = np.random.default_rng(0)
    # Fields of unequal size, in no order, with numbers that are not 0, 1, 2 …
    fields = rng.permutation(np.repeat(np.arange(10) * 3 + 2, np.arange(10) + 3))
    answers = []
    for seed in (0, 0, 1, 2, 3):
        answer = call(split, fields, seed, pure=True)
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            raise Failure("Return three things: the indices of the training, validation and test crops.")
        names = ("training", "validation", "test")
        parts = [
            _indices(part, len(fields), f"the list of {name} crops")
            for part, name in zip(answer, names, strict=True)
        ]
        _judge_split(parts, names, fields)
        answers.append(tuple(tuple(sorted(part.tolist())) for part in parts))
    if answers[0] != answers[1]:
        raise Failure("Called twice with the same seed it gives two splits: use np.random.default_rng(seed).")
    if len(set(answers)) == 1:
        raise Failure(
            "The split is the same for every seed: shuffle the fields first, or those that were recorded "
            "last, perhaps when the lamp was old, always end up in the test set."
        )
    return "No field is in two sets. Whatever the network remembers of a field cannot help it in the test."


def _judge_split(parts, names, fields):
    crops = np.concatenate(parts)
    if len(crops) <= 10 and set(crops.tolist()) <= set(fields.tolist()):
        raise Failure(
            "You return the numbers of fields; wanted are the indices of all crops that belong to them."
        )
    for first, second in ((0, 1), (0, 2), (1, 2)):
        both = set(parts[first].tolist()) & set(parts[second].tolist())
        if both:
            raise Failure(f"Crop {min(both)} is in the {names[first]} and in the {names[second]} set.")
        shared = set(fields[parts[first]].tolist()) & set(fields[parts[second]].tolist())
        if shared:
            raise Failure(
                f"Field {min(shared)} has crops in the {names[first]} and in the {names[second]} set: draw "
                "whole fields, not crops."
            )
    if len(crops) != len(fields):
        raise Failure(
            f"There are {len(fields)} crops, but your three sets hold {len(crops)}: every crop belongs to "
            "one."
        )
    counts = [len(np.unique(fields[part])) for part in parts]
    if counts != [6, 2, 2]:
        raise Failure(
            "Of ten fields, six should be for training, two for validation and two for testing, but yours "
            f"are {counts[0]}, {counts[1]} and {counts[2]}."
        )


# --- (b) the optimism of a split by crop ------------------------------


@exercise(
    chapter="05",
    hints=(
        "Which two splits does score have to see for each seed, and which of the two results is too good?",
        "ShuffleSplit(1, test_size=1/3, random_state=seed).split(fields) gives one pair (training, test) "
        "of crops; GroupShuffleSplit does the same with whole groups if you call .split(fields, "
        "groups=fields).",
        "training, test = next(….split(…)) takes the pair; the optimism is score of the first split minus "
        "score of the second, for each seed.",
    ),
)
def optimism(measure):
    """Measure by how much a split by crop flatters, for several seeds."""
    expect_callable(measure)
    fields = np.repeat(np.arange(9), 8)
    seeds, calls = [3, 4, 5], []

    def score(training, test, seed):
        training = _indices(training, len(fields), "the list of training crops given to score")
        test = _indices(test, len(fields), "the list of test crops given to score")
        if set(training.tolist()) & set(test.tolist()):
            raise Failure("You gave score some crops for training and for testing at the same time.")
        if not 20 <= len(test) <= 28 or len(training) < 40:
            raise Failure(
                f"A third of the {len(fields)} crops should be tested, the others trained on, but you gave "
                f"score {len(training)} for training and {len(test)} for testing."
            )
        leaks = bool(set(fields[training].tolist()) & set(fields[test].tolist()))
        seed = expect_number(seed, integer=True, what="the seed given to score")
        calls.append((leaks, seed, tuple(sorted(test.tolist()))))
        return (0.95 if leaks else 0.6) + 0.01 * seed * (1 if leaks else -1)

    call(measure, score, fields, seeds)
    first_time = calls.copy()
    calls.clear()
    answer = call(measure, score, fields, seeds)
    leaking, clean = ([c for c in calls if c[0] == kind] for kind in (True, False))
    if len(leaking) < 3 or len(clean) < 3:
        raise Failure(
            "For three seeds score should be called three times with whole fields in one set and three "
            f"times with fields in both sets, but it was called {len(clean)} and {len(leaking)} times."
        )
    if {c[1] for c in calls} != set(seeds):
        raise Failure("Hand each seed to score as well: the network's first weights depend on it.")
    if len({c[2] for c in leaking}) == 1 or len({c[2] for c in clean}) == 1:
        raise Failure("The split is the same for every seed: give the splitter random_state=seed.")
    if sorted(calls) != sorted(first_time):
        raise Failure("Called twice it splits in two ways: give both splitters random_state=seed.")
    right = np.array([0.35 + 0.02 * seed for seed in seeds])
    array = expect_array(
        answer,
        what="the list of optimisms",
        mistakes={
            "The sign is the wrong way round: the split by crop comes first, minus the split by "
            "field.": -right,
            "You return the mean; return one number a seed, so that one sees the scatter.": right.mean(),
        },
    )
    expect_array(array, close_to=right, what="the list of optimisms")
    return "Same crops, same method, another split: the difference is not performance, it is leakage."


# --- (c) six pairs of curves ------------------------------

CURVES = {
    "A": "dropout",
    "B": "overfitting",
    "C": "leakage",
    "D": "good fit",
    "E": "learning rate too high",
    "F": "underfitting",
}
"""Which behaviour the six panels of the notebook show."""

_LOOK = {
    "underfitting": "Both losses are high, close together and still falling: it could learn more.",
    "good fit": "Both losses are low, and new data are no worse than validation.",
    "overfitting": "The training loss goes on falling while validation and new fields rise together.",
    "leakage": "Validation says one thing and new fields another; who is right about new fields?",
    "learning rate too high": "A leap, then a standstill at 0.69 = ln 2, which is what guessing costs.",
    "dropout": "The training loss lies above both others all the way: when is the training made harder?",
}


@exercise(
    chapter="05",
    hints=(
        "In which panel do the dotted and the dashed curve part? In which one does training never do better "
        "than guessing?",
        "Start with the panel in which the dotted curve (new fields) goes away from the dashed one "
        "(validation): validation data that do not warn must have something in common with the training "
        "data.",
        "Guessing between two classes costs ln 2 = 0.69. Which network never gets below it, and which one "
        "is still on its way? In one panel training is harder than the exam.",
    ),
)
def read_curves(diagnoses):
    """Say what happened in six trainings from their curves."""
    answer = call(diagnoses)
    names = ", ".join(f'"{name}"' for name in _LOOK)
    if not isinstance(answer, dict):
        raise Failure('Return a dictionary such as {"A": "overfitting", "B": …}.')
    missing = [panel for panel in CURVES if panel not in answer]
    if missing:
        raise Failure(f"The dictionary says nothing about panel {missing[0]}: it needs A to F, in capitals.")
    given = {panel: answer[panel] for panel in CURVES}
    if all(value in (None, "", ...) for value in given.values()):
        raise NotImplementedError
    for panel, value in given.items():
        if not isinstance(value, str) or value.strip().lower() not in _LOOK:
            raise Failure(f"Panel {panel}: choose one of {names}.")
    given = {panel: value.strip().lower() for panel, value in given.items()}
    wrong = [panel for panel in CURVES if given[panel] != CURVES[panel]]
    if not wrong:
        return "All six. Many trainings that you will look at are one of these, or two at once."
    raise Failure(
        f"{6 - len(wrong)} of 6 are right. Look at panel {wrong[0]} again: {_LOOK[CURVES[wrong[0]]]}"
    )


# --- (d) six sick trainings ------------------------------

CONVICTED = {
    "A": ("wrong axes", {"look at the batch"}),
    "B": ("double softmax", {"eight crops"}),
    "C": ("shuffled labels", {"shuffled labels", "look at the batch"}),
    "D": ("no zero_grad", {"eight crops"}),
    "E": ("forgotten eval", {"ask twice"}),
    "F": ("rate too high", {"learning-rate range"}),
}
"""The sickness of each patient, and the tests that convict it."""

TESTS = (
    "loss at the start",
    "look at the batch",
    "eight crops",
    "learning-rate range",
    "shuffled labels",
    "ask twice",
)
"""The tests of the first ten minutes."""

_SYMPTOMS = {
    "wrong axes": "The network sees no nucleus at all.",
    "double softmax": "A curve comes to rest on a floor above zero, however long one waits.",
    "shuffled labels": "What it learns by heart is worth nothing: true labels are no better than drawn ones.",
    "no zero_grad": "At a rate that the range test allows, the loss is nevertheless thrown about.",
    "forgotten eval": "The same question gets two answers.",
    "rate too high": "The dashed line stands beyond the cliff.",
}
_PASSED = {
    "loss at the start": "All six begin near 0.69, like the healthy script: this test convicts none of them.",
    "eight crops": "several patients fail this test for different reasons; one test names the cause.",
}


def _conviction(value, panel):
    """Sickness and test, in small letters."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(v, str) for v in value):
        raise Failure(f'Patient {panel}: give a pair, such as ("forgotten eval", "eight crops").')
    sickness, test = (part.strip().lower() for part in value)
    for given, known, what in ((sickness, tuple(_SYMPTOMS), "sicknesses"), (test, TESTS, "tests")):
        if given not in known:
            raise Failure(f"Patient {panel}: {given!r} is none of the {what} {', '.join(known)}.")
    return sickness, test


@exercise(
    chapter="05",
    hints=(
        "In which panel does a patient's chart differ from the healthy one above it, and in which panels do "
        "two patients fail in the same way?",
        "Begin with what only one patient has: a batch without nuclei, two numbers that differ, a dashed "
        "line in the wrong place.",
        "Three patients fail on eight crops. One comes to rest at ln(1 + 1/e) = 0.31; of the two that are "
        "thrown about, one has a learning rate that its range test allows.",
    ),
)
def sick_trainings(convictions):
    """Name the sickness of six training scripts, and the test that convicts each."""
    answer = call(convictions)
    if not isinstance(answer, dict) or not set(CONVICTED) <= set(answer):
        raise Failure('Return a dictionary with a pair for each patient A to F: {"A": ("…", "…"), …}.')
    if any(answer[panel] in (("", ""), ("sickness", "test")) for panel in CONVICTED):
        raise NotImplementedError
    given = {panel: _conviction(answer[panel], panel) for panel in CONVICTED}
    wrong = [panel for panel, (sickness, _) in CONVICTED.items() if given[panel][0] != sickness]
    if wrong:
        raise Failure(
            f"{6 - len(wrong)} of 6 sicknesses are right. Look at patient {wrong[0]} again: "
            f"{_SYMPTOMS[CONVICTED[wrong[0]][0]]}"
        )
    for panel, (sickness, tests) in CONVICTED.items():
        test = given[panel][1]
        if test not in tests:
            reason = _PASSED.get(
                test, "a healthy script would look the same in this test, or fail for another reason."
            )
            raise Failure(
                f"Patient {panel} is sick as you say ({sickness}), but by {test!r} it is not shown: {reason}"
            )
    return "Six diagnoses, each with its proof. Now you know what to try before you wait for a night."


# --- (e) early stopping ------------------------------


def _stop(losses, patience, *, ties=False, reset=True, late=0, previous=False):
    """Early stopping with the usual mistakes built in; returns (best epoch, last epoch)."""
    best, best_epoch, waited, epoch = np.inf, 0, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best or (ties and loss == best):
            best, best_epoch, waited = loss, epoch, 0 if reset else waited
        elif previous and loss < losses[epoch - 2]:
            waited = 0
        else:
            waited += 1
        if waited >= patience + late:
            break
    return best_epoch, epoch


_RUNS = (
    ([0.9, 0.7, 0.5, 0.6, 0.65, 0.7, 0.4], 3),  # ends before the second descent
    ([0.9, 0.7, 0.8, 0.6, 0.7, 0.5, 0.6, 0.55, 0.52], 3),  # rises in between
    ([0.9, 0.8, 0.7, 0.6], 2),  # never stops
    ([0.5, 0.6, 0.7, 0.8], 1),  # best in the first epoch
    ([0.8, 0.6, 0.6, 0.6, 0.6], 3),  # ties are no improvement
    ([0.5, 0.7, 0.66, 0.62, 0.58, 0.54], 3),  # falls from epoch to epoch, but is never below the best
)


@exercise(
    chapter="05",
    hints=(
        "What must you remember from one epoch to the next, to know whether patience has run out?",
        "Keep three things: the lowest loss so far, its epoch, and how many epochs have passed since.",
        "`epoch - best_epoch >= patience` is the moment to stop; enumerate(losses, start=1) counts epochs "
        "from 1.",
    ),
)
def early_stopping(stop):
    """Write early stopping with patience."""
    expect_callable(stop)
    answers = []
    for losses, patience in _RUNS:
        answer = expect_parts(
            call(stop, losses, patience), 2, "two numbers: the best epoch and the last one that was run"
        )
        answers.append(
            (
                expect_number(answer[0], integer=True, what="the best epoch"),
                expect_number(answer[1], integer=True, what="the last epoch"),
            )
        )
    right = [_stop(*run) for run in _RUNS]
    if answers == right:
        return (
            "That is all early stopping is. In the first run it never saw the 0.4 that would have come: "
            "patience is a bet."
        )
    if answers == [(b - 1, e - 1) for b, e in right]:
        raise Failure("You count epochs from 0; the first epoch is 1 (enumerate(losses, start=1)).")
    if answers == [(e, e) for _, e in right]:
        raise Failure("You return the last epoch twice; the best one came before, where the loss was lowest.")
    if answers == [(e, b) for b, e in right]:
        raise Failure("The two numbers are swapped: first the best epoch, then the last one.")
    for mistake, sentence in (
        (
            {"reset": False},
            "The waiting must begin anew at every new minimum: count the epochs since the best one.",
        ),
        (
            {"late": 1},
            "You wait one epoch too long: with patience 3, stop after the third epoch without a new minimum.",
        ),
        (
            {"late": -1},
            "You stop one epoch too early: with patience 3, three epochs without a new minimum may pass.",
        ),
        (
            {"previous": True},
            "You compare with the epoch before: a loss that falls, but is still above the lowest one, is no "
            "new minimum.",
        ),
        ({"ties": True}, "An equal loss is no improvement: only a lower one (<) is a new minimum."),
    ):
        if answers == [_stop(*run, **mistake) for run in _RUNS]:
            raise Failure(sentence)
    unstopped = [int(np.argmin(losses)) + 1 for losses, _ in _RUNS]
    if [best for best, _ in answers] == unstopped:
        raise Failure(
            "You look at losses that a stopped training never sees: in the first run the best epoch is 3, "
            "because training ends after epoch 6."
        )
    number = next(i for i, pair in enumerate(zip(answers, right, strict=True)) if pair[0] != pair[1])
    (losses, patience), got, wanted = _RUNS[number], answers[number], right[number]
    raise Failure(
        f"For losses {losses} and patience {patience} the best epoch is {wanted[0]} and the last "
        f"{wanted[1]}, but you return {got[0]} and {got[1]}."
    )


# --- (f) which remedies help ------------------------------

_NONE = [0.80, 0.71, 0.85, 0.76, 0.90, 0.68, 0.83, 0.78]
_CHANGES = {  # per seed: what is added to _NONE
    "small but steady": [0.012, 0.009, 0.015, 0.008, 0.011, 0.013, 0.010, 0.014],
    # Its mean is a little smaller than the standard deviation, and 2.5 times the standard error.
    "better in six of eight": [0.03, 0.025, 0.034, 0.028, -0.02, 0.031, -0.006, 0.02],
    "one lucky seed": [0.00, 0.15, -0.005, 0.004, -0.01, 0.006, -0.003, 0.002],
    "harmful": [-0.02, -0.025, -0.018, -0.022, -0.03, -0.021, -0.019, -0.024],
    "one disaster": [0.02, 0.025, 0.015, 0.02, 0.022, 0.018, 0.021, -0.11],
}


def _reads_as(names, given):
    return sorted(given) == sorted(names)


@exercise(
    chapter="05",
    hints=(
        "What do a remedy's score and the score without it have in common, if they have the same seed? How "
        "do you take it out?",
        "For each remedy: subtract seed by seed, then ask whether the interval of these differences lies "
        "above zero. metrics.paired_difference(scores, none) has .low and .high.",
    ),
)
def which_help(function):
    """Name the remedies of which the seeds show that they help."""
    expect_callable(function)
    for order in (slice(None), slice(None, None, -1)):
        changes = dict(list(_CHANGES.items())[order])
        remedies = {name: np.round(np.add(_NONE, change), 4).tolist() for name, change in changes.items()} | {
            "twice the images": [round(score + 0.02 + 0.001 * i, 4) for i, score in enumerate(_NONE)]
        }
        answer = call(function, list(_NONE), remedies, pure=True)
        if answer is None:
            raise Failure("Your function returns None; did you forget `return`?")
        if isinstance(answer, dict):
            answer = [name for name, helps in answer.items() if helps]
        given = [answer] if isinstance(answer, str) else list(answer)
        unknown = [name for name in given if name not in remedies]
        if unknown:
            raise Failure(f"Return names of remedies; {unknown[0]!r} is none.")
        wanted = ["small but steady", "better in six of eight", "twice the images"]
        if _reads_as(wanted, given):
            continue
        raise Failure(_why_wrong(set(given), set(wanted), remedies))
    return "Three of six: small and steady counts, large and lucky does not."


def _why_wrong(given, wanted, remedies):
    """One sentence about a wrong set of names."""
    if "harmful" in given and wanted <= given:
        return (
            "You name one that makes all seeds worse: the interval must lie above zero, not just beside it."
        )
    if given == {name for name, scores in remedies.items() if np.mean(scores) > np.mean(_NONE)}:
        return "You compare means only: one of these owes its gain to a single lucky seed."
    if "one lucky seed" in given:
        return "One of yours owes its gain to a single lucky seed; its interval holds zero."
    if "one disaster" in given:
        return (
            "One of yours is better in seven seeds and loses in the eighth what it gained: do not count "
            "seeds, the interval of the differences holds zero."
        )
    if given == wanted - {"better in six of eight"}:
        return (
            "Not every seed must be better: the interval of the mean difference decides, and it is narrower "
            "than the scatter of the seeds (standard deviation / √n)."
        )
    if given < wanted:
        return (
            "You miss gains that are steady. Are your intervals those of the differences, seed by seed, and "
            "not those of the scores?"
        )
    extra = sorted(given - wanted)
    return f"{extra[0]!r} does not help by the interval of its paired differences."


# --- (g) a search space ------------------------------


@exercise(
    chapter="05",
    hints=(
        "Which of the three is a whole number, and for which one are 0.0001 and 0.001 as far apart as 0.001 "
        "and 0.01?",
        'A number between two bounds is trial.suggest_float("name", low, high); with log=True each power of '
        "ten gets the same share.",
        'Whole numbers come from trial.suggest_int("width", 2, 16), shares from '
        'trial.suggest_float("dropout", 0, 0.8).',
    ),
)
def search_space(suggest):
    """Tell Optuna which hyperparameters to try."""
    expect_callable(suggest)
    try:
        import optuna
    except ModuleNotFoundError:
        raise Failure("Optuna is not installed here: pip install optuna.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    answer = call(suggest, trial)
    if not isinstance(answer, dict):
        raise Failure('Return a dictionary such as {"learning_rate": …, "dropout": …, "width": …}.')
    ranges = trial.distributions
    for name in ("learning_rate", "dropout", "width"):
        if name not in answer:
            raise Failure(f'The dictionary has no "{name}".')
        if name not in ranges:
            raise Failure(f'"{name}" was not drawn by Optuna: use trial.suggest_…("{name}", low, high).')
        if answer[name] != trial.params[name]:
            raise Failure(f'Return for "{name}" what Optuna drew for "{name}".')
    rate, dropout, width = ranges["learning_rate"], ranges["dropout"], ranges["width"]
    floats, ints = optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution
    if not isinstance(rate, floats):
        raise Failure("The learning rate is any number between two bounds: use suggest_float.")
    if rate.low > 1e-4 or rate.high < 1e-2:
        raise Failure(
            f"The learning rate should go at least from 0.0001 to 0.01, but yours goes from {rate.low:g} to "
            f"{rate.high:g}."
        )
    if not rate.log:
        share = (1e-3 - rate.low) / (rate.high - rate.low)
        raise Failure(
            f"Drawn evenly between {rate.low:g} and {rate.high:g}, only {share:.0%} of all trials would "
            "have a learning rate below 0.001: draw it on a logarithmic scale (log=True)."
        )
    if not isinstance(dropout, floats) or dropout.low > 0 or not 0.3 <= dropout.high < 1:
        raise Failure("Dropout is a share: suggest_float from 0 to something from 0.3 to below 1.")
    if not isinstance(width, ints):
        raise Failure("The width is a whole number of feature maps: use suggest_int.")
    if width.low < 1 or width.high < 8:
        raise Failure("The width should go from 1 or more to 8 or more feature maps.")
    return "A search space: what may vary, from where to where, and on which scale."
