"Cases whose cause lies in the evaluation: results that are right or wrong, and numbers that say otherwise."

from types import SimpleNamespace

import numpy as np

from bioimage_course import data, metrics
from bioimage_course.clinic.patients import register


def _scene(seed, count=12, size=128, **settings):
    return data.synthetic.nuclei((size, size), count, seed=seed, radius=(6, 9), **settings).labels


def _without(labels, share, random):
    """A prediction that misses a share of the objects."""
    names = np.unique(labels[labels > 0])
    missed = random.choice(names, round(share * len(names)), replace=False)
    return np.where(np.isin(labels, missed), 0, labels)


def _shrunk(labels, width):
    """Objects that lost a rim of so many pixels."""
    from scipy import ndimage

    inside = [
        ndimage.binary_erosion(labels == n, iterations=width) * n for n in np.unique(labels[labels > 0])
    ]
    return np.sum(inside, axis=0, dtype=np.int32)


@register(
    "evaluation",
    symptom="Half of my images are empty wells, and the network rightly finds nothing there. The mean score "
    "says that it is bad.",
    questions=(
        "What score gets an image in which there is nothing and nothing was found?",
        "What do other libraries give for it: 0, 1, or “not a number”?",
        "What is the mean over the images in which there is something?",
    ),
    diagnosis="empty images scored as failures",
    cause="Where there is neither an object nor a prediction, average precision is 0 divided by 0. "
    "StarDist's function calls that 0, and the mean takes the best answer for the worst.",
    measure="sum(score == 0 and not t.any() and not p.any() for t, p, score in zip(truths, found, scores))",
    guilty="> 0",
    repair="Pool the counts of all images, or leave out what cannot be scored; report separately in how many "
    "empty images something was found.",
    outcome="mean average precision at IoU 0.5",
    better="nearer",
    truth=0.75,
    score=lambda given: np.nanmean(given.scores),
    keywords="NaN, nan, zero, empty image, no objects, background only, average precision, mean score, "
    "blank, negative control",
)
def punished_for_nothing(seed, sick):
    from stardist.matching import matching

    random = np.random.default_rng(seed)
    truths = [_scene(10 * seed + n) for n in range(4)]
    found = [_without(labels, 0.25, random) for labels in truths]
    truths += [np.zeros_like(truths[0])] * 4
    found += [np.zeros_like(truths[0])] * 4
    if sick:
        scores = [matching(t, p, 0.5).accuracy for t, p in zip(truths, found, strict=True)]
    else:
        scores = [metrics.average_precision(t, p, 0.5) for t, p in zip(truths, found, strict=True)]
    return SimpleNamespace(truths=truths, found=found, scores=np.array(scores))


@register(
    "evaluation",
    symptom="The program says 48 cells. I count 24 in the picture.",
    questions=(
        "How was counted: by the largest label, or by how many different labels there are?",
        "Were objects taken away after they had been numbered: small ones, those at the border?",
        "Has the table as many rows as the count?",
    ),
    diagnosis="gaps in the labels",
    cause="Objects were removed and the others kept their numbers. So the largest number is no longer the "
    "number of objects.",
    measure="count - len(np.unique(labels[labels > 0]))",
    guilty="> 0",
    repair="Count different labels, `len(np.unique(labels[labels > 0]))`, or number anew with "
    "`skimage.segmentation.relabel_sequential`.",
    outcome="cells counted",
    better="nearer",
    truth=24,
    score=lambda given: given.count,
    keywords="labels.max, maximum label, count, too many cells, relabel, remove small objects, clear border, "
    "missing labels, consecutive",
)
def more_than_i_see(seed, sick):
    from skimage.segmentation import relabel_sequential

    random = np.random.default_rng(seed)
    labels = _scene(seed, count=48, size=220)
    removed = random.choice(np.arange(1, 48), 24, replace=False)
    labels = np.where(np.isin(labels, removed), 0, labels)
    labels = labels if sick else relabel_sequential(labels)[0]
    return SimpleNamespace(labels=labels, count=int(labels.max()))


@register(
    "evaluation",
    symptom="The paper reports 0.9 for this model on these images. I run the authors' own model and get less "
    "than half of it.",
    questions=(
        "At which IoU was matched: at 0.5, at 0.75, or over all from 0.5 to 0.95?",
        "Does the paper's number come out if you match at 0.5?",
        "Is “AP” the same thing in both: TP / (TP + FP + FN), or an area under a curve?",
    ),
    diagnosis="compared across IoU thresholds",
    cause="The paper matched objects at IoU 0.5, the script averages over thresholds up to 0.95, where an "
    "outline two pixels off is a miss and a false alarm.",
    measure="metrics.average_precision(truth, found, 0.5) - reported",
    guilty="> 0.1",
    repair="Compare at the same threshold and with the same formula; better, show the whole curve over "
    "thresholds.",
    outcome="my score, where the paper has 0.9",
    better="nearer",
    truth=0.9,
    score=lambda given: given.reported,
    keywords="publication, figure, not as good, worse than published, "
    "far from the paper, very different results, tutorial, reproduce, benchmark, mAP, COCO, IoU "
    "threshold, average precision, published number, "
    "lower than published",
)
def half_of_the_paper(seed, sick):
    truth = _scene(seed, count=20, size=180)
    found = _shrunk(_without(truth, 0.1, np.random.default_rng(seed)), 1)
    thresholds = np.arange(0.5, 1, 0.05) if sick else 0.5
    return SimpleNamespace(
        truth=truth, found=found, reported=float(np.mean(metrics.average_precision(truth, found, thresholds)))
    )


@register(
    "evaluation",
    symptom="After we moved to another library for scoring, the same masks score much worse. Nothing else "
    "has changed.",
    questions=(
        "Does the library score every image and average, or count all objects of all images together?",
        "Do the images differ much in how many cells they have?",
        "What do both ways give with the same library?",
    ),
    diagnosis="mean over images against pooled objects",
    cause="One library averages the images' scores, so an image with two cells weighs as much as one with "
    "sixty; the other pools the objects. Here the sparse images are the difficult ones.",
    measure="abs(reported - metrics.average_precision_dataset(truths, found, 0.5).pooled[0])",
    guilty="> 0.05",
    repair="Choose one of the two before looking, say which, and compare only the like; with few, unequal "
    "images report both.",
    outcome="score, where the old library gave the pooled one",
    better="higher",
    score=lambda given: given.reported,
    keywords="average, macro, micro, by_image, per image, aggregate, dataset score, library, weighting, "
    "lower score",
)
def another_library_another_score(seed, sick):
    random = np.random.default_rng(seed)
    truths = [_scene(20 * seed + n, count=2) for n in range(5)] + [_scene(20 * seed + 9, count=60, size=330)]
    found = [_without(labels, 0.5, random) for labels in truths[:5]] + [_without(truths[5], 0.05, random)]
    scores = metrics.average_precision_dataset(truths, found, 0.5)
    reported = scores.mean[0] if sick else scores.pooled[0]
    return SimpleNamespace(truths=truths, found=found, reported=float(reported))


@register(
    "evaluation",
    symptom="We tried many settings and kept the best. On next month's images it is as mediocre as all the "
    "others.",
    questions=(
        "On which images were the settings compared?",
        "Are the images of the reported score the same ones?",
        "How many settings were tried, on how many images?",
    ),
    diagnosis="test set used for tuning",
    cause="The best of sixty settings on thirty images is the luckiest on these thirty. Its score says how "
    "lucky, not how good; the images have been used up.",
    measure="test_scores.max() - test_scores[chosen]",
    guilty="== 0",
    repair="Choose on validation images, and look at the test images once, with the one setting that was "
    "chosen.",
    outcome="reported share of right answers, where the truth is 0.7",
    better="nearer",
    truth=0.7,
    score=lambda given: given.test_scores[given.chosen],
    keywords="hyperparameter, tuning, validation, best model, overfitting, threshold chosen, generalise, "
    "new data worse, parameter search, too good",
)
def best_of_sixty(seed, sick):
    random = np.random.default_rng(seed)
    test_scores, validation_scores = random.binomial(30, 0.7, (2, 60)) / 30
    chosen = int(np.argmax(test_scores if sick else validation_scores))
    return SimpleNamespace(test_scores=test_scores, validation_scores=validation_scores, chosen=chosen)


@register(
    "evaluation",
    symptom="Treated and control differ with p < 0.001, with hundreds of cells in each group. When we repeat "
    "it, the effect goes the other way, just as significantly.",
    questions=(
        "What was treated independently: cells, wells, or animals? That is n.",
        "Do cells of one well resemble each other more than cells of different wells?",
        "What does the test say with one number a well?",
    ),
    diagnosis="cells taken for replicates",
    cause="Wells differ by chance, and all cells of a well share that. Three wells with 80 cells each are "
    "three measurements, not 240.",
    measure="len(treated) / len(np.unique(treated_wells))",
    guilty="> 1",
    repair="Take the mean of each well (or dish, or animal) and test those, or use a mixed model; show "
    "cells as small dots, replicates as large ones.",
    outcome="share of experiments without any effect that are called significant",
    better="lower",
    score=lambda given: _false_alarms(per_well=len(given.treated) == len(np.unique(given.treated_wells))),
    keywords="p value, statistics, n, replicate, pseudoreplication, superplot, t-test, significant, wells, "
    "not reproducible, animals",
)
def significant_both_ways(seed, sick):
    random = np.random.default_rng(seed)
    treated, control, wells = _experiment(random)
    if not sick:
        treated, control = (_means(values, wells) for values in (treated, control))
        wells = np.unique(wells)
    return SimpleNamespace(treated=treated, control=control, treated_wells=wells)


def _experiment(random, wells=3, cells=80):
    """Two groups of wells between which there is no difference but chance."""
    names = np.repeat(np.arange(wells), cells)
    draw = [random.normal(0, 0.5, wells)[names] + random.normal(10, 1, wells * cells) for _ in range(2)]
    return *draw, names


def _means(values, wells):
    return np.array([values[wells == well].mean() for well in np.unique(wells)])


def _false_alarms(per_well, experiments=400):
    from scipy import stats

    random, alarms = np.random.default_rng(99), 0
    for _ in range(experiments):
        treated, control, wells = _experiment(random)
        if per_well:
            treated, control = _means(treated, wells), _means(control, wells)
        alarms += stats.ttest_ind(treated, control).pvalue < 0.05
    return alarms / experiments


@register(
    "evaluation",
    symptom="Dice is almost 1, the masks look perfect, and still the cell counts are far too low.",
    questions=(
        "Does the score look at pixels or at objects?",
        "Do cells touch each other?",
        "How many true cells lie under the largest found one?",
    ),
    diagnosis="a pixel score for a question about objects",
    cause="Dice counts pixels. Two cells that were found as one have all their pixels right; the missing "
    "line between them is a handful of pixels.",
    measure="reported - metrics.average_precision(truth, found, 0.75)",
    guilty="> 0.2",
    repair="Score what you use: for counts and cell by cell measurements match objects, and report average "
    "precision at a stated IoU.",
    outcome="reported score, where half of the cells are merged",
    better="lower",
    score=lambda given: given.reported,
    keywords="dice, IoU, merged cells, touching cells, counts too low, pixel accuracy, F1, undersegmentation",
)
def perfect_masks_wrong_counts(seed, sick):
    from skimage.measure import label

    truth = data.synthetic.membranes((160, 160), 30, seed=seed).labels
    random = np.random.default_rng(seed)
    partner = np.arange(31)
    for number in random.permutation(np.arange(1, 31))[:18]:  # half of them join a neighbour
        beside = np.unique(truth[_dilated(truth == number)])
        partner[number] = random.choice(beside[beside != number])
    found = label(partner[truth], connectivity=1).astype(np.int32)
    whole = metrics.dice(truth > 0, found > 0)
    reported = whole if sick else metrics.average_precision(truth, found, 0.75)
    return SimpleNamespace(truth=truth, found=found, reported=float(reported))


def _dilated(mask):
    from scipy import ndimage

    return ndimage.binary_dilation(mask)


@register(
    "evaluation",
    symptom="My classifier for dividing cells is right in 98 % of all cells. In the images it marks not a "
    "single dividing one.",
    questions=(
        "How rare is what you look for?",
        "How often would somebody be right who always says “not dividing”?",
        "How many of the dividing cells are found?",
    ),
    diagnosis="accuracy with a rare class",
    cause="Two cells in a hundred divide. Whoever always says “no” is right in 98 of 100, and useless.",
    measure="reported - (answers[dividing].mean() + (~answers[~dividing]).mean()) / 2",
    guilty="> 0.2",
    repair="Report recall and precision of the rare class, or balanced accuracy; in training weigh the rare "
    "class more, or draw it more often.",
    outcome="reported score",
    better="lower",
    score=lambda given: given.reported,
    keywords="imbalance, imbalanced, class weights, accuracy, mitosis, rare, recall, always predicts, one "
    "class, majority",
)
def right_and_useless(seed, sick):
    random = np.random.default_rng(seed)
    dividing = random.permutation(np.arange(1000) < 20)
    answers = np.zeros(1000, bool)
    balanced = (answers[dividing].mean() + (~answers[~dividing]).mean()) / 2
    reported = (answers == dividing).mean() if sick else balanced
    return SimpleNamespace(dividing=dividing, answers=answers, reported=float(reported))


@register(
    "evaluation",
    symptom="The same script, the same images, and yesterday there were other numbers.",
    questions=(
        "Is anything left to chance: first weights, a split, crops, the order of files?",
        "In which order does the program get its files: in that of their names, or in that of the disk?",
        "Do both runs write down versions, seed, settings and the list of files?",
    ),
    diagnosis="a random choice without a seed",
    cause="Five of twenty images are drawn at random to find the threshold, and no seed was set, so each run "
    "draws others. An order of files that the disk decides does the same, and so does another version.",
    measure="float(first_drawn != second_drawn)",
    guilty="> 0",
    repair="Set and note the seed, `np.random.default_rng(0)`, sort file names, and write a record beside "
    "the "
    "results: seed, versions, settings, files. Then report how much the result depends on the seed.",
    outcome="foreground pixels that two runs of the same script differ by",
    better="lower",
    score=lambda given: abs(given.first_count - given.second_count),
    keywords="random, seed, not reproducible, different result, rerun, each time, yesterday, order of files, "
    "glob, listdir, sorted, version, nondeterministic",
)
def other_numbers_than_yesterday(seed, sick):
    random = np.random.default_rng(seed)
    offsets = random.uniform(0, 60, 20)
    images = [
        data.synthetic.nuclei((96, 96), 8, seed=30 * seed + n).image + int(o) for n, o in enumerate(offsets)
    ]
    counts, drawn = [], []
    for run in range(2):
        chosen = np.random.default_rng([seed, run if sick else 0]).permutation(20)[
            :5
        ]  # no seed: another each run
        drawn.append(sorted(map(int, chosen)))
        threshold = np.mean([images[n].mean() for n in chosen])
        counts.append(int(sum((image > threshold).sum() for image in images)))
    return SimpleNamespace(
        images=images, first_drawn=drawn[0], second_drawn=drawn[1],
        first_count=counts[0], second_count=counts[1],
    )  # fmt: skip
