"""``course test``: every test there is, in one run of pytest."""

import importlib.util
import os
import subprocess
import sys

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project

PATHS = ("tests", "notebooks/solutions")


def command(arguments: list[str]) -> list[str]:
    """Return pytest's command line: unit tests, and nbval over the notebooks with solutions.

    Paths among the arguments replace the two default folders.
    """
    chosen = any(os.path.exists(each.split("::")[0]) for each in arguments if not each.startswith("-"))
    paths = [] if chosen else [path for path in PATHS if os.path.isdir(path)]
    return [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", *paths, *arguments]


def main(argv: list[str] | None = None) -> int:
    """Run the tests; all arguments go to pytest, whose exit code comes back.

    Raises
    ------
    ToolUnavailableError
        If only the light environment is installed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise ToolUnavailableError("pytest is not installed in this environment; run `make test`.")
    os.chdir(Project.find().root)
    return subprocess.run(command(list(argv or []))).returncode
