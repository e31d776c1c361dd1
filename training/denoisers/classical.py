"""Five filters, with and without stabilised variance; their strength is chosen on the validation images."""

from __future__ import annotations

import numpy as np
from skimage import filters, morphology, restoration

from bioimage_course import tools
from denoisers import noise


def _non_local_means(image, strength):
    sigma = tools.denoise.noise_level(image)
    return restoration.denoise_nl_means(
        image, patch_size=5, patch_distance=9, fast_mode=True, h=strength * sigma, sigma=sigma
    )


def _total_variation(image, strength):
    return restoration.denoise_tv_chambolle(image, weight=strength * tools.denoise.noise_level(image))


FILTERS = {
    "gaussian": (
        lambda x, p: filters.gaussian(x, p, mode="reflect"),
        (0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11),
    ),
    "median": (lambda x, p: filters.median(x, morphology.disk(p), mode="reflect"), (1, 2, 3, 4, 5, 6, 8, 11)),
    "nlm": (_non_local_means, (0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8)),
    "wavelets": (
        lambda x, p: tools.denoise.wavelets(x, p, scales=5),
        (0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16),
    ),
    "tv": (_total_variation, (0.6, 0.8, 1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 4, 5, 6.5, 8, 11, 16)),
}
"""Name: (function of image and strength, strengths to choose from); strengths in units of the noise."""

STABILISED = "-vst"
METHODS = [*FILTERS, *(name + STABILISED for name in FILTERS)]


def apply(method, image, strength):
    """One filter on one image; with stabilised variance the noise is measured on this very image."""
    name, image = method.removesuffix(STABILISED), np.asarray(image, float)
    function = FILTERS[name][0]
    if method == name:
        low, high = image.min(), np.ptp(image)
        return function((image - low) / high, strength) * high + low
    line = noise.line_of_one_image(image)
    return noise.destabilised(function(noise.stabilised(image, *line), strength), *line)


def tune(method, fold):
    """Strength with the highest score on the validation images of a fold, and all scores."""
    strengths = FILTERS[method.removesuffix(STABILISED)][1]
    curve = [
        (p, round(fold.validate([apply(method, pair.noisy, p) for pair in fold.validation]), 3))
        for p in strengths
    ]
    return max(curve, key=lambda point: point[1])[0], curve
