"""``course case``: a sheet for a class, with and without the answer."""

import pytest

from bioimage_course import clinic
from coursebook import cli


def printed(capsys, *arguments):
    assert cli.main(["case", *arguments]) == 0
    return capsys.readouterr().out


def test_all_cases_are_listed(capsys):
    text = printed(capsys)
    assert all(case.name in text for case in clinic.cases())
    assert "snow" not in printed(capsys, "--group", "training")


def test_the_sheet_for_the_class_keeps_the_answer(capsys):
    snow = clinic.case("snow")
    text = printed(capsys, "snow")
    assert snow.symptom in text and "**Diagnosis:**" in text
    for secret in (snow.diagnosis, snow.test, snow.repair, snow.questions[0]):
        assert secret not in text


def test_the_sheet_for_the_teacher_has_it(capsys):
    snow = clinic.case("snow")
    text = printed(capsys, "snow", "--answer")
    for part in (snow.symptom, snow.diagnosis, snow.test, snow.repair, *snow.questions):
        assert part in text
    assert " before, " in text


def test_a_case_is_drawn_by_lot(capsys):
    drawn = [printed(capsys, "--random", "--seed", str(seed)) for seed in range(12)]
    assert len(set(drawn)) > 5
    assert drawn[3] == printed(capsys, "--random", "--seed", "3")
    names = [case.name.replace("-", " ").capitalize() for case in clinic.cases("evaluation")]
    assert printed(capsys, "--random", "--group", "evaluation").splitlines()[0].removeprefix("# ") in names


def test_the_patient_can_be_drawn(capsys, tmp_path):
    printed(capsys, "snow", "--picture", str(tmp_path / "snow.png"))
    assert (tmp_path / "snow.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["snaw"], "did you mean 'snow'"),
        (["snow", "--random"], "not both"),
        (["--group", "weather"], "group of cases"),
        (["snow", "--picture", "/no/such/folder/x.png"], "could not be saved"),
        (["snow", "--picture", __file__], "there already"),
        (["--answer"], "Name a case"),
        (["--seed", "4"], "--random"),
        (["snow", "--seed", "4"], "--random"),
        (["--random", "--seed", "-1"], "seed"),
    ],
)
def test_mistakes_get_a_sentence(capsys, arguments, words):
    assert cli.main(["case", *arguments]) == 2
    assert words in capsys.readouterr().err
