"""Where does an object end? Two other answers to an annotation: a second hand, and the image itself.

Both keep the annotated objects, one by one, and only draw their outlines anew. Compared with the annotation
they say how much of a score is a matter of taste.
"""

import numpy as np
from scipy import ndimage

from bioimage_course import arguments


def redraw(labels, generosity=0.0, unsteadiness=1.0, seed=0, scale=5.0):
    """A simulated second annotator: the same objects, outlined by another hand.

    Every outline is moved in or out by `generosity` plus a smooth random amount.

    Parameters
    ----------
    labels : array of int (Y, X)
        Label image.
    generosity : float
        Pixels by which this annotator draws outside of the outline on average; negative for a tight hand.
    unsteadiness : float
        Standard deviation of the outline around that, in pixels.
    seed : int
        Seed of the hand.
    scale : float
        Over how many pixels the hand wanders in one direction.

    Returns
    -------
    ndarray of int32 (Y, X), or int64 where a number needs it
        The objects keep their numbers. One that is thinner than the hand is unsteady may vanish.

    Raises
    ------
    InputError
        If `labels` is no label image of two axes.
    """
    labels, found = _flat(labels)
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=labels.shape), scale, mode="wrap")
    shift = generosity + unsteadiness * noise / (noise.std() or 1)
    margin = int(np.ceil(abs(generosity) + 4 * unsteadiness)) + 2
    drawn = np.zeros(labels.shape, np.int32)
    height = np.zeros(labels.shape)  # a pixel that several objects claim goes to the one it is deepest in
    for number, window in _objects(labels, margin):
        mask = np.pad(labels[window] == number, 1)
        depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
        depth = depth[1:-1, 1:-1]
        depth = depth - 0.5 * np.sign(depth) + shift[window]
        wins = depth > height[window]
        drawn[window][wins] = number
        height[window][wins] = depth[wins]
    return found.astype(arguments.smallest(found))[drawn]


def half_maximum(image, labels, reach=4, blur=1.0):
    """The annotated objects with outlines where the image falls to half of its height.

    Seeds, count and numbers are those of the annotation, so that a difference between the two is one of
    outlines alone. For each object the region to look in is the annotation and what lies within `reach`
    pixels of it and of no other object; the level is half-way between the object's interior (75th percentile
    of the annotated pixels) and its surroundings (10th percentile of the unannotated pixels near it).

    Parameters
    ----------
    image : array (Y, X)
        Bright objects on a darker background.
    labels : array of int (Y, X)
        Their annotation.
    reach : int
        How far outside of the annotation an outline may lie, in pixels.
    blur : float
        Standard deviation of the Gaussian that takes the noise away first, in pixels.

    Returns
    -------
    ndarray of int32 (Y, X), or int64 where a number needs it
        The objects keep their numbers.

    Raises
    ------
    InputError
        If the arrays are no image and label image of equal shape with two axes.
    """
    from skimage.segmentation import expand_labels

    (labels, originals), image = _flat(labels), arguments.intensities(image, "the image")
    arguments.same_shape(labels, image, "the image", "the label image")
    smooth = ndimage.gaussian_filter(image, blur)
    near = expand_labels(labels, reach)
    drawn = np.zeros(labels.shape, np.int32)
    floor = np.percentile(smooth[labels == 0], 10) if (labels == 0).any() else smooth.min()
    for number, window in _objects(labels, 2 * reach + 6):
        mine = labels[window] == number
        around = smooth[window][labels[window] == 0]
        low = np.percentile(around, 10) if around.size > 20 else floor
        level = (np.percentile(smooth[window][mine], 75) + low) / 2
        found, count = ndimage.label((near[window] == number) & (smooth[window] > level))
        if count:
            sizes = ndimage.sum_labels(mine, found, np.arange(1, count + 1))
            kept = ndimage.binary_fill_holes(found == 1 + int(np.argmax(sizes)))
            drawn[window][kept & (near[window] == number)] = number
    return originals.astype(arguments.smallest(originals))[drawn]


def _flat(labels):
    """Objects numbered from 1, and their labels."""
    numbered, found = arguments.consecutive(arguments.label_image(labels, ndim=2))
    return numbered.astype(np.int32), found


def _objects(labels, margin):
    """Number and window of every object, the window with a margin as far as the image goes."""
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            yield number, tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)
