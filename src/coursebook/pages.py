"""Read the book's pages as text in which every place knows its file and line.

The checks look at three views of a page, all with the same line numbers: `prose` (code, comments
and raw HTML blanked out), `html` (raw HTML and prose) and the lines themselves. Blanking keeps
every character's place, so that a match in a view leads to the right line.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import yaml

from bioimage_course.errors import InputError
from coursebook import addresses
from coursebook.project import Project

FENCE = re.compile(r"^\s*(?:>\s*)*(`{3,}|~{3,})\s*(.*)$")
SHORTCODE = re.compile(r"(?<!\{)\{\{<\s*(\S+)\s*(.*?)\s*>\}\}(?!\})")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)((?:[^`\n]|\n(?!\n)|(?!\1(?!`))`)+?)(?<!`)\1(?!`)")
IDENTIFIER = re.compile(r"(?<!\{)\{(?![{<=%])[^{}]*?#([A-Za-z][\w.:-]*)[^{}]*\}")
HTML_ID = re.compile(r"<[A-Za-z][^>]*?\bid\s*=\s*[\"']([^\"']+)[\"']")
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*(\{[^{}]*\})?\s*$", re.MULTILINE)
LINK = re.compile(r"(?<!\\)\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)")
IMAGE = re.compile(
    r"!\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\](?:\([^()]*\))?)*)\]\((?P<target>[^()\s]+)[^()]*\)(?P<attributes>\{[^{}]*\})?"
)
HTML_TARGET = re.compile(r"<(\w[\w-]*)\b[^>]*?\b(?:src|href|data|poster)\s*=\s*[\"']([^\"']*)[\"']")


@dataclass(frozen=True)
class Line:
    """A line of a page: its text, the file and line it stands in, and what it is.

    `kind` is ``"prose"``, ``"html"`` (raw HTML block) or ``"code"``.
    """

    text: str
    file: str
    number: int
    kind: str


@dataclass(frozen=True)
class Shortcode:
    """A ``{{< name argument >}}`` and the line it stands in."""

    name: str
    argument: str
    line: Line


@dataclass
class Page:
    """A page of the book with its includes put in.

    Parameters
    ----------
    path : str
        Path from the root; all relative addresses on the page start from its folder, as in Quarto.
    lines : list of Line
    shortcodes : list of Shortcode
        Everything except includes that were resolved.
    missing : list of Shortcode
        Includes whose file does not exist.
    included : set of str
        Files that were included.
    """

    path: str
    lines: list[Line]
    shortcodes: list[Shortcode]
    missing: list[Shortcode]
    included: set[str]

    @property
    def name(self) -> str:
        """The file's name without ending: ``01-perceptrons``."""
        return PurePosixPath(self.path).stem

    @property
    def is_chapter(self) -> bool:
        """True for ``book/NN-topic.qmd``."""
        return bool(re.fullmatch(r"book/\d\d-.+\.qmd", self.path))

    @cached_property
    def prose(self) -> str:
        """The text without code, comments, inline code and raw HTML blocks."""
        return _blank(INLINE_CODE, _blank(COMMENT, self._view("prose")))

    @cached_property
    def html(self) -> str:
        """The text with raw HTML, without code and comments."""
        return _blank(INLINE_CODE, _blank(COMMENT, self._view("prose", "html")))

    def _view(self, *kinds: str) -> str:
        return "\n".join(line.text if line.kind in kinds else " " * len(line.text) for line in self.lines)

    def line(self, offset: int) -> Line:
        """Return the line that holds the character at `offset` of `prose` or `html`."""
        return self.lines[self.prose.count("\n", 0, offset)]

    def finditer(self, pattern: re.Pattern, view: str = "prose"):
        """Yield each match of `pattern` in a view, with its line."""
        for match in pattern.finditer(getattr(self, view)):
            yield match, self.line(match.start())

    def resolve(self, target: str) -> str | None:
        """Return `target`, as written on this page, as a path from the root; None if it leaves it."""
        return addresses.resolve(self.path, target)

    @cached_property
    def identifiers(self) -> list[tuple[str, Line]]:
        """What is named on this page by the author: ``{#name}`` and ``id="name"``."""
        found = [(match[1], line) for match, line in self.finditer(IDENTIFIER)]
        return found + [(match[1], line) for match, line in self.finditer(HTML_ID, "html")]

    @cached_property
    def headings(self) -> list[tuple[int, str, str, Line]]:
        """Level, title, attributes and line of each heading outside divs of any kind."""
        return [
            (len(match[1]), match[2], match[3] or "", self.line(match.start()))
            for match in HEADING.finditer(self.prose)
        ]

    @cached_property
    def anchors(self) -> set[str]:
        """Everything that a link can lead to: identifiers, headings, embedded cells."""
        names = {name for name, _ in self.identifiers}
        for _, title, attributes, _ in self.headings:
            if "#" not in attributes:
                names.add(heading_anchor(title))
        for code in self.shortcodes:
            if code.name == "embed":
                names |= {label.strip() for label in code.argument.split()[0].partition("#")[2].split(",")}
        return names

    def section(self, title: str) -> tuple[Line, str] | None:
        """Return line and text (prose and HTML) of the section of level 2 called `title`, or None."""
        matches = list(HEADING.finditer(self.prose))
        for position, match in enumerate(matches):
            if len(match[1]) == 2 and match[2] == title:
                end = next((m.start() for m in matches[position + 1 :] if len(m[1]) <= 2), len(self.html))
                return self.line(match.start()), self.html[match.end() : end]
        return None


class Book:
    """All that the checks read: pages, notebooks, bibliography, each read once."""

    def __init__(self, project: Project):
        self.project = project
        self.root = project.root
        self._notebooks: dict[str, dict | None] = {}

    @cached_property
    def pages(self) -> list[Page]:
        """The pages that ``_quarto.yml`` lists and that exist."""
        return [read_page(self.root, path) for path in self.project.pages() if (self.root / path).is_file()]

    @cached_property
    def page_paths(self) -> set[str]:
        """Paths of those pages."""
        return {page.path for page in self.pages}

    @cached_property
    def chapters(self) -> list[Page]:
        """The pages ``book/NN-topic.qmd``."""
        return [page for page in self.pages if page.is_chapter]

    def page(self, path: str) -> Page | None:
        """Return the page at `path`, or None."""
        return next((page for page in self.pages if page.path == path), None)

    def notebook(self, path: str) -> dict | None:
        """Return the notebook at `path` as JSON, or None if there is none."""
        if path not in self._notebooks:
            self._notebooks[path] = self._read_notebook(path)
        return self._notebooks[path]

    def _read_notebook(self, path: str) -> dict | None:
        file = self.root / path
        try:
            return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None

    @cached_property
    def bibliography(self) -> list["Entry"]:
        """The entries of the files named as ``bibliography`` in ``_quarto.yml``."""
        named = self.project.quarto.get("bibliography") or []
        files = [named] if isinstance(named, str) else named
        return [
            entry for file in files if (self.root / file).is_file() for entry in _entries(self.root, file)
        ]


@dataclass(frozen=True)
class Entry:
    """An entry of the bibliography: key, kind (``article``), fields in lower case, file and line."""

    key: str
    kind: str
    fields: dict
    file: str
    line: int


def _entries(root: Path, file: str):
    """Yield the entries of a BibTeX file whose entries start at the beginning of a line."""
    text = (root / file).read_text(encoding="utf-8")
    starts = [*re.finditer(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        body = text[start.end() : end.start() if end else len(text)]
        fields = {
            match[1].lower(): " ".join(match[2].strip(' \t\n{}",').split())
            for match in re.finditer(
                r"^\s*(\w+)\s*=\s*(.*?)(?=^\s*\w+\s*=|\Z)", body, re.MULTILINE | re.DOTALL
            )
        }
        yield Entry(start[2], start[1].lower(), fields, file, text.count("\n", 0, start.start()) + 1)


def read_page(root: Path, path: str) -> Page:
    """Read the page at `path` (from `root`) and everything it includes."""
    page = Page(path, [], [], [], set())
    _read(root, page, path, stack=())
    return page


def _read(root: Path, page: Page, file: str, stack: tuple[str, ...]) -> None:
    fence, kind = "", "prose"
    for number, text in enumerate((root / file).read_text(encoding="utf-8").splitlines(), 1):
        mark = FENCE.match(text)
        if not fence and mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence, kind = mark[1], "html" if mark[2].replace(" ", "") == "{=html}" else "code"
            page.lines.append(Line(text, file, number, "code"))
            continue
        if fence and mark and mark[1].startswith(fence) and not mark[2].strip():
            fence, kind = "", "prose"
            page.lines.append(Line(text, file, number, "code"))
            continue
        line = Line(text, file, number, kind)
        if kind == "prose" and _read_shortcodes(root, page, line, (*stack, file)):
            continue
        page.lines.append(line)


def _read_shortcodes(root: Path, page: Page, line: Line, stack: tuple[str, ...]) -> bool:
    """Note the line's shortcodes; put an included file in its place and return True."""
    for match in SHORTCODE.finditer(_blank(INLINE_CODE, line.text)):
        code = Shortcode(match[1], match[2], line)
        if code.name != "include":
            page.shortcodes.append(code)
            continue
        target = page.resolve(code.argument)
        if target is None or target in stack or not (root / target).is_file():
            page.missing.append(code)
            continue
        page.included.add(target)
        _read(root, page, target, stack)
        return True
    return False


def _blank(pattern: re.Pattern, text: str) -> str:
    """Replace what `pattern` finds by spaces, keeping line ends."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def heading_anchor(title: str) -> str:
    """Return the anchor that pandoc gives a heading without one of its own."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    text = re.sub(r"[^\w\s.-]", "", text).lower()
    text = re.sub(r"\s+", "-", text.strip())
    return re.sub(r"^[^a-z]+", "", text) or "section"


def options(source: str) -> dict:
    """Return the leading ``#| key: value`` lines of a notebook cell."""
    head = []
    for line in source.splitlines():
        if not line.startswith("#|"):
            break
        head.append(line[2:])
    try:
        found = yaml.safe_load("\n".join(head))
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
