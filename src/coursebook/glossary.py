"""The glossary: ``glossary.yml`` in, ``book/glossary.qmd`` out.

The file is one mapping of ``Term In Title Case`` to a definition in Markdown (block scalars),
sorted by term. Chapters link to a term as ``[perceptron](glossary.qmd#perceptron)``.
"""

import re
from dataclasses import dataclass

import yaml

from coursebook.book.findings import Finding, compose_yaml, of_yaml
from coursebook.project import Project

SOURCE = "glossary.yml"
PAGE = "book/glossary.qmd"
SMALL_WORDS = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "per", "the", "to"}
SMALL_WORDS |= {"vs", "with"}
HEAD = """# Glossary {#sec-glossary}

<!-- Made from glossary.yml by `course notebooks`: edit that file, not this one. -->

Terms as this book uses them. Chapters link to a term where they first need it.
"""


@dataclass(frozen=True)
class Term:
    """An entry of the glossary: its name, its definition and its line in ``glossary.yml``."""

    name: str
    definition: str
    line: int

    @property
    def anchor(self) -> str:
        """What follows ``glossary.qmd#`` in a link: ``non-maximum-suppression-nms``."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def read(project: Project) -> tuple[list[Term], list[Finding]]:
    """Read ``glossary.yml``.

    Returns
    -------
    tuple
        The terms in the file's order, and what is wrong with the file.
    """
    path = project.root / SOURCE
    if not path.is_file():
        return [], []
    text = path.read_text(encoding="utf-8")
    try:
        node = compose_yaml(text)
    except yaml.YAMLError as error:
        return [], [of_yaml(SOURCE, error, "not valid YAML: {}")]
    if node is None:
        return [], []
    if not isinstance(node, yaml.MappingNode):
        return [], [Finding(SOURCE, 1, "expected one mapping of `Term In Title Case: |` to its definition")]
    terms, findings = [], []
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
            findings.append(Finding(SOURCE, line, f"{key.value!r} has no definition"))
            continue
        terms.append(Term(str(key.value), value.value.strip(), line))
    return terms, [*findings, *_form(terms)]


def _form(terms: list[Term]):
    """Check title case, order and uniqueness."""
    seen: dict[str, Term] = {}
    for previous, term in zip([None, *terms], terms, strict=False):
        wrong = [word for word in _words(term.name) if not _is_title_case(word)]
        if wrong:
            yield Finding(SOURCE, term.line, f"{term.name!r} is not in title case: {', '.join(wrong)}")
        if term.anchor in seen:
            yield Finding(SOURCE, term.line, f"{term.name!r} is here twice (line {seen[term.anchor].line})")
        elif previous and term.name.casefold() < previous.name.casefold():
            yield Finding(SOURCE, term.line, f"{term.name!r} belongs before {previous.name!r}")
        seen.setdefault(term.anchor, term)


def _words(name: str) -> list[str]:
    words = re.findall(r"[^\s()/]+", name)
    return words[:1] + [word for word in words[1:] if word not in SMALL_WORDS]


def _is_title_case(word: str) -> bool:
    """Accept Network, 3D, ReLU, t-SNE and mAP, not network."""
    return not word[0].isalpha() or any(letter.isupper() for letter in word)


def page(project: Project) -> str:
    """Return the text of the glossary page: a definition list with one anchor a term."""
    terms, _ = read(project)
    entries = []
    for term in sorted(terms, key=lambda term: term.name.casefold()):
        lines = term.definition.splitlines()
        body = "\n".join([lines[0], *(f"    {line}" if line.strip() else "" for line in lines[1:])])
        entries.append(f"[{term.name}]{{#{term.anchor} .glossary-term}}\n\n:   {body}\n")
    return "\n".join([HEAD, *entries])
