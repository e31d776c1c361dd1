"""What the tests of all chapters do with exercises: read a notebook's own cells, and expect a failure.

(text,) = Chapter("01-perceptrons").texts("solution", "logic_gates")
assert "threshold" in failure("logic_gates", wrong_answer)
"""

from pathlib import Path

import numpy as np

from bioimage_course import check
from coursebook import sources
from coursebook.project import Project

FOLDER = Path(__file__).parents[1] / "notebooks" / "sources"


class Chapter:
    """A notebook's source, and the names that its exercises find there."""

    def __init__(self, name, **names):
        self.path = FOLDER / f"{name}.py"
        self.cells = sources.read(Project.find(FOLDER), self.path).cells
        self.names = {"np": np} | names

    def texts(self, role, exercise=None):
        """The code of the cells tagged `role`, of one exercise or of all."""
        return [c.text for c in self.cells if role in c.tags and exercise in (None, c.exercise)]


def failure(exercise, *arguments):
    """The sentence with which the check refuses a wrong answer."""
    verdict = getattr(check, exercise).verdict(*arguments)
    assert verdict.status == "failed", verdict
    return verdict.message
