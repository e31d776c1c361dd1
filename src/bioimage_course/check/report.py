"""The learner's record as a table: exercises and, from a file that the book saves, its explorables' tasks."""

import datetime
import json
import textwrap
from pathlib import Path

from bioimage_course.check.engine import chapters, exercises, number
from bioimage_course.errors import InputError

WIDE = 64  # characters of the last column
HOW = "save it anew on the book's page “Your record”"


def table(done, reached=None):
    """Lines of the table.

    Parameters
    ----------
    done : collection of str
        Names of the exercises that are solved.
    reached : dict, optional
        Tasks that are reached, as `tasks_of` reads them; without it only exercises are listed.

    Returns
    -------
    list of str
    """
    with_tasks = reached is not None
    head = ("Chapter", *(("Exercises", "Tasks") if with_tasks else ("Done",)), "Still to do")
    rows, counts = [head, None], []
    for chapter in _chapters(with_tasks):
        here = [_exercises(chapter, done)] + ([_tasks(chapter, reached)] if with_tasks else [])
        counts.append([(total - len(left), total) for left, total in here])
        words = [word for left, _ in here for word in left]
        lines = textwrap.wrap(", ".join(words), WIDE - 11 * with_tasks, break_on_hyphens=False)
        first, *more = lines or ["–"]
        rows.append((chapter, *(f"{n}/{of}" for n, of in counts[-1]), first))
        rows += [("",) * (len(head) - 1) + (line,) for line in more]
    totals = [map(sum, zip(*column, strict=True)) for column in zip(*counts, strict=True)]
    rows += [None, ("all", *(f"{n}/{of}" for n, of in totals), "")]
    widths = [max(len(row[column]) for row in rows if row) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row or rule, widths, strict=True)).rstrip()
        for row in rows
    ]


def _chapters(with_tasks):
    """Chapters that have something to do, in the order of the book."""
    found = list(dict.fromkeys(item.chapter for item in exercises()))
    more = [chapter for chapter in chapters() if with_tasks and chapter not in found and _all_tasks(chapter)]
    order = [*chapters(), *found]
    return sorted([*found, *more], key=order.index)


def _exercises(chapter, done):
    """What is left of a chapter's exercises, in words, and how many there are."""
    items = exercises(chapter)
    left = [item for item in items if item.name not in done]
    words = [
        item.name if number(item) is None else f"{number(item)}\N{NO-BREAK SPACE}{item.name}" for item in left
    ]
    return words, len(items)


def _all_tasks(chapter):
    from bioimage_course.explore import tasks

    return [task for task in tasks.tasks() if task.tag in chapters().get(chapter, ())]


def _tasks(chapter, reached):
    """What is left of the tasks of a chapter's explorables, in words, and how many there are."""
    items = _all_tasks(chapter)
    left = [f"{task.tag.removesuffix('-explorer')}/{task.name}" for task in items if task.id not in reached]
    return left, len(items)


def tasks_of(page):
    """Tasks that the book's page says are reached.

    Parameters
    ----------
    page : str or path
        The file that the book's page *Your record* saves.

    Returns
    -------
    reached : dict
        Task -> date, as text.
    unknown : list of str
        Tasks in the file that this version of the course does not have.

    Raises
    ------
    InputError
        If it is no such file.
    """
    from bioimage_course.explore import tasks

    entries = _entries(page)
    known = {task.id for task in tasks.tasks()}
    return {name: date for name, date in entries.items() if name in known}, sorted(set(entries) - known)


def _entries(page):
    if not isinstance(page, str | Path):
        raise InputError(f"page must be the path of a saved record, not {type(page).__name__}.")
    try:
        record = json.loads(Path(page).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise InputError(f"The record {str(page)!r} could not be read ({reason}); {HOW}.") from None
    except (ValueError, RecursionError):
        raise InputError(f"{str(page)!r} is no record, because it is not JSON; {HOW}.") from None
    if not isinstance(record, dict) or record.get("course") != "bioimage-course":
        raise InputError(f"{str(page)!r} is no record of this course's tasks; {HOW}.")
    entries = record.get("tasks")
    if not isinstance(entries, dict) or not all(map(_is_date, entries.values())):
        raise InputError(f"The record {str(page)!r} is damaged: a task has no date; {HOW}.")
    return entries


def _is_date(text):
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False
