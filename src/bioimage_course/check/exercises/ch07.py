"""Exercises of chapter 7, SHAP."""

from itertools import combinations
from math import factorial

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
)
from bioimage_course.materials.ch07 import (
    FEATURES,
    NUCLEUS,
    coalition_value,
    halves,
    shapley_values,
    small_forest,
)

# --- (1) the value of a coalition ------------------------------


def _bent(table):
    """A function of three features that is not linear and that takes two axes only."""
    table = np.asarray(table, float)
    if table.ndim != 2 or table.shape[1] != 3:
        raise ValueError(f"predict needs a table of shape (n, 3), not {table.shape}")
    return table[:, 0] ** 2 + table[:, 0] * table[:, 1] - np.exp(0.3 * table[:, 2])


@exercise(
    chapter="07",
    hints=(
        "What does a hybrid take from our nucleus, what from a background nucleus? And how many hybrids "
        "are there?",
        "Copy the background; its columns in `known` get the nucleus' values; predict all rows; average.",
        "mixed = background.copy(); mixed[:, list(known)] = x[list(known)]; return predict(mixed).mean(). A "
        "list, because NumPy reads a tuple as one place in several axes.",
    ),
)
def value_of_a_coalition(function):
    """Write the value of a coalition: the mean prediction when only some features are known."""
    expect_callable(function)
    rng = np.random.default_rng(7)
    background, x = rng.normal(1, 1, (30, 3)), np.array([2.0, -1.0, 0.5])
    for known in ((0,), (1, 2), (), (2, 0), (0, 1, 2)):
        others = [i for i in range(3) if i not in known]
        zeros, filled = np.zeros(3), background.mean(axis=0)
        zeros[list(known)] = x[list(known)]
        filled[list(known)] = x[list(known)]
        mixed = background.copy()
        mixed[:, list(known)] = x[list(known)]
        right = coalition_value(_bent, x, background, known)
        words = f"known = {known}" if known else "nothing known, known = ()"
        got = call(function, _bent, x, background, known, pure=True)
        if np.shape(got) == (30,):
            raise Failure(
                f"With {words} you return one prediction for each background nucleus; average them."
            )
        expect_number(
            got,
            close_to=right,
            rtol=1e-8,
            what=f"the value with {words}",
            mistakes={
                "You replace the features that are not known: it is the known ones that come from x.": (
                    coalition_value(_bent, x, background, others)
                ),
                "You average the background first and predict once; predict every row and average the "
                "predictions. For a model that is not linear these differ.": float(_bent(filled[None])[0]),
                "You set unknown features to 0; no nucleus has an area of 0. Take the background's.": (
                    float(_bent(zeros[None])[0])
                ),
                "You add the predictions up; take their mean.": right * 30,
                "You return the prediction for x whatever is known.": float(_bent(x[None])[0]),
                "You take the median; the value is the mean.": float(np.median(_bent(mixed))),
            },
        )
    return "Nothing known gives the mean prediction, everything known gives the prediction for this nucleus."


# --- (2) Shapley values ------------------------------


def game(n, seed):
    """A game with random values; its function takes any collection of players."""
    rng = np.random.default_rng(seed)
    worth = {
        frozenset(players): float(rng.normal())
        for size in range(n + 1)
        for players in combinations(range(n), size)
    }

    def value(players):
        return worth[frozenset(int(player) for player in players)]

    return value


def _banzhaf(value, n):
    """Mean contribution over all coalitions, each counted once: not Shapley's."""
    credit = np.zeros(n)
    for player in range(n):
        rest = [p for p in range(n) if p != player]
        gains = [
            value((*others, player)) - value(others)
            for size in range(n)
            for others in combinations(rest, size)
        ]
        credit[player] = np.mean(gains)
    return credit


def _one_order(value, n):
    return np.array([value(range(i + 1)) - value(range(i)) for i in range(n)])


@exercise(
    chapter="07",
    hints=(
        "In one order, what does a feature add? And how many orders are there for three features?",
        "itertools.permutations(range(n)) gives the orders. Go through one: each feature adds the value with "
        "it minus the value just before it.",
        "before = value(()), then for i in order: known += (i,); credit[i] += value(known) - before; "
        "before = value(known). At the end divide by the number of orders.",
    ),
)
def shapley(function):
    """Write Shapley values: the mean contribution of each feature over all orders."""
    expect_callable(function)
    for n, seed in ((3, 0), (3, 1), (2, 2), (4, 3)):
        value = game(n, seed)
        everyone, nobody = value(range(n)), value(())
        alone = np.array([value((i,)) - nobody for i in range(n)])
        last = np.array([everyone - value([p for p in range(n) if p != i]) for i in range(n)])
        right = shapley_values(value, n)
        got = expect_array(call(function, value, n), shape=(n,), what=f"your values for {n} features")
        expect_array(
            got,
            close_to=right,
            what=f"your values for {n} features",
            mistakes={
                "That is one order only; average over all of them.": _one_order(value, n),
                "You add up over the orders; divide by their number.": right * factorial(n),
                "You only ask what each feature adds when it is the first to be known.": alone,
                "You only ask what each feature adds when all others are known already.": last,
                "You divide by the number of features; divide by the number of orders.": right
                * factorial(n)
                / n,
            }
            | (
                {
                    "You count every coalition once. Averaged over orders, coalitions of different size "
                    "count differently: by the number of orders in which they occur.": _banzhaf(value, n)
                }
                if n > 2
                else {}
            ),
        )
    return "Right for two, three and four features; the values add up to v(all) − v(nothing)."


# --- (3) credit of groups ------------------------------


def group_importance(values, groups):
    """Mean size, over the nuclei, of the credit that each group of features gets together."""
    values = np.asarray(values, float)
    return np.array([np.abs(values[:, list(columns)].sum(axis=1)).mean() for columns in groups])


@exercise(
    chapter="07",
    hints=(
        "If two features of a group cancel each other in a nucleus, how large should the group's credit "
        "be there?",
        "Shapley values add up: the credit of a group, for one nucleus, is the sum of its members' credits.",
        "First values[:, columns].sum(axis=1), one number a nucleus; then the absolute value; then the mean.",
    ),
)
def grouped_importance(function):
    """Write the importance of groups of features, so that copies count together."""
    expect_callable(function)
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, (40, 5))
    values[:, 4] = 0.3 * rng.normal(size=40) - values[:, 1]  # two that nearly cancel
    groups = [[0], [1, 4], [2, 3]]
    got = call(function, values, groups, pure=True)
    single = np.abs(values).mean(axis=0)
    expect_array(
        got,
        close_to=group_importance(values, groups),
        what="the importance of the three groups",
        mistakes={
            "You add up the importances. Two features that cancel each other would count twice: first add "
            "the values of each nucleus, then take the absolute value.": np.array(
                [single[g].sum() for g in groups]
            ),
            "You average the members; the credit of a group is the sum of its members'.": np.array(
                [np.abs(values[:, g].mean(axis=1)).mean() for g in groups]
            ),
            "The absolute value is missing: over many nuclei plus and minus cancel.": np.array(
                [values[:, g].sum(axis=1).mean() for g in groups]
            ),
            "The absolute value comes too late: take it for every nucleus, then average.": np.array(
                [abs(values[:, g].sum(axis=1).mean()) for g in groups]
            ),
            "Take the mean over the nuclei, not the sum.": 40 * group_importance(values, groups),
        },
    )
    return "A group's credit is the sum of its members'; size and mean come afterwards."


# --- (4) deletion curve ------------------------------


def deletion_curve(predict, image, importance, fill, steps, *, rising=False, own=False):
    """Prediction while the most important pixels, more and more of them, are replaced by `fill`."""
    order = np.argsort(np.asarray(importance).ravel() * (1 if rising else -1), kind="stable")
    stack = np.repeat(np.asarray(image)[None], steps + 1, axis=0)
    flat = stack.reshape(steps + 1, -1, image.shape[-1])
    for step in range(steps + 1):
        first = round((step - 1) / steps * len(order)) if own and step else 0
        gone = order[first : round(step / steps * len(order))]
        flat[step, gone] = np.asarray(fill).reshape(-1, image.shape[-1])[gone]
    return np.asarray(predict(stack))


@exercise(
    chapter="07",
    hints=(
        "Which pixel goes first? And what becomes of it in all later steps?",
        "np.argsort(-importance.ravel()) lists the pixels, most important first. After step s of `steps` "
        "the first round(s / steps * pixels) of them are gone.",
        "Make copies of the image, one a step, (steps + 1, H, W, 3); copies.reshape(steps + 1, -1, 3)[s, "
        "gone] = fill.reshape(-1, 3)[gone]; then predict(copies) once.",
    ),
)
def deletion(function):
    """Write a deletion curve: what is left of the prediction while important pixels vanish."""
    expect_callable(function)
    rng = np.random.default_rng(3)
    image, fill = rng.random((6, 8, 3)), 0.5 + 0.1 * rng.random((6, 8, 3))
    weight = rng.random((6, 8, 3))
    importance = rng.permutation(48).reshape(6, 8) - 20.0

    def predict(batch):
        batch = np.asarray(batch)
        if batch.ndim != 4 or batch.shape[1:] != (6, 8, 3):
            raise ValueError(f"predict needs images of shape (n, 6, 8, 3), not {batch.shape}")
        return (batch * weight).sum(axis=(1, 2, 3))

    for steps in (8, 5):
        arguments = predict, image, importance, fill, steps
        right = deletion_curve(*arguments)
        pixels = np.full(image.shape, fill.mean())
        expect_array(
            call(function, *arguments, pure=True),
            close_to=right,
            what=f"your curve for an image of 6×8 pixels in {steps} steps",
            mistakes={
                f"The first value is missing: a curve of {steps} steps has {steps + 1} values.": right[1:],
                f"The last value is missing: a curve of {steps} steps has {steps + 1} values.": right[:-1],
                "You start with the least important pixels: argsort sorts upwards, so sort −importance.": (
                    deletion_curve(*arguments, rising=True)
                ),
                "Pixels come back: what has been replaced stays replaced in all later steps.": (
                    deletion_curve(*arguments, own=True)
                ),
                "You order the pixels by |importance|; what speaks against the class goes last, not first.": (
                    deletion_curve(predict, image, np.abs(importance), fill, steps)
                ),
                "You set pixels to 0; take them from `fill`.": deletion_curve(
                    predict, image, importance, 0 * fill, steps
                ),
                "`fill` is an image: each pixel gets the value that `fill` has at its place.": (
                    deletion_curve(predict, image, importance, pixels, steps)
                ),
            },
        )
    return "Most important pixels first, and what is gone stays gone. Keep asking what they are replaced by."


# --- (5) another background ------------------------------


def credits(background_rows):
    """Shapley values of `NUCLEUS` with these rows of the table as background."""
    forest, table = small_forest()
    features = table.features[:, FEATURES]

    def value(known):
        return coalition_value(
            lambda rows: forest.predict_proba(rows)[:, 1], features[NUCLEUS], features[background_rows], known
        )

    return shapley_values(value, len(FEATURES))


@exercise(
    chapter="07",
    hints=(
        "A Shapley value explains the difference to the background. Compared with which nuclei is a bright "
        "nucleus nothing special?",
        "np.flatnonzero(table.classes == 1) are the mitotic nuclei.",
    ),
)
def another_background(function):
    """Choose a background for which the brightness of a bright nucleus explains next to nothing."""
    expect_callable(function)
    rows = expect_array(call(function), shape=(None,), dtype="integer", what="your list of rows")
    _, table = small_forest()
    if rows.size and (rows.min() < 0 or rows.max() >= len(table)):
        raise Failure(f"Rows are counted from 0 to {len(table) - 1}; you have {rows.min()} to {rows.max()}.")
    if len(set(rows.tolist())) < len(rows):
        raise Failure("Some rows occur more than once; choose different nuclei.")
    if len(rows) < 20:
        raise Failure(f"You chose {len(rows)} nuclei; a background needs at least 20 here.")
    training, _ = halves(table.classes)
    usual, got = credits(training[:100])[1], credits(rows)[1]
    if got > 0.1:
        raise Failure(
            f"With your background the mean intensity still gets {got:.2f} (with the usual one {usual:.2f}); "
            "bring it below 0.1. Compare the nucleus with others that are as bright."
        )
    return (
        f"The mean intensity gets {got:.2f} instead of {usual:.2f}: same nucleus, same forest, other company."
    )
