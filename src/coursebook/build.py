"""Bring everything that is made from the sources up to date (``course notebooks``)."""

import argparse
import sys
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook import generated, sources
from coursebook.book.findings import Finding
from coursebook.execute import execute as execute_notebooks
from coursebook.project import Project


def build(
    project: Project, only: list[str] | None = None, force: bool = False, execute: bool = True
) -> list[Finding]:
    """Bring notebooks and everything made from the sources up to date.

    Parameters
    ----------
    project : Project
    only : list of str, optional
        Chapters (``"01"``) or names (``"01-perceptrons"``) to execute; all by default.
    force : bool
        Execute notebooks that are up to date, too.
    execute : bool
        Without it nothing is executed; notebooks whose stored outputs no longer belong to their
        code stay as they are.

    Returns
    -------
    list of Finding
        Mistakes in the chosen sources, and why notebooks could not be executed.
    """
    paths = choose(project, only)
    findings = [f for f in generated.update(project) if f.path in map(project.relative, paths)]
    if execute:
        chosen = [source for source in sources.read_all(project)[0] if source.path in paths]
        findings += execute_notebooks(project, chosen, force=force)
        generated.update(project)  # the cards show the times just measured
    return findings


def choose(project: Project, only: list[str] | None) -> list[Path]:
    """Return the paths of the sources that `only` names by chapter or name.

    Raises
    ------
    InputError
        If it names something that does not exist.
    """
    paths = project.source_paths()
    if not only:
        return paths
    for name in only:
        if not any(name in (path.stem, path.stem[:2]) for path in paths):
            known = ", ".join(path.stem for path in paths) or "none yet"
            raise InputError(f"No notebook source is called {name!r}; there are {known}.")
    return [path for path in paths if {path.stem, path.stem[:2]} & set(only)]


def main(argv: list[str]) -> int:
    """Run ``course notebooks``."""
    parser = argparse.ArgumentParser(
        prog="course notebooks",
        description="Make the notebooks from notebooks/sources/, execute those that changed, "
        "and bring everything else that is made from the sources up to date.",
    )
    parser.add_argument("--only", nargs="+", metavar="NN", help="execute these chapters only")
    parser.add_argument("--force", action="store_true", help="execute what is up to date, too")
    parser.add_argument("--no-execute", action="store_true", help="make files only, execute nothing")
    options = parser.parse_args(argv)
    project = Project.find()
    findings = build(project, options.only, options.force, not options.no_execute)
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0
