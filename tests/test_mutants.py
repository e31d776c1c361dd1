"""Mutants of the solutions: how they are made, tried, stopped and listed."""

import os
import time

import pytest

from bioimage_course import check
from bioimage_course.check import call, engine, exercise, expect_number
from bioimage_course.errors import InputError
from coursebook import mutants
from coursebook.project import Project
from coursebook.sources import Cell, Source

PROJECT = Project.find(__file__)
SOLUTION = '''def total(values, factor=2, rng=None):
    """Add."""
    result = 0
    for value in values[1:]:
        if value >= 3 and factor < 4:
            result += value * factor
    return result, max(values)
'''
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no forked processes on this system")


def source(solution=SOLUTION):
    def cell(position, tag, text):
        return Cell("code", text, (tag,), None if tag == "setup" else "total", {}, 10 * position, position)

    cells = [
        cell(1, "setup", "limit = 3"),
        cell(2, "exercise", "def total(values): ..."),
        cell(3, "solution", solution),
    ]
    return Source(None, "", {"chapter": "98"}, {}, (*cells, cell(4, "check", "check.total(total)")))


def changes(solution=SOLUTION):
    return [mutant.change for mutant in mutants.mutants(source(solution), "total")]


# ---------------------------------------------------------------- making


@pytest.mark.parametrize(
    "change",
    [
        "total: factor is ignored, its first value kept",
        "total: factor is ignored, its default kept",
        "total: values and factor are swapped",
        "total: rng is another one each time",
        "result = 0 → (left out)",
        "result = 0 → result = 1",
        "for value in values[1:]: → for value in values:",
        "for value in values[1:]: → for value in values[2:]:",
        "for value in values[1:]: → for value in list(values[1:])[:-1]:",
        "if value >= 3 and factor < 4: → if value > 3 and factor < 4:",
        "if value >= 3 and factor < 4: → if value >= 3 and factor <= 4:",
        "if value >= 3 and factor < 4: → if value >= 3 or factor < 4:",
        "if value >= 3 and factor < 4: → if value >= 3:",
        "if value >= 3 and factor < 4: → if True:",
        "if value >= 3 and factor < 4: → (left out)",
        "result += value * factor → result -= value * factor",
        "result += value * factor → result = value * factor",
        "result += value * factor → result += value / factor",
        "result += value * factor → result += value",
        "return (result, max(values)) → return (max(values), result)",
        "return (result, max(values)) → return (result, min(values))",
        "return (result, max(values)) → return (result, values)",
    ],
)
def test_kinds_of_change(change):
    assert change in changes()


@pytest.mark.parametrize(
    ("solution", "change"),
    [
        ("x = a.sum(axis=0)", "x = a.sum(axis=0) → x = a.sum()"),
        ("x = a.sum(axis=0)", "x = a.sum(axis=0) → x = a.sum(axis=1)"),
        ("x = a.astype(np.float32)", "x = a.astype(np.float32) → x = a.astype(np.int32)"),
        (
            "x = np.random.default_rng(seed)",
            "x = np.random.default_rng(seed) → x = np.random.default_rng(next(_fresh))",
        ),
        ("x = f(a, b)", "x = f(a, b) → x = f(b, a)"),
        ("x = [v for v in a if v]", "x = [v for v in a if v] → x = [v for v in a]"),
        ("x = a - b", "x = a - b → x = b - a"),
        ("x = a[m].T", "x = a[m].T → x = a.T"),
        ("x = a[m].T", "x = a[m].T → x = a[m]"),
        ("x = a[0:n]", "x = a[0:n] → x = a[0:n + 1]"),
        ("x = {'a': 1.5, 'b': 2}", "x = {'a': 1.5, 'b': 2} → x = {'a': 3.0, 'b': 2}"),
        ("x = {'a': 1.5, 'b': 2}", "x = {'a': 1.5, 'b': 2} → x = {'a': 2, 'b': 1.5}"),
        ("x = ~m | (m == 1)", "x = ~m | (m == 1) → x = m | (m == 1)"),
    ],
)
def test_more_kinds_of_change(solution, change):
    assert change in changes(solution)


def test_every_mutant_is_another_program_and_has_other_words():
    made = mutants.mutants(source(), "total")
    assert len({mutant.code for mutant in made}) == len({mutant.change for mutant in made}) == len(made) > 40
    assert made == mutants.mutants(source(), "total")
    for mutant in made:
        compile(mutant.code, "mutant", "exec")
    assert {mutant.line for mutant in made} <= set(range(30, 40))


@pytest.mark.parametrize(
    ("solution", "change"),
    [
        ("x = a.sum(axis=(1, 2))", "x = a.sum(axis=(1, 2)) → x = a.sum(axis=(2, 1))"),
        ("x = np.corrcoef(a, b)", "x = np.corrcoef(a, b) → x = np.corrcoef(b, a)"),
        ("x = a[int(i)]", "x = a[int(i)] → x = a[i]"),
        ("x = range(n + 1)", "x = range(n + 1) → x = range(n + 1 + 1)"),
    ],
)
def test_changes_that_change_nothing_are_not_made(solution, change):
    made = changes(f"def total(a, b, i, n, m):\n    {solution}\n    return x")
    assert change not in made
    assert made


def test_examples_that_nothing_reads_stay_as_they_are():
    made = changes("numbers = [1, 2]\ndef total(a):\n    return a + 1")
    assert made and not any("numbers" in change for change in made)


def test_equal_words_are_numbered():
    assert {"x = 1 → x = 2", "x = 1 → x = 2 (2)"} <= set(changes("x = 1\ny = x\nx = 1"))


# ---------------------------------------------------------------- trying


@pytest.fixture
def forge(monkeypatch):
    """An exercise with a check that is too easy, and its solution."""
    engine.load_exercises()
    monkeypatch.setattr(engine, "registry", {})

    @exercise(chapter="98")
    def total(function):
        """Add."""
        expect_number(call(function, [9, 3, 5])[0], close_to=16)

    solution = "from bioimage_course import check\n" + SOLUTION
    made = mutants.Forge(source(solution), "total")
    made.limit = 1
    return made


@needs_fork
def test_mutants_are_tried_alone(forge):
    tried = {m.change: forge.try_out(m.code) for m in mutants.mutants(source(), "total")}
    assert tried["if value >= 3 and factor < 4: → if value > 3 and factor < 4:"].startswith("failed")
    assert tried["return (result, max(values)) → return (result, min(values))"] == "passed"
    assert tried["total: values is ignored, its first value kept"] == "unchanged"
    assert tried["total: factor is ignored, its first value kept"] == "passed"
    assert "total" not in forge.bench, "a mutant's names must not stay"


@needs_fork
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def total(v):\n    while True: pass", "slow"),
        ("def total(v):\n    return [bytearray(1 << 28) for _ in range(20)]", "failed"),
        ("def total(v):\n    import ctypes; ctypes.string_at(0)", "crashed"),
        ("def total(v):\n    import os; os._exit(0)", "crashed"),
        ("import time\nwhile True: time.sleep(1)", "slow"),
        ("total = nowhere", "NameError"),
        ("def total(v):\n    import sys; sys.exit()", "failed"),
        ("def total(v):\n    print('x' * 1_000_000); return 16, 0", "passed"),
    ],
)
def test_mutants_are_stopped(forge, code, status):
    if "sleep" in code:  # what only waits is stopped after 20 times its limit
        forge.limit = 0.2
    started = time.monotonic()
    assert forge.try_out("from bioimage_course import check\n" + code).startswith(status)
    assert time.monotonic() - started < 60


@needs_fork
def test_a_solution_that_is_wrong_itself_is_said_to_be(forge):
    with pytest.raises(InputError, match="solution of total is not right itself: failed"):
        mutants.Forge(source("from bioimage_course import check\ndef total(v): return 15, 0"), "total")


# ---------------------------------------------------------------- listing


def results(*survivors):
    return [
        {"exercise": "total", "line": 3, "change": change, "status": "passed", "seconds": 0}
        for change in survivors
    ] + [{"exercise": "total", "line": 3, "change": "x → z", "status": "failed: no", "seconds": 0}]


def test_survivors_must_be_listed_and_lists_be_needed():
    entry = mutants.Entry("total", "return a[0] * 2 → …", "why")
    assert mutants.judge(results("return a[0] * 2 → return 1"), [entry]) == []
    (unlisted,) = mutants.judge(results("return a[0] * 2 → x", "return a[0] * 3 → x"), [entry])
    assert "line 3" in unlisted and "return a[0] * 3 → x" in unlisted
    (stale,) = mutants.judge(results(), [entry])
    assert "stale" in stale
    assert mutants.judge(results(), [entry], everything=False) == []
    assert mutants.judge(results(), [mutants.Entry("other", "x", "why")]) == []
    broad = mutants.Entry("total", "… → …", "why")
    (too_broad,) = mutants.judge(results("return a[0] * 2 → return 1"), [broad], everything=False)
    assert "too broad" in too_broad and "x → z" in too_broad
    (killed,) = mutants.judge(results(), [mutants.Entry("total", "x → z", "why")])
    assert "stale" in killed


@pytest.mark.parametrize("text", ["total:\n- mutant: a\n", "total:\n- mutant: a\n  reason: ''\n"])
def test_entries_need_a_reason(tmp_path, text):
    (tmp_path / "tests").mkdir()
    (tmp_path / mutants.LIST).write_text(text)
    with pytest.raises(InputError, match="reason"):
        mutants.listed(Project(tmp_path))


def test_listed_exercises_and_changes_exist():
    known = {}
    for path in PROJECT.source_paths():
        read = mutants.sources.read(PROJECT, path)
        known |= {name: [m.change for m in mutants.mutants(read, name)] for name in read.exercises()}
    for entry in mutants.listed(PROJECT):
        assert any(entry.covers(entry.exercise, change) for change in known.get(entry.exercise, [])), entry
    assert set(known) == {item.name for item in check.exercises()}


def test_sample_is_the_same_each_time():
    drawn = mutants.sample(PROJECT, 2)
    assert drawn == mutants.sample(PROJECT, 2) != mutants.sample(PROJECT, 2, seed=1)
    assert sum(map(len, drawn.values())) > 150


def test_unknown_exercise_is_said_to_be(monkeypatch):
    monkeypatch.chdir(PROJECT.root)
    with pytest.raises(InputError, match="no exercise 'nothing'"):
        mutants.main(["--only", "nothing"])


# Judged chapters that load quickly; `make mutants` (nightly) tries all mutants of all chapters.
JUDGED = ("09", "16")
EACH = 8


@needs_fork
@pytest.mark.parametrize("chapter", JUDGED)
def test_a_sample_of_mutants_is_noticed(chapter):
    """A fixed sample; `make mutants` tries all."""
    results = mutants.in_a_process(PROJECT, chapter, mutants.sample(PROJECT, EACH)[chapter])
    assert len(results) > 3 * EACH
    assert mutants.judge(results, mutants.listed(PROJECT), everything=False) == []
