"""Cases whose cause lies in the training: what the network was shown, and how.

Six more, a script in parts, are the patients of chapter 5 (``materials.ch05``).
"""

from types import SimpleNamespace

import numpy as np
from scipy import ndimage

from bioimage_course import data, metrics
from bioimage_course.clinic.patients import register
from bioimage_course.compat import quiet


def _torch():
    import torch

    torch.set_num_threads(1)
    return torch


@register(
    "training",
    symptom="The loss is a number for a while, then NaN, and NaN it stays. A lower learning rate only makes "
    "it happen later.",
    questions=(
        "Are there NaN or infinite values in the images as the network gets them?",
        "Is there an image with a single grey value, which has no spread to divide by?",
        "In which batch does it happen, and is it always the same image?",
    ),
    diagnosis="an image without contrast",
    cause="Each image is divided by its standard deviation. One crop is saturated or empty, its deviation "
    "is 0, and 0 divided by 0 is NaN; the first batch with it turns every weight into NaN.",
    measure="sum(not np.isfinite(x).all() for x in inputs)",
    guilty="> 0",
    repair="Find the image and look at it; divide by the deviation plus a small number, or leave out crops "
    "without contrast.",
    outcome="share of crops on which the trained network gives a number",
    better="higher",
    score=lambda given: _finite_after_training(given.inputs, given.targets),
    keywords="nan, loss nan, inf, divide by zero, exploding, normalise, standard deviation, black image, "
    "constant",
)
def loss_of_nothing(seed, sick):
    sample = data.synthetic.nuclei((128, 128), 10, seed=seed)
    image, labels = sample.image.astype(np.float32), sample.labels
    image[32:64, 64:96] = 65535  # saturated
    crops = image.reshape(4, 32, 4, 32).swapaxes(1, 2).reshape(16, 1, 32, 32)
    targets = (labels > 0).reshape(4, 32, 4, 32).swapaxes(1, 2).reshape(16, 1, 32, 32).astype(np.float32)
    mean, spread = crops.mean(axis=(2, 3), keepdims=True), crops.std(axis=(2, 3), keepdims=True)
    with np.errstate(all="ignore"):
        inputs = (crops - mean) / (spread if sick else spread + 1)
    return SimpleNamespace(inputs=inputs, targets=targets)


def _finite_after_training(inputs, targets):
    trained = _trained(inputs, targets, updates=8)
    return float(np.mean([np.isfinite(trained(x[None])).all() for x in inputs]))


def _trained(inputs, targets, updates=60, weight=1.0, seed=0):
    """A small pixel classifier, trained; a function from inputs to probabilities."""
    torch = _torch()
    from bioimage_course import nets

    with torch.random.fork_rng():
        nets.seed_everything(seed)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 5, padding=2)
        )
        x, y = (torch.tensor(part, dtype=torch.float32) for part in (inputs, targets))
        optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
        for step in range(updates):
            part = slice(4 * step % len(x), 4 * step % len(x) + 4)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network(x[part]), y[part], pos_weight=torch.tensor(weight)
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def answer(more):
        with torch.no_grad():
            return torch.sigmoid(network(torch.tensor(more, dtype=torch.float32))).numpy()

    return answer


@register(
    "training",
    symptom="The loss falls nicely and the accuracy is 99 %, but the predicted mask is black everywhere.",
    questions=(
        "Which share of the pixels is foreground?",
        "Which loss has a network that always says “background”?",
        "Is there a probability map, and does it rise a little where the objects are?",
    ),
    diagnosis="too few foreground pixels",
    cause="One pixel in a hundred is a spot. Saying “background” everywhere is nearly always right, and "
    "within a short training nothing pulls the network away from it.",
    measure="targets.mean()",
    guilty="< 0.05",
    repair="Draw crops around objects, and weigh the rare class in the loss (`pos_weight`, Dice or focal "
    "loss); then choose the threshold on validation images.",
    outcome="share of foreground pixels found",
    better="higher",
    score=lambda given: _recall_after_training(given),
    keywords="imbalance, black mask, predicts background, all zeros, zero masks, empty prediction, Dice "
    "loss, class weights, small objects, spots",
)
def black_masks(seed, sick):
    sample = data.synthetic.spots((256, 256), 20, seed=seed, sigma=1.2, photons=25, background=0.1)
    truth = ndimage.binary_dilation(sample.labels > 0) if sample.labels is not None else sample.target
    scaled = data.normalise(sample.image)
    if sick:
        corners = [(y, x) for y in range(0, 256, 32) for x in range(0, 256, 32)]
    else:
        centres = np.argwhere(truth)[:: max(1, truth.sum() // 64)]
        corners = [tuple(np.clip(c - 6, 0, 243)) for c in centres]
    side = 32 if sick else 12
    inputs, targets = (
        np.stack([part[y : y + side, x : x + side] for y, x in corners])[:, None].astype(np.float32)
        for part in (scaled, truth)
    )
    weight = 1.0 if sick else float((1 - targets.mean()) / targets.mean())
    return SimpleNamespace(inputs=inputs, targets=targets, weight=weight, image=scaled, truth=truth)


def _recall_after_training(given):
    answer = _trained(given.inputs, given.targets, updates=30, weight=given.weight)(given.image[None, None])
    return metrics.recall(given.truth, answer[0, 0] > 0.5)


@register(
    "training",
    symptom="Ninety-nine per cent on the validation crops, and on the images of the next experiment not even "
    "eighty.",
    questions=(
        "What was split: images, or crops of the same images?",
        "Do crops overlap, so that one lies in both sets?",
        "What is the score if whole images (slides, animals) are kept apart?",
    ),
    diagnosis="leakage: overlapping crops in both sets",
    cause="Crops were cut with overlap and then dealt at random, so most validation pixels were learnt "
    "by heart during training.",
    measure="np.mean([(np.abs(training - place).max(axis=1) < side).any() for place in validation])",
    guilty="> 0",
    repair="Split whole images first (better: slides, plates, animals), and cut crops afterwards, each set "
    "for itself. If whole images were kept apart and new ones are still worse, they come from another "
    "microscope or stain: annotate some of them.",
    outcome="share of validation pixels that training has seen",
    better="lower",
    score=lambda given: _seen(given),
    keywords="validation loss, data leakage, train test split, overfitting, too good, validation, "
    "generalise, patches, "
    "duplicates, overlap, new data worse",
)
def too_good_to_be_true(seed, sick):
    random, side = np.random.default_rng(seed), 64
    places = np.array([(y, x) for y in range(0, 449, 32) for x in range(0, 449, 32)])
    if sick:
        order = random.permutation(len(places))
        training, validation = places[order[40:]], places[order[:40]]
    else:
        training, validation = places[places[:, 0] <= 256], places[places[:, 0] >= 320]
    return SimpleNamespace(training=training, validation=validation, side=side)


def _seen(given):
    """Share of the pixels of validation crops that lie in a training crop."""
    learnt, asked = (np.zeros((512, 512), bool) for _ in range(2))
    for mask, places in ((learnt, given.training), (asked, given.validation)):
        for y, x in places:
            mask[y : y + given.side, x : x + given.side] = True
    return float((learnt & asked).sum() / asked.sum())


@register(
    "training",
    symptom="I added flips to the augmentation, and since then the flow network learns worse the more I "
    "flip.",
    questions=(
        "What is the target: a mask, or something with a direction?",
        "If an image is mirrored, what becomes of an arrow that points to the left?",
        "Do targets computed from the mirrored labels agree with the mirrored targets?",
    ),
    diagnosis="augmentation that makes the truth wrong",
    cause="Image and target were mirrored alike. A target of arrows must also have the sign of the mirrored "
    "component turned; without it every arrow points out of its cell.",
    measure="np.corrcoef(flows[1][labels > 0], fresh[1][labels > 0])[0, 1]",
    guilty="< 0.9",
    repair="Mirror labels and compute the flows afterwards, or turn the sign (cellpose's own "
    "`random_rotate_and_resize` does); try every augmentation on one image and look at it.",
    outcome="correlation of the targets with those of the mirrored labels",
    better="higher",
    score=lambda given: np.corrcoef(given.flows[1][given.labels > 0], given.fresh[1][given.labels > 0])[0, 1],
    keywords="augmentation, flip, rotate, mirror, flows, cellpose, vectors, target, worse with augmentation, "
    "albumentations",
)
def flips_that_harm(seed, sick):
    from bioimage_course import compat

    compat.prepare("cellpose")
    with quiet():
        from cellpose.dynamics import labels_to_flows

        labels = data.synthetic.nuclei((128, 128), 10, seed=seed).labels
        before, fresh = (_flows(labels_to_flows, part) for part in (labels, labels[:, ::-1].copy()))
    flows = before[:, :, ::-1].copy()
    if not sick:
        flows[1] *= -1
    return SimpleNamespace(labels=labels[:, ::-1].copy(), flows=flows, fresh=fresh)


def _flows(labels_to_flows, labels):
    """Flows along y and x."""
    return np.asarray(labels_to_flows([labels])[0])[-2:]


@register(
    "training",
    symptom="I annotated forty images with a few large cells each. Training Cellpose runs, but the network "
    "is no better than before, whatever I do.",
    questions=(
        "How many images does the program say it trains on?",
        "How many objects has each image?",
        "Which filter throws images or objects away, with which default?",
    ),
    diagnosis="a filter that removes the training images",
    cause="Cellpose leaves out images with fewer than `min_train_masks` masks, and the default is five. All "
    "images with three or four cells were dropped, with one line in the log.",
    measure="np.mean([len(np.unique(l)) - 1 < min_train_masks for l in labels])",
    guilty="> 0.2",
    repair="Set `min_train_masks=1` (and look at `min_size`, and at size filters of other tools); read what "
    "the log says about the number of images.",
    outcome="images that cellpose trains on, of 40",
    better="nearer",
    truth=40,
    score=lambda given: given.used,
    keywords="no ROIs, finds zero masks after retraining, retrained, custom model, "
    "small objects disappear, finds nothing after training, cyto3, cellpose training, "
    "min_train_masks, min_size, fine-tuning, not learning, removed, few cells, "
    "no improvement, filter, train_seg",
)
def forty_images_for_nothing(seed, sick):
    from bioimage_course import compat

    compat.prepare("cellpose")
    with quiet():
        from cellpose.train import _process_train_test
    random = np.random.default_rng(seed)
    labels = [_discs(int(n)) for n in random.choice([3, 4, 6], 40, p=[0.45, 0.45, 0.1])]
    images = [part.astype(np.float32) for part in labels]
    least = 5 if sick else 1
    import torch

    with quiet():
        kept = _process_train_test(
            train_data=images, train_labels=[_with_flows(part) for part in labels], min_train_masks=least,
            device=torch.device("cpu"),
        )[0]  # fmt: skip
    return SimpleNamespace(labels=labels, min_train_masks=least, used=len(kept))


def _discs(count):
    labels = np.zeros((48, 48), np.int32)
    for number in range(count):
        y, x = divmod(number, 3)
        labels[4 + 16 * y : 14 + 16 * y, 3 + 16 * x : 13 + 16 * x] = number + 1
    return labels


def _with_flows(labels):
    """Labels, cell probability and flows, as cellpose keeps them; what they say does not matter here."""
    return np.stack([labels, labels > 0, labels * 0, labels * 0]).astype(np.float32)


@register(
    "training",
    symptom="Each epoch takes hours, and the network learns hardly anything, although I have thousands of "
    "crops.",
    questions=(
        "In how many of the crops is an object at all?",
        "How were crops drawn: at random over a large, mostly empty slide?",
        "What do sixteen crops of one batch look like, with their masks?",
    ),
    diagnosis="crops without objects",
    cause="The slide is mostly empty, so most crops drawn at random hold only background and teach nothing "
    "that the first ten have not taught.",
    measure="np.mean([not mask.any() for mask in masks])",
    guilty="> 0.5",
    repair="Draw most crops around objects, and keep a share of empty ones so that background is learnt too.",
    outcome="share of crops with an object",
    better="higher",
    score=lambda given: np.mean([mask.any() for mask in given.masks]),
    keywords="patches, crops, empty, background, sampling, slow training, whole slide, does not learn, batch",
)
def thousands_of_crops(seed, sick):
    random = np.random.default_rng(seed)
    labels = np.zeros((1024, 1024), np.int32)
    small = data.synthetic.nuclei((160, 160), 12, seed=seed).labels
    y, x = random.integers(0, 1024 - 160, 2)
    labels[y : y + 160, x : x + 160] = small
    if sick:
        corners = random.integers(0, 1024 - 64, (200, 2))
    else:
        centres = np.argwhere(labels > 0)[random.integers(0, (labels > 0).sum(), 160)]
        corners = np.concatenate([np.clip(centres - 32, 0, 960), random.integers(0, 960, (40, 2))])
    return SimpleNamespace(masks=[labels[a : a + 64, b : b + 64] for a, b in corners])


@register(
    "training",
    symptom="I froze the encoder before fine-tuning, and its weights are the same to the last digit. Still "
    "the network is now much worse on the images that it could do before.",
    questions=(
        "Are there layers of batch normalisation among the frozen ones?",
        "What else than weights do they keep, and is that the same as before, `running_mean`, `running_var`?",
        "In which mode were the frozen layers during the training: `train` or `eval`?",
    ),
    diagnosis="frozen batch norm that goes on counting",
    cause="`requires_grad = False` keeps weights as they are. Batch normalisation also keeps a running mean "
    "and variance, which are no weights: in training mode they follow whatever images pass. Those of the new "
    "microscope are brighter, so what the frozen filters say of an old image is now shifted far down.",
    measure="np.abs(statistics_after - statistics_before).max()",
    guilty="> 0",
    repair="Put the frozen layers into evaluation mode, `layer.eval()`, after each call of "
    "`network.train()`, which puts them back; or use layers without running statistics, such as group "
    "normalisation.",
    outcome="Dice on the images that the network could do before",
    better="higher",
    score=lambda given: metrics.dice(given.truth, given.answer > 0.5),
    keywords="batchnorm, batch normalization, freeze, frozen encoder, fine-tuning, finetuning, "
    "requires_grad, forgetting, transfer learning, running mean, worse after fine-tuning, pretrained",
)
def frozen_and_still_worse(seed, sick):
    torch = _torch()
    from bioimage_course import nets

    old = data.synthetic.nuclei((96, 96), 8, seed=seed)
    new = data.synthetic.nuclei((96, 96), 8, seed=seed + 100)
    own, other = (_pair(torch, *part) for part in ((old.image / 100, old), (5 + new.image / 25, new)))
    with torch.random.fork_rng():
        nets.seed_everything(seed)
        encoder = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.BatchNorm2d(8, momentum=0.3), torch.nn.ReLU()
        )
        network = torch.nn.Sequential(encoder, torch.nn.Conv2d(8, 1, 5, padding=2))
        _fit(torch, network, own, updates=40)
        before = encoder[1].running_mean.numpy().copy()
        for weight in encoder.parameters():
            weight.requires_grad = False
        _fit(torch, network, other, updates=10, frozen=None if sick else encoder, rate=0.001)
    network.eval()
    with torch.no_grad():
        answer = torch.sigmoid(network(own[0]))[0, 0].numpy()
    return SimpleNamespace(
        image=old.image, answer=answer, truth=old.labels > 0,
        statistics_before=before, statistics_after=encoder[1].running_mean.numpy(),
    )  # fmt: skip


def _pair(torch, image, sample):
    """Image and mask as the network takes them."""
    return tuple(
        torch.tensor(np.asarray(part, np.float32))[None, None] for part in (image, sample.labels > 0)
    )


def _fit(torch, network, pair, updates, frozen=None, rate=0.02):
    optimiser = torch.optim.Adam([w for w in network.parameters() if w.requires_grad], lr=rate)
    network.train()
    if frozen is not None:
        frozen.eval()
    for _ in range(updates):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(pair[0]), pair[1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
