"""Where things lie in the repository, and what ``_quarto.yml`` says about the book.

Everything here is plain files and YAML: nothing of the helper package and nothing heavy is
imported, so that the book can be checked in the light environment.
"""

import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from bioimage_course.errors import InputError
from coursebook.book.findings import BookError, Finding, of_yaml

LICENCES = "Text: CC BY 4.0. Code: BSD-3-Clause."


@dataclass(frozen=True)
class Project:
    """The repository of a course.

    Parameters
    ----------
    root : Path
        The folder that holds ``_quarto.yml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """Return the project that contains `start` (by default the working directory).

        Raises
        ------
        InputError
            If neither `start` nor a folder above it holds ``_quarto.yml``.
        """
        start = Path(start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "_quarto.yml").is_file():
                return cls(folder)
        raise InputError(
            f"No _quarto.yml in {start} or above it; run this command inside a clone of the course."
        )

    def relative(self, path: Path) -> str:
        """Return `path` relative to the root, with forward slashes on every system."""
        return Path(path).relative_to(self.root).as_posix()

    @cached_property
    def quarto(self) -> dict:
        """The content of ``_quarto.yml``."""
        file = self.root / "_quarto.yml"
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            message = f"not found in {self.root}: is this the course's folder?"
            raise BookError([Finding(file.name, 0, message)]) from None
        except yaml.YAMLError as error:
            raise BookError([of_yaml(file.name, error)]) from None
        if not isinstance(content, dict):
            raise BookError([Finding(file.name, 1, "expected a mapping with `project:` and `book:`")])
        return content

    @property
    def title(self) -> str:
        """The book's title."""
        return self.quarto.get("book", {}).get("title", "the course")

    @property
    def repo_url(self) -> str:
        """Address of the public repository: the only place that names it is ``_quarto.yml``."""
        url = self.quarto.get("book", {}).get("repo-url")
        if not url:
            raise InputError("_quarto.yml has no `repo-url` under `book:`; badges are made from it.")
        return url.rstrip("/")

    @property
    def site_url(self) -> str:
        """Address of the published book: ``site-url`` if given, else the repository's GitHub Pages."""
        url = self.quarto.get("book", {}).get("site-url")
        if url:
            return url.rstrip("/")
        owner, _, name = self.repo_url.removeprefix("https://github.com/").partition("/")
        return f"https://{owner.lower()}.github.io/{name}"

    def colab_url(self, path: str) -> str:
        """Return the address that opens the notebook at `path` (relative to the root) in Google Colab."""
        return f"https://colab.research.google.com/github/{self._slug}/blob/main/{path}"

    def file_url(self, path: str) -> str:
        """Return the address of the file at `path` (relative to the root) in the public repository."""
        return f"{self.repo_url}/blob/main/{path}"

    @property
    def _slug(self) -> str:
        """``owner/name`` of the repository, as Colab's addresses want it."""
        return "/".join(self.repo_url.split("/")[-2:])

    def pages(self) -> list[str]:
        """Return the book's pages in reading order, as ``_quarto.yml`` lists them."""
        book = self.quarto.get("book", {})
        return [*_flatten(book.get("chapters", [])), *_flatten(book.get("appendices", []))]

    def source_paths(self) -> list[Path]:
        """Return the notebook sources in the order of the book; those without a page in it come last."""
        place = {Path(page).stem: number for number, page in enumerate(self.pages())}
        found = sorted((self.root / "notebooks" / "sources").glob("*.py"))
        return sorted(found, key=lambda path: place.get(path.stem, len(place)))


def _flatten(entries: list) -> list[str]:
    """Return the page files of a chapter list that may hold parts and ``{file: …}`` entries."""
    pages = []
    for entry in entries:
        if isinstance(entry, str):
            pages.append(entry)
            continue
        part = entry.get("part", "")
        if part.endswith(".qmd"):
            pages.append(part)
        if "file" in entry:
            pages.append(entry["file"])
        pages.extend(_flatten(entry.get("chapters", [])))
    return pages


def write_text(path: Path, text: str | bytes) -> bool:
    """Write `text` to `path` in one step, unless it is there already.

    A temporary file beside `path` is renamed, so that nobody ever reads half a file.

    Returns
    -------
    bool
        True if the file changed.
    """
    content = text.encode() if isinstance(text, str) else text
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
