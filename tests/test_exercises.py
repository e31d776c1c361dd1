"""Every exercise of every chapter: solved by its solution, open in its starter, safe from nonsense.

Nothing here names a chapter: exercises are found in the package, cells in ``notebooks/sources``.
"""

import inspect
import re

import numpy as np
import pytest

from bioimage_course import check
from bioimage_course.check import engine
from coursebook import sources
from coursebook.project import Project
from coursebook.workbench import Workbench

PROJECT = Project.find(__file__)
SOURCES = {path.stem: sources.read(PROJECT, path) for path in PROJECT.source_paths()}
IN_SOURCES = [(name, exercise) for name, source in SOURCES.items() for exercise in source.exercises()]
REGISTERED = [item.name for item in check.exercises()]


@pytest.fixture(autouse=True)
def bare(no_mirror, monkeypatch, tmp_path):
    """A bare machine, and no traces left on it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIOIMAGE_COURSE_PROGRESS", str(tmp_path / "progress.json"))


def line_of_check(source, exercise, role, capsys):
    """Run the cells of an exercise (starter or solution, then check); return what the check said."""
    bench = Workbench(source, exercise)
    capsys.readouterr()
    for cell in source.cells:
        if cell.exercise == exercise and {role, "check"} & set(cell.tags):
            bench.run(cell)
    lines = capsys.readouterr().out.splitlines()
    found = [line for line in lines if re.match(rf"\S+ {exercise}: ", line)]
    assert found, f"the check cell of {exercise} printed {lines}"
    return found[-1]


def test_all_chapters_load():
    assert engine.broken == {}


def test_exercises_of_sources_and_package_are_the_same():
    assert sorted(REGISTERED) == sorted(name for _, name in IN_SOURCES)
    assert len(set(REGISTERED)) == len(REGISTERED)
    chapters = {name: SOURCES[source].chapter for source, name in IN_SOURCES}
    assert {item.name: item.chapter for item in check.exercises()} == chapters


@pytest.mark.parametrize("source", SOURCES)
def test_chapter_has_enough_exercises(source):
    least = 3 if SOURCES[source].chapter == "01" else 4
    assert len(SOURCES[source].exercises()) >= least


@pytest.mark.parametrize("name", REGISTERED)
def test_exercise_has_task_hints_and_solution(name):
    exercise = engine.find(name)
    assert exercise.task.endswith((".", "?")) and "\n" not in exercise.task.partition("\n\n")[0].strip()[:200]
    assert len(exercise.hints) >= 2 and all(hint.strip() for hint in exercise.hints)
    stored = engine.solutions(exercise.chapter).get(name)
    assert stored, f"no solution of {name} in check/solutions/{exercise.chapter}.yml: run `course notebooks`"
    source = next(SOURCES[source] for source, exercise_name in IN_SOURCES if exercise_name == name)
    assert stored.strip() == source.solution(name).strip()


@pytest.mark.parametrize(("source", "exercise"), IN_SOURCES)
def test_solution_passes(source, exercise, capsys):
    assert line_of_check(SOURCES[source], exercise, "solution", capsys).startswith(f"✔ {exercise}: ")


@pytest.mark.parametrize(("source", "exercise"), IN_SOURCES)
def test_untouched_starter_is_not_done_yet(source, exercise, capsys):
    assert line_of_check(SOURCES[source], exercise, "exercise", capsys).startswith(
        f"○ {exercise}: not done yet"
    )


class Odd:
    """Something that is no number, list or function."""


def recursive(*args, **kwargs):
    return recursive(*args, **kwargs)


def returns(value):
    return lambda *args, **kwargs: value


NONSENSE = {
    "None": None,
    "a number": 42,
    "text": "text",
    "an empty list": [],
    "a ragged list": [1, [2, 3]],
    "a nested list": [[["a"]]],
    "a dictionary": {"a": 1},
    "an array": np.full((3, 5), np.nan),
    "an object": Odd(),
    "a class": Odd,
    "a generator": (number for number in range(3)),
    "recursion": recursive,
    "a function without arguments": lambda: 1,
    "a function that raises": lambda *args: 1 / 0,
    "a function that prints": print,
} | {
    f"a function that returns {name}": returns(value)
    for name, value in {
        "None": None,
        "text": "text",
        "a list": [1, 2],
        "a tuple": (1, "2", None),
        "a dictionary": {},
        "an object": Odd(),
        "an array": np.zeros((2, 2)),
        "NaN": float("nan"),
        "a function": lambda x: x,
    }.items()
}


@pytest.mark.parametrize("name", REGISTERED)
def test_nonsense_is_neither_right_nor_a_traceback(name):
    exercise = engine.find(name)
    count = len(inspect.signature(exercise).parameters)
    for what, value in NONSENSE.items():
        verdict = exercise.verdict(*[value] * count)
        assert verdict.status == "failed", f"{what} gave: {verdict}"
        assert verdict.message and "\n" not in verdict.message, what
        assert "Traceback" not in verdict.message, what


@pytest.mark.parametrize("name", REGISTERED)
def test_tensors_are_no_reason_to_stop(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    exercise = engine.find(name)
    count = len(inspect.signature(exercise).parameters)
    tensors = [torch.ones(3, requires_grad=True), torch.zeros(2, 2).bfloat16(), torch.empty(2, device="meta")]
    for tensor in tensors:
        for value in (tensor, returns(tensor)):
            assert exercise.verdict(*[value] * count).status == "failed"
