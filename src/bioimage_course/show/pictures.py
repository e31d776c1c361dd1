"""Pictures: intensity images, label images, comparisons, feature maps, matched objects."""

import math

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from .. import arguments
from ..errors import InputError
from .style import FILE_DPI, INK, PALETTE, SCREEN_DPI, STYLE, WIDTH, CourseFigure

TALLEST = 4.6  # inches: a single picture leaves room for text on the screen
# On dark pictures black and dark blue would not be seen. Six colours suffice: a map of regions is planar.
_ON_DARK = [PALETTE[name] for name in ("sky", "vermilion", "yellow", "green", "orange", "purple")]


def image(picture, title=None, *, alt="", limits=None, cmap="gray", colorbar=False, pixel_size=None):
    """One image.

    Parameters
    ----------
    picture : array (Y, X) or (Y, X, 3), tensor or data.Sample
        Any number type. Colour images are shown as they are (0–255 or 0–1), others with `limits`.
    title : str, optional
    alt : str
        Alt text.
    limits : (low, high), optional
        Intensities shown as black and white. Default: percentiles 1 and 99.8 of the image. Only the display
        changes, never the data.
    cmap : str
        Matplotlib colour map of intensity images.
    colorbar : bool
        Show which colour means which value.
    pixel_size : float, optional
        Length of a pixel in µm; a `data.Sample` brings its own. When it is known a scale bar is drawn.

    Returns
    -------
    CourseFigure

    Raises
    ------
    InputError
        If the image is not 2D or colour, is empty, or contains NaN.
    """
    alt = alt or _alt(arguments.drawn_image(picture), title)
    look = {"limits": limits, "cmap": cmap, "colorbar": colorbar, "pixel_size": pixel_size}
    return images([picture], None if title is None else [title], alt=alt, **look)


def images(
    pictures, titles=None, *, columns=None, alt="", limits=None, cmap="gray", colorbar=False, pixel_size=None
):
    """Several images in a grid.

    Parameters
    ----------
    pictures : sequence of images
        As in `image`.
    titles : sequence of str, optional
        One an image.
    columns : int, optional
        Images in a row; default: up to 4.
    limits : (low, high), "shared" or None
        Display contrast: given, percentiles of all images together, or (default) of each image by itself.
    alt, cmap, colorbar, pixel_size
        As in `image`.

    Returns
    -------
    CourseFigure

    Raises
    ------
    InputError
        If there is no image, or the number of titles is another one than that of the images.
    """
    pictures, arrays = _several(pictures)
    titles = _titles(titles, len(arrays))
    if isinstance(limits, str):
        if limits != "shared":
            raise InputError(f'limits must be (low, high), "shared" or None, not {limits!r}.')
        limits = _percentiles(np.concatenate([a.ravel() for a in arrays]))
    made, axes = _grid(arrays, columns, alt or "; ".join(filter(None, titles)))
    with mpl.rc_context(STYLE):
        for ax, array, picture, title in zip(axes, arrays, pictures, titles, strict=True):
            shown = _draw(ax, array, title, limits=limits, cmap=cmap)
            if colorbar and array.ndim == 2:
                made.colorbar(shown, ax=ax, fraction=0.046, pad=0.02)
            _scale_bar(ax, array.shape[1], arguments.pixel_size(picture, pixel_size))
    return made


def heat(pictures, maps, titles=None, *, columns=None, alt="", strongest=None, opacity=0.8, cmap="viridis"):
    """Maps laid over their images, such as those of Grad-CAM: the image alone where the map is 0.

    Parameters
    ----------
    pictures : sequence of images
        As in `image`.
    maps : array or tensor (N, h, w)
        One an image, at least 0; a coarser map is interpolated to the size of its image.
    titles, columns, alt
        As in `images`.
    strongest : float, optional
        Value shown brightest. Default: of each map its own maximum, which makes a weak map look strong.
    opacity : float
        Of the map where it is strongest, from 0 to 1; elsewhere in proportion to the map, so that a weak map
        hides nothing.

    Raises
    ------
    InputError
        If images and maps are not of equal number, a map has negative values or NaN, or opacity or strongest
        is out of range.
    """
    _, arrays = _several(pictures)
    maps = arguments.pixels(maps, "maps")
    if maps.ndim != 3 or len(maps) != len(arrays):
        raise InputError(
            f"There must be one map (h, w) for each of the {len(arrays)} images, but maps is {maps.shape}."
        )
    if not np.isfinite(maps).all() or maps.min() < 0:
        raise InputError("maps must be finite and at least 0, such as the output of nets.grad_cam.")
    if not 0 <= opacity <= 1 or not (strongest is None or strongest > 0):
        raise InputError("opacity must lie between 0 and 1, and strongest, the brightest value, above 0.")
    titles = _titles(titles, len(arrays))
    made, axes = _grid(arrays, columns, alt or "; ".join(filter(None, titles)))
    with mpl.rc_context(STYLE):
        for ax, array, values, title in zip(axes, arrays, maps, titles, strict=True):
            place = {"extent": _draw(ax, array, title).get_extent(), "interpolation": "bilinear"}
            highest = strongest or values.max() or 1
            strength = opacity * np.clip(values / highest, 0, 1)
            ax.imshow(values, vmin=0, vmax=highest, cmap=cmap, alpha=strength, **place)
    return made


def label_colours(labels, distance=10) -> dict[int, str]:
    """A colour for each object such that objects near each other differ.

    Colours are those of the colour-blind-safe palette that can be seen on a dark image. Regions on a plane
    need at most six colours when those with the fewest neighbours are coloured last (Matula and Beck 1983,
    https://doi.org/10.1145/2402.322385).

    Parameters
    ----------
    labels : array of int (Y, X)
        0 is background.
    distance : float
        Objects whose regions meet when grown by this many pixels count as neighbours.

    Returns
    -------
    dict
        Label to colour ("#rrggbb").

    Raises
    ------
    InputError
        If `labels` is not a label image.
    """
    import networkx
    from skimage.segmentation import expand_labels

    labels = arguments.drawn_labels(labels)
    graph = networkx.Graph()
    graph.add_nodes_from(int(i) for i in np.unique(labels) if i)
    grown = expand_labels(labels, distance)
    for one, other in ((grown[:, 1:], grown[:, :-1]), (grown[1:], grown[:-1])):
        touching = (one != other) & (one > 0) & (other > 0)
        pairs = np.unique(np.stack([one[touching], other[touching]]), axis=1)
        graph.add_edges_from(pairs.T.tolist())
    chosen = networkx.greedy_color(graph, strategy="smallest_last")
    return {label: _ON_DARK[chosen[label] % len(_ON_DARK)] for label in sorted(chosen)}


def labels(
    picture, objects=None, title=None, *, alt="", fill=0.25, outline=1.3, limits=None, pixel_size=None
):
    """Objects outlined and tinted over their image, neighbours in different colours.

    Parameters
    ----------
    picture : image or None
        The image underneath (as in `image`); None shows the objects alone. A `data.Sample` brings both.
    objects : array of int (Y, X)
        Label image, 0 for background.
    fill : float
        Opacity of the tint: 0 for outlines only, 1 for flat colours.
    outline : float
        Width of the outlines in points.
    title, alt, limits, pixel_size
        As in `image`.

    Raises
    ------
    InputError
        If `objects` is not a label image, or has another shape than the image.
    """
    if objects is None:
        objects = getattr(picture, "labels", None)
        if objects is None:
            raise InputError("There are no labels to show: call show.labels(image, labels).")
    if picture is None:
        objects = arguments.drawn_labels(objects)
        array, fill = np.zeros(objects.shape, np.uint8), max(fill, 0.85)
    else:
        array = arguments.drawn_image(picture)
        objects = arguments.drawn_labels(objects, shape=array.shape[:2])
    colours = label_colours(objects)
    made, (ax,) = _grid([array], 1, alt or _alt_objects(len(colours), title))
    with mpl.rc_context(STYLE):
        _draw(ax, array, title, limits=limits)
        _tint(ax, objects, colours, fill)
        _outline(ax, objects, colours, linewidths=outline)
        _scale_bar(ax, array.shape[1], arguments.pixel_size(picture, pixel_size))
    return made


# Outcome of matching: words, colour and line style, so that no one depends on colour alone.
_OUTCOMES = {
    "tp": ("true positive", PALETTE["sky"], "-"),
    "fp": ("false positive", PALETTE["orange"], (0, (4, 1.6))),
    "fn": ("false negative (missed)", PALETTE["yellow"], (0, (1, 1.2))),
}


def matches(picture, truth, prediction, threshold=0.5, *, title=None, alt="", limits=None, pixel_size=None):
    """Which predicted objects are right, which are wrong, and which true ones were missed.

    Parameters
    ----------
    picture : image
        The image underneath, as in `image`.
    truth, prediction : array of int (Y, X)
        Label images.
    threshold : float
        A prediction is a true positive if its IoU with its true object is at least this (see
        `metrics.match`).

    Returns
    -------
    CourseFigure
        True positives (predicted outline) in solid sky blue, false positives (predicted outline) in dashed
        orange, false negatives (true outline) in dotted yellow, with their numbers.

    Raises
    ------
    InputError
        If a label image is not one, or the shapes differ.
    """
    from .. import metrics

    array = arguments.drawn_image(picture)
    truth = arguments.drawn_labels(truth, "truth", array.shape[:2])
    prediction = arguments.drawn_labels(prediction, "prediction", array.shape[:2])
    found = metrics.match(truth, prediction, threshold)
    groups = {
        "tp": np.where(np.isin(prediction, found.pairs[:, 1]), prediction, 0),
        "fp": np.where(np.isin(prediction, found.pairs[:, 1]), 0, prediction),
        "fn": np.where(np.isin(truth, found.pairs[:, 0]), 0, truth),
    }
    numbers = {"tp": found.tp, "fp": found.fp, "fn": found.fn}
    described = ", ".join(f"{numbers[key]} {_OUTCOMES[key][0]}" for key in groups)
    made, (ax,) = _grid([array], 1, alt or f"Objects matched at IoU {threshold:g}: {described}", extra=0.35)
    with mpl.rc_context(STYLE):
        _draw(ax, array, title, limits=limits)
        handles, edge = [], [_halo(3.5, "#555555")]
        for key, objects in groups.items():
            words, colour, style = _OUTCOMES[key]
            _outline(ax, objects, colour, linestyles=[style], linewidths=1.5)
            look = {"color": colour, "linestyle": style, "path_effects": edge}
            handles.append(Line2D([], [], label=f"{numbers[key]} {words}", **look))
        _scale_bar(ax, array.shape[1], arguments.pixel_size(picture, pixel_size))
        made.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=2.6)
    return made


# --------------------------------------------------------------------------------------- building blocks


def _several(pictures) -> tuple[list, list[np.ndarray]]:
    """The images as they came, and as arrays that can be drawn."""
    if hasattr(pictures, "image") or (hasattr(pictures, "ndim") and pictures.ndim < 3):
        raise InputError("images must be a list of images; show one with show.image(image).")
    try:
        pictures = list(pictures)
    except TypeError:
        raise InputError(f"images must be a list of images, not {type(pictures).__name__}.") from None
    if not pictures:
        raise InputError("images is empty: there is nothing to show.")
    if len(pictures) == 1:
        return pictures, [arguments.drawn_image(pictures[0])]
    return pictures, [arguments.drawn_image(p, f"image number {i}") for i, p in enumerate(pictures, start=1)]


def _titles(titles, count: int) -> list:
    if titles is None:
        return [None] * count
    titles = [titles] if isinstance(titles, str) else list(titles)
    if len(titles) != count:
        raise InputError(f"There are {count} images but {len(titles)} titles.")
    return titles


def _alt(array, title) -> str:
    size = " by ".join(str(n) for n in array.shape[:2])
    return f"{title or 'Image'}, {size} pixels"


def _alt_objects(count: int, title) -> str:
    return f"{title or 'Image'} with {count} {'object' if count == 1 else 'objects'} outlined"


def _grid(arrays, columns, alt, extra=0.0):
    """Figure and flat list of axes for these images, one each, without frames."""
    count = len(arrays)
    if columns is None:
        columns = next((n for n in (4, 3) if count % n == 0), 4) if count > 3 else count
    columns = min(arguments.whole(columns, "columns"), count)
    rows = math.ceil(count / columns)
    tallest = max(array.shape[0] / array.shape[1] for array in arrays)
    height = min(WIDTH / columns * tallest, TALLEST) + 0.3
    made = CourseFigure(figsize=(WIDTH, rows * height + extra), dpi=SCREEN_DPI, layout="constrained", alt=alt)
    with mpl.rc_context(STYLE):
        axes = made.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    return made, axes[:count]


def _percentiles(values) -> tuple[float, float]:
    return arguments.limits(values.astype(float))  # truths have no percentiles, half precision overflows


def _limits(limits, array) -> tuple[float, float]:
    if limits is None:
        low, high = (0.0, 1.0) if array.dtype == bool else _percentiles(array)
    else:
        try:
            low, high = (float(v) for v in limits)
        except (TypeError, ValueError):
            raise InputError(f"limits must be two numbers (low, high), not {limits!r}.") from None
        if not low <= high:
            raise InputError(f"limits must be (low, high) with low below high, not {limits!r}.")
    return (low, high) if low < high else (low - 0.5, high + 0.5)  # constant image: mid-grey


def _draw(ax, array, title, *, limits=None, cmap="gray"):
    """Show one array. Pixels stay squares when magnified; shrunk images are averaged, not thinned out."""
    if title:
        ax.set_title(title)
    if array.ndim == 3 and array.dtype != np.uint8:
        low, high = (0.0, 1.0) if array.min() >= 0 and array.max() <= 1 else _limits(limits, array)
        array = np.clip((array - low) / (high - low), 0, 1)
    low, high = _limits(limits, array) if array.ndim == 2 else (None, None)
    available = ax.get_window_extent().width * FILE_DPI / SCREEN_DPI
    interpolation = "nearest" if array.shape[1] <= available else "antialiased"
    if array.dtype == bool:
        array = array.astype(np.uint8)
    return ax.imshow(array, vmin=low, vmax=high, cmap=cmap, interpolation=interpolation)


def _halo(width: float, colour="black"):
    return patheffects.withStroke(linewidth=width, foreground=colour)


def _scale_bar(ax, width: int, pixel_size: float | None) -> None:
    """A bar of a round length near a fifth of the image's width, in the lower right corner."""
    if pixel_size is None:
        return
    target = width * pixel_size / 5
    step = 10 ** math.floor(math.log10(target))
    length = step * max(factor for factor in (1, 2, 5) if factor * step <= target)
    bottom, top = ax.get_ylim()
    margin = 0.035 * width
    right, y = width - 0.5 - margin, bottom - margin * np.sign(bottom - top)
    left, middle = right - length / pixel_size, right - length / pixel_size / 2
    look = {"color": "white", "path_effects": [_halo(5.5)], "linewidth": 3.5, "solid_capstyle": "butt"}
    ax.plot([left, right], [y, y], **look)
    unit, shown = ("µm", length) if length >= 1 else ("nm", length * 1000)
    look = {"color": "white", "path_effects": [_halo(2.5)], "fontsize": 10, "ha": "center", "va": "bottom"}
    ax.annotate(f"{shown:g} {unit}", (middle, y), (0, 4), textcoords="offset points", **look)
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(bottom, top)


def _tint(ax, objects, colours, opacity) -> None:
    if not opacity or not colours:
        return
    numbered, found = arguments.consecutive(objects)
    lookup = np.zeros((len(found), 4))  # background: transparent
    lookup[1:] = [mpl.colors.to_rgba(colours[int(label)], opacity) for label in found[1:]]
    ax.imshow(lookup[numbered], interpolation="nearest")


def _outline(ax, objects, colours, linewidths, **kwargs) -> None:
    """Outlines of all objects as lines: sharp at every size, edged in black for pale images."""
    from scipy import ndimage
    from skimage.measure import find_contours

    numbered, found = arguments.consecutive(objects)
    lines, line_colours = [], []
    for number, box in enumerate(ndimage.find_objects(numbered), start=1):
        mask = np.pad(numbered[box] == number, 1)
        # Touching the edge from inside keeps outlines of neighbours apart.
        for contour in find_contours(mask.astype(float), 0.75):
            lines.append(contour[:, ::-1] + (box[1].start - 1, box[0].start - 1))
            line_colours.append(colours if isinstance(colours, str) else colours[int(found[number])])
    edge = patheffects.withStroke(linewidth=linewidths + 1.2, foreground="black", alpha=0.6)
    look = {"colors": line_colours or INK, "linewidths": linewidths, "path_effects": [edge]}
    ax.add_collection(LineCollection(lines, **look, **kwargs), autolim=False)
