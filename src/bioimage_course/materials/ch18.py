"""Materials of chapter 18: a simulated plate as images, experiments as numbers, designs in words."""

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError

PIXEL_SIZE = 0.325
"""Micrometres a pixel of the simulated plates."""

TREATMENTS = {
    "nothing": {"larger": 1.0, "stain": 1.0, "dead": 0},
    "larger": {"larger": 1.15, "stain": 1.0, "dead": 0},
    "dimmer": {"larger": 1.0, "stain": 0.7, "dead": 0},
    "larger and dimmer": {"larger": 1.15, "stain": 0.7, "dead": 0},
    "some dead": {"larger": 1.0, "stain": 1.0, "dead": 3},
}
"""What a treatment does: factor of the nuclear area, of the stain, and bright dead nuclei an image."""

NUCLEI, SIDE = 22, 256
RADIUS, BETWEEN = 11.5, 0.03
"""Mean radius in pixels; relative standard deviation of the mean area between wells."""

DEAD_BRIGHTNESS, DEAD_RADIUS = 4.0, 6.0
"""Of a dead nucleus: brightness, 1 being the brightest of the others, and radius in pixels."""


def plate(treatment, wells=6, seed=7):
    """One image from each well of a simulated plate, with its truth.

    No two nuclei touch, so that nothing but the outlines can go wrong. The mean sizes of the wells are
    spread in the same way in both conditions. With the default seed the nuclei that happen to be drawn add
    little to that.

    Parameters
    ----------
    treatment : str
        A key of `TREATMENTS`.
    wells : int
        Wells in each of the two conditions.
    seed : int

    Returns
    -------
    list of dict
        With ``condition`` ("control" or "treated"), ``well``, ``image`` (uint16) and ``labels``: the truth,
        in which dead nuclei, which nobody wants to measure, are background.

    Raises
    ------
    InputError
        If there is no such treatment, or no well.
    """
    from scipy.stats import norm

    done = arguments.choice(TREATMENTS, treatment, "treatment")
    wells = arguments.whole(wells, "wells")
    rng = np.random.default_rng(seed)
    names = {"control": "B", "treated": "E"}
    made = []
    for condition, row in names.items():
        does = TREATMENTS["nothing"] if condition == "control" else done
        spread = rng.permutation(norm.ppf((np.arange(wells) + 0.5) / wells))  # the same in both conditions
        for column in range(1, wells + 1):
            area = does["larger"] * (1 + BETWEEN * spread[column - 1])
            seed = int(rng.integers(2**31))
            image, labels = _field(RADIUS * np.sqrt(area), does["stain"], does["dead"], seed)
            made.append({"condition": condition, "well": f"{row}{column}", "image": image, "labels": labels})
    return made


def _field(radius, stain, dead, seed):
    """One image: nuclei of about that radius, some of them dead (small and very bright)."""
    from bioimage_course.data import synthetic

    sample = synthetic.nuclei(
        (SIDE, SIDE), NUCLEI, radius=(0.9 * radius, 1.1 * radius), touching=0.0, texture=0.1,
        brightness=(0.7 * stain, stain), photons=120.0, psf=2.0, seed=seed,
    )  # fmt: skip
    image, labels = np.array(sample.image), np.array(sample.labels)
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = np.zeros((SIDE, SIDE))
    for number in rng.choice(np.arange(1, NUCLEI + 1), dead, replace=False):
        y, x = np.argwhere(labels == number).mean(axis=0)
        distance = np.hypot(rows - y, columns - x)
        light += DEAD_BRIGHTNESS * np.exp(-((distance / DEAD_RADIUS) ** 4))
        labels[labels == number] = 0
    image = np.clip(image + np.rint(240 * light), 0, 65535).astype(np.uint16)
    return image, labels


# ---------------------------------------------------------------- experiments as numbers


ANALYSES = ("cells", "wells", "mixed", "day", "days")
"""What `p_values` can do."""


def experiments(wells, cells, icc, rng, effect=0.0, repeats=4000):
    """Many experiments without images: cells in wells in two conditions.

    Parameters
    ----------
    wells, cells : int
        Wells a condition, cells a well.
    icc : float
        Intraclass correlation, 0 to 1: the share of the variance that lies between wells of one condition.
    rng : numpy.random.Generator
    effect : float
        Difference of the conditions, in standard deviations of all cells of a condition.
    repeats : int
        Number of experiments.

    Returns
    -------
    array of float, shape (repeats, 2, wells, cells)
        Control first. The variance of a cell's value is 1.
    """
    well = np.sqrt(icc) * rng.standard_normal((repeats, 2, wells, 1))
    values = well + np.sqrt(1 - icc) * rng.standard_normal((repeats, 2, wells, cells))
    values[:, 1] += effect
    return values


def p_values(values, analysis):
    """Two-sided p-values of many experiments with equally many cells in each well.

    Parameters
    ----------
    values : array (repeats, 2, wells, cells)
    analysis : {"cells", "wells", "mixed", "day", "days"}
        "cells" : Student's t test, each cell taken for independent.
        "wells" : Student's t test on the means of the wells.
        "mixed" : mixed model with a random intercept of the well, by REML, with normal quantiles, as
        statsmodels reports it.
        "day" : wells are days, each with one control and one treated dish; mixed model with a random
        intercept of the day alone, with normal quantiles.
        "days" : the same design, paired t test on the means of the dishes.

    Returns
    -------
    array of float, shape (repeats,)

    Raises
    ------
    InputError
        If there is no such analysis, or the values have other axes.
    """
    from scipy.stats import norm, ttest_ind, ttest_rel

    if analysis not in ANALYSES:
        raise InputError(f"There are {', '.join(ANALYSES)}, but no analysis {analysis!r}.")
    values = arguments.array(values, "values", axes=True)
    if values.ndim != 4 or values.shape[1] != 2:
        raise InputError(f"values must be (repeats, 2, wells, cells), but their shape is {values.shape}.")

    repeats = len(values)
    means = values.mean(axis=3)
    if analysis == "cells":
        return ttest_ind(*values.reshape(repeats, 2, -1).swapaxes(0, 1), axis=1).pvalue
    if analysis == "wells":
        return ttest_ind(means[:, 1], means[:, 0], axis=1).pvalue
    if analysis == "days":
        return ttest_rel(means[:, 1], means[:, 0], axis=1).pvalue
    statistic = mixed_statistic(values) if analysis == "mixed" else _day_statistic(values)
    return 2 * norm.sf(np.abs(statistic))


def mixed_statistic(values):
    """Estimate divided by standard error of the mixed model with a random intercept of the well, by REML.

    With equally many cells in each well REML has a formula: if the mean squares between wells are above those
    within, the statistic is that of the t test on the means of the wells; if not, the variance between wells
    is estimated as 0, and the statistic is that of the t test on the cells.

    Parameters
    ----------
    values : array (repeats, 2, wells, cells)

    Returns
    -------
    array of float, shape (repeats,)
    """
    _, _, wells, cells = values.shape
    means = values.mean(axis=3)
    middle = means.mean(axis=2)
    between = cells * np.sum((means - middle[..., None]) ** 2, axis=(1, 2)) / (2 * (wells - 1))
    within = np.sum((values - means[..., None]) ** 2, axis=(1, 2, 3)) / (2 * wells * (cells - 1))
    together = np.sum((values - middle[..., None, None]) ** 2, axis=(1, 2, 3)) / (2 * wells * cells - 2)
    variance = np.where(between > within, between, together)
    return (middle[:, 1] - middle[:, 0]) / np.sqrt(2 * variance / (wells * cells))


def _day_statistic(values):
    """The same with a random intercept of the day alone: a day's two dishes are taken to differ by nothing.

    The difference of the conditions lies within days, so its standard error comes from what is left when
    days and conditions are taken out of the cells (unless the days' variance is estimated as 0, which the
    days of the course, far apart, do not let happen).
    """
    _, _, days, cells = values.shape
    means = values.mean(axis=3, keepdims=True)
    day, condition, all_ = (means.mean(axis=axes, keepdims=True) for axes in ((1,), (2,), (1, 2)))
    rest = np.sum((values - day - condition + all_) ** 2, axis=(1, 2, 3)) / (2 * days * cells - days - 1)
    difference = (condition[:, 1] - condition[:, 0])[:, 0, 0]
    return difference / np.sqrt(2 * rest / (days * cells))


def days(number, cells, rng, *, between_days=1.0, between_dishes=0.2, effect=0.0, repeats=4000):
    """Experiments in blocks: on each day one control dish and one treated dish.

    Parameters
    ----------
    number, cells : int
        Days, and cells a dish.
    rng : numpy.random.Generator
    between_days, between_dishes : float
        Variances; that of a cell within its dish is 1.
    effect : float
    repeats : int

    Returns
    -------
    array of float, shape (repeats, 2, number, cells)
        Control first.
    """
    day = np.sqrt(between_days) * rng.standard_normal((repeats, 1, number, 1))
    dish = np.sqrt(between_dishes) * rng.standard_normal((repeats, 2, number, 1))
    values = day + dish + rng.standard_normal((repeats, 2, number, cells))
    values[:, 1] += effect
    return values


def share(true):
    """The share of True values, with its 95 % Monte Carlo interval (Wilson).

    Parameters
    ----------
    true : array of bool

    Returns
    -------
    share, low, high : float
    """
    from scipy.stats import binomtest

    true = np.asarray(true)
    low, high = binomtest(int(true.sum()), true.size).proportion_ci(method="wilson")
    return float(true.mean()), float(low), float(high)


def found_share(effect, bias, wells, spread=BETWEEN, repeats=4000, seed=0):
    """Share of experiments in which a test on wells reports more, and less, when outlines err in one
    condition.

    Parameters
    ----------
    effect : float
        True relative change of the mean area.
    bias : float
        Relative error of the areas in treated wells only.
    wells : int
        Wells a condition.
    spread : float
        Relative standard deviation of a well's mean area.
    repeats, seed : int

    Returns
    -------
    more, less : float
    """
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(seed)
    control = 1 + spread * rng.standard_normal((repeats, wells))
    treated = (1 + effect) * (1 + bias) * (1 + spread * rng.standard_normal((repeats, wells)))
    test = ttest_ind(treated, control, axis=1, equal_var=False)
    found = test.pvalue < 0.05
    return float(np.mean(found & (test.statistic > 0))), float(np.mean(found & (test.statistic < 0)))


DESIGNS = {
    "A": "One plate, six wells with the compound and six without, at random places. 400 cells a well.",
    "B": "Four mice, two treated and two not. 30 sections of each mouse, 200 nuclei a section.",
    "C": "On five days one control dish and one treated dish were made from the same suspension of cells. "
    "100 cells a dish.",
    "D": "One dish with the compound, one without. 5,000 cells in each.",
    "E": "One well with wild-type cells and three with mutant cells, about 25 cells each.",
    "F": "Biopsies of nine patients and eleven healthy people, one each. 1,000 cells a biopsy.",
}
"""Six designs."""

DESIGN_ANSWERS = {
    "A": (6, "unpaired"),
    "B": (2, "unpaired"),
    "C": (5, "paired"),
    "D": (1, "nothing"),
    "E": (1, "nothing"),
    "F": (9, "unpaired"),
}
"""Replicates in the condition that has fewer, and which test they allow."""


# ---------------------------------------------------------------- real cells


def schwann():
    """Nuclei of four wells with Schwann cells, as `training/schwann_wells.py` measured them.

    Returns
    -------
    dict
        ``wells``: for each well its genotype, and ``area_px`` and ``mean_intensity`` of its nuclei;
        ``licence`` and ``citation`` of the images.
    """
    from bioimage_course import shipped

    return shipped.results("schwann-wells")
