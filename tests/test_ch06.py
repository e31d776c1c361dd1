"""Chapter 6: exercises tell right answers and usual mistakes apart; Grad-CAM, its numbers and pictures."""

import warnings
from contextlib import redirect_stderr
from io import StringIO

import numpy as np
import pytest

from bioimage_course import check, data, nets, show
from bioimage_course.check.exercises import ch06
from bioimage_course.errors import InputError
from exercise_cells import Chapter, failure

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
WHITE = 1

CHAPTER = Chapter("06-grad-cam", torch=torch, nets=nets)


# --- (1) ------------------------------


def means(gradients):
    return gradients.mean(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda a, g: (means(g) * a).sum(axis=0), "The ReLU is missing"),
        (lambda a, g: np.maximum(means(g) * a, 0).sum(axis=0), "comes last"),
        (lambda a, g: np.minimum((means(g) * a).sum(axis=0), 0), "Only negative values"),
        (lambda a, g: (abs(means(g)) * a).sum(axis=0), "negative weight stays negative"),
        (lambda a, g: abs((means(g) * a).sum(axis=0)), "drop the sign"),
        (lambda a, g: np.maximum((g.sum(axis=(1, 2), keepdims=True) * a).sum(axis=0), 0), "divide by h"),
        (lambda a, g: np.maximum((g * a).sum(axis=0), 0), "HiResCAM"),
        (lambda a, g: np.maximum((means(g) * a).mean(axis=0), 0), "average over the maps"),
        (lambda a, g: np.maximum((means(g) * g).sum(axis=0), 0), "feature maps that are weighted"),
        (lambda a, g: means(g)[:, 0, 0], "shape"),
        (lambda a, g: np.maximum(means(g) * a, 0), "shape"),
    ],
)
def test_wrong_formulas(function, sentence):
    assert sentence in failure("cam_formula", function)


# --- (2) ------------------------------


def make_cam(score=lambda scores, k: scores[0, k], relu=True, keep_hook=False, batch=False, train=False):
    """The right function, with switches for the mistakes."""

    def my_cam(model, layer, image, target):
        kept = []
        handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
        value = score(model(image), target)
        if not keep_hook:
            handle.remove()
        (gradients,) = torch.autograd.grad(value, kept[0])
        heat = (gradients.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1).detach()
        heat = heat.relu() if relu else heat
        if train:
            model.train()
        return heat if batch else heat[0]

    return my_cam


def changing(model, layer, image, target):
    heat = make_cam()(model, layer, image, target)
    with torch.no_grad():
        next(model.parameters()).mul_(1.1)
    return heat


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (make_cam(lambda s, k: s.softmax(1)[0, k]), "from the probability"),
        (make_cam(lambda s, k: s.log_softmax(1)[0, k]), "logarithm of the probability"),
        (make_cam(lambda s, k: torch.nn.functional.cross_entropy(s, torch.tensor([k]))), "from a loss"),
        (make_cam(lambda s, k: s.sum()), "sum of all scores"),
        (make_cam(lambda s, k: s[0].max()), "whatever `target` says"),
        (make_cam(lambda s, k: s[0, (k + 1) % 3]), "class"),
        (make_cam(relu=False), "The ReLU is missing"),
        (make_cam(batch=True), "axis for the batch"),
        (make_cam(keep_hook=True), "still in the network"),
        (make_cam(train=True), "training mode"),
        (changing, "must not train"),
        (lambda *a: torch.zeros(2, 2), "shape"),
    ],
)
def test_wrong_hooks(function, sentence):
    assert sentence in failure("cam_with_hooks", function)


def test_checked_network_is_left_as_it_was():
    before = {name: value.clone() for name, value in ch06._small_network().state_dict().items()}
    for function in (changing, make_cam(keep_hook=True), make_cam(train=True)):
        failure("cam_with_hooks", function)
    model = ch06._small_network()
    assert not model.training and not any(part._forward_hooks for part in model.modules())
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


# --- (3) ------------------------------


def share(heat, mask):
    return heat[mask].sum() / heat.sum()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (share, "share of the map alone"),
        (lambda h, m: share(h, m) / m.sum(), "not by the number of its pixels"),
        (lambda h, m: m.mean() / share(h, m), "Upside down"),
        (lambda h, m: share(h, m) * m.mean(), "you multiply"),
        (lambda h, m: h[m].mean() / h[~m].mean(), "with the rest"),
        (lambda h, m: share(h - h.min(), m) / m.mean(), "subtracting the minimum"),
        (lambda h, m: h[m].sum(), "sum inside the region"),
        (lambda h, m: share(h, ~m) / (~m).mean(), "inside the mask"),
    ],
)
def test_wrong_ratios(function, sentence):
    assert sentence.lower() in failure("attention", function).lower()


# --- (4) ------------------------------


def wrong_drops(**how):
    return lambda predict, images, mask: ch06._drops(images, mask, **how)


def test_images_of_the_check_have_a_new_winner_and_a_rise():
    seen = []

    def drops(predict, images, mask):
        covered = images.copy()
        for image in covered:
            image[mask] = image.mean()
        seen.append((predict(images), predict(covered)))
        return ch06._drops(images, mask)

    assert check.covering.verdict(drops).passed
    ((before, after),) = seen
    assert (before.argmax(axis=1) != after.argmax(axis=1)).any()
    every, winners = np.arange(len(before)), before.argmax(axis=1)
    assert (after[every, winners] > before[every, winners]).any()


def spoiling(predict, images, mask):
    drops = ch06._drops(images, mask)
    images[:, mask] = 0
    return drops


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (wrong_drops(sign=-1), "before − after"),
        (wrong_drops(answer="own"), "won before"),
        (wrong_drops(fill=0), "cover with 0"),
        (lambda p, i, m: ch06._drops(i, ~m), "everything except the region"),
        (wrong_drops(absolute=True), "keep the sign"),
        (lambda p, i, m: ch06._drops(i, m, fill=i.mean()), "each image gets its own"),
        (lambda p, i, m: ch06._drops(i, m).mean(), "shape"),
        (spoiling, "change"),
    ],
)
def test_wrong_drops(function, sentence):
    assert sentence in failure("covering", function)


def test_mean_of_the_rest_is_accepted():
    def drops(predict, images, mask):
        before, covered = predict(images), images.copy()
        for image in covered:
            image[mask] = image[~mask].mean()
        every, winners = np.arange(len(images)), before.argmax(axis=1)
        return before[every, winners] - predict(covered)[every, winners]

    assert check.covering.verdict(drops).passed


# --- (5) ------------------------------


def brightest(model, images):
    heats = nets.enlarge(nets.grad_cam(model, model.features[-2], images), images.shape[-2:])
    return np.unravel_index(heats.mean(dim=0).argmax().item(), heats.shape[1:])


def centre_of_mass(model, images):
    mean = nets.enlarge(nets.grad_cam(model, model.features[-2], images, WHITE), (64, 64)).mean(dim=0).numpy()
    return np.argwhere(mean > 0.6 * mean.max()).mean(axis=0)


@pytest.mark.parametrize("function", [brightest, centre_of_mass])
def test_more_than_one_way_finds_the_shortcut(function):
    assert check.find_shortcut.verdict(function).passed


def on_the_small_map(model, images):
    heats = nets.grad_cam(model, model.features[-2], images).mean(dim=0)
    return np.unravel_index(heats.argmax().item(), heats.shape)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda m, i: (32, 32), "pixels away"),
        (lambda m, i: brightest(m, i)[::-1], "swapped"),
        (on_the_small_map, "multiply by 8"),
        (lambda m, i: brightest(m, i)[0], "shape"),
    ],
)
def test_wrong_places(function, sentence):
    assert sentence in failure("find_shortcut", function)


# --- nets.grad_cam ------------------------------


@pytest.fixture(scope="module")
def blood():
    """Crops (36, 3, 64, 64) and their classes."""
    cells = data.load("blood-cells")
    names = nets.cell_classifier().card["classes"]
    pictures = torch.as_tensor(np.stack([cell.image for cell in cells])).permute(0, 3, 1, 2) / 255
    return pictures, np.array([names.index(cell.target) for cell in cells])


def stretched(maps, size=(64, 64)):
    maps = nets.enlarge(maps, size)
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)


def solution():
    space = dict(CHAPTER.names)
    (text,) = CHAPTER.texts("solution", "cam_with_hooks")
    exec(text, space)
    return text, space["my_cam"]


def test_by_hand_is_short_and_agrees_with_the_package(blood):
    text, my_cam = solution()
    assert len(text.strip().splitlines()) <= 40
    model, pictures = nets.cell_classifier(), blood[0][::6]
    for layer in (model.features[-2], model.features[2]):
        for kind in range(3):
            ours = torch.stack([my_cam(model, layer, picture[None], kind) for picture in pictures])
            theirs = nets.grad_cam(model, layer, pictures, kind)
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["cells", "photograph"])
def test_agrees_with_the_library_after_the_same_scaling(blood, name):
    cam = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is not installed")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    if name == "cells":
        model, pictures, kinds = nets.cell_classifier(), blood[0][::5], [0, 1, 2]
        layers = [model.features[-2], model.features[-4]]
    else:
        torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
        nets.seed_everything(0)  # a network of another family, with random weights
        model = torchvision.models.resnet18(weights=None).eval()
        pictures, kinds, layers = torch.rand(2, 3, 96, 96), [3, 700], [model.layer4, model.layer3]
    for layer in layers:
        for kind in kinds:
            with cam.GradCAM(model=model, target_layers=[layer]) as library:
                theirs = library(
                    input_tensor=pictures, targets=[ClassifierOutputTarget(kind)] * len(pictures)
                )
            ours = nets.grad_cam(model, layer, pictures, kind)
            seen = ours.amax(dim=(1, 2)) > 1e-5
            assert seen.any()
            error = stretched(ours, pictures.shape[-2:])[seen] - torch.as_tensor(theirs)[seen]
            assert error.abs().max() < 1e-5


def test_default_class_is_the_answer_and_classes_may_differ(blood):
    model, pictures = nets.cell_classifier(), blood[0][::4]
    layer, answers = model.features[-2], nets.predict(model, pictures).argmax(dim=1)
    torch.testing.assert_close(
        nets.grad_cam(model, layer, pictures), nets.grad_cam(model, layer, pictures, answers)
    )
    every = torch.stack([nets.grad_cam(model, layer, pictures, kind) for kind in range(3)])
    chosen = torch.tensor([k % 3 for k in range(len(pictures))])
    torch.testing.assert_close(
        nets.grad_cam(model, layer, pictures, chosen), every[chosen, torch.arange(len(pictures))]
    )
    assert every.min() >= 0 and every.shape[2:] == (8, 8)


def test_network_is_left_as_it_was(blood):
    model = nets.CNN(3, 3, depth=3, width=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    nets.grad_cam(model, model.features[0], blood[0][:2])
    with pytest.raises(InputError):
        nets.grad_cam(model, model.head, blood[0][:2])
    assert model.training and not any(part._forward_hooks for part in model.modules())
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def with_nan(pictures):
    pictures = pictures.clone()
    pictures[0, 0, 0, 0] = float("nan")
    return pictures


@pytest.mark.parametrize(
    ("layer", "change", "kind", "sentence"),
    [
        ("head", lambda x: x, 0, "not feature maps"),
        ("other", lambda x: x, 0, "part of the model"),
        ("last", lambda x: x[0], 0, r"image\[None\]"),
        ("last", lambda x: x[:0], 0, "must have the shape"),
        ("last", lambda x: x[:, :1], 0, "expects images"),
        ("last", lambda x: x[:, :, :5, :5], 0, "5"),
        ("last", lambda x: (255 * x).to(torch.uint8), 0, "uint8.*images / 255"),
        ("last", lambda x: torch.ones_like(x), 0, "Image 0 is constant"),
        ("last", with_nan, 0, "NaN"),
        ("last", lambda x: x / 0, 0, "NaN or infinity"),
        ("last", lambda x: "a picture", 0, "tensor or an array"),
        ("last", lambda x: x, 3, "classes 0 to 2, not 3"),
        ("last", lambda x: x, [0, 1, 2], "2 images but 3 classes"),
        ("last", lambda x: x, 0.5, "whole numbers"),
    ],
)
def test_what_cannot_be_explained_gets_one_sentence(blood, layer, change, kind, sentence):
    model = nets.cell_classifier()
    part = {"head": model.head, "last": model.features[-2], "other": torch.nn.Conv2d(3, 3, 3)}[layer]
    with pytest.raises(InputError, match=sentence) as caught:
        nets.grad_cam(model, part, change(blood[0][:2]), kind)
    assert "\n" not in str(caught.value)


def test_layers_used_twice_or_not_at_all_are_refused(blood):
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.shared, self.idle = torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.Conv2d(3, 3, 3)

        def forward(self, x):
            self.idle(x)
            return self.shared(self.shared(x)).mean(dim=(2, 3))

    model = Twice()
    with pytest.raises(InputError, match="used 2 times"):
        nets.grad_cam(model, model.shared, blood[0][:1])
    with pytest.raises(InputError, match="do not depend"):
        nets.grad_cam(model, model.idle, blood[0][:1])


# --- nets.attention_ratio, nets.enlarge ------------------------------


def test_attention_ratio_by_hand():
    maps, mask = np.ones((3, 4, 4)), np.zeros((4, 4), bool)
    mask[0, :2] = True  # an eighth of the image
    maps[1, 0, :2] = 7  # 14 of 28
    maps[2] = 0
    assert nets.attention_ratio(maps, mask)[:2] == pytest.approx([1, 4])
    assert np.isnan(nets.attention_ratio(maps, mask)[2])
    assert nets.attention_ratio(5 * maps[:2], mask) == pytest.approx([1, 4])  # the scale does not matter
    each = np.stack([mask, ~mask, mask])
    assert nets.attention_ratio(torch.tensor(maps), each)[1] == pytest.approx(0.5 / 0.875)


@pytest.mark.parametrize(
    ("maps", "mask", "sentence"),
    [
        (np.ones((1, 4, 4)), np.ones((8, 8), bool), "nets.enlarge"),
        (np.ones((4, 4)), np.eye(4, dtype=bool), "must fit"),
        (-np.ones((1, 4, 4)), np.eye(4, dtype=bool), "at least 0"),
        (np.full((1, 4, 4), np.nan), np.eye(4, dtype=bool), "finite"),
        (np.ones((1, 4, 4)), np.eye(4), "type float64"),
        (np.ones((1, 4, 4)), np.zeros((4, 4), bool), "neither empty"),
        (np.ones((1, 4, 4)), np.ones((4, 4), bool), "neither empty"),
    ],
)
def test_attention_ratio_refuses(maps, mask, sentence):
    with pytest.raises(InputError, match=sentence):
        nets.attention_ratio(maps, mask)


def test_enlarging_keeps_the_mean_and_refuses_other_shapes():
    maps = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))
    large = nets.enlarge(maps, (64, 32))
    assert large.shape == (2, 64, 32)
    torch.testing.assert_close(large.mean(dim=(1, 2)), maps.mean(dim=(1, 2)), rtol=0.05, atol=0)
    with pytest.raises(InputError, match="numbers of shape"):
        nets.enlarge(maps[0], (64, 64))


# --- show.heat ------------------------------


def test_heat_lies_over_its_image_on_the_scale_asked_for():
    image, maps = np.zeros((40, 60)), np.ones((2, 4, 6))
    maps[1] *= 3
    for strongest, limits in ((None, [1, 3]), (3.0, [3, 3])):
        figure = show.heat([image, image], maps, ["a", "b"], strongest=strongest, alt="Two maps.")
        axes = [ax for ax in figure.axes if len(ax.images) == 2]
        assert [ax.get_title() for ax in axes] == ["a", "b"]
        overlays = [ax.images[1] for ax in axes]
        assert [overlay.get_clim() for overlay in overlays] == [(0, limit) for limit in limits]
        assert all(o.get_extent() == [-0.5, 59.5, 39.5, -0.5] for o in overlays)


def test_heat_hides_the_image_only_where_the_map_is_strong():
    maps = np.linspace(0, 2, 16).reshape(1, 4, 4)
    figure = show.heat([np.zeros((8, 8))], maps, opacity=0.5, strongest=1.0)
    ((_, overlay),) = [ax.images for ax in figure.axes if len(ax.images) == 2]
    np.testing.assert_allclose(overlay.get_alpha(), 0.5 * np.clip(maps[0], 0, 1))


@pytest.mark.parametrize(
    ("maps", "sentence"),
    [
        (np.ones((2, 4, 4)), "one map"),
        (np.ones((4, 4)), "one map"),
        (-np.ones((1, 4, 4)), "at least 0"),
        (np.full((1, 4, 4), np.nan), "finite"),
    ],
)
def test_heat_refuses(maps, sentence):
    with pytest.raises(InputError, match=sentence):
        show.heat([np.zeros((8, 8))], maps)


# --- what the page says ------------------------------


def suspects():
    folder = nets.CELL_CLASSIFIER.parents[1] / "shortcuts"
    return {name: nets.load(folder / f"{name}.pt") for name in ("marked", "clean")}


def test_the_map_exposes_the_shortcut_and_covering_proves_it(blood):
    pictures, truth = blood
    square, around = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    square[2:10, 2:10] = around[:18, :18] = True
    marked = pictures.clone()
    marked[:, :, torch.as_tensor(square)] = 1.0
    white, platelets = marked[truth == WHITE], marked[truth == 2]
    covered = white.clone()
    covered[:, :, torch.as_tensor(square)] = white.mean(dim=(2, 3))[..., None]
    ratios, found = {}, {}
    for name, model in suspects().items():
        maps = nets.enlarge(nets.grad_cam(model, model.features[-2], white, WHITE), (64, 64))
        ratios[name] = np.median(nets.attention_ratio(maps, around))
        found[name] = [
            (nets.predict(model, x).argmax(dim=1) == WHITE).float().mean().item()
            for x in (white, covered, platelets)
        ]
    assert ratios["marked"] > 2 and ratios["clean"] < 1.5
    assert found["marked"][0] > 0.9 and found["marked"][1] < 0.75 and found["marked"][2] > 0.8
    assert min(found["clean"][:2]) > 0.9 and found["clean"][2] < 0.2


def test_in_this_network_grad_cam_is_cam(blood):
    """Mean gradients are the weights of the last layer, divided by the 64 values of a map."""
    model = nets.cell_classifier()
    maps = model.features[:-1](blood[0][:3]).detach()
    by_weights = (model.head.weight[WHITE][:, None, None] * maps).sum(dim=1).relu() / 64
    torch.testing.assert_close(
        nets.grad_cam(model, model.features[-2], blood[0][:3], WHITE),
        by_weights.detach(),
        rtol=1e-4,
        atol=1e-6,
    )


def test_random_weights_give_other_maps(blood):
    from scipy.stats import spearmanr

    model, pictures = nets.cell_classifier(), blood[0][blood[1] == WHITE]
    trained = nets.grad_cam(model, model.features[-2], pictures, WHITE).flatten(1).numpy()
    likeness = []
    for seed in range(4):
        nets.seed_everything(seed)
        model.head.reset_parameters()
        other = nets.grad_cam(model, model.features[-2], pictures, WHITE).flatten(1).numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a map without contrast has no rank correlation
            pairs = [spearmanr(a, b).statistic for a, b in zip(trained, other, strict=True)]
        likeness.append(np.nan_to_num(pairs).mean())
    assert np.mean(likeness) < 0.6


@pytest.mark.parametrize("name", ["GradCAMPlusPlus", "ScoreCAM", "LayerCAM"])
def test_all_relatives_point_at_the_square(blood, name):
    cam = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is not installed")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    pictures = blood[0][blood[1] == WHITE][:3].clone()
    pictures[:, :, 2:10, 2:10] = 1.0
    around = np.zeros((64, 64), bool)
    around[:18, :18] = True
    ratios = {}
    for label, model in suspects().items():
        method = getattr(cam, name)(model=model, target_layers=[model.features[-2]])
        with method as explain, redirect_stderr(StringIO()):
            maps = explain(input_tensor=pictures, targets=[ClassifierOutputTarget(WHITE)] * 3)
        ratios[label] = np.median(nets.attention_ratio(maps, around))
    assert ratios["marked"] > 1.5 * ratios["clean"]


@pytest.fixture
def resnet_cell():
    """The notebook's cell that downloads ResNet-50, and the names it needs."""
    (text,) = [
        cell.text for cell in CHAPTER.cells if cell.kind == "code" and "downloaded_resnet" in cell.text
    ]
    shown = []
    space = {
        "np": np, "torch": torch, "data": data, "nets": nets, "show": show, "display": shown.append,
        "CLASSES": {285: "Egyptian cat", 967: "espresso"},
        "both": np.random.default_rng(0).integers(0, 255, (64, 128, 3), dtype=np.uint8),
    }  # fmt: skip
    return text, space, shown


def test_without_network_resnet_is_left_out(resnet_cell, capsys):
    text, space, shown = resnet_cell
    exec(text, space)
    assert space["resnet"] is None and not shown and "No connection" in capsys.readouterr().out


def test_with_network_resnet_is_explained_at_three_layers(resnet_cell, monkeypatch):
    """The download replaced by random weights; its arguments ask for the hash to be checked."""
    torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    text, space, shown = resnet_cell
    asked = []

    def weights(self, **arguments):
        asked.append(arguments)
        nets.seed_everything(0)
        return torchvision.models.resnet50(weights=None).state_dict()

    monkeypatch.setattr(torchvision.models.ResNet50_Weights, "get_state_dict", weights)
    monkeypatch.setenv("BIOIMAGE_COURSE_OFFLINE", "0")
    exec(text, space)
    assert asked == [{"progress": False, "check_hash": True, "weights_only": True}]
    (figure,) = shown
    assert len([ax for ax in figure.axes if len(ax.images) == 2]) == 6
