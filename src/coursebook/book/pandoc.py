"""Pandoc, as it comes with the Python package ``pypandoc_binary``, and what it once wrote."""

import contextlib
import functools
import hashlib
import json
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

from bioimage_course.errors import ToolUnavailableError

from ..project import write_text

READER = "markdown"  # Quarto's own reader settings: pandoc's Markdown with all its usual extensions
CACHE = ".course/pandoc"  # in the course's folder; git ignores it
KEPT = 7 * 24 * 3600.0  # seconds that an answer nobody asks for is kept


class PandocError(Exception):
    """Pandoc refused its input; the message is its own."""


@functools.cache
def executable() -> str:
    """Return the path of pandoc."""
    import pypandoc

    try:
        return pypandoc.get_pandoc_path()
    except OSError:
        raise ToolUnavailableError(
            "pandoc is missing: install it with `python -m pip install pypandoc_binary`."
        ) from None


@functools.lru_cache(maxsize=256)  # titles and captions come again
def run(text: str, *options: str) -> tuple[str, tuple[str, ...]]:
    """Run pandoc on `text`.

    Returns
    -------
    (str, tuple of str)
        What pandoc wrote, and its warnings.

    Raises
    ------
    PandocError
        Pandoc cannot read `text`.
    """
    command = [executable(), *options]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise PandocError(done.stderr.strip())
    warnings = re.split(r"^\[WARNING\] ", done.stderr, flags=re.MULTILINE)[1:]
    return done.stdout, tuple(" ".join(warning.split()) for warning in warnings)


@functools.cache
def _version() -> str:
    try:
        return metadata.version("pypandoc_binary")
    except metadata.PackageNotFoundError:
        return executable()


def remembered(root: Path, text: str, *options: str, files: tuple[Path, ...] = ()) -> tuple[str, tuple]:
    """Run pandoc on `text`, or return what it said of the same text before.

    Parameters
    ----------
    root : Path
        The course's folder; answers are kept under it.
    text : str
    options : str
    files : tuple of Path
        Files that the options name; other contents of them ask anew.
    """
    key = hashlib.sha256("\0".join([_version(), *options, text]).encode())
    for file in files:
        key.update(file.read_bytes())
    path = root / CACHE / f"{key.hexdigest()}.json"
    try:
        written, warnings = json.loads(path.read_text(encoding="utf-8"))
        path.touch()
        return written, tuple(warnings)
    except (OSError, ValueError):
        answer = run(text, *options)
        with contextlib.suppress(OSError):  # a folder that cannot be written only costs time
            write_text(path, json.dumps(answer))
        return answer


def forget_old(root: Path) -> None:
    """Delete the answers that nobody asked for during the last week."""
    for path in (root / CACHE).glob("*.json"):
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - path.stat().st_mtime > KEPT:
                path.unlink()


def bibliography(path: Path) -> list[dict]:
    """Return the entries of a BibLaTeX file as CSL JSON, in the file's order, each key once."""
    text, _ = run(path.read_text(encoding="utf-8"), "--from=biblatex", "--to=csljson")
    return json.loads(text or "[]")
