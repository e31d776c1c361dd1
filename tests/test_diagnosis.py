"""The label doctor: spoilt masks are named and placed, mended where that is safe, true ones left alone."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.transform import resize

from bioimage_course import data, metrics
from bioimage_course.data.diagnosis import fitting, shapes
from bioimage_course.data.diagnosis.findings import KINDS
from bioimage_course.errors import InputError


@pytest.fixture(scope="module")
def nuclei():
    return data.load("nuclei")


@pytest.fixture(scope="module")
def crowd():
    """A scene with many touching objects whose truth is exact."""
    return data.synthetic.nuclei(seed=3)


def same_objects(first, second, threshold=0.999):
    """Whether two label images hold the same objects, whatever their numbers."""
    match = metrics.match(first, second, [threshold])[0]
    return match.fp == match.fn == 0


def moved(labels, *shift):
    return fitting._moved(labels, shift)


def resized(labels):
    """Half the size by dropping pixels, and back with interpolation, as image programs do it."""
    return np.rint(resize(labels[::2, ::2].astype(float), labels.shape, order=1, preserve_range=True)).astype(
        int
    )


def jpeg(labels):
    stream = io.BytesIO()
    Image.fromarray(np.uint8(labels > 0) * 255).save(stream, "JPEG", quality=75)
    return np.array(Image.open(stream))


# ---------------------------------------------------------------- true masks


@pytest.mark.parametrize("name", ["nuclei", "nuclei-3d"])
def test_true_masks_are_healthy(name):
    sample = data.load(name)
    found = data.diagnose(sample)
    assert found.healthy and found.findings == () and "nothing found" in repr(found)
    np.testing.assert_array_equal(found.repair(), sample.labels)


@pytest.mark.parametrize("seed", range(4))
def test_synthetic_masks_are_healthy(seed):
    assert data.diagnose(data.synthetic.nuclei(seed=seed)).healthy


def test_objects_left_out_at_the_border_are_seen_in_a_published_mask():
    """CellProfiler leaves out nuclei that the border cuts; the sentence says that this may be on purpose."""
    found = data.diagnose(data.load("mitosis"))
    assert found.names == ("unlabelled",) and "border" in found.findings[0].sentence


@pytest.mark.slow
def test_of_two_hundred_published_masks_only_those_with_faults_are_reported(mirror):
    """All reported were looked at: two nuclei under one number, or a nucleus without one (two doubtful)."""
    named = [data.diagnose(sample).names for sample in data.load("nuclei-dsb2018")[::4]]
    assert {name for names in named for name in names} <= {"merged", "unlabelled"}
    assert sum(map(bool, named)) <= 12


# ---------------------------------------------------------------- spoilt masks

MENDED = {
    "binary": lambda labels: np.uint8(labels > 0) * 255,
    "truths": lambda labels: labels > 0,
    "float": lambda labels: labels.astype(np.float32),
    "divided": lambda labels: labels / 255,
    "by the highest": lambda labels: labels / labels.max(),
    "transposed file": lambda labels: labels[:, :480].T.copy(),
    "colour": lambda labels: np.dstack([labels.astype(np.uint8)] * 3),
    "shifted": lambda labels: moved(labels, 6, -9),
    "upside down": lambda labels: labels[::-1].copy(),
    "turned": lambda labels: np.rot90(labels).copy(),
}
NAMES = dict.fromkeys(["binary", "truths"], "binary") | dict.fromkeys(
    ["float", "divided", "by the highest"], "float"
)
NAMES |= {"transposed file": "size", "colour": "colours", "shifted": "shifted"}
NAMES |= dict.fromkeys(["upside down", "turned"], "turned")


@pytest.mark.parametrize("how", MENDED)
def test_what_needs_no_guess_is_mended(nuclei, how):
    image, truth = nuclei.image, nuclei.labels
    if how == "transposed file":
        image, truth = image[:, :480], truth[:, :480]
    if how in ("binary", "truths"):
        truth = label(truth > 0)
    found = data.diagnose(image, MENDED[how](nuclei.labels))
    assert found.names[0] == NAMES[how] and found.findings[0].repaired
    if how == "shifted":
        truth = moved(moved(truth, 6, -9), -6, 9)
    assert same_objects(truth, found.repair())
    assert data.diagnose(image, found.repair()).healthy or how in ("binary", "truths")


def test_labels_of_half_the_size_are_enlarged(nuclei):
    found = data.diagnose(nuclei.image, nuclei.labels[::2, ::2])
    assert found.names[0] == "size" and "2 times" in found.findings[0].sentence
    assert metrics.match(nuclei.labels, found.repair(), [0.5])[0].fn <= 3  # nuclei of a few pixels


@pytest.mark.parametrize("cropped", [(500, 512), (512, 300), (300, 400)])
def test_labels_of_another_image_are_named_and_not_bent(nuclei, cropped):
    found = data.diagnose(nuclei.image, nuclei.labels[: cropped[0], : cropped[1]])
    assert found.names[0] == "size" and not found.findings[0].repaired
    assert found.repair().shape == cropped and any("sizes differ" in s for s in found.not_judged)


def test_interpolated_labels_are_as_good_after_the_repair_as_nearest_neighbour(nuclei):
    found = data.diagnose(nuclei.image, resized(nuclei.labels))
    assert found.names[0] == "interpolated" and found.findings[0].boxes
    nearest = np.kron(nuclei.labels[::2, ::2], np.ones((2, 2), int))
    ours, best = (metrics.match(nuclei.labels, other, [0.7])[0].tp for other in (found.repair(), nearest))
    assert ours >= 0.9 * best


@pytest.mark.parametrize(
    "spoil", [jpeg, lambda labels: np.uint8(ndimage.gaussian_filter((labels > 0) * 255.0, 0.7))]
)
def test_smoothed_masks_are_cut_and_numbered(nuclei, spoil):
    found = data.diagnose(nuclei.image, spoil(nuclei.labels))
    assert found.names[:2] == ("interpolated", "binary")
    pieces = label(nuclei.labels > 0)
    assert metrics.match(pieces, found.repair(), [0.7])[0].tp > 0.9 * pieces.max()


@pytest.mark.parametrize("how", ["wrapped", "saturated"])
def test_more_objects_than_eight_bits_hold(how):
    many = np.zeros((400, 400), np.int64)
    for number, (y, x) in enumerate(np.ndindex(19, 19), start=1):
        many[y * 21 + 2 : y * 21 + 15, x * 21 + 2 : x * 21 + 15] = number
    stored = np.uint8(many % 256) if how == "wrapped" else np.uint8(np.minimum(many, 255))
    found = data.diagnose(None, stored)
    assert found.names == ("overflow",) and "8 bits" in found.findings[0].sentence
    assert same_objects(many * (stored > 0), found.repair())


def test_one_number_for_two_objects_far_apart(nuclei):
    numbers = np.unique(nuclei.labels)[1:]
    doubled = np.where(nuclei.labels == numbers[-1], numbers[0], nuclei.labels)
    found = data.diagnose(nuclei.image, doubled)
    assert found.names == ("fragments",) and len(found.findings[0].boxes) == 1
    assert same_objects(nuclei.labels, found.repair())


def test_pieces_side_by_side_are_shown_and_left(nuclei):
    numbers, areas = np.unique(nuclei.labels[nuclei.labels > 0], return_counts=True)
    largest = nuclei.labels == numbers[np.argmax(areas)]
    (rows, _) = np.nonzero(largest)
    cut = nuclei.labels.copy()
    middle = int(np.median(rows))
    cut[middle : middle + 2][largest[middle : middle + 2]] = 0
    found = data.diagnose(nuclei.image, cut)
    assert found.names == ("fragments",) and not found.findings[0].repaired
    np.testing.assert_array_equal(found.repair(), cut)


def test_crumbs_are_no_finding(nuclei):
    crumbed = nuclei.labels.copy()
    crumbed[5, 5] = crumbed[400, 3] = crumbed.max()
    assert data.diagnose(nuclei.image, crumbed).healthy or (nuclei.labels[5, 5] or nuclei.labels[400, 3])


def test_objects_without_label_are_found_where_they_are(nuclei):
    numbers, areas = np.unique(nuclei.labels[nuclei.labels > 0], return_counts=True)
    gone = numbers[np.argsort(areas)[-9:-6]]
    found = data.diagnose(nuclei.image, np.where(np.isin(nuclei.labels, gone), 0, nuclei.labels))
    assert found.names == ("unlabelled",) and not found.findings[0].repaired
    for y0, x0, y1, x1 in found.findings[0].boxes:
        assert np.isin(nuclei.labels[y0:y1, x0:x1], gone).any()


def test_touching_objects_drawn_as_one(crowd):
    drawn = label(crowd.labels > 0)
    assert drawn.max() < crowd.n_objects
    found = data.diagnose(crowd.image, drawn)
    assert "merged" in found.names
    (finding,) = (f for f in found.findings if f.name == "merged")
    for y0, x0, y1, x1 in finding.boxes:
        numbers, areas = np.unique(crowd.labels[y0:y1, x0:x1], return_counts=True)
        assert (areas[numbers > 0] > 30).sum() >= 2
    assert not finding.repaired


def test_branched_objects_are_not_judged_for_merging(nuclei):
    stars = np.zeros((300, 300), int)
    for number, (y, x) in enumerate(np.ndindex(3, 3), start=1):
        stars[100 * y + 45 : 100 * y + 53, 100 * x + 5 : 100 * x + 95] = number
        stars[100 * y + 5 : 100 * y + 95, 100 * x + 45 : 100 * x + 53] = number
    found = data.diagnose(None, stars)
    assert found.healthy and any("branches" in sentence for sentence in found.not_judged)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_another_scale_is_named_and_not_bent(nuclei, factor):
    found = data.diagnose(nuclei.image, fitting._scaled(nuclei.labels, factor))
    (finding,) = (f for f in found.findings if f.name == "scaled")
    assert not finding.repaired and f"{1 / factor:g} times" in finding.sentence


@pytest.mark.parametrize(("pixels", "way"), [(5, "in"), (-4, "out")])
def test_outlines_too_wide_or_too_narrow_are_not_called_shifted(nuclei, pixels, way):
    found = data.diagnose(nuclei.image, fitting._grown_by(nuclei.labels, pixels))
    assert "outlines" in found.names and not {"shifted", "scaled"} & set(found.names)
    outlines = found.findings[found.names.index("outlines")]
    assert f"pixels further {way}, all round" in outlines.sentence and not outlines.repaired


@pytest.mark.parametrize("shape", [(40, 30), (5, 5), (3, 90)])
def test_solidity_is_that_of_regionprops(shape):
    mask = label(ndimage.gaussian_filter(np.random.default_rng(3).normal(size=shape), 2) > -0.05) == 1
    mask = mask[np.ix_(mask.any(1), mask.any(0))]
    expected = regionprops(np.pad(mask, 1).astype(int))[0].solidity
    assert abs(shapes._solidity(mask) - expected) < 0.02


def test_classes_instead_of_objects(nuclei):
    pieces = label(nuclei.labels > 0)
    found = data.diagnose(nuclei.image, np.where(pieces % 2, 1, 2) * (pieces > 0))
    assert found.names == ("classes",) and not found.findings[0].repaired


# ---------------------------------------------------------------- what cannot be read


def test_nothing_drawn_and_all_drawn(nuclei):
    for value in (0, 1):
        found = data.diagnose(nuclei.image, np.full(nuclei.image.shape, value))
        assert found.names == ("empty",)
        assert (found.repair() == value).all()


def test_the_image_in_place_of_the_labels(nuclei):
    found = data.diagnose(nuclei.image, nuclei.image)
    assert found.names == ("picture",)
    with pytest.raises(InputError, match="cannot be repaired"):
        found.repair()


def test_probabilities_are_no_labels(nuclei):
    found = data.diagnose(nuclei.image, ndimage.gaussian_filter((nuclei.labels > 0) * 1.0, 2))
    assert found.names[0] in ("float", "picture") and not found.findings[0].repaired


@pytest.mark.parametrize(
    "spoil", [lambda x: np.where(x == 0, np.nan, x), lambda x: np.where(x == 0, np.inf, x)]
)
def test_nan_is_named(nuclei, spoil):
    found = data.diagnose(nuclei.image, spoil(nuclei.labels.astype(float)))
    assert found.names[0] == "float" and "NaN or infinite" in found.findings[0].sentence


def test_numbers_below_zero(nuclei):
    shifted = np.where(nuclei.labels == 0, -1, nuclei.labels.astype(int))
    found = data.diagnose(nuclei.image, shifted)
    assert found.names == ("negative",) and found.findings[0].repaired
    assert same_objects(nuclei.labels, found.repair())
    ignored = nuclei.labels.astype(int)
    ignored[:3] = -1
    found = data.diagnose(nuclei.image, ignored)
    assert found.names == ("negative",) and not found.findings[0].repaired


@pytest.mark.parametrize(
    "labels", [None, "mask.tif", [], [1, 2, 3], 5, np.zeros((3, 3), complex), [[1], [1, 2]]]
)
def test_what_is_no_array_is_refused_in_a_sentence(nuclei, labels):
    with pytest.raises(InputError) as told:
        data.diagnose(nuclei.image, labels)
    assert "\n" not in str(told.value)


def test_huge_numbers_and_one_object(nuclei):
    huge = nuclei.labels.astype(np.uint64) + np.uint64(2**63) * (nuclei.labels > 0).astype(np.uint64)
    assert same_objects(nuclei.labels, data.diagnose(nuclei.image, huge).repair())
    one = np.zeros((20, 20), int)
    one[5:15, 5:15] = 7
    assert data.diagnose(None, one).healthy


def test_another_number_than_zero_around_the_objects(nuclei):
    around = np.where(nuclei.labels == 0, 65535, nuclei.labels.astype(int))
    found = data.diagnose(nuclei.image, around)
    assert found.names == ("background",) and same_objects(nuclei.labels, found.repair())
    found = data.diagnose(nuclei.image, np.uint8(nuclei.labels == 0) * 255)
    assert found.names[0] == "background" and "inverted" in repr(found) and not found.findings[0].repaired


# ---------------------------------------------------------------- what is said


def test_every_kind_has_a_meaning_and_every_sentence_an_end(nuclei):
    spoilt = [
        np.uint8(nuclei.labels > 0),
        resized(nuclei.labels),
        moved(nuclei.labels, 12, 0),
        nuclei.labels * 0,
    ]
    for labels in spoilt:
        for finding in data.diagnose(nuclei.image, labels).findings:
            assert finding.name in KINDS and "\n" not in finding.sentence
            assert finding.sentence.endswith((".", ")")) and str(finding).startswith(finding.name)


def test_the_arguments_are_not_changed(nuclei):
    image, labels = nuclei.image.copy(), moved(resized(nuclei.labels), 9, 9)
    before = labels.copy()
    data.diagnose(image, labels).repair()[:] = 0
    np.testing.assert_array_equal(labels, before)
    np.testing.assert_array_equal(image, nuclei.image)


def test_colour_images_and_channels_first(nuclei):
    colour = np.dstack([nuclei.image] * 3)
    for image in (colour, np.moveaxis(colour, -1, 0), nuclei.image):
        assert data.diagnose(image, moved(nuclei.labels, 8, 8)).names[0] == "shifted"


def test_the_picture_shows_the_places(nuclei):
    found = data.diagnose(nuclei.image, moved(nuclei.labels, 8, 8))
    drawn = found.figure()
    assert len(drawn.axes) == 3 and "shifted" in drawn.alt
    assert drawn.png()[:4] == b"\x89PNG"
    solid = data.load("nuclei-3d")
    assert len(data.diagnose(solid.image, solid.labels).figure().axes) == 2
