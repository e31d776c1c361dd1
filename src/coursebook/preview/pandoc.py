"""Pandoc, as it comes with the Python package ``pypandoc_binary``."""

import functools
import json
import re
import subprocess

from bioimage_course.errors import ToolUnavailableError

READER = "markdown"  # Quarto's own reader settings: pandoc's Markdown with all its usual extensions


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


class PandocError(Exception):
    """Pandoc refused its input; the message is its own."""


@functools.lru_cache(maxsize=256)  # titles and unchanged pages come again
def run(text: str, *options: str) -> tuple[str, tuple[str, ...]]:
    """Run pandoc on `text`.

    Returns
    -------
    (str, tuple of str)
        What pandoc wrote, and its warnings.
    """
    done = subprocess.run(
        [executable(), *options], input=text, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise PandocError(done.stderr.strip())
    warnings = re.split(r"^\[WARNING\] ", done.stderr, flags=re.MULTILINE)[1:]
    return done.stdout, tuple(" ".join(warning.split()) for warning in warnings)


def citation_keys(bibliography) -> set[str]:
    """Return the keys of a BibLaTeX file, as pandoc reads them."""
    text, _ = run(bibliography.read_text(encoding="utf-8"), "--from=biblatex", "--to=csljson")
    return {entry["id"] for entry in json.loads(text or "[]")}
