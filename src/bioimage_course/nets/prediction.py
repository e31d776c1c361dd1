"""What a trained network makes of some inputs."""

import torch

from bioimage_course import arguments
from bioimage_course.errors import InputError, first_line
from bioimage_course.nets.devices import home, on_device


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
        kind = f"{tuple(inputs.shape)} {str(inputs.dtype)[6:]}"
        raise InputError(f"The network cannot take inputs of shape {kind}: {first_line(error)}.") from error
    finally:
        model.train(was_training)


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
        array = arguments.plain(value, name)
        if not array.flags.writeable or any(step < 0 for step in array.strides):
            array = array.copy()  # PyTorch shares memory, and knows neither of the two
        return torch.as_tensor(array)
    except InputError:
        raise
    except Exception as error:  # ragged lists, text, numbers that PyTorch does not have
        reason = " ".join(str(error).split())[:150].rstrip(".")
        raise InputError(f"{name} must be a tensor or an array of numbers ({reason}).") from None
