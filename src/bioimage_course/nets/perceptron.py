"""Rosenblatt's perceptron rule, written to be read.

No PyTorch here: chapter 1 counts every update of the rule, and a plain loop
shows best where they come from.
"""

from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError


def perceptron_rule(features, truth, max_passes=1000):
    """Train one neuron with step activation by the perceptron rule.

    Starts from zero weights and goes through the table row by row, in the order given. A row that the
    neuron gets wrong moves the weights by ``(y - ŷ) x`` and the bias by ``y - ŷ``; a right one changes
    nothing. Stops after the first pass without a mistake, or after `max_passes` passes.

    Parameters
    ----------
    features : array_like of float, shape (examples, features)
        One row an example, in any unit.
    truth : array_like, shape (examples,)
        The true classes, 0 or 1.
    max_passes : int
        Give up after so many passes: data that no line separates would go on for ever.

    Returns
    -------
    PerceptronRun

    Raises
    ------
    InputError
        If the shapes do not fit, a feature is not finite or a class is neither 0 nor 1.

    References
    ----------
    Rosenblatt F. The perceptron: a probabilistic model for information storage and organization in the
    brain. Psychological Review 65, 386-408 (1958). https://doi.org/10.1037/h0042519
    """
    features, truth = _checked(features, truth)
    max_passes = arguments.whole(max_passes, "max_passes")
    weights, bias, mistakes = np.zeros(features.shape[1]), 0.0, []
    while len(mistakes) < max_passes and (not mistakes or mistakes[-1] > 0):
        mistakes.append(0)
        for x, y in zip(features, truth, strict=True):
            prediction = 1 if x @ weights + bias >= 0 else 0
            if prediction != y:
                weights = weights + (y - prediction) * x
                bias += y - prediction
                mistakes[-1] += 1
    return PerceptronRun(weights, bias, tuple(mistakes))


@dataclass(frozen=True)
class PerceptronRun:
    """What the perceptron rule did to one table of features.

    Attributes
    ----------
    weights : ndarray of float, shape (features,)
        Final weights w.
    bias : float
        Final bias b.
    mistakes : tuple of int
        Mistakes made during each pass through the table; every mistake is one update.
    """

    weights: np.ndarray
    bias: float
    mistakes: tuple

    @property
    def updates(self):
        """Total number of updates."""
        return sum(self.mistakes)

    @property
    def passes(self):
        """Number of passes through the table, the last, faultless one included."""
        return len(self.mistakes)

    @property
    def converged(self):
        """True if the last pass was free of mistakes."""
        return bool(self.mistakes) and self.mistakes[-1] == 0

    def predict(self, features):
        """Classes (0 or 1) that the final neuron gives to a table of shape (examples, features)."""
        return (np.asarray(features, dtype=float) @ self.weights + self.bias >= 0).astype(int)


def _checked(features, truth):
    """The table as floats and the classes as a list of 0 and 1, or one sentence about what is wrong."""
    try:
        features = arguments.plain(features, "the table of features").astype(float, casting="same_kind")
        truth = arguments.plain(truth, "the column of classes")
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The perceptron rule needs a table of numbers ({error}).") from None
    if features.ndim != 2 or truth.shape != features.shape[:1] or features.size == 0:
        raise InputError(
            "The perceptron rule needs a non-empty table (examples, features) and one class an example, "
            f"but the shapes are {features.shape} and {truth.shape}."
        )
    if not np.isfinite(features).all():
        raise InputError("A feature is NaN or infinite: drop or repair that row before training.")
    if not np.isin(truth, (0, 1)).all():
        raise InputError(f"The classes must be 0 or 1, but they are {np.unique(truth)[:5].tolist()}.")
    return features, truth.astype(int).tolist()
