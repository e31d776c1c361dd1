"""Segmentation and denoising tools behind one signature, ``segment(image, ...) -> labels``.

The adapters load lazily; a tool that is not installed, or whose weights cannot be had, raises
:class:`bioimage_course.errors.ToolUnavailableError` with the one line that fixes it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cellpose",
        "compat",
        "denoise",
        "large",
        "micro_sam",
        "outlines",
        "pixel_classifier",
        "race",
        "sam_features",
        "scores",
        "stardist",
        "unet",
        "voronoi_otsu",
    ],
    submod_attrs={"compat": ["available", "require"]},
)
