"""``course data list|download|verify|pin``: the data sets of the course from the shell."""

from __future__ import annotations

import argparse

from bioimage_course.data import finding
from bioimage_course.data.catalogue import Entry, describe, entries, entry, unpinned
from bioimage_course.data.loading import download
from bioimage_course.errors import InputError
from coursebook import registry
from coursebook.words import counted

LARGE = 10**9  # bytes beyond which a set is no part of --all


def _place(e: Entry) -> str:
    """Where an entry would come from, in a word; sizes are looked at, not hashes."""
    if e.package:
        return "package"
    if not e.pinned:
        return "not pinned"
    files = e.files.values()
    cached = sum(_has_size(finding.cache_location(f), f) for f in files)
    if cached == len(files):
        return "cache"
    if all(finding.mirror_path(f) for f in files):
        return "mirror"
    return f"{cached}/{len(files)} cached" if cached else "online"


def _has_size(path, file) -> bool:
    return path.is_file() and file.bytes in (None, path.stat().st_size)


def _list(args) -> int:
    if args.names:
        print("\n\n".join(describe(name) for name in args.names))
        return 0
    rows = []
    for e in entries().values():
        rows.append((e.name, _place(e), f"{e.bytes / 1e6:.1f} MB" if e.bytes else "?", e.shape))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for name, place, size, shape in rows:
        print(f"{name:<{widths[0]}}  {place:<{widths[1]}}  {size:>{widths[2]}}  {shape}")
    print(f"\nThe cache is {finding.cache_folder()}. `course data list NAME` says more about a set.")
    return 0


def _download(args) -> int:
    if bool(args.names) == args.all:
        raise InputError("say which sets to download, or --all; `course data list` shows their names")
    for e in [entry(name) for name in args.names] or list(entries().values()):
        if e.package:
            print(f"{e.name}: comes with the package, nothing to download")
            continue
        if args.all and not e.pinned:
            print(f"{e.name}: {unpinned(e.name)}")
            continue
        if args.all and (e.bytes or 0) > LARGE:
            print(f"{e.name}: {e.bytes / 1e9:.1f} GB are downloaded only when they are asked for by name")
            continue
        download(e.name)
        print(f"{e.name}: {counted(len(e.files), 'file')} in {finding.cache_folder() / e.name}")
    return 0


def _verify(args) -> int:
    """Check the sha256 of everything that is on this machine; remove what is damaged in the cache."""
    checked, damaged = 0, []
    for e in [entry(name) for name in args.names] or entries().values():
        for file in e.files.values():
            if e.package:
                checked += 1
                if finding.package_path(e, file) is None:
                    damaged.append(f"{e.name}: {file.name} of the package is damaged; reinstall it")
            elif file.sha256 and (place := finding.cache_location(file)).is_file():
                checked += 1
                if not finding.intact(place, file):
                    place.unlink()
                    damaged.append(f"{e.name}: {file.name} was damaged and has been removed from the cache")
    print("\n".join(damaged + [f"{counted(checked, 'file')} checked, {len(damaged)} damaged"]))
    return 1 if damaged else 0


def _pin(args) -> int:
    """Download sets whose hash is not known, and record what they are."""
    if not args.names:
        raise InputError("say which set to pin; `course data list` shows those that are not pinned")
    for e in [entry(name) for name in args.names]:
        if e.pinned:
            print(f"{e.name}: the hash of every file is known, nothing to pin")
            continue
        for file, source in registry.pin(e):
            print(
                f"{e.name}: {file.name} came from {source}: {file.bytes:,} bytes, sha256 {file.sha256}.\n"
                f"Recorded in {registry.path_of(e.name)}. Look at the data, then commit that file: from now "
                "on every copy is checked against it."
            )
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of ``course data``."""
    top = argparse.ArgumentParser(
        prog="course data", description="List, download, verify and pin the course's data sets."
    )
    actions = top.add_subparsers(dest="action", metavar="list|download|verify|pin", required=True)
    for name, run, text in (
        ("list", _list, "list all sets and where they are; with names, describe these"),
        ("download", _download, "put sets into the cache, for use without network"),
        ("verify", _verify, "check the sha256 of what is here, and remove damaged files from the cache"),
        ("pin", _pin, "for maintainers: download a set of which no hash is known, and record its sha256"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("names", nargs="*", metavar="NAME", help="a data set, for example nuclei-dsb2018")
        action.set_defaults(run=run)
    actions.choices["download"].add_argument("--all", action="store_true", help="every set of less than 1 GB")
    return top


def main(argv: list[str]) -> int:
    """Run ``course data`` with its arguments and return the exit code.

    Returns
    -------
    int
        0 if all is well, 1 if `verify` found damage.
    """
    args = parser().parse_args(argv)
    return args.run(args)
