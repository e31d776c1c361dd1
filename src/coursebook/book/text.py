"""A page as its author wrote it: Markdown with its includes, in which every place knows its file and line.

Pandoc tells no positions, so this is also the locator: `Manuscript.complain` finds the line of what the
document turned out to say. There are three views with the same line numbers: `prose` (code, comments and
raw HTML blanked out), `html` (raw HTML and prose) and the lines themselves. Blanking keeps every
character's place, so that a match in a view leads to the right line.
"""

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import yaml

from . import addresses, cells
from .findings import Finding, of_yaml, read_yaml

SHORTCODES = ("include", "embed", "pagebreak")
SHORTCODE = re.compile(r"(?<!\{)\{\{<\s*(.*?)\s*>\}\}(?!\})")
ALONE = re.compile(r"^(\s*)\{\{<\s*(\w+)\s*(.*?)\s*>\}\}\s*$")
FENCE = re.compile(r"^\s*(?:>\s*)*(`{3,}|~{3,})\s*(.*)$")
CODE_CELL = re.compile(r"\{[A-Za-z]\w*[\s,}]")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)((?:[^`\n]|\n(?!\n)|(?!\1(?!`))`)+?)(?<!`)\1(?!`)")
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*(\{[^{}]*\})?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """One line, and the file and line an author has to edit to change it.

    `kind` is ``"prose"``, ``"html"`` (raw HTML block), ``"code"`` or ``"embed"``.
    """

    text: str
    file: str
    number: int
    kind: str = "prose"


@dataclass(frozen=True)
class Embed:
    """What an ``{{< embed … >}}`` asks for, and the line it stands in."""

    line: Line
    indent: str
    argument: str


@dataclass
class Manuscript:
    """A page with its includes put in, and what is wrong with it.

    Attributes
    ----------
    path : str
        Path from the root; all relative addresses on the page start from its folder, as in Quarto.
    lines : list of Line
    embeds : dict
        Position in `lines` -> the embed that stands there.
    included : set of str
        Files that the page includes, also those that do not exist.
    cells : list of cells.Embedded
        The notebook cells that stand on the page, once `embed` has been called.
    missing : set of str
        Labels of cells that should stand there and could not be had.
    files : dict
        Pictures that embedded cells brought along, by path from the root.
    findings : list of Finding
    """

    path: str
    lines: list[Line] = field(default_factory=list)
    embeds: dict[int, Embed] = field(default_factory=dict)
    included: set[str] = field(default_factory=set)
    cells: list[tuple[Line, "cells.Embedded"]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    complaints: Counter = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The file's name without ending: ``01-perceptrons``."""
        return PurePosixPath(self.path).stem

    @property
    def is_chapter(self) -> bool:
        """True for ``book/NN-topic.qmd``."""
        return bool(re.fullmatch(r"book/\d\d-.+\.qmd", self.path))

    def resolve(self, target: str) -> str | None:
        """Return `target`, as written on this page, as a path from the root; None if it leaves it."""
        return addresses.resolve(self.path, target)

    # views

    @cached_property
    def prose(self) -> str:
        """The text without code, comments, inline code and raw HTML blocks."""
        return self._view("prose", "embed")

    @cached_property
    def html(self) -> str:
        """The text with raw HTML, without code and comments."""
        return self._view("prose", "embed", "html")

    def _view(self, *kinds: str) -> str:
        text = "\n".join(line.text if line.kind in kinds else " " * len(line.text) for line in self.lines)
        return _blank(INLINE_CODE, _blank(COMMENT, text))

    def line(self, offset: int) -> Line:
        """Return the line that holds the character at `offset` of a view."""
        return self.lines[self.prose.count("\n", 0, offset)]

    def finditer(self, pattern: re.Pattern, view: str = "prose") -> Iterator[tuple[re.Match, Line]]:
        """Yield each match of `pattern` in a view, with its line."""
        for match in pattern.finditer(getattr(self, view)):
            yield match, self.line(match.start())

    @cached_property
    def headings(self) -> list[tuple[int, str, str, Line]]:
        """Level, title, attributes and line of each heading."""
        return [(len(match[1]), match[2], match[3] or "", line) for match, line in self.finditer(HEADING)]

    def section(self, title: str) -> tuple[Line, str] | None:
        """Return line and text (prose and HTML) of the section of level 2 called `title`, or None."""
        matches = list(HEADING.finditer(self.prose))
        for position, match in enumerate(matches):
            if len(match[1]) == 2 and match[2] == title:
                end = next((m.start() for m in matches[position + 1 :] if len(m[1]) <= 2), len(self.html))
                return self.line(match.start()), self.html[match.end() : end]
        return None

    # what pandoc reads

    @property
    def text(self) -> str:
        """The Markdown for pandoc; with the embedded cells after `embed` was called."""
        return "\n".join(line.text for line in self.expanded) + "\n"

    @cached_property
    def expanded(self) -> list[Line]:
        """The lines for pandoc, those of embedded cells among them."""
        return [self._for_pandoc(line) for line in self.lines]

    @staticmethod
    def _for_pandoc(line: Line) -> Line:
        alone = ALONE.match(line.text) if line.kind == "prose" else None
        text = "" if alone and alone[2] == "pagebreak" else line.text
        return replace(line, text=text.replace("{{{<", "{{<").replace(">}}}", ">}}"))

    def embed(self, root: Path) -> None:
        """Put the notebook cells that the page embeds in their places."""
        expanded: list[Line] = []
        for position, line in enumerate(self.lines):
            embed = self.embeds.get(position)
            expanded += self._cell(root, embed) if embed else [self._for_pandoc(line)]
        self.expanded = expanded

    def _cell(self, root: Path, embed: Embed) -> list[Line]:
        here = embed.line
        try:
            found = cells.read(root, self.path, shlex.split(embed.argument))
        except ValueError as error:  # cells.EmbedError, or quotes that do not close
            self.note(here, str(error), getattr(error, "rule", "embeds"))
            labels = embed.argument.split(" ")[0].partition("#")[2]
            self.missing |= {label.strip() for label in labels.split(",")}
            return []
        self.files.update(found.files)
        self.cells += [(here, cell) for cell in found.cells]
        texts = (embed.indent + text for text in found.text.splitlines())
        return [replace(here, text=text, kind="embed") for text in texts]

    # mistakes

    def complain(
        self,
        rule: str,
        message: str,
        token: str = "",
        line: int | None = None,
        nth: int | None = None,
        view: str = "prose",
        mend: str = "",
    ) -> None:
        """Note a mistake: at a line of what pandoc read (from 1), or where `token` stands.

        `nth` counts the places with `token` from 0, or from the end with -1; without it the second
        complaint of the same words goes to the second place, and so on.
        """
        if line is not None and 0 < line <= len(self.expanded):
            where = self.expanded[line - 1]
        else:
            earlier = self.complaints[message]
            self.complaints[message] += 1
            where = self.place(token, earlier if nth is None else nth, view)
        self.note(where, message, rule, mend)

    def note(self, where: Line, message: str, rule: str, mend: str = "") -> None:
        """Note a mistake at a line."""
        self.findings.append(Finding(where.file, where.number, message, rule, mend))

    def place(self, token: str, nth: int = 0, view: str = "prose") -> Line:
        """Return the line of the `nth` place of `token`, or of the last; line 0 if it is nowhere."""
        found = self.places(token, view) if token else []
        return found[min(nth, len(found) - 1)] if found else Line("", self.path, 0)

    def places(self, token: str, view: str = "prose") -> list[Line]:
        """Return the lines with `token` as a whole word: in a view if it is there, else anywhere."""
        word = re.compile(re.escape(token) + r"(?![\w-])")
        for each in (view, "html"):
            found = [line for _, line in self.finditer(word, each)]
            if found:
                return found
        return [line for line in self.expanded if word.search(line.text)]


def _blank(pattern: re.Pattern, text: str) -> str:
    """Replace what `pattern` finds by spaces, keeping line ends."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def read(root: Path, path: str) -> Manuscript:
    """Read the page at `path` (from `root`) and everything it includes."""
    manuscript = Manuscript(path)
    _Reader(root, manuscript).file(path, ())
    return manuscript


@dataclass
class _Reader:
    """Reads files into a manuscript, line by line."""

    root: Path
    manuscript: Manuscript

    def file(self, path: str, stack: tuple[str, ...]) -> None:
        raw = (self.root / path).read_text(encoding="utf-8").replace("\t", "    ").splitlines()
        start = self._front_matter(path, raw)
        fence, kind = "", "prose"
        for number, text in enumerate(raw[start:], start + 1):
            mark = FENCE.match(text)
            opens = mark and not fence and not (mark[1][0] == "`" and "`" in mark[2])
            closes = mark and fence and mark[1].startswith(fence) and not mark[2].strip()
            line = Line(text, path, number, "code" if opens or closes else kind)
            if mark and opens:
                fence, kind = mark[1], "html" if mark[2].replace(" ", "") == "{=html}" else "code"
                if CODE_CELL.match(mark[2]):
                    message = "an executable code cell: code belongs into the notebooks, embed it"
                    self.manuscript.note(line, message, "no-code-cells")
            elif closes:
                fence, kind = "", "prose"
            self._line(line, (*stack, path))

    def _line(self, line: Line, stack: tuple[str, ...]) -> None:
        """Keep a line, or put what its shortcode stands for in its place."""
        alone = ALONE.match(line.text) if line.kind == "prose" else None
        if alone and alone[2] == "include":
            self._include(line, alone[3], stack)
            return
        if alone and alone[2] == "embed":
            line = replace(line, kind="embed")
            self.manuscript.embeds[len(self.manuscript.lines)] = Embed(line, alone[1], alone[3])
        elif not (alone and alone[2] == "pagebreak"):
            for found in SHORTCODE.finditer(line.text):
                self._refuse(line, (found[1].split() or [""])[0])
        self.manuscript.lines.append(line)

    def _include(self, line: Line, argument: str, stack: tuple[str, ...]) -> None:
        # Quarto reads all paths, also those in included files, from the folder of the page itself.
        path = self.manuscript.path
        target = self.manuscript.resolve(argument)
        if target in stack:
            self.manuscript.note(line, f"{argument} includes itself", "shortcodes")
            return
        if target is not None:
            self.manuscript.included.add(target)  # even if it is not there: one mistake, one finding
        if target is None or not (self.root / target).is_file():
            how = addresses.how_made(self.root, target) if target else ""
            message = f"there is no file {argument} to include (from {path})" + f"; {how}" * bool(how)
            self.manuscript.note(line, message, "shortcodes")
        else:
            self.file(target, stack)

    def _refuse(self, line: Line, name: str) -> None:
        message = f"the shortcode `{name}` must stand alone in its line, outside code"
        if name not in SHORTCODES:
            message = f"unknown shortcode `{name}`; known are {', '.join(SHORTCODES)}"
        self.manuscript.note(line, message, "shortcodes")

    def _front_matter(self, path: str, raw: list[str]) -> int:
        """Complain about a YAML block at the top and return how many lines it takes."""
        if not raw or raw[0].strip() != "---":
            return 0
        end = next((n for n, line in enumerate(raw[1:], 1) if line.strip() in ("---", "...")), None)
        if end is None:
            self._at(path, 1, "the YAML block is not closed by a line `---`")
            return 0
        if path != self.manuscript.path:
            self._at(path, 1, "an included file must have no YAML block of its own")
        try:
            meta = read_yaml("\n".join(raw[1:end])) or {}
        except yaml.YAMLError as error:
            found = of_yaml(path, error, first=2)
            self._at(path, found.line, found.message)
            return end + 1
        for key in meta:
            number = next((n for n, line in enumerate(raw, 1) if line.startswith(f"{key}:")), 1)
            why = "the preview knows no options of single pages; set it in _quarto.yml"
            if key == "title":
                why = "a YAML title shifts Quarto's numbering; write `# Title {#sec-topic}`"
            self._at(path, number, f"`{key}:` does not belong here: {why}")
        return end + 1

    def _at(self, path: str, number: int, message: str) -> None:
        self.manuscript.findings.append(Finding(path, number, message, "markup"))
