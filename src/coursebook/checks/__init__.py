"""``course check``: everything about the course that can be wrong and that no renderer insists on.

Quarto only warns about undefined references, missing citations, dead links and unknown
shortcodes; here each is a finding ``file:line: message``, and one finding makes the command exit
with 1. What the reader of the book (`coursebook.book`) found is asked, not read again. Each rule is one
small function in the table :data:`RULES`; ``course check --list`` shows the table. They stand in
``pages``, ``chapters``, ``repository`` and ``vocabulary``. Nothing heavy is imported: the light environment
of the book is enough.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace

from bioimage_course.errors import InputError
from coursebook.book.findings import Finding, nearest
from coursebook.book.reader import Book
from coursebook.checks import chapters, pages, repository, vocabulary
from coursebook.checks.chapters import exercise_functions
from coursebook.checks.table import RULES
from coursebook.project import Project
from coursebook.words import counted

__all__ = ["RULES", "chapters", "exercise_functions", "main", "pages", "repository", "run", "vocabulary"]


def run(project: Project, names: Iterable[str] = ()) -> dict[str, list[Finding]]:
    """Apply the rules called `names` (by default all).

    Returns
    -------
    dict
        Name of the rule -> its findings, sorted; rules without findings are there, too.

    Raises
    ------
    InputError
        If a name is no rule's.
    """
    results, book = {}, Book(project)
    for name in list(names) or RULES:
        if name not in RULES:
            hint = nearest(name, RULES) or "`course check --list` lists them"
            raise InputError(f"No rule is called {name!r}; {hint}")
        results[name] = sorted({replace(finding, rule=name) for finding in RULES[name].find(book)})
    return results


def main(argv: list[str]) -> int:
    """Run ``course check``."""
    parser = argparse.ArgumentParser(
        prog="course check",
        description="Check pages, notebooks, references, glossary, badges and generated files.",
    )
    parser.add_argument("rules", nargs="*", metavar="RULE", help="apply these rules only")
    parser.add_argument("--list", action="store_true", help="list the rules and stop")
    options = parser.parse_args(argv)
    if options.list:
        width = max(map(len, RULES))
        for each in RULES.values():
            print(f"{each.name:<{width}}  {each.text}")
        return 0
    results = run(Project.find(), options.rules)
    findings = sorted(finding for found in results.values() for finding in found)
    for finding in findings:
        print(f"{finding} [{finding.rule}]")
    if findings:
        broken = f"{sum(map(bool, results.values()))} of {counted(len(results), 'rule')}"
        print(f"{counted(len(findings), 'finding')} in {broken}", file=sys.stderr)
        return 1
    print(f"{counted(len(results), 'rule')}, no finding")
    return 0
