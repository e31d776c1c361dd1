"""How often the label doctor cries wolf on true masks, and how often it notices spoilt ones.

    python benchmarks/diagnosis_rates.py           minutes; with BIOIMAGE_COURSE_MIRROR all sets of the course

True masks are those of every set with labels on this machine, and ten synthetic scenes. Each is then spoilt
in every way below. What is reported on a true mask is listed by name, so that somebody can look: it may be a
fault of the published mask. The result goes to ``results/diagnosis-rates.json``.
"""

import io
import json
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import expand_labels
from skimage.transform import resize

from bioimage_course import arguments, data
from bioimage_course.data.diagnosis import fitting


def truths():
    """Name of the set, name of the image, image and labels of every true 2D mask here."""
    for name in data.names():
        if not data.available(name) or name.startswith("weights"):
            continue
        loaded = data.load(name)
        for sample in loaded if isinstance(loaded, data.Collection) else [loaded]:
            if sample.labels is None or sample.labels.ndim != 2:
                break
            yield name, sample.name, sample.image, sample.labels
    for seed in range(10):
        sample = data.synthetic.nuclei(seed=seed)
        yield "synthetic", str(seed), sample.image, sample.labels


def interpolated(labels):
    """Half the size, and back with interpolation."""
    return np.rint(resize(labels[::2, ::2].astype(float), labels.shape, order=1, preserve_range=True)).astype(
        int
    )


def lossy(labels):
    """A binary mask saved as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(np.uint8(labels > 0) * 255).save(stream, "JPEG", quality=75)
    return np.array(Image.open(stream))


def doubled(labels):
    """Every number twice, as after an overflow."""
    index, numbers = arguments.consecutive(labels)
    half = (len(numbers) - 1) // 2
    return np.where(index > half, index - half, index) if half > 5 else None


def incomplete(labels):
    """An eighth of the objects without label."""
    numbers = np.unique(labels[labels > 0])
    if len(numbers) < 8:
        return None
    gone = np.random.default_rng(len(numbers)).choice(numbers, max(2, len(numbers) // 8), replace=False)
    return np.where(np.isin(labels, gone), 0, labels)


def joined(labels):
    """All that touch drawn as one, where that concerns more than three objects."""
    pieces = label(labels > 0)
    return pieces if pieces.max() < len(np.unique(labels[labels > 0])) - 3 else None


SPOIL = {
    "binary": (lambda labels: np.uint8(labels > 0), {"binary"}),
    "smoothed line": (
        lambda labels: np.uint8(ndimage.gaussian_filter((labels > 0) * 255.0, 0.7)),
        {"interpolated"},
    ),
    "lossy file": (lossy, {"interpolated"}),
    "interpolated": (interpolated, {"interpolated"}),
    "divided by its highest": (lambda labels: labels / max(labels.max(), 1), {"float"}),
    "probabilities": (lambda labels: ndimage.gaussian_filter((labels > 0) * 1.0, 1.5), {"float", "picture"}),
    "moved by (10, 0)": (lambda labels: fitting._moved(labels, (10, 0)), {"shifted"}),
    "moved by (5, -7)": (lambda labels: fitting._moved(labels, (5, -7)), {"shifted"}),
    "upside down": (lambda labels: labels[::-1], {"turned"}),
    "transposed": (lambda labels: labels.T, {"turned", "size"}),
    "10 % larger": (lambda labels: fitting._scaled(labels, 1.1), {"scaled"}),
    "10 % smaller": (lambda labels: fitting._scaled(labels, 0.9), {"scaled"}),
    "5 pixels too wide": (lambda labels: expand_labels(labels, 5), {"outlines"}),
    "half the size": (lambda labels: labels[::2, ::2], {"size"}),
    "numbers used twice": (doubled, {"fragments"}),
    "an eighth undrawn": (incomplete, {"unlabelled"}),
    "touching joined": (joined, {"merged"}),
    "empty": (lambda labels: labels * 0, {"empty"}),
}


def main() -> None:
    """Count, and write the result."""
    healthy, alarms, noticed = Counter(), defaultdict(dict), defaultdict(Counter)
    for name, image_name, image, labels in truths():
        found = data.diagnose(image, labels)
        healthy[name] += 1
        if found.findings:
            alarms[name][image_name] = " ".join(found.names)
        for kind, (spoil, wanted) in SPOIL.items():
            spoilt = spoil(labels)
            few = len(np.unique(labels)) < 3  # one object: it is binary, and stays so
            if spoilt is None or (few and kind in ("binary", "smoothed line", "lossy file")):
                continue
            found = data.diagnose(image, spoilt)
            noticed[kind]["of"] += 1
            noticed[kind]["named"] += bool(wanted & set(found.names))
            noticed[kind]["something else"] += bool(found.findings) and not wanted & set(found.names)
            noticed[kind]["said to be not judged"] += found.healthy and bool(found.not_judged)
    result = {
        "what": "findings of data.diagnose on true masks, and of spoilt copies how many are named",
        "true masks": dict(healthy),
        "reported": dict(alarms),
        "spoilt": {kind: dict(counts) for kind, counts in noticed.items()},
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-image")},
    }
    path = Path(__file__).parent / "results" / "diagnosis-rates.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
