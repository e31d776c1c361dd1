"""U-Net behind the course's one signature: ``segment(image) -> labels``.

The network (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) gives every pixel three
probabilities: background, rim of a nucleus, inside of a nucleus. The insides of two nuclei that touch are
kept apart by their rims; so the insides become markers, and a watershed gives every foreground pixel to one
of them. The network is `nets.UNet`, trained by ``training/unet_nuclei.py``.
"""

import itertools

import numpy as np

from bioimage_course import arguments, compat, nets, shipped
from bioimage_course.data.intensities import normalise
from bioimage_course.errors import InputError
from bioimage_course.fingerprint import kept
from bioimage_course.large.grid import Tiling
from bioimage_course.metrics.objects import median_diameter
from bioimage_course.tools import _blocks
from bioimage_course.tools._labels import without_small

WEIGHTS = shipped.WEIGHTS / "unet-nuclei"
"""Folder of the course's own model: weights, their card, thresholds and results."""

BACKGROUND, RIM, INSIDE = 0, 1, 2
"""The three classes of a pixel, in the order of the network's outputs."""

RIM_WIDTH = 0.12
"""Width of the rim as a share of a nucleus's diameter; never less than one pixel."""

CORE, MARGIN = 512, 112
"""Larger images are predicted in windows: CORE pixels are kept, MARGIN more are seen on each side. The
margin exceeds the network's reach to its worst side (FIELD), so windows change nothing; multiples of 16
keep the pooling grid."""

FIELD, RADIUS = 107, 58
"""How far the course's model sees (its reach): on the worst side, at the worst place of the pooling grid; and
the longest reach of a nucleus from its centre in the DSB2018 images. In pixels."""

STEP = 16
"""What the course's model pools altogether: its pooling grid has this spacing."""

BORDER = 16
"""Mirrored pixels around the image, so that the network never sees its edge."""

MIN_AREA = 12
"""Smaller objects are dropped, in pixels of the prediction."""

DEFAULTS = {"foreground": 0.5, "inside": 0.5, "small": 16}
"""Thresholds of a network whose card names none; the course's own were chosen on validation images."""


def segment(image, model=None, *, foreground=None, inside=None, limits=None, scale=None):
    """Segment the nuclei of a fluorescence image.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
        One channel, bright objects on a dark background, any number type.
    model : torch.nn.Module, optional
        A network with one input channel and three outputs (scores of background, rim, inside).
        Default: `course_model`.
    foreground, inside : float, optional
        Probabilities from 0 to 1: a pixel belongs to a nucleus if P(rim) + P(inside) is above `foreground`;
        it belongs to a marker if P(inside) is above `inside`. Default: chosen on validation images.
    limits : (low, high), optional
        Intensities that become 0 and 1. Default: percentiles 1 and 99.8 of this image. Give the
        limits of the whole experiment when an image may be empty: its noise is then not stretched.
    scale : float or "auto", optional
        Enlarge the image by this factor for the prediction (or reduce it, below 1). The labels have the size
        of the image. "auto" looks first: if the median object is narrower than a width that was chosen on
        validation images, it predicts again at twice the size. For `course_model` this width is 0: never.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background, objects count from 1.

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    DataUnavailableError
        If the checkpoint is missing or damaged.
    ToolUnavailableError
        If PyTorch is not installed.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> labels = tools.unet.segment(data.load("nuclei"))  # doctest: +SKIP
    """
    array = arguments.tool_image(image, "U-Net")
    thresholds = {"foreground": foreground, "inside": inside}
    for name, value in thresholds.items():
        if value is not None:
            arguments.number(value, name, 0, 1)
    arguments.scale(scale, array.shape)
    low, high = arguments.limits(array, limits)
    if high <= low:  # not a single pixel differs from the others
        return np.zeros(array.shape, np.int32)
    model = course_model() if model is None else model
    chosen = getattr(model, "card", {}).get("thresholds", DEFAULTS)
    thresholds = {name: chosen[name] if value is None else value for name, value in thresholds.items()}
    scaled = normalise(array, low, high)
    factor = 1 if scale in (None, "auto") else scale
    labels = instances(probabilities(scaled, model, scale=factor), **thresholds)
    if scale == "auto" and 0 < median_diameter(labels) < chosen["small"]:
        labels = instances(probabilities(scaled, model, scale=2), **thresholds)
    return _resize_labels(labels, array.shape)


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
        Stride: what the network pools. Reach: half of its receptive field on the worst side, plus how far
        nuclei reach from their centre. Exact if `limits` are given, `scale` is not, and no layer of the
        network takes statistics from the image.
    """
    problem = _blocks.unlike_blocks(limits, scale)
    step, reach = STEP, FIELD
    if model is not None:
        step, reach = _step(model), None if _statistics(model) else field(model)
    return Tiling(step, reach, RADIUS, exact=reach is not None and not problem, problem=problem)


segment.tiling = tiling


def field(model):
    """How many pixels away a pixel can change the network's answer: on the worst side, at the worst place.

    Parameters
    ----------
    model : torch.nn.Module
        With one input channel.

    Returns
    -------
    int
        Along a row or a column. Measured with one bright pixel at every offset of the pooling grid, and with
        weights that are all positive: what any weights can do.
    """
    compat.require("torch")
    import copy

    import torch

    twin = copy.deepcopy(model).to("cpu", torch.float64).eval()
    with torch.no_grad():
        for name, values in twin.state_dict().items():
            if values.is_floating_point():
                values.fill_(0 if name.endswith(("bias", "running_mean")) else 1 / values[:1].numel())
    step = _step(model)
    return _blocks.field(step, lambda length, place: _sides(twin, step, length, place))


def _sides(network, rows, length, place):
    """How far to both sides of one bright pixel of a strip the network's answer changes."""
    import torch

    strip = torch.zeros(1, 1, rows, length, dtype=torch.float64)
    strip[..., rows // 2, place] = 1
    with torch.no_grad():
        changed = network(strip)[0].abs().amax(dim=(0, 1)).numpy()
    seen = np.flatnonzero(changed)
    return int(max(place - seen[0], seen[-1] - place))


def _step(model):
    """What the network pools altogether."""
    return 2 ** getattr(model, "arguments", {}).get("depth", 4)


def _statistics(model):
    """Whether a layer takes mean and spread from the image at hand."""
    import torch

    names = ("InstanceNorm", "GroupNorm", "LayerNorm", "LocalResponseNorm")
    return any(
        type(layer).__name__.startswith(names)
        or (isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) and layer.running_mean is None)
        for layer in model.modules()
    )


def classes(labels, rim=RIM_WIDTH):
    """The network's target: class 0, 1 or 2 (background, rim, inside) of each pixel.

    Parameters
    ----------
    labels : array of int (Y, X)
        Label image, 0 for background; numbers of any size.
    rim : float
        Width of the rim as a share of the diameter of the disc that has the object's area; at least one
        pixel.

    Returns
    -------
    array of int64 (Y, X)

    Raises
    ------
    InputError
        If `labels` is no label image with two axes, or `rim` is negative.

    Examples
    --------
    >>> classes(np.pad(np.ones((3, 3), int), 1))
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 2, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import find_boundaries

    rim = arguments.number(rim, "rim", 0, np.inf)
    labels, _ = arguments.consecutive(arguments.label_image(labels, ndim=2))
    edge = find_boundaries(labels, mode="inner")
    depth = distance_transform_edt((labels > 0) & ~edge)  # 0 on the outermost pixels of each object
    diameters = np.sqrt(4 * np.bincount(labels.ravel()) / np.pi)
    inside = (labels > 0) & (depth + 0.5 > np.maximum(1, rim * diameters)[labels])
    return np.where(inside, INSIDE, np.where(labels > 0, RIM, BACKGROUND)).astype(np.int64)


def border_weights(labels, w0=10.0, sigma=5.0):
    """How much more a background pixel counts because two objects are near it (Ronneberger et al. 2015).

    ``w0 · exp(−(d1 + d2)² / (2 σ²))``, where d1 and d2 are the distances to the nearest and the second
    nearest object. Zero inside objects, and everywhere with fewer than two of them.

    Parameters
    ----------
    labels : array of int (Y, X)
        Label image, 0 for background.
    w0 : float
        Weight where both objects are (nearly) touched.
    sigma : float
        Width of the gap, in pixels, over which the weight falls.

    Returns
    -------
    array of float64 (Y, X)

    Raises
    ------
    InputError
        If `labels` is no label image with two axes, or a number is out of range.
    """
    from scipy.ndimage import distance_transform_edt

    w0, sigma = arguments.number(w0, "w0", 0, np.inf), arguments.number(sigma, "sigma", 1e-6, np.inf)
    labels = arguments.label_image(labels, ndim=2)
    nearest, second = np.full((2, *labels.shape), np.inf)
    for number in np.unique(labels[labels > 0]):
        distance = distance_transform_edt(labels != number)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    return np.where(labels > 0, 0.0, w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)))


def probabilities(image, model=None, *, scale=1, core=CORE, margin=None):
    """Probabilities of background, rim and inside for each pixel.

    Parameters
    ----------
    image : array of float (Y, X)
        Normalised, see `data.normalise`.
    model : torch.nn.Module, optional
        Default: `course_model`. It is used in evaluation mode.
    scale : float
        Enlarge the image by this factor first.
    core, margin : int
        Images larger than `core` are predicted window by window; each sees `margin` pixels more than it
        keeps. Default: MARGIN, which suffices for networks that pool up to four times; for others their
        `field`.

    Returns
    -------
    array of float32 (3, Y · scale, X · scale)
    """
    compat.require("torch")
    import torch

    model = course_model() if model is None else model
    image = arguments.tool_image(image, "U-Net")
    arguments.number(scale, "scale", 0.05, 20)
    if scale != 1:
        image = _resize(image, [max(1, round(n * scale)) for n in image.shape])
    step = _step(model)
    if margin is None:
        margin = MARGIN if step <= STEP else max(MARGIN, field(model))
    core = max(core // step, 1) * step  # windows start where the pooling grid does
    margin = -(-margin // step) * step
    padded = np.pad(image, [(BORDER, BORDER + -n % step) for n in image.shape], mode="reflect")
    result = np.empty((3, *padded.shape), np.float32)
    for top, left in itertools.product(*(range(0, n, core) for n in padded.shape)):
        keep = slice(top, top + core), slice(left, left + core)
        see = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in keep)
        scores = nets.predict(model, torch.from_numpy(padded[see].copy())[None, None])
        if scores.shape[1] != 3:
            raise InputError(
                f"The model must give 3 scores a pixel (background, rim, inside), not {scores.shape[1]}."
            )
        window = torch.softmax(scores[0], dim=0).numpy()
        rows, columns = (slice(k.start - s.start, k.stop - s.start) for k, s in zip(keep, see, strict=True))
        result[:, *keep] = window[:, rows, columns]
    rows, columns = (slice(BORDER, BORDER + n) for n in image.shape)
    return result[:, rows, columns]


def instances(probabilities, foreground=0.5, inside=0.5, min_area=MIN_AREA):
    """From three probabilities a pixel to objects: insides are markers of a watershed.

    Parameters
    ----------
    probabilities : array of float (3, Y, X)
        Background, rim, inside.
    foreground : float
        A pixel belongs to a nucleus if P(rim) + P(inside) is larger.
    inside : float
        A pixel belongs to a marker if P(inside) is larger. Connected pixels are one marker.
    min_area : int
        Objects of fewer pixels are dropped, and markers of fewer than a quarter of it.

    Returns
    -------
    array of int32 (Y, X)

    Raises
    ------
    InputError
        If there are not three finite numbers a pixel.
    """
    from scipy.ndimage import label
    from skimage.segmentation import relabel_sequential, watershed

    p = arguments.numbers(probabilities, "the array of probabilities")
    if p.ndim != 3 or len(p) != 3:
        raise InputError(f"probabilities must have the shape (3, Y, X), not {p.shape}.")
    markers = without_small(label(p[INSIDE] > inside)[0], max(1, min_area // 4))
    mask = p[RIM] + p[INSIDE] > foreground
    labels = without_small(watershed(-p[INSIDE], markers, mask=mask | (markers > 0)), min_area)
    return relabel_sequential(labels)[0].astype(np.int32)


@kept
def course_model():
    """The course's own U-Net for fluorescence nuclei (trained by ``training/unet_nuclei.py``).

    Returns
    -------
    nets.UNet
        In evaluation mode. Input: normalised images (N, 1, Y, X), sides multiples of 16. Output: scores
        (N, 3, Y, X) of background, rim, inside. Loaded once a process, and once
        more if somebody has changed it.

    Raises
    ------
    DataUnavailableError
        If a file of the checkpoint is missing or damaged.
    ToolUnavailableError
        If PyTorch is not installed.
    """
    compat.require("torch")
    return nets.load(WEIGHTS / "unet.pt")


def results():
    """What ``training/unet_nuclei.py`` measured: settings, data, thresholds, history.

    Returns
    -------
    dict
        The content of ``weights/unet-nuclei/results.json``. Scores on the test images: `results.dsb2018`.
    """
    return shipped.results(WEIGHTS)


# ---------------------------------------------------------------- helpers


def _resize(image, shape):
    from skimage.transform import resize

    return resize(image, shape, order=1, mode="reflect", anti_aliasing=False).astype(np.float32)


def _resize_labels(labels, shape):
    if labels.shape == tuple(shape):
        return labels
    from skimage.transform import resize

    return resize(labels, shape, order=0, preserve_range=True, anti_aliasing=False).astype(np.int32)
