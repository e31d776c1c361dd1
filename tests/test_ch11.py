"""The exercises of chapter 11: the solutions pass, and each usual mistake gets its own sentence."""

import numpy as np
import pytest
from skimage.draw import polygon
from skimage.measure import regionprops_table

from bioimage_course import check
from bioimage_course.check.exercises import ch11
from bioimage_course.materials import ch11 as materials
from exercise_cells import failure

# --- right answers, with switches for the mistakes ------------------------------


def make_distances(
    swap=False, mirror=False, endpoint=False, wrap=False, transpose=False, squared=False, step=0.5
):
    def radial_distances(mask, point, n_rays):
        row, column = point[::-1] if transpose else point
        lengths = np.zeros(n_rays)
        for k, angle in enumerate(np.linspace(0, 2 * np.pi, n_rays, endpoint=endpoint)):
            dy, dx = (np.cos(angle), np.sin(angle)) if swap else (np.sin(angle), np.cos(angle))
            dy = -dy if mirror else dy
            while True:
                y, x = round(row + (lengths[k] + step) * dy), round(column + (lengths[k] + step) * dx)
                if y >= mask.shape[0] or x >= mask.shape[1] or (not wrap and (y < 0 or x < 0)):
                    break
                if y < -mask.shape[0] or x < -mask.shape[1] or not mask[y, x]:
                    break
                lengths[k] += step
        return lengths**2 if squared else lengths

    return radial_distances


def outline(distances, point):
    angles = 2 * np.pi * np.arange(len(distances)) / len(distances)
    return np.stack([point[0] + distances * np.sin(angles), point[1] + distances * np.cos(angles)], axis=1)


def make_nms(order="best", above=False, all_seen=False, area="smaller", ranks=False):
    def nms(masks, scores, threshold):
        kept, seen = [], []
        indices = {"best": np.argsort(-scores), "given": np.arange(len(scores)), "worst": np.argsort(scores)}[
            order
        ]
        for i in indices:
            overlaps = []
            for j in seen if all_seen else kept:
                shared = (masks[i] & masks[j]).sum()
                areas = masks[i].sum(), masks[j].sum()
                overlaps.append(
                    shared / {"smaller": min(areas), "larger": max(areas), "iou": sum(areas) - shared}[area]
                )
            seen.append(i)
            if all(o >= threshold if above else o <= threshold for o in overlaps):
                kept.append(i)
        return [list(indices).index(i) for i in kept] if ranks else kept

    return nms


def relative_change(before, after, feature):
    first, second = (
        dict(zip(*regionprops_table(x, properties=("label", feature)).values(), strict=True))
        for x in (before, after)
    )
    return np.mean([(second[i] - first[i]) / first[i] for i in first if i in second])


def normalise(image, smallest_range):
    image = image.astype(float)
    low, high = np.percentile(image, (1, 99.8))
    return (image - low) / max(high - low, smallest_range)


def star(mask, point):
    drawn = np.zeros(mask.shape, bool)
    drawn[polygon(*ch11._star_of(mask, point).T, mask.shape)] = True
    return drawn


def best_star(mask, points):
    stars = [star(mask, point) for point in points]
    ious = [np.sum(mask & one) / np.sum(mask | one) for one in stars]
    return points[np.argmax(ious)], max(ious)


def changed_star(point=lambda p, given: p, iou=lambda x: x):
    """The right answer with the point or the IoU changed."""

    def answer(mask, points):
        best, value = best_star(mask, points)
        return point(best, points), iou(value)

    return answer


SOLUTIONS = {
    "rays": (make_distances(), outline),
    "best_star": (best_star,),
    "suppression": (make_nms(),),
    "shape_bias": (relative_change,),
    "guarded_normalisation": (normalise,),
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass(name):
    verdict = getattr(check, name).verdict(*SOLUTIONS[name])
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("step", [0.1, 0.25, 1.0])
def test_other_step_widths_pass(step):
    verdict = check.rays.verdict(make_distances(step=step), outline)
    assert verdict.passed, verdict.message


def test_starDist_itself_passes():
    pytest.importorskip("stardist")
    from bioimage_course import compat

    compat.prepare("stardist")
    from stardist.geometry import star_dist

    verdict = check.rays.verdict(lambda mask, point, n: star_dist(mask.astype(np.uint16), n)[point], outline)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"swap": True}, "swapped: ray 0"),
        ({"mirror": True}, "wrong way"),
        ({"endpoint": True}, "first and last ray"),
        ({"transpose": True}, "Row and column of the point"),
        ({"wrap": True}, "negative index"),
        ({"squared": True}, "square root"),
    ],
)
def test_distance_mistakes(mistake, words):
    verdict = check.rays.verdict(make_distances(**mistake), outline)
    assert verdict.status == "failed"
    assert words in verdict.message


def half_up(number):
    return int(np.floor(number + 0.5))


def make_walk(rounded=half_up, step=0.5, ahead=(0, 0), start=0.0, first_outside=False, inside=None):
    """Walk along the rays; `ahead` reads rows and columns at other distances, `inside` misses a border."""

    def within(row, column, shape):
        return 0 <= row < shape[0] and 0 <= column < shape[1]

    def radial_distances(mask, point, n_rays):
        lengths = []
        for angle in 2 * np.pi * np.arange(n_rays) / n_rays:
            r = start
            while True:
                row = rounded(point[0] + (r + ahead[0]) * np.sin(angle))
                column = rounded(point[1] + (r + ahead[1]) * np.cos(angle))
                if not (inside or within)(row, column, mask.shape) or not mask[row, column]:
                    break
                r += step
            lengths.append(r if first_outside else max(r - step, 0))
        return lengths

    return radial_distances


@pytest.mark.parametrize("rounded", [half_up, round, lambda number: int(np.rint(number))])
@pytest.mark.parametrize("step", [0.1, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("first_outside", [False, True])
def test_any_rounding_to_the_nearest_and_either_end_of_the_last_step_pass(rounded, step, first_outside):
    verdict = check.rays.verdict(make_walk(rounded, step, first_outside=first_outside), outline)
    assert verdict.passed, verdict.message


def test_distances_between_pixels_pass():
    """Half of the mask's height, by linear interpolation, instead of the nearest pixel."""
    from scipy.ndimage import map_coordinates

    def radial_distances(mask, point, n_rays):
        angles, r = 2 * np.pi * np.arange(n_rays) / n_rays, np.arange(0, 2 * max(mask.shape), 0.25)
        places = [point[0] + r * np.sin(angles)[:, None], point[1] + r * np.cos(angles)[:, None]]
        values = map_coordinates(mask.astype(float), places, order=1, mode="grid-constant")
        return r[(values < 0.5).argmax(axis=1)]

    verdict = check.rays.verdict(radial_distances, outline)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"rounded": int}, "equally long in all directions"),
        ({"rounded": lambda number: int(np.ceil(number))}, "equally long in all directions"),
        ({"ahead": (0, 0.5)}, "equally long in all directions"),
        ({"ahead": (0.25, 0)}, "equally long in all directions"),
        ({"start": 1.5}, "gap one pixel wide"),
        ({"inside": lambda row, column, shape: 0 <= row < shape[0] and 0 <= column}, "IndexError"),
        ({"inside": lambda row, column, shape: row < shape[0] and column < shape[1]}, "negative index"),
        (
            {"inside": lambda row, column, shape: 0 <= row < shape[0] and column < shape[1]},
            "cut off by the upper left corner",
        ),
        (
            {"inside": lambda row, column, shape: 0 <= row < shape[0] and 0 <= column < shape[0]},
            "cut off by the lower right corner",
        ),
        ({"inside": lambda row, column, shape: 0 <= row < shape[1] and 0 <= column < shape[1]}, "IndexError"),
        (
            {"inside": lambda row, column, shape: -1 <= row < shape[0] and 0 <= column < shape[1]},
            "pixels too long",
        ),
    ],
)
def test_walks_that_lean_jump_or_miss_a_border(mistake, words):
    assert words in failure("rays", make_walk(**mistake), outline)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda d, p: outline(d, p)[:, ::-1], "(column, row)"),
        (lambda d, p: outline(d, (0, 0)), "relative to the point"),
        (lambda d, p: outline(d, p).T, "rows and columns are swapped"),
        (lambda d, p: 2 * np.array(p) - outline(d, p), "wrong"),
        (lambda d, p: np.vstack([outline(d, p), outline(d, p)[:1]]), "ninth corner"),
    ],
)
def test_outline_mistakes(wrong, words):
    verdict = check.rays.verdict(make_distances(), wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"above": True}, "wrong way round"),
        ({"order": "worst"}, "begin with the worst"),
        ({"order": "given"}, "given order"),
        ({"all_seen": True}, "itself suppressed"),
        ({"area": "iou"}, "by the union"),
        ({"area": "larger"}, "larger area"),
        ({"ranks": True}, "positions in the sorted list"),
    ],
)
def test_suppression_mistakes(mistake, words):
    verdict = check.suppression.verdict(make_nms(**mistake))
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda m, s, t: list(range(len(m))), "keep all"),
        (lambda m, s, t: np.array([i in make_nms()(m, s, t) for i in range(len(m))]), "True and False"),
        (lambda m, s, t: [99], "number"),
        (lambda m, s, t: [4, 4], "twice"),
        (lambda m, s, t: None, "return"),
    ],
)
def test_suppression_answers_of_another_kind(wrong, words):
    verdict = check.suppression.verdict(wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (changed_star(point=lambda p, given: given[0]), "Compare all points"),
        (lambda mask, points: tuple(points), "two things"),
        (changed_star(point=lambda p, given: 3), "the point itself"),
        (changed_star(point=lambda p, given: p + 1000), "none of the points"),
        (changed_star(iou=lambda x: 100 * x), "percentage"),
        (changed_star(iou=lambda x: x / 2), "not the right value"),
    ],
)
def test_best_star_mistakes(wrong, words):
    verdict = check.best_star.verdict(wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda b, a, f: -relative_change(b, a, f), "sign"),
        (lambda b, a, f: 100 * relative_change(b, a, f), "percentage"),
        (lambda b, a, f: 1 + relative_change(b, a, f), "subtract 1"),
        (lambda b, a, f: [relative_change(b, a, f)] * 3, "one number"),
        (
            lambda b, a, f: np.mean(
                regionprops_table(a, properties=(f,))[f] / regionprops_table(b, properties=(f,))[f] - 1
            ),
            "pair them by label",
        ),
    ],
)
def test_bias_mistakes(wrong, words):
    verdict = check.shape_bias.verdict(wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, r: normalise(x, r).clip(0, 1), "clip"),
        (lambda x, r: (x.astype(float) - x.min()) / np.ptp(x.astype(float)), "hot pixel"),
        (lambda x, r: normalise(x, 1e-9), "smallest_range is not used"),
        (lambda x, r: (x.astype(float) - np.percentile(x, 1)) / r, "although the image has more contrast"),
        (
            lambda x, r: normalise(x, 1e-9) if np.ptp(np.percentile(x, (1, 99.8))) > r else np.zeros(x.shape),
            "dim",
        ),
        (
            lambda x, r: (
                (x - x.dtype.type(np.percentile(x, 1))) / max(np.ptp(np.percentile(x, (1, 99.8))), r)
            ),
            "wrap around",
        ),
        (lambda x, r: (x - x.mean()) / x.std(), "standardise"),
    ],
)
def test_normalisation_mistakes(wrong, words):
    verdict = check.guarded_normalisation.verdict(wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


def test_banana_hides_part_of_its_boundary():
    from skimage.draw import polygon

    mask = materials.banana()
    point = materials.inner_point(mask)
    assert mask[point]
    corners = outline(make_distances()(mask, point, 64), point)
    drawn = np.zeros(mask.shape, bool)
    drawn[polygon(*corners.T, mask.shape)] = True
    assert (mask & drawn).sum() / (mask | drawn).sum() < 0.85


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"measure": "candidate"}, "candidate's own area"),
        ({"measure": "kept one"}, "area of the kept one"),
        ({"against": "last"}, "last one kept only"),
        ({"keep_if": "strictly"}, "exactly half"),
    ],
)
def test_suppression_with_another_denominator_partner_or_bound(mistake, words):
    assert words in failure("suppression", lambda *a: ch11._suppress(*a, **mistake))


def test_kept_candidates_may_come_as_a_set_in_any_order():
    assert check.suppression.verdict(lambda *a: set(ch11._suppress(*a))).passed
    assert check.suppression.verdict(lambda *a: tuple(reversed(ch11._suppress(*a)))).passed
    assert check.suppression.verdict(lambda *a: np.array(ch11._suppress(*a), float)).passed


def test_judgement_is_right_open_or_refused_without_giving_the_answer_away():
    assert check.what_now.verdict(dict(ch11.NOW)).passed
    assert check.what_now.verdict(dict.fromkeys(ch11.NOW, ...)).status == "open"
    for situation, right in ch11.NOW.items():
        for other in set(ch11.NOW.values()) - {right}:
            message = failure("what_now", ch11.NOW | {situation: other})
            assert repr(other) in message and repr(right) not in message
    assert "none of the six" in failure("what_now", ch11.NOW | {next(iter(ch11.NOW)): "retrain"})
