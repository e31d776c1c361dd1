"""The quicker axe of the tests finds what axe finds."""

import json

import pytest

from browser import QUICK_AXE

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Colours</title>
<style>body {{ background: #fafafa }} .thin {{ color: #999 }} .half {{ opacity: .5 }}
.hsl {{ color: hsl(20 30% 60%) }}
.over {{ background: rgb(0 0 0 / 60%); color: #fff }} .odd {{ color: color(display-p3 .4 .5 .6) }}
.picture {{ background: linear-gradient(red, blue) }}</style></head><body><main><h1>Colours</h1>
{}</main></body></html>"""
KINDS = ("thin", "half", "hsl", "over", "odd", "picture", "plain")


def test_axe_made_quick_says_the_same_to_the_last_character(open_page):
    module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    parts = [
        f'<div class="{outer}"><p class="{inner}">Text <a href="#x">with a link</a> <b>and bold</b></p></div>'
        for outer in KINDS
        for inner in KINDS
    ]
    page = open_page(PAGE.format("".join(parts) + "<img src='data:,'><button></button>"))
    page.problems.clear()
    script = module.Axe().axe_script
    said = []
    for how in (script, QUICK_AXE.replace("%s", script)):
        page.evaluate(how)
        found = page.evaluate("axe.run({preload: false})")
        said.append({kind: found[kind] for kind in ("violations", "incomplete", "passes")})
    plain, quick = map(json.dumps, said)
    assert plain == quick
    contrast = next(each for each in said[0]["violations"] if each["id"] == "color-contrast")
    assert len(contrast["nodes"]) > 50
    assert len(said[0]["incomplete"][0]["nodes"]) > 5
