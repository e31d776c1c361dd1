"""What the benchmarks share: where and on what something was measured, and the file it goes to."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path


def record(name, result, packages):
    """Write a result, with machine and versions, to ``results/<name>.json``, and print it."""
    result = result | {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
    }
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
