"""A pixel classifier behind the course's one signature: ``segment(image) -> labels``.

Every pixel is described by what a bank of filters answers there; a random forest learns from a few annotated
pixels which answers mean background, object, or border between two objects (the idea of ilastik, Berg et al.
2019, doi:10.1038/s41592-019-0582-9, and of Labkit). The course's own classifier is stored as its annotations,
like a project of ilastik: the forest is grown again from them, in a second or two, when it is first needed.
"""

from dataclasses import dataclass

import numpy as np

from bioimage_course import arguments, data, shipped
from bioimage_course.errors import InputError
from bioimage_course.fingerprint import kept
from bioimage_course.large.grid import Tiling
from bioimage_course.tools import voronoi_otsu

WEIGHTS = shipped.WEIGHTS / "pixel-classifier"
"""Folder of the course's own classifier: annotated pixels, card and results."""

SIGMAS = (1.0, 2.0, 4.0, 8.0)
"""Scales in pixels at which the filters look."""

BACKGROUND, OBJECT, BORDER = 1, 2, 3
"""Classes of the course's classifier; 0 in an annotation means: not annotated."""

THRESHOLD, SEED_SHARE = 0.7, 0.7
"""Least share of votes in the foreground, and blur before seeds are looked for as a share of the typical
inner radius: both chosen on validation images for the course's classifier."""


def features(image, sigmas=SIGMAS):
    """What a bank of filters answers at every pixel.

    At each scale: Gaussian blur, gradient magnitude, Laplacian of Gaussian, and the two eigenvalues of the
    Hessian matrix (curvature along and across a ridge). All are multiplied by the power of sigma that makes
    scales comparable.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, C)
        Normalised before, so that other images give comparable features (see `normalise`).
    sigmas : sequence of float
        Scales in pixels.

    Returns
    -------
    array of float32 (Y, X, F)
        F is 5 times the number of scales, times the number of channels.
    names : list of str
        What each of the F layers is.

    Raises
    ------
    InputError
        If it is no such image.
    """
    from scipy.ndimage import gaussian_filter

    array = arguments.numbers(image, "the image").astype(np.float32)
    if array.ndim not in (2, 3):
        raise InputError(f"features needs an image (Y, X) or (Y, X, C), not the shape {array.shape}.")
    channels = np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None]
    layers, names = [], []
    for number, channel in enumerate(channels):
        prefix = f"channel {number} " if len(channels) > 1 else ""
        for sigma in sigmas:
            yy, xx, yx, y, x = (
                gaussian_filter(channel, sigma, order=order)
                for order in ((2, 0), (0, 2), (1, 1), (1, 0), (0, 1))
            )
            middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
            layers += [
                gaussian_filter(channel, sigma),
                sigma * np.hypot(y, x),
                sigma**2 * (yy + xx),
                sigma**2 * (middle + spread),
                sigma**2 * (middle - spread),
            ]
            kinds = ("blur", "gradient", "Laplacian", "larger curvature", "smaller curvature")
            names += [f"{prefix}{kind}, σ = {sigma:g}" for kind in kinds]
    return np.stack(layers, axis=-1), names


def normalise(image):
    """Percentiles 1 and 99.8 of a 2D image become 0 and 1; a constant image becomes 0.

    Parameters
    ----------
    image : array (Y, X) or data.Sample

    Returns
    -------
    array of float32 (Y, X)

    Raises
    ------
    InputError
        If it is no 2D image.
    """
    array = arguments.tool_image(image, "The pixel classifier")
    return data.normalise(array, *arguments.limits(array))


def grow(table, classes, *, trees=50, seed=0):
    """Grow a random forest on annotated pixels.

    Parameters
    ----------
    table : array (N, F)
        Features of N pixels.
    classes : array of int (N,)
        Their classes.
    trees, seed : int

    Returns
    -------
    sklearn.ensemble.RandomForestClassifier

    Raises
    ------
    InputError
        If there is not one class a row.
    """
    from sklearn.ensemble import RandomForestClassifier

    table = arguments.numbers(table, "the table")
    classes = arguments.label_image(classes, "the list of classes", 1)
    if np.abs(table.astype(float)).max() > np.finfo(np.float32).max:  # a forest counts in single precision
        raise InputError("The table has numbers beyond 3e38, which a forest cannot split.")
    if table.ndim != 2 or len(table) != len(classes):
        raise InputError(
            f"There must be one class for each row of the table, but the shapes are {table.shape} and "
            f"{classes.shape}."
        )
    forest = RandomForestClassifier(trees, min_samples_leaf=3, class_weight="balanced", random_state=seed)
    return forest.fit(table, classes)


@dataclass(frozen=True)
class PixelClassifier:
    """A forest and the scales of its features; made by `train`."""

    forest: object
    sigmas: tuple[float, ...] = SIGMAS

    def probabilities(self, image):
        """Share of the trees' votes that each class gets at each pixel.

        Parameters
        ----------
        image : array (Y, X) or data.Sample

        Returns
        -------
        array of float32 (Y, X, classes)
            In the order of ``forest.classes_``.
        """
        layers, _ = features(normalise(image), self.sigmas)
        votes = self.forest.predict_proba(layers.reshape(-1, layers.shape[-1]))
        return votes.astype(np.float32).reshape(*layers.shape[:2], -1)


def train(image, strokes, *, sigmas=SIGMAS, trees=50, seed=0):
    """Train a pixel classifier from strokes on one image.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
    strokes : array of int (Y, X)
        0 where nothing is annotated, else 1 (background), 2 (object), optionally 3 (border between objects).
    sigmas : sequence of float
    trees, seed : int

    Returns
    -------
    PixelClassifier

    Raises
    ------
    InputError
        If the strokes do not fit to the image or hold fewer than two classes.
    """
    layers, _ = features(normalise(image), sigmas)
    strokes = arguments.label_image(strokes, "the image of strokes")
    if strokes.shape != layers.shape[:2]:
        raise InputError(
            f"strokes must be whole numbers in the shape of the image, {layers.shape[:2]}, not "
            f"{strokes.dtype} in {strokes.shape}."
        )
    if len(np.unique(strokes[strokes > 0])) < 2:
        raise InputError("strokes must mark at least two classes, for example 1 (background) and 2 (object).")
    marked = strokes > 0
    return PixelClassifier(grow(layers[marked], strokes[marked], trees=trees, seed=seed), tuple(sigmas))


def segment(image, classifier=None, *, threshold=THRESHOLD, seed_share=SEED_SHARE):
    """Segment objects by classified pixels.

    Foreground is where *object* and *border* together get enough votes. It is cut into objects where the
    votes for *object* have local maxima after a blur, every pixel going to the nearest.

    Parameters
    ----------
    image : array (Y, X) or data.Sample
        One channel, any number type.
    classifier : PixelClassifier, optional
        Default: `course_classifier`, for nuclei in fluorescence images.
    threshold : float
        Least share of votes for *object* and *border* together in the foreground, 0 to 1.
    seed_share : float
        Blur before seeds are looked for, as a share of the typical inner radius of the foreground.

    Returns
    -------
    labels : array of int32 (Y, X)
        0 is background, objects count from 1. Normalisation and blur come from the image at hand: blocks of
        a large image agree with the whole, but are not the same.

    Raises
    ------
    InputError
        If the image or a parameter is not as described.
    DataUnavailableError
        If the files of the course's classifier are incomplete.
    """
    array = arguments.tool_image(image, "The pixel classifier")
    threshold = arguments.number(threshold, "threshold", 0, 1)
    seed_share = arguments.number(seed_share, "seed_share", 0, 10)
    if classifier is not None and not isinstance(classifier, PixelClassifier):
        raise InputError(f"classifier must be made by train(…), not {type(classifier).__name__}.")
    if array.min() == array.max():
        return np.zeros(array.shape, np.int32)
    classifier = classifier or course_classifier()
    return cut(classifier.probabilities(array), classifier.forest.classes_, threshold, seed_share)


segment.tiling = Tiling(problem="Each block would be normalised by percentiles of its own.")


def cut(votes, classes, threshold=THRESHOLD, seed_share=SEED_SHARE):
    """From the votes to objects: the second half of `segment`.

    Parameters
    ----------
    votes : array (Y, X, classes)
    classes : sequence of int
        Which class each layer of the votes stands for; 1 is background and 2 object.
    threshold, seed_share : float
        As in `segment`.

    Returns
    -------
    labels : array of int32 (Y, X)

    Raises
    ------
    InputError
        If votes and classes do not fit.
    """
    from scipy.ndimage import gaussian_filter

    votes, classes = arguments.numbers(votes, "the array of votes"), list(classes)
    if votes.ndim != 3 or votes.shape[-1] != len(classes) or not {BACKGROUND, OBJECT} <= set(classes):
        raise InputError(
            f"votes must have one layer for each of the classes {classes}, among them {BACKGROUND} and "
            f"{OBJECT}; their shape is {votes.shape}."
        )
    mask = 1 - votes[..., classes.index(BACKGROUND)] > threshold
    sigma = seed_share * voronoi_otsu.inner_radius(mask)
    return voronoi_otsu.split(mask, gaussian_filter(votes[..., classes.index(OBJECT)], sigma))


@kept
def course_classifier():
    """The course's own classifier of nuclei, grown from the annotations that ``training/classical.py`` made.

    Returns
    -------
    PixelClassifier

    Raises
    ------
    DataUnavailableError
        If a file is missing or not the one that the results describe.
    """
    about = shipped.verify(WEIGHTS, "pixel classifier", "classical.py")
    stored = shipped.arrays(WEIGHTS, "annotations.npz")
    forest = grow(stored["table"].astype(np.float32), stored["classes"])
    return PixelClassifier(forest, tuple(about["settings"]["sigmas"]))


def results():
    """What ``training/classical.py`` did: settings, data, choices.

    Returns
    -------
    dict
        The content of ``weights/pixel-classifier/results.json``.
    """
    return shipped.results(WEIGHTS)
