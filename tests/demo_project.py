"""A tiny but complete course: every rule of ``course check`` is content with it."""

import hashlib
import json
from pathlib import Path

from coursebook.project import Project

QUARTO = """\
project:
  type: book
  output-dir: _book

book:
  title: A demo
  repo-url: https://github.com/someone/demo-course
  chapters:
    - index.qmd
    - book/01-lines.qmd
    - book/references.qmd
  appendices:
    - book/glossary.qmd

bibliography: book/references.bib

format:
  html:
    html-math-method: mathml
    css: book/assets/course.css
"""

SOURCE = """\
# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "01"
#   title: Lines
#   extra: ""
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# A line, and what can be done with it.

# %% tags=["setup"]
import numpy as np
from IPython.display import Markdown, display

seed = 0


class show:  # stands in for bioimage_course.show
    claims = staticmethod(
        lambda *entries: Markdown("\\n".join(f"| {name} | {text} | yes |" for name, _, _, text in entries))
    )


class check:  # stands in for bioimage_course.check
    double = triple = half = staticmethod(lambda function: print("checked", function.__name__))


# %%
#| label: fig-line
#| fig-cap: "A line."
#| fig-alt: "A line that rises from the lower left to the upper right."
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 9L9 0" stroke="#000"/></svg>'
display({"image/svg+xml": SVG, "text/plain": "a line"}, raw=True)

# %%
#| label: tbl-numbers
#| tbl-cap: "Numbers."
Markdown("| a |\\n|--:|\\n| 1 |")

# %% [markdown]
# ## Exercise 1: double it

# %% tags=["exercise"] exercise="double"
def double(x):
    raise NotImplementedError


# %% tags=["solution"] exercise="double"
def double(x):
    return 2 * x


# %% tags=["check", "nbval-check-output"] exercise="double"
check.double(double)

# %% tags=["exercise"] exercise="triple"
def triple(x):
    raise NotImplementedError


# %% tags=["solution"] exercise="triple"
def triple(x):
    return 3 * x


# %% tags=["check"] exercise="triple"
check.triple(triple)

# %% tags=["exercise"] exercise="half"
def half(x):
    raise NotImplementedError


# %% tags=["solution"] exercise="half"
def half(x):
    return x / 2


# %% tags=["check"] exercise="half"
check.half(half)

# %% tags=["claims", "nbval-check-output"]
show.claims(
    ("one-is-first", "%HASH1%", 1 < 2, "1 and 2"),
    ("two-is-second", "%HASH2%", 2 < 3, "2 and 3"),
    ("three-is-third", "%HASH3%", 3 < 4, "3 and 4"),
    ("four-is-fourth", "%HASH4%", 4 < 5, "4 and 5"),
    ("five-is-fifth", "%HASH5%", 5 < 6, "5 and 6"),
)

# %% tags=["widget"]
print("turn me")
"""

CLAIMS = {
    "one-is-first": "One is the [first](#sec-more) of @tbl-numbers.",
    "two-is-second": "Two is the second.",
    "three-is-third": "Three is the third.",
    "four-is-fourth": "Four is the fourth.",
    "five-is-fifth": "Five is the fifth.",
}
for _number, _sentence in enumerate(CLAIMS.values(), 1):
    SOURCE = SOURCE.replace(f"%HASH{_number}%", hashlib.sha256(_sentence.encode()).hexdigest()[:6])
SAVED_CLAIMS = "| claim | numbers | holds |\n|:---|:---|:---|\n" + "".join(
    f"| {name} | {n} and {n + 1} | yes |\n" for n, name in enumerate(CLAIMS, 1)
)
CHAPTER = """\
# Lines {#sec-lines}

::: {.chapter-card}
**After this chapter you can**

- draw a line
- measure a line
- follow a line

{{< include _generated/01-card.md >}}
:::

A [straight line](glossary.qmd#straight-line) has no end [@euclid1956]; see @fig-line, @tbl-numbers,
@eq-line and @sec-more.

{{< embed ../notebooks/solutions/01-lines.ipynb#fig-line >}}

{{< embed ../notebooks/solutions/01-lines.ipynb#tbl-numbers >}}

$$
y = a x + b
$$ {#eq-line}

![A drawn line.](assets/line.svg){#fig-drawn fig-alt="A line that falls from left to right."}

::: {#fig-line-explorer}
```{=html}
<script defer src="../src/bioimage_course/explore/js/base.js"></script>
<script defer src="../src/bioimage_course/explore/js/line-explorer.js"></script>
<line-explorer><img src="assets/line.svg" alt="A line with two handles at its ends"></line-explorer>
```
Move the handles.
:::

## More {#sec-more}

In code `@nobody [dead](link)` means nothing.

```python
# @nobody {{{< nothing >}}} ![](x)
```

::: {.prediction claim="two-is-second"}
Which place has `two`, of *all*?

- [the second]{.measured}
- the first
:::

::: {.prediction claim="three-is-third" from="0" to="9"}
Which place
has three?
:::

## What goes wrong

A curve. %CLAIMS%

## Quiz

{{< include _generated/01-quiz.md >}}

## Exercises

Three, in the notebook.

{{< include _generated/01-claims.md >}}

## In five lines

1. one
2. two
3. three
4. four
5. five

## Further reading

[The beginning](#sec-lines), [more](01-lines.qmd#sec-more), [home](../index.qmd).
"""
CHAPTER = CHAPTER.replace(
    "%CLAIMS%", " ".join(f"[{CLAIMS[name]}]{{#claim-{name} .claim}}" for name in CLAIMS)
)

QUIZ = """\
- id: ends
  question: How many ends has a line?
  kind: one
  answers:
    - {text: none, correct: true, why: It goes on.}
    - {text: two, why: That is a segment.}
- id: bends
  question: How many bends has a line?
  kind: one
  answers:
    - {text: none, correct: true, why: It is straight.}
    - {text: two, why: That is a curve.}
- id: points
  question: How many points has a line?
  kind: one
  answers:
    - {text: very many, correct: true, why: Between two there is a third.}
    - {text: two, why: They only fix it.}
"""

BIB = """\
@book{euclid1956,
  author = {Euclid},
  title = {The Thirteen Books of the Elements},
  year = {1956},
  doi = {10.1000/elements},
}
"""

CHECKS = """\
from bioimage_course.check import exercise


@exercise(chapter="01", hints=("add it",))
def double(function):
    return "right"


@exercise(chapter="01", hints=("add it",))
def triple(function):
    return "right"


@exercise(chapter="01", hints=("share it",))
def half(function):
    return "right"
"""

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>line</title></svg>\n'
SCRIPT = '"use strict";\n'

FILES = {
    "_quarto.yml": QUARTO,
    "index.qmd": "# Preface {.unnumbered}\n\n{{< include book/_preface.qmd >}}\n",
    "README.md": "# Demo\n\n<!-- chapters:begin -->\n<!-- chapters:end -->\n",
    "CITATION.cff": "repository-code: https://github.com/someone/demo-course\n",
    "glossary.yml": "Straight Line: |\n  It is the shortest way.\n",
    "requirements/course.lock": "numpy==2.0\n",
    "notebooks/sources/01-lines.py": SOURCE,
    "book/_preface.qmd": "Welcome: [begin](book/01-lines.qmd).\n",
    "book/01-lines.qmd": CHAPTER,
    "book/references.qmd": "# References {.unnumbered}\n\n::: {#refs}\n:::\n",
    "book/references.bib": BIB,
    "book/quizzes/01.yml": QUIZ,
    "book/assets/course.css": "body { color: black; }\n",
    "book/assets/quiz.js": '"use strict";\n',
    "book/assets/line.svg": SVG,
    "book/assets/open-in-colab.svg": SVG,
    "src/bioimage_course/__init__.py": "",
    "src/bioimage_course/check/exercises/ch01.py": CHECKS,
    "src/bioimage_course/explore/js/base.js": '"use strict";\n',
    "src/bioimage_course/explore/js/line-explorer.js": SCRIPT,
    "book/assets/explorables/line-explorer.png": hashlib.sha256(SCRIPT.encode()).hexdigest(),
    "src/bioimage_course/weights/lines/card.md": "# Lines\n",
    "src/bioimage_course/weights/lines/weights.h5": "\0binary",
}


def make(folder: Path) -> Project:
    """Write the sources of the demo course into `folder`."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return Project(folder)


def edit(project: Project, file: str, old: str, new: str) -> int:
    """Replace `old`, which must be there, by `new` in a file; return the line of the change."""
    path = project.root / file
    text = path.read_text() if path.is_file() else ""
    assert old in text, f"{file} does not hold {old!r}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def add_page(project: Project, name: str) -> None:
    """Add an empty page ``book/<name>.qmd`` after the glossary."""
    glossary = "    - book/glossary.qmd\n"
    edit(project, "_quarto.yml", glossary, f"{glossary}    - book/{name}.qmd\n")
    title = f"# {name.capitalize()} {{#sec-{name}}}\n"
    (project.root / f"book/{name}.qmd").write_text(title, encoding="utf-8")


def pretend_executed(project: Project) -> None:
    """Store the notebook with solutions with the outputs that execution gives, without a kernel."""
    from nbformat.v4 import new_output

    from coursebook import execute, inputs, notebooks, sources

    outputs = {
        "fig-line": new_output("display_data", {"image/svg+xml": SVG, "text/plain": "a line"}),
        "tbl-numbers": new_output("display_data", {"text/markdown": "| a |\n|--:|\n| 1 |"}),
    }
    timings = {}
    for source in sources.read_all(project)[0]:
        notebook = notebooks.solution_notebook(project, source)
        for number, cell in enumerate([c for c in notebook.cells if c.cell_type == "code"], 1):
            cell.execution_count = number
            cell.outputs = [outputs[cell.id]] if cell.id in outputs else []
            if "claims" in cell.metadata.get("tags", ()):
                cell.outputs = [new_output("display_data", {"text/markdown": SAVED_CLAIMS})]
        path = project.root / notebooks.solution_file(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebooks.to_text(notebook), encoding="utf-8")
        timings[source.name] = {
            "cells": notebooks.cells_hash(source),
            "inputs": inputs.digest(project, source),
            "seconds": 35.0,
            "peak_memory_mb": 600,
            "machine": {"cores": 2, "python": "3.11.7", "system": "Linux"},
        }
    (project.root / execute.TIMINGS).write_text(json.dumps(timings, indent=1, sort_keys=True) + "\n")
