"""Registry files of the data sets: how they are written, and how a set without a known hash is pinned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bioimage_course import files
from bioimage_course.data import catalogue, finding
from bioimage_course.data.catalogue import Entry, File
from bioimage_course.errors import InputError


def path_of(name: str) -> Path:
    """The registry file of a set."""
    return catalogue.REGISTRY / f"{name}.json"


def write(path: Path, entry: dict) -> None:
    """Write an entry with one line a file.

    Parameters
    ----------
    path : Path
    entry : dict
        As it stands in the JSON file.
    """
    head = json.dumps({key: entry[key] for key in entry if key != "files"}, indent=2, ensure_ascii=False)
    lines = [f"    {json.dumps(n, ensure_ascii=False)}: {json.dumps(v)}" for n, v in entry["files"].items()]
    files.save(path, f'{head[:-2]},\n  "files": {{\n' + ",\n".join(lines) + "\n  }\n}\n")


def pin(entry: Entry) -> list[tuple[File, str]]:
    """Download what of a set has no known hash, and record sha256 and size in its registry file.

    Parameters
    ----------
    entry : Entry

    Returns
    -------
    list of (File, str)
        What was recorded, and where each file came from.

    Raises
    ------
    DataUnavailableError
        If a file cannot be had whole; then nothing is recorded.
    InputError
        If the registry file cannot be written.
    """
    found = []
    for file in entry.files.values():
        if file.sha256 is None:
            path, source = finding.fetch_unpinned(file)
            found.append((replace(file, sha256=files.sha256(path), bytes=path.stat().st_size), source))
    place = path_of(entry.name)
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        told["files"] |= {file.name: [file.sha256, file.bytes] for file, _ in found}
        write(place, told)
    except OSError as error:
        raise InputError(
            f"{place} cannot be written ({error.strerror}): pin in a clone of the course."
        ) from None
    catalogue.entries.cache_clear()
    return found
