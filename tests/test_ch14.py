"""The exercises of chapter 14: each usual mistake gets its own sentence."""

import copy

import numpy as np
import pytest
from scipy.stats import ttest_ind

from bioimage_course import check, results, show
from bioimage_course.check.exercises import ch14
from bioimage_course.materials import ch14 as materials
from coursebook import guide
from coursebook.book.findings import read_yaml
from exercise_cells import Chapter, failure


@pytest.fixture(scope="module")
def chapter():
    return Chapter("14-tool-selection", ttest_ind=ttest_ind, fields=materials.fields, TOY=materials.TOY)


@pytest.fixture
def answers(chapter):
    """What the solution of an exercise defines."""

    def run(exercise):
        space = dict(chapter.names)
        for text in chapter.texts("solution", exercise):
            exec(text, space)
        return space

    return run


# --- (1) need sheets ------------------------------


@pytest.fixture
def sheets(answers):
    space = answers("need_sheets")
    return space["screen_sheet"], space["tissue_sheet"]


def changed(sheet, about, /, **new):
    """A copy of a sheet in which the must-have about one measure differs; None leaves an entry out."""
    return [
        {k: v for k, v in (line | new).items() if v is not None}
        if line["must"] and line["measure"] == about
        else line
        for line in sheet
    ]


@pytest.mark.parametrize(
    ("measure", "new", "words"),
    [
        ("seconds an image", {"limit": 10}, "4.32"),
        ("seconds an image", {"reason": ""}, "without a reason"),
        ("seconds an image", {"reason": "fast enough"}, "without a reason"),
        ("seconds an image", {"limit": None}, "without a test"),
        ("seconds an image", {"measure": "speed"}, "no measure of this exercise"),
        ("seconds an image", {"limit": -1}, "never be met"),
        ("seconds an image", {"must": "yes"}, "“must” is True"),
        ("seconds an image", {"need": " "}, "has no “need”"),
        ("seconds an image", {"must": False}, "needs a must-have about “seconds an image”"),
        ("share missed, difference of conditions", {"limit": 0.1}, "0.1 is too lax"),
        ("share missed, difference of conditions", {"limit": 0.05}, "0.05 is too lax"),
        ("channels read", {"limit": 1}, "1 is too lax"),
        ("channels read", {"limit": 3}, "at least 3 is more than the brief asks for"),
        ("labels per object", {"limit": 2}, "at least 2 is more than the brief asks for"),
        ("seconds an image", {"limit": 0}, "less than a tenth"),
        ("seconds an image", {"limit": 48 * 60 / 40_000}, "less than a tenth"),  # minutes
        ("memory in GB", {"limit": 0}, "less than a tenth"),
        ("seconds an image", {"reason": "memory in GB"}, "is a measure, not a reason"),
        ("seconds an image", {"limit": "memory in GB"}, "is a measure, not a limit"),
        ("channels read", {"must": False}, "no must-have about input"),
        ("memory in GB", {"measure": "seconds an image"}, "two must-haves"),
    ],
)
def test_screen_sheets_that_lack_something(sheets, measure, new, words):
    screen, tissue = sheets
    assert words in failure("need_sheets", changed(screen, measure, **new), tissue)


def test_other_sheets_that_lack_something(sheets):
    screen, tissue = sheets
    assert "everything is a must-have" in failure("need_sheets", [n for n in screen if n["must"]], tissue)
    assert "must not leave" in failure("need_sheets", screen, changed(tissue, "images uploaded", limit=12))
    assert "The tissue needs" in failure("need_sheets", screen, screen)
    assert "list of dictionaries" in failure("need_sheets", {"need": "all"}, tissue)
    quality = {"need": "good", "must": True, "reason": "it must be good", "measure": "object F1", "limit": 90}
    assert "F1 is at most 1" in failure("need_sheets", [*screen, quality], tissue)
    swapped = {"need": "quick", "must": False, "reason": "hours of work", "measure": "it may take long"}
    assert "not a reason" in failure("need_sheets", [*screen, swapped], tissue)
    assert "must be a dictionary" in failure("need_sheets", ["fast"], tissue)


def test_sheets_with_a_reserve_and_free_wishes_pass(sheets):
    screen, tissue = sheets
    roomy = changed(changed(screen, "memory in GB", limit=12.5), "seconds an image", limit=np.float32(2))
    wishes = [
        {"need": "a window", "must": False},
        {"need": "nice colours", "must": False, "reason": "", "measure": "colours", "limit": "some"},
    ]
    assert check.need_sheets.verdict((*roomy[::-1], *wishes), [*tissue[3:], *tissue[:3]]).passed


def test_the_stated_limits_follow_from_the_briefs():
    screen, tissue = (materials.PROJECTS[name]["needs"] for name in ("screen", "tissue"))
    assert screen["seconds an image"][0] * 40_000 == pytest.approx(48 * 3600)
    for needs, measure, effect in (
        (screen, "share missed, difference of conditions", 0.2),
        (tissue, "error of areas, difference of conditions", 0.3),
    ):
        left = (1 + effect) * (1 - needs[measure][0]) - 1
        assert left == pytest.approx(0.75 * effect)
    for needs in (screen, tissue):
        assert {materials.MEASURES[measure][0] for measure in needs} == set(ch14.AREAS)


# --- (2) effect size ------------------------------


def share_of(effect, missed, wells, rng, **how):
    return materials.simulated_share(effect, missed, wells, seed=rng.integers(2**31), **how)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("measured_effect", lambda e, c, t: (1 + e) * (1 - t) / (1 - c), "ratio minus 1"),
        ("measured_effect", lambda e, c, t: e - (t - c), "not simply subtracted"),
        ("measured_effect", lambda e, c, t: (1 + e) * (1 - c) / (1 - t) - 1, "exchanged"),
        ("measured_effect", lambda e, c, t: (1 + e) * (1 - t) - 1, "it is miscounted, too"),
        ("hiding_share", lambda e: e, "hides more than the effect"),
        ("share_detected", lambda e, m, n, rng: materials.simulated_share(e, 0, n), "do not let the treated"),
        (
            "share_detected",
            lambda e, m, n, rng: materials.simulated_share(e, m, n, unit="image"),
            "You test images",
        ),
        ("share_detected", lambda e, m, n, rng: share_of(e, m, n, rng, welch=False), "Student's test"),
        ("share_detected", lambda e, m, n, rng: share_of(e, m, n, rng, either_sign=True), "a decrease, too"),
        ("share_detected", lambda e, m, n, rng: share_of(e, m, n, np.random.default_rng()), "the same seed"),
        ("share_detected", lambda e, m, n, rng: materials.simulated_share(e, m, n), "Whatever the rng"),
        ("share_detected", lambda e, m, n, rng: 2.0, "between 0 and 1"),
        ("share_detected", lambda e, m, n, rng: 0.0, "yours says 0.00"),
    ],
)
def test_effect_mistakes(answers, name, wrong, words):
    names = ("measured_effect", "hiding_share", "share_detected")
    functions = {key: answers("effect_size")[key] for key in names} | {name: wrong}
    assert words in failure("effect_size", *functions.values())


@pytest.mark.slow
def test_a_loop_over_experiments_passes(answers):
    def share_detected(effect, missed, wells, rng, repeats=500):
        found = 0
        control = materials.fields(100, wells, rng, repeats)
        treated = materials.fields(100 * (1 + effect) * (1 - missed), wells, rng, repeats)
        for a, b in zip(treated, control, strict=True):
            test = ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False)
            found += bool(test.pvalue < 0.05 and test.statistic > 0)
        return found / repeats

    space = answers("effect_size")
    verdict = check.effect_size.verdict(space["measured_effect"], space["hiding_share"], share_detected)
    assert verdict.passed, verdict


def test_an_effect_is_hidden_where_the_formula_says():
    assert materials.simulated_share(0.2, 0.2 / 1.2, 24, repeats=1000) < 0.06
    assert materials.simulated_share(0.2, 0.0, 24, repeats=1000) > 0.95


def test_an_error_of_half_of_the_effect_takes_more_than_half_of_it():
    assert 1.2 * 0.9 - 1 < 0.5 * 0.2
    assert materials.simulated_share(0.2, 0.1, 6) < 0.4 * materials.simulated_share(0.2, 0.0, 6)


def test_images_taken_for_replicates_find_effects_where_there_are_none():
    for wells in (2, 6):
        assert materials.simulated_share(0, 0, wells, unit="image", either_sign=True) > 0.17
        assert materials.simulated_share(0, 0, wells, either_sign=True) < 0.06


# --- the race ------------------------------


def test_published_models_get_their_rows_when_their_results_are_there(monkeypatch, capsys):
    """What `course published` writes: all kinds for a network for nuclei, tissue alone for one for H&E."""
    found = copy.deepcopy(results.race.results())
    for name, kinds in (("fluo", results.race.KINDS), ("he", ("tissue",))):
        entrant = copy.deepcopy(found["entrants"]["stardist"]) | {"title": f"model {name} (published)"}
        entrant["kinds"] = {kind: entrant["kinds"][kind] for kind in kinds}
        found["entrants"][f"published-{name}"] = entrant
    monkeypatch.setattr(results.race, "results", lambda: found)
    space = {"results": results, "show": show, "np": np, "colour": show.PALETTE}
    wanted = ("race = ", "published = ", "#| label: tbl-race\n", "#| label: tbl-cost", "#| label: fig-race\n")
    for cell in Chapter("14-tool-selection").cells:
        if cell.text.startswith(wanted):
            exec(cell.text, space)
    assert "model fluo (published), model he (published)" in capsys.readouterr().out
    assert not {row["title"] for row in space["ours"]} & {"model fluo (published)", "model he (published)"}
    assert space["cell"]("published-he", "tissue") and not space["cell"]("published-he", "easy")
    for axes, kind in list(zip(space["figure"].axes, results.race.KINDS, strict=True))[1:]:
        assert len(axes.collections) == sum(row["kind"] == kind for row in space["rows"])


# --- (3) prices ------------------------------


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("utility", lambda a, p, c, prices: a + prices[0] * p + prices[1] * c, "subtracted, not added"),
        (
            "utility",
            lambda a, p, c, prices: a - prices[1] * p - prices[0] * c,
            "first price is that of a person",
        ),
        ("winner", lambda rows, prices: 0, "name of the best row"),
        ("winner", lambda rows, prices: rows[-1][0], "the winner is"),
        (
            "winner",
            lambda rows, prices: min(rows, key=lambda row: ch14.utility(*row[1:], prices))[0],
            "lowest utility",
        ),
        (
            "first_flip",
            lambda rows: max(
                (max(r[1] for r in rows) - r[1]) / (max(rows, key=lambda s: s[1])[2] - r[2])
                for r in rows
                if r[2] < max(rows, key=lambda s: s[1])[2]
            ),
            "the smallest one",
        ),
        ("first_flip", lambda rows: second_best(rows), "second most accurate tool only"),
    ],
)
def test_price_mistakes(answers, name, wrong, words):
    functions = {key: answers("weigh")[key] for key in ("utility", "winner", "first_flip")} | {name: wrong}
    assert words in failure("weigh", *functions.values())


def second_best(rows):
    (_, best, hours, _), (_, ap, person, _) = sorted(rows, key=lambda row: -row[1])[:2]
    return (best - ap) / (hours - person)


def test_a_search_over_prices_passes(answers):
    def first_flip(rows):
        first = max(rows, key=lambda row: row[1])[0]
        for price in np.arange(0, 1, 0.0001):
            if max(rows, key=lambda row: row[1] - price * row[2])[0] != first:
                return price

    space = answers("weigh")
    assert check.weigh.verdict(space["utility"], space["winner"], first_flip).passed


# --- (4) front and (5) stop ------------------------------


def beaten_by(ap, cost, rule):
    return np.array([not rule(a, c).any() for a, c in zip(ap, cost, strict=True)])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda ap, cost: ~ch14.front(ap, cost), "mark the tools that are beaten"),
        (
            lambda ap, cost: np.array(
                [not np.any((ap > a) & (cost < c)) for a, c in zip(ap, cost, strict=True)]
            ),
            "enough to beat a tool",
        ),
        (
            lambda ap, cost: np.array(
                [np.sum((ap >= a) & (cost <= c)) == 1 for a, c in zip(ap, cost, strict=True)]
            ),
            "two equal tools",
        ),
        (lambda ap, cost: np.flatnonzero(ch14.front(ap, cost)), "your answer for AP"),
        (lambda ap, cost: beaten_by(ap, cost, lambda a, c: (ap > a) & (cost <= c)), "tool 0 is not"),
        (lambda ap, cost: beaten_by(ap, cost, lambda a, c: (ap >= a) & (cost < c)), "tool 1 is not"),
    ],
)
def test_front_mistakes(wrong, words):
    assert words in failure("pareto_front", wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            lambda m, a, g: next(
                (i for i in range(len(a)) if all(a[j] - a[i] < g for j in range(i + 1, len(a)))), 0
            ),
            "divide it by the minutes",
        ),
        (ch14._first_dip, "judge the trend"),
        (lambda m, a, g: min(ch14.last_worthwhile(m, a, g) + 1, len(a) - 1), "one point earlier"),
        (
            lambda m, a, g: int(max(np.flatnonzero(np.diff(a) / np.diff(m) >= g), default=-1) + 1),
            "cost more than it brought",
        ),
        (lambda m, a, g: 1.5, "whole number"),
    ],
)
def test_stop_mistakes(wrong, words):
    assert words in failure("when_to_stop", wrong)


def test_the_stop_may_be_found_as_the_largest_utility():
    assert check.when_to_stop.verdict(lambda m, a, g: int(np.argmax(a - g * m))).passed


# --- where to begin, and one part of a workflow ------------------------------

RIGHT = dict(zip("ABCDEF", materials.CATEGORIES, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"D": "from scratch"}, "no time to draw"),
        ({"C": "pretrained"}, "no objects"),
        ({"B": "deep learning"}, "is none of"),
    ],
)
def test_other_beginnings(change, words):
    assert words in failure("first_category", RIGHT | change)


def test_beginnings_may_be_open():
    assert check.first_category.verdict(RIGHT).passed
    assert check.first_category.verdict(None).status == "open"
    assert check.first_category.verdict(RIGHT | {"A": ...}).status == "open"


def in_place(workflow, name, part):
    workflow[name] = part
    return workflow


def at_the_end(workflow, name, part):
    return {key: value for key, value in workflow.items() if key != name} | {name: part}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (in_place, "changed the workflow"),
        (at_the_end, "order must stay"),
        (lambda w, n, p: w | {n: p}, "misspelt"),
        (lambda w, n, p: dict(w), "still the old one"),
        (lambda w, n, p: dict.fromkeys(w, p), "another one, too"),
        (lambda w, n, p: list((w | {n: p}).values()), "as a dictionary"),
    ],
)
def test_replacement_mistakes(wrong, words):
    assert words in failure("replace_part", wrong)


def test_a_loop_over_the_steps_passes():
    def replace(workflow, name, part):
        if name not in workflow:
            raise ValueError(name)
        new = {}
        for key, function in workflow.items():
            new[key] = part if key == name else function
        return new

    assert check.replace_part.verdict(replace).passed


# ---------------------------------------------------------------- kinds of images


def test_the_pictures_are_those_that_the_list_explains(no_mirror, root):
    rows = [row for row in read_yaml((root / guide.TOMORROW).read_text("utf-8")) if "picture" in row]
    assert [row["picture"] for row in rows] == [*materials.KINDS]
    outlined = [materials.example(kind)[1] is not None for kind in materials.KINDS]
    assert ["outlines" in row for row in rows] == outlined


def test_own_scores_are_those_of_the_results():
    from bioimage_course.results import race

    for kind in materials.KINDS:
        scores, images, truth = materials.own_scores(kind)
        assert len(scores) == (len(materials.OURS) if images else 0) and all(0 <= s <= 1 for s in scores)
        assert bool(truth) == bool(images)
    assert materials.own_scores("nuclei, touching")[0][0] == race.counts("voronoi-otsu", "crowded").pooled[0]


@pytest.mark.parametrize("kind", materials.KINDS)
def test_every_kind_of_image_has_a_picture_that_the_package_carries(no_mirror, kind):
    picture, labels = materials.example(kind)
    assert min(picture.shape[:2]) >= 50 and picture.ndim == (3 if kind.startswith("tissue") else 2)
    if labels is not None:
        assert labels.shape == picture.shape and len(np.unique(labels)) > 4
