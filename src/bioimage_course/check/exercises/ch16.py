"""Exercises of chapter 16, from notebook to laboratory."""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number

# --- (1) which images to annotate ------------------------------


def shelf():
    """Conditions of 24 images in the order of recording: three kinds, of very unequal number.

    Returns
    -------
    list of str
    """
    return ["control"] * 14 + ["drug A"] * 7 + ["drug B"] * 3


@exercise(
    chapter="16",
    hints=(
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
        got = expect_array(call(choose, conditions, n, seed, pure=True), what="your choice")
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
    labels[26:33, 8:13] = 5  # centre exactly at the lower edge: row 29 … inside; see below
    labels[27:34, 22:29] = 3  # centre (30, 25): exactly on the core's end, belongs to the neighbour below
    labels[15:20, 34:43] = 6  # an L: its bounding box and its centre disagree
    labels[15:27, 34:37] = 6
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
        ends = (bottom, right) if not closed else (bottom + 1e-9, right + 1e-9)
        in_core = top <= centre[0] < ends[0] and left <= centre[1] < ends[1]
        mine = {"any": inside.any(), "all": inside.all()}.get(rule, in_core)
        if mine:
            new += 1
            kept[labels == number] = new if renumber else number
    return kept


@exercise(
    chapter="16",
    hints=(
        "For each number in np.unique(labels), 0 left out: rows, columns = np.nonzero(labels == number); the "
        "centre is (rows.mean(), columns.mean()).",
        "Keep the object if top <= row < bottom and left <= column < right: with < at the end, so that a "
        "centre on the line belongs to one block only. Keep all of it, also what lies in the halo.",
    ),
)
def own_objects(keep):
    """Of the objects in a crop keep, whole, those whose centre lies in the core."""
    expect_callable(keep)
    labels, core = crop()
    right = keep_own(labels, core)
    top, left, bottom, end = core
    cut = np.zeros_like(labels)
    cut[top:bottom, left:end] = labels[top:bottom, left:end]
    cut_kept = np.where(cut > 0, right, 0)
    expect_array(
        call(keep, labels, core, pure=True),
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
            "You renumber the objects; here each keeps its number.": keep_own(labels, core, renumber=True),
            "You drop the objects of the core and keep the others.": np.where(right > 0, 0, labels),
        },
    )
    empty = call(keep, np.zeros_like(labels), core)
    expect_array(empty, close_to=np.zeros_like(labels), what="your label image of an empty crop")
    return "Every object has one centre, and every centre lies in one core: nothing twice, nothing lost."


# --- (3) one scale for the whole image ------------------------------


def _scan(seed=5):
    """Blocks of an image of uint16: dim and bright ones, and one that is empty."""
    rng = np.random.default_rng(seed)
    image = rng.normal(110, 3, (6, 32, 32))
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

    first = call(save, path, write)
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
    second = call(save, path, write)
    if len(seen) > 1:
        raise Failure(
            "The file was there already, and you computed it again: look first whether path.exists()."
        )
    if first is not True or second is not False:
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
    if not calls or again is not True or not path.exists() or path.read_text() != "complete":
        raise Failure("After a crash the second attempt does not give the complete file.")


# --- (5) does it still do the same? ------------------------------


@exercise(
    chapter="16",
    hints=(
        "First the shapes: if they differ, the answer is False. Then |got − expected| ≤ atol + "
        "rtol·|expected| "
        "for every number.",
        "NaN compares as False with everything: ask whether all differences are small, not whether none is "
        "large. np.allclose(got, expected, rtol, atol) does it.",
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
    for got, right, sentence in cases:
        answer = expect_number(call(same, got, expected, 1e-3, 1e-3, pure=True), what="your answer")
        if answer not in (0, 1):
            raise Failure(f"Return True or False, not {answer:g}.")
        if bool(answer) != right:
            raise Failure(sentence)
    return "Small differences pass, a wrong number, a NaN or another shape does not. That is a model's test."
