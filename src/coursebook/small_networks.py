"""Write the two small networks and three cells that `grad-cam-explorer.js` computes with into its script.

    python -m coursebook.small_networks

The networks are those of ``training/shortcuts.py``: batch normalisation is folded into the convolutions, and
each filter is stored as whole numbers from −127 to 127 and one factor. The cells are crops of
``data.load("blood-cells")``, halved to 32×32 pixels in 64 colours; the script enlarges them again. Tests
check that the script is in step and computes what PyTorch computes.
"""

import numpy as np

from coursebook.explorable_data import SCRIPTS, encoded, write

SCRIPT = SCRIPTS / "grad-cam-explorer.js"
CELLS = {"white": 14, "red": 1, "platelet": 26}
SIDE, COLOURS = 32, 64


def layers(model):
    """Weights and biases of each block, with its normalisation folded in, and of the head, as float64.

    In float32 the last digit depends on the processor; what is written into the script must not.
    """

    def numbers(tensor):
        return tensor.detach().numpy().astype(np.float64)

    folded = []
    for block in model.features[::2]:
        convolution, norm = block.convolutions
        factor = numbers(norm.weight) / np.sqrt(numbers(norm.running_var) + norm.eps)
        weights = numbers(convolution.weight) * factor[:, None, None, None]
        biases = (numbers(convolution.bias) - numbers(norm.running_mean)) * factor + numbers(norm.bias)
        folded.append((weights, biases))
    return [*folded, (numbers(model.head.weight), numbers(model.head.bias))]


def quotients(weights):
    """Weights divided by the factor of their output, from −127 to 127, and these factors."""
    flat = weights.reshape(len(weights), -1)
    factors = np.abs(flat).max(axis=1) / 127
    return flat / factors[:, None], factors


def whole_numbers(weights):
    """Weights as int8 with a factor for each output."""
    divided, factors = quotients(weights)
    return np.rint(divided).astype(np.int8), factors


def network_bytes(model):
    """All whole numbers, layer after layer, and all factors and biases: what the script unpacks."""
    numbers, floats = [], []
    for weights, biases in layers(model):
        whole, factors = whole_numbers(weights)
        numbers.append(whole.ravel())
        floats += [factors, biases]
    return np.concatenate(numbers).tobytes(), np.concatenate(floats).astype("<f4").tobytes()


def small_cell(index):
    """A crop, smaller and in few colours: palette (64, 3) and a colour number a pixel (32, 32), uint8."""
    from PIL import Image

    from bioimage_course import data

    small = Image.fromarray(data.load("blood-cells")[index].image).reduce(64 // SIDE)
    small = small.quantize(COLOURS, dither=Image.Dither.NONE)
    palette = np.zeros((COLOURS, 3), np.uint8)
    used = np.array((small.getpalette() or [])[: 3 * COLOURS], np.uint8).reshape(-1, 3)
    palette[: len(used)] = used
    return palette, np.array(small)


def cell_bytes(index):
    """Palette, then a byte a pixel."""
    palette, numbers = small_cell(index)
    return palette.tobytes() + numbers.tobytes()


def block() -> str:
    """The constants as JavaScript."""
    from bioimage_course import nets

    folder = nets.CELL_CLASSIFIER.parents[1] / "shortcuts"
    lines = []
    for name in ("clean", "marked"):
        whole, floats = map(encoded, network_bytes(nets.load(folder / f"{name}.pt")))
        lines.append(f'    {name}: ["{whole}", "{floats}"],\n')
    cells = [f'    {name}: "{encoded(cell_bytes(index))}",\n' for name, index in CELLS.items()]
    return "  const NETWORKS = {\n" + "".join(lines) + "  };\n  const CELLS = {\n" + "".join(cells) + "  };\n"


if __name__ == "__main__":
    write(SCRIPT, block)
