"""The table of rules: what ``course check`` demands, and the function that finds violations of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coursebook import sources
from coursebook.book.findings import Finding
from coursebook.book.reader import Book
from coursebook.book.text import Line


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


def at(line: Line, message: str, mend: str = "") -> Finding:
    """Return a finding at a page's line."""
    return Finding(line.file, line.number, message, mend=mend)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a file, nothing if it is not there."""
    yield from enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), 1)


def asked(name: str, text: str) -> None:
    """Put a rule into the table whose violations the reader of the book finds."""
    RULES[name] = Rule(name, text, lambda book: of_reader(book, name))


def of_reader(book: Book, name: str) -> Iterator[Finding]:
    """Yield what the reader of the book found against a rule."""
    return (finding for finding in book.findings if finding.rule == name)


def sources_of(book: Book) -> list[sources.Source]:
    """Return the sources without mistakes; ``generated-files`` reports the mistakes of the others."""
    return sources.read_all(book.project)[0]
