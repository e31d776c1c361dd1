"""The few networks that the course builds itself, and one training loop.

======================  ==========================================================
``MLP``                 fully connected layers
``CNN``                 classifier: blocks of convolution, normalisation, ReLU, pooling
``UNet``                one output image for one input image
``fit``                 the training loop: history, early stopping, seeds, device
``range_test``          losses at learning rates from far too small to far too large
``predict``             what a trained network makes of some inputs
``save``, ``load``      checkpoints: weights beside a card that says where they come from
``cell_classifier``     the course's classifier of blood cells, ready trained
``grad_cam``            where a classifier looked (``enlarge``, ``attention_ratio`` beside it)
``perceptron_rule``     Rosenblatt's rule in NumPy (needs no PyTorch)
======================  ==========================================================
"""

import lazy_loader

_attach, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoints": ["CELL_CLASSIFIER", "cell_classifier", "load", "save"],
        "explaining": ["attention_ratio", "enlarge", "grad_cam"],
        "networks": ["CNN", "MLP", "ConvBlock", "UNet", "count_parameters"],
        "perceptron": ["PerceptronRun", "perceptron_rule"],
        "devices": ["device"],
        "prediction": ["predict"],
        "seeds": ["seed_everything"],
        "history": ["History"],
        "rates": ["range_test"],
        "training": ["fit"],
    },
)


def __getattr__(name):
    try:
        return _attach(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        from bioimage_course import compat

        compat.require("torch")
        raise
