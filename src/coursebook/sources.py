"""Read a notebook source: a YAML header and cells in jupytext's ``py:percent`` format.

A source is the only notebook file that anyone edits. It looks like this::

    # ---
    # jupyter:
    #   kernelspec: {name: python3, display_name: Python 3, language: python}
    # course:
    #   chapter: "01"
    #   title: Perceptrons
    #   extra: ""                  # extra of bioimage-course that Colab must install
    #   paths: [user, builder]     # whose path the chapter lies on
    #   gpu: "not needed"          # or "helps", or "needed"
    #   needs: [weights-mobilesam] # optional: sets of the registry without which it cannot be executed
    # ---
    # %% [markdown]
    # What this notebook does.
    # %% tags=["setup"]
    import numpy as np
    # %% tags=["exercise"] exercise="logic_gates"
    # %% tags=["solution"] exercise="logic_gates"
    # %% tags=["check", "nbval-check-output"] exercise="logic_gates"

Everything that is wrong is reported with file and line, all at once.
"""

import ast
import functools
import re
import symtable
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import yaml

from bioimage_course.errors import InputError
from coursebook import colab
from coursebook.book import cells
from coursebook.book.findings import Finding, FindingsError, advice, of_yaml, read_yaml
from coursebook.project import Project

NAME = re.compile(r"(?P<chapter>\d\d)-[a-z0-9]+(-[a-z0-9]+)*")
MARKER = re.compile(r"^# %%")
LABEL = re.compile(r"(fig|tbl)-[a-z0-9]+(-[a-z0-9]+)*")

PATHS = ("user", "builder")
GPU = ("not needed", "helps", "needed")
ROLES = ("exercise", "solution", "check")  # tags of an exercise's cells, in order
REQUIRED = ("chapter", "title", "extra", "paths", "gpu")
OPTIONAL = ("needs",)

TAGS = {
    "setup": "imports and seeds",
    "exercise": "the learner's starter; not in the solutions",
    "solution": "what a learner could have written; not in the learner's copy",
    "check": "calls the exercise's check",
    "claims": "computes whether the claimed sentences of the chapter's page are true (`show.claims`)",
    "widget": "something to turn, drag or click; output neither compared nor embedded",
    "nbval-check-output": "nbval compares the output",
    "nbval-skip": "nbval does not run the cell",
    "raises-exception": "shows an error on purpose",
    "stderr-ok": "may write to stderr",
    "needs-weights": "runs only where the sets named by `needs` can be had",
    "hide-input": "the code may be folded",
}


class SourceError(FindingsError):
    """A notebook source that cannot be used."""


@dataclass(frozen=True)
class Cell:
    """A cell of a source.

    Attributes
    ----------
    kind : str
        ``"markdown"`` or ``"code"``.
    text : str
        The cell's content.
    tags : tuple of str
    exercise : str or None
        Name of the exercise that the cell belongs to.
    options : dict
        The leading ``#| key: value`` lines of a code cell.
    line : int
        Line of the source where the content starts, counted from 1.
    position : int
        Number of the cell in the source, counted from 1.
    """

    kind: str
    text: str
    tags: tuple[str, ...]
    exercise: str | None
    options: dict
    line: int
    position: int

    @property
    def label(self) -> str | None:
        """The label, by which a page embeds the cell."""
        return self.options.get("label")


@dataclass(frozen=True)
class Source:
    """A notebook source.

    Attributes
    ----------
    path : Path
    file : str
        The path relative to the repository's root.
    header : dict
        The ``course`` part of the YAML header.
    header_lines : dict
        Key of the header -> line of the source.
    cells : tuple of Cell
    """

    path: Path
    file: str
    header: dict
    header_lines: dict
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The name without ending: ``01-perceptrons``."""
        return self.path.stem

    @property
    def chapter(self) -> str:
        """The chapter's number with two digits."""
        return self.header["chapter"]

    @property
    def title(self) -> str:
        """The chapter's title."""
        return self.header["title"]

    @property
    def needs(self) -> list[str]:
        """Sets of the mirror without which the notebook cannot execute."""
        return self.header.get("needs", [])

    def exercises(self) -> list[str]:
        """Return the names of the exercises in order."""
        return list(dict.fromkeys(str(cell.exercise) for cell in self.cells if "exercise" in cell.tags))

    def number(self, exercise: str) -> int:
        """Return the number in the last heading ``## Exercise N: …`` before `exercise`; 0 is a warm-up."""
        first = min(cell.position for cell in self.cells if cell.exercise == exercise)
        headings = [
            heading
            for cell in self.cells
            if cell.kind == "markdown" and cell.position < first
            for heading in re.findall(r"^## (.*)$", cell.text, re.MULTILINE)
        ]
        match = re.match(r"Exercise (\d+)", headings[-1] if headings else "")
        return int(match[1]) if match else 0

    def solution(self, exercise: str) -> str:
        """Return the code of the solution cells of `exercise`."""
        texts = [c.text for c in self.cells if "solution" in c.tags and c.exercise == exercise]
        return "\n\n".join(texts) + "\n"


def read_all(project: Project) -> tuple[list[Source], list[Finding]]:
    """Read all sources of `project`.

    Returns
    -------
    tuple
        The sources without mistakes, and the mistakes of the others.
    """
    sources, findings = [], []
    for path in project.source_paths():
        try:
            sources.append(read(project, path))
        except SourceError as error:
            findings += error.findings
    return sources, findings


def read(project: Project, path: Path) -> Source:
    """Read and validate one source.

    Raises
    ------
    SourceError
        With file and line of everything that is wrong.
    """
    source = _read_text(path, project.relative(path), path.read_text(encoding="utf-8"))
    if isinstance(source, SourceError):
        raise source
    return source


@functools.lru_cache(maxsize=64)  # many rules ask for the same sources; reading one takes a tenth of a second
def _read_text(path: Path, file: str, text: str) -> "Source | SourceError":
    try:
        source = _parse(path, file, text)
    except SourceError as error:
        return error
    findings = [Finding(file, line, message) for rule in RULES for line, message in rule(source)]
    return SourceError(findings) if findings else source


def _parse(path: Path, file: str, text: str) -> Source:
    """Split the text into header and cells, without judging their content."""
    lines = text.splitlines()
    header, header_lines = _header(file, lines)
    found = [c for c in jupytext.reads(text, fmt="py:percent").cells if c.cell_type != "raw"]
    starts = [number for number, line in enumerate(lines, 1) if MARKER.match(line)]
    if len(starts) != len(found):
        message = (
            f"{len(found)} cells but {len(starts)} lines that start with `# %%`; "
            "every cell needs such a line, and no string may contain one"
        )
        raise SourceError([Finding(file, starts[0] if starts else 1, message)])
    parsed = (
        _cell(file, cell, _first_line(lines, start), position)
        for position, (cell, start) in enumerate(zip(found, starts, strict=True), 1)
    )
    return Source(path, file, header, header_lines, tuple(parsed))


def _header(file: str, lines: list[str]) -> tuple[dict, dict]:
    """Read the YAML between the two ``# ---`` lines: its ``course`` part and the keys' lines."""
    fences = [index for index, line in enumerate(lines) if line.rstrip() == "# ---"][:2]
    if len(fences) < 2 or fences[0] != 0:
        raise SourceError([Finding(file, 1, "the YAML header between two `# ---` lines is missing")])
    head = [line.removeprefix("#").removeprefix(" ") for line in lines[1 : fences[1]]]
    try:
        content = read_yaml("\n".join(head))
    except yaml.YAMLError as error:
        raise SourceError([of_yaml(file, error, "the header is not valid YAML: {}", 2)]) from None
    course = content.get("course") if isinstance(content, dict) else None
    if not isinstance(course, dict):
        raise SourceError([Finding(file, 1, "the header has no `course:` part")])
    keys = {line.split(":")[0].strip(): number for number, line in enumerate(head, 2)}
    return course, keys


def _first_line(lines: list[str], marker: int) -> int:
    """Return the line of the first content below the marker in line `marker`."""
    return next((n + 1 for n in range(marker, len(lines)) if lines[n].strip()), marker)


def _cell(file: str, cell, line: int, position: int) -> Cell:
    options = _options(file, cell.source, line) if cell.cell_type == "code" else {}
    tags = tuple(cell.metadata.get("tags", ()))
    return Cell(cell.cell_type, cell.source, tags, cell.metadata.get("exercise"), options, line, position)


def _options(file: str, text: str, line: int) -> dict:
    """Read the leading ``#| key: value`` lines of a code cell as YAML."""
    try:
        options = read_yaml(cells.option_lines(text)) or {}
    except yaml.YAMLError as error:
        raise SourceError([of_yaml(file, error, "this `#|` line is not valid YAML: {}", line)]) from None
    if not isinstance(options, dict):
        raise SourceError([Finding(file, line, "`#|` lines have the form `#| key: value`")])
    return options


# ---------------------------------------------------------------- rules


def _check_header(source: Source):
    header = source.header

    def finding(key: str, message: str) -> tuple[int, str]:
        return source.header_lines.get(key, 1), message

    match = NAME.fullmatch(source.name)
    if not match:
        yield finding("", "a source is called NN-topic.py in lower case, 01-perceptrons.py say")
    for key in REQUIRED:
        if key not in header:
            yield finding("course", f"the header's `course:` part lacks `{key}`")
    for key in header:
        if key not in REQUIRED + OPTIONAL:
            yield finding(key, f"unknown key `{key}` in the header; {advice(key, REQUIRED + OPTIONAL)}")
    if match and header.get("chapter", match["chapter"]) != match["chapter"]:
        message = f'chapter is {header["chapter"]!r} but the file name says "{match["chapter"]}" (quote it)'
        yield finding("chapter", message)
    if header.get("gpu", GPU[0]) not in GPU:
        yield finding("gpu", f"gpu is {header['gpu']!r}, expected one of {', '.join(GPU)}")
    if not _is_texts(header.get("paths", PATHS)) or not set(header.get("paths", PATHS)) <= set(PATHS):
        yield finding("paths", f"paths is {header['paths']!r}, expected a list of {' and '.join(PATHS)}")
    if not _is_texts(header.get("needs", PATHS)):
        yield finding("needs", "needs must be a list of names of sets in the mirror")
    for key in ("title", "extra"):
        if not isinstance(header.get(key, ""), str):
            yield finding(key, f"{key} must be text")
    try:
        colab.overrides(str(header.get("extra", "")))
    except InputError as error:
        yield finding("extra", str(error))


def _is_texts(value) -> bool:
    """Tell whether `value` is a list of one string or more."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, str) for v in value)


def _check_structure(source: Source):
    if not source.cells or source.cells[0].kind != "markdown":
        line = source.cells[0].line if source.cells else 1
        yield line, "the first cell must be Markdown that says what the notebook does"
    if not any("setup" in cell.tags for cell in source.cells):
        yield 1, 'a cell tagged "setup" with imports and seeds is missing'
    for cell in source.cells:
        if cell.kind == "markdown" and re.search(r"^# ", cell.text, re.MULTILINE):
            yield cell.line, "the generator writes the title; headings start with ##"
        if cell.kind == "code" and re.search(r"\bcheck\.(quiz|progress)\(", cell.text):
            yield cell.line, "the generator puts progress and quiz at the end; drop them here"


def _check_tags(source: Source):
    for cell in source.cells:
        for tag in cell.tags:
            if tag not in TAGS:
                yield cell.line, f"unknown tag {tag!r}; {advice(tag, TAGS)}"


def _check_labels(source: Source):
    counts = Counter(cell.label for cell in source.cells if cell.label)
    for cell in source.cells:
        if cell.kind != "code":
            continue
        if re.match(r"#\s+#\|", cell.text):
            yield cell.line, "write `#| label: …` at the line's start, without `# `"
        label = cell.label
        if label is None:
            continue
        if not LABEL.fullmatch(str(label)):
            yield cell.line, f"label {label!r} must look like fig-loss or tbl-scores"
            continue
        if counts[label] > 1:
            yield cell.line, f"label {label!r} is used {counts[label]} times"
        for key in ("fig-cap", "fig-alt") if label.startswith("fig-") else ("tbl-cap",):
            if not str(cell.options.get(key) or "").strip():
                yield cell.line, f"{label} has no `#| {key}: …`"


def _check_syntax(source: Source):
    for cell in source.cells:
        try:
            _tree(cell)
        except SyntaxError as error:
            yield cell.line + (error.lineno or 1) - 1, f"not valid Python: {error.msg}"


def _check_exercises(source: Source):
    found: dict[str, dict[str, Cell]] = {}
    for cell in source.cells:
        roles = [tag for tag in ROLES if tag in cell.tags]
        if not roles:
            continue
        if len(roles) > 1:
            yield cell.line, f"a cell is only one of {', '.join(ROLES)}"
        elif not cell.exercise:
            yield cell.line, f'a cell tagged "{roles[0]}" needs exercise="name"'
        else:
            found.setdefault(cell.exercise, {}).setdefault(roles[0], cell)
    for name, roles_of in found.items():
        first = min(cell.line for cell in roles_of.values())
        for role in ROLES:
            if role not in roles_of:
                yield first, f'exercise {name!r} has no cell tagged "{role}"'
        lines = [roles_of[role].line for role in ROLES if role in roles_of]
        if lines != sorted(lines):
            yield first, f"the cells of {name!r} must come as {', '.join(ROLES)}"
        check = roles_of.get("check")
        if check and f"check.{name}(" not in check.text:
            yield check.line, f"the check cell of {name!r} must call check.{name}(…)"


def _check_independence(source: Source):
    """In the learner's copy nothing may need the result of an exercise, which is not done yet."""
    asked: dict[str, str] = {}  # name that the learner has to make -> exercise
    made: set[str] = set()
    for cell in source.cells:
        role = next((tag for tag in ROLES if tag in cell.tags), None)
        try:
            names, functions = defined_names(cell), defined_names(cell, functions_only=True)
        except SyntaxError:
            return
        if role == "exercise":  # what the starter computes is there, its functions are still empty
            made |= names - functions
        if role in ("exercise", "solution"):
            asked |= dict.fromkeys((names - made) | functions, str(cell.exercise))
        if role is None:
            for name in sorted(asked.keys() & used_names(cell) - names):
                message = f"needs {name!r}, which exercise {asked[name]!r} asks the learner to write"
                yield cell.line + _first_use(cell, name), message
            made |= names
            asked = {name: exercise for name, exercise in asked.items() if name not in names}


def _check_weights(source: Source):
    """Where the weights cannot be had, cells tagged needs-weights are skipped and the others must do."""
    skipped: set[str] = set()  # names that only cells tagged needs-weights bind
    made: set[str] = set()  # names that other cells have bound
    for cell in source.cells:
        try:
            names, used = defined_names(cell), used_names(cell)
        except SyntaxError:
            return
        if "needs-weights" not in cell.tags:
            for name in sorted(skipped & used - names):
                message = f"needs {name!r}, which only a cell tagged needs-weights makes: tag this one too"
                yield cell.line + _first_use(cell, name), message
            made |= names
            skipped -= names
            continue
        if not source.needs:
            yield cell.line, "a cell is tagged needs-weights, but the header does not say `needs: [...]`"
        skipped |= names - made


RULES = (
    _check_header,
    _check_structure,
    _check_tags,
    _check_labels,
    _check_syntax,
    _check_exercises,
    _check_independence,
    _check_weights,
)
"""What must be true of a source; each yields line and message of what is not."""


def _first_use(cell: Cell, name: str) -> int:
    lines = [n.lineno for n in ast.walk(_tree(cell)) if isinstance(n, ast.Name) and n.id == name]
    return min(lines) - 1


def python(cell: Cell) -> str:
    """Return a cell's code; IPython's magics and shell lines, which are not Python, become ``pass``."""
    code = cell.text if cell.kind == "code" else ""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def _tree(cell: Cell) -> ast.Module:
    return ast.parse(python(cell))


def defined_names(cell: Cell, functions_only: bool = False) -> set[str]:
    """Return the names that a cell binds at its top level, or only its functions and classes."""
    bound, functions, _ = _names(python(cell))
    return set(functions if functions_only else bound)


def used_names(cell: Cell) -> set[str]:
    """Return the global names that a cell reads, its functions' bodies included."""
    return set(_names(python(cell))[2])


@functools.lru_cache(maxsize=4096)  # the workbench asks again and again
def _names(code: str) -> tuple[frozenset, frozenset, frozenset]:
    """Return the names that some code binds at its top level, its functions, and the names that it reads."""
    functions = (n.name for n in ast.parse(code).body if isinstance(n, ast.FunctionDef | ast.ClassDef))
    table = symtable.symtable(code, "cell", "exec")
    bound = (s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported())
    return frozenset(bound), frozenset(functions), frozenset(_globals_read(table))


def _globals_read(table: symtable.SymbolTable) -> set[str]:
    module = table.get_type() == "module"
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (module or s.is_global())}
    return names.union(*map(_globals_read, table.get_children()))
