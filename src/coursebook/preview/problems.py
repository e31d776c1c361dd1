"""What is wrong with a book, each mistake with file and line."""

from dataclasses import dataclass
from difflib import get_close_matches

from bioimage_course.errors import CourseError


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one line of a source file (line 0: the file as a whole)."""

    file: str
    line: int
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class BookError(CourseError):
    """The book cannot be rendered; `problems` lists every reason."""

    def __init__(self, problems):
        self.problems = sorted(set(problems))
        count = len(self.problems)
        lines = "\n".join(map(str, self.problems))
        super().__init__(f"{count} mistake{'s' if count > 1 else ''} in the book's sources\n{lines}")


def nearest(word: str, known) -> str:
    """Return ``"; did you mean …?"`` for the known word most like `word`, or nothing."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]!r}?" if found else ""
