"""Remember on the learner's own machine which exercises were solved.

One small JSON file in the user's data folder; the environment variable
``BIOIMAGE_COURSE_PROGRESS`` names another file. Nothing is ever sent anywhere.
"""

import contextlib
import json
import os
import time

from bioimage_course import files, places
from bioimage_course.errors import DataUnavailableError

#: Solved while this Python runs: name -> chapter; counts even where nothing can be saved.
_session = {}
_problem = None


def path():
    """pathlib.Path: The progress file (it need not exist).

    Raises
    ------
    DataUnavailableError
        If the user has no home directory and BIOIMAGE_COURSE_PROGRESS names no file.
    """
    folder = places.user_folder("BIOIMAGE_COURSE_PROGRESS", "data")
    return folder if os.environ.get("BIOIMAGE_COURSE_PROGRESS") else folder / "progress.json"


def note(name, chapter):
    """Note that an exercise is solved; a folder that cannot be written does not matter."""
    _session[name] = chapter
    if name not in _stored():
        _write({**_stored(), **_session})


def solved():
    """dict: Solved exercises, name -> chapter."""
    return {**_stored(), **_session}


def reset():
    """Forget everything."""
    _session.clear()
    _write({})


def problem():
    """str or None: Why progress could not be saved, if so."""
    return _problem or _no_place()


def _no_place():
    """Why there is no place for the progress file, or None."""
    try:
        path()
    except DataUnavailableError as error:
        return f"progress could not be saved, because {error}"


def _stored():
    try:
        file = path()
        entries = json.loads(file.read_text(encoding="utf-8"))["solved"]
        return {str(name): str(chapter) for name, chapter in entries.items()}
    except (OSError, DataUnavailableError):
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        _keep_aside(file)
        return {}


def _keep_aside(file):
    """Rename a file that is not ours or is damaged, so that nothing in it is lost."""
    with contextlib.suppress(OSError):
        for number in range(1000):
            aside = file.with_name(f"{file.stem}-damaged-{time.strftime('%Y%m%d')}-{number}{file.suffix}")
            if not aside.exists():
                os.replace(file, aside)
                return


def _write(entries):
    global _problem
    _problem = _no_place()
    if _problem:
        return
    file = path()
    try:
        files.save_json(file, {"solved": dict(sorted(entries.items()))})
        _problem = None
    except OSError as error:
        _problem = f"progress could not be saved in {file} ({error.strerror or error})"
