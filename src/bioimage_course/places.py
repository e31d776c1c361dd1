"""Where a user's files go, and one sentence where there is no such place.

A container that runs under a foreign user id has no home directory: nothing here takes one for granted.
"""

import os
from pathlib import Path

from bioimage_course.errors import DataUnavailableError


def user_folder(variable: str, kind: str) -> Path:
    """The folder (or file) that an environment variable names, or else the system's folder of that kind.

    Parameters
    ----------
    variable : str
        For example ``"BIOIMAGE_COURSE_CACHE"``.
    kind : {"cache", "data"}

    Raises
    ------
    DataUnavailableError
        If the user has no home directory and the variable names no place either.
    """
    named = os.environ.get(variable)
    try:
        if named:
            return Path(named).expanduser()
        import platformdirs

        folder = Path(getattr(platformdirs, f"user_{kind}_dir")("bioimage-course", appauthor=False))
    except (RuntimeError, KeyError):  # of pathlib and platformdirs, of the list of users
        folder = Path()
    if not folder.is_absolute():
        raise DataUnavailableError(
            f"this user has no home directory: set {variable} to a place that can be written to"
        )
    return folder


def has_home() -> bool:
    """Whether the user has a home directory, be it writable or not."""
    try:
        return Path.home().is_absolute()
    except (RuntimeError, KeyError):
        return False


def name_user() -> None:
    """Give a user without a name one: PyTorch's optimisers look for it and stop where there is none."""
    import getpass

    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        os.environ["USER"] = "course"
