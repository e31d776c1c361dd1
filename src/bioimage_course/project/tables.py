"""Tables of a project as CSV, whole or not at all."""

import csv
import io

from bioimage_course import files


def write_table(path, rows: list[dict]) -> None:
    """Write rows under the names of the first; a table without rows is an empty file."""
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    files.save(path, text.getvalue())


def read_table(path) -> list[dict]:
    """The rows of a table that may have been opened and saved by a spreadsheet program."""
    with open(path, newline="", encoding="utf-8-sig") as stream:  # Excel puts a mark before the first name
        return list(csv.DictReader(stream))
