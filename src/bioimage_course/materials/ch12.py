"""Materials of chapter 12."""

import numpy as np


def disc(row, column, radius, shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def bent_cell(side=64):
    """A thick half ring, open below: not star-convex, but one cell.

    Returns
    -------
    array of bool (side, side)
    """
    y, x = np.mgrid[:side, :side]
    row, column, radius, width = 0.72 * side, (side - 1) / 2, 0.3 * side, 0.1 * side
    ring = (np.abs(np.hypot(y - row, x - column) - radius) <= width) & (y <= row)
    ends = disc(row, column - radius, width, ring.shape) | disc(row, column + radius, width, ring.shape)
    return ring | ends


def two_cells(side=64):
    """Labels of two discs that touch: 1 on the left, 2 on the right.

    Returns
    -------
    array of int (side, side)
    """
    left = disc(0.5 * side, 0.32 * side, 0.2 * side, (side, side))
    right = disc(0.5 * side, 0.68 * side, 0.2 * side, (side, side))
    return np.where(left, 1, np.where(right, 2, 0))


def middle(mask):
    """The pixel of a mask nearest to its (rounded) centre of mass, where cellpose puts the source of heat.

    Parameters
    ----------
    mask : array of bool

    Returns
    -------
    (int, int)
        Row and column.
    """
    pixels = np.argwhere(mask)
    centre = np.rint(pixels.mean(axis=0))
    return tuple(int(i) for i in pixels[((pixels - centre) ** 2).sum(axis=1).argmin()])


def diffused(mask, centre, steps, *, leak=False, inside=False, once=False, late=False, mode="constant"):
    """Temperature after heat diffusion, with the usual mistakes built in."""
    from scipy.ndimage import uniform_filter

    temperature = np.zeros(mask.shape)
    share = uniform_filter(mask.astype(float), 3, mode="constant")
    for step in range(steps):
        if not late and not (once and step):
            temperature[centre] += 1
        temperature = uniform_filter(temperature, 3, mode=mode)
        if inside:
            temperature = temperature / np.where(mask, share, 1)
        if not leak:
            temperature = temperature * mask
        if late:
            temperature[centre] += 1
    return temperature


def heat(mask, centre, steps):
    """Temperature in a mask after some steps of heat diffusion from one pixel.

    Parameters
    ----------
    mask : array of bool
    centre : (int, int)
        Row and column of the source.
    steps : int

    Returns
    -------
    array of float
        0 outside the mask.
    """
    return diffused(mask, centre, steps)


def slopes(temperature):
    """Differences of each pixel's neighbours along rows and along columns, as cellpose takes them.

    Parameters
    ----------
    temperature : array (Y, X)

    Returns
    -------
    array (2, Y, X)
        0 at the border of the image.
    """
    slope = np.zeros((2, *temperature.shape))
    slope[0, 1:-1] = temperature[2:] - temperature[:-2]
    slope[1, :, 1:-1] = temperature[:, 2:] - temperature[:, :-2]
    return slope


def followed(
    flow, points, steps, *, fixed=False, backwards=False, swapped=False, bounded=True, rounded=np.rint
):
    """Where points end that move along a flow, with the usual mistakes built in."""
    points, highest = points.astype(float), np.array(flow.shape[1:]) - 1
    first = None
    for _ in range(steps):
        row, column = np.clip(rounded(points), 0, highest).astype(int).T
        arrow = flow[:, row, column].T
        first = arrow if first is None else first
        arrow = first if fixed else arrow
        arrow = arrow[:, ::-1] if swapped else arrow
        points = points - arrow if backwards else points + arrow
        points = np.clip(points, 0, highest) if bounded else points
    return points


def crowds(points, shape):
    """Number of separate crowds of points, those within two pixels counting as together.

    Parameters
    ----------
    points : array (n, 2)
    shape : (int, int)

    Returns
    -------
    int
    """
    from scipy.ndimage import binary_dilation, label

    taken = np.zeros(shape, bool)
    taken[tuple(np.clip(np.rint(points), 0, np.array(shape) - 1).astype(int).T)] = True
    return int(label(binary_dilation(taken, iterations=1), np.ones((3, 3)))[1])


def stitched(
    planes,
    threshold,
    *,
    overlap="iou",
    twice=False,
    first=False,
    far=False,
    original=False,
    strict=False,
    background=False,
):
    """Objects of planes joined into a stack, from the best pair down, with the usual mistakes built in.

    Parameters
    ----------
    planes : array of int (planes, rows, columns)
        Labels of each plane, without regard to the others.
    threshold : float
        Objects of neighbouring planes with an overlap of at least so much may be joined, in pairs.
    overlap : {"iou", "of the object", "of the one before"}
        What is compared with the threshold: pixels in common divided by the union, or by one of the two.
    twice : bool
        Give one number to all objects that want it.
    first : bool
        Whoever comes first gets it.
    far : bool
        Look past planes without any object.
    original : bool
        Hand on the numbers that objects had in their own plane.
    strict : bool
        Join above the threshold only.
    background : bool
        Take the background of a plane for an object, too.

    Returns
    -------
    array of int (planes, rows, columns)
    """
    stack, last, before = np.zeros(planes.shape, int), 0, np.zeros(planes.shape[1:], int)
    for z, plane in enumerate(planes):
        pairs = []
        for number in np.unique(plane if background else plane[plane > 0]):
            mask = plane == number
            for other in np.unique(before[mask & (before > 0)]):
                there = before == other
                sizes = {"iou": mask | there, "of the object": mask, "of the one before": there}
                value = (mask & there).sum() / sizes[overlap].sum()
                if value > threshold or (value == threshold and not strict):
                    pairs.append((-value, number, other))
        names = {}
        for _, number, other in sorted(pairs, key=lambda pair: pair[1:] if first else pair):
            if number not in names and (twice or other not in names.values()):
                names[number] = other
        for number in np.unique(plane[plane > 0]):
            if number not in names:
                last += 1
                names[number] = last
            stack[z][plane == number] = names[number]
        if plane.any() or not far:
            before = plane if original else stack[z]
    return stack
