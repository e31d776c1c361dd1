"""What ``training/`` measured, and the tables that are computed from it.

``dsb2018`` holds the scores of every method on the same 50 test images, ``other_laboratory`` those on images
of laboratories from which no model has learnt, ``race`` the race of all tools on three kinds of images. They
read the counts that lie in ``weights/`` and compute the rest.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["dsb2018", "other_laboratory", "race"]
)
