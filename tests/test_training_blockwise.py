"""The script that measured networks in blocks, and what it wrote."""

import numpy as np
import pytest

import blockwise
from bioimage_course import large


def test_every_way_of_cutting_is_tried_once_and_one_lies_beside_the_stride():
    ways = list(blockwise.settings(large.Tiling(stride=16, field=107), (192, 256)))
    assert ways == [(256, 0, 16), (192, 64, 16), (256, 64, 16), (256, 176, 16), (256, 168, 1)]
    assert list(blockwise.settings(large.Tiling(), (192, 256))) == [(256, 0, 1), (192, 64, 1), (256, 64, 1)]
    beside = [b.crop[0].start % 16 for b in large.blocks((512, 512), 256, 168, 1)]
    assert any(beside)


def test_agreement_of_two_label_images():
    whole = np.zeros((40, 40), int)
    whole[5:15, 5:15], whole[20:30, 20:30] = 1, 2
    other = whole.copy()
    other[29, 20:30] = 0  # nine of ten rows: IoU 0.9
    assert blockwise.agreement(whole, whole) == {"objects": 2, "ap50": 1, "ap90": 1, "same": 2}
    assert blockwise.agreement(whole, other) == {
        "objects": 2,
        "ap50": 1,
        "ap90": pytest.approx(1, abs=0.7),
        "same": 1,
    }


def test_what_is_written_holds_together():
    rows = large.results("blockwise")["rows"]
    assert len({row["image"] for row in rows}) >= 5
    for row in rows:
        assert row["shape"] == [512, 512] and 0 <= row["ap90"] <= row["ap50"] <= 1
        assert row["same"] <= min(row["whole"], row["objects"])
        assert row["exact"] == (
            row["reach"] is not None and row["halo"] >= row["reach"] and row["stride"] == 16
        )
        if row["exact"]:
            assert row["same"] == row["whole"] == row["objects"]
