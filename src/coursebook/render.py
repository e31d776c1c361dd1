"""``course book``: render the book, with Quarto where there is one, with the preview renderer otherwise."""

import argparse
import importlib
import shutil
import subprocess
from pathlib import Path

from bioimage_course.errors import ToolUnavailableError
from coursebook import preview
from coursebook.project import Project


def main(argv: list[str] | None = None) -> int:
    """Render the book of the course around the working directory.

    Returns
    -------
    int
        0 if the book is there, otherwise the exit code of what failed.

    Raises
    ------
    InputError
        The working directory is not inside a course.
    ToolUnavailableError
        ``--engine quarto`` without a ``quarto`` command.
    """
    parser = argparse.ArgumentParser(prog="course book", description=__doc__.replace("``", ""))
    execute = "execute all notebooks first (full environment)"
    parser.add_argument("--execute", action="store_true", help=execute)
    engine = "auto (the default) takes Quarto if its command exists"
    parser.add_argument("--engine", choices=["auto", "quarto", "preview"], default="auto", help=engine)
    options = parser.parse_args(argv)
    root = Project.find().root
    quarto = shutil.which("quarto")
    if options.engine == "quarto" and not quarto:
        raise ToolUnavailableError(
            "there is no `quarto` command: install it from https://quarto.org/docs/get-started/ or leave "
            "out `--engine quarto`."
        )
    if options.execute:
        if code := importlib.import_module("coursebook.build").main(["--force"]):
            return code
    if options.engine == "preview" or not quarto:
        why = (
            "Preview renderer:"
            if quarto
            else "No `quarto` command here: rendering with the preview renderer."
        )
        print(why)
        return preview.main(["--root", str(root)])
    return _quarto(quarto, root)


def _quarto(command: str, root: Path) -> int:
    """Run ``quarto render`` and say how to read what it made."""
    print(f"Rendering with Quarto ({command}).", flush=True)
    code = subprocess.run([command, "render", str(root)]).returncode
    if code == 0:
        print(f"Rendered {root / '_book'} with Quarto. Its pages want a server: run `quarto preview`, or")
        print(f"`python -m http.server --directory {root / '_book'}` and open http://localhost:8000.")
        print("`course preview` renders pages that open by double-clicking.")
    return code
