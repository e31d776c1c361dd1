"""Measure what chapter 16 says about networks in blocks: do they agree with the image in one piece?

StarDist, the U-Net and the Cellpose flow network of the course segment real images in one piece and in
blocks; the label images are compared with each other, not with a truth. The images are squares of 512 × 512
pixels, the upper left corner of every second one of the 13 test images of DSB2018 that are as large: small
enough for one piece, large enough to be cut.

For every tool, image, size of block, halo and place of the crops: AP of the blocks against one piece at IoU
0.5 and 0.9, and the objects that are the same (IoU at least 0.999).

Run it with ``python training/blockwise.py`` (about five minutes on one core; ``--small`` takes one image
and one size of block). The results go to ``src/bioimage_course/weights/blockwise/results.json``.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bioimage_course import compat, data, files, large, metrics, tools

OUT = Path(__file__).resolve().parents[1] / "src" / "bioimage_course" / "weights" / "blockwise"
TOOLS = ("stardist", "unet", "cellpose")
LARGE = 512
"""So many rows and columns are taken."""
BLOCKS = (192, 256)
HALO = 64
WIDE = 176
"""A halo that covers the reach; and once, a little narrower, one whose crops start beside the grid."""
OFF = 8
"""A stride that is half of what the networks pool: crops then start beside their grid."""
SAME = 0.999


def images(number=None):
    """Names and pixels of the images."""
    chosen = [s for s in data.load("nuclei-dsb2018").split("test") if min(s.image.shape) >= LARGE]
    for sample in chosen[::2][:number]:
        yield sample.name, sample.image[:LARGE, :LARGE]


def method(tool, image):
    """A tool with the limits of the whole image."""
    limits = large.percentiles(large.histogram(image))
    return functools.partial(getattr(tools, tool).segment, limits=limits)


def agreement(whole, blockwise):
    """How well two label images agree."""
    half, nine = metrics.average_precision(whole, blockwise, (0.5, 0.9))
    return {
        "objects": len(np.unique(blockwise)) - 1,
        "ap50": round(float(half), 4),
        "ap90": round(float(nine), 4),
        "same": metrics.match(whole, blockwise, SAME).tp,
    }


def settings(needs, blocks):
    """Block, halo and stride of each run: the tool's own stride, and once a place beside it."""
    yield blocks[-1], 0, needs.stride
    yield from ((block, HALO, needs.stride) for block in blocks)
    if needs.stride > 1:  # others promise nothing, however wide the halo
        yield blocks[-1], WIDE, needs.stride
        yield blocks[-1], WIDE - OFF, 1


def rows(number, blocks, keep):
    """Every tool on every image in every way; `keep` is called with all rows after each image."""
    found = []
    for name, image in images(number):
        for tool in TOOLS:
            segment = method(tool, image)
            whole = segment(image)
            for block, halo, stride in settings(large.tiling(segment), blocks):
                with tempfile.TemporaryDirectory() as folder:
                    done = large.label_image(
                        image, segment, Path(folder) / "x.ome.zarr", block=block, halo=halo, stride=stride
                    )
                    labels = large.open_image(done.path)[:]
                row = {"image": name, "shape": list(image.shape), "tool": tool, "block": block, "halo": halo}
                row |= {"stride": stride, "reach": done.reach, "exact": done.exact, "touching": done.touching}
                row |= {"whole": len(np.unique(whole)) - 1}
                found.append(row | agreement(whole, labels))
        keep({"rows": found})


def main(arguments=None):
    """Measure, or a short version of it, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="one image, one size of block, nothing written")
    small = parser.parse_args(arguments).small
    compat.prepare("stardist")
    warnings.filterwarnings("ignore", message="(?s).*(halo|Each block).*")
    import torch

    torch.set_num_threads(1)
    packages = ("stardist", "tensorflow", "torch", "cellpose", "numpy")
    about = {"command": "python training/blockwise.py", "versions": {p: version(p) for p in packages}}

    def keep(found):
        if not small:
            files.save_json(OUT / "results.json", about | found)

    rows(1 if small else None, BLOCKS[1:] if small else BLOCKS, keep)


if __name__ == "__main__":
    main()
