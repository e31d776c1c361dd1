"""Segment Anything for microscopy (micro-sam) behind the one signature: ``segment(image) -> labels``.

The Segment Anything Model, SAM, turns an image into an embedding once and every prompt into a mask afterwards
(Kirillov et al. 2023, arXiv:2304.02643); micro-sam brings it to microscopy (Archit et al. 2025,
doi:10.1038/s41592-024-02580-4). This module adds what a course needs around it: weights whose hash is checked
before anything reads them, sentences instead of tracebacks, and silence. For everything else use the library
itself: `predictor` returns a plain ``SamPredictor``, `decoder` what micro-sam's classes for automatic
segmentation take.
"""

from pathlib import Path

import numpy as np

from bioimage_course import arguments, compat, data, nets, shipped
from bioimage_course.compat import quiet
from bioimage_course.errors import InputError
from bioimage_course.fingerprint import digest, kept
from bioimage_course.large.grid import Tiling
from bioimage_course.tools import _blocks, _published
from bioimage_course.tools._labels import without_small

CHECKPOINT = "weights-mobilesam"
"""Name of MobileSAM's weights among the data sets of the course; micro-sam calls the same file ``vit_t``."""

BATCH = 4
"""Prompts decoded together. On a CPU few are quicker than many: the masks stay in its cache."""

WIDTH = 16
"""Channels of the finest level of the course's decoder; micro-sam's own has 64 and 11 times the weights."""


def segment(
    image,
    model=None,
    *,
    points=None,
    boxes=None,
    points_per_side=16,
    pred_iou_thresh=0.88,
    stability_score_thresh=0.95,
    min_object_size=0,
    limits=None,
    embeddings=None,
):
    """Segment an image: one object for each prompt, or everything if there is no prompt.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3), or data.Sample
        Any number type.
    model : SamPredictor, str or None
        A predictor, the name of one of micro-sam's models (see `predictor`), or None for MobileSAM.
    points : array (N, 2), optional
        One click (row, column) for each object. Of the three masks that SAM proposes for a click the one
        with the highest predicted IoU is taken.
    boxes : array (N, 4), optional
        One box (top, left, bottom, right) for each object.
    points_per_side : int
        Without prompts: a grid of so many times so many clicks (automatic mask generation, AMG).
    pred_iou_thresh, stability_score_thresh : float
        Without prompts: masks with a lower predicted IoU, or that change more when the cut-off moves, are
        dropped.
    min_object_size : int
        Without prompts: objects with fewer pixels are dropped (see `tools.without_small`); micro-sam itself
        keeps them all.
    limits : (low, high), optional
        Intensities that become 0 and 255. Default: percentiles 1 and 99.8 of this image.
    embeddings : dict, optional
        What `embed` returned for this very image; saves the encoder's time.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background. With prompts label k + 1 belongs to prompt k; where masks overlap, the one with the
        higher predicted IoU wins. Blocks of a large image agree with the whole, but no halo makes them the
        same: SAM resizes each crop and looks at all of it.

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    ToolUnavailableError
        If micro-sam is not installed, or a published model cannot be had.
    DataUnavailableError
        If MobileSAM's weights are neither on this machine nor reachable.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> labels = tools.micro_sam.segment(data.load("nuclei"), points=[[118, 87]])  # doctest: +SKIP
    """
    array = arguments.tool_image(image, "micro-sam", colour=True)
    if points is not None and boxes is not None:
        raise InputError("Give either points or boxes, not both: each prompt stands for one object.")
    prompts = _prompts(points, boxes, array.shape)
    arguments.number(pred_iou_thresh, "pred_iou_thresh", 0, 1)
    arguments.number(stability_score_thresh, "stability_score_thresh", 0, 1)
    arguments.whole(points_per_side, "points_per_side", 1, 128)
    arguments.whole(min_object_size, "min_object_size", 0)
    low, high = arguments.limits(array, limits)
    if high <= low or (prompts is not None and not len(prompts)):
        return np.zeros(array.shape[:2], np.int32)
    model = _model(model)
    embeddings = _embedded(array, model, (low, high), embeddings)
    if prompts is not None:
        return paint(masks(model, embeddings, points=points, boxes=boxes), array.shape[:2])
    generator = automatic_masks(model, embeddings, to_uint8(array, (low, high)), points_per_side)
    found = generator.generate(pred_iou_thresh=pred_iou_thresh, stability_score_thresh=stability_score_thresh)
    return without_small(np.asarray(found).astype(np.int32), min_object_size)


def tiling(model=None, *, limits=None, **others):
    """What `segment` and `segment_automatic` need to be run in blocks: they never promise the same objects.

    Parameters
    ----------
    model, limits
        As in `segment`.
    others
        Other settings; they change nothing.

    Returns
    -------
    large.Tiling
    """
    return Tiling(problem=_blocks.unlike_blocks(limits))


segment.tiling = tiling


def to_uint8(image, limits=None):
    """Map two intensities to 0 and 255 and clip: SAM was trained on photographs with 8 bits.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3), or data.Sample
    limits : (low, high), optional
        Default: percentiles 1 and 99.8 of the image.

    Returns
    -------
    array of uint8
    """
    array = arguments.tool_image(image, "micro-sam", colour=True)
    low, high = arguments.limits(array, limits)
    return np.rint(255 * np.clip(data.normalise(array, low, high), 0, 1)).astype(np.uint8)


def embed(image, model=None, *, limits=None, tile_shape=None, halo=None):
    """Run the image encoder once; every prompt afterwards uses its result.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3), or data.Sample
    model : SamPredictor, str or None
        As in `segment`.
    limits : (low, high), optional
        As in `segment`. micro-sam stretches what it is given once more, from its darkest to its brightest
        pixel and each tile by itself: an image that does not reach both limits is brightened all the same.
    tile_shape, halo : (int, int), optional
        Encode the image in tiles of this shape, each with so many more pixels around it.

    Returns
    -------
    dict
        micro-sam's image embeddings: ``"features"`` and the sizes before and after scaling to 1024 pixels.
    """
    library = _library()
    array = to_uint8(image, limits)
    tiles = {"tile_shape": tile_shape, "halo": halo} if tile_shape is not None else {}
    with quiet():
        found = library.precompute_image_embeddings(_model(model), array, ndim=2, verbose=False, **tiles)
    found = Embeddings(found)
    found.made_from = digest(array)
    return found


class Embeddings(dict):
    """micro-sam's image embeddings, which also know the pixels that they were made from."""

    made_from = None


def _embedded(image, model, limits, embeddings):
    """Embeddings made now, or those given, if they are not of another image or of other limits."""
    if embeddings is None:
        return embed(image, model, limits=limits)
    made_from = getattr(embeddings, "made_from", None)
    if made_from is not None and made_from != digest(to_uint8(image, limits)):
        raise InputError(
            "The embeddings were made from another image or with other limits: call embed with this image."
        )
    return embeddings


def masks(model, embeddings, *, points=None, boxes=None):
    """One mask for each prompt, in the order of the prompts.

    Parameters
    ----------
    model : SamPredictor
    embeddings : dict
        From `embed`.
    points : array (N, 2), optional
        Clicks (row, column).
    boxes : array (N, 4), optional
        Boxes (top, left, bottom, right).

    Returns
    -------
    list of dict
        micro-sam's records: ``"segmentation"`` (a mask), ``"predicted_iou"``, ``"stability_score"`` and more.
    """
    library = _library()
    from micro_sam.inference import batched_inference

    library.set_precomputed(model, embeddings)
    if boxes is not None:  # SAM wants x before y
        prompts = {"boxes": np.asarray(boxes, float)[:, [1, 0, 3, 2]]}
    else:
        clicks = np.asarray(points, float)[:, None, ::-1]
        prompts = {"points": clicks, "point_labels": np.ones((len(clicks), 1)), "multimasking": True}
    with quiet():
        records = batched_inference(
            model, image=None, batch_size=BATCH, return_instance_segmentation=False, **prompts
        )
    return [record | {"segmentation": np.asarray(record["segmentation"], bool)} for record in records]


def paint(records, shape):
    """Paint masks into a label image, the one with the highest predicted IoU last.

    Parameters
    ----------
    records : list of dict
        From `masks`.
    shape : (int, int)

    Returns
    -------
    array of int32 (Y, X)
        Label k + 1 is mask k.
    """
    labels = np.zeros(shape, np.int32)
    for k in np.argsort([record["predicted_iou"] for record in records], kind="stable"):
        labels[records[k]["segmentation"]] = k + 1
    return labels


def automatic_masks(model, embeddings, image, points_per_side=16):
    """micro-sam's ``AutomaticMaskGenerator``, with the clicks of its grid already decoded.

    Parameters
    ----------
    model : SamPredictor
    embeddings : dict
        From `embed`.
    image : array of uint8
        From `to_uint8`.
    points_per_side : int

    Returns
    -------
    micro_sam.instance_segmentation.AutomaticMaskGenerator
        Its ``generate(pred_iou_thresh=…, stability_score_thresh=…)`` is quick: thresholds may be tried.
    """
    _library()
    from micro_sam.instance_segmentation import AutomaticMaskGenerator

    generator = AutomaticMaskGenerator(model, points_per_side=int(points_per_side), points_per_batch=BATCH)
    with quiet():
        generator.initialize(image, embeddings)
    return generator


def segment_automatic(
    image,
    method="ais",
    *,
    model=None,
    center_distance_threshold=None,
    boundary_distance_threshold=None,
    foreground_threshold=None,
    limits=None,
    embeddings=None,
):
    """Segment every object without prompts, by a decoder: the course's for nuclei, or a published one.

    The decoder predicts three maps: foreground, distance to the object's centre and distance from its
    border. Where it is far from the border and near the centre an object begins.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3), or data.Sample
        Any number type. The decoder learnt from fluorescence images with one channel.
    method : str
        ``"ais"``, automatic instance segmentation: objects grow from their beginnings over the foreground
        (a watershed). ``"apg"``, automatic prompt generation: each beginning becomes a click for SAM.
    model : str, optional
        One of micro-sam's models that bring a decoder, such as ``"vit_t_lm"`` (see `with_decoder`); by
        default MobileSAM with the course's decoder.
    center_distance_threshold, boundary_distance_threshold : float, optional
        An object begins where both predicted distances (0 in the middle, 1 at the rim) are lower than these.
        Default: the values chosen for AIS on validation images, in the decoder's card; for published models
        micro-sam's own.
    foreground_threshold : float, optional
        Pixels with a higher predicted foreground belong to objects. Default: as before.
    limits : (low, high), optional
        Intensities that become 0 and 255. Default: percentiles 1 and 99.8 of this image.
    embeddings : dict, optional
        What `embed` returned for this very image; saves the encoder's time.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background. Blocks of a large image agree with the whole, but are not the same (see `segment`).

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    ToolUnavailableError
        If micro-sam is not installed.
    DataUnavailableError
        If MobileSAM's weights or the decoder's cannot be had.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> labels = tools.micro_sam.segment_automatic(data.load("nuclei"))  # doctest: +SKIP
    """
    array = arguments.tool_image(image, "micro-sam", colour=True)
    given = {
        "center_distance_threshold": center_distance_threshold,
        "boundary_distance_threshold": boundary_distance_threshold,
        "foreground_threshold": foreground_threshold,
    }
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        arguments.number(value, name, 0, 1)
    if method not in ("ais", "apg"):
        raise InputError(f'method must be "ais" or "apg", not {method!r}.')
    low, high = arguments.limits(array, limits)
    if high <= low:
        return np.zeros(array.shape[:2], np.int32)
    pair = (predictor("vit_t"), decoder()) if model is None else with_decoder(model)
    segmenter = automatic_segmenter(
        _embedded(array, pair[0], (low, high), embeddings), method, *reversed(pair)
    )
    options = {"batch_size": BATCH} if method == "apg" else {}
    if model is None:
        options |= decoder().card["thresholds"] | {"min_size": 0}
    with quiet():
        found = segmenter.generate(**options | given)
    return np.asarray(found).astype(np.int32)


segment_automatic.tiling = tiling


def automatic_segmenter(embeddings, method="ais", network=None, model=None):
    """micro-sam's class for automatic segmentation with a decoder, its three maps already predicted.

    Parameters
    ----------
    embeddings : dict
        From `embed`, with the encoder of the same model.
    method : str
        ``"ais"`` or ``"apg"``.
    network : micro_sam.instance_segmentation.DecoderAdapter, optional
        Default: `decoder()`.
    model : SamPredictor, optional
        Default: MobileSAM.

    Returns
    -------
    micro_sam.instance_segmentation.InstanceSegmentationWithDecoder or AutomaticPromptGenerator
        Its ``generate(center_distance_threshold=…, …)`` is quick: thresholds may be tried. ``get_state()``
        holds the maps ``"foreground"``, ``"center_distances"`` and ``"boundary_distances"``.
    """
    _library()
    from micro_sam.instance_segmentation import AutomaticPromptGenerator, InstanceSegmentationWithDecoder

    kind = {"ais": InstanceSegmentationWithDecoder, "apg": AutomaticPromptGenerator}[method]
    segmenter = kind(_model(model), decoder() if network is None else network)
    with quiet():
        segmenter.initialize(None, image_embeddings=embeddings)
    return segmenter


@kept
def decoder():
    """The course's decoder for `segment_automatic`, made by ``training/micro_sam_decoder.py``.

    Returns
    -------
    micro_sam.instance_segmentation.DecoderAdapter
        In evaluation mode; ``.card`` says where it comes from.

    Raises
    ------
    DataUnavailableError
        If its file is missing or damaged, or MobileSAM's weights cannot be had.
    """
    return nets.load(shipped.WEIGHTS / "micro-sam-decoder" / "decoder.pt", model=untrained_decoder())


def untrained_decoder(width=WIDTH):
    """micro-sam's decoder for instance segmentation, with random weights and as narrow as we like.

    ``micro_sam.instance_segmentation.get_unetr`` makes the same network with 64 channels; on a CPU that
    takes a minute for one step of training.

    Parameters
    ----------
    width : int
        Channels of the finest of its four levels; each coarser level has twice as many.

    Returns
    -------
    micro_sam.instance_segmentation.DecoderAdapter
    """
    _library()
    from micro_sam.instance_segmentation import DecoderAdapter
    from torch_em.model import UNETR

    with quiet():
        unetr = UNETR(
            backbone="sam",
            encoder=predictor("vit_t").model.image_encoder,
            out_channels=3,
            use_sam_stats=True,
            final_activation="Sigmoid",
            use_skip_connection=False,
            resize_input=True,
            initial_features=width,
        )
    return DecoderAdapter(unetr)


@kept
def predictor(name="vit_t"):
    """A model by name, by way of micro-sam's own ``get_sam_model``. Loaded once a process.

    Parameters
    ----------
    name : str
        ``"vit_t"`` is MobileSAM, from the course's data (its sha256 is checked before it is read). All
        others are micro-sam's downloads, for example ``"vit_b"`` (SAM as published), ``"vit_b_lm"``
        (retrained for light microscopy) or ``"vit_b_em_organelles"`` (for electron microscopy).

    Returns
    -------
    segment_anything.SamPredictor

    Raises
    ------
    InputError
        If micro-sam knows no such model.
    ToolUnavailableError
        If micro-sam is not installed, or the model has never been downloaded and cannot be now.
    DataUnavailableError
        If MobileSAM's weights are neither on this machine nor reachable.
    """
    library = _library()
    if name == "vit_t":
        checkpoint = data.fetch(CHECKPOINT)  # its sha256 just checked: micro-sam will unpickle it
        with quiet():
            return library.get_sam_model("vit_t", checkpoint_path=checkpoint)
    return _load(name, lambda: library.get_sam_model(name), _known(library))


@kept
def with_decoder(name="vit_t_lm"):
    """A model that brings a decoder for automatic segmentation, by micro-sam's ``get_predictor_and_decoder``.

    Parameters
    ----------
    name : str
        Such as ``"vit_t_lm"``, ``"vit_b_lm"`` or ``"vit_l_lm"`` (light microscopy). micro-sam checks the
        hashes of both files before it reads them.

    Returns
    -------
    (segment_anything.SamPredictor, micro_sam.instance_segmentation.DecoderAdapter)

    Raises
    ------
    InputError
        If micro-sam has no such model, or one without a decoder.
    ToolUnavailableError
        If micro-sam is not installed, or the model has never been downloaded and cannot be now.
    """
    library = _library()
    from micro_sam.instance_segmentation import get_predictor_and_decoder

    names = _known(library)
    pairs = [known for known in names if f"{known}_decoder" in names]
    return _load(name, lambda: get_predictor_and_decoder(name), pairs, "with a decoder ", f"{name}_decoder")


def results():
    """What ``training/micro_sam_prompts.py`` measured.

    Returns
    -------
    dict
        The content of ``weights/micro-sam/results.json``.
    """
    return shipped.results("micro-sam")


# ---------------------------------------------------------------- helpers


def _library():
    """The module ``micro_sam.util``, imported without chatter."""
    compat.prepare("micro-sam")
    with quiet():
        import micro_sam.util

    return micro_sam.util


def _known(library):
    """The names of all files that micro-sam can download; a decoder's name ends with ``_decoder``."""
    return sorted(library.models().registry)


def _downloaded(library, *names):
    """True if micro-sam's cache holds all these files: a model's name, or that with ``_decoder``."""
    folder = Path(library.get_cache_directory()) / "models"
    return all((folder / name).exists() for name in names)


def _load(name, make, known, kind="", *more):
    """A model by micro-sam's own download, or one sentence."""
    models = [other for other in known if not other.endswith("_decoder")]
    if name not in models:
        raise InputError(f"micro-sam has no model {kind}{name!r}; there are {', '.join(models)}.")
    return _published.load(
        name,
        make,
        here=_downloaded(_library(), name, *more),
        host="the server of micro-sam's models",
        folder="MICROSAM_CACHEDIR",
        advice='tools.micro_sam.predictor("vit_t") needs 40 MB only and can come from a mirror',
    )


def _model(model):
    return _published.chosen(model, predictor, predictor, "SamPredictor", "predict_torch")


def _prompts(points, boxes, shape):
    """The prompts as an array, or None if there are none; each must lie in the image."""
    if points is None and boxes is None:
        return None
    name, value, meaning = "points", points, "(row, column)"
    if boxes is not None:
        name, value, meaning = "boxes", boxes, "(top, left, bottom, right)"
    width = 2 if boxes is None else 4
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        array = np.zeros(1)
    if array.size == 0:
        return np.zeros((0, width))
    if array.ndim != 2 or array.shape[1] != width or not np.isfinite(array).all():
        raise InputError(f"{name} must be an array of shape (N, {width}), each row {meaning}.")
    if (array < 0).any() or (array > np.tile(shape[:2], width // 2)).any():
        raise InputError(f"{name} must lie in the image, which has {shape[0]} rows and {shape[1]} columns.")
    if width == 4 and not (array[:, :2] < array[:, 2:]).all():
        raise InputError("In each box top must be above bottom and left must be left of right.")
    return array
