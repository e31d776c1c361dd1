"""One's own files: `open_image` reads what microscopes write, says what is in it, and what is not.

The reading itself is done by bioio and its plugins. What stands here is what experience with them asks for:
the plugin is chosen by the file, not by trial, because a trial reads the first plane of a damaged OME-TIFF
without a word; lengths are converted by the unit that the file names, because a plugin hands on 250 nm as
250; and "1.0", which stands in many files whose microscope told nothing, is not taken for a micrometre.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from bioimage_course import arguments
from bioimage_course.data.records import Sample
from bioimage_course.errors import InputError, ToolUnavailableError, first_line

FORMATS = {
    ".ome.tif": ("OME-TIFF", "bioio_ome_tiff"),
    ".ome.tiff": ("OME-TIFF", "bioio_ome_tiff"),
    ".tif": ("TIFF", "bioio_tifffile"),
    ".tiff": ("TIFF", "bioio_tifffile"),
    ".png": ("PNG", "bioio_imageio"),
    ".jpg": ("JPEG", "bioio_imageio"),
    ".jpeg": ("JPEG", "bioio_imageio"),
    ".czi": ("CZI", "bioio_czi"),
    ".lif": ("LIF", "bioio_lif"),
    ".nd2": ("ND2", "bioio_nd2"),
    ".zarr": ("OME-Zarr", "bioio_ome_zarr"),
}
"""What `open_image` reads: the name of the format and the plugin of bioio, by the end of a file's name."""

MOST = 2.0  # GB that are read into memory unless the caller wants more
CONVERSION = {"µm": 1, "um": 1, "micron": 1, "micrometer": 1, "micrometre": 1, "nm": 1e-3, "nanometer": 1e-3}
CONVERSION |= {"nanometre": 1e-3, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "m": 1e6, "meter": 1e6, "å": 1e-4}
NO_PIXEL_SIZE = "the file does not say how large a pixel is: ask the microscope, and write it down"
BITS = (1, 8, 10, 12, 14, 16)  # what cameras count with


@dataclass(frozen=True, eq=False, repr=False)
class OwnImage:
    """An image of one's own with what its file says.

    Attributes
    ----------
    name : str
        Name of the file.
    format : str
        For example ``"CZI"``.
    image : ndarray
        Pixel values as stored; axes of length 1 are left away.
    axes : str
        One letter an axis of `image`, in the order of ``"TCZYX"``; colours of a photograph are the last, S.
    channels : tuple of str
        Their names, as far as the file has some.
    pixel_size, z_step : float or None
        In µm, within the plane and from plane to plane; None if the file does not say.
    bits : int
        Bits that the brightest pixel needs: 12 in a uint16 image is a 12-bit camera. 0 for fractions and for
        an image without light.
    saturated : tuple of float
        Share of the pixels of each channel that are at the highest value that the camera can count, or at a
        lower one at which grey values pile up.
    scenes : tuple of str
        All images in the file; this one is `scene`.
    notes : tuple of str
        What is missing or strange, a sentence each.
    """

    name: str
    format: str
    image: np.ndarray
    axes: str
    channels: tuple[str, ...]
    pixel_size: float | None
    z_step: float | None
    bits: int
    saturated: tuple[float, ...]
    scenes: tuple[str, ...]
    scene: str
    notes: tuple[str, ...]

    def plane(self, channel=0, *, z="max", t: int = 0) -> np.ndarray:
        """One picture (Y, X), or (Y, X, 3) of a photograph, as tools want it.

        Parameters
        ----------
        channel : int or str
            Number or name; counted from 0.
        z : int or "max"
            A plane, or the brightest value along Z.
        t : int
            A time point.

        Raises
        ------
        InputError
            If there is no such channel, plane or time point.
        """
        if "C" in self.axes and isinstance(channel, str):
            if channel not in self.channels:
                known = ", ".join(map(repr, self.channels))
                raise InputError(f"{self.name} has the channels {known}, not {channel!r}.")
            channel = self.channels.index(channel)
        picture, axes = self.image, self.axes
        for axis, number, what in (("T", t, "time point"), ("C", channel, "channel"), ("Z", z, "plane")):
            length = picture.shape[axes.index(axis)] if axis in axes else 1
            if axis == "Z" and isinstance(z, str):
                if z != "max":
                    raise InputError(f"z must be the number of a plane or 'max', not {z!r}.")
                picture = picture.max(axis=axes.index("Z")) if "Z" in axes else picture
            else:
                number = 0 if axis not in axes and isinstance(number, str) else number
                number = arguments.whole(number, f"{what} of {self.name}", 0, length - 1)
                picture = picture.take(number, axis=axes.index(axis)) if axis in axes else picture
            axes = axes.replace(axis, "")
        return picture

    def sample(self, channel=0, *, z="max", t: int = 0) -> Sample:
        """The same plane as a `Sample`, with its pixel size."""
        picture = self.plane(channel, z=z, t=t)
        axes = "YXC" if picture.ndim == 3 else "YX"
        return Sample(self.name, picture, axes=axes, pixel_size=self.pixel_size)

    def __repr__(self):
        shape = " × ".join(f"{axis} {n}" for axis, n in zip(self.axes, self.image.shape, strict=True))
        bits = f", {self.bits} bit{'s' * (self.bits > 1)} in use" if self.bits else ""
        step = f", planes {self.z_step:g} µm apart" if self.z_step else ""
        size = f"{self.pixel_size:g} µm a pixel{step}" if self.pixel_size else "pixel size unknown"
        share = ", ".join(f"{100 * s:.2g} %" for s in self.saturated)
        lines = [
            f"{self.name}: {self.format}, {shape}, {self.image.dtype}{bits}, {size}",
            f"- channels: {', '.join(self.channels) or 'one'}; saturated: {share}",
            *(f"- {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def open_image(path, *, scene: int = 0, most: float = MOST) -> OwnImage:
    """Read an image of one's own: TIFF (ImageJ, OME), PNG, JPEG, CZI, LIF, ND2 or OME-Zarr.

    Parameters
    ----------
    path : path
        The file, or the folder of an OME-Zarr image.
    scene : int
        Which image of a file with several (positions, tiles), counted from 0.
    most : float
        GB that may be read into memory.

    Returns
    -------
    OwnImage
        Print it: it says axes, channels, pixel size, bits, saturation, and what is missing or strange.

    Raises
    ------
    InputError
        If there is no such file, its format is not one of these, or it is damaged, cut off or too large.
    ToolUnavailableError
        If bioio or the plugin for this format is not installed.
    """
    path = _existing(path)
    scene, most = arguments.whole(scene, "scene", 0), arguments.number(most, "most", 0)
    name, module = _format(path)
    try:
        with _quiet():
            notes, spacing = _look(path, name, scene)
            opened = _bioimage(path, name, module)
            return _read(opened, path, name, scene, most, notes, spacing)
    except (InputError, ToolUnavailableError):
        raise
    except MemoryError:
        raise InputError(f"{path.name} is too large for this computer's memory.") from None
    except Exception as error:  # whatever a reader says to a damaged file
        stumbled = isinstance(
            error, (ArithmeticError, LookupError, TypeError, AttributeError, AssertionError)
        )
        told = "" if stumbled else re.sub(r"\S*[/\\]", "", first_line(error))[:150]  # "modulo by zero"
        why = "" if not told or "does not support the image" in told else f" ({told})"
        raise InputError(
            f"{path.name} is no {name} file that can be read: damaged, cut off or of another format{why}."
        ) from None


# ---------------------------------------------------------------- the file


def _existing(path) -> Path:
    try:
        path = Path(path)
    except TypeError:
        raise InputError(f"path must be the name of a file, not {type(path).__name__}.") from None
    if not path.exists():
        raise InputError(f"There is no file {path.name!r} in the folder {str(path.parent)!r}.")
    if not path.is_file() and not path.is_dir():
        raise InputError(f"{path.name} is neither a file nor a folder: it cannot be read.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty (0 bytes): copying it went wrong.")
    return path


def _format(path: Path) -> tuple[str, str]:
    """Name of the format and plugin, by the end of the name; a TIFF that carries OME metadata is an
    OME-TIFF."""
    lower = path.name.lower()
    end = next((end for end in FORMATS if lower.endswith(end)), None)
    if end is None or path.is_dir() != (end == ".zarr"):
        known = ", ".join(dict.fromkeys(name for name, _ in FORMATS.values()))
        what = f"{path.name} is a folder" if path.is_dir() else f"{path.name} is none of {known}"
        raise InputError(
            f"{what}; images in other formats open in Fiji (Bio-Formats), which saves them as OME-TIFF."
            if not path.is_dir()
            else f"{what}, and no OME-Zarr image (something.ome.zarr): name one of the files in it."
        )
    if FORMATS[end][0] == "TIFF" and _is_ome(path):
        return FORMATS[".ome.tif"]
    return FORMATS[end]


def _is_ome(path: Path) -> bool:
    import tifffile

    try:
        with _quiet(), tifffile.TiffFile(path) as file:
            return bool(file.is_ome)
    except Exception:  # the reader will say what is wrong
        return False


@contextlib.contextmanager
def _quiet():
    """No log lines and warnings of the readers: what is wrong comes as one sentence."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _bioimage(path: Path, name: str, module: str):
    try:
        bioio, plugin = import_module("bioio"), import_module(module)
    except ImportError:
        raise ToolUnavailableError(
            f"{name} files need bioio and its plugin {module.replace('_', '-')}: "
            'pip install "bioimage-course[reading]".'
        ) from None
    return bioio.BioImage(path, reader=plugin.Reader)


def _read(opened, path: Path, name: str, scene: int, most: float, notes: list, spacing) -> OwnImage:
    """The pixels of one scene, and everything that can be said about them."""
    scenes = tuple(map(str, opened.scenes))
    if scene >= len(scenes):
        raise InputError(f"{path.name} has {len(scenes)} images, counted from 0: there is no scene {scene}.")
    opened.set_scene(scene)
    size = float(np.prod(opened.shape, dtype=float)) * np.dtype(opened.dtype).itemsize / 1e9
    if size > most:
        raise InputError(
            f"{path.name} would need {size:.3g} GB of memory: raise most={most:g}, or work in blocks "
            "(bioimage_course.large) on an OME-Zarr copy."
        )
    image, axes = arguments.array(opened.data, f"the image in {path.name}"), opened.dims.order
    channels = tuple(
        f"channel {number}" if re.fullmatch(r"Channel:.*:\d+", str(given)) else str(given)
        for number, given in enumerate(opened.channel_names or ())
    )
    image, axes = _colours(image, axes, notes)
    kept = [i for i, n in enumerate(image.shape) if n > 1 or axes[i] in "YX"]
    image, axes = image.reshape([image.shape[i] for i in kept]), "".join(axes[i] for i in kept)
    if len(scenes) > 1:
        notes.append(f"the file holds {len(scenes)} images; this is number {scene}, {scenes[scene]!r}")
    if spacing is None:  # formats whose plugins convert to micrometres
        found = opened.physical_pixel_sizes
        spacing = found.Z, found.Y, found.X
    pixel_size, z_step = _spacing(spacing, axes, notes)
    bits, saturated = _range(image, axes, notes)
    return OwnImage(
        path.name,
        name,
        image,
        axes,
        channels if "C" in axes else (),
        pixel_size,
        z_step,
        bits,
        saturated,
        scenes,
        scenes[scene],
        tuple(notes),
    )


def _colours(image: np.ndarray, axes: str, notes: list) -> tuple[np.ndarray, str]:
    """Colours of a photograph: opacity is left away, and three equal channels are one."""
    if "S" not in axes:
        return image, axes
    if image.shape[-1] in (2, 4) and arguments.opaque(image[..., -1]):
        image = image[..., :-1]
    if image.shape[-1] == 1 or (image == image[..., :1]).all():
        if image.shape[-1] > 1:
            notes.append("the picture is grey, saved three times as red, green and blue")
        return image[..., 0], axes.replace("S", "")
    notes.append(
        f"{image.shape[-1]} values a pixel (red, green, blue): a photograph, an overlay that was made for a "
        "slide, or a stack of that many planes"
    )
    return image, axes


# ---------------------------------------------------------------- lengths


def _look(path: Path, name: str, scene: int) -> tuple[list[str], tuple | None]:
    """What the plugins do not tell: damage, units, guessed axes. Notes, and (Z, Y, X) in µm where it is
    known."""
    if name in ("TIFF", "OME-TIFF"):
        return _look_into_tiff(path, name, scene)
    if name == "OME-Zarr":
        return _look_into_zarr(path)
    if name == "CZI":
        return _look_into_czi(path), None
    if name == "JPEG":
        note = "JPEG changes grey values to save space: never measure in it; go back to the microscope's file"
        return [note], (None, None, None)
    return [], (None, None, None) if name == "PNG" else None


def _look_into_tiff(path: Path, name: str, scene: int):
    import tifffile

    size, notes = path.stat().st_size, []
    with tifffile.TiffFile(path) as file:
        if any(page.dataoffsets and _end(page) > size for page in _pages(file)) or _unlinked(file, size):
            raise InputError(f"{path.name} is cut off: it names more pixels than it holds. Copy it again.")
        series = file.series[min(scene, len(file.series) - 1)]
        if series.dataoffset is not None and series.dataoffset + series.nbytes > size:
            raise InputError(f"{path.name} is cut off: it names more pixels than it holds. Copy it again.")
        if set(series.axes) & set("QI"):
            notes.append("the file does not say what its first axis is (planes, times or channels): find out")
        if name == "OME-TIFF":
            return notes, _ome_spacing(file.ome_metadata, scene)
        return notes, _tiff_spacing(file)


def _pages(file):
    """The pages, each once: in a damaged file their chain may lead in a circle, without an end."""
    seen = set()
    for page in file.pages:
        if page.offset in seen:
            raise ValueError("its pages lead in a circle")
        seen.add(page.offset)
        yield page


def _end(page) -> int:
    return max(offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))


def _unlinked(file, size: int) -> bool:
    """Whether the chain of pages leads beyond the end of the file."""
    last = file.pages[-1]
    position = last.offset
    step, width = (2, 12) if not file.is_bigtiff else (8, 20)
    handle = file.filehandle
    handle.seek(position)
    entries = int.from_bytes(handle.read(step), "little" if file.byteorder == "<" else "big")
    handle.seek(position + step + entries * width)
    following = handle.read(4 if not file.is_bigtiff else 8)
    return int.from_bytes(following, "little" if file.byteorder == "<" else "big") >= size


def _tiff_spacing(file) -> tuple:
    """(Z, Y, X) in µm of an ImageJ or plain TIFF."""
    tags, imagej = file.pages.first.tags, file.imagej_metadata or {}
    unit = str(imagej.get("unit", "")).replace("\\u00B5", "µ").replace("\u03bc", "µ").strip().lower()
    factor = CONVERSION.get(unit, CONVERSION.get(unit.rstrip("s")))
    if not imagej and "ResolutionUnit" in tags and int(tags["ResolutionUnit"].value) == 3:
        factor = CONVERSION["cm"]
    if factor is None:
        return None, None, None

    def length(tag):
        above, below = tags[tag].value if tag in tags else (0, 1)
        found = factor * below / above if above else None
        return found if found is not None and found < 100 else None  # more is a printer's resolution

    spacing = imagej.get("spacing")
    return (factor * float(spacing) if spacing else None), length("YResolution"), length("XResolution")


def _ome_spacing(text: str, scene: int) -> tuple:
    """(Z, Y, X) in µm by the units that the metadata name."""
    found = [e for e in ElementTree.fromstring(text).iter() if e.tag.rpartition("}")[2] == "Pixels"]
    pixels = found[min(scene, len(found) - 1)].attrib

    def length(axis):
        factor = CONVERSION.get(pixels.get(f"PhysicalSize{axis}Unit", "µm").replace("\u03bc", "µ").lower())
        value = float(pixels.get(f"PhysicalSize{axis}", 0))
        return factor * value if factor and value > 0 else None

    return length("Z"), length("Y"), length("X")


def _look_into_zarr(path: Path):
    import zarr

    attributes = zarr.open_group(str(path), mode="r").attrs.asdict()
    image = attributes.get("ome", attributes).get("multiscales")
    if not image:
        raise InputError(f"{path.name} is a Zarr folder, but no OME-Zarr image: it does not name its axes.")
    scale = next(
        (t["scale"] for t in image[0]["datasets"][0]["coordinateTransformations"] if t["type"] == "scale"),
        None,
    )
    lengths, notes = {}, _missing_blocks(path, image[0]["datasets"][0]["path"])
    for axis, value in zip(image[0].get("axes", []), scale or [], strict=False):
        if isinstance(axis, dict) and axis.get("unit") in CONVERSION:
            lengths[axis["name"]] = CONVERSION[axis["unit"]] * value
    return notes, tuple(lengths.get(axis) for axis in "zyx")


def _missing_blocks(path: Path, level: str) -> list[str]:
    """What is to be said about blocks that are not there: a reader takes them for zeros."""
    import zarr

    array = zarr.open_array(str(path / level), mode="r")
    missing = array.nchunks - array.nchunks_initialized
    if not missing:
        return []
    return [
        f"{missing} of {array.nchunks} blocks are missing and read as 0: they hold nothing, or copying the "
        "folder was interrupted; compare it with the original"
    ]


def _look_into_czi(path: Path) -> list[str]:
    """Scenes that the file holds without describing them: the plugin shows the first and no other."""
    import aicspylibczi

    file = aicspylibczi.CziFile(str(path))
    scenes = {number for dims in file.get_dims_shape() for number in range(*dims.get("S", (0, 1)))}
    described = file.meta.findall(".//Information/Image/Dimensions/S/Scenes/Scene")
    if len(scenes) < 2 or described:
        return []
    return [
        f"the file holds {len(scenes)} scenes that it does not describe, and only the first is read: save "
        "each as a file of its own"
    ]


def _spacing(spacing: tuple, axes: str, notes: list) -> tuple[float | None, float | None]:
    depth, height, width = (float(n) if n else None for n in spacing)
    if width is None:
        notes.append(NO_PIXEL_SIZE)
    elif height is not None and abs(height / width - 1) > 0.01:
        notes.append(f"pixels are not square ({height:g} µm high, {width:g} µm wide)")
    if "Z" in axes and depth is None:
        notes.append("the file does not say how far the planes are apart")
    return width, depth if "Z" in axes else None


# ---------------------------------------------------------------- grey values


def _range(image: np.ndarray, axes: str, notes: list) -> tuple[int, tuple[float, ...]]:
    """Bits in use, and the saturated share of every channel."""
    apart = next((axes.index(axis) for axis in "CS" if axis in axes), None)
    channels = [image] if apart is None else list(np.moveaxis(image, apart, 0))
    if image.dtype.kind == "f":
        if not np.isfinite(image).all():
            notes.append("there are pixels without a number (NaN or infinite)")
        notes.append("grey values are fractions: they were computed, not counted by a camera")
        return 0, tuple(0.0 for _ in channels)
    highest = int(image.max())
    bits = next((b for b in BITS if highest < 2**b), highest.bit_length()) if highest else 0
    saturated = tuple(_saturated(channel, bits) for channel in channels)
    if max(saturated) > 0.001:
        notes.append("saturated pixels: intensities there are too low, and no processing brings them back")
    if highest == int(image.min()):
        notes.append(f"every pixel is {highest}: nothing was recorded")
    elif bits == 8 and image.dtype == np.uint8 and axes in ("YX", "ZYX"):
        notes.append("8 bits: if the microscope's own file has more, work with that one")
    return bits, saturated


def _saturated(channel: np.ndarray, bits: int) -> float:
    """Share of pixels at the highest number of so many bits, or piled up at the brightest one."""
    brightest = int(channel.max())
    if brightest == int(channel.min()):
        return 0.0
    share = float(np.mean(channel == brightest))
    below = float(np.mean((channel < brightest) & (channel >= brightest - max(brightest // 20, 1))))
    full = bits in BITS[1:] and brightest == 2**bits - 1
    piled = share > 1e-4 and share > 2 * below
    return share if full or piled else 0.0
