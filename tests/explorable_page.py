"""What the browser tests of all explorables do: open one on a page, move a control, read a number."""

from bioimage_course.explore.explorables import SCRIPTS


def opened(open_page, tag, **settings):
    """A page with nothing but this explorable, ready to use; `settings` go to `open_page`."""
    base, script = ((SCRIPTS / f"{name}.js").as_uri() for name in ("base", tag))
    page = open_page(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title>'
        f'<script defer src="{base}"></script>'
        f'<script defer src="{script}"></script><main><h1>x</h1><{tag}></{tag}></main></html>',
        **settings,
    )
    page.locator(f"{tag} .app").wait_for()
    return page


def frame(page):
    """Wait until what was asked for has been drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def number(page, name):
    """The text of a number, once it has been drawn."""
    frame(page)
    return page.locator(f"[data-number={name}]").inner_text()


def control(page, name):
    """A slider, button or box, by its name in the script."""
    return page.locator(f"[data-name={name}]")
