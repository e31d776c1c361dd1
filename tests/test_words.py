"""Numbers, plurals and tables as readers want them."""

import pytest

from coursebook import words


@pytest.mark.parametrize(("number", "text"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_one_is_singular(number, text):
    assert words.counted(number, "finding") == text


def test_small_numbers_stand_at_their_own_place():
    assert [words.NUMBERS[n] for n in (0, 1, 8, 15, 20)] == ["no", "one", "eight", "fifteen", "twenty"]


def test_numbers_of_a_table_stand_at_the_right():
    rows = [["a|b", "1"], ["**all**", "**12**"]]
    assert words.table(["What", "How many"], rows, "Counts", (70, 30), right=True).split("\n") == [
        "| What | How many |",
        "| :--- | ---: |",
        "| a\\|b | 1 |",
        "| **all** | **12** |",
        "",
        ': Counts {tbl-colwidths="[70,30]"}',
    ]
