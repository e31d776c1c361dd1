"""The learning-rate range test: one batch a rate, from far too small to far too large."""

import copy
import itertools
import math

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.nets import _training_mistakes as mistakes
from bioimage_course.nets.devices import device as best_device
from bioimage_course.nets.seeds import seeded


def range_test(
    model, loader, *, loss, optimiser="adam", lowest=1e-6, highest=10.0, steps=100, seed=0, device=None
):
    """Learn with a rate that grows from batch to batch, and note the loss of each batch.

    Where the loss begins to fall, the rate is large enough to learn; where it shoots up, it is too large. A
    usual choice is a rate about ten times smaller than the one with the lowest loss.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it is: a copy learns.
    loader : iterable of (inputs, targets)
        Batches; after the last one it begins again.
    loss : callable
        As for :func:`fit`.
    optimiser : {"adam", "adamw", "sgd"}
    lowest, highest : float
        First and last learning rate; those between are spaced evenly on a logarithmic scale.
    steps : int
        How many rates are tried.
    seed : int or None
        As for :func:`fit`.
    device : str or torch.device, optional
        Default: see :func:`device`.

    Returns
    -------
    rates, losses : ndarray of float, shape (n,)
        A loss belongs to the batch *before* its rate was used for the first time on it, so it shows what the
        rates before have done. The test ends, with n below `steps`, where the loss is no number any more or
        ten times as high as at the start.

    Raises
    ------
    InputError
        If an argument is out of range, or the loader is empty.

    References
    ----------
    Smith 2017, Cyclical learning rates for training neural networks, WACV, section 3.3; there the rate grows
    linearly and the accuracy is watched. The logarithmic scale and the loss of the batch came later.

    Examples
    --------
    >>> import torch
    >>> x = torch.linspace(-1, 1, 32)[:, None]
    >>> rates, losses = range_test(torch.nn.Linear(1, 1), [(x, 3 * x)], loss=torch.nn.MSELoss(), highest=1e3)
    >>> bool(losses.min() < losses[0] < losses[-1])
    True
    """
    mistakes.check_arguments(model, loader, None, loss, 1, None, None)
    steps = arguments.whole(steps, "steps", 2)
    lowest = arguments.number(lowest, "lowest", 0, math.inf)
    if not 0 < lowest < highest:
        raise InputError(f"The rates must grow from above 0, not from {lowest!r} to {highest!r}.")
    device = best_device(device)
    model = copy.deepcopy(model).to(device).train()
    moving = mistakes.make_optimiser(
        optimiser, [p for p in model.parameters() if p.requires_grad], lowest, 0.0
    )
    rates, losses = np.geomspace(lowest, highest, steps), []
    with seeded(seed):
        batches = itertools.chain.from_iterable(itertools.repeat(loader))
        for rate, batch in zip(rates, batches, strict=False):
            inputs, targets = (part.to(device) for part in mistakes.unpack(batch, "the range test"))
            if losses:
                value = loss(model(inputs), targets)  # may be NaN: that is what the test is for
            else:  # the first batch says whether shapes and values fit at all
                value = mistakes.forward(model, loss, inputs, targets, "the range test")[1]
            moving.param_groups[0]["lr"] = rate
            losses.append(value.item())
            if not math.isfinite(losses[-1]) or losses[-1] > 10 * losses[0]:
                break
            moving.zero_grad()
            value.backward()
            moving.step()
    mistakes.require_examples(len(losses), "the range test")
    return rates[: len(losses)], np.array(losses)
