"""Pictures of the explorables for print and for readers without JavaScript.

    python -m coursebook.screenshots [tag …]
    python -m coursebook.screenshots page
    python -m coursebook.screenshots card

Opens each explorable in Chromium (found as described in `find_browser`), brings it into telling states and
writes ``book/assets/explorables/<tag>.png``. With ``page`` it photographs a page of the rendered book for the
README instead, with ``card`` it makes the picture that messengers show for a link to the course.
"""

import base64
import contextlib
import hashlib
import html
import io
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bioimage_course import files
from bioimage_course.explore.explorables import SCRIPTS as RESOURCES
from bioimage_course.explore.explorables import headers, tags
from coursebook.project import Project

SCRIPTS = Path(str(RESOURCES))
FOLDER = Path(__file__).parents[2] / "book" / "assets" / "explorables"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{tag}</title>
<style>body {{ margin: 0; width: 700px; background: white; }}</style>
<script defer src="{base}"></script><script defer src="{script}"></script>
<{tag}></{tag}></html>
"""


ACTIONS: dict[str, Callable] = {
    "click": lambda control, times="1": [control.click() for _ in range(int(times))],
    "fill": lambda control, value: control.fill(value),
    "check": lambda control: control.check(force=True),
    "select": lambda control, value: control.select_option(value),
}
"""What ``@poster`` lines may say: word, name of a control, value, as in ``click step 3; check mode-box``."""


def prepare(page, steps: str) -> None:
    """Bring an explorable into the state of one of its ``@poster`` lines: touched, it shows more."""
    for step in filter(None, map(str.strip, steps.split(";"))):
        word, control, *value = step.split()
        ACTIONS[word](page.locator(f"[data-name={control}]"), *value)


def find_browser() -> str:
    """Path of Chromium: `BIOIMAGE_COURSE_CHROMIUM`, else chromium, chromium-browser or google-chrome."""
    names = [os.environ.get("BIOIMAGE_COURSE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("No Chromium found: install it, or name it in BIOIMAGE_COURSE_CHROMIUM.")
    return found


def fingerprint(script: Path) -> str:
    """Short hash of an explorable's script, kept in its picture, by which `course check` sees its age."""
    return hashlib.sha256(script.read_bytes()).hexdigest()[:16]


@contextlib.contextmanager
def chromium():
    """Run a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        yield browser
        browser.close()


def take(names: list[str]) -> list[Path]:
    """Take the pictures of these explorables and return their paths."""
    from PIL import Image

    written = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for tag in names:
            path = Path(folder) / f"{tag}.html"
            base, script = ((SCRIPTS / f"{name}.js").as_uri() for name in ("base", tag))
            path.write_text(PAGE.format(tag=tag, base=base, script=script), encoding="utf-8")
            size = {"width": 700, "height": 900}
            context = browser.new_context(viewport=size, device_scale_factor=2, reduced_motion="reduce")
            page = context.new_page()
            page.goto(path.as_uri())
            page.locator(f"{tag} .app").wait_for()
            shots = []
            for steps in headers()[tag].posters:  # several states are put below each other
                prepare(page, steps)
                page.mouse.move(0, 0)
                page.evaluate("document.activeElement.blur()")
                page.wait_for_timeout(400)
                shots.append(_shot(page.locator(f"{tag} .app")))
            context.close()
            tops = [0, *itertools.accumulate(shot.height for shot in shots)]
            whole = Image.new("RGB", (shots[0].width, tops[-1]), "white")
            for shot, top in zip(shots, tops, strict=False):
                whole.paste(shot, (0, top))
            mark = fingerprint(SCRIPTS / f"{tag}.js")
            written.append(_save(whole, FOLDER / f"{tag}.png", script=mark))
    return written


def photograph_page() -> Path:
    """Photograph the StarDist page of ``_book/`` at its explorable, as ``book/assets/screenshot.png``."""
    rendered = FOLDER.parents[2] / "_book" / "book" / "11-stardist.html"
    if not rendered.is_file():
        raise SystemExit(f"There is no {rendered}; run `course book` first.")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
        page.goto(rendered.as_uri())
        page.locator("stardist-explorer .app").wait_for()
        page.evaluate("window.scrollTo(0, document.querySelector('stardist-explorer').offsetTop - 120)")
        page.wait_for_timeout(600)
        shot = _shot(page)
    return _save(shot, FOLDER.parent / "screenshot.png")


CARD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>card</title><style>
body {{ margin: 0; width: 1200px; height: 630px; display: grid; grid-template-columns: 1fr 630px;
        background: #10222e; color: #fff; font-family: "Noto Sans", "DejaVu Sans", sans-serif; }}
div {{ padding: 70px 20px 0 60px; }} h1 {{ font-size: 58px; line-height: 1.12; margin: 0; }}
p {{ font-size: 27px; line-height: 1.4; color: #cfe3ee; }} img {{ width: 630px; height: 630px; }}
</style><div><h1>{title}</h1><p>{subtitle}</p></div><img src="data:image/png;base64,{image}" alt=""></html>"""


def make_card() -> Path:
    """Draw ``book/assets/social-card.png`` from the book's title and the built-in nuclei."""
    from bioimage_course import data, show

    sample = data.load("nuclei")
    figure = show.labels(sample.image[:256, :256], sample.labels[:256, :256], alt="nuclei with outlines")
    axes = figure.axes[0]
    axes.set_title("")
    figure.set_size_inches(6.3, 6.3)
    axes.set_position([0, 0, 1, 1])
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    book = Project.find(FOLDER).quarto["book"]
    title, subtitle = html.escape(book["title"]), html.escape(book["subtitle"])
    text = CARD.format(title=title, subtitle=subtitle, image=base64.b64encode(drawn.getvalue()).decode())
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 630})
        page.set_content(text)
        page.wait_for_timeout(300)
        shot = _shot(page)
    return _save(shot, FOLDER.parent / "social-card.png")


def _shot(thing):
    """Photograph a page or a part of it."""
    from PIL import Image

    return Image.open(io.BytesIO(thing.screenshot())).convert("RGB")


def _save(picture, target: Path, **notes: str) -> Path:
    """Write a picture in one go; with a palette of 256 colours it is a third as large and looks the same."""
    from PIL import Image, PngImagePlugin

    about = PngImagePlugin.PngInfo()
    for name, text in notes.items():
        about.add_text(name, text)
    small = picture.quantize(256, dither=Image.Dither.NONE)
    files.save(target, lambda stream: small.save(stream, "png", optimize=True, pnginfo=about))
    print(f"{target.name}: {target.stat().st_size // 1000} kB")
    return target


def main(arguments: list[str] | None = None) -> None:
    """Take the pictures of the explorables named, or of all; ``page`` and ``card`` are as above."""
    wanted = sys.argv[1:] if arguments is None else arguments
    if wanted in (["page"], ["card"]):
        {"page": photograph_page, "card": make_card}[wanted[0]]()
        return
    unknown = sorted(set(wanted) - set(tags()))
    if unknown:
        raise SystemExit(f"There is no explorable {', '.join(unknown)}; there are {', '.join(tags())}.")
    take(wanted or tags())


if __name__ == "__main__":
    main()
