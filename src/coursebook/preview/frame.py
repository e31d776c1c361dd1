"""Everything around the text: sidebar, contents of the page, previous and next, search index."""

import html
import json
import posixpath
import re
from html.parser import HTMLParser
from importlib import resources
from string import Template

from coursebook.book.configuration import Settings
from coursebook.book.model import NBSP, Page
from coursebook.book.references import relative

PLACE = "<!-- the text of the page -->"
SCRIPTS = ["site_libs/preview/frame.js", "site_libs/preview/search.js", "site_libs/preview/glossary.js"]


def template() -> Template:
    """Return the page template."""
    return Template(resources.files(__package__).joinpath("frame.html").read_text(encoding="utf-8"))


def script() -> str:
    """Return the script of the page frame."""
    return resources.files(__package__).joinpath("frame.js").read_text(encoding="utf-8")


def page_html(page: Page, pages: list[Page], settings: Settings, shell: Template) -> str:
    """Return the frame around a page, with a mark where `fill` puts its text."""
    here = posixpath.dirname(page.href) or "."
    root = posixpath.relpath(".", here)
    home = page is pages[0]
    return shell.substitute(
        lang=html.escape(settings.lang),
        head_title=html.escape(settings.title if home else f"{_plain(page)} – {settings.title}"),
        book_title=html.escape(settings.title),
        styles="\n".join(
            f'<link rel="stylesheet" href="{relative(page.path, css)}">' for css in settings.css
        ),
        favicon=relative(page.path, settings.favicon) if settings.favicon else "data:,",
        header=_social(page, settings, home) + settings.header,
        footer=settings.footer,
        root=root,
        body_class=" course-home-page" if home else "",
        sidebar=_sidebar(page, pages, settings),
        toc=_toc(page, page.body, settings.toc_depth),
        body=(_book_title(settings) if home else "") + PLACE,
        pager=_pager(page, pages),
        footer_text=_footer(page, settings),
    )


def fill(around: str, body: str) -> str:
    """Put a page's text into the frame that `page_html` made."""
    return around.replace(PLACE, body, 1)


def _social(page: Page, settings: Settings, home: bool) -> str:
    """What search engines and messengers show of a page: description and card, as Quarto writes them."""
    if not settings.site_url:
        return ""
    address = f"{settings.site_url}/" if home else f"{settings.site_url}/{page.href}"
    entries = {
        "og:title": settings.title if home else f"{_plain(page)} – {settings.title}",
        "og:description": settings.description,
        "og:url": address,
        "og:site_name": settings.title,
        "og:image": f"{settings.site_url}/{settings.image}" if settings.image else "",
        "og:image:alt": settings.image_alt,
    }
    lines = [
        f'<meta property="{name}" content="{html.escape(text)}">' for name, text in entries.items() if text
    ]
    about = f'<meta name="description" content="{html.escape(settings.description)}">'
    card = '<meta name="twitter:card" content="summary_large_image">'
    return "\n".join([about, *lines, card]) + "\n"


def sitemap(pages: list[Page], settings: Settings) -> str:
    """Return ``sitemap.xml``: the whole address of each page."""
    rows = [f"<url><loc>{html.escape(f'{settings.site_url}/{page.href}')}</loc></url>" for page in pages]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + "\n".join(
        ['<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">', *rows, "</urlset>\n"]
    )


def _plain(page: Page) -> str:
    if page.number and page.appendix:
        return f"Appendix {page.number} — {page.title}"
    return f"{page.number} {page.title}".strip()


def _label(page: Page, text: str = "") -> str:
    title = f'<span class="chapter-title">{html.escape(text or page.title)}</span>'
    return f'<span class="chapter-number">{page.number}</span>{NBSP} {title}' if page.number else title


def _book_title(settings: Settings) -> str:
    subtitle = f'<p class="subtitle lead">{html.escape(settings.subtitle)}</p>' if settings.subtitle else ""
    authors = html.escape(", ".join(settings.authors))
    author = f'<p class="quarto-title-meta">{authors}</p>' if authors else ""
    title = f'<p class="title">{html.escape(settings.title)}</p>'
    about = (
        f'<div class="description">{html.escape(settings.description)}</div>' if settings.description else ""
    )
    inside = title + subtitle + author + about
    return f'<header id="title-block-header" class="quarto-title-block default">{inside}</header>\n'


def _sidebar(page: Page, pages: list[Page], settings: Settings) -> str:
    rows, part = ['<ul class="list-unstyled">'], ""
    for entry, other in zip(settings.entries, pages, strict=True):
        group = "Appendices" if entry.appendix else entry.part
        if group != part:
            rows += ["</ul></li>"] if part else []
            rows += (
                [f'<li class="sidebar-item sidebar-item-section"><span>{html.escape(group)}</span><ul>']
                if group
                else []
            )
            part = group
        current = ' aria-current="page"' if other is page else ""
        active = " active" if other is page else ""
        rows.append(
            f'<li class="sidebar-item"><a class="sidebar-link{active}"{current} '
            f'href="{relative(page.href, other.href)}">{_label(other, entry.text)}</a></li>'
        )
    return "\n".join(rows + (["</ul></li>"] if part else []) + ["</ul>"])


def _toc(page: Page, body: str, depth: int) -> str:
    shown = [h for h in page.headings if h.identifier and h.level <= depth]
    if len(shown) < 2:
        return ""
    titles = dict(
        re.findall(r'<section\b[^>]*?\bid="([^"]*)"[^>]*>\s*<h[1-6][^>]*>(.*?)</h[1-6]>', body, re.DOTALL)
    )
    rows = []
    for heading in shown:
        text = titles.get(heading.identifier, html.escape(heading.title))
        text = re.sub(r'<a\b[^>]*class="footnote-ref".*?</a>', "", text, flags=re.DOTALL)
        text = re.sub(r"</?a\b[^>]*>", "", text)
        text = re.sub(r'\sid="[^"]*"', "", text)
        rows.append(
            f'<li class="toc-{heading.level}"><a href="#{html.escape(heading.identifier)}">{text}</a></li>'
        )
    return (
        '<nav id="TOC" role="doc-toc" aria-label="On this page">'
        "<details open><summary>On this page</summary><ul>\n" + "\n".join(rows) + "\n</ul></details></nav>"
    )


def _pager(page: Page, pages: list[Page]) -> str:
    position = pages.index(page)
    links = []
    for offset, kind, word in ((-1, "previous", "Previous"), (1, "next", "Next")):
        if 0 <= position + offset < len(pages):
            other = pages[position + offset]
            links.append(
                f'<div class="nav-page nav-page-{kind}"><a class="pagination-link" rel="{kind[:4]}" '
                f'href="{relative(page.href, other.href)}"><small>{word}</small> {_label(other)}</a></div>'
            )
    return "\n".join(links)


def _footer(page: Page, settings: Settings) -> str:
    parts = [html.escape(settings.page_footer)] if settings.page_footer else []
    if settings.repo_url:
        base = html.escape(settings.repo_url.rstrip("/"))
        parts.append(f'<a href="{base}/blob/main/{page.path}">Source of this page</a>')
        parts.append(f'<a href="{base}/issues/new">Report a mistake</a>')
    return " · ".join(parts) or html.escape(settings.title)


def glossary_script(body: str) -> str:
    """Return a classic script that sets ``COURSE_GLOSSARY``: identifier -> definition."""
    found = {}
    for term, definition in re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", body, re.DOTALL):
        name = re.search(r'id="([^"]+)"', term)
        if name:
            found[name[1]] = re.sub(r"</?a\b[^>]*>", "", definition).strip()
    return _assignment("COURSE_GLOSSARY", found)


class _Words(HTMLParser):
    """Collects the text that a reader sees, section by section."""

    SILENT = frozenset({"script", "style", "annotation", "svg", "button", "h1", "h2", "h3", "h4", "h5", "h6"})
    INLINE = frozenset(
        {"a", "abbr", "b", "code", "em", "i", "kbd", "label", "span", "strong", "sub", "sup"}
        | {"mi", "mn", "mo", "mrow", "msub", "msup"}
    )

    def __init__(self, sections):
        super().__init__()
        self.known, self.found, self.silent = sections, [("", [])], ""

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "section" and values.get("id") in self.known:
            self.found.append((values["id"], []))
        if not self.silent and tag in self.SILENT:
            self.silent = tag
        self._space(tag)

    def handle_endtag(self, tag):
        if tag == self.silent:
            self.silent = ""
        self._space(tag)

    def handle_data(self, data):
        if not self.silent:
            self.found[-1][1].append(data)

    def _space(self, tag):
        if tag not in self.INLINE:
            self.found[-1][1].append(" ")


def search_records(page: Page, body: str) -> list[dict[str, str]]:
    """Return one record a section: address, page, section and text."""
    known = {heading.identifier: heading for heading in page.headings}
    words = _Words(known)
    words.feed(body.partition('<div id="refs" hidden')[0])
    records = []
    for identifier, pieces in words.found:
        heading = known.get(identifier)
        name = f"{heading.number} {heading.title}".strip() if heading else ""
        text = " ".join("".join(pieces).split())
        if text or name:
            anchor = f"#{identifier}" if heading else ""
            records.append({"u": page.href + anchor, "p": _plain(page), "s": name, "t": text})
    return records


def search_script(records: list[dict[str, str]]) -> str:
    """Return a classic script that sets ``COURSE_SEARCH``, so that the search works on file://."""
    return _assignment("COURSE_SEARCH", records)


def _assignment(name: str, value) -> str:
    return f"window.{name} = {json.dumps(value, ensure_ascii=False)};\n".replace("</", "<\\/")
