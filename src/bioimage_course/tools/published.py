"""Models that others have published, each as ``segment(image) -> labels``.

What a model is, what it learnt from and under which licence stands in the model atlas of the book
(``book/models.yml``); a test holds both together. This module only knows how to run those that the course
compares: each by its own library's own download, whose hash is checked before anything is read.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError, ToolUnavailableError, nearest
from bioimage_course.tools import cellpose, micro_sam, stardist

SMALL = 100
"""Downloads of at most so many megabytes need no agreement."""


@dataclass(frozen=True)
class Published:
    """A published model and how the course runs it.

    Attributes
    ----------
    name : str
        As its library calls it, with ``-apg`` behind it where it is run by automatic prompts.
    model : str
        Its name in its library and in the model atlas.
    tool : str
        Name of the tool's record: ``"stardist"``, ``"cellpose"`` or ``"micro-sam"``.
    title : str
        As tables show it.
    megabytes : int
        To download: as published, or for micro-sam's models counted from the architecture.
    licence : str
        Of the weights, as far as the model atlas knows it.
    seen : str
        Whether images of DSB2018 were in its training set: ``"yes"``, ``"no"`` or ``"unknown"``.
    images : str
        ``"fluorescence"``, or ``"H&E"`` for a model that needs colours.
    """

    name: str
    model: str
    tool: str
    title: str
    megabytes: int
    licence: str
    seen: str
    images: str = "fluorescence"

    @property
    def small(self) -> bool:
        """Whether it is downloaded without asking."""
        return self.megabytes <= SMALL


def _entries():
    bsd = "BSD-3-Clause"
    cellpose_sam = f"{bsd}; trained on images for non-commercial use"
    yield Published("2D_versatile_fluo", "2D_versatile_fluo", "stardist", "StarDist", 5, bsd, "yes")
    yield Published("2D_versatile_he", "2D_versatile_he", "stardist", "StarDist, H&E", 5, bsd, "no", "H&E")
    yield Published(
        "cpsam_v2", "cpsam_v2", "cellpose", "Cellpose-SAM, second version", 1234, cellpose_sam, "unknown"
    )
    yield Published("cpsam", "cpsam", "cellpose", "Cellpose-SAM", 1234, cellpose_sam, "yes")
    for model, title, megabytes in (
        ("vit_t_lm", "micro-sam, tiny", 79),
        ("vit_b_lm", "micro-sam, base", 413),
        ("vit_l_lm", "micro-sam, large", 1288),
    ):
        yield Published(model, model, "micro-sam", f"{title} (AIS)", megabytes, "unknown", "yes")
        yield Published(f"{model}-apg", model, "micro-sam", f"{title} (APG)", megabytes, "unknown", "yes")


MODELS = {entry.name: entry for entry in _entries()}


def about(name):
    """What the course knows of one published model.

    Parameters
    ----------
    name : str
        A key of `MODELS`.

    Returns
    -------
    Published

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in MODELS:
        near = nearest(str(name), MODELS)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(MODELS)}."
        raise InputError(f"The course runs no published model called {name!r}; {hint}")
    return MODELS[name]


def names(which="small"):
    """Names of the models to run.

    Parameters
    ----------
    which : {"none", "small", "all"} or list of str
        ``"small"``: those whose download needs no agreement.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If `which` is none of these.
    """
    if which in ("none", "small", "all"):
        return [n for n, entry in MODELS.items() if which == "all" or (which == "small" and entry.small)]
    if isinstance(which, str):
        raise InputError(f'which is "none", "small", "all" or a list of names, not {which!r}.')
    return [about(name).name for name in which]


def sensible():
    """Which models to run here: ``"all"`` on Colab with a GPU, else ``"small"``.

    Returns
    -------
    str
        For `names`.
    """
    import torch

    return "all" if "google.colab" in sys.modules and torch.cuda.is_available() else "small"


def segmenter(name, *, download=False):
    """A published model, ready to segment; downloaded if need be.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    download : bool
        Agree to a download of more than 100 MB.

    Returns
    -------
    callable
        ``segment(image) -> labels``, an array of int32. StarDist's models take one channel (Y, X), bright
        objects on dark ground, or those for H&E (Y, X, 3); Cellpose-SAM and micro-sam take both. Settings are
        those of the authors.

    Raises
    ------
    InputError
        If the course runs no such model.
    ToolUnavailableError
        If it is not here and may not or cannot be downloaded, or its library is not installed.

    Examples
    --------
    >>> from bioimage_course import data, tools
    >>> segment = tools.published.segmenter("2D_versatile_fluo")  # doctest: +SKIP
    >>> labels = segment(data.load("nuclei").image)  # doctest: +SKIP
    """
    entry = about(name)
    if not (entry.small or download or here(name)):
        raise ToolUnavailableError(
            f"{entry.model} is not on this machine; download=True fetches its {entry.megabytes} MB."
        )
    if entry.tool == "stardist":
        model = stardist.pretrained(entry.model)
        return lambda image: stardist.segment(image, model)
    if entry.tool == "cellpose":
        model = cellpose.pretrained(entry.model, download=True)
        return lambda image: cellpose.segment(image, model)
    micro_sam.with_decoder(entry.model)  # now, not at the first image
    method = "apg" if name.endswith("-apg") else "ais"

    def segment(image):
        image = arguments.tool_image(image, "micro-sam", colour=True)
        low, high = float(image.min()), float(image.max())  # micro-sam stretches images from end to end
        limits = (low, high) if high > low else None
        return micro_sam.segment_automatic(image, method, model=entry.model, limits=limits)

    return segment


def here(name):
    """Whether a published model is on this machine already.

    Parameters
    ----------
    name : str
        A key of `MODELS`.

    Returns
    -------
    bool
    """
    entry = about(name)
    if entry.tool == "stardist":
        return stardist._downloaded(entry.model)
    if entry.tool == "cellpose":
        return cellpose._downloaded(entry.model)
    return micro_sam._downloaded(micro_sam._library(), entry.model, f"{entry.model}_decoder")


def compare(image, truth=None, which="small", *, download=False):
    """Let published models segment one image; what cannot be had becomes a sentence.

    Parameters
    ----------
    image : array (Y, X)
        Bright nuclei on dark ground.
    truth : array of int (Y, X), optional
        Scores need it.
    which : {"none", "small", "all"} or list of str
        As for `names`; models for H&E are left out.
    download : bool
        Agree to downloads of more than 100 MB.

    Returns
    -------
    labels : dict of str to array of int32
        Of the models that could be had.
    rows : list of dict
        For ``show.table``: model, MB, licence, DSB2018 in its training, the seconds that it took here (with
        the processor that cellpose and micro-sam use), and AP@0.5 or why there is none.
    """
    import torch
    from tqdm.auto import tqdm

    from bioimage_course import metrics

    labels, rows = {}, []
    processor = "GPU" if torch.cuda.is_available() else "CPU"
    chosen = [name for name in names(which) if about(name).images == "fluorescence"]
    for name in tqdm(chosen, desc="published models", disable=not chosen):
        entry = about(name)
        row = {"model": f"{entry.title}: {entry.model}", "MB": entry.megabytes, "licence": entry.licence}
        row |= {"DSB2018 in its training": entry.seen, f"seconds ({processor})": "–"}
        try:
            segment = segmenter(name, download=download)  # what the download takes is not counted
            started = time.perf_counter()
            labels[name] = np.asarray(segment(image))
            row[f"seconds ({processor})"] = f"{time.perf_counter() - started:.1f}"
            ap = "–" if truth is None else f"{metrics.match(truth, labels[name]).average_precision:.2f}"
        except ToolUnavailableError as reason:
            ap = str(reason)
        rows.append(row | {"AP@0.5": ap})
    return labels, rows
