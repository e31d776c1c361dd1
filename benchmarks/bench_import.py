"""How long a notebook waits before anything happens: importing the package, and the first figure.

    python benchmarks/bench_import.py

Each number is the median of several fresh Python processes and includes, for the figure, the
start of Python. The result goes to ``results/import.json``.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 5
IMPORT = "import time; s = time.perf_counter(); import bioimage_course; print(time.perf_counter() - s)"
FIGURE = """
import io
from bioimage_course import data, show
figure = show.image(data.load("nuclei").image, title="Nuclei", alt="Fluorescent nuclei on a dark ground")
figure.savefig(io.BytesIO(), format="png")
"""


def import_seconds() -> float:
    """Time ``import bioimage_course`` inside a fresh Python."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return float(done.stdout)


def figure_seconds() -> float:
    """Time a fresh Python from its start to the first figure of a built-in image, drawn as PNG."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIGURE], check=True, env={**os.environ, "MPLBACKEND": "Agg"})
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and write the result."""
    result = {
        "import_seconds": round(statistics.median(import_seconds() for _ in range(ROUNDS)), 4),
        "first_figure_seconds": round(statistics.median(figure_seconds() for _ in range(ROUNDS)), 2),
        "rounds": ROUNDS,
        "aims": {"import_seconds": 0.1, "first_figure_seconds": 3},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }
    file = Path(__file__).parent / "results" / "import.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
