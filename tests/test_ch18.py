"""Chapter 18: exercises tell usual mistakes apart; the simulations are what the page says they are."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from scipy.stats import t, ttest_ind, ttest_rel

from bioimage_course import check, show
from bioimage_course.check.exercises import ch18
from bioimage_course.errors import InputError
from bioimage_course.materials import ch18 as materials
from exercise_cells import Chapter, failure


@pytest.fixture(scope="module")
def chapter():
    return Chapter("18-conclusions", ttest_ind=ttest_ind, pd=pd)


@pytest.fixture
def answers(chapter):
    """What the solution of an exercise defines."""

    def run(exercise):
        space = dict(chapter.names)
        for text in chapter.texts("solution", exercise):
            exec(text, space)
        return space

    return run


def test_the_solutions_pass(answers):
    for name, arguments in {
        "pixel_units": ["with_units"],
        "well_table": ["by_well"],
        "cells_as_n": ["false_positives"],
        "what_follows": ["answers"],
        "condition_bias": ["bias", "corrected"],
        "survives": ["iou_by_label"],
    }.items():
        space = answers(name)
        verdict = getattr(check, name).verdict(*(space[argument] for argument in arguments))
        assert verdict.passed, (name, verdict)


# --- (1) units ------------------------------


def scaled(**powers):
    right = dict(ch18.POWERS) | powers
    return lambda table, size: {name: values * size ** right[name] for name, values in table.items()}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (scaled(area=1), "multiplied by the size once"),
        (scaled(area=0), "still in pixels"),
        (scaled(area=-2), "divided by the square"),
        (scaled(perimeter=2), "as areas are"),
        (scaled(axis_major_length=0), "'axis_major_length' is wrong"),
        (scaled(intensity_mean=2), "no length in it"),
        (scaled(eccentricity=1), "no length in it"),
        (scaled(label=1), "'label' is wrong"),
        (lambda table, size: {"area": table["area"] * size**2}, "all columns"),
        (lambda table, size: None, "did you forget"),
        (lambda table, size: {name: values[:3] for name, values in table.items()}, "must keep its 5 rows"),
    ],
)
def test_unit_mistakes(wrong, words):
    assert words in failure("pixel_units", wrong)


# --- (2) one row a well ------------------------------


def grouped(*keys, how="mean"):
    def by_well(cells):
        return cells.groupby(list(keys), as_index=False).agg(cells=("area", "size"), area=("area", how))

    return by_well


ALL = ("plate", "well", "condition")


def of_fields(cells):
    fields = cells.groupby([*ALL, "field"], as_index=False).agg(area=("area", "mean"), cells=("area", "size"))
    return fields.groupby(list(ALL), as_index=False).agg(area=("area", "mean"), cells=("cells", "sum"))


def right_table(cells):
    return grouped(*ALL)(cells)


def counted(cells):
    return grouped(*ALL)(cells).assign(cells=2)


def exchanged(cells):
    return grouped(*ALL)(cells).assign(condition="control")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (grouped("well", "condition"), "two wells with one name"),
        (grouped("condition"), "one row a condition"),
        (grouped(*ALL, "field"), "one row a field"),
        (lambda cells: cells, "one row a cell"),
        (grouped(*ALL, how="median"), "the median"),
        (grouped(*ALL, how="sum"), "the sum"),
        (of_fields, "means of the means"),
        (counted, "count the rows"),
        (exchanged, "do not belong"),
        (lambda cells: grouped(*ALL)(cells).drop(columns="cells"), "lacks the column 'cells'"),
        (lambda cells: [1, 2], "a pandas DataFrame"),
        (grouped("plate", "condition"), "There are 4 rows, but 8 wells"),
        (
            lambda cells: right_table(cells).assign(area=lambda t: t["area"].map("{:.2f} px".format)),
            "hold numbers",
        ),
        (lambda cells: right_table(cells).convert_dtypes().assign(area=pd.NA), "are not the means"),
        (
            lambda cells: pd.concat([right_table(cells), right_table(cells)["area"]], axis=1),
            "several columns 'area'",
        ),
        (lambda cells: None, "did you forget"),
    ],
)
def test_table_mistakes(wrong, words):
    assert words in failure("well_table", wrong)


def test_another_way_and_order_pass():
    def by_well(cells):
        rows = []
        for (plate, well), group in cells.groupby(["plate", "well"]):
            rows.append(
                {"plate": plate, "well": well, "condition": group["condition"].iloc[0], "cells": len(group),
                 "area": group["area"].mean(), "fields": group["field"].nunique()}
            )  # fmt: skip
        return pd.DataFrame(rows[::-1])

    assert check.well_table.verdict(by_well).passed
    assert check.well_table.verdict(lambda cells: by_well(cells).set_index(["plate", "well"])).passed


@pytest.mark.parametrize(
    "kept",
    [
        lambda table: table.set_index(["plate", "well"], drop=False),
        lambda table: table.rename_axis("area"),
        lambda table: table.convert_dtypes(),
        lambda table: table.astype({"plate": "category", "well": "category", "condition": "category"}),
        lambda table: table.astype({"cells": float}),
    ],
)
def test_a_right_table_passes_in_any_dress(kept):
    assert check.well_table.verdict(lambda cells: kept(right_table(cells))).passed


# --- (3) cells as n ------------------------------


def with_shares(change=lambda share: share, width=1.96, order=(0, 1), per_experiment=True):
    def false_positives(values):
        found = []
        for unit in ("cells", "wells"):
            share = change(np.mean(materials.p_values(values, unit) < 0.05))
            half = width * np.sqrt(share * abs(1 - share) / (len(values) if per_experiment else 1))
            found.append((share, share - half, share + half))
        return found[order[0]], found[order[1]]

    return false_positives


def one_sided(values):
    found = []
    for groups in (values.reshape(len(values), 2, -1), values.mean(axis=3)):
        share = np.mean(ttest_ind(groups[:, 1], groups[:, 0], axis=1, alternative="greater").pvalue < 0.025)
        half = 1.96 * np.sqrt(share * (1 - share) / len(values))
        found.append((share, share - half, share + half))
    return tuple(found)


def welch(values):
    found = []
    for groups in (values.reshape(len(values), 2, -1), values.mean(axis=3)):
        share = np.mean(ttest_ind(groups[:, 1], groups[:, 0], axis=1, equal_var=False).pvalue < 0.05)
        half = 1.96 * np.sqrt(share * (1 - share) / len(values))
        found.append((share, share - half, share + half))
    return found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (with_shares(order=(1, 0)), "cells first, then wells"),
        (with_shares(change=lambda share: 100 * share), "between 0 and 1"),
        (with_shares(change=lambda share: 1 - share), "without an alarm"),
        (with_shares(width=1), "95 % takes 1.96"),
        (with_shares(per_experiment=False), "divide by the number of experiments"),
        (one_sided, "one direction only"),
        (welch, "asked for is Student's"),
        (with_shares(width=1.645), "hold 90 %"),
        (
            lambda values: [(s, 2 * low - s, s) for s, low, _ in with_shares()(values)],
            "reaches further to one side",
        ),
        (lambda values: (0.5, 0.05), "share, low and high"),
        (lambda values: ((0.5, 0.5, 0.5),), "two triples"),
        (
            lambda values: tuple((s, h, h + 0.01) for s, lo, h in with_shares()(values)),
            "does not hold its share",
        ),
    ],
)
def test_alarm_mistakes(wrong, words):
    assert words in failure("cells_as_n", wrong)


def test_a_wilson_interval_passes():
    def false_positives(values):
        return tuple(materials.share(materials.p_values(values, unit) < 0.05) for unit in ("cells", "wells"))

    assert check.cells_as_n.verdict(false_positives).passed


# --- (4) what follows, (5) bias ------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"A": (12, "unpaired")}, "A: the number of replicates"),
        ({"A": (6, "paired")}, "A: the test"),
        ({"B": (60, "unpaired")}, "The mouse was treated"),
        ({"C": (5, "unpaired")}, "compare within each day"),
        ({"D": (5000, "unpaired")}, "One dish a condition"),
        ({"E": (1, "unpaired")}, "One control well"),
        ({"F": (20, "unpaired")}, "nine in the smaller group"),
        ({"F": (9, "welch")}, "is none of"),
        ({"F": 9}, "a number and a test"),
        ({"F": (9, np.array(["unpaired", "paired"]))}, "is none of"),
    ],
)
def test_designs_misread(change, words):
    assert words in failure("what_follows", materials.DESIGN_ANSWERS | change)


def test_designs_may_be_open():
    assert check.what_follows.verdict(None).status == "open"
    assert check.what_follows.verdict(materials.DESIGN_ANSWERS | {"C": ...}).status == "open"
    assert check.what_follows.verdict(materials.DESIGN_ANSWERS | {"C": (5, ...)}).status == "open"


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("bias", lambda m, d: np.sum(m) / np.sum(d), "ratio minus 1"),
        ("bias", lambda m, d: np.sum(d) / np.sum(m) - 1, "exchanged"),
        ("bias", lambda m, d: np.mean(m / d) - 1, "mean of ratios"),
        ("bias", lambda m, d: np.mean(m - d), "difference of areas"),
        ("bias", lambda m, d: (np.sum(m) - np.sum(d)) / np.sum(m), "not by the measured"),
        ("corrected", lambda e, c, t: (1 + e) * (1 + c) / (1 + t), "ratio minus 1"),
        ("corrected", lambda e, c, t: (1 + e) * (1 + t) / (1 + c) - 1, "once more"),
        ("corrected", lambda e, c, t: e - (t - c), "not subtracted"),
        ("corrected", lambda e, c, t: (1 + e) / (1 + t) - 1, "control has a bias, too"),
        ("corrected", lambda e, c, t: (1 + e) * (1 + c) - 1, "stays in"),
    ],
)
def test_bias_mistakes(answers, name, wrong, words):
    functions = {key: answers("condition_bias")[key] for key in ("bias", "corrected")} | {name: wrong}
    assert words in failure("condition_bias", *functions.values())


# --- (6) exports ------------------------------


def only_sent(labels, back):
    return {n: iou for n, iou in ch18.kept(labels, back).items() if n in labels}


def only_back(labels, back):
    return {n: iou for n, iou in ch18.kept(labels, back).items() if n in back}


def by_place(labels, back):
    found = {}
    for number in np.union1d(labels, back)[1:]:
        before = labels == number
        partner = np.bincount(back[before]).argmax() if before.any() else 0
        after = back == partner if partner else np.zeros_like(before)
        found[int(number)] = np.sum(before & after) / max(np.sum(before | after), 1)
    return found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (only_sent, "was never sent, and came back"),
        (only_back, "was sent, and has not come back"),
        (by_place, "Compare numbers, not places"),
        (
            lambda labels, back: {n: 2 * v / (1 + v) for n, v in ch18.kept(labels, back).items()},
            "That is Dice",
        ),
        (
            lambda labels, back: {
                n: np.sum((labels == n) & (back == n)) / max(1, np.sum(labels == n))
                for n in ch18.kept(labels, back)
            },
            "before or after",
        ),
        (lambda labels, back: {f"label {n}": v for n, v in ch18.kept(labels, back).items()}, "whole numbers"),
        (lambda labels, back: ch18.kept(labels, back) | {0: 1.0}, "is the background"),
        (lambda labels, back: ch18.kept(labels, back) | {99: 1.0}, "there is no label 99"),
        (lambda labels, back: dict.fromkeys(ch18.kept(labels, back), 1.0), "should have"),
        (lambda labels, back: {n: float(np.any(back == n)) for n in ch18.kept(labels, back)}, "should have"),
        (lambda labels, back: list(ch18.kept(labels, back).values()), "a dictionary"),
    ],
)
def test_survival_mistakes(wrong, words):
    assert words in failure("survives", wrong)


# --- the simulations ------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("wells", "cells", "icc"), [(2, 10, 0.3), (3, 20, 0.2), (3, 20, 0.0), (5, 8, 0.1)])
def test_the_mixed_model_is_that_of_statsmodels(wells, cells, icc):
    import statsmodels.formula.api as smf

    values = materials.experiments(wells, cells, icc, np.random.default_rng(wells + cells), repeats=2)
    for one, statistic, p in zip(
        values, materials.mixed_statistic(values), materials.p_values(values, "mixed"), strict=True
    ):
        table = pd.DataFrame(
            [(c, f"{c}{w}", v) for c in range(2) for w in range(wells) for v in one[c, w]],
            columns=["condition", "well", "value"],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = smf.mixedlm("value ~ condition", table, groups="well").fit(reml=True)
        assert fit.params["condition"] / fit.bse["condition"] == pytest.approx(statistic, rel=0.01, abs=0.005)
        assert fit.pvalues["condition"] == pytest.approx(p, rel=0.05, abs=0.005)


@pytest.mark.slow
def test_a_random_day_alone_is_that_of_statsmodels():
    import statsmodels.formula.api as smf

    values = materials.days(4, 15, np.random.default_rng(8), repeats=2)
    for one, p in zip(values, materials.p_values(values, "day"), strict=True):
        table = pd.DataFrame(
            [(c, d, v) for c in range(2) for d in range(4) for v in one[c, d]],
            columns=["condition", "day", "value"],
        )
        fit = smf.mixedlm("value ~ condition", table, groups="day").fit(reml=True)
        assert fit.pvalues["condition"] == pytest.approx(p, rel=0.03, abs=0.002)


def test_tests_on_replicates_are_scipys():
    values = materials.experiments(5, 7, 0.3, np.random.default_rng(0), effect=0.5, repeats=3)
    means = values.mean(axis=3)
    for k in range(3):
        assert materials.p_values(values, "wells")[k] == pytest.approx(ttest_ind(*means[k]).pvalue)
        assert materials.p_values(values, "days")[k] == pytest.approx(ttest_rel(*means[k]).pvalue)
        assert materials.p_values(values, "cells")[k] == pytest.approx(
            ttest_ind(*values[k].reshape(2, -1)).pvalue
        )


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: materials.plate("shrinking"), "Unknown treatment 'shrinking'"),
        (lambda: materials.plate("dimmer", wells=0), "at least 1"),
        (lambda: materials.p_values(np.zeros((3, 2, 3, 4)), "cell"), "no analysis 'cell'"),
        (lambda: materials.p_values(np.zeros((2, 3, 4)), "cells"), "repeats, 2, wells, cells"),
    ],
)
def test_materials_say_in_one_sentence_what_is_wrong(act, words):
    with pytest.raises(InputError, match=words):
        act()


def test_experiments_have_the_variances_they_are_asked_for():
    values = materials.experiments(6, 10, 0.3, np.random.default_rng(0), effect=2.0, repeats=2000)
    assert values.std() == pytest.approx(np.sqrt(1 + 1), rel=0.03)  # of the cells 1, of the two levels 1
    assert values[:, 1].mean() - values[:, 0].mean() == pytest.approx(2, abs=0.03)
    assert values.mean(axis=3).var(axis=2, ddof=1).mean() == pytest.approx(0.3 + 0.7 / 10, rel=0.05)


def test_normal_quantiles_are_too_optimistic_by_what_t_says():
    values = materials.experiments(3, 100, 0.5, np.random.default_rng(1), repeats=4000)
    share, low, high = materials.share(materials.p_values(values, "mixed") < 0.05)
    assert low - 0.01 < 2 * t.sf(1.96, 4) < high + 0.01 and share > 0.1


def test_share_has_wilsons_interval():
    share, low, high = materials.share(np.arange(100) < 10)
    assert share == 0.1 and (low, high) == pytest.approx((0.0552, 0.1744), abs=1e-4)


def test_a_bias_makes_an_effect_and_hides_one():
    more, less = materials.found_share(0.0, -0.1, 12, repeats=500)
    assert less > 0.95 and more < 0.02
    assert materials.found_share(0.15, 0.0, 12, repeats=500)[0] > 0.95
    assert sum(materials.found_share(0.15, 1 / 1.15 - 1, 12, repeats=500)) < 0.1


@pytest.mark.slow
def test_the_plates_are_what_they_are_said_to_be():
    plates = {name: materials.plate(name, wells=2) for name in materials.TREATMENTS}
    for plate in plates.values():
        assert [well["condition"] for well in plate] == ["control"] * 2 + ["treated"] * 2
        assert all(
            np.array_equal(a["image"], b["image"])
            for a, b in zip(plate[:2], plates["nothing"][:2], strict=True)
        )

    def light(well):
        return np.median(well["image"][well["labels"] > 0]) - 100

    before, dim, dead = (plates[name][2] for name in ("nothing", "dimmer", "some dead"))
    assert np.array_equal(before["labels"], dim["labels"])
    assert light(dim) / light(before) == pytest.approx(0.7, abs=0.05)
    assert dead["labels"].max() and np.unique(dead["labels"]).size == np.unique(before["labels"]).size - 3
    assert dead["image"].max() > 2.5 * before["image"].max()
    sizes = [
        np.count_nonzero(plates[name][2]["labels"]) for name in ("nothing", "larger", "larger and dimmer")
    ]
    assert sizes[1] == sizes[2] and sizes[1] / sizes[0] == pytest.approx(1.15, abs=0.08)


# --- real cells ------------------------------


@pytest.mark.mirror
def test_the_schwann_cells_are_measured_as_the_script_does(mirror):
    import schwann_wells

    found, shipped = schwann_wells.measure(mirror / schwann_wells.SET), materials.schwann()
    assert found["pixels_sha256"] == shipped["pixels_sha256"] and found["wells"] == shipped["wells"]


def test_one_well_is_wild_type():
    wells = materials.schwann()["wells"]
    assert [about["genotype"] for about in wells.values()].count("wild type") == 1 and len(wells) == 4
    assert [len(about["area_px"]) for about in wells.values()] == [27, 28, 29, 23]


# --- SuperPlot ------------------------------


def test_a_superplot_shows_cells_and_means():
    groups = {"control": {"a": [1.0, 3.0], "b": [5.0]}, "treated": {"b": [2.0, 4.0], "c": [7.0, 9.0, 8.0]}}
    figure = show.superplot(groups, ylabel="area (µm²)", connect=True)
    (axes,) = figure.axes
    points = [c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)]
    heights = sorted(float(y) for offsets in points for _, y in offsets)
    cells = [v for replicates in groups.values() for values in replicates.values() for v in values]
    means = [2.0, 5.0, 3.0, 8.0]
    assert heights == pytest.approx(sorted(cells + means))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    assert "n = 2" in axes.get_xticklabels()[0].get_text() and "2 replicates" in figure.alt
    assert sum(line.get_linestyle() == "--" for line in axes.get_lines()) == 1  # b alone is in both
    assert figure.png() == show.superplot(groups, ylabel="area (µm²)", connect=True).png()


@pytest.mark.parametrize("wrong", [{}, {"control": {}}, {"control": [1, 2]}, None, {"control": {"a": []}}])
def test_a_superplot_needs_replicates_with_cells(wrong):
    with pytest.raises(InputError, match=r"SuperPlot takes|no cells"):
        show.superplot(wrong, ylabel="area")
