"""Exercises of chapter 16, from notebook to laboratory."""

import os
import tempfile
from collections import Counter
from pathlib import Path

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
from bioimage_course.materials.ch16 import shelf

# --- (1) which images to annotate ------------------------------


@exercise(
    chapter="16",
    hints=(
        "If you were to deal the images like cards, one condition after another, who would get the next one, "
        "and what happens to a condition that has run out?",
        "Deal like cards: take one image of each condition, then a second one of each, and so on, until you "
        "have n. A condition that has run out is passed over.",
        "Shuffle the indices of each condition with np.random.default_rng(seed).permutation(…), then loop: "
        "for round in range(len(conditions)): for each condition: if it has more than `round` images, take "
        "number `round`; stop at n.",
    ),
)
def choose_images(choose):
    """Choose n images to annotate, evenly over the conditions."""
    expect_callable(choose)
    conditions = shelf()
    answers = []
    for n, seed in ((6, 0), (6, 0), (6, 1), (6, 2), (6, 3), (12, 0), (7, 0), (24, 0)):
        got = call(choose, conditions, n, seed, pure=True)
        got = expect_array(sorted(got) if isinstance(got, set | frozenset) else got, what="your choice")
        if got.ndim != 1:
            raise Failure(f"Return one list of indices, not an array of shape {got.shape}.")
        _judge_choice(got, conditions, n)
        answers.append(tuple(sorted(got.astype(int).tolist())))
    if answers[0] != answers[1]:
        raise Failure(
            "Called twice with the same seed it chooses differently: use np.random.default_rng(seed)."
        )
    if len(set(answers[1:5])) == 1:
        raise Failure(
            "Whatever the seed, you take the same images: draw at random within each condition, or the first "
            "ones recorded, perhaps of one single plate, are all that the network learns from."
        )
    return (
        "Every condition is in the training set, also the rare one. A network cannot learn what nobody drew."
    )


def _judge_choice(got, conditions, n):
    if got.dtype == bool or (got.size and (got % 1 != 0).any()):
        raise Failure("Return the indices of the chosen images, whole numbers such as [3, 15, 21].")
    if len(got) != n:
        raise Failure(f"{n} images were asked for; you chose {len(got)}.")
    if got.size and (got.min() < 0 or got.max() >= len(conditions)):
        raise Failure(f"The images have the indices 0 to {len(conditions) - 1}; you chose {got.max()}.")
    if len(set(got.tolist())) != n:
        raise Failure("An image is in your choice twice.")
    counts = Counter(conditions[int(i)] for i in got)
    sizes = Counter(conditions)
    words = ", ".join(f"{counts[c]} {c}" for c in sizes)
    for poor in sizes:
        for rich in sizes:
            if counts[rich] > counts[poor] + 1 and counts[poor] < sizes[poor]:
                if sorted(got.tolist()) == list(range(n)):
                    raise Failure(
                        f"You take the first {n} images ({words}): they were all recorded at the start."
                    )
                raise Failure(
                    f"Of {n} images you take {words}; there is another of {poor}, so take it before the "
                    f"{counts[rich]}th of {rich}."
                )


# --- (2) whose object is it? ------------------------------


def crop():
    """Label image of a crop, 40 × 48 pixels, and its core as (top, left, bottom, right).

    Returns
    -------
    labels : array of int
    core : tuple of int
    """
    labels = np.zeros((40, 48), int)
    labels[3:9, 20:26] = 9  # wholly in the halo
    labels[6:13, 30:36] = 4  # reaches into the core, centre (9, 32.5) in the halo
    labels[18:25, 15:22] = 2  # inside
    labels[8:14, 12:17] = 7  # reaches out of the core, centre (10.5, 14) inside
    labels[26:33, 8:13] = 5  # centre in the core's last row and exactly in its first column
    labels[27:34, 22:29] = 3  # centre (30, 25): exactly on the core's end, belongs to the neighbour below
    labels[15:20, 34:43] = 6  # an L: its bounding box and its centre disagree
    labels[15:27, 34:37] = 6
    labels[27:33, 30:34] = 10  # centre in row 29.8: inside, but rounded it is 30
    labels[32, 34:37] = 10
    # A body outside with a long tail: its centre is inside, its median and most of its pixels are not.
    labels[10:15, 38:43] = 12
    labels[14, 20:38] = 12
    labels[12:16, 2:7] = 13  # rows inside, columns not
    labels[9:12, 24:27] = 14  # centre exactly in the core's first row
    labels[22:25, 37:40] = 15  # centre exactly on the core's end, belongs to the neighbour on the right
    return labels, (10, 10, 30, 38)


def keep_own(labels, core, *, rule="centre", closed=False, renumber=False):
    """What the learner is to write, with the usual mistakes built in."""
    top, left, bottom, right = core
    kept = np.zeros_like(labels)
    new = 0
    for number in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == number)
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        centre = rows.mean(), columns.mean()
        if rule == "box":
            centre = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        if rule == "first":
            centre = rows[0], columns[0]
        if rule == "median":
            centre = np.median(rows), np.median(columns)
        if rule == "rounded":
            centre = np.round(centre)
        if rule == "rows":
            centre = centre[0], left
        if rule == "columns":
            centre = top, centre[1]
        if rule == "exchanged":
            centre = centre[::-1]
        ends = (bottom, right) if not closed else (bottom + 1e-9, right + 1e-9)
        in_core = top <= centre[0] < ends[0] and left <= centre[1] < ends[1]
        whole = {"any": inside.any(), "all": inside.all(), "most": inside.mean() >= 0.5}
        mine = whole.get(rule, in_core)
        if mine:
            new += 1
            kept[labels == number] = new if renumber else number
    return kept


@exercise(
    chapter="16",
    hints=(
        "Which single point of an object lies in one block only, whatever the two blocks see? And if it lies "
        "exactly on the line, whose is it?",
        "For each number in np.unique(labels), 0 left out: rows, columns = np.nonzero(labels == number); the "
        "centre is (rows.mean(), columns.mean()).",
        "Keep the object if top <= row < bottom and left <= column < right: with < at the end, so that a "
        "centre on the line belongs to one block only. Keep all of it, also what lies in the halo.",
    ),
)
def own_objects(keep):
    """Of the objects in a crop keep, whole, those whose centre lies in the core."""
    expect_callable(keep)
    labels, (top, left, bottom, right) = crop()
    _judge_own(keep, labels, (top, left, bottom, right))
    numbers = np.arange(labels.max() + 1)
    numbers[[2, 12, 1]] = 40, 1, 12  # another crop: rows are columns, and first and last number are kept
    _judge_own(keep, numbers[labels.T], (left, top, right, bottom))
    empty = call(keep, np.zeros_like(labels), (top, left, bottom, right))
    expect_array(empty, close_to=np.zeros_like(labels), what="your label image of an empty crop")
    return "Every object has one centre, and every centre lies in one core: nothing twice, nothing lost."


def _judge_own(keep, labels, core):
    """Compare what is kept of one crop, and name the usual reason if it is something else."""
    right = keep_own(labels, core)
    top, left, bottom, end = core
    cut = np.zeros_like(labels)
    cut[top:bottom, left:end] = labels[top:bottom, left:end]
    cut_kept = np.where(cut > 0, right, 0)
    got = call(keep, labels, core, pure=True)
    _judge_numbers(got, right)
    expect_array(
        got,
        close_to=right,
        what="your label image",
        mistakes={
            "You cut the objects at the edge of the core: that is the seam. Keep an object whole.": cut,
            "The right objects, but cut at the edge of the core: keep what reaches into the halo, "
            "too.": cut_kept,
            "You keep every object that reaches into the core: the neighbour keeps it as well, and it is "
            "counted "
            "twice.": keep_own(labels, core, rule="any"),
            "You keep only objects that lie wholly in the core: those on the line are kept by "
            "nobody.": keep_own(labels, core, rule="all"),
            "A centre exactly on the core's end belongs to the next block: use < bottom and < "
            "right.": keep_own(labels, core, closed=True),
            "You take the middle of the bounding box. That works too if everybody does, but here the "
            "centre is "
            "the mean of the pixels.": keep_own(labels, core, rule="box"),
            "The first pixel decides in your function; take the mean of all pixels.": keep_own(
                labels, core, rule="first"
            ),
            "Most of an object's pixels decide in your function; here its centre does, the mean of their "
            "rows "
            "and columns.": keep_own(labels, core, rule="most"),
            "You take the median of rows and columns; the centre is their mean.": keep_own(
                labels, core, rule="median"
            ),
            "Don't round the centre: at 29.8 it lies in a core that ends at 30.": keep_own(
                labels, core, rule="rounded"
            ),
            "You look at the rows only; the columns must lie in the core as well.": keep_own(
                labels, core, rule="rows"
            ),
            "You look at the columns only; the rows must lie in the core as well.": keep_own(
                labels, core, rule="columns"
            ),
            "Rows and columns are exchanged: top and bottom are rows, left and right are columns.": keep_own(
                labels, core, rule="exchanged"
            ),
            "You drop the objects of the core and keep the others.": np.where(right > 0, 0, labels),
        },
    )


def _judge_numbers(got, right):
    """Refuse the right objects under other numbers."""
    if np.shape(got) != right.shape or not isinstance(got, np.ndarray) or got.dtype.kind not in "iu":
        return
    if np.array_equal(got > 0, right > 0) and not np.array_equal(got, right):
        pairs = np.unique(np.stack([got[right > 0], right[right > 0]]), axis=1)
        if pairs.shape[1] == np.unique(pairs[1]).size:
            raise Failure("You renumber the objects; here each keeps its number.")


# --- (3) one scale for the whole image ------------------------------


def _scan(seed=5):
    """Blocks of an image of uint16: dim and bright ones, and one that is empty."""
    rng = np.random.default_rng(seed)
    image = rng.normal(400, 25, (6, 32, 32))
    for k, (share, level) in enumerate(
        zip((0.3, 0, 0.5, 0.1, 0.02, 0.4), (300, 0, 2300, 1100, 1500, 700), strict=True)
    ):
        bright = rng.random((32, 32)) < share
        image[k][bright] += rng.normal(level, 40, bright.sum())
    return np.clip(np.rint(image), 0, 65535).astype(np.uint16)


def _camera(scan):
    """Yield block after block in the same memory, as a camera's buffer does."""
    buffer = np.zeros_like(scan[0])
    for block in scan:
        buffer[:] = block
        yield buffer


@exercise(
    chapter="16",
    hints=(
        "Which numbers do you have to remember of a block that you will not see again, if all that counts in "
        "the end is how often each grey value occurs?",
        "Count instead of collecting: counts = np.zeros(65536, int), and for each block counts += "
        "np.bincount(block.ravel(), minlength=65536).",
        "With cumulative = np.cumsum(counts), the percentile p is the first grey value at which cumulative "
        "exceeds p / 100 * (number of pixels - 1): np.searchsorted(cumulative, place, side='right').",
    ),
)
def global_limits(limits):
    """Percentiles 1 and 99.8 of an image that comes block by block."""
    expect_callable(limits)
    for seed in (5, 6):
        scan = _scan(seed)
        right = np.percentile(scan, (1, 99.8))
        each = np.percentile(scan, (1, 99.8), axis=(1, 2))
        got = expect_array(
            call(limits, _camera(scan)), shape=(2,), dtype="number", what="your pair of limits"
        )
        lower, higher = (np.percentile(scan, (1, 99.8), method=m) for m in ("lower", "higher"))
        if np.all((got >= lower - 1.5) & (got <= higher + 1.5)):  # ways to interpolate differ
            continue
        wrong = {
            "You average the limits of the blocks. An empty block then counts as much as a full one; "
            "count the "
            "grey values of all blocks together.": each.mean(axis=1),
            "You take the medians of the blocks' limits; count the grey values of all blocks "
            "together.": np.median(each, axis=1),
            "You take the extremes of the blocks' limits: one bright block decides for all. Count the grey "
            "values of all blocks together.": (each[0].min(), each[1].max()),
            "These are minimum and maximum: one hot pixel decides. Wanted are the percentiles 1 and 99.8.": (
                scan.min(),
                scan.max(),
            ),
            "These are the limits of the last block alone. If you collected the blocks in a list: they "
            "come in "
            "the same memory, like a camera's pictures, so each one must be dealt with as it comes.": each[
                :, -1
            ],
            "These are the limits of the first block alone.": each[:, 0],
            "The two limits are exchanged: first the percentile 1, then 99.8.": right[::-1],
        }
        for sentence, values in wrong.items():
            if np.all(np.abs(got - np.asarray(values, float)) <= 1.5):
                raise Failure(sentence)
        raise Failure(
            f"For a scan with the limits {right[0]:.0f} and {right[1]:.0f} you give {got[0]:.0f} and "
            f"{got[1]:.0f}."
        )
    return "The same limits as those of the whole image, and never more than one block in memory."


# --- (4) whole or not at all ------------------------------


class _PowerCut(Exception):
    pass


@exercise(
    chapter="16",
    hints=(
        "Which name may a file have as long as it is not complete? And which operation on a file is a single "
        "step?",
        "If path.exists(), return False at once. Otherwise let write() work on another name in the same "
        "folder, for example path.with_name(path.name + '.unfinished').",
        "When write has come back without an error, os.replace(temporary, path) gives the file its real name "
        "in one step. Then return True.",
    ),
)
def save_once(save):
    """Write a file whole or not at all, and only if it is not there yet."""
    expect_callable(save)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        _first_time(save, folder)
        _power_cut(save, folder)
    return "A file that is there is complete. So a rerun may trust it, and a crash costs one block at most."


def _first_time(save, folder):
    path, seen = folder / "block-1.txt", []

    def write(target):
        seen.append(Path(target))
        Path(target).write_text("complete")
        _second_name(Path(target), other / "what-was-written")

    with tempfile.TemporaryDirectory(dir=folder.parent) as other:
        other = Path(other)
        first = call(save, path, write)
        kept = other / "what-was-written"
        copied = kept.exists() and path.exists() and not path.samefile(kept)
    if not seen:
        raise Failure("There is no file yet, but you never call write(…).")
    if not path.exists():
        raise Failure(
            f"After the call there is no file of the name it was given; you wrote to {seen[0].name}."
        )
    if path.read_text() != "complete":
        raise Failure("The file is there, but it does not hold what write(…) wrote.")
    left = [p.name for p in folder.iterdir() if p != path]
    if left:
        raise Failure(f"A file is left over: {left[0]}. Rename it with os.replace(…) instead of copying.")
    if copied:
        raise Failure(
            "You copy the finished file: a crash while copying leaves half of it under the final name. "
            "Rename "
            "the temporary file with os.replace(…), which is one step."
        )
    second = call(save, path, write)
    if len(seen) > 1:
        raise Failure(
            "The file was there already, and you computed it again: look first whether path.exists()."
        )
    answers = [expect_truth(answer, "what you return") for answer in (first, second)]
    if answers != [True, False]:
        raise Failure("Return True if the file was written just now, and False if it was there already.")
    if seen[0] == path:
        raise Failure(
            "You let write(…) work on the final name. If the process dies half-way, half a file lies "
            "there, and "
            "the rerun takes it for a finished one. Write under another name, then rename."
        )
    if seen[0].parent != folder:
        raise Failure(
            "Your temporary file lies in another folder, perhaps on another disk, where renaming is "
            "copying: put "
            "it beside the final one, for example by path.with_name(…)."
        )


def _second_name(path, name):
    """Give a file a second name, so that it can be recognised later; some disks cannot."""
    try:
        os.link(path, name)
    except OSError:
        pass


def _power_cut(save, folder):
    path, calls = folder / "block-2.txt", []

    def dies(target):
        Path(target).write_text("comp")
        raise _PowerCut

    def write(target):
        calls.append(target)
        Path(target).write_text("complete")

    try:
        save(path, dies)
    except _PowerCut:
        pass
    else:
        raise Failure(
            "An error in write(…) must not be swallowed: somebody has to know that the block failed."
        )
    if path.exists():
        raise Failure(
            "write(…) died half-way, and yet there is a file of the final name: it holds half of it."
        )
    again = call(save, path, write)
    if (
        not calls
        or not expect_truth(again, "what you return")
        or not path.exists()
        or path.read_text() != "complete"
    ):
        raise Failure("After a crash the second attempt does not give the complete file.")


# --- (5) does it still do the same? ------------------------------


@exercise(
    chapter="16",
    hints=(
        "What would a mean of the differences hide? And what do NaN and a shape of one row less do to a "
        "comparison number by number?",
        "First the shapes: if they differ, the answer is False. Then |got − expected| ≤ atol + "
        "rtol·|expected| "
        "for every number.",
        "NaN compares as False with everything: ask whether all differences are small, not whether none is "
        "large. np.allclose(got, expected, rtol, atol) does that, but it stretches shapes that differ.",
    ),
)
def reproduces(same):
    """Say whether a model gives its test outputs again, within a tolerance."""
    expect_callable(same)
    expected = np.array([[1.0, -200.0, 0.0], [3.0, 0.5, 40.0]])
    noise = np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
    cases = [
        (expected, True, "The very same numbers are not recognised."),
        (
            expected + 4e-4 * noise,
            True,
            "Differences below the absolute tolerance are refused; another processor adds up in another "
            "order.",
        ),
        (
            expected * (1 + 4e-4 * noise),
            True,
            "A relative difference of 0.0004 is refused where 0.001 is allowed: add rtol · |expected| to "
            "atol.",
        ),
        (expected + 0.5, False, "Numbers that are off by 0.5 are accepted."),
        (expected - 0.5, False, "Numbers that are too small are accepted: take the absolute difference."),
        (
            np.where(expected == 0.5, 0.6, expected),
            False,
            "One number of six is wrong and you accept it: every one must agree, the mean of the "
            "differences is "
            "not enough.",
        ),
        (
            np.where(expected == 0.5, np.nan, expected),
            False,
            "The output holds NaN and you accept it: NaN > tolerance is False. Ask whether all are small.",
        ),
        (expected[:1], False, "An output of another shape is accepted: (1, 3) instead of (2, 3)."),
        (
            expected[:, :1] * np.ones((2, 1)),
            False,
            "An output of another shape is accepted: (2, 1) instead of (2, 3).",
        ),
    ]
    rows = np.ones((2, 3))
    for got, wanted, sentence in (
        (rows[:1], rows, "One row is accepted where two equal ones are expected: NumPy stretches it."),
        (rows.T.copy(), rows, "An output of shape (3, 2) is accepted instead of (2, 3)."),
        (rows.ravel(), rows, "A flat list of six numbers is accepted instead of two rows of three."),
        (rows[None], rows, "An output with one axis more, (1, 2, 3) instead of (2, 3), is accepted."),
        (rows * np.nan, rows * np.nan, "NaN is accepted where NaN was stored; it is never a right answer."),
    ):
        cases.append((got, False, sentence, wanted))
    for case in cases:
        got, right, sentence, wanted = case if len(case) == 4 else (*case, expected)
        _judge_comparison(call(same, got, wanted, 1e-3, 1e-3, pure=True), right, sentence)
    thousand = np.array([1000.0])
    for difference, right, sentence in (
        (
            105.0,
            False,
            "1105 is accepted for 1000 with rtol = 0.1: the tolerance is a share of what was expected.",
        ),
        (
            -95.0,
            True,
            "905 is refused for 1000 with rtol = 0.1: the tolerance is a share of what was expected.",
        ),
    ):
        _judge_comparison(call(same, thousand + difference, thousand, 0.1, 1e-3, pure=True), right, sentence)
    for difference, atol, right in ((0.4, 0.5, True), (0.6, 0.5, False), (0.0, 0.0, True)):
        sentence = f"With rtol = 0 and atol = {atol} a difference of {difference} must be {right}."
        _judge_comparison(call(same, thousand + difference, thousand, 0.0, atol, pure=True), right, sentence)
    return "Small differences pass, a wrong number, a NaN or another shape does not. That is a model's test."


def _judge_comparison(answer, right, sentence):
    answer = expect_number(answer, what="your answer")
    if answer not in (0, 1):
        raise Failure(f"Return True or False, not {answer:g}.")
    if bool(answer) != right:
        raise Failure(sentence)


# --- (6) one broken file stops nothing ------------------------------


@exercise(
    chapter="16",
    hints=(
        "What must happen to the files after a broken one, and how does the person who comes back on Monday "
        "learn which one it was?",
        "Put both calls, segment(path) and save(path, labels), into try … except Exception as error, inside "
        "the loop; note str(error) under the path, and go on.",
    ),
)
def run_folder(function):
    """Segment every file of a list, whatever is wrong with some of them, and report what was wrong."""
    expect_callable(function)
    paths = [Path(f"plate/{name}.tif") for name in ("A01", "A02", "B01", "B02", "C01")]
    broken = {paths[1]: ValueError("the copy was interrupted"), paths[4]: OSError("no such disk")}
    report, saved, _ = _night(function, paths, broken, {})
    _judge_night(report, saved, paths, broken)
    full = {paths[2]: OSError("disk full")}
    report, saved, _ = _night(function, paths, {}, full)
    if paths[2] not in report:
        raise Failure("A result that could not be saved is missing in your report: save(…) may fail as well.")
    _judge_night(report, saved, paths, full)
    report, saved, _ = _night(function, paths, {}, {})
    if report:
        raise Failure(f"Nothing was wrong, and yet your report names {next(iter(report)).name}.")
    _judge_night(report, saved, paths, {})
    try:
        _, _, tried = _night(function, paths, {paths[1]: KeyboardInterrupt()}, {})
    except KeyboardInterrupt:
        pass
    else:
        raise Failure(
            f"Somebody pressed the stop button at the second file, and you went on with {tried} files: catch "
            "`Exception`, which leaves that one through, instead of everything."
        )
    return (
        "Every good file is done, every broken one is named with its reason, and the stop button still stops."
    )


def _night(function, paths, broken, unsaved):
    """Run the learner's function; returns its report, what was saved, and how many files were tried."""
    saved, tried = {}, []

    def segment(path):
        tried.append(path)
        if path in broken:
            raise broken[path]
        return f"labels of {path.name}"

    def save(path, labels):
        if path in unsaved:
            raise unsaved[path]
        saved[path] = labels

    try:
        report = function(list(paths), segment, save)
    except (KeyboardInterrupt, NotImplementedError, Failure):
        raise
    except Exception as error:
        if error in (*broken.values(), *unsaved.values()):
            raise Failure(
                f"One broken file ({type(error).__name__}: {error}) has ended the run: catch the error "
                f"inside the "
                "loop."
            ) from None
        raise
    if report is None:
        raise Failure("Your function returns None; return the report, a dictionary of path and problem.")
    if not isinstance(report, dict):
        raise Failure(
            "The report must be a dictionary: the path of each file that failed, and what was wrong."
        )
    return report, saved, len(tried)


def _judge_night(report, saved, paths, broken):
    for path in paths:
        if path in broken:
            if path in saved:
                raise Failure(f"{path.name} failed, and yet something is saved for it.")
            if path not in report:
                raise Failure(f"{path.name} failed; it is missing in your report.")
            if str(broken[path]) not in str(report[path]):
                raise Failure(f"The report on {path.name} should say what was wrong: “{broken[path]}”.")
        elif path not in saved:
            raise Failure(f"{path.name} is a good file, but it was not saved: after a broken one, go on.")
        elif saved[path] != f"labels of {path.name}":
            raise Failure(f"For {path.name} you saved something else than its labels.")
        elif path in report:
            raise Failure(f"Nothing was wrong with {path.name}, and yet your report names it.")


# --- (7) use it, fine-tune it, or train it? ------------------------------

WAYS = ("as it is", "last layer", "all layers", "from scratch")
"""What can be done with a pretrained network, in the order of effort."""


@exercise(
    chapter="16",
    hints=(
        "In which order would you try the four, if each costs more than the one before? And which of its "
        "draws "
        "will your own images be: the best one, an average one, or perhaps the worst?",
        "Go through scores in its order; return the first name whose smallest score is at least `needed`, "
        "and "
        "'annotate more' if there is none.",
    ),
)
def which_way(function):
    """Write which of four ways to take, from validation scores of several draws."""
    expect_callable(function)
    for scores, needed, right, words in (
        ([[0.91, 0.90], [0.93, 0.92], [0.95, 0.94], [0.96, 0.95]], 0.90, "as it is", "good enough as it is"),
        (
            [[0.59, 0.59], [0.79, 0.78], [0.80, 0.81], [0.79, 0.77]],
            0.78,
            "last layer",
            "with a good last layer",
        ),
        (
            [[0.59, 0.59], [0.70, 0.71], [0.76, 0.60], [0.71, 0.60]],
            0.75,
            "annotate more",
            "of which none suffices",
        ),
        (
            [[0.58, 0.59, 0.59], [0.70, 0.71, 0.70], [0.95, 0.74, 0.96], [0.80, 0.79, 0.81]],
            0.75,
            "from scratch",
            "with one unlucky draw",
        ),
        (
            [[0.59, 0.59], [0.74, 0.70], [0.82, 0.81], [0.90, 0.89]],
            0.75,
            "all layers",
            "with a weak last layer",
        ),
    ):
        table = dict(zip(WAYS, scores, strict=True))
        got = call(function, table, needed, pure=True)
        if not isinstance(got, str) or got not in (*WAYS, "annotate more"):
            raise Failure(f"Return one of {', '.join(WAYS)} or annotate more, as text; you return {got!r}.")
        if got == right:
            continue
        told = f"For a network {words} ({needed:.2f} needed) the answer is {right!r}, not {got!r}."
        best = max(table, key=lambda way: np.mean(table[way]))
        enough = [way for way in WAYS if np.mean(table[way]) >= needed]
        lucky = [way for way in WAYS if max(table[way]) >= needed]
        if got in enough[:1] and min(table[got]) < needed:
            told += " The mean hides a draw that fails; your own images may be that draw."
        elif got in lucky[:1] and min(table[got]) < needed:
            told += " Its best draw is good enough, its worst is not."
        elif got == best:
            told += " It has the best score, but something that costs less is good enough."
        raise Failure(told)
    return "You take the first way that is good enough in every draw, and more images if none is."


# --- (8) where does a crop start? ------------------------------


def crop_of(start, stop, halo, stride, length, *, rounded="down", wide=True):
    """What the learner is to write for one axis, with the usual mistakes built in."""
    first = max(start - halo, 0)
    if rounded == "up":
        first = -(-first // stride) * stride
    elif rounded == "down":
        first = first // stride * stride
    elif rounded == "nearest":
        first = round(first / stride) * stride
    elif rounded == "halo":  # the halo is made a multiple, the start is none
        first = max(start - -(-halo // stride) * stride, 0)
    return first, min(stop + halo, length) if wide else stop + halo


@exercise(
    chapter="16",
    hints=(
        "At which pixels may a crop begin, so that the network's poolings fall where they fall in the whole "
        "image? And if the wished start lies between two of them, on which side is the halo wide enough?",
        "first = start − halo, but not below 0; then down to a multiple of the stride. Whole-number division "
        "helps: n // stride counts the multiples that fit. The end is stop + halo, but not beyond the image.",
    ),
)
def aligned_crop(function):
    """Where the crop of a block begins and ends, along one axis, for a network that pools."""
    expect_callable(function)
    cases = [
        (0, 256, 40, 16, 1000),
        (256, 512, 40, 16, 1000),
        (768, 1000, 40, 16, 1000),
        (300, 400, 33, 8, 450),
    ]
    cases += [
        (512, 768, 64, 16, 2000),
        (16, 32, 5, 16, 200),
        (100, 200, 7, 1, 1000),
        (0, 99, 7, 1, 1000),
        (64, 128, 130, 32, 140),
    ]
    for case in cases:
        got = call(function, *case, pure=True)
        got = expect_array(got, shape=(2,), what="the crop")
        right = crop_of(*case)
        if tuple(got.astype(float).tolist()) == right:
            continue
        start, stop, halo, stride, length = case
        asked = f"For pixels {start} to {stop}, a halo of {halo} and a stride of {stride} in {length} pixels"
        first, last = (float(n) for n in got)
        if first < 0:
            reason = "the crop begins before the image does."
        elif last > length:
            reason = "the crop ends beyond the image."
        elif first % stride:
            reason = f"{first:g} is no multiple of the stride: the network pools other groups of pixels."
        elif first > max(start - halo, 0):
            reason = f"the halo before the block has {start - first:g} pixels only: round the start down."
        elif first < right[0]:
            reason = f"the crop begins {right[0] - first:g} pixels earlier than it needs to."
        elif last < right[1]:
            reason = f"the halo behind the block is too narrow: the crop ends at {last:g}."
        else:
            reason = f"the end needs no rounding: {right[1]} is enough, not {last:g}."
        raise Failure(f"{asked} you return ({first:g}, {last:g}): {reason}")
    return "Every crop starts where the pooling grid does, and no halo is narrower than asked for."


# --- (9) which images are mine? ------------------------------


@exercise(
    chapter="16",
    hints=(
        "Two jobs on two nodes each make a list of the folder. Are the lists in the same order? And what has "
        "to be true of all shares together?",
        "Sort first, by name; then take every jobs-th image, beginning with number `job`.",
    ),
)
def array_share(function):
    """Which images of a folder a job of a job array takes."""
    expect_callable(function)
    rng = np.random.default_rng(4)
    for count, jobs in ((10, 3), (12, 4), (7, 7), (3, 5), (1, 1), (100, 8)):
        names = [f"well-{n:03d}.tif" for n in range(count)]
        shares = []
        for job in range(jobs):
            listed = [
                names[i] for i in rng.permutation(count)
            ]  # every node lists the folder in its own order
            got = call(function, listed, job, jobs, pure=True)
            if isinstance(got, str) or not hasattr(got, "__len__") or any(name not in names for name in got):
                raise Failure("Return a list of names out of those that were given.")
            shares.append([str(name) for name in got])
        _judge_shares(shares, names, jobs)
    again = [call(function, list(order), 1, 3, pure=True) for order in (names, names[::-1])]
    if list(again[0]) != list(again[1]):
        raise Failure(
            "Asked twice, a job takes other images, or the same in another order: a job that starts again "
            "must find its own results. Sort, and draw nothing."
        )
    return "Every image has one job, and a job that is started again finds what it had done."


def _judge_shares(shares, names, jobs):
    taken = Counter(name for share in shares for name in share)
    asked = f"{len(names)} images, {jobs} jobs: "
    lost = [name for name in names if not taken[name]]
    if lost and any(n > 1 for n in taken.values()):
        raise Failure(
            f"{asked}some images are taken twice and {len(lost)} by nobody. The nodes list the folder in "
            "different orders: sort the names first."
        )
    if lost:
        raise Failure(
            f"{asked}{len(lost)} are taken by nobody, such as {lost[-1]}: what is left over counts too."
        )
    twice = [name for name, n in taken.items() if n > 1]
    if twice:
        raise Failure(f"{asked}{twice[0]} is taken by {taken[twice[0]]} jobs, which compute it twice.")
    sizes = [len(share) for share in shares]
    if max(sizes) - min(sizes) > 1:
        raise Failure(
            f"{asked}the shares have {min(sizes)} to {max(sizes)} images: the largest one makes all wait."
        )


# --- (10) where on the slide? ------------------------------


def _place(steps, pixel, *, order="right", shift=True):
    scale = next((step["scale"] for step in steps if step["type"] == "scale"), [1.0, 1.0])
    moved = next((step["translation"] for step in steps if step["type"] == "translation"), [0.0, 0.0])
    moved = moved if shift else [0.0, 0.0]
    if order == "wrong":
        return tuple((n + m) * s for n, m, s in zip(pixel, moved, scale, strict=True))
    return tuple(n * s + m for n, m, s in zip(pixel, moved, scale, strict=True))


@exercise(
    chapter="16",
    hints=(
        "A pixel has a number, the slide has a length in micrometres. Which of the two steps turns one into "
        "the other, and which one only moves it?",
        "Go through the steps in their order: a scale multiplies row and column, a translation is added. A "
        "level without translation begins at 0.",
    ),
)
def place_on_slide(function):
    """Where a pixel lies, in the units of the file, from the coordinate transformations of its level."""
    expect_callable(function)
    scale = {"type": "scale", "scale": [0.5, 0.25]}
    moved = {"type": "translation", "translation": [100.0, 40.0]}
    for steps, pixel in (
        ([scale], (10, 8)),
        ([scale, moved], (10, 8)),
        ([scale, moved], (0, 0)),
        (
            [{"type": "scale", "scale": [4.0, 4.0]}, {"type": "translation", "translation": [1.5, 1.5]}],
            (3, 7),
        ),
    ):
        got = call(function, steps, pixel, pure=True)
        got = expect_array(got, shape=(2,), what="the place")
        if np.allclose(got, _place(steps, pixel)):
            continue
        words = " and ".join(step["type"] for step in steps)
        told = f"Pixel {pixel} of a level with {words} {[list(s.values())[1] for s in steps]}: you return "
        told += f"({got[0]:g}, {got[1]:g}). "
        if np.allclose(got, _place(steps, pixel, shift=False)):
            told += "The translation is missing: the level does not begin at the slide's corner."
        elif np.allclose(got, _place(steps, pixel, order="wrong")):
            told += "The translation is in micrometres already: scale first, then add."
        elif np.allclose(got, _place(steps, pixel)[::-1]):
            told += "Row and column are exchanged."
        elif np.allclose(got, pixel):
            told += "These are pixels still."
        else:
            told += "Multiply by the scale of the same axis, then add its translation."
        raise Failure(told)
    return "With this, objects of any level, and of any file, lie where they lie on the slide."
