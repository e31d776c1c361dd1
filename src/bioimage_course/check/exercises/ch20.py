"""Exercises of the bridge "How a network learns, in pictures"."""

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number
from bioimage_course.materials import ch20 as bridge

# --- how wrong ------------------------------


@exercise(
    chapter="20",
    hints=(
        "Where do the mask, all above the threshold, and the truth disagree? And of how many pixels?",
        "mask != truth is True where they differ, and the mean of True and False is a share.",
    ),
)
def count_wrong(count):
    """Count the wrong pixels of a mask, as a share of all."""
    expect_callable(count)
    rng = np.random.default_rng(3)
    for shape, threshold in (((6, 8), 4), ((5, 5), 7)):
        grey = rng.integers(0, 10, shape)
        truth = grey + rng.normal(0, 3, shape) > 5
        wrong = (grey > threshold) != truth
        expect_number(
            call(count, grey, truth, threshold, pure=True),
            close_to=wrong.mean(),
            what=f"the share for threshold {threshold}",
            mistakes={
                "That is the number of wrong pixels; return their share, between 0 and 1.": wrong.sum(),
                "That is the share of right pixels: count where mask and truth differ.": 1 - wrong.mean(),
                "A pixel exactly at the threshold is not in the mask: use >, not >=.": np.mean(
                    (grey >= threshold) != truth
                ),
                "The mask holds the pixels brighter than the threshold, yours the darker ones.": np.mean(
                    (grey < threshold) != truth
                ),
                "You count only background taken for nucleus; missed pixels are wrong, too.": np.mean(
                    wrong & ~truth
                ),
                "You count only what was missed; background taken for nucleus is wrong, too.": np.mean(
                    wrong & truth
                ),
            },
        )
    return "One number for a whole mask. For 54.1 and 54.2 it is the same, and that will be a trouble."


# --- the price of an answer ------------------------------


@exercise(
    chapter="20",
    hints=(
        "The neuron says 0.2 for “nucleus”, and there is none. Which probability did the right answer get?",
        "right = np.where(truth, probability, 1 - probability), one number a pixel; then its logarithm, "
        "and the mean last.",
    ),
)
def answer_price(price):
    """Compute the cross-entropy of answers and truth: the mean price of an answer."""
    expect_callable(price)
    rng = np.random.default_rng(5)
    for shape in ((12,), (4, 6)):
        probability, truth = rng.uniform(0.02, 0.98, shape), rng.uniform(size=shape) < 0.4
        right = np.where(truth, probability, 1 - probability)
        wanted = np.mean(-np.log(right))
        expect_number(
            call(price, probability, truth, pure=True),
            close_to=wanted,
            what="the mean price",
            mistakes={
                "The logarithm of a share is negative; the price is minus that.": -wanted,
                "That is the sum; return the mean.": -np.log(right).sum(),
                "You took the logarithm to base 10; np.log is the natural one.": np.mean(-np.log10(right)),
                "You took the logarithm to base 2; np.log is the natural one.": np.mean(-np.log2(right)),
                "You took the logarithm of the mean; take the mean of the logarithms.": -np.log(right.mean()),
                "Where there is no nucleus the right answer is “no nucleus”: its probability is 1 minus "
                "what the neuron says.": np.mean(-np.log(probability)),
                "You count the nuclei only; the background has its price, too.": np.mean(
                    -np.log(probability) * truth
                ),
                "You took the probability of the wrong answer.": np.mean(-np.log(1 - right)),
            },
        )
    return "That is the cross-entropy, the loss of most networks that name classes."


# --- feel the slope ------------------------------


@exercise(
    chapter="20",
    hints=(
        "How far are the two places apart at which you look, one nudge to the right and one to the left?",
        "The rise from left to right, divided by the way between them, which is two nudges.",
    ),
)
def slope_by_trying(slope):
    """Find the slope of a function by looking a nudge to either side."""
    expect_callable(slope)
    for loss, threshold, nudge in (
        (lambda t: 0.3 * t**3, 2.0, 0.5),
        (lambda t: 2 / (1 + t), 1.0, 0.25),
        (lambda t: (t - 4) ** 2, 3.0, 0.1),
    ):
        here, left, right = loss(threshold), loss(threshold - nudge), loss(threshold + nudge)
        expect_number(
            call(slope, loss, threshold, nudge),
            close_to=(right - left) / (2 * nudge),
            what=f"the slope at {threshold:g} with the nudge {nudge:g}",
            mistakes={
                "Left minus right: a curve that rises to the right has a positive slope.": (left - right)
                / (2 * nudge),
                "The two places are two nudges apart, but you divide by one.": (right - left) / nudge,
                "That is the rise; divide it by the way, to have it for each grey value.": right - left,
                "You look to the right only; look to both sides: bends even out.": (right - here) / nudge,
                "You look to the left only; look to both sides: bends even out.": (here - left) / nudge,
            },
        )
    return "So one can feel any slope, with two looks for each number. Networks have a quicker way."


# --- roll down ------------------------------


@exercise(
    chapter="20",
    hints=(
        "The loss rises to the right, so the slope is positive. To which side must the ball go, and which "
        "sign has the step?",
        "Each new threshold is the last one minus rate * slope(the last one); append it to the list.",
    ),
)
def roll_down(roll):
    """Write gradient descent for one number."""
    expect_callable(roll)
    for slope, start, rate, steps in (
        (lambda t: 0.4 * (t - 50), 90.0, 0.7, 6),
        (lambda t: np.tanh((t - 20) / 30), 5.0, 4.0, 4),
        (lambda t: t - 3.0, 10.0, 0.5, 0),
    ):
        wanted = bridge.descend(start, rate, steps, slope)
        got = expect_array(
            call(roll, slope, start, rate, steps), shape=(None,), what="the list of thresholds"
        )
        if len(got) != steps + 1:
            raise Failure(
                f"With {steps} steps the list holds {steps + 1} thresholds, the start and one after each "
                f"step, but yours holds {len(got)}."
            )
        rise = slope(start)
        expect_array(
            got,
            close_to=wanted,
            what="the list of thresholds",
            mistakes={
                "The ball rolls uphill: move against the slope, so subtract.": bridge.descend(
                    start, -rate, steps, slope
                ),
                "You use the slope at the start for every step: feel it anew where the ball lies.": start
                - rate * rise * np.arange(steps + 1),
                "Each step is rate times slope; yours does not use the rate.": bridge.descend(
                    start, 1, steps, slope
                ),
                "Each step is rate times slope; you divide.": bridge.descend(start, 1 / rate, steps, slope),
            }
            if steps
            else None,
        )
    return "Gradient descent. The rest of this book trains its networks with these four lines and some care."


# --- three rates ------------------------------

_MANY = 3000


@exercise(
    chapter="20",
    hints=(
        "Roll with the rate 3 in the explorable: does it creep, arrive or jump? In which direction must you "
        "change the rate for the other two?",
        "Below 1 it creeps, between 5 and 10 it arrives in time, and from 15 on the steps across the valley "
        "are too long to ever come to rest.",
    ),
)
def find_rates(rates):
    """Find a learning rate that creeps, one that arrives and one that jumps for ever."""
    answer = call(rates)
    if not isinstance(answer, dict) or set(answer) != {"creeps", "arrives", "jumps"}:
        raise Failure('Return a dict with the keys "creeps", "arrives" and "jumps".')
    numbers = {name: expect_number(answer[name], what=f"the rate that {name}") for name in answer}
    for name, rate in numbers.items():
        if rate <= 0:
            raise Failure(f"A learning rate is above 0, but the one that {name} is {rate:g}.")
    grey, truth = bridge.nuclei()
    values, index = np.unique(grey, return_inverse=True)  # pixels of one grey value are counted once
    pixels = np.bincount(index.ravel()) / grey.size
    inside = np.bincount(index.ravel(), weights=truth.ravel()) / grey.size

    def slope(threshold):
        return 100 * np.sum(inside - pixels * bridge.answer(values, threshold)) / bridge.SOFTNESS

    best = bridge.descend(bridge.START, 5, 100, slope)[-1]
    _judge_rates(
        {name: bridge.descend(bridge.START, rate, 10, slope)[-1] for name, rate in numbers.items()},
        lambda threshold: bridge.mean_loss(threshold, grey, truth) - bridge.mean_loss(best, grey, truth),
        best,
        bridge.descend(bridge.START, numbers["jumps"], _MANY, slope)[-100:],
    )
    return "The same valley, the same start: whether anything is learnt was decided by one number."


def _judge_rates(after_ten, above_best, best, late):
    """Raise the Failure of the first rate that does something else than its name says."""
    if after_ten["creeps"] < (bridge.START + best) / 2:
        raise Failure(
            f"With the rate that creeps the ball is at {after_ten['creeps']:.0f} after ten steps, more than "
            "half the way: take a smaller one."
        )
    if above_best(after_ten["arrives"]) > 0.001:
        raise Failure(
            f"With the rate that arrives the ball is at {after_ten['arrives']:.0f} after ten steps, and its "
            f"loss is {above_best(after_ten['arrives']):.3f} above the smallest."
        )
    if np.abs(late - best).max() < 1:
        raise Failure(
            f"With the rate that jumps the ball does come to rest, at {late[-1]:.0f}: take a larger one."
        )


# --- batches of an epoch ------------------------------


@exercise(
    chapter="20",
    hints=(
        "If the order is drawn once, where does each batch begin and end in it?",
        "Batches begin at range(0, number, size); order[first:first + size] is one of them, and the last one "
        "becomes shorter by itself.",
    ),
)
def epoch_batches(batches):
    """Divide all examples into batches, in an order drawn by lot."""
    expect_callable(batches)
    rng = np.random.default_rng(1)
    for number, size in ((10, 4), (12, 3), (5, 8)):
        epochs = [_batches(call(batches, number, size, rng), number, size) for _ in range(2)]
        if number == 12 and epochs[0] == epochs[1]:
            raise Failure("Two epochs have the same order: draw a new one with rng.permutation(number).")
        again = [_batches(call(batches, number, size, np.random.default_rng(7)), number, size) for _ in "ab"]
        if again[0] != again[1]:
            raise Failure(
                "Two generators from the same seed give two orders: draw with the rng that you are given, or "
                "nobody can repeat your training."
            )
    return "One epoch: every example once, in a new order. The batch size decides how many steps it has."


def _batches(answer, number, size):
    """Check one epoch and return its indices in order."""
    if not isinstance(answer, (list, tuple)):
        raise Failure("Return a list of batches, each an array of indices.")
    found = [
        expect_array(batch, shape=(None,), dtype="integer", what=f"batch {i}")
        for i, batch in enumerate(answer)
    ]
    indices = [int(index) for batch in found for index in batch]
    if len(set(indices)) < len(indices):
        raise Failure(f"In one epoch an index occurs twice; each of the {number} is used once.")
    lost = set(range(number)) - set(indices)
    if lost:
        raise Failure(
            f"{len(lost)} of {number} indices are in no batch (size {size}): the last batch may be smaller, "
            "but it belongs to the epoch."
        )
    if set(indices) - set(range(number)):
        raise Failure(f"The indices run from 0 to {number - 1}, but yours hold {max(indices)}.")
    sizes = [len(batch) for batch in found]
    wanted = [min(size, number - first) for first in range(0, number, size)]
    if sizes != wanted:
        raise Failure(f"For {number} examples and the size {size} the batches hold {wanted}, yours {sizes}.")
    if number > 4 and indices == list(range(number)):
        raise Failure("The order is 0, 1, 2 …: draw one by lot with rng.permutation(number).")
    return indices
