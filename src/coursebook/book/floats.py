"""Figures, tables and grids: what has a caption and a number."""

import copy
import itertools
import json
from abc import ABC, abstractmethod

import panflute as pf

from . import model
from .model import KINDS, NBSP, Label, Page, identifier_of, images_in, inlines, plain_images, raw

LAYOUT = ("layout", "layout-ncol", "layout-nrow")


def caption_of(block) -> list:
    """Return the inlines of a figure's or table's caption."""
    return [i for b in block.caption.content for i in b.content] if block.caption else []


def numbered(kind: str, number: str, caption: list) -> list:
    """Put "Figure 1.2:" before a caption; without a number it stays as it is."""
    if not number:
        return caption
    colon = [pf.Str(":"), pf.Space(), *caption] if caption else []
    return [pf.Str(f"{KINDS[kind]}{NBSP}{number}"), *colon]


def ends_with_words(content: list) -> bool:
    """Whether the last block is a paragraph without a picture: a caption."""
    return bool(content) and isinstance(content[-1], pf.Para) and not images_in(content[-1:])


def named(identifier: str) -> str:
    """Return the attribute ``id`` for a start tag, if there is a name."""
    return f' id="{identifier}"' if identifier else ""


class Floats(ABC):
    """The part of :class:`coursebook.book.document.Builder` that deals with captions.

    Attributes
    ----------
    page : Page
    counts : dict
        Kind (``"fig"``, ``"tbl"``, ``"eq"``) -> how many there are so far.
    inside : int
        Above 0 in a callout, tabset or figure: headings there are no sections.
    """

    page: Page
    counts: dict[str, int]
    inside: int

    def complain(self, rule: str, message: str, token: str = "", line: int | None = None) -> None:
        """Note a mistake at a line, or where `token` stands."""
        self.page.manuscript.complain(rule, message, token, line)

    def label(self, name, text, number, chapter=False):
        """Remember what a label refers to."""
        if name:
            self.page.labels.append(Label(name, text, number, self.page.href, chapter))

    def next(self, kind: str) -> str:
        """Return the next number of a figure, table or equation: "1.2", in unnumbered chapters "2"."""
        self.counts[kind] += 1
        prefix = f"{self.page.number}." if self.page.number else ""
        return f"{prefix}{self.counts[kind]}"

    @abstractmethod
    def blocks(self, blocks) -> list:
        """Build several blocks."""

    @abstractmethod
    def block(self, block) -> list:
        """Build a block."""

    @abstractmethod
    def equations(self, content) -> list:
        """Number the equations of some text."""

    def alt(self, image) -> None:
        """Give the image its alt text: `fig-alt`, or the text in its brackets when it is no caption."""
        text = image.attributes.pop("fig-alt", None) or pf.stringify(image)
        if not text.strip():
            self.complain(
                "image-alt-texts", f'the picture {image.url} has no alt text: add {{fig-alt="…"}}', image.url
            )
        image.content = [pf.Str(text)]

    def needs_alt(self, image) -> None:
        """Complain about a picture whose caption stands where an alt text could."""
        if "fig-alt" not in image.attributes:
            message = f'the figure {image.url} has a caption but no alt text: add {{fig-alt="…"}}'
            self.complain("image-alt-texts", message, image.url)
            image.attributes["fig-alt"] = "missing"

    def captioned(self, images, caption) -> None:
        """Remember the caption beside pictures: their alternative text must say something else."""
        for image in images:
            self.page.captions[image.url] = pf.stringify(pf.Plain(*copy.deepcopy(caption)))

    def figure(self, block) -> list:
        """``![caption](file){#fig-name fig-alt="…"}`` alone in a paragraph."""
        images, caption = images_in(block.content), caption_of(block)
        for image in images[:1]:
            self.needs_alt(image)
        self.captioned(images, caption)
        return self.float(block.identifier, list(block.content), caption)

    def _caption_of(self, block, content, kind, words) -> list:
        """Take a caption from the attribute, or from `content` if that ends with `words`; or complain."""
        caption = inlines(block.attributes.pop(f"{kind}-cap", ""))
        if not caption and words:
            caption = list(content.pop().content)
        if not caption:
            what = f"the {KINDS[kind].lower()} {block.identifier}"
            message = f"{what} has no caption: end it with a paragraph"
            self.complain("captions", message, f"#{block.identifier}")
        return caption

    def figure_div(self, block) -> list:
        content = list(block.content)
        caption = self._caption_of(block, content, "fig", ends_with_words(content))
        if not content:
            self.complain("markup", f"the figure {block.identifier} is empty", f"#{block.identifier}")
        grid = any(key in block.attributes for key in LAYOUT)
        subfigures = grid or any(identifier_of(b).startswith("fig-") for b in content)
        return self.float(block.identifier, content, caption, block if subfigures else None, block.classes)

    def _numbered(self, kind: str, identifier: str) -> str:
        """Return the number of a figure or table and remember its label; complain about a wrong one."""
        if identifier.startswith(f"{kind}-"):
            number = self.next(kind)
            self.label(identifier, f"{KINDS[kind]}{NBSP}{number}", number)
            return number
        if identifier:
            what = f"the label #{identifier} of a {KINDS[kind].lower()}"
            self.complain("markup", f"{what} must begin with {kind}-", f"#{identifier}")
        return ""

    def float(self, identifier, content, caption, grid=None, classes=()) -> list:
        """A numbered (or at least captioned) figure."""
        number = self._numbered("fig", identifier)
        self.inside += 1
        if grid is not None:
            body = self.layout(grid, content, parent=number)
        else:
            body = self.blocks(plain_images(content))
            for image in images_in(body):
                self.alt(image)
        self.inside -= 1
        extra = " ".join(["quarto-float", "quarto-figure", "quarto-figure-center", *classes])
        figure = '<figure class="quarto-float quarto-float-fig figure">'
        new = [raw(f'<div{named(identifier)} class="{extra}">{figure}'), *body]
        text = numbered("fig", number, self.equations(caption))
        if text:
            place = "quarto-float-caption quarto-float-fig quarto-float-caption-bottom"
            new += [raw(f'<figcaption class="{place}">'), pf.Plain(*text), raw("</figcaption>")]
        return [*new, raw("</figure></div>")]

    def layout(self, block, content, parent="") -> list:
        """Place pictures or blocks side by side: ``layout-ncol``, ``layout-nrow`` or ``layout``."""
        cells = []
        for child in content:  # pictures in one paragraph are cells of their own
            parts = list(child.content) if isinstance(child, pf.Para) else [child]
            parts = [part for part in parts if not isinstance(part, (pf.Space, pf.SoftBreak))]
            alone = parts and all(isinstance(part, pf.Image) for part in parts)
            cells += map(pf.Para, parts) if alone else [child]
        rows = self._rows(block, len(cells))
        left = iter(enumerate(cells))
        new = [raw('<div class="quarto-layout-panel">')]
        for widths in rows:
            new.append(raw('<div class="quarto-layout-row">'))
            for width, (position, cell) in zip(widths, left, strict=False):
                new.append(raw(f'<div class="quarto-layout-cell" style="flex-basis: {width:.1f}%">'))
                new += [*self._cell(cell, parent, position), raw("</div>")]
            new.append(raw("</div>"))
        new.append(raw("</div>"))
        if parent:
            return new
        start = f'<div{named(block.identifier)} class="{" ".join(block.classes)}">'
        return [raw(start), *new, raw("</div>")]

    def _rows(self, block, count) -> list:
        attributes = block.attributes
        try:
            if "layout" in attributes:
                rows = json.loads(attributes["layout"])
                rows = rows if isinstance(rows[0], list) else [rows]
                return [[100 * w / sum(row) for w in row] for row in rows]
            if "layout-nrow" in attributes:
                columns = -(-count // int(attributes["layout-nrow"]))
            else:
                columns = int(attributes.get("layout-ncol", 1))
            return [[100 / columns] * columns for _ in range(-(-count // columns))]
        except (ValueError, TypeError, IndexError, ZeroDivisionError):
            self.complain("markup", "cannot read the layout of this block", "layout")
            return [[100.0]] * count

    def _cell(self, child, parent, position) -> list:
        identifier = identifier_of(child)
        if not (parent and identifier.startswith("fig-")):
            return self.block(child)
        letter = chr(ord("a") + position)
        self.label(identifier, f"Figure{NBSP}{parent} ({letter})", f"{parent} ({letter})")
        if isinstance(child, pf.Figure):
            caption = caption_of(child)
            body = plain_images(list(child.content))
        elif isinstance(child, pf.Div):
            body = list(child.content)
            caption = list(body.pop().content) if ends_with_words(body) else []
            body = self.blocks(plain_images(body))
        else:
            body, caption = [pf.Plain(*child.content)], []
        for image in images_in(body):
            if caption:
                self.needs_alt(image)
            self.alt(image)
            image.identifier = ""
        caption = [pf.Str(f"({letter})"), *([pf.Space(), *caption] if caption else [])]
        figure = '<figure class="quarto-subfloat-fig quarto-float-fig figure">'
        place = "quarto-float-caption quarto-subfloat-caption quarto-subfloat-fig"
        start = raw(f'<div id="{identifier}" class="quarto-float quarto-figure">{figure}')
        below = [
            raw(f'<figcaption class="{place}">'),
            pf.Plain(*caption),
            raw("</figcaption></figure></div>"),
        ]
        return [start, *body, *below]

    def table(self, block) -> list:
        """A table with ``: Caption {#tbl-name}``."""
        identifier, block.identifier = block.identifier, ""
        return self._table_float(identifier, [block], caption_of(block))

    def table_div(self, block) -> list:
        content = list(block.content)
        words = bool(content) and isinstance(content[-1], pf.Para)
        caption = self._caption_of(block, content, "tbl", words)
        return self._table_float(block.identifier, content, caption)

    def _table_float(self, identifier, content, caption) -> list:
        number = self._numbered("tbl", identifier)
        if number and not caption:
            self.complain("captions", f"the table {identifier} has no caption", f"#{identifier}")
        for table in model.tables_in(content):
            table.identifier = ""
            if number or len(content) > 1:  # a caption without a label stays the table's own, as in Quarto
                table.caption = pf.Caption()
            if widths := table.attributes.pop("tbl-colwidths", None):
                shares = json.loads(widths)
                columns = zip(table.colspec, shares, strict=True)
                table.colspec = [(align, share / sum(shares)) for (align, _), share in columns]
            for cell in model.cells_of(table):
                cell.content = self.blocks(cell.content)
            table.classes.append("table")
        parts = ([b] if isinstance(b, (pf.Table, pf.Div)) else self.block(b) for b in content)
        body = [raw('<div class="table-scroll">'), *itertools.chain(*parts), raw("</div>")]
        if not number:
            return body
        figure = '<figure class="quarto-float quarto-float-tbl figure">'
        place = "quarto-float-caption quarto-float-tbl quarto-float-caption-top"
        start = raw(f'<div id="{identifier}" class="quarto-float">{figure}<figcaption class="{place}">')
        above = [start, pf.Plain(*numbered("tbl", number, self.equations(caption))), raw("</figcaption>")]
        return [*above, *body, raw("</figure></div>")]
