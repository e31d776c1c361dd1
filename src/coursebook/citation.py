"""How to cite the course, in plain text and as BibTeX, made from ``CITATION.cff``."""

import re

from bioimage_course.errors import InputError
from coursebook.book.findings import read_yaml
from coursebook.project import Project

FILE = "CITATION.cff"
NEEDED = ("title", "authors", "version", "date-released", "url")


def section(project: Project) -> str:
    """Return the page part: one sentence to copy, and the entry for a reference manager.

    Raises
    ------
    InputError
        If ``CITATION.cff`` lacks something that a citation needs.
    """
    facts = read_yaml((project.root / FILE).read_text(encoding="utf-8"))
    missing = [key for key in NEEDED if not facts.get(key)]
    if missing:
        raise InputError(f"{FILE} has no {' and no '.join(missing)}; a citation needs {', '.join(NEEDED)}.")
    return f"> {plain(facts)}\n\n```bibtex\n{bibtex(facts)}\n```\n"


def plain(facts: dict) -> str:
    """Return the citation as one line of Markdown."""
    authors = [_name(author) for author in facts["authors"]]
    names = " and ".join([", ".join(authors[:-1]), authors[-1]] if authors[1:] else authors)
    return f"{names} ({_year(facts)}). *{facts['title']}*. Version {facts['version']}. <{facts['url']}>"


def bibtex(facts: dict) -> str:
    """Return the citation as a BibTeX entry that old styles understand, too."""
    names = " and ".join(f"{{{_name(a)}}}" if "name" in a else _name(a) for a in facts["authors"])
    first = facts["authors"][0]
    word = re.sub(r"\W", "", first.get("family-names", "bioimage course")).lower()
    fields = {
        "author": names,
        "title": f"{{{facts['title']}}}",
        "year": _year(facts),
        "version": facts["version"],
        "url": facts["url"],
    }
    if facts.get("doi"):
        fields["doi"] = facts["doi"]
    lines = [f"  {key:<7} = {{{value}}}," for key, value in fields.items()]
    return "\n".join([f"@misc{{{word}{_year(facts)},", *lines, "}"])


def _name(author: dict) -> str:
    """A person as ``Family, Given``, anybody else by name."""
    if "family-names" not in author:
        return author["name"]
    return ", ".join(part for part in (author["family-names"], author.get("given-names")) if part)


def _year(facts: dict) -> str:
    return str(facts["date-released"])[:4]
