"""Random numbers that come out the same again."""

import contextlib
import random

import numpy as np
import torch

from bioimage_course import arguments


def seed_everything(seed):
    """Seed Python's, NumPy's and PyTorch's random numbers.

    Call it before a network is made: its first weights are random.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.
    """
    seed = arguments.whole(seed, "seed", 0, 2**32 - 1)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextlib.contextmanager
def seeded(seed):
    """Seed all random numbers, and put the former states back afterwards; None does nothing."""
    if seed is None:
        yield
        return
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    seed_everything(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
