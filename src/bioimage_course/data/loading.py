"""From names to arrays: `load`, `fetch`, `available`, `missing`, `download`."""

import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from bioimage_course.data import finding
from bioimage_course.data.catalogue import Entry, entry
from bioimage_course.data.records import Collection, Sample
from bioimage_course.errors import DataUnavailableError, InputError


def load(name: str) -> Sample | Collection:
    """Load a data set by name: an image with what is known about it, or a collection of them.

    Parameters
    ----------
    name : str
        One of `names`, for example ``"nuclei"``. What the package does not carry is looked
        for in the cache, in the mirror (``BIOIMAGE_COURSE_MIRROR``) and at its public address.

    Returns
    -------
    Sample or Collection
        Arrays are fresh copies with the values and dtype of the file.

    Raises
    ------
    InputError
        If there is no data set of that name (the message names the nearest ones), or it is
        a plain file, which `fetch` gives.
    DataUnavailableError
        If it is neither on this machine nor reachable.

    Examples
    --------
    >>> nuclei = load("nuclei")
    >>> nuclei.image.shape, nuclei.n_objects
    ((512, 512), 125)
    """
    e = entry(name)
    if e.kind == "file":
        raise InputError(f"{name!r} is a file, not an image: data.fetch({name!r}) gives its path")
    _ensure(e)
    reader = _Reader(e)
    found = [(spec, key) for spec in e.items for key in reader.matches(_first(spec["image"]))]
    if e.kind == "image":
        spec, key = found[0]
        return _sample(reader, spec, key, e.name)
    loaders = [partial(_sample, reader, spec, key, key) for spec, key in found]
    return Collection(e.name, loaders, [spec.get("split") for spec, _ in found], **e.about)


def fetch(name: str) -> Path:
    """Path of a data set that is one plain file, such as network weights, with its sha256 just checked.

    Parameters
    ----------
    name : str
        For example ``"weights-mobilesam"``.

    Returns
    -------
    Path
        Read it, don't write to it: it may lie in a mirror shared with others.

    Raises
    ------
    InputError
        If there is no such name, or the set is an image or a collection, which `load` gives.
    DataUnavailableError
        If it is neither on this machine nor reachable.
    """
    e = entry(name)
    if e.kind != "file":
        raise InputError(f"{name!r} is made of images: data.load({name!r}) gives them")
    (file,) = e.files.values()
    return finding.fetch_file(e, file, progress=True)


def available(name: str) -> bool:
    """True if a data set can be had without the network: in the package, the cache or the mirror.

    Parameters
    ----------
    name : str
        One of `names`.

    Raises
    ------
    InputError
        If there is no such data set.
    """
    e = entry(name)
    return all(finding.local_path(e, file) is not None for file in e.files.values())


def missing(name: str) -> bool:
    """True if a data set cannot be had, not even by a download; then one printed sentence says why.

    For notebooks that go on without it: ``without_sam = data.missing("weights-mobilesam")``.

    Parameters
    ----------
    name : str
        One of `names`. What is not on this machine is downloaded.

    Raises
    ------
    InputError
        If there is no such data set.
    """
    e = entry(name)
    try:
        _ensure(e)
    except DataUnavailableError as error:
        print(f"The cells that need {name!r} are passed over. {error}.")
        return True
    return False


def download(name: str) -> None:
    """Put all files of a data set into the local cache, so that it can be used without network and mirror.

    Raises
    ------
    InputError
        If there is no such data set.
    DataUnavailableError
        If a file cannot be had.
    """
    _ensure(entry(name), keep=True)


def _ensure(e: Entry, *, keep: bool = False) -> None:
    """Have every file of an entry on this machine, several downloads at a time."""
    get = finding.keep_file if keep else finding.fetch_file
    missing = [f for f in e.files.values() if keep or finding.local_path(e, f) is None]
    if len(missing) < 2 or finding.offline():
        for file in missing:
            get(e, file, progress=True)
        return
    from tqdm import tqdm

    with ThreadPoolExecutor(max_workers=8) as pool:
        jobs = [pool.submit(get, e, file) for file in missing]
        try:
            for job in tqdm(jobs, desc=f"{e.name}, {e.bytes / 1e6:.1f} MB", unit="file"):
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


# --- Reading files ----------------------------------------------------------------------------------


class _Reader:
    """Gives the bytes of an entry's files, or of the members of its one zip archive, by name."""

    def __init__(self, e: Entry):
        self.entry = e
        self.keys = list(e.files)
        if e.archive:
            with zipfile.ZipFile(self._path(e.archive)) as archive:
                self.keys = sorted(archive.namelist())

    def _path(self, key: str) -> Path:
        return finding.fetch_file(self.entry, self.entry.files[key])

    def bytes(self, key: str) -> bytes:
        if self.entry.archive:
            with zipfile.ZipFile(self._path(self.entry.archive)) as archive:
                return archive.read(key)  # into memory: nothing is unpacked to disk
        return self._path(key).read_bytes()

    def array(self, key: str) -> np.ndarray:
        return decode(self.bytes(key), key)

    def matches(self, pattern: str) -> list[str]:
        """What stands for ``{}`` in the names that fit; ``[""]`` for a pattern without ``{}``."""
        if "{}" not in pattern:
            return [""]
        first, *rest = map(re.escape, pattern.split("{}"))
        expression = re.compile(first + "([^/]+)" + r"\1".join(rest))
        return [m[1] for m in map(expression.fullmatch, self.keys) if m]


def decode(content: bytes, name: str) -> np.ndarray:
    """The array in a TIFF, PNG or JPEG file, in its own dtype and without an alpha channel.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name, of which the suffix counts.
    """
    if name.lower().endswith((".tif", ".tiff")):
        import tifffile

        return np.array(tifffile.imread(BytesIO(content)))
    from PIL import Image

    with Image.open(BytesIO(content)) as picture:
        if picture.mode in ("P", "RGBA", "CMYK"):
            picture = picture.convert("RGB")
        return np.array(picture)


def _first(pattern):
    return pattern[0] if isinstance(pattern, list) else pattern


def _sample(reader: _Reader, spec: dict, key: str, name: str) -> Sample:
    """Read one sample by the pattern `spec`, in which `key` stands for ``{}``."""
    e = reader.entry

    def array(role: str) -> np.ndarray | None:
        pattern = spec.get(role)
        if pattern is None:
            return None
        if isinstance(pattern, list):  # one file a channel
            return np.stack([reader.array(p.replace("{}", key)) for p in pattern], axis=-1)
        found = reader.array(pattern.replace("{}", key))
        if "channel" in spec and role != "labels":  # a grey image that was stored as RGB
            found = np.ascontiguousarray(found[..., spec["channel"]])
        return found

    labels = array("labels")
    if "masks" in spec:
        labels = _from_masks(reader, spec["masks"].replace("{}", key))
    elif labels is not None and labels.dtype.kind == "f":
        labels = labels.astype(np.int32)
    known = {"axes": e.axes, "pixel_size": e.pixel_size, "target": spec.get("class", array("target"))}
    if "boxes" in spec:
        annotation = reader.bytes(spec["boxes"].replace("{}", key))
        known["boxes"], known["box_names"] = _voc_boxes(annotation)
    if "group" in spec and (group := re.match(spec["group"], key)):
        known["group"] = group[1]
    return Sample(name, array("image"), labels, **known, **e.about)


def _from_masks(reader: _Reader, pattern: str) -> np.ndarray:
    """One label image from one mask file an object; where masks overlap, the later file wins."""
    labels = None
    for number, key in enumerate((k for k in reader.keys if fnmatchcase(k, pattern)), start=1):
        mask = reader.array(key) > 0
        labels = np.zeros(mask.shape, np.uint16) if labels is None else labels
        labels[mask] = number
    return labels


def _voc_boxes(content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    """Boxes (y0, x0, y1, x1) and names from an annotation file in Pascal VOC's XML."""
    from xml.etree import ElementTree

    boxes, names = [], []
    for thing in ElementTree.fromstring(content).iter("object"):
        box = thing.find("bndbox")
        y0, x0, y1, x1 = (int(box.findtext(tag)) for tag in ("ymin", "xmin", "ymax", "xmax"))
        boxes.append([y0 - 1, x0 - 1, y1, x1])  # VOC counts from 1 and includes the last pixel
        names.append(thing.findtext("name"))
    return np.array(boxes, dtype=int).reshape(-1, 4), tuple(names)
