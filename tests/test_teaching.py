"""The instructor's guide: its plan adds up, fits the chapters that the book has, and says what they hold."""

import re

import pytest

import demo_project
from bioimage_course.errors import InputError
from coursebook import generated, quizzes, sources, teaching
from coursebook.project import Project

PLAN = """\
words_a_minute: 100
minutes_an_exercise: 10
chapters:
  "01":
    explain: 20
    explore: 10
    practise: 30
    do: [triple]
    believed:
      - {that: A line ends., show: It does not.}
  "02":
    explain: 40
    explore: 10
    practise: 40
plans:
  user:
    - begins: "09:00"
      ends: "12:30"
      slots:
        - {chapter: "01"}
        - {what: Break, minutes: 30, pause: true}
        - {chapter: "02"}
        - {what: Goodbye, minutes: 30}
"""


@pytest.fixture
def project(tmp_path):
    """The demo course with a guide; its plan knows a chapter that the course does not have."""
    project = demo_project.make(tmp_path)
    demo_project.add_page(project, "teaching")
    (tmp_path / "book/teaching.yml").write_text(PLAN, encoding="utf-8")
    demo_project.pretend_executed(project)
    return project


def guide(project: Project) -> teaching.Guide:
    found, mistakes = sources.read_all(project)
    assert mistakes == []
    return teaching.Guide(project, found, {quiz.chapter: quiz for quiz in quizzes.read_all(project)})


def test_absent_chapter_leaves_its_time_and_no_row(project):
    parts = teaching.texts(guide(project))
    plan = parts["book/_generated/teaching-plan-user.md"]
    assert re.findall(r"^\| (\d\d:\d\d–\d\d:\d\d) \| (.*?) \|", plan, re.M) == [
        ("09:00–10:00", "[Lines](01-lines.qmd)"),
        ("10:00–10:30", "*Break*"),
        ("10:30–12:00", teaching.FREE),
        ("12:00–12:30", "Goodbye"),
    ]
    assert (
        "Together 3 h of work without breaks: 20 min of explanation" in plan
        and "2 h of everything else" in plan
    )
    for name in ("minutes", "chapters", "prepare", "believed"):
        rows = parts[f"book/_generated/teaching-{name}.md"].splitlines()
        assert sum("01-lines.qmd" in row for row in rows) == 1
        assert len([row for row in rows if row.startswith("|")]) == (
            3 if name in ("prepare", "believed") else 4
        )


def test_chapter_row_holds_what_source_quiz_and_timings_say(project):
    row = teaching.chapters(guide(project)).splitlines()[2]
    assert row == "| [Lines](01-lines.qmd) | both | 3 | 0 | 3 | 35 s | 0.6 GB |"
    (project.root / "notebooks/timings.json").write_text("{}", encoding="utf-8")
    assert "| 3 | 0 | 3 | not yet | not yet |" in teaching.chapters(guide(project))


def test_minutes_alone_follow_the_words_and_the_exercises(project):
    (source,) = guide(project).chapters.values()
    before = guide(project).alone(source)
    demo_project.edit(project, "book/01-lines.qmd", "A curve.", "A curve. " + "word " * 1000)
    assert guide(project).alone(source) == before + 10
    demo_project.edit(project, "book/01-lines.qmd", "```python\n", "```python\n" + "code " * 1000 + "\n")
    assert guide(project).alone(source) == before + 10


def test_without_a_choice_the_first_exercises_that_fit_are_done(project):
    demo_project.edit(project, teaching.PLAN, "    do: [triple]\n", "")
    assert guide(project).in_room("01") == ["double", "triple", "half"]
    demo_project.edit(project, teaching.PLAN, "practise: 30", "practise: 20")
    assert guide(project).in_room("01") == ["double", "triple"]


def test_open_questions_come_from_the_pages(project):
    assert teaching.open_questions(guide(project)).strip() == ""
    text = "1. **Double** (`check.double`).\n2. **More.** An open question: why?\n"
    demo_project.edit(project, "book/01-lines.qmd", "Three, in the notebook.", text)
    assert teaching.open_questions(guide(project)) == (
        "- [Lines](01-lines.qmd#exercises): **More.** An open question: why?\n"
    )


# what is there, what comes in its place, words of the finding
BAD = [
    ("explain: 20", "explain: 25", "takes 65 minutes"),
    ("explain: 20", "explain: 22", "steps of 5"),
    ("explain: 20", "explain: soon", "steps of 5"),
    ("[triple]", "[quadruple]", "no exercise 'quadruple'; it has double, triple, half"),
    ('"01":', '"03":', "no minutes are planned for chapter 01, Lines"),
    ('{chapter: "02"}', '{chapter: "05"}', "no minutes are planned for 05"),
    ('{chapter: "02"}', '{chapter: "01"}', "chapter 01 is there twice"),
    ('{chapter: "01"}', "{what: Tea, minutes: 60}", "chapter 01, Lines, is on this path but has no time"),
    ("{what: Break, minutes: 30", "{what: Break, minutes: 20", "20 minutes are no multiple of 30"),
    ('ends: "12:30"', 'ends: "13:00"', "day 1 ends at 12:30, not at 13:00"),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD, ids=[words for *_, words in BAD])
def test_what_does_not_add_up_is_found_at_its_line(project, old, new, words):
    assert teaching.mistakes(guide(project)) == []
    line = demo_project.edit(project, teaching.PLAN, old, new)
    found = [finding for finding in teaching.mistakes(guide(project)) if words in finding.message]
    assert len(found) == 1 and found[0].path == teaching.PLAN
    if "steps of" in words or "takes" in words or "multiple" in words:
        assert abs(found[0].line - line) <= 1
    assert found[0] in generated.out_of_step(project)


def test_plan_that_is_no_plan_is_refused_in_a_sentence(project):
    for text in ("chapters: [", "- just a list", ""):
        (project.root / teaching.PLAN).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"book/teaching\.yml"):
            guide(project)


def test_a_course_without_a_guide_needs_no_plan(tmp_path):
    project = demo_project.make(tmp_path)
    demo_project.pretend_executed(project)
    assert not [file for file in generated.expected(project)[0] if "teaching" in file]


# ---------------------------------------------------------------- the guide of this course


@pytest.fixture(scope="module")
def ours(root):
    return guide(Project(root))


@pytest.mark.slow
def test_our_plan_adds_up_with_any_chapter_missing(ours, tmp_path):
    assert teaching.mistakes(ours) == []
    full = dict(ours.chapters)
    for chapter in full:
        ours.chapters = {key: source for key, source in full.items() if key != chapter}
        assert teaching.mistakes(ours) == []
        name = full[chapter].name
        left = teaching.texts(ours).values()
        assert not any(f"{name}.qmd" in text for text in left), name
    ours.chapters = full


def test_nobody_listens_longer_than_two_hours_without_a_change(ours):
    for days in ours.plan["plans"].values():
        for day in days:
            stretch = 0
            for begin, end, slot in teaching.times(ours, day):
                stretch = stretch + (end - begin).seconds // 60 if "chapter" in slot else 0
                assert stretch <= 120, slot


def test_every_chapter_of_the_plan_names_what_is_believed(ours):
    for chapter, entry in ours.plan["chapters"].items():
        assert entry["believed"], chapter
        assert all(set(item) == {"that", "show"} for item in entry["believed"]), chapter


def test_page_includes_every_part_once(ours, root):
    page = (root / teaching.PAGE).read_text(encoding="utf-8")
    included = re.findall(r"\{\{< include (_generated/teaching-[\w-]+\.md) >\}\}", page)
    assert sorted(f"book/{file}" for file in included) == sorted(teaching.texts(ours))
