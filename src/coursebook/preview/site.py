"""The written HTML: every link, picture and script of it is checked, and local files come along."""

import html
import posixpath
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..addresses import resolve
from .model import Page
from .problems import nearest

# tag -> attributes that name a file (Quarto copies the same ones)
FILES = {
    "a": ("href",),
    "img": ("src",),
    "link": ("href",),
    "script": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "track": ("src",),
}


@dataclass
class Reference:
    """One attribute of the HTML that names a file or an anchor."""

    tag: str
    value: str
    target: str  # page or file, relative to the site; "" for an address elsewhere
    anchor: str


@dataclass
class Written:
    """A page's HTML and what was found in it."""

    html: str
    identifiers: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


class _Scanner(HTMLParser):
    """Rewrites start tags one by one and collects what they name; everything else stays as it is."""

    def __init__(self, page: Page, pages: set[str], generated, root: Path):
        super().__init__(convert_charrefs=False)
        self.page, self.pages, self.generated, self.root = page, pages, generated, root
        self.out: list[str] = []
        self.found = Written("")
        self.section = 0

    def handle_starttag(self, tag, attrs):
        text, values = self.get_starttag_text(), dict(attrs)
        if values.get("id"):
            self.found.identifiers.append(values["id"])
        if tag == "img" and not (values.get("alt") or "").strip() and values.get("role") != "presentation":
            self.page.source.problem(
                f"the picture {values.get('src')} has no alt text.", values.get("src") or "<img"
            )
        for name in FILES.get(tag, ()):
            if values.get(name) and not values.get("class", "").startswith("quarto-xref"):
                new = self.reference(tag, values[name])
                if new != values[name]:
                    for quote in "\"'":
                        old = f"{name}={quote}{html.escape(values[name])}{quote}"
                        bare = f"{name}={quote}{values[name]}{quote}"
                        text = text.replace(old, f'{name}="{html.escape(new)}"').replace(
                            bare, f'{name}="{html.escape(new)}"'
                        )
        self.out.append(text)

    handle_startendtag = handle_starttag

    def reference(self, tag, value) -> str:
        """Note what `value` names, and return it as it must read in the HTML."""
        source = self.page.source
        parts = urlsplit(value)
        if parts.scheme or parts.netloc:
            if tag != "a" and parts.scheme != "data":
                source.problem(f"<{tag}> loads {value} from the network; pages must work without.", value)
            return value
        if not parts.path:
            self.found.references.append(Reference(tag, value, self.page.href, unquote(parts.fragment)))
            return value
        path = unquote(parts.path)
        target = resolve(self.page.path, path)
        if target is None:
            source.problem(f"{value} lies outside the project.", value)
            return value
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        if target.endswith(".qmd"):
            if target not in self.pages:
                source.problem(
                    f"the link {value} leads to no page of the book{nearest(target, self.pages)}.", value
                )
                return value
            target = target[:-4] + ".html"
            self.found.references.append(Reference(tag, value, target, unquote(parts.fragment)))
        elif target.endswith(".html") and target[:-5] + ".qmd" in self.pages:
            self.found.references.append(Reference(tag, value, target, unquote(parts.fragment)))
        elif target in self.generated:
            pass
        elif (self.root / target).is_file():
            self.found.files.add(target)
        else:
            what = "picture" if tag == "img" else "file"
            source.problem(f"there is no {what} {value} (from {self.page.path}).", value)
            return value
        return posixpath.relpath(target, posixpath.dirname(self.page.path) or ".") + anchor

    def handle_endtag(self, tag):
        self.out.append(f"</{tag}>")

    def handle_data(self, data):
        self.out.append(data)

    def handle_entityref(self, name):
        self.out.append(f"&{name};")

    def handle_charref(self, name):
        self.out.append(f"&#{name};")

    def handle_comment(self, data):
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl):
        self.out.append(f"<!{decl}>")


def scan(page: Page, text: str, pages: set[str], generated, root: Path) -> Written:
    """Rewrite the links of a page's HTML and collect identifiers, references and local files."""
    scanner = _Scanner(page, pages, generated, root)
    scanner.feed(text)
    scanner.close()
    scanner.found.html = "".join(scanner.out)
    return scanner.found


def check(pages: list[Page], written: dict[str, Written]) -> None:
    """Complain about identifiers used twice and anchors that do not exist."""
    for page in pages:
        found = written[page.href]
        seen = set()
        for name in found.identifiers:
            if name in seen:
                page.source.problem(
                    f"the identifier #{name} is used twice on this page.", f"#{name}", last=True
                )
            seen.add(name)
        for reference in found.references:
            known = set(written[reference.target].identifiers) if reference.target in written else set()
            if reference.anchor and reference.anchor not in known:
                page.source.problem(
                    f"the link {reference.value} leads to no place on {reference.target}"
                    f"{nearest(reference.anchor, known)}.",
                    reference.value,
                )
