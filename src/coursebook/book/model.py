"""A page and what can be referred to on it, and helpers for pandoc's documents."""

import io
import re
from dataclasses import dataclass, field

import panflute as pf

from . import pandoc
from .text import Manuscript

NBSP = "\u00a0"
KINDS = {"fig": "Figure", "tbl": "Table", "eq": "Equation", "sec": "Section"}


@dataclass
class Label:
    """Something that can be referred to."""

    name: str
    text: str  # what a reference shows: "Figure 1.2"
    number: str  # "1.2"
    page: str
    chapter: bool = False


@dataclass
class Heading:
    """A heading for the table of contents and the search index."""

    level: int
    identifier: str
    number: str
    title: str


@dataclass
class Picture:
    """A picture of the written page, the how manieth of its address, and whether it is what a link shows."""

    url: str
    alt: str
    nth: int
    in_link: bool


@dataclass
class Page:
    """A page on its way from manuscript to HTML."""

    manuscript: Manuscript
    appendix: bool
    doc: pf.Doc
    number: str = ""  # "3", "A", or "" for an unnumbered chapter
    title: str = ""
    identifier: str = ""
    chapter_numbered: bool = True
    labels: list[Label] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    captions: dict[str, str] = field(default_factory=dict)  # address of a picture -> the caption beside it
    citations: list[str] = field(default_factory=list)
    body: str = ""  # HTML

    @property
    def path(self) -> str:
        """Path of the source from the root."""
        return self.manuscript.path

    @property
    def href(self) -> str:
        """Path of the written page from the site's root."""
        return re.sub(r"\.qmd$", ".html", self.path)


def title_of(doc: pf.Doc) -> pf.Header | None:
    """Return the heading of level 1 that a page begins with, or None."""
    first = doc.content[0] if doc.content else None
    return first if isinstance(first, pf.Header) and first.level == 1 else None


def raw(text: str) -> pf.RawBlock:
    """A block of HTML."""
    return pf.RawBlock(text, format="html")


def inlines(text: str) -> list:
    """Read a caption or title that is given as an attribute."""
    if not text:
        return []
    blocks = pf.load(io.StringIO(pandoc.run(text, f"--from={pandoc.READER}", "--to=json")[0])).content
    return list(blocks[0].content) if blocks else []


def _walk(blocks, kind):
    found: list = []
    for block in blocks:
        block.walk(lambda element, _doc: found.append(element) if isinstance(element, kind) else None)
    return found


def images_in(blocks) -> list[pf.Image]:
    """All pictures in some blocks."""
    return _walk(blocks, pf.Image)


def tables_in(blocks) -> list[pf.Table]:
    """All tables in some blocks."""
    return _walk(blocks, pf.Table)


def cells_of(table: pf.Table) -> list[pf.TableCell]:
    """All cells of a table, heads and foot included."""
    rows = [*table.head.content, *(row for body in table.content for row in [*body.head, *body.content])]
    return [cell for row in [*rows, *table.foot.content] for cell in row.content]


def plain_images(blocks) -> list:
    """Unwrap what would otherwise become a figure inside a figure."""
    new = []
    for block in blocks:
        if isinstance(block, pf.Figure):
            new += list(block.content)
        else:
            new.append(pf.Plain(*block.content) if image_alone(block) else block)
    return new


def image_alone(block) -> pf.Image | None:
    """Return the picture that is all of a paragraph, or None."""
    alone = isinstance(block, pf.Para) and len(block.content) == 1
    return block.content[0] if alone and isinstance(block.content[0], pf.Image) else None


def identifier_of(block) -> str:
    """The identifier of a figure, of a block, or of a picture alone in its paragraph."""
    if isinstance(block, (pf.Figure, pf.Div)):
        return block.identifier
    image = image_alone(block)
    return image.identifier if image else ""
