"""What a notebook's outputs depend on: the modules that it imports, the data and checkpoints that it names.

Nothing is imported: the closure is read from the code. A name taken from a package that loads lazily
(``data.load``) leads to the one module that defines it, so that a change of ``tools/cellpose.py`` concerns
the notebooks that use it and no others.

A data set is named by any string that is its name: it often goes through variables on its way to
``data.load``. A folder of ``weights/`` often has the name of something else, a tool or a word, so that it
counts only where its name is made part of a path: ``shipped.results("race")``, ``WEIGHTS / "race"``,
``"weights/race/results.json"``. A folder inside it is named in the same ways.
"""

import ast
import functools
import hashlib
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from coursebook.project import Project
from coursebook.sources import Source

PACKAGE = "bioimage_course"
NAME = re.compile(r"\w[\w-]*(?:/\w[\w-]*)*(?:\.\w+)?")  # of a data set or of a file in the package
TAKE_FOLDERS = {"results", "verify", "joinpath"}  # functions whose first argument becomes part of a path


def digest(project: Project, source: Source) -> str:
    """Return the sha256 of everything that `source` runs with: lock file, modules, data, checkpoints."""
    found = hashlib.sha256()
    for path in sorted({project.root / "requirements" / "course.lock", *files(project, source)}):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".py":
                content = code(content.decode()).encode()
            found.update(f"{project.relative(path)}\0".encode() + content + b"\0")
    return found.hexdigest()


@functools.lru_cache(maxsize=512)
def code(text: str) -> str:
    """Return Python source without comments, docstrings and empty lines: what results depend on."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            between = slice(first.lineno - 1, first.end_lineno)
            lines[between] = [""] * len(lines[between])
    return "\n".join(line.rstrip() for line in lines if line.strip())


def files(project: Project, source: Source) -> set[Path]:
    """Return the files of the package that the notebook of `source` depends on."""
    package = project.root / "src" / PACKAGE
    reader = _Reader(package)
    reader.read("\n".join(cell.text for cell in source.cells if cell.kind == "code"), "")
    reader.include(f"check.exercises.ch{source.chapter}")  # the checks are found by name, not imported
    registered = {package / "data" / "registry" / f"{word}.json" for word in reader.words}
    named = {package / word for word in reader.words} | set(_shipped(package / "weights", reader.places()))
    found = reader.files | registered | named
    return {path for path in found if path.is_file() and "__pycache__" not in path.parts}


def _shipped(folder: Path, places: set[str]) -> Iterator[Path]:
    """Yield the files of the folders in `folder` that `places` names, and of named folders inside them."""
    for inside in (folder / place for place in places):
        if inside.is_dir():
            yield from inside.iterdir()
            yield from _shipped(inside, places)


@functools.lru_cache(maxsize=512)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@functools.lru_cache(maxsize=512)
def _places(text: str) -> dict[str, set[str]]:
    """Return constant of a module -> the parts of its path; under "" those of all other code."""
    found: dict[str, set[str]] = defaultdict(set)
    for statement in _parsed(text).body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        found[target.id if isinstance(target, ast.Name) else ""] |= _path_parts(statement)
    return found


def _path_parts(tree: ast.AST) -> set[str]:
    """Return the strings that are joined onto a path or taken for a folder, part by part."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found.add(node.right)
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found |= {node.args[0]} if name in TAKE_FOLDERS else set()
        elif isinstance(node, ast.Constant) and str(node.value).startswith("weights/"):
            found.add(node)
    texts = (node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {part for text in texts for part in text.split("/") if NAME.fullmatch(part)}


@functools.lru_cache(maxsize=512)
def _names_read(text: str) -> set[str]:
    """Return every name that some code reads, as a variable, an attribute or by an import."""
    found = set()
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


class _Reader:
    """Follows imports through the package; `files` are its modules, `words` all names in their strings."""

    def __init__(self, package: Path):
        self.package = package
        self.files: set[Path] = set()
        self.words: set[str] = set()
        self._places: dict[str, set[str]] = defaultdict(set)
        self._used: set[str] = {""}

    def places(self) -> set[str]:
        """Return all names that are made part of a path; for a module's constant, only if it is used."""
        return set().union(*(places for name, places in self._places.items() if name in self._used))

    def include(self, module: str) -> None:
        """Add a module (dotted, from the package) and everything that it imports."""
        path = self._file(module)
        if path is not None and path not in self.files:
            self.files.add(path)
            self.read(path.read_text(encoding="utf-8"), module)

    def read(self, text: str, module: str) -> None:
        """Follow the imports of some code that stands in `module` (empty: in a notebook)."""
        tree = _parsed(text)
        modules = self._imported(tree, module)
        for name, parts in _places(text).items():
            self._places[name] |= parts
        self._used |= _names_read(text)
        bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                self.words.add(node.value)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in modules:
                    self._take(modules[node.value.id], node.attr)
            elif isinstance(node, ast.Name) and node.id in modules and id(node) not in bases:
                for name in self._lazy(modules[node.id]).values():  # handed on whole: all of it may be used
                    self.include(name)

    def _imported(self, tree: ast.Module, module: str) -> dict[str, str]:
        """Include what is imported; return the names that stand for modules of the package."""
        names = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == PACKAGE:
                        self.include(alias.name.partition(".")[2])
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node, module)
                if base is None:
                    continue
                for alias in node.names:
                    target = self._take(base, alias.name)
                    if target is not None:
                        names[alias.asname or alias.name] = target
        return names

    def _base(self, node: ast.ImportFrom, module: str) -> str | None:
        """Return the module that an import takes names from, or None if it is none of ours."""
        if node.level:
            inside = module.split(".") if module else []
            if not self._is_package(module):
                inside = inside[:-1]
            kept = inside[: len(inside) - node.level + 1]
            return ".".join([*kept, *(node.module or "").split(".")]).strip(".")
        first, _, rest = (node.module or "").partition(".")
        return rest if first == PACKAGE else None

    def _take(self, module: str, name: str) -> str | None:
        """Include what `name` in `module` leads to; return it if it is a module itself."""
        self.include(module)
        inner = f"{module}.{name}".strip(".")
        if self._file(inner) is not None:
            self.include(inner)
            return inner
        lazy = self._lazy(module).get(name)
        if lazy:
            self.include(lazy)
        return None

    def _is_package(self, module: str) -> bool:
        return (self.package.joinpath(*module.split(".")) / "__init__.py").is_file()

    def _file(self, module: str) -> Path | None:
        place = self.package.joinpath(*module.split(".")) if module else self.package
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
        return None

    def _lazy(self, module: str) -> dict[str, str]:
        """Return name -> defining module for what a package loads lazily."""
        path = self._file(module)
        found: dict[str, str] = {}
        if path is None or path.name != "__init__.py":
            return found
        for node in ast.walk(_parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "submodules":
                found |= {name: f"{module}.{name}".strip(".") for name in ast.literal_eval(node.value)}
            elif isinstance(node, ast.keyword) and node.arg == "submod_attrs":
                for inner, names in ast.literal_eval(node.value).items():
                    found |= {name: f"{module}.{inner}".strip(".") for name in names}
        return found
