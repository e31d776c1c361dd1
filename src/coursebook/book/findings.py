"""What is wrong with the course: each mistake with file, line, rule, and how to mend it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import yaml

from bioimage_course import errors
from bioimage_course.errors import InputError
from coursebook.words import counted

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it exists


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes
    ----------
    path : str
        File, relative to the repository's root, with forward slashes.
    line : int
        Line number, counted from 1; 0 stands for the file as a whole.
    message : str
        What is wrong and what was expected, in one sentence.
    rule : str
        Name of the rule of ``course check`` that is broken.
    mend : str
        What to write instead, if that is known.
    """

    path: str
    line: int
    message: str
    rule: str = ""
    mend: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.message}" + (f"; {self.mend}" if self.mend else "")


def read_yaml(text: str):
    """Return what YAML says, read by the fast parser where it exists; the other one names mistakes better."""
    try:
        return yaml.load(text, Loader=LOADER)
    except yaml.YAMLError:
        return yaml.safe_load(text)


def compose_yaml(text: str) -> yaml.Node | None:
    """Return the nodes of what YAML says, which know their lines; by the parsers of `read_yaml`."""
    try:
        return yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def of_yaml(
    file: str, error: Exception, message: str = "this is not valid YAML: {}", first: int = 1
) -> Finding:
    """Return a YAML parser's error as a finding; `first` is the line of the file where its text began."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Finding(file, first + (mark.line if mark else 0), message.format(problem))


def line_of(text: str, word: str) -> int:
    """Return the first line of `text` that holds `word` (1-based), or 0."""
    return next((n for n, line in enumerate(text.splitlines(), 1) if word in line), 0)


class FindingsError(InputError):
    """A file that cannot be used, with everything that is wrong with it.

    Attributes
    ----------
    findings : list of Finding
    """

    def __init__(self, findings: Iterable[Finding]):
        self.findings = sorted(set(findings))
        super().__init__("\n".join(map(str, self.findings)))


class BookError(FindingsError):
    """The book cannot be rendered; `findings` lists every reason."""

    def __str__(self) -> str:
        return f"{counted(len(self.findings), 'mistake')} in the book's sources\n{super().__str__()}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"did you mean …?"`` for the known word most like `word`, or nothing."""
    found = errors.nearest(word, list(known), most=1)
    return f"did you mean {found[0]}?" if found else ""


def advice(word: str, known: Collection[str]) -> str:
    """Return the known word most like `word` as a question, or else all that are known."""
    return nearest(word, known) or f"known are {', '.join(known)}"
