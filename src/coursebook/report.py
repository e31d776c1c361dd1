"""``course doctor --report``: what somebody who is to help wants to know of a computer, made to be pasted.

Nothing in it says whose computer it is: no path, no name of user or machine, no environment variable.
"""

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from bioimage_course.toolbox import TOOLS

ALWAYS = ("numpy", "scipy", "scikit-image", "tifffile", "imageio", "matplotlib", "dask", "zarr", "napari")
"""Packages that are named besides those of the course's tools, where they are installed."""

_CARD = """
import torch
if torch.cuda.is_available():
    free, total = torch.cuda.mem_get_info(0)
    print(f"{torch.cuda.get_device_name(0)}, {total / 2**30:.0f} GB, CUDA {torch.version.cuda}")
elif torch.backends.mps.is_available():
    print("Apple's, by Metal")
else:
    print("none that PyTorch can use")
"""


def report() -> str:
    """Return the report, Markdown with one block of code.

    Returns
    -------
    str
    """
    packages = versions()
    width = max(map(len, [*packages, "processor"]))
    lines = [f"{name:<{width}}  {value}" for name, value in {**machine(), **packages}.items()]
    return "\n".join(["```text", *lines, "```"])


def machine() -> dict[str, str]:
    """Return system, Python, processor and graphics card, in words."""
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()}), {environment()}",
        "processor": f"{os.cpu_count()} cores{_memory()}",
        "graphics": graphics(),
    }


def environment() -> str:
    """Return the kind of the environment that Python runs in."""
    if "google.colab" in sys.modules:
        return "Google Colab"
    if Path(sys.prefix, "conda-meta").is_dir():
        return "conda environment"
    return "virtual environment" if sys.prefix != sys.base_prefix else "no environment of its own"


def graphics(timeout: float = 120) -> str:
    """Return the graphics card as PyTorch sees it; asked in a process of its own, for drivers may crash."""
    try:
        asked = subprocess.run([sys.executable, "-c", _CARD], capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return "PyTorch gave no answer"
    if asked.returncode == 0 and asked.stdout.strip():
        return asked.stdout.strip().splitlines()[
            -1
        ]  # before it, whatever a start-up script of the user prints
    return (
        "PyTorch is not installed" if "No module named 'torch'" in asked.stderr else "PyTorch does not start"
    )


def versions() -> dict[str, str]:
    """Return name and version of what is installed of the course, its tools and what they stand on.

    Two versions behind a name are two copies on Python's path, of which the first is imported.
    """
    wanted = dict.fromkeys(
        ["bioimage-course", *ALWAYS, *(name for tool in TOOLS.values() for name in tool.packages)]
    )
    found = defaultdict(list)
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name in wanted and distribution.version not in found[name]:
            found[name].append(distribution.version)
    return {name: _copies(found[name]) for name in wanted if found[name]}


def _copies(each: list[str]) -> str:
    return each[0] if len(each) == 1 else f"{', '.join(each)} (several copies: the first is imported)"


def _memory() -> str:
    """Return the memory as the end of a line, nothing where the system does not say."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return ""
    return f", {pages * size / 2**30:.0f} GB of memory"
