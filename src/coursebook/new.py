"""``course new``: the files of a chapter, an explorable, an exercise or a tool, ready to be written.

What they hold is in ``templates/``, one file each. What an author still has to write says ``WRITE: …``;
``course check`` lists every such place (rule ``unwritten``). Files that exist are never replaced, and if
anything goes wrong nothing is left behind.
"""

import argparse
import ast
import contextlib
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
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
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
        better = _slug(re.sub(r"^[0-9]+", "", name)) or "topic"
        _refuse(name, "a chapter", "number and topic", f"{free}-{better}")
    number, _, topic = name.partition("-")
    if number in taken:
        there = f"Chapter {number} is there already, {taken[number]}"
        raise InputError(f"{there}; the next free number is {free}.")
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
    if not SLUG.fullmatch(topic):
        _refuse(name, "an explorable", "a topic", _slug(topic) or "random-walk")
    source = _source(project, number)
    tag, function = f"{topic}-explorer", topic.replace("-", "_")
    test = f"tests/test_explorable_{function}.py"
    files = {f"{JS}/{tag}.js": "explorable.js", test: "explorable_test.py.txt"}
    _must_be_new(project, files)
    scripts = sorted((project.root / JS).glob("*-explorer.js"))
    names = {path.name: re.findall(r"@name (\w+)", path.read_text(encoding="utf-8")) for path in scripts}
    if owner := next((file for file, found in names.items() if function in found), None):
        raise InputError(f"{owner} is `explore.{function}` already; choose another name.")
    name_of_class = "".join(part.capitalize() for part in tag.split("-"))
    words = {"TAG": tag, "FUNCTION": function, "CLASS": name_of_class, "NUMBER": str(int(source.chapter))}
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
            there = f"{path.name} has an exercise {name!r} already"
            raise InputError(f"{there}; the names are unique in the course.")
    if keyword.iskeyword(name) or name in _names_of(source):
        where = f"in Python, in `check` or in {source.file}"
        raise InputError(f"{name!r} has a meaning already, {where}; choose another name.")
    last = max(map(source.number, source.exercises()), default=0)
    words = {"NN": source.chapter, "NAME": name, "EXERCISE": str(last + 1)}
    page, check = f"book/{source.name}.qmd", f"{EXERCISES}/ch{source.chapter}.py"
    test = f"tests/test_ch{source.chapter}.py"
    helpers = {"call", "exercise", "expect_callable", "expect_number"}
    new_check, new_test = (_filled(f"exercise_{part}.py.txt", words) for part in ("check", "test"))
    item = f"{last + 1}. **WRITE: its title** (`check.{name}`). WRITE: what is asked.\n"
    below = r"^(\{\{< include _generated/\d\d-claims|## In five lines)"
    return {
        source.file: _with_cells(source, _filled("exercise_cells.py.txt", words)),
        check: _appended(_text(project, check), new_check, "bioimage_course.check", helpers),
        test: _appended(_text(project, test), new_test, "exercise_cells", {"failure"}),
        page: _before(_text(project, page), below, item),
    }


def tool(project: Project, name: str) -> dict[str, str]:
    """Return the files of a new tool, and the changed record and list of adapters: path -> text.

    Parameters
    ----------
    project : Project
    name : str
        As the course calls it, such as ``"voronoi-otsu"``.

    Raises
    ------
    InputError
        If the name has another form or is taken.
    """
    if not SLUG.fullmatch(name):
        _refuse(name, "a tool", "words with hyphens", _slug(name) or "voronoi-otsu")
    module, package = name.replace("-", "_"), "src/bioimage_course"
    words = {"NAME": name, "MODULE": module}
    files = {
        f"{package}/tools/{module}.py": "tool.py.txt",
        f"tests/test_tools_{module}.py": "tool_test.py.txt",
    }
    _must_be_new(project, files)
    toolbox, adapters = f"{package}/toolbox.toml", f"{package}/tools/__init__.py"
    records, names = _text(project, toolbox), _text(project, adapters)
    if f"[{name}]\n" in records:
        raise InputError(f"toolbox.toml has a record {name!r} already; choose another name.")
    listed = sorted([*re.findall(r'^        "\w+",\n', names, re.MULTILINE), f'        "{module}",\n'])
    made = {file: _filled(template, words) for file, template in files.items()}
    return made | {
        toolbox: f"{records}\n{_filled('tool_record.toml', words)}",
        adapters: re.sub(r'^( {8}"\w+",\n)+', "".join(listed), names, flags=re.MULTILINE),
    }


KINDS: dict[str, Callable[..., dict[str, str]]] = {
    "chapter": chapter,
    "explorable": explorable,
    "exercise": exercise,
    "tool": tool,
}
NEXT = {
    "chapter": "`course notebooks --only {chapter}` executes its notebook; before, no page is rendered.",
    "explorable": "`python -m coursebook.screenshots {tag}` draws its picture; before, no page is rendered. "
    "Its tasks belong into tasks.js.",
    "exercise": "`course notebooks --only {chapter}` executes the notebook, in which it now stands.",
    "tool": "`course doctor --tools {name}` must find its 16 discs; its packages belong into toolbox.toml.",
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
    for text in (CHECK.read_text(encoding="utf-8"), *(c.text for c in source.cells if c.kind == "code")):
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


def _appended(text: str, part: str, module: str, names: set[str]) -> str:
    """Put `part` at the end of a Python file that imports `names` from `module`."""
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = text.rstrip("\n").split("\n")
    old = next((node for node in imports if getattr(node, "module", "") == module), None)
    names = names | {ast.unparse(alias) for alias in (old.names if old else ())}
    as_ruff = lambda name: (not name.isupper(), not name[0].isupper(), name)  # noqa: E731
    ordered = sorted(names, key=as_ruff)
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) > 110:
        line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"
    if old:
        lines[old.lineno - 1 : old.end_lineno] = [line]
    else:
        lines[1:1] = ["", line]
    return "\n".join(lines) + "\n\n\n" + part


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
    with contextlib.ExitStack() as undo:
        for file, text in texts.items():
            path = project.root / file
            if path.is_file():
                undo.callback(write_text, path, path.read_bytes())
            else:
                undo.callback(path.unlink, missing_ok=True)
            write_text(path, text)
        undo.pop_all()


def main(argv: list[str]) -> int:
    """Run ``course new``."""
    parser = argparse.ArgumentParser(
        prog="course new",
        description="Make the files of a new chapter (17-tracking), explorable (random-walk), exercise "
        "(count_cells) or tool (voronoi-otsu). `course check` then says what is still to be written.",
    )
    parser.add_argument("kind", metavar="chapter|explorable|exercise|tool")
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
    if wrong is not None or (more is not None and options.kind == "tool"):
        raise InputError("--title is for a new chapter, --chapter for an explorable or an exercise.")
    texts = KINDS[options.kind](project, options.name, *([] if more is None else [more]))
    write(project, texts)
    for finding in generated.update(Project(project.root)):  # read anew: the list of chapters has grown
        print(finding, file=sys.stderr)
    print("\n".join(f"written: {file}" for file in texts))
    chapter, tag = (options.chapter or options.name)[:2], f"{options.name.removesuffix('-explorer')}-explorer"
    print(NEXT[options.kind].format(chapter=chapter, tag=tag, name=options.name))
    print("`course check` says what is still to be written.")
    return 0
