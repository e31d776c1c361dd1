"""Materials of chapter 10."""

import numpy as np


def valid_size(n, depth=4, *, convolutions=2, lost=2, bottom=True, up=True, strict=True):
    """Side of the output of a U-Net with unpadded 3×3 convolutions; None if a pooling meets an odd side.

    The keywords build in the usual mistakes; with `strict` off odd sides are halved and rounded down.
    """
    for _ in range(depth):
        n -= convolutions * lost
        if strict and (n % 2 or n <= 0):
            return None
        n //= 2
    n -= convolutions * lost * bottom
    for _ in range(depth):
        n = 2 * n - convolutions * lost * up
    return n if n > 0 or not strict else None


def carved(labels, *, reach="8", background=False):
    """Label image without the pixels next to another object, with the usual mistakes built in.

    Parameters
    ----------
    labels : array of int (Y, X)

    Returns
    -------
    array of int (Y, X)
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    labels = np.asarray(labels)
    options = {"size": 3} if reach == "8" else {"footprint": [[0, 1, 0], [1, 1, 1], [0, 1, 0]]}
    filled = labels if background else np.where(labels > 0, labels, labels.max() + 1)
    alone = (maximum_filter(labels, **options) == labels) & (minimum_filter(filled, **options) == labels)
    return np.where(alone, labels, 0)


def windows(network, image, core, margin, *, border="reflect", use_margin=True):
    """Prediction window by window, with the usual mistakes built in."""
    rows, columns = image.shape
    extra = [(margin, margin + -n % core) for n in image.shape]
    padded = np.pad(image, extra, mode=border)
    result = None
    for top in range(0, rows, core):
        for left in range(0, columns, core):
            window = padded[top : top + core + 2 * margin, left : left + core + 2 * margin]
            if not use_margin:
                window = window[margin : margin + core, margin : margin + core]
            answer = np.asarray(network(window))
            inner = slice(margin, margin + core) if use_margin else slice(None)
            if result is None:  # a network may give several maps: (…, rows, columns)
                result = np.zeros([*answer.shape[:-2], *(n + -n % core for n in image.shape)])
            result[..., top : top + core, left : left + core] = answer[..., inner, inner]
    return result[..., :rows, :columns]
