"""One training loop for the whole course.

Forward pass, loss, backward pass, update; once an epoch the validation loss. `fit` repeats it and keeps a
record; mistakes become sentences in ``_training_mistakes.py``.
"""

import copy
import functools
import math
import sys
import time

import torch
from tqdm.auto import tqdm

from bioimage_course.nets import _training_mistakes as mistakes
from bioimage_course.nets.devices import device as best_device
from bioimage_course.nets.devices import on_device
from bioimage_course.nets.history import History
from bioimage_course.nets.seeds import seeded


def one_pass(model, loader, loss, where, update=None, *, metrics, device):
    """One pass through a loader: with `update` the network learns from each batch.

    Returns the mean loss, and the mean of each metric, over the examples.
    """
    totals, examples = dict.fromkeys(["loss", *metrics], 0.0), 0
    for number, batch in enumerate(loader, 1):
        place = f"{where} batch {number}"
        inputs, targets = (tensor.to(device) for tensor in mistakes.unpack(batch, place))
        # predictions = model(inputs), value = loss(predictions, targets), and a sentence if that fails
        predictions, value = mistakes.forward(model, loss, inputs, targets, place)
        if update is not None:
            mistakes.require_gradient(value, place)
            update(value)
        totals["loss"] += value.item() * len(inputs)
        for name, metric in metrics.items():
            totals[name] += mistakes.measure(name, metric, predictions.detach(), targets, place) * len(inputs)
        examples += len(inputs)
    mistakes.require_examples(examples, where)
    return {name: total / examples for name, total in totals.items()}


def update(value, optimiser, parameters, clip=None):
    """Move the weights a little against the gradient of the loss."""
    optimiser.zero_grad()
    value.backward()
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()


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
    mistakes.check_arguments(model, train_loader, validation_loader, loss, epochs, patience, clip)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    device = best_device(device)
    optimiser = mistakes.make_optimiser(optimiser, parameters, learning_rate, weight_decay)
    scheduler = scheduler(optimiser) if callable(scheduler) else scheduler
    metrics = dict(metrics or {})
    parts = ["training"] + ["validation"] * (validation_loader is not None)
    history = History(device=str(device))
    history.metrics = {name: {part: [] for part in parts} for name in metrics}
    common = {"metrics": metrics, "device": device}
    step = functools.partial(update, optimiser=optimiser, parameters=parameters, clip=clip)
    best, best_weights, start = math.inf, None, time.perf_counter()

    def one_epoch(epoch):
        """Train and validate once; the loss that counts."""
        rate = optimiser.param_groups[0]["lr"]
        model.train()
        seen = {"training": one_pass(model, train_loader, loss, f"epoch {epoch}, training", step, **common)}
        if validation_loader is not None:
            model.eval()
            with torch.no_grad():
                where = f"epoch {epoch}, validation"
                seen["validation"] = one_pass(model, validation_loader, loss, where, **common)
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


def _note(history, seen, rate):
    """Add one epoch to the history."""
    history.learning_rate.append(rate)
    for part, losses in (("training", history.train_loss), ("validation", history.validation_loss)):
        if part in seen:
            losses.append(seen[part]["loss"])
            for name, curves in history.metrics.items():
                curves[part].append(seen[part][name])


def _bar(epochs, progress):
    ipython = sys.modules.get("IPython")
    seen = sys.stderr.isatty() or (ipython is not None and ipython.get_ipython() is not None)
    hidden = {} if progress and seen else {"disable": True}  # else TQDM_DISABLE=1 still switches it off
    return tqdm(total=epochs, unit="epoch", leave=False, **hidden)
