"""The tables of the instructor's guide: plans, minutes, preparation, misconceptions, open questions.

What the authors plan stands in ``book/teaching.yml`` (its head explains the keys); everything else is taken
from notebooks, quizzes, pages and ``notebooks/timings.json``. The plan covers chapters that may not be in the
book yet: they are left out of the tables, and their time in a plan becomes free work.
"""

import re
from datetime import datetime, timedelta
from functools import cached_property

import yaml

from bioimage_course.data import catalogue
from bioimage_course.errors import InputError
from coursebook import execute
from coursebook.book.findings import Finding, line_of, read_yaml
from coursebook.figures import duration
from coursebook.project import Project
from coursebook.quizzes import Quiz
from coursebook.sources import Source
from coursebook.words import table

PLAN = "book/teaching.yml"
PAGE = "book/teaching.qmd"
PARTS = ("explain", "explore", "practise")
SLOT, STEP = 30, 5  # minutes: a day is planned in half-hours, a chapter's parts in steps of five
FREE = "Free work on exercises or your own images"
NOT_PROSE = re.compile(
    r"^(?:```+|~~~+).*?^(?:```+|~~~+)\s*$|\{\{<.*?>\}\}|\{[#.][^}]*\}|\]\([^)]*\)",
    re.MULTILINE | re.DOTALL,
)


class Guide:
    """The plan together with the chapters that the book has.

    Parameters
    ----------
    project : Project
    sources : list of Source
        In the order of the book; those without a page in the book are left out.
    quizzes : dict
        Number of the chapter -> its quiz.

    Raises
    ------
    InputError
        If ``book/teaching.yml`` is not YAML, or lacks one of its parts.
    """

    def __init__(self, project: Project, sources: list[Source], quizzes: dict[str, Quiz]):
        self.project, self.quizzes = project, quizzes
        self.text = (project.root / PLAN).read_text(encoding="utf-8")
        try:
            self.plan = read_yaml(self.text)
        except yaml.YAMLError as error:
            raise InputError(f"{PLAN} is not valid YAML: {error}") from None
        needed = ("words_a_minute", "minutes_an_exercise", "chapters", "plans")
        missing = [key for key in needed if key not in (self.plan or {})]
        if missing:
            raise InputError(f"{PLAN} has no {' and no '.join(missing)}.")
        pages = project.pages()
        self.chapters = {s.chapter: s for s in sources if f"book/{s.name}.qmd" in pages}

    @cached_property
    def timings(self) -> dict:
        """Name of the source -> record of its execution."""
        return execute.read_timings(self.project)

    def page(self, source: Source) -> str:
        """Return the text of the chapter's page."""
        return (self.project.root / f"book/{source.name}.qmd").read_text(encoding="utf-8")

    def minutes(self, chapter: str) -> int:
        """Return the minutes of a chapter in the room."""
        return sum(self.plan["chapters"][chapter][part] for part in PARTS)

    def in_room(self, chapter: str) -> list[str]:
        """Return the names of the exercises that are done in the room."""
        entry = self.plan["chapters"][chapter]
        count = max(1, entry["practise"] // self.plan["minutes_an_exercise"])
        return entry.get("do") or self.chapters[chapter].exercises()[:count]

    def alone(self, source: Source) -> int:
        """Estimate the minutes of somebody who works through a chapter alone, rounded up to five."""
        words = len(re.findall(r"[^\W\d_]{2,}", NOT_PROSE.sub(" ", self.page(source))))
        minutes = words / self.plan["words_a_minute"] + self.plan["chapters"][source.chapter]["explore"]
        minutes += len(source.exercises()) * self.plan["minutes_an_exercise"]
        return STEP * -(-round(minutes) // STEP)

    def link(self, source: Source) -> str:
        """Return a link to the chapter, for a page in ``book/``."""
        return f"[{source.title}]({source.name}.qmd)"

    def line(self, word: str) -> int:
        """Return the first line of the plan that holds `word`."""
        return line_of(re.sub("(?m)^#.*", "#", self.text), word) or 1  # its comments explain the same words


# ---------------------------------------------------------------- what can be wrong


def mistakes(guide: Guide) -> list[Finding]:
    """Find what does not add up in the plan, or does not fit the chapters of the book."""
    found = [*_mistakes_of_chapters(guide)]
    if not found:  # days can only be added up when the chapters' minutes are known
        for path, days in guide.plan["plans"].items():
            found += _mistakes_of_plan(guide, path, days)
    return [Finding(PLAN, guide.line(word), message) for word, message in found]


def _mistakes_of_chapters(guide: Guide):
    planned = guide.plan["chapters"]
    for chapter, source in guide.chapters.items():
        if chapter not in planned:
            message = f"no minutes are planned for chapter {chapter}, {source.title}"
            yield "chapters:", f"{message}; write them as for the others"
    for chapter, entry in planned.items():
        key = f'"{chapter}":'
        parts = [entry.get(part) for part in PARTS]
        if not all(isinstance(part, int) and part > 0 and part % STEP == 0 for part in parts):
            yield key, f"chapter {chapter}: {', '.join(PARTS)} must be minutes in steps of {STEP}"
        elif sum(parts) % SLOT:
            yield key, f"chapter {chapter} takes {sum(parts)} minutes in the room, no multiple of {SLOT}"
        known = guide.chapters[chapter].exercises() if chapter in guide.chapters else entry.get("do", [])
        for name in entry.get("do", []):
            if name not in known:
                yield key, f"chapter {chapter} has no exercise {name!r}; it has {', '.join(known)}"


def _mistakes_of_plan(guide: Guide, path: str, days: list[dict]):
    key = f"  {path}:"
    slots = [slot for day in days for slot in day["slots"]]
    chapters = [slot["chapter"] for slot in slots if "chapter" in slot]
    unknown = [chapter for chapter in chapters if chapter not in guide.plan["chapters"]]
    if unknown:
        yield key, f"plan {path}: no minutes are planned for {', '.join(unknown)}"
        return
    for chapter in sorted({c for c in chapters if chapters.count(c) > 1}):
        yield key, f"plan {path}: chapter {chapter} is there twice"
    for slot in slots:
        if slot.get("minutes", SLOT) % SLOT:
            yield slot["what"], f"plan {path}: {slot['minutes']} minutes are no multiple of {SLOT}"
    for number, day in enumerate(days, 1):
        *_, (_, end, _) = times(guide, day)
        if end != _clock(day["ends"]):
            yield key, f"plan {path}: day {number} ends at {end:%H:%M}, not at {day['ends']}"
    if path == "user":
        for chapter, source in guide.chapters.items():
            if path in source.header["paths"] and chapter not in chapters:
                yield key, f"plan {path}: chapter {chapter}, {source.title}, is on this path but has no time"


def _clock(text: str) -> datetime:
    return datetime.strptime(text, "%H:%M")


def times(guide: Guide, day: dict) -> list[tuple[datetime, datetime, dict]]:
    """Return begin, end and slot of everything in a day."""
    begin = _clock(day["begins"])
    found = []
    for slot in day["slots"]:
        length = guide.minutes(slot["chapter"]) if "chapter" in slot else slot["minutes"]
        found.append((begin, begin + timedelta(minutes=length), slot))
        begin = found[-1][1]
    return found


# ---------------------------------------------------------------- tables


def texts(guide: Guide) -> dict[str, str]:
    """Return the generated parts of the guide: file -> Markdown."""
    makers = {"minutes": minutes, "chapters": chapters, "prepare": prepare}
    makers |= {"believed": believed, "open": open_questions}
    parts = {f"plan-{path}": plan(guide, path) for path in guide.plan["plans"]}
    parts |= {name: make(guide) for name, make in makers.items()}
    return {f"book/_generated/teaching-{name}.md": text for name, text in parts.items()}


def plan(guide: Guide, path: str) -> str:
    """Return the timetable of a plan, one table a day, and what it adds up to."""
    days = [times(guide, day) for day in guide.plan["plans"][path]]
    blocks = []
    for number, day in enumerate(days, 1):
        rows = [[f"{begin:%H:%M}–{end:%H:%M}", *_slot(guide, slot, end - begin)] for begin, end, slot in day]
        caption = f"Day {number} on the {path}'s path"
        blocks.append(table(["Time", "What", "How"], rows, caption, (18, 32, 50)))
    slots = [entry for day in days for entry in day]
    taught = [slot["chapter"] for *_, slot in slots if slot.get("chapter") in guide.chapters]
    work = sum((end - begin).seconds // 60 for begin, end, slot in slots if not slot.get("pause"))
    parts = [sum(guide.plan["chapters"][chapter][part] for chapter in taught) for part in PARTS]
    spans = [_hours(number) for number in (work, *parts, work - sum(parts))]
    blocks.append(
        f"Together {spans[0]} of work without breaks: {spans[1]} of explanation, {spans[2]} with "
        f"explorables, {spans[3]} of exercises and {spans[4]} of everything else."
    )
    left = [source for chapter, source in guide.chapters.items() if chapter not in taught]
    if left:
        blocks.append(f"Not taught in this plan: {', '.join(map(guide.link, left))}.")
    return "\n\n".join(blocks) + "\n"


def _slot(guide: Guide, slot: dict, length: timedelta) -> list[str]:
    """What happens in a slot, and how."""
    spoken = f"{length.seconds // 60} min"
    if "chapter" not in slot:
        what = slot["what"]
        return [f"*{what}*" if slot.get("pause") else what, spoken]
    if slot["chapter"] not in guide.chapters:
        return [FREE, spoken]
    entry = guide.plan["chapters"][slot["chapter"]]
    names = ", ".join(f"`{name}`" for name in guide.in_room(slot["chapter"]))
    ideas, explorable, exercises = (entry[part] for part in PARTS)
    how = f"{ideas} min of ideas, {explorable} with the explorable, {exercises} for {names}"
    return [guide.link(guide.chapters[slot["chapter"]]), how]


def minutes(guide: Guide) -> str:
    """Return the table of planned minutes in the room and estimated minutes alone."""
    rows, sums = [], [0] * 5
    for chapter, source in guide.chapters.items():
        parts = [guide.plan["chapters"][chapter][part] for part in PARTS]
        numbers = [*parts, sum(parts), guide.alone(source)]
        sums = [a + b for a, b in zip(sums, numbers, strict=True)]
        rows.append([guide.link(source), *map(str, numbers)])
    rows.append(["**All chapters**", *(f"**{number}**" for number in sums)])
    head = ["Chapter", "Ideas", "Explorable", "Exercises", "In the room", "Alone"]
    caption = (
        f"Minutes as the authors plan them, not measured. In the room: the exercises of the plan; alone: "
        f"reading at {guide.plan['words_a_minute']} words a minute, the explorable, and all exercises at "
        f"{guide.plan['minutes_an_exercise']} minutes each"
    )
    spans = f"All chapters together take {_hours(sums[3])} in the room and {_hours(sums[4])} alone."
    return table(head, rows, caption, (35, 12, 14, 13, 13, 13), right=True) + f"\n\n{spans}\n"


def chapters(guide: Guide) -> str:
    """Return the table of what each chapter holds, and what its notebook was measured to take."""
    rows, records, counts = [], [], [0, 0, 0]
    for chapter, source in guide.chapters.items():
        quiz = guide.quizzes.get(chapter)
        found = [len(source.exercises()), len(_open(guide, source)), len(quiz.questions) if quiz else 0]
        counts = [a + b for a, b in zip(counts, found, strict=True)]
        own = [guide.timings[source.name]] if source.name in guide.timings else []
        records += own
        cost = _cost(own) if own else ["not yet", "not yet"]
        path = "both" if len(source.header["paths"]) > 1 else source.header["paths"][0]
        rows.append([guide.link(source), path, *map(str, found), *cost])
    rows.append(["**All chapters**", "–", *(f"**{total}**" for total in [*counts, *_cost(records)])])
    cores = " or ".join(sorted({str(record["machine"]["cores"]) for record in records}))
    head = ["Chapter", "Path", "Checked", "Open", "Quiz", "Time", "Memory"]
    caption = (
        "Exercises with a check, open questions, questions in the quiz; time and peak memory of the "
        f"notebooks as measured with {cores} CPU cores"
    )
    return table(head, rows, caption, (32, 12, 11, 9, 9, 15, 12), right=True) + "\n"


def _cost(records: list[dict]) -> list[str]:
    """Write the time of all notebooks together, and the largest memory of any of them."""
    memory = max((record["peak_memory_mb"] for record in records), default=0) / 1000
    return [duration(sum(record["seconds"] for record in records)), f"{memory:.1f} GB"]


def prepare(guide: Guide) -> str:
    """Return the table of what has to be there before a chapter is taught."""
    rows = []
    for chapter, source in guide.chapters.items():
        needs = ", ".join(f"`{name}` ({catalogue.entry(name).bytes / 1e6:.0f} MB)" for name in source.needs)
        extra = ", ".join(f"`{name}`" for name in source.header["extra"].split(",") if name) or "–"
        wish = guide.plan["chapters"][chapter].get("downloads", "–")
        rows.append([guide.link(source), needs or "–", wish, extra])
    head = ["Chapter", "Needed in the cache", "Fetched if there is internet", "Extra that Colab installs"]
    caption = "What to prepare for each chapter. `make lab` installs all extras"
    return table(head, rows, caption, (26, 26, 26, 22)) + "\n"


def believed(guide: Guide) -> str:
    """Return the table of what learners believe and what helps."""
    rows = []
    for chapter, source in guide.chapters.items():
        link = f"[{source.title}]({source.name}.qmd#what-goes-wrong)"
        for item in guide.plan["chapters"][chapter].get("believed", []):
            rows.append([link, f"“{item['that']}”", item["show"]])
    head = ["Chapter", "What is believed", "What to show"]
    return table(head, rows, "Common misconceptions", (22, 33, 45)) + "\n"


def open_questions(guide: Guide) -> str:
    """Return the open questions of the chapters as a list, in the words of their pages."""
    items = []
    for source in guide.chapters.values():
        link = f"[{source.title}]({source.name}.qmd#exercises)"
        items += [f"- {link}: {text}" for text in _open(guide, source)]
    return "\n".join(items) + "\n"


def _open(guide: Guide, source: Source) -> list[str]:
    """Return the items of a page's list of exercises that are open questions."""
    section = re.search(r"^## Exercises[^\n]*\n(.*?)(?=^## |\Z)", guide.page(source), re.M | re.S)
    items = re.findall(r"^\d+\. (.+)$", section[1] if section else "", re.M)
    return [item for item in items if re.search(r"\b(?:open|without a check)\b", item, re.IGNORECASE)]


def _hours(total: int) -> str:
    """Write minutes as ``1 h 30 min``."""
    hours, rest = divmod(total, 60)
    return " ".join(([f"{hours} h"] if hours else []) + ([f"{rest} min"] if rest or not hours else []))
