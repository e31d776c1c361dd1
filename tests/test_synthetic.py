"""Synthetic images: exact ground truth, the camera's statistics, seeds, and refusals."""

import numpy as np
import pytest
from scipy import ndimage

from bioimage_course.data import synthetic
from bioimage_course.errors import InputError

SCENES = [synthetic.nuclei, synthetic.membranes, synthetic.spots]


def touching_pairs(labels):
    """Pairs of labels that meet at an edge."""
    found = set()
    for axis in (0, 1):
        a, b = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        meet = (a != b) & (a > 0) & (b > 0)
        found |= {tuple(sorted(p)) for p in zip(a[meet].tolist(), b[meet].tolist(), strict=True)}
    return found


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("seed", range(4))
def test_labels_are_complete(scene, seed):
    sample = scene((120, 150), count=25, seed=seed)
    assert sample.image.shape == sample.labels.shape == (120, 150)
    assert sample.image.dtype == np.uint16 and sample.labels.dtype == np.int32
    np.testing.assert_array_equal(np.unique(sample.labels)[-25:], np.arange(1, 26))


@pytest.mark.parametrize("scene", [synthetic.nuclei, synthetic.membranes])
def test_every_object_is_connected(scene):
    labels = scene((200, 200), count=40, seed=5).labels
    for number in range(1, 41):
        assert ndimage.label(labels == number)[1] == 1


@pytest.mark.parametrize("scene", SCENES)
def test_seeds(scene):
    one, same, other = scene(seed=1), scene(seed=1), scene(seed=2)
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert (one.image != other.image).any() and (one.labels != other.labels).any()


def test_nuclei_lie_under_their_labels():
    sample = synthetic.nuclei(seed=0, psf=0, texture=0)
    inside, outside = sample.image[sample.labels > 0], sample.image[sample.labels == 0]
    assert np.percentile(inside, 1) > np.percentile(outside, 99)


def test_nuclei_have_the_size_asked_for():
    sample = synthetic.nuclei((400, 400), 40, radius=(10, 10), elongation=2, touching=0, seed=3)
    inner = np.setdiff1d(
        np.arange(1, 41), np.concatenate([sample.labels[[0, -1]].ravel(), sample.labels[:, [0, -1]].ravel()])
    )
    areas = np.bincount(sample.labels.ravel())[inner]
    assert np.mean(areas) == pytest.approx(np.pi * 100, rel=0.05)


def test_touching_is_obeyed():
    assert not touching_pairs(synthetic.nuclei(touching=0, seed=1).labels)
    many = touching_pairs(synthetic.nuclei((300, 300), 40, touching=1, seed=1).labels)
    assert len(many) >= 39, "every nucleus but the first touches an earlier one"


def test_no_nuclei_at_all():
    assert synthetic.nuclei(count=0).n_objects == 0
    assert synthetic.spots(count=0).n_objects == 0


def test_stacks_have_the_size_asked_for_in_micrometres():
    settings = {"radius": (3, 3), "above": 0, "psf": (0, 0), "texture": 0, "seed": 4}
    sample = synthetic.stack((30, 120, 120), 12, spacing=(1, 0.25, 0.25), **settings)
    assert sample.axes == "ZYX" and sample.pixel_size == 0.25 and sample.n_objects == 12
    inside, outside = sample.image[sample.labels > 0], sample.image[sample.labels == 0]
    assert np.percentile(inside, 1) > np.percentile(outside, 99)
    border = [sample.labels.take(i, axis).ravel() for axis in range(3) for i in (0, -1)]
    inner = np.setdiff1d(np.arange(1, 13), np.concatenate(border))
    volumes = np.bincount(sample.labels.ravel())[inner] * 0.25**2
    balls = 4 / 3 * np.pi * 27  # 0.75 to 1 times as high as wide
    assert (volumes > 0.68 * balls).all() and (volumes < 1.05 * balls).all()


def test_stacks_pile_nuclei_up_if_asked():
    def contacts(above, seed):
        labels = synthetic.stack(count=16, above=above, seed=seed).labels
        upper, lower = labels[:-1], labels[1:]
        meet = (upper != lower) & (upper > 0) & (lower > 0)
        return len(set(zip(upper[meet].tolist(), lower[meet].tolist(), strict=True)))

    assert sum(contacts(0.5, seed) for seed in range(3)) >= 2 * sum(contacts(0, seed) for seed in range(3))


def test_stacks_are_blurred_more_along_the_axis_and_reproducible():
    options = {"count": 1, "radius": (1.2, 1.2), "spacing": (0.25, 0.25, 0.25), "texture": 0, "seed": 3}
    sample = synthetic.stack((64, 64, 64), psf=(1.0, 0.1), photons=100_000, gain=0.1, **options)
    light = sample.image - np.median(sample.image)  # nearly all is background
    weights = np.clip(light - 0.2 * light.max(), 0, None)
    spread = [np.sqrt(np.average((i - np.average(i, weights=weights)) ** 2, weights=weights))
              for i in np.indices(sample.image.shape)]  # fmt: skip
    assert spread[0] > 1.2 * max(spread[1:])
    np.testing.assert_array_equal(
        sample.labels, synthetic.stack((64, 64, 64), psf=(1.0, 0.1), **options).labels
    )


def test_membranes_fill_the_image_and_shine():
    sample = synthetic.membranes(seed=2, psf=0)
    assert sample.labels.min() == 1 and sample.target.dtype == bool
    assert sample.image[sample.target].mean() > 3 * sample.image[~sample.target].mean() - 300
    for a, b in touching_pairs(sample.labels):
        assert a != b


def test_spots_are_where_they_are_said_to_be():
    sample = synthetic.spots(count=30, sigma=1.5, photons=5000, read_noise=0, brightness=(1, 1), seed=4)
    assert sample.target.shape == (30, 2)
    for number, centre in enumerate(sample.target, start=1):
        mask = sample.labels == number
        measured = ndimage.center_of_mass(
            (sample.image - 600.0) * mask
        )  # offset 100 + background 0.05 × 5000 × 2
        np.testing.assert_allclose(measured, centre, atol=0.15)
    distances = np.hypot(*(sample.target[:, None] - sample.target[None]).transpose(2, 0, 1))
    assert distances[~np.eye(30, dtype=bool)].min() >= 6


def test_camera_statistics():
    grey = synthetic.camera(np.full((400, 400), 1.0), photons=100, gain=2, offset=100, read_noise=5, seed=1)
    assert grey.mean() == pytest.approx(100 + 2 * 100, rel=0.005)
    assert grey.var() == pytest.approx(4 * 100 + 25, rel=0.03)
    dark = synthetic.camera(np.zeros((300, 300)), read_noise=5, seed=1)
    assert dark.mean() == pytest.approx(100, rel=0.005) and dark.std() == pytest.approx(5, rel=0.03)


def test_camera_blur_vignetting_saturation():
    point = np.zeros((41, 41))
    point[20, 20] = 100
    blurred = synthetic.camera(point, photons=1000, psf=2, offset=0, read_noise=0) / 2000
    rows = np.arange(41) - 20
    assert np.sum(blurred.sum(1) * rows**2) / blurred.sum() == pytest.approx(4, rel=0.1)
    flat = (
        synthetic.camera(np.ones((101, 101)), photons=1e4, psf=0, vignetting=0.5, offset=0, read_noise=0)
        / 2e4
    )
    assert flat[50, 50] == pytest.approx(1, abs=0.05) and flat[0, 0] == pytest.approx(0.5, abs=0.05)
    assert flat[0, 50] == pytest.approx(0.75, abs=0.05)
    assert synthetic.camera(np.full((3, 3), 1e6)).min() == 65535
    assert synthetic.camera(np.ones((4, 5, 6)), vignetting=0.3).shape == (4, 5, 6)


def test_camera_leaves_its_scene_alone():
    scene = np.ones((8, 8))
    scene.setflags(write=False)
    synthetic.camera(scene, vignetting=0.5)


def test_more_photons_less_noise():
    noise = []
    for photons in (10, 100, 1000):
        grey = synthetic.camera(np.ones((100, 100)), photons=photons, read_noise=0) - 100.0
        noise.append(grey.std() / grey.mean())
    np.testing.assert_allclose(noise, [10**-0.5, 0.1, 1000**-0.5], rtol=0.05)


# --- Feature tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_nucleus_classes(classes):
    table = synthetic.nucleus_classes(301, seed=2, classes=classes)
    assert table.features.shape == (301, 3) and table.classes.shape == (301,) and len(table) == 301
    assert set(table.classes) == set(range(classes)) and len(table.class_names) == classes
    assert np.ptp(np.bincount(table.classes)) <= 1
    assert (table.column("roundness") <= 1).all() and (table.column("area") > 0).all()
    area, intensity = (
        [table.column(name)[table.classes == k].mean() for k in range(2)] for name in ("area", "intensity")
    )
    assert area[0] > area[1] and intensity[0] < intensity[1]
    again = synthetic.nucleus_classes(301, seed=2, classes=classes)
    np.testing.assert_array_equal(table.features, again.features)


def test_spread_decides_how_separable_classes_are():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = []
    for spread in (0.3, 1, 3):
        table = synthetic.nucleus_classes(1000, seed=0, spread=spread)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table.features, table.classes)
        scores.append(model.score(table.features, table.classes))
    assert scores[0] == 1 and 0.95 < scores[1] <= 1 and scores[2] < 0.95


def test_feature_table_says_what_it_has():
    table = synthetic.nucleus_classes(4)
    assert "area (µm²)" in repr(table)
    with pytest.raises(InputError, match="area, intensity, roundness"):
        table.column("size")


# --- Refusals -----------------------------------------------------------------------------------------

BAD_SCENES = [
    {"shape": 64},
    {"shape": (64, 64, 64)},
    {"shape": (0, 64)},
    {"shape": (-5, 64)},
    {"shape": (64.5, 64)},
    {"shape": None},
    {"shape": "ab"},
    {"shape": (10**6, 10**6)},
    {"count": -1},
    {"count": 2.5},
    {"count": True},
    {"count": None},
    {"count": 10**5},
    {"photons": -1},
    {"photons": np.nan},
    {"photons": np.inf},
    {"photons": "many"},
    {"photons": None},
    {"vignetting": 2},
    {"read_noise": -1},
    {"background": -0.1},
    {"background": np.nan},
    {"seed": -1},
    {"seed": 1.5},
    {"seed": "x"},
    {"seed": None},
]


@pytest.mark.parametrize("options", BAD_SCENES, ids=str)
@pytest.mark.parametrize("scene", SCENES)
def test_bad_scenes(scene, options):
    with pytest.raises(InputError):
        scene(**options)


@pytest.mark.parametrize(
    ("scene", "options"),
    [
        (synthetic.nuclei, {"radius": 5}),
        (synthetic.nuclei, {"radius": (10, 5)}),
        (synthetic.nuclei, {"radius": (1, 5)}),
        (synthetic.nuclei, {"radius": (10, 500)}),
        (synthetic.nuclei, {"elongation": 0.5}),
        (synthetic.nuclei, {"irregularity": 2}),
        (synthetic.nuclei, {"touching": 1.5}),
        (synthetic.nuclei, {"brightness": (-1, 1)}),
        (synthetic.nuclei, {"texture": 7}),
        (synthetic.nuclei, {"psf": -1}),
        (synthetic.nuclei, {"count": 300}),
        (synthetic.membranes, {"count": 1}),
        (synthetic.membranes, {"thickness": 0}),
        (synthetic.membranes, {"waviness": -1}),
        (synthetic.membranes, {"brightness": (0, 1)}),
        (synthetic.spots, {"sigma": 0}),
        (synthetic.spots, {"distance": 0}),
        (synthetic.spots, {"distance": 200}),
        (synthetic.camera, {"scene": None}),
        (synthetic.camera, {"scene": 1.0}),
        (synthetic.camera, {"scene": []}),
        (synthetic.camera, {"scene": [-1.0]}),
        (synthetic.camera, {"scene": [np.nan]}),
        (synthetic.camera, {"scene": ["a"]}),
        (synthetic.camera, {"scene": [[1], [1, 2]]}),
        (synthetic.camera, {"scene": [1.0], "photons": 10**400}),
        (synthetic.nuclei, {"background": -(10**400)}),
        (synthetic.nucleus_classes, {"n": 10**30}),
        (synthetic.nucleus_classes, {"classes": np.array([2, 3])}),
        (synthetic.camera, {"scene": [1.0], "gain": -1}),
        (synthetic.camera, {"scene": [1e300]}),
        (synthetic.nucleus_classes, {"n": 0}),
        (synthetic.nucleus_classes, {"n": 2.0}),
        (synthetic.nucleus_classes, {"classes": 4}),
        (synthetic.nucleus_classes, {"classes": None}),
        (synthetic.nucleus_classes, {"spread": -1}),
        (synthetic.nucleus_classes, {"seed": None}),
    ],
)
def test_bad_parameters(scene, options):
    with pytest.raises(InputError):
        scene(**options)


def test_no_room_is_said_with_numbers():
    with pytest.raises(InputError, match=r"only \d+ of 200 nuclei.*fewer or smaller"):
        synthetic.nuclei((128, 128), 200)


# --- crops from fields of view ------------------------------


def test_foci_crops_come_from_whole_fields():
    crops = synthetic.foci_crops(fields=7, cells=5, seed=2)
    assert crops.images.shape == (35, 20, 20) and crops.images.dtype == np.uint16
    assert np.bincount(crops.fields).tolist() == [5] * 7
    kinds = [set(crops.classes[crops.fields == field].tolist()) for field in range(7)]
    assert all(len(kind) == 1 for kind in kinds), "treatment is given to whole fields"
    assert sum(kind == {1} for kind in kinds) == 3
    taken = crops.take(crops.fields == 3)
    assert len(taken) == 5 and set(taken.fields) == {3} and taken.class_names == ("control", "treated")


def test_foci_follow_the_effect():
    def bright(effect):
        """Mean of the brightest pixels of treated over control crops."""
        crops = synthetic.foci_crops(40, 10, seed=1, effect=effect, variation=0)
        peaks = np.sort(crops.images.reshape(len(crops), -1), axis=1)[:, -20:].mean(axis=1) - 100
        return peaks[crops.classes == 1].mean() / peaks[crops.classes == 0].mean()

    assert bright(0) == pytest.approx(1, abs=0.06)
    assert bright(1) > 1.3 and bright(2) > bright(1)


def test_fields_differ_by_their_background():
    def spread(variation):
        crops = synthetic.foci_crops(20, 20, seed=3, variation=variation)
        corners = crops.images[:, :3, :3].mean(axis=(1, 2))
        return np.std([corners[crops.fields == field].mean() for field in range(20)])

    assert spread(0) < 3 < spread(1) < spread(2)


def test_foci_crops_are_reproducible_and_refuse_nonsense():
    one, same, other = (synthetic.foci_crops(4, 3, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.images, same.images)
    assert (one.images != other.images).any()
    for wrong in ({"fields": 1}, {"cells": 0}, {"size": 8}, {"effect": -1}, {"variation": 5}):
        with pytest.raises(InputError):
            synthetic.foci_crops(**wrong)
