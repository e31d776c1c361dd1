"""``course published``: score published models where the course's own are scored."""

import importlib
import sys

from bioimage_course.errors import InputError
from coursebook.project import Project

SCRIPT = "training/published.py"


def main(argv: list[str]) -> int:
    """Run ``course published``; the work is done by ``training/published.py``, whose options it takes."""
    script = Project.find().root / SCRIPT
    if not script.is_file():
        raise InputError(f"{SCRIPT} is missing: `course published` needs a clone of the repository.")
    sys.path.insert(0, str(script.parent))
    try:
        return importlib.import_module(script.stem).main(argv)
    finally:
        sys.path.remove(str(script.parent))
