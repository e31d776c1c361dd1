"""The published site: pages in Quarto's frame are readable in the dark, on a telephone and without a network.

Where there is no Quarto, one page by hand stands for it (`quarto_page.html`: Quarto's elements and those
of its rules that compete with ours). With ``BIOIMAGE_COURSE_SITE`` naming a folder that Quarto rendered,
every page of it is opened, over http, because browsers refuse Quarto's own scripts (modules) from files.
"""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

from browser import overflow

pytestmark = pytest.mark.browser
SITE = os.environ.get("BIOIMAGE_COURSE_SITE")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def pages(root, tmp_path_factory):
    """Addresses of the pages to be looked at."""
    if SITE:
        folder = Path(SITE).resolve()
        names = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*.html")
            if "site_libs" not in path.parts
        )
        assert names, f"there is no page in {folder}"
    else:
        folder = tmp_path_factory.mktemp("site")
        for name in ("course.css", "theme.js", "scroll.js", "predictions.js"):
            shutil.copy(root / "book/assets" / name, folder)
        shutil.copy(Path(__file__).with_name("quarto_page.html"), folder)
        names = ["quarto_page.html"]
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield [f"http://127.0.0.1:{server.server_port}/{name}" for name in names]
        server.shutdown()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1300])
def test_pages_are_accessible_fit_and_ask_nobody(pages, open_page, axe, width, dark):
    for address in pages:
        page = open_page(address, width=width, dark=dark)
        page.evaluate("document.querySelectorAll('details').forEach((box) => (box.open = true))")
        for answer in page.locator(".prediction-answer:first-of-type label").all():
            answer.click()
        assert not axe(page), address
        assert not overflow(page), address
        page.close()


def test_wide_things_scroll_by_themselves_and_by_keyboard(pages, open_page):
    if SITE:
        pytest.skip("looked at on the page by hand, whose tables and formulas are known to be wide")
    page = open_page(pages[0], width=390)
    for selector in (".table-scroll:has(caption)", "#tbl-wide .table-scroll", "#eq-long", "div.sourceCode"):
        box = page.locator(selector).first
        wide = "[box, ...box.querySelectorAll('pre')].filter(b => b.scrollWidth > b.clientWidth + 1)"
        assert box.evaluate(f"box => {wide}.length"), selector
        assert box.evaluate(f"box => {wide}.every(b => b.tabIndex === 0)"), selector


def test_a_prediction_shows_its_claim_in_quartos_frame(pages, open_page):
    if SITE:
        pytest.skip("the book's own predictions are looked at in its preview")
    page = open_page(pages[0])
    page.get_by_text("this", exact=True).click()
    status = page.locator(".prediction").get_by_role("status")
    assert "Measured: a claim (1 and 2)" in status.inner_text()
    boxes = [
        page.locator(".prediction").locator(part).bounding_box() for part in ("legend", "label >> nth=0")
    ]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]  # Bootstrap lets a legend float
