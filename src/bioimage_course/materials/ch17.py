"""Materials of chapter 17."""

import numpy as np


def folder_of_masks(seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Eight images with their masks, as a colleague might send them: five are spoilt, each in another way.

    One is binary, one moved by a few pixels, one resized with interpolation, one lacks some objects, and one
    uses numbers twice. The order depends on the seed.

    Parameters
    ----------
    seed : int

    Returns
    -------
    list of (image, labels)
    """
    from bioimage_course import data

    random = np.random.default_rng(seed)
    samples = [data.synthetic.nuclei(seed=100 * seed + number, touching=0.1) for number in range(8)]
    pairs = [(sample.image, sample.labels) for sample in samples]
    for number, spoil in enumerate((_binary, _moved, _interpolated, _incomplete, _doubled)):
        image, labels = pairs[number]
        pairs[number] = image, spoil(labels)
    return [pairs[i] for i in random.permutation(len(pairs))]


def _binary(labels):
    return np.where(labels > 0, 1, 0).astype(labels.dtype)


def _moved(labels):
    moved = np.zeros_like(labels)
    moved[7:, :-9] = labels[:-7, 9:]
    return moved


def _interpolated(labels):
    from skimage.transform import resize

    half = labels[::2, ::2].astype(float)
    return np.rint(resize(half, labels.shape, order=1, preserve_range=True)).astype(labels.dtype)


def _incomplete(labels):
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    return np.where(np.isin(labels, numbers[np.argsort(areas)[-8:-4]]), 0, labels)


def _doubled(labels):
    highest = int(labels.max())
    return np.where(labels > highest // 2, labels - highest // 2, labels).astype(labels.dtype)
