"""``course doctor --report``: what a question needs, and nothing that says whose computer it is."""

import importlib.metadata
import platform
import socket
import sys
from pathlib import Path

import pytest

from bioimage_course.errors import InputError
from coursebook import cli, doctor, report


@pytest.fixture
def no_card(monkeypatch):
    """Without the seconds that importing PyTorch takes."""
    monkeypatch.setattr(report, "graphics", lambda: "none that PyTorch can use")


def test_the_report_names_system_python_card_and_tools(capsys, no_card):
    assert cli.main(["doctor", "--report"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("```text\n") and said.rstrip().endswith("```")
    lines = dict(line.split(maxsplit=1) for line in said.splitlines()[1:-1])
    assert platform.system() in lines["system"] and platform.python_version() in lines["Python"]
    assert "cores" in lines["processor"] and "PyTorch" in lines["graphics"]
    for name in ("bioimage-course", "numpy", "scikit-image", "torch"):
        assert lines[name].split(",")[0] == importlib.metadata.version(name)


def test_it_says_nothing_about_whose_computer_it_is(monkeypatch, no_card):
    monkeypatch.setenv("HOME", "/home/ada-the-secret-user")
    monkeypatch.setenv("USER", "ada-the-secret-user")
    monkeypatch.setenv("SECRET_TOKEN", "do-not-print-me")
    said = report.report()
    places = {sys.prefix, sys.base_prefix, sys.executable, str(Path.cwd()), str(Path.home())}
    names = {"ada-the-secret-user", "do-not-print-me", socket.gethostname(), platform.node()}
    assert not [text for text in places | names if text and text in said]
    assert "/" not in said and "\\" not in said  # no path at all


def test_the_card_is_asked_for_in_another_process(monkeypatch):
    answers = {
        "print('a card')": "a card",
        "raise ModuleNotFoundError(\"No module named 'torch'\")": "PyTorch is not installed",
        "import os; os._exit(11)": "PyTorch does not start",
    }
    for script, answer in answers.items():
        monkeypatch.setattr(report, "_CARD", script)
        assert report.graphics() == answer
    monkeypatch.setattr(report, "_CARD", "import time; time.sleep(60)")
    assert report.graphics(timeout=0.2) == "PyTorch gave no answer"


def test_two_copies_of_a_package_are_told(tmp_path, monkeypatch):
    for place, version in (("first", "99.1"), ("second", "99.2")):
        folder = tmp_path / place / f"tifffile-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tifffile\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert report.versions() == {"tifffile": "99.1, 99.2 (several copies: the first is imported)"}


def test_the_kind_of_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert report.environment() == "virtual environment"
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    assert report.environment() == "no environment of its own"
    (tmp_path / "conda-meta").mkdir()
    assert report.environment() == "conda environment"


def test_it_stands_alone():
    for other in (["--json"], ["--tools", "stackview"]):
        with pytest.raises(InputError, match="stands alone"):
            doctor.main(["--report", *other])
