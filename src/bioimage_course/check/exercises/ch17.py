"""Exercises of chapter 17, from ten images to the whole experiment."""

from bioimage_course.check import Failure, call, exercise, expect_callable
from bioimage_course.materials.ch17 import folder_of_masks

# --- (1) five spoilt masks ------------------------------


@exercise(
    chapter="17",
    hints=(
        "What does data.diagnose say of a mask that is fine, and how could a loop tell it from the others?",
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
