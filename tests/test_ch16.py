"""Chapter 16: exercises tell right answers, usual mistakes and untouched starters apart."""

import os
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bioimage_course import check
from bioimage_course.check.exercises import ch16
from coursebook.project import Project
from exercise_cells import Chapter, failure

CHAPTER = Chapter("16-deployment")
PROJECT = Project.find(Path(__file__).parent)


# --- (1) ------------------------------


def random_choice(conditions, n, seed):
    return np.random.default_rng(seed).permutation(len(conditions))[:n]


def in_order(conditions, n, seed):
    """Even over the conditions, but always the first of each."""
    names = list(dict.fromkeys(conditions))
    queues = {c: [i for i, d in enumerate(conditions) if d == c] for c in names}
    chosen = []
    while len(chosen) < n:
        for c in names:
            if queues[c] and len(chosen) < n:
                chosen.append(queues[c].pop(0))
    return chosen


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda c, n, s: list(range(n)), "the first"),
        (random_choice, "there is another of"),
        (in_order, "Whatever the seed"),
        (lambda c, n, s: in_order(c, n, s)[:-1], "asked for"),
        (lambda c, n, s: [0] * n, "twice"),
        (lambda c, n, s: np.arange(len(c)) < n, "indices"),
        (lambda c, n, s: np.arange(n) + 20, "0 to 23"),
        (lambda c, n, s: [[1, 2, 3]] * 2, "one list"),
        (lambda c, n, s: [c[i] for i in range(n)], "numbers"),
        (
            lambda c, n, s: sorted(in_order(c, n, s), key=lambda i: np.random.default_rng().random())[:n],
            "Whatever the seed",
        ),
    ],
)
def test_wrong_choices(function, sentence):
    assert sentence in failure("choose_images", function)


def test_a_set_is_a_choice():
    space = {"np": np}
    for text in CHAPTER.texts("solution", "choose_images"):
        exec(text, space)
    assert check.choose_images.verdict(lambda c, n, s: {int(i) for i in space["choose"](c, n, s)}).passed


def test_a_choice_that_ignores_the_seed_but_draws_is_told():
    def unseeded(conditions, n, seed):
        shuffled = np.random.default_rng().permutation(len(conditions)).tolist()
        turn, rounds = dict.fromkeys(conditions, 0), []
        for i in shuffled:
            rounds.append(turn[conditions[i]])
            turn[conditions[i]] += 1
        return [i for _, i in sorted(zip(rounds, shuffled, strict=True))][:n]

    message = failure("choose_images", unseeded)
    assert "default_rng(seed)" in message or "Whatever the seed" in message


# --- (2) ------------------------------


def direct(path, write):
    if path.exists():
        return False
    write(path)
    return True


def always(path, write):
    temporary = path.with_name("t")
    write(temporary)
    os.replace(temporary, path)
    return True


def copying(path, write):
    if path.exists():
        return False
    temporary = path.with_name("t")
    write(temporary)
    shutil.copy(temporary, path)
    return True


def copying_bytes(path, write):
    if path.exists():
        return False
    temporary = path.with_name("t")
    write(temporary)
    path.write_bytes(temporary.read_bytes())
    temporary.unlink()
    return True


def elsewhere(path, write):
    import tempfile
    from pathlib import Path

    if path.exists():
        return False
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "t")
        shutil.move(Path(folder) / "t", path)
    return True


def swallowing(path, write):
    if path.exists():
        return False
    temporary = path.with_name("t")
    try:
        write(temporary)
    except Exception:
        return False
    os.replace(temporary, path)
    return True


def cleaning_up_wrongly(path, write):
    if path.exists():
        return False
    temporary = path.with_name("t")
    try:
        write(temporary)
    finally:
        os.replace(temporary, path)
    return True


def afraid_of_leftovers(path, write):
    if path.exists() or path.with_name("t").exists():
        return False
    temporary = path.with_name("t")
    write(temporary)
    os.replace(temporary, path)
    return True


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (direct, "final name"),
        (always, "computed it again"),
        (copying, "left over"),
        (copying_bytes, "copy the finished file"),
        (elsewhere, "another folder"),
        (swallowing, "swallowed"),
        (cleaning_up_wrongly, "died half-way"),
        (afraid_of_leftovers, "second attempt"),
        (lambda path, write: True, "never call write"),
        (lambda path, write: write(path.with_name("t")), "no file of the name"),
        (lambda path, write: always(path, write) if not path.exists() else None, "did you forget `return`"),
    ],
)
def test_wrong_saving(function, sentence):
    assert sentence in failure("save_once", function)


# --- (3) ------------------------------


def numbered_anew(labels, core):
    """The right objects under other numbers, in another order."""
    kept = ch16.keep_own(labels, core)
    return np.where(kept > 0, 100 - kept, 0)


def in_place(labels, core):
    labels[:] = ch16.keep_own(labels, core)
    return labels


def cut(labels, core):
    top, left, bottom, right = core
    out = np.zeros_like(labels)
    out[top:bottom, left:right] = labels[top:bottom, left:right]
    return out


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (cut, "the seam"),
        (lambda x, c: cut(ch16.keep_own(x, c), c), "into the halo"),
        (lambda x, c: ch16.keep_own(x, c, rule="any"), "counted twice"),
        (lambda x, c: ch16.keep_own(x, c, rule="all"), "kept by nobody"),
        (lambda x, c: ch16.keep_own(x, c, rule="box"), "bounding box"),
        (lambda x, c: ch16.keep_own(x, c, rule="first"), "first pixel"),
        (lambda x, c: ch16.keep_own(x, c, closed=True), "next block"),
        (lambda x, c: ch16.keep_own(x, c, renumber=True), "keeps its number"),
        (numbered_anew, "keeps its number"),
        (lambda x, c: ch16.keep_own(x, c, rule="most"), "Most of an object's pixels"),
        (lambda x, c: ch16.keep_own(x, c, rule="median"), "median"),
        (lambda x, c: ch16.keep_own(x, c, rule="rounded"), "Don't round"),
        (lambda x, c: ch16.keep_own(x, c, rule="rows"), "rows only"),
        (lambda x, c: ch16.keep_own(x, c, rule="columns"), "columns only"),
        (lambda x, c: ch16.keep_own(x, c, rule="exchanged"), "Rows and columns are exchanged"),
        (lambda x, c: np.where(ch16.keep_own(x, c) > 0, 0, x), "drop the objects of the core"),
        (in_place, "changes the array"),
        (lambda x, c: ch16.keep_own(x, c)[c[0] : c[2], c[1] : c[3]], "shape"),
    ],
)
def test_wrong_owners(function, sentence):
    assert sentence in failure("own_objects", function)


def test_each_rule_gives_another_answer():
    labels, core = ch16.crop()
    rules = (
        *(
            "centre",
            "any",
            "all",
            "box",
            "first",
            "most",
            "median",
            "rounded",
            "rows",
            "columns",
            "exchanged",
        ),
    )
    answers = [ch16.keep_own(labels, core, rule=rule) for rule in rules]
    answers.append(ch16.keep_own(labels, core, closed=True))
    assert len({a.tobytes() for a in answers}) == len(answers)


# --- (4) ------------------------------


def collected(blocks):
    return np.percentile(np.stack(list(blocks)), (1, 99.8))


def of_each(reduce):
    def limits(blocks):
        return reduce(np.array([np.percentile(b, (1, 99.8)) for b in blocks]))

    return limits


def extremes(blocks):
    low, high = 65535, 0
    for b in blocks:
        low, high = min(low, b.min()), max(high, b.max())
    return low, high


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (collected, "the same memory"),
        (of_each(lambda x: x.mean(axis=0)), "average the limits"),
        (of_each(lambda x: np.median(x, axis=0)), "medians"),
        (of_each(lambda x: (x[:, 0].min(), x[:, 1].max())), "extremes"),
        (of_each(lambda x: x[0]), "first block"),
        (extremes, "minimum and maximum"),
        (lambda b: ch16_solution()(b)[::-1], "exchanged"),
        (lambda b: ch16_solution()(b)[0], "shape"),
        (lambda b: (0, 65535), "you give 0 and 65535"),
    ],
)
def test_wrong_limits(function, sentence):
    assert sentence in failure("global_limits", function)


def ch16_solution():
    space = {"np": np}
    for text in CHAPTER.texts("solution", "global_limits"):
        exec(text, space)
    return space["limits"]


# --- (5) ------------------------------


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda g, e, r, a: g.shape == e.shape and np.array_equal(g, e), "absolute tolerance"),
        (lambda g, e, r, a: g.shape == e.shape and bool((np.abs(g - e) <= a).all()), "relative difference"),
        (lambda g, e, r, a: g.shape == e.shape and bool((g - e <= a + r * np.abs(e)).all()), "too small"),
        (
            lambda g, e, r, a: g.shape == e.shape and not (np.abs(g - e) > a + r * np.abs(e)).any(),
            "NaN",
        ),
        (lambda g, e, r, a: g.shape == e.shape and abs((g - e).mean()) < 0.05, "every one must agree"),
        (lambda g, e, r, a: np.allclose(g, np.broadcast_to(e[: len(g)], g.shape), r, a), "another shape"),
        (lambda g, e, r, a: True, "off by 0.5"),
        (lambda g, e, r, a: False, "very same"),
        (lambda g, e, r, a: 7, "True or False"),
        (lambda g, e, r, a: np.abs(g - e) < a, "one number"),
        (lambda g, e, r, a: np.allclose(g, e, r, a), "stretches"),
        (lambda g, e, r, a: g.size == e.size and np.allclose(g.ravel(), e.ravel(), r, a), "(3, 2)"),
        (lambda g, e, r, a: g.shape == e.shape and np.allclose(e, g, r, a), "1105 is accepted"),
        (lambda g, e, r, a: g.shape == e.shape and np.allclose(g, e, r, a, equal_nan=True), "never a right"),
        (lambda g, e, r, a: g.shape == e.shape and np.allclose(g, e, a, r), "905 is refused"),
    ],
)
def test_wrong_comparisons(function, sentence):
    assert sentence in failure("reproduces", function)


def test_numpys_own_comparison_passes():
    def same(got, expected, rtol, atol):
        return got.shape == expected.shape and np.allclose(got, expected, rtol, atol)

    assert check.reproduces.verdict(same).passed


# --- (6) and (7) ------------------------------


def night(caught=Exception, guard_save=True, reason=str):
    def run_folder(paths, segment, save):
        report = {}
        for path in paths:
            try:
                labels = segment(path)
                if guard_save:
                    save(path, labels)
            except caught as error:
                report[path] = reason(error)
                continue
            if not guard_save:
                save(path, labels)
        return report

    return run_folder


def stopping(paths, segment, save):
    for path in paths:
        save(path, segment(path))
    return {}


def ending(paths, segment, save):
    report = {}
    try:
        for path in paths:
            save(path, segment(path))
    except Exception as error:
        report[path] = str(error)
    return report


def saving_before(paths, segment, save):
    report = {}
    for path in paths:
        save(path, None)
        try:
            save(path, segment(path))
        except Exception as error:
            report[path] = str(error)
    return report


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (stopping, "has ended the run"),
        (ending, "go on"),
        (saving_before, "something is saved for it"),
        (night(caught=BaseException), "stop button"),
        (night(caught=ValueError), "has ended the run"),
        (night(guard_save=False), "has ended the run"),
        (night(reason=lambda error: "failed"), "should say what was wrong"),
        (lambda paths, segment, save: None, "returns None"),
        (lambda paths, segment, save: [], "dictionary"),
        (lambda paths, segment, save: night()(paths[:-1], segment, save), "C01.tif failed"),
        (lambda paths, segment, save: night()(paths, segment, save) | {paths[0]: ""}, "A01.tif"),
    ],
)
def test_wrong_nights(function, sentence):
    assert sentence in failure("run_folder", function)


@pytest.mark.parametrize("reason", [str, repr, lambda error: f"failed: {error}", lambda error: error])
def test_a_report_may_have_its_own_words(reason):
    assert check.run_folder.verdict(night(reason=reason)).passed


def way(score=min, order=list):
    def which_way(scores, needed):
        return next((name for name in order(scores) if score(scores[name]) >= needed), "annotate more")

    return which_way


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (way(score=np.mean), "mean hides"),
        (way(score=max), "best draw"),
        (way(score=lambda draws: draws[-1]), "not 'all layers'"),
        (way(score=lambda draws: np.mean(draws) - np.std(draws)), "a draw that fails"),
        (lambda scores, needed: max(scores, key=lambda name: np.mean(scores[name])), "costs less"),
        (
            lambda scores, needed: way()(scores, needed).replace("annotate more", "as it is"),
            "'annotate more'",
        ),
        (way(order=lambda scores: list(scores)[::-1]), "not 'from scratch'"),
        (lambda scores, needed: 2, "as text"),
    ],
)
def test_wrong_ways(function, sentence):
    assert sentence in failure("which_way", function)


def test_the_first_way_that_is_good_enough_passes():
    assert check.which_way.verdict(way()).passed


# --- the container ------------------------------


# --- (8) to (10) ------------------------------


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda *c: ch16.crop_of(*c, rounded="none"), "no multiple of the stride"),
        (lambda *c: ch16.crop_of(*c, rounded="up"), "round the start down"),
        (lambda *c: ch16.crop_of(*c, rounded="nearest"), "round the start down"),
        (lambda *c: ch16.crop_of(*c, rounded="halo"), "no multiple of the stride"),
        (lambda *c: ch16.crop_of(*c, wide=False), "beyond the image"),
        (lambda a, b, h, s, n: ((a - h) // s * s, min(b + h, n)), "before the image"),
        (lambda a, b, h, s, n: (max(a - h, 0) // s * s, b), "too narrow"),
        (lambda a, b, h, s, n: (max(max(a - h, 0) // s * s - s, 0), min(b + h, n)), "earlier than it needs"),
        (lambda a, b, h, s, n: (max(a - h, 0) // s * s, min(-(-(b + h) // s) * s, n)), "needs no rounding"),
        (lambda a, b, h, s, n: a, "crop"),
    ],
)
def test_wrong_crops(function, sentence):
    assert sentence in failure("aligned_crop", function)


def pieces(names, job, size):
    return sorted(names)[job * size :][:size]


def as_listed(names, job, jobs):
    """The right images, in the order in which they were listed."""
    return [name for name in names if sorted(names).index(name) % jobs == job]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda names, job, jobs: names[job::jobs], "sort the names first"),
        (lambda names, job, jobs: sorted(names), "compute it twice"),
        (lambda names, job, jobs: pieces(names, job, len(names) // jobs), "left over"),
        (lambda names, job, jobs: pieces(names, job, -(-len(names) // jobs)), "makes all"),
        (lambda names, job, jobs: sorted(names)[job + 1 :: jobs], "by nobody"),
        (lambda names, job, jobs: sorted(names)[0], "list of names"),
        (lambda names, job, jobs: range(job, len(names), jobs), "list of names"),
        (as_listed, "another order"),
    ],
)  # fmt: skip
def test_wrong_shares(function, sentence):
    assert sentence in failure("array_share", function)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda s, p: ch16._place(s, p, shift=False), "translation is missing"),
        (lambda s, p: ch16._place(s, p, order="wrong"), "micrometres already"),
        (lambda s, p: ch16._place(s, p)[::-1], "exchanged"),
        (lambda s, p: p, "pixels still"),
        (lambda s, p: (0.0, 0.0), "same axis"),
        (lambda s, p: p[0], "place"),
    ],
)
def test_wrong_places(function, sentence):
    assert sentence in failure("place_on_slide", function)


def test_the_package_cuts_as_the_exercise_asks():
    from bioimage_course import large

    for length, block, halo, stride in ((1000, 256, 40, 16), (450, 100, 33, 8)):
        for b in large.blocks((length, length), block, halo, stride):
            core, crop = b.core[1], b.crop[1]
            assert (crop.start, crop.stop) == ch16.crop_of(core.start, core.stop, halo, stride, length)


def test_dockerfile_fits_the_course():
    root = Path(__file__).parents[1]
    lines = (root / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (base,) = [line.split()[1] for line in lines if line.startswith("FROM ")]
    minor = int(re.match(r"python:3\.(\d+)-", base)[1])
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, high = (int(n) for n in re.findall(r"3\.(\d+)", project["requires-python"]))
    assert low <= minor < high
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[2:-1]]
    assert copied and all((root / word).exists() for word in copied)
    (install,) = [line for line in lines if "course.lock" in line and line.startswith("RUN")]
    assert "--require-hashes" in install and "--no-deps" in install
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").split()
    assert ".venv" in ignored and not {"requirements", "src", "notebooks"} & set(ignored)
