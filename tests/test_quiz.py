"""Quizzes: the YAML's rules, the page with and without JavaScript, the notebook's widget."""

import html.parser
import shutil
from pathlib import Path

import pytest
import yaml

from bioimage_course import check
from bioimage_course.check import quiz_widget
from bioimage_course.errors import InputError
from coursebook import quizzes
from coursebook.project import Project

ROOT = Path(__file__).resolve().parents[1]
QUIZ = """
- id: labelled-data
  question: Which **data** has $x < 3$ and `a<b & c`?
  kind: one
  source: haase-lecture
  answers:
    - text: labelled *data*, $w_1x_1$
      correct: true
      why: Because $\\hat y$ is known, see [there](#quiz).
    - text: "no <data>"
      why: 1. Not so.
- id: all-that-apply
  question: "Which hold?"
  kind: many
  answers:
    - {text: "one", correct: true, why: "Because."}
    - {text: "two", correct: true, why: "Because."}
    - {text: "three", correct: false, why: "Because not."}
"""


def quiz(text=QUIZ):
    return quizzes.parse(text.replace("no <data>", "no data"), "01", "book/quizzes/01.yml")


def changed(old, new):
    text = QUIZ.replace("no <data>", "no data")
    assert old in text
    return text.replace(old, new)


# ---------------------------------------------------------------- rules


def test_quiz_is_read():
    first, second = quiz().questions
    assert (first.id, first.kind, first.source) == ("labelled-data", "one", "haase-lecture")
    assert [answer.correct for answer in first.answers] == [True, False]
    assert [answer.correct for answer in second.answers] == [True, True, False] and second.source is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (QUIZ, 10, "question 'labelled-data', answer 2: `text` holds HTML"),
        (changed("  kind: one\n", ""), 2, "question 'labelled-data': `kind` is missing"),
        (changed("kind: one", "kind: single"), 4, "question 'labelled-data': kind is 'single'"),
        (changed("kind: one", "kind: [one]"), 4, "kind is ['one']"),
        (changed("kind: one", "kinds: one"), 4, "unknown key `kinds`; did you mean kind?"),
        (changed("      correct: true\n", ""), 2, "question 'labelled-data': no answer is marked"),
        (changed("correct: true\n", "correct: 'yes'\n"), 8, "answer 1: correct is 'yes'"),
        (changed("      why: 1. Not so.", "      correct: true\n      why: No."), 2, "2 answers are correct"),
        (changed("      why: 1. Not so.", ""), 10, "question 'labelled-data', answer 2: `why` is missing"),
        (changed("1. Not so.", "''"), 11, "answer 2: `why` is empty"),
        (changed("1. Not so.", "1.5"), 11, "answer 2: `why` is 1.5, not text"),
        (changed('"no data"', "no"), 10, "answer 2: `text` is False, not text; put it in quotes"),
        (changed("id: all-that-apply", "id: labelled-data"), 12, "the id is used twice"),
        (changed("id: all-that-apply", "id: All that"), 12, "lower-case letters"),
        (changed("id: all-that-apply", "id: 7"), 12, "question 7: an id is made of"),
        (changed('text: "two"', 'text: "one"'), 12, "the answer 'one' is there twice"),
        (changed("source: haase-lecture", "source: two words"), 5, "source is 'two words'"),
        (changed("  kind: many", "  kind: many\n  kind: one"), 12, "`kind` is there twice"),
        (changed('question: "Which hold?"', "question: Which: this?"), 13, "not valid YAML"),
        (changed('question: "Which hold?"', "question: [1]"), 13, "question is [1], not text"),
        ("- id: a\n  question: b\n  kind: one\n  answers: []\n", 4, "at least 2 answers"),
        ("- id: a\n  question: b\n  kind: one\n  answers: [c, d]\n", 4, "answer 1: must have the keys"),
        ("- one\n- two\n", 1, "question 1 must have the keys"),
        ("id: a\n", 1, "a list of questions"),
        ("", 1, "a list of questions"),
        ("- [unclosed", 1, "not valid YAML"),
        ("- !!python/object:os.system {}", 1, "not valid YAML"),
        ("- &a [*a]\n", 1, "must have the keys"),
    ],
)
def test_mistakes_name_file_line_and_question(text, line, words):
    with pytest.raises(quizzes.QuizError) as caught:
        quizzes.parse(text, "01", "book/quizzes/01.yml")
    found = [str(finding) for finding in caught.value.findings]
    assert any(item.startswith(f"book/quizzes/01.yml:{line}: ") and words in item for item in found), found


def test_all_mistakes_are_reported_at_once():
    text = changed("kind: one", "kind: no-such").replace("kind: many", "kind: some")
    with pytest.raises(quizzes.QuizError) as caught:
        quizzes.parse(text, "01", "x.yml")
    assert [finding.line for finding in caught.value.findings] == [4, 14]


def test_every_file_of_a_project_is_checked(tmp_path):
    folder = tmp_path / "book" / "quizzes"
    folder.mkdir(parents=True)
    (tmp_path / "_quarto.yml").write_text("project:\n  type: book\n")
    (folder / "01.yml").write_text("")
    (folder / "two.yml").write_text(QUIZ)
    (folder / "03.yml").write_bytes(b"\xff\xfe\xff")
    (folder / "04.yml").write_text(changed("x < 3", "x > 3"))
    found = quizzes.check(Project(tmp_path))
    assert [finding.path for finding in found] == [
        "book/quizzes/01.yml",
        "book/quizzes/03.yml",
        "book/quizzes/two.yml",
    ]


def test_quizzes_of_the_course():
    project = Project(ROOT)
    assert quizzes.check(project) == []
    found = quizzes.read_all(project)
    assert [item.chapter for item in found] == sorted(path.name[:2] for path in project.source_paths())
    for item in found:
        assert 3 <= len(item.questions) <= 6
        stored = ROOT / "src/bioimage_course/check/quizzes" / f"{item.chapter}.yml"
        source = ROOT / "book/quizzes" / f"{item.chapter}.yml"
        assert stored.read_text(encoding="utf-8") == source.read_text(encoding="utf-8"), (
            "run `course notebooks`"
        )


# ---------------------------------------------------------------- page


def page(text):
    """The quiz as pandoc makes it from a page of Markdown."""
    pypandoc = pytest.importorskip("pypandoc", reason="pypandoc is not installed")
    markdown = f"# Title\n\n## Quiz\n\n{text}\n## After {{#after}}\n\nText.\n"
    return pypandoc.convert_text(markdown, "html", format="markdown", extra_args=["--mathml"])


class Outline(html.parser.HTMLParser):
    """Tags with attributes, and which tags they are inside of."""

    VOID = frozenset({"input", "br", "img", "hr", "meta", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.errors = [], [], []
        self.feed(text)
        self.close()
        self.errors += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes), tuple(self.open)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(f"</{tag}> closes something else")

    def all(self, tag):
        return [(attributes, parents) for name, attributes, parents in self.found if name == tag]


def test_page_is_a_native_form():
    outline = Outline(page(quizzes.render_html(quiz())))
    assert outline.errors == []
    ids = [attributes["id"] for _, attributes, _ in outline.found if "id" in attributes]
    assert len(set(ids)) == len(ids) and {
        "quiz-01",
        "quiz-01-labelled-data",
        "quiz-01-labelled-data-a",
    } <= set(ids)
    inputs = [attributes for attributes, _ in outline.all("input")]
    assert [attributes["type"] for attributes in inputs] == ["radio"] * 2 + ["checkbox"] * 3
    assert len({attributes["name"] for attributes in inputs}) == 2
    labels = [attributes["for"] for attributes, _ in outline.all("label")]
    assert labels == [attributes["id"] for attributes in inputs]
    assert len(outline.all("details")) == len(outline.all("summary")) == 5
    for _, parents in outline.all("legend"):
        assert parents[-1] == "fieldset"
    for _, parents in outline.all("p"):  # browsers close a label or legend in which a paragraph starts
        assert not {"legend", "label", "summary"} & set(parents)
    tags = [tag for tag, _, parents in outline.found if parents and parents[-1] == "fieldset"]
    assert tags[0] == "legend"


def test_inline_markdown_and_formulas_survive():
    text = page(quizzes.render_html(quiz()))
    outline = Outline(text)
    assert len(outline.all("math")) == 3
    assert "$" not in text and "**" not in text and "`" not in text
    assert "<strong>data</strong>" in text and "<em>data</em>" in text
    assert "<code>a&lt;b &amp; c</code>" in text
    assert outline.all("ol") == []  # "1. Not so." is no list
    assert '<a href="#quiz">there</a>' in text and "haase-lecture" in text


def test_text_that_looks_like_markdown_blocks_stays_inline():
    hard = [
        "# heading",
        "- item",
        "1. item",
        "> quote",
        "::: {.box}",
        "| a | b |",
        "+ plus",
        "text\n\nmore",
        "---",
    ]
    for text in hard:
        entry = yaml.safe_load(QUIZ.replace("no <data>", "no data"))
        entry[0]["question"] = entry[0]["answers"][0]["text"] = entry[0]["answers"][0]["why"] = text
        outline = Outline(page(quizzes.render_html(quiz(yaml.safe_dump(entry, allow_unicode=True)))))
        assert outline.errors == []
        for tag in ("ul", "ol", "blockquote", "table", "hr"):
            assert outline.all(tag) == [], text
        assert len(outline.all("fieldset")) == 2 and len(outline.all("label")) == 5


def html_page(tmp_path, text=None):
    """A whole page in a folder, with script and stylesheet beside it as in the book."""
    body = page(quizzes.render_html(quiz()) if text is None else text)
    assets = tmp_path / "assets"
    assets.mkdir()
    shutil.copy(ROOT / "book" / "assets" / "quiz.js", assets)
    shutil.copy(ROOT / "book" / "assets" / "course.css", assets)
    head = '<meta charset="utf-8"><title>Quiz</title><link rel="stylesheet" href="assets/course.css">'
    path = tmp_path / "page.html"
    path.write_text(
        f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>'
    )
    return path


@pytest.mark.browser
def test_quiz_without_javascript(open_page, tmp_path):
    view = open_page(html_page(tmp_path), javascript=False)
    assert view.get_by_role("button").count() == 0
    assert view.get_by_role("group", name="Question 1. Which data has").count() == 1
    view.get_by_role("radio", name="b) no data").check()
    view.get_by_role("radio", name="a) labelled data").check()
    assert not view.get_by_role("radio", name="b) no data").is_checked()
    why = view.locator("#quiz-01-labelled-data-a-why")
    assert "is known" not in why.inner_text()
    why.locator("summary").click()
    assert "is known" in why.inner_text()


@pytest.mark.browser
def test_quiz_by_keyboard(open_page, tmp_path):
    view = open_page(html_page(tmp_path))
    status = view.locator("#quiz-01-labelled-data").get_by_role("status")
    assert status.get_attribute("aria-live") == "polite"
    button = view.get_by_role("button", name="Check question 1")
    button.press("Enter")
    assert "Choose" in status.inner_text()
    view.locator("#quiz-01-labelled-data-b").focus()
    view.keyboard.press("Space")
    button.press("Enter")
    assert "Not right" in status.inner_text()
    assert view.locator("#quiz-01-labelled-data-b-why").get_attribute("open") is not None
    assert view.locator("#quiz-01-labelled-data-a-why").get_attribute("open") is None
    view.locator("#quiz-01-labelled-data-b").focus()
    view.keyboard.press("ArrowUp")
    assert status.inner_text() == ""  # another choice, not judged yet
    button.press("Enter")
    assert "Right" in status.inner_text()
    assert view.locator("#quiz-01-labelled-data-a-why").get_attribute("open") is not None


@pytest.mark.browser
def test_quiz_with_several_answers(open_page, tmp_path):
    view = open_page(html_page(tmp_path))
    status = view.locator("#quiz-01-all-that-apply").get_by_role("status")
    button = view.get_by_role("button", name="Check question 2")
    expected = [
        ("a", "1 of 2 right"),
        ("c", "1 of 2 right answers chosen, and 1 wrong"),
        ("b", "2 of 2"),
        ("c", "Right"),
    ]
    for letter, words in expected:
        view.locator(f"#quiz-01-all-that-apply-{letter}").click()
        button.click()
        assert words in status.inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_quiz_is_accessible(open_page, axe, tmp_path, dark):
    view = open_page(html_page(tmp_path), dark=dark)
    for letter in "ab":
        view.locator(f"#quiz-01-labelled-data-{letter}").check()
        view.get_by_role("button", name="Check question 1").click()
        assert axe(view, "#quiz-01") == []


# ---------------------------------------------------------------- notebook


@pytest.fixture
def in_package(monkeypatch, tmp_path):
    """The quiz of this test as package data of chapter 98."""
    package = tmp_path / "package"
    (package / "quizzes").mkdir(parents=True)
    (package / "quizzes" / "98.yml").write_text(QUIZ, encoding="utf-8")
    monkeypatch.setattr(quiz_widget.resources, "files", lambda name: package)


def parts(box):
    """The widgets of one question."""
    title, *rows, last = box.children
    return title, rows[::2], rows[1::2], *last.children


def test_widget_judges_and_explains(in_package):
    first, second, _ = check.quiz(98).children
    _title, ticks, reasons, button, verdict = parts(first)
    assert [tick.description for tick in ticks] == ["a) labelled data, $w_1x_1$", "b) no <data>"]
    assert all(reason.layout.display == "none" for reason in reasons)
    button.click()
    assert "Choose an answer first." in verdict.value
    ticks[1].value = True
    button.click()
    assert "Not right" in verdict.value
    assert [reason.layout.display for reason in reasons] == ["none", ""]
    ticks[0].value = True
    assert not ticks[1].value  # one answer only
    button.click()
    assert "Right." in verdict.value and "alert" in verdict.value
    assert [reason.layout.display for reason in reasons] == ["", ""]

    _, ticks, reasons, button, verdict = parts(second)
    for choice, words in (
        ([0], "1 of 2"),
        ([0, 1, 2], "2 of 2 right answers chosen, and 1 wrong"),
        ([0, 1], "Right."),
    ):
        for number, tick in enumerate(ticks):
            tick.value = number in choice
        button.click()
        assert words in verdict.value


def test_widget_escapes_html(in_package):
    title, _ticks, _reasons, *_ = parts(check.quiz("98").children[0])
    assert "$x &lt; 3$" in title.value and "<code>a&lt;b &amp; c</code>" in title.value
    assert "<strong>data</strong>" in title.value and "choose one" in title.value
    evil = '<img src=x onerror="alert(1)">'
    for text in (
        evil,
        f"`{evil}`",
        f"*{evil}*",
        f"${evil}$",
        f"[{evil}](javascript:alert(1))",
        f"[x]({evil})",
    ):
        assert "<img" not in quiz_widget._html(text) and "javascript" not in quiz_widget._html(text)
    assert quiz_widget._plain(evil) == evil  # a description is text, not HTML


def test_widget_escapes_for_ipywidgets_7(in_package, monkeypatch):
    import ipywidgets

    monkeypatch.setattr(ipywidgets, "__version__", "7.7.1")  # which shows descriptions as HTML
    _, ticks, *_ = parts(check.quiz("98").children[0])
    assert ticks[1].description == "b) no &lt;data&gt;"


def test_plain_quiz(in_package, capsys):
    assert check.quiz("98", plain=True) is None
    out = capsys.readouterr().out
    assert "1. Which data has $x < 3$ and a<b & c? (choose one)" in out
    assert "   b) no <data>" in out and "1b is wrong: 1. Not so." in out and "2a is right: Because." in out
    assert out.index("2. Which hold? (choose all that apply)") < out.index("Answers")


@pytest.mark.parametrize("chapter", ["97", 97, "../98", None, 9.8, ["98"], ""])
def test_unknown_quiz(in_package, chapter):
    with pytest.raises(InputError, match="there are quizzes for 98"):
        check.quiz(chapter)


def test_every_stored_quiz_can_be_shown(capsys):
    folder = ROOT / "src" / "bioimage_course" / "check" / "quizzes"
    for path in folder.glob("*.yml"):
        assert len(check.quiz(path.stem).children) >= 3
        check.quiz(int(path.stem), plain=True)
        assert "Answers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a *b* **c** `d*e*` $f*g*h$", "a <em>b</em> <strong>c</strong> <code>d*e*</code> $f*g*h$"),
        ("2*3*4 and 5 * 6", "2*3*4 and 5 * 6"),
        ("[term](glossary.qmd#term) after [@haase2024]", "term after "),
        ("costs $5 & more", "costs $5 &amp; more"),
    ],
)
def test_inline_markdown_in_the_notebook(markdown, expected):
    assert quiz_widget._html(markdown) == expected
