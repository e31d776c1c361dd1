"""Split by crop against split by image on real blood cells (``training/real_splits.py``).

``weights/real-splits/results.json`` holds the balanced accuracy of three methods for eight seeds, two
questions and two splits, on what was held out and on new images; ``cells.csv`` beside it the mean colours of
some red cells with the number of the image of each (BCCD, MIT, © 2017 shenggan).
"""

from dataclasses import dataclass

import numpy as np

from bioimage_course import shipped
from bioimage_course.errors import DataUnavailableError
from bioimage_course.metrics import paired_difference
from bioimage_course.results._measured import known

FOLDER = shipped.WEIGHTS / "real-splits"
QUESTIONS = {"lottery": "treated or not, by lot", "kinds": "red cell, white cell or platelet"}
METHODS = ("CNN", "forest on colour", "logistic regression on colour")
SPLITS = ("crop", "image")


@dataclass(frozen=True)
class Cells:
    """Real red cells as a table.

    Attributes
    ----------
    features : ndarray of float, shape (n, 6)
        Mean and standard deviation of the red, green and blue grey values of each crop.
    images : ndarray of int, shape (n,)
        Number of the image from which each cell was cut.
    names : tuple of str
        Names of the six columns.
    """

    features: np.ndarray
    images: np.ndarray
    names: tuple


def results():
    """What ``training/real_splits.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/real-splits/results.json``.
    """
    return shipped.results("real-splits")


def cells():
    """The red cells that the course carries along.

    Returns
    -------
    Cells

    Raises
    ------
    DataUnavailableError
        If the table is missing or damaged.

    Examples
    --------
    >>> table = cells()
    >>> table.features.shape[1], len(np.unique(table.images))
    (6, 24)
    """
    file = FOLDER / "cells.csv"
    try:
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        table = np.array([[float(value) for value in row.split(",")] for row in rows])
        return Cells(table[:, 1:], table[:, 0].astype(int), tuple(header.split(",")[1:]))
    except (OSError, ValueError, IndexError) as error:
        raise DataUnavailableError(
            f"The table of cells in {FOLDER} is incomplete ({error}); install bioimage-course again."
        ) from None


def scores(question, split, method="CNN"):
    """Balanced accuracies in per cent, one row a seed.

    Parameters
    ----------
    question : {"kinds", "lottery"}
    split : {"crop", "image"}
    method : str
        One of `METHODS`.

    Returns
    -------
    ndarray of float, shape (seeds, 2)
        On the crops that were held out (what a study would report), and on new images.

    Raises
    ------
    InputError
        If there is no such question, split or method.
    """
    known(question, QUESTIONS)
    known(split, SPLITS)
    known(method, METHODS)
    return 100 * np.array([seed[split][method] for seed in results()["tasks"][question].values()])


def optimism(question, split, method="CNN"):
    """By how many points the held-out crops promise more than new images keep, seed by seed.

    Parameters
    ----------
    question, split, method
        As in `scores`.

    Returns
    -------
    metrics.PairedDifference
    """
    reported, new = scores(question, split, method).T
    return paired_difference(reported, new)


def table():
    """All questions, splits and methods, for ``show.table``.

    Returns
    -------
    list of dict
        Mean score in per cent on the crops that were held out and on new images, and the optimism.

    Examples
    --------
    >>> [row["split"] for row in table()[:4]]
    ['by crop', 'by crop', 'by crop', 'by image']
    """
    rows = []
    for question, title in QUESTIONS.items():
        for split in SPLITS:
            for method in METHODS:
                reported, new = scores(question, split, method).mean(axis=0)
                gap = f"{optimism(question, split, method):.1f}".partition(", ")[0]
                rows.append(
                    {
                        "question": title,
                        "split": f"by {split}",
                        "method": method,
                        "reported (%)": f"{reported:.0f}",
                        "new images (%)": f"{new:.0f}",
                        "reported − new (points)": gap,
                    }
                )
    return rows
