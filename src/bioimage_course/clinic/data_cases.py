"""Cases whose cause lies in the data: in how pixels were stored, read, scaled or drawn."""

import io
from types import SimpleNamespace

import numpy as np
from scipy import ndimage

from bioimage_course import data, metrics
from bioimage_course.clinic.patients import register
from bioimage_course.tools import voronoi_otsu

# ---------------------------------------------------------------- axes, channels, bytes


def _objects(labels):
    """How many objects a label image has, whatever their numbers are."""
    return len(np.unique(labels[labels > 0]))


@register(
    "data",
    symptom="I open my stack of nuclei and see stripes instead of cells; the program finds almost nothing "
    "that looks like a nucleus.",
    questions=(
        "Which axis is the first one, and who says so: the file, or you?",
        "In which direction do neighbouring planes differ most? In a stack that must be Z.",
        "How many planes did you take, and is that the length of the first axis?",
    ),
    diagnosis="axes swapped",
    cause="The file holds rows, columns and planes in that order, and was read as planes, rows and columns; "
    "so every “image” is a cut through the depth, a few pixels wide.",
    measure="np.argmax([np.abs(np.diff(stack.astype(float), axis=a)).mean() for a in range(3)])",
    guilty="!= 0",
    repair="Move the axes, `np.moveaxis(stack, -1, 0)`; do not reshape. Write axes into the file "
    "(tifffile's `metadata={'axes': 'ZYX'}`), and read what is written there.",
    outcome="share of true nuclei found in the middle plane",
    score=lambda given: _recall_of_plane(given),
    keywords="zyx, xyz, order of dimensions, transpose, reshape, z-stack, 3D, squeezed image",
)
def stripes_in_the_stack(seed, sick):
    import tifffile

    planes = [data.synthetic.nuclei((96, 96), 8, seed=10 * seed + z) for z in range(6)]
    stack = np.stack([plane.image for plane in planes])
    labels = planes[3].labels
    file = io.BytesIO()
    tifffile.imwrite(file, np.moveaxis(stack, 0, -1), photometric="minisblack", metadata={"axes": "YXS"})
    file.seek(0)
    read = tifffile.imread(file)
    return SimpleNamespace(stack=read if sick else np.moveaxis(read, -1, 0), middle=labels)


def _recall_of_plane(given):
    plane = given.stack[len(given.stack) // 2]
    if plane.shape != given.middle.shape:
        return 0.0
    return metrics.match(given.middle, voronoi_otsu.segment(plane)).recall


@register(
    "data",
    symptom="My H&E section looks blue in Python and pink in the viewer, and the program that finds nuclei "
    "by their stain finds the wrong things.",
    questions=(
        "With which library was the image read?",
        "Is a pixel of the eosin-stained part redder than blue, as it should be?",
        "In which order does the program that comes next expect the channels?",
    ),
    diagnosis="channels in the wrong order",
    cause="OpenCV reads colour images as blue, green, red; nearly everybody else expects red, green, blue.",
    measure="image[:, :, 2].mean() - image[:, :, 0].mean()",
    guilty="> 0",
    repair="Turn the last axis round, `image[..., ::-1]`, or read with a library that says RGB, such as "
    "imageio or tifffile.",
    outcome="correlation of the colour that was meant to be haematoxylin with the right one",
    score=lambda given: _haematoxylin_agrees(given),
    keywords="BGR, RGB, OpenCV, cv2, blue, colour, tissue, H&E, histology, stain, channel order",
)
def blue_tissue(seed, sick):
    import cv2

    whole = data.load("tissue-he").image
    crop = whole[: 200 + 20 * seed, 60 * seed : 60 * seed + 320]
    _, png = cv2.imencode(".png", crop[..., ::-1])
    read = cv2.imdecode(png, cv2.IMREAD_COLOR)
    return SimpleNamespace(image=read if sick else read[..., ::-1].copy(), true=crop)


def _haematoxylin_agrees(given):
    from skimage.color import rgb2hed

    found, right = (rgb2hed(picture)[..., 0].ravel() for picture in (given.image, given.true))
    return np.corrcoef(found, right)[0, 1]


@register(
    "data",
    symptom="After I saved my images to share them, the brightest nuclei have black holes, and each is found "
    "as a ring or in pieces.",
    questions=(
        "What is the type of the numbers now, and what was it before?",
        "Are there neighbouring pixels of which one is nearly 0 and one nearly the highest value?",
        "How was it converted: was the range scaled first?",
    ),
    diagnosis="8-bit overflow",
    cause="Grey values above 255 do not fit into 8 bits; `astype(np.uint8)` keeps the remainder of a "
    "division by 256, so 256 becomes 0 and the middle of bright nuclei turns black.",
    measure="(np.abs(np.diff(image.astype(int), axis=1)) > 0.8 * np.iinfo(image.dtype).max).mean()",
    guilty="> 0.0005",
    repair="Keep 16 bits. If 8 must be, scale all images by the same factor first and clip.",
    outcome="average precision at IoU 0.5 of a threshold method",
    score=lambda given: metrics.average_precision(given.labels, voronoi_otsu.segment(given.image), 0.5),
    keywords="uint8, astype, wrap around, 16-bit, black holes, rings, conversion, dark centre, holes",
)
def black_hearts(seed, sick):
    sample = data.synthetic.nuclei((200, 200), 20, seed=seed, photons=120, offset=40)
    image = sample.image
    narrow = image.astype(np.uint8) if sick else np.clip(image // 4, 0, 255).astype(np.uint8)
    return SimpleNamespace(image=narrow, labels=sample.labels)


@register(
    "data",
    symptom="Cells at opposite ends of the image have the same colour in my label image, the table has 255 "
    "rows although I see more cells, and a few cells are gone.",
    questions=(
        "What is the largest number that the type of the label image can hold?",
        "Are there more separate objects than names?",
        "With which program was it saved, and as what: as an image to look at, or as labels?",
    ),
    diagnosis="labels in 8 bits",
    cause="256 objects need more numbers than 8 bits have: label 257 becomes 1, so two cells share a name, "
    "and label 256 becomes 0, background.",
    measure="measure.label(labels > 0).max() - len(np.unique(labels[labels > 0]))",
    guilty="> 0",
    repair="Save labels with 16 or 32 bits, as TIFF; connected components give back the names of objects "
    "that do not touch.",
    outcome="objects in the table",
    score=lambda given: _objects(given.labels),
    keywords="uint8 labels, 255 objects, mask png, lost cells, same label, duplicate label, missing cells, "
    "area twice as large",
    truth=300,
)
def two_cells_one_name(seed, sick):
    labels = data.synthetic.nuclei((440, 440), 300, radius=(4, 6), touching=0, seed=seed).labels
    return SimpleNamespace(labels=labels.astype(np.uint8 if sick else np.uint16))


@register(
    "data",
    symptom="In the program every cell has an outline of its own. In the exported mask they clump "
    "together, a "
    "training on these masks learns nothing, and the score says that there is a single object.",
    questions=(
        "How many different values has the mask file?",
        "Was it exported as a mask (foreground or not), or as labels, a number for each cell?",
        "Do cells touch? Then their separation is lost in a binary mask.",
    ),
    diagnosis="a binary mask instead of labels",
    cause="The file only says cell or no cell: all cells have the number 1 (or 255). Whoever reads it as "
    "labels "
    "sees one single object; connected components give cells back, but those that touch as one.",
    measure="measure.label(labels > 0).max() / len(np.unique(labels[labels > 0]))",
    guilty="> 1.5",
    repair="Export labels, 16 bits, a number for each object. Where the separation is gone for good, "
    "`skimage.measure.label(mask)` names what does not touch, and the rest is to be cut again.",
    outcome="objects in the file",
    truth=24,
    score=lambda given: _objects(given.labels),
    keywords="binary mask, instance segmentation, label image, 0 and 1, 255, export, ground truth, one "
    "object, "
    "same id, merged, clump, touching, StarDist training, unique number",
)
def one_large_cell(seed, sick):
    labels = data.synthetic.nuclei((256, 256), 24, seed=seed, touching=0.4).labels
    return SimpleNamespace(labels=(labels > 0).astype(np.uint8) if sick else labels.astype(np.uint16))


@register(
    "data",
    symptom="I saved the masks and the file is black, or nearly: a little brighter towards the bottom. In "
    "the "
    "program they were fine.",
    questions=(
        "What is the largest value in the file, if you print it instead of looking?",
        "From which to which value does the viewer go from black to white?",
        "Was a picture of the display saved, or the numbers?",
    ),
    diagnosis="labels looked at as if they were grey values",
    cause="The file holds the numbers 1, 2, 3 … of the cells, from the top to the bottom, and the viewer "
    "shows "
    "65535 as white; so 60 cells are all as good as black. Nothing is wrong until somebody saves what is "
    "seen.",
    measure="len(np.unique(labels)) - len(np.unique(file))",
    guilty="> 0",
    repair="Look with a colour table for labels (napari: *labels* layer; Fiji: *glasbey*), keep the "
    "numbers as "
    "they are, and never stretch or convert a label image for the eye.",
    outcome="cells in the file",
    truth=60,
    score=lambda given: _objects(given.file),
    keywords="saved masks, black image, empty file, all black, dark at the top, gradient, blank, png, tif, "
    "Fiji, "
    "ImageJ, display range, contrast, look-up table, glasbey",
)
def black_when_saved(seed, sick):
    labels = data.synthetic.nuclei((280, 280), 60, seed=seed, radius=(6, 9)).labels
    file = (labels / 65535 * 255).astype(np.uint8) if sick else labels.astype(np.uint16)
    return SimpleNamespace(labels=labels, file=file)


@register(
    "data",
    symptom="My raw camera file opens as snow: black and white specks all over the cells, values from 0 to "
    "65535.",
    questions=(
        "In which order are the two bytes of a pixel stored?",
        "Do neighbouring pixels resemble each other more once the bytes are swapped?",
        "Is there a header in the file that was read as pixels?",
    ),
    diagnosis="byte order",
    cause="The file was written with the higher byte first (big-endian) and read with the lower byte first, "
    "so the quickly changing lower byte counts 256 times as much.",
    measure="np.abs(np.diff(image.astype(float))).mean() / "
    "np.abs(np.diff(image.byteswap().astype(float))).mean()",
    guilty="> 1",
    repair="Say the order when reading raw bytes, `np.frombuffer(raw, '>u2')`, or let a reader of the "
    "format do it, which finds the order in the header.",
    outcome="average precision at IoU 0.5 of a threshold method",
    score=lambda given: metrics.average_precision(given.labels, voronoi_otsu.segment(given.image), 0.5),
    keywords="big-endian, little-endian, raw, byteswap, snow, noise, frombuffer, fromfile, salt and pepper",
)
def snow(seed, sick):
    sample = data.synthetic.nuclei((160, 160), 12, seed=seed)
    raw = sample.image.astype(">u2").tobytes()
    image = np.frombuffer(raw, "<u2" if sick else ">u2").reshape(sample.image.shape)
    return SimpleNamespace(image=image.astype(np.uint16), labels=sample.labels)


@register(
    "data",
    symptom="I exported pictures from the viewer. Measured there, my nuclei are hardly brighter than the "
    "background, although they look bright.",
    questions=(
        "How many channels has the file: one, three or four?",
        "What is in the fourth one?",
        "Were the pictures made to be looked at, or to be measured?",
    ),
    diagnosis="RGBA taken for intensities",
    cause="The fourth channel says how opaque a pixel is, 255 everywhere. Averaged with the others it adds "
    "64 to every pixel, background included.",
    measure="np.abs(grey - image[..., :3].mean(axis=-1)).max()",
    guilty="> 1",
    repair="Measure in the raw file. If there is only the picture, leave the fourth channel away, "
    "`image[..., :3]`.",
    outcome="brightness of nuclei, as a multiple of the background",
    score=lambda given: given.grey[given.labels > 0].mean() / given.grey[given.labels == 0].mean(),
    keywords="alpha channel, transparency, PNG, screenshot, four channels, export, low contrast, background",
)
def pale_export(seed, sick):
    from imageio import v3 as imageio

    sample = data.synthetic.nuclei((128, 128), 10, seed=seed, offset=10)
    grey = np.clip(sample.image / sample.image.max() * 255, 0, 255).astype(np.uint8)
    picture = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    read = imageio.imread(imageio.imwrite("<bytes>", picture, extension=".png"), extension=".png")
    used = read if sick else read[..., :3]
    return SimpleNamespace(image=read, grey=used.mean(axis=-1), labels=sample.labels)


# ---------------------------------------------------------------- intensities


@register(
    "data",
    symptom="The treatment should double the signal, and by eye it does, but I measure a much smaller "
    "increase.",
    questions=(
        "Which share of the pixels has exactly the highest value?",
        "Does the histogram end in a needle?",
        "Were both conditions taken with the same exposure, chosen on the brighter one?",
    ),
    diagnosis="saturation",
    cause="The camera counts no further than its highest value. The exposure was chosen on the controls, so "
    "the brightest pixels of the treated cells are cut off there.",
    measure="(treated == treated.max()).mean()",
    guilty="> 0.001",
    repair="Nothing brings back what was not recorded: choose the exposure on the brightest condition and "
    "record again. Until then report the share of saturated pixels.",
    outcome="treated divided by control",
    better="nearer",
    truth=2.0,
    score=lambda given: _signal(given.treated, given.labels) / _signal(given.control, given.labels),
    keywords="overexposed, clipped, exposure, 255, 4095, 65535, maximum value, plateau, intensity ratio",
)
def too_small_an_effect(seed, sick):
    control, treated, labels = two_conditions(seed, photons=2000 if sick else 300)
    limit = 4095  # of a camera with 12 bits
    return SimpleNamespace(
        control=np.minimum(control, limit), treated=np.minimum(treated, limit), labels=labels
    )


def two_conditions(seed, photons=300):
    """The same nuclei as controls, and treated: twice as bright. Darkness has the grey value 0."""
    common = {"shape": (160, 160), "count": 12, "seed": seed, "background": 0.02, "gain": 2.0, "offset": 0}
    settings = {"brightness": (0.6, 1.0), "texture": 0.05, "read_noise": 1.0}
    control, treated = (
        data.synthetic.nuclei(**common, **settings, photons=factor * photons) for factor in (1, 2)
    )
    return control.image, treated.image, control.labels


def _signal(image, labels):
    """Mean of the nuclei above the background."""
    return float(image[labels > 0].mean() - np.median(image[labels == 0]))


@register(
    "data",
    symptom="I see at once which images are treated, they are twice as bright. The table of intensities says "
    "that there is no difference.",
    questions=(
        "In which pixels was measured: in the raw ones, or in those that went into the network?",
        "Have all images the same minimum and the same maximum?",
        "From which images do the limits of the normalisation come?",
    ),
    diagnosis="normalised image by image before measuring",
    cause="Each image was stretched to the same range before it was measured; that removes just the "
    "difference between images that is to be measured.",
    measure="abs(np.percentile(treated, 99.8) - np.percentile(control, 99.8))",
    guilty="< 0.01",
    repair="Segment in normalised pixels if the network wants that, and measure in the raw ones with the "
    "labels; where a scale must be, take one for all images.",
    outcome="treated divided by control",
    better="nearer",
    truth=2.0,
    score=lambda given: _signal(given.treated, given.labels) / _signal(given.control, given.labels),
    keywords="normalise, normalize, percentile, rescale, min-max, contrast, intensity measurement, "
    "quantification, no difference, fluorescence intensity",
)
def no_difference(seed, sick):
    control, treated, labels = two_conditions(seed)
    if sick:
        control, treated = data.normalise(control), data.normalise(treated)
    else:
        control, treated = (data.normalise(image, 0, 1000) for image in (control, treated))
    return SimpleNamespace(control=control, treated=treated, labels=labels)


@register(
    "data",
    symptom="There is a faint chessboard in the dark parts of my images, and the spot detector finds spots "
    "where there are none.",
    questions=(
        "In which format were the images kept between the microscope and now?",
        "Are steps between neighbours larger where the column's number is a multiple of eight?",
        "Does the raw file still exist?",
    ),
    diagnosis="JPEG compression",
    cause="JPEG cuts the image into squares of 8 × 8 pixels and stores each with few numbers, made for the "
    "eye: small differences in the dark go first, and edges appear where squares meet.",
    measure="(steps := np.abs(np.diff(image.astype(float), axis=1)).mean(axis=0))[7::8].mean() / "
    "steps.mean()",
    guilty="> 1.2",
    repair="Go back to the raw files, and keep them as TIFF, whose compression loses nothing.",
    outcome="correlation of the dark background with the recorded one",
    score=lambda given: _background_agrees(given),
    keywords="jpg, compression, lossy, artefacts, artifacts, blocks, grid pattern, checkerboard, tiles, "
    "squares",
)
def chessboard(seed, sick):
    from imageio import v3 as imageio

    sample = data.synthetic.nuclei((160, 160), 8, seed=seed, photons=60, offset=20)
    recorded = np.clip(sample.image, 0, 255).astype(np.uint8)
    if sick:
        file = imageio.imwrite("<bytes>", recorded, extension=".jpg", quality=25)
        read = imageio.imread(file, extension=".jpg")
    else:
        file = imageio.imwrite("<bytes>", recorded, extension=".png")
        read = imageio.imread(file, extension=".png")
    return SimpleNamespace(image=read, recorded=recorded, labels=sample.labels)


def _background_agrees(given):
    outside = given.labels == 0
    return np.corrcoef(given.image[outside], given.recorded[outside])[0, 1]


# ---------------------------------------------------------------- labels and lengths


@register(
    "data",
    symptom="I made my label images smaller to fit the images, and now there are thin rings around objects, "
    "many more labels than cells, and cells with the number of another one.",
    questions=(
        "How were the labels resized: with which interpolation?",
        "Are there labels that the label image did not have before?",
        "How many objects are smaller than ten pixels?",
    ),
    diagnosis="interpolated labels",
    cause="Labels are names, not amounts. Between object 40 and background interpolation invents 10, 20 and "
    "30, which belong to other cells or to nobody.",
    measure="sum(measure.label(labels == n).max() > 1 for n in np.unique(labels[labels > 0])) / labels.max()",
    guilty="> 0.1",
    repair="Resize labels with the nearest neighbour, `skimage.transform.resize(labels, shape, order=0, "
    "preserve_range=True, anti_aliasing=False).astype(labels.dtype)`.",
    outcome="connected objects in the label image",
    better="nearer",
    truth=24,
    score=lambda given: sum(
        int(_parts(given.labels == n)) for n in np.unique(given.labels[given.labels > 0])
    ),
    keywords="upscaled masks, odd values along borders, training labels, "
    "resize, rescale, zoom, interpolation, order=0, nearest neighbour, thin rings, halo, outlines, "
    "too many labels, anti-aliasing, mask",
)
def rings_around_objects(seed, sick):
    from skimage.transform import resize

    labels = data.synthetic.nuclei((256, 256), 24, seed=seed).labels
    options = {"preserve_range": True, "anti_aliasing": False}
    small = resize(labels, (180, 180), order=1 if sick else 0, **options)
    return SimpleNamespace(labels=np.rint(small).astype(np.uint16))


def _parts(mask):
    return ndimage.label(mask, np.ones((3, 3)))[1]


@register(
    "data",
    symptom="All outlines sit a little too far down and to the right of the cells. At IoU 0.5 nothing is "
    "wrong, at 0.9 the score collapses.",
    questions=(
        "Were images or labels made smaller or larger on the way, and by taking every n-th pixel?",
        "Does the mask lie on brighter pixels if it is moved by one pixel, and is it so everywhere?",
        "Does the other program count pixels from their centre or from their corner, from 0 or from 1?",
    ),
    diagnosis="masks shifted by half a pixel or more",
    cause="Every fourth pixel was taken, `image[::4, ::4]`, which is the corner of each square, and the "
    "result was enlarged as if it had been the centre: everything moves by one and a half pixels.",
    measure="image[:-1, :-1][labels[1:, 1:] > 0].mean() - image[1:, 1:][labels[1:, 1:] > 0].mean()",
    guilty="> 0",
    repair="Make images smaller by averaging squares, and let coordinates go through the same "
    "transformation; check with phase correlation that nothing moved.",
    outcome="average precision at IoU 0.8",
    score=lambda given: metrics.average_precision(given.truth, given.labels, 0.8),
    keywords="shift, offset, misaligned, registration, half pixel, downsample, binning, outline beside cell, "
    "lower right, ROI, corner, centre",
)
def outlines_beside_cells(seed, sick):
    settings = {"radius": (13, 18), "touching": 0, "photons": 500, "brightness": (0.7, 1.0)}
    sample = data.synthetic.nuclei((320, 320), 16, seed=seed, **settings)
    squares = sample.image.reshape(80, 4, 80, 4)
    small = squares[:, 0, :, 0] if sick else squares.mean(axis=(1, 3))
    labels = voronoi_otsu.segment(small).repeat(4, axis=0).repeat(4, axis=1)
    return SimpleNamespace(image=sample.image, labels=labels, truth=sample.labels)


@register(
    "data",
    symptom="In 3D my round nuclei are flat as pancakes; two that lie above each other become one, and the "
    "volumes in µm³ make no sense.",
    questions=(
        "How far apart are two planes, and how far apart two pixels of a plane?",
        "Was the distance between planes handed to the program?",
        "Are nuclei as high as they are wide, in µm?",
    ),
    diagnosis="anisotropy ignored",
    cause="Planes are four times as far apart as pixels, but all three axes were counted in the same unit, "
    "so every length along Z is four times too short.",
    measure="np.ptp(np.nonzero(labels == 1), axis=1)[2] * used[2] / (np.ptp(np.nonzero(labels == 1), "
    "axis=1)[0] * used[0])",
    guilty="> 1.5",
    repair="Hand the three lengths to whatever measures, `spacing=(1.0, 0.25, 0.25)`, or resample the stack "
    "to cubes first; Cellpose calls the ratio anisotropy, StarDist takes it when its rays are made.",
    outcome="median volume of a nucleus in µm³",
    better="nearer",
    truth=113.0,
    score=lambda given: (
        float(np.median([n for n in np.bincount(given.labels.ravel())[1:]])) * np.prod(given.used)
    ),
    keywords="3D, z step, voxel size, spacing, flat nuclei, squeezed, pancakes, volume, anisotropic, stack",
)
def pancakes(seed, sick):
    random, spacing = np.random.default_rng(seed), np.array([1.0, 0.25, 0.25])
    labels = np.zeros((40, 160, 160), np.int32)
    grid = np.indices(labels.shape).astype(float) * spacing[:, None, None, None]
    corners = np.array([(z, y, x) for z in (8, 30) for y in (9, 28) for x in (9, 28)], float)
    for number, corner in enumerate(corners, 1):
        centre = corner + random.uniform(-2, 2, 3)
        radius = 3 * random.uniform(0.97, 1.03)
        labels[np.square(grid - centre[:, None, None, None]).sum(axis=0) <= radius**2] = number
    used = spacing if not sick else np.full(3, 0.25)
    return SimpleNamespace(labels=labels, spacing=spacing, used=used)


@register(
    "data",
    symptom="My cells have a diameter of 25 µm in the table. A colleague who looked at the same cells in the "
    "microscope says 10.",
    questions=(
        "In which unit does the file give its resolution: per inch, per centimetre, or none at all?",
        "Which number did the program take for a pixel, and does a cell of that size make sense?",
        "What does the microscope's own file say?",
    ),
    diagnosis="wrong pixel size",
    cause="A TIFF gives pixels per unit, and the unit in another tag. The unit was taken for an inch, "
    "although the file says centimetre: all lengths are 2.54 times too long, areas 6.5 times.",
    measure="pixel_size / (1e4 / tags['XResolution'] if tags['ResolutionUnit'] == 3 else np.inf)",
    guilty="> 1.01",
    repair="Read both tags, or the OME metadata, in which the unit is written out; ask whether the size of "
    "one well-known object comes out right.",
    outcome="median diameter in µm",
    better="nearer",
    truth=10.0,
    score=lambda given: metrics.median_diameter(given.labels) * given.pixel_size,
    keywords="calibration, micrometre, micron, resolution, unit, inch, dpi, scale, area, diameter, ImageJ, "
    "metadata, pixel size, 2.54",
)
def giants(seed, sick):
    import tifffile

    sample = data.synthetic.nuclei((200, 200), 16, seed=seed, radius=(9, 11), touching=0)
    file, true_size = io.BytesIO(), 0.5
    per_cm = 1e4 / true_size
    tifffile.imwrite(file, sample.image, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        first, second = tiff.pages[0].tags["XResolution"].value
        tags = {
            "XResolution": first / second,
            "ResolutionUnit": int(tiff.pages[0].tags["ResolutionUnit"].value),
        }
    unit = 25400 if sick or tags["ResolutionUnit"] == 2 else 1e4
    return SimpleNamespace(
        image=sample.image, labels=sample.labels, tags=tags, pixel_size=unit / tags["XResolution"]
    )
