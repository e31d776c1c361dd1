"""Make the built-in sample ``mitosis``: two channels of ``cells-human``, and labels of its nuclei.

    python training/mitosis.py          # writes src/bioimage_course/data/samples/mitosis/

The channels are the pixels as they are: DNA, and phospho-histone H3, a protein that carries its phosphate
in mitosis. The nuclei are outlined in the DNA channel alone (threshold, then a watershed that starts where
nuclei are thick and bright); nuclei that touch the border are left out. Nobody corrected the outlines by
hand.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import feature, filters, measure, morphology, segmentation

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "data" / "samples" / "mitosis"
SMALLEST = 25  # pixels


def outline(dna: np.ndarray) -> np.ndarray:
    """Labels 1, 2, … of the whole nuclei in a DNA image, int32, shape of `dna`."""
    dna = dna.astype(float)
    smooth = filters.gaussian(dna, 1, preserve_range=True)
    # The second threshold is local: a bright nucleus must not swell into its own glare.
    mask = smooth > filters.threshold_li(smooth)
    mask &= smooth > 0.9 * filters.threshold_local(smooth, 31, method="gaussian")
    mask = morphology.opening(ndimage.binary_fill_holes(mask), morphology.disk(1))
    thickness = filters.gaussian(ndimage.distance_transform_edt(mask), 1)
    height = thickness / thickness.max() + 0.15 * np.log(filters.gaussian(dna, 1.5, preserve_range=True))
    tops = feature.peak_local_max(height, labels=measure.label(mask), min_distance=4, exclude_border=False)
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(tops.T)] = np.arange(1, len(tops) + 1)
    labels = segmentation.clear_border(segmentation.watershed(-height, seeds, mask=mask))
    small = np.flatnonzero(np.bincount(labels.ravel()) < SMALLEST)
    labels[np.isin(labels, small)] = 0
    return segmentation.relabel_sequential(labels)[0].astype(np.int32)


def write(name: str, save) -> None:
    """Write a file completely or not at all."""
    OUT.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=OUT, suffix=Path(name).suffix)
    os.close(handle)
    save(temporary)
    os.chmod(temporary, 0o644)
    os.replace(temporary, OUT / name)


def main() -> None:
    import tifffile
    from PIL import Image

    from bioimage_course import data

    image = data.load("cells-human").image
    for channel, name in enumerate(("dna.png", "histone-h3.png")):
        picture = Image.fromarray(image[..., channel])
        write(name, lambda path, picture=picture: picture.save(path, optimize=True))
    labels = outline(image[..., 0])
    write("nuclei.tif", lambda path: tifffile.imwrite(path, labels.astype(np.uint16), compression="zlib"))
    print(f"{labels.max()} nuclei")


if __name__ == "__main__":
    main()
