"""Exercises of chapter 9, From pixels to objects."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_labels,
    expect_number,
)
from bioimage_course.materials.ch09 import between_class_variance, six_objects

# --- (1) Otsu's threshold ------------------------------


def _histograms():
    rng = np.random.default_rng(9)
    two = np.concatenate([rng.normal(60, 12, 5000), rng.normal(160, 20, 2000)])
    uneven = np.concatenate([rng.normal(30, 5, 9000), rng.normal(90, 25, 700)])
    for name, sample in (("two equal hills", two), ("a small hill beside a large one", uneven)):
        yield name, np.bincount(sample.round().clip(0, 255).astype(int), minlength=256)
    yield "a histogram of eight bins", np.array([0, 5, 9, 2, 0, 1, 6, 3])
    yield "two hills with an empty gap", np.array([4, 9, 5, 0, 0, 0, 3, 6, 2])
    yield "a histogram that begins and ends with empty bins", np.array([0, 0, 0, 7, 3, 1, 2, 5, 0, 0])
    yield "a histogram with one dark pixel", np.array([0, 1, 0, 0, 9])
    yield "a histogram with one bright pixel", np.array([0, 9, 0, 0, 1])
    yield "a histogram that is highest at 0", np.array([8, 2, 1])
    yield "a histogram that is highest at its end", np.array([1, 2, 8])


@exercise(
    chapter="09",
    hints=(
        "If the threshold is t, which entries of counts belong to the dark class, which to the bright "
        "one? How "
        "many pixels are that, and what is the sum of their grey values?",
        "The classes are counts[: t + 1] and counts[t + 1 :]. Share of each class: its number of pixels "
        "by all "
        "pixels. Mean of each class: sum of (grey value × count) by its number of pixels.",
        "Loop over t, skip thresholds where a class is empty, compute share_below * share_above * "
        "(mean_below - "
        "mean_above) ** 2, and keep the t for which it is largest.",
    ),
)
def otsu(otsu_threshold):
    """Find Otsu's threshold from a histogram: the one that sets the two classes farthest apart."""
    expect_callable(otsu_threshold)
    for name, counts in _histograms():
        spread = between_class_variance(counts)
        right = int(spread.argmax())
        answer = call(otsu_threshold, counts, pure=True)
        _name_the_empty_class(answer, counts)
        found = expect_number(answer, what=f"your threshold for {name}")
        best = np.flatnonzero(spread >= spread.max() * (1 - 1e-9))  # all in an empty gap are equally good
        if found in best:
            continue
        if found - 1 in best:
            raise Failure(
                f"Your threshold for {name} is one too high: pixels equal to the threshold belong to the "
                "lower "
                "class."
            )
        values, n = np.arange(len(counts)), counts.sum()
        mean = (values * counts).sum() / n
        below = np.cumsum(counts)
        shares = np.maximum(below * (n - below) / n**2, 1e-12)
        mistakes = {
            "You return the mean grey value; Otsu looks for the largest spread between the classes.": mean,
            "You return the largest variance; asked is the threshold at which it is reached.": spread.max(),
            "You return the most frequent grey value.": int(counts.argmax()),
            "You forget the shares of the classes: without them a few extreme pixels make a class.": int(
                (spread / shares).argmax()
            ),
        }
        mistakes = {words: wrong for words, wrong in mistakes.items() if not np.isclose(wrong, right)}
        expect_number(
            answer, close_to=right, atol=1e-9, rtol=0, what=f"your threshold for {name}", mistakes=mistakes
        )
    return "Your threshold sets the two classes as far apart as any can, on nine histograms."


def _name_the_empty_class(answer, counts):
    """0/0 in a class without pixels makes NaN, or puts the best threshold where a class is empty."""
    number = np.asarray(answer, float) if np.ndim(answer) == 0 and answer is not None else None
    if number is None:
        return
    if not np.isnan(number) and not (0 <= number < len(counts) and number == int(number)):
        return
    filled = np.flatnonzero(counts)
    below, above = number < filled[0], number >= filled[-1]
    if np.isnan(number) or below or above:
        which = "bright class (above t)" if above else "dark class (at most t)"
        raise Failure(
            f"At your threshold the {which} has no pixels, and the mean of nothing is 0/0, not a number: "
            "skip "
            "thresholds for which a class is empty."
        )


# --- (2) Voronoi-Otsu ------------------------------


def blobs():
    """A small image with two touching blobs, a dim one, a bright one, noise and a slope. Float, (48, 64)."""
    y, x = np.mgrid[:48, :64]
    image = 8 + 0.05 * x + np.random.default_rng(3).normal(0, 1.5, (48, 64))
    for row, column, size, height in (
        (14, 14, 5, 60),
        (18, 24, 5, 50),
        (34, 44, 6, 35),
        (12, 50, 4, 120),
        (38, 12, 5, 45),
    ):
        image += height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * (size / 1.5) ** 2))
    return image


def label_blobs(
    image, spot_sigma, outline_sigma, *, seeds_inside=True, flat=True, masked=True, dark=False, twice=False
):
    """Voronoi-Otsu labelling, with switches for the usual mistakes."""
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu
    from skimage.measure import label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    smooth = gaussian_filter(image, outline_sigma)
    spots = gaussian_filter(smooth if twice else image, spot_sigma)
    mask = smooth <= threshold_otsu(smooth) if dark else smooth > threshold_otsu(smooth)
    seeds = local_maxima(spots)
    seeds = label(seeds & mask if seeds_inside else seeds)
    landscape = np.zeros(image.shape) if flat else smooth
    return watershed(landscape, seeds, mask=mask if masked else None)


SIGMAS = (2.0, 1.0), (1.0, 2.0), (4.0, 1.0), (1.0, 4.0)
"""Pairs (spot_sigma, outline_sigma); with the last one it matters which image is blurred for the seeds."""


def _same_objects(a, b):
    try:
        expect_labels(a, b)
    except Failure:
        return False
    return True


@exercise(
    chapter="09",
    hints=(
        "Which of the two blurs says where nuclei are, and which says how many there are? Is the second "
        "one a "
        "blur of the original image, or of the image that you have blurred already?",
        "Line 1: smooth with outline_sigma and compare with threshold_otsu. Line 2: smooth the "
        "*original* with "
        "spot_sigma. Line 3: label the local_maxima that lie in the mask. Line 4: watershed.",
        "seeds = label(local_maxima(gaussian_filter(image, spot_sigma)) & mask), and at the end "
        "watershed(np.zeros(image.shape), seeds, mask=mask): a flat landscape, so that the seed from "
        "which the water arrives first wins.",
    ),
)
def voronoi_otsu(label_objects):
    """Write Voronoi-Otsu labelling in four lines: mask, spots, seeds, watershed."""
    expect_callable(label_objects)
    image = blobs()
    counts = []
    for spot_sigma, outline_sigma in SIGMAS:
        right = label_blobs(image, spot_sigma, outline_sigma)
        answer = call(label_objects, image, spot_sigma, outline_sigma, pure=True)
        got = expect_array(answer, shape=image.shape, what="your label image")
        what = f"your label image for spot_sigma={spot_sigma:g}, outline_sigma={outline_sigma:g}"
        if got.dtype.kind == "b":
            raise Failure("your result is a mask; return the label image that watershed gives.")
        if not _same_objects(got, right):
            wrong = {
                "The two sigmas are exchanged: spot_sigma is for the seeds, outline_sigma for the mask.": (
                    label_blobs(image, outline_sigma, spot_sigma)
                ),
                "You label the background: the objects are *brighter* than the threshold.": label_blobs(
                    image, spot_sigma, outline_sigma, dark=True
                ),
                "Seeds are looked for in the image that outline_sigma has blurred; blur the original for "
                "them.": (label_blobs(image, spot_sigma, outline_sigma, twice=True)),
                "Nothing is background: give the mask to watershed (mask=…).": label_blobs(
                    image, spot_sigma, outline_sigma, masked=False
                ),
                "You flood the image itself, from dark to bright; flood a flat landscape (np.zeros), "
                "so that the water spreads from all seeds at the same pace.": label_blobs(
                    image, spot_sigma, outline_sigma, flat=False
                ),
                "These are connected components, touching objects are one; cut them with seeds and "
                "watershed.": (_components(image, outline_sigma)),
            }
            for words, labels in wrong.items():
                if _same_objects(got, labels):
                    raise Failure(words)
        expect_labels(got, right, what)
        counts.append(len(np.unique(got)) - 1)
    told = ", ".join(str(count) for count in counts)
    return f"Same objects as the course's adapter: {told} of them, depending on the two sigmas."


def _components(image, outline_sigma):
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu
    from skimage.measure import label

    smooth = gaussian_filter(image, outline_sigma)
    return label(smooth > threshold_otsu(smooth))


# --- (3) six objects by hand ------------------------------


@exercise(
    chapter="09",
    hints=(
        "Take each prediction in turn: how many pixels does it share with a true object, and how many "
        "are in at "
        "least one of the two? Which pairs reach a half, and can an object be in two pairs?",
        "The box over two true objects has an IoU of exactly 0.5 with each, and may be paired with "
        "one of them. "
        "F1 = 2 TP / (2 TP + FP + FN), AP = TP / (TP + FP + FN).",
    ),
)
def six_by_hand(tp, fp, fn, f1, ap):
    """Count true positives, false positives and false negatives for six objects; compute F1 and AP@0.5."""
    from bioimage_course.metrics import match

    right = match(*six_objects(), 0.5)
    tp, fp, fn = (
        expect_number(value, integer=True, between=(0, 20), what=name)
        for name, value in (("TP", tp), ("FP", fp), ("FN", fn))
    )
    f1, ap = (expect_number(value, between=(0, 100), what=name) for name, value in (("F1", f1), ("AP", ap)))
    if tp + fn != right.n_true:
        raise Failure(f"TP + FN must be the number of true objects, 6; yours is {tp + fn}.")
    if tp + fp != right.n_predicted:
        raise Failure(f"TP + FP must be the number of predicted objects, 7; yours is {tp + fp}.")
    if tp == right.tp + 1:
        raise Failure(
            "One TP too many: the box over two true objects can be the partner of only one of them."
        )
    if tp == right.tp - 1:
        raise Failure(
            "One TP too few: a pair needs an IoU of *at least* 0.5, and two pairs have exactly 0.5."
        )
    if tp < right.tp:
        raise Failure("Too few TP: an IoU of at least 0.5 is enough, and exactly 0.5 counts.")
    if tp > right.tp:
        raise Failure("Too many TP: compute the IoU of each pair, shared pixels by pixels in either.")
    if np.isclose(f1, right.average_precision, atol=5e-3) and np.isclose(ap, right.f1, atol=5e-3):
        raise Failure("F1 and AP are exchanged: F1 counts the TP twice and is the larger one.")
    for name, value, exact in (("F1", f1, right.f1), ("AP", ap, right.average_precision)):
        if value > 1:
            raise Failure(f"{name} is a share from 0 to 1, not {value:g}: is it a percentage?")
        expect_number(
            value,
            close_to=exact,
            atol=6e-3,
            what=name,
            mistakes={
                f"{name}: that is the precision, TP / (TP + FP).": right.precision,
                f"{name}: that is the recall, TP / (TP + FN).": right.recall,
            },
        )
    return (
        f"{tp} of 6 found, {fp} false, {fn} missed: F1 {right.f1:.2f} and AP "
        f"{right.average_precision:.2f} for the "
        "same counts, so always say which."
    )


# --- (4) the second stage ------------------------------


def _picture():
    rng = np.random.default_rng(5)
    image = rng.random((10, 12)).astype(np.float32)
    votes = rng.random((10, 12, 3)).astype(np.float32)
    return image, votes / votes.sum(axis=-1, keepdims=True)


@exercise(
    chapter="09",
    hints=(
        "What does the second stage see that the first one did not? How many channels has the image that is "
        "to be filtered?",
        "np.dstack([image, votes]) puts grey values and votes behind each other: 1 + 3 channels.",
        "tools.pixel_classifier.features(channels, sigmas) takes an image with channels at the end and "
        "returns "
        "(features, names); return the features.",
    ),
)
def second_stage(add_context):
    """Make the features of the second stage: filters over the image *and* over the first stage's votes."""
    from bioimage_course.tools.pixel_classifier import features

    expect_callable(add_context)
    image, votes = _picture()
    for sigmas in ((1.0,), (1.0, 2.0)):
        right = features(np.dstack([image, votes]), sigmas)[0]
        answer = call(add_context, image, votes, sigmas, pure=True)
        if isinstance(answer, tuple):
            raise Failure("you return features *and* names; return the features only (the first of the two).")
        got = expect_array(answer, what="your features")
        if got.ndim == 3 and got.shape[:2] == image.shape and got.shape[2] != right.shape[2]:
            per = 5 * len(sigmas)
            named = {
                per: "Only the image is filtered; the votes are what the second stage is about.",
                3 * per: "Only the votes are filtered; keep the image as the first channel.",
                per + 3: "The votes are appended as they are; filter them like the image, so that the "
                "second stage sees the votes around a pixel.",
                2 * per: "The votes have become one channel (the winning class?); keep one channel a class.",
                4: "These are the four channels themselves; their features are asked for.",
            }
            raise Failure(
                named.get(
                    got.shape[2], f"your features have {got.shape[2]} layers, expected {right.shape[2]}."
                )
            )
        wrong_order = features(np.dstack([votes, image]), sigmas)[0]
        winner = np.eye(3, dtype=np.float32)[votes.argmax(axis=-1)]
        expect_array(
            got,
            close_to=right,
            atol=1e-4,
            what="your features",
            mistakes={
                "The votes come first; put the image first.": wrong_order,
                "You round the votes to the winning class; a vote of 0.6 tells more than a yes.": features(
                    np.dstack([image, winner]), sigmas
                )[0],
            },
        )
    return "The second stage sees what the first one thinks of the neighbourhood."


# --- (5) which kind ------------------------------


@exercise(
    chapter="09",
    hints=(
        "Must the answer tell one cell from the next? And must it tell one kind of cell from another?",
        "An area needs classes of pixels, a number needs objects, a number of one kind among others "
        "needs both.",
    ),
)
def which_kind(covered, sizes, dividing, stroma):
    """Say for four questions which kind of segmentation is the least that answers it."""
    right = {
        "the share of the field that is covered by cells": (
            covered, "semantic", "whose cell a pixel belongs to does not matter for an area"
        ),
        "the sizes of the nuclei": (
            sizes, "instance", "a size belongs to one nucleus, so touching ones must be told apart"
        ),
        "how many of the cells are dividing": (
            dividing, "panoptic", "cells must be told apart and have a class, dividing or not"
        ),
        "how much of a section is tumour and how much is stroma": (
            stroma, "semantic", "two areas, so classes of pixels are enough"
        ),
    }  # fmt: skip
    for question, (answer, kind, why) in right.items():
        if answer is ...:
            raise NotImplementedError
        word = answer.strip().lower() if isinstance(answer, str) else None
        if word not in ("semantic", "instance", "panoptic"):
            raise Failure(f'Answer "semantic", "instance" or "panoptic" for {question}, not {answer!r}.')
        if word != kind:
            more = "asks for more than is needed" if _MORE[word] > _MORE[kind] else "does not answer it"
            raise Failure(f"For {question}, {word} {more}: {why}.")
    return "The least that answers the question is the easiest to make, to correct and to trust."


_MORE = {"semantic": 0, "instance": 1, "panoptic": 2}


# --- (6) what a classifier's calls are worth ------------------------------


@exercise(
    chapter="09",
    hints=(
        "How many of the rare objects are called, and how many of the others? Which of the two numbers is "
        "larger when the others are many?",
        "right = found_share * rare; false = false_share * others; called = right + false.",
    ),
)
def expected_calls(function):
    """Say how many objects a classifier will call, and which share of its calls is right."""
    expect_callable(function)
    for found, false, rare, others in ((0.95, 0.03, 16, 258), (0.9, 0.1, 10, 1000), (1.0, 0.0, 7, 50)):
        right, wrong = found * rare, false * others
        got = expect_array(
            call(function, found, false, rare, others), shape=(2,), what="your pair (called, share right)"
        )
        words = f"with {rare} rare objects among {others} others"
        called = {
            "You count only the right calls; the false alarms are called, too.": right,
            "You count only the false alarms; the right calls belong to it, too.": wrong,
        }
        expect_number(got[0], close_to=right + wrong, what=f"the number of calls {words}", mistakes=called)
        share = {
            "That is the share of the rare objects that is found; asked is the share of the calls that is "
            "right.": found,
            "That is the share of calls that is wrong; asked is the share that is right.": (
                wrong / (right + wrong)
            ),
            "You take one minus the false-alarm rate; how many others there are must count, too.": 1 - false,
        }
        expect_number(
            got[1], close_to=right / (right + wrong), what=f"the share that is right {words}", mistakes=share
        )
    return "A small share of many is a large number: 3 % of the others are every third call."


# --- (7) can one threshold do it? ------------------------------


def threshold_cases():
    """Pairs (name, image, labels, whether one threshold can work), float images of (60, 80)."""
    y, x = np.mgrid[:60, :80]
    labels = np.zeros((60, 80), int)
    for number, (row, column) in enumerate(((15, 15), (15, 60), (44, 36), (44, 66)), 1):
        labels[np.hypot(y - row, x - column) < 8] = number
    noise = np.random.default_rng(4).normal(0, 2, labels.shape)
    plain = 20 + 60.0 * (labels > 0) + noise
    dim = plain - 48 * (labels == 1)  # its mean is above the background's, but not above its brightest pixels
    bright = plain + 500 * (labels == 1)
    light = plain * np.exp(-((x / 40.0) ** 1.5))
    return [
        ("four nuclei of equal brightness", plain, labels, True),
        ("four nuclei, one of them very bright", bright, labels, True),
        ("uneven light", light, labels, False),
        ("one nucleus as dim as noise", dim - 9 * (labels == 1), labels, False),
        ("four nuclei with dark spots", _with_dark_spots(plain, labels), labels, True),
        ("no nuclei", 20 + noise, np.zeros_like(labels), False),
        ("a few bright specks", _with_specks(plain, labels, 0.005), labels, True),
        ("many bright specks", _with_specks(plain, labels, 0.015), labels, False),
        ("an image without any contrast", np.full(labels.shape, 20.0), labels, False),
        ("one nucleus hardly above the noise", dim - 7.7 * (labels == 1), labels, False),
    ]


def _with_dark_spots(image, labels):
    """Image in which some pixels of each nucleus, such as its nucleoli, are darker than the background."""
    inside = np.flatnonzero(labels)
    image = image.copy()
    image.flat[inside[::15]] = 10
    return image


def _with_specks(image, labels, share):
    """Image in which this share of the background is as bright as nothing else."""
    background = np.flatnonzero(labels == 0)
    specks = np.random.default_rng(6).choice(background, round(share * background.size), replace=False)
    image = image.copy()
    image.flat[specks] = 300
    return image


@exercise(
    chapter="09",
    hints=(
        "Which nucleus is the first to be lost, and which pixels of the background are the first to be taken "
        "for a nucleus?",
        "Mean of each object: image[labels == k].mean(); the smallest of them must lie above "
        "np.percentile(image[labels == 0], 99). Without any object: False.",
    ),
)
def one_threshold_can_work(function):
    """Say from an image and its outlines whether one threshold for all pixels can find every object."""
    expect_callable(function)
    for name, image, labels, right in threshold_cases():
        answer = call(function, image, labels, pure=True)
        if not isinstance(answer, bool | np.bool_):
            answer = expect_number(answer, what=f"your answer for {name}", between=(0, 1))
        if bool(answer) != right:
            why = {
                "four nuclei of equal brightness": "all of them are far brighter than any background",
                "four nuclei, one of them very bright": "a very bright nucleus does not make the others "
                "dim; the "
                "dimmest one counts",
                "uneven light": "the background on the bright side is brighter than the nuclei on the "
                "dark side; "
                "compare with the brightest background anywhere, not with its mean",
                "one nucleus as dim as noise": "the dimmest nucleus counts, not the mean of all",
                "four nuclei with dark spots": "a nucleus counts with the mean of its pixels, not with its "
                "darkest one",
                "one nucleus hardly above the noise": "two standard deviations above the background are "
                "less than its percentile 99 here",
                "no nuclei": "there is nothing to be found, and a threshold would find something all the "
                "same",
                "a few bright specks": "the brightest one per cent of the background does not count",
                "many bright specks": "more than one per cent of the background is brighter than the nuclei",
                "an image without any contrast": "objects as bright as the background do not lie above it",
            }
            raise Failure(f"For “{name}” the answer is {right}: {why[name]}.")
    return "The dimmest object against the brightest background: that decides, before any method is chosen."
