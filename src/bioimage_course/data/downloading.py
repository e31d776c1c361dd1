"""The one way to download a file, for data and for the weights of tools: whole and checked, or not at all.

pooch checks the sha256 before the file gets its name. What is given to pooch here goes on where an attempt
broke off, if the server can do that, and shows how far it is.
"""

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from bioimage_course import files
from bioimage_course.data import network

ATTEMPTS = 3
TIMEOUT = (10, 30)  # seconds to connect, seconds without a byte
CHUNK = 2**16


class Failure(Exception):
    """One address did not give the file; `trouble` says why and what would help."""

    def __init__(self, trouble: network.Trouble | str):
        super().__init__(str(trouble))
        self.trouble = network.Trouble(trouble) if isinstance(trouble, str) else trouble


def download(url: str, place: Path, digest: str | None, *, label: str = "", progress: bool = True) -> Path:
    """Download a file to its place, which is replaced only by the right bytes.

    Parameters
    ----------
    url : str
    place : Path
        Its folder is made if need be.
    digest : str or None
        The sha256 that the file must have; None where nobody knows it yet.
    label : str
        What stands before the progress bar; default: the file's name.
    progress : bool
        Show a bar, if it takes longer than half a second.

    Returns
    -------
    Path
        `place`.

    Raises
    ------
    Failure
        After `ATTEMPTS` in vain. As long as the server lets a download go on and more arrives, the attempts
        are not counted.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # our own messages say what is needed
    failures, known = 0, digest and f"sha256:{digest}"
    try:
        with workspace(place) as folder:
            get = _Resuming(folder / "part", label or place.name, progress)
            while True:
                try:
                    whole = pooch.retrieve(url, known, "whole", path=folder, downloader=get)
                    return settle(whole, place, digest)
                except OSError as error:  # also those of requests, of which some are ValueErrors, too
                    trouble = network.explain(error, url.split("/")[2])
                except ValueError:  # pooch: the hash does not match
                    wrong = f"{url} sent other bytes than registered (sha256 differs)"
                    trouble = network.Trouble(wrong, network.ELSEWHERE, again=True)
                failures = 1 if get.gained >= CHUNK else failures + 1
                if not trouble.again or failures == ATTEMPTS:
                    raise Failure(trouble) from None
                time.sleep(0.5 * failures)
    except OSError as error:  # of the place itself
        raise Failure(network.explain(error, "this machine")) from None


@dataclass
class _Resuming:
    """A downloader for pooch that goes on with the part that is already there, if the server can."""

    part: Path
    label: str
    progress: bool
    gained: int = 0  # bytes by which the last attempt came further than the one before

    def __call__(self, url: str, output_file: str, _pooch) -> None:
        import requests

        self.gained = 0
        there = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as answer:
            answer.raise_for_status()
            resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {there}-")
            there = there if answer.status_code == 206 and resumed else 0
            length = answer.headers.get("Content-Length")
            total = there + int(length) if length else None
            bar = {"desc": self.label, "unit": "B", "unit_scale": True, "delay": 0.5}
            bar |= {"total": total, "initial": there, "disable": not self.progress}
            with open(self.part, "ab" if there else "wb") as out, tqdm(**bar) as shown:
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk)
                    shown.update(len(chunk))
                    self.gained += len(chunk) if there else 0
        os.replace(self.part, output_file)


def settle(path, place: Path, digest: str | None) -> Path:
    """Move a finished file to its place, if it is the right one, as far as that is known.

    Raises
    ------
    Failure
        If its sha256 is another.
    """
    if digest and files.sha256(path) != digest:
        raise Failure(f"{place.name} arrived with another sha256 than registered")
    try:
        os.replace(path, place)
    except PermissionError:  # Windows: another process has just put it there and is reading it
        if files.sha256(place) != digest:
            raise
    return place


@contextlib.contextmanager
def workspace(place: Path):
    """A folder beside the place of a file, removed with whatever is left in it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    files.sweep(place.parent, ".download-*")
    beside = {"prefix": ".download-", "dir": place.parent}
    with tempfile.TemporaryDirectory(**beside, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
