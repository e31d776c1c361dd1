"""What a chapter claims about its own numbers, computed where the numbers are."""

import re

from ..errors import InputError
from .style import Markdown, table

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HASH = re.compile(r"[0-9a-f]{6}")
COLUMNS = ("claim", "numbers", "holds")


def claims(*entries) -> Markdown:
    """A table of claims: what each rests on, and whether it holds.

    The sentence itself stands on the chapter's page, under the same name. Its hash stands here, so
    that nobody changes the sentence without looking at the condition.

    Parameters
    ----------
    *entries : tuple of (str, str, bool, str)
        Name (``remedy-helps``), the sentence's hash (six hexadecimal digits, given by ``course check``),
        the computed condition that makes the sentence true, and the computed numbers as text.

    Returns
    -------
    Markdown
        One row a claim; a claim that does not hold says **no**.

    Raises
    ------
    InputError
        If an entry has another form, or a name comes twice.

    Examples
    --------
    >>> gains = [2.5, 0.6, 1.7]
    >>> print(claims(("every-search-gains", "1a2b3c", min(gains) > 0, f"at least {min(gains)} points")))
    | claim | numbers | holds |
    |:---|:---|:---|
    | every-search-gains | at least 0.6 points | yes |
    """
    rows, names = [], set()
    for entry in entries:
        if not isinstance(entry, tuple) or len(entry) != 4:
            raise InputError(f"A claim is a tuple (name, hash, condition, numbers), not {entry!r}.")
        name, digest, condition, numbers = entry
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in names:
            raise InputError(f"A claim needs a name of its own such as 'remedy-helps', not {name!r}.")
        if not isinstance(digest, str) or not HASH.fullmatch(digest):
            raise InputError(
                f"The hash of {name!r} has six hexadecimal digits; `course check claims` says which."
            )
        if type(condition).__name__ not in ("bool", "bool_"):
            raise InputError(f"The condition of {name!r} must be True or False, not {condition!r}.")
        if not isinstance(numbers, str) or not numbers.strip():
            raise InputError(f"Give the numbers of {name!r} as text, not {numbers!r}.")
        names.add(name)
        rows.append([name, numbers, "yes" if condition else "**no**"])
    return table(rows, COLUMNS)
