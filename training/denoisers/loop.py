"""A training that can be interrupted at any moment and goes on where it was.

The learning rate is constant after a short warm-up, and what is judged are the averaged weights (exponential
moving average). So a curve that lies flat does so because nothing more is learnt, not because the learning
rate has been taken away; and a training can be made longer later.
"""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import numpy as np
import torch

from bioimage_course import files
from denoisers import sets

BATCH, RATE, WARM_UP, DECAY = 16, 1e-3, 100, 0.995
SAVE_SECONDS = 30
CURVE_EVERY = 100


class Training:
    """State of one training; `path` is where it is kept, None for nowhere."""

    def __init__(self, objective, fold, seed, path=None):
        self.objective, self.fold = objective, fold
        self.path = None if path is None else Path(path)
        self.model = objective.model.train().to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.model.parameters(), RATE)
        self.rng = np.random.default_rng(seed)
        self.step, self.curve, self.losses, self.recent = 0, [], [], []
        self.seconds, self.cpu_seconds, self.best = 0.0, 0.0, (-math.inf, None)
        if self.path is not None and self.path.exists():
            self.load()

    # ---------------------------------------------------------------- kept on disk

    def save(self):
        """Write everything that is needed to go on, in one go."""
        if self.path is None:
            return
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "objective": self.objective.state(),
            "best": list(self.best),
        }
        state |= {key: getattr(self, key) for key in self.PLAIN}
        files.save(self.path, lambda stream: torch.save(state, stream))

    def load(self):
        """Go on from the file."""
        state = torch.load(self.path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.objective.load_state(state["objective"])
        self.best = tuple(state["best"])
        for key in self.PLAIN:
            setattr(self, key, state[key])

    PLAIN = ("step", "curve", "losses", "recent", "seconds", "cpu_seconds")

    # ---------------------------------------------------------------- training

    def one_step(self):
        """Draw a batch, go one step downhill, and average the weights."""
        batch = sets.draw(self.fold, BATCH, self.rng)
        batch = {k: torch.from_numpy(v).to(memory_format=torch.channels_last) for k, v in batch.items()}
        self.optimiser.param_groups[0]["lr"] = RATE * min(1, (self.step + 1) / WARM_UP)
        loss = self.objective.loss(batch)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        decay = min(DECAY, self.step / (self.step + 10))  # a short memory at first
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
        self.recent.append(loss.item())

    def look(self, name=""):
        """A point of the curve: the averaged network on the validation images."""
        value = self.fold.validate([self.restore(pair) for pair in self.fold.validation])
        self.curve.append([self.step, round(value, 3)])
        self.losses.append(round(float(np.mean(self.recent)), 5))
        self.recent = []
        if value > self.best[0]:
            self.best = (value, copy.deepcopy(self.average.state_dict()))
        print(f"{name} step {self.step}: loss {self.losses[-1]:.4f}, validation {value:.2f} dB", flush=True)

    def until(self, steps, name=""):
        """Train up to this number of steps."""
        saved = clock = time.monotonic()
        cpu = time.process_time()
        while self.step < steps:
            self.one_step()
            if self.step % CURVE_EVERY == 0 or self.step == steps:
                self.look(name)
            if time.monotonic() - saved > SAVE_SECONDS or self.step == steps:
                now, used = time.monotonic(), time.process_time()
                self.seconds, self.cpu_seconds = self.seconds + now - clock, self.cpu_seconds + used - cpu
                clock, cpu = now, used
                self.save()
                saved = time.monotonic()
        return self

    def restore(self, pair, blind=False):
        """A whole image, in its own intensities, by the averaged network."""
        image = pair.standardised()
        height, width = image.shape
        padded = np.pad(image, ((0, -height % 4), (0, -width % 4)), mode="reflect")
        apply = self.objective.restore_blind if blind else self.objective.restore
        with torch.no_grad():
            output = apply(self.average, torch.from_numpy(padded)[None, None])
        return output[0, 0, :height, :width].numpy().astype(float) * pair.std + pair.mean
