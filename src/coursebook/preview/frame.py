"""Everything around the text: sidebar, contents of the page, previous and next, search index."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Template

from coursebook.book.configuration import Settings
from coursebook.book.model import NBSP, Page
from coursebook.book.references import relative

HERE = Path(__file__).parent
PLACE = "<!-- the text of the page -->"
TITLE = re.compile(r'<section\b[^>]*?\bid="([^"]*)"[^>]*>\s*<h[1-6][^>]*>(.*?)</h[1-6]>', re.DOTALL)
NOT_IN_CONTENTS = re.compile(r'<a\b[^>]*class="footnote-ref".*?</a>|</?a\b[^>]*>|\sid="[^"]*"', re.DOTALL)
SCRIPTS = ["site_libs/preview/frame.js", "site_libs/preview/search.js", "site_libs/preview/glossary.js"]


def template() -> Template:
    """Return the page template."""
    return Template((HERE / "frame.html").read_text(encoding="utf-8"))


def script() -> str:
    """Return the script of the page frame."""
    return (HERE / "frame.js").read_text(encoding="utf-8")


def page_html(page: Page, pages: list[Page], settings: Settings, shell: Template) -> str:
    """Return the frame around a page, with a mark where `fill` puts its text."""
    home = page is pages[0]
    styles = (f'<link rel="stylesheet" href="{relative(page.path, css)}">' for css in settings.css)
    return shell.substitute(
        lang=html.escape(settings.lang),
        head_title=html.escape(settings.title if home else f"{_plain(page)} – {settings.title}"),
        book_title=html.escape(settings.title),
        styles="\n".join(styles),
        favicon=relative(page.path, settings.favicon) if settings.favicon else "data:,",
        header=_social(page, settings, home) + settings.header,
        footer=settings.footer,
        root=relative(page.href, "."),
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
    lines = [f'<meta name="description" content="{html.escape(settings.description)}">']
    for name, text in entries.items():
        lines += [f'<meta property="{name}" content="{html.escape(text)}">'] if text else []
    return "\n".join([*lines, '<meta name="twitter:card" content="summary_large_image">\n'])


def sitemap(pages: list[Page], settings: Settings) -> str:
    """Return ``sitemap.xml``: the whole address of each page."""
    rows = [f"<url><loc>{html.escape(f'{settings.site_url}/{page.href}')}</loc></url>" for page in pages]
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    start = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return "\n".join([head, start, *rows, "</urlset>\n"])


def _plain(page: Page) -> str:
    if page.number and page.appendix:
        return f"Appendix {page.number} — {page.title}"
    return f"{page.number} {page.title}".strip()


def _label(page: Page, text: str = "") -> str:
    title = f'<span class="chapter-title">{html.escape(text or page.title)}</span>'
    return f'<span class="chapter-number">{page.number}</span>{NBSP} {title}' if page.number else title


def _book_title(settings: Settings) -> str:
    parts = (
        ("p", "title", settings.title),
        ("p", "subtitle lead", settings.subtitle),
        ("p", "quarto-title-meta", ", ".join(settings.authors)),
        ("div", "description", settings.description),
    )
    inside = "".join(f'<{tag} class="{c}">{html.escape(text)}</{tag}>' for tag, c, text in parts if text)
    return f'<header id="title-block-header" class="quarto-title-block default">{inside}</header>\n'


def _sidebar(page: Page, pages: list[Page], settings: Settings) -> str:
    rows, part = ['<ul class="list-unstyled">'], ""
    for entry, other in zip(settings.entries, pages, strict=True):
        group = "Appendices" if entry.appendix else entry.part
        if group != part:
            start = f'<li class="sidebar-item sidebar-item-section"><span>{html.escape(group)}</span><ul>'
            rows += ["</ul></li>"] * bool(part) + [start] * bool(group)
            part = group
        active, current = (" active", ' aria-current="page"') if other is page else ("", "")
        link = f'<a class="sidebar-link{active}"{current} href="{relative(page.href, other.href)}">'
        rows.append(f'<li class="sidebar-item">{link}{_label(other, entry.text)}</a></li>')
    return "\n".join(rows + (["</ul></li>"] if part else []) + ["</ul>"])


def _toc(page: Page, body: str, depth: int) -> str:
    shown = [h for h in page.headings if h.identifier and h.level <= depth]
    if len(shown) < 2:
        return ""
    titles = dict(TITLE.findall(body))
    rows = []
    for heading in shown:
        text = NOT_IN_CONTENTS.sub("", titles.get(heading.identifier, html.escape(heading.title)))
        link = f'<a href="#{html.escape(heading.identifier)}">{text}</a>'
        rows.append(f'<li class="toc-{heading.level}">{link}</li>')
    start = '<nav id="TOC" role="doc-toc" aria-label="On this page">'
    start += "<details open><summary>On this page</summary><ul>"
    return "\n".join([start, *rows, "</ul></details></nav>"])


def _pager(page: Page, pages: list[Page]) -> str:
    position = pages.index(page)
    links = []
    for offset, kind, word in ((-1, "previous", "Previous"), (1, "next", "Next")):
        if 0 <= position + offset < len(pages):
            other = pages[position + offset]
            link = f'<a class="pagination-link" rel="{kind[:4]}" href="{relative(page.href, other.href)}">'
            text = f"<small>{word}</small> {_label(other)}"
            links.append(f'<div class="nav-page nav-page-{kind}">{link}{text}</a></div>')
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

    SILENT = frozenset("script style annotation svg button h1 h2 h3 h4 h5 h6".split())
    INLINE = frozenset("a abbr b code em i kbd label span strong sub sup mi mn mo mrow msub msup".split())

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
