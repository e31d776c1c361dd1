"""Cases whose cause lies in the environment: the right code, run by another Python, version or file.

Each is a small made-up environment in a folder that is gone afterwards.
"""

import functools
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from bioimage_course.clinic.patients import register


def _python(program, line, folder, **more):
    """What a Python prints that runs a line in a folder, the last line if it fails."""
    run = subprocess.run(
        [str(program), "-c", line], cwd=folder, capture_output=True, text=True, env=os.environ | more
    )
    return (run.stdout.strip() or run.stderr.strip().splitlines()[-1]), run.returncode == 0


@register(
    "environment",
    symptom="“module 'tifffile' has no attribute 'imread'”, although it is installed, and in another folder "
    "the same line works.",
    questions=(
        "From which file does Python take the module: `tifffile.__file__`?",
        "Is there a file or folder in your working directory that has the library's name?",
        "Does it work if Python is started in another folder?",
    ),
    diagnosis="own file with the library's name",
    cause="The first script was called `tifffile.py`. Python looks into the working directory first, finds "
    "it, and takes it for the library.",
    measure="float(module_file.startswith(working_directory))",
    guilty="> 0",
    repair="Rename the script (and delete `__pycache__` beside it), then restart the kernel.",
    outcome="calls of imread that work, of one",
    better="higher",
    score=lambda given: float(given.works),
    keywords="AttributeError, has no attribute, ImportError, circular import, partially initialized, shadow, "
    "script name, stardist.py, cellpose.py, torch.py",
)
def no_attribute_imread(seed, sick):
    with tempfile.TemporaryDirectory() as folder:
        working = Path(folder).resolve()
        name = "tifffile.py" if sick else f"first_script_{seed}.py"
        (working / name).write_text("print_me = 'my first script'\n", encoding="utf-8")
        line = "import tifffile; print(tifffile.__file__); tifffile.imread"
        place, works = _python(sys.executable, line, working)
    return SimpleNamespace(module_file=place, working_directory=str(working), works=works)


@register(
    "environment",
    symptom="“No module named 'numpy'” in the notebook. In the terminal pip says “requirement already "
    "satisfied”.",
    questions=(
        "What is `sys.executable` in the notebook, and which Python does pip belong to (`pip --version`)?",
        "Which kernel stands in the upper right corner of the notebook?",
        "How many environments are on this computer?",
    ),
    diagnosis="kernel of another environment",
    cause="The notebook runs in one environment, pip has installed into another. Each has its own folder of "
    "packages.",
    measure="float(kernel_prefix != pip_prefix)",
    guilty="> 0",
    repair="Install with the kernel's own pip, `%pip install …`, or register the right environment, `python "
    "-m ipykernel install --user`, and choose it.",
    outcome="imports that work, of one",
    better="higher",
    score=lambda given: float(given.works),
    keywords="ModuleNotFoundError, No module named, pip, conda, kernel, jupyter, already satisfied, "
    "environment, installed but not found",
)
def satisfied_but_not_found(seed, sick):  # noqa: ARG001 all patients are alike
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable)
        if sick:
            venv.create(folder, with_pip=False)
            program = Path(folder, "Scripts/python.exe" if os.name == "nt" else "bin/python")
        line = "import sys, numpy; print(sys.prefix)"
        prefix, works = _python(program, line, folder)
        if not works:
            prefix, _ = _python(program, "import sys; print(sys.prefix)", folder)
    return SimpleNamespace(kernel_prefix=prefix, pip_prefix=sys.prefix, works=works)


@register(
    "environment",
    symptom="I upgraded the package, pip says that the new version is there, and the old mistake is still "
    "there.",
    questions=(
        "Which version says the module itself, and from which folder does it come?",
        "Was the kernel restarted after the upgrade?",
        "Are there two copies on `sys.path`, in the user's folder and in the environment?",
    ),
    diagnosis="an old copy comes first",
    cause="Two copies are installed. pip looks at the new one; Python imports the one that comes first on "
    "its path, which is old.",
    measure="float(installed != running)",
    guilty="> 0",
    repair="Restart the kernel, delete the old copy (`pip uninstall` until nothing is left), and let a "
    "script print the version that it runs with. For a result that is to be had again elsewhere, keep a lock "
    "file or a container beside the script.",
    outcome="running version",
    better="nearer",
    truth=2.0,
    score=lambda given: float(given.running),
    keywords="runs here but not there, another computer, cluster, upgrade, old version, pip install "
    "--upgrade, PYTHONPATH, user site, version, yesterday, "
    "different result, __version__",
)
def upgraded_and_unchanged(seed, sick):  # noqa: ARG001 all patients are alike
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        for place, version in ((old, "1.0"), (new, "2.0")):
            place.mkdir()
            (place / "cellfinder9.py").write_text(f"__version__ = '{version}'\n", encoding="utf-8")
        path = [old, new] if sick else [new]
        running, _ = _python(
            sys.executable,
            "import cellfinder9; print(cellfinder9.__version__)",
            folder,
            PYTHONPATH=os.pathsep.join(map(str, path)),
        )
    return SimpleNamespace(installed="2.0", running=running)


@register(
    "environment",
    symptom="I trained the network again with better labels, under the same name, and its masks are the "
    "same to the last pixel.",
    questions=(
        "Was the file read again, or is there a copy in memory or in a cache?",
        "Do the weights in memory equal those in the file?",
        "Does a new kernel give other masks?",
    ),
    diagnosis="a stale cache",
    cause="The model was loaded once and kept under its file's name. The file has changed, the name has "
    "not, so the old weights are used.",
    measure="np.abs(in_memory - in_file).max()",
    guilty="> 0",
    repair="Restart the kernel, or keep results under a digest of the file, not under its name; give every "
    "training a name of its own.",
    outcome="share of weights that are those of the file",
    better="higher",
    score=lambda given: np.mean(given.in_memory == given.in_file),
    keywords="cache, old weights, same result, retrained, model name, overwrite, memory, restart kernel, "
    "outdated, identical masks",
)
def same_to_the_last_pixel(seed, sick):
    load = functools.lru_cache(np.load) if sick else np.load
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "my_model.npy")
        for _ in range(2):  # trained, used; trained again, used again
            weights = random.normal(size=50)
            np.save(file, weights)
            used = load(file)
    return SimpleNamespace(in_memory=used, in_file=weights)


@register(
    "environment",
    symptom="I gave the cluster two workers instead of one, and the folder takes as long as before.",
    questions=(
        "Do the workers compute, or do they wait: what is the use of the processors?",
        "Do both read from the same network drive?",
        "How many threads does each worker start, and how many cores are there?",
    ),
    diagnosis="workers that wait for the same thing",
    cause="Reading takes longer than computing, and the drive serves one file at a time: the second worker "
    "waits for the first. Where each worker starts as many threads as there are cores, they wait for the "
    "cores in the same way.",
    measure="seconds_to_read / seconds_to_compute",
    guilty="> 1",
    repair="Copy the images to a local disk first, or read larger pieces; and allow each worker one thread, "
    "`OMP_NUM_THREADS=1`, before numpy is imported. Time one worker, then two, before asking for twenty.",
    outcome="how much faster two workers are than one (of a made-up computer)",
    better="nearer",
    truth=2.0,
    score=lambda given: _seconds(given, 1) / _seconds(given, 2),
    keywords="slow, parallel, workers, processes, dask, no faster, speed, cluster, threads, cores, cpu, "
    "OMP_NUM_THREADS, oversubscription, network drive, disk, multiprocessing, num_workers",
)
def no_faster_with_two(seed, sick):
    random = np.random.default_rng(seed)
    compute = float(random.uniform(0.8, 1.2))
    return SimpleNamespace(
        images=40, seconds_to_read=compute * (8.0 if sick else 0.05), seconds_to_compute=compute
    )


def _seconds(given, workers):
    """When the last image is done, if the drive serves one worker at a time: a small simulation."""
    free, drive = [0.0] * workers, 0.0
    for _ in range(given.images):
        first = int(np.argmin(free))
        drive = max(free[first], drive) + given.seconds_to_read
        free[first] = drive + given.seconds_to_compute
    return max(free)


@register(
    "environment",
    symptom="There is a graphics card in the computer, and the training uses the processor only: the "
    "program says "
    "that no GPU was found.",
    questions=(
        "Which build of PyTorch is installed: what does `torch.__version__` end in, and what is "
        "`torch.version.cuda`?",
        "Does `nvidia-smi` show the card, and which CUDA version can its driver do?",
        "Is it the same environment in which the GPU version was installed?",
    ),
    diagnosis="PyTorch without CUDA",
    cause="There are builds with and without CUDA. The one for processors only was installed, mostly because "
    "another package asked for PyTorch first; it cannot see any card.",
    measure="float(build.endswith('+cpu') or cuda == 'None')",
    guilty="> 0",
    repair="Uninstall torch and torchvision, and install the build for your driver with the line that "
    "pytorch.org gives; then ask `torch.cuda.is_available()`.",
    outcome="graphics cards that PyTorch sees, of one",
    score=lambda given: float(given.cards),
    keywords="GPU not used, no GPU found, CUDA not available, torch.cuda.is_available False, slow "
    "training, cpu "
    "only, nvidia-smi, driver, nvidia, cannot use gpu, tensorflow gpu",
    recorded=True,
)
def no_card_was_found(seed, sick):  # noqa: ARG001 written down from two installations on one computer
    build, cuda, cards = ("2.11.0+cpu", "None", 0) if sick else ("2.11.0+cu128", "12.8", 1)
    return SimpleNamespace(build=build, cuda=cuda, cards=cards)
