"""Exercises of chapter 14, choosing a tool."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
    expect_truth,
)

# --- (1) the need sheet ------------------------------

MEASURES = {
    "labels per object": ("output", "at least"),
    "dimensions of an object": ("output", "at least"),
    "object F1": ("quality", "at least"),
    "share missed, difference of conditions": ("quality", "at most"),
    "error of areas, difference of conditions": ("quality", "at most"),
    "seconds an image": ("resources", "at most"),
    "memory in GB": ("resources", "at most"),
    "hours of work": ("resources", "at most"),
    "images uploaded": ("resources", "at most"),
    "channels read": ("input", "at least"),
    "files converted by hand": ("input", "at most"),
}
"""What a test can measure: the area of questions it belongs to, and the side of the limit to be on."""

STRICTEST = 10
"""A limit may leave a reserve, but ask for no more than the brief by this factor."""

AREAS = ("output", "quality", "resources", "input")


def largest_difference(effect, kept=0.75):
    """Share that may be missed more in one condition than in the other, if so much of the effect must stay.

    Solves (1 + effect)·(1 − difference) − 1 = kept·effect; nothing is missed in the control.

    Parameters
    ----------
    effect : float
        True relative change, above 0.
    kept : float
        Share of the effect that must still be measured, 0 to 1.

    Returns
    -------
    float
    """
    return 1 - (1 + kept * effect) / (1 + effect)


PROJECTS = {
    "screen": {
        "brief": (
            "Screen. 40,000 images of nuclei, two channels each, must be through on one workstation with 16 "
            "GB within a weekend (48 hours). The question: does a compound raise the number of nuclei by a "
            "fifth (20 %) or more? Whatever goes wrong with the counting, at least three quarters of such an "
            "effect must be left. Nobody will look at each image."
        ),
        "needs": {
            "labels per object": (
                1,
                "Nuclei can only be counted if each gets a label of its own: 1 per object.",
            ),
            "share missed, difference of conditions": (
                largest_difference(0.2),
                "Of an effect of 0.2, 0.15 must be left: (1 + 0.2)·(1 − d) − 1 ≥ 0.15, so at most 0.0417 "
                "more may be missed in one condition than in the other.",
            ),
            "seconds an image": (
                48 * 3600 / 40_000,
                "48 hours have 172,800 seconds; divided by 40,000 images that is 4.32 an image.",
            ),
            "memory in GB": (16, "The workstation has 16 GB."),
            "channels read": (2, "Each image has two channels."),
        },
    },
    "tissue": {
        "brief": (
            "Tissue. Stained sections of 12 patients, one each, RGB, must not leave the hospital. The "
            "question: are nuclei of the tumour 30 % larger in area than those beside it? At least three "
            "quarters of such an effect must be left. One doctoral student, a laptop with 8 GB, and two days "
            "of work (16 hours) in all, annotation included."
        ),
        "needs": {
            "labels per object": (1, "The area of a nucleus needs a label for each nucleus: 1 per object."),
            "error of areas, difference of conditions": (
                largest_difference(0.3),
                "Of an effect of 0.3, 0.225 must be left: (1 + 0.3)·(1 − d) − 1 ≥ 0.225, so the relative "
                "errors of the areas in tumour and beside it may differ by at most 0.0577.",
            ),
            "hours of work": (16, "There are two days: 16 hours."),
            "memory in GB": (8, "The laptop has 8 GB."),
            "images uploaded": (0, "Images of patients must not leave the hospital: 0 uploaded."),
            "channels read": (3, "RGB has three channels."),
        },
    },
}
"""The two projects of the exercise, and the must-haves that follow from their briefs."""


def _entry(entry, place):
    """One line of a sheet, whole and consistent; returns its measure and limit if it is a must-have."""
    if entry is ...:
        raise NotImplementedError
    if not isinstance(entry, dict):
        raise Failure(f"{place} must be a dictionary with need, must, reason, measure and limit.")
    for key in ("need", "must", "reason", "measure", "limit"):
        if entry.get(key) is ...:
            raise NotImplementedError
    what = entry.get("need")
    if not isinstance(what, str) or not what.strip():
        raise Failure(f"{place} has no “need”: say in a few words what the tool must do or offer.")
    name = f"{place} (“{what.strip()}”)"
    try:
        must = expect_truth(entry.get("must"))
    except Failure:
        raise Failure(f"{name}: “must” is True for a must-have and False for a nice-to-have.") from None
    reason = entry.get("reason")
    for key in ("reason", "limit"):
        if isinstance(entry.get(key), str) and entry[key] in MEASURES:
            raise Failure(f"{name}: {entry[key]!r} is a measure, not a {key}.")
    if not must:
        return None  # it decides nothing, so its test is free
    if not isinstance(reason, str) or len(reason.split()) < 3 or reason.strip() == what.strip():
        raise Failure(f"{name} is a must-have without a reason: which result would be lost without it?")
    if "measure" not in entry or "limit" not in entry:
        raise Failure(f"{name} is a must-have without a test: give a “measure” and a “limit”.")
    if not isinstance(entry["measure"], str) or entry["measure"] not in MEASURES:
        raise Failure(f"{name}: {entry['measure']!r} is no measure of this exercise; see MEASURES.")
    limit = expect_number(entry["limit"], what=f"the limit of {name}")
    if limit < 0:
        raise Failure(f"{name}: a limit below 0 can never be met.")
    if entry["measure"] == "object F1" and limit > 1:
        raise Failure(f"{name}: F1 is at most 1.")
    return entry["measure"], limit


def _sheet(sheet, project):
    """Refuse a sheet that lacks something; see `need_sheets`."""
    if sheet is ...:
        raise NotImplementedError
    if not isinstance(sheet, list | tuple) or not len(sheet):
        raise Failure(f"The sheet of the {project} must be a list of dictionaries, one a need.")
    limits = {}
    for number, entry in enumerate(sheet, start=1):
        found = _entry(entry, f"{project}, line {number}")
        if found:
            measure, limit = found
            if measure in limits:
                raise Failure(f"The {project} has two must-haves about “{measure}”; keep the stricter one.")
            limits[measure] = limit
    if len(limits) == len(sheet):
        raise Failure(
            f"In the sheet of the {project} everything is a must-have. Whoever cannot give anything up will "
            "find no tool: add at least one nice-to-have."
        )
    for area in AREAS:
        if not any(MEASURES[measure][0] == area for measure in limits):
            raise Failure(f"The sheet of the {project} has no must-have about {area}.")
    for measure, (limit, why) in PROJECTS[project]["needs"].items():
        if measure not in limits:
            raise Failure(f"The {project} needs a must-have about “{measure}”. {why}")
        side = MEASURES[measure][1]
        too_lax = limits[measure] > limit * 1.01 if side == "at most" else limits[measure] < limit
        if too_lax:
            raise Failure(f"{project}, “{measure}”: {limits[measure]:g} is too lax. {why}")
        if side == "at least" and limits[measure] > limit:
            raise Failure(
                f"{project}, “{measure}”: at least {limits[measure]:g} is more than the brief asks for, and "
                f"tools that would do are ruled out. {why}"
            )
        if limits[measure] < limit / STRICTEST:
            raise Failure(
                f"{project}, “{measure}”: a reserve is wise, but {limits[measure]:g} is less than a tenth of "
                f"what the brief allows, and tools that would do are ruled out. {why}"
            )


@exercise(
    chapter="14",
    hints=(
        "Go through the brief sentence by sentence: which tool would each number rule out? How many seconds "
        "are left for an image? And if a share d more is missed in one condition than in the other, what is "
        "left of the effect?",
        "(1 + e)·(1 − d) − 1 must be at least three quarters of e: solve for d. That is the limit, rounded "
        "down, of what may differ between the conditions.",
        "Both sheets need must-haves about labels, channels and memory. The screen also needs “share missed, "
        "difference of conditions” and “seconds an image”, the tissue “error of areas, difference of "
        "conditions”, “hours of work” and “images uploaded”. And each needs one line with must=False.",
    ),
)
def need_sheets(screen, tissue):
    """Fill in the need sheets of two projects: every must-have with a reason and a test."""
    _sheet(screen, "screen")
    _sheet(tissue, "tissue")
    musts = sum(entry["must"] for entry in (*screen, *tissue))
    return f"{musts} must-haves, each with a reason and a test, and something to give up in both projects."


# --- (2) effect size ------------------------------

BETWEEN, WITHIN, IMAGES = 0.10, 0.11, 4
"""Relative standard deviation between wells, and between images of one well; number of images a well."""


def fields(mean, wells, rng, repeats=4000):
    """Nuclei in each image of many simulated experiments: wells differ, and so do the images of a well.

    Parameters
    ----------
    mean : float
        Expected number of nuclei in an image.
    wells : int
        Wells of the condition, each with `IMAGES` images.
    rng : numpy.random.Generator
    repeats : int
        Number of experiments.

    Returns
    -------
    array of float, shape (repeats, wells, IMAGES)
    """
    well = BETWEEN * rng.standard_normal((repeats, wells, 1))
    return mean * (1 + well + WITHIN * rng.standard_normal((repeats, wells, IMAGES)))


def simulated_share(
    effect, missed, wells, repeats=4000, seed=0, *, unit="well", either_sign=False, welch=True
):
    """Share of experiments that report more nuclei, p < 0.05 in Welch's test, when some are missed.

    Parameters
    ----------
    effect : float
        True relative change of the mean number of nuclei.
    missed : float
        Share of the nuclei that is missed in treated images only.
    wells : int
        Wells in each of the two conditions; each has `IMAGES` images.
    repeats, seed : int
    unit : {"well", "image"}
        What the test takes for an independent measurement: the mean of a well, or, wrongly, each image.
    either_sign : bool
        Count reports of a decrease, too.
    welch : bool
        Welch's test; otherwise Student's, which takes both spreads for equal.

    Returns
    -------
    float
    """
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(seed)
    groups = fields(100 * (1 + effect) * (1 - missed), wells, rng, repeats), fields(100, wells, rng, repeats)
    if unit == "well":
        treated, control = (group.mean(axis=2) for group in groups)
    else:
        treated, control = (group.reshape(repeats, -1) for group in groups)
    test = ttest_ind(treated, control, axis=1, equal_var=not welch)
    return float(np.mean((test.pvalue < 0.05) & (either_sign | (test.statistic > 0))))


@exercise(
    chapter="14",
    hints=(
        "Of 100 nuclei in a control image and 120 in a treated one, how many are counted if a tenth of the "
        "treated ones is missed? And how many independent measurements do four images of one well make?",
        "In the control 100·(1 − missed_control) are counted, in the treated group 100·(1 + effect)·(1 − "
        "missed_treated). The measured effect is their ratio minus 1; hiding_share makes it 0 with "
        "missed_control = 0.",
        "share_detected: fields(100, wells, rng, repeats) draws the control, fields(100 * (1 + effect) * "
        "(1 - missed), …) the treated images. Average each over its last axis, the images of a well; "
        "ttest_ind(treated, control, axis=1, equal_var=False) tests all experiments at once. Count those "
        "with pvalue < 0.05 and statistic > 0.",
    ),
)
def effect_size(measured_effect, hiding_share, share_detected):
    """Write what a biased count makes of an effect, and how often a test over wells still finds it."""
    for function, name in (
        (measured_effect, "measured_effect"),
        (hiding_share, "hiding_share"),
        (share_detected, "share_detected"),
    ):
        expect_callable(function, name)
    for effect, control, treated in ((0.2, 0.0, 0.1), (0.5, 0.1, 0.1), (0.0, 0.02, 0.2), (0.3, 0.25, 0.05)):
        right = (1 + effect) * (1 - treated) / (1 - control) - 1
        expect_number(
            call(measured_effect, effect, control, treated),
            close_to=right,
            what=f"the measured effect for an effect of {effect:g}, {control:.0%} missed in the control and "
            f"{treated:.0%} in the treated group",
            mistakes={
                "That is the ratio; the effect is the ratio minus 1.": right + 1,
                "Shares that are missed are not simply subtracted: counts are multiplied by what is "
                "left.": effect - (treated - control),
                "Control and treated group are exchanged.": (1 + effect) * (1 - control) / (1 - treated) - 1,
                "You divide by the true control; it is miscounted, too.": (1 + effect) * (1 - treated) - 1,
            },
        )
    for effect in (0.1, 0.2, 1.0):
        expect_number(
            call(hiding_share, effect),
            close_to=effect / (1 + effect),
            what=f"the share that hides an effect of {effect:g}",
            mistakes={
                "Missing a share equal to the effect hides more than the effect: the share is taken from the "
                "larger number.": effect,
            },
        )
    for effect, missed, wells in (
        (0.2, 0.0, 6),
        (0.2, 0.1, 6),
        (0.8, 0.1, 2),  # so few, so unequal: here the test matters
        (0.0, 0.0, 6),
        (0.0, 0.3, 6),  # fewer are counted, and no increase must be reported
        (0.1, 0.0, 24),
    ):
        _judge_share(share_detected, effect, missed, wells)
    _judge_generator(share_detected)
    return (
        "An effect of 20 % is hidden by missing 17 % in the treated group, and more wells do not bring it "
        "back."
    )


def _judge_generator(share_detected):
    """With the same seed the same share, with another seed another one."""
    shares = [call(share_detected, 0.3, 0.0, 3, np.random.default_rng(seed)) for seed in (5, 5, 6, 7)]
    shares = [float(expect_number(share, what="the share")) for share in shares]
    if shares[0] != shares[1]:
        raise Failure(
            "Called twice with the same seed, share_detected answers differently: draw with the rng you are "
            "given."
        )
    if shares[0] == shares[2] == shares[3]:
        raise Failure(
            "Whatever the rng, share_detected draws the same experiments: draw with the rng you are given."
        )


def _judge_share(share_detected, effect, missed, wells):
    """Compare the share of one setting, and name the usual reason if it is another one."""
    right = simulated_share(effect, missed, wells)
    got = expect_number(
        call(share_detected, effect, missed, wells, np.random.default_rng(1)),
        between=(0, 1),
        what=f"the share for an effect of {effect:g} with {missed:.0%} missed and {wells} wells",
    )
    if abs(got - right) <= 0.05:
        return
    told = (
        f"An effect of {effect:g} with {missed:.0%} missed is found in {right:.2f} of the experiments with "
        f"{wells} wells a condition; yours says {got:.2f}."
    )
    if abs(got - simulated_share(effect, missed, wells, unit="image")) <= 0.03:
        told += (
            " You test images: those of one well are not independent experiments, so average each well first."
        )
    elif abs(got - simulated_share(effect, missed, wells, either_sign=True)) <= 0.03:
        told += " You count reports of a decrease, too; an increase is asked for."
    elif abs(got - simulated_share(effect, missed, wells, welch=False)) <= 0.03:
        told += " That is Student's test, which takes both spreads for equal; Welch's does not."
    elif missed and abs(got - simulated_share(effect, 0, wells)) <= 0.05:
        told += " You do not let the treated images lose anything."
    elif effect == missed == 0:
        told += " Without an effect, about 2.5 % report an increase: p < 0.05 is two-sided."
    raise Failure(told)


# --- (3) prices ------------------------------


def utility(ap, person_hours, compute_hours, prices):
    """AP minus what its hours cost; see `weigh`."""
    return ap - prices[0] * person_hours - prices[1] * compute_hours


TOY = [
    ("classical", 0.60, 0.2, 0.1),
    ("pretrained", 0.72, 0.5, 3.0),
    ("fine-tuned", 0.80, 4.0, 2.0),
    ("by hand", 0.90, 30.0, 0.0),
]
"""Name, AP, hours of a person, hours of computing: an invented race in which the winner changes often."""

OVERTAKEN = [("slow", 0.90, 10.0, 0.0), ("nearly as slow", 0.89, 9.9, 0.0), ("quick", 0.80, 0.0, 0.0)]
"""A race that the third overtakes first: the second costs nearly as much as the first."""

SLOW_AND_POOR = [("slow and poor", 0.50, 20.0, 0.0), ("best", 0.90, 5.0, 0.0), ("quick", 0.80, 1.0, 0.0)]
"""A race in which the most hours do not buy the highest accuracy."""


@exercise(
    chapter="14",
    hints=(
        "What does a person's hour cost in AP, and what an hour of computing? And at which price of an hour "
        "are two tools equally useful?",
        "utility: ap - prices[0] * person_hours - prices[1] * compute_hours. winner: max(rows, key=…) with "
        "the utility of each row; return its name, row[0].",
        "first_flip: start from the most accurate row. Against each row that takes fewer hours, the price at "
        "which both are equal is (ap_best − ap) / (hours_best − hours). The smallest of these prices is the "
        "answer.",
    ),
)
def weigh(value, winner, first_flip):
    """Rank tools by accuracy and hours; find the price at which the winner changes."""
    for function, name in ((value, "utility"), (winner, "winner"), (first_flip, "first_flip")):
        expect_callable(function, name)
    for _, ap, person, compute in TOY:
        right = utility(ap, person, compute, (0.02, 0.01))
        expect_number(
            call(value, ap, person, compute, (0.02, 0.01)),
            close_to=right,
            what=f"the utility of AP {ap:g} with {person:g} and {compute:g} hours at prices (0.02, 0.01)",
            mistakes={
                "Costs are subtracted, not added.": ap + 0.02 * person + 0.01 * compute,
                "The first price is that of a person's hour, the second that of computing.": ap
                - 0.01 * person
                - 0.02 * compute,
            },
        )
    for prices in ((0.0, 0.0), (0.02, 0.0), (0.02, 0.06), (0.1, 0.0), (0.2, 0.2)):
        right = max(TOY, key=lambda row: utility(*row[1:], prices))[0]
        got = call(winner, TOY, prices)
        if not isinstance(got, str):
            raise Failure("winner must return the name of the best row, such as 'by hand'.")
        if got != right:
            worst = min(TOY, key=lambda row: utility(*row[1:], prices))[0]
            more = " You take the lowest utility." if got == worst else ""
            raise Failure(f"At prices {prices} the winner is {right!r}, not {got!r}.{more}")
    for table, right in (
        (TOY, 0.1 / 26),
        (TOY[:3], 0.08 / 3.5),
        (TOY[:2], 0.12 / 0.3),
        (OVERTAKEN, 0.01),
        (OVERTAKEN[::-1], 0.01),
        (SLOW_AND_POOR, 0.1 / 4),
    ):
        names = ", ".join(row[0] for row in table)
        best = max(table, key=lambda row: row[1])
        others = [(best[1] - row[1]) / (best[2] - row[2]) for row in table if row[2] < best[2]]
        second = sorted(table, key=lambda row: -row[1])[1]
        expect_number(
            call(first_flip, table),
            close_to=right,
            rtol=1e-3,
            atol=1.1e-4,  # found on a grid of prices
            what=f"the first flip among {names}",
            mistakes={
                "You compare with the second most accurate tool only; whichever needs less time may "
                "overtake.": (best[1] - second[1]) / (best[2] - second[2]),
                "That is the largest of the prices; the winner changes at the smallest one.": max(others),
                "The quotient is upside down: AP lost for each hour saved.": 1 / max(others),
            },
        )
    return "Utility, winner and the price at which the most accurate tool loses are right."


# --- (4) the Pareto front ------------------------------


def front(ap, cost):
    """True for every tool to which no other is at least equal in both respects and better in one."""
    ap, cost = np.asarray(ap, float), np.asarray(cost, float)
    return np.array(
        [not np.any((ap >= a) & (cost <= c) & ((ap > a) | (cost < c))) for a, c in zip(ap, cost, strict=True)]
    )


@exercise(
    chapter="14",
    hints=(
        "When would nobody, whatever the prices, take tool i? What does another tool have to be for that?",
        "Tool j beats tool i if ap[j] >= ap[i] and cost[j] <= cost[i], and one of the two is strict. Tool i "
        "is on the front if nobody beats it.",
        "np.array([not np.any((ap >= a) & (cost <= c) & ((ap > a) | (cost < c))) for a, c in zip(ap, cost)])",
    ),
)
def pareto_front(function):
    """Write which tools are on the Pareto front of accuracy and cost."""
    expect_callable(function)
    cases = (
        ([0.6, 0.72, 0.80, 0.70], [1.0, 4.0, 9.0, 5.0]),
        ([0.5, 0.5, 0.9], [2.0, 1.0, 1.0]),
        ([0.7, 0.7, 0.3], [3.0, 3.0, 1.0]),
        ([0.8], [5.0]),
        ([0.5, 0.5], [2.0, 1.0]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.6, 0.6, 0.8, 0.9], [2.0, 3.0, 5.0, 5.0]),
    )
    for ap, cost in cases:
        right = front(ap, cost)
        got = call(function, np.array(ap), np.array(cost), pure=True)
        got = expect_array(
            got, shape=(len(ap),), dtype="bool", what=f"your answer for AP {ap} and cost {cost}"
        )
        if (got == right).all():
            continue
        wrong = int(np.flatnonzero(got != right)[0])
        told = f"AP {ap}, cost {cost}: tool {wrong} {'is' if right[wrong] else 'is not'} on the front"
        strict = np.array(
            [
                not any(a2 > a and c2 < c for a2, c2 in zip(ap, cost, strict=True))
                for a, c in zip(ap, cost, strict=True)
            ]
        )
        if len(ap) == 3 and ap[0] == ap[1] and cost[0] == cost[1]:
            told += ": two equal tools do not beat each other"
        elif (got == strict).all():
            told += ": being equal in one respect and better in the other is enough to beat a tool"
        elif (got == ~right).all():
            told += "; you mark the tools that are beaten"
        raise Failure(told + ".")
    return "The front is right: whoever is not on it loses nothing by changing to a tool that is."


# --- (5) when to stop ------------------------------


def last_worthwhile(minutes, ap, least_gain):
    """Index of the first point from which no later one is worth its minutes; see `when_to_stop`.

    Equivalently the last maximum of ``ap - least_gain * minutes``.
    """
    for i in range(len(ap) - 1):
        if all((ap[j] - ap[i]) / (minutes[j] - minutes[i]) < least_gain for j in range(i + 1, len(ap))):
            return i
    return len(ap) - 1


def _first_dip(minutes, ap, least_gain):
    """The usual mistake: only the very next step is looked at."""
    too_small = np.flatnonzero(np.diff(ap) / np.diff(minutes) < least_gain)
    return int(too_small[0]) if len(too_small) else len(ap) - 1


@exercise(
    chapter="14",
    hints=(
        "You stand at a point of the curve. Which question decides whether you go on: what the next step "
        "brings, or what any later point would bring?",
        "From point i, a later point j brings (ap[j] - ap[i]) / (minutes[j] - minutes[i]) a minute. Stop at "
        "the first i at which this is below least_gain for every later j; the last point has no later one.",
    ),
)
def when_to_stop(function):
    """Write from which point of an accuracy–time curve nothing later is worth its minutes."""
    expect_callable(function)
    curve = (np.array([5.0, 10.0, 20.0, 40.0, 80.0, 160.0]), np.array([0.40, 0.60, 0.70, 0.76, 0.78, 0.785]))
    dip = (np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.5, 0.48, 0.6, 0.8]))
    falls = (np.array([1.0, 2.0, 3.0]), np.array([0.7, 0.65, 0.6]))
    far = (np.array([1.0, 2.0, 12.0, 13.0]), np.array([0.5, 0.6, 0.605, 0.625]))
    late = (np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([0.6, 0.79, 0.785, 0.81, 0.815]))
    for (minutes, ap), least, words in (
        (curve, 0.005, "on the curve at 0.005 a minute"),
        (curve, 0.0015, "on the curve at 0.0015 a minute"),
        (curve, 0.1, "on the curve at 0.1 a minute"),
        (curve, 0.0, "on the curve at 0 a minute"),
        (dip, 0.01, "on the curve with a dip, at 0.01 a minute"),
        (late, 0.002, "on the curve that wobbles, at 0.002 a minute"),
        (late, 0.02, "on the curve that wobbles, at 0.02 a minute"),
        (falls, 0.001, "on a curve that only falls"),
        (far, 0.01, "on a curve whose next gain is far away, at 0.01 a minute"),
    ):
        right = last_worthwhile(minutes, ap, least)
        paying = np.flatnonzero(np.diff(ap) / np.diff(minutes) >= least)
        expect_number(
            call(function, minutes, ap, least, pure=True),
            close_to=right,
            integer=True,
            what=f"your stop {words}",
            mistakes={
                "You stop at the first step that does not pay, though a later one makes up for it: judge the "
                "trend, not a single dip.": _first_dip(minutes, ap, least),
                "You compare the gain of a whole step; divide it by the minutes that it takes.": int(
                    next(iter(np.flatnonzero(np.diff(ap) < least)), len(ap) - 1)
                ),
                "That is the point after the right one: from one point earlier nothing later is worth its "
                "minutes.": right + 1,
                "You go on after the last step that pays, although the way there cost more than it "
                "brought.": int(paying[-1] + 1) if len(paying) else 0,
            },
        )
    return "You stop where nothing that comes later is worth its minutes, and a single dip does not fool you."


# --- (6) where to begin ------------------------------

CATEGORIES = ("manual", "classical", "pixel classifier", "pretrained", "fine-tuned", "from scratch")
"""The six categories of methods, in the order of computing skill that they ask for."""

BEGINNINGS = {
    "A": "Six electron micrographs, one organelle in each, to be outlined as exactly as an expert can. One "
    "week.",
    "B": "5,000 images of bright, round beads, far apart on an even, dark background. How many beads?",
    "C": "Which share of 200 photographs of skin is scar, which is healthy, which is hair? No objects, an "
    "afternoon.",
    "D": "300 images of ordinary fluorescent nuclei, many of them touching, no outlines drawn. Counts by "
    "tonight.",
    "E": "A published cell model finds two cells of three in your images and cuts the long ones. You have a "
    "week, 30 "
    "outlined cells, and 4,000 images to come.",
    "F": "A modality for which nobody has published a network, 60 volumes outlined over years, a computing "
    "centre.",
}
"""Six projects; in each of them one category is the one to begin with."""

_BEGIN = dict(zip("ABCDEF", CATEGORIES, strict=True))
_WHY = {
    "A": "a handful of images and an expert's accuracy: whatever else you train would need these outlines "
    "first",
    "B": "bright, round and apart: a threshold does it, and needs no training",
    "C": "areas of several classes and no objects: strokes of each class are what is needed",
    "D": "networks for such nuclei exist, and there is no time to draw: use one as it is, and look at the "
    "results",
    "E": "the published model nearly works and outlines are there: train it a little further",
    "F": "there is nothing to start from, but a large training set: the one case for random weights",
}


@exercise(
    chapter="14",
    hints=(
        "For each project: must objects be found, or areas? Do images like these belong to the training set "
        "of "
        "something that exists? And how many outlines are there, or can be drawn in the time?",
        "Each category is the right beginning for exactly one of the six projects.",
    ),
)
def first_category(answers):
    """Say for six projects with which category of methods to begin."""
    if answers is None:
        raise NotImplementedError
    if not isinstance(answers, dict):
        raise Failure("Answer with a dictionary, such as {'A': 'classical', 'B': …}.")
    if any(value is ... for value in answers.values()):
        raise NotImplementedError
    for name, right in _BEGIN.items():
        if name not in answers:
            raise Failure(f"Project {name} has no answer.")
        if answers[name] not in CATEGORIES:
            raise Failure(f"{name}: {answers[name]!r} is none of {', '.join(CATEGORIES)}.")
        if answers[name] != right:
            raise Failure(f"{name}: not {answers[name]}. Think of this: {_WHY[name]}.")
    return "Six projects, six beginnings. Whether the beginning is good enough, a test on your images says."


# --- (7) one part of a workflow ------------------------------


@exercise(
    chapter="14",
    hints=(
        "Which of the steps may be another one afterwards, and what must still be as it was: the other "
        "steps, "
        "their order, and the workflow that you were given?",
        "Build a new dictionary in the order of the old one, with the new part where the name fits; a name "
        "that "
        "is not there is an error (raise KeyError).",
    ),
)
def replace_part(function):
    """Write how one part of a workflow is replaced, and the rest left alone."""
    expect_callable(function)
    trace = []

    def step(name):
        return lambda image: trace.append(name) or image

    steps = ("load", "correct", "segment", "clean up", "measure")
    for name in ("segment", "load", "measure"):
        workflow = {key: step(key) for key in steps}
        before, part = dict(workflow), step("new part")
        got = call(function, workflow, name, part)  # which hands over a copy
        if not isinstance(got, dict):
            raise Failure("Return the new workflow as a dictionary, from the name of a step to its function.")
        if list(got) != list(steps):
            raise Failure(
                f"The steps of the new workflow are {', '.join(map(str, got))}; their names and their order "
                f"must "
                "stay."
            )
        wrong = [key for key in steps if got[key] is not (part if key == name else before[key])]
        if name in wrong:
            raise Failure(f"The step {name!r} is still the old one.")
        if wrong:
            raise Failure(f"You replace {name!r}, and the step {wrong[0]!r} has become another one, too.")
    workflow = {key: step(key) for key in steps}
    before = dict(workflow)
    function(workflow, "segment", step("new part"))
    if workflow != before or list(workflow) != list(before):
        raise Failure(
            "You have changed the workflow that you were given: results made with it can no longer be "
            "repeated. Return a new one."
        )
    try:
        function(dict(workflow), "segmentation", step("new part"))
    except (KeyError, ValueError):
        return (
            "One part is new, the others are the same, and the old workflow still runs. Now test the new one."
        )
    raise Failure(
        "There is no step 'segmentation', and yet nothing is said: with a misspelt name the old part stays, "
        "unnoticed. Raise KeyError."
    )
