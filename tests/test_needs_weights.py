"""Cells tagged `needs-weights`: executed where the weights are; elsewhere nbval skips them and says why."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import demo_project
from bioimage_course import data
from bioimage_course.errors import DataUnavailableError
from coursebook import execute, notebooks, sources

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "notebooks/sources/01-lines.py"
NEEDS = ('extra: ""', 'extra: ""\n#   needs: [weights-x]')
TURN = '# %% tags=["widget"]\nprint("turn me")'
TAGGED = (
    '# %% tags=["needs-weights"]\nimport os\n\nfound = os.path.exists(os.environ["BIOIMAGE_COURSE_MIRROR"])\n'
)


@pytest.fixture
def project(tmp_path):
    project = demo_project.make(tmp_path / "project")
    demo_project.edit(project, SOURCE, *NEEDS)
    return project


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    file = tmp_path / "mirror" / "weights-x" / "x.bin"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    entry = {"set": "weights-x", "file": "x.bin", "sha256": "0"}
    (tmp_path / "mirror" / "index.json").write_text(json.dumps([entry]))
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


def messages(project):
    return [finding.message for finding in sources.read_all(project)[1]]


# ---------------------------------------------------------------- rules of sources


def test_the_header_must_name_what_a_tagged_cell_needs(tmp_path):
    project = demo_project.make(tmp_path)
    demo_project.edit(project, SOURCE, TURN, TAGGED + "\n" + TURN)
    assert any("does not say `needs: [...]`" in message for message in messages(project))
    demo_project.edit(project, SOURCE, *NEEDS)
    assert messages(project) == []


def test_no_other_cell_may_use_what_only_a_tagged_cell_makes(project):
    demo_project.edit(project, SOURCE, TURN, TAGGED + "\n" + TURN.replace('"turn me"', "found"))
    (message,) = messages(project)
    assert message.startswith("needs 'found', which only a cell tagged needs-weights makes")


@pytest.mark.parametrize("line", ["found = 1\nprint(found)", "print([found for found in ()])"])
def test_a_name_made_again_is_no_mistake(project, line):
    demo_project.edit(project, SOURCE, TURN, f'{TAGGED}\n# %% tags=["widget"]\n{line}')
    assert messages(project) == []


def test_a_name_made_before_may_be_changed_by_a_tagged_cell(project):
    changed = TAGGED.replace("found =", "seed =")
    demo_project.edit(project, SOURCE, TURN, changed + "\n" + TURN.replace('"turn me"', "seed"))
    assert messages(project) == []


# ---------------------------------------------------------------- nbval


def nbval(project, **environment):
    """Test the notebook with solutions of a project with the course's own conftest.py."""
    (source,) = sources.read_all(project)[0]
    notebook = notebooks.solution_notebook(project, source)
    file = project.root / notebooks.solution_file(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(notebooks.to_text(notebook))
    shutil.copy(ROOT / "notebooks" / "conftest.py", project.root / "notebooks")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-rs", "-q", str(file)]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BIOIMAGE_COURSE_", "PYTEST_"))}
    clean["BIOIMAGE_COURSE_CACHE"] = str(project.root / "empty-cache")
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        env=clean | environment,
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


@pytest.mark.slow
def test_nbval_runs_tagged_cells_where_the_weights_are_and_skips_only_them_elsewhere(project, mirror):
    demo_project.edit(project, SOURCE, '# %% tags=["check", "nbval-check-output"]', '# %% tags=["check"]')
    demo_project.edit(project, SOURCE, TURN, TAGGED + "\n" + TURN)
    present = nbval(project, BIOIMAGE_COURSE_MIRROR=str(mirror))
    assert "skipped" not in present and "failed" not in present and "passed" in present, present
    absent = nbval(project)
    assert "1 skipped" in absent and "failed" not in absent, absent
    assert "needs weights-x: set BIOIMAGE_COURSE_MIRROR to a folder that has it" in absent


# ---------------------------------------------------------------- where the weights may lie


def test_a_set_in_the_cache_need_not_be_in_a_mirror(tmp_path, monkeypatch):
    from bioimage_course.data import catalogue, finding

    file = catalogue.File(
        "weights-mobilesam", "x.pt", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", 1, ()
    )
    entry = catalogue.Entry("weights-mobilesam", "file", "", "", "", "", files={"x.pt": file})
    monkeypatch.setattr(catalogue, "entry", lambda name: entry)
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR", raising=False)
    assert execute.missing_sets(["weights-mobilesam"]) == ["weights-mobilesam"]
    place = finding.cache_location(file)
    place.parent.mkdir(parents=True)
    place.write_text("x")
    assert execute.missing_sets(["weights-mobilesam"]) == []
    view = execute.mirror_view(tmp_path / "view", ["weights-mobilesam"])
    assert (view / "weights-mobilesam" / "x.pt").read_text() == "x"
    assert json.loads((view / "index.json").read_text())[0]["sha256"] == file.sha256


def test_missing_says_why_and_available_sets_are_not_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path))
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR", raising=False)
    assert not data.missing("nuclei")
    assert capsys.readouterr().out == ""
    assert data.missing("weights-mobilesam")
    said = capsys.readouterr().out
    assert (
        said.startswith("The cells that need 'weights-mobilesam' are passed over.") and said.count("\n") == 1
    )
    assert "BIOIMAGE_COURSE_OFFLINE" in said
    with pytest.raises(DataUnavailableError):
        data.fetch("weights-mobilesam")
