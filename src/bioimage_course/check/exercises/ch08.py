"""Exercises of chapter 8, denoising."""

from itertools import product

import numpy as np

from bioimage_course.check import (
    Failure,
    call,
    exercise,
    expect_array,
    expect_callable,
    expect_number,
    takes,
)

# --- (1) measuring a camera ------------------------------

CAMERAS = ((2.0, 100.0, 5.0), (0.5, 20.0, 2.5))
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
        "Nothing moves. What is it, then, that differs between the frames of one pixel, and along which "
        "axis do "
        "you measure it?",
        "Mean and variance over axis 0, one of each for every pixel, are points on a line. "
        "np.polyfit((mean - offset).ravel(), variance.ravel(), 1) gives slope and intercept. The slope "
        "is "
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
        if _swapped(got, gain, read_noise):
            raise Failure("Exchanged: return the gain first, then the read-out noise.")
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


def _swapped(got, gain, read_noise):
    try:
        first, second = (float(value) for value in got)
    except (TypeError, ValueError):
        return False
    return abs(first / read_noise - 1) <= 0.05 and abs(second / gain - 1) <= 0.05


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
    np.random.default_rng(3).poisson(0.7, 201) + np.r_[np.zeros(196), np.full(5, 30.0)],
)
"""Two sets of noisy values that are not symmetric: shot noise in the dark, and five hot pixels."""


@exercise(
    chapter="08",
    hints=(
        "If you move the number up a little, which differences grow and which shrink? When do they balance, "
        "for squares and for absolute values?",
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
        step = np.ptp(values) / 500
        if abs(squared - median) <= step and abs(absolute - mean) <= step and abs(mean - median) > 2 * step:
            raise Failure(
                "Exchanged: the first number is for the squared difference, the second for the absolute."
            )
        for found, right, other, error, what, wrong in (
            (squared, mean, median, np.square, "squared", "median"),
            (absolute, median, mean, np.abs, "absolute", "mean"),
        ):
            if error(values - found).mean() <= 1.02 * error(values - right).mean():
                continue  # also for somebody who tried a hundred numbers
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


SPOTS = np.array(
    [
        [0, 0],
        [0, 5],
        [3, 3],
        [3, 4],
        [4, 3],
        [3, 8],
        [6, 1],
        [6, 6],
        [9, 4],
        [9, 9],
        [9, 8],
        [11, 0],
        [11, 14],
    ]
)
"""Corners, border, inside; some of them neighbours of each other."""

DRAWS = 160
"""So many that each of eight neighbours is drawn at some time (missed by chance: once in a billion)."""


@exercise(
    chapter="08",
    hints=(
        "Two spots may lie side by side. From which of the two images do you read a neighbour's value, "
        "so that "
        "it is an original one? And which neighbours has a pixel in the corner?",
        "masked = patch.copy(), then for row, column in spots: … Read neighbours from patch, not masked.",
        "List the neighbours (y, x) inside the image that are not (row, column) itself, and take the one "
        "with number rng.integers(len(neighbours)). target = patch[spots[:, 0], spots[:, 1]].",
    ),
)
def blind_spot(function):
    """Replace chosen pixels by random neighbours, and keep their original values as the target."""
    expect_callable(function)
    patch = np.random.default_rng(7).permutation(180).reshape(12, 15).astype(float)  # every value once
    places = tuple(SPOTS.T)
    masks = []
    for seed in range(DRAWS):
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
            if value in _neighbours(masked, row, column):
                raise Failure(
                    f"{where.capitalize()} holds a value that another spot had been given before: read the "
                    "neighbours from `patch`, where they are original."
                )
            raise Failure(f"{where.capitalize()} holds {value:g}, which is none of its eight neighbours.")
        masks.append(values)
    again, _ = call(function, patch, SPOTS.copy(), np.random.default_rng(DRAWS - 1))
    if not np.array_equal(np.asarray(again)[places], masks[-1]):
        raise Failure(
            "The same generator, other neighbours: draw with the rng that is given, not with another."
        )
    if len({tuple(m) for m in masks}) == 1:
        raise Failure(f"{DRAWS} generators, always the same neighbours: let rng choose.")
    choices = [len({m[k] for m in masks}) for k in range(len(SPOTS))]
    if max(choices) <= 2:
        raise Failure("Only one or two of the eight neighbours are ever taken; give all of them a chance.")
    _expect_all_eight(patch, masks)
    return "The network cannot see what it is asked for, and the loss is counted where it is blind."


def _expect_all_eight(patch, masks):
    """Each neighbour of each spot is chosen at some time."""
    where = {value: place for place, value in np.ndenumerate(patch)}
    taken = set()
    for mask in masks:
        for (row, column), value in zip(SPOTS, mask, strict=True):
            y, x = where[value]
            taken.add((y - row, x - column))
    if not {(-1, -1), (-1, 1), (1, -1), (1, 1)} & taken:
        raise Failure(
            "Only the four neighbours across the edges are taken; those across the corners count, too."
        )
    if len(taken) < 8:
        raise Failure(f"Only {len(taken)} of the eight neighbours are ever taken; give all of them a chance.")
    for (row, column), values in zip(SPOTS, np.transpose(masks), strict=True):
        left_out = np.setdiff1d(_neighbours(patch, row, column), values)
        if left_out.size:
            y, x = where[left_out[0]]
            raise Failure(
                f"The spot in row {row}, column {column} never takes the value in row {y}, column {x}, which "
                "is a neighbour, too."
            )


# --- (4) a fair score ------------------------------

HALVES = np.s_[:, :24], np.s_[:, 24:]
STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
FEWER = (4.5, 2.5, 0.7, 1.2)


def fair_pair():
    """Noisy image and truth (40, 48): coarse structure on the left, fine on the right, so that tuning "
    "matters."""
    from scipy import ndimage

    rng = np.random.default_rng(12)
    coarse, fine = (ndimage.gaussian_filter(rng.normal(size=(40, 48)), sigma) for sigma in (5, 1.2))
    truth = np.where(np.arange(48) < 24, coarse / coarse.std(), fine / fine.std()) * 10 + 100
    return truth + rng.normal(0, 8, truth.shape), truth


def _errors(denoise, strengths, noisy, truth, where):
    return np.array([np.mean((denoise(noisy, s)[where] - truth[where]) ** 2) for s in strengths])


@exercise(
    chapter="08",
    hints=(
        "Which part of the image may the choice of the strength see, and which part must it never have seen?",
        "For each strength: error = np.mean((denoise(noisy, strength)[tuning] - truth[tuning]) ** 2); "
        "keep the "
        "strength with the smallest. Then the same formula with scoring, for that strength alone.",
    ),
)
def fair_score(function):
    """Choose a filter's strength on one part of an image, and score it on another."""
    from scipy import ndimage

    expect_callable(function)
    noisy, truth = fair_pair()
    for (tuning, scoring), strengths in ((HALVES, STRENGTHS), (HALVES[::-1], FEWER)):
        got = call(function, ndimage.gaussian_filter, strengths, noisy, truth, tuning, scoring, pure=True)
        if not isinstance(got, tuple | list | np.ndarray) or np.shape(got) != (2,):
            raise Failure("Return two numbers: the strength, and its mean squared error in the scoring part.")
        there, here = (
            _errors(ndimage.gaussian_filter, strengths, noisy, truth, part) for part in (tuning, scoring)
        )
        everywhere = _errors(ndimage.gaussian_filter, strengths, noisy, truth, np.s_[:])
        best = int(there.argmin())
        expect_number(
            got[0],
            close_to=strengths[best],
            what="your strength",
            mistakes={
                "You choose the strength with a look at the scoring part: the score is then too good.": (
                    strengths[int(here.argmin())]
                ),
                "You choose the strength with a look at the whole image: the score is then too good.": (
                    strengths[int(everywhere.argmin())]
                ),
                "That is the worst strength: the error should be small.": strengths[int(there.argmax())],
                "You return the number of the strength in the list; return the strength.": best,
            },
        )
        expect_number(
            got[1],
            close_to=here[best],
            rtol=1e-3,
            what="your error",
            mistakes={
                "That is the error in the tuning part; the one in the scoring part is asked for.": there[
                    best
                ],
                "That is the error of the whole image; score on the scoring part alone.": everywhere[best],
                "That is the root of the mean squared error; leave the root out.": here[best] ** 0.5,
                "That is the error of the strength that is best in the scoring part.": here.min(),
            },
        )
    return "Tuned here, scored there: now it can be compared with a network that was trained here as well."


# --- (5) what has been invented? ------------------------------


def restorations():
    """Restored fields with one mistake each: (what, camera, noisy, restored)."""
    rng = np.random.default_rng(85)
    y, x = np.mgrid[:64, :80]

    def blob(row, column, height, width):
        return height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))

    cells = 1 + blob(20, 52, 400, 7) + blob(46, 40, 250, 9)  # photons: much light, much noise
    for what, row, column, height, (gain, offset, read_noise) in (
        ("an invented vesicle", 14, 17, 5, (2.0, 100.0, 3.0)),
        ("a lost vesicle", 54, 72, -7, (0.5, 20.0, 0.5)),
        ("an invented vesicle on a cell", 50, 36, 120, (2.0, 100.0, 0.5)),
    ):
        vesicle = blob(row, column, abs(height), 1.5)
        photons = cells + vesicle * (height < 0)
        noisy = gain * rng.poisson(photons) + offset + rng.normal(0, read_noise, photons.shape)
        restored = gain * (cells + vesicle * (height > 0)) + offset
        restored[:8, 60:] = offset - 2 * gain  # a restoration may fall below what a camera can give
        noisy[:8, 60:] = offset - 2 * gain + rng.normal(0, read_noise, (8, 20))
        yield what, (gain, offset, read_noise), noisy, restored


def suspicion(noisy, restored, gain, offset, read_noise, *, light=None, power=0.5, size=7, factor=7.0):
    """Residual in units of what it may be by chance, with the usual mistakes built in."""
    from scipy import ndimage

    light = restored if light is None else light
    variance = gain * np.clip(light - offset, 0, None) + read_noise**2
    return factor * ndimage.uniform_filter((noisy - restored) / variance**power, size)


def _farthest(average, distance=np.abs):
    row, column = np.unravel_index(np.argmax(distance(average)), average.shape)
    return row, column, average[row, column]


@exercise(
    chapter="08",
    hints=(
        "Where is the residual largest by mere chance: where there is little light, or where there is much? "
        "What must it be divided by, so that it is equally large everywhere?",
        "np.clip(restored - offset, 0, None) is the light. ndimage.uniform_filter(image, 7) averages over "
        "squares of 7×7 pixels; the mean of 49 independent values has a seventh of their spread.",
        "np.unravel_index(np.argmax(np.abs(average)), average.shape) gives row and column of the value "
        "farthest from 0; return average there, not its absolute value.",
    ),
)
def suspicious(function):
    """Find in a residual what a restoration has invented or lost."""
    expect_callable(function)
    for what, camera, noisy, restored in restorations():
        got = call(function, noisy, restored, *camera, pure=True)
        if not isinstance(got, tuple | list | np.ndarray) or np.shape(got) != (3,):
            raise Failure("Return three numbers: the row, the column and the value there.")
        row, column = (
            expect_number(number, what=f"the {name}")
            for number, name in zip(got, ("row", "column"), strict=False)
        )
        value = expect_number(got[2], what="the value")
        right = _farthest(suspicion(noisy, restored, *camera))
        if max(abs(row - right[0]), abs(column - right[1])) > 1 or abs(value - right[2]) > 0.02 * abs(
            right[2]
        ):
            raise Failure(_why_unsuspecting(what, camera, noisy, restored, (row, column, value), right))
    return "Found: two invented vesicles and a lost one, beside cells whose residual is far larger."


def _why_unsuspecting(what, camera, noisy, restored, got, right):
    """A sentence about a wrong place or value."""
    gain, offset, _ = camera
    residual = suspicion(noisy, restored, *camera)
    if np.allclose(got, _farthest(residual, np.positive), rtol=0.01):
        return "Look on either side of 0: light that was put in gives a negative residual."
    mistakes = {
        "The sign: noisy minus restored is negative where light was put in.": suspicion(
            restored, noisy, *camera, light=restored
        ),
        "Divide by the expected spread, the root of the variance.": suspicion(
            noisy, restored, *camera, power=1
        ),
        "Not divided by the expected noise: the largest residual is where there is most light.": suspicion(
            noisy, restored, *camera, power=0
        ),
        "Average over 7×7 pixels first: a single pixel may be far off by chance.": suspicion(
            noisy, restored, *camera, size=1, factor=1
        ),
        "Multiply the mean of 49 values by 7, the root of 49.": suspicion(noisy, restored, *camera, factor=1),
        "That is 49 times the mean, the sum; its spread is 7, not 1.": suspicion(
            noisy, restored, *camera, factor=49
        ),
        "Take the expected noise from the restored image: in the noisy one it depends on the noise.": (
            suspicion(noisy, restored, *camera, light=noisy)
        ),
        "Without the read-out noise the dark is trusted too much; add its variance.": suspicion(
            noisy, restored, gain, offset, 1e-3
        ),
    }
    for sentence, average in mistakes.items():
        if np.allclose(got, _farthest(average), rtol=0.01, atol=0.01):
            return sentence
    if np.allclose(got[:2], right[1::-1]) and not np.allclose(right[0], right[1]):
        return "Exchanged: return the row first, then the column."
    if np.allclose(got[:2], right[:2], atol=1):
        return f"The place is right; the value there should be {right[2]:.1f}, yours is {got[2]:.1f}."
    return (
        f"One field holds {what}, but not in row {got[0]:g}, column {got[1]:g}. Is the expected spread right "
        "everywhere, also where the restored image is below the offset?"
    )


# --- (6) a median with a blind spot ------------------------------


def donut(image, radius, *, centre=False, mode="mirror", function=np.median):
    """The reference: a filter over a square, with or without its middle."""
    from scipy import ndimage

    footprint = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    footprint[radius, radius] = centre
    return ndimage.generic_filter(image, function, footprint=footprint, mode=mode)


def _between_middle_values(image, radius, got):
    """Where `got` lies between the two middle values of the neighbours: 8 values have no single middle.

    At the border the neighbours are those of the mirrored image, or those alone that there are.
    """
    footprint = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    footprint[radius, radius] = False
    fine = np.zeros(image.shape, bool)
    for padded in (np.pad(image, radius, mode="reflect"), np.pad(image, radius, constant_values=np.nan)):
        windows = np.lib.stride_tricks.sliding_window_view(padded, footprint.shape)[..., footprint]
        low, high = (np.nanquantile(windows, 0.5, axis=-1, method=how) for how in ("lower", "higher"))
        fine |= (got >= low - 1e-4) & (got <= high + 1e-4)
    return fine


@exercise(
    chapter="08",
    hints=(
        "Which pixels of the square may take part? And at the border: which pixel would stand in for the one "
        "outside, and could it be the pixel itself?",
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
        for (row, column), step in product(((7, 8), (5, 4), (0, 0), (0, 9), (6, 16), (13, 3)), (1000, -1000)):
            changed = image.copy()
            changed[row, column] += step
            other = expect_array(call(function, changed, radius), shape=image.shape, what="your image")
            if not np.isclose(other[row, column], got[row, column]):
                inside = (row, column) in ((7, 8), (5, 4))
                place = "in the middle of the image" if inside else "at the border"
                raise Failure(
                    f"Not blind: when the pixel in row {row}, column {column} ({place}) changes, so does "
                    "your prediction of it."
                    + ("" if inside else ' Your padding repeats the border pixel; mode="mirror" does not.')
                )
        allowed = _between_middle_values(image, radius, got)
        if not allowed[inner].all():
            raise Failure(
                f"With radius={radius} the prediction is blind, but not the median of its neighbours."
            )
        if not allowed.all():
            raise Failure(
                f"With radius={radius} the inside is right and the border is not: mirror the image there, "
                "without "
                'repeating the border pixel (mode="mirror" in SciPy, "reflect" in NumPy and PyTorch).'
            )
    _judge_default(function, image)
    return "J-invariant: no pixel takes part in its own prediction, so the noisy image may judge the filter."


def _judge_default(function, image):
    """Without a radius, where the function allows it, the square is 3×3 as in the starter."""
    if not takes(function, image):
        return
    got = expect_array(call(function, image), shape=image.shape, what="your image without a radius")
    if not _between_middle_values(image, 1, got).all():
        raise Failure("Without a radius the square should have 3×3 pixels: radius=1.")


# --- (7) are neighbours independent? ------------------------------


def correlated_frames(vertical, horizontal, number=60):
    """Frames (number, 32, 40) of a scene whose noise is shared with the next pixel, down and to the right."""
    rng = np.random.default_rng(15)
    y, x = np.mgrid[:32, :40]
    scene = 100 + 60 * np.exp(-((y - 14) ** 2 + (x - 22) ** 2) / 60) + 0.5 * x
    noise = rng.normal(0, 4, (number, 33, 41))
    down, right = (_mixture(value) for value in (vertical, horizontal))
    noise = noise[:, :-1] + down * noise[:, 1:]
    return scene + noise[:, :, :-1] + right * noise[:, :, 1:]


def _mixture(correlation):
    """How much of the next pixel to add for a correlation r = a / (1 + a²)."""
    return 0.0 if not correlation else (1 - np.sqrt(1 - 4 * correlation**2)) / (2 * correlation)


def neighbour_correlations(noise):
    """Correlation of noise (N, Y, X) with that of the pixel below and of the pixel to the right."""
    pairs = ((noise[:, :-1], noise[:, 1:]), (noise[:, :, :-1], noise[:, :, 1:]))
    return tuple(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one, other in pairs)


@exercise(
    chapter="08",
    hints=(
        "Nothing moves in these frames. What is left if you subtract one frame from the next, and what "
        "if you "
        "do not?",
        "noise = np.diff(frames, axis=0), or frames - frames.mean(axis=0). Below: noise[:, :-1] against "
        "noise[:, 1:]; to the right: noise[:, :, :-1] against noise[:, :, 1:]. np.corrcoef of both, as "
        "one long "
        "row each, at [0, 1].",
    ),
)
def neighbour_correlation(function):
    """Measure whether the noise of a pixel goes with that of the pixel below and of the one to the right."""
    expect_callable(function)
    for vertical, horizontal in ((0.45, 0.0), (0.0, 0.3), (0.0, 0.0), (0.25, -0.4)):
        frames = correlated_frames(vertical, horizontal)
        right = neighbour_correlations(np.diff(frames, axis=0))
        got = expect_array(
            call(function, frames, pure=True), shape=(2,), what="your pair (below, to the right)"
        )
        mistakes = {
            "Your correlations are those of the scene: neighbours show the same structure. Take it away "
            "first, "
            "by subtracting frames or their mean.": neighbour_correlations(frames),
            "Subtract from every pixel its own mean over the frames (axis 0), not one mean for all.": (
                neighbour_correlations(frames - frames.mean(axis=(1, 2), keepdims=True))
            ),
            "Exchanged: first the pixel below, then the one to the right.": right[::-1],
            "Keep the sign: where a camera sharpens its images, noise of neighbours differs, and the "
            "correlation is below 0.": np.abs(right),
            "These are correlations of a frame with the next one; compare pixels of one frame.": (-0.5, -0.5),
        }
        if np.abs(got - right).max() <= 0.03:
            continue
        for sentence, wrong in mistakes.items():
            if np.abs(got - np.array(wrong)).max() <= 0.01:
                raise Failure(sentence)
        raise Failure(
            f"You get {got[0]:.2f} for the pixel below and {got[1]:.2f} for the one to the right, for "
            "noise in "
            f"which they are {right[0]:.2f} and {right[1]:.2f}."
        )
    return "Four cameras measured. This is the first thing to do with frames of your own."


# --- (8) what may be done ------------------------------


@exercise(
    chapter="08",
    hints=(
        "Which of the methods needs noise that is independent from pixel to pixel, and which only from "
        "frame to "
        "frame? And in which image does an error stay however many frames you average?",
        "The blind spot fails on the telomeres, pairs of frames do not. Light is measured in the original.",
    ),
)
def what_may_be_done(void_simulated, void_telomeres, pairs_telomeres, light_restored, light_original):
    """Forecast from the correlation of the noise what may be used, and which images light is measured in."""
    answers = {
        "Noise2Void, simulated camera": (
            void_simulated, True,
            "its noise is independent from pixel to pixel, which is all that a blind spot needs",
        ),
        "Noise2Void, telomeres": (
            void_telomeres, False,
            "the noise of a pixel can be guessed from the ones above and below, blind spot or not",
        ),
        "Noise2Noise, telomeres": (
            pairs_telomeres, True,
            "its noise is shared within a frame, but not between one frame and the next",
        ),
        "light in restored frames": (
            light_restored, False,
            "where the network is unsure it gives the mean of what is possible, the same way in every frame",
        ),
        "light in original frames": (
            light_original, True,
            "they are noisy but near the truth on average, and averaging helps",
        ),
    }  # fmt: skip
    for what, (answer, right, why) in answers.items():
        if answer not in (True, False):
            raise Failure(f"Answer True or False for: {what}.")
        if bool(answer) != right:
            raise Failure(f"Not so for “{what}”: {why}.")
    return "First the correlation, then the method; light is measured in the original."


# --- (9) stripes ------------------------------


def _about_columns(function):
    """What to say when stripes are left: does the function treat columns by their mean, or not at all?

    In a flat image with offsets of the columns, column means take all stripes away; with a bright object in
    some columns they leave a dark shadow above and below it.
    """
    flat = 100 + np.random.default_rng(5).normal(0, 4, (1, 256)) * np.ones((192, 1))
    bright = flat.copy()
    bright[80:120, 100:140] += 400
    plain, shaded = (np.asarray(call(function, image), float) for image in (flat, bright))
    by_column = np.std(plain.mean(axis=0)) < 0.5 * np.std(flat.mean(axis=0))
    shadow = shaded[:60, 105:135].mean() < shaded[:60, :90].mean() - 20
    if by_column and shadow:
        return (
            "a column's mean contains its nuclei, so columns with nuclei become too dark; which number of a "
            "column tells of its background alone?"
        )
    return "take care of them column by column"


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
        "What do all pixels of a column have in common, and which number of a column tells it even where a "
        "nucleus crosses the column?",
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
        raise Failure(f"{text}. The stripes are still there: {_about_columns(function)}.")
    raise Failure(f"{text}. The stripes are mostly gone; now the grain.")
