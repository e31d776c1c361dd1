"""The tasks of the explorables, as ``js/tasks.js`` declares them: this file only reads their names."""

import functools
import re
from dataclasses import dataclass
from importlib import resources

SCRIPT = resources.files(__package__) / "js" / "tasks.js"


@dataclass(frozen=True)
class Task:
    """Something to reach in an explorable.

    Attributes
    ----------
    tag : str
        The explorable, such as ``"perceptron-explorer"``.
    name : str
        Name of the task in it.
    sentence : str
        What is to be reached.
    """

    tag: str
    name: str
    sentence: str

    @property
    def id(self) -> str:
        """Name that is unique in the course, under which browsers and records keep the task."""
        return f"{self.tag}/{self.name}"


@functools.cache
def tasks() -> tuple[Task, ...]:
    """Return the tasks of all explorables, in the order of the book."""
    declared = SCRIPT.read_text(encoding="utf-8").split("// tasks: begin")[1].split("// tasks: end")[0]
    found, tag = [], ""
    for explorable, name, sentence in re.findall(
        r'^    "([\w-]+)": \{$|^      "([\w-]+)": \["([^"]+)",', declared, re.MULTILINE
    ):
        tag = explorable or tag
        if name:
            found.append(Task(tag, name, sentence))
    return tuple(found)
