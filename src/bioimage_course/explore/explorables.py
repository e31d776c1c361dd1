"""The explorables of the book as notebook widgets."""

import functools
import json
import re
from dataclasses import dataclass
from importlib import resources

from ..errors import InputError, nearest

SCRIPTS = resources.files(__package__) / "js"

# The book loads base.js, the explorable's script and tasks.js as they are. A notebook gets the same text as
# a module, with these lines that put the element into the widget. Its arrow keys must not reach the notebook,
# which would move to another cell: JupyterLab heeds the attribute, others the stopped event. What an
# explorable's page adds by a <script> tag of its own, weights for instance, comes here with the widget.
RENDER = """
export default {
  render({ model, el }) {
    const element = document.createElement(%s);
    for (const [name, value] of Object.entries(model.get("attributes"))) element.setAttribute(name, value);
    if (%s) element.data = model.get("data");
    el.setAttribute("data-lm-suppress-shortcuts", "true");
    el.addEventListener("keydown", (event) => event.stopPropagation());
    el.append(element);
  },
};
"""


def tags() -> list[str]:
    """Names of all explorables, which are also their HTML tags."""
    names = [entry.name for entry in SCRIPTS.iterdir()]
    return sorted(name.removesuffix(".js") for name in names if name.endswith("-explorer.js"))


@dataclass(frozen=True)
class Header:
    """What an explorable's script says of itself in the lines ``@word …`` of its first comment.

    Attributes
    ----------
    tag : str
        Name of the script and of the HTML element.
    name : str
        Name of the function in `explore` that shows it.
    about : str
        One sentence: what it shows.
    modes : tuple of str
        Values of the attribute `mode`, if there is a choice; the first is the default.
    posters : tuple of str
        For each picture of the explorable, what to do before it is taken (`coursebook.screenshots`).
    data : str
        Name of the script beside it that holds what it computes with; empty if it carries all of it.
    """

    tag: str
    name: str
    about: str
    modes: tuple[str, ...]
    posters: tuple[str, ...]
    data: str = ""


@functools.cache
def headers() -> dict[str, Header]:
    """Return what all explorables say of themselves, by tag."""
    return {tag: read_header(tag, _script(tag)) for tag in tags()}


def read_header(tag: str, script: str) -> Header:
    """Return what a script says of itself.

    Raises
    ------
    InputError
        If its first comment does not have one ``@name``, one ``@about`` and at least one ``@poster``.
    """
    comment = re.match(r"/\*.*?\*/", script, re.DOTALL)
    lines = re.findall(r"^ \* @(\w+) ?(.*?)(?: ?\*/)?$", comment[0] if comment else "", re.MULTILINE)
    said = {"name": [], "about": [], "modes": [], "poster": [], "data": []}
    for word, text in lines:
        said.setdefault(word, []).append(text)
    once = len(said["name"]) == len(said["about"]) == 1 and max(len(said["modes"]), len(said["data"])) <= 1
    if not once or not said["poster"]:
        raise InputError(
            f"{tag}.js must say in its first comment `@name function`, `@about one sentence` and "
            "`@poster what to do before its picture is taken`."
        )
    modes = tuple(" ".join(said["modes"]).split())
    return Header(tag, said["name"][0], said["about"][0], modes, tuple(said["poster"]), "".join(said["data"]))


def function(header: Header):
    """Return the function of `explore` that shows this explorable."""

    def show():
        return explorable(header.tag)

    def show_mode(mode: str = (header.modes or ("",))[0]):
        if mode not in header.modes:
            raise InputError(f"mode must be {' or '.join(map(json.dumps, header.modes))}, not {mode!r}.")
        return explorable(header.tag, mode=mode)

    made = show_mode if header.modes else show
    made.__name__ = made.__qualname__ = header.name
    made.__doc__ = header.about
    if header.modes:
        choice = " or ".join(header.modes)
        made.__doc__ += f"\n\nParameters\n----------\nmode : {choice}\n    What is shown first.\n"
    return made


def _script(name: str) -> str:
    return (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")


def read_data(name: str, tag: str) -> dict:
    """Return what the script ``js/<name>.js`` hands to an explorable: its last line sets it, as JSON."""
    line = _script(name).strip().splitlines()[-1]
    return json.loads(line.removeprefix(f"window.CourseData[{json.dumps(tag)}] = ").removesuffix(";"))


def explorable(tag: str, **attributes):
    """An explorable of the book as a widget.

    Parameters
    ----------
    tag : str
        Its HTML tag, for example ``"perceptron-explorer"``; `tags` lists them.
    **attributes : str
        Attributes of the HTML element, where the explorable knows some.

    Returns
    -------
    anywidget.AnyWidget

    Raises
    ------
    InputError
        If there is no explorable of that name, or an attribute is not a text or number.
    """
    known = tags()
    if tag not in known:
        near = nearest(str(tag), known, 1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
        raise InputError(f"There is no explorable {tag!r}; {remedy}")
    for name, value in attributes.items():
        if not isinstance(value, str | int | float):
            raise InputError(f"The attribute {name} must be a text or a number, not {type(value).__name__}.")
    return _widget_class(tag)(attributes={name: str(value) for name, value in attributes.items()})


@functools.cache
def _widget_class(tag: str):
    import anywidget
    import traitlets

    held = headers()[tag].data

    class Explorable(anywidget.AnyWidget):
        __doc__ = f"Widget that shows <{tag}>."
        _esm = "".join(map(_script, ("base", "tasks", tag))) + RENDER % (
            json.dumps(tag),
            json.dumps(bool(held)),
        )
        attributes = traitlets.Dict().tag(sync=True)
        data = traitlets.Dict(read_data(held, tag) if held else {}).tag(sync=True)

        def __repr__(self):
            return f"<{tag}> (shown in a live notebook and in the book)"

    return Explorable
