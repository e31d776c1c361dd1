"""``terms-before-use``: a term is explained before it is used, on the user's and on the builder's path."""

import pytest

import demo_project
from coursebook import checks
from coursebook.book import text
from coursebook.checks import vocabulary
from coursebook.glossary import Term
from coursebook.project import Project

RULE = "terms-before-use"
TERMS = ("Batch", "Epoch", "Learning Rate", "Learning Rate Schedule", "Rectified Linear Unit (ReLU)", "U-Net")


def words(*names, **settings):
    terms = [Term(name, "…", 1) for name in names or TERMS]
    return vocabulary.words_of(terms, {"ordinary": {}, "forms": {}} | settings)


@pytest.fixture
def book(tmp_path):
    """Return pages made from texts, in the order given."""

    def make(*texts):
        (tmp_path / "book").mkdir()
        pages = []
        for number, prose in enumerate(texts):
            path = f"book/{number:02}-page.qmd"
            (tmp_path / path).write_text(f"# Page {{#sec-{number}}}\n\n{prose}\n", encoding="utf-8")
            pages.append(text.read(tmp_path, path))
        return pages

    return make


def early(pages, chosen=None, deeper=True):
    """Page (number), line and term of what comes too early."""
    found = vocabulary.too_early(pages, words() if chosen is None else chosen, deeper)
    return [(int(line.file[5:7]), line.number, word.name) for line, word in found]


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("After an epoch the loss falls.", ["Epoch"]),
        ("After some epochs the loss falls.", ["Epoch"]),
        ("Batches are drawn by lot.", ["Batch"]),
        ("After an [epoch](glossary.qmd#epoch) it falls.", []),
        ("After an [epoch](../book/glossary.qmd#epoch) it falls.", ["Epoch"]),  # no such link
        ("One pass through all is an *epoch*.", []),
        ("One pass through all is an **epoch**.", []),
        ("An epoch, that is: the word for one pass is *epoch*.", []),  # explained in the same paragraph
        ("An epoch.\n\nOne pass is an *epoch*.", ["Epoch"]),
        ("`epoch` and `epochs=3`", []),
        ("```python\nepoch = 1\n```", []),
        ("$epoch$ and @epoch", []),
        ("## The epoch\n\nOne pass is an [epoch](glossary.qmd#epoch).", []),
        ("::: {.chapter-card}\n- count in epochs\n:::\n\nOne pass is an *epoch*.", []),
        ("The epochal change of a batchwise run.", []),
        ("The learning rate schedule.", ["Learning Rate Schedule"]),
        ("The [learning rate](glossary.qmd#learning-rate) schedule.", ["Learning Rate Schedule"]),
        ("ReLU and relu.", ["Rectified Linear Unit (ReLU)"]),
        ("relu alone is a function's name.", []),
        ("Two U-Nets.", ["U-Net"]),
    ],
)
def test_what_counts_as_use_and_as_explanation(book, prose, found):
    assert [name for _, _, name in early(book(prose))] == found


def test_explained_once_is_explained_for_all_later_pages(book):
    pages = book(
        "One pass is an *epoch*.", "After an epoch.", "A batch.", "A [batch](glossary.qmd#batch), an epoch."
    )
    assert early(pages) == [(2, 3, "Batch")]
    assert early(pages[1:]) == [(1, 3, "Epoch"), (2, 3, "Batch")]


def test_a_path_without_the_explaining_page_and_a_deeper_section(book):
    pages = book(
        "## Deeper: more {.deeper}\n\nAn *epoch*.\n\n### Still deeper\n\nA *batch*.\n\n## Back\n\nAn epoch.",
        "A batch.",
    )
    assert early(pages) == []
    assert early(pages, deeper=False) == [(0, 13, "Epoch"), (1, 3, "Batch")]


def test_ordinary_words_are_not_looked_for_and_forms_are(book):
    pages = book("A batch of bread, and an update.")
    assert early(pages, words(ordinary={"Batch": "bread"})) == []
    chosen = words("Batch", forms={"Batch": ["update"]})
    assert early(pages, chosen) == [(0, 3, "Batch")]


# ---------------------------------------------------------------- the file, and a whole project


@pytest.fixture
def project(good_copy):
    return good_copy


def messages(project):
    return [str(finding) for finding in checks.run(project, [RULE])[RULE]]


def test_the_finding_says_where_on_which_path_and_what_to_do(project):
    demo_project.edit(
        project, "book/01-lines.qmd", "A [straight line]", "First a straight line.\n\nA [straight line]"
    )
    (found,) = messages(project)
    assert "book/01-lines.qmd:13: 'Straight Line' is used here before it is explained on either path" in found
    assert "[straight line](glossary.qmd#straight-line)" in found and vocabulary.FILE in found
    source = project.root / "notebooks/sources/01-lines.py"
    source.write_text(source.read_text().replace("[user, builder]", "[builder]"))
    assert "on the builder's path" in messages(project)[0]


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ("ordinary: [x]", "expected `ordinary:` and `forms:`"),
        ("- x", "expected `ordinary:` and `forms:`"),
        ("ordinary:\n  Bent Line: a bend", "'Bent Line', which the glossary does not know"),
        ("ordinary:\n  Straight Line:", "needs its reason"),
        ("forms:\n  Straight Line: line", "not a list of words"),
        ("common: {}", "unknown key 'common'"),
        ("ordinary: {", "book/vocabulary.yml:"),
    ],
)
def test_a_bad_vocabulary_is_refused(project, said, finding):
    (project.root / vocabulary.FILE).write_text(said)
    assert finding in messages(project)[0]


def test_a_good_vocabulary_is_followed(project):
    demo_project.edit(
        project, "book/01-lines.qmd", "A [straight line]", "First a straight line.\n\nA [straight line]"
    )
    (project.root / vocabulary.FILE).write_text("ordinary:\n  Straight Line: as in geometry lessons\n")
    assert messages(project) == []
    (project.root / vocabulary.FILE).write_text("forms:\n  Straight Line: [ruler]\n")
    assert messages(project) == []


def test_the_course_explains_what_it_uses():
    """On the user's path too, which skips the chapters that builders read."""
    assert messages(Project.find()) == []
