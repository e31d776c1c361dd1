# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "20"
#   title: How a network learns, in pictures
#   extra: torch
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# One neuron looks at one grey value and learns one number, a threshold, from seven real nuclei. That is enough to see what
# loss, gradient, learning rate, batch and epoch mean. At the end you will see what larger networks add to it: windows that
# slide over the image, and a way down to small images and up again.
#
# Six exercises wait for you. Fill in a function, run the cell below it, and `check` tells you how it went.

# %% tags=["setup"]
import numpy as np
import torch
from matplotlib.patches import Rectangle
from scipy import ndimage
from skimage.filters import threshold_otsu

from bioimage_course import check, data, explore, nets, show, tools
from bioimage_course.materials import ch20 as bridge

blue, orange, red, green, sky = (show.PALETTE[colour] for colour in ("blue", "orange", "vermilion", "green", "sky"))
grey, truth = bridge.nuclei()  # a piece of StarDist's example image, and what people outlined
thresholds = np.arange(0, 160.01, 0.25)

# %% [markdown]
# ## One neuron, one grey value
#
# The neuron of the last chapter said yes or no. This one says how sure it is: the probability that a pixel belongs to a nucleus.
# At its threshold it is undecided; 5 grey values are about how far it needs to change its mind.

# %%
#| label: fig-neuron
#| fig-cap: "All that the neuron sees of a pixel is its grey value. Left: a piece of the image of the last chapter with the outlines that people drew. Right: how often each grey value occurs in the background and in nuclei (bars), and the neuron's answer (line). Its threshold is still far too high: it calls nearly everything background."
#| fig-alt: "Left: grey image of seven bright nuclei, partly touching, with yellow outlines. Right: two overlapping histograms, background around 25 grey values and nuclei between 45 and 120, and an S-shaped line that rises from 0 to 1 around the grey value 110."
figure, (left, right) = show.figure(1, 2, height=3.1, width_ratios=(1, 1.5))
left.imshow(grey, cmap="gray", vmax=120)
left.contour(truth, [0.5], colors="#F0E442", linewidths=1.2)
left.set_axis_off()
bins = np.arange(0, 141, 4)
for inside, colour, name in ((False, "#8a929b", "background"), (True, sky, "nuclei")):
    right.hist(grey[truth == inside], bins, color=colour, alpha=0.75, label=name)
right.set(xlabel="grey value", ylabel="pixels", xlim=(0, 140))
answers = right.twinx()
answers.plot(bins, bridge.answer(bins, 110), color=red, lw=2.5, label="the neuron's answer")
answers.set(ylabel="probability of “nucleus”", ylim=(0, 1.02))
answers.grid(False)
figure.legend(*(a + b for a, b in zip(right.get_legend_handles_labels(), answers.get_legend_handles_labels())), loc="outside lower right", ncols=3)
figure

# %% [markdown]
# ## How wrong is it?
#
# The plainest measure: make a mask of all pixels above the threshold and count those that are not as people drew them.
#
# ## Exercise 1: count what is wrong
#
# Write `count_wrong(grey, truth, threshold)`. A pixel belongs to the mask if it is *brighter* than the threshold.
# `truth` is True inside of nuclei. Return the share of pixels on which mask and truth differ, between 0 and 1.

# %% tags=["exercise"] exercise="count_wrong"
def count_wrong(grey, truth, threshold):
    raise NotImplementedError


# %% tags=["solution"] exercise="count_wrong"
def count_wrong(grey, truth, threshold):
    mask = grey > threshold
    return np.mean(mask != truth)


# %% tags=["check", "nbval-check-output"] exercise="count_wrong"
check.count_wrong(count_wrong)

# %%
#| label: fig-three-thresholds
#| fig-cap: "Three thresholds, three masks (blue), one number each for how wrong the neuron is. The loss used here is called cross-entropy; the next figure shows how it is made."
#| fig-alt: "Three times the same grey nuclei with yellow outlines. With the threshold 30 the blue mask spills far into the background, with 54 it fills the nuclei closely, with 90 only the cores of the brightest nuclei are blue. The titles give the loss, lowest for 54."
figure, panels = show.figure(1, 3, height=2.9)
for axes, threshold in zip(panels, (30, 54, 90)):
    axes.imshow(grey, cmap="gray", vmax=120)
    axes.imshow(np.where(grey > threshold, 1.0, np.nan), cmap="Blues", vmin=0, vmax=1.3, alpha=0.6)
    axes.contour(truth, [0.5], colors="#F0E442", linewidths=1)
    wrong, loss = (bridge.mean_loss(threshold, grey, truth, kind) for kind in ("wrong pixels", "cross-entropy"))
    axes.set_title(f"threshold {threshold}: loss {loss:.2f}\n{wrong:.0%} of the pixels are wrong", fontsize=9.5)
    axes.set_axis_off()
figure

# %%
#| label: fig-price
#| fig-cap: "The price of an answer: minus the natural logarithm of the probability that the network gave to the right answer. Sure and right costs nothing. To say “one half” costs 0.69, and each time the probability is halved 0.69 is added, without end: to be sure of the wrong answer is what costs most."
#| fig-alt: "A falling curve of price against the probability of the right answer. Dots mark probability 1 with price 0, one half with 0.69, one quarter with 1.39, one eighth with 2.08 and one sixteenth with 2.77; equal arrows of height 0.69 stand between the last ones."
figure, axes = show.figure(height=2.9)
p = np.linspace(0.01, 1, 300)
axes.plot(p, -np.log(p), color=blue, lw=2.5)
for power in range(5):
    share, price = 0.5**power, power * np.log(2)
    axes.plot(share, price, "o", color=red, ms=7)
    axes.text(share + 0.015, price + 0.12, f"{('1', '1/2', '1/4', '1/8', '1/16')[power]}: {price:.2f}", fontsize=10)
axes.set(xlabel="probability given to the right answer", ylabel="price", xlim=(0, 1.12), ylim=(-0.1, 4.2))
figure

# %% [markdown]
# ## Exercise 2: the price of an answer
#
# Write `answer_price(probability, truth)`. `probability` is what the neuron says for "nucleus", one number a pixel;
# `truth` is True where there is one. For a pixel of the background the right answer is "no nucleus", and its probability
# is what is missing to 1. Return the mean over the pixels of minus the natural logarithm (`np.log`) of the probability
# that the right answer got.

# %% tags=["exercise"] exercise="answer_price"
def answer_price(probability, truth):
    right = ...  # the probability of the right answer, pixel by pixel
    raise NotImplementedError


# %% tags=["solution"] exercise="answer_price"
def answer_price(probability, truth):
    right = np.where(truth, probability, 1 - probability)
    return np.mean(-np.log(right))


# %% tags=["check", "nbval-check-output"] exercise="answer_price"
check.answer_price(answer_price)

# %% [markdown]
# ## Downhill
#
# Which threshold is the best? With one number we can try them all. With a million numbers nobody can; but one can feel
# the slope under one's feet and take a step downhill. Play with it before you read on.

# %% tags=["widget"]
explore.ball()

# %%
learning_rate, start = 5, bridge.START


def slope_at(threshold):
    """The slope of the loss for 100 grey values, all pixels looked at."""
    return bridge.slope(threshold, grey, truth)


way = bridge.descend(start, learning_rate, 10, slope_at)
losses = np.array([bridge.mean_loss(threshold, grey, truth) for threshold in thresholds])
best = thresholds[losses.argmin()]

# %% tags=["nbval-check-output"]
print("the ball, step by step:", *way.round().astype(int))
print(f"the best of {len(thresholds)} thresholds tried one by one: {best:.0f}")

# %%
#| label: fig-steps
#| fig-cap: "Ten steps with the learning rate 5. Left: the loss for every threshold is a valley; the ball starts at the right, and each arrow is a step. Steep slope, large step; near the bottom the slope runs out and the steps with it. Right: what a training shows when nobody can draw the valley, the loss after each step."
#| fig-alt: "Left: a valley-shaped curve of loss against threshold with its bottom near 54 and numbered dots that come down from 140 on the right in ever shorter hops. Right: loss against step, which falls quickly over the first four steps and is flat from then on."
figure, (left, right) = show.figure(1, 2, height=3.1, width_ratios=(1.6, 1))
left.plot(thresholds, losses, color=blue, lw=2)
heights = [bridge.mean_loss(threshold, grey, truth) for threshold in way]
for step, (a, b) in enumerate(zip(way, way[1:])):
    if step < 4:
        left.annotate("", (b, heights[step]), (a, heights[step]), arrowprops={"arrowstyle": "-|>", "color": red, "lw": 2})
        left.plot([b, b], [heights[step], heights[step + 1]], ":", color=red, lw=1)
left.plot(way, heights, "o", color=red, ms=6, mec="white")
for step in range(4):
    left.text(way[step] + 4, heights[step] - 0.16, f"{step}", fontsize=10)
left.set(xlabel="threshold (grey value)", ylabel="loss", ylim=(-0.05, 4))
right.plot(heights, "o-", color=red, ms=5)
right.set(xlabel="step", ylabel="loss", ylim=(-0.05, 4), xticks=range(0, 11, 2))
figure

# %% [markdown]
# ## Exercise 3: feel the slope
#
# How does one find the slope of something for which one has no formula? Nudge, and look. Write
# `slope_by_trying(loss, threshold, nudge)`. `loss` is a function that takes a threshold. Look at the loss a nudge to the
# right and a nudge to the left of `threshold`, and return how much it rises *for each grey value*.

# %% tags=["exercise"] exercise="slope_by_trying"
def slope_by_trying(loss, threshold, nudge):
    raise NotImplementedError


# %% tags=["solution"] exercise="slope_by_trying"
def slope_by_trying(loss, threshold, nudge):
    return (loss(threshold + nudge) - loss(threshold - nudge)) / (2 * nudge)


# %% tags=["check", "nbval-check-output"] exercise="slope_by_trying"
check.slope_by_trying(slope_by_trying)

# %% [markdown]
# ## Exercise 4: roll down
#
# Now the whole of learning in four lines. Write `roll_down(slope, start, rate, steps)`. `slope` is a function that takes a
# threshold. In each step the ball moves by rate times slope, *against* the slope. Return the list of all thresholds, from
# `start` to where the ball lies after the last step.

# %% tags=["exercise"] exercise="roll_down"
def roll_down(slope, start, rate, steps):
    way = [start]
    raise NotImplementedError
    return way


# %% tags=["solution"] exercise="roll_down"
def roll_down(slope, start, rate, steps):
    way = [start]
    for _ in range(steps):
        way.append(way[-1] - rate * slope(way[-1]))
    return way


# %% tags=["check", "nbval-check-output"] exercise="roll_down"
check.roll_down(roll_down)

# %% [markdown]
# ## Too small, good, too large

# %%
#| label: fig-rates
#| fig-cap: "Same valley, same start, three learning rates. With 0.3 the ball creeps and is nowhere near after 30 steps. With 5 it arrives. With 20 each step jumps over the valley, to where the other slope is steep, and back again; it never comes to rest. Dotted: the best threshold."
#| fig-alt: "Three line plots of the threshold over 30 steps with a dotted line at 54. Left, rate 0.3: a straight, slow decline from 140 to about 95. Middle, rate 5: down to the dotted line within five steps. Right, rate 20: wild jumps between values below 10 and above 250."
figure, panels = show.figure(1, 3, height=2.7)
for axes, rate, name in zip(panels, (0.3, 5, 20), ("too small", "good", "too large")):
    axes.plot(bridge.descend(start, rate, 30, slope_at), "o-", color=red, ms=3, lw=1.2)
    axes.axhline(best, ls=":", color="k", lw=1.2)
    axes.set_title(f"rate {rate}: {name}", fontsize=10.5)
    axes.set(xlabel="step", ylim=(-20, 300) if rate == 20 else (40, 150))
panels[0].set_ylabel("threshold")
figure

# %% [markdown]
# ## Exercise 5: three rates
#
# Find three learning rates for the ball that starts at 140 (cross-entropy, all pixels, as in the explorable):
#
# - one with which it *creeps*: after ten steps it has not come half the way;
# - one with which it *arrives*: after at most ten steps its loss is within 0.001 of the smallest;
# - one with which it *jumps*: not even after 3,000 steps does it come to rest.
#
# Use the explorable, or `bridge.descend(start, rate, steps, slope_at)`.

# %% tags=["exercise"] exercise="find_rates"
def find_rates():
    raise NotImplementedError
    return {"creeps": 0, "arrives": 0, "jumps": 0}


# %% tags=["solution"] exercise="find_rates"
def find_rates():
    return {"creeps": 0.3, "arrives": 6, "jumps": 20}


# %% tags=["check", "nbval-check-output"] exercise="find_rates"
check.find_rates(find_rates)

# %% [markdown]
# ## A few pixels at a time
#
# For one step we have looked at 9,216 pixels. Would fewer not do? Draw 96 by lot and feel *their* slope. It is a little off,
# but it costs a hundredth. When every pixel has been used once, an epoch is over, and the next one draws a new order.

# %%
def descend_in_batches(size, rate, epochs, seed):
    """The thresholds after each step if each step looks at `size` pixels only."""
    rng, threshold, found = np.random.default_rng(seed), start, [start]
    flat, flat_truth = grey.ravel(), truth.ravel()
    for _ in range(epochs):
        order = rng.permutation(flat.size)  # a new order for each epoch
        for first in range(0, flat.size, size):
            batch = order[first : first + size]
            threshold = threshold - rate * bridge.slope(threshold, flat[batch], flat_truth[batch])
            found.append(threshold)
    return np.array(found)


# %%
#| label: fig-few-pixels
#| fig-cap: "Four epochs with the learning rate 3, each time the same number of pixels looked at. All pixels at once: four sure steps, and still far away. Batches of 96: 96 steps in each epoch; the ball is down after a small part of the first and then trembles a little. Batches of 8: down at once, and it trembles for ever, because 8 pixels know little about all of them."
#| fig-alt: "Three line plots of the threshold over four epochs with a dotted line at 54. All 9,216 pixels: five dots on a straight decline from 140 to 98. Batches of 96: a nearly vertical fall to the dotted line, then small wiggles. Batches of 8: the same fall, then a broad noisy band around the line."
figure, panels = show.figure(1, 3, height=2.7, sharey=True)
for axes, size in zip(panels, (grey.size, 96, 8)):
    found = descend_in_batches(size, rate=3, epochs=4, seed=0)
    epochs = np.arange(len(found)) * size / grey.size
    axes.plot(epochs, found, "o-" if size == grey.size else "-", color=red, ms=5, lw=1.2 if size > 8 else 0.6)
    axes.axhline(best, ls=":", color="k", lw=1.2)
    axes.set(title=f"all {size:,} pixels" if size == grey.size else f"batches of {size}", xlabel="epoch", ylim=(20, 150))
panels[0].set_ylabel("threshold")
figure

# %% [markdown]
# ## Exercise 6: the batches of an epoch
#
# Write `epoch_batches(number, size, rng)`. It returns a list of batches. Together they hold each of the indices
# 0, 1, …, `number` − 1 exactly once, in an order drawn by lot with `rng.permutation(number)`. Each batch has `size` of
# them; if the division leaves a remainder, the last batch is smaller.

# %% tags=["exercise"] exercise="epoch_batches"
def epoch_batches(number, size, rng):
    order = rng.permutation(number)
    raise NotImplementedError
    return batches


# %% tags=["solution"] exercise="epoch_batches"
def epoch_batches(number, size, rng):
    order = rng.permutation(number)
    return [order[first : first + size] for first in range(0, number, size)]


# %% tags=["check", "nbval-check-output"] exercise="epoch_batches"
check.epoch_batches(epoch_batches)

# %% [markdown]
# ## Two numbers, a million numbers
#
# Let the neuron learn a second number: how gradually it changes its mind. The curve becomes a landscape, and the slope an
# arrow with a direction. For the landscape we need the loss for any threshold *and* any softness.

# %%
def landscape(threshold, softness):
    """The cross-entropy for arrays of thresholds and softnesses; pixels of one grey value are counted once."""
    values, index = np.unique(grey, return_inverse=True)
    pixels, inside = np.bincount(index.ravel()), np.bincount(index.ravel(), weights=truth.ravel())
    z = (values - np.asarray(threshold)[..., None]) / np.asarray(softness)[..., None]
    return np.sum(pixels * np.logaddexp(0, z) - inside * z, axis=-1) / grey.size


def gradient(place, nudge=0.01):
    """Both slopes, by nudging one number at a time."""
    t, s = place
    return np.array([
        landscape(t + nudge, s) - landscape(t - nudge, s), landscape(t, s + nudge) - landscape(t, s - nudge)
    ]) / (2 * nudge)  # fmt: skip


place, track = np.array([110.0, 6.0]), [np.array([110.0, 6.0])]
for _ in range(2000):
    place = place - 100 * gradient(place)
    track.append(place)
track = np.array(track)

# %%
#| label: fig-landscape
#| fig-cap: "Two numbers to learn: the loss is a landscape (darker is lower; lines join places of equal loss). At each place the gradient points straight uphill; the arrows show the way against it. The ball's path begins at the circle: wrong as it is, the neuron first becomes less sure of itself, then finds the threshold, then becomes sure. Star: the end. A network with a million numbers has a million slopes, and the rest is the same."
#| fig-alt: "A contour map with the threshold across and the softness upwards. A path leads from a circle on the right up and to the left, then down into the lowest place near threshold 54, marked by a star. Small arrows on a grid point downhill, at right angles to the lines."
figure, axes = show.figure(height=3.5)
t, s = np.meshgrid(np.linspace(25, 125, 90), np.linspace(2, 44, 60))
surface = landscape(t, s)
levels = np.geomspace(surface.min() * 1.005, surface.max(), 14)
axes.contourf(t, s, surface, levels, cmap="Blues_r", extend="min")
axes.contour(t, s, surface, levels, colors="white", linewidths=0.5)
for t0 in range(30, 125, 10):
    for s0 in (5, 13, 21, 29, 37):
        arrow = -gradient((float(t0), float(s0)))
        arrow *= 4 / np.hypot(*arrow)
        axes.annotate("", (t0 + arrow[0], s0 + arrow[1]), (t0, s0), arrowprops={"arrowstyle": "-|>", "color": "#ffffff", "lw": 1, "shrinkA": 0, "shrinkB": 0})
axes.plot(*track.T, "-", color=orange, lw=2.5)
axes.plot(*track[0], "o", color=orange, ms=9, mec="k")
axes.plot(*track[-1], "*", color=orange, ms=16, mec="k")
axes.set(xlabel="threshold (grey value)", ylabel="softness", xlim=(25, 125), ylim=(2, 44), aspect="equal")
axes.grid(False)
figure

# %% [markdown]
# ## A person picks features, or the network learns them
#
# Our neuron sees one number of a pixel. A better answer needs the neighbourhood. For thirty years people invented what to
# compute from it; a network learns that as well. Here is the same piece of an image, looked at both ways. The last step is
# the same each time: neurons weigh four pictures, pixel by pixel, and answer with background, rim or inside.

# %%
picked = {
    "smoothed": ndimage.gaussian_filter(grey, 2),
    "edges": ndimage.gaussian_gradient_magnitude(grey, 1.5),
    "blobs": -ndimage.gaussian_laplace(grey, 5),
    "contrast": ndimage.generic_filter(grey, np.std, size=5),
}


rim = truth & ~ndimage.binary_erosion(truth, iterations=2, border_value=1)
classes = torch.tensor(np.where(rim, 1, np.where(truth, 2, 0))[None])  # background, rim, inside


def train(network, pictures, steps=250):
    """Train a network on this one piece; returns its probability of "inside or rim" for each pixel."""
    optimiser = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(pictures), classes).backward()
        optimiser.step()
    with torch.no_grad():
        return 1 - network(pictures).softmax(dim=1)[0, 0].numpy()


def standardised(picture):
    return (picture - picture.mean()) / picture.std()


nets.seed_everything(3)
hand = torch.tensor(np.stack([standardised(picture) for picture in picked.values()])[None]).float()
by_hand = train(torch.nn.Conv2d(4, 3, 1), hand)  # neurons that weigh the four pictures
looks = torch.tensor(standardised(grey)[None, None]).float()
filters = torch.nn.Conv2d(1, 4, 7, padding=3, padding_mode="reflect")  # four windows of 7 × 7 weights
learnt = train(torch.nn.Sequential(filters, torch.nn.ReLU(), torch.nn.Conv2d(4, 3, 1)), looks)
with torch.no_grad():
    maps = torch.relu(filters(looks))[0].numpy()
kernels = filters.weight.detach().numpy()[:, 0]

# %%
#| label: fig-who-learns
#| fig-cap: "Above: a person has picked four things to look for; the computer learns only how to weigh them. Below: the network has learnt what to look for as well. The small squares are its four windows of 7 × 7 weights (blue positive, red negative), each in the corner of the picture that it makes. Trained on this one piece, so do not read the right column as a result."
#| fig-alt: "Two rows of pictures. Each begins with the same grey nuclei and ends with a map of the probability of nucleus. Above, four pictures in between are titled smoothed, edges, blobs and contrast and framed in orange. Below, four learnt feature maps framed in blue, each with a small square of coloured weights in its corner."
figure, panels = show.figure(2, 6, height=3.5)
rows = (
    ("a person\npicks features", orange, list(picked.values()), list(picked), by_hand),
    ("the network\nlearns features", blue, list(maps), ["learnt 1", "learnt 2", "learnt 3", "learnt 4"], learnt),
)
for row, (name, colour, pictures, titles, probability) in zip(panels, rows):
    shown = [grey, *pictures, probability]
    for axes, picture, title in zip(row, shown, ["image", *titles, "“nucleus”"]):
        axes.imshow(picture, cmap="gray")
        axes.set(title=title, xticks=[], yticks=[])
        axes.title.set_fontsize(9.5)
        for spine in axes.spines.values():
            spine.set(visible=True, color=colour if title in titles else "#666666", lw=2.5 if title in titles else 0.8)
    row[0].set_ylabel(name, fontsize=10.5, color="k")
for axes, kernel in zip(panels[1, 1:5], kernels):
    inset = axes.inset_axes((0.0, 0.0, 0.36, 0.36))
    limit = np.abs(kernel).max()
    inset.imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
    inset.set(xticks=[], yticks=[])
figure

# %% [markdown]
# ## Convolution: one window for all places
#
# Each of these pictures was made by a window that slides over the image. At every place it multiplies the pixels below it
# by its weights and adds up. The same few weights are used everywhere: that is a convolution.

# %%
#| label: fig-convolution
#| fig-cap: "A convolution in one drawing. A window of weights (middle, one of the four that were learnt) lies on a place of the image (left). Pixels times weights, added up, give one pixel of a new image, the feature map (right). Then the window moves on by one pixel. 49 weights, whatever the size of the image."
#| fig-alt: "Left: the grey nuclei with an orange square. Middle: an enlarged square of 7 by 7 coloured weights. Right: the feature map with one orange pixel marked at the same place. Lines lead from the square in the image to the weights and on to the pixel; arrows are labelled times weights and add up."
figure, (left, middle, right) = show.figure(1, 3, height=2.9, width_ratios=(1.3, 0.8, 1.3))
chosen = int(np.argmax([feature[truth].mean() - feature[~truth].mean() for feature in maps]))  # bright in nuclei
y, x = 47, 32  # the edge of a nucleus
left.imshow(grey, cmap="gray", vmax=120)
left.add_patch(Rectangle((x - 3.5, y - 3.5), 7, 7, fill=False, ec=orange, lw=2.5))
limit = np.abs(kernels[chosen]).max()
middle.imshow(kernels[chosen], cmap="RdBu", vmin=-limit, vmax=limit)
middle.set_xticks(np.arange(-0.5, 7), minor=True)
middle.set_yticks(np.arange(-0.5, 7), minor=True)
middle.grid(which="minor", color="white", lw=0.8)
right.imshow(maps[chosen], cmap="gray")
right.add_patch(Rectangle((x - 1.5, y - 1.5), 3, 3, fill=False, ec=orange, lw=2.5))
for axes, title in ((left, "image"), (middle, "window of weights"), (right, "feature map")):
    axes.set(title=title, xticks=[], yticks=[])
for a, b, begin, end in ((left, middle, (x + 3.5, y), (-0.6, 3)), (middle, right, (6.6, 3), (x - 1.5, y))):
    b.annotate("", end, begin, textcoords=a.transData, annotation_clip=False,
               arrowprops={"arrowstyle": "-|>", "color": orange, "lw": 2.5, "mutation_scale": 18, "shrinkA": 0, "shrinkB": 0})
figure

# %% [markdown]
# ## Encoder and decoder: down and up again
#
# A window of 7 × 7 pixels does not see a whole nucleus. So networks shrink their pictures on the way: on a small picture the
# same window covers much. That half is called encoder. Where the answer must be an image again, a second half, the
# decoder, enlarges step by step. The pictures below come from the course's own trained U-Net.

# %%
unet = tools.unet.course_model()
seen, handles = {}, []
layers = {f"down {i}": block for i, block in enumerate(unet.down)} | {"bottom": unet.bottom}
layers |= {f"up {i}": block for i, block in enumerate(unet.up)}
for name, layer in layers.items():
    handles.append(layer.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output[0].numpy()})))
with torch.no_grad():
    scores = unet(torch.tensor(data.normalise(grey))[None, None].float())[0]
for handle in handles:
    handle.remove()

# %%
#| label: fig-down-and-up
#| fig-cap: "Encoder and decoder in one drawing, with pictures from a trained network (the U-Net of a later chapter). On the way down, the encoder's feature maps become smaller and more: they say what is there and lose where exactly. On the way up the decoder enlarges them to an image of the old size, here how sure the network is of “inside a nucleus”."
#| fig-alt: "A V of grey pictures. On the left the image of nuclei, then ever smaller stacks of feature maps going down, labelled encoder, to tiny ones at the bottom. On the right ever larger stacks going up, labelled decoder, ending in a clean picture of the nuclei. Numbers below each stack give size and count of the maps."
figure, axes = show.figure(height=3.9)


def stack(axes, name, x, y, size, side):
    """Draw the three liveliest maps of a layer, centred at x, y, and write beside them how many there are."""
    pictures = seen[name]
    liveliest = np.argsort(-pictures.std(axis=(1, 2)))[:3]
    for depth, which in reversed(list(enumerate(liveliest))):
        left, base = x - size / 2 + 0.1 * (depth - 1), y - size / 2 + 0.1 * (depth - 1)
        axes.imshow(pictures[which], cmap="gray", extent=(left, left + size, base, base + size), zorder=5 - depth)
        axes.add_patch(Rectangle((left, base), size, size, fill=False, ec="white", lw=0.8, zorder=5 - depth))
    text = f"{len(pictures)} maps\n{pictures.shape[1]} × {pictures.shape[2]}"
    axes.text(x + side * (size / 2 + 0.25), y - 0.1, text, ha="right" if side < 0 else "left", va="center", fontsize=8.5)


sizes = [1.6, 1.3, 1.05, 0.85, 0.65]
heights_of = [0, -1.55, -2.85, -3.95, -4.8]
shifts = [3.6, 2.85, 2.15, 1.45, 0]  # from the middle
depth = len(unet.down)
places = {f"down {i}": (-shifts[i], heights_of[i], sizes[i], -1) for i in range(depth)}
places["bottom"] = (0, heights_of[depth], sizes[depth], 1)
places |= {f"up {i}": (shifts[depth - 1 - i], heights_of[depth - 1 - i], sizes[depth - 1 - i], 1) for i in range(depth)}
for name, place_of in places.items():
    stack(axes, name, *place_of)
for picture, x, title in ((grey, -6.9, "image"), (scores.softmax(dim=0)[2].numpy(), 6.9, "answer")):
    axes.imshow(picture, cmap="gray", extent=(x - 0.8, x + 0.8, -0.8, 0.8))
    axes.text(x, 1.0, title, ha="center", fontsize=10.5)
axes.text(-6.6, -3.6, "encoder:\nsmaller pictures,\nmore of them", color=blue, ha="center", fontsize=10.5, weight="bold")
axes.text(6.6, -3.6, "decoder:\nlarge again,\nstep by step", color=green, ha="center", fontsize=10.5, weight="bold")
drawn = list(places.values())
for (x0, y0, size0, _), (x1, y1, size1, _) in zip(drawn, drawn[1:]):
    down = y1 < y0
    begin = (x0 + 0.25 * size0, y0 - size0 / 2 - 0.12) if down else (x0 + 0.2 * size0, y0 + size0 / 2 + 0.12)
    end = (x1, y1 + size1 / 2 + 0.12) if down else (x1 - 0.1 * size1, y1 - size1 / 2 - 0.12)
    axes.annotate("", end, begin, arrowprops={"arrowstyle": "-|>", "color": blue if down else green, "lw": 2, "shrinkA": 0, "shrinkB": 0}, zorder=9)
for begin, end, colour in (((-6.0, 0.5), (-4.6, 0.5), blue), ((4.7, 0.5), (6.0, 0.5), green)):
    axes.annotate("", end, begin, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0})
axes.set(xlim=(-7.9, 7.9), ylim=(-5.3, 1.3), aspect="equal")
axes.set_axis_off()
figure

# %% [markdown]
# ## What goes wrong
#
# ### A plateau
#
# Instead of the logarithm one could square the error: how far is the probability from the truth, squared. That
# punishes a sure wrong answer with 1 at most. Start where every answer is sure and wrong.

# %%
#| label: fig-plateau
#| fig-cap: "The same ball, the same learning rate 5, two losses. With the squared error the start lies on a plateau: every nucleus is missed with certainty, and a little to the right or left nothing gets better. So the ball does not move. The cross-entropy slopes everywhere, because the price of a sure mistake goes on rising."
#| fig-alt: "Left: two curves of loss against threshold, each scaled to its value at 140. Cross-entropy is a steep valley. The squared error has a narrow valley near 53 and is flat from about 110 on, where its ball lies. Right: threshold over 20 steps; cross-entropy falls to 54 within six steps, the squared error stays at 140."
ways = {loss: bridge.descend(start, learning_rate, 20, lambda t, loss=loss: bridge.slope(t, grey, truth, loss))
        for loss in ("cross-entropy", "squared error")}  # fmt: skip
figure, (left, right) = show.figure(1, 2, height=3, width_ratios=(1.4, 1))
for (loss, found), colour, line in zip(ways.items(), (blue, orange), ("-", "--")):
    scale = bridge.mean_loss(start, grey, truth, loss)
    curve = np.array([bridge.mean_loss(threshold, grey, truth, loss) for threshold in thresholds]) / scale
    left.plot(thresholds, curve, line, color=colour, lw=2, label=loss)
    right.plot(found, "o" + line, color=colour, ms=3.5, lw=1.5)
left.plot(start, 1, "o", color=red, ms=9, mec="white", zorder=5)
left.set(xlabel="threshold (grey value)", ylabel="loss / loss at the start", ylim=(0, 1.6), xlim=(20, 160))
left.legend(loc="upper center")
right.set(xlabel="step", ylabel="threshold", ylim=(40, 150))
figure

# %% [markdown]
# ### A staircase
#
# And why not make the share of wrong pixels small, which is what we care about? Because it is a staircase.

# %% tags=["nbval-check-output"]
stairs = [bridge.mean_loss(g + 0.5 + nudge, grey, truth, "wrong pixels") for g in range(150) for nudge in (-0.2, 0.0, 0.2)]
flat = np.ptp(np.reshape(stairs, (-1, 3)), axis=1) == 0
print(f"places out of {len(flat)} at which a nudge of 0.2 grey values changes the share of wrong pixels: {np.sum(~flat)}")

# %% [markdown]
# ### Another picture
#
# The number was learnt from one piece of one image. How good is it elsewhere: on the neighbouring piece, and on the same
# piece, recorded with half the light?

# %%
#| label: tbl-found
#| tbl-cap: "Wrong pixels with the threshold that was learnt on the first piece, with Otsu's threshold, which looks at the image it is used on and at no outlines, and with the best threshold for each picture."
learnt_threshold = way[-1]
neighbour, neighbour_truth = bridge.nuclei(bridge.OTHER_PIECE)
pictures = {
    "the piece it was learnt from": (grey, truth),
    "the piece to its left": (neighbour, neighbour_truth),
    "the first piece, half as bright": (grey / 2, truth),
}
wrong = {}
for name, (picture, outlines) in pictures.items():
    at = {"learnt": learnt_threshold, "Otsu": threshold_otsu(picture.astype(int))}
    wrong[name] = {how: bridge.mean_loss(threshold, picture, outlines, "wrong pixels") for how, threshold in at.items()}
    wrong[name]["best"] = min(bridge.mean_loss(threshold, picture, outlines, "wrong pixels") for threshold in thresholds)
show.table([[name, *(f"{value:.1%}" for value in row.values())] for name, row in wrong.items()],
           ["picture", "learnt threshold", "Otsu's threshold", "best possible"])  # fmt: skip

# %%
#| label: fig-dim
#| fig-cap: "Learnt in the light, used in the dark. Left: the mask of the learnt threshold on the piece it was learnt from. Middle: the same piece, half as bright; the same threshold finds almost nothing. Right: the ball has rolled again, with the loss of the dim picture."
#| fig-alt: "Three pictures of the same nuclei with yellow outlines. Left: the blue mask fills the outlines. Middle, dimmer: only a few blue pixels in the brightest nuclei. Right, dimmer: the blue mask fills the outlines again."
dim = grey / 2
again = bridge.descend(start, learning_rate, 40, lambda t: bridge.slope(t, dim, truth))[-1]
figure, panels = show.figure(1, 3, height=2.8)
for axes, picture, threshold, title in zip(
    panels, (grey, dim, dim), (learnt_threshold, learnt_threshold, again), ("as learnt", "half the light", "learnt again")
):
    axes.imshow(picture, cmap="gray", vmax=120)
    axes.imshow(np.where(picture > threshold, 1.0, np.nan), cmap="Blues", vmin=0, vmax=1.3, alpha=0.6)
    axes.contour(truth, [0.5], colors="#F0E442", linewidths=1)
    axes.set_title(f"{title}: {bridge.mean_loss(threshold, picture, truth, 'wrong pixels'):.0%} wrong", fontsize=10)
    axes.set_axis_off()
figure

# %% [markdown]
# ## What the chapter claims
#
# Sentences of the page about the numbers above, each with the condition that makes it true.

# %% tags=["claims", "nbval-check-output"]
jumping = bridge.descend(start, 20, 400, slope_at)[-100:]
creeping = bridge.descend(start, 0.3, 40, slope_at)[-1]
first_epochs = [descend_in_batches(96, rate=3, epochs=1, seed=seed)[-1] for seed in range(10)]
one_step = descend_in_batches(grey.size, rate=3, epochs=1, seed=0)[-1]
tremble = {size: np.std(descend_in_batches(size, rate=3, epochs=2, seed=0)[-50:]) for size in (96, 8)}
moved = {loss: abs(found[10] - start) for loss, found in ways.items()}
learnt_on, beside, half = wrong.values()
show.claims(
    ("arrives", "309a6c", abs(way[-1] - best) < 1 and heights[-1] < losses.min() + 0.001,
     f"after ten steps {way[-1]:.1f}; best of {len(thresholds)} thresholds {best:.1f}"),
    ("creeps-and-jumps", "5e6ab6", creeping - best > 20 and np.mean(np.abs(jumping - best)) > 20,
     f"rate 0.3 after 40 steps {creeping - best:.0f} grey values away; rate 20, steps 301 to 400, more than 20 away on average"),
    ("batches-are-quick", "289991", max(abs(t - best) for t in first_epochs) < 5 and one_step > 120,
     f"after one epoch: batches of 96 within {np.ceil(max(abs(t - best) for t in first_epochs)):.0f} grey values in 10 of 10 orders; all at once still at {one_step:.0f}"),
    ("small-batches-tremble", "27feb7", tremble[8] > 2 * tremble[96], f"spread of the last 50 thresholds: {tremble[96]:.1f} with 96 pixels, {tremble[8]:.1f} with 8"),
    ("plateau", "261bf4", moved["squared error"] < 0.5 and moved["cross-entropy"] > 80,
     f"moved in ten steps: squared error {moved['squared error']:.1f}, cross-entropy {moved['cross-entropy']:.0f} grey values"),
    ("stairs", "26a9c3", flat.all(), f"a nudge changes nothing at {flat.sum()} of {flat.size} places"),
    ("otsu-as-good", "651a03", abs(learnt_on["Otsu"] - learnt_on["learnt"]) < 0.002 and beside["Otsu"] < beside["learnt"],
     f"wrong pixels: first piece {learnt_on['learnt']:.1%} and {learnt_on['Otsu']:.1%}, next piece {beside['learnt']:.1%} and {beside['Otsu']:.1%}"),
    ("elsewhere-worse", "ee8ac7", beside["learnt"] > 2 * learnt_on["learnt"], f"wrong pixels {learnt_on['learnt']:.1%} and {beside['learnt']:.1%}"),
    ("half-the-light", "1198e0", half["learnt"] > 5 * learnt_on["learnt"] and bridge.mean_loss(again, dim, truth, "wrong pixels") < 0.06,
     f"wrong pixels {half['learnt']:.0%}, learnt again {bridge.mean_loss(again, dim, truth, 'wrong pixels'):.0%}"),
)
