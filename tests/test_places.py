"""No home directory, no network, a proxy that reads along: everything works or says what is the matter."""

import dataclasses
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading

import numpy as np
import pytest

from bioimage_course import check, compat, data, places, tools
from bioimage_course.check import engine, exercise, record
from bioimage_course.data import catalogue, finding, network
from bioimage_course.errors import DataUnavailableError, ToolUnavailableError

# ---------------------------------------------------------------- no home directory


@pytest.fixture
def homeless(monkeypatch):
    """A process under a user id that the system does not know, as in many containers."""
    pwd = pytest.importorskip("pwd", reason="Windows always has a home directory")

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in [name for name in os.environ if name.startswith(("HOME", "XDG_", "BIOIMAGE_COURSE_"))]:
        monkeypatch.delenv(name)
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME", "CELLPOSE_LOCAL_MODELS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")


def test_a_right_answer_counts_without_home_directory(homeless, monkeypatch, capsys):
    monkeypatch.setattr(engine, "registry", {})
    monkeypatch.setattr(record, "_session", {})
    monkeypatch.setattr(record, "_problem", None)

    @exercise(chapter="98")
    def mean_intensity(function):
        return "Right."

    check.progress()
    assert "0/1" in capsys.readouterr().out
    mean_intensity(np.mean)
    assert capsys.readouterr().out == "✔ mean_intensity: Right.\n"
    check.progress()
    out = capsys.readouterr().out
    assert "1/1" in out and "no home directory: set BIOIMAGE_COURSE_PROGRESS" in out
    check.progress(reset=True)
    assert "0/1" in capsys.readouterr().out


def test_data_without_home_directory(homeless, monkeypatch, tmp_path):
    assert data.load("nuclei").n_objects == 125
    assert not data.available("blood")
    with pytest.raises(DataUnavailableError, match="BIOIMAGE_COURSE_CACHE"):
        data.load("blood")
    with pytest.raises(DataUnavailableError, match="no home directory: set BIOIMAGE_COURSE_CACHE"):
        data.cache_folder()
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    with pytest.raises(DataUnavailableError, match="no home directory: set BIOIMAGE_COURSE_CACHE"):
        data.download("weights-mobilesam")
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path))
    assert data.cache_folder() == tmp_path


@pytest.mark.mirror
def test_a_mirror_needs_no_home_directory(mirror, homeless, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    assert data.fetch("weights-mobilesam").is_file()


def test_tools_that_keep_files_at_home(homeless, monkeypatch, tmp_path):
    """They say what is missing, and take the cache folder where one is named."""
    for call in (tools.cellpose.weights_file, lambda: compat.home("stardist")):
        with pytest.raises(ToolUnavailableError, match="BIOIMAGE_COURSE_CACHE") as told:
            call()
        assert "\n" not in str(told.value)
    monkeypatch.setenv("HOME", "")  # put back after the test
    monkeypatch.delenv("HOME")
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "new"))
    assert tools.cellpose.weights_file() == tmp_path / "new" / ".cellpose" / "models" / "cpsam_v2"
    assert os.environ["HOME"] == str(tmp_path / "new") and (tmp_path / "new").is_dir()


def test_a_user_without_a_name_gets_one(homeless, monkeypatch):
    monkeypatch.setenv("USER", "")  # put back after the test
    monkeypatch.delenv("USER")
    places.name_user()
    assert os.environ["USER"] == "course"
    monkeypatch.setenv("USER", "somebody")
    places.name_user()
    assert os.environ["USER"] == "somebody"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows always has a home directory")
def test_training_under_a_foreign_user_id(tmp_path):
    """PyTorch's optimisers ask for the user's name when they are made."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    code = """
import pwd
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
import torch
from bioimage_course import nets
batch = torch.rand(4, 2), torch.tensor([0, 1, 0, 1])
loss = torch.nn.CrossEntropyLoss()
print(nets.fit(nets.MLP([2, 3, 2]), [batch], loss=loss, epochs=2, progress=False).epochs)
"""
    nobody = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=nobody, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split()[-1:] == ["2"], done.stderr


# ---------------------------------------------------------------- one switch for the network


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on", "y", " 1 "])
def test_every_true_word_means_offline(value, monkeypatch, tmp_path):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", value)
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path))
    monkeypatch.setattr(tools.stardist, "_downloaded", lambda *_: False)
    assert data.offline()
    asked = [(tools.cellpose, lambda: tools.cellpose.pretrained(download=True))]
    if tools.available("stardist"):
        tools.stardist.pretrained.cache_clear()
        asked.append((tools.stardist, tools.stardist.pretrained))
    if tools.available("micro-sam"):
        monkeypatch.setattr(tools.micro_sam, "_downloaded", lambda *_: False)
        asked.append((tools.micro_sam, lambda: tools.micro_sam.predictor("vit_b_lm")))
    for tool, call in asked:
        if tool is tools.cellpose and not tools.available("cellpose"):
            continue
        with pytest.raises(ToolUnavailableError, match="BIOIMAGE_COURSE_OFFLINE forbids"):
            call()


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_every_false_word_means_online(value, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", value)
    assert not data.offline()


# ---------------------------------------------------------------- certificates, disks and servers


@pytest.fixture
def self_signed(tmp_path, monkeypatch):
    """Address of a server whose certificate nobody knows, as behind a proxy that reads along."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    made = subprocess.run([*command, "-keyout", key, "-out", certificate], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args):
            pass

    server = Quiet(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR", raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield f"https://localhost:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def fetch(address):
    """What is said when a registered file is to be had at this address only."""
    file = catalogue.File("toy", "toy.bin", "0" * 64, 10, (address + "toy.bin",))
    texts = dict.fromkeys(("description", "licence", "citation", "shape"), "toy")
    entry = catalogue.Entry("toy", "file", **texts, files={"toy.bin": file})
    with pytest.raises(DataUnavailableError) as told:
        finding.fetch_file(entry, file)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_an_unknown_certificate_is_named(self_signed):
    told = fetch(self_signed)
    assert "certificate of localhost" in told and "set REQUESTS_CA_BUNDLE" in told
    assert "connect to the internet" not in told and "cannot be reached" not in told


def test_a_bundle_that_is_not_there_is_named(self_signed, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    told = fetch(self_signed)
    assert f"REQUESTS_CA_BUNDLE names {tmp_path / 'nowhere.pem'}, which is not there" in told
    assert "written" not in told and "connect to the internet" not in told


def test_a_bundle_that_is_none_is_no_network_problem(self_signed, monkeypatch, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    told = fetch(self_signed)
    assert "REQUESTS_CA_BUNDLE" in told and "connect to the internet" not in told


def test_cellpose_names_the_certificate(self_signed, monkeypatch, tmp_path):
    pytest.importorskip("cellpose", reason="cellpose is not installed")
    file = dataclasses.replace(tools.cellpose._registered("cpsam_v2"), sources=(self_signed + "cpsam_v2",))
    monkeypatch.setattr(tools.cellpose, "_registered", lambda name: file)
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "models"))
    with pytest.raises(ToolUnavailableError, match=r"certificate of localhost.*REQUESTS_CA_BUNDLE"):
        tools.cellpose.pretrained(download=True)


def test_cellpose_names_the_folder_that_cannot_be_written(monkeypatch, tmp_path):
    pytest.importorskip("cellpose", reason="cellpose is not installed")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "file" / "models"))
    with pytest.raises(
        ToolUnavailableError, match=r"cannot be written to.*CELLPOSE_LOCAL_MODELS_PATH"
    ) as told:
        tools.cellpose.pretrained(download=True)
    assert "internet" not in str(told.value)


def test_what_urllib_and_keras_say_is_understood(self_signed):
    """Keras wraps urllib's error into a bare Exception of its own."""
    import urllib.request

    try:
        urllib.request.urlopen(self_signed, timeout=10)
    except OSError as error:
        hidden = Exception(f"URL fetch failure on {self_signed}: None -- {error.reason}")
    trouble = network.explain(hidden, "github.com", bundle="SSL_CERT_FILE")
    assert "certificate" in trouble.reason and "SSL_CERT_FILE" in trouble.remedy
    unknown = Exception("URL fetch failure on https://x: None -- [Errno -2] Name or service not known")
    assert network.explain(unknown, "github.com") == network.Trouble("github.com cannot be reached")
    assert network.explain(ValueError("broken\narchive."), "x").reason == "ValueError: broken archive"
