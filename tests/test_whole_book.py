"""What describes the book as a whole: question bank, description for machines, sitemap and social card."""

import json
import re

import pytest
from PIL import Image

from coursebook import metadata, questions, quizzes, sources
from coursebook.project import Project


@pytest.fixture(scope="module")
def project(root):
    return Project(root)


@pytest.fixture(scope="module")
def read(project):
    found, mistakes = sources.read_all(project)
    assert mistakes == []
    return found


def test_bank_holds_every_question_and_its_right_answers(project, read):
    bank = {quiz.chapter: quiz for quiz in quizzes.read_all(project)}
    sheet, key = questions.sheet(project, read, bank), questions.key(project, read, bank)
    in_book = [bank[s.chapter] for s in read if f"book/{s.name}.qmd" in project.pages()]
    asked = [q for quiz in in_book for q in quiz.questions]
    assert len(re.findall(r"^\d+\.  ", sheet, re.M)) == len(asked) >= 30
    rows = re.findall(r"^\| (\d+) \| ([a-z, ]+) \| ", key, re.M)
    expected = [", ".join("abcdefgh"[i] for i, a in enumerate(q.answers) if a.correct) for q in asked]
    assert [letters for _, letters in rows] == expected
    for question in asked:
        for answer in question.answers:
            assert answer.text in sheet
            assert answer.correct or answer.why not in sheet + key


def test_bank_leaves_out_chapters_that_the_book_does_not_have(project, read):
    bank = {"77": quizzes.Quiz("77", ())}
    assert questions.sheet(project, read, bank).strip() == ""


def test_description_for_machines_names_course_and_chapters(project, read):
    text = metadata.header(project, read)
    body = re.fullmatch(r'<script type="application/ld\+json">\n(.*)\n</script>\n', text, re.DOTALL)[1]
    assert "<" not in body
    course = json.loads(body)
    assert course["@type"] == "LearningResource" and course["name"] == project.title
    needed = {"description", "keywords", "license", "author", "url", "inLanguage", "hasPart"}
    assert needed <= set(course)
    listed = [part["url"].rsplit("/", 1)[1] for part in course["hasPart"]]
    chapters = [page for page in project.pages() if re.match(r"book/\d\d-", page)]
    assert listed == [page.removeprefix("book/").replace(".qmd", ".html") for page in chapters]


def test_description_cannot_end_its_script_early(project, read, monkeypatch):
    monkeypatch.setattr(Project, "title", "</script><script>alert(1)</script>")
    text = metadata.header(project, read)
    assert text.count("</script>") == 1
    assert json.loads(text.split("\n", 1)[1].rsplit("</script>", 1)[0])["name"].startswith("</script>")


def test_social_card_has_the_size_that_messengers_expect(project):
    with Image.open(project.root / project.quarto["book"]["image"]) as card:
        assert card.size == (1200, 630)


def test_site_address_belongs_to_the_repository(project):
    owner, _, name = project.repo_url.removeprefix("https://github.com/").partition("/")
    assert project.quarto["book"]["site-url"] == f"https://{owner.lower()}.github.io/{name}"
