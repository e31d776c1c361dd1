"""`new` makes a project's folder, `open_folder` reads what its ``project.yml`` says."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np

from bioimage_course import arguments, files
from bioimage_course.data.opening import FORMATS
from bioimage_course.errors import InputError, first_line, nearest

TEMPLATES = ("project.yml", "README.md", "project.ipynb")
FOLDERS = ("raw", "labels", "results")
LABEL_ENDS = (".tif", ".tiff", ".png")
NO_IMAGES = ("Thumbs.db", "desktop.ini")  # Windows puts them into folders of pictures


@dataclass(frozen=True)
class OwnProject:
    """A folder with images of one's own, and what ``project.yml`` says about them.

    Attributes
    ----------
    folder : Path
    title, question : str
    channel : int or str
        The channel whose objects are labelled, by number or name.
    plane : int or "max"
        The plane of a stack, or the brightest value along Z.
    pixel_size : float or None
        In µm, for files that do not say.
    object_diameter : float or None
        Of a typical object, in µm.
    replicate : str
        Regular expression; its first group, found in a file's name, names the replicate: animal, well, day.
    test_share : float
        Share of the images that only the final test sees.
    seed : int
        Of the lot.
    """

    folder: Path
    title: str = ""
    question: str = ""
    channel: int | str = 0
    plane: int | str = "max"
    pixel_size: float | None = None
    object_diameter: float | None = None
    replicate: str = "^([^_]+)_"
    test_share: float = 0.3
    seed: int = 1

    def __post_init__(self):
        told = f"{self.folder.name}/project.yml: "
        try:
            groups = re.compile(self.replicate).groups
        except (re.error, TypeError) as error:
            raise InputError(
                f"{told}replicate {self.replicate!r} is no regular expression ({error})."
            ) from None
        if groups < 1:
            raise InputError(
                f"{told}replicate {self.replicate!r} needs brackets around the part of a file's name that "
                "names the replicate, such as ^([^_]+)_ for mouse3_slice2.tif."
            )
        if self.plane != "max":
            arguments.whole(self.plane, f"{told}plane", 0)
        if not isinstance(self.channel, str):
            arguments.whole(self.channel, f"{told}channel", 0)
        for name in ("pixel_size", "object_diameter"):
            if getattr(self, name) is not None:
                arguments.number(getattr(self, name), f"{told}{name}", 1e-4, 1e6)
        if arguments.share(self.test_share, f"{told}test_share") == 0:
            raise InputError(f"{told}test_share is 0: without images kept apart nothing can be tested.")
        arguments.whole(self.seed, f"{told}seed", 0)

    def images(self) -> list[Path]:
        """The files in ``raw/`` that may be images, by name."""
        found = [p for p in (self.folder / "raw").iterdir() if not p.name.startswith(".")]
        return sorted(p for p in found if p.name.lower().endswith(tuple(FORMATS)))

    def others(self) -> list[Path]:
        """What else lies in ``raw/``: folders, and files of other formats."""
        found = [p for p in (self.folder / "raw").iterdir() if not p.name.startswith(".")]
        return sorted(set(found) - set(self.images()) - {self.folder / "raw" / name for name in NO_IMAGES})

    def labels(self, image: Path) -> Path | None:
        """The label file of an image: its name, or its name and ``_labels``, in ``labels/``."""
        stem = stem_of(image)
        for end in LABEL_ENDS:
            for name in (f"{stem}{end}", f"{stem}_labels{end}"):
                if (self.folder / "labels" / name).is_file():
                    return self.folder / "labels" / name
        return None

    def replicate_of(self, image: Path) -> str | None:
        """The replicate that a file's name tells, or None."""
        found = re.search(self.replicate, image.name)
        return found[1] if found else None

    def plane_of(self, opened) -> np.ndarray:
        """The plane that the project is about, of an opened image.

        Raises
        ------
        InputError
            If there is no such channel or plane, if it has colours, or if pixels of it are no numbers: then
            no step uses the file.
        """
        plane = opened.plane(self.channel, z=self.plane)
        if plane.ndim != 2:
            raise InputError(
                "a colour picture: the project works on one channel; save one of them as an image."
            )
        if plane.dtype.kind == "f" and not np.isfinite(plane).all():
            count = int(np.count_nonzero(~np.isfinite(plane)))
            raise InputError(
                f"{count:,} pixel{'s are' if count > 1 else ' is'} NaN or infinite, which no tool can use: "
                "find out where they come from, and save the image without them (np.nan_to_num makes them 0)."
            )
        return plane

    def unread(self, opened) -> list[str]:
        """Of what a file holds, what this project does not look at: other images, later time points."""
        said = []
        if len(opened.scenes) > 1:
            said.append(f"the file holds {len(opened.scenes)} images: only the first is used")
        if "T" in opened.axes:
            times = opened.image.shape[opened.axes.index("T")]
            said.append(f"{times} time points: only the first is used")
        return said

    def remarks(self, opened) -> list[str]:
        """What a file does not say or seems to lack, and what of it this project does not look at."""
        several = "the file holds" if len(opened.scenes) > 1 else None
        said = [note for note in opened.notes if not (several and note.startswith(several))]
        return self.unread(opened) + said

    def survey(self) -> list[dict]:
        """What is in ``raw/``: one row a file, also of those that cannot be read;
        ``results/survey.csv``."""
        from bioimage_course.project import steps

        return steps.survey(self)

    def draw(self, count: int = 10):
        """Draw by lot which images are labelled, for training and for testing; ``results/drawn.csv``."""
        from bioimage_course.project import steps

        return steps.draw(self, count)

    def check_labels(self) -> list[dict]:
        """Have the label doctor look at every labelled image; ``results/labels.csv`` and pictures."""
        from bioimage_course.project import steps

        return steps.check_labels(self)

    def scale(self):
        """One scale for all images, from the pixels of the whole folder; ``results/scale.json``.

        Returns
        -------
        Scale
            With ``.limits``, ``.threshold`` and ``.note``.
        """
        from bioimage_course.project import scale

        return scale.of_folder(self)

    def race(self, tools=None, on: str = "train"):
        """Score tools on the labelled images; ``results/race-train.csv``.

        Parameters
        ----------
        tools : sequence of str or callable, optional
            Names of tools, or functions ``segment(image) -> labels``; by default all that are installed,
            without micro-sam.
        on : {"train", "test", "all"}
            Which of the labelled images. The tools have not been trained on yours, so those drawn for
            training may choose one. The test images then score the one that was chosen, once.

        Returns
        -------
        Race
        """
        from bioimage_course.project import racing

        return racing.race(self, tools, on)

    def curve(self, draws: int = 3, as_is=("unet",)):
        """Train a pixel classifier on ever more of your images; ``results/curve.csv`` and ``curve.png``.

        Parameters
        ----------
        draws : int
            Different lots for each number of images.
        as_is : sequence of str or callable
            Tools to compare it with, which learn nothing from your images.

        Returns
        -------
        Curve
        """
        from bioimage_course.project import learning

        return learning.curve(self, draws, as_is)

    def predict(self, tool="unet", *, name: str | None = None) -> list[dict]:
        """Segment and measure every image of ``raw/``; ``results/predictions/<tool>/``.

        Labels, overlays, ``summary.csv`` (one row a file), ``measurements.csv`` (one row an object) and
        ``methods.md``. What is done is not done again; labels that you have corrected stay and are measured.

        Parameters
        ----------
        tool : str or callable
            Name of a tool, or a function ``segment(image) -> labels``.
        name : str, optional
            Of the folder for the results; by default that of the tool.

        Returns
        -------
        list of dict
            The summary.

        Raises
        ------
        InputError
            If there are no images, or results of other settings lie in the folder.
        """
        from bioimage_course.project import predicting

        return predicting.predict(self, tool, name=name)


def stem_of(image: Path) -> str:
    """A file's name without the end that tells its format."""
    end = max((e for e in FORMATS if image.name.lower().endswith(e)), key=len, default=image.suffix)
    return image.name[: len(image.name) - len(end)]


def new(folder) -> OwnProject:
    """Make the folder of a project; what is there already stays as it is.

    Parameters
    ----------
    folder : path
        It may exist, with images in it: nothing of them is moved or changed.

    Returns
    -------
    OwnProject

    Raises
    ------
    InputError
        If the name is empty, there is a file of that name, or the folder cannot be written to.
    """
    if not str(folder).strip():
        raise InputError("a project needs the name of a folder, for example my-experiment.")
    folder = Path(folder)
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in TEMPLATES:
            if not (folder / name).exists():
                text = package_files("bioimage_course.project").joinpath("templates", name).read_text("utf-8")
                files.save(folder / name, text.replace("TITLE", folder.resolve().name))
    except OSError as error:
        told = first_line(error).partition("] ")[2] or "it cannot be written to"
        raise InputError(f"no project can be made in {folder.name!r}: {told}.") from None
    return open_folder(folder)


def open_folder(folder) -> OwnProject:
    """Read a project's ``project.yml``.

    Raises
    ------
    InputError
        If there is none, or something in it is not understood.
    """
    import yaml

    folder = Path(folder)
    path = folder / "project.yml"
    if not path.is_file():
        raise InputError(
            f"{folder.name!r} is no project: there is no project.yml; `course project new` makes one."
        )
    try:
        said = yaml.safe_load(path.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise InputError(
            f"{folder.name}/project.yml cannot be read{line}: each line is a name, a colon, a value."
        ) from None
    known = {field.name for field in fields(OwnProject)} - {"folder"}
    if not isinstance(said, dict):
        raise InputError(f"{folder.name}/project.yml: each line is a name, a colon, a value.")
    for name in said:
        if name not in known:
            meant = nearest(str(name), known, 1)
            advice = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(sorted(known))}."
            raise InputError(f"{folder.name}/project.yml: nothing is called {name!r}; {advice}")
    try:
        (folder / "results").mkdir(exist_ok=True)
    except OSError as error:
        told = first_line(error).partition("] ")[2] or "it cannot be written to"
        raise InputError(f"no folder results/ can be made in {folder.name!r}: {told}.") from None
    for name in ("raw", "labels"):
        if not (folder / name).is_dir():
            raise InputError(
                f"{folder.name!r} has no folder {name}/: make it, or run `course project new` again."
            )
    return OwnProject(folder, **said)
