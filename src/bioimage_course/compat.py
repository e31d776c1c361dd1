"""The small corrections that let all tools of the course live in one process.

Everything that works around somebody else's release is here and nowhere else, with its reason.
"""

import contextlib
import importlib.util
import io
import logging
import os
import sys
import warnings
from pathlib import Path

from bioimage_course import places
from bioimage_course.data import finding
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError
from bioimage_course.toolbox import TOOLS


def available(tool: str) -> bool:
    """Say whether `tool` is installed, without importing it.

    Parameters
    ----------
    tool : str
        One of `toolbox.TOOLS`, for example ``"stardist"``.

    Returns
    -------
    bool

    Raises
    ------
    InputError
        If the course does not know the tool.
    """
    return not _missing(tool)


def require(tool: str) -> None:
    """Do nothing if `tool` is installed, else raise the sentence that says how to get it.

    Raises
    ------
    ToolUnavailableError
        If a module of the tool is missing.
    InputError
        If the course does not know the tool.
    """
    missing = _missing(tool)
    if missing:
        raise ToolUnavailableError(
            f"{tool} needs the Python module {missing[0]!r}, which is not installed here; {remedy(tool)}."
        )


def remedy(tool: str) -> str:
    """Return the line that installs `tool`, as part of a sentence."""
    extra = TOOLS[tool].extra if tool in TOOLS else "all"
    wanted = f"bioimage-course[{extra}]" if extra else "bioimage-course"
    here = "in a clone of the course run `make lab` (it installs everything)"
    return f'{here}, elsewhere `pip install "{wanted}"`'


def _missing(tool: str) -> list[str]:
    if tool not in TOOLS:
        raise InputError(f"Unknown tool {tool!r}; the course knows {', '.join(sorted(TOOLS))}.")
    return [module for module in TOOLS[tool].modules if not _findable(module)]


def _findable(module: str) -> bool:
    if module in sys.modules:  # None there means: import forbidden
        return sys.modules[module] is not None
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def use_keras2() -> None:
    """Make TensorFlow use Keras 2 (package ``tf-keras``); call it before TensorFlow is imported.

    n2v (last release 0.3.3) stops with Keras 3, which refuses its weights' file name. StarDist
    runs with either. The switch holds for the whole process, so the course sets it once for all.
    Calling it twice is fine.

    Raises
    ------
    ToolUnavailableError
        If TensorFlow has already been imported with Keras 3, or ``tf-keras`` is missing.
    """
    if not _findable("tf_keras"):
        raise ToolUnavailableError(
            f"Keras 2 is needed (the Python package tf-keras), but is not installed here; "
            f"{remedy('tensorflow')}."
        )
    chosen, tensorflow = os.environ.get("TF_USE_LEGACY_KERAS") == "1", sys.modules.get("tensorflow")
    if not chosen and tensorflow and tensorflow.keras.__version__.startswith("3"):
        raise ToolUnavailableError(
            "TensorFlow was imported with Keras 3 before the course could choose Keras 2; restart the "
            "kernel and import bioimage_course.tools (or set TF_USE_LEGACY_KERAS=1) before tensorflow."
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no start-up chatter in notebooks


def restore_numpy_product() -> None:
    """Give NumPy its old name ``np.product`` back, which n2v 0.3.3 still calls (gone in NumPy 2)."""
    import numpy as np

    if not hasattr(np, "product"):
        np.product = np.prod  # noqa: NPY003, NPY201 (the very name is what n2v asks for)


def home(tool: str) -> Path:
    """The user's home directory; without one, the course's cache folder takes its place for this process.

    Raises
    ------
    ToolUnavailableError
        If there is neither; the sentence names BIOIMAGE_COURSE_CACHE.
    """
    if not places.has_home():
        try:
            folder = finding.cache_folder().absolute()
        except DataUnavailableError:
            raise ToolUnavailableError(
                f"{tool} keeps files in the user's home directory, and this user has none: set "
                "BIOIMAGE_COURSE_CACHE to a folder that can be written to."
            ) from None
        with contextlib.suppress(OSError):  # whoever writes there will say so
            folder.mkdir(parents=True, exist_ok=True)
        os.environ["USERPROFILE" if os.name == "nt" else "HOME"] = str(folder)
    return Path.home()


def draw_nowhere() -> None:
    """Let Qt draw into memory where there is no screen: napari, which micro-sam imports, dies otherwise."""
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


PREPARATIONS = {
    "home": home,
    "keras 2": lambda _tool: use_keras2(),
    "numpy.product": lambda _tool: restore_numpy_product(),
    "screen": lambda _tool: draw_nowhere(),
}
"""What a tool may need before its first import (`toolbox.Tool.needs`), each called with the tool's name."""


def prepare(tool: str) -> None:
    """Do what `tool` needs before its first import; the adapters call this.

    Parameters
    ----------
    tool : str
        One of `toolbox.TOOLS`.

    Raises
    ------
    ToolUnavailableError
        If the tool is not installed.
    """
    require(tool)
    if "tensorflow" not in sys.modules and _findable("tf_keras"):
        use_keras2()  # in time: micro-sam imports TensorFlow, by way of TensorBoard, with the Keras it finds
    for need in TOOLS[tool].needs:
        PREPARATIONS[need](tool)


@contextlib.contextmanager
def quiet():
    """Keep a library's messages, progress bars, remarks and warnings out of the notebook."""
    before, silence = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.WARNING)
    try:
        out, err = contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence)
        with out, err, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
