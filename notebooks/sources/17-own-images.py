# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "17"
#   title: From ten images to the whole experiment
#   extra: "reading"
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# WRITE: what this notebook does, in a few sentences.

# %% tags=["setup"]
import numpy as np

from bioimage_course import check, data, show
from bioimage_course.materials.ch17 import folder_of_masks

rng = np.random.default_rng(0)

# %% [markdown]
# ## Are the masks good?
#
# The label doctor looks at a mask that was exported at another position than its image.

# %%
#| label: fig-own-images-first
#| fig-cap: "A mask that was moved against its image, and what `repair()` makes of it."
#| fig-alt: "Nuclei, labels that lie beside them, and the same labels after the repair."
nuclei = data.load("nuclei")
moved = np.roll(nuclei.labels, (9, -6), (0, 1))
found = data.diagnose(nuclei.image, moved)
print(found)
found.figure(alt="Nuclei, labels that lie beside them, and the same labels after the repair.")

# %% [markdown]
# ## Exercise 1: Five spoilt masks
#
# A colleague has sent eight images with masks. Write `find_spoilt(pairs)`: it gets a list of `(image, labels)` and
# returns the numbers, counted from 0, of the masks that are spoilt. Then look at each with `data.diagnose`.

# %% tags=["exercise"] exercise="spoilt_masks"
def find_spoilt(pairs):
    raise NotImplementedError


# %% tags=["solution"] exercise="spoilt_masks"
def find_spoilt(pairs):
    return [number for number, pair in enumerate(pairs) if not data.diagnose(*pair).healthy]


# %% tags=["check", "nbval-check-output"] exercise="spoilt_masks"
check.spoilt_masks(find_spoilt)

# %%
for number, pair in enumerate(folder_of_masks()):
    print(number, data.diagnose(*pair), sep="\n")
