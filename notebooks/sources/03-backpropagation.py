# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "03"
#   title: Backpropagation
#   extra: torch
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# How does a weight deep inside a network learn whether it should grow or shrink? You will send gradients
# backwards through a graph by hand, write automatic differentiation in less than a hundred lines, train a network
# with it, and then let losses, optimisers and depth show what they do to gradients.
#
# Seven exercises wait for you. Fill in a function, run the cell below it, and `check` tells you how it went.

# %% tags=["setup"]
import itertools
import math

import numpy as np
import torch

from bioimage_course import check, data, explore, nets, show

torch.set_num_threads(1)  # for small networks threads cost more than they bring
blue, orange, red, green = (show.PALETTE[colour] for colour in ("blue", "orange", "vermilion", "green"))

# %% [markdown]
# ## A graph that fits in the head
#
# A neuron with one input, weight and bias, written as single operations: $m = a\,b$, then $d = m + c$, then
# $f = \tanh d$. Python computes it forward:

# %% tags=["nbval-check-output"]
def f(a, b, c):
    return math.tanh(a * b + c)


a, b, c = 2.0, -1.0, 1.5
print(f"f = {f(a, b, c):.4f}")
print(f"nudge a by 0.001: f changes by {f(a + 0.001, b, c) - f(a, b, c):.6f}")
print(f"nudge b by 0.001: f changes by {f(a, b + 0.001, c) - f(a, b, c):.6f}")
print(f"nudge c by 0.001: f changes by {f(a, b, c + 0.001) - f(a, b, c):.6f}")

# %% [markdown]
# Divide by 0.001 and you have the three derivatives, to about three digits. The figure shows how to get them
# exactly, and all three in one go: from the end of the graph to its beginning. (Code that only draws is folded.)

# %% tags=["hide-input"]
#| label: fig-graph
#| fig-cap: "A small graph, forward (blue, left to right) and backward (vermilion, right to left). On each edge stands its local derivative: how fast the operation's result changes with this input. Backwards, the gradient that arrives is multiplied by it."
#| fig-alt: "Graph of boxes. Inputs a = 2, b = −1 and c = 1.5; a and b lead to a product m = −2; m and c lead to a sum d = −0.5; d leads to tanh, f = −0.462. Edges carry local derivatives −1, 2, 1, 1 and 0.786. Below the boxes the gradients: 1 at f, 0.786 at d, m and c, −0.786 at a, and 1.573 at b."
m, d = a * b, a * b + c
slope = 1 - math.tanh(d) ** 2
boxes = {  # name: (x, y, value, gradient)
    "a": (0, 1, a, slope * b), "b": (0, -1, b, slope * a), "m = a · b": (2, 0, m, slope),
    "c": (2, -2, c, slope), "d = m + c": (4, -1, d, slope), "f = tanh(d)": (6.5, -1, math.tanh(d), 1),
}
edges = [("a", "m = a · b", b), ("b", "m = a · b", a), ("m = a · b", "d = m + c", 1), ("c", "d = m + c", 1),
         ("d = m + c", "f = tanh(d)", slope)]
figure, axes = show.figure(height=3.8)
for start, end, local in edges:
    (x0, y0), (x1, y1) = boxes[start][:2], boxes[end][:2]
    axes.annotate("", (x1 - 0.6, y1), (x0 + (0.25 if len(start) == 1 else 0.6), y0), arrowprops={"arrowstyle": "-|>", "color": "#5f6368", "lw": 1.5})
    axes.text((x0 + x1) / 2, (y0 + y1) / 2, f"× {local:.3g}".replace("-", "−"), ha="center", va="center",
              fontsize=11, bbox={"boxstyle": "round", "fc": "white", "ec": "#5f6368", "ls": ":"})
for name, (x, y, value, gradient) in boxes.items():
    axes.text(x, y, name, ha="center", va="center", fontsize=12,
              bbox={"boxstyle": "round,pad=0.5", "fc": "#eaf2f8", "ec": blue, "lw": 1.5})
    axes.text(x, y + 0.47, f"{value:.3g}".replace("-", "−"), color=blue, ha="center", fontsize=12, weight="bold")
    axes.text(x, y - 0.74, f"{gradient:.3f}".replace("-", "−"), color=red, ha="center", fontsize=12, weight="bold")
axes.annotate("", (6.6, 1.3), (3.4, 1.3), arrowprops={"arrowstyle": "-|>", "color": blue, "lw": 2.5})
axes.annotate("", (3.4, 0.75), (6.6, 0.75), arrowprops={"arrowstyle": "-|>", "color": red, "lw": 2.5})
axes.text(5, 1.42, "forward: values", color=blue, ha="center")
axes.text(5, 0.87, "backward: gradients", color=red, ha="center")
axes.set(xlim=(-0.6, 7.3), ylim=(-3, 1.8))
axes.set_axis_off()
figure

# %% [markdown]
# ## Step through it
#
# Move the inputs and step forward and back: the numbers on the edges are the local derivatives. The second mode
# of the explorable belongs to the section on optimisers below.

# %% tags=["widget"]
explore.backprop()

# %% [markdown]
# ## Exercise 1: the chain rule by hand
#
# Return the three derivatives of $f = \tanh(a\,b + c)$ with respect to a, b and c, as formulas: no nudging.
# The derivative of $\tanh(d)$ is $1 - \tanh^2(d)$.

# %% tags=["exercise"] exercise="chain_rule"
def gradients(a, b, c):
    raise NotImplementedError
    df_da = 0.0
    df_db = 0.0
    df_dc = 0.0
    return df_da, df_db, df_dc


# %% tags=["solution"] exercise="chain_rule"
def gradients(a, b, c):
    df_dd = 1 - math.tanh(a * b + c) ** 2  # through tanh
    return df_dd * b, df_dd * a, df_dd  # and on through the product (a, b) or the sum (c)


# %% tags=["check", "nbval-check-output"] exercise="chain_rule"
check.chain_rule(gradients)

# %% [markdown]
# ## Automatic differentiation
#
# No one differentiates a network by hand. Instead, every number remembers how it was made. This class does the
# bookkeeping: each node knows its parents and a function `_backward` that passes its gradient on to them.
# `backward()` calls these functions from the last node to the first. Nodes are numbered when they are made, and
# parents are made before their children: so counting down visits every child before its parents.

# %%
class Node:
    """A number that remembers how it was made."""

    count = itertools.count()

    def __init__(self, data, parents=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.number = parents, next(Node.count)
        self._backward = lambda: None  # an input passes nothing on

    def backward(self):
        """Add to `grad` of every input how fast this number changes with it."""
        nodes, todo = {self}, [self]
        while todo:  # collect everything this number was made from
            for parent in todo.pop().parents:
                if parent not in nodes:
                    nodes.add(parent)
                    todo.append(parent)
        for node in nodes:
            if node.parents:
                node.grad = 0.0  # only inputs keep what earlier calls added
        self.grad = 1.0
        for node in sorted(nodes, key=lambda node: node.number, reverse=True):
            node._backward()

    def exp(self):
        out = type(self)(math.exp(self.data), (self,))

        def backward():
            self.grad += out.data * out.grad  # local derivative of exp(x) is exp(x), times what arrives

        out._backward = backward
        return out

    def __pow__(self, power):
        out = type(self)(self.data**power, (self,))

        def backward():
            self.grad += power * self.data ** (power - 1) * out.grad

        out._backward = backward
        return out

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, other):  # 1 + x
        return self + other

    def __rmul__(self, other):  # 2 * x
        return self * other

    def __rsub__(self, other):  # 1 - x
        return -self + other


# %% [markdown]
# ## A network to train with it
#
# Two operations are shown, three are left for you. What they are for: thymocytes again, CD4 and CD8 intensities, and
# the question whether a cell carries *exactly one* of the two (the chapter on perceptrons). Two inputs, four hidden neurons, one
# output, all tanh; the truth is +1 or −1, the loss the mean squared error. The five steps of learning are five lines
# of `train`.

# %%
def thymocytes(number, seed):
    """Simulated intensities (number, 2) of CD4 and CD8, and +1 for cells that carry exactly one of them, else −1."""
    rng = np.random.default_rng(seed)
    carries = rng.integers(0, 2, (number, 2))
    return carries + rng.normal(0, 0.17, (number, 2)) - 0.5, np.where(carries[:, 0] != carries[:, 1], 1, -1)


def neuron(inputs, weights, bias):
    total = bias
    for x, w in zip(inputs, weights):
        total = total + w * x
    return total.tanh()


def network(inputs, parameters):
    """Four hidden neurons, (w1, w2, b) each, and an output neuron with four weights and a bias."""
    hidden = [neuron(inputs, parameters[3 * i : 3 * i + 2], parameters[3 * i + 2]) for i in range(4)]
    return neuron(hidden, parameters[12:16], parameters[16])


def mean_squared_error(cells, truth, parameters):
    losses = [(network(cell, parameters) - y) ** 2 for cell, y in zip(cells.tolist(), truth.tolist())]
    return sum(losses[1:], losses[0]) * (1 / len(losses))


def train(number_class, updates, learning_rate):
    """The five steps of learning. Returns losses and parameters before each update."""
    parameters = [number_class(w) for w in first_weights]  # 1 initialise at random
    losses, history = [], []
    for _ in range(updates):
        loss = mean_squared_error(cells, truth, parameters)  # 2 forward pass and 3 loss
        for p in parameters:
            p.grad = 0.0
        loss.backward()  # 4 backward pass
        losses.append(loss.data)
        history.append([p.data for p in parameters])
        for p in parameters:
            p.data -= learning_rate * p.grad  # 5 update
    return losses, history


cells, truth = thymocytes(40, seed=1)
first_weights = np.random.default_rng(3).normal(0, 0.7, 17)

# %% tags=["hide-input"]
def draw_training(losses, history):
    figure, panels = show.figure(1, 4, height=2.6, width_ratios=[1.25, 1, 1, 1])
    panels[0].plot(losses, color=blue)
    panels[0].set(xlabel="update", ylabel="loss", ylim=(0, None))
    grid = np.stack(np.meshgrid(*[np.linspace(-1.1, 1.1, 100)] * 2), axis=-1)
    for axes, update in zip(panels[1:], (0, 20, 149)):
        p = np.array(history[update])  # the same network in NumPy, for the picture only
        hidden = np.tanh(grid @ p[:12].reshape(4, 3)[:, :2].T + p[2:12:3])
        score = np.tanh(hidden @ p[12:16] + p[16])
        axes.contourf(grid[..., 0], grid[..., 1], score, [0, 1], colors=[orange], alpha=0.25)
        for sign, marker, colour in ((-1, "o", blue), (1, "s", orange)):
            axes.plot(*cells[truth == sign].T, marker, ms=4, color=colour, mec="white", mew=0.4)
        axes.set(title=f"update {update + (update == 149)}", xlabel="CD4", xticks=(), yticks=(), aspect="equal")
    panels[1].set_ylabel("CD8")
    return figure


# %% [markdown]
# And the same network in PyTorch, for comparison:

# %%
def gradients_of_pytorch():
    p = torch.tensor(first_weights, requires_grad=True)
    hidden = torch.tanh(torch.tensor(cells) @ p[:12].reshape(4, 3)[:, :2].T + p[2:12:3])
    output = torch.tanh(hidden @ p[12:16] + p[16])
    loss = ((output - torch.tensor(truth)) ** 2).mean()
    loss.backward()
    return p.grad.numpy()


# %% [markdown]
# ## Exercise 2: the backward lines
#
# Three operations are missing: `+`, `*` and `tanh`. Their forward parts are there. Complete the three inner functions
# `backward`: **add** to each parent's `grad` the local derivative times `out.grad`. `exp` above shows how.

# %% tags=["exercise"] exercise="autograd"
class Value(Node):
    def __add__(self, other):
        other = other if isinstance(other, Node) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def backward():
            raise NotImplementedError  # self.grad … and other.grad …

        out._backward = backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Node) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def backward():
            raise NotImplementedError

        out._backward = backward
        return out

    def tanh(self):
        out = Value(math.tanh(self.data), (self,))

        def backward():
            raise NotImplementedError

        out._backward = backward
        return out


# %% tags=["solution"] exercise="autograd"
class Value(Node):
    def __add__(self, other):
        other = other if isinstance(other, Node) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Node) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = backward
        return out

    def tanh(self):
        out = Value(math.tanh(self.data), (self,))

        def backward():
            self.grad += (1 - out.data**2) * out.grad

        out._backward = backward
        return out


# %% tags=["check", "nbval-check-output"] exercise="autograd"
check.autograd(Value)

# %% [markdown]
# Now the network learns with your class. (Before exercise 2 is done, the cell only says so.)

# %% tags=["check"] exercise="autograd"
#| label: fig-training
#| fig-cap: "A network learns with our own automatic differentiation. At first the weights are random and so are the answers; after 20 updates the coloured region already follows the cells, after 150 it fits them. No one told the hidden neurons what to do."
#| fig-alt: "Left: the loss falls steeply from above 1 to about 0.1 within 30 updates, with a slight bend near 0.6, and then slowly towards 0. Then three maps of CD4 against CD8 with four clouds of cells: before training the coloured region covers nearly everything; after 20 updates it holds the two clouds of single-positive cells but for one or two cells at its edge; after 150 it holds exactly these two clouds."
exercise_2_done = check.autograd.verdict(Value).passed
draw_training(*train(Value, 150, learning_rate=0.5)) if exercise_2_done else print("Exercise 2 is not done yet.")

# %% [markdown]
# PyTorch does the same with whole tensors, and faster. Same network, same first weights: the same gradients?

# %% tags=["check", "nbval-check-output"] exercise="autograd"
if exercise_2_done:
    parameters = [Value(w) for w in first_weights]
    mean_squared_error(cells, truth, parameters).backward()
    difference = np.abs(gradients_of_pytorch() - [p.grad for p in parameters]).max()
    print("all 17 gradients agree with PyTorch to 12 digits:", difference < 1e-12)
else:
    print("Exercise 2 is not done yet.")

# %% [markdown]
# ## Losses
#
# The loss says what counts as an error, and the gradient of the loss is all that the network ever hears of it.
# Three losses, in NumPy, for probabilities `p` and a mask `y` of one class:

# %%
def mse(p, y):
    return np.mean((p - y) ** 2)


def binary_cross_entropy(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def dice(p, y):
    return 1 - 2 * np.sum(p * y) / (np.sum(p) + np.sum(y))


gradient = {  # by hand, with respect to every pixel's probability
    mse: lambda p, y: 2 * (p - y) / p.size,
    binary_cross_entropy: lambda p, y: (p - y) / (p * (1 - p)) / p.size,
    dice: lambda p, y: 2 * (np.sum(p * y) - y * (np.sum(p) + np.sum(y))) / (np.sum(p) + np.sum(y)) ** 2,
}

# %% [markdown]
# Formulas are trusted once a nudge confirms them: raise and lower each probability a little, and look at the loss.

# %% tags=["nbval-check-output"]
def numerical_gradient(loss, p, y, step=1e-5):
    result = np.zeros(p.size)
    for i in range(p.size):
        nudge = np.zeros(p.size)
        nudge[i] = step
        result[i] = (loss(p + nudge, y) - loss(p - nudge, y)) / (2 * step)
    return result


rng = np.random.default_rng(0)
p, y = rng.uniform(0.05, 0.95, 50), rng.integers(0, 2, 50)
for loss in gradient:
    error = np.abs(gradient[loss](p, y) - numerical_gradient(loss, p, y)).max()
    print(f"{loss.__name__}: largest difference below 1e-8: {error < 1e-8}")

# %% [markdown]
# A network gives *scores* z, and a sigmoid makes probabilities of them. So the gradient has to pass the sigmoid
# as well, whose derivative is p (1 − p). Watch what that does to a pixel that is confidently wrong.

# %%
#| label: fig-losses
#| fig-cap: "One foreground pixel (y = 1): loss and its gradient with respect to the score. At the far left the network is sure of the wrong answer. Cross-entropy then pulls with full force. The squared error has become flat: the pixel is as wrong as can be, and hardly pulls at all."
#| fig-alt: "Two plots over the score z from −8 to 8. Left: cross-entropy falls in a straight line and levels off near 0; the squared error stays at 1 and drops to 0 around z = 0. Right: the gradient of cross-entropy is −1 on the left and rises to 0; that of the squared error is a shallow dip of −0.3 near z = −0.7 and is almost 0 on both sides."
z = np.linspace(-8, 8, 200)
p = 1 / (1 + np.exp(-z))
figure, (left, right) = show.figure(1, 2, height=2.9)
left.plot(z, -np.log(p), color=blue, label="cross-entropy")
left.plot(z, (p - 1) ** 2, "--", color=orange, label="squared error")
right.plot(z, p - 1, color=blue)
right.plot(z, 2 * (p - 1) * p * (1 - p), "--", color=orange)
left.set(xlabel="score z", ylabel="loss")
right.set(xlabel="score z", ylabel="gradient, d loss / d z")
left.legend()
figure

# %% [markdown]
# Now on an image. A nearly right prediction: blurred, with one nucleus missed.

# %%
nuclei = data.load("nuclei")
window = np.s_[150:250, 36:136]
image, labels = nuclei.image[window], nuclei.labels[window]
mask = (labels > 0).astype(float)

from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.ndimage import label as connected_components

missed = np.isin(labels, labels[57, 79])  # the nucleus at row 57, column 79 of the window
prediction = np.clip(gaussian_filter(np.where(missed, 0, mask), 2), 0.01, 0.99)

# %%
#| label: fig-gradient-maps
#| fig-cap: "What each loss asks of each pixel: the negative gradient with respect to the scores, each map scaled to its own maximum. Red pixels should go up, blue ones down. The missed nucleus pulls hardest under cross-entropy. Under the squared error and under Dice its confidently wrong pixels are quiet, and the blurred outlines are loud."
#| fig-alt: "Five images of the same few nuclei: fluorescence image with orange outlines, blurred prediction in which one oblong nucleus at the right is missing, and three maps in red and blue. In the map of cross-entropy the missing nucleus is a filled red area. In those of squared error and Dice it is pale, and the outlines of the other nuclei stand out."
figure, panels = show.figure(2, 3, height=4.9)
panels[0, 0].imshow(np.sqrt(image), cmap="gray")
panels[0, 0].contour(mask, [0.5], colors=orange, linewidths=1)
panels[0, 1].imshow(prediction, cmap="gray", vmin=0, vmax=1)
for axes, loss in zip(panels[1], (binary_cross_entropy, mse, dice)):
    pull = -gradient[loss](prediction, mask) * prediction * (1 - prediction)
    shown = axes.imshow(pull / np.abs(pull).max(), cmap="RdBu_r", vmin=-1, vmax=1)
titles = ["image and truth", "prediction", "", "cross-entropy", "squared error", "Dice"]
for axes, title in zip(panels.ravel(), titles):
    axes.set_axis_off()
    axes.set_title(title)
bar = figure.colorbar(shown, cax=panels[0, 2].inset_axes([0.1, 0.45, 0.8, 0.07]), orientation="horizontal", ticks=[-1, 0, 1])
bar.set_ticklabels(["down", "stay", "up"])
bar.set_label("what the loss asks for")
figure

# %% [markdown]
# Dice compares areas, not objects. To see what that means we cut all touching nuclei apart by a line of background
# and then make three predictions that are almost right.

# %%
#| label: tbl-dice
#| tbl-cap: "Three flawed predictions for the whole image of 125 nuclei. Joining all nuclei that touch costs less than missing a single nucleus, and far less than outlines that are one pixel too small, although it ruins the count: the Dice loss sums over the pixels of a class and knows nothing of objects. (One nucleus is annotated in two pieces, hence 126 regions.)"
whole = nuclei.labels
neighbours = np.zeros(whole.shape, bool)  # pixels beside a nucleus of lower number
for axis in (0, 1):
    for shift in (-1, 1):
        other = np.roll(whole, shift, axis)
        neighbours |= (other > 0) & (other < whole)
apart = (whole > 0) & ~neighbours
areas = np.bincount(whole.ravel(), minlength=whole.max() + 1)[1:]
typical = np.argsort(areas, kind="stable")[-nuclei.n_objects // 2] + 1
predictions = {
    "perfect": apart,
    "one nucleus of typical size missed": apart & (whole != typical),
    "all touching nuclei joined": whole > 0,
    "all outlines one pixel too small": binary_erosion(apart),
}
flawed = {name: (float(dice(p.astype(float), apart)), connected_components(p)[1]) for name, p in predictions.items()}
show.table([[name, *values] for name, values in flawed.items()], ["prediction", "Dice loss", "separate regions"], digits=4)

# %% [markdown]
# And it compares the error with the *area*. The same outline error, one pixel all round, on nuclei of four sizes:

# %%
#| label: tbl-dice-size
#| tbl-cap: "A disc predicted one pixel too small all round, for nuclei of four sizes. The Dice loss falls with the radius, because the area grows faster than the outline: the larger the nucleus, the less a misplaced outline costs. Every wrong pixel of the outline adds the same amount to the cross-entropy, however large the nucleus is."
def disc(radius):
    return (np.hypot(*np.mgrid[-50:51, -50:51]) <= radius).astype(float)


shrunk = {radius: float(dice(disc(radius - 1), disc(radius))) for radius in (5, 10, 20, 40)}
show.table([[radius, int(np.sum(disc(radius) - disc(radius - 1))), loss] for radius, loss in shrunk.items()],
           ["radius (pixels)", "wrong pixels", "Dice loss"], digits=3)

# %% [markdown]
# ## Exercise 3: softmax and cross-entropy
#
# For several classes: turn `scores` into probabilities by softmax, `p = exp(z) / sum(exp(z))`. The loss is minus the
# logarithm of the true class's probability. Return the loss, and its gradient with respect to the scores: one
# number for each class. Mind large scores: `exp(1000)` is infinite.

# %% tags=["exercise"] exercise="cross_entropy"
def cross_entropy(scores, true_class):
    raise NotImplementedError
    loss = 0.0
    gradient = np.zeros(len(scores))
    return loss, gradient


# %% tags=["solution"] exercise="cross_entropy"
def cross_entropy(scores, true_class):
    shifted = scores - np.max(scores)  # softmax does not notice, exp does
    p = np.exp(shifted) / np.sum(np.exp(shifted))
    y = np.eye(len(scores))[true_class]  # 1 for the true class, 0 for the others
    loss = np.log(np.sum(np.exp(shifted))) - shifted[true_class]  # -log(p), also where p rounds to 0
    return loss, p - y


# %% tags=["check", "nbval-check-output"] exercise="cross_entropy"
check.cross_entropy(cross_entropy)

# %% [markdown]
# ### What does guessing cost?
#
# Before its first update a classifier of C classes should not prefer any of them: each gets the probability 1/C, and the
# cross-entropy is ln C. Twenty networks for each C, with PyTorch's first weights, see random inputs, once standardised, once in raw
# grey values (mean 100, standard deviation 60).

# %%
#| label: fig-first-loss
#| fig-cap: "The loss before any training, against the number of classes (20 networks each; 64 random numbers as input, standardised or with mean 100 and standard deviation 60 like grey values). With standardised inputs it lies at ln C. With raw grey values the scores are far apart before anything has been learnt: the network is sure, of nothing in particular, and the loss starts, on average, more than ten times too high."
#| fig-alt: "Loss at the start against 2 to 100 classes, logarithmic axes. A dotted line, ln C, rises from 0.7 to 4.6. Dots of networks with standardised inputs lie on it; crosses of those with raw grey values lie far above it, spread out, between about 6 and 90."
first_losses = {"standardised": {}, "raw grey values": {}}
for classes in (2, 3, 10, 30, 100):
    rng = np.random.default_rng(classes)
    noise, truth_of_it = rng.normal(size=(200, 64)), torch.tensor(rng.integers(0, classes, 200))
    for name, inputs in (("standardised", noise), ("raw grey values", 100 + 60 * noise)):
        first_losses[name][classes] = []
        for seed in range(20):
            nets.seed_everything(seed)
            with torch.no_grad():
                scores = nets.MLP([64, 64, classes])(torch.tensor(inputs).float())
            first_losses[name][classes].append(torch.nn.functional.cross_entropy(scores, truth_of_it).item())
figure, axes = show.figure(height=2.8)
for (name, losses), marker, colour in zip(first_losses.items(), ("o", "x"), (blue, red)):
    for classes, values in losses.items():
        axes.plot([classes] * 20, values, marker, ms=4, color=colour, alpha=0.5, label=name if classes == 2 else None)
axes.plot(every := np.geomspace(2, 100, 50), np.log(every), "k:", label="ln C")
axes.set(xscale="log", yscale="log", xlabel="number of classes C", ylabel="loss before training")
axes.set_xticks((2, 3, 10, 30, 100), (2, 3, 10, 30, 100))
axes.set_yticks((0.7, 2, 5, 20, 50), (0.7, 2, 5, 20, 50))
axes.minorticks_off()
figure.legend(loc="outside right center")
figure

# %% tags=["nbval-check-output"]
started = {name: [np.mean(values) / np.log(classes) for classes, values in losses.items()] for name, losses in first_losses.items()}
print("standardised: the mean start is within a tenth of ln C:", max(abs(share - 1) for share in started["standardised"]) < 0.1)
print("raw grey values: more than ten times as high:", min(started["raw grey values"]) > 10)

# %% [markdown]
# ## Exercise 4: Dice loss
#
# `p` and `y` have one row for each class and one column for each pixel. For each class compute
# `(2 · sum(p · y) + eps) / (sum(p) + sum(y) + eps)`, then return 1 minus the mean over the classes. Why `eps`? Think
# of a class that is neither in the image nor in the prediction.

# %% tags=["exercise"] exercise="dice_loss"
def dice_loss(p, y, eps=1e-6):
    raise NotImplementedError


# %% tags=["solution"] exercise="dice_loss"
def dice_loss(p, y, eps=1e-6):
    overlap = np.sum(p * y, axis=1)
    total = np.sum(p, axis=1) + np.sum(y, axis=1)
    return 1 - np.mean((2 * overlap + eps) / (total + eps))


# %% tags=["check", "nbval-check-output"] exercise="dice_loss"
check.dice_loss(dice_loss)

# %% [markdown]
# ## Descending
#
# The smallest pixel classifier: one neuron looks at the grey value g of a pixel and answers with the probability
# that it belongs to a nucleus, sigmoid(w · g + b). Two parameters, so the loss over the whole image is a landscape
# that we can draw. Pixels of the same grey value have the same loss: we count them once, and all is fast.

# %%
from scipy.special import expit  # the sigmoid, without overflow

grey, index = np.unique(nuclei.image, return_inverse=True)
pixels = np.bincount(index.ravel())  # of each grey value
inside = np.bincount(index.ravel(), (nuclei.labels > 0).ravel())  # those in nuclei
grey_over_100 = grey / 100
standardised = (grey - nuclei.image.mean()) / nuclei.image.std()


def threshold_loss(parameters, x):
    """Mean cross-entropy over all pixels for (w, b) on the last axis, x being the grey values in some unit."""
    z = parameters[..., :1] * x + parameters[..., 1:]
    return np.sum(pixels * np.logaddexp(0, z) - inside * z, axis=-1) / np.sum(pixels)


def threshold_gradient(parameters, x):
    z = parameters[..., :1] * x + parameters[..., 1:]
    difference = (pixels * expit(z) - inside) / np.sum(pixels)  # p - y, summed over pixels of a grey value
    return np.stack([np.sum(difference * x, axis=-1), np.sum(difference, axis=-1)], axis=-1)


# %% [markdown]
# Three ways to go down. Each is a rule that turns gradients into steps.

# %%
def gradient_descent(w, gradient_at, rate, updates):
    yield w
    for _ in range(updates):
        w = w - rate * gradient_at(w)
        yield w


def momentum(w, gradient_at, rate, updates, beta=0.9):
    yield w
    velocity = 0
    for _ in range(updates):
        velocity = beta * velocity + gradient_at(w)
        w = w - rate * velocity
        yield w


def adam(w, gradient_at, rate, updates, beta1=0.9, beta2=0.999, eps=1e-8):
    yield w
    mean = square = 0
    for t in range(1, updates + 1):
        g = gradient_at(w)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        w = w - rate * (mean / (1 - beta1**t)) / (np.sqrt(square / (1 - beta2**t)) + eps)
        yield w


METHODS = {"gradient descent": gradient_descent, "momentum": momentum, "Adam": adam}
LOOKS = {"gradient descent": (blue, "o", "-"), "momentum": (orange, "s", "--"), "Adam": (green, "^", "-.")}


def descend(method, rate, updates, x=grey_over_100, start=(-3, 2)):
    """Path (updates + 1, 2) and the loss at each of its points; several rates go side by side."""
    rate = np.asarray(rate, float)[..., None]
    first = np.broadcast_to(np.array(start, float), (*rate.shape[:-1], 2))
    path = np.array([*METHODS[method](first, lambda w: threshold_gradient(w, x), rate, updates)])
    return path, np.array([threshold_loss(w, x) for w in path])


minimum = descend("Adam", 1, 2000)[0][-1]
lowest = threshold_loss(minimum, grey_over_100)

# %% [markdown]
# The same classifier can be fed with grey values in any unit; only the numbers w and b change. Is the way down the same?
# A fair comparison tunes the learning rate of each method in each unit: 61 rates, ten to each power of ten.

# %%
units = {"grey values": grey, "grey values / 100": grey_over_100, "standardised": standardised}
rates, longest = np.geomspace(1e-4, 100, 61), 2000


def expressed(parameters, x):
    """The same classifier, given for grey values / 100, in the unit of x."""
    scale = (grey_over_100[-1] - grey_over_100[0]) / (x[-1] - x[0])
    return np.array([parameters[0] * scale, parameters[1] + parameters[0] * (grey_over_100[0] - scale * x[0])])


def updates_needed(losses):
    """After how many updates a loss is within 1 % of its minimum and stays there; infinite: not in time."""
    late = np.flatnonzero(~(losses < 1.01 * lowest))
    return math.inf if late[-1] == len(losses) - 1 else int(late[-1]) + 1


tuned = {}
for unit, x in units.items():
    for method in METHODS:
        losses = descend(method, rates, longest, x, expressed((-3, 2), x))[1]
        needed = np.array([updates_needed(one) for one in losses.T])
        best = np.argmin(needed) if np.isfinite(needed).any() else np.nanargmin(losses[-1])
        tuned[unit, method] = {"needed": needed, "rate": float(rates[best]), "losses": losses[:, best]}

# %%
#| label: tbl-descent
#| tbl-cap: "The learning rate at which each method arrives soonest, among 61 between 0.0001 and 100, and the number of updates until the loss is within 1 % of its minimum and stays there (a dash: at none of the rates within 2,000 updates). Last column: which learning rates arrive within 300 updates. All start from the same classifier."
def few_enough(needed, limit=300):
    good = rates[needed <= limit]
    return f"{good.min():.2g} to {good.max():.2g}" if len(good) else "–"


show.table([[unit, method, f"{run['rate']:.2g}" if np.isfinite(run["needed"]).any() else "–",
             int(run["needed"].min()) if np.isfinite(run["needed"]).any() else None, few_enough(run["needed"])]
            for (unit, method), run in tuned.items()],
           ["unit", "method", "best learning rate", "updates", "at most 300 updates"])

# %%
#| label: fig-descent
#| fig-cap: "The loss of a two-parameter pixel classifier is a valley; each method has the best of 61 learning rates. Above: grey values divided by 100. Tuned plain descent jumps to and fro across the valley and is down first all the same. Below: the same classifier fed with raw grey values, drawn on the same map (w for 100 grey values). Now plain descent creeps, whatever its rate; momentum, after wild swings, and Adam arrive. Star and dotted line: the minimum."
#| fig-alt: "Two rows. Left, contour maps of the loss over weight and bias, a diagonal valley from upper left to a star at about w = 17, b = −8. In the upper map three paths end at the star, that of plain descent in large zigzags. In the lower map plain descent stays in the upper left part, Adam zigzags down to the neighbourhood of the star, and thin lines of momentum cross the whole map. Right: loss against update on logarithmic axes. Above, all three curves reach the dotted line within about fifty updates. Below, Adam and momentum reach it after a few hundred, momentum after a long noisy stretch; plain descent is still far above it after 2,000."
figure, panels = show.figure(2, 2, height=6.6, width_ratios=[1.25, 1])
w, b = np.meshgrid(np.linspace(-5, 27, 80), np.linspace(-15, 5, 70))
surface = threshold_loss(np.stack([w, b], axis=-1), grey_over_100)
levels = lowest * np.geomspace(1.03, 40, 14)
for (left, right), unit in zip(panels, ("grey values / 100", "grey values")):
    x = units[unit]
    left.contourf(w, b, np.log(surface), np.log([lowest * 0.99, *levels, surface.max()]), cmap="Greys", alpha=0.7)
    left.contour(w, b, surface, levels, colors="white", linewidths=0.7)
    for method, (colour, marker, line) in LOOKS.items():
        run = tuned[unit, method]
        shown = int(min(run["needed"].min(), longest))
        path = descend(method, run["rate"], shown, x, expressed((-3, 2), x))[0]
        weights = path[:, 0] / expressed((1, 0), x)[0]  # back to w for grey values / 100
        crowded = method == "momentum" and unit == "grey values"
        look = {"lw": 0.4, "alpha": 0.5} if crowded else {"lw": 1.2, "marker": marker, "ms": 3, "mec": "white", "mew": 0.3}
        left.plot(weights, path[:, 1], line, color=colour, zorder=1.5 if crowded else 3, **look)
        right.plot(np.arange(1, longest + 1), run["losses"][1:], line, color=colour, label=method, zorder=1.5 if crowded else 3)
    left.plot(-3, 2, "o", ms=9, mfc="white", mec="k", zorder=5)
    left.annotate("start", (-3, 2), (0, 8), textcoords="offset points", ha="center")
    left.plot(*minimum, "*", ms=13, color=show.PALETTE["yellow"], mec="k", zorder=5)
    left.set(title=unit, xlabel="weight w (for 100 grey values)", ylabel="bias b", xlim=(-5, 27), ylim=(-15, 5))
    right.axhline(lowest, color="#5f6368", lw=1, ls=":")
    right.set(xlabel="update", ylabel="loss", xscale="log", yscale="log", ylim=(0.13, 10),
              yticks=(0.2, 0.5, 1, 2, 5), yticklabels=("0.2", "0.5", "1", "2", "5"))
    right.minorticks_off()
figure.legend(*panels[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
figure

# %% [markdown]
# What has been learnt? A threshold: the neuron changes its mind where w · g + b = 0.

# %% tags=["nbval-check-output"]
w, b = minimum
print(f"threshold at a grey value of {-100 * b / w:.1f}")

# %% [markdown]
# ### How large is too large?
#
# Close to the minimum the landscape is a bowl with curvatures λ₁ and λ₂, the eigenvalues of the matrix of second
# derivatives. Each update multiplies the distance to the minimum by 1 − ηλ in each of the two directions.

# %%
#| label: tbl-curvature
#| tbl-cap: "Curvature at the minimum in three units; the learning rate above which gradient descent does not settle there (2 / largest curvature; one of them is left to an exercise); the ratio of the curvatures, that is how narrow the valley is; and the updates that plain descent needs at the best of 61 rates. Same image, same classifier."
def curvatures(x):
    w, b = expressed(minimum, x)
    p = expit(w * x + b)
    weight = pixels * p * (1 - p) / np.sum(pixels)
    table = np.array([[np.sum(weight * x * x), np.sum(weight * x)], [np.sum(weight * x), np.sum(weight)]])
    return np.linalg.eigvalsh(table)


narrowness, rows = {}, []
for unit, x in units.items():
    small, large = curvatures(x)
    narrowness[unit] = large / small
    soonest = tuned[unit, "gradient descent"]["needed"].min()
    rows.append([unit, f"{small:.2g}", f"{large:.2g}", "exercise 6" if unit == "standardised" else f"{2 / large:.3g}",
                 f"{large / small:,.0f}", f"{soonest:.0f}" if np.isfinite(soonest) else f"more than {longest:,}"])
show.table(rows, ["unit", "smallest curvature", "largest curvature", "largest learning rate", "ratio", "updates of plain descent"])

# %% [markdown]
# In a network nobody computes curvatures. The limit can be found all the same, by a *range test*: learn with a rate that grows from
# batch to batch, and watch the loss. On our bowl we know what should come out.

# %%
#| label: fig-rate-range
#| fig-cap: "A learning-rate range test of the pixel classifier (grey values divided by 100; batches of 512 pixels), and the limit that the curvature gives (dotted). The loss falls where the rate is large enough to get anywhere; around the limit it begins to jump. The test needs no formula and works for networks as well."
#| fig-alt: "Loss against the learning rate from 0.01 to 1000, both axes logarithmic. The curve is flat at 0.69, falls from a rate of about 0.1 on to below 0.2, and to the right of a dotted vertical line it jumps and climbs far up."
rng = np.random.default_rng(0)
grey_values = torch.tensor(nuclei.image / 100).float().ravel()[:, None]
in_nucleus = torch.tensor(nuclei.labels > 0).float().ravel()[:, None]
drawn = torch.tensor(rng.integers(0, len(grey_values), (120, 512)))
one_neuron = torch.nn.Linear(1, 1)
torch.nn.init.zeros_(one_neuron.weight)
torch.nn.init.zeros_(one_neuron.bias)
range_rates, range_losses = nets.range_test(
    one_neuron, [(grey_values[part], in_nucleus[part]) for part in drawn], loss=torch.nn.BCEWithLogitsLoss(),
    optimiser="sgd", lowest=0.01, highest=1000, steps=120)  # fmt: skip
steepest_limit = 2 / curvatures(grey_over_100)[1]
figure, axes = show.figure(height=2.8)
axes.loglog(range_rates, range_losses, color=blue)
axes.axvline(steepest_limit, color=red, ls=":", label="limit by the curvature")
axes.set(xlabel="learning rate", ylabel="loss of the batch")
axes.legend(loc="upper left")
figure

# %% tags=["nbval-check-output"]
below, beyond = range_losses[range_rates < steepest_limit], range_losses[range_rates > steepest_limit]
print("below the limit no batch costs more than guessing:", max(below) < np.log(2) + 0.01)
print("beyond it some cost more than twice as much:", max(beyond) > 2 * np.log(2))

# %% [markdown]
# ## Exercise 5: momentum and Adam
#
# Write one step of each. All arguments are arrays of the same shape, except the step number `t`, which counts from 1.
#
# - momentum: velocity ← β velocity + gradient, then w ← w − rate · velocity
# - Adam: m ← β₁ m + (1 − β₁) gradient, v ← β₂ v + (1 − β₂) gradient²; correct both for having started at zero,
#   m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ); then w ← w − rate · m̂ / (√v̂ + ε)

# %% tags=["exercise"] exercise="momentum_and_adam"
def momentum_step(w, gradient, velocity, rate, beta=0.9):
    raise NotImplementedError
    return w, velocity


def adam_step(w, gradient, m, v, t, rate, beta1=0.9, beta2=0.999, eps=1e-8):
    raise NotImplementedError
    return w, m, v


# %% tags=["solution"] exercise="momentum_and_adam"
def momentum_step(w, gradient, velocity, rate, beta=0.9):
    velocity = beta * velocity + gradient
    return w - rate * velocity, velocity


def adam_step(w, gradient, m, v, t, rate, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + eps), m, v


# %% tags=["check", "nbval-check-output"] exercise="momentum_and_adam"
check.momentum_and_adam(momentum_step, adam_step)

# %% [markdown]
# ## Exercise 6: the largest learning rate
#
# For the *standardised* image: what is the largest learning rate at which plain gradient descent still settles
# in the minimum? Find it by theory (2 / largest curvature, see the table) or by trying, for instance by halving an interval:
# `descend("gradient descent", rate, 3000, standardised)[1]` gives the losses. Return one number, within 5 %.

# %% tags=["exercise"] exercise="largest_learning_rate"
def my_learning_rate():
    raise NotImplementedError
    return 1.0


# %% tags=["solution"] exercise="largest_learning_rate"
def my_learning_rate():
    def settles(rate):
        loss = descend("gradient descent", rate, 3000, standardised)[1]
        return loss[-1] < 1.0001 * lowest

    low, high = 1.0, 100.0  # settles, does not
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if settles(middle) else (low, middle)
    return low


# %% tags=["check", "nbval-check-output"] exercise="largest_learning_rate"
check.largest_learning_rate(my_learning_rate)

# %% [markdown]
# Go on by yourself: what is the limit with momentum? (Theory says 2 (1 + β) / largest curvature.) How does the picture
# change if the image is darker by a factor of ten?

# %% [markdown]
# ## Batches, epochs, schedules
#
# The gradient over all pixels can be estimated from a few of them, a *batch*. How good is the estimate?

# %%
sample = np.random.default_rng(0).choice(nuclei.image.size, 4096, replace=False)
x_pixels = ((nuclei.image - nuclei.image.mean()) / nuclei.image.std()).ravel()[sample]
y_pixels = (nuclei.labels > 0).ravel()[sample]


def batch_gradient(w, chosen):
    difference = 1 / (1 + np.exp(-w[0] * x_pixels[chosen] - w[1])) - y_pixels[chosen]
    return np.array([np.mean(difference * x_pixels[chosen]), np.mean(difference)])


def sgd(batch, epochs, rate, seed=0, schedule=lambda progress: 1.0):
    """Stochastic gradient descent from w = b = 0; the parameters after every update."""
    rng, w, path = np.random.default_rng(seed), np.zeros(2), []
    for epoch in range(epochs):
        order = rng.permutation(len(x_pixels))  # every pixel once an epoch, in a new order
        for first in range(0, len(order), batch):
            progress = (epoch + first / len(order)) / epochs
            w = w - rate * schedule(progress) * batch_gradient(w, order[first : first + batch])
            path.append(w)
    return np.array(path)


def sample_loss(path):
    z = path[..., :1] * x_pixels + path[..., 1:]
    return np.mean(np.logaddexp(0, z) - y_pixels * z, axis=-1)


# %%
#| label: fig-batches
#| fig-cap: "Left: how far the gradient of a batch strays from that of all pixels, measured at the starting point with 400 random batches of each size. It falls with the square root of the batch size: for half the noise you pay four times the computation. Right: five epochs, that is the same number of pixels looked at, with the same learning rate, 1. Small batches have made far more updates and are down first; those of 8 pixels keep trembling. (All pixels at once would bear a higher rate.)"
#| fig-alt: "Left: points on a straight falling line in a plot with logarithmic axes, batch size from 1 to 1024 against the spread of the gradient. Right: loss over five epochs. Batches of 8 pixels fall at once and stay noisy, batches of 64 fall a little later and smoothly, and all pixels at once have made only five updates and are still high."
rng = np.random.default_rng(1)
batch_sizes = 4 ** np.arange(6)
full = batch_gradient(np.zeros(2), slice(None))
spread = [
    np.sqrt(np.mean([np.sum((batch_gradient(np.zeros(2), rng.integers(0, 4096, size)) - full) ** 2) for _ in range(400)]))
    for size in batch_sizes
]
figure, (left, right) = show.figure(1, 2, height=3.2)
left.loglog(batch_sizes, spread, "o", color=blue, label="measured")
left.loglog(batch_sizes, spread[0] / np.sqrt(batch_sizes), "--", color="#5f6368", lw=1.2, label="falling as 1 / √size")
left.loglog(batch_sizes, np.full(len(batch_sizes), np.linalg.norm(full)), ":", color=red, label="length of the gradient")
left.set(xlabel="batch size (pixels)", ylabel="stray of the gradient", ylim=(0.005, 1))
left.set_xticks(batch_sizes, batch_sizes)
left.minorticks_off()
left.legend(loc="lower left")
after_five = {}
for (size, (colour, _, line)), name in zip(zip((8, 64, 4096), LOOKS.values()), ("8 pixels", "64 pixels", "all 4,096")):
    path = sgd(size, 5, rate=1.0)
    right.plot(np.arange(1, len(path) + 1) * size / 4096, sample_loss(path), line, color=colour, lw=1.2, label=name,
               marker="o" if size == 4096 else None)
    after_five[size] = sample_loss(path)[-1]
right.set(xlabel="epoch", ylabel="loss over all pixels", ylim=(0.1, 0.72))
right.legend(title="batch")
figure

# %% [markdown]
# A schedule makes the learning rate smaller during training: large steps while there is far to go, small ones
# to come to rest.

# %%
#| label: fig-schedules
#| fig-cap: "Left: three schedules. Right: batches of 8 pixels, learning rate 3, mean over 10 seeds. With a constant rate the noise of the batches keeps the parameters away from the minimum for ever; a falling rate lets them settle."
#| fig-alt: "Left: learning rate over training. Constant: a horizontal line. Step: divided by ten at half and at three quarters. Warm-up and cosine: a short rise, then a smooth fall to zero. Right: distance of the loss from its minimum, logarithmic axis. The constant rate stays at a high level; step and cosine fall by more than a factor of ten, each when its rate falls."
schedules = {
    "constant": lambda t: 1.0,
    "step": lambda t: 0.1 ** (int(t >= 0.5) + int(t >= 0.75)),
    "warm-up, cosine": lambda t: min(t / 0.05, 1) * 0.5 * (1 + math.cos(math.pi * t)),
}
floor = sample_loss(sgd(4096, 500, rate=10))[-1]
progress = np.linspace(0, 1, 300)
figure, (left, right) = show.figure(1, 2, height=3.0)
above = {}
for (name, schedule), (colour, _, line) in zip(schedules.items(), LOOKS.values()):
    left.plot(progress, [schedule(t) for t in progress], line, color=colour, label=name)
    paths = np.array([sgd(8, 4, 3.0, seed, schedule)[::32] for seed in range(10)])
    above[name] = np.mean(sample_loss(paths), axis=0) - floor
    right.semilogy(np.arange(1, 65) / 16, above[name], line, color=colour)
left.set(xlabel="share of the training done", ylabel="learning rate (relative)")
right.set(xlabel="epoch", ylabel="loss above the minimum")
figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
figure

# %% tags=["nbval-check-output"]
for name in ("step", "warm-up, cosine"):
    print(f"{name} ends at least five times closer to the minimum than a constant rate:",
          np.mean(above["constant"][-8:]) > 5 * above[name][-1])

# %% [markdown]
# ## With a library
#
# The same five steps in PyTorch. `nets.fit` is this loop with a history, validation and early stopping around it.

# %%
nets.seed_everything(1)
inputs, targets = torch.tensor(cells).float(), torch.tensor(truth > 0).float()[:, None]
model = nets.MLP([2, 4, 1], activation="tanh")  # 1 random weights
loss_function = torch.nn.BCEWithLogitsLoss()  # cross-entropy on scores: sigmoid included
optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
for _ in range(200):
    loss = loss_function(model(inputs), targets)  # 2 forward pass and 3 loss
    optimiser.zero_grad()  # gradients add up: start from zero
    loss.backward()  # 4 backward pass
    optimiser.step()  # 5 update

# %% tags=["nbval-check-output"]
print("loss below 0.1:", loss.item() < 0.1)

# %% [markdown]
# ## Depth
#
# On its way back through many layers a gradient is multiplied again and again. Thirty layers of 64 units, first
# weights drawn from a normal distribution whose width is the "gain" divided by √64; one backward pass.

# %%
def gradient_sizes(activation, gain, depth=30, width=64, skip=False):
    """Root mean square of the gradient at the output of each layer, first layer first, for a batch of 128."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    h, outputs = normal(128, width).requires_grad_(), []
    for _ in range(depth):
        change = activation(h @ (normal(width, width) * gain / width**0.5))
        h = h + change / depth**0.5 if skip else change
        h.retain_grad()
        outputs.append(h)
    (h @ normal(width)).sum().backward()
    return np.array([h.grad.square().mean().sqrt().item() for h in outputs])


settings = {
    "sigmoid, gain 1": (torch.sigmoid, 1.0),
    "tanh, gain 1": (torch.tanh, 1.0),
    "ReLU, gain 1": (torch.relu, 1.0),
    "ReLU, gain √2 (He)": (torch.relu, 2**0.5),
    "ReLU, gain 2": (torch.relu, 2.0),
    "sigmoid, gain 1, with skips": (torch.sigmoid, 1.0, 30, 64, True),
}
sizes_by_layer = {name: gradient_sizes(*how) for name, how in settings.items()}

# %%
#| label: fig-depth
#| fig-cap: "The gradient that arrives at each layer of a network of thirty, before any training, divided by that at the last layer. Read from right to left, as the gradient travels. Through sigmoids it vanishes: the first layers hear nothing of the loss. With ReLU the gain decides whether it fades, holds or explodes. Skip connections hold it too."
#| fig-alt: "Six lines over layers 1 to 30 on a logarithmic axis, all meeting at 1 at layer 30. Towards layer 1 the line of sigmoid plunges below ten to the minus fifteen, ReLU with gain 1 falls to about ten to the minus five, tanh falls slightly, ReLU with gain root 2 and sigmoid with skips stay near 1, and ReLU with gain 2 climbs above ten thousand."
figure, axes = show.figure(height=3.7)
for (name, sizes), line in zip(sizes_by_layer.items(), ("-", "--", "-.", "-", ":", "--")):
    axes.semilogy(range(1, 31), sizes / sizes[-1], line, label=name)
axes.set(xlabel="layer (1: next to the input)", ylabel="gradient, relative to layer 30")
figure.legend(loc="outside right center")
figure

# %%
#| label: tbl-gradient-depth
#| tbl-cap: "The same networks in numbers: the gradient at the first layer compared with the last, and the factor that one more layer contributes."
rows = [[name, f"{s[0] / s[-1]:.2g}", f"{(s[0] / s[-1]) ** (1 / 29):.2f}"] for name, s in sizes_by_layer.items()]
show.table(rows, ["network of 30 layers", "first / last", "factor per layer"])

# %% tags=["nbval-check-output"]
ratio = {name: sizes[0] / sizes[-1] for name, sizes in sizes_by_layer.items()}
print("sigmoid: vanishes below 1e-12:", ratio["sigmoid, gain 1"] < 1e-12)
print("ReLU, gain 2: explodes above 1000:", ratio["ReLU, gain 2"] > 1000)
print("He's gain and skips: within a factor of 10:",
      all(0.1 < ratio[name] < 10 for name in ("ReLU, gain √2 (He)", "sigmoid, gain 1, with skips")))

# %% [markdown]
# Does it matter? We train three of them on the thymocytes, with their own first weights and the same loop.

# %%
from torch.utils.data import DataLoader, TensorDataset


class DeepNetwork(torch.nn.Module):
    """`depth` layers of 32 units between a first and a last linear layer."""

    def __init__(self, activation, gain, depth=30, skip=False, width=32):
        super().__init__()
        self.activation, self.skip = activation, skip
        self.first, self.last = torch.nn.Linear(2, width), torch.nn.Linear(width, 1)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(depth))
        for layer in self.layers:
            torch.nn.init.normal_(layer.weight, std=gain / width**0.5)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x):
        h = self.first(x)
        for layer in self.layers:
            change = self.activation(layer(h))
            h = h + change / len(self.layers) ** 0.5 if self.skip else change
        return self.last(h)


train_cells, train_truth = thymocytes(400, seed=1)
test_cells, test_truth = thymocytes(400, seed=2)
table = TensorDataset(torch.tensor(train_cells).float(), torch.tensor(train_truth > 0).float()[:, None])
test_inputs = torch.tensor(test_cells).float()
deep = {
    "sigmoid, gain 1": (torch.sigmoid, 1.0),
    "ReLU, gain √2 (He)": (torch.relu, 2**0.5),
    "sigmoid, gain 1, with skips": (torch.sigmoid, 1.0, 30, True),
}
accuracy = {}
for name, how in deep.items():
    accuracy[name] = []
    for seed in range(3):
        nets.seed_everything(seed)
        model = DeepNetwork(*how)
        loader = DataLoader(table, batch_size=50, shuffle=True)
        nets.fit(model, loader, loss=torch.nn.BCEWithLogitsLoss(), epochs=12, learning_rate=3e-3, seed=seed, progress=False)
        answer = nets.predict(model, test_inputs)[:, 0] > 0
        accuracy[name].append(float(np.mean(np.asarray(answer) == (test_truth > 0))))

# %%
#| label: tbl-deep-training
#| tbl-cap: "Thirty layers trained on 400 simulated thymocytes for 12 epochs: right answers on 400 others, for three seeds. Half right is guessing."
rows = [[name, *(f"{share:.0%}" for share in shares)] for name, shares in accuracy.items()]
show.table(rows, ["network of 30 layers", "seed 0", "seed 1", "seed 2"])

# %% [markdown]
# ## What goes wrong
#
# ### Gradients that were not cleared
#
# PyTorch adds new gradients to the old ones, as our class does. Forget `zero_grad`, and each step follows the sum
# of all gradients since the beginning.

# %%
#| label: fig-zero-grad
#| fig-cap: "The pixel classifier, standardised, learning rate 0.3, with and without clearing the gradients. Old gradients go on pushing long after they have become wrong; the loss swings up and down and never rests. There is no error message."
#| fig-alt: "Loss over 500 updates: with clearing it falls smoothly to about 0.16; without it falls faster at first, then swings up and down between that level and 0.7 without end."
clean, forgotten, total = [np.zeros(2)], [np.zeros(2)], np.zeros(2)
for _ in range(500):
    clean.append(clean[-1] - 0.3 * threshold_gradient(clean[-1], standardised))
    total = total + threshold_gradient(forgotten[-1], standardised)  # no zero_grad
    forgotten.append(forgotten[-1] - 0.3 * total)
figure, axes = show.figure()
axes.plot([threshold_loss(w, standardised) for w in clean], color=blue, label="cleared before each backward pass")
axes.plot([threshold_loss(w, standardised) for w in forgotten], "--", color=red, label="never cleared")
axes.set(xlabel="update", ylabel="loss")
figure.legend(loc="outside lower center", ncols=2)
figure

# %% [markdown]
# ### All weights equal
#
# Start all weights at the same number, and all hidden neurons of a layer are the same neuron: same output, same
# gradient, same update, for ever.

# %% tags=["nbval-check-output"]
model = nets.MLP([2, 4, 1], activation="tanh")
for parameter in model.parameters():
    torch.nn.init.constant_(parameter, 0.5)
nets.fit(model, DataLoader(table, batch_size=50), loss=torch.nn.BCEWithLogitsLoss(), epochs=20, learning_rate=0.02, progress=False)
hidden = model.layers[0].weight.detach()
print("after 20 epochs all four hidden neurons are still the same:", bool(torch.allclose(hidden, hidden[:1].expand(4, 2))))

# %% [markdown]
# ### A learning rate that is too high
#
# Here a network predicts area from perimeter; its loss has no ceiling, and the steps outgrow each other. `nets.fit`
# says where it happened; a loop of your own would go on and leave you with weights full of NaN.

# %%
x = torch.linspace(-1, 1, 64)[:, None]
try:
    nets.fit(nets.MLP([1, 16, 1]), [(x, x**2)], loss=torch.nn.MSELoss(), optimiser="sgd", learning_rate=50, epochs=50, progress=False)
except Exception as error:
    print(error)

# %% [markdown]
# ### A threshold in the way
#
# A threshold has the slope 0 almost everywhere: behind it there is nothing to learn from. Measure on probabilities
# while training; threshold afterwards. A comparison is at least refused. `torch.round` is the silent case: it has a
# gradient, and the gradient is 0.

# %% tags=["nbval-check-output"]
y = torch.tensor(y_pixels).double()
gradient_through = {}
for name, answer in (("the probabilities", lambda p: p), ("p > 0.5", lambda p: (p > 0.5).double()), ("torch.round(p)", torch.round)):
    w = torch.tensor([4.0, -2.0], dtype=torch.double, requires_grad=True)
    answered = answer(torch.sigmoid(w[0] * torch.tensor(x_pixels) + w[1]))
    loss = 1 - 2 * (answered * y).sum() / (answered.sum() + y.sum())
    try:
        loss.backward()
        gradient_through[name] = w.grad.abs().max().item()
        print(f"Dice of {name}: loss {loss.item():.2f}, largest gradient {gradient_through[name]:.2f}")
    except RuntimeError as error:
        gradient_through[name] = None
        print(f"Dice of {name}: loss {loss.item():.2f}, backward() says: {str(error).splitlines()[0][:60]}")

# %% [markdown]
# ### The logarithm of zero
#
# A probability that has rounded to 0 has the logarithm minus infinity, and the gradient is NaN. Losses that take
# scores (`CrossEntropyLoss`, `BCEWithLogitsLoss`) combine the exponential with the logarithm and are safe.

# %% tags=["nbval-check-output"]
score = torch.tensor([-200.0], requires_grad=True)
(-torch.log(torch.sigmoid(score))).sum().backward()
print("log of the sigmoid:", score.grad.item())
score.grad = None
torch.nn.functional.binary_cross_entropy_with_logits(score, torch.ones(1)).backward()
print("loss on the score:", score.grad.item())

# %% [markdown]
# ## Exercise 7: five mistakes
#
# This training script has all five: equal first weights, gradients that are not cleared, a learning rate that is far too
# high, a threshold in the way and the logarithm of zero. Mend it (remove the three lines with `raise`, too). The check looks at the
# first weights, at single updates, and at a whole training on thymocytes.

# %% tags=["exercise"] exercise="mended_training"
def make_network():
    raise NotImplementedError
    network = nets.MLP([2, 8, 1], activation="tanh")
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    return network


def update(network, optimiser, inputs, targets):
    raise NotImplementedError
    p = (torch.sigmoid(network(inputs)) > 0.5).float()
    loss = -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()
    loss.backward()
    optimiser.step()


def make_optimiser(network):
    raise NotImplementedError
    return torch.optim.SGD(network.parameters(), lr=1000)


# %% tags=["solution"] exercise="mended_training"
def make_network():
    return nets.MLP([2, 8, 1], activation="tanh")  # PyTorch's random first weights


def update(network, optimiser, inputs, targets):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(inputs), targets)  # takes scores
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def make_optimiser(network):
    return torch.optim.SGD(network.parameters(), lr=1)


# %% tags=["check", "nbval-check-output"] exercise="mended_training"
check.mended_training(make_network, update, make_optimiser)

# %% [markdown]
# ## What the page claims
#
# Each sentence of the page about these numbers has a name. Here stands what it rests on.

# %% tags=["claims", "nbval-check-output"]
missed_pixels = missed & (mask > 0)
pull = {loss.__name__: np.abs(gradient[loss](prediction, mask) * prediction * (1 - prediction)) for loss in gradient}
loud = {name: p[missed_pixels & (prediction < 0.02)].mean() / p[~missed_pixels].max() for name, p in pull.items()}
arrives = {key: np.isfinite(run["needed"]) for key, run in tuned.items()}
soonest = {key: run["needed"].min() for key, run in tuned.items()}
quick = {key: np.sum(run["needed"] <= 300) for key, run in tuned.items()}
plain, scaled = "gradient descent", ("grey values / 100", "standardised")
slope_of_stray = np.polyfit(np.log(batch_sizes), np.log(spread), 1)[0]
faster = sample_loss(sgd(4096, 5, rate=10.0))[-1]
settled = {name: np.mean(above["constant"][-8:]) / above[name][-1] for name in ("step", "warm-up, cosine")}
guessed, learnt = accuracy["sigmoid, gain 1"], [*accuracy["ReLU, gain √2 (He)"], *accuracy["sigmoid, gain 1, with skips"]]
late_losses = [threshold_loss(w, standardised) for w in forgotten[-250:]]
show.claims(
    ("missed-nucleus", "c89582", loud["binary_cross_entropy"] > 1 and max(loud["mse"], loud["dice"]) < 0.2,
     f"mean pull of its pixels / strongest pull elsewhere: {loud['binary_cross_entropy']:.1f}, {loud['mse']:.1f}, {loud['dice']:.1f}"),
    ("dice-no-objects", "ca27ca",
     flawed["all touching nuclei joined"][0] < flawed["one nucleus of typical size missed"][0] < 0.1 * flawed["all outlines one pixel too small"][0]
     and flawed["all touching nuclei joined"][1] < flawed["perfect"][1] - 15,
     f"{flawed['all touching nuclei joined'][0]:.4f}, {flawed['one nucleus of typical size missed'][0]:.4f}, {flawed['all outlines one pixel too small'][0]:.4f}; "
     f"{flawed['perfect'][1]} regions become {flawed['all touching nuclei joined'][1]}"),
    ("dice-large-nuclei", "5141b2", all(1.8 * b < a < 2.3 * b for a, b in itertools.pairwise(shrunk.values())),
     ", ".join(f"{loss:.3f}" for loss in shrunk.values())),
    ("tuning-is-enough", "0812ab", all(soonest[unit, plain] < min(soonest[unit, "momentum"], soonest[unit, "Adam"]) for unit in scaled),
     "; ".join(f"{unit}: {plain} within {math.ceil(soonest[unit, plain] / 10) * 10:.0f} updates" for unit in scaled)),
    ("raw-never-arrives", "c60f33", not arrives["grey values", plain].any() and arrives["grey values", "Adam"].any() and arrives["grey values", "momentum"].any(),
     f"learning rates of {len(rates)} that arrive within {longest:,} updates: plain {arrives['grey values', plain].sum()}, others at least one"),
    ("forgiving-optimisers", "53ddc8", all(quick[unit, "momentum"] >= quick[unit, plain] + 5 for unit in scaled)
     and quick["grey values / 100", "Adam"] >= quick["grey values / 100", plain] + 3
     and max(quick["grey values", "momentum"], quick["grey values", "Adam"]) < 10,
     "at most 300 updates: at 5 or more rates more (momentum), at 3 or more (Adam); raw: at fewer than 10"),
    ("narrow-valley-slow", "4c3ca4", narrowness["grey values"] > 1000 * narrowness["standardised"]
     and soonest["standardised", plain] < soonest["grey values / 100", plain] < soonest["grey values", plain],
     f"ratios {narrowness['standardised']:.0f}, {narrowness['grey values / 100']:.0f}, {narrowness['grey values']:,.0f}"),
    ("stray-falls-with-root", "5ee0cf", -0.55 < slope_of_stray < -0.45, f"exponent {slope_of_stray:.1f}"),
    ("small-batches-first", "b5e39a", max(after_five[8], after_five[64]) < 0.7 * after_five[4096] and faster < after_five[4096],
     f"loss {after_five[64]:.1f} (batches of 64), {after_five[4096]:.1f} (all), {faster:.1f} (all, ten times the rate)"),
    ("schedules-settle", "d3c25e", min(settled.values()) > 5, "both more than 5 times closer, mean of 10 seeds"),
    ("gain-decides", "e40375", ratio["sigmoid, gain 1"] < 1e-12 and ratio["ReLU, gain 1"] < 1e-3 and ratio["ReLU, gain 2"] > 1e3
     and all(0.1 < ratio[name] < 10 for name in ("ReLU, gain √2 (He)", "sigmoid, gain 1, with skips")),
     "first to last layer: below 1e-12, below 1e-3, above 1e3, and twice between 0.1 and 10"),
    ("deep-sigmoids-guess", "94eda3", max(guessed) < 0.6 and min(learnt) > 0.7,
     f"{sum(a < 0.6 for a in guessed)} of {len(guessed)} guess; {sum(a > 0.7 for a in learnt)} of {len(learnt)} others above 70 %"),
    ("never-cleared-never-rests", "36e12c", max(late_losses) > 0.6 and min(late_losses) < 0.2 and threshold_loss(clean[-1], standardised) < 0.17,
     f"last 250 updates: loss between {min(late_losses):.1f} and {max(late_losses):.1f}"),
    ("threshold-blocks", "024ecb", gradient_through["p > 0.5"] is None and gradient_through["torch.round(p)"] == 0 < gradient_through["the probabilities"],
     "error at backward(); gradient 0; gradient"),
    ("twins-for-ever", "f3535a", bool(torch.allclose(hidden, hidden[:1].expand(4, 2))), "four of four the same after 20 epochs"),
)
