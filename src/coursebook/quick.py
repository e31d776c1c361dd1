"""``course quick``: what can be said about a change within three minutes, before the whole suite runs."""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project

WORKERS = 2  # more would ask for more memory than a laptop has: a notebook may take 4 GB

PYTEST = (sys.executable, "-m", "pytest")
SHARING = ("-n", str(WORKERS), "--dist", "loadfile")  # the cells of a notebook must stay together
SHORT = "not slow and not browser and not index and not nightly"
ALREADY_SAID = ("--deselect", "tests/test_notebooks.py::test_course_check_finds_nothing")  # by `book`
TESTS = "short tests"
STEPS = {
    "lint": (sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise"),
    "format": (sys.executable, "-m", "ruff", "format", "--check", "--quiet"),
    "types": (sys.executable, "-m", "mypy", "--no-error-summary"),
    "book": (sys.executable, "-m", "coursebook.cli", "check"),
    TESTS: (
        *(*PYTEST, "-q", "-p", "no:nbval", *SHARING, "-m", SHORT, *ALREADY_SAID),
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
    names = chosen.only or [*STEPS]
    found = look([name for name in names if name != TESTS], environment())
    if TESTS in names:
        found = run(TESTS, STEPS[TESTS], environment())[0] or found
    return 1 if found else 0


def look(names: list[str], environment: dict[str, str]) -> int:
    """Run steps beside each other, as each takes one core; return the exit code of a failed one, else 0."""
    with ThreadPoolExecutor(WORKERS) as pool:
        codes = pool.map(lambda name: run(name, STEPS[name], environment)[0], names)
        return max(codes, key=abs, default=0)


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
    """Run a step, show what it says (tests while they run); return its exit code and what it said."""
    start, said, live = time.perf_counter(), [], "pytest" in command
    if live:
        print(f"== {name}", flush=True)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as step:
        for line in step.stdout or ():
            said.append(line)
            if live:
                print(line, end="", flush=True)
    before = "" if live else "".join([f"== {name}\n", *said])
    how = "failed" if step.returncode else "fine"
    print(f"{before}== {name}: {how}, {time.perf_counter() - start:.0f} s\n", end="", flush=True)
    return step.returncode, "".join(said)
