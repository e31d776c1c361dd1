"""Every exercise of every chapter: solved by its solution, open in its starter, safe from nonsense.

Nothing here names a chapter: exercises are found in the package, cells in ``notebooks/sources``.
"""

import ast
import functools
import inspect
import re
import sys

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


def line_of_check(source, exercise, capsys):
    """Run the starter of an exercise, then its check; return what the check said."""
    bench = Workbench(source, exercise)
    capsys.readouterr()
    for cell in source.cells:
        if cell.exercise == exercise and {"exercise", "check"} & set(cell.tags):
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
def test_exercises_are_listed_in_the_notebooks_order_with_its_numbers(source):
    names, chapter = SOURCES[source].exercises(), SOURCES[source].chapter
    assert [item.name for item in check.exercises(chapter)] == names
    numbers = [engine.number(engine.find(name)) for name in names]
    assert numbers == sorted(set(numbers)) and set(numbers) <= set(range(len(names) + 2))
    page = (PROJECT.root / f"book/{source}.qmd").read_text(encoding="utf-8")
    listed = re.findall(r"^(\d+)\. .*?`check\.(\w+)`", page.partition("\n## Exercises")[2], re.MULTILINE)
    assert {name: int(number) for number, name in listed} == dict(zip(names, numbers, strict=True))


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


# ---------------------------------------------------------------- hints and goals

CODE = re.compile(r"`|\w\(\S|\w\[|[^\s=<>!]\s*=\s*[^\s=]|\b\w+\.[a-z]\w*|\*\*|//|\w [*@] \w")


def expressions(code):
    """What a solution writes, without spaces: everything with an operator or a call in it."""
    kinds = ast.BinOp | ast.Call | ast.Compare | ast.Subscript | ast.BoolOp
    found = (ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, kinds))
    return {re.sub(r"\s", "", text) for text in found if len(text) > 4}


def what_is_wrong_with(hint, code):
    """A first hint asks, and shows neither code nor a formula of the solution."""
    if not hint.rstrip().endswith("?"):
        return "it is no question"
    if CODE.search(hint):
        return f"it contains code: {CODE.search(hint)[0]}"
    shown = [text for text in expressions(code) if text in re.sub(r"\s", "", hint)]
    return f"it contains the solution's {shown[0]}" if shown else None


@pytest.mark.parametrize(
    ("hint", "wrong"),
    [
        ("Take the mean.", True),
        ("Have you tried image.mean()?", True),
        ("What is tp / (tp + fp)?", True),
        ("What about `mean`?", True),
        ("How about x = 3?", True),
        ("Which pixels count, and how many are there?", False),
        ("Where do 2 cells touch (in time, too)? And what follows?", False),
    ],
)
def test_hints_are_judged(hint, wrong):
    assert bool(what_is_wrong_with(hint, "x = tp / (tp + fp)")) == wrong


@pytest.mark.parametrize("name", REGISTERED)
def test_first_hint_is_a_question(name):
    exercise = engine.find(name)
    wrong = what_is_wrong_with(exercise.hints[0], engine.solutions(exercise.chapter)[name])
    assert not wrong, f"hint 1 of {name}: {wrong}"


@pytest.mark.parametrize("source", SOURCES)
def test_every_goal_on_the_card_has_a_checked_exercise(source):
    chapter, known = SOURCES[source].chapter, {f"{item.chapter}:{item.name}" for item in check.exercises()}
    page = (PROJECT.root / f"book/{source}.qmd").read_text(encoding="utf-8")
    card = page.partition("{.chapter-card}")[2].partition("\n:::")[0]
    goals = re.findall(r"^- (.*)$", card, re.MULTILINE)
    assert 3 <= len(goals) <= 5
    without = []
    for goal in goals:
        named = re.search(r"<!-- exercises: ([\w:]+(?:, [\w:]+)*) -->$", goal)
        if not named:
            without.append(goal)
            continue
        for name in named[1].split(", "):
            assert (name if ":" in name else f"{chapter}:{name}") in known, f"no exercise {name!r}: {goal}"
    assert not without, f"goals without a checked exercise: {without}"


# ---------------------------------------------------------------- right, open, nonsense


@pytest.mark.parametrize(("source", "exercise"), IN_SOURCES)
def test_untouched_starter_is_not_done_yet(source, exercise, capsys):
    assert line_of_check(SOURCES[source], exercise, capsys).startswith(f"○ {exercise}: not done yet")


# ---------------------------------------------------------------- a right answer in any form

# Exercises that ask for one form in so many words, and why that is sensible.
EXACT_FORM = {
    "wrap_around": {"Python's numbers and lists": "the image must be of type uint8 again"},
    "crop_flip_sum": {"Python's numbers and lists": "the crop must keep the image's type"},
    "heat_flow": {"Python's numbers and lists": "the second function gets what the first one returned"},
}


def converted(value, number, array, sequence=None):
    """A value with its numbers, arrays and sequences in another form; everything else as it is."""
    torch = sys.modules.get("torch")
    if isinstance(value, bool | int | float | np.generic):
        return number(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return array(value) if value.ndim else number(value[()])
    if torch is not None and isinstance(value, torch.Tensor) and not value.requires_grad:
        return converted(value.numpy(), number, array, sequence)
    if type(value) in (list, tuple):
        return (sequence or type(value))(converted(part, number, array, sequence) for part in value)
    if type(value) is dict:
        return {key: converted(part, number, array, sequence) for key, part in value.items()}
    return value


def single(value):
    """float32 instead of float64."""
    return np.asarray(value).astype(np.float32)[()] if np.asarray(value).dtype.kind == "f" else value


def forms():
    """Ways to write a result that mean the same, the solution's own first."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    plain = {"number": lambda x: x, "array": lambda x: x}
    return {
        "as it is": plain,
        "Python's numbers and lists": {"number": lambda x: np.asarray(x).item(), "array": np.ndarray.tolist},
        "NumPy's numbers": plain | {"number": lambda x: np.asarray(x)[()]},
        "arrays without axes": plain | {"number": np.asarray},
        "tensors": {
            "number": lambda x: torch.tensor(np.asarray(x).item()),
            "array": lambda x: torch.from_numpy(np.ascontiguousarray(x)),
        },
        "single precision": {"number": single, "array": single},
        "lists for tuples": plain | {"sequence": list},
        "tuples for lists": plain | {"sequence": tuple},
        "arrays for lists of numbers": plain | {"sequence": packed},
        "not contiguous": plain | {"array": lambda x: np.repeat(x, 2, axis=-1)[..., ::2]},
        "read-only": plain | {"array": locked},
    }


def packed(parts):
    parts = list(parts)
    numbers = parts and all(isinstance(part, bool | int | float | np.generic) for part in parts)
    return np.array(parts) if numbers and len({type(part) for part in parts}) == 1 else parts


def locked(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def answering(function, form):
    """A function like a learner's, whose result has another form."""

    @functools.wraps(function)
    def other(*args, **kwargs):
        return converted(function(*args, **kwargs), **form)

    return other


@pytest.mark.slow
@pytest.mark.parametrize(("source", "exercise"), IN_SOURCES)
def test_right_answer_passes_in_any_form(source, exercise):
    bench = Workbench(SOURCES[source], exercise)
    for cell in bench.cells("solution"):
        bench.run(cell)
    given, found = bench.arguments(), {}
    for name, form in forms().items():
        answer = [
            answering(thing, form) if inspect.isfunction(thing) else converted(thing, **form)
            for thing in given
        ]
        verdict = engine.find(exercise).verdict(*answer)
        if not verdict.passed:
            found[name] = verdict.message
    assert found.keys() == EXACT_FORM.get(exercise, {}).keys(), found


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
        fitting = ("failed", "open") if value is None else ("failed",)  # None stands in some starters
        assert verdict.status in fitting, f"{what} gave: {verdict}"
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
