"""Artificial microscopy with exact ground truth.

Scenes (`nuclei`, `stack`, `membranes`, `spots`) are drawn without noise, then seen through one model of a
camera (`camera`): blur by the optics, vignetting, shot noise of the photons, read-out noise. All lengths are
in pixels, but those of `stack` in µm. The same seed always gives the same image.

The labels are exact: they are the very regions that were filled with light, before any blur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from bioimage_course import arguments
from bioimage_course.data.records import Sample
from bioimage_course.errors import InputError

LICENCE = "CC0-1.0 (computed, not measured)"


# --- Arguments --------------------------------------------------------------------------------------


def _interval(value, what: str, low: float) -> tuple[float, float]:
    try:
        first, last = value
    except (TypeError, ValueError):
        raise InputError(f"{what} must be two numbers (smallest, largest), not {value!r}") from None
    first, last = arguments.number(first, what, low), arguments.number(last, what, low)
    if first > last:
        raise InputError(f"{what} must be (smallest, largest), but {first:g} is above {last:g}")
    return first, last


def _shape(value) -> tuple[int, int]:
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise InputError(f"shape must be two whole numbers (rows, columns), not {value!r}") from None
    rows, columns = (arguments.whole(n, "each number of shape", 8) for n in (rows, columns))
    if rows * columns > 2**28:
        raise InputError(f"{rows}×{columns} pixels are too many: at most 2**28 (16384×16384) are computed")
    return rows, columns


def _random(seed) -> np.random.Generator:
    return np.random.default_rng(arguments.whole(seed, "seed", 0))


# --- The camera -------------------------------------------------------------------------------------


def camera(
    scene: np.ndarray,
    *,
    photons: float = 200.0,
    psf: float = 1.2,
    vignetting: float = 0.0,
    gain: float = 2.0,
    offset: float = 100.0,
    read_noise: float = 3.0,
    seed: int = 0,
) -> np.ndarray:
    """What a camera records of a scene.

    Parameters
    ----------
    scene : array of float, any shape
        Brightness; 1 is a typical object, 0 is dark. Not negative.
    photons : float
        Photons that a pixel of brightness 1 collects. Shot noise is the square root of it: 200 photons
        have a signal-to-noise ratio of 14, 20 photons one of 4.5.
    psf : float
        Standard deviation of the Gaussian that stands for the point spread function, in pixels;
        0 is a perfect lens.
    vignetting : float
        Share of light lost in the corners (0 to 1), growing with the square of the distance from the centre.
    gain : float
        Grey values per photon.
    offset : float
        Grey value of darkness, so that read-out noise does not fall below 0.
    read_noise : float
        Standard deviation of the Gaussian noise of the read-out, in grey values.
    seed : int
        Seed of the noise.

    Returns
    -------
    ndarray of uint16, shape of `scene`
        Grey values; what exceeds 65535 is saturated there, as in a real camera.

    Raises
    ------
    InputError
        If the scene or a parameter is out of range.

    References
    ----------
    Janesick 2007, Photon transfer, SPIE Press, doi:10.1117/3.725073 (shot and read-out noise).
    """
    scene = arguments.array(scene, "the scene", axes=True).astype(float)
    if not np.isfinite(scene).all() or scene.min() < 0:
        raise InputError("the scene must be finite and not negative: brightness starts at 0")
    # A Poisson variable above 1e15 no longer fits the generator's integers; no camera counts that far.
    photons = arguments.number(photons, "photons", 0, 1e9)
    psf = arguments.number(psf, "psf", 0, 1000)
    vignetting = arguments.number(vignetting, "vignetting", 0, 1)
    gain, offset = arguments.number(gain, "gain", 0, 1e6), arguments.number(offset, "offset", 0, 65535)
    read_noise = arguments.number(read_noise, "read_noise", 0, 65535)
    random = _random(seed)
    if scene.max() > 1e15 / max(photons, 1):
        raise InputError("scene × photons exceeds 1e15 photons a pixel: brightness 1 is a typical object")

    light = ndimage.gaussian_filter(scene, psf, mode="reflect") if psf else scene
    if vignetting:
        distance = sum(
            np.square(np.linspace(-1, 1, n)).reshape([-1 if a == axis else 1 for a in range(scene.ndim)])
            for axis, n in enumerate(scene.shape)
        )
        light = light * (1 - vignetting * distance / scene.ndim)
    grey = gain * random.poisson(light * photons) + offset + random.normal(0, read_noise, scene.shape)
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16)


# --- Scenes -----------------------------------------------------------------------------------------


def nuclei(
    shape: tuple[int, int] = (256, 256),
    count: int = 30,
    *,
    radius: tuple[float, float] = (8.0, 14.0),
    elongation: float = 1.3,
    irregularity: float = 0.08,
    touching: float = 0.3,
    brightness: tuple[float, float] = (0.5, 1.0),
    texture: float = 0.15,
    background: float = 0.05,
    seed: int = 0,
    **settings: float,
) -> Sample:
    """Fluorescent nuclei: bright ellipse-like blobs, some of which touch.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    count : int
        Number of nuclei; there will be exactly so many.
    radius : (float, float)
        Smallest and largest mean radius.
    elongation : float
        Largest ratio of the long to the short axis, at least 1 (circles).
    irregularity : float
        Size of bumps on the outline, as a share of the radius (0 to 0.3).
    touching : float
        Share of nuclei (0 to 1) that are placed against an earlier one, which they may dent a little.
    brightness : (float, float)
        Dimmest and brightest nucleus; 1 collects `photons` photons a pixel.
    texture : float
        Unevenness inside nuclei (chromatin), as a share of their brightness (0 to 1).
    background : float
        Brightness between nuclei: stray light and unbound dye.
    seed : int
        Seed of everything random.
    **settings : float
        Those of the camera: `photons`, `psf`, `vignetting`, `read_noise` and others, see `camera`.

    Returns
    -------
    Sample
        `image` uint16 and `labels` int32 of the given shape, labels 1 to `count`, each connected.

    Raises
    ------
    InputError
        If a parameter is out of range, or there is no room for so many nuclei.

    Examples
    --------
    >>> sample = nuclei((128, 128), count=10, seed=1)
    >>> sample.image.shape, sample.n_objects
    ((128, 128), 10)
    """
    shape, count = _shape(shape), arguments.whole(count, "count", 0)
    radius = _interval(radius, "radius", 2)
    if radius[1] > min(shape) / 2:
        raise InputError(f"a radius of {radius[1]:g} does not fit into {shape[0]}×{shape[1]} pixels")
    elongation = arguments.number(elongation, "elongation", 1, 4)
    irregularity = arguments.number(irregularity, "irregularity", 0, 0.3)
    touching = arguments.number(touching, "touching", 0, 1)
    brightness = _interval(brightness, "brightness", 0)
    texture = arguments.number(texture, "texture", 0, 1)
    background = arguments.number(background, "background", 0)
    random = _random(seed)

    labels = np.zeros(shape, np.int32)
    placed: list[tuple[float, float, float]] = []  # row, column, radius
    for number in range(1, count + 1):
        beside = placed and random.random() < touching
        for _ in range(500):
            r = random.uniform(*radius)
            if beside:
                y0, x0, r0 = placed[random.integers(len(placed))]
                angle, gap = random.uniform(0, 2 * np.pi), 0.92 * (r0 + r)
                y, x = y0 + gap * np.sin(angle), x0 + gap * np.cos(angle)
            else:
                y, x = random.uniform(0, shape[0] - 1), random.uniform(0, shape[1] - 1)
            if _draw(labels, number, y, x, r, elongation, irregularity, bool(beside), random):
                placed.append((y, x, r))
                break
        else:
            raise InputError(
                f"only {number - 1} of {count} nuclei of radius {radius[0]:g} to {radius[1]:g} found room "
                f"in {shape[0]}×{shape[1]} pixels: ask for fewer or smaller nuclei, or a larger image"
            )

    level = np.concatenate([[0], random.uniform(*brightness, count)])
    scene = background + level[labels] * (1 + texture * _smooth_noise(shape, 2.5, random))
    image = camera(np.maximum(scene, 0), seed=int(random.integers(2**31)), **settings)
    about = f"{count} synthetic fluorescent nuclei, {touching:.0%} placed so that they touch another"
    return Sample(f"synthetic-nuclei-{seed}", image, labels, "YX", about, LICENCE)


def _draw(labels, number, y, x, r, elongation, irregularity, beside, random) -> bool:
    """Draw one blob into free pixels of `labels`; False, and nothing drawn, if it does not fit there."""
    stretch = np.sqrt(random.uniform(1, elongation))
    tilt = random.uniform(0, np.pi)
    orders = np.arange(2, 6)
    sizes = random.normal(0, irregularity / 2, orders.size)
    phases = random.uniform(0, 2 * np.pi, orders.size)

    reach = r * stretch * (1 + 2 * irregularity) + 2
    top, left = max(int(y - reach), 0), max(int(x - reach), 0)
    bottom, right = min(int(y + reach) + 2, labels.shape[0]), min(int(x + reach) + 2, labels.shape[1])
    if top >= bottom or left >= right:
        return False
    window = labels[top:bottom, left:right]
    rows, columns = np.ogrid[top - y : bottom - y, left - x : right - x]
    rows, columns = rows[: window.shape[0]], columns[:, : window.shape[1]]
    along = (columns * np.cos(tilt) + rows * np.sin(tilt)) / stretch
    across = (rows * np.cos(tilt) - columns * np.sin(tilt)) * stretch
    angle = np.arctan2(across, along)
    outline = r * (1 + np.sum(sizes * np.sin(angle[..., None] * orders + phases), axis=-1))
    blob = np.hypot(along, across) <= outline

    free = blob & (window == 0)
    # Nothing may be hidden by neighbours or cut off by the border to less than most of a nucleus.
    if free.sum() < (0.85 if beside else 1.0) * blob.sum() or blob.sum() < 0.6 * np.pi * r**2:
        return False
    if not beside and np.any(window[ndimage.binary_dilation(blob, iterations=2)]):
        return False  # keep a gap to nuclei that it should not touch
    if beside and not np.any(window[ndimage.binary_dilation(blob)]):
        return False  # it does not reach its neighbour
    if ndimage.label(free)[1] != 1:
        return False
    window[free] = number
    return True


def _smooth_noise(shape, sigma, random) -> np.ndarray:
    """Gaussian noise with structures of about `sigma` pixels, mean 0 and standard deviation 1."""
    noise = ndimage.gaussian_filter(random.normal(size=shape), sigma, mode="wrap")
    return (noise - noise.mean()) / (noise.std() or 1)


def stack(
    shape: tuple[int, int, int] = (24, 96, 96),
    count: int = 20,
    *,
    spacing: tuple[float, float, float] = (1.0, 0.25, 0.25),
    radius: tuple[float, float] = (2.4, 3.4),
    above: float = 0.5,
    psf: tuple[float, float] = (0.8, 0.2),
    brightness: tuple[float, float] = (0.5, 1.0),
    texture: float = 0.15,
    background: float = 0.05,
    seed: int = 0,
    **settings: float,
) -> Sample:
    """A stack of planes through fluorescent nuclei, some of which lie on top of each other.

    Lengths are in µm here. The scene is drawn and blurred on nearly cubic voxels; the stack's planes are then
    taken out of it, as a microscope that moves its focus in large steps takes them.

    Parameters
    ----------
    shape : (int, int, int)
        Planes, rows and columns.
    count : int
        Number of nuclei; there will be exactly so many.
    spacing : (float, float, float)
        From plane to plane, row to row and column to column; the first at least as large as the second.
    radius : (float, float)
        Smallest and largest mean radius in the plane. In it nuclei are ellipses (sides up to 1.3 to 1); they
        are 0.75 to 1 times as high as wide.
    above : float
        Share of nuclei (0 to 1) that are put on or under an earlier one, so that the two touch.
    psf : (float, float)
        Standard deviation of the blur along the optical axis and across it.
    brightness : (float, float)
        Dimmest and brightest nucleus; 1 collects `photons` photons a voxel.
    texture : float
        Unevenness inside nuclei, as a share of their brightness (0 to 1).
    background : float
        Brightness between nuclei.
    seed : int
        Seed of everything random.
    **settings : float
        Those of the camera: `photons`, `read_noise` and others, see `camera`.

    Returns
    -------
    Sample
        `image` uint16 and `labels` int32 of the given shape, labels 1 to `count`. A voxel belongs to a
        nucleus if its centre does.

    Raises
    ------
    InputError
        If a parameter is out of range, or there is no room for so many nuclei.

    Examples
    --------
    >>> sample = stack(count=4, seed=1)
    >>> sample.image.shape, sample.n_objects
    ((24, 96, 96), 4)
    """
    size, count = _stack_shape(shape), arguments.whole(count, "count", 0)
    steps = np.array(arguments.spacing(spacing, 3))
    if steps[0] < steps[1]:
        raise InputError(f"planes must be at least as far apart as rows: {steps[0]:g} is below {steps[1]:g}")
    radius = _interval(radius, "radius", 2 * steps[1:].max())
    if radius[1] > min(size * steps) / 2:
        raise InputError(
            f"a radius of {radius[1]:g} µm does not fit into {' × '.join(map(str, size))} voxels"
        )
    above = arguments.number(above, "above", 0, 1)
    axial, lateral = (arguments.number(n, "each number of psf", 0, 1000) for n in _two(psf, "psf"))
    brightness = _interval(brightness, "brightness", 0)
    texture = arguments.number(texture, "texture", 0, 1)
    background = arguments.number(background, "background", 0)
    random = _random(seed)

    finer = max(1, round(steps[0] / steps[1]))  # planes drawn for one that is recorded
    voxel = steps / (finer, 1, 1)
    labels = np.zeros(((size[0] - 1) * finer + 1, *size[1:]), np.int32)
    placed: list[tuple[np.ndarray, float, float]] = []  # centre, mean radius in the plane, half the height
    for number in range(1, count + 1):
        partner = placed and random.random() < above
        for _ in range(500):
            r = random.uniform(*radius)
            height = r * random.uniform(0.75, 1.0)
            centre = random.uniform(0, 1, 3) * (np.array(labels.shape) - 1) * voxel
            if partner:
                centre = _on_top(*placed[random.integers(len(placed))], r, height, random)
            if _draw_ellipsoid(labels, number, centre, r, height, voxel, bool(partner), random):
                placed.append((centre, r, height))
                break
        else:
            raise InputError(
                f"only {number - 1} of {count} nuclei of radius {radius[0]:g} to {radius[1]:g} µm found room "
                f"in {' × '.join(map(str, size))} voxels: ask for fewer or smaller nuclei, or a larger stack"
            )

    level = np.concatenate([[0], random.uniform(*brightness, count)])
    grain = _smooth_noise(labels.shape, 2.5 * voxel[1] / voxel, random)
    scene = background + level[labels] * (1 + texture * grain)
    blurred = ndimage.gaussian_filter(np.maximum(scene, 0), np.array((axial, lateral, lateral)) / voxel)
    image = camera(blurred[::finer], psf=0, seed=int(random.integers(2**31)), **settings)
    about = f"{count} synthetic nuclei in a stack, voxels of {' × '.join(f'{n:g}' for n in steps)} µm"
    name = f"synthetic-stack-{seed}"
    return Sample(name, image, labels[::finer], "ZYX", about, LICENCE, pixel_size=float(steps[1]))


def _stack_shape(value) -> np.ndarray:
    try:
        planes, *plane = value
        _, _ = plane
    except (TypeError, ValueError):
        raise InputError(f"shape must be (planes, rows, columns), not {value!r}") from None
    return np.array((arguments.whole(planes, "the number of planes", 2, 4096), *_shape(plane)))


def _two(value, what: str) -> tuple:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise InputError(f"{what} must be two numbers (along the axis, across), not {value!r}") from None
    return first, second


def _on_top(centre, r0: float, height0: float, r: float, height: float, random) -> np.ndarray:
    """Centre of a nucleus that lies on or under another one, shifted by up to half of its radius."""
    shift, angle, side = random.uniform(0, 0.5) * r0, random.uniform(0, 2 * np.pi), random.choice([-1, 1])
    distance = 0.97 * (height0 + height) * np.sqrt(1 - (shift / (r0 + r)) ** 2)
    return centre + (side * distance, shift * np.sin(angle), shift * np.cos(angle))


def _draw_ellipsoid(labels, number, centre, r, height, voxel, touching, random) -> bool:
    """Draw one ellipsoid into free voxels; False, and nothing drawn, if it does not fit there."""
    stretch, tilt = np.sqrt(random.uniform(1, 1.3)), random.uniform(0, np.pi)
    reach = np.array((height, r * stretch, r * stretch)) + 2 * voxel
    low = np.maximum(np.ceil((centre - reach) / voxel).astype(int), 0)
    high = np.minimum(np.floor((centre + reach) / voxel).astype(int) + 1, labels.shape)
    if (low >= high).any():
        return False
    window = labels[tuple(map(slice, low, high))]
    z, y, x = (
        a * v - c for a, v, c in zip(np.ogrid[tuple(map(slice, low, high))], voxel, centre, strict=True)
    )
    along = (x * np.cos(tilt) + y * np.sin(tilt)) / stretch
    across = (y * np.cos(tilt) - x * np.sin(tilt)) * stretch
    blob = (along / r) ** 2 + (across / r) ** 2 + (z / height) ** 2 <= 1
    free = blob & (window == 0)
    whole = 4 / 3 * np.pi * r**2 * height / np.prod(voxel)
    if free.sum() < 0.95 * blob.sum() or blob.sum() < 0.6 * whole:
        return False
    if touching and not np.any(window[ndimage.binary_dilation(blob)]):
        return False
    if ndimage.label(free)[1] != 1:
        return False
    window[free] = number
    return True


def membranes(
    shape: tuple[int, int] = (256, 256),
    count: int = 40,
    *,
    thickness: float = 1.5,
    waviness: float = 3.0,
    brightness: float = 1.0,
    background: float = 0.1,
    seed: int = 0,
    **settings: float,
) -> Sample:
    """A sheet of cells whose membranes are bright: an epithelium.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    count : int
        Number of cells, at least 2; there will be exactly so many, and they fill the image.
    thickness : float
        Thickness of a membrane.
    waviness : float
        How far membranes wander from straight lines; 0 gives polygons.
    brightness, background : float
        Brightness of membranes and of what lies between; 1 collects `photons` photons a pixel.
    seed : int
        Seed of everything random.
    **settings : float
        Those of the camera: `photons`, `psf`, `vignetting`, `read_noise` and others, see `camera`.

    Returns
    -------
    Sample
        `image` uint16; `labels` int32, cells 1 to `count` that meet without background between
        them; `target` bool, True on membranes.

    Raises
    ------
    InputError
        If a parameter is out of range, or there are too many cells for the image.
    """
    shape, count = _shape(shape), arguments.whole(count, "count", 2)
    thickness = arguments.number(thickness, "thickness", 0.5, 50)
    waviness = arguments.number(waviness, "waviness", 0, 50)
    brightness = arguments.number(brightness, "brightness", 0)
    background = arguments.number(background, "background", 0)
    random = _random(seed)
    if count * 40 > shape[0] * shape[1]:
        raise InputError(
            f"{count} cells are too many for {shape[0]}×{shape[1]} pixels: leave at least 40 for each"
        )
    size = np.sqrt(shape[0] * shape[1] / count)

    # Voronoi cells of points that keep their distance, on coordinates bent by smooth noise.
    points = _apart(shape, count, 0.6 * size, random)
    rows, columns = np.indices(shape).astype(float)
    rows += waviness * _smooth_noise(shape, size / 4, random)
    columns += waviness * _smooth_noise(shape, size / 4, random)
    from scipy.spatial import cKDTree

    nearest = cKDTree(points).query(np.stack([rows, columns], axis=-1))[1]
    labels = _keep_connected(nearest.astype(np.int32) + 1)
    if len(np.unique(labels)) != count:
        raise InputError(f"some of {count} cells vanished: choose fewer cells or less waviness")
    edges = np.zeros(shape, bool)
    edges[:-1] |= labels[:-1] != labels[1:]
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    target = ndimage.distance_transform_edt(~edges) <= thickness / 2
    image = camera(background + brightness * target, seed=int(random.integers(2**31)), **settings)
    about = f"{count} synthetic cells with bright membranes"
    return Sample(f"synthetic-membranes-{seed}", image, labels, "YX", about, LICENCE, target=target)


def _apart(shape, count: int, distance: float, random) -> np.ndarray:
    """Random points (row, column) that keep a distance, which shrinks as long as they find no room."""
    points, placed = np.empty((count, 2)), 0
    while placed < count:
        for point in random.uniform((0, 0), (shape[0] - 1, shape[1] - 1), (200, 2)):
            if placed < count and np.hypot(*(points[:placed] - point).T).min(initial=np.inf) >= distance:
                points[placed] = point
                placed += 1
        distance *= 0.9
    return points


def _keep_connected(labels: np.ndarray) -> np.ndarray:
    """Give every label's smaller fragments to the nearest large one, so that labels are connected."""
    kept = np.zeros_like(labels)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is None:
            continue
        parts, n = ndimage.label(labels[place] == number)
        largest = 1 + np.argmax(np.bincount(parts.ravel())[1:]) if n > 1 else 1
        kept[place][parts == largest] = number
    nearest = ndimage.distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
    return kept[tuple(nearest)]


def spots(
    shape: tuple[int, int] = (256, 256),
    count: int = 60,
    *,
    sigma: float = 1.5,
    distance: float | None = None,
    brightness: tuple[float, float] = (0.5, 1.0),
    background: float = 0.05,
    seed: int = 0,
    **settings: float,
) -> Sample:
    """Diffraction-limited spots, such as single molecules: each a Gaussian at a subpixel position.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    count : int
        Number of spots.
    sigma : float
        Standard deviation of a spot: the point spread function, so there is no further blur.
    distance : float, optional
        Least distance of two centres; by default 4 `sigma`, with which spots are seen apart.
    brightness : (float, float)
        Dimmest and brightest peak; 1 collects `photons` photons a pixel.
    background : float
        Brightness between spots.
    seed : int
        Seed of everything random.
    **settings : float
        Those of the camera: `photons`, `vignetting`, `read_noise` and others, see `camera`.

    Returns
    -------
    Sample
        `image` uint16; `labels` int32, pixels within 2 `sigma` of a centre (of the nearest, where
        spots meet), labels 1 to `count`; `target` float array (count, 2), the exact centres (row, column).

    Raises
    ------
    InputError
        If a parameter is out of range, or spots find no room.
    """
    shape, count = _shape(shape), arguments.whole(count, "count", 0)
    sigma = arguments.number(sigma, "sigma", 0.5, 20)
    distance = 4 * sigma if distance is None else arguments.number(distance, "distance", 1.5)
    brightness = _interval(brightness, "brightness", 0)
    background = arguments.number(background, "background", 0)
    random = _random(seed)

    centres = _spot_centres(shape, count, sigma, distance, random)
    scene = np.full(shape, background, float)
    labels = np.zeros(shape, np.int32)
    closest = np.full(shape, 2 * sigma)
    reach = int(np.ceil(5 * sigma))
    for number, (y, x) in enumerate(centres, start=1):
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        place = np.s_[top : int(y) + reach + 1, left : int(x) + reach + 1]
        rows, columns = np.indices(scene[place].shape)
        away = np.hypot(rows + top - y, columns + left - x)
        scene[place] += random.uniform(*brightness) * np.exp(-(away**2) / (2 * sigma**2))
        nearer = away <= closest[place]
        labels[place][nearer] = number
        closest[place][nearer] = away[nearer]
    image = camera(scene, psf=0, seed=int(random.integers(2**31)), **settings)
    about = f"{count} synthetic spots with a point spread function of σ = {sigma:g} pixels"
    return Sample(f"synthetic-spots-{seed}", image, labels, "YX", about, LICENCE, target=centres)


def _spot_centres(shape, count: int, sigma: float, distance: float, random) -> np.ndarray:
    """Random points (row, column) that keep a distance from each other, and 2 sigma from the border."""
    centres = np.empty((count, 2))
    margin = min(2 * sigma, (min(shape) - 1) / 2)
    high = (shape[0] - 1 - margin, shape[1] - 1 - margin)
    placed = failures = 0
    while placed < count and failures < 2000:
        point = random.uniform(margin, high)
        if np.hypot(*(centres[:placed] - point).T).min(initial=np.inf) >= distance:
            centres[placed] = point
            placed, failures = placed + 1, 0
        else:
            failures += 1
    if placed < count:
        raise InputError(
            f"only {placed} of {count} spots {distance:g} pixels apart found room "
            f"in {shape[0]}×{shape[1]} pixels: ask for fewer, or a smaller distance"
        )
    return centres


# --- Crops ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class CellCrops:
    """Small pictures of one object each, and their classes.

    Attributes
    ----------
    images : ndarray of uint16, shape (n, size, size)
        Grey values of the camera.
    classes : ndarray of int, shape (n,)
        Class of every crop, an index of `class_names`.
    class_names : tuple of str
        Names of the classes.
    """

    images: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self):
        size = "×".join(map(str, self.images.shape[1:]))
        return f"<CellCrops: {len(self)} crops of {size} pixels of {', '.join(self.class_names)}>"


def cell_crops(
    n: int = 300,
    seed: int = 0,
    *,
    size: int = 32,
    photons: float = 60.0,
    brightness: tuple[float, float] = (0.5, 1.5),
    psf: float = 0.8,
) -> CellCrops:
    """Crops of fluorescent nuclei in three states that only their shape tells apart.

    Interphase: one blob with fine chromatin texture. Metaphase: a compact plate. Apoptosis: several round
    fragments. Direction, place in the crop, size and brightness are random, and all three classes collect the
    same light on average (the same mean grey value, within noise), so that a threshold on it is no help.

    Parameters
    ----------
    n : int
        Number of crops, shared out evenly between the classes, in random order.
    seed : int
        Seed of the draw.
    size : int
        Rows and columns of a crop, at least 16.
    photons, psf
        The camera, see `camera`. Fewer photons make the task harder.
    brightness : (float, float)
        Dimmest and brightest staining; the class does not depend on it.

    Returns
    -------
    CellCrops

    Raises
    ------
    InputError
        If a parameter is out of range.

    Examples
    --------
    >>> crops = cell_crops(30, seed=1)
    >>> crops.images.shape, crops.class_names
    ((30, 32, 32), ('interphase', 'metaphase', 'apoptotic'))
    """
    n, size = arguments.whole(n, "n", 1), arguments.whole(size, "size", 16)
    if n * size**2 > 2**28:
        raise InputError(f"{n} crops of {size}×{size} pixels are too many: at most 2**28 pixels are computed")
    photons, psf = arguments.number(photons, "photons", 0, 1e9), arguments.number(psf, "psf", 0, 1000)
    brightness = _interval(brightness, "brightness", 0)
    random = _random(seed)
    names = ("interphase", "metaphase", "apoptotic")
    classes = random.permutation(np.arange(n) % len(names))
    scenes = np.stack([_cell(names[kind], size, random) for kind in classes])
    scenes *= random.uniform(*brightness, (n, 1, 1))
    light = ndimage.gaussian_filter(scenes, (0, psf, psf))  # each crop by itself, not across the stack
    images = camera(light + 0.05, photons=photons, psf=0, seed=int(random.integers(2**31)))
    return CellCrops(images, classes, names)


def _cell(kind: str, size: int, random) -> np.ndarray:
    """One nucleus without noise; light adds up to an eighth of the crop's pixels on average."""
    tilt = random.uniform(0, np.pi)
    y, x = random.uniform(-0.12, 0.12, 2) * size
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    along = (columns - x) * np.cos(tilt) + (rows - y) * np.sin(tilt)
    across = (rows - y) * np.cos(tilt) - (columns - x) * np.sin(tilt)
    scale = size * random.uniform(0.85, 1.15)

    def blob(a, b, length, width):
        """An ellipse with a soft edge, centred at (a, b) along and across the tilted axis."""
        distance = np.hypot((along - a) / length, (across - b) / width)
        return np.clip(0.5 + 0.5 * (1 - distance) * min(length, width), 0, 1)

    if kind == "interphase":
        scene = blob(0, 0, 0.27 * scale, 0.2 * scale) * (1 + 0.25 * _smooth_noise((size, size), 1.2, random))
    elif kind == "metaphase":
        scene = blob(0, 0, 0.25 * scale, 0.07 * scale)
    else:
        scene = np.zeros((size, size))
        for angle in random.uniform(0, 2 * np.pi) + np.arange(random.integers(3, 5)) * np.pi / 2:
            far = random.uniform(0.12, 0.22) * scale
            radius = random.uniform(0.06, 0.1) * scale
            scene = np.maximum(scene, blob(far * np.cos(angle), far * np.sin(angle), radius, radius))
    scene = np.maximum(scene, 0)
    return scene * (size**2 / 8) / scene.sum() * random.uniform(0.8, 1.2)


@dataclass(frozen=True, eq=False)
class FieldCrops(CellCrops):
    """Small pictures of one cell each, from several fields of view.

    Attributes
    ----------
    images, classes, class_names
        As in `CellCrops`.
    fields : ndarray of int, shape (n,)
        Number of the field of view from which every crop was cut.
    """

    fields: np.ndarray

    def take(self, which) -> FieldCrops:
        """The crops with these indices (or where this mask is True)."""
        which = np.asarray(which)
        return FieldCrops(self.images[which], self.classes[which], self.class_names, self.fields[which])


def foci_crops(
    fields: int = 12,
    cells: int = 12,
    seed: int = 0,
    *,
    effect: float = 1.0,
    variation: float = 1.0,
    size: int = 20,
    photons: float = 120.0,
) -> FieldCrops:
    """Crops of nuclei with repair foci, from control fields and from fields of a treated well.

    A stain for DNA breaks shows a dim nucleus with bright foci. Treatment adds foci: a control nucleus has
    one on average, a treated one ``1 + 5 * effect``, Poisson-distributed, so that some treated cells look
    untouched. Treatment is given to whole fields, and every field has its own stray light, staining, focus
    and slope of illumination, which say nothing about treatment, but tell fields apart.

    Parameters
    ----------
    fields : int
        Number of fields of view, at least 2; half of them (the smaller half of an odd number) are treated.
    cells : int
        Crops cut from each field.
    seed : int
        Seed of everything random.
    effect : float
        Strength of the treatment; 0 is a treatment that does nothing.
    variation : float
        How much fields differ, 0 (not at all) to 3.
    size : int
        Rows and columns of a crop, at least 16.
    photons : float
        The camera, see `camera`.

    Returns
    -------
    FieldCrops
        Class 0 is "control", 1 "treated"; the crops of a field follow each other.

    Raises
    ------
    InputError
        If a parameter is out of range.

    Examples
    --------
    >>> crops = foci_crops(fields=4, cells=5, seed=1)
    >>> crops.images.shape, crops.fields.tolist()[:6]
    ((20, 20, 20), [0, 0, 0, 0, 0, 1])
    """
    fields, cells = arguments.whole(fields, "fields", 2), arguments.whole(cells, "cells", 1)
    size = arguments.whole(size, "size", 16)
    if fields * cells * size**2 > 2**28:
        raise InputError(f"{fields} × {cells} crops of {size}×{size} pixels are too many to compute")
    effect = arguments.number(effect, "effect", 0, 20)
    variation = arguments.number(variation, "variation", 0, 3)
    photons = arguments.number(photons, "photons", 0, 1e9)
    random = _random(seed)
    treated = random.permutation(np.arange(fields) % 2)
    rows, columns = (np.mgrid[:size, :size] - (size - 1) / 2) / (size / 2)
    scenes = []
    for kind in treated:
        stray = 0.15 * np.exp(0.2 * variation * random.normal())
        stain = np.exp(0.1 * variation * random.normal())
        focus = 0.8 * np.exp(0.1 * variation * random.normal())
        angle, slope = random.uniform(0, 2 * np.pi), 0.15 * variation * random.uniform()
        light = np.maximum(1 + slope * (np.cos(angle) * columns + np.sin(angle) * rows), 0)
        for _ in range(cells):
            cell = _nucleus_with_foci(size, random.poisson(1 + 5 * effect * kind), random)
            scenes.append(light * (stray + stain * ndimage.gaussian_filter(cell, focus)))
    images = camera(np.array(scenes), photons=photons, psf=0, seed=int(random.integers(2**31)))
    number = np.repeat(np.arange(fields), cells)
    return FieldCrops(images, treated[number], ("control", "treated"), number)


def _nucleus_with_foci(size: int, count: int, random) -> np.ndarray:
    """One dim elliptic nucleus with some bright foci in it, before blur and noise."""
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    y, x = random.uniform(-0.05, 0.05, 2) * size
    along, across = random.uniform(0.35, 0.43) * size, random.uniform(0.3, 0.37) * size
    tilt = random.uniform(0, np.pi)
    a = (columns - x) * np.cos(tilt) + (rows - y) * np.sin(tilt)
    b = (rows - y) * np.cos(tilt) - (columns - x) * np.sin(tilt)
    cell = 0.3 * random.uniform(0.8, 1.2) * (np.hypot(a / along, b / across) <= 1)
    for _ in range(count):
        far, angle = 0.85 * np.sqrt(random.uniform()), random.uniform(0, 2 * np.pi)
        distance = np.hypot(a - along * far * np.cos(angle), b - across * far * np.sin(angle))
        cell = cell + random.uniform(0.5, 1.1) * np.exp(-((distance / (0.04 * size)) ** 2) / 2)
    return cell


# --- Feature tables ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Measured features of objects, and their classes.

    Attributes
    ----------
    features : ndarray of float, shape (n, number of features)
        One row an object.
    classes : ndarray of int, shape (n,)
        Class of every object, an index of `class_names`.
    feature_names, units, class_names : tuple of str
        What the columns mean, in which units, and the names of classes.
    """

    features: np.ndarray
    classes: np.ndarray
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.features)

    def column(self, name: str) -> np.ndarray:
        """The values of one feature, for example ``column("area")``, shape (n,)."""
        if name not in self.feature_names:
            raise InputError(f"the features are {', '.join(self.feature_names)}; there is no {name!r}")
        return self.features[:, self.feature_names.index(name)]

    def __repr__(self):
        pairs = zip(self.feature_names, self.units, strict=True)
        columns = ", ".join(f"{name} ({unit})" if unit else name for name, unit in pairs)
        return f"<FeatureTable: {len(self)} objects of {', '.join(self.class_names)}; {columns}>"


# Mean and standard deviation of area (µm²), mean intensity (grey values of 8 bit) and roundness
# (4π area / perimeter²), chosen to look like DAPI-stained cells of a human line; not measured.
_NUCLEUS_CLASSES = {
    "interphase": ((180.0, 35.0), (80.0, 15.0), (0.88, 0.04)),
    "mitotic": ((110.0, 22.0), (150.0, 22.0), (0.62, 0.09)),
    "apoptotic": ((48.0, 14.0), (190.0, 25.0), (0.85, 0.06)),
}


def nucleus_classes(n: int = 200, seed: int = 0, *, classes: int = 2, spread: float = 1.0) -> FeatureTable:
    """A table of features of nuclei in two or three states, as a measurement would give it.

    Interphase nuclei are large, dim and round; mitotic ones smaller, brighter and less round;
    apoptotic ones small, bright and round.

    Parameters
    ----------
    n : int
        Number of nuclei, shared out evenly between the classes, in random order.
    seed : int
        Seed of the draw.
    classes : {2, 3}
        Interphase and mitotic, or apoptotic as well.
    spread : float
        Factor on the standard deviations within a class: at 0.3 a straight line separates two
        classes, at 1 they touch, at 2 they overlap.

    Returns
    -------
    FeatureTable
        Columns area (µm²), intensity (mean grey value, 8 bit) and roundness (4π area / perimeter²; 1 is
        a circle).

    Raises
    ------
    InputError
        If a parameter is out of range.

    Examples
    --------
    >>> table = nucleus_classes(100, seed=3)
    >>> table.features.shape, table.class_names
    ((100, 3), ('interphase', 'mitotic'))
    """
    n = arguments.whole(n, "n", 1)
    if n > 10**7:
        raise InputError(f"{n} nuclei are too many: at most 10 million are computed")
    if arguments.whole(classes, "classes", 2) > 3:
        raise InputError(f"classes is 2 or 3, not {classes!r}")
    spread = arguments.number(spread, "spread", 0, 10)
    random = _random(seed)
    names = tuple(_NUCLEUS_CLASSES)[:classes]
    which = random.permutation(np.arange(n) % classes)
    parameters = np.array([_NUCLEUS_CLASSES[name] for name in names])  # class, feature, (mean, deviation)
    mean, deviation = parameters[which, :, 0], parameters[which, :, 1]
    features = mean + spread * deviation * random.normal(size=(n, 3))
    features = np.clip(features, (10, 1, 0.05), (1000, 255, 1))
    units = ("µm²", "grey values", "")
    return FeatureTable(features, which, ("area", "intensity", "roundness"), units, names)
