"""Exercise checks: right, wrong and absurd answers; hints, solutions, progress."""

import json
import linecache
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioimage_course import check, explore
from bioimage_course.check import Failure, call, engine, exercise, expect, record
from bioimage_course.errors import CourseError, InputError

IMAGE = np.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    """Exercises and progress of a test stay in that test."""
    engine.load_exercises()
    monkeypatch.setattr(engine, "registry", {})
    monkeypatch.setattr(record, "_session", {})
    monkeypatch.setattr(record, "_problem", None)
    monkeypatch.setenv("BIOIMAGE_COURSE_PROGRESS", str(tmp_path / "progress" / "progress.json"))


@pytest.fixture
def mean():
    """An exercise as a chapter's author would write it."""

    @exercise(chapter="98", hints=("Add up.", "Divide by the number of pixels."))
    def mean_intensity(function):
        """Write a function that returns the mean of an image."""
        result = call(function, IMAGE)
        check.expect_number(result, close_to=2.5, mistakes={"That is the sum.": 15.0}, what="the mean")
        return "The mean is the sum divided by the number of pixels."

    return mean_intensity


def untouched(image):
    raise NotImplementedError


def endless(image):
    return endless(image)


class Hostile:
    """Raises whatever you do with it."""

    def _refuse(self, *args, **kwargs):
        raise RuntimeError("no")

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __eq__ = __float__ = __array__ = __call__ = _refuse
    __getattr__ = _refuse
    __hash__ = None


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def raises(error):
    def function(*args, **kwargs):
        raise error

    return function


# ---------------------------------------------------------------- verdicts


def test_right_answer(mean, capsys):
    assert check.mean_intensity(np.mean) is None
    assert capsys.readouterr().out == (
        "✔ mean_intensity: The mean is the sum divided by the number of pixels.\n"
    )
    assert mean.verdict(np.mean).passed


def test_wrong_answer_is_one_line_with_a_nudge(mean, capsys):
    mean(np.sum)
    assert capsys.readouterr().out == (
        "✗ mean_intensity: That is the sum. (check.mean_intensity.hint() helps)\n"
    )


@pytest.mark.parametrize("starter", [untouched, ..., lambda image: ...])
def test_untouched_starter_is_open(mean, starter, capsys):
    assert mean.verdict(starter).status == "open"
    mean(starter)
    assert capsys.readouterr().out.startswith("○ mean_intensity: not done yet")


def test_open_names_the_function_that_is_still_empty(mean):
    assert mean.verdict(untouched).message == (
        "not done yet; replace `raise NotImplementedError` in untouched, run that cell, then this one again"
    )


def written(text):
    """The function of a notebook cell, whose lines Python can show as IPython's."""
    file = f"<cell {len(linecache.cache)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names = {}
    exec(compile(text, file, "exec"), names)
    return names["brightness"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("total = ...  # of all pixels\n    return total.sum()", "in brightness (`total = ...`)"),
        ("total = ...\n    return total - 1", "in brightness (`total = ...`)"),
        ("return ...", "in brightness (`return ...`)"),
        ("return [... for pixel in image]", "in brightness (`return [... for pixel in image]`)"),
        ("for pixel in ...:\n        pass", "in brightness (`for pixel in ...:`)"),
        ("total = ...\n    return image[total, 5]", "in brightness (`total = ...`)"),
        ("...\n    return total", "in brightness (`...`)"),
    ],
)
def test_a_gap_that_is_still_there_is_shown(mean, body, place):
    verdict = mean.verdict(written(f"def brightness(image):\n    {body}\n"))
    assert verdict.status == "open"
    assert verdict.message == (
        f"not done yet; a `...` is still {place}: replace it, run that cell, then this one again"
    )


def test_a_gap_beside_a_wrong_answer_is_mentioned(mean):
    function = written(
        "def brightness(image):\n    total = 0\n    for pixel in image:\n        ...\n    return total\n"
    )
    verdict = mean.verdict(function)
    assert verdict.status == "failed" and verdict.message.endswith(
        "(A `...` is still in brightness (`...`).)"
    )
    index = written("def brightness(image):\n    return image[..., 0]\n")
    assert "`...`" not in mean.verdict(index).message
    right = written("def brightness(image):\n    ...\n    return image.mean()\n")
    assert mean.verdict(right).passed


def test_a_gap_is_found_without_the_text_of_the_code(mean):
    names = {}
    exec("def brightness(image):\n    return (...).sum()", names)
    verdict = mean.verdict(names["brightness"])
    assert verdict.status == "open" and "a `...` is still in brightness:" in verdict.message


@pytest.mark.parametrize("value", [[1, ...], {"a": {"b": ...}}, (1, [2, (...,)])])
def test_a_gap_in_a_value_is_open(mean, value):
    verdict = mean.verdict(value)
    assert verdict.status == "open" and "a `...` is still where your answer belongs" in verdict.message


def test_names_without_a_value(mean):
    for text in ("return brightest", "brightest += 1"):
        verdict = mean.verdict(written(f"def brightness(image):\n    {text}\n"))
        assert verdict.status == "failed"
        assert "`brightest` has no value yet; give it one before" in verdict.message


def test_checks_that_find_something_empty_say_so():
    from bioimage_course.check.exercises.ch05 import read_curves

    assert read_curves.verdict(lambda: dict.fromkeys("ABCDEF", "")).message == (
        "not done yet; fill in what is still open, run that cell, then this one again"
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "must be a function, not None"),
        (2.5, "must be a function, not a number"),
        ("np.mean", "must be a function, not text"),
        (lambda image: None, "forget `return`"),
        (lambda image: "2.5", "not text"),
        (lambda image: [1, [2]], "ragged"),
        (lambda image: [2.5, 2.5], "one number"),
        (lambda image: (pixel for pixel in image), "generator"),
        (lambda image: {"mean": 2.5}, "a dictionary"),
        (lambda image: np.mean, "not a function"),
        (lambda image: float("nan"), "nan"),
        (lambda image: np.inf, "inf"),
        (lambda image: 2.5 + 1j, "real number"),
        (lambda image: -2.5, "sign"),
        (lambda image: object(), "object"),
        (lambda: 2.5, "cannot be called"),
        (lambda image: 1 / 0, "ZeroDivisionError"),
        (lambda image: image.maen(), "AttributeError"),
        (endless, "without end"),
        (raises(SystemExit(1)), "SystemExit"),
        (raises(Unprintable()), "Unprintable"),
        (raises(GeneratorExit()), "GeneratorExit"),
        (raises(MemoryError()), "MemoryError"),
        (lambda image: Hostile(), "Hostile"),
    ],
)
def test_absurd_answers_get_a_sentence(mean, answer, words):
    verdict = mean.verdict(answer)
    assert verdict.status == "failed"
    assert words in verdict.message
    assert "\n" not in verdict.message
    mean(answer)  # and never a traceback


def test_hostile_objects_get_a_sentence(mean):
    hostile = Hostile()
    for verdict in (mean.verdict(hostile), mean.verdict([hostile]), mean.verdict(lambda image: [hostile])):
        assert verdict.status == "failed"


def test_error_is_located_in_the_learners_code(mean):
    def divides(image):
        nothing = 0
        return image.sum() / int(nothing) if nothing else [][1]

    message = mean.verdict(divides).message
    assert message.startswith("divides([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]) stopped with IndexError")
    assert "`return image.sum()" in message


def test_stumble_of_the_check_itself_is_not_blamed_on_the_learners_code():
    @exercise(chapter="98")
    def adds(value):
        """Add."""
        return value + []

    verdict = adds.verdict(3)
    assert verdict.status == "failed" and "TypeError" in verdict.message


def test_library_that_lacks_an_operation_is_not_an_open_exercise(mean):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    # "meta" tensors hold no numbers; PyTorch says so with NotImplementedError
    verdict = mean.verdict(lambda image: torch.empty(3, device="meta").to("cpu").numpy())
    assert verdict.status == "failed"


def test_keyboard_interrupt_goes_through(mean):
    with pytest.raises(KeyboardInterrupt):
        mean(raises(KeyboardInterrupt()))


def test_wrong_number_of_arguments(mean):
    for verdict in (mean.verdict(), mean.verdict(1, 2), mean.verdict(image=3)):
        assert verdict.status == "failed"
        assert "check.mean_intensity(function)" in verdict.message


def test_prints_are_shown_but_not_without_bound(mean, capsys):
    def chatty(image):
        print("looking at", image.shape)
        return image.mean()

    mean(chatty)
    assert capsys.readouterr().out.splitlines()[0] == "looking at (2, 3)"

    def flood(image):
        for _ in range(10_000):
            print("x" * 100)
        sys.stdout.close()  # closes nothing
        return image.mean()

    mean(flood)
    out = capsys.readouterr().out
    assert len(out) < 3000 and "more characters" in out and "✔" in out


def test_learner_cannot_change_the_checks_arrays(mean):
    def destroys(image):
        result = image.mean()
        image[:] = -1
        return result

    assert mean.verdict(destroys).passed
    assert IMAGE.sum() == 15 and mean.verdict(np.mean).passed


def test_pure_functions_are_asked_for():
    def doubles(image, rest):
        image *= 2
        return image

    assert call(doubles, IMAGE, [IMAGE]).sum() == 30
    with pytest.raises(Failure, match="work on a copy"):
        call(doubles, IMAGE, [IMAGE], pure=True)
    call(lambda image, rest: image * 2, IMAGE, [IMAGE], pure=True)


def test_long_messages_are_shortened(mean):
    verdict = mean.verdict(raises(ValueError("many words\n" * 1000)))
    assert len(verdict.message) <= 700 and "\n" not in verdict.message


def test_console_without_our_signs(mean):
    code = (
        "from bioimage_course.check import exercise\n"
        "@exercise(chapter='98')\n"
        "def works(value):\n    'Task.'\n    return 'µ = 1'\n"
        "works(1)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and done.stdout.startswith("[right] works: ")


class _Loop(list):
    """A list that holds itself."""

    def __init__(self):
        super().__init__([self])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.just(np.float32(2.5))
    | st.just(np.array("text"))
    | st.just(np.array([1, None], dtype=object))
    | st.just(np.ma.masked)
    | st.just(np.array([], dtype=float))
    | st.just(np.array(["2020-01-01"], dtype="datetime64[D]"))
    | st.builds(Hostile)
    | st.builds(_Loop)
    | st.builds(object)
    | st.just(np.mean)
    | st.just(int),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.builds(iter, st.lists(inner, max_size=2))
        | st.builds(lambda value: (value for _ in range(2)), inner)
    ),
    max_leaves=8,
)
EXPECTATIONS = {
    "array": lambda value: expect.expect_array(value, close_to=IMAGE, mistakes={"sum": IMAGE + 1}),
    "dtype": lambda value: expect.expect_array(value, shape=IMAGE.shape, dtype=np.uint8),
    "shape": lambda value: expect.expect_array(value, shape=(None, 3), dtype="integer"),
    "number": lambda value: expect.expect_number(value, 2.5, mistakes={"sum": 15}, integer=True),
    "between": lambda value: expect.expect_number(value, between=(0, 1)),
    "labels": lambda value: expect.expect_labels(value, np.array([[0, 1], [2, 2]])),
    "callable": lambda value: expect.call(value, IMAGE),
    "returned": lambda value: expect.expect_array(call(lambda _: value, IMAGE, pure=True), close_to=2.0),
    "argument": lambda value: expect.expect_number(call(lambda *_: 1, value, key=value, pure=True), 2.0),
}


@pytest.mark.parametrize("name", EXPECTATIONS)
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_no_value_breaks_a_check(name, value):
    verdict = engine.Exercise(EXPECTATIONS[name], "98", ()).verdict(value)
    assert verdict.status in ("passed", "failed", "open")
    assert verdict.message and "\n" not in verdict.message
    assert "bioimage_course" not in verdict.message  # no paths of ours


# ---------------------------------------------------------------- expectations


def failure(function, *args, **kwargs):
    with pytest.raises(Failure) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_expect_array_tells_mistakes_apart():
    say = [
        failure(expect.expect_array, IMAGE.T, close_to=IMAGE),
        failure(expect.expect_array, IMAGE[0], close_to=IMAGE),
        failure(expect.expect_array, IMAGE[:, :2], shape=(None, 3)),
        failure(expect.expect_array, IMAGE, dtype="integer"),
        failure(expect.expect_array, IMAGE, dtype=np.uint8),
        failure(expect.expect_array, IMAGE > 1, dtype="float"),
        failure(expect.expect_array, IMAGE * np.nan, shape=IMAGE.shape),
        failure(expect.expect_array, 2 * IMAGE, close_to=IMAGE),
        failure(expect.expect_array, -IMAGE, close_to=IMAGE),
        failure(expect.expect_array, IMAGE + 3, close_to=IMAGE),
        failure(expect.expect_array, IMAGE <= 1, close_to=IMAGE > 1),
        failure(expect.expect_array, np.where(IMAGE == 4, 7, IMAGE), close_to=IMAGE),
        failure(expect.expect_array, IMAGE**2, close_to=IMAGE, mistakes={"You squared.": IMAGE**2}),
    ]
    words = [
        "rows and columns are swapped",
        "1 axes instead of 2",
        "expected (any, 3)",
        "expected integers",
        "expected uint8",
        "expected floating-point",
        "NaN",
        "yours is 2 times",
        "sign",
        "off by 3",
        "swapped",
        "at [1, 1] it is 7 instead of 4",
        "You squared.",
    ]
    for sentence, word in zip(say, words, strict=True):
        assert word in sentence
    assert len(set(say)) == len(say)


def test_expect_array_returns_a_copy():
    given_array = IMAGE.copy()
    result = expect.expect_array(given_array, close_to=IMAGE)
    result[:] = 0
    assert np.array_equal(given_array, IMAGE)
    assert expect.expect_array([[0, 1, 2], [3, 4, 5]], close_to=IMAGE).dtype.kind == "i"
    assert expect.expect_array([], shape=(0,)).size == 0


def test_nan_is_fine_where_the_reference_has_it():
    expect.expect_array([1, np.nan], close_to=[1, np.nan])
    expect.expect_number(np.nan, close_to=np.nan)
    assert "NaN" in failure(expect.expect_array, [1, np.nan], close_to=[1, 2])


@pytest.mark.parametrize("value", [2, 2.0, True + 1, np.int8(2), np.float32(2), np.array(2)])
def test_expect_number_accepts_every_kind_of_number(value):
    assert expect.expect_number(value, close_to=2, integer=True) == 2
    assert isinstance(expect.expect_number(value, integer=True), int)


def test_expect_number_tells_mistakes_apart():
    assert "whole number" in failure(expect.expect_number, 2.5, integer=True)
    assert "between 0 and 1" in failure(expect.expect_number, 2.5, between=(0, 1))
    assert "2 times" in failure(expect.expect_number, 5, close_to=2.5)
    assert "half of" in failure(expect.expect_number, 1.25, close_to=2.5)
    assert "255 times" in failure(expect.expect_number, 127.5, close_to=0.5)
    assert "not the right value" in failure(expect.expect_number, 1, close_to=0)
    assert expect.expect_number(True) == 1.0


@pytest.mark.parametrize("wrong", [0.7, 3.0, 10.0, -2.0, 1.001])
def test_a_factor_without_meaning_is_not_told(wrong):
    assert failure(expect.expect_number, wrong * 2.5, close_to=2.5).endswith("that is not the right value.")
    assert "times" not in failure(expect.expect_array, wrong * IMAGE, close_to=IMAGE)


def test_tolerance_follows_the_type():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    exact = {"rtol": 1e-12, "atol": 1e-12}
    for value in (np.float32(1 / 3), torch.tensor(1 / 3), np.float16(1 / 3), [torch.tensor(1 / 3)]):
        expect.expect_array(value, close_to=np.full(np.shape(value), 1 / 3), **exact)
    expect.expect_number(np.float32(1 / 3), close_to=1 / 3, **exact)
    assert "right value" in failure(expect.expect_number, 0.33333334, close_to=1 / 3, **exact)
    assert "right value" in failure(expect.expect_number, np.float32(0.33334), close_to=1 / 3, **exact)
    rounded = np.float32([1, 1e-7])  # 1e-7 is what rounding leaves of 0 where values are about 1
    expect.expect_array(rounded, close_to=np.array([1.0, 0.0]), **exact)
    assert "1 of 2" in failure(expect.expect_array, np.float32([1, 1e-4]), close_to=[1.0, 0.0], **exact)


def test_any_of_several_right_values():
    low, high = np.array([1, 2, 3]), np.array([1, 4, 3])
    for right in ([1, 2, 3], [1, 4, 3], [1, 3, 3], np.float32([1, 3.5, 3])):
        expect.expect_array(right, between=(low, high))
    assert "1 of 3" in failure(expect.expect_array, [1, 5, 3], between=(low, high))
    assert "NaN" in failure(expect.expect_array, [1, np.nan, 3], between=(low, high))
    assert "shape" in failure(expect.expect_array, [1, 3], between=(low, high))
    assert (
        failure(expect.expect_array, [9, 9, 9], between=(low, high), mistakes={"Nine.": [9, 9, 9]}) == "Nine."
    )


def test_several_things_come_in_any_sequence():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for value in ((1, 2), [1, 2], np.array([1, 2]), torch.tensor([1, 2]), (np.zeros(3), None)):
        assert len(expect.expect_parts(value, 2, "a and b")) == 2
    for value in (3, "ab", {1, 2}, {"a": 1, "b": 2}, (1, 2, 3), np.zeros(3), np.array(2), lambda: 1):
        assert failure(expect.expect_parts, value, 2, "a and b") == "Return a and b."
    assert "forget `return`" in failure(expect.expect_parts, None, 2, "a and b")
    with pytest.raises(NotImplementedError):
        expect.expect_parts((1, ...), 2, "a and b")


def test_truth_may_be_numpys():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for value in (True, np.True_, np.array(True), torch.tensor(True)):
        assert expect.expect_truth(value) is True
    assert expect.expect_truth(np.False_) is False
    for value in (1, 0.0, [True], [1, 2], "True", {}):
        assert "must be True or False, not" in failure(expect.expect_truth, value)


def test_a_set_has_no_order():
    assert "a set" in failure(expect.to_numpy, {3, 1, 2})


def test_expect_labels_ignores_numbering():
    truth = np.array([[0, 1, 1], [2, 2, 0]])
    expect.expect_labels(np.array([[0, 7, 7], [3, 3, 0]]), truth)
    wrong = {
        "there are 2": [[0, 1, 1], [1, 1, 0]],
        "wrongly for background": [[1, 1, 1], [2, 2, 0]],
        "cut or merged": [[0, 1, 2], [2, 2, 0]],
        "negative": [[0, 1, 1], [-2, -2, 0]],
        "integers": [[0.0, 1, 1], [2, 2, 0]],
        "shape": [[0, 1], [2, 2]],
    }
    for words, labels in wrong.items():
        assert words in failure(expect.expect_labels, np.array(labels), truth)


def test_call_names_the_arguments():
    big = np.zeros((100, 100), dtype=np.uint8)
    sentence = failure(call, raises(ValueError("no")), big, "text", np.mean, factor=2)
    assert sentence.startswith(
        "function(<array 100×100, uint8>, 'text', mean, factor=2) stopped with ValueError: no"
    )


# ---------------------------------------------------------------- tensors


def test_checks_never_import_torch_or_tensorflow():
    code = (
        "import sys; from bioimage_course import check\n"
        "check.to_numpy([1, 2]); check.exercises(); check.progress()\n"
        "print(sorted({'torch', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_torch_tensors():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensors = [
        torch.tensor([1.0, 2.0]),
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor([1.0, 2.0], requires_grad=True) * 1,
        torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
        torch.tensor([1.0, 2.0], dtype=torch.half),
        torch.tensor([1.0, 2.0]).to_sparse(),
        torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        [torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)],
        torch.complex(torch.tensor([1.0, 2.0]), torch.zeros(2)).conj(),
    ]
    for tensor in tensors:
        assert isinstance(expect.expect_array(tensor, close_to=[1, 2]), np.ndarray)
    assert expect.expect_number(torch.tensor(2.5, requires_grad=True), 2.5) == 2.5
    assert "meta" in failure(expect.expect_array, torch.empty(2, device="meta"), shape=(2,))
    if torch.cuda.is_available():
        assert expect.expect_number(torch.tensor(2.5, device="cuda"), 2.5) == 2.5


def test_tensors_given_to_a_learner_are_copies():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    original = torch.ones(3, requires_grad=True)

    def destroys(x):
        x.sum().backward()
        x.data.zero_()
        return x

    call(destroys, original)
    assert original.grad is None and original.sum() == 3
    with pytest.raises(Failure, match="work on a copy"):
        call(destroys, original, pure=True)


# ---------------------------------------------------------------- names, hints, solutions


def test_unknown_exercise_names_the_nearest(mean):
    with pytest.raises(CourseError, match=r"did you mean check.mean_intensity?"):
        _ = check.mean_intensty
    with pytest.raises(AttributeError):  # so that hasattr works
        _ = check.qqqqqq
    with pytest.raises(CourseError, match=r"'banana'; .*check\.exercises"):  # no wild guess
        _ = check.banana
    assert not hasattr(check, "mean_intensities_of_all") and hasattr(check, "mean_intensity")
    assert "mean_intensity" in dir(check)


def test_names_are_unique(mean):
    source = (
        "from bioimage_course.check import exercise\n"
        "@exercise(chapter='97')\n"
        "def mean_intensity(x):\n    'Other.'\n"
    )
    with pytest.raises(InputError, match="chapter 98 has an exercise of that name"):
        exec(source, {"__name__": "another_module"})


@pytest.mark.parametrize("name", ["progress", "quiz", "call", "expect", "engine", "_hidden"])
def test_names_that_mean_something_else_are_refused(name):
    with pytest.raises(InputError, match="choose another name"):
        exec(f"@exercise(chapter='98')\ndef {name}(x): 'Task.'", {"exercise": exercise, "__name__": "m"})


@pytest.mark.parametrize("chapter", ["1", 1, "one", "001", None])
def test_chapters_have_two_digits(chapter):
    with pytest.raises(InputError, match="two digits"):
        exercise(chapter=chapter)(untouched)


def test_exercises_are_listed(mean):
    found = check.exercises(98)
    assert [(item.name, item.chapter, len(item.hints)) for item in found] == [("mean_intensity", "98", 2)]
    assert found[0].task == "Write a function that returns the mean of an image."
    assert repr(mean) == (
        "check.mean_intensity(function): Write a function that returns the mean of an image."
    )


def test_hints_come_one_by_one(mean, capsys):
    for _ in range(3):
        check.mean_intensity.hint()
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "Hint 1 of 2: Add up."
    assert second.startswith("Hint 2 of 2: Divide") and "solution()" in second and third == second


def test_exercise_without_hints(capsys):
    @exercise(chapter="98")
    def bare(value):
        """Task."""
        raise Failure("No.")

    bare.hint()
    assert "solution()" in capsys.readouterr().out
    bare(1)
    assert "hint()" not in capsys.readouterr().out


def test_solution_is_printed(mean, monkeypatch, capsys):
    monkeypatch.setattr(engine, "solutions", lambda chapter: {"mean_intensity": "def f(x):\n    return 1\n"})
    mean.solution()
    assert capsys.readouterr().out == "def f(x):\n    return 1\n"
    monkeypatch.setattr(engine, "solutions", lambda chapter: {})
    mean.solution()
    assert "No solution is stored" in capsys.readouterr().out


def test_broken_chapter_does_not_stop_the_others(mean, monkeypatch, tmp_path):
    (tmp_path / "ch96.py").write_text("import no_such_module_anywhere\n")
    folder = sys.modules["bioimage_course.check.exercises"]
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    monkeypatch.setattr(engine, "broken", {})
    with pytest.warns(UserWarning, match="ch96"):
        assert check.mean_intensity is mean
    assert list(engine.broken) == ["bioimage_course.check.exercises.ch96"]


# ---------------------------------------------------------------- progress


def test_progress_is_remembered(mean, capsys):
    check.progress()
    assert "98       0/1   mean_intensity\n" in capsys.readouterr().out
    mean(np.sum)
    assert record.solved() == {}
    mean(np.mean)
    record._session.clear()  # as after a restart
    assert record.solved() == {"mean_intensity": "98"}
    capsys.readouterr()
    check.progress()
    out = capsys.readouterr().out
    assert "98       1/1   –\n" in out and "all      1/1\n" in out and str(record.path()) in out
    check.progress(reset=True)
    assert record.solved() == {} and "0/1" in capsys.readouterr().out


def test_progress_of_a_long_chapter_stays_narrow(mean, capsys):
    names = [f"an_exercise_with_a_long_name_{number}" for number in range(6)]
    for name in names:
        exercise(chapter="98")(type(untouched)(untouched.__code__, {}, name))
    check.progress()
    lines = capsys.readouterr().out.splitlines()[:-1]  # the last one says where, however long that path is
    assert max(map(len, lines)) <= 80
    assert sum(line.count(name) for name in names for line in lines) == len(names)


def test_verdict_notes_nothing(mean):
    mean.verdict(np.mean)
    assert record.solved() == {} and not record.path().exists()


@pytest.mark.parametrize("text", ["{", "", "[]", '{"solved": 3}', '{"other": {}}', "\x00\xff", "[" * 100_000])
def test_damaged_progress_file_is_kept_aside(mean, text):
    record.path().parent.mkdir(parents=True)
    record.path().write_text(text, encoding="utf-8")
    mean(np.mean)
    assert json.loads(record.path().read_text()) == {"solved": {"mean_intensity": "98"}}
    kept = [file for file in record.path().parent.iterdir() if "damaged" in file.name]
    assert [file.read_text(encoding="utf-8") for file in kept] == [text]


def test_progress_that_cannot_be_saved_counts_for_the_session(mean, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BIOIMAGE_COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    mean(np.mean)
    assert capsys.readouterr().out.startswith("✔")
    check.progress()
    out = capsys.readouterr().out
    assert "1/1" in out and "could not be saved" in out


def test_progress_is_written_whole_or_not_at_all(mean, monkeypatch):
    mean(np.mean)
    before = record.path().read_text()

    def fails(*args):
        raise OSError("disk full")

    monkeypatch.setattr(record.os, "replace", fails)
    record._write({"other": "01"})
    assert record.path().read_text() == before
    assert [file.name for file in record.path().parent.iterdir()] == ["progress.json"]


def test_progress_of_two_programs_is_merged(mean):
    mean(np.mean)
    record._session.clear()
    record.note("other", "01")
    assert record.solved() == {"mean_intensity": "98", "other": "01"}


def test_progress_file_lies_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("BIOIMAGE_COURSE_PROGRESS")
    assert record.path().name == "progress.json" and "bioimage-course" in str(record.path())


def test_progress_follows_the_order_of_the_book(root):
    from coursebook.project import Project

    pages = [Path(page).name[:2] for page in Project(root).pages() if re.match(r"book/\d\d-", page)]
    assert list(engine.chapters()) == pages and pages != sorted(pages)
    for chapter in ("02", "98", "20", "01"):
        exercise(chapter=chapter)(type(untouched)(untouched.__code__, {}, f"of_{chapter}"))
    assert [item.chapter for item in check.exercises()] == ["01", "20", "02", "98"]


# ---------------------------------------------------------------- the record of the book's page


def saved(path, **changes):
    """A record as the book's page saves it, with some parts changed."""
    tasks = {"perceptron-explorer/xor": "2026-11-29", "ball-explorer/fast": "2026-11-28"}
    path.write_text(
        json.dumps({"course": "bioimage-course", "saved": "2026-11-29", "tasks": tasks} | changes)
    )
    return path


def test_the_books_record_is_printed_with_the_exercises(mean, tmp_path, capsys):
    mean(np.mean)
    capsys.readouterr()
    check.progress(page=saved(tmp_path / "record.json"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Chapter", "Exercises", "Tasks", "Still", "to", "do"]
    rows = {line.split()[0]: line for line in lines if re.match(r"\d\d |all", line)}
    assert rows["98"].split() == ["98", "1/1", "0/0", "–"]
    perceptrons = [task for task in explore.tasks.tasks() if task.tag in engine.chapters()["01"]]
    assert rows["01"].split()[1:3] == ["0/0", f"1/{len(perceptrons)}"]
    assert "perceptron/by-hand, perceptron/overlap" in rows["01"]
    assert rows["20"].split()[2] == "1/3" and list(rows) == [*engine.chapters(), "98", "all"]
    total = len(explore.tasks.tasks())
    assert rows["all"].split() == ["all", "1/1", f"2/{total}"]
    assert max(map(len, lines[:-1])) <= 80 and not any(line.startswith("Note") for line in lines)
    check.progress(
        page=str(saved(tmp_path / "record.json", tasks={"perceptron-explorer/lost": "2026-11-29"}))
    )
    out = capsys.readouterr().out
    assert "not counted: perceptron-explorer/lost." in out and f"0/{total}" in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "because it is not JSON"),
        ("[" * 100_000, "because it is not JSON"),
        ("[]", "no record of this course"),
        ('{"tasks": {}}', "no record of this course"),
        ('{"course": "bioimage-course"}', "damaged"),
        ('{"course": "bioimage-course", "tasks": []}', "damaged"),
        ('{"course": "bioimage-course", "tasks": {"ball-explorer/fast": true}}', "a task has no date"),
        ('{"course": "bioimage-course", "tasks": {"ball-explorer/fast": "yesterday"}}', "a task has no date"),
    ],
)
def test_a_bad_record_gets_one_sentence(mean, tmp_path, text, expected):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(InputError, match=expected) as caught:
        check.progress(page=path)
    assert "\n" not in str(caught.value) and "Your record" in str(caught.value)


def test_a_missing_record_and_no_path_get_one_sentence(mean, tmp_path):
    for missing in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match="could not be read"):
            check.progress(page=missing)
    with pytest.raises(InputError, match="must be the path of a saved record, not int"):
        check.progress(page=3)


def test_a_bad_record_forgets_nothing(mean, tmp_path):
    mean(np.mean)
    with pytest.raises(InputError):
        check.progress(reset=True, page=tmp_path / "none.json")
    assert record.solved() == {"mean_intensity": "98"}
