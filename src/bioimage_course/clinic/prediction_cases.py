"""Cases whose cause lies in the prediction: a good model, used on something else or with other settings."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
from scipy import ndimage

from bioimage_course import data, metrics
from bioimage_course.clinic.patients import register
from bioimage_course.compat import quiet
from bioimage_course.tools import cellpose, stardist, unet


def _found(given):
    """Average precision at IoU 0.5."""
    return metrics.average_precision(given.truth, given.found, 0.5)


def _three(labels):
    """What the user has drawn by hand: three objects near the median size."""
    areas = np.bincount(labels.ravel())[1:]
    three = 1 + np.argsort(np.abs(areas - np.median(areas)))[:3]
    return np.where(np.isin(labels, three), labels, 0)


@register(
    "prediction",
    symptom="StarDist cuts every nucleus into crumbs. At the other microscope it worked.",
    questions=(
        "How many pixels wide is a nucleus here, and how many were those the model has learnt from?",
        "Which objective, which pixel size, was there a camera with smaller pixels?",
        "What comes out if the image is made smaller by that factor?",
    ),
    diagnosis="objects too large for the model",
    cause="A network knows objects of the size it has seen. These nuclei are four times as wide as those "
    "in training, so their inner structures look like nuclei to it.",
    measure="metrics.median_diameter(drawn) * scale / 30",
    guilty="> 1.5",
    repair="Measure three objects by hand and hand over the ratio: `scale=0.25` in StarDist, `diameter=…` "
    "in Cellpose; or resize the images to the pixel size of the training data.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="full resolution, smaller image works, ragged masks, "
    "oversegmentation, fragments, pieces, magnification, objective, 63x, pixel size, scale, "
    "StarDist, large cells, split",
)
def crumbs(seed, sick):
    sample = data.synthetic.nuclei(
        (400, 400), 9, seed=seed, radius=(38, 52), texture=0.5, touching=0.2, photons=60
    )
    scale = 1.0 if sick else 0.25
    found = stardist.segment(sample, scale=None if sick else scale)
    return SimpleNamespace(
        image=sample.image, drawn=_three(sample.labels), scale=scale, found=found, truth=sample.labels
    )


@register(
    "prediction",
    symptom="Cellpose finds no masks at all, or a few large ones that hold many cells each.",
    questions=(
        "Which diameter was set, and was it for these images?",
        "How many pixels wide are three cells that you draw by hand?",
        "Does the picture of the flows look right, although there are no masks?",
    ),
    diagnosis="diameter set too large",
    cause="Cellpose resizes the image until objects of the given diameter are 30 pixels wide. With a "
    "diameter a dozen times too large cells are left with a few pixels, and the network no longer sees "
    "them.",
    measure="diameter / metrics.median_diameter(drawn)",
    guilty="> 1.7",
    repair="Measure three cells and hand over their diameter, or `diameter=None` for a model that was "
    "trained on many sizes.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="no ROIs, returns 0 masks, "
    "cellpose, no masks, zero masks, 0 masks, diameter, cells merged, too few cells, "
    "undersegmentation, nothing found",
)
def no_masks_at_all(seed, sick):
    sample = data.synthetic.nuclei((256, 256), 30, seed=seed)
    diameter = 300.0 if sick else metrics.median_diameter(_three(sample.labels))
    found = cellpose.segment(sample, diameter=diameter)
    return SimpleNamespace(
        image=sample.image, drawn=_three(sample.labels), diameter=diameter, found=found, truth=sample.labels
    )


@register(
    "prediction",
    symptom="Bright nuclei are found, the dim ones beside them are not, although everybody sees them.",
    questions=(
        "Which threshold was used, and for which model was it chosen?",
        "What is found with the model's own threshold?",
        "Are the dim ones in the network's probability map?",
    ),
    diagnosis="probability threshold too high",
    cause="The threshold was taken from another model's protocol. Dim nuclei are in the probability map, "
    "below that threshold.",
    measure="np.median(ndimage.maximum(probabilities, truth, np.unique(truth)[1:]))",
    guilty="< threshold",
    repair="Use the threshold that comes with the model, or choose one on a few annotated images of your "
    "own (StarDist: `optimize_thresholds`), never on the test images.",
    outcome="share of true nuclei found",
    better="higher",
    score=lambda given: metrics.match(given.truth, given.found).recall,
    keywords="prob_thresh, cellprob_threshold, missing cells, dim cells, faint, threshold, false negatives, "
    "StarDist, not detected",
)
def only_the_bright_ones(seed, sick):
    sample = data.synthetic.nuclei((200, 200), 20, seed=seed, brightness=(0.1, 1.0), photons=60)
    model = stardist.course_model()
    with quiet():
        small, _ = model.predict(data.normalise(sample.image), show_tile_progress=False, verbose=False)
    probabilities = small.repeat(model.config.grid[0], axis=0).repeat(model.config.grid[1], axis=1)[
        :200, :200
    ]
    threshold = 0.85 if sick else float(model.thresholds.prob)
    found = stardist.segment(sample, prob_thresh=threshold)
    return SimpleNamespace(
        image=sample.image, probabilities=probabilities, threshold=threshold, found=found, truth=sample.labels
    )


@register(
    "prediction",
    symptom="The network outlines the gaps between the cells, not the cells.",
    questions=(
        "Are the objects brighter than the background, as in the images that the model has learnt from?",
        "Is it a fluorescence model on a transmitted-light image?",
        "Was the look-up table inverted when the image was saved?",
    ),
    diagnosis="contrast inverted",
    cause="The image was saved with an inverted look-up table: dark objects on a bright background. The "
    "model has learnt that what is bright is nucleus.",
    measure="np.median(image) - image.mean()",
    guilty="> 0",
    repair="Invert the image, `image.max() - image`, if the objects are otherwise the same; for transmitted "
    "light take a model that was trained on it.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="inverted, LUT, lookup table, dark cells, brightfield, phase contrast, background segmented, "
    "negative image",
)
def outlines_of_gaps(seed, sick):
    sample = data.synthetic.nuclei((200, 200), 20, seed=seed)
    image = sample.image.max() - sample.image if sick else sample.image
    return SimpleNamespace(image=image, found=stardist.segment(image), truth=sample.labels)


@register(
    "prediction",
    symptom="In empty wells StarDist finds dozens of nuclei where I see only faint haze.",
    questions=(
        "From which image do the limits of the normalisation come?",
        "How far is the brightest pixel above the noise?",
        "What does the same model find with the limits of a well that has cells?",
    ),
    diagnosis="empty image stretched by its own percentiles",
    cause="Percentiles of this very image became 0 and 1. In an empty one there are only haze and "
    "noise, which were stretched until they had the contrast of nuclei.",
    measure="(limits[1] - limits[0]) / image.std()",
    guilty="< 10",
    repair="Compute the limits once, from all images or from those with cells, and hand them to every call: "
    "`limits=(low, high)`.",
    outcome="nuclei found in an empty well",
    better="nearer",
    truth=0,
    score=lambda given: len(np.unique(given.found[given.found > 0])),
    keywords="detects background, found in the background, nothing there, "
    "hallucination, false positives, empty image, background, noise, normalise, percentile, "
    "control well, blank, ghost cells",
)
def nuclei_in_an_empty_well(seed, sick):
    full = data.synthetic.nuclei((200, 200), 20, seed=seed, photons=100)
    empty = data.synthetic.camera(_haze(seed), photons=100, seed=seed + 50)
    source = empty if sick else full.image
    low, high = np.percentile(source, (1, 99.8))
    limits = (float(low), float(high))
    return SimpleNamespace(image=empty, limits=limits, found=stardist.segment(empty, limits=limits))


def _haze(seed):
    """Faint light out of focus, a fortieth as bright as a nucleus."""
    haze = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(200, 200)), 6)
    return np.maximum(0.08 + 0.025 * haze / haze.std(), 0)


@register(
    "prediction",
    symptom="StarDist's own function finds one object as large as the image, where the "
    "plugin finds all nuclei.",
    questions=(
        "Which values has the array that goes into the network: 0 to 1, or 0 to 65535?",
        "Does the plugin have a box “normalise”, and your script no such line?",
        "Which percentiles did the training use?",
    ),
    diagnosis="image not normalised",
    cause="The network has learnt from images scaled to about 0 to 1. It was given raw grey values, hundreds "
    "of times as large, which no layer was made for.",
    measure="np.percentile(given_to_network, 99.8)",
    guilty="> 5",
    repair="Normalise first, `csbdeep.utils.normalize(image, 1, 99.8)`, or use a function that does it. "
    "With a "
    "downloaded model try its own test input first, then your image in the same range, channel order and "
    "pixel size.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="downloaded model, model zoo, normalize, csbdeep, predict_instances, nothing found, StarDist, "
    "one object, raw, 16-bit, "
    "plugin",
)
def plugin_works_script_does_not(seed, sick):
    sample = data.synthetic.nuclei((200, 200), 20, seed=seed, offset=1000)
    array = sample.image.astype(np.float32) if sick else data.normalise(sample.image)
    with quiet():
        found, _ = stardist.course_model().predict_instances(array, show_tile_progress=False, verbose=False)
    return SimpleNamespace(given_to_network=array, found=found, truth=sample.labels)


@register(
    "prediction",
    symptom="In large images there are cells with a straight edge, in rows, and the count is too high.",
    questions=(
        "Was the image cut into blocks, and do the straight edges lie on their borders?",
        "Do the blocks overlap, and by how much?",
        "Who keeps an object that two blocks see?",
    ),
    diagnosis="blocks without overlap",
    cause="The image was segmented block by block and put together. Every object on a border was cut, and "
    "both parts were counted.",
    measure="((left := labels[:, side - 1]) * (right := labels[:, side]) * (left != right) > 0).sum()",
    guilty="> 12",
    repair="Give each block a margin as wide as the longest object and the network's reach, and let an "
    "object belong to the block of its centre: `large.label_image`, or `n_tiles` in the tools.",
    outcome="cells counted",
    better="nearer",
    truth=60,
    score=lambda given: len(np.unique(given.labels[given.labels > 0])),
    keywords="cut at tile borders, cut cells, split at block boundaries, straight line, distributed, QuPath, "
    "tiles, tiling, halo, overlap, seams, straight edges, half cells, stitching, large image, "
    "patch border, counted twice, duplicates, block",
)
def straight_edges(seed, sick):
    sample = data.synthetic.nuclei((384, 384), 60, seed=seed, touching=0.1)
    low, high = np.percentile(sample.image, (1, 99.8))
    if not sick:
        labels = unet.segment(sample, limits=(low, high))
        return SimpleNamespace(image=sample.image, labels=labels, side=96)
    labels = np.zeros(sample.image.shape, np.int32)
    for y in range(0, 384, 96):
        for x in range(0, 384, 96):
            part = unet.segment(sample.image[y : y + 96, x : x + 96], limits=(low, high))
            labels[y : y + 96, x : x + 96] = np.where(part, part + labels.max(), 0)
    return SimpleNamespace(image=sample.image, labels=labels, side=96)


@register(
    "prediction",
    symptom="Some blocks of my large image are full of specks, others are empty, as in a patchwork; the "
    "whole "
    "image in one piece looks right.",
    questions=(
        "From which pixels come the limits and thresholds: from the whole image, or from each block?",
        "Which grey value is 1 in an empty block, and which in a full one?",
        "Are the specks gone if all blocks get the same two numbers?",
    ),
    diagnosis="each block normalised by itself",
    cause="Percentiles of the block became 0 and 1. In a block without a cell they stretch the noise until "
    "it "
    "looks like cells.",
    measure="np.ptp([high for low, high in limits]) / max(high for low, high in limits)",
    guilty="> 0.1",
    repair="Compute limits and thresholds once, of the whole image (a sample of its pixels will do), and "
    "hand "
    "them to every block: `limits=(low, high)`.",
    outcome="objects found in eight empty blocks",
    better="nearer",
    truth=0,
    score=lambda given: sum(len(np.unique(block)) - 1 for block in given.found[1:]),
    keywords="fails in parts of the image, square regions, missing squares, large tissue, blocks, tiles, "
    "tiling, normalise, specks, noise, patchwork, checkerboard, whole slide, empty "
    "tile, "
    "false positives, background tiles, threshold per tile, dask, map_blocks",
)
def patchwork(seed, sick):
    full = data.synthetic.nuclei((96, 96), 8, seed=seed, photons=100)
    blocks = [full.image]
    blocks += [
        data.synthetic.camera(np.full((96, 96), 0.05), photons=100, seed=20 * seed + n) for n in range(8)
    ]
    blocks = [ndimage.gaussian_filter(block.astype(float), 1) for block in blocks]
    whole = [float(value) for value in np.percentile(blocks, (1, 99.8))]
    limits = [[float(v) for v in np.percentile(block, (1, 99.8))] if sick else whole for block in blocks]
    scaled = [(block - low) / (high - low) for block, (low, high) in zip(blocks, limits, strict=True)]
    found = [ndimage.label(block > 0.5)[0] for block in scaled]
    return SimpleNamespace(blocks=blocks, limits=limits, found=found)


@register(
    "prediction",
    symptom="There are no seams, the margin of the blocks is wide enough, and still many outlines differ "
    "from "
    "those of the image in one piece.",
    questions=(
        "On which row and column does a block begin, and by what can that be divided?",
        "How often does the network halve the image?",
        "Is there anything that is computed over the crop: a percentile, a threshold, a mean?",
    ),
    diagnosis="blocks that begin off the network's stride",
    cause="A U-Net with four poolings takes pixels together in squares of 16 × 16, counted from the corner "
    "of "
    "whatever it is given. A block that begins elsewhere is divided into other squares.",
    measure="start % stride",
    guilty="> 0",
    repair="Let blocks with their margins begin at multiples of the stride (16 here), as `large.tiling` asks "
    "for, and take limits and thresholds from the whole image.",
    outcome="largest difference of the network's answers from those in one piece",
    better="lower",
    score=lambda given: np.abs(given.in_block - given.in_one_piece).max(),
    keywords="tiles, tiling, blocks, stride, pooling, halo, overlap, slightly different, not identical, "
    "whole "
    "image, crop, reproducible, pad",
)
def other_outlines_in_blocks(seed, sick):
    import torch

    from bioimage_course import nets

    model, start = unet.course_model(), 20 if sick else 16
    image = data.normalise(data.synthetic.nuclei((288, 96), 40, seed=seed).image).astype(np.float32)
    whole, block = (
        np.asarray(nets.predict(model, torch.from_numpy(part.copy())[None, None]))
        for part in (image, image[start : start + 256])
    )
    rows = slice(132, 152)  # far from the ends of the block
    moved = slice(rows.start - start, rows.stop - start)
    return SimpleNamespace(
        start=start, stride=16, in_block=block[..., moved, :], in_one_piece=whole[..., rows, :]
    )


@register(
    "prediction",
    symptom="The run over my folder ended over night at the seventh image with an error, and the table is "
    "empty.",
    questions=(
        "Does that file open by itself, and is it as large as the others?",
        "What does the loop do with an image that fails?",
        "Is the table written at the end, or after each image?",
    ),
    diagnosis="one broken file ends the run",
    cause="The copy of one file broke off. The reader says so, nobody catches it, and everything that was "
    "computed before is lost with the loop.",
    measure="len(files) - len(done) - len(noted)",
    guilty="> 0",
    repair="Catch the error of each image, note file and sentence, and go on; write each row when it is "
    "there. "
    "Afterwards read the notes: an image that is left out is part of the result.",
    outcome="images in the table, of ten with one that is broken",
    better="nearer",
    truth=9,
    score=lambda given: len(given.done),
    keywords="batch, folder, loop, stops, crash, corrupt file, broken, truncated, TiffFileError, cannot "
    "read, "
    "over night, skip, exception, one image, many files",
)
def ended_over_night(seed, sick):
    import io

    import tifffile

    images = [data.synthetic.nuclei((64, 64), 4, seed=10 * seed + n).image for n in range(10)]
    files = []
    for number, image in enumerate(images):
        file = io.BytesIO()
        tifffile.imwrite(file, image)
        files.append(file.getvalue()[: 1000 if number == 6 else None])
    done, noted = {}, {}
    for number, content in enumerate(files):
        try:
            done[number] = float(tifffile.imread(io.BytesIO(content)).mean())
        except Exception as error:  # whatever a broken file leads to
            if sick:
                done = {}  # the table was to be written at the end
                break
            noted[number] = str(error)
    return SimpleNamespace(files=files, done=sorted(done), noted=sorted(noted))


@register(
    "prediction",
    symptom="On the graphics card in half precision the image looks grainy and touching cells are merged; in "
    "full precision all is well.",
    questions=(
        "At which step were the numbers made half precise: before or after the normalisation?",
        "How many different values does the image still have?",
        "How large are the grey values, and how small the differences that matter?",
    ),
    diagnosis="half precision before normalisation",
    cause="bfloat16 keeps 8 binary digits: between 4096 and 8192 it knows one number in 32. The signal, some "
    "sixty grey values on an offset of five thousand, becomes a staircase with two or three steps.",
    measure="len(np.unique(given_to_network)) / len(np.unique(image))",
    guilty="< 0.2",
    repair="Normalise in float32, then let the network compute in half precision (autocast); masks and "
    "coordinates stay in full precision.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="GPU and CPU differ, different masks on CPU, "
    "bfloat16, float16, half precision, GPU, mixed precision, AMP, autocast, CUDA, different on "
    "GPU, use_bfloat16, ragged, staircase",
)
def staircase(seed, sick):
    import torch

    sample = data.synthetic.nuclei(
        (200, 200), 20, seed=seed, brightness=(0.2, 1.0), photons=60, gain=1.0, offset=5000
    )
    raw = torch.tensor(sample.image.astype(np.float32))
    low, high = (float(v) for v in np.percentile(sample.image, (1, 99.8)))
    narrow = raw.to(torch.bfloat16) if sick else raw
    scaled = ((narrow.float() - low) / (high - low)).numpy()
    found = unet.instances(unet.probabilities(scaled, unet.course_model()))
    return SimpleNamespace(image=sample.image, given_to_network=scaled, found=found, truth=sample.labels)


@register(
    "prediction",
    symptom="My images have a stain for nuclei and one for membranes. In the nuclei's channel alone the "
    "model is perfect; on the colour image it finds whole cells, or nothing.",
    questions=(
        "What became of the channels on the way to the network: averaged, first one, maximum?",
        "How many channels was the model trained with?",
        "Does the grey image still look like nuclei?",
    ),
    diagnosis="channels averaged to grey",
    cause="A model for one channel was given the mean of all. The membranes are in it, brighter than the "
    "nuclei, and the network has never seen membranes.",
    measure="np.corrcoef(grey.ravel(), image[..., 0].ravel())[0, 1]",
    guilty="< 0.9",
    repair="Hand over the channel that the model was made for, `image[..., 0]`, or take a model for several "
    "channels and tell it which is which.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="colour, color, RGB, multichannel, channel, two stains, membrane, cytoplasm, grayscale, "
    "rgb2gray, composite",
)
def colours_to_grey(seed, sick):
    cells = data.synthetic.membranes((200, 200), 24, seed=seed)
    nuclei = data.synthetic.nuclei((200, 200), 20, seed=seed, photons=100)
    image = np.stack([nuclei.image, data.synthetic.camera(2.5 * cells.target, seed=seed)], axis=-1)
    grey = image.mean(axis=-1) if sick else image[..., 0].astype(float)
    return SimpleNamespace(image=image, grey=grey, found=stardist.segment(grey), truth=nuclei.labels)


@register(
    "prediction",
    symptom="I loaded the weights that a colleague trained. No error message, and the masks are nonsense; "
    "at the colleague's desk the same file works.",
    questions=(
        "Was it loaded with `strict=False`, and what did the call return?",
        "Do the names in the file equal those in the network?",
        "Which version of the program wrote the file?",
    ),
    diagnosis="weights that do not fit were skipped",
    cause="Another version had named the layers otherwise (here with “module.” in front). With "
    "`strict=False` PyTorch skips what it does not know, so the network kept the random weights it began "
    "with.",
    measure="len(set(names_in_network) - set(names_in_file))",
    guilty="> 0",
    repair="Load with `strict=True`, which complains, and rename what differs; keep the program's version "
    "beside the weights.",
    outcome="average precision at IoU 0.5",
    better="higher",
    score=_found,
    keywords="load_state_dict, strict=False, state dict, missing keys, unexpected keys, DataParallel, old "
    "model, another version, random, checkpoint, incompatible model",
)
def loaded_without_complaint(seed, sick):
    import torch

    from bioimage_course import nets

    sample = data.synthetic.nuclei((160, 160), 12, seed=seed)
    trained = unet.course_model()
    with torch.random.fork_rng():
        nets.seed_everything(seed)
        network = type(trained)(**trained.arguments)
    prefix = "module." if sick else ""
    weights = {prefix + name: value for name, value in trained.state_dict().items()}
    network.load_state_dict(weights, strict=False)
    network.card = trained.card
    return SimpleNamespace(
        image=sample.image, names_in_file=list(weights), names_in_network=list(network.state_dict()),
        found=unet.segment(sample, network.eval()), truth=sample.labels,
    )  # fmt: skip


_MEMORY = """
import sys
import numpy as np
side, limit = int(sys.argv[1]), 700 * 2**20
try:  # Linux keeps a process within its limit; elsewhere the script does it by itself
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
except (ImportError, ValueError, OSError):
    pass
image = np.zeros((4096, 4096), np.uint16)
done = 0
for start in range(0, 4096, side):
    block = image[start : start + side]
    if block.size * 4 * 16 > limit:
        raise MemoryError("the feature maps do not fit")
    maps = [block.astype(np.float32) for _ in range(16)]
    done += len(block)
print(done)
"""


@register(
    "prediction",
    symptom="Small images work. With the slide scan the kernel dies, or says that it cannot allocate memory, "
    "although the file has only 32 MB.",
    questions=(
        "How many copies of the image, in which type, are there at the same time?",
        "How much memory is there, and how much does one image need with all its feature maps?",
        "Does it work with a quarter of the image?",
    ),
    diagnosis="image too large for the memory",
    cause="The file has two bytes a pixel. Each feature map has four, and there are many of them at once: "
    "the need grows with pixels times maps, not with the file.",
    measure="pixels_at_once * 4 * maps / free_bytes",
    guilty="> 0.5",
    repair="Work in blocks with overlap (`large.label_image`; `n_tiles` in StarDist, tiles in Cellpose), so "
    "that the need depends on the block. Slice the file, do not turn all of it into an array "
    "(`np.asarray(image)`), and allow each worker one thread. If it is the card's memory that is full, shut "
    "down other notebooks first: an open one keeps what it has taken.",
    outcome="rows computed, of 4096",
    better="higher",
    score=lambda given: given.rows,
    keywords="ResourceExhaustedError, GPU memory, another notebook open, memory occupied, "
    "worker exceeded memory budget, dask, out of memory, OOM, CUDA out of memory, killed, kernel "
    "died, MemoryError, cannot allocate, "
    "RAM, large image, crash, whole slide",
)
def the_kernel_dies(seed, sick):
    side = 4096 if sick else 256 * (seed + 1)
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _MEMORY, str(side)]
    run = subprocess.run(command, capture_output=True, text=True, env=one_thread)
    rows = int(run.stdout) if run.returncode == 0 else 0
    return SimpleNamespace(
        pixels_at_once=side * 4096, maps=16, free_bytes=700 * 2**20, rows=rows, message=run.stderr[-300:]
    )
