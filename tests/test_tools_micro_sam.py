"""The micro-sam adapter: input is checked before anything heavy; MobileSAM answers where its weights are."""

import json

import numpy as np
import pytest

import micro_sam_clicks
import micro_sam_prompts
from bioimage_course import data, metrics, results, tools
from bioimage_course.check.exercises.ch13 import depth
from bioimage_course.errors import DataUnavailableError, InputError, ToolUnavailableError

sam = tools.micro_sam
IMAGE = np.random.default_rng(0).normal(100, 9, (40, 60))
installed = pytest.mark.skipif(not tools.available("micro-sam"), reason="micro-sam is not installed")


@pytest.fixture
def no_model(monkeypatch):
    """Fail if a model is loaded."""

    def refuse(*_):
        raise AssertionError("no model is needed for this")

    monkeypatch.setattr(sam, "_model", refuse)


# ---------------------------------------------------------------- without weights


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points": [[1, 2]], "boxes": [[1, 2, 3, 4]]}, "either points or boxes"),
        ({"points": [1, 2]}, r"shape \(N, 2\)"),
        ({"points": [["a", "b"]]}, r"shape \(N, 2\)"),
        ({"points": [[1, 2, 3]]}, r"shape \(N, 2\)"),
        ({"points": [[50, 10]]}, "40 rows and 60 columns"),
        ({"points": [[-1, 10]]}, "must lie in the image"),
        ({"points": [[np.nan, 10]]}, r"shape \(N, 2\)"),
        ({"boxes": [[1, 2, 3]]}, r"shape \(N, 4\)"),
        ({"boxes": [[9, 2, 3, 8]]}, "top must be above bottom"),
        ({"pred_iou_thresh": 2}, "pred_iou_thresh must be a number from 0 to 1"),
        ({"stability_score_thresh": "high"}, "stability_score_thresh"),
        ({"points_per_side": 1.5}, "whole number"),
        ({"limits": (5, 1)}, "lower one first"),
    ],
)
def test_bad_prompts_get_one_sentence(no_model, options, words):
    with pytest.raises(InputError, match=words):
        sam.segment(IMAGE, **options)


@pytest.mark.parametrize("image", [np.zeros((3, 4, 5)), np.full((9, 9), np.nan), np.zeros(7)])
def test_bad_images_get_one_sentence(no_model, image):
    with pytest.raises(InputError, match=r"micro-sam needs one 2D image|NaN"):
        sam.segment(image)


@pytest.mark.parametrize("options", [{}, {"points": [[3, 4]]}, {"boxes": [[1, 1, 5, 5]]}])
def test_a_constant_image_has_no_objects(no_model, options):
    labels = sam.segment(np.full((40, 60), 7), **options)
    assert labels.shape == (40, 60) and labels.dtype == np.int32 and not labels.any()


def test_no_prompts_no_objects(no_model):
    assert not sam.segment(IMAGE, points=[]).any() and not sam.segment(IMAGE, boxes=np.zeros((0, 4))).any()


def test_a_model_is_a_predictor_or_a_name():
    with pytest.raises(InputError, match="must be a SamPredictor"):
        sam.segment(IMAGE, model=3.0, points=[[2, 2]])


def test_eight_bits():
    picture = sam.to_uint8(np.linspace(0, 1000, 200).reshape(10, 20), limits=(100, 600))
    assert picture.dtype == np.uint8 and picture.min() == 0 and picture.max() == 255
    assert picture.ravel()[70] == round(255 * (1000 * 70 / 199 - 100) / 500)
    np.testing.assert_array_equal(sam.to_uint8(IMAGE), sam.to_uint8(IMAGE * 30 + 1000))
    assert sam.to_uint8(np.zeros((8, 8, 3))).shape == (8, 8, 3)


@installed
def test_micro_sam_stretches_what_has_eight_bits_already():
    """Chapter 13 says so and names the way past it; once this fails, its paragraph has to change."""
    from micro_sam.util import _to_image

    dark = sam.to_uint8(IMAGE, limits=(0, 2550))
    assert dark.max() < 20
    seen = _to_image(dark)
    assert seen.min() == 0 and seen.max() >= 254


def test_the_surer_mask_gets_the_pixel():
    masks = np.zeros((3, 6, 6), bool)
    masks[0, :4], masks[1, 2:], masks[2, 5:, 5:] = True, True, True
    records = [{"segmentation": m, "predicted_iou": p} for m, p in zip(masks, (0.9, 0.7, 0.8), strict=True)]
    labels = sam.paint(records, (6, 6))
    assert (labels[:4] == 1).all() and (labels[4] == 2).all() and labels[5, 5] == 3 and labels[5, 0] == 2


@pytest.mark.slow
@installed
def test_models_that_cannot_be_had_get_one_sentence(monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    monkeypatch.setattr(sam, "_downloaded", lambda *_: False)
    with pytest.raises(ToolUnavailableError, match=r"'vit_b_lm' has not been downloaded.*40 MB"):
        sam.predictor("vit_b_lm")
    with pytest.raises(InputError, match=r"no model 'vit_x'.*vit_b_lm"):
        sam.predictor("vit_x")
    monkeypatch.delenv("BIOIMAGE_COURSE_OFFLINE")

    def broken(*_, **__):
        raise ConnectionError("Max retries\nexceeded")

    monkeypatch.setattr(sam._library(), "get_sam_model", broken)
    with pytest.raises(ToolUnavailableError, match=r"could not be downloaded .*cannot be reached") as told:
        sam.predictor("vit_b_lm")
    assert "\n" not in str(told.value)


@installed
def test_without_weights_one_sentence(no_mirror):
    with pytest.raises(DataUnavailableError, match="weights-mobilesam"):
        sam.predictor.__wrapped__()  # past what another test has loaded


# ---------------------------------------------------------------- what was measured


def test_results_add_up():
    confidence, counts = sam.results()["confidence"], {}
    for name in micro_sam_prompts.METHODS:
        images = results.dsb2018.about(name)["images"]
        truths = [image["tp"][0] + image["fn"][0] for image in images]
        counts[name] = ([image["name"] for image in images], truths)
        if name in confidence:
            assert len(confidence[name]["true"]) == len(confidence[name]["predicted"]) == sum(truths)
    assert counts["sam-boxes"] == counts["sam-clicks"]


def test_grids_of_clicks_add_up():
    about = results.sam_grids.results()
    *best, ap = max(about["validation"]["tried"], key=lambda row: row[-1])
    assert best == list(about["chosen"].values()) and 0 < ap < 1
    sizes = sorted({row[2] for row in about["validation"]["tried"]})
    assert sizes[0] < best[2] < sizes[-1], "the best size lies at the edge of what was tried"
    table = results.dsb2018.about("sam-grid")
    images = [image["name"] for image in table["images"]]
    assert [image["name"] for image in about["images"]] == images
    finest = results.sam_grids.counts(results.sam_grids.SIDES[-1])
    assert finest.tolist() == [[image[key][0] for key in ("tp", "fp", "fn")] for image in table["images"]]
    for hits in sam.results()["grid_hits"]:
        asked = results.sam_grids.asked(hits["side"])
        assert (asked["clicked"], asked["nuclei"]) == (hits["hit"], hits["nuclei"])
        assert all(asked[way] <= asked["clicked"] for way in results.sam_grids.WAYS)
        everything, no_small, _ = (results.sam_grids.counts(hits["side"], w) for w in results.sam_grids.WAYS)
        assert (no_small[:, :2] <= everything[:, :2]).all()
        assert (everything[:, [0, 2]].sum(axis=1) == [image["nuclei"] for image in about["images"]]).all()
    assert len(results.sam_grids.table()) == 3
    assert results.sam_grids.gain((32, "chosen"), (32, "own")).n == len(images)
    for wrong in (lambda: results.sam_grids.counts(9), lambda: results.sam_grids.counts(8, "magic")):
        with pytest.raises(InputError, match=r"There are .*, but no"):
            wrong()


def test_a_part_of_the_images_never_stands_in_the_table_of_all():
    assert {row["images"] for row in results.dsb2018.table()} == {50}
    for file in results.dsb2018.FOLDER.glob("*.json"):
        assert "--limit" not in json.loads(file.read_text(encoding="utf-8"))["command"], file.name


def test_true_prompts_lie_in_their_objects():
    labels = data.load("nuclei").labels[:128, :128]
    prompts = micro_sam_prompts.true_prompts(labels)
    for number, (row, column), (top, left, bottom, right) in zip(
        np.unique(labels)[1:], prompts["points"], prompts["boxes"], strict=True
    ):
        mask = labels == number
        assert depth(mask)[row, column] == depth(mask).max()
        assert mask[top:bottom, left:right].sum() == mask.sum()
        assert mask[top].any() and mask[:, left].any() and mask[bottom - 1].any() and mask[:, right - 1].any()


def test_embeddings_of_another_image_or_other_limits_are_refused():
    image = np.arange(600).reshape(20, 30)
    embeddings = sam.Embeddings(features=[])
    embeddings.made_from = sam.digest(sam.to_uint8(image, (0, 600)))
    unknown = {"features": []}  # of micro-sam itself
    for given in (embeddings, unknown):
        assert sam._embedded(image.astype(float), None, (0, 600), given) is given
    for other, limits in ((image[::-1], (0, 600)), (image, (0, 300))):
        with pytest.raises(InputError, match="another image or with other limits"):
            sam._embedded(other, None, limits, embeddings)


# ---------------------------------------------------------------- with MobileSAM


@pytest.fixture(scope="module")
def asked(mirror):
    """The crop of the explorable, its true labels, the model and the embeddings."""
    if not tools.available("micro-sam"):
        pytest.skip("micro-sam is not installed")
    sample, window = data.load("nuclei"), micro_sam_clicks.WINDOW
    model = sam.predictor()
    picture = sam.to_uint8(sample.image[window])
    return picture, sample.labels[window], model, sam.embed(picture, model, limits=(0, 255))


@pytest.mark.slow
@pytest.mark.mirror
def test_boxes_find_their_nuclei(asked):
    picture, truth, model, embeddings = asked
    prompts = micro_sam_prompts.true_prompts(truth)
    labels = sam.segment(picture, model, boxes=prompts["boxes"][::4], limits=(0, 255), embeddings=embeddings)
    assert labels.shape == truth.shape and labels.dtype == np.int32
    numbers = np.unique(truth)[1:][::4]
    ious = [metrics.iou(truth == n, labels == k) for k, n in enumerate(numbers, start=1)]
    assert np.mean(ious) > 0.75 and np.mean(np.array(ious) >= 0.5) >= 0.9


@pytest.mark.slow
@pytest.mark.mirror
def test_rows_come_before_columns(asked):
    _picture, truth, model, embeddings = asked
    row, column = 119, 56  # a bright nucleus; the transposed place is dark
    assert truth[row, column] and not truth[column, row]
    (record,) = sam.masks(model, embeddings, points=[[row, column]])
    assert (
        record["segmentation"][row, column]
        and metrics.iou(truth == truth[row, column], record["segmentation"]) > 0.7
    )


def test_small_objects_become_background_and_the_others_keep_their_numbers():
    labels = np.zeros((6, 6), np.int32)
    labels[:3, :3], labels[4, 4], labels[4:, :2] = 7, 3, 9
    kept = tools.without_small(labels, 4)
    assert kept.dtype == labels.dtype and np.unique(kept).tolist() == [0, 7, 9]
    np.testing.assert_array_equal(kept == 9, labels == 9)  # 4 pixels are not fewer than 4
    np.testing.assert_array_equal(tools.without_small(labels, 0), labels)
    with pytest.raises(InputError, match="min_object_size must be a whole number of at least 0, not -1"):
        tools.without_small(labels, -1)


@pytest.mark.slow
@pytest.mark.mirror
def test_the_grid_of_clicks_makes_objects(asked):
    picture, truth, model, embeddings = asked
    labels = sam.segment(picture, model, points_per_side=3, limits=(0, 255), embeddings=embeddings)
    assert labels.shape == truth.shape and labels.dtype == np.int32
    loose = sam.segment(
        picture, model, points_per_side=3, limits=(0, 255), embeddings=embeddings,
        pred_iou_thresh=0, stability_score_thresh=0,
    )  # fmt: skip
    assert len(np.unique(loose)) >= len(np.unique(labels))
    assert loose.any()
    large = sam.segment(
        picture, model, points_per_side=3, limits=(0, 255), embeddings=embeddings,
        pred_iou_thresh=0, stability_score_thresh=0, min_object_size=60,
    )  # fmt: skip
    np.testing.assert_array_equal(large, tools.without_small(loose, 60))


@pytest.mark.slow
@pytest.mark.mirror
def test_the_explorable_shows_what_the_model_answers(asked):
    """Some of its answers, asked again; the kept masks differ by at most what merging allows."""
    import test_explorable_13 as shown

    _picture, _, model, embeddings = asked
    top, left, side = micro_sam_clicks.TOP, micro_sam_clicks.LEFT, micro_sam_clicks.SIDE
    for k in (7, 21):
        number, around = micro_sam_clicks.boxes(shown.LABELS)[k // 5]
        box = around[k % 5] + np.array([top, left, top, left])
        (record,) = sam.masks(model, embeddings, boxes=[box])
        mask, predicted = shown.answer("BY_BOX", k)
        small = micro_sam_clicks.halve(record["segmentation"][top : top + side, left : left + side])
        assert metrics.iou(small, mask) > 0.85, number
        assert predicted == pytest.approx(float(record["predicted_iou"]), abs=0.02)
