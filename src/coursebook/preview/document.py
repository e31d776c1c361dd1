"""From pandoc's document to the document that is written: what Quarto's filters do.

One walk from top to bottom numbers chapter, sections, figures, tables and equations, and turns
callouts, tabsets, layouts, figures and tables into the structure (and the class names) of Quarto's
HTML, so that one stylesheet serves both. References are resolved later, in `references`, when the
labels of all pages are known.
"""

import html
import json
import re
from dataclasses import dataclass, field

import panflute as pf

from .sources import Source

NBSP = "\u00a0"
KINDS = {"fig": "Figure", "tbl": "Table", "eq": "Equation", "sec": "Section"}
CALLOUTS = ("note", "tip", "important", "warning", "caution")
EQUATION = re.compile(r"^\{#(eq-[^\s}]+)\}(.*)$")


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
class Page:
    """A page on its way from source to HTML."""

    source: Source
    number: str  # "3", "A", or "" for an unnumbered chapter
    appendix: bool
    doc: pf.Doc
    title: str = ""
    identifier: str = ""
    chapter_numbered: bool = True
    labels: list[Label] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def href(self) -> str:
        return re.sub(r"\.qmd$", ".html", self.path)


def title_of(doc: pf.Doc) -> pf.Header | None:
    """Return the heading of level 1 that a page begins with, or None."""
    first = doc.content[0] if doc.content else None
    return first if isinstance(first, pf.Header) and first.level == 1 else None


class Builder:
    """Transforms one page; `build` is the only entrance."""

    def __init__(self, page: Page, home: bool, code_fold: str = "false"):
        self.page, self.home, self.code_fold = page, home, code_fold
        self.counts = {"fig": 0, "tbl": 0, "eq": 0}
        self.sections = [0] * 7
        self.tabsets = 0
        self.inside = 0  # > 0 in a callout, tabset or figure: headings there are no sections

    def build(self) -> None:
        """Number and restructure the page's document in place."""
        page, doc = self.page, self.page.doc
        heading = title_of(doc)
        if heading is None:
            self.problem("the page must begin with its title: `# Title {#sec-topic}`.", line=1)
            heading = pf.Header(pf.Str("?"), level=1)
        else:
            doc.content.pop(0)
        page.title, page.identifier = pf.stringify(heading).strip(), heading.identifier
        if page.number:
            word = "Appendix" if page.appendix else "Chapter"
            self.label(heading.identifier, f"{word}{NBSP}{page.number}", page.number, chapter=True)
        blocks = self.blocks(doc.content)
        if self.home:
            page.headings.insert(0, Heading(1, heading.identifier, "", page.title))
            blocks.insert(0, heading)
        else:
            blocks[:0] = self.title_block(heading)
        doc.content = blocks
        for image in _images(blocks):
            if "fig-alt" in image.attributes:  # a small picture in running text
                self.alt(image)

    def title_block(self, heading) -> list:
        """The chapter's title as Quarto's title block shows it."""
        page = self.page
        if page.appendix and page.number:
            inlines = [pf.Str(f"Appendix {page.number} —"), pf.Space(), *heading.content]
        elif page.number:
            inlines = [
                pf.Span(pf.Str(page.number), classes=["chapter-number"]),
                pf.Str(NBSP),
                pf.Space(),
                pf.Span(*heading.content, classes=["chapter-title"]),
            ]
        else:
            inlines = list(heading.content)
        inside = pf.Span(*inlines, identifier=heading.identifier, classes=["quarto-section-identifier"])
        return [
            raw('<header id="title-block-header" class="quarto-title-block default"><h1 class="title">'),
            pf.Plain(inside),
            raw("</h1></header>"),
        ]

    # numbers and labels

    def problem(self, message, token="", line=None):
        self.page.source.problem(message, token, line)

    def label(self, name, text, number, chapter=False):
        if name:
            self.page.labels.append(Label(name, text, number, self.page.href, chapter))

    def next(self, kind: str) -> str:
        """Return the next number of a figure, table or equation: "1.2", in unnumbered chapters "2"."""
        self.counts[kind] += 1
        prefix = f"{self.page.number}." if self.page.number else ""
        return f"{prefix}{self.counts[kind]}"

    # blocks

    def blocks(self, blocks) -> list:
        return [new for block in list(blocks) for new in self.block(block)]

    def block(self, block) -> list:
        if isinstance(block, pf.Header):
            return self.header(block)
        if isinstance(block, pf.Div):
            return self.div(block)
        if isinstance(block, pf.Figure):
            return self.figure(block)
        if isinstance(block, pf.Table):
            return self.table(block)
        if isinstance(block, pf.CodeBlock):
            return self.code(block)
        if isinstance(block, (pf.Para, pf.Plain)):
            return self.paragraph(block)
        if isinstance(block, pf.BlockQuote):
            block.content = self.blocks(block.content)
        elif isinstance(block, (pf.BulletList, pf.OrderedList)):
            for item in block.content:
                item.content = self.blocks(item.content)
        elif isinstance(block, pf.DefinitionList):
            for item in block.content:
                for definition in item.definitions:
                    definition.content = self.blocks(definition.content)
        return [block]

    def header(self, block) -> list:
        if block.level == 1:
            self.problem("a page has one heading of level 1, its title.", pf.stringify(block))
        if self.inside:
            return [block]
        number = ""
        if self.page.number and "unnumbered" not in block.classes:
            level = min(block.level, 6)
            self.sections[level] += 1
            self.sections[level + 1 :] = [0] * (6 - level)
            number = ".".join([self.page.number, *map(str, self.sections[2 : level + 1])])
            block.attributes["number"] = number
            if block.identifier.startswith("sec-"):
                self.label(block.identifier, f"Section{NBSP}{number}", number)
        if "unlisted" not in block.classes:
            self.page.headings.append(Heading(block.level, block.identifier, number, pf.stringify(block).strip()))
        if number:
            block.content = [
                pf.Span(pf.Str(number), classes=["header-section-number"]),
                pf.Space(),
                *block.content,
            ]
        return [block]

    def div(self, block) -> list:
        classes = block.classes
        callout = next((c.removeprefix("callout-") for c in classes if c.startswith("callout-")), None)
        if callout:
            return self.callout(block, callout)
        if "panel-tabset" in classes:
            return self.tabset(block)
        if "content-hidden" in classes or "content-visible" in classes:
            return self.conditional(block)
        kind = block.identifier.split("-")[0]
        if kind == "fig" and block.identifier.startswith("fig-"):
            return self.figure_div(block)
        if kind == "tbl" and block.identifier.startswith("tbl-"):
            return self.table_div(block)
        if any(key in block.attributes for key in ("layout", "layout-ncol", "layout-nrow")):
            return self.layout(block, list(block.content))
        block.content = self.blocks(block.content)
        return [block]

    def conditional(self, block) -> list:
        formats = {key: block.attributes.get(key, "") for key in ("when-format", "unless-format")}
        html_here = formats["when-format"] in ("", "html") and not formats["unless-format"].startswith("html")
        return self.blocks(block.content) if html_here == ("content-visible" in block.classes) else []

    def callout(self, block, kind) -> list:
        if kind not in CALLOUTS:
            self.problem(f"unknown callout {kind!r}; known are {', '.join(CALLOUTS)}.", f"callout-{kind}")
            return [block]
        options = block.attributes
        content = list(block.content)
        if content and isinstance(content[0], pf.Header):
            title = list(content.pop(0).content)
        elif options.get("title"):
            title = inlines(options["title"])
        else:
            title = [pf.Str(kind.capitalize())]
        simple = options.get("appearance", "default")
        if simple not in ("default", "simple", "minimal"):
            self.problem(f"unknown callout appearance {simple!r}.", f"callout-{kind}")
        style = "simple" if simple != "default" else "default"
        no_icon = " no-icon" if options.get("icon") == "false" or simple == "minimal" else ""
        classes = f"callout callout-style-{style} callout-{kind}{no_icon} callout-titled"
        identifier = f' id="{block.identifier}"' if block.identifier else ""
        self.inside += 1
        body = self.blocks(content)
        self.inside -= 1
        collapse = options.get("collapse")
        outer, head = ("div", "div") if collapse is None else ("details", "summary")
        state = " open" if collapse == "false" else ""
        return [
            raw(f'<{outer}{identifier} class="{classes}"{state}><{head} class="callout-header">'),
            raw('<span class="callout-icon-container"><i class="callout-icon" aria-hidden="true"></i></span>'),
            raw('<span class="callout-title-container">'),
            pf.Plain(*title),
            raw(f'</span></{head}><div class="callout-body-container callout-body">'),
            *body,
            raw(f"</div></{outer}>"),
        ]

    def tabset(self, block) -> list:
        first = next((b for b in block.content if isinstance(b, pf.Header)), None)
        if first is None:
            self.problem("a tabset needs a heading for each of its tabs.", ".panel-tabset")
            return [block]
        self.tabsets += 1
        group = block.attributes.get("group")
        attribute = f' data-group="{html.escape(group)}"' if group else ""
        new = [raw(f'<div class="panel-tabset"{attribute}><div class="tab-content">')]
        self.inside += 1
        panes = 0
        for child in list(block.content):
            if isinstance(child, pf.Header) and child.level == first.level:
                panes += 1
                name = f"tabset-{self.tabsets}-{panes}"
                active = " active" if "active" in child.classes else ""
                new += [raw("</div>")] if panes > 1 else []
                new += [raw(f'<div id="{name}" class="tab-pane{active}"><p class="tab-title">')]
                new += [pf.Plain(*child.content), raw("</p>")]
            else:
                new += self.block(child)
        self.inside -= 1
        return [*new, raw("</div></div></div>")]

    def code(self, block) -> list:
        cell = "cell-code" in block.classes
        fold = block.attributes.pop("code-fold", self.code_fold if cell else "false")
        summary = block.attributes.pop("code-summary", "Code")
        if fold not in ("true", "show"):
            return [block]
        state = " open" if fold == "show" else ""
        return [
            raw(f'<details class="code-fold"{state}><summary>{html.escape(summary)}</summary>'),
            block,
            raw("</details>"),
        ]

    def paragraph(self, block) -> list:
        content = list(block.content)
        if isinstance(block, pf.Para) and len(content) == 1 and isinstance(content[0], pf.Image):
            image = content[0]
            if image.identifier.startswith("fig-") or "fig-cap" in image.attributes:
                return self.float("fig", image.identifier, [pf.Plain(image)], inlines(image.attributes.pop("fig-cap", "")))
            self.alt(image)
        block.content = self.equations(content)
        return [block]

    def equations(self, content) -> list:
        """Number ``$$ … $$ {#eq-name}`` as Quarto does where there is no MathJax: (1.1) behind the formula."""
        new, skip = [], 0
        for position, element in enumerate(content):
            if skip:
                skip -= 1
                continue
            rest = content[position + 1 : position + 3]
            gap = 1 if rest and isinstance(rest[0], (pf.Space, pf.SoftBreak)) else 0
            mark = rest[gap] if len(rest) > gap else None
            found = EQUATION.match(mark.text) if isinstance(mark, pf.Str) else None
            if found and isinstance(element, pf.Math) and element.format == "DisplayMath":
                number = self.next("eq")
                self.label(found[1], f"Equation{NBSP}{number}", number)
                element.text = element.text.rstrip() + rf" \qquad({number})"
                new.append(pf.Span(element, identifier=found[1], classes=["equation"]))
                if found[2]:
                    new.append(pf.Str(found[2]))
                skip = gap + 1
            else:
                new.append(element)
        return new

    # figures and tables

    def alt(self, image) -> None:
        """Give the image its alt text: `fig-alt`, or the text in its brackets when it is no caption."""
        text = image.attributes.pop("fig-alt", None) or pf.stringify(image)
        if not text.strip():
            self.problem(f"the picture {image.url} has no alt text: add {{fig-alt=\"…\"}}.", image.url)
        image.content = [pf.Str(text)]

    def figure(self, block) -> list:
        """``![caption](file){#fig-name fig-alt="…"}`` alone in a paragraph."""
        image = next((i for i in _images(block.content)), None)
        caption = [i for b in block.caption.content for i in b.content] if block.caption else []
        if image is not None and "fig-alt" not in image.attributes:
            self.problem(f"the figure {image.url} has a caption but no alt text: add {{fig-alt=\"…\"}}.", image.url)
            image.attributes["fig-alt"] = "missing"
        return self.float("fig", block.identifier, list(block.content), caption)

    def figure_div(self, block) -> list:
        content = list(block.content)
        caption = inlines(block.attributes.pop("fig-cap", ""))
        last = content[-1] if content else None
        if not caption and isinstance(last, pf.Para) and not any(True for _ in _images([last])):
            caption = list(content.pop().content)
        if not caption:
            self.problem(f"the figure {block.identifier} has no caption: end it with a paragraph.", f"#{block.identifier}")
        if not content:
            self.problem(f"the figure {block.identifier} is empty.", f"#{block.identifier}")
        grid = any(key in block.attributes for key in ("layout", "layout-ncol", "layout-nrow"))
        subfigures = grid or any(_image_id(b).startswith("fig-") for b in content)
        return self.float("fig", block.identifier, content, caption, block if subfigures else None, block.classes)

    def float(self, kind, identifier, content, caption, grid=None, classes=()) -> list:
        """A numbered (or at least captioned) figure."""
        number = ""
        if identifier.startswith(f"{kind}-"):
            number = self.next(kind)
            self.label(identifier, f"{KINDS[kind]}{NBSP}{number}", number)
        elif identifier:
            self.problem(f"the label #{identifier} of a figure must begin with fig-.", f"#{identifier}")
        self.inside += 1
        if grid is not None:
            body = self.layout(grid, content, parent=number, page_label=identifier)
        else:
            body = self.blocks(_plain_images(content))
            for image in _images(body):
                self.alt(image)
        self.inside -= 1
        text = self.equations(caption)
        if number:
            text = [pf.Str(f"{KINDS[kind]}{NBSP}{number}"), *([pf.Str(":"), pf.Space(), *text] if text else [])]
        extra = " ".join(["quarto-float", "quarto-figure", "quarto-figure-center", *classes])
        name = f' id="{identifier}"' if identifier else ""
        foot = [raw('<figcaption class="quarto-float-caption quarto-float-fig quarto-float-caption-bottom">'),
                pf.Plain(*text), raw("</figcaption>")] if text else []
        return [
            raw(f'<div{name} class="{extra}"><figure class="quarto-float quarto-float-fig figure">'),
            *body,
            *foot,
            raw("</figure></div>"),
        ]

    def layout(self, block, content, parent="", page_label="") -> list:
        """Place pictures or blocks side by side: ``layout-ncol``, ``layout-nrow`` or ``layout``."""
        cells = []
        for child in content:
            images = [i for i in child.content if isinstance(i, pf.Image)] if isinstance(child, pf.Para) else []
            others = [i for i in child.content if not isinstance(i, (pf.Image, pf.Space, pf.SoftBreak))] if images else []
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

    def _rows(self, block, count) -> list[list[float]]:
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
            self.problem("cannot read the layout of this block.", "layout")
            return [[100.0]] * count

    def _cell(self, child, parent, position) -> list:
        identifier = _image_id(child)
        if not (parent and identifier.startswith("fig-")):
            return self.block(child)
        letter = chr(ord("a") + position)
        self.label(identifier, f"Figure{NBSP}{parent} ({letter})", f"{parent} ({letter})")
        if isinstance(child, pf.Figure):
            caption = [i for b in child.caption.content for i in b.content] if child.caption else []
            body = _plain_images(list(child.content))
        elif isinstance(child, pf.Div):
            body = list(child.content)
            caption = list(body.pop().content) if isinstance(body[-1], pf.Para) and not list(_images([body[-1]])) else []
            body = self.blocks(_plain_images(body))
        else:
            body, caption = [pf.Plain(*child.content)], []
        for image in _images(body):
            if caption and "fig-alt" not in image.attributes:
                self.problem(f"the figure {image.url} has a caption but no alt text: add {{fig-alt=\"…\"}}.", image.url)
                image.attributes["fig-alt"] = "missing"
            self.alt(image)
            image.identifier = ""
        caption = [pf.Str(f"({letter})"), *([pf.Space(), *caption] if caption else [])]
        return [
            raw(f'<div id="{identifier}" class="quarto-float quarto-figure">'
                '<figure class="quarto-subfloat-fig quarto-float-fig figure">'),
            *body,
            raw('<figcaption class="quarto-float-caption quarto-subfloat-caption quarto-subfloat-fig">'),
            pf.Plain(*caption),
            raw("</figcaption></figure></div>"),
        ]

    def table(self, block) -> list:
        """A table with ``: Caption {#tbl-name}``."""
        caption = [i for b in block.caption.content for i in b.content] if block.caption else []
        identifier, block.identifier = block.identifier, ""
        return self._table_float(identifier, [block], caption)

    def table_div(self, block) -> list:
        content = list(block.content)
        caption = inlines(block.attributes.pop("tbl-cap", ""))
        if not caption and content and isinstance(content[-1], pf.Para):
            caption = list(content.pop().content)
        if not caption:
            self.problem(f"the table {block.identifier} has no caption: end it with a paragraph.", f"#{block.identifier}")
        return self._table_float(block.identifier, content, caption)

    def _table_float(self, identifier, content, caption) -> list:
        number = ""
        if identifier.startswith("tbl-"):
            number = self.next("tbl")
            self.label(identifier, f"Table{NBSP}{number}", number)
            if not caption:
                self.problem(f"the table {identifier} has no caption.", f"#{identifier}")
        elif identifier:
            self.problem(f"the label #{identifier} of a table must begin with tbl-.", f"#{identifier}")
        for table in _tables(content):
            table.identifier = ""
            table.caption = pf.Caption()
            widths = table.attributes.pop("tbl-colwidths", None)
            if widths:
                shares = json.loads(widths)
                table.colspec = [(spec[0], share / sum(shares)) for spec, share in zip(table.colspec, shares, strict=True)]
            for cell in _cells(table):
                cell.content = self.blocks(cell.content)
            table.classes.append("table")
        others = [b for b in content if not isinstance(b, pf.Table)]
        body = content if not others else [
            new for b in content for new in ([b] if isinstance(b, (pf.Table, pf.Div)) else self.block(b))
        ]
        body = [raw('<div class="table-scroll">'), *body, raw("</div>")]
        if not (number or caption):
            return body
        text = self.equations(caption)
        if number:
            text = [pf.Str(f"Table{NBSP}{number}"), *([pf.Str(":"), pf.Space(), *text] if text else [])]
        name = f' id="{identifier}"' if identifier else ""
        return [
            raw(f'<div{name} class="quarto-float"><figure class="quarto-float quarto-float-tbl figure">'
                '<figcaption class="quarto-float-caption quarto-float-tbl quarto-float-caption-top">'),
            pf.Plain(*text),
            raw("</figcaption>"),
            *body,
            raw("</figure></div>"),
        ]


def raw(text: str) -> pf.RawBlock:
    """A block of HTML."""
    return pf.RawBlock(text, format="html")


def inlines(text: str) -> list:
    """Read a caption or title that is given as an attribute."""
    if not text:
        return []
    from . import pandoc

    blocks = pf.load(_stream(pandoc.run(text, f"--from={pandoc.READER}", "--to=json")[0])).content
    return list(blocks[0].content) if blocks else []


def _stream(text):
    import io

    return io.StringIO(text)


def _walk(blocks, kind):
    found = []

    def collect(element, doc):
        if isinstance(element, kind):
            found.append(element)

    for block in blocks:
        block.walk(collect)
    return found


def _images(blocks):
    return _walk(blocks, pf.Image)


def _tables(blocks):
    return _walk(blocks, pf.Table)


def _cells(table):
    rows = [*table.head.content, *(row for body in table.content for row in [*body.head, *body.content])]
    return [cell for row in [*rows, *table.foot.content] for cell in row.content]


def _plain_images(blocks) -> list:
    """Unwrap what would otherwise become a figure inside a figure."""
    new = []
    for block in blocks:
        if isinstance(block, pf.Figure):
            new += list(block.content)
        elif isinstance(block, pf.Para) and len(block.content) == 1 and isinstance(block.content[0], pf.Image):
            new.append(pf.Plain(*block.content))
        else:
            new.append(block)
    return new


def _image_id(block) -> str:
    if isinstance(block, (pf.Figure, pf.Div)):
        return block.identifier
    if isinstance(block, pf.Para) and len(block.content) == 1 and isinstance(block.content[0], pf.Image):
        return block.content[0].identifier
    return ""
