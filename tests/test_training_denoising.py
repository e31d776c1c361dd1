"""The long experiments of chapter 8: two steps each, how sets are cut, and the results that are there."""

import hashlib
import importlib
import json

import numpy as np
import pytest

from bioimage_course import data, nets, tools
from bioimage_course.results import denoising

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
RESULTS = nets.CELL_CLASSIFIER.parents[1] / "denoising" / "experiments"


@pytest.fixture(scope="module")
def denoisers():
    """The modules of the script, by name."""
    names = ("classical", "loop", "networks", "noise", "runs", "sets")
    return {name: importlib.import_module(f"denoisers.{name}") for name in names}


@pytest.fixture
def fold(denoisers):
    """A small field with noise, cut like the real ones; every pixel of it has another value."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :256]
    clean = 50 + 20 * np.sin(rows / 5) * np.cos(columns / 7)
    return denoisers["sets"].field_fold(clean + rng.normal(0, 8, clean.shape), clean, grid=(2, 2))


# --- cutting ------------------------------


def test_parts_share_no_pixel(denoisers):
    numbered = np.arange(64 * 256).reshape(64, 256)  # every pixel has a number of its own
    fold = denoisers["sets"].field_fold(numbered, numbered)
    training = fold.stacks[0] * fold.test[0].std + fold.test[0].mean
    parts = [training[0], fold.validation[0].noisy, fold.test[0].noisy]
    assert sorted(np.concatenate(parts, axis=1).round().astype(int).ravel()) == list(range(64 * 256))


def test_patches_come_from_the_training_part_only(denoisers, fold):
    batch = denoisers["sets"].draw(fold, 8, np.random.default_rng(1))
    assert set(batch["noisy"].ravel().tolist()) <= set(fold.stacks[0].ravel().tolist())


def test_input_and_target_of_a_patch_show_the_same_place(denoisers, fold):
    fold.targets = [2 * stack[0] for stack in fold.stacks]
    batch = denoisers["sets"].draw(fold, 8, np.random.default_rng(1))
    np.testing.assert_allclose(batch["clean"], 2 * batch["noisy"], rtol=1e-6)
    assert len({float(patch.sum()) for patch in batch["noisy"]}) == 8


def test_another_frame_is_never_the_same_one(denoisers, fold):
    fold.stacks = [np.stack([np.full((64, 128), v, np.float32) for v in range(5)])]
    fold.turn = False
    batch = denoisers["sets"].draw(fold, 40, np.random.default_rng(0))
    assert (batch["noisy"][:, 0, 0, 0] != batch["again"][:, 0, 0, 0]).all()
    assert set(batch["again"][:, 0, 0, 0]) == {0, 1, 2, 3, 4}


def test_pairs_of_frames_lie_within_reach(denoisers):
    partner, rng = denoisers["sets"].partner, np.random.default_rng(0)
    for first, near in ((0, {1, 2}), (5, {3, 4, 6, 7}), (9, {7, 8})):
        assert {partner(first, 10, 2, rng) for _ in range(200)} == near
    assert {partner(3, 10, 10**6, rng) for _ in range(300)} == set(range(10)) - {3}
    assert partner(0, 1, 10**6, rng) == 0


def test_noise_of_the_reference_is_no_error(denoisers):
    sets, rng = denoisers["sets"], np.random.default_rng(0)
    truth = np.zeros((200, 200))
    pairs = [sets.Pair(truth, rng.normal(0, 2, truth.shape), 0, 1, unsure=4.0) for _ in range(5)]
    restored = [truth + 1] * 5  # one grey value too much, everywhere
    found = sets.block_psnr(pairs, restored, 10, (1, 1))
    assert found == pytest.approx([20], abs=0.5)


@pytest.mark.mirror
def test_no_test_image_of_w2s_is_trained_on(denoisers, mirror):
    both = [denoisers["sets"].load("w2s", number) for number in (0, 1)]
    names = [set(f.units) for f in both]
    assert not names[0] & names[1] and len(names[0] | names[1]) == 10
    for f in both:
        assert not any(unit in f.about["training"] for unit in f.units)
        assert [stack.shape for stack in f.stacks] == [(1, 384, 512)] * 5
        assert [pair.noisy.shape for pair in f.validation] == [(128, 512)] * 5


@pytest.mark.mirror
def test_telomeres_are_tested_on_the_other_half_and_other_frames(denoisers, mirror):
    sets = denoisers["sets"]
    f = sets.load("telomeres", 0)
    assert f.stacks[0].shape == (200, 66, 121) and f.test[0].noisy.shape == (67, 162)
    assert not f.turn and all(number % 5 == 0 for number in sets.SCORED_FRAMES)
    assert f.validation[0].noisy.shape == (66, 41)


# --- filters ------------------------------


def test_filters_are_tuned_on_the_validation_images_only(denoisers, fold):
    classical = denoisers["classical"]
    strength, curve = classical.tune("gaussian", fold)
    assert dict(curve)[strength] == max(value for _, value in curve)
    fold.test = fold.stacks = fold.targets = None  # whoever looks at them fails
    assert classical.tune("gaussian", fold) == (strength, curve)


def test_variance_is_stabilised_and_brought_back(denoisers):
    noise, rng = denoisers["noise"], np.random.default_rng(0)
    levels = np.repeat([100.0, 300, 900], 2000)
    counts = 2 * rng.poisson(levels / 2) + rng.normal(0, 3, levels.shape)  # gain 2, read-out noise 3
    flat = noise.stabilised(counts, 2, 9)
    assert [flat[levels == level].std() for level in (100, 300, 900)] == pytest.approx([1, 1, 1], abs=0.1)
    means = np.array([flat[levels == level].mean() for level in (100, 300, 900)])
    assert noise.destabilised(means, 2, 9) == pytest.approx([100, 300, 900], rel=0.02)


def test_line_of_one_image_finds_gain_and_read_out_noise(denoisers):
    rng = np.random.default_rng(0)
    light = np.tile(np.linspace(20, 200, 256), (256, 1))
    slope, intercept = denoisers["noise"].line_of_one_image(
        2 * rng.poisson(light) + rng.normal(0, 5, light.shape)
    )
    assert slope == pytest.approx(2, rel=0.15) and intercept == pytest.approx(25, abs=30)


def test_noise_that_does_not_grow_with_the_light_is_left_as_it_is(denoisers):
    light = np.tile(np.linspace(100, 110, 256), (256, 1)).round()
    chessboard = np.indices(light.shape).sum(axis=0) % 2 * 3  # equally strong everywhere, to the last digit
    slope, intercept = denoisers["noise"].line_of_one_image(light + chessboard)
    assert slope == 0 and intercept > 1


def test_noise_of_neighbours_is_measured(denoisers):
    rng = np.random.default_rng(0)
    grain = rng.normal(0, 1, (20, 101, 100))
    frames = 100 + (grain[:, 1:] + grain[:, :-1]) / np.sqrt(2)  # each row shares half with the next
    found = denoisers["noise"].of_frames(frames)
    assert found["down"][0] == pytest.approx(0.5, abs=0.03) and found["std"] == pytest.approx(1, abs=0.05)
    assert found["down"][1] == pytest.approx(0, abs=0.03) and found["right"][0] == pytest.approx(0, abs=0.03)


# --- trainings ------------------------------

METHODS = ("n2s", "ours-care", "ours-n2n", "ours-n2v")
CAREAMICS = ("care", "n2n", "n2v", "n2v2", "structn2v", "structn2v-cross")


def train(denoisers, fold, method, steps, path=None, seed=0):
    torch.set_num_threads(1)
    objective = denoisers["networks"].METHODS[method](seed)
    return denoisers["loop"].Training(objective, fold, seed, path).until(steps)


@pytest.mark.parametrize("method", METHODS)
def test_two_steps_of_each_method(denoisers, fold, method):
    training = train(denoisers, fold, method, 2)
    restored = training.restore(fold.test[0])
    assert restored.shape == fold.test[0].noisy.shape and np.isfinite(restored).all()
    assert training.curve[-1][0] == 2 and np.isfinite(training.losses).all()


@pytest.mark.parametrize("method", CAREAMICS)
def test_two_steps_of_each_method_of_careamics(denoisers, fold, method):
    pytest.importorskip("careamics", reason="CAREamics is not installed")
    training = train(denoisers, fold, method, 2)
    assert np.isfinite(training.restore(fold.test[0])).all()
    counters = [b for name, b in training.model.named_buffers() if name.endswith("num_batches_tracked")]
    assert not any(counters), "batch normalisation is meant to be off"


@pytest.mark.parametrize("method", ["ours-n2v", "n2v"])
def test_interrupted_training_is_the_same_as_an_uninterrupted_one(denoisers, fold, method, tmp_path):
    if method == "n2v":
        pytest.importorskip("careamics", reason="CAREamics is not installed")
    whole = train(denoisers, fold, method, 6)
    train(denoisers, fold, method, 3, tmp_path / "half.pt")
    resumed = train(denoisers, fold, method, 6, tmp_path / "half.pt")
    assert resumed.step == 6 and not list(tmp_path.glob(".*.unfinished"))
    for ours, theirs in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.nightly  # TensorFlow compiles each network anew; the notebook of chapter 8 trains n2v each time
@pytest.mark.parametrize("method", ["csbdeep-care", "n2v-original"])
def test_library_trains_in_pieces_and_goes_on(method, fold, tmp_path, monkeypatch):
    pytest.importorskip("n2v", reason="n2v is not installed")
    libraries = importlib.import_module("denoisers.libraries")
    monkeypatch.setattr(libraries, "PIECE", 2)
    libraries.METHODS[method](fold, 0, 2, tmp_path / "run.pt")
    result = libraries.METHODS[method](fold, 0, 5, tmp_path / "run.pt")
    assert [step for step, _ in result["curve"]] == [2, 4, 5] and not list(tmp_path.glob(".*.unfinished"))
    for restored in (result["restored"], result["best_restored"]):
        assert restored[0].shape == fold.test[0].noisy.shape and np.isfinite(restored[0]).all()


def test_training_learns(denoisers, fold):
    training = train(denoisers, fold, "ours-care", 40)
    before = fold.validate([pair.noisy for pair in fold.validation])
    assert training.curve[-1][1] > before + 1


def test_noise2self_never_sees_the_pixel_it_predicts(denoisers):
    networks = denoisers["networks"]
    objective = networks.METHODS["n2s"](0)
    image = torch.randn(1, 1, 16, 16)
    changed = image.clone()
    changed[0, 0, 6, 9] += 5
    with torch.no_grad():
        first, second = (objective.restore_blind(objective.model, x) for x in (image, changed))
    assert float(first[0, 0, 6, 9]) == pytest.approx(float(second[0, 0, 6, 9]), abs=1e-5)
    assert float((first - second).abs().max()) > 1e-4  # its neighbours do see it


# --- the script ------------------------------


@pytest.fixture
def script(denoisers, fold, monkeypatch):
    """The script, with one small set."""
    monkeypatch.setattr(denoisers["sets"], "FOLDS", {"small": (lambda number: fold, 1)})
    plan = [denoisers["runs"].Run("small", method) for method in ("noise", "none", "gaussian", "ours-n2v")]
    monkeypatch.setattr(denoisers["runs"], "plan", lambda: plan)
    return importlib.import_module("denoising")


def test_smoke_run_writes_a_part_for_each_run_and_lists_them(script, tmp_path, capsys):
    places = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert script.main([*places, "--list"]) == 0
    assert "0 of 4 done" in capsys.readouterr().out
    assert script.main([*places, "--steps", "2"]) == 0
    files = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert set(files) == {f"small_{m}_fold0_seed0.json" for m in ("noise", "none", "gaussian", "ours-n2v")}
    network = files["small_ours-n2v_fold0_seed0.json"]
    assert network["curve"][0][0] == network["settings"]["steps"] == 2
    assert len(network["scores"]["fitted_psnr"]) == len(network["units"]) == 4
    assert {"versions", "cpu_seconds", "best", "cut"} <= set(network)
    capsys.readouterr()
    assert script.main([*places, "--steps", "2"]) == 0
    assert capsys.readouterr().out == ""  # nothing was done twice
    script.main([*places, "--table"])
    assert "against gaussian " in capsys.readouterr().out


def test_a_training_can_be_made_longer(script, tmp_path):
    places = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    only = ["--only", "small", "ours-n2v", "0"]
    for steps in (2, 4):
        script.main([*places, *only, "--steps", str(steps)])
    result = json.loads((tmp_path / "out" / "small_ours-n2v_fold0_seed0.json").read_text())
    assert [step for step, _ in result["curve"]] == [2, 4]


# --- what was run ------------------------------


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_results_are_complete(path):
    result = json.loads(path.read_text(encoding="utf-8"))
    name = f"{result['set']}_{result['method']}_fold{result['fold']}_seed{result['seed']}"
    assert path.stem == name and result["versions"] and result["cpu_seconds"] >= 0
    for values in result.get("scores", {}).values():
        assert len(values) == len(result["units"]) and np.isfinite(values).all()
    if "curve" in result:
        steps = [step for step, _ in result["curve"]]
        assert steps == sorted(steps) and steps[-1] == result["settings"]["steps"] >= 4000
    if "tuning" in result:
        assert dict(result["tuning"])[result["strength"]] == result["validation"]


def test_shipped_networks_are_those_that_the_readme_names():
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    for method in tools.denoise.SHIPPED:
        assert hashlib.sha256((RESULTS.parent / f"{method}.pt").read_bytes()).hexdigest() in readme


@pytest.mark.mirror
@pytest.mark.parametrize("method", tools.denoise.SHIPPED)
def test_shipped_networks_score_what_the_results_say(denoisers, mirror, method):
    pytest.importorskip("careamics", reason="CAREamics is not installed")
    fold, denoiser = denoisers["sets"].load("telomeres", 0), tools.denoise.load(method)
    told = denoising.runs("telomeres", method)[0]["best"]["scores"]["psnr"]
    assert fold.score([denoiser(pair.noisy) for pair in fold.test])["psnr"] == pytest.approx(told, abs=0.02)
    assert denoiser.card["psnr_of_four_blocks_not_trained_on"] == told


def test_shipped_networks_score_about_the_same_on_the_frames_that_the_course_carries():
    """Every fifth frame only: the reference is the mean of two frames, its own noise subtracted."""
    pytest.importorskip("careamics", reason="CAREamics is not installed")
    sample = data.load("telomere-frames")
    frames, span = sample.image[:, 66:].astype(float), np.ptp(sample.target.astype(float))
    unsure = np.diff(frames, axis=0).var(axis=0) / 2 / 2
    found = {}
    for method in tools.denoise.SHIPPED:
        denoiser = tools.denoise.load(method)
        errors = np.mean(
            [
                (denoiser(frames[k]) - (frames[k - 1] + frames[k + 1]) / 2) ** 2 - unsure
                for k in (4, 12, 20, 28, 36)
            ],
            axis=0,
        )
        found[method] = [10 * np.log10(span**2 / b.mean()) for b in np.array_split(errors, 4, axis=1)]
        told = denoising.runs("telomeres", method)[0]["best"]["scores"]["psnr"]
        assert found[method] == pytest.approx(told, abs=0.7)
    assert np.mean(found["structn2v"]) > np.mean(found["n2v"]) + 3
