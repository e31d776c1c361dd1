"""One training loop for the whole course.

Forward pass, loss, backward pass, update; once an epoch the validation loss. Everything else in this file
keeps a record or turns a mistake into one sentence that says where it happened.
"""

import copy
import math
import sys
import time
import warnings

import torch
from tqdm.auto import tqdm

from bioimage_course.errors import InputError
from bioimage_course.nets.history import History
from bioimage_course.nets.running import as_tensor, on_device, seeded
from bioimage_course.nets.running import device as best_device

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def fit(
    model,
    train_loader,
    validation_loader=None,
    *,
    loss,
    optimiser="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    epochs=20,
    patience=None,
    scheduler=None,
    clip=None,
    metrics=None,
    seed=0,
    device=None,
    progress=True,
):
    """Train a network.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place. Afterwards it is in evaluation mode and back on the device on which it was.
    train_loader, validation_loader : iterable of (inputs, targets)
        Batches, usually a ``DataLoader``; a list of pairs does as well. The first axis counts the examples.
    loss : callable
        ``loss(predictions, targets)`` gives one number, averaged over the batch.
    optimiser : {"adam", "adamw", "sgd"} or torch.optim.Optimizer
        A name, used with `learning_rate` and `weight_decay`, or a ready optimiser.
    epochs : int
        Passes through the training data.
    patience : int, optional
        Stop when the validation loss has not reached a new minimum for so many epochs, and give the network
        its best weights back. Without it, training runs to the end and the last weights stay.
    scheduler : callable or scheduler, optional
        ``scheduler(optimiser)`` gives a PyTorch scheduler; stepped once an epoch.
    clip : float, optional
        Longest gradient: a longer one is scaled down to this norm.
    metrics : dict, optional
        ``{"accuracy": function(predictions, targets)}``, averaged over the examples of an epoch.
    seed : int or None
        Seeds Python, NumPy and PyTorch for the time of training (the order of a shuffling loader, dropout,
        augmentation). Their former states come back afterwards. The first weights are drawn before, when the
        model is made: call :func:`seed_everything` there. None leaves all as it is.
    device : str or torch.device, optional
        Default: see :func:`device`.
    progress : bool
        Show a progress bar, where somebody can see it.

    Returns
    -------
    History

    Raises
    ------
    InputError
        If a loader is empty, shapes do not match or the loss is NaN or infinite; the sentence says where.

    Notes
    -----
    The stop button (a `KeyboardInterrupt`) ends training after the first epoch like patience does: the
    history of the finished epochs is returned, and one line says so. Before, nothing has been learnt and the
    interrupt goes on. However training ends, the network is left in evaluation mode, with its best weights
    if there is patience.
    """
    _check_arguments(model, train_loader, validation_loader, loss, epochs, patience, clip)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    device = best_device(device)
    optimiser = _make_optimiser(optimiser, parameters, learning_rate, weight_decay)
    scheduler = scheduler(optimiser) if callable(scheduler) else scheduler
    metrics = dict(metrics or {})
    parts = ["training"] + ["validation"] * (validation_loader is not None)
    history = History(device=str(device))
    history.metrics = {name: {part: [] for part in parts} for name in metrics}
    best, best_weights, start = math.inf, None, time.perf_counter()

    def update(value):
        optimiser.zero_grad()
        value.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()

    def one_epoch(epoch):
        """Train and validate once; the loss that counts."""
        rate = optimiser.param_groups[0]["lr"]
        model.train()
        seen = {
            "training": _run(model, train_loader, loss, metrics, device, f"epoch {epoch}, training", update)
        }
        if validation_loader is not None:
            model.eval()
            with torch.no_grad():
                seen["validation"] = _run(
                    model, validation_loader, loss, metrics, device, f"epoch {epoch}, validation"
                )
        _note(history, seen, rate)  # only whole epochs are noted
        return seen[parts[-1]]["loss"]

    try:
        with seeded(seed), on_device(model, device), _bar(epochs, progress) as bar:
            for epoch in range(1, epochs + 1):
                current = one_epoch(epoch)
                if current < best:
                    best, history.best_epoch = current, epoch
                    best_weights = copy.deepcopy(model.state_dict()) if patience is not None else None
                if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
                    scheduler.step(current)
                elif scheduler is not None:
                    scheduler.step()
                bar.update()
                bar.set_postfix_str(f"loss {current:.4g}, best epoch {history.best_epoch}")
                if patience is not None and epoch - history.best_epoch >= patience:
                    history.stopped_early = epoch < epochs
                    break
    except KeyboardInterrupt:
        if not history.epochs:
            raise
        history.interrupted = True
        print(f"Training was stopped by hand after {history.epochs} whole epochs; the network can be used.")
    finally:
        if best_weights is not None:
            model.load_state_dict(best_weights)
        model.eval()
    history.seconds = time.perf_counter() - start
    return history


def _run(model, loader, loss, metrics, device, where, update=None):
    """One pass through a loader: mean loss and metrics over its examples; `update` gets each batch's loss."""
    totals, examples = dict.fromkeys(["loss", *metrics], 0.0), 0
    for number, batch in enumerate(loader, 1):
        place = f"{where} batch {number}"
        inputs, targets = (tensor.to(device) for tensor in _unpack(batch, place))
        predictions, value = _forward(model, loss, inputs, targets, place)
        if update is not None:
            if not value.requires_grad:
                raise InputError(f"In {place}: the loss does not depend on the weights; was it detached?")
            update(value)
        totals["loss"] += value.item() * len(inputs)
        for name, metric in metrics.items():
            try:
                totals[name] += float(metric(predictions.detach(), targets)) * len(inputs)
            except Exception as error:
                raise InputError(f"In {place}: the metric {name!r} stopped with {error!r}.") from error
        examples += len(inputs)
    if not examples:
        raise InputError(f"In {where}: the loader is empty (a generator is, from the second epoch on).")
    return {name: total / examples for name, total in totals.items()}


def _unpack(batch, place):
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise InputError(f"In {place}: a batch must be a pair (inputs, targets), not {type(batch).__name__}.")
    names = ("inputs", "targets")
    inputs, targets = (as_tensor(part, f"{place}: {name}") for name, part in zip(names, batch, strict=True))
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or not len(inputs):
        raise InputError(
            f"In {place}: {_shapes(inputs, targets)}; both need the same, positive first length."
        )
    return inputs, targets


def _forward(model, loss, inputs, targets, place):
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
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(f"In {place}: {_shapes(inputs, targets)}; {reason}.") from error
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise InputError(f"In {place}: the loss must be one number, not {getattr(value, 'shape', value)}.")
    if not torch.isfinite(value):
        broken = [n for n, x in (("inputs", inputs), ("targets", targets)) if not torch.isfinite(x).all()]
        cause = (
            f"the {' and '.join(broken)} contain NaN or infinity" if broken else "try a lower learning rate"
        )
        raise InputError(f"In {place}: the loss is {value.item()}; {cause}.")
    return predictions, value


def _shapes(inputs, targets):
    pairs = zip(("inputs", "targets"), (inputs, targets), strict=True)
    return ", ".join(f"{name} {tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" for name, x in pairs)


def _note(history, seen, rate):
    """Add one epoch to the history."""
    history.learning_rate.append(rate)
    for part, losses in (("training", history.train_loss), ("validation", history.validation_loss)):
        if part in seen:
            losses.append(seen[part]["loss"])
            for name, curves in history.metrics.items():
                curves[part].append(seen[part][name])


def _check_arguments(model, train_loader, validation_loader, loss, epochs, patience, clip):
    if not isinstance(model, torch.nn.Module) or not any(p.requires_grad for p in model.parameters()):
        raise InputError("fit needs a torch.nn.Module with at least one parameter that can be trained.")
    for loader in [train_loader] + [validation_loader] * (validation_loader is not None):
        if not hasattr(loader, "__iter__") and not hasattr(loader, "__getitem__"):
            raise InputError(f"A loader must give batches of (inputs, targets), not be {loader!r}.")
    if not callable(loss):
        raise InputError(f"loss must be a function of predictions and targets, not {loss!r}.")
    for name, count in (("epochs", epochs), ("patience", patience)):
        given = name == "epochs" or count is not None
        if given and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise InputError(f"{name} must be a whole number of at least 1, not {count!r}.")
    if patience is not None and validation_loader is None:
        raise InputError("patience watches the validation loss; give fit a validation_loader.")
    if clip is not None and not clip > 0:
        raise InputError(f"clip must be a positive number, not {clip!r}.")


def _make_optimiser(optimiser, parameters, learning_rate, weight_decay):
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


def _bar(epochs, progress):
    ipython = sys.modules.get("IPython")
    seen = sys.stderr.isatty() or (ipython is not None and ipython.get_ipython() is not None)
    hidden = {} if progress and seen else {"disable": True}  # else TQDM_DISABLE=1 still switches it off
    return tqdm(total=epochs, unit="epoch", leave=False, **hidden)
