"""``course project``: the steps with one's own images, from the shell."""

import argparse

from bioimage_course import project
from bioimage_course.errors import InputError, first_line

STEPS = {
    "new": "make the folder, or what is missing in it; nothing that is there is changed",
    "survey": "say what is in raw/: results/survey.csv",
    "draw": "draw by lot which images are labelled, for training and for the test: results/drawn.csv",
    "labels": "have the label doctor look at labels/: results/labels.csv",
    "race": "score tools on the labelled images: results/race-train.csv, or race-test.csv",
    "curve": "would more labelled images help? minutes; goes on where it was stopped: results/curve.csv",
    "predict": "segment and measure every image; goes on where it was stopped: results/predictions/TOOL/",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``course project``."""
    top = argparse.ArgumentParser(prog="course project", description=__doc__)
    steps = top.add_subparsers(dest="step", required=True)
    for name, text in STEPS.items():
        step = steps.add_parser(name, help=text, description=text)
        step.add_argument("folder", help="the project's folder")
        if name == "draw":
            step.add_argument("--count", type=int, default=10, help="images to be labelled (default 10)")
        if name == "race":
            told = "the images drawn for training choose a tool (default), those for the test score it, once"
            step.add_argument("--on", choices=("train", "test", "all"), default="train", help=told)
            step.add_argument("--tools", nargs="+", help="their names (default: all that are installed)")
        if name == "curve":
            step.add_argument(
                "--draws", type=int, default=3, help="lots for each number of images (default 3)"
            )
        if name == "predict":
            step.add_argument("--tool", default="unet", help="its name (default unet)")
            step.add_argument("--name", help="folder for the results (default: the tool's name)")
    return top


def main(argv: list[str]) -> int:
    """Do one step and print what came out; 1 if a file had a problem."""
    chosen = parser().parse_args(argv)
    try:
        return _step(chosen)
    except OSError as error:  # no rights, a full disk, or a table that is open in a spreadsheet program
        told = f"{error.strerror}: {error.filename}" if error.filename else first_line(error)
        raise InputError(f"{chosen.folder} cannot be read or written to ({told}).") from None


def _step(chosen) -> int:
    if chosen.step == "new":
        made = project.new(chosen.folder)
        then = f"`course project survey {made.folder}`"
        print(f"{made.folder}: copy images into raw/, fill in project.yml, then {then}")
        return 0
    mine = project.open_folder(chosen.folder)
    told = {"draw": _draw, "race": _race, "curve": _curve}
    return told[chosen.step](mine, chosen) if chosen.step in told else _rows(mine, chosen)


def _draw(mine, chosen) -> int:
    drawn = mine.draw(chosen.count)
    print("train:", *drawn.train, sep="\n  ")
    print("test:", *drawn.test, sep="\n  ")
    if drawn.note:
        print(f"beware: {drawn.note}")
    return 0


def _race(mine, chosen) -> int:
    found = mine.race(chosen.tools, chosen.on)
    for row in found.rows:
        scores = ", ".join(f"{row[f'ap{at}']:.2f} at IoU 0.{at}" for at in (50, 75, 90))
        print(f"{row['tool']}: AP {scores}; {row['seconds_an_image']:g} s an image")
    print(found.verdict, *found.notes, sep="\n")
    return int(bool(found.notes))


def _curve(mine, chosen) -> int:
    found = mine.curve(chosen.draws)
    for size, scores in zip(found.sizes, found.scores, strict=True):
        print(f"{size} images: AP {scores.mean():.2f}, from {scores.min():.2f} to {scores.max():.2f}")
    print(*(f"{name} as it is: AP {score:.2f}" for name, score in found.as_is.items()), sep="\n")
    if found.note:
        print(f"beware: {found.note}")
    return 0


def _rows(mine, chosen) -> int:
    """The steps that have a row for each file."""
    rows = {
        "survey": mine.survey,
        "labels": mine.check_labels,
        "predict": lambda: mine.predict(chosen.tool, name=chosen.name),
    }[chosen.step]()
    for row in rows:
        objects = f"{row['objects']} objects; " if chosen.step == "predict" and row["objects"] != "" else ""
        said = row["problem"] or row.get("findings") or row.get("notes") or "fine"
        print(f"{row['image']}: {objects}{said}" if row["image"] else said)
    return int(any(row["problem"] for row in rows))
