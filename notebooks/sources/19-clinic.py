# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "19"
#   title: The case clinic
#   extra: "practice,stardist,cellpose"
#   paths: [user]
#   gpu: "not needed"
# ---

# %% [markdown]
# Something went wrong: no masks, far too many, a number that cannot be. This notebook is a clinic with about fifty
# patients. Each comes with what its user says and with the data; you ask, test and convict. A name alone is a guess. A
# proof is one line of code that says *ill* of the sick and *healthy* of the repaired.

# %% tags=["setup"]
import warnings

import numpy as np

from bioimage_course import check, clinic, compat, explore, show

compat.prepare("stardist")  # Keras 2, before TensorFlow is imported
warnings.filterwarnings("ignore", category=UserWarning)
rng = np.random.default_rng(0)

# %% [markdown]
# ## A consultation, step by step
#
# The first patient says:

# %% tags=["nbval-check-output"]
patient = clinic.case("snow")
print(patient)
for question in patient.questions:
    print("-", question)

# %%
#| label: fig-snow
#| fig-cap: "The patient as it came, and after the repair. The nuclei are there in both, and so is every byte: only their order differs."
#| fig-alt: "Two pictures of the same nuclei. On the left the background is an even grey and the nuclei are covered with black and white speckles; on the right nuclei are bright on black."
clinic.picture("snow", alt="The same nuclei twice: speckled black and white on grey, and bright on black.")

# %% [markdown]
# The second question is the most telling, for it can be answered by a line: do neighbours resemble each other more
# once the two bytes of each pixel change places?

# %% tags=["nbval-check-output"]
image = patient.given().image
jumps = {
    "as it came": np.abs(np.diff(image.astype(float))).mean(),
    "bytes swapped": np.abs(np.diff(image.byteswap().astype(float))).mean(),
}
print("neighbours are alike once the bytes are swapped:", jumps["bytes swapped"] < jumps["as it came"] / 10)

# %% [markdown]
# ## Convict or acquit
#
# A test needs a limit, and a limit needs more than one patient. Twelve images are saturated, twelve are not: try three
# tests, first on all of them, then on two of each.

# %% tags=["widget"]
explore.verdict()

# %% [markdown]
# ## Exercise 1: convict one patient
#
# Two cells at opposite ends of an image have the same colour. Read the case, and write `evidence(given)`: True for the
# patient and for others with the same disease, False for those that were repaired. `clinic.diagnoses()` lists what a
# diagnosis may be.

# %% tags=["nbval-check-output"]
print(clinic.case("two-cells-one-name"))

# %% tags=["exercise"] exercise="case"
diagnosis = ...


def evidence(given):
    raise NotImplementedError


# %% tags=["solution"] exercise="case"
diagnosis = "labels in 8 bits"


def evidence(given):
    from skimage.measure import label

    return label(given.labels > 0).max() > len(np.unique(given.labels[given.labels > 0]))


# %% tags=["check", "nbval-check-output"] exercise="case"
check.case("two-cells-one-name", diagnosis=diagnosis, evidence=evidence)

# %% [markdown]
# ## Exercise 2: a ward round
#
# Five patients, one of each group. Write a dictionary, name → (diagnosis, evidence). For evidence take functions.

# %% tags=["nbval-check-output"]
ward = ["rings-around-objects", "too-good-to-be-true", "outlines-of-gaps", "more-than-i-see", "upgraded-and-unchanged"]
for name in ward:
    print(clinic.case(name), end="\n\n")

# %% tags=["exercise"] exercise="ward_round"
def findings():
    raise NotImplementedError
    return {name: ("diagnosis", lambda given: False) for name in ward}


# %% tags=["solution"] exercise="ward_round"
def findings():
    from skimage.measure import label

    def scattered(given):
        names = np.unique(given.labels[given.labels > 0])
        return np.mean([label(given.labels == n).max() > 1 for n in names]) > 0.3

    def neighbours(given):
        return any((np.abs(given.training - place).max(axis=1) < given.side).any() for place in given.validation)

    return {
        "rings-around-objects": ("interpolated labels", scattered),
        "too-good-to-be-true": ("leakage: overlapping crops in both sets", neighbours),
        "outlines-of-gaps": ("contrast inverted", lambda given: np.median(given.image) > given.image.mean()),
        "more-than-i-see": ("gaps in the labels", lambda given: given.count != np.unique(given.labels).size - 1),
        "upgraded-and-unchanged": ("an old copy comes first", lambda given: given.installed != given.running),
    }


# %% tags=["check", "nbval-check-output"] exercise="ward_round"
check.ward_round(findings)

# %% [markdown]
# ## Code that a language model wrote
#
# Five scripts that run to the end, print a plausible number, and are wrong in one line each. `given()` runs a script and
# keeps its variables; `given(sick=False)` runs it with that line repaired.

# %% tags=["nbval-check-output"]
for script in clinic.scripts():
    print(script)
    print("\nIt prints:", script.given().printed, end="\n\n")

# %% [markdown]
# The clinic's tests do not care who wrote the code: they look at what it leaves behind.

# %%
#| label: tbl-scripts
#| tbl-cap: "What each script prints, and what it prints after one line has been repaired."
show.table(
    [(script.name, script.given().printed, script.given(sick=False).printed) for script in clinic.scripts()],
    columns=["script", "as it was written", "with one line repaired"],
)

# %% [markdown]
# ## Exercise 3: planted errors
#
# Write a dictionary, name of the script → (number of the wrong line, diagnosis, evidence). Evidence is a function of what
# the script leaves behind, True for the script and False for its repaired copy, whatever the data.

# %% tags=["exercise"] exercise="planted_errors"
def charges():
    raise NotImplementedError
    return {script.name: (0, "diagnosis", lambda given: False) for script in clinic.scripts()}


# %% tags=["solution"] exercise="planted_errors"
def charges():
    def of(name):
        return clinic.case(name).diagnosis, clinic.case(name).test_of

    return {
        "projection": (4, *of("stripes-in-the-stack")),
        "ratio": (5, *of("no-difference")),
        "split": (8, *of("too-good-to-be-true")),
        "report": (8, *of("perfect-masks-wrong-counts")),
        "sizes": (4, *of("giants")),
    }


# %% tags=["check", "nbval-check-output"] exercise="planted_errors"
check.planted_errors(charges)

# %% [markdown]
# ## All patients
#
# What each user has, and what the repair makes of it.

# %%
#| label: tbl-clinic
#| tbl-cap: "What was counted in each case, as the user has it and after the repair. The words of the card say what the number means."
clinic.table()

# %%
#| label: fig-clinic-data
#| fig-cap: "The data. Left of each pair what the user sends, right the same after the repair; where there is nothing to see, the number that is counted, with the truth as a dashed line."
#| fig-alt: "Fifteen pairs of small panels. Among them a narrow strip beside a round-nuclei image, blue and pink tissue, nuclei with black speckles beside whole ones, flat discs beside round ones, a background in squares beside even noise."
clinic.sheet("data", alt="Fifteen pairs of panels, sick and repaired: axes, colours, overflow, labels, byte order, saturation, JPEG, shift, depth, pixel size.")

# %%
#| label: fig-clinic-training
#| fig-cap: "The training. Mostly numbers: what goes wrong in a training is seldom seen in an image."
#| fig-alt: "Seven pairs of panels, five with a bar before and after the repair, one with an image of dim spots, one with nuclei that are tinted only after the repair."
clinic.sheet("training", alt="Seven pairs of panels, sick and repaired, most of them bars.")

# %%
#| label: fig-clinic-prediction
#| fig-cap: "The prediction: the same models, on the same cells, once asked wrongly and once rightly. Objects that were found are tinted."
#| fig-alt: "Fourteen pairs of panels. On the left nuclei in crumbs, no masks, only bright nuclei, tinted gaps, tinted haze, one tint over everything, cut nuclei, grainy nuclei, tinted membranes; on the right each nucleus has one tint of its own."
clinic.sheet("prediction", alt="Fourteen pairs of panels, sick and repaired: what StarDist, Cellpose and the U-Net found, tinted.")

# %%
#| label: fig-clinic-evaluation
#| fig-cap: "The evaluation. The masks are the same on both sides; what changes is the number that is reported."
#| fig-alt: "Nine pairs of panels with bars or label images; the bars of reported scores change, the label images hardly do."
clinic.sheet("evaluation", alt="Nine pairs of panels, sick and repaired, bars of reported numbers and label images.")

# %%
#| label: fig-clinic-environment
#| fig-cap: "The environment: small made-up ones. Nothing works, or works slowly or with an old version; after the repair it does."
#| fig-alt: "Six pairs of bars: four that are zero before the repair and one after it, a version that goes from one to two, and a speed that does."
clinic.sheet("environment", alt="Six pairs of bars before and after the repair.")

# %% [markdown]
# ## What was claimed
#
# Every sentence of the page about our own numbers, with what it rests on.

# %% tags=["claims", "nbval-check-output"]
everybody = clinic.cases()
convicted = [all(item.test_of(item.given(seed)) for seed in (0, 1)) for item in everybody]
acquitted = [not any(item.test_of(item.given(seed, sick=False)) for seed in (0, 1)) for item in everybody]
before = {item.name: item.before for item in everybody}
after = {item.name: item.after for item in everybody}
tuned, cells = "best-of-sixty", "significant-both-ways"
wrong = {script.name: script.given() for script in clinic.scripts()}
mended = {script.name: script.given(sick=False) for script in clinic.scripts()}
charged = [
    all(script.case.test_of(script.given(seed)) and not script.case.test_of(script.given(seed, sick=False)) for seed in range(3))
    for script in clinic.scripts()
]
ratios = [found["ratio"].after / found["ratio"].before for found in (wrong, mended)]
widths = [float(np.median(found["sizes"].diameters)) for found in (wrong, mended)]
show.claims(
    ("every-line-convicts", "8db7f6", all(convicted) and all(acquitted), f"{len(everybody)} cases, two patients each"),
    ("effect-cut-off", "09a60c", before["too-small-an-effect"] < 1.6 and abs(after["too-small-an-effect"] - 2) < 0.1, f"{before['too-small-an-effect']:.1f} and {after['too-small-an-effect']:.1f}"),
    ("effect-gone", "942b75", abs(before["no-difference"] - 1) < 0.1 and abs(after["no-difference"] - 2) < 0.1, f"{before['no-difference']:.1f} and {after['no-difference']:.1f}"),
    ("cells-are-no-replicates", "f20b71", before[cells] > 0.5 and after[cells] < 0.1, f"{before[cells]:.0%} and {after[cells]:.0%} of 400 experiments"),
    ("luckiest-of-sixty", "a6b631", before[tuned] > 0.8 and after[tuned] < before[tuned], f"{before[tuned]:.2f} and {after[tuned]:.2f}, truth 0.70"),
    ("dice-sees-no-lines", "bd9262", before["perfect-masks-wrong-counts"] > 0.99 and after["perfect-masks-wrong-counts"] < 0.5, f"{before['perfect-masks-wrong-counts']:.2f} and {after['perfect-masks-wrong-counts']:.2f}"),
    ("five-scripts-charged", "9dbb2d", all(charged) and len(charged) == 5, "five scripts, three sets of data each"),
    ("script-hides-effect", "1ba5a7", abs(ratios[0] - 1) < 0.1 and abs(ratios[1] - 2) < 0.1, f"{ratios[0]:.2f} and {ratios[1]:.2f}"),
    ("script-doubles-widths", "d01be7", 1.8 < widths[0] / widths[1] < 2.2, f"{widths[0]:.0f} and {widths[1]:.0f} µm"),
)

# %% [markdown]
# ## Find your own case
#
# `clinic.search` takes a sentence. Try yours:

# %% tags=["nbval-check-output"]
for complaint in ("cellpose returns zero masks", "my loss becomes NaN", "the masks are shifted"):
    print(f"{complaint}: {[found.name for found in clinic.search(complaint, most=3)]}")

# %% [markdown]
# ## Exercise 4: ask so that somebody can answer
#
# “Cellpose does not work on my images, please help!” Nobody can answer that. Write the same question with what an
# answer needs: `question()` returns a dictionary with the five parts below. Invent what you do not know.

# %% tags=["exercise"] exercise="answerable"
def question():
    raise NotImplementedError
    return {"goal": "", "happened": "", "code": "", "image": "", "versions": ""}


# %% tags=["solution"] exercise="answerable"
def question():
    return {
        "goal": "I expect about 30 masks of nuclei in each image; by eye there are 28 to 33.",
        "happened": "There are 0 masks and no error message. With a crop of the example image that comes with the "
        "package it works: 25 masks.",
        "code": "labels = model.eval(image, diameter=300)[0]",
        "image": "One of ten, attached: shape (1024, 1024), uint16, values 98 to 4020, one channel, 0.32 µm a pixel; "
        "a nucleus is about 22 pixels wide.",
        "versions": "cellpose 4.0.6, numpy 2.1.3, Python 3.11, Windows 11, no GPU",
    }


# %% tags=["check", "nbval-check-output"] exercise="answerable"
check.answerable(question)
