"""Five short scripts as a language model writes them: they run, look right, and one line of each is wrong.

Each is a text that is really executed, once as it is and once with that line repaired. The clinic's own tests
convict the one and acquit the other.
"""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType, SimpleNamespace

from bioimage_course import arguments
from bioimage_course.clinic.data_cases import two_conditions
from bioimage_course.clinic.patients import Case, case
from bioimage_course.errors import InputError, nearest


@dataclass(frozen=True, eq=False, repr=False)
class Script:
    """A script with one planted error.

    Attributes
    ----------
    name : str
    wish : str
        What it was asked for.
    text : str
        The script.
    planted, repaired : str
        The wrong line, and what should stand there.
    suspect : str
        Name of the case whose test convicts it.
    inputs : callable
        ``inputs(seed)`` gives the names that the script finds.
    also : tuple of int
        Other lines in which the error could be repaired as well.
    """

    name: str
    wish: str
    text: str
    planted: str
    repaired: str
    suspect: str
    inputs: Callable
    also: tuple[int, ...] = ()

    @property
    def case(self) -> Case:
        """Case: the one whose test convicts it."""
        return case(self.suspect)

    @property
    def diagnosis(self):
        """str: What is wrong, in the clinic's words."""
        return self.case.diagnosis

    @property
    def line(self):
        """int: Number of the wrong line, counted from 1."""
        return 1 + self.text.splitlines().index(self.planted)

    def given(self, seed=0, sick=True):
        """What the script leaves behind, and what it printed.

        Parameters
        ----------
        seed : int
            Other data of the same kind.
        sick : bool
            False: with the wrong line repaired.

        Returns
        -------
        SimpleNamespace
            Its variables by name, and ``printed``.
        """
        text = self.text if sick else self.text.replace(self.planted, self.repaired)
        names = dict(self.inputs(arguments.whole(seed, "seed", 0)))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(text, f"<{self.name}>", "exec"), names)  # our own text, never a learner's
        left = {name: value for name, value in names.items() if _is_result(name, value)}
        return SimpleNamespace(**left, printed=said.getvalue().strip())

    def __repr__(self):
        return f"{self.name}: “{self.wish}”\n\n{self.numbered()}"

    def numbered(self):
        """The text with the numbers of its lines.

        Returns
        -------
        str
        """
        return "\n".join(
            f"{number:>2}  {line}".rstrip() for number, line in enumerate(self.text.splitlines(), 1)
        )


def _is_result(name, value):
    return not name.startswith("_") and not isinstance(value, ModuleType | FunctionType | type)


def scripts():
    """All scripts.

    Returns
    -------
    list of Script
    """
    return list(_SCRIPTS.values())


def script(name):
    """The script of that name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Script

    Raises
    ------
    InputError
        With the nearest names.
    """
    if isinstance(name, str) and name in _SCRIPTS:
        return _SCRIPTS[name]
    near = (nearest(name, _SCRIPTS) if isinstance(name, str) else []) or list(_SCRIPTS)
    raise InputError(f"There is no script {name!r}; did you mean {' or '.join(map(repr, near))}?")


# ---------------------------------------------------------------- the five

_PROJECTION = """\
import numpy as np

rows, columns, planes = stack.shape
stack = stack.reshape(planes, rows, columns)  # planes first
darkness = np.percentile(stack, 5, axis=(1, 2), keepdims=True)
corrected = np.clip(stack.astype(np.float32) - darkness, 0, None)
projection = corrected.max(axis=0)
print("projection:", projection.shape)"""

_RATIO = '''\
import numpy as np

def prepare(image):
    """Scale an image to the range from 0 to 1."""
    low, high = np.percentile(image, (1, 99.8))
    return (image.astype(float) - low) / (high - low)

control, treated = prepare(control), prepare(treated)
before = control[labels > 0].mean()
after = treated[labels > 0].mean()
print(f"treated / control: {after / before:.2f}")'''

_SPLIT = """\
import numpy as np

side, step = 64, 32  # crops overlap by half: twice as much data
starts = range(0, 512 - side + 1, step)
places = np.array([(y, x) for y in starts for x in starts])
order = np.random.default_rng(seed).permutation(len(places))
shuffled = places[order]
training, validation = shuffled[40:], shuffled[:40]
print(len(training), "crops to train,", len(validation), "to validate")"""

_REPORT = '''\
import numpy as np

def score(a, b):
    """Twice the common part, divided by the sum."""
    return float(2 * np.sum(a & b) / (np.sum(a) + np.sum(b)))

cells = len(np.unique(truth)) - 1
reported = score(truth > 0, found > 0)
print(f"of {cells} cells {reported:.0%} are segmented rightly")'''

_SIZES = """\
import numpy as np
from skimage.measure import regionprops

pixel_size = tags.get("PixelSize", 1.0)  # in micrometres
regions = regionprops(labels)
widths = [2 * np.sqrt(region.area / np.pi) for region in regions]
diameters = np.array(widths) * pixel_size
print(f"{len(diameters)} cells, median {np.median(diameters):.1f} µm")"""


def _of_case(name, *wanted):
    """Inputs that are those of a case, ill or not: what is named is the same in both."""
    return lambda seed: {key: value for key, value in vars(case(name).given(seed)).items() if key in wanted}


def _conditions(seed):
    return dict(zip(("control", "treated", "labels"), two_conditions(seed), strict=True))


def _metrics(inputs):
    """With the course's metrics at hand, as the repaired line needs them."""
    from bioimage_course import metrics

    return lambda seed: inputs(seed) | {"metrics": metrics}


def _made(name, wish, text, planted, repaired, suspect, inputs, also=()):
    (found,) = (line for line in text.splitlines() if line.strip().startswith(planted))
    indent = found[: len(found) - len(found.lstrip())]
    return Script(name, wish, text, found, indent + repaired, suspect, inputs, also)


_SCRIPTS = {
    made.name: made
    for made in (
        _made(
            "projection",
            "My stack is an array of rows, columns and planes. Subtract the background of each plane, and "
            "make a maximum projection.",
            _PROJECTION,
            "stack = stack.reshape(",
            "stack = np.moveaxis(stack, -1, 0)  # planes first",
            "stripes-in-the-stack",
            _of_case("stripes-in-the-stack", "stack"),
        ),
        _made(
            "ratio",
            "Compare the brightness of treated nuclei with that of controls; both have the same exposure.",
            _RATIO,
            "low, high = ",
            "low, high = 0, 1000  # the same for all images",
            "no-difference",
            _conditions,
        ),
        _made(
            "split",
            "Cut my image of 512 × 512 pixels into crops for training and validation.",
            _SPLIT,
            "training, validation = ",
            "training, validation = places[places[:, 0] <= 256], places[places[:, 0] >= 320]",
            "too-good-to-be-true",
            lambda seed: {"seed": seed},
            also=(3, 6, 7),
        ),
        _made(
            "report",
            "What share of the touching cells was segmented rightly?",
            _REPORT,
            "reported = ",
            "reported = metrics.average_precision(truth, found, 0.75)",
            "perfect-masks-wrong-counts",
            lambda seed: _metrics(_of_case("perfect-masks-wrong-counts", "truth", "found"))(seed),
        ),
        _made(
            "sizes",
            "Measure the diameters of my cells in micrometres; the tags of the file are in `tags`.",
            _SIZES,
            "pixel_size = ",
            'pixel_size = 1e4 / tags["XResolution"]  # pixels a centimetre',
            "giants",
            _of_case("giants", "labels", "tags"),
        ),
    )
}
