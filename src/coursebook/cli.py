"""The ``course`` command.

Each subcommand lives in a module of its own with one function ``main(argv) -> int | None``
(its own :mod:`argparse` parser, exit code back). Only the chosen module is imported, so that
``course --help`` works before anything heavy is installed.
"""

import argparse
import importlib
import sys

from bioimage_course.errors import CourseError

# subcommand -> (module whose main(argv) does the work, one line of help)
COMMANDS = {
    "book": ("coursebook.render", "render the book to _book/ (with Quarto where it exists)"),
    "preview": ("coursebook.preview", "render the book, or one page, with the built-in preview renderer"),
    "notebooks": ("coursebook.build", "make and execute the notebooks from notebooks/sources/"),
    "new": ("coursebook.new", "make the files of a new chapter, explorable, exercise or tool"),
    "check": ("coursebook.checks", "check pages, references, glossary, badges and generated files"),
    "quick": ("coursebook.quick", "within three minutes: lint, the book's rules, examples, short tests"),
    "test": ("coursebook.testing", "run all tests; further arguments go to pytest"),
    "mutants": ("coursebook.mutants", "change the solutions a little: the checks must notice"),
    "lab": ("coursebook.lab", "open JupyterLab on the learner's notebooks"),
    "doctor": ("coursebook.doctor", "prove that every tool of the course works on this machine"),
    "models": ("coursebook.models", "list the model atlas, or what in it is older than a year"),
    "published": ("coursebook.published", "download published models and score them beside the course's own"),
    "case": ("coursebook.case_cli", "print a case of the clinic for a class, drawn by lot if you like"),
    "data": ("coursebook.data_cli", "list, download and verify the data sets"),
    "project": (
        "coursebook.own_project",
        "a folder for your own images: new, survey, draw, labels, race, curve, predict",
    ),
    "set-repo-url": ("coursebook.repo_url", "change the public address of the course everywhere"),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the top level: it knows the subcommands' names, not their options."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="course",
        usage="course [-h] [--version] COMMAND ...",
        description="Deep Learning for Bio-image Analysis: build, read and test the course.",
        epilog=f"commands:\n{lines}\n\n`course COMMAND --help` explains one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    top.add_argument("command", nargs="?", help=argparse.SUPPRESS, metavar="COMMAND")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run ``course`` and return its exit code.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program's name; the process's own by default.

    Returns
    -------
    int
        0 if all is well, 1 if something that was checked is not, 2 for a mistake that one
        sentence explains, 130 after Ctrl-C.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    top = parser()
    chosen = top.parse_args(argv[:1])
    if chosen.version:
        import bioimage_course

        print(f"bioimage-course {bioimage_course.__version__}")
        return 0
    if chosen.command is None:
        top.print_help()
        return 0
    if chosen.command not in COMMANDS:
        from coursebook.book.findings import advice

        top.error(f"there is no command {chosen.command!r}; {advice(chosen.command, COMMANDS)}")
    try:
        return _run(chosen.command, argv[1:]) or 0
    except CourseError as error:
        print(f"course {chosen.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
        return 0


def _run(command: str, argv: list[str]) -> int | None:
    try:
        return importlib.import_module(COMMANDS[command][0]).main(argv)
    except ModuleNotFoundError as error:
        missing = error.name or "a module"
        if missing.split(".")[0] in {"coursebook", "bioimage_course"}:
            raise
        raise CourseError(
            f"the Python package {missing!r} is not installed in this environment; "
            "`make lab` or `make test` installs everything, `make book` only what rendering needs."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
