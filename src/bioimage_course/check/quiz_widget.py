"""Show a chapter's quiz in a notebook (ipywidgets 7 and 8) or as plain text.

The questions are package data (``quizzes/NN.yml``), copied from ``book/quizzes``.
Their inline Markdown becomes HTML here; anything that looks like HTML is escaped.
"""

import html
import re
from importlib import resources

import yaml

from bioimage_course.check.engine import say
from bioimage_course.errors import InputError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TOKENS = re.compile(r"(`[^`]+`|\$[^$\s](?:[^$]*[^$\s])?\$)")
_FORMATS = (
    (re.compile(r"\*\*(\S(?:.*?\S)?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(\S(?:.*?\S)?)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"\[@[^\]]*\]"), ""),  # a citation means nothing outside the book
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
)
# Okabe-Ito green and vermilion, as a bar: text takes the colour of the theme, light or dark.
_BAR = {True: "#009e73", False: "#d55e00"}
# ipywidgets would cut a long answer off at the end of its line.
_STYLE = (
    ".course-quiz .widget-checkbox, .course-quiz .widget-checkbox label "
    "{ height: auto; line-height: 1.5; overflow: visible; white-space: normal; }"
    ".course-quiz .widget-checkbox label { align-items: baseline; display: flex; }"
    ".course-quiz .widget-checkbox input { flex: none; }"
)


def load(chapter):
    """The questions of a chapter.

    Parameters
    ----------
    chapter : str or int
        "01" or 1.

    Returns
    -------
    list of dict
        Keys ``id``, ``question``, ``kind`` ("one" or "many") and ``answers``, each with
        ``text``, ``correct`` and ``why``.

    Raises
    ------
    InputError
        If there is no such quiz.
    """
    folder = resources.files(__package__) / "quizzes"
    known = sorted(file.name[:-4] for file in folder.iterdir() if file.name.endswith(".yml"))
    name = f"{chapter:0>2}" if isinstance(chapter, (str, int)) else str(chapter)
    if name not in known:
        raise InputError(
            f"There is no quiz for chapter {chapter!r}; there are quizzes for {', '.join(known)}."
        )
    return yaml.safe_load((folder / f"{name}.yml").read_text(encoding="utf-8"))


def judge(question, chosen):
    """Judge a choice of answers.

    Parameters
    ----------
    question : dict
    chosen : collection of int
        Numbers of the chosen answers, from 0.

    Returns
    -------
    right : bool or None
        None if nothing was chosen.
    sentence : str
    """
    correct = {number for number, answer in enumerate(question["answers"]) if answer.get("correct")}
    chosen = set(chosen)
    if not chosen:
        return None, "Choose an answer first."
    if chosen == correct:
        return True, "Right."
    if question["kind"] == "one":
        return False, "Not right; read why, and try again."
    hit, wrong = len(chosen & correct), len(chosen - correct)
    return False, f"Not yet: {hit} of {len(correct)} right answers chosen, and {wrong} wrong ones."


def widget(chapter):
    """The quiz as an ipywidget: tick, press *Check*, read why.

    Returns
    -------
    ipywidgets.VBox
    """
    import ipywidgets

    questions = load(chapter)
    boxes = [_question(ipywidgets, number, question) for number, question in enumerate(questions, 1)]
    style = ipywidgets.HTML(value=f"<style>{_STYLE}</style>")
    style.layout.display = "none"
    quiz = ipywidgets.VBox([*boxes, style])
    quiz.add_class("course-quiz")
    return quiz


def print_plain(chapter):
    """Print the quiz as text, the answers and explanations after the questions."""
    questions = load(chapter)
    lines = []
    for number, question in enumerate(questions, 1):
        lines += [f"{number}. {_plain(question['question'])} ({_task(question)})"]
        for letter, answer in zip(LETTERS, question["answers"], strict=False):
            lines.append(f"   {letter}) {_plain(answer['text'])}")
        lines.append("")
    lines.append("Answers")
    for number, question in enumerate(questions, 1):
        for letter, answer in zip(LETTERS, question["answers"], strict=False):
            verdict = "right" if answer.get("correct") else "wrong"
            lines.append(f"{number}{letter} is {verdict}: {_plain(answer['why'])}")
    say("\n".join(lines))


def _question(ipywidgets, number, question):
    ticks, reasons = [], []
    for letter, answer in zip(LETTERS, question["answers"], strict=False):
        ticks.append(_checkbox(ipywidgets, f"{letter}) {_plain(answer['text'])}"))
        reason = ipywidgets.HTMLMath(value=_reason(answer))
        reason.layout.display, reason.layout.margin = "none", "0 0 0.5em 1.8em"
        reasons.append(reason)
    text = f"<b>Question {number}.</b> {_html(question['question'])} <i>({_task(question)})</i>"
    title = ipywidgets.HTMLMath(value=text)
    button = ipywidgets.Button(description=f"Check question {number}")
    button.layout.width, button.layout.flex = "auto", "none"
    verdict = ipywidgets.HTML()

    def untick_others(change):
        if change["new"] and question["kind"] == "one":
            for tick in ticks:
                if tick is not change["owner"]:
                    tick.value = False

    def check(_):
        chosen = [n for n, tick in enumerate(ticks) if tick.value]
        right, sentence = judge(question, chosen)
        verdict.value = f'<span role="alert">{"✔" if right else "○"} {sentence}</span>'
        for n, reason in enumerate(reasons):  # all of them once solved, before that only those asked for
            reason.layout.display = "" if right or n in chosen else "none"

    for tick in ticks:
        tick.observe(untick_others, names="value")
    button.on_click(check)
    rows = [row for pair in zip(ticks, reasons, strict=True) for row in pair]
    box = ipywidgets.VBox([title, *rows, ipywidgets.HBox([button, verdict])])
    box.layout.margin = "0 0 1.5em 0"
    return box


def _checkbox(ipywidgets, text):
    # Version 8 shows a description as text, version 7 as HTML.
    if int(ipywidgets.__version__.split(".")[0]) < 8:
        text = html.escape(text)
    box = ipywidgets.Checkbox(value=False, description=text, indent=False)
    box.layout.width = "auto"
    return box


def _reason(answer):
    right = bool(answer.get("correct"))
    bar = f"border-left: 4px solid {_BAR[right]}; padding-left: 0.5em"
    words = "✔ Right." if right else "✗ Wrong."
    return f'<div style="{bar}"><b>{words}</b> {_html(answer["why"])}</div>'


def _task(question):
    return "choose one" if question["kind"] == "one" else "choose all that apply"


def _html(markdown):
    """Inline Markdown as safe HTML; ``$math$`` stays for MathJax."""
    parts = []
    for part in _TOKENS.split(" ".join(str(markdown).split())):
        safe = html.escape(part)
        if len(part) > 2 and part[0] == part[-1] == "`":
            safe = f"<code>{html.escape(part[1:-1])}</code>"
        elif not part.startswith("$"):
            for pattern, replacement in _FORMATS:
                safe = pattern.sub(replacement, safe)
        parts.append(safe)
    return "".join(parts)


def _plain(markdown):
    """Inline Markdown as text without markup; ``$math$`` stays as it is."""
    return html.unescape(re.sub(r"</?(?:code|strong|em)>", "", _html(markdown)))
