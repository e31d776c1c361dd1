"""``course quick``: what can be said about a change within three minutes, before the whole suite runs."""

import argparse
import importlib.util
import os
import subprocess
import sys
import time

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project

WORKERS = 2  # more would ask for more memory than a laptop has: a notebook may take 4 GB

PYTEST = (sys.executable, "-m", "pytest")
SHARING = ("-n", str(WORKERS), "--dist", "loadfile")  # the cells of a notebook must stay together
SHORT = "not slow and not browser and not index and not nightly"
SAID = "tests/test_notebooks.py::test_course_check_finds_nothing"  # by the step `book`
STEPS = {
    "lint": (sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise"),
    "format": (sys.executable, "-m", "ruff", "format", "--check", "--quiet"),
    "types": (sys.executable, "-m", "mypy", "--no-error-summary"),
    "book": (sys.executable, "-m", "coursebook.cli", "check"),
    "short tests": (
        *(*PYTEST, "-q", "-p", "no:nbval", *SHARING, "-m", SHORT, "--deselect", SAID),
        *("--durations", "5", "--durations-min", "3"),  # what should be marked as slow shows itself
        *("--doctest-modules", "src", "tests"),
    ),
}
"""Name of a step: its command. The last runs the examples of the docstrings, too."""


def main(argv: list[str] | None = None) -> int:
    """Run lint, format, types, ``course check``, examples of docstrings and short tests; 1 if any fails.

    Every step runs, so that one look shows everything that is wrong.

    Raises
    ------
    ToolUnavailableError
        If only the light environment is installed.
    """
    parser = argparse.ArgumentParser(
        prog="course quick",
        description="Lint, types, the book's rules, docstring examples and the short tests.",
    )
    parser.add_argument("--only", choices=STEPS, action="append", help="a step by its name; may be repeated")
    chosen = parser.parse_args(argv)
    start_at_the_root()
    failed = [name for name in chosen.only or STEPS if run(name, STEPS[name], environment())[0]]
    return 1 if failed else 0


def start_at_the_root() -> None:
    """Change to the repository's root, where all tests run.

    Raises
    ------
    ToolUnavailableError
        If only the light environment is installed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise ToolUnavailableError("pytest is not installed in this environment; run `make test`.")
    os.chdir(Project.find().root)


def environment() -> dict[str, str]:
    """Return the environment of the tests: each process would otherwise take all cores for its sums."""
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // WORKERS))} | os.environ


def run(name: str, command: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str]:
    """Run a step, show what it says while it runs; return its exit code and what it said."""
    print(f"== {name}", flush=True)
    start, said = time.perf_counter(), []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as step:
        for line in step.stdout or ():
            print(line, end="", flush=True)
            said.append(line)
    how = "failed" if step.returncode else "fine"
    print(f"== {name}: {how}, {time.perf_counter() - start:.0f} s", flush=True)
    return step.returncode, "".join(said)
