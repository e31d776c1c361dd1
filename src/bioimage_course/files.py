"""Files that are whole or absent, and their hashes."""

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from pathlib import Path

STALE = 24 * 3600  # seconds after which what is unfinished is taken for abandoned


def sha256(path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of(*arrays) -> str:
    """Hexadecimal sha256 of all values of some arrays, one after the other: names the data of a result."""
    import numpy as np

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def save(path, write) -> None:
    """Write a file whole or not at all: under another name first, then renamed.

    Parameters
    ----------
    path : path
        Its folder is made if need be.
    write : callable, bytes or str
        Gets the open binary file; or the content, text as UTF-8.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        with open(temporary, "wb") as stream:
            if callable(write):
                write(stream)
            else:
                stream.write(write.encode() if isinstance(write, str) else write)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_json(path, content) -> None:
    """Write JSON whole or not at all, with letters as they are and a line's end at the end."""
    save(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def sweep(folder, pattern: str = ".*.unfinished") -> None:
    """Remove files or folders left by a process that was killed; not those that one is writing now."""
    for left in Path(folder).glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # another process has just finished with it
            if time.time() - left.stat().st_mtime <= STALE:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
