"""Markdown files in the repository's root, which its readers see on GitHub: do their links lead anywhere?"""

import io
import re
from urllib.parse import unquote, urlsplit

import panflute as pf

from . import pandoc, text
from .addresses import how_made
from .findings import Finding, nearest
from .reader import Book

TARGET = re.compile(r"<\w[\w-]*\b[^>]*?\b(?:src|href|data|poster)\s*=\s*[\"']([^\"']*)[\"']")


def dead_links(book: Book, path: str) -> list[Finding]:
    """Return the links of the file `path` whose file or heading does not exist."""
    manuscript = text.read(book.root, path)
    manuscript.findings.clear()  # GitHub knows nothing of shortcodes and cells
    source = (book.root / path).read_text(encoding="utf-8")
    document = pf.load(io.StringIO(pandoc.remembered(book.root, source, "--from=gfm", "--to=json")[0]))
    targets: list[str] = []
    anchors: set[str] = set()

    def collect(element, _doc):
        if isinstance(element, pf.Link | pf.Image):
            targets.append(element.url)
        if isinstance(element, pf.RawBlock | pf.RawInline):
            targets.extend(TARGET.findall(element.text))
        if getattr(element, "identifier", ""):
            anchors.add(element.identifier)

    document.walk(collect)
    for target in targets:
        parts = urlsplit(target)
        if not (parts.scheme or parts.netloc):
            _check(book, manuscript, target, unquote(parts.path), unquote(parts.fragment), anchors)
    return manuscript.findings


def _check(book: Book, manuscript: text.Manuscript, target: str, file: str, anchor: str, own: set[str]):
    """Complain if the file is not there, or the anchor is none of the page's or of this file's."""
    found = manuscript.resolve(file) if file else manuscript.path
    if found is None:
        manuscript.complain("links", f"{target} lies outside the project", target)
    elif not (book.root / found).exists():
        message = f"there is no {file} (from {manuscript.path})"
        manuscript.complain("links", message, target, mend=how_made(book.root, found))
    elif anchor:
        page = book.write().written.get(found.removesuffix(".qmd") + ".html")
        known = set(page.identifiers) if page else own if found == manuscript.path else {anchor}
        if anchor not in known:
            message = f"{found} has no place #{anchor}"
            manuscript.complain("links", message, target, mend=nearest(anchor, known))
