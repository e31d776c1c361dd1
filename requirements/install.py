"""Make the environment ``.venv`` and install one of the lock files into it.

    python3 requirements/install.py book      light: what rendering the book needs
    python3 requirements/install.py course    everything the notebooks and tests need
    python3 requirements/install.py course --cpu   the same with PyTorch's smaller CPU build

Only Python's standard library is used. An environment that is up to date is left alone, a full one
is never stripped down. Works on Linux (x86-64), Windows (x86-64) and macOS (Apple silicon).
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
VERSIONS = ((3, 11), (3, 12), (3, 13))
PLATFORMS = {("Linux", "x86_64"), ("Windows", "AMD64"), ("Darwin", "arm64")}
# Left out with --cpu: PyTorch's own index has builds without the 2.7 GB of CUDA libraries.
CUDA = ("torch==", "torchvision==", "nvidia-", "cuda-")


def stop(sentence):
    """Print one sentence and leave with exit code 2."""
    sys.exit(print(sentence, file=sys.stderr) or 2)


def suitable():
    """Return the path of a Python that the lock files fit: this one, or another on this machine."""
    if sys.version_info[:2] in VERSIONS:
        return sys.executable
    for major, minor in reversed(VERSIONS):
        found = shutil.which(f"python{major}.{minor}")
        if found:
            return found
    return None


def make_venv():
    """Make ``.venv`` with the standard library's venv."""
    machine = (platform.system(), platform.machine())
    if machine not in PLATFORMS:
        stop(
            f"The course's environment exists for Linux x86-64, Windows x86-64 and macOS on Apple silicon, "
            f"not for {' '.join(machine)}; open the notebooks in Google Colab instead (see README.md)."
        )
    python = suitable()
    if python is None:
        stop(
            f"The course needs Python 3.11, 3.12 or 3.13, but this is Python {platform.python_version()} and "
            "no other was found; install one and name it: make PYTHON=/path/to/python3.12 ..."
        )
    if subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode:
        stop(
            f"{python} cannot make virtual environments, because its package `venv` is missing; "
            "on Debian and Ubuntu install it with: apt-get install python3-venv"
        )
    print("Making .venv ...", flush=True)
    run(python, "-m", "venv", "--clear", VENV)


def check_venv(python):
    """Stop if the Python of an existing ``.venv`` is one that the lock files do not fit."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True).stdout.strip()
    if found not in {f"{major}.{minor}" for major, minor in VERSIONS}:
        stop(
            f".venv has Python {found or 'of an unknown version'}, but the course needs 3.11, 3.12 or 3.13; "
            "delete the folder .venv and run this again."
        )


def run(*command):
    """Run a command; stop with its exit code if it fails."""
    command = [str(part) for part in command]
    code = subprocess.run(command, cwd=ROOT).returncode
    if code:
        stop(f"This step failed (exit code {code}): {' '.join(command)}")


def fingerprint():
    """Return the hash of everything an environment is made from."""
    parts = ("requirements/course.lock", "requirements/book.lock", "pyproject.toml")
    return hashlib.sha256(b"".join((ROOT / part).read_bytes() for part in parts)).hexdigest()


def without_cuda(lock):
    """Return the text of `lock` without PyTorch and CUDA."""
    kept, keep = [], True
    for line in lock.read_text(encoding="utf-8").splitlines(keepends=True):
        if line[0] not in " #\n":  # first line of a package
            keep = not line.startswith(CUDA)
        if keep:
            kept.append(line)
    return "".join(kept)


def torch_pins(lock):
    """Return the lines ``torch==...`` and ``torchvision==...`` of `lock`, without hashes."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[0] for line in lines if line.startswith(("torch==", "torchvision=="))]


def install(name, cpu):
    """Bring ``.venv`` to the state of ``requirements/<name>.lock``, unless it has it already."""
    stamp = VENV / ".course-environment"  # "<kind> <hash>" of the last complete installation
    kind, _, made_from = stamp.read_text().partition(" ") if stamp.is_file() else ("", "", "")
    good_enough = {name, "course", "course-cpu"} - ({"course"} if cpu else set())
    if made_from == fingerprint() and kind in good_enough:
        return
    if kind.startswith("course"):  # what was chosen once is kept: full stays full, small stays small
        name, cpu = "course", cpu or kind == "course-cpu"
    start = time.perf_counter()
    suffix = ".exe" if os.name == "nt" else ""
    python, uv = BIN / f"python{suffix}", BIN / f"uv{suffix}"
    if not python.exists():
        make_venv()
    check_venv(python)
    if not uv.is_file():
        # Debian's own Python refuses `pip install` (PEP 668); inside an environment it is allowed.
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.9")
    lock = ROOT / "requirements" / f"{name}.lock"
    print(f"Installing requirements/{name}.lock into .venv ...", flush=True)
    stamp.unlink(missing_ok=True)
    pip = (uv, "pip", "install", "--quiet", "--python", python, "--no-deps")
    sync = (uv, "pip", "sync", "--quiet", "--python", python)
    if name == "book":
        run(*pip, "--require-hashes", "-r", lock)  # adds: a full environment is never stripped down
    elif cpu:
        smaller = VENV / "cpu.lock"
        smaller.write_text(without_cuda(lock), encoding="utf-8")
        run(*sync, smaller)
        run(*pip, "--torch-backend", "cpu", *torch_pins(lock))
    else:
        run(*sync, lock)
    run(*pip, "--editable", ROOT)
    stamp.write_text(f"{name}{'-cpu' if cpu and name == 'course' else ''} {fingerprint()}")
    print(f".venv is ready ({time.perf_counter() - start:.0f} s).", flush=True)


if __name__ == "__main__":
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("name", choices=["book", "course"])
    parser.add_argument("--cpu", action="store_true", help="PyTorch without CUDA (2.7 GB less on Linux)")
    options = parser.parse_args()
    try:
        install(options.name, options.cpu)
    except KeyboardInterrupt:
        stop("stopped; the next run begins anew")
