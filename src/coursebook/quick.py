"""``course quick``: what can be said about a change within three minutes, before the whole suite runs."""

import argparse
import importlib.util
import os
import subprocess
import sys
import time

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project
from coursebook.testing import WORKERS

PYTHON = (sys.executable, "-m")
STEPS = {
    "lint": (*PYTHON, "ruff", "check", "--quiet"),
    "format": (*PYTHON, "ruff", "format", "--check", "--quiet"),
    "book": (*PYTHON, "coursebook.cli", "check"),
    "tests": (
        *(*PYTHON, "pytest", "-q", "-p", "no:nbval", "-p", "no:cacheprovider", "--doctest-modules"),
        *("-n", str(WORKERS), "-m", "not slow and not browser and not index", "src", "tests"),
    ),
}
"""Name of a step: its command. The last runs the examples of the docstrings and the short tests."""


def main(argv: list[str] | None = None) -> int:
    """Run lint, format, ``course check``, the docstrings' examples and the short tests; 1 if any fails.

    Every step runs, so that one look shows everything that is wrong.

    Raises
    ------
    ToolUnavailableError
        If only the light environment is installed.
    """
    parser = argparse.ArgumentParser(prog="course quick", description=__doc__)
    parser.add_argument("--only", choices=STEPS, action="append", help="a step by its name; may be repeated")
    chosen = parser.parse_args(argv).only or list(STEPS)
    if importlib.util.find_spec("pytest") is None:
        raise ToolUnavailableError("pytest is not installed in this environment; run `make quick`.")
    root = Project.find().root
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // WORKERS))}
    failed = []
    for name in chosen:
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        code = subprocess.run(STEPS[name], cwd=root, env=threads | os.environ).returncode
        print(f"== {name}: {'failed' if code else 'fine'}, {time.perf_counter() - start:.0f} s", flush=True)
        failed += [name] if code else []
    return 1 if failed else 0
