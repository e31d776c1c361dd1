"""Chapter 17: the exercises tell right answers, usual mistakes and untouched starters apart."""

import pytest

from bioimage_course import data
from bioimage_course.materials.ch17 import folder_of_masks
from exercise_cells import failure


@pytest.mark.parametrize("seed", range(4))
def test_five_of_eight_masks_are_spoilt_each_in_another_way(seed):
    named = [data.diagnose(*pair).names for pair in folder_of_masks(seed)]
    assert sorted(names[0] for names in named if names) == [
        "binary",
        "fragments",
        "interpolated",
        "shifted",
        "unlabelled",
    ]


def one_number(pairs):
    """Only binary masks."""
    return [i for i, (_, labels) in enumerate(pairs) if labels.max() == 1]


@pytest.mark.parametrize(
    ("find", "sentence"),
    [
        (lambda pairs: [i for i, p in enumerate(pairs) if data.diagnose(*p).healthy], "that are fine"),
        (lambda pairs: range(8), "is fine, but"),
        (one_number, "is missing in your list"),
        (lambda pairs: 5, "list of numbers"),
        (lambda pairs: [data.diagnose(*p) for p in pairs], "list of numbers"),
    ],
)
def test_wrong_lists(find, sentence):
    assert sentence in failure("spoilt_masks", find)
