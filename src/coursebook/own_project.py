"""``course project``: the steps with one's own images, from the shell."""

import argparse

from bioimage_course import project


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``course project``."""
    top = argparse.ArgumentParser(prog="course project", description=__doc__)
    steps = top.add_subparsers(dest="step", required=True)
    told = {
        "new": "make the folder, or what is missing in it; nothing that is there is changed",
        "survey": "say what is in raw/: results/survey.csv",
        "draw": "draw by lot which images are labelled, for training and for the test: results/drawn.csv",
        "labels": "have the label doctor look at labels/: results/labels.csv",
    }
    for name, text in told.items():
        step = steps.add_parser(name, help=text, description=text)
        step.add_argument("folder", help="the project's folder")
        if name == "draw":
            step.add_argument("--count", type=int, default=10, help="images to be labelled (default 10)")
    return top


def main(argv: list[str]) -> int:
    """Do one step and print what came out; 1 if a file had a problem."""
    chosen = parser().parse_args(argv)
    if chosen.step == "new":
        made = project.new(chosen.folder)
        then = f"`course project survey {made.folder}`"
        print(f"{made.folder}: copy images into raw/, fill in project.yml, then {then}")
        return 0
    mine = project.open_folder(chosen.folder)
    if chosen.step == "draw":
        drawn = mine.draw(chosen.count)
        print("train:", *drawn.train, "test:", *drawn.test, sep="\n  ")
        if drawn.note:
            print(f"beware: {drawn.note}")
        return 0
    rows = mine.survey() if chosen.step == "survey" else mine.check_labels()
    for row in rows:
        said = row["problem"] or row.get("findings") or row.get("notes") or "fine"
        print(f"{row['image']}: {said}")
    return int(any(row["problem"] for row in rows))
