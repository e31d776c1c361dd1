"""Refresh the file tables of ``src/bioimage_course/data/registry/`` from what they describe.

    python training/make_registry.py            # files in the package and in scikit-image
    python training/make_registry.py MIRROR     # and those listed in MIRROR/index.json

What a set is (description, licence, citation, patterns) is written by hand in its
JSON file. Its `base` and `files` (name, sha256, bytes) are filled in by this script: for
a set with a key ``"mirror": {"set": …, "files": [patterns]}`` from the mirror's index, for
``"package"`` from the files themselves. Files that are downloaded otherwise stay as they are.
"""

import hashlib
import json
import sys
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from coursebook.registry import write

DATA = Path(__file__).parents[1] / "src" / "bioimage_course" / "data"
SKIMAGE = Path(find_spec("skimage").submodule_search_locations[0]) / "data"


def from_mirror(entry: dict, index: list[dict]) -> None:
    """Fill in what the mirror's index says about the entry's files."""
    wanted = entry["mirror"]
    found = [
        item
        for item in index
        if item["set"] == wanted["set"] and any(fnmatchcase(item["file"], p) for p in wanted["files"])
    ]
    entry["files"] = {item["file"]: [item["sha256"], item["bytes"]] for item in found}
    if not found:
        raise SystemExit(f"{entry['name']}: nothing in the mirror fits {wanted}")
    if found[0]["url"].startswith("https://"):
        name = found[0]["file"]
        ending = quote(name) if found[0]["url"].endswith(quote(name)) else name
        entry["base"] = found[0]["url"].removesuffix(ending)


def from_package(entry: dict) -> None:
    """Hash the files that an installed package carries."""
    folder = SKIMAGE if entry["package"] == "skimage" else DATA / "samples"
    for name in entry["files"]:
        content = (folder / name).read_bytes()
        entry["files"][name] = [hashlib.sha256(content).hexdigest(), len(content)]


def main(mirror: str | None = None) -> None:
    index = json.loads((Path(mirror) / "index.json").read_text(encoding="utf-8")) if mirror else None
    for path in sorted((DATA / "registry").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        if "package" in entry:
            from_package(entry)
        elif "mirror" in entry and index is not None:
            from_mirror(entry, index)
        write(path, entry)


if __name__ == "__main__":
    main(*sys.argv[1:2])
