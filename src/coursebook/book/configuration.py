"""The part of ``_quarto.yml`` that rendering needs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..project import Entry, Project
from .findings import BookError, Finding, line_of


@dataclass
class Settings:
    """Title, pages and options of a Quarto book."""

    title: str
    subtitle: str
    authors: list[str]
    lang: str
    repo_url: str
    entries: list[Entry]
    bibliography: list[str]
    css: list[str]
    header: str
    footer: str
    page_footer: str
    toc_depth: int
    code_fold: str
    resources: list[str] = field(default_factory=list)
    site_url: str = ""  # where the book is published; needed for whole addresses
    description: str = ""
    image: str = ""  # social card, relative to the project
    image_alt: str = ""
    favicon: str = ""
    csl: str = ""


def read(project: Project) -> tuple[Settings, list[Finding]]:
    """Read ``_quarto.yml``.

    Returns
    -------
    (Settings, list of Finding)
        What it says, without the pages that do not exist, and what is wrong with it.

    Raises
    ------
    BookError
        The file is missing, is no YAML, or describes no book.
    """
    root, config = project.root, project.quarto
    book = config.get("book") or {}
    if not isinstance(book, dict) or not book.get("chapters"):
        raise BookError([_finding("`book: chapters:` lists no page")])
    # Quarto puts the home page first, wherever it is listed.
    entries = sorted(project.entries(), key=lambda entry: entry.path != "index.qmd")
    html = (config.get("format") or {}).get("html") or {}
    html = html if isinstance(html, dict) else {}
    bibliography = _list(config.get("bibliography") or book.get("bibliography"))
    named = bibliography + _list(html.get("css")) + _list(config.get("csl"))
    named += _list(book.get("image")) + _list(book.get("favicon"))
    text = (root / "_quarto.yml").read_text(encoding="utf-8")
    findings = list(_missing(root, text, entries, named))
    entries = [entry for entry in entries if (root / entry.path).is_file()]
    authors = [a.get("name", "") if isinstance(a, dict) else str(a) for a in _list(book.get("author"))]
    settings = Settings(
        title=str(book.get("title", "")),
        subtitle=str(book.get("subtitle", "")),
        authors=authors,
        lang=str(config.get("lang", "en")),
        repo_url=str(book.get("repo-url", "")),
        entries=entries,
        bibliography=bibliography,
        css=_list(html.get("css")),
        header=_snippets(root, html.get("include-in-header")),
        footer=_snippets(root, html.get("include-after-body")),
        page_footer=str(book.get("page-footer") or ""),
        toc_depth=int(html.get("toc-depth", 3)),
        code_fold=str(html.get("code-fold", "false")).lower(),
        resources=_list((config.get("project") or {}).get("resources")),
        site_url=str(book.get("site-url") or "").rstrip("/"),
        description=str(book.get("description") or ""),
        image=str(book.get("image") or ""),
        image_alt=str(book.get("image-alt") or ""),
        favicon=str(book.get("favicon") or ""),
        csl=str(config.get("csl") or ""),
    )
    return settings, findings


def _missing(root: Path, text: str, entries: list[Entry], named: list[str]) -> Iterator[Finding]:
    """Say which pages and files do not exist, and what else is wrong with the list of pages."""
    if entries[0].path != "index.qmd":
        yield _finding("a Quarto book needs a home page `index.qmd`")
    seen = set()
    for entry in entries:
        if not (root / entry.path).is_file():
            yield _finding(f"the page {entry.path} does not exist", line_of(text, entry.path))
        if entry.path in seen:
            yield _finding(f"{entry.path} is listed twice", line_of(text, entry.path))
        seen.add(entry.path)
    for name in named:
        if not (root / name).is_file():
            yield _finding(f"the file {name} does not exist", line_of(text, name))


def _finding(message: str, line: int = 0) -> Finding:
    return Finding("_quarto.yml", line, message, "quarto-yml")


def _list(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _snippets(root: Path, value) -> str:
    """HTML of Quarto's ``include-in-header`` and ``include-after-body``: files or ``text:``."""
    parts = []
    for item in _list(value):
        if isinstance(item, dict) and "text" in item:
            parts.append(item["text"])
        else:
            name = item["file"] if isinstance(item, dict) else item
            parts.append((root / name).read_text(encoding="utf-8"))
    return "\n".join(parts)
