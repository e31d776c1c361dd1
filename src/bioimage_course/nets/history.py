"""What a training leaves behind besides the weights."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened during training; epochs count from 1.

    Attributes
    ----------
    train_loss, validation_loss : list of float
        Mean loss over the examples of each epoch. The training loss is measured while the weights change and
        with dropout on; the validation loss afterwards, in evaluation mode (empty without validation).
    metrics : dict
        For each metric ``{"training": [...], "validation": [...]}``, ready for ``show.curves``.
    learning_rate : list of float
        Learning rate of each epoch.
    best_epoch : int
        Epoch of the lowest validation loss (training loss without validation).
    stopped_early : bool
        Whether patience ran out before the last epoch.
    interrupted : bool
        Whether somebody pressed the stop button; the unfinished epoch is not counted.
    seconds : float
        Duration.
    device : str
        Where it ran.
    """

    train_loss: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    metrics: dict = field(default_factory=dict)
    learning_rate: list = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False
    interrupted: bool = False
    seconds: float = 0.0
    device: str = "cpu"

    @property
    def epochs(self):
        """int: Number of epochs that were run."""
        return len(self.train_loss)
