"""``course doctor``: the real thing on this machine, and what it says when something is broken."""

import importlib.metadata
import json
import signal
import subprocess
import sys

import pytest

from bioimage_course import compat
from bioimage_course.errors import InputError, ToolUnavailableError
from bioimage_course.toolbox import TOOLS
from coursebook import cli, doctor, doctor_jobs


@pytest.fixture
def break_module(tmp_path, monkeypatch):
    """Put a module in front of an installed one, in every process of the test."""

    def put(name: str, code: str):
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


def rows(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)["rows"]


# ---------------------------------------------------------------- the real thing


# All tools in one process, and one by itself; the others by themselves every night.
EVERY_COMMIT = ("together", "micro-sam")


@pytest.mark.slow
@pytest.mark.parametrize(
    "tool",
    [pytest.param(job, marks=[pytest.mark.nightly] * (job not in EVERY_COMMIT)) for job in doctor_jobs.JOBS],
)
def test_tool_does_its_job(tool):
    row = doctor.examine(tool, timeout=900)
    assert row["ok"], f"{row['remark']} -> {row['remedy']}"
    assert row["remedy"] == ""
    assert 0 < row["seconds"] < 900
    assert 50 < row["megabytes"] < 4000
    assert row["device"]
    if tool != "together":
        assert row["version"] == importlib.metadata.version(doctor_jobs.distribution(tool))


def test_every_adapter_has_a_row():
    """A tool whose record names an adapter is examined without a line about it in the doctor."""
    assert {tool.name for tool in TOOLS.values() if tool.adapter} <= set(doctor_jobs.JOBS)
    device, remark = doctor_jobs.JOBS["voronoi-otsu"]()
    assert remark == "found 16 of 16 discs in 128×128" and device


def test_one_row_in_table_and_json(capsys):
    assert cli.main(["doctor", "--tools", "stackview", "--json"]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)["rows"]
    assert set(row) == {"tool", "version", "seconds", "megabytes", "device", "ok", "remark", "remedy"}
    assert "stackview" in said.err and "all work" in said.err


def test_together_is_all_five_tools_in_the_worst_order():
    """The row `together` imports TensorFlow first, then torchvision: the order that used to crash."""
    names = [module.split(".")[0] for module in doctor_jobs.TOGETHER]
    assert names[:2] == ["tensorflow", "torchvision"]
    assert set(names) >= {"n2v", "stardist", "cellpose", "careamics", "micro_sam"}


# ---------------------------------------------------------------- broken machines


def test_missing_tool_gets_cause_remedy_and_exit_code(break_module, capsys):
    break_module("stackview", "raise ModuleNotFoundError(\"No module named 'stackview'\", name='stackview')")
    assert cli.main(["doctor", "--tools", "stackview,voronoi-otsu", "--json"]) == 1
    broken, fine = rows(capsys)
    assert not broken["ok"] and fine["ok"], "one broken tool must not touch the others"
    assert broken["remark"] == "ModuleNotFoundError: No module named 'stackview'"
    assert broken["remedy"].startswith("stackview is not installed: run `uv pip sync requirements/course")


def test_failure_in_the_table(break_module, capsys):
    break_module("stackview", "raise ImportError('libGL.so.1: cannot open shared object file')")
    assert cli.main(["doctor", "--tools", "stackview"]) == 1
    said = capsys.readouterr().out
    assert "FAILED  ImportError: libGL.so.1" in said
    assert "remedy: a system library is missing: on Debian run `apt-get install libgl1" in said
    assert said.splitlines()[-1].endswith("failed: stackview")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_crash_is_a_row(break_module):
    break_module("stackview", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    row = doctor.examine("stackview")
    assert not row["ok"]
    assert row["remark"] == f"the process crashed ({signal.SIGSEGV.name})"
    assert row["remedy"]


def test_quiet_exit_is_a_failure(break_module):
    break_module("stackview", "import sys\nprint('licence expired', file=sys.stderr)\nimport os\nos._exit(3)")
    row = doctor.examine("stackview")
    assert row["remark"] == "the process ended with exit code 3: licence expired"


def test_hanging_tool_is_stopped(break_module):
    break_module("stackview", "import time\ntime.sleep(60)")
    row = doctor.examine("stackview", timeout=3)
    assert not row["ok"] and row["seconds"] < 30
    assert "stopped after 3 seconds" in row["remark"]
    assert "--timeout" in row["remedy"]


def test_tool_that_wants_the_network_fails(break_module):
    break_module("stackview", "import urllib.request\nurllib.request.urlopen('https://example.org')")
    row = doctor.examine("stackview")
    assert not row["ok"]
    assert "works offline" in row["remark"] and "example.org" in row["remark"]


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        ("RuntimeError: operator torchvision::nms does not exist", "different builds"),
        ("the process crashed (SIGKILL)", "memory"),
        ("MemoryError: ", "memory"),
        ("ValueError: odd", "report"),
    ],
)
def test_remedies(cause, word):
    assert word in doctor.remedy("cellpose", cause)


def test_choosing_tools():
    assert doctor.choose(None) == list(doctor_jobs.JOBS)
    assert doctor.choose("shap, n2v") == ["shap", "n2v"]
    for bad in ("", ",", "shap,nope"):
        with pytest.raises(InputError, match="choose from n2v, careamics"):
            doctor.choose(bad)


# ---------------------------------------------------------------- bioimage_course.compat


def test_available_and_require(monkeypatch):
    assert compat.available("stardist")
    monkeypatch.setitem(sys.modules, "stardist", None)  # Python's own way to say: not here
    assert not compat.available("stardist")
    with pytest.raises(ToolUnavailableError, match=r"stardist needs .*bioimage-course\[stardist\]"):
        compat.require("stardist")


def test_unknown_tool_is_refused():
    with pytest.raises(InputError, match="Unknown tool 'starfish'"):
        compat.available("starfish")


@pytest.mark.parametrize("call", ["use_keras2(); compat.use_keras2()", "prepare('micro-sam')"])
def test_keras_2_is_chosen_before_tensorflow(call):
    code = (
        f"from bioimage_course import compat; compat.{call}\n"
        "import os, sys; print(os.environ['TF_USE_LEGACY_KERAS'], 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "1 False", done.stderr


def test_too_late_for_keras_2_is_said(monkeypatch):
    class TensorFlow:
        class keras:
            __version__ = "3.13.2"

    monkeypatch.setitem(sys.modules, "tensorflow", TensorFlow)
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    with pytest.raises(ToolUnavailableError, match="restart the kernel"):
        compat.use_keras2()
