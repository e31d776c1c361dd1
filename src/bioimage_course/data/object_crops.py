"""Crops: one small square picture an object, cut from a larger image by its boxes."""

import numpy as np

from bioimage_course import arguments
from bioimage_course.data.records import Sample
from bioimage_course.errors import InputError


def crops(sample: Sample, size: int = 64, *, margin: float = 0.1) -> np.ndarray:
    """Cut every boxed (or labelled) object out of an image and bring all to one size.

    The box is made square around its centre, as long as its longer side and a margin, moved into the image
    where it would reach beyond the border, and resized. Small objects are thereby magnified: the crops no
    longer say how large an object was.

    Parameters
    ----------
    sample : Sample
        A 2D image, grey or in colour, with boxes; without boxes, those of its labels are taken.
    size : int
        Rows and columns of a crop.
    margin : float
        Room on each side, as a share of the longer side.

    Returns
    -------
    ndarray, shape (n, size, size) or (n, size, size, channels), dtype of the image
        In the order of ``sample.boxes`` and ``sample.box_names``, or of the label numbers.

    Raises
    ------
    InputError
        If the sample is not 2D, has neither boxes nor labels, or an argument is out of range.

    Examples
    --------
    >>> from bioimage_course import data
    >>> crops(data.load("nuclei"), 32).shape
    (125, 32, 32)
    """
    from skimage.measure import regionprops
    from skimage.transform import resize

    if not isinstance(sample, Sample) or sample.axes not in ("YX", "YXC"):
        raise InputError("crops are cut from a Sample with axes YX or YXC, such as data.load('nuclei')")
    size, margin = arguments.whole(size, "size", 2), arguments.number(margin, "margin", 0, 10)
    boxes = sample.boxes
    if boxes is None:
        if sample.labels is None:
            raise InputError(f"sample {sample.name!r} has neither boxes nor labels to cut by")
        numbered, _ = arguments.consecutive(arguments.label_image(sample.labels))
        boxes = np.array([region.bbox for region in regionprops(numbered)], int).reshape(-1, 4)
    image = arguments.numbers(sample.image, f"the image of sample {sample.name!r}")
    cut = np.empty((len(boxes), size, size, *image.shape[2:]), image.dtype)
    for number, (top, left, bottom, right) in enumerate(boxes):
        side = round(max(bottom - top, right - left) * (1 + 2 * margin))
        side = int(np.clip(side, 2, min(image.shape[:2])))
        y, x = (
            int(np.clip(round((first + last - side) / 2), 0, length - side))
            for first, last, length in zip((top, left), (bottom, right), image.shape[:2], strict=True)
        )
        window = image[y : y + side, x : x + side]
        window = window.astype(float)  # skimage refuses truths
        resized = resize(window, (size, size), order=1, preserve_range=True, anti_aliasing=side > size)
        cut[number] = _rounded(resized, image.dtype)
    return cut


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Interpolated numbers as the image's type, which interpolation never leaves."""
    if dtype.kind not in "ui":
        return values > 0.5 if dtype.kind == "b" else values
    low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    if high > np.iinfo(dtype).max:  # 2⁶³ − 1 is no float; the next higher one would wrap around
        high = np.nextafter(high, 0)
    return np.clip(np.rint(values), low, high)
