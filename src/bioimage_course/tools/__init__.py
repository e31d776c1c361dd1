"""Segmentation and denoising tools behind one signature, ``segment(image, ...) -> labels``.

The adapters load lazily; a tool that is not installed, or whose weights cannot be had, raises
:class:`bioimage_course.errors.ToolUnavailableError` with the one line that fixes it.
"""

import importlib

import lazy_loader

from bioimage_course.compat import available, require

_attach, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cellpose",
        "denoise",
        "micro_sam",
        "pixel_classifier",
        "sam_features",
        "stardist",
        "unet",
        "voronoi_otsu",
    ],
)
__all__ += ["available", "require"]

# Chapters 8 to 11 and 16 still use these names; they move when those notebooks are executed next.
_MOVED = {
    "compat": "compat",
    "large": "large",
    "outlines": "metrics.outlines",
    "race": "results.race",
    "scores": "results.dsb2018",
}


def __getattr__(name):
    if name in _MOVED:
        return importlib.import_module(f"bioimage_course.{_MOVED[name]}")
    return _attach(name)
