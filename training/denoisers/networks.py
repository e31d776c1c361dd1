"""One objective a method: a network, what it is shown, and its loss.

CAREamics' methods are made by its own configurations (`create_advanced_n2v_config` and its sisters): its
U-Net and its blind spots. The loop around them is ours, so that every method sees the same patches, and a run
can be interrupted. Two settings differ from CAREamics' own: batch normalisation is off
(``use_batch_norm=False``), because its running means do not settle in a short training, and the loss of CARE
and Noise2Noise is the squared, not the absolute, error, because that is what PSNR measures.
"""

from __future__ import annotations

import numpy as np
import torch

from bioimage_course import nets, tools

WIDTH, DEPTH = 16, 2
MASKED = 1.5
"""Per cent of the pixels that are blind spots: 64 in a patch of 64×64, as in the Noise2Void paper."""

GRID = 4
"""Noise2Self hides every fourth pixel of every fourth row."""


class Objective:
    """What one method minimises. `model` is a network from (N, 1, Y, X) to the same shape."""

    settings: dict

    def __init__(self, model):
        self.model = model

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of the network on a batch of `sets.draw`."""
        raise NotImplementedError

    def state(self) -> dict:
        """Whatever is random here, to go on from."""
        return {}

    def load_state(self, state: dict) -> None:
        """Go on from a `state`."""

    def restore(self, model, image: torch.Tensor) -> torch.Tensor:
        """A whole image restored."""
        return model(image)


class Supervised(Objective):
    """A target is given: the reference (CARE), or another frame (Noise2Noise)."""

    def __init__(self, model, target, settings):
        super().__init__(model)
        self.target, self.settings = target, settings

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.model(batch["noisy"]), batch[self.target])


class CareamicsBlind(Objective):
    """Noise2Void, N2V2 and StructN2V: CAREamics' network, its blind spots, its loss."""

    def __init__(self, module, settings):
        super().__init__(module.model)
        self.hide, self.loss_function, self.settings = module.n2v_manipulate, module.loss_func, settings

    def loss(self, batch):
        shown, wanted, mask = self.hide(batch["noisy"])
        return self.loss_function(self.model(shown), wanted, mask)

    def state(self):
        return {"hide": self.hide.rng.get_state()}

    def load_state(self, state):
        self.hide.rng.set_state(state["hide"])


class OurBlind(Objective):
    """Noise2Void in the few lines of the chapter."""

    def __init__(self, model, seed, settings):
        super().__init__(model)
        self.rng, self.settings = np.random.default_rng(seed), settings

    def loss(self, batch):
        images = batch["noisy"].numpy()
        shown, mask = map(torch.from_numpy, tools.denoise.blind_spots(images, MASKED / 100, seed=self.rng))
        return ((self.model(shown) - batch["noisy"])[mask] ** 2).mean()

    def state(self):
        return {"hide": self.rng.bit_generator.state}

    def load_state(self, state):
        self.rng.bit_generator.state = state["hide"]


class Self(Objective):
    """Noise2Self: a grid of pixels is replaced by the mean of its neighbours; the loss counts the grid."""

    kernel = torch.tensor([[0.5, 1, 0.5], [1, 0, 1], [0.5, 1, 0.5]])[None, None] / 6

    def __init__(self, model, seed, settings):
        super().__init__(model)
        self.rng, self.settings = np.random.default_rng(seed), settings

    def hidden(self, images, place):
        """Images whose pixels on the grid number `place` come from their neighbours, and that grid."""
        mask = torch.zeros(images.shape[-2:], dtype=torch.bool)
        mask[place // GRID :: GRID, place % GRID :: GRID] = True
        around = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="reflect")
        return torch.where(mask, torch.nn.functional.conv2d(around, self.kernel), images), mask

    def loss(self, batch):
        shown, mask = self.hidden(batch["noisy"], int(self.rng.integers(GRID**2)))
        return ((self.model(shown) - batch["noisy"])[..., mask] ** 2).mean()

    def state(self):
        return {"hide": self.rng.bit_generator.state}

    def load_state(self, state):
        self.rng.bit_generator.state = state["hide"]

    def restore_blind(self, model, image):
        """Every pixel predicted without being seen: as many passes as the grid has places."""
        restored = torch.zeros_like(image)
        for place in range(GRID**2):
            shown, mask = self.hidden(image, place)
            restored = torch.where(mask, model(shown), restored)
        return restored


def our_network(seed, width=WIDTH):
    """The course's U-Net."""
    nets.seed_everything(seed)
    return nets.UNet(1, 1, depth=DEPTH, width=width, norm=None)


def careamics_module(kind, seed, width=WIDTH, **options):
    """CAREamics' own module of a method, and the settings it was made with."""
    from careamics.config.factories import n2v_factory
    from careamics.config.factories.care_n2n_factory import (
        create_advanced_care_config,
        create_advanced_n2n_config,
    )
    from careamics.lightning.modules import create_module

    create = {
        "care": create_advanced_care_config,
        "n2n": create_advanced_n2n_config,
        "n2v": n2v_factory.create_advanced_n2v_config,
    }[kind]
    model = {"depth": DEPTH, "num_channels_init": width, "use_batch_norm": False}
    config = create(
        experiment_name="denoising",
        data_type="array",
        axes="YX",
        patch_size=[64, 64],
        batch_size=16,
        model_params=model,
        seed=seed + 1,  # CAREamics wants one above 0
        **options,
    )
    nets.seed_everything(seed)
    return create_module(config.algorithm_config), {"network": "CAREamics' U-Net", **model, **options}


def supervised(kind, target):
    """CARE or Noise2Noise with CAREamics' U-Net."""

    def build(seed, **options):
        module, settings = careamics_module(kind, seed, **options)
        return Supervised(module.model, target, settings | {"loss": "mean squared error"})

    return build


def blind(**options):
    """Noise2Void of CAREamics, with options of its configuration."""

    def build(seed, **more):
        module, settings = careamics_module("n2v", seed, masked_pixel_percentage=MASKED, **options, **more)
        return CareamicsBlind(module, settings)

    return build


def ours(objective):
    """The course's U-Net with one of the objectives above."""

    def build(seed, **options):
        model = our_network(seed, **options)
        settings = {"network": "nets.UNet", "depth": DEPTH, "width": WIDTH, "norm": None, **options}
        return objective(model, seed, settings)

    return build


def _masked(settings):
    return settings | {"masked_pixel_percentage": MASKED, "radius": 2}


METHODS = {
    "care": supervised("care", "clean"),
    "n2n": supervised("n2n", "again"),
    "n2v": blind(),
    "n2v2": blind(use_n2v2=True),
    "structn2v": blind(struct_n2v_axes="vertical", struct_n2v_span=3),
    "structn2v-cross": blind(struct_n2v_axes="cross", struct_n2v_span=3),
    "n2s": ours(lambda m, seed, s: Self(m, seed, s | {"grid": GRID})),
    "ours-care": ours(lambda m, _, s: Supervised(m, "clean", s)),
    "ours-n2n": ours(lambda m, _, s: Supervised(m, "again", s)),
    "ours-n2v": ours(lambda m, seed, s: OurBlind(m, seed, _masked(s))),
}
"""Name of a method: function of a seed (and ``width``) that makes its objective."""
