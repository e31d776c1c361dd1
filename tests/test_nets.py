"""Networks, training loop, checkpoints."""

import copy
import json
import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from bioimage_course import nets  # noqa: E402
from bioimage_course.errors import CourseError, DataUnavailableError, InputError  # noqa: E402
from bioimage_course.nets import training  # noqa: E402

CROSS_ENTROPY = torch.nn.CrossEntropyLoss()


@pytest.fixture(scope="module")
def points():
    """Two classes of points in a square, which a curved line separates."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(256, 2, generator=generator) - 1
    return x, (x[:, 1] > x[:, 0] ** 2 - 0.3).long()


def small(seed=0):
    nets.seed_everything(seed)
    return nets.MLP([2, 8, 2], activation="tanh")


def loader(points, size=32, shuffle=True):
    return DataLoader(TensorDataset(*points), size, shuffle=shuffle)


def accuracy(predictions, truth):
    return (predictions.argmax(1) == truth).float().mean()


def fit(model, train, validation=None, **options):
    options = {"loss": CROSS_ENTROPY, "epochs": 2, "device": "cpu", "progress": False, **options}
    return nets.fit(model, train, validation, **options)


# ---------------------------------------------------------------- networks


def test_mlp_computes_what_its_formula_says():
    model = nets.MLP([3, 4, 2], activation="tanh")
    first, last = (layer for layer in model.layers if isinstance(layer, torch.nn.Linear))
    x = torch.rand(5, 3)
    by_hand = torch.tanh(x @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(model(x), by_hand)
    assert nets.count_parameters(model) == 3 * 4 + 4 + 4 * 2 + 2


def test_linear_layers_collapse():
    model = nets.MLP([2, 5, 5, 1], activation="identity").double()
    a, b, c = (layer for layer in model.layers if isinstance(layer, torch.nn.Linear))
    weight = c.weight @ b.weight @ a.weight
    bias = c.weight @ (b.weight @ a.bias + b.bias) + c.bias
    x = torch.rand(7, 2).double()
    torch.testing.assert_close(model(x), x @ weight.T + bias)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", ["batch", "instance", None])
def test_cnn_takes_images_of_any_size(residual, norm):
    model = nets.CNN(channels=3, classes=4, depth=2, width=8, residual=residual, norm=norm, dropout=0.1)
    for size in ((16, 16), (17, 30), (4, 4)):
        assert model(torch.rand(2, 3, *size)).shape == (2, 4)
    assert model.features[-2](model.features[:-2](torch.rand(1, 3, 16, 16))).shape == (1, 16, 8, 8)


@pytest.mark.parametrize("skip", ["concatenate", "add"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_unet_keeps_height_and_width(skip, depth):
    model = nets.UNet(channels=2, outputs=3, depth=depth, width=4, skip=skip)
    assert model(torch.rand(1, 2, 32, 48)).shape == (1, 3, 32, 48)


def test_unet_uses_its_skips():
    """Without skips, nothing of the input could reach the output except through the bottom."""
    for skip in ("concatenate", "add"):
        model = nets.UNet(depth=1, width=4, skip=skip).eval()
        x, y = torch.rand(2, 1, 1, 16, 16)
        torch.nn.init.zeros_(model.grow[0].weight)
        assert not torch.allclose(model(x), model(y))
    assert nets.count_parameters(nets.UNet(skip="add")) < nets.count_parameters(nets.UNet())


def test_residual_block_adds_its_input():
    block = nets.networks.ConvBlock(4, 4, times=2, residual=True).eval()
    for parameter in block.convolutions.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(1, 4, 5, 5)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nets.MLP([2]), "two layer sizes"),
        (lambda: nets.MLP([2, 0, 1]), "at least 1"),
        (lambda: nets.MLP([2, 2.5]), "whole number"),
        (lambda: nets.MLP([2, 1], activation="rleu"), "relu"),
        (lambda: nets.MLP([2, 1], activation=["relu"]), "activation"),
        (lambda: nets.MLP([2, 1], dropout=1), "below 1"),
        (lambda: nets.CNN(classes=0), "classes"),
        (lambda: nets.CNN(norm="layer"), "norm"),
        (lambda: nets.UNet(skip="sum"), "concatenate"),
        (lambda: nets.UNet(depth=True), "depth"),
        (lambda: nets.MLP([2, 1])(torch.rand(3, 5)), "3×5"),
        (lambda: nets.CNN()(torch.rand(2, 3, 16, 16)), "(N, 1, height, width)"),
        (lambda: nets.CNN()(torch.rand(16, 16)), "16×16"),
        (lambda: nets.CNN()(torch.rand(1, 1, 4, 16)), "at least 8×8"),
        (lambda: nets.UNet()(torch.rand(1, 1, 20, 16)), "multiples of 8"),
    ],
)
def test_wrong_sizes_get_a_sentence(make, words):
    with pytest.raises(InputError) as caught:
        make()
    assert words in str(caught.value)


# ---------------------------------------------------------------- training


def test_training_learns(points):
    model = small()
    options = {"epochs": 40, "learning_rate": 0.05, "metrics": {"accuracy": accuracy}}
    history = fit(model, loader(points), loader(points, shuffle=False), **options)
    assert history.epochs == 40 == len(history.validation_loss) == len(history.learning_rate)
    assert history.metrics["accuracy"]["validation"][-1] > 0.95
    assert history.train_loss[-1] < history.train_loss[0] / 3
    assert history.validation_loss[history.best_epoch - 1] == min(history.validation_loss)
    assert history.seconds > 0 and history.device == "cpu" and not history.stopped_early
    assert not model.training
    assert accuracy(nets.predict(model, points[0]), points[1]) == pytest.approx(
        history.metrics["accuracy"]["validation"][-1], abs=1e-6
    )


def test_loss_is_the_mean_over_examples_not_batches(points):
    """256 examples in batches of 100, 100 and 56; the last one must not count as much as the first."""
    model = small()
    with torch.no_grad():
        expected = CROSS_ENTROPY(model(points[0]), points[1]).item()
    history = fit(model, loader(points, 100), loader(points, 100), epochs=1, learning_rate=0.0)
    assert history.validation_loss[0] == pytest.approx(expected, rel=1e-6)
    assert history.train_loss[0] == pytest.approx(expected, rel=1e-6)


def test_same_seed_same_run_and_global_state_comes_back(points):
    def run(seed):
        model = copy.deepcopy(start)
        history = fit(model, loader(points), loader(points), seed=seed, epochs=5)
        return history, torch.cat([p.flatten() for p in model.parameters()])

    nets.seed_everything(0)
    start = nets.MLP([2, 16, 2], dropout=0.3)
    np.random.seed(5), random.seed(5), torch.manual_seed(5)
    wanted = np.random.rand(), random.random(), torch.rand(1).item()
    np.random.seed(5), random.seed(5), torch.manual_seed(5)
    first, weights = run(1)
    assert (np.random.rand(), random.random(), torch.rand(1).item()) == wanted
    np.random.rand(3), torch.rand(3)
    second, again = run(1)
    other, different = run(2)
    assert second.train_loss == pytest.approx(first.train_loss, rel=1e-5)
    torch.testing.assert_close(weights, again)
    assert other.train_loss != pytest.approx(first.train_loss, rel=1e-3)
    assert not torch.allclose(weights, different, atol=1e-3)


def test_state_comes_back_after_a_failure(points):
    torch.manual_seed(5)
    wanted = torch.rand(1).item()
    torch.manual_seed(5)
    with pytest.raises(InputError):
        fit(small(), [])
    torch.manual_seed(5)
    assert torch.rand(1).item() == wanted


def test_early_stopping_gives_the_best_weights_back(points):
    """The learning rate of this run explodes after epoch 3, so that the best epoch is known."""

    def explode(optimiser):
        return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: 1 if epoch < 3 else 500)

    model = small()
    options = {"epochs": 20, "scheduler": explode, "learning_rate": 0.02}
    history = fit(model, loader(points), loader(points), patience=4, **options)
    assert history.best_epoch == 3 and history.epochs == 7 and history.stopped_early
    with torch.no_grad():
        found = CROSS_ENTROPY(model(points[0]), points[1]).item()
    assert found == pytest.approx(history.validation_loss[2], rel=1e-5)

    model = small()
    history = fit(model, loader(points), loader(points), **options)  # without patience: the last weights
    with torch.no_grad():
        found = CROSS_ENTROPY(model(points[0]), points[1]).item()
    assert history.best_epoch == 3 and history.epochs == 20
    assert found == pytest.approx(history.validation_loss[-1], rel=1e-4)


@pytest.mark.parametrize("patience", [None, 10])
@pytest.mark.parametrize("where", ["training", "validation"])
def test_the_stop_button_leaves_a_usable_network(points, patience, where, capsys):
    """Pressed in the fourth epoch, after the third went wrong on purpose."""
    model = nets.MLP([2, 16, 2], dropout=0.3)
    epoch = [0]

    class Pressed(list):
        def __init__(self, part):
            super().__init__(loader(points))
            self.part = part

        def __iter__(self):
            epoch[0] += self.part == "training"
            for number, batch in enumerate(super().__iter__()):
                if epoch[0] == 4 and self.part == where and number == 1:
                    raise KeyboardInterrupt
                yield batch

    def explode(optimiser):
        return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: 1 if done < 2 else 500)

    history = fit(
        model,
        Pressed("training"),
        Pressed("validation"),
        patience=patience,
        epochs=20,
        scheduler=explode,
        learning_rate=0.02,
        metrics={"accuracy": accuracy},
    )
    assert history.interrupted and not history.stopped_early and history.epochs == 3
    lists = [history.validation_loss, history.learning_rate, *history.metrics["accuracy"].values()]
    assert [len(values) for values in lists] == [3] * 4
    assert not any(part.training for part in model.modules())
    assert "stopped by hand after 3" in capsys.readouterr().out
    if patience:
        assert history.best_epoch == 2
        found = CROSS_ENTROPY(nets.predict(model, points[0]), points[1]).item()
        assert found == pytest.approx(history.validation_loss[1], rel=1e-4)


def test_stopped_before_the_first_epoch_or_by_an_error(points):
    """Nothing was learnt: the interrupt goes on. An error comes through, too; neither leaves dropout on."""

    def stop(predictions, targets):
        raise KeyboardInterrupt

    for loss, error in ((stop, KeyboardInterrupt), (lambda p, t: p.sum() * float("nan"), InputError)):
        model = nets.MLP([2, 16, 2], dropout=0.3)
        with pytest.raises(error):
            fit(model, loader(points), loss=loss)
        assert not model.training


def test_scheduler_and_learning_rate(points):
    def halve(optimiser):
        return torch.optim.lr_scheduler.StepLR(optimiser, 1, gamma=0.5)

    history = fit(small(), loader(points), epochs=3, learning_rate=0.8, optimiser="sgd", scheduler=halve)
    assert history.learning_rate == pytest.approx([0.8, 0.4, 0.2])

    def plateau(optimiser):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, patience=0, factor=0.1)

    frozen = {"optimiser": "sgd", "learning_rate": 1e-6, "scheduler": plateau, "epochs": 4}
    history = fit(small(), loader(points, 256), **frozen)
    assert history.learning_rate[-1] < history.learning_rate[0]


def test_clipping_limits_the_step(points):
    steps = {}
    for clip in (None, 1e-3):
        model = small()
        before = torch.cat([p.detach().flatten() for p in model.parameters()])
        fit(model, [points], epochs=1, optimiser="sgd", learning_rate=1.0, clip=clip)
        after = torch.cat([p.detach().flatten() for p in model.parameters()])
        steps[clip] = (after - before).norm().item()
    assert steps[1e-3] == pytest.approx(1e-3, rel=1e-3) and steps[None] > 1e-2


def test_ready_optimiser_and_frozen_layers(points):
    model = small()
    model.layers[0].requires_grad_(False)
    before = model.layers[0].weight.clone()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    history = fit(model, loader(points), optimiser=optimiser, epochs=5)
    assert torch.equal(model.layers[0].weight, before) and history.train_loss[-1] < history.train_loss[0]


def test_dropout_and_batch_norm_are_off_in_validation(points):
    seen = []

    class Watch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return self.layer(x)

    fit(Watch(), [points], [points], epochs=2)
    assert seen == [(True, True), (False, False)] * 2


def test_history_fits_the_curves():
    show = pytest.importorskip("bioimage_course.show")
    history = nets.History(train_loss=[2, 1], validation_loss=[2, 3], best_epoch=1)
    assert show.curves(history, alt="Two curves.").axes


def mse(predictions, targets):
    return torch.nn.functional.mse_loss(predictions, targets)


def nan_after(batches):
    count = iter(range(10**6))
    return lambda p, t: CROSS_ENTROPY(p, t) * (float("nan") if next(count) >= batches else 1)


X, Y = torch.rand(12, 2), torch.randint(0, 2, (12,))


@pytest.mark.parametrize(
    ("batches", "options", "words"),
    [
        ([], {}, "epoch 1, training: the loader is empty"),
        (iter([(X, Y)]), {}, "epoch 2, training: the loader is empty"),
        ([(X, Y)], {"validation": []}, "epoch 1, validation: the loader is empty"),
        ([(X, Y), (X, Y[:5])], {}, "epoch 1, training batch 2: inputs (12, 2) float32, targets (5,) int64"),
        ([(X[:0], Y[:0])], {}, "inputs (0, 2)"),
        ([(X[:, :1], Y)], {}, "expects a table (N, 2)"),
        ([(X, Y.float())], {"loss": mse}, "targets (12,) float32"),
        ([(X, Y.float())], {"loss": mse, "model": nets.MLP([2, 1])}, "differ by an axis of length 1"),
        ([(X, Y.float()[:, None])], {"loss": mse}, "targets (12, 1) float32"),
        ([(X.double(), Y)], {}, "float64"),
        ([(X, Y + 5)], {}, "out of bounds"),
        ([(X * float("nan"), Y)], {}, "the inputs contain NaN"),
        ([(X, Y)], {"loss": nan_after(1)}, "epoch 2, training batch 1: the loss is nan; try a lower"),
        ([(X, Y)], {"loss": lambda p, t: CROSS_ENTROPY(p, t) / 0}, "the loss is inf"),
        ([(X, Y)], {"loss": lambda p, t: p - 1}, "must be one number"),
        ([(X, Y)], {"loss": lambda p, t: None}, "must be one number"),
        ([(X, Y)], {"loss": lambda p, t: CROSS_ENTROPY(p.detach(), t)}, "does not depend on the weights"),
        ([(X, Y)], {"loss": "mse"}, "loss must be a function"),
        ([(X, Y)], {"metrics": {"half": lambda p, t: p}}, "the metric 'half'"),
        ([(X, Y)], {"optimiser": torch.nn.Linear(2, 2), "epochs": 2}, "Unknown optimiser"),
        ([(X, Y)], {"optimiser": "adm"}, "adam, adamw, sgd"),
        ([(X, Y)], {"learning_rate": -1.0}, "refuses its settings"),
        ([(X, Y)], {"epochs": 0}, "epochs must be"),
        ([(X, Y)], {"epochs": None}, "epochs must be"),
        ([(X, Y)], {"patience": 3}, "validation_loader"),
        ([(X, Y)], {"patience": 0, "validation": [(X, Y)]}, "patience must be"),
        ([(X, Y)], {"clip": 0}, "clip"),
        ([(X, Y)], {"seed": -1}, "seed"),
        ([(X, Y)], {"device": "gpu"}, "no device 'gpu'"),
        ([(X, Y)], {"model": torch.nn.ReLU()}, "parameter that can be trained"),
        ([(X, Y)], {"model": "unet"}, "torch.nn.Module"),
        ([X], {}, "must be a pair"),
        ([{"x": X, "y": Y}], {}, "not dict"),
        ([(X, "labels")], {}, "targets must be a tensor"),
        (None, {}, "A loader must give batches"),
        (7, {}, "A loader must give batches"),
    ],
)
def test_mistakes_get_a_sentence_that_says_where(batches, options, words):
    options = dict(options)
    model, validation = options.pop("model", None) or small(), options.pop("validation", None)
    with pytest.raises(InputError) as caught:
        fit(model, batches, validation, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_what_is_read_as_teaching_is_short_and_begins_with_its_algorithm():
    """Readable in one go, and the lines that matter are on the first screen."""
    algorithm = {
        "training": "value.backward()",
        "perceptron": "weights = weights + (y - prediction) * x",
        "prediction": "model(batch",
        "networks": "nn.Linear(inputs, outputs)",
    }
    for name, line in algorithm.items():
        lines = Path(training.__file__).with_name(f"{name}.py").read_text(encoding="utf-8").splitlines()
        assert len(lines) < 300
        assert any(line in each for each in lines[:60]), name


def test_progress_bar_only_where_somebody_looks(points, capsys):
    fit(small(), [points], progress=True)
    assert capsys.readouterr() == ("", "")


def test_predict_keeps_mode_and_batches(points):
    model = nets.CNN(width=4).train()
    images = torch.rand(10, 1, 16, 16)
    whole, parts = nets.predict(model, images), nets.predict(model, images.numpy(), batch_size=3)
    torch.testing.assert_close(whole, parts)
    assert model.training and not whole.requires_grad and whole.shape == (10, 2)
    for wrong in (
        torch.rand(0, 1, 16, 16),
        torch.tensor(1.0),
        torch.rand(2, 1, 16, 16).double(),
        "image",
        None,
    ):
        with pytest.raises(InputError):
            nets.predict(model, wrong)


def test_seeds_and_devices():
    nets.seed_everything(3)
    first = torch.rand(2), np.random.rand(2), random.random()
    nets.seed_everything(3)
    assert torch.equal(first[0], torch.rand(2)) and random.random() == first[2]
    assert nets.device().type == ("cuda" if torch.cuda.is_available() else nets.device().type)
    assert nets.device("cpu") == torch.device("cpu")
    for seed in (-1, 2**32, 1.5, "0", True, None):
        with pytest.raises(InputError):
            nets.seed_everything(seed)


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize(
    "model",
    [
        nets.MLP([2, 5, 1], activation="gelu", dropout=0.2),
        nets.CNN(3, 4, depth=2, width=4, residual=True),
        nets.UNet(2, 1, depth=2, width=4, skip="add", norm="instance"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_saved_network_computes_the_same(model, tmp_path):
    shape = {"MLP": (4, 2), "CNN": (4, 3, 16, 16), "UNet": (4, 2, 16, 16)}[type(model).__name__]
    inputs = torch.rand(shape)
    card = {"data": "synthetic", "seed": np.int64(3), "score": np.float32(0.5), "file": Path("a/b")}
    sha256 = nets.save(model, tmp_path / "deep" / "net.pt", card)
    loaded = nets.load(tmp_path / "deep" / "net.pt", sha256)
    torch.testing.assert_close(nets.predict(model, inputs), nets.predict(loaded, inputs))
    for stored, kept in zip(loaded.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(stored, kept)  # weights are copied, not computed
    assert loaded.card["seed"] == 3 and loaded.card["file"] == "a/b" and loaded.card["sha256"] == sha256
    assert loaded.card["parameters"] == nets.count_parameters(model) and not loaded.training
    assert nets.save(loaded, tmp_path / "again.pt", card) == sha256  # same weights, same bytes
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["net.json", "net.pt"]


def test_other_networks_need_the_model(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    nets.save(model, tmp_path / "own.pt")
    with pytest.raises(InputError, match="model="):
        nets.load(tmp_path / "own.pt")
    other = torch.nn.Sequential(torch.nn.Linear(2, 2))
    loaded = nets.load(tmp_path / "own.pt", model=other)
    assert torch.equal(loaded[0].weight, model[0].weight)
    with pytest.raises(InputError, match="do not fit"):
        nets.load(tmp_path / "own.pt", model=nets.MLP([2, 2]))


class Bomb:
    def __reduce__(self):
        import os

        return os.system, ("touch EXPLODED",)


def test_damaged_and_hostile_checkpoints_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.pt"
    sha256 = nets.save(nets.MLP([2, 1]), path)
    content, card = path.read_bytes(), path.with_suffix(".json").read_text()

    with pytest.raises(DataUnavailableError, match="sha256"):
        nets.load(path, "0" * 64)
    path.write_bytes(content[:-1] + b"x")
    for expected in (sha256, None):
        with pytest.raises(DataUnavailableError, match="not the expected file"):
            nets.load(path, expected)

    torch.save({"layers": Bomb()}, path)
    trusted = json.loads(card) | {"sha256": nets.checkpoints.hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(trusted))
    with pytest.raises(InputError, match="no plain weights"):
        nets.load(path)
    assert not (tmp_path / "EXPLODED").exists()

    path.write_bytes(content)
    for text, error in (
        ("{", InputError),
        ("[]", InputError),
        (json.dumps(json.loads(card) | {"network": "os.system"}), InputError),
        (json.dumps(json.loads(card) | {"arguments": {"sizes": [2]}}), InputError),
        (json.dumps(json.loads(card) | {"arguments": {"colour": "red"}}), InputError),
        (json.dumps(json.loads(card) | {"arguments": {"sizes": [3, 1]}}), InputError),
        ("{}", DataUnavailableError),
    ):
        path.with_suffix(".json").write_text(text)
        with pytest.raises(error):
            nets.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(DataUnavailableError, match="card"):
        nets.load(path)
    path.with_suffix(".json").write_text(card)
    path.unlink()
    with pytest.raises(DataUnavailableError, match="cannot be read"):
        nets.load(path)


def test_failed_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    nets.save(nets.MLP([2, 1]), path)
    before = path.read_bytes(), path.with_suffix(".json").read_text()
    for card in ({"x": object()}, {"sha256": "mine"}, {"x": {1, 2}}):
        with pytest.raises(CourseError):
            nets.save(nets.MLP([3, 1]), path, card)
    assert before == (path.read_bytes(), path.with_suffix(".json").read_text())
    with pytest.raises(InputError, match=r".pt"):
        nets.save(nets.MLP([2, 1]), tmp_path / "net.json")


# --- the learning-rate range test ------------------------------


def bowl():
    """One weight and one bias, a squared error, and the largest rate at which plain descent settles."""
    x = torch.linspace(-1, 1, 64)[:, None]
    model = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    noise = torch.randn(8, 64, 1, generator=torch.Generator().manual_seed(0))  # or the loss is 0 and stays so
    return model, [(x, 3 * x + 1 + one / 5) for one in noise], 1.0  # curvature of the bias: 2, so 2 / 2


def test_range_test_finds_the_limit_of_plain_descent():
    model, batches, limit = bowl()
    before = copy.deepcopy(model.state_dict())
    rates, losses = nets.range_test(
        model, batches, loss=torch.nn.MSELoss(), optimiser="sgd", lowest=1e-4, highest=1e4, steps=160
    )
    assert len(rates) == len(losses) < 160  # it ends where the loss runs away
    assert 0.05 * limit < rates[np.argmin(losses)] <= 1.3 * limit < rates[-1]
    assert losses[-1] > 10 * losses[0] and losses[0] > 10 * losses.min()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("wrong", [{"lowest": 0}, {"lowest": 2, "highest": 1}, {"steps": 1}])
def test_range_test_refuses_ranges_that_are_none(wrong):
    model, batches, _ = bowl()
    with pytest.raises(InputError):
        nets.range_test(model, batches, loss=torch.nn.MSELoss(), **wrong)


def test_range_test_of_shapes_that_do_not_fit():
    model, _, _ = bowl()
    with pytest.raises(InputError, match="the range test"):
        nets.range_test(model, [(torch.zeros(4, 3), torch.zeros(4, 1))], loss=torch.nn.MSELoss())
