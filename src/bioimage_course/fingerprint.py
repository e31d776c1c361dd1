"""Are two functions, models or images the same? Answered by their content, also in another process.

A name is not enough: an edited function keeps its name, and so does a network with other weights. What a
function *is* are its code and constants, its defaults, the variables it takes from around it, the helpers it
calls, and the arguments that `functools.partial` has bound to it. Installed libraries count by their version.
Locks, open files and the like have no content and count by their type.
"""

import dis
import functools
import hashlib
import importlib.metadata
import inspect
import os
import pathlib
import sys
import sysconfig
import types

import numpy as np

PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...))
BUILT_IN = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    np.ufunc,
)
DULL = {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}


def digest(value) -> str:
    """A short text that is the same for the same content and differs for another.

    Parameters
    ----------
    value : object
        Array, function, model, container of such, or any object that can be pickled.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return _Walk().digest(value).hex()


def parts(function) -> dict[str, str]:
    """The digests of what makes up a function: its code, and everything it brings with it, by name.

    Parameters
    ----------
    function : callable
        A function, a method, a ``functools.partial`` of one, or an object that can be called.

    Returns
    -------
    dict
        ``"code"``, ``"argument threshold"``, ``"default sigma"``; outer variables and attributes by name.
    """
    found = {}
    while isinstance(function, functools.partial):
        named = dict(enumerate(function.args, start=1)) | function.keywords
        found = {f"argument {name}": value for name, value in named.items()} | found
        function = function.func
    if isinstance(function, types.MethodType):
        found |= _attributes(function.__self__)
        function = function.__func__
    elif not isinstance(function, (types.FunctionType, type, *BUILT_IN)):
        found |= _attributes(function)
        function = type(function)
    if isinstance(function, types.FunctionType):
        found |= _surroundings(function)
        code = (function.__module__, function.__qualname__, function.__code__)
    else:
        code = function
    return {name: digest(value) for name, value in {"code": code, **found}.items()}


def kept(load):
    """Decorator: keep the models that a function loads, and load one anew once somebody has changed it.

    Whoever has changed a model keeps it; the next who asks gets the one that was published. Otherwise a
    fine-tuned network or another threshold would silently answer for the original.

    Parameters
    ----------
    load : callable
        Returns a model; its arguments can be hashed.

    Returns
    -------
    callable
        With ``cache_clear``, as `functools.lru_cache` has it. The last two models are kept.
    """
    models = {}

    @functools.wraps(load)
    def loaded(*args, **settings):
        call = inspect.signature(load).bind(*args, **settings)
        call.apply_defaults()
        key = tuple(call.arguments.values())
        if key not in models or digest(models[key][0]) != models[key][1]:
            models.pop(key, None)
            model = load(*args, **settings)
            models[key] = model, digest(model)
            while len(models) > 2:
                del models[next(iter(models))]
        return models[key][0]

    loaded.cache_clear = models.clear
    return loaded


def files(folder) -> str:
    """Digest of names, sizes and times of all files of a folder: the same if nobody has written there."""
    rows = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            status, name = os.stat(path), os.path.relpath(path, folder)
            rows.append(f"{name} {status.st_size} {status.st_mtime_ns} {status.st_ino}")
    return _mix(*sorted(rows)).hex()


# ---------------------------------------------------------------- how


def _mix(*items) -> bytes:
    mixed = hashlib.blake2b(digest_size=16)
    for item in items:
        item = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
        mixed.update(len(item).to_bytes(8, "little"))
        mixed.update(item)
    return mixed.digest()


class _Walk:
    """One pass through an object and what it holds; each is looked at once, circles are cut."""

    def __init__(self):
        self.known, self.alive = {}, []

    def digest(self, value) -> bytes:
        if type(value) in PLAIN:
            return _mix(type(value).__name__, repr(value))
        if id(value) not in self.known:
            self.alive.append(value)  # else its id could be given to another
            self.known[id(value)] = _mix("circle")
            self.known[id(value)] = self._content(value)
        return self.known[id(value)]

    def _all(self, kind, values) -> bytes:
        return _mix(kind, *(self.digest(v) for v in values))

    def _content(self, value) -> bytes:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic | np.dtype):
            return _mix(kind, str(getattr(value, "dtype", value)), repr(value))
        if isinstance(value, pathlib.PurePath):
            return _mix(kind, str(value))
        if isinstance(value, types.ModuleType):
            return _mix(kind, value.__name__, _version(value.__name__, getattr(value, "__file__", None)))
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, BUILT_IN):
            name = getattr(value, "__qualname__", repr(value))
            return _mix(kind, str(getattr(value, "__module__", "")), name)
        if isinstance(value, types.MethodType):
            return self._all(kind, [value.__func__, value.__self__])
        if isinstance(value, functools.partial):
            return self._all(kind, [value.func, value.args, value.keywords])
        if isinstance(value, dict):
            items = sorted((self.digest(k), self.digest(v)) for k, v in value.items())
            return _mix(kind, *(part for item in items for part in item))
        if isinstance(value, set | frozenset):
            return _mix(kind, *sorted(self.digest(v) for v in value))
        if isinstance(value, list | tuple):
            return self._all(kind, value)
        return self._object(value, kind)

    def _array(self, array) -> bytes:
        kind = (type(array).__qualname__, array.dtype.str, str(array.shape))
        if isinstance(array, np.ma.MaskedArray):
            return self._all("masked", [array.data.view(np.ndarray), np.ma.getmaskarray(array)])
        if array.dtype.names:  # between the fields there may be bytes without a meaning
            return _mix(*kind, *(self.digest(np.asarray(array[name])) for name in array.dtype.names))
        if array.dtype.hasobject:
            return _mix(*kind, *(self.digest(v) for v in array.ravel().tolist()))
        return _mix(*kind, memoryview(np.ascontiguousarray(array)).cast("B") if array.size else b"")

    def _code(self, code) -> bytes:
        """Without file, line numbers and names of local variables: they change nothing."""
        numbers = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        exceptions = getattr(code, "co_exceptiontable", b"")
        names, values = self.digest(code.co_names), self.digest(code.co_consts)
        return _mix("code", str(numbers), code.co_code, exceptions, names, values)

    def _function(self, function) -> bytes:
        own = (function.__qualname__, function.__code__)
        return _mix("function", self.digest(own), self.digest(_surroundings(function)))

    def _class(self, kind) -> bytes:
        name = f"{kind.__module__}.{kind.__qualname__}"
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if kind.__module__ != "__main__" and (kind.__module__ == "builtins" or (file and _installed(file))):
            return _mix("class", name, _version(kind.__module__, file))
        own = {k: v for k, v in vars(kind).items() if k not in DULL and not k.startswith("_abc_")}
        return _mix("class", name, self.digest(kind.__bases__), self.digest(own))

    def _object(self, value, kind) -> bytes:
        inside = getattr(value, "__dict__", {})
        if hasattr(value, "__wrapped__"):  # a cache around a function, for example
            return _mix(kind, self.digest(value.__wrapped__))
        if kind.startswith("torch.") and hasattr(value, "detach"):
            return self._tensor(value)
        if hasattr(value, "state_dict") and hasattr(value, "modules"):  # torch.nn.Module
            classes = sorted({type(m) for m in value.modules()}, key=lambda c: (c.__module__, c.__qualname__))
            told = (classes, dict(value.state_dict()), inside.get("card"))
            return _mix(kind, repr(value), *(self.digest(v) for v in told))
        if _is_keras(value):
            return _mix(kind, self.digest(value.get_weights()))
        networks = {k: v for k, v in inside.items() if hasattr(v, "state_dict") or _is_keras(v)}
        if networks:  # StarDist2D, CellposeModel, SamPredictor: what else they hold changes while they work
            settings = [getattr(value, name, None) for name in ("config", "thresholds")]
            return _mix(kind, self.digest(networks), self.digest(settings))
        if kind.startswith("zarr.") and hasattr(value, "chunks"):
            return _mix(kind, *(self.digest(v) for v in (str(value.store_path), value.shape, stamp(value))))
        if kind.startswith("dask.") and hasattr(value, "dask"):
            from dask.base import tokenize

            return _mix(kind, tokenize(value))
        if isinstance(value, staticmethod | classmethod):
            return _mix(kind, self.digest(value.__func__))
        if isinstance(value, property):
            return self._all(kind, [value.fget, value.fset])
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # a lock, an open file, …
            return _mix(kind)
        if isinstance(reduced, str):
            return _mix(kind, reduced)
        listed = [list(part) if hasattr(part, "__next__") else part for part in reduced]
        return self._all(kind, listed)

    def _tensor(self, tensor) -> bytes:
        import torch

        flat = tensor.detach().cpu().contiguous().reshape(-1)
        pixels = flat.view(torch.uint8).numpy() if flat.numel() else np.zeros(0, np.uint8)
        return _mix("tensor", str(tensor.dtype), str(tuple(tensor.shape)), self.digest(pixels))


def stamp(image) -> str | None:
    """Digest of the files of a Zarr array on this computer; None for any other image."""
    root = getattr(getattr(image, "store", None), "root", None)
    folder = pathlib.Path(root) / getattr(image, "path", "") if isinstance(root, str | os.PathLike) else None
    return files(folder) if folder is not None and folder.is_dir() else None


def _is_keras(value) -> bool:
    return hasattr(value, "get_weights") and hasattr(value, "layers")


def _attributes(thing) -> dict:
    own = getattr(thing, "__dict__", {})
    return {f"self.{name}": value for name, value in own.items()} or {"self": thing}


def _surroundings(function) -> dict:
    """What a function uses besides its arguments: defaults, outer variables, and names of its module."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    found = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    found = {f"default {name}": value for name, value in (found | (function.__kwdefaults__ or {})).items()}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not given yet
            found[name] = None
    if not _installed(function.__code__.co_filename):
        outer = function.__globals__
        found |= {name: outer[name] for name in sorted(_global_names(function.__code__)) if name in outer}
    return found


def _global_names(code) -> set:
    """Names that a function looks up in its module, also inside of functions that it defines."""
    steps = dis.get_instructions(code)
    found = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_global_names(c) for c in code.co_consts if isinstance(c, types.CodeType)))


@functools.lru_cache
def _installed(file: str) -> bool:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    place = pathlib.Path(file)
    return "site-packages" in place.parts or any(place.is_relative_to(folder) for folder in folders)


def _version(module: str, file) -> str:
    """The version of an installed library, or what is written in the file of any other module."""
    if file and not _installed(file):
        try:
            return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
        except OSError:  # inside an archive, or deleted since
            return ""
    top = module.partition(".")[0]
    try:
        return str(getattr(sys.modules.get(top), "__version__", None) or importlib.metadata.version(top))
    except importlib.metadata.PackageNotFoundError:
        return sys.version if top in sys.stdlib_module_names else ""
