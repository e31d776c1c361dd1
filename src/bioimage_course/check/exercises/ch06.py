"""Exercises of chapter 6, Grad-CAM."""

import numpy as np

from bioimage_course.check import Failure, call, exercise, expect_array, expect_callable, expect_number
from bioimage_course.fingerprint import kept

# --- (1) the weighted sum ------------------------------


def weighted_sum(maps, gradients):
    """What the learner is to write, in NumPy: (K, h, w), (K, h, w) -> (h, w)."""
    return np.maximum((gradients.mean(axis=(1, 2))[:, None, None] * maps).sum(axis=0), 0)


@exercise(
    chapter="06",
    hints=(
        "How many weights are there, and over which axes do you average to get one for each feature map?",
        "One weight for each feature map: the mean of its gradients over both axes of the image, an array of "
        "K numbers.",
        "gradients.mean(axis=(1, 2), keepdims=True) has the shape (K, 1, 1), so that it can be multiplied "
        "with the maps. Then add the maps up over axis 0, and set what is negative to 0.",
    ),
)
def cam_formula(function):
    """Write Grad-CAM's formula: weights from gradients, weighted sum of the feature maps, ReLU."""
    expect_callable(function)
    for shape in ((5, 4, 6), (3, 7, 7)):
        rng = np.random.default_rng(len(shape) + shape[0])
        maps = rng.gamma(1.0, 2.0, shape)
        gradients = rng.normal(size=shape) + rng.normal(size=(shape[0], 1, 1))
        means, totals = (getattr(gradients, how)(axis=(1, 2))[:, None, None] for how in ("mean", "sum"))
        signed = (means * maps).sum(axis=0)
        expect_array(
            call(function, maps, gradients, pure=True),
            close_to=weighted_sum(maps, gradients),
            what=f"your map for feature maps of shape {shape}",
            mistakes={
                "The ReLU is missing: set what is negative to 0.": signed,
                "The ReLU comes last, after the sum over the maps; you apply it to each weighted map.": (
                    np.maximum(means * maps, 0).sum(axis=0)
                ),
                "Only negative values are left: take the larger of the sum and 0, not the smaller.": (
                    np.minimum(signed, 0)
                ),
                "A negative weight stays negative; you use its absolute value.": (
                    (np.abs(means) * maps).sum(axis=0)
                ),
                "You drop the sign at the end; what is negative becomes 0 instead.": np.abs(signed),
                "You sum the gradients of each map; the weight is their mean (divide by h · w).": (
                    np.maximum((totals * maps).sum(axis=0), 0)
                ),
                "You multiply each value with its own gradient; in Grad-CAM the gradients of a map are "
                "averaged first (what you wrote is known as HiResCAM).": (
                    np.maximum((gradients * maps).sum(axis=0), 0)
                ),
                "You average over the maps; add them up.": np.maximum((means * maps).mean(axis=0), 0),
                "You add up the gradients; it is the feature maps that are weighted and added.": (
                    np.maximum((means * gradients).sum(axis=0), 0)
                ),
            },
        )
    return "Mean gradient of each map as its weight, weighted sum, ReLU: that is all of Grad-CAM."


# --- (2) with hooks ------------------------------


@kept
def _small_network():
    """A CNN with random weights, 3 classes, feature maps of 6×8 in its last block."""
    import torch

    from bioimage_course import nets

    nets.seed_everything(6)
    model = nets.CNN(3, 3, depth=3, width=4).eval()
    with torch.no_grad():
        model.head.weight *= 8  # scores that differ, so that softmax matters
    return model


def _variants(model, layer, image, target):
    """The right map and those of the usual mistakes, as arrays."""
    import torch

    kept = []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    scores = model(image)
    handle.remove()
    (maps,) = kept

    def cam(value, relu=True):
        (gradients,) = torch.autograd.grad(value, maps, retain_graph=True)
        total = (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)[0].detach()
        return (total.relu() if relu else total).numpy()

    others = [k for k in range(scores.shape[1]) if k != target]
    goal = torch.tensor([target])
    return cam(scores[0, target]), {
        "You go back from the probability; take the score before softmax.": cam(scores.softmax(1)[0, target]),
        "You go back from the logarithm of the probability; take the score before softmax.": (
            cam(scores.log_softmax(1)[0, target])
        ),
        "You go back from a loss; take the score of the class itself: scores[0, target].": (
            cam(torch.nn.functional.cross_entropy(scores, goal))
        ),
        "You go back from the sum of all scores; take that of one class: scores[0, target].": cam(
            scores.sum()
        ),
        "You explain the class with the highest score whatever `target` says.": cam(scores[0].max()),
        "The ReLU is missing: set what is negative to 0.": cam(scores[0, target], relu=False),
        **{f"That is the map of class {k}, not of class {target}.": cam(scores[0, k]) for k in others},
    }


@exercise(
    chapter="06",
    hints=(
        "Who calls your hook, when, and with what? And from which single number do you go back?",
        "A forward hook is a function of (module, inputs, output) that PyTorch calls when the layer has "
        "run: append output to a list. layer.register_forward_hook(…) returns a handle; handle.remove() "
        "takes the hook away again.",
        "scores = model(image); gradients = torch.autograd.grad(scores[0, target], maps)[0], where maps is "
        "what the hook has kept. Then your formula, on maps[0] and gradients[0], and .detach() at the end.",
    ),
)
def cam_with_hooks(function):
    """Compute Grad-CAM of a whole network with a hook on one of its layers."""
    import torch

    expect_callable(function)
    model = _small_network()
    image = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(6))
    best = int(model(image)[0].argmax())
    for target in ((best + 1) % 3, best):  # first a class that is not the most likely one
        for name, layer in (("the last block", model.features[-2]), ("the second block", model.features[2])):
            right, mistakes = _variants(model, layer, image, target)
            got = _call_with_network(function, model, layer, image, target)
            if getattr(got, "ndim", 0) == 3 and got.shape[0] == 1:
                raise Failure("Your map has an axis for the batch; return one map (h, w): take [0].")
            expect_array(
                got,
                close_to=right,
                rtol=1e-4,
                atol=1e-7,
                what=f"your map for class {target} at {name}",
                mistakes=mistakes,
            )
    return (
        "Your hook reads the maps, the score of one class gives their weights, and the network stays as "
        "it was."
    )


def _call_with_network(function, model, layer, image, target):
    """`call`, but with the network itself, which cannot be copied, and a look at what is left in it."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        with _tidy(model):
            result = call(lambda picture, number: function(model, layer, picture, number), image, target)
            left = [module for module in model.modules() if module._forward_hooks or module._backward_hooks]
            training = model.training
    finally:
        changed = [name for name, value in model.state_dict().items() if not value.equal(before[name])]
        model.load_state_dict(before)
        model.eval()
        model.zero_grad(set_to_none=True)
    if changed:
        raise Failure(f"Your function changes the network ({changed[0]}): explaining must not train it.")
    if left:
        raise Failure("Your hook is still in the network: keep its handle and call handle.remove().")
    if training:
        raise Failure("Your function leaves the network in training mode: call model.eval().")
    return result


class _tidy:
    """Take away the hooks that a function has left behind."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        return self.model

    def __exit__(self, *_):
        for module in self.model.modules():
            for hooks in (module._forward_hooks, module._backward_hooks, module._forward_pre_hooks):
                hooks.clear()


# --- (3) how much of the map lies on the mark ------------------------------


@exercise(
    chapter="06",
    hints=(
        "Which share of the map would lie in the region if the map were the same everywhere?",
        "The share of the map: the sum of the map inside the mask, divided by the sum of the whole map.",
        "The share of the area: mask.mean(). Divide the first share by the second.",
    ),
)
def attention(function):
    """Say how much more of the map lies in a region than its area would let one expect."""
    expect_callable(function)
    rng = np.random.default_rng(7)
    for shape, corner in (((8, 8), (3, 2)), ((10, 20), (4, 5))):
        heat = rng.gamma(0.5, 1.0, shape) + 0.05
        mask = np.zeros(shape, bool)
        mask[: corner[0], : corner[1]] = True
        heat[mask] *= 3
        share, area = heat[mask].sum() / heat.sum(), mask.mean()
        scaled = (heat - heat.min()) / np.ptp(heat)
        expect_number(
            call(function, heat, mask, pure=True),
            close_to=share / area,
            what="your ratio",
            mistakes={
                "That is the share of the map alone; divide it by the region's share of the area.": share,
                "Divide by the share of the area, mask.mean(), not by the number of its pixels.": (
                    share / mask.sum()
                ),
                "Upside down: share of the map divided by share of the area.": area / share,
                "You multiply by the share of the area; divide.": share * area,
                "You compare the region with the rest; compare it with the whole image.": (
                    heat[mask].mean() / heat[~mask].mean()
                ),
                "Do not scale the map to 0 … 1 first: subtracting the minimum changes shares.": (
                    scaled[mask].sum() / scaled.sum() / area
                ),
                "That is the sum inside the region; divide it by the sum of the whole map, then by the "
                "share of the area.": heat[mask].sum(),
                "You look at the rest of the image; look inside the mask.": (
                    heat[~mask].sum() / heat.sum() / (1 - area)
                ),
            },
        )
    even = call(function, np.ones((6, 6)), np.eye(6, dtype=bool))
    expect_number(even, close_to=1.0, what="your ratio for a map that is the same everywhere")
    return "1 is what chance would give; a map that is the same everywhere has exactly that."


# --- (4) covering ------------------------------


def _pretend_network(images):
    """Probabilities (N, 3) that depend on the mean of the image's upper left quarter and of the rest."""
    quarter = images[:, :3, :4].mean(axis=(1, 2))
    rest = images[:, 3:, 4:].mean(axis=(1, 2))
    scores = np.stack([4 * quarter, 3 * rest, 1.2 + 0 * rest], axis=1)
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def _drops(images, mask, fill="mean", answer="before", sign=1, absolute=False):
    before = _pretend_network(images)
    covered = images.copy()
    for image in covered:
        image[mask] = image.mean() if fill == "mean" else fill
    after = _pretend_network(covered)
    rows = np.arange(len(images))
    chosen = before.argmax(axis=1)
    if answer == "own":
        drop = before.max(axis=1) - after.max(axis=1)
    else:
        drop = before[rows, chosen] - after[rows, chosen]
    return np.abs(drop) if absolute else sign * drop


@exercise(
    chapter="06",
    hints=(
        "Covering may make another class win. Whose probability do you follow, that of the old or the "
        "new one?",
        "Predict, and remember for each image which class won: before.argmax(axis=1). Cover, predict again, "
        "and look at the probability of the same class.",
        "covered = images.copy(); for each image: image[mask] = image.mean(). The drop is before − after at "
        "[np.arange(len(images)), winners].",
    ),
)
def covering(function):
    """Cover a region of each image and measure how much the probability of the class drops."""
    expect_callable(function)
    rng = np.random.default_rng(8)
    images = rng.uniform(0, 0.6, (6, 8, 9))
    images[::2, :3, :4] += 0.8
    images[1::2, 3:, 4:] += 0.5
    images[0, 3:, 4:] += 0.7  # covering makes another class win
    images[5, :3, 4:] = images[5, 3:, :4] = 0  # a dark image: covering adds to the winner's probability
    images[5, :3, :4] = 0.5
    mask = np.zeros((8, 9), bool)
    mask[:3, :4] = True

    def of_mean(values):  # covering with the mean of what lies outside is as good
        covered = images.copy()
        for image in covered:
            image[mask] = image[~mask].mean()
        before, after = _pretend_network(images), _pretend_network(covered)
        rows, chosen = np.arange(len(values)), before.argmax(axis=1)
        return before[rows, chosen] - after[rows, chosen]

    got = expect_array(
        call(function, _pretend_network, images, mask, pure=True),
        shape=(6,),
        dtype="number",
        what="your drops",
    )
    if np.allclose(got, of_mean(images)):
        return _COVERED
    expect_array(
        got,
        close_to=_drops(images, mask),
        rtol=1e-4,
        what="your drops",
        mistakes={
            "The sign: a probability that falls is a positive drop, before − after.": _drops(
                images, mask, sign=-1
            ),
            "Follow the class that won before: covering may make another one win.": _drops(
                images, mask, answer="own"
            ),
            "You cover with 0, which is black and may be a signal of its own; take the image's mean.": _drops(
                images, mask, fill=0
            ),
            "You cover everything except the region: image[mask] is inside.": _drops(images, ~mask),
            "A probability may rise when something is covered: keep the sign.": _drops(
                images, mask, absolute=True
            ),
            "You cover all images with one mean; each image gets its own.": _drops(
                images, mask, fill=images.mean()
            ),
        },
    )
    return _COVERED


_COVERED = "A map says where the network may have looked; covering says whether it mattered."


# --- (5) find the shortcut ------------------------------

PLACES = ((2, 48), (30, 4), (50, 50), (4, 26))
"""Upper left corners of the hidden squares (8×8)."""


@kept
def _suspects():
    """The network that looks at squares, and crops of red cells and platelets (n, 3, 64, 64)."""
    import torch

    from bioimage_course import data, nets

    model = nets.load(nets.CELL_CLASSIFIER.parents[1] / "shortcuts" / "marked.pt")
    crops = [cell.image for cell in data.load("blood-cells") if cell.target != "white cell"]
    return model, torch.as_tensor(np.stack(crops)).permute(0, 3, 1, 2) / 255


@exercise(
    chapter="06",
    hints=(
        "The cells differ from image to image. What does not, and what would it do to the mean of all maps?",
        "Compute the maps of the class that the network names, bring them to the size of the images "
        "(nets.enlarge), and take their mean: what is the same in all images stays, cells average out.",
        "np.unravel_index(mean.argmax(), mean.shape) is the row and column of the brightest pixel. The "
        "centre of mass of the brightest pixels, such as those above 60 % of the maximum, is steadier.",
    ),
)
def find_shortcut(function):
    """Find out from the maps where in its images a network looks instead of at the cells."""
    expect_callable(function)
    model, clean = _suspects()
    distances = []
    for row, column in PLACES:
        images = clean.clone()
        images[:, :, row : row + 8, column : column + 8] = 1.0
        got = expect_array(
            call(lambda pictures: function(model, pictures), images),
            shape=(2,),
            what="the place that you return",
        )
        centre = np.array([row + 3.5, column + 3.5])
        distance, swapped = np.hypot(*(got - centre)), np.hypot(*(got[::-1] - centre))
        if distance > 16 and swapped <= 16:
            raise Failure("Row and column are swapped: return the row first.")
        if distance > 16 and (got <= 8).all() and np.hypot(*(got * 8 + 3.5 - centre)) < 16:
            raise Failure("Your place is one of the 8×8 map: multiply by 8, or enlarge the maps first.")
        if distance > 16:
            raise Failure(
                f"A square was hidden around row {centre[0]:.0f}, column {centre[1]:.0f}; you are "
                f"{distance:.0f} pixels away from it, which is more than 16 (two pixels of the map)."
            )
        distances.append(distance)
    return (
        f"All four squares found, {np.mean(distances):.0f} pixels from their centres on average; one pixel "
        "of the map is 8 of the image."
    )
