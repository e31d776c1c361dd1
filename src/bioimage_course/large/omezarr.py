"""OME-Zarr images: made empty, to be filled block by block, and opened without being read."""

from pathlib import Path

from bioimage_course import arguments
from bioimage_course.errors import InputError


def create(path, shape, dtype, *, block: int = 1024, pixel_size: float | None = None, name: str = "image"):
    """Make an empty OME-Zarr image of one resolution level, ready to be filled block by block.

    Parameters
    ----------
    path : path
        Folder to be made, usually ``something.ome.zarr``.
    shape : (int, int)
        Rows and columns.
    dtype : numpy dtype
    block : int
        Side of a chunk. Different chunks can be written at the same time.
    pixel_size : float, optional
        In micrometres.
    name : str

    Returns
    -------
    zarr.Array
    """
    import zarr
    from ome_zarr.format import FormatV05
    from ome_zarr.writer import write_multiscales_metadata

    block = arguments.whole(block, "block", 1)
    group = zarr.open_group(str(path), mode="a", zarr_format=3)
    chunks = tuple(min(block, n) for n in shape)
    array = group.create_array("0", shape=tuple(shape), chunks=chunks, dtype=dtype, overwrite=True)
    unit = {"unit": "micrometer"} if pixel_size else {}
    axes = [{"name": axis, "type": "space", **unit} for axis in "yx"]
    scale = {"type": "scale", "scale": [float(pixel_size or 1)] * len(shape)}
    level = {"path": "0", "coordinateTransformations": [scale]}
    write_multiscales_metadata(group, [level], fmt=FormatV05(), axes=axes, name=name)
    return array


def open_image(path):
    """The full resolution of an OME-Zarr image; nothing is read before it is sliced.

    Parameters
    ----------
    path : path
        Folder of the OME-Zarr image.

    Returns
    -------
    zarr.Array

    Raises
    ------
    InputError
        If there is no OME-Zarr image.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        attributes = group.attrs.asdict()
        levels = attributes.get("ome", attributes)["multiscales"][0]["datasets"]  # 0.5 and 0.4
        return group[levels[0]["path"]]
    except (FileNotFoundError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{Path(path).name} is no OME-Zarr image ({type(error).__name__}).") from None
