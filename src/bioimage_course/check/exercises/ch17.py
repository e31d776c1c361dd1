"""Exercises of chapter 17, from ten images to the whole experiment."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
    expect_parts,
)
from bioimage_course.materials.ch17 import (
    LENGTHS,
    RACES,
    file_names,
    folder_of_fields,
    folder_of_masks,
    in_micrometres,
    told_apart,
)

# --- (1) pixel size and unit ------------------------------


@exercise(
    chapter="17",
    hints=(
        "How many nanometres are a micrometre, and what does a file that says 1.0 pixel really know?",
        "Keep the factors in a dictionary: lengths in nm are divided by 1000, those in mm multiplied by "
        "1000, and so on. A unit that is not in it, and a length of 0 or less, give None.",
        "Some programs write µ with one code and some with another: unit.replace('\\u03bc', '\\u00b5') makes "
        "them the same.",
    ),
)
def pixel_length(convert):
    """Convert what a file says of its pixels to micrometres, or say that it is not known."""
    expect_callable(convert)
    for value, unit in LENGTHS:
        right = in_micrometres(value, unit)
        got = call(convert, value, unit)
        given = f"a pixel of {value!r} {unit!r}"
        if right is None:
            if got is not None:
                raise Failure(f"For {given} nobody knows how large a pixel is: return None, not {got!r}.")
            continue
        if got is None:
            raise Failure(f"For {given} you return None, but the length is known.")
        got = expect_number(got, what=f"the length for {given}")
        if np.isclose(got, right, rtol=1e-6):
            continue
        if np.isclose(got, value, rtol=1e-6):
            raise Failure(
                f"For {given} you hand the number on: {value:g} µm would be {value / right:g} times "
                "too long, and every area wrong by the square of it."
            )
        if np.isclose(got * right, value**2, rtol=1e-6):
            raise Failure(
                f"For {given} you multiply where you should divide, or the other way round: {got:g}."
            )
        raise Failure(f"For {given} you return {got:g}; it is {right:g} µm.")
    return (
        "A length without its unit is a number, and a file without a length is a question for the microscope."
    )


# --- (2) drawn by lot, whole replicates ------------------------------


@exercise(
    chapter="17",
    hints=(
        "If two slices of one mouse are alike, on how many sides of the split may one mouse be?",
        "Collect the mice first: sorted({name.split('_')[0] for name in names}), shuffle them with "
        "np.random.default_rng(seed).permutation(…), and let them go to the test one after the other.",
        "Stop as soon as the test has share * len(names) images or more, and leave at least one mouse for "
        "training.",
    ),
)
def split_by_lot(split):
    """Split images into training and test so that no replicate is on both sides."""
    expect_callable(split)
    tests = []
    for seed, share in ((0, 0.3), (0, 0.3), (1, 0.3), (2, 0.3), (3, 0.3), (4, 0.5), (5, 0.9)):
        names = file_names(seed)
        train, test = (
            list(part)
            for part in expect_parts(
                call(split, names, share, seed, pure=True), 2, "the training and the test images"
            )
        )
        _judge_split(names, train, test, share)
        tests.append(tuple(sorted(test)))
    names = file_names(None)  # here the share is met exactly
    _judge_split(names, *(list(part) for part in call(split, names, 0.5, 0, pure=True)), 0.5)
    if tests[0] != tests[1]:
        raise Failure(
            "Called twice with the same seed it splits differently: use np.random.default_rng(seed)."
        )
    if len({test[0].split("_")[0] for test in tests[1:5]}) == 1:
        raise Failure("Whatever the seed, the same mouse is tested: let the lot decide which.")
    return "No mouse is on both sides, so the test asks what the biologist asks: does it work on a new one?"


def _judge_split(names, train, test, share):
    for part, what in ((train, "training"), (test, "test")):
        if not all(isinstance(name, str) for name in part):
            raise Failure(f"The {what} part must hold file names, such as {names[0]!r}.")
    if sorted(train + test) != sorted(names):
        lost = set(names) - set(train) - set(test)
        both = set(train) & set(test)
        said = (
            f"{sorted(lost)[0]} is on neither"
            if lost
            else f"{sorted(both)[0]} is on both"
            if both
            else ("the parts do not hold the images that were given, each once")
        )
        raise Failure(f"Every image belongs to one side: {said}.")
    if not train or not test:
        raise Failure("One side is empty: leave one mouse for training, and one for the test, at least.")
    mice = [{name.split("_")[0] for name in part} for part in (train, test)]
    if mixed := sorted(mice[0] & mice[1]):
        raise Failure(
            f"{mixed[0]} is on both sides: its slices resemble each other, so the test is too easy. "
            "Draw mice, not images."
        )
    if len(test) < share * len(names) and len(mice[0]) > 1:
        raise Failure(
            f"The test should have {share:.0%} of {len(names)} images at least; it has {len(test)}."
        )
    sizes = [sum(name.startswith(mouse + "_") for name in test) for mouse in mice[1]]
    if all(len(test) - size >= share * len(names) for size in sizes):
        raise Failure(
            f"The test has {len(sizes)} mice, though fewer would do: each of them is missing in training. "
            "Stop when the share is reached."
        )


# --- (3) five spoilt masks ------------------------------


@exercise(
    chapter="17",
    hints=(
        "What does the label doctor say of a mask that is fine, and how could a loop tell it from the "
        "others?",
        "Collect the number of every pair whose data.diagnose(image, labels).healthy is False.",
    ),
)
def spoilt_masks(find):
    """Find the spoilt masks in a folder of eight."""
    from bioimage_course import data

    expect_callable(find)
    for seed in (0, 1):
        pairs = folder_of_masks(seed)
        got = call(find, pairs)
        try:
            numbers = sorted({int(number) for number in got})
        except (TypeError, ValueError):
            raise Failure(f"Return a list of numbers, such as [0, 3], not {type(got).__name__}.") from None
        spoilt = [i for i, pair in enumerate(pairs) if not data.diagnose(*pair).healthy]
        if numbers == [i for i in range(8) if i not in spoilt]:
            raise Failure("You return the masks that are fine: healthy is True where nothing was found.")
        if extra := [i for i in numbers if i not in spoilt]:
            raise Failure(f"Number {extra[0]} is fine, but your list has it.")
        if missed := [i for i in spoilt if i not in numbers]:
            found = data.diagnose(*pairs[missed[0]])
            raise Failure(f"Number {missed[0]} is missing in your list. {found.findings[0].sentence}")
    return "Five of eight, and none of them would have stopped a training: the loss falls all the same."


# --- (4) one scale for the folder ------------------------------


def _fields(seed):
    """A generator of images, each in the same memory, as one reads a folder that does not fit."""
    images = folder_of_fields(seed)
    for image in images:
        buffer = image.copy()
        yield buffer
        buffer[:] = 0  # gone: the next image takes its place


@exercise(
    chapter="17",
    hints=(
        "Which numbers must you remember of an image that you will not see again, if in the end only counts "
        "how often each grey value occurs?",
        "Count instead of collecting: counts = np.zeros(65536, int), and for each image counts += "
        "np.bincount(image.ravel(), minlength=65536).",
        "large.percentiles(counts, (1, 99.8)) turns such counts into the two limits.",
    ),
)
def folder_limits(limits):
    """Percentiles 1 and 99.8 of all pixels of a folder, one image after the other."""
    expect_callable(limits)
    for seed in (0, 1):
        images = folder_of_fields(seed)
        together = np.concatenate([image.ravel() for image in images])
        right = np.percentile(together, (1, 99.8))
        each = np.array([np.percentile(image, (1, 99.8)) for image in images])
        got = call(limits, _fields(seed))
        got = expect_array(got, shape=(2,), dtype="number", what="your pair of limits")
        lower, higher = (np.percentile(together, (1, 99.8), method=m) for m in ("lower", "higher"))
        if np.all((got >= lower - 1.5) & (got <= higher + 1.5)):  # ways to interpolate differ
            continue
        wrong = {
            "You average the limits of the images: the empty one then counts as much as the full ones, and a "
            "small one as much as a large one. Count all pixels together.": each.mean(axis=0),
            "You take the medians of the images' limits; count the grey values of all images "
            "together.": np.median(each, axis=0),
            "You take the extremes of the images' limits: one bright image decides for all.": (
                each[:, 0].min(),
                each[:, 1].max(),
            ),
            "These are minimum and maximum: one hot pixel decides. Wanted are the percentiles 1 and 99.8.": (
                together.min(),
                together.max(),
            ),
            "These are the limits of the last image alone.": each[-1],
            "These are the limits of the first image alone.": each[0],
            "The two limits are exchanged: first the percentile 1, then 99.8.": right[::-1],
        }
        for sentence, values in wrong.items():
            if np.all(np.abs(got - np.asarray(values, float)) <= 1.5):
                raise Failure(sentence)
        if not got.any():
            raise Failure(
                "The images come in the same memory, one after the other: if you collect them in a "
                "list, all that is left of each is zeros. Deal with each image as it comes."
            )
        raise Failure(
            f"For a folder with the limits {right[0]:.0f} and {right[1]:.0f} you give {got[0]:.0f} and "
            f"{got[1]:.0f}."
        )
    return (
        "One scale for the folder, whatever its size: an empty well stays dark, and brighter means brighter."
    )


# --- (5) are there enough images to tell? ------------------------------


@exercise(
    chapter="17",
    hints=(
        "Five images of one mouse: how many mice does a comparison on them speak about?",
        "metrics.paired_difference(first, second, groups=mice) has .low and .high. Where zero lies between "
        "them, the images cannot tell.",
        'With fewer than two different mice there is no interval at all: answer "too few" before you ask '
        "for one.",
    ),
)
def tell_apart(judge):
    """Say which of two tools is better, or that so few replicates cannot tell."""
    expect_callable(judge)
    for first, second, mice in RACES:
        right = told_apart(first, second, mice)
        got = call(judge, np.array(first), np.array(second), list(mice))
        if got not in ("first", "second", "too few"):
            raise Failure(f'Answer "first", "second" or "too few", not {got!r}.')
        if got == right:
            continue
        given = f"{len(first)} images of {len(set(mice))} {'mouse' if len(set(mice)) == 1 else 'mice'}"
        if right == "too few" and len(set(mice)) == 1:
            raise Failure(f"{given}: there is nothing to compare mice with. You answer {got!r}.")
        if right == "too few":
            raise Failure(
                f"{given}: you answer {got!r}, but the interval over mice includes zero. Did you "
                "take the images as units, or the means alone?"
            )
        if got == "too few":
            raise Failure(
                f"{given}, and the {right} tool is ahead in all of them by nearly the same: they are "
                "enough to tell."
            )
        raise Failure(f"{given}: the {right} tool is ahead, not the {got} one.")
    return "A tool is chosen on replicates. Where they cannot tell, the cheaper tool is a good choice."
