"""Cross-references, citations and links of a page, once the labels of all pages are known."""

import io
import posixpath
import re
from pathlib import Path

import panflute as pf

from . import pandoc
from .configuration import Settings
from .findings import nearest
from .model import KINDS, NBSP, Label, Page

# Quarto reads @name as a cross-reference if it begins with one of these, as a citation otherwise.
PREFIXES = {*KINDS, *"lst nte tip wrn imp cau thm lem cor prp cnj def exm exr".split()}
LINK = re.compile(r"(?<![\\\w\]])!?\[[^\[\]]+\]\[[^\[\]]*\]\S*")  # [text][name]
NO_BORDER = (
    "a line with ::: was not read as the border of a block: leave an empty line before it, in a list indent "
    "it exactly as far as the item's text"
)
UNREAD = re.compile(r"^@(?:fig|tbl|eq|sec)-\w")


def relative(page: str, target: str) -> str:
    """Return the path from one page of the site to another file of it."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def resolve(page: Page, labels: dict[str, Label], missing: set[str], keys: set[str]) -> None:
    """Replace the cross-references on `page` by links and note its citations; complain about dead ones.

    `missing` are labels of cells that could not be embedded, which was said already.
    """

    def action(element, _doc):
        if isinstance(element, pf.Cite):
            return _cite(element, page, labels, missing, keys)
        if isinstance(element, pf.Str):
            _leftover(element, page)
        return None

    page.doc.walk(action)


def _leftover(element: pf.Str, page: Page) -> None:
    """Complain about what was meant as a reference, a link or the border of a block, and stayed text."""
    text = element.text
    if UNREAD.match(text) and not isinstance(element.parent, pf.Cite):
        if f"\\{text}" not in page.manuscript.prose:  # `\@fig-x` is meant as text
            message = f"{text} was not read as a reference"
            page.manuscript.complain("references", message, text, mend="write @label")
    if re.match(r":{3,}$", text):
        page.manuscript.complain("markup", NO_BORDER, _line_with(page, element))
    if "][" in text and any(text in match[0] for match in LINK.finditer(page.manuscript.prose)):
        page.manuscript.complain("links", f"{text} is a link whose address is nowhere on the page", text)


def _line_with(page: Page, element) -> str:
    """Return what follows a ``:::`` that stands in the text, to find its line."""
    following = element.next
    while isinstance(following, (pf.Space, pf.SoftBreak)):
        following = following.next
    word = pf.stringify(following).strip("“”{} ") if isinstance(following, pf.Element) else ""
    return word.split("=")[0] if word and page.manuscript.places(word) else element.text


def _cite(cite, page: Page, labels: dict[str, Label], missing: set[str], keys: set[str]):
    complain = page.manuscript.complain
    kinds = [c.id[:1].lower() + c.id[1:] for c in cite.citations]
    crossrefs = [name for name in kinds if name.split("-")[0] in PREFIXES and "-" in name]
    if not crossrefs:
        for citation in cite.citations:
            page.citations.append(citation.id)
            if citation.id not in keys:
                message = f"the citation @{citation.id} is not in the bibliography"
                complain("citations", message, f"@{citation.id}", mend=nearest(citation.id, keys))
        return None
    if len(crossrefs) < len(kinds):
        message = "a reference and a citation stand in one pair of brackets"
        complain("references", message, f"@{crossrefs[0]}")
        return None
    new = []
    for citation, name in zip(cite.citations, kinds, strict=True):
        label = labels.get(name)
        if new:
            new += [pf.Str(","), pf.Space()]
        token = f"@{citation.id}"
        if label is None:
            if name not in missing:
                complain("references", f"{token} refers to nothing", token, mend=nearest(name, labels))
            continue
        if not page.number:
            message = f"{token} stands on an unnumbered page, where Quarto shows a wrong text"
            complain("references", message, token, mend="write an ordinary link")
        new.append(_link(page, label, citation))
        if citation.suffix:
            new += list(citation.suffix)
    return new


def _link(page, label, citation) -> pf.Link:
    if citation.prefix:
        text = [*citation.prefix, pf.Str(NBSP), pf.Str(label.number)]
    elif citation.mode == "SuppressAuthor":
        text = [pf.Str(label.number)]
    else:
        text = [pf.Str(label.text)]
    target = "" if label.page == page.href else relative(page.href, label.page)
    anchor = "" if target and label.chapter else f"#{label.name}"
    return pf.Link(*text, url=target + anchor, classes=["quarto-xref"])


def holds_bibliography(page: Page) -> bool:
    """Whether this page has the place ``::: {#refs}`` for the list of references."""
    return any(isinstance(block, pf.Div) and block.identifier == "refs" for block in page.doc.content)


def with_bibliography(
    page: Page, home: Page | None, cited: list[str], settings: Settings, readable: list[str], root: Path
) -> str:
    """Return the page as HTML, its citations formatted.

    As in Quarto, the list of references of the whole book stands on the page that has the place for it
    (`home`), and all citations link there. The list of each other page is kept hidden for the pop-overs.
    """
    if page is home and cited:
        everything = [pf.Citation(key, mode="AuthorInText") for key in cited]
        page.doc.metadata["nocite"] = pf.MetaInlines(pf.Cite(pf.Str("@"), citations=everything))
    stream = io.StringIO()
    pf.dump(page.doc, stream)
    options = ["--from=json", "--to=html5", "--section-divs", "--mathml", "--wrap=preserve"]
    options += ["--email-obfuscation=none", f"--metadata=lang:{settings.lang}"]
    files: tuple[Path, ...] = ()
    if page.citations or (page is home and cited):
        options += ["--citeproc", "--metadata=link-citations:true"]
        options += [f"--bibliography={root / name}" for name in readable]
        options += [f"--csl={root / settings.csl}"] if settings.csl else []
        files += tuple(root / name for name in [*readable, settings.csl] if name)
    body, warnings = pandoc.remembered(root, stream.getvalue(), *options, files=files)
    for warning in warnings:
        if not warning.startswith("Citeproc: citation"):  # already said, with its line
            formula = re.search(r"TeX math (.*?)(?:, rendering|:|$)", warning)
            token = formula[1][:40] if formula else ""
            page.manuscript.complain("markup", f"pandoc says: {warning}", token)
    if home is not None and page is not home:
        there = rf'<a href="{relative(page.href, home.href)}#\1" role="doc-biblioref"'
        body = re.sub(r'<a href="#(ref-[^"]+)" role="doc-biblioref"', there, body)
        body = body.replace('<div id="refs"', '<div id="refs" hidden', 1)
    return body
