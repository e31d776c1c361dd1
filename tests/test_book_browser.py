"""The rendered book in a browser, page by page, as somebody reads it who double-clicked the file."""

import collections
import itertools
import re
import shutil

import pytest

from browser import COLOURS, frame, opened, overflow
from coursebook import preview
from coursebook.project import Project

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    """The course's own book, freshly rendered once: (folder, pages in reading order)."""
    folder = tmp_path_factory.mktemp("rendered") / "book"
    return folder, preview.render(root, folder).pages


def every_page(site):
    folder, pages = site
    return [folder / page for page in pages]


# ---------------------------------------------------------------- the files


def test_pages_are_small_and_load_nothing_from_the_network(site):
    for path in every_page(site):
        html = path.read_text("utf-8")
        assert len(html) < 1_000_000, f"{path.name} is larger than 1 MB"
        assert not re.search(r'(?:src|<link[^>]*href)="https?:', html), f"{path.name} loads from the network"


def test_pages_carry_description_card_and_sitemap(site, root):
    folder, _ = site
    project = Project(root)
    sitemap = (folder / "sitemap.xml").read_text("utf-8")
    assert sitemap.count("<loc>") == len(project.pages())
    home = (folder / "index.html").read_text("utf-8")
    for name in ("og:title", "og:description", "og:url", "og:image", "og:image:alt"):
        assert home.count(f'<meta property="{name}"') == 1
    image = project.quarto["book"]["image"]
    assert f'content="{project.site_url}/{image}"' in home
    assert (folder / image).is_file()
    assert home.count("application/ld+json") == 1


# ---------------------------------------------------------------- in the browser


def left_over_markup(page):
    """Markdown or TeX that a reader would see, outside code and formulas."""
    text = page.evaluate(
        """() => {
          const copy = document.querySelector("main").cloneNode(true);
          copy.querySelectorAll("math, code").forEach((element) => element.remove());
          return copy.textContent;
        }"""
    )
    return re.search(r"\$\$|\\[a-z]+|@(fig|tbl|sec|eq)-|\{\{<|\{#", text)


FOLDED_AWAY = """[...document.querySelectorAll(".prediction :is(input, button)")]
  .filter((element) => !element.checkVisibility()).map((element) => element.outerHTML)"""


def turn_dark(page):
    """Let the system become dark, as in the evening, and wait until the page has followed."""
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def without_their_claim(page):
    """Answer every prediction; what is said where sentence and numbers of its claim do not come."""
    for block in page.locator(".prediction").all():
        number = block.locator("input[type=number]")
        if number.count():
            number.fill(number.get_attribute("min"))
        else:
            block.get_by_role("radio").first.check()
        block.get_by_role("button").click()
        text = block.get_by_role("status").inner_text()
        if not re.search(r"You said .+\n+Measured: .+ \(.+\) In the text", text):
            yield text


def look_at(page, axe):
    """Pairs of a kind and what is wrong: as a page opens, unfolded, at three widths, dark, answered."""
    yield "folded away", page.evaluate(FOLDED_AWAY)
    page.evaluate("document.querySelectorAll('details').forEach((box) => (box.open = true))")
    for width in (360, 800, 1300):
        page.set_viewport_size({"width": width, "height": 800})
        frame(page)
        yield "wide", [f"at {width} pixels {element}" for element in overflow(page)]
    yield "axe", axe(page)
    yield "markup", [*filter(None, [left_over_markup(page)])]
    turn_dark(page)
    yield "dark", axe(page, only=COLOURS)
    yield "predictions", [*without_their_claim(page)]
    yield "noise", page.problems.copy()  # errors and any request that is not for a local file


@pytest.fixture(scope="module")
def wrong(site, windows, axe):
    """What is wrong with the pages, a list for each kind: every page is opened once for all of them."""
    wrong = collections.defaultdict(list)
    for path in every_page(site):
        with opened(windows) as open_page:
            page = open_page(path, width=360)
            for kind, found in look_at(page, axe):
                wrong[kind] += [f"{path.name}: {each}" for each in found]
            page.problems.clear()
    return wrong


SPOILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Spoilt</title>
<style>[data-theme=dark] body { background: black } p { color: #333 }</style><script src="theme.js"></script>
<body><main><h1>Spoilt</h1><p>See @fig-nothing.</p><img src="nowhere.png"><div style="width: 999px">wide</div>
<details><summary>More</summary><div class="prediction"><label><input type="radio">this</label>
<button>Show</button><span role="status">Nothing was measured.</span></div></details></main></body></html>"""


def test_every_kind_of_mistake_is_found_on_a_spoilt_page(root, windows, axe, tmp_path):
    shutil.copy(root / "book" / "assets" / "theme.js", tmp_path)
    (tmp_path / "spoilt.html").write_text(SPOILT)
    with opened(windows) as open_page:
        page = open_page(tmp_path / "spoilt.html", width=360)
        wrong = collections.defaultdict(list)
        for kind, found in look_at(page, axe):
            wrong[kind] += found
        page.problems.clear()
    assert {kind for kind, found in wrong.items() if found} == set(wrong)
    assert len(wrong["wide"]) >= 2  # at 360 and at 800 pixels
    assert wrong["axe"][0].startswith("image-alt") and wrong["dark"][0].startswith("color-contrast")
    assert wrong["predictions"] == ["Nothing was measured."] and "nowhere.png" in str(wrong["noise"])


def test_every_page_is_quiet_and_asks_for_nothing_elsewhere(wrong):
    assert not wrong["noise"]


def test_no_page_scrolls_sideways(wrong):
    assert not wrong["wide"]


def test_every_page_is_accessible(wrong):
    assert not wrong["axe"]


def test_no_page_shows_markup(wrong):
    assert not wrong["markup"]


def test_every_page_has_contrast_in_the_dark(wrong):
    assert not wrong["dark"]


def test_every_prediction_becomes_a_form_that_shows_sentence_and_numbers_of_its_claim(wrong):
    assert not wrong["folded away"]
    assert not wrong["predictions"]


def test_every_page_is_readable_without_scripts(site, open_page):
    first, *others = every_page(site)
    page = open_page(first, width=1000, javascript=False)
    for path in (first, *others):
        if path != first:
            page.goto(path.as_uri())
        assert page.locator("main h1").first.is_visible()
        assert page.locator("#quarto-sidebar a").first.is_visible()
        assert page.locator(".course-search-button").is_hidden()  # what needs scripts is not offered


def test_the_first_screen_shows_pictures_and_something_to_try(site, open_page):
    page = open_page(site[0] / "index.html", width=1300, height=900)
    pictures = page.locator(".course-glance img")
    assert pictures.count() == 4
    for box in [*pictures.all(), page.locator("sam-explorer")]:
        assert box.bounding_box()["y"] < 700
    preface = page.get_by_text("You have images from a microscope")
    assert preface.bounding_box()["y"] > page.locator("sam-explorer").bounding_box()["y"]
    page.locator("sam-explorer .app").wait_for()  # it lives


def test_next_and_previous_walk_through_the_whole_book(site, open_page):
    folder, pages = site
    page = open_page(folder / "index.html")
    assert page.locator(".nav-page-previous").count() == 0
    for before, expected in itertools.pairwise(pages):
        page.locator(".nav-page-next a").click()
        page.wait_for_url(f"**/{expected}", wait_until="domcontentloaded")
        assert (
            page.locator(".nav-page-previous a").evaluate("link => link.href") == (folder / before).as_uri()
        )
    assert page.locator(".nav-page-next").count() == 0
    page.locator(".nav-page-previous a").click()
    page.wait_for_url(f"**/{pages[-2]}")


def test_skip_link_is_first_and_leads_to_the_text(site, open_page):
    page = open_page(site[0] / "book/setup.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_search_by_keyboard(site, open_page, axe):
    page = open_page(site[0] / "index.html")
    page.keyboard.press("/")
    page.locator("dialog.course-search").wait_for(state="visible")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("classroom internet")
    first = page.locator(".course-search-results a").first
    first.wait_for()
    assert "A classroom without internet" in first.inner_text()
    assert page.locator(".course-search-results mark").count() > 0
    assert not axe(page)
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.course-search-results') !== null")
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/setup.html#classroom")


def test_search_without_result_and_escape(site, open_page):
    page = open_page(site[0] / "index.html")
    page.locator(".course-search-button").click()
    page.keyboard.type("xyzzy<b>")
    page.get_by_text("No places").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog.course-search").wait_for(state="hidden")


def test_slash_in_a_text_field_is_a_slash(site, open_page):
    page = open_page(site[0] / "index.html")
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    assert page.locator("dialog.course-search input").input_value() == "a/b"


def test_theme_follows_the_system_and_the_switch_is_remembered(site, open_page):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = open_page(site[0] / "index.html").evaluate(paper)
    page = open_page(site[0] / "index.html", dark=True)
    dark = page.evaluate(paper)
    assert light == "rgb(255, 255, 255)" and dark != light
    page.locator(".course-theme-button").click()
    assert page.evaluate(paper) == light
    page.goto((site[0] / "book/setup.html").as_uri())
    assert page.evaluate(paper) == light
    page.locator(".course-theme-button").click()
    assert page.evaluate(paper) == dark
    assert page.evaluate("localStorage.getItem('course-theme')") is None  # follows the system again
    page.emulate_media(color_scheme="light")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert page.evaluate(paper) == light


def test_menu_on_a_narrow_screen(site, open_page):
    page = open_page(site[0] / "index.html", width=360)
    sidebar, button = page.locator("#quarto-sidebar"), page.locator(".course-menu-button")
    assert sidebar.is_hidden()
    button.click()
    assert sidebar.is_visible() and button.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert sidebar.is_hidden()


def test_tabs_by_keyboard_and_together(site, open_page):
    page = open_page(site[0] / "book/setup.html")
    tabs = page.locator("[role=tab]")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    windows = page.locator("[role=tab][aria-selected=true]").all_inner_texts()
    assert len(windows) > 1 and set(windows) == {"Windows"}  # tabs of one group change together
    assert page.get_by_text("py requirements/install.py course").is_visible()
    assert page.get_by_text("make book #").is_hidden()


def test_a_glossary_term_explains_itself(site, open_page, axe):
    for path in every_page(site):
        page = open_page(path)
        term = page.locator("main a.glossary-term").first
        if term.count() and path.name != "glossary.html":
            break
        page.close()
    else:
        pytest.fail("no page links to the glossary")
    term.focus()
    box = page.locator(".course-popover")
    box.wait_for()
    assert len(box.inner_text()) > 20 and term.get_attribute("aria-describedby") == "course-popover"
    assert not axe(page)
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    term.click()
    page.wait_for_url("**/glossary.html#*")


def test_a_citation_shows_its_reference(site, open_page):
    page = open_page(site[0] / "index.html")
    page.locator("a[role=doc-biblioref]").first.hover()
    assert "Haase" in page.locator(".course-popover").inner_text()


def test_a_link_opens_the_tab_that_holds_its_target(open_page, tmp_path):
    from importlib import resources

    script = resources.files("coursebook.preview").joinpath("frame.js").read_text("utf-8")
    (tmp_path / "frame.js").write_text(script, encoding="utf-8")
    pane = '<div id="tabset-1-{}" class="tab-pane"><p class="tab-title">{}</p>{}</div>'
    goal = '<details><p id="goal">here</p></details>'
    panes = pane.format(1, "One", "first") + pane.format(2, "Two", goal)
    (tmp_path / "page.html").write_text(
        '<!DOCTYPE html><html lang="en"><title>t</title><main><a href="#goal">go</a>'
        f'<div class="panel-tabset"><div class="tab-content">{panes}</div></div></main>'
        '<script src="frame.js" data-index="x.js" data-root=""></script></html>'
    )
    page = open_page(tmp_path / "page.html")
    assert page.locator("#goal").is_hidden()
    page.locator("main > a").click()
    page.locator("#goal").wait_for(state="visible")


def test_code_can_be_copied(site, open_page):
    page = open_page(site[0] / "book/setup.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".code-copy-button").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Copied").first.wait_for()


def test_print_shows_the_text_without_the_frame(site, open_page):
    page = open_page(site[0] / "book/setup.html", dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    for part in (".course-bar", "#quarto-sidebar", "#TOC", ".page-navigation"):
        assert page.locator(part).is_hidden(), part
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".tab-pane").nth(1).is_visible()  # on paper nothing can be clicked
