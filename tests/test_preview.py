"""The preview renderer, on tiny books: each feature, and each mistake with its file and line."""

import base64
import os
import re
import textwrap

import nbformat
import pytest

from coursebook import preview
from coursebook.preview import BookError

# A red picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
BIB = """
@article{rosenblatt1958, author = {Rosenblatt, Frank}, title = {The Perceptron}, journal = {Psych. Review},
  year = {1958}}
@book{minsky1969, author = {Minsky, Marvin and Papert, Seymour}, title = {Perceptrons}, publisher = {MIT},
  year = {1969}}
"""
CONFIG = """
project:
  type: book
lang: en-GB
book:
  title: "A & B"
  subtitle: "Small"
  author: Someone
  repo-url: https://example.org/book
  chapters:
    - index.qmd
    - part: First
      chapters: [book/01-one.qmd, book/02-two.qmd]
    - book/references.qmd
  appendices: [book/glossary.qmd]
bibliography: book/references.bib
"""
GLOSSARY = "# Glossary\n\n[Perceptron]{#perceptron .glossary-term}\n\n:   A *unit*, see [](#perceptron).\n"


@pytest.fixture
def book(tmp_path):
    """Write a book of two chapters and render it: `book(one, two, **files)` -> {page: HTML}."""

    def render(one="Text.", two="Text.", files=None, config=CONFIG):
        pages = {
            "_quarto.yml": config,
            "index.qmd": "# Preface {.unnumbered}\n\nWelcome.\n",
            "book/01-one.qmd": "# One {#sec-one}\n\n" + textwrap.dedent(one),
            "book/02-two.qmd": "# Two {#sec-two}\n\n" + textwrap.dedent(two),
            "book/references.qmd": "# References {.unnumbered}\n\n::: {#refs}\n:::\n",
            "book/references.bib": BIB,
            "book/glossary.qmd": GLOSSARY.replace("see [](#perceptron)", "or node"),
            "book/a.png": PNG,
            **(files or {}),
        }
        for name, content in pages.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        preview.render(tmp_path / "src", tmp_path / "site")
        site = tmp_path / "site"
        return {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}

    return render


@pytest.fixture
def one(book):
    """Render a book with this text in its first chapter and return that page's HTML, spaces made plain."""

    def render(text, two="Text.", **more):
        return plain(book(text, two, **more)["book/01-one.html"].read_text("utf-8"))

    return render


def plain(html):
    return " ".join(html.replace("\u00a0", " ").split())


def mistakes(book, *args, **more):
    """Return what the renderer complains about, one string a mistake."""
    with pytest.raises(BookError) as caught:
        book(*args, **more)
    return [str(problem) for problem in caught.value.findings]


def notebook(*cells):
    """A notebook file whose code cells are (source, outputs)."""
    made = nbformat.v4.new_notebook()
    for source, outputs in cells:
        made.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs))
    return nbformat.writes(made)


def shows(**data):
    """An output with one representation a keyword: `image_png=…`, `text_plain=…`."""
    return nbformat.v4.new_output(
        "display_data", {key.replace("_", "/", 1): value for key, value in data.items()}
    )


PICTURE = shows(image_png=base64.b64encode(PNG).decode(), text_plain="<Figure>")
FIGURE_CELL = (
    (
        '#| label: fig-loss\n#| fig-cap: "The *loss* falls [@minsky1969]"\n'
        '#| fig-alt: "A \\"falling\\" line"\nplot()'
    ),
    [PICTURE],
)


# ---------------------------------------------------------------- numbers and references


def test_numbers_across_chapters(book):
    pages = book(
        """
        ![A](a.png){#fig-a fig-alt="red"}

        | x |
        |---|
        | 1 |

        : T {#tbl-t}

        $$ a = b $$ {#eq-e}

        ## Section

        ### Deeper {#sec-deep}

        ## Not counted {.unnumbered}

        ## Third
        """,
        """
        @fig-a, [-@fig-a], @Fig-a, [@fig-a; @tbl-t], [Fig. @fig-a], @eq-e, @sec-one, @sec-two, @sec-deep.

        ![B](a.png){#fig-b fig-alt="red"}

        @fig-b
        """,
    )
    first, second = (plain(pages[f"book/{name}.html"].read_text("utf-8")) for name in ("01-one", "02-two"))
    assert "Figure 1.1: A" in first and "Table 1.1: T" in first
    assert '<annotation encoding="application/x-tex"> a = b \\qquad(1.1)</annotation>' in first
    headings = re.findall(r'<span class="header-section-number">([\d.]+)</span> (\w+)</h', first)
    assert headings == [("1.1", "Section"), ("1.1.1", "Deeper"), ("1.2", "Third")]
    assert "Figure 2.1: B" in second
    texts = re.findall(r'<a href="([^"]+)" class="quarto-xref">([^<]+)</a>', second)
    assert texts == [
        ("01-one.html#fig-a", "Figure 1.1"),
        ("01-one.html#fig-a", "1.1"),
        ("01-one.html#fig-a", "Figure 1.1"),
        ("01-one.html#fig-a", "Figure 1.1"),
        ("01-one.html#tbl-t", "Table 1.1"),
        ("01-one.html#fig-a", "Fig. 1.1"),
        ("01-one.html#eq-e", "Equation 1.1"),
        ("01-one.html", "Chapter 1"),  # a chapter is linked as a page, as Quarto does
        ("#sec-two", "Chapter 2"),
        ("01-one.html#sec-deep", "Section 1.1.1"),
        ("#fig-b", "Figure 2.1"),
    ]


def test_titles_parts_and_appendices(book):
    pages = book()
    index, first, glossary = (
        plain(pages[n].read_text("utf-8")) for n in ("index.html", "book/01-one.html", "book/glossary.html")
    )
    assert "<title>A &amp; B</title>" in index and '<p class="title">A &amp; B</p>' in index
    assert "<title>1 One – A &amp; B</title>" in first
    assert '>1</span> <span class="chapter-title">One</span></span> </h1>' in first
    assert "Appendix A — Glossary</span> </h1>" in glossary
    parts = re.findall(r'sidebar-item-section"><span>(\w+)</span>', first)
    assert parts == ["First", "Appendices"]
    assert first.count('aria-current="page"') == 1
    assert '<a class="pagination-link" rel="prev" href="../index.html">' in first
    assert '<a class="pagination-link" rel="next" href="02-two.html">' in first
    assert "https://example.org/book/blob/main/book/01-one.qmd" in first


def test_only_what_is_numbered_by_quarto_counts(book):
    config = CONFIG.replace("book/01-one.qmd, ", "book/00-zero.qmd, book/01-one.qmd, ")
    pages = book(files={"book/00-zero.qmd": "# Zero {.unnumbered}\n\n## Inside\n"}, config=config)
    zero, first = (plain(pages[n].read_text("utf-8")) for n in ("book/00-zero.html", "book/01-one.html"))
    assert "header-section-number" not in zero
    assert "<title>1 One" in first


def test_subfigures(one):
    html = one(
        """
        @fig-grid-b and @fig-grid

        ::: {#fig-grid layout-ncol=2}
        ![First](a.png){#fig-grid-a fig-alt="red"}

        ![Second](a.png){#fig-grid-b fig-alt="red"}

        Both.
        :::
        """
    )
    assert '<a href="#fig-grid-b" class="quarto-xref">Figure 1.1 (b)</a>' in html
    assert html.count('class="quarto-layout-cell" style="flex-basis: 50.0%"') == 2
    assert "(a) First" in html and "(b) Second" in html and "Figure 1.1: Both." in html


def test_layout_without_number(one):
    picture = '![](a.png){fig-alt="r"}\n\n'
    html = one(f'::: {{layout="[[1,3],[1]]"}}\n{picture}{picture}Text\n:::\n')
    assert re.findall(r"flex-basis: ([\d.]+)%", html) == ["25.0", "75.0", "100.0"]
    assert html.count("quarto-layout-row") == 2 and "Figure" not in html


def test_figure_with_raw_html_and_local_script(book):
    pages = book(
        """
        ::: {#fig-explorer}
        ```{=html}
        <script defer src="../src/x/base.js"></script>
        <my-explorer><img src="a.png" alt="static"></my-explorer>
        ```
        Turn the *knob* as in @fig-explorer.
        :::
        """,
        files={"src/x/base.js": "1;"},
    )
    html = plain(pages["book/01-one.html"].read_text("utf-8"))
    assert '<script defer src="../src/x/base.js"></script>' in html
    assert pages["src/x/base.js"].read_text() == "1;" and pages["book/a.png"].read_bytes() == PNG
    assert "Figure 1.1: Turn the <em>knob</em> as in <a " in html


def test_table_widths_and_div(one):
    html = one(
        """
        ::: {#tbl-x}
        | a | b |
        |---|---|
        | 1 | 2 |

        Caption.
        :::

        | a | b |
        |---|---|
        | 1 | 2 |

        : Other {#tbl-y tbl-colwidths="[20,80]"}
        """
    )
    assert "Table 1.1: Caption." in html and "Table 1.2: Other" in html
    assert 'style="width: 20%"' in html and html.count("<table") == 2
    assert html.index("Table 1.1: Caption.") < html.index("<table")


# ---------------------------------------------------------------- boxes, tabs, code, formulas


@pytest.mark.parametrize("kind", ["note", "tip", "important", "warning", "caution"])
def test_callouts(one, kind):
    html = one(f"::: {{.callout-{kind}}}\nBody.\n:::\n")
    assert f'class="callout callout-style-default callout-{kind} callout-titled"' in html
    assert f"{kind.capitalize()} </span>" in html


def test_callout_titles_and_collapse(one):
    html = one(
        '::: {.callout-tip collapse="true"}\n## A *title*\nx\n:::\n\n'
        '::: {.callout-note title="B & c" collapse="false"}\ny\n:::\n\n## Real\n'
    )
    assert re.search(r'<details class="callout[^"]*callout-tip[^>]*><summary', html)
    assert re.search(r'<details class="callout[^"]*callout-note[^>]* open><summary', html)
    assert "A <em>title</em>" in html and "B &amp; c" in html
    assert ">1.1</span> Real" in html  # a box's title is no section


def test_tabset(one):
    html = one('::: {.panel-tabset group="os"}\n## Linux\n`l`\n\n## Mac\nm\n:::\n\n## After\n')
    assert '<div class="panel-tabset" data-group="os">' in html
    assert re.findall(r'<p class="tab-title"> (\w+) </p>', html) == ["Linux", "Mac"]
    assert ">1.1</span> After" in html and "#linux" not in html


def test_code_fold_and_highlighting(one):
    html = one('```python\nx = 1\n```\n\n```{.python code-fold="true" code-summary="Show"}\ny\n```\n')
    assert '<span class="dv">1</span>' in html
    assert '<details class="code-fold"><summary>Show</summary>' in html
    assert html.count('<details class="code-fold') == 1


def test_mathml_and_footnotes(one):
    html = one("Inline $x^2$.^[A note.]\n")
    assert '<math display="inline"' in html and "<msup>" in html
    assert 'role="doc-noteref"' in html and "A note." in html


def test_conditional_content_and_deeper(one):
    html = one(
        '::: {.content-visible when-format="html"}\nhere\n:::\n\n'
        '::: {.content-visible when-format="pdf"}\nelsewhere\n:::\n\n## Hard {.deeper}\n'
    )
    assert "here" in html and "elsewhere" not in html and 'class="level2 deeper"' in html


# ---------------------------------------------------------------- citations and glossary


def test_citations_lead_to_the_list_of_references(book):
    pages = book("As shown [@rosenblatt1958; @minsky1969, p. 3].", "Said @rosenblatt1958.")
    first, refs = (plain(pages[n].read_text("utf-8")) for n in ("book/01-one.html", "book/references.html"))
    assert '<a href="references.html#ref-rosenblatt1958" role="doc-biblioref">Rosenblatt 1958</a>' in first
    assert '<div id="refs" hidden' in first  # for the pop-overs
    assert 'id="ref-rosenblatt1958"' in refs and 'id="ref-minsky1969"' in refs and 'refs" hidden' not in refs


def test_glossary_definitions_come_as_a_script(book):
    pages = book("A [perceptron](glossary.qmd#perceptron).")
    assert 'href="glossary.html#perceptron"' in pages["book/01-one.html"].read_text("utf-8")
    script = pages["site_libs/preview/glossary.js"].read_text("utf-8")
    assert script.startswith("window.COURSE_GLOSSARY = {") and "A <em>unit<" in script


def test_search_index_has_a_record_for_each_section(book):
    pages = book("Before.\n\n## Alpha\n\nWord $\\frac{x}{y}$ </script>.\n")
    script = pages["site_libs/preview/search.js"].read_text("utf-8")
    assert '"u": "book/01-one.html#alpha"' in script and '"s": "1.1 Alpha"' in script
    assert "</script>" not in script
    assert "Word" in script and "frac" not in script  # what a reader sees, no markup


# ---------------------------------------------------------------- includes and embeds


def test_include_reads_paths_from_the_page(one):
    files = {"book/_generated/card.md": '![](a.png){fig-alt="red"}\n'}
    html = one("{{< include _generated/card.md >}}\n", files=files)
    assert '<img src="a.png" alt="red"' in html


def test_embed_figure(book):
    files = {"nb/one.ipynb": notebook(FIGURE_CELL)}
    pages = book("See @fig-loss.\n\n{{< embed ../nb/one.ipynb#fig-loss >}}\n", files=files)
    html = plain(pages["book/01-one.html"].read_text("utf-8"))
    assert '<img src="01-one_files/fig-loss-1.png" alt="A &quot;falling&quot; line"' in html
    assert "Figure 1.1: The <em>loss</em> falls" in html and "plot()" not in html
    assert 'href="#fig-loss" class="quarto-xref">Figure 1.1</a>' in html
    assert pages["book/01-one_files/fig-loss-1.png"].read_bytes() == PNG


def test_embed_code_table_and_text(one):
    table = ("#| label: tbl-s\n#| tbl-cap: Scores\nscores()", [shows(text_markdown="| a |\n|---|\n| 7 |")])
    text = (
        "#| label: demo\n#| code-fold: true\nprint('hi')",
        [nbformat.v4.new_output("stream", name="stdout", text="\x1b[1mhi\x1b[0m `x`\n")],
    )
    html = one(
        "{{< embed ../nb/one.ipynb#tbl-s >}}\n\n{{< embed ../nb/one.ipynb#demo echo=true >}}\n",
        files={"nb/one.ipynb": notebook(table, text)},
    )
    assert "Table 1.1: Scores" in html and "<td>7</td>" in html
    assert '<details class="code-fold"><summary>Code</summary>' in html and "#|" not in html
    assert "<code>hi `x`</code>" in html


# ---------------------------------------------------------------- mistakes

EMBED = "{{< embed ../nb/one.ipynb#fig-loss >}}\n"
NO_ALT = ('#| label: fig-loss\n#| fig-cap: "L"\nplot()', [PICTURE])
NO_CAPTION = ('#| label: fig-loss\n#| fig-alt: "L"\nplot()', [PICTURE])
NOT_RUN = ('#| label: fig-loss\n#| fig-cap: "L"\n#| fig-alt: "L"\nplot()', [])
VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET = (NOT_RUN[0], [nbformat.v4.new_output("display_data", {VIEW: {}, **PICTURE["data"]})])
HTML_TABLE = ("#| label: fig-loss\ntable()", [shows(text_html="<table>", text_plain="t")])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("See\n@fig-nothing.", 4, "@fig-nothing refers to nothing"),
        ("See @sec-onn.", 3, "did you mean sec-one?"),
        ("As [@rosenblat1958] said.", 3, "not in the bibliography; did you mean rosenblatt1958?"),
        ("[@fig-a; @minsky1969]\n\n![A](a.png){#fig-a fig-alt=r}", 3, "stand in one pair of brackets"),
        ("![A](a.png){#fig-a fig-alt=r}\n\n![B](a.png){#fig-a fig-alt=r}", 5, "#fig-a is already used"),
        ("\n\n![](a.png)", 5, "has no alt text"),
        ("\n![A caption](a.png)", 4, "has a caption but no alt text"),
        ("x\n\n```{=html}\n<img src='a.png'>\n```", 6, "has no alt text"),
        ("![r](b.png)", 3, "there is no picture b.png"),
        ("A [link](03-three.qmd).", 3, "leads to no page of the book"),
        ("A [link](02-two.qmd#nowhere).", 3, "leads to no place on book/02-two.html"),
        ("A [link](#nowhere).", 3, "leads to no place on book/01-one.html"),
        ("A [link](../data/x.csv).", 3, "there is no file ../data/x.csv"),
        ("A [link](../../x.csv).", 3, "lies outside the project"),
        ("{{< video x.mp4 >}}", 3, "unknown shortcode `video`"),
        ("Text {{< include x.md >}}", 3, "must stand alone in its line"),
        ("\n```\n{{< embed x.ipynb#y >}}\n```", 5, "must stand alone in its line, outside code"),
        ("{{< include x.md >}}", 3, "there is no file x.md to include"),
        ("{{< include 01-one.qmd >}}", 3, "includes itself"),
        ("{{< embed no.ipynb#x >}}", 3, "there is no notebook no.ipynb"),
        ("{{< embed ../nb/one.ipynb >}}", 3, "name the cell to embed"),
        ("{{< embed ../nb/one.ipynb#x >}}", 3, "has no cell labelled 'x'"),
        ("{{< embed ../nb/one.ipynb#fig-loss eco=true >}}", 3, "unknown option 'eco=true'"),
        ("x\n\n::: {.callout-hint}\ny\n:::", 5, "unknown callout 'hint'"),
        ("::: {.panel-tabset}\ny\n:::", 3, "a tabset needs a heading"),
        ("::: {#fig-x}\n![](a.png){fig-alt=r}\n:::", 3, "has no caption"),
        ("text\n::: {.callout-note}\ny\n:::", 4, "was not read as the border of a block"),
        ("::: {.callout-note}\ny\n", 3, "unclosed"),
        ("# Again", 3, "one heading of level 1"),
        ("\n```{python}\n1\n```", 4, "an executable code cell"),
        ("x\n\n```{=html}\n<script src='https://cdn.example.org/x.js'></script>\n```", 6, "from the network"),
        ("[a]{#x} and [b]{#x}", 3, "#x is used twice"),
        ("$$ a $$ {#eq-x}\n\n$$ a $$ {#eq-x}", 5, "#eq-x is already used"),
        (r"$\frac{1}{$", 3, "pandoc says: Could not convert TeX math"),
    ],
)
def test_mistakes_name_file_and_line(book, text, line, words):
    found = mistakes(book, text, files={"nb/one.ipynb": notebook(FIGURE_CELL)})
    assert any(m.startswith(f"book/01-one.qmd:{line}: ") and words in m for m in found), found


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (NO_ALT, "has no `#| fig-alt:`"),
        (NO_CAPTION, "has no `#| fig-cap:`"),
        (NOT_RUN, "has no saved figure: execute the notebook"),
        (HTML_TABLE, "loads scripts from"),
        (WIDGET, "loads scripts from"),
    ],
)
def test_mistakes_in_embedded_cells(book, cell, words):
    found = mistakes(book, "\n" + EMBED, files={"nb/one.ipynb": notebook(cell)})
    assert len(found) == 1 and found[0].startswith("book/01-one.qmd:4: ") and words in found[0]


def test_line_of_a_mistake_in_an_included_file(book):
    included = "fine\n\n[bad](no.qmd) @fig-no\n"
    found = mistakes(book, "a\n\n{{< include _x.md >}}\n", files={"book/_x.md": included})
    assert [m.split(": ")[0] for m in found] == ["book/_x.md:3", "book/_x.md:3"]


def test_reference_on_an_unnumbered_page(book):
    found = mistakes(book, files={"index.qmd": "# Preface {.unnumbered}\n\nSee @sec-one.\n"})
    assert len(found) == 1 and found[0].startswith("index.qmd:3: @sec-one stands on an unnumbered page")


@pytest.mark.parametrize(
    ("page", "line", "words"),
    [
        ("Text first.\n", 1, "must begin with its title"),
        ("---\ntitle: One\n---\n\n# One\n", 2, "shifts Quarto's numbering"),
        ("---\ntoc: [\n---\n\n# One\n", 2, "not valid YAML"),
    ],
)
def test_bad_beginnings(book, page, line, words):
    found = mistakes(book, files={"book/01-one.qmd": page})
    assert any(m.startswith(f"book/01-one.qmd:{line}: ") and words in m for m in found), found


def test_bad_bibliography(book):
    found = mistakes(book, files={"book/references.bib": BIB + BIB})
    assert found[0] == "book/references.bib:7: rosenblatt1958 was already defined in line 2"
    found = mistakes(book, files={"book/references.bib": "@article{x, title = {open\n"})
    assert found[0].startswith("book/references.bib")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (CONFIG.replace("02-two.qmd", "02-too.qmd"), "_quarto.yml:13: the page book/02-too.qmd does not"),
        (CONFIG.replace("book/02-two.qmd", "book/01-one.qmd"), "book/01-one.qmd is listed twice"),
        (CONFIG.replace("    - index.qmd\n", ""), "needs a home page"),
        (CONFIG + "format: {html: {css: x.css}}\n", "the file x.css does not exist"),
        ("book: [", "not valid YAML"),
        ("project: {type: book}\n", "lists no page"),
    ],
)
def test_bad_configuration(book, config, words):
    assert any(words in m for m in mistakes(book, config=config))


# ---------------------------------------------------------------- writing


def test_output_is_replaced_as_a_whole(book, tmp_path):
    book()
    (tmp_path / "site" / "old.html").write_text("old")
    pages = book()
    assert "old.html" not in pages
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".book-")]


def test_a_failed_build_leaves_the_old_book(book, tmp_path):
    book("Good.")
    mistakes(book, "@fig-bad")
    assert "Good." in (tmp_path / "site/book/01-one.html").read_text("utf-8")


def test_a_folder_with_other_things_is_not_replaced(book, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("!")
    with pytest.raises(preview.InputError, match="something else than a rendered book"):
        book()
    assert (tmp_path / "site" / "thesis.tex").read_text() == "!"


def test_two_renderings_are_equal(book):
    first = {name: path.read_bytes() for name, path in book("@minsky1969\n\n## A\n").items()}
    assert {name: path.read_bytes() for name, path in book("@minsky1969\n\n## A\n").items()} == first


def test_command_prints_where_the_book_is(book, tmp_path, capsys):
    book()
    assert preview.main(["--root", str(tmp_path / "src"), "--output", str(tmp_path / "out")]) == 0
    assert str(tmp_path / "out" / "index.html") in capsys.readouterr().out
    (tmp_path / "src/book/01-one.qmd").write_text("# One\n\n@fig-x\n")
    assert preview.main(["--root", str(tmp_path / "src"), "--output", str(tmp_path / "out")]) == 1
    assert "book/01-one.qmd:3: @fig-x refers to nothing" in capsys.readouterr().err


def test_book_command_says_which_engine(book, tmp_path, capsys, monkeypatch):
    from bioimage_course.errors import ToolUnavailableError
    from coursebook import render as command

    book()
    monkeypatch.chdir(tmp_path / "src" / "book")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert command.main([]) == 0
    assert "preview renderer" in capsys.readouterr().out
    assert (tmp_path / "src/_book/index.html").is_file()
    with pytest.raises(ToolUnavailableError, match="no `quarto` command"):
        command.main(["--engine", "quarto"])
    quarto = tmp_path / "bin" / "quarto"
    quarto.parent.mkdir()
    quarto.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    quarto.chmod(0o755)
    assert command.main([]) == 0
    assert (tmp_path / "asked").read_text().strip() == f"render {tmp_path / 'src'}"
    assert "with Quarto" in capsys.readouterr().out


def test_one_page_is_rendered_into_the_book(book, tmp_path, capsys):
    before = {name: path.read_bytes() for name, path in book("Old.", "See @sec-one.").items()}
    source, site = tmp_path / "src", tmp_path / "site"
    (source / "book/01-one.qmd").write_text("# One {#sec-one}\n\nNew.\n")
    arguments = ["--root", str(source), "--output", str(site), "--only"]
    assert preview.main([*arguments, "01"]) == 0
    assert "1 page " in capsys.readouterr().out
    assert b"New." in (site / "book/01-one.html").read_bytes()
    for name in before.keys() - {"book/01-one.html"}:
        assert (site / name).read_bytes() == before[name], name
    preview.render(source, tmp_path / "whole")
    assert (site / "book/01-one.html").read_bytes() == (tmp_path / "whole/book/01-one.html").read_bytes()
    with pytest.raises(preview.InputError, match="No page is called '77'; there are index, 01-one"):
        preview.main([*arguments, "77"])
    (source / "book/01-one.qmd").write_text("# One {#sec-one}\n\n@fig-nothing\n")
    with pytest.raises(preview.InputError, match="No page is called '77'"):  # nor where no book is yet
        preview.render(source, tmp_path / "new", "77")


def test_a_saved_page_is_rendered_again_and_asked_for(book, tmp_path):
    import functools
    import threading
    import urllib.request

    from coursebook.preview import watch

    book("Old.")
    source, site = tmp_path / "src", tmp_path / "site"
    times, _ = watch.changed(source, {})
    (source / "book/01-one.qmd").write_text("# One {#sec-one}\n\nNewer and longer.\n")
    os.utime(source / "book/01-one.qmd", (1, 1))
    times, paths = watch.changed(source, times)
    assert paths == {source / "book/01-one.qmd"} and watch.page_of(source, paths) == "01"
    assert watch.page_of(source, {source / "_quarto.yml"}) == ""
    assert watch.changed(source, times)[1] == set()
    with watch.Server(("127.0.0.1", 0), functools.partial(watch.Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        get = lambda name: urllib.request.urlopen(address + name, timeout=20).read().decode()  # noqa: E731
        assert get("/__version") == "0"
        assert "location.reload()" in get("/book/01-one.html") and "https:" not in watch.RELOAD
        assert "location.reload()" not in (site / "book/01-one.html").read_text("utf-8")
        server.shutdown()


def test_resources_come_with_the_book_and_with_one_page(book, tmp_path):
    """What a script adds by itself, weights for instance, no page names."""
    config = CONFIG.replace("  type: book\n", "  type: book\n  resources:\n    - js/*-weights.js\n")
    written = book(files={"js/a-weights.js": "1;", "js/b.js": "2;"}, config=config)
    assert "js/a-weights.js" in written and "js/b.js" not in written
    (tmp_path / "src/js/a-weights.js").write_text("3;")
    preview.render(tmp_path / "src", tmp_path / "site", only="01")
    assert (tmp_path / "site/js/a-weights.js").read_text() == "3;"
