"""Synthetic stacks, three ways: what is drawn, split, joined and counted, and what is read of it."""

import json
import sys

import numpy as np
import pytest
import torch

import volumes as script
from bioimage_course import metrics, results, tools
from bioimage_course.errors import DataUnavailableError, InputError

READER = results.volumes


def pile():
    """Two flat boxes on top of each other, and one beside them."""
    labels = np.zeros((8, 20, 30), np.int32)
    labels[1:4, 4:14, 4:14], labels[4:7, 4:14, 4:14], labels[2:6, 4:14, 18:28] = 1, 2, 3
    return labels


# ---------------------------------------------------------------- the script


def test_no_volume_is_used_twice():
    seeds = [seed for part in script.SEEDS_OF.values() for seed in part]
    assert len(seeds) == len(set(seeds)) and len(script.SEEDS_OF["test"]) >= 6


def test_depth_is_in_micrometres():
    deep = script.depth(pile(), (1.0, 0.25, 0.25))
    assert deep.max() == 1 and (deep[pile() == 0] == 0).all()
    assert deep[2, 9, 9] == 1  # half of three planes of 1 µm is more than five pixels of 0.25 µm
    assert deep[3, 9, 9] < 1


def test_the_classical_way_parts_balls_and_takes_blurs_in_micrometres():
    grid = np.indices((20, 60, 40)).astype(float) * np.reshape(script.SPACING, (3, 1, 1, 1))
    image = np.zeros((20, 60, 40))
    for centre in ((6, 5, 5), (12.5, 5, 5), (9, 11, 5)):
        image[np.square(grid - np.reshape(centre, (3, 1, 1, 1))).sum(axis=0) <= 9] = 1
    assert script.classical(image, 1.0, 0.1).max() == 3


def test_the_3d_network_keeps_the_shape_and_learns_from_a_step():
    network, rng = script.UNet3D(width=2), np.random.default_rng(0)
    inside, deep = script.answers(network, [np.zeros((12, 48, 48), np.float32)])[0]
    assert inside.shape == deep.shape == (12, 48, 48) and inside.dtype == bool
    image = rng.random((12, 48, 48)).astype(np.float32)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = [
        script.update(network, optimiser, [image], [np.stack([image > 0.5] * 2)], rng) for _ in range(15)
    ]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_objects_are_split_where_it_is_deep():
    labels = script.split(pile() > 0, script.depth(pile(), (1, 1, 1)), 0.5)
    assert metrics.average_precision(pile(), labels, 0.9) == 1


@pytest.mark.parametrize(
    ("ap", "ends"),
    [
        ([], False),
        ([0.1, 0.4, 0.4, 0.3, 0.2], True),  # three looks after the first best one
        ([0.1, 0.4, 0.4, 0.3, 0.5], False),
        ([0.4, 1.0], False),
        (np.linspace(0, 0.9, script.STEPS // script.LOOK).tolist(), True),
    ],
)
def test_training_ends_when_nothing_new_comes(ap, ends):
    assert script.finished({"ap": ap}) is ends


def test_an_interrupted_training_goes_on_where_it_was(monkeypatch, tmp_path):
    truth = np.zeros(script.PATCH, int)
    truth[2:9, 8:24, 8:24] = 1
    monkeypatch.setattr(script, "volumes", lambda _: ([truth.astype(np.float32)], [truth]))
    monkeypatch.setattr(script, "LOOK", 1)

    def train(folder, *steps):
        (tmp_path / folder).mkdir()
        for number in steps:
            monkeypatch.setattr(script, "STEPS", number)
            history = script.train_network(0, tmp_path / folder)
        return history["loss"]

    np.testing.assert_allclose(train("broken", 1, 3), train("whole", 3), atol=2e-3)


def test_merged_and_split_nuclei_are_counted():
    truth = pile()
    assert script.mistakes(truth, truth) == {"merged": 0, "split": 0}
    assert script.mistakes(truth, np.where(truth == 2, 1, truth)) == {"merged": 2, "split": 0}
    halves = np.where((truth == 3) & (np.arange(30) > 22), 4, truth)
    assert script.mistakes(truth, halves) == {"merged": 0, "split": 1}
    assert script.mistakes(truth, truth * 0) == {"merged": 0, "split": 0}
    crumbs = truth.copy()
    crumbs[2, 4, 18] = 9  # a voxel alone is no piece
    assert script.mistakes(truth, crumbs) == {"merged": 0, "split": 0}


def test_who_lies_on_top():
    assert script.on_top(pile()).tolist() == [1, 2]


def test_every_way_has_settings_and_is_read():
    jobs = list(script.jobs())
    assert {way for way, _ in jobs} == set(script.GRID)
    rows = [(way, network) for way, networks, *_ in READER.ROWS for network in networks]
    assert sorted(rows, key=str) == sorted(jobs, key=str)
    assert all(of in jobs for pair in READER.PAIRS for of in pair)


@pytest.mark.slow
@pytest.mark.skipif(not tools.available("cellpose"), reason="cellpose is not installed")
def test_do_3d_runs_with_our_network():
    image, truth = (part[0][:10, :48, :48] for part in script.volumes("test"))
    model = tools.cellpose.course_model()
    labels = script.views(model, image)[0]
    assert labels.shape == truth.shape and labels.max() > 0
    options = {"cellprob_threshold": 0.0, "stitch_threshold": 0.25}
    stitched = script.segment("stitched", model, image, options)
    assert stitched.shape == truth.shape and stitched.max() > 0


# ---------------------------------------------------------------- the reader


def told(tp, seconds=1.0):
    """A run that finds `tp` of ten nuclei in each of six volumes."""
    row = {"tp": [tp, tp - 1], "fp": [0, 1], "fn": [10 - tp, 11 - tp]}
    row |= {"merged": 2, "split": 0, "on_top": 4, "on_top_found": tp - 5}
    return {"options": {}, "test": [row] * 6, "seconds": seconds, "mb": 100}


@pytest.fixture
def made(monkeypatch):
    runs = {f"{way}/{network}": told(7) for way, network in script.jobs()} | {"views/shipped": told(9)}
    found = json.loads(json.dumps(script.about() | {"runs": runs, "training": {}}))
    monkeypatch.setattr(READER, "results", lambda: found)
    return found


def test_what_is_read(made):
    assert READER.ap("views", "shipped") == 0.9 and READER.ap("stitched", "shipped", 0.75) == pytest.approx(
        6 / 11
    )
    assert READER.counts("views", "shipped").shape == (6, 3)
    assert READER.total("views", "shipped", "on_top_found") == 24
    assert READER.difference(("views", "shipped"), ("stitched", "shipped")).low == pytest.approx(0.2)
    rows = READER.table()
    assert [row["AP@0.5"] for row in rows] == ["0.70", "0.70", "0.90", "0.70 / 0.70"]
    pairs = READER.comparisons()
    assert (
        len(pairs) == len(READER.PAIRS)
        and pairs[2]["first − second"] == "3D network (seed 0) − views added (as shipped)"
    )


def test_what_is_refused(made):
    for refused in (
        lambda: READER.run("views", 7),
        lambda: READER.counts("network", 0, 0.6),
        lambda: READER.total("network", 0, "tp"),
        lambda: READER.volume("train"),
        lambda: READER.volume("test", 6),
        lambda: READER.volume("test", "first"),
    ):
        with pytest.raises(InputError, match="There are"):
            refused()


def test_a_volume_is_computed_anew(made):
    sample = READER.volume("test", 1)
    assert sample.image.shape == (24, 96, 96) and sample.n_objects == script.SCENE["count"]
    np.testing.assert_array_equal(sample.labels, script.volumes("test")[1][1])


def test_what_was_not_run_is_said(made):
    made["runs"] = {
        name: run for name, run in made["runs"].items() if name not in ("stitched/shipped", "network/1")
    }
    assert READER.table()[1]["AP@0.5"] == "not run" and READER.table()[3]["AP@0.5"] == "0.70"
    assert all("seed 1" not in row["first − second"] for row in READER.comparisons())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_of_the_function_alone():
    held = []
    assert 90 < script.megabytes(lambda: held.append(np.ones(100 * 2**17))) < 130


def test_missing_labels_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(READER, "FOLDER", tmp_path)
    with pytest.raises(DataUnavailableError, match="install bioimage-course again"):
        READER.labels()


def test_the_shipped_results_fit_the_script_and_each_other():
    about, jobs = READER.results(), {f"{way}/{network}": way for way, network in script.jobs()}
    assert set(about["runs"]) <= set(jobs) and {"classical/none", "views/shipped", "network/0"} <= set(
        about["runs"]
    )
    for name, run in about["runs"].items():
        assert len(run["test"]) == len(script.SEEDS_OF["test"]) and run["options"] in script.choices(
            jobs[name]
        )
    assert all(script.finished(run) for name, run in about["training"].items() if name.startswith("network"))
    found = metrics.match(READER.volume().labels, READER.labels().astype(int), 0.5)
    assert [found.tp, found.fp, found.fn] == READER.counts("network", 0)[0].tolist()
