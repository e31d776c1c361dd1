"""``course lab``: JupyterLab on the learner's notebooks."""

import importlib.util
import subprocess
import sys

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project


def main(argv: list[str] | None = None) -> int:
    """Open JupyterLab in ``notebooks/``; all arguments go to it (``--no-browser``, ``--port 8889``).

    Raises
    ------
    ToolUnavailableError
        If JupyterLab is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ToolUnavailableError("JupyterLab is not installed in this environment; run `make lab`.")
    folder = Project.find().root / "notebooks"
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(folder), *(argv or [])]).returncode
