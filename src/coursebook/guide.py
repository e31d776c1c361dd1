"""The decision guide's data: ``explore/guide/*.yml`` and the model atlas in, ``js/decision-guide.js`` out.

``rules.yml`` holds everything the guide of the chapter on choosing a tool knows, each rule with a reason and
a source; ``users.yml`` the projects it can be asked about, which are its examples and its test. A page that
is opened by double-click may read neither, so both become a classic script beside the explorable's.
``tomorrow.yml`` becomes the table *Which model on my image tomorrow?* of the atlas's page, and the list below
its pictures, which a notebook draws. What is said of a model (licence, size) comes from ``book/models.yml``
each time.
"""

import json
import re
import string
from dataclasses import dataclass, field

import yaml

from coursebook import models
from coursebook.book import bibliography
from coursebook.book.findings import Finding, advice, line_of, of_yaml, read_yaml
from coursebook.project import Project

FOLDER = "src/bioimage_course/explore/guide"
RULES, USERS, TOMORROW = (f"{FOLDER}/{name}.yml" for name in ("rules", "users", "tomorrow"))
SCRIPT = "src/bioimage_course/explore/js/decision-guide.js"
TABLE = "book/_generated/first-models.md"
PICTURES = "book/_generated/first-pictures.md"
TAG = "decision-explorer"
OPEN = "open"
EXPECTED = ("first", "leads", "also", "never")  # of a user's entry: what the guide must or must not say
PARTS = ("questions", "categories", "cleaning", "rules", "models", "tools", "notes")
SAYING = re.compile(r"([a-z,]+) ([+-][1-9]|out) (\S.*)")
HEAD = """/* What <decision-explorer> knows; `course notebooks --no-execute` writes it from
 * explore/guide/rules.yml and users.yml and from book/models.yml. A classic script, because a page opened by
 * double-click may not read a file in another way. */
"""


@dataclass
class Guide:
    """What the files of the guide say, and the models of the atlas by their names."""

    rules: dict
    users: list
    tomorrow: list
    atlas: dict = field(repr=False)
    references: dict = field(repr=False)


# ---------------------------------------------------------------- the files


def read(project: Project) -> tuple[Guide | None, list[Finding]]:
    """Read the files of the guide; None where the project has none.

    Returns
    -------
    tuple
        The guide, and what is wrong with its files.
    """
    if not (project.root / RULES).is_file():
        return None, []
    contents, findings = {}, []
    for file, default in ((RULES, {}), (USERS, []), (TOMORROW, [])):
        try:
            contents[file] = read_yaml((project.root / file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            findings.append(Finding(file, 0, f"missing; {RULES} is useless without it"))
        except yaml.YAMLError as error:
            findings.append(of_yaml(file, error, "not valid YAML: {}"))
        if not isinstance(contents.get(file), type(default)):
            contents[file] = default
    if not findings and (missing := [part for part in PARTS if part not in contents[RULES]]):
        findings.append(Finding(RULES, 0, f"no {', '.join(missing)}"))
    if findings:
        return None, findings
    atlas = {model["name"]: model for model in models.read(project)[0]}
    guide = Guide(contents[RULES], contents[USERS], contents[TOMORROW], atlas, _references(project))
    return guide, [*_mistakes(project, guide)]


def _references(project: Project) -> dict[str, tuple[str, str]]:
    """Return label and address (or nothing) of each entry of the bibliography, by its key."""
    files = project.quarto.get("bibliography") or []
    found = {}
    for file in [files] if isinstance(files, str) else files:
        path = project.root / file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        starts = list(bibliography.START.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        for start, end in zip(starts, ends, strict=True):
            found[start[2]] = _label(start[2], text[start.end() : end])
    return found


def _label(key: str, entry: str) -> tuple[str, str]:
    """Return "Bankhead 2017" (or the title, where the key has no year) and an address of an entry."""

    def value(name: str) -> str:
        match = re.search(rf"^\s*{name}\s*=\s*\{{(.*)\}}", entry, re.MULTILINE | re.IGNORECASE)
        return match[1].replace("{", "").replace("}", "") if match else ""

    parts = re.fullmatch(r"([a-z]+)-?(?:[a-z]*)(\d{4})", key)
    label = f"{parts[1].capitalize()} {parts[2]}" if parts else value("title").split(":")[0] or key
    doi, url = value("doi"), value("url")
    return label, f"https://doi.org/{doi}" if doi else url


# ---------------------------------------------------------------- what is wrong with them


def _mistakes(project: Project, guide: Guide):
    """Yield a finding for all that the files name and that does not exist, and for what lacks its source."""
    texts = {file: (project.root / file).read_text(encoding="utf-8") for file in (RULES, USERS, TOMORROW)}
    found = [*_bare(guide), *_conditions(guide), *_sayings(guide), *_names(guide)]
    for file, message, word in found:
        yield Finding(file, line_of(texts[file], word), message)


def _entries(guide: Guide):
    """Yield file, entry and its name for all that needs a source."""
    for name, category in guide.rules["categories"].items():
        yield RULES, category, name
    for group in guide.rules["rules"]:
        yield RULES, group, str(_listed(group.get("say"))[:1])[2:-2]
    for part, key in (("models", "model"), ("tools", "name"), ("notes", "text")):
        for entry in guide.rules[part]:
            yield RULES, entry, entry[key]
    for user in guide.users:
        yield USERS, user, user["id"]
    for row in guide.tomorrow:
        yield TOMORROW, row, row["image"]


def _bare(guide: Guide):
    """Yield what has no source, or one that nobody can follow."""
    for file, entry, name in _entries(guide):
        sources = _listed(entry.get("source"))
        if not sources:
            yield file, f"{name}: no source", name
        for source in sources:
            if not models.LINK.fullmatch(source) and source not in guide.references:
                yield file, f"{name}: {source!r} is neither an https address nor in the bibliography", source


def _conditions(guide: Guide):
    """Yield the conditions and answers that no question offers."""
    answers = {question["id"]: {*question["answers"], OPEN} for question in guide.rules["questions"]}
    asked = [(RULES, question.get("unless"), question["id"]) for question in guide.rules["questions"]]
    for file, entry, name in _entries(guide):
        asked += [(file, entry.get(key), name) for key in ("when", "only", "answers")]
    for file, condition, name in asked:
        for question, wanted in (condition or {}).items():
            if question not in answers:
                yield file, f"{name}: no question {question!r}; {advice(question, answers)}", name
                continue
            for answer in _listed(wanted):
                if answer.removeprefix("!") not in answers[question]:
                    near = advice(answer, sorted(answers[question]))
                    yield file, f"{name}: {answer!r} is no answer to {question!r}; {near}", name


def _sayings(guide: Guide):
    """Yield the lines of rules that are no category, points and reason."""
    for group in guide.rules["rules"]:
        for saying in group["say"]:
            match = SAYING.fullmatch(str(saying))
            if not match or set(match[1].split(",")) - set(guide.rules["categories"]):
                yield RULES, f"{saying!r}: expected a category, points and a reason", str(saying)[:20]


def _names(guide: Guide):
    """Yield models that the atlas has not, and what users expect and no part of the rules offers."""
    for file, entry, name in _entries(guide):
        for model in _listed(entry.get("model")):
            if model not in guide.atlas:
                yield file, f"{name}: {model!r} is not in {models.SOURCE}", model
    offered = {*guide.rules["categories"], *(tool["name"] for tool in guide.rules["tools"])}
    offered |= {model["model"] for model in guide.rules["models"]}
    for user in guide.users:
        for expected in (name for key in EXPECTED for name in _listed(user.get(key))):
            if expected not in offered:
                yield USERS, f"{user['id']}: {expected!r} is in no part of {RULES}", user["id"]


def _listed(value) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


# ---------------------------------------------------------------- what is made of them


def script(guide: Guide, chapters: dict[str, tuple[str, str]]) -> str:
    """Return ``decision-guide.js``; its last line holds the guide as JSON.

    Parameters
    ----------
    guide : Guide
    chapters : dict of str to (str, str)
        Number of a chapter's file -> its title, and the name of its page.
    """
    rules = guide.rules
    shown = [entry for file, entry, _ in _entries(guide) if file == RULES]
    used = sorted({source for entry in shown for source in _listed(entry.get("source"))})
    content = {part: rules[part] for part in PARTS}
    content["models"] = [_shown(entry, guide.atlas[entry["model"]]) for entry in rules["models"]]
    content["tools"] = [_placed(entry, chapters) for entry in rules["tools"]]
    content["users"] = {user["id"]: [user["name"], user["answers"], user["why"]] for user in guide.users}
    content["references"] = {key: guide.references[key] for key in used if key in guide.references}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    line = f'window.CourseData["{TAG}"] = {text};\n'
    return f"{HEAD}window.CourseData ??= {{}};\n{line}"


def _shown(entry: dict, model: models.Model) -> dict:
    """Return an entry with what the atlas says of its model."""
    about = f"{model['family']}; weights {licence(model)}; {download(model)}"
    return {**entry, "about": about, "anchor": model.anchor}


def _placed(entry: dict, chapters: dict[str, tuple[str, str]]) -> dict:
    """Return a tool with title and page of the chapter that treats it."""
    number = entry.get("chapter")
    return entry if number is None else {**entry, "chapter": chapters.get(f"{number:02d}", ("", ""))}


def licence(model: models.Model) -> str:
    """Say in words under which licence a model's weights may be used."""
    return {"unknown": "licence not stated"}.get(model["licence_weights"], model["licence_weights"])


def download(model: models.Model) -> str:
    """Say how large a model's download is; nobody's guess where nobody has looked."""
    size = model["size_mb"]
    if isinstance(size, dict):
        size = min(size.values())
    if isinstance(size, int | float):
        return f"{size:,.0f} MB" if size >= 10 else f"{size:g} MB"
    return "size unknown"


def table(guide: Guide) -> str:
    """Return the table *Which model on my image tomorrow?* as Markdown."""
    head = "| On the image | Try first | Good enough? Look for | If not |"
    lines, letters = [head, "|---|---|---|---|"], iter(string.ascii_uppercase)
    for row in guide.tomorrow:
        tried = "; ".join(_tried(guide.atlas[name]) for name in _listed(row.get("model"))) or row["instead"]
        image = f"{row['image']} ({next(letters)})" if "picture" in row else row["image"]
        lines.append(f"| {image} | {tried} | {row['look']} | {row['then']} |")
    caption = (
        "Image (the letter is that of its picture), first model to try, what shows in ten minutes whether it "
        "will do, and what next. Licence of the weights and download are those of the atlas below, on the "
        "day each card names."
    )
    return "\n".join(lines) + f'\n\n: {caption} {{#tbl-first-model tbl-colwidths="[20,28,28,24]"}}\n'


def pictures(guide: Guide) -> str:
    """Return the list below the pictures: what is seen, whose outlines, what to try, where to read."""
    lines, rows = [], [row for row in guide.tomorrow if "picture" in row]
    for letter, row in zip(string.ascii_uppercase, rows, strict=False):
        drawn = f"Outlines: {row['outlines']}." if "outlines" in row else "No outlines come with it."
        first = " or ".join(_link(guide.atlas[name]) for name in _listed(row.get("model"))) or row["instead"]
        chapters = ", ".join(f"@{label}" for label in _listed(row["chapter"]))
        lines.append(f"- **{letter}** {row['image']}. {drawn} Try first: {first}. More: {chapters}.")
    return "\n".join(lines) + "\n"


def _tried(model: models.Model) -> str:
    return f"{_link(model)} ({model['family']}; {licence(model)}; {download(model)})"


def _link(model: models.Model) -> str:
    name = re.sub(r"([*_])", r"\\\1", model["name"].split(" (")[0])
    return f"[{name}](models.qmd#{model.anchor})"
