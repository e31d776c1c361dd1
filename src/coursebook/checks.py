"""``course check``: everything about the course that can be wrong and that no renderer insists on.

Quarto only warns about undefined references, missing citations, dead links and unknown
shortcodes; here each is a finding ``file:line: message``, and one finding makes the command exit
with 1. What the reader of the book (`coursebook.book`) found is asked, not read again. Each rule is one
small function in the table :data:`RULES`; ``course check --list`` shows the table. Nothing heavy is
imported: the light environment of the book is enough.
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook import claims as claimed
from coursebook import execute, generated, glossary, notebooks, quizzes, sources
from coursebook.book import documents
from coursebook.book.findings import Finding, nearest
from coursebook.book.reader import Book
from coursebook.book.text import Line
from coursebook.project import Project
from coursebook.screenshots import fingerprint

SECTIONS = ("What goes wrong", "Quiz", "Exercises", "In five lines", "Further reading")
SHORTEST_ALT = 20
LARGEST_CHECKPOINT, LARGEST_TOTAL = 10e6, 40e6

DOI = re.compile(r"10\.\d{4,9}/[^\s{}\"]+")
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/~-])/(?:home|Users)/\w+|\b[A-Za-z]:\\+Users\\")
INDEX_ADDRESS = re.compile(
    r"https?://[^\s\"']*/simple\b|\bindex-url\b|--(?:hash-)?find-links\b|https?://\S+\.(?:whl|tar\.gz)\b"
)
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
COLAB = re.compile(
    r"https://colab\.research\.google\.com/github/([^/\s]+/[^/\s]+)/blob/[^/\s]+/([^\s)\"'>\]]+)"
)

UNWRITTEN = re.compile(r"\bWRITE: ([^\"<*]+)")

QUARTO_KEYS = {
    "": "project book lang bibliography csl format execute crossref filters website",
    "project": """
        type output-dir render resources pre-render post-render execute-dir preview
    """,
    "book": """
        title subtitle author date description chapters appendices references repo-url repo-actions
        repo-branch site-url search page-navigation sidebar navbar page-footer favicon cover-image
        image image-alt twitter-card reader-mode back-to-top-navigation open-graph
    """,
    "format": "html",
    "format.html": """
        theme css html-math-method toc toc-depth toc-title number-sections number-depth code-copy
        code-fold code-overflow link-external-newwindow link-external-icon lang include-in-header
        include-before-body include-after-body highlight-style minimal embed-resources citations-hover
        footnotes-hover crossrefs-hover anchor-sections section-divs lightbox notebook-links
        smooth-scroll fig-cap-location tbl-cap-location email-obfuscation
    """,
}


@dataclass(frozen=True)
class Rule:
    """A rule: its name, what it demands in one line, and the function that finds violations."""

    name: str
    text: str
    find: Callable[[Book], Iterable[Finding]]


RULES: dict[str, Rule] = {}


def rule(text: str):
    """Put a function into the table of rules under its own name."""

    def add(function):
        name = function.__name__.strip("_").replace("_", "-")
        RULES[name] = Rule(name, text, function)
        return function

    return add


def at(line: Line, message: str) -> Finding:
    """Return a finding at a page's line."""
    return Finding(line.file, line.number, message)


# ---------------------------------------------------------------- pages


@rule("a page begins with `# Title`, a chapter with `# Title {#sec-topic}`; no other heading of level 1")
def page_title(book: Book):
    yield from _of_reader(book, "page-title")
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


def asked(name: str, text: str) -> None:
    """Put a rule into the table whose violations the reader of the book finds."""
    RULES[name] = Rule(name, text, lambda book: _of_reader(book, name))


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
    yield from _of_reader(book, "links")
    for path in sorted(book.root.glob("*.md")):
        yield from documents.dead_links(book, path.name)


def _of_reader(book: Book, name: str) -> Iterator[Finding]:
    return (finding for finding in book.findings if finding.rule == name)


# ---------------------------------------------------------------- figures


@rule("figures and tables have a caption, embedded figures a different alt text that says what is there")
def captions(book: Book):
    yield from _of_reader(book, "captions")
    for manuscript in book.manuscripts:
        for line, cell in manuscript.cells:
            if cell.label.startswith("fig-"):
                for problem in [problem for alt in cell.alts for problem in _weak_alt(alt, cell.caption)]:
                    yield at(line, f"{cell.label}: {problem}")


@rule("figure cells of the sources have an alt text that says what is there")
def source_alt_texts(book: Book):
    for source in _sources(book):
        for cell in source.cells:
            if cell.label and str(cell.label).startswith("fig-"):
                alts = cell.options.get("fig-alt")
                for alt in alts if isinstance(alts, list) else [alts]:
                    for problem in _weak_alt(alt, str(cell.options.get("fig-cap") or "")):
                        yield Finding(source.file, cell.line, f"{cell.label}: {problem}")


@rule("images have an alt text that says what is there and is not the caption")
def image_alt_texts(book: Book):
    yield from _of_reader(book, "image-alt-texts")
    for page in book.write().pages:
        manuscript = page.manuscript
        for picture in book.write().written[page.href].pictures:
            if picture.in_link or not picture.alt or manuscript.resolve(picture.url) in manuscript.files:
                continue  # the alternative texts of embedded cells are judged by `captions`
            for problem in _weak_alt(picture.alt, page.captions.get(picture.url, "")):
                yield at(manuscript.place(picture.url, picture.nth, "html"), f"{picture.url}: {problem}")


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
                yield at(
                    line, f"<{match[1]}> has no picture inside for print and for pages without JavaScript"
                )


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
    yield from _of_reader(book, "no-remote-resources")
    for page in book.manuscripts:
        for match, line in page.finditer(REMOTE_TAG, "html"):
            yield at(line, f"loads from the network: {match[0][:100]}")
    files = [*book.root.glob("book/assets/**/*"), *book.root.glob("src/bioimage_course/explore/js/*.js")]
    for path in sorted(file for file in files if file.suffix in (".css", ".js", ".html")):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if REMOTE_CALL.search(text) or REMOTE_TAG.search(text):
                yield Finding(book.project.relative(path), number, "loads something from the network")


# ---------------------------------------------------------------- chapters


@rule("a chapter has its card, an explorable, an embed, its closing sections in order, and its quiz")
def chapter_anatomy(book: Book):
    for page in book.chapters:
        number = page.name[:2]
        first = page.lines[0]
        if not re.search(r"^:::+ \{\.chapter-card\}", page.prose, re.MULTILINE):
            yield at(first, "the card `::: {.chapter-card}` is missing")
        for part in ("card", "quiz"):
            if f"book/_generated/{number}-{part}.md" not in page.included:
                yield at(first, f"{{{{< include _generated/{number}-{part}.md >}}}} is missing")
        if not CUSTOM_ELEMENT.search(page.html):
            message = "the chapter has no explorable (<topic-explorer> in a raw HTML block)"
            yield replace(
                at(first, message), mend=f"`course new explorable NAME --chapter {number}` makes one"
            )
        if not page.embeds:
            yield at(first, "the chapter embeds nothing from its notebook")
        titles = [title for level, title, _, _ in page.headings if level == 2]
        present = [title for title in titles if title in SECTIONS]
        for title in SECTIONS:
            if title not in titles:
                yield at(first, f"the section `## {title}` is missing")
        if set(SECTIONS) <= set(titles) and present != list(SECTIONS):
            yield at(first, f"the closing sections must come as {', '.join(SECTIONS)}")
        if not (book.root / f"notebooks/sources/{page.name}.py").is_file():
            yield at(first, f"the chapter has no notebook source notebooks/sources/{page.name}.py")


@rule("a card promises 3 to 5 things, a summary has 5 lines")
def chapter_lists(book: Book):
    for page in book.chapters:
        card = re.search(r"^:::+ \{\.chapter-card\}(.*?)^:::+\s*$", page.prose, re.MULTILINE | re.DOTALL)
        if card:
            promises = card[1].split("On the path of")[0]
            promises = re.split(r"^- \*\*Notebook", promises, flags=re.MULTILINE)[0]
            count = len(re.findall(r"^[-*] ", promises, re.MULTILINE))
            if not 3 <= count <= 5:
                yield at(page.line(card.start()), f"the card promises {count} things; 3 to 5 are asked for")
        summary = page.section("In five lines")
        if summary:
            count = len(re.findall(r"^(?:[-*]|\d+\.) ", summary[1], re.MULTILINE))
            if count != 5:
                yield at(summary[0], f"`In five lines` is a list of five items, here are {count}")


@rule("claimed sentences are computed in the chapter's notebook, true, and unchanged since")
def claims(book: Book):
    yield from claimed.find(book, _sources(book))


@rule("nothing that `course new` left to be written is left")
def unwritten(book: Book):
    patterns = ["book/*.qmd", "book/quizzes/*.yml", "notebooks/sources/*.py"]
    patterns += [f"src/bioimage_course/{part}" for part in ("check/exercises/*.py", "explore/js/*.js")]
    for path in sorted(path for pattern in patterns for path in book.root.glob(pattern)):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for wanted in UNWRITTEN.findall(text):
                yield Finding(book.project.relative(path), number, f"still to be written: {wanted.strip()}")


@rule("quizzes are valid, with 3 to 6 questions, and every wrong answer is explained")
def quiz_files(book: Book):
    yield from quizzes.check(book.project)
    for path in sorted(book.root.glob("book/quizzes/*.yml")):
        file = book.project.relative(path)
        try:
            count = len(quizzes.read(path, file).questions)
        except quizzes.QuizError:
            continue
        if not 3 <= count <= 6:
            plural = "s" * (count != 1)
            yield Finding(file, 1, f"{count} question{plural}; a chapter asks 3 to 6")


@rule("notebooks have a fixed seed, a labelled figure, something to turn, and at least 3 exercises")
def notebook_anatomy(book: Book):
    for source in _sources(book):
        code = [cell for cell in source.cells if cell.kind == "code"]
        if not any(re.search(r"seed|default_rng\(\d|random_state=\d", cell.text) for cell in code):
            yield Finding(source.file, 1, "no seed is set")
        if not any(str(cell.label).startswith("fig-") for cell in code):
            yield Finding(source.file, 1, "no cell is labelled as a figure (`#| label: fig-name`)")
        if not any("widget" in cell.tags for cell in code):
            yield Finding(source.file, 1, "no cell is tagged widget: nothing to turn, drag or click")
        count = len(source.exercises())
        if count < 3:
            mend = f"`course new exercise NAME --chapter {source.chapter}` adds one"
            yield Finding(source.file, 1, f"{count} exercises; a notebook has at least 3", mend=mend)


@rule("every exercise of a notebook has its check in check/exercises/chNN.py, and the other way round")
def exercise_checks(book: Book):
    for source in _sources(book):
        path = book.root / f"src/bioimage_course/check/exercises/ch{source.chapter}.py"
        file = book.project.relative(path)
        defined = exercise_functions(path)
        for cell in source.cells:
            if "exercise" in cell.tags and cell.exercise not in defined:
                message = f"{file} defines no exercise {cell.exercise!r}"
                mend = nearest(str(cell.exercise), defined)
                yield Finding(source.file, cell.line, message, mend=mend)
        for name, line in defined.items():
            if name not in source.exercises():
                yield Finding(file, line, f"{source.file} has no exercise {name!r}")


def exercise_functions(path: Path) -> dict[str, int]:
    """Return name -> line of the functions decorated with ``@exercise(…)``."""
    if not path.is_file():
        return {}
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and any(
            "exercise" in ast.unparse(d) for d in node.decorator_list
        ):
            found[node.name] = node.lineno
    return found


# ---------------------------------------------------------------- literature and glossary


@rule("every entry of the bibliography is cited")
def uncited(book: Book):
    cited = {key for page in book.document.pages for key in page.citations}
    for entry in book.bibliography:
        if entry.key not in cited:
            yield Finding(entry.file, entry.line, f"nothing cites {entry.key}")


@rule("the bibliography is sorted, has no duplicates, its entries have author, title, year and a true DOI")
def bibliography(book: Book):
    yield from _of_reader(book, "bibliography")
    previous = ""
    for entry in book.bibliography:
        if entry.key.casefold() < previous.casefold():
            yield Finding(entry.file, entry.line, f"{entry.key} belongs before {previous}")
        previous = max(previous, entry.key, key=str.casefold)
        missing = [
            word for name, word in (("title", "title"), ("issued", "year")) if not entry.fields.get(name)
        ]
        if not entry.fields.get("author") and not entry.fields.get("editor"):
            missing.insert(0, "author")
        if missing:
            yield Finding(entry.file, entry.line, f"{entry.key} has no {' and no '.join(missing)}")
        doi = entry.fields.get("DOI")
        if doi is not None and not DOI.fullmatch(doi):
            message = f"{entry.key}: {doi!r} is no DOI"
            yield Finding(entry.file, entry.line, message, mend="it has the form 10.1234/abc")


@rule("glossary.yml: `Term In Title Case: |`, sorted, no term twice")
def glossary_form(book: Book):
    yield from glossary.read(book.project)[1]


@rule("every glossary term is linked from a chapter")
def glossary_use(book: Book):
    targets = {
        reference.anchor
        for page in book.write().pages
        for reference in book.write().written[page.href].references
        if page.path != glossary.PAGE and reference.target.endswith("glossary.html")
    }
    for term in glossary.read(book.project)[0]:
        if term.anchor not in targets:
            message = f"no page links to {term.name!r}: write [text](glossary.qmd#{term.anchor}) or drop it"
            yield Finding(glossary.SOURCE, term.line, message)


# ---------------------------------------------------------------- the project


@rule("_quarto.yml: known keys, existing files, all pages listed once, formulas as MathML")
def quarto_yml(book: Book):
    yield from _of_reader(book, "quarto-yml")
    text = (book.root / "_quarto.yml").read_text(encoding="utf-8")

    def finding(word: str, message: str, mend: str = "") -> Finding:
        lines = text.splitlines()
        number = next(
            (n for n, line in enumerate(lines, 1) if re.search(rf"(?<!\w){re.escape(word)}", line)), 1
        )
        return Finding("_quarto.yml", number, message, mend=mend)

    config = book.project.quarto
    for where, words in QUARTO_KEYS.items():
        known = set(words.split())
        section: dict | None = config
        for key in filter(None, where.split(".")):
            section = section.get(key) if isinstance(section, dict) else None
        for key in section if isinstance(section, dict) else ():
            if key not in known:
                message = f"unknown key {key!r}{' in ' + where if where else ''}"
                yield finding(f"{key}:", message, nearest(key, known))
    listed = book.project.pages()
    html = (config.get("format") or {}).get("html") or {}
    for path in sorted([*book.root.glob("*.qmd"), *book.root.glob("book/*.qmd")]):
        page = book.project.relative(path)
        if page not in listed and not path.name.startswith("_"):
            yield Finding(page, 1, "_quarto.yml does not list this page")
    if html.get("html-math-method") != "mathml":
        yield finding("html-math-method", "html-math-method must be mathml: the others load a script")


@rule("badges and addresses of the repository agree with repo-url in _quarto.yml")
def badges(book: Book):
    slug = "/".join(book.project.repo_url.split("/")[-2:])
    names = ["README.md", "CONTRIBUTING.md", "CITATION.cff", *sorted(page.path for page in book.manuscripts)]
    names += [book.project.relative(path) for path in sorted(book.root.glob("book/_generated/*.md"))]
    for name in names:
        path = book.root / name
        for number, text in enumerate(
            path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), 1
        ):
            for found, notebook in COLAB.findall(text):
                if found != slug:
                    yield Finding(name, number, f"the badge points at {found}, repo-url says {slug}")
                elif not (book.root / notebook).is_file():
                    yield Finding(name, number, f"the badge opens {notebook}, which does not exist")
            code = re.match(r"repository-code:\s*[\"']?([^\s\"']+)", text)
            if code and code[1].rstrip("/") != book.project.repo_url:
                yield Finding(name, number, f"repository-code is not repo-url ({book.project.repo_url})")


@rule("generated files are what their sources make")
def generated_files(book: Book):
    yield from generated.out_of_step(book.project)


@rule("notebooks with solutions are executed, from the code that their source has now")
def executed_notebooks(book: Book):
    records = execute.read_timings(book.project)
    for source in _sources(book):
        file = notebooks.solution_file(source)
        record = records.get(source.name)
        if record is None or not (book.root / file).is_file():
            yield Finding(source.file, 1, f"never executed; run `course notebooks --only {source.chapter}`")
        elif record["cells"] != notebooks.cells_hash(source):
            message = f"executed from other code; run `course notebooks --only {source.chapter}`"
            yield Finding(source.file, 1, message)


@rule("saved outputs hold no error, no unexpected stderr and no path of anybody's machine")
def saved_outputs(book: Book):
    private = [str(book.root), str(Path.home())]
    for path in sorted(book.root.glob("notebooks/**/*.ipynb")):
        file = book.project.relative(path)
        for cell in (book.notebook(file) or {"cells": []})["cells"]:
            tags = cell["metadata"].get("tags", [])
            for output in cell.get("outputs", []):
                text = execute.output_text({**output, "text": "".join(output.get("text", ""))})
                found = [f"the saved output names {leak}" for leak in execute.leaked_paths(text, private)]
                if output["output_type"] == "error" and "raises-exception" not in tags:
                    found.append(f"a saved error: {output['ename']}: {output['evalue']}")
                if output.get("name") == "stderr" and "stderr-ok" not in tags:
                    found.append("saved stderr in a cell that is not tagged stderr-ok")
                for message in found:
                    yield Finding(file, _line_of(path, f'"id": "{cell["id"]}"'), message)


@rule("no committed text names a folder of somebody's machine, no requirements a package index")
def no_machine_names(book: Book):
    folders = [str(folder) for folder in (book.root, Path.home()) if len(folder.parts) > 2]
    for path in _texts(book.root):
        file = book.project.relative(path)
        pins = file.startswith("requirements/") or file in ("pyproject.toml", "environment.yml")
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = ABSOLUTE_PATH.search(text)
            named = found[0] if found else next((folder for folder in folders if folder in text), None)
            if named:
                yield Finding(file, number, f"names a folder of a machine: {named}")
            if pins and (address := INDEX_ADDRESS.search(text)):
                yield Finding(file, number, f"names a package index: {address[0]}")


def _texts(root: Path) -> list[Path]:
    """Return the text files that readers get: not the workshop, not the tests."""
    patterns = ["*.md", "*.yml", "*.toml", "*.cff", "*.qmd", "Makefile", "requirements/*", "book/**/*"]
    patterns += ["notebooks/sources/*", "notebooks/*.json", "src/bioimage_course/**/*", ".github/**/*"]
    endings = {".md", ".yml", ".yaml", ".toml", ".cff", ".qmd", ".txt", ".lock", ".in", ".json", ".bib"}
    endings |= {".py", ".css", ".js", ".svg", ".html", ""}
    paths = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(path for path in paths if path.is_file() and path.suffix in endings and _is_text(path))


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


@rule("checkpoints: at most 10 MB each and 40 MB together, each with a card that says where it comes from")
def checkpoints(book: Book):
    folder = book.root / "src" / "bioimage_course" / "weights"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    total = sum(path.stat().st_size for path in files)
    if total > LARGEST_TOTAL:
        where = book.project.relative(files[0])
        yield Finding(where, 1, f"the checkpoints take {total / 1e6:.1f} MB together; 40 are allowed")
    texts = {".json", ".md", ".py", ".txt", ".yml", ".csv"}
    for path in files:
        file = book.project.relative(path)
        size = path.stat().st_size
        if size > LARGEST_CHECKPOINT:
            yield Finding(file, 1, f"{size / 1e6:.1f} MB; a checkpoint has at most 10")
        if path.suffix in texts:
            continue
        cards = [path.with_suffix(".md")]
        if path.parent != folder:
            cards += [path.parent / name for name in ("README.md", "card.md", "CARD.md")]
        if not any(card.is_file() for card in cards):
            wanted = book.project.relative(cards[min(1, len(cards) - 1)])
            yield Finding(file, 1, f"no card {wanted}: data, seed, minutes, score, licence")


# ---------------------------------------------------------------- running


def _sources(book: Book) -> list[sources.Source]:
    """Return the sources without mistakes; ``generated-files`` reports the mistakes of the others."""
    stored = vars(book)
    if "sources" not in stored:
        stored["sources"] = sources.read_all(book.project)[0]
    return stored["sources"]


def _line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 1)


def run(project: Project, names: Iterable[str] = ()) -> dict[str, list[Finding]]:
    """Apply the rules called `names` (by default all).

    Returns
    -------
    dict
        Name of the rule -> its findings, sorted; rules without findings are there, too.

    Raises
    ------
    InputError
        If a name is no rule's.
    """
    names = list(names) or list(RULES)
    for name in names:
        if name not in RULES:
            hint = nearest(name, RULES) or "`course check --list` lists them"
            raise InputError(f"No rule is called {name!r}; {hint}")
    book = Book(project)
    return {
        name: sorted({replace(finding, rule=name) for finding in RULES[name].find(book)}) for name in names
    }


def main(argv: list[str]) -> int:
    """Run ``course check``."""
    parser = argparse.ArgumentParser(
        prog="course check",
        description="Check pages, notebooks, references, glossary, badges and generated files.",
    )
    parser.add_argument("rules", nargs="*", metavar="RULE", help="apply these rules only")
    parser.add_argument("--list", action="store_true", help="list the rules and stop")
    options = parser.parse_args(argv)
    if options.list:
        width = max(map(len, RULES))
        for each in RULES.values():
            print(f"{each.name:<{width}}  {each.text}")
        return 0
    results = run(Project.find(), options.rules)
    findings = sorted((finding, name) for name, found in results.items() for finding in found)
    for finding, name in findings:
        print(f"{finding} [{name}]")
    counts = defaultdict(int)
    for _, name in findings:
        counts[name] += 1
    if findings:
        print(f"{len(findings)} findings in {len(counts)} of {len(results)} rules", file=sys.stderr)
        return 1
    print(f"{len(results)} rules, no finding")
    return 0
