"""The exercises of chapter 12: the solutions pass, and each usual mistake gets its own sentence."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.segmentation import relabel_sequential

from bioimage_course import check, compat, tools
from bioimage_course.check.exercises import ch12
from bioimage_course.errors import InputError
from bioimage_course.materials import ch12 as materials
from exercise_cells import failure

# --- right answers, with switches for the mistakes ------------------------------


def make_diffuse(leak=False, inside=False, once=False, late=False, in_place=False):
    def diffuse(mask, centre, steps):
        if in_place:
            mask[:] = 0
        temperature = np.zeros(mask.shape)
        for step in range(steps):
            if not late and not (once and step):
                temperature[centre] += 1
            temperature = ndimage.uniform_filter(temperature, 3, mode="constant")
            if inside:
                share = ndimage.uniform_filter(mask.astype(float), 3, mode="constant")
                temperature = temperature / np.where(mask, share, 1)
            temperature = temperature if leak else temperature * mask
            if late:
                temperature[centre] += 1
        return temperature

    return diffuse


def flow(temperature, mask):
    slope = np.zeros((2, *mask.shape))
    slope[0, 1:-1] = temperature[2:] - temperature[:-2]
    slope[1, :, 1:-1] = temperature[:, 2:] - temperature[:, :-2]
    length = np.sqrt((slope**2).sum(axis=0))
    return np.where(mask, slope / np.maximum(length, 1e-60), 0)


def make_follow(fixed=False, sign=1, swap=False, clip=True, once=False):
    def follow(flow, points, steps):
        points, highest, first = points.astype(float), np.array(flow.shape[1:]) - 1, None
        for _ in range(1 if once else steps):
            row, column = np.clip(np.rint(points), 0, highest).astype(int).T
            arrows = flow[:, row, column].T
            first = arrows if first is None else first
            arrows = sign * (first if fixed else arrows)
            points = points + (arrows[:, ::-1] if swap else arrows)
            points = np.clip(points, 0, highest) if clip else points
        return points

    return follow


def errors_per_object(labels, predicted):
    return ((ch12._flow(labels) - predicted) ** 2).sum(axis=0)


def flow_errors(labels, predicted):
    error = errors_per_object(labels, predicted)
    return [error[labels == number].mean() for number in range(1, labels.max() + 1)]


def to_probability(logit):
    return 0.5 * (1 + np.tanh(np.asarray(logit) / 2))


def to_logit(probability):
    return np.log(probability) - np.log1p(-np.asarray(probability))


FORECAST = {"pixels": "fewer", "objects": "fewer", "network runs": "the same"}


def make_mirrored(mode="reflect", crop=True, renumber=True, pad=True, sides=2):
    def mirrored(segment, image, width):
        if sides == 1:
            padded = np.pad(image, ((width, 0), (width, 0)), mode=mode)
        else:
            padded = np.pad(image, width, mode=mode) if pad else image
        labels = segment(padded)
        if crop and pad:
            labels = labels[width : width + image.shape[0], width : width + image.shape[1]]
        if renumber:
            numbers = np.unique(labels)
            labels = np.searchsorted(numbers[numbers > 0], labels) + (labels > 0)
        return labels

    return mirrored


SOLUTIONS = {
    "heat_flow": (make_diffuse(), flow),
    "follow_flows": (make_follow(),),
    "flow_quality": (flow_errors,),
    "cell_logits": (to_probability, to_logit, FORECAST),
    "mirrored_border": (make_mirrored(),),
    "stitch_planes": (materials.stitched,),
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_pass(name):
    verdict = getattr(check, name).verdict(*SOLUTIONS[name])
    assert verdict.passed, verdict.message


def test_other_right_answers_pass():
    from scipy.special import expit, logit
    from skimage.segmentation import relabel_sequential

    assert check.cell_logits.verdict(expit, logit, FORECAST).passed
    plain = make_mirrored(mode="symmetric", renumber=False)
    assert check.mirrored_border.verdict(lambda *a: relabel_sequential(plain(*a))[0]).passed
    assert check.follow_flows.verdict(make_follow(), *()).passed


# --- and the library's ------------------------------


@pytest.mark.skipif(not tools.available("cellpose"), reason="cellpose is not installed")
def test_cellpose_itself_agrees():
    compat.prepare("cellpose")
    with compat.quiet():
        from cellpose import dynamics

    labels, predicted = ch12._quality_case()
    theirs = dynamics.masks_to_flows_gpu(labels)[0]
    np.testing.assert_allclose(ch12._flow(labels), theirs, atol=1e-6)
    np.testing.assert_allclose(
        dynamics.flow_error(labels, 5 * predicted)[0], flow_errors(labels, predicted), atol=1e-6
    )
    bent = materials.bent_cell().astype(int)
    np.testing.assert_allclose(ch12._flow(bent), dynamics.masks_to_flows_gpu(bent)[0], atol=1e-6)


def test_shapes_are_what_the_chapter_says():
    from scipy.ndimage import label

    assert label(materials.bent_cell())[1] == 1
    assert label(materials.two_cells() > 0)[1] == 1, "they touch"
    assert set(np.unique(materials.two_cells())) == {0, 1, 2}
    for mask in (materials.bent_cell(), materials.two_cells()):
        assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any()), "room for central differences"


# --- mistakes ------------------------------


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"leak": True}, "leaks"),
        ({"inside": True}, "all nine"),
        ({"once": True}, "only once"),
        ({"late": True}, "add it first"),
        ({"in_place": True}, "changes the array"),
    ],
)
def test_heat_mistakes(mistake, words):
    verdict = check.heat_flow.verdict(make_diffuse(**mistake), flow)
    assert verdict.status == "failed"
    assert words in verdict.message


def _slope(temperature):
    return ch12.slopes(temperature)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda t, m: np.where(m, _slope(t), 0), "not of length 1"),
        (lambda t, m: -flow(t, m), "gets colder"),
        (lambda t, m: flow(t, m)[::-1], "swapped"),
        (lambda t, m: np.where(m, np.sign(_slope(t)), 0), "own size"),
        (lambda t, m: flow(t, m)[0], "shape"),
        (
            lambda t, m: np.where(m, _slope(t) / np.maximum(np.abs(_slope(t)).sum(0), 1e-60), 0),
            "sum of both",
        ),
        (lambda t, m: flow(t, np.ones_like(m)), "Outside the mask"),
    ],
)
def test_flow_mistakes(wrong, words):
    verdict = check.heat_flow.verdict(make_diffuse(), wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"fixed": True}, "only once"),
        ({"sign": -1}, "against the flow"),
        ({"swap": True}, "swapped"),
        ({"clip": False}, "leave the image"),
        ({"once": True}, "one step only"),
        ({"sign": 0}, "do not move"),
    ],
)
def test_follow_mistakes(mistake, words):
    verdict = check.follow_flows.verdict(make_follow(**mistake))
    assert verdict.status == "failed"
    assert words in verdict.message


def cold_beyond(mode):
    def diffuse(mask, centre, steps):
        temperature = np.zeros(mask.shape)
        for _ in range(steps):
            temperature[centre] += 1
            temperature = ndimage.uniform_filter(temperature, 3, mode=mode) * mask
        return temperature

    return diffuse


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("reflect", "by its mirror image;"),
        ("mirror", "without the outermost"),
        ("wrap", "opposite side"),
    ],
)
def test_heat_that_the_border_of_the_image_gives_back(mode, words):
    assert words in failure("heat_flow", cold_beyond(mode), flow)


def test_diffusion_by_slices_and_by_torch_passes():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def by_slices(mask, centre, steps):
        temperature = np.zeros(mask.shape)
        for _ in range(steps):
            temperature[centre] += 1
            padded = np.pad(temperature, 1)
            shifted = [
                padded[i : i + mask.shape[0], j : j + mask.shape[1]] for i in range(3) for j in range(3)
            ]
            temperature = np.mean(shifted, axis=0) * mask
        return temperature

    def by_torch(mask, centre, steps):
        temperature, mask = torch.zeros(1, 1, *mask.shape, dtype=torch.float64), torch.as_tensor(mask)
        for _ in range(steps):
            temperature[0, 0, centre[0], centre[1]] += 1
            temperature = torch.nn.functional.avg_pool2d(temperature, 3, stride=1, padding=1) * mask
        return temperature[0, 0].numpy()

    for diffuse in (by_slices, by_torch):
        verdict = check.heat_flow.verdict(diffuse, flow)
        assert verdict.passed, verdict.message


def test_a_level_summit_needs_no_particular_guard():
    def with_nothing_smaller(temperature, mask):
        slope = ch12.slopes(temperature)
        length = np.hypot(*slope)
        return slope / np.where(length > 0, length, 1) * mask

    def with_nan_replaced(temperature, mask):
        slope = ch12.slopes(temperature)
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(slope / np.hypot(*slope)) * mask

    for right in (with_nothing_smaller, with_nan_replaced):
        verdict = check.heat_flow.verdict(make_diffuse(), right)
        assert verdict.passed, verdict.message

    def without(temperature, mask):
        slope = ch12.slopes(temperature)
        with np.errstate(invalid="ignore"):
            return np.where(mask, slope / np.hypot(*slope), 0)

    assert "at the summit" in failure("heat_flow", make_diffuse(), without)


def make_steps(look=np.rint, begin=np.asarray, lowest=0, extra=0):
    """Steps along a flow, whose rounding, first places and limits can be changed."""

    def follow(flow, points, steps):
        points, highest = begin(points).astype(float), np.array(flow.shape[1:]) - 1 + extra
        for _ in range(steps):
            row, column = look(points).astype(int).T
            points = np.clip(points + flow[:, row, column].T, lowest, highest)
        return points

    return follow


def one_by_one(flow, points, steps):
    """Loops instead of arrays, lists instead of an array, half up instead of half to even."""
    found = []
    for row, column in points.tolist():
        for _ in range(steps):
            arrow = flow[:, int(row + 0.5), int(column + 0.5)]
            row = min(max(row + float(arrow[0]), 0), flow.shape[1] - 1)
            column = min(max(column + float(arrow[1]), 0), flow.shape[2] - 1)
        found.append([row, column])
    return found


def test_steps_in_another_form_pass():
    single = lambda flow, points, steps: make_steps()(flow.astype(np.float32), points, steps)  # noqa: E731
    for right in (one_by_one, single, make_steps(look=lambda p: np.floor(p + 0.5))):
        verdict = check.follow_flows.verdict(right)
        assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"look": np.floor}, "do not cut the decimals off"),
        ({"look": np.ceil}, "not up"),
        ({"begin": np.rint}, "round only to look"),
        ({"begin": np.trunc}, "keep the decimals"),
        ({"lowest": 1}, "at the border"),
        ({"lowest": -1}, "at the border"),
        ({"extra": 1}, "IndexError"),
        ({"extra": -1}, "the positions after 30 steps"),
    ],
)
def test_steps_that_round_or_end_wrongly(mistake, words):
    assert words in failure("follow_flows", make_steps(**mistake))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda y, p: [e / 2 for e in flow_errors(y, p)], "both components"),
        (lambda y, p: np.sqrt(flow_errors(y, p)), "root"),
        (lambda y, p: [np.sqrt(errors_per_object(y, p))[y == n].mean() for n in (1, 2, 3)], "at every pixel"),
        (lambda y, p: [np.abs(ch12._flow(y) - p).sum(axis=0)[y == n].mean() for n in (1, 2, 3)], "absolute"),
        (lambda y, p: [errors_per_object(y, p)[y == n].sum() for n in (1, 2, 3)], "large objects"),
        (lambda y, p: [errors_per_object(y, p)[y == n].mean() for n in range(4)], "background"),
        (lambda y, p: [np.where(y == n, errors_per_object(y, p), 0).mean() for n in (1, 2, 3)], "image"),
        (lambda y, p: errors_per_object(y, p), "shape"),
    ],
)
def test_quality_mistakes(wrong, words):
    verdict = check.flow_quality.verdict(wrong)
    assert verdict.status == "failed"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((lambda z: 1 / (1 + np.exp(-np.float64(z))), to_logit, FORECAST), "overflows"),
        ((lambda z: 1 - to_probability(z), to_logit, FORECAST), "wrong way round"),
        ((np.tanh, to_logit, FORECAST), "tanh"),
        ((to_probability, np.log, FORECAST), "logarithm of p alone"),
        ((to_probability, lambda p: -to_logit(p), FORECAST), "wrong way round"),
        ((to_probability, lambda p: np.log10(p / (1 - p)), FORECAST), "base 10"),
        ((to_probability, to_logit, FORECAST | {"pixels": "more"}), "fewer pixels"),
        ((to_probability, to_logit, FORECAST | {"network runs": "more"}), "not asked again"),
        ((to_probability, to_logit, FORECAST | {"objects": "less"}), "must be"),
        ((to_probability, to_logit, {"pixels": "fewer"}), "lacks"),
    ],
)
def test_logit_mistakes(answer, words):
    verdict = check.cell_logits.verdict(*answer)
    assert verdict.status == "failed"
    assert words in verdict.message


def test_an_open_forecast_is_open():
    assert check.cell_logits.verdict(to_probability, to_logit, FORECAST | {"pixels": ...}).status == "open"


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"mode": "constant"}, "black wall"),
        ({"mode": "edge"}, "smears"),
        ({"mode": "wrap"}, "opposite side"),
        ({"crop": False}, "crop the margin"),
        ({"renumber": False}, "renumber"),
        ({"pad": False}, "without a margin"),
        ({"sides": 1}, "all four sides"),
    ],
)
def test_border_mistakes(mistake, words):
    verdict = check.mirrored_border.verdict(make_mirrored(**mistake))
    assert verdict.status == "failed"
    assert words in verdict.message


# --- (f) what to turn ------------------------------


def test_knobs_are_right_open_or_refused_with_a_reason():
    assert check.which_knob.verdict(dict(ch12.KNOBS)).passed
    assert check.which_knob.verdict(dict.fromkeys(ch12.KNOBS, ...)).status == "open"
    for symptom, right in ch12.KNOBS.items():
        for other in set(ch12.KNOBS.values()) - {right}:
            message = failure("which_knob", ch12.KNOBS | {symptom: other})
            assert repr(other) in message
            assert right not in message or right == "diameter"  # the answer is not given away
    assert "none of the six" in failure("which_knob", ch12.KNOBS | {next(iter(ch12.KNOBS)): "min_size"})
    assert "dictionary" in failure("which_knob", list(ch12.KNOBS.values()))


def test_renumbering_by_connected_components_merges_touching_cells():
    def mirrored(segment, image, width):
        labels = segment(np.pad(image, width, mode="reflect"))[width:-width, width:-width]
        return ndimage.label(labels)[0]

    assert "have become one" in failure("mirrored_border", mirrored)


def test_a_label_1_is_kept():
    def mirrored(segment, image, width):
        labels = segment(np.pad(image, width, mode="reflect"))[width:-width, width:-width]
        labels = np.where(labels > 1, labels, 0)
        return relabel_sequential(labels)[0]

    assert "wrongly for background" in failure("mirrored_border", mirrored)


def test_three_results_of_relabelling_are_told():
    def mirrored(segment, image, width):
        labels = segment(np.pad(image, width, mode="reflect"))[width:-width, width:-width]
        return relabel_sequential(labels)

    assert "the first of them" in failure("mirrored_border", mirrored)
    assert check.mirrored_border.verdict(lambda *a: mirrored(*a)[0]).passed


def test_plain_sigmoid_is_told_that_the_warning_is_the_matter():
    def sigmoid(z):
        return 1 / (1 + np.exp(-np.float64(z)))

    message = failure("cell_logits", sigmoid, lambda p: np.log(p / (1 - p)), dict(FORECAST))
    assert "warning" in message


def test_the_dino_networks_are_refused_with_the_reason():
    with pytest.raises(InputError, match="dinov3"):
        tools.cellpose.weights_file("cpdino-vitb")


# --- (g) planes of a stack ------------------------------


def make_stitch(dtype=int, **mistake):
    return lambda planes, threshold: materials.stitched(planes, threshold, **mistake).astype(dtype)


def by_largest_claim(planes, threshold):
    """Another right answer: every object asks for its best partner, in arrays of overlaps."""
    stack, last = np.zeros(planes.shape, np.int64), 0
    for z, plane in enumerate(planes):
        numbers, of = np.unique(plane, return_inverse=True)
        old, before = np.unique(stack[z - 1] if z else plane * 0, return_inverse=True)
        common = np.zeros((len(numbers), len(old)))
        np.add.at(common, (of.ravel(), before.ravel()), 1)
        iou = common / (common.sum(1, keepdims=True) + common.sum(0) - common)
        iou[numbers == 0], iou[:, old == 0] = 0, 0
        names = np.zeros(len(numbers), int)
        while iou.size and iou.max() >= threshold:
            i, j = np.unravel_index(iou.argmax(), iou.shape)
            names[i], iou[i], iou[:, j] = old[j], 0, 0
        for i in np.flatnonzero((names == 0) & (numbers > 0)):
            last += 1
            names[i] = last
        stack[z] = names[of].reshape(plane.shape)
    return stack * 7  # other numbers are as good


def components(planes, threshold):
    return ndimage.label(planes > 0)[0]


def test_stitching_in_other_words_passes():
    for right in (make_stitch(), make_stitch(np.uint16), by_largest_claim):
        verdict = check.stitch_planes.verdict(right)
        assert verdict.passed, verdict.message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (make_stitch(twice=True), "twice in one plane"),
        (make_stitch(first=True), "the first one gets it"),
        (make_stitch(far=True), "look past the plane"),
        (make_stitch(background=True), "label 0 is no object"),
        (make_stitch(original=True), "the one that you gave it"),
        (make_stitch(overlap="of the object"), "under a large one"),
        (make_stitch(overlap="of the one before"), "in the plane before; divide"),
        (make_stitch(strict=True), "at least, not above"),
        (make_stitch(np.uint8), "begin anew at 0"),
        (make_stitch(float), "float64"),
        (components, "Whatever touches"),
        (lambda planes, threshold: planes.astype(int), "as they were"),
        (lambda planes, threshold: make_stitch()(planes, threshold)[-1], "2 axes instead of 3"),
        (lambda planes, threshold: make_stitch()(planes, threshold) * 0, "wrongly for background"),
        (lambda planes, threshold: make_stitch()(planes, 0.25), "whatever it is"),
        (lambda planes, threshold: make_stitch()(planes, 0.9), "has 6 objects; there are 2"),
    ],
)
def test_stitching_mistakes(wrong, words):
    assert words in failure("stitch_planes", wrong)


@pytest.mark.skipif(not tools.available("cellpose"), reason="cellpose is not installed")
def test_the_oddities_of_cellposes_stitching_are_as_the_page_says():
    compat.prepare("cellpose")
    with compat.quiet():
        from cellpose import utils

        equal = ch12._planes([(1, 0, 4, 0, 20)], [(1, 0, 4, 0, 8), (2, 0, 4, 12, 20)], shape=(4, 20))
        assert utils.stitch3D(equal.astype(np.int32), 0.25)[1].max() == 1, "both get the number"
        gap = ch12._planes([(1, 0, 4, 0, 5)], [], [(1, 0, 4, 12, 20)], shape=(4, 20)).astype(np.int32)
        assert utils.stitch3D(gap, 0.25).max() == 1, "numbers begin anew"
    assert check.stitch_planes.verdict(lambda p, t: utils.stitch3D(p.astype(np.int32), t)).status == "failed"
