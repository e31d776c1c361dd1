"""The decision guide of chapter 14: its users, its tables, its ranking as the sum of its reasons.

What it knows stands in ``explore/guide/rules.yml``; whoever it must advise well in ``users.yml``.
"""

import random
import re
from pathlib import Path

import pytest
import yaml

from bioimage_course import explore
from bioimage_course.explore.explorables import SCRIPTS
from browser import frame
from coursebook import guide
from coursebook.project import Project
from explorable_page import control, number, opened

TAG = "decision-explorer"
BOOK = Path(__file__).parents[1] / "book"
FOLDER = Path(str(SCRIPTS)).parent / "guide"
USERS = yaml.safe_load((FOLDER / "users.yml").read_text(encoding="utf-8"))
RESOURCES = ("quality", "contrast", "amount", "size", "examples", "hours", "gpu", "house", "skills")
CLASS = f"customElements.get('{TAG}')"


@pytest.fixture
def page(open_page):
    return opened(open_page, TAG)


@pytest.fixture
def tables(page):
    return page.evaluate(f"{CLASS}.tables")


def random_answers(tables, count=400, seed=14):
    """Answers drawn by lot, a sixth of them open."""
    draw = random.Random(seed)
    return [
        {q["id"]: draw.choice([*q["answers"], "open"]) for q in tables["QUESTIONS"]} for _ in range(count)
    ]


# ---------------------------------------------------------------- the same rules, applied in Python


def holds(condition, answers):
    for question, wanted in condition.items():
        answer = answers.get(question, "open")
        if isinstance(wanted, list):
            if answer not in wanted:
                return False
        elif (answer == wanted.removeprefix("!")) == wanted.startswith("!"):
            return False
    return True


def ranked(tables, answers):
    """{category: score, or None if excluded}."""
    hidden = [q["id"] for q in tables["QUESTIONS"] if q.get("unless") and holds(q["unless"], answers)]
    answers = {question: answer for question, answer in answers.items() if question not in hidden}
    scores = {
        name: 0 for name, about in tables["CATEGORIES"].items() if holds(about.get("only", {}), answers)
    }
    for condition, category, points, *_ in tables["RULES"]:
        if scores.get(category) is not None and holds(condition, answers):
            scores[category] = None if points == "out" else scores[category] + points
    return scores


def winners(scores):
    best = max(score for score in scores.values() if score is not None)
    return {category for category, score in scores.items() if score == best}


@pytest.mark.browser
def test_ranking_is_the_sum_of_the_points(page, tables):
    answers = random_answers(tables)
    found = page.evaluate(
        f"""all => all.map(answers => {CLASS}.rank(answers)
          .map(r => [r.id, r.out.length ? null : r.score, r.place, r.tied]))""",
        answers,
    )
    for given, rows in zip(answers, found, strict=True):
        scores = ranked(tables, given)
        assert {row[0]: row[1] for row in rows} == scores
        left = sorted((s for s in scores.values() if s is not None), reverse=True)
        assert [row[1] for row in rows] == left + [None] * (len(scores) - len(left)), (
            "best first, excluded last"
        )
        for _, score, place, tied in rows:
            assert (place, tied) == (
                (left.index(score) + 1, left.count(score) > 1) if score is not None else (0, False)
            )


# ---------------------------------------------------------------- the users


ADVICE = f"""all => all.map(answers => {{
  const {{ rank, leading, notes, report }} = {CLASS};
  const ranking = rank(answers), firsts = ranking.filter(r => r.place === 1).map(r => r.id);
  const card = report(answers).split(/\\n(?=\\d+\\. |Excluded: )/)[1];
  return [firsts, leading(firsts[0], answers), notes(answers, ranking).map(n => n.text).join(" "), card];
}})"""


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.browser
def test_every_user_gets_the_answer_that_an_expert_would_give(page):
    assert len(USERS) >= 40
    advice = page.evaluate(ADVICE, [user["answers"] for user in USERS])
    for user, (firsts, lead, said, card) in zip(USERS, advice, strict=True):
        name = user["name"]
        assert firsts == [user["first"]], name
        assert lead == user.get("leads", lead), name
        assert f"{lead} (" in card, name
        for other in user.get("also", []):
            assert f"{other} (" in card, f"{name}: {other} is not on the first card"
        assert not {*firsts, lead} & set(user["never"]), name
        assert user.get("note", "") in said, name


@pytest.mark.browser
def test_few_single_answers_about_circumstances_would_turn_a_user(page, tables):
    """The advice must follow from what is in the image, not from one detail about hours or computers."""
    asked = {q["id"]: [*q["answers"], "open"] for q in tables["QUESTIONS"]}
    changed = [
        (user, {**user["answers"], question: answer})
        for user in USERS
        for question in RESOURCES
        for answer in asked[question]
    ]
    advice = page.evaluate(ADVICE, [answers for _, answers in changed])
    kept = [user["first"] in firsts for (user, _), (firsts, *_) in zip(changed, advice, strict=True)]
    assert sum(kept) > 0.9 * len(kept)


@pytest.mark.browser
def test_special_tasks_stay_special_whatever_the_circumstances(page, tables):
    sheets = random_answers(tables, 300, seed=5)
    for output, category in {"spots": "spots", "lines": "tracing", "molecules": "localise"}.items():
        advice = page.evaluate(ADVICE, [{**sheet, "output": output} for sheet in sheets])
        assert sum(category in firsts for firsts, *_ in advice) >= 0.97 * len(sheets), output
    assert all(firsts == ["localise"] for firsts, *_ in advice)
    assert all("no segmentation" in said for _, _, said, _ in advice)


@pytest.mark.browser
def test_a_tracker_stands_on_every_card_when_objects_are_followed(page, tables):
    for sheet in random_answers(tables, 60, seed=6):
        report = page.evaluate(f"a => {CLASS}.report(a)", {**sheet, "film": "follow"})
        cards = re.split(r"\n(?=\d\. |Excluded: )", report)[1:]
        assert all(card.startswith("Excluded") or "TrackMate (" in card for card in cards)


@pytest.mark.browser
def test_where_fine_tuning_wins_the_pretrained_network_is_scored_first(page, tables):
    advice = page.evaluate(ADVICE, random_answers(tables, 600, seed=7))
    won = [(said, card) for firsts, _, said, card in advice if firsts == ["finetuned"]]
    assert len(won) > 20
    for said, card in won:
        assert "Score the pretrained network" in said and "Score the pretrained network" in card
    others = [said for firsts, _, said, _ in advice if firsts != ["finetuned"]]
    assert not any("Score the pretrained network" in said for said in others)


# ---------------------------------------------------------------- the file


@pytest.fixture(scope="module")
def project():
    return Project.find(FOLDER)


def test_everything_that_the_guide_says_has_a_source_that_exists(project):
    read, findings = guide.read(project)
    assert findings == []
    assert {part: len(read.rules[part]) > 5 for part in ("rules", "models", "tools", "notes")}
    held = explore.explorables.read_data("decision-guide", TAG)
    assert [rule["say"] for rule in held["rules"]] == [rule["say"] for rule in read.rules["rules"]]
    for entry in held["models"]:
        card = read.atlas[entry["model"]]
        assert guide.licence(card) in entry["about"] and guide.download(card) in entry["about"]
        assert f'id="{entry["anchor"]}"' in (BOOK / "_generated/models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("rules", "source: krull2019\n", "source: nobody2019\n", "neither an https address nor in the bib"),
        ("rules", "source: krull2019\n", "because: I think so\n", "no source"),
        ("rules", "when: {output: count}", "when: {outcome: count}", "no question 'outcome'"),
        ("rules", "when: {output: count}", "when: {output: counts}", "did you mean count?"),
        (
            "rules",
            "- manual +1 clicking",
            "- by-hand +1 clicking",
            "expected a category, points and a reason",
        ),
        ("rules", "model: bact_phase_omni", "model: bact_phase", "is not in book/models.yml"),
        ("users", "first: tracing", "first: trace", "is in no part of"),
        ("users", "object: organelles, shape", "object: organelle, shape", "did you mean organelles?"),
        ("tomorrow", "model: 2D_versatile_fluo", "model: versatile", "is not in book/models.yml"),
        ("rules", "questions:", "question: [", "not valid YAML"),
    ],
)
def test_mistakes_in_the_files_are_found(project, tmp_path, file, old, new, words):
    for name in (
        "_quarto.yml",
        "book/references.bib",
        "book/models.yml",
        guide.RULES,
        guide.USERS,
        guide.TOMORROW,
    ):
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((project.root / name).read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / guide.FOLDER / f"{file}.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    _, findings = guide.read(Project(tmp_path))
    assert any(words in str(finding) for finding in findings), findings


def test_a_course_without_a_guide_needs_none(tmp_path):
    (tmp_path / "_quarto.yml").write_text("project: {type: book}\n", encoding="utf-8")
    assert guide.read(Project(tmp_path)) == (None, [])


# ---------------------------------------------------------------- the tables


@pytest.mark.browser
def test_tables_name_only_what_exists(tables):
    answers = {q["id"]: set(q["answers"]) for q in tables["QUESTIONS"]}
    assert 14 <= len(answers) <= 16
    assert {rule[1] for rule in tables["RULES"]} == set(tables["CATEGORIES"])
    assert {rule[2] for rule in tables["RULES"]} <= {*range(-3, 0), *range(1, 10), "out"}
    for name, example, *_ in tables["EXAMPLES"].values():
        for question, answer in example.items():
            assert answer in answers[question], name


def sheets_for(tables, condition, count, seed):
    """Random answers that meet a condition."""
    draw = random.Random(seed)
    asked = {q["id"]: [*q["answers"], "open"] for q in tables["QUESTIONS"]}
    sheets = random_answers(tables, count, seed)
    for sheet in sheets:
        for question, wanted in condition.items():
            fitting = [answer for answer in asked[question] if holds({question: wanted}, {question: answer})]
            sheet[question] = draw.choice(fitting)
    return sheets


@pytest.mark.browser
def test_no_rule_and_no_answer_is_dead_and_every_category_can_win(page, tables):
    """Without any one rule, or with a question left open, some project is ranked otherwise."""
    sheets = [sheets_for(tables, rule[0], 60, seed) for seed, rule in enumerate(tables["RULES"])]
    dead = page.evaluate(
        f"""all => {{
          const {{ rank, tables: {{ RULES }} }} = {CLASS};
          const order = (a, rules) => rank(a, rules).filter(r => r.place).map(r => r.id + r.place).join();
          return RULES.filter((rule, i) => {{
            const rest = RULES.filter((_, k) => k !== i);
            return !all[i].some(a => order(a, rest) !== order(a));
          }});
        }}""",
        sheets,
    )
    assert [rule[1] for rule in dead] == ["localise"], "which stands alone: all others are excluded"
    idle, won = page.evaluate(
        f"""all => {{
          const {{ rank, tables: {{ QUESTIONS }} }} = {CLASS};
          const order = a => rank(a).filter(r => r.place).map(r => r.id + r.place).join();
          const idle = QUESTIONS.flatMap(q => Object.keys(q.answers).map(answer => [q.id, answer]))
            .filter(([id, answer]) =>
              !all.some(a => order({{ ...a, [id]: answer }}) !== order({{ ...a, [id]: 'open' }})));
          const won = new Set(all.map(a => rank(a)).filter(r => !r[0].tied).map(r => r[0].id));
          return [idle, [...won]];
        }}""",
        random_answers(tables, 600),
    )
    plain = [[q["id"], q["plain"]] for q in tables["QUESTIONS"] if "plain" in q]
    assert idle == plain, "the ordinary answers count for nothing, all others for something"
    assert set(won) == set(tables["CATEGORIES"])


@pytest.mark.browser
def test_tools_are_taught_where_the_guide_says(page, tables):
    pages = {path.stem: path.read_text(encoding="utf-8").lower() for path in BOOK.glob("[0-9]?-*.qmd")}
    for name in [name for name in pages if name[:2] in ("14", "17", "18", "19")]:  # they speak of all of them
        pages.pop(name)
    taught = [tool for tool in tables["TOOLS"] if "chapter" in tool]
    for tool in taught:
        name = tool["name"].lower().split("'")[0].split(" and ")[0].rstrip("s")
        counts = {page: text.count(name) for page, text in pages.items()}
        assert max(counts, key=counts.get) == tool["chapter"][1], f"{tool['name']} elsewhere: {counts}"
    assert {tool["chapter"][1][:2] for tool in taught} == {"08", "09", "10", "11", "12", "13"}
    for answers in random_answers(tables, 100, seed=1):
        text = page.evaluate(f"a => {CLASS}.report(a)", answers)
        for part in re.split(r"\n(?=\d\. |Excluded: )", text)[1:]:
            assert part.startswith("Excluded") or "Tools: none" not in part, part


@pytest.mark.browser
def test_networks_fit_the_dimensions(tables):
    """StarDist publishes no 3D model but a demonstration."""

    def fitting(part, name, **answers):
        given = {q["id"]: "open" for q in tables["QUESTIONS"]} | answers
        return [entry[name] for entry in tables[part] if holds(entry["when"], given)]

    flat = {"output": "count", "kind": "fluorescence", "object": "nuclei"}
    assert "2D_versatile_fluo" in fitting("MODELS", "model", **flat)
    stack = fitting("MODELS", "model", **flat, dims="stack")
    assert "2D_versatile_fluo" not in stack and stack[0] == "cpsam"
    assert not {"2D_versatile_he", "brightfield_nuclei"} & set(fitting("MODELS", "model", dims="stack"))


# ---------------------------------------------------------------- in the page


def order(page):
    frame(page)
    return page.locator(".cards > li:not([hidden])").evaluate_all("all => all.map(e => e.dataset.category)")


def card(page, category):
    return page.locator(f"[data-category={category}]")


def text(page):
    frame(page)
    return page.locator("textarea").input_value()


def answered(page):
    return page.evaluate(f"document.querySelector('{TAG}').answers")


@pytest.mark.browser
def test_an_answer_by_keyboard_changes_the_ranking_and_is_announced(page, tables):
    assert order(page)[0] == "pretrained"
    page.wait_for_timeout(700)
    live = page.locator(".sr[role=status]")
    assert live.inner_text() == "", "nothing is said before the reader does something"
    control(page, "crowding").press("ArrowUp")
    frame(page)
    assert page.locator("[data-text=because]").inner_text() == "", "no longer that project"
    assert answered(page)["crowding"] == "apart" and control(page, "example").input_value() == "own"
    scores = ranked(tables, answered(page))
    assert order(page)[0] == "classical" and winners(scores) == {"classical"}
    page.wait_for_function(
        f"document.querySelector('{TAG}').shadowRoot.querySelector('.sr[role=status]').textContent"
    )
    assert live.inner_text() == f"First: Classical image processing, {scores['classical']} points"
    control(page, "amount").press("End")
    assert answered(page)["amount"] == "thousands" and order(page)[-1] in ("manual", "scratch")
    control(page, "reset").click()
    assert order(page)[0] == "pretrained" and control(page, "example").input_value() == "nuclei"


@pytest.mark.browser
def test_projects_that_differ_get_different_advice(page):
    expected = {
        "nuclei": "pretrained", "plate": "classical", "screen": "finetuned", "fish": "pixel",
        "organelles": "manual", "rare": "scratch", "neurites": "tracing", "palm": "localise",
    }  # fmt: skip
    for example, category in expected.items():
        control(page, "example").select_option(example)
        assert order(page)[0] == category
        first = card(page, category)
        assert first.get_attribute("class") == "first" and first.locator(".place").inner_text() == "1."
        (user,) = [user for user in USERS if user["id"] == example]
        assert user["why"] in page.locator("[data-text=because]").inner_text()
        assert first.locator(".more").is_visible() and page.locator(".more:visible").count() == 1


@pytest.mark.browser
def test_what_is_excluded_stays_with_its_reason(page, axe):
    scratch = card(page, "scratch")
    assert (
        "no time to draw any" in scratch.inner_text() and scratch.locator(".sum").inner_text() == "excluded"
    )
    assert order(page)[-1] == "scratch" and not scratch.locator("canvas").is_visible()
    control(page, "hours").press("ArrowRight")
    frame(page)
    assert scratch.locator(".sum").inner_text() != "excluded" and scratch.locator("canvas").is_visible()
    control(page, "output").select_option("restored")
    assert set(order(page)[-2:]) == {"manual", "pixel"}
    assert "nobody can draw the noise away" in card(page, "manual").inner_text()
    assert axe(page) == []
    before = order(page), card(page, "classical").locator(".sum").inner_text()
    assert control(page, "object").is_disabled() and control(page, "shape").is_disabled()
    assert "Their shape: not asked" in text(page)
    page.evaluate(
        f"() => {{ const e = document.querySelector('{TAG}'); e.answers.shape = 'long'; e.changed(); }}"
    )
    assert (order(page), card(page, "classical").locator(".sum").inner_text()) == before


@pytest.mark.browser
def test_a_tie_is_shown_as_a_tie(page, tables):
    control(page, "example").select_option("empty")
    assert number(page, "open") == str(len(tables["QUESTIONS"]))
    assert page.locator(".cards > li:not([hidden]) .place").all_inner_texts() == ["1="] * 6
    assert "all six are equal" in page.locator(".note").inner_text()
    control(page, "output").select_option("outlines")
    tied = winners(ranked(tables, answered(page)))
    assert len(tied) == 2 and set(order(page)[:2]) == tied
    assert [card(page, c).locator(".place").inner_text() for c in tied] == ["1=", "1="]
    assert number(page, "lead") == "tie" and page.locator(".note").inner_text().startswith("A tie: ")


@pytest.mark.browser
def test_special_categories_come_and_go_with_what_is_asked(page, axe):
    assert not {"spots", "tracing", "localise"} & set(order(page))
    control(page, "output").select_option("molecules")
    assert order(page)[0] == "localise" and len(order(page)) == 7
    assert "no segmentation" in page.locator(".advice").inner_text()
    assert page.locator(".note").inner_text().startswith("To begin with: Localisation software")
    assert axe(page) == []
    control(page, "output").select_option("spots")
    assert order(page)[0] == "spots" and "localise" not in order(page)


@pytest.mark.browser
def test_models_lead_to_the_atlas_and_tools_to_their_chapters(page):
    first = card(page, "pretrained")
    held = explore.explorables.read_data("decision-guide", TAG)
    anchors = {entry["model"]: entry["anchor"] for entry in held["models"]}
    link = first.locator(".models a").first
    assert link.get_attribute("href") == f"models.html#{anchors[link.inner_text()]}"
    for href in first.locator(".tools a").evaluate_all("all => all.map(e => e.getAttribute('href'))"):
        assert (BOOK / href.replace(".html", ".qmd")).is_file()
    links = first.locator(".sources a").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    assert len(links) > 3 and all(href.startswith("https://") for href in links)


@pytest.mark.browser
@pytest.mark.parametrize("example", ["nuclei", "noise"])
def test_single_answers_that_would_turn_it(page, tables, example):
    control(page, "example").select_option(example)
    frame(page)
    given = answered(page)
    now, tried, turned = winners(ranked(tables, given)), 0, 0
    for question in tables["QUESTIONS"]:
        if question.get("unless") and holds(question["unless"], given):
            continue
        for answer in set(question["answers"]) - {given[question["id"]]}:
            tried += 1
            turned += not now & winners(ranked(tables, {**given, question["id"]: answer}))
    assert number(page, "turns") == f"{turned} of {tried}" and turned > 0


@pytest.mark.browser
def test_reasons_open_by_keyboard_and_add_up(page):
    button = control(page, "more-classical")
    assert button.get_attribute("aria-expanded") == "false"
    button.press("Enter")
    frame(page)
    assert button.get_attribute("aria-expanded") == "true"
    classical = card(page, "classical")
    points = [int(p.replace("−", "-")) for p in classical.locator("li b").all_inner_texts()]
    assert len(points) > 3 and f"{sum(points):+d}" == classical.locator(".sum").inner_text()
    assert f"{sum(p for p in points if p > 0)} points for" in classical.locator("canvas").get_attribute(
        "aria-label"
    )


@pytest.mark.browser
def test_answers_and_ranking_leave_as_text(page, tables):
    control(page, "example").select_option("screen")
    exported = text(page)
    for question in tables["QUESTIONS"]:
        words = question["answers"].get(answered(page)[question["id"]], "not known yet")
        assert f"{question['text'].rstrip('?')}: {words}\n" in exported
    names = {about["name"]: category for category, about in tables["CATEGORIES"].items()}
    ranking = re.findall(r"^(?:\d\. |Excluded: )([^,\n]+)", exported, re.M)
    assert [names[name] for name in ranking] == order(page)
    assert "Excluded: Manual annotation\n   thousands cannot be drawn" in exported
    assert "not a verdict" in exported and "Cellpose (chapter “Cellpose and Cellpose-SAM”; " in exported
    assert "WHATEVER COMES FIRST\nScore the pretrained network first" in exported
    with page.expect_download() as download:
        control(page, "save").press("Enter")
    assert download.value.suggested_filename == "choosing-a-tool.txt"
    assert Path(download.value.path()).read_text(encoding="utf-8") == exported
    control(page, "reset").click()
    assert text(page) != exported
    control(page, "example").select_option("screen")
    assert text(page) == exported, "the same answers, the same text"


@pytest.mark.browser
@pytest.mark.parametrize("allowed", [True, False])
def test_copy_or_else_mark_the_text(page, allowed):
    page.evaluate(
        """allowed => Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => {
          if (!allowed) throw new Error('not here');
          window.copied = text;
        } } })""",
        allowed,
    )
    control(page, "copy").press("Enter")
    done = page.locator(".export [role=status]")
    done.get_by_text("Copied." if allowed else "Marked").wait_for()
    if allowed:
        assert page.evaluate("window.copied") == text(page)
    else:
        box = page.locator("textarea")
        assert box.evaluate(
            "b => b.value.slice(b.selectionStart, b.selectionEnd) === b.value && b.value.length > 500"
        )
        assert box.get_attribute("readonly") is not None
    control(page, "gpu").select_option("own")
    frame(page)
    assert done.inner_text() == "", "what was copied is no longer what is shown"


def test_a_widget_of_it_brings_the_guide_along():
    widget = explore.decision()
    assert 'document.createElement("decision-explorer")' in widget._esm
    assert set(guide.PARTS) <= set(widget.data)


@pytest.mark.browser
def test_without_its_file_the_guide_says_so(open_page, tmp_path):
    for name in ("base", TAG):
        (tmp_path / f"{name}.js").write_text((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
    scripts = "".join(
        f'<script defer src="{(tmp_path / name).as_uri()}.js"></script>' for name in ("base", TAG)
    )
    page = open_page(f"<!doctype html><html lang=en><title>x</title>{scripts}<{TAG}></{TAG}></html>")
    page.get_by_text("decision-guide.js is missing").wait_for()
    page.problems.clear()  # the browser tells of the missing file as well
