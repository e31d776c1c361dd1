# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "19"
#   title: The case clinic
#   extra: ""
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# WRITE: what this notebook does, in a few sentences.

# %% tags=["setup"]
import numpy as np

from bioimage_course import check, data, explore, metrics, show

rng = np.random.default_rng(0)

# %% [markdown]
# ## WRITE: the first thing to see

# %%
#| label: fig-clinic-first
#| fig-cap: "WRITE: what to see in the figure."
#| fig-alt: "WRITE: what is there, for those who cannot see it."
sample = data.load("nuclei")
show.image(sample.image, alt="WRITE: what is there, for those who cannot see it.")
