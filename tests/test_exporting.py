"""What is written for Fiji and QuPath is read back pixel by pixel, also by others' readers."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import roifile
import shapely
from shapely.geometry import shape as geometry_of
from skimage.draw import polygon2mask

from bioimage_course import data
from bioimage_course.errors import InputError


def awkward():
    """Touching objects, a hole with an object in it, one pixel, two pieces, corners, gaps in the numbers."""
    labels = np.zeros((40, 50), int)
    labels[2:12, 2:12] = 3
    labels[2:12, 12:20] = 4  # touches 3
    labels[15:30, 5:25] = 9
    labels[18:26, 10:20] = 0
    labels[20:23, 13:16] = 12  # in the hole of 9
    labels[35, 45] = 20  # one pixel
    labels[0, 49] = labels[39, 0] = 21  # two pixels in two corners
    labels[30:33, 40:43] = np.eye(3, dtype=int) * 300  # pieces that meet at corners
    return labels


WRITERS = {
    "rois.zip": (data.write_rois, data.read_rois),
    "objects.geojson": (data.write_geojson, data.read_geojson),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("seed", [None, 0, 1, "nuclei"])
def test_there_and_back(tmp_path, name, seed):
    write, read = WRITERS[name]
    if seed is None:
        labels = awkward()
    elif seed == "nuclei":
        labels = np.asarray(data.load("nuclei").labels)
    else:  # scraps of a few pixels with holes and bridges over corners
        labels = np.random.default_rng(seed).integers(0, 4, (17, 23))
    count = write(tmp_path / name, labels)
    assert count == np.unique(labels[labels > 0]).size
    np.testing.assert_array_equal(
        read(tmp_path / name, labels.shape), labels
    )  # an IoU of 1, each under its number


def test_areas_are_those_of_the_pixels():
    labels = awkward()
    found = data.outlines(labels)
    assert {number: shape.area for number, shape in found.items()} == dict(
        zip(*np.unique(labels[labels > 0], return_counts=True), strict=True)
    )
    assert all(shapely.is_valid(shape) for shape in found.values())
    assert len(found[3].exterior.coords) == 5  # no corner on a straight edge
    assert found[3].intersection(found[4]).length == 10 and found[3].intersection(found[4]).area == 0


def test_an_outline_through_the_centres_would_lose_a_pixel_all_round():
    """Why outlines run along the edges: what a polygon through border pixels makes of a small object."""
    labels = awkward()
    rows, columns = np.nonzero(labels == 4)
    through = [
        (rows.min(), columns.min()),
        (rows.min(), columns.max()),
        (rows.max(), columns.max()),
        (rows.max(), columns.min()),
    ]
    assert shapely.Polygon(through).area == 63 < (labels == 4).sum() == 80


def test_rois_as_roifile_reads_them(tmp_path):
    data.write_rois(tmp_path / "rois.zip", awkward())
    rois = {roi.name: roi for roi in roifile.roiread(tmp_path / "rois.zip")}
    assert list(rois) == ["0003", "0004", "0009", "0012", "0020", "0021", "0300"]
    box = rois["0003"]
    assert box.roitype == roifile.ROI_TYPE.TRACED
    assert (box.left, box.top, box.right, box.bottom) == (2, 2, 12, 12)  # ImageJ's bounds: width 10, not 11
    assert np.ptp(box.coordinates(), axis=0).tolist() == [10, 10]
    assert rois["0009"].composite and len(rois["0009"].coordinates(multi=True)) == 2
    pixel = rois["0020"].coordinates()
    assert sorted(map(tuple, pixel.tolist())) == [(45, 35), (45, 36), (46, 35), (46, 36)]


def test_the_path_of_a_composite_is_one_that_imagej_walks(tmp_path):
    """Move, lines, close, ring after ring, and inner rings turn the other way."""
    data.write_rois(tmp_path / "rois.zip", awkward())
    roi = next(r for r in roifile.roiread(tmp_path / "rois.zip") if r.name == "0009")
    path, rings = roi.multi_coordinates.tolist(), []
    while path:
        step = path.pop(0)
        if step == 0:
            rings.append([])
        if step in (0, 1):
            rings[-1].append((path.pop(0), path.pop(0)))
        else:
            assert step == 4 and len(rings[-1]) == 4
    turns = [shapely.LinearRing(ring).is_ccw for ring in rings]
    assert turns[0] != turns[1]


def test_geojson_as_the_standard_and_qupath_want_it(tmp_path):
    labels = awkward()
    areas = [100.0, 80, 220, 9, np.nan, 2, 3]
    path = tmp_path / "objects.geojson"
    data.write_geojson(path, labels, {"area (µm²)": areas}, classification="nucleus")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection" and len(content["features"]) == 7
    first, ring = content["features"][0], content["features"][2]
    assert first["properties"] == {
        "objectType": "detection", "name": "3", "classification": {"name": "nucleus"},
        "measurements": {"label": 3, "area (µm²)": 100.0},
    }  # fmt: skip
    assert "area (µm²)" not in content["features"][4]["properties"]["measurements"]
    assert len({feature["id"] for feature in content["features"]}) == 7
    assert first["geometry"]["coordinates"][0][0] == first["geometry"]["coordinates"][0][-1]
    assert geometry_of(ring["geometry"]).area == 220
    again = tmp_path / "again" / "objects.geojson"
    data.write_geojson(again, labels, {"area (µm²)": areas}, classification="nucleus")
    assert again.read_bytes() == path.read_bytes()


def test_polygons_of_others_are_rasterised_as_scikit_image_does():
    corners = np.array([[3.2, 4.1], [30.7, 9.3], [20.4, 35.8]])  # y, x
    ours = data.rasterise({5: shapely.Polygon(corners[:, ::-1])}, (40, 40))
    theirs = polygon2mask((40, 40), corners - 0.5)  # whose pixels lie at whole numbers
    assert np.count_nonzero((ours == 5) != theirs) <= 2
    assert not data.rasterise({1: shapely.Polygon(), 2: shapely.box(50, 50, 60, 60)}, (40, 40)).any()


def test_names_that_are_no_numbers_count_from_1(tmp_path):
    def feature(name, left):
        square = shapely.geometry.mapping(shapely.box(left, 0, left + 2, 2))
        return {"type": "Feature", "geometry": square, "properties": {"name": name} if name else {}}

    (tmp_path / "list.geojson").write_text(json.dumps([feature("nucleus", 0), feature(None, 4)]))
    found = data.read_geojson(tmp_path / "list.geojson", (2, 6))
    np.testing.assert_array_equal(found[0], [1, 1, 0, 0, 2, 2])


def test_an_existing_file_is_replaced(tmp_path):
    for labels in (awkward(), np.ones((3, 3), int)):
        for name, (write, read) in WRITERS.items():
            write(tmp_path / name, labels)
            np.testing.assert_array_equal(read(tmp_path / name, labels.shape), labels)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: data.write_rois(p / "a.zip", np.zeros((5, 5), int)), "no object"),
        (lambda p: data.write_rois(p / "a.zip", np.zeros((2, 40_000), np.uint8)), "32,767"),
        (lambda p: data.write_rois(p / "a.zip", np.zeros((5, 5), bool)), "mask of True and False"),
        (lambda p: data.write_geojson(p / "a.geojson", np.ones((5, 5), int), {"area": [1, 2]}), "2 values"),
        (lambda p: data.write_geojson(p / "a.geojson", np.ones((5, 5), int), {"area": ["big"]}), "numbers"),
        (lambda p: data.write_geojson(p / "a.geojson", np.ones((5, 5), int), {"area": 3}), "list of numbers"),
        (lambda p: data.write_geojson(p / "a.geojson", np.ones((5, 5), int), [3]), "dictionary of columns"),
        (
            lambda p: data.write_geojson(p / "a.geojson", np.eye(2, dtype=int) * (1, 2), {"label": [2, 1]}),
            "order",
        ),
        (lambda p: data.outlines(np.zeros((2, 5, 5), int)), "must be 2D"),
        (lambda p: data.rasterise({}, (5,)), "two whole numbers"),
        (lambda p: data.read_rois(p / "none.zip", (5, 5)), "holds no ROIs"),
        (lambda p: data.read_geojson(p / "none.geojson", (5, 5)), "no GeoJSON"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, call, words):
    with pytest.raises(InputError, match=words):
        call(tmp_path)
    assert not list(tmp_path.iterdir())


def test_measurements_may_be_a_table_with_its_labels(tmp_path):
    labels = awkward()
    numbers = np.unique(labels)[1:]
    table = pd.DataFrame({"label": numbers, "area (px)": [np.sum(labels == n) for n in numbers]})
    data.write_geojson(tmp_path / "a.geojson", labels, table)
    content = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    told = [feature["properties"]["measurements"] for feature in content["features"]]
    assert told == table.astype(float).to_dict("records")


@pytest.mark.parametrize(
    ("properties", "number"), [({"name": "3"}, 3), (None, 1), ({}, 1), ({"name": str(2**63)}, 1)]
)
@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: [f], lambda f: {"features": [f]}])
def test_other_forms_of_geojson_are_read(tmp_path, wrap, properties, number):
    square = {"type": "Polygon", "coordinates": [[[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]]}
    feature = {"type": "Feature", "geometry": square, "properties": properties}
    (tmp_path / "a.geojson").write_text(json.dumps(wrap(feature)))
    back = data.read_geojson(tmp_path / "a.geojson", (5, 5))
    assert np.unique(back).tolist() == [0, number] and np.sum(back > 0) == 4


def test_broken_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("a.roi", b"no roi")
    (tmp_path / "half.geojson").write_text('{"features": [{"geometry"')
    (tmp_path / "numbers.geojson").write_text('{"features": 3}')
    with pytest.raises(InputError, match="holds no ROIs"):
        data.read_rois(tmp_path / "text.zip", (5, 5))
    for name in ("half", "numbers"):
        with pytest.raises(InputError, match="no GeoJSON"):
            data.read_geojson(tmp_path / f"{name}.geojson", (5, 5))
    data.write_geojson(tmp_path / "empty.geojson", np.zeros((4, 4), int))
    assert not data.read_geojson(tmp_path / "empty.geojson", (4, 4)).any()
