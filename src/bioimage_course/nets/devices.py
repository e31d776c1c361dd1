"""Where a network runs: on a GPU, if there is one."""

import contextlib

import torch

from bioimage_course.errors import InputError, first_line


def device(name=None):
    """The fastest device of this machine: CUDA, else Apple's MPS, else the CPU.

    Parameters
    ----------
    name : str or torch.device, optional
        This device instead, "cpu" say.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If this machine has no device of that name.
    """
    if name is not None:
        try:
            torch.empty(0, device=name)
            return torch.device(name)
        except (RuntimeError, AssertionError, TypeError) as error:
            told = first_line(error)
            raise InputError(
                f"There is no device {name!r} here ({told}); leave it out, or say 'cpu'."
            ) from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def home(model):
    """The device on which a model is."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


@contextlib.contextmanager
def on_device(model, device):
    """Move a model to a device, and back whatever happens."""
    before = home(model)
    model.to(device)
    try:
        yield
    finally:
        model.to(before)
