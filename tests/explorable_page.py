"""What the browser tests of all explorables do: open one on a page, move a control, read a number.

An explorable draws once a frame, so a test reads after `frame` (`number` does that by itself). On a fast
machine a test that forgets it passes all the same, and fails on a slow one; run the browser tests with
`BIOIMAGE_COURSE_SLOW_BROWSER=1` to see it fail everywhere.
"""

from bioimage_course.explore.explorables import SCRIPTS
from browser import frame


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
    frame(page)
    return page


def number(page, name):
    """The text of a number, once it has been drawn."""
    frame(page)
    return page.locator(f"[data-number={name}]").first.inner_text()


def as_float(page, name):
    """A number to compute with: pages write a real minus sign."""
    return float(number(page, name).replace("−", "-"))


def control(page, name):
    """A slider, button or box, by its name in the script."""
    return page.locator(f"[data-name={name}]").first


def set_slider(page, name, value):
    """Set a slider and wait for what follows."""
    control(page, name).fill(str(value))
    frame(page)


def fastest_frame(page, tag, step=""):
    """Milliseconds of one frame, `step` (a call on the explorable `e`) included.

    The fastest of 30, because the machine may be busy with something else.
    """
    return page.evaluate(
        f"""() => {{ const e = document.querySelector('{tag}'); let best = Infinity;
          for (let i = 0; i < 30; i++) {{
            const start = performance.now();
            {step}; e.update(); e.redraw();
            best = Math.min(best, performance.now() - start);
          }}
          return best; }}"""
    )
