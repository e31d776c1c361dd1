"""Cells that are not round: star ceilings, what is counted, and the tables made of it."""

import json

import numpy as np
import pytest

import other_cells as script
from bioimage_course import data, results, shipped
from bioimage_course.errors import InputError
from bioimage_course.materials.ch11 import banana, disc

told, sam_grids = results.other_cells, results.sam_grids


def test_a_disc_is_a_star_and_a_bent_cell_is_none():
    assert script.star_ceiling(disc(48, 48, 30))[0] > 0.97
    assert script.star_ceiling(disc(48, 48, 4))[0] > 0.9
    assert 0.7 < script.star_ceiling(banana())[0] < 0.95


def test_the_best_star_is_no_worse_than_that_of_any_point_and_may_touch_the_border():
    mask = banana()
    best, _, reach = script.star_ceiling(mask)
    others = [
        script.star_iou(mask, place, script.distances(mask, place)) for place in np.argwhere(mask)[::97]
    ]
    assert best >= max(others) - 0.01 and len(reach) == script.RAYS
    full = np.ones((20, 30), bool)
    assert script.star_ceiling(full)[0] > 0.9


def test_slips_are_no_cells_and_pieces_count_apart():
    labels = np.zeros((40, 40), np.uint16)
    labels[:10, :10] = labels[20:30, 20:30] = 7
    labels[35, 30:35] = 9
    assert script.cells_of(labels).max() == 2


def test_cells_are_asked_about_by_lot_and_the_lot_is_fixed():
    truth = np.repeat(np.arange(41), 4).reshape(4, 41)
    first = script.asked(truth, 3)
    assert len(set(first)) == script.ASKED and first.min() > 0
    assert first.tolist() == script.asked(truth, 3).tolist() != script.asked(truth, 4).tolist()


def test_a_careless_box_moves_each_side_by_a_tenth_at_most_and_stays_in_the_image():
    boxes = np.array([[10, 20, 30, 60], [0, 0, 50, 50]])
    moved = script.careless(boxes, (50, 80), 3)
    size = np.array([[20, 40, 20, 40], [50, 50, 50, 50]])
    assert (np.abs(moved - boxes) <= script.CARELESS * size).all() and (moved != boxes).any()
    assert moved.min() >= 0 and (moved <= [50, 80, 50, 80]).all()
    np.testing.assert_array_equal(moved, script.careless(boxes, (50, 80), 3))


def test_the_answer_is_the_mask_of_which_sam_is_surest_and_the_best_stands_beside():
    truth = np.zeros((10, 10), int)
    truth[:5] = 1
    half, all_of_it = truth == 1, np.ones((10, 10), bool)
    row = script.scored(truth, [1], [([half, all_of_it, ~half], [0.7, 0.9, 0.2])])
    assert row == {"iou": [0.5], "predicted": [0.9], "best": [1.0]}
    assert script.scored(truth, [1], [([half], [0.6])]) == {"iou": [1.0], "predicted": [0.6]}


def test_of_automatic_masks_the_best_counts_and_background_is_none():
    mask = np.zeros((10, 10), bool)
    mask[:, :4] = True
    labels = np.zeros((10, 10), int)
    assert script.max_iou(mask, labels) == 0
    labels[:, :2], labels[:, 3:] = 1, 2
    assert script.max_iou(mask, labels) == pytest.approx(0.5)


def test_sam_goes_on_where_it_was_and_grids_come_last(tmp_path, monkeypatch):
    asked = []

    def ask(part):
        def answer(image, truth, number, cache, side=None):
            asked.append((part, side, image, number))
            return {"cells": [1], "box": {"iou": [0.5]}}

        return answer

    monkeypatch.setattr(script, "sam_prompted", ask("sam"))
    monkeypatch.setattr(script, "sam_grid", ask("grid"))
    sets = {
        "nuclei": {},
        "axons": {"names": ["a", "b"], "images": [0, 1], "truths": [2, 3]},
        "yeast": {"names": ["c"], "images": [4], "truths": [5]},
    }
    script.keep(tmp_path / "results.json", {}, "sam", "axons", "a")
    for _ in range(2):
        script.measure_sam(sets, tmp_path / "results.json", cache=None)
    everything = [(0, 0), (1, 1), (4, 0)]
    prompted = [("sam", None, *image) for image in everything[1:]]  # the first was done
    assert asked == prompted + [("grid", side, *image) for side in script.SIDES for image in everything]


def test_parts_are_kept_one_beside_the_other(tmp_path):
    out = tmp_path / "results.json"
    script.keep(out, [1], "stars", "axons")
    script.keep(out, [2], "stars", "ovule")
    script.keep(out, {"hit": 3}, "grid 16", "axons", "rat1")
    assert script.read(out) == {
        "stars": {"axons": [1], "ovule": [2]},
        "grid 16": {"axons": {"rat1": {"hit": 3}}},
    }


def test_what_was_scored_is_not_scored_again(tmp_path, monkeypatch):
    runs = []

    def methods(_):
        def segment(image):
            runs.append(image.shape)
            return np.zeros(image.shape, np.int32)

        return {name: (name, segment, None) for name in script.MODELS}

    monkeypatch.setattr(script.other_laboratory, "methods", methods)
    truth = np.zeros((30, 30), np.int32)
    truth[5:15, 5:15] = 1
    sets = {"axons": {"names": ["a"], "images": [np.zeros((30, 30))], "truths": [truth]}}
    for _ in range(2):
        script.measure_models(sets, tmp_path / "results.json")
    assert len(runs) == 2 * len(script.MODELS)
    rows = script.read(tmp_path / "results.json")["models"]["unet"]["axons"]["inverted"]["images"]
    assert rows == [{"tp": [0] * 3, "fp": [0] * 3, "fn": [1] * 3}]


def test_the_file_is_whole_and_holds_what_the_tables_say():
    about = told.results()
    assert {"spread cells", "axons"} <= set(told.scored()) <= set(about["sets"])
    for kind in told.scored():
        cells = about["sets"][kind]["cells"]
        assert [len(image) for image in about["stars"][kind]] == cells
        for name in about["models"]:
            for contrast in told.contrasts(name, kind):
                found = told.counts(name, kind, contrast)
                assert found[:, [0, 2]].sum(axis=1).tolist() == cells
    assert len(told.ceilings("nuclei")) == script.NUCLEI
    stars = {row["cells"]: row for row in told.star_table()}
    assert stars["spread cells"]["number"] == sum(about["sets"]["spread cells"]["cells"])
    assert [row["cells"] for row in told.model_table()] == told.scored()
    assert "/work" not in json.dumps(about) and "/home" not in json.dumps(about)


def test_every_prompt_was_asked_about_the_same_cells():
    about = told.results()
    assert set(about["sam"]) == set(about["sets"])
    for kind, images in about["sam"].items():
        assert list(images) == about["sets"][kind]["images"]
        cells = [len(row["cells"]) for row in images.values()]
        assert cells == [min(script.ASKED, number) for number in about["sets"][kind]["cells"]]
        for prompt in told.PROMPTS:
            for value in ("iou", "predicted"):
                assert [len(image) for image in told.answers(kind, prompt, value)] == cells
        assert [len(image) for image in told.asked_ceilings(kind)] == cells
        best, first = (np.concatenate(told.answers(kind, "click", value)) for value in ("best", "iou"))
        assert (best >= first).all()
        for grid in told.GRIDS:
            assert {n: row["cells"] for n, row in about[grid][kind].items()} == {
                n: row["cells"] for n, row in images.items()
            }
            everything, no_small = (told.grid_counts(kind, grid, way) for way in sam_grids.WAYS[:2])
            assert everything["cells"] == sum(about["sets"][kind]["cells"]) >= everything["clicked"]
            assert no_small["found"] <= everything["found"] and no_small["wrong"] <= everything["wrong"]
    assert told.found("axons", "box").shape == (6,)
    assert [row["cells"] for row in told.prompt_table()] == list(about["sets"])


def test_models_are_the_shipped_ones():
    methods = script.other_laboratory.methods({"spot_sigma": 0, "outline_sigma": 0})
    for name, scored in told.results()["models"].items():
        title, _, what = methods[name]
        assert (scored["title"], scored["weights"]) == (title, script.other_laboratory.identity(what)), name


def test_what_was_not_measured_is_one_sentence():
    for wrong in (("magic", "axons"), ("unet", "moon")):
        with pytest.raises(InputError, match=r"There are .*, but no"):
            told.counts(*wrong, "inverted")
    for wrong in (
        ("moon", "box"),
        ("axons", "song"),
        ("axons", "box", "best"),
        ("axons", "grid 16", "predicted"),
    ):
        with pytest.raises(InputError, match=r"There are .*, but no"):
            told.answers(*wrong)
    for wrong in (lambda: told.asked_ceilings("nuclei"), lambda: told.grid_counts("axons", "grid 8")):
        with pytest.raises(InputError, match=r"There are .*, but no"):
            wrong()


def test_built_in_crops_come_with_their_notices():
    folder = shipped.WEIGHTS.parent / "data" / "samples"
    for name, cells, owner in (
        ("spread-cells", 33, "usiigaci"),
        ("em-axons", 30, "axondeepseg"),
        ("ovule-cells", 22, "plantseg"),
        ("chloroplasts", 18, "wsu"),
        ("bacteria", 26, "delta"),
        ("epithelium", 94, "epitools"),
    ):
        sample = data.load(name)
        assert sample.n_objects == cells and sample.image.dtype == np.uint8
        assert f"LICENSE-{owner}.txt" in sample.licence
        notice = (folder / f"LICENSE-{owner}.txt").read_text()
        assert "MIT License" in notice or "BSD 3-Clause Licence" in notice


@pytest.mark.mirror
def test_the_crop_of_spread_cells_is_of_a_test_image(mirror):
    names = sorted(path.parent.name for path in (mirror / script.spread_cells.SET).glob("*/raw.tif"))
    assert "set03" in script.spread_cells.parts(names)["test"]
    image, labels = script.samples(mirror)["spread_cells"]
    sample = data.load("spread-cells")
    np.testing.assert_array_equal(sample.image, image)
    np.testing.assert_array_equal(sample.labels, script.numbered(labels))
