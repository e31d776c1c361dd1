"""Segmentation and denoising tools behind one signature, ``segment(image, ...) -> labels``.

The adapters load lazily; a tool that is not installed, or whose weights cannot be had, raises
:class:`bioimage_course.errors.ToolUnavailableError` with the one line that fixes it.
"""

import lazy_loader

from bioimage_course.compat import available, require

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cellpose",
        "denoise",
        "micro_sam",
        "pixel_classifier",
        "published",
        "sam_features",
        "stardist",
        "unet",
        "voronoi_otsu",
    ],
    submod_attrs={"_labels": ["without_small"]},
)
__all__ += ["available", "require"]
