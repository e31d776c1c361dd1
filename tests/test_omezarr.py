"""OME-Zarr as others write and read it: versions, channels, planes, pixel sizes, pyramids, labels."""

import json
import pickle

import numpy as np
import pytest

from bioimage_course import large
from bioimage_course.errors import InputError

zarr = pytest.importorskip("zarr", reason="zarr is not installed")
pytest.importorskip("ome_zarr", reason="ome-zarr is not installed")

VERSIONS = ["0.4", "0.5"]
RANDOM = np.random.default_rng(3)
STACK = RANDOM.integers(0, 4000, (2, 3, 4, 40, 50)).astype(np.uint16)
NAMES = ("DAPI", "actin", "tubulin")


def by_ome_zarr(path, version, array=STACK, scale=(2.0, 1.0, 1.5, 0.25, 0.2), unit="micrometer", shift=None):
    """A five-dimensional image, written by the community's own library."""
    from ome_zarr import format as formats
    from ome_zarr.writer import write_multiscale

    form = formats.FormatV04() if version == "0.4" else formats.FormatV05()
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": a, "type": kinds.get(a, "space")} for a in "tczyx"]
    for axis in axes[2:]:
        axis |= {"unit": unit} if unit else {}
    steps = [{"type": "scale", "scale": list(scale)}]
    steps += [{"type": "translation", "translation": list(shift)}] if shift else []
    channels = [
        {"label": name, "color": "FFFFFF", "window": {"min": 0, "max": 1, "start": 0, "end": 1}}
        for name in NAMES
    ]
    write_multiscale(
        [array], group, fmt=form, axes=axes, coordinate_transformations=[steps],
        metadata={"omero": {"channels": channels}},
    )  # fmt: skip
    if version == "0.5":
        group.attrs["ome"] = group.attrs.asdict()["ome"] | {"omero": {"channels": channels}}
    else:
        group.attrs["omero"] = {"channels": channels}
    return path


def metadata(path):
    """What is written about an image, of either version."""
    v05 = path / "zarr.json"
    if v05.exists():
        return json.loads(v05.read_text())["attributes"]["ome"]
    return json.loads((path / ".zattrs").read_text())


def required(path, version):
    """The keys that the specification demands of an image; returns its levels."""
    about = metadata(path)
    (image,) = about["multiscales"]
    assert (about if version == "0.5" else image)["version"] == version
    assert [axis["name"] for axis in image["axes"][-2:]] == ["y", "x"]
    assert all(axis["type"] in ("time", "channel", "space") for axis in image["axes"])
    kinds = [axis["type"] for axis in image["axes"]]
    assert kinds == sorted(kinds, key=["time", "channel", "space"].index)
    for level in image["datasets"]:
        first, *others = level["coordinateTransformations"]
        assert first["type"] == "scale" and len(first["scale"]) == len(kinds)
        assert [other["type"] for other in others] in ([], ["translation"])
    return image["datasets"]


def validated(path, version, kind="Image"):
    """Judged by a library that is not ours and has not written it: metadata and, of 0.5, also the arrays."""
    models = pytest.importorskip("ome_zarr_models", reason="ome-zarr-models is not installed")
    group = zarr.open_group(str(path), mode="r")
    if version == "0.5":
        assert type(models.open_ome_zarr(group, version=version)).__name__ == kind
        return
    # Its models of whole groups of 0.4 do not work with pydantic 2.13; those of the metadata do.
    modules = {"Image": models.v04.image, "Labels": models.v04.labels, "ImageLabel": models.v04.image_label}
    getattr(modules[kind], f"{kind}Attrs").model_validate(group.attrs.asdict())


# ---------------------------------------------------------------- opened


@pytest.mark.parametrize("version", VERSIONS)
def test_channels_by_name_and_planes_by_their_axis(version, tmp_path):
    path = by_ome_zarr(tmp_path / "x.ome.zarr", version)
    for place, channel in enumerate(NAMES):
        plane = large.open_image(path, channel=channel, z=3, t=1)
        assert plane.shape == (40, 50) and plane.dtype == np.uint16 and plane.ndim == 2
        np.testing.assert_array_equal(plane[:], STACK[1, place, 3])
        np.testing.assert_array_equal(plane[5:9, 7], STACK[1, place, 3, 5:9, 7])
        np.testing.assert_array_equal(plane[..., 3:5], STACK[1, place, 3, :, 3:5])
        np.testing.assert_array_equal(np.asarray(plane, float), STACK[1, place, 3])
        assert plane[4].shape == (50,) and plane[4, 5] == STACK[1, place, 3, 4, 5]
    assert np.array_equal(large.open_image(path, channel=2, z=0, t=0)[:], STACK[0, 2, 0])
    assert plane.spacing == (0.25, 0.2) and plane.size == 2000 and len(plane) == 40
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(plane))[:3, :3], plane[:3, :3])


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({}, "2 planes along t and 3 channels (DAPI, actin, tubulin) and 4 planes along z: choose, for "
             "example t=0, channel='DAPI', z=0"),
        ({"z": 1, "t": 0}, "has 3 channels (DAPI, actin, tubulin): choose, for example channel='DAPI'."),
        ({"channel": "actin", "t": 0}, "x.ome.zarr has 4 planes along z: choose, for example z=0."),
        ({"channel": "GFP", "z": 0, "t": 0}, "no channel called 'GFP' (there are: DAPI, actin, tubulin)"),
        ({"channel": 3, "z": 0, "t": 0}, "Along c, x.ome.zarr has the numbers 0 to 2, not 3"),
        ({"channel": 0, "z": -1, "t": 0}, "Along z, x.ome.zarr has the numbers 0 to 3, not -1"),
        ({"channel": 0, "z": 1.0, "t": 0}, "not 1.0"),
        ({"channel": 0, "z": True, "t": 0}, "not True"),
        ({"channel": 0, "z": 0, "t": 0, "q": 1}, "no planes along 'q' to choose from: its axes are t, c"),
        ({"c": 0, "z": 0, "t": 0}, "choose a channel by channel="),
        ({"channel": 0, "z": 0, "t": 0, "level": 1}, "has the levels 0 to 0, not 1"),
    ],
)  # fmt: skip
def test_what_was_not_chosen_is_one_sentence(choice, sentence, tmp_path):
    path = by_ome_zarr(tmp_path / "x.ome.zarr", "0.4")
    with pytest.raises(InputError) as told:
        large.open_image(path, **choice)
    assert sentence in str(told.value) and str(told.value).count("\n") == 0


def test_two_channels_of_one_name_and_an_image_without_channels(tmp_path):
    path = by_ome_zarr(tmp_path / "x.ome.zarr", "0.5")
    group = zarr.open_group(str(path), mode="a")
    about = group.attrs["ome"]
    about["omero"]["channels"][2]["label"] = "DAPI"
    group.attrs["ome"] = about
    with pytest.raises(InputError, match=r"2 channels called 'DAPI'.*choose by number"):
        large.open_image(path, channel="DAPI", z=0, t=0)
    large.create(tmp_path / "y.ome.zarr", (8, 9), np.uint8)
    with pytest.raises(InputError, match=r"no planes along 'channel'.*axes are y, x"):
        large.open_image(tmp_path / "y.ome.zarr", channel="DAPI")


@pytest.mark.parametrize(
    ("unit", "spacing"),
    [("micrometer", (0.25, 0.2)), ("nanometer", (0.00025, 0.0002)), ("millimeter", (250, 200)), (None, None),
     ("parsec", None)],
)  # fmt: skip
def test_pixel_sizes_in_micrometres_or_not_known(unit, spacing, tmp_path):
    plane = large.open_image(by_ome_zarr(tmp_path / "x.ome.zarr", "0.4", unit=unit), channel=0, z=0, t=0)
    assert plane.spacing == (pytest.approx(spacing) if spacing else None)
    assert plane.scale == (2.0, 1.0, 1.5, 0.25, 0.2) and plane.known  # what is written is kept in any case


def test_what_holds_for_all_levels_is_added(tmp_path):
    path = by_ome_zarr(tmp_path / "x.ome.zarr", "0.4", shift=(0, 0, 0, 10, 20))
    group = zarr.open_group(str(path), mode="a")
    images = group.attrs["multiscales"]
    images[0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [1, 1, 1, 2, 2]},
        {"type": "translation", "translation": [0, 0, 0, 1, 1]},
    ]
    group.attrs["multiscales"] = images
    plane = large.open_image(path, channel=0, z=0, t=0)
    assert plane.scale[-2:] == (0.5, 0.4) and plane.translation[-2:] == (21, 41)


def test_older_images_and_images_in_a_folder(tmp_path):
    group = zarr.open_group(str(tmp_path / "old.zarr"), mode="w", zarr_format=2)
    group.create_array("0", shape=(1, 2, 1, 6, 7), dtype="u1", chunks=(1, 1, 1, 6, 7))[:] = 5
    group.attrs["multiscales"] = [{"version": "0.2", "datasets": [{"path": "0"}]}]  # without axes and scales
    plane = large.open_image(tmp_path / "old.zarr", channel=1)
    assert plane[0, 0] == 5 and plane.spacing is None and not plane.known
    series = zarr.open_group(str(tmp_path / "series.zarr"), mode="w", zarr_format=2)
    series.attrs["bioformats2raw.layout"] = 3
    by_ome_zarr(tmp_path / "series.zarr" / "0", "0.4")
    with pytest.raises(InputError, match=r"folder of images: open one of them, such as series.zarr/0\."):
        large.open_image(tmp_path / "series.zarr")
    plate = zarr.open_group(str(tmp_path / "plate.zarr"), mode="w", zarr_format=2)
    plate.attrs["plate"] = {"wells": [{"path": "B/3"}]}
    with pytest.raises(InputError, match=r"is a plate: open one of its fields, such as plate.zarr/B/3/0\."):
        large.open_image(tmp_path / "plate.zarr")


def test_swapped_axes_and_missing_levels_are_said(tmp_path):
    path = by_ome_zarr(tmp_path / "x.ome.zarr", "0.4")
    group = zarr.open_group(str(path), mode="a")
    images = group.attrs["multiscales"]
    images[0]["datasets"][0]["path"] = "gone"
    group.attrs["multiscales"] = images
    with pytest.raises(InputError, match="no whole OME-Zarr image"):
        large.open_image(path, channel=0, z=0, t=0)
    images[0]["datasets"][0]["path"] = "0" if "0" in group else "s0"
    images[0]["axes"][-2:] = images[0]["axes"][:-3:-1]
    group.attrs["multiscales"] = images
    with pytest.raises(InputError, match=r"must be the last two axes; x.ome.zarr has t, c, z, x, y"):
        large.open_image(path, channel=0, z=0, t=0)


# ---------------------------------------------------------------- made


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_made_is_valid_and_comes_back(version, tmp_path):
    path = tmp_path / "x.ome.zarr"
    array = large.create(
        path, STACK.shape, STACK.dtype, axes="tczyx", channels=NAMES, pixel_size=0.2, z_step=1.5,
        version=version, block=16,
    )  # fmt: skip
    array[:] = STACK
    required(path, version)
    validated(path, version)
    plane = large.open_image(path, channel="tubulin", z=2, t=0)
    assert plane.spacing == (0.2, 0.2) and plane.scale == (1, 1, 1.5, 0.2, 0.2) and plane.chunks == (16, 16)
    np.testing.assert_array_equal(plane[:], STACK[0, 2, 2])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"axes": "xy", "shape": (4, 4)}, "letters of 'tczyx' in this order"),
        ({"axes": "zcyx", "shape": (1, 2, 4, 4)}, "letters of 'tczyx' in this order"),
        ({"axes": "cyx", "shape": (4, 4)}, "need as many numbers"),
        ({"axes": "cyx", "shape": (2, 4, 4), "channels": ["a"]}, "do not fit"),
        ({"shape": (4, 4), "channels": ["a"]}, "do not fit"),
        ({"shape": (4, 4), "version": "0.3"}, "'0.5' or '0.4'"),
    ],
)
def test_what_cannot_be_made(settings, sentence, tmp_path):
    with pytest.raises(InputError, match=sentence):
        large.create(tmp_path / "x.ome.zarr", dtype=np.uint8, **settings)
    assert not (tmp_path / "x.ome.zarr").exists()


# ---------------------------------------------------------------- pyramids and labels


def squares(shape):
    """Label image with an object in every corner of a grid."""
    rows, columns = np.indices(shape)
    numbers = 1 + rows // 50 + 100 * (columns // 50)
    return np.where((rows % 50 < 30) & (columns % 50 < 30), numbers, 0).astype(np.int32)


@pytest.mark.parametrize("labels", [True, False])
def test_levels_lie_where_their_pixels_come_from(labels, tmp_path):
    full = squares((601, 530)).astype(np.uint16)
    path = tmp_path / "x.ome.zarr"
    large.create(path, full.shape, full.dtype, block=100, pixel_size=0.5)[:] = full
    assert (
        large.add_levels(path, labels=labels, block=100)
        == large.add_levels(path, labels=labels, block=64)
        == 3
    )
    required(path, "0.5")
    coarse = [large.open_image(path, level=n) for n in range(3)]
    assert [level.shape for level in coarse] == [(601, 530), (301, 265), (151, 133)]
    assert [level.scale for level in coarse] == [(0.5, 0.5), (1, 1), (2, 2)]
    if labels:  # no number that was not there, and every pixel is one of the image
        np.testing.assert_array_equal(coarse[2][:], full[::4, ::4])
        assert [level.translation for level in coarse] == [(0, 0)] * 3
    else:  # the mean of two by two lies half a pixel further
        np.testing.assert_allclose(
            coarse[1][10:20, 10:20], full[20:40, 20:40].reshape(10, 2, 10, 2).mean((1, 3)), atol=0.5
        )
        assert [level.translation for level in coarse] == [(0, 0), (0.25, 0.25), (0.75, 0.75)]
    validated(path, "0.5")


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_lie_on_their_image_and_others_read_them(version, tmp_path):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    image = np.zeros((1, 3, 3, 600, 530), np.uint16)
    path = by_ome_zarr(tmp_path / "x.ome.zarr", version, image, unit="nanometer", shift=(0, 0, 6, 10, 20))
    assert large.add_levels(path) == 3
    plane = large.open_image(path, channel="actin", z=2)
    truth = squares(plane.shape)
    before = metadata(path)
    target = large.add_labels(plane, truth, "nuclei", block=128)
    assert target == path / "labels" / "nuclei" and metadata(path) == before
    levels = required(target, version)
    assert [level["coordinateTransformations"] for level in levels] == [
        [
            {"type": "scale", "scale": [2.0, 1.5, 0.25 * n, 0.2 * n]},
            {"type": "translation", "translation": [0, 9, 10, 20]},
        ]
        for n in (1, 2, 4)
    ]
    assert metadata(path / "labels")["labels"] == ["nuclei"]
    told = metadata(target)["image-label"]
    assert told["version"] == version and told["colors"][0] == {"label-value": 0, "rgba": [0, 0, 0, 0]}
    assert told["source"] == {"image": "../../"}
    again = large.open_image(target)
    np.testing.assert_array_equal(again[:], truth)
    assert again.spacing == plane.spacing == pytest.approx((0.00025, 0.0002))
    validated(path, version)
    validated(path / "labels", version, "Labels")
    validated(target, version, "ImageLabel")
    nodes = {type(spec).__name__ for node in Reader(parse_url(str(path)))() for spec in node.specs}
    assert "Label" in nodes or "Labels" in nodes or version == "0.5"
    (node,) = (n for n in Reader(parse_url(str(target)))() if n.data and n.data[0].dtype == np.int32)
    np.testing.assert_array_equal(np.asarray(node.data[0]).squeeze(), truth)
    large.add_labels(plane, truth[::-1], "mirrored")
    validated(path, version)
    assert metadata(path / "labels")["labels"] == ["nuclei", "mirrored"]
    with pytest.raises(InputError, match="has labels called nuclei already"):
        large.add_labels(plane, truth, "nuclei")


@pytest.mark.parametrize(
    ("labels", "name", "sentence"),
    [
        (np.zeros((6, 8)), "x", "label image of integers"),
        (np.zeros((5, 8), int), "x", "of shape .6, 8."),
        (np.zeros((6, 8), int), "a/b", "name of a folder"),
        (np.zeros((6, 8), int), "..", "name of a folder"),
        (np.full((6, 8), -1), "x", "negative"),
    ],
)
def test_what_cannot_be_added(labels, name, sentence, tmp_path):
    large.create(tmp_path / "x.ome.zarr", (6, 8), np.uint8)
    with pytest.raises(InputError, match=sentence):
        large.add_labels(large.open_image(tmp_path / "x.ome.zarr"), labels, name)
    assert not (tmp_path / "x.ome.zarr" / "labels" / "x").exists()
    with pytest.raises(InputError, match=r"opened by large.open_image"):
        large.add_labels(np.zeros((6, 8)), np.zeros((6, 8), int))


@pytest.mark.parametrize("version", VERSIONS)
def test_bioio_sees_the_same_pixels_and_sizes(version, tmp_path):
    reader = pytest.importorskip("bioio_ome_zarr", reason="bioio-ome-zarr is not installed")
    path = tmp_path / "x.ome.zarr"
    large.create(
        path,
        (2, 300, 310),
        np.uint16,
        axes="cyx",
        channels=["DAPI", "actin"],
        pixel_size=0.25,
        version=version,
    )[:] = 7
    plane = large.open_image(path, channel="actin")
    large.add_levels(path)
    target = large.add_labels(plane, squares(plane.shape), "nuclei")
    for place in (path, target):
        image = reader.Reader(str(place))
        assert (image.physical_pixel_sizes.Y, image.physical_pixel_sizes.X) == plane.spacing == (0.25, 0.25)
        assert image.shape[-2:] == plane.shape
    assert list(reader.Reader(str(path)).channel_names) == ["DAPI", "actin"]
    np.testing.assert_array_equal(image.data.squeeze(), squares(plane.shape))
    assert image.resolution_levels == (0, 1)


def bright(crop):
    return large.bright_blobs(crop, 500.0, spot_sigma=3)


def test_label_image_keeps_channel_size_and_place(tmp_path):
    """Found by review: a file of five axes was refused, labels had no pixel size and a single level."""
    image = np.zeros((1, 3, 1, 300, 310), np.uint16)
    image[0, 1, 0][np.isin(squares((300, 310)), range(1, 1000))] = 1000
    path = by_ome_zarr(tmp_path / "x.ome.zarr", "0.4", image, shift=(0, 0, 0, 10, 20))
    with pytest.raises(InputError, match="3 channels"):
        large.open_image(path)
    found = {}
    for channel in (0, 1):
        plane = large.open_image(path, channel=channel)
        done = large.label_image(plane, bright, tmp_path / f"{channel}.ome.zarr", block=128, halo=48)
        found[channel] = done.objects
    assert found == {0: 0, 1: 42}
    labels = large.open_image(done.path)
    assert labels.spacing == (0.25, 0.2) and labels.translation == (10, 20)
    assert len(required(done.path, "0.5")) == 2 and large.open_image(done.path, level=1).shape == (150, 155)
    validated(done.path, "0.5", "ImageLabel")
    large.add_labels(plane, labels, "nuclei")
    np.testing.assert_array_equal(large.open_image(path / "labels" / "nuclei")[:], labels[:])
    # another channel of the same file gets no old results
    with pytest.raises(InputError, match="different: plane"):
        large.label_image(large.open_image(path, channel=0), bright, done.path, block=128, halo=48)
    again = large.label_image(plane, bright, done.path, block=128, halo=48)
    assert again.computed == 0 and again.objects == 42
