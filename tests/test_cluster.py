"""A folder of images as the job array of a cluster: here its jobs are processes, side by side."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from bioimage_course import large
from bioimage_course.errors import InputError

pytest.importorskip("skimage", reason="scikit-image is not installed")

JOB = """
import os, signal, sys
from bioimage_course import large

def segment(image):
    if image.nbytes > int(os.environ["MEMORY"]):  # stands for the system, which kills what takes too much
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return large.bright_blobs(image, 300.0)

if __name__ == "__main__":
    large.label_folder("images", segment, "labels", share=tuple(map(int, sys.argv[1:])) or None)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(7):
        image = np.zeros((40, 40 + 40 * (number == 4)), np.uint16)  # one is larger than the others
        image[5:15, 5 + number : 15 + number] = 900
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", image)
    (tmp_path / "job.py").write_text(JOB)
    return tmp_path


def start(folder, *share, memory=10**6):
    environment = os.environ | {"MEMORY": str(memory), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "job.py", *map(str, share)], cwd=folder, env=environment)


def done(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "labels").glob("*_labels.tif")}


def test_one_job_is_killed_and_called_again(folder):
    started = [start(folder, job, 3, memory=4000) for job in range(3)]
    codes = [process.wait(timeout=120) for process in started]
    assert [code == 0 for code in codes] == [True, False, True]  # image 4 belongs to job 1
    first = done(folder)
    assert (
        set(first) == {f"{n}_labels.tif" for n in (0, 1, 2, 3, 5, 6)}
        and not (folder / "labels" / "summary.csv").exists()
    )
    assert start(folder, 1, 3).wait(timeout=120) == 0
    second = done(folder)
    assert len(second) == 7 and first.items() <= second.items()  # what was there is as it was
    # The same script, once more and without a share, collects; what computed now would be killed.
    assert start(folder, memory=1).wait(timeout=120) == 0
    assert len((folder / "labels" / "summary.csv").read_text().splitlines()) == 8
    assert done(folder) == second


def blobs(image):
    return large.bright_blobs(image, 300.0)


def test_shares_take_every_image_once_and_the_last_call_collects(folder):
    images, out = folder / "images", folder / "labels"
    (images / "3.tif").write_bytes(b"broken")
    rows = [row for job in range(3) for row in large.label_folder(images, blobs, out, share=(job, 3))]
    assert sorted(row["image"] for row in rows) == [f"{n}.tif" for n in range(7)]
    assert [row["image"] for row in rows if row["problem"]] == ["3.tif"]
    assert not (out / "summary.csv").exists()
    assert large.label_folder(images, blobs, out) == sorted(rows, key=lambda row: row["image"])
    assert len((out / "summary.csv").read_text().splitlines()) == 8
    assert large.label_folder(images, blobs, out, share=(8, 9)) == []  # more jobs than images


@pytest.mark.parametrize("share", [(3, 3), (-1, 3), (0, 0), (1.0, 3), (True, 3)])
def test_a_share_that_is_none(share, folder):
    with pytest.raises(InputError, match=r"number of (this job|jobs)"):
        large.label_folder(folder / "images", blobs, folder / "labels", share=share)
