"""StarDist behind the course's one signature: ``segment(image) -> labels``.

StarDist finds objects as star-convex polygons (Schmidt et al. 2018, doi:10.1007/978-3-030-00934-2_30). This
module adds what a course needs around it: a checkpoint of our own that works without network, sentences
instead of tracebacks, and silence. For everything else use the library itself; `course_model` and
`pretrained` return plain ``stardist.models.StarDist2D`` objects.
"""

import math
from pathlib import Path

import numpy as np

from bioimage_course import arguments, compat, shipped
from bioimage_course.compat import quiet
from bioimage_course.data.intensities import normalise
from bioimage_course.errors import InputError
from bioimage_course.fingerprint import kept
from bioimage_course.large.grid import Tiling
from bioimage_course.metrics.objects import median_diameter
from bioimage_course.tools import _blocks, _published

WEIGHTS = shipped.WEIGHTS / "stardist-nuclei"
"""Folder of the course's own model: config, thresholds, weights, its card and its results."""

SMALL, ENLARGE = 16, 2
"""With ``scale="auto"`` nuclei narrower than SMALL pixels are enlarged; both chosen on validation images."""

TILE = 1024
"""Images larger than this are predicted in overlapping tiles, so that memory stays below about 2 GB."""

STRIDE, FIELD, RADIUS = 16, 107, 58
"""How the course's model is run in blocks (see `tiling`), in pixels: pooling and grid together; half of its
receptive field on the worst side; the longest reach of a nucleus from its centre in the DSB2018 images."""


def segment(image, model=None, *, prob_thresh=None, nms_thresh=None, limits=None, scale=None):
    """Segment the nuclei of a fluorescence image.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
        One channel, bright objects on a dark background, any number type. A model for colour images such as
        ``2D_versatile_he`` takes (Y, X, 3) instead.
    model : StarDist2D, str or None
        A model, the name of a published one (see `pretrained`), or None for `course_model`.
    prob_thresh : float, optional
        Smallest object probability of a candidate, 0 to 1. Default: the model's own.
    nms_thresh : float, optional
        Two candidates that overlap more than this (area shared, divided by the area of the smaller
        one) count as the same object, 0 to 1. Default: the model's own.
    limits : (low, high), optional
        Intensities that become 0 and 1. Default: percentiles 1 and 99.8 of this image. Give the
        limits of the whole experiment when an image may be empty: its noise is then not stretched.
    scale : float or "auto", optional
        Enlarge the image by this factor for the prediction, for objects much smaller than those the
        model was trained on (or reduce it, below 1). The labels have the size of the image. "auto"
        looks first: if the median object is narrower than 16 pixels it predicts again at twice the size.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background, objects count from 1.

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    ToolUnavailableError
        If StarDist is not installed, or a published model cannot be had.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> labels = tools.stardist.segment(data.load("nuclei"))  # doctest: +SKIP
    """
    array = arguments.tool_image(image, "StarDist", colour=model is not None)
    thresholds = {"prob_thresh": prob_thresh, "nms_thresh": nms_thresh}
    for name, value in thresholds.items():
        if value is not None:
            arguments.number(value, name, 0, 1)
    arguments.scale(scale, array.shape[:2])
    low, high = arguments.limits(array, limits)
    model = _published.chosen(model, course_model, pretrained, "StarDist2D model", "predict_instances")
    _same_channels(array, model)
    if high <= low:  # not a single pixel differs from the others
        return np.zeros(array.shape[:2], np.int32)
    scaled = normalise(array, low, high)
    labels = _predict(model, scaled, None if scale == "auto" else scale, thresholds)
    if scale == "auto" and 0 < median_diameter(labels) < SMALL:
        labels = _predict(model, scaled, ENLARGE, thresholds)
    return labels


def tiling(model=None, *, limits=None, scale=None, **others):
    """What `segment` needs to be run in blocks, for the same settings (see `large.tiling`).

    Parameters
    ----------
    model, limits, scale
        As in `segment`.
    others
        Other settings of `segment`; they change nothing.

    Returns
    -------
    large.Tiling
        Stride: what the network pools, times its grid. Reach: half of its receptive field on the worst side,
        plus the longest ray. Exact if `limits` are given and `scale` is not.
    """
    stride, reach = STRIDE, FIELD
    if model is not None:
        model = pretrained(model) if isinstance(model, str) else model
        stride, reach = math.lcm(*model._axes_div_by("YX")), field(model)
    problem = _blocks.unlike_blocks(limits, scale)
    return Tiling(stride, reach, RADIUS, exact=not problem, problem=problem)


segment.tiling = tiling


def field(model):
    """How many pixels away a pixel can change the network's answer: on the worst side, at the worst place.

    StarDist's own measure, by which it cuts large images into tiles, looks at one place of the pooling grid.

    Parameters
    ----------
    model : StarDist2D

    Returns
    -------
    int
        Along a row or a column. Measured with weights that are all positive: what any weights can do.
    """
    compat.prepare("stardist")
    from tf_keras.models import clone_model

    stride = math.lcm(*model._axes_div_by("YX"))
    twin = clone_model(model.keras_model)
    twin.set_weights([_positive(w) for w in model.keras_model.get_weights()])
    return _blocks.field(stride, lambda length, place: _sides(twin, length, place, model.config))


def _positive(weights):
    """Weights by which every input raises every output, and none of them beyond all bounds."""
    if weights.ndim < 2:
        return np.zeros_like(weights)
    return np.full_like(weights, 1 / np.prod(weights.shape[:-1]))


def _sides(network, length, place, config):
    """How far to both sides of one bright pixel of a strip the network's answer changes."""
    strip = np.zeros((2, length // 16, length, config.n_channel_in), np.float32)
    strip[0, length // 32, place] = 1e6
    answers = network.predict(strip, verbose=0)
    changed = np.any([np.ptp(a, axis=0).max(axis=(0, 2)) > 0 for a in answers], axis=0)
    seen = np.flatnonzero(changed) * config.grid[1]
    return int(max(place - seen[0], seen[-1] + config.grid[1] - 1 - place))


@kept
def course_model():
    """The course's own StarDist model for fluorescence nuclei (trained by ``training/stardist_nuclei.py``).

    Returns
    -------
    stardist.models.StarDist2D
        With the thresholds that were chosen on validation images. Loaded once a process, and once more
        if somebody has changed it.

    Raises
    ------
    DataUnavailableError
        If a file of the checkpoint is missing or not the one that its results describe.
    ToolUnavailableError
        If StarDist is not installed.
    """
    shipped.verify(WEIGHTS, "StarDist model", "stardist_nuclei.py")
    StarDist2D = _library().StarDist2D
    with quiet():
        return StarDist2D(None, name=WEIGHTS.name, basedir=str(WEIGHTS.parent))


def results():
    """What ``training/stardist_nuclei.py`` measured: settings, data, thresholds, scores.

    Returns
    -------
    dict
        The content of ``weights/stardist-nuclei/results.json``.
    """
    return shipped.results(WEIGHTS)


@kept
def pretrained(name="2D_versatile_fluo"):
    """A model published by StarDist's authors, by way of what StarDist's own ``from_pretrained`` calls.

    Parameters
    ----------
    name : str
        For example ``"2D_versatile_fluo"`` (fluorescence nuclei) or ``"2D_versatile_he"`` (H&E, colour).

    Returns
    -------
    stardist.models.StarDist2D

    Raises
    ------
    InputError
        If no published model has that name.
    ToolUnavailableError
        If it has never been downloaded and cannot be now, or StarDist is not installed.
    """
    models = _library()
    from csbdeep.models import pretrained as published

    try:
        key, _, _ = published.get_model_details(models.StarDist2D, name)
    except (ValueError, TypeError):
        known, _ = published.get_registered_models(models.StarDist2D)
        raise InputError(
            f"StarDist has published no 2D model {name!r}; there are {', '.join(known)}."
        ) from None
    return _published.load(
        key,
        # from_pretrained would answer a wrong hash with a printed list of all models
        lambda: published.get_model_instance(models.StarDist2D, key),
        here=_downloaded(key),
        host="github.com",
        folder="HOME",
        advice="tools.stardist.course_model() works without network",
        bundle="SSL_CERT_FILE",
    )


# ---------------------------------------------------------------- helpers


def _same_channels(array, model):
    """Refuse an image with another number of channels than the model was made for."""
    channels, wanted = (1 if array.ndim == 2 else array.shape[2]), model.config.n_channel_in
    if channels != wanted:
        shape = "one channel, (Y, X)" if wanted == 1 else f"{wanted} channels, (Y, X, {wanted})"
        raise InputError(
            f"This StarDist model takes images with {shape}; this image has the shape {array.shape}."
        )


def _predict(model, image, scale, thresholds):
    """Labels of a normalised image, in tiles if it is large."""
    tiles = tuple(max(1, int(np.ceil(n * (scale or 1) / TILE))) for n in image.shape[:2])
    tiles += (1,) * (image.ndim - 2)
    if max(tiles) > 1 and not hasattr(model, "course_field"):
        # StarDist looks at one place of the pooling grid only, and lets its tiles overlap too little.
        model.course_field = field(model)
        model._tile_overlap = [(model.course_field,) * 2] * 2
    labels, _ = model.predict_instances(
        image, scale=scale, n_tiles=tiles, show_tile_progress=False, verbose=False, **thresholds
    )
    return labels.astype(np.int32, copy=False)


def _library():
    """The module ``stardist.models``, imported with Keras 2 and without chatter."""
    compat.prepare("stardist")
    with quiet():
        import stardist.models

    return stardist.models


def _downloaded(key):
    """True if a published model is here: Keras unpacks it in the home directory, or in /tmp."""
    home = compat.home("stardist") / ".keras"
    places = [place / "models" / "StarDist2D" / key for place in (home, Path("/tmp/.keras"))]
    return any(file.is_file() for place in places for file in place.rglob("config.json"))
