"""Find a `...` that a starter left for the learner and that is still there."""

import ast
import inspect
import textwrap

_DEEPEST = 4


def inside(values, depth=_DEEPEST):
    """Whether a `...` stands among values, or in their lists, tuples and dictionaries."""
    for value in values:
        if value is ...:
            return True
        parts = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
        if depth and inside(parts, depth - 1):
            return True
    return False


def find(values):
    """Words for the place of a `...` in functions and classes among the values; None without one.

    A `...` between square brackets (``image[..., 0]``) is an index and does not count. Code whose text
    is not at hand counts as complete.
    """
    for value in values:
        if inspect.isfunction(value) or inspect.isclass(value):
            line = _line(value)
            if line:
                return f"in {value.__name__} (`{line}`)"
    return None


def blamed(error, frame):
    """Words for the place of a `...` that an exception speaks of, where the text is not at hand."""
    if frame is None or not isinstance(error, TypeError | AttributeError) or "ellipsis" not in str(error):
        return None
    name = frame.tb_frame.f_code.co_name
    return "in your code" if name.startswith("<") else f"in {name}"


def _line(thing):
    try:
        lines = textwrap.dedent(inspect.getsource(thing)).splitlines()
        tree = ast.parse("\n".join(lines))
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return None
    indices = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    allowed = {part for index in indices for part in (index, *getattr(index, "elts", ()))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value is ... and node not in allowed:
            return lines[node.lineno - 1].partition("#")[0].strip()
    return None
