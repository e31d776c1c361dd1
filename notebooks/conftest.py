"""What nbval needs to test the notebooks with solutions: ``pytest --nbval-lax notebooks/solutions``.

Their kernels run as in the executor (:mod:`coursebook.execute`): no network, no mirror, an empty
home. A notebook whose source says ``needs: [...]`` sees exactly those sets of the mirror (or of the
cache); where they are missing, its cells tagged ``needs-weights`` are skipped, and only those.
"""

import os
from pathlib import Path

import pytest

from coursebook import execute
from coursebook.project import Project

PROJECT = Project.find(Path(__file__).parent)


def _needs(item) -> list[str]:
    """Return the sets that the notebook of a collected cell needs."""
    return item.parent.nb.metadata.get("course", {}).get("needs", [])


def _is_cell(item) -> bool:
    return item.path.suffix == ".ipynb" and hasattr(item, "cell")


def pytest_collection_modifyitems(items):
    """Skip the cells whose weights are out of reach, and say which; no notebook is a short test."""
    for item in filter(_is_cell, items):
        item.add_marker(pytest.mark.slow)
        missing = execute.missing_sets(_needs(item))
        if missing and "needs-weights" in item.cell.metadata.get("tags", []):
            reason = f"needs {', '.join(missing)}: set BIOIMAGE_COURSE_MIRROR to a folder that has it"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Give the kernel, which starts with the notebook's first cell, the executor's environment."""
    if not _is_cell(item):
        return (yield)
    saved = dict(os.environ)
    folder = _home(item)
    needs = [name for name in _needs(item) if name not in execute.missing_sets([name])]
    environment = execute.kernel_environment(PROJECT, folder, needs)
    # the runner's own variables stay: pytest keeps the current test's name there
    environment |= {name: value for name, value in saved.items() if name.startswith("PYTEST_")}
    try:
        os.environ.clear()
        os.environ.update(environment)
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(saved)


def _home(item) -> Path:
    """Return an empty folder that lives as long as the test run, one for each notebook."""
    factory = item.config._tmp_path_factory
    homes = item.config.stash.setdefault(HOMES, {})
    if item.path not in homes:
        homes[item.path] = factory.mktemp(item.path.stem)
    return homes[item.path]


HOMES = pytest.StashKey[dict]()
