"""Explorables as widgets; what they show is in step with the data."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from bioimage_course import data, explore
from bioimage_course.errors import InputError, ToolUnavailableError
from bioimage_course.explore.explorables import SCRIPTS, headers, read_data, read_header
from coursebook import explorable_data, screenshots

TAGS = explore.tags()


def source(name):
    return (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")


def test_the_two_first_explorables_exist():
    assert {"perceptron-explorer", "stardist-explorer"} <= set(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_scripts_are_small_classic_and_ask_for_nothing(tag):
    text = source("base") + source(tag)
    assert len(text.encode()) < 60_000
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)  # without comments
    assert not re.search(
        r"^\s*(import|export)\b|document\.currentScript|\beval\(|\bfetch\(|XMLHttp", code, re.M
    )
    assert not re.search(r"""(src|href)\s*=\s*["']?http""", code)
    assert source(tag).count("window.CourseExplorable") >= 1 and f'define("{tag}"' in source(tag)


@pytest.mark.parametrize("tag", TAGS)
def test_there_is_a_picture_for_print(tag):
    path = screenshots.FOLDER / f"{tag}.png"
    picture = Image.open(path)
    assert picture.width >= 1200 and path.stat().st_size < 300_000
    assert picture.text["script"] == screenshots.fingerprint(SCRIPTS / f"{tag}.js"), (
        f"run: python -m coursebook.screenshots {tag}"
    )


@pytest.mark.parametrize("tag", TAGS)
def test_a_script_names_its_function_and_the_states_of_its_pictures(tag):
    header = headers()[tag]
    made = getattr(explore, header.name)
    assert header.name in explore.__all__ and made.__doc__.startswith(header.about)
    assert made().attributes == ({"mode": header.modes[0]} if header.modes else {})
    controls = set(re.findall(r"""["']?name["']?: *["'`]([\w-]+)["'`]""", source(tag)))
    for step in filter(None, "; ".join(header.posters).split("; ")):
        word, control, *_ = step.split()
        assert word in screenshots.ACTIONS
        assert {control, control.rsplit("-", 1)[0]} & controls, f"{tag} has no control {control!r}"


@pytest.mark.parametrize(
    "script",
    [
        "(() => {})();",
        "/* <a-explorer>: no words. */",
        "/* @name a\n * @about b */",
        "/*\n * @name a\n * @name b\n * @about c\n * @poster */",
        "/*\n * @name a\n * @about c\n * @data d\n * @data e\n * @poster */",
    ],
)
def test_a_script_that_does_not_introduce_itself_is_refused(script):
    with pytest.raises(InputError, match=r"a-explorer\.js must say in its first comment `@name"):
        read_header("a-explorer", script)


def test_widgets_hold_the_same_scripts_as_the_book():
    widget = explore.perceptron()
    assert widget._esm.startswith(source("base"))
    assert source("perceptron-explorer") in widget._esm
    assert 'document.createElement("perceptron-explorer")' in widget._esm
    assert widget.attributes == {} and explore.stardist("suppression").attributes == {"mode": "suppression"}
    assert "perceptron-explorer" in repr(widget)


def test_data_of_an_explorable_lie_in_a_script_beside_it():
    held = {tag: header.data for tag, header in headers().items() if header.data}
    assert held == {"cnn-explorer": "cnn-weights", "decision-explorer": "decision-guide"}
    for tag, name in held.items():
        assert read_data(name, tag) == explore.explorable(tag).data != {}
        assert f'"{name}.js"' in source(tag) or f'"{name}"' in source(tag)


def test_a_widget_runs_in_a_headless_notebook():
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    code = "from bioimage_course import explore\nexplore.perceptron()"
    notebook = new_notebook(cells=[new_code_cell(code), new_code_cell("explore.perceptron()")])
    NotebookClient(notebook, kernel_name="python3").execute()
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert "application/vnd.jupyter.widget-view+json" in output.data


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: explore.explorable("perceptron"), "did you mean 'perceptron-explorer'"),
        (lambda: explore.explorable("../../secret"), "There is no explorable"),
        (lambda: explore.explorable(None), "There is no explorable None"),
        (lambda: explore.explorable("perceptron-explorer", mode=[1]), "must be a text or a number"),
        (lambda: explore.backprop("adam"), '"graph" or "descent", not'),
        (lambda: explore.stardist("nms"), '"distances" or "suppression"'),
        (lambda: explore.curtain(np.zeros((4, 4)), np.zeros((5, 5))), "same shape"),
        (lambda: explore.insight(np.zeros(4)), "2 or 3 axes"),
        (lambda: explore.annotate(np.zeros((4, 4)), np.zeros((4, 4))), "uint32"),
    ],
)
def test_bad_input_gets_one_sentence(call, expected):
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_stackview_compositions_build():
    pytest.importorskip("stackview", reason="stackview is not installed")
    sample = data.load("nuclei")
    drawn = np.zeros(sample.image.shape, np.uint32)
    for widget in (
        explore.curtain(sample, sample.labels, as_labels=True),
        explore.curtain(sample, sample.image / 2),
        explore.annotate(sample, drawn),
        explore.insight(sample),
    ):
        assert hasattr(widget, "children") or hasattr(widget, "_repr_html_")


def test_without_stackview_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolUnavailableError, match="pip install stackview"):
        explore.insight(np.zeros((4, 4)))


def test_the_patch_in_the_script_is_the_built_in_sample():
    """The pixels of the PNG, not its bytes: how well zlib compresses depends on the processor."""

    def without_picture(text):
        return re.sub(r'PICTURE = "[^"]+"', "", text)

    script = source("stardist-explorer")
    assert without_picture(explorable_data.block()) in without_picture(script), (
        "run: python -m coursebook.explorable_data"
    )
    pixels, labels = explorable_data.cut()
    assert len(np.unique(labels)) == 9
    picture = re.search(r'PICTURE = "data:image/png;base64,([^"]+)"', script)[1]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))), pixels)


def test_no_pixel_of_the_patch_is_rounded_by_a_hair():
    bright = explorable_data.brightness()
    assert np.abs(bright % 1 - 0.5).min() > 1e-6
