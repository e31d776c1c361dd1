# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "02"
#   title: Activation functions
#   extra: torch
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# Between any two layers of a network sits a small curve. Take it away and a hundred layers are worth one. Here you
# make layers collapse, look at seven such curves and their gradients, kill a whole layer of neurons and save it,
# see what a network can draw with each curve, and repair a training script that looks right and is not.
#
# Eight exercises wait for you. Five words from the last chapter turn up on the way: *training* shows the network
# examples and changes its weights a little after each *batch* of them, so that the *loss*, one number that says how far
# the answers are from the truth, gets smaller. The *learning rate* says how large the changes are, and an *epoch* is
# one pass through all examples.

# %% tags=["setup"]
import numpy as np
import torch
from scipy.ndimage import gaussian_filter, sobel
from scipy.signal import convolve2d
from scipy.special import expit
from torch import nn

from bioimage_course import check, data, explore, metrics, nets, show

torch.set_num_threads(1)  # networks this small are slower on several cores
blue, orange, red, green = (show.PALETTE[colour] for colour in ("blue", "orange", "vermilion", "green"))

# %% [markdown]
# ## Without activation, layers collapse
#
# The smallest network with a hidden layer that is worth drawing: three inputs, two hidden neurons, one output, six
# weights. Nobody has put an activation function into the hidden neurons.

# %% tags=["hide-input"]
#| label: fig-collapse
#| fig-cap: "Left: two layers without activation. Right: one neuron that answers just as the two layers do, whatever the input. Multiply out the brackets to find its three weights."
#| fig-alt: "Left: a network of three inputs, two hidden neurons and one output; inputs 1 and 2 go to the first hidden neuron by w1 and w2, inputs 2 and 3 to the second by w3 and w4, the hidden neurons to the output by w5 and w6. Right: the three inputs go directly to the output by v1, v2 and v3."
figure, (two, one) = show.figure(1, 2, height=2.9)
places = {"$x_1$": (0, 2), "$x_2$": (0, 0), "$x_3$": (0, -2), "$h_1$": (2.2, 1), "$h_2$": (2.2, -1), r"$\hat{y}$": (4.4, 0)}
edges = [("$x_1$", "$h_1$", "$w_1$"), ("$x_2$", "$h_1$", "$w_2$"), ("$x_2$", "$h_2$", "$w_3$"),
         ("$x_3$", "$h_2$", "$w_4$"), ("$h_1$", r"$\hat{y}$", "$w_5$"), ("$h_2$", r"$\hat{y}$", "$w_6$")]
direct = [(f"$x_{i}$", r"$\hat{y}$", f"$v_{i}$") for i in (1, 2, 3)]
for axes, lines, hidden in ((two, edges, True), (one, direct, False)):
    for start, end, name in lines:
        (x0, y0), (x1, y1) = places[start], places[end]
        axes.plot([x0, x1], [y0, y1], color=orange if end == r"$\hat{y}$" and hidden else blue, lw=2.5, zorder=1)
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 + 0.34, name, fontsize=13, ha="center")
    for name, (x, y) in places.items():
        if hidden or "h_" not in name:
            axes.plot(x, y, "o", ms=31, color="white", mec=green if "y" in name else blue, mew=2.2, zorder=2)
            axes.text(x, y, name, fontsize=13, ha="center", va="center", zorder=3)
    axes.set(xlim=(-0.8, 5.2), ylim=(-2.8, 2.8))
    axes.set_axis_off()
figure

# %% [markdown]
# ## Exercise 1: eliminate the brackets
#
# With biases $b_1$, $b_2$ of the hidden neurons and $b_3$ of the output, the network computes
#
# $$\hat{y} = w_5(w_1x_1 + w_2x_2 + b_1) + w_6(w_3x_2 + w_4x_3 + b_2) + b_3.$$
#
# Find weights and bias of the single neuron $\hat{y} = v_1x_1 + v_2x_2 + v_3x_3 + c$ that does the same.

# %% tags=["exercise"] exercise="collapse"
def collapse(w1, w2, w3, w4, w5, w6, b1, b2, b3):
    raise NotImplementedError
    v = [0, 0, 0]
    c = 0
    return v, c


# %% tags=["solution"] exercise="collapse"
def collapse(w1, w2, w3, w4, w5, w6, b1, b2, b3):
    v = [w5 * w1, w5 * w2 + w6 * w3, w6 * w4]
    c = w5 * b1 + w6 * b2 + b3
    return v, c


# %% tags=["check", "nbval-check-output"] exercise="collapse"
check.collapse(collapse)

# %% [markdown]
# The same with matrices, for layers of any size: $W_2(W_1\mathbf{x} + \mathbf{b}_1) + \mathbf{b}_2 =
# (W_2W_1)\,\mathbf{x} + (W_2\mathbf{b}_1 + \mathbf{b}_2)$. Fifty layers of eight neurons, 3,600 weights and biases,
# against the one layer that they collapse to:

# %%
rng = np.random.default_rng(2)
layers = [(rng.normal(0, 8**-0.5, (8, 8)), rng.normal(size=8)) for _ in range(50)]
x = rng.normal(size=(1000, 8))

deep = x
for W, b in layers:
    deep = deep @ W.T + b

V, c = np.eye(8), np.zeros(8)
for W, b in layers:
    V, c = W @ V, W @ c + b
single = x @ V.T + c

rectified = x  # and now with a ReLU after each layer
for W, b in layers:
    rectified = np.maximum(0, rectified @ W.T + b)
middle = (x[:500] + x[500:]) / 2  # a linear layer maps the middle of two inputs to the middle of two outputs

# %% tags=["nbval-check-output"]
print("largest difference below 1e-12:", np.abs(deep - single).max() < 1e-12)

# %% [markdown]
# You have seen this collapse in Fiji or napari: filter twice with linear filters, and one filter does the same. A
# Gaussian blur followed by a Sobel filter is one filter with a larger kernel:

# %%
image = data.load("nuclei").image[150:350, 200:400].astype(float)
across = np.arange(-4, 5)
gauss = np.exp(-(across**2) / 4)
gauss = np.outer(gauss, gauss) / gauss.sum() ** 2
edges_kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
twice = convolve2d(convolve2d(image, gauss), edges_kernel)
once = convolve2d(image, convolve2d(gauss, edges_kernel))

# %% tags=["nbval-check-output"]
print("one 11×11 kernel does the work of two:", np.abs(twice - once).max() < 1e-9 * np.abs(twice).max())

# %% [markdown]
# What changes when a ReLU sits in between? Look for *regions with many edges*: find vertical edges, then average.
# A Sobel filter answers with plus at one side of a nucleus and with minus at the other.

# %%
def relu(z):
    return np.maximum(0, z)


# %%
#| label: fig-between
#| fig-cap: "Where are edges? Two linear filters in a row cannot say it: in the average positive and negative answers cancel in part, and what is left is positive here and negative there. With two ReLUs in between, one for either sign, they add up. Red is positive, blue negative, white zero; all three on one scale."
#| fig-alt: "Four pictures. A crop with some twenty grey nuclei; its Sobel response, each nucleus blue at one side and red at the other; the average of that response, pale traces of blue and red; and the average after ReLU, red wherever there are nuclei."
response = sobel(gaussian_filter(image, 2), axis=1)  # a little blur first, against the noise
linear = gaussian_filter(response, 12)
nonlinear = gaussian_filter(relu(response) + relu(-response), 12)
figure, panels = show.figure(1, 4, height=2.35)
titles = ("nuclei", "Sobel", "Sobel, average", "Sobel, ReLU, average")
scale = nonlinear.max()
for axes, picture, title in zip(panels, (image, response, linear, nonlinear), titles):
    if title == "nuclei":
        axes.imshow(picture, cmap="gray")
    else:
        axes.imshow(picture, cmap="RdBu_r", vmin=-scale, vmax=scale)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
figure

# %% [markdown]
# ## Seven curves
#
# Each is given as PyTorch computes it, and its gradient as PyTorch finds it.

# %%
class Step(nn.Module):
    """1 where z ≥ 0, otherwise 0. A comparison has no gradient, so nothing is learnt through it."""

    def forward(self, z):
        return (z >= 0).to(z.dtype)


activations = {
    "identity": nn.Identity(), "step": Step(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
    "ReLU": nn.ReLU(), "leaky ReLU": nn.LeakyReLU(0.01), "GELU": nn.GELU(),
}


def value_and_gradient(f, z):
    """f(z) and f′(z) for a tensor z; the gradient of a constant is 0."""
    z = z.detach().clone().requires_grad_()
    value = f(z)
    if not value.requires_grad:
        return value, torch.zeros_like(z)
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


# %%
#| label: fig-gallery
#| fig-cap: "Seven activation functions (solid) and their gradients (dashed). Where the dashed line lies on zero, nothing is learnt: everywhere for the step, at both ends for sigmoid and tanh, on the left for ReLU and, far enough out, for GELU."
#| fig-alt: "Seven small plots over z from minus 5 to 5. Identity: diagonal, gradient 1. Step: gradient 0. Sigmoid: from 0 to 1, gradient a low bump of height a quarter. Tanh: from minus 1 to 1, gradient a bump of height 1. ReLU: 0, then diagonal, gradient jumps from 0 to 1. Leaky ReLU: nearly the same with a slight slope on the left. GELU: like ReLU but rounded, with a small dip below zero on the left."
z = torch.linspace(-5, 5, 1001, dtype=torch.float64)
figure, panels = show.figure(2, 4, height=4.2, sharex=True, sharey=True)
for axes, (name, f) in zip(panels.flat, activations.items()):
    value, gradient = value_and_gradient(f, z)
    axes.plot(z, value, color=blue, label="function $f(z)$")
    axes.plot(z, gradient, "--", color=red, label="gradient $f'(z)$")
    axes.set(title=name, ylim=(-1.4, 2.6), xticks=(-4, 0, 4))
panels[0, 3].tick_params(labelbottom=True)
panels[1, 3].set_axis_off()
panels[1, 3].legend(*panels[0, 0].get_legend_handles_labels(), loc="center")
for axes in panels[1, :3]:
    axes.set_xlabel("$z$")
figure

# %% [markdown]
# In the explorable choose an activation, move along its curve, then train a network with it: at first on the
# interleaved populations, with the same number of steps each time.

# %% tags=["widget"]
explore.activation()

# %% [markdown]
# ## Exercise 2: derivatives
#
# Training needs the gradient of the activation. Write it for four functions, for an array `z` of any shape. The check
# compares with finite differences, $(f(z + h) - f(z - h)) / 2h$, and also asks at $z = \pm 1000$.

# %% tags=["exercise"] exercise="derivatives"
def d_sigmoid(z):
    raise NotImplementedError


def d_tanh(z):
    raise NotImplementedError


def d_relu(z):
    raise NotImplementedError


def d_leaky_relu(z, slope=0.01):
    raise NotImplementedError


# %% tags=["solution"] exercise="derivatives"
def d_sigmoid(z):
    e = np.exp(-np.abs(z))  # never overflows; the derivative is the same at z and -z
    return e / (1 + e) ** 2


def d_tanh(z):
    return 1 - np.tanh(z) ** 2


def d_relu(z):
    return np.where(np.asarray(z) > 0, 1.0, 0.0)


def d_leaky_relu(z, slope=0.01):
    return np.where(np.asarray(z) > 0, 1.0, slope)


# %% tags=["check", "nbval-check-output"] exercise="derivatives"
check.derivatives(d_sigmoid, d_tanh, d_relu, d_leaky_relu)

# %% [markdown]
# ## Exercise 3: which ones saturate?
#
# A function *saturates* on a side if its slope goes to zero far out on that side: there it is as flat as can be, and
# nothing is learnt. Write `saturates(f)` for any function `f` of a number or an array. Return two answers, `True` or
# `False`: on the left (take z = −100) and on the right (z = 100). The check brings some functions that you have not seen.

# %% tags=["exercise"] exercise="saturates"
def saturates(f):
    raise NotImplementedError
    return left, right


# %% tags=["solution"] exercise="saturates"
def saturates(f):
    def slope(z, h=1e-3):
        return (f(z + h) - f(z - h)) / (2 * h)

    return bool(abs(slope(-100.0)) < 1e-4), bool(abs(slope(100.0)) < 1e-4)


# %% tags=["check", "nbval-check-output"] exercise="saturates"
check.saturates(saturates)

# %% [markdown]
# ## Exercise 4: through many layers
#
# On its way back through a network the gradient is multiplied by $f'(z)$ at each layer. If all weights are 1, by which
# factor can it pass `depth` sigmoids *at best*?

# %% tags=["exercise"] exercise="through_sigmoids"
def best_factor(depth):
    raise NotImplementedError


# %% tags=["solution"] exercise="through_sigmoids"
def best_factor(depth):
    return 0.25**depth  # the sigmoid's gradient is largest at z = 0: 0.5 · (1 - 0.5)


# %% tags=["check", "nbval-check-output"] exercise="through_sigmoids"
check.through_sigmoids(best_factor)

# %%
#| label: tbl-ten-layers
#| tbl-cap: "What ten activations in a row leave of a gradient (weights 1, biases 0, input 0.5). At best: the largest gradient to the tenth power."
rows = []
for name, f in activations.items():
    largest = value_and_gradient(f, z)[1].max().item()
    start = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    end = start
    for _ in range(10):
        end = f(end)
    left = torch.autograd.grad(end, start)[0].item() if end.requires_grad else 0.0
    rows.append([name, f"{largest:.3f}", f"{largest**10:.2g}", f"{left:.2g}"])
show.table(rows, ["activation", "largest gradient", "after ten, at best", "after ten, from 0.5"])

# %% [markdown]
# ## Dead neurons
#
# A ReLU whose sum is negative passes no gradient. If it is negative for *every* nucleus, the neuron cannot change any
# more: it is dead. How does that happen, and how often? We train a network on simulated nuclei (area, intensity,
# roundness; interphase or mitotic), once with raw features, and count the neurons without gradient after every epoch.

# %%
from torch.utils.data import DataLoader, TensorDataset

train, test = data.synthetic.nucleus_classes(400, seed=1), data.synthetic.nucleus_classes(400, seed=2)
mean, deviation = train.features.mean(axis=0), train.features.std(axis=0)


def as_tensors(table, standardise):
    features = (table.features - mean) / deviation if standardise else table.features
    return torch.tensor(features).float(), torch.tensor(table.classes[:, None]).float()


def without_gradient(network, features):
    """Number of hidden neurons whose activation has the gradient 0 for every example."""
    linear, activation = network.layers[0], network.layers[1]
    return int((value_and_gradient(activation, linear(features))[1] == 0).all(dim=0).sum())


def watch(activation, rate, standardise, seed, epochs=20):
    """Train [3, 16, 1] by gradient descent: neurons without gradient after each epoch, loss, errors on new nuclei."""
    features, classes = as_tensors(train, standardise)
    nets.seed_everything(seed)
    network = nets.MLP([3, 16, 1], activation=activation)
    loader = DataLoader(TensorDataset(features, classes), batch_size=20, shuffle=True)
    silent = [without_gradient(network, features)]
    for epoch in range(epochs):
        history = nets.fit(network, loader, loss=nn.BCEWithLogitsLoss(), optimiser="sgd", learning_rate=rate,
                           epochs=1, seed=epoch, progress=False)
        silent.append(without_gradient(network, features))
    new, truth = as_tensors(test, standardise)
    wrong = ((nets.predict(network, new, batch_size=400) >= 0) != truth.bool()).float().mean().item()
    return silent, history.train_loss[-1], wrong


settings = {
    "ReLU, raw features, rate 0.1": ("relu", 0.1, False),
    "the same with leaky ReLU": ("leaky_relu", 0.1, False),
    "the same with GELU": ("gelu", 0.1, False),
    "ReLU, raw features, rate 0.001": ("relu", 0.001, False),
    "ReLU, standardised, rate 0.1": ("relu", 0.1, True),
}
SEEDS = range(5)
runs = {name: [watch(*setting, seed) for seed in SEEDS] for name, setting in settings.items()}

# %%
#| label: fig-dead
#| fig-cap: "A layer dies within the first epoch. With raw features and a learning rate of 0.1 nearly all hidden neurons of the ReLU network have no gradient any more, and none comes back. With standardised features all stay alive. (One seed; the table has five.)"
#| fig-alt: "Number of hidden neurons without gradient over 20 epochs. The curve of ReLU on raw features jumps from 5 to 15 of 16 in the first epoch and ends at 16. Raw features with the lower rate stay at the 5 of the start. Standardised features stay at zero."
chosen = ["ReLU, raw features, rate 0.1", "ReLU, raw features, rate 0.001", "ReLU, standardised, rate 0.1"]
figure, axes = show.figure()
for name, style, colour in zip(chosen, ("o-", "s--", "D-."), (red, orange, blue)):
    axes.plot(range(21), runs[name][0][0], style, ms=4.5, color=colour, label=name)
axes.set(xlabel="epoch", ylabel="neurons without gradient", ylim=(-0.7, 18), xticks=range(0, 21, 5), yticks=range(0, 17, 4))
axes.legend(loc="center right")
figure

# %%
#| label: tbl-dead
#| tbl-cap: "Remedies for a dead layer, and one that is none, with five seeds. Neurons without gradient of 16 after 20 epochs; errors on 400 nuclei that were not used for training (half of them are mitotic)."
rows = []
for name, results in runs.items():
    rows.append([name, ", ".join(str(silent[-1]) for silent, _, _ in results),
                 ", ".join(f"{loss:.2g}" for _, loss, _ in results), ", ".join(f"{wrong:.0%}" for *_, wrong in results)])
show.table(rows, ["setting", "without gradient", "last training loss", "errors"])

# %% tags=["nbval-check-output"]
print("ReLU on raw features: at least 14 of 16 dead:", all(s[-1] >= 14 for s, *_ in runs["ReLU, raw features, rate 0.1"]))
print("standardised: none dead, at most 5 % errors:", all(s[-1] == 0 and e <= 0.05 for s, _, e in runs["ReLU, standardised, rate 0.1"]))
print("leaky ReLU keeps all neurons alive:", all(s[-1] == 0 for s, *_ in runs["the same with leaky ReLU"]))

# %% [markdown]
# ## Exercise 5: count the dead
#
# Write the diagnosis yourself, for a layer of ReLUs. `z` has one row per example and one column per neuron: the sums
# *before* the ReLU. Return how many neurons are dead, that is, zero for every example.

# %% tags=["exercise"] exercise="dead_neurons"
def count_dead(z):
    raise NotImplementedError


# %% tags=["solution"] exercise="dead_neurons"
def count_dead(z):
    return int((np.asarray(z) <= 0).all(axis=0).sum())


# %% tags=["check", "nbval-check-output"] exercise="dead_neurons"
check.dead_neurons(count_dead)

# %% [markdown]
# ## Exercise 6: what will it draw?
#
# A network with 16 hidden neurons has an activation, and one output neuron that says "population 1" where its sum
# reaches zero. What kind of boundary does it draw in the plane? Predict it for each of the seven activations,
# *before* you look at the pictures further down:
#
# - `"line"`: one straight line,
# - `"pieces"`: straight pieces that meet in corners,
# - `"curve"`: a curve without corners.

# %% tags=["exercise"] exercise="drawn_boundaries"
def predict():
    raise NotImplementedError
    return {"identity": "", "step": "", "sigmoid": "", "tanh": "", "ReLU": "", "leaky ReLU": "", "GELU": ""}


# %% tags=["solution"] exercise="drawn_boundaries"
def predict():
    # A sum of functions with corners has corners, a sum of smooth ones has none, and a sum of lines is a line.
    return {"identity": "line", "step": "pieces", "sigmoid": "curve", "tanh": "curve", "ReLU": "pieces",
            "leaky ReLU": "pieces", "GELU": "curve"}


# %% tags=["check", "nbval-check-output"] exercise="drawn_boundaries"
check.drawn_boundaries(predict)

# %% [markdown]
# ## What a network draws
#
# How do bent curves make any shape? By adding. Three ReLUs make a hat, two sigmoids make a smooth one; many hats make
# any curve.

# %%
#| label: fig-hats
#| fig-cap: "Three ReLUs, or two sigmoids, added with suitable weights make a hat (thick). With identities the sum of any number is a straight line."
#| fig-alt: "Left: three thin kinked lines and their sum, a triangle between 0 and 2. Right: a rising and a falling sigmoid and their sum, a smooth bump between 0 and 2."
figure, (kinked, smooth) = show.figure(1, 2, height=2.6, sharey=True)
t = np.linspace(-1, 3, 401)
parts = [relu(t), -2 * relu(t - 1), relu(t - 2)]
for axes, pieces, names in (
    (kinked, parts, ("ReLU(x)", "−2 ReLU(x − 1)", "ReLU(x − 2)")),
    (smooth, [expit(8 * (t - 0.3)), -expit(8 * (t - 1.7))], ("σ(8(x − 0.3))", "−σ(8(x − 1.7))")),
):
    for piece, name, style in zip(pieces, names, ("--", "-.", ":")):
        axes.plot(t, piece, style, lw=1.5, label=name)
    axes.plot(t, sum(pieces), color="k", lw=3.2, label="sum")
    axes.set(ylim=(-1.6, 1.6), xlabel="$x$")
    axes.legend(fontsize=8, loc="lower left")
figure

# %% [markdown]
# Now two layers in the plane: 16 hidden neurons with each activation, trained alike, from the same seeds. The two
# populations of nuclei are simulated: once as an XOR, once as two arms wound about each other. No pair of real features
# looks so twisted; it is an obstacle course.

# %%
def xor_nuclei(n, seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 2, (n, 2))
    return 2.2 * corner - 1.1 + rng.normal(0, 0.32, (n, 2)), corner[:, 0] ^ corner[:, 1]


def interleaved_nuclei(n, seed):
    rng = np.random.default_rng(seed)
    population = np.arange(n) % 2
    t = np.sqrt(rng.uniform(0.06, 1, n))
    angle = 3 * np.pi * t + np.pi * population
    return 2.1 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.08, (n, 2)), population


def two_layers(name, points, classes, seed, hidden=16):
    """A network 2 → hidden → 1 with the activation of that name, trained on all points at once."""
    nets.seed_everything(seed)
    network = nets.MLP([2, hidden, 1])
    network.layers[1] = activations[name]
    batch = torch.tensor(points).float(), torch.tensor(classes[:, None]).float()
    nets.fit(network, [batch], loss=nn.BCEWithLogitsLoss(), learning_rate=0.02, epochs=400, progress=False)
    return network


def decide(network, points):
    return (nets.predict(network, torch.tensor(points).float(), batch_size=100_000)[:, 0] >= 0).int().numpy()


trained, errors = {}, {}
for task, draw in (("XOR", xor_nuclei), ("interleaved", interleaved_nuclei)):
    (points, classes), (new, truth) = draw(300, seed=1), draw(300, seed=2)
    for name in activations:
        networks = [two_layers(name, points, classes, seed) for seed in SEEDS]
        trained[task, name] = networks[0]
        errors[task, name] = [int((decide(network, new) != truth).sum()) for network in networks]

# %%
#| label: tbl-boundaries
#| tbl-cap: "Errors of two-layer networks among 300 new nuclei, for five seeds: same start weights, same data, same 400 steps for each activation. Last column: how many more nuclei than with ReLU are right on the interleaved populations, paired by seed, with the 95 % interval."
rights = {name: 300 - np.array(errors["interleaved", name]) for name in activations}
than_relu = {name: metrics.paired_difference(rights[name], rights["ReLU"]) for name in activations if name != "ReLU"}
show.table([[name, *(", ".join(map(str, errors[task, name])) for task in ("XOR", "interleaved")),
             str(than_relu[name]) if name in than_relu else ""] for name in activations],
           ["activation", "errors on XOR", "errors on interleaved", "more right than with ReLU"])

# %% tags=["nbval-check-output"]
print("identity fails on XOR:", min(errors["XOR", "identity"]) > 75)
print("identity and step fail on interleaved:", min(errors["interleaved", "identity"] + errors["interleaved", "step"]) > 30)
smooth_ones = ("tanh", "ReLU", "leaky ReLU", "GELU")
print("the last four solve both:", max(max(errors[task, n]) for task in ("XOR", "interleaved") for n in smooth_ones) < 30)

# %%
#| label: fig-boundaries
#| fig-cap: "What two layers draw with each activation (seed 0). The identity has a straight line; on XOR it puts it outside the picture. The step draws from the lines that chance has given it. Sigmoid and tanh bend smoothly, ReLU in straight pieces."
#| fig-alt: "Two rows of five plots: XOR above, interleaved arms below; columns identity, step, sigmoid, tanh, ReLU. Identity: no line on XOR, one straight line through the arms. Step: polygons; wrong for much of the arms. Sigmoid and tanh: smooth boundaries that separate both. ReLU: boundaries of straight pieces that separate both."
figure, panels = show.figure(2, 5, height=3.6, sharex=True, sharey=True)
grid = np.stack(np.meshgrid(*[np.linspace(-2.5, 2.5, 200)] * 2), axis=-1)
for row, (task, draw) in zip(panels, (("XOR", xor_nuclei), ("interleaved", interleaved_nuclei))):
    new, truth = draw(300, seed=2)
    for axes, name in zip(row, ("identity", "step", "sigmoid", "tanh", "ReLU")):
        regions = decide(trained[task, name], grid.reshape(-1, 2)).reshape(200, 200)
        axes.contourf(grid[..., 0], grid[..., 1], regions, [-0.5, 0.5, 1.5], colors=[blue, orange], alpha=0.2)
        axes.contour(grid[..., 0], grid[..., 1], regions, [0.5], colors="k", linewidths=1.2)
        for value, marker, colour in ((0, "o", blue), (1, "s", orange)):
            axes.plot(*new[truth == value].T, marker, ms=2.1, color=colour)
        axes.set(title=f"{name}: {errors[task, name][0]} wrong", aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
        axes.title.set_fontsize(9)
figure

# %% [markdown]
# ## The last layer
#
# In the hidden layers the activation is a matter of trainability. In the last layer it says *what the numbers mean*:
# softmax for one class of several, sigmoid for yes or no. The scores before it are called logits.

# %%
#| label: tbl-softmax
#| tbl-cap: "Four scores, as a share of one (softmax: which class?) and each on its own (sigmoid: yes or no, four times)."
scores = torch.tensor([1.0, 2.3, 0.6, 4.2], dtype=torch.float64)
rows = [[f"{s:.1f}", f"{p:.4f}", f"{q:.4f}"] for s, p, q in zip(scores, scores.softmax(0), scores.sigmoid())]
rows.append(["sum", f"{scores.softmax(0).sum():.4f}", f"{scores.sigmoid().sum():.4f}"])
show.table(rows, ["score", "softmax", "sigmoid"])

# %% [markdown]
# ## Exercise 7: softmax
#
# $\mathrm{softmax}(\mathbf{z})_i = e^{z_i} / \sum_j e^{z_j}$. Write it for a table `z` (N, classes), one answer per row.
# It must survive scores such as 1000: use that adding the same number to all scores of a row changes nothing.

# %% tags=["exercise"] exercise="softmax"
def softmax(z):
    raise NotImplementedError


# %% tags=["solution"] exercise="softmax"
def softmax(z):
    z = np.asarray(z, dtype=float)
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # the largest exponent is now 0
    return e / e.sum(axis=-1, keepdims=True)


# %% tags=["check", "nbval-check-output"] exercise="softmax"
check.softmax(softmax)

# %% [markdown]
# ## Exercise 8: a script that looks right
#
# A colleague sorts nuclei into interphase, mitotic and apoptotic. The script below runs without an error, and the
# classes are mostly right. But the loss stops falling far above zero. What is wrong with the model?

# %%
three, three_new = (data.synthetic.nucleus_classes(300, seed=seed, classes=3) for seed in (1, 2))
centre, spread = three.features.mean(axis=0), three.features.std(axis=0)



def standard(table):
    return torch.tensor((table.features - centre) / spread).float()


batches = DataLoader(TensorDataset(standard(three), torch.tensor(three.classes)), batch_size=30, shuffle=True)


def colleagues_model():
    return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))


def train_classifier(model):
    return nets.fit(model, batches, loss=nn.CrossEntropyLoss(), learning_rate=0.01, epochs=60, progress=False)


nets.seed_everything(0)
suspicious = colleagues_model()
stuck = train_classifier(suspicious)

# %%
#| label: fig-stuck
#| fig-cap: "The colleague's training curve. It comes to rest at a value that you can calculate, whatever the data (dotted)."
#| fig-alt: "Training loss over 60 epochs. It falls from about 1.1 and levels off a little above a dotted horizontal line at 0.551."
floor = np.log(1 + 2 / np.e)
figure, axes = show.figure()
axes.plot(range(1, 61), stuck.train_loss, color=red)
axes.axhline(floor, ls=":", color="k")
axes.text(60, floor - 0.02, "log(1 + 2/e) = 0.551", ha="right", va="top")
axes.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
figure

# %% [markdown]
# Return the repaired model. (The loss, `nn.CrossEntropyLoss`, stays as it is. Look up what it expects.)

# %% tags=["exercise"] exercise="double_softmax"
def repaired_model():
    raise NotImplementedError
    return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))


# %% tags=["solution"] exercise="double_softmax"
def repaired_model():
    # nn.CrossEntropyLoss applies the softmax itself: it wants the scores.
    return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 3))


# %% tags=["check", "nbval-check-output"] exercise="double_softmax"
check.double_softmax(repaired_model)

# %% [markdown]
# The difference, side by side (`nets.MLP` has no activation after its last layer):

# %%
def twice_and_once(seed):
    """Loss at the end and share of errors on new nuclei, for the colleague's model and for one without the softmax."""
    results = []
    for make in (colleagues_model, lambda: nets.MLP([3, 16, 3])):
        nets.seed_everything(seed)
        model = make()
        history = train_classifier(model)
        answer = nets.predict(model, standard(three_new)).argmax(dim=1).numpy()
        results.append((history.train_loss[-1], (answer != three_new.classes).mean()))
    return results


double = np.array([twice_and_once(seed) for seed in SEEDS])  # seed, twice or once, loss and errors

# %%
#| label: tbl-double
#| tbl-cap: "The same network with the softmax twice, and once (inside the loss), for five seeds. The classes come out about as well, and so the mistake goes unnoticed. The loss gives it away."
rows = [[name, ", ".join(f"{loss:.3f}" for loss in double[:, i, 0]), ", ".join(f"{100 * wrong:.1f}" for wrong in double[:, i, 1])]
        for i, name in enumerate(("softmax twice", "softmax once"))]
show.table(rows, ["model", "last training loss", "errors on 300 new nuclei (%)"])

# %% tags=["nbval-check-output"]
print("with two softmaxes the loss stays above log(1 + 2/e):", min(stuck.train_loss) > floor)
print("with one it falls below a fifth of that:", (double[:, 1, 0] < floor / 5).all())

# %% [markdown]
# ## What the chapter claims
#
# Sentences of the page about the numbers above, each with the condition that makes it true.

# %% tags=["claims", "nbval-check-output"]
def of(name, part):
    """Of the runs with five seeds: neurons without gradient at the start and at the end, last loss, share of errors."""
    return np.array([{"start": silent[0], "end": silent[-1], "loss": loss, "wrong": wrong}[part] for silent, loss, wrong in runs[name]])


raw, leaky, gelu, slow, standardised = settings
left_over = np.abs(linear).mean() / nonlinear.mean()
alike = [abs(than_relu[name].difference) for name in ("tanh", "leaky ReLU", "GELU")]
solved = max(max(errors[task, name]) for task in ("XOR", "interleaved") for name in smooth_ones)
show.claims(
    ("fifty-layers", "fe3bb4", np.abs(deep - single).max() < 1e-12, "largest difference below 1e-12"),
    ("one-filter", "2837c3", np.abs(twice - once).max() < 1e-9 * np.abs(twice).max(), "difference below one billionth"),
    ("partly-cancel", "181000", left_over < 0.5 and 0.25 < (linear > 0).mean() < 0.75,
     f"average without ReLU: {left_over:.2f} of that with ReLU; positive in {(linear > 0).mean():.0%} of the pixels"),
    ("raw-dead", "9ee2ca", of(raw, "end").min() >= 14 and (np.abs(of(raw, "wrong") - 0.5) < 0.05).all(),
     f"at least 14 of 16 without gradient in {(of(raw, 'end') >= 14).sum()} of 5 trainings; half of the answers wrong in {(np.abs(of(raw, 'wrong') - 0.5) < 0.05).sum()}"),
    ("log-two", "d2f8a0", (np.abs(of(raw, "loss") - np.log(2)) < 0.02).all(), f"loss within 0.02 of log 2 in {(np.abs(of(raw, 'loss') - np.log(2)) < 0.02).sum()} of 5"),
    ("standardise", "e3e8db", of(standardised, "end").max() == 0 and of(standardised, "wrong").max() <= 0.05,
     f"none without gradient and at most 5 % errors in {((of(standardised, 'end') == 0) & (of(standardised, 'wrong') <= 0.05)).sum()} of 5"),
    ("lower-rate", "c3ac17", (np.abs(of(slow, "end") - of(slow, "start")) <= 1).all() and of(slow, "wrong").max() <= 0.06,
     f"as many without gradient at the end as at the start (give or take one) in {(np.abs(of(slow, 'end') - of(slow, 'start')) <= 1).sum()} of 5"),
    ("leaky-alive", "95fa01", of(leaky, "end").max() == 0 and (of(leaky, "loss") > of(standardised, "loss")).all(),
     f"none without gradient, and a higher loss than standardised, in {((of(leaky, 'end') == 0) & (of(leaky, 'loss') > of(standardised, 'loss'))).sum()} of 5"),
    ("gelu-dies-too", "2e4d97", of(gelu, "end").min() >= 12, f"at least 12 of 16 without gradient in {(of(gelu, 'end') >= 12).sum()} of 5"),
    ("identity-fails", "068f44", min(errors["XOR", "identity"] + errors["interleaved", "identity"]) > 75, "more than 75 of 300 wrong on both tasks, 5 of 5 seeds"),
    ("step-stuck", "5f26ef", min(errors["interleaved", "step"]) > 30, "more than 30 of 300 wrong, 5 of 5 seeds"),
    ("four-alike", "2aa6a4", max(alike) < 10 and solved < 30, "differ by fewer than 10 of 300 nuclei on average; fewer than 30 wrong in every training"),
    ("sigmoid-behind", "74fd4c", max(errors["XOR", "sigmoid"]) < 15 and (rights["sigmoid"] < rights["tanh"]).sum() >= 4,
     f"interleaved: more errors than tanh in at least 4 of 5 seeds: {(rights['sigmoid'] < rights['tanh']).sum() >= 4}"),
    ("nobody-looks", "9e8f9a", np.abs(double[:, 0, 1] - double[:, 1, 1]).max() < 0.02 and (double[:, 0, 0] > floor).all() and (double[:, 1, 0] < floor / 5).all(),
     f"errors differ by less than 2 points, loss above {floor:.3f} against below {floor / 5:.2f}, in 5 of 5 seeds"),
)
