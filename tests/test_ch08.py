"""Chapter 8: exercises tell right answers, usual mistakes and untouched starters apart."""

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from bioimage_course import check
from bioimage_course.check.exercises import ch08
from exercise_cells import failure

# --- (1) ------------------------------


def measured(frames, offset, **settings):
    gain, intercept = ch08.line(frames, offset, **settings)
    return gain, np.sqrt(abs(intercept))


def test_simulated_camera_has_the_line_of_theory():
    for gain, offset, read_noise in ch08.CAMERAS:
        found = measured(ch08.camera_frames(gain, offset, read_noise), offset)
        np.testing.assert_allclose(found, (gain, read_noise), rtol=0.03)


def test_differences_of_successive_frames_are_right_too():
    def function(frames, offset):
        variance = (np.diff(frames, axis=0) ** 2).mean(axis=0) / 2
        gain, intercept = np.polyfit((frames.mean(axis=0) - offset).ravel(), variance.ravel(), 1)
        return [gain, np.sqrt(intercept)]

    assert check.camera_line.verdict(function).passed


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda f, o: measured(f, o, power=0.5), "You fit the standard deviation"),
        (lambda f, o: (1 / measured(f, o)[0], 3.0), "one divided by the gain"),
        (lambda f, o: measured(f, o)[::-1], "Exchanged"),
        (lambda f, o: (measured(f, o)[0] ** 2, 3.0), "That is the gain squared"),
        (lambda f, o: (measured(f, o)[0], measured(f, o)[1] ** 2), "take its square root"),
        (lambda f, o: measured(f, 0.0), "at the offset, not at a grey value of 0"),
        (lambda f, o: (measured(f, o)[0], np.nan), "subtract the offset first"),
        (lambda f, o: (measured(f, o)[0] * 1.1, 4.0), "off by more than 5 %"),
        (lambda f, o: (measured(f, o)[0], 9.0), "off by more than 5 %"),
        (lambda f, o: 2.0, "Return two numbers"),
        (lambda f, o: ("2", 4.0), "the gain of a camera"),
    ],
)
def test_wrong_cameras(function, sentence):
    assert sentence in failure("camera_line", function)


def test_changing_the_frames_is_noticed():
    def spoils(frames, offset):
        frames -= offset
        return measured(frames, 0.0)

    assert "chang" in failure("camera_line", spoils)


# --- (2) ------------------------------


def tried(values, error, count=1000):
    """The best of many tried numbers."""
    numbers = np.linspace(values.min(), values.max(), count)
    return numbers[np.argmin([error(values - number).mean() for number in numbers])]


def test_mean_and_median_are_the_best_of_all_numbers():
    for values in ch08.VALUES:
        step = np.ptp(values) / 500
        assert tried(values, np.square) == pytest.approx(values.mean(), abs=step)
        assert tried(values, np.abs) == pytest.approx(np.median(values), abs=step)


@pytest.mark.parametrize("count", [100, 150, 300, 1000])
def test_trying_numbers_is_accepted(count):
    answer = check.best_constants.verdict(lambda v: (tried(v, np.square, count), tried(v, np.abs, count)))
    assert answer.passed, answer.message


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda v: (np.median(v), v.mean()), "Exchanged"),
        (lambda v: (np.median(v), np.median(v)), "For the squared difference you return the median"),
        (lambda v: (v.mean(), v.mean()), "For the absolute difference you return the mean"),
        (lambda v: ((v.min() + v.max()) / 2, np.median(v)), "smallest largest difference"),
        (lambda v: (v.mean(), v.max()), "another number is nearer"),
        (lambda v: v.mean(), "Return two numbers"),
        (lambda v: (np.nan, np.median(v)), "your number for the squared difference"),
    ],
)
def test_wrong_constants(function, sentence):
    assert sentence in failure("best_constants", function)


# --- (3) ------------------------------


def masking(choose, target=None):
    """A blind spot with another rule for the values at the spots, or another target."""

    def function(patch, spots, rng):
        masked = patch.copy()
        for row, column in spots:
            masked[row, column] = choose(patch, row, column, rng)
        places = patch[spots[:, 0], spots[:, 1]]
        return masked, places if target is None else target(patch, masked, spots)

    return function


def neighbour(patch, row, column, rng):
    return rng.choice(ch08._neighbours(patch, row, column))


def test_any_random_neighbour_is_accepted():
    assert check.blind_spot.verdict(masking(neighbour)).passed


def from_masked(patch, spots, rng):
    masked = patch.copy()
    for row, column in spots:
        masked[row, column] = neighbour(masked, row, column, rng)
    return masked, patch[spots[:, 0], spots[:, 1]]


def across_edges(patch, row, column, rng):
    places = [(row + y, column + x) for y, x in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    return rng.choice(
        [patch[p] for p in places if min(p) >= 0 and p[0] < patch.shape[0] and p[1] < patch.shape[1]]
    )


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (from_masked, "read the neighbours from `patch`"),
        (masking(across_edges), "across the corners count"),
        (masking(lambda p, r, c, rng: neighbour(p, r, c, np.random.default_rng())), "draw with the rng"),
    ],
)
def test_neighbours_that_are_not_original_not_all_or_not_of_the_generator(function, sentence):
    assert sentence in failure("blind_spot", function)


def test_a_border_that_is_never_read_is_noticed():
    def choose(patch, row, column, rng):
        around = [v for v in ch08._neighbours(patch, row, column) if v not in patch[0] or row > 1]
        return rng.choice(around)

    assert "never takes the value in row 0" in failure("blind_spot", masking(choose))


def draws_until_inside(patch, row, column, rng):
    while True:
        y, x = (row, column) + rng.integers(-1, 2, 2)
        if (y, x) != (row, column) and 0 <= y < patch.shape[0] and 0 <= x < patch.shape[1]:
            return patch[y, x]


def mirrored(patch, row, column, rng):
    offsets = [(y, x) for y in (0, 1, 2) for x in (0, 1, 2) if (y, x) != (1, 1)]
    y, x = offsets[rng.integers(8)]
    return np.pad(patch, 1, mode="reflect")[row + y, column + x]


@pytest.mark.parametrize("choose", [draws_until_inside, mirrored])
def test_other_ways_to_draw_a_neighbour(choose):
    answer = check.blind_spot.verdict(masking(choose))
    assert answer.passed, answer.message


def everywhere(patch, spots, rng):
    return np.roll(patch, 1, axis=0), patch[spots[:, 0], spots[:, 1]]


def with_itself(patch, row, column, rng):
    return rng.choice([*ch08._neighbours(patch, row, column), patch[row, column]])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (masking(lambda p, r, c, rng: p[r, c]), "still show their own value"),
        (masking(with_itself), "leave (row, column) itself out"),
        (masking(lambda p, r, c, rng: 0), "is 0. A network sees at once"),
        (masking(lambda p, r, c, rng: np.mean(ch08._neighbours(p, r, c))), "the mean of its neighbours"),
        (masking(lambda p, r, c, rng: rng.choice(p[5:7, 4:8].ravel())), "none of its eight neighbours"),
        (masking(lambda p, r, c, rng: ch08._neighbours(p, r, c)[0]), "let rng choose"),
        (masking(lambda p, r, c, rng: rng.choice(ch08._neighbours(p, r, c)[:2])), "one or two of the eight"),
        (masking(neighbour, lambda p, m, s: m[s[:, 0], s[:, 1]]), "read from the masked patch"),
        (masking(neighbour, lambda p, m, s: p), "the values at the spots only"),
        (masking(neighbour, lambda p, m, s: p[s[:, 1], s[:, 0]]), "your target"),
        (everywhere, "touch the spots only"),
        (lambda p, s, rng: p, "Return two things"),
    ],
)
def test_wrong_blind_spots(function, sentence):
    assert sentence.lower() in failure("blind_spot", function).lower()


def test_masking_the_patch_itself_is_noticed():
    def in_place(patch, spots, rng):
        target = patch[spots[:, 0], spots[:, 1]]
        for row, column in spots:
            patch[row, column] = neighbour(patch, row, column, rng)
        return patch, target

    assert "chang" in failure("blind_spot", in_place)


# --- what has been invented? ------------------------------


def suspicious(
    noisy,
    restored,
    gain,
    offset,
    read_noise,
    *,
    power=0.5,
    sign=1,
    factor=7.0,
    clip=0,
    far=np.abs,
    light=None,
):
    """The solution, with what learners may get wrong."""
    light = (restored if light is None else noisy) - offset
    variance = gain * (light if clip is None else np.clip(light, clip, None)) + read_noise**2
    average = factor * ndimage.uniform_filter(sign * (noisy - restored) / variance**power, 7)
    row, column = np.unravel_index(np.argmax(far(average)), average.shape)
    return row, column, average[row, column]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"power": 1}, "root of the variance"),
        ({"power": 0}, "Not divided by the expected noise"),
        ({"sign": -1}, "noisy minus restored is negative"),
        ({"factor": 1}, "by 7, the root of 49"),
        ({"factor": 49}, "the sum; its spread is 7"),
        ({"far": np.positive}, "either side of 0"),
        ({"light": "noisy"}, "from the restored image"),
        ({"clip": None}, "below the offset"),
    ],
)
def test_wrong_suspicions(change, sentence):
    assert sentence in failure("suspicious", lambda *args: suspicious(*args, **change))


def test_suspicions_in_other_forms():
    def by_loop(noisy, restored, gain, offset, read_noise):
        spread = np.sqrt(gain * np.maximum(restored - offset, 0) + read_noise**2)
        scaled, best = (noisy - restored) / spread, [0, 0, 0.0]
        for row in range(3, noisy.shape[0] - 3):
            for column in range(3, noisy.shape[1] - 3):
                value = scaled[row - 3 : row + 4, column - 3 : column + 4].sum() / 7
                if abs(value) > abs(best[2]):
                    best = [row, column, value]
        return best

    assert check.suspicious.verdict(by_loop).passed
    assert check.suspicious.verdict(lambda *args: np.array(suspicious(*args), np.float32)).passed
    assert "row first" in failure("suspicious", lambda *args: np.array(suspicious(*args))[[1, 0, 2]])
    assert "The sign" in failure("suspicious", lambda *args: (*suspicious(*args)[:2], -suspicious(*args)[2]))
    assert "three numbers" in failure("suspicious", lambda *args: suspicious(*args)[:2])
    assert "the value there should be" in failure("suspicious", lambda *args: (*suspicious(*args)[:2], 1.0))


# --- (4) ------------------------------


def test_reference_is_the_median_of_the_neighbours():
    image = np.random.default_rng(0).normal(size=(9, 9))
    around = np.delete(image[3:6, 4:7].ravel(), 4)
    assert ch08.donut(image, 1)[4, 5] == np.median(around)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda i, r: ndimage.median_filter(i, size=2 * r + 1), "the pixel in the middle counts, too"),
        (lambda i, r: ch08.donut(i, r, function=np.mean), "take their median"),
        (lambda i, r: ch08.donut(i, 1), "radius=2"),
        (lambda i, r: ch08.donut(i, r - 1) if r > 1 else i, "change nothing"),
        (lambda i, r: ch08.donut(i, r, mode="reflect"), "Your padding repeats the border pixel"),
        (lambda i, r: ch08.donut(i, r, function=np.max), "not the median of its neighbours"),
        (lambda i, r: ch08.donut(i, r)[1:], "shape"),
        (lambda i, r: ch08.donut(i, r) + 0.5 * i, "Not blind"),
    ],
)
def test_wrong_blind_medians(function, sentence):
    assert sentence in failure("blind_median", function)


def test_the_default_radius_is_that_of_the_starter():
    assert check.blind_median.verdict(lambda i, r=1: ch08.donut(i, r)).passed
    assert check.blind_median.verdict(lambda image, radius: ch08.donut(image, radius)).passed
    assert "Without a radius" in failure("blind_median", lambda i, r=2: ch08.donut(i, r))


@pytest.mark.parametrize("mode", ["wrap", "constant"])
def test_another_border_is_noticed(mode):
    message = failure("blind_median", lambda i, r: ch08.donut(i, r, mode=mode))
    assert "the inside is right and the border is not" in message


def test_a_border_left_at_zero_is_noticed():
    def function(image, radius):
        inside = np.s_[radius:-radius, radius:-radius]
        result = np.zeros_like(image)
        result[inside] = ch08.donut(image, radius)[inside]
        return result

    assert "the border is not" in failure("blind_median", function)


def ring(radius):
    footprint = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    footprint[radius, radius] = False
    return footprint


def with_torch(image, radius):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    size = 2 * radius + 1
    padded = torch.nn.functional.pad(
        torch.tensor(image, dtype=torch.float32)[None, None], [radius] * 4, mode="reflect"
    )
    windows = torch.nn.functional.unfold(padded, size)[0]
    return windows[torch.arange(size * size) != size * size // 2].median(dim=0).values.reshape(image.shape)


def of_those_that_there_are(image, radius):
    padded = np.pad(image, radius, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, ring(radius).shape)[..., ring(radius)]
    return np.nanmedian(windows, axis=-1)


@pytest.mark.parametrize(
    "function",
    [
        lambda i, r: ch08.donut(i, r),
        lambda i, r: ndimage.median_filter(i, footprint=ring(r), mode="mirror"),  # the upper of the two
        lambda i, r: ndimage.rank_filter(i, ring(r).sum() // 2 - 1, footprint=ring(r), mode="mirror"),
        with_torch,
        of_those_that_there_are,
    ],
)
def test_every_middle_value_is_a_median(function):
    answer = check.blind_median.verdict(function)
    assert answer.passed, answer.message


# --- (5) ------------------------------


def without_offsets(image):
    medians = np.median(image, axis=0)
    return image - (medians - ndimage.gaussian_filter1d(medians, 15))


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda i: i, "as noisy as before"),
        (lambda i: i + 7, "as noisy as before"),
        (lambda i: ndimage.gaussian_filter(i, 0.8), "column by column"),
        (lambda i: ndimage.gaussian_filter(i, 1.7), "column by column"),
        (without_offsets, "now the grain"),
        (lambda i: np.full_like(i, 100), "took the nuclei away"),
        (lambda i: i[:, 1:], "shape"),
    ],
)
def test_wrong_stripe_removal(function, sentence):
    assert sentence in failure("remove_stripes", function)


def test_column_means_get_a_sentence_of_their_own():
    def by_mean(image):
        return ndimage.gaussian_filter(image - image.mean(axis=0) + image.mean(), 1.7)

    assert "a column's mean contains its nuclei" in failure("remove_stripes", by_mean)


def test_no_ordinary_filter_is_enough():
    from skimage import restoration

    for weight in (10, 15, 20):
        message = failure("remove_stripes", lambda i, w=weight: restoration.denoise_tv_chambolle(i, weight=w))
        assert "9.5 dB are wanted" in message


def test_stripes_and_grain_are_both_in_the_images():
    for noisy, truth in ch08.striped_images():
        grain = noisy - truth
        assert grain.mean(axis=0).std() == pytest.approx(4, rel=0.2)
        assert np.std(grain - grain.mean(axis=0)) > 3


# --- a fair score ------------------------------


def scored(denoise, strengths, noisy, truth, tuning, scoring, *, chosen_in=None, judged_in=None):
    """The right function, with other parts for choosing and judging."""

    def error(strength, part):
        return np.mean((denoise(noisy, strength)[part] - truth[part]) ** 2)

    strength = min(strengths, key=lambda s: error(s, tuning if chosen_in is None else chosen_in))
    return [strength, error(strength, scoring if judged_in is None else judged_in)]


def test_tuned_here_and_scored_there():
    assert check.fair_score.verdict(scored).passed


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda *a: scored(*a, chosen_in=a[-1]), "with a look at the scoring part"),
        (lambda *a: scored(*a, chosen_in=np.s_[:]), "too good"),
        (lambda *a: scored(*a, judged_in=a[-2]), "error in the tuning part"),
        (lambda *a: scored(*a, judged_in=np.s_[:]), "error of the whole image"),
        (lambda *a: scored(*a)[0], "Return two numbers"),
        (lambda *a: (scored(*a)[0], scored(*a)[1] ** 0.5), "leave the root out"),
    ],
)
def test_unfair_scores(function, sentence):
    assert sentence in failure("fair_score", function)


# --- are neighbours independent? ------------------------------


def by_hand(frames, noise=lambda frames: np.diff(frames, axis=0)):
    rest = noise(np.asarray(frames, np.float32))
    rest = rest - rest.mean()
    return [
        float((rest[:, :-1] * rest[:, 1:]).mean() / rest.var()),
        float((rest[:, :, :-1] * rest[:, :, 1:]).mean() / rest.var()),
    ]


@pytest.mark.parametrize(
    "noise", [lambda f: np.diff(f, axis=0), lambda f: f - f.mean(axis=0), lambda f: f[1::2] - f[::2]]
)
def test_every_way_to_take_the_scene_away_is_accepted(noise):
    answer = check.neighbour_correlation.verdict(lambda frames: by_hand(frames, noise))
    assert answer.passed, answer.message


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (ch08.neighbour_correlations, "those of the scene"),
        (lambda f: by_hand(f)[::-1], "Exchanged"),
        (lambda f: by_hand(f)[0], "shape"),
        (lambda f: [0.0, 0.0], "You get 0.00"),
        (lambda f: np.abs(by_hand(f)) ** 0.5, "in which they are"),
        (lambda f: np.abs(by_hand(f)), "Keep the sign"),
    ],
)
def test_wrong_correlations(function, sentence):
    assert sentence in failure("neighbour_correlation", function)


# --- the page ------------------------------


@pytest.fixture
def recipe(root, tmp_path, monkeypatch):
    """The page's lines for a folder of TIFF images, with a single epoch, beside a folder of such images."""
    page = (root / "book" / "08-denoising.qmd").read_text("utf-8")
    (lines,) = (code for code in re.findall("```python\n(.*?)```", page, re.S) if "predict_to_disk" in code)
    assert "num_epochs=50" in lines
    monkeypatch.chdir(tmp_path)
    return "from careamics import CAREamist\nfrom careamics.config import *\n" + lines.replace("=50", "=1")


def noisy_folder(number):
    Path("noisy").mkdir()
    for index in range(number):
        image = np.random.default_rng(index).poisson(30, (128, 150)).astype(np.float32)
        tifffile.imwrite(f"noisy/{index}.tif", image)


@pytest.mark.slow
def test_the_lines_for_a_folder_do_what_the_page_says(recipe):
    noisy_folder(4)  # 5 patches each, 8 of them set aside
    exec(recipe, {})
    restored = [tifffile.imread(path) for path in sorted(Path("restored").glob("*.tif*"))]
    assert [image.shape for image in restored] == [(128, 150)] * 4
    assert np.isfinite(restored).all() and not np.array_equal(*restored[:2])


@pytest.mark.slow
def test_careamics_stops_where_eight_patches_are_all(recipe):
    noisy_folder(1)
    with pytest.raises(ValueError, match="decrease 'n_val_patches'"):
        exec(recipe, {})


# --- a forecast ------------------------------


def test_forecast():
    assert check.what_may_be_done.verdict(True, False, True, False, True).passed
    assert check.what_may_be_done.verdict(1, 0, np.True_, False, True).passed
    assert check.what_may_be_done.verdict(True, ..., True, False, True).status == "open"
    right = [True, False, True, False, True]
    for k in range(5):
        wrong = [value != (place == k) for place, value in enumerate(right)]
        assert "Not so for" in failure("what_may_be_done", *wrong)
    assert "True or False" in failure("what_may_be_done", "yes", False, True, False, True)
