"""Spread cells: lots and pieces, the list of runs, and what is read from however many there are."""

import json

import numpy as np
import pytest

import spread_cells as script
from bioimage_course import results
from bioimage_course.errors import DataUnavailableError, InputError

READER = results.spread_cells
NAMES = sorted([f"set{number:02d}" for number in range(1, 19)] + list(script.ODD))


def counted(tp, n, images=8):
    """Counts of so many images in which `tp` of `n` cells are found, ever fewer as the threshold rises."""
    return [{"tp": [tp, tp // 2, 0], "fp": [0, tp - tp // 2, tp], "fn": [n - tp, n - tp // 2, n]}] * images


def told(tp, cells=20):
    """A run that finds `tp` of ten cells in every image."""
    about = {"images": ["set01"], "cells": cells, "options": {}, "cpu_minutes": 3.0}
    return about | {part: counted(tp, 10, n) for part, n in (("test", 8), ("odd", 2), ("nuclei", 50))}


@pytest.fixture
def few(monkeypatch):
    """A file of results in which two seeds of one image have been run, and little else."""
    runs = {"shipped/0/0": told(0, 0), "fine-tuned/1/0": told(8), "fine-tuned/1/1": told(6, 30)}
    runs["scratch/1/1"] = told(4, 30)
    found = {"iou_thresholds": [0.5, 0.75, 0.9], "runs": runs}
    monkeypatch.setattr(READER, "results", lambda: found)
    return found


# ---------------------------------------------------------------- the script


def test_a_cell_is_the_largest_piece_of_its_number():
    numbers = np.zeros((20, 20), np.uint8)
    numbers[2:8, 2:8] = numbers[15, 15:17] = 7  # two pixels beside it are a slip of the pen
    numbers[2:8, 8:12] = 3  # touches the first
    labels = script.largest_pieces(numbers)
    assert sorted(np.bincount(labels.ravel())[1:]) == [24, 36] and not labels[15].any()


def test_nothing_is_learnt_from_test_images_and_odd_ones():
    parts = script.parts(NAMES)
    assert [len(parts[key]) for key in ("learn", "test", "odd")] == [10, 8, 2]
    assert sorted(name for part in parts.values() for name in part) == NAMES
    assert set(parts["odd"]) == set(script.ODD)
    orders = [script.order(parts["learn"], seed) for seed in script.SEEDS]
    assert all(sorted(order) == parts["learn"] for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_the_reader_knows_what_was_to_be_run():
    jobs = {(method, n) for method, n, _ in script.jobs()}
    assert jobs == set(READER.PLAN) and len(READER.PLAN) == len(jobs)
    assert {seed for method, _, seed in script.jobs() if method != "shipped"} == set(READER.SEEDS)
    assert {method for method, _ in READER.PLAN} == set(READER.METHODS)


def test_tuning_takes_the_settings_that_find_most(monkeypatch):
    best = {"diameter": 70, "inverted": True, "cellprob_threshold": 1.0, "flow_threshold": 0.8}
    truth = np.zeros((30, 30), np.int32)
    for i in range(4):
        truth[5 * i + 2 : 5 * i + 5, 2:9] = i + 1

    def segment(model, image, options):
        right = sum(options[name] == value for name, value in best.items())
        return np.where(truth <= right, truth, 0)

    monkeypatch.setattr(script, "segment", segment)
    assert script.tune(None, [truth], [truth]) == best


def test_runs_go_on_where_they_were(tmp_path, monkeypatch):
    out, ran = tmp_path / "results.json", []
    labels = dict.fromkeys(NAMES, np.pad(np.ones((9, 9), np.int32), 3))
    monkeypatch.setattr(script.compat, "prepare", lambda tool: None)
    monkeypatch.setattr(script, "loaded", lambda folder: script.parts(NAMES) | {"labels": labels})
    monkeypatch.setattr(script.dsb2018, "load_part", lambda part: ([], [], []))
    monkeypatch.setattr(script, "run", lambda method, *others: ran.append(method) or told(5))
    for method in ("shipped", "shipped", "tuned"):
        script.main(["--out", str(out), "--only", method, "2", "0"])
    assert ran == ["shipped", "tuned"]
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found["runs"]) == ["shipped/2/0", "tuned/2/0"] and str(tmp_path) not in out.read_text()
    assert set(found["cells"].values()) == {1}


def test_crops_are_small_and_numbered():
    rng = np.random.default_rng(0)
    labels = np.zeros((600, 610), np.int32)
    labels[0:20, 0:20], labels[200:300, 200:300] = 1, 9
    sets = script.parts(NAMES) | {
        "image": dict.fromkeys(NAMES, rng.random((600, 610))),
        "labels": dict.fromkeys(NAMES, labels),
    }
    crops = script.crops(sets)
    assert set(crops) == set(READER.crops())
    assert all(crop.shape == (script.CROP, script.CROP) for crop in crops.values())
    assert crops["odd_image"].dtype == np.uint8 and crops["odd_truth"].max() == 1


# ---------------------------------------------------------------- the shipped files


def test_shipped_runs_are_whole():
    found, parts = READER.results(), script.parts(sorted(READER.results()["cells"]))
    assert found["parts"] == parts and found["settings"] == vars(script.settings())
    allowed = {script.key(*job) for job in script.jobs()}
    assert "shipped/0/0" in found["runs"] and set(found["runs"]) <= allowed
    for name, run in found["runs"].items():
        _, n, seed = name.split("/")
        assert run["images"] == script.order(parts["learn"], int(seed))[: int(n)], name
        assert run["cells"] == sum(found["cells"][image] for image in run["images"])
        assert [len(run[part]) for part in READER.PARTS] == [8, 2, 50]
        for part in ("test", "odd"):
            cells = [found["cells"][image] for image in parts[part]]
            assert [row["tp"][0] + row["fn"][0] for row in run[part]] == cells
            assert all(row["tp"] == sorted(row["tp"], reverse=True) for row in run[part])


def test_shipped_crops_are_small():
    crops = READER.crops()
    assert (READER.FOLDER / "crops.npz").stat().st_size < 400_000
    for name, crop in crops.items():
        assert crop.shape == (script.CROP, script.CROP), name
        assert name.endswith("image") or crop.max() > 9


# ---------------------------------------------------------------- reading whatever there is


def test_only_what_was_run_is_shown(few):
    assert READER.seeds("fine-tuned", 1) == [0, 1] and READER.seeds("tuned", 2) == []
    assert READER.curve("fine-tuned") == {1: [0.8, 0.6]} and READER.curve("scratch-longer") == {}
    rows = {(row["network"], row["images"]): row for row in READER.table(seconds=60)}
    assert len(rows) == len(READER.PLAN)
    row = rows["fine-tuned", "1"]
    assert row["AP@0.5"] == "0.70 (0.60–0.80)" and row["seeds"] == "2" and row["minutes outlining"] == "20–30"
    assert rows["from scratch", "10"]["AP@0.5"] == "not run" and rows["as shipped", "0"]["AP@0.5"] == "0.00"


def test_differences_pair_the_same_seed_and_the_same_images(few):
    paired = READER.differences(("fine-tuned", 1), ("scratch", 1))
    assert list(paired) == [1] and paired[1].n == paired[1].better == 8
    assert paired[1].difference == pytest.approx(0.2)
    assert list(READER.differences(("fine-tuned", 1), ("shipped", 0), "odd")) == [0, 1]
    assert READER.differences(("tuned", 2), ("shipped", 0)) == {}
    rows = {row["first − second"]: row for row in READER.comparisons()}
    row = rows["fine-tuned, 1 image − from scratch, 1 image"]
    assert row["seed 0"] == row["seed 2"] == "not run" and row["seed 1"] == "+0.20 (+0.20 to +0.20)"
    assert len(rows) == len(READER.PAIRS)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"method": "magic", "n": 1}, "no run 'magic'"),
        ({"method": "fine-tuned", "n": 3}, "no run 'fine-tuned' with 3"),
        ({"method": "fine-tuned", "n": 1, "seed": 2}, r"with seeds \[0, 1\], not 2"),
        ({"method": "fine-tuned", "n": 1, "part": "moon"}, "no 'moon'"),
        ({"method": "fine-tuned", "n": 1, "iou": 0.77}, "no 0.77"),
    ],
)
def test_what_was_not_measured_is_one_sentence(few, wrong, words):
    with pytest.raises(InputError, match=words):
        READER.counts(**wrong)


def test_missing_crops(tmp_path, monkeypatch):
    monkeypatch.setattr(READER, "FOLDER", tmp_path)
    with pytest.raises(DataUnavailableError, match="install bioimage-course again"):
        READER.crops()
