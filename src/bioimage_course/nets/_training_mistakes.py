"""Mistakes in training, each turned into one sentence that says where it happened."""

import warnings

import torch

from bioimage_course import arguments
from bioimage_course.errors import InputError, first_line
from bioimage_course.nets.prediction import as_tensor

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def check_arguments(model, train_loader, validation_loader, loss, epochs, patience, clip):
    """What `fit` was given, looked at before it begins."""
    if not isinstance(model, torch.nn.Module) or not any(p.requires_grad for p in model.parameters()):
        raise InputError("fit needs a torch.nn.Module with at least one parameter that can be trained.")
    for loader in [train_loader] + [validation_loader] * (validation_loader is not None):
        if not hasattr(loader, "__iter__") and not hasattr(loader, "__getitem__"):
            raise InputError(f"A loader must give batches of (inputs, targets), not be {loader!r}.")
    if not callable(loss):
        raise InputError(f"loss must be a function of predictions and targets, not {loss!r}.")
    arguments.whole(epochs, "epochs")
    if patience is not None:
        arguments.whole(patience, "patience")
        if validation_loader is None:
            raise InputError("patience watches the validation loss; give fit a validation_loader.")
    if clip is not None and not clip > 0:
        raise InputError(f"clip must be a positive number, not {clip!r}.")


def make_optimiser(optimiser, parameters, learning_rate, weight_decay):
    """The optimiser of that name, or the one that was given."""
    if isinstance(optimiser, torch.optim.Optimizer):
        return optimiser
    if not isinstance(optimiser, str) or optimiser not in OPTIMISERS:
        raise InputError(
            f"Unknown optimiser {optimiser!r}; choose one of {', '.join(OPTIMISERS)} or pass one."
        )
    try:
        return OPTIMISERS[optimiser](parameters, lr=learning_rate, weight_decay=weight_decay)
    except (TypeError, ValueError) as error:
        raise InputError(f"The optimiser refuses its settings: {error}.") from None


def unpack(batch, place):
    """Inputs and targets of a batch."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise InputError(f"In {place}: a batch must be a pair (inputs, targets), not {type(batch).__name__}.")
    names = ("inputs", "targets")
    inputs, targets = (as_tensor(part, f"{place}: {name}") for name, part in zip(names, batch, strict=True))
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or not len(inputs):
        raise InputError(
            f"In {place}: {_shapes(inputs, targets)}; both need the same, positive first length."
        )
    return inputs, targets


def forward(model, loss, inputs, targets, place):
    """Prediction and loss; whatever goes wrong becomes a sentence with place and shapes."""
    try:
        predictions = model(inputs)
        given, wanted = tuple(predictions.shape), tuple(targets.shape)
        without_ones = [tuple(n for n in shape if n != 1) for shape in (given, wanted)]
        if targets.is_floating_point() and given != wanted and without_ones[0] == without_ones[1]:
            raise ValueError(f"predictions {given} and targets {wanted} differ by an axis of length 1")
        with warnings.catch_warnings():  # PyTorch only warns where it stretches one shape to another
            warnings.filterwarnings("error", message="Using a target size")
            value = loss(predictions, targets)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, UserWarning) as error:
        raise InputError(f"In {place}: {_shapes(inputs, targets)}; {first_line(error)}.") from error
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise InputError(f"In {place}: the loss must be one number, not {getattr(value, 'shape', value)}.")
    if not torch.isfinite(value):
        broken = [n for n, x in (("inputs", inputs), ("targets", targets)) if not torch.isfinite(x).all()]
        cause = "try a lower learning rate"
        if broken:
            cause = f"the {' and '.join(broken)} contain NaN or infinity"
        raise InputError(f"In {place}: the loss is {value.item()}; {cause}.")
    return predictions, value


def _shapes(inputs, targets):
    pairs = zip(("inputs", "targets"), (inputs, targets), strict=True)
    return ", ".join(f"{name} {tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" for name, x in pairs)


def require_gradient(value, place):
    """Refuse a loss that teaches nothing."""
    if not value.requires_grad:
        raise InputError(f"In {place}: the loss does not depend on the weights; was it detached?")


def measure(name, metric, predictions, targets, place):
    """A metric of one batch as a number."""
    try:
        return float(metric(predictions, targets))
    except Exception as error:
        raise InputError(f"In {place}: the metric {name!r} stopped with {error!r}.") from error


def require_examples(examples, where):
    """Refuse a loader without batches."""
    if not examples:
        raise InputError(f"In {where}: the loader is empty (a generator is, from the second epoch on).")
