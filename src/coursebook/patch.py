"""Write the patches that `stardist-`, `pixel-`, `threshold-` and `ball-explorer.js` show into these scripts.

    python -m coursebook.patch

Squares of the built-in nuclei image, between two comment lines of the script: for StarDist an 8-bit PNG
(base64) and its label image (run lengths), for the pixels their plain values, for the threshold values and
labels, for the ball values and mask. Tests check that they are in step with the built-in sample.
"""

import base64
import io
import os
import re
from itertools import groupby
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parents[1] / "bioimage_course" / "explore" / "js"
SCRIPT, PIXELS_SCRIPT = SCRIPTS / "stardist-explorer.js", SCRIPTS / "pixel-explorer.js"
THRESHOLD_SCRIPT = SCRIPTS / "threshold-explorer.js"
BALL_SCRIPT = SCRIPTS / "ball-explorer.js"
TOP, LEFT, SIDE = 154, 40, 96  # eight whole nuclei: round, long, touching, and one cut to a crescent
THRESHOLD_PATCH = np.s_[352:448, 112:208]  # seven nuclei, most of them touching; bright and dim ones
PIXELS = np.s_[18:66, 30:78]  # a bright nucleus beside a dim one
BLOCK = re.compile(r"(  // patch: begin[^\n]*\n).*?(  // patch: end)", re.DOTALL)


PATCH = np.s_[TOP : TOP + SIDE, LEFT : LEFT + SIDE]


def brightness() -> np.ndarray:
    """Patch of `stardist-explorer.js`, 0 to 255: stretched, gamma 0.6 so that dim nuclei are seen."""
    from bioimage_course import data

    image = data.load("nuclei").image
    low, high = np.percentile(image, 1), 150
    return 255 * np.clip((image[PATCH] - low) / (high - low), 0, 1) ** 0.6


def cut() -> tuple[np.ndarray, np.ndarray]:
    """The same as uint8, and its labels 1 … n."""
    from skimage.segmentation import relabel_sequential

    from bioimage_course import data

    labels = relabel_sequential(data.load("nuclei").labels[PATCH])[0]
    return np.round(brightness()).astype(np.uint8), labels


def block() -> str:
    """The constants as JavaScript."""
    from PIL import Image

    pixels, labels = cut()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", optimize=True)
    # Label and length of each run, row after row: "0:17 3:12 …".
    runs = " ".join(f"{label}:{len(list(run))}" for label, run in groupby(labels.ravel().tolist()))
    picture = base64.b64encode(buffer.getvalue()).decode("ascii")
    constants = {"SIDE": SIDE, "PICTURE": f'"data:image/png;base64,{picture}"', "RUNS": f'"{runs}"'}
    return "".join(f"  const {name} = {value};\n" for name, value in constants.items())


def pixels() -> np.ndarray:
    """Patch of `pixel-explorer.js`: the values as they are (none is above 255), uint8."""
    from bioimage_course import data

    return data.load("nuclei").image[PIXELS].astype(np.uint8)


def pixels_block() -> str:
    """Its constants as JavaScript: the values row after row, one byte each."""
    values = pixels()
    text = base64.b64encode(values.tobytes()).decode("ascii")
    return f'  const SIDE = {len(values)};\n  const VALUES = "{text}";\n'


def threshold() -> tuple[np.ndarray, np.ndarray]:
    """Patch of `threshold-explorer.js`: the values as they are, uint8, and its labels 1 … n."""
    from skimage.segmentation import relabel_sequential

    from bioimage_course import data

    sample = data.load("nuclei")
    labels = relabel_sequential(sample.labels[THRESHOLD_PATCH])[0]
    return sample.image[THRESHOLD_PATCH].astype(np.uint8), labels


def threshold_block() -> str:
    """Its constants as JavaScript: one byte a value, and label and length of each run."""
    return _values_and_runs(*threshold())


def ball_block() -> str:
    """Constants of `ball-explorer.js`: values and mask of the piece that the bridge learns from."""
    from bioimage_course.materials import ch20

    grey, truth = ch20.nuclei()
    return _values_and_runs(grey.astype(np.uint8), truth.astype(int))


def _values_and_runs(values: np.ndarray, labels: np.ndarray) -> str:
    text = base64.b64encode(values.tobytes()).decode("ascii")
    runs = " ".join(f"{label}:{len(list(run))}" for label, run in groupby(labels.ravel().tolist()))
    return f'  const SIDE = {len(values)};\n  const VALUES = "{text}";\n  const RUNS = "{runs}";\n'


def write(script: Path = SCRIPT, make=block) -> None:
    """Replace the constants in the script."""
    text = script.read_text(encoding="utf-8")
    changed, count = BLOCK.subn(lambda match: match[1] + make() + match[2], text)
    if count != 1:
        raise SystemExit(f"{script.name} has no lines `// patch: begin` and `// patch: end`.")
    temporary = script.with_suffix(".tmp")
    temporary.write_text(changed, encoding="utf-8")
    os.replace(temporary, script)


if __name__ == "__main__":
    write()
    write(PIXELS_SCRIPT, pixels_block)
    write(THRESHOLD_SCRIPT, threshold_block)
    write(BALL_SCRIPT, ball_block)
