"""``course check``: a good book passes, and each rule finds its bad example at the right place."""

import json

import pytest

import demo_project
from coursebook import checks, claims, cli, notebooks, preview, sources
from coursebook.book import pandoc

CHAPTER = "book/01-lines.qmd"
SOURCE = "notebooks/sources/01-lines.py"
SOLVED = "notebooks/solutions/01-lines.ipynb"
BIB = "book/references.bib"


@pytest.fixture
def project(good_copy):
    return good_copy


def test_a_good_book_has_no_findings(project):
    assert {name: found for name, found in checks.run(project).items() if found} == {}


GLOSSARY, CONFIG, README = "glossary.yml", "_quarto.yml", "README.md"
PREFACE, LEARNER = "book/_preface.qmd", "notebooks/01-lines.ipynb"
HANDLES = ' alt="A line with two handles at its ends"'
EXPLORER = f'<line-explorer><img src="assets/line.svg"{HANDLES}></line-explorer>'
RISES = "A line that rises from the lower left to the upper right."
ALT = 'fig-alt="A line that falls from left to right."'

# rule, file to change, what is there, what comes in its place, file of the finding, words of the message
JS = "src/bioimage_course/explore/js/"
BAD = [
    ("page-title", CHAPTER, "# Lines {#sec-lines}", "---\ntitle: Lines\n---", CHAPTER, "first line"),
    ("page-title", CHAPTER, "# Lines {#sec-lines}", "# Lines", CHAPTER, "# Title {#sec-topic}"),
    ("page-title", CHAPTER, "## Quiz", "# Quiz", CHAPTER, "one heading of level 1"),
    ("page-title", "book/references.qmd", "# Ref", "Ref", "book/references.qmd", "first line"),
    ("heading-levels", CHAPTER, "## Exercises", "#### Exercises", CHAPTER, "jumps from level 2 to level 4"),
    ("no-code-cells", CHAPTER, "```python", "```{python}", CHAPTER, "executable"),
    ("shortcodes", CHAPTER, "A curve.", "{{< video film.mp4 >}}", CHAPTER, "unknown shortcode `video`"),
    ("shortcodes", CHAPTER, "A curve.", "See {{< pagebreak >}}.", CHAPTER, "stand alone"),
    ("shortcodes", CHAPTER, "_generated/01-quiz", "_generated/02-quiz", CHAPTER, "there is no file"),
    ("unique-labels", CHAPTER, "{#fig-drawn", "{#fig-line", CHAPTER, "already used in"),
    ("unique-labels", "book/references.qmd", "{#refs}", "{#sec-more}", "book/references.qmd", "sec-more"),
    ("unique-labels", CHAPTER, "#tbl-numbers >", "#fig-line >", CHAPTER, "already used in book/01-lines.qmd"),
    ("claims", CHAPTER, "{#claim-two-is-second .claim}", "{.claim}", SOURCE, "'two-is-second' has no sent"),
    ("claims", SOURCE, '("two-is-second"', '("two-is-third"', CHAPTER, f"{SOURCE}; give `show.claims`"),
    ("claims", CHAPTER, "Two is the second.", "Two is never the second.", SOURCE, "read both again"),
    ("claims", CHAPTER, "of @tbl-numbers.]", "of [@euclid1956].]", SOURCE, "'one-is-first' (book/"),
    ("claims", SOLVED, "2 and 3 | yes", "2 and 3 | **no**", SOURCE, "'two-is-second' does not hold: 2 and 3"),
    ("claims", SOLVED, "| two-is-second | 2 and 3 |", "", SOURCE, "'two-is-second' has no saved result"),
    ("claims", CHAPTER, "## Quiz", "[No number.]{#claim-x .claim}\n\n## Quiz", CHAPTER, "'x' has no entry"),
    ("claims", PREFACE, "Welcome", "[Best.]{#claim-best .claim} Welcome", PREFACE, "no notebook"),
    ("predictions", CHAPTER, 'claim="two-is', 'claim="too-is', CHAPTER, "did you mean two-is-second"),
    ("predictions", CHAPTER, 'claim="two-is-second"', "", CHAPTER, "names no claim"),
    ("predictions", CHAPTER, ' from="0" to="9"', ' frm="0" to="9"', CHAPTER, "no attribute `frm`; did you"),
    ("predictions", CHAPTER, ' from="0" to="9"', ' from="0"', CHAPTER, "gives both its limits"),
    ("predictions", CHAPTER, 'to="9"', 'to="0"', CHAPTER, "leave nothing to predict"),
    ("predictions", CHAPTER, "has three?", "has three?\n\n- the third", CHAPTER, "but not both"),
    ("predictions", CHAPTER, "of *all*?", "of *all*.", CHAPTER, "ends with a question mark"),
    ("predictions", CHAPTER, "- [the second]{.measured}\n", "", CHAPTER, "1 answer; a prediction offers 2"),
    ("predictions", CHAPTER, "[the second]{.measured}", "the second", CHAPTER, "0 answers marked"),
    ("predictions", CHAPTER, "}\n- the first", "}\n- [the first]{.measured}", CHAPTER, "2 answers marked"),
    ("predictions", CHAPTER, 'claim="three-is-third"', 'claim="two-is-second"', CHAPTER, "ask once"),
    ("references", CHAPTER, "@fig-line,", "@fig-lime,", CHAPTER, "did you mean fig-line"),
    ("references", CHAPTER, "@sec-more", "@sec-less", CHAPTER, "@sec-less refers to nothing"),
    ("links", CHAPTER, "(../index.qmd)", "(../start.qmd)", CHAPTER, "../start.qmd leads to no page"),
    ("links", CHAPTER, "(01-lines.qmd#sec-more)", "(01-lines.qmd#sec-mode)", CHAPTER, "#sec-mode leads to"),
    ("links", CHAPTER, "(#sec-lines)", "(#lines)", CHAPTER, "#lines leads to no place"),
    ("links", CHAPTER, "#straight-line)", "#curved-line)", CHAPTER, "#curved-line leads to no place"),
    ("links", CHAPTER, "(../index.qmd)", "(_preface.qmd)", CHAPTER, "no page of the book"),
    ("links", CHAPTER, "(../index.qmd)", "(../../etc)", CHAPTER, "outside the project"),
    ("links", CHAPTER, "js/line-explorer.js", "js/lime-explorer.js", CHAPTER, "there is no"),
    ("links", PREFACE, "book/01-lines.qmd", "01-lines.qmd", PREFACE, "from index.qmd"),
    ("links", README, "# Demo", "[x](LICENCE)", README, "there is no LICENCE"),
    ("markup", CHAPTER, "A curve.", "::: {.callout-hint}\nA curve.\n:::", CHAPTER, "unknown callout 'hint'"),
    ("markup", CHAPTER, "$$ {#eq-line}", "$$ {#eq-line}\n\n$\\frac{1}{$", CHAPTER, "Could not convert"),
    ("embeds", CHAPTER, "01-lines.ipynb#fig-line", "02-x.ipynb#fig-line", CHAPTER, "there is no notebook"),
    ("embeds", CHAPTER, "ipynb#fig-line", "ipynb#fig-curve", CHAPTER, "no cell labelled 'fig-curve'"),
    ("embeds", CHAPTER, "ipynb#fig-line", "ipynb", CHAPTER, "name the cell"),
    ("embedded-notebooks", SOLVED, '"image/svg+xml"', '"text/html"', CHAPTER, "saved text/html"),
    ("embeds", SOLVED, '"text/markdown"', '"text/latex"', CHAPTER, "no saved Markdown table"),
    ("embeds", CHAPTER, "ipynb#fig-line", "ipynb#01-cell-016", CHAPTER, "is a widget"),
    ("captions", SOLVED, "fig-cap: ", "fig-cup: ", CHAPTER, "no `#| fig-cap:`"),
    ("captions", SOLVED, "fig-alt: ", "fig-alp: ", CHAPTER, "no `#| fig-alt:`"),
    ("captions", SOLVED, "tbl-cap: ", "tbl-cup: ", CHAPTER, "no `#| tbl-cap:`"),
    ("source-alt-texts", SOURCE, RISES, "Upwards.", SOURCE, "shorter than 20"),
    ("source-alt-texts", SOURCE, '"A line."', f'"{RISES}"', SOURCE, "repeats the caption"),
    ("image-alt-texts", CHAPTER, ALT, "", CHAPTER, "no alt text"),
    ("image-alt-texts", CHAPTER, ALT, 'fig-alt="A line"', CHAPTER, "shorter"),
    ("image-alt-texts", CHAPTER, "A drawn line.", "A line that falls from left to right", CHAPTER, "repeats"),
    ("image-alt-texts", CHAPTER, HANDLES, "", CHAPTER, "no alt text"),
    ("image-alt-texts", CHAPTER, "A curve.", "A ![](assets/line.svg).", CHAPTER, "no alt text"),
    ("explorables", CHAPTER, "js/base.js", "js/line-explorer.js", CHAPTER, "loads base.js"),
    ("explorables", CHAPTER, EXPLORER, "<line-explorer></line-explorer>", CHAPTER, "no picture inside"),
    ("posters", JS + "line-explorer.js", '"use', '"used', JS + "line-explorer.js", "another version"),
    ("unwritten", CHAPTER, "A curve.", "WRITE: what fails.", CHAPTER, "still to be written: what fails."),
    ("no-remote-resources", CHAPTER, '<img src="assets', '<img src="https://x.org/a', CHAPTER, "network"),
    ("no-remote-resources", CHAPTER, "(assets/line.svg)", "(https://x.org/a.png)", CHAPTER, "network"),
    ("no-remote-resources", "book/assets/course.css", "body", "@import 'https://x.org/a.css'; body",
     "book/assets/course.css", "network"),
    ("no-remote-resources", "book/assets/quiz.js", '"use', 'import("https://x.org/a.js"); "use',
     "book/assets/quiz.js", "network"),
    ("chapter-anatomy", CHAPTER, ".chapter-card", ".card", CHAPTER, "the card"),
    ("chapter-anatomy", CHAPTER, "{{< include _generated/01-quiz.md >}}", "", CHAPTER, "01-quiz.md"),
    ("chapter-anatomy", CHAPTER, "## What goes wrong", "## Errors", CHAPTER, "goes wrong` is missing"),
    ("chapter-anatomy", CHAPTER, "## Exercises", "## Quiz", CHAPTER, "`## Exercises` is missing"),
    ("chapter-anatomy", CHAPTER, EXPLORER, "", CHAPTER, "no explorable"),
    ("chapter-lists", CHAPTER, "- follow a line", "", CHAPTER, "promises 2 things"),
    ("chapter-lists", CHAPTER, "5. five", "", CHAPTER, "here are 4"),
    ("quiz-files", "book/quizzes/01.yml", ", why: That is a curve.", "", "book/quizzes/01.yml", "why"),
    ("notebook-anatomy", SOURCE, "seed = 0", "", SOURCE, "no seed"),
    ("notebook-anatomy", SOURCE, 'tags=["widget"]', "", SOURCE, "widget"),
    ("exercise-numbers", CHAPTER, "Three, in", "Two checked exercises in", CHAPTER, "has 3 exercises"),
    ("exercise-numbers", CHAPTER, "Three, in", "4 exercises in", CHAPTER, "the page speaks of 4 exercises"),
    ("exercise-checks", "src/bioimage_course/check/exercises/ch01.py", "def double", "def doubles",
     SOURCE, "no exercise 'double'; did you mean doubles"),
    ("citations", CHAPTER, "@euclid1956", "@euclid1965", CHAPTER, "did you mean euclid1956"),
    ("uncited", CHAPTER, " [@euclid1956]", "", BIB, "nothing cites euclid1956"),
    ("bibliography", BIB, "10.1000/elements", "https://doi.org/10.1000/elements", BIB, "is no DOI"),
    ("bibliography", BIB, "  year = {1956},\n", "", BIB, "has no year"),
    ("bibliography", BIB, "@book", "@book{euclid1956,\n}\n@book", BIB, "already defined in line 1"),
    ("bibliography", BIB, "@book", "@book{zeno1900,\n}\n@book", BIB, "belongs before zeno1900"),
    ("glossary-form", GLOSSARY, "Straight Line", "Straight line", GLOSSARY, "not in title case"),
    ("glossary-form", GLOSSARY, "Straight", "Zero: |\n  x\nStraight", GLOSSARY, "belongs before"),
    ("glossary-form", GLOSSARY, "|\n  It is the shortest way.", "", GLOSSARY, "no definition"),
    ("glossary-use", CHAPTER, "(glossary.qmd#straight-line)", "(glossary.qmd)", GLOSSARY, "no page links"),
    ("terms-before-use", CHAPTER, "[straight line](glossary.qmd#straight-line) has", "straight line has",
     CHAPTER, "before it is explained on either path"),
    ("quarto-yml", CONFIG, "output-dir", "output-dri", CONFIG, "did you mean output-dir"),
    ("quarto-yml", CONFIG, "css: book/assets/course.css", "css: x.css", CONFIG, "x.css does not exist"),
    ("quarto-yml", CONFIG, "    - book/references.qmd\n", "", "book/references.qmd", "not list"),
    ("quarto-yml", CONFIG, "book/references.qmd\n", "book/x.qmd\n", CONFIG, "book/x.qmd does not exist"),
    ("quarto-yml", CONFIG, "mathml", "mathjax", CONFIG, "must be mathml"),
    ("badges", README, "someone/demo-course/blob/main/notebooks", "else/demo-course/blob/main/notebooks",
     README, "points at else/demo-course"),
    ("badges", CHAPTER, "A curve.", "https://colab.research.google.com/github/someone/demo-course/blob/main/x.ipynb",
     CHAPTER, "does not exist"),
    ("badges", "CITATION.cff", "someone", "else", "CITATION.cff", "is not repo-url"),
    ("generated-files", "book/glossary.qmd", "shortest", "longest", "book/glossary.qmd", "not what"),
    ("generated-files", README, "35 s", "3 s", README, "not what its source makes"),
    ("generated-files", LEARNER, "double it", "halve it", LEARNER, "not what"),
    ("generated-files", SOLVED, '"01-title"', '"01-tilte"', SOLVED, "not what its source makes"),
    ("generated-files", "src/bioimage_course/check/solutions/01.yml", "2 * x", "3 * x",
     "src/bioimage_course/check/solutions/01.yml", "not what its source makes"),
    ("generated-files", SOURCE, 'chapter: "01"', 'chapter: "02"', SOURCE, "the file name says"),
    ("executed-notebooks", SOURCE, "return 2 * x", "return x + x", SOURCE, "executed from other code"),
    ("saved-outputs", SOLVED, '"a line"', '"<a file /home/me/x.py>"', SOLVED, "names /home/me/x.py"),
    ("no-machine-names", "book/assets/course.css", "body", "/* /home/me/style */ body",
     "book/assets/course.css", "names a folder of a machine: /home/me"),
    ("no-machine-names", "requirements/course.lock", "numpy", "--index-url https://example.org/simple\nnumpy",
     "requirements/course.lock", "names a package index"),
    ("no-machine-names", CHAPTER, "A [straight", "[It](https://example.org/project/lines/). A [straight",
     CHAPTER, "links to a page of a package index: https://example.org/project/lines"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "file", "old", "new", "where", "words"), BAD, ids=[f"{b[0]}-{b[5]}" for b in BAD]
)
def test_each_rule_finds_its_bad_example(project, rule, file, old, new, where, words):
    line = demo_project.edit(project, file, old, new)

    findings = checks.run(project, [rule])[rule]

    hits = [finding for finding in findings if finding.path == where and words in str(finding)]
    assert hits, findings
    if where == file == CHAPTER and not rule.startswith("chapter-"):  # those speak of the page as a whole
        assert abs(hits[0].line - line) <= 3, (hits, line)


def test_every_rule_has_a_bad_example():
    elsewhere = {"checkpoints"}
    assert set(checks.RULES) == {bad[0] for bad in BAD} | elsewhere


def test_checkpoints_are_small_and_have_a_card(project):
    folder = project.root / "src/bioimage_course/weights"
    (folder / "big").mkdir()
    for number in range(4):
        (folder / "big" / f"{number}.pt").write_bytes(b"\0" * 10_500_000)
    findings = checks.run(project, ["checkpoints"])["checkpoints"]
    messages = [finding.message for finding in findings]
    assert messages.count("10.5 MB; a checkpoint has at most 10") == 4
    assert any("42.0 MB together" in message for message in messages)
    assert any("no card src/bioimage_course/weights/big/README.md" in message for message in messages)
    assert not any("lines" in finding.path and "card" in finding.message for finding in findings)


def test_a_file_without_source_is_found(project):
    (project.root / "book/_generated/07-card.md").write_text("old")
    found = checks.run(project, ["generated-files"])["generated-files"]
    assert [str(f) for f in found] == ["book/_generated/07-card.md:1: no source makes this file; delete it"]


def test_a_saved_error_or_stderr_is_found(project):
    path = project.root / SOLVED
    notebook = json.loads(path.read_text())
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    warning = {"output_type": "stream", "name": "stderr", "text": ["careful\n"]}
    for cell in notebook["cells"]:
        if cell["id"] == "fig-line":
            cell["outputs"] += [error, warning]
    path.write_text(json.dumps(notebook, indent=1))
    found = [finding.message for finding in checks.run(project, ["saved-outputs"])["saved-outputs"]]
    assert found == ["a saved error: ValueError: no", "saved stderr in a cell that is not tagged stderr-ok"]


def test_a_missing_file_that_a_command_makes_names_the_command(project):
    demo_project.edit(project, CHAPTER, "assets/line.svg", "assets/explorables/line-explorer.png")
    for file in (SOLVED, "book/_generated/01-claims.md", "book/assets/explorables/line-explorer.png"):
        (project.root / file).unlink()
    results = checks.run(project, ["links", "embeds", "shortcodes", "claims"])
    found = [str(finding) for each in results.values() for finding in each]
    execute, draw = (
        "`course notebooks --only 01` makes it",
        "`python -m coursebook.screenshots line-explorer` draws",
    )
    for words in (
        f"there is no notebooks/solutions/01-lines.ipynb (from README.md); {execute}",
        f"there is no notebook ../{SOLVED} (from {CHAPTER}); {execute}",
        f"there is no picture assets/explorables/line-explorer.png (from {CHAPTER}); {draw}",
        f"there is no file _generated/01-claims.md to include (from {CHAPTER}); {execute}",
    ):
        assert [each for each in found if words in each], (words, found)
    assert not [each for each in found if "is missing" in each]  # the page does include it


def test_a_comment_or_code_is_no_reference(project):
    demo_project.edit(
        project, CHAPTER, "A curve.", "<!-- @fig-no [x](y) @no2000 {{< no >}} -->\n\n`[@no2001]`"
    )
    results = checks.run(project, ["references", "citations", "links"])
    assert not any(results.values())


def test_addresses_with_an_at_sign_are_no_citations(project):
    demo_project.edit(
        project, CHAPTER, "A curve.", "me@example.org, AP@0.5, [film](https://x.org/@user/film)"
    )
    assert checks.run(project, ["citations"])["citations"] == []


def test_findings_inside_an_include_name_the_included_file(project):
    demo_project.edit(project, "book/_preface.qmd", "Welcome", "See @fig-nothing. Welcome")
    found = checks.run(project, ["references"])["references"]
    assert [(f.path, f.line) for f in found] == [("book/_preface.qmd", 1)]


# ---------------------------------------------------------------- one reader

# Where a regular expression and pandoc once disagreed: text, and what is wrong with it.
MARKDOWN = [
    ("[there](#the-code-of-it)\n\n### The `code` of it", ""),
    ("[second](#same-1)\n\n### Same\n\n### Same", ""),
    ("[third](#same-2)\n\n### Same\n\n### Same", "#same-2 leads to no place"),
    ("Inline $x@y$.", ""),
    ("Indented code:\n\n    [dead](nowhere.qmd) @fig-nothing [@no2000] ![](x.png)", ""),
    ("A [link][nowhere] of words.", "[link][nowhere] is a link whose address is nowhere"),
    ("A [link][place] of words.\n\n[place]: #sec-lines", ""),
    ("A [link][place] of words.\n\n[place]: #sec-none", "#sec-none leads to no place"),
    ("Write \\@fig-line to refer to it.", ""),
    ("<!-- @fig-no [x](y) -->", ""),
]


@pytest.mark.parametrize(("text", "words"), MARKDOWN)
def test_preview_and_check_read_the_same_markdown(project, text, words):
    demo_project.edit(project, CHAPTER, "A curve.", text + "\n\nA curve.")
    results = checks.run(project, ["references", "citations", "links", "image-alt-texts", "markup"])
    found = [str(finding) for findings in results.values() for finding in findings]
    try:
        preview.compose(project.root)
        complaints = []
    except preview.BookError as error:
        complaints = list(map(str, error.findings))
    assert found == complaints
    assert [words in each for each in found] == ([True] if words else [])


def test_check_finds_a_reference_on_an_unnumbered_page(project):
    demo_project.edit(project, PREFACE, "Welcome", "See @fig-line. Welcome")
    found = checks.run(project, ["references"])["references"]
    assert [(f.path, f.line) for f in found] == [(PREFACE, 1)]
    assert "stands on an unnumbered page" in found[0].message and found[0].mend == "write an ordinary link"


def test_each_of_two_dead_links_is_found_in_its_line(project):
    line = demo_project.edit(project, CHAPTER, "A curve.", "[a](#none)\n\n[b](#none) A curve.")
    found = checks.run(project, ["links"])["links"]
    assert [f.line for f in found] == [line, line + 2]


def test_pandoc_is_asked_once(project, monkeypatch):
    first = checks.run(project, ["references"])
    pandoc.run.cache_clear()
    asked, run = [], pandoc.run
    monkeypatch.setattr(pandoc, "run", lambda text, *options: asked.append(options) or run(text, *options))
    assert checks.run(project, ["references"]) == first
    assert [options for options in asked if "--from=biblatex" not in options] == []


# ---------------------------------------------------------------- the command


def test_command_exits_with_0_and_1(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root / "book")
    assert cli.main(["check"]) == 0
    assert f"{len(checks.RULES)} rules, no finding" in capsys.readouterr().out
    line = demo_project.edit(project, CHAPTER, "@fig-line,", "@fig-lime,")
    assert cli.main(["check", "references", "links"]) == 1
    captured = capsys.readouterr()
    start = f"{CHAPTER}:{line}: @fig-lime refers to nothing"
    assert captured.out.startswith(start) and "[references]" in captured.out
    assert captured.err == "1 finding in 1 of 2 rules\n"


@pytest.mark.parametrize("said", ["Three, in", "A warm-up and three exercises in", "3 checked exercises in"])
def test_a_page_may_say_the_true_number_of_exercises(project, said):
    demo_project.edit(project, CHAPTER, "Three, in", said)
    assert not any(checks.run(project, ["exercise-numbers"]).values())


def test_command_lists_its_rules(capsys):
    assert cli.main(["check", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(checks.RULES)


def test_command_refuses_an_unknown_rule(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert cli.main(["check", "refrences"]) == 2
    assert "did you mean references?" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["book: [", "just words"])
def test_broken_quarto_yml_is_one_sentence(project, monkeypatch, capsys, text):
    monkeypatch.chdir(project.root)
    (project.root / "_quarto.yml").write_text(text)
    assert cli.main(["check"]) == 2
    assert "_quarto.yml:1:" in capsys.readouterr().err


def test_outside_a_course_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check"]) == 2
    assert "No _quarto.yml" in capsys.readouterr().err


def test_a_cell_that_is_not_embedded_may_not_save_html_either(project):
    path = project.root / SOLVED
    notebook = json.loads(path.read_text())
    output = {"output_type": "display_data", "data": {"text/html": "<table>"}, "metadata": {}}
    other = next(
        c for c in notebook["cells"] if c["cell_type"] == "code" and not c["id"].startswith(("fig", "tbl"))
    )
    other["outputs"] = [output]
    path.write_text(json.dumps(notebook))
    found = checks.run(project, ["embedded-notebooks"])["embedded-notebooks"]
    assert other["id"] in str(found)


def test_a_chapter_has_five_to_fifteen_claims(project):
    one = "[Five is the fifth.]{#claim-five-is-fifth .claim}"
    demo_project.edit(project, CHAPTER, one, "")
    assert "4 claims; a chapter has 5 to 15" in str(checks.run(project, ["claims"])["claims"])


def test_a_chapter_shows_its_box(project):
    demo_project.edit(project, CHAPTER, "{{< include _generated/01-claims.md >}}", "")
    assert "01-claims.md >}} is missing" in str(checks.run(project, ["claims"])["claims"])


TWO = """::: {.prediction claim="two-is-second"}
Which place has `two`, of *all*?

- [the second]{.measured}
- the first
:::
"""
NUMBERS = "{{< embed ../notebooks/solutions/01-lines.ipynb#tbl-numbers >}}"


def test_a_chapter_has_two_to_four_predictions(project):
    demo_project.edit(project, CHAPTER, TWO, "")
    assert "1 prediction; a chapter has 2 to 4" in str(checks.run(project, ["predictions"])["predictions"])


def test_the_right_answer_is_not_always_in_one_place(project):
    other = TWO.replace("two-is-second", "four-is-fourth")
    demo_project.edit(project, CHAPTER, TWO, f"{TWO}\n{other}")
    found = checks.run(project, ["predictions"])["predictions"]
    assert ["always answer 1" in str(each) for each in found] == [True]
    demo_project.edit(project, CHAPTER, "- [the second]{.measured}\n", "- one\n- [the second]{.measured}\n")
    assert checks.run(project, ["predictions"])["predictions"] == []


def test_a_prediction_comes_before_what_it_asks_for(project):
    claim = demo_project.CLAIMS["two-is-second"]
    sentence = f"[{claim}]{{#claim-two-is-second .claim}}"
    demo_project.edit(project, CHAPTER, f"{sentence} ", "")
    line = demo_project.edit(project, CHAPTER, TWO, f"{sentence}\n\n{TWO}") + 2
    (found,) = checks.run(project, ["predictions"])["predictions"]
    assert (found.line, "'two-is-second' stands above the question" in found.message) == (line, True)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(NUMBERS, "", True), ("", NUMBERS, False), (NUMBERS.replace("tbl-numbers", "fig-line"), NUMBERS, False)],
    ids=["above", "below", "another above"],
)
def test_the_result_is_not_shown_above_the_question(project, before, after, told):
    sentence = f"[{demo_project.CLAIMS['two-is-second']}]{{#claim-two-is-second .claim}}"
    demo_project.edit(project, CHAPTER, f"{sentence} ", "")
    demo_project.edit(project, CHAPTER, TWO, f"{before}\n\n{TWO}\n{after}\n\n{sentence} See @tbl-numbers.\n")
    found = checks.run(project, ["predictions"])["predictions"]
    assert [str(each).endswith("above the question: ask before it") for each in found] == [True] * told


def test_a_new_hash_needs_no_new_execution_but_a_new_condition_does(project):
    source = sources.read_all(project)[0][0]
    before = notebooks.cells_hash(source)
    digest = claims.in_notebook(project, source)[0].hash
    demo_project.edit(project, SOURCE, digest, "abcdef")
    assert notebooks.cells_hash(sources.read_all(project)[0][0]) == before
    assert SOLVED in notebooks.expected(project, sources.read_all(project)[0])
    demo_project.edit(project, SOURCE, "1 < 2", "1 < 3")
    assert notebooks.cells_hash(sources.read_all(project)[0][0]) != before


def test_the_box_lists_sentence_and_numbers(project):
    text = (project.root / "book/_generated/01-claims.md").read_text()
    assert "- One is the [first](#sec-more) of @tbl-numbers. [In the text](#claim-one-is-first)" in text
    assert "*1 and 2*" in text
    assert text.count("\n- ") == 5
