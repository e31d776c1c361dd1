"""The errors that the course raises on purpose.

Each message is one sentence (or two) that says what was wrong, what was
expected and how to fix it.
"""

import difflib


class CourseError(Exception):
    """Base class: something that the learner can fix, said in one sentence."""


class InputError(CourseError, ValueError):
    """An argument has the wrong type, shape, dtype or range."""


class DataUnavailableError(CourseError):
    """A data set or file of weights is neither on this machine nor reachable."""


class ToolUnavailableError(CourseError):
    """A segmentation or denoising tool is not installed, or its weights cannot be had."""


def nearest(word: str, known, most: int = 3) -> list[str]:
    """The known names that somebody may have meant, the nearest first; none for a word that is like none.

    Near is a slip of the fingers, or a part of the name: a guess that is neither sends people astray.
    """
    word = word.lower()
    near = difflib.get_close_matches(word, known, n=most, cutoff=0.65)
    near += [name for name in known if len(word) > 1 and word in name and name not in near]
    return near[:most]


def first_line(error: BaseException) -> str:
    """What another library's exception says, as part of a sentence."""
    return str(error).strip().partition("\n")[0].rstrip(".")
