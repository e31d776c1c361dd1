"""What all runs share: files that are whole or absent, what a run is made of, and who does the work."""

import contextlib
import functools
import json
from pathlib import Path

import numpy as np

from bioimage_course import arguments, files, fingerprint
from bioimage_course.errors import InputError

BESIDE = "changes while it works"  # key of what a function changes itself, in plan.json


def each(function, jobs, client, **settings) -> list:
    """function(job, **settings) for each job, here or by the workers of a Dask client, in the jobs' order."""
    # Bound to the function: what `map` is given as an argument becomes a task of its own if it is large, and
    # distributed 2026.8 stumbles over that.
    task = functools.partial(function, **settings)
    if client is None:
        return [task(job) for job in jobs]
    futures = client.map(task, list(jobs), pure=False)
    try:
        return client.gather(futures)
    finally:
        client.cancel(futures)  # of no use any more; after an error this also stops the rest


# ---------------------------------------------------------------- the plan


def agree(folder: Path, segment, results: str, **settings) -> str:
    """Note what a run is made of in its folder; refuse to go on with the results of another one.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    segment : callable
        Compared by its `parts`.
    results : str
        Pattern of the names of results. As long as there are none, a new run may begin.
    settings
        What else has to be the same.

    Returns
    -------
    str
        Name of the run; every result carries it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)
    plan, old = settings | {"segment": fingerprint.parts(segment)}, noted(folder)
    if not old or not any(folder.glob(results)):
        plan["run"] = fingerprint.digest(plan)
        note(folder, plan)
        return plan["run"]
    other = [key for key in settings if old.get(key) != plan[key]]
    before, now = (p["segment"] if isinstance(p.get("segment"), dict) else {} for p in (old, plan))
    names = [name for name in before | now if before.get(name) != now.get(name)]
    names = [name for name in names if name not in old.get(BESIDE, ())]
    if names:
        other.append(f"segment, its {' and '.join(names)}")
    if other or "run" not in old:  # without a name: of an older version of the course
        refuse(folder, ", ".join(other) or "version")
    return old["run"]


@contextlib.contextmanager
def changing(folder: Path, segment):
    """Note what a function changes itself while it works: a count or a log beside it is no setting.

    Its code and the arguments that `functools.partial` gives it always count.
    """
    before = fingerprint.parts(segment)
    try:
        yield
    finally:
        now = fingerprint.parts(segment)
        changed = {name for name in before | now if before.get(name) != now.get(name)}
        changed = {name for name in changed if name != "code" and not name.startswith("argument ")}
        plan = noted(folder)
        if not changed <= set(plan.get(BESIDE, ())):
            note(folder, plan | {BESIDE: sorted(changed.union(plan.get(BESIDE, ())))})


def noted(folder: Path) -> dict:
    """The plan of the run whose results lie in a folder; empty if there is none."""
    try:
        return json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def note(folder: Path, plan: dict) -> None:
    """Write the plan."""
    files.save_json(folder / "plan.json", plan)


def refuse(folder: Path, different: str):
    """Say that a folder holds something else."""
    raise InputError(
        f"The folder {folder.name} holds results of another run (different: {different}); "
        "choose another place or delete it."
    )


# ---------------------------------------------------------------- what comes in and out


def pixels(image):
    """An image to cut crops from: Zarr, Dask and NumPy arrays as they are, anything else as an array."""
    if isinstance(image, np.ma.MaskedArray):
        raise InputError("The image is a masked array, and its mask would be lost: use image.filled(value).")
    sliced = all(hasattr(image, name) for name in ("shape", "dtype", "__getitem__"))
    if not sliced or hasattr(image, "detach"):
        image = arguments.pixels(image)
    if not all(image.shape):
        raise InputError(f"The image has no pixels: its shape is {tuple(image.shape)}.")
    return image


def native(crop) -> np.ndarray:
    """Read pixels, in the byte order of this computer: networks take no other."""
    array = np.asarray(crop)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def label_array(labels, shape) -> np.ndarray:
    """What a function returned, if it is a label image of this shape."""
    array = np.asarray(labels)
    if array.shape != tuple(shape) or array.dtype.kind not in "iu":
        raise InputError(
            f"segment must return a label image, integers of shape {tuple(shape)}; it returned "
            f"{array.dtype} of shape {array.shape}."
        )
    return arguments.label_image(array, "what segment returned")
