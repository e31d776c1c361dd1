"""The registry: one JSON file a data set in ``registry/``, and its names and descriptions.

Keys of a registry file
-----------------------
name, description, licence, citation, shape, axes
    What the set is; `shape` is a sentence for people.
kind
    ``"image"`` (one `Sample`), ``"collection"`` or ``"file"`` (for `fetch`).
publish
    False for sets of which nothing but scores may be published.
pixel_size
    In µm, or null.
package
    ``"course"`` (files in ``samples/``) or ``"skimage"`` (files in scikit-image's wheel) for
    what needs no download.
base
    Public address that file names are appended to.
sources
    Further addresses of single files: ``"https://…"``, or ``"pypi:name==version#member"`` for
    a file inside a wheel.
archive
    Name of the one zip file that holds everything, where there is one.
items
    How files make samples: patterns in which ``{}`` stands for the sample's name.
files
    ``"name": ["sha256", bytes]``, or ``[null, null]`` where nobody has published a hash: such a set is not
    loaded until a maintainer has pinned it with ``course data pin NAME``.
mirror
    The set and patterns in a mirror's index that ``training/make_registry.py`` reads.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from bioimage_course.errors import InputError, nearest

REGISTRY = Path(__file__).parent / "registry"


@dataclass(frozen=True)
class File:
    """One file of a data set: its name there, its hash, its size and where it can be had."""

    set: str
    name: str
    sha256: str | None
    bytes: int | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One data set of the registry, as written in its JSON file."""

    name: str
    kind: str
    description: str
    licence: str
    citation: str
    shape: str
    axes: str = "YX"
    publish: bool = True
    pixel_size: float | None = None
    package: str | None = None
    archive: str | None = None
    items: tuple[dict, ...] = ()
    files: dict[str, File] = field(default_factory=dict, repr=False)

    @property
    def about(self) -> dict:
        """What its samples and its collection say of themselves as well."""
        return {key: getattr(self, key) for key in ("description", "licence", "citation", "publish")}

    @property
    def pinned(self) -> bool:
        """Whether the hash of every file is known."""
        return all(file.sha256 for file in self.files.values())

    @property
    def bytes(self) -> int:
        """Size of all files together, as far as it is known."""
        return sum(file.bytes or 0 for file in self.files.values())


def _read(path: Path) -> Entry:
    raw = json.loads(path.read_text(encoding="utf-8"))
    base, extra = raw.pop("base", None), raw.pop("sources", {})
    raw.pop("mirror", None)
    files = {}
    for name, (sha256, size) in raw.pop("files").items():
        sources = ([base + quote(name)] if base else []) + extra.get(name, [])
        files[name] = File(raw["name"], name, sha256, size, tuple(sources))
    return Entry(**raw | {"files": files, "items": tuple(raw.get("items", ()))})


@cache
def entries() -> dict[str, Entry]:
    """Every entry of the registry by name: what the package carries first, then by name."""
    found = [_read(path) for path in REGISTRY.glob("*.json")]
    found.sort(key=lambda e: (e.package != "course", e.package is None, e.name))
    return {e.name: e for e in found}


def entry(name: str) -> Entry:
    """The entry called `name`.

    Raises
    ------
    InputError
        If there is none; the message names the nearest ones.
    """
    known = entries()
    if not isinstance(name, str):
        raise InputError(f"a data set has a name, a string such as 'nuclei', not {type(name).__name__}")
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "data.names() lists what there is"
    raise InputError(f"there is no data set called {name!r}: {hint}")


def unpinned(name: str) -> str:
    """Why a set without a known hash is not loaded, and what would change that."""
    return (
        f"{name!r} has no known hash, so no copy of it could be checked, and it is not loaded: "
        f"`course data pin {name}`, run once by a maintainer, downloads it and records what it is"
    )


def names() -> list[str]:
    """Names of all data sets: first those inside the package, then those that are downloaded."""
    return list(entries())


def describe(name: str) -> str:
    """What a data set shows, how big it is, and its licence and citation, as readable text.

    Parameters
    ----------
    name : str
        One of `names`.

    Raises
    ------
    InputError
        If there is no such data set.
    """
    e = entry(name)
    size = f"{e.bytes / 1e6:.1f} MB" if e.bytes else "size not known beforehand"
    carried = {"course": "part of this package", "skimage": "part of scikit-image"}
    lines = [
        f"{e.name}: {e.description}",
        f"  contents: {e.shape}",
        f"  size:     {size} in {len(e.files)} file{'s' * (len(e.files) != 1)}"
        f", {carried.get(e.package, 'downloaded on first use')}",
        f"  licence:  {e.licence}",
        f"  cite:     {e.citation}",
    ]
    if not e.pinned:
        lines.append(f"  beware:   {unpinned(name)}")
    if not e.publish:
        lines.append("  beware:   for research use; publish scores, but no crop, picture or trained model")
    return "\n".join(lines)
