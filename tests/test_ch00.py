"""Chapter 0: the exercises tell right answers, usual mistakes and untouched starters apart."""

import numpy as np
import pytest
import torch

import exercise_cells
from bioimage_course import check, data
from bioimage_course.check.exercises import ch00
from exercise_cells import Chapter

CHAPTER = Chapter("00-images")


def failure(exercise, *arguments):
    message = exercise_cells.failure(exercise, *arguments)
    assert "\n" not in message
    return message


def breaks(*arguments):
    raise RuntimeError("a mistake of mine")


def test_every_exercise_has_two_hints_and_they_stand_in_this_order():
    assert [item.name for item in check.exercises("00")] == [
        "one_pixel",
        "impossible_pixels",
        "camera",
        "wrap_around",
        "crop_flip_sum",
        "count_labels",
        "tensor_with_gradient",
    ]
    assert all(len(item.hints) >= 2 for item in check.exercises("00"))


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (lambda image: image[60, 40], "swapped"),
        (lambda image: image[39, 59], "count from 1"),
        (lambda image: image, "whole image"),
        (lambda image: image[40], "whole row"),
        (lambda image: 99_999_999, "does not occur"),
        (lambda image: image[0, 0], "not the right value"),
        (lambda image: image[40, 6000], "IndexError"),
        (lambda image: print(image[40, 60]), "forget `return`"),
    ],
)
def test_wrong_pixels(look, sentence):
    assert sentence in failure("one_pixel", look)


PART = np.s_[50:150, 100:300]


def with_sum(crop):
    return crop, crop.sum()


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda p: with_sum(p[100:300, 50:150, 2][:, ::-1]), "Rows and columns are swapped"),
        (lambda p: with_sum(p[PART][:, :, 2]), "not mirrored"),
        (lambda p: with_sum(p[PART][::-1, :, 2]), "top and bottom"),
        (lambda p: with_sum(p[PART][::-1, ::-1, 2]), "half a circle"),
        (lambda p: with_sum(p[PART][:, ::-1, 1]), "second channel"),
        (lambda p: with_sum(p[PART][:, ::-1, 0]), "first channel"),
        (lambda p: with_sum(p[PART][:, ::-1]), "three channels"),
        (lambda p: with_sum(p[50:151, 100:301, 2][:, ::-1]), "too large"),
        (lambda p: with_sum(p[51:150, 101:300, 2][:, ::-1]), "too small"),
        (lambda p: with_sum(p[PART][:, ::-1, 3]), "IndexError"),
        (lambda p: with_sum(p[PART][:, ::-1, 2].astype(float)), "float64"),
        (lambda p: p[PART][:, ::-1, 2], "two things"),
        (lambda p: (p[PART][:, ::-1, 2], p[PART][..., 2].sum(dtype=np.uint8)), "wrapped around"),
        (lambda p: (p[PART][:, ::-1, 2], p[PART][..., 2].mean()), "the mean"),
        (lambda p: (p[PART][:, ::-1, 2], p.sum()), "whole picture"),
        (lambda p: (p[PART][:, ::-1, 2], 20_000), "number of pixels"),
    ],
)
def test_wrong_crops(prepare, sentence):
    assert sentence in failure("crop_flip_sum", prepare)


@pytest.mark.parametrize(
    ("find", "sentence"),
    [
        (lambda t: np.argwhere(t > 255)[:, ::-1], "swapped"),
        (lambda t: np.argwhere(t > 255) + 1, "count from 0"),
        (lambda t: np.argwhere((t < 0) | (t > 256)), "miss a 256"),
        (lambda t: np.argwhere(t > 255), "miss a −1"),
        (lambda t: np.argwhere((t < 0) | (t >= 255)), "255 is"),
        (lambda t: np.argwhere((t <= 0) | (t > 255)), "0 is a value"),
        (lambda t: (t < 0) | (t > 255), "the mask itself"),
        (lambda t: t[(t < 0) | (t > 255)], "places"),
        (lambda t: [(4, 0)], "find"),
        (lambda t: np.argwhere(t > 1000), "none"),
    ],
)
def test_wrong_places(find, sentence):
    assert sentence in failure("impossible_pixels", find)


@pytest.mark.parametrize(
    "find",
    [
        lambda t: np.argwhere((t < 0) | (t > 255)).tolist(),
        lambda t: np.where((t < 0) | (t > 255)),
        lambda t: [(r, c) for r in range(len(t)) for c in range(len(t[0])) if not 0 <= t[r, c] <= 255],
        lambda t: torch.tensor(np.argwhere((t < 0) | (t > 255))),
    ],
)
def test_other_ways_to_list_places(find):
    verdict = check.impossible_pixels.verdict(find)
    assert verdict.passed, verdict.message


def test_the_printed_table_has_one_impossible_value():
    (text,) = [text for text in cells_with("printed = ")]
    space = {"np": np}
    exec(text, space)
    assert np.argwhere(space["printed"] > 255).tolist() == [[4, 0]] and space["printed"][4, 0] == 277
    assert space["printed"].shape == (9, 9) and space["printed"].min() >= 0


def cells_with(words):

    return [c.text for c in CHAPTER.cells if words in c.text]


# --- a camera ------------------------------


def squares(light, size):
    return ch00._squares(light, size).mean(axis=(1, 3))


def record(light, size, bits):
    return np.rint(np.minimum(squares(light, size), 1) * (2**bits - 1))


def told_apart(first, second, size, bits):
    return bool((record(first, size, bits) != record(second, size, bits)).any())


def recorded_by_loops(light, size, bits):
    rows, columns = light.shape[0] // size, light.shape[1] // size
    result = [[0] * columns for _ in range(rows)]
    for row in range(rows):
        for column in range(columns):
            part = light[row * size : (row + 1) * size, column * size : (column + 1) * size]
            result[row][column] = min(int(float(part.mean()) * (2**bits - 1) + 0.5), 2**bits - 1)
    return result


def recorded_by_torch(light, size, bits):
    pooled = torch.nn.functional.avg_pool2d(torch.tensor(light)[None, None].float(), size)[0, 0]
    return (pooled.clamp(0, 1) * (2**bits - 1)).round()


def recorded_narrowly(light, size, bits):
    return record(light, size, bits).astype(np.uint16)


@pytest.mark.parametrize("other", [record, recorded_by_loops, recorded_by_torch, recorded_narrowly])
def test_other_cameras(other):
    def apart(first, second, size, bits):
        return not np.allclose(other(first, size, bits), other(second, size, bits))

    verdict = check.camera.verdict(other, apart)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda x, n, b: np.rint(np.minimum(n * n * squares(x, n), 1) * (2**b - 1)), "add up the light"),
        (lambda x, n, b: (np.minimum(squares(x, n), 1) * (2**b - 1)).astype(int), "cut the rest off"),
        (lambda x, n, b: np.ceil(np.minimum(squares(x, n), 1) * (2**b - 1)), "round up"),
        (lambda x, n, b: np.rint(np.minimum(squares(x, n), 1) * 2**b), "which is the largest"),
        (lambda x, n, b: np.rint(squares(x, n) * (2**b - 1)), "cannot be recorded"),
        (lambda x, n, b: record(np.kron(x[::n, ::n], np.ones((n, n))), n, b), "one value out of each"),
        (lambda x, n, b: record(np.minimum(x, 1), n, b), "before averaging"),
        (lambda x, n, b: np.minimum(squares(x, n), 1), "still lie between 0 and 1"),
        (lambda x, n, b: record(x, n, 8), "always use 8 bits"),
        (lambda x, n, b: record(x, n, b).astype(int).astype(np.uint8), "wrapped around"),
        (lambda x, n, b: record(x, 1, b), "as many values as the scene"),
        (lambda x, n, b: record(x, 2, b), "stopped with"),
        (lambda x, n, b: record(x.T, n, b), "rows and columns are swapped"),
        (lambda x, n, b: record(x, n, b)[::-1], "values wrong"),
    ],
)
def test_wrong_cameras(wrong, sentence):
    assert sentence in failure("camera", wrong, told_apart)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda a, b, n, bits: not told_apart(a, b, n, bits), "the other way round"),
        (lambda a, b, n, bits: (a != b).any(), "*inside* the squares"),
        (lambda a, b, n, bits: not np.allclose(squares(a, n), squares(b, n)), "disappears in rounding"),
        (lambda a, b, n, bits: told_apart(a, b, n, 4), "use `bits`"),
        (lambda a, b, n, bits: told_apart(a, b, 2, bits), "use `size`"),
        (lambda a, b, n, bits: record(a, n, bits).sum() != record(b, n, bits).sum(), "in place"),
        (lambda a, b, n, bits: not np.allclose(squares(a, n), squares(b, n), atol=0.05), "use `bits`"),
        (lambda a, b, n, bits: True, "equal scenes"),
        (lambda a, b, n, bits: False, "in place"),
        (lambda a, b, n, bits: record(a, n, bits) != record(b, n, bits), "one answer"),
        (
            lambda a, b, n, bits: np.rint(squares(a, n) * 15).max() != np.rint(squares(b, n) * 15).max(),
            "in place",
        ),
    ],
)
def test_wrong_answers_about_what_is_lost(wrong, sentence):
    assert sentence in failure("camera", record, wrong)


def test_no_scene_of_the_check_is_near_a_limit_of_rounding():
    for first, second, size, bits, *_ in ch00._pairs_of_scenes():
        for light in (first, second):
            rest = np.minimum(squares(light, size), 1) * (2**bits - 1) % 1
            assert np.abs(rest - 0.5).min() > 1e-3


def will_wrap(image):
    return image > 155


def brighten(image):
    return np.clip(image.astype(int) + 100, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("predict", "cure", "sentence"),
    [
        (lambda i: i + 100 > 255, brighten, "True nowhere"),
        (lambda i: i >= 155, brighten, "still fits"),
        (lambda i: i > 156, brighten, "156 wraps"),
        (lambda i: i <= 155, brighten, "pixels that stay"),
        (lambda i: i > 100, brighten, "not 100"),
        (lambda i: True, brighten, "for every pixel"),
        (lambda i: (i > 155).astype(int), brighten, "truth values"),
        (will_wrap, lambda i: i + 100, "too late"),
        (will_wrap, lambda i: np.clip(i + 100, 0, 255), "too late"),
        (will_wrap, lambda i: i.astype(int) + 100, "clip it at 255"),
        (will_wrap, lambda i: np.clip(i.astype(int) + 100, 0, 255), ".astype(np.uint8)"),
        (will_wrap, lambda i: i, "add 100"),
        (will_wrap, lambda i: np.where(i > 155, i, i + 100), "becomes 255"),
        (will_wrap, lambda i: np.where(i > 155, 0, i + 100), "white is 255"),
        (will_wrap, lambda i: brighten(i).T[:5], "has the shape"),
    ],
)
def test_wrong_brightening(predict, cure, sentence):
    assert sentence in failure("wrap_around", predict, cure)


def test_changing_the_image_is_told():
    def careless(image):
        image[image > 155] = 155
        return image + 100

    assert "changes the array" in failure("wrap_around", will_wrap, careless)


def area(labels, number):
    return (labels == number).sum()


def count(labels):
    return len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize(
    ("measure", "sentence"),
    [
        (lambda la, n: (la.max(), area(la, n)), "largest number"),
        (lambda la, n: (len(np.unique(la)), area(la, n)), "background"),
        (lambda la, n: (len(np.unique(la)) - 1, area(la, n)), "no background"),
        (lambda la, n: ((la > 0).sum(), area(la, n)), "number of pixels"),
        (lambda la, n: (count(la), la[la == n].sum()), "label numbers in the object"),
        (lambda la, n: (count(la), (la > 0).sum()), "all objects together"),
        (lambda la, n: (count(la), len(la == n)), "height of the image"),
        (lambda la, n: (count(la), area(la, 7)), "always measure object 7"),
        (lambda la, n: (count(la), (la != n).sum()), "everything except"),
        (lambda la, n: count(la), "two things"),
    ],
)
def test_wrong_counts(measure, sentence):
    assert sentence in failure("count_labels", measure)


def test_the_counts_are_those_of_scikit_image():
    from skimage.measure import regionprops

    labels = data.load("nuclei").labels
    found = {region.label: region.area for region in regionprops(labels)}
    assert ch00._measured(labels, 7) == (len(found), found[7]) == (125, 613)
    assert "125 nuclei" in check.count_labels.verdict(lambda la, n: (count(la), area(la, n))).message


def tensor(image, **kwargs):
    return torch.tensor(image.astype(np.float32), **kwargs)[None, None]


def scored(x, score):
    score(x).backward()
    return x


def gradient_of(score):
    """A learner's function with the score score(image of x, mask, labels)."""

    def make(image, labels, number):
        x = tensor(image).requires_grad_()
        score(x[0, 0], torch.tensor(labels == number), torch.tensor(labels.astype(int))).backward()
        return x

    return make


def early(image, labels, number):
    flat = torch.tensor(image.astype(np.float32)).requires_grad_()
    x = flat[None, None]
    x[0, 0][torch.tensor(labels == number)].mean().backward()
    return x


def twice(image, labels, number):
    x = tensor(image).requires_grad_()
    for _ in range(2):
        x[0, 0][torch.tensor(labels == number)].mean().backward()
    return x


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda i, la, n: tensor(i), "requires_grad_()"),
        (lambda i, la, n: tensor(i).requires_grad_(), "still empty"),
        (lambda i, la, n: tensor(i)[0].requires_grad_(), "[None, None]"),
        (lambda i, la, n: tensor(i)[0, 0].requires_grad_(), "two axes"),
        (lambda i, la, n: torch.tensor(i.astype(float))[None, None].requires_grad_(), "torch.float32"),
        (lambda i, la, n: tensor(i).requires_grad_().mean(), "the score"),
        (lambda i, la, n: i, "an array"),
        (lambda i, la, n: tensor(i.T).requires_grad_(), "N, C, H, W"),
        (early, "call requires_grad_() last"),
        (twice, "more than once"),
        (gradient_of(lambda x, mask, la: x[mask].sum()), "of the sum"),
        (gradient_of(lambda x, mask, la: x.mean()), "whole image"),
        (gradient_of(lambda x, mask, la: (x * mask).mean()), "multiplied by the mask"),
        (gradient_of(lambda x, mask, la: x[la == 9].mean()), "always take the same object"),
        (gradient_of(lambda x, mask, la: x[la > 0].mean()), "all objects together"),
        (gradient_of(lambda x, mask, la: (x[mask] ** 2).mean()), "gradient has the right shape but"),
    ],
)
def test_wrong_gradients(make, sentence):
    assert sentence in failure("tensor_with_gradient", make)


def test_other_right_tensors():
    def make(image, labels, number):
        x = torch.zeros(1, 1, *image.shape)
        x[0, 0] = torch.from_numpy(image.astype("float32"))
        x.requires_grad = True
        inside = torch.from_numpy(labels == number).float()
        ((x * inside).sum() / inside.sum()).backward()
        return x

    verdict = check.tensor_with_gradient.verdict(make)
    assert verdict.passed, verdict.message


def test_the_page_does_not_give_tensors_a_fixed_order_of_axes():
    """The layers of a network expect an order; a tensor has none of its own."""
    page = CHAPTER.path.parents[2].joinpath("book", "00-images.qmd").read_text(encoding="utf-8")
    source = CHAPTER.path.read_text(encoding="utf-8")
    assert not any(
        "fixed order of axes: N" in text or "with a fixed order" in text for text in (page, source)
    )
    assert torch.zeros(5, 4, 3).permute(2, 0, 1).shape == (3, 5, 4)
