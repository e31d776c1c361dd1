"""Metrics: how good is a segmentation, a restored image, a score?

Five questions, five groups of functions:

- objects: `match`, `average_precision`, `average_precision_dataset`, `panoptic_quality`
  compare label images object by object;
- pixels: `iou`, `dice`, `accuracy`, `precision`, `recall`, `f1` compare masks pixel by pixel;
- outlines and midlines: `hausdorff` and `normalised_surface_distance` measure how far two outlines are apart,
  `centreline_dice` whether thin structures hang together;
- places and numbers: `match_places` compares spots and centres, `bland_altman` counts;
- intensities: `psnr`, `scale_invariant_psnr`, `ssim` compare an image with its reference.

`bootstrap_interval` says how sure a mean over images is, `paired_difference` which of two methods
is better on the same images, `calibration` whether a network's scores mean what they say,
`outlines` how much of a score is a matter of who drew the outline,
`without_truth` which images should be looked at when there is no truth. The truth always comes first.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["outlines", "without_truth"],
    submod_attrs={
        "boundaries": [
            "border_distances",
            "centreline_dice",
            "hausdorff",
            "normalised_surface_distance",
        ],
        "counts": ["Agreement", "bland_altman"],
        "images": ["psnr", "scale_invariant_psnr", "ssim"],
        "objects": [
            "DatasetScores",
            "Matching",
            "average_precision",
            "average_precision_dataset",
            "match",
            "median_diameter",
            "panoptic_quality",
        ],
        "places": ["PlaceMatching", "match_places"],
        "pixels": ["accuracy", "dice", "f1", "iou", "precision", "recall"],
        "uncertainty": [
            "Calibration",
            "PairedDifference",
            "bootstrap_interval",
            "calibration",
            "paired_difference",
        ],
    },
)
