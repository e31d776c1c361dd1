"""The measurements of chapter 16: a short run of the script, and what its results file must say."""

import importlib

import numpy as np
import pytest

from bioimage_course import large

pytest.importorskip("zarr", reason="zarr is not installed")


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("large_image")


def test_tiles_meet_without_an_edge(script):
    shape = (1024, 1024)
    rows = [np.concatenate([script.tile(i, j, shape) for j in (0, 1)], axis=1) for i in (0, 1)]
    image = np.concatenate(rows).astype(float)
    across = np.abs(image[:, 512] - image[:, 511]).mean(), np.abs(image[512] - image[511]).mean()
    elsewhere = np.abs(np.diff(image, axis=1)).mean()
    assert max(across) < 1.2 * elsewhere
    assert not np.array_equal(script.tile(0, 0, shape), script.tile(2, 2, shape))  # noise of its own


def test_the_slide_is_that_of_its_tiles(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "BLOCK", 1024)
    image = script.make(tmp_path / "x.ome.zarr", 1024)
    np.testing.assert_array_equal(image[512:, :512], script.tile(1, 0, (1024, 1024)))


@pytest.mark.slow
def test_small_run_gives_the_same_in_blocks_as_in_one_piece(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "BLOCK", 512)
    whole = script.measure_whole(tmp_path, 1024)
    assert whole["identical"] == whole["objects_in_one_piece"] == whole["objects_in_blocks"] > 300


def test_results_are_complete_and_consistent():
    results = large.results()
    assert results["large"]["side"] == 16384
    for part in ("whole", "halo", "large", "speed"):
        assert part in results
    big = results["large"]
    assert len(big["finished_at"]) == big["blocks"] == (big["side"] // big["block"]) ** 2
    assert 0 < big["killed_at"] < big["seconds"] and big["finished_at"] == sorted(big["finished_at"])
    assert big["numbers_in_the_labels"] == big["objects"] == big["resumed"]["objects"]
    assert big["rerun"]["computed"] == 0 and big["resumed"]["computed"] == big["resumed"]["missing"] > 0
    assert big["touching"] == 0 and big["peak_mb_together"] < 2000
    whole = results["whole"]
    assert whole["identical"] == whole["objects_in_one_piece"] == whole["objects_in_blocks"]
    assert results["halo"]["rows"][-1]["identical"] == results["halo"]["objects"]
    assert results["halo"]["own_threshold"]["identical"] < 0.5 * results["halo"]["objects"]
    assert results["speed"]["speed_up"] > 1


@pytest.mark.slow
def test_the_halo_of_the_results_still_gives_the_same_objects(script, tmp_path):
    """The row with the widest halo, measured again on the very same image."""
    told = large.results()["halo"]
    image = script.make(tmp_path / "halo.ome.zarr", told["side"])[:]
    assert int(script.method(image)(image).max()) == told["objects"]
