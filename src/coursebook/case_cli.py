"""The ``course case`` command: a sheet of one case of the clinic, for a class."""

import argparse
from pathlib import Path

from bioimage_course import clinic
from bioimage_course.errors import InputError


def sheet(case: clinic.Case, answer: bool = False) -> str:
    """Return a case in Markdown, to print: without the answer there is room to write.

    Parameters
    ----------
    case : clinic.Case
    answer : bool
        Whether diagnosis, test and repair stand there, with the number before and after.

    Returns
    -------
    str
    """
    questions = "\n".join(f"{number}. {question}" for number, question in enumerate(case.questions, 1))
    head = f"# {case.name.replace('-', ' ').capitalize()}\n\n> {case.symptom}\n\n"
    given = f"To examine the patient: `clinic.case({case.name!r}).given()`\n\n"
    if not answer:
        blanks = "".join(f"**{part}:**\n\n\n" for part in ("Questions", "Test", "Diagnosis", "Repair"))
        return f"{head}{given}{blanks}".rstrip() + "\n"
    return (
        f"{head}{given}**A specialist asks:**\n\n{questions}\n\n"
        f"**Test:** `{case.test}`\n\n"
        f"**Diagnosis:** {case.diagnosis}. {case.cause}\n\n"
        f"**Repair:** {case.repair}\n\n"
        f"**Counted:** {case.outcome}: {case.before:.3g} before, {case.after:.3g} after.\n"
    )


def main(argv: list[str]) -> int:
    """Run ``course case``."""
    parser = argparse.ArgumentParser(
        prog="course case",
        description="Print a case of the clinic as a sheet for a class; without arguments, list all cases.",
    )
    parser.add_argument("name", nargs="?", help="of the case, such as snow")
    parser.add_argument("--random", action="store_true", help="draw one by lot")
    parser.add_argument("--seed", type=int, help="with --random: the same number draws the same case")
    parser.add_argument("--group", help=f"list or draw from: {', '.join(clinic.GROUPS)}")
    parser.add_argument("--answer", action="store_true", help="with diagnosis, test and repair")
    parser.add_argument("--picture", metavar="FILE", help="draw it, sick beside repaired, into a file")
    options = parser.parse_args(argv)
    if options.name and options.random:
        raise InputError("Name a case or draw one with --random, not both.")
    if options.seed is not None and not options.random:
        raise InputError("--seed goes with --random.")
    if not options.name and not options.random:
        if options.answer or options.picture:
            raise InputError(
                "Name a case, or draw one with --random: --answer and --picture are of one case."
            )
        print(_listed(options.group))
        return 0
    if options.picture and Path(options.picture).exists():
        raise InputError(f"{options.picture!r} is there already; give --picture the name of a new file.")
    case = clinic.random_case(options.seed, options.group) if options.random else clinic.case(options.name)
    print(sheet(case, options.answer), end="")
    if options.picture:
        _save(case, Path(options.picture))
    return 0


def _listed(group: str | None) -> str:
    found = clinic.cases(group)
    width = max(len(case.name) for case in found)
    return "\n".join(f"{case.name:<{width}}  {case.group:<11}  {case.outcome}" for case in found)


def _save(case: clinic.Case, file: Path) -> None:
    try:
        clinic.picture(case.name).savefig(file)
    except (OSError, ValueError) as error:
        raise InputError(f"The picture could not be saved in {str(file)!r} ({error}).") from None
