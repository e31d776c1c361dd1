"""Run exercise checks: one call, one line, and never a traceback.

A chapter's author writes an ordinary function that looks at the learner's work
and raises :class:`Failure` with one helpful sentence, or returns one sentence
about what was shown. The decorator :func:`exercise` turns it into an
:class:`Exercise`, which the learner calls.
"""

import contextlib
import dis
import functools
import importlib
import inspect
import io
import json
import linecache
import pkgutil
import re
import sys
import sysconfig
import warnings
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from bioimage_course.check import placeholder, record
from bioimage_course.errors import InputError, nearest

#: All exercises by name; filled by the decorator.
registry = {}

#: Chapters whose exercises could not be imported: module name -> exception.
broken = {}

SIGNS = {"passed": "✔", "failed": "✗", "open": "○"}
# for consoles that know no such characters
PLAIN_SIGNS = {"✔": "[right]", "✗": "[wrong]", "○": "[open]", "\N{NO-BREAK SPACE}": " "}

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = tuple({sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")})
_RUN = "run that cell, then this one again"
_LONGEST_MESSAGE = 700
_LONGEST_PRINT = 2000


class Failure(Exception):
    """The work is not right yet; the message is one sentence that helps."""


class UnknownExercise(InputError, AttributeError):
    """No exercise has that name."""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    status : {"passed", "failed", "open"}
        "open" means that the starter has not been filled in yet.
    message : str
        One sentence for the learner.
    printed : str
        What the learner's code printed meanwhile (shortened).
    """

    status: str
    message: str
    printed: str = ""

    @property
    def passed(self):
        """bool: Whether the work is right."""
        return self.status == "passed"


class Exercise:
    """A check that a learner can call; made by the decorator :func:`exercise`.

    Attributes
    ----------
    name, chapter, hints, task
        The exercise's name, its chapter ("01"), its hints from gentle to
        strong, and the task (the docstring of the check).
    """

    def __init__(self, function, chapter, hints):
        functools.update_wrapper(self, function)
        self.name, self.chapter, self.hints = function.__name__, chapter, hints
        self.task = inspect.getdoc(function) or ""
        self._function = function
        self._hints_shown = 0

    def __call__(self, *args, **kwargs):
        """Check the work, print one line and note a success in the progress file."""
        verdict = self.verdict(*args, **kwargs)
        if verdict.printed:
            say(verdict.printed.rstrip("\n"))
        if verdict.passed:
            record.note(self.name, self.chapter)
        nudge = f" (check.{self.name}.hint() helps)" if self.hints and not verdict.passed else ""
        say(f"{SIGNS[verdict.status]} {self.name}: {verdict.message}{nudge}")

    def verdict(self, *args, **kwargs):
        """Check the work without printing or noting anything.

        Returns
        -------
        Verdict
            Whatever is passed; only a keyboard interrupt is let through.
        """
        output = _Capture()
        given = (*args, *kwargs.values())
        try:
            self._require_arguments(args, kwargs)
            if placeholder.inside(given):
                raise NotImplementedError
            with contextlib.redirect_stdout(output), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                message = self._function(*args, **kwargs)
            status = "passed"
            message = message if isinstance(message, str) and message else "That is right."
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the learner's code may raise anything, SystemExit included
            status, message = _judge(error, given)
        return Verdict(status, one_line(message), output.text())

    def hint(self):
        """Print the next hint; after the last one, that one again."""
        if not self.hints:
            say(f"{self.name} has no hints; check.{self.name}.solution() shows a solution.")
            return
        self._hints_shown = min(self._hints_shown + 1, len(self.hints))
        last = self._hints_shown == len(self.hints)
        after = f" (The last hint; check.{self.name}.solution() shows a solution.)" if last else ""
        say(f"Hint {self._hints_shown} of {len(self.hints)}: {self.hints[self._hints_shown - 1]}{after}")

    def solution(self):
        """Print one solution."""
        text = solutions(self.chapter).get(self.name)
        say(text.rstrip("\n") if text else f"No solution is stored for {self.name}.")

    def __repr__(self):
        task = self.task.partition("\n\n")[0].replace("\n", " ")
        return f"check.{self.name}{inspect.signature(self._function)}: {task}"

    def _require_arguments(self, args, kwargs):
        signature = inspect.signature(self._function)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise Failure(f"call it as check.{self.name}{signature} ({error}).") from None


def exercise(chapter, hints=()):
    """Make a check function an exercise, available as ``check.<function name>``.

    Parameters
    ----------
    chapter : str
        Two digits, such as "01".
    hints : sequence of str
        From a gentle nudge to nearly the solution.

    Raises
    ------
    InputError
        If the name is taken, or no identifier a learner could call.
    """
    hints = (hints,) if isinstance(hints, str) else tuple(hints)

    def register(function):
        name = function.__name__
        if not (isinstance(chapter, str) and len(chapter) == 2 and chapter.isdigit()):
            raise InputError(f"{name}: write the chapter with two digits, such as '01', not {chapter!r}.")
        if name.startswith("_") or name in vars(sys.modules[__package__]):
            raise InputError(f"{name}: check.{name} is already something else; choose another name.")
        known = registry.get(name)
        if known is not None and known.__module__ != function.__module__:  # reloading a module is fine
            raise InputError(f"{name}: chapter {known.chapter} has an exercise of that name; choose another.")
        registry[name] = Exercise(function, chapter, hints)
        return registry[name]

    return register


def load_exercises():
    """Import the exercises of all chapters; a broken chapter does not stop the others."""
    folder = importlib.import_module(f"{__package__}.exercises")
    for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        if module.name in sys.modules or module.name in broken:
            continue
        try:
            importlib.import_module(module.name)
        except Exception as error:
            broken[module.name] = error
            warnings.warn(f"the exercises in {module.name} could not be loaded: {error}", stacklevel=3)


def exercises(chapter=None):
    """All exercises, in the order of the book and of the notebook.

    Parameters
    ----------
    chapter : str or int, optional
        Only those of this chapter ("01" or 1).

    Returns
    -------
    list of Exercise
    """
    load_exercises()
    wanted = None if chapter is None else f"{chapter:0>2}"
    found = [item for item in registry.values() if wanted in (None, item.chapter)]
    place = {chapter: at for at, chapter in enumerate(chapters())}
    last = len(place)
    return sorted(found, key=lambda item: (place.get(item.chapter, last), item.chapter, number(item) or 0))


@functools.cache
def chapters():
    """The chapters in the order of the book.

    Returns
    -------
    dict
        Number of the chapter -> names of the explorables on its page.
    """
    file = resources.files(__package__) / "chapters.json"
    return json.loads(file.read_text(encoding="utf-8"))


def find(name):
    """The exercise of that name.

    Raises
    ------
    UnknownExercise
        With the nearest names.
    """
    load_exercises()
    if name in registry:
        return registry[name]
    near = " or ".join(f"check.{item}" for item in nearest(name, registry))
    advice = f"did you mean {near}?" if near else "[item.name for item in check.exercises()] lists all."
    raise UnknownExercise(f"There is no exercise {name!r}; {advice}")


def solutions(chapter):
    """The solutions' texts of a chapter, from the package's data.

    Returns
    -------
    dict
        Exercise name -> source text; empty when the chapter has none.
    """
    return {name: entry["solution"] for name, entry in _stored(chapter).items()}


def number(item):
    """The number of an exercise in its notebook, 0 for a warm-up; None if it stands in none."""
    return _stored(item.chapter).get(item.name, {}).get("number")


@functools.cache
def _stored(chapter):
    import yaml

    file = resources.files(__package__) / "solutions" / f"{chapter}.yml"
    return (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.is_file() else {}


def is_unfinished(error):
    """Whether somebody wrote ``raise NotImplementedError`` in this course's or the learner's code.

    PyTorch raises the same exception for operations it lacks; those count as
    ordinary errors.
    """
    if not isinstance(error, NotImplementedError) or error.__traceback__ is None:
        return False
    innermost = _frames(error)[-1]
    code = innermost.tb_frame.f_code
    raised_by_hand = code.co_code[innermost.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised_by_hand and not _is_library(code.co_filename)


def describe_error(error):
    """An exception as words: its class, its message and the line of the learner's code it came from."""
    words = f"{type(error).__name__}: {_text_of(error)}" if _text_of(error) else type(error).__name__
    if isinstance(error, RecursionError):
        words = "a RecursionError: a function calls itself without end"
    unknown = re.search(r"name '(\w+)' is not|variable '(\w+)'", words)
    if unknown and isinstance(error, NameError):
        name = unknown[1] or unknown[2]
        words = f"{type(error).__name__}: `{name}` has no value yet; give it one before, or mind its spelling"
    frame = _learners_frame(error)
    if frame is None:
        return words
    line = linecache.getline(frame.tb_frame.f_code.co_filename, frame.tb_lineno).strip()
    return f"{words} (line {frame.tb_lineno}{f': `{line}`' if line else ''})"


def one_line(text):
    """Text without line breaks, shortened where it is very long."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def say(text):
    """Print, also on a console that lacks our signs."""
    try:
        print(text)
    except UnicodeEncodeError:
        for sign, plain in PLAIN_SIGNS.items():
            text = text.replace(sign, plain)
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        print(text.encode(encoding, "replace").decode(encoding))


def _judge(error, given):
    """Status and sentence for what stopped a check."""
    if is_unfinished(error):
        return "open", _unfinished(error, given)
    cause = error.__cause__ if isinstance(error, Failure) else error
    if cause is not None:  # the learner's code stopped: perhaps at a gap of the starter
        frame = _learners_frame(cause)
        waiting = placeholder.find(given) or placeholder.blamed(cause, frame)
        if waiting:
            return "open", _gap(waiting)
        return "failed", _text_of(error) if isinstance(error, Failure) else _stumble(error)
    waiting = placeholder.find(given)
    return "failed", _text_of(error) + (f" (A `...` is still {waiting}.)" if waiting else "")


def _unfinished(error, given):
    function = _frames(error)[-1].tb_frame.f_code
    if function.co_filename.startswith(str(_PACKAGE)):  # a check came upon something that is still empty
        waiting = "where your answer belongs" if placeholder.inside(given) else None
        waiting = placeholder.find(given) or waiting
        return _gap(waiting) if waiting else f"not done yet; fill in what is still open, {_RUN}"
    place = "" if function.co_name.startswith("<") else f" in {function.co_name}"
    return f"not done yet; replace `raise NotImplementedError`{place}, {_RUN}"


def _gap(waiting):
    return f"not done yet; a `...` is still {waiting}: replace it, {_RUN}"


def _stumble(error):
    if _learners_frame(error) is not None:
        return f"your code stopped with {describe_error(error)}."
    return f"what you passed could not be checked: {describe_error(error)}."


def _frames(error):
    frames, frame = [], error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    return frames


def _is_library(filename):
    return filename.startswith(_LIBRARIES) and not filename.startswith(str(_PACKAGE))


def _learners_frame(error):
    """The innermost frame that is neither the course's nor a library's."""
    for frame in reversed(_frames(error)):
        filename = frame.tb_frame.f_code.co_filename
        ours = filename.startswith((str(_PACKAGE), "<frozen"))
        if not ours and not _is_library(filename):
            return frame
    return None


def _text_of(error):
    try:
        return one_line(str(error))
    except Exception:  # an exception whose own text raises
        return ""


class _Capture(io.TextIOBase):
    """Keep the beginning of what is printed; never grow without bound, never close."""

    encoding = "utf-8"

    def __init__(self):
        self._kept, self._length = "", 0

    def writable(self):
        return True

    def write(self, text):
        self._length += len(text)
        if len(self._kept) < _LONGEST_PRINT:
            self._kept = (self._kept + text)[:_LONGEST_PRINT]
        return len(text)

    def close(self):
        pass

    def text(self):
        left_out = self._length - len(self._kept)
        return self._kept + (f"\n… ({left_out} more characters printed)" if left_out else "")
