# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "18"
#   title: From masks to a conclusion
#   extra: "conclusions,practice,torch"
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# The masks are there. From here to a sentence about biology it is: measure with units, look at what is odd, one row a
# replicate, a test that knows its n, and the question whether the segmentation itself has made the difference. Then the
# objects go to Fiji and QuPath.
#
# Six exercises are checked and a seventh is open. Everything but one optional cell runs without network.

# %% tags=["setup"]
import re
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy.ndimage import gaussian_filter
from scipy.stats import mannwhitneyu, nct, t, ttest_ind, ttest_rel
from skimage.filters import threshold_otsu
from skimage.measure import regionprops_table
from skimage.segmentation import clear_border

from bioimage_course import check, data, explore, large, metrics, show, tools
from bioimage_course.materials import ch18

PIXEL_SIZE = ch18.PIXEL_SIZE  # µm
colour = show.PALETTE

# %% [markdown]
# ## From a label image to a table
#
# A simulated plate, of which everything is known: six control wells and six treated ones. `regionprops_table` measures
# each object. Lengths and areas come in pixels, intensities from the image that it is given: give it the *raw* one.

# %%
plates = {name: ch18.plate(name) for name in ("nothing", "dimmer", "larger and dimmer", "some dead")}


def measured(well, labels):
    """One row an object that does not touch the border, with its well and condition, in µm."""
    table = pd.DataFrame(regionprops_table(
        clear_border(labels), well["image"], properties=("label", "area", "perimeter", "eccentricity", "intensity_mean")
    ))
    table["area"] *= PIXEL_SIZE**2
    table["perimeter"] *= PIXEL_SIZE
    table = table.rename(columns={"area": "area_um2", "perimeter": "perimeter_um", "intensity_mean": "intensity_raw"})
    table.insert(0, "well", well["well"])
    table.insert(0, "condition", well["condition"])
    return table


truth = pd.concat([measured(well, well["labels"]) for well in plates["nothing"]], ignore_index=True)

# %%
#| label: tbl-tidy
#| tbl-cap: "A tidy table: one row an object, and in each row the well and the condition it comes from. Units stand in the names of the columns."
shown = truth.groupby("condition").head(2)
show.table(shown.to_dict("records"), digits=2)

# %% tags=["nbval-check-output"]
well = plates["nothing"][0]
in_pixels = regionprops_table(clear_border(well["labels"]), properties=("area",))["area"]
in_um = regionprops_table(clear_border(well["labels"]), properties=("area",), spacing=(PIXEL_SIZE, PIXEL_SIZE))["area"]
print("the same as with regionprops' own spacing:", np.allclose(in_pixels * PIXEL_SIZE**2, in_um))
print("area of all nuclei in pixels and in µm²:", in_pixels.sum(), round(in_um.sum(), 1))

# %% [markdown]
# ## Exercise 1: units
#
# `with_units(table, size)` gets a dictionary of columns in pixels (`label`, `area`, `perimeter`, `axis_major_length`,
# `intensity_mean`, `eccentricity`, each an array) and the side of a pixel in µm. It returns a new dictionary with the same
# columns in µm² and µm, where that makes sense.

# %% tags=["exercise"] exercise="pixel_units"
def with_units(table, size):
    raise NotImplementedError


# %% tags=["solution"] exercise="pixel_units"
def with_units(table, size):
    powers = {"area": 2, "perimeter": 1, "axis_major_length": 1}
    return {name: values * size ** powers.get(name, 0) for name, values in table.items()}


# %% tags=["check", "nbval-check-output"] exercise="pixel_units"
check.pixel_units(with_units)

# %% [markdown]
# ## What is odd is looked at, not dropped
#
# Real nuclei, outlined by hand (their pixel size is not stated, so areas stay in pixels). Which lie far from the others?

# %%
sample = data.load("nuclei")
real = np.asarray(sample.labels)
nuclei = pd.DataFrame(regionprops_table(real, sample.image, properties=("label", "area", "solidity", "bbox", "intensity_mean")))
inner = np.isin(nuclei["label"], np.unique(clear_border(real)))  # does not touch the border
log_area = np.log(nuclei["area"])
spread = 1.4826 * np.median(np.abs(log_area[inner] - np.median(log_area[inner])))  # a standard deviation that outliers do not move
nuclei["distance"] = (log_area - np.median(log_area[inner])) / spread
cut = nuclei[~inner]
border_share, border_ratio = (~inner).mean(), cut["area"].mean() / nuclei[inner]["area"].mean()
odd = nuclei[inner].sort_values("distance")
picked = pd.concat([odd.head(3), odd.tail(2), nuclei[inner].sort_values("solidity").head(1)])

# %%
#| label: fig-outliers
#| fig-cap: "Real nuclei that a rule calls odd: the three smallest, the two largest and the least convex of those that do not touch the border. Distance is from the median of the logarithms of the areas, in robust standard deviations. Each has a reason, and the reasons are not alike."
#| fig-alt: "Six small crops of a fluorescence image with one outline in each: a thin sliver at the lower edge of a crop, a thin sliver at the right edge, one of two short bright bars that lie parallel, two plain large ellipses, and a dim crescent around a much brighter nucleus."
figure, panels = show.figure(2, 3, height=4.6)
for axes, (_, row) in zip(panels.ravel(), picked.iterrows()):
    y, x = int(row["bbox-0"] + row["bbox-2"]) // 2, int(row["bbox-1"] + row["bbox-3"]) // 2
    top, left = np.clip([y - 30, x - 30], 0, np.array(real.shape) - 60)
    window = np.s_[top : top + 60, left : left + 60]
    crop = np.asarray(sample.image)[window].astype(float)
    axes.imshow(crop, cmap="gray", vmin=np.percentile(crop, 1), vmax=np.percentile(crop, 99.8))
    axes.contour(real[window] == row["label"], [0.5], colors=colour["orange"], linewidths=1.6)
    axes.set_title(f"{row['area']:.0f} px, {row['distance']:+.1f}".replace("-", "−"))
    axes.set_axis_off()
figure

# %% tags=["nbval-check-output"]
print(f"touching the border: {(~inner).sum()} of {len(nuclei)} nuclei")
print("their mean area is smaller than that of the others:", bool(border_ratio < 0.9))

# %% [markdown]
# ## Exercise 2: one row a well
#
# `by_well(cells)` gets a tidy table with the columns `plate`, `well`, `field`, `condition` and `area`, one row a cell. It
# returns one with a row for each well: `plate`, `well`, `condition`, `cells` (how many) and `area` (the mean of all its cells).

# %% tags=["exercise"] exercise="well_table"
def by_well(cells):
    raise NotImplementedError


# %% tags=["solution"] exercise="well_table"
def by_well(cells):
    groups = cells.groupby(["plate", "well", "condition"], as_index=False)
    return groups.agg(cells=("area", "size"), area=("area", "mean"))


# %% tags=["check", "nbval-check-output"] exercise="well_table"
check.well_table(by_well)

# %% [markdown]
# ## A SuperPlot
#
# Four days, on each a control dish and a treated one, sixty cells a dish. Nothing was done to the treated cells.

# %%
quiet = ch18.days(4, 60, np.random.default_rng(10), between_days=0.6, between_dishes=0.15, repeats=200)
p_cells, p_days = ch18.p_values(quiet, "cells"), ch18.p_values(quiet, "days")
example = quiet[np.flatnonzero((p_cells < 0.001) & (p_days > 0.3))[0]]  # one of those that fool the eye
groups = {
    name: {f"day {k + 1}": 100 + 15 * values[k] for k in range(4)} for name, values in zip(("control", "treated"), example)
}
by_cell = ttest_ind(*(np.concatenate(list(g.values())) for g in groups.values()))
by_day = ttest_rel(*([v.mean() for v in g.values()] for g in groups.values()))

# %%
#| label: fig-superplot
#| fig-cap: "A SuperPlot of an experiment in which nothing was done. Pale: cells, in colour and shape of their day; large symbols: the mean of each day's dish, and a line from the control to the treated dish of the same day; bars: mean of the days and its 95 % interval. This experiment was picked, as one that fools whoever counts cells, from 200 simulated ones."
#| fig-alt: "Two columns of pale dots in four colours, control and treated. In each, four large symbols, the means of the days. Dashed lines join the symbols of a day: some rise and some fall. The interval of the mean is wide in both columns."
show.superplot(groups, ylabel="intensity (a. u.)", connect=True)

# %% tags=["nbval-check-output"]
print("cells as n: p below 0.001:", bool(by_cell.pvalue < 0.001))
print("days as n, each with its own control: p above 0.3:", bool(by_day.pvalue > 0.3))

# %% [markdown]
# ## False alarms, counted
#
# ## Exercise 3: cells as n
#
# `experiments(wells, cells, icc, rng, repeats=…)` draws experiments *without an effect*, shape `(repeats, 2, wells, cells)`. Write
# `false_positives(values)`, which returns two triples, the first for Student's t test with cells as n, the second with means of
# wells as n: the share of experiments with p < 0.05, and the lower and upper end of its 95 % Monte Carlo interval.

# %% tags=["exercise"] exercise="cells_as_n"
def false_positives(values):
    raise NotImplementedError
    control, treated = values[:, 0], values[:, 1]  # (repeats, wells, cells)
    return (..., ..., ...), (..., ..., ...)


# %% tags=["solution"] exercise="cells_as_n"
def false_positives(values):
    answers = []
    for control, treated in (
        (values[:, 0].reshape(len(values), -1), values[:, 1].reshape(len(values), -1)),
        (values[:, 0].mean(axis=2), values[:, 1].mean(axis=2)),
    ):
        share = np.mean(ttest_ind(control, treated, axis=1).pvalue < 0.05)
        half = 1.96 * np.sqrt(share * (1 - share) / len(values))
        answers.append((share, share - half, share + half))
    return tuple(answers)


# %% tags=["check", "nbval-check-output"] exercise="cells_as_n"
check.cells_as_n(false_positives)

# %%
#| label: tbl-false-positives
#| tbl-cap: "False alarms: share of 4,000 experiments without any effect that report one (p < 0.05), with its 95 % Monte Carlo interval. 50 cells a well; a fifth of the variance lies between wells (intraclass correlation 0.2). Mixed model: random intercept of the well, by REML, p from the normal distribution as statsmodels gives it."
wells_tried = (2, 3, 4, 6, 12, 24)
rng = np.random.default_rng(18)
alarms = {}
for n in wells_tried:
    values = ch18.experiments(n, 50, 0.2, rng)
    alarms[n] = {how: ch18.share(ch18.p_values(values, how) < 0.05) for how in ("cells", "mixed", "wells")}


def percent(triple):
    return f"{100 * triple[0]:.1f} % ({100 * triple[1]:.1f}\u2060–\u2060{100 * triple[2]:.1f})"


show.table(
    [[n, 50 * n, *(percent(alarms[n][how]) for how in ("cells", "mixed", "wells"))] for n in wells_tried],
    ["wells a condition", "cells a condition", "t test, n = cells", "mixed model, normal quantiles", "t test, n = wells"],
)

# %%
#| label: fig-cells-or-wells
#| fig-cap: "More cells, or more wells? Left: false alarms when cells are taken for n, against the number of cells in each of four wells. Right: how often the test on wells finds an effect of half a standard deviation of the cells, against the same number; a tenth of the variance lies between wells. Beyond some dozens of cells a well, only wells help."
#| fig-alt: "Left: three rising curves from below 0.1 at 2 cells; with a share of variance of 0.02 the curve reaches 0.35 at 200 cells, with 0.1 about 0.7, with 0.3 about 0.8. Right: three curves for 3, 6 and 12 wells that rise up to about 50 cells and are nearly flat afterwards, at about 0.3, 0.65 and 0.95."
cells_tried = (2, 5, 10, 20, 50, 100, 200)
rng = np.random.default_rng(1)
figure, (left, right) = show.figure(1, 2, height=3.2)
creep = {}
for icc, tint, style in ((0.02, "sky", ":"), (0.1, "blue", "--"), (0.3, "vermilion", "-")):
    creep[icc] = [np.mean(ch18.p_values(ch18.experiments(4, k, icc, rng, repeats=1000), "cells") < 0.05) for k in cells_tried]
    left.plot(cells_tried, creep[icc], style, color=colour[tint], label=f"{icc:g} between wells")
left.axhline(0.05, color="grey", lw=0.8)
left.set(xlabel="cells a well", ylabel="false alarms, n = cells", ylim=(0, 1), xscale="log")
left.legend(fontsize=9)


def power_of_wells(wells, cells, icc=0.1, effect=0.5):
    """Power of Student's t test on means of wells, exactly, from the noncentral t distribution."""
    df, variance = 2 * wells - 2, icc + (1 - icc) / cells
    shift = effect / np.sqrt(2 * variance / wells)
    limit = t.ppf(0.975, df)
    return nct.sf(limit, df, shift) + nct.cdf(-limit, df, shift)


for wells, tint, style in ((3, "sky", ":"), (6, "blue", "--"), (12, "vermilion", "-")):
    right.plot(cells_tried, [power_of_wells(wells, k) for k in cells_tried], style, color=colour[tint], label=f"{wells} wells")
right.set(xlabel="cells a well", ylabel="effect found, n = wells", ylim=(0, 1), xscale="log")
right.legend(fontsize=9)
figure

# %% tags=["widget"]
explore.replicate()

# %% [markdown]
# ## A mixed model, and what its p is made of
#
# The same three and three wells, analysed in four ways by statsmodels and SciPy. Then the same with unequal numbers of cells.

# %%
def long_table(values, keep=None):
    """(2, wells, cells) as a tidy table; `keep` cells of each well."""
    rows = [
        (condition, f"{condition[0]}{w}", value)
        for condition, wells in zip(("control", "treated"), values)
        for w, cells in enumerate(wells)
        for value in cells[: None if keep is None else keep[w]]
    ]
    return pd.DataFrame(rows, columns=["condition", "well", "value"])


def four_ways(table):
    """Statistic and p of each analysis."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the boundary, where the variance between wells is estimated as 0
        fit = smf.mixedlm("value ~ condition", table, groups="well").fit(reml=True)
    name = "condition[T.treated]"
    means = table.groupby(["condition", "well"])["value"].mean()
    on_cells = ttest_ind(*(table[table["condition"] == c]["value"] for c in ("treated", "control")))
    on_wells = ttest_ind(means["treated"], means["control"])
    z = fit.params[name] / fit.bse[name]
    return {
        "t test, n = cells": (on_cells.statistic, on_cells.pvalue),
        "mixed model, normal quantiles": (z, fit.pvalues[name]),
        f"mixed model, t with {len(means) - 2} degrees of freedom": (z, 2 * t.sf(abs(z), len(means) - 2)),
        "t test, n = wells": (on_wells.statistic, on_wells.pvalue),
    }


rng = np.random.default_rng(6)
trio = ch18.experiments(3, 60, 0.2, rng, effect=0.9, repeats=1)[0]
equal, unequal = four_ways(long_table(trio)), four_ways(long_table(trio, keep=(60, 25, 6)))

# %%
#| label: tbl-models
#| tbl-cap: "Three wells against three, four analyses. Left: 60 cells in each well; right: 60, 25 and 6. With equal numbers of cells the mixed model has the statistic of the t test on wells, and another p, because it looks it up in the normal distribution."
def p_text(p):
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


show.table(
    [
        [name, f"{equal[name][0]:.2f}", p_text(equal[name][1]), f"{unequal[name][0]:.2f}", p_text(unequal[name][1])]
        for name in equal
    ],
    ["analysis", "statistic, equal", "p, equal", "statistic, unequal", "p, unequal"],
)

# %% tags=["nbval-check-output"]
checked = []
for seed, (n, icc) in enumerate([(3, 0.2), (3, 0.0), (4, 0.1), (6, 0.3)]):
    values = ch18.experiments(n, 20, icc, np.random.default_rng(seed), repeats=1)
    ways = four_ways(long_table(values[0]))
    checked.append(np.isclose(ways["mixed model, normal quantiles"][0], ch18.mixed_statistic(values)[0], rtol=0.01))
print("the formula of the simulation agrees with statsmodels:", all(checked))

# %%
#| label: tbl-days
#| tbl-cap: "The same in blocks: each day has one control and one treated dish of 50 cells, and nothing was done. Variance between days 1, between dishes of a day 0.2, within a dish 1. False alarms in 4,000 experiments, with Monte Carlo interval."
rng = np.random.default_rng(3)
blocks = {}
for n in (3, 5, 10):
    values = ch18.days(n, 50, rng)
    blocks[n] = {how: ch18.share(ch18.p_values(values, how) < 0.05) for how in ("cells", "day", "days")}
show.table(
    [[n, *(percent(blocks[n][how]) for how in ("cells", "day", "days"))] for n in blocks],
    ["days", "t test, n = cells", "random intercept of the day only", "paired t test on dishes"],
)

# %%
#| label: tbl-few
#| tbl-cap: "What few replicates can say, for two independent groups of n. Half width: of the 95 % interval of the difference, in standard deviations between replicates. Smallest effect: found in 80 % of the experiments by a two-sided t test, in the same unit. Ranks: the smallest two-sided p that the exact Mann–Whitney test can give at all."
def smallest_effect(n):
    df = 2 * n - 2
    limit = t.ppf(0.975, df)
    tried = np.arange(0.5, 30, 0.01)
    shift = tried / np.sqrt(2 / n)
    power = nct.sf(limit, df, shift) + nct.cdf(-limit, df, shift)
    return tried[np.argmax(power >= 0.8)]


few = {
    n: (t.ppf(0.975, 2 * n - 2) * np.sqrt(2 / n), smallest_effect(n), mannwhitneyu(range(n), range(n, 2 * n), method="exact").pvalue)
    for n in (2, 3, 4, 6, 12)
}
show.table([[n, f"{width:.1f}", f"{effect:.1f}", p_text(p)] for n, (width, effect, p) in few.items()],
           ["n a group", "half width (SD)", "smallest effect (SD)", "smallest p of ranks"])

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(20)
screen = rng.standard_normal((2000, 2, 4, 20))  # 20 unrelated features, 4 wells a condition, no effect
p = ttest_ind(screen[:, 0], screen[:, 1], axis=1).pvalue
any_alarm = np.mean((p < 0.05).any(axis=1))
after_holm = np.mean(p.min(axis=1) < 0.05 / 20)  # Holm's procedure begins with the smallest p: if that fails, nothing is left
print("at least one of 20 features below 0.05, in about two thirds of the experiments:", bool(0.60 < any_alarm < 0.69))
print("after Holm's correction in about 5 %:", bool(0.03 < after_holm < 0.07))

# %% [markdown]
# ## Exercise 4: what follows?
#
# Six designs. For each: how many replicates has the condition with fewer of them, and does the design allow an `"unpaired"` test, a
# `"paired"` one, or does `"nothing"` follow about the difference of the conditions?

# %% tags=["nbval-check-output"]
for name, design in ch18.DESIGNS.items():
    print(f"{name}. {design}")

# %% tags=["exercise"] exercise="what_follows"
answers = None  # {"A": (…, "unpaired"), "B": …}

# %% tags=["solution"] exercise="what_follows"
answers = {
    "A": (6, "unpaired"), "B": (2, "unpaired"), "C": (5, "paired"), "D": (1, "nothing"), "E": (1, "nothing"), "F": (9, "unpaired"),
}

# %% tags=["check", "nbval-check-output"] exercise="what_follows"
check.what_follows(answers)

# %% [markdown]
# ## How a segmentation error moves the p-value
#
# Now images. Four plates with the same control wells. In the treated wells *nothing* has happened; or nuclei are stained 30 % more
# weakly; or they are 15 % larger *and* stained more weakly; or three in each field are dead, small and very bright. Only in one of the
# four is there an effect on the area of living nuclei.

# %%
#| label: fig-plates
#| fig-cap: "A control well and a treated well of three plates, all with the same display limits. With outlines: the truth for living nuclei."
#| fig-alt: "Four square crops of synthetic nuclei, outlined. Control: grey nuclei. Dimmer: clearly darker nuclei of the same size. Larger and dimmer: dark nuclei, a little larger. Some dead: grey nuclei like the control's, and three small white ones without outline."
figure, panels = show.figure(1, 4, height=2.2)
first = {"control": plates["nothing"][0]} | {name: plates[name][6] for name in list(plates)[1:]}
for axes, (name, well) in zip(panels, first.items()):
    axes.imshow(well["image"], cmap="gray", vmin=100, vmax=420)
    axes.contour(well["labels"] > 0, [0.5], colors=colour["orange"], linewidths=0.9)
    axes.set_title(name, fontsize=10.5)
    axes.set_axis_off()
figure

# %% [markdown]
# Four ways to outline: Voronoi-Otsu labelling with a threshold of each image's own; the same with one threshold for the plate; each
# object at half of its own height (@sec-evaluation); the course's U-Net, with limits of each image's own.

# %%
def own_threshold(plate):
    return [tools.voronoi_otsu.segment(well["image"]) for well in plate]


def plate_threshold(plate):
    smooth = np.concatenate([gaussian_filter(well["image"].astype(float), 1.0) for well in plate])
    return threshold_otsu(smooth)


def one_threshold(plate, factor=1.0):
    """Voronoi-Otsu labelling with one threshold; `factor` moves it, counted from the darkness of the camera (100)."""
    threshold = 100 + factor * (plate_threshold(plate) - 100)
    return [large.bright_blobs(well["image"], threshold, spot_sigma=4.0) for well in plate]


def half_height(plate):
    return [metrics.outlines.half_maximum(well["image"], labels, reach=6) for well, labels in zip(plate, own_threshold(plate))]


def unet(plate):
    return [tools.unet.segment(well["image"]) for well in plate]


METHODS = {"own threshold": own_threshold, "one threshold": one_threshold, "half height": half_height, "U-Net": unet}


def well_areas(plate, segmented):
    """Mean area of the living nuclei of each well. Dead ones are known by their raw intensity: one rule for all wells."""
    cells = pd.concat([measured(well, labels) for well, labels in zip(plate, segmented)])
    usual = cells[cells["condition"] == "control"]["intensity_raw"].median() - 100
    living = cells[(cells["intensity_raw"] - 100 < 2.5 * usual) & (cells["area_um2"] > 30 * PIXEL_SIZE**2)]
    return living.groupby(["condition", "well"])["area_um2"].mean()


def effect_and_p(areas):
    test = ttest_ind(areas["treated"], areas["control"], equal_var=False)
    return areas["treated"].mean() / areas["control"].mean() - 1, test.pvalue


controls = {}  # the control wells of all plates are the same images: segment them once
results = {}
for name, plate in plates.items():
    results[name, "truth"] = effect_and_p(well_areas(plate, [well["labels"] for well in plate]))
    for title, method in METHODS.items():
        if title == "one threshold":
            segmented = method(plate)
        else:
            controls.setdefault(title, method(plate[:6]))
            segmented = controls[title] + method(plate[6:])
        results[name, title] = effect_and_p(well_areas(plate, segmented))

# %%
#| label: tbl-four-methods
#| tbl-cap: "The effect on the mean area that each method reports, with p of Welch's test on six and six wells. The row *truth* measures the true masks. Where the effect is none, a small p is a false alarm; where it is +15 %, a missing or reversed effect is a failure."
def signed(value):
    """Whole per cent with a sign; no sign for 0."""
    whole = round(100 * value)
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{abs(whole)} %"


def told(effect, p):
    return f"{signed(effect)}, p {'< 0.001' if p < 0.001 else f'= {p:.3f}' if p < 0.01 else f'= {p:.2f}'}"


show.table([[title, *(told(*results[name, title]) for name in plates)] for title in ("truth", *METHODS)], ["outlined by", *plates])

# %%
#| label: fig-sensitivity
#| fig-cap: "A question that needs no truth: does the effect stay when the threshold is moved? The same threshold for all wells of a plate, moved from 0.6 to 1.4 times its value. On the plate where nuclei really are larger and equally bright, the effect stays about as large. On the two where the stain differs it depends on the threshold."
#| fig-alt: "Three curves over the factor of the threshold from 0.6 to 1.4. Larger: nearly level between 12 and 16 percent. Dimmer: falls from minus 9 to minus 27 percent. Larger and dimmer: falls from plus 2 to minus 15 percent, crossing zero at 0.8."
factors = np.linspace(0.6, 1.4, 9)
moved = {}
figure, axes = show.figure(height=3.1)
for name, tint, style in (("larger", "green", "-"), ("larger and dimmer", "blue", "--"), ("dimmer", "vermilion", ":")):
    plate = plates.get(name) or ch18.plate(name)
    moved[name] = [effect_and_p(well_areas(plate, one_threshold(plate, factor)))[0] for factor in factors]
    axes.plot(factors, 100 * np.array(moved[name]), style, color=colour[tint], label=name)
axes.axhline(0, color="grey", lw=0.8)
axes.set(xlabel="threshold, as a multiple of the one chosen", ylabel="effect on area (%)")
axes.legend()
figure

# %%
#| label: fig-bias-decides
#| fig-cap: "What an error of the outlines in treated wells alone makes of a test. Left: there is no effect; share of experiments that report one, against the error of the areas. Right: the area truly grows by 15 %; solid, share that reports growth, and dotted, share that reports shrinkage. Wells differ by 6 % (standard deviation); their number is that of each condition. The more wells, the narrower the range of errors that does no harm."
#| fig-alt: "Left: V-shaped curves around zero for 3, 6 and 24 wells a condition, with minima at 0.05; the one for 24 wells reaches 1 at an error of about 8 percent, that for 3 wells is still at 0.8 at minus 20 percent. Right: solid curves near 1 at positive errors that fall to 0 near minus 13 percent, dotted curves that rise from there on to the left."
errors = np.linspace(-0.25, 0.1, 15)
decided = {}
figure, (left, right) = show.figure(1, 2, height=3.2)
for wells, tint in ((3, "sky"), (6, "blue"), (24, "vermilion")):
    for effect, axes in ((0.0, left), (0.15, right)):
        decided[effect, wells] = np.array([ch18.found_share(effect, e, wells, spread=0.06, repeats=1500) for e in errors])
    left.plot(100 * errors, decided[0.0, wells].sum(axis=1), color=colour[tint], label=f"{wells} wells")
    right.plot(100 * errors, decided[0.15, wells][:, 0], color=colour[tint])
    right.plot(100 * errors, decided[0.15, wells][:, 1], ":", color=colour[tint])
left.axhline(0.05, color="grey", lw=0.8)
left.set(xlabel="error of areas, treated only (%)", ylabel="an effect is reported", title="no effect", ylim=(0, 1.02))
right.set(xlabel="error of areas, treated only (%)", title="15 % larger", ylim=(0, 1.02))
left.legend(fontsize=9)
figure

# %% [markdown]
# ## A few nuclei drawn by hand, in both conditions
#
# The check that finds it: in each well three nuclei are drawn by hand and compared with what the method made of them. The hand here is
# simulated: the truth with outlines that waver a little (@sec-evaluation).

# %%
def drawn_check(plate, segmented, each=3, seed=0):
    """Bias of each well, from a few nuclei drawn by hand."""
    rng, biases = np.random.default_rng(seed), {"control": [], "treated": []}
    for number, (well, labels) in enumerate(zip(plate, segmented)):
        hand = clear_border(metrics.outlines.redraw(well["labels"], unsteadiness=0.5, seed=number))
        chosen = rng.choice(np.unique(hand)[1:], each, replace=False)
        drawn = np.array([np.sum(hand == k) for k in chosen])
        partner = [np.bincount(labels[hand == k]).argmax() for k in chosen]
        found = np.array([np.sum(labels == k) if k else 0 for k in partner])
        biases[well["condition"]].append(found.sum() / drawn.sum() - 1)
    return biases


def difference(biases):
    """Bias of the treated wells minus that of the control, with its 95 % interval over wells."""
    a, b = (np.array(biases[c]) for c in ("treated", "control"))
    test = ttest_ind(a, b, equal_var=False)
    interval = test.confidence_interval()
    return a.mean() - b.mean(), interval.low, interval.high


plate = plates["larger and dimmer"]
checks = {
    "one threshold": drawn_check(plate, one_threshold(plate)),
    "half height": drawn_check(plate, controls["half height"] + half_height(plate[6:])),
}
found = {title: difference(biases) for title, biases in checks.items()}
effect = results["larger and dimmer", "one threshold"][0]
control_bias, treated_bias = (np.mean(checks["one threshold"][c]) for c in ("control", "treated"))
mended = (1 + effect) * (1 + control_bias) / (1 + treated_bias) - 1

# %%
#| label: tbl-drawn
#| tbl-cap: "Bias of the areas in the plate whose nuclei are larger and dimmer, from three nuclei drawn in each well, 18 a condition: mean of six wells. Difference: treated minus control, with its 95 % interval over wells. An interval without 0 says that the method treats the conditions differently."
show.table(
    [[title, *(signed(np.mean(checks[title][c])) for c in ("control", "treated")), f"{signed(d)} ({signed(low)} to {signed(high)})"]
     for title, (d, low, high) in found.items()],
    ["outlined by", "bias, control", "bias, treated", "difference"],
)

# %% [markdown]
# ## Exercise 5: a bias that differs
#
# - `bias(measured, drawn)`: relative error of the areas of a condition, from the nuclei of which both are known. Take the ratio of the
#   sums, because the effect is a ratio of means, too.
# - `corrected(effect, control_bias, treated_bias)`: the relative effect on the area without the biases.

# %% tags=["exercise"] exercise="condition_bias"
def bias(measured, drawn):
    raise NotImplementedError


def corrected(effect, control_bias, treated_bias):
    raise NotImplementedError


# %% tags=["solution"] exercise="condition_bias"
def bias(measured, drawn):
    return np.sum(measured) / np.sum(drawn) - 1


def corrected(effect, control_bias, treated_bias):
    return (1 + effect) * (1 + control_bias) / (1 + treated_bias) - 1


# %% tags=["check", "nbval-check-output"] exercise="condition_bias"
check.condition_bias(bias, corrected)

# %% [markdown]
# ## A real design from which nothing follows
#
# Four wells of a Cell Painting plate with Schwann cells, one field each: one well of wild type, three of cells without NF1. The masks of the
# nuclei came with the data (made by CellProfiler), the numbers were written by `training/schwann_wells.py`.

# %%
schwann = ch18.schwann()
wells = {f"{well}, {about['genotype']}": np.array(about["area_px"]) for well, about in schwann["wells"].items()}
wild, *null = wells.values()
cells_test = ttest_ind(wild, np.concatenate(null), equal_var=False)
assumed = ttest_ind([wild.mean()], [w.mean() for w in null])  # takes the spread of null wells for that of wild-type wells

# %%
#| label: fig-schwann
#| fig-cap: "Areas of the nuclei in four wells (in pixels: the pixel size is not stated). Large symbols: the mean of each well. There is one well of wild type. Images: WayScience/nf1_schwann_cell_painting_data, CC BY 4.0."
#| fig-alt: "A SuperPlot with two columns. Wild type: 27 pale dots and one large symbol at about 3,600 pixels, without an interval. NF1 null: 80 dots in three colours and three large symbols close together at about 2,800 pixels."
show.superplot(
    {"wild type": {"D6": wild}, "NF1 null": {name[:3].strip(","): values for name, values in list(wells.items())[1:]}},
    ylabel="nuclear area (pixels)",
)

# %%
#| label: tbl-schwann
#| tbl-cap: "The same four wells, counted in three ways. Only the first two give a p, and neither is an answer: the first asks whether these nuclei are alike, the second takes for granted what nobody has measured."
show.table(
    [
        ["nuclei", f"{len(wild)} and {sum(map(len, null))}", f"{cells_test.pvalue:.5f}", "cells of a well are independent"],
        ["wells", "1 and 3", f"{assumed.pvalue:.3f}", "wild-type wells vary like the null wells"],
        ["wells", "1 and 3", "none", "nothing"],
    ],
    ["counted", "n", "p", "assuming that"],
)

# %% [markdown]
# ### Optional: a design that does allow a test
#
# BBBC013 is a plate with several wells for each of many doses. This cell needs the internet, and says so (or what else is missing).

# %%
if not data.missing("bbbc013"):
    with zipfile.ZipFile(data.fetch("bbbc013")) as plate:
        found = {match[1] for name in plate.namelist() if (match := re.search(r"Channel1-\d+-(\w-\d+)", name))}
    print(f"{len(found)} wells in {len({well[0] for well in found})} rows: what is in each stands on the page of BBBC013.")

# %% [markdown]
# ## Exports that others open
#
# Objects as ROIs for Fiji, as GeoJSON for QuPath, the table as CSV. Then read back, and compared.

# %% tags=["nbval-check-output"]
folder = Path(tempfile.mkdtemp())
print("ROIs written:", data.write_rois(folder / "nuclei.zip", real))
areas = nuclei.sort_values("label")["area"]
print("objects written:", data.write_geojson(folder / "nuclei.geojson", real, {"area (px)": areas}, classification="nucleus"))
truth.to_csv(folder / "cells.csv", index=False)
print("ROIs come back pixel by pixel:", np.array_equal(data.read_rois(folder / "nuclei.zip", real.shape), real))
print("GeoJSON comes back pixel by pixel:", np.array_equal(data.read_geojson(folder / "nuclei.geojson", real.shape), real))
print("the table comes back:", np.allclose(pd.read_csv(folder / "cells.csv")["area_um2"], truth["area_um2"]))

# %% [markdown]
# For napari and for images too large for a file: an OME-Zarr image with its pixel size, smaller levels, and the labels beside it.

# %% tags=["nbval-check-output"]
well = plates["nothing"][0]
array = large.create(folder / "well.ome.zarr", well["image"].shape, well["image"].dtype, block=128, pixel_size=PIXEL_SIZE)
array[:] = well["image"]
print("levels:", large.add_levels(folder / "well.ome.zarr", levels=2, block=128))
beside = large.add_labels(large.open_image(folder / "well.ome.zarr"), well["labels"].astype(np.int32), "nuclei", block=128)
back = large.open_image(beside)
print("in the group labels:", beside.relative_to(folder).as_posix())
print("labels come back pixel by pixel:", np.array_equal(np.asarray(back[:, :]), well["labels"]))
print("pixel size of the labels:", back.scale, [axis["unit"] for axis in back.axes])

# %% [markdown]
# ## Exercise 6: does it survive?
#
# Write the test of an export: `iou_by_label(labels, back)` gets a label image and what came back from a round trip. It returns a dictionary
# from each label to the IoU of its pixels before and after, under the *same number*; 0 for a label that is missing on one side.

# %% tags=["exercise"] exercise="survives"
def iou_by_label(labels, back):
    raise NotImplementedError


# %% tags=["solution"] exercise="survives"
def iou_by_label(labels, back):
    found = {}
    for number in np.union1d(labels, back):
        if number != 0:
            before, after = labels == number, back == number
            found[int(number)] = np.sum(before & after) / np.sum(before | after)
    return found


# %% tags=["check", "nbval-check-output"] exercise="survives"
check.survives(iou_by_label)

# %% tags=["claims", "nbval-check-output"]
got = {key: value[0] for key, value in results.items()}
hangs = {name: abs(moved[name][7] - moved[name][1]) for name in moved}  # the factors 0.7 and 1.3
late = decided[0.0, 24].sum(axis=1)[np.argmin(np.abs(errors + 0.05))]
show.claims(
    ("border-cut", "678e46", border_ratio < 0.75, f"{(~inner).sum()} of {len(nuclei)} nuclei, {border_ratio:.2f} of the others' mean area"),
    ("fooled", "9ccb37", by_cell.pvalue < 0.001 and by_day.pvalue > 0.3, "480 cells, 4 days"),
    ("cells-alarm", "7ab390", min(a["cells"][1] for a in alarms.values()) > 0.5 and alarms[24]["cells"][0] > 0.5,
     f"{100 * alarms[4]['cells'][0]:.0f} % with 4 wells, at least {100 * min(a['cells'][0] for a in alarms.values()):.0f} % with any number"),
    ("little-is-enough", "fd4824", creep[0.02][-1] > 0.27, f"{100 * creep[0.02][-1]:.0f} % of 1,000 experiments"),
    ("wells-help", "1aa946", power_of_wells(6, 200) - power_of_wells(6, 50) < 0.1 and power_of_wells(12, 50) - power_of_wells(6, 50) > 0.25,
     f"6 wells {power_of_wells(6, 50):.2f} and {power_of_wells(6, 200):.2f}, 12 wells {power_of_wells(12, 50):.2f}"),
    ("same-statistic", "2aef92", abs(equal["mixed model, normal quantiles"][0] - equal["t test, n = wells"][0]) < 0.005
     and equal["mixed model, normal quantiles"][1] < equal["t test, n = wells"][1] / 2, "3 wells of 60 cells a condition"),
    ("too-optimistic", "f17948", 0.105 < alarms[3]["mixed"][0] < 0.145 and alarms[12]["mixed"][1] > 0.05,
     f"3 wells {percent(alarms[3]['mixed'])}, 12 wells {percent(alarms[12]['mixed'])}"),
    ("day-alone", "4351e1", all(b["day"][1] > b["cells"][2] and 0.45 < b["day"][0] < 0.65 for b in blocks.values()),
     "; ".join(f"{n} days {100 * b['day'][0]:.0f} % against {100 * b['cells'][0]:.0f} %" for n, b in blocks.items())),
    ("made-and-hidden", "40ba83", got["dimmer", "one threshold"] < -0.1 and results["dimmer", "one threshold"][1] < 0.01
     and got["larger and dimmer", "one threshold"] < 0.03, "12 wells a plate; truth 0 and +15 %"),
    ("own-is-right-here", "52810d", all(abs(got[name, "own threshold"] - got[name, "truth"]) < 0.03 for name in ("dimmer", "larger and dimmer")),
     "both plates with dimmer nuclei"),
    ("own-is-wrong-there", "e3bace", got["some dead", "own threshold"] - got["some dead", "truth"] < -0.04
     and abs(got["some dead", "one threshold"] - got["some dead", "truth"]) < 0.04, "3 dead nuclei in each treated field"),
    ("more-wells-less-tolerance", "79add1", late > 0.5, f"{late:.2f} of 1,500 experiments, wells differ by 6 %"),
    ("threshold-tells", "e0908c", hangs["larger"] < abs(moved["larger"][4]) / 3 and min(hangs["dimmer"], hangs["larger and dimmer"]) > 0.09,
     "3 plates of 12 wells"),
    ("drawn", "241851", found["one threshold"][2] < 0 and 0.075 < mended < 0.225, f"{3 * 6} nuclei a condition, 6 wells each"),
    ("round-trip", "963814", np.array_equal(data.read_rois(folder / "nuclei.zip", real.shape), real)
     and np.array_equal(data.read_geojson(folder / "nuclei.geojson", real.shape), real), f"{len(nuclei)} nuclei"),
)

# %% [markdown]
# ## Exercise 7, open: your own conclusion
#
# Take a table of your own experiment, or make one with `ch18.plate`. Draw the SuperPlot. Write down: what was treated by itself, how many of it
# there are, which test follows, the effect with its interval in units. Then draw five nuclei by hand in each of four wells, two a
# condition, and say how much of the effect the segmentation may have made.
