"""Helper package of the course *Deep Learning for Bio-image Analysis*.

Import what you need from here::

    from bioimage_course import check, data, explore, large, metrics, nets, results, show, tools

The submodules load on first use, so that importing the package takes a few
milliseconds and never starts PyTorch or TensorFlow.
"""

import lazy_loader

from bioimage_course.places import name_user as _name_user

_name_user()
__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules="check compat data errors explore large metrics nets results show tools".split(),
)
