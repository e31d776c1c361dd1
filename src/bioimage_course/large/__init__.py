"""Segment what is too large for the memory, block by block and without seams; or a folder, image by image.

The recipe of `label_image`:

1. The image is divided into blocks. Each is segmented together with a margin of its surroundings, the halo.
2. An object belongs to the block in which its centre lies. Each block keeps its own objects, whole, also
   where they reach over its border, and drops the others: a neighbour has them.
3. Objects get numbers that are unique in the whole image: block after block, counted on.

The result is the same as in one piece if three things hold. The halo covers the reach of the method: how far
a pixel's answer depends on others, on the worst side, plus how far objects reach from their centre. Crops
start on the method's stride: a network that pools answers differently when its grid of poolings begins
elsewhere. And nothing is computed from a crop that should be one for the whole image: thresholds and
normalisation come from all pixels (`histogram`, `percentiles`, `otsu`). The adapters say what they need
(`tiling`); `label_image` says for which method what is guaranteed.

Every finished block is a file, written whole or not at all. So a worker may die and a run may be stopped:
what is there is not computed again, unless the image, the function or a setting has changed: then it is
refused. The same lines run in one process, on the cores of one computer
(``dask.distributed``) or on a cluster (``dask-jobqueue``); only the `client` differs.
"""

import lazy_loader

from bioimage_course import shipped
from bioimage_course.files import save

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparing": ["identical", "longest"],
        "folder": ["label_folder"],
        "grey": ["bright_blobs", "histogram", "otsu", "percentiles"],
        "grid": ["Block", "Tiling", "blocks", "own", "tiling"],
        "labelling": ["Labelled", "label_image"],
        "omezarr": ["Plane", "add_labels", "add_levels", "create", "open_image"],
    },
)
__all__ += ["results", "save"]


def results(name: str = "large-image") -> dict:
    """What a script of ``training/`` measured about large images.

    Parameters
    ----------
    name : {"large-image", "blockwise"}
        ``training/large_image.py``: 16,384 × 16,384 pixels, workers, a killed one, halos.
        ``training/blockwise.py``: networks in blocks against one piece, on real images.

    Returns
    -------
    dict
    """
    return shipped.results(name)
