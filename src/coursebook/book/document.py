"""From pandoc's document to the document that is written: what Quarto's filters do.

One walk from top to bottom numbers chapter, sections, figures, tables and equations, and turns
callouts, tabsets, layouts, figures and tables into the structure (and the class names) of Quarto's
HTML, so that one stylesheet serves both. References are resolved later, in `references`, when the
labels of all pages are known.
"""

import html
import re

import panflute as pf

from .floats import LAYOUT, Floats, named
from .model import NBSP, Heading, Page, image_alone, images_in, inlines, raw, title_of

CALLOUTS = ("note", "tip", "important", "warning", "caution")
EQUATION = re.compile(r"^\{#(eq-[^\s}]+)\}(.*)$")


class Builder(Floats):
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
            self.complain("page-title", "the page must begin with its title: `# Title {#sec-topic}`", line=1)
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
        for image in images_in(blocks):
            if "fig-alt" in image.attributes:  # a small picture in running text
                self.alt(image)

    def title_block(self, heading) -> list:
        """The chapter's title as Quarto's title block shows it."""
        page = self.page
        if page.appendix and page.number:
            inlines = [pf.Str(f"Appendix {page.number} —"), pf.Space(), *heading.content]
        elif page.number:
            number = pf.Span(pf.Str(page.number), classes=["chapter-number"])
            title = pf.Span(*heading.content, classes=["chapter-title"])
            inlines = [number, pf.Str(NBSP), pf.Space(), title]
        else:
            inlines = list(heading.content)
        inside = pf.Span(*inlines, identifier=heading.identifier, classes=["quarto-section-identifier"])
        return [
            raw('<header id="title-block-header" class="quarto-title-block default"><h1 class="title">'),
            pf.Plain(inside),
            raw("</h1></header>"),
        ]

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
            self.complain("page-title", "a page has one heading of level 1, its title", pf.stringify(block))
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
            title = pf.stringify(block).strip()
            self.page.headings.append(Heading(block.level, block.identifier, number, title))
        if number:
            mark = pf.Span(pf.Str(number), classes=["header-section-number"])
            block.content = [mark, pf.Space(), *block.content]
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
        if block.identifier.startswith("fig-"):
            return self.figure_div(block)
        if block.identifier.startswith("tbl-"):
            return self.table_div(block)
        if any(key in block.attributes for key in LAYOUT):
            return self.layout(block, list(block.content))
        block.content = self.blocks(block.content)
        return [block]

    def conditional(self, block) -> list:
        when, unless = (block.attributes.get(key, "") for key in ("when-format", "unless-format"))
        html_here = when in ("", "html") and not unless.startswith("html")
        return self.blocks(block.content) if html_here == ("content-visible" in block.classes) else []

    def callout(self, block, kind) -> list:
        if kind not in CALLOUTS:
            message = f"unknown callout {kind!r}; known are {', '.join(CALLOUTS)}"
            self.complain("markup", message, f"callout-{kind}")
            return [block]
        options = block.attributes
        content = list(block.content)
        # as Quarto does it: a title of its own hides the kind, so a screen reader hears it first
        spoken = [pf.Span(pf.Str(kind.capitalize()), classes=["screen-reader-only"])]
        if content and isinstance(content[0], pf.Header):
            title = list(content.pop(0).content)
        elif options.get("title"):
            title = inlines(options["title"])
        else:
            title, spoken = [pf.Str(kind.capitalize())], []
        simple = options.get("appearance", "default")
        if simple not in ("default", "simple", "minimal"):
            self.complain("markup", f"unknown callout appearance {simple!r}", f"callout-{kind}")
        style = "simple" if simple != "default" else "default"
        no_icon = " no-icon" if options.get("icon") == "false" or simple == "minimal" else ""
        classes = f"callout callout-style-{style} callout-{kind}{no_icon} callout-titled"
        self.inside += 1
        body = self.blocks(content)
        self.inside -= 1
        collapse = options.get("collapse")
        outer, head = ("div", "div") if collapse is None else ("details", "summary")
        state = " open" if collapse == "false" else ""
        start = f'<{outer}{named(block.identifier)} class="{classes}"{state}>'
        icon = '<i class="callout-icon" aria-hidden="true"></i>'
        return [
            raw(f'{start}<{head} class="callout-header">'),
            raw(f'<span class="callout-icon-container">{icon}</span>'),
            raw('<span class="callout-title-container">'),
            pf.Plain(*spoken, *title),
            raw(f'</span></{head}><div class="callout-body-container callout-body">'),
            *body,
            raw(f"</div></{outer}>"),
        ]

    def tabset(self, block) -> list:
        first = next((b for b in block.content if isinstance(b, pf.Header)), None)
        if first is None:
            self.complain("markup", "a tabset needs a heading for each of its tabs", ".panel-tabset")
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
        image = image_alone(block)
        if image:
            if image.identifier.startswith("fig-") or "fig-cap" in image.attributes:
                caption = inlines(image.attributes.pop("fig-cap", ""))
                return self.float(image.identifier, [pf.Plain(image)], caption)
            self.alt(image)
        block.content = self.equations(list(block.content))
        return [block]

    def equations(self, content) -> list:
        """Number ``$$ … $$ {#eq-name}`` as Quarto does without MathJax: (1.1) behind the formula."""
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
