"""Would more labelled images help? A pixel classifier is trained on one, two, four … of one's own."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from bioimage_course import arguments, files, metrics
from bioimage_course.errors import InputError
from bioimage_course.project import chosen, scale
from bioimage_course.project.folder import OwnProject
from bioimage_course.project.racing import Labelled, labelled
from bioimage_course.project.tables import read_table, write_table

CROP = 512
"""Larger images are cropped to their middle, so that a curve takes minutes."""

PIXELS = 150
"""Pixels of each class that are learnt from an image."""


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes
    ----------
    sizes : tuple of int
        Numbers of images that were learnt from.
    scores : array (sizes, draws)
        Average precision at IoU 0.5 on the images kept apart.
    as_is : dict of str to float
        The same score of tools that have learnt nothing from your images.
    kept_apart : tuple of str
        Images, drawn for training, that this curve is scored on; the test images stay unseen.
    note : str
        What it cannot say.
    """

    sizes: tuple[int, ...]
    scores: np.ndarray
    as_is: dict[str, float]
    kept_apart: tuple[str, ...]
    note: str = ""

    def figure(self, alt: str = ""):
        """Points, their means, and the tools as they are."""
        from bioimage_course import show

        made, axes = show.figure(height=3.2, alt=alt or "Average precision against labelled images.")
        axes.plot(self.sizes, self.scores.mean(axis=1), color=show.PALETTE["blue"], label="mean of the lots")
        every = np.repeat(self.sizes, self.scores.shape[1])
        axes.plot(
            every, self.scores.ravel(), "o", color=show.PALETTE["blue"], ms=4, alpha=0.6, label="each lot"
        )
        for (name, score), line in zip(self.as_is.items(), (":", "--", "-."), strict=False):
            axes.axhline(score, color="grey", ls=line, label=f"{name}, as it is")
        axes.set(xlabel="labelled images that were learnt from", ylabel="AP at IoU 0.5", ylim=(0, 1))
        axes.set_xscale("log", base=2)
        axes.set_xticks(self.sizes, self.sizes)
        axes.legend(loc="lower right")
        return made


def curve(own: OwnProject, draws: int = 3, as_is=("unet",)) -> Curve:
    """Train on subsets of the training images, score on others of them; goes on where it was stopped."""
    draws = arguments.whole(draws, "draws", 1, 100)
    pairs, _ = labelled(own, "train")
    pool, apart, note = split(pairs, own.seed)
    sizes = _sizes(len(pool))
    names = "".join(f"{p.name}{files.sha256_of(p.plane, p.labels)}" for p in (*pool, *apart))
    key = hashlib.sha256(f"{own.seed} {names}".encode()).hexdigest()[:12]
    done = {(int(r["images"]), int(r["draw"])): float(r["ap50"]) for r in _rows(own) if r.get("of") == key}
    jobs = [(size, draw) for size in sizes for draw in range(draws)]
    todo = [job for job in jobs if job not in done]
    begun = time.perf_counter()
    if todo:
        seen = [_layers(pair) for pair in apart]
        tables = [_annotated(pair, own.seed + i) for i, pair in enumerate(pool)]
        for n, (size, draw) in enumerate(tqdm(todo, desc="learning curve", unit="training", disable=None)):
            lot = np.random.default_rng([own.seed, size, draw]).permutation(len(pool))[:size]
            done[size, draw] = _trained_score([tables[i] for i in lot], apart, seen, draw)
            _keep(own, done, key)
            if n == 0 and len(todo) > 1:
                left = round((time.perf_counter() - begun) * (len(todo) - 1) / 60)
                if left > 1:
                    tqdm.write(f"about {left} minutes to go; it may be stopped and called again")
    _keep(own, done, key)
    scores = np.array([[done[size, draw] for draw in range(draws)] for size in sizes])
    found = Curve(sizes, scores, _as_is(own, apart, as_is), tuple(p.name for p in apart), note)
    files.save(own.folder / "results" / "curve.png", found.figure().png())
    return found


def split(pairs: list[Labelled], seed: int) -> tuple[list[Labelled], list[Labelled], str]:
    """Images to learn from and images to score on; whole replicates if there are several."""
    if len(pairs) < 3:
        raise InputError(f"a curve needs three labelled training images at least, but there is {len(pairs)}.")
    order = [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]
    names = list(dict.fromkeys(pair.replicate for pair in order))
    wanted = max(1, round(len(pairs) / 3))
    if len(names) > 1 and "" not in names:
        apart: list[Labelled] = []
        for name in names[:-1]:
            if len(apart) < wanted:
                apart += [pair for pair in order if pair.replicate == name]
        return [pair for pair in order if pair not in apart], apart, ""
    note = "learnt from and scored on images of one replicate: on another one the scores will be lower"
    return order[wanted:], order[:wanted], note


def _sizes(most: int) -> tuple[int, ...]:
    """1, 2, 4, … and all."""
    return tuple(sorted({*(2**k for k in range(most.bit_length())), most}))


def _rows(own: OwnProject) -> list[dict]:
    try:
        return read_table(own.folder / "results" / "curve.csv")
    except (OSError, UnicodeDecodeError):
        return []


def _keep(own: OwnProject, done: dict, key: str) -> None:
    rows = [{"images": s, "draw": d, "ap50": f"{ap:.4f}", "of": key} for (s, d), ap in sorted(done.items())]
    write_table(own.folder / "results" / "curve.csv", rows)


# ---------------------------------------------------------------- the classifier


def _middle(array: np.ndarray) -> np.ndarray:
    """The middle of an image, at most CROP pixels each way."""
    starts = [max(0, (n - CROP) // 2) for n in array.shape]
    return array[starts[0] : starts[0] + CROP, starts[1] : starts[1] + CROP]


def _layers(pair: Labelled) -> np.ndarray:
    from bioimage_course.tools import pixel_classifier

    return pixel_classifier.features(pixel_classifier.normalise(_middle(pair.plane)))[0]


def _annotated(pair: Labelled, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and classes of a few pixels of each kind: background, object, border between objects."""
    from scipy.ndimage import maximum_filter, minimum_filter

    from bioimage_course.tools.pixel_classifier import BACKGROUND, BORDER, OBJECT

    labels, layers = _middle(pair.labels), _layers(pair)
    nearest = minimum_filter(np.where(labels > 0, labels, np.iinfo(labels.dtype).max), 3)
    border = (labels > 0) & (nearest < maximum_filter(labels, 3))
    kinds = np.where(border, BORDER, np.where(labels > 0, OBJECT, BACKGROUND))
    random, rows, classes = np.random.default_rng(seed), [], []
    for kind in (BACKGROUND, OBJECT, BORDER):
        where = np.flatnonzero(kinds == kind)
        picked = random.choice(where, min(PIXELS, len(where)), replace=False)
        rows.append(layers.reshape(-1, layers.shape[-1])[picked])
        classes.append(np.full(len(picked), kind, np.uint8))
    return np.concatenate(rows), np.concatenate(classes)


def _trained_score(tables: list, apart: list[Labelled], seen: list[np.ndarray], seed: int) -> float:
    from bioimage_course.tools import pixel_classifier

    table, classes = (np.concatenate(part) for part in zip(*tables, strict=True))
    if not {pixel_classifier.BACKGROUND, pixel_classifier.OBJECT} <= set(classes):
        return 0.0  # nothing but background, or nothing but objects, was learnt from
    forest = pixel_classifier.grow(table, classes, seed=seed)
    found = []
    for layers in seen:
        votes = forest.predict_proba(layers.reshape(-1, layers.shape[-1])).reshape(*layers.shape[:2], -1)
        found.append(pixel_classifier.cut(votes, forest.classes_))
    return _score(apart, found)


def _score(apart: list[Labelled], found: list[np.ndarray]) -> float:
    truths = [_middle(pair.labels) for pair in apart]
    return float(metrics.average_precision_dataset(truths, found, 0.5).pooled[0])


def _as_is(own: OwnProject, apart: list[Labelled], names) -> dict[str, float]:
    one_scale, scores = scale.of_folder(own), {}
    for name in names:
        tool = chosen.choose(name, one_scale, own.object_diameter)
        scores[tool.name] = _score(apart, [tool(_middle(pair.plane), pair.pixel_size) for pair in apart])
    return scores
