"""``course doctor``: does every tool of the course work on this machine?

Each tool does a tiny real job (see :mod:`coursebook.doctor_jobs`) in a process of its own, so that
even a crash is only a row of the table. Nothing is downloaded. With ``--report`` no job is done: it prints
what a question in a forum needs (:mod:`coursebook.report`).
"""

import argparse
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook import doctor_jobs, report
from coursebook.words import counted

OFFLINE = {
    "BIOIMAGE_COURSE_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MPLBACKEND": "Agg",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONIOENCODING": "utf-8",
}
WIDTH = max(map(len, doctor_jobs.JOBS))  # of the column of names
REINSTALL = "run `uv pip sync requirements/course.lock && uv pip install --no-deps -e .` in the environment"


def examine(tool: str, timeout: float = 600) -> dict:
    """Run the job of one tool in a process of its own.

    Parameters
    ----------
    tool : str
        A key of :data:`coursebook.doctor_jobs.JOBS`.
    timeout : float
        Seconds after which the job is stopped and counts as failed.

    Returns
    -------
    dict
        ``tool, version, seconds, megabytes, device, ok, remark`` (what was done, or the cause of
        the failure) and ``remedy`` (empty if all is well).
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        result = Path(folder) / "row.json"
        command = [sys.executable, "-m", "coursebook.doctor_jobs", tool, str(result)]
        environment = {**os.environ, **OFFLINE}
        if sys.platform.startswith("linux"):
            environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        options = {"env": environment, "capture_output": True, "stdin": subprocess.DEVNULL}
        try:
            process = subprocess.run(command, timeout=timeout, **options)
            code, said = process.returncode, process.stderr.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            code, said = None, ""
        row = doctor_jobs.empty_row(tool)
        if result.is_file():
            row.update(json.loads(result.read_text(encoding="utf-8")))
    if code != 0 and (row["ok"] or not row["remark"]):
        row["ok"], row["remark"] = False, ending(code, said, timeout)
    row["seconds"] = round(time.perf_counter() - start, 1)
    kind = row.pop("kind")
    row["remedy"] = "" if row["ok"] else remedy(tool, row["remark"], kind)
    return row


def ending(code: int | None, said: str, timeout: float) -> str:
    """Say in words how a process ended that left no result."""
    if code is None:
        return f"stopped after {timeout:g} seconds without an end"
    if code < 0:
        known = -code in set(signal.Signals)
        return f"the process crashed ({signal.Signals(-code).name if known else f'signal {-code}'})"
    last = (said.strip().splitlines() or ["no message"])[-1]
    return f"the process ended with exit code {code}: {last[:200]}"


def remedy(tool: str, cause: str, module: str = "") -> str:
    """Return the one line that most probably repairs a failure.

    Parameters
    ----------
    tool : str
        Name of the row.
    cause : str
        What went wrong, as in the row's remark.
    module : str
        The module that could not be imported, if that was it.
    """
    if "ModuleNotFoundError" in cause or "ToolUnavailableError" in cause:
        return f"{module or tool} is not installed: {REINSTALL}"
    if "SIGSEGV" in cause and importlib.util.find_spec("triton"):
        return "triton crashes beside TensorFlow and nothing here needs it: run `uv pip uninstall triton`"
    if "SIGKILL" in cause or "MemoryError" in cause or "out of memory" in cause.lower():
        return "the memory was not enough: close other programs (4 GB must be free) and try again"
    if "libGL" in cause or "libEGL" in cause or "libxkb" in cause:
        return "a system library is missing: on Debian run `apt-get install libgl1 libegl1 libxkbcommon0`"
    if "nms does not exist" in cause or "undefined symbol" in cause:
        return f"torch and torchvision come from different builds: {REINSTALL}"
    if "works offline" in cause:
        return "the tool looks for weights that are not here; please report it with `course doctor --json`"
    if "without an end" in cause:
        return "try again on an idle machine with `course doctor --timeout 1800`"
    return f"{REINSTALL}; if that does not help, report it with `course doctor --json`"


def choose(names: str | None) -> list[str]:
    """Return the tools named in a comma-separated list, all of them for None.

    Raises
    ------
    InputError
        For a name that the doctor does not know.
    """
    if names is None:
        return list(doctor_jobs.JOBS)
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    wrong = next((name for name in chosen if name not in doctor_jobs.JOBS), None)
    if wrong or not chosen:
        what, known = wrong or "an empty list of tools", ", ".join(doctor_jobs.JOBS)
        raise InputError(f"the doctor does not know {what!r}; choose from {known}, separated by commas")
    return chosen


def line(row: dict) -> str:
    """Format what comes behind a tool's name in the table."""
    memory = "-" if row["megabytes"] is None else row["megabytes"]
    verdict = "ok" if row["ok"] else "FAILED"
    figures = f"{row['version']:<10} {row['seconds']:>6.1f} s {memory:>6} MB  {row['device']:<5}"
    text = f"{figures} {verdict:<7} {row['remark']}"
    return text if row["ok"] else f"{text}\n{'':<{WIDTH + 1}}remedy: {row['remedy']}"


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 if a row fails."""
    parser = argparse.ArgumentParser(prog="course doctor", description=__doc__.split("\n\n")[0])
    parser.add_argument("--tools", metavar="A,B", help=f"only these of {', '.join(doctor_jobs.JOBS)}")
    parser.add_argument("--json", action="store_true", help="rows as JSON (the table goes to stderr)")
    parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds for a tool (600)")
    parser.add_argument(
        "--report", action="store_true",
        help="only versions, system and graphics card, to paste into an issue; no paths, no names",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.report:
        if options.tools or options.json:
            raise InputError("--report stands alone: it examines no tools and is not JSON.")
        print(report.report())
        return 0
    tools = choose(options.tools)
    out = sys.stderr if options.json else sys.stdout

    print(f"{platform.platform()}, Python {platform.python_version()}; no network is used", file=out)
    head = f"{'tool':<{WIDTH}} {'version':<10} {'time':>8} {'peak memory':>9}  device result"
    print(head, file=out, flush=True)
    rows = []
    for tool in tools:
        print(f"{tool:<{WIDTH}} ", end="", file=out, flush=True)  # the name first: this one is running
        rows.append(examine(tool, options.timeout))
        print(line(rows[-1]), file=out, flush=True)
    failed = [row["tool"] for row in rows if not row["ok"]]
    total = sum(row["seconds"] for row in rows)
    verdict = f"failed: {', '.join(failed)}" if failed else "all work"
    print(f"{counted(len(rows), 'row')} in {total:.0f} s, {verdict}", file=out)
    if options.json:
        machine = {"platform": platform.platform(), "python": platform.python_version()}
        print(json.dumps({**machine, "rows": rows}, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
