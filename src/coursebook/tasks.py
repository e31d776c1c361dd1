"""The list of all tasks of the explorables, for the page on which the reader's record is printed.

What is asked stands in ``explore/js/tasks.js``; here it is put under the chapters' titles, in the order of
the book. ``book/assets/record.js`` ticks what the reader's browser remembers.
"""

import re

from bioimage_course.explore import tasks
from coursebook.project import Project
from coursebook.sources import Source

PAGE = "book/record.qmd"
ELEMENT = re.compile(r"<([a-z]+(?:-[a-z0-9]+)*-explorer)\b")
FIGURE = re.compile(r"^::: \{#(fig-[\w-]+)", re.MULTILINE)


def explorables(project: Project, source: Source) -> dict[str, str]:
    """Return the explorables on a chapter's page: tag -> name of the first figure that shows it."""
    path = project.root / "book" / f"{source.name}.qmd"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found: dict[str, str] = {}
    for match in ELEMENT.finditer(text):
        figures = FIGURE.findall(text, 0, match.start())
        found.setdefault(match[1], figures[-1] if figures else "")
    return found


def sheet(project: Project, sources: list[Source]) -> str:
    """Return the tasks of all chapters in Markdown, each with the name under which it is remembered.

    Parameters
    ----------
    project : Project
    sources : list of Source
        In the order of the book.
    """
    blocks = []
    for source in sources:
        for tag, figure in explorables(project, source).items():
            lines = [
                f'- [{task.sentence}]{{.task data-task="{task.id}"}}'
                for task in tasks.tasks()
                if task.tag == tag
            ]
            if lines:
                blocks += [f"**[{source.title}]({source.name}.qmd#{figure})**", "\n".join(lines)]
    return "\n\n".join(blocks) + "\n"
