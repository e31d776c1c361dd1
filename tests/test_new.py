"""`course new` writes files that hold together, refuses wrong names, and leaves nothing half-written."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib

import pytest

import demo_project
from bioimage_course import metrics
from bioimage_course.errors import InputError
from coursebook import checks, doctor_jobs, generated, new, sources


@pytest.fixture
def project(tmp_path):
    project = demo_project.make(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_ch01.py").write_text('"""Chapter 1."""\n')
    demo_project.pretend_executed(project)
    generated.update(project)
    return project


def everything(project):
    return {path: path.read_bytes() for path in sorted(project.root.rglob("*")) if path.is_file()}


def run(project, monkeypatch, *words):
    monkeypatch.chdir(project.root)
    project.__dict__.pop("quarto", None)  # read anew
    return new.main([*words])


def findings(project):
    fresh = type(project)(project.root)
    return [str(finding) for found in checks.run(fresh).values() for finding in found]


def assert_ruff_is_content(project, root, made):
    """With the course's settings, some new files have nothing to be mended and are formatted."""
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", root / "pyproject.toml"]
        done = subprocess.run([*ruff, *made], cwd=project.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_new_chapter_says_exactly_what_is_still_to_be_written(project, monkeypatch):
    before = everything(project)
    run(project, monkeypatch, "chapter", "02-curves", "--title", "Curved lines")
    changed = {
        path.relative_to(project.root).as_posix() for path in before if path.read_bytes() != before[path]
    }
    generated_ones = {"README.md", "book/_generated/metadata.html", "src/bioimage_course/check/chapters.json"}
    assert changed == {"_quarto.yml", *generated_ones}
    assert type(project)(project.root).pages()[2] == "book/02-curves.qmd"
    found = findings(project)
    for words in (
        "book/02-curves.qmd:6: still to be written: a verb",
        "book/quizzes/02.yml:2: still to be written: the first",
        "notebooks/sources/02-curves.py:15: still to be written: what this notebook does",
        "0 exercises; a notebook has at least 3; `course new exercise NAME --chapter 02` adds one",
        "the chapter has no explorable (<topic-explorer> in a raw HTML block); `course new explorable NAME",
        "never executed; run `course notebooks --only 02`",
        "1 question; a chapter asks 3 to 6",
        "book/02-curves.qmd:1: 0 claims; a chapter has 5 to 15",
        "book/02-curves.qmd:1: 0 predictions; a chapter has 2 to 4",
    ):
        assert [each for each in found if words in each], words
    expected = (
        "still to be written",
        "exercises; a note",
        "no explorable",
        "never",
        "1 question;",
        "claims;",
        "predictions;",
    )
    expected += ("no cell is tagged widget", "there is no notebook", "there is no notebooks/solutions")
    assert not [each for each in found if not any(words in each for words in expected)]


def test_a_new_explorable_has_page_notebook_and_picture_to_be_drawn(project, monkeypatch):
    run(project, monkeypatch, "explorable", "random-walk", "--chapter", "01")
    assert "explore.random_walk()" in (project.root / "notebooks/sources/01-lines.py").read_text()
    page = (project.root / "book/01-lines.qmd").read_text()
    assert page.index("#fig-random-walk-explorer") < page.index("## What goes wrong")
    found = findings(project)
    assert [
        each for each in found if "`python -m coursebook.screenshots random-walk-explorer` draws it" in each
    ]
    assert [each for each in found if "random-walk-explorer.js:11: still to be written: its title" in each]


def test_a_new_exercise_has_cells_check_test_and_place_on_the_page(project, monkeypatch):
    run(project, monkeypatch, "exercise", "quadruple", "--chapter", "01")
    source = sources.read(project, project.root / "notebooks/sources/01-lines.py")
    assert source.exercises() == ["double", "triple", "half", "quadruple"]
    claims = next(cell.position for cell in source.cells if "claims" in cell.tags)
    assert all(cell.position < claims for cell in source.cells if cell.exercise)
    assert "`check.quadruple`" in (project.root / "book/01-lines.qmd").read_text()
    assert not checks.run(project, ["exercise-checks"])["exercise-checks"]


def test_a_new_tool_has_adapter_record_and_test_and_finds_the_doctors_discs(project, monkeypatch, root):
    package = "src/bioimage_course"
    (project.root / package / "tools").mkdir(parents=True)
    for file in ("toolbox.toml", "tools/__init__.py"):
        shutil.copy(root / package / file, project.root / package / file)
    (project.root / "src/coursebook").mkdir()
    for helper in ("coursebook/doctor_jobs", "bioimage_course/errors"):  # else ruff takes them for libraries
        (project.root / f"src/{helper}.py").touch()
    run(project, monkeypatch, "tool", "two-thresholds")
    records = tomllib.loads((project.root / package / "toolbox.toml").read_text())
    assert records["two-thresholds"]["adapter"] == "two_thresholds" and len(records) > 10
    spec = importlib.util.spec_from_file_location(
        "adapter", project.root / package / "tools/two_thresholds.py"
    )
    adapter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(adapter)
    image, labels = doctor_jobs.blobs()
    assert metrics.match(labels, adapter.segment(image), 0.5).tp == 16
    listed = (project.root / package / "tools/__init__.py").read_text()
    assert '        "stardist",\n        "two_thresholds",\n        "unet",\n' in listed
    made = [f"{package}/tools", "tests/test_tools_two_thresholds.py"]
    assert_ruff_is_content(project, root, made)
    assert [
        each for each in findings(project) if "two_thresholds.py:1: still to be written: what this" in each
    ]
    with pytest.raises(InputError, match="is there already"):
        run(project, monkeypatch, "tool", "two-thresholds")
    with pytest.raises(InputError, match="has a record 'shap' already"):
        run(project, monkeypatch, "tool", "shap")


def test_what_is_made_is_formatted_and_its_own_test_passes(project, monkeypatch, root):
    run(project, monkeypatch, "chapter", "02-curves")
    run(project, monkeypatch, "exercise", "bend", "--chapter", "02")
    run(project, monkeypatch, "exercise", "bend_twice", "--chapter", "02")
    run(project, monkeypatch, "explorable", "walk", "--chapter", "02")
    made = ["src/bioimage_course/check/exercises/ch02.py", "src/bioimage_course/materials/ch02.py"]
    made += ["tests/test_ch02.py", "tests/test_explorable_walk.py"]
    for helper in ("exercise_cells", "explorable_page"):  # else ruff takes them for libraries
        (project.root / f"tests/{helper}.py").touch()
    assert_ruff_is_content(project, root, made)
    monkeypatch.setattr("bioimage_course.check.engine.registry", {})  # other tests ask for all exercises
    space, solved = {}, {}
    source = sources.read(project, project.root / "notebooks/sources/02-curves.py")
    exec((project.root / made[0]).read_text(), space)
    exec(source.solution("bend_twice"), solved)
    assert space["bend_twice"].verdict(solved["bend_twice"]).passed
    assert "comes back as it was" in space["bend_twice"].verdict(lambda x: x).message


def test_names_of_classes_are_imported_where_ruff_wants_them(project, monkeypatch, root):
    """In a chapter whose files import constants and classes, too; and the chapter may be named in full."""
    test = project.root / "tests/test_ch01.py"
    test.write_text('"""Chapter 1."""\n\nfrom exercise_cells import LIMIT, Chapter, space\n')
    run(project, monkeypatch, "exercise", "bend", "--chapter", "01-lines")
    assert "from exercise_cells import LIMIT, Chapter, failure, space\n" in test.read_text()


REFUSED = {
    ("chapter", "Curves"): "'Curves' is no name for a chapter: .* did you mean 02-curves",
    ("chapter", "01-curves"): "Chapter 01 is there already, 01-lines; the next free number is",
    ("explorable", "Line Two", "--chapter", "01"): "did you mean line-two",
    ("explorable", "line", "--chapter", "01"): "line-explorer.js is there already",
    ("explorable", "walk", "--chapter", "09"): "no chapter '09'; choose one with --chapter: 01",
    ("exercise", "bend"): "Name its chapter with --chapter: 01",
    ("exercise", "BendIt", "--chapter", "01"): "did you mean bend_it",
    ("exercise", "double", "--chapter", "01"): "ch01.py has an exercise 'double' already",
    ("exercise", "class", "--chapter", "01"): "'class' has a meaning already",
    ("exercise", "quiz", "--chapter", "01"): "'quiz' has a meaning already",
    ("exercise", "show", "--chapter", "01"): "'show' has a meaning already",
    ("chapter", "02-curves", "--chapter", "01"): "--title is for a new chapter",
    ("exercise", "bend", "--chapter", "01", "--title", "Bend"): "--title is for a new chapter",
    ("tool", "Two Thresholds"): "did you mean two-thresholds",
    ("tool", "otsu", "--chapter", "01"): "--title is for a new chapter",
    ("chaptr", "02-curves"): "did you mean chapter",
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.items())
def test_a_wrong_name_is_refused_in_one_sentence_and_nothing_is_written(
    project, monkeypatch, words, sentence
):
    before = everything(project)
    with pytest.raises(InputError, match=sentence):
        run(project, monkeypatch, *words)
    assert everything(project) == before


def test_a_failure_halfway_leaves_nothing_behind(project, monkeypatch):
    before, write_text = everything(project), new.write_text

    def fails_at_the_quiz(path, text):
        if path.name == "02.yml":
            raise OSError("disk full")
        return write_text(path, text)

    monkeypatch.setattr(new, "write_text", fails_at_the_quiz)
    with pytest.raises(OSError, match="disk full"):
        run(project, monkeypatch, "chapter", "02-curves")
    assert everything(project) == before
