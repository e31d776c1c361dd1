"""``course test``: every test there is."""

import os
import subprocess
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook import quick
from coursebook.book.findings import nearest

NBVAL = ("--nbval-lax", "--nbval-current-env")
ALL = "not nightly"
NO_TESTS = ("--ignore-glob=*/conftest.py", "--ignore-glob=*/templates/*.ipynb")
EVERYWHERE = ("--doctest-modules", "src", "tests", "notebooks/solutions")

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


def main(argv: list[str] | None = None) -> int:
    """Run the tests; all arguments but ``--other-processor`` go to pytest, whose exit code comes back.

    Arguments that name files, marks or expressions choose tests. Without a choice it is the whole suite: the
    steps of ``course quick`` that test nothing, and if none fails all tests, short and long, and nbval over
    the notebooks with solutions, in one run, because it takes most of a minute to collect them.
    With ``--other-processor`` everything is computed as on a processor without AVX: no test may depend on the
    last digits of a floating-point number.

    Raises
    ------
    InputError
        If a file of tests is named that does not exist.
    ToolUnavailableError
        If only the light environment is installed.
    """
    quick.start_at_the_root()
    arguments = list(argv or [])
    environment = quick.environment()
    if "--other-processor" in arguments:
        arguments.remove("--other-processor")
        environment |= OTHER_PROCESSOR
    _refuse_missing(arguments)
    if _is_choice(arguments):
        return subprocess.run((*quick.PYTEST, *NBVAL, *arguments), env=environment).returncode
    code = quick.look([name for name in quick.STEPS if name != quick.TESTS], environment)
    if code:
        return code
    tests = (*quick.SHARING, *quick.ALREADY_SAID, *NO_TESTS, "-m", ALL, *EVERYWHERE)
    command = (*quick.PYTEST, *NBVAL, *tests, *arguments)
    return quick.run("tests and notebooks", command, environment)[0]


def _refuse_missing(arguments: list[str]) -> None:
    """Refuse files of tests that do not exist: without them it would be the whole suite."""
    for path in (each.split("::")[0] for each in arguments if not each.startswith("-")):
        if path.endswith((".py", ".ipynb")) and not os.path.exists(path):
            known = [*Path("tests").glob("test_*.py"), *Path("notebooks", "solutions").glob("*.ipynb")]
            meant = nearest(path, [each.as_posix() for each in known])
            raise InputError(f"There is no {path}; {meant or 'the tests are in tests/.'}")


def _is_choice(arguments: list[str]) -> bool:
    """Whether some of the arguments name files, marks or expressions."""
    paths = (each.split("::")[0] for each in arguments if not each.startswith("-"))
    return any(each.startswith(("-m", "-k")) for each in arguments) or any(map(os.path.exists, paths))
