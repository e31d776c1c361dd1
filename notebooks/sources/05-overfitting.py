# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "05"
#   title: Overfitting and validation
#   extra: training
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# A network that knows its training images by heart is worth nothing if it fails on the next one. You will see it
# happen, read it off two curves, find out in ten minutes whether a training can work, catch the most common way to fool oneself, and measure what the remedies are worth.
#
# Seven exercises wait for you. Networks are tiny, so that each of them is trained in a second or two.

# %% tags=["setup"]
import json
from importlib import resources

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bioimage_course import check, data, explore, metrics, nets, show
from bioimage_course.materials import ch05 as clinic

torch.set_num_threads(1)  # tiny networks do not gain from more
blue, orange, red, green = (show.PALETTE[colour] for colour in ("blue", "orange", "vermilion", "green"))
results = json.loads((resources.files("bioimage_course") / "weights/overfitting/results.json").read_text("utf-8"))

# %% [markdown]
# ## Does the treatment damage DNA?
#
# Nuclei in a stain for DNA breaks: dim, with bright repair foci. In treated wells there are more foci. The images
# are simulated, so that we know the truth and can make as many as we like. Crops come from *fields of view*; a field
# is either control or treated, and each has its own stray light, staining, focus and slope of illumination.

# %% tags=["nbval-check-output"]
crops = data.synthetic.foci_crops(fields=8, cells=12, seed=10)
print(crops.images.shape, crops.class_names, "fields:", len(np.unique(crops.fields)))

# %%
#| label: fig-crops
#| fig-cap: "Ten crops from each of four fields, all with the same contrast. Every row is one field. Rows differ in the number of foci, which has to do with the treatment, and a little in background, staining and sharpness, which has not. Some treated nuclei have few foci, some control ones several: not even a perfect observer is always right."
#| fig-alt: "Grid of small grey images in four rows. Each shows one dim round nucleus. In the first and third row, titled treated, most nuclei have several bright dots; in the other two, titled control, most have one or none."
chosen = [i for field in range(4) for i in np.flatnonzero(crops.fields == field)[:10]]
titles = [crops.class_names[crops.classes[i]] if n % 10 == 0 else "" for n, i in enumerate(chosen)]
show.images([crops.images[i] for i in chosen], titles, columns=10, limits="shared")

# %% [markdown]
# The network slides small windows of learnt weights over the image (two *convolutions*, each followed by pooling, which
# keeps the largest of four neighbouring values); two ordinary layers of neurons read the class from what comes out. The
# *loss* (cross-entropy) is large where the network is sure of the wrong class. `train` makes a network, shows it all crops again and
# again (each time is an *epoch*), moves its weights a little downhill on the loss after each *batch* of 16 crops (the *optimiser*, here
# AdamW, decides how far), and returns it with its history. All options are off unless switched on.

# %%
def to_tensors(crops):
    """Images (n, 1, 20, 20) with fixed offset and scale, and classes (n,)."""
    images = torch.tensor((crops.images.astype(np.float32) - 180) / 80)
    return images[:, None], torch.tensor(crops.classes)


def make_network(width=8, hidden=64, dropout=0.0):
    """Two convolutions with pooling, then two fully connected layers; two scores."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2 * width * 5 * 5, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, 2),
    )  # fmt: skip


def augment(batch):
    """Collate a batch; turn and mirror it, and change each crop's staining and stray light."""
    images, classes = map(torch.stack, zip(*batch, strict=True))
    images = torch.rot90(images, int(torch.randint(4, ())), (2, 3))
    if torch.rand(()) < 0.5:
        images = images.flip(3)
    gain, offset = torch.exp(0.15 * torch.randn(len(images), 1, 1, 1)), 0.3 * torch.randn(len(images), 1, 1, 1)
    return images * gain + offset, classes


def train(training, validation, *, width=8, hidden=64, dropout=0.0, augmented=False, seed=0, epochs=40,
          learning_rate=2e-3, weight_decay=0.0, patience=None, batch=16, metrics=None):  # fmt: skip
    """A network trained on crops, and its history."""
    nets.seed_everything(seed)
    network = make_network(width, hidden, dropout)
    loader = DataLoader(
        TensorDataset(*to_tensors(training)), batch_size=batch, shuffle=True,
        collate_fn=augment if augmented is True else augmented or None,
    )  # fmt: skip
    history = nets.fit(
        network, loader, [to_tensors(validation)], loss=nn.CrossEntropyLoss(), optimiser="adamw",
        learning_rate=learning_rate, weight_decay=weight_decay, epochs=epochs, patience=patience,
        metrics=metrics, seed=seed, device="cpu", progress=False,
    )  # fmt: skip
    return network, history


def score(network, crops):
    """Accuracy and mean loss on crops."""
    images, classes = to_tensors(crops)
    scores = nets.predict(network, images, device="cpu")
    accuracy = (scores.argmax(dim=1) == classes).float().mean().item()
    return accuracy, nn.functional.cross_entropy(scores, classes).item()


# %% [markdown]
# ## Three behaviours
#
# Eight fields for training, or 48. Twelve other fields for validation: the network never learns from them, we only
# look at their loss after every epoch. And forty more, the *test* fields, which nobody looks at until the end.

# %%
few, many = crops, data.synthetic.foci_crops(48, 12, seed=11)
validation = data.synthetic.foci_crops(12, 12, seed=20)
test = data.synthetic.foci_crops(40, 12, seed=999)
supply = data.synthetic.foci_crops(200, 12, seed=5)  # many more, to see what luck did with the forty
runs = {
    "underfitting": train(many, validation, width=1, hidden=2, learning_rate=2e-4),
    "good fit": train(many, validation, augmented=True),
    "overfitting": train(few, validation),
}

# %%
#| label: fig-behaviours
#| fig-cap: "Three trainings on the same task. Underfitting: a network of a few weights, trained too gently; both losses are high and still falling. Good fit: both losses are low and close together. Overfitting: a larger network and few fields; the training loss goes to zero while the validation loss turns round and rises. Dots mark the lowest validation loss."
#| fig-alt: "Three panels of training loss, solid blue, and validation loss, dashed vermilion, over 40 epochs. Left: both fall together slowly and stay above 0.4. Middle: both fall to about 0.3. Right: training falls to zero, validation falls for four epochs, then climbs to about 0.9, with peaks above 1.1."
def draw_losses(axes, losses, best=None):
    styles = {"training": (blue, "-"), "validation": (red, "--"), "new fields": ("k", ":")}
    for name, values in losses.items():
        colour, line = styles[name]
        axes.plot(np.arange(1, len(values) + 1), values, line, color=colour, lw=1.8, label=name)
    if best is not None:
        axes.plot(best, losses["validation"][best - 1], "o", color=red)


figure, panels = show.figure(1, 3, height=2.9, sharey=True)
for axes, (name, (network, history)) in zip(panels, runs.items()):
    draw_losses(axes, {"training": history.train_loss, "validation": history.validation_loss}, history.best_epoch)
    axes.set(title=name, xlabel="epoch", ylim=(0, 1.2))
panels[0].set_ylabel("loss")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
figure

# %%
#| label: tbl-behaviours
#| tbl-cap: "The same three networks on forty fields that they have never met, and on 200 others. The overfitted one knows its training crops perfectly and pays for it: its loss on new fields is the highest, because it is sure of itself when it is wrong. (The good fit is right more often on the forty fields than on its training crops: these forty happen to be easy, as the 200 show.)"
judged = {}
for name, (network, history) in runs.items():
    judged[name] = [score(network, part) for part in (many if name != "overfitting" else few, test, supply)]
rows = [[name, nets.count_parameters(runs[name][0]), f"{inside:.0%}", f"{outside:.0%}", loss, f"{further:.0%}", further_loss]
        for name, ((inside, _), (outside, loss), (further, further_loss)) in judged.items()]
show.table(rows, ["training", "weights", "right on training crops", "right on 40 new fields", "loss", "right on 200 others", "loss there"], digits=2)

# %% tags=["nbval-check-output"]
over, good, under = (runs[name][1] for name in ("overfitting", "good fit", "underfitting"))
print("overfitting: validation rose again:", over.validation_loss[-1] > min(over.validation_loss) + 0.1)
print("good fit: gap below 0.15:", abs(good.validation_loss[-1] - good.train_loss[-1]) < 0.15)
print("underfitting: even training stays bad:", under.train_loss[-1] > good.train_loss[-1] + 0.05)

# %% [markdown]
# ## Turn it yourself
#
# A smaller network, trained in your browser. Make it overfit; then look for three different cures.

# %% tags=["widget"]
explore.overfitting()

# %% [markdown]
# ## Exercise 1: read the curves
#
# Six trainings. Besides training and validation loss there is a third curve: the loss on fields that were recorded
# later (*new fields*). What happened? Choose for each panel one of `"underfitting"`, `"good fit"`, `"overfitting"`,
# `"leakage"` (validation data were not independent), `"learning rate too high"` and `"dropout"` (validation looks
# easier than training, because dropout and augmentation are switched on in training only).

# %% tags=["hide-input"]
#| label: fig-six
#| fig-cap: "Six trainings of the same kind of network, for the exercise. Which one would you use?"
#| fig-alt: "Six panels A to F with three loss curves each: training solid, validation dashed, new fields dotted. A: training above the other two, all falling to about 0.3. B: training falls to zero, both others rise. C: training and validation fall, new fields rise far up. D: all three low and together. E: a leap at the start, then all three flat at 0.69. F: all three fall together slowly and stay high."
figure, panels = show.figure(2, 3, height=4.9, sharex=True, sharey=True)
names = list(results["curves"])
for axes, letter, which in zip(panels.flat, "ABCDEF", (5, 2, 3, 1, 4, 0)):
    draw_losses(axes, results["curves"][names[which]])
    axes.set(title=letter, ylim=(0, 1.6))
for axes in panels[1]:
    axes.set_xlabel("epoch")
for axes in panels[:, 0]:
    axes.set_ylabel("loss")
figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
figure

# %% tags=["exercise"] exercise="read_curves"
def diagnoses():
    raise NotImplementedError
    return {"A": "", "B": "", "C": "", "D": "", "E": "", "F": ""}


# %% tags=["solution"] exercise="read_curves"
def diagnoses():
    return {"A": "dropout", "B": "overfitting", "C": "leakage", "D": "good fit",
            "E": "learning rate too high", "F": "underfitting"}  # fmt: skip


# %% tags=["check", "nbval-check-output"] exercise="read_curves"
check.read_curves(diagnoses)

# %% [markdown]
# ## The first ten minutes of a training
#
# Before you wait for a long training, ask whether it can work at all. Five tests take a minute together. `clinic.Training`
# is a healthy script for our crops, in parts: `batch`, `network`, `loss`, `update`, `answers`. Each part can be sick.

# %%
#| label: fig-batch-seen
#| fig-cap: "Look at the batch: eight crops as the network gets them, from its own batch, with the class that it is told. Above all is well. Below, the file came as rows × columns × crops and was reshaped where its axes had to be moved: the same numbers in the same shape, and no nucleus left. Nothing but a look shows it."
#| fig-alt: "Two rows of eight small grey images, titled control or treated. Above, one round nucleus in each, with several bright dots in the treated ones. Below, only stripes and specks that look like a torn picture, under the same titles."
healthy = clinic.Training()
pick = np.concatenate([np.flatnonzero(crops.classes == kind)[:4] for kind in (0, 1)])
shown, titles = [], []
for script in (healthy, clinic.WrongAxes()):
    images, classes = script.batch(crops.take(pick))  # what the network gets, not what lies on the disk
    shown.extend(images[:, 0].numpy())
    titles.extend(crops.class_names[kind] for kind in classes)
show.images(shown, titles, columns=8, limits="shared")

# %% tags=["nbval-check-output"]
for script in (healthy, clinic.WrongAxes()):  # shape, type and spread are no help here
    images, classes = script.batch(crops)
    print(tuple(images.shape), images.dtype, f"standard deviation {images.std():.1f}")

# %%
#| label: fig-eight-crops
#| fig-cap: "Learn eight crops by heart: the loss on these eight, while the network is trained on them alone. It should start at the price of guessing (dotted, ln 2) and go to zero. With a softmax before a loss that contains one already it comes to rest at 0.31; with gradients that are never cleared it falls, and then is thrown about without end."
#| fig-alt: "Three curves of loss over 240 updates, all starting at a dotted line at 0.69. The solid one falls to zero within 50 updates. The dashed one comes down to 0.31 and stays there. The dash-dotted one falls at first and then swings between zero and beyond the top of the figure."
eight = {"healthy": clinic.eight_crops(healthy, crops), "double softmax": clinic.eight_crops(clinic.DoubleSoftmax(), crops),
         "gradients never cleared": clinic.eight_crops(clinic.NoZeroGrad(), crops)}  # fmt: skip
figure, axes = show.figure()
for (name, losses), line, colour in zip(eight.items(), ("-", "--", "-."), (blue, orange, red)):
    axes.plot(np.clip(losses, 0, 2), line, color=colour, label=name)
axes.axhline(np.log(2), color="k", ls=":", lw=1, label="ln 2, guessing")
axes.set(xlabel="update", ylabel="loss on the eight crops", ylim=(-0.03, 1.5))
figure.legend(loc="outside right center")
figure

# %%
#| label: fig-range-test
#| fig-cap: "A learning-rate range test: the rate grows from batch to batch. On the left nothing happens, then the loss falls, then it is thrown up and nothing is learnt any more. Choose a rate on the slope (circle), some ten times below the one with the lowest loss; the cross marks a rate that is too high."
#| fig-alt: "Loss against the learning rate from 0.00001 to 1, logarithmic. The curve is flat at 0.69 up to 0.0003, falls to a minimum of about 0.45 near 0.03, and rises steeply to 0.7 and above beyond 0.1. A circle stands on the slope at 0.002, a cross at 0.2."
many_crops = data.synthetic.foci_crops(16, 12, seed=12)


def smoothed(losses, width=7):
    """Running mean, for single batches scatter."""
    return np.convolve(np.pad(losses, width // 2, mode="edge"), np.ones(width) / width, mode="valid")


rates, range_losses = clinic.rate_range(healthy, many_crops)
figure, axes = show.figure(height=2.8)
axes.semilogx(rates, range_losses, color=blue, lw=0.6, alpha=0.5)
axes.semilogx(rates, smoothed(range_losses), color=blue, label="mean of seven batches")
for script, marker, colour, name in ((healthy, "o", green, "on the slope"), (clinic.RateTooHigh(), "x", red, "too high")):
    rate = script.learning_rate
    axes.plot(rate, np.interp(rate, rates, smoothed(range_losses)), marker, ms=9, mew=2.5, color=colour, label=name)
axes.set(xlabel="learning rate", ylabel="loss of the batch", ylim=(0, 1.2))
axes.legend(loc="lower left")
figure

# %% [markdown]
# The last test trains on labels that have been shuffled. Then there is nothing to learn, and on held-out crops the network must be at
# chance. If it is not, something in the program tells it the answers. As an example: every crop was copied, with its
# label, under a second name, and nobody noticed before the crops were divided.

# %%
def relabelled(crops, seed):
    """The same crops under shuffled labels: of each class one half gets the other name."""
    classes = clinic.shuffled(torch.tensor(crops.classes), seed).numpy()
    return data.synthetic.FieldCrops(crops.images, classes, crops.class_names, crops.fields)


chance = {"true labels": [], "shuffled labels": [], "shuffled labels, each crop twice": []}
for seed in range(6):
    meaningless = relabelled(crops, seed)
    order = np.random.default_rng(seed).permutation(2 * len(crops)) % len(crops)  # each crop twice
    for name, training, held_out in (
        ("true labels", crops, many_crops),
        ("shuffled labels", meaningless, many_crops),
        ("shuffled labels, each crop twice", meaningless.take(order[64:]), meaningless.take(order[:64])),
    ):
        chance[name].append(score(train(training, held_out, seed=seed)[0], held_out)[0])

# %%
#| label: fig-shuffled-labels
#| fig-cap: "Shuffled labels must give chance (dotted). Six trainings each, judged on crops that were held out. With shuffled labels single networks stray to either side; on average they guess. Where each crop was copied with its label, many lie on both sides, and they do not guess: the program leaks. (This finds copies; a leak by image needs labels shuffled image by image.)"
#| fig-alt: "Three rows of six dots of accuracy. True labels: all near 0.8. Shuffled labels: scattered on both sides of a dotted line at one half. Shuffled labels with each crop twice: all clearly above one half."
figure, axes = show.figure(height=2.6)
for row, (name, values) in enumerate(chance.items()):
    axes.plot(values, np.full(len(values), row), "o", color=blue, alpha=0.6)
    axes.plot(np.mean(values), row, "|", ms=22, mew=3, color=orange)
axes.axvline(0.5, color=red, ls=":")
axes.set(xlabel="accuracy on held-out crops (bar: mean)", xlim=(0, 1), ylim=(2.5, -0.5), yticks=range(3), yticklabels=list(chance))
figure

# %% tags=["nbval-check-output"]
print("healthy: starts at ln 2 within 0.1:", abs(eight["healthy"][0] - np.log(2)) < 0.1)
print("healthy: learns eight crops by heart:", eight["healthy"][-20:].max() < 0.05)
print("double softmax: cannot go below 0.31:", np.nanmin(eight["double softmax"]) > 0.31)

# %% [markdown]
# ## Exercise 2: six sick trainings
#
# Six scripts, each the healthy one with a single part gone wrong. The figure has the chart of each patient: its batch with labels, and below it
# the loss on other fields, asked for twice in a row; the loss on eight crops; the range test, with the script's own learning rate
# (dashed); and the accuracy on other fields after training with true and with shuffled labels. Every patient has one of these sicknesses:
#
# `"double softmax"`, `"no zero_grad"`, `"shuffled labels"`, `"wrong axes"`, `"forgotten eval"`, `"rate too high"`
#
# Name for each the sickness *and* the test that convicts it: one that it fails and that a healthy script
# passes. Where two patients fail the same one, the other panels decide (the range test has an update of its own). The
# tests: `"loss at the start"`, `"look at the batch"`, `"eight crops"`, `"learning-rate range"`, `"shuffled labels"`,
# `"ask twice"`. You may go on examining: `clinic.eight_crops(clinic.PATIENTS["A"], crops)`, and so on. The
# code of the patients lies in `bioimage_course/materials/ch05.py`; look at it afterwards.

# %% tags=["hide-input"]
#| label: fig-clinic
#| fig-cap: "The charts of six patients, and of a healthy script for comparison (top)."
#| fig-alt: "Seven rows, healthy and A to F, of four panels each: a montage of eight crops with two numbers below it, the loss on eight crops, the range test, and dots of accuracy with true and shuffled labels. In each row of a patient at least one panel differs from that of the healthy script."
def chart(script, panels, name):
    small = {"fontsize": 8}
    images, classes = script.batch(crops)
    chosen = [*torch.where(classes == 0)[0][:4], *torch.where(classes == 1)[0][:4]]
    rows = [torch.cat([images[i, 0] for i in chosen[part]], dim=1) for part in (slice(0, 4), slice(4, 8))]
    panels[0].imshow(torch.cat(rows), cmap="gray")
    panels[0].set(xticks=(), yticks=(10, 30))
    panels[0].set_yticklabels(crops.class_names, fontsize=7, rotation=90, va="center")
    panels[0].set_title(name, fontsize=11, weight="bold")
    first, second = clinic.asked_twice(script, crops, many_crops)
    panels[0].set_xlabel(f"asked twice: {first:.3f}, {second:.3f}", **small)
    losses = clinic.eight_crops(script, crops)
    panels[1].plot(np.clip(losses, 0, 2), color=blue, lw=1.2)
    panels[1].set(ylim=(-0.05, 1.5), xticks=(0, 100, 200))
    panels[1].set_title(f"eight crops, start {losses[0]:.2f}", **small)
    rates, losses = clinic.rate_range(script, many_crops)
    panels[2].semilogx(rates, smoothed(losses), color=blue, lw=1.2)
    panels[2].axvline(script.learning_rate, color=red, ls="--", lw=1.2)
    panels[2].set(ylim=(0, 1.2), xlim=(1e-5, 1), xticks=(1e-4, 1e-2, 1))
    panels[2].set_title("range test", **small)
    for row, values in enumerate(clinic.true_and_shuffled(script, crops, many_crops)):
        panels[3].plot(values, [row] * len(values), "o", ms=4, color=(blue, orange)[row], alpha=0.7)
    panels[3].axvline(0.5, color=red, ls=":", lw=1.2)
    panels[3].set(xlim=(0, 1), ylim=(1.5, -0.5), xticks=(0, 0.5, 1), yticks=(0, 1))
    panels[3].set_yticklabels(("true", "shuffled"), fontsize=7, rotation=90, va="center")
    panels[3].set_title("accuracy by labels", **small)
    for axes in panels:
        axes.tick_params(labelsize=7)


figure, panels = show.figure(7, 4, height=11)
for row, (name, script) in zip(panels, ({"healthy": healthy} | clinic.PATIENTS).items()):
    chart(script, row, name)
figure

# %% tags=["exercise"] exercise="sick_trainings"
def convictions():
    raise NotImplementedError
    return {"A": ("sickness", "test"), "B": ("", ""), "C": ("", ""), "D": ("", ""), "E": ("", ""), "F": ("", "")}


# %% tags=["solution"] exercise="sick_trainings"
def convictions():
    return {
        "A": ("wrong axes", "look at the batch"),
        "B": ("double softmax", "eight crops"),
        "C": ("shuffled labels", "shuffled labels"),
        "D": ("no zero_grad", "eight crops"),
        "E": ("forgotten eval", "ask twice"),
        "F": ("rate too high", "learning-rate range"),
    }


# %% tags=["check", "nbval-check-output"] exercise="sick_trainings"
check.sick_trainings(convictions)

# %% [markdown]
# ## Leakage: a treatment that does nothing
#
# Now real cells: stained blood smears (BCCD, MIT licence). Twelve images are drawn, and six of them are called *treated*, by lot. There
# is nothing to learn about the cells, and an honest test gives one half. A second question has real answers: red cell, white cell or
# platelet? Each time a third of the crops is held out, once drawn crop by crop and once image by image; all other images are
# new to the network. `training/real_splits.py` has done it with eight seeds, 119 images and three methods.

# %%
#| label: tbl-real-splits
#| tbl-cap: "Real blood cells, two questions, two splits, three methods: balanced accuracy on the held-out crops (what one would report) and on new images, means of eight seeds, and the paired differences with 95 % intervals (`training/real_splits.py`). The treatment was given to images by lot: one half is the truth. “Colour” is the mean and spread of red, green and blue in a crop, six numbers."
from bioimage_course.results import real_splits

show.table(real_splits.table())

# %%
#| label: fig-real-splits
#| fig-cap: "How much more was reported than new images keep, seed by seed (dots; bars: means with 95 % intervals over eight seeds), for the CNN. The seeds draw from the same 119 images: the intervals say how much a division and a training scatter, not how other slides would turn out. Whether a red cell belongs to a “treated” image: split by crop, the test finds an effect that does not exist. What kind of cell it is: neither split flatters, for kinds of cells hardly go with images. Split by image, the twelve images show no optimism, but four test images scatter widely."
#| fig-alt: "Four rows of eight dots on an axis of points from −20 to 30 with a dotted line at zero. Treated by lot, split by crop: most dots and the whole interval to the right of zero, mean about 12. Treated by lot, split by image: dots on both sides, a broad interval around zero. Kind of cell, by crop and by image: all dots within a few points of zero."
figure, axes = show.figure(height=2.9)
names = []
for row, (question, split) in enumerate([(q, s) for q in ("lottery", "kinds") for s in real_splits.SPLITS]):
    reported, new = real_splits.scores(question, split).T
    gap = real_splits.optimism(question, split)
    axes.plot(reported - new, np.full(len(new), row) + 0.17, "o", color=blue, alpha=0.5, ms=5)
    axes.plot([gap.low, gap.high], [row, row], color=orange, lw=3)
    axes.plot(gap.difference, row, "o", color=orange, ms=8)
    names.append(f"{'treated, by lot' if question == 'lottery' else 'kind of cell'}: split by {split}")
axes.axvline(0, color=red, ls=":")
axes.set(xlabel="reported − new images (points of balanced accuracy)", yticks=range(4), yticklabels=names, ylim=(3.6, -0.4))
figure

# %% [markdown]
# Can images be recognised? Here are 351 of the red cells, six numbers each, and the number of the image that each was cut from.
# A random forest (many decision trees that vote) is asked which of the 24 images a cell is from, and, after another lottery in each of twenty seeds,
# whether its image is a treated one.

# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

cells = real_splits.cells()


def by_lot(images, seed):
    """Treated (1) or control (0): half of the images each, drawn by lot."""
    numbers = np.unique(images)
    return np.random.default_rng(seed).permutation(np.arange(len(numbers)) % 2)[np.searchsorted(numbers, images)]


def lottery_score(training, test, seed):
    """Right answers about a treatment that was given by lot."""
    treated = by_lot(cells.images, seed)
    forest = RandomForestClassifier(100, random_state=seed).fit(cells.features[training], treated[training])
    return forest.score(cells.features[test], treated[test])


training, held_out = next(ShuffleSplit(1, test_size=1 / 3, random_state=0).split(cells.images))
forest = RandomForestClassifier(100, random_state=0).fit(cells.features[training], cells.images[training])
recognised = forest.score(cells.features[held_out], cells.images[held_out])
won = {"crop": [], "image": []}
for seed in range(20):
    won["crop"].append(lottery_score(*next(ShuffleSplit(1, test_size=1 / 3, random_state=seed).split(cells.images)), seed))
    won["image"].append(lottery_score(*next(
        GroupShuffleSplit(1, test_size=1 / 3, random_state=seed).split(cells.images, groups=cells.images)), seed))  # fmt: skip
lottery_gap = metrics.paired_difference(100 * np.array(won["crop"]), 100 * np.array(won["image"]))

# %% tags=["nbval-check-output"]
print("image recognised more than twice as often as by chance (1 in 24):", recognised > 2 / 24)
print("a lottery on six colours: by crop minus by image above zero:", lottery_gap.low > 0)

# %% [markdown]
# ## Exercise 3: split by field
#
# Divide crops into training, validation and test set such that no field of view is in two of them. `fields` holds the
# number of the field of each crop. Of ten fields six are for training, two for validation, two for testing (in
# general 60, 20 and 20 %, rounded). Which ones is decided by chance, by `seed`. Return three arrays with the
# *indices of crops*.

# %% tags=["exercise"] exercise="split_by_field"
def split(fields, seed):
    raise NotImplementedError
    return training, validation, test  # indices of crops


# %% tags=["solution"] exercise="split_by_field"
def split(fields, seed):
    order = np.random.default_rng(seed).permutation(np.unique(fields))
    fifth = round(0.2 * len(order))
    test, validation, training = order[:fifth], order[fifth : 2 * fifth], order[2 * fifth :]
    return [np.flatnonzero(np.isin(fields, part)) for part in (training, validation, test)]


# %% tags=["check", "nbval-check-output"] exercise="split_by_field"
check.split_by_field(split)

# %% [markdown]
# ## Exercise 4: measure the optimism
#
# scikit-learn has splitters for both kinds: `ShuffleSplit` divides single crops, `GroupShuffleSplit` whole groups.
# Write a function that measures, for each seed, by how much the split by crop flatters. `score(training, test, seed)` trains
# something on the crops with the indices `training` and returns its score on `test`.

# %% tags=["exercise"] exercise="optimism"
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit


def optimism(score, fields, seeds):
    raise NotImplementedError
    differences = []
    for seed in seeds:
        training, test = next(ShuffleSplit(1, test_size=1 / 3, random_state=seed).split(fields))
        # … and the same with GroupShuffleSplit, .split(fields, groups=fields)
    return differences  # one number a seed


# %% tags=["solution"] exercise="optimism"
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit


def optimism(score, fields, seeds):
    differences = []
    for seed in seeds:
        by_crop = next(ShuffleSplit(1, test_size=1 / 3, random_state=seed).split(fields))
        by_field = next(GroupShuffleSplit(1, test_size=1 / 3, random_state=seed).split(fields, groups=fields))
        differences.append(score(*by_crop, seed) - score(*by_field, seed))
    return differences


# %% tags=["check", "nbval-check-output"] exercise="optimism"
check.optimism(optimism)

# %% [markdown]
# Now use it on the real cells: `optimism(lottery_score, cells.images, range(20))`, with its mean and interval. Is the forest, a classical method,
# safe from leakage? Then ask `cells.features` something else, for instance whether a cell is redder than the median, and split again.

# %% [markdown]
# ## Exercise 5: early stopping
#
# Go through the validation losses one by one, as they would come in training. Stop when `patience` epochs have passed
# without a new minimum. Return the best epoch and the last epoch that was run; epochs count from 1. Seven or eight lines will do.

# %% tags=["exercise"] exercise="early_stopping"
def stop(losses, patience):
    raise NotImplementedError
    return best_epoch, last_epoch


# %% tags=["solution"] exercise="early_stopping"
def stop(losses, patience):
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            break
    return best_epoch, epoch


# %% tags=["check", "nbval-check-output"] exercise="early_stopping"
check.early_stopping(stop)

# %% [markdown]
# ## Dropout, looked at
#
# In training, dropout sets each value to zero with probability p and divides the others by 1 − p, so that the
# expected value stays. In evaluation it does nothing. Watch one layer of eight values.

# %%
#| label: fig-dropout
#| fig-cap: "Dropout with p = 0.5 on eight hidden values. Six forward passes in training give six different thinned networks (white: dropped, others doubled); in evaluation nothing is dropped. The mean over many training passes equals the values in evaluation."
#| fig-alt: "Two heat maps with eight columns. The left one has six rows, about half of the cells are white in a different pattern in every row. The right one has two rows, evaluation and mean of 5000 training passes, which look the same."
torch.manual_seed(0)
values = torch.linspace(0.2, 1, 8)
dropout = nn.Dropout(0.5)
passes = torch.stack([dropout(values) for _ in range(5000)])
dropout.eval()
figure, (left, right) = show.figure(1, 2, height=2.6)
for axes, rows, names in (
    (left, passes[:6], [f"pass {i}" for i in range(1, 7)]),
    (right, torch.stack([dropout(values), passes.mean(dim=0)]), ["evaluation", "mean of 5000"]),
):
    axes.imshow(rows, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axes.set(yticks=range(len(names)), yticklabels=names, xticks=range(8), xticklabels=range(1, 9), xlabel="hidden value")
    axes.grid(False)
left.set_title("training")
right.set_title("evaluation")
figure

# %% tags=["nbval-check-output"]
print("mean over passes equals evaluation within 6 %:", bool((passes.mean(dim=0) / values - 1).abs().max() < 0.06))

# %% [markdown]
# ## What the remedies are worth
#
# Three live, three seeds each. Each seed brings other training fields, other validation fields and other first
# weights; the forty test fields are always the same.

# %%
#| label: tbl-remedies-live
#| tbl-cap: "Right answers on new fields, three seeds, trained here."
options = {
    "none (overfitting)": {},
    "augmentation": {"augmented": True},
    "augmentation, dropout, weight decay, early stopping":
        {"augmented": True, "dropout": 0.5, "weight_decay": 0.1, "patience": 12},
}  # fmt: skip
measured = {}
for name, chosen in options.items():
    measured[name] = [
        score(train(data.synthetic.foci_crops(8, 12, seed=100 + seed), data.synthetic.foci_crops(8, 12, seed=200 + seed),
                    seed=seed, **chosen)[0], test)[0]
        for seed in range(3)
    ]  # fmt: skip
rows = [[name, *(f"{value:.1%}" for value in values), f"{np.mean(values):.1%}"] for name, values in measured.items()]
show.table(rows, ["remedy", "seed 0", "seed 1", "seed 2", "mean"])

# %% tags=["nbval-check-output"]
print("augmentation helps:", np.mean(measured["augmentation"]) > np.mean(measured["none (overfitting)"]))

# %%
remedies, without = results["remedies"], results["remedies"]["none (overfitting)"]
gains = {}  # paired: same training fields and same first weights for each seed
for name, entry in list(remedies.items())[1:]:
    gains[name] = (
        metrics.paired_difference(100 * np.array(entry["accuracy"]["seeds"]), 100 * np.array(without["accuracy"]["seeds"])),
        metrics.paired_difference(without["loss"]["seeds"], entry["loss"]["seeds"]),  # positive: the loss is lower
    )


# %%
#| label: fig-remedies
#| fig-cap: "What each remedy gains over no remedy, seed by seed: means of eight paired differences with 95 % intervals. Left: accuracy on new fields. Right: by how much the loss on new fields is lower. An interval that holds zero (dotted; open circle): eight seeds do not show a benefit. For early stopping and weight decay they show no gain in accuracy, but a lower loss."
#| fig-alt: "Two dot plots with horizontal intervals for eight rows from early stopping to all together, and a dotted line at zero. Left, accuracy: augmentation, all but more fields and all together lie to the right of zero; the intervals of the others hold zero, that of the smaller network is by far the widest. Right, loss: early stopping, weight decay, augmentation and the two combinations lie to the right of zero, augmentation and the combinations furthest; the intervals of the smaller network, of dropout and of four times the fields hold zero."
figure, panels = show.figure(1, 2, height=3.7, sharey=True)
for axes, which, label in zip(panels, (0, 1), ("gain in accuracy (points)", "loss lower by")):
    for row, name in enumerate(gains):
        gain = gains[name][which]
        shown = gain.low > 0 or gain.high < 0
        axes.plot([gain.low, gain.high], [row, row], color=blue)
        axes.plot(gain.difference, row, "o", color=blue, mfc=blue if shown else "white")
    axes.axvline(0, color=red, ls=":", lw=1.2)
    axes.set(xlabel=label, yticks=range(len(gains)), yticklabels=list(gains))
panels[0].invert_yaxis()
figure

# %%
#| label: tbl-remedies
#| tbl-cap: "The numbers of the figure: means of eight seeds on new fields, and the paired differences from no remedy with their 95 % intervals; last, in how many of the eight seeds the remedy was better."
rows = [[name, f"{100 * entry['accuracy']['mean']:.1f}", str(gains[name][0]) if name in gains else "",
         f"{entry['loss']['mean']:.2f}", str(gains[name][1]) if name in gains else "", f"{entry['training_loss']['mean']:.2f}"]
        for name, entry in remedies.items()]
show.table(rows, ["remedy", "accuracy (%)", "gain (points)", "loss", "loss lower by", "training loss"])

# %%
#| label: tbl-augmentation-parts
#| tbl-cap: "Which half of the augmentation helps? The same eight seeds: paired differences from no remedy."
parts = {}
for name, entry in (results["augmentation_parts"] | {"both": remedies["augmentation"]}).items():
    parts[name] = (
        metrics.paired_difference(100 * np.array(entry["accuracy"]["seeds"]), 100 * np.array(without["accuracy"]["seeds"])),
        metrics.paired_difference(without["loss"]["seeds"], entry["loss"]["seeds"]),
    )
show.table([[name, *map(str, both)] for name, both in parts.items()],
           ["augmentation by", "gain (points)", "loss lower by"])

# %% [markdown]
# ## Exercise 6: which remedies help?
#
# `none` has the scores without a remedy, one a seed; `remedies` is a dictionary with a name and the scores *of the same
# seeds* for each remedy. Return the names of those of which the seeds show that they help: the 95 % interval of the paired
# differences lies above zero. `metrics.paired_difference` has what you need, or compute it yourself (mean of the differences ±
# `scipy.stats.t.ppf(0.975, n - 1)` × their standard deviation / √n). "Twice the images" is a remedy like any other: so this
# also answers whether annotating more has helped.

# %% tags=["exercise"] exercise="which_help"
def which_help(none, remedies):
    raise NotImplementedError
    return []


# %% tags=["solution"] exercise="which_help"
def which_help(none, remedies):
    return [name for name, scores in remedies.items() if metrics.paired_difference(scores, none).low > 0]


# %% tags=["check", "nbval-check-output"] exercise="which_help"
check.which_help(which_help)

# %% [markdown]
# ## How many images do I need?
#
# Train with more and more fields, and draw accuracy against the number of crops. And compare with the lazy way:
# more cells from the same four fields.

# %%
#| label: fig-learning-curve
#| fig-cap: "Learning curves, five seeds, means with 95 % intervals (all remedies of the last but one row of the table). The axis is logarithmic: each further step costs twice as many crops."
#| fig-alt: "Accuracy on new fields against the number of training crops, 48 to 768, logarithmic, with error bars. The solid line, more fields, rises from 0.85 to 0.89; the dashed line, more cells of four fields, rises from 0.85 to 0.87 at 192 crops and is there again at 384. The error bars of the two overlap everywhere."
figure, axes = show.figure()
for (name, points), colour, line, shift in zip(results["learning_curve"].items(), (blue, red), ("o-", "s--"), (0.98, 1.02)):
    x = np.array([point["crops"] for point in points]) * shift
    middle = np.array([point["accuracy"]["mean"] for point in points])
    low, high = np.transpose([point["accuracy"]["interval_95"] for point in points])
    label = "12 cells from each of more and more fields" if name == "more fields" else "more and more cells of four fields"
    axes.errorbar(x, middle, [middle - low, high - middle], fmt=line, color=colour, capsize=3, label=label)
axes.set(xscale="log", xlabel="training crops", ylabel="accuracy on new fields")
ticks = [point["crops"] for point in results["learning_curve"]["more fields"]]
axes.set_xticks(ticks, ticks)
axes.minorticks_off()
axes.legend(loc="lower right")
figure

# %%
#| label: tbl-more-fields
#| tbl-cap: "The same number of crops from more fields, or from four: paired differences of accuracy (more fields minus more cells, in points; five seeds, same first weights and validation fields), and in how many seeds more fields were better."
def points_of(point):
    return 100 * np.array(point["accuracy"]["seeds"])


ways = results["learning_curve"]
new_or_same = {new["crops"]: metrics.paired_difference(points_of(new), points_of(same))
               for new, same in zip(ways["more fields"][1:], ways["more cells"][1:])}
more_data = metrics.paired_difference(points_of(ways["more fields"][-1]), points_of(ways["more fields"][0]))
show.table([[crops, str(gain)] for crops, gain in new_or_same.items()], ["crops", "more fields are better by"])

# %% [markdown]
# ## Exercise 7: a search space
#
# Optuna proposes hyperparameters, you try them, it learns from the result and proposes better ones. Tell it what may vary:
#
# - `learning_rate` from 0.0001 (or less) to 0.01 (or more), such that every power of ten gets the same chance;
# - `dropout`, a share from 0 to at most 0.9;
# - `width`, a whole number of feature maps, from 2 to 16.
#
# Return a dictionary of the three.

# %% tags=["exercise"] exercise="search_space"
def suggest(trial):
    raise NotImplementedError
    return {"learning_rate": ..., "dropout": ..., "width": ...}


# %% tags=["solution"] exercise="search_space"
def suggest(trial):
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
        "width": trial.suggest_int("width", 2, 16),
    }


# %% tags=["check", "nbval-check-output"] exercise="search_space"
check.search_space(suggest)

# %% [markdown]
# ## A small search
#
# Eight trials with eight training and eight validation fields. The goal is the loss on the *validation* fields. The
# test fields are touched once, at the end, by the winner.

# %%
import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
training, held_out = data.synthetic.foci_crops(8, 12, seed=500), data.synthetic.foci_crops(8, 12, seed=600)


def objective(trial):
    settings = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.8),
        "width": trial.suggest_int("width", 2, 16, log=True),
        "augmented": trial.suggest_categorical("augmented", [False, True]),
    }
    network, _ = train(training, held_out, patience=12, **settings)
    return score(network, held_out)[1]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=8)
winner, _ = train(training, held_out, patience=12, **study.best_params)

# %%
#| label: tbl-search-live
#| tbl-cap: "Eight trials of Optuna, trained here, best first, judged by the loss on the validation fields."
rows = [[trial.number, f"{trial.params['learning_rate']:.5f}", trial.params["weight_decay"], trial.params["dropout"],
         trial.params["width"], "yes" if trial.params["augmented"] else "no", trial.value]
        for trial in sorted(study.trials, key=lambda trial: trial.value)]
show.table(rows, ["trial", "learning rate", "weight decay", "dropout", "width", "augmented", "validation loss"])

# %% tags=["nbval-check-output"]
losses = [trial.value for trial in study.trials]
print(f"{len(losses)} trials; the best is better than the median: {min(losses) < np.median(losses)}")

# %%
#| label: tbl-search
#| tbl-cap: "Three longer searches (25 trials each, other fields each time). Each winner was chosen by its loss on the validation fields; the columns of new fields took no part in it and are the ones to report."
rows = []
for number, entry in enumerate(results["search"]):
    for name in ("default", "best"):
        rows.append([number + 1, {"default": "before", "best": "winner of 25"}[name], entry[name]["validation_loss"],
                     entry[name]["test_loss"], f"{entry[name]['validation_accuracy']:.1%}", f"{entry[name]['test_accuracy']:.1%}"])
show.table(rows, ["search", "hyperparameters", "loss, validation", "loss, new fields", "right, validation", "right, new fields"])

# %% [markdown]
# ## What choosing does to a score
#
# A game of dice: k networks that are all *equally good*, each right in 86 % of all crops. Judge them on the 96 crops of eight
# fields and take the best. In one version each network makes mistakes of its own. In the other, more like networks that were trained on the same
# images, 74 crops are easy for all of them, 6 are hard for all of them, and only the other 16 are left to chance.

# %%
#| label: fig-selection
#| fig-cap: "The best of k equally good networks, judged on the 96 crops of eight fields (simulation, mean of 400 repetitions). The score of the best grows with the number of networks to choose from, although none is better than another. The more alike their mistakes are, the less there is to choose by luck."
#| fig-alt: "Two rising curves over k from 1 to 100, logarithmic, and a dotted horizontal line at 0.86, the truth. The curve for independent mistakes climbs from 0.86 to about 0.94, the one for shared mistakes to about 0.91."
rng = np.random.default_rng(0)
truth, crops_judged = 0.86, 96
chosen_score = {}
for name, easy, by_chance in (("mistakes of their own", 0, 96), ("mistakes mostly shared", 74, 16)):
    share = (truth * crops_judged - easy) / by_chance  # so that each network is right in 86 %
    scores = (easy + rng.binomial(by_chance, share, (400, 100))) / crops_judged
    chosen_score[name] = np.maximum.accumulate(scores, axis=1).mean(axis=0)
figure, axes = show.figure()
for (name, values), line, colour in zip(chosen_score.items(), ("-", "--"), (blue, orange)):
    axes.plot(range(1, 101), values, line, color=colour, label=name)
axes.axhline(truth, color="k", ls=":", label="truth, for each of them")
axes.set(xscale="log", xlabel="networks to choose from", ylabel="validation accuracy of the best")
axes.set_xticks((1, 2, 5, 10, 20, 50, 100), (1, 2, 5, 10, 20, 50, 100))
axes.minorticks_off()
axes.legend(loc="upper left")
figure

# %% [markdown]
# ## What goes wrong
#
# ### Too small a validation set
#
# One network, judged again and again on a few fields drawn from a large supply. The network never changes, the score does.

# %%
#| label: fig-small-validation
#| fig-cap: "One and the same network, judged on 200 different sets of fields. With four fields its accuracy is anything from below 0.75 to 1. Judge two networks on different fields, and differences smaller than this spread say nothing; judge them on the same fields, difference by difference."
#| fig-alt: "Three histograms of accuracy, for 4, 8 and 32 fields of 12 cells. The one for 4 fields is broad, from below 0.75 to about 1; the one for 32 fields is narrow."
network = runs["good fit"][0]
images, classes = to_tensors(supply)
right = (nets.predict(network, images, device="cpu").argmax(dim=1) == classes).numpy().reshape(200, 12)
rng = np.random.default_rng(0)
figure, axes = show.figure()
spread = {}
for count, colour in ((4, red), (8, orange), (32, blue)):
    scores = [right[rng.choice(200, count, replace=False)].mean() for _ in range(200)]
    spread[count] = np.std(scores)
    axes.hist(scores, bins=np.arange(0.6, 1.02, 0.02), histtype="step", lw=2, color=colour, label=f"{count} fields")
axes.set(xlabel="accuracy of the same network", ylabel="number of sets")
axes.legend(loc="upper left")
figure

# %% tags=["nbval-check-output"]
print("eight times the fields, about a third of the spread:", 2 < spread[4] / spread[32] < 4.5)

# %% [markdown]
# ## What the page claims
#
# Each sentence of the page about these numbers has a name. Here stands what it rests on: the results file of
# `training/overfitting.py`, or what this notebook has computed.

# %% tags=["claims", "nbval-check-output"]
late = {key: np.mean(values[-10:]) for key, values in results["curves"]["good fit"].items()}
won_by_crop, won_by_image = ([real_splits.optimism("lottery", split, method) for method in real_splits.METHODS] for split in real_splits.SPLITS)
kinds = [real_splits.optimism("kinds", "crop", method) for method in real_splits.METHODS]
single = ("early stopping", "smaller network", "weight decay", "dropout", "augmentation")
accuracy_gain, loss_gain = ({name: gain[which] for name, gain in gains.items()} for which in (0, 1))
together = {half: metrics.paired_difference(entry["loss"]["seeds"], remedies["augmentation"]["loss"]["seeds"])
            for half, entry in results["augmentation_parts"].items()}
loss_fell = [entry["default"]["test_loss"] - entry["best"]["test_loss"] for entry in results["search"]]
search = [{what: 100 * (entry["best"][f"{what}_accuracy"] - entry["default"][f"{what}_accuracy"]) for what in ("validation", "test")}
          for entry in results["search"]]
too_high = {name: 100 * (values[-1] - truth) for name, values in chosen_score.items()}
calm, floor = eight["healthy"], eight["double softmax"]
show.claims(
    ("double-softmax-floor", "284e6c", min(floor) > 0.31 and max(calm[-20:]) < 0.05, f"{min(floor):.2f}; below 0.05"),
    ("shuffled-must-guess", "a41ca0", 0.35 < np.mean(chance["shuffled labels"]) < 0.65 and np.mean(chance["shuffled labels, each crop twice"]) > 0.7,
     "within 0.15 of one half; above 0.7"),
    ("luck-of-the-fields", "57ec80", late["new fields"] < late["training"] < late["validation"],
     f"mean of the last ten epochs: training {late['training']:.2f}, validation {late['validation']:.2f}, new fields {late['new fields']:.2f}"),
    ("lottery-is-won", "41fe84", all(gap.low > 4 and gap.better >= 7 for gap in won_by_crop) and all(gap.low < 0 < gap.high and gap.high - gap.low > 12 for gap in won_by_image),
     "reported − new, points: " + "; ".join(f"{gap:.0f}".partition(", ")[0] for gap in won_by_crop)),
    ("kinds-not-flattered", "2f5937", all(gap.low < 0 < gap.high for gap in kinds) and kinds[0].high < 2 and np.mean(real_splits.scores("kinds", "image")) > 97,
     f"CNN, reported − new, points: {kinds[0]:.1f}".partition(", better")[0]),
    ("augmentation-helps", "28bc17", [name for name in single if accuracy_gain[name].low > 0] == ["augmentation"], f"points: {accuracy_gain['augmentation']}"),
    ("stopping-lowers-loss", "30541e", -1.5 < accuracy_gain["early stopping"].low < 0 < accuracy_gain["early stopping"].high < 1.5 and loss_gain["early stopping"].better == 8 and loss_gain["early stopping"].low > 0,
     f"points: {accuracy_gain['early stopping']}; loss lower by {loss_gain['early stopping']}"),
    ("decay-lowers-loss", "5a8fe9", accuracy_gain["weight decay"].low < 0 and loss_gain["weight decay"].low > 0 and loss_gain["weight decay"].better == 8 and loss_gain["weight decay"].difference < 0.1
     and remedies["weight decay"]["loss"]["interval_95"][1] > without["loss"]["interval_95"][0],
     f"points: {accuracy_gain['weight decay']}; loss lower by {loss_gain['weight decay']}; single intervals overlap"),
    ("dropout-shows-nothing", "fdb90a", accuracy_gain["dropout"].low < 0 < accuracy_gain["dropout"].high and loss_gain["dropout"].low < 0 < loss_gain["dropout"].high and loss_gain["dropout"].better == 7,
     f"points: {accuracy_gain['dropout']}; loss lower by {loss_gain['dropout']}"),
    ("together", "acbae3", accuracy_gain["four times the fields"].better == 5 and accuracy_gain["four times the fields"].low < 0 and accuracy_gain["all together"].better == 8 and accuracy_gain["all together"].low > 0,
     f"points: {accuracy_gain['four times the fields']}; {accuracy_gain['all together']}"),
    ("both-halves", "1441ef", all(parts[half][0].low < 0 < parts[half][1].low and together[half].low > 0 and together[half].better == 8 for half in together),
     "loss lower by: " + "; ".join(f"{half} {parts[half][1]}, both instead {together[half]} more" for half in together)),
    ("more-fields", "ba3ed6", more_data.low > 0 and all(gain.low < 0 < gain.high for gain in new_or_same.values()),
     f"64 fields against 4, points: {more_data}; 384 crops of more fields against four: {new_or_same[384]}"),
    ("searches-gain", "c048f0", all(gain["test"] > 0 for gain in search) and sum(gain["test"] > gain["validation"] for gain in search) == 2
     and sum(fell > 0 for fell in loss_fell) == 2 and min(loss_fell) < -0.05,
     "; ".join(f"promised {gain['validation']:+.1f} points, gained {gain['test']:+.1f}, loss lower by {fell:+.2f}" for gain, fell in zip(search, loss_fell)).replace("-", "−")),
    ("choosing-flatters", "07a3cb", abs(too_high["mistakes of their own"] - 8) < 1 and abs(too_high["mistakes mostly shared"] - 5) < 1,
     f"{too_high['mistakes of their own']:.0f} and {too_high['mistakes mostly shared']:.0f} points"),
    ("fields-count", "52138c", 2.4 < spread[4] / spread[32] < 4, "by a factor between 2.4 and 4"),
)
