"""Real cells, split by crop and by image: the splits, the lottery, what is stored and what is read."""

import json

import numpy as np
import pytest

import real_splits as script
from bioimage_course import results, shipped
from bioimage_course.errors import DataUnavailableError, InputError

READER = results.real_splits
KINDS = np.tile([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2], 30)  # 30 images of twelve cells
IMAGES = np.repeat(np.arange(30) * 2, 12)


def test_thirds_keep_units_whole_and_strata_apart():
    treated = script.by_lot(IMAGES, seed=1)
    inside, outside = script.thirds(IMAGES, treated, seed=0)
    assert sorted([*inside, *outside]) == list(range(len(IMAGES)))
    assert not set(IMAGES[inside]) & set(IMAGES[outside])
    assert len(set(IMAGES[outside])) == 10 and treated[outside].mean() == 0.5


def test_a_lot_belongs_to_an_image():
    treated = script.by_lot(IMAGES, seed=3)
    assert all(len(set(treated[IMAGES == image])) == 1 for image in np.unique(IMAGES))
    assert treated.mean() == 0.5 and (treated != script.by_lot(IMAGES, seed=4)).any()


@pytest.mark.parametrize("task", ["kinds", "lottery"])
def test_new_images_take_no_part_in_the_study(task):
    known, new, answers = script.study(task, KINDS, IMAGES, seed=0)
    assert not set(IMAGES[known]) & set(IMAGES[new])
    if task == "lottery":
        assert len(set(IMAGES[known])) == script.LOTTERY and (KINDS[[*known, *new]] == 0).all()
        assert answers[known].mean() == answers[new].mean() == 0.5
    else:
        assert (answers == KINDS).all() and np.bincount(KINDS[known])[0] == script.RED * 20


def test_results_are_complete_and_balanced():
    found = READER.results()
    assert found["settings"] == json.loads(json.dumps(script.SETTINGS))
    assert set(found["tasks"]) == set(READER.QUESTIONS) and READER.METHODS == script.METHODS
    for seeds in found["tasks"].values():
        assert list(seeds) == [str(seed) for seed in script.SEEDS]
    for question in READER.QUESTIONS:
        for split in READER.SPLITS:
            for method in READER.METHODS:
                values = READER.scores(question, split, method)
                assert values.shape == (8, 2) and values.min() > 0 and values.max() <= 100


def test_leakage_takes_both_recognised_images_and_answers_that_go_with_them():
    for method in READER.METHODS:
        assert READER.optimism("lottery", "crop", method).low > 0
        for question, split in (("lottery", "image"), ("kinds", "crop"), ("kinds", "image")):
            gap = READER.optimism(question, split, method)
            assert gap.low < 0 < gap.high
    assert len(READER.table()) == 12 and READER.table()[0]["reported − new (points)"].startswith("+11.9 (")


@pytest.mark.parametrize("wrong", [("sizes", "crop"), ("kinds", "pixel"), ("kinds", "crop", "guessing")])
def test_unknown_names(wrong):
    with pytest.raises(InputError, match="but no"):
        READER.scores(*wrong)


def test_the_table_of_cells():
    table = READER.cells()
    assert len(table.features) == len(table.images) and table.names[0] == "red"
    counts = np.unique(table.images, return_counts=True)[1]
    assert len(counts) == script.SHIPPED and counts.min() >= script.ENOUGH
    assert (READER.FOLDER / "cells.csv").stat().st_size < 10_000


def test_a_damaged_table(tmp_path, monkeypatch):
    monkeypatch.setattr(READER, "FOLDER", tmp_path)
    for text in (None, "image,red\n1,many\n", ""):
        if text is not None:
            (tmp_path / "cells.csv").write_text(text)
        with pytest.raises(DataUnavailableError, match="incomplete"):
            READER.cells()


@pytest.mark.slow
@pytest.mark.mirror
def test_a_seed_by_colour_comes_out_again(mirror, monkeypatch):
    """The forest's scores of one seed, and the table for learners."""
    monkeypatch.setattr(script, "METHODS", ("forest on colour",))
    crops, kinds, images = script.load()
    found = script.one_seed(crops, kinds, images, "lottery", seed=0)
    for split in READER.SPLITS:
        told = shipped.results("real-splits")["tasks"]["lottery"]["0"][split]
        assert found[split]["training_crops"] == told["training_crops"]
        np.testing.assert_allclose(found[split]["forest on colour"], told["forest on colour"], atol=0.06)
    assert script.table(crops, kinds, images) == (READER.FOLDER / "cells.csv").read_text(encoding="utf-8")
