"""Exercise checks, hints, solutions, progress and quizzes.

For learners::

    check.logic_gates(and_gate, or_gate)    # one line: right, wrong or not done yet
    check.logic_gates.hint()                # the next hint
    check.logic_gates.solution()            # one solution
    check.progress()                        # what is done; page="record.json" adds the book's tasks
    check.quiz("01")                        # the quiz of chapter 1

For authors: write the exercises of chapter 1 in ``exercises/ch01.py``::

    @exercise(chapter="01", hints=("a gentle nudge", "a stronger one"))
    def mean_intensity(function):
        \"\"\"Write a function that returns the mean of an image.\"\"\"
        image = np.arange(6.0).reshape(2, 3)
        result = call(function, image)
        expect_number(result, close_to=2.5, mistakes={"That is the sum; divide by the pixels.": 15.0})
        return "The mean is the sum divided by the number of pixels."
"""

from bioimage_course.check import exercises as _package  # noqa: F401  (before the function of the same name)
from bioimage_course.check.engine import (
    Exercise,
    Failure,
    UnknownExercise,
    Verdict,
    exercise,
    exercises,
    find,
)
from bioimage_course.check.expect import (
    call,
    expect_array,
    expect_callable,
    expect_choices,
    expect_labels,
    expect_number,
    expect_parts,
    expect_truth,
    takes,
    to_numpy,
)

__all__ = [
    "Exercise",
    "Failure",
    "UnknownExercise",
    "Verdict",
    "call",
    "exercise",
    "exercises",
    "expect_array",
    "expect_callable",
    "expect_choices",
    "expect_labels",
    "expect_number",
    "expect_parts",
    "expect_truth",
    "progress",
    "quiz",
    "takes",
    "to_numpy",
]


def progress(reset=False, page=None):
    """Print how many exercises are done, chapter by chapter, and where this is remembered.

    Parameters
    ----------
    reset : bool
        Forget everything first.
    page : str or path, optional
        The file that the book's page *Your record* saves: the tasks reached in its explorables are
        printed with the exercises.

    Raises
    ------
    InputError
        If `page` is no such file.
    """
    from bioimage_course.check import record, report
    from bioimage_course.check.engine import say

    reached, unknown = (None, []) if page is None else report.tasks_of(page)
    if reset:
        record.reset()
    say("\n".join(report.table(record.solved(), reached)))
    if unknown:
        say(f"Note: not in this version of the course, and not counted: {', '.join(unknown)}.")
    if record.problem():
        say(f"Note: {record.problem()}; it counts until Python ends.")
    else:
        say(f"Remembered on this machine only, in {record.path()}; check.progress(reset=True) forgets it.")


def quiz(chapter, plain=False):
    """Show the quiz of a chapter.

    Parameters
    ----------
    chapter : str or int
        "01" or 1.
    plain : bool
        Print it as text (with the answers at the end) instead of showing a widget.

    Returns
    -------
    ipywidgets.VBox or None
    """
    from bioimage_course.check import quiz_widget

    return quiz_widget.print_plain(chapter) if plain else quiz_widget.widget(chapter)


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return find(name)


def __dir__():
    return sorted({*__all__, *(item.name for item in exercises())})
