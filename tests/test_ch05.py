"""Chapter 5: the exercises, the training script's experiments, and that notebook and script agree."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from bioimage_course import check, data
from bioimage_course.check.exercises import ch05
from bioimage_course.materials import ch05 as clinic
from exercise_cells import Chapter, failure

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "src" / "bioimage_course" / "weights" / "overfitting" / "results.json"


CHAPTER = Chapter("05-overfitting")


# --- split by field ------------------------------


def by_field(fields, seed, shares=(0.6, 0.2)):
    order = np.random.default_rng(seed).permutation(np.unique(fields))
    a, b = round(shares[0] * len(order)), round((shares[0] + shares[1]) * len(order))
    return [np.flatnonzero(np.isin(fields, part)) for part in (order[:a], order[a:b], order[b:])]


def by_crop(fields, seed):
    order = np.random.default_rng(seed).permutation(len(fields))
    return np.split(order, [int(0.6 * len(order)), int(0.8 * len(order))])


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (by_crop, "draw whole fields, not crops"),
        (lambda fields, seed: by_field(fields, 0), "same for every seed"),
        (lambda fields, seed: by_field(fields, None), "two splits"),
        (lambda fields, seed: by_field(fields, seed)[:2], "three things"),
        (lambda fields, seed: by_field(fields, seed, (0.8, 0.1)), "yours are 8, 1 and 1"),
        (lambda fields, seed: [part[1:] for part in by_field(fields, seed)], "every crop belongs to one"),
        (lambda fields, seed: [part + 40 for part in by_field(fields, seed)], "have the indices 0 to 74"),
        (lambda fields, seed: [by_field(fields, seed)[0]] * 3, "is in the training and in the validation"),
        (lambda fields, seed: np.split(np.unique(fields), [6, 8]), "numbers of fields"),
        (lambda fields, seed: fields.sort(), "changes the array"),
    ],
)
def test_wrong_splits(split, sentence):
    assert sentence in failure("split_by_field", split)


def test_masks_are_accepted():
    def masks(fields, seed):
        return [np.isin(np.arange(len(fields)), part) for part in by_field(fields, seed)]

    assert check.split_by_field.verdict(masks).passed


# --- optimism ------------------------------


def measure(sign=1, seeded=True, mean=False, both=True, same=False):
    """Exercise 3 with the usual mistakes."""
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

    def optimism(score, fields, seeds):
        found = []
        for seed in seeds:
            state = {True: seed, False: 0, None: None}[seeded]
            crop = next(ShuffleSplit(1, test_size=1 / 3, random_state=state).split(fields))
            field = next(
                GroupShuffleSplit(1, test_size=1 / 3, random_state=state).split(fields, groups=fields)
            )
            first = score(*crop, seed) if both else 0
            found.append(sign * (first - score(*(crop if same else field), seed)))
        return np.mean(found) if mean else found

    return optimism


def test_measured_optimism():
    assert check.optimism.verdict(measure()).passed


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ({"sign": -1}, "sign is the wrong way round"),
        ({"seeded": False}, "same for every seed"),
        ({"seeded": None}, "Called twice it splits in two ways"),
        ({"mean": True}, "You return the mean"),
        ({"both": False}, "called 3 and 0 times"),
        ({"same": True}, "called 0 and 6 times"),
    ],
)
def test_wrong_optimism(mistake, sentence):
    assert sentence in failure("optimism", measure(**mistake))


def test_training_on_test_crops_is_refused():
    everything = np.arange(72)
    assert "at the same time" in failure(
        "optimism", lambda score, fields, seeds: score(everything, everything, 0)
    )
    assert "A third" in failure(
        "optimism", lambda score, fields, seeds: score(everything[:70], everything[70:], 0)
    )


# --- curves, early stopping, search space ------------------------------


def test_curves_one_by_one():
    for panel, right in ch05.CURVES.items():
        other = next(name for name in ch05._LOOK if name != right)
        message = failure("read_curves", lambda panel=panel, other=other: ch05.CURVES | {panel: other})
        assert "5 of 6" in message and f"panel {panel}" in message and ch05._LOOK[right] in message
    assert "panel F" in failure("read_curves", lambda: {k: v for k, v in ch05.CURVES.items() if k != "F"})
    assert "choose one of" in failure("read_curves", lambda: ch05.CURVES | {"A": "overfit"})
    assert check.read_curves.verdict(lambda: {k: v.upper() for k, v in ch05.CURVES.items()}).passed


def test_panels_of_the_notebook_are_those_of_the_check():
    order = re.search(r'"ABCDEF", \(([\d, ]+)\)', CHAPTER.path.read_text(encoding="utf-8"))[1]
    names = list(json.loads(RESULTS.read_text(encoding="utf-8"))["curves"])
    shown = [names[int(number)] for number in order.split(",")]
    assert [name.removesuffix(" only in training") for name in shown] == list(ch05.CURVES.values())


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        (lambda losses, patience: ch05._stop(losses, patience, reset=False), "begin anew"),
        (lambda losses, patience: ch05._stop(losses, patience, late=1), "one epoch too long"),
        (lambda losses, patience: ch05._stop(losses, patience, ties=True), "An equal loss"),
        (lambda losses, patience: ch05._stop(losses, patience, previous=True), "with the epoch before"),
        (lambda losses, patience: tuple(n - 1 for n in ch05._stop(losses, patience)), "count epochs from 0"),
        (lambda losses, patience: ch05._stop(losses, patience)[::-1], "swapped"),
        (lambda losses, patience: (ch05._stop(losses, patience)[1],) * 2, "last epoch twice"),
        (lambda losses, patience: (int(np.argmin(losses)) + 1, len(losses)), "never sees"),
        (lambda losses, patience: (1, 1), "For losses [0.9"),
        (lambda losses, patience: 3, "two numbers"),
    ],
)
def test_wrong_stopping(stop, sentence):
    assert sentence in failure("early_stopping", stop)


def test_early_stopping_agrees_with_the_training_loop():
    """The check's rule is that of nets.fit: feed it a network whose validation loss is prescribed."""
    import torch

    from bioimage_course import nets

    class Prescribed(torch.nn.Module):
        def __init__(self, losses):
            super().__init__()
            self.weight, self.losses, self.epoch = torch.nn.Parameter(torch.zeros(1)), losses, -1

        def forward(self, x):
            if self.training:
                self.epoch += 1
                return self.weight * x
            return 0 * self.weight + torch.tensor([[self.losses[self.epoch]]])

    batch = [(torch.ones(1, 1), torch.zeros(1, 1))]
    for losses, patience in ch05._RUNS:
        history = nets.fit(
            Prescribed(losses), batch, batch, loss=lambda p, t: p.mean(), epochs=len(losses),
            patience=patience, device="cpu", progress=False,
        )  # fmt: skip
        assert (history.best_epoch, history.epochs) == ch05._stop(losses, patience)


def helps(judge):
    return lambda none, remedies: [name for name, s in remedies.items() if judge(np.array(s), np.array(none))]


def t_interval(difference):
    half = 2.3646 * difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - half, difference.mean() + half


@pytest.mark.parametrize(
    "form", [list, tuple, set, lambda names: np.array(list(names)), lambda names: dict.fromkeys(names, True)]
)
def test_helpful_remedies_in_any_form(form):
    right = helps(lambda s, none: t_interval(s - none)[0] > 0)
    assert check.which_help.verdict(lambda none, remedies: form(right(none, remedies))).passed


def test_helpful_remedies_by_bootstrap():
    def bootstrap(s, none):
        drawn = np.random.default_rng(0).choice(s - none, (4000, len(s))).mean(axis=1)
        return np.quantile(drawn, 0.025) > 0

    assert check.which_help.verdict(helps(bootstrap)).passed


@pytest.mark.parametrize(
    ("judge", "sentence"),
    [
        (lambda s, none: s.mean() > none.mean(), "compare means only"),
        (lambda s, none: (s > none).all(), "Not every seed"),
        (lambda s, none: (s > none).sum() > 4, "do not count seeds"),
        (lambda s, none: (s > none).sum() > 6, "do not count seeds"),
        (lambda s, none: (s - none).mean() > (s - none).std(), "standard deviation / √n"),
        (lambda s, none: (s - none).mean() > 2 * (s - none).std(), "standard deviation / √n"),
        (lambda s, none: np.prod(t_interval(s - none)) > 0, "makes all seeds worse"),
        (lambda s, none: t_interval(s)[0] > t_interval(none)[1], "miss gains that are steady"),
        (lambda s, none: t_interval(none - s)[0] > 0, "'harmful' does not help"),
    ],
)
def test_wrongly_judged_remedies(judge, sentence):
    assert sentence in failure("which_help", helps(judge))


def test_remedies_that_do_not_exist():
    assert "is none" in failure("which_help", lambda none, remedies: ["sleep"])
    assert "None" in failure("which_help", lambda none, remedies: None)


def space(rate=(1e-4, 1e-1), log=True, drop=0.5, width="int", rename=False):
    def suggest(trial):
        answer = {
            "learning_rate": trial.suggest_float("learning_rate", *rate, log=log),
            "dropout": trial.suggest_float("dropout", 0, drop),
            "width": trial.suggest_int("width", 2, 16)
            if width == "int"
            else trial.suggest_float("width", 2, 16),
        }
        return answer | {"width": 8} if rename else answer

    return suggest


@pytest.mark.parametrize(
    ("suggest", "sentence"),
    [
        (space(log=False), "only 1% of all trials"),
        (space(rate=(1e-3, 1e-1)), "at least from 0.0001"),
        (space(drop=1.0), "Dropout is a share"),
        (space(width="float"), "use suggest_int"),
        (space(rename=True), 'what Optuna drew for "width"'),
        (lambda trial: {"learning_rate": 0.01, "dropout": 0, "width": 8}, "was not drawn by Optuna"),
        (lambda trial: {}, 'no "learning_rate"'),
    ],
)
def test_wrong_search_spaces(suggest, sentence):
    assert sentence in failure("search_space", suggest)


def test_right_search_space():
    assert check.search_space.verdict(space()).passed


# --- six sick trainings ------------------------------


def diagnoses(**changes):
    """The right answers, some of them changed."""
    right = {panel: (sickness, sorted(tests)[0]) for panel, (sickness, tests) in ch05.CONVICTED.items()}
    return lambda: right | changes


def test_every_accepted_conviction():
    for panel, (sickness, tests) in ch05.CONVICTED.items():
        for test in tests:
            assert check.sick_trainings.verdict(diagnoses(**{panel: (sickness.upper(), test)})).passed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"B": ("no zero_grad", "eight crops")}, "5 of 6 sicknesses are right. Look at patient B again"),
        ({"A": ("wrong axes", "loss at the start")}, "convicts none of them"),
        ({"F": ("rate too high", "eight crops")}, "several patients fail this test"),
        ({"E": ("forgotten eval", "learning-rate range")}, "by 'learning-rate range' it is not shown"),
        ({"A": ("flu", "ask twice")}, "'flu' is none of the sicknesses"),
        ({"A": ("wrong axes", "a look")}, "'a look' is none of the tests"),
        ({"A": "wrong axes"}, "Patient A: give a pair"),
    ],
)
def test_wrong_convictions(changes, sentence):
    assert sentence in failure("sick_trainings", diagnoses(**changes))


def test_missing_patients_and_untouched_pairs():
    assert "for each patient A to F" in failure("sick_trainings", lambda: {"A": ("wrong axes", "ask twice")})
    assert check.sick_trainings.verdict(diagnoses(C=("", ""))).status == "open"


@pytest.fixture(scope="module")
def foci():
    return data.synthetic.foci_crops(8, 12, seed=10)


def test_patients_are_those_of_the_check():
    names = {
        "wrong axes": "WrongAxes",
        "double softmax": "DoubleSoftmax",
        "shuffled labels": "ShuffledLabels",
        "no zero_grad": "NoZeroGrad",
        "forgotten eval": "ForgottenEval",
        "rate too high": "RateTooHigh",
    }
    told = {panel: names[sickness] for panel, (sickness, _) in ch05.CONVICTED.items()}
    assert {panel: type(patient).__name__ for panel, patient in clinic.PATIENTS.items()} == told


def test_all_patients_start_at_the_price_of_guessing(foci):
    for training in (clinic.Training(), *clinic.PATIENTS.values()):
        assert clinic.loss_at_start(training, foci) == pytest.approx(np.log(2), abs=0.1)


def test_eight_crops_convict_two_and_acquit_the_healthy(foci):
    healthy = clinic.eight_crops(clinic.Training(), foci)
    softmax, uncleared = (clinic.eight_crops(clinic.PATIENTS[name], foci) for name in "BD")
    assert healthy[-20:].max() < 0.05
    assert softmax.min() > 0.31 and softmax[-20:].max() < 0.4  # at rest on a floor
    assert uncleared[60:].max() > 0.5  # thrown about after it could have been learnt
    for name in "ACE":
        assert clinic.eight_crops(clinic.PATIENTS[name], foci)[-40:].mean() < 0.1


def test_a_look_at_the_batch_shows_what_shapes_do_not(foci):
    healthy, classes = clinic.Training().batch(foci)
    torn, same = clinic.PATIENTS["A"].batch(foci)
    assert torn.shape == healthy.shape and (same == classes).all()
    np.testing.assert_allclose(np.sort(torn.numpy().ravel()), np.sort(healthy.numpy().ravel()))
    middle = np.s_[:, 0, 8:12, 8:12]  # a nucleus lies there
    assert healthy[middle].mean() - healthy.mean() > 3 * abs(torn[middle].mean() - torn.mean())


def test_only_who_forgets_eval_gives_two_answers(foci):
    for name, training in clinic.PATIENTS.items():
        first, second = clinic.asked_twice(training, foci, foci)
        assert (abs(first - second) < 1e-5) == (name != "E"), name


def test_the_range_test_convicts_the_rate(foci):
    rates, losses = clinic.rate_range(clinic.Training(), foci)
    lowest = rates[np.argmin(np.convolve(losses, np.ones(7) / 7, mode="same")[3:-3]) + 3]
    assert clinic.Training.learning_rate < lowest < clinic.RateTooHigh.learning_rate


def test_true_labels_that_are_no_better_than_shuffled_ones(foci):
    others = data.synthetic.foci_crops(16, 12, seed=12)
    healthy, sick = (
        clinic.true_and_shuffled(training, foci, others, seeds=(0, 1))[0]
        for training in (clinic.Training(), clinic.PATIENTS["C"])
    )
    assert min(healthy) > 0.65 and max(sick) < 0.62


def test_shuffled_labels_say_nothing_about_the_class(foci):
    classes = clinic.Training().batch(foci)[1]
    for seed in (0, 1):
        drawn = clinic.shuffled(classes, seed)
        assert [(drawn[classes == kind] == kind).double().mean().item() for kind in (0, 1)] == [0.5, 0.5]


# --- the training script and its results ------------------------------


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("overfitting", ROOT / "training" / "overfitting.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["to_tensors", "make_network", "augment", "train", "score"])
def test_notebook_and_script_train_the_same_way(name):
    def code(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return next(
            ast.dump(node) for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
        )

    assert code(CHAPTER.path) == code(ROOT / "training" / "overfitting.py")


def test_interval_is_students(script):
    summary = script.summary([1.0, 2.0, 3.0])
    assert summary["mean"] == 2 and summary["interval_95"] == pytest.approx(
        [2 - 2.4841, 2 + 2.4841], abs=1e-3
    )


def test_first_seed_of_the_remedies_is_reproduced(script):
    """A number of the results file measured again (rounding differs a little between machines)."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))["remedies"]["augmentation"]["accuracy"]["seeds"][
        0
    ]
    network, _ = script.train(
        script.fields(8, 12, 100), script.fields(8, 12, 200), seed=0, **script.REMEDIES["augmentation"]
    )
    assert script.score(network, script.fields(40, 12, script.TEST_SEED))[0] == pytest.approx(
        stored, abs=0.05
    )


def test_results_say_what_the_chapter_says():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    remedies = results["remedies"]
    assert {"command", "seed", "cpu_minutes", "machine", "versions"} <= set(results)
    gains = {name: entry["gain"]["interval_95"] for name, entry in remedies.items() if "gain" in entry}
    assert gains["augmentation"][0] > 0 and gains["all together"][0] > 0
    assert gains["dropout"][0] < 0 < gains["dropout"][1] and gains["weight decay"][0] < 0
    none, stopped = remedies["none (overfitting)"], remedies["early stopping"]
    assert stopped["loss"]["mean"] < 0.75 * none["loss"]["mean"]
    assert abs(stopped["accuracy"]["mean"] - none["accuracy"]["mean"]) < 0.01
    for entry in results["search"]:
        assert {"validation_loss", "test_loss", "test_accuracy"} <= set(entry["best"]) & set(entry["default"])
        assert all({"validation_loss", "test_loss"} <= set(trial) for trial in entry["trials"])
        assert entry["best"]["test_accuracy"] > entry["default"]["test_accuracy"]


@pytest.mark.parametrize("part", ["turned", "relit"])
def test_halves_of_the_augmentation(script, part):
    """Turning leaves the grey values as they are; the other half leaves every pixel in its place."""
    images, classes = script.to_tensors(script.fields(4, 4, 0))
    batch = list(zip(images, classes, strict=True))
    script.torch.manual_seed(1)
    changed, same = getattr(script, part)(batch)
    assert (same == classes).all()
    sums = np.allclose(changed.sum(dim=(1, 2, 3)), images.sum(dim=(1, 2, 3)), rtol=1e-4)
    order = [np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.999 for a, b in zip(changed, images, strict=True)]
    assert (sums, all(order)) == ((True, False) if part == "turned" else (False, True))
