"""Checkpoints: a file of weights, and beside it a card (JSON) that says where they come from."""

import hashlib
import io
import json
import pickle
from pathlib import Path

import torch

from bioimage_course import files, shipped
from bioimage_course.errors import DataUnavailableError, InputError
from bioimage_course.nets import networks

CELL_CLASSIFIER = shipped.WEIGHTS / "cell-classifier" / "cell-classifier.pt"
"""File of the course's classifier of blood cells; its card and ``results.json`` lie beside it."""

NETWORKS = {"CNN": networks.CNN, "MLP": networks.MLP, "UNet": networks.UNet}


def save(model, path, card=None):
    """Save a network's weights and, beside them, their card.

    Parameters
    ----------
    model : torch.nn.Module
        A network of the course is loaded by :func:`load` alone; another needs ``load(…, model=…)``.
    path : str or Path
        File of the weights, such as ``unet.pt``; the card is ``unet.json``. Existing files are replaced, each
        in one step.
    card : dict, optional
        What a reader must know: data with hashes, seed, minutes, scores, licence. Architecture, number
        of parameters, the file's size and its sha256 are added.

    Returns
    -------
    str
        The file's sha256, for a registry.

    Raises
    ------
    InputError
        If the card holds something that JSON cannot, or uses a key that is added here.
    """
    path = Path(path)
    if path.suffix == ".json":
        raise InputError(f"{path.name}: a checkpoint ends in .pt; its card beside it ends in .json.")
    buffer = io.BytesIO()
    torch.save({name: value.detach().cpu() for name, value in model.state_dict().items()}, buffer)
    weights = buffer.getvalue()
    sha256 = hashlib.sha256(weights).hexdigest()
    added = {
        "network": type(model).__name__,
        "arguments": getattr(model, "arguments", None),
        "parameters": networks.count_parameters(model),
        "bytes": len(weights),
        "sha256": sha256,
    }
    taken = sorted(set(added) & set(card or {}))
    if taken:
        raise InputError(f"The card's keys {', '.join(taken)} are filled in by save; leave them out.")
    try:
        text = json.dumps({**(card or {}), **added}, indent=2, ensure_ascii=False, default=_plain) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError(f"The card must hold text, numbers, lists and dictionaries only: {error}.") from None
    files.save(path, weights)
    files.save(path.with_suffix(".json"), text)
    return sha256


def load(path, sha256=None, model=None, device="cpu"):
    """Load a network, after its hash has been checked.

    Parameters
    ----------
    path : str or Path
        File of the weights; its card lies beside it.
    sha256 : str, optional
        Expected hash. By default the card's, which tells damage but not forgery.
    model : torch.nn.Module, optional
        Gets the weights; by default the network that the card names is made.
    device : str or torch.device

    Returns
    -------
    torch.nn.Module
        In evaluation mode, with the card as ``model.card``.

    Raises
    ------
    DataUnavailableError
        If a file is missing or the hash differs.
    InputError
        If the card or the weights are not those of a network of the course, or do not fit `model`.
    """
    path = Path(path)
    card = _read_card(path.with_suffix(".json"))
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise DataUnavailableError(f"The checkpoint {path} cannot be read ({error.strerror}).") from None
    expected = sha256 or card.get("sha256")
    found = hashlib.sha256(weights).hexdigest()
    if found != expected:
        raise DataUnavailableError(
            f"The checkpoint {path.name} is not the expected file (sha256 {found[:12]}…, expected "
            f"{str(expected)[:12]}…); delete it and fetch it again."
        )
    try:
        state = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} holds no plain weights ({str(error).partition('.')[0]}).") from None
    model = _make(card, path) if model is None else model
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"The weights in {path.name} do not fit this {type(model).__name__}: {reason}"
        ) from None
    model.card = card
    return model.eval().to(device)


def cell_classifier(device="cpu"):
    """The course's own classifier of blood cells: red cell, white cell or platelet.

    Made by ``training/cell_classifier.py`` from the BCCD images, split by image. Each call reads the file
    anew, so that a network may be changed freely.

    Parameters
    ----------
    device : str or torch.device

    Returns
    -------
    CNN
        In evaluation mode. Input: RGB crops (N, 3, 64, 64), float from 0 to 1, cut by ``data.crops``.
        Output: scores (N, 3) of the classes ``model.card["classes"]``. ``model.features[-2]`` gives its last
        feature maps, (N, 128, 8, 8).

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged.

    Examples
    --------
    >>> model = cell_classifier()
    >>> model.card["classes"]
    ['red cell', 'white cell', 'platelet']
    """
    return load(CELL_CLASSIFIER, device=device)


def _make(card, path):
    if card.get("network") not in NETWORKS or not isinstance(card.get("arguments"), dict):
        raise InputError(
            f"The card of {path.name} names the network {card.get('network')!r}, which is not one of "
            f"{', '.join(NETWORKS)}; make it yourself and call load(…, model=…)."
        )
    try:
        return NETWORKS[card["network"]](**card["arguments"])
    except TypeError as error:
        raise InputError(f"The card of {path.name} does not fit {card['network']}: {error}.") from None


def _read_card(path):
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataUnavailableError(f"The card {path} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise InputError(f"The card {path.name} is not valid JSON ({error}).") from None
    if not isinstance(card, dict):
        raise InputError(f"The card {path.name} must hold one dictionary.")
    return card


def _plain(value):
    """NumPy's and PyTorch's numbers and arrays as plain ones; paths as text."""
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is none of these")
