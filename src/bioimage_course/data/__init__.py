"""Sample data for the course: real images through three doors, and synthetic ones.

>>> from bioimage_course import data
>>> sample = data.load("nuclei")          # an image, its labels, where it comes from
>>> train = data.load("nuclei-dsb2018").split("train")
>>> artificial = data.synthetic.nuclei(seed=1)

Whatever is asked for by name is looked for in the package itself, then in the
local cache, then in a mirror folder, then at its public address; whichever
door it came through, its bytes must have the sha256 that the registry states.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["synthetic"],
    submod_attrs={
        "catalogue": ["describe", "names"],
        "diagnosis": ["Diagnosis", "Finding", "diagnose"],
        "object_crops": ["crops"],
        "exporting": ["outlines", "rasterise", "read_geojson", "read_rois", "write_geojson", "write_rois"],
        "finding": ["cache_folder", "offline"],
        "intensities": ["normalise"],
        "loading": ["available", "download", "fetch", "load", "missing"],
        "opening": ["OwnImage", "open_image"],
        "records": ["Collection", "Sample"],
        "tables": ["mitosis_table"],
    },
)
