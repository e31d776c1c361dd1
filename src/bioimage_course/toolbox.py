"""One record for each tool of the course: what it is called, what it needs, what stands before it.

The records stand in ``toolbox.toml``. Everything else is made from them or compared with them: what is
installed with which extra (``pyproject.toml``, Google Colab), what `compat` looks for and prepares, which
rows ``course doctor`` has, and what ``training/race.py`` says about those that race.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tool:
    """A tool, under the name that the course calls it by.

    Attributes
    ----------
    name : str
    modules : tuple of str
        Python modules without which it does not work.
    packages : tuple of str
        Distributions that it runs on; the first carries its version.
    extra : str
        Extra of ``bioimage-course`` that installs it; "" if the course cannot do without these packages.
    beside : tuple of str
        Distributions that the extra must bring too, so that it works.
    needs : tuple of str
        What has to be done before its first import, keys of `compat.PREPARATIONS`.
    adapter : str
        Module of ``bioimage_course.tools`` with ``segment(image) -> labels``; "" if there is none.
    title, chapter : str
        Its name in tables, and the chapter that explains it.
    """

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str = ""
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    adapter: str = ""
    title: str = ""
    chapter: str = ""


def _record(name: str, keys: dict) -> Tool:
    lists = {key: tuple(value) for key, value in keys.items() if isinstance(value, list)}
    return Tool(name, **keys | lists)


_FILE = Path(__file__).with_name("toolbox.toml")

TOOLS = {name: _record(name, keys) for name, keys in tomllib.loads(_FILE.read_text("utf-8")).items()}
"""Every tool by name."""

EXTRAS = tuple(dict.fromkeys(tool.extra for tool in TOOLS.values() if tool.extra))
"""The extras of ``bioimage-course``; the last, ``all``, contains the others."""
