"""The bibliography, as pandoc reads it; only the lines are looked up in the file."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import pandoc
from .findings import Finding

START = re.compile(r"^\s*@(\w+)\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """An entry of the bibliography: its key, what CSL JSON says of it, and where it stands."""

    key: str
    fields: dict
    file: str
    line: int


def read(root: Path, files: list[str]) -> tuple[list[Entry], list[Finding]]:
    """Read the BibLaTeX files named in ``_quarto.yml``.

    Returns
    -------
    (list of Entry, list of Finding)
        The entries in the files' order, and what is wrong with the files.
    """
    entries: list[Entry] = []
    findings: list[Finding] = []
    for file in files:
        if (root / file).is_file():
            _read(root, file, entries, findings)
    return entries, findings


def _read(root: Path, file: str, entries: list[Entry], findings: list[Finding]) -> None:
    text = (root / file).read_text(encoding="utf-8")
    lines: dict[str, int] = {}
    for start in START.finditer(text):
        if start[1].lower() in ("comment", "string", "preamble"):
            continue
        line = text.count("\n", 0, start.start(1)) + 1
        if start[2] in lines:
            message = f"{start[2]} was already defined in line {lines[start[2]]}"
            findings.append(Finding(file, line, message, "bibliography"))
        lines.setdefault(start[2], line)
    try:
        fields = pandoc.bibliography(root / file)
    except pandoc.PandocError as error:
        where = re.search(r"line (\d+)", str(error))
        message = str(error).splitlines()[-1]
        findings.append(Finding(file, int(where[1]) if where else 0, message, "bibliography"))
        return
    entries += [Entry(entry["id"], entry, file, lines.get(entry["id"], 0)) for entry in fields]
