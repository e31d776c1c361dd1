"""The training script of micro-sam's decoder: a short run, its parts, and the card's score measured again."""

import hashlib
import importlib
import json
import shutil

import numpy as np
import pytest

from bioimage_course import compat, data, errors, files, nets, shipped, tools
from bioimage_course.results import dsb2018 as scores

pytestmark = pytest.mark.skipif(not tools.available("micro-sam"), reason="micro-sam is not installed")

FOLDER = shipped.WEIGHTS / "micro-sam-decoder"
REMEASURED = 2  # test images segmented again; all 50 take minutes


@pytest.fixture(scope="module")
def script():
    compat.prepare("micro-sam")
    return importlib.import_module("micro_sam_decoder")


@pytest.fixture(scope="module")
def results():
    return json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scored():
    """What ``--score`` wrote among the scores of all methods."""
    return scores.about("sam-decoder")


@pytest.fixture(scope="module")
def card():
    return json.loads((FOLDER / "decoder.json").read_text(encoding="utf-8"))


def _disc(shape=(64, 96), middle=(30, 60), radius=14):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (np.hypot(rows - middle[0], columns - middle[1]) <= radius).astype(np.int32)


def test_targets_are_micro_sams_three_maps(script):
    labels = _disc()
    foreground, centre, boundary = script.targets(labels)
    np.testing.assert_array_equal(foreground, labels)
    assert centre[30, 60] == boundary[30, 60] == 0
    assert centre[30, 73] > 0.9 and boundary[30, 74] == 1
    assert (centre[labels == 0] == 1).all() and (boundary[labels == 0] == 1).all()


def test_windows_show_the_same_place_in_embedding_and_targets(script):
    import torch

    labels = _disc()
    small = torch.from_numpy(labels)[None, None].float()
    features = np.zeros(
        (1, 2, 64, 64), np.float32
    )  # as if the encoder had seen the disc; 64 × 96 fills 43 rows
    features[0, 0, :43] = torch.nn.functional.interpolate(small, (43, 64), mode="area")[0, 0]
    example = {"features": features, "input_size": (683, 1024), "targets": script.targets(labels)}
    rng = np.random.default_rng(0)
    for _ in range(8):
        seen, maps = script.window(example, rng, 24)
        assert seen.shape == (2, 24, 24) and maps.shape == (3, 384, 384)
        shrunk = torch.nn.functional.avg_pool2d(maps[:1], 16)[0]
        assert seen[0].sum() > 20
        assert (shrunk - seen[0]).abs().mean() < 0.02


def test_windows_of_images_without_objects_are_background(script):
    empty = {
        "features": np.ones((1, 2, 64, 64), np.float16),
        "input_size": (1024, 1024),
        "targets": script.targets(np.zeros((64, 64), np.int32)),
    }
    _, maps = script.window(empty, np.random.default_rng(0), 24)
    assert (maps[0] == 0).all() and (maps[1:] == 1).all()


def test_thresholds_follow_the_validation_score(script):
    truth = _disc()

    class Segmenter:
        def generate(self, center_distance_threshold, boundary_distance_threshold, **others):
            good = center_distance_threshold == 0.3 and boundary_distance_threshold >= 0.5
            return truth.astype(np.uint32) if good else np.zeros_like(truth)

    rows = script.choose_thresholds([Segmenter()], [truth])
    assert len(rows) == np.prod([len(values) for values in script.GRID.values()])
    assert [rows[0][name] for name in script.GRID] == [0.3, 0.5, 0.5]  # nearest to the defaults among equals
    assert rows[0]["ap"] == 1 and rows[-1]["ap"] == 0


def test_bad_input_is_told_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(tools.micro_sam, "predictor", lambda *_: pytest.fail("loaded a model"))
    image = np.arange(64.0).reshape(8, 8)
    segment = tools.micro_sam.segment_automatic
    with pytest.raises(errors.InputError, match="one 2D image"):
        segment(np.zeros((2, 8, 8, 8)))
    with pytest.raises(errors.InputError, match="NaN"):
        segment(np.full((8, 8), np.nan))
    with pytest.raises(errors.InputError, match='"ais" or "apg"'):
        segment(image, method="amg")
    for name in ("center_distance_threshold", "boundary_distance_threshold", "foreground_threshold"):
        for value in (-0.1, 1.5, "high", float("nan")):
            with pytest.raises(errors.InputError, match=name):
                segment(image, **{name: value})
    flat = segment(np.full((8, 9), 7))
    assert flat.shape == (8, 9) and flat.dtype == np.int32 and not flat.any()


def test_a_damaged_decoder_is_refused(tmp_path):
    import torch

    for file in FOLDER.glob("decoder.*"):
        shutil.copy(file, tmp_path)
    weights = bytearray((tmp_path / "decoder.pt").read_bytes())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "decoder.pt").write_bytes(weights)
    with pytest.raises(errors.DataUnavailableError, match="not the expected file"):
        nets.load(tmp_path / "decoder.pt", model=torch.nn.Identity())


def test_card_fits_file_and_results(card, results, scored):
    weights = (FOLDER / "decoder.pt").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    assert card["sha256"] == results["checkpoint_sha256"] == digest
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert digest in told and f"{results['validation_ap']:.3f} pooled" in told
    tp, fp, fn = (sum(row[key][0] for row in scored["images"]) for key in ("tp", "fp", "fn"))
    assert f"| AP@0.5, {len(scored['images'])} test images | {tp / (tp + fp + fn):.3f} pooled" in told
    assert card["bytes"] == len(weights) < 8e6
    assert card["width"] == tools.micro_sam.WIDTH
    best = results["thresholds"][0]
    assert card["thresholds"] == {name: best[name] for name in card["thresholds"]}
    assert best["ap"] == results["validation_ap"] == max(row["ap"] for row in results["thresholds"])
    steps = {row["step"]: row["ap"] for row in results["validation"]}
    assert steps[results["chosen_step"]] == max(steps.values())


@pytest.mark.mirror
def test_training_data_and_encoder_are_those_of_the_files(mirror, card, results):
    shared = importlib.import_module("dsb2018")
    images, masks, _ = shared.load_part("train")
    assert results["images"] == len(images) == 127
    assert results["train_pixels_sha256"] == files.sha256_of(*images, *masks)
    encoder = data.fetch(card["encoder"]["data"]).read_bytes()
    assert card["encoder"]["sha256"] == hashlib.sha256(encoder).hexdigest()


@pytest.mark.slow
@pytest.mark.mirror
def test_short_training_is_reproducible_and_learns(script, mirror, tmp_path):
    examples = script.training_set(tmp_path, seed=0, limit=2, log=lambda text: None)
    again = script.training_set(tmp_path, seed=0, limit=2, log=lambda text: None)
    np.testing.assert_array_equal(examples[1]["targets"], again[1]["targets"])
    assert len(list(tmp_path.glob("*.npy"))) == 2  # the second time nothing is computed
    _, losses = script.train(examples, 12, seed=0, side=16, log=lambda text: None)
    _, repeated = script.train(examples, 2, seed=0, side=16, log=lambda text: None)
    assert repeated[0] == pytest.approx(losses[0], rel=1e-3)
    assert np.mean(losses[-4:]) < 0.85 * np.mean(losses[:2])


@pytest.mark.slow
@pytest.mark.mirror
def test_shipped_decoder_scores_as_recorded(mirror, scored):
    shared = importlib.import_module("dsb2018")
    images, truths, names = (part[:REMEASURED] for part in shared.load_part("test"))
    assert names == [row["name"] for row in scored["images"][:REMEASURED]]
    from bioimage_course import metrics

    found = [tools.micro_sam.segment_automatic(image) for image in images]
    counts = metrics.average_precision_dataset(truths, found)
    for number, row in enumerate(scored["images"][:REMEASURED]):
        for key in ("tp", "fp", "fn"):  # other processors round differently: a nucleus more or less
            assert getattr(counts, key)[number][0] == pytest.approx(row[key][0], abs=1 + 0.03 * row["tp"][0])


@pytest.mark.slow
@pytest.mark.mirror
def test_both_methods_run_without_prompts(mirror):
    nuclei = data.load("nuclei")
    image, truth = nuclei.image[:256, :256], nuclei.labels[:256, :256]
    embeddings = tools.micro_sam.embed(image)
    from bioimage_course import metrics

    # Clicks where the noise begins objects: on an image enlarged four times APG finds many false ones.
    for method, least in (("ais", 0.5), ("apg", 0.01)):
        labels = tools.micro_sam.segment_automatic(image, method, embeddings=embeddings)
        assert labels.shape == image.shape and labels.dtype == np.int32
        assert metrics.match(truth, labels).average_precision > least
    segmenter = tools.micro_sam.automatic_segmenter(embeddings)
    maps = segmenter.get_state()
    assert all(m.shape == image.shape and 0 <= m.min() and m.max() <= 1 for m in maps.values())
    segmenter.set_state(dict.fromkeys(maps, np.zeros(image.shape, np.float32)))
    assert not np.asarray(segmenter.generate()).any()  # nothing in the foreground, no object


@pytest.mark.slow
@pytest.mark.mirror
def test_the_quick_decoder_answers_clicks_as_sam_does(mirror):
    import torch
    from micro_sam.util import set_precomputed

    grids = importlib.import_module("micro_sam_grids")
    image = data.load("nuclei").image[40:200, 0:256]  # not square: SAM pads it
    model = tools.micro_sam.predictor()
    set_precomputed(model, tools.micro_sam.embed(image))
    clicks = torch.tensor([[[300.0, 280.0]], [[900.0, 40.0]]])
    labels = torch.ones(2, 1, dtype=torch.int)
    with torch.no_grad():
        masks, ious, _ = model.predict_torch(clicks, labels, multimask_output=True, return_logits=True)
        quick, quick_ious, _ = grids.QuickDecoder(model, image.shape)(clicks, labels)
    torch.testing.assert_close(quick, masks, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(quick_ious, ious, atol=1e-4, rtol=1e-4)
