"""Measure the nuclei of four wells with Schwann cells: a real design from which nothing follows (chapter 18).

Four fields of a Cell Painting experiment, one a well: one well with wild-type cells and three with cells
that lack NF1 (CC BY 4.0). Masks of nuclei are those that CellProfiler made and the data set brings along:
each connected piece is a nucleus, and those at the border were left out by CellProfiler. Measured on the raw
DAPI image. The pixel size is not stated, so areas stay in pixels.

Run it with ``python training/schwann_wells.py --images FOLDER``, a second. FOLDER holds the set
``fluo-nf1-schwann`` (by default the mirror).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from skimage import io
from skimage.measure import label, regionprops_table

from bioimage_course import files, shipped

OUT = shipped.WEIGHTS / "schwann-wells" / "results.json"
SET = "fluo-nf1-schwann"
GENOTYPES = {"D6": "wild type", "B7": "NF1 null", "D7": "NF1 null", "H12": "NF1 null"}
"""By well, after the README of the data set's repository: columns 1 and 6 wild type, 7 and 12 null."""


def measure(folder):
    """Area and mean intensity of each nucleus, by well.

    Parameters
    ----------
    folder : Path
        Holds ``WELL_siteN_DAPI.tif`` and ``WELL_siteN_MaskNuclei.tiff``.

    Returns
    -------
    dict
    """
    wells, pixels = {}, []
    for well, genotype in GENOTYPES.items():
        (mask,) = folder.glob(f"{well}_site*_MaskNuclei.tiff")
        image = io.imread(str(mask).replace("MaskNuclei.tiff", "DAPI.tif"))
        labels = label(io.imread(mask) > 0)
        pixels += [image, labels]
        table = regionprops_table(labels, image, properties=("area", "mean_intensity"))
        wells[well] = {
            "genotype": genotype,
            "area_px": [int(area) for area in table["area"]],
            "mean_intensity": [round(float(value), 1) for value in table["mean_intensity"]],
        }
    return {"wells": wells, "pixels_sha256": files.sha256_of(*(np.asarray(array) for array in pixels))}


def main(arguments=None):
    """Measure, and write the results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mirror = os.environ.get("BIOIMAGE_COURSE_MIRROR")
    parser.add_argument("--images", type=Path, default=mirror and Path(mirror), required=not mirror)
    folder = parser.parse_args(arguments).images / SET
    if not folder.is_dir():
        parser.error(f"{folder.parent} has no folder {SET}")
    about = {
        "what": "nuclei of four wells with Schwann cells, Cell Painting, DAPI, 20x, one field a well",
        "command": "python training/schwann_wells.py",
        "licence": "CC BY 4.0 and BSD-3-Clause (CITATION.cff of WayScience/nf1_schwann_cell_painting_data)",
        "citation": "WayScience/nf1_schwann_cell_painting_data, plate 2; figshare project 161620",
    }
    files.save_json(OUT, about | measure(folder))
    print(f"written: {OUT.name}")


if __name__ == "__main__":
    main()
