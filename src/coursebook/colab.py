"""The command that prepares Google Colab for a notebook, in one place.

:mod:`coursebook.notebooks` writes it into every notebook's set-up cell, and
``tests/test_environment.py`` resolves the very same command against a list of what Colab ships.
"""

import shlex

from bioimage_course.errors import InputError
from bioimage_course.toolbox import EXTRAS

# Colab's own releases of these stay as they are: they are built for its machines, or its
# notebook page depends on them.
HELD = ("torch", "torchvision", "tensorflow", "tf-keras", "numpy", "scikit-image", "protobuf", "ipywidgets")

# Corrections where tools meet (the reasons are in requirements/overrides.txt):
# line for uv -> the extras that make it necessary when they come together.
OVERRIDES = {
    "csbdeep==0.8.2": {"denoising"},  # n2v and csbdeep are both in it
    "segment-anything; sys_platform == 'never'": {"cellpose", "micro-sam"},
}


def overrides(extra: str) -> list[str]:
    """Return the corrections that an extra (or several, separated by commas) needs.

    Raises
    ------
    InputError
        If the helper package has no such extra.
    """
    chosen = {name.strip() for name in extra.split(",") if name.strip()}
    if unknown := chosen - set(EXTRAS):
        raise InputError(
            f"bioimage-course has no extra {min(unknown)!r}; choose from {', '.join(EXTRAS)}, "
            'or "" for a notebook that needs none.'
        )
    if "all" in chosen:
        chosen = set(EXTRAS)
    return [line for line, needed_by in OVERRIDES.items() if needed_by <= chosen]


def setup_command(extra: str, repo_url: str) -> str:
    """Return the lines that install the helper with an extra on Google Colab.

    What Colab already has is kept, at exactly its version where :data:`HELD` says so.

    Parameters
    ----------
    extra : str
        An extra of ``bioimage-course``, several separated by commas, or "" for none.
    repo_url : str
        Address of the course's public repository.

    Returns
    -------
    str
        Lines of a notebook cell; the last one is the ``!uv pip install`` command.

    Raises
    ------
    InputError
        If the helper package has no such extra.
    """
    corrections = overrides(extra)
    names = ",".join(name.strip() for name in extra.split(",") if name.strip())
    package = f"bioimage-course[{names}]" if names else "bioimage-course"
    command = ["uv", "pip", "install", "--system", "--quiet", "--constraints", "held.txt"]
    lines = [
        "from importlib.metadata import distributions",
        "",
        "# Colab's own releases of these stay exactly as they are.",
        f"held = {' '.join(HELD)!r}.split()",
        'with open("held.txt", "w") as file:',
        "    for each in distributions():",
        '        if each.name.replace("_", "-") in held:',
        '            print(f"{each.name}=={each.version}", file=file)',
    ]
    if corrections:
        lines += [
            "# Without these corrections the tools of this chapter do not install together.",
            'with open("overrides.txt", "w") as file:',
            f"    print({', '.join(map(repr, corrections))}, sep={chr(10)!r}, file=file)",
        ]
        command += ["--overrides", "overrides.txt"]
    command.append(f"{package} @ git+{repo_url}")
    lines += ["!command -v uv > /dev/null || pip install --quiet uv", f"!{shlex.join(command)}"]
    return "\n".join(lines)
