"""The picture of a diagnosis: where to look."""

import numpy as np

from bioimage_course import show
from bioimage_course.data.diagnosis.findings import Diagnosis

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#D55E00", "#CC79A7")  # Okabe–Ito


def figure(diagnosis: Diagnosis, alt: str | None):
    """Image, labels as given and as mended, with the places of each finding in a colour of its own."""
    from matplotlib.patches import Patch, Rectangle

    panels = [("Labels as given", _numbers(_plane(diagnosis._given)))]
    if diagnosis._image is not None:
        panels.insert(0, ("Image", _plane(diagnosis._image)))
    if any(finding.repaired for finding in diagnosis.findings):
        panels.append(("After repair()", _numbers(_plane(diagnosis.repair()))))
    made, axes = show.figure(
        1, len(panels), squeeze=False, alt=alt or f"Frames on image and labels. {diagnosis!r}"
    )
    for panel, (title, picture) in zip(axes[0], panels, strict=True):
        panel.imshow(picture, cmap="gray", interpolation="nearest")
        panel.set(title=title, xticks=[], yticks=[])
    for number, finding in enumerate(diagnosis.findings):
        colour = COLOURS[number % len(COLOURS)]
        for place in finding.boxes:
            (top, left), (bottom, right) = place[: len(place) // 2][-2:], place[-2:]
            for panel in axes[0]:
                corner, width, height = (left - 2, top - 2), right - left + 3, bottom - top + 3
                panel.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=1.5))
    keys = [
        Patch(color=COLOURS[number % len(COLOURS)], label=finding.name)
        for number, finding in enumerate(diagnosis.findings)
    ]
    if keys:
        made.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return made


def _plane(array: np.ndarray) -> np.ndarray:
    """The array, its first channel or its middle plane; grey values between percentiles 1 and 99.8."""
    if array.ndim == 3 and array.shape[-1] in (3, 4) and array.dtype == np.uint8:
        return array[..., :3]
    while array.ndim > 2:
        channels_last = array.shape[-1] <= 8 and array.shape[-1] < array.shape[0]
        array = array[..., 0] if channels_last else array[len(array) // 2]
    array = np.nan_to_num(array.astype(np.float64))
    low, high = np.percentile(array, (1, 99.8))
    high = high if high > low else array.max()
    return np.clip((array - low) / max(high - low, 1e-9), 0, 1)


def _numbers(plane: np.ndarray) -> np.ndarray:
    """Neighbouring numbers in different colours, the same number in the same; 0 is black."""
    if plane.ndim == 3:
        return plane
    values, index = np.unique(plane, return_inverse=True)
    drawn = np.random.default_rng(0).uniform(0.25, 1, (len(values), 3))
    drawn[values == 0] = 0
    return drawn[index.reshape(plane.shape)]
