"""Networks in blocks: the same objects as in one piece, whatever block and halo, if the rule is kept."""

import functools
import warnings

import numpy as np
import pytest

from bioimage_course import data, large, metrics, tools

pytest.importorskip("zarr", reason="zarr is not installed")
pytest.importorskip("ome_zarr", reason="ome-zarr is not installed")

RANDOM = np.random.default_rng(11)
NETWORKS = {"unet": "torch", "stardist": "stardist"}


@pytest.fixture(scope="module")
def image():
    return data.load("nuclei").image


@pytest.fixture(scope="module")
def limits(image):
    return large.percentiles(large.histogram(image), (1, 99.8))


@functools.cache
def piece(name, limits):
    return getattr(tools, name).segment(data.load("nuclei").image, limits=limits)


def needed(name):
    pytest.importorskip(NETWORKS[name], reason=f"{name} is not installed")
    return getattr(tools, name)


def drawn(reach):
    """Blocks and halos drawn at random: the halo from the reach on, the block at least as wide.

    The narrowest halo, where a mistake shows first, on every commit; the others every night.
    """
    halos = [reach, *RANDOM.integers(reach, reach + 60, 3)]
    pairs = [(int(RANDOM.integers(halo, 330)), int(halo)) for halo in halos]
    return [pairs[0], *(pytest.param(*pair, marks=pytest.mark.nightly) for pair in pairs[1:])]


@pytest.mark.slow
@pytest.mark.parametrize(("block", "halo"), drawn(130))
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_objects_as_in_one_piece_at_any_block_and_halo(name, block, halo, image, limits, tmp_path):
    tool = needed(name)
    segment = functools.partial(tool.segment, limits=limits)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The halo|Each block")
        done = large.label_image(image, segment, tmp_path / "x.zarr", block=block, halo=halo)
    whole = piece(name, limits)
    assert done.exact and 107 < done.reach <= 130 and done.objects == whole.max() > 90
    assert metrics.match(whole, large.open_image(done.path)[:], 0.999).tp == done.objects


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_off_the_stride_objects_differ_and_nothing_is_promised(name, image, limits, tmp_path):
    tool = needed(name)
    segment = functools.partial(tool.segment, limits=limits)
    done = large.label_image(image, segment, tmp_path / "x.zarr", block=201, halo=150, stride=1)
    assert not done.exact
    whole = piece(name, limits)
    assert metrics.match(whole, large.open_image(done.path)[:], 0.999).tp < whole.max() - 10


@pytest.mark.parametrize("name", NETWORKS)
def test_what_cannot_give_the_same_objects_is_said(name, image, limits, tmp_path):
    tool = needed(name)
    cases = [
        ({}, 128, "percentiles of its own"),
        ({"limits": limits, "scale": "auto"}, 128, "resized by itself"),
        ({"limits": limits}, 40, "narrower than the reach of the method in this image .1"),
    ]
    for number, (settings, halo, sentence) in enumerate(cases):
        segment = functools.partial(tool.segment, **settings)
        with pytest.warns(UserWarning, match=sentence):
            done = large.label_image(
                image[:128, :130], segment, tmp_path / f"{number}.zarr", block=128, halo=halo
            )
        assert not done.exact


def test_a_function_that_calls_a_tool_starts_its_crops_where_the_tool_wants_them():
    pytest.importorskip("torch", reason="torch is not installed")
    method = functools.partial(tools.unet.segment, limits=(0, 1))

    def helper(crop):
        return method(crop)

    for function in (
        lambda crop: tools.unet.segment(crop, limits=(0, 1)),
        lambda crop: tools.stardist.segment(crop, limits=(0, 1)),
        lambda crop: helper(crop.astype(float)),
        functools.partial(lambda crop, limits: tools.unet.segment(crop, limits=limits), limits=(0, 1)),
    ):
        told = large.tiling(function)
        assert (told.stride, told.field, told.exact, told.problem) == (16, 107, False, "")
    for function in (lambda crop: crop, np.negative, large.bright_blobs, print):
        assert large.tiling(function) == large.Tiling()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_declared_stride_and_field_are_those_of_the_network(name):
    tool = needed(name)
    own = tool.tiling(tool.course_model(), limits=(0, 1))
    assert own == tool.tiling(limits=(0, 1)) and own.field == tool.FIELD == 107
    assert large.tiling(functools.partial(tool.segment, limits=(0, 1))) == own


def test_the_field_of_a_small_network_is_the_one_that_can_be_counted():
    pytest.importorskip("torch", reason="torch is not installed")
    from bioimage_course import nets

    # Of one pooling: two convolutions (2), the pooling (1), two at half the size (4), and two again (2).
    assert tools.unet.field(nets.UNet(1, 3, depth=1, width=2, norm=None)) == 2 + 1 + 4 + 2
    assert tools.unet.field(nets.UNet(1, 3, depth=1, width=2, norm="batch", residual=True)) == 9


def test_norms_that_look_at_the_image_promise_nothing():
    pytest.importorskip("torch", reason="torch is not installed")
    from bioimage_course import nets

    told = tools.unet.tiling(nets.UNet(1, 3, depth=2, width=2, norm="instance"), limits=(0, 1))
    assert not told.exact and told.field is None and told.stride == 4


@pytest.mark.parametrize("name", ["cellpose", "micro_sam", "voronoi_otsu", "pixel_classifier"])
def test_other_methods_promise_nothing_and_say_what_can_be_mended(name):
    segment = getattr(tools, name).segment
    told = large.tiling(segment)
    assert not told.exact and "of its own" in told.problem
    if name in ("cellpose", "micro_sam"):
        told = large.tiling(functools.partial(segment, limits=(0, 1)))
        assert not told.exact and not told.problem
