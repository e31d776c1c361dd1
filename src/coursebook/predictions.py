"""Questions before a result: what does the reader expect, and what does the claim below say was measured?

On a page a prediction is Markdown alone::

    ::: {.prediction claim="remedy-helps"}
    What does a longer training do to the score of the test set?

    - It rises.
    - [It falls.]{.measured}
    - It stays as it is.
    :::

or, for a number, has limits instead of answers: ``::: {.prediction claim="x" from="0" to="100" unit="%"}``.
Without scripts that is an open question, and the result follows in the text. ``book/assets/predictions.js``
makes a form of it; what was measured it copies from the claim, sentence and numbers, so that nobody types it.
`find` says what is wrong with the predictions of a book.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from coursebook import claims
from coursebook.book.findings import Finding, advice
from coursebook.book.reader import Book
from coursebook.book.text import Line, Manuscript
from coursebook.words import counted

BLOCK = re.compile(
    r"^(?P<fence>:{3,}) *\{(?P<head>[^{}\n]*\.prediction\b[^{}\n]*)\} *\n(?P<body>.*?)^(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
ATTRIBUTE = re.compile(r"(\w+)=\"([^\"]*)\"")
ANSWER = re.compile(r"^[-*] +(.+(?:\n(?![-*] ).+)*)", re.MULTILINE)
MEASURED = re.compile(r"\[.*\]\{\.measured\}", re.DOTALL)
FLOAT = re.compile(r"@((?:fig|tbl)-[\w-]+)")
ATTRIBUTES = ("claim", "from", "to", "unit")
FEWEST, MOST = 2, 4
"""Predictions of a chapter, and answers of a prediction."""


@dataclass(frozen=True)
class Prediction:
    """A question of a page before its result.

    Attributes
    ----------
    claim : str
        Name of the claim that says what was measured.
    question : str
    answers : tuple of str
        In Markdown; none where a number is asked for.
    attributes : dict
        As written: ``claim``, and for a number ``from``, ``to`` and ``unit``.
    line : Line
    position, end : int
        Where its first and its last line stand among the lines of the page.
    """

    claim: str
    question: str
    answers: tuple[str, ...]
    attributes: dict[str, str]
    line: Line
    position: int
    end: int

    @property
    def measured(self) -> list[int]:
        """Places of the answers that are marked as what was measured."""
        return [place for place, answer in enumerate(self.answers) if MEASURED.fullmatch(answer)]


def on_page(page: Manuscript) -> list[Prediction]:
    """Return the predictions of a page in order of appearance."""
    written = "\n".join(line.text for line in page.lines)
    found = []
    for match in BLOCK.finditer(page.prose):
        body = written[match.start("body") : match.end("body")]
        answers = tuple(" ".join(answer.split()) for answer in ANSWER.findall(body))
        attributes = dict(ATTRIBUTE.findall(match["head"]))
        start, end = (page.prose.count("\n", 0, place) for place in match.span())
        question = " ".join(ANSWER.sub("", body).split())
        claim = attributes.get("claim", "")
        found.append(Prediction(claim, question, answers, attributes, page.lines[start], start, end))
    return found


def find(book: Book) -> Iterator[Finding]:
    """Find questions that cannot be answered, without a claim, or asked when the result is known."""
    for page in book.manuscripts:
        predictions, claimed = on_page(page), {claim.name: claim for claim in claims.on_page(page)}
        for prediction in predictions:
            problems = [*_form(prediction), *_place(page, prediction, claimed)]
            for problem in problems:
                yield Finding(prediction.line.file, prediction.line.number, problem)
        yield from _together(page, predictions)


def _form(prediction: Prediction) -> Iterator[str]:
    """Say what is wrong with question and answers."""
    for name in prediction.attributes:
        if name not in ATTRIBUTES:
            yield f"a prediction has no attribute `{name}`; {advice(name, ATTRIBUTES)}"
    if not prediction.question.endswith("?"):
        yield "a prediction begins with its question, which ends with a question mark"
    if {"from", "to"} & set(prediction.attributes):
        yield from _limits(prediction)
        return
    if not FEWEST <= len(prediction.answers) <= MOST:
        yield f"{counted(len(prediction.answers), 'answer')}; a prediction offers {FEWEST} to {MOST}"
    if len(prediction.measured) != 1:
        count = counted(len(prediction.measured), "answer")
        yield f"{count} marked as what was measured; write one as `- [answer]{{.measured}}`"


def _limits(prediction: Prediction) -> Iterator[str]:
    if prediction.answers:
        yield "a prediction asks for a number, with limits, or offers answers, but not both"
    try:
        low, high = (float(prediction.attributes.get(name, "")) for name in ("from", "to"))
    except ValueError:
        yield 'a prediction of a number gives both its limits: `from="0" to="100"`'
        return
    if not low < high:
        yield f"the limits {low:g} and {high:g} leave nothing to predict"


def _place(page: Manuscript, prediction: Prediction, claimed: dict[str, claims.Claim]) -> Iterator[str]:
    """Say whether the result is missing, or stands above the question."""
    if prediction.claim not in claimed:
        known = advice(prediction.claim, claimed) if claimed else "the page has none"
        yield f"the prediction names no claim of {page.path}: claim={prediction.claim!r}; {known}"
        return
    claim = page.lines.index(claimed[prediction.claim].line)
    if claim < prediction.end:
        yield f"the claim {prediction.claim!r} stands above the question: ask before the result is told"
    elif above := _shown_above(page, prediction, claim):
        yield f"{above} shows the result of {prediction.claim!r} above the question: ask before it"


def _shown_above(page: Manuscript, prediction: Prediction, claim: int) -> str:
    """Return the label of the figure or table that tells the result too early, or nothing.

    The result is what the claim's paragraph names, and what is embedded from the question to just after that
    paragraph. Where there is no such thing below the question, it is the last one above, unless a claim or
    a heading parts the two.
    """
    embedded = {
        position: embed.argument.partition("#")[2].split(" ")[0] for position, embed in page.embeds.items()
    }
    start, stop = _paragraph(page, claim)
    named = set(FLOAT.findall("\n".join(line.text for line in page.lines[start:stop])))
    following = next((n for n in range(stop, len(page.lines)) if page.lines[n].text.strip()), stop)
    for position, label in embedded.items():
        if position > prediction.end and (position <= following or label in named):
            return ""
    for position in reversed(range(prediction.position)):
        if position in embedded:
            return embedded[position]
        if page.lines[position].text.startswith("#") or claims.END.search(page.lines[position].text):
            break
    return ""


def _paragraph(page: Manuscript, position: int) -> tuple[int, int]:
    """Return where the paragraph around a line begins and ends."""
    start = stop = position
    while start > 0 and page.lines[start - 1].text.strip():
        start -= 1
    while stop < len(page.lines) and page.lines[stop].text.strip():
        stop += 1
    return start, stop


def _together(page: Manuscript, predictions: list[Prediction]) -> Iterator[Finding]:
    """Say what is wrong with the predictions of a page as a whole."""
    if (predictions or page.is_chapter) and not FEWEST <= len(predictions) <= MOST:
        count = counted(len(predictions), "prediction")
        yield Finding(page.path, 1, f"{count}; a chapter has {FEWEST} to {MOST}")
    places = [each.measured[0] for each in predictions if len(each.measured) == 1]
    if len(places) > 1 and len(set(places)) == 1:
        first = predictions[0].line
        message = f"what was measured is always answer {places[0] + 1}: change the order of some answers"
        yield Finding(first.file, first.number, message)
    for number, each in enumerate(predictions):
        if each.claim in [earlier.claim for earlier in predictions[:number]]:
            message = f"an earlier prediction asks for the claim {each.claim!r}, too; ask once"
            yield Finding(each.line.file, each.line.number, message)
