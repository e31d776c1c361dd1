"""Shared by all tests: no network, no window, and the sample data where the machine has it."""

import os
import random
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

# Before any test module imports matplotlib, Qt or TensorFlow.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow tiny networks 20 times
os.environ["BIOIMAGE_COURSE_OFFLINE"] = "1"

from browser import axe, browser, open_page, windows  # noqa: F401  fixtures for tests in a real browser

ROOT = Path(__file__).resolve().parents[1]


SLOW_FILES = re.compile(r"test_(training_\w+|doctor|mutants|large_networks)")
"""Files whose tests train, run tools in processes of their own, or change and run every solution."""

EXAMPLES_WITH_DATA = {"bioimage_course.data"}
"""Modules whose docstring examples load a set that does not come with the package."""


NO_MIRROR = "no sample data: BIOIMAGE_COURSE_MIRROR names no folder with an index.json"


def mirror_folder() -> Path | None:
    """Folder of sample data named by BIOIMAGE_COURSE_MIRROR."""
    for folder in os.environ.get("BIOIMAGE_COURSE_MIRROR", "").split(os.pathsep):
        if folder and (Path(folder) / "index.json").is_file():
            return Path(folder).resolve()
    return None


def pytest_collection_modifyitems(items):
    """Mark what opens a browser by its fixtures, what is slow by its file; other slow tests say so."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if SLOW_FILES.fullmatch(item.path.stem):
            item.add_marker(pytest.mark.slow)
        if item.name in EXAMPLES_WITH_DATA and mirror_folder() is None:
            item.add_marker(pytest.mark.skip(reason=NO_MIRROR))


@pytest.fixture(autouse=True)
def same_chance():
    """Let every test draw the same random numbers, whatever ran before it in the same process."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def same_place():
    """Let every test begin in the same folder, wherever the one before it went."""
    here = os.getcwd()
    yield
    os.chdir(here)


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """The demo course with everything made and nothing wrong; not to be changed: copy it."""
    import demo_project
    from coursebook import generated

    project = demo_project.make(tmp_path_factory.mktemp("good"))
    demo_project.pretend_executed(project)
    assert generated.update(project) == []
    return project


@pytest.fixture
def good_copy(good, tmp_path):
    """A copy of the good course, to be spoilt."""
    return type(good)(shutil.copytree(good.root, tmp_path / "course"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of sample data; tests that use it skip without one."""
    return mirror_folder() or pytest.skip(NO_MIRROR)


@pytest.fixture
def no_mirror(monkeypatch, tmp_path):
    """The state of a bare machine: no mirror, an empty cache, no network."""
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR", raising=False)
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
