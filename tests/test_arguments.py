"""Arrays of every kind come out right or are refused: byte order, masks, huge labels, channels."""

from pathlib import Path

import dask.array
import numpy as np
import pytest
import zarr

from bioimage_course import arguments, data, metrics, show, tools
from bioimage_course.errors import InputError

IMAGE = np.zeros((64, 64), np.uint16)
IMAGE[8:20, 8:20] = IMAGE[40:52, 40:52] = 900
LABELS = np.zeros((64, 64), np.int64)
LABELS[8:20, 8:20], LABELS[40:52, 40:52] = 1, 2


def huge(largest):
    """The same two objects with another, larger label."""
    return np.where(LABELS == 2, largest, LABELS).astype(np.uint32 if largest < 2**32 else np.int64)


# ---------------------------------------------------------------- plain arrays


@pytest.mark.parametrize(
    "kind", ["list", "big-endian", "flipped", "read-only", "dask", "zarr", "matrix", "unmasked"]
)
def test_every_container_becomes_the_same_array(kind):
    made = {
        "list": IMAGE.tolist(),
        "big-endian": IMAGE.astype(">u2"),
        "flipped": np.ascontiguousarray(IMAGE[::-1, ::-1])[::-1, ::-1],
        "read-only": np.frombuffer(IMAGE.tobytes(), np.uint16).reshape(IMAGE.shape),
        "dask": dask.array.from_array(IMAGE, chunks=16),
        "zarr": zarr.array(IMAGE),
        "matrix": np.asmatrix(IMAGE),
        "unmasked": np.ma.masked_array(IMAGE, mask=False),
    }[kind]
    found = arguments.plain(made, "the image")
    assert type(found) is np.ndarray and found.dtype.isnative
    np.testing.assert_array_equal(found, IMAGE)
    assert tools.voronoi_otsu.segment(made).max() == 2


@pytest.mark.parametrize(
    "function",
    [
        tools.voronoi_otsu.segment,
        tools.denoise.noise_level,
        show.image,
        lambda image: metrics.psnr(image, IMAGE),
        lambda image: data.Sample("s", image),
        lambda image: tools.denoise.blind_spots(image),
        lambda image: metrics.outlines.half_maximum(image, LABELS),
    ],
)
def test_a_mask_is_never_ignored(function):
    with pytest.raises(InputError, match="mask") as told:
        function(np.ma.masked_greater(IMAGE, 500))
    assert "\n" not in str(told.value)


# ---------------------------------------------------------------- labels of any size


@pytest.mark.parametrize("largest", [2, 255, 70_000, 2**31 - 1, 2**31 + 1, 2**32 - 1, 2**40])
def test_objects_do_not_depend_on_their_numbers(largest):
    """A list as long as the largest label would ask for 17 GB, and int32 would wrap around."""
    labels = huge(largest)
    numbered, found = arguments.consecutive(labels)
    np.testing.assert_array_equal(numbered, LABELS)
    assert found.tolist() == [0, 1, largest]
    drawn = metrics.outlines.redraw(labels, unsteadiness=0)
    np.testing.assert_array_equal(drawn, labels)
    assert np.unique(metrics.outlines.half_maximum(IMAGE, labels)).tolist() == [0, 1, largest]
    np.testing.assert_array_equal(tools.unet.classes(labels), tools.unet.classes(LABELS))
    np.testing.assert_allclose(tools.unet.border_weights(labels), tools.unet.border_weights(LABELS))
    assert metrics.median_diameter(labels) == pytest.approx(np.sqrt(4 * 144 / np.pi))
    assert data.crops(data.Sample("s", IMAGE, labels), 8).shape == (2, 8, 8)
    assert metrics.match(labels, LABELS).tp == 2


@pytest.mark.parametrize(
    "function",
    [
        metrics.outlines.redraw,
        tools.unet.classes,
        tools.unet.border_weights,
        metrics.median_diameter,
        lambda labels: metrics.match(labels, labels),
        lambda labels: data.Sample("s", IMAGE, labels),
        show.label_colours,
        lambda labels: show.labels(IMAGE, labels),
    ],
)
@pytest.mark.parametrize(
    "labels", [LABELS > 0, LABELS.astype(float), -LABELS, np.full((64, 64), 2**63 + 5, np.uint64)]
)
def test_what_is_no_label_image_is_refused(function, labels):
    with pytest.raises(InputError) as told:
        function(labels)
    assert "\n" not in str(told.value)


# ---------------------------------------------------------------- channels


def test_four_channels_are_not_taken_for_opacity():
    with pytest.raises(InputError, match=r"choose a channel, for example image\[..., 0\].*image\[..., :3\]"):
        show.image(np.dstack([IMAGE, IMAGE, IMAGE, np.zeros_like(IMAGE)]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, float])
def test_full_opacity_is_left_away(dtype):
    highest = np.iinfo(dtype).max if dtype is not float else 1
    colours = np.random.default_rng(0).integers(0, 2, (8, 9, 3)) * highest
    full = np.full((8, 9, 1), highest)
    drawn = show.image(np.concatenate([colours, full], axis=-1).astype(dtype)).axes[0].images[0].get_array()
    np.testing.assert_array_equal(drawn, show.image(colours.astype(dtype)).axes[0].images[0].get_array())


def test_two_channels_are_no_stack():
    with pytest.raises(InputError, match=r"image\[..., 0\]"):
        show.image(np.dstack([IMAGE, IMAGE]))
    with pytest.raises(InputError, match=r"image\[z\]"):
        show.image(np.zeros((20, 64, 64)))


def test_tools_say_what_to_take_of_four_channels():
    four = np.dstack([IMAGE] * 4)
    with pytest.raises(InputError, match=r"image\[..., 0\].*image\[..., :3\]"):
        tools.cellpose.segment(four)
    with pytest.raises(InputError, match=r"image\[..., 0\]\.$"):  # three of them would be too many as well
        tools.voronoi_otsu.segment(four)


# ---------------------------------------------------------------- shrunk to nothing, one pixel high


def test_no_parameter_shrinks_an_image_to_nothing():
    for call, name in (
        (lambda: tools.cellpose.segment(IMAGE, diameter=3000), "diameter=3000"),
        (lambda: tools.stardist.segment(IMAGE[:10], scale=0.05), "scale=0.05"),
        (lambda: tools.unet.segment(IMAGE[:10], scale=0.05), "scale=0.05"),
    ):
        with pytest.raises(InputError, match=name + ".*to nothing"):
            call()


# ---------------------------------------------------------------- what tools are given


def test_samples_tensors_and_arrays_become_float32():
    torch = pytest.importorskip("torch")
    for value in (data.load("nuclei"), np.zeros((4, 5), np.uint16), torch.zeros(4, 5), [[1, 2], [3, 4]]):
        array = arguments.tool_image(value, "The tool")
        assert array.dtype == np.float32 and array.ndim == 2


@pytest.mark.parametrize("path", ["cells.tif", Path("cells.tif")])
def test_a_path_is_no_image_and_what_reads_it_is_named(path):
    with pytest.raises(InputError, match=r"not (str|\w+Path): read the file first, .*data\.open_image"):
        arguments.tool_image(path, "U-Net")


@pytest.mark.parametrize("far", [lambda a: a + 10**9, lambda a: 1.337 + a * 1e-8, lambda a: a * 1e-60])
def test_values_that_single_precision_would_merge_are_refused(far):
    """They would silently become a few levels, or one."""
    image = np.arange(256).reshape(16, 16)
    with pytest.raises(
        InputError, match=r"too close together for single precision.*rescale it first"
    ) as told:
        arguments.tool_image(far(image), "U-Net")
    assert "\n" not in str(told.value)
    rescaled = (far(image) - far(image).min()) / np.ptp(far(image))
    np.testing.assert_allclose(arguments.tool_image(rescaled, "U-Net"), image / 255, atol=1e-6)


@pytest.mark.parametrize(
    "image", [np.full((4, 4), 1e9), np.eye(4) + 65534, np.eye(4, dtype=bool), np.eye(4) * 1e30]
)
def test_what_single_precision_holds_is_taken(image):
    np.testing.assert_array_equal(arguments.tool_image(image, "U-Net"), image.astype(np.float32))


def test_colour_only_where_it_is_wanted():
    assert arguments.tool_image(np.zeros((4, 5, 3)), "The tool", colour=True).shape == (4, 5, 3)
    with pytest.raises(InputError, match=r"The tool needs one 2D image \(Y, X\); .*choose a channel"):
        arguments.tool_image(np.zeros((4, 5, 3)), "The tool")
    with pytest.raises(InputError, match=r"\(Y, X\) or \(Y, X, 3\)"):
        arguments.tool_image(np.zeros((3, 4, 5)), "The tool", colour=True)


@pytest.mark.parametrize("value", ["1", None, True, np.nan, -0.1, 1.1, [0.5]])
def test_wrong_numbers(value):
    with pytest.raises(InputError, match="sigma must be a number from 0 to 1"):
        arguments.number(value, "sigma", 0, 1)


def test_numbers_and_their_sentences():
    assert arguments.number(np.float32(0.5), "sigma", 0, 1) == 0.5
    with pytest.raises(InputError, match="of at least 0, or 'auto'"):
        arguments.number(-1, "sigma", 0, np.inf, alternative="auto")


def test_limits():
    array = np.arange(1001, dtype=np.float32)
    assert arguments.limits(array) == pytest.approx((10, 998), abs=0.1)
    assert arguments.limits(array, (3, 4)) == (3, 4)
    assert arguments.limits(np.full(9, 7.0)) == (7, 7)
    for wrong in ((4, 3), (1, np.inf), 5, "ab", (1, 2, 3)):
        with pytest.raises(InputError, match="limits"):
            arguments.limits(array, wrong)


# ---------------------------------------------------------------- whole numbers


@pytest.mark.parametrize("value", [0, 9, 2.0, "3", True, None, np.nan])
def test_wrong_whole_numbers(value):
    with pytest.raises(InputError, match=r"^columns must be a whole number from 1 to 8, not "):
        arguments.whole(value, "columns", 1, 8)
    if value != 9:
        with pytest.raises(InputError, match=r"^columns must be a whole number of at least 1, not "):
            arguments.whole(value, "columns")


def test_whole_numbers_of_any_size():
    assert arguments.whole(np.uint8(7), "n") == 7 and arguments.whole(10**400, "n") == 10**400
    assert not arguments.is_number(10**400)
