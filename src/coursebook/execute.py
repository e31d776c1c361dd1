"""Execute the notebooks with solutions, as on a bare machine, and save their outputs.

The kernel sees neither network nor mirror nor anything that this machine has cached, so that
the saved outputs are those that everybody gets. Time and peak memory go to
``notebooks/timings.json``, never into a notebook.

A notebook is up to date while neither the code and tags of its cells nor what these import and read
(:mod:`coursebook.inputs`) changed since it was executed.
"""

import contextlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat

from bioimage_course.data import catalogue, finding
from bioimage_course.errors import InputError, ToolUnavailableError
from coursebook import inputs, notebooks
from coursebook.book.findings import Finding
from coursebook.project import Project, write_text
from coursebook.sources import Cell, Source

TIMINGS = "notebooks/timings.json"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = "An interactive widget: run this cell to use it."
CELL_TIMEOUT = 900  # seconds; a notebook should take 180 in all

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
PROGRESS_BAR = re.compile(r"^.*(\d+%\|.*\||\d+it \[|\?it/s).*$|^\s*$")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
PRIVATE_PATH = re.compile(
    r"((?<![\w.~-])/(?:home|root|Users|tmp|private/var)/|\b[A-Za-z]:\\+Users\\)[^\s'\"<>:,;)]*"
)


# ---------------------------------------------------------------- what a kernel sees


def kernel_environment(project: Project, folder: Path, needs: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment variables of a bare machine without network.

    Parameters
    ----------
    project : Project
    folder : Path
        An empty folder that stands in for home, cache and progress.
    needs : sequence of str
        Sets of the mirror that the kernel may see: the header's ``needs``.

    Raises
    ------
    InputError
        If `needs` names a set that the mirror does not have.
    """
    hidden = ("BIOIMAGE_COURSE_", "XDG_", "JUPYTER_", "PYTEST_", "JPY_", "no_proxy", "NO_PROXY")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    closed = "http://127.0.0.1:9"  # the discard port: nothing listens, requests fail at once
    environment |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), closed)
    environment |= dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"), str(folder))
    environment |= {
        "BIOIMAGE_COURSE_OFFLINE": "1",
        "BIOIMAGE_COURSE_CACHE": str(folder / "cache"),
        "BIOIMAGE_COURSE_PROGRESS": str(folder / "progress.json"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # kept between runs, because making the font cache takes seconds and says so on stderr
        "MPLCONFIGDIR": str(project.root / ".course" / "matplotlib"),
        # idle threads sleep: on a busy machine their spinning makes tiny networks 20 times slower
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONHASHSEED": "0",
        "QT_QPA_PLATFORM": "offscreen",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TQDM_DISABLE": "1",
    }
    if needs:
        environment["BIOIMAGE_COURSE_MIRROR"] = str(mirror_view(folder / "mirror", needs))
    return environment


def missing_sets(needs: Sequence[str]) -> list[str]:
    """Return the names in `needs` that neither a mirror folder nor the cache of this machine has."""
    return [name for name in needs if not _files(name)]


def mirror_view(folder: Path, needs: Sequence[str]) -> Path:
    """Make a mirror in `folder` that holds exactly the sets in `needs`, as links.

    Raises
    ------
    InputError
        If a set is neither in a folder named by ``BIOIMAGE_COURSE_MIRROR`` nor in the cache.
    """
    missing = missing_sets(needs)
    if missing:
        raise InputError(
            f"The notebook needs {', '.join(missing)}; set BIOIMAGE_COURSE_MIRROR to a folder that has it, "
            f"or run `course data download {missing[0]}`."
        )
    chosen = [pair for name in needs for pair in _files(name)]
    for path, entry in chosen:
        link = folder / entry["set"] / entry["file"]
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(path)
    write_text(folder / "index.json", json.dumps([entry for _, entry in chosen]))
    return folder


def _files(name: str) -> list[tuple[Path, dict]]:
    """Return path and index entry of each file of a set: from the mirrors, else from the cache."""
    return [pair for pair in _mirror_entries() if pair[1]["set"] == name] or _cached(name)


def _mirror_entries() -> list[tuple[Path, dict]]:
    """Return the entries of all mirrors' index files that are really there."""
    entries = []
    for mirror in finding.mirror_folders():
        index = mirror / "index.json"
        found = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []
        entries += [((mirror / e["set"] / e["file"]).resolve(), e) for e in found]
    return [(path, entry) for path, entry in entries if path.is_file()]


def _cached(name: str) -> list[tuple[Path, dict]]:
    """Return the files of a registered set if the cache has all of them."""
    if name not in catalogue.names():
        return []
    files = catalogue.entry(name).files.values()
    pairs = [(finding.cache_path(f), {"set": f.set, "file": f.name, "sha256": f.sha256}) for f in files]
    there = [(path, about) for path, about in pairs if path]
    return there if len(there) == len(pairs) else []


# ---------------------------------------------------------------- what is up to date


def read_timings(project: Project) -> dict:
    """Return ``notebooks/timings.json``: name of the source -> its record."""
    path = project.root / TIMINGS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def stale_reason(project: Project, source: Source) -> str | None:
    """Say why `source` must be executed, or return None if it is up to date."""
    record = read_timings(project).get(source.name)
    stored = notebooks.stored(project, notebooks.solution_file(source))
    if record is None or stored is None:
        return "never executed"
    fresh = notebooks.solution_notebook(project, source)
    if record["cells"] != notebooks.cells_hash(source) or notebooks.with_outputs(fresh, stored) is None:
        return "its code changed"
    if record["inputs"] != inputs.digest(project, source):
        return "what it imports or reads, or the lock file, changed"
    return None


# ---------------------------------------------------------------- executing


def execute(project: Project, chosen: list[Source], force: bool = False) -> list[Finding]:
    """Execute the sources in `chosen` that are out of date (with `force`: all).

    A notebook whose execution fails, or whose outputs must not be saved, stays as it was.

    Returns
    -------
    list of Finding
        Why notebooks failed.

    Raises
    ------
    ToolUnavailableError
        In the light environment, which can render the book but not execute notebooks.
    """
    for name in ("nbclient", "ipykernel", "psutil", "tqdm"):
        if importlib.util.find_spec(name) is None:
            raise ToolUnavailableError(
                f"Executing notebooks needs the full environment, and here {name} is missing: "
                "run `make notebooks`, or `course notebooks --no-execute` to make the files only."
            )
    findings = []
    for source in chosen:
        reason = "asked for" if force else stale_reason(project, source)
        if reason is None:
            print(f"{source.name}: up to date")
            continue
        print(f"{source.name}: executing ({reason})", flush=True)
        failures = execute_one(project, source)
        findings += failures
        if not failures:
            record = read_timings(project)[source.name]
            print(f"{source.name}: {record['seconds']} s, at most {record['peak_memory_mb']} MB")
    return findings


def execute_one(project: Project, source: Source) -> list[Finding]:
    """Execute one source, save its notebook and its record; return what went wrong."""
    notebook = notebooks.solution_notebook(project, source)
    with tempfile.TemporaryDirectory(prefix="course-") as name:
        folder = Path(name)
        try:
            environment = kernel_environment(project, folder, source.needs)
        except InputError as error:
            return [Finding(source.file, source.header_lines.get("needs", 1), str(error))]
        _make_font_cache(environment)
        seconds, peak, failure = _run(notebook, source, environment, folder)
        if failure:
            return [failure]
        # outputs only: metadata that kernel and client added stay behind
        saved = notebooks.with_outputs(notebooks.solution_notebook(project, source), notebook)
        assert saved is not None, "the code cells are those that were executed"
        tidy(saved)
        findings = judge(saved, source, [str(project.root), str(Path.home()), sys.prefix])
    if findings:
        return findings
    write_text(project.root / notebooks.solution_file(source), notebooks.to_text(saved))
    record = {
        "cells": notebooks.cells_hash(source),
        "inputs": inputs.digest(project, source),
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak / 1e6),
        "machine": _machine(),
    }
    timings = read_timings(project) | {source.name: record}
    write_text(project.root / TIMINGS, json.dumps(timings, indent=1, sort_keys=True) + "\n")
    return []


def _machine() -> dict:
    """Describe this machine as far as it explains a running time; no names."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def _make_font_cache(environment: dict) -> None:
    """Let matplotlib look for fonts now, because in a notebook it would talk about it."""
    code = "import matplotlib.font_manager"
    subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True)


def _run(notebook, source: Source, environment: dict, folder: Path):
    """Execute all cells in a kernel of their own.

    Returns
    -------
    tuple
        Seconds, peak memory in bytes and a Finding, or None if every cell ran.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from tqdm import tqdm

    # this very Python, whatever kernel of the same name the user has installed
    specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    settings = {"record_timing": False, "store_widget_state": False, "coalesce_streams": True}
    client = NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT, **settings)
    start = time.perf_counter()
    cell = None
    try:
        # the kernel's own start-up chatter is nobody's business; cells' stderr comes as output
        options = {"env": environment, "cwd": str(folder), "stderr": subprocess.DEVNULL}
        with client.setup_kernel(cleanup_kc=True, **options):
            with PeakMemory(manager.provisioner.pid) as peak:  # type: ignore[union-attr]
                cells = tqdm(notebook.cells, desc=source.name, unit="cell", leave=False, disable=None)
                for index, cell in enumerate(cells):
                    client.execute_cell(cell, index)
            seconds = time.perf_counter() - start
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return 0, 0, _failure(source, _origins(source).get(cell.id if cell else ""), error)
    return seconds, peak.bytes, None


def _origins(source: Source) -> dict[str, Cell]:
    """Return the source's cells by the ids that they have in the notebook."""
    return {notebooks.cell_id(source, cell): cell for cell in source.cells}


def _failure(source: Source, origin: Cell | None, error: Exception) -> Finding:
    """Name the line and the error of a failed cell in one line."""
    line = origin.line if origin else 1
    name, value = getattr(error, "ename", None), getattr(error, "evalue", None)
    if name is None:
        return Finding(source.file, line, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    trace = ANSI.sub("", getattr(error, "traceback", "") or "")
    inner = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    if inner:
        line += int(inner[1]) - 1
    message = " ".join(str(value).split())
    return Finding(source.file, line, f"{name}: {message}" if message else name)


class PeakMemory:
    """Measure the largest resident memory of a process and its children, in bytes.

    ``bytes`` is that of all together, ``largest`` that of the largest one of them. Used as a context
    manager; samples ten times a second, so that short peaks may be missed.
    """

    def __init__(self, pid: int, interval: float = 0.1):
        import psutil

        self.bytes = self.largest = 0
        self._process = psutil.Process(pid)
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        import psutil

        while True:
            with contextlib.suppress(psutil.Error):
                sizes = []
                for process in (self._process, *self._process.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):  # a child that has just ended
                        sizes.append(process.memory_info().rss)
                self.bytes, self.largest = max(self.bytes, sum(sizes)), max(self.largest, 0, *sizes)
            if self._stop.wait(self._interval):
                return


# ---------------------------------------------------------------- saved outputs


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Take out of the saved outputs what changes from run to run, in place.

    Progress bars go, and a widget's view becomes one line of text: its random model id leads
    nowhere once the kernel is gone. HTML and scripts go where there is text beside them: for one HTML
    output anywhere in a notebook Quarto loads scripts from a CDN on every page that embeds from it.
    """
    for cell in notebooks.code_cells(notebook):
        cell.outputs = [output for output in map(_tidy_output, cell.outputs) if output is not None]
        if "widget" in cell.metadata.get("tags", ()):  # some widgets are HTML, beside which stands a dump
            for output in cell.outputs:
                if "data" in output:
                    output.data = nbformat.from_dict({"text/plain": WIDGET_TEXT})


def _tidy_output(output):
    if output.output_type == "stream":
        output.text = _without_bars(output.text)
        return output if output.text else None
    if WIDGET in output.get("data", {}):
        if PROGRESS_BAR.match(output.data.get("text/plain", "-")):
            return None
        output.data = nbformat.from_dict({"text/plain": WIDGET_TEXT})
        output.metadata = nbformat.from_dict({})
    elif "text/plain" in output.get("data", {}):
        for kind in ("text/html", "application/javascript"):
            output.data.pop(kind, None)
    return output


def _without_bars(text: str) -> str:
    """Drop tqdm's bars: text that was overwritten with carriage returns."""
    if "\r" not in text and not re.search(r"\d+%\|", text):
        return text
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        pieces = [piece for piece in line.split("\r") if not PROGRESS_BAR.match(ANSI.sub("", piece))]
        if pieces:
            lines.append(pieces[-1])
    return "\n".join(lines) + ("\n" if lines else "")


def judge(notebook: nbformat.NotebookNode, source: Source, private: list[str]) -> list[Finding]:
    """Find outputs that must not be saved: stderr, paths of this machine, memory addresses.

    Parameters
    ----------
    notebook : NotebookNode
        Executed and tidied.
    source : Source
        Where the cells come from.
    private : list of str
        Folders of this machine that no output may name.
    """
    origins = _origins(source)
    findings = []
    for cell in notebook.cells:
        origin = origins.get(cell.id)
        line, tags = (origin.line, origin.tags) if origin else (1, ())
        for output in cell.get("outputs", []):
            messages = _wrong_with(output, tags, private)
            findings += [Finding(source.file, line, message) for message in messages]
    return findings


def _wrong_with(output, tags: Sequence[str], private: list[str]) -> Iterator[str]:
    """Say why an output must not be saved."""
    text = output_text(output)
    if output.get("name") == "stderr" and "stderr-ok" not in tags:
        yield f"the cell writes to stderr: {_one_line(text)}; avoid it or tag the cell stderr-ok"
    for path in leaked_paths(text, private):
        yield f"the output names a path of this machine: {path}"
    if ADDRESS.search(text) and "widget" not in tags:
        yield f"the output holds a memory address ({_one_line(text)}); end the line with a semicolon"


def output_text(output) -> str:
    """Return everything textual in an output, without colour codes."""
    parts = [output.get("text", ""), *output.get("traceback", []), output.get("evalue", "")]
    parts += [value for key, value in output.get("data", {}).items() if key.startswith("text/")]
    return ANSI.sub("", "\n".join(str(part) for part in parts if part))


def leaked_paths(text: str, private: Sequence[str] = ()) -> list[str]:
    """Return paths in `text` that belong to somebody's machine."""
    found = {match.group(0) for match in PRIVATE_PATH.finditer(text)}
    found |= {folder for folder in private if len(folder) > 3 and folder in text}
    return sorted(found)


def _one_line(text: str, length: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
