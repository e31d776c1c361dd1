"""Large images in blocks: the same objects as in one piece, resumable, whole files or none."""

import functools
import json

import numpy as np
import pytest
import tifffile

from bioimage_course import data, large
from bioimage_course.errors import InputError

zarr = pytest.importorskip("zarr", reason="zarr is not installed")
pytest.importorskip("ome_zarr", reason="ome-zarr is not installed")


def blobs(image, threshold=47.0, spot_sigma=4.0):
    return large.bright_blobs(image, threshold, spot_sigma=spot_sigma)


def unchanged(labels):
    """A perfect method: it finds the labels that it is shown."""
    return labels


@pytest.fixture(scope="module")
def slide():
    image = data.load("nuclei").image
    return np.pad(image, ((0, 100), (0, 60)), mode="symmetric")  # no multiple of the blocks


@pytest.fixture(scope="module")
def piece(slide):
    return blobs(slide)


# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize(
    ("shape", "block", "halo"), [((100, 250), 64, 10), ((64, 64), 64, 64), ((5, 7), 3, 0)]
)
def test_cores_cover_every_pixel_once_and_crops_reach_a_halo_further(shape, block, halo):
    seen = np.zeros(shape, int)
    for b in large.blocks(shape, block, halo):
        seen[b.core] += 1
        for core, crop, length in zip(b.core, b.crop, shape, strict=True):
            assert crop.start == max(core.start - halo, 0) and crop.stop == min(core.stop + halo, length)
    assert (seen == 1).all()


@pytest.mark.parametrize(("block", "halo"), [(0, 0), (16, 17), (16, -1), (16.0, 2), (True, 0)])
def test_blocks_refuse_bad_numbers(block, halo):
    with pytest.raises(InputError):
        large.blocks((64, 64), block, halo)


@pytest.mark.parametrize("stride", [1, 3, 16, 32])
@pytest.mark.parametrize(("block", "halo"), [(33, 33), (50, 17), (64, 64), (7, 3)])
def test_crops_start_on_the_stride_and_are_never_narrower_than_the_halo(block, halo, stride):
    shape = (130, 97)
    for b in large.blocks(shape, block, halo, stride):
        for core, crop, length in zip(b.core, b.crop, shape, strict=True):
            assert crop.start % stride == 0
            assert max(core.start - halo, 0) - stride < crop.start <= max(core.start - halo, 0)
            assert crop.stop == min(core.stop + halo, length)


@pytest.mark.parametrize(("block", "halo", "stride"), [(16, 16, 1), (7, 7, 32), (20, 3, 16), (64, 0, 1)])
def test_neighbours_are_all_blocks_whose_crops_reach_in_and_no_others(block, halo, stride):
    from bioimage_course.large import grid

    everyone = large.blocks((90, 75), block, halo, stride)
    places = {b.index: b for b in everyone}
    for b in everyone:
        meet = [
            o
            for o in everyone
            if all(x.start < c.stop and x.stop > c.start for x, c in zip(o.crop, b.core, strict=True))
        ]
        assert grid.neighbours(b, places) == meet


def test_an_object_is_kept_by_the_block_of_its_centre_whole_and_by_no_other():
    labels = np.zeros((40, 40), int)
    labels[17:22, 5:9] = 3  # rows 17 to 21, centre 19: above the line at 20
    labels[18:23, 30:34] = 8  # centre 20: below it
    for b in large.blocks(labels.shape, 20, 10):
        kept, touching = large.own(labels[b.crop], b, labels.shape)
        wanted = {(0, 0): {3: 20}, (1, 1): {8: 20}}.get(b.index, {})
        assert touching == 0
        assert sorted(np.bincount(kept.ravel())[1:].tolist()) == sorted(wanted.values())


def test_objects_at_the_rim_of_the_halo_are_reported_but_not_those_at_the_image_border():
    labels = np.zeros((40, 40), int)
    labels[0:9, 3:6] = 1  # touches the border of the image
    labels[12:29, 10:13] = 2  # longer than core and halo of the upper block
    b = large.blocks(labels.shape, 20, 4)[0]
    kept, touching = large.own(labels[b.crop], b, labels.shape)
    assert touching == 1 and kept.max() == 2


# ---------------------------------------------------------------- one scale


def test_histogram_percentiles_and_otsu_are_those_of_the_whole_image(slide):
    from skimage.filters import threshold_otsu

    counts = large.histogram(slide, block=100)
    other_way_round = slide.astype(slide.dtype.newbyteorder(">"))
    np.testing.assert_array_equal(large.histogram(other_way_round, block=100), counts)
    assert counts.sum() == slide.size
    np.testing.assert_allclose(
        large.percentiles(counts, (0, 1, 37.5, 99.8, 100)), np.percentile(slide, (0, 1, 37.5, 99.8, 100))
    )
    assert large.otsu(counts) == pytest.approx(threshold_otsu(slide, nbins=int(np.ptp(slide)) + 1), abs=1)


def test_histogram_wants_whole_numbers():
    with pytest.raises(InputError, match="float64"):
        large.histogram(np.zeros((4, 4)))


# ---------------------------------------------------------------- the same as in one piece


def test_with_a_safe_halo_every_object_is_the_same_pixel_by_pixel(slide, piece, tmp_path):
    halo = large.longest(piece) + 16
    done = large.label_image(slide, blobs, tmp_path / "x.ome.zarr", block=128, halo=halo)
    labels = large.open_image(done.path)[:]
    assert done.objects == piece.max() == large.identical(piece, labels) > 100
    assert done.touching == 0
    assert sorted(np.unique(labels)) == list(range(done.objects + 1))


def test_too_small_a_halo_costs_objects_and_is_noticed(slide, piece, tmp_path):
    done = large.label_image(slide, blobs, tmp_path / "x.ome.zarr", block=128, halo=4)
    assert large.identical(piece, large.open_image(done.path)[:]) < piece.max() - 10
    assert done.touching > 10


def test_a_perfect_method_gives_its_labels_back(piece, tmp_path):
    done = large.label_image(piece, unchanged, tmp_path / "x.ome.zarr", block=64, halo=64)
    assert large.identical(piece, large.open_image(done.path)[:]) == done.objects == piece.max()


def test_labels_without_any_object(tmp_path):
    done = large.label_image(np.zeros((30, 50), np.uint16), blobs, tmp_path / "x.ome.zarr", block=32, halo=8)
    assert done.objects == 0 and not large.open_image(done.path)[:].any()


def test_identical_counts_pixels_not_numbers():
    first = np.array([[1, 1, 0, 2, 2], [3, 0, 0, 4, 4]])
    second = np.array([[9, 9, 0, 5, 0], [1, 1, 0, 7, 7]])
    assert large.identical(first, second) == 2
    with pytest.raises(InputError):
        large.identical(first, second[:1])


# ---------------------------------------------------------------- stopping and going on


def test_a_rerun_computes_nothing_and_missing_blocks_are_filled_in(slide, tmp_path):
    calls = []

    def counting(crop):
        calls.append(crop.shape)
        return blobs(crop)

    out = tmp_path / "x.ome.zarr"
    first = large.label_image(slide, counting, out, block=256, halo=64)
    labels = large.open_image(out)[:]
    assert first.computed == first.blocks == len(calls)
    again = large.label_image(slide, counting, out, block=256, halo=64)
    assert again.computed == 0 and len(calls) == first.blocks and again.objects == first.objects
    parts = sorted((tmp_path / "x.ome.zarr.parts").glob("r*.npz"))
    parts[0].unlink()
    parts[3].unlink()
    assert large.label_image(slide, counting, out, block=256, halo=64).computed == 2
    np.testing.assert_array_equal(large.open_image(out)[:], labels)


def test_a_deleted_label_image_comes_back(slide, tmp_path):
    import shutil

    out = tmp_path / "x.ome.zarr"
    large.label_image(slide, blobs, out, block=256, halo=64)
    labels = large.open_image(out)[:]
    shutil.rmtree(out)
    assert large.label_image(slide, blobs, out, block=256, halo=64).computed == 0
    np.testing.assert_array_equal(large.open_image(out)[:], labels)


def test_stopped_in_the_middle_and_called_again(slide, piece, tmp_path):
    class Stopped(Exception):
        pass

    state = {"left": 3}

    def dies(crop):
        state["left"] -= 1
        if state["left"] < 0:
            raise Stopped
        return blobs(crop)

    out = tmp_path / "x.ome.zarr"
    with pytest.raises(Stopped):
        large.label_image(slide, dies, out, block=256, halo=80)
    assert len(list((tmp_path / "x.ome.zarr.parts").glob("r*.npz"))) == 3
    state["left"] = 99
    done = large.label_image(slide, dies, out, block=256, halo=80)
    assert done.computed == done.blocks - 3
    assert large.identical(piece, large.open_image(out)[:]) == piece.max()


def test_other_settings_are_not_mixed_in(slide, tmp_path):
    out = tmp_path / "x.ome.zarr"
    run = functools.partial(large.label_image, slide[:100, :100], out=out, block=64)
    run(functools.partial(blobs, threshold=47), halo=16)
    with pytest.raises(InputError, match="halo"):
        run(functools.partial(blobs, threshold=47), halo=32)
    with pytest.raises(InputError, match="segment"):
        run(functools.partial(blobs, threshold=48), halo=16)


# ---------------------------------------------------------------- never the results of something else


def two_squares():
    image = np.zeros((64, 64), np.uint16)
    image[8:20, 8:20] = image[40:52, 40:52] = 900
    return image


def test_another_image_gets_no_old_results(tmp_path):
    image, run = two_squares(), functools.partial(large.bright_blobs, threshold=300)
    done = large.label_image(image, run, tmp_path / "x.zarr", block=64, halo=0)
    assert done.objects == 2
    with pytest.raises(InputError, match=r"another run .*image"):
        large.label_image(np.zeros_like(image), run, tmp_path / "x.zarr", block=64, halo=0)
    assert large.label_image(image.copy(), run, tmp_path / "x.zarr", block=64, halo=0).computed == 0
    assert large.open_image(tmp_path / "x.zarr")[:].max() == 2


def test_an_image_rewritten_in_its_place_gets_no_old_results_but_the_same_pixels_do(tmp_path):
    image, run = two_squares(), functools.partial(large.bright_blobs, threshold=300)

    def write(pixels):
        large.create(tmp_path / "in.zarr", pixels.shape, pixels.dtype, block=32)[:] = pixels
        return large.open_image(tmp_path / "in.zarr")

    stored = write(image)
    assert large.label_image(stored, run, tmp_path / "x.zarr", block=32, halo=16).objects == 2
    assert large.label_image(write(image), run, tmp_path / "x.zarr", block=32, halo=16).computed == 0
    image[50, 50] = 7
    with pytest.raises(InputError, match="image"):
        large.label_image(write(image), run, tmp_path / "x.zarr", block=32, halo=16)


def made(source, **names):
    """A function called `segment` from its text, as a notebook's cell makes it."""
    place = {"np": np, "large": large, "__name__": "__main__"} | names
    exec(source, place)
    return place["segment"]


LEVEL = """
def segment(crop):
    return large.bright_blobs(crop, level)
"""
HELPER = """
def helper(crop):
    return large.bright_blobs(crop, 300, spot_sigma={})
def segment(crop):
    return helper(crop)
"""


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (made("segment = lambda crop: crop // 900"), made("segment = lambda crop: crop // 901"), "code"),
        (
            made("segment = lambda crop, n=900: crop // n"),
            made("segment = lambda crop, n=90: crop // n"),
            "n",
        ),
        (made(LEVEL, level=300), made(LEVEL, level=301), "level"),
        (made(HELPER.format(3)), made(HELPER.format(4)), "helper"),
        (
            functools.partial(large.bright_blobs, threshold=300),
            functools.partial(large.bright_blobs, threshold=301),
            "threshold",
        ),
        (
            functools.partial(lambda crop, table: table[crop], table=np.arange(1000) // 900),
            functools.partial(lambda crop, table: table[crop], table=np.arange(1000) // 901),
            "table",
        ),
    ],
)
def test_another_function_gets_no_old_results(first, second, named, tmp_path):
    image = two_squares()
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", image)
    large.label_image(image, first, tmp_path / "x.zarr", block=64, halo=0)
    large.label_folder(tmp_path / "in", first, tmp_path / "out")
    with pytest.raises(InputError, match=f"segment.*{named}"):
        large.label_image(image, second, tmp_path / "x.zarr", block=64, halo=0)
    with pytest.raises(InputError, match=f"segment.*{named}"):
        large.label_folder(tmp_path / "in", second, tmp_path / "out")


def test_a_closure_is_part_of_the_function(tmp_path):
    def at(level):
        def segment(crop):
            return large.bright_blobs(crop, level)

        return segment

    large.label_image(two_squares(), at(300), tmp_path / "x.zarr", block=64, halo=0)
    assert large.label_image(two_squares(), at(300), tmp_path / "x.zarr", block=64, halo=0).computed == 0
    with pytest.raises(InputError, match="level"):
        large.label_image(two_squares(), at(899), tmp_path / "x.zarr", block=64, halo=0)


def test_blocks_without_their_plan_are_not_taken_over(tmp_path):
    run = functools.partial(large.bright_blobs, threshold=300)
    large.label_image(two_squares(), run, tmp_path / "x.zarr", block=64, halo=0)
    (tmp_path / "x.zarr.parts" / "plan.json").unlink()
    other = functools.partial(large.bright_blobs, threshold=899)
    with pytest.raises(InputError):
        large.label_image(two_squares(), other, tmp_path / "x.zarr", block=64, halo=0)


def test_neither_the_image_nor_other_peoples_folders_are_overwritten(tmp_path):
    image, run = two_squares(), functools.partial(large.bright_blobs, threshold=300)
    large.create(tmp_path / "in.zarr", image.shape, image.dtype, block=32)[:] = image
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    stored = large.open_image(tmp_path / "in.zarr")
    for place in ("in.zarr", "mine"):
        with pytest.raises(InputError, match="choose another place"):
            large.label_image(stored, run, tmp_path / place, block=32, halo=16)
    np.testing.assert_array_equal(large.open_image(tmp_path / "in.zarr")[:], image)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"


def test_a_label_image_appears_only_when_it_is_complete(tmp_path, monkeypatch):
    from bioimage_course.large import labelling

    run = functools.partial(large.bright_blobs, threshold=300)
    written = []

    def stops(*settings):
        written.append(settings)
        if len(written) == 2:
            raise KeyboardInterrupt
        return paint(*settings)

    paint = labelling._paint
    monkeypatch.setattr(labelling, "_paint", stops)
    with pytest.raises(KeyboardInterrupt):
        large.label_image(two_squares(), run, tmp_path / "x.zarr", block=32, halo=8)
    with pytest.raises(InputError, match="no OME-Zarr image"):
        large.open_image(tmp_path / "x.zarr")
    done = large.label_image(two_squares(), run, tmp_path / "x.zarr", block=32, halo=8)
    assert done.computed == 0 and large.open_image(done.path)[:].max() == 2


def test_a_damaged_block_is_computed_again(tmp_path):
    run = functools.partial(large.bright_blobs, threshold=300)
    large.label_image(two_squares(), run, tmp_path / "x.zarr", block=32, halo=8)
    damaged = tmp_path / "x.zarr.parts" / "r0000-c0000.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert large.label_image(two_squares(), run, tmp_path / "x.zarr", block=32, halo=8).computed == 1
    assert large.open_image(tmp_path / "x.zarr")[:].max() == 2


def test_what_another_run_is_writing_is_left_alone(tmp_path):
    import os

    run = functools.partial(large.bright_blobs, threshold=300)
    large.label_image(two_squares(), run, tmp_path / "x.zarr", block=64, halo=0)
    young, old = (tmp_path / "x.zarr.parts" / f".{name}.npz.1234.unfinished" for name in ("young", "old"))
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    large.label_image(two_squares(), run, tmp_path / "x.zarr", block=64, halo=0)
    assert young.exists() and not old.exists()


def test_masked_arrays_are_refused(tmp_path):
    masked = np.ma.masked_greater(two_squares(), 500)
    with pytest.raises(InputError, match="masked"):
        large.histogram(masked)
    with pytest.raises(InputError, match="masked"):
        large.label_image(masked, blobs, tmp_path / "x.zarr", block=64, halo=0)


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2", ">i4", "uint32", "int64", ">u8"])
def test_images_of_any_byte_order_and_labels_of_any_type(dtype, tmp_path):
    labels = (two_squares() // 900).astype(dtype)
    labels[40:52, 40:52] *= np.iinfo(dtype).max // 2

    def native_only(crop):
        assert crop.dtype.isnative
        return labels

    image = two_squares().astype(">u2")
    done = large.label_image(image, native_only, tmp_path / "x.zarr", block=64, halo=0)
    assert done.objects == 2 == large.identical(labels, large.open_image(done.path)[:])
    assert large.longest(labels) == 12


def test_negative_labels_are_refused(tmp_path):
    with pytest.raises(InputError, match="negative"):
        large.label_image(
            two_squares(), lambda crop: -(crop // 900).astype(int), tmp_path / "x.zarr", block=64, halo=0
        )


@pytest.mark.parametrize("wrong", [lambda x: x[:-1].astype(int), lambda x: x.astype(float), lambda x: None])
def test_what_is_no_label_image_is_refused(wrong, slide, tmp_path):
    with pytest.raises(InputError, match="label image"):
        large.label_image(slide[:64, :64], wrong, tmp_path / "x.ome.zarr", block=64, halo=0)
    assert not list((tmp_path / "x.ome.zarr.parts").glob("r*.npz"))


def test_files_are_whole_or_absent(tmp_path):
    def half(stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    path = tmp_path / "x.bin"
    with pytest.raises(KeyboardInterrupt):
        large.save(path, half)
    assert not list(tmp_path.iterdir())
    large.save(path, lambda stream: stream.write(b"whole"))
    assert path.read_bytes() == b"whole" and len(list(tmp_path.iterdir())) == 1


# ---------------------------------------------------------------- OME-Zarr


def test_images_say_what_they_are(tmp_path):
    array = large.create(tmp_path / "x.ome.zarr", (70, 90), np.uint16, block=32, pixel_size=0.5, name="slide")
    array[:] = np.arange(70 * 90).reshape(70, 90)
    again = large.open_image(tmp_path / "x.ome.zarr")
    assert again.shape == (70, 90) and again.chunks == (32, 32) and again[69, 89] == 70 * 90 - 1
    ome = json.loads((tmp_path / "x.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    (image,) = ome["multiscales"]
    assert ome["version"] == "0.5"
    assert [(axis["name"], axis["type"], axis["unit"]) for axis in image["axes"]] == [
        ("y", "space", "micrometer"),
        ("x", "space", "micrometer"),
    ]
    assert image["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 0.5]}]


def test_the_community_reader_opens_them(tmp_path):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    large.create(tmp_path / "x.ome.zarr", (70, 90), np.uint16, block=32)[:] = 7
    (node,) = Reader(parse_url(str(tmp_path / "x.ome.zarr")))()
    assert node.data[0].shape == (70, 90) and int(node.data[0][3, 4].compute()) == 7


def test_what_is_no_image_is_said(tmp_path):
    with pytest.raises(InputError, match="no OME-Zarr image"):
        large.open_image(tmp_path / "nothing.ome.zarr")
    zarr.open_group(str(tmp_path / "empty.zarr"), mode="w")
    with pytest.raises(InputError, match="no OME-Zarr image"):
        large.open_image(tmp_path / "empty.zarr")


# ---------------------------------------------------------------- folders


def test_a_folder_with_a_broken_image(slide, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    tifffile.imwrite(folder / "b.tif", slide[:128, :128])
    tifffile.imwrite(folder / "a.tiff", slide[128:256, :128])
    (folder / "c.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not an image")
    rows = large.label_folder(folder, blobs, out)
    assert [row["image"] for row in rows] == ["a.tiff", "b.tif", "c.png"]
    assert rows[0]["objects"] == blobs(slide[128:256, :128]).max() and rows[0]["problem"] == ""
    assert rows[2]["objects"] is None and rows[2]["problem"]
    np.testing.assert_array_equal(tifffile.imread(out / "b_labels.tif"), blobs(slide[:128, :128]))
    assert (out / "summary.csv").read_text().splitlines()[0] == "image,objects,problem"
    times = {p: p.stat().st_mtime_ns for p in out.glob("*.tif")}
    tifffile.imwrite(folder / "c.png", slide[:64, :64])  # mended (a TIFF by content)
    (folder / "c.png").rename(folder / "c.tif")
    assert [row["problem"] for row in large.label_folder(folder, blobs, out)] == ["", "", ""]
    assert all(p.stat().st_mtime_ns == t for p, t in times.items())


def test_folders_that_cannot_be(slide, tmp_path):
    with pytest.raises(InputError, match="no image"):
        large.label_folder(tmp_path, blobs, tmp_path / "out")
    for suffix in ("tif", "png"):
        (tmp_path / f"same.{suffix}").write_bytes(b"")
    with pytest.raises(InputError, match="same"):
        large.label_folder(tmp_path, blobs, tmp_path / "out")


@pytest.fixture
def plate(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", two_squares())
    return tmp_path / "in"


def test_a_folder_does_not_eat_its_own_output(plate):
    run = functools.partial(large.bright_blobs, threshold=300)
    for place in (plate, plate / ".", plate / "x" / ".."):
        with pytest.raises(InputError, match="folder of their own"):
            large.label_folder(plate, run, place)
    assert sorted(p.name for p in plate.iterdir()) == ["a.tif", "b.tif"]


def test_an_image_of_a_folder_that_has_changed_gets_no_old_labels(plate, tmp_path):
    run = functools.partial(large.bright_blobs, threshold=300)
    assert [row["objects"] for row in large.label_folder(plate, run, tmp_path / "out")] == [2, 2]
    tifffile.imwrite(plate / "b.tif", two_squares())  # anew, and the same
    large.label_folder(plate, run, tmp_path / "out")
    tifffile.imwrite(plate / "b.tif", np.zeros((64, 64), np.uint16))
    with pytest.raises(InputError, match=r"another run .*b_labels"):
        large.label_folder(plate, run, tmp_path / "out")


def test_another_folder_gets_no_old_labels(plate, tmp_path):
    run = functools.partial(large.bright_blobs, threshold=300)
    large.label_folder(plate, run, tmp_path / "out")
    for name, image in (("a", np.zeros((64, 64), np.uint16)), ("c", two_squares())):
        other = tmp_path / f"other-{name}"
        other.mkdir()
        tifffile.imwrite(other / f"{name}.tif", image)
        with pytest.raises(InputError, match="another run"):
            large.label_folder(other, run, tmp_path / "out")


def test_labels_of_another_program_are_not_taken_for_ours(plate, tmp_path):
    (tmp_path / "out").mkdir()
    tifffile.imwrite(tmp_path / "out" / "a_labels.tif", np.ones((64, 64), np.int32))
    with pytest.raises(InputError, match="a_labels"):
        large.label_folder(plate, functools.partial(large.bright_blobs, threshold=300), tmp_path / "out")


def test_huge_label_numbers_are_counted_in_folders(plate, tmp_path):
    def huge(image):
        return (image // 900).astype(np.uint32) * np.uint32(2**31 + 1)

    rows = large.label_folder(plate, huge, tmp_path / "out")
    assert [(row["objects"], row["problem"]) for row in rows] == [(1, "")] * 2
    assert tifffile.imread(tmp_path / "out" / "a_labels.tif").max() == 1


# ---------------------------------------------------------------- many blocks


def test_what_a_block_costs_does_not_grow_with_their_number(tmp_path, monkeypatch):
    """Counted, not timed: how many other blocks a block is compared with, and how much its job carries."""
    import pickle

    from bioimage_course.large import grid, labelling

    compared = []
    meet = grid._meet
    monkeypatch.setattr(grid, "_meet", lambda *a: compared.append(1) or meet(*a))
    sizes = {}
    each = labelling.each

    def watched(function, jobs, client, **settings):
        if function is labelling._write_block:
            jobs = list(jobs)
            sizes["job"] = max(len(pickle.dumps(job)) for job in jobs)
            sizes["settings"] = len(pickle.dumps(settings))
        return each(function, jobs, client, **settings)

    monkeypatch.setattr(labelling, "each", watched)
    told = {}
    for side in (6, 24):
        compared.clear()
        image = np.zeros((8 * side, 8 * side), np.uint16)
        image[3::8, 3::8] = 1
        large.label_image(image, numbered, tmp_path / f"{side}.zarr", block=8, halo=4)
        told[side] = len(compared) / side**2, sizes["job"], sizes["settings"]
    for few, many in zip(told[6], told[24], strict=True):
        assert many < 1.3 * few + 16


def numbered(crop):
    from scipy.ndimage import label

    return label(crop)[0]


# ---------------------------------------------------------------- workers


@pytest.mark.slow
def test_workers_give_the_same_file_even_if_one_is_killed(slide, tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    import logging
    import os
    import signal
    import threading
    import time

    one = large.label_image(slide, blobs, tmp_path / "one.ome.zarr", block=64, halo=64)
    method = functools.partial(large.bright_blobs, threshold=47.0, spot_sigma=4.0)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as cluster:
        with distributed.Client(cluster) as client:
            victim = sorted(client.run(os.getpid).values())[0]
            parts = tmp_path / "two.ome.zarr.parts"

            def kill():
                while len(list(parts.glob("r*.npz"))) < 5:
                    time.sleep(0.01)
                os.kill(victim, getattr(signal, "SIGKILL", signal.SIGTERM))

            thread = threading.Thread(target=kill, daemon=True)
            thread.start()
            two = large.label_image(
                slide, method, tmp_path / "two.ome.zarr", block=64, halo=64, client=client
            )
            thread.join(timeout=10)
            survivors = set(client.run(os.getpid).values())
    assert victim not in survivors
    assert two.objects == one.objects and two.blocks == one.blocks
    np.testing.assert_array_equal(large.open_image(two.path)[:], large.open_image(one.path)[:])
