"""Features from a vision foundation model: what MobileSAM's image encoder makes of each place of an image.

Segment Anything (Kirillov et al. 2023, arXiv:2304.02643) has an image encoder that was trained on millions of
photographs; MobileSAM (Zhang et al. 2023, arXiv:2306.14289) has a small copy of it. It turns 1024 × 1024
pixels into 64 × 64 places with 256 numbers each. A pixel classifier can use them instead of filters.
"""

import itertools

import numpy as np

from bioimage_course import arguments, compat, data
from bioimage_course.fingerprint import kept

SIDE = 1024  # pixels of the encoder's input
CHANNELS = 256
MEAN, SPREAD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of the photographs, red, green, blue


def features(image, tile=256, model=None):
    """256 features for each pixel, from MobileSAM's image encoder.

    The image is cut into square tiles, each is enlarged to 1024 × 1024 pixels and encoded, and the 64 × 64
    places are interpolated back to the tile's pixels. Smaller tiles give finer features, and take longer:
    about 3 seconds a tile on two CPU cores.

    Parameters
    ----------
    image : array (Y, X) or (Y, X, 3)
        From 0 (black) to 1 (white); what lies outside is clipped.
    tile : int
        Side of the tiles in pixels; those at the border are completed by mirroring.
    model : torch.nn.Module, optional
        Default: `encoder`.

    Returns
    -------
    array of float32 (Y, X, 256)

    Raises
    ------
    InputError
        If the image or the tile is not as described.
    DataUnavailableError
        If the weights cannot be had.
    ToolUnavailableError
        If MobileSAM's code is not installed.
    """
    import torch
    from torch.nn.functional import interpolate

    array = arguments.tool_image(image, "MobileSAM's encoder", colour=True).clip(0, 1)
    tile = arguments.whole(tile, "tile", 16, 4096)
    model = model or encoder()
    height, width = array.shape[:2]
    channels = array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=-1)
    missing = [(0, -length % tile) for length in (height, width)]
    padded = np.pad(channels, (*missing, (0, 0)), mode="symmetric")
    out = np.empty((*padded.shape[:2], CHANNELS), np.float32)
    mean, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, SPREAD))
    for top, left in itertools.product(*(range(0, n, tile) for n in padded.shape[:2])):
        window = np.s_[top : top + tile, left : left + tile]
        pixels = torch.from_numpy(padded[window]).permute(2, 0, 1)[None] * 255
        pixels = interpolate(pixels, (SIDE, SIDE), mode="bilinear", align_corners=False)
        with torch.inference_mode():
            places = model((pixels - mean) / spread)
        places = interpolate(places, (tile, tile), mode="bilinear", align_corners=False)
        out[window] = places[0].permute(1, 2, 0).numpy()
    return out[:height, :width]


@kept
def encoder(weights=None):
    """MobileSAM's image encoder, ready to predict.

    Parameters
    ----------
    weights : path, optional
        Default: ``data.fetch("weights-mobilesam")``, 41 MB, checked by its sha256.

    Returns
    -------
    torch.nn.Module
        From (N, 3, 1024, 1024) to (N, 256, 64, 64).

    Raises
    ------
    DataUnavailableError, ToolUnavailableError
        If weights or code cannot be had.
    """
    import torch

    weights = data.fetch("weights-mobilesam") if weights is None else weights
    sam = build()
    sam.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return sam.image_encoder.eval()


def build():
    """MobileSAM with untrained weights, and without the warnings that its import gives.

    Raises
    ------
    ToolUnavailableError
        If the package mobilesam-mirror is not installed.
    """
    compat.require("mobile-sam")
    with compat.quiet():
        from mobile_sam import sam_model_registry

        return sam_model_registry["vit_t"](checkpoint=None)
