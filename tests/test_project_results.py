"""What comes out of a folder of one's own: a race, a curve, and a table that survives accidents."""

import csv
import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.segmentation import expand_labels

from bioimage_course import data, large, project
from bioimage_course.errors import InputError
from bioimage_course.project import chosen, learning, predicting, racing, scale
from coursebook import cli

pytest.importorskip("bioio_tifffile", reason="bioio-tifffile is not installed")
CENTIMETRES = {"resolution": (1e4 / 0.5, 1e4 / 0.5), "resolutionunit": "CENTIMETER"}


def tiff(path, image, **options):
    tifffile.imwrite(path, image, **{**CENTIMETRES, **options})


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """Four mice with two labelled images each, 0.5 µm a pixel."""
    made = project.new(tmp_path_factory.mktemp("plate") / "mice")
    for mouse, number in np.ndindex(4, 2):
        sample = data.synthetic.nuclei(seed=10 * mouse + number, shape=(128, 128), count=9, touching=0)
        tiff(made.folder / "raw" / f"mouse{mouse}_{number}.tif", sample.image)
        tiff(made.folder / "labels" / f"mouse{mouse}_{number}.tif", sample.labels.astype(np.uint16))
    made.draw(8)
    return made


@pytest.fixture
def mine(plate, tmp_path):
    """A copy of it that a test may spoil."""
    shutil.copytree(plate.folder, tmp_path / "mice")
    return project.open_folder(tmp_path / "mice")


def bright(image):
    """Everything above 250, as one would write it oneself."""
    return large.bright_blobs(image, 250.0)


def table(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def everything(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


# ---------------------------------------------------------------- one scale


def test_the_limits_are_those_of_all_pixels_together(mine):
    every = np.concatenate([tifffile.imread(p).ravel() for p in mine.images()])
    found = scale.of_folder(mine)
    assert found.limits == pytest.approx(tuple(np.percentile(every, (1, 99.8))))
    assert found.images == 8 and found.low < found.threshold < found.high and found.note == ""


def test_fractions_are_put_on_one_scale_as_well(mine):
    for path in mine.images():
        tiff(path, tifffile.imread(path).astype(np.float32) / 7)
    every = np.concatenate([tifffile.imread(p).ravel() for p in mine.images()])
    assert scale.of_folder(mine).limits == pytest.approx(tuple(np.percentile(every, (1, 99.8))), rel=0.01)


def test_the_scale_is_counted_once_and_anew_for_another_channel(mine):
    first = scale.of_folder(mine)
    tiff(mine.folder / "raw" / "mouse9_0.tif", np.arange(4096, dtype=np.uint16).reshape(64, 64) * 10)
    assert scale.of_folder(mine) == first
    (mine.folder / "results" / "scale.json").write_text("{")
    assert scale.of_folder(mine).images == 9


def test_a_folder_of_nothing_but_nan_is_one_sentence(tmp_path):
    made = project.new(tmp_path / "x")
    tiff(made.folder / "raw" / "a_1.tif", np.full((32, 32), np.nan, np.float32))
    with pytest.raises(InputError, match="no image"):
        made.predict("blobs")


def test_files_of_two_kinds_and_files_of_nothing_are_said(mine, tmp_path):
    path = mine.images()[0]
    tiff(path, (tifffile.imread(path) // 4).clip(0, 255).astype(np.uint8))
    assert "may not be comparable" in scale.of_folder(mine).note
    dark = project.new(tmp_path / "dark")
    tiff(dark.folder / "raw" / "a_1.tif", np.full((20, 20), 7, np.uint16))
    with pytest.raises(InputError, match="nothing but the grey value 7"):
        scale.of_folder(dark)


# ---------------------------------------------------------------- the whole folder


def test_the_folder_becomes_labels_overlays_a_table_and_a_paragraph(mine):
    rows = mine.predict("blobs")
    out = mine.folder / "results" / "predictions" / "blobs"
    assert [row["problem"] for row in rows] == [""] * 8
    objects = table(out / "measurements.csv")
    assert len(objects) == sum(row["objects"] for row in rows) > 40
    first = objects[0]
    assert float(first["area_um2"]) == pytest.approx(int(first["area_px"]) * 0.25, abs=1e-3)
    assert float(first["diameter_um"]) == pytest.approx(0.5 * float(first["diameter_px"]), abs=1e-3)
    labels = tifffile.imread(out / "labels" / "mouse0_0_labels.tif")
    raw = tifffile.imread(mine.folder / "raw" / "mouse0_0.tif")
    number = int(first["label"])
    assert float(first["mean_channel_0"]) == pytest.approx(raw[labels == number].mean(), abs=1e-3)
    assert int(first["area_px"]) == np.count_nonzero(labels == number)
    assert data.open_image(out / "labels" / "mouse0_0_labels.tif").pixel_size == pytest.approx(0.5)
    assert Image.open(out / "overlays" / "mouse0_0.png").size == (128, 128)
    told = (out / "methods.md").read_text(encoding="utf-8")
    for word in (
        "8 images of 4 replicates",
        "bioimage-course 0.",
        "scikit-image 0.",
        "one threshold",
        "percentiles",
    ):
        assert word in told


def test_interrupted_it_goes_on_and_nothing_is_computed_twice(mine):
    calls = []

    def slow(image):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return bright(image)

    with pytest.raises(KeyboardInterrupt):
        mine.predict(slow, name="mine")
    before = {p: p.stat().st_mtime_ns for p in (mine.folder / "results" / "predictions").rglob("*.tif")}
    assert len(before) == 3
    rows = mine.predict(slow, name="mine")
    assert len(calls) == 4 + 5 and all(row["objects"] != "" for row in rows)
    assert all(p.stat().st_mtime_ns == then for p, then in before.items())


def test_twenty_broken_files_are_twenty_rows(tmp_path):
    made = project.new(tmp_path / "broken")
    contents = (b"", b"II*\x00nonsense", b"\x89PNG\r\n", b"PK\x03\x04", b"\xff\xd8\xff\xe0")
    for number, end in np.ndindex(5, 4):
        name = f"a_{number}{('.tif', '.png', '.czi', '.nd2')[end]}"
        (made.folder / "raw" / name.replace("_", f"{end}_")).write_bytes(contents[number] * 3)
    with pytest.raises(InputError, match="no image of broken/raw can be read"):
        made.predict("blobs")
    assert len(made.survey()) == 20
    tiff(made.folder / "raw" / "good_0.tif", data.synthetic.nuclei(seed=1, shape=(96, 96), count=6).image)
    rows = made.predict("blobs")
    assert sum(bool(row["problem"]) for row in rows) == 20 and len(rows) == 21
    assert all("\n" not in row["problem"] for row in rows)
    assert "20 files could not be used" in (
        made.folder / "results" / "predictions" / "blobs" / "methods.md"
    ).read_text(encoding="utf-8")


def test_raw_and_labels_are_only_read(mine):
    before = everything(mine.folder)
    mine.race(["blobs", bright])
    learning.curve(mine, 1, ("blobs",))
    mine.predict("blobs")
    after = everything(mine.folder)
    assert all(after[name] == content for name, content in before.items())
    assert {name.split("/")[0] for name in set(after) - set(before)} == {"results"}


def test_labels_corrected_by_hand_are_kept_and_measured(mine):
    mine.predict("blobs")
    out = mine.folder / "results" / "predictions" / "blobs"
    path = out / "labels" / "mouse1_0_labels.tif"
    corrected = np.zeros((128, 128), np.uint8)
    corrected[10:20, 10:30] = 3
    tifffile.imwrite(path, corrected)
    kept = path.read_bytes()
    row = next(r for r in mine.predict("blobs") if r["image"] == "mouse1_0.tif")
    assert path.read_bytes() == kept and row["objects"] == 1 and "by hand" in row["notes"]
    found = [r for r in table(out / "measurements.csv") if r["image"] == "mouse1_0.tif"]
    assert len(found) == 1 and found[0]["area_px"] == "200" and found[0]["area_um2"] == "50.0"
    assert "labels of 1 image were corrected" in (out / "methods.md").read_text(encoding="utf-8")
    path.write_bytes(b"nonsense")
    row = next(r for r in mine.predict("blobs") if r["image"] == "mouse1_0.tif")
    assert "repair or remove" in row["problem"] and path.read_bytes() == b"nonsense"


def test_an_image_that_has_changed_is_done_again(mine):
    mine.predict("blobs")
    other = data.synthetic.nuclei(seed=99, shape=(128, 128), count=4, touching=0)
    tiff(mine.folder / "raw" / "mouse1_0.tif", other.image)
    rows = {row["image"]: row for row in mine.predict("blobs")}
    assert rows["mouse1_0.tif"]["objects"] <= 5


def test_other_settings_in_the_same_folder_are_refused(mine):
    mine.predict("blobs")
    path = mine.folder / "project.yml"
    path.write_text(path.read_text("utf-8").replace("object_diameter: null", "object_diameter: 40"), "utf-8")
    with pytest.raises(InputError, match="object_diameter"):
        project.open_folder(mine.folder).predict("blobs")
    assert project.open_folder(mine.folder).predict("blobs", name="wide")


def test_a_colour_picture_is_not_drawn_for_labelling(mine):
    colours = np.arange(1200, dtype=np.uint16).reshape(20, 20, 3).astype(np.uint8)
    Image.fromarray(colours).save(mine.folder / "raw" / "photo_0.png")
    row = next(row for row in mine.survey() if row["image"] == "photo_0.png")
    assert "colour" in row["problem"] and row["shape"] == "20×20×3"
    drawn = mine.draw(len(mine.images()))
    assert "photo_0.png" not in (*drawn.train, *drawn.test)


def test_two_images_of_one_name_and_colours_are_their_problem(mine):
    Image.fromarray(np.zeros((20, 20), np.uint8) + 9).save(mine.folder / "raw" / "mouse1_0.png")
    Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(20, 20, 3).astype(np.uint8)).save(
        mine.folder / "raw" / "photo_0.png"
    )
    problems = {row["image"]: row["problem"] for row in mine.predict("blobs") if row["problem"]}
    assert len(problems) == 2 and "colour" in problems["photo_0.png"]
    assert any("is called mouse1_0 as well" in told for told in problems.values())


def test_without_pixel_size_the_columns_in_micrometres_are_empty(mine):
    for path in mine.images():
        tifffile.imwrite(path, tifffile.imread(path))
    rows = mine.predict("blobs")
    assert all("pixel size unknown" in row["notes"] for row in rows)
    out = mine.folder / "results" / "predictions" / "blobs"
    assert {r["area_um2"] for r in table(out / "measurements.csv")} == {""}


def test_no_objects_no_rows(mine):
    rows = mine.predict(np.zeros_like, name="nothing")
    out = mine.folder / "results" / "predictions" / "nothing"
    assert [row["objects"] for row in rows] == [0] * 8 and table(out / "measurements.csv") == []


def test_what_a_function_returns_wrongly_is_a_row(mine):
    rows = mine.predict(lambda image: image[:5], name="wrong")
    assert all("must return a label image" in row["problem"] for row in rows)


# ---------------------------------------------------------------- tools


def test_tools_are_told_the_scale_and_how_large_objects_are(mine):
    one = scale.of_folder(mine)
    for name in ("unet", "stardist"):
        tool = chosen.Chosen(name, None, one, 4.0)
        assert tool.settings(0.5) == {"limits": one.limits, "scale": 2.25}  # objects of 8 pixels
        assert tool.settings(0.2) == {"limits": one.limits} == tool.settings(None)
    assert chosen.Chosen("cellpose", None, one, 4.0).settings(0.5) == {"limits": one.limits, "diameter": 8.0}
    assert chosen.Chosen("voronoi-otsu", None, one, 4.0).settings(0.5) == {}


@pytest.mark.parametrize(
    ("tool", "told"), [("unnet", "did you mean unet"), ("x", "there are blobs"), (3, "there are")]
)
def test_unknown_tools(mine, tool, told):
    with pytest.raises(InputError, match=told):
        mine.predict(tool)


# ---------------------------------------------------------------- the race


def test_the_race_says_who_is_ahead_and_on_how_many(mine):
    found = mine.race(["voronoi-otsu", bright, np.zeros_like])
    assert found.rows[-1]["tool"] == "own-zeros-like" and found.rows[-1]["ap50"] == 0
    assert [row["tool"] for row in table(mine.folder / "results" / "race-train.csv")] == [
        row["tool"] for row in found.rows
    ]
    assert "replicates" in found.rows[-1]["best_minus_this"] and "4 images of 2 replicates" in found.verdict


def test_equal_tools_and_single_images_cannot_be_told_apart():
    rows = [{"tool": name, "ap50": 0.5} for name in "ab"]
    equal = {"a": np.array([0.5, 0.6]), "b": np.array([0.5, 0.6])}
    assert "cannot be told apart by 2 images of 2 replicates" in racing.verdict(rows, equal, ["m1", "m2"])
    one = {"a": np.array([0.9]), "b": np.array([0.1])}
    assert "cannot be told apart by 1 image of 1 replicate" in racing.verdict(rows, one, ["m1"])


def test_a_tie_at_one_half_is_broken_at_three_quarters_or_said_to_be_one():
    rows = [{"tool": "a", "ap50": 0.8}, {"tool": "b", "ap50": 0.8}]
    level = {"a": np.array([0.7, 0.8, 0.9]), "b": np.array([0.9, 0.8, 0.7])}
    mice = ["m1", "m2", "m3"]
    clear = {"a": np.array([0.60, 0.61, 0.62]), "b": np.array([0.40, 0.41, 0.42])}
    told = racing.verdict(rows, level, mice, clear)
    assert (
        told.startswith("a and b are level at IoU 0.5; at IoU 0.75 a is ahead: +0.20")
        and "replicates" in told
    )
    close = {"a": np.array([0.6, 0.4, 0.5]), "b": np.array([0.4, 0.6, 0.4])}
    told = racing.verdict(rows, level, mice, close)
    assert "level at IoU 0.5" in told and "too few to tell them apart at IoU 0.75 (+0.03 (" in told
    assert "leads" not in told and "ahead" not in told


def test_of_tools_that_are_level_the_finer_one_comes_first(mine):
    truths = {
        tifffile.imread(path).tobytes(): tifffile.imread(mine.labels(path)).astype(int)
        for path in mine.images()
    }

    def coarse(image):
        return expand_labels(truths[image.tobytes()], 2)

    def fine(image):
        return truths[image.tobytes()]

    rows = mine.race([coarse, fine], on="all").rows
    assert [row["tool"] for row in rows] == ["own-fine", "own-coarse"]
    assert rows[0]["ap50"] == rows[1]["ap50"] and rows[0]["ap75"] > rows[1]["ap75"]


def test_the_interval_is_over_replicates_not_over_images():
    rows = [{"tool": "a", "ap50": 0.8}, {"tool": "b", "ap50": 0.7}]
    gains = np.repeat([0.02, 0.28, 0.03], 20) + np.tile([0.001, -0.001], 30)
    scores = {"a": 0.6 + gains, "b": np.full(60, 0.6)}
    by_images = racing.verdict(rows, scores, [""] * 60)
    by_mice = racing.verdict(rows, scores, list(np.repeat(["m1", "m2", "m3"], 20)))
    assert (
        "is ahead of b" in by_images
        and "too few to tell" in by_mice
        and "60 images of 3 replicates" in by_mice
    )


def test_spoilt_labels_and_broken_tools_are_left_out_and_said(mine):
    drawn = mine.draw()
    name = drawn.train[0]
    path = mine.folder / "labels" / name
    tiff(path, (tifffile.imread(path) > 0).astype(np.uint8) * 255)

    def fails(image):
        raise RuntimeError("no memory")

    found = mine.race([bright, fails])
    assert len(found.notes) == 2 and name in found.notes[0] and "no memory" in found.notes[1]
    assert found.rows[0]["images"] == len(drawn.train) - 1


def test_without_labels_or_lot_there_is_one_sentence(tmp_path):
    made = project.new(tmp_path / "x")
    with pytest.raises(InputError, match="nothing was drawn yet"):
        made.race(["blobs"])
    with pytest.raises(InputError, match="no image has labels"):
        made.race(["blobs"], on="all")
    with pytest.raises(InputError, match="part"):
        made.race(["blobs"], on="both")


# ---------------------------------------------------------------- the curve


def test_the_curve_learns_from_more_and_more_and_never_from_the_test(mine):
    found = learning.curve(mine, 2, ("blobs",))
    drawn = mine.draw()
    assert found.sizes == (1, 2) and found.scores.shape == (2, 2)
    assert set(found.kept_apart) <= set(drawn.train) and found.scores.min() > 0.3
    apart = {name.split("_")[0] for name in found.kept_apart}
    assert len(apart) == 1 and found.note == ""
    assert (mine.folder / "results" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_curve_goes_on_where_it_was_stopped_and_begins_anew_with_other_labels(mine, monkeypatch):
    trained, score = [], learning._trained_score

    def counted(*args):
        trained.append(1)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return score(*args)

    monkeypatch.setattr(learning, "_trained_score", counted)
    with pytest.raises(KeyboardInterrupt):
        learning.curve(mine, 2, ())
    first = learning.curve(mine, 2, ())
    assert len(trained) == 2 + 3
    again = learning.curve(mine, 2, ())
    assert len(trained) == 5 and np.allclose(first.scores, again.scores, atol=1e-3)
    path = mine.folder / "labels" / mine.draw().train[0]
    labels = tifffile.imread(path)
    tiff(path, np.where(labels == 1, 0, labels).astype(np.uint16))
    learning.curve(mine, 2, ())
    assert len(trained) == 9


def test_one_replicate_and_too_few_images(mine):
    pairs, _ = racing.labelled(mine, "train")
    single = [racing.Labelled(p.name, "", p.plane, p.labels, None) for p in pairs]
    pool, apart, note = learning.split(single, 1)
    assert len(pool) == 3 and len(apart) == 1 and "one replicate" in note
    with pytest.raises(InputError, match="three labelled"):
        learning.split(pairs[:2], 1)


# ---------------------------------------------------------------- shell


def test_the_shell_does_the_same(mine, capsys):
    folder = str(mine.folder)
    assert cli.main(["project", "race", folder, "--tools", "blobs", "voronoi-otsu"]) == 0
    told = capsys.readouterr().out
    assert "blobs: AP 0." in told and "replicates" in told
    (mine.folder / "raw" / "mouse7_0.tif").write_bytes(b"")
    assert cli.main(["project", "predict", folder, "--tool", "blobs", "--name", "first"]) == 1
    told = capsys.readouterr().out
    assert "mouse0_0.tif: 9 objects; fine" in told or "objects; fine" in told
    assert "mouse7_0.tif: mouse7_0.tif is empty" in told
    plan = json.loads((mine.folder / "results/predictions/first/plan.json").read_text("utf-8"))
    assert plan["tool"] == "blobs" and plan["versions"]["scikit-image"]
    assert cli.main(["project", "predict", folder, "--tool", "nonsense"]) == 2
    assert capsys.readouterr().err.count("\n") >= 1


def test_the_overlay_of_a_large_image_is_small():
    plane = np.random.default_rng(0).integers(0, 1000, (1500, 3000)).astype(np.uint16)
    labels = np.zeros(plane.shape, np.int32)
    labels[100:400, 100:400] = 1
    picture = predicting.overlay(plane, labels, (0, 1000))
    assert max(picture.size) <= predicting.LONGEST and picture.mode == "RGB"
    pixels = np.asarray(picture)
    assert (pixels[..., 0] != pixels[..., 2]).any() and (pixels[..., 0] == pixels[..., 2]).mean() > 0.9
