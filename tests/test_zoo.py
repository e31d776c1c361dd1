"""Every public function meets the whole zoo of arrays: a right result, or one sentence.

Images and label images of all number types, byte orders and layouts, masked, read-only, lazy, empty, of one
pixel, with two to four channels, with NaN, with huge labels. Whatever is accepted in an unusual form must
give what the same values give as an ordinary array.
"""

import types
import warnings
from dataclasses import dataclass, fields, is_dataclass

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bioimage_course import compat, data, explore, metrics, nets, results, show, tools
from bioimage_course.errors import CourseError

dask_array = pytest.importorskip("dask.array", reason="dask is not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")
zarr = pytest.importorskip("zarr", reason="zarr is not installed")

# ---------------------------------------------------------------- the animals

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (13, 17), (24, 20), (13, 17), (24, 20)]
MORE_SHAPES = [(), (7,), (0, 5), (4, 0), (13, 17, 2), (13, 17, 3), (13, 17, 4), (3, 13, 17), (2, 5, 13, 17)]
NUMBERS = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
OTHERS = [">u2", ">i4", ">f4", ">f8", "c8", "O", "U2", "M8[s]"]
FORMS = ["plain"] * 4 + ["flipped", "columns first", "strided", "read-only", "memmap"]
FORMS += ["big-endian", "dask", "zarr", "tensor", "list", "no mask", "masked", "sample"]


@dataclass
class Animal:
    """An array in some form, and the same values as an ordinary array."""

    value: object
    usual: np.ndarray
    form: str

    def __repr__(self):
        return f"{self.form} {self.usual.dtype} {self.usual.shape}"


def disguised(usual, form, folder):
    """The same values in another form."""
    if form == "flipped":
        turn = (slice(None, None, -1),) * usual.ndim
        return usual[turn].copy()[turn] if usual.ndim else usual.copy()
    if form == "columns first":
        return usual.copy(order="F")
    if form == "strided":
        wide = np.repeat(usual, 2, axis=-1) if usual.ndim else usual
        return wide[..., ::2] if usual.ndim else wide
    if form == "read-only":
        frozen = usual.copy()
        frozen.flags.writeable = False
        return frozen
    if form == "memmap":
        np.save(folder / "animal.npy", usual)
        return np.load(folder / "animal.npy", mmap_mode="r")
    if form == "big-endian":
        return usual.astype(usual.dtype.newbyteorder(">"))
    if form == "dask":
        return dask_array.from_array(usual, chunks=-1)
    if form == "zarr":
        return zarr.array(usual)
    if form == "tensor":
        return torch.from_numpy(usual.copy())
    if form == "list":
        return usual.tolist()
    if form in ("masked", "no mask"):
        hidden = np.zeros(usual.shape, bool)
        hidden.flat[: form == "masked"] = True
        return np.ma.masked_array(usual, mask=hidden)
    if form == "sample":
        axes = "YXC" if usual.ndim == 3 else axes_of(usual)
        return data.Sample("animal", usual, axes=axes)
    return usual


@st.composite
def images(draw):
    """An image, or what somebody takes for one."""
    shape = draw(st.sampled_from(SHAPES + MORE_SHAPES))
    kind = draw(st.sampled_from(NUMBERS * 2 + OTHERS))
    rng = np.random.default_rng(draw(st.integers(0, 3)))
    content = draw(st.sampled_from(["blobs", "blobs", "noise", "constant", "nan", "infinite", "extreme"]))
    values = rng.normal(100, 20, shape)
    if content == "blobs" and len(shape) >= 2:
        values[..., 2:7, 3:9] += 100
    if content == "constant":
        values = np.full(shape, 7.0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        usual = np.array(np.clip(values, 0, 120) if kind in ("i1",) else np.clip(values, 0, 250)).astype(kind)
    dtype = usual.dtype
    if usual.size and dtype.kind == "f" and content in ("nan", "infinite"):
        usual.flat[0] = np.nan if content == "nan" else np.inf
    if usual.size and content == "extreme" and dtype.kind in "iuf":
        limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
        usual.flat[0], usual.flat[-1] = limits.min, limits.max
    return usual, draw(st.sampled_from(FORMS))


@st.composite
def label_images(draw):
    """A label image, or what somebody takes for one."""
    shape = draw(st.sampled_from(SHAPES * 2 + MORE_SHAPES))
    kind = draw(st.sampled_from(["u1", "u2", "u4", "u8", "i4", "i8"] * 3 + NUMBERS + OTHERS))
    usual = np.zeros(shape, "i8")
    content = draw(st.sampled_from(["some", "some", "huge", "none", "everywhere", "one pixel", "negative"]))
    if len(shape) >= 2 and content in ("some", "huge", "negative"):
        usual[..., 1:6, 1:6], usual[..., 6:9, 1:7], usual[..., 8:12, 9:14] = 1, 5, 2
    elif content == "everywhere":
        usual[...] = 3
    elif usual.size:
        usual.flat[0] = content == "one pixel"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        usual = usual.astype(kind)
    if content == "huge" and usual.dtype.kind in "iu":
        usual[usual == 5] = np.iinfo(usual.dtype).max
    if content == "negative" and usual.dtype.kind in "if":
        usual[usual == 5] = -5
    return usual, draw(st.sampled_from([form for form in FORMS if form != "sample"]))


# ---------------------------------------------------------------- who meets them

LABELS = np.zeros((13, 17), np.int32)
LABELS[1:6, 1:6], LABELS[8:12, 9:14] = 1, 2


def like(value):
    """The shape and a second array that fits to a first one, whatever that is."""
    usual = value.image if isinstance(value, data.Sample) else value
    return np.zeros(np.shape(usual), np.uint8)


def rows(value):
    """Length of the first axis; a list may be ragged, a zarr array has no len()."""
    return (*np.shape(value), 0)[0]


def first_above(points):
    return points[:, 0] > 0


def axes_of(array):
    return "TZYX"[4 - np.ndim(array) :]


def batch(image):
    """One image as a batch of one channel, if it can be."""
    return image[None, None] if isinstance(image, np.ndarray | torch.Tensor) else image


def small_cnn():
    nets.seed_everything(0)
    return nets.CNN(1, 2, depth=1, width=2)


def explained(image):
    model = small_cnn()
    return nets.grad_cam(model, model.features[0], batch(image), 0)


def fitted(image):
    nets.seed_everything(0)
    model = nets.CNN(1, 2, depth=1, width=2)
    batches = [(batch(image), [0])]
    options = {"loss": torch.nn.CrossEntropyLoss(), "epochs": 1, "progress": False, "device": "cpu"}
    return nets.fit(model, batches, **options).train_loss


def range_tested(image):
    loss = torch.nn.CrossEntropyLoss()
    return nets.range_test(small_cnn(), [(batch(image), [0])], loss=loss, steps=2, device="cpu")[1]


IMAGES = {
    "data.Sample": lambda a: data.Sample("s", a, axes=axes_of(a)).image,
    "data.crops": lambda a: data.crops(
        data.Sample("s", a, LABELS, axes="YXC" if np.ndim(a) == 3 else "YX"), 8
    ),
    "data.synthetic.camera": lambda a: data.synthetic.camera(a, seed=0),
    "show.image": show.image,
    "show.images": lambda a: show.images([a, a], limits="shared"),
    "show.heat": lambda a: show.heat([np.zeros((13, 17))], [a]),
    "show.heat pictures": lambda a: show.heat([a], np.ones((1, 2, 2))),
    "show.curves": lambda a: show.curves({"one": a}),
    "show.labels picture": lambda a: show.labels(a, LABELS),
    "metrics.psnr": lambda a: metrics.psnr(a, like(a), 255),
    "metrics.scale_invariant_psnr": lambda a: metrics.scale_invariant_psnr(a, like(a)),
    "metrics.ssim": lambda a: metrics.ssim(a, like(a), 255),
    "metrics.bootstrap_interval": lambda a: metrics.bootstrap_interval(a, resamples=5),
    "metrics.paired_difference": lambda a: metrics.paired_difference(a, like(a)),
    "metrics.calibration": lambda a: metrics.calibration(like(a), a),
    "nets.predict": lambda a: nets.predict(small_cnn(), batch(a)),
    "nets.grad_cam": explained,
    "nets.enlarge": lambda a: nets.enlarge(a, (5, 5)),
    "nets.attention_ratio": lambda a: nets.attention_ratio(a, like(a) == 1),
    "nets.perceptron_rule": lambda a: nets.perceptron_rule(a, np.arange(rows(a)) % 2, max_passes=3).weights,
    "nets.fit": fitted,
    "nets.range_test": range_tested,
    "tools.voronoi_otsu.segment": tools.voronoi_otsu.segment,
    "tools.voronoi_otsu.split": lambda a: tools.voronoi_otsu.split(np.asarray(a) == np.asarray(a), a),
    "tools.pixel_classifier.features": lambda a: tools.pixel_classifier.features(a, (1.0,))[0],
    "tools.pixel_classifier.normalise": tools.pixel_classifier.normalise,
    "tools.pixel_classifier.cut": lambda a: tools.pixel_classifier.cut(a, [1, 2, 3]),
    "tools.pixel_classifier.grow": lambda a: (
        tools.pixel_classifier.grow(a, np.arange(rows(a)) % 2, trees=2) and None
    ),
    "tools.denoise.noise_level": tools.denoise.noise_level,
    "tools.denoise.wavelets": tools.denoise.wavelets,
    "tools.denoise.blind_spots": lambda a: tools.denoise.blind_spots(a, seed=0)[0],
    "data.normalise": data.normalise,
    "tools.unet.instances": tools.unet.instances,
    "tools.micro_sam.to_uint8": tools.micro_sam.to_uint8,
    "metrics.outlines.half_maximum image": lambda a: metrics.outlines.half_maximum(a, LABELS),
}
SLOW_IMAGES = {
    "explore.annotate": lambda a: explore.annotate(a, np.zeros(np.shape(a)[:2], np.uint32)) and None,
    "explore.curtain": lambda a: explore.curtain(a, a) and None,
    "explore.insight": lambda a: explore.insight(a)._repr_html_() and None,
    "tools.unet.segment": tools.unet.segment,
    "tools.unet.probabilities": tools.unet.probabilities,
    "tools.pixel_classifier.segment": tools.pixel_classifier.segment,
    "tools.pixel_classifier.train": lambda a: (
        tools.pixel_classifier.train(a, 1 + np.indices(np.shape(a))[0] % 2, sigmas=(1.0,), trees=2) and None
    ),
}
if tools.available("stardist"):
    SLOW_IMAGES["tools.stardist.segment"] = tools.stardist.segment
if tools.available("cellpose"):
    SLOW_IMAGES["tools.cellpose.segment"] = tools.cellpose.segment

LABEL_IMAGES = {
    "data.Sample labels": lambda a: data.Sample("s", np.zeros(np.shape(a)), a, axes=axes_of(a)).labels,
    "data.crops labels": lambda a: data.crops(data.Sample("s", np.zeros(np.shape(a)), a, axes=axes_of(a)), 8),
    "tools.without_small": lambda a: tools.without_small(a, 5),
    "show.labels": lambda a: show.labels(None, a),
    "show.label_colours": show.label_colours,
    "show.matches": lambda a: show.matches(np.zeros((13, 17)), a, LABELS),
    "metrics.match": lambda a: metrics.match(a, a, [0.3, 0.7])[0].pairs,
    "metrics.average_precision": lambda a: metrics.average_precision(a, a),
    "metrics.average_precision_dataset": lambda a: metrics.average_precision_dataset([a], [a], 0.5).pooled,
    "metrics.panoptic_quality": lambda a: metrics.panoptic_quality(a, a),
    "metrics.accuracy": lambda a: metrics.accuracy(a, a),
    "metrics.iou": lambda a: metrics.iou(a, a),
    "metrics.dice": lambda a: metrics.dice(a, a),
    "metrics.f1": lambda a: metrics.f1(a, a),
    "metrics.precision": lambda a: metrics.precision(a, a),
    "metrics.recall": lambda a: metrics.recall(a, a),
    "nets.attention_ratio mask": lambda a: nets.attention_ratio(np.ones((1, 13, 17)), a),
    "explore.curtain labels": lambda a: explore.curtain(np.zeros(np.shape(a)), a, as_labels=True) and None,
    "explore.annotate labels": lambda a: explore.annotate(np.zeros(np.shape(a)), a) and None,
    "metrics.outlines.redraw": metrics.outlines.redraw,
    "metrics.outlines.half_maximum": lambda a: metrics.outlines.half_maximum(np.zeros(np.shape(a)), a),
    "tools.unet.classes": tools.unet.classes,
    "tools.unet.border_weights": tools.unet.border_weights,
    "metrics.median_diameter": metrics.median_diameter,
    "metrics.border_distances": lambda a: metrics.border_distances(a, a),
    "metrics.hausdorff": lambda a: metrics.hausdorff(a, a),
    "metrics.normalised_surface_distance": lambda a: metrics.normalised_surface_distance(a, a, 1),
    "metrics.centreline_dice": lambda a: metrics.centreline_dice(a, a),
    "metrics.without_truth.error": lambda a: metrics.without_truth.error(a, a),
    "metrics.without_truth.disagreement": lambda a: metrics.without_truth.disagreement([a, a]),
    "data.outlines": lambda a: sorted(data.outlines(a)),
    "data.diagnose": lambda a: len(data.diagnose(np.zeros(np.shape(a)), a).findings),
    "tools.voronoi_otsu.inner_radius": tools.voronoi_otsu.inner_radius,
    "tools.pixel_classifier.grow classes": lambda a: (
        tools.pixel_classifier.grow(np.zeros((rows(a), 2)), a, trees=2) and None
    ),
    "tools.pixel_classifier.train strokes": lambda a: (
        tools.pixel_classifier.train(np.arange(221.0).reshape(13, 17), a, sigmas=(1.0,), trees=2) and None
    ),
}

WRITES = {"explore.annotate labels"}  # the learner draws into them, so they must be writable

NOT_DRIVEN = {
    "takes no array, only names, numbers, texts or nothing": """
        data.available data.cache_folder data.describe data.download data.fetch data.load data.missing
        data.mitosis_table data.names data.offline
        data.synthetic.cell_crops data.synthetic.foci_crops data.synthetic.membranes data.synthetic.nuclei
        data.synthetic.nucleus_classes data.synthetic.spots data.synthetic.stack
        show.claims show.figure show.network show.table
        nets.cell_classifier nets.device nets.load nets.seed_everything
        explore.activation explore.backprop explore.ball explore.blocks explore.cellpose explore.cnn
        explore.convolution explore.decision explore.denoising explore.explorable explore.folding
        explore.grad_cam explore.overfitting explore.perceptron explore.pixels explore.sam
        explore.scores explore.shapley explore.stardist explore.tags explore.tasks.Task explore.tasks.tasks
        explore.threshold explore.unet
        tools.available tools.require
        tools.cellpose.announcement tools.cellpose.course_model tools.cellpose.flow_network
        tools.cellpose.pretrained tools.cellpose.results tools.cellpose.weights_file
        compat.available compat.draw_nowhere
        compat.home compat.prepare compat.quiet compat.remedy compat.require
        compat.restore_numpy_product compat.use_keras2
        tools.micro_sam.decoder tools.micro_sam.predictor tools.micro_sam.results
        tools.micro_sam.untrained_decoder
        tools.pixel_classifier.course_classifier tools.pixel_classifier.results
        results.race.counts results.race.minutes_by_hand results.race.results results.race.rows
        tools.sam_features.build tools.sam_features.encoder
        results.denoising.best_filter results.denoising.compare results.denoising.filter_in_hindsight
        results.denoising.runs results.denoising.title results.denoising.trained tools.denoise.load
        results.dsb2018.about results.dsb2018.counts results.dsb2018.from_record results.dsb2018.methods
        results.dsb2018.published_crops
        results.dsb2018.comparison results.dsb2018.difference results.dsb2018.pooled_ap results.dsb2018.row
        results.dsb2018.table
        results.other_cells.answers results.other_cells.asked_ceilings results.other_cells.best_ap
        results.other_cells.ceilings results.other_cells.contrasts results.other_cells.counts
        results.other_cells.found results.other_cells.grid_counts results.other_cells.model_table
        results.other_cells.prompt_table
        results.other_cells.results results.other_cells.scored results.other_cells.star_table
        results.other_laboratory.counts results.other_laboratory.difference
        results.other_laboratory.results results.other_laboratory.table
        results.reported.foundation_models results.reported.results results.reported.stardist_paper
        tools.published.about tools.published.here tools.published.names tools.published.segmenter
        tools.published.sensible tools.micro_sam.with_decoder
        results.real_splits.Cells results.real_splits.cells results.real_splits.optimism
        results.real_splits.results results.real_splits.scores results.real_splits.table
        results.sam_grids.asked results.sam_grids.counts results.sam_grids.gain
        results.sam_grids.results results.sam_grids.table
        results.spread_cells.ap results.spread_cells.comparisons results.spread_cells.counts
        results.spread_cells.crops results.spread_cells.curve results.spread_cells.difference
        results.spread_cells.differences results.spread_cells.minutes_to_outline results.spread_cells.results
        results.spread_cells.run results.spread_cells.seeds results.spread_cells.table
        results.volumes.ap results.volumes.comparisons results.volumes.counts results.volumes.difference
        results.volumes.labels results.volumes.results results.volumes.run results.volumes.table
        results.volumes.pairs results.volumes.total results.volumes.volume
        tools.stardist.course_model tools.stardist.pretrained tools.stardist.results
        tools.unet.course_model tools.unet.results
        data.open_image data.read_geojson data.read_rois explore.mask explore.replicate explore.verdict
        results.quality_control.confident results.quality_control.errors results.quality_control.failed
        results.quality_control.judged results.quality_control.most results.quality_control.results
        results.quality_control.rows results.quality_control.sign results.quality_control.strange
        results.quality_control.table""",
    "downloads models; test_published.py drives it": "tools.published.compare",
    "writes a file of a label image; test_exporting.py drives it": "data.write_geojson data.write_rois",
    "takes a table, points, outlines or one number an image": """
        data.rasterise metrics.bland_altman metrics.match_places metrics.without_truth.found_by_inspection
        metrics.without_truth.outlyingness metrics.without_truth.rank_correlation show.superplot""",
    "takes an image and its labels or a function; test_metrics_without_truth.py drives it": """
        metrics.without_truth.features metrics.without_truth.turned""",
    "takes a network or what another function of the module made": """
        nets.count_parameters nets.save tools.cellpose.as_cellpose
        tools.micro_sam.automatic_masks tools.micro_sam.automatic_segmenter tools.micro_sam.masks
        tools.micro_sam.paint tools.stardist.field tools.stardist.tiling tools.unet.field
        tools.cellpose.tiling tools.micro_sam.tiling tools.unet.tiling""",
    "is a class whose instances other functions make; or networks, which nets.predict drives": """
        data.Collection data.synthetic.CellCrops data.synthetic.FeatureTable data.synthetic.FieldCrops
        tools.micro_sam.Embeddings show.CourseFigure show.Markdown metrics.Calibration metrics.DatasetScores
        metrics.Matching metrics.PairedDifference nets.CNN nets.ConvBlock nets.History nets.MLP
        nets.PerceptronRun nets.UNet tools.denoise.Denoiser tools.pixel_classifier.PixelClassifier
        tools.published.Published data.Diagnosis data.Finding data.OwnImage metrics.Agreement
        metrics.PlaceMatching""",
    "takes seconds an image on a CPU; its images pass through the checks of tools.micro_sam.to_uint8": """
        tools.micro_sam.embed tools.micro_sam.segment tools.micro_sam.segment_automatic
        tools.sam_features.features""",
}


def public():
    """Names of all public functions and classes of the helper package, and of the adapters."""
    found = {f"compat.{key}" for key, value in vars(compat).items() if _own(value, key, compat)}
    for module in (data, show, metrics, nets, explore, results, tools):
        short = module.__name__.rpartition(".")[2]
        for name in module.__all__:
            thing = getattr(module, name)
            if not isinstance(thing, types.ModuleType):
                found |= {f"{short}.{name}"} if callable(thing) else set()
            else:  # large has a zoo of its own in test_large.py
                found |= {
                    f"{short}.{name}.{key}" for key, value in vars(thing).items() if _own(value, key, thing)
                }
    return found


def _own(value, name, module):
    return callable(value) and not name.startswith("_") and value.__module__ == module.__name__


def test_every_public_function_is_driven_or_listed_with_a_reason():
    driven = {name.split(" ")[0] for name in [*IMAGES, *SLOW_IMAGES, *LABEL_IMAGES]}
    listed = {name for names in NOT_DRIVEN.values() for name in names.split()}
    missing_tools = {f"tools.{name}.segment" for name in ("stardist", "cellpose")} - driven
    assert public() - driven - listed - missing_tools == set(), "drive them, or say why not"
    assert (driven | listed) - public() == set(), "these are no more"
    assert driven & listed == set()


# ---------------------------------------------------------------- the meeting


def plain(result):
    """A result as arrays and numbers that can be compared."""
    if isinstance(result, torch.Tensor):
        return result.detach().numpy()
    if isinstance(result, plt.Figure):
        drawn = [image.get_array() for axes in result.axes for image in axes.images]
        return [np.ma.getdata(array) for array in drawn]
    if is_dataclass(result):
        return [plain(getattr(result, field.name)) for field in fields(result)]
    if isinstance(result, dict):
        return [*result, *result.values()]
    return result


def agree(one, other):
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(agree, one, other))
    if one is None or isinstance(one, str):
        return one == other
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind in "OUSM":
        return one.shape == other.shape and bool(np.all(one == other))
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-4, equal_nan=True)


def asked(function, value):
    """Result or sentence of a function; anything else that it raises comes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(function(value)), None
        except CourseError as error:
            return None, str(error)
        finally:
            plt.close("all")


def meet(function, usual, form, folder):
    """One animal: a right result or one sentence, and nothing done to it."""
    try:
        value = disguised(usual, form, folder)
    except (CourseError, TypeError, ValueError):  # there is no such form of these values
        assume(False)
    animal = Animal(value, usual, form)
    before = np.asarray(value) if form == "list" else usual.copy()  # a list knows no number type
    found, sentence = asked(function, value)
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        np.testing.assert_array_equal(np.asarray(value), before, f"{animal} was changed")
    if sentence is not None:
        assert sentence and "\n" not in sentence and len(sentence) < 500, (animal, sentence)
        if form in ("flipped", "columns first", "strided", "read-only", "memmap", "big-endian", "no mask"):
            _, told = asked(function, before)
            assert told is not None, (animal, "is refused for its form alone", sentence)
        return
    assert form != "masked" or not usual.size, (animal, "its mask was ignored")
    if form != "plain":
        right, told = asked(function, before)
        assert told is None, (animal, "is accepted, but not as an ordinary array", told)
        assert agree(found, right), (animal, found, right)


def few(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zoo")


@pytest.mark.parametrize("name", IMAGES)
@given(animal=images())
@few(15)
def test_images(folder, name, animal):
    meet(IMAGES[name], *animal, folder)


@pytest.mark.parametrize("name", SLOW_IMAGES)
@given(animal=images())
@few(4)
def test_images_for_tools_and_widgets(folder, name, animal):
    meet(SLOW_IMAGES[name], *animal, folder)


@pytest.mark.parametrize("name", LABEL_IMAGES)
@given(animal=label_images())
@few(15)
def test_label_images(folder, name, animal):
    assume(name not in WRITES or animal[1] not in ("read-only", "memmap"))
    meet(LABEL_IMAGES[name], *animal, folder)
