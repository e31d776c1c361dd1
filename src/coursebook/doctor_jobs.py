"""One tiny real job for each tool, run by ``course doctor`` in a process of its own.

Every job does what the course does with its tool (train two steps, segment or explain a small image), by way
of the course's adapter where there is one, checks what comes out and returns a remark for the table. A tool
whose record (`bioimage_course.toolbox`) names an adapter has a row without any line here.
``python -m coursebook.doctor_jobs NAME RESULT.json`` runs one and writes what happened as JSON.
"""

import functools
import importlib.metadata
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from bioimage_course.toolbox import TOOLS

# The modules that the whole environment must bear in one process, in the order that crashed
# before triton was taken out (TensorFlow first, torchvision second).
TOGETHER = ("tensorflow", "torchvision", "n2v.models", "stardist.models", "cellpose.models",
            "careamics", "micro_sam.util")  # fmt: skip


def blobs(size=128, spacing=32, radius=9):
    """Return a small image of bright discs with noise (float32, 0 to about 1) and its labels (int32)."""
    import numpy as np

    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.int32)
    centres = range(spacing // 2, size, spacing)
    for number, (cy, cx) in enumerate(((a, b) for a in centres for b in centres), start=1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    noise = np.random.default_rng(0).normal(0, 0.1, labels.shape)
    return ((labels > 0) * 0.8 + 0.1 + noise).astype(np.float32), labels


def expect(truth: bool, sentence: str) -> None:
    """Raise ``RuntimeError(sentence)`` unless `truth`."""
    if not truth:
        raise RuntimeError(sentence)


def torch_device() -> str:
    """Name the device that PyTorch would use."""
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def tensorflow_device() -> str:
    """Name the device that TensorFlow would use."""
    import tensorflow as tf

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def n2v():
    from bioimage_course import compat

    compat.prepare("n2v")
    import numpy as np
    from n2v.internals.N2V_DataGenerator import N2V_DataGenerator
    from n2v.models import N2V, N2VConfig

    image, _ = blobs()
    patches = N2V_DataGenerator().generate_patches_from_list([image[None, ..., None]], shape=(64, 64))
    config = N2VConfig(
        patches, unet_n_depth=1, unet_n_first=8, unet_kern_size=3, train_epochs=1, train_steps_per_epoch=2,
        train_batch_size=4, n2v_patch_shape=(64, 64), n2v_perc_pix=1, train_tensorboard=False,
    )  # fmt: skip
    model = N2V(config, "n2v", basedir=".")
    history = model.train(patches[:16], patches[16:20])
    restored = model.predict(image, axes="YX")
    expect(np.isfinite(history.history["loss"][-1]), "the training loss is not a number")
    expect(restored.shape == image.shape and np.isfinite(restored).all(), "the prediction is not an image")
    return tensorflow_device(), "trained 2 steps, denoised 128×128"


def careamics():
    import numpy as np
    from careamics import CAREamist
    from careamics.config import create_n2v_config

    image, _ = blobs()
    config = create_n2v_config(
        "doctor", data_type="array", axes="YX", patch_size=(32, 32), batch_size=2, num_epochs=1, num_steps=2
    )
    model = CAREamist(config, work_dir=".", enable_progress_bar=False)
    model.train(train_data=image, val_data=image)
    restored = np.squeeze(model.predict(image)[0][0])
    expect(restored.shape == image.shape and np.isfinite(restored).all(), "the prediction is not an image")
    return torch_device(), "trained 2 steps, denoised 128×128"


def find_discs(adapter: str, **settings) -> str:
    """Let an adapter segment the small image, compare with the truth, and return the remark for the table."""
    import numpy as np

    from bioimage_course import metrics, tools

    image, labels = blobs()
    found = getattr(tools, adapter).segment(image, **settings)
    expect(found.shape == image.shape and found.dtype == np.int32, "there is no label image")
    right = metrics.match(labels, found, 0.5).tp
    expect(right > labels.max() / 2, f"only {right} of {labels.max()} discs were found")
    return f"found {right} of {labels.max()} discs in 128×128"


def stardist():
    from bioimage_course import compat

    compat.prepare("stardist")
    from stardist.models import Config2D, StarDist2D

    image, labels = blobs()
    config = Config2D(
        n_rays=8, grid=(2, 2), unet_n_depth=1, unet_n_filter_base=8, net_conv_after_unet=8,
        train_patch_size=(64, 64), train_batch_size=2, train_epochs=1, train_steps_per_epoch=2,
        train_tensorboard=False,
    )  # fmt: skip
    model = StarDist2D(config, "stardist", basedir=".")
    model.train([image, image], [labels, labels], validation_data=([image], [labels]), workers=1)
    return tensorflow_device(), f"trained 2 steps, {find_discs('stardist')}"


def cellpose():
    from bioimage_course import compat, tools

    compat.prepare("cellpose")
    import numpy as np
    from cellpose import train

    image, labels = blobs()
    network = tools.cellpose.flow_network(width=4, depth=1)
    _, losses, _ = train.train_seg(
        network, train_data=[np.stack([image] * 3)] * 2, train_labels=[labels] * 2, n_epochs=2, batch_size=2,
        bsize=64, channel_axis=0, learning_rate=1e-3, min_train_masks=1, save_path=".",
    )  # fmt: skip
    expect(np.isfinite(losses).all(), "the training loss is not a number")
    return torch_device(), f"trained 2 epochs, {find_discs('cellpose')}"


def micro_sam():
    from bioimage_course import data, tools

    image, labels = blobs(256, 64, 18)
    if data.available("weights-mobilesam"):
        model, weights = None, "MobileSAM weights"
    else:
        model, weights = _untrained_sam(), "random weights (MobileSAM's are not on this machine)"
    mask = tools.micro_sam.segment(image, model, points=[[32, 32]]) == 1
    expect(mask.shape == image.shape, "the mask has the wrong shape")
    if model is None:
        truth = labels == labels[32, 32]
        iou = (mask & truth).sum() / (mask | truth).sum()
        expect(iou > 0.5, f"one click found a disc with an IoU of only {iou:.2f}")
    return torch_device(), f"one click in 256×256, {weights}"


def _untrained_sam():
    """MobileSAM as micro-sam's predictor, with random weights."""
    import torch

    from bioimage_course import compat, tools

    compat.prepare("micro-sam")
    from micro_sam.util import get_sam_model

    torch.save(tools.sam_features.build().state_dict(), "vit_t.pt")
    return get_sam_model("vit_t", checkpoint_path="vit_t.pt")


def shap():
    import numpy as np
    import shap as library
    from sklearn.ensemble import RandomForestClassifier

    random = np.random.default_rng(0)
    features = random.normal(size=(60, 3))
    model = RandomForestClassifier(10, random_state=0).fit(features, features[:, 0] > 0)
    values = library.TreeExplainer(model)(features[:5]).values
    expect(values.shape == (5, 3, 2), "the Shapley values have the wrong shape")
    expect(np.abs(values).sum((0, 2)).argmax() == 0, "the decisive feature was not found")
    return "cpu", "explained a random forest of 10 trees"


def grad_cam():
    import numpy as np
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.manual_seed(0)
    last = torch.nn.Conv2d(4, 4, 3, padding=1)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), last,
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
    )  # fmt: skip
    image = torch.from_numpy(blobs(64)[0])[None, None]
    with GradCAM(model=model.eval(), target_layers=[last]) as cam:
        heat = cam(input_tensor=image, targets=[ClassifierOutputTarget(1)])[0]
    expect(heat.shape == (64, 64) and np.isfinite(heat).all(), "the heat map is not an image")
    return torch_device(), "heat map of a small network, 64×64"


def stackview():
    import stackview as library

    image, labels = blobs()
    html = library.insight(image)._repr_html_()
    expect("<img" in html, "insight() drew no picture")
    expect(library.curtain(image, labels) is not None, "curtain() returned nothing")
    return "cpu", "insight and curtain of 128×128"


def jupyterlab():
    import jupyterlab as library
    import nbformat
    from jupyterlab.commands import get_app_dir
    from nbclient import NotebookClient

    page = Path(get_app_dir()) / "static" / "index.html"
    expect(page.is_file(), "the browser part of JupyterLab is missing")
    cells = [nbformat.v4.new_code_cell("import anywidget, bioimage_course\nprint(6 * 7)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    expect(printed.strip() == "42", "the kernel did not answer")
    return "cpu", f"executed a notebook (JupyterLab {library.__version__})"


def together():
    """Run the five tools in one process, after importing everything in the order that used to crash."""
    from bioimage_course import compat

    compat.prepare("n2v")
    compat.prepare("micro-sam")
    for module in TOGETHER:
        importlib.import_module(module)
    for job in (n2v, stardist, cellpose, careamics, micro_sam):
        job()
    return torch_device(), "all five tools did their jobs in one process"


def _jobs() -> dict:
    """The jobs by name: those written here, and for every other tool with an adapter the discs."""
    written = (n2v, careamics, stardist, cellpose, micro_sam, shap, grad_cam, stackview, jupyterlab, together)
    jobs = {job.__name__.replace("_", "-"): job for job in written}
    for tool in TOOLS.values():
        if tool.adapter and tool.name not in jobs:
            jobs[tool.name] = functools.partial(_adapter_alone, tool.adapter)
    return jobs


def _adapter_alone(adapter: str):
    remark = find_discs(adapter)
    return torch_device() if "torch" in sys.modules else "cpu", remark


JOBS = _jobs()
"""Name of the row -> job that returns device and remark."""


def distribution(name: str) -> str:
    """The distribution that carries a row's version: a tool's first package, or one called like the row."""
    return TOOLS[name].packages[0] if name in TOOLS else name


def version(name: str) -> str:
    """Return the installed version of a tool, "-" if it is not installed or has none."""
    try:
        return importlib.metadata.version(distribution(name))
    except importlib.metadata.PackageNotFoundError:
        return "-"


def empty_row(name: str) -> dict:
    """Return the row of a job of which nothing is known yet."""
    row = {"tool": name, "version": version(name), "seconds": 0.0, "megabytes": None, "device": "-"}
    return row | {"ok": False, "remark": "", "kind": ""}


def peak_megabytes() -> int:
    """Return the most memory that this process has held so far, in MB."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset // 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def cut_network() -> None:
    """Let this process reach its own machine only: a job that asks for more fails and says so."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo
    own = {None, "", "127.0.0.1", "::1", "localhost", b"localhost"}

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else ""
        if host not in own:
            raise ConnectionError(f"the doctor works offline, but the tool wanted to reach {host}")
        return connect(self, address)

    def resolve(host, *arguments, **options):
        if host not in own:
            raise socket.gaierror(f"the doctor works offline, but the tool wanted to look up {host}")
        return getaddrinfo(host, *arguments, **options)

    socket.getaddrinfo, socket.socket.connect = resolve, guarded


def main(argv: list[str] | None = None) -> int:
    """Run the job ``argv[0]`` in a temporary folder and write its row to the file ``argv[1]``."""
    name, result = (sys.argv[1:] if argv is None else argv)[:2]
    result = Path(result).resolve()
    cut_network()
    start = time.perf_counter()
    row = empty_row(name)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        try:
            row["device"], row["remark"] = JOBS[name]()
            row["ok"] = True
        except Exception as error:  # whatever a tool throws becomes a row of the table
            first = (str(error).strip().splitlines() or ["no message"])[0]
            row["remark"] = f"{type(error).__name__}: {first}"
            row["kind"] = getattr(error, "name", "") or ""
        os.chdir(result.parent)
    row["seconds"] = round(time.perf_counter() - start, 1)
    row["megabytes"] = peak_megabytes()
    result.write_text(json.dumps(row), encoding="utf-8")
    return 0 if row["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
