"""The model atlas: its file's form, its cards, its filters in a browser, and the weekly look at its age."""

import datetime
import re
import shutil

import pytest
import yaml

import demo_project
from browser import COLOURS, frame, overflow
from coursebook import generated, guide, models, preview
from coursebook.project import Project

ENTRY = """\
- name: one_net
  family: First
  segments: nuclei
  finds: [nuclei]
  images: [fluorescence]
  dims: 2D
  architecture: U-Net
  trained_on: unknown (not stated)
  input: one channel
  licence_code: MIT
  licence_weights: unknown
  licence_note: No licence was found.
  size_mb: 5.3
  memory: unknown (not stated)
  where: https://example.org/one
  seen_dsb2018: "yes"
  seen_because: it says so
  checked: 2026-11-29
  sources: [euclid1956, "https://example.org/one"]
"""
SECOND = ENTRY.replace("one_net", "other net").replace("First", "Second")


@pytest.fixture
def project(tmp_path):
    """The demo course with an atlas of two models."""
    project = demo_project.make(tmp_path)
    demo_project.add_page(project, "models")
    (tmp_path / models.SOURCE).write_text(ENTRY + SECOND, encoding="utf-8")
    demo_project.pretend_executed(project)
    return project


# ---------------------------------------------------------------- form

# what is there, what comes in its place, the line of the finding's field, words of the finding
BAD = [
    ("name: one_net", "name: other  net", "name: other net", "is here twice (line 1)"),
    ("name: one_net", "name:", "name:", "no name"),
    ("  family: Second", "  family: First", None, None),  # all of one family: right
    ("  segments: nuclei\n", "", "name: one_net", "no segments"),
    ("finds: [nuclei]", "finds: [nucleus]", "finds: [nucleus]", "did you mean nuclei"),
    ("finds: [nuclei]", "finds: []", "name: one_net", "no finds"),
    ("images: [fluorescence]", "images: [flourescence]", "images:", "did you mean fluorescence"),
    ("dims: 2D", "dims: 2.5D", "dims: 2.5D", "dims cannot be '2.5D'"),
    ("architecture: U-Net", "architecture: 3", "architecture: 3", "must be text"),
    ("trained_on: unknown (not stated)", "trained_on: unknown", "trained_on", "without a word why"),
    ("licence_code: MIT", "licence_code: GPL", "licence_code: GPL", "licence_code cannot be 'GPL'"),
    ("  licence_note: No licence was found.\n", "", "licence_weights", "say in licence_note"),
    ("size_mb: 5.3", "size_mb: small", "size_mb: small", "size_mb is a number"),
    ("size_mb: 5.3", "size_mb: -1", "size_mb: -1", "size_mb is a number"),
    ("size_mb: 5.3", "size_mb: {}", "size_mb: {}", "size_mb is a number"),
    ("size_mb: 5.3", "size_mb: {small: 1, large: 2}", None, None),
    ("where: https://example.org/one", "where: http://example.org", "where: http", "no https address"),
    ("where: https://example.org/one", "where: https://a b.org", "where: https", "no https address"),
    ('seen_dsb2018: "yes"', "seen_dsb2018: yes", "seen_dsb2018: yes", "must stand in quotes"),
    ('seen_dsb2018: "yes"', 'seen_dsb2018: "perhaps"', "seen_dsb2018", "cannot be 'perhaps'"),
    ("checked: 2026-11-29", "checked: last year", "checked: last", "is no date"),
    ("euclid1956", "euclid1965", "sources: [euclid1965", "neither an https address nor in the bibl"),
    ("  dims: 2D", "  dim: 2D", "dim: 2D", "there is no field 'dim'; did you mean dims"),
    ("- name: one_net", "- [1]\n- name: one_net", "- [1]", "expected a list of entries"),
    ("name: one_net", "name: one: net", "name: one", "not valid YAML"),
]


@pytest.mark.parametrize(("old", "new", "at", "words"), BAD, ids=[str(b[1]).strip() or b[0] for b in BAD])
def test_what_is_wrong_with_the_file_is_found_at_its_line(project, old, new, at, words):
    assert models.read(project)[1] == []
    path = project.root / models.SOURCE
    text = path.read_text(encoding="utf-8").replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    found = models.read(project)[1]
    if words is None:
        assert found == []
        return
    (finding,) = [finding for finding in found if words in finding.message]
    assert at in text.splitlines()[finding.line - 1]
    assert finding in generated.out_of_step(project)


def test_families_stand_together(project):
    path = project.root / models.SOURCE
    path.write_text(ENTRY + SECOND + ENTRY.replace("one_net", "third"), encoding="utf-8")
    (finding,) = models.read(project)[1]
    assert "must stand together" in finding.message and finding.line == 2 * 19 + 2


def test_a_card_says_what_its_entry_says(project):
    part = models.part(models.read(project)[0])
    assert part.index("## First") < part.index("model-one-net") < part.index("## Second")
    card = part[part.index('id="model-one-net"') : part.index("</article>")]
    assert 'data-finds="nuclei"' in card and 'data-use="unknown"' in card and 'data-seen="yes"' in card
    for words in (r"one\_net", "Unknown (not stated).", "5.3 MB", "[@euclid1956]", "29 November 2026"):
        assert words in card
    assert "\n\n" not in card


def test_stale_page_and_missing_file_are_found(project):
    generated.update(project)
    assert generated.out_of_step(project) == []
    demo_project.edit(project, models.SOURCE, "size_mb: 5.3", "size_mb: 1300")
    (finding,) = generated.out_of_step(project)
    assert finding.path == models.PART and "not what its source makes" in finding.message
    (project.root / models.SOURCE).unlink()
    assert [finding.path for finding in generated.out_of_step(project)] == [models.SOURCE]


def test_a_course_without_an_atlas_needs_no_file(tmp_path):
    project = demo_project.make(tmp_path)
    demo_project.pretend_executed(project)
    assert models.PART not in generated.expected(project)[0]


# ---------------------------------------------------------------- age


@pytest.mark.parametrize(
    ("day", "words"), [("2027-11-29", None), ("2027-11-30", "366 days"), ("2026-11-28", "future")]
)
def test_old_entries_are_named_with_their_line(project, day, words):
    entries = models.read(project)[0]
    found = models.stale(entries, datetime.date.fromisoformat(day))
    assert [finding.line for finding in found] == ([] if words is None else [18, 37])
    assert all(words in finding.message for finding in found)


def test_command_lists_and_complains(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert models.main([]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "one_net    2026-11-29  https://example.org/one"
    demo_project.edit(project, models.SOURCE, "checked: 2026-11-29", "checked: 2001-01-01")
    assert models.main(["--stale", "--days", "3000"]) == 1
    out = capsys.readouterr().out
    assert "book/models.yml:18: one_net: looked up" in out and "2 entries, 1 to look up again" in out
    assert models.main(["--stale", "--days", "100000"]) == 0


def test_the_public_repository_looks_every_week(root):
    jobs = yaml.safe_load((root / ".github/workflows/links.yml").read_text(encoding="utf-8"))["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert any("course models --stale" in command for command in commands)


# ---------------------------------------------------------------- our atlas


@pytest.fixture(scope="module")
def ours(root):
    entries, findings = models.read(Project(root))
    assert findings == []
    return entries


def test_our_atlas_holds_the_models_that_the_chapters_name(ours):
    names = " ".join(model["name"] for model in ours)
    for name in (
        "2D_versatile_fluo", "2D_versatile_he", "cyto3", "nuclei", "cpsam_v2", "cpdino", "bact_phase_omni",
        "InstanSeg", "Mesmer", "CellSAM", "SAM 3", "MobileSAM", "vit_b_lm", "MitoNet", "nnU-Net", "BiaPy",
    ):  # fmt: skip
        assert name in names or any(name == model["family"] for model in ours), name
    assert len(ours) >= 24


def test_our_models_name_where_each_fact_comes_from(ours):
    for model in ours:
        assert any(str(source).startswith("https://") for source in model["sources"]), model["name"]


def test_every_value_of_a_filter_has_a_model_or_is_no_option(ours, root):
    """A choice that empties the page on its own would only tell readers that we have forgotten it."""
    part = (root / models.PART).read_text(encoding="utf-8")
    for select in re.findall(r"<select .*?</select>", part):
        name = re.search(r'name="(\w+)"', select)[1]
        for value in re.findall(r'value="([^"]+)"', select):
            assert re.search(rf'data-{name}="(?:[^"]*\|)?{re.escape(value)}(?:\|[^"]*)?"', part), (
                name,
                value,
            )


def test_our_sizes_are_those_of_the_registry(ours, root):
    """The course's own list of weights knows some of the files to the byte."""
    registry = root / "src/bioimage_course/data/registry"
    for name, file in {"cpsam": "cpsam", "cpsam_v2": "cpsam-v2", "MobileSAM (vit_t)": "mobilesam"}.items():
        entry = yaml.safe_load((registry / f"weights-{file}.json").read_text(encoding="utf-8"))
        ((_, size),) = entry["files"].values()
        (model,) = [model for model in ours if model["name"] == name]
        assert model["size_mb"] == pytest.approx(size / 1e6, rel=0.01), name


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def atlas(root, tmp_path_factory):
    """Our page of models, rendered inside the demo course: the whole book would take a minute."""
    folder = tmp_path_factory.mktemp("atlas")
    project = demo_project.make(folder)
    demo_project.edit(
        project,
        "_quarto.yml",
        "    - book/glossary.qmd\n",
        "    - book/glossary.qmd\n    - book/models.qmd\n    - book/need-sheet.qmd\n",
    )
    (folder / guide.FOLDER).mkdir(parents=True)
    files = ["book/references.bib", "book/assets/course.css", "book/assets/models.js", "book/need-sheet.qmd"]
    for file in (*files, models.SOURCE, guide.RULES, guide.USERS):
        shutil.copy(root / file, folder / file)
    rows = (root / guide.TOMORROW).read_text(encoding="utf-8")
    (folder / guide.TOMORROW).write_text(re.sub(r"sec-[\w-]+", "sec-lines", rows), encoding="utf-8")
    demo_project.edit(project, "book/need-sheet.qmd", "@sec-choosing", "@sec-lines")
    with open(folder / "book/references.bib", "a", encoding="utf-8") as bibliography:
        bibliography.write(demo_project.BIB)
    page = (root / models.PAGE).read_text(encoding="utf-8")
    page = re.sub(r"@sec-[\w-]+", "@sec-lines", page).replace("#in-domain", "#straight-line")
    page = (
        re.sub(r"\{\{< embed .*\n", "", page)
        .replace("@fig-image-kinds", "the pictures")
        .replace("@tbl-image-kinds", "the table")
    )
    (folder / models.PAGE).write_text(page, encoding="utf-8")
    demo_project.pretend_executed(project)
    assert generated.update(project) == []
    preview.render(folder, folder / "_book")
    return folder / "_book/book/models.html"


def shown(page):
    return page.locator("article.model:visible").evaluate_all("cards => cards.map((card) => card.dataset)")


def families(page):
    return [text.strip("#") for text in page.locator("main h2:visible").all_inner_texts()]


def status(page):
    return page.locator(".model-filters [role=status]").inner_text()


@pytest.mark.browser
def test_filters_by_keyboard(atlas, open_page, ours):
    page = open_page(atlas)
    finds, seen = page.get_by_label("It finds"), page.get_by_label("Has it seen DSB2018?")
    assert status(page) == f"{len(ours)} of {len(ours)} models"
    finds.focus()
    page.keyboard.type("bact")  # what a reader types to choose in a list
    page.keyboard.press("Tab")
    frame(page)
    assert finds.input_value() == "bacteria"
    cards = shown(page)
    assert cards and all("bacteria" in card["finds"].split("|") for card in cards)
    assert status(page) == f"{len(cards)} of {len(ours)} models"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "seen"
    page.keyboard.type("no")
    page.keyboard.press("Tab")
    frame(page)
    assert seen.input_value() == "no"
    both = shown(page)
    assert 0 < len(both) < len(cards) and all(card["seen"] == "no" for card in both)
    assert "Omnipose" in families(page) and "PlantSeg" not in families(page)
    assert page.evaluate("document.activeElement.type") == "reset"
    page.keyboard.press("Enter")
    frame(page)
    assert len(shown(page)) == len(ours) and finds.input_value() == ""
    assert "PlantSeg" in families(page)


@pytest.mark.browser
def test_frameworks_take_any_image_and_nothing_left_is_said(atlas, open_page):
    page = open_page(atlas)
    page.get_by_label("Kind of image").select_option("medical")
    assert any(card["images"] == "any" for card in shown(page))
    assert not page.locator(".model-none").is_visible()
    page.get_by_label("It finds").select_option("bacteria")
    assert shown(page) == [] and page.locator(".model-none").is_visible()
    assert status(page).startswith("0 of")


@pytest.mark.browser
def test_a_link_leads_to_a_model_that_was_filtered_away(atlas, open_page):
    page = open_page(atlas)
    page.get_by_label("It finds").select_option("bacteria")
    card = page.locator("#model-2d-versatile-fluo")
    assert not card.is_visible()
    page.evaluate("location.hash = 'model-2d-versatile-fluo'")
    card.wait_for(state="visible")
    page.wait_for_function(  # the page may scroll smoothly
        "document.getElementById('model-2d-versatile-fluo').getBoundingClientRect().top < innerHeight - 50"
    )


@pytest.mark.browser
def test_everything_is_there_without_javascript(atlas, open_page, ours):
    page = open_page(atlas, javascript=False)
    assert page.locator("article.model:visible").count() == len(ours)
    assert not page.locator(".model-filters").is_visible()
    assert not page.locator(".model-none").is_visible()
    text = page.locator("main").inner_text()
    assert all(model["name"] in text for model in ours)
    assert not re.search(r"\[@|\]\(|\*\*|\\_", text), "Markdown that a reader would see"


@pytest.mark.browser
def test_accessible_and_never_wider_than_the_screen(atlas, open_page, axe):
    page = open_page(atlas, width=1300)
    assert axe(page) == [] and overflow(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    frame(page)
    assert overflow(page) == []
    dark = open_page(atlas, width=360, dark=True)
    assert axe(dark, only=COLOURS) == []
