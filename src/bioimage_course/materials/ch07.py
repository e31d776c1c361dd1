"""Materials of chapter 7."""

from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np

from bioimage_course import data

FEATURES = (0, 1, 2)
"""Area, mean intensity, aspect ratio: columns of the table that the small forest gets."""
NUCLEUS = 28
"""Row of the nucleus that is explained: a mitotic one that the forest was not trained on."""


def coalition_value(predict, x, background, known):
    """Mean prediction when the features in `known` are those of `x` and the others are the background's."""
    mixed = np.array(background, float)
    mixed[:, list(known)] = np.asarray(x, float)[list(known)]
    return float(np.mean(predict(mixed)))


def shapley_values(value, n):
    """Shapley values of `n` players, from all orders; `value` takes a tuple of players."""
    credit = np.zeros(n)
    for order in permutations(range(n)):
        for place, player in enumerate(order):
            credit[player] += value(order[: place + 1]) - value(order[:place])
    return credit / factorial(n)


def halves(classes):
    """Rows of the training nuclei and of the others, the same as in the notebook."""
    from sklearn.model_selection import train_test_split

    return train_test_split(np.arange(len(classes)), test_size=0.5, stratify=classes, random_state=0)


@lru_cache
def small_forest():
    """The notebook's forest of 20 shallow trees on three features, and the table."""
    from sklearn.ensemble import RandomForestClassifier

    table = data.mitosis_table()
    training, _ = halves(table.classes)
    forest = RandomForestClassifier(
        20, max_depth=4, min_samples_leaf=2, class_weight="balanced_subsample", random_state=0
    )
    return forest.fit(table.features[training][:, FEATURES], table.classes[training]), table
