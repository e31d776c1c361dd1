"""What makes a notebook out of date: the modules it imports and the data it names, nothing else."""

import pytest

from coursebook import execute, inputs, sources
from coursebook.project import Project

LAZY = """\
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["cellpose", "stardist"], submod_attrs={"scores": ["table"]}
)
"""
PACKAGE = {
    "__init__.py": "",
    "errors.py": "class InputError(ValueError): ...\n",
    "tools/__init__.py": LAZY,
    "tools/cellpose.py": "from ..errors import InputError\nfrom . import _inputs\n",
    "tools/stardist.py": "from bioimage_course.tools import _inputs\n",
    "tools/denoise.py": "NEEDS = {'denoising': ('race', 'dsb2018')}\n",  # words, and no path is made of them
    "tools/places.py": "SPARE = WEIGHTS / 'race'\nOWN = WEIGHTS / 'denoising'\nlist(OWN.iterdir())\n",
    "tools/scores.py": "shipped.results('dsb2018')\n",
    "tools/_inputs.py": "",
    "check/exercises/ch01.py": "",
    "check/exercises/ch02.py": "",
    "data/registry/nuclei.json": "{}",
    "data/registry/cells.json": "{}",
    "weights/dsb2018/unet.json": "{}",
    "weights/race/results.json": "{}",
    "weights/denoising/results.json": "{}",
    "weights/denoising/runs/one.json": "{}",
}


@pytest.fixture
def depends(tmp_path):
    """A function that says on which files of a small package some notebook code of chapter 1 depends."""
    for name, text in PACKAGE.items():
        path = tmp_path / "src" / "bioimage_course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def files(code):
        cell = sources.Cell("code", code, (), None, {}, 1, 1)
        source = sources.Source(tmp_path / "01-x.py", "01-x.py", {"chapter": "01"}, {}, (cell,))
        found = inputs.files(Project(tmp_path), source)
        return {path.relative_to(tmp_path / "src/bioimage_course").as_posix() for path in found}

    return files


ALWAYS = {"check/exercises/ch01.py"}
TOOLS = {"tools/__init__.py", "tools/_inputs.py"}
ALL = "__init__.py"
USES = {
    "import numpy": set(),
    "from bioimage_course import tools\ntools.cellpose.segment(1)": {
        ALL,
        *TOOLS,
        "tools/cellpose.py",
        "errors.py",
    },
    "from bioimage_course.tools import stardist as s\ns.segment(1)": {*TOOLS, "tools/stardist.py"},
    "from bioimage_course.tools import table": {
        "tools/__init__.py",
        "tools/scores.py",
        "weights/dsb2018/unet.json",
    },
    "load('nuclei')": {"data/registry/nuclei.json"},
    "read('weights/race/results.json')": {"weights/race/results.json"},
    "read(tools.WEIGHTS.parent / 'race' / 'results.json')": {"weights/race/results.json"},
    "read(files('bioimage_course').joinpath('weights/race'))": {"weights/race/results.json"},
    "shipped.verify('race', 'networks', 'race.py')": {"weights/race/results.json"},
    "FOLDER = WEIGHTS / 'denoising'\nread(FOLDER)": {"weights/denoising/results.json"},
    "FOLDER = WEIGHTS / 'denoising'\nread(FOLDER / 'runs' / 'one.json')": {
        "weights/denoising/results.json",
        "weights/denoising/runs/one.json",
    },
    "runs = {'race': 1, 'denoising': 2}\nprint(runs['race'] / 2, 'dsb2018')": set(),
    "import bioimage_course.tools.denoise": {"tools/denoise.py"},
    "import bioimage_course.tools.places": {"tools/places.py", "weights/denoising/results.json"},
    "from bioimage_course.tools.places import SPARE": {
        "tools/places.py",
        "weights/denoising/results.json",
        "weights/race/results.json",
    },
    "read('/'), read('..'), read('nothing')": set(),
}


@pytest.mark.parametrize(("code", "expected"), USES.items())
def test_a_notebook_depends_on_what_it_uses(depends, code, expected):
    assert depends(code) == expected | ALWAYS


def test_a_package_handed_on_whole_is_used_whole(depends):
    found = depends("from bioimage_course import tools\nrace(tools)")
    assert {"tools/cellpose.py", "tools/stardist.py", "tools/scores.py"} <= found


@pytest.mark.slow
def test_a_change_of_one_tool_concerns_the_notebooks_that_import_it(root):
    project = Project(root)
    tool = root / "src/bioimage_course/tools/cellpose.py"
    stale = {s.chapter for s in sources.read_all(project)[0] if tool in inputs.files(project, s)}
    # its chapter, published models, the races, which call every adapter, and one's own folder
    assert stale == {"12", "13", "14", "17"}


READERS = {  # each folder of results: the notebooks that read it, or import the module that does
    "blockwise": "16",
    "cell-classifier": "04 06 07 08 10 12 13 14 16 17 18 20",  # with `nets.load`
    "cellpose-flows": "12 13 14 17",
    "denoising": "08 17",
    "dsb2018": "09 10 11 12 13 14 15",
    "foundation-features": "09",
    "large-image": "16",
    "micro-sam": "13 14 17",
    "micro-sam-decoder": "13 14 17",
    "micro-sam-grids": "11 13 14",
    "nuclear-states": "04",
    "other-cells": "11 13 14",
    "other-laboratory": "11",
    "outlines": "15",
    "overfitting": "05",
    "pixel-classifier": "09 11 14 17",
    "quality-control": "15",
    "race": "14",
    "real-splits": "05",
    "reported": "11 13",
    "schwann-wells": "18",
    "shortcuts": "06",
    "spread-cells": "12",
    "stardist-nuclei": "08 09 11 13 14 16 17",
    "unet-nuclei": "10 14 16 17 18 20",
    "volumes": "12",
}


@pytest.mark.slow
def test_new_results_make_stale_the_notebooks_that_read_them(root):
    project = Project(root)
    weights = root / "src/bioimage_course/weights"
    readers = {folder.name: [] for folder in weights.iterdir() if folder.is_dir()}
    for source in sources.read_all(project)[0]:
        found = {
            path.relative_to(weights).parts[0]
            for path in inputs.files(project, source)
            if weights in path.parents
        }
        for name in found:
            readers[name].append(source.chapter)
    assert {name: " ".join(sorted(chapters)) for name, chapters in readers.items()} == READERS


def test_comments_docstrings_and_empty_lines_make_nothing_stale():
    plain = 'def double(x):\n    return 2 * x, "# no comment"\n'
    told = (
        '"""A module."""\n\n\n'
        'def double(x):  # twice\n    """Twice\n    x."""\n\n    return 2 * x, "# no comment"\n'
    )
    assert inputs.code(told) == inputs.code(plain) == plain.rstrip()
    assert inputs.code(plain.replace("2 *", "3 *")) != inputs.code(plain)


@pytest.mark.slow
def test_nothing_is_stale_on_a_fresh_clone(root):
    project = Project(root)
    reasons = {s.name: execute.stale_reason(project, s) for s in sources.read_all(project)[0]}
    assert not {name: reason for name, reason in reasons.items() if reason}
