"""Materials of chapter 14."""

import numpy as np

MEASURES = {
    "labels per object": ("output", "at least"),
    "dimensions of an object": ("output", "at least"),
    "object F1": ("quality", "at least"),
    "share missed, difference of conditions": ("quality", "at most"),
    "error of areas, difference of conditions": ("quality", "at most"),
    "seconds an image": ("resources", "at most"),
    "memory in GB": ("resources", "at most"),
    "hours of work": ("resources", "at most"),
    "images uploaded": ("resources", "at most"),
    "channels read": ("input", "at least"),
    "files converted by hand": ("input", "at most"),
}
"""What a test can measure: the area of questions it belongs to, and the side of the limit to be on."""


def largest_difference(effect, kept=0.75):
    """Share that may be missed more in one condition than in the other, if so much of the effect must stay.

    Solves (1 + effect)·(1 − difference) − 1 = kept·effect; nothing is missed in the control.

    Parameters
    ----------
    effect : float
        True relative change, above 0.
    kept : float
        Share of the effect that must still be measured, 0 to 1.

    Returns
    -------
    float
    """
    return 1 - (1 + kept * effect) / (1 + effect)


PROJECTS = {
    "screen": {
        "brief": (
            "Screen. 40,000 images of nuclei, two channels each, must be through on one workstation with 16 "
            "GB within a weekend (48 hours). The question: does a compound raise the number of nuclei by a "
            "fifth (20 %) or more? Whatever goes wrong with the counting, at least three quarters of such an "
            "effect must be left. Nobody will look at each image."
        ),
        "needs": {
            "labels per object": (
                1,
                "Nuclei can only be counted if each gets a label of its own: 1 per object.",
            ),
            "share missed, difference of conditions": (
                largest_difference(0.2),
                "Of an effect of 0.2, 0.15 must be left: (1 + 0.2)·(1 − d) − 1 ≥ 0.15, so at most 0.0417 "
                "more may be missed in one condition than in the other.",
            ),
            "seconds an image": (
                48 * 3600 / 40_000,
                "48 hours have 172,800 seconds; divided by 40,000 images that is 4.32 an image.",
            ),
            "memory in GB": (16, "The workstation has 16 GB."),
            "channels read": (2, "Each image has two channels."),
        },
    },
    "tissue": {
        "brief": (
            "Tissue. Stained sections of 12 patients, one each, RGB, must not leave the hospital. The "
            "question: are nuclei of the tumour 30 % larger in area than those beside it? At least three "
            "quarters of such an effect must be left. One doctoral student, a laptop with 8 GB, and two days "
            "of work (16 hours) in all, annotation included."
        ),
        "needs": {
            "labels per object": (1, "The area of a nucleus needs a label for each nucleus: 1 per object."),
            "error of areas, difference of conditions": (
                largest_difference(0.3),
                "Of an effect of 0.3, 0.225 must be left: (1 + 0.3)·(1 − d) − 1 ≥ 0.225, so the relative "
                "errors of the areas in tumour and beside it may differ by at most 0.0577.",
            ),
            "hours of work": (16, "There are two days: 16 hours."),
            "memory in GB": (8, "The laptop has 8 GB."),
            "images uploaded": (0, "Images of patients must not leave the hospital: 0 uploaded."),
            "channels read": (3, "RGB has three channels."),
        },
    },
}
"""The two projects of the exercise, and the must-haves that follow from their briefs."""


BETWEEN, WITHIN, IMAGES = 0.10, 0.11, 4
"""Relative standard deviation between wells, and between images of one well; number of images a well."""


def fields(mean, wells, rng, repeats=4000):
    """Nuclei in each image of many simulated experiments: wells differ, and so do the images of a well.

    Parameters
    ----------
    mean : float
        Expected number of nuclei in an image.
    wells : int
        Wells of the condition, each with `IMAGES` images.
    rng : numpy.random.Generator
    repeats : int
        Number of experiments.

    Returns
    -------
    array of float, shape (repeats, wells, IMAGES)
    """
    well = BETWEEN * rng.standard_normal((repeats, wells, 1))
    return mean * (1 + well + WITHIN * rng.standard_normal((repeats, wells, IMAGES)))


def simulated_share(
    effect, missed, wells, repeats=4000, seed=0, *, unit="well", either_sign=False, welch=True
):
    """Share of experiments that report more nuclei, p < 0.05 in Welch's test, when some are missed.

    Parameters
    ----------
    effect : float
        True relative change of the mean number of nuclei.
    missed : float
        Share of the nuclei that is missed in treated images only.
    wells : int
        Wells in each of the two conditions; each has `IMAGES` images.
    repeats, seed : int
    unit : {"well", "image"}
        What the test takes for an independent measurement: the mean of a well, or, wrongly, each image.
    either_sign : bool
        Count reports of a decrease, too.
    welch : bool
        Welch's test; otherwise Student's, which takes both spreads for equal.

    Returns
    -------
    float
    """
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(seed)
    groups = fields(100 * (1 + effect) * (1 - missed), wells, rng, repeats), fields(100, wells, rng, repeats)
    if unit == "well":
        treated, control = (group.mean(axis=2) for group in groups)
    else:
        treated, control = (group.reshape(repeats, -1) for group in groups)
    test = ttest_ind(treated, control, axis=1, equal_var=not welch)
    return float(np.mean((test.pvalue < 0.05) & (either_sign | (test.statistic > 0))))


TOY = [
    ("classical", 0.60, 0.2, 0.1),
    ("pretrained", 0.72, 0.5, 3.0),
    ("fine-tuned", 0.80, 4.0, 2.0),
    ("by hand", 0.90, 30.0, 0.0),
]
"""Name, AP, hours of a person, hours of computing: an invented race in which the winner changes often."""


CATEGORIES = ("manual", "classical", "pixel classifier", "pretrained", "fine-tuned", "from scratch")
"""The six categories of methods, in the order of computing skill that they ask for."""


BEGINNINGS = {
    "A": "Six electron micrographs, one organelle in each, to be outlined as exactly as an expert can. One "
    "week.",
    "B": "5,000 images of bright, round beads, far apart on an even, dark background. How many beads?",
    "C": "Which share of 200 photographs of skin is scar, which is healthy, which is hair? No objects, an "
    "afternoon.",
    "D": "300 images of ordinary fluorescent nuclei, many of them touching, no outlines drawn. Counts by "
    "tonight.",
    "E": "A published cell model finds two cells of three in your images and cuts the long ones. You have a "
    "week, 30 "
    "outlined cells, and 4,000 images to come.",
    "F": "A modality for which nobody has published a network, 60 volumes outlined over years, a computing "
    "centre.",
}
"""Six projects; in each of them one category is the one to begin with."""


KINDS = {
    "nuclei, apart": ("nuclei", np.s_[305:430, 215:340], "easy"),
    "nuclei, touching": ("nuclei", np.s_[90:250, 0:160], "crowded"),
    "nuclei, a stack": ("nuclei-3d", np.s_[15, :57], None),
    "spread cells": ("spread-cells", np.s_[60:380, 0:320], "spread cells"),
    "bacteria": ("bacteria", np.s_[16:126, 10:120], None),
    "plant cells": ("ovule-cells", np.s_[:, :], "ovule"),
    "epithelium": ("epithelium", np.s_[:140, :140], "epithelium"),
    "tissue, H&E": ("tissue-he", np.s_[60:220, 100:260], "tissue"),
    "tissue, IHC": ("ihc", np.s_[100:300, 100:300], None),
    "axons, EM": ("em-axons", np.s_[130:384, 130:384], "axons"),
    "chloroplasts, EM": ("chloroplasts", np.s_[:, :], "chloroplasts"),
    "spots": ("telomere-frames", np.s_[20, :120, 30:150], None),
}
"""Kinds of images: a built-in sample, the part of it that is shown, and the images of `results.race` or
`results.other_cells` on which the course's own models are scored, if any."""

OURS = ("voronoi-otsu", "stardist", "unet", "cellpose")


def example(kind):
    """Return a picture of a kind of image, and the objects in it.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.

    Returns
    -------
    image : array (Y, X) or (Y, X, 3)
    labels : array of int (Y, X) or None
        None where nobody has outlined anything.
    """
    from bioimage_course import data

    sample, part, _ = KINDS[kind]
    found = data.load(sample)
    return found.image[part], None if found.labels is None else found.labels[part]


def own_scores(kind):
    """AP@0.5 of the course's own four nuclei models on images of a kind, without adjustment.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.

    Returns
    -------
    scores : list of float
        One a model, in no order that means anything; empty where they were not scored. Of images in phase
        contrast and of electron micrographs they also see the inverse, and the better score counts.
    images : int
        On how many images.
    truth : str
        Who made the outlines.
    """
    from bioimage_course.results import other_cells, race

    scored = KINDS[kind][2]
    if scored in race.KINDS:
        images = race.results()["kinds"][scored]["images"]
        return [float(race.counts(name, scored).pooled[0]) for name in OURS], len(images), "manual"
    if scored in other_cells.scored():
        about = other_cells.results()["sets"][scored]
        return [other_cells.best_ap(name, scored) for name in OURS], len(about["images"]), about["truth"]
    return [], 0, ""
