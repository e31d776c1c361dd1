"""The decision guide of chapter 14: its tables hold together, its ranking is the sum of its reasons."""

import random
import re
from pathlib import Path

import pytest

from bioimage_course import explore
from browser import frame
from explorable_page import control, number, opened

TAG = "decision-explorer"
BOOK = Path(__file__).parents[1] / "book"
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
    scores = dict.fromkeys(tables["CATEGORIES"], 0)
    for condition, category, points, _ in tables["RULES"]:
        if holds(condition, answers) and scores[category] is not None:
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
        assert [row[1] for row in rows] == left + [None] * (6 - len(left)), "best first, excluded last"
        for _, score, place, tied in rows:
            assert (place, tied) == (
                (left.index(score) + 1, left.count(score) > 1) if score is not None else (0, False)
            )


# ---------------------------------------------------------------- the tables


@pytest.mark.browser
def test_tables_name_only_what_exists(tables):
    answers = {q["id"]: set(q["answers"]) for q in tables["QUESTIONS"]}
    assert 7 <= len(answers) <= 10
    conditions = [rule[0] for rule in tables["RULES"]] + [tool[3] for tool in tables["TOOLS"]]
    conditions += [q["unless"] for q in tables["QUESTIONS"] if "unless" in q]
    for condition in conditions:
        for question, wanted in condition.items():
            wanted = wanted if isinstance(wanted, list) else [wanted.removeprefix("!")]
            assert set(wanted) <= answers[question] | {"open"}
    assert {rule[1] for rule in tables["RULES"]} == set(tables["CATEGORIES"])
    assert {rule[2] for rule in tables["RULES"]} <= {-3, -2, -1, 1, 2, 3, "out"}
    for name, example in tables["EXAMPLES"].values():
        for word, question in zip(example.split() or ["open"] * len(answers), answers, strict=True):
            assert word in answers[question] | {"open"}, name


@pytest.mark.browser
def test_no_rule_and_no_answer_is_dead_and_every_category_can_win(page, tables):
    """Without any one rule, or with a question left open, some project is ranked otherwise."""
    dead, idle, won = page.evaluate(
        f"""all => {{
          const {{ rank, tables: {{ RULES, QUESTIONS }} }} = {CLASS};
          const order = (a, rules) => rank(a, rules).filter(r => r.place).map(r => r.id + r.place).join();
          const now = all.map(a => order(a));
          const dead = RULES.filter((rule, i) => {{
            const rest = RULES.filter((_, k) => k !== i);
            return !all.some((a, k) => order(a, rest) !== now[k]);
          }});
          const idle = QUESTIONS.flatMap(q => Object.keys(q.answers).map(answer => [q.id, answer]))
            .filter(([id, answer]) =>
              !all.some(a => order({{ ...a, [id]: answer }}) !== order({{ ...a, [id]: 'open' }})));
          const won = new Set(all.map(a => rank(a)).filter(r => !r[0].tied).map(r => r[0].id));
          return [dead, idle, [...won]];
        }}""",
        random_answers(tables, 1500),
    )
    assert dead == [] and idle == []
    assert set(won) == set(tables["CATEGORIES"])


@pytest.mark.browser
def test_tools_are_taught_where_the_guide_says(page, tables):
    pages = {path.name[:2]: path.read_text(encoding="utf-8").lower() for path in BOOK.glob("[01]?-*.qmd")}
    pages.pop("14", None)  # which speaks of all of them
    for _, tool, chapter, _, _ in tables["TOOLS"]:
        if not chapter:
            continue
        name = tool.lower().split("'")[0].split(" and ")[0].rstrip("s")
        counts = {number: text.count(name) for number, text in pages.items()}
        assert max(counts, key=counts.get) == f"{chapter:02d}", f"{tool} is treated elsewhere: {counts}"
    taught = {chapter for _, _, chapter, _, _ in tables["TOOLS"]}
    assert taught == {0, 8, 9, 10, 11, 12, 13}
    for answers in random_answers(tables, 150, seed=1):
        text = page.evaluate(f"a => {CLASS}.report(a)", answers)
        for part in re.split(r"\n(?=\d\. |Excluded: )", text)[1:]:
            assert part.startswith("Excluded") or "Tools: none" not in part, part


@pytest.mark.browser
def test_tools_fit_the_dimensions(page, tables):
    """StarDist publishes no 3D model but a demonstration, and found objects must be linked to tracks."""
    open_sheet = {q["id"]: "open" for q in tables["QUESTIONS"]}

    def offered(category, **answers):
        given = open_sheet | answers
        return [
            name
            for categories, name, _, condition, _ in tables["TOOLS"]
            if category in categories.split(",") and holds(condition, given)
        ]

    assert "StarDist" in offered("pretrained", output="count", kind="nuclei")
    assert "StarDist" not in offered("pretrained", output="volumes", kind="nuclei")
    assert "Cellpose" in offered("pretrained", output="volumes", kind="nuclei")
    for category in tables["CATEGORIES"]:
        assert "TrackMate" in offered(category, output="tracks")


# ---------------------------------------------------------------- in the page


def order(page):
    frame(page)
    return page.locator(".cards > li").evaluate_all("cards => cards.map(card => card.dataset.category)")


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
    control(page, "objects").press("ArrowUp")
    frame(page)
    assert answered(page)["objects"] == "apart" and control(page, "example").input_value() == "own"
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
        "nuclei": "pretrained", "plain": "classical", "screen": "finetuned", "fish": "pixel",
        "organelles": "manual", "rare": "scratch",
    }  # fmt: skip
    for example, category in expected.items():
        control(page, "example").select_option(example)
        assert order(page)[0] == category
        first = card(page, category)
        assert first.get_attribute("class") == "first" and first.locator(".place").inner_text() == "1."
        assert first.locator(".more").is_visible() and page.locator(".more:visible").count() == 1


@pytest.mark.browser
def test_what_is_excluded_stays_with_its_reason(page, axe):
    scratch = card(page, "scratch")
    assert (
        "no time to draw any" in scratch.inner_text() and scratch.locator(".sum").inner_text() == "excluded"
    )
    assert order(page)[-1] == "scratch" and not scratch.locator("canvas").is_visible()
    control(page, "time").press("ArrowRight")
    frame(page)
    assert scratch.locator(".sum").inner_text() != "excluded" and scratch.locator("canvas").is_visible()
    control(page, "output").select_option("restored")
    assert set(order(page)[-2:]) == {"manual", "pixel"}
    assert "nobody can draw the noise away" in card(page, "manual").inner_text()
    assert axe(page) == []
    before = order(page), card(page, "classical").locator(".sum").inner_text()
    assert control(page, "kind").is_disabled() and control(page, "objects").is_disabled()
    assert "Shape and crowding: not asked" in text(page)
    page.evaluate(
        f"() => {{ const e = document.querySelector('{TAG}'); e.answers.objects = 'tangled'; e.changed(); }}"
    )
    assert (order(page), card(page, "classical").locator(".sum").inner_text()) == before


@pytest.mark.browser
def test_a_tie_is_shown_as_a_tie(page, tables):
    control(page, "example").select_option("noise")
    tied = winners(ranked(tables, answered(page)))
    assert len(tied) == 2 and set(order(page)[:2]) == tied
    assert [card(page, c).locator(".place").inner_text() for c in tied] == ["1=", "1="]
    assert number(page, "lead") == "tie" and page.locator(".note").inner_text().startswith("A tie: ")
    control(page, "example").select_option("empty")
    assert number(page, "open") == "10" and page.locator(".place").all_inner_texts() == ["1="] * 6
    assert "all six are equal" in page.locator(".note").inner_text()


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
        words = question["answers"][answered(page)[question["id"]]]
        assert f"{question['text'].rstrip('?')}: {words}\n" in exported
    names = {name["name"]: category for category, name in tables["CATEGORIES"].items()}
    ranking = re.findall(r"^(?:\d\. |Excluded: )([^,\n]+)", exported, re.M)
    assert [names[name] for name in ranking] == order(page)
    assert "Excluded: Manual annotation\n   thousands cannot be drawn" in exported
    assert "not a verdict" in exported and "Cellpose (chapter 12; " in exported
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


def test_a_widget_of_it():
    assert 'document.createElement("decision-explorer")' in explore.decision()._esm
