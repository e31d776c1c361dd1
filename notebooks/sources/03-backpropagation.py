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
# Six exercises wait for you. Fill in a function, run the cell below it, and `check` tells you how it went.

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
# the question whether a cell carries *exactly one* of the two (chapter 1). Two inputs, four hidden neurons, one
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
#| fig-cap: "A network learns with our own automatic differentiation. At first the weights are random and so are the answers; after 150 updates the regions fit the cells. No one told the hidden neurons what to do."
#| fig-alt: "Left: the loss falls from above 1 to close to 0 over 150 updates, in two slopes with a plateau between. Then three maps of CD4 against CD8 with four clouds of cells: before training the coloured region has nothing to do with the classes, after 20 updates it has begun to change, after 150 it covers exactly the two clouds of single-positive cells."
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
#| fig-alt: "Five images of the same nine nuclei: fluorescence image with orange outlines, blurred prediction in which one oblong nucleus at the right is missing, and three maps in red and blue. In the map of cross-entropy the missing nucleus is a filled red area. In those of squared error and Dice it is pale, and the outlines of the other nuclei stand out."
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
typical = np.argsort(areas)[-nuclei.n_objects // 2] + 1
predictions = {
    "perfect": apart,
    "one nucleus of typical size missed": apart & (whole != typical),
    "all touching nuclei joined": whole > 0,
    "all outlines one pixel too small": binary_erosion(apart),
}
rows = [[name, float(dice(p.astype(float), apart)), connected_components(p)[1]] for name, p in predictions.items()]
show.table(rows, ["prediction", "Dice loss", "separate regions"], digits=4)

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
grey, index = np.unique(nuclei.image, return_inverse=True)
pixels = np.bincount(index.ravel())  # of each grey value
inside = np.bincount(index.ravel(), (nuclei.labels > 0).ravel())  # those in nuclei
grey_over_100 = grey / 100
standardised = (grey - nuclei.image.mean()) / nuclei.image.std()


def threshold_loss(parameters, x):
    """Mean cross-entropy over all pixels, x being the grey values in some unit."""
    z = parameters[0] * x + parameters[1]
    return np.sum(pixels * np.logaddexp(0, z) - inside * z) / np.sum(pixels)


def threshold_gradient(parameters, x):
    z = parameters[0] * x + parameters[1]
    difference = (pixels / (1 + np.exp(-z)) - inside) / np.sum(pixels)  # p - y, summed over pixels of a grey value
    return np.array([np.sum(difference * x), np.sum(difference)])


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
    """Path (updates + 1, 2) and the loss at each of its points."""
    path = np.array([*METHODS[method](np.array(start, float), lambda w: threshold_gradient(w, x), rate, updates)])
    return path, np.array([threshold_loss(w, x) for w in path])


lowest = descend("Adam", 1, 2000)[1].min()

# %%
#| label: fig-descent
#| fig-cap: "The loss of a two-parameter pixel classifier (grey values divided by 100) is a long narrow valley. All three start at the same point with the same gradient. Gradient descent runs down the side of the valley and then crawls along its floor; momentum gathers speed along the valley and swings; Adam gives each parameter a step of its own. Gradient descent and momentum share one learning rate, 3; Adam has 1."
#| fig-alt: "Left: contour map of the loss over weight w and bias b, a narrow diagonal valley from upper left to a minimum at about w = 17, b = −8, with three paths. The path of gradient descent ends half-way, those of momentum and Adam reach the minimum. Right: loss against update on a logarithmic axis; the curve of gradient descent flattens out above the two others."
figure, (left, right) = show.figure(1, 2, height=3.7, width_ratios=[1.25, 1])
w, b = np.meshgrid(np.linspace(-5, 27, 80), np.linspace(-15, 5, 70))
surface = np.array([threshold_loss(point, grey_over_100) for point in zip(w.ravel(), b.ravel())]).reshape(w.shape)
levels = lowest * np.geomspace(1.03, 40, 14)
left.contourf(w, b, np.log(surface), np.log([lowest * 0.99, *levels, surface.max()]), cmap="Greys", alpha=0.7)
left.contour(w, b, surface, levels, colors="white", linewidths=0.7)
for (method, (colour, marker, line)), rate in zip(LOOKS.items(), (3, 3, 1)):
    path, loss = descend(method, rate, 80)
    left.plot(*path.T, line, marker=marker, color=colour, ms=3.5, lw=1.4, mec="white", mew=0.3)
    right.plot(loss, line, color=colour, label=method)
left.plot(-3, 2, "o", ms=9, mfc="white", mec="k", zorder=5)
left.annotate("start", (-3, 2), (0, 8), textcoords="offset points", ha="center")
left.plot(*descend("Adam", 1, 2000)[0][-1], "*", ms=13, color=show.PALETTE["yellow"], mec="k", zorder=5)
left.set(xlabel="weight w", ylabel="bias b", xlim=(-5, 27), ylim=(-15, 5))
right.axhline(lowest, color="#5f6368", lw=1, ls=":")
right.set(xlabel="update", ylabel="loss", yscale="log", yticks=(0.2, 0.3, 0.5, 1), yticklabels=("0.2", "0.3", "0.5", "1"))
right.minorticks_off()
right.legend()
figure

# %% [markdown]
# Which one is best? It depends on the learning rate, so a fair comparison tries several for each.

# %%
#| label: tbl-descent
#| tbl-cap: "Updates until the loss comes within 1 % of its minimum and stays there, within 1,000. A dash: not reached. Grey values divided by 100."
def updates_needed(method, rate, x):
    loss = descend(method, rate, 1000, x)[1]
    late = np.flatnonzero(~(loss < 1.01 * lowest))
    return None if late[-1] == 1000 else int(late[-1]) + 1


rates = (0.1, 0.3, 1, 3, 10, 30, 100)
needed = {(method, rate): updates_needed(method, rate, grey_over_100) for method in METHODS for rate in rates}
show.table([[str(rate), *(needed[method, rate] for method in METHODS)] for rate in rates], ["learning rate", *METHODS])

# %% tags=["nbval-check-output"]
for method in METHODS:
    print(f"{method}: {sum((needed[method, rate] or 1000) < 300 for rate in rates)} learning rates need fewer than 300 updates")

# %% [markdown]
# What has been learnt? A threshold: the neuron changes its mind where w · g + b = 0.

# %% tags=["nbval-check-output"]
w, b = descend("Adam", 1, 2000)[0][-1]
print(f"threshold at a grey value of {-100 * b / w:.1f}")

# %% [markdown]
# ### How large is too large?
#
# Close to the minimum the landscape is a bowl with curvatures λ₁ and λ₂, the eigenvalues of the matrix of second
# derivatives. Each update multiplies the distance to the minimum by 1 − ηλ in each of the two directions.

# %%
#| label: tbl-curvature
#| tbl-cap: "Curvature at the minimum in three units, the learning rate above which gradient descent does not settle there (2 / largest curvature), and their ratio: as many updates are needed, roughly, even at the best rate. Same image, same classifier."
def curvatures(x):
    w = descend("Adam", 1, 2000, standardised, start=(0, 0))[0][-1]  # the minimum, found where it is easy …
    scale = (standardised[-1] - standardised[0]) / (x[-1] - x[0])
    w = np.array([w[0] * scale, w[1] + w[0] * (standardised[0] - scale * x[0])])  # … and expressed in the unit of x
    p = 1 / (1 + np.exp(-w[0] * x - w[1]))
    weight = pixels * p * (1 - p) / np.sum(pixels)
    table = np.array([[np.sum(weight * x * x), np.sum(weight * x)], [np.sum(weight * x), np.sum(weight)]])
    return np.linalg.eigvalsh(table)


units = {"grey values": grey, "grey values / 100": grey_over_100, "standardised": standardised}
rows = []
for unit, x in units.items():
    small, large = curvatures(x)
    rows.append([unit, f"{small:.2g}", f"{large:.2g}", f"{2 / large:.3g}", f"{large / small:,.0f}"])
show.table(rows, ["unit", "smallest curvature", "largest curvature", "largest learning rate", "ratio"])

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
# in the minimum? Find it by theory (2 / largest curvature) or by trying, for instance by halving an interval:
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
# Go on by yourself: what is the limit in raw grey values (`grey`), and with momentum? How does the picture change
# if the image is darker by a factor of ten?

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
#| fig-cap: "Left: how far the gradient of a batch strays from that of all pixels, measured at the starting point with 400 random batches of each size. It falls with the square root of the batch size: for half the noise you pay four times the computation. Right: five epochs, that is the same number of pixels looked at, with the same learning rate. Small batches have made far more updates and are down first, but keep trembling."
#| fig-alt: "Left: points on a straight falling line in a plot with logarithmic axes, batch size from 1 to 1024 against the spread of the gradient. Right: loss over five epochs. Batches of 8 pixels fall at once and stay noisy, batches of 64 fall a little later and smoothly, and all pixels at once have made only five updates and are still high."
rng = np.random.default_rng(1)
sizes = 4 ** np.arange(6)
full = batch_gradient(np.zeros(2), slice(None))
spread = [
    np.sqrt(np.mean([np.sum((batch_gradient(np.zeros(2), rng.integers(0, 4096, size)) - full) ** 2) for _ in range(400)]))
    for size in sizes
]
figure, (left, right) = show.figure(1, 2, height=3.2)
left.loglog(sizes, spread, "o", color=blue, label="measured")
left.loglog(sizes, spread[0] / np.sqrt(sizes), "--", color="#5f6368", lw=1.2, label="falling as 1 / √size")
left.loglog(sizes, np.full(len(sizes), np.linalg.norm(full)), ":", color=red, label="length of the gradient")
left.set(xlabel="batch size (pixels)", ylabel="stray of the gradient", ylim=(0.005, 1))
left.set_xticks(sizes, sizes)
left.minorticks_off()
left.legend(loc="lower left")
for (size, (colour, _, line)), name in zip(zip((8, 64, 4096), LOOKS.values()), ("8 pixels", "64 pixels", "all 4,096")):
    path = sgd(size, 5, rate=1.0)
    right.plot(np.arange(1, len(path) + 1) * size / 4096, sample_loss(path), line, color=colour, lw=1.2, label=name,
               marker="o" if size == 4096 else None)
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
# while training; threshold afterwards.

# %%
w = torch.tensor([4.0, -2.0], requires_grad=True)
p = torch.sigmoid(w[0] * torch.tensor(x_pixels) + w[1])
y = torch.tensor(y_pixels).double()
for name, answer in (("Dice of the probabilities", p), ("Dice after p > 0.5", (p > 0.5).double())):
    loss = 1 - 2 * (answer * y).sum() / (answer.sum() + y.sum())
    print(f"{name}: {loss.item():.3f}, a gradient can be computed: {loss.requires_grad}")

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
