"""The rule that no term is used before it is explained, on either way through the book.

The terms are those of the glossary, the ways are what the notebooks' headers say (``paths:``), in the order
of the book. A term counts as explained where a page links to its entry in the glossary, or sets it in italics
or bold, as this book does where it says what a word means. ``book/vocabulary.yml`` names what cannot be
computed: terms that are everyday words as well, and the forms in which a term is written.
"""

import re
from dataclasses import dataclass

import yaml

from coursebook import glossary
from coursebook.book.findings import Finding, of_yaml, read_yaml
from coursebook.book.reader import Book
from coursebook.book.text import Manuscript
from coursebook.checks.table import rule, sources_of
from coursebook.sources import PATHS

FILE = "book/vocabulary.yml"
KEYS = {"ordinary", "forms"}
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?:book/)?glossary\.qmd#(?P<anchor>[\w-]+)\)")
EMPHASIS = re.compile(r"(?<![\w*])(?P<mark>\*{1,2})(?P<words>[^*\n]+?)(?P=mark)(?![\w*])")
SILENT = re.compile(
    r"\$\$.*?\$\$"  # formulas
    r"|\$[^$\n]+\$"
    r"|\]\([^()\s]*\)"  # where links lead
    r"|\{[^{}\n]*\}"  # attributes and shortcodes
    r"|-?@[\w:.#$%&+?<>~/-]+"  # citations and references
    r"|^:::.*?$|^#{1,6} .*?$",  # fences and headings: a heading announces, its section explains
    re.DOTALL | re.MULTILINE,
)
CARD = re.compile(r"^:::+ \{\.chapter-card\}.*?^:::+\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Word:
    """A term of the glossary as it is looked for in a text."""

    name: str
    anchor: str
    pattern: re.Pattern

    @property
    def advice(self) -> str:
        """What can be done about a use that comes too early."""
        return (
            f"link it there, [{self.name.lower()}](glossary.qmd#{self.anchor}), say in the same paragraph "
            f"what it means and set it in italics, or, if it is plain English, list it in {FILE}"
        )


@rule("on either path a term of the glossary is linked to it, or defined in italics, where it is first used")
def terms_before_use(book: Book):
    settings, findings = read(book)
    yield from findings
    if findings:
        return
    words = words_of(glossary.read(book.project)[0], settings)
    paths = {source.name: source.header["paths"] for source in sources_of(book)}
    early: dict[tuple, list[str]] = {}
    for path in PATHS:
        pages = [page for page in book.chapters if path in paths.get(page.name, ())]
        for line, word in too_early(pages, words, deeper=path != "user"):
            early.setdefault((line, word), []).append(path)
    for (line, word), on in early.items():
        where = "either path" if len(on) == len(PATHS) else f"the {on[0]}'s path"
        message = f"{word.name!r} is used here before it is explained on {where}"
        yield Finding(line.file, line.number, message, mend=word.advice)


def read(book: Book) -> tuple[dict, list[Finding]]:
    """Return what ``book/vocabulary.yml`` says, and what is wrong with it; a missing file says nothing."""
    path = book.root / FILE
    if not path.is_file():
        return {"ordinary": {}, "forms": {}}, []
    try:
        said = read_yaml(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        return {}, [of_yaml(FILE, error)]
    if not isinstance(said, dict) or not all(isinstance(said.get(key) or {}, dict) for key in KEYS):
        return {}, [Finding(FILE, 1, "expected `ordinary:` and `forms:`, each a mapping of terms")]
    names = {term.name for term in glossary.read(book.project)[0]}
    findings = [
        Finding(FILE, 1, f"unknown key {key!r}; there are ordinary and forms") for key in said.keys() - KEYS
    ]
    settings = {key: said.get(key) or {} for key in KEYS}
    for key, terms in settings.items():
        for term, value in terms.items():
            if term not in names:
                findings.append(Finding(FILE, 1, f"{key} has {term!r}, which the glossary does not know"))
            elif key == "ordinary" and not (isinstance(value, str) and value.strip()):
                findings.append(
                    Finding(FILE, 1, f"{term!r} needs its reason: in which everyday sense is it used?")
                )
            elif key == "forms" and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
                findings.append(Finding(FILE, 1, f"the forms of {term!r} are not a list of words"))
    return settings, findings


def words_of(terms: list[glossary.Term], settings: dict) -> list[Word]:
    """Return what is looked for, longest names first: *learning rate schedule*, then *learning rate*."""
    chosen = [term for term in terms if term.name not in settings["ordinary"]]
    found = [
        Word(term.name, term.anchor, _pattern(settings["forms"].get(term.name) or forms_of(term.name)))
        for term in chosen
    ]
    return sorted(found, key=lambda word: (-len(word.name), word.name))


def forms_of(name: str) -> list[str]:
    """Return how a term is written: ``Rectified Linear Unit (ReLU)`` -> Rectified Linear Unit, ReLU."""
    long, _, short = name.partition(" (")
    return [long, *([short.rstrip(")")] if short else [])]


def _pattern(forms: list[str]) -> re.Pattern:
    """Find any of `forms` as whole words, in the plural too; capitals count only within a word (ReLU, AP)."""
    parts = []
    for form in sorted(forms, key=len, reverse=True):
        special = any(letter.isupper() for letter in re.sub(r"(?<![^\s-])[A-Z](?=[a-z])", "", form))
        body = re.escape(form).replace(r"\ ", r"[\s-]+")
        parts.append(f"{body}s?" if special else f"(?i:{body}(?:e?s)?)")
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])")


def too_early(pages: list[Manuscript], words: list[Word], deeper: bool):
    """Yield line and term of each first use before an explanation, on a path over `pages`.

    Parameters
    ----------
    pages : list of Manuscript
        In reading order.
    words : list of Word
        Longest first.
    deeper : bool
        Whether sections marked ``.deeper`` are read on this path.
    """
    open_words = dict.fromkeys(words)
    for page in pages:
        text = page.prose if deeper else without_deeper(page)
        explained, used = explanations(text, words), uses(text, list(open_words))
        for word in list(open_words):
            where = explained.get(word.anchor)
            if word in used and (where is None or used[word] < where):
                yield page.line(page_offset(page, used[word])), word
            if word in used or where is not None:
                del open_words[word]


def page_offset(page: Manuscript, line: int) -> int:
    """Return where a line (counted from 0) begins in the views of a page."""
    return sum(len(each.text) + 1 for each in page.lines[:line])


def without_deeper(page: Manuscript) -> str:
    """Return the prose with sections marked ``.deeper`` blanked out."""
    text = page.prose
    for heading in re.finditer(r"^(#{2,6}) [^\n]*\{[^{}]*\.deeper[^{}]*\}[^\n]*$", text, re.MULTILINE):
        following = re.compile(rf"^#{{1,{len(heading[1])}}} ", re.MULTILINE).search(text, heading.end())
        end = following.start() if following else len(text)
        text = text[: heading.start()] + _blank(text[heading.start() : end]) + text[end:]
    return text


def explanations(text: str, words: list[Word]) -> dict[str, int]:
    """Return anchor -> line (from 0) of the first place that explains the term."""
    found: dict[str, int] = {}
    for match in LINK.finditer(text):
        _first(found, match["anchor"], text.count("\n", 0, match.start()))
    for match in EMPHASIS.finditer(text):
        line = text.count("\n", 0, match.start())
        for word in words:
            if word.pattern.search(match["words"]):
                _first(found, word.anchor, line)
    return found


def uses(text: str, words: list[Word]) -> dict[Word, int]:
    """Return term -> line (from 0) of its first use; what a longer term takes, a shorter one does not get."""
    text = SILENT.sub(lambda match: _blank(match[0]), CARD.sub(lambda match: _blank(match[0]), text))
    found = {}
    for word in words:
        match = word.pattern.search(text)
        if match:
            found[word] = text.count("\n", 0, match.start())
            text = word.pattern.sub(lambda match: _blank(match[0]), text)
    return found


def _first(found: dict[str, int], anchor: str, line: int) -> None:
    found[anchor] = min(line, found.get(anchor, line))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
