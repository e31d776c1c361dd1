"""A folder of one's own: a row for every file, replicates kept apart, nothing of the reader's is lost."""

import csv
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from bioimage_course import data, large, project
from bioimage_course.errors import InputError
from coursebook import cli

pytest.importorskip("bioio_tifffile", reason="bioio-tifffile is not installed")


@pytest.fixture
def mine(tmp_path):
    """Four mice with two or three images each, and three files that cannot be read."""
    made = project.new(tmp_path / "mice")
    for mouse, slices in enumerate((3, 2, 3, 2), start=1):
        for number in range(slices):
            sample = data.synthetic.nuclei(seed=10 * mouse + number, shape=(160, 160), count=12)
            tifffile.imwrite(made.folder / "raw" / f"mouse{mouse}_slice{number}.tif", sample.image)
    (made.folder / "raw" / "mouse5_empty.tif").write_bytes(b"")
    (made.folder / "raw" / "mouse5_cut.nd2").write_bytes(b"nonsense" * 100)
    (made.folder / "raw" / "mouse5_photo.png").write_bytes(b"\x89PNG")
    (made.folder / "raw" / "notes.txt").write_text("no image")
    (made.folder / "raw" / ".hidden.tif").write_bytes(b"")
    return made


def everything(folder):
    """The bytes of all files."""
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def change(own, **values):
    """Other values in project.yml; the project read anew."""
    path = own.folder / "project.yml"
    said = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    path.write_text(said, encoding="utf-8")
    return project.open_folder(own.folder)


# ---------------------------------------------------------------- the folder


def test_the_folder_says_what_is_where(tmp_path):
    made = project.new(tmp_path / "my cells")
    assert sorted(p.name for p in made.folder.iterdir()) == sorted(
        ["raw", "labels", "results", "project.yml", "README.md", "project.ipynb"]
    )
    assert made.title == "my cells" and made.replicate_of(made.folder / "raw" / "mouse3_slice2.tif") == (
        "mouse3"
    )
    assert project.open_folder(made.folder) == made
    for name in ("README.md", "project.ipynb", "project.yml"):
        assert "TITLE" not in (made.folder / name).read_text(encoding="utf-8")


def test_nothing_that_is_there_is_changed(mine):
    (mine.folder / "README.md").write_text("my own words")
    change(mine, title="mine", seed=7)
    before = everything(mine.folder)
    again = project.new(mine.folder)
    assert everything(mine.folder) == before and again.seed == 7


def test_raw_and_labels_are_only_read(mine):
    tifffile.imwrite(mine.folder / "labels" / "mouse1_slice0.tif", np.zeros((160, 160), np.uint16))
    before = everything(mine.folder)
    mine.survey()
    mine.draw(4)
    mine.check_labels()
    after = everything(mine.folder)
    assert {p for p in after if p not in before} and {p.parts[0] for p in after if p not in before} == {
        "results"
    }
    assert all(after[p] == before[p] for p in before)


@pytest.mark.parametrize(
    "values",
    [
        {"chanel": 1},
        {"channel": -1},
        {"channel": 1.5},
        {"plane": "mean"},
        {"pixel_size": 0},
        {"pixel_size": "0.5 µm"},
        {"object_diameter": -3},
        {"replicate": "mouse"},
        {"replicate": "(mouse"},
        {"replicate": 5},
        {"test_share": 0},
        {"test_share": 1},
        {"seed": "x"},
    ],
)
def test_what_project_yml_says_wrongly_is_one_sentence_with_its_name(mine, values):
    with pytest.raises(InputError) as told:
        change(mine, **values)
    assert "\n" not in str(told.value) and "project.yml" in str(told.value)
    if "chanel" in values:
        assert "did you mean channel?" in str(told.value)


@pytest.mark.parametrize("content", ["title: [", "- a\n- b", "just words", "\ttitle: x"])
def test_a_broken_project_yml_is_one_sentence(mine, content):
    (mine.folder / "project.yml").write_text(content)
    with pytest.raises(InputError) as told:
        project.open_folder(mine.folder)
    assert "\n" not in str(told.value) and "project.yml" in str(told.value)


def test_no_project(tmp_path):
    with pytest.raises(InputError, match="course project new"):
        project.open_folder(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as told:
        project.new(tmp_path / "file")
    assert "\n" not in str(told.value)


# ---------------------------------------------------------------- survey


def test_every_file_has_a_row_and_broken_ones_stop_nothing(mine):
    rows = {row["image"]: row for row in mine.survey()}
    assert len(rows) == 14
    bad = {name for name, row in rows.items() if row["problem"]}
    assert bad == {"mouse5_empty.tif", "mouse5_cut.nd2", "mouse5_photo.png", "notes.txt"}
    assert all("\n" not in row["problem"] for row in rows.values())
    fine = rows["mouse2_slice1.tif"]
    assert (fine["replicate"], fine["axes"], fine["shape"]) == ("mouse2", "YX", "160×160")
    with open(mine.folder / "results" / "survey.csv", newline="", encoding="utf-8") as stream:
        assert [row["image"] for row in csv.DictReader(stream)] == list(rows)


def test_folders_and_other_formats_are_not_passed_over_in_silence(tmp_path):
    made = project.new(tmp_path / "x")
    (made.folder / "raw" / "mouse1").mkdir()
    (made.folder / "raw" / "scan.lsm").write_bytes(b"II*")
    (made.folder / "raw" / "Thumbs.db").write_bytes(b"x")
    rows = {row["image"]: row["problem"] for row in made.survey()}
    assert set(rows) == {"mouse1", "scan.lsm"}
    assert "raw/ itself" in rows["mouse1"] and "Fiji" in rows["scan.lsm"]
    with pytest.raises(InputError, match="survey"):
        made.predict("blobs")


def test_time_points_that_are_not_looked_at_are_said(tmp_path):
    made = project.new(tmp_path / "x")
    film = np.stack([data.synthetic.nuclei(seed=s, shape=(64, 64), count=3).image for s in (1, 2)])
    tifffile.imwrite(made.folder / "raw" / "a_1.tif", film, imagej=True, metadata={"axes": "TYX"})
    for rows in (made.survey(), made.predict("blobs")):
        assert "2 time points: only the first is used" in rows[0]["notes"]


def half_a_zarr(path):
    """An OME-Zarr of which half of the blocks have not been copied."""
    image = data.synthetic.nuclei(seed=1, shape=(64, 64), count=3).image
    array = large.create(path, image.shape, image.dtype, block=16, pixel_size=0.3)
    array[:] = image
    blocks = sorted(p for p in (path / "0" / "c").rglob("*") if p.is_file())
    for block in blocks[::2]:
        block.unlink()


def test_what_a_file_lacks_is_said_by_the_survey_and_by_the_prediction(tmp_path):
    pytest.importorskip("bioio_ome_zarr", reason="bioio-ome-zarr is not installed")
    pyczi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")
    made = project.new(tmp_path / "x")
    half_a_zarr(made.folder / "raw" / "a_half.ome.zarr")
    with pyczi.create_czi(str(made.folder / "raw" / "b_two.czi")) as document:
        for scene in (0, 1):
            cells = data.synthetic.nuclei(seed=scene, shape=(64, 64), count=3).image.astype(np.uint16)
            document.write(cells[..., None], location=(200 * scene, 0), scene=scene)
    for rows in (made.survey(), made.predict("blobs")):
        assert "8 of 16 blocks are missing" in rows[0]["notes"] and "2 scenes" in rows[1]["notes"]


def test_pixels_without_a_number_are_one_problem_everywhere(tmp_path, recwarn):
    made = project.new(tmp_path / "x")
    image = data.synthetic.nuclei(seed=1, shape=(64, 64), count=3).image.astype(np.float32)
    tifffile.imwrite(made.folder / "raw" / "b_whole.tif", image)
    image[:4, :4] = np.nan
    tifffile.imwrite(made.folder / "raw" / "a_some.tif", image)
    for rows in (made.survey(), made.predict("blobs")):
        assert "16 pixels are NaN" in rows[0]["problem"] and not rows[1]["problem"]
        assert not rows[0].get("objects") and not rows[0]["notes"]
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
    assert not (made.folder / "results/predictions/blobs/labels/a_some_labels.tif").exists()
    with pytest.raises(InputError, match="NaN"):
        large.bright_blobs(image, 100.0)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_project_without_a_name_is_one_sentence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["project", "new", name]) == 2
    assert "needs the name of a folder" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_rights_there_is_one_sentence(mine, capsys, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", "survey.csv")

    monkeypatch.setattr("bioimage_course.files.os.replace", refuse)
    assert cli.main(["project", "survey", str(mine.folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    (mine.folder / "results").rmdir()
    (mine.folder / "results").write_text("a file")
    with pytest.raises(InputError, match="results/"):
        project.open_folder(mine.folder)


def test_the_pixel_size_of_project_yml_counts_where_the_file_says_none(mine):
    own = change(mine, pixel_size=0.65)
    assert {row["pixel_size_um"] for row in own.survey() if not row["problem"]} == {0.65}


def test_a_channel_that_a_file_lacks_is_its_problem(mine):
    rows = change(mine, channel=3).survey()
    assert all(row["problem"] for row in rows)


def test_an_empty_raw_folder_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="copy some"):
        project.new(tmp_path / "x").survey()


# ---------------------------------------------------------------- the lot


def test_no_replicate_is_on_both_sides(mine):
    drawn = mine.draw(8)
    of = {part: {name.split("_")[0] for name in getattr(drawn, part)} for part in ("train", "test")}
    assert of["train"] and of["test"] and not of["train"] & of["test"]
    assert len(drawn.train) + len(drawn.test) == 8 and drawn.note == ""
    assert len(drawn.test) >= 0.3 * 8


def test_mice_whose_names_begin_alike_are_different_mice(tmp_path):
    made = project.new(tmp_path / "x")
    for mouse in (1, 10, 11, 2):
        for number in (1, 2):
            image = np.arange(64, dtype=np.uint16).reshape(8, 8)
            tifffile.imwrite(made.folder / "raw" / f"mouse{mouse}_{number}.tif", image)
    drawn = change(made, test_share=0.25).draw(8)
    assert len({name.split("_")[0] for name in drawn.test}) == 1 and len(drawn.test) == 2


def test_the_first_lot_counts(mine):
    first = mine.draw(6)
    tifffile.imwrite(
        mine.folder / "raw" / "mouse9_slice0.tif", np.arange(400, dtype=np.uint16).reshape(20, 20)
    )
    assert change(mine, seed=99).draw(3) == first
    (mine.folder / "raw" / first.test[0]).unlink()
    with pytest.raises(InputError, match=first.test[0]):
        mine.draw(6)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\ufeffx"])
def test_a_changed_lot_is_not_drawn_again_in_silence(mine, content):
    mine.draw(6)
    (mine.folder / "results" / "drawn.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"drawn\.csv"):
        mine.draw(6)


def test_one_replicate_and_names_that_tell_none_are_said(mine):
    assert "one replicate" in change(mine, replicate="^(mouse)").draw(6).note
    (mine.folder / "results" / "drawn.csv").unlink()
    drawn = change(mine, replicate="^well([A-H])").draw(6)
    assert "does not tell its replicate" in drawn.note and drawn.train and drawn.test


def test_what_cannot_be_split_is_one_sentence(tmp_path):
    made = project.new(tmp_path / "x")
    tifffile.imwrite(made.folder / "raw" / "a_1.tif", np.arange(400, dtype=np.uint16).reshape(20, 20))
    with pytest.raises(InputError, match="needs two"):
        made.draw()
    with pytest.raises(InputError, match="count"):
        made.draw(1)


# ---------------------------------------------------------------- labels


def test_every_label_image_is_seen_by_the_doctor(mine):
    folder = mine.folder / "labels"
    for mouse in (1, 2):
        sample = data.synthetic.nuclei(seed=10 * mouse, shape=(160, 160), count=12)
        labels = sample.labels if mouse == 1 else np.uint8(sample.labels > 0) * 255
        tifffile.imwrite(folder / f"mouse{mouse}_slice0{'_labels' * (mouse - 1)}.tif", labels)
    (folder / "mouse3_slice0.png").write_bytes(b"nonsense")
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / "mouse4_slice1.png")
    rows = {row["image"]: row for row in mine.check_labels()}
    assert len(rows) == 4
    assert rows["mouse1_slice0.tif"]["findings"] == "" and rows["mouse1_slice0.tif"]["objects"] == 12
    assert rows["mouse2_slice0.tif"]["findings"].startswith("binary")
    assert "cannot be read" in rows["mouse3_slice0.tif"]["problem"]
    assert "size" in rows["mouse4_slice1.tif"]["findings"]
    pictures = {p.name for p in (mine.folder / "results" / "labels").iterdir()}
    assert pictures == {"mouse2_slice0.png", "mouse4_slice1.png"}


def test_labels_that_no_step_will_look_at_are_said(mine, capsys):
    labels = data.synthetic.nuclei(seed=10, shape=(160, 160), count=12).labels
    names = ("mouse1_slice0.tif", "mouse1_slice0_labels.tif", "mouse1_slice1_mask.tif", "mouse2_slice0.roi")
    for name in names:
        tifffile.imwrite(mine.folder / "labels" / name, labels)
    rows = {row["labels"]: row["problem"] for row in mine.check_labels()}
    assert not rows[names[0]] and "other labels" in rows[names[1]]
    assert "no image" in rows[names[2]] and "does not end" in rows[names[3]]
    assert cli.main(["project", "labels", str(mine.folder)]) == 1
    assert "mouse1_slice1_mask.tif: no image" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "..", ".", " ", "a\\b"])
def test_results_stay_in_their_folder(mine, name):
    with pytest.raises(InputError, match="within results/predictions"):
        mine.predict("blobs", name=name)


def test_no_labels_yet_is_one_sentence(mine):
    with pytest.raises(InputError, match="_labels or without"):
        mine.check_labels()


# ---------------------------------------------------------------- notebook and shell


def test_the_notebook_runs_from_its_folder(mine, monkeypatch):
    notebook = json.loads((mine.folder / "project.ipynb").read_text(encoding="utf-8"))
    tifffile.imwrite(mine.folder / "labels" / "mouse1_slice0.tif", np.zeros((160, 160), np.uint16))
    monkeypatch.chdir(mine.folder)
    names = {}
    for _ in range(2):  # each cell may be run again
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    assert (mine.folder / "results" / "drawn.csv").exists()


def test_the_shell_says_the_same(mine, capsys):
    folder = str(mine.folder)
    assert cli.main(["project", "new", folder]) == 0
    assert cli.main(["project", "survey", folder]) == 1
    assert "mouse5_empty.tif: mouse5_empty.tif is empty" in capsys.readouterr().out
    assert cli.main(["project", "draw", folder, "--count", "4"]) == 0
    assert "train:" in capsys.readouterr().out
    assert cli.main(["project", "labels", folder]) == 2
    assert cli.main(["project", "survey", folder + "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
