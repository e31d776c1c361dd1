"""The explorables of the book as notebook widgets."""

import difflib
import functools
import json
from importlib import resources

from ..errors import InputError

SCRIPTS = resources.files(__package__) / "js"

# The book loads base.js and the explorable's script as they are. A notebook gets the same text as a module,
# with these lines that put the element into the widget. Its arrow keys must not reach the notebook, which
# would move to another cell: JupyterLab heeds the attribute, others the stopped event.
RENDER = """
export default {
  render({ model, el }) {
    const element = document.createElement(%s);
    for (const [name, value] of Object.entries(model.get("attributes"))) element.setAttribute(name, value);
    el.setAttribute("data-lm-suppress-shortcuts", "true");
    el.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(element);
  },
};
"""


def tags() -> list[str]:
    """Names of all explorables, which are also their HTML tags."""
    names = [entry.name for entry in SCRIPTS.iterdir()]
    return sorted(name.removesuffix(".js") for name in names if name.endswith("-explorer.js"))


def explorable(tag: str, **attributes):
    """An explorable of the book as a widget.

    Parameters
    ----------
    tag : str
        Its HTML tag, for example ``"perceptron-explorer"``; `tags` lists them.
    **attributes : str
        Attributes of the HTML element, where the explorable knows some.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    InputError
        If there is no explorable of that name, or an attribute is not a text or number.
    """
    known = tags()
    if tag not in known:
        near = difflib.get_close_matches(str(tag), known, n=1, cutoff=0.4)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
        raise InputError(f"There is no explorable {tag!r}; {remedy}")
    for name, value in attributes.items():
        if not isinstance(value, str | int | float):
            raise InputError(f"The attribute {name} must be a text or a number, not {type(value).__name__}.")
    return _widget_class(tag)(attributes={name: str(value) for name, value in attributes.items()})


@functools.cache
def _widget_class(tag: str):
    import anywidget
    import traitlets

    def text(name: str) -> str:
        return (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")

    class Explorable(anywidget.AnyWidget):
        __doc__ = f"Widget that shows <{tag}>."
        _esm = text("base") + text(tag) + RENDER % json.dumps(tag)
        attributes = traitlets.Dict().tag(sync=True)

        def __repr__(self):
            return f"<{tag}> (shown in a live notebook and in the book)"

    return Explorable


def activation():
    """Activation functions, their gradients, and a small network trained with them (chapter 2)."""
    return explorable("activation-explorer")


def backprop(mode: str = "graph"):
    """Forward and back through a small graph, and three optimisers on one loss surface (chapter 3).

    Parameters
    ----------
    mode : "graph" or "descent"
        What is shown first.

    Raises
    ------
    InputError
        If `mode` is something else.
    """
    if mode not in ("graph", "descent"):
        raise InputError(f'mode must be "graph" or "descent", not {mode!r}.')
    return explorable("backprop-explorer", mode=mode)


def cellpose():
    """Heat spreads in masks, particles follow the flow, crowds at the end are objects (chapter 12)."""
    return explorable("cellpose-explorer")


def blocks():
    """An image in blocks with a halo: which objects are whole, cut, counted twice or lost (chapter 16)."""
    return explorable("blocks-explorer")


def convolution():
    """A kernel slides over a small image: weights, padding, stride, dilation and pooling (chapter 4)."""
    return explorable("convolution-explorer")


def decision():
    """Ten questions about a project, and six kinds of methods ranked with their reasons (chapter 14)."""
    return explorable("decision-explorer")


def grad_cam():
    """A small classifier in the page, its feature maps, and Grad-CAM of any class and layer (chapter 6)."""
    return explorable("grad-cam-explorer")


def denoising():
    """Blind spots on a small noisy image: what a predictor sees and answers, how it is judged (chapter 8)."""
    return explorable("denoising-explorer")


def overfitting():
    """A small network trained live: model size, noise, number of examples, both losses (chapter 5)."""
    return explorable("overfitting-explorer")


def perceptron():
    """Weights, bias and decision boundary of one neuron, and the perceptron rule (chapter 1)."""
    return explorable("perceptron-explorer")


def pixels():
    """Values of pixels, display range and gamma, and what a lower bit depth destroys (chapter 0)."""
    return explorable("pixel-explorer")


def scores():
    """Move and grow predicted objects and watch accuracy, Dice, IoU, AP and panoptic quality (chapter 15)."""
    return explorable("score-explorer")


def shapley():
    """Shapley values of three features of a nucleus: coalitions, orders and their mean (chapter 7)."""
    return explorable("shapley-explorer")


def threshold():
    """A threshold moves over the histogram: objects, between-class variance and score follow (chapter 9)."""
    return explorable("threshold-explorer")


def sam(mode: str = "click"):
    """Clicks and boxes as prompts for Segment Anything, with masks computed beforehand (chapter 13).

    Parameters
    ----------
    mode : "click" or "box"
        What is shown first.

    Raises
    ------
    InputError
        If `mode` is something else.
    """
    if mode not in ("click", "box"):
        raise InputError(f'mode must be "click" or "box", not {mode!r}.')
    return explorable("sam-explorer", mode=mode)


def stardist(mode: str = "distances"):
    """Radial distances of a nucleus, and non-maximum suppression of candidates (chapter 11).

    Parameters
    ----------
    mode : "distances" or "suppression"
        What is shown first.

    Raises
    ------
    InputError
        If `mode` is something else.
    """
    if mode not in ("distances", "suppression"):
        raise InputError(f'mode must be "distances" or "suppression", not {mode!r}.')
    return explorable("stardist-explorer", mode=mode)


def unet():
    """A U-Net to order: shapes at each level, parameters, receptive field and memory (chapter 10)."""
    return explorable("unet-explorer")
