"""Chapter 17: exercises tell right answers and usual mistakes apart; pictures are not old."""

import re

import numpy as np
import pytest
from PIL import Image

from bioimage_course import check, data, large
from bioimage_course.materials import ch17
from bioimage_course.materials.ch17 import folder_of_masks
from coursebook.project import Project
from exercise_cells import FOLDER, Chapter, failure

CHAPTER = Chapter("17-own-images", data=data, large=large)


def solution(name):
    """The function that the notebook's solution of an exercise defines."""
    from bioimage_course import metrics

    names = dict(CHAPTER.names) | {"metrics": metrics}
    (text,) = CHAPTER.texts("solution", name)
    exec(text, names)
    return names[re.search(r"^def (\w+)", text, re.MULTILINE)[1]]


@pytest.mark.parametrize("name", ["pixel_length", "split_by_lot", "tell_apart", "folder_limits"])
def test_solutions_pass(name):
    assert getattr(check, name).verdict(solution(name)).status == "passed"


# --- (1) ------------------------------


@pytest.mark.parametrize(
    ("convert", "sentence"),
    [
        (lambda value, unit: value, "hand the number on"),
        (lambda value, unit: value if unit == "µm" else None, "the length is known"),
        (lambda value, unit: value * {"µm": 1, "nm": 1000}.get(unit, 1), "multiply where you should divide"),
        (lambda value, unit: ch17.in_micrometres(value, unit) or value, "nobody knows"),
        (lambda value, unit: 2 * (ch17.in_micrometres(value, unit) or 0) or None, "it is 0.25"),
        (
            lambda value, unit: ch17.in_micrometres(value, unit) if unit != "\u03bcm" else None,
            "the length is",
        ),
        (lambda value, unit: "0.25 µm", "length for"),
    ],
)
def test_wrong_lengths(convert, sentence):
    assert sentence in failure("pixel_length", convert)


# --- (2) ------------------------------


def by_image(names, share, seed):
    order = np.random.default_rng(seed).permutation(names)
    count = int(np.ceil(share * len(names)))
    return list(order[count:]), list(order[:count])


def whole_mice(names, share, seed, lot=True, most=False, keep=True):
    mice = sorted({name.split("_")[0] for name in names})
    if lot:
        mice = list(np.random.default_rng(seed).permutation(mice))
    tested = []
    for mouse in mice[: -1 if keep else None]:
        if not most and sum(n.split("_")[0] in tested for n in names) >= share * len(names):
            break
        tested.append(mouse)
    inside = [n for n in names if n.split("_")[0] in tested]
    return [n for n in names if n not in inside], inside


def by_first_letters(names, share, seed):
    """mouse10 is taken for mouse1."""
    return by_name(names, share, seed, lambda name, mouse: name[:6] == mouse[:6])


def by_beginning(names, share, seed):
    """When mouse1 is tested, so is mouse10."""
    return by_name(names, share, seed, str.startswith)


def by_name(names, share, seed, belongs):
    inside = []
    for mouse in np.random.default_rng(seed).permutation(sorted({n.split("_")[0] for n in names}))[:-1]:
        if len(inside) >= share * len(names):
            break
        inside += [n for n in names if belongs(n, mouse) and n not in inside]
    return [n for n in names if n not in inside], inside


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (by_image, "is on both sides: its slices"),
        (lambda names, share, seed: whole_mice(names, share, seed, lot=False), "Whatever the seed"),
        (
            lambda names, share, seed: whole_mice(names, share, np.random.default_rng().integers(1 << 30)),
            "Called twice",
        ),
        (lambda names, share, seed: whole_mice(names, share, seed, most=True), "fewer would do"),
        (lambda names, share, seed: whole_mice(names, 0.01, seed), "at least; it has"),
        (lambda names, share, seed: whole_mice(names, share, seed)[::-1], "fewer would do"),
        (by_first_letters, "though fewer would do"),
        (by_beginning, "though fewer would do"),
        (lambda names, share, seed: (names, []), "One side is empty"),
        (lambda names, share, seed: (names[:-1], names[-2:]), "is on both"),
        (lambda names, share, seed: (names[:3], names[5:]), "is on neither"),
        (lambda names, share, seed: ([0, 1], [2]), "must hold file names"),
    ],
)
def test_wrong_splits(split, sentence):
    assert sentence in failure("split_by_lot", split)


# --- (3) ------------------------------


@pytest.mark.parametrize("seed", range(3))
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


# --- (4) ------------------------------


@pytest.mark.parametrize(
    ("judge", "sentence"),
    [
        (lambda a, b, mice: "first" if a.mean() > b.mean() else "second", "there is nothing to compare"),
        (lambda a, b, mice: "too few", "they are enough to tell"),
        (
            lambda a, b, mice: {"first": "second", "second": "first"}.get(ch17.told_apart(a, b, mice)),
            "is ahead",
        ),
        (
            lambda a, b, mice: ch17.told_apart(a, b, range(len(mice))) if len(set(mice)) > 1 else "too few",
            "over mice",
        ),
        (lambda a, b, mice: None, "Answer"),
    ],
)
def test_wrong_judgements(judge, sentence):
    assert sentence in failure("tell_apart", judge)


# --- (5) ------------------------------


def collected(images):
    together = np.concatenate([image.ravel() for image in list(images)])
    return np.percentile(together, (1, 99.8))


def every(images):
    return np.array([np.percentile(image, (1, 99.8)) for image in images])


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (collected, "same memory"),
        (lambda images: every(images).mean(axis=0), "average the limits"),
        (lambda images: np.median(every(images), axis=0), "medians"),
        (lambda images: (every(images)[:, 0].min(), 1e9), "you give"),
        (lambda images: every(images)[0], "first image alone"),
        (lambda images: every(images)[-1], "last image alone"),
        (lambda images: solution("folder_limits")(images)[::-1], "exchanged"),
    ],
)
def test_wrong_limits(limits, sentence):
    assert sentence in failure("folder_limits", limits)


# --- untouched starters, screenshots ------------------------------


@pytest.mark.parametrize(
    "name", ["pixel_length", "split_by_lot", "spoilt_masks", "tell_apart", "folder_limits"]
)
def test_untouched_starters_are_not_done_yet(name):
    names = dict(CHAPTER.names)
    (text,) = CHAPTER.texts("exercise", name)
    exec(text, names)
    function = names[re.search(r"^def (\w+)", text, re.MULTILINE)[1]]
    assert getattr(check, name).verdict(function).status == "open"


def test_the_screenshots_show_the_napari_of_the_lock_file():
    root = Project.find(FOLDER).root
    locked = re.search(
        r"^napari==(\S+)", (root / "requirements/course.lock").read_text("utf-8"), re.MULTILINE
    )[1]
    pictures = sorted((root / "book/assets/annotation").glob("napari-*.png"))
    assert len(pictures) == 2
    assert {Image.open(path).text["napari"] for path in pictures} == {locked}, "run coursebook.napari_screens"
