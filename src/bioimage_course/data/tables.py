"""Feature tables, ready made: what a measurement of a built-in image gives."""

from functools import cache

import numpy as np

from bioimage_course.data.synthetic import FeatureTable

H3_THRESHOLD = 20.0
"""Mean grey value of phospho-histone H3 above which a nucleus of ``mitosis`` counts as mitotic.

The gap is wide: no nucleus lies between 12 and 27.
"""

_FEATURES = {
    "area": "pixels",
    "mean intensity": "grey values",
    "aspect ratio": "",
    "solidity": "",
    "texture": "",
    "total intensity": "1000 grey values",
}


def mitosis_table() -> FeatureTable:
    """Features of the 294 nuclei of ``data.load("mitosis")``, and which of them are in mitosis.

    All features are measured in the DNA channel. The class comes from another stain, phospho-histone H3,
    so it is not computed from any of them.

    Returns
    -------
    FeatureTable
        Row ``i`` is the nucleus with label ``i + 1``. Columns: *area* (pixels), *mean intensity*, *aspect
        ratio* (long by short axis of the ellipse with the same moments), *solidity* (area by area of the
        convex hull), *texture* (standard deviation of the intensity by its mean), *total intensity* (area
        times mean intensity, in thousands: how much DNA).

    Examples
    --------
    >>> table = mitosis_table()
    >>> len(table), int(table.classes.sum())
    (294, 21)
    """
    features, classes = (array.copy() for array in _measure())
    return FeatureTable(
        features, classes, tuple(_FEATURES), tuple(_FEATURES.values()), ("interphase", "mitotic")
    )


@cache
def _measure():
    """The columns, in the order of `_FEATURES`, and the classes."""
    from skimage.measure import regionprops_table

    from bioimage_course.data.loading import load

    sample = load("mitosis")
    wanted = "area intensity_mean intensity_std solidity axis_major_length axis_minor_length".split()
    found = regionprops_table(sample.labels, sample.image, properties=wanted)
    area, mean = found["area"], found["intensity_mean-0"]
    aspect_ratio = found["axis_major_length"] / found["axis_minor_length"]
    texture = found["intensity_std-0"] / mean
    features = np.column_stack([area, mean, aspect_ratio, found["solidity"], texture, area * mean / 1000])
    return features, (found["intensity_mean-1"] > H3_THRESHOLD).astype(int)
