"""The nuclei of other laboratories: what counts as a nucleus, and the table made of the counts."""

import numpy as np
import pytest

import other_laboratory as script
from bioimage_course import results, shipped
from bioimage_course.errors import InputError

told = results.other_laboratory


def test_a_colour_may_stand_for_two_nuclei_and_slips_are_none():
    picture = np.zeros((20, 40, 4), np.uint8)
    picture[2:8, 2:8] = picture[2:8, 20:26] = (10, 0, 0, 255)  # one colour, two nuclei
    picture[2:8, 8:14] = (0, 0, 10, 255)  # touches the first: another colour
    picture[15, 2:5] = (99, 0, 0, 255)  # three pixels
    labels = script.colours_to_labels(picture)
    assert len(np.unique(labels)) - 1 == 3
    assert not labels[15].any()


def test_what_lies_on_micronuclei_counts_neither_way():
    truth, found = np.zeros((2, 30, 30), np.int32)
    truth[2:10, 2:10] = found[2:10, 2:10] = 1
    found[20:24, 20:24] = 2
    scene = {"name": "a", "experiment": "x", "truth": truth, "aside": found == 2}
    row = script.counts_of(scene, found)
    assert (row["tp"], row["fp"], row["fn"]) == ([1] * 3, [0] * 3, [0] * 3)
    assert row["on_micronuclei"] == 1 and row["strict"]["fp"] == [1] * 3


def test_objects_at_the_border_are_left_out():
    labels = np.zeros((10, 10), np.int32)
    labels[0:3, 4:6], labels[5:8, 5:8] = 1, 2
    assert set(np.unique(script.inside(labels))) == {0, 2}


@pytest.mark.mirror
def test_images_are_those_that_were_scored(mirror):
    for name, load in ((script.RPE1, script.load_rpe1), (script.SCHWANN, script.load_schwann)):
        assert script.about(load(mirror)) == told.results()["sets"][name]


@pytest.mark.mirror
def test_counts_of_an_image_come_out_of_the_shipped_file(mirror):
    scene = script.load_rpe1(mirror)[0]
    for name in ("voronoi-otsu-tuned", "unet"):
        _, segment, _ = script.methods(told.results()["tuning"]["best"])[name]
        found = script.counts_of(scene, segment(scene["image"]))["tp"][0]
        assert abs(found - told.results()["methods"][name][script.RPE1][0]["tp"][0]) <= 2


def test_scores_are_those_of_the_shipped_weights():
    for name, (title, _, what) in script.methods(told.results()["tuning"]["best"]).items():
        scored = told.results()["methods"][name]
        assert scored["title"] == title and scored["weights"] == script.identity(what), name


def test_the_voronoi_otsu_is_tuned_as_well_as_it_can_be():
    tuning = told.results()["tuning"]
    assert tuning["best"] == max(tuning["search"], key=lambda row: row["ap"])
    assert script.SPOTS[0] < tuning["best"]["spot_sigma"] < script.SPOTS[-1]


def test_table_and_differences_are_computed_from_the_counts():
    rows, about = told.table(), told.results()
    assert len(rows) == len(about["methods"]) == 7
    assert rows == sorted(rows, key=lambda row: row["AP@0.5"], reverse=True)
    tp, fp, fn = told.counts("unet").sum(axis=0)
    (unet,) = (row for row in rows if row["method"] == "U-Net")
    assert unet["AP@0.5"] == f"{tp / (tp + fp + fn):.3f}"
    paired = told.difference("unet")
    assert paired.n == 9 and paired.low <= paired.difference <= paired.high
    assert told.difference("unet", by_experiment=True).n == 3


@pytest.mark.parametrize("wrong", [{"method": "magic"}, {"images": "moon"}, {"iou": 0.77}])
def test_what_was_not_measured_is_one_sentence(wrong):
    with pytest.raises(InputError, match=r"There are .*, but no"):
        told.counts(**({"method": "unet"} | wrong))


def test_numbers_of_nuclei_do_not_change_with_the_threshold():
    for name in told.results()["methods"]:
        for images in (told.RPE1, told.SCHWANN):
            nuclei = [
                told.counts(name, images, iou)[:, [0, 2]].sum(axis=1).tolist() for iou in (0.5, 0.75, 0.9)
            ]
            assert nuclei[0] == nuclei[1] == nuclei[2]


def test_file_holds_no_absolute_path():
    text = (shipped.WEIGHTS / "other-laboratory" / "results.json").read_text()
    assert "/work" not in text and "/home" not in text


def test_a_folder_without_the_images_is_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.main(["--images", str(tmp_path)])
    assert "--images must name a folder with the sets" in capsys.readouterr().err
