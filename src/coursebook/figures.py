"""Figures of the course as a whole, as tables for the set-up page.

``benchmarks/bench_course.py`` measures and keeps a history of runs in ``benchmarks/results/course.json``;
times and memory of the notebooks come from ``notebooks/timings.json``. Everything on the page is made from
these two files.
"""

import json
from dataclasses import dataclass

from bioimage_course.errors import InputError
from coursebook import execute, words
from coursebook.project import Project

RESULTS = "benchmarks/results/course.json"


@dataclass(frozen=True)
class Figure:
    """One figure: its key in the results, what it says, its unit, and how much more counts as worse."""

    key: str
    text: str
    unit: str
    tolerance: float = 0.25


# Times on a machine that does other things too vary by a quarter; sizes do not vary by themselves.
FIGURES = (
    Figure("clone_s", "copy the repository with git (without its way over the network)", "s"),
    Figure("install_book_s", "install what rendering needs (`make book`)", "s"),
    Figure("render_s", "render all pages", "s"),
    Figure("first_page_s", "**from clone to first page**, together", "s"),
    Figure("install_course_s", "install everything (`make lab`)", "s"),
    Figure("tests_s", "all tests and all compared notebooks", "s"),
    Figure("green_tests_s", "**from clone to green tests**, together", "s"),
    Figure("notebooks_s", "**all notebooks**, one after the other (aim: under 20 min)", "s"),
    Figure("slowest_notebook_s", "the slowest notebook", "s"),
    Figure("most_memory_gb", "the largest peak memory of a notebook", "GB", 0.1),
    Figure("book_mb", "all files of the rendered book", "MB", 0.1),
    Figure("median_page_kb", "a page with all that it loads (median)", "kB", 0.1),
    Figure("largest_page_kb", "the heaviest page", "kB", 0.1),
    Figure("median_requests", "files that a page loads (median)", "files", 0.1),
    Figure("most_requests", "files that a page loads, at most", "files", 0.1),
)
INSTALLATIONS = (
    ("to render the book (`make book`)", "install_book_s", "book_environment_gb"),
    ("everything, with CUDA (`make lab`)", "install_course_s", "course_environment_gb"),
    ("everything, without CUDA (`make lab CPU=1`)", "install_cpu_s", "cpu_environment_gb"),
)


def duration(seconds: float) -> str:
    """Round a duration to what a reader wants to know: 35 s, 2 min 10 s, 1 h 5 min."""
    seconds = max(1, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    minutes, rest = divmod(5 * round(seconds / 5), 60)
    if minutes >= 60:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def read(project: Project) -> list[dict]:
    """Return the runs of the benchmark, oldest first.

    Raises
    ------
    InputError
        If there are none.
    """
    path = project.root / RESULTS
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    if not runs:
        raise InputError(f"{RESULTS} holds no run; `python benchmarks/bench_course.py` makes one.")
    return runs


def of_notebooks(project: Project) -> dict[str, float]:
    """Return what ``notebooks/timings.json`` says about all notebooks together."""
    records = execute.read_timings(project).values()
    if not records:
        return {}
    return {
        "notebooks_s": round(sum(record["seconds"] for record in records), 1),
        "slowest_notebook_s": max(record["seconds"] for record in records),
        "most_memory_gb": round(max(record["peak_memory_mb"] for record in records) / 1000, 2),
    }


def latest(runs: list[dict], key: str) -> tuple[float | None, str]:
    """Return the newest value of a figure and its date; some figures are not measured in every run."""
    for run in reversed(runs):
        if key in run["figures"]:
            return run["figures"][key], run["date"]
    return None, ""


def change(figure: Figure, now: float | None, before: float | None) -> str:
    """Say how a figure moved; what got worse by more than its tolerance is marked."""
    if now is None or not before:
        return "–"
    share = now / before - 1
    if abs(share) < 0.005:
        return "same"
    text = f"{share:+.0%}".replace("-", "−")
    return f"**{text}, worse**" if share > figure.tolerance else text


def earlier(runs: list[dict], key: str) -> float | None:
    """Return the figure's value in the run before the newest that has it, on the same kind of machine."""
    having = [run for run in runs if key in run["figures"]]
    same = [run for run in having[:-1] if run["machine"] == having[-1]["machine"]]
    return same[-1]["figures"][key] if same else None


def cells(figure: Figure, now: float | None, before: float | None) -> list[str]:
    """Return a figure now, in the run before, and its change."""
    then = "–" if before is None else _with_unit(before, figure.unit)
    return [_with_unit(now, figure.unit), then, change(figure, now, before)]


def _with_unit(number: float | None, unit: str) -> str:
    """Return a number with its unit, as a reader wants it."""
    if number is None:
        return "not measured"
    if unit == "s":
        return duration(number)
    return f"{number:.1f} GB" if unit == "GB" else f"{number:,.0f} {unit}"


def table(project: Project) -> str:
    """Return the table of all figures in Markdown: now, in the run before, and the change."""
    runs = read(project)
    rows = []
    fresh = of_notebooks(project)  # newer than the last run where notebooks were executed since
    for figure in FIGURES:
        now = fresh.get(figure.key, latest(runs, figure.key)[0])
        before = earlier(runs, figure.key)
        rows.append([figure.text, *cells(figure, now, before)])
    last = runs[-1]
    tests, date = latest(runs, "tests_s")
    note = f"; tests on {date}" if tests is not None and date != last["date"] else ""
    caption = f"Measured on {last['date']}{note} ({machine(last)}); installations begin with empty caches"
    return words.table(["What", "Now", "Run before", "Change"], rows, caption, (46, 18, 18, 18)) + "\n"


def installations(project: Project) -> str:
    """Return the table of installation times and disk space in Markdown."""
    runs = read(project)
    rows = [
        [text, _with_unit(latest(runs, seconds)[0], "s"), _with_unit(latest(runs, space)[0], "GB")]
        for text, seconds, space in INSTALLATIONS
    ]
    last = runs[-1]
    caption = (
        f"Measured on {last['date']} ({machine(last)}) with a fast connection to the package index; "
        "a slow connection takes longer in proportion"
    )
    return words.table(["Installation", "Time", "Disk"], rows, caption, (50, 25, 25)) + "\n"


def machine(run: dict) -> str:
    """Name the machine of a run."""
    return f"{run['machine']}, Python {run['versions']['python']}"
