"""The whole book: manuscripts, documents, references, HTML, and everything that is wrong with them."""

import io
import itertools
import json
import re
import string
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import panflute as pf

from ..project import Entry, Project
from . import bibliography, configuration, links, pandoc, references, text
from .configuration import Settings
from .document import Builder
from .findings import BookError, Finding
from .links import Written
from .model import Label, Page, title_of
from .text import Manuscript


@dataclass
class Document:
    """The book as pandoc understood it: its pages in order, and the HTML of those that were asked for."""

    pages: list[Page]
    home: Page | None  # the page with the list of references
    written: dict[str, Written] = field(default_factory=dict)


class Book:
    """The book of a project; each part is read when it is first asked for, and only once."""

    def __init__(self, project: Project):
        self.project = project
        self.root = project.root

    @cached_property
    def _configuration(self) -> tuple[Settings, list[Finding]]:
        return configuration.read(self.project)

    @property
    def settings(self) -> Settings:
        """What ``_quarto.yml`` says."""
        return self._configuration[0]

    @cached_property
    def manuscripts(self) -> list[Manuscript]:
        """The pages that ``_quarto.yml`` lists and that exist, as their authors wrote them."""
        return [text.read(self.root, entry.path) for entry in self.settings.entries]

    @property
    def chapters(self) -> list[Manuscript]:
        """The manuscripts ``book/NN-topic.qmd``."""
        return [manuscript for manuscript in self.manuscripts if manuscript.is_chapter]

    @cached_property
    def _bibliography(self) -> tuple[list[bibliography.Entry], list[Finding]]:
        return bibliography.read(self.root, self.settings.bibliography)

    @property
    def bibliography(self) -> list[bibliography.Entry]:
        """The entries of the bibliography."""
        return self._bibliography[0]

    def notebook(self, path: str) -> dict:
        """Return the notebook at `path` as JSON.

        Raises
        ------
        BookError
            It is not valid JSON.
        """
        try:
            return json.loads((self.root / path).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise BookError([Finding(path, error.lineno, f"not valid JSON: {error.msg}")]) from None

    @cached_property
    def document(self) -> Document:
        """All pages with numbers, references and citations; nothing is written yet."""
        pandoc.forget_old(self.root)
        with ThreadPoolExecutor(2) as pool:  # pandoc is another process, so threads are enough
            for manuscript in self.manuscripts:
                manuscript.embed(self.root)
            pages = list(pool.map(self._parse, self.manuscripts, self.settings.entries))
        _number(pages)
        for page in pages:
            Builder(page, home=page.path == "index.qmd", code_fold=self.settings.code_fold).build()
        labels = _labels(pages)
        missing = {label for manuscript in self.manuscripts for label in manuscript.missing}
        keys = {entry.key for entry in self.bibliography}
        for page in pages:
            references.resolve(page, labels, missing, keys)
        return Document(pages, next(filter(references.holds_bibliography, pages), None))

    def _parse(self, manuscript: Manuscript, entry: Entry) -> Page:
        options = (f"--from={pandoc.READER}", "--to=json")
        written, warnings = pandoc.remembered(self.root, manuscript.text, *options)
        for warning in warnings:
            line = re.search(r"line (\d+)", warning)
            manuscript.complain("markup", f"pandoc says: {warning}", line=int(line[1]) if line else None)
        page = Page(manuscript, entry.appendix, pf.load(io.StringIO(written)))
        heading = title_of(page.doc)
        page.chapter_numbered = heading is None or "unnumbered" not in heading.classes
        return page

    def write(self, only: Iterable[str] = ()) -> Document:
        """Return the document with the HTML of all pages, or of the pages (paths) named in `only`."""
        document, chosen = self.document, set(only)
        cited = sorted({key for page in document.pages for key in page.citations})
        names = {page.path for page in document.pages}
        readable = list(dict.fromkeys(entry.file for entry in self.bibliography))
        generated = {file for page in document.pages for file in page.manuscript.files}

        def write(page: Page) -> str:
            return references.with_bibliography(
                page, document.home, cited, self.settings, readable, self.root
            )

        wanted = [page for page in document.pages if not chosen or page.path in chosen]
        wanted = [page for page in wanted if page.href not in document.written]
        with ThreadPoolExecutor(2) as pool:
            bodies = list(pool.map(write, wanted))
        for page, body in zip(wanted, bodies, strict=True):
            document.written[page.href] = links.scan(page, body, names, generated, self.root)
            page.body = document.written[page.href].html
        if not chosen:
            links.check(document.pages, document.written)
        return document

    @cached_property
    def findings(self) -> list[Finding]:
        """Everything that is wrong with configuration, bibliography and pages."""
        self.write()
        return self.found()

    def found(self) -> list[Finding]:
        """What was found so far."""
        pages = [finding for manuscript in self.manuscripts for finding in manuscript.findings]
        return sorted({*self._configuration[1], *self._bibliography[1], *pages})


def _number(pages: list[Page]) -> None:
    """Give chapters and appendices their numbers and letters."""
    numbers, letters = itertools.count(1), iter(string.ascii_uppercase)
    for page in pages:
        if page.chapter_numbered and page.path != "index.qmd":
            page.number = next(letters) if page.appendix else str(next(numbers))


def _labels(pages: list[Page]) -> dict[str, Label]:
    """Return name -> label over the whole book; complain about names given twice."""
    labels: dict[str, Label] = {}
    for page in pages:
        for label in page.labels:
            if label.name in labels:
                where = labels[label.name].page.replace(".html", ".qmd")
                message = f"the label #{label.name} is already used in {where}"
                page.manuscript.complain("unique-labels", message, f"#{label.name}", nth=-1)
            labels.setdefault(label.name, label)
    return labels
