"""Label images as outlines that others open: ROIs for Fiji, GeoJSON for QuPath; and back again.

Outlines run along the edges of pixels, not through their centres: the pixel in row r and column c is the
square from (c, r) to (c + 1, r + 1) in x and y, as in ImageJ and QuPath. So an object has exactly the area
of its pixels, objects that touch share an edge, a single pixel is a square, and what is written can be read
back pixel by pixel. Holes and objects in several pieces stay what they are.
"""

import io
import json
import uuid
import zipfile
from pathlib import Path

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError
from bioimage_course.files import save

MOVE, LINE, CLOSE = 0.0, 1.0, 4.0  # the steps of a path in ImageJ's ROI format
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of addresses, as RFC 9562 lists it


def outlines(labels):
    """The objects of a label image as polygons along the edges of their pixels.

    Parameters
    ----------
    labels : array of int (Y, X)

    Returns
    -------
    dict of int to shapely.Polygon or shapely.MultiPolygon
        By label, in x and y, in pixels; (0, 0) is the outer corner of the first pixel.

    Raises
    ------
    InputError
        If it is no 2D label image.

    Examples
    --------
    >>> labels = np.zeros((4, 5), int)
    >>> labels[1:3, 1:4] = 7
    >>> outlines(labels)[7].area
    6.0
    """
    from scipy.ndimage import find_objects

    labels = arguments.drawn_labels(labels)
    index, numbers = arguments.consecutive(labels)
    found = {}
    for position, window in enumerate(find_objects(index), start=1):
        found[int(numbers[position])] = _outline(index[window] == position, window[0].start, window[1].start)
    return found


def _outline(mask: np.ndarray, top: int, left: int):
    """The outline of one mask: the union of its runs along the rows, holes and all."""
    import shapely

    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    rows, starts = np.nonzero(np.diff(padded, axis=1) == 1)
    _, ends = np.nonzero(np.diff(padded, axis=1) == -1)  # row by row, so in the order of the starts
    runs = shapely.box(left + starts, top + rows, left + ends, top + rows + 1)
    whole = shapely.union_all(runs).simplify(0)  # without the corners that lie on straight edges
    return shapely.orient_polygons(whole, exterior_cw=True)


def rasterise(shapes, shape):
    """A label image from polygons: a pixel belongs to the polygon that holds its centre.

    Parameters
    ----------
    shapes : dict of int to shapely geometry
        By label, in x and y as `outlines` gives them. Where two overlap, the later one wins.
    shape : (int, int)
        Rows and columns.

    Returns
    -------
    array of int32 or int64 (Y, X)

    Raises
    ------
    InputError
        If the shape is not two numbers.
    """
    import shapely

    try:
        height, width = (arguments.whole(n, "each number of shape") for n in shape)
    except (TypeError, ValueError):
        raise InputError(f"shape must be two whole numbers (rows, columns), not {shape!r}.") from None
    labels = np.zeros((height, width), arguments.smallest(np.array([0, *shapes])))
    for number, geometry in shapes.items():
        if geometry.is_empty:
            continue
        left, top, right, bottom = geometry.bounds
        rows = np.arange(max(int(top), 0), min(int(np.ceil(bottom)), height))
        columns = np.arange(max(int(left), 0), min(int(np.ceil(right)), width))
        if rows.size and columns.size:
            x, y = np.meshgrid(columns + 0.5, rows + 0.5)
            inside = shapely.contains_xy(geometry, x, y)
            labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][inside] = number
    return labels


def _rings(geometry) -> list[np.ndarray]:
    """All outer and inner rings of a geometry, without the repeated last point."""
    import shapely

    rings = []
    for part in shapely.get_parts(geometry):
        rings += [np.asarray(ring.coords)[:-1] for ring in (part.exterior, *part.interiors)]
    return rings


# ---------------------------------------------------------------- Fiji


def write_rois(path, labels):
    """Write the objects of a label image as a zip of ROIs, for Fiji's ROI Manager.

    Each ROI is called after its label, with zeros in front (``0017``). An object without holes and in one
    piece becomes a traced outline, any other a composite.

    Parameters
    ----------
    path : path
        Usually ``something.zip``. An existing file is replaced, never added to.
    labels : array of int (Y, X)
        At most 32,767 pixels wide and high: the format's numbers end there.

    Returns
    -------
    int
        How many ROIs were written.

    Raises
    ------
    InputError
        If it is no 2D label image, is empty of objects, or too large.
    """
    import roifile

    labels = arguments.drawn_labels(labels)
    if max(labels.shape) > 32_767:
        raise InputError(
            f"ROIs end at 32,767 pixels, but the image is {labels.shape}: write GeoJSON instead."
        )
    found = outlines(labels)
    if not found:
        raise InputError("There is no object in the label image, and Fiji refuses an empty list of ROIs.")
    digits = max(4, len(str(max(found))))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, geometry in found.items():
            name = f"{number:0{digits}d}"
            archive.writestr(f"{name}.roi", _roi(roifile, geometry, name).tobytes())
    save(path, content.getvalue())
    return len(found)


def _roi(roifile, geometry, name: str):
    """One ROI: a traced outline where that is enough, else a composite of all rings."""
    rings = _rings(geometry)
    if len(rings) == 1:
        roi = roifile.ImagejRoi.frompoints(rings[0].astype(np.int32), name=name)
        roi.roitype = roifile.ROI_TYPE.TRACED
        right, bottom = rings[0].max(axis=0)  # corners of pixels: the box ends at them, not one further
        roi.right, roi.bottom = int(right), int(bottom)
        return roi
    path = []
    for ring in rings:
        for step, (x, y) in zip([MOVE] + [LINE] * (len(ring) - 1), ring, strict=True):
            path += [step, x, y]
        path.append(CLOSE)
    left, top, right, bottom = (int(v) for v in geometry.bounds)
    roi = roifile.ImagejRoi()
    roi.roitype, roi.name = roifile.ROI_TYPE.RECT, name
    roi.left, roi.top, roi.right, roi.bottom = left, top, right, bottom
    roi.multi_coordinates, roi.shape_roi_size = np.array(path, np.float32), len(path)
    return roi


def read_rois(path, shape):
    """A label image from a zip of ROIs, such as `write_rois` or Fiji's ROI Manager writes.

    Parameters
    ----------
    path : path
    shape : (int, int)
        Rows and columns of the image; the file does not say.

    Returns
    -------
    array of int (Y, X)
        A ROI whose name is a number keeps it, as long as no two share one; otherwise they count from 1.

    Raises
    ------
    InputError
        If there is no such file or it holds no ROIs.
    """
    import roifile
    import shapely

    try:
        rois = roifile.roiread(str(path))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{Path(path).name} holds no ROIs ({type(error).__name__}).") from None
    rois = rois if isinstance(rois, list) else [rois]
    shapes = []
    for roi in rois:
        rings = [np.asarray(ring, float) for ring in roi.coordinates(multi=True) if len(ring) > 2]
        if rings:  # an uneven number of rings around a point: inside
            parts = [shapely.Polygon(ring) for ring in rings]
            whole = parts[0]
            for part in parts[1:]:
                whole = whole.symmetric_difference(part)
            shapes.append(whole)
        else:
            shapes.append(shapely.Polygon())
    return rasterise(dict(zip(_numbers([roi.name for roi in rois]), shapes, strict=True)), shape)


def _numbers(names) -> list[int]:
    """The numbers in names, if all are different numbers that a label may have; else 1, 2, 3, …"""
    names = [str(name).removesuffix(".roi") for name in names]
    if all(name.isdecimal() and 0 < int(name) < 2**63 for name in names):
        numbers = [int(name) for name in names]
        if len(set(numbers)) == len(numbers):
            return numbers
    return list(range(1, len(names) + 1))


# ---------------------------------------------------------------- QuPath


def write_geojson(path, labels, measurements=None, classification=None):
    """Write the objects of a label image as GeoJSON detections, as QuPath imports and exports them.

    Parameters
    ----------
    path : path
        Usually ``something.geojson``. An existing file is replaced.
    labels : array of int (Y, X)
    measurements : dict of str to sequence of float, or DataFrame, optional
        One value an object, in the order of the labels (a column ``label`` is held against them); QuPath
        shows them in its table. Put the unit into the name, for example ``"area (µm²)"``.
    classification : str, optional
        Class of all objects.

    Returns
    -------
    int
        How many objects were written.

    Raises
    ------
    InputError
        If it is no 2D label image, or the measurements are no columns of one number an object.
    """
    from shapely.geometry import mapping

    found = outlines(labels)
    table = _columns(measurements, list(found))
    features = []
    for position, (number, geometry) in enumerate(found.items()):
        properties = {"objectType": "detection", "name": str(number)}
        if classification:
            properties["classification"] = {"name": str(classification)}
        values = {name: column[position] for name, column in table.items()}
        properties["measurements"] = {
            "label": number,
            **{name: value for name, value in values.items() if np.isfinite(value)},  # JSON knows no NaN
        }
        name = f"{Path(path).name}#{number}"
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.uuid5(_NAMESPACE, name)),  # the same file gets the same ids again
                "geometry": mapping(geometry),
                "properties": properties,
            }
        )
    content = {"type": "FeatureCollection", "features": features}
    save(path, json.dumps(content, ensure_ascii=False) + "\n")
    return len(features)


def _columns(measurements, numbers) -> dict:
    """Measurements as lists of numbers by name: one number for each object, in the order of the labels."""
    if measurements is None:
        return {}
    if not hasattr(measurements, "items"):
        kind = type(measurements).__name__
        raise InputError(f"measurements must be a dictionary of columns or a table, not {kind}.")
    table = {}
    for name, values in measurements.items():
        try:
            column = np.asarray(values, float)
        except (TypeError, ValueError):
            raise InputError(f"The measurement {name!r} must be numbers, one for each object.") from None
        if column.ndim != 1:
            raise InputError(f"The measurement {name!r} must be a list of numbers, one for each object.")
        if len(column) != len(numbers):
            raise InputError(f"{name!r} has {len(column)} values, but there are {len(numbers)} objects.")
        table[str(name)] = column.tolist()
    if table.get("label", numbers) != numbers:
        raise InputError("The measurements are not in the order of the labels: sort them by 'label' first.")
    return table


def read_geojson(path, shape):
    """A label image from GeoJSON, such as `write_geojson` or QuPath writes.

    Parameters
    ----------
    path : path
    shape : (int, int)
        Rows and columns of the image; the file does not say.

    Returns
    -------
    array of int (Y, X)
        An object whose name is a number keeps it, as long as no two share one; otherwise they count from 1.

    Raises
    ------
    InputError
        If there is no such file, or it holds no GeoJSON.
    """
    from shapely.geometry import shape as geometry_of

    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        features = content
        if isinstance(content, dict):  # one object alone, or a collection of them
            features = [content] if content.get("type") == "Feature" else content["features"]
        names = [(feature.get("properties") or {}).get("name") for feature in features]
        shapes = [geometry_of(feature["geometry"]) for feature in features]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{Path(path).name} holds no GeoJSON features ({type(error).__name__}).") from None
    return rasterise(dict(zip(_numbers(names), shapes, strict=True)), shape)
