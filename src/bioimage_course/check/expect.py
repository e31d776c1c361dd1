"""What a check may expect of a learner's result, and how to say that it is not so.

Each function returns the value in plain form (a NumPy array, a float …) or
raises :class:`~bioimage_course.check.Failure` with one sentence. PyTorch and
TensorFlow are never imported here: a tensor can only be passed once they are.
"""

import inspect
import sys

import numpy as np

from bioimage_course.check import placeholder
from bioimage_course.check.engine import Failure, describe_error, is_unfinished, one_line

_KINDS = {
    "number": ("biuf", "numbers"),
    "float": ("f", "floating-point numbers"),
    "integer": ("iu", "integers"),
    "bool": ("b", "truth values (True or False)"),
}

# Factors with a meaning; any other would be noise, and would give the answer away.
_FACTORS = {
    2: "2 times",
    0.5: "half of",
    100: "100 times",
    0.01: "a hundredth of",
    255: "255 times",
    1 / 255: "1/255 of",
}

_NOT_FINITE = "look for a division by zero, the logarithm of 0 or an overflow"


def expect_array(
    value,
    shape=None,
    close_to=None,
    rtol=1e-5,
    atol=1e-8,
    *,
    dtype=None,
    what="your result",
    between=None,
    mistakes=None,
    finite=True,
):
    """Expect an array (or a list or tensor that is one).

    Parameters
    ----------
    value : array_like
        What the learner made: array, nested list, PyTorch or TensorFlow tensor
        (also one that requires a gradient or lives on another device).
    shape : tuple of (int or None), optional
        Require this shape; None stands for any length.
    close_to : array_like, optional
        Require these values (and their shape): ``|value - close_to| <= atol + rtol * |close_to|``.
    rtol, atol : float
        Relative and absolute tolerance; wider for numbers of fewer digits (float32, float16).
    dtype : str or numpy dtype, optional
        "number", "float", "integer", "bool", or an exact type such as ``np.uint8``.
    what : str
        What the sentence calls the value, such as "your mask".
    between : tuple of array_like, optional
        Two arrays: require ``low <= value <= high`` everywhere, within the tolerances. For answers of which
        several are right, such as any median of an even number of values.
    mistakes : dict, optional
        Usual mistakes: ``{"You divided by n instead of n - 1.": wrong_array}``; a value that
        equals the wrong array (and not `close_to`) gets that sentence.
    finite : bool
        Refuse NaN and infinity, except where `close_to` has them too.

    Returns
    -------
    ndarray
        A copy, on the CPU, without gradient.
    """
    array = to_numpy(value, what)
    if between is not None:
        low, high = map(np.asarray, between)
        _expect_shape(array, low.shape, what)
        close_to = np.where(np.isnan(array), low, np.clip(array, low, high))  # the nearest right answer
    _refuse_mistakes(array, close_to, mistakes, rtol, atol)
    if close_to is not None:
        _expect_shape(array, np.shape(close_to), what)
    if shape is not None:
        _expect_shape(array, (shape,) if isinstance(shape, int) else tuple(shape), what)
    if dtype is not None:
        _expect_kind(array, dtype, what)
    if close_to is not None:
        _expect_values(array, np.asarray(close_to), rtol, atol, what)
    elif finite:
        _expect_finite(array, what)
    return array


def expect_number(
    value,
    close_to=None,
    rtol=1e-5,
    atol=1e-8,
    *,
    between=None,
    integer=False,
    what="your result",
    mistakes=None,
):
    """Expect one number (also a NumPy scalar, a 0-dimensional array or tensor, True as 1, False as 0).

    Parameters
    ----------
    value : number
    close_to : float, optional
        Require ``|value - close_to| <= atol + rtol * |close_to|``.
    between : tuple of float, optional
        Require ``low <= value <= high``.
    integer : bool
        Require a whole number.
    what : str
        What the sentence calls the value.
    mistakes : dict, optional
        Usual mistakes: ``{"sentence": wrong number}``.

    Returns
    -------
    float or int
        An int if `integer`.
    """
    array = to_numpy(value, what)
    if array.ndim:
        raise Failure(f"{what} must be one number, not an array of shape {array.shape}.")
    _refuse_mistakes(array, close_to, mistakes, rtol, atol)
    number = array.item()
    if isinstance(number, complex):
        raise Failure(f"{what} must be a real number, not {number}.")
    if not np.isfinite(number) and (close_to is None or np.isfinite(close_to)):
        raise Failure(f"{what} is {number}; {_NOT_FINITE}.")
    if integer and number != int(number):
        raise Failure(f"{what} must be a whole number, not {_short(number)}.")
    if between is not None and not between[0] <= number <= between[1]:
        low, high = map(_short, between)
        raise Failure(f"{what} is {_short(number)}; it must lie between {low} and {high}.")
    if close_to is not None and not _matches(array, close_to, rtol, atol):
        relation = _relation(array, close_to, rtol, atol)
        raise Failure(f"{what} is {_short(number)}; that is not the right value{relation}.")
    return int(number) if integer else float(number)


def expect_labels(value, like, what="your label image"):
    """Expect a label image that marks the same objects as another one; the numbers may differ.

    Parameters
    ----------
    value : array_like of int
        0 is background.
    like : ndarray of int
        The right label image, same shape.

    Returns
    -------
    ndarray of int
    """
    labels = expect_array(value, shape=np.shape(like), dtype="integer", what=what)
    like = np.asarray(like)
    if labels.size == 0:
        return labels
    wrong = int(np.count_nonzero((labels > 0) != (like > 0)))
    if labels.min() < 0:
        raise Failure(f"{what} has negative numbers; 0 is background and objects count from 1.")
    counts = [np.unique(image[image > 0]).size for image in (labels, like)]
    if wrong:
        raise Failure(f"{what} takes {wrong} of {like.size} pixels wrongly for background or object.")
    if counts[0] != counts[1]:
        raise Failure(f"{what} has {counts[0]} objects; there are {counts[1]}.")
    pairs = np.unique(np.stack([labels[like > 0], like[like > 0]]), axis=1)
    if pairs.shape[1] != counts[0]:
        raise Failure(f"{what} has the right number of objects, but some are cut or merged wrongly.")
    return labels


def expect_callable(value, what="what you passed"):
    """Expect a function (or any object that can be called).

    Returns
    -------
    callable
        The value itself.
    """
    if value is ...:
        raise NotImplementedError
    if not callable(value):
        raise Failure(f"{what} must be a function, not {_kind(value)}; pass its name without parentheses.")
    return value


def call(function, *args, pure=False, **kwargs):
    """Call a learner's function with copies of the arguments; an exception becomes a :class:`Failure`.

    Arrays, tensors, lists and dictionaries are copied, so that the function
    cannot change the check's own.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        What it is called with.
    pure : bool
        Fail if the function changes an array that it was given.

    Returns
    -------
    object
        What the function returned.
    """
    expect_callable(function)
    name = getattr(function, "__name__", None) or type(function).__name__
    name = name if isinstance(name, str) and name.isidentifier() else "your function"
    words = f"{name}({_arguments(args, kwargs)})"
    given, named = _copy(list(args)), _copy(kwargs)
    try:
        result = function(*given, **named)
    except (KeyboardInterrupt, Failure):
        raise
    except BaseException as error:
        if is_unfinished(error):
            raise
        never_entered = isinstance(error, TypeError) and error.__traceback__.tb_next is None
        if never_entered and not takes(function, *args, **kwargs):
            raise Failure(f"{words} cannot be called: {one_line(str(error))}.") from error
        raise Failure(f"{words} stopped with {describe_error(error)}.") from error
    if placeholder.inside((result,)):
        raise NotImplementedError
    if pure and not all(_same(before, after) for before, after in zip(args, given, strict=True)):
        raise Failure(f"{words} changes the array it is given; work on a copy (`x = x.copy()`) instead.")
    return result


def takes(function, *args, **kwargs):
    """Whether a learner's function can be called like this; for defaults that only some functions have.

    Returns
    -------
    bool
    """
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # ValueError: a builtin without a signature
        return False
    return True


def expect_parts(value, number, what):
    """Expect several things at once: a tuple, or a list, array or tensor of that length.

    Parameters
    ----------
    value : sequence
    number : int
        How many things.
    what : str
        What they are, such as "two numbers: the best epoch and the last one".

    Returns
    -------
    list
        The things.
    """
    if placeholder.inside((value,)):
        raise NotImplementedError
    if value is None:
        raise Failure(f"your result is None; did you forget `return`? Return {what}.")
    array = value if isinstance(value, np.ndarray) else _from_tensor(value)
    if not isinstance(value, (tuple, list)):
        value = [] if array is None or not array.ndim else list(array)
    if len(value) != number:
        raise Failure(f"Return {what}.")
    return list(value)


def expect_choices(given, right, replies, what):
    """Expect one answer for each of some situations, chosen from the answers that fit one of them.

    Parameters
    ----------
    given : dict
        What the learner filled in: situation -> answer; ``...`` where nothing is filled in yet.
    right : dict
        Situation -> right answer, each answer once.
    replies : dict
        Answer -> what is said where it was given wrongly: when it would fit, not what fits here.
    what : tuple of str
        The dictionary's name, and what its keys are: ``("now", "situation")``.

    Raises
    ------
    NotImplementedError
        If an answer is still missing; the check then says "not done yet".
    """
    name, key = what
    if not isinstance(given, dict):
        raise Failure(f"{name} must be a dictionary with one answer for each {key}.")
    names = list(right.values())
    number = {5: "five", 6: "six", 7: "seven"}.get(len(names), len(names))
    for question, fitting in right.items():
        if question not in given:
            raise Failure(f"There is no answer for {question!r}.")
        answer = given[question]
        if answer is ...:
            raise NotImplementedError
        if answer not in names:
            raise Failure(f"{answer!r} is none of the {number}: {', '.join(names)}.")
        if answer != fitting:
            raise Failure(f"{question!r}: not {answer!r}. {replies[answer]}")


def expect_truth(value, what="your result"):
    """Expect True or False, also NumPy's or a tensor's.

    Returns
    -------
    bool
    """
    array = None if isinstance(value, (str, bytes, dict, set, frozenset)) else to_numpy(value, what)
    if array is None or array.ndim or array.dtype != bool:
        raise Failure(f"{what} must be True or False, not {_kind(value)}.")
    return bool(array)


def to_numpy(value, what="your result"):
    """A copy of array, list or tensor as a NumPy array of numbers.

    Parameters
    ----------
    value : array_like
    what : str
        What the sentence calls the value.

    Raises
    ------
    Failure
        If it is something else, with a sentence that says what.
    """
    if placeholder.inside((value,)):
        raise NotImplementedError
    if value is None:
        raise Failure(f"{what} is None; did you forget `return`?")
    if inspect.isgenerator(value):
        raise Failure(f"{what} is a generator; use `return` instead of `yield`, or wrap it in `list(…)`.")
    is_function = callable(value) and not hasattr(value, "__array__")
    if is_function or isinstance(value, (str, bytes, dict, set, frozenset)):
        raise Failure(f"{what} must be made of numbers, not {_kind(value)}.")
    try:
        array = _from_tensor(value)
        array = np.array(value) if array is None else np.array(array)
    except (KeyboardInterrupt, Failure):
        raise
    except BaseException as error:
        if isinstance(value, (list, tuple)) and isinstance(error, ValueError):
            raise Failure(f"{what} is a ragged list: its rows must all have the same length.") from None
        words = f"{what} ({_kind(value)}) cannot be read as an array"
        raise Failure(f"{words}: {describe_error(error)}.") from error
    if array.dtype.kind not in "biufc":
        raise Failure(f"{what} must be made of numbers, not {_kind(value)} of {_kind_words(array)}.")
    return array


def _from_tensor(value):
    """A tensor's numbers, or None if it is no tensor."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.device.type == "meta":
            raise Failure('the tensor lies on the device "meta", which holds no numbers.')
        tensor = value.detach().cpu().resolve_conj().resolve_neg()
        tensor = tensor.to_dense() if tensor.layout != torch.strided else tensor
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if torch and isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
        return np.array([to_numpy(item) for item in value])
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and getattr(tensorflow, "is_tensor", lambda _: False)(value):
        return value.numpy()
    return None


def _refuse_mistakes(array, right, mistakes, rtol, atol):
    if right is not None and _matches(array, right, rtol, atol):
        return
    for sentence, wrong in (mistakes or {}).items():
        if _matches(array, wrong, rtol, atol):
            raise Failure(sentence)


def _matches(array, reference, rtol, atol):
    reference = np.asarray(reference)
    rtol, atol = _tolerance(array, reference, rtol, atol)
    return array.shape == reference.shape and np.allclose(array, reference, rtol, atol, equal_nan=True)


def _expect_shape(array, shape, what):
    pairs = zip(array.shape, shape, strict=True)  # compared only if equally long
    if array.ndim == len(shape) and all(want in (None, have) for have, want in pairs):
        return
    lengths = ["any" if length is None else str(length) for length in shape]
    words = f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"
    advice = ""
    if array.ndim == 2 and array.T.shape == tuple(shape):
        advice = "; rows and columns are swapped"
    elif array.ndim != len(shape):
        advice = f": {array.ndim} axes instead of {len(shape)}"
    raise Failure(f"{what} has the shape {array.shape}, expected {words}{advice}.")


def _expect_kind(array, wanted, what):
    if isinstance(wanted, str) and wanted in _KINDS:
        kinds, words = _KINDS[wanted]
        if array.dtype.kind not in kinds:
            raise Failure(f"{what} has the type {array.dtype}, expected {words}.")
    elif array.dtype != np.dtype(wanted):
        raise Failure(f"{what} has the type {array.dtype}, expected {np.dtype(wanted)}.")


def _expect_finite(array, what):
    bad = ~np.isfinite(array)
    if bad.any():
        kind = "NaN (not a number)" if np.isnan(array).any() else "infinity"
        raise Failure(f"{what} contains {kind} at {_where(bad)}; {_NOT_FINITE}.")


def _expect_values(array, reference, rtol, atol, what):
    rtol, atol = _tolerance(array, reference, rtol, atol)
    close = np.isclose(array, reference, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return
    if np.isfinite(reference).all():
        _expect_finite(array, what)
    relation = _relation(array, reference, rtol, atol)
    if array.ndim == 0:
        raise Failure(f"{what} is {_short(array.item())}; that is not the right value{relation}.")
    place = _first(~close)
    wrong = int(np.count_nonzero(~close))
    share = "every value" if wrong == array.size > 1 else f"{wrong} of {array.size} values"
    raise Failure(
        f"{what} has the right shape but {share} wrong{relation}; for example, at {_where(~close)} it is "
        f"{_short(array[place])} instead of {_short(reference[place])}."
    )


def _relation(array, reference, rtol, atol):
    """Words for a simple relation between wrong and right values: sign, factor or offset."""
    if array.dtype.kind == "b" or np.asarray(reference).dtype.kind == "b":
        inverted = np.array_equal(np.asarray(array, bool), ~np.asarray(reference, bool))
        return " (True and False are swapped)" if inverted and array.size else ""
    have = np.asarray(array, dtype=complex).ravel()
    want = np.asarray(reference, dtype=complex).ravel()
    if not have.size or not np.isfinite(have).all() or not np.isfinite(want).all():
        return ""
    if np.allclose(have, -want, rtol, atol):
        return " (the sign is the wrong way round)"
    for factor, words in _FACTORS.items():
        if want.any() and np.allclose(have, factor * want, rtol, atol):
            return f" (yours is {words} the right one)"
    offset = (have - want).mean().real
    if have.size > 1 and np.allclose(have - offset, want, rtol, atol):
        return f" (yours is off by {_short(offset)} everywhere)"
    return ""


def _tolerance(array, reference, rtol, atol):
    """Tolerances, not finer than numbers of the array's type can be: 7 digits of float32, 3 of float16."""
    if array.dtype.kind != "f" or array.dtype.itemsize >= 8:
        return rtol, atol
    digits = 64 * float(np.finfo(array.dtype).eps)
    size = np.abs(reference[np.isfinite(reference)]).max(initial=0) if reference.dtype.kind in "iuf" else 0
    return max(rtol, digits), max(atol, digits * float(size) / 8)


def _first(mask):
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _where(mask):
    place = _first(mask)
    return f"[{', '.join(map(str, place))}]" if place else "its only value"


def _short(number):
    return f"{number:.6g}" if isinstance(number, (float, np.floating)) else str(number)


_WORDS = {
    "NoneType": "None",
    "str": "text",
    "bytes": "bytes",
    "dict": "a dictionary",
    "set": "a set",
    "list": "a list",
    "tuple": "a tuple",
    "ndarray": "an array",
    "Tensor": "a tensor",
    "int": "a number",
    "float": "a number",
    "bool": "a truth value",
    "generator": "a generator",
}


def _kind(value):
    name = type(value).__name__
    if issubclass(type(value), type):
        return "a class"
    if callable(value) and ("function" in name.lower() or name in ("method", "ufunc")):
        return "a function"
    return _WORDS.get(name, f"an object of the class {name}")


def _kind_words(array):
    words = {"U": "text", "S": "bytes", "O": "mixed things", "M": "dates", "m": "times"}
    return words.get(array.dtype.kind, str(array.dtype))


def _arguments(args, kwargs):
    parts = [_brief(value) for value in args] + [f"{name}={_brief(value)}" for name, value in kwargs.items()]
    return ", ".join(parts)


def _brief(value):
    """A few characters that identify an argument; never raises."""
    shape = getattr(value, "shape", None)
    try:
        if isinstance(shape, tuple) and len(shape):
            if np.prod(shape) <= 6:
                return one_line(repr(np.asarray(to_numpy(value)).tolist()))
            kind = "tensor" if type(value).__name__ == "Tensor" else "array"
            return f"<{kind} {'×'.join(map(str, shape))}, {value.dtype}>"
        if callable(value) and hasattr(value, "__name__"):
            return value.__name__
        text = one_line(repr(value))
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _copy(value):
    torch = sys.modules.get("torch")
    if isinstance(value, np.ndarray):
        return value.copy()
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple, set):
        return type(value)(_copy(item) for item in value)
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return value


def _same(before, after):
    if type(before) in (list, tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(before, torch.Tensor):
        return before.shape == after.shape and bool(torch.equal(before, after))
    return True
