"""The pixel classifier: features that are what they are called, strokes, the shipped annotations."""

import hashlib
import shutil

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude, gaussian_laplace
from skimage.feature import hessian_matrix, hessian_matrix_eigvals

from bioimage_course import data, metrics
from bioimage_course.errors import DataUnavailableError, InputError
from bioimage_course.tools import pixel_classifier
from bioimage_course.tools.pixel_classifier import BACKGROUND, BORDER, OBJECT


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((40, 50)).astype(np.float32)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the shipped files that a test may spoil."""
    folder = tmp_path / "pixel-classifier"
    shutil.copytree(pixel_classifier.WEIGHTS, folder)
    monkeypatch.setattr(pixel_classifier, "WEIGHTS", folder)
    pixel_classifier.course_classifier.cache_clear()
    yield folder
    pixel_classifier.course_classifier.cache_clear()


# ---------------------------------------------------------------- features


def test_names_and_layers(image):
    layers, names = pixel_classifier.features(image, (1, 2))
    assert layers.shape == (40, 50, 10) and layers.dtype == np.float32
    assert len(set(names)) == 10 and names[0] == "blur, σ = 1" and names[-1] == "smaller curvature, σ = 2"
    layers, names = pixel_classifier.features(np.dstack([image, image**2]), (1,))
    assert layers.shape == (40, 50, 10) and names[5] == "channel 1 blur, σ = 1"
    np.testing.assert_array_equal(layers[..., :5], pixel_classifier.features(image, (1,))[0])


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_filters_are_those_of_scipy_and_scikit_image(image, sigma):
    layers, names = pixel_classifier.features(image, (sigma,))
    by_name = {name.partition(",")[0]: layers[..., i] for i, name in enumerate(names)}
    np.testing.assert_allclose(by_name["blur"], gaussian_filter(image, sigma), atol=1e-5)
    np.testing.assert_allclose(
        by_name["gradient"], sigma * gaussian_gradient_magnitude(image, sigma), atol=1e-5
    )
    np.testing.assert_allclose(by_name["Laplacian"], sigma**2 * gaussian_laplace(image, sigma), atol=1e-5)
    np.testing.assert_allclose(
        by_name["larger curvature"] + by_name["smaller curvature"], by_name["Laplacian"], atol=1e-5
    )
    assert (by_name["larger curvature"] >= by_name["smaller curvature"]).all()


def test_curvatures_of_a_ridge():
    """Along a bright line nothing bends; across it the image bends down."""
    ridge = np.exp(-((np.mgrid[:61, :61][1] - 30.0) ** 2) / (2 * 3**2))
    layers, names = pixel_classifier.features(ridge, (2,))
    larger, smaller = (layers[30, 30, names.index(f"{n} curvature, σ = 2")] for n in ("larger", "smaller"))
    theirs = hessian_matrix_eigvals(hessian_matrix(ridge, sigma=2, use_gaussian_derivatives=True))[:, 30, 30]
    np.testing.assert_allclose([larger, smaller], 4 * theirs, atol=0.02)
    assert larger == pytest.approx(0, abs=0.01) and smaller < -0.1


def test_normalise():
    values = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    scaled = pixel_classifier.normalise(values)
    np.testing.assert_allclose(np.percentile(scaled, (1, 99.8)), (0, 1), atol=1e-3)
    assert pixel_classifier.normalise(np.full((4, 4), 9)).max() == 0


# ---------------------------------------------------------------- strokes


def strokes_for(labels, width=3):
    """A few rows of strokes in the left half, as a person would draw them."""
    strokes = np.zeros(labels.shape, int)
    for row in range(20, labels.shape[0], 60):
        part = labels[row : row + width, : labels.shape[1] // 2]
        strokes[row : row + width, : labels.shape[1] // 2] = np.where(part > 0, OBJECT, BACKGROUND)
    return strokes


def test_strokes_on_the_left_find_nuclei_on_the_right(nuclei):
    strokes = strokes_for(nuclei.labels)
    assert (strokes > 0).mean() < 0.03
    classifier = pixel_classifier.train(nuclei, strokes)
    votes = classifier.probabilities(nuclei)
    assert votes.shape == (512, 512, 2) and votes.dtype == np.float32
    np.testing.assert_allclose(votes.sum(axis=-1), 1, atol=1e-5)
    right = np.s_[:, 256:]
    assert metrics.iou(nuclei.labels[right] > 0, votes[right][..., 1] > 0.5) > 0.75
    found = pixel_classifier.segment(nuclei, classifier, threshold=0.5, seed_share=0.5)
    assert found.dtype == np.int32
    assert metrics.match(nuclei.labels[right], found[right], 0.5).average_precision > 0.5


def test_same_seed_same_forest(nuclei):
    crop, strokes = nuclei.image[:128, :128], strokes_for(nuclei.labels)[:128, :128]
    votes = [
        pixel_classifier.train(crop, strokes, trees=5, seed=seed).probabilities(crop) for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(votes[0], votes[1])
    assert not np.array_equal(votes[0], votes[2])


def test_cut_puts_border_into_the_foreground_and_seeds_into_objects():
    votes = np.zeros((20, 41, 3))
    votes[..., 0] = 1
    votes[5:15, 5:36] = (0, 0.9, 0.1)
    votes[5:15, 19:22] = (0, 0.1, 0.9)  # a border between two objects
    labels = pixel_classifier.cut(votes, (BACKGROUND, OBJECT, BORDER), threshold=0.5, seed_share=0.5)
    assert (labels > 0).sum() == 10 * 31  # the border belongs to the objects, not to the background
    assert labels.max() == 2 and labels[10, 8] != labels[10, 32]
    joined = votes.copy()
    joined[5:15, 19:22] = (0, 0.9, 0.1)
    assert pixel_classifier.cut(joined, (1, 2, 3), threshold=0.5, seed_share=1).max() == 1


@pytest.mark.parametrize(
    ("strokes", "words"),
    [
        (np.zeros((40, 50), int), "two classes"),
        (np.ones((40, 50), int), "two classes"),
        (np.ones((40, 51), int), "shape of the image"),
        (np.ones((40, 50)), "whole numbers"),
        (None, "real numbers"),
    ],
)
def test_bad_strokes_get_a_sentence(image, strokes, words):
    with pytest.raises(InputError, match=words):
        pixel_classifier.train(image, strokes)


# ---------------------------------------------------------------- the course's own


@pytest.mark.slow
def test_course_classifier_finds_nuclei(nuclei):
    found = pixel_classifier.segment(nuclei)
    assert found.shape == nuclei.image.shape and found.dtype == np.int32
    assert metrics.match(nuclei.labels, found, 0.5).average_precision > 0.6
    forest = pixel_classifier.course_classifier().forest
    assert list(forest.classes_) == [BACKGROUND, OBJECT, BORDER]


def test_threshold_makes_objects_smaller(nuclei):
    crop = nuclei.image[:192, :192]
    areas = [(pixel_classifier.segment(crop, threshold=t) > 0).sum() for t in (0.3, 0.7, 0.95)]
    assert areas[0] > areas[1] > areas[2]


def test_card_results_and_file_agree():
    about = pixel_classifier.results()
    file = pixel_classifier.WEIGHTS / "annotations.npz"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    card = (pixel_classifier.WEIGHTS / "README.md").read_text(encoding="utf-8")
    assert digest == about["files"]["annotations.npz"] and digest in card
    assert about["settings"]["threshold"] == pixel_classifier.THRESHOLD
    assert about["settings"]["seed_share"] == pixel_classifier.SEED_SHARE
    assert file.stat().st_size < 1e6


def test_file_holds_features_and_classes_of_few_pixels_and_no_pickle():
    about = pixel_classifier.results()
    with np.load(pixel_classifier.WEIGHTS / "annotations.npz", allow_pickle=False) as stored:
        assert set(stored.files) == {"table", "classes"}
        table, classes = stored["table"], stored["classes"]
    assert table.dtype == np.float16 and table.shape[1] == 5 * len(about["settings"]["sigmas"])
    counts = dict(zip(("background", "object", "border"), np.bincount(classes)[1:].tolist(), strict=True))
    assert counts == about["annotated_pixels"] and len(classes) == len(table)
    assert len(table) < 0.002 * about["all_pixels"]  # nobody could put an image together again from these


def test_changed_annotations_are_refused(copied):
    with open(copied / "annotations.npz", "r+b") as file:
        file.seek(5000)
        file.write(b"changed")
    with pytest.raises(DataUnavailableError, match="sha256"):
        pixel_classifier.course_classifier()


@pytest.mark.parametrize("name", ["annotations.npz", "results.json"])
def test_missing_file_is_a_sentence(copied, name):
    (copied / name).unlink()
    with pytest.raises(DataUnavailableError, match="incomplete"):
        pixel_classifier.segment(np.random.default_rng(0).random((20, 20)))


@pytest.mark.parametrize("value", [0, 7])
def test_constant_image_has_no_objects(value):
    assert pixel_classifier.segment(np.full((40, 50), value, np.uint8)).max() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": np.zeros((8, 8, 3))}, "2D image"),
        ({"image": np.full((8, 8), np.nan)}, "NaN"),
        ({"image": "nuclei.tif"}, "array"),
        ({"image": np.eye(8), "threshold": 1.5}, "threshold"),
        ({"image": np.eye(8), "seed_share": "much"}, "seed_share"),
        ({"image": np.eye(8), "classifier": "forest"}, "train"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, words):
    with pytest.raises(InputError) as caught:
        pixel_classifier.segment(**arguments)
    assert words in str(caught.value) and "\n" not in str(caught.value)
