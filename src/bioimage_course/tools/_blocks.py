"""What all adapters say about running in blocks."""

from __future__ import annotations


def unlike_blocks(limits=None, scale=None) -> str:
    """Why blocks of an image would not give the objects of the whole image, in a sentence; "" if they can."""
    if limits is None:
        return (
            "Each block would be normalised by percentiles of its own: give limits=(low, high) of the whole "
            "image (large.percentiles)."
        )
    if scale not in (None, 1):
        return f"With scale={scale!r} each block is resized by itself, and objects come out differently."
    return ""
