"""Figures: alt text, one output, same bytes, colours that can be told apart, one sentence for bad input."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image
from skimage.measure import label

from bioimage_course import data, show
from bioimage_course.errors import InputError


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 200, (40, 50)).astype(np.uint16)
OBJECTS = label(np.kron(RNG.random((8, 10)) > 0.6, np.ones((5, 5))) > 0)


def all_figures():
    return {
        "image": show.image(PICTURE, "Picture"),
        "images": show.images([PICTURE, PICTURE > 100, np.stack([PICTURE] * 3, -1)], ["a", "b", "c"]),
        "labels": show.labels(PICTURE, OBJECTS),
        "heat": show.heat([PICTURE, PICTURE], np.arange(32.0).reshape(2, 4, 4), ["a", "b"]),
        "matches": show.matches(PICTURE, OBJECTS, np.roll(OBJECTS, 1, axis=0)),
        "curves": show.curves({"training": [3, 2, 1], "validation": [3, 2.5, 2]}),
        "network": show.network([3, 4, 2]),
    }


@pytest.mark.parametrize("name", list(all_figures()))
def test_every_figure_is_shown_once_with_alt_text_and_the_same_bytes(name):
    figure, again = all_figures()[name], all_figures()[name]
    assert isinstance(figure, Figure)
    bundle, metadata = figure._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == figure.alt == bundle["text/plain"] != ""
    assert metadata["image/png"]["width"] == 700
    png = base64.b64decode(bundle["image/png"])
    assert png == figure.png() == again.png(), "the same figure must give the same bytes"
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    assert picture.width == 1050 and picture.getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.slow
def test_figures_are_unknown_to_pyplot_and_show_does_not_import_it():
    code = (
        "import sys, numpy as np\nfrom bioimage_course import show\n"
        "show.image(np.eye(9)).png()\nassert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_alt_text_is_taken_from_the_author():
    assert show.image(PICTURE, alt="Forty rows of noise").alt == "Forty rows of noise"


@pytest.mark.slow
def test_a_notebook_shows_the_figure_once_with_its_alt_text(tmp_path):
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter
    from nbformat.v4 import new_code_cell, new_notebook

    source = "import numpy as np\nfrom bioimage_course import show\nshow.image(np.eye(9), alt='A diagonal')"
    notebook = new_notebook(cells=[new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "execute_result" and set(output.data) == {"image/png", "text/plain"}
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert 'alt="A diagonal"' in html


def shown_array(figure, number=0):
    return figure.axes[number].images[0]


def test_display_contrast_does_not_change_the_data():
    before = PICTURE.copy()
    shown = shown_array(show.image(PICTURE))
    assert np.array_equal(PICTURE, before) and np.array_equal(shown.get_array(), before)
    assert shown.get_clim() == pytest.approx(tuple(np.percentile(PICTURE, (1, 99.8))))
    assert shown_array(show.image(PICTURE, limits=(5, 50))).get_clim() == (5, 50)


def test_compared_images_share_their_contrast():
    figure = show.images([PICTURE, PICTURE / 10], limits="shared")
    assert shown_array(figure, 0).get_clim() == shown_array(figure, 1).get_clim()
    separate = show.images([PICTURE, PICTURE / 10], limits=None)
    assert shown_array(separate, 0).get_clim() != shown_array(separate, 1).get_clim()


def test_small_images_are_magnified_without_smoothing():
    assert shown_array(show.image(PICTURE)).get_interpolation() == "nearest"
    assert shown_array(show.image(np.zeros((3000, 3000)))).get_interpolation() != "nearest"


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_are_shown(value):
    show.image(np.full((5, 5), value, np.uint8)).png()


def test_tensors_and_samples_are_shown(nuclei):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    assert np.array_equal(
        shown_array(show.image(torch.ones(4, 4, requires_grad=True))).get_array(), np.ones((4, 4))
    )
    assert shown_array(show.image(nuclei)).get_array().shape == nuclei.image.shape
    assert "125 objects" in show.labels(nuclei).alt


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


@pytest.mark.parametrize(
    ("pixel_size", "expected"), [(0.5, "5 µm"), (0.03, "200 nm"), (100, "1000 µm"), ((2, 0.5, 0.5), "5 µm")]
)
def test_scale_bar_has_a_round_length(pixel_size, expected):
    assert texts(show.image(PICTURE, pixel_size=pixel_size)) == [expected]


def test_no_scale_bar_without_pixel_size():
    assert texts(show.image(PICTURE)) == []


def test_neighbouring_objects_have_different_colours(nuclei):
    labels = nuclei.labels
    colours = show.label_colours(labels)
    assert set(colours) == set(np.unique(labels)) - {0}
    assert set(colours.values()) <= set(show.PALETTE.values()) - {"#000000"}
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        for one, other in np.unique(np.stack([a, b], -1)[(a != b) & (a > 0) & (b > 0)], axis=0):
            assert colours[one] != colours[other]


def test_six_colours_are_enough_for_a_crowded_map():
    from skimage.segmentation import watershed

    seeds = np.zeros((200, 200), int)
    seeds[RNG.integers(0, 200, 400), RNG.integers(0, 200, 400)] = np.arange(1, 401)
    crowded = watershed(np.zeros_like(seeds), seeds)
    colours = show.label_colours(crowded)
    for a, b in ((crowded[:, 1:], crowded[:, :-1]), (crowded[1:], crowded[:-1])):
        assert all(colours[i] != colours[j] for i, j in zip(a[a != b], b[a != b], strict=True))


@pytest.mark.parametrize("top", [255, 2**31])
def test_labels_need_not_be_consecutive(top):
    objects = np.zeros((20, 20), np.int64)
    objects[2:6, 2:6], objects[10:15, 10:15] = 7, top
    (lines,) = [c for c in show.labels(None, objects).axes[0].collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 2


def test_labels_of_an_empty_image():
    assert "0 objects" in show.labels(PICTURE, np.zeros(PICTURE.shape, int)).alt


def test_matches_differ_in_colour_and_line_style():
    truth, prediction = np.zeros((30, 60), int), np.zeros((30, 60), int)
    truth[5:15, 5:15], truth[5:15, 25:35] = 1, 2
    prediction[5:15, 5:15], prediction[5:15, 45:55] = 1, 2
    figure = show.matches(np.zeros((30, 60)), truth, prediction)
    lines = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert [len(group.get_segments()) for group in lines] == [1, 1, 1]  # hit, false alarm, missed
    left = [group.get_segments()[0][:, 0].min() for group in lines]
    assert left[0] < 6 and left[1] > 40 and 20 < left[2] < 40
    assert len({group.get_color()[0].tobytes() for group in lines}) == 3
    assert len({str(group.get_linestyle()) for group in lines}) == 3
    assert "1 true positive, 1 false positive, 1 false negative" in figure.alt


def test_curves_differ_in_line_style_and_take_a_history():
    class History:
        train_loss, validation_loss, best_epoch = [3, 2, 1], [3, 2.5, 2.6], 2

    lines = show.curves(History()).axes[0].lines
    assert [line.get_label() for line in lines[:2]] == ["training", "validation"]
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert list(lines[2].get_xdata()) == [2, 2]


def test_network_draws_one_line_a_weight():
    assert len(show.network([3, 4, 2]).axes[0].lines) == 3 * 4 + 4 * 2
    weights = [np.array([[1.0, -2.0], [0.5, 0.1]]), np.array([[-1.0, 1.0]])]
    lines = show.network(weights=weights).axes[0].lines
    assert len(lines) == 6
    assert lines[0].get_color() != lines[2].get_color()  # +1 and −2: sign
    assert lines[0].get_linewidth() > lines[1].get_linewidth()  # 1 and 0.5: size


def test_network_of_a_module():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    assert len(show.network(module).axes[0].lines) == 2 * 3 + 3 * 1


def test_table_is_markdown():
    table = show.table([["a|b", 0.12345, None], ["c", float("nan"), 7]], ["name", "AP", "n"], digits=2)
    assert str(table) == ("| name | AP | n |\n|:---|---:|---:|\n| a\\|b | 0.12 | – |\n| c | – | 7 |")
    assert set(table._repr_mimebundle_()) == {"text/markdown", "text/plain"}
    assert str(show.table([{"x": 1, "y": 2.0}])).startswith("| x | y |")
    rounded = show.table([["0.51", "+3 %", "1e-5", "2 of 3"], ["−0.5", "–", "12,400", "3"]], list("abcd"))
    assert "|---:|---:|---:|:---|" in str(rounded)


BAD = {
    "stack": (lambda: show.image(np.zeros((5, 20, 20))), r"\(5, 20, 20\).*max\(axis=0\)"),
    "channels first": (lambda: show.image(np.zeros((3, 20, 20))), "moveaxis"),
    "length-1 axis": (lambda: show.image(np.zeros((1, 20, 20))), "squeeze"),
    "one row": (lambda: show.image(np.zeros(5)), "2D"),
    "empty": (lambda: show.image(np.zeros((0, 5))), "no pixels"),
    "NaN": (lambda: show.image(np.full((3, 3), np.nan)), "NaN"),
    "infinite": (lambda: show.image(np.full((3, 3), np.inf)), "infinite"),
    "text": (lambda: show.image("nuclei.tif"), "array of real numbers"),
    "None": (lambda: show.image(None), "array of real numbers"),
    "complex": (lambda: show.image(np.zeros((3, 3), complex)), "complex128"),
    "ragged": (lambda: show.image([[1, 2], [3]]), "ragged"),
    "pixel size": (lambda: show.image(PICTURE, pixel_size=-1), "positive length"),
    "limits": (lambda: show.image(PICTURE, limits=(5, 1)), "low below high"),
    "limits word": (lambda: show.images([PICTURE], limits="all"), "shared"),
    "one image as list": (lambda: show.images(PICTURE), "list of images"),
    "no images": (lambda: show.images([]), "empty"),
    "columns": (lambda: show.images([PICTURE], columns=0), "columns"),
    "titles": (lambda: show.images([PICTURE, PICTURE], ["a"]), "2 images but 1 titles"),
    "second image": (lambda: show.images([PICTURE, np.zeros((2, 2, 2, 2))]), "image number 2"),
    "float labels": (lambda: show.labels(PICTURE, OBJECTS.astype(float)), "astype"),
    "mask": (lambda: show.labels(PICTURE, OBJECTS > 0), r"measure\.label"),
    "shape": (lambda: show.labels(PICTURE, OBJECTS[:5]), "belongs to"),
    "negative": (lambda: show.labels(PICTURE, OBJECTS - 1), "negative"),
    "no labels": (lambda: show.labels(PICTURE), r"show\.labels\(image, labels\)"),
    "match shape": (lambda: show.matches(PICTURE, OBJECTS, OBJECTS[:, :3]), "prediction has shape"),
    "heat maps": (lambda: show.heat([PICTURE], np.ones((2, 4, 4))), "one map"),
    "heat sign": (lambda: show.heat([PICTURE], -np.ones((1, 4, 4))), "at least 0"),
    "heat opacity": (lambda: show.heat([PICTURE], np.ones((1, 4, 4)), opacity=2), "between 0 and 1"),
    "heat scale": (lambda: show.heat([PICTURE], np.ones((1, 4, 4)), strongest=0), "above 0"),
    "no curves": (lambda: show.curves({}), "dict of name and values"),
    "empty curve": (lambda: show.curves({"a": []}), "'a'"),
    "NaN curve": (lambda: show.curves({"a": [np.nan] * 3}), "diverged"),
    "curve length": (lambda: show.curves({"a": [1, 2]}, x=[1]), "2 values, but x has 1"),
    "layers": (lambda: show.network([3]), "two layers"),
    "layer zero": (lambda: show.network([3, 0]), "two layers"),
    "weights": (lambda: show.network(weights=[np.ones((2, 3)), np.ones((1, 3))]), "each other"),
    "weights and layers": (lambda: show.network([3, 3], weights=[np.ones((2, 3))]), "do not fit layers"),
    "no rows": (lambda: show.table([], ["a"]), "at least one row"),
    "headings": (lambda: show.table([[1]]), "headings"),
    "row length": (lambda: show.table([[1, 2], [1]], ["a", "b"]), "Row 2"),
    "grid": (lambda: show.figure(0), "rows"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_gets_one_sentence(name):
    call, expected = BAD[name]
    with pytest.raises(InputError, match=expected) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 220
