"""The command line: help without heavy imports, one sentence for mistakes, the repository's address."""

import itertools
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from bioimage_course.errors import InputError
from coursebook import cli, quick, repo_url, testing
from coursebook.project import Project

ROOT = Path(__file__).resolve().parents[1]
OLD = "YOUR_ORGANISATION/bioimage-course"


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---------------------------------------------------------------- imports


def test_importing_the_package_loads_nothing_heavy():
    heavy = "torch tensorflow keras matplotlib numpy scipy skimage pandas IPython napari".split()
    code = f"import sys, bioimage_course; print([name for name in {heavy} if name in sys.modules])"
    assert python(code) == "[]"


def test_importing_the_package_is_quick(record_property):
    clock = "time.perf_counter()"
    code = f"import time; start = {clock}; import bioimage_course; print({clock} - start)"
    seconds = min(float(python(code)) for _ in range(3))
    record_property("seconds", seconds)
    assert seconds < 1, "0.1 s is the aim (benchmarks/bench_import.py); a whole second is a mistake"


def test_help_needs_no_heavy_package():
    code = "import sys; from coursebook import cli; cli.main([]); print('yaml' in sys.modules)"
    assert python(code).endswith("False")


# ---------------------------------------------------------------- the command


def test_every_command_is_listed_and_has_its_module(capsys):
    assert cli.main([]) == 0
    text = capsys.readouterr().out
    for name, (module, _) in cli.COMMANDS.items():
        assert f"  {name} " in text
        assert (ROOT / "src" / module.replace(".", "/")).with_suffix(".py").is_file() or (
            ROOT / "src" / module.replace(".", "/") / "__init__.py"
        ).is_file()


@pytest.mark.parametrize("command", [name for name in cli.COMMANDS if name not in {"test", "lab"}])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert f"course {command}" in capsys.readouterr().out


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "bioimage-course 0.1.0\n"


def test_unknown_command_stops_with_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["bok"])
    assert stop.value.code == 2
    assert "there is no command 'bok'; did you mean book?" in capsys.readouterr().err


def test_mistake_is_one_sentence_without_traceback(capsys):
    assert cli.main(["doctor", "--tools", "photoshop"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("course doctor: the doctor does not know 'photoshop'; choose from n2v")
    assert said.err.count("\n") == 1


def test_outside_of_a_course(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["set-repo-url", "https://github.com/owner/name"]) == 2
    assert "No _quarto.yml" in capsys.readouterr().err


def test_missing_package_names_the_remedy(monkeypatch, capsys):
    monkeypatch.setitem(cli.COMMANDS, "doctor", ("nosuchmodule", ""))
    assert cli.main(["doctor"]) == 2
    assert "'nosuchmodule' is not installed" in capsys.readouterr().err


@pytest.fixture
def steps(monkeypatch):
    """What `course test` and `course quick` would run, instead of running it."""
    asked = []

    def choice(command, env):
        asked.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    def step(name, command, environment):
        asked.append((command, environment))
        return int(name in failing), "3 passed, 1 warning in 1.50s\n"

    failing = set()
    monkeypatch.setattr(testing.subprocess, "run", choice)
    monkeypatch.setattr(quick, "run", step)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    monkeypatch.chdir(ROOT)
    return SimpleNamespace(asked=asked, failing=failing)


@pytest.mark.parametrize(
    "choice", [["tests/test_cli.py::test_version"], ["-k", "stardist"], ["-m", "nightly"]]
)
def test_course_test_hands_a_choice_to_pytest(choice, steps):
    assert testing.main(choice) == 0
    ((command, _),) = steps.asked
    assert command[-len(choice) :] == tuple(choice) and "--nbval-lax" in command


def test_course_test_runs_nothing_when_a_file_is_not_there(steps):
    with pytest.raises(InputError, match=r"There is no tests/test_clj\.py; did you mean tests/test_cli\.py"):
        testing.main(["-x", "tests/test_clj.py::test_version"])
    assert not steps.asked


def test_course_test_looks_first_and_then_tests_everything_in_one_run(steps):
    assert testing.main(["--color=no"]) == 0
    *looking, tests = [command for command, _ in steps.asked]  # what looks runs side by side, in any order
    assert {*looking} == {command for name, command in quick.STEPS.items() if name != quick.TESTS}
    assert tests[-4:] == ("src", "tests", "notebooks/solutions", "--color=no")
    assert {"--nbval-lax", "--doctest-modules", *quick.ALREADY_SAID} <= {*tests}


def test_course_test_stops_where_quick_finds_something(steps):
    steps.failing.add("book")
    assert testing.main([]) == 1
    assert len(steps.asked) == 4  # lint, format, types, book
    assert quick.main(["--only", "book", "--only", "lint"]) == 1
    assert len(steps.asked) == 6  # the step after the failed one runs too


@pytest.mark.parametrize("other", [True, False])
def test_course_test_computes_as_another_processor_would(other, steps):
    assert testing.main(["-x"] + ["--other-processor"] * other) == 0
    for command, environment in steps.asked:
        assert "--other-processor" not in command
        assert environment.get("DNNL_MAX_CPU_ISA") == ("SSE41" if other else None)


def test_every_test_is_run_or_nightly():
    """The marks of the two runs leave nothing out and share nothing; what is short is part of the first."""
    for marks in itertools.product([True, False], repeat=4):
        state = dict(zip(["slow", "browser", "index", "nightly"], marks, strict=True))
        runs = [simple_eval(expression, state) for expression in (testing.ALL, "nightly")]
        assert sum(runs) == 1
        assert runs[0] or not simple_eval(quick.SHORT, state)


def simple_eval(expression, state):
    """pytest's own reading of an expression of marks."""
    from _pytest.mark.expression import Expression

    return Expression.compile(expression).evaluate(lambda name: state[name])


# ---------------------------------------------------------------- set-repo-url


@pytest.fixture
def copy(tmp_path):
    """The repository without environment, history and rendered book."""
    ignored = (".venv", ".git", "_book", "__pycache__", ".*_cache", "weights", ".course")
    folder = tmp_path / "course"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*ignored))
    return folder


def quoting(folder: Path, needle: str) -> list[str]:
    """Return the files below `folder` that hold `needle`, without tests and workshop code."""
    kinds = {".md", ".qmd", ".yml", ".toml", ".cff", ".ipynb", ".py", ".json"}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in kinds]
    found = [path for path in files if needle in path.read_text(encoding="utf-8")]
    names = [path.relative_to(folder).as_posix() for path in found]
    return [name for name in names if not name.startswith(("tests/", "src/coursebook/"))]


@pytest.mark.slow
def test_set_repo_url_changes_every_place(copy, monkeypatch, capsys):
    monkeypatch.chdir(copy)
    before = {"README.md", "CITATION.cff", "pyproject.toml", "_quarto.yml"}
    assert before <= set(quoting(copy, OLD))
    assert any(name.startswith("notebooks/") for name in quoting(copy, OLD))

    assert cli.main(["set-repo-url", "https://github.com/cell-lab/course.git/"]) == 0
    changed = capsys.readouterr().out
    assert all(f"changed {name}\n" in changed for name in before)
    assert quoting(copy, OLD) == []
    assert quoting(copy, "your_organisation.github.io") == []
    assert Project(copy).repo_url == "https://github.com/cell-lab/course"
    readme = (copy / "README.md").read_text(encoding="utf-8")
    assert "colab.research.google.com/github/cell-lab/course/blob/main/" in readme
    assert "https://cell-lab.github.io/course" in (copy / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.slow
def test_set_repo_url_twice_changes_nothing_and_back_restores(copy, monkeypatch, capsys):
    monkeypatch.chdir(copy)
    project = Project(copy)
    repo_url.set_repo_url(project, project.repo_url)  # whatever was not in step is now
    original = {name: (copy / name).read_bytes() for name in quoting(copy, OLD)}
    assert repo_url.set_repo_url(Project(copy), "https://github.com/cell-lab/course")
    assert repo_url.set_repo_url(Project(copy), "https://github.com/cell-lab/course") == []
    assert cli.main(["set-repo-url", "https://github.com/cell-lab/course"]) == 0
    assert "Nothing to change" in capsys.readouterr().out
    repo_url.set_repo_url(Project(copy), f"https://github.com/{OLD}")
    different = [name for name, content in original.items() if (copy / name).read_bytes() != content]
    assert different == []


@pytest.mark.parametrize(
    "url",
    ["", "course", "http://github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a", "https://github.com/a/b/c",
     "https://github.com/a/..", "https://github.com/a b/c", "https://github.com/-a/b", "https://github.com/a/b\nevil"],
)  # fmt: skip
def test_addresses_that_are_refused(url):
    with pytest.raises(InputError, match=r"https://github.com/OWNER/NAME"):
        repo_url.checked(url)


def test_first_figure_is_quick(record_property):
    """The aim is 3 s; asserted loosely, because test machines are busy."""
    code = "from bioimage_course import data, show; show.image(data.load('nuclei').image, alt='nuclei')"
    start = time.perf_counter()
    python(code)
    record_property("seconds", time.perf_counter() - start)
    assert time.perf_counter() - start < 30
