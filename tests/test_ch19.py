"""Chapter 19: the exercises tell right answers, usual mistakes and untouched starters apart."""

import itertools

import numpy as np
import pytest

from bioimage_course import check, clinic
from bioimage_course.check.exercises import ch19
from bioimage_course.errors import InputError
from exercise_cells import Chapter, failure

PLACE = Chapter("19-clinic", clinic=clinic)


def solved(exercise):
    """What the notebook's own solution defines."""
    (text,) = PLACE.texts("solution", exercise)
    names = dict(PLACE.names)
    exec(text, names)
    return names


def test_the_ward_has_one_patient_of_each_group():
    assert sorted(clinic.case(name).group for name in ch19.WARD) == sorted(clinic.GROUPS)


def test_the_notebooks_solutions_pass():
    names = solved("case")
    found = check.case.verdict("two-cells-one-name", names["diagnosis"], names["evidence"])
    assert found.passed, found
    assert check.ward_round.verdict(solved("ward_round")["findings"]).passed
    assert check.answerable.verdict(solved("answerable")["question"]).passed


@pytest.mark.parametrize("exercise", ["ward_round", "answerable"])
def test_starters_are_open(exercise):
    (text,) = PLACE.texts("exercise", exercise)
    names = dict(PLACE.names)
    exec(text, names)
    function = names["findings" if exercise == "ward_round" else "question"]
    assert getattr(check, exercise).verdict(function).status == "open"


@pytest.mark.parametrize("name", ch19.WARD)
def test_every_patient_of_the_ward_is_looked_at(name):
    right = solved("ward_round")["findings"]()

    def told(finding):
        return failure("ward_round", lambda: right | {name: finding})

    diagnosis, evidence = right[name]
    assert "is not it" in told(("saturation", evidence))
    assert "convict anybody" in told((diagnosis, lambda given: True))
    assert "acquits the patient" in told((diagnosis, lambda given: False))
    assert "a function" in told((diagnosis, 3.0))
    assert "a pair" in told(diagnosis)
    without = {key: value for key, value in right.items() if key != name}
    assert f"{name} has not been seen" in failure("ward_round", lambda: without)


QUESTION = solved("answerable")["question"]()


@pytest.mark.parametrize(
    ("part", "text", "words"),
    [
        ("goal", "", "missing or too short"),
        ("goal", "It works like in the video.", "what you expected"),
        ("happened", "It does not work at all!", "what happened"),
        ("code", "I used the standard settings", "the line that fails"),
        ("image", "It is a normal confocal image.", "the shape"),
        ("image", "shape (512, 512), one channel", "the type of its numbers"),
        ("versions", "the newest of everything", "the version of the package"),
        ("code", "model.eval(imread('/home/ada/secret/x.tif'))", "your name"),
        ("code", r"model.eval(imread('C:\\Users\\Ada\\x.tif'))", "your name"),
        ("goal", QUESTION["happened"], "say the same"),
    ],
)
def test_a_part_that_does_not_help_is_named(part, text, words):
    assert words in failure("answerable", lambda: QUESTION | {part: text})


def test_other_mistakes_of_a_question():
    assert "dictionary of texts" in failure("answerable", lambda: "please help")
    assert "missing" in failure("answerable", lambda: {})


# ---------------------------------------------------------------- planted errors

CHARGES = solved("planted_errors")["charges"]()


def charged(name, charge):
    """What is said to one changed charge."""
    return failure("planted_errors", lambda: CHARGES | {name: charge})


def test_the_charges_of_the_notebook_hold_and_the_starter_is_open():
    assert check.planted_errors.verdict(lambda: CHARGES).passed
    (text,) = PLACE.texts("exercise", "planted_errors")
    names = dict(PLACE.names)
    exec(text, names)
    assert check.planted_errors.verdict(names["charges"]).status == "open"


@pytest.mark.parametrize("script", clinic.scripts(), ids=lambda script: script.name)
def test_each_script_runs_prints_and_is_convicted_by_its_case(script):
    assert 7 <= len(script.text.splitlines()) <= 12 and script.repaired not in script.text
    for seed in ch19.SEEDS:
        as_written, mended = script.given(seed), script.given(seed, sick=False)
        assert script.case.test_of(as_written) and not script.case.test_of(mended)
        assert as_written.printed
    assert script.diagnosis not in repr(script) and str(script.line) in repr(script)


@pytest.mark.parametrize("script", clinic.scripts(), ids=lambda script: script.name)
def test_neither_line_nor_name_nor_proof_is_enough_alone(script):
    line, diagnosis, evidence = CHARGES[script.name]
    wrong = "saturation"
    assert "convict anybody" in charged(script.name, (line, diagnosis, lambda given: True))
    assert "acquits the script" in charged(script.name, (line, diagnosis, lambda given: False))
    assert "not what it has found" in charged(script.name, (line, wrong, evidence))
    assert "does what it should" in charged(script.name, (1, diagnosis, evidence))
    # a guess learns nothing: without a proof a right line and name are answered like wrong ones
    right, other = (
        charged(script.name, (*guess, lambda given: True)) for guess in ((line, diagnosis), (1, wrong))
    )
    assert right == other


def test_other_mistakes_of_a_charge():
    line, diagnosis, evidence = CHARGES["ratio"]
    assert "three parts" in charged("ratio", (line, diagnosis))
    assert "number of one line" in charged("ratio", ("5", diagnosis, evidence))
    assert "number of one line" in charged("ratio", (True, diagnosis, evidence))
    assert "a function" in charged("ratio", (line, diagnosis, 0.3))
    assert "knows no disease" in charged("ratio", (line, "the weather", evidence))
    assert "has not been read" in failure("planted_errors", lambda: {"ratio": CHARGES["ratio"]})
    assert "dictionary" in failure("planted_errors", lambda: [])


def test_an_error_may_be_repaired_in_another_line_as_well():
    _, diagnosis, evidence = CHARGES["split"]
    assert check.planted_errors.verdict(lambda: CHARGES | {"split": (3, diagnosis, evidence)}).passed


def test_an_unknown_script():
    with pytest.raises(InputError, match="did you mean 'ratio'"):
        clinic.script("ration")
    with pytest.raises(InputError, match="no script 3"):
        clinic.script(3)


def test_a_verdict_is_true_or_false(capsys):
    patient = clinic.case("two-cells-one-name")
    odd = (
        lambda given: "ill" if given.labels.dtype == np.uint8 else "",
        lambda _: float("nan"),
        lambda _: [True],
    )
    for evidence, said in zip(odd, ("str", "NaN", "list"), strict=True):
        check.case(patient.name, patient.diagnosis, evidence)
        assert f"True or False, not {said}" in capsys.readouterr().out
    for form in (bool, int, np.bool_, np.asarray):
        check.case(patient.name, patient.diagnosis, lambda given: form(given.labels.dtype == np.uint8))  # noqa: B023
        assert "Convicted" in capsys.readouterr().out


def test_a_test_that_changes_its_mind_at_each_call_proves_nothing(capsys):
    patient, turns = clinic.case("two-cells-one-name"), itertools.cycle((True, False))
    check.case(patient.name, patient.diagnosis, lambda _: next(turns))
    assert "Convicted" not in capsys.readouterr().out
