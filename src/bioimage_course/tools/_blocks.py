"""What all adapters say about running in blocks."""


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


def field(step, sides):
    """How many pixels away a pixel can change a network's answer: on the worst side, at the worst place.

    Parameters
    ----------
    step : int
        Spacing of the pooling grid: so many places are tried.
    sides : callable
        ``sides(length, place)``: how far to both sides of one bright pixel of a strip the answer changes.

    Returns
    -------
    int
    """
    length = 32 * step
    while True:
        reach = max(sides(length, length // 2 + place) for place in range(step))
        if reach < length // 2 - step:  # else the strip was too short to tell
            return reach
        length *= 2
