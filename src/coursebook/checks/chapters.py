"""Rules about chapters: page, notebook, exercises and quiz, and the literature and glossary that they use."""

import ast
import re
from pathlib import Path

from coursebook import claims as claimed
from coursebook import glossary, quizzes
from coursebook import predictions as predicted
from coursebook.book.findings import Finding, nearest
from coursebook.book.reader import Book
from coursebook.checks.pages import CUSTOM_ELEMENT
from coursebook.checks.table import at, lines_of, of_reader, rule, sources_of
from coursebook.words import NUMBERS, counted

SECTIONS = ("What goes wrong", "Quiz", "Exercises", "In five lines", "Further reading")
DOI = re.compile(r"10\.\d{4,9}/[^\s{}\"]+")
NUMBER_OF_EXERCISES = re.compile(rf"\b({'|'.join(NUMBERS)}|\d+) (?:checked )?exercises?\b", re.IGNORECASE)
MAY_BE_UNWRITTEN = ("check/exercises/*.py", "explore/js/*.js", "tools/*.py")
UNWRITTEN = re.compile(r"\bWRITE: ([^\"<*]+)")


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
            mend = f"`course new explorable NAME --chapter {number}` makes one"
            yield at(first, "the chapter has no explorable (<topic-explorer> in a raw HTML block)", mend)
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
                said = counted(count, "thing")
                yield at(page.line(card.start()), f"the card promises {said}; 3 to 5 are asked for")
        summary = page.section("In five lines")
        if summary:
            count = len(re.findall(r"^(?:[-*]|\d+\.) ", summary[1], re.MULTILINE))
            if count != 5:
                yield at(summary[0], f"`In five lines` is a list of five items, here are {count}")


@rule("claimed sentences are computed in the chapter's notebook, true, and unchanged since")
def claims(book: Book):
    yield from claimed.find(book, sources_of(book))


@rule("predictions ask for a claim before its result is told, with one right answer; a chapter has 2 to 4")
def predictions(book: Book):
    yield from predicted.find(book)


@rule("nothing that `course new` left to be written is left")
def unwritten(book: Book):
    patterns = ["book/*.qmd", "book/quizzes/*.yml", "notebooks/sources/*.py"]
    patterns += [f"src/bioimage_course/{part}" for part in MAY_BE_UNWRITTEN]
    for path in sorted(path for pattern in patterns for path in book.root.glob(pattern)):
        for number, text in lines_of(path):
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
            yield Finding(file, 1, f"{counted(count, 'question')}; a chapter asks 3 to 6")


@rule("notebooks have a fixed seed, a labelled figure, something to turn, and at least 3 exercises")
def notebook_anatomy(book: Book):
    for source in sources_of(book):
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
            message = f"{counted(count, 'exercise')}; a notebook has at least 3"
            yield Finding(source.file, 1, message, mend=mend)


@rule("where a page says how many exercises its notebook has, warm-ups apart, so many are there")
def exercise_numbers(book: Book):
    pages = {page.name: page for page in book.chapters}
    for source in sources_of(book):
        section = pages[source.name].section("Exercises") if source.name in pages else None
        said = NUMBER_OF_EXERCISES.search(section[1]) if section else None
        number = sum(source.number(name) > 0 for name in source.exercises())
        if section and said and said[1].lower() not in (str(number), *NUMBERS[number : number + 1]):
            message = f"the page speaks of {said[0]}, {source.file} has {counted(number, 'exercise')}"
            yield at(section[0], message)


@rule("every exercise of a notebook has its check in check/exercises/chNN.py, and the other way round")
def exercise_checks(book: Book):
    for source in sources_of(book):
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
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        f.name: f.lineno for f in functions if any("exercise" in ast.unparse(d) for d in f.decorator_list)
    }


# ---------------------------------------------------------------- literature and glossary


@rule("every entry of the bibliography is cited")
def uncited(book: Book):
    cited = {key for page in book.document.pages for key in page.citations}
    for entry in book.bibliography:
        if entry.key not in cited:
            yield Finding(entry.file, entry.line, f"nothing cites {entry.key}")


@rule("the bibliography is sorted, has no duplicates, its entries have author, title, year and a true DOI")
def bibliography(book: Book):
    yield from of_reader(book, "bibliography")
    previous = ""
    for entry in book.bibliography:
        if entry.key.casefold() < previous.casefold():
            yield Finding(entry.file, entry.line, f"{entry.key} belongs before {previous}")
        previous = max(previous, entry.key, key=str.casefold)
        needed = {"author": ("author", "editor"), "title": ("title",), "year": ("issued",)}
        missing = [word for word, names in needed.items() if not any(map(entry.fields.get, names))]
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
