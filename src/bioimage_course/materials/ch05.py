"""Materials of chapter 5: a training script in parts, six sick ones, and the tests of the first ten minutes.

Each sick script differs from the healthy one in a single part. Look at them after you have made your
diagnoses: nothing spoils a riddle like its solution.
"""

import numpy as np
import torch
from torch import nn

from bioimage_course import nets


class Training:
    """A healthy training script for nuclei with repair foci, in parts that can be replaced one by one."""

    learning_rate = 2e-3

    def batch(self, crops):
        """Crops as the network gets them: images (n, 1, 20, 20), and classes (n,)."""
        images = torch.tensor((crops.images.astype(np.float32) - 180) / 80)[:, None]
        return images, torch.tensor(crops.classes)

    def network(self):
        """Two convolutions with pooling, a layer of neurons with dropout, two scores."""
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(16 * 5 * 5, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2),
        )  # fmt: skip

    def loss(self, scores, classes):
        """Cross-entropy, which contains the softmax."""
        return nn.functional.cross_entropy(scores, classes)

    def update(self, network, optimiser, images, classes):
        """One step of learning."""
        network.train()
        optimiser.zero_grad()
        self.loss(network(images), classes).backward()
        optimiser.step()

    def answers(self, network, images):
        """The scores that the network gives when it is used or examined."""
        network.eval()
        with torch.no_grad():
            return network(images)


class WrongAxes(Training):
    """The file came as rows × columns × crops, and was reshaped where its axes had to be moved."""

    def batch(self, crops):
        images, classes = super().batch(crops)
        as_in_the_file = images[:, 0].permute(1, 2, 0).contiguous()
        return as_in_the_file.reshape(images.shape), classes


class ForgottenEval(Training):
    """Dropout stays on when the network is examined."""

    def answers(self, network, images):
        with torch.no_grad():
            return network.train()(images)


class DoubleSoftmax(Training):
    """Probabilities go into a loss that expects scores."""

    def loss(self, scores, classes):
        return super().loss(torch.softmax(scores, dim=1), classes)


class RateTooHigh(Training):
    """Steps a hundred times too long."""

    learning_rate = 0.2


class ShuffledLabels(Training):
    """The images were put into another order, their labels were not."""

    def batch(self, crops):
        images, classes = super().batch(crops)
        return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(1))], classes


class NoZeroGrad(Training):
    """Old gradients are never cleared."""

    def update(self, network, optimiser, images, classes):
        network.train()
        self.loss(network(images), classes).backward()
        optimiser.step()


PATIENTS = {
    "A": WrongAxes(),
    "B": DoubleSoftmax(),
    "C": ShuffledLabels(),
    "D": NoZeroGrad(),
    "E": ForgottenEval(),
    "F": RateTooHigh(),
}


def begin(training, seed=0):
    """A network with its first weights, and its optimiser."""
    nets.seed_everything(seed)
    network = training.network()
    return network, torch.optim.AdamW(network.parameters(), lr=training.learning_rate)


def loss_at_start(training, crops, seed=0):
    """The loss on crops before anything has been learnt."""
    network, _ = begin(training, seed)
    images, classes = training.batch(crops)
    return float(training.loss(training.answers(network, images), classes))


def eight_crops(training, crops, updates=240, seed=0):
    """Losses on eight crops, four of each class, while the network learns these eight alone."""
    few = np.concatenate([np.flatnonzero(crops.classes == kind)[:4] for kind in (0, 1)])
    network, optimiser = begin(training, seed)
    images, classes = training.batch(crops.take(few))
    losses = []
    for _ in range(updates):
        losses.append(float(training.loss(training.answers(network, images), classes)))
        training.update(network, optimiser, images, classes)
    return np.array(losses)


def rate_range(training, crops, seed=0):
    """Learning rates, and the loss of the batch with each of them, see ``nets.range_test``."""
    network, _ = begin(training, seed)
    images, classes = training.batch(crops)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    batches = [(images[part], classes[part]) for part in order.split(16)]
    return nets.range_test(
        network, batches, loss=training.loss, optimiser="adamw", lowest=1e-5, highest=1, steps=150, seed=seed
    )


def shuffled(classes, seed=0):
    """Labels that say nothing: of each class exactly one half, drawn by lot, gets the other name.

    A plain shuffle leaves a little of the truth, or of its opposite, and a network finds it.
    """
    rng, answer = np.random.default_rng(seed), classes.clone()
    for kind in (0, 1):
        own = rng.permutation(np.flatnonzero(classes.numpy() == kind))
        answer[torch.from_numpy(own[: len(own) // 2])] = 1 - kind
    return answer


def trained(training, crops, epochs=20, seed=0, shuffle=False):
    """A network trained on crops, or on the same crops with their labels shuffled."""
    network, optimiser = begin(training, seed)
    images, classes = training.batch(crops)
    if shuffle:
        classes = shuffled(classes, seed)
    for _ in range(epochs):
        for part in torch.randperm(len(images)).split(16):
            training.update(network, optimiser, images[part], classes[part])
    return network


def accuracy(training, network, crops):
    """Share of right answers."""
    images, classes = training.batch(crops)
    return float((training.answers(network, images).argmax(dim=1) == classes).float().mean())


def true_and_shuffled(training, crops, others, seeds=range(4)):
    """Accuracies on other fields after learning from the labels as they are, and from shuffled ones."""
    return [
        [
            accuracy(training, trained(training, crops, seed=seed, shuffle=shuffle), others)
            for seed in (seeds if shuffle else seeds[:2])
        ]
        for shuffle in (False, True)
    ]


def asked_twice(training, crops, others, seed=0):
    """The loss on other fields, asked for twice in a row."""
    network = trained(training, crops, seed=seed)
    images, classes = training.batch(others)
    return [float(training.loss(training.answers(network, images), classes)) for _ in range(2)]
