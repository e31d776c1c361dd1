"""The tools that a project can use, each on the scale of the folder and told how large objects are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from bioimage_course import large, tools
from bioimage_course.errors import InputError, nearest
from bioimage_course.project.scale import Scale
from bioimage_course.toolbox import TOOLS

BLOBS = "blobs"
OTHERS = ("voronoi-otsu", "pixel-classifier", "unet", "stardist", "cellpose", "micro-sam")
NAMES = (BLOBS, *OTHERS)
"""Names that ``tool=`` may have, the quickest first."""

RACERS = NAMES[:-1]
"""Those that race if none is named: micro-sam needs minutes an image without a graphics card."""

ON_THE_SCALE = (BLOBS, "unet", "stardist", "cellpose")
"""Tools that take limits or a threshold of the whole folder; the others look at each image by itself."""

USUAL, NARROW, WIDE = 18, 9, 36
"""Width of objects in pixels: what an image is enlarged or reduced to if they are narrower than NARROW or
wider than WIDE. The nuclei that the course's networks have learnt from measure mostly 9 to 24 pixels."""


@dataclass(frozen=True)
class Chosen:
    """A tool and what it is told.

    Attributes
    ----------
    name : str
    function : callable
        ``segment(image, …) -> labels``.
    scale : Scale
    diameter : float or None
        Of a typical object, in µm.
    """

    name: str
    function: Callable
    scale: Scale
    diameter: float | None = None

    def settings(self, pixel_size: float | None) -> dict:
        """What the function is given beside an image whose pixels have this size in µm."""
        wide = self.diameter / pixel_size if self.diameter and pixel_size else None
        told: dict = {}
        if self.name == BLOBS:
            told = {"threshold": self.scale.threshold}
            return told | ({"spot_sigma": max(1.0, 0.15 * wide)} if wide else {})
        if self.name in ON_THE_SCALE:
            told["limits"] = self.scale.limits
        if wide and self.name == "cellpose":
            told["diameter"] = max(1.0, wide)
        if wide and self.name in ("unet", "stardist") and not NARROW <= wide <= WIDE:
            told["scale"] = float(np.clip(USUAL / wide, 0.1, 8))
        return told

    def __call__(self, image, pixel_size: float | None = None) -> np.ndarray:
        return self.function(image, **self.settings(pixel_size))

    def versions(self) -> dict[str, str]:
        """The versions of what it is made of."""
        packages = TOOLS[self.name].packages if self.name in TOOLS else ("numpy", "scikit-image")
        return {name: version(name) for name in ("bioimage-course", *packages)}


def choose(tool, scale: Scale, diameter: float | None = None) -> Chosen:
    """A tool by its name, or any function ``segment(image) -> labels``."""
    if callable(tool):
        name = getattr(tool, "__name__", None) or getattr(getattr(tool, "func", None), "__name__", "own")
        return Chosen("own-" + "".join(c if c.isalnum() else "-" for c in name).strip("-"), tool, scale)
    if tool == BLOBS:
        return Chosen(BLOBS, large.bright_blobs, scale, diameter)
    if tool not in OTHERS:
        meant = nearest(str(tool), NAMES, 1)
        advice = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(NAMES)}."
        raise InputError(f"there is no tool {tool!r}; {advice}")
    tools.require(tool)
    return Chosen(tool, getattr(tools, TOOLS[tool].adapter).segment, scale, diameter)
