# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "14"
#   title: Choosing a tool
#   extra: "stardist,cellpose"
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# Which tool for which images? You will write down what two projects need, find out how large an error of a segmentation
# may be before it changes a conclusion, look at a race of all segmentation tools of this course on three kinds of images,
# run a small race of your own, and decide what an hour of your time is worth.
#
# Seven exercises are checked and an eighth is open. Everything runs without network.

# %% tags=["setup"]
import time
import warnings

import numpy as np
from matplotlib.colors import ListedColormap
from scipy.stats import ttest_ind
from skimage.segmentation import find_boundaries

from bioimage_course import check, compat, data, explore, metrics, results, show, tools
from bioimage_course.materials.ch14 import BEGINNINGS, CATEGORIES, KINDS, MEASURES, PROJECTS, TOY, example, fields, own_scores, simulated_share

warnings.filterwarnings("ignore", message=".*IProgress.*")
compat.prepare("stardist")  # Keras 2, before TensorFlow is imported
colour = show.PALETTE
np.random.seed(0)

# %% [markdown]
# ## Before any tool: what is needed
#
# Two projects. Read them slowly, and ask of each number which tool it rules out.

# %% tags=["nbval-check-output"]
for project in PROJECTS.values():
    print(project["brief"], "\n")

# %% [markdown]
# ## Exercise 1: two need sheets
#
# A need sheet is a list, one dictionary a need: `need` (in your words), `must` (True or False), `reason` (what is lost
# without it), and a test: `measure` and `limit`. What can be measured is listed below, with the area that it belongs
# to. Fill in a sheet for each project. Each needs at least one must-have about output, quality, resources and
# input, and at least one thing that would merely be nice.
#
# An error that is alike in both conditions cancels in their ratio. So the quality is asked for as a *difference of the
# conditions*: if a share $d$ more is missed in one of them, $(1 + e)(1 - d) - 1$ is left of an effect $e$. Both briefs say
# how much must be left.

# %%
#| label: tbl-measures
#| tbl-cap: "What a test on a need sheet can measure, and on which side of the limit the tool must be."
show.table([[area, measure, side] for measure, (area, side) in MEASURES.items()], ["area", "measure", "the tool must have"])

# %% tags=["exercise"] exercise="need_sheets"
screen_sheet = [
    {"need": "count nuclei", "must": True, "reason": ..., "measure": "labels per object", "limit": ...},
    ...
]
tissue_sheet = ...

# %% tags=["solution"] exercise="need_sheets"
screen_sheet = [
    {"need": "count nuclei", "must": True, "reason": "without labels nothing can be counted", "measure": "labels per object", "limit": 1},
    {"need": "counts that err alike", "must": True, "reason": "of an effect of 0.2 at least 0.15 must be left", "measure": "share missed, difference of conditions", "limit": 0.04},
    {"need": "fast enough", "must": True, "reason": "48 hours for 40,000 images", "measure": "seconds an image", "limit": 4.3},
    {"need": "fits into memory", "must": True, "reason": "the only workstation has 16 GB", "measure": "memory in GB", "limit": 16},
    {"need": "reads both channels", "must": True, "reason": "the marker is in the second channel", "measure": "channels read", "limit": 2},
    {"need": "a window to click in", "must": False, "reason": "a script will do", "measure": "hours of work", "limit": 4},
]
tissue_sheet = [
    {"need": "each nucleus on its own", "must": True, "reason": "the area of a clump says nothing", "measure": "labels per object", "limit": 1},
    {"need": "areas that err alike", "must": True, "reason": "of an effect of 0.3 at least 0.225 must be left", "measure": "error of areas, difference of conditions", "limit": 0.05},
    {"need": "done in two days", "must": True, "reason": "the student has 16 hours in all", "measure": "hours of work", "limit": 16},
    {"need": "runs on the laptop", "must": True, "reason": "it has 8 GB and no more", "measure": "memory in GB", "limit": 8},
    {"need": "stays in the hospital", "must": True, "reason": "images of patients must not leave it", "measure": "images uploaded", "limit": 0},
    {"need": "reads colour", "must": True, "reason": "the stain is in the colour", "measure": "channels read", "limit": 3},
    {"need": "quick", "must": False, "reason": "twelve sections may take all night", "measure": "seconds an image", "limit": 600},
]

# %% tags=["check", "nbval-check-output"] exercise="need_sheets"
check.need_sheets(screen_sheet, tissue_sheet)

# %% [markdown]
# ## The decision guide
#
# The same questions as a form: answer, or begin with one of the ready-made projects, and see how the kinds of methods
# rank, and why. What the form knows is one file, `explore/guide/rules.yml`.

# %% tags=["widget"]
explore.decision()

# %% [markdown]
# ## Exercise 2: where to begin
#
# Six projects and six categories. With which category would you begin? (Each is right once.)

# %% tags=["nbval-check-output"]
print("CATEGORIES =", CATEGORIES, "\n")
for name, brief in BEGINNINGS.items():
    print(f"{name}. {brief}\n")

# %% tags=["exercise"] exercise="first_category"
beginnings = None  # {"A": "classical", "B": …}

# %% tags=["solution"] exercise="first_category"
beginnings = {
    "A": "manual", "B": "classical", "C": "pixel classifier", "D": "pretrained", "E": "fine-tuned", "F": "from scratch",
}

# %% tags=["check", "nbval-check-output"] exercise="first_category"
check.first_category(beginnings)

# %% [markdown]
# ## Which of these looks like yours?
#
# The page *Model atlas* has a line for each of these kinds of images, with the published model to try first.

# %%
#| label: fig-image-kinds
#| fig-cap: "Twelve kinds of images. Find yours; the list below says what is known about it. Orange: the outlines that come with the image. Three have none, those of E and G are the results of programs, not a truth, and how those of K were made is not said."
#| fig-alt: "Twelve square pictures, lettered A to L. A: bright, oval nuclei far apart on black, each outlined. B: the same kind of nuclei close together, some touching. C: one plane of a coarse, noisy stack, grey discs outlined. D: pale grey field with flat, branched cells, their long outlines touching. E: upright channels, in each a column of rods, end to end. F: large polygons of plant cells between bright walls, no gaps. G: a net of bright membranes, small polygons, no gaps. H: a pink section crowded with violet nuclei. I: a section, brown above with pale nuclei in it, blue nuclei below. J: electron micrograph, dark axons inside bright rings, the axons outlined. K: electron micrograph of a leaf, grey lenses along thin cell walls, outlined. L: some bright dots on a grainy dark ground."
figure, panels = show.figure(4, 3, height=9.6)
for letter, kind, axes in zip("ABCDEFGHIJKL", KINDS, panels.ravel()):
    picture, labels = example(kind)
    axes.imshow(picture, cmap="gray", vmin=np.percentile(picture, 1), vmax=np.percentile(picture, 99.5))
    for number in [] if labels is None else np.unique(labels[labels > 0]):
        axes.contour(labels == number, [0.5], colors=colour["orange"], linewidths=1.2)
    axes.set_title(f"{letter}  {kind}", loc="left", fontsize=14)
    axes.set_axis_off()
figure

# %%
#| label: tbl-image-kinds
#| tbl-cap: "What this course's own four small models (Voronoi-Otsu labelling, StarDist, U-Net and Cellpose flows, all of them made for fluorescent nuclei) make of such images: AP@0.5, the lowest and the highest of the four, without adjustment. Of images in phase contrast and EM they also saw the inverse, and the better score counts. It shows which kinds are new to a model of nuclei; it is no ranking, and no score of the models to try. Where another program made the outlines, it is agreement with that program. Kinds that are missing were not scored."
rows = []
for letter, kind in zip("ABCDEFGHIJKL", KINDS):
    scores, images, truth = own_scores(kind)
    if scores:
        rows.append([f"{letter}  {kind}", f"{min(scores):.2f} to {max(scores):.2f}", images, truth])
show.table(rows, ["images", "AP@0.5 of our models", "number", "outlines"])

# %% [markdown]
# ## Exercise 3: replace one part
#
# A workflow is a dictionary from the names of its steps to functions, in their order: `{"load": load, "segment": threshold, …}`.
# Write `replace_part(workflow, name, part)`, which returns a *new* workflow with one part replaced and all others as they were.
# A name that is no step raises a `KeyError`.

# %% tags=["exercise"] exercise="replace_part"
def replace_part(workflow, name, part):
    raise NotImplementedError


# %% tags=["solution"] exercise="replace_part"
def replace_part(workflow, name, part):
    if name not in workflow:
        raise KeyError(f"there is no step {name!r}; there are {', '.join(workflow)}")
    return workflow | {name: part}


# %% tags=["check", "nbval-check-output"] exercise="replace_part"
check.replace_part(replace_part)

# %% [markdown]
# ## How good is good enough? The size of the effect decides
#
# A treatment raises the number of nuclei. Treated fields are more crowded, so more nuclei are merged and missed
# there. How much of that can the conclusion bear?
#
# ## Exercise 4: effect size
#
# - `measured_effect(effect, missed_control, missed_treated)`: the true effect is a relative change (0.2 is 20 % more);
#   in each condition a share of the nuclei is missed. What effect is measured?
# - `hiding_share(effect)`: which share, missed in the treated group only, makes the effect vanish?
# - `share_detected(effect, missed, wells, rng)`: simulate 4,000 experiments. `fields(mean, wells, rng, repeats)` draws
#   the nuclei in each image of one condition, an array of shape (repeats, wells, 4): four images a well, around 100 nuclei
#   in the control. In which share of the experiments does Welch's test (`ttest_ind(…, equal_var=False)`) report an
#   increase, p < 0.05 and positive? Before you test, ask: what is the replicate here, the image or the well?

# %% tags=["exercise"] exercise="effect_size"
def measured_effect(effect, missed_control, missed_treated):
    raise NotImplementedError


def hiding_share(effect):
    raise NotImplementedError


def share_detected(effect, missed, wells, rng, repeats=4000):
    raise NotImplementedError
    control = fields(100, wells, rng, repeats)


# %% tags=["solution"] exercise="effect_size"
def measured_effect(effect, missed_control, missed_treated):
    return (1 + effect) * (1 - missed_treated) / (1 - missed_control) - 1


def hiding_share(effect):
    return effect / (1 + effect)


def share_detected(effect, missed, wells, rng, repeats=4000):
    control = fields(100, wells, rng, repeats).mean(axis=2)  # one number a well: the replicate
    treated = fields(100 * (1 + effect) * (1 - missed), wells, rng, repeats).mean(axis=2)
    test = ttest_ind(treated, control, axis=1, equal_var=False)
    return np.mean((test.pvalue < 0.05) & (test.statistic > 0))


# %% tags=["check", "nbval-check-output"] exercise="effect_size"
check.effect_size(measured_effect, hiding_share, share_detected)

# %%
#| label: fig-effect
#| fig-cap: "How large an error changes the decision? Share of simulated experiments that report an increase, against the share of nuclei that is missed in treated images only, for three true effects. Solid: 6 wells a condition, dotted: 24, each with four images; the test compares means of wells. The triangles mark where nothing of the effect is left: more wells push a curve towards its triangle, but not past it. The vertical line: 10 % missed, half of the middle effect."
#| fig-alt: "Three solid and three dotted curves that fall from left to right. With 6 wells an effect of 10 percent starts at about 0.25 and is near zero at 10 percent missed; one of 20 percent starts at 0.7, is at 0.2 where the vertical line stands at 10 percent missed, and near zero at 17; one of 50 percent starts at 1 and falls to near zero at 33. The dotted curves start higher, stay up longer and fall more steeply. Triangles on the axis at 9, 17 and 33 percent."
missed = np.arange(0, 0.41, 0.02)
power = {}
figure, axes = show.figure(height=3.3)
for effect, tint in ((0.1, "vermilion"), (0.2, "blue"), (0.5, "green")):
    for wells, style in ((6, "-"), (24, ":")):
        power[effect, wells] = [simulated_share(effect, m, wells, repeats=1000) for m in missed]
        axes.plot(100 * missed, power[effect, wells], style, color=colour[tint], label=f"{100 * effect:.0f} % more nuclei" if wells == 6 else None)
    axes.plot(100 * effect / (1 + effect), 0, "^", color=colour[tint], ms=9)
axes.axvline(10, color="grey", lw=0.8)
axes.set(xlabel="nuclei missed in treated images only (%)", ylabel="experiments that report\nan increase (share)")
axes.legend()
figure

# %%
#| label: tbl-replicate
#| tbl-cap: "What is n? Experiments without any effect: how many of 4,000 report one (p < 0.05, in either direction), if each image is taken for an independent measurement, and if each well is. Four images a well; wells differ by 10 %, the images of one well by 11 % (standard deviations)."
wells_tried = (2, 3, 6, 12)
false_alarms = {unit: [simulated_share(0, 0, n, unit=unit, either_sign=True) for n in wells_tried] for unit in ("image", "well")}
show.table(
    [[n, 4 * n, f"{wrong:.0%}".replace("%", " %"), f"{right:.0%}".replace("%", " %")]
     for n, wrong, right in zip(wells_tried, false_alarms["image"], false_alarms["well"])],
    ["wells a condition", "images a condition", "false alarms, n = images", "false alarms, n = wells"],
)

# %% [markdown]
# ## The race
#
# `training/race.py` has let every segmentation tool of this course segment the same images, each in a process of
# its own. The images were chosen by a rule that looks at the truth alone. Nothing below is typed: all comes from the
# file that the script has written.

# %% tags=["nbval-check-output"]
race = results.race.results()
rows = results.race.rows(race)
print(race["rule"])
print(race["machine"])

# %%
#| label: tbl-images
#| tbl-cap: "The images of the race. Crowding is the share of nuclei with a neighbour within two pixels; adjust are the two tissue images on which tools were adjusted, and which nobody is scored on."
show.table(
    [
        [kind, len(images), sum(i["nuclei"] for i in images), f"{min(i['crowding'] for i in images):.2f} to {max(i['crowding'] for i in images):.2f}"]
        for kind, images in ((k, told["images"]) for k, told in race["kinds"].items())
    ],
    ["kind", "images", "nuclei", "crowding"],
)

# %%
#| label: tbl-assumed
#| tbl-cap: "Minutes of a person: assumed, not measured. Change them to what you know about yourself. Outlining a nucleus: 15 hours for 6409 of them, as measured by Englbrecht and others."
assumed = race["assumed"]
show.table(
    [[step, told["minutes"], told["for"]] for step, told in assumed["minutes"].items()]
    + [["outlining 36 nuclei", round(assumed["outlined_nuclei"]["tissue"] * assumed["seconds_per_nucleus"] / 60), "the two tissue images for fine-tuning"]]
    + [[f"outlining all nuclei of 100 {kind} images", round(results.race.minutes_by_hand(kind, found=race)), "doing without a tool"] for kind in results.race.KINDS],
    ["step", "minutes", "for what"],
)

# %%
#| label: tbl-race
#| tbl-cap: "The race in numbers: AP@0.5 pooled over nuclei, with its 95 % bootstrap interval over images. A star marks scores for which images of the same collection were in the training set. A dash: did not run."
by = {(row["entrant"], row["kind"]): row for row in rows}


def cell(name, kind):
    row = by.get((name, kind))
    return row and f"{row['ap']:.2f}{'*' if row['seen'] else ''} ({row['low']:.2f}\u2060–\u2060{row['high']:.2f})"


show.table(
    [[about["title"], about["category"], *(cell(name, kind) for kind in results.race.KINDS)] for name, about in race["entrants"].items()],
    ["tool", "category", "easy", "crowded", "tissue"],
)

# %%
#| label: tbl-cost
#| tbl-cap: "What it costs: median seconds of CPU time an image (all cores together), peak memory of the whole process, minutes of a person (assumed), and hours that somebody has spent on outlining nuclei for the training set (reckoned; a dash where none were needed, or where nobody knows)."
show.table(
    [
        [
            about["title"],
            *(f"{by[name, kind]['seconds']:.2f}" if (name, kind) in by else None for kind in results.race.KINDS),
            about["peak_memory_mb"],
            round(next(r["minutes"] for r in rows if r["entrant"] == name)),
            next(r["drawn_before"] / 60 for r in rows if r["entrant"] == name) or None,
        ]
        for name, about in race["entrants"].items()
    ],
    ["tool", "s, easy", "s, crowded", "s, tissue", "memory (MB)", "your minutes", "hours drawn before"],
    digits=0,
)

# %%
published = [about["title"] for name, about in race["entrants"].items() if name.startswith("published-")]
ours = [row for row in rows if not row["entrant"].startswith("published-")]
print("Published models in this race:", ", ".join(published) or "none yet. `course published --list` (with internet) says which can be added.")

# %%
#| label: fig-race
#| fig-cap: "The race: accuracy (AP@0.5 with its 95 % interval) against CPU seconds an image, for three kinds of images. Hollow: the training set held images of the same collection. Black edge: adjusted with two tissue images. The larger the symbol, the larger the peak memory. Published models, where somebody has let them run, are black hexagons."
#| fig-alt: "Three panels, AP from 0 to 1 upwards. Easy: all tools but one lie side by side between 0.88 and 0.92, from a few hundredths of a second (Voronoi-Otsu) to some seconds (SAM with decoder); the grid of clicks lies far below, near 0.3, at the slow end. Crowded: U-Net, StarDist and Cellpose flows lie together near 0.75, the pixel classifier at 0.65, SAM with decoder at 0.5, Voronoi-Otsu at 0.4, the grid at 0.15. Tissue: everything lies between 0.3 and 0.5 with long overlapping intervals, the fine-tuned U-Net on top, the grid below all."
styles = {
    "voronoi-otsu": ("o", "blue"), "pixel-classifier": ("s", "orange"), "unet": ("D", "green"), "stardist": ("*", "vermilion"),
    "cellpose": ("^", "purple"), "sam-decoder": ("P", "sky"), "sam-grid": ("X", "black"),
}


def draw(axes, row):
    marker, tint = styles.get(row["entrant"].removesuffix("-adjusted"), ("h", "black"))
    axes.plot([row["seconds"]] * 2, [row["low"], row["high"]], color=colour[tint], lw=1, zorder=1)
    axes.scatter(
        row["seconds"], row["ap"], marker=marker, s=30 + row["memory"] / 18, zorder=2, linewidths=1.4, color="white" if row["seen"] else colour[tint],
        edgecolors=colour["black" if row["entrant"].endswith("-adjusted") else tint],
    )


figure, panels = show.figure(1, 3, height=3.9, sharey=True)
for axes, kind in zip(panels, results.race.KINDS):
    for row in (row for row in rows if row["kind"] == kind):
        draw(axes, row)
    axes.set(xscale="log", ylim=(0, 1), title=kind, xlabel="CPU seconds an image")
panels[0].set(ylabel="AP@0.5")
handles = [
    panels[0].scatter([], [], marker=marker, color=colour[tint], s=50, label=race["entrants"][name]["title"])
    for name, (marker, tint) in styles.items()
]
figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)
figure

# %% [markdown]
# Six or eight images are few. Where two intervals overlap, the difference of two tools on the *same* images may still be
# clear (chapter *Evaluating*): draw images, compute both scores on the drawn ones, subtract.

# %%
#| label: tbl-race-differences
#| tbl-cap: "Differences in pooled AP@0.5 on the same images, with 95 % bootstrap intervals, and in how many images the first tool has the higher AP. An interval that holds 0 leaves open who is better; with six to eight images the intervals themselves are rough. The image is the unit because the collection does not say which images share a slide or a well."
def pooled(counts):
    tp, fp, fn = np.sum(counts, axis=0)
    return tp / (tp + fp + fn) if tp + fp + fn else 0.0


def gap(first, second, kind):
    """The first minus the second: images are drawn for both together."""
    counts = (results.race.counts(name, kind, race) for name in (first, second))
    return metrics.paired_difference(*(np.stack([c.tp[:, 0], c.fp[:, 0], c.fn[:, 0]], axis=1) for c in counts), pooled)


pairs = [
    ("unet", "voronoi-otsu", "easy"), ("unet", "voronoi-otsu", "crowded"), ("unet", "pixel-classifier", "crowded"),
    ("stardist", "unet", "crowded"), ("cellpose", "unet", "crowded"), ("stardist", "cellpose", "crowded"),
    ("unet", "voronoi-otsu", "tissue"), ("cellpose", "voronoi-otsu", "tissue"), ("sam-decoder", "voronoi-otsu", "tissue"),
    ("unet-adjusted", "unet", "tissue"), ("unet-adjusted", "voronoi-otsu", "tissue"),
    ("pixel-classifier-adjusted", "pixel-classifier", "tissue"), ("voronoi-otsu-adjusted", "voronoi-otsu", "tissue"),
]
gaps = {pair: gap(*pair) for pair in pairs}
called = {name: about["title"] for name, about in race["entrants"].items()}
show.table(
    [[kind, f"{called[first]} minus {called[second]}", str(told)] for (first, second, kind), told in gaps.items()],
    ["images", "tools", "difference (95 % interval), images"],
)

# %%
#| label: tbl-seeds
#| tbl-cap: "Is it luck? AP@0.5 on the tissue images of the U-Net before and after fine-tuning, of two more trainings with other random seeds, and of Voronoi-Otsu labelling as it comes."
tuned = race["entrants"]["unet-adjusted"]
show.table(
    [
        ["U-Net, as it comes", by["unet", "tissue"]["ap"]],
        ["U-Net, fine-tuned, in the race", by["unet-adjusted", "tissue"]["ap"]],
        *([f"U-Net, fine-tuned, seed {told['seed']}", told["pooled_ap50"]] for told in tuned["other_seeds"]),
        ["Voronoi-Otsu, as it comes", by["voronoi-otsu", "tissue"]["ap"]],
    ],
    ["tool", "AP@0.5, tissue"],
    digits=2,
)

# %% [markdown]
# ## What the error of each tool would do
#
# Objects found for each true one, in easy and in crowded images. If a treatment makes the cells crowded, the ratio of
# the two is the factor by which the measured effect is wrong, whatever the AP.

# %%
#| label: tbl-bias
#| tbl-cap: "Objects found for each true nucleus in the three kinds of images, and what would be reported if a treatment turned easy fields into crowded ones and raised the number of nuclei by 50 %."
ratios = {name: [by[name, kind]["count_ratio"] for kind in results.race.KINDS] for name in styles}
reported = {name: 1.5 * ratio[1] / ratio[0] - 1 for name, ratio in ratios.items()}
show.table([[called[name], *ratios[name], f"{reported[name]:+.0%}".replace("-", "−").replace("%", " %")] for name in styles],
           ["tool", "found per true one, easy", "crowded", "tissue", "reported instead of +50 %"], digits=2)

# %% [markdown]
# ## A small race on this machine
#
# Three images that come with the course: real nuclei (a part of a *test* image of the same collection that the networks
# learnt from, with noise added), synthetic crowded nuclei, and stained tissue, for which there is no truth here. The first
# image of a tool includes loading and compiling, so it is segmented twice; the seconds on your machine come last.

# %%
sample = data.load("nuclei")
crowded = data.synthetic.nuclei((256, 256), 90, radius=(8, 13), touching=0.8, seed=14)
tissue = data.load("tissue-he").image[:256, :256]
pictures = {
    "real nuclei": (sample.image[:256, :256], sample.labels[:256, :256]),
    "synthetic, crowded": (crowded.image, crowded.labels),
    "tissue": (255 - tissue[..., 0], None),  # haematoxylin absorbs red light
}
entrants = {
    "Voronoi-Otsu": tools.voronoi_otsu.segment,
    "pixel classifier": tools.pixel_classifier.segment,
    "U-Net": lambda image: tools.unet.segment(image, scale="auto"),
    "StarDist": lambda image: tools.stardist.segment(image, scale="auto"),
    "Cellpose flows": tools.cellpose.segment,
}
if tools.available("micro-sam") and data.available("weights-mobilesam"):
    entrants["SAM + decoder"] = tools.micro_sam.segment_automatic
else:
    print("SAM stays at home: its weights (40 MB) are not on this machine.")
found, spent = {}, {}
for name, segment in entrants.items():
    segment(pictures["real nuclei"][0])
    for title, (image, _) in pictures.items():
        started = time.perf_counter()
        found[name, title] = segment(image)
        spent[name, title] = time.perf_counter() - started

# %% tags=["nbval-check-output"]
first = ["Voronoi-Otsu", "pixel classifier", "U-Net", "StarDist", "Cellpose flows"]
for title, (_, truth) in pictures.items():
    if truth is not None:
        best = max(first, key=lambda name: metrics.match(truth, found[name, title]).average_precision)
        print(f"{title}: every tool finds something: {all(found[n, title].max() > 0 for n in first)}; Voronoi-Otsu is best: {best == 'Voronoi-Otsu'}")

# %%
#| label: tbl-live
#| tbl-cap: "The small race: AP@0.5 where there is a truth, number of objects where there is none."
show.table(
    [
        [name, *(metrics.match(truth, found[name, title]).average_precision for title, (_, truth) in list(pictures.items())[:2]), len(np.unique(found[name, "tissue"])) - 1]
        for name in first
    ],
    ["tool", "real nuclei", "synthetic, crowded", "objects in the tissue"],
    digits=2,
)

# %%
for name in entrants:
    print(f"{name}: {sum(spent[name, title] for title in pictures):.1f} s for the three images on this machine")

# %%
#| label: fig-live
#| fig-cap: "The same piece of stained tissue, segmented by five tools that were made for fluorescence. The image was turned into one with bright nuclei first. The numbers are those of the objects. There is no truth for this image: look yourself."
#| fig-alt: "Six panels. First a pink section with many violet nuclei. Then the same in grey with bright nuclei, outlined five times: Voronoi-Otsu outlines most nuclei, some merged, 135 objects; the pixel classifier joins many to ragged islands, 65; the U-Net follows single nuclei, 149; StarDist does too, but adds dozens of small ellipses in the background, 306; the Cellpose flows follow single nuclei, 158."
figure, panels = show.figure(2, 3, height=5.0)
panels = panels.ravel()
panels[0].imshow(tissue)
panels[0].set_title("H&E")
for axes, name in zip(panels[1:], first):
    axes.imshow(pictures["tissue"][0], cmap="gray")
    labels = found[name, "tissue"]
    rim = find_boundaries(labels, mode="inner")
    axes.imshow(np.ma.masked_where(~rim, rim), cmap=ListedColormap([colour["orange"]]), interpolation="nearest")
    axes.set_title(f"{name}: {len(np.unique(labels)) - 1}")
for axes in panels:
    axes.set_axis_off()
figure

# %% [markdown]
# ## What is an hour of your time worth?
#
# ## Exercise 5: prices
#
# A ranking needs weights. Give an hour of a person and an hour of computing a price, in AP: at a price of 0.02 a gain
# of 0.02 in AP is worth one hour.
#
# - `utility(ap, person_hours, compute_hours, prices)`: AP minus what the hours cost; `prices` is (person, computing).
# - `winner(rows, prices)`: the name of the best row; rows are (name, AP, person_hours, compute_hours).
# - `first_flip(rows)`: computing is free. The price of a person's hour rises from 0: at which price does the most accurate
#   tool lose its place? (To within 0.0001, so you may also search.)
#
# `TOY` is an invented race to try them on.

# %% tags=["exercise"] exercise="weigh"
def utility(ap, person_hours, compute_hours, prices):
    raise NotImplementedError


def winner(rows, prices):
    raise NotImplementedError


def first_flip(rows):
    raise NotImplementedError


# %% tags=["solution"] exercise="weigh"
def utility(ap, person_hours, compute_hours, prices):
    return ap - prices[0] * person_hours - prices[1] * compute_hours


def winner(rows, prices):
    return max(rows, key=lambda row: utility(*row[1:], prices))[0]


def first_flip(rows):
    _, best, hours, _ = max(rows, key=lambda row: row[1])
    return min((best - ap) / (hours - person) for _, ap, person, _ in rows if person < hours)


# %% tags=["check", "nbval-check-output"] exercise="weigh"
check.weigh(utility, winner, first_flip)

# %% [markdown]
# Now the real race, for a project of 1,000 images of each kind. Three people: one only wants accuracy, one is short of
# time (an hour costs 0.1 AP), one pays for computing (0.02 AP an hour) and for people (0.02 AP an hour).

# %%
#| label: tbl-winners
#| tbl-cap: "Who wins the race for 1,000 images of each kind, at three pairs of prices (AP for an hour of a person, AP for an hour of CPU time). In brackets the runner-up and the distance in utility. Last row: the price of a person's hour from which on the most accurate tool no longer wins."
def entries(kind, images=1000):
    return [(r["title"], r["ap"], r["minutes"] / 60, r["seconds"] * images / 3600) for r in ours if r["kind"] == kind]


def podium(kind, prices):
    ranked = sorted(entries(kind), key=lambda r: r[1] - prices[0] * r[2] - prices[1] * r[3], reverse=True)
    value = [r[1] - prices[0] * r[2] - prices[1] * r[3] for r in ranked]
    return f"{ranked[0][0]} ({ranked[1][0]}, {value[0] - value[1]:.3f})"


def flip(kind):
    """The price of a person's hour at which the most accurate tool loses its place, if computing is free."""
    _, best, hours, _ = max(entries(kind), key=lambda r: r[1])
    prices = [(best - ap) / (hours - person) for _, ap, person, _ in entries(kind) if person < hours]
    return f"{min(prices):.3f}" if prices else "none: nobody needs less time"


people = {"accuracy only": (0, 0), "short of time": (0.1, 0), "pays for both": (0.02, 0.02)}
show.table(
    [[name, f"{prices[0]:g}, {prices[1]:g}", *(podium(kind, prices) for kind in results.race.KINDS)] for name, prices in people.items()]
    + [["the most accurate loses its place", "from, 0", *(flip(kind) for kind in results.race.KINDS)]],
    ["who", "prices", "easy", "crowded", "tissue"],
)

# %% [markdown]
# ## Exercise 6: who can be left out at any price?
#
# Whatever the prices, nobody needs a tool to which another one is at least equal in both accuracy and cost and better in
# one of them. The tools that are left are the *Pareto front*. Write `pareto_front(ap, cost)`, which returns an array of True
# and False.

# %% tags=["exercise"] exercise="pareto_front"
def pareto_front(ap, cost):
    raise NotImplementedError


# %% tags=["solution"] exercise="pareto_front"
def pareto_front(ap, cost):
    return np.array([not np.any((ap >= a) & (cost <= c) & ((ap > a) | (cost < c))) for a, c in zip(ap, cost)])


# %% tags=["check", "nbval-check-output"] exercise="pareto_front"
check.pareto_front(pareto_front)

# %%
#| label: tbl-front
#| tbl-cap: "Tools on the Pareto front of the race: AP@0.5 against CPU seconds an image (to a tenth), and against minutes of a person (assumed)."
def on_front(kind, cost):
    here = [r | {"seconds": round(r["seconds"], 1)} for r in ours if r["kind"] == kind]  # hundredths mean nothing
    beaten = lambda r: any(o["ap"] >= r["ap"] and o[cost] <= r[cost] and (o["ap"] > r["ap"] or o[cost] < r[cost]) for o in here)
    return "; ".join(r["title"] for r in sorted(here, key=lambda r: r[cost]) if not beaten(r))


show.table([[kind, on_front(kind, "seconds"), on_front(kind, "minutes")] for kind in results.race.KINDS],
           ["kind", "accuracy and computing", "accuracy and minutes of a person"])

# %% [markdown]
# ## When does one more annotation not pay?
#
# A pixel classifier learns from strokes. Here it gets more and more of them, on one synthetic field, and is
# scored on others. A stroke is a few pixels of one class, and we assume that it takes five seconds.

# %%
def field(seed):
    return data.synthetic.nuclei((160, 160), 20, radius=(8, 13), touching=0.2, seed=seed)


def strokes(labels, number, rng):
    """Short strokes on background, objects and the borders between objects, in turn."""
    kinds = np.where(labels == 0, 1, np.where(find_boundaries(labels, mode="inner"), 3, 2))
    marked = np.zeros(labels.shape, int)
    for k in range(number):
        row, column = rng.choice(np.argwhere(kinds == 1 + k % 3))
        window = slice(max(0, row - 1), row + 2), slice(max(0, column - 2), column + 3)
        marked[window] = np.where(kinds[window] == 1 + k % 3, kinds[window], marked[window])
    return marked


numbers, seconds_a_stroke = (3, 6, 12, 24, 48, 96, 192), 5
tests = [field(100 + i) for i in range(4)]
curves = []
for seed in range(4):
    practice, rng, curve = field(seed), np.random.default_rng(seed), []
    for number in numbers:
        classifier = tools.pixel_classifier.train(practice, strokes(practice.labels, number, rng), trees=20, seed=0)
        predictions = [tools.pixel_classifier.segment(test, classifier) for test in tests]
        curve.append(metrics.average_precision_dataset([t.labels for t in tests], predictions, 0.5).pooled[0])
    curves.append(curve)
minutes = np.array(numbers) * seconds_a_stroke / 60
typical = np.mean(curves, axis=0)

# %%
#| label: fig-accuracy-time
#| fig-cap: "Accuracy against time: a pixel classifier with more and more strokes, at an assumed five seconds each. Thin lines: four different fields to learn from; thick: their mean. With few strokes it is a matter of luck; after a minute most of the way is done."
#| fig-alt: "Four thin lines and their thick mean over 0 to 16 minutes. In the first minute the thin lines jump up and down between 0.3 and 0.8, and the mean rises from 0.6 to 0.8; from then on all lines are nearly flat, and the mean ends at about 0.86."
figure, axes = show.figure(height=3.2)
for curve in curves:
    axes.plot(minutes, curve, color=colour["sky"], lw=1)
axes.plot(minutes, typical, "o-", color=colour["blue"])
axes.set(xlabel="minutes spent on strokes (assumed)", ylabel="AP@0.5 on other fields", ylim=(0, 1))
figure

# %%
#| label: tbl-gain
#| tbl-cap: "The same curve in numbers: what the next step brings, in AP for each further minute."
show.table(
    [[n, f"{m:g}", f"{a:.2f}", None if i + 1 == len(numbers) else f"{(typical[i + 1] - a) / (minutes[i + 1] - m):+.3f}".replace("-", "−")] for i, (n, m, a) in enumerate(zip(numbers, minutes, typical))],
    ["strokes", "minutes", "AP@0.5", "gain of the next minute"],
)

# %% [markdown]
# ## Exercise 7: when to stop
#
# `when_to_stop(minutes, ap, least_gain)` gets an accuracy–time curve and the gain in AP that a minute must bring. It returns the
# index of the point at which you stop: the first from which *no* later point is worth its minutes, that is, each of them brings,
# counted from there, less than `least_gain` a minute. A single step that goes down need not stop you.

# %% tags=["exercise"] exercise="when_to_stop"
def when_to_stop(minutes, ap, least_gain):
    raise NotImplementedError
    for i in range(len(ap)):
        ...


# %% tags=["solution"] exercise="when_to_stop"
def when_to_stop(minutes, ap, least_gain):
    for i in range(len(ap)):
        if all((ap[j] - ap[i]) / (minutes[j] - minutes[i]) < least_gain for j in range(i + 1, len(ap))):
            return i


# %% tags=["check", "nbval-check-output"] exercise="when_to_stop"
check.when_to_stop(when_to_stop)

# %% tags=["claims", "nbval-check-output"]
ap = {key: row["ap"] for key, row in by.items()}
holds_0 = {pair: told.low <= 0 <= told.high for pair, told in gaps.items()}
nets = ("unet", "stardist", "cellpose")
ahead = [gap(net, other, "crowded") for net in nets for other in ("voronoi-otsu", "pixel-classifier")]
third = gap("cellpose", "sam-decoder", "tissue")  # the third difference among the three best on tissue
easy = [ap[name, "easy"] for name in styles if name != "sam-grid"]
unadjusted = sorted(styles, key=lambda name: -ap[name, "tissue"])
seeds = [told["pooled_ap50"] for told in tuned["other_seeds"]]
winners = {kind: {podium(kind, prices).partition(" (")[0] for prices in people.values()} for kind in results.race.KINDS}
objects = [len(np.unique(found[name, "tissue"])) - 1 for name in first]
show.claims(
    ("half-is-too-much", "6acc40", power[0.2, 6][5] < 0.25 < 0.6 < power[0.2, 6][0] and power[0.2, 24][5] < 0.75,
     f"{1.2 * 0.9 - 1:.2f} left of 0.20; found by {power[0.2, 6][0]:.1f} and {power[0.2, 6][5]:.1f} of the experiments"),
    ("images-are-not-wells", "9f38f3", min(false_alarms["image"]) > 0.195 and max(false_alarms["well"]) < 0.06,
     f"n = images: at least {100 * min(false_alarms['image']):.0f} %; n = wells: at most {100 * max(false_alarms['well']):.0f} %"),
    ("first-minute", "a8d0e5", typical[2] - typical[0] > 1.5 * (typical[-1] - typical[2]) > 0, "mean of 4 fields"),
    ("easy-needs-no-network", "10bf08", max(easy) - min(easy) < 0.05 and abs(gaps[pairs[0]].low) < 0.005,
     f"six tools between {min(easy):.2f} and {max(easy):.2f}; U-Net minus Voronoi-Otsu {gaps[pairs[0]]}"),
    ("crowded-networks-ahead", "623b8d", all(told.low > 0 for told in ahead),
     f"smallest lead {min(told.difference for told in ahead):+.2f}, lowest bound {min(told.low for told in ahead):+.2f}"),
    ("crowded-undecided", "841959", all(holds_0[pair] for pair in pairs[3:6]), "; ".join(str(gaps[pair]) for pair in pairs[3:6])),
    ("tissue-overcounted", "2ff38c", min(ratios["unet"][2], ratios["stardist"][2]) > 1.75,
     f"{ratios['unet'][2]:.2f} and {ratios['stardist'][2]:.2f}"),
    ("tissue-level", "c48860", set(unadjusted[:3]) == {"cellpose", "voronoi-otsu", "sam-decoder"} and all(holds_0[pair] for pair in pairs[7:9])
     and third.low <= 0 <= third.high, "; ".join(str(told) for told in (gaps[pairs[7]], gaps[pairs[8]], third))),
    ("tuning-helped", "fe5810", gaps[pairs[9]].low > 0 and min(seeds) > ap["unet", "tissue"] + 0.05,
     f"{gaps[pairs[9]]}; other seeds {', '.join(f'{s:.2f}' for s in seeds)}, before {ap['unet', 'tissue']:.2f}"),
    ("tuned-not-ahead", "f08ed1", holds_0[pairs[10]] and sum(s < ap["voronoi-otsu", "tissue"] for s in seeds) == 1,
     f"{gaps[pairs[10]]}; Voronoi-Otsu {ap['voronoi-otsu', 'tissue']:.2f}"),
    ("strokes-and-knobs", "b38edc", gaps[pairs[11]].difference > 0 > gaps[pairs[12]].difference and holds_0[pairs[11]] and holds_0[pairs[12]],
     f"strokes {gaps[pairs[11]]}; knobs {gaps[pairs[12]]}"),
    ("grid-is-last", "8eef7b", all(min(ap[n, k] for n in styles) == ap["sam-grid", k] and max(by[n, k]["seconds"] for n in styles) == by["sam-grid", k]["seconds"] for k in results.race.KINDS),
     "AP " + ", ".join(f"{ap['sam-grid', k]:.2f}" for k in results.race.KINDS)),
    ("all-report-too-little", "ee35dd", max(reported.values()) < 0.45 and min(reported[net] for net in nets) > 0.3 and max(reported["pixel-classifier"], reported["voronoi-otsu"]) < 0.2,
     "; ".join(f"{called[name]} {'+' if value > 0 else '−'}{abs(100 * value):.0f} %" for name, value in reported.items())),
    ("prices-matter-on-tissue", "6f418d", len(winners["easy"]) == len(winners["crowded"]) == 1 and len(winners["tissue"]) == 2,
     f"winners on tissue: {', '.join(sorted(winners['tissue']))}"),
    ("five-tools-five-numbers", "6bab16", len(set(objects)) == 5 and max(objects) > 3 * min(objects), "5 tools, 1 image without a truth"),
)

# %% [markdown]
# ## Exercise 8, open: your own choice, and its price
#
# Take the need sheet of a project of your own (at least four must-haves, each with a test). Segment three of your images
# with two tools of different categories, and write down the minutes that *you* needed for each, from opening the first
# image to trusting the result. Count true and false objects in one image by eye. Put your two rows into the race:
#
#     mine = [("tool A", ap_a, hours_a, compute_a), ("tool B", ap_b, hours_b, compute_b)]
#
# At which price of your hour does the winner change? Which of your must-haves did neither tool meet, and which part of the
# workflow would you replace first?
