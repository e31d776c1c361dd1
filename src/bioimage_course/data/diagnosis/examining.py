"""`diagnose`: the examinations in their order."""

import numpy as np

from bioimage_course import arguments
from bioimage_course.data.diagnosis import fitting, shapes, values
from bioimage_course.data.diagnosis.findings import Diagnosis, Notes
from bioimage_course.errors import InputError


def diagnose(image, labels=None) -> Diagnosis:
    """Look for what is commonly wrong with a label image of one's own.

    Parameters
    ----------
    image : array, Sample or None
        (Y, X) or (Z, Y, X), channels first or last; with None only the labels are looked at.
    labels : array of any real numbers
        As read from the file. May be left out for a `Sample`, which has its labels with it.

    Returns
    -------
    Diagnosis
        Its ``findings``, each with a sentence and the places; ``repair()`` gives new labels in which all is
        mended that needs no guess; ``figure()`` draws where.

    Raises
    ------
    InputError
        If an argument is no array of numbers, or has more axes than a stack. What an array of numbers may
        have wrong is a finding, no error.

    Examples
    --------
    >>> from bioimage_course import data
    >>> nuclei = data.load("nuclei")
    >>> data.diagnose(nuclei.image, nuclei.labels).healthy
    True
    >>> mask = (nuclei.labels > 0).astype("uint8") * 255
    >>> data.diagnose(nuclei.image, mask).names[0]
    'binary'
    """
    if labels is None:
        labels = getattr(image, "labels", None)
        if labels is None:
            raise InputError("diagnose(image, labels) needs the labels, or a Sample that has some.")
    given = arguments.array(labels, "the label image", axes=True)
    if given.ndim < 2:
        raise InputError(f"a label image has rows and columns, but this one has the shape {given.shape}.")
    if given.ndim - (given.shape[-1] in (3, 4)) > 3:
        raise InputError(
            f"labels are examined plane by plane or stack by stack, but these have the shape {given.shape}; "
            "hand over one (Y, X) or (Z, Y, X) at a time."
        )
    pixels = None if image is None else arguments.pixels(image)
    notes = Notes(given)
    for examine in _examinations(pixels, given):
        examine(notes)
        if notes.stopped:
            break
    return Diagnosis(
        tuple(notes.findings),
        tuple(notes.not_judged),
        pixels,
        given,
        notes.labels if notes.readable else None,
    )


def _examinations(image: np.ndarray | None, given: np.ndarray):
    """Each may mend what would mislead those after it."""
    if image is None:
        colour = given.ndim == 3 and given.shape[-1] in (3, 4) and given.dtype.kind in "ui"
        dimensions = 2 if colour else given.ndim
    else:
        dimensions = image.ndim if image.shape[-1] not in (3, 4) else image.ndim - 1
    yield lambda notes: values.colours(notes, dimensions)
    yield values.numbers
    if image is not None:
        yield lambda notes: fitting.size(notes, image)
        yield fitting.itself
    yield values.emptiness
    yield values.background
    yield values.interpolation
    yield values.instances
    yield shapes.fragments
    yield fitting.place
    yield shapes.merged
    yield fitting.unlabelled
