"""Sentences about the course's own numbers, and the notebook cells that compute whether they are true.

On a page a claim is a span, ``[The sentence.]{#claim-name .claim}``. In the notebook of the same chapter
one cell tagged ``claims`` calls ``show.claims`` with an entry of the same name: hash of the sentence,
condition, numbers. `find` compares the two with each other and with the saved output; `box` makes the
collapsed list at the chapter's end.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coursebook import notebooks
from coursebook.book import text
from coursebook.book.findings import Finding
from coursebook.book.reader import Book
from coursebook.book.text import Line, Manuscript
from coursebook.project import Project
from coursebook.sources import Source
from coursebook.words import counted

PREFIX = "claim-"
END = re.compile(r"\]\{#claim-(?P<name>[\w-]+)(?P<rest>[^{}]*)\}")
ROW = re.compile(
    r"^\| (?P<name>[a-z0-9-]+) \| (?P<numbers>.*) \| (?P<holds>yes|\*\*no\*\*) \|$", re.MULTILINE
)
FEWEST, MOST = 5, 15
BOX = """:::: {{.chapter-claims}}
::: {{.callout-note collapse="true"}}
## What this chapter claims, and on what

{items}
Each is computed in the cell tagged `claims` near the end of {where}, and compared there \
on every change of the course: if a sentence stops being true, the course's tests fail.
:::
::::
"""


@dataclass(frozen=True)
class Claim:
    """A claimed sentence (Markdown) of a page and where it stands."""

    name: str
    sentence: str
    line: Line

    @property
    def hash(self) -> str:
        """Six hexadecimal digits that change with the sentence, not with its line breaks."""
        return hashlib.sha256(" ".join(self.sentence.split()).encode()).hexdigest()[:6]


@dataclass(frozen=True)
class Entry:
    """A claim's entry in a notebook's source, and what the saved output says of it."""

    name: str
    hash: str
    line: int
    numbers: str | None
    holds: bool | None


def on_page(page: Manuscript) -> list[Claim]:
    """Return the claims of a page in order of appearance."""
    written = "\n".join(line.text for line in page.lines)
    found = []
    for match in END.finditer(page.prose):
        start = _opening(page.prose, match.start())
        if start is not None and re.search(r"\.claim\b", match["rest"]):
            found.append(Claim(match["name"], written[start + 1 : match.start()], page.line(start)))
    return found


def _opening(text: str, end: int) -> int | None:
    """Return where the bracket opens that closes at `end`."""
    depth = 0
    for position in range(end, -1, -1):
        depth += {"]": 1, "[": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return None


def in_notebook(project: Project, source: Source) -> list[Entry]:
    """Return the entries of a chapter's notebook, with what its executed copy says."""
    outputs = _outputs(project.root / notebooks.solution_file(source))
    found = []
    for cell in source.cells:
        if "claims" not in cell.tags:
            continue
        for node in ast.walk(ast.parse(cell.text)):
            if isinstance(node, ast.Tuple) and len(node.elts) == 4 and _is_text(node.elts[:2]):
                name, digest = map(ast.literal_eval, node.elts[:2])
                numbers, holds = outputs.get(name, (None, None))
                found.append(Entry(name, digest, cell.line + node.lineno - 1, numbers, holds))
    return sorted(found, key=lambda entry: entry.line)


def _is_text(nodes) -> bool:
    return all(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes)


def _outputs(path: Path) -> dict[str, tuple[str, bool]]:
    """Return name -> (numbers, holds) from the saved outputs of the cells tagged ``claims``."""
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else ():
        if "claims" in cell["metadata"].get("tags", ()):
            for output in cell["outputs"]:
                table = "".join(output.get("data", {}).get("text/markdown", ""))
                found |= {row["name"]: (row["numbers"], row["holds"] == "yes") for row in ROW.finditer(table)}
    return found


def box(project: Project, source: Source) -> str | None:
    """Return the collapsed box of a chapter, or None where page or notebook claim nothing yet."""
    path = f"book/{source.name}.qmd"
    entries = {entry.name: entry for entry in in_notebook(project, source)}
    if not entries or not (project.root / path).is_file():
        return None
    items = []
    for claim in on_page(text.read(project.root, path)):
        numbers = (entries[claim.name].numbers if claim.name in entries else None) or "not computed yet"
        sentence = " ".join(claim.sentence.split())
        items.append(f"- {sentence} [In the text](#{PREFIX}{claim.name})\n\n  *{numbers}*\n")
    where = f"[the notebook with solutions]({project.file_url(notebooks.solution_file(source))})"
    return BOX.format(items="\n".join(items), where=where)


def find(book: Book, sources: list[Source]) -> Iterator[Finding]:
    """Find sentences without entry, entries without sentence, false conditions and changed sentences."""
    by_name = {source.name: source for source in sources}
    for page in book.manuscripts:
        claims = {claim.name: claim for claim in on_page(page)}
        if page.name in by_name:
            yield from _compare(book, page, claims, by_name[page.name])
            continue
        for name, claim in claims.items():
            yield _at(claim, f"{page.path} has no notebook in which the claim {name!r} could be computed")


def _at(claim: Claim, message: str) -> Finding:
    return Finding(claim.line.file, claim.line.number, message)


def _compare(book: Book, page: Manuscript, claims: dict[str, Claim], source: Source) -> Iterator[Finding]:
    entries = {entry.name: entry for entry in in_notebook(book.project, source)}
    for name, claim in claims.items():
        if name not in entries:
            entry_of = f'("{name}", "{claim.hash}", condition, numbers)'
            mend = f"give `show.claims`, in the cell tagged claims, {entry_of}"
            yield _at(claim, f"the claim {name!r} has no entry in {source.file}; {mend}")
    for name, entry in entries.items():
        for problem in _problems(entry, claims.get(name), page, source):
            yield Finding(source.file, entry.line, problem)
    if not FEWEST <= len(claims) <= MOST:
        message = f"{counted(len(claims), 'claim')}; a chapter has {FEWEST} to {MOST} (see CONTRIBUTING.md)"
        yield Finding(page.path, 1, message)
    if claims and f"book/_generated/{source.chapter}-claims.md" not in page.included:
        yield Finding(page.path, 1, f"{{{{< include _generated/{source.chapter}-claims.md >}}}} is missing")


def _problems(entry: Entry, claim: Claim | None, page: Manuscript, source: Source) -> Iterator[str]:
    """Say what is wrong with an entry of the notebook, given the sentence of the same name."""
    if claim is None:
        span = f"[sentence]{{#{PREFIX}{entry.name} .claim}}"
        yield f"the claim {entry.name!r} has no sentence on {page.path}: {span}"
    elif entry.hash != claim.hash:
        where = f"{page.path}:{claim.line.number}"
        yield (
            f"the sentence of {entry.name!r} ({where}) is not the one that the condition was written for: "
            f"read both again, then write the hash {claim.hash}"
        )
    if entry.holds is None:
        yield f"the claim {entry.name!r} has no saved result: run `course notebooks --only {source.chapter}`"
    elif not entry.holds:
        yield f"the claim {entry.name!r} does not hold: {entry.numbers}"
