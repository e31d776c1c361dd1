"""The part of ``_quarto.yml`` that the preview needs."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .problems import BookError, Problem


@dataclass
class Entry:
    """One page of the book, in reading order."""

    path: str  # of the source, relative to the project, with forward slashes
    part: str = ""
    appendix: bool = False
    text: str = ""  # label in the sidebar, if it is not the page's own title


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


def read(root: Path) -> Settings:
    """Read ``_quarto.yml`` in `root`.

    Raises
    ------
    BookError
        The file is missing, is no YAML, describes no book, or names a page that does not exist.
    """
    path = root / "_quarto.yml"
    try:
        text = path.read_text(encoding="utf-8")
        config = yaml.safe_load(text) or {}
    except FileNotFoundError:
        raise BookError(
            [Problem("_quarto.yml", 0, f"not found in {root}: is this the course's folder?")]
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"this is not valid YAML: {getattr(error, 'problem', error)}"
        raise BookError([Problem("_quarto.yml", mark.line + 1 if mark else 0, message)]) from None

    book = config.get("book") or {}
    if not isinstance(book, dict) or not book.get("chapters"):
        raise BookError([Problem("_quarto.yml", 0, "`book: chapters:` lists no page.")])
    entries = list(_entries(book["chapters"])) + list(_entries(book.get("appendices") or [], appendix=True))
    # Quarto puts the home page first, wherever it is listed.
    entries.sort(key=lambda entry: entry.path != "index.qmd")
    problems = [
        Problem("_quarto.yml", line_of(text, entry.path), f"the page {entry.path} does not exist.")
        for entry in entries
        if not (root / entry.path).is_file()
    ]
    if entries[0].path != "index.qmd":
        problems.append(Problem("_quarto.yml", 0, "a Quarto book needs a home page `index.qmd`."))
    seen = set()
    for entry in entries:
        if entry.path in seen:
            problems.append(
                Problem("_quarto.yml", line_of(text, entry.path), f"{entry.path} is listed twice.")
            )
        seen.add(entry.path)
    html = (config.get("format") or {}).get("html") or {}
    html = html if isinstance(html, dict) else {}
    bibliography = _list(config.get("bibliography") or book.get("bibliography"))
    for name in (
        bibliography
        + _list(html.get("css"))
        + [file for key in ("image", "favicon") for file in _list(book.get(key))]
        + _list(config.get("csl"))
    ):
        if not (root / name).is_file():
            problems.append(Problem("_quarto.yml", line_of(text, name), f"the file {name} does not exist."))
    if problems:
        raise BookError(problems)
    authors = [a.get("name", "") if isinstance(a, dict) else str(a) for a in _list(book.get("author"))]
    return Settings(
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


def line_of(text: str, word: str) -> int:
    """Return the first line of `text` that holds `word` (1-based), or 0."""
    return next((n for n, line in enumerate(text.splitlines(), 1) if word in line), 0)


def _list(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _entries(items, part="", appendix=False):
    for item in items:
        if isinstance(item, str):
            yield Entry(item, part, appendix)
        elif "part" in item:
            yield from _entries(item.get("chapters") or [], str(item["part"]), appendix)
        elif "href" in item or "file" in item:
            yield Entry(item.get("href") or item["file"], part, appendix, str(item.get("text", "")))
        else:
            raise BookError(
                [Problem("_quarto.yml", 0, f"cannot read this entry of the chapter list: {item!r}")]
            )


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
