"""Run an exercise's cells without running the whole notebook before them."""

import ast

from coursebook.sources import Source, defined_names, python


class Workbench(dict):
    """Names of a notebook; one that a cell before the exercise makes is made when it is first used.

    An exercise may use what the notebook has shown so far (a function, an image), but need not wait
    for all that was computed there.

    Attributes
    ----------
    made : list of str
        Names that were made because somebody asked for them, in order.
    """

    def __init__(self, source: Source, exercise: str):
        super().__init__(__name__="__main__", display=lambda *objects: None)
        self.source, self.exercise, self.made = source, exercise, []
        first = min(cell.position for cell in source.cells if cell.exercise == exercise)
        before = (cell for cell in source.cells if cell.kind == "code" and cell.position < first)
        self._before = [cell for cell in before if not cell.exercise]
        self._there = set().union(
            *map(defined_names, self._before)
        )  # first: a setup cell may ask for built-in names
        for cell in self._before:
            if "setup" in cell.tags:
                self.run(cell)

    def __missing__(self, name):
        if name not in self._there:  # a built-in function, asked for a million times by a training loop
            raise KeyError(name)
        for cell in reversed(self._before):
            if name in defined_names(cell):
                self._before.remove(cell)
                self.run(cell)
                self.made.append(name)
                return self[name]
        raise KeyError(name)

    def run(self, cell):
        """Execute a cell."""
        self.run_text(python(cell), f"<{cell.exercise or 'cell'}>")

    def run_text(self, text: str, name: str = "<cell>"):
        """Execute Python code."""
        exec(compile(text, name, "exec"), self)

    def cells(self, role: str) -> list:
        """Return the exercise's cells with this tag."""
        return [cell for cell in self.source.cells if cell.exercise == self.exercise and role in cell.tags]

    def arguments(self) -> list:
        """What the check cell hands to the check, by position or by name in the order of its parameters."""
        for cell in self.cells("check"):
            for node in ast.walk(ast.parse(python(cell))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == f"check.{self.exercise}":
                    words = [*node.args, *(named.value for named in node.keywords)]
                    codes = [compile(ast.Expression(word), "<check>", "eval") for word in words]
                    return [eval(code, self) for code in codes]
        raise LookupError(f"no check cell calls check.{self.exercise}")
