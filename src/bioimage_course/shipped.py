"""What the package ships under ``weights/``: checkpoints, and the results of the scripts that made them."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from bioimage_course import files
from bioimage_course.errors import DataUnavailableError

WEIGHTS = Path(__file__).resolve().parent / "weights"


def results(folder) -> dict:
    """What a script of ``training/`` measured: the content of ``weights/<folder>/results.json``.

    Parameters
    ----------
    folder : str or Path
        Name in ``weights/``, such as ``"race"``; or any other folder.

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged.
    """
    file = WEIGHTS / folder / "results.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataUnavailableError(
            f"The results in {file.parent} are incomplete ({error}); install bioimage-course again."
        ) from None


def arrays(folder, name: str) -> dict[str, np.ndarray]:
    """The arrays in ``weights/<folder>/<name>``, an npz file, read without pickle.

    Parameters
    ----------
    folder : str or Path
        As in `results`.
    name : str
        Of the file.

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged.
    """
    file = WEIGHTS / folder / name
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataUnavailableError(
            f"{file} is missing or damaged ({error}); install bioimage-course again."
        ) from None


def verify(folder, what: str, script: str) -> dict:
    """Compare the sha256 of each file of a checkpoint with its results, which are returned.

    Parameters
    ----------
    folder : str or Path
        As in `results`.
    what, script : str
        For the sentence: "StarDist model", and what makes it anew.

    Raises
    ------
    DataUnavailableError
        If a file is missing or not the one that the results describe.
    """
    about, folder = results(folder), WEIGHTS / folder
    try:
        changed = [name for name, digest in about["files"].items() if files.sha256(folder / name) != digest]
    except (OSError, KeyError) as error:
        raise DataUnavailableError(
            f"The course's {what} in {folder} is incomplete ({error}); install bioimage-course again."
        ) from None
    if changed:
        raise DataUnavailableError(
            f"{changed[0]} of the course's {what} is not the file that its results describe (its sha256 "
            f"differs); install bioimage-course again, or make it anew with training/{script}."
        )
    return about
