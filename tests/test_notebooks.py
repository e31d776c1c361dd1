"""The course's own notebooks: complete, in step with their sources, light enough, and safe to run untouched.

The cells themselves are tested by nbval: ``pytest --nbval-lax notebooks/solutions``.
"""

import copy
from pathlib import Path

import nbformat
import pytest

from coursebook import checks, execute, notebooks, sources
from coursebook.book.reader import Book
from coursebook.project import Project

PROJECT = Project(Path(__file__).resolve().parents[1])
SOURCES, MISTAKES = sources.read_all(PROJECT)
LONGEST, LARGEST = 180, 4000  # seconds, MB
MEAN = 60  # seconds, over all notebooks (measured on two idle cores: 43)

each_source = pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])


BOOK = Book(PROJECT)  # read once for all rules


@pytest.mark.parametrize("rule", checks.RULES)
def test_course_check_finds_nothing(rule):
    assert sorted(map(str, checks.RULES[rule].find(BOOK))) == []


def test_sources_have_no_mistakes():
    assert [str(finding) for finding in MISTAKES] == []


@each_source
def test_every_figure_has_caption_and_alt_text(source):
    for cell in source.cells:
        if str(cell.label).startswith("fig-"):
            assert cell.options["fig-cap"] and cell.options["fig-alt"]


@each_source
def test_the_stored_solutions_are_executed_from_the_code_of_the_source(source):
    stored = notebooks.stored(PROJECT, notebooks.solution_file(source))
    assert stored is not None, f"never executed: course notebooks --only {source.chapter}"
    fresh = notebooks.solution_notebook(PROJECT, source)
    assert [cell.source for cell in stored.cells] == [cell.source for cell in fresh.cells]
    counts = [cell.execution_count for cell in stored.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@each_source
def test_recorded_time_and_memory_are_within_the_promise(source):
    record = execute.read_timings(PROJECT)[source.name]
    assert record["seconds"] <= LONGEST
    assert record["peak_memory_mb"] <= LARGEST


def test_notebooks_keep_the_promised_average():
    seconds = [record["seconds"] for record in execute.read_timings(PROJECT).values()]
    assert not seconds or sum(seconds) / len(seconds) <= MEAN


def sample_of(*chapters):
    """All notebooks, of which those of `chapters` on every commit and the others every night."""
    return pytest.mark.parametrize(
        "source",
        [
            pytest.param(each, marks=[pytest.mark.nightly] * (each.chapter not in chapters), id=each.name)
            for each in SOURCES
        ],
    )


@pytest.mark.slow
@sample_of("00", "12")  # of every exercise test_exercises runs the starter, without a kernel
def test_an_untouched_copy_runs_and_says_not_done_yet(source, tmp_path):
    """Set-up, exercises, checks and what they need run in one kernel; nothing ends with a traceback."""
    from nbclient import NotebookClient

    notebook = nbformat.read(PROJECT.root / notebooks.learner_file(source), as_version=4)
    chosen = {notebooks.cell_id(source, cell) for cell in needed_cells(source)}
    chosen |= {f"{source.chapter}-{name}" for name in ("colab", "progress", "quiz")}
    notebook.cells = [cell for cell in notebook.cells if cell.id in chosen]
    environment = execute.kernel_environment(PROJECT, tmp_path)
    NotebookClient(notebook, timeout=300).execute(env=environment, cwd=str(tmp_path))

    untouched = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    assert len(untouched) >= 3
    for cell in untouched:
        text = "".join(map(execute.output_text, cell.outputs))
        assert "not done yet" in text, f"{cell.source}\n{text}"


def needed_cells(source):
    """Return the learner's set-up, exercise and check cells, and the cells that define what these use."""
    chosen, needed = [], set()
    for cell in reversed([c for c in source.cells if c.kind == "code" and "solution" not in c.tags]):
        defined = sources.defined_names(cell)
        if {"setup", "exercise", "check"} & set(cell.tags) or defined & needed:
            chosen.append(cell)
            needed = (needed - defined) | sources.used_names(cell)
    return chosen[::-1]


@pytest.mark.slow
@sample_of("00")
def test_every_cell_can_be_run_twice(source, tmp_path):
    """Somebody tries things: each cell is run, and at once run again (what it writes is there by then)."""
    from nbclient import NotebookClient

    missing = execute.missing_sets(source.needs)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: set BIOIMAGE_COURSE_MIRROR to a folder that has it")
    notebook = notebooks.solution_notebook(PROJECT, source)
    twice = []
    for cell in notebook.cells:
        again = copy.deepcopy(cell)
        again["id"] = f"{cell['id']}-2"[-64:]
        twice += [cell, again] if cell.cell_type == "code" else [cell]
    notebook.cells = twice
    environment = execute.kernel_environment(PROJECT, tmp_path, needs=source.needs)
    NotebookClient(notebook, timeout=600).execute(env=environment, cwd=str(tmp_path))
