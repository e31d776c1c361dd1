"""What ``training/`` measured, and the tables that are computed from it.

``dsb2018`` holds the scores of every method on the same 50 test images, ``other_laboratory`` those of the
nuclei models on images of two other laboratories, ``other_cells`` what they find of cells that are not round,
``race`` the race of all tools on three kinds of images,
``denoising`` the scores of filters and networks on real recordings, ``real_splits`` what a split by crop and
one by image promise on real cells, ``sam_grids`` what Segment Anything finds without prompts,
``spread_cells`` how many outlined images another kind of cell needs, ``volumes`` three ways through synthetic
stacks, ``reported`` what others have printed. All read what lies in ``weights/`` and compute the rest.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "denoising",
        "dsb2018",
        "other_cells",
        "other_laboratory",
        "quality_control",
        "race",
        "real_splits",
        "reported",
        "sam_grids",
        "spread_cells",
        "volumes",
    ],
)
