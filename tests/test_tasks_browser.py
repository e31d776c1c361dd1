"""Tasks of the explorables in a real browser: each is reached by keyboard, and not by a near miss."""

import json
import re

import pytest

from bioimage_course import explore
from bioimage_course.explore.explorables import SCRIPTS
from browser import frame
from explorable_page import control

pytestmark = pytest.mark.browser

# For each task: keys that nearly reach it, and keys that do, both from the start. "control:key*times".
MOVES = {
    "pixel-explorer/two-tones": ("high:Home", "high:Home high:ArrowRight*39 low:ArrowRight*39"),
    "pixel-explorer/gamma": ("low:ArrowRight gamma:ArrowLeft*7", "gamma:ArrowLeft*7"),
    "pixel-explorer/few-bits": (
        "mode-bits:Space bits:End bits:ArrowLeft",
        "mode-bits:Space bits:ArrowRight*3",
    ),
    "perceptron-explorer/by-hand": ("run:Enter", "w1:Home w2:Home w2:ArrowRight*6 b:ArrowLeft*5"),
    "perceptron-explorer/xor": (
        "data:ArrowDown*4 w1:ArrowRight*20",
        "data:ArrowDown*4 w1:ArrowRight*20 w2:ArrowRight*5 b:ArrowLeft*7",
    ),
    "perceptron-explorer/overlap": (
        "data:ArrowDown w1:Home",
        "data:ArrowDown w1:Home w2:Home w2:ArrowRight*25 b:ArrowLeft*5",
    ),
    "ball-explorer/fast": ("task:ArrowDown step:Enter*10", "task:ArrowDown rate:ArrowRight*5 step:Enter*10"),
    "ball-explorer/never": ("task:ArrowDown*2 roll:Enter", "task:ArrowDown*2 rate:End roll:Enter"),
    "ball-explorer/plateau": (
        "task:ArrowDown*3 step:Enter*20",
        "task:ArrowDown*3 loss-cross:Space rate:ArrowRight step:Enter*12",
    ),
    "activation-explorer/two-neurons": (
        "data-xor:Space hidden:Home train:Enter",
        "data-xor:Space hidden:Home weights:Enter train:Enter",
    ),
    "activation-explorer/interleaved": ("train:Enter", "rate:ArrowRight*2 step:Enter*500"),
    "activation-explorer/silent": (
        "activation:ArrowDown step:Enter",
        "activation:ArrowDown rate:End train:Enter",
    ),
    "backprop-explorer/saturated": ("input1:End next:Enter*6", "input1:End next:Enter*7"),
    "backprop-explorer/updates": (
        "graph:ArrowDown*2 input0:ArrowRight*13",
        "graph:ArrowDown*2" + 9 * " next:Enter*11 learn:Enter",
    ),
    "backprop-explorer/rate": (
        "mode-descent:Space surface:ArrowDown step:Enter*21",
        "mode-descent:Space surface:ArrowDown rate:ArrowRight*10 step:Enter*8",
    ),
    "convolution-explorer/size": (
        "stride:ArrowRight dilation:ArrowRight*2",
        "stride:ArrowRight dilation:ArrowRight*3",
    ),
    "convolution-explorer/flat": ("weight-0:ArrowUp", "weight-0:ArrowUp weight-2:ArrowDown"),
    "convolution-explorer/shift": (
        "kernel:ArrowDown*6 weight-4:ArrowDown",
        "kernel:ArrowDown*6 weight-4:ArrowDown weight-5:ArrowUp",
    ),
    "overfitting-explorer/by-heart": ("train:Enter", "count:Home train:Enter"),
    "overfitting-explorer/cured": ("train:Enter", "count:End train:Enter"),
    "overfitting-explorer/too-small": ("units:Home units:ArrowRight train:Enter", "units:Home train:Enter"),
    "grad-cam-explorer/fooled": (
        "network:ArrowDown cell-platelet:Space",
        "network:ArrowDown cell-platelet:Space square:Space",
    ),
    "grad-cam-explorer/reason": (
        "network:ArrowDown square:Space",
        "network:ArrowDown square:Space covers:Space",
    ),
    "grad-cam-explorer/unlikely": ("square:Space class:ArrowDown", "square:Space class:ArrowUp"),
    "shapley-explorer/no-gain": (
        "nucleus:ArrowDown all:Enter",
        "nucleus:ArrowDown all:Enter known-0:Space known-1:Space known-2:Space "
        "known-0:Space known-1:Space known-2:Space",
    ),
    "shapley-explorer/company": ("all:Enter", "background-mitotic:Space all:Enter"),
    "denoising-explorer/fail": (
        "noise-columns:Space run:Enter",
        "noise-columns:Space predictor:ArrowDown*2 run:Enter",
    ),
    "denoising-explorer/harm": ("run:Enter", "strength:Home strength:ArrowRight*2 run:Enter"),
    "threshold-explorer/best-cut": (
        "mode-cut:Space otsu:Enter",
        "mode-cut:Space spots:ArrowLeft*2 otsu:Enter",
    ),
    "threshold-explorer/mask-only": ("otsu:Enter", "mode-cut:Space spots:Home otsu:Enter"),
    "unet-explorer/output": (
        "padding-valid:Space depth:ArrowLeft side:ArrowRight*15",
        "padding-valid:Space side:ArrowRight*39",
    ),
    "unet-explorer/view": ("width:Home", "width:Home depth:ArrowLeft"),
    "stardist-explorer/eight-rays": (
        "rays:Home rays:ArrowRight",
        "rays:Home rays:ArrowRight point:Shift+ArrowLeft*3 point:ArrowRight point:Shift+ArrowDown point:ArrowDown",
    ),
    "stardist-explorer/no-star": (
        "rays:End",
        "rays:End point:Shift+ArrowLeft point:ArrowLeft*8 point:ArrowDown*4",
    ),
    "stardist-explorer/lost": (
        "mode-suppression:Space probability:End run:Enter",
        "mode-suppression:Space overlap:Home run:Enter",
    ),
    "cellpose-explorer/apart": (
        "shape:ArrowDown*2 steps:End",
        "shape:ArrowDown*2 heat:Home heat:ArrowRight steps:End",
    ),
    "cellpose-explorer/least-heat": (
        "shape:ArrowDown*2 heat:Home heat:ArrowRight*3",
        "shape:ArrowDown*2 heat:Home heat:ArrowRight*4",
    ),
    "sam-explorer/sure": ("click:ArrowLeft click:ArrowDown*2", "click:ArrowLeft*5 click:ArrowDown*3"),
    "sam-explorer/rescue": (
        "click:ArrowLeft*7 click:ArrowDown*4",
        "click:ArrowLeft*7 click:ArrowDown*4 which:ArrowRight",
    ),
    "sam-explorer/box": (
        "mode-box:Space nucleus:Home margin:ArrowRight*3",
        "mode-box:Space nucleus:Home margin:End",
    ),
    "decision-explorer/scratch": (
        "kind:ArrowDown*4 objects:ArrowUp examples:ArrowDown*2 time:ArrowRight*3",
        "quality:ArrowDown*2 kind:ArrowDown*4 objects:ArrowUp contrast:ArrowDown*2 amount:ArrowRight "
        "examples:ArrowDown*2 time:ArrowRight*3 gpu:ArrowDown*2 skills:ArrowDown*3",
    ),
    "decision-explorer/tie": (
        "example:ArrowDown*7",  # the empty sheet: all are equal
        "quality:ArrowDown*3 kind:ArrowDown objects:ArrowDown contrast:ArrowDown time:ArrowRight*3 "
        "skills:ArrowDown*2",
    ),
    "score-explorer/dice": ("merge:Space", "merge:Space which-c:Space point:Shift+ArrowUp*5"),
    "score-explorer/small": (
        "which-c:Space point:Shift+ArrowUp*5 size:Home",
        "which-c:Space point:Shift+ArrowUp*5 size:Home which-a:Space point:ArrowLeft*3 point:ArrowDown*2 "
        "which-b:Space point:ArrowRight point:ArrowUp size:ArrowRight",
    ),
    "blocks-explorer/luck": ("halo:ArrowRight*11", "halo:ArrowRight*12"),
    "blocks-explorer/safe": ("halo:ArrowRight*31", "halo:ArrowRight*32"),
    "blocks-explorer/cheap": ("side-96:Space halo:ArrowRight*12", "side-96:Space halo:ArrowRight*13"),
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tasks</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><body style="margin: 0">
<main><h1>Tasks</h1>{elements}</main>{scripts}</html>"""


def page_of(*tags, copies=1):
    """As in the book: tasks.js comes last."""
    names = ["base", *tags, "tasks"]
    scripts = "".join(f'<script defer src="{(SCRIPTS / f"{name}.js").as_uri()}"></script>' for name in names)
    return PAGE.format(elements="".join(f"<{tag}></{tag}>" for tag in tags) * copies, scripts=scripts)


def opened(open_page, *tags, copies=1, **settings):
    page = open_page(page_of(*tags, copies=copies), reduced_motion=True, **settings)
    for tag in tags:
        page.locator(f"{tag} .tasks li").first.wait_for()
    return page


def press(page, moves):
    """Play keys on controls: "name:key*times name:key …"."""
    for move in moves.split():
        name, key, times = re.fullmatch(r"([\w-]+):([\w+]+)(?:\*(\d+))?", move).groups(default="1")
        for _ in range(int(times)):
            control(page, name).press(key)
            if key == "Enter":
                frame(page)
    frame(page)


def reached(page):
    """Names of the tasks that the page shows as reached."""
    return page.locator(".tasks li[data-reached]").evaluate_all("all => all.map(e => e.dataset.task)")


def kept(page):
    return json.loads(page.evaluate("localStorage.getItem('course-tasks')") or "{}")


def test_every_task_has_its_moves_and_every_explorable_two_or_three_tasks():
    names = [task.id for task in explore.tasks.tasks()]
    assert list(MOVES) == names
    counts = {tag: sum(name.startswith(f"{tag}/") for name in names) for tag in explore.tags()}
    assert set(counts.values()) <= {2, 3}, counts


@pytest.mark.parametrize("task", MOVES)
def test_task(open_page, task):
    tag, name = task.split("/")
    page = opened(open_page, tag)
    assert reached(page) == [] and kept(page) == {}, "nothing is reached by opening a page"
    near, honest = MOVES[task]
    press(page, near)
    assert name not in reached(page), "a near miss"
    press(page, "reset:Enter")
    press(page, honest)
    assert name in reached(page) and task in kept(page)
    press(page, "reset:Enter")
    assert name in reached(page), "what has been reached stays reached"
