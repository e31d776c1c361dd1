"""Tasks of the explorables in a real browser: each is reached by keyboard, and not by a near miss."""

import json
import re

import pytest

from bioimage_course import explore
from bioimage_course.check import engine
from bioimage_course.explore.explorables import SCRIPTS
from browser import frame
from explorable_page import control

pytestmark = pytest.mark.browser

STRIP = "first-turn:ArrowUp*15 first-move:ArrowLeft*22 second-turn:ArrowUp*45 second-move:ArrowLeft*8"
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
    "folding-explorer/step": (STRIP, f"{STRIP} best:Enter"),
    "folding-explorer/fold": (f"{STRIP} activation-relu:Space", f"{STRIP} activation-relu:Space best:Enter"),
    "folding-explorer/same-way": (
        f"{STRIP} best:Enter",
        "first-turn:ArrowUp*15 first-move:ArrowLeft*22 second-turn:ArrowDown*15 second-move:ArrowRight*20 "
        "best:Enter",
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
    "cnn-explorer/turn": ("turn:ArrowLeft*2", "turn:ArrowLeft*18"),
    "cnn-explorer/sure": ("turn:ArrowLeft*18", "zoom:Home"),
    "cnn-explorer/padding": (
        "padding-mirror:Space move:ArrowUp*2",
        "padding-mirror:Space move:Shift+ArrowUp move:ArrowUp*6 move:ArrowRight*2",
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
        "rays:Home rays:ArrowRight point:Shift+ArrowLeft*3 point:ArrowRight point:Shift+ArrowDown "
        "point:ArrowDown",
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
        "object:ArrowDown*6 amount:ArrowRight*2 examples:ArrowDown*2 hours:ArrowRight*3 gpu:ArrowDown*2",
        "object:ArrowDown*6 amount:ArrowRight*2 examples:ArrowDown*2 hours:ArrowRight*3 gpu:ArrowDown*2 "
        "skills:ArrowDown*3",
    ),
    "decision-explorer/tie": (
        "output:ArrowDown kind:ArrowDown*6 shape:ArrowDown*2",  # one question is still open
        "output:ArrowDown kind:ArrowDown*6 shape:ArrowDown*2 house:ArrowDown",
    ),
    "mask-explorer/silent": ("right:ArrowRight", "scale:ArrowLeft"),
    "mask-explorer/early": ("right:ArrowLeft", "right:ArrowLeft*2"),
    "mask-explorer/unsure": ("turn:ArrowDown", "turn:ArrowDown scale:End"),
    "score-explorer/dice": ("merge:Space", "merge:Space which-c:Space point:Shift+ArrowUp*5"),
    "score-explorer/small": (
        "which-c:Space point:Shift+ArrowUp*5 size:Home",
        "which-c:Space point:Shift+ArrowUp*5 size:Home which-a:Space point:ArrowLeft*3 point:ArrowDown*2 "
        "which-b:Space point:ArrowRight point:ArrowUp size:ArrowRight",
    ),
    "replicate-explorer/alike": ("icc:ArrowLeft*3", "icc:Home"),
    "replicate-explorer/crowd": ("icc:ArrowLeft*3", "icc:ArrowLeft*3 cells:End"),
    "replicate-explorer/wells": ("effect:ArrowRight*5 wells:End", "effect:ArrowRight*5 wells:ArrowRight*6"),
    "verdict-explorer/faultless": ("test-highest:Space limit:End", "test-share:Space limit:ArrowRight*30"),
    "verdict-explorer/too-few": (
        "test-highest:Space limit:ArrowRight*55",
        "test-highest:Space limit:ArrowRight*55 count:Home count:ArrowRight",
    ),
    "verdict-explorer/best-mean": ("limit:ArrowRight*15", "limit:ArrowRight*17"),
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
        frame(page)  # a choice may have shown the control that comes next


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


@pytest.mark.parametrize(
    ("tag", "smallest", "scan"),
    [
        ("pixel-explorer", 6, "1:8 e.mode.value = 'bits', e.bits.value = v; new Set(e.data).size >= 40"),
        ("cellpose-explorer", 20, "0:300:5 e.shape.value = 'rod', e.choose('rod'), e.heat.value = v, "
            "e.respread(), e.update(); number('cold') === 0"),
        ("blocks-explorer", 12, "0:48 Object.assign(e, {block: 64, halo: v, rule: 'centre'}), e.update(); "
            "number('lost') + number('cut') + number('twice') === 0"),
    ],
)  # fmt: skip
def test_what_a_task_calls_the_smallest_is_the_smallest(open_page, tag, smallest, scan):
    page = opened(open_page, tag)
    values, script = scan.split(" ", 1)
    first, last, *step = map(int, values.split(":"))
    before, question = script.split("; ")
    found = page.evaluate(
        f"""() => {{ const e = document.querySelector('{tag}');
          const number = (name) => Number(e.shadowRoot.querySelector(`[data-number=${{name}}]`).textContent);
          const fits = (v) => {{ {before}; return {question}; }};
          const all = [];
          for (let v = {first}; v <= {last}; v += {(step or [1])[0]}) if (fits(v)) all.push(v);
          return all; }}"""
    )
    assert min(found) == smallest


# ------------------------------------------------------------------------------ the shared list


def test_reaching_is_told_counted_and_shown_in_every_copy(open_page, axe):
    page = opened(open_page, "blocks-explorer", copies=2)
    heads, live = page.locator(".tasks .title"), page.locator(".tasks [aria-live=polite]")
    assert heads.all_inner_texts() == ["Tasks: 0 of 3 reached"] * 2
    assert live.first.text_content() == ""
    press(page, "halo:ArrowRight*12")
    assert heads.all_inner_texts() == ["Tasks: 1 of 3 reached"] * 2
    assert live.first.text_content().startswith("Task reached: Blocks of 64 pixels")
    assert live.nth(1).text_content() == "", "told once"
    words = page.locator(".tasks .sr:not(p)").all_text_contents()
    assert words == ["Reached:", "Not yet reached:", "Not yet reached:"] * 2
    assert axe(page) == []


def test_the_record_outlives_the_page(open_page):
    page = opened(open_page, "blocks-explorer")
    press(page, "halo:ArrowRight*12")
    page.reload()
    page.locator("blocks-explorer .tasks li").first.wait_for()
    assert reached(page) == ["luck"]
    assert list(kept(page)) == ["blocks-explorer/luck"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", kept(page)["blocks-explorer/luck"])


@pytest.mark.parametrize("rubbish", ["{", "[]", "null", "3", '"x"'])
def test_something_else_in_the_store_does_no_harm(open_page, rubbish):
    page = opened(open_page, "blocks-explorer")
    page.evaluate("text => localStorage.setItem('course-tasks', text)", rubbish)
    press(page, "halo:ArrowRight*12")
    assert reached(page) == ["luck"] and list(kept(page)) == ["blocks-explorer/luck"]


def test_without_a_store_it_lasts_as_long_as_the_page(open_page):
    shut = """<script>Object.defineProperty(window, "localStorage",
      { get() { throw new DOMException("no", "SecurityError"); } });</script><main>"""
    page = open_page(page_of("blocks-explorer").replace("<main>", shut))
    page.locator("blocks-explorer .tasks li").first.wait_for()
    press(page, "halo:ArrowRight*12")
    press(page, "halo:ArrowRight*20")
    assert reached(page) == ["luck", "safe"]


def test_in_a_notebook_the_widget_has_its_tasks(open_page):
    page = open_page("<!doctype html><html lang=en><title>Notebook</title><body></body></html>")
    page.evaluate(
        """async (text) => {
          const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
          const { default: widget } = await import(url);
          widget.render({ model: { get: () => ({}) }, el: document.body });
        }""",
        explore.explorable("blocks-explorer")._esm,
    )
    page.locator("blocks-explorer .tasks li").first.wait_for()
    press(page, "halo:ArrowRight*12")
    assert reached(page) == ["luck"]


def test_a_first_page_may_leave_the_tasks_out(open_page):
    text = page_of("blocks-explorer", "unet-explorer").replace(
        "<blocks-explorer>", "<blocks-explorer no-tasks>"
    )
    page = open_page(text)
    page.locator("unet-explorer .tasks li").first.wait_for()
    press(page, "halo:ArrowRight*12")
    assert page.locator("blocks-explorer .tasks").count() == 0 and kept(page) == {}


def test_the_list_of_tasks_is_small():
    assert (SCRIPTS / "tasks.js").stat().st_size < 20_000


# ------------------------------------------------------------------------------ the record of all pages

DONE = {"perceptron-explorer/xor": "2026-11-29", "blocks-explorer/luck": "2026-11-28"}


@pytest.fixture
def record_page(open_page, root):
    """The record's parts as the book puts them together, with a store that holds two tasks."""
    from coursebook import sources, tasks
    from coursebook.project import Project

    project = Project(root)
    sheet = tasks.sheet(project, sources.read_all(project)[0])
    listed = re.findall(r"\[(.+)\]\{\.task data-task=\"(.+)\"\}", sheet)
    in_book = {tag for tags in engine.chapters().values() for tag in tags}
    assert [name for _, name in listed] == [name for name in MOVES if name.split("/")[0] in in_book]
    items = "".join(f'<li><span class="task" data-task="{name}">{text}</span></li>' for text, name in listed)
    text = (root / "book/record.qmd").read_text(encoding="utf-8")
    box = re.search(r'<div class="task-record".*?</div>', text, re.DOTALL)[0]
    scripts = [root / "book/assets/record.js", SCRIPTS / "tasks.js"]
    tags = "".join(f'<script defer src="{path.as_uri()}"></script>' for path in scripts)
    store = f"<script>localStorage.setItem('course-tasks', JSON.stringify({json.dumps(DONE)}))</script>"
    return open_page(PAGE.format(elements=store + box + f"<ul>{items}</ul>", scripts=tags))


def test_the_record_ticks_counts_and_forgets(record_page, axe):
    page, status = record_page, record_page.locator(".task-record [role=status]")
    assert status.inner_text().startswith(f"2 of {page.locator('.task').count()} tasks reached")
    ticked = page.locator(".task[data-reached]")
    assert ticked.evaluate_all("all => all.map(e => e.dataset.task)") == list(DONE)
    assert ticked.first.inner_text().endswith("Reached on 2026-11-29.")
    assert axe(page) == []
    forget = page.locator(".task-record button").nth(2)
    forget.press("Enter")
    assert kept(page) == DONE and "Press again" in forget.inner_text()
    forget.press("Enter")
    assert kept(page) == {} and status.inner_text().startswith("0 of")
    assert page.locator(".task strong").count() == 0


def test_the_saved_record_is_what_python_reads(record_page, tmp_path):
    from bioimage_course.check import report

    with record_page.expect_download() as caught:
        record_page.locator(".task-record button").nth(1).press("Enter")
    assert caught.value.suggested_filename == "record.json"
    caught.value.save_as(tmp_path / "record.json")
    assert report.tasks_of(tmp_path / "record.json") == (DONE, [])
