"""The pages' part of the case clinic: cards of all cases and the scripts, made from the cases themselves.

    python -m coursebook.clinic

draws the pictures of the cards anew, where a case has something to look at.
"""

import re
from html import escape
from pathlib import Path

from bioimage_course import clinic
from bioimage_course.clinic import figures

PAGE = "book/19-clinic.qmd"
PART = "book/_generated/clinic.md"
SCRIPTS_PART = "book/_generated/clinic-scripts.md"
PICTURES = "assets/clinic"
"""Folder of the cards' pictures, seen from the page."""

GROUP_WORDS = {
    "data": "The data",
    "training": "The training",
    "prediction": "The prediction",
    "evaluation": "The evaluation",
    "environment": "The environment",
}


def part() -> str:
    """Return search form and cards, in Markdown inside raw HTML that pandoc and Quarto read alike.

    Without JavaScript every card is there; ``book/assets/clinic.js`` shows the form, which begins hidden, and
    makes it work. No blank line may come inside a card: pandoc would wrap what follows in paragraphs.
    """
    found = clinic.cases()
    blocks, group = [_form(len(found))], None
    for case in found:
        if case.group != group:
            group = case.group
            blocks.append(f"## {GROUP_WORDS[group]} {{#sec-clinic-{group}}}")
        blocks.append(_card(case))
    blocks.append('<p class="clinic-none" hidden>No case fits these words. Try fewer, or other ones.</p>')
    blocks.append('<script defer src="assets/clinic.js"></script>')
    return "\n\n".join(blocks) + "\n"


def scripts_part() -> str:
    """Return the five scripts, each under what it was asked for, with numbered lines."""
    blocks = []
    for script in clinic.scripts():
        blocks.append(f"**{_capital(script.name)}.** “{script.wish}”")
        blocks.append(f"```text\n{script.numbered()}\n```")
        blocks.append(f"It prints: *{script.given().printed}*.")
    return "\n\n".join(blocks) + "\n"


def draw(folder: Path) -> list[Path]:
    """Draw each case that has something to look at, as its user has it.

    Parameters
    ----------
    folder : Path
        Where the pictures go.

    Returns
    -------
    list of Path
    """
    from matplotlib.figure import Figure
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for case in clinic.cases():
        if case.name in figures.LOOKS:
            figure = Figure(figsize=(1.6, 1.6), dpi=150)
            ax = figure.add_axes((0, 0, 1, 1))
            figures.draw(ax, case, sick=True)
            ax.set_axis_off()
            figure.set_facecolor("black")
            drawn.append(folder / f"{case.name}.png")
            figure.savefig(drawn[-1])
            with Image.open(drawn[-1]) as picture:
                small = picture.convert("RGB").quantize(48)
            small.save(drawn[-1], optimize=True)
    return drawn


def anchor(case: clinic.Case) -> str:
    """Return where a case stands on the page: other chapters link to ``19-clinic.qmd#case-snow``."""
    return f"case-{case.name}"


def title(case: clinic.Case) -> str:
    """Return the nickname as a heading."""
    return _capital(case.name.replace("-", " "))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _form(count: int) -> str:
    options = "".join(f'<option value="{name}">{words}</option>' for name, words in GROUP_WORDS.items())
    return "\n".join(
        [
            '<form class="model-filters" id="clinic-form" aria-label="Find a case" hidden>',
            '<div><label for="clinic-words">What do you see?</label>'
            '<input type="search" id="clinic-words" autocomplete="off" placeholder="no masks, NaN …"></div>',
            '<div><label for="clinic-group">Where may the cause lie?</label>'
            f'<select id="clinic-group"><option value="">anywhere</option>{options}</select></div>',
            '<div><button type="reset">Show all</button></div>',
            f'<p role="status" aria-live="polite">{count} of {count} cases</p>',
            "</form>",
        ]
    )


def _card(case: clinic.Case) -> str:
    strong, weak = case.search_words()
    attributes = f'data-group="{case.group}" data-strong="{" ".join(strong)}" data-weak="{" ".join(weak)}"'
    questions = "".join(f"<li>{_html(question)}</li>" for question in case.questions)
    call = f'clinic.case("{case.name}").given()'
    picture = []
    if case.name in figures.LOOKS:
        alt = f"{title(case)}: an image of the case, as its user has it."
        place = f"{PICTURES}/{case.name}.png"
        picture = [f'<img class="clinic-picture" width="160" height="160" src="{place}" alt="{alt}">']
    answer = [
        ("Diagnosis", f"<strong>{_html(_capital(case.diagnosis))}</strong>. {_html(case.cause)}"),
        ("Test", f"<code>{_code(case.test)}</code>"),
        ("Repair", _html(case.repair)),
        *(
            [("Kind", "Recorded, not reproduced: only a computer with such a card can show it.")]
            if case.recorded
            else []
        ),
        ("Counted", f"{_html(_capital(case.outcome))}; @tbl-clinic says how much it is before and after."),
    ]
    return "\n".join(
        [
            f'<article class="model" id="{anchor(case)}" aria-labelledby="{anchor(case)}-name" {attributes}>',
            f'<h3 class="model-name" id="{anchor(case)}-name">{title(case)}</h3>',
            *picture,
            f'<div class="model-finds">“{_html(case.symptom)}”</div>',
            f"<p>A specialist asks:</p><ul>{questions}</ul>",
            f"<p>To look at it: <code>{_code(call)}</code></p>",
            "<details><summary>Diagnosis, test and repair</summary>",
            "<dl>",
            *(f"<div><dt>{label}</dt><dd>{text}</dd></div>" for label, text in answer),
            "</dl>",
            "</details>",
            "</article>",
        ]
    )


def _html(text: str) -> str:
    """Return text that Markdown leaves as it is, with what stands between backticks as code."""
    parts = text.split("`")
    return "".join(f"<code>{_code(part)}</code>" if n % 2 else _prose(part) for n, part in enumerate(parts))


def _prose(text: str) -> str:
    return re.sub(r"([*_\[\]@$|\\])", lambda match: f"&#{ord(match[1])};", escape(text, quote=False))


def _code(text: str) -> str:
    """Return code of which Markdown changes nothing, neither stars nor quotation marks nor hyphens."""
    return re.sub(r"[^\w ]", lambda match: f"&#{ord(match[0])};", text).replace("_", "&#95;")


if __name__ == "__main__":
    for file in draw(Path("book") / PICTURES):
        print(f"written: {file.as_posix()}")
