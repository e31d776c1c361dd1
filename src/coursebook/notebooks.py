"""Make the notebooks from their sources.

One source gives two notebooks:

``notebooks/NN-topic.ipynb``
    the learner's copy: without the cells tagged ``solution``, without outputs, with the
    learner's progress and the quiz at the end;
``notebooks/solutions/NN-topic.ipynb``
    without the cells tagged ``exercise``, executed, outputs saved. Pages embed its outputs.

Both are pure functions of the source and of ``_quarto.yml``; cell ids come from label or
position and nothing that changes from run to run is stored, so that making a notebook again
changes nothing that did not change. Only the executor (:mod:`coursebook.execute`) adds outputs;
:mod:`coursebook.build` runs both.
"""

import hashlib
import json
import re

import nbformat
from nbformat import v4

from coursebook import colab
from coursebook.project import LICENCES, Project
from coursebook.sources import Cell, Source

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CLAIM_HASH = re.compile(r'"[0-9a-f]{6}"')
COLAB_COMMENT = "# On Google Colab this installs what the chapter needs; anywhere else it does nothing."


# ---------------------------------------------------------------- the two copies


def learner_file(source: Source) -> str:
    """Return the path of the learner's copy, relative to the root."""
    return f"notebooks/{source.name}.ipynb"


def solution_file(source: Source) -> str:
    """Return the path of the notebook with solutions, relative to the root."""
    return f"notebooks/solutions/{source.name}.ipynb"


def learner_notebook(project: Project, source: Source) -> nbformat.NotebookNode:
    """Make the learner's copy: exercises, no solutions, no outputs."""
    cells = [*_front(project, source, solutions=False)]
    cells += [_cell(source, cell) for cell in source.cells if "solution" not in cell.tags]
    return _notebook(source, cells + _end(source))


def solution_notebook(project: Project, source: Source) -> nbformat.NotebookNode:
    """Make the notebook with solutions, not executed yet."""
    cells = [*_front(project, source, solutions=True)]
    cells += [_cell(source, cell) for cell in executed_cells(source)]
    return _notebook(source, cells)


def executed_cells(source: Source) -> list[Cell]:
    """Return the cells of the notebook with solutions."""
    return [cell for cell in source.cells if "exercise" not in cell.tags]


def _notebook(source: Source, cells: list) -> nbformat.NotebookNode:
    metadata: dict = dict(METADATA)
    if source.needs:  # notebooks/conftest.py reads here which sets the kernel may see
        metadata["course"] = {"needs": source.needs}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    notebook = nbformat.from_dict(content)
    nbformat.validate(notebook)
    return notebook


def _new(kind: str, text: str, name: str, metadata: dict | None = None) -> dict:
    """Make a cell; nbformat's own functions would check each one, and the whole is checked anyway."""
    cell = {"cell_type": kind, "source": text, "id": name, "metadata": metadata or {}}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _cell(source: Source, cell: Cell) -> dict:
    """Make a notebook cell whose id says where it comes from."""
    metadata: dict = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if cell.exercise:
        metadata["exercise"] = cell.exercise
    if "hide-input" in cell.tags:  # JupyterLab and Colab fold the code, a click unfolds it
        metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return _new(cell.kind, cell.text, cell_id(source, cell), metadata)


def cell_id(source: Source, cell: Cell) -> str:
    """Return the cell's id in both notebooks: its label, or chapter and position."""
    return cell.label or f"{source.chapter}-cell-{cell.position:03}"


def _front(project: Project, source: Source, solutions: bool):
    """Make title, links, licence line and the set-up cell for Colab."""
    file = solution_file(source) if solutions else learner_file(source)
    other = learner_file(source) if solutions else solution_file(source)
    links = [
        f"[Open in Colab]({project.colab_url(file)})",
        f"[Read the chapter]({project.site_url}/book/{source.name}.html)",
        f"[{'Notebook without solutions' if solutions else 'Solutions'}]({project.file_url(other)})",
    ]
    title = f"# {source.title}{': solutions' if solutions else ''}"
    licence = f"*A notebook of [{project.title}]({project.site_url}). {LICENCES}*"
    text = "\n\n".join([title, " · ".join(links), licence])
    yield _new("markdown", text, f"{source.chapter}-title")
    yield _new("code", _colab_code(project, source), f"{source.chapter}-colab", {"tags": ["setup"]})


def _colab_code(project: Project, source: Source) -> str:
    command = colab.setup_command(source.header["extra"], project.repo_url)
    lines = "\n".join(f"    {line}".rstrip() for line in command.strip().splitlines())
    return f'{COLAB_COMMENT}\nimport sys\n\nif "google.colab" in sys.modules:\n{lines}'


def _end(source: Source) -> list:
    """Make the learner's last cells: progress and quiz."""
    chapter = source.chapter
    progress = "from bioimage_course import check\n\ncheck.progress()"
    return [
        _new("markdown", "## How far you are, and a quiz", f"{chapter}-end"),
        _new("code", progress, f"{chapter}-progress", {"tags": ["progress"]}),
        _new("code", f'check.quiz("{chapter}")', f"{chapter}-quiz", {"tags": ["widget"]}),
    ]


# ---------------------------------------------------------------- files


def to_text(notebook: nbformat.NotebookNode) -> str:
    """Return the notebook as JSON with sorted keys and one newline at the end."""
    return v4.writes(notebook).rstrip("\n") + "\n"


def stored(project: Project, file: str) -> nbformat.NotebookNode | None:
    """Return the notebook stored at `file`, or None if there is none."""
    path = project.root / file
    return v4.reads(path.read_text(encoding="utf-8")) if path.is_file() else None


def cells_hash(source: Source) -> str:
    """Return the sha256 of what the notebook with solutions executes: code, tags and needs."""
    cells = [[_code(c.text, c.tags), c.tags] for c in executed_cells(source) if c.kind == "code"]
    return hashlib.sha256(json.dumps([cells, source.needs]).encode()).hexdigest()


def with_outputs(fresh, executed) -> nbformat.NotebookNode | None:
    """Give the notebook `fresh` the outputs of `executed`.

    Returns
    -------
    NotebookNode or None
        None if the code cells of the two differ, so that the outputs would be those of other code.
    """
    if len(code_cells(fresh)) != len(code_cells(executed)):
        return None
    pairs = list(zip(code_cells(fresh), code_cells(executed), strict=True))
    # the set-up cell for Colab names the repository's address: it may change, it has no output
    if any(_code_of(a) != _code_of(b) and not a.id.endswith("-colab") for a, b in pairs):
        return None
    for a, b in pairs:
        a.outputs, a.execution_count = b.outputs, b.execution_count
    return fresh


def _code_of(cell) -> str:
    return _code(cell.source, cell.metadata.get("tags", ()))


def _code(text: str, tags) -> str:
    """Return a cell's code without what changes no output: the hashes of claimed sentences."""
    return CLAIM_HASH.sub('"', text) if "claims" in tags else text


def code_cells(notebook: nbformat.NotebookNode) -> list:
    """Return the notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def expected(project: Project, all_sources: list[Source]) -> dict[str, str]:
    """Return what the generated notebooks must hold: file -> text.

    A notebook with solutions is expected only where its stored outputs belong to the source's
    code; otherwise it has to be executed, which this function does not do.
    """
    texts = {}
    for source in all_sources:
        texts[learner_file(source)] = to_text(learner_notebook(project, source))
        executed = stored(project, solution_file(source))
        if executed is None:
            continue
        notebook = with_outputs(solution_notebook(project, source), executed)
        if notebook is not None:
            texts[solution_file(source)] = to_text(notebook)
    return texts
