"""Compare nested results, such as those of a JSON file, with room for the last digits of computed numbers."""

import pytest


def flat(value, at=()):
    """Every leaf of nested dicts and lists by its place."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {place: leaf for key, part in items for place, leaf in flat(part, (*at, key)).items()}
    return {at: value}


def same(found, told, abs):
    """Assert that both have the same places, words and whole numbers, and floats within `abs`."""
    found, told = flat(found), flat(told)
    assert found.keys() == told.keys()
    for place, right in told.items():
        assert found[place] == (pytest.approx(right, abs=abs) if isinstance(right, float) else right), place
