"""``course test``: every test there is, in one run of pytest."""

import importlib.util
import os
import subprocess
import sys

from bioimage_course.errors import ToolUnavailableError
from coursebook.project import Project

PATHS = ("tests", "notebooks/solutions")
WORKERS = 2  # more would ask for more memory than a laptop has: a notebook may take 4 GB

OTHER_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",  # PyTorch
    "DNNL_MAX_CPU_ISA": "SSE41",  # oneDNN, which PyTorch and TensorFlow call
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",  # PyTorch's BLAS
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Prescott",  # NumPy's and SciPy's BLAS
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OMP_NUM_THREADS": "1",
}
"""What makes the libraries compute as on a processor without AVX, in one thread: other last digits."""


def command(arguments: list[str]) -> list[str]:
    """Return pytest's command line: unit tests, and nbval over the notebooks with solutions.

    Paths among the arguments replace the two default folders. The whole suite is shared out between two
    processes, file by file, because the cells of a notebook must stay together.
    """
    chosen = any(os.path.exists(each.split("::")[0]) for each in arguments if not each.startswith("-"))
    paths = [] if chosen else [path for path in PATHS if os.path.isdir(path)]
    sharing = ["-n", str(WORKERS), "--dist", "loadfile"] if paths and (os.cpu_count() or 1) >= WORKERS else []
    options = ["--nbval-lax", "--nbval-current-env", *sharing]
    return [sys.executable, "-m", "pytest", *options, *paths, *arguments]


def main(argv: list[str] | None = None) -> int:
    """Run the tests; all arguments but ``--other-processor`` go to pytest, whose exit code comes back.

    With ``--other-processor`` everything is computed as on a processor without AVX: no test may depend on
    the last digits of a floating-point number.

    Raises
    ------
    ToolUnavailableError
        If only the light environment is installed.
    """
    if importlib.util.find_spec("pytest") is None:
        raise ToolUnavailableError("pytest is not installed in this environment; run `make test`.")
    os.chdir(Project.find().root)
    arguments = list(argv or [])
    other = "--other-processor" in arguments
    asked = command([each for each in arguments if each != "--other-processor"])
    environment = os.environ | (OTHER_PROCESSOR if other else {})
    if "-n" in asked:  # otherwise each process would take all cores for its sums
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // WORKERS)))
    return subprocess.run(asked, env=environment).returncode
