"""Fixtures for tests in a real browser (`conftest.py` imports them for every test file).

Use them like this::

    def test_page(open_page, axe):
        page = open_page("_book/index.html", width=360, dark=True)   # a file, or a string of HTML
        page.locator("h1").wait_for()
        assert not axe(page)

`open_page` gives a Playwright page. When the test is over it fails the test if the page logged an
error, threw an exception, or asked for anything that is not a local file, unless the test emptied
`page.problems` on purpose. Without Chromium the tests are skipped with a reason.
"""

import collections
import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# What reads before the page has drawn passes on a fast machine and fails on a slow one. With
# BIOIMAGE_COURSE_SLOW_BROWSER=1 pages compute at a quarter of the speed and every frame comes late, so
# that such a test fails everywhere.
SLOW = bool(os.environ.get("BIOIMAGE_COURSE_SLOW_BROWSER"))
at_full_speed = pytest.mark.skipif(SLOW, reason="speed is not measured with BIOIMAGE_COURSE_SLOW_BROWSER")

LATE_FRAMES = """{
  const soon = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => setTimeout(() => soon(draw), 200);
}"""


# Of axe's rules only these look at colours: enough for a page in the dark that passed all in the light.
COLOURS = ("color-contrast", "link-in-text-block")


def chromium_path() -> str | None:
    """Path of a Chromium or Chrome: `BIOIMAGE_COURSE_CHROMIUM`, else the first one on the PATH."""
    chosen = os.environ.get("BIOIMAGE_COURSE_CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    return next((found for found in map(shutil.which, names) if found), None)


# Two habits of axe take two thirds of its time on a page of ours: it reads the colours around every letter
# from their texts anew, and, as it is written for old browsers, keeps every private field of every colour in
# a WeakMap. Here each text is read once and the fields lie on the objects. What axe finds is the same to the
# last character (tests/test_axe.py).
QUICK_AXE = """(() => {
  class WeakMap {
    mark = Symbol();
    has(key) { return Object(key) === key && this.mark in key; }
    get(key) { return key[this.mark]; }
    set(key, value) { key[this.mark] = value; return this; }
    add(key) { return this.set(key, true); }
    delete(key) { return this.has(key) && delete key[this.mark]; }
  }
  const WeakSet = WeakMap;
  %s;
  const colour = axe.commons.color.Color.prototype;
  const read = colour.parseString;
  const known = new Map();
  colour.parseString = function (text) {
    if (!known.has(text)) {
      read.call(this, text);
      known.set(text, [this.r, this.g, this.b, this.alpha]);
    }
    [this.r, this.g, this.b, this.alpha] = known.get(text);
    return this;
  };
})()"""


# One browser a test file, not a session: while Playwright's synchronous interface is open an asyncio
# loop runs in this thread, and tests of other files that start their own loop would fail.
@pytest.fixture(scope="module")
def browser():
    """A running Chromium (Playwright's `Browser`), shared by the tests of one file."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium found: install it, or name it in BIOIMAGE_COURSE_CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


def _watch(page, address: str | None = None) -> list[str]:
    """Collect what goes wrong on a page: console errors, exceptions, requests that leave the machine.

    With `address` requests to the same server are allowed.
    """
    allowed = ("file:", "data:", "blob:", "about:")
    if address:
        allowed += ("/".join(address.split("/")[:3]) + "/",)
    problems: list[str] = []

    def on_console(message):
        if message.type == "error":
            problems.append(f"console: {message.text}")

    def on_request(request):
        if not request.url.startswith(allowed):
            problems.append(f"network: {request.url}")

    def on_failure(request):
        if request.failure != "net::ERR_ABORTED":  # leaving a page aborts what it was loading: no mistake
            problems.append(f"failed: {request.url} ({request.failure})")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    page.on("request", on_request)
    page.on("requestfailed", on_failure)
    return problems


class Windows:
    """Windows of the browser, used one after the other: a new one costs as much as what is shown in it.

    Every test has windows with a store, a history and a pointer of their own; one is used again when its test
    is over and left nothing behind.
    """

    def __init__(self, browser):
        self.browser = browser
        self.free = collections.defaultdict(list)

    def take(self, address=None, **kind):
        """Return an empty page; `kind` are options of Playwright's contexts that cannot be changed later."""
        if not address and self.free[tuple(kind.values())]:
            return self.free[tuple(kind.values())].pop()
        context = self.browser.new_context(**kind)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.kind = tuple(kind.values())
        page.once_only = bool(address)
        page.problems = _watch(page, address)
        if SLOW:
            context.add_init_script(LATE_FRAMES)
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        return page

    def give_back(self, page):
        """Keep a page for another test if nothing of this one is left in it, else close it."""
        if page.once_only or not _is_left_clean(page):
            page.context.close()
            return
        page.context.clear_permissions()
        page.goto("about:blank")
        page.mouse.up()
        page.mouse.move(-1, -1)
        page.problems.clear()
        self.free[page.kind].append(page)


def _is_left_clean(page) -> bool:
    """Whether a page is still open, alone in its context, and has stored nothing."""
    if page.is_closed() or len(page.context.pages) > 1 or page.context.cookies():
        return False
    try:
        return page.evaluate("localStorage.length + sessionStorage.length + window.name.length") == 0
    except Exception:  # no storage, or a page that does not answer
        return False


@pytest.fixture(scope="module")
def windows(browser):
    """Windows of the browser, shared by the tests of one file."""
    return Windows(browser)


@contextlib.contextmanager
def opened(windows, folder=None):
    """Give the function of the fixture `open_page`; at the end its pages must have been quiet.

    Pages given as a string of HTML are written to `folder`.
    """
    pages = []

    def open_(source, *, width=1000, height=800, dark=False, reduced_motion=False, javascript=True, scale=1):
        address = None
        if str(source).startswith("http://127.0.0.1:"):  # a server of the test
            address = str(source)
        elif isinstance(source, str) and "<" in source:
            path = folder / f"page-{len(pages)}.html"
            path.write_text(source, encoding="utf-8")
        else:
            path = Path(source).resolve()
            assert path.is_file(), f"there is no page {path}"
        page = windows.take(address, java_script_enabled=javascript, device_scale_factor=scale)
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(
            media="null",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced_motion else "no-preference",
        )
        page.goto(address or path.as_uri())
        return page

    yield open_
    problems = [problem for page in pages for problem in page.problems]
    for page in pages:
        windows.give_back(page)
    assert not problems, "the page was not quiet:\n" + "\n".join(problems)


@pytest.fixture
def open_page(windows, tmp_path):
    """Open a file or a string of HTML from file:// and return the page (see the top of this file).

    `open_page(source, width=1000, height=800, dark=False, reduced_motion=False, javascript=True, scale=1)`
    """
    with opened(windows, tmp_path) as open_:
        yield open_


def frame(page):
    """Wait until what was asked for has been drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture(scope="session")
def axe():
    """Check accessibility with axe-core: `axe(page)` returns one line a violation, empty if there is none."""
    module = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )

    runner = module.Axe()
    runner.axe_script = QUICK_AXE.replace("%s", runner.axe_script)

    def check(page, context=None, disable=(), only=()) -> list[str]:
        frame(page)
        # preload: axe would fetch the style sheets anew, which a page on file:// may not
        options = {
            "resultTypes": ["violations"],
            "preload": False,
            "rules": {rule: {"enabled": False} for rule in disable},
        } | ({"runOnly": list(only)} if only else {})
        found = runner.run(page, context, options).response["violations"]
        return [
            f"{violation['id']} ({violation['impact']}): {violation['help']}: "
            + "; ".join(
                json.dumps(node["target"]) + " " + node["html"][:120] for node in violation["nodes"][:5]
            )
            for violation in found
        ]

    return check


def overflow(page) -> list[str]:
    """What is wider than the page and makes it scroll sideways (empty if nothing does)."""
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const wide = [];
          const visit = (root) => root.querySelectorAll('*').forEach((element) => {
            if (element.getBoundingClientRect().right > width + 1) wide.push(element.outerHTML.slice(0, 100));
            if (element.shadowRoot) visit(element.shadowRoot);
          });
          visit(document);
          return wide.length ? wide : ['page'];
        }"""
    )
