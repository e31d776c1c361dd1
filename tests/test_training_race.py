"""The race of all tools: which images it takes, what it stores, and the table made of it."""

import numpy as np
import pytest

import race
from bioimage_course import data, metrics, results

RESULTS = results.race.results()


def two_pairs():
    """Four squares: two that touch, two that stand apart."""
    labels = np.zeros((40, 60), int)
    labels[5:12, 5:12], labels[5:12, 13:20] = 1, 2  # a gap of one pixel
    labels[25:32, 5:12], labels[25:32, 40:47] = 3, 9
    return labels


def test_crowding_is_the_share_with_a_neighbour():
    assert race.crowding(two_pairs()) == 0.5
    assert race.crowding(two_pairs(), gap=0) == 0.0
    assert race.crowding(np.zeros((9, 9), int)) == 0.0


def test_choice_looks_at_the_truth_alone_and_keeps_kinds_apart():
    apart, pair = np.where(two_pairs() > 2, two_pairs(), 0), np.where(two_pairs() < 3, two_pairs(), 0)
    truths, names = [pair, apart, two_pairs(), apart], ["d", "c", "b", "a"]
    assert race.choose(truths, names, count=1) == {"easy": [3], "crowded": [0]}


def test_colour_is_turned_so_that_stained_nuclei_shine():
    pink, violet = (230, 180, 210), (90, 60, 150)
    grey = race.nuclei_bright(np.array([[pink, violet]], np.uint8))
    assert grey.shape == (1, 2) and grey[0, 1] > grey[0, 0]
    assert race.nuclei_bright(np.eye(3)) is not None and race.nuclei_bright(np.eye(3)).shape == (3, 3)


def test_all_entrants_ran_on_all_their_images():
    assert list(RESULTS["entrants"]) == list(race.ENTRANTS)
    for name, about in race.ENTRANTS.items():
        told = RESULTS["entrants"][name]
        assert list(told["kinds"]) == list(about["kinds"]), name
        assert told["peak_memory_mb"] > 50 and set(told["versions"]) == set(about["packages"])
        for kind, found in told["kinds"].items():
            listed = RESULTS["kinds"][kind]["images"]
            assert [image["name"] for image in found["images"]] == [image["name"] for image in listed]
            for image, row in zip(listed, found["images"], strict=True):
                assert row["tp"][0] + row["fn"][0] == image["nuclei"], (name, image["name"])
                assert row["cpu"] > 0 and row["seconds"] > 0
            scores = results.race.counts(name, kind, RESULTS)
            assert found["pooled_ap50"] == pytest.approx(scores.pooled[0], abs=1e-4)


def test_kinds_do_not_overlap_and_differ_as_their_names_say():
    names = {kind: {i["name"] for i in told["images"]} for kind, told in RESULTS["kinds"].items()}
    assert len(set().union(*names.values())) == sum(map(len, names.values()))
    crowding = {kind: [i["crowding"] for i in told["images"]] for kind, told in RESULTS["kinds"].items()}
    assert max(crowding["easy"]) < min(crowding["crowded"])


def test_rows_reckon_minutes_from_the_assumptions():
    rows = {(row["entrant"], row["kind"]): row for row in results.race.rows(RESULTS)}
    minutes = {step: told["minutes"] for step, told in RESULTS["assumed"]["minutes"].items()}
    outlining = (
        RESULTS["assumed"]["outlined_nuclei"]["tissue"] * RESULTS["assumed"]["seconds_per_nucleus"] / 60
    )
    assert rows["voronoi-otsu", "easy"]["minutes"] == minutes["look"]
    tuned = rows["unet-adjusted", "tissue"]
    assert tuned["minutes"] == pytest.approx(minutes["look"] + minutes["script"] + outlining)
    assert tuned["drawn_before"] == 0 < rows["unet", "tissue"]["drawn_before"]
    assert rows["unet", "easy"]["seen"] and not rows["unet", "tissue"]["seen"]
    assert not rows["voronoi-otsu", "easy"]["seen"] and not rows["sam-grid", "easy"]["seen"]
    for row in rows.values():
        assert 0 <= row["low"] <= row["ap"] <= row["high"] <= 1 and row["count_ratio"] > 0
    twice = results.race.minutes_by_hand("crowded", 200, RESULTS)
    assert twice == pytest.approx(2 * results.race.minutes_by_hand("crowded", 100, RESULTS))


def test_card_names_the_rule_and_the_assumptions():
    card = (race.OUT / "README.md").read_text(encoding="utf-8")
    assert RESULTS["command"] in card and "assumed" in card and "6409" in card
    assert "/home" not in str(RESULTS)


@pytest.mark.mirror
def test_images_are_those_of_the_results(mirror):
    fresh = race.describe()
    assert fresh["kinds"] == RESULTS["kinds"] and fresh["assumed"] == RESULTS["assumed"]


@pytest.mark.mirror
def test_the_quickest_entrant_reaches_its_score_again(mirror):
    images, truths, _ = race.load_kind("tissue")
    segment = race.make("voronoi-otsu")
    scores = metrics.average_precision_dataset(truths, [segment(image) for image in images])
    np.testing.assert_allclose(scores.tp, results.race.counts("voronoi-otsu", "tissue", RESULTS).tp, atol=1)
    assert data.load("tissue-he-dsb2018").licence.startswith("CC0")
