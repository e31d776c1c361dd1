"""Figures, tables and grids: what has a caption and a number."""

import copy
import json
from abc import ABC, abstractmethod

import panflute as pf

from .model import (
    KINDS,
    NBSP,
    Label,
    Page,
    cells_of,
    identifier_of,
    images_in,
    inlines,
    plain_images,
    raw,
    tables_in,
)

LAYOUT = ("layout", "layout-ncol", "layout-nrow")


def caption_of(block) -> list:
    """Return the inlines of a figure's or table's caption."""
    return [i for b in block.caption.content for i in b.content] if block.caption else []


def numbered(kind: str, number: str, caption: list) -> list:
    """Put "Figure 1.2:" before a caption."""
    colon = [pf.Str(":"), pf.Space(), *caption] if caption else []
    return [pf.Str(f"{KINDS[kind]}{NBSP}{number}"), *colon]


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
        image = next(iter(images_in(block.content)), None)
        caption = caption_of(block)
        if image is not None:
            self.needs_alt(image)
        self.captioned(images_in(block.content), caption)
        return self.float("fig", block.identifier, list(block.content), caption)

    def _caption_of(self, block, content, what, attribute, words) -> list:
        """Take a caption from the attribute, or from `content` if that ends with `words`; or complain."""
        caption = inlines(block.attributes.pop(attribute, ""))
        if not caption and words:
            caption = list(content.pop().content)
        if not caption:
            self.complain(
                "captions",
                f"the {what} {block.identifier} has no caption: end it with a paragraph",
                f"#{block.identifier}",
            )
        return caption

    def figure_div(self, block) -> list:
        content = list(block.content)
        last = content[-1] if content else None
        words = isinstance(last, pf.Para) and not images_in([last])
        caption = self._caption_of(block, content, "figure", "fig-cap", words)
        if not content:
            self.complain("markup", f"the figure {block.identifier} is empty", f"#{block.identifier}")
        grid = any(key in block.attributes for key in LAYOUT)
        subfigures = grid or any(identifier_of(b).startswith("fig-") for b in content)
        return self.float(
            "fig", block.identifier, content, caption, block if subfigures else None, block.classes
        )

    def float(self, kind, identifier, content, caption, grid=None, classes=()) -> list:
        """A numbered (or at least captioned) figure."""
        number = ""
        if identifier.startswith(f"{kind}-"):
            number = self.next(kind)
            self.label(identifier, f"{KINDS[kind]}{NBSP}{number}", number)
        elif identifier:
            self.complain(
                "markup", f"the label #{identifier} of a figure must begin with fig-", f"#{identifier}"
            )
        self.inside += 1
        if grid is not None:
            body = self.layout(grid, content, parent=number)
        else:
            body = self.blocks(plain_images(content))
            for image in images_in(body):
                self.alt(image)
        self.inside -= 1
        text = self.equations(caption)
        if number:
            text = numbered(kind, number, text)
        extra = " ".join(["quarto-float", "quarto-figure", "quarto-figure-center", *classes])
        name = f' id="{identifier}"' if identifier else ""
        foot = (
            [
                raw('<figcaption class="quarto-float-caption quarto-float-fig quarto-float-caption-bottom">'),
                pf.Plain(*text),
                raw("</figcaption>"),
            ]
            if text
            else []
        )
        return [
            raw(f'<div{name} class="{extra}"><figure class="quarto-float quarto-float-fig figure">'),
            *body,
            *foot,
            raw("</figure></div>"),
        ]

    def layout(self, block, content, parent="") -> list:
        """Place pictures or blocks side by side: ``layout-ncol``, ``layout-nrow`` or ``layout``."""
        cells = []
        for child in content:
            images = (
                [i for i in child.content if isinstance(i, pf.Image)] if isinstance(child, pf.Para) else []
            )
            others = (
                [i for i in child.content if not isinstance(i, (pf.Image, pf.Space, pf.SoftBreak))]
                if images
                else []
            )
            cells += [pf.Para(image) for image in images] if images and not others else [child]
        rows = self._rows(block, len(cells))
        new = [raw('<div class="quarto-layout-panel">')]
        position = 0
        for widths in rows:
            new.append(raw('<div class="quarto-layout-row">'))
            for width in widths:
                if position >= len(cells):
                    break
                new.append(raw(f'<div class="quarto-layout-cell" style="flex-basis: {width:.1f}%">'))
                new += self._cell(cells[position], parent, position)
                new.append(raw("</div>"))
                position += 1
            new.append(raw("</div>"))
        new.append(raw("</div>"))
        if parent:
            return new
        name = f' id="{block.identifier}"' if block.identifier else ""
        classes = " ".join(block.classes)
        return [raw(f'<div{name} class="{classes}">'), *new, raw("</div>")]

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
            caption = (
                list(body.pop().content)
                if isinstance(body[-1], pf.Para) and not images_in([body[-1]])
                else []
            )
            body = self.blocks(plain_images(body))
        else:
            body, caption = [pf.Plain(*child.content)], []
        for image in images_in(body):
            if caption:
                self.needs_alt(image)
            self.alt(image)
            image.identifier = ""
        caption = [pf.Str(f"({letter})"), *([pf.Space(), *caption] if caption else [])]
        return [
            raw(
                f'<div id="{identifier}" class="quarto-float quarto-figure">'
                '<figure class="quarto-subfloat-fig quarto-float-fig figure">'
            ),
            *body,
            raw('<figcaption class="quarto-float-caption quarto-subfloat-caption quarto-subfloat-fig">'),
            pf.Plain(*caption),
            raw("</figcaption></figure></div>"),
        ]

    def table(self, block) -> list:
        """A table with ``: Caption {#tbl-name}``."""
        caption = caption_of(block)
        identifier, block.identifier = block.identifier, ""
        return self._table_float(identifier, [block], caption)

    def table_div(self, block) -> list:
        content = list(block.content)
        words = bool(content) and isinstance(content[-1], pf.Para)
        caption = self._caption_of(block, content, "table", "tbl-cap", words)
        return self._table_float(block.identifier, content, caption)

    def _table_float(self, identifier, content, caption) -> list:
        number = ""
        if identifier.startswith("tbl-"):
            number = self.next("tbl")
            self.label(identifier, f"Table{NBSP}{number}", number)
            if not caption:
                self.complain("captions", f"the table {identifier} has no caption", f"#{identifier}")
        elif identifier:
            self.complain(
                "markup", f"the label #{identifier} of a table must begin with tbl-", f"#{identifier}"
            )
        for table in tables_in(content):
            table.identifier = ""
            if number or len(content) > 1:  # a caption without a label stays the table's own, as in Quarto
                table.caption = pf.Caption()
            widths = table.attributes.pop("tbl-colwidths", None)
            if widths:
                shares = json.loads(widths)
                table.colspec = [
                    (spec[0], share / sum(shares)) for spec, share in zip(table.colspec, shares, strict=True)
                ]
            for cell in cells_of(table):
                cell.content = self.blocks(cell.content)
            table.classes.append("table")
        others = [b for b in content if not isinstance(b, pf.Table)]
        body = (
            content
            if not others
            else [
                new for b in content for new in ([b] if isinstance(b, (pf.Table, pf.Div)) else self.block(b))
            ]
        )
        body = [raw('<div class="table-scroll">'), *body, raw("</div>")]
        if not number:
            return body
        text = self.equations(caption)
        text = numbered("tbl", number, text)
        name = f' id="{identifier}"' if identifier else ""
        return [
            raw(
                f'<div{name} class="quarto-float"><figure class="quarto-float quarto-float-tbl figure">'
                '<figcaption class="quarto-float-caption quarto-float-tbl quarto-float-caption-top">'
            ),
            pf.Plain(*text),
            raw("</figcaption>"),
            *body,
            raw("</figure></div>"),
        ]
