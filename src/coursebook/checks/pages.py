"""Rules about pages: headings, links, figures, and that nothing comes from the network."""

import re
from collections.abc import Iterator
from pathlib import Path

from coursebook.book import cells, documents
from coursebook.book.findings import Finding
from coursebook.book.reader import Book
from coursebook.book.text import Line
from coursebook.checks.table import asked, at, lines_of, of_reader, rule, sources_of
from coursebook.screenshots import fingerprint

SHORTEST_ALT = 20
REMOTE_TAG = re.compile(
    r"<(?:script|img|link|iframe|source|video|audio|object|embed)\b[^>]*?"
    r"\b(?:src|href|data|poster)\s*=\s*[\"'](?:https?:)?//[^\"']*",
    re.IGNORECASE,
)
REMOTE_CALL = re.compile(
    r"(?:url\(|@import|\bfrom|\bimport|fetch\(|import\(|\.src\s*=|\.href\s*=)\s*[\"'(`]*(?:https?:)?//\w"
)
HTML_TARGET = re.compile(r"<(\w[\w-]*)\b[^>]*?\b(?:src|href|data|poster)\s*=\s*[\"']([^\"']*)[\"']")
CUSTOM_ELEMENT = re.compile(r"<([a-z]+(?:-[a-z0-9]+)*-explorer)\b")


@rule("a page begins with `# Title`, a chapter with `# Title {#sec-topic}`; no other heading of level 1")
def page_title(book: Book):
    yield from of_reader(book, "page-title")
    for page in book.manuscripts:
        first = page.lines[0] if page.lines else Line("", page.path, 1, "prose")
        title = re.fullmatch(r"# [^{}\s][^{}]*?(?: (\{[^{}]+\}))?", first.text.strip())
        if not title:
            yield at(first, "the first line of a page must be its title: `# Title {#sec-topic}`")
        elif page.is_chapter and not re.match(r"\{#sec-[\w-]+[ }]", title[1] or ""):
            yield at(first, "the first line of a chapter must be `# Title {#sec-topic}`")


@rule("headings descend one level at a time")
def heading_levels(book: Book):
    for page in book.manuscripts:
        for above, heading in zip(page.headings, page.headings[1:], strict=False):
            if heading[0] > above[0] + 1:
                yield at(heading[3], f"{heading[1]!r} jumps from level {above[0]} to level {heading[0]}")


asked("no-code-cells", "pages hold no code cells: code lives in the notebooks")
asked("shortcodes", "shortcodes are include, embed or pagebreak, stand alone, and included files exist")
asked("unique-labels", "labels are unique: fig-, tbl-, eq- and sec- in the whole book, others on their page")
asked("references", "every @fig-, @tbl-, @sec- and @eq- refers to a label of the book, from a numbered page")
asked("markup", "boxes, tabs, layouts, formulas and YAML are what pandoc and Quarto understand")
asked("embeds", "embeds name a cell with a saved picture or Markdown table, never HTML or a widget")
asked("embedded-notebooks", "no notebook that a page embeds from has saved HTML, a script or a widget")
asked("citations", "every citation is in the bibliography")


@rule("links lead to files, pages and anchors that exist")
def links(book: Book):
    yield from of_reader(book, "links")
    for path in sorted(book.root.glob("*.md")):
        yield from documents.dead_links(book, path.name)


# ---------------------------------------------------------------- figures


@rule("figures and tables have a caption, embedded figures a different alt text that says what is there")
def captions(book: Book):
    yield from of_reader(book, "captions")
    for manuscript in book.manuscripts:
        for line, cell in manuscript.cells:
            if cell.label.startswith("fig-"):
                for problem in _weak_alts(cell):
                    yield at(line, f"{cell.label}: {problem}")


@rule("figure cells of the sources have an alt text that says what is there")
def source_alt_texts(book: Book):
    for source in sources_of(book):
        for cell in source.cells:
            if str(cell.label).startswith("fig-"):
                for problem in _weak_alts(cells.embedded(str(cell.label), cell.options)):
                    yield Finding(source.file, cell.line, f"{cell.label}: {problem}")


@rule("images have an alt text that says what is there and is not the caption")
def image_alt_texts(book: Book):
    yield from of_reader(book, "image-alt-texts")
    for page in book.write().pages:
        manuscript = page.manuscript
        for picture in book.write().written[page.href].pictures:
            if picture.in_link or not picture.alt or manuscript.resolve(picture.url) in manuscript.files:
                continue  # the alternative texts of embedded cells are judged by `captions`
            for problem in _weak_alt(picture.alt, page.captions.get(picture.url, "")):
                yield at(manuscript.place(picture.url, picture.nth, "html"), f"{picture.url}: {problem}")


def _weak_alts(cell: cells.Embedded) -> list[str]:
    """Say what is wrong with the alt texts of a cell."""
    return [problem for alt in cell.alts for problem in _weak_alt(alt, cell.caption)]


def _weak_alt(alt, caption: str) -> Iterator[str]:
    """Say what is wrong with an alt text, given the caption beside it."""
    text = " ".join(str(alt or "").split())
    if not text:
        yield "no alt text"
    elif len(text) < SHORTEST_ALT:
        yield f"the alt text {text!r} is shorter than {SHORTEST_ALT} characters; say what is there"
    elif text.rstrip(".").casefold() == " ".join(caption.split()).rstrip(".").casefold():
        yield "the alt text repeats the caption; the caption says what to see, the alt text what is there"


@rule("explorables load base.js, then their own script, and hold a picture for print")
def explorables(book: Book):
    for page in book.manuscripts:
        scripts = [Path(m[2]).name for m, _ in page.finditer(HTML_TARGET, "html") if m[2].endswith(".js")]
        for match, line in page.finditer(CUSTOM_ELEMENT, "html"):
            own = f"{match[1]}.js"
            for script in ("base.js", own):
                if script not in scripts:
                    yield at(line, f"<{match[1]}> needs a <script defer> that loads {script}")
            if own in scripts and "base.js" in scripts and scripts.index(own) < scripts.index("base.js"):
                yield at(line, f"load base.js before {own}")
            inside = page.html[match.start() :].split(f"</{match[1]}>")[0]
            if "<img" not in inside and "<svg" not in inside:
                yield at(line, f"<{match[1]}> has no picture inside for print and without JavaScript")


@rule("explorables have a picture of what their script shows now")
def posters(book: Book):
    for script in sorted((book.root / "src/bioimage_course/explore/js").glob("*-explorer.js")):
        picture = book.root / f"book/assets/explorables/{script.stem}.png"
        if not picture.is_file() or fingerprint(script).encode() not in picture.read_bytes():
            message = f"{book.project.relative(picture)} is missing or shows another version of the script"
            mend = f"`python -m coursebook.screenshots {script.stem}` draws it"
            yield Finding(book.project.relative(script), 1, message, mend=mend)


@rule("pages, styles and scripts load nothing from the network")
def no_remote_resources(book: Book):
    yield from of_reader(book, "no-remote-resources")
    for page in book.manuscripts:
        for match, line in page.finditer(REMOTE_TAG, "html"):
            yield at(line, f"loads from the network: {match[0][:100]}")
    files = [*book.root.glob("book/assets/**/*"), *book.root.glob("src/bioimage_course/explore/js/*.js")]
    for path in sorted(file for file in files if file.suffix in (".css", ".js", ".html")):
        for number, text in lines_of(path):
            if REMOTE_CALL.search(text) or REMOTE_TAG.search(text):
                yield Finding(book.project.relative(path), number, "loads something from the network")
