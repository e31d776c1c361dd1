"""The course in figures: from a clean clone to the first page and to green tests, notebooks, weight of pages.

    python benchmarks/bench_course.py            a few minutes
    python benchmarks/bench_course.py --tests    also all tests, in the fresh clone
    python benchmarks/bench_course.py --cpu      also the installation without CUDA

Clones what is committed into a temporary folder, installs with empty caches from the package index, and
renders the book with the preview renderer. Times and memory of the notebooks are those of
``notebooks/timings.json``. The run is added to ``results/course.json``, which keeps the last ones, and is
compared with the run before on the same kind of machine: what got worse is marked, nothing fails. Then
``course notebooks --no-execute`` brings the figures to the set-up page.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from coursebook import figures
from coursebook.project import Project, write_text

ROOT = Path(__file__).resolve().parents[1]
KEPT = 12  # runs in the history
BIN = "Scripts" if os.name == "nt" else "bin"


def timed(*command, cwd: Path, environment: dict) -> float:
    """Run a command, which must succeed; return its seconds."""
    start = time.perf_counter()
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    seconds = round(time.perf_counter() - start, 1)
    print(f"{seconds:8.1f} s  {' '.join(Path(part).name for part in command)}", flush=True)
    return seconds


def gigabytes(folder: Path) -> float:
    """Return the disk space of a folder; files with several names count once."""
    sizes, folders = {}, [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    facts = os.stat(entry.path)
                    sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return round(sum(sizes.values()) / 1e9, 2)


# ---------------------------------------------------------------- clone, install, render, test


@contextlib.contextmanager
def optional():
    """Print why a measurement failed and go on: the other figures are worth keeping."""
    try:
        yield
    except RuntimeError as failure:
        print(failure)


def from_clean_clone(folder: Path, tests: bool, cpu: bool) -> dict[str, float]:
    """Measure everything between ``git clone`` and green tests, in an empty folder.

    Returns
    -------
    dict
        The figures of `coursebook.figures` that need a clone.
    """
    clone, cache = folder / "course", folder / "cache"
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "UV_CACHE_DIR", "PIP_CACHE_DIR")
    environment = {key: text for key, text in os.environ.items() if key not in hidden}
    environment |= {"UV_CACHE_DIR": str(cache), "PIP_NO_CACHE_DIR": "1"}
    python, course = Path(sys.executable).resolve(), clone / ".venv" / BIN / "course"

    def fresh(name: str, *options: str) -> tuple[float, float]:
        """Install an environment from nothing; return its seconds and gigabytes."""
        shutil.rmtree(clone / ".venv", ignore_errors=True)
        shutil.rmtree(cache, ignore_errors=True)
        install = (python, "requirements/install.py", name, *options)
        return timed(*install, cwd=clone, environment=environment), gigabytes(clone / ".venv")

    found = {
        "clone_s": timed("git", "clone", "-q", "--no-local", ROOT, clone, cwd=folder, environment=environment)
    }
    found["install_book_s"], found["book_environment_gb"] = fresh("book")
    found["render_s"] = timed(course, "book", "--engine", "preview", cwd=clone, environment=environment)
    found["first_page_s"] = round(found["clone_s"] + found["install_book_s"] + found["render_s"], 1)
    found |= weights(clone / "_book")
    if cpu:
        with optional():  # PyTorch's own index may be out of reach
            found["install_cpu_s"], found["cpu_environment_gb"] = fresh("course", "--cpu")
    found["install_course_s"], found["course_environment_gb"] = fresh("course")
    if tests:
        with optional():
            found["tests_s"] = timed(course, "test", "-q", cwd=clone, environment=environment)
            together = found["clone_s"] + found["install_course_s"] + found["tests_s"]
            found["green_tests_s"] = round(together, 1)
    return found


# ---------------------------------------------------------------- weight of pages


class Loads(HTMLParser):
    """Collect what a browser loads with a page: scripts, styles, pictures and frames from files."""

    def __init__(self):
        super().__init__()
        self.files = set()

    def handle_starttag(self, tag, attrs):
        """Note the file that a tag makes the browser load, if any."""
        facts = dict(attrs)
        target = facts.get("src")
        if tag == "link" and (facts.get("rel") or "").split()[:1] in (["stylesheet"], ["icon"]):
            target = facts.get("href")
        if tag != "a" and target and not urlsplit(target).scheme:
            self.files.add(unquote(urlsplit(target).path))


def page_weight(page: Path) -> tuple[float, int]:
    """Return kilobytes and number of files of a page with all that it loads."""
    parser = Loads()
    parser.feed(page.read_text(encoding="utf-8"))
    files = {page.resolve(), *((page.parent / file).resolve() for file in parser.files)}
    return round(sum(file.stat().st_size for file in files) / 1000, 1), len(files)


def weights(site: Path) -> dict[str, float]:
    """Return the figures about the weight of a rendered book."""
    pages = {page.relative_to(site).as_posix(): page_weight(page) for page in sorted(site.rglob("*.html"))}
    sizes, counts = zip(*pages.values(), strict=True)
    for name, (size, count) in sorted(pages.items(), key=lambda item: -item[1][0])[:3]:
        print(f"{size:8.0f} kB {count:3d} files  {name}")
    total = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    return {
        "book_mb": round(total / 1e6, 1),
        "median_page_kb": statistics.median(sizes),
        "largest_page_kb": max(sizes),
        "median_requests": statistics.median(counts),
        "most_requests": max(counts),
    }


# ---------------------------------------------------------------- history


def this_run(commit: str, found: dict[str, float]) -> dict:
    """Return the record of a run: when, where, with what, and its figures."""
    return {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "pypandoc-binary": version("pypandoc-binary")},
        "figures": found,
    }


def compare(runs: list[dict]) -> list[str]:
    """Return one line a figure of the last run: value, value before, change."""
    lines = []
    for figure in figures.FIGURES:
        if figure.key in runs[-1]["figures"]:
            now, before = runs[-1]["figures"][figure.key], figures.earlier(runs, figure.key)
            cells = figures.cells(figure, now, before)
            lines.append(f"{figure.text:<62}{cells[0]:>14}{cells[1]:>14}  {cells[2]}")
    return lines


def main() -> None:
    """Measure, compare, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tests", action="store_true", help="run all tests in the clone (long)")
    parser.add_argument("--cpu", action="store_true", help="also install without CUDA")
    options = parser.parse_args()
    file = ROOT / figures.RESULTS
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"] if file.is_file() else []
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        found = from_clean_clone(Path(folder), options.tests, options.cpu)
    runs = [*runs, this_run(commit.stdout.strip(), found | figures.of_notebooks(Project(ROOT)))][-KEPT:]
    write_text(file, json.dumps({"runs": runs}, indent=1) + "\n")
    print("\n".join(compare(runs)))


if __name__ == "__main__":
    main()
