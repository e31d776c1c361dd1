"""The script of the classical methods: annotations made again from the same data, scores measured again."""

import json

import numpy as np
import pytest

import classical
import dsb2018
from bioimage_course import files, metrics, results, tools
from bioimage_course.tools import pixel_classifier


@pytest.fixture(scope="module")
def test_images(mirror):
    return dsb2018.load_part("test")


def shipped():
    with np.load(pixel_classifier.WEIGHTS / "annotations.npz", allow_pickle=False) as stored:
        return stored["table"], stored["classes"]


def test_classes_of_two_touching_squares():
    labels = np.zeros((9, 14), np.int32)
    labels[2:7, 2:7], labels[2:7, 7:12] = 1, 2
    kinds = classical.classes_of(labels)
    assert (kinds[:, :2] == pixel_classifier.BACKGROUND).all()
    assert (kinds[2:7, 2:6] == pixel_classifier.OBJECT).all()
    assert (kinds[2:7, 6:8] == pixel_classifier.BORDER).all()  # one pixel on each side
    assert (kinds[labels == 0] == pixel_classifier.BACKGROUND).all()
    wider = classical.classes_of(labels, width=2)
    assert (wider[3:6, 5:9] == pixel_classifier.BORDER).all() and wider[4, 4] == pixel_classifier.OBJECT


def test_annotation_is_sparse_and_follows_the_seed(monkeypatch):
    from bioimage_course import data

    nuclei = data.load("nuclei")
    crop = [nuclei.image[:200, :200]], [nuclei.labels[:200, :200]]
    table, classes = classical.annotate(*crop)
    again, _ = classical.annotate(*crop)
    np.testing.assert_array_equal(table, again)
    versions = 1 + classical.COPIES
    for kind, count in classical.PIXELS.items():
        assert 0 < (classes == kind).sum() <= count * versions
    assert table.shape == (len(classes), 5 * len(pixel_classifier.SIGMAS))
    monkeypatch.setattr(classical, "SEED", 1)
    assert not np.array_equal(classical.annotate(*crop)[0][:20], table[:20])


def test_annotated_pixels_are_of_the_class_that_they_are_called():
    """Without augmentation a nucleus's pixels are brighter than those of background, by a wide margin."""
    table, classes = shipped()
    blur = table[:, 0].astype(float)
    means = [blur[classes == kind].mean() for kind in (1, 2, 3)]
    assert means[1] > means[0] + 0.3 and means[2] > means[0] + 0.2


@pytest.mark.mirror
def test_shipped_annotations_come_out_of_the_script(mirror):
    """The first images give the first rows: all random numbers are drawn in order."""
    images, masks, names = dsb2018.load_part("train")
    about = pixel_classifier.results()
    assert names == about["data"]["images"]
    assert files.sha256_of(*images, *masks) == about["data"]["pixels_sha256"]
    table, classes = classical.annotate(images[:4], masks[:4])
    stored, kinds = shipped()
    np.testing.assert_array_equal(classes, kinds[: len(classes)])
    np.testing.assert_allclose(table, stored[: len(table)].astype(np.float32), rtol=2e-3, atol=2e-3)


def test_more_annotated_images_make_a_better_forest():
    """The forest learns: grown on the rows of the first images, it is right on those of the last ones."""
    table, classes = shipped()
    table = table.astype(np.float32)
    last, right = np.s_[-4000:], []
    for rows in (60, 1000, 12_000):
        forest = pixel_classifier.grow(table[:rows], classes[:rows], trees=20)
        right.append((forest.predict(table[last]) == classes[last]).mean())
    assert right[0] < right[1] < right[2] and right[2] > 0.8


@pytest.mark.mirror
def test_card_score_of_voronoi_otsu_comes_out_again(test_images):
    images, truths, names = test_images
    found = [tools.voronoi_otsu.segment(image) for image in images]
    told = results.dsb2018.counts("voronoi-otsu")
    assert names == [image["name"] for image in results.dsb2018.about("voronoi-otsu")["images"]]
    measured = metrics.average_precision_dataset(truths, found)
    assert measured.pooled[0] == pytest.approx(told.pooled[0], abs=0.005)
    assert measured.pooled[5] == pytest.approx(told.pooled[5], abs=0.005)


@pytest.mark.slow
@pytest.mark.mirror
def test_card_score_of_the_pixel_classifier_comes_out_again(test_images):
    """Every fifth image, from the shipped annotations."""
    images, truths, _ = (part[::5] for part in test_images)
    found = [pixel_classifier.segment(image) for image in images]
    told = results.dsb2018.counts("pixel-classifier")
    measured = metrics.average_precision_dataset(truths, found)
    np.testing.assert_array_equal((measured.tp + measured.fn)[:, 0], (told.tp + told.fn)[::5, 0])
    np.testing.assert_allclose(measured.by_image[:, 0], told.by_image[::5, 0], atol=0.05)
    tp, rest = told.tp[::5, 0].sum(), (told.fp + told.fn)[::5, 0].sum()
    assert measured.pooled[0] == pytest.approx(tp / (tp + rest), abs=0.01)


def test_card_says_the_score_of_the_counts():
    card = (pixel_classifier.WEIGHTS / "README.md").read_text(encoding="utf-8")
    scores = results.dsb2018.counts("pixel-classifier")
    low, high = scores.interval()
    for value in (scores.pooled[0], scores.mean[0], low[0], high[0]):
        assert f"{value:.3f}" in card
    for count in pixel_classifier.results()["annotated_pixels"].values():
        assert f"{count:,}" in card


def test_store_writes_what_course_classifier_reads(tmp_path, monkeypatch):
    from bioimage_course import data

    nuclei = data.load("nuclei")
    part = [nuclei.image[:150, :150]], [nuclei.labels[:150, :150]], ["crop"]
    monkeypatch.setattr(pixel_classifier, "WEIGHTS", tmp_path / "new")
    monkeypatch.setattr(dsb2018, "load_part", lambda part_name: part)
    pixel_classifier.course_classifier.cache_clear()
    classical.store()
    about = json.loads((tmp_path / "new" / "results.json").read_text(encoding="utf-8"))
    assert about["data"]["images"] == ["crop"] and about["all_pixels"] == 150 * 150
    classifier = pixel_classifier.course_classifier()
    assert classifier.sigmas == pixel_classifier.SIGMAS and list(classifier.forest.classes_) == [1, 2, 3]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["annotations.npz", "results.json"]
    pixel_classifier.course_classifier.cache_clear()
