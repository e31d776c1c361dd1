"""Published models: what the course says of them, and the whole way from a server to a row of a table.

The server is one of this machine. It holds models of the published architectures with random weights: what
they find is noise, but the way is the real one (each library's own download, hash and loader).
"""

import hashlib
import http.server
import json
import re
import shutil
import threading
import time
import types

import numpy as np
import pytest

from bioimage_course import data, results, tools
from bioimage_course.errors import InputError, ToolUnavailableError
from bioimage_course.tools import published
from coursebook import models
from coursebook.project import Project

NAMES = list(published.MODELS)


# ---------------------------------------------------------------- what is said of them


@pytest.mark.parametrize("name", NAMES)
def test_the_model_atlas_says_the_same(name):
    entry = published.about(name)
    atlas, findings = models.read(Project.find())
    (told,) = (model for model in atlas if model["name"] == entry.model)
    assert not findings
    assert told["seen_dsb2018"] == entry.seen and entry.licence.startswith(told["licence_weights"])
    assert ("non-commercial" in told["licence_note"]) == ("non-commercial" in entry.licence)
    sizes = told["size_mb"] if isinstance(told["size_mb"], dict) else {"": told["size_mb"]}
    known = [size for size in sizes.values() if not isinstance(size, str)]
    # the atlas has the encoder's file alone for some; decoders have 38 MB
    assert not known or -1 <= entry.megabytes - known[0] <= 39


def test_which_models():
    assert published.names("none") == []
    assert published.names("all") == NAMES
    small = published.names("small")
    assert "2D_versatile_fluo" in small and "vit_t_lm" in small and "cpsam_v2" not in small
    assert published.names(["cpsam"]) == ["cpsam"]
    with pytest.raises(InputError, match=r'"none", "small", "all"'):
        published.names("big")
    with pytest.raises(InputError, match=r"did you mean '2D_versatile_(he|fluo)'"):
        published.segmenter("2D_versatile")


def test_here_the_small_ones_are_enough():
    assert published.sensible() == "small"  # no Colab


def test_large_ones_wait_for_agreement(monkeypatch):
    monkeypatch.setattr(published, "here", lambda name: False)
    with pytest.raises(ToolUnavailableError, match=r"cpsam_v2 is not on this machine; .* 1234 MB"):
        published.segmenter("cpsam_v2")


def test_what_cannot_be_had_is_a_row(monkeypatch):
    def segmenter(name, download):
        if name == "cpsam":
            raise ToolUnavailableError("no room")
        return lambda image: (image > 0).astype(np.int32)

    monkeypatch.setattr(published, "segmenter", segmenter)
    truth = np.zeros((20, 20), np.int32)
    truth[5:15, 5:15] = 1
    chosen = ["2D_versatile_fluo", "2D_versatile_he", "cpsam"]
    labels, rows = published.compare(truth * 9, truth, chosen)
    assert list(labels) == ["2D_versatile_fluo"]  # and none of those for H&E
    assert [row["AP@0.5"] for row in rows] == ["1.00", "no room"]
    (seconds,) = (name for name in rows[0] if name.startswith("seconds"))
    assert float(rows[0][seconds]) >= 0 and rows[1][seconds] == "–"
    assert published.compare(truth, None, "none") == ({}, [])


# ---------------------------------------------------------------- from a server to the table


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/silent/"):
            return time.sleep(5)
        if self.path.startswith("/away/"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            return self.end_headers()
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """A folder that is served, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    def handler(*args):
        return _Quiet(*args, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def online(monkeypatch, tmp_path):
    """Leave to use the network (of this machine), and empty caches."""
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "home" / ".keras").mkdir(parents=True)  # else Keras goes to /tmp, and stays there
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MICROSAM_CACHEDIR", str(tmp_path / "micro-sam"))
    for make in (tools.stardist.pretrained, tools.micro_sam.with_decoder):
        make.cache_clear()
    yield tmp_path
    for make in (tools.stardist.pretrained, tools.micro_sam.with_decoder):
        make.cache_clear()


def serve_stardist(server, monkeypatch, spoilt=False):
    """A StarDist model like 2D_versatile_fluo, with random weights, at the address of the published one."""
    folder, address = server
    library = tools.stardist._library()
    from csbdeep.models import pretrained

    model = library.StarDist2D(
        library.Config2D(n_rays=32, grid=(2, 2)), name="2D_versatile_fluo", basedir=str(folder)
    )
    model.thresholds = {"prob": 0.99, "nms": 0.3}
    model.keras_model.save_weights(str(folder / model.name / "weights_best.h5"))
    (folder / model.name / "thresholds.json").write_text(json.dumps({"prob": 0.99, "nms": 0.3}))
    archive = shutil.make_archive(str(folder / "fluo"), "zip", folder / model.name)
    digest = hashlib.sha256(open(archive, "rb").read()).hexdigest()
    told = {"url": f"{address}/fluo.zip", "hash": "0" * 64 if spoilt else digest}
    monkeypatch.setitem(pretrained._MODELS[library.StarDist2D], "2D_versatile_fluo", told)


def serve_micro_sam(server, monkeypatch):
    """MobileSAM and micro-sam's decoder for it, random, in the place of vit_t_lm."""
    import pooch
    import torch
    from micro_sam.instance_segmentation import get_unetr
    from mobile_sam import sam_model_registry

    folder, address = server
    torch.manual_seed(0)
    sam = sam_model_registry["vit_t"]()
    unetr = get_unetr(sam.image_encoder, device="cpu")
    torch.save(sam.state_dict(), folder / "vit_t_lm")
    decoder = {key: value for key, value in unetr.state_dict().items() if not key.startswith("encoder")}
    decoder["out_conv.weight"].zero_()  # nothing is foreground: else noise would become thousands of clicks
    decoder["out_conv.bias"].copy_(torch.tensor([-10.0, 0, 0]))
    torch.save(decoder, folder / "vit_t_lm_decoder")
    library = tools.micro_sam._library()
    files = {name: library._compute_hash(folder / name) for name in ("vit_t_lm", "vit_t_lm_decoder")}
    place = library.microsam_cachedir()

    def registry():
        return pooch.create(
            path=f"{place}/models", base_url="", registry=files, urls={n: f"{address}/{n}" for n in files}
        )

    monkeypatch.setattr(library, "models", registry)


@pytest.mark.slow
@pytest.mark.skipif(not tools.available("stardist"), reason="StarDist is not installed")
@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("", r"sent another file than the published one .*in another network"),
        ("missing/", r"github\.com answered 404 .*; try again later"),
        ("away/", r"github\.com answered 302 .*; try again later"),
        ("silent/", r"did not answer in time.*; try again later"),
    ],
)
def test_a_server_that_does_not_give_the_model(folder, why, server, online, monkeypatch, capsys):
    """One sentence with the true cause, nothing printed beside it, nothing unpacked, no endless wait."""
    monkeypatch.setattr(data.downloading, "TIMEOUT", (1, 1))
    serve_stardist(server, monkeypatch, spoilt=True)
    from csbdeep.models import pretrained

    told = pretrained._MODELS[tools.stardist._library().StarDist2D]["2D_versatile_fluo"]
    told["url"] = f"{server[1]}/{folder}fluo.zip"
    with pytest.raises(ToolUnavailableError, match=why) as failure:
        published.segmenter("2D_versatile_fluo")
    assert "could not be downloaded" in str(failure.value) and "\n" not in str(failure.value)
    assert "registered models" not in "".join(capsys.readouterr())
    assert not published.here("2D_versatile_fluo")


def test_a_model_that_is_here_and_cannot_be_loaded_is_no_failed_download():
    def too_large():
        raise RuntimeError("not enough memory")

    place = {"host": "example.org", "folder": "HOME", "advice": "take another"}
    with pytest.raises(ToolUnavailableError, match=r"'x' could not be loaded \(.*memory\); try again later"):
        tools._published.load("x", too_large, here=True, **place)


@pytest.mark.parametrize(
    "image", ["image.tif", None, [], [[1, 2], [3]], np.zeros((4, 4, 4)), np.full((4, 4), np.nan)]
)
def test_micro_sams_published_models_refuse_what_is_no_image(image, monkeypatch):
    monkeypatch.setattr(tools.micro_sam, "with_decoder", lambda name: None)
    segment = published.segmenter("vit_t_lm")
    with pytest.raises(InputError, match="image"):
        segment(image)


def test_micro_sams_published_models_see_a_sample_from_end_to_end(monkeypatch):
    asked = {}
    monkeypatch.setattr(tools.micro_sam, "with_decoder", lambda name: None)
    monkeypatch.setattr(
        tools.micro_sam, "segment_automatic", lambda image, method, **options: asked.update(options)
    )
    sample = data.load("nuclei")
    published.segmenter("vit_t_lm")(sample)
    assert asked["limits"] == (sample.image.min(), sample.image.max())


@pytest.fixture
def small_world(monkeypatch):
    """Two test images, one image of each kind in the race, all cut to 64 × 64 pixels; no child processes."""
    import dsb2018
    import other_laboratory
    import race

    nuclei = data.load("nuclei")
    crops = [np.s_[:64, :64], np.s_[100:164, 100:164]]
    images, truths = ([part[crop] for crop in crops] for part in (nuclei.image, nuclei.labels))
    monkeypatch.setattr(dsb2018, "load_part", lambda part: (images, truths, ["a", "b"]))
    monkeypatch.setattr(race, "load_kind", lambda kind: (images[:1], truths[:1], ["a"]))
    scenes = [
        {"name": "x", "experiment": "e", "image": images[0], "truth": truths[0], "aside": truths[0] < 0}
    ]
    monkeypatch.setattr(
        other_laboratory,
        "load",
        lambda folder: {other_laboratory.RPE1: scenes, other_laboratory.SCHWANN: scenes},
    )

    def here(command, check, env):
        race.files.save(command[-1], json.dumps(race.run(command[-2])))

    monkeypatch.setattr(race, "subprocess", types.SimpleNamespace(run=here))


@pytest.mark.slow
@pytest.mark.skipif(not tools.available("micro-sam"), reason="micro-sam is not installed")
def test_a_published_model_comes_with_its_decoder(server, online, monkeypatch):
    serve_micro_sam(server, monkeypatch)
    assert not published.here("vit_t_lm")
    predictor, decoder = tools.micro_sam.with_decoder("vit_t_lm")
    assert published.here("vit_t_lm") and predictor.model_name == "vit_t_lm"
    assert float(decoder.out_conv.bias[0].detach()) == -10
    with pytest.raises(InputError, match=r"no model with a decoder 'vit_b'; there are vit_t_lm"):
        tools.micro_sam.with_decoder("vit_b")


SERVERS = {"2D_versatile_fluo": serve_stardist, "vit_t_lm": serve_micro_sam, "vit_t_lm-apg": serve_micro_sam}
# micro-sam's decoder draws maps of 1024 × 1024 pixels: ten seconds an image on one core
NIGHTLY = [pytest.param(name, marks=pytest.mark.nightly) for name in ("vit_t_lm", "vit_t_lm-apg")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2D_versatile_fluo", *NIGHTLY])
def test_from_the_server_to_the_table(name, server, online, monkeypatch, small_world, capsys):
    import other_laboratory
    import published as script
    import race

    if not tools.available(published.about(name).tool):
        pytest.skip(f"{published.about(name).tool} is not installed")
    SERVERS[name](server, monkeypatch)
    out, images = online / "weights", online / "images"
    for folder in ("race", "other-laboratory"):
        shutil.copytree(script.WEIGHTS / folder, out / folder)
    (images / other_laboratory.RPE1).mkdir(parents=True)
    options = {"--images": images, "--out": out, "--cache": online / "cache"}
    command = [name, *(str(part) for option in options.items() for part in option)]
    assert script.main(command) == 0
    assert f"{published.about(name).megabytes} MB to download" in capsys.readouterr().out
    name = f"published-{name}"
    about = json.loads((out / "dsb2018" / f"{name}.json").read_text(encoding="utf-8"))
    assert about["in_training"] == "yes" and len(about["images"]) == 2
    assert "published" in about["title"] and about["command"].startswith("course published ")
    with np.load(out / "dsb2018" / f"{name}.npz") as crop:
        assert crop["labels"].shape == (166, 140)
    monkeypatch.setattr(results.dsb2018, "FOLDER", out / "dsb2018")
    (drawn,) = results.dsb2018.published_crops().values()
    assert drawn.shape == (166, 140)
    elsewhere = json.loads((out / "other-laboratory" / "results.json").read_text(encoding="utf-8"))
    assert len(elsewhere["methods"][name][other_laboratory.RPE1]) == 1
    raced = json.loads((out / "race" / "results.json").read_text(encoding="utf-8"))["entrants"]
    assert set(raced[name]["kinds"]) == set(race.KINDS) and raced["stardist"]["kinds"]

    # Once more: all is there, nothing is computed and nothing asked of the server.
    def never(name, download):
        return lambda image: pytest.fail("it was computed again")

    before = {file: file.stat().st_mtime_ns for file in out.rglob("published-*.json")}
    monkeypatch.setattr(published, "segmenter", never)
    assert script.main(command) == 0
    assert before == {file: file.stat().st_mtime_ns for file in before}
    assert "0 MB to download (nothing)" in capsys.readouterr().out


def cells_everywhere(name, download):
    """In a published model's place: a disc in the middle."""
    from bioimage_course.materials.ch11 import disc

    return lambda image: disc(*(n // 2 for n in image.shape[:2]), 12, image.shape[:2]).astype(np.int32)


def test_what_is_damaged_is_found_again_or_named(monkeypatch, tmp_path, small_world, capsys):
    import other_laboratory
    import published as script

    out, images, name = tmp_path / "weights", tmp_path / "images", "published-2D_versatile_fluo"
    for folder in ("race", "other-laboratory"):
        shutil.copytree(script.WEIGHTS / folder, out / folder)
    (images / other_laboratory.RPE1).mkdir(parents=True)
    monkeypatch.setattr(published, "segmenter", cells_everywhere)
    options = {"--images": images, "--out": out, "--cache": tmp_path / "cache"}
    command = ["2D_versatile_fluo", *(str(part) for option in options.items() for part in option)]
    assert script.main(command) == 0
    scores, kept = out / "dsb2018" / f"{name}.json", next((tmp_path / "cache").rglob("*.npz"))
    before = scores.read_text(encoding="utf-8")
    scores.write_text(before[:90], encoding="utf-8")
    kept.write_bytes(kept.read_bytes()[:70])
    assert script.main(command) == 0
    assert json.loads(scores.read_text(encoding="utf-8"))["images"] == json.loads(before)["images"]
    for folder in ("other-laboratory", "race"):
        file = out / folder / "results.json"
        whole = file.read_text(encoding="utf-8")
        file.write_text(whole[:200], encoding="utf-8")
        capsys.readouterr()
        assert script.main(command) == 1
        assert re.search(rf"{re.escape(str(file))} is damaged .*restore it", capsys.readouterr().out)
        file.write_text(whole, encoding="utf-8")
    assert script.main(command) == 0


@pytest.mark.slow
def test_a_model_that_fails_costs_only_itself(monkeypatch, tmp_path, capsys):
    import published as script

    def segmenter(name, download):
        raise ToolUnavailableError("no network")

    monkeypatch.setattr(published, "segmenter", segmenter)
    assert script.main(["2D_versatile_fluo", "cpsam", "--out", str(tmp_path), "--cache", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "2D_versatile_fluo: no network" in said and "cpsam: no network" in said
    assert not list(tmp_path.iterdir())


def test_an_unknown_model_is_one_sentence(capsys):
    import published as script

    with pytest.raises(SystemExit) as stop:
        script.main(["2D_versatile"])
    assert stop.value.code == 2 and "did you mean" in capsys.readouterr().err
