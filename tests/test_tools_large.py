"""Large images in blocks: the same objects as in one piece, resumable, whole files or none."""

import functools
import json

import numpy as np
import pytest
import tifffile

from bioimage_course import data
from bioimage_course.errors import InputError
from bioimage_course.tools import large

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
