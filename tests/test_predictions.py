"""Questions before a result: an open question without scripts, with them a form that shows the claim."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = """# Title

::: {.prediction claim="it-falls"}
The *test* score: what does longer training do to $x^2$?

- it rises
- [it **falls**]{.measured}
:::

::: {.prediction claim="a-third" from="0" to="100" unit="%"}
Which share is left?
:::

::: {.prediction claim="nobody-claims-this"}
Which claim is missing?

- this
- [that]{.measured}
:::

[It falls, see [there](#title){#inner}.]{#claim-it-falls .claim} [A third is left.]{#claim-a-third .claim}

:::: {.chapter-claims}
- It falls. [In the text](#claim-it-falls)

  *0.9 before, 0.7 after*

- A third is left. [In the text](#claim-a-third)

  *33%*
::::
"""


@pytest.fixture
def page(tmp_path):
    """The page as pandoc makes it, with script and stylesheet beside it as in the book."""
    pypandoc = pytest.importorskip("pypandoc", reason="pypandoc is not installed")
    body = pypandoc.convert_text(PAGE, "html", format="markdown", extra_args=["--mathml"])
    for name in ("predictions.js", "course.css"):
        shutil.copy(ROOT / "book" / "assets" / name, tmp_path)
    head = '<meta charset="utf-8"><title>Page</title><link rel="stylesheet" href="course.css">'
    head += '<script defer src="predictions.js"></script>'
    path = tmp_path / "page.html"
    main = f'<main class="content">{body}</main>'
    path.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{main}</body></html>')
    return path


def result(view, place=0):
    return view.locator(".prediction").nth(place).get_by_role("status")


@pytest.mark.browser
def test_without_scripts_it_is_an_open_question(open_page, page):
    view = open_page(page, javascript=False)
    first = view.locator(".prediction").first
    assert view.get_by_role("button").count() == view.get_by_role("radio").count() == 0
    assert "what does longer training do" in first.inner_text()
    assert first.locator("li").all_inner_texts() == ["it rises", "it falls"]
    assert "0.7" not in first.inner_text()


@pytest.mark.browser
def test_one_click_shows_what_was_said_and_what_was_measured(open_page, page):
    view = open_page(page)
    status = result(view)
    assert status.get_attribute("aria-live") == "polite" and status.inner_text() == ""
    view.get_by_text("it rises").click()
    text = status.inner_text()
    assert "You said “it rises”. Something else was measured." in text
    assert "Measured: It falls, see there. (0.9 before, 0.7 after)" in text
    view.get_by_role("radio", name="it falls").click()
    assert "You said “it falls”. That is what was measured." in status.inner_text()
    assert result(view, 1).inner_text() == ""
    ids = view.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.browser
def test_with_the_keyboard_the_button_shows_it(open_page, page):
    view = open_page(page)
    block = view.get_by_role("group", name="what does longer training do")
    assert block.locator("legend math").count() == 1
    button = block.get_by_role("button", name="Show what was measured")
    button.press("Enter")
    assert result(view).inner_text() == "Choose an answer first."
    block.get_by_role("radio").first.focus()
    view.keyboard.press("ArrowDown")
    assert result(view).inner_text() == "Choose an answer first."  # walking through the answers tells nothing
    button.press("Enter")
    assert "You said “it falls”" in result(view).inner_text()


@pytest.mark.browser
def test_a_number_within_its_limits(open_page, page):
    view = open_page(page)
    field = view.get_by_role("spinbutton", name="Your estimate")
    for wrong in ("", "101"):
        field.fill(wrong)
        field.press("Enter")
        assert result(view, 1).inner_text() == "Give a number from 0 to 100."
    field.fill("40.5")
    field.press("Enter")
    text = result(view, 1).inner_text()
    assert "You said 40.5 %." in text and "Measured: A third is left. (33%)" in text


@pytest.mark.browser
def test_without_its_claim_it_stays_an_open_question(open_page, page):
    view = open_page(page)
    last = view.locator(".prediction").last
    assert last.locator("li").count() == 2 and last.get_by_role("button").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_accessible(open_page, axe, page, dark):
    view = open_page(page, dark=dark)
    assert axe(view, ".prediction") == []
    view.get_by_text("it rises").click()
    assert axe(view, ".prediction") == []


@pytest.mark.browser
def test_print_shows_no_button(open_page, page):
    view = open_page(page)
    view.get_by_text("it rises").click()
    view.emulate_media(media="print")
    assert view.get_by_role("button").count() == 0
    assert "You said" in result(view).inner_text()
