"""Figures of the course as a whole, and how to cite it: tables from measured results and CITATION.cff."""

import importlib.util
import json

import pytest
import yaml

from bioimage_course.errors import InputError
from coursebook import citation, figures
from coursebook.project import Project

RUN = {
    "date": "2026-11-01",
    "machine": "Linux x86_64, 2 cores",
    "versions": {"python": "3.11.7"},
    "figures": {
        "install_book_s": 10.0,
        "book_environment_gb": 0.23,
        "tests_s": 900.0,
        "largest_page_kb": 2000.0,
    },
}


@pytest.fixture
def project(tmp_path):
    def write(*runs, timings=None):
        file = tmp_path / figures.RESULTS
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"runs": runs}), encoding="utf-8")
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        (tmp_path / "notebooks/timings.json").write_text(json.dumps(timings or {}), encoding="utf-8")
        return Project(tmp_path)

    return write


def run(date="2026-11-02", machine=RUN["machine"], **changed):
    return {**RUN, "date": date, "machine": machine, "figures": RUN["figures"] | changed}


def row(text: str, word: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if word in line]
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_regression_is_marked_beside_what_it_was(project):
    text = figures.table(project(RUN, run(install_book_s=14.0, largest_page_kb=1900.0)))
    assert row(text, "install what")[1:] == ["14 s", "10 s", "**+40%, worse**"]
    assert row(text, "heaviest page")[1:] == ["1,900 kB", "2,000 kB", "−5%"]
    assert row(text, "all tests")[1:] == ["15 min", "15 min", "same"]
    assert row(text, "render all pages")[1:] == ["not measured", "–", "–"]


def test_times_may_vary_more_than_sizes(project):
    text = figures.table(project(RUN, run(install_book_s=12.0, largest_page_kb=2400.0)))
    assert row(text, "install what")[3] == "+20%" and row(text, "heaviest page")[3] == "**+20%, worse**"


def test_only_runs_on_the_same_machine_are_compared(project):
    other = run(machine="Windows AMD64, 8 cores", install_book_s=80.0)
    assert row(figures.table(project(RUN, other)), "install what")[1:] == ["80 s", "–", "–"]
    last = run(date="2026-11-03", install_book_s=11.0)
    assert row(figures.table(project(RUN, other, last)), "install what")[1:] == ["11 s", "10 s", "+10%"]


def test_what_was_not_measured_this_time_keeps_its_value_and_date(project):
    last = run()
    last["figures"] = {"install_book_s": 11.0}
    text = figures.table(project(RUN, last))
    assert row(text, "all tests")[1] == "15 min" and "; tests on 2026-11-01" in text


def test_notebooks_are_those_of_the_timings(project):
    timings = {"a": {"seconds": 30.0, "peak_memory_mb": 900}, "b": {"seconds": 100.0, "peak_memory_mb": 2040}}
    text = figures.table(project(run(notebooks_s=7.0), timings=timings))
    assert row(text, "**all notebooks**")[1] == "2 min 10 s"
    assert row(text, "slowest notebook")[1] == "1 min 40 s" and row(text, "peak memory")[1] == "2.0 GB"


def test_installation_table_says_what_was_not_measured(project):
    text = figures.installations(project(RUN))
    assert row(text, "`make book`")[1:] == ["10 s", "0.2 GB"]
    assert row(text, "CPU=1")[1:] == ["not measured", "not measured"]


def test_without_a_run_a_sentence_says_how_to_make_one(project):
    with pytest.raises(InputError, match="bench_course"):
        figures.table(project())


def test_our_results_have_a_machine_and_the_figures_that_every_run_measures(root):
    last = figures.read(Project(root))[-1]
    assert {"date", "machine", "versions", "commit"} <= set(last)
    optional = {"tests_s", "green_tests_s"}
    assert {figure.key for figure in figures.FIGURES} - optional <= set(last["figures"])


def test_weight_of_a_page_counts_each_file_once(root, tmp_path):
    specification = importlib.util.spec_from_file_location(
        "bench_course", root / "benchmarks/bench_course.py"
    )
    bench = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bench)
    (tmp_path / "a b.png").write_bytes(b"x" * 3000)
    (tmp_path / "style.css").write_bytes(b"x" * 500)
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="stylesheet" href="style.css"><link rel="canonical" href="https://x.org/page.html">'
        '<link rel="icon" href="data:,"><img src="a%20b.png"><img src="a%20b.png?v=2"><a href="b.html">b</a>'
    )
    kilobytes, files = bench.page_weight(page)
    assert files == 3
    assert kilobytes == pytest.approx((3500 + page.stat().st_size) / 1000, abs=0.06)


# ---------------------------------------------------------------- citation


def facts(**changed):
    return {
        "title": "A course",
        "authors": [{"family-names": "Curie", "given-names": "Marie"}, {"family-names": "Noether"}],
        "version": "1.2",
        "date-released": "2026-11-21",
        "url": "https://example.org/course",
    } | changed


def cite(tmp_path, content) -> str:
    (tmp_path / citation.FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
    return citation.section(Project(tmp_path))


def test_citation_names_people_in_order(tmp_path):
    text = cite(tmp_path, facts())
    assert "> Curie, Marie and Noether (2026). *A course*. Version 1.2. <https://example.org/course>" in text
    assert "@misc{curie2026," in text and "author  = {Curie, Marie and Noether}" in text
    assert "title   = {{A course}}" in text and "doi" not in text
    assert "doi     = {10.1234/abc}" in cite(tmp_path, facts(doi="10.1234/abc"))


def test_a_group_is_not_taken_for_a_person(tmp_path):
    text = cite(tmp_path, facts(authors=[{"name": "The course authors"}]))
    assert "author  = {{The course authors}}" in text and "> The course authors (2026)." in text


@pytest.mark.parametrize("key", citation.NEEDED)
def test_incomplete_citation_is_refused(tmp_path, key):
    with pytest.raises(InputError, match=f"no {key}"):
        cite(tmp_path, facts(**{key: None}))


def test_preface_shows_what_the_citation_file_says(root):
    shown = (root / "book/_generated/citation.md").read_text(encoding="utf-8")
    assert shown == citation.section(Project(root))
    assert "include book/_generated/citation.md" in (root / "book/_preface.qmd").read_text(encoding="utf-8")
