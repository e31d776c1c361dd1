"""Ask Segment Anything all that a reader of its explorable can ask, and write the answers into the script.

The explorable ``sam-explorer`` shows a patch of the built-in nuclei image. For each click on a grid and each
box around a nucleus it needs SAM's real masks; a network cannot run in the page. So MobileSAM is asked here,
once, and the masks are kept as run lengths at half the resolution, and masks with an IoU of 0.92 or more only
once.

Run it with ``python training/micro_sam_clicks.py``, a minute or two on one CPU core.
"""

from __future__ import annotations

import base64
import io
import re
from itertools import groupby

import numpy as np

from bioimage_course import data, files, metrics, tools
from coursebook import explorable_data

WINDOW = np.s_[96:352, 0:256]  # the crop of the notebook: what SAM sees
TOP, LEFT, SIDE = (
    explorable_data.TOP - 96,
    explorable_data.LEFT,
    explorable_data.SIDE,
)  # the patch of the StarDist explorable, in the crop
STEP = 8  # pixels between clicks
MARGINS = (0, 2, 4, 8, 12)  # pixels between a nucleus and its box
SAME = 0.92  # IoU from which on two masks are taken for one
SCRIPT = explorable_data.SCRIPTS / "sam-explorer.js"
BLOCK = re.compile(r"(  // answers: begin[^\n]*\n).*?(  // answers: end)", re.DOTALL)
DIGITS = "".join(chr(c) for c in range(35, 127) if chr(c) not in '"\\`')  # 90 characters that need no escape
LOWEST = 20  # percent; SAM's predicted IoUs are kept from here on
LONGEST = 899  # the longest run of two digits


def halve(mask):
    """A mask of half the size: a pixel belongs to it if at least two of its four do."""
    small = mask.reshape(mask.shape[0] // 2, 2, mask.shape[1] // 2, 2).sum(axis=(1, 3))
    return small >= 2


def encode(mask):
    """Run lengths, background first: one digit below 80, else a digit from 80 on and a second one."""
    text, value, length = [], False, 0
    for pixel in [*mask.ravel().tolist(), None]:
        if pixel == value:
            length += 1
            continue
        while length > LONGEST:  # a run too long for two digits goes on after an empty one of the other kind
            text.append(DIGITS[80 + LONGEST // 90] + DIGITS[LONGEST % 90] + DIGITS[0])
            length -= LONGEST
        text.append(DIGITS[length] if length < 80 else DIGITS[80 + length // 90] + DIGITS[length % 90])
        value, length = pixel, 1
    return "".join(text)


def decode(text, shape):
    """The mask that `encode` wrote."""
    runs, k = [], 0
    while k < len(text):
        digit = DIGITS.index(text[k])
        if digit >= 80:
            k += 1
            digit = (digit - 80) * 90 + DIGITS.index(text[k])
        runs.append(digit)
        k += 1
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape)


def clicks():
    """Rows and columns of the clicks, in the patch, row after row."""
    places = range(STEP // 2, SIDE, STEP)
    return [(row, column) for row in places for column in places]


def boxes(labels):
    """For each nucleus that lies whole in the patch: its number there and a box for each margin."""
    found = []
    for number in np.unique(labels)[1:]:
        rows, columns = np.nonzero(labels == number)
        if min(rows.min(), columns.min()) == 0 or max(rows.max(), columns.max()) == SIDE - 1:
            continue
        tight = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        found.append((int(number), [tight + m * np.array([-1, -1, 1, 1]) for m in MARGINS]))
    return found


class Masks:
    """Masks that have been kept, and the number of each."""

    def __init__(self):
        self.kept = []

    def number(self, mask):
        small = halve(mask[TOP : TOP + SIDE, LEFT : LEFT + SIDE])
        for k, other in enumerate(self.kept):
            if small.sum() == other.sum() == 0 or metrics.iou(small, other) >= SAME:
                return k
        self.kept.append(small)
        return len(self.kept) - 1


def ask():
    """All answers: masks, and for each click and box the numbers of its masks and their predicted IoUs."""
    picture = tools.micro_sam.to_uint8(data.load("nuclei").image[WINDOW])
    model = tools.micro_sam.predictor()
    embeddings = tools.micro_sam.embed(picture, model, limits=(0, 255))
    from micro_sam.prompt_based_segmentation import segment_from_box, segment_from_points

    kept = Masks()
    by_click = []
    for row, column in clicks():
        masks, scores, _ = segment_from_points(
            model,
            np.array([[TOP + row, LEFT + column]]),
            np.array([1]),
            embeddings,
            multimask_output=True,
            return_all=True,
            use_best_multimask=False,
        )
        by_click += [(kept.number(m), round(100 * float(s))) for m, s in zip(masks, scores, strict=True)]
    by_box = []
    labels = explorable_data.cut()[1]
    for _, around in boxes(labels):
        for box in around:
            whole = np.clip(box + np.array([TOP, LEFT, TOP, LEFT]), 0, 256)
            mask, score, _ = segment_from_box(model, whole, embeddings, return_all=True)
            by_box.append((kept.number(mask[0]), round(100 * float(score[0]))))
    return kept.kept, by_click, by_box


def picture():
    """The patch as a small JPEG, for a data URL."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(explorable_data.cut()[0]).save(buffer, "jpeg", quality=88, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def pairs(answers):
    """Number and percentage of each answer as three digits."""
    digits = [(k // 90, k % 90, max(0, min(percent - LOWEST, 89))) for k, percent in answers]
    return "".join(DIGITS[d] for three in digits for d in three)


def block(masks, by_click, by_box):
    """The constants as JavaScript."""
    labels = explorable_data.cut()[1]
    constants = {
        "SIDE": SIDE,
        "STEP": STEP,
        "MARGINS": list(MARGINS),
        "BOXES": [[number, *(int(v) for v in tight[0])] for number, tight in boxes(labels)],
        "PICTURE": f'"data:image/jpeg;base64,{picture()}"',
        "RUNS": '"' + " ".join(f"{v}:{len(list(run))}" for v, run in groupby(labels.ravel().tolist())) + '"',
        "MASKS": '"' + " ".join(encode(mask) for mask in masks) + '"',
        "BY_CLICK": f'"{pairs(by_click)}"',
        "BY_BOX": f'"{pairs(by_box)}"',
    }
    return "".join(f"  const {name} = {value};\n" for name, value in constants.items())


def main():
    text = SCRIPT.read_text(encoding="utf-8")
    changed, count = BLOCK.subn(lambda match: match[1] + block(*ask()) + match[2], text)
    if count != 1:
        raise SystemExit(f"{SCRIPT.name} has no lines `// answers: begin` and `// answers: end`.")
    files.save(SCRIPT, changed)
    print(f"{len(text):,} characters before, {len(changed):,} after")


if __name__ == "__main__":
    main()
