"""What others have printed about the same questions, looked up and not measured here.

``weights/reported/results.json`` says for each figure where it stands and when it was read. Figures of two
sources are never compared with each other: their measures, images and training sets differ.
"""

from bioimage_course import shipped
from bioimage_course.results import dsb2018

IN_DOMAIN = "*"
"""Stands behind a figure where the authors say that the model had learnt from images of that set."""


def results():
    """The figures, with their sources.

    Returns
    -------
    dict
        The content of ``weights/reported/results.json``.
    """
    return shipped.results("reported")


def stardist_paper(*ours, ious=(0.5, 0.75, 0.9)):
    """Table 1 of the StarDist paper (Schmidt et al. 2018), and methods of the course on the same test images.

    Parameters
    ----------
    *ours : str
        Some of ``dsb2018.methods()``.
    ious : sequence of float
        IoU thresholds, one column each.

    Returns
    -------
    list of dict
        For ``show.table``: method, by whom, training images, and AP pooled over the 50 test images.
    """
    printed = results()["schmidt2018"]
    at = [printed["iou_thresholds"].index(iou) for iou in ious]
    rows = []
    for method, values in printed["methods"].items():
        about = {"method": method, "by": "Schmidt et al. 2018", "training images": printed["trained_on"]}
        rows.append(about | {f"AP@{iou:g}": f"{values[k]:.3f}" for iou, k in zip(ious, at, strict=True)})
    for method in ours:
        scores, title = dsb2018.counts(method), dsb2018.about(method)["title"]
        about = {"method": title, "by": "this course", "training images": 127}
        at = scores.thresholds.index
        rows.append(about | {f"AP@{iou:g}": f"{scores.pooled[at(iou)]:.3f}" for iou in ious})
    return rows


def foundation_models():
    """Seven ways to segment without clicks or boxes, on sets of nine kinds, as micro-sam's authors plot them.

    Returns
    -------
    list of dict
        For ``show.table``: images, and mSA of each method; `IN_DOMAIN` behind it where the authors say that
        it had learnt from such images.
    """
    printed = results()["archit2026"]
    rows = []
    for told in printed["sets"]:
        marks = [IN_DOMAIN if k in told["in_domain"] else "" for k in range(len(told["msa"]))]
        values = [f"{value:.3f}{mark}" for value, mark in zip(told["msa"], marks, strict=True)]
        about = {"images": f"{told['about']} ({told['set']})"}
        rows.append(about | dict(zip(printed["methods"], values, strict=True)))
    return rows
