"""What can be measured about noise before a method is chosen."""

from __future__ import annotations

import numpy as np

from bioimage_course import tools
from denoisers.sets import fit_to

BINS = 12


def of_pairs(pairs, reach: int = 4) -> dict:
    """Noise of noisy images against their references: its line, and how far neighbours share it.

    ``slope`` and ``intercept`` belong to variance against mean, in the units of the noisy images;
    ``brightest_over_darkest`` is the variance of the brightest twelfth of the pixels over that of the
    darkest, and tells at a glance whether the noise depends on the signal. ``down`` and ``right`` are the
    correlations of the noise with that of the pixel 1, 2, … further.
    """
    each = [_of_pair(pair.noisy, pair.clean, reach) for pair in pairs]
    return {key: np.round(np.mean([e[key] for e in each], axis=0), 4).tolist() for key in each[0]} | {
        "images": len(each)
    }


def _of_pair(noisy, clean, reach):
    signal = fit_to(clean, noisy)
    noise = np.asarray(noisy, float) - signal
    line = variance_line(signal, noise)
    return line | {
        "std": float(noise.std()),
        "down": autocorrelation(noise, reach, axis=0),
        "right": autocorrelation(noise, reach, axis=1),
        "diagonal": float(_product(noise - noise.mean(), 1, 1) / noise.var()),
    }


def of_frames(frames, reach: int = 4) -> dict:
    """Noise of a field that was recorded many times, from differences of one frame and the next.

    Unlike the difference to a reference it is free of what moves slowly, bleaches or drifts.
    """
    frames = np.asarray(frames, float)
    noise = np.diff(frames, axis=0) / np.sqrt(2)
    each = noise[:: max(1, len(noise) // 30)]
    mean, variance = frames.mean(axis=0), noise.var(axis=0)
    parts = np.array_split(np.argsort(mean, axis=None), BINS)
    means = [float(mean.ravel()[p].mean()) for p in parts]
    variances = [float(variance.ravel()[p].mean()) for p in parts]
    slope, intercept = np.polyfit(means, variances, 1)
    return {
        "slope": round(float(slope), 4),
        "intercept": round(float(intercept), 4),
        "brightest_over_darkest": round(variances[-1] / variances[0], 4),
        "means": np.round(means, 4).tolist(),
        "variances": np.round(variances, 4).tolist(),
        "std": round(float(noise.std()), 4),
        "down": np.round(np.mean([autocorrelation(n, reach, 0) for n in each], axis=0), 4).tolist(),
        "right": np.round(np.mean([autocorrelation(n, reach, 1) for n in each], axis=0), 4).tolist(),
        "frames": len(frames),
    }


def variance_line(signal, noise) -> dict:
    """Variance of the noise against the signal, in bins of equally many pixels."""
    order = np.argsort(np.ravel(signal), kind="stable")
    means, variances = [], []
    for part in np.array_split(order, BINS):
        means.append(np.ravel(signal)[part].mean())
        variances.append(np.ravel(noise)[part].var())
    slope, intercept = np.polyfit(means, variances, 1)
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "brightest_over_darkest": float(variances[-1] / max(variances[0], 1e-12)),
        "means": means,
        "variances": variances,
    }


def autocorrelation(noise, reach: int, axis: int) -> list[float]:
    """Correlation of the noise with itself 1, 2, … `reach` pixels further along an axis."""
    noise = noise - noise.mean()
    steps = [(d, 0) if axis == 0 else (0, d) for d in range(1, reach + 1)]
    return [float(_product(noise, *step) / noise.var()) for step in steps]


def _product(noise, down, right):
    height, width = noise.shape
    return np.mean(noise[down:, right:] * noise[: height - down, : width - right])


# ---------------------------------------------------------------- without a reference


def line_of_one_image(image, bins: int = BINS) -> tuple[float, float]:
    """Slope and intercept of variance against mean, from one noisy image alone.

    In each 2×2 block the difference of the diagonals holds noise and hardly any structure (as in
    `tools.denoise.noise_level`); blocks are sorted by their brightness in a smoothed image.
    """
    from scipy import ndimage

    image = np.asarray(image, float)
    height, width = (n // 2 * 2 for n in image.shape)
    a, b = image[:height:2, :width:2], image[:height:2, 1:width:2]
    c, d = image[1:height:2, :width:2], image[1:height:2, 1:width:2]
    detail = (a - b - c + d) / 2
    bright = ndimage.gaussian_filter((a + b + c + d) / 4, 2)
    parts = np.array_split(np.argsort(bright, axis=None), bins)
    means = np.array([bright.ravel()[p].mean() for p in parts])
    variances = np.array([(np.median(np.abs(detail.ravel()[p])) / 0.67448975) ** 2 for p in parts])
    slope, intercept = np.polyfit(means, variances, 1)
    # noise that does not grow with the light, rounding errors apart: nothing to stabilise
    if slope * np.ptp(means) <= 1e-6 * variances.mean():
        return 0.0, max(float(tools.denoise.noise_level(image)) ** 2, 1e-12)
    return float(slope), float(intercept)


def stabilised(image, slope, intercept):
    """Generalised Anscombe transform: the noise becomes about 1 everywhere."""
    if slope == 0:
        return np.asarray(image, float) / np.sqrt(intercept)
    return 2 / slope * np.sqrt(np.maximum(slope * np.asarray(image, float) + 3 / 8 * slope**2 + intercept, 0))


def destabilised(image, slope, intercept):
    """Back again, with the mean and not the transformed mean right (closed form of the exact inverse).

    Mäkitalo and Foi 2013, doi:10.1109/TIP.2012.2202675.
    """
    if slope == 0:
        return np.asarray(image, float) * np.sqrt(intercept)
    d = np.maximum(np.asarray(image, float), 2 * np.sqrt(3 / 8))
    root = np.sqrt(3 / 2)
    photons = d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8
    return slope * photons - intercept / slope
