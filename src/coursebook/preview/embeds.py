"""Executed notebook cells as Markdown: what ``{{< embed notebook.ipynb#label >}}`` stands for.

As in Quarto an embed shows the cell's saved outputs, and its code only with ``echo=true``. Outputs
that make Quarto load scripts from a CDN (HTML tables, widgets) are refused.
"""

import base64
import functools
import json
import re
from pathlib import Path, PurePosixPath

import yaml

from ..addresses import resolve

PICTURES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
# What makes Quarto load scripts from a CDN, wherever it stands in a notebook that a page embeds from.
ACTIVE = ("application/vnd.jupyter.widget-view+json", "application/javascript", "text/html")


def active_outputs(cell: dict) -> set[str]:
    """Return the kinds of saved output of a cell that would make Quarto's pages need a network."""
    return {kind for output in cell.get("outputs", []) for kind in output.get("data", {})} & set(ACTIVE)


class EmbedError(ValueError):
    """An embed cannot be resolved."""


@functools.lru_cache(maxsize=32)
def _cells(path: Path, modified: float) -> list[dict]:
    """Return a notebook's cells (format 4). Reading JSON; importing nbformat alone takes seconds."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if notebook.get("nbformat") != 4:
        raise EmbedError(f"{path.name} is not a notebook of format 4.")
    for cell in notebook["cells"]:
        if active_outputs(cell):
            raise EmbedError(
                f"the cell {cell.get('id')} of {path.name} saved a widget or HTML, for which Quarto loads "
                "scripts from the network, even where another cell is embedded."
            )
    return notebook["cells"]


def _joined(text: str | list[str]) -> str:
    """Return a text that a notebook may store as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def options(source: str) -> dict:
    """Return the ``#| key: value`` options at the top of a cell."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("#|"):
            break
        lines.append(line[2:].removeprefix(" "))
    try:
        found = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        raise EmbedError(f"the `#|` lines of a cell are not valid YAML: {error}") from None
    return found if isinstance(found, dict) else {}


def markdown(root: Path, page: str, target: str, arguments: list[str]) -> tuple[str, dict[str, bytes]]:
    """Return the Markdown of an embed on `page` and the picture files that it names.

    Parameters
    ----------
    root : Path
        The project's folder.
    page : str
        Path of the page from `root`; the notebook and the pictures are named relative to it.
    target : str
        ``notebook.ipynb#label`` (several labels separated by commas).
    arguments : list of str
        ``["echo=true"]`` or nothing.

    Raises
    ------
    EmbedError
        No such notebook or cell, nothing to show, a figure without caption or alt text, or an output
        that cannot be shown without a network.
    """
    name, _, labels = target.partition("#")
    if not labels:
        raise EmbedError(f"name the cell to embed: {name}#label.")
    unknown = [a for a in arguments if a not in ("echo=true", "echo=false")]
    if unknown:
        raise EmbedError(f"unknown option {unknown[0]!r} of embed; known is echo=true.")
    path = resolve(page, name)
    if path is None or not (root / path).is_file():
        raise EmbedError(f"there is no notebook {name} (from {page}).")
    cells = _cells(root / path, (root / path).stat().st_mtime)
    files: dict[str, bytes] = {}
    parts = [
        _cell(cells, name, label.strip(), "echo=true" in arguments, page, files)
        for label in labels.split(",")
    ]
    return "\n".join(parts), files


def _cell(cells, name, label, echo, page, files) -> str:
    for cell in cells:
        source = _joined(cell["source"])
        settings = options(source) if cell["cell_type"] == "code" else {}
        names = (settings.get("label"), cell.get("id"), *cell.get("metadata", {}).get("tags", []))
        if label in names:
            break
    else:
        raise EmbedError(f"{name} has no cell labelled {label!r}.")
    if cell["cell_type"] != "code":
        return f"\n{source}\n"

    kind = label.split("-")[0]
    folder = PurePosixPath(page).stem + "_files"
    blocks, pictures = [], []
    if echo:
        blocks.append(_code(source, settings))
    tables = []
    for number, output in enumerate(cell.get("outputs", []), 1):
        if output["output_type"] == "error":
            raise EmbedError(f"the cell {label!r} of {name} ended with an error: {output.get('ename')}.")
        if output["output_type"] == "stream":
            blocks.append(_text(_joined(output["text"]), f"cell-output-{output['name']}"))
            continue
        data = output.get("data", {})
        picture = next((mime for mime in PICTURES if mime in data), None)
        if "text/markdown" in data:
            block = _div("cell-output-markdown", _joined(data["text/markdown"]))
            (tables if kind == "tbl" else blocks).append(block)
        elif picture:
            file = f"{folder}/{label}-{number}.{PICTURES[picture]}"
            content = _joined(data[picture])
            raw = content.encode() if picture == "image/svg+xml" else base64.b64decode(content)
            files[str(PurePosixPath(page).parent / file)] = raw
            pictures.append((file, output.get("metadata", {}).get(picture, {})))
        elif "text/plain" in data:
            blocks.append(_text(_joined(data["text/plain"]), "cell-output-display"))
    if pictures:
        blocks.append(_figure(label, name, settings, pictures))
    if tables:
        caption = settings.get("tbl-cap")
        if not caption:
            raise EmbedError(f"the cell {label!r} of {name} has no `#| tbl-cap:`.")
        blocks.append(f"::: {{#{label}}}\n" + "\n".join(tables) + f"\n{caption}\n\n:::\n")
    if kind in ("fig", "tbl") and not (pictures if kind == "fig" else tables):
        what = "figure" if kind == "fig" else "Markdown table"
        raise EmbedError(f"the cell {label!r} of {name} has no saved {what}: execute the notebook.")
    if not blocks:
        raise EmbedError(
            f"the cell {label!r} of {name} has no saved output: execute the notebook or use echo=true."
        )
    return "\n::: {.cell}\n\n" + "\n".join(blocks) + "\n:::\n"


def _code(source: str, settings: dict) -> str:
    code = "\n".join(line for line in source.splitlines() if not line.startswith("#|")).strip("\n")
    folded = settings.get("code-fold")
    attributes = "" if folded is None else f' code-fold="{str(folded).lower()}"'
    if "code-summary" in settings:
        attributes += f' code-summary="{_quoted(settings["code-summary"])}"'
    fence = _fence(code)
    return f"{fence} {{.python .cell-code{attributes}}}\n{code}\n{fence}\n"


def _text(text: str, kind: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip("\n")
    fence = _fence(text)
    return f"::: {{.cell-output .{kind}}}\n\n{fence}\n{text}\n{fence}\n\n:::\n"


def _div(kind: str, text: str) -> str:
    return f":::: {{.cell-output .cell-output-display .{kind}}}\n\n{text}\n\n::::\n"


def _figure(label, name, settings, pictures) -> str:
    where = f"the cell {label!r} of {name}"
    alts = settings.get("fig-alt")
    alts = alts if isinstance(alts, list) else [alts] * len(pictures)
    if len(alts) < len(pictures) or not all(alts):
        raise EmbedError(f"{where} has no `#| fig-alt:` for its picture.")
    subcaptions = settings.get("fig-subcap") or []
    if len(pictures) > 1 and len(subcaptions) != len(pictures):
        raise EmbedError(
            f"{where} shows {len(pictures)} pictures: one is expected, or a `#| fig-subcap:` for each."
        )
    images = []
    for n, ((file, size), alt) in enumerate(zip(pictures, alts, strict=False), 1):
        sized = "".join(f" {key}={size[key]}" for key in ("width", "height") if key in size)
        sub = len(pictures) > 1
        identifier = f"#{label}-{n} " if sub and label.startswith("fig-") else ""
        caption = subcaptions[n - 1] if sub else ""
        images.append(f'![{caption}]({file}){{{identifier}fig-alt="{_quoted(alt)}"{sized}}}\n')
    if not label.startswith("fig-"):
        return "\n".join(images)
    caption = settings.get("fig-cap")
    if not caption:
        raise EmbedError(f"{where} has no `#| fig-cap:`.")
    layout = "".join(
        f' {key}="{settings[key]}"' for key in ("layout-ncol", "layout-nrow", "layout") if key in settings
    )
    if len(pictures) > 1 and not layout:
        layout = " layout-ncol=1"
    return f"::: {{#{label}{layout}}}\n\n" + "\n".join(images) + f"\n{caption}\n\n:::\n"


def _quoted(text) -> str:
    return " ".join(str(text).replace("&", "&amp;").replace('"', "&quot;").split())


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return "`" * (longest + 1)
