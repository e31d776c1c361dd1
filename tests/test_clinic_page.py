"""The clinic's cards and their search: all cases are there, and JavaScript searches as Python does."""

import re
import shutil

import pytest

import demo_project
from bioimage_course import clinic
from bioimage_course.clinic import figures
from browser import COLOURS, frame, overflow
from coursebook import clinic as cards
from coursebook import generated, preview

CASES = clinic.cases()


def test_every_case_has_a_card_that_markdown_leaves_whole():
    text = cards.part()
    articles = re.findall(r"<article.*?</article>", text, re.DOTALL)
    assert len(articles) == len(CASES)
    for case, article in zip(CASES, articles, strict=True):
        assert f'id="{cards.anchor(case)}"' in article and cards.title(case) in article
        assert "\n\n" not in article
        assert article.index("A specialist asks") < article.index("<details>")
    assert len(set(re.findall(r' id="([^"]+)"', text))) == len(re.findall(r' id="([^"]+)"', text))


def test_the_diagnosis_stands_behind_the_fold_only():
    for case, article in zip(CASES, cards.part().split("<article")[1:], strict=True):
        before = article.split("<details>")[0].split('class="model-finds"')[1]
        assert case.diagnosis not in before


def test_every_case_with_something_to_see_has_a_small_picture(root):
    wanted = {f"{name}.png" for name in figures.LOOKS}
    there = {path.name: path.stat().st_size for path in (root / "book" / cards.PICTURES).iterdir()}
    assert set(there) == wanted, "python -m coursebook.clinic"
    assert max(there.values()) < 40_000
    articles = dict(zip((case.name for case in CASES), cards.part().split("<article")[1:], strict=True))
    assert {name for name, text in articles.items() if f"{cards.PICTURES}/{name}.png" in text} == set(
        figures.LOOKS
    )


def test_pictures_are_drawn_from_the_cases(tmp_path, monkeypatch):
    monkeypatch.setattr(clinic, "cases", lambda: [clinic.case("snow"), clinic.case("giants")])
    (drawn,) = cards.draw(tmp_path / "new")
    assert drawn.name == "snow.png" and drawn.stat().st_size > 3000


def test_scripts_stand_on_the_page_with_numbered_lines_and_without_their_repair():
    text = cards.scripts_part()
    for script in clinic.scripts():
        assert script.wish in text and f"{script.line:>2}  {script.planted}" in text
        assert script.repaired not in text and script.diagnosis not in text
    assert text.count("```text") == 5


def test_recorded_cases_say_so():
    articles = cards.part().split("<article")[1:]
    said = [
        case.name for case, text in zip(CASES, articles, strict=True) if "Recorded, not reproduced" in text
    ]
    assert said == [case.name for case in CASES if case.recorded] and 1 <= len(said) <= 4


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def ward(root, tmp_path_factory):
    """The cards on a page of the demo course: the whole book would take a minute."""
    folder = tmp_path_factory.mktemp("ward")
    project = demo_project.make(folder)
    demo_project.edit(
        project, "_quarto.yml", "    - book/glossary.qmd\n", "    - book/glossary.qmd\n    - book/ward.qmd\n"
    )
    for file in ("book/assets/course.css", "book/assets/clinic.js"):
        shutil.copy(root / file, folder / file)
    shutil.copytree(root / "book" / cards.PICTURES, folder / "book" / cards.PICTURES)
    text = cards.part().replace("@tbl-clinic", "@tbl-numbers")
    (folder / "book/ward.qmd").write_text(f"# Ward {{#sec-ward}}\n\n{text}", encoding="utf-8")
    demo_project.pretend_executed(project)
    assert generated.update(project) == []
    preview.render(folder, folder / "_book")
    return folder / "_book/book/ward.html"


def status(page):
    return page.locator("#clinic-form [role=status]").inner_text()


def ask(page, words):
    page.get_by_label("What do you see?").fill(words)
    frame(page)


@pytest.mark.browser
@pytest.mark.parametrize(
    "words",
    [
        "cellpose gives zero masks",
        "my loss becomes NaN",
        "colours are wrong, OpenCV",
        "labels in 8-bit",
        "tie",
    ],
)
def test_the_page_searches_as_python_does(ward, open_page, words):
    page = open_page(ward)
    ask(page, words)
    found = clinic.search(words, most=len(CASES))
    shown = page.locator("article.model:visible").evaluate_all("cards => cards.map((card) => card.id)")
    assert sorted(shown) == sorted(map(cards.anchor, found))
    assert status(page).startswith(f"{len(found)} of {len(CASES)} cases")
    best = page.locator("#clinic-form [role=status] a").all_inner_texts()
    assert best == [cards.title(case) for case in found[:3]]


@pytest.mark.browser
def test_groups_words_and_reset(ward, open_page):
    page = open_page(ward)
    page.get_by_label("Where may the cause lie?").select_option("training")
    assert status(page) == f"{len(clinic.cases('training'))} of {len(CASES)} cases"
    (heading,) = page.locator("main h2:visible").all_inner_texts()
    assert "The training" in heading
    ask(page, "xyzzy")
    assert status(page).startswith("0 of") and page.locator(".clinic-none").is_visible()
    page.get_by_role("button", name="Show all").click()
    assert status(page) == f"{len(CASES)} of {len(CASES)} cases"


@pytest.mark.browser
def test_a_link_leads_to_a_case_that_was_searched_away(ward, open_page):
    page = open_page(ward)
    ask(page, "nan")
    assert not page.locator("#case-snow").is_visible()
    page.evaluate("location.hash = 'case-snow'")
    page.locator("#case-snow").wait_for(state="visible")


@pytest.mark.browser
def test_everything_is_there_without_javascript(ward, open_page):
    page = open_page(ward, javascript=False)
    assert page.locator("article.model:visible").count() == len(CASES)
    assert not page.locator("#clinic-form").is_visible() and not page.locator(".clinic-none").is_visible()
    for element in page.locator("details").all():
        element.evaluate("element => element.open = true")
    text = page.locator("main").inner_text().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert all(case.test in text for case in CASES), [c.name for c in CASES if c.test not in text]
    code = [part for case in CASES for part in f"{case.repair} {case.cause}".split("`")[1::2]]
    assert len(code) > 20 and all(part in text for part in code), [part for part in code if part not in text]
    assert "`" not in text


@pytest.mark.browser
def test_accessible_and_never_wider_than_the_screen(ward, open_page, axe):
    page = open_page(ward, width=1300)
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert axe(page) == [] and overflow(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    frame(page)
    assert overflow(page) == []
    dark = open_page(ward, width=360, dark=True)
    assert axe(dark, only=COLOURS) == []
