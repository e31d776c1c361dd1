"""Read, check and render the quizzes in ``book/quizzes/NN.yml``.

A quiz is a list of questions::

    - id: labelled-data
      question: Supervised machine learning requires …
      kind: one                  # or: many (choose all that apply)
      source: haase-lecture      # optional: key in references.bib
      answers:
        - text: labelled data
          correct: true
          why: …                 # every answer, right or wrong, is explained

Questions, answers and explanations are inline Markdown with ``$math$``. The page gets native
form elements that work without JavaScript; ``book/assets/quiz.js`` only adds a button.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from coursebook.book.findings import Finding, FindingsError, advice, compose_yaml, of_yaml, read_yaml
from coursebook.project import Project

LETTERS = "abcdefghijklmnopqrstuvwxyz"
KINDS = {"one": "Choose one answer.", "many": "Choose all that apply."}
QUESTION_KEYS = ("id", "question", "kind", "source", "answers")
ANSWER_KEYS = ("text", "correct", "why")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TAG = re.compile(r"</?[A-Za-z][^>]*>|<!--")
CODE_OR_MATH = re.compile(r"`[^`]*`|\$[^$]*\$")


class QuizError(FindingsError):
    """A quiz that cannot be used."""


@dataclass(frozen=True)
class Answer:
    """An answer to choose: text, whether it is correct, and why or why not."""

    text: str
    correct: bool
    why: str


@dataclass(frozen=True)
class Question:
    """A question with its answers; `kind` is ``"one"`` or ``"many"``, `source` a bibliography key or None."""

    id: str
    question: str
    kind: str
    answers: tuple[Answer, ...]
    source: str | None = None


@dataclass(frozen=True)
class Quiz:
    """The quiz of a chapter ("01")."""

    chapter: str
    questions: tuple[Question, ...]


# ---------------------------------------------------------------- reading


def read_all(project: Project) -> list[Quiz]:
    """Read the quizzes of all chapters.

    Raises
    ------
    QuizError
        If any has a mistake; the error carries those of all.
    """
    quizzes, findings = [], []
    for path in sorted(project.root.glob("book/quizzes/*.yml")):
        try:
            quizzes.append(read(path, project.relative(path)))
        except QuizError as error:
            findings += error.findings
    if findings:
        raise QuizError(findings)
    return quizzes


def check(project: Project) -> list[Finding]:
    """Find everything that is wrong with the quizzes."""
    try:
        read_all(project)
    except QuizError as error:
        return error.findings
    return []


def read(path: Path, file: str | None = None) -> Quiz:
    """Read one quiz.

    Parameters
    ----------
    path : Path
        ``NN.yml``; NN is the chapter.
    file : str, optional
        What findings call the file.

    Raises
    ------
    QuizError
        With file, line and question of every mistake.
    """
    path, file = Path(path), file or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise QuizError([Finding(file, 1, "the file is not UTF-8 text")]) from None
    return parse(text, path.stem, file)


def parse(text: str, chapter: str, file: str) -> Quiz:
    """Read a quiz from YAML text; see :func:`read`."""
    if not re.fullmatch(r"\d\d", chapter):
        raise QuizError([Finding(file, 1, "a quiz is called NN.yml after its chapter, 01.yml say")])
    try:
        content, node = read_yaml(text), compose_yaml(text)
    except yaml.YAMLError as error:
        raise QuizError([of_yaml(file, error, "not valid YAML: {} (quote text that holds `: `)")]) from None
    if node is None or not isinstance(content, list) or not content:
        raise QuizError([Finding(file, 1, "a quiz is a list of questions, each starting with `- id:`")])
    findings = [Finding(file, line, message) for line, message in _mistakes(content, node)]
    if findings:
        raise QuizError(findings)
    return Quiz(chapter, tuple(_question(entry) for entry in content))


def _question(entry: dict) -> Question:
    def line(text: str) -> str:
        return " ".join(text.split())

    answers = (Answer(line(a["text"]), a.get("correct", False), line(a["why"])) for a in entry["answers"])
    return Question(entry["id"], line(entry["question"]), entry["kind"], tuple(answers), entry.get("source"))


# ---------------------------------------------------------------- rules


def _mistakes(content: list, node: yaml.Node):
    """Yield line and message of every mistake."""
    seen = set()
    for number, (entry, entry_node) in enumerate(zip(content, node.value, strict=True), 1):
        line = entry_node.start_mark.line + 1
        if not isinstance(entry, dict):
            yield line, f"question {number} must have the keys {', '.join(QUESTION_KEYS)}"
            continue
        name = f"question {entry.get('id', number)!r}"
        yield from _mistakes_of_question(entry, entry_node, name)
        if isinstance(entry.get("id"), str):
            if entry["id"] in seen:
                yield line, f"{name}: the id is used twice"
            seen.add(entry["id"])


def _mistakes_of_question(entry: dict, node: yaml.Node, name: str):
    line, lines = node.start_mark.line + 1, _lines(node)
    yield from _wrong_keys(node, QUESTION_KEYS, ("id", "question", "kind", "answers"), name)
    if "id" in entry and not (isinstance(entry["id"], str) and SLUG.fullmatch(entry["id"])):
        message = f"{name}: an id is made of lower-case letters, digits and hyphens, labelled-data say"
        yield lines["id"], message
    if "question" in entry:
        yield from _wrong_text(entry["question"], lines["question"], f"{name}: the question")
    if "kind" in entry and entry["kind"] not in tuple(KINDS):
        yield lines["kind"], f"{name}: kind is {entry['kind']!r}, expected one or many"
    source = entry.get("source", "key")
    if not isinstance(source, str) or not re.fullmatch(r"[\w:.-]+", source):
        yield lines["source"], f"{name}: source is {source!r}, expected a key of references.bib"
    if "answers" not in entry:
        return
    answers = entry["answers"]
    if not isinstance(answers, list) or not 2 <= len(answers) <= len(LETTERS):
        yield lines["answers"], f"{name}: needs a list of at least 2 answers"
        return
    answers_node = next(value for key, value in node.value if key.value == "answers")
    for number, (answer, answer_node) in enumerate(zip(answers, answers_node.value, strict=True), 1):
        yield from _mistakes_of_answer(answer, answer_node, f"{name}, answer {number}")
    answers = [answer for answer in answers if isinstance(answer, dict)]
    texts = [str(answer.get("text")) for answer in answers]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        yield line, f"{name}: the answer {text!r} is there twice"
    correct = sum(answer.get("correct") is True for answer in answers)
    if correct == 0:
        yield line, f"{name}: no answer is marked `correct: true`"
    elif correct > 1 and entry.get("kind") == "one":
        yield line, f"{name}: {correct} answers are correct; write `kind: many` or leave one"


def _mistakes_of_answer(answer, node: yaml.Node, name: str):
    if not isinstance(answer, dict):
        yield node.start_mark.line + 1, f"{name}: must have the keys {', '.join(ANSWER_KEYS)}"
        return
    lines = _lines(node)
    yield from _wrong_keys(node, ANSWER_KEYS, ("text", "why"), name)
    for key in ("text", "why"):
        if key in answer:
            yield from _wrong_text(answer[key], lines[key], f"{name}: `{key}`")
    if not isinstance(answer.get("correct", False), bool):
        yield lines["correct"], f"{name}: correct is {answer['correct']!r}, expected true or false"


def _wrong_keys(node: yaml.Node, known: tuple, required: tuple, name: str):
    line, keys = node.start_mark.line + 1, [str(key.value) for key, _ in node.value]
    for key, its_line in _lines(node).items():
        if key not in known:
            yield its_line, f"{name}: unknown key `{key}`; {advice(key, known)}"
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield line, f"{name}: `{key}` is there twice"
    for key in required:
        if key not in keys:
            yield line, f"{name}: `{key}` is missing"


def _wrong_text(value, line: int, name: str):
    if not isinstance(value, str):
        yield line, f"{name} is {value!r}, not text; put it in quotes"
    elif not value.strip():
        yield line, f"{name} is empty"
    elif TAG.search(CODE_OR_MATH.sub("", value)):
        yield line, f"{name} holds HTML; write Markdown"


def _lines(node: yaml.Node) -> dict[str, int]:
    """Return key -> line."""
    return {str(key.value): key.start_mark.line + 1 for key, _ in node.value}


# ---------------------------------------------------------------- page


def render_html(quiz: Quiz) -> str:
    """Render a quiz for a page: Markdown inside raw HTML, for pandoc and Quarto.

    Everything is readable and operable without JavaScript: each answer has its explanation in a
    ``<details>``. No blank line may come inside a fieldset: pandoc would wrap what follows in
    paragraphs, which a legend or a label must not hold.
    """
    blocks = [f'<div class="quiz" id="quiz-{quiz.chapter}">']
    blocks += [_question_html(quiz.chapter, number, q) for number, q in enumerate(quiz.questions, 1)]
    blocks += ['<script defer src="assets/quiz.js"></script>', "</div>"]
    return "\n\n".join(blocks) + "\n"


def _question_html(chapter: str, number: int, question: Question) -> str:
    name = f"quiz-{chapter}-{question.id}"
    lines = [
        f'<fieldset class="quiz-question" id="{name}" data-kind="{question.kind}">',
        f"<legend>**Question {number}.** {question.question} *{KINDS[question.kind]}*</legend>",
    ]
    for letter, answer in zip(LETTERS, question.answers, strict=False):
        lines += _answer_html(name, letter, answer, question.kind)
    if question.source:
        lines.append(f'<div class="quiz-source">\nQuestion after [@{question.source}].\n</div>')
    return "\n".join([*lines, "</fieldset>"])


def _answer_html(name: str, letter: str, answer: Answer, kind: str) -> list[str]:
    control = "radio" if kind == "one" else "checkbox"
    attributes = (
        f'type="{control}" name="{name}" id="{name}-{letter}" data-correct="{str(answer.correct).lower()}"'
    )
    return [
        '<div class="quiz-answer">',
        f'<input {attributes}> <label for="{name}-{letter}">{letter}) {answer.text}</label>',
        f'<details class="quiz-why" id="{name}-{letter}-why">',
        f"<summary>Is {letter} right?</summary>",
        f"**{'Yes' if answer.correct else 'No'}.** {answer.why}",
        "</details>",
        "</div>",
    ]
