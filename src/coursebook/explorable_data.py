"""Write the parts of the built-in nuclei image that five explorables show into their scripts.

    python -m coursebook.explorable_data

They stand between two comment lines of `stardist-`, `pixel-`, `threshold-`, `ball-` and `mask-explorer.js`:
for the first an 8-bit PNG (base64) and its label image (run lengths), for the pixels their plain values, for
the threshold values and labels, for the ball values and mask, for the masks values, labels and what the label
doctor says of each place (two minutes). Tests check that they are in step with the built-in sample.
`verdict-explorer.js` gets what three tests measure in synthetic images.
"""

import base64
import io
import itertools
import json
import re
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import relabel_sequential

from bioimage_course import data
from bioimage_course.materials import ch17, ch20
from coursebook.project import write_text

SCRIPTS = Path(__file__).parents[1] / "bioimage_course" / "explore" / "js"
SCRIPT, PIXELS_SCRIPT = SCRIPTS / "stardist-explorer.js", SCRIPTS / "pixel-explorer.js"
THRESHOLD_SCRIPT, BALL_SCRIPT = SCRIPTS / "threshold-explorer.js", SCRIPTS / "ball-explorer.js"
VERDICT_SCRIPT = SCRIPTS / "verdict-explorer.js"
MASK_SCRIPT = SCRIPTS / "mask-explorer.js"
TOP, LEFT, SIDE = 154, 40, 96  # eight whole nuclei: round, long, touching, and one cut to a crescent
PATCH = np.s_[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
THRESHOLD_PATCH = np.s_[352:448, 112:208]  # seven nuclei, most of them touching; bright and dim ones
PIXELS = np.s_[18:66, 30:78]  # a bright nucleus beside a dim one
BLOCK = re.compile(r"(  // patch: begin[^\n]*\n).*?(  // patch: end)", re.DOTALL)


def brightness() -> np.ndarray:
    """Patch of `stardist-explorer.js`, 0 to 255: stretched, gamma 0.6 so that dim nuclei are seen."""
    image = data.load("nuclei").image
    low, high = np.percentile(image, 1), 150
    return 255 * np.clip((image[PATCH] - low) / (high - low), 0, 1) ** 0.6


def cut() -> tuple[np.ndarray, np.ndarray]:
    """The same as uint8, and its labels 1 … n."""
    return np.round(brightness()).astype(np.uint8), _part(PATCH)[1]


def pixels() -> np.ndarray:
    """Patch of `pixel-explorer.js`: the values as they are, uint8."""
    return _part(PIXELS)[0]


def threshold() -> tuple[np.ndarray, np.ndarray]:
    """Patch of `threshold-explorer.js`: the values as they are, uint8, and its labels 1 … n."""
    return _part(THRESHOLD_PATCH)


def _part(window) -> tuple[np.ndarray, np.ndarray]:
    """Values (none is above 255) and labels, counted anew, of a part of the sample."""
    sample = data.load("nuclei")
    return sample.image[window].astype(np.uint8), relabel_sequential(sample.labels[window])[0]


VERDICT_TESTS = {
    "share": lambda image: (image == image.max()).mean(),
    "highest": lambda image: image.max(),
    "mean": lambda image: image.mean(),
}
"""What the tests of `verdict-explorer.js` measure in an image that may be saturated."""


def verdicts() -> dict[str, dict[str, list[float]]]:
    """What each test measures in twelve saturated and in twelve healthy images; a few have a hot pixel."""
    order = [(8 + n) % 12 for n in range(12)]
    images = {word: [_recorded(n, word == "sick") for n in order] for word in ("sick", "healthy")}
    return {
        test: {word: [float(f"{measure(image):.4g}") for image in images[word]] for word in images}
        for test, measure in VERDICT_TESTS.items()
    }


def _recorded(number: int, sick: bool) -> np.ndarray:
    """Nuclei as a camera with 12 bits records them: exposed for too long, or on a bright background."""
    random = np.random.default_rng([number, int(sick)])
    exposure = random.uniform(2.1, 3) if sick else random.uniform(0.5, 0.85)
    count = int(random.integers(3, 16))
    background = float(random.uniform(0.02, 0.1) if sick else random.uniform(0.05, 0.8))
    image = data.synthetic.nuclei(
        (128, 128), count, seed=2 * number + sick, photons=1000 * exposure, gain=2.0, offset=0,
        background=background, brightness=(0.6, 1.0), texture=0.05, read_noise=1.0,
    ).image.copy()  # fmt: skip
    if random.random() < 0.4:  # a hot pixel, as cameras have them
        image[tuple(random.integers(0, 128, 2))] = 2**12
    return np.minimum(image, 2**12 - 1)


# ---------------------------------------------------------------- as JavaScript


def block() -> str:
    """The constants of `stardist-explorer.js`."""
    values, labels = cut()
    return constants(SIDE=SIDE, PICTURE=f'"{png(values)}"', RUNS=f'"{runs(labels)}"')


def pixels_block() -> str:
    """The constants of `pixel-explorer.js`: the values row after row, one byte each."""
    values = pixels()
    return constants(SIDE=len(values), VALUES=f'"{encoded(values.tobytes())}"')


def threshold_block() -> str:
    """The constants of `threshold-explorer.js`: one byte a value, and label and length of each run."""
    values, labels = threshold()
    return constants(SIDE=len(values), VALUES=f'"{encoded(values.tobytes())}"', RUNS=f'"{runs(labels)}"')


def ball_block() -> str:
    """The constants of `ball-explorer.js`: values and mask of the piece that the bridge learns from."""
    grey, truth = ch20.nuclei()
    values = encoded(grey.astype(np.uint8).tobytes())
    return constants(SIDE=len(grey), VALUES=f'"{values}"', RUNS=f'"{runs(truth.astype(int))}"')


def verdict_block() -> str:
    """The constants of `verdict-explorer.js`: a line for each test, sick before healthy."""
    lines = (f"    {test}: {json.dumps(values)},\n" for test, values in verdicts().items())
    return f"  const PATIENTS = {{\n{''.join(lines)}  }};\n"


def mask_block() -> str:
    """The constants of `mask-explorer.js`: two values a byte, label runs, and the doctor's answers as digits.

    The answers are in the order of turn, scale, shift down, shift right.
    """
    picture, labels = ch17.picture_and_masks()
    flat = picture.ravel()
    told = [
        ch17.ANSWERS.index(ch17.answer(picture, ch17.put_wrongly(labels, down, right, turn, scale)))
        for turn, scale, down, right in itertools.product(ch17.TURNS, ch17.SCALES, ch17.SHIFTS, ch17.SHIFTS)
    ]
    return constants(
        SIDE=ch17.SIDE,
        VALUES=f'"{encoded((16 * flat[::2] + flat[1::2]).astype(np.uint8).tobytes())}"',
        RUNS=f'"{runs(labels)}"',
        TOLD=f'"{runs(np.array(told))}"',
    )


def constants(**values) -> str:
    """Return a line of JavaScript for each value, which is JavaScript already."""
    return "".join(f"  const {name} = {value};\n" for name, value in values.items())


def encoded(content: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(content).decode("ascii")


def png(values: np.ndarray) -> str:
    """Return an image as a PNG in a data address."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{encoded(buffer.getvalue())}"


def runs(labels: np.ndarray) -> str:
    """Return label and length of each run, row after row: ``0:17 3:12 …``."""
    return " ".join(f"{label}:{len(list(run))}" for label, run in groupby(labels.ravel().tolist()))


def write(script: Path, make) -> None:
    """Replace the constants in the script."""
    text = script.read_text(encoding="utf-8")
    changed, count = BLOCK.subn(lambda match: match[1] + make() + match[2], text)
    if count != 1:
        raise SystemExit(f"{script.name} has no lines `// patch: begin` and `// patch: end`.")
    write_text(script, changed)


if __name__ == "__main__":
    write(SCRIPT, block)
    write(PIXELS_SCRIPT, pixels_block)
    write(THRESHOLD_SCRIPT, threshold_block)
    write(BALL_SCRIPT, ball_block)
    write(VERDICT_SCRIPT, verdict_block)
    write(MASK_SCRIPT, mask_block)
