"""``course new``: the files of a chapter, an explorable or an exercise, ready to be written.

What they hold is in ``templates/``, one file each. What an author still has to write says ``WRITE: …``;
``course check`` lists every such place (rule ``unwritten``). Files that exist are never replaced, and if
anything goes wrong nothing is left behind.
"""

import argparse
import ast
import keyword
import re
import sys
from collections.abc import Callable
from pathlib import Path

from bioimage_course import errors
from bioimage_course.errors import InputError
from coursebook import checks, generated, sources
from coursebook.book.findings import advice
from coursebook.project import Project, write_text

TEMPLATES = Path(__file__).parent / "templates"
JS = "src/bioimage_course/explore/js"
CHECK = Path(errors.__file__).parent / "check" / "__init__.py"
EXERCISES = "src/bioimage_course/check/exercises"


def chapter(project: Project, name: str, title: str | None = None) -> dict[str, str]:
    """Return the files of a new chapter: path -> text.

    Parameters
    ----------
    project : Project
    name : str
        Number and topic, such as ``"17-tracking"``.
    title : str, optional
        By default the topic.

    Raises
    ------
    InputError
        If the name has another form, or the number is taken.
    """
    taken = {path.stem[:2]: path.stem for path in project.source_paths()}
    free = f"{max(map(int, taken), default=-1) + 1:02}"
    if not sources.NAME.fullmatch(name):
        _refuse(
            name, "a chapter", "number and topic", f"{free}-{_slug(re.sub(r'^[0-9]+', '', name)) or 'topic'}"
        )
    number, _, topic = name.partition("-")
    if number in taken:
        raise InputError(
            f"Chapter {number} is there already, {taken[number]}; the next free number is {free}."
        )
    title = title or topic.replace("-", " ").capitalize()
    files = {
        f"book/{name}.qmd": "page.qmd",
        f"notebooks/sources/{name}.py": "notebook.py.txt",
        f"book/quizzes/{number}.yml": "quiz.yml",
        f"{EXERCISES}/ch{number}.py": "exercises.py.txt",
        f"src/bioimage_course/materials/ch{number}.py": "materials.py.txt",
        f"tests/test_ch{number}.py": "test_chapter.py.txt",
    }
    _must_be_new(project, files)
    words = {"NN": number, "NUMBER": str(int(number)), "NAME": name, "TOPIC": topic, "TITLE": title}
    made = {file: _filled(template, words) for file, template in files.items()}
    return made | {"_quarto.yml": _listed(project, name)}


def explorable(project: Project, name: str, number: str | None = None) -> dict[str, str]:
    """Return the files of a new explorable, and the changed page and notebook of its chapter: path -> text.

    Parameters
    ----------
    project : Project
    name : str
        Its topic, such as ``"random-walk"``; the element is ``<random-walk-explorer>``.
    number : str
        The chapter, ``"17"``.

    Raises
    ------
    InputError
        If the name has another form or is taken, or there is no such chapter.
    """
    topic = name.removesuffix("-explorer")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", topic):
        _refuse(name, "an explorable", "a topic", _slug(topic) or "random-walk")
    source = _source(project, number)
    tag, function = f"{topic}-explorer", topic.replace("-", "_")
    files = {
        f"{JS}/{tag}.js": "explorable.js",
        f"tests/test_explorable_{function}.py": "explorable_test.py.txt",
    }
    _must_be_new(project, files)
    scripts = sorted((project.root / JS).glob("*-explorer.js"))
    names = {path.name: re.findall(r"@name (\w+)", path.read_text(encoding="utf-8")) for path in scripts}
    if owner := next((file for file, found in names.items() if function in found), None):
        raise InputError(f"{owner} is `explore.{function}` already; choose another name.")
    words = {
        "TAG": tag,
        "FUNCTION": function,
        "CLASS": "".join(part.capitalize() for part in tag.split("-")),
        "NUMBER": str(int(source.chapter)),
    }
    page = f"book/{source.name}.qmd"
    block = _filled("explorable_block.qmd", words)
    made = {file: _filled(template, words) for file, template in files.items()}
    return made | {
        page: _before(_text(project, page), r"^## What goes wrong", block),
        source.file: _with_cells(source, _filled("explorable_cell.py.txt", words)),
    }


def exercise(project: Project, name: str, number: str | None = None) -> dict[str, str]:
    """Return the changed files of a chapter that has one exercise more: path -> text.

    Parameters
    ----------
    project : Project
    name : str
        As in ``check.name(…)``.
    number : str
        The chapter, ``"17"``.

    Raises
    ------
    InputError
        If the name has another form or is taken, or there is no such chapter.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        _refuse(name, "an exercise", "a Python name", _slug(name).replace("-", "_") or "count_cells")
    source = _source(project, number)
    for path in sorted((project.root / EXERCISES).glob("ch*.py")):
        if name in checks.exercise_functions(path):
            raise InputError(
                f"{path.name} has an exercise {name!r} already; the names are unique in the course."
            )
    if keyword.iskeyword(name) or name in _names_of(source):
        where = f"in Python, in `check` or in {source.file}"
        raise InputError(f"{name!r} has a meaning already, {where}; choose another name.")
    last = max(map(source.number, source.exercises()), default=0)
    words = {"NN": source.chapter, "NAME": name, "EXERCISE": str(last + 1)}
    page, check, test = (
        f"book/{source.name}.qmd",
        f"{EXERCISES}/ch{source.chapter}.py",
        f"tests/test_ch{source.chapter}.py",
    )
    helpers = {"call", "exercise", "expect_callable", "expect_number"}
    item = f"{last + 1}. **WRITE: its title** (`check.{name}`). WRITE: what is asked.\n"
    return {
        source.file: _with_cells(source, _filled("exercise_cells.py.txt", words)),
        check: _appended(
            _text(project, check), "exercise_check.py.txt", words, "bioimage_course.check", helpers
        ),
        test: _appended(_text(project, test), "exercise_test.py.txt", words, "exercise_cells", {"failure"}),
        page: _before(
            _text(project, page), r"^(\{\{< include _generated/\d\d-claims|## In five lines)", item
        ),
    }


KINDS: dict[str, Callable[..., dict[str, str]]] = {
    "chapter": chapter,
    "explorable": explorable,
    "exercise": exercise,
}


NEXT = {
    "chapter": "`course notebooks --only {chapter}` executes its notebook; before, no page is rendered.",
    "explorable": "`python -m coursebook.screenshots {tag}` draws its picture; before, no page is rendered.",
    "exercise": "`course notebooks --only {chapter}` executes the notebook, in which it now stands.",
}
"""Kind: the command that comes next."""

# ---------------------------------------------------------------- names


def _refuse(name: str, what: str, form: str, better: str) -> None:
    raise InputError(f"{name!r} is no name for {what}: write {form} in lower case; did you mean {better}?")


def _slug(text: str) -> str:
    """Return `text` in lower-case letters, digits and hyphens."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")


def _source(project: Project, number: str | None) -> sources.Source:
    """Return the notebook source of a chapter."""
    paths = project.source_paths()
    for path in paths:
        if number in (path.stem, path.stem[:2]):
            return sources.read(project, path)
    given = "Name its chapter" if number is None else f"There is no chapter {number!r}; choose one"
    raise InputError(f"{given} with --chapter: {', '.join(path.stem[:2] for path in paths)}.")


def _names_of(source: sources.Source) -> set[str]:
    """Return the names that a notebook's cells, or `check`, make or import."""
    found = set()
    for text in (
        CHECK.read_text(encoding="utf-8"),
        *(cell.text for cell in source.cells if cell.kind == "code"),
    ):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.alias):
                found.add(node.asname or node.name)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
    return found


def _must_be_new(project: Project, files) -> None:
    for file in files:
        if (project.root / file).exists():
            raise InputError(f"{file} is there already; choose another name, or delete it first.")


# ---------------------------------------------------------------- texts


def _text(project: Project, file: str) -> str:
    path = project.root / file
    if not path.is_file():
        raise InputError(f"{file} is missing; `course new chapter` makes it.")
    return path.read_text(encoding="utf-8")


def _filled(template: str, words: dict[str, str]) -> str:
    """Return a template with its ``%WORD%`` replaced."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return re.sub(r"%([A-Z]+)%", lambda match: words[match[1]], text)


def _before(text: str, pattern: str, part: str) -> str:
    """Put `part` before the line that `pattern` finds, or at the end; items of a list stay together."""
    found = re.search(pattern, text, re.MULTILINE)
    place = found.start() if found else len(text)
    above = text[:place].rstrip("\n")
    joined = re.match(r"\d+\. ", part) and re.match(r"\d+\. ", above.rsplit("\n", 1)[-1])
    return f"{above}\n{'' if joined else chr(10)}{part}\n{text[place:]}"


def _with_cells(source: sources.Source, cells: str) -> str:
    """Put cells at the source's end, before what it says and computes of its claims."""
    text = source.path.read_text(encoding="utf-8")
    pattern = r'^# %% \[markdown\]\n(?:#.*\n)*\n+(?=# %% tags=\["claims")|^# %% tags=\["claims"'
    return _before(text, pattern, cells).rstrip("\n") + "\n"


def _appended(text: str, template: str, words: dict[str, str], module: str, names: set[str]) -> str:
    """Put a filled template at the end of a Python file that imports `names` from `module`."""
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = text.rstrip("\n").split("\n")
    old = next((node for node in imports if getattr(node, "module", "") == module), None)
    names = names | {ast.unparse(alias) for alias in (old.names if old else ())}
    ordered = sorted(
        names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )  # as ruff sorts
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) > 110:
        line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"
    if old:
        lines[old.lineno - 1 : old.end_lineno] = [line]
    else:
        lines[1:1] = ["", line]
    return "\n".join(lines) + "\n\n\n" + _filled(template, words)


def _listed(project: Project, name: str) -> str:
    """Return ``_quarto.yml`` with the chapter after the one with the next lower number."""
    text = _text(project, "_quarto.yml")
    entries = list(re.finditer(r"^ *- book/(\d\d-[\w-]+)\.qmd *\n", text, re.MULTILINE))
    before = [entry for entry in entries if entry[1] < name]
    if not before:
        raise InputError("_quarto.yml lists no chapter before this one; write its first line there by hand.")
    entry = before[-1]
    return text[: entry.end()] + entry[0].replace(entry[1], name) + text[entry.end() :]


# ---------------------------------------------------------------- running


def write(project: Project, texts: dict[str, str]) -> None:
    """Write all of `texts`, or, if anything goes wrong, nothing."""
    before = {}
    try:
        for file, text in texts.items():
            path = project.root / file
            before[path] = path.read_bytes() if path.is_file() else None
            write_text(path, text)
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_text(path, content)
        raise


def main(argv: list[str]) -> int:
    """Run ``course new``."""
    parser = argparse.ArgumentParser(
        prog="course new",
        description="Make the files of a new chapter (17-tracking), explorable (random-walk) or exercise "
        "(count_cells). `course check` then says what is still to be written.",
    )
    parser.add_argument("kind", metavar="chapter|explorable|exercise")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--title", help="of a chapter; by default its topic")
    parser.add_argument("--chapter", metavar="NN", help="of an explorable or an exercise")
    options = parser.parse_args(argv)
    if options.kind not in KINDS:
        raise InputError(f"{options.kind!r} is nothing that can be made; {advice(options.kind, KINDS)}")
    project = Project.find()
    more, wrong = options.title, options.chapter
    if options.kind != "chapter":
        more, wrong = wrong, more
    if wrong is not None:
        raise InputError("--title is for a new chapter, --chapter for an explorable or an exercise.")
    texts = KINDS[options.kind](project, options.name, more)
    write(project, texts)
    for finding in generated.update(Project(project.root)):  # read anew: the list of chapters has grown
        print(finding, file=sys.stderr)
    print("\n".join(f"written: {file}" for file in texts))
    chapter, tag = (options.chapter or options.name)[:2], f"{options.name.removesuffix('-explorer')}-explorer"
    print(NEXT[options.kind].format(chapter=chapter, tag=tag))
    print("`course check` says what is still to be written.")
    return 0
