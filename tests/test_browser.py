"""The windows that browser tests use one after the other: nothing of a test is left for the next."""

import pytest

from browser import opened

PAGE = """<!doctype html><html lang="en"><title>Window</title><body style="margin:0"><button>Press</button>
<a href="#here">a link</a></body></html>"""
STATE = """() => ({
  width: innerWidth, height: innerHeight, hovered: document.querySelectorAll("button:hover").length,
  dark: matchMedia("(prefers-color-scheme: dark)").matches, print: matchMedia("print").matches,
  still: matchMedia("(prefers-reduced-motion: reduce)").matches, stored: localStorage.length,
  focus: document.activeElement.tagName, hash: location.hash, scrolled: scrollY,
})"""


def test_a_window_is_used_again_and_is_as_new(windows, tmp_path):
    with opened(windows, tmp_path) as open_page:
        page = open_page(PAGE)
        new = page.evaluate(STATE)
        page.set_viewport_size({"width": 400, "height": 300})
        page.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce")
        page.locator("a").click()
        page.locator("button").hover()
        page.mouse.down()
        spoilt = page.evaluate(STATE)
        assert all(
            spoilt[name] != new[name] for name in ("width", "hovered", "dark", "print", "still", "hash")
        )
    with opened(windows, tmp_path) as open_page:
        again = open_page(PAGE)
        assert again == page
        assert again.evaluate(STATE) == new
        assert open_page(PAGE) != again  # two pages of a test are two windows


def test_what_was_stored_closes_the_window(windows, tmp_path):
    with opened(windows, tmp_path) as open_page:
        page = open_page(PAGE)
        page.evaluate("localStorage.setItem('a', 'b')")
    assert page.is_closed()
    with opened(windows, tmp_path) as open_page:
        assert open_page(PAGE).evaluate(STATE)["stored"] == 0


def test_what_goes_wrong_is_told_in_a_used_window_too(windows, tmp_path):
    for _ in range(2):
        with pytest.raises(AssertionError, match=r"not quiet:\nconsole: broken$"):
            with opened(windows, tmp_path) as open_page:
                open_page(PAGE).evaluate("console.error('broken')")
    with opened(windows, tmp_path) as open_page:
        open_page(PAGE)
