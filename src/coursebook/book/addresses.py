"""Where a path in a page leads, and which command makes a file that is not there."""

import re
from pathlib import Path

MADE = {
    r"notebooks/solutions/(\d\d)-[\w-]+\.ipynb": (
        "notebooks/sources/{0.stem}.py",
        "`course notebooks --only {1}` makes it",
    ),
    r"book/assets/explorables/([\w-]+-explorer)\.png": (
        "src/bioimage_course/explore/js/{1}.js",
        "`python -m coursebook.screenshots {1}` draws it",
    ),
    r"book/_generated/(\d\d)-claims\.md": (
        "book/quizzes/{1}.yml",
        "`course notebooks --only {1}` makes it from the notebook's cell tagged claims",
    ),
}
"""Pattern of a file: what it is made from, and how."""


def how_made(root: Path, file: str) -> str:
    """Return the command that makes a missing file, or nothing if it would not."""
    for pattern, (source, command) in MADE.items():
        match = re.fullmatch(pattern, file)
        if match and (root / source.format(Path(file), match[1])).is_file():
            return command.format(Path(file), match[1])
    return ""


def resolve(page: str, target: str) -> str | None:
    """Return `target` as seen from `page` as a path from the root, None if it leaves the project."""
    parts = [] if target.startswith("/") else page.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
