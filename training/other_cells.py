"""Cells that are not round nuclei: what a star can describe of them, and what the shipped models find.

python training/other_cells.py              # what is missing; goes on where it was
python training/other_cells.py --samples    # only write the crops that the package carries

"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from skimage import io, measure, segmentation

import spread_cells
from bioimage_course import shipped

SAMPLES = shipped.WEIGHTS.parent / "data" / "samples"


# ---------------------------------------------------------------- images


def spread_field(folder, name):
    """One phase-contrast image, in the 16 bits of its file, and its cells: of each number the largest
    piece."""
    place = folder / spread_cells.SET / name
    numbers = io.imread(place / "instances_ids.png")
    return io.imread(place / "raw.tif"), spread_cells.largest_pieces(numbers)


def axon_field(folder, name):
    """One electron micrograph of nerve fibres, and the connected pieces of its axon mask."""
    place = folder / "em-axon-sem"
    image = io.imread(place / f"{name}_SEM.png")
    mask = io.imread(place / f"{name}_SEM_seg-axon-manual.png")
    return image if image.ndim == 2 else image[..., 0], measure.label(mask == 255, connectivity=1)


def ovule_plane(folder, plane):
    """One plane of the ovule's stack of cell walls, and the cells in it."""
    import h5py

    with h5py.File(folder / "membrane-mixed" / "ovule" / "sample_ovule.h5") as stack:
        return stack["raw"][plane], stack["label"][plane]


# ---------------------------------------------------------------- crops for the package


def samples(folder):
    """The crops that the package carries, by name: image of 8 bits, and labels.

    The spread cells come from a test image of ``spread_cells.py``, so that whoever learns from its ten images
    has not seen them; of its 16 bits the upper eight are kept.
    """
    spread, cells = spread_field(folder, "set03")
    sem, axons = axon_field(folder, "sub-rat8_sample-V915")
    walls, ovule = ovule_plane(folder, 16)
    return {
        "spread_cells": ((spread >> 8)[:640, :640], cells[:640, :640]),
        "em_axons": (sem[:384, :384], axons[:384, :384]),
        "ovule_cells": (walls, ovule),
    }


def write_samples(folder):
    """Write the crops into the package; ``make_registry.py`` then notes their hashes."""
    import tifffile

    for name, (image, labels) in samples(folder).items():
        numbered = segmentation.relabel_sequential(labels)[0].astype(np.uint16)
        io.imsave(SAMPLES / f"{name}.png", image.astype(np.uint8), check_contrast=False)
        tifffile.imwrite(SAMPLES / f"{name}_labels.tif", numbered, compression="zlib")
        print(name, image.shape, numbered.max())


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    mirror = os.environ.get("BIOIMAGE_COURSE_MIRROR", ".")
    parser.add_argument("--images", type=Path, default=Path(mirror), help="folder that holds the sets")
    parser.add_argument("--samples", action="store_true", help="only write the crops of the package")
    args = parser.parse_args(argv)
    if args.samples:
        return write_samples(args.images)


if __name__ == "__main__":
    main()
