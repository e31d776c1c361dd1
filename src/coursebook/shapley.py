"""Write the forest, the background and the nuclei that `shapley-explorer.js` shows into this script.

    python -m coursebook.shapley

They are those of chapter 7: 20 shallow trees on area, mean intensity and aspect ratio of the built-in sample
``mitosis``, the first 100 training nuclei, and six nuclei that the forest was not trained on. Tests check
that the script is in step.
"""

import json

import numpy as np

from coursebook.explorable_data import SCRIPTS, constants, png, write

SCRIPT = SCRIPTS / "shapley-explorer.js"
NUCLEI = {
    28: "mitotic, 28",
    97: "mitotic, small, 97",
    205: "false alarm, 205",
    258: "interphase, large, 258",
    94: "interphase, small and bright, 94",
    47: "interphase, ordinary, 47",
}
"""Rows of the table, and what the list calls them."""
SIDE = 28  # pixels of a picture


def nested(tree, node: int = 0):
    """A tree as nested lists [feature, threshold, left, right]; a leaf is its share of mitotic nuclei."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left == right:
        shares = tree.value[node][0]
        return round(float(shares[1] / shares.sum()), 4)
    threshold = round(float(tree.threshold[node]), 4)
    return [int(tree.feature[node]), threshold, nested(tree, left), nested(tree, right)]


def pictures(rows) -> str:
    """The DNA pictures of some nuclei side by side, as a PNG in a data address."""
    from skimage.measure import regionprops

    from bioimage_course import data

    sample = data.load("mitosis")
    centres = {region.label: region.centroid for region in regionprops(sample.labels)}
    padded = np.pad(np.sqrt(sample.image[..., 0] / 255.0), SIDE)
    cuts = []
    for row in rows:
        top, left = (round(c) + SIDE - SIDE // 2 for c in centres[row + 1])
        cuts.append(padded[top : top + SIDE, left : left + SIDE])
    return png(np.rint(255 * np.hstack(cuts)).astype(np.uint8))


def block() -> str:
    """The constants as JavaScript."""
    from bioimage_course.materials import ch07

    forest, table = ch07.small_forest()
    training, _ = ch07.halves(table.classes)
    features = np.round(table.features[:, ch07.FEATURES], 3)

    def rows(numbers):
        return [[*features[i].tolist(), int(table.classes[i])] for i in numbers]

    values = {
        "FOREST": [nested(member.tree_) for member in forest.estimators_],
        "BACKGROUND": rows(training[:100]),
        "NUCLEI": [[name, *row] for name, row in zip(NUCLEI.values(), rows(NUCLEI), strict=True)],
        "SIDE": SIDE,
        "PICTURES": pictures(NUCLEI),
    }
    return constants(**{name: json.dumps(value, separators=(",", ":")) for name, value in values.items()})


if __name__ == "__main__":
    write(SCRIPT, block)
