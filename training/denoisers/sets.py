"""Real recordings, each cut into parts for training, validation and test that share no pixel.

A network learns from the training part only, a filter's strength is chosen on the validation part only, and
both are scored on the test part. The validation part also gives the curve of a training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bioimage_course import data, metrics

PATCH = 64


@dataclass
class Pair:
    """A noisy image and its reference; `mean` and `std` are those it is standardised with.

    `unsure` is the variance of the reference itself, which is no error of whoever is compared with it.
    """

    noisy: np.ndarray
    clean: np.ndarray
    mean: float
    std: float
    unsure: np.ndarray | float = 0.0

    def standardised(self) -> np.ndarray:
        """The noisy image as a network wants it."""
        return ((self.noisy - self.mean) / self.std).astype(np.float32)


@dataclass
class Fold:
    """One way of cutting a set.

    `stacks` are the training images, (frames, Y, X) each, standardised; `targets` their references on the
    same scale. `score` gives a number for each unit of a list of restored test images, `validate` one number
    for all restored validation images.
    """

    stacks: list[np.ndarray]
    targets: list[np.ndarray]
    validation: list[Pair]
    test: list[Pair]
    units: list[str]
    score: Callable[[list[np.ndarray]], dict[str, list[float]]]
    validate: Callable[[list[np.ndarray]], float]
    turn: bool = True
    """Whether patches may be turned by 90°; not where the noise has a direction."""
    frames: np.ndarray | None = None
    """All frames of the training part, where a field was recorded many times."""
    reach: int = 10**6
    """How many frames apart two frames may be to count as a pair of noisy images of the same thing."""
    about: dict = field(default_factory=dict)
    """What was cut where, for the results."""


def fit_to(image, reference):
    """The image with the offset and scale that fit the reference best."""
    slope, offset = np.polyfit(np.ravel(image).astype(float), np.ravel(reference).astype(float), 1)
    return slope * image + offset


def draw(fold: Fold, batch: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A batch of random patches: ``noisy``, ``clean``, and ``again``, another frame of the same place.

    Every method draws the same numbers, so with the same seed all of them see the same patches. Where a
    place was recorded once only, ``again`` is the frame itself.
    """
    chosen = {"noisy": [], "again": [], "clean": []}
    for _ in range(batch):
        number = int(rng.integers(len(fold.stacks)))
        stack, target = fold.stacks[number], fold.targets[number]
        first = int(rng.integers(len(stack)))
        other = partner(first, len(stack), fold.reach, rng)
        y, x = (int(rng.integers(0, size - PATCH + 1)) for size in target.shape)
        turns, mirrors = int(rng.integers(4)) if fold.turn else 0, rng.integers(2, size=2)
        for key, image in (("noisy", stack[first]), ("again", stack[other]), ("clean", target)):
            patch = np.rot90(image[y : y + PATCH, x : x + PATCH], turns)
            chosen[key].append(patch[:: 1 - 2 * mirrors[0], :: 1 - 2 * mirrors[1]])
    return {key: np.stack(patches)[:, None] for key, patches in chosen.items()}


def partner(first: int, frames: int, reach: int, rng: np.random.Generator) -> int:
    """Number of another frame, at most `reach` away; the frame itself where there is one only."""
    low, high = max(0, first - reach), min(frames - 1, first + reach)
    other = low + int(rng.integers(max(1, high - low)))
    return min(other + (other >= first), high)


# ---------------------------------------------------------------- sets of many images


def w2s(number: int) -> Fold:
    """Ten pairs: one frame, and the mean of 400. Five are scored; the other five train and validate.

    The upper three quarters of each of the five are for training, the lower quarter is for validation.
    """
    samples = list(data.load("noise-w2s"))
    noisy, clean = [s.image / 255 for s in samples], [s.target / 255 for s in samples]
    test = [i for i in range(len(samples)) if i % 2 != number]
    train = [i for i in range(len(samples)) if i % 2 == number]
    border = noisy[0].shape[0] * 3 // 4
    pairs = [Pair(n, c, n.mean(), n.std()) for n, c in zip(noisy, clean, strict=True)]
    inputs, targets = [], []
    for i in train:
        mean, std = noisy[i][:border].mean(), noisy[i][:border].std()
        inputs.append(((noisy[i][None, :border] - mean) / std).astype(np.float32))
        wanted = fit_to(clean[i][:border], noisy[i][:border])
        targets.append(((wanted - mean) / std).astype(np.float32))
    validation = [
        Pair(noisy[i][border:], clean[i][border:], noisy[i][border:].mean(), noisy[i][border:].std())
        for i in train
    ]
    return Fold(
        inputs,
        targets,
        validation,
        [pairs[i] for i in test],
        [samples[i].name for i in test],
        lambda restored: image_scores([clean[i] for i in test], restored),
        lambda restored: mean_si_psnr([p.clean for p in validation], restored),
        about={
            "training": f"rows 0 to {border - 1} of {', '.join(samples[i].name for i in train)}",
            "validation": f"rows {border} to {noisy[0].shape[0] - 1} of the same images",
            "unit": "test image",
        },
    )


def image_scores(clean, restored) -> dict[str, list[float]]:
    """PSNR as the numbers are, SI-PSNR, and SSIM after offset and scale were fitted, for each image."""
    each = [
        (metrics.psnr(c, r), metrics.scale_invariant_psnr(c, r), metrics.ssim(c, fit_to(r, c)))
        for c, r in zip(clean, map(np.asarray, restored), strict=True)
    ]
    return {key: [float(row[i]) for row in each] for i, key in enumerate(("psnr", "si_psnr", "ssim"))}


def mean_si_psnr(clean, restored) -> float:
    """Mean of the SI-PSNR of several images."""
    return float(np.mean([metrics.scale_invariant_psnr(c, r) for c, r in zip(clean, restored, strict=True)]))


# ---------------------------------------------------------------- a field that was recorded many times

SCORED_FRAMES = (20, 60, 100, 140, 180)
NEAR = 5
"""The telomeres move: only so many frames before and after show what a frame shows."""


def telomeres(number: int) -> Fold:
    """200 frames of one field. Networks train on one half of it and are scored on the other (four blocks).

    The reference of a frame is the mean of the `NEAR` frames before and after it, without itself; what noise
    is left in this mean is known, and subtracted from the squared error. The right quarter of the training
    half is for validation.
    """
    frames = data.load("telomeres").image.astype(np.float64)
    middle, width = frames.shape[1] // 2, frames.shape[2]
    halves = [slice(0, middle), slice(middle, None)]
    here, there = halves[number], halves[1 - number]
    border = width * 3 // 4
    seen = frames[:, here, :border]
    mean, std = seen.mean(), seen.std()
    everything = frames.mean(axis=0)
    span = float(np.ptp(everything))
    variance = np.diff(frames, axis=0).var(axis=0) / 2

    def pair(f, rows, columns):
        near = [k for k in range(f - NEAR, f + NEAR + 1) if k != f]
        local, unsure = frames[near].mean(axis=0), variance / len(near)
        parts = (image[rows, columns] for image in (frames[f], local))
        return Pair(*parts, mean, std, unsure[rows, columns])

    validation = [pair(f, here, slice(border, None)) for f in SCORED_FRAMES]
    test = [pair(f, there, slice(None)) for f in SCORED_FRAMES]
    return Fold(
        [((seen - mean) / std).astype(np.float32)],
        [((everything[here, :border] - mean) / std).astype(np.float32)],
        validation,
        test,
        [f"{'lower' if number == 0 else 'upper'} half, block {i + 1}" for i in range(4)],
        lambda restored: {"psnr": block_psnr(test, restored, span, (1, 4))},
        lambda restored: block_psnr(validation, restored, span, (1, 1))[0],
        turn=False,
        frames=seen,
        reach=NEAR,
        about={
            "training": f"{'upper' if number == 0 else 'lower'} half, columns 0 to {border - 1}, all frames",
            "validation": f"same half, columns {border} to {width - 1}, frames {SCORED_FRAMES}",
            "reference": f"mean of the {NEAR} frames before and after, its own noise subtracted",
            "unit": "block of a quarter of the test half, mean over five frames",
        },
    )


def block_psnr(pairs, restored, span, grid) -> list[float]:
    """PSNR of each block of a grid; squared errors are averaged over all images first."""
    errors = np.mean(
        [(np.asarray(r, float) - p.clean) ** 2 - p.unsure for p, r in zip(pairs, restored, strict=True)],
        axis=0,
    )
    rows = np.array_split(errors, grid[0], axis=0)
    blocks = [block for row in rows for block in np.array_split(row, grid[1], axis=1)]
    return [float(10 * np.log10(span**2 / block.mean())) for block in blocks]


# ---------------------------------------------------------------- one pair of large images


def field_fold(noisy, clean, *, turn=True, grid=(4, 2)) -> Fold:
    """One pair: the left half for training, the next eighth for validation, the rest for test in blocks.

    Noisy image and reference may have intensities of their own, so each restored image is given the offset
    and scale that fit its part of the reference best.
    """
    noisy, clean = np.asarray(noisy, float), np.asarray(clean, float)
    width = noisy.shape[1]
    first, second = width // 2, width * 5 // 8
    seen, mean, std = noisy[:, :first], noisy[:, :first].mean(), noisy[:, :first].std()
    wanted = fit_to(clean[:, :first], seen)
    validation = [Pair(noisy[:, first:second], clean[:, first:second], mean, std)]
    test = [Pair(noisy[:, second:], clean[:, second:], mean, std)]
    span = float(np.ptp(clean))

    def fitted(pairs, restored, blocks):
        fits = [fit_to(r, p.clean) for p, r in zip(pairs, restored, strict=True)]
        return block_psnr(pairs, fits, span, blocks)

    return Fold(
        [((seen[None] - mean) / std).astype(np.float32)],
        [((wanted - mean) / std).astype(np.float32)],
        validation,
        test,
        [f"row {r + 1}, column {c + 1}" for r in range(grid[0]) for c in range(grid[1])],
        lambda restored: {"fitted_psnr": fitted(test, restored, grid)},
        lambda restored: fitted(validation, restored, (1, 1))[0],
        turn=turn,
        about={
            "training": f"columns 0 to {first - 1}",
            "validation": f"columns {first} to {second - 1}",
            "unit": f"block of the columns from {second}, offset and scale fitted over all of them",
        },
    )


def fmd_fish(_number: int) -> Fold:
    """Zebrafish, confocal, of the Fluorescence Microscopy Denoising set."""
    sample = data.load("noise-fmd-fish")
    return field_fold(sample.image, sample.target)


def fmd_bpae(channel: int):
    """One channel of the BPAE cells, widefield, of the Fluorescence Microscopy Denoising set."""

    def load(_number: int) -> Fold:
        sample = data.load("noise-fmd-bpae")
        return field_fold(sample.image[..., channel], sample.target[..., channel])

    return load


def nuclei(_number: int) -> Fold:
    """Nuclei of migrating cells with little and with much light."""
    sample = data.load("noise-nuclei")
    return field_fold(sample.image, sample.target)


def mitochondria(_number: int) -> Fold:
    """Mitochondria with a very short and with a long exposure."""
    sample = data.load("noise-mitochondria")
    return field_fold(sample.image[..., 0], sample.target[..., 0])


FOLDS = {
    "w2s": (w2s, 2),
    "telomeres": (telomeres, 2),
    "fmd-fish": (fmd_fish, 1),
    "fmd-bpae-0": (fmd_bpae(0), 1),
    "fmd-bpae-1": (fmd_bpae(1), 1),
    "fmd-bpae-2": (fmd_bpae(2), 1),
    "nuclei": (nuclei, 1),
    "mitochondria": (mitochondria, 1),
}
"""Name of a set: the function that cuts it, and the number of its folds."""


def load(name: str, fold: int = 0) -> Fold:
    """A fold of a set."""
    return FOLDS[name][0](fold)
