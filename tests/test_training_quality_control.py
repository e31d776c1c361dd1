"""How fields are cut and spoilt before signs of failure are measured on them."""

import numpy as np
import pytest

import quality_control
from bioimage_course import data, results
from bioimage_course.metrics import without_truth


@pytest.fixture
def field():
    truth = np.zeros((90, 120), np.int32)
    truth[10:30, 10:40], truth[50:80, 60:100], truth[29:31, 38:50] = 1, 2, 3
    image = (1000 + 5000 * (truth > 0) + np.random.default_rng(0).normal(0, 50, truth.shape)).astype(
        np.uint16
    )
    return {"name": "a", "unit": "a", "image": image, "truth": truth, "aside": truth == 3}


def test_parts_cover_the_scene_and_drop_slivers(field):
    parts = list(quality_control.parts(field, (3, 3)))
    assert sum(part["image"].size for part in parts) == field["image"].size
    assert {part["unit"] for part in parts} == {"a"} and len({part["name"] for part in parts}) == 9
    for part in parts:
        areas = np.bincount(part["truth"].ravel())[1:]
        assert not ((areas > 0) & (areas < 20)).any()


@pytest.mark.parametrize("kind", ["out of focus", "too little light", "saturated", "dirt"])
def test_a_spoilt_field_keeps_its_shape_and_looks_strange(field, kind):
    spoilt = quality_control.spoil(field["image"], kind, np.random.default_rng(1))
    assert spoilt.shape == field["image"].shape and spoilt.dtype == np.uint16
    before, after = (without_truth.features(image, field["truth"]) for image in (field["image"], spoilt))
    name = {"out of focus": "focus", "saturated": "saturated", "dirt": "contrast"}.get(kind, "focus")
    assert abs(after[name] - before[name]) > (0.01 if name == "saturated" else 0.5)


def test_a_fifth_is_spoilt_by_lot_and_the_rest_left_alone(field):
    fields = [field | {"name": str(k)} for k in range(20)]
    spoilt = quality_control.spoilt_fields(fields)
    touched = [f for f in spoilt if "spoilt" in f]
    assert len(touched) == 4 and len({f["spoilt"] for f in touched}) == 4
    assert all(f["image"] is field["image"] for f in spoilt if "spoilt" not in f)


def test_what_lies_aside_or_on_the_edge_counts_neither_way(field):
    found = field["truth"].copy()
    right = np.where(found == 3, 0, found)
    assert quality_control.true_error(field | {"truth": right}, found) == 0
    at_edge = right.copy()
    at_edge[:8, :8] = 9
    edge = np.zeros(found.shape, bool)
    edge[0] = True
    assert quality_control.true_error({"truth": right, "edge": edge}, at_edge) == 0
    assert quality_control.true_error({"truth": right}, at_edge) > 0


def test_the_script_scores_what_the_results_say():
    found = results.quality_control.results()
    assert found["threshold"] == quality_control.FAILED
    assert list(found["copies"]) == list(without_truth.TURNS)
    with np.load(results.quality_control.PICTURES) as pictures:
        rows = results.quality_control.rows("stardist", "dsb2018")
        failed = [row["disagreement"] for row in rows if row["error"] > quality_control.FAILED]
        assert rows[int(pictures["caught-place"])]["disagreement"] == max(failed)
        assert rows[int(pictures["confident-place"])]["disagreement"] == min(failed)
        assert pictures["caught-answers"].shape == (4, 200, 200)


@pytest.mark.skipif(not data.available("nuclei-dsb2018"), reason="needs the 50 images (mirror or cache)")
def test_what_was_measured_is_measured_again():
    from bioimage_course.tools import voronoi_otsu

    images, truths, names = quality_control.dsb2018.load_part("test")
    stored = {row["name"]: row for row in results.quality_control.rows("voronoi-otsu", "dsb2018")}
    for place in (0, 7):
        field = dict(name=names[place], unit=names[place], image=images[place], truth=truths[place])
        row, answers = quality_control.measure(voronoi_otsu.segment, field)
        assert row["error"] == pytest.approx(stored[names[place]]["error"], abs=0.03)
        assert row["disagreement"] == pytest.approx(stored[names[place]]["disagreement"], abs=0.03)
        assert row["features"] == pytest.approx(stored[names[place]]["features"], abs=0.05)
        assert len(answers) == 4
