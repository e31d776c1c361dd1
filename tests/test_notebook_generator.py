"""Sources are validated with file and line, notebooks depend on nothing else, execution leaves no trace."""

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

import demo_project
from coursebook import build, cli, execute, figures, generated, glossary, notebooks, sources
from coursebook.project import Project, write_text

SOURCE = "notebooks/sources/01-lines.py"
LEARNER, SOLVED = "notebooks/01-lines.ipynb", "notebooks/solutions/01-lines.ipynb"


@pytest.fixture
def project(tmp_path):
    return demo_project.make(tmp_path)


def only_source(project):
    found, findings = sources.read_all(project)
    assert findings == []
    return found[0]


def cells(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


# ---------------------------------------------------------------- reading sources


def test_a_source_is_read_with_lines(project):
    source = only_source(project)
    lines = demo_project.SOURCE.splitlines()
    assert (source.name, source.chapter, source.title, source.needs) == ("01-lines", "01", "Lines", [])
    assert source.exercises() == ["double", "triple", "half"]
    assert source.solution("double") == "def double(x):\n    return 2 * x\n"
    for cell in source.cells:
        first = cell.text.splitlines()[0]
        assert lines[cell.line - 1] in (first, f"# {first}")
    labels = [cell.label for cell in source.cells if cell.label]
    assert labels == ["fig-line", "tbl-numbers"]


# what is there, what comes in its place, words of the message
MISTAKES = [
    ("# ---\n# jupyter", "# jupyter", "header between two `# ---` lines is missing"),
    ("# course:", "# curse:", "no `course:` part"),
    ("#   title: Lines", "#   title: [", "header is not valid YAML"),
    ('chapter: "01"', "chapter: 1", 'the file name says "01"'),
    ("#   title: Lines\n", "", "lacks `title`"),
    ("#   gpu:", "#   gpus: 1\n#   gpu:", "unknown key `gpus` in the header; did you mean gpu"),
    ("not needed", "maybe", "gpu is 'maybe'"),
    ("[user, builder]", "[user, hacker]", "paths is ['user', 'hacker']"),
    ("[user, builder]", "[]", "paths is []"),
    ('extra: ""', "extra: stardust", "no extra 'stardust'"),
    ('extra: ""', 'extra: ""\n#   needs: weights', "needs must be a list"),
    ('tags=["widget"]', 'tags=["wigdet"]', "unknown tag 'wigdet'; did you mean widget"),
    ('tags=["setup"]', "", 'a cell tagged "setup"'),
    ("# A line, and", "# # Title\n# A line, and", "the generator writes the title"),
    ("# %% [markdown]\n# A line", '# %% tags=["setup"]\nx = 1\n\n# %% [markdown]\n# A line', "first cell"),
    ('print("turn me")', 'check.quiz("01")', "the generator puts progress and quiz at the end"),
    ("#| label: fig-line", "#| label: figure-line", "must look like fig-loss"),
    ("#| label: tbl-numbers", "#| label: fig-line", "is used 2 times"),
    ("#| label: fig-line", "# #| label: fig-line", "at the line's start"),
    ('#| fig-alt: "A line that', '#| fig-art: "A line that', "fig-line has no `#| fig-alt: …`"),
    ('"A line."', '"A line: a "straight" one"', "this `#|` line is not valid YAML"),
    ("return 2 * x", "return 2 *", "not valid Python"),
    ('tags=["solution"] exercise="double"', 'tags=["solution"]', 'needs exercise="name"'),
    ('tags=["solution"] exercise="double"', 'tags=["solution", "exercise"] exercise="double"', "only one of"),
    ('tags=["solution"] exercise="double"', 'tags=["check"] exercise="double"', 'no cell tagged "solution"'),
    ("check.double(double)", "check.doubles(double)", "must call check.double(…)"),
    ('print("turn me")', "print(double(1))", "needs 'double', which exercise 'double' asks"),
    ("    return 2 * x", "    return '''\n# %%\n'''", "lines that start with `# %%`"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES, ids=[m[2][:30] for m in MISTAKES])
def test_a_mistake_is_reported_with_file_and_line(project, old, new, words):
    demo_project.edit(project, SOURCE, old, new)
    found, findings = sources.read_all(project)
    assert found == []
    hits = [str(finding) for finding in findings if words in finding.message]
    assert hits, findings
    assert re.match(rf"{SOURCE}:\d+: ", hits[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 2 * x", "return 2 *"),
        ('tags=["widget"]', 'tags=["wigdet"]'),
        ("gpu: ", "gpus: "),
        ("check.half(half)", "check.hallf(half)"),
        ('print("turn me")', "print(double(1))"),
    ],
)
def test_the_line_of_a_mistake_is_its_line(project, old, new):
    line = demo_project.edit(project, SOURCE, old, new)
    findings = sources.read_all(project)[1]
    assert any(abs(finding.line - line) <= 1 for finding in findings), (line, findings)


def test_a_name_of_an_exercise_may_be_bound_again(project):
    demo_project.edit(project, SOURCE, 'print("turn me")', "double = 2\nprint(double)")
    only_source(project)


@pytest.mark.parametrize(
    "code",
    ["def f(double):\n    return double", "[double for double in range(3)]", "f = lambda double: double"],
)
def test_a_name_of_an_exercise_may_be_a_local_name(project, code):
    demo_project.edit(project, SOURCE, 'print("turn me")', code)
    only_source(project)


def test_what_only_the_solution_makes_is_not_there(project):
    demo_project.edit(project, SOURCE, "    return 2 * x", "    return 2 * x\n\n\ntwo = double(1)")
    demo_project.edit(project, SOURCE, 'print("turn me")', "print(two)")
    assert "needs 'two', which exercise 'double'" in str(sources.read_all(project)[1])


def test_magics_are_not_syntax_errors(project):
    demo_project.edit(project, SOURCE, 'print("turn me")', "%matplotlib inline\nif True:\n    !ls")
    only_source(project)


def test_a_wrong_file_name_is_reported(project):
    os.rename(project.root / SOURCE, project.root / "notebooks/sources/lines.py")
    assert "NN-topic.py" in str(sources.read_all(project)[1][0])


# ---------------------------------------------------------------- the two copies


def test_learners_copy_has_exercises_and_no_solutions(project):
    notebook = notebooks.learner_notebook(project, only_source(project))
    assert len(cells(notebook, "exercise")) == len(cells(notebook, "check")) == 3
    assert cells(notebook, "solution") == []
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert [cell.source for cell in notebook.cells[-2:]] == [
        "from bioimage_course import check\n\ncheck.progress()",
        'check.quiz("01")',
    ]


def test_solutions_copy_has_solutions_and_no_exercises(project):
    notebook = notebooks.solution_notebook(project, only_source(project))
    assert len(cells(notebook, "solution")) == len(cells(notebook, "check")) == 3
    assert cells(notebook, "exercise") == []


def test_front_matter_names_the_repository_and_sets_colab_up(project):
    title, setup = notebooks.learner_notebook(project, only_source(project)).cells[:2]
    assert title.source.startswith("# Lines\n")
    colab = "https://colab.research.google.com/github/someone/demo-course/blob/main/notebooks/01-lines.ipynb"
    for address in (colab, "https://someone.github.io/demo-course/book/01-lines.html"):
        assert f"({address})" in title.source
    assert "CC BY 4.0" in title.source and "BSD-3-Clause" in title.source
    assert 'if "google.colab" in sys.modules:\n    ' in setup.source
    assert "git+https://github.com/someone/demo-course" in setup.source
    namespace = {}
    exec(re.sub(r"^(\s*)!.*$", r"\1raise SystemExit", setup.source, flags=re.MULTILINE), namespace)
    assert "held" not in namespace  # nothing happened, for this is not Colab


def test_cell_ids_are_valid_unique_and_the_same_in_both_copies(project):
    source = only_source(project)
    copies = [make(project, source) for make in (notebooks.learner_notebook, notebooks.solution_notebook)]
    for notebook in copies:
        ids = [cell.id for cell in notebook.cells]
        assert len(ids) == len(set(ids))
        assert "fig-line" in ids
    sources_of = [{cell.id: cell.source for cell in notebook.cells} for notebook in copies]
    common = set(sources_of[0]) & set(sources_of[1]) - {"01-title"}
    assert len(common) > 8 and all(sources_of[0][i] == sources_of[1][i] for i in common)


def test_generating_again_changes_nothing(project):
    demo_project.pretend_executed(project)
    generated.update(project)
    files = sorted(path for path in project.root.rglob("*") if path.is_file())
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    generated.update(project)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_changed_cell_changes_only_itself(project):
    first = notebooks.to_text(notebooks.learner_notebook(project, only_source(project)))
    demo_project.edit(project, SOURCE, 'print("turn me")', 'print("drag me")')
    second = notebooks.to_text(notebooks.learner_notebook(project, only_source(project)))
    changed = [
        pair for pair in zip(first.splitlines(), second.splitlines(), strict=True) if len(set(pair)) > 1
    ]
    assert len(changed) == 1 and "drag me" in changed[0][1]


def test_notebooks_are_valid_sorted_json_with_one_newline_at_the_end(project):
    text = notebooks.to_text(notebooks.learner_notebook(project, only_source(project)))
    assert text.endswith("}\n") and not text.endswith("\n\n")
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n" == text


def test_a_new_address_reaches_every_file_without_execution(project):
    demo_project.pretend_executed(project)
    generated.update(project)
    for file in ("_quarto.yml", "CITATION.cff"):
        demo_project.edit(project, file, "someone/demo-course", "else/where")
    project = Project(project.root)
    generated.update(project)
    for file in (LEARNER, SOLVED, "README.md", "book/_generated/01-card.md"):
        text = (project.root / file).read_text()
        assert "else/where" in text and "someone" not in text, file
    assert execute.stale_reason(project, only_source(project)) is None
    notebook = nbformat.read(project.root / SOLVED, as_version=4)
    assert next(cell for cell in notebook.cells if cell.id == "fig-line").outputs


def test_a_broken_source_does_not_stop_the_others(project):
    text = demo_project.SOURCE.replace('"01"', '"02"').replace("return 2 * x", "return 2 *")
    (project.root / "notebooks/sources/02-curves.py").write_text(text)
    findings = build.build(project, only=["01"], execute=False)
    assert findings == []
    assert (project.root / LEARNER).is_file()
    assert [f.path for f in build.build(project, execute=False)] == ["notebooks/sources/02-curves.py"]


# ---------------------------------------------------------------- other generated files


def test_card_says_what_was_measured(project):
    card = generated.card(project, only_source(project))
    assert "**Measured on a CPU:** not yet" in card
    demo_project.pretend_executed(project)
    card = generated.card(project, only_source(project))
    assert "35 s and 0.6 GB of memory with 2 cores" in card
    assert "**On the path of:** user and builder" in card and "**GPU:** not needed" in card


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (89.4, "89 s"), (118.9, "2 min"), (131, "2 min 10 s")]
)
def test_durations(seconds, text):
    assert figures.duration(seconds) == text


def test_package_data_hold_quiz_and_solutions(project):
    import yaml

    generated.update(project)
    data = project.root / generated.PACKAGE_DATA
    assert (data / "quizzes/01.yml").read_text() == demo_project.QUIZ
    solutions = yaml.safe_load((data / "solutions/01.yml").read_text())
    assert solutions["half"] == {"number": 1, "solution": "def half(x):\n    return x / 2\n"}


def test_a_broken_quiz_is_reported_and_its_files_stay(project):
    generated.update(project)
    page = project.root / "book/_generated/01-quiz.md"
    before = page.read_text()
    demo_project.edit(project, "book/quizzes/01.yml", "kind: one", "kind: won")
    findings = generated.update(project)
    assert findings and findings[0].path == "book/quizzes/01.yml"
    assert page.read_text() == before


def test_readme_table_lies_between_its_markers(project):
    demo_project.edit(project, "README.md", "<!-- chapters:end -->", "<!-- chapters:end -->\n\nThe end.")
    generated.update(project)
    text = (project.root / "README.md").read_text()
    assert re.search(
        r"begin -->\n\| Chapter .*\| \[Lines\]\(.*<!-- chapters:end -->\n\nThe end\.", text, re.DOTALL
    )


def test_glossary_page_is_a_definition_list_with_anchors(project):
    text = "Area: |\n  Its size.\n\n  In pixels.\nNon-maximum Suppression (NMS): |\n  Keep the best.\n"
    (project.root / "glossary.yml").write_text(text)
    page = glossary.page(project)
    assert page.startswith("# Glossary {#sec-glossary}\n")
    assert "[Area]{#area .glossary-term}\n\n:   Its size.\n\n    In pixels.\n" in page
    assert "{#non-maximum-suppression-nms .glossary-term}" in page


@pytest.mark.parametrize(
    "name", ["Otsu's Threshold", "3D U-Net", "t-SNE", "mAP", "Region of Interest", "Noise2Void"]
)
def test_title_case_knows_names(project, name):
    (project.root / "glossary.yml").write_text(f"{name}: |\n  x\n")
    assert glossary.read(project)[1] == []


# ---------------------------------------------------------------- executing


@pytest.mark.slow
def test_execution_saves_outputs_and_then_is_up_to_date(project, capsys, monkeypatch):
    monkeypatch.chdir(project.root)
    assert cli.main(["notebooks"]) == 0
    text = (project.root / SOLVED).read_text()
    notebook = nbformat.reads(text, as_version=4)
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert "image/svg+xml" in outputs["fig-line"][0].data
    assert outputs["tbl-numbers"][0].data["text/markdown"].startswith("| a |")
    assert next(o[0].text for i, o in outputs.items() if "checked" in str(o)) == "checked double\n"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "iopub" not in text and "timestamp" not in text
    record = execute.read_timings(project)["01-lines"]
    assert 0 < record["seconds"] < 100 and 20 < record["peak_memory_mb"] < 2000
    assert set(record["machine"]) == {"cores", "python", "system"}
    assert "not yet" not in (project.root / "book/_generated/01-card.md").read_text()

    assert cli.main(["notebooks"]) == 0
    assert "01-lines: up to date" in capsys.readouterr().out
    assert (project.root / SOLVED).read_text() == text


CHANGED = "what it imports or reads, or the lock file, changed"


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        (SOURCE, "return 2 * x", "return x + x", "its code changed"),
        (SOURCE, "A line, and what", "A line, or what", None),
        ("requirements/course.lock", "2.0", "2.1", CHANGED),
        ("src/bioimage_course/check/exercises/ch01.py", "right", "wrong", CHANGED),
        ("src/bioimage_course/explore/js/base.js", "strict", "lax", None),
        ("book/01-lines.qmd", "A curve", "A bend", None),
    ],
)
def test_what_makes_a_notebook_out_of_date(project, file, old, new, reason):
    demo_project.pretend_executed(project)
    assert execute.stale_reason(project, only_source(project)) is None
    demo_project.edit(project, file, old, new)
    assert execute.stale_reason(project, only_source(project)) == reason


def test_exercises_of_other_chapters_do_not_make_it_out_of_date(project):
    demo_project.pretend_executed(project)
    (project.root / "src/bioimage_course/check/exercises/ch02.py").write_text("x = 1\n")
    assert execute.stale_reason(project, only_source(project)) is None


# replacement for the last cell's code, line in that cell, words of the message
FAILURES = [
    ("import urllib.request\nurllib.request.urlopen('http://example.org')", 2, "Connection refused"),
    ("import os\nprint(os.getcwd())", 1, "the output names a path of this machine: /"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("code", "line", "words"), FAILURES, ids=[f[2][:20] for f in FAILURES])
def test_what_must_not_be_saved_names_its_line_and_overwrites_nothing(
    project, monkeypatch, capsys, code, line, words
):
    demo_project.pretend_executed(project)
    (project.root / SOURCE).write_text(demo_project.SOURCE.replace('tags=["widget"]', 'tags=["nbval-skip"]'))
    last = demo_project.edit(project, SOURCE, 'print("turn me")', code)
    before = {file: (project.root / file).read_bytes() for file in (SOLVED, execute.TIMINGS)}
    monkeypatch.chdir(project.root)
    assert cli.main(["notebooks", "--only", "01"]) == 1
    error = capsys.readouterr().err
    assert re.search(rf"^{SOURCE}:{last + line - 1}: .*{re.escape(words)}", error, re.MULTILINE), error
    assert before == {file: (project.root / file).read_bytes() for file in (SOLVED, execute.TIMINGS)}


# what a cell puts out, words of the message
UNFIT = [
    (new_output("stream", name="stderr", text="careful\n"), "writes to stderr: careful"),
    (
        new_output("stream", name="stdout", text="see /home/me/x.tif"),
        "a path of this machine: /home/me/x.tif",
    ),
    (
        new_output("stream", name="stdout", text="in /data/course/book"),
        "a path of this machine: /data/course",
    ),
    (
        new_output("execute_result", {"text/plain": "<object at 0x7fac98fa73d0>"}),
        "a memory address (<object at",
    ),
]


@pytest.mark.parametrize(("output", "words"), UNFIT, ids=[unfit[1][:20] for unfit in UNFIT])
def test_unfit_outputs_are_found_with_the_line_of_their_cell(project, output, words):
    source = only_source(project)
    notebook = notebooks.solution_notebook(project, source)
    cell = next(cell for cell in notebook.cells if cell.id == "tbl-numbers")
    cell.outputs = [output]
    (finding,) = execute.judge(notebook, source, ["/data/course"])
    line = next(cell.line for cell in source.cells if cell.label == "tbl-numbers")
    assert (finding.path, finding.line) == (SOURCE, line) and words in finding.message


@pytest.mark.slow
def test_html_beside_text_is_not_saved(project):
    code = "from IPython.display import HTML\nHTML('<table>')"
    demo_project.edit(project, SOURCE, 'print("turn me")', code)
    assert execute.execute_one(project, only_source(project)) == []
    assert "text/html" not in (project.root / SOLVED).read_text()


@pytest.mark.slow
def test_bars_and_widgets_leave_no_trace(project):
    code = (
        "from tqdm import tqdm\nfrom tqdm.auto import tqdm as bars\nimport ipywidgets\n"
        "for _ in tqdm(range(3), disable=False): pass\n"
        "for _ in bars(range(3), disable=False): pass\n"
        "print('done')\nipywidgets.IntSlider()"
    )
    demo_project.edit(project, SOURCE, 'print("turn me")', code)
    assert execute.execute_one(project, only_source(project)) == []
    cell = nbformat.read(project.root / SOLVED, as_version=4).cells[-1]
    assert [o.get("text") or dict(o.data) for o in cell.outputs] == [
        "done\n",
        {"text/plain": execute.WIDGET_TEXT},
    ]
    assert "%|" not in (project.root / SOLVED).read_text()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain\n\ntext\n", "plain\n\ntext\n"),
        ("\r  0%|          | 0/3\r100%|███| 3/3 [00:00]\n", ""),
        ("before\n\r 50%|█ | 1/2\rafter\n", "before\nafter\n"),
    ],
)
def test_progress_bars_are_taken_out_of_text(text, left):
    assert execute._without_bars(text) == left


@pytest.mark.parametrize(("tags", "left"), [(["widget"], execute.WIDGET_TEXT), ([], "[[1 2]]")])
def test_a_view_that_is_html_leaves_a_sentence_and_no_dump(tags, left):
    output = nbformat.v4.new_output("execute_result", {"text/html": "<table>", "text/plain": "[[1 2]]"})
    cell = nbformat.v4.new_code_cell("look", outputs=[output], metadata={"tags": tags})
    execute.tidy(nbformat.v4.new_notebook(cells=[cell]))
    assert dict(cell.outputs[0].data) == {"text/plain": left}


@pytest.mark.slow
def test_tagged_cells_may_write_to_stderr(project):
    demo_project.edit(project, SOURCE, 'tags=["widget"]', 'tags=["widget", "stderr-ok"]')
    demo_project.edit(project, SOURCE, 'print("turn me")', "import sys\nprint('careful', file=sys.stderr)")
    assert execute.execute_one(project, only_source(project)) == []


def test_addresses_of_the_web_are_no_private_paths():
    assert execute.leaked_paths("see https://example.org/home/page and a/tmp/b") == []
    assert execute.leaked_paths("saved /tmp/x.png, C:\\Users\\me\\x") == ["/tmp/x.png", "C:\\Users\\me\\x"]


def test_the_kernel_sees_a_bare_machine(project, tmp_path, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", "/somewhere")
    monkeypatch.setenv("no_proxy", "*")
    environment = execute.kernel_environment(project, tmp_path / "home")
    assert environment["BIOIMAGE_COURSE_OFFLINE"] == "1"
    assert not {"BIOIMAGE_COURSE_MIRROR", "no_proxy", "XDG_CACHE_HOME"} & set(environment)
    assert environment["https_proxy"].startswith("http://127.0.0.1:")
    assert environment["PYTHONHASHSEED"] == "0" and environment["QT_QPA_PLATFORM"] == "offscreen"
    assert environment["HOME"] == str(tmp_path / "home")
    assert environment["BIOIMAGE_COURSE_CACHE"].startswith(environment["HOME"])
    assert not any("THREADS" in name for name in set(environment) - set(os.environ))


@pytest.fixture
def small_mirror(tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    entries = [{"set": name, "file": "a/b.bin", "sha256": "0"} for name in ("weights-x", "images-y")]
    for entry in entries:
        file = mirror / entry["set"] / entry["file"]
        file.parent.mkdir(parents=True)
        file.write_text(entry["set"])
    (mirror / "index.json").write_text(json.dumps(entries))
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    return mirror


def test_a_notebook_sees_only_the_sets_it_needs(project, tmp_path, small_mirror):
    environment = execute.kernel_environment(project, tmp_path / "home", ["weights-x"])
    view = Path(environment["BIOIMAGE_COURSE_MIRROR"])
    assert [entry["set"] for entry in json.loads((view / "index.json").read_text())] == ["weights-x"]
    assert (view / "weights-x/a/b.bin").read_text() == "weights-x"
    assert not (view / "images-y").exists()


def test_a_missing_set_is_one_sentence(project, tmp_path, small_mirror):
    demo_project.edit(project, SOURCE, 'extra: ""', 'extra: ""\n#   needs: [weights-z]')
    line = demo_project.SOURCE[: demo_project.SOURCE.index("extra")].count("\n") + 2
    (finding,) = execute.execute_one(project, only_source(project))
    assert str(finding).startswith(
        f"{SOURCE}:{line}: The notebook needs weights-z; set BIOIMAGE_COURSE_MIRROR"
    )


def test_peak_memory_sees_children():
    import subprocess
    import sys

    child = "x = bytearray(200_000_000); import time; time.sleep(1)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", code])
    with execute.PeakMemory(process.pid, interval=0.02) as peak:
        process.wait()
    assert 200e6 < peak.bytes < 600e6
    assert 200e6 < peak.largest < peak.bytes


# ---------------------------------------------------------------- the command and files


def test_the_light_environment_is_told_apart(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    find = execute.importlib.util.find_spec
    monkeypatch.setattr(execute.importlib.util, "find_spec", lambda n: None if n == "nbclient" else find(n))
    assert cli.main(["notebooks"]) == 2
    assert "needs the full environment, and here nbclient is missing" in capsys.readouterr().err
    assert cli.main(["notebooks", "--no-execute"]) == 0


def test_only_refuses_an_unknown_chapter(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert cli.main(["notebooks", "--only", "7"]) == 2
    assert "No notebook source is called '7'; there are 01-lines." in capsys.readouterr().err


def test_write_text_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "a" / "b.txt"
    assert write_text(path, "one\n") and not write_text(path, "one\n")
    assert [file.name for file in path.parent.iterdir()] == ["b.txt"]


def test_output_text_reads_every_kind():
    error = new_output("error", ename="E", evalue="v", traceback=["\x1b[31mred\x1b[0m"])
    assert "red" in execute.output_text(error) and "\x1b" not in execute.output_text(error)
    display = new_output("display_data", {"text/html": "<b>", "image/png": "iVBO"})
    assert execute.output_text(display) == "<b>"
