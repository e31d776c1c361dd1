"""Where and how a network runs: device, seeds, prediction."""

import contextlib
import random

import numpy as np
import torch

from bioimage_course import arrays
from bioimage_course.errors import InputError


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
            reason = str(error).partition("\n")[0].rstrip(".")
            raise InputError(
                f"There is no device {name!r} here ({reason}); leave it out, or say 'cpu'."
            ) from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def seed_everything(seed):
    """Seed Python's, NumPy's and PyTorch's random numbers.

    Call it before a network is made: its first weights are random.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise InputError(f"A seed is a whole number from 0 to 2**32 - 1, not {seed!r}.")
    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))


def as_tensor(value, name):
    """A tensor of a tensor, an array of any byte order and layout, or a list.

    Parameters
    ----------
    value : Tensor, array or list
    name : str
        For the sentence.

    Raises
    ------
    InputError
        If it cannot be made into one, or pixels of it are masked.
    """
    if isinstance(value, torch.Tensor):
        return value
    try:
        array = arrays.plain(value, name)
        if not array.flags.writeable or any(step < 0 for step in array.strides):
            array = array.copy()  # PyTorch shares memory, and knows neither of the two
        return torch.as_tensor(array)
    except InputError:
        raise
    except Exception as error:  # ragged lists, text, numbers that PyTorch does not have
        reason = " ".join(str(error).split())[:150].rstrip(".")
        raise InputError(f"{name} must be a tensor or an array of numbers ({reason}).") from None


def predict(model, inputs, batch_size=64, device=None):
    """What a network makes of some inputs, in evaluation mode and without gradients.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : Tensor or ndarray, shape (N, …)
    batch_size : int
        How many at a time.
    device : str or torch.device, optional
        Default: the device on which the model is.

    Returns
    -------
    Tensor, shape (N, …)
        On the CPU.

    Raises
    ------
    InputError
        If there are no inputs, or the network cannot take them.
    """
    inputs = as_tensor(inputs, "inputs")
    if inputs.ndim == 0 or len(inputs) == 0:
        raise InputError(
            f"predict needs at least one example along the first axis, not shape {tuple(inputs.shape)}."
        )
    was_training = model.training
    target = torch.device(device or home(model))
    try:
        with on_device(model.eval(), target), torch.no_grad():
            return torch.cat([model(batch.to(target)).cpu() for batch in inputs.split(batch_size)])
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        kind = f"{tuple(inputs.shape)} {str(inputs.dtype)[6:]}"
        raise InputError(f"The network cannot take inputs of shape {kind}: {reason}.") from error
    finally:
        model.train(was_training)


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


@contextlib.contextmanager
def seeded(seed):
    """Seed all random numbers, and put the former states back afterwards; None does nothing."""
    if seed is None:
        yield
        return
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    seed_everything(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
