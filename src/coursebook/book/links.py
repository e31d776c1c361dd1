"""The written HTML: every link, picture and script of it is checked, and local files come along."""

import html
import posixpath
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .addresses import how_made, resolve
from .findings import nearest
from .model import KINDS, Page, Picture

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
    pictures: list[Picture] = field(default_factory=list)


class _Scanner(HTMLParser):
    """Collects what start tags name, and how those must read whose addresses change."""

    def __init__(self, page: Page, pages: set[str], generated: set[str], root: Path):
        super().__init__(convert_charrefs=False)
        self.page, self.pages, self.generated, self.root = page, pages, generated, root
        self.changed: dict[str, str] = {}
        self.found = Written("")
        self.links = 0  # > 0 inside a link

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        text = written = self.get_starttag_text() or ""
        if values.get("id"):
            self.found.identifiers.append(values["id"])
        self.links += tag == "a"
        if tag == "img" and values.get("role") != "presentation":
            self.picture(values.get("src") or "", (values.get("alt") or "").strip())
        for name in FILES.get(tag, ()):
            if values.get(name) and not values.get("class", "").startswith("quarto-xref"):
                new = self.reference(tag, values[name])
                if new != values[name]:
                    for old in (html.escape(values[name]), values[name]):
                        for quote in "\"'":
                            text = text.replace(f"{name}={quote}{old}{quote}", f'{name}="{html.escape(new)}"')
        if text != written:
            self.changed[written] = text

    handle_startendtag = handle_starttag

    def picture(self, url: str, alt: str) -> None:
        """Note a picture; one without alternative text is a mistake."""
        nth = sum(picture.url == url for picture in self.found.pictures)
        self.found.pictures.append(Picture(url, alt, nth, self.links > 0))
        if not alt:
            message = f"the picture {url} has no alt text"
            self.page.manuscript.complain("image-alt-texts", message, url or "<img", nth=nth, view="html")

    def reference(self, tag, value) -> str:
        """Note what `value` names, and return it as it must read in the HTML."""
        complain = self.page.manuscript.complain
        parts = urlsplit(value)
        if parts.scheme or parts.netloc:
            if tag != "a" and parts.scheme != "data":
                message = f"<{tag}> loads {value} from the network; pages must work without"
                complain("no-remote-resources", message, value, view="html")
            return value
        if not parts.path:
            self.found.references.append(Reference(tag, value, self.page.href, unquote(parts.fragment)))
            return value
        path = unquote(parts.path)
        target = resolve(self.page.path, path)
        if target is None:
            complain("links", f"{value} lies outside the project", value, view="html")
            return value
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        if target.endswith(".qmd") and target not in self.pages:
            message = f"the link {value} leads to no page of the book (from {self.page.path})"
            complain("links", message, value, view="html", mend=nearest(target, self.pages))
            return value
        if re.sub(r"\.html$", ".qmd", target) in self.pages:
            target = re.sub(r"\.qmd$", ".html", target)
            self.found.references.append(Reference(tag, value, target, unquote(parts.fragment)))
        elif target in self.generated:
            pass
        elif (self.root / target).is_file():
            self.found.files.add(target)
        else:
            what = "picture" if tag == "img" else "file"
            message, mend = f"there is no {what} {value} (from {self.page.path})", how_made(self.root, target)
            complain("links", message, value, view="html", mend=mend)
            return value
        return posixpath.relpath(target, posixpath.dirname(self.page.path) or ".") + anchor

    def handle_endtag(self, tag):
        self.links -= tag == "a"


def scan(page: Page, text: str, pages: set[str], generated: set[str], root: Path) -> Written:
    """Rewrite the links of a page's HTML and collect identifiers, references and local files."""
    scanner = _Scanner(page, pages, generated, root)
    scanner.feed(text)
    scanner.close()
    for written, changed in scanner.changed.items():  # the same tag means the same wherever it stands
        text = text.replace(written, changed)
    scanner.found.html = text
    return scanner.found


def check(pages: list[Page], written: dict[str, Written]) -> None:
    """Complain about identifiers used twice and anchors that do not exist."""
    first: dict[str, Page] = {}  # where the names stand that must be unique in the whole book
    for page in pages:
        found = written[page.href]
        for name in found.identifiers:
            if name.split("-")[0] in KINDS and first.setdefault(name, page) is not page:
                message = f"the label #{name} is already used in {first[name].path}"
                page.manuscript.complain("unique-labels", message, f"#{name}", nth=-1)
        for name, count in Counter(found.identifiers).items():
            if count > 1:
                message = f"the identifier #{name} is used twice on this page"
                page.manuscript.complain("unique-labels", message, f"#{name}", nth=-1)
        for reference in found.references:
            known = set(written[reference.target].identifiers) if reference.target in written else set()
            if reference.anchor and reference.anchor not in known:
                message = f"the link {reference.value} leads to no place on {reference.target}"
                mend = nearest(reference.anchor, known)
                page.manuscript.complain("links", message, reference.value, view="html", mend=mend)
