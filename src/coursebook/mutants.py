"""``course mutants``: change every exercise's solution a little; its check must notice.

A mutant is a solution with one small change: a comparison shifted, a bound moved by one, an argument
ignored, a line left out ... A mutant that its check still lets pass (a survivor) shows a wrong answer
that learners would be congratulated on, or a variant that is right as well. The latter stand in
``tests/mutants.yml`` with the reason; any other survivor makes the command fail.

Each mutant runs in a process of its own, forked from one in which the chapter's libraries are loaded
already, and is stopped when it takes too long or too much memory.
"""

import argparse
import ast
import contextlib
import copy
import faulthandler
import gc
import importlib
import io
import itertools
import json
import math
import os
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from bioimage_course.errors import InputError
from coursebook import sources
from coursebook.project import Project
from coursebook.workbench import Workbench

LIST = "tests/mutants.yml"
SHORTEST_LIMIT = 3.0  # seconds that every mutant may take; slow checks get ten times what the solution takes
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
MEMORY = 1 << 30  # bytes that a mutant may ask for beyond what the chapter's libraries hold
LIBRARIES = 1 << 34  # and that the solution may ask for, with libraries that only the exercise loads

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
OPERATORS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.FloorDiv: (ast.Div,),
    ast.Div: (ast.Mult,), ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr, ast.BitXor), ast.BitOr: (ast.BitAnd, ast.BitXor),
}  # fmt: skip
ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow, ast.Mod, ast.MatMult)
NAMES = {
    "min": ("max",), "max": ("min",), "minimum": ("maximum",), "maximum": ("minimum",),
    "argmin": ("argmax",), "argmax": ("argmin",), "any": ("all",), "all": ("any",),
    "sum": ("mean",), "mean": ("sum", "median"), "median": ("mean",), "std": ("var",), "var": ("std",),
    "zeros": ("ones",), "zeros_like": ("ones_like",), "cumsum": ("cumprod",),
    "floor": ("ceil",), "ceil": ("floor",), "round": ("int",), "rint": ("floor",),
    "sin": ("cos",), "cos": ("sin",), "log": ("log10",), "log10": ("log", "log2"), "log1p": ("log",),
}  # fmt: skip
COMMUTATIVE = {"min", "max", "minimum", "maximum", "hypot", "corrcoef", "allclose", "array_equal"}
TYPES = {
    "uint8": "int8", "uint16": "uint8", "int64": "int8", "float32": "int32", "float64": "float16",
    "float": "int", "bool": "int", "int": "float",
}  # fmt: skip
SEEDED = {"default_rng", "RandomState", "manual_seed", "seed"}
HELPERS = """
import itertools as _itertools
_fresh = _itertools.count(1000)
_seen = {}
def _first(name, value):
    return _seen.setdefault(name, value) if isinstance(value, (int, float, str, bool, tuple)) else value
def _unseeded(name, value):
    import numpy
    return _seen.setdefault(next(_fresh), numpy.random.default_rng(next(_fresh)))
"""
CONVERSIONS = {"array", "asarray", "list", "tuple", "float", "bool"}


@dataclass(frozen=True)
class Mutant:
    """A solution with one change.

    Attributes
    ----------
    exercise : str
    line : int
        Line of the notebook's source.
    change : str
        The statement before and after, in words.
    code : str
        The whole changed solution.
    """

    exercise: str
    line: int
    change: str
    code: str


# ---------------------------------------------------------------- making them


def mutants(source: sources.Source, exercise: str) -> list[Mutant]:
    """Return all mutants of an exercise's solution; equal texts once, equal words numbered."""
    cells = [cell for cell in source.cells if cell.exercise == exercise and "solution" in cell.tags]
    texts = [ast.unparse(ast.parse(sources.python(cell))) for cell in cells]
    found, seen, words = [], {"\n\n".join(texts)}, Counter()
    checked = [cell for cell in source.cells if cell.exercise == exercise and "check" in cell.tags]
    used = set().union(*(_read(ast.parse(sources.python(cell))) for cell in (*cells, *checked)))
    for number, cell in enumerate(cells):
        for line, change, text in _variants(ast.parse(sources.python(cell)), used):
            code = "\n\n".join([*texts[:number], text, *texts[number + 1 :]])
            if code in seen:
                continue
            seen.add(code)
            words[change] += 1
            again = f" ({words[change]})" if words[change] > 1 else ""
            found.append(Mutant(exercise, cell.line + line - 1, change + again, code))
    return found


def _read(tree: ast.Module) -> set[str]:
    """Names that a cell reads."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def _is_example(statement, used) -> bool:
    """Whether a statement of a cell only makes values, to play with, that nothing else reads."""
    targets = getattr(statement, "targets", ())
    return bool(targets) and all(isinstance(name, ast.Name) and name.id not in used for name in targets)


def _variants(tree: ast.Module, used: set[str]):
    """Yield line, words and text of every change of a tree, which is the same again afterwards."""
    beside = any(isinstance(statement, ast.FunctionDef | ast.ClassDef) for statement in tree.body)
    examples = [statement for statement in tree.body if beside and _is_example(statement, used)]
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for words, first in _parameters(function):
                function.body.insert(0, first)
                yield function.lineno, f"{function.name}: {words}", _text(tree)
                del function.body[0]
    for holder, field, index, node, statement in list(_places(tree)):
        if statement in examples:
            continue
        before = _head(statement)
        for other in _changes(node, holder, field):
            _put(holder, field, index, other)
            after = _head(statement if node is not statement else other)
            after = "(left out)" if isinstance(other, ast.Pass) else after
            yield node.lineno, f"{before} → {after}", _text(tree)
            _put(holder, field, index, node)


def _text(tree: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


def _head(statement: ast.stmt) -> str:
    return _text(statement).splitlines()[0]


def _places(node: ast.AST, statement=None):
    """Yield where each statement and expression hangs, itself, and the statement it stands in."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "ctx") or isinstance(node, ast.JoinedStr):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if isinstance(child, ast.AST):
                inner = child if isinstance(child, ast.stmt) else statement
                if isinstance(child, ast.stmt | ast.expr):
                    yield node, field, index, child, inner
                yield from _places(child, inner)


def _put(holder, field, index, node):
    if index is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[index] = node


def _with(node, **fields):
    """Return a shallow copy of a node with other fields."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _call(name: str, *arguments) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _add(node: ast.expr, number: int) -> ast.expr:
    operator = ast.Add() if number > 0 else ast.Sub()
    return ast.BinOp(node, operator, ast.Constant(abs(number)))


def _parameters(function: ast.FunctionDef):
    """Yield words and a first line that ignores an argument or swaps two."""
    names = [a.arg for a in function.args.args if a.arg != "self"]
    defaults = dict(zip(names[::-1], function.args.defaults[::-1], strict=False))
    for name in names:
        if name in ("rng", "generator"):
            yield f"{name} is another one each time", _assign(name, f"_unseeded({name!r}, {name})")
        else:
            words = f"{name} is ignored, its first value kept"
            yield words, _assign(name, f"_first({function.name + '.' + name!r}, {name})")
        if name in defaults:
            yield f"{name} is ignored, its default kept", _assign(name, ast.unparse(defaults[name]))
    for a, b in itertools.pairwise(names):
        yield f"{a} and {b} are swapped", ast.parse(f"{a}, {b} = ({b}, {a})").body[0]


def _assign(name: str, value: str) -> ast.stmt:
    return ast.parse(f"{name} = {value}").body[0]


def _changes(node: ast.AST, holder: ast.AST, field: str):
    """Yield what may stand in a node's place."""
    for kind, change in CHANGES:
        if isinstance(node, kind):
            yield from change(node, holder, field)


def _statement(node, holder, field):
    kept = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Pass | ast.Nonlocal | ast.Global
    if isinstance(node, kept) or _is_docstring(node):
        return
    if not (isinstance(node, ast.Return) and isinstance(holder, ast.FunctionDef)):
        yield ast.Pass()


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _augmented(node, holder, field):
    for other in OPERATORS.get(type(node.op), ()):
        yield _with(node, op=other())
    yield ast.Assign([node.target], node.value)


def _condition(node, holder, field):
    if not isinstance(node, ast.While):
        yield _with(node, test=ast.Constant(True))
    yield _with(node, test=ast.Constant(False))


def _loop(node, holder, field):
    steps = [ast.Slice(lower=ast.Constant(1)), ast.Slice(upper=ast.Constant(-1))]
    for step in steps:
        yield _with(node, iter=ast.Subscript(_call("list", node.iter), step, ast.Load()))


def _compare(node, holder, field):
    for index, operator in enumerate(node.ops):
        for other in COMPARISONS.get(type(operator), ()):
            yield _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])
    if len(node.ops) > 1:
        yield ast.Compare(node.left, node.ops[:1], node.comparators[:1])
        yield ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])


def _operation(node, holder, field):
    for other in OPERATORS.get(type(node.op), ()):
        yield _with(node, op=other())
    squared = isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Pow) and field == "left"
    sign_is_lost = isinstance(node.op, ast.Sub) and (squared or _name_of(holder) == "abs")
    if isinstance(node.op, ORDERED) and not sign_is_lost:
        yield _with(node, left=node.right, right=node.left)
    yield node.left
    if not isinstance(node.op, ast.Mod | ast.Pow):
        yield node.right


def _choice(node, holder, field):
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for left in _shortened(node.values):
        yield left[0] if len(left) == 1 else _with(node, values=left)


def _unary(node, holder, field):
    yield node.operand


def _either(node, holder, field):
    yield node.body
    yield node.orelse


def _constant(node, holder, field):
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        without = value == 1 and isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Add | ast.Sub)
        if not without:  # x + 0 is x, which is tried anyway
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 or 1.0)
        yield ast.Constant(value / 2)


def _slice(node, holder, field):
    for name in ("lower", "upper"):
        bound = getattr(node, name)
        if bound is not None:
            yield _with(node, **{name: None})
            if not _is_number(bound):  # numbers are moved anyway
                yield from (_with(node, **{name: _add(bound, number)}) for number in (1, -1))
    if node.step is not None:
        yield _with(node, step=None)


def _is_number(node):
    """Whether an expression is a number, or ends with one that is added or subtracted."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node = node.right
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def _sequence(node, holder, field):
    part = "values" if isinstance(node, ast.Dict) else "elts"
    if getattr(holder, "arg", None) in ("axis", "dim"):
        return  # over axes 1 and 2 is over axes 2 and 1
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        yield from (_with(node, **{part: order}) for order in _swapped(getattr(node, part)))


def _swapped(things):
    for index in range(len(things) - 1):
        yield [*things[:index], things[index + 1], things[index], *things[index + 2 :]]


def _shortened(things):
    """Yield the list without each of its things."""
    return ([*things[:index], *things[index + 1 :]] for index in range(len(things)))


def _part(node, holder, field):
    if isinstance(node.ctx, ast.Load):
        yield node.value


def _name(node, holder, field):
    if field == "args" or isinstance(holder, ast.keyword):
        if node.id in TYPES:
            yield ast.Name(TYPES[node.id], ast.Load())
    elif field == "func":
        yield from (ast.Name(other, ast.Load()) for other in NAMES.get(node.id, ()))


def _attribute(node, holder, field):
    yield from (_with(node, attr=other) for other in NAMES.get(node.attr, ()))
    if node.attr in TYPES and field != "func":
        yield _with(node, attr=TYPES[node.attr])
    if node.attr == "T":
        yield node.value


def _calling(node, holder, field):
    name = _name_of(node)
    yield from (_with(node, keywords=left) for left in _shortened(node.keywords))
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    if name in SEEDED and node.args:
        yield _with(node, args=[_call("next", ast.Name("_fresh", ast.Load()))])
    if name not in COMMUTATIVE:
        yield from (_with(node, args=order) for order in _swapped(node.args))
    if len(node.args) > 1:
        yield _with(node, args=node.args[:-1])
    if name == "range" and not _is_number(node.args[-1]):
        yield from (_with(node, args=[*node.args[:-1], _add(node.args[-1], step)]) for step in (1, -1))
    elif isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield node.func.value
    elif node.args and not (
        name in CONVERSIONS or (name == "int" and isinstance(holder, ast.Return | ast.Tuple | ast.Subscript))
    ):
        yield node.args[0]


def _name_of(node):
    """Name of the function that a call calls."""
    function = getattr(node, "func", None)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_module(node):
    names = {"np", "torch", "nn", "math", "ndimage", "filters", "itertools", "metrics", "nets", "tools", "os"}
    return ast.unparse(node).split(".")[0] in names


def _comprehension(node, holder, field):
    for index, part in enumerate(node.generators):
        for shorter in _shortened(part.ifs):
            other = _with(part, ifs=shorter)
            yield _with(node, generators=[*node.generators[:index], other, *node.generators[index + 1 :]])


CHANGES = (
    (ast.stmt, _statement),
    (ast.AugAssign, _augmented),
    (ast.If | ast.While, _condition),
    (ast.For, _loop),
    (ast.Compare, _compare),
    (ast.BinOp, _operation),
    (ast.BoolOp, _choice),
    (ast.UnaryOp, _unary),
    (ast.IfExp, _either),
    (ast.Constant, _constant),
    (ast.Slice, _slice),
    (ast.Tuple | ast.List | ast.Dict, _sequence),
    (ast.Subscript, _part),
    (ast.Name, _name),
    (ast.Attribute, _attribute),
    (ast.Call, _calling),
    (ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, _comprehension),
)


# ---------------------------------------------------------------- running them


class Forge:
    """An exercise with everything loaded that its solution and its check need.

    Parameters
    ----------
    source : Source
    exercise : str

    Attributes
    ----------
    limit : float
        Seconds of the processor that a mutant may take; a busy machine kills none.
    seconds : float
        What the last one took.
    """

    def __init__(self, source, exercise):
        self.source, self.exercise = source, exercise
        self.bench = Workbench(source, exercise)
        self.bench.run_text(HELPERS)
        solution = "\n\n".join(sources.python(cell) for cell in self.bench.cells("solution"))
        for attempt in range(2):  # the first one tells which of the notebook's names are used
            status, made = self._forked(solution, 600, LIBRARIES)
            if status != "passed":
                raise InputError(f"the solution of {exercise} is not right itself: {status}.")
            if not attempt:
                for name in made:
                    self.bench.get(name) or self.bench[name]
                self._warm_up(solution)
        self.limit = max(SHORTEST_LIMIT, 10 * self.seconds)

    def _warm_up(self, solution):
        """Run the solution here on a copy of the names: libraries load much at their first call."""
        bench, self.bench = self.bench, copy.copy(self.bench)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._judge(solution)
        finally:
            self.bench = bench
        gc.collect()
        gc.freeze()

    def try_out(self, code: str) -> str:
        """Return what the check says: "passed", or "failed: why", "open: why", "slow", "crashed".

        "unchanged" means that the argument to be ignored is an array, which no mutant keeps.
        """
        return self._forked(code, self.limit)[0]

    def _forked(self, code, limit, memory=MEMORY):
        """Judge `code` in a forked process; status and the names that it asked the notebook for."""
        reader, writer = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            os.close(reader)
            with contextlib.suppress(BaseException):
                os.setpgid(0, 0)
                _restrict(limit, memory)
                os.write(writer, json.dumps(self._judge(code)).encode())
            os._exit(0)
        os.close(writer)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        ready = select.select([reader], [], [], 20 * limit)[0]  # of the clock, for those that only wait
        answer = os.read(reader, 1 << 16) if ready else b'["slow", []]'
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, ended, used = os.wait4(child, 0)
        os.close(reader)
        self.seconds = used.ru_utime + used.ru_stime
        if not answer:
            answer = b'["slow", []]' if os.WTERMSIG(ended) == signal.SIGXCPU else b'["crashed", []]'
        return json.loads(answer)

    def _judge(self, code):
        _same_chance()
        check = importlib.import_module("bioimage_course.check")
        os.chdir(tempfile.mkdtemp())
        try:
            self.bench.run_text(code)
            arguments = self.bench.arguments()
        except BaseException as error:
            return f"{type(error).__name__} in the solution's cell: {error}"[:500], []
        verdict = check.engine.find(self.exercise).verdict(*arguments)
        status = verdict.status if verdict.passed else f"{verdict.status}: {verdict.message}"
        if verdict.passed and re.search(r"= _(first|unseeded)\(", code) and not self.bench["_seen"]:
            status = "unchanged"  # the argument is an array, which is not kept
        return status, self.bench.made


def _restrict(seconds, memory):
    """Keep a forked process from taking the machine with it."""
    import resource  # not on Windows

    faulthandler.disable()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 5))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory,) * 2)


def _same_chance():
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def _sources(project):
    return [sources.read(project, path) for path in project.source_paths()]


def try_all(project: Project, chapter: str, wanted: list[tuple[str, str]] | None = None) -> list[dict]:
    """Try the mutants of a chapter's exercises, or only those wanted.

    Parameters
    ----------
    project : Project
    chapter : str
    wanted : list of (exercise, change), optional

    Returns
    -------
    list of dict
        ``exercise``, ``line``, ``change``, ``status`` and ``seconds`` of each mutant.
    """
    (source,) = [s for s in _sources(project) if s.chapter == chapter]
    results, here, old = [], os.getcwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory() as tempfile.tempdir:
        os.chdir(tempfile.tempdir)
        try:
            for exercise in source.exercises():
                some = mutants(source, exercise)
                if wanted is not None:
                    some = [mutant for mutant in some if (exercise, mutant.change) in wanted]
                forge = Forge(source, exercise) if some else None
                for mutant in some:
                    status = forge.try_out(mutant.code)
                    entry = {"exercise": exercise, "line": mutant.line, "change": mutant.change}
                    results.append(entry | {"status": status, "seconds": forge.seconds})
        finally:
            os.chdir(here)
            tempfile.tempdir = old
    return results


# ---------------------------------------------------------------- the list of those that are right


@dataclass(frozen=True)
class Entry:
    """Survivors of an exercise that are right, and why; in `change` an ellipsis stands for anything."""

    exercise: str
    change: str
    reason: str

    def covers(self, exercise: str, change: str) -> bool:
        """Whether the entry speaks of this mutant."""
        pattern = ".*".join(map(re.escape, self.change.split("…")))
        return self.exercise == exercise and bool(re.fullmatch(pattern, change))


def listed(project: Project) -> list[Entry]:
    """Return the survivors that are known to be right.

    Raises
    ------
    InputError
        If an entry lacks its change or its reason.
    """
    content = yaml.safe_load((project.root / LIST).read_text(encoding="utf-8")) or {}
    entries = []
    for exercise, items in content.items():
        for item in items:
            if set(item) != {"mutant", "reason"} or not all(str(text).strip() for text in item.values()):
                raise InputError(f"{LIST}: every entry of {exercise} needs `mutant:` and `reason:`.")
            changes = item["mutant"] if isinstance(item["mutant"], list) else [item["mutant"]]
            entries += [Entry(exercise, str(change).strip(), str(item["reason"])) for change in changes]
    return entries


def judge(results: list[dict], entries: list[Entry], everything: bool = True) -> list[str]:
    """Return what is wrong: survivors that nobody listed, and entries that say too much or are not needed.

    Parameters
    ----------
    results : list of dict
        What :func:`try_all` returns.
    entries : list of Entry
    everything : bool
        Whether all mutants of the exercises were tried; from a sample no entry is said to be stale.
    """
    problems = []
    survivors = [r for r in results if r["status"] == "passed"]
    for r in survivors:
        if not any(entry.covers(r["exercise"], r["change"]) for entry in entries):
            where = f"{r['exercise']}, line {r['line']}"
            problems.append(f"{where}: survives, and is not in {LIST}: {r['change']}")
    noticed = [r for r in results if r["status"].startswith("failed")]
    for entry in (entry for entry in entries if "…" in entry.change):
        refused = [r["change"] for r in noticed if entry.covers(r["exercise"], r["change"])]
        if refused:
            too_broad = f"{entry.exercise}: too broad in {LIST}"
            problems.append(f"{too_broad}, its check notices this one: {refused[0]}")
    tried = {r["exercise"] for r in results}
    for entry in entries if everything else ():
        if entry.exercise in tried and not any(entry.covers(r["exercise"], r["change"]) for r in survivors):
            problems.append(f"{entry.exercise}: stale in {LIST}, no survivor looks like this: {entry.change}")
    return problems


def sample(project: Project, each: int, seed: int = 0) -> dict[str, list[tuple[str, str]]]:
    """Draw some mutants of every exercise, the same ones for the same sources.

    Returns
    -------
    dict
        Chapter -> list of (exercise, change).
    """
    drawn = {}
    for source in _sources(project):
        for exercise in source.exercises():
            changes = [(exercise, mutant.change) for mutant in mutants(source, exercise)]
            rng = random.Random(f"{seed} {exercise}")
            drawn.setdefault(source.chapter, []).extend(rng.sample(changes, min(each, len(changes))))
    return drawn


def in_a_process(project: Project, chapter: str, wanted=None) -> list[dict]:
    """Like :func:`try_all`, in a fresh Python that has one thread and no other library loaded."""
    environment = os.environ | dict.fromkeys(THREADS, "1") | {"MPLBACKEND": "Agg", "TF_USE_LEGACY_KERAS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        environment["BIOIMAGE_COURSE_PROGRESS"] = str(Path(folder) / "progress.json")
        question, answer = Path(folder) / "question.json", Path(folder) / "answer.json"
        question.write_text(json.dumps([str(project.root), chapter, wanted]), encoding="utf-8")
        command = [sys.executable, "-m", "coursebook.mutants", str(question), str(answer)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise InputError(f"chapter {chapter}: {done.stderr.strip().splitlines()[-1]}")
        return json.loads(answer.read_text(encoding="utf-8"))


def _answer(question: str, answer: str):
    root, chapter, wanted = json.loads(Path(question).read_text(encoding="utf-8"))
    wanted = None if wanted is None else set(map(tuple, wanted))
    Path(answer).write_text(json.dumps(try_all(Project(Path(root)), chapter, wanted)), encoding="utf-8")


# ---------------------------------------------------------------- the command


def main(argv: list[str] | None = None) -> int:
    """Try the mutants, print a line a chapter and everything that is wrong; 1 if something is."""
    parser = argparse.ArgumentParser(prog="course mutants", description=__doc__.partition("\n\n")[0])
    only = "a chapter or an exercise"
    parser.add_argument("--only", action="append", default=[], metavar="NN|NAME", help=only)
    parser.add_argument("--all-lines", action="store_true", help="show the killed mutants too")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="chapters at a time")
    options = parser.parse_args(argv)
    if not hasattr(os, "fork"):
        raise InputError("mutants are tried in forked processes, which this system does not have.")
    project = Project.find()
    chapters = _chosen(project, options.only)
    entries, problems = listed(project), []
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        tried = pool.map(lambda item: in_a_process(project, *item), chapters.items())
        for chapter, results in zip(chapters, tried, strict=True):
            print(_summary(chapter, results, entries), flush=True)
            problems += judge(results, entries)
            for r in results:
                if options.all_lines:
                    print(f"  {r['exercise']}, line {r['line']}: {r['change']}\n      {r['status']}")
    for problem in problems:
        print(problem)
    if any("survives" in problem for problem in problems):
        print(f"\nKill a survivor by one more case in its check, or, if it is right, list it in {LIST}:")
        print("exercise:\n- mutant: 'the change as printed'  # … stands for anything")
        print("  reason: why it is right")
    return bool(problems)


def _chosen(project: Project, only: list[str]) -> dict[str, list | None]:
    """Chapter -> its chosen mutants, or None for all."""
    found, known = {}, set()
    for source in _sources(project):
        known |= {source.chapter, *source.exercises()}
        if not only or source.chapter in only:
            found[source.chapter] = None
            continue
        names = [name for name in source.exercises() if name in only]
        if names:
            found[source.chapter] = [(name, m.change) for name in names for m in mutants(source, name)]
    for name in only:
        if name not in known:
            raise InputError(f"there is no chapter and no exercise {name!r}.")
    return found


def _summary(chapter, results, entries):
    results = [r for r in results if r["status"] != "unchanged"]
    counts = Counter(r["status"].partition(":")[0] for r in results)
    survivors = [r for r in results if r["status"] == "passed"]
    right = sum(any(entry.covers(r["exercise"], r["change"]) for entry in entries) for r in survivors)
    return (
        f"chapter {chapter}: {len(results)} mutants, {len(results) - len(survivors)} killed "
        f"({counts['slow']} too slow, {counts['crashed']} crashed), {right} survivors listed, "
        f"{len(survivors) - right} not; {sum(r['seconds'] for r in results):.0f} s"
    )


if __name__ == "__main__":
    _answer(*sys.argv[1:])
