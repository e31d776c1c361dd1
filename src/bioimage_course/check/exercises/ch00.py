"""Exercises of chapter 0, images as arrays."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
)


def _random_image(shape, seed, low=0, high=256, dtype=np.uint8):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def _pair(value, what, example):
    """The two things of a tuple or list."""
    if value is None:
        raise Failure(f"Your function returns nothing; did you forget `return`? Return two things, {what}.")
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Failure(f"Return two things, {what}, separated by a comma: `return {example}`.")
    return value


# --- warm-up: one pixel ------------------------------


@exercise(
    chapter="00",
    hints=(
        "Which comes first in the brackets, the row or the column? And does counting start at 0 or at 1?",
        "Rows come first and count from 0: row 40, column 60 is image[40, 60].",
    ),
)
def one_pixel(look):
    """Read the value of the pixel in row 40, column 60."""
    expect_callable(look)
    for shape, seed in (((100, 120), 0), ((64, 200), 1)):
        image = np.random.default_rng(seed).permutation(shape[0] * shape[1]).reshape(shape)
        mistakes = {
            "You count from 1: the first row is row 0, so row 40 is simply image[40, …].": image[39, 59],
        }
        if shape[0] > 60:
            mistakes["Rows and columns are swapped: the row comes first, image[row, column]."] = image[60, 40]
        answer = call(look, image)
        if np.shape(answer) == shape:
            raise Failure("You return the whole image; pick one pixel with image[row, column].")
        value = np.asarray(answer)
        if value.ndim == 1 and value.shape == (shape[1],):
            raise Failure("You return a whole row; name the column too: image[row, column].")
        if value.ndim == 0 and value.dtype.kind in "iuf" and value not in image:
            raise Failure(
                f"{value} does not occur in the check's image: pick the number from `image`, do not type it."
            )
        expect_number(answer, close_to=image[40, 60], what="the value", mistakes=mistakes)
    return "One pixel is one number, and image[row, column] is its address."


# --- the impossible pixel ------------------------------


def _places(value, shape):
    """A list of (row, column) as a set of pairs."""
    if isinstance(value, np.ndarray) and value.dtype == bool:
        raise Failure(
            "You return the mask itself; np.argwhere(mask) gives the rows and columns where it is True."
        )
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, np.ndarray) for part in value):
        value = np.stack(value, axis=1)  # what np.nonzero and np.where return
    try:
        if np.asarray(value).size == 0:
            return set()
    except (TypeError, ValueError):
        pass
    table = expect_array(value, what="your list of places")
    if table.shape == (2,):
        table = table[None]
    if table.ndim != 2 or table.shape[1] != 2:
        raise Failure(f"Return one [row, column] for each place, not an array of shape {table.shape}.")
    return {tuple(place) for place in table.astype(int).tolist()}


@exercise(
    chapter="00",
    hints=(
        "With 8 bits there are 256 values and zero is one of them, so which is the largest? And can there "
        "be values below zero?",
        "mask = (table < 0) | (table > 255) marks what cannot be, np.argwhere(mask) lists where it is.",
    ),
)
def impossible_pixels(find):
    """Find the pixels that an 8-bit image cannot contain."""
    expect_callable(find)
    printed = np.full((9, 9), 120)
    printed[4, 0] = 277
    second = _random_image((6, 8), 2, dtype=int)
    second[1, 2], second[2, 5], second[3, 1], second[0, 7] = 256, 255, -1, 0
    for table, wanted in ((printed, {(4, 0)}), (second, {(1, 2), (3, 1)}), (second[4:], set())):
        answer = call(find, table, pure=True)
        if (
            answer is not None
            and np.ndim(answer) == 1
            and sorted(np.ravel(answer)) == sorted(table[place] for place in wanted)
            and wanted
            and np.size(answer) != 2
        ):
            raise Failure("You return the values; asked are their places, one [row, column] each.")
        places = _places(answer, table.shape)
        if places == wanted:
            continue
        if places == {(column, row) for row, column in wanted}:
            raise Failure("Rows and columns are swapped: the row comes first.")
        if wanted and places == {(row + 1, column + 1) for row, column in wanted}:
            raise Failure("Rows and columns count from 0, not from 1.")
        if (2, 5) in places and table is second:
            raise Failure("255 is still possible: with 8 bits the values run from 0 to 255.")
        if (0, 7) in places and table is second:
            raise Failure("0 is a value like any other: with 8 bits the values run from 0 to 255.")
        if table is second and (1, 2) not in places and (3, 1) in places:
            raise Failure("You miss a 256: counted from 0, the last of 256 values is 255.")
        if table is second and (3, 1) not in places and (1, 2) in places:
            raise Failure("You miss a −1: unsigned 8-bit values are never negative.")
        raise Failure(
            f"In a table with impossible values at {sorted(wanted) or 'no place'} you find "
            f"{sorted(places) or 'none'}."
        )
    return "277 needs nine bits: whoever printed that table did not copy it from an 8-bit image."


# --- a camera: sampling and quantisation ------------------------------


def _scene(levels, offset, size, steps, seed=0):
    """Light on a fine grid whose squares have the means (levels + offset) / steps; inside them it varies."""
    rng = np.random.default_rng(seed)
    rows, columns = np.shape(levels)
    texture = rng.uniform(-1, 1, (rows, size, columns, size))
    texture -= texture.mean(axis=(1, 3), keepdims=True)
    means = ((np.asarray(levels) + offset) / steps)[:, None, :, None]
    return (means * (1 + 0.4 * texture)).reshape(rows * size, columns * size)


def _squares(light, size):
    return light.reshape(light.shape[0] // size, size, light.shape[1] // size, size)


def _check_record(record, size, bits, seed):
    """One scene, recorded by the learner's function."""
    steps = 2**bits - 1
    rng = np.random.default_rng(seed)
    levels = rng.integers(1, int(1.3 * steps), (3, 5))
    levels[0, 0], levels[1, 2], levels[2, 4] = 0, steps, int(1.2 * steps)
    offset = np.where(rng.random(levels.shape) < 0.5, -0.3, 0.3) * (levels > 0)
    light = _scene(levels, offset, size, steps, seed)
    right = np.minimum(levels, steps)
    mean = _squares(light, size).mean(axis=(1, 3))
    total, clipped = mean * size**2, np.clip(mean, 0, 1)
    mistakes = {
        "You add up the light in each square; the mean was asked for.": np.round(
            np.clip(total, 0, 1) * steps
        ),
        "You cut the rest off, as astype(int) alone does; the nearest whole number was asked for.": np.floor(
            clipped * steps
        ),
        "You round up; the nearest whole number was asked for.": np.ceil(clipped * steps),
        f"With {bits} bits there are {2**bits} values and the first is 0: which is the largest?": np.round(
            clipped * 2**bits
        ),
        f"More light than 1 cannot be recorded: no value may exceed the largest that {bits} bits "
        "hold.": np.round(mean * steps),
        "You take one value out of each square; the mean of the square was asked for.": np.round(
            np.clip(light[::size, ::size], 0, 1) * steps
        ),
        "You cut the light at 1 before averaging. A square is full when its *mean* is 1: average first, "
        "then cut.": np.round(_squares(np.clip(light, 0, 1), size).mean(axis=(1, 3)) * steps),
        "The squares are averaged but still lie between 0 and 1: turn them into whole numbers.": clipped,
        f"You always use 8 bits; the check asked for {bits}.": np.round(clipped * 255),
        "The values have wrapped around: they do not fit into 8 bits, use a type with more room.": (
            right % 256
        ),
    }
    answer = call(record, light, size, bits, pure=True)
    if np.shape(answer) == light.shape and size > 1:
        raise Failure(
            "Your record has as many values as the scene: one number for each square was asked for."
        )
    expect_array(
        answer, close_to=right, what=f"the record with {bits} bits", mistakes=mistakes, rtol=0, atol=1e-6
    )


def _pairs_of_scenes():
    """(first, second, size, bits, whether they can be told apart, the sentence for a wrong answer)."""
    levels = np.array([[3, 9, 14, 6], [8, 2, 5, 11], [12, 7, 4, 10]])
    plain = _scene(levels, -0.2, 2, 15)
    swapped = levels.copy()
    swapped[0, 1], swapped[2, 3] = levels[2, 3], levels[0, 1]
    full = np.full((3, 4), 18)
    other_texture = _scene(levels, -0.2, 2, 15, seed=1)
    a_little_brighter = _scene(levels, 0.2, 2, 15)
    cases = (
        (plain, 2, 4, False, "Two equal scenes leave equal records; nothing tells them apart."),
        (
            _scene(swapped, -0.2, 2, 15),
            2,
            4,
            True,
            "Scenes whose squares differ in place leave different records, even with the same sum: compare "
            "them square by square.",
        ),
        (
            other_texture,
            2,
            4,
            False,
            "Scenes that differ only *inside* the squares leave the same record: nothing tells them apart.",
        ),
        (
            other_texture,
            1,
            8,
            True,
            "With squares of size 1 nothing is averaged and the scenes can be told apart: use `size`.",
        ),
        (
            a_little_brighter,
            2,
            4,
            False,
            "A difference that disappears in rounding is lost: compare the records, not the scenes.",
        ),
        (a_little_brighter, 2, 8, True, "With more bits a small difference survives: use `bits`."),
    )
    too_bright = (
        _scene(full, 0, 2, 15),
        _scene(full + 5, 0, 2, 15),
        2,
        4,
        False,
        "Both scenes are brighter than the camera can record: both records are full, and nothing tells them "
        "apart.",
    )
    return (*((plain, *case) for case in cases), too_bright)


@exercise(
    chapter="00",
    hints=(
        "Where does sampling happen in this camera, and where quantisation? Which is the largest value that "
        "that many bits can hold, and what becomes of light that would exceed it?",
        "Average with block_reduce, cut at 1 with np.clip, multiply by the largest value, round. Two scenes "
        "can be told apart if and only if their records are not the same everywhere.",
    ),
)
def camera(record, told_apart):
    """Record a scene with large squares and few bits, and say which scenes can no longer be told apart."""
    expect_callable(record, "the first thing you passed")
    expect_callable(told_apart, "the second thing you passed")
    for size, bits, seed in ((2, 4, 0), (3, 8, 1), (4, 3, 2), (2, 12, 3)):
        _check_record(record, size, bits, seed)
    pairs = _pairs_of_scenes()
    answers = []
    for first, second, size, bits, *_ in pairs:
        answer = call(told_apart, first, second, size, bits, pure=True)
        if np.ndim(answer):
            raise Failure("told_apart gives one answer for the two scenes: True or False.")
        answers.append(expect_number(answer, between=(0, 1), integer=True, what="told_apart"))
    rights = [int(right) for *_, right, _ in pairs]
    if answers == [1 - right for right in rights]:
        raise Failure("told_apart answers the other way round: True means that the records differ.")
    for answer, (*_, right, sentence) in zip(answers, pairs, strict=True):
        if answer != right:
            raise Failure(sentence)
    return "Scenes that leave the same record are one and the same to every program that comes after."


# --- wrap-around ------------------------------


@exercise(
    chapter="00",
    hints=(
        "255 is the last value that fits: up to which value can you still add 100? And why can the sum "
        "not tell you any more which pixels have wrapped?",
        "Cure: make room first, then clip, then go back: wide = image.astype(np.uint16) + 100, "
        "np.clip(wide, 0, 255).astype(np.uint8).",
    ),
)
def wrap_around(will_wrap, brighten):
    """Predict which pixels of an 8-bit image wrap around when 100 is added, and add 100 without that."""
    expect_callable(will_wrap, "the first thing you passed")
    expect_callable(brighten, "the second thing you passed")
    for image in (np.arange(256, dtype=np.uint8).reshape(16, 16), _random_image((20, 30), 3)):
        right = image > 155
        mask = call(will_wrap, image, pure=True)
        shape = np.shape(mask)
        if shape == ():
            raise Failure("will_wrap must answer for every pixel: return a mask, True or False for each.")
        expect_array(
            mask,
            close_to=right,
            what="your mask",
            mistakes={
                "155 + 100 = 255 still fits: only values above 155 wrap.": image >= 155,
                "156 wraps too: 156 + 100 = 256, and 255 is the largest value.": image > 156,
                "Your mask is True nowhere: image + 100 has already wrapped, so it is never above 255. "
                "Compare the image itself with 255 − 100.": np.zeros_like(right),
                "You marked the pixels that stay; those that wrap were asked for.": ~right,
                "The limit is 255 − 100 = 155, not 100.": image > 100,
            },
        )
        expect_array(mask, dtype="bool", what="your mask")

        wanted = np.where(right, 255, image.astype(int) + 100)
        bright = call(brighten, image, pure=True)
        wrapped = image + np.uint8(100)
        expect_array(
            bright,
            close_to=wanted,
            what="the brightened image",
            mistakes={
                "The bright pixels have turned dark: the sum wrapped around, and clipping afterwards comes "
                "too late. Convert to a wider type before you add.": wrapped,
                "The sum is right but does not fit into 8 bits any more: clip it at 255.": image.astype(int)
                + 100,
                "This is the image as it was; add 100.": image,
                "The wrapped pixels are set to 0; white is 255.": np.where(right, 0, wanted),
                "You kept the bright pixels as they were; what would pass 255 becomes 255.": np.where(
                    right, image, wanted
                ),
            },
        )
        if np.asarray(bright).dtype != np.uint8:
            raise Failure(
                f"The values are right, but the type is {np.asarray(bright).dtype}: go back with "
                ".astype(np.uint8) at the end."
            )
    return "Room first, arithmetic second, clip last. Nothing wraps, and 255 means “at least 255”."


# --- crop, flip, sum a channel ------------------------------


def _crop_flip(picture):
    return picture[50:150, 100:300, 2][:, ::-1]


@exercise(
    chapter="00",
    hints=(
        "The end of a slice is not included: which end makes row 149 the last? Which number has the third "
        "channel? And which of the two axes that are left runs from left to right?",
        "One pair of brackets can cut: picture[first row:end row, first column:end column, channel]. "
        "A step of -1 runs backwards: crop[:, ::-1] reverses the columns. The sum is crop.sum().",
    ),
)
def crop_flip_sum(prepare):
    """Cut out rows 50 to 149 and columns 100 to 299 of the third channel, mirror left and right, and sum."""
    expect_callable(prepare)
    for shape, seed in (((300, 500, 3), 0), ((200, 320, 3), 1)):
        picture = _random_image(shape, seed)
        right = _crop_flip(picture)
        crop, total = _pair(call(prepare, picture, pure=True), "crop and sum", "crop, crop.sum()")
        got = expect_array(crop, what="your crop")
        if got.shape[-1:] == (3,) and got.ndim == 3:
            raise Failure("Your crop still has three channels: pick one with a third index, [..., …, 2].")
        if got.shape == (101, 201):
            raise Failure(
                "Your crop is one row and one column too large: the end of a slice is not included."
            )
        if got.shape == (99, 199):
            raise Failure("Your crop is one row and one column too small: [50:150] runs from 50 to 149.")
        inside = picture[50:150, 100:300]
        expect_array(
            crop,
            close_to=right,
            what="your crop",
            mistakes={
                "Rows and columns are swapped: the rows come first.": picture[100:300, 50:150, 2][:, ::-1],
                "The crop is right but not mirrored.": inside[..., 2],
                "You mirrored top and bottom; columns are the second axis: [:, ::-1].": inside[::-1, :, 2],
                "You turned the crop by half a circle; reverse only the columns.": inside[::-1, ::-1, 2],
                "That is the second channel: channels count from 0, so the third is number 2.": inside[
                    :, ::-1, 1
                ],
                "That is the first channel: channels count from 0, so the third is number 2.": inside[
                    :, ::-1, 0
                ],
            },
        )
        expect_array(crop, dtype=np.uint8, what="your crop")
        expect_number(
            total,
            close_to=int(right.sum()),
            what="the sum",
            mistakes={
                "The sum wrapped around, because it was added up in 8 bits; leave out the dtype.": int(
                    right.sum(dtype=np.uint8)
                ),
                "That is the mean; the sum was asked for.": float(right.mean()),
                "That is the sum of the whole picture, not of the crop.": int(picture.sum()),
                "That is the sum of all three channels of the crop.": int(inside.sum()),
                "That is the number of pixels; crop.sum() adds their values.": right.size,
            },
        )
    return "Slices cut, a step of −1 mirrors, and none of it copies a pixel by hand."


# --- count and measure labels ------------------------------


def _measured(labels, number):
    return len(np.unique(labels[labels > 0])), int((labels == number).sum())


@exercise(
    chapter="00",
    hints=(
        "Of all the numbers that occur, which one names no object? And must it occur in every label image, "
        "also in one that is full of objects?",
        "np.unique(labels) lists every number that occurs, each once; count those above 0. labels == number "
        "is a mask, True (1) inside the object and False (0) outside; its sum is the area.",
    ),
)
def count_labels(measure):
    """Count the objects of a label image, and give the area of one of them."""
    from bioimage_course import data

    expect_callable(measure)
    small = np.zeros((12, 14), dtype=np.uint16)
    small[1:4, 1:5], small[6:9, 6:8], small[2:5, 9:13] = 2, 7, 40
    full = np.kron([[3, 9], [5, 7]], np.ones((4, 5), dtype=int)).astype(np.int32)  # no background at all
    nuclei = np.asarray(data.load("nuclei").labels)
    for labels, number in ((small, 7), (full, 9), (nuclei, 7), (nuclei, 183), (small, 1)):
        answer = call(measure, labels, number, pure=True)
        count, area = _pair(answer, "number of objects and area", "count, area")
        right_count, right_area = _measured(labels, number)
        numbers = np.unique(labels)
        mistakes = {
            "That is the largest number, not the number of objects: some numbers are missing between.": int(
                labels.max()
            ),
            "You count the background, number 0, as an object.": right_count + 1,
            "That is the number of pixels in objects; count the different numbers.": int((labels > 0).sum()),
            "That is the sum of all label numbers, and they are names: count the different ones.": int(
                labels.sum()
            ),
        }
        if 0 not in numbers:
            mistakes[
                "This label image has no background, so there is no 0 to take off: count numbers above 0."
            ] = right_count - 1
        expect_number(count, close_to=right_count, what="the number of objects", mistakes=mistakes)
        inside = labels == number
        expect_number(
            area,
            close_to=right_area,
            what=f"the area of object {number}",
            mistakes={
                "You added up the label numbers in the object; each pixel counts once.": int(
                    labels[inside].sum()
                ),
                "That is the area of all objects together.": int((labels > 0).sum()),
                f"That is the area of everything except object {number}.": int((~inside).sum()),
                "That is the height of the image, the len() of a mask; its sum counts pixels.": len(labels),
                f"You always measure object 7; the check asked for object {number}.": int(
                    (labels == 7).sum()
                ),
            },
        )
    count, area = _measured(nuclei, 7)
    return f"{count} nuclei, although the largest number is {nuclei.max()}; object 7 covers {area} pixels."


# --- a tensor with a gradient ------------------------------


def _expected_gradient(labels, number):
    inside = labels == number
    return (inside / inside.sum()).astype(np.float32)


@exercise(
    chapter="00",
    hints=(
        "Which four axes does a network expect, and in which order? And what must you tell PyTorch *before* "
        "the score is calculated?",
        "x = torch.tensor(image.astype(np.float32))[None, None] has the shape N×C×H×W, and "
        "x.requires_grad_() makes PyTorch keep track. x[0, 0] is the image again; with mask = "
        "torch.tensor(labels == number) the score is x[0, 0][mask].mean(). score.backward() fills x.grad.",
    ),
)
def tensor_with_gradient(make):
    """Make a tensor of an image and get the gradient of the mean intensity of one object."""
    import torch

    expect_callable(make)
    labels = np.zeros((10, 16), dtype=np.uint16)
    labels[2:6, 3:8], labels[5:9, 10:14] = 4, 9
    image = _random_image(labels.shape, 4, 0, 4096, np.uint16)
    for number in (4, 9):
        x = call(make, image, labels, number, pure=True)
        if x is None:
            raise Failure("Your function returns nothing; did you forget `return x`?")
        if not isinstance(x, torch.Tensor):
            raise Failure(
                f"Return the tensor x, not {'an array' if isinstance(x, np.ndarray) else type(x).__name__}."
            )
        if x.ndim == 0:
            raise Failure("You return the score; return the tensor x, which carries the gradient in x.grad.")
        height, width = labels.shape
        if tuple(x.shape) != (1, 1, height, width):
            advice = {
                2: "add two axes in front with [None, None]",
                3: "one axis for images and one for channels are needed: [None, None]",
            }.get(x.ndim, "the order is N, C, H, W")
            raise Failure(f"x has the shape {tuple(x.shape)}, expected (1, 1, {height}, {width}): {advice}.")
        if x.dtype != torch.float32:
            raise Failure(
                f"x has the type {x.dtype}, expected torch.float32: .astype(np.float32) before torch.tensor."
            )
        if not x.requires_grad:
            raise Failure(
                "x keeps no track of what is done with it: call x.requires_grad_() before the score."
            )
        if not x.is_leaf:
            raise Failure(
                "x came out of a tracked calculation, so its gradient is not kept: call requires_grad_() "
                "last, after [None, None]."
            )
        expect_array(x.detach()[0, 0], close_to=image, what="the image in x")
        if x.grad is None:
            raise Failure("x.grad is still empty: compute the score from x and call score.backward().")
        right = _expected_gradient(labels, number)
        inside = labels == number
        expect_array(
            x.grad[0, 0],
            close_to=right,
            rtol=1e-4,
            what="the gradient",
            mistakes={
                "That is the gradient of the sum; take the mean over the object.": inside.astype(float),
                "That is the gradient of the mean of the whole image; pick the object first.": np.full(
                    labels.shape, 1 / labels.size
                ),
                "You multiplied by the mask and took the mean of the whole image; divide by the "
                "pixels of the object only.": inside / labels.size,
                f"You always take the same object; the check asked for number {number}.": _expected_gradient(
                    labels, 13 - number
                ),
                "That is the gradient of all objects together.": (labels > 0) / (labels > 0).sum(),
                "backward() ran more than once, and gradients add up: call it once.": 2 * right,
            },
        )
    return "1/area inside, 0 outside: the gradient is an image of what the answer depends on."
