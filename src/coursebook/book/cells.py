"""Executed notebook cells as Markdown: what ``{{< embed notebook.ipynb#label >}}`` stands for.

As in Quarto an embed shows the cell's saved outputs, and its code only with ``echo=true``. Outputs
that make Quarto load scripts from a CDN (HTML tables, widgets) are refused.
"""

import base64
import functools
import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from .addresses import how_made, resolve
from .findings import read_yaml

MARKDOWN = ":::: {{.cell-output .cell-output-display .cell-output-markdown}}\n\n{}\n\n::::\n"
PICTURES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
# What makes Quarto load scripts from a CDN, wherever it stands in a notebook that a page embeds from.
ACTIVE = ("application/vnd.jupyter.widget-view+json", "application/javascript", "text/html")


class EmbedError(ValueError):
    """An embed cannot be resolved; `rule` is the rule of ``course check`` that says so."""

    def __init__(self, message: str, rule: str = "embeds"):
        super().__init__(message)
        self.rule = rule


@dataclass
class Embedded:
    """A notebook cell that stands on a page: its label, caption and alternative texts."""

    label: str
    caption: str = ""
    alts: list = field(default_factory=list)


@dataclass
class Found:
    """What an embed stands for: Markdown, picture files by path from the root, and the cells."""

    text: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cells: list[Embedded] = field(default_factory=list)


def _active_outputs(cell: dict) -> set[str]:
    """Return the kinds of saved output of a cell that would make Quarto's pages need a network."""
    return {kind for output in cell.get("outputs", []) for kind in output.get("data", {})} & set(ACTIVE)


@functools.lru_cache(maxsize=32)
def _cells(path: Path, _modified: float) -> list[dict]:
    """Return a notebook's cells (format 4). Reading JSON; importing nbformat alone takes seconds."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise EmbedError(f"{path.name}:{error.lineno} is not valid JSON: {error.msg}") from None
    if notebook.get("nbformat") != 4:
        raise EmbedError(f"{path.name} is not a notebook of format 4")
    return notebook["cells"]


def _without_network(cells: list[dict], name: str) -> None:
    """Refuse a notebook for which Quarto's pages would load scripts, whatever is embedded from it."""
    kinds = ((cell.get("id"), sorted(_active_outputs(cell))) for cell in cells)
    active = [f"{name} saved {', '.join(saved)}" for name, saved in kinds if saved]
    if active:
        raise EmbedError(
            f"in {name} the cell {'; '.join(active)}, for which Quarto loads scripts from the network on "
            "every page that embeds anything from this notebook",
            "embedded-notebooks",
        )


def _joined(text: str | list[str]) -> str:
    """Return a text that a notebook may store as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def options(source: str) -> dict:
    """Return the ``#| key: value`` options at the top of a cell.

    Raises
    ------
    EmbedError
        They are not valid YAML.
    """
    text = option_lines(source)
    return _options(text) if text else {}


def option_lines(source: str) -> str:
    """Return the ``#|`` lines at the top of a cell as YAML."""
    lines = itertools.takewhile(lambda line: line.startswith("#|"), source.splitlines())
    return "\n".join(line[2:].removeprefix(" ") for line in lines)


@functools.lru_cache(maxsize=4096)
def _options(text: str) -> dict:
    try:
        found = read_yaml(text)
    except yaml.YAMLError as error:
        raise EmbedError(f"the `#|` lines of a cell are not valid YAML: {error}") from None
    return found if isinstance(found, dict) else {}


def read(root: Path, page: str, words: list[str]) -> Found:
    """Return what an embed on `page` stands for.

    Parameters
    ----------
    root : Path
        The project's folder.
    page : str
        Path of the page from `root`; the notebook and the pictures are named relative to it.
    words : list of str
        ``["notebook.ipynb#label", "echo=true"]``; several labels are separated by commas.

    Raises
    ------
    EmbedError
        No such notebook or cell, nothing to show, a figure without caption or alt text, or an output
        that cannot be shown without a network.
    """
    target, *arguments = words or [""]
    name, _, labels = target.partition("#")
    if not labels:
        raise EmbedError(f"name the cell to embed: {name}#label")
    unknown = [a for a in arguments if a not in ("echo=true", "echo=false")]
    if unknown:
        raise EmbedError(f"unknown option {unknown[0]!r} of embed; known is echo=true")
    path = resolve(page, name)
    if path is None or not (root / path).is_file():
        mend = how_made(root, path) if path else ""
        raise EmbedError(f"there is no notebook {name} (from {page})" + f"; {mend}" * bool(mend))
    cells = _cells(root / path, (root / path).stat().st_mtime)
    _without_network(cells, name)
    found, echo = Found(), "echo=true" in arguments
    parts = [_cell(cells, name, label.strip(), echo, page, found) for label in labels.split(",")]
    found.text = "\n".join(parts)
    return found


def _find(cells: list[dict], name: str, label: str) -> tuple[dict, str, dict]:
    """Return the cell labelled `label`, its source and its options."""
    for cell in cells:
        source = _joined(cell["source"])
        settings = options(source) if cell["cell_type"] == "code" else {}
        if label in (settings.get("label"), cell.get("id"), *cell.get("metadata", {}).get("tags", [])):
            return cell, source, settings
    raise EmbedError(f"{name} has no cell labelled {label!r}")


def _cell(cells: list[dict], name: str, label: str, echo: bool, page: str, found: Found) -> str:
    """Return the Markdown of one cell; its pictures and its alternative texts go to `found`."""
    cell, source, settings = _find(cells, name, label)
    if cell["cell_type"] != "code":
        found.cells.append(Embedded(label))
        return f"\n{source}\n"
    if "widget" in cell.get("metadata", {}).get("tags", []):
        raise EmbedError(f"{label} is a widget; pages embed static figures only")
    where = f"the cell {label!r} of {name}"
    blocks, tables, pictures = _outputs(cell, label, where, page, found)
    if echo:
        blocks.insert(0, _code(source, settings))
    if pictures:
        blocks.append(_figure(label, where, settings, pictures))
    if tables:
        caption = settings.get("tbl-cap")
        if not caption:
            raise EmbedError(f"{where} has no `#| tbl-cap:`", "captions")
        blocks.append(f"::: {{#{label}}}\n" + "\n".join(tables) + f"\n{caption}\n\n:::\n")
    for kind, what, saved in (("fig", "figure", pictures), ("tbl", "Markdown table", tables)):
        if label.split("-")[0] == kind and not saved:
            raise EmbedError(f"{where} has no saved {what}: execute the notebook")
    if not blocks:
        raise EmbedError(f"{where} has no saved output: execute the notebook or use echo=true")
    found.cells.append(embedded(label, settings))
    return "\n::: {.cell}\n\n" + "\n".join(blocks) + "\n:::\n"


def embedded(label: str, settings: dict) -> Embedded:
    """Return caption and alternative texts of a cell with these ``#|`` lines."""
    alts = settings.get("fig-alt")
    return Embedded(label, str(settings.get("fig-cap") or ""), alts if isinstance(alts, list) else [alts])


def _outputs(cell: dict, label: str, where: str, page: str, found: Found):
    """Return a cell's outputs as blocks of text, tables, and pictures with their sizes."""
    folder = PurePosixPath(page).stem + "_files"
    blocks, tables, pictures = [], [], []
    for number, output in enumerate(cell.get("outputs", []), 1):
        if output["output_type"] == "error":
            raise EmbedError(f"{where} ended with an error: {output.get('ename')}")
        if output["output_type"] == "stream":
            blocks.append(_text(_joined(output["text"]), f"cell-output-{output['name']}"))
            continue
        data = output.get("data", {})
        picture = next((mime for mime in PICTURES if mime in data), None)
        if "text/markdown" in data:
            block = MARKDOWN.format(_joined(data["text/markdown"]))
            (tables if label.startswith("tbl-") else blocks).append(block)
        elif picture:
            file = f"{folder}/{label}-{number}.{PICTURES[picture]}"
            content = _joined(data[picture])
            raw = content.encode() if picture == "image/svg+xml" else base64.b64decode(content)
            found.files[str(PurePosixPath(page).parent / file)] = raw
            pictures.append((file, output.get("metadata", {}).get(picture, {})))
        elif "text/plain" in data:
            blocks.append(_text(_joined(data["text/plain"]), "cell-output-display"))
    return blocks, tables, pictures


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


def _figure(label: str, where: str, settings: dict, pictures: list) -> str:
    alts = settings.get("fig-alt")
    alts = alts if isinstance(alts, list) else [alts] * len(pictures)
    if len(alts) < len(pictures) or not all(alts):
        raise EmbedError(f"{where} has no `#| fig-alt:` for its picture", "captions")
    subcaptions = settings.get("fig-subcap") or []
    if len(pictures) > 1 and len(subcaptions) != len(pictures):
        message = f"shows {len(pictures)} pictures: one is expected, or a `#| fig-subcap:` for each"
        raise EmbedError(f"{where} {message}")
    images, several = [], len(pictures) > 1
    for n, ((file, size), alt) in enumerate(zip(pictures, alts, strict=False), 1):
        sized = "".join(f" {key}={size[key]}" for key in ("width", "height") if key in size)
        identifier = f"#{label}-{n} " if several and label.startswith("fig-") else ""
        caption = subcaptions[n - 1] if several else ""
        images.append(f'![{caption}]({file}){{{identifier}fig-alt="{_quoted(alt)}"{sized}}}\n')
    if not label.startswith("fig-"):
        return "\n".join(images)
    caption = settings.get("fig-cap")
    if not caption:
        raise EmbedError(f"{where} has no `#| fig-cap:`", "captions")
    keys = [key for key in ("layout-ncol", "layout-nrow", "layout") if key in settings]
    layout = "".join(f' {key}="{settings[key]}"' for key in keys) or " layout-ncol=1" * several
    return f"::: {{#{label}{layout}}}\n\n" + "\n".join(images) + f"\n{caption}\n\n:::\n"


def _quoted(text) -> str:
    return " ".join(str(text).replace("&", "&amp;").replace('"', "&quot;").split())


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return "`" * (longest + 1)
