"""Cellpose behind the course's one signature: ``segment(image) -> labels``.

Cellpose lets a network predict, for each pixel, a small arrow towards the middle of its cell, and follows the
arrows (Stringer et al. 2021, doi:10.1038/s41592-020-01018-x). Version 4 brings Cellpose-SAM, with weights of
1.2 GB (``cpsam_v2``, ``cpsam``); from 4.2 on it also lists ``cpdino`` and ``cpdino-vitb``, which need the
package ``dinov3`` from a git repository and fail in a plain installation. This module adds what a course
needs around it: a small flow network of our own that goes through cellpose's real training and evaluation and
works without network, a download that announces itself and checks whom it talks to, and sentences instead of
tracebacks. `course_model` and `pretrained` return plain ``cellpose.models.CellposeModel`` objects: for
everything else use the library itself.
"""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from bioimage_course import arguments, compat, nets, shipped
from bioimage_course.compat import quiet
from bioimage_course.data import catalogue, downloading, finding, normalise
from bioimage_course.errors import InputError, ToolUnavailableError
from bioimage_course.fingerprint import kept
from bioimage_course.large.grid import Tiling
from bioimage_course.metrics.objects import median_diameter
from bioimage_course.tools import _blocks, _published

WEIGHTS = shipped.WEIGHTS / "cellpose-flows"
"""Folder of the course's own flow network: weights, card, results."""

PUBLISHED = {"cpsam_v2": "weights-cpsam-v2", "cpsam": "weights-cpsam"}
"""Cellpose-SAM's published weights, and what the course's registry calls them. ``cpsam_v2`` is cellpose 4.2's
default."""

UNIT = 30
"""Cellpose resizes images so that objects of the given diameter become so many pixels wide."""


@lru_cache(maxsize=1)
def _flow_network_class():
    """The class of our network; made on demand, because its parents come from torch and cellpose."""
    import torch

    with quiet():
        from cellpose.vit import BaseModel

    class FlowNetwork(BaseModel):
        """A U-Net in the place of Cellpose-SAM's transformer: image in, two flows and a cell logit out.

        Like the transformer it works on patches: 2×2 pixels become 4 channels of an image half as wide, and
        12 channels of the answer become 2×2 pixels of 3 channels again (8×8 pixels there). Nothing is lost,
        and the U-Net is four times faster.
        """

        def __init__(self, width, depth):
            super().__init__()
            self.arguments = {"width": width, "depth": depth}
            self.fold, self.unfold = torch.nn.PixelUnshuffle(2), torch.nn.PixelShuffle(2)
            self.unet = nets.UNet(4, 12, depth=depth, width=width, skip="add", residual=True)
            self.backbone = "course_unet"  # cellpose asks for it to choose the size of its tiles
            # cellpose takes a file without W2 for one of version 3
            self.W2 = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

        def forward(self, x):
            """Flows along y and x, times 5, and the cell logit; and zeros in the place of a style."""
            return self.unfold(self.unet(self.fold(x[:, :1]))), torch.zeros(len(x), 256, device=x.device)

    return FlowNetwork


def flow_network(width=24, depth=3):
    """A U-Net that cellpose can train and evaluate in the place of Cellpose-SAM.

    Parameters
    ----------
    width, depth : int
        As in ``nets.UNet``: channels of the first block, number of poolings.

    Returns
    -------
    cellpose.vit.BaseModel
        Give it to ``cellpose.train.train_seg``, or to `as_cellpose` for ``eval``. Input (N, C, H, W), of
        which the first channel is used; output (N, 3, H, W): five times the flow along y and along x (unit
        length inside objects), and the logit of the probability that the pixel belongs to an object.

    Raises
    ------
    ToolUnavailableError
        If cellpose is not installed.
    """
    compat.prepare("cellpose")
    return _flow_network_class()(width, depth)


def as_cellpose(network):
    """A real ``CellposeModel`` around a network of our own.

    Its ``__init__`` would insist on a file of Cellpose-SAM's size, so the four attributes that it sets are
    set here; ``eval``, tiling, dynamics and quality control are cellpose's own.

    Parameters
    ----------
    network : cellpose.vit.BaseModel
        For instance a `flow_network`.

    Returns
    -------
    cellpose.models.CellposeModel
    """
    compat.prepare("cellpose")
    with quiet():
        from cellpose.models import CellposeModel

    model = object.__new__(CellposeModel)
    model.device, model.gpu = network.device, network.device.type != "cpu"
    model.backbone, model.net = network.backbone, network.eval()
    return model


def segment(
    image,
    model=None,
    *,
    diameter="default",
    flow_threshold="default",
    cellprob_threshold="default",
    limits=None,
):
    """Segment cells or nuclei by flows.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3), or data.Sample
        Any number type. Our own network looks at one channel of bright nuclei; Cellpose-SAM takes three, in
        any order.
    model : CellposeModel, str or None
        A model, the name of a published one (see `pretrained`), or None for `course_model`.
    diameter : float, "auto" or None
        Diameter of the objects in pixels: the image is resized so that it becomes 30. None leaves the image
        as it is; "auto" segments once, measures the median diameter, and segments again. Default: for the
        course's model what was best on validation images, for others None.
    flow_threshold : float or None
        Objects are dropped whose own flows differ from the predicted ones by more than this (mean squared
        difference); None drops none. Default: the course's model's own; 0.4 for others.
    cellprob_threshold : float
        Pixels above this *logit* belong to objects: 0 is a probability of 0.5. Default: the course's model's
        own; 0 for others.
    limits : (low, high), optional
        Intensities that become 0 and 1. Default: percentiles 1 and 99 of this image, channel by channel. Give
        the limits of the whole experiment when an image may be empty: its noise is then not stretched.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background, objects count from 1. Blocks of a large image agree with the whole, but no halo makes
        them the same: tiles and the paths along the flows depend on all of the crop.

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    ToolUnavailableError
        If cellpose is not installed, or a published model cannot be had.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> labels = tools.cellpose.segment(data.load("nuclei"))  # doctest: +SKIP
    """
    array = arguments.tool_image(image, "Cellpose", colour=True)
    options = {
        "diameter": diameter,
        "flow_threshold": flow_threshold,
        "cellprob_threshold": cellprob_threshold,
    }
    options = {name: value for name, value in options.items() if value != "default"}
    _check(options, array.shape)
    if limits is not None:
        low, high = arguments.limits(array, limits)
    if model is None:
        options = results()["thresholds"] | options
    model = _published.chosen(model, course_model, pretrained, "CellposeModel", "eval", "net")
    if array.min() == array.max():  # not a single pixel differs from the others
        return np.zeros(array.shape[:2], np.int32)
    if limits is not None:
        array = normalise(array, low, high)
    auto = options.get("diameter") == "auto"
    # as a dictionary: cellpose remembers a plain False for all later calls
    options = {"normalize": {"normalize": limits is None}} | options | ({"diameter": None} if auto else {})
    labels = _evaluate(model, array, options)
    if auto and labels.any():
        longest = UNIT * min(labels.shape)  # else the image would shrink to nothing
        labels = _evaluate(model, array, options | {"diameter": min(median_diameter(labels), longest)})
    return labels


def tiling(model=None, *, limits=None, diameter="default", **others):
    """What `segment` needs to be run in blocks (see `large.tiling`); the same objects are not promised.

    Parameters
    ----------
    model, limits, diameter
        As in `segment`.
    others
        Other settings of `segment`; they change nothing.

    Returns
    -------
    large.Tiling
    """
    own = "Each block would be resized by diameters of its own: give the diameter of the whole image."
    problem = _blocks.unlike_blocks(limits) or (own if diameter == "auto" else "")
    return Tiling(problem=problem)


segment.tiling = tiling


def _check(options, shape):
    """The numbers of `segment`, one sentence each."""
    diameter = options.get("diameter")
    if diameter not in (None, "auto"):
        arguments.number(diameter, "diameter", 1, 10_000, alternative="auto")
        arguments.not_to_nothing(shape[:2], UNIT / diameter, f"diameter={diameter:g}")
    if options.get("flow_threshold") is not None:
        arguments.number(options["flow_threshold"], "flow_threshold", 0, np.inf)
    if "cellprob_threshold" in options:
        arguments.number(options["cellprob_threshold"], "cellprob_threshold", -100, 100)


def _evaluate(model, array, options):
    """Labels by cellpose's own ``eval``."""
    with quiet():
        labels, _, _ = model.eval(array, channel_axis=2 if array.ndim == 3 else None, bsize=256, **options)
    return labels.astype(np.int32).reshape(array.shape[:2])  # cellpose drops an axis of one pixel


@kept
def course_model():
    """The course's own flow network for fluorescence nuclei (made by ``training/cellpose_flows.py``).

    Returns
    -------
    cellpose.models.CellposeModel
        Loaded once a process, and once more if somebody has changed it. `results` has the thresholds that
        were chosen for it.

    Raises
    ------
    DataUnavailableError
        If a file of the checkpoint is missing or not the one that its results describe.
    ToolUnavailableError
        If cellpose is not installed.
    """
    about = results()
    network = flow_network(about["settings"]["width"], about["settings"]["depth"])
    ((name, digest),) = about["files"].items()
    return as_cellpose(nets.load(WEIGHTS / name, sha256=digest, model=network))


def results():
    """What ``training/cellpose_flows.py`` measured: settings, data, thresholds, losses, scores.

    Returns
    -------
    dict
        The content of ``weights/cellpose-flows/results.json``.
    """
    return shipped.results(WEIGHTS)


def weights_file(name="cpsam_v2"):
    """Where cellpose keeps a published model on this machine, whether it is there or not.

    Parameters
    ----------
    name : {"cpsam_v2", "cpsam"}

    Returns
    -------
    Path
        In ``~/.cellpose/models``, or in the folder that ``CELLPOSE_LOCAL_MODELS_PATH`` names.

    Raises
    ------
    InputError
        If no published model has that name.
    """
    if name not in PUBLISHED:
        if name in ("cpdino", "cpdino-vitb"):
            raise InputError(
                f"{name!r} needs the package dinov3, which no package index has, and the course does not "
                f"bring it; take one of {', '.join(PUBLISHED)}."
            )
        raise InputError(f"Cellpose 4 has published no model {name!r}; there are {', '.join(PUBLISHED)}.")
    folder = os.environ.get("CELLPOSE_LOCAL_MODELS_PATH")
    return Path(folder) / name if folder else compat.home("cellpose") / ".cellpose" / "models" / name


def announcement(name="cpsam_v2"):
    """What a download of Cellpose-SAM costs: bytes, memory, time. Printed before it begins.

    Parameters
    ----------
    name : {"cpsam_v2", "cpsam"}

    Returns
    -------
    str
    """
    weights_file(name)  # refuses unknown names
    size = _registered(name).bytes
    return (
        f"{name}: {size / 1e9:.2f} GB to download (about {size * 8 / 50e6 / 60:.0f} minutes at 50 Mbit/s) "
        "and to keep on disk; about 3 GB of memory; 10 to 60 seconds a tile of 256 × 256 pixels on a CPU, "
        "a fraction of a second on a GPU."
    )


@lru_cache(maxsize=1)
def pretrained(name="cpsam_v2", download=False):
    """Cellpose-SAM, the network that version 4 of cellpose is about (ViT-L, 305 million parameters).

    Parameters
    ----------
    name : {"cpsam_v2", "cpsam"}
    download : bool
        Agree to fetching 1.2 GB if they are not here yet. What it costs is printed first, and progress shown.

    Returns
    -------
    cellpose.models.CellposeModel
        On a GPU if there is one.

    Raises
    ------
    InputError
        If no published model has that name.
    ToolUnavailableError
        If the weights are not here and may not or cannot be fetched, are not the published ones, or cellpose
        is not installed.

    Notes
    -----
    The file is fetched with its certificate and sha256 checked; cellpose's own download checks neither. A
    copy in the course's cache or in a mirror is used where it lies.
    """
    compat.prepare("cellpose")
    path = weights_file(name)
    if not path.is_file():
        path = _fetch(name, path, download)
    elif not finding.intact(path, _registered(name)):
        raise ToolUnavailableError(
            f"{path} is not the published {name} (its sha256 differs), perhaps a download was cut off; "
            f"delete it and call tools.cellpose.pretrained({name!r}, download=True)."
        )
    import torch

    with quiet():
        from cellpose.models import CellposeModel

        gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
        return CellposeModel(gpu=gpu, pretrained_model=str(path), use_bfloat16=gpu)  # slow on CPUs


def _downloaded(name):
    """True if a published model is here: where cellpose keeps it, in the cache or in a mirror."""
    return weights_file(name).is_file() or finding.local_path(_entry(name), _registered(name)) is not None


def _entry(name):
    """The registry's entry of a published model."""
    return catalogue.entry(PUBLISHED[name])


def _registered(name):
    """What the registry knows of a published model: bytes, sha256, address."""
    return _entry(name).files[name]


def _fetch(name, path, agreed):
    """Where a published model lies after it was looked for and downloaded; or why not, in one sentence."""
    file = _registered(name)
    here = finding.local_path(_entry(name), file)
    if here is not None:
        return here
    way_out = "tools.cellpose.course_model() works without it"
    missing = f"Cellpose-SAM's weights ({file.bytes / 1e9:.1f} GB) are not on this machine"
    if finding.offline():
        raise ToolUnavailableError(
            f"{missing}, and BIOIMAGE_COURSE_OFFLINE forbids to fetch them; {way_out}."
        )
    if not agreed:
        raise ToolUnavailableError(
            f"{missing}; call tools.cellpose.pretrained({name!r}, download=True) to fetch them, or go on: "
            f"{way_out}."
        )
    print(announcement(name))
    try:
        return downloading.download(file.sources[0], path, file.sha256)
    except downloading.Failure as failure:
        folder = "CELLPOSE_LOCAL_MODELS_PATH"
        raise _published.not_downloaded("Cellpose-SAM", failure.trouble, folder, way_out) from None
