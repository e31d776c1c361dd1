"""The short experiments of chapter 8: short runs, and the scores of the shipped files measured again."""

import hashlib
import importlib
import json

import numpy as np
import pytest

from bioimage_course import metrics, nets
from nested import same

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
FOLDER = nets.CELL_CLASSIFIER.parents[1] / "denoising"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
NETWORKS = {"Noise2Noise": "noise2noise.pt", "Noise2Void": "noise2void.pt"}


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("denoising_brief")


@pytest.fixture(scope="module")
def field(script):
    """Frames, reference and halves of the telomeres, which the course carries."""
    return script.load_telomeres()


# --- parts of the script ------------------------------


def test_folds_share_no_image(script):
    for training, test in script.folds(10):
        assert not set(training) & set(test) and sorted([*training, *test]) == list(range(10))
    tested = [i for _, test in script.folds(10) for i in test]
    assert sorted(tested) == list(range(10))


def test_patches_cut_input_and_target_at_the_same_place(script):
    image = np.random.default_rng(0).normal(size=(80, 90)).astype(np.float32)
    inputs, targets = script.patches([(image, 2 * image)], 6, np.random.default_rng(1))
    assert inputs.shape == targets.shape == (6, 1, 64, 64)
    torch.testing.assert_close(targets, 2 * inputs)
    assert len({float(patch.sum()) for patch in inputs}) == 6
    again, _ = script.patches([(image, 2 * image)], 6, np.random.default_rng(1))
    torch.testing.assert_close(inputs, again)


def test_offset_and_scale_do_not_matter_for_two_of_three_scores(script):
    rng = np.random.default_rng(0)
    clean = rng.uniform(0, 1, (64, 64))
    noisy = clean + rng.normal(0, 0.1, clean.shape)
    plain, shifted = script.score_image(clean, noisy), script.score_image(clean, 3 * noisy - 7)
    for key in ("si_psnr", "ssim"):
        assert shifted[key] == pytest.approx(plain[key])
    assert shifted["psnr"] < plain["psnr"] - 10


def test_filter_is_tuned_to_the_best_on_the_pairs_it_is_given(script):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64]
    clean = np.sin(rows / 9) * np.cos(columns / 7)
    noisy = clean + rng.normal(0, 0.5, clean.shape)
    best, means = script.tuned_filter("Gaussian", [noisy], [clean])
    assert means[best] == max(means.values()) and best > 1
    strong = script.FILTERS["Gaussian"][0](noisy, best)
    assert means[best] == pytest.approx(metrics.scale_invariant_psnr(clean, strong), abs=1e-3)


def test_telomere_scores_by_hand(script):
    reference = np.zeros((4, 8))
    reference[0, 0] = 10  # the range of the reference
    halves = {"upper": slice(0, 2), "lower": slice(2, 4)}
    restored = {(f, half): reference[rows] + f for f in (1, 2) for half, rows in halves.items()}
    scored = script.telomere_scores(restored, reference, halves)
    assert scored["each"]["psnr"] == pytest.approx([10 * np.log10(100 / 2.5)] * 8, abs=1e-4)


# --- short runs ------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_short_training_is_reproducible_and_learns(script, field, name):
    """The very data and seed of the checkpoint, the first fifteen of its steps."""
    frames, _, halves = field
    assert (
        script.data_hash(frames[:, halves["upper"]])
        == nets.load(FOLDER / NETWORKS[name]).card["data"]["sha256"]
    )
    curves = [
        script.train_telomeres(frames, halves["upper"], steps, script.TELOMERES[name])[1]
        for steps in (15, 15)
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-3)
    assert curves[0][-1] < 0.9 * curves[0][0]


def test_smoke_run_writes_results_card_and_checkpoints(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(script, "FILTERS", {"Gaussian": script.FILTERS["Gaussian"]})
    arguments = ["--only", "telomeres", "--steps", "2", "--out", str(tmp_path)]
    assert script.main(arguments) == 0
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert set(results["telomeres"]) == {"one frame", "Gaussian", *NETWORKS}
    for name, file in NETWORKS.items():
        model = nets.load(tmp_path / file)
        assert model.card["sha256"] == results["checkpoints"][file]["sha256"]
        assert model.card["steps"] == 2 and name in model.card["what"]
        assert results["checkpoints"][file]["sha256"] in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.part"))
    capsys.readouterr()
    assert script.main(arguments) == 0
    assert "done before" in capsys.readouterr().out
    for key in ("one frame", "Gaussian"):  # no network in them: the numbers of the whole run
        same(results["telomeres"][key], RESULTS["telomeres"][key], abs=0.01)


# --- shipped files ------------------------------


def test_shipped_files_are_those_that_cards_and_results_describe():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, file in NETWORKS.items():
        content = (FOLDER / file).read_bytes()
        model = nets.load(FOLDER / file)
        sha256 = hashlib.sha256(content).hexdigest()
        assert sha256 == model.card["sha256"] == RESULTS["checkpoints"][file]["sha256"] and sha256 in card
        assert f"{RESULTS['telomeres'][name]['psnr']:.2f}" in card
        assert nets.count_parameters(model) == model.card["parameters"] == 116753
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4e6


@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_networks_score_what_the_results_say(script, field, name):
    """They were trained on the upper half: blocks 5 to 8 are those of the lower half. Within 0.02 dB."""
    frames, reference, halves = field
    model = nets.load(FOLDER / NETWORKS[name])
    lower = {"lower": halves["lower"]}
    restored = {
        (f, "lower"): script.restore(model, frames[f, halves["lower"]], model.card["mean"], model.card["std"])
        for f in script.SCORED_FRAMES
    }
    each = script.telomere_scores(restored, reference, lower)["each"]["psnr"]
    assert each == pytest.approx(RESULTS["telomeres"][name]["each"]["psnr"][4:], abs=0.02)


def test_means_and_intervals_are_those_of_the_single_images():
    for table in ("w2s", "telomeres"):
        for scores in RESULTS[table].values():
            for key, values in scores["each"].items():
                assert scores[key] == pytest.approx(np.mean(values), abs=2e-4)
                assert scores["interval_95"][key] == pytest.approx(
                    metrics.bootstrap_interval(np.array(values)), abs=2e-3
                )


def test_every_method_was_scored_on_ten_pairs():
    methods = {"Gaussian", "median", "non-local means", "wavelets", "total variation", "CARE (pairs)"}
    methods |= {"one frame"} | {f"Noise2Void ({which})" for which in ("ours", "n2v", "CAREamics")}
    assert set(RESULTS["w2s"]) == methods
    assert {len(scores["each"]["si_psnr"]) for scores in RESULTS["w2s"].values()} == {10}


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["one frame", "Gaussian", "wavelets"])
def test_scores_of_filters_on_real_pairs_come_out_again(script, mirror, name):
    _, noisy, clean = script.load_w2s()
    told = RESULTS["w2s"][name]
    restored = list(noisy)
    if name != "one frame":
        for parameter, (_, test) in zip(told["parameter_per_fold"], script.folds(len(noisy)), strict=True):
            for i in test:
                restored[i] = script.FILTERS[name][0](noisy[i], parameter)
    scored = script.score(clean, restored)
    for key in ("psnr", "si_psnr", "ssim"):
        assert scored[key] == pytest.approx(told[key], abs=2e-3)
        assert scored["interval_95"][key] == pytest.approx(told["interval_95"][key], abs=5e-3)


@pytest.mark.mirror
def test_few_steps_on_the_real_pairs_lower_the_loss(script, mirror):
    """CARE as in the results, its first steps: same images, same seed, falling loss."""
    _, noisy, clean = script.load_w2s()
    training, _ = script.folds(len(noisy))[0]
    pairs = [
        (script.standardise(noisy[i]), script.standardise(script.fit_to(clean[i], noisy[i]), noisy[i]))
        for i in training
    ]
    _, curve = script.train(lambda rng: script.patches(pairs, 8, rng), 20)
    assert curve[-1] < 0.7 * curve[0]


def test_noise_of_neighbours_is_measured_right(script):
    rng = np.random.default_rng(0)
    clean = rng.uniform(0, 1, (200, 200))
    grain = rng.normal(0, 0.2, (201, 200))
    rows = (grain[1:] + grain[:-1]) / 2  # shares half of its noise with the pixel below
    below, right = script.neighbour_correlation(3 * clean + rows, clean)
    assert below == pytest.approx(0.5, abs=0.03) and right == pytest.approx(0, abs=0.03)


@pytest.mark.mirror
def test_correlations_of_the_results_come_out_again(script, mirror):
    for name, load in (("w2s", script.load_w2s), ("fmd", script.load_fmd)):
        _, noisy, clean = load()
        found = [script.neighbour_correlation(n, c) for n, c in zip(noisy, clean, strict=True)]
        np.testing.assert_allclose(found, RESULTS["noise"][name], atol=0.005)
    assert np.abs(RESULTS["noise"]["w2s"]).max() < 0.05  # what the chapter says about both
    assert np.min(RESULTS["noise"]["fmd"][1:]) > 0.5
