"""OME-Zarr images, versions 0.4 and 0.5: made empty, opened without being read, and given labels.

Specification: https://ngff.openmicroscopy.org/0.5 and https://ngff.openmicroscopy.org/0.4. What the metadata
say about the size of pixels is kept as it is written, also in units other than micrometres, so that labels
lie on their image in every program.
"""

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError

KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
"""The axes that `create` makes, in the order that the specification asks for."""

MICROMETRES = {"angstrom": 1e-4, "nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "centimeter": 1e4}
MICROMETRES["meter"] = 1e6

SMALLEST = 256
"""Levels are added to a pyramid until both sides are no longer than this."""


@dataclass(frozen=True)
class Plane:
    """Rows and columns of an OME-Zarr image, of one channel and one plane; pixels are read when it is sliced.

    Attributes
    ----------
    array : zarr.Array
        All of the image, at one level of its pyramid.
    index : tuple of int
        Where the plane lies along the axes before rows and columns.
    axes : tuple of dict
        Name, type and perhaps unit of every axis of `array`.
    scale, translation : tuple of float
        Length of a step along every axis and place of its first pixel, in the units of the axes.
    known : bool
        Whether the file states the scale; if not, it is 1.
    """

    array: object
    index: tuple[int, ...]
    axes: tuple[dict, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    known: bool

    def __getitem__(self, key) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
        if Ellipsis in key:
            place = key.index(Ellipsis)
            key = key[:place] + (slice(None),) * (3 - len(key)) + key[place + 1 :]
        return self.array[(*self.index, *key, *[slice(None)] * (2 - len(key)))]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return tuple(self.array.shape[-2:])

    @property
    def ndim(self) -> int:
        """Always 2."""
        return 2

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Of the pixels."""
        return self.array.dtype

    @property
    def chunks(self) -> tuple[int, int]:
        """Rows and columns that are stored together."""
        return tuple(self.array.chunks[-2:])

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Height and width of a pixel in micrometres, as `skimage.measure.regionprops` takes them.

        None if the file does not say, or names no unit: a scale of 1.0 without one is usually a blank that
        nobody has filled in.
        """
        factors = [MICROMETRES.get(axis.get("unit")) for axis in self.axes[-2:]]
        if not self.known or None in factors:
            return None
        return tuple(step * factor for step, factor in zip(self.scale[-2:], factors, strict=True))

    @property
    def store(self):  # with `path`: the files of the array are looked at to see whether the image has changed
        """The store of the Zarr array."""
        return self.array.store

    @property
    def path(self) -> str:
        """Where the array lies in its store."""
        return self.array.path


# ---------------------------------------------------------------- to make one


def create(
    path,
    shape,
    dtype,
    *,
    block: int = 1024,
    pixel_size: float | None = None,
    name: str = "image",
    axes: str = "yx",
    channels=None,
    z_step: float | None = None,
    version: str = "0.5",
):
    """Make an empty OME-Zarr image of one resolution level, ready to be filled block by block.

    Parameters
    ----------
    path : path
        Folder to be made, usually ``something.ome.zarr``.
    shape : tuple of int
        A number for each of the `axes`.
    dtype : numpy dtype
    block : int
        Side of a chunk. Different chunks can be written at the same time.
    pixel_size : float, optional
        In micrometres.
    name : str
    axes : str
        Letters of "tczyx", in this order, the last two "yx".
    channels : sequence of str, optional
        Names of the channels.
    z_step : float, optional
        Distance of planes, in micrometres.
    version : {"0.5", "0.4"}
        Of the specification. Older programs read only 0.4.

    Returns
    -------
    zarr.Array

    Raises
    ------
    InputError
        If shape, axes and names do not fit together.
    """
    block = arguments.whole(block, "block", 1)
    if (
        not axes.endswith("yx")
        or list(axes) != sorted(set(axes), key="tczyx".find)
        or not set(axes) <= set(KINDS)
    ):
        raise InputError(f"axes are letters of 'tczyx' in this order, the last two 'yx'; not {axes!r}.")
    if len(shape) != len(axes):
        raise InputError(f"{len(axes)} axes ({axes}) need as many numbers; the shape is {tuple(shape)}.")
    if channels is not None and ("c" not in axes or len(channels) != shape[axes.index("c")]):
        raise InputError(
            f"{len(channels)} names of channels do not fit the shape {tuple(shape)} of {axes!r}."
        )
    sizes = {"z": z_step, "y": pixel_size, "x": pixel_size}
    described = [{"name": axis, "type": KINDS[axis]} for axis in axes]
    for axis in described:
        if sizes.get(axis["name"]):
            axis["unit"] = "micrometer"
    scale = [float(sizes.get(axis) or 1) for axis in axes]
    group = _new_group(path, version)
    array = _new_array(group, "0", shape, dtype, block, described)
    _describe(group, version, described, [("0", scale, None)], name)
    if channels is not None:
        _put(group, version, omero={"channels": [_channel(label, dtype) for label in channels]})
    return array


def _channel(label, dtype) -> dict:
    """What a viewer needs of a channel: its name, a colour, and from where to where grey values go."""
    dtype = np.dtype(dtype)
    top = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
    window = {"min": 0.0, "max": top, "start": 0.0, "end": top}
    return {"label": str(label), "color": "FFFFFF", "window": window, "active": True}


def _new_group(path, version):
    import zarr

    if version not in ("0.5", "0.4"):
        raise InputError(f"OME-Zarr is written as version '0.5' or '0.4', not {version!r}.")
    return zarr.open_group(str(path), mode="a", zarr_format=3 if version == "0.5" else 2)


def _new_array(group, name, shape, dtype, block, axes):
    """An empty level; in version 0.5 the array must name its axes as well, in 0.4 chunks lie in folders."""
    chunks = tuple(min(block, n) if place >= len(shape) - 2 else 1 for place, n in enumerate(shape))
    if group.metadata.zarr_format == 2:
        special = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
    else:
        special = {"dimension_names": [axis["name"] for axis in axes]}
    return group.create_array(name, shape=tuple(shape), chunks=chunks, dtype=dtype, overwrite=True, **special)


def _describe(group, version, axes, levels, name):
    """Write the metadata of the levels: (path, scale, translation or None)."""
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.writer import write_multiscales_metadata

    datasets = []
    for path, scale, translation in levels:
        steps = [{"type": "scale", "scale": [float(n) for n in scale]}]
        if translation is not None and any(translation):
            steps.append({"type": "translation", "translation": [float(n) for n in translation]})
        datasets.append({"path": path, "coordinateTransformations": steps})
    form = FormatV05() if version == "0.5" else FormatV04()
    write_multiscales_metadata(group, datasets, fmt=form, axes=list(axes), name=name)


def _put(group, version, **metadata) -> None:
    """Add to the metadata of OME: they are an entry of their own in 0.5, and all there is in 0.4."""
    if version == "0.5":
        group.attrs["ome"] = group.attrs.asdict().get("ome", {"version": version}) | metadata
    else:
        group.attrs.update(metadata)


# ---------------------------------------------------------------- to open one


def open_image(path, *, channel=None, level: int = 0, **planes) -> Plane:
    """Rows and columns of an OME-Zarr image of version 0.4 or 0.5; nothing is read before it is sliced.

    Parameters
    ----------
    path : path
        Folder of the OME-Zarr image.
    channel : str or int, optional
        Name or number of the channel; needed if there are several.
    level : int
        0 is the full resolution, each further one is coarser.
    planes : int
        Number along any other axis that is longer than 1, by its name: ``z=4``, ``t=0``.

    Returns
    -------
    Plane

    Raises
    ------
    InputError
        If there is no OME-Zarr image, or it has several channels or planes and none was chosen.
    """
    name = Path(path).name
    about, array, axes, places = _read(path, level)
    if [axis["name"] for axis in axes[-2:]] != ["y", "x"]:
        found = ", ".join(axis["name"] for axis in axes)
        raise InputError(f"Rows and columns, y and x, must be the last two axes; {name} has {found}.")
    index = _chosen(name, array.shape, axes, _channel_names(about), channel, planes)
    return Plane(array, index, axes, *places)


def _read(path, level=0):
    """Metadata, array, axes, and places of a level: scale, translation, and whether they are known."""
    import zarr

    try:
        attributes = zarr.open_group(str(path), mode="r").attrs.asdict()
        about = attributes.get("ome", attributes)  # 0.5 and 0.4
        levels = about["multiscales"][0]["datasets"]
    except (FileNotFoundError, KeyError, IndexError, TypeError) as error:
        raise InputError(_no_image(path, error)) from None
    if isinstance(level, bool) or level not in range(len(levels)):
        raise InputError(f"{Path(path).name} has the levels 0 to {len(levels) - 1}, not {level!r}.")
    try:
        array = zarr.open_group(str(path), mode="r")[levels[level]["path"]]
    except (FileNotFoundError, KeyError) as error:
        raise InputError(f"{Path(path).name} is no whole OME-Zarr image: {error} is missing.") from None
    image = about["multiscales"][0]
    return about, array, _axes(image, array.ndim), _places(image, levels[level], array.ndim)


def _no_image(path, error) -> str:
    """Why a folder is no image, and where one may lie."""
    import zarr

    path = Path(path)
    try:
        group = zarr.open_group(str(path), mode="r")
        attributes = group.attrs.asdict()
    except Exception:
        return f"{path.name} is no OME-Zarr image ({type(error).__name__})."
    about = attributes.get("ome", attributes)
    inside = sorted(key for key, part in group.groups() if {"multiscales", "ome"} & set(part.attrs.asdict()))
    if "plate" in about:
        well = about["plate"].get("wells", [{"path": "A/1"}])[0]["path"]
        return f"{path.name} is a plate: open one of its fields, such as {path.name}/{well}/0."
    if inside:
        return f"{path.name} is a folder of images: open one of them, such as {path.name}/{inside[0]}."
    return f"{path.name} is no OME-Zarr image ({type(error).__name__})."


def _axes(image, ndim) -> tuple[dict, ...]:
    """Axes as dictionaries, also those of versions before 0.4, which had names only, or nothing."""
    axes = image.get("axes") or list("tczyx"[-ndim:])
    axes = [
        axis if isinstance(axis, dict) else {"name": axis, "type": KINDS.get(axis, "space")} for axis in axes
    ]
    return tuple(axes)


def _channel_names(about) -> list[str]:
    return [str(channel.get("label", "")) for channel in about.get("omero", {}).get("channels", [])]


def _places(image, level, ndim) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
    """Scale and translation of a level, with what holds for all levels; and whether there is a scale."""
    scale, shift, known = np.ones(ndim), np.zeros(ndim), False
    steps = [*level.get("coordinateTransformations", ()), *image.get("coordinateTransformations", ())]
    for step in steps:  # one after the other
        if "scale" in step:
            scale, shift, known = scale * step["scale"], shift * step["scale"], True
        if "translation" in step:
            shift = shift + step["translation"]
    return tuple(scale.tolist()), tuple(shift.tolist()), known


def _chosen(name, shape, axes, names, channel, planes) -> tuple[int, ...]:
    """The number along every axis before rows and columns."""
    wanted = dict(planes)
    kinds = {axis["name"]: axis.get("type") for axis in axes[:-2]}
    strangers = [axis for axis in wanted if axis not in kinds or kinds[axis] == "channel"]
    if strangers or (channel is not None and "channel" not in kinds.values()):
        what = strangers[0] if strangers else "channel"
        found = ", ".join(axis["name"] for axis in axes)
        advice = "; choose a channel by channel=" if strangers and kinds.get(what) == "channel" else ""
        raise InputError(f"{name} has no planes along {what!r} to choose from: its axes are {found}{advice}.")
    index, open_, example = [], [], []
    for axis, length in zip(axes[:-2], shape[:-2], strict=True):
        letter, is_channel = axis["name"], axis.get("type") == "channel"
        choice = channel if is_channel else wanted.get(letter)
        if choice is None and length > 1:
            labels = names if is_channel and len(names) == length else []
            kind = f"{length} channels" if is_channel else f"{length} planes along {letter}"
            open_.append(kind + (f" ({', '.join(labels)})" if labels else ""))
            example.append(f"channel={labels[0]!r}" if labels else f"{'channel' if is_channel else letter}=0")
        index.append(_number(name, choice or 0, letter, length, names if is_channel else []))
    if open_:
        raise InputError(f"{name} has {' and '.join(open_)}: choose, for example {', '.join(example)}.")
    return tuple(index)


def _number(name, choice, letter, length, names) -> int:
    """A number along an axis, from itself or from the name of a channel."""
    if isinstance(choice, str):
        places = [place for place, label in enumerate(names) if label == choice]
        if len(places) != 1:
            known = ", ".join(names) or "no names"
            told = f"{len(places)} channels" if places else "no channel"
            raise InputError(f"{name} has {told} called {choice!r} (there are: {known}); choose by number.")
        return places[0]
    if isinstance(choice, bool) or not isinstance(choice, (int, np.integer)) or not 0 <= choice < length:
        raise InputError(f"Along {letter}, {name} has the numbers 0 to {length - 1}, not {choice!r}.")
    return int(choice)


# ---------------------------------------------------------------- pyramids and labels


def add_levels(path, *, labels: bool | None = None, levels: int | None = None, block: int = 1024) -> int:
    """Add coarser levels to an OME-Zarr image, each half as large, block by block.

    Levels that are there already are made anew.

    Parameters
    ----------
    path : path
        Folder of the OME-Zarr image.
    labels : bool, optional
        True: every second pixel is taken, because the mean of two numbers of objects is a third object.
        False: the mean of four pixels is taken. Default: what the image's metadata say.
    levels : int, optional
        How many there shall be, the full one included. Default: until both sides are at most 256 pixels.
    block : int
        Side of the pieces that are read and of the new chunks.

    Returns
    -------
    int
        Number of levels, the full one included.
    """
    import zarr

    about, level, axes, (scale, shift, _) = _read(path)
    group = zarr.open_group(str(path), mode="a")
    attributes = group.attrs.asdict()
    version = "0.5" if "ome" in attributes else "0.4"
    labels = "image-label" in about if labels is None else labels
    scale, shift = np.array(scale), np.array(shift)
    made = [(level.basename, scale, shift)]
    while len(made) < levels if levels else max(level.shape[-2:]) > SMALLEST:
        shape = (*level.shape[:-2], *(-(-n // 2) for n in level.shape[-2:]))
        smaller = _new_array(group, str(len(made)), shape, level.dtype, block, axes)
        _halve(level, smaller, block, labels)
        step = np.array([1] * (len(shape) - 2) + [2, 2])
        # a mean lies in the middle of its pixels; a pixel that is taken stays where it is
        shift = shift + (0 if labels else 0.5 * (step - 1) * scale)
        level, scale = smaller, scale * step
        made.append((smaller.basename, scale, shift))
    kept = {key: value for key, value in about.items() if key not in ("multiscales", "version", "_creator")}
    _describe(group, version, axes, made, about["multiscales"][0].get("name", "image"))
    _put(group, version, **kept)
    return len(made)


def _halve(level, smaller, block, labels) -> None:
    """Fill a level of half the size."""
    rows, columns = (range(0, n, block) for n in smaller.shape[-2:])
    for *index, top, left in itertools.product(*map(range, level.shape[:-2]), rows, columns):
        fine = tuple(slice(2 * start, 2 * (start + block)) for start in (top, left))
        pixels = np.asarray(level[(*index, *fine)])
        if labels:
            pixels = pixels[::2, ::2]
        else:
            pixels = np.pad(pixels, [(0, n % 2) for n in pixels.shape], mode="edge").astype(float)
            pixels = pixels.reshape(pixels.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3))
            pixels = pixels if smaller.dtype.kind == "f" else np.rint(pixels)
        if pixels.any():  # a chunk of zeros need not be written
            coarse = tuple(
                slice(start, start + n) for start, n in zip((top, left), pixels.shape, strict=True)
            )
            smaller[(*index, *coarse)] = pixels.astype(smaller.dtype)


def empty_labels(path, image, block: int) -> None:
    """Make the empty label image of an image: where and as large as it, if it is a `Plane`."""
    if isinstance(image, Plane):
        axes, scale, shift = image.axes[-2:], image.scale[-2:], image.translation[-2:]
    else:
        axes, scale, shift = [{"name": axis, "type": "space"} for axis in "yx"], (1.0, 1.0), None
    group = _new_group(path, "0.5")
    array = _new_array(group, "0", image.shape, np.int32, block, axes)
    _describe(group, "0.5", axes, [(array.basename, scale, shift)], "labels")
    _put(group, "0.5", **{"image-label": _label_metadata("0.5")})


def _label_metadata(version, **more) -> dict:
    """What marks a label image; its background is transparent, other colours are the viewer's."""
    return {"version": version, "colors": [{"label-value": 0, "rgba": [0, 0, 0, 0]}], **more}


def add_labels(image, labels, name: str = "labels", *, block: int = 1024) -> Path:
    """Put a label image beside its image, in the group ``labels`` of the OME-Zarr image.

    Scale, units and place are those of the image, so that viewers lay the objects on their pixels. The
    labels get as many levels as the image has: the specification wants that, so call `add_levels` first.

    Parameters
    ----------
    image : Plane
        The plane that was segmented, at its full resolution (`open_image`).
    labels : array of int, same rows and columns
        For example ``large.open_image(done.path)`` of what `label_image` made; read block by block.
    name : str
        Of the new label image.
    block : int
        Side of a chunk.

    Returns
    -------
    Path
        Its folder; `open_image` opens it.

    Raises
    ------
    InputError
        If the shapes differ, these are no labels, or there is a label image of that name already.
    """
    import zarr

    if not isinstance(image, Plane):
        raise InputError("The image must be an OME-Zarr image, opened by large.open_image.")
    if not hasattr(labels, "dtype") or labels.dtype.kind not in "iu" or tuple(labels.shape) != image.shape:
        raise InputError(f"A label image of integers and of shape {image.shape} is needed, like its image.")
    if not name or name != Path(name).name or name.startswith("."):
        raise InputError(f"{name!r} cannot be the name of a folder: choose a plain word.")
    home = (Path(str(image.store.root)) / image.path).parent
    target = home / "labels" / name
    if target.exists():
        raise InputError(f"{home.name} has labels called {name} already: choose another name or delete them.")
    version = "0.4" if image.array.metadata.zarr_format == 2 else "0.5"
    kept = [place for place, axis in enumerate(image.axes) if axis.get("type") != "channel"]
    unfinished = home / "labels" / f".{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    _new_group(home / "labels", version)
    inside = _new_group(unfinished, version)
    dtype = np.dtype(np.int32 if labels.dtype.kind == "i" else labels.dtype).newbyteorder("=")
    axes = [image.axes[place] for place in kept]
    array = _new_array(inside, "0", [1] * (len(kept) - 2) + list(image.shape), dtype, block, axes)
    _copy(labels, array, block)
    index = (*image.index, 0, 0)
    shift = [image.translation[place] + index[place] * image.scale[place] for place in kept]
    scale = [image.scale[place] for place in kept]
    _describe(inside, version, axes, [("0", scale, shift)], name)
    _put(inside, version, **{"image-label": _label_metadata(version, source={"image": "../../"})})
    add_levels(unfinished, labels=True, levels=_count_levels(home), block=block)
    unfinished.rename(target)
    group = zarr.open_group(str(home / "labels"), mode="a")
    attributes = group.attrs.asdict()
    listed = attributes.get("ome", attributes).get("labels", [])
    _put(group, version, labels=[*listed, name])
    return target


def _count_levels(path) -> int:
    import zarr

    attributes = zarr.open_group(str(path), mode="r").attrs.asdict()
    return len(attributes.get("ome", attributes)["multiscales"][0]["datasets"])


def _copy(labels, array, block) -> None:
    rows, columns = (range(0, n, block) for n in labels.shape)
    for top, left in itertools.product(rows, columns):
        place = slice(top, top + block), slice(left, left + block)
        pixels = np.asarray(labels[place])
        if pixels.any():
            array[(*[0] * (array.ndim - 2), *place)] = arguments.label_image(pixels, "labels").astype(
                array.dtype
            )
