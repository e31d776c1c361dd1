"""What the page of chapter 16 tells readers to call: other tools' large modes, and the script of a job."""

import ast
import inspect
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bioimage_course import compat, data, large
from coursebook.project import Project

ROOT = Project.find(Path(__file__).parent).root
PAGE = (ROOT / "book" / "16-deployment.qmd").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:python|\{\.python[^\n]*\})\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def arguments(name):
    """Keyword arguments of every call of a function or method on the page."""
    calls = [n for block in BLOCKS for n in ast.walk(ast.parse(block)) if isinstance(n, ast.Call)]
    named = [c for c in calls if name in (getattr(c.func, "id", None), getattr(c.func, "attr", None))]
    assert named, f"the page does not call {name}"
    return [{keyword.arg for keyword in call.keywords} for call in named]


def parameters(module, function):
    """Parameters of a function, read from its source: importing it needs packages that are not here."""
    place = find_spec(module.partition(".")[0])
    if place is None:
        pytest.skip(f"{module.partition('.')[0]} is not installed")
    file = Path(place.origin).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    (found,) = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function)
    return {a.arg for a in [*found.args.args, *found.args.kwonlyargs]}


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("cellpose.contrib.distributed_segmentation", "distributed_eval"),
        ("micro_sam.automatic_segmentation", "automatic_instance_segmentation"),
        ("micro_sam.automatic_segmentation", "get_predictor_and_segmenter"),
    ],
)
def test_calls_that_are_not_executed_have_the_arguments_of_the_pinned_version(module, function):
    known = parameters(module, function)
    for given in arguments(function):
        assert given <= known


def test_stardists_own_way_takes_what_the_page_gives():
    compat.prepare("stardist")
    models = pytest.importorskip("stardist.models", reason="stardist is not installed")
    known = set(inspect.signature(models.StarDist2D.predict_instances_big).parameters)
    (given,) = arguments("predict_instances_big")
    assert given - known == {"n_tiles"}  # is handed on to predict_instances
    assert "n_tiles" in inspect.signature(models.StarDist2D.predict_instances).parameters


def test_our_own_calls_are_those_of_the_package():
    for name, function in (("open_image", large.open_image), ("add_labels", large.add_labels)):
        for given in arguments(name):
            inspect.signature(function).bind_partial(**dict.fromkeys(given))
    for given in arguments("label_folder"):
        assert given <= set(inspect.signature(large.label_folder).parameters)


def test_the_jobs_script_runs_as_it_stands_on_the_page(tmp_path):
    (script,) = (block for block in BLOCKS if "label_folder" in block and "sys.argv" in block)
    (tmp_path / "segment_folder.py").write_text(script, encoding="utf-8")
    (tmp_path / "images").mkdir()
    image = data.load("nuclei").image
    for number in range(3):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", image[:96, 96 * number : 96 * number + 96])
    assert "python segment_folder.py $SLURM_ARRAY_TASK_ID 40" in PAGE
    for share in (["0", "2"], ["1", "2"], []):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(
            [sys.executable, "segment_folder.py", *share], cwd=tmp_path, check=True, env=environment
        )
    assert len((tmp_path / "labels" / "summary.csv").read_text().splitlines()) == 4
    assert np.unique(tifffile.imread(tmp_path / "labels" / "0_labels.tif")).size > 1
