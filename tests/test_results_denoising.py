"""Comparisons of denoisers, on runs that are made up and on those that were measured."""

import json

import numpy as np
import pytest

from bioimage_course.errors import InputError
from bioimage_course.results import denoising


def write(folder, method, scores, fold=0, seed=0, **more):
    run = {"set": "field", "method": method, "fold": fold, "seed": seed, "units": list(range(len(scores)))}
    run |= {"scores": {"fitted_psnr": scores}} | more
    (folder / f"field_{method}_fold{fold}_seed{seed}.json").write_text(json.dumps(run))


@pytest.fixture
def folder(tmp_path):
    """Two folds of two units; the better filter on validation images differs from fold to fold."""
    for fold, (gaussian, tv) in enumerate(((30, 31), (33, 32))):
        write(tmp_path, "gaussian", [20, 21], fold, tuning=[], validation=gaussian)
        write(tmp_path, "tv", [22, 24], fold, tuning=[], validation=tv)
    for seed, best in enumerate(([25, 26], [27, 26])):
        best = {"scores": {"fitted_psnr": best}, "validation": 40}
        write(tmp_path, "n2v", [0, 10], 0, seed, curve=[[100, 1.0]], best=best)
    write(tmp_path, "n2n", [30, 31], 1, curve=[[100, 1.0]], best={"scores": {"fitted_psnr": [30, 31]}})
    return tmp_path


def test_filter_is_chosen_on_validation_images_of_each_fold(folder):
    assert [denoising.best_filter("field", fold, folder)["method"] for fold in (0, 1)] == ["tv", "gaussian"]
    assert denoising.compare("field", "n2n", folder=folder)["against"] == ["gaussian"]


def test_filter_in_hindsight_is_best_on_the_test_units(folder):
    assert denoising.filter_in_hindsight("field", folder) == "tv"


def test_seeds_are_averaged_unit_by_unit_at_their_best_step(folder):
    found = denoising.compare("field", "n2v", folder=folder)
    assert found["mean"] == 26 and found["at_the_end"] == 5 and found["mean_against"] == 23
    assert found["difference"].difference == 3 and found["trainings"] == [2.5, 3.5]


def test_two_methods_are_compared_on_folds_that_both_have(folder):
    assert denoising.compare("field", "n2v", "tv", folder)["difference"].difference == 3
    with pytest.raises(InputError, match="share no fold"):
        denoising.compare("field", "n2v", "n2n", folder)


def test_trained_methods_come_best_first(folder):
    assert denoising.trained("field", folder) == ["n2n", "n2v"]


@pytest.mark.parametrize(("recording", "method"), [("w2s", "nothing"), ("w3s", None)])
def test_unknown_runs_are_refused(recording, method):
    with pytest.raises(InputError, match=r"there are recordings .*telomeres"):
        denoising.runs(recording, method)


def test_every_method_that_was_run_has_a_title():
    names = {file.name.split("_")[1] for file in denoising.FOLDER.glob("*.json")} - {"noise"}
    assert all(denoising.title(name) for name in names) and denoising.title("tv-vst").endswith("stabilised")


def test_filters_and_networks_of_a_fold_were_scored_on_the_same_units():
    for recording in ("w2s", "telomeres"):
        for fold in (0, 1):
            scored = [r["units"] for r in denoising.runs(recording) if r["fold"] == fold and "scores" in r]
            assert all(units == scored[0] for units in scored)


def test_best_step_is_that_of_the_curve():
    for recording in ("w2s", "telomeres"):
        for method in denoising.trained(recording):
            for run in denoising.runs(recording, method):
                assert run["best"]["validation"] == pytest.approx(np.max(run["curve"], axis=0)[1], abs=0.002)
