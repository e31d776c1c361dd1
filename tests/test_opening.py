"""One's own files: every format gives the same pixels, lengths and names; a damaged one is one sentence."""

import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from bioimage_course import data
from bioimage_course.data import opening
from bioimage_course.errors import InputError, ToolUnavailableError

for module in ("bioio", "bioio_czi", "bioio_ome_tiff", "bioio_tifffile", "bioio_imageio", "bioio_ome_zarr"):
    pytest.importorskip(module, reason=f"{module} is not installed")

IMAGE = np.random.default_rng(0).integers(100, 4000, (2, 3, 40, 50)).astype(np.uint16)  # C, Z, Y, X


def write_ome_tiff(path, image=IMAGE, **metadata):
    known = {"axes": "CZYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 1.5}
    names = {"Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, image, ome=True, photometric="minisblack", metadata=known | names | metadata)


def write_imagej(path, unit="um"):
    tifffile.imwrite(
        path,
        IMAGE.transpose(1, 0, 2, 3),
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZCYX", "spacing": 1.5, "unit": unit},
    )


def write_czi(path):
    pyczi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")
    with pyczi.create_czi(str(path)) as document:
        for c, z in np.ndindex(2, 3):
            document.write(IMAGE[c, z][..., None], plane={"C": c, "Z": z, "T": 0})
        document.write_metadata(
            document_name="cells",
            channel_names={0: "DAPI", 1: "GFP"},
            scale_x=0.25e-6,
            scale_y=0.25e-6,
            scale_z=1.5e-6,
        )


def write_zarr(path, unit="micrometer"):
    """By hand, version 0.4 as most programs write it."""
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("0", data=IMAGE, chunks=(1, 1, 40, 50))
    space = {"type": "space"} | ({"unit": unit} if unit else {})
    axes = [{"name": "c", "type": "channel"}, *({"name": axis} | space for axis in "zyx")]
    scale = [{"type": "scale", "scale": [1.0, 1.5, 0.25, 0.25]}]
    level = {"path": "0", "coordinateTransformations": scale}
    group.attrs["multiscales"] = [{"version": "0.4", "name": "cells", "axes": axes, "datasets": [level]}]
    group.attrs["omero"] = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}


WRITERS = {
    "cells.ome.tif": write_ome_tiff,
    "renamed.tif": write_ome_tiff,  # an OME-TIFF by its metadata, not by its name
    "cells.tif": write_imagej,
    "cells.czi": write_czi,
    "cells.ome.zarr": write_zarr,
}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    WRITERS[request.param](tmp_path / request.param)
    return tmp_path / request.param


def refused(path, **options):
    with pytest.raises(InputError) as told:
        data.open_image(path, **options)
    sentence = str(told.value)
    assert "\n" not in sentence and sentence.endswith(".") and "Traceback" not in sentence
    return sentence


# ---------------------------------------------------------------- what is in a file


def test_every_format_gives_the_same(written):
    found = data.open_image(written)
    assert found.axes == "CZYX"
    np.testing.assert_array_equal(found.image, IMAGE)
    assert found.pixel_size == pytest.approx(0.25) and found.z_step == pytest.approx(1.5)
    assert found.channels == (("channel 0", "channel 1") if found.format == "TIFF" else ("DAPI", "GFP"))
    assert found.bits == 12 and found.notes == ()
    for word in ("C 2 × Z 3 × Y 40 × X 50", "uint16, 12 bits in use", "0.25 µm a pixel", "1.5 µm apart"):
        assert word in repr(found)


def test_a_plane_by_name_or_number(written):
    found = data.open_image(written)
    second = found.channels[1]
    np.testing.assert_array_equal(found.plane(second), IMAGE[1].max(axis=0))
    np.testing.assert_array_equal(found.plane(0, z=2), IMAGE[0, 2])
    sample = found.sample(1, z=0)
    assert sample.pixel_size == pytest.approx(0.25) and sample.axes == "YX"
    np.testing.assert_array_equal(sample.image, IMAGE[1, 0])


@pytest.mark.parametrize(
    "wrong",
    [{"channel": 2}, {"channel": "RFP"}, {"channel": -1}, {"z": 3}, {"z": "mean"}, {"t": 1}, {"z": None}],
)
def test_what_is_not_there_is_one_sentence(tmp_path, wrong):
    write_ome_tiff(tmp_path / "cells.ome.tif")
    found = data.open_image(tmp_path / "cells.ome.tif")
    with pytest.raises(InputError) as told:
        found.plane(**wrong)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("unit", "length"), [("nm", 0.00025), ("µm", 0.25), ("mm", 250.0), ("pixel", None)])
def test_lengths_are_converted_by_their_unit(tmp_path, unit, length):
    """The plugin hands on 250 nm as 250."""
    path = tmp_path / "cells.ome.tif"
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XYZ"}
    write_ome_tiff(path, **units)
    assert data.open_image(path).pixel_size == (pytest.approx(length) if length else None)


@pytest.mark.parametrize(
    ("unit", "length"), [("micron", 0.25), ("nm", 0.00025), ("\\u00B5m", 0.25), ("pixel", None)]
)
def test_imagej_units(tmp_path, unit, length):
    write_imagej(tmp_path / "cells.tif", unit)
    assert data.open_image(tmp_path / "cells.tif").pixel_size == (pytest.approx(length) if length else None)


def test_one_pixel_is_not_one_micrometre(tmp_path):
    """Files of programs that know no microscope say 1.0, or the resolution of a printer."""
    tifffile.imwrite(tmp_path / "plain.tif", IMAGE[0, 0])
    tifffile.imwrite(
        tmp_path / "print.tif", IMAGE[0, 0], resolution=(28.3, 28.3), resolutionunit="CENTIMETER"
    )
    write_zarr(tmp_path / "plain.ome.zarr", unit=None)
    Image.fromarray(IMAGE[0, 0]).save(tmp_path / "plain.png", dpi=(72, 72))
    for path in tmp_path.iterdir():
        found = data.open_image(path)
        assert found.pixel_size is None and any("how large a pixel is" in note for note in found.notes)


def test_pixels_that_are_not_square(tmp_path):
    write_ome_tiff(tmp_path / "cells.ome.tif", PhysicalSizeY=0.5)
    assert any("not square" in note for note in data.open_image(tmp_path / "cells.ome.tif").notes)


def test_photographs_and_grey_ones_in_colour(tmp_path):
    colour = np.random.default_rng(1).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    for name in ("colour.png", "colour.tif"):
        if name.endswith("png"):
            Image.fromarray(np.dstack([colour, np.full((40, 50), 255, np.uint8)])).save(tmp_path / name)
        else:
            tifffile.imwrite(tmp_path / name, colour)
        found = data.open_image(tmp_path / name)
        assert found.axes == "YXS" and any("photograph" in note for note in found.notes)
        np.testing.assert_array_equal(found.plane(), colour)
        assert found.sample().axes == "YXC"
    Image.fromarray(np.dstack([colour[..., 0]] * 3)).save(tmp_path / "grey.png")
    found = data.open_image(tmp_path / "grey.png")
    assert found.axes == "YX" and any("saved three times" in note for note in found.notes)


@pytest.mark.parametrize(
    ("dtype", "highest", "bits"), [(np.uint8, 255, 8), (np.uint16, 4095, 12), (np.uint16, 65535, 16)]
)
def test_saturation_is_a_share_of_pixels(tmp_path, dtype, highest, bits):
    ramp = np.tile(np.linspace(0, highest * 0.8, 100), (100, 1)).astype(dtype)
    ramp[:10, :50] = highest
    tifffile.imwrite(tmp_path / "bright.tif", ramp)
    found = data.open_image(tmp_path / "bright.tif")
    assert found.bits == bits and found.saturated == (pytest.approx(0.05),)
    assert any("saturated" in note for note in found.notes)
    tifffile.imwrite(tmp_path / "fine.tif", ramp[10:])
    assert not any("saturated" in note for note in data.open_image(tmp_path / "fine.tif").notes)


def test_several_images_in_one_file(tmp_path):
    with tifffile.TiffWriter(tmp_path / "plate.ome.tif", ome=True) as file:
        for size in (30, 45):
            file.write(
                np.full((size, 20), size, np.uint16) + np.arange(20, dtype=np.uint16), metadata={"axes": "YX"}
            )
    first, second = (data.open_image(tmp_path / "plate.ome.tif", scene=n) for n in (0, 1))
    assert first.image.shape == (30, 20) and second.image.shape == (45, 20)
    assert any("2 images" in note for note in second.notes)
    assert "no scene 2" in refused(tmp_path / "plate.ome.tif", scene=2)


def test_fractions_lossy_files_and_nothing_recorded(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", np.array([[0.5, np.nan], [1, 2]], np.float32))
    notes = " ".join(data.open_image(tmp_path / "float.tif").notes)
    assert "fractions" in notes and "without a number" in notes
    Image.fromarray(np.uint8(IMAGE[0, 0] // 16)).save(tmp_path / "lossy.jpg")
    assert any("never measure" in note for note in data.open_image(tmp_path / "lossy.jpg").notes)
    tifffile.imwrite(tmp_path / "dark.tif", np.zeros((20, 20), np.uint16))
    assert any("nothing was recorded" in note for note in data.open_image(tmp_path / "dark.tif").notes)


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("end", [".tif", ".ome.tif", ".png", ".jpg", ".czi", ".lif", ".nd2"])
@pytest.mark.parametrize(
    "content", [b"", b"nonsense" * 200, b"\x89PNG\r\n\x1a\n" + b"x" * 50, b"II*\x00\x08\x00\x00\x00"]
)
def test_a_broken_file_is_one_sentence_and_silent(tmp_path, capfd, end, content):
    (tmp_path / f"broken{end}").write_bytes(content)
    assert f"broken{end}" in refused(tmp_path / f"broken{end}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize(
    "name", ["cells.ome.tif", "cells.tif", "cells.czi", "cells.png", "plain.tif", "packed.tif"]
)
def test_a_file_that_was_cut_off_never_opens_as_less(tmp_path, name, share):
    """A trial of several readers gives the first plane of a cut OME-TIFF without a word."""
    path = tmp_path / name
    if name == "cells.png":
        Image.fromarray(IMAGE[0, 0]).save(path)
    elif name == "plain.tif":
        tifffile.imwrite(path, IMAGE[0], photometric="minisblack")
    elif name == "packed.tif":
        tifffile.imwrite(path, IMAGE[0], photometric="minisblack", compression="zlib")
    else:
        WRITERS[name](path)
    whole = data.open_image(path).image
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    told = None
    try:
        found = data.open_image(path).image
    except InputError as error:
        told = str(error)
    if told is None:  # only what lies behind the pixels is gone
        np.testing.assert_array_equal(found, whole)
    else:
        assert "\n" not in told and name in told


def test_other_formats_folders_and_nothing(tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    assert "Fiji" in refused(tmp_path / "note.txt")
    (tmp_path / "slide.svs").write_bytes(b"x")
    assert "OME-TIFF" in refused(tmp_path / "slide.svs")
    assert "There is no file" in refused(tmp_path / "absent.tif")
    assert "folder" in refused(tmp_path)
    (tmp_path / "empty.ome.zarr").mkdir()
    refused(tmp_path / "empty.ome.zarr")
    (tmp_path / "file.zarr").write_text("x")
    refused(tmp_path / "file.zarr")
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    zarr.open_group(str(tmp_path / "bare.zarr"), mode="w").create_array("0", data=IMAGE)
    assert "no OME-Zarr image" in refused(tmp_path / "bare.zarr")


def test_what_has_no_end_is_refused_at_once(tmp_path):
    """A pipe that nobody writes to, and pages whose chain is a circle."""
    (tmp_path / "circle.tif").write_bytes(b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0")
    assert "circle.tif" in refused(tmp_path / "circle.tif")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.tif")
        assert "neither" in refused(tmp_path / "pipe.tif")


def test_blocks_that_a_copy_has_lost_are_said(tmp_path):
    write_zarr(tmp_path / "cells.ome.zarr")
    assert not any("blocks" in note for note in data.open_image(tmp_path / "cells.ome.zarr").notes)
    next(
        p for p in (tmp_path / "cells.ome.zarr" / "0").rglob("*") if p.name[0].isdigit() and p.is_file()
    ).unlink()
    notes = data.open_image(tmp_path / "cells.ome.zarr").notes
    assert any("1 of 6 blocks are missing" in note for note in notes)


def test_a_reader_that_stumbles_says_nothing_of_its_own(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    for error in (ZeroDivisionError("integer division or modulo by zero"), KeyError(3), IndexError("range")):
        monkeypatch.setattr(opening, "_look", lambda *_, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(InputError, match=r"damaged, cut off or of another format\.$"):
            data.open_image(tmp_path / "a.tif")


def test_one_bit_is_one_bit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=np.uint8))
    assert "1 bit in use" in repr(data.open_image(tmp_path / "a.tif"))


def test_scenes_that_a_czi_does_not_describe_are_said(tmp_path):
    pyczi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")
    with pyczi.create_czi(str(tmp_path / "two.czi")) as document:
        for scene in (0, 1):
            document.write(IMAGE[0, 0][..., None], scene=scene, location=(200 * scene, 0))
    assert any("2 scenes" in note for note in data.open_image(tmp_path / "two.czi").notes)


@pytest.mark.parametrize("path", [None, 5, [1], np.zeros((4, 4))])
def test_what_is_no_name_is_refused(path):
    refused(path)


def test_what_is_too_large_is_not_read(tmp_path):
    write_ome_tiff(tmp_path / "cells.ome.tif")
    assert "GB of memory" in refused(tmp_path / "cells.ome.tif", most=1e-6)
    with pytest.raises(InputError):
        data.open_image(tmp_path / "cells.ome.tif", most=-1)


def test_without_bioio_one_line_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "bioio_tifffile", None)
    tifffile.imwrite(tmp_path / "plain.tif", IMAGE[0, 0])
    with pytest.raises(ToolUnavailableError, match=r"bioimage-course\[reading\]"):
        data.open_image(tmp_path / "plain.tif")


@pytest.mark.parametrize(("end", "plugin"), [(".lif", "bioio_lif"), (".nd2", "bioio_nd2")])
def test_the_plugins_without_sample_files_are_called(tmp_path, monkeypatch, end, plugin):
    """No package has a small file of these formats; here a reader that works stands for theirs."""
    pytest.importorskip(plugin, reason=f"{plugin} is not installed")
    import bioio_ome_tiff

    write_ome_tiff(tmp_path / "cells.ome.tif")
    (tmp_path / "cells.ome.tif").rename(tmp_path / f"cells{end}")
    monkeypatch.setattr(f"{plugin}.Reader", bioio_ome_tiff.Reader)
    found = data.open_image(tmp_path / f"cells{end}")
    assert found.format == end[1:].upper() and found.pixel_size == pytest.approx(0.25)
    np.testing.assert_array_equal(found.image, IMAGE)
