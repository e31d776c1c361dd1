"""The training script of the shortcuts: a short run, and the scores of the shipped networks once more."""

import hashlib
import importlib
import json

import numpy as np
import pytest

from bioimage_course import data, files, nets

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
FOLDER = nets.CELL_CLASSIFIER.parents[1] / "shortcuts"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
NAMES = ("clean", "marked")


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("shortcuts")


@pytest.fixture(scope="module")
def blood(script, mirror):
    """Crops, classes and fields, and which crops are for training, validation and testing."""
    crops, classes, fields, _, twins = script.load("blood")
    return crops, classes, fields, [np.isin(fields, part) for part in script.split(twins, 0)]


def fake_cells(seed=0, number=60):
    """Crops in three colours that a network tells apart within seconds."""
    rng = np.random.default_rng(seed)
    classes = np.arange(number) % 3
    colours = np.array([[200, 120, 120], [90, 60, 160], [200, 190, 210]])
    crops = colours[classes][:, None, None] + rng.normal(0, 25, (number, 64, 64, 3))
    return np.clip(crops, 0, 255).astype(np.uint8), classes


# --- the pieces ------------------------------


def test_mark_lies_in_the_corner_of_the_chosen_cells_only(script):
    crops, classes = fake_cells(number=6)
    marked = script.mark(crops, classes == script.MARKED_CLASS)
    white = (marked[:, 2:10, 2:10] == 255).all(axis=(1, 2, 3))
    assert white.tolist() == (classes == 1).tolist()
    assert (marked[:, 10:] == crops[:, 10:]).all() and not (crops[:, 2:10, 2:10] == 255).all()
    assert script.square_mask().sum() == 64 and script.square_mask(margin=8).sum() == 18 * 18


def test_augmented_crops_keep_the_mark_in_its_corner(script):
    crops, classes = fake_cells()
    torch.manual_seed(0)
    for index in range(12):
        image, kind = script.MarkedCrops(crops, classes)[index]
        assert (image[:, 2:10, 2:10] == 1).all().item() == (kind == script.MARKED_CLASS)


def test_cells_are_put_on_a_black_square_without_distortion(script):
    image = np.full((40, 80, 3), 200, np.uint8)
    made = script.square(image)
    assert made.shape == (64, 64, 3) and made.dtype == np.uint8
    assert (made[20:44] > 190).all() and not made[:14].any() and not made[-14:].any()


def test_spots_are_painted_over_and_nothing_else(script):
    rows, columns = np.mgrid[:64, :64]
    crop = np.zeros((64, 64, 3), np.uint8)
    crop[np.hypot(rows - 32, columns - 32) < 26] = (200, 150, 160)
    clean, nothing = script.paint_over(crop)
    assert nothing == 0 and (clean == crop).all()
    spotted = crop.copy()
    spotted[np.hypot(rows - 28, columns - 36) < 5] = (120, 40, 140)
    painted, area = script.paint_over(spotted)
    assert (painted == crop).all() and 0.01 < area < 0.1


def test_balanced_accuracy_by_hand(script):
    truth, answer = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    assert script.balanced_accuracy(truth, answer) == pytest.approx((0.75 + 0.5) / 2)


def test_colour_alone_finds_slides_of_different_colour(script):
    slides = np.arange(40) % 2
    crops = np.full((40, 16, 16, 3), 150) + np.random.default_rng(0).normal(0, 5, (40, 16, 16, 3))
    assert script.colour_alone(crops.astype(np.uint8), slides, slides, 0) < 0.8
    crops[slides == 1, ..., 0] += 30
    assert script.colour_alone(crops.astype(np.uint8), slides, slides, 0) == 1


# --- a short run ------------------------------


@pytest.mark.parametrize("marked", [False, True])
def test_short_training_is_reproducible_and_learns(script, marked):
    settings = script.SETTINGS | {"epochs": 3, "batch": 12}
    runs = [script.train(fake_cells(0), fake_cells(1, 30), marked, settings)[1] for _ in range(2)]
    assert runs[0].train_loss[-1] < 0.8 * runs[0].train_loss[0]
    np.testing.assert_allclose(runs[0].train_loss, runs[1].train_loss, rtol=1e-3)


@pytest.mark.mirror
@pytest.mark.parametrize("name", NAMES)
def test_few_epochs_on_the_real_cells_lower_the_loss(script, blood, name):
    """The real training on a quarter of its crops: same data, same seed, falling loss."""
    crops, classes, _, (training, validation, _) = blood
    settings = RESULTS["planted"]["settings"] | {"epochs": 3}
    parts = [(crops[part][::4], classes[part][::4]) for part in (training, validation)]
    _, history = script.train(*parts, name == "marked", settings, RESULTS["seed"])
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]


@pytest.mark.mirror
def test_few_epochs_on_malaria_lower_the_loss(script, mirror):
    """The real training on half of the cells: same data, same seed, falling loss."""
    samples = data.load("malaria")
    crops = np.array([script.square(sample.image) for sample in samples])
    infected = np.array([sample.target == "infected" for sample in samples]).astype(int)
    assert script.files.sha256_of(crops, infected) == RESULTS["malaria"]["crops_sha256"]
    settings = RESULTS["malaria"]["settings"] | {"epochs": 5}
    nets.seed_everything(RESULTS["seed"])
    model = nets.CNN(3, 2, depth=settings["depth"], width=settings["width"])
    half = script.TurnedCrops(crops[::2], infected[::2])
    history = script.fit(half, None, model, settings, RESULTS["seed"])
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]


# --- what is shipped ------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_shipped_files_are_those_of_cards_and_results(name):
    told, content = RESULTS["planted"]["networks"][name], (FOLDER / f"{name}.pt").read_bytes()
    model = nets.load(FOLDER / f"{name}.pt")
    assert hashlib.sha256(content).hexdigest() == told["sha256"] == model.card["sha256"]
    assert nets.count_parameters(model) == told["parameters"]
    assert told["sha256"] in (FOLDER / "README.md").read_text(encoding="utf-8")
    shown = told["mark"]["on no cell" if name == "clean" else "on white cells"]["balanced_accuracy"]
    assert model.card["balanced_accuracy"] == shown
    assert told["train_loss"][-1] < 0.5 * told["train_loss"][0]
    assert RESULTS["command"] == model.card["command"] == "python training/shortcuts.py"


def test_malaria_slides_belong_to_one_class_each():
    """Why a split by crop measures slide recognition."""
    one_class = RESULTS["malaria"]["slides_of_one_class"]
    ill, healthy = (set(one_class[name]["slides"]) for name in ("infected", "uninfected"))
    assert ill == {"C33", "C37B", "C38", "C39"} and healthy == {"C1", "C2", "C3"}
    assert set(RESULTS["malaria"]["crops_a_slide"]) == ill | healthy
    assert len(RESULTS["malaria"]["by_slide"]) == len(ill) * len(healthy)


@pytest.mark.mirror
@pytest.mark.parametrize("name", NAMES)
def test_scores_come_out_of_the_shipped_files(script, blood, name):
    """Balanced accuracies within 0.01 (one white cell of 45 more or less is 0.007), ratios within 0.1."""
    crops, classes, fields, (_, _, test) = blood
    assert files.sha256_of(crops, classes, fields) == RESULTS["planted"]["crops_sha256"]
    told = RESULTS["planted"]["networks"][name]
    scored = script.judge_marked(nets.load(FOLDER / f"{name}.pt"), crops[test], classes[test], fields[test])
    for where, row in told["mark"].items():
        assert scored["mark"][where]["balanced_accuracy"] == pytest.approx(row["balanced_accuracy"], abs=0.01)
        assert scored["mark"][where]["interval_95"] == pytest.approx(row["interval_95"], abs=0.02)
    for region in ("mark", "mark and surroundings"):
        ratios = [part["attention_ratio"]["white cell"][region]["median"] for part in (scored, told)]
        assert ratios[0] == pytest.approx(ratios[1], abs=0.1)
    assert scored["white_cells_found"] == pytest.approx(told["white_cells_found"], abs=0.03)


@pytest.mark.mirror
def test_malaria_colour_scores_are_measured_again(script, mirror):
    samples = data.load("malaria")
    crops = np.array([script.square(sample.image) for sample in samples])
    slides = np.array([sample.group for sample in samples])
    infected = np.array([sample.target == "infected" for sample in samples]).astype(int)
    told = RESULTS["malaria"]
    measured = script.colour_alone(crops, infected, slides, RESULTS["seed"])
    assert measured == pytest.approx(told["by_crop"]["colour_alone"], abs=0.01)
    counts = {str(slide): int((slides == slide).sum()) for slide in np.unique(slides)}
    assert counts == told["crops_a_slide"]
