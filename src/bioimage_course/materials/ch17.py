"""Materials of chapter 17."""

import numpy as np


def folder_of_masks(seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Eight images with their masks, as a colleague might send them: five are spoilt, each in another way.

    One is binary, one moved by a few pixels, one resized with interpolation, one lacks some objects, and one
    uses numbers twice. The order depends on the seed.

    Parameters
    ----------
    seed : int

    Returns
    -------
    list of (image, labels)
    """
    from bioimage_course import data

    random = np.random.default_rng(seed)
    samples = [data.synthetic.nuclei(seed=100 * seed + number, touching=0.1) for number in range(8)]
    pairs = [(sample.image, sample.labels) for sample in samples]
    for number, spoil in enumerate((_binary, _moved, _interpolated, _incomplete, _doubled)):
        image, labels = pairs[number]
        pairs[number] = image, spoil(labels)
    return [pairs[i] for i in random.permutation(len(pairs))]


def _binary(labels):
    return np.where(labels > 0, 1, 0).astype(labels.dtype)


def _moved(labels):
    moved = np.zeros_like(labels)
    moved[7:, :-9] = labels[:-7, 9:]
    return moved


def _interpolated(labels):
    from skimage.transform import resize

    half = labels[::2, ::2].astype(float)
    return np.rint(resize(half, labels.shape, order=1, preserve_range=True)).astype(labels.dtype)


def _incomplete(labels):
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    return np.where(np.isin(labels, numbers[np.argsort(areas)[-8:-4]]), 0, labels)


def _doubled(labels):
    highest = int(labels.max())
    return np.where(labels > highest // 2, labels - highest // 2, labels).astype(labels.dtype)


# ---------------------------------------------------------------- the explorable: a mask that was put wrongly

SIDE = 160
"""Side of the explorable's picture in pixels."""

SHIFTS = tuple(range(-12, 13, 2))
TURNS = ("none", "mirrored", "upside down", "quarter")
SCALES = (0.8, 0.9, 1.0, 1.1, 1.25)
ANSWERS = ("nothing", "shifted", "turned", "scaled", "not judged")
"""What the label doctor says of the place of a mask."""


def picture_and_masks() -> tuple[np.ndarray, np.ndarray]:
    """Twelve nuclei of the built-in image in 16 grey values, and their labels 1 to 12."""
    from skimage.segmentation import relabel_sequential

    from bioimage_course import data

    nuclei, window = data.load("nuclei"), np.s_[250 : 250 + SIDE, 130 : 130 + SIDE]
    low, high = np.percentile(nuclei.image[window], (1, 99.5))
    bright = ((nuclei.image[window].astype(float) - low) / (high - low)).clip(0, 1) ** 0.7
    return np.rint(15 * bright).astype(np.uint8), relabel_sequential(nuclei.labels[window])[0]


def put_wrongly(labels, down: int = 0, right: int = 0, turn: str = "none", scale: float = 1.0) -> np.ndarray:
    """A square label image scaled about its middle, turned and moved; what comes in from outside is empty.

    Parameters
    ----------
    labels : array of int (N, N)
    down, right : int
        Pixels.
    turn : {"none", "mirrored", "upside down", "quarter"}
    scale : float

    Returns
    -------
    array of int (N, N)
    """
    side = len(labels)
    middle = (side - 1) / 2
    y, x = np.mgrid[:side, :side].astype(float)
    y, x = y - down, x - right
    if turn == "mirrored":
        x = side - 1 - x
    elif turn == "upside down":
        y = side - 1 - y
    elif turn == "quarter":
        y, x = x, side - 1 - y
    y, x = (np.floor((place - middle) / scale + middle + 0.5).astype(int) for place in (y, x))
    inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
    put = np.zeros_like(labels)
    put[inside] = labels[y[inside], x[inside]]
    return put


def answer(picture, labels) -> str:
    """What the label doctor says of the place of the labels: one of ANSWERS."""
    from bioimage_course import data

    found = data.diagnose(picture * 17, labels)
    named = [name for name in ANSWERS[1:4] if name in found.names]
    if named:
        return named[0]
    return ANSWERS[4] if any("right place" in told for told in found.not_judged) else ANSWERS[0]


# ---------------------------------------------------------------- what the exercises ask about

LENGTHS = (
    (0.25, "µm"),
    (250.0, "nm"),
    (0.00025, "mm"),
    (2.5e-07, "m"),
    (0.5, "micron"),
    (0.5, "\u03bcm"),
    (1.0, "pixel"),
    (1.0, ""),
    (0.0, "µm"),
)
"""What files say: a number and a unit."""

FACTORS = {"µm": 1.0, "micron": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}


def in_micrometres(value: float, unit: str) -> float | None:
    """The length of a pixel in µm; None where it is not known."""
    factor = FACTORS.get(unit.replace("\u03bc", "µ"))
    return factor * value if factor and value > 0 else None


MICE = (1, 10, 2, 12, 3, 11)


def file_names(seed: int | None = 0) -> list[str]:
    """Images of six mice, one to four of each; of four mice with two each if there is no seed.

    Some mice have names that begin alike: who cuts names at a letter takes mouse10 for mouse1.
    """
    if seed is None:
        return [f"mouse{m}_slice{n}.tif" for m in MICE[:4] for n in range(1, 3)]
    random = np.random.default_rng([17, seed])
    return [f"mouse{m}_slice{n}.tif" for m in MICE for n in range(1, 2 + random.integers(0, 4))]


def folder_of_fields(seed: int = 0) -> list[np.ndarray]:
    """Five fields of different size and brightness, one of them empty: uint16, as a camera gives them."""
    random, fields = np.random.default_rng([18, seed]), []
    for side, share, level in (
        (60, 0.3, 500),
        (40, 0.0, 0),
        (80, 0.2, 1800),
        (30, 0.5, 900),
        (50, 0.1, 2600),
    ):
        field = random.normal(300, 20, (side, side + 10))
        bright = random.random(field.shape) < share
        field[bright] += random.normal(level, 60, bright.sum())
        fields.append(np.clip(np.rint(field), 0, 65535).astype(np.uint16))
    return fields


def _race(gains, seed: int):
    """Scores of two tools on images of mice: the first is ahead by each mouse's gain."""
    random = np.random.default_rng(seed)
    mice = [f"mouse{m}" for m, gain in enumerate(gains) for _ in range(5)]
    second = random.uniform(0.5, 0.7, len(mice))
    return second + np.repeat(gains, 5) + random.normal(0, 0.005, len(mice)), second, mice


RACES = (
    _race((0.06, 0.05, 0.07, 0.06), 0),
    _race((-0.06, -0.05, -0.07, -0.06), 1),
    _race((0.1,), 2),
    _race((0.3, 0.01, 0.02), 3),
    _race((-0.02, -0.01, -0.25), 4),
    _race((0.0, 0.0), 5),
    _race((0.2, 0.2), 6),
)
"""Two tools and the mice of the images: clear, clear the other way, four that cannot tell, clear with two."""


def told_apart(first, second, mice) -> str:
    """Which tool is ahead over the mice: "first", "second" or "too few"."""
    from bioimage_course import metrics

    if len(set(mice)) < 2:
        return "too few"
    found = metrics.paired_difference(first, second, groups=np.asarray(mice))
    return "first" if found.low > 0 else "second" if found.high < 0 else "too few"


# ---------------------------------------------------------------- folders to work with


def simulated_mice(folder) -> None:
    """An experiment as files: five mice, three slices each, 0.5 µm a pixel, every mouse stained otherwise.

    Everything is simulated, so the labels, which are written as well, are exact.

    Parameters
    ----------
    folder : Path
        A project.
    """
    import tifffile

    from bioimage_course import data

    size = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
    for mouse in range(1, 6):
        light = 40 * mouse
        for number in range(3):
            seed, name = 100 * mouse + number, f"mouse{mouse}_slice{number}.tif"
            field = data.synthetic.nuclei((192, 192), 26, seed=seed, touching=0.5, photons=light)
            tifffile.imwrite(folder / "raw" / name, field.image, **size)
            tifffile.imwrite(folder / "labels" / name, field.labels.astype(np.uint16), **size)


def tiles_of_one_slide(folder) -> None:
    """Sixteen tiles of one real image, DNA of human HT29 cells, with the outlines that were drawn.

    Parameters
    ----------
    folder : Path
        A project.
    """
    import tifffile

    from bioimage_course import data

    cells = data.load("mitosis")
    for i, (row, column) in enumerate(np.ndindex(4, 4)):
        window = np.s_[128 * row : 128 * (row + 1), 128 * column : 128 * (column + 1)]
        tifffile.imwrite(folder / "raw" / f"slide_tile{i:02}.tif", cells.image[window][..., 0])
        tifffile.imwrite(folder / "labels" / f"slide_tile{i:02}.tif", cells.labels[window].astype(np.uint16))
