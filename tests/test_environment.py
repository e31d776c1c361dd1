"""The locks, the conda file and the extras agree with each other, and the extras resolve on Colab."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from bioimage_course import compat, toolbox, tools
from bioimage_course.errors import InputError
from coursebook import colab

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
COLAB = ROOT.parent / "shared" / "colab" / "pip-freeze.txt"

TOOLS = {
    *(p for tool in toolbox.TOOLS.values() for p in (*tool.packages, *tool.beside)),
    "jupyterlab",
    "nbval",
}


def pins(text: str) -> dict[str, str]:
    """Read ``name==version`` lines, markers and hashes left out."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def lock(name: str, **machine: str) -> dict[str, str]:
    """Read the pins of a lock file that apply here, or on `machine` (values of PEP 508's markers)."""
    text = (REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8")
    found = {}
    for line in re.findall(r"^[a-z0-9].*==.*", text, re.MULTILINE):
        requirement = Requirement(line.rstrip("\\ "))
        if requirement.marker is None or requirement.marker.evaluate(machine or None):
            found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


def overrides() -> list[str]:
    lines = (REQUIREMENTS / "overrides.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


# ---------------------------------------------------------------- lock files


@pytest.mark.parametrize("name", ["course", "book"])
def test_every_locked_package_has_a_hash_and_no_address(name):
    text = (REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert set(lock(name)) <= {block.split("==")[0] for block in blocks}
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|file:|/tmp|/home|/work", text)
    assert "make lock" in text.splitlines()[1]


SYSTEMS = [("linux", "x86_64"), ("win32", "AMD64"), ("darwin", "arm64")]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(("system", "processor"), SYSTEMS)
def test_course_lock_holds_all_tools(system, processor, python):
    machine = {"sys_platform": system, "platform_machine": processor}
    found = lock("course", **machine, python_version=python, python_full_version=f"{python}.0")
    assert set(found) >= TOOLS


def test_book_lock_is_light_and_a_part_of_course_lock():
    book, course = lock("book"), lock("course")
    assert book.items() <= course.items()
    assert not {"torch", "tensorflow", "numpy", "jupyterlab"} & set(book)
    assert len(book) < 40


def test_what_runs_in_the_light_environment_needs_nothing_else():
    """`make book` and the weekly look at the model atlas; `make check` reads the cases of the clinic: all."""
    heavy = set(lock("course")) - set(lock("book"))
    absent = [module for module, names in packages_distributions().items() if {*names} <= heavy]
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({absent!r}))  # importing any of them fails
from coursebook.cli import COMMANDS
for name in ("book", "preview", "models"):
    importlib.import_module(COMMANDS[name][0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert {"numpy", "torch"} <= {*absent} and run.returncode == 0, run.stderr


def test_pins_and_overrides_are_kept():
    course = lock("course")
    held = pins((REQUIREMENTS / "pins.in").read_text(encoding="utf-8"))
    assert held.items() <= course.items()
    assert not {"triton", "segment-anything"} & set(course)
    assert course["csbdeep"] == "0.8.2"


def test_lock_satisfies_pyproject():
    course = lock("course")
    wanted = [*PROJECT["project"]["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    wanted += [line for line in PROJECT["dependency-groups"]["course"] if isinstance(line, str)]
    wanted += PROJECT["dependency-groups"]["book"]
    for line in wanted:
        requirement = Requirement(line)
        if requirement.name == "bioimage-course":
            continue
        assert requirement.specifier.contains(course[requirement.name]), line


def test_running_environment_is_the_locked_one():
    """What is installed here is what the lock says (skipped where the course is installed otherwise)."""
    from importlib.metadata import PackageNotFoundError, version

    different = {}
    for name, wanted in lock("course").items():
        try:
            found = version(name)
        except PackageNotFoundError:
            continue  # another system's package
        if found.split("+")[0] != wanted.split("+")[0]:
            different[name] = (found, wanted)
    if sys.prefix != str(ROOT / ".venv"):
        pytest.skip("not the environment that `make` builds")
    assert different == {}


def test_environment_yml_agrees_with_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [line for line in environment["dependencies"] if isinstance(line, str)]
    names = {re.split(r"[<>=!~ ]", line)[0] for line in plain}
    assert names == {"python", "pip", "quarto"}, "everything else comes from the lock"
    python = next(line for line in plain if line.startswith("python"))
    wanted = Requirement(f"python{PROJECT['project']['requires-python']}")
    assert Requirement(python).specifier == wanted.specifier
    lines = next(line["pip"] for line in environment["dependencies"] if isinstance(line, dict))
    locks = [line.split()[1] for line in lines if line.startswith("-r ")]
    assert locks == ["requirements/course.lock"]
    assert all((ROOT / each).is_file() for each in locks)
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert "PIP_NO_DEPS=1 conda env create -f environment.yml" in text
    assert "pip install --no-deps -e ." in text  # apart: pip refuses it beside hashes


# ---------------------------------------------------------------- install.py


@pytest.fixture
def installer(tmp_path, monkeypatch):
    """``requirements/install.py`` on an empty folder, with its commands recorded instead of run."""
    monkeypatch.syspath_prepend(str(REQUIREMENTS))
    import install

    folder = tmp_path / ".venv" / install.BIN.name
    monkeypatch.setattr(install, "VENV", folder.parent)
    monkeypatch.setattr(install, "BIN", folder)
    install.commands = []
    monkeypatch.setattr(install, "run", lambda *command: install.commands.append(" ".join(map(str, command))))
    monkeypatch.setattr(install, "check_venv", lambda python: folder.mkdir(parents=True, exist_ok=True))
    yield install
    sys.modules.pop("install")


def test_first_installation_makes_the_venv_and_stamps_it(installer):
    installer.install("book", cpu=False)
    made, uv, packages, helper = installer.commands
    assert "-m venv --clear" in made and uv.endswith("uv>=0.9")
    assert "--require-hashes" in packages and packages.endswith("book.lock")
    assert "--no-deps --editable" in helper
    installer.commands.clear()
    installer.install("book", cpu=False)
    assert installer.commands == [], "up to date: nothing to do"


def test_full_environment_is_never_stripped_down(installer, monkeypatch):
    installer.install("course", cpu=False)
    assert any("pip sync" in command and command.endswith("course.lock") for command in installer.commands)
    installer.commands.clear()
    installer.install("book", cpu=False)
    assert installer.commands == []
    monkeypatch.setattr(installer, "fingerprint", lambda: "a new lock")
    installer.install("book", cpu=False)
    assert any("pip sync" in command and command.endswith("course.lock") for command in installer.commands)


def test_small_environment_stays_small(installer, monkeypatch):
    installer.install("course", cpu=True)
    torch = next(command for command in installer.commands if "--torch-backend cpu" in command)
    assert f"torch=={lock('course')['torch']} torchvision==" in torch
    installer.commands.clear()
    installer.install("course", cpu=False)
    assert installer.commands == []
    monkeypatch.setattr(installer, "fingerprint", lambda: "a new lock")
    installer.install("course", cpu=False)
    assert any("--torch-backend cpu" in command for command in installer.commands)


def test_cpu_leaves_out_torch_and_cuda_only(installer):
    text = (REQUIREMENTS / "course.lock").read_text(encoding="utf-8")
    gone = set(pins(text)) - set(pins(installer.without_cuda(REQUIREMENTS / "course.lock")))
    assert {"torch", "torchvision"} <= gone
    assert all(name in {"torch", "torchvision"} or name.startswith(("nvidia-", "cuda-")) for name in gone)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PLATFORMS", set(), "open the notebooks in Google Colab instead"),
        ("VERSIONS", ((2, 6),), "needs Python 3.11, 3.12 or 3.13, but this is Python 3"),
        ("suitable", lambda: shutil.which("false") or "false", "apt-get install python3-venv"),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(installer, monkeypatch, capsys, name, value, sentence):
    monkeypatch.setattr(installer, name, value)
    with pytest.raises(SystemExit) as stop:
        installer.make_venv()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert installer.commands == []


# ---------------------------------------------------------------- extras


def test_what_is_imported_is_declared():
    """No package is used because something else happens to bring it along."""
    names = {
        name: {n.lower().replace("_", "-") for n in found} for name, found in packages_distributions().items()
    }
    helper = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    helper |= {Requirement(line).name for lines in EXTRAS.values() for line in lines}
    groups = (
        line for lines in PROJECT["dependency-groups"].values() for line in lines if isinstance(line, str)
    )
    workshop = helper | {Requirement(line).name for line in groups}
    for room, declared in (("bioimage_course", helper), ("coursebook", workshop)):
        for path in (ROOT / "src" / room).rglob("*.py"):
            for module in imported(path) - sys.stdlib_module_names - {"bioimage_course", "coursebook"}:
                assert names.get(module, {module}) & declared, f"{path.name} imports {module}"


def imported(path: Path) -> set[str]:
    """Names of the packages that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_every_requirement_has_a_floor():
    lines = [*PROJECT["project"]["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    without = [
        line for line in lines
        if Requirement(line).name != "bioimage-course" and ">=" not in str(Requirement(line).specifier)
    ]  # fmt: skip
    assert without == []


def test_extras_bring_what_the_tools_records_say():
    """`toolbox` and pyproject.toml agree, in both directions."""
    assert set(toolbox.EXTRAS) == set(EXTRAS)
    core = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}

    def bring(extra):  # with what the extras bring that it is made of
        found = set()
        for requirement in map(Requirement, EXTRAS[extra]):
            inner = requirement.extras if requirement.name == "bioimage-course" else ()
            found |= set().union({requirement.name}, *map(bring, inner))
        return found - {"bioimage-course"} - core

    asked = {extra: set() for extra in EXTRAS}
    for tool in toolbox.TOOLS.values():
        if tool.extra:
            asked[tool.extra] |= {*tool.packages, *tool.beside} - core
        assert tool.extra or core >= {*tool.packages, *tool.beside}, tool.name
    for extra, packages in asked.items():
        assert packages <= bring(extra), extra
        own = {Requirement(line).name for line in EXTRAS[extra]} - {"bioimage-course"}
        assert own <= packages, f"{extra}: no tool's record names {own - packages}"


def test_records_name_what_is_there():
    for name, tool in toolbox.TOOLS.items():
        assert name == tool.name and compat.available(name), name
        assert set(tool.needs) <= set(compat.PREPARATIONS)
        assert not tool.adapter or (tool.title and tool.chapter)
    adapters = {tool.adapter for tool in toolbox.TOOLS.values() if tool.adapter}
    assert adapters == {name for name in tools.__all__ if hasattr(getattr(tools, name), "segment")}


def test_colab_knows_the_overrides_of_the_project():
    assert set(colab.OVERRIDES) <= set(overrides())


def test_overrides_are_chosen_by_what_meets():
    csbdeep, segment_anything = colab.OVERRIDES
    assert colab.overrides("") == colab.overrides("stardist") == colab.overrides("cellpose") == []
    assert colab.overrides("denoising") == colab.overrides("stardist, denoising") == [csbdeep]
    assert colab.overrides("cellpose,micro-sam") == [segment_anything]
    assert colab.overrides("all") == [csbdeep, segment_anything]


def test_unknown_extra_is_refused():
    with pytest.raises(InputError, match="no extra 'startdist'"):
        colab.setup_command("startdist", "https://github.com/owner/name")


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_setup_command_is_python_apart_from_shell_lines(extra, tmp_path, monkeypatch):
    lines = colab.setup_command(extra, "https://github.com/owner/name").splitlines()
    python = "\n".join(line for line in lines if not line.startswith("!"))
    ast.parse(python)
    monkeypatch.chdir(tmp_path)
    exec(python, {})  # writes held.txt (and overrides.txt) as on Colab
    held = pins((tmp_path / "held.txt").read_text())
    assert set(held) <= set(colab.HELD) | {"tf_keras"} and "numpy" in held
    assert (tmp_path / "overrides.txt").exists() == bool(colab.overrides(extra))
    assert lines[-1].startswith("!uv pip install --system ")
    assert "git+https://github.com/owner/name" in lines[-1]


def colab_versions() -> dict[str, str]:
    """Read what Colab ships; a line ``name @ address`` has its version in the file name."""
    found = pins(COLAB.read_text(encoding="utf-8"))
    for name, file in re.findall(r"^(\S+) @ \S*/([^/\s]+)$", COLAB.read_text(encoding="utf-8"), re.MULTILINE):
        version = re.match(rf"{name}-([0-9][0-9.]*[0-9])", file.replace("%2B", "+"), re.IGNORECASE)
        if version:
            found[name] = version[1]
    return {name.lower().replace("_", "-"): version for name, version in found.items()}


@pytest.fixture(scope="module")
def uv():
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    return found or pytest.skip("uv is not installed")


@pytest.fixture(scope="module")
def index(uv, tmp_path_factory):
    """Skip where no package index answers."""
    command = [uv, "pip", "compile", "--quiet", "--no-python-downloads", "--no-deps", "-"]
    try:
        asked = subprocess.run(command, input="lazy-loader", text=True, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("no package index answers within a minute")
    if asked.returncode:
        pytest.skip("no package index within reach")


def resolve(uv: str, extra: str, folder: Path) -> subprocess.CompletedProcess:
    """Resolve the very command of the notebooks, dry, with what Colab has held fixed."""
    ships = colab_versions()
    folder.mkdir()
    (folder / "held.txt").write_text("".join(f"{name}=={ships[name]}\n" for name in colab.HELD))
    (folder / "overrides.txt").write_text("\n".join(colab.overrides(extra)))
    arguments = shlex.split(colab.setup_command(extra, ROOT.as_uri()).splitlines()[-1].removeprefix("!"))
    assert arguments[:4] == ["uv", "pip", "install", "--system"]
    requirement = arguments.pop().replace("git+file:", "file:")
    target = ["--python-version", "3.13", "--no-python-downloads"]
    command = [uv, "pip", "compile", *target, *arguments[4:], "--no-header", "-"]
    options = {"input": requirement, "text": True, "capture_output": True, "cwd": folder, "timeout": 300}
    return subprocess.run(command, **options)


ON_COLAB = ["", *EXTRAS, "stardist,cellpose,micro-sam"]


@pytest.fixture(scope="module")
def resolutions(uv, index, tmp_path_factory):
    """All resolutions at the same time: they mostly wait for the index."""
    if not COLAB.is_file():
        pytest.skip("no list of Colab's packages beside the repository (shared/colab/pip-freeze.txt)")
    base = tmp_path_factory.mktemp("colab")
    with ThreadPoolExecutor(6) as pool:
        return {extra: pool.submit(resolve, uv, extra, base / f"extra-{extra}") for extra in ON_COLAB}


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.parametrize("extra", ON_COLAB)
def test_setup_command_resolves_on_colab(extra, resolutions):
    done = resolutions[extra].result()
    assert done.returncode == 0, done.stderr

    resolved = pins(done.stdout)
    ships = colab_versions()
    held = {name: version for name, version in resolved.items() if name in colab.HELD}
    assert held == {name: ships[name] for name in held}
    assert "numpy" in held
    # No silent fall back: what the helper asks for is at most one minor release behind the lock.
    course = lock("course")
    asked = {Requirement(line).name for lines in EXTRAS.values() for line in lines} - {"bioimage-course"}
    for name in (asked & set(resolved)) - set(held):
        found, wanted = Version(resolved[name]).release, Version(course[name]).release
        assert found[0] > wanted[0] or (found[0] == wanted[0] and found[1] >= wanted[1] - 1), (
            f"{name} {resolved[name]} is old; the lock has {course[name]}"
        )
