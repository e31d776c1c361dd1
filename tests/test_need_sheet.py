"""The need sheet of chapter 14 as a form: one sheet of paper, no script, everything named."""

import re
from pathlib import Path

import pytest

from browser import overflow

BOOK = Path(__file__).parents[1] / "book"


@pytest.fixture
def sheet():
    """The page with the book's style sheet, as both engines have it: a title, the introduction, the form."""
    text = (BOOK / "need-sheet.qmd").read_text(encoding="utf-8")
    title, introduction, rest = text.split("\n\n", 2)
    title = title.strip("# ").partition(" {")[0]
    form = rest.removeprefix("```{=html}\n").partition("\n```")[0]
    assert form.startswith("<form") and not re.search(r"<script| on\w+=", form)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Need sheet</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{(BOOK / "assets/course.css").as_uri()}">'
        f'<main class="content"><h1>{title}</h1><p>{introduction}</p>{form}</main>'
    )


@pytest.mark.browser
@pytest.mark.parametrize("size", ["A4", "Letter"])
def test_it_prints_on_one_page_without_a_script(open_page, sheet, size):
    page = open_page(sheet, javascript=False)
    page.get_by_label("Project, date").fill("Nuclei of the screen, 29 November 2026")
    page.get_by_label("What must come out?").fill("the number of nuclei in each field, " * 4)
    for about in ("output", "quality", "hours", "computers", "input"):
        page.get_by_label(f"{about}: need").fill("alike in both conditions")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=size))) == 1


@pytest.mark.browser
def test_everything_has_a_name_and_fits_a_phone(open_page, axe, sheet):
    page = open_page(sheet, width=360, height=740)
    assert axe(page) == []
    assert overflow(page) == []
    fields = page.locator("form :is(input[type=text], textarea)").count()
    assert fields == 5 * 6 + 11
