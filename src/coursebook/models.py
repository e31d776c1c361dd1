"""The model atlas: ``book/models.yml`` in, the cards of ``book/models.qmd`` out.

The file holds one dated entry a published model; its first lines explain the fields. What is wrong with it is
a finding of ``course check``; that an entry has grown old is none, because nothing in the repository changed:
``course models --stale`` says so, every week in the public repository.
"""

import argparse
import datetime
import re
from dataclasses import dataclass, field
from html import escape

import yaml

from bioimage_course.errors import InputError
from coursebook.book import bibliography
from coursebook.book.findings import Finding, advice, compose_yaml, of_yaml, read_yaml
from coursebook.project import Project

SOURCE = "book/models.yml"
PAGE = "book/models.qmd"
PART = "book/_generated/models.md"
STALE_DAYS = 365

# What a filter may be asked for: value in the file -> words on the page.
FINDS = {
    "nuclei": "nuclei",
    "cells": "whole cells",
    "bacteria": "bacteria",
    "axons": "axons and myelin",
    "organelles": "organelles",
    "organs": "organs and lesions",
    "anything": "what you point at",
    "own": "what you train it for",
}
IMAGES = {
    "fluorescence": "fluorescence",
    "label-free": "phase contrast, brightfield",
    "H&E": "stained tissue (H&E)",
    "electron microscopy": "electron microscopy",
    "medical": "medical",
    "photographs": "photographs",
    "any": "any",
}
DIMS = {"2D": "2D", "3D": "3D", "2D and 3D": "2D and 3D"}
SEEN = {"no": "no", "yes": "yes", "unknown": "unknown"}
USES = {
    "open": "open licence",
    "restricted": "non-commercial or own terms",
    "unknown": "not stated",
    "none": "comes without weights",
}
# licence -> what its weights may be used for
LICENCES = {
    "MIT": "open",
    "BSD-3-Clause": "open",
    "Apache-2.0": "open",
    "CC-BY-4.0": "open",
    "CC0-1.0": "open",
    "CC-BY-NC-4.0": "restricted",
    "CC-BY-NC-SA-4.0": "restricted",
    "Apache-2.0, non-commercial": "restricted",
    "Apache-2.0 with Commons Clause": "restricted",
    "SAM licence": "restricted",
    "none": "none",
    "unknown": "unknown",
}
TEXTS = ("segments", "architecture", "trained_on", "input", "memory", "seen_because")
REQUIRED = (
    "name", "family", "segments", "finds", "images", "dims", "architecture", "trained_on", "input",
    "licence_code", "licence_weights", "size_mb", "memory", "where", "seen_dsb2018",
    "seen_because", "checked", "sources",
)  # fmt: skip
OPTIONAL = ("licence_note",)
LINK = re.compile(r"https://[\w.-]+\.[a-z]{2,}(?:/[^\s<>\"']*)?")
UNKNOWN = re.compile(r"unknown \(.{3,}\)")


@dataclass(frozen=True)
class Model:
    """An entry of the atlas: its fields as they stand in the file, and the line where it begins."""

    fields: dict
    line: int
    lines: dict = field(repr=False)

    def __getitem__(self, key: str):
        return self.fields.get(key, "")

    @property
    def anchor(self) -> str:
        """What follows ``models.qmd#`` in a link: ``model-2d-versatile-fluo``."""
        return "model-" + re.sub(r"[^a-z0-9]+", "-", str(self["name"]).lower()).strip("-")

    @property
    def use(self) -> str:
        """Say what the weights may be used for, as a key of `USES`."""
        return LICENCES[self["licence_weights"]]


# ---------------------------------------------------------------- the file


def read(project: Project) -> tuple[list[Model], list[Finding]]:
    """Read ``book/models.yml``.

    Returns
    -------
    tuple
        The entries in the file's order, and what is wrong with the file.
    """
    path = project.root / SOURCE
    if not path.is_file():
        return [], [Finding(SOURCE, 0, f"missing; {PAGE} is made from it")]
    text = path.read_text(encoding="utf-8")
    try:
        node, contents = compose_yaml(text), read_yaml(text)
    except yaml.YAMLError as error:
        return [], [of_yaml(SOURCE, error, "not valid YAML: {}")]
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(entry, dict) for entry in contents):
        return [], [Finding(SOURCE, 1, "expected a list of entries, each of them fields with their values")]
    models = [_model(fields, entry) for fields, entry in zip(contents, node.value, strict=True)]
    return models, [*_form(models, _keys(project))]


def _model(fields: dict, node: yaml.MappingNode) -> Model:
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    return Model(fields, node.start_mark.line + 1, lines)


def _keys(project: Project) -> set[str]:
    """Return the keys of the bibliography."""
    files = project.quarto.get("bibliography") or []
    files = [files] if isinstance(files, str) else files
    texts = [
        (project.root / file).read_text(encoding="utf-8") for file in files if (project.root / file).is_file()
    ]
    return {start[2] for text in texts for start in bibliography.START.finditer(text)}


def _form(models: list[Model], keys: set[str]):
    """Check every entry, and that names and families are together and unique."""
    seen: dict[str, Model] = {}
    closed: set[str] = set()
    family = None
    for model in models:
        problems = [*_problems(model, keys)]
        if model.anchor in seen:
            problems.append(("name", f"is here twice (line {seen[model.anchor].line})"))
        seen.setdefault(model.anchor, model)
        if model["family"] in closed:
            problems.append(("family", f"{model['family']!r} began above; its entries must stand together"))
        if model["family"] != family and family is not None:
            closed.add(family)
        family = model["family"]
        for key, message in problems:
            yield Finding(
                SOURCE, model.lines.get(key, model.line), f"{model['name'] or 'an entry'}: {message}"
            )


def _problems(model: Model, keys: set[str]):
    """Yield field and message for everything that is wrong with an entry."""
    missing = [key for key in REQUIRED if model.fields.get(key) in (None, "", [])]
    if missing:
        yield "name", f"no {', '.join(missing)}"
    for key in model.fields:
        if key not in REQUIRED + OPTIONAL:
            yield key, f"there is no field {key!r}; {advice(key, REQUIRED + OPTIONAL)}"
    present = {key for key in REQUIRED if key not in missing}
    yield from (problem for problem in _values(model, keys) if problem[0] in present | set(OPTIONAL))


def _values(model: Model, keys: set[str]):
    for key, known in (("finds", FINDS), ("images", IMAGES)):
        values = model[key] if isinstance(model[key], list) else [model[key]]
        yield from ((key, _not_in(key, value, known)) for value in values if value not in known)
    closed = {"dims": DIMS, "seen_dsb2018": SEEN, "licence_code": LICENCES, "licence_weights": LICENCES}
    for key, known in closed.items():
        if model[key] not in known:
            yield key, _not_in(key, model[key], known)
    for key in ("name", "family", *TEXTS):
        yield from _text(key, model[key])
    if "unknown" in (model["licence_code"], model["licence_weights"]) and not model["licence_note"]:
        yield "licence_weights", "a licence is unknown; say in licence_note what was looked at"
    if not _is_size(model["size_mb"]):
        yield "size_mb", "size_mb is a number, a number for each variant, none, or `unknown (why)`"
    if not LINK.fullmatch(str(model["where"])):
        yield "where", f"{model['where']!r} is no https address"
    if not isinstance(model["checked"], datetime.date):
        yield "checked", f"{model['checked']!r} is no date like 2026-11-29"
    for source in model["sources"] if isinstance(model["sources"], list) else [model["sources"]]:
        if not LINK.fullmatch(str(source)) and source not in keys:
            yield "sources", f"{source!r} is neither an https address nor in the bibliography"


def _not_in(key: str, value, known: dict) -> str:
    if isinstance(value, bool):
        return f"{key} must stand in quotes: YAML reads yes and no as truths"
    return f"{key} cannot be {value!r}; {advice(str(value), known)}"


def _text(key: str, text):
    if not isinstance(text, str):
        yield key, f"{key} must be text"
    elif text.startswith("unknown") and not UNKNOWN.fullmatch(text):
        yield key, f"{key} is unknown without a word why: `unknown (why)`"


def _is_size(size) -> bool:
    if isinstance(size, dict):
        return bool(size) and all(_is_number(number) for number in size.values())
    return _is_number(size) or size == "none" or bool(UNKNOWN.fullmatch(str(size)))


def _is_number(size) -> bool:
    return isinstance(size, int | float) and not isinstance(size, bool) and size > 0


# ---------------------------------------------------------------- the page


def part(models: list[Model]) -> str:
    """Return the filters and the cards, in Markdown inside raw HTML that pandoc and Quarto read alike.

    Everything is there and visible without JavaScript; ``book/assets/models.js`` shows the filters, which
    begin hidden, and makes them work. No blank line may come inside a card: pandoc would wrap what follows
    in paragraphs.
    """
    blocks = [_filters(len(models))]
    family = None
    for model in models:
        if model["family"] != family:
            family = model["family"]
            blocks.append(f"## {family} {{.unnumbered}}")
        blocks.append(_card(model))
    blocks.append(
        '<p class="model-none" hidden>No model of the atlas is all of this. Take one wish back.</p>'
    )
    blocks.append('<script defer src="assets/models.js"></script>')
    return "\n\n".join(blocks) + "\n"


def _filters(count: int) -> str:
    selects = {
        "finds": ("It finds", FINDS),
        "images": ("Kind of image", {key: text for key, text in IMAGES.items() if key != "any"}),
        "dims": ("Dimensions", {key: key for key in ("2D", "3D")}),
        "use": ("Licence of the weights", USES),
        "seen": ("Has it seen DSB2018?", SEEN),
    }
    lines = ['<form class="model-filters" aria-label="Filter the models" hidden>']
    for name, (label, options) in selects.items():
        choices = "".join(
            f'<option value="{escape(key)}">{escape(text)}</option>' for key, text in options.items()
        )
        lines.append(
            f'<div><label for="models-{name}">{label}</label>'
            f'<select id="models-{name}" name="{name}"><option value="">all</option>{choices}</select></div>'
        )
    lines.append('<div><button type="reset">Show all</button></div>')
    lines.append(f'<p role="status" aria-live="polite">{count} of {count} models</p>')
    return "\n".join([*lines, "</form>"])


def _card(model: Model) -> str:
    data = {
        "finds": "|".join(model["finds"]),
        "images": "|".join(model["images"]),
        "dims": "|".join(model["dims"].split(" and ")),
        "use": model.use,
        "seen": model["seen_dsb2018"],
    }
    attributes = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
    lines = [
        f'<article class="model" id="{model.anchor}" aria-labelledby="{model.anchor}-name" {attributes}>',
        f'<h3 class="model-name" id="{model.anchor}-name">{_literal(model["name"])}</h3>',
        f'<div class="model-finds">{_sentence(model["segments"])}</div>',
        "<dl>",
        *(f"<div><dt>{label}</dt><dd>{text}</dd></div>" for label, text in _rows(model)),
        "</dl>",
        "</article>",
    ]
    return "\n".join(lines)


def _rows(model: Model) -> list[tuple[str, str]]:
    """Return what a card says, label by label, in Markdown."""
    note = f" {_sentence(model['licence_note'])}" if model["licence_note"] else ""
    licences = f"Code **{model['licence_code']}**, weights **{model['licence_weights']}**.{note}"
    if model["licence_weights"] == "none":
        licences = f"Code **{model['licence_code']}**; it comes without weights.{note}"
    return [
        ("Dimensions", model["dims"]),
        ("Network", _sentence(model["architecture"])),
        ("Trained on", _sentence(model["trained_on"])),
        ("Expects", _sentence(model["input"])),
        ("Seen DSB2018?", f"**{model['seen_dsb2018']}**: {model['seen_because']}."),
        ("Licences", licences),
        ("Download", _size(model["size_mb"])),
        ("Memory", _sentence(model["memory"])),
        ("Where", f"[{_short(model['where'])}]({model['where']})"),
        ("Sources", "; ".join(map(_source, model["sources"]))),
        ("Looked up", f'<time datetime="{model["checked"]}">{_day(model["checked"])}</time>'),
    ]


def _sentence(text: str) -> str:
    """Begin with a capital, unless a name stands there, and end with a full stop."""
    first = text.split()[0]
    text = text[0].upper() + text[1:] if first.islower() else text
    return text if text.endswith(".") else f"{text}."


def _literal(text: str) -> str:
    """Return text that Markdown leaves as it is."""
    return re.sub(r"([*_])", r"\\\1", escape(text))


def _size(size) -> str:
    if isinstance(size, dict):
        return ", ".join(f"{name} {_megabytes(number)}" for name, number in size.items()).replace("_", r"\_")
    if size == "none":
        return "No weights to download."
    return _megabytes(size) if _is_number(size) else _sentence(size)


def _megabytes(number: float) -> str:
    return f"{number:,g} MB" if number < 1000 else f"{number / 1000:.2f} GB"


def _source(source: str) -> str:
    return f"[{_short(source)}]({source})" if source.startswith("https://") else f"[@{source}]"


def _short(address: str) -> str:
    """Return an address short enough to read: its host and the last part of its path."""
    host, _, path = address.removeprefix("https://").partition("/")
    parts = [piece for piece in re.split(r"[/#?]+", path) if piece]
    if host == "doi.org":
        return f"doi:{path}"
    shown = parts if len(parts) < 3 else [*parts[:2], "…", parts[-1]]
    return "/".join([host.removeprefix("www."), *shown]).replace("_", r"\_")


def _day(date: datetime.date) -> str:
    return f"{date.day} {date:%B %Y}"


# ---------------------------------------------------------------- the command


def stale(models: list[Model], today: datetime.date, days: int = STALE_DAYS) -> list[Finding]:
    """Find entries that were looked up more than `days` before `today`, or after it."""
    found = []
    for model in models:
        age = (today - model["checked"]).days
        line = model.lines.get("checked", model.line)
        if age > days:
            message = f"{model['name']}: looked up {age} days ago; look it up again, then change `checked`"
            found.append(Finding(SOURCE, line, message))
        elif age < 0:
            found.append(
                Finding(SOURCE, line, f"{model['name']}: looked up in the future ({model['checked']})")
            )
    return found


def main(argv: list[str]) -> int:
    """Run ``course models``."""
    parser = argparse.ArgumentParser(
        prog="course models",
        description="List the entries of the model atlas, book/models.yml, with the day they were looked up.",
    )
    parser.add_argument(
        "--stale", action="store_true", help="list old entries only; exit with 1 if there are any"
    )
    parser.add_argument(
        "--days", type=int, default=STALE_DAYS, help="when an entry is old (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    models, findings = read(Project.find())
    if findings:
        raise InputError("\n".join(map(str, findings)))
    if not options.stale:
        width = max((len(model["name"]) for model in models), default=0)
        for model in models:
            print(f"{model['name']:<{width}}  {model['checked']}  {model['where']}")
        return 0
    found = stale(models, datetime.datetime.now(datetime.UTC).date(), options.days)
    for finding in found:
        print(finding)
    print(f"{len(models)} entries, {len(found)} to look up again")
    return 1 if found else 0
