"""Numbers, plurals and tables as readers want them."""

import re

NUMBERS = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()
"""Small numbers in words, each at its own place."""


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "1 finding", "3 findings"."""
    return f"{number} {thing}{'s' * (number != 1)}"


def table(head: list[str], rows: list[list[str]], caption: str, widths: tuple, right: bool = False) -> str:
    """Return a Markdown table; with `right`, numbers stand at the right of their column."""
    marks = [
        "---:" if right and all(re.match(r"\**(?:\d|not yet)", row[column]) for row in rows) else ":---"
        for column in range(len(head))
    ]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in [head, marks, *rows]]
    shares = ",".join(map(str, widths))
    return "\n".join([*lines, "", f': {caption} {{tbl-colwidths="[{shares}]"}}'])
