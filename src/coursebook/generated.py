"""Everything that is made from the sources and committed, as one mapping of file to text.

====================================  =======================================================
``book/_generated/NN-card.md``        badges, measured time and memory, GPU and path of a chapter
``book/_generated/NN-quiz.md``        the quiz as HTML that works without JavaScript
``book/_generated/NN-claims.md``      the box *What this chapter claims, and on what*
``book/_generated/questions.md``      the question bank, and ``questions-key.md`` its answers
``book/_generated/tasks.md``          the tasks of all explorables, for the reader's record
``book/_generated/metadata.html``     what machines read about the course, in the head of each page
``book/_generated/citation.md``       how to cite the course, from ``CITATION.cff``
``book/_generated/models.md``         the filters and cards of the model atlas, from ``book/models.yml``
``book/_generated/clinic.md``         the case clinic's search and cards; ``clinic-scripts.md`` its scripts
``book/_generated/first-models.md``   the table of first models to try, and ``explore/js/decision-guide.js``,
                                      what the decision guide knows, from ``explore/guide/*.yml``
``book/_generated/teaching-….md``     the tables of the instructor's guide (its plan: ``book/teaching.yml``)
``book/_generated/figures.md``        the course in figures, and ``installation.md``: time and disk it takes
``book/glossary.qmd``                 the glossary page
``check/chapters.json``               the chapters in the book's order, with their explorables (package data)
``check/quizzes/NN.yml``              the quiz for the notebook (package data)
``check/solutions/NN.yml``            the solutions' texts for ``.solution()`` (package data)
``README.md``                         the chapter table between its two markers
``notebooks/``                        both copies of each notebook
====================================  =======================================================

``course notebooks`` writes them, ``course check`` compares them.
"""

import itertools
import json
import re

import yaml

from coursebook import (
    citation,
    claims,
    clinic,
    execute,
    figures,
    glossary,
    guide,
    metadata,
    models,
    notebooks,
    questions,
    quizzes,
    sources,
    tasks,
    teaching,
)
from coursebook.book.findings import Finding
from coursebook.project import Project, write_text
from coursebook.sources import Source

PACKAGE_DATA = "src/bioimage_course/check"
README_TABLE = re.compile(r"(<!-- chapters:begin -->\n).*?(<!-- chapters:end -->)", re.DOTALL)
GPU_TEXT = {"not needed": "not needed", "helps": "not needed, but makes it faster", "needed": "needed"}
HOW = "run `course notebooks --no-execute`"


def update(project: Project) -> list[Finding]:
    """Write every generated file that differs from what it should be.

    Returns
    -------
    list of Finding
        Mistakes in sources; what is made from those sources stays as it is.
    """
    texts, findings = expected(project)
    for file, text in texts.items():
        write_text(project.root / file, text)
    return findings


def expected(project: Project) -> tuple[dict[str, str], list[Finding]]:
    """Return what each generated file must hold, by its path relative to the root.

    Returns
    -------
    tuple
        File -> text, and the mistakes in sources and quizzes from which nothing can be made.
    """
    all_sources, findings = sources.read_all(project)
    texts = notebooks.expected(project, all_sources)
    bank = {}
    for source in all_sources:
        texts[f"book/_generated/{source.chapter}-card.md"] = card(project, source)
        texts[f"{PACKAGE_DATA}/solutions/{source.chapter}.yml"] = solutions(source)
        if box := claims.box(project, source):
            texts[f"book/_generated/{source.chapter}-claims.md"] = box
        try:
            texts |= _quiz_files(project, source, bank)
        except quizzes.QuizError as error:
            findings += error.findings
    texts[glossary.PAGE] = glossary.page(project)
    if not findings:
        texts[f"{PACKAGE_DATA}/chapters.json"] = chapters(project, all_sources)
        texts |= _readme(project, all_sources)
        texts |= _about_the_whole(project, all_sources, bank)
        findings += _teaching(project, all_sources, bank, texts)
        findings += _models(project, texts)
        if _clinic_page(project):
            texts[clinic.PART] = clinic.part()
            texts[clinic.SCRIPTS_PART] = clinic.scripts_part()
        findings += _guide(project, all_sources, texts)
    return texts, findings


def out_of_step(project: Project) -> list[Finding]:
    """Find mistakes in sources, generated files that differ from their sources, and those without one."""
    texts, findings = expected(project)
    # what a file with mistakes would make is not known
    orphans = [] if findings else _orphans(project, texts)
    return findings + _differences(project, texts) + orphans


def _differences(project: Project, texts: dict[str, str]) -> list[Finding]:
    findings = []
    for file, text in texts.items():
        path = project.root / file
        if not path.is_file():
            findings.append(Finding(file, 1, f"missing; {HOW}"))
        elif (found := path.read_bytes().decode()) != text:
            line = _first_difference(found, text)
            findings.append(Finding(file, line, f"not what its source makes; {HOW}"))
    return findings


def _orphans(project: Project, texts: dict[str, str]) -> list[Finding]:
    """Find files among the generated ones that no source makes any more."""
    all_sources, _ = sources.read_all(project)
    made = set(texts) | {notebooks.solution_file(source) for source in all_sources}
    patterns = ["notebooks/*.ipynb", "notebooks/solutions/*.ipynb", "book/_generated/*"]
    patterns += [f"{PACKAGE_DATA}/quizzes/*.yml", f"{PACKAGE_DATA}/solutions/*.yml"]
    files = sorted(project.relative(path) for pattern in patterns for path in project.root.glob(pattern))
    return [Finding(file, 1, "no source makes this file; delete it") for file in files if file not in made]


def _first_difference(found: str, text: str) -> int:
    pairs = enumerate(itertools.zip_longest(found.splitlines(), text.splitlines()), 1)
    return next((number for number, (a, b) in pairs if a != b), 1)


# ---------------------------------------------------------------- cards


def card(project: Project, source: Source) -> str:
    """Return the generated part of a chapter's card: a list of facts."""
    learner, solved = notebooks.learner_file(source), notebooks.solution_file(source)
    badge = f"[![Open in Colab](assets/open-in-colab.svg)]({project.colab_url(learner)})"
    facts = [
        f"**Notebook:** {badge} · [exercises]({project.file_url(learner)})"
        f" · [with solutions]({project.file_url(solved)})",
        f"**Measured on a CPU:** {measured(project, source)}",
        f"**GPU:** {GPU_TEXT[source.header['gpu']]}",
        f"**On the path of:** {' and '.join(source.header['paths'])}",
    ]
    lines = "".join(f"- {fact}\n" for fact in facts)
    return f"::: {{.chapter-facts}}\n{lines}:::\n"  # a block of its own: the page's list goes before it


def measured(project: Project, source: Source) -> str:
    """Say how long the notebook took, with how much memory, on which machine."""
    record = execute.read_timings(project).get(source.name)
    if record is None:
        return "not yet"
    cores = record["machine"]["cores"]
    memory = record["peak_memory_mb"] / 1000
    return f"{figures.duration(record['seconds'])} and {memory:.1f} GB of memory with {cores} cores"


# ---------------------------------------------------------------- quizzes and solutions


def chapters(project: Project, all_sources: list[Source]) -> str:
    """Return the chapters in the book's order, number -> names of the explorables on its page, as JSON."""
    found = {source.chapter: list(tasks.explorables(project, source)) for source in all_sources}
    return json.dumps(found, indent=1) + "\n"


def _quiz_files(project: Project, source: Source, bank: dict) -> dict[str, str]:
    """Return page part and package's copy of a chapter's quiz, if it has one; put the quiz into `bank`."""
    path = project.root / "book" / "quizzes" / f"{source.chapter}.yml"
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    quiz = quizzes.parse(text, source.chapter, project.relative(path))
    bank[source.chapter] = quiz
    return {
        f"book/_generated/{source.chapter}-quiz.md": quizzes.render_html(quiz),
        f"{PACKAGE_DATA}/quizzes/{source.chapter}.yml": text,
    }


def _about_the_whole(project: Project, all_sources: list[Source], bank: dict) -> dict[str, str]:
    """Return question bank and description for machines, where the project has a place for them."""
    texts = {}
    if "book/questions.qmd" in project.pages():
        texts["book/_generated/questions.md"] = questions.sheet(project, all_sources, bank)
        texts["book/_generated/questions-key.md"] = questions.key(project, all_sources, bank)
    if tasks.PAGE in project.pages():
        texts["book/_generated/tasks.md"] = tasks.sheet(project, all_sources)
    if (project.root / citation.FILE).is_file():
        texts["book/_generated/metadata.html"] = metadata.header(project, all_sources)
    if _included(project, "citation"):
        texts["book/_generated/citation.md"] = citation.section(project)
    for name, part in {"figures": figures.table, "installation": figures.installations}.items():
        if _included(project, name):
            texts[f"book/_generated/{name}.md"] = part(project)
    return texts


def _included(project: Project, name: str) -> bool:
    """Say whether a page of the whole includes ``_generated/NAME.md``."""
    pages = (project.root / "book" / page for page in ("_preface.qmd", "setup.qmd"))
    texts = (page.read_text(encoding="utf-8") for page in pages if page.is_file())
    return any(f"_generated/{name}.md >" in text for text in texts)


def _teaching(project: Project, all_sources: list[Source], bank: dict, texts: dict) -> list[Finding]:
    """Put the parts of the instructor's guide into `texts`, unless its plan has mistakes; return these."""
    if teaching.PAGE not in project.pages():
        return []
    guide = teaching.Guide(project, all_sources, bank)
    findings = teaching.mistakes(guide)
    if not findings:
        texts |= teaching.texts(guide)
    return findings


def _models(project: Project, texts: dict) -> list[Finding]:
    """Put the cards of the model atlas into `texts`, unless its file has mistakes; return these."""
    if models.PAGE not in project.pages():
        return []
    entries, findings = models.read(project)
    if not findings:
        texts[models.PART] = models.part(entries)
    return findings


def _clinic_page(project: Project) -> bool:
    """Say whether the book has the clinic's page and the page shows the cards."""
    page = project.root / clinic.PAGE
    return clinic.PAGE in project.pages() and f"_generated/{clinic.PART.rsplit('/')[-1]} >" in page.read_text(
        encoding="utf-8"
    )


def _guide(project: Project, all_sources: list[Source], texts: dict) -> list[Finding]:
    """Put what the decision guide's files make into `texts`, unless they have mistakes; return these."""
    read, findings = guide.read(project)
    if read and not findings:
        chapters = {source.chapter: (source.title, source.name) for source in all_sources}
        texts |= {guide.SCRIPT: guide.script(read, chapters), guide.TABLE: guide.table(read)}
        texts[guide.PICTURES] = guide.pictures(read)
    return findings


class _Block(str):
    """Text that YAML writes as a block scalar."""


class _Dumper(yaml.SafeDumper):
    pass


STRING = "tag:yaml.org,2002:str"
_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar(STRING, str(text), style="|"))


def solutions(source: Source) -> str:
    """Return the exercises as YAML, in the notebook's order: name -> its number and the solution's code."""
    entries = {}
    for name in source.exercises():
        entries[name] = {"number": source.number(name), "solution": _Block(source.solution(name))}
    head = f"# Made from {source.file} by `course notebooks`.\n"
    return head + yaml.dump(entries, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


# ---------------------------------------------------------------- README


def _readme(project: Project, all_sources: list[Source]) -> dict[str, str]:
    path = project.root / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not README_TABLE.search(text):
        return {}
    table = readme_table(project, all_sources)
    return {"README.md": README_TABLE.sub(lambda match: f"{match[1]}{table}{match[2]}", text)}


def readme_table(project: Project, all_sources: list[Source]) -> str:
    """Return the table of chapters for the README, in Markdown."""
    lines = ["| Chapter | Notebook | Solutions | Measured on a CPU |", "|---|---|---|---|"]
    for source in all_sources:
        learner, solved = notebooks.learner_file(source), notebooks.solution_file(source)
        badge = f"[![Open in Colab](book/assets/open-in-colab.svg)]({project.colab_url(learner)})"
        chapter = f"[{source.title}]({project.site_url}/book/{source.name}.html)"
        cells = (
            chapter,
            f"{badge} [notebook]({learner})",
            f"[solutions]({solved})",
            measured(project, source),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
