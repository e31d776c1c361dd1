"""Networks written to be read: fully connected, convolutional, and U-Net."""

import itertools

import torch
from torch import nn

from bioimage_course import arguments
from bioimage_course.errors import InputError

ACTIVATIONS = {
    "identity": nn.Identity,  # φ(z) = z
    "sigmoid": nn.Sigmoid,  # φ(z) = 1 / (1 + exp(−z))
    "tanh": nn.Tanh,  # φ(z) = (exp(z) − exp(−z)) / (exp(z) + exp(−z))
    "relu": nn.ReLU,  # φ(z) = max(0, z)
    "leaky_relu": nn.LeakyReLU,  # φ(z) = max(0.01 z, z)
    "gelu": nn.GELU,  # φ(z) = z Φ(z), Φ the normal distribution function
}
NORMS = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, None: nn.Identity}


class MLP(nn.Module):
    """Multilayer perceptron: every value of a layer sees every value of the layer before.

    A layer computes ``h' = φ(W h + b)``; the last one has no activation and gives scores (logits).

    Parameters
    ----------
    sizes : sequence of int
        Number of values in each layer: ``[2, 3, 1]`` takes 2 features, has 3 hidden neurons, gives 1 score.
    activation : {"relu", "leaky_relu", "gelu", "tanh", "sigmoid", "identity"}
        φ of the hidden layers.
    dropout : float
        Share of hidden values set to zero during training, at least 0 and below 1.

    Notes
    -----
    Input: float tensor of shape (N, ``sizes[0]``). Output: (N, ``sizes[-1]``).
    """

    def __init__(self, sizes, activation="relu", dropout=0.0):
        super().__init__()
        sizes = list(sizes)
        if len(sizes) < 2:
            raise InputError(f"MLP needs at least two layer sizes, such as [2, 3, 1], not {sizes}.")
        for size in sizes:
            arguments.whole(size, "each layer size of an MLP")
        phi = arguments.choice(ACTIVATIONS, activation, "activation")
        arguments.share(dropout, "dropout")
        self.arguments = {"sizes": sizes, "activation": activation, "dropout": dropout}
        layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), phi(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers[:-2])  # nothing after the last linear layer

    def forward(self, x):
        """Scores of shape (N, outputs) for features of shape (N, inputs)."""
        inputs = self.arguments["sizes"][0]
        if x.ndim < 1 or x.shape[-1] != inputs:
            raise InputError(f"This MLP expects a table (N, {inputs}), not an input of shape {_shape(x)}.")
        return self.layers(x)


class ConvBlock(nn.Module):
    """Convolution, normalisation, ReLU, `times` times: ``x' = max(0, norm(k ∗ x))``.

    With ``residual=True`` the input is added before the last ReLU, ``x' = max(0, x + f(x))``, so that the
    block only learns the difference (He et al. 2016, https://doi.org/10.1109/CVPR.2016.90); a 1×1 convolution
    adapts the number of channels where it changes.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    times : int
        Convolutions in the block.
    norm : {"batch", "instance", None}
    residual : bool
    """

    def __init__(self, inputs, outputs, times=1, norm="batch", residual=False):
        super().__init__()
        normalise = arguments.choice(NORMS, norm, "norm")
        layers = []
        for step in range(times):
            channels = inputs if step == 0 else outputs
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), normalise(outputs), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers[:-1])
        self.shortcut = None
        if residual:
            self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.activation = nn.ReLU()  # not in place: the feature maps stay for hooks to read

    def forward(self, x):
        """Feature maps (N, outputs, H, W) for (N, inputs, H, W)."""
        y = self.convolutions(x)
        return self.activation(y if self.shortcut is None else y + self.shortcut(x))


class CNN(nn.Module):
    """Small image classifier.

    `depth` blocks of convolution, normalisation and ReLU, each followed by 2×2 max pooling, with twice as
    many channels from block to block; then the mean of every feature map ("global average pooling"), so that
    images of any size fit, and one linear layer that gives the scores.

    Parameters
    ----------
    channels : int
        Channels of the image.
    classes : int
        Number of scores.
    depth : int
        Number of blocks; the last feature maps are ``2**depth`` times smaller than the image.
    width : int
        Channels of the first block.
    residual : bool
        Two convolutions a block with a shortcut around them, instead of one.
    norm : {"batch", "instance", None}
    dropout : float
        Share of the pooled features set to zero during training.

    Attributes
    ----------
    features : Sequential
        The blocks and poolings; ``features[-2]`` gives the last feature maps before pooling.
    head : Linear
        The classifier.

    Notes
    -----
    Input: (N, channels, H, W), H and W at least ``2**depth``. Output: (N, classes), scores before softmax.
    """

    def __init__(self, channels=1, classes=2, depth=3, width=16, residual=False, norm="batch", dropout=0.0):
        super().__init__()
        counts = {"channels": channels, "classes": classes, "depth": depth, "width": width}
        for name, count in counts.items():
            arguments.whole(count, f"{name} of a CNN")
        arguments.share(dropout, "dropout")
        self.arguments = {**counts, "residual": residual, "norm": norm, "dropout": dropout}
        layers, inputs = [], channels
        for level in range(depth):
            outputs = width * 2**level
            layers += [ConvBlock(inputs, outputs, 2 if residual else 1, norm, residual), nn.MaxPool2d(2)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x):
        """Scores of shape (N, classes)."""
        smallest = 2 ** self.arguments["depth"]
        _require_images(x, self.arguments["channels"], "CNN")
        if min(x.shape[-2:]) < smallest:
            raise InputError(
                f"This CNN needs images of at least {smallest}×{smallest}, not {_shape(x[0, 0])}."
            )
        return self.head(self.dropout(self.features(x).mean(dim=(2, 3))))


class UNet(nn.Module):
    """U-Net in two dimensions: a contracting path for context, an expanding one for place.

    Down: two convolutions, then 2×2 max pooling, `depth` times. Up: transposed convolution (doubles height
    and width), join with the feature maps of the same size from the way down ("skip connection"), two
    convolutions. A 1×1 convolution makes the output. Unlike the paper's, the convolutions are padded, so that
    the output has the size of the input (Ronneberger et al. 2015,
    https://doi.org/10.1007/978-3-319-24574-4_28).

    Parameters
    ----------
    channels : int
        Channels of the input.
    outputs : int
        Channels of the output (for classes: scores before sigmoid or softmax).
    depth : int
        Number of poolings.
    width : int
        Channels of the first block; doubled at each pooling.
    skip : {"concatenate", "add"}
        How both paths are joined: stacked as channels ``[x, s]``, or summed, ``x + s``.
    norm : {"batch", "instance", None}
    residual : bool
        Shortcuts around the blocks.

    Attributes
    ----------
    down, bottom, up, head
        Blocks of the contracting path, the deepest block, blocks of the expanding path, the output layer.

    Notes
    -----
    Input: (N, channels, H, W), H and W multiples of ``2**depth``. Output: (N, outputs, H, W).
    """

    def __init__(
        self, channels=1, outputs=1, depth=3, width=16, skip="concatenate", norm="batch", residual=False
    ):
        super().__init__()
        counts = {"channels": channels, "outputs": outputs, "depth": depth, "width": width}
        for name, count in counts.items():
            arguments.whole(count, f"{name} of a U-Net")
        arguments.choice({"concatenate": 0, "add": 0}, skip, "skip")
        self.arguments = {**counts, "skip": skip, "norm": norm, "residual": residual}
        widths = [width * 2**level for level in range(depth + 1)]  # such as 16, 32, 64, 128
        joined = 2 if skip == "concatenate" else 1
        self.down = nn.ModuleList(
            ConvBlock(a, b, 2, norm, residual) for a, b in zip([channels, *widths], widths[:-1], strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.bottom = ConvBlock(widths[-2], widths[-1], 2, norm, residual)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(2 * w, w, kernel_size=2, stride=2) for w in widths[-2::-1]
        )
        self.up = nn.ModuleList(ConvBlock(joined * w, w, 2, norm, residual) for w in widths[-2::-1])
        self.head = nn.Conv2d(width, outputs, kernel_size=1)

    def forward(self, x):
        """Output of shape (N, outputs, H, W) for images of shape (N, channels, H, W)."""
        _require_images(x, self.arguments["channels"], "U-Net")
        step = 2 ** self.arguments["depth"]
        if x.shape[-2] % step or x.shape[-1] % step:
            raise InputError(
                f"This U-Net pools {self.arguments['depth']} times, so height and width must be multiples of "
                f"{step}, not {_shape(x[0, 0])}; pad the image and crop the result."
            )
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for grow, block, skip in zip(self.grow, self.up, reversed(skips), strict=True):
            x = grow(x)
            x = block(torch.cat([x, skip], dim=1) if self.arguments["skip"] == "concatenate" else x + skip)
        return self.head(x)


def count_parameters(model):
    """Number of numbers that training can change.

    Parameters
    ----------
    model : torch.nn.Module

    Returns
    -------
    int
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _require_images(x, channels, network):
    if x.ndim != 4 or x.shape[1] != channels:
        raise InputError(
            f"This {network} expects images (N, {channels}, height, width), not a shape of {_shape(x)}."
        )


def _shape(x):
    return "×".join(map(str, x.shape)) or "()"
