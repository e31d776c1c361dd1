"""A page's Markdown with its includes and embeds put in, every line knowing where it came from."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ..addresses import resolve
from . import embeds
from .problems import Problem

SHORTCODE = re.compile(r"(?<!\{)\{\{<\s*(.*?)\s*>\}\}(?!\})")
ALONE = re.compile(r"^(\s*)\{\{<\s*(\w+)\s+(.*?)\s*>\}\}\s*$")
FENCE = re.compile(r"^\s*(?:>\s*)*(`{3,}|~{3,})(.*)$")


@dataclass
class Line:
    """One line of Markdown, and the file and line an author has to edit to change it."""

    text: str
    file: str
    number: int
    code: bool = False


@dataclass
class Source:
    """A page's Markdown, ready for pandoc.

    `files` are the pictures that embedded notebook cells brought along, by path from the project's root.
    """

    path: str
    lines: list[Line] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines) + "\n"

    def problem(self, message: str, token: str = "", line: int | None = None, last: bool = False) -> None:
        """Note a mistake: at a line of `text` (1-based), or where `token` first (or last) stands."""
        if line is not None and 0 < line <= len(self.lines):
            where = self.lines[line - 1]
        else:
            where = self.find(token, last) if token else None
        if where:
            self.problems.append(Problem(where.file, where.number, message))
        else:
            self.problems.append(Problem(self.path, 0, message))

    def find(self, token: str, last: bool = False) -> Line | None:
        """Return the first (or last) line with `token` as a whole word, outside code if there is one."""
        word = re.compile(re.escape(token) + r"(?![\w-])")
        found = [line for line in self.lines if word.search(line.text)]
        found = [line for line in found if not line.code] or found
        return found[-1 if last else 0] if found else None


def read(root: Path, path: str) -> Source:
    """Read the page `path` (relative to `root`) with everything it includes and embeds."""
    source = Source(path)
    _include(root, source, path, 1, ())
    return source


def _include(root: Path, source: Source, path: str, line: int, stack: tuple[str, ...]) -> None:
    text = (root / path).read_text(encoding="utf-8").replace("\t", "    ")
    raw = text.splitlines()
    start = _front_matter(source, path, raw)
    fence = ""
    for number, content in enumerate(raw[start:], start + 1):
        mark = FENCE.match(content)
        inside = bool(fence)
        if mark and not fence and not ("`" in mark[2] and mark[1][0] == "`"):
            fence = mark[1]
            if re.match(r"\s*\{\w", mark[2]) and not mark[2].strip().startswith("{="):
                source.problems.append(
                    Problem(
                        path, number, "an executable code cell: code belongs into the notebooks, embed it."
                    )
                )
        elif mark and fence and mark[1].startswith(fence) and not mark[2].strip():
            fence, inside = "", True
        here = Line(content, path, number, code=inside or bool(fence))
        alone = None if here.code else ALONE.match(content)
        if alone and alone[2] == "include":
            _include_file(root, source, here, alone[3], (*stack, path))
        elif alone and alone[2] == "embed":
            _embed_cell(root, source, here, alone[1], alone[3])
        else:
            if not (alone and alone[2] == "pagebreak"):
                for found in SHORTCODE.finditer(content):
                    _complain(source, here, found[1])
            else:
                here.text = ""
            here.text = here.text.replace("{{{<", "{{<").replace(">}}}", ">}}")
            source.lines.append(here)


def _front_matter(source: Source, path: str, raw: list[str]) -> int:
    if not raw or raw[0].strip() != "---":
        return 0
    end = next((n for n, line in enumerate(raw[1:], 1) if line.strip() in ("---", "...")), None)
    if end is None:
        source.problems.append(Problem(path, 1, "the YAML block is not closed by a line `---`."))
        return 0
    if path != source.path:
        source.problems.append(Problem(path, 1, "an included file must have no YAML block of its own."))
    try:
        meta = yaml.safe_load("\n".join(raw[1:end])) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        number = mark.line + 2 if mark else 1
        source.problems.append(
            Problem(path, number, f"this is not valid YAML: {getattr(error, 'problem', error)}")
        )
        return end + 1
    for key in meta:
        number = next((n for n, line in enumerate(raw, 1) if line.startswith(f"{key}:")), 1)
        why = (
            "a YAML title shifts Quarto's numbering; write `# Title {#sec-topic}`"
            if key == "title"
            else ("the preview knows no options of single pages; set it in _quarto.yml")
        )
        source.problems.append(Problem(path, number, f"`{key}:` does not belong here: {why}."))
    return end + 1


def _include_file(root, source, here, argument, stack) -> None:
    # Quarto reads all paths, also those in included files, from the folder of the page itself.
    target = resolve(source.path, argument)
    if target in stack:
        source.problems.append(Problem(here.file, here.number, f"{argument} includes itself."))
    elif target is None or not (root / target).is_file():
        source.problems.append(
            Problem(here.file, here.number, f"there is no file {argument} to include (from {source.path}).")
        )
    else:
        _include(root, source, target, here.number, stack)


def _embed_cell(root, source, here, indent, argument) -> None:
    try:
        words = shlex.split(argument)
        text, files = embeds.markdown(root, source.path, words[0], words[1:])
    except ValueError as error:  # embeds.EmbedError, or quotes that do not close
        source.problems.append(Problem(here.file, here.number, str(error)))
        return
    source.files.update(files)
    source.lines.extend(Line(indent + line, here.file, here.number) for line in text.splitlines())


def _complain(source, here, text) -> None:
    name = text.split()[0] if text.split() else ""
    if name in ("include", "embed", "pagebreak"):
        message = f"the shortcode `{name}` must stand alone in its line, outside code."
    else:
        message = f"unknown shortcode `{name}`; known are include, embed and pagebreak."
    source.problems.append(Problem(here.file, here.number, message))
