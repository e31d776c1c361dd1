"""The exercises of chapter 13: right answers pass, usual mistakes get a sentence."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from bioimage_course import check, tools
from bioimage_course.check.exercises import ch13
from bioimage_course.materials import ch13 as materials
from exercise_cells import failure

# --- right answers, with switches for the mistakes ------------------------------


def make_click(swap=False, sign=True, mean=False, pooled=False, edge=False, first=False, never_none=False):
    def click(truth, prediction):
        best, answer = 0, 0
        for wrong, kind in ((truth & ~prediction, 1), (prediction & ~truth, 0)):
            regions, number = label(wrong)
            if pooled:
                regions, number = wrong.astype(int), int(wrong.any())
            for k in range(1, number + 1):
                size = np.count_nonzero(regions == k)
                if size > best and not (first and best):
                    best, region, answer = size, regions == k, kind
        if not best:
            return (0, 0, 1) if never_none else None
        deep = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
        if edge:
            deep = np.where(deep == 1, 9.0, 0)
        row, column = (
            np.argwhere(region).mean(axis=0) if mean else np.unravel_index(deep.argmax(), deep.shape)
        )
        return (column, row, answer) if swap else (row, column, answer if sign else 1 - answer)

    return click


def make_prompts(order=(0, 1, 2, 3), last=1, size=False, clip=True, use_margin=True, click="inner"):
    def box_and_click(mask, margin):
        rows, columns = np.nonzero(mask)
        margin = margin if use_margin else 0
        box = np.array([rows.min(), columns.min(), rows.max() + last, columns.max() + last])
        box = box + margin * np.array([-1, -1, 1, 1])
        if clip:
            box = np.clip(box, 0, [*mask.shape, *mask.shape])
        if size:
            box[2:] -= box[:2]
        deep = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        point = np.array(np.unravel_index(deep.argmax(), deep.shape))
        if click == "mean":
            point = np.array([rows.mean(), columns.mean()])
        if click == "edge":
            point = np.array([rows[0], columns[0]])
        if click == "swapped":
            point = point[::-1]
        return box[list(order)], point

    return box_and_click


def stability_score(logits, offset):
    generous = np.count_nonzero(logits > -offset)
    return np.count_nonzero(logits > offset) / generous if generous else 0.0


def wrongly_trusted(predicted, true, accept, good):
    accepted = predicted >= accept
    return np.mean(true[accepted] < good) if accepted.any() else 0.0


SOLUTIONS = {
    "next_click": make_click(),
    "prompts": make_prompts(),
    "stability": stability_score,
    "trust": wrongly_trusted,
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass(name):
    verdict = getattr(check, name).verdict(SOLUTIONS[name])
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"swap": True}, "swapped"),
        ({"sign": False}, "your label is"),
        ({"mean": True}, "mean of a region"),
        ({"first": True}, "larger mistake elsewhere"),
        ({"edge": True}, "from the edge of the region"),
        ({"never_none": True}, "return None"),
    ],
)
def test_click_mistakes(mistake, words):
    assert words in failure("next_click", make_click(**mistake))


def test_a_click_between_two_mistakes_of_different_kind():
    def click(truth, prediction):
        if not (truth ^ prediction).any():
            return None
        region = materials.largest_region(truth ^ prediction)  # what is missing and what is too much, as one
        row, column = np.unravel_index(materials.depth(region).argmax(), region.shape)
        return row, column, int(truth[row, column])

    assert "from the edge of the region" in failure("next_click", click)


def test_a_pair_with_a_point_is_a_click_too():
    def click(truth, prediction):
        found = make_click()(truth, prediction)
        return found and (np.array(found[:2]), found[2])

    assert check.next_click.verdict(click).passed


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"last": 0}, "one after it"),
        ({"order": (1, 0, 3, 2)}, "swapped"),
        ({"order": (0, 2, 1, 3)}, "not (top, bottom"),
        ({"size": True}, "height and width"),
        ({"clip": False}, "leaves the image"),
        ({"use_margin": False}, "margin is not used"),
        ({"click": "mean"}, "outside the object"),
        ({"click": "edge"}, "from the object's border"),
        ({"click": "swapped"}, "swapped"),
    ],
)
def test_prompt_mistakes(mistake, words):
    assert words in failure("prompts", make_prompts(**mistake))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, d: 1 / stability_score(x, d), "wrong way round"),
        (lambda x, d: (x > d).sum() / (x > 0).sum(), "mask at 0"),
        (lambda x, d: 1 - stability_score(x, d), "share that changes"),
        (lambda x, d: 2 * (x > d).sum() / ((x > d).sum() + (x > -d).sum()), "Dice"),
        (lambda x, d: stability_score(1 / (1 + np.exp(-x)), d), "before any sigmoid"),
        (lambda x, d: np.divide((x > d).sum(), (x > -d).sum()), "without any pixel"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_stability_mistakes(wrong, words):
    assert words in failure("stability", wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda p, t, a, g: np.mean((p >= a) & (t < g)), "divide by all"),
        (lambda p, t, a, g: np.mean(t[p >= a] >= g), "share that is right"),
        (lambda p, t, a, g: ((p >= a) & (t < g)).sum(), "number of masks"),
        (lambda p, t, a, g: 100 * np.mean(t[p >= a] < g), "percentage"),
        (lambda p, t, a, g: np.mean(p[t < g] >= a), "divide by the wrong masks"),
        (lambda p, t, a, g: np.mean(p[t >= a] < g), "swapped"),
        (lambda p, t, a, g: np.mean(t[p > a] < g), "use >="),
        (lambda p, t, a, g: np.mean(t[p >= a] <= g), "use <."),
        (lambda p, t, a, g: np.mean(t[p >= a] < g), "return 0"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_trust_mistakes(wrong, words):
    assert words in failure("trust", wrong)


def test_the_mean_of_a_ring_lies_outside_it():
    ring = ch13._ring(40, 40, 20, 5)
    row, column = np.argwhere(ring).mean(axis=0).round().astype(int)
    assert not ring[row, column]
    assert ring[np.unravel_index(materials.depth(ring).argmax(), ring.shape)]


# --- (e) a grid of clicks ------------------------------


def _hit_loop(labels, side):
    """Click by click, with a set."""
    seen = set()
    for k in range(side):
        for j in range(side):
            seen.add(
                int(labels[int((k + 0.5) * labels.shape[0] / side), int((j + 0.5) * labels.shape[1] / side)])
            )
    objects = set(labels.ravel().tolist()) - {0}
    return len(seen & objects) / max(len(objects), 1)


def test_grid_hits_in_unusual_form_pass():
    assert check.grid_hits.verdict(_hit_loop).passed
    assert check.grid_hits.verdict(lambda labels, side: np.float32(materials.hit(labels, side))).passed


def test_a_grid_of_eight_clicks_asks_about_few_nuclei():
    counted = tools.micro_sam.results()["grid_hits"]
    assert [(n["side"], n["hit"]) for n in counted] == [(8, 436), (16, 1169), (32, 2245)]
    assert {n["nuclei"] for n in counted} == {2460}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("clicks", "share of clicks"),
        ("counted twice", "counts once"),
        ("background", "no object"),
        ("diagonal", "diagonal only"),
        ("swapped", "swapped"),
        ("corners", "middles"),
    ],
)
def test_wrong_grid_hits(kind, words):
    assert words in failure("grid_hits", lambda labels, side: materials.hit(labels, side, kind=kind))


def test_object_number_one_is_an_object():
    assert check.grid_hits.verdict(lambda y, n: materials.hit(np.where(y > 1, y, 0), n)).status == "failed"


def test_grid_hits_of_nothing():
    def divides(labels, side):
        with np.errstate(all="ignore"):
            return np.float64(materials.hit(labels, side)) if labels.any() else np.float64(0) / np.float64(0)

    assert "divide by 0" in failure("grid_hits", divides)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("large", "drop the nuclei"),
        ("pieces", "stays one object"),
        ("renumbered", "keep their numbers"),
        ("mask", "This is a mask"),
        ("whole", "not fewer than all of it"),
        ("as small", "use <"),
        ("median", "most of them are crumbs"),
    ],
)
def test_wrong_ways_to_drop_crumbs(kind, words):
    assert words in failure("crumbs", lambda labels, area: ch13._crumbs_dropped(labels, area, kind=kind))


def test_crumbs_may_be_dropped_one_by_one_but_not_in_place():
    def one_by_one(labels, typical_area):
        kept = labels.copy()
        for number in set(labels.ravel().tolist()) - {0}:
            if (labels == number).sum() < 0.2 * typical_area:
                kept[labels == number] = 0
        return kept

    def in_place(labels, typical_area):
        labels[:] = one_by_one(labels, typical_area)
        return labels

    assert check.crumbs.verdict(one_by_one).passed
    assert check.crumbs.verdict(lambda y, area: tools.without_small(y, int(np.ceil(area / 5)))).passed
    assert check.crumbs.verdict(in_place).status == "failed"


def test_needs_are_right_open_or_refused_without_giving_the_answer_away():
    assert check.what_it_takes.verdict(dict(ch13.NEEDS)).passed
    assert check.what_it_takes.verdict(dict.fromkeys(ch13.NEEDS, ...)).status == "open"
    for wish, right in ch13.NEEDS.items():
        for other in set(ch13.NEEDS.values()) - {right}:
            message = failure("what_it_takes", ch13.NEEDS | {wish: other})
            assert repr(other) in message and repr(right) not in message
    assert "none of the six" in failure("what_it_takes", ch13.NEEDS | {next(iter(ch13.NEEDS)): "a GPU"})


def test_masks_of_three_grids_come_with_the_course():
    from bioimage_course import data

    masks = materials.grid_masks()
    assert set(masks) == {(name, side) for name in ("own", "chosen") for side in (8, 16, 32)}
    truth = data.load("nuclei").labels[96:352, 0:256]
    hits = [len(materials.clicked(truth, side)) for side in (8, 16, 32)]
    assert hits == sorted(hits) and hits[-1] == len(np.unique(truth)) - 1
    assert hits[0] / hits[-1] == pytest.approx(materials.hit(truth, 8))
    for name in ("own", "chosen"):
        objects = [masks[name, side].max() for side in (8, 16, 32)]
        assert masks[name, 8].shape == truth.shape and objects == sorted(objects)
