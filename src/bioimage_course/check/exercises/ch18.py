"""Exercises of chapter 18, from masks to a conclusion."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_callable,
    expect_number,
    expect_parts,
)
from bioimage_course.materials.ch18 import DESIGN_ANSWERS, experiments, p_values

# --- (1) units ------------------------------

COLUMNS = ("label", "area", "perimeter", "axis_major_length", "intensity_mean", "eccentricity")
"""What the check measures, in pixels."""

POWERS = dict(zip(COLUMNS, (0, 2, 1, 1, 0, 0), strict=True))
"""By column: the power of the pixel size by which it is multiplied."""


@exercise(
    chapter="18",
    hints=(
        "If the side of a pixel is half a micrometre, how many pixels fill a square micrometre? And does "
        "the mean grey value of a nucleus know how large a pixel is?",
        "Areas grow with the square of the pixel size, lengths with the pixel size itself. Labels, grey "
        "values and ratios of two lengths have no length in them: leave them alone.",
        "Make a new dictionary: area times size squared; perimeter and axis_major_length times size; all "
        "other columns as they are.",
    ),
)
def pixel_units(with_units):
    """Turn a table in pixels into one in micrometres."""
    expect_callable(with_units, "with_units")
    rng = np.random.default_rng(18)
    for size in (0.325, 0.5, 2.0):
        table = {name: rng.uniform(0.1, 0.9, 5) + POWERS[name] * 40 for name in COLUMNS}
        before = {name: values.copy() for name, values in table.items()}
        got = call(with_units, table, size)
        if got is None:
            raise Failure("with_units returns None; did you forget `return`?")
        try:
            columns = {name: np.asarray(got[name], float) for name in COLUMNS}
        except (KeyError, TypeError, ValueError, IndexError):
            raise Failure(f"with_units must return all columns: {', '.join(COLUMNS)}.") from None
        for name, values in columns.items():
            _judge_column(name, values, before[name], size)
    return "Areas by the square, lengths by the size itself, grey values and shapes not at all."


def _judge_column(name, got, pixels, size):
    """One column of the table, and the usual mistake in it."""
    power = POWERS[name]
    if got.shape == pixels.shape and np.allclose(got, pixels * size**power):
        return
    said = f"with a pixel of {size:g} µm the column {name!r} is wrong."
    if got.shape != pixels.shape:
        raise Failure(f"The column {name!r} must keep its {len(pixels)} rows.")
    for wrong, why in (
        (2, "It was multiplied by the square of the size, as areas are."),
        (1, "It was multiplied by the size once."),
        (0, "It is still in pixels."),
        (-1, "It was divided by the size."),
        (-2, "It was divided by the square of the size."),
    ):
        if np.allclose(got, pixels * size**wrong):
            said += f" {why}"
            break
    if power == 2:
        said += " An area has two sides, each of which changes."
    if power == 0:
        said += " It has no length in it."
    raise Failure(said[0].upper() + said[1:])


# --- (2) one row a well ------------------------------


def cells_table():
    """A tidy table of cells: two plates on which wells have the same names, unequal fields."""
    import pandas as pd

    rng = np.random.default_rng(5)
    rows = []
    for plate, shift in (("plate 1", 0), ("plate 2", 30)):
        for well, condition in (("B2", "control"), ("B3", "control"), ("E2", "treated"), ("E3", "treated")):
            level = shift + 5 * rng.standard_normal()
            for field, number in ((1, int(rng.integers(3, 6))), (2, int(rng.integers(15, 25)))):
                for area in 100 + level + 12 * field + 10 * rng.standard_normal(number):
                    rows.append((plate, well, field, condition, area))
    return pd.DataFrame(rows, columns=["plate", "well", "field", "condition", "area"])


@exercise(
    chapter="18",
    hints=(
        "What was treated by itself here, and how do you tell well B2 of one plate from well B2 of the "
        "other?",
        "Group by plate and well, and keep the condition, which is the same throughout a well. Of each "
        "group you want the number of cells and the mean area of all its cells.",
        'cells.groupby(["plate", "well", "condition"], as_index=False).agg(cells=("area", "size"), …) makes '
        "a table with one row a group.",
    ),
)
def well_table(by_well):
    """Turn a table with one row a cell into one with one row a well."""
    expect_callable(by_well, "by_well")
    cells = cells_table()
    keys = ["plate", "well"]
    right = cells.groupby(keys).agg(cells=("area", "size"), area=("area", "mean"))
    got = call(by_well, cells.copy())
    if got is None:
        raise Failure("by_well returns None; did you forget `return`?")
    if not hasattr(got, "columns"):
        raise Failure("by_well must return a table (a pandas DataFrame).")
    index = [name for name in got.index.names if name is not None and name not in got.columns]
    got = got.reset_index(index) if index else got.reset_index(drop=True)  # keys may stand in the index
    missing = [name for name in ("plate", "well", "condition", "cells", "area") if name not in got.columns]
    twice = [
        name
        for name in ("plate", "well", "condition", "cells", "area")
        if got.columns.tolist().count(name) > 1
    ]
    if twice:
        raise Failure(f"There are several columns {twice[0]!r}.")
    if len(got) == cells["well"].nunique() and "well" in got.columns:
        raise Failure(
            "There are four rows, but eight wells: B2 of plate 1 and B2 of plate 2 are two wells with one "
            "name."
        )
    if len(got) == cells["condition"].nunique():
        raise Failure("There is one row a condition. A test needs one row a replicate, which is the well.")
    if len(got) == len(cells.drop_duplicates([*keys, "field"])):
        raise Failure("There is one row a field. Fields of one well are not independent of each other.")
    if len(got) == len(cells):
        raise Failure("There is still one row a cell.")
    if len(got) != len(right):
        raise Failure(f"There are {len(got)} rows, but {len(right)} wells.")
    if missing:
        raise Failure(f"The table lacks the column {missing[0]!r}.")
    got = got.set_index(keys)
    if set(got.index) != set(right.index):
        raise Failure("Plate and well of the rows are not those of the cells.")
    got = got.loc[right.index]
    conditions = cells.drop_duplicates(keys).set_index(keys).loc[right.index]["condition"]
    if list(got["condition"]) != list(conditions):
        raise Failure("The conditions do not belong to these wells.")
    areas = _numbers_of(got["area"])
    fields = cells.groupby([*keys, "field"])["area"].mean()
    of_fields = fields.groupby(level=keys).mean().loc[right.index].to_numpy()
    if np.allclose(areas, of_fields):
        raise Failure(
            "Those are means of the means of the fields: a cell of an empty field then weighs several times "
            "as much as one of a full field. Asked for is the mean of all cells of the well."
        )
    for name, wrong in (("sum", "sum"), ("median", "median")):
        if np.allclose(areas, cells.groupby(keys)["area"].agg(wrong).loc[right.index]):
            raise Failure(f"The areas are the {name} of each well, not the mean.")
    if not np.allclose(areas, right["area"]):
        raise Failure("The areas are not the means of the cells of each well.")
    if not np.array_equal(_numbers_of(got["cells"]), right["cells"]):
        raise Failure("The numbers of cells are wrong: count the rows of each well.")
    return f"{len(cells)} cells have become {len(right)} wells, and a test has its n."


def _numbers_of(column):
    """A column as plain numbers, NaN where one is missing."""
    try:
        return column.to_numpy(float, na_value=np.nan)
    except (TypeError, ValueError):
        raise Failure(f"The column {column.name!r} must hold numbers, without units or other text.") from None


# --- (3) cells as n ------------------------------

SETTINGS = ((3, 40, 0.2), (8, 10, 0.1), (4, 60, 0.0))
"""Wells, cells and intraclass correlation that the check tries."""


@exercise(
    chapter="18",
    hints=(
        "Nothing was done to any well here. So what do you call an experiment whose p is below 0.05, and "
        "how many of them would an honest test give?",
        "experiments(…) has the shape (repeats, 2, wells, cells): index 0 of the second axis is the "
        "control. For cells as n, reshape each condition to (repeats, wells × cells); for wells as n, "
        "average over the last axis.",
        "ttest_ind(a, b, axis=1).pvalue has one p an experiment; the share is the mean of p < 0.05. The "
        "interval: the share plus and minus 1.96 times the square root of share × (1 − share) / repeats.",
    ),
)
def cells_as_n(false_positives):
    """Simulate experiments without an effect; count alarms with cells and with wells as n."""
    expect_callable(false_positives, "false_positives")
    for number, (wells, cells, icc) in enumerate(SETTINGS):
        values = experiments(wells, cells, icc, np.random.default_rng(number), repeats=3000)
        given = call(false_positives, values)
        parts = expect_parts(given, 2, "two triples: (share, low, high) for cells and for wells")
        for part, unit in zip(parts, ("cells", "wells"), strict=True):
            triple = expect_parts(part, 3, f"share, low and high for {unit}")
            found = [float(expect_number(value, what=f"a number for {unit}")) for value in triple]
            _judge_share(found, values, unit)
    return (
        "Cells as n raise false alarms wherever wells differ; wells as n keep what a test promises, within "
        "the interval of the simulation."
    )


def _judge_share(found, values, unit):
    """Share and interval of one unit."""
    share, low, high = found
    right = np.mean(p_values(values, unit) < 0.05)
    other = np.mean(p_values(values, {"cells": "wells", "wells": "cells"}[unit]) < 0.05)
    repeats = len(values)
    _, _, wells, cells = values.shape
    about = f"with {wells} wells of {cells} cells, {unit} as n"
    if abs(share - right) > 0.006:
        said = f"{about}: {right:.3f} of these experiments give an alarm; yours says {share:.3f}."
        if abs(share - 100 * right) < 0.5:
            said += " A share lies between 0 and 1."
        elif abs(share - other) <= 0.006:
            said += " That is the share of the other unit: cells first, then wells."
        elif abs(share - (1 - right)) <= 0.006:
            said += " You count the experiments without an alarm."
        elif abs(share - _welch_share(values, unit)) <= 0.001:
            said += " That is Welch's test; asked for is Student's, which takes equal variances."
        elif abs(share - right / 2) <= 0.03:
            said += " You count one direction only; p < 0.05 is an alarm whichever is larger."
        raise Failure(said[0].upper() + said[1:])
    half = 1.96 * np.sqrt(right * (1 - right) / repeats)
    if not low <= share <= high:
        told = f"{about}: the interval from {low:.3f} to {high:.3f} does not hold its share."
        raise Failure(told[0].upper() + told[1:])
    width = (high - low) / 2
    if abs((low + high) / 2 - share) > 0.25 * half:
        told = f"{about}: the interval, {low:.3f} to {high:.3f}, reaches further to one side of its share."
        raise Failure(told[0].upper() + told[1:])
    if not 0.9 * half <= width <= 1.15 * half:
        said = f"{about}: the interval reaches {width:.4f} to each side; it should be about {half:.4f}."
        if abs(width - half * np.sqrt(repeats)) < 0.1 * half * np.sqrt(repeats):
            said += " You do not divide by the number of experiments."
        elif abs(width - half / 1.96) < 0.1 * half:
            said += " One standard error covers two thirds; 95 % takes 1.96 of them."
        elif abs(width - half * 1.645 / 1.96) < 0.03 * half:
            said += " 1.645 standard errors to each side hold 90 %; 95 % takes 1.96 of them."
        raise Failure(said[0].upper() + said[1:])


def _welch_share(values, unit):
    """The share of alarms of Welch's test."""
    from scipy.stats import ttest_ind

    groups = values.reshape(len(values), 2, -1) if unit == "cells" else values.mean(axis=3)
    return np.mean(ttest_ind(groups[:, 0], groups[:, 1], axis=1, equal_var=False).pvalue < 0.05)


# --- (4) a bias that differs between the conditions ------------------------------


@exercise(
    chapter="18",
    hints=(
        "Of which nuclei do you know both areas, and what do these tell about the ones that nobody has "
        "drawn? Which condition's areas come out too small?",
        "The bias of a condition is the sum of its measured areas divided by the sum of the drawn ones, "
        "minus 1: a ratio of means, because the effect is one, too.",
        "The measured effect is (1 + effect)·(1 + treated bias)/(1 + control bias) − 1. Solve it for the "
        "effect.",
    ),
)
def condition_bias(bias, corrected):
    """Find each condition's bias from a few drawn nuclei, and what the effect is without it."""
    expect_callable(bias, "bias")
    expect_callable(corrected, "corrected")
    rng = np.random.default_rng(4)
    for error in (-0.2, 0.0, 0.1):
        drawn = rng.uniform(100, 900, 12)
        measured = drawn * (1 + error) + rng.normal(0, 30, 12)
        right = measured.sum() / drawn.sum() - 1
        expect_number(
            call(bias, measured, drawn),
            close_to=right,
            what=f"the bias of twelve nuclei whose areas are about {error:+.0%} wrong",
            mistakes={
                "That is the ratio; the bias is the ratio minus 1.": right + 1,
                "Measured and drawn are exchanged.": drawn.sum() / measured.sum() - 1,
                "That is a mean of ratios, in which a small nucleus weighs as much as a large one; the "
                "effect is "
                "a ratio of means.": np.mean(measured / drawn) - 1,
                "That is a difference of areas; the bias is relative.": np.mean(measured - drawn),
                "Divide by the drawn areas, which are right, not by the measured.": 1
                - drawn.sum() / measured.sum(),
            },
        )
    for effect, control, treated in (
        (-0.17, 0.08, -0.1),
        (0.0, 0.0, -0.15),
        (0.12, 0.1, 0.1),
        (0.05, 0.02, 0.2),
    ):
        right = (1 + effect) * (1 + control) / (1 + treated) - 1
        expect_number(
            call(corrected, effect, control, treated),
            close_to=right,
            what=f"the effect behind a measured one of {effect:+.0%}, with biases of {control:+.0%} in the "
            f"control and {treated:+.0%} in the treated wells",
            mistakes={
                "That is the ratio; the effect is the ratio minus 1.": right + 1,
                "The bias is put on once more instead of being taken off.": (1 + effect)
                * (1 + treated)
                / (1 + control)
                - 1,
                "Biases are factors: they are divided out, not subtracted.": effect - (treated - control),
                "The control has a bias, too.": (1 + effect) / (1 + treated) - 1,
                "The treated wells' bias stays in.": (1 + effect) * (1 + control) - 1,
            },
        )
    return "A bias that both conditions share falls out; one that differs is an effect that nobody made."


# --- (5) what follows ------------------------------

TESTS = ("unpaired", "paired", "nothing")
"""What a design may allow."""

REASONS = {
    "A": "The well was treated by itself: six a condition, and no well belongs to one of the other "
    "condition.",
    "B": "The mouse was treated: two a condition, whatever the number of sections. A test is possible, and "
    "can find very large effects only.",
    "C": "A day's two dishes share their cells: compare within each day, five differences.",
    "D": "One dish a condition: how much dishes differ without any compound cannot be seen.",
    "E": "One control well: how much control wells differ among themselves cannot be seen.",
    "F": "The patient is the replicate, and nobody is paired; nine in the smaller group.",
}


@exercise(
    chapter="18",
    hints=(
        "What was treated, or drawn by lot, by itself? And does anything of the one condition belong to "
        "something of the other?",
        "Count what was treated independently, in the condition that has fewer. If it is 1, its variance "
        "cannot be estimated, and no number of cells helps. If each unit of one condition has a partner in "
        "the other, the test is paired.",
        "Six pairs (number, test). Two designs have 1, two have the most cells and few replicates, one is "
        "paired.",
    ),
)
def what_follows(answers):
    """Say for six designs how many replicates they have, and which test they allow."""
    if answers is None:
        raise NotImplementedError
    if not isinstance(answers, dict):
        raise Failure('answers must be a dictionary such as {"A": (6, "unpaired"), …}.')
    for design, right in DESIGN_ANSWERS.items():
        if design not in answers:
            raise Failure(f"There is no answer for {design}.")
        if answers[design] is ...:
            raise NotImplementedError
        if not isinstance(answers[design], tuple | list | np.ndarray) or len(answers[design]) != 2:
            raise Failure(f"Give a number and a test for {design}, such as (3, 'paired').")
        number, test = answers[design]
        if number is ... or test is ...:
            raise NotImplementedError
        number = expect_number(number, integer=True, what=f"the number of replicates of {design}")
        if not isinstance(test, str) or test not in TESTS:
            raise Failure(f"{test!r} is none of {', '.join(TESTS)}.")
        if (number, test) != right:
            wrong = "the number of replicates" if number != right[0] else "the test"
            raise Failure(f"{design}: {wrong} is not right. {REASONS[design]}")
    return "Replicates are what was treated by itself, and one of them is none."


# --- (6) an export that survives ------------------------------


def _board():
    """Touching objects, a hole, one pixel; labels with gaps."""
    labels = np.zeros((20, 24), int)
    labels[2:10, 2:8] = 2
    labels[2:10, 8:12] = 5
    labels[12:18, 3:13] = 7
    labels[14:16, 6:10] = 0
    labels[15, 20] = 11
    return labels


def _fates(labels):
    """What careless exports make of a label image."""
    from scipy.ndimage import binary_erosion, binary_fill_holes
    from scipy.ndimage import label as components

    eroded, filled = np.zeros_like(labels), np.array(labels)
    for number in np.unique(labels[labels > 0]):
        eroded[binary_erosion(labels == number)] = number
        filled[binary_fill_holes(labels == number) & (labels == 0)] = number
    return {
        "nothing happened": labels,
        "a mask instead of labels": components(labels > 0)[0],
        "outlines through the centres of pixels": eroded,
        "holes filled": filled,
        "numbered anew": np.searchsorted(np.unique(labels), labels),
        "shifted by one": np.roll(labels, 1, axis=1),
        "one object lost": np.where(labels == 11, 0, labels),
        "one object more": np.where(np.arange(24) == 23, 30, labels),
    }


def kept(labels, back):
    """IoU of each label with itself after a round trip; see `survives`."""
    found = {}
    for number in np.union1d(labels, back):
        if number:
            before, after = labels == number, back == number
            found[int(number)] = np.sum(before & after) / np.sum(before | after)
    return found


@exercise(
    chapter="18",
    hints=(
        "Which objects must be in your answer if one was lost on the way, and which if one came back that "
        "was never sent?",
        "Compare each number with itself: pixels that have it before and after, divided by pixels that have "
        "it before or after. A number that is missing on one side gets 0.",
        "for number in np.union1d(labels, back): leave out 0; before, after = labels == number, back == "
        "number.",
    ),
)
def survives(iou_by_label):
    """Write the test of an export: what is left of each object after a round trip."""
    expect_callable(iou_by_label, "iou_by_label")
    board = _board()
    cases = [(fate, board, back) for fate, back in _fates(board).items()]
    full = np.repeat([[1, 1, 2, 2]], 3, axis=0)  # as in a tissue: no pixel is background
    for fate, labels, back in [*cases, ("no background", full, full)]:
        right = kept(labels, back)
        got = call(iou_by_label, labels, np.array(back), pure=True)
        if not isinstance(got, dict):
            raise Failure("iou_by_label must return a dictionary: label -> IoU.")
        if 0 in got:
            raise Failure("Label 0 is the background, not an object: leave it out.")
        try:
            got = {int(n): value for n, value in got.items()}
        except (TypeError, ValueError):
            raise Failure("The keys of the dictionary must be the labels, which are whole numbers.") from None
        got = {n: float(expect_number(value, what=f"the IoU of {n}")) for n, value in got.items()}
        lost, invented = set(right) - set(got), set(got) - set(right)
        if lost:
            number = min(lost)
            where = "was sent, and has not come back" if number in labels else "was never sent, and came back"
            raise Failure(f"{fate!r}: label {number} {where}; it must be in the answer, with 0.")
        if invented:
            raise Failure(f"{fate!r}: there is no label {min(invented)}.")
        for number, value in right.items():
            if abs(got[number] - value) <= 1e-5:
                continue
            said = f"{fate!r}: label {number} should have {value:.2f}, not {got[number]:.2f}."
            if number not in labels or number not in back:
                said += " It is missing on one side."
            elif abs(got[number] - 2 * value / (1 + value)) <= 1e-5:
                said += " That is Dice; IoU divides by the pixels that have the number before or after."
            elif abs(got[number] - np.mean(back[labels == number] == number)) <= 1e-5:
                said += " You divide by the pixels before; divide by those before or after."
            elif value < got[number]:
                said += " Compare numbers, not places: a table made before the export must still fit."
            raise Failure(said)
    return (
        "Whatever merges, shrinks, fills, renumbers or loses objects is noticed. Use it on your own export."
    )
