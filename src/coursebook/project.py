"""Where things lie in the repository, and what ``_quarto.yml`` says about the book.

Everything here is plain files and YAML: nothing heavy is imported, so that the book can be checked in the
light environment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from bioimage_course import files
from bioimage_course.errors import InputError
from coursebook.book.findings import BookError, Finding, of_yaml, read_yaml

LICENCES = "Text: CC BY 4.0. Code: BSD-3-Clause."


@dataclass
class Entry:
    """One page of the book, in reading order."""

    path: str  # of the source, relative to the project, with forward slashes
    part: str = ""
    appendix: bool = False
    text: str = ""  # label in the sidebar, if it is not the page's own title


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
        remedy = "run this command inside a clone of the course"
        raise InputError(f"No _quarto.yml in {start} or above it; {remedy}.")

    def relative(self, path: Path) -> str:
        """Return `path` relative to the root, with forward slashes on every system."""
        return Path(path).relative_to(self.root).as_posix()

    @cached_property
    def quarto(self) -> dict:
        """The content of ``_quarto.yml``."""
        file = self.root / "_quarto.yml"
        try:
            content = read_yaml(file.read_text(encoding="utf-8"))
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
        return pages_of(self.repo_url)

    def colab_url(self, path: str) -> str:
        """Return the address that opens the notebook at `path` (relative to the root) in Google Colab."""
        return f"https://colab.research.google.com/github/{slug(self.repo_url)}/blob/main/{path}"

    def file_url(self, path: str) -> str:
        """Return the address of the file at `path` (relative to the root) in the public repository."""
        return f"{self.repo_url}/blob/main/{path}"

    def entries(self) -> list[Entry]:
        """Return the entries of the book's list of pages, as ``_quarto.yml`` has them."""
        book = self.quarto.get("book", {})
        appendices = _entries(book.get("appendices") or [], appendix=True)
        return [*_entries(book.get("chapters") or []), *appendices]

    def pages(self) -> list[str]:
        """Return the book's pages in reading order, as ``_quarto.yml`` lists them."""
        return [entry.path for entry in self.entries()]

    def source_paths(self) -> list[Path]:
        """Return the notebook sources in the order of the book; those without a page in it come last."""
        place = {Path(page).stem: number for number, page in enumerate(self.pages())}
        found = sorted((self.root / "notebooks" / "sources").glob("*.py"))
        return sorted(found, key=lambda path: place.get(path.stem, len(place)))


def _entries(items: list, part: str = "", appendix: bool = False) -> Iterator[Entry]:
    """Read a list of chapters: files, ``{file: …}`` or ``{href: …}`` with a text, and parts with chapters."""
    for item in items:
        if isinstance(item, str):
            yield Entry(item, part, appendix)
        elif "part" in item:
            yield from _entries(item.get("chapters") or [], str(item["part"]), appendix)
        elif "href" in item or "file" in item:
            yield Entry(item.get("href") or item["file"], part, appendix, str(item.get("text", "")))
        else:
            message = f"cannot read this entry of the chapter list: {item!r}"
            raise BookError([Finding("_quarto.yml", 0, message, "quarto-yml")])


def slug(repo_url: str) -> str:
    """Return ``owner/name`` of a repository."""
    return "/".join(repo_url.split("/")[-2:])


def pages_of(repo_url: str) -> str:
    """Return the address of a repository's GitHub Pages."""
    owner, _, name = slug(repo_url).partition("/")
    return f"https://{owner.lower()}.github.io/{name}"


def write_text(path: Path, text: str | bytes) -> bool:
    """Write `text` to `path` in one step, unless it is there already.

    Returns
    -------
    bool
        True if the file changed.
    """
    content = text.encode() if isinstance(text, str) else text
    if path.is_file() and path.read_bytes() == content:
        return False
    files.save(path, content)
    return True
