"""Exercises of chapter 8, denoising."""

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
)

# --- (1) measuring a camera ------------------------------

CAMERAS = ((2.0, 100.0, 4.0), (0.5, 20.0, 2.5))
"""Two cameras (gain, offset, read-out noise)."""


def camera_frames(gain, offset, read_noise, number=150):
    """Frames of a static scene, dark to bright, as such a camera records it."""
    rng = np.random.default_rng(8)
    photons = np.linspace(0, 60, 64)[None] * np.ones((64, 1))
    return (
        gain * rng.poisson(photons, (number, 64, 64)) + offset + rng.normal(0, read_noise, (number, 64, 64))
    )


def line(frames, offset, ddof=1, power=1.0):
    """Gain and intercept of variance against mean."""
    mean, variance = frames.mean(axis=0) - offset, frames.var(axis=0, ddof=ddof) ** power
    return np.polyfit(mean.ravel(), variance.ravel(), 1)


@exercise(
    chapter="08",
    hints=(
        "Nothing moves, so whatever differs between the frames of one pixel is noise: mean and variance over "
        "axis 0.",
        "np.polyfit((mean - offset).ravel(), variance.ravel(), 1) gives slope and intercept. The slope is "
        "the gain; the intercept, where there is no light, is the read-out noise squared.",
    ),
)
def camera_line(function):
    """Find gain and read-out noise of a camera from frames of a scene in which nothing moves."""
    expect_callable(function)
    for gain, offset, read_noise in CAMERAS:
        frames = camera_frames(gain, offset, read_noise)
        got = call(function, frames, offset, pure=True)
        if not isinstance(got, tuple | list | np.ndarray) or np.shape(got) != (2,):
            raise Failure("Return two numbers: the gain and the read-out noise.")
        slope, _ = line(frames, 0.0)
        camera = f"a camera with gain {gain:g}, offset {offset:g} and read-out noise {read_noise:g}"
        found = expect_number(got[0], what=f"the gain of {camera}")
        noise_of_means = line(frames, offset, power=0.5)[0]
        _near(
            found,
            gain,
            f"the gain of {camera}",
            {
                "You fit the standard deviation; it is the variance that grows in a straight line.": (
                    noise_of_means
                ),
                "That is one divided by the gain: variance goes up, mean goes to the right.": 1 / slope,
                "That is the gain squared; the slope itself is the gain.": gain**2,
            },
        )
        if isinstance(got[1], float | np.floating) and np.isnan(got[1]):
            raise Failure(
                "Your read-out noise is NaN, the root of a negative number: where there is no light the mean "
                "is the offset, so subtract the offset first."
            )
        _near(
            expect_number(got[1], what=f"the read-out noise of {camera}"),
            read_noise,
            f"the read-out noise of {camera}",
            {
                "That is the variance of the read-out noise; take its square root.": read_noise**2,
                "Read it off where there is no light, at the offset, not at a grey value of 0.": abs(
                    line(frames, 0.0)[1]
                )
                ** 0.5,
            },
        )
    return "Gain and read-out noise of two cameras, from nothing but frames of one scene."


def _near(found, right, what, mistakes):
    """Five per cent of the right value; a usual mistake within five per cent gets its sentence."""
    if abs(found / right - 1) <= 0.05:
        return
    for sentence, wrong in mistakes.items():
        if np.isfinite(wrong) and wrong and abs(found / wrong - 1) <= 0.05:
            raise Failure(sentence)
    raise Failure(f"For {what} you get {found:.4g}; that is off by more than 5 %.")


# --- (2) what a network answers when there are many answers ------------------------------

VALUES = (
    np.array([0.0, 0.0, 1.0, 1.0, 2.0, 8.0, 16.0]),
    np.random.default_rng(3).poisson(0.7, 201) + np.r_[np.zeros(200), 400.0],
)
"""Two sets of noisy values that are not symmetric: shot noise in the dark, and a hot pixel."""


@exercise(
    chapter="08",
    hints=(
        "Try it: for c in np.linspace(values.min(), values.max(), 1000) compute np.mean((values - c) ** 2), "
        "and see where it is smallest. What is this number called?",
        "Squared: the mean. Absolute: as many values above as below.",
    ),
)
def best_constants(function):
    """Find the numbers with the smallest mean squared and mean absolute difference from given values."""
    expect_callable(function)
    for values in VALUES:
        got = call(function, values.copy(), pure=True)
        if not isinstance(got, tuple | list | np.ndarray) or np.shape(got) != (2,):
            raise Failure("Return two numbers: for the squared and for the absolute difference.")
        mean, median = float(values.mean()), float(np.median(values))
        squared = expect_number(got[0], what="your number for the squared difference")
        absolute = expect_number(got[1], what="your number for the absolute difference")
        step = np.ptp(values) / 500  # of somebody who tried numbers
        if abs(squared - median) <= step and abs(absolute - mean) <= step and abs(mean - median) > 2 * step:
            raise Failure(
                "Exchanged: the first number is for the squared difference, the second for the absolute."
            )
        for found, right, other, what, wrong in (
            (squared, mean, median, "squared", "median"),
            (absolute, median, mean, "absolute", "mean"),
        ):
            if abs(found - right) <= step:
                continue
            if abs(found - other) <= step:
                raise Failure(
                    f"For the {what} difference you return the {wrong}; that one is best for the other."
                )
            if abs(found - (values.min() + values.max()) / 2) <= step:
                raise Failure(
                    f"For the {what} difference you return the middle between smallest and largest value; "
                    "that one has the smallest largest difference, which is another question."
                )
            raise Failure(
                f"For the {what} difference you get {found:.4g}; another number is nearer to all values."
            )
    return "Squared error asks for the mean, the truth if the noise has mean 0; absolute for the median."


# --- (3) the blind spot ------------------------------


def _neighbours(image, row, column):
    rows, columns = image.shape
    return [
        image[y, x]
        for y in range(max(row - 1, 0), min(row + 2, rows))
        for x in range(max(column - 1, 0), min(column + 2, columns))
        if (y, x) != (row, column)
    ]


SPOTS = np.array([[0, 0], [0, 5], [3, 3], [3, 8], [6, 1], [6, 6], [9, 4], [9, 9], [11, 0], [11, 11]])


@exercise(
    chapter="08",
    hints=(
        "masked = patch.copy(), then for row, column in spots: … Read neighbours from patch, not masked.",
        "List the neighbours (y, x) inside the image that are not (row, column) itself, and take the one "
        "with number rng.integers(len(neighbours)). target = patch[spots[:, 0], spots[:, 1]].",
    ),
)
def blind_spot(function):
    """Replace chosen pixels by random neighbours, and keep their original values as the target."""
    expect_callable(function)
    patch = np.random.default_rng(7).permutation(144).reshape(12, 12).astype(float)  # every value once
    places = tuple(SPOTS.T)
    masks = []
    for seed in range(12):
        got = call(function, patch, SPOTS.copy(), np.random.default_rng(seed), pure=True)
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Failure("Return two things: the masked patch and the target.")
        masked = expect_array(got[0], shape=patch.shape, what="your masked patch")
        target = expect_array(got[1], what="your target")
        if target.shape == patch.shape:
            raise Failure("The target is a whole image; it should hold the values at the spots only.")
        expect_array(
            target,
            close_to=patch[places],
            what="your target",
            mistakes={
                "Your target is read from the masked patch; it must hold the original values.": masked[places]
            },
        )
        elsewhere = masked != patch
        elsewhere[places] = False
        if elsewhere.any():
            raise Failure(f"{elsewhere.sum()} pixels that are no spots have changed; touch the spots only.")
        values = masked[places]
        if np.array_equal(values, patch[places]):
            raise Failure("The spots still show their own value, so the network learns to pass it on.")
        for (row, column), value in zip(SPOTS, values, strict=True):
            where = f"the spot in row {row}, column {column}"
            around = _neighbours(patch, row, column)
            if value in around:
                continue
            if value == patch[row, column]:
                raise Failure(
                    f"With seed {seed} {where} keeps its own value: leave (row, column) itself out."
                )
            if value == 0:
                raise Failure(
                    f"{where.capitalize()} is 0. A network sees at once where it is asked; a neighbour's "
                    "value gives nothing away."
                )
            if np.isclose(value, np.mean(around)):
                raise Failure(
                    f"{where.capitalize()} holds the mean of its neighbours; take one of them at random."
                )
            raise Failure(f"{where.capitalize()} holds {value:g}, which is none of its eight neighbours.")
        masks.append(values)
    if len({tuple(m) for m in masks}) == 1:
        raise Failure("Twelve generators, always the same neighbours: let rng choose.")
    choices = [len({m[k] for m in masks}) for k in range(len(SPOTS))]
    if max(choices) <= 2:
        raise Failure("Only one or two of the eight neighbours are ever taken; give all of them a chance.")
    return "The network cannot see what it is asked for, and the loss is counted where it is blind."


# --- (4) a median with a blind spot ------------------------------


def donut(image, radius, *, centre=False, mode="mirror", function=np.median):
    """The reference: a filter over a square, with or without its middle."""
    from scipy import ndimage

    footprint = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    footprint[radius, radius] = centre
    return ndimage.generic_filter(image, function, footprint=footprint, mode=mode)


@exercise(
    chapter="08",
    hints=(
        "A footprint says which pixels count: np.ones((2 * radius + 1, 2 * radius + 1), bool), with the "
        "middle set to False.",
        'ndimage.generic_filter(image, np.median, footprint=footprint, mode="mirror"). The default mode, '
        '"reflect", repeats the border pixel itself.',
    ),
)
def blind_median(function):
    """Write a median filter that never looks at the pixel it predicts."""
    expect_callable(function)
    rng = np.random.default_rng(9)
    image = rng.normal(100, 10, (14, 17))
    for radius in (1, 2):
        got = expect_array(call(function, image, radius, pure=True), shape=image.shape, what="your image")
        inner = np.s_[radius:-radius, radius:-radius]
        right = donut(image, radius)
        for sentence, wrong in {
            "That is the ordinary median: the pixel in the middle counts, too.": donut(
                image, radius, centre=True
            ),
            "That is the mean of the neighbours; take their median.": donut(image, radius, function=np.mean),
            "With radius=1 you change nothing; the square should have 3×3 pixels.": image,
        }.items():
            if np.allclose(got[inner], wrong[inner]) and not np.allclose(wrong[inner], right[inner]):
                raise Failure(sentence)
        if radius == 2 and np.allclose(got, donut(image, 1)):
            raise Failure("radius=2 changes nothing; the square should have 5×5 pixels.")
        for row, column in ((7, 8), (0, 0), (0, 9), (6, 16), (13, 3)):
            changed = image.copy()
            changed[row, column] += 1000
            other = expect_array(call(function, changed, radius), shape=image.shape, what="your image")
            if not np.isclose(other[row, column], got[row, column]):
                place = "in the middle of the image" if (row, column) == (7, 8) else "at the border"
                raise Failure(
                    f"Not blind: when the pixel in row {row}, column {column} ({place}) changes, so does "
                    "your prediction of it."
                    + (
                        ""
                        if "middle" in place
                        else ' Your padding repeats the border pixel; mode="mirror" does not.'
                    )
                )
        if not np.allclose(got[inner], right[inner]):
            raise Failure(
                f"With radius={radius} the prediction is blind, but not the median of its neighbours."
            )
    return "J-invariant: no pixel takes part in its own prediction, so the noisy image may judge the filter."


# --- (5) stripes ------------------------------


def striped_images():
    """Three pairs (noisy, truth) of nuclei with an offset for each column."""
    from bioimage_course import data

    pairs = []
    for seed in (21, 22, 23):
        sample = data.synthetic.nuclei((192, 256), 22, photons=1e4, read_noise=0, seed=seed)
        scene = np.clip((sample.image - 100.0) / 2e4, 0, None)
        frame = data.synthetic.camera(scene, photons=20, psf=0, seed=seed).astype(float)
        offsets = np.random.default_rng(seed).normal(0, 4, frame.shape[1])
        pairs.append((frame + offsets, 100 + 2 * 20 * scene))
    return pairs


def _gain(truth, noisy, image):
    """Decibels gained, with an offset of the whole image left out of account."""

    def error(x):
        difference = x - truth
        return np.var(difference)

    return 10 * np.log10(error(noisy) / max(error(image), 1e-12))


WANTED = 9.5
"""Decibels; a filter that treats stripes as grain gets 9 at most."""


@exercise(
    chapter="08",
    hints=(
        "First the stripes, then the grain. What do all pixels of a column have in common? What is typical "
        "for a column in which most pixels are background?",
        "Subtract from each column its median, but put back a smooth curve through the medians (the uneven "
        "background). Then a Gaussian, total variation, or whatever did well above.",
    ),
)
def remove_stripes(function):
    """Remove an offset of each column, and the noise, from images that were not seen before."""
    expect_callable(function)
    gains, stripes = [], []
    for noisy, truth in striped_images():
        got = expect_array(call(function, noisy, pure=True), shape=noisy.shape, what="your image")
        gains.append(_gain(truth, noisy, got))
        stripes.append(np.std((got - truth).mean(axis=0)) / np.std((noisy - truth).mean(axis=0)))
    gain, left = float(np.mean(gains)), float(np.mean(stripes))
    if gain >= WANTED:
        return f"{gain:.1f} dB better on three new images: first what a column shares, then the grain."
    if abs(gain) < 0.01:
        raise Failure("Your image is as noisy as before.")
    text = f"{gain:+.1f} dB on three new images; {WANTED:g} dB are wanted"
    if gain < 0:
        raise Failure(f"{text}. That is worse than before: you took the nuclei away together with the noise.")
    if left > 0.34:
        raise Failure(f"{text}. The stripes are still there: take care of them column by column.")
    raise Failure(f"{text}. The stripes are mostly gone; now the grain.")
