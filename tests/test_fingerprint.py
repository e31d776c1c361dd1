"""Fingerprints: the same for the same content, in another process too; another for whatever differs."""

import collections
import functools
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from bioimage_course import fingerprint


class Settings:
    def __init__(self, level):
        self.level = level

    def __call__(self, crop):
        return crop > self.level


SAME = [
    (np.arange(6), np.arange(12)[::2] // 2),
    ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    ({1, 2, 3}, {3, 2, 1}),
    (Settings(3), Settings(3)),
    (functools.partial(sorted, reverse=True), functools.partial(sorted, reverse=True)),
    (np.random.default_rng(1), np.random.default_rng(1)),
]
OTHER = [
    (np.arange(6), np.arange(6).astype(np.int32)),
    (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.zeros(3), np.ma.masked_greater(np.zeros(3), 1)),
    ([1, 2], [[1], 2]),
    ("12", 12),
    (1, True),
    ({"a": 1}, {"a": 2}),
    (Settings(3), Settings(4)),
    (collections.deque([1]), collections.deque([2])),
    (functools.partial(sorted, reverse=True), functools.partial(sorted, reverse=False)),
    (pathlib.Path("a"), pathlib.Path("b")),
    (np.random.default_rng(1), np.random.default_rng(2)),
    (np.array(["a", None], object), np.array(["a", "b"], object)),
    (lambda x: x.min(), lambda x: x.max()),
    (lambda x: [v + 1 for v in x], lambda x: [v + 2 for v in x]),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_same_content_same_print(first, second):
    assert fingerprint.digest(first) == fingerprint.digest(second)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_other_content_other_print(first, second):
    assert fingerprint.digest(first) != fingerprint.digest(second)


def test_circles_end():
    ring = [1]
    ring.append(ring)

    def recursive(n):
        return n and recursive(n - 1)

    assert fingerprint.digest(ring) and fingerprint.parts(recursive)


def test_what_has_no_content_counts_by_its_type():
    assert fingerprint.digest(threading.Lock()) == fingerprint.digest(threading.Lock())


def test_objects_that_can_be_called_and_methods_are_compared_by_their_attributes():
    first, second = fingerprint.parts(Settings(3)), fingerprint.parts(Settings(4))
    assert [name for name in first if first[name] != second[name]] == ["self.level"]
    first, second = fingerprint.parts(Settings(3).__call__), fingerprint.parts(Settings(4).__call__)
    assert [name for name in first if first[name] != second[name]] == ["self.level"]


def test_networks_are_compared_by_their_weights():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from bioimage_course import nets

    nets.seed_everything(0)
    first = nets.UNet(1, 3, depth=1, width=2)
    second = nets.UNet(1, 3, depth=1, width=2)
    assert fingerprint.digest(first) != fingerprint.digest(second)
    second.load_state_dict(first.state_dict())
    assert fingerprint.digest(first) == fingerprint.digest(second)
    with torch.no_grad():
        second.head.bias[0] += 1e-3
    assert fingerprint.digest(first) != fingerprint.digest(second)


def test_forests_are_compared_by_their_trees():
    from sklearn.ensemble import RandomForestClassifier

    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    first, again, other = (RandomForestClassifier(3, random_state=n).fit(x, y) for n in (0, 0, 1))
    assert fingerprint.digest(first) == fingerprint.digest(again) != fingerprint.digest(other)


@pytest.mark.slow
def test_another_process_gives_the_same_print():
    code = (
        "import functools; from bioimage_course import fingerprint, large;"
        "print(fingerprint.parts(functools.partial(large.bright_blobs, threshold=3, spot_sigma={1, 'a'})))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None
        ).stdout
        for _ in range(2)
    }
    assert len(told) == 1 and "argument threshold" in told.pop()


def test_a_model_that_somebody_has_changed_is_loaded_anew():
    calls = []

    @fingerprint.kept
    def model(name="first", *, scale=1):
        calls.append(name)
        return {"weights": np.zeros(3), "name": name}

    mine = model()
    assert model() is mine and model("first", scale=1) is mine and calls == ["first"]
    mine["weights"][0] = 1
    assert model() is not mine and not model()["weights"].any() and mine["weights"][0] == 1
    assert model("second")["name"] == "second" and model()["name"] == "first"
    assert calls == ["first", "first", "second"]
    model.cache_clear()
    assert model() and calls[-1] == "first" and len(calls) == 4


@pytest.mark.parametrize("change", ["weights", "thresholds"])
def test_a_fine_tuned_network_does_not_answer_for_the_courses(change):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from bioimage_course.tools import unet

    mine = unet.course_model()
    assert unet.course_model() is mine
    if change == "weights":
        with torch.no_grad():
            mine.head.bias += 1
    else:
        mine.card["thresholds"]["foreground"] = 0.99
    assert unet.course_model() is not mine
    assert unet.course_model().card["thresholds"]["foreground"] != 0.99
