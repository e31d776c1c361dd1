"""The checks that all adapters share."""

import numpy as np
import pytest

from bioimage_course import data
from bioimage_course.errors import InputError
from bioimage_course.tools import _inputs


def test_samples_tensors_and_arrays_become_float32():
    torch = pytest.importorskip("torch")
    for value in (data.load("nuclei"), np.zeros((4, 5), np.uint16), torch.zeros(4, 5), [[1, 2], [3, 4]]):
        array = _inputs.image(value, "The tool")
        assert array.dtype == np.float32 and array.ndim == 2


def test_colour_only_where_it_is_wanted():
    assert _inputs.image(np.zeros((4, 5, 3)), "The tool", colour=True).shape == (4, 5, 3)
    with pytest.raises(InputError, match=r"The tool needs one 2D image \(Y, X\); .*one channel"):
        _inputs.image(np.zeros((4, 5, 3)), "The tool")
    with pytest.raises(InputError, match=r"\(Y, X\) or \(Y, X, 3\)"):
        _inputs.image(np.zeros((3, 4, 5)), "The tool", colour=True)


@pytest.mark.parametrize("value", ["1", None, True, np.nan, -0.1, 1.1, [0.5]])
def test_wrong_numbers(value):
    with pytest.raises(InputError, match="sigma must be a number from 0 to 1"):
        _inputs.number(value, "sigma", 0, 1)


def test_numbers_and_their_sentences():
    assert _inputs.number(np.float32(0.5), "sigma", 0, 1) == 0.5
    with pytest.raises(InputError, match="of at least 0, or 'auto'"):
        _inputs.number(-1, "sigma", 0, np.inf, alternative="auto")


def test_limits():
    array = np.arange(1001, dtype=np.float32)
    assert _inputs.limits(array) == pytest.approx((10, 998), abs=0.1)
    assert _inputs.limits(array, (3, 4)) == (3, 4)
    assert _inputs.limits(np.full(9, 7.0)) == (7, 7)
    for wrong in ((4, 3), (1, np.inf), 5, "ab", (1, 2, 3)):
        with pytest.raises(InputError, match="limits"):
            _inputs.limits(array, wrong)
