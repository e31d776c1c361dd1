# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {name: python3, display_name: Python 3, language: python}
# course:
#   chapter: "08"
#   title: Denoising
#   extra: denoising
#   paths: [user, builder]
#   gpu: "not needed"
# ---

# %% [markdown]
# Where noise comes from, and how networks remove it: with pairs of good and bad images, with pairs of bad ones, and
# with no pairs at all. You will measure a camera, write the blind spot of Noise2Void, train it with three programs,
# and find out when not to trust the result.
#
# Eight exercises are checked and a ninth is open. Everything runs without network.

# %% tags=["setup"]
import tempfile

import numpy as np
import torch
from scipy import ndimage, stats
from skimage import filters, morphology, restoration

from bioimage_course import check, compat, data, explore, metrics, nets, results, show, tools

blue, orange, green = (show.PALETTE[name] for name in ("blue", "orange", "green"))

# %% [markdown]
# ## Light is what makes an image
#
# The nuclei that you know, seen through a simulated camera. The picture has a little grain of its own; blurring it
# slightly takes that away. This `scene` of brightness 0 to 1 is recorded with a number of photons for a pixel of
# brightness 1; the camera makes two grey values of each photon, adds an offset of 100, and reads out with a noise of
# 3 grey values. What it would record without any noise is the truth.

# %%
GAIN, OFFSET, READ_NOISE = 2.0, 100.0, 3.0
nuclei = filters.gaussian(data.load("nuclei").image.astype(float), 1.5)
low, high = np.percentile(nuclei, (1, 99.8))
scene = np.clip((nuclei - low) / (high - low), 0, None)


def record(scene, photons, seed):
    """One noisy frame."""
    frame = data.synthetic.camera(
        scene, photons=photons, psf=0, gain=GAIN, offset=OFFSET, read_noise=READ_NOISE, seed=seed
    )
    return frame.astype(np.float32)


def without_noise(scene, photons):
    return OFFSET + GAIN * photons * scene


# %%
#| label: fig-triangle
#| fig-cap: "What live imaging has to share out. Along each side stands the price of having its two ends: whoever wants little light and speed pays with coarse pixels, and so on. Whoever takes all three gets noise."
#| fig-alt: "A triangle with corners little light, speed and resolution. Along its sides: coarse pixels, between little light and speed; blur by motion, between little light and resolution; bleaching and harm, between speed and resolution. In the middle: noise."
figure, axes = show.figure(height=3.3)
corners = {"little light": (0, 1), "speed": (-1, -0.6), "resolution": (1, -0.6)}
axes.fill(*zip(*corners.values()), fc=show.PALETTE["sky"], alpha=0.25, ec="k", lw=1.5)
for word, (x, y) in corners.items():
    axes.text(x * 1.12, y * 1.08 + (0.08 if y > 0 else -0.06), word, ha="center", va="center", fontsize=12, weight="bold")
for words, x, y, turn in (("paid with coarse pixels", -0.6, 0.28, 58), ("paid with blur by motion", 0.6, 0.28, -58),
                          ("paid with bleaching and harm", 0, -0.72, 0)):
    axes.text(x, y, words, ha="center", va="center", rotation=turn, rotation_mode="anchor", fontsize=10)
axes.text(0, -0.12, "all three:\nnoise", ha="center", va="center", fontsize=12, color=show.PALETTE["vermilion"])
axes.set(xlim=(-1.7, 1.7), ylim=(-1, 1.25), aspect=0.9)
axes.set_axis_off()
figure

# %%
#| label: fig-light
#| fig-cap: "The same nuclei with more and more light. The number of photons is that of the brightest nuclei; PSNR compares with the image without noise. Ten times the light is ten times the exposure, or ten times the bleaching."
#| fig-alt: "Four pictures of the same group of nuclei. With 2 photons only vague bright patches in strong grain; with 10 the nuclei can be seen; with 50 they are clear, with some grain; with 250 they look clean."
corner = np.s_[40:200, 20:180]
levels = (2, 10, 50, 250)
frames = [record(scene, photons, seed=0) for photons in levels]
show.images(
    [frame[corner] for frame in frames],
    [f"{photons} photons\n{metrics.psnr(without_noise(scene, photons), frame):.1f} dB"
     for photons, frame in zip(levels, frames)],
    columns=4,
)

# %% [markdown]
# ## Two kinds of noise
#
# Photons arrive at random. Where the camera expects $n$ of them, it counts $n \pm \sqrt{n}$ (*shot noise*): the
# variance grows in proportion to the light. Reading out adds the same noise everywhere. So if you plot, for each
# pixel, variance against mean over many frames, you get a straight line. Its slope is the gain. Its height at the
# offset, the grey value without any light, is the read-out noise squared; so you need a dark frame as well.

# %%
static = np.stack([record(scene[corner], 50, seed=k) for k in range(100)])
telomeres = data.load("telomere-frames")  # 40 real frames of one field, and the mean of 160 others
real = telomeres.image.astype(float)


def mean_and_variance(frames):
    """For each pixel its mean, and its variance from differences of successive frames (slow drift cancels)."""
    return frames.mean(axis=0).ravel(), (np.diff(frames, axis=0) ** 2).mean(axis=0).ravel() / 2


# %%
#| label: fig-mean-variance
#| fig-cap: "Variance against mean, one dot a pixel. Left: a simulated camera, 100 frames. The slope of the line is the gain, and at the offset, where there is no light, it has the height of the read-out noise squared. Right: 40 frames of a real camera looking at telomeres. Bright pixels vary more here, too. The column of dots above the dark end are pixels that are noisier than others at the same light, and they stay so from frame to frame: a real camera has many read-out noises, not one."
#| fig-alt: "Two scatter plots of variance against mean grey value, each with a straight orange line through the cloud. Left: means from 100 to about 200, variances rise from about 9 to about 200. Right: most pixels near a mean of 104 and a variance of 3, a narrow column of them up to variances of 15 and more; brighter ones vary more, scattered widely around the line."
figure, panels = show.figure(1, 2, height=3.2)
slopes = []
for axes, stack, title in zip(panels, (static, real), ("simulated", "telomeres")):
    means, variances = mean_and_variance(stack)
    slope, intercept = np.polyfit(means, variances, 1)
    slopes.append(slope)
    axes.plot(means, variances, ".", color=blue, ms=2, alpha=0.3)
    line = np.array([means.min(), means.max()])
    axes.plot(line, slope * line + intercept, color=orange, lw=2.5)
    axes.set(xlabel="mean (grey values)", ylabel="variance", title=f"{title}: slope {slope:.2f}")
    axes.set_ylim(0, np.percentile(variances, 99.9) * 1.2)
figure

# %% tags=["nbval-check-output"]
print("slope within 5 % of the simulated gain:", abs(slopes[0] / GAIN - 1) < 0.05)
print("real pixels with more light vary more:", slopes[1] > 0)
dark = real.mean(axis=0) < 108
halves = [mean_and_variance(frames[:, dark])[1] for frames in (real[:20], real[20:])]
print("dark pixels that vary more do so in both halves of the series:", np.corrcoef(halves)[0, 1] > 0.2)

# %% [markdown]
# ## Exercise 1: measure a camera
#
# Write `camera_line(frames, offset)`: from frames (N, Y, X) of a scene in which nothing moves, find the gain and the
# read-out noise (its standard deviation, in grey values). The offset is known. The check uses cameras of its own and
# is content with 5 %.

# %% tags=["exercise"] exercise="camera_line"
def camera_line(frames, offset):
    raise NotImplementedError
    return gain, read_noise


# %% tags=["solution"] exercise="camera_line"
def camera_line(frames, offset):
    mean, variance = frames.mean(axis=0), frames.var(axis=0, ddof=1)
    gain, read_variance = np.polyfit((mean - offset).ravel(), variance.ravel(), 1)
    return gain, np.sqrt(read_variance)


# %% tags=["check", "nbval-check-output"] exercise="camera_line"
check.camera_line(camera_line)

# %% [markdown]
# ## Filters first
#
# From now on a scene with fine structure: a simulated epithelium with thin membranes and with vesicles, blurred as a
# microscope blurs and no more. Twenty photons for a pixel of brightness 1. The left part of the field is for choosing
# and training, the right part for scoring. Each filter gets the strength that is best on the left; total variation
# also runs on the square root of the photons (*stabilised*), where shot noise is equally strong everywhere.

# %%
def epithelium(shape, seed, vesicles=(0.15, 1.0)):
    """Brightness of membranes and vesicles (of peak brightness from … to …), and where the vesicles are."""
    pixels = shape[0] * shape[1]
    exposure = {"photons": 1e4, "read_noise": 0, "seed": seed}
    sheet = data.synthetic.membranes(shape, pixels // 1600, psf=0, **exposure)
    dots = data.synthetic.spots(shape, pixels // 900, sigma=1.3, brightness=vesicles, background=0, **exposure)
    lines = filters.gaussian(sheet.target.astype(float), 1)
    return 0.05 + 0.6 * lines / lines.max() + (dots.image - OFFSET) / 2e4, np.rint(dots.target).astype(int)


def stabilised_total_variation(image, weight):
    """Total variation where the noise is 1 everywhere: on 2√(photons + 3/8 + read-out noise in photons, squared)."""
    shift = 3 / 8 + (READ_NOISE / GAIN) ** 2
    root = 2 * np.sqrt(np.clip((image - OFFSET) / GAIN + shift, 0, None))
    smooth = restoration.denoise_tv_chambolle(root, weight=weight)
    return (smooth**2 / 4 - shift + 1 / 4) * GAIN + OFFSET  # 1/4 undoes the bias of squaring a mean of roots


PHOTONS = 20
tissue, _ = epithelium((256, 640), seed=1)
truth, noisy = without_noise(tissue, PHOTONS), record(tissue, PHOTONS, seed=1)
left, right = np.s_[:, :384], np.s_[:, 384:]
sigma = tools.denoise.noise_level(noisy)
candidates = {
    "Gaussian": (filters.gaussian, "sigma", (0.5, 0.7, 1, 1.4, 2)),
    "median": (lambda x, radius: filters.median(x, morphology.disk(radius)), "radius", (1, 2, 3)),
    "non-local means": (
        lambda x, h: restoration.denoise_nl_means(x, patch_size=5, patch_distance=5, h=h * sigma, sigma=sigma),
        "h",
        (0.5, 0.7, 1, 1.4),
    ),
    "wavelets": (tools.denoise.wavelets, "strength", (0.7, 1, 1.5, 2)),
    "total variation": (
        lambda x, weight: restoration.denoise_tv_chambolle(x, weight=weight * sigma),
        "weight",
        (0.5, 0.7, 1, 1.4, 2),
    ),
    "total variation, stabilised": (stabilised_total_variation, "weight", (0.35, 0.5, 0.7, 1)),
}
restored, strengths = {"one frame": noisy}, {}
for name, (function, parameter, values) in candidates.items():
    scores = [metrics.psnr(truth[left], function(noisy, **{parameter: value})[left]) for value in values]
    strengths[name] = values[int(np.argmax(scores))]
    restored[name] = function(noisy, **{parameter: strengths[name]})

# %%
#| label: fig-filters
#| fig-cap: "A part of the field that was not used for choosing. Filters trade grain for sharpness: those that leave the membranes thin leave grain, those that remove it make membranes wide or patchy. The score is the PSNR of the whole right part."
#| fig-alt: "Eight pictures of the same cells with bright membranes and small dots: grainy; a little blurred and mottled by the Gaussian; blotchy after the median; thin membranes on mottled ground after non-local means; grainy with thin membranes after wavelets; flat patches with clear steps after total variation; the same with single dark pixels when stabilised; and the truth, with thin smooth membranes and round dots."
part, SHOWN = np.s_[100:196, 400:496], (97, 135)
show.images(
    [image[part] for image in restored.values()] + [truth[part]],
    [f"{name}\n{metrics.psnr(truth[right], image[right]):.1f} dB" for name, image in restored.items()] + ["truth\n"],
    columns=4, limits=SHOWN,
)

# %% [markdown]
# ## Exercise 2: a fair score
#
# Write what was done above as one function: `fair_score(denoise, strengths, noisy, truth, tuning, scoring)`.
# `denoise(noisy, strength)` gives the filtered image; `tuning` and `scoring` are parts of the image, to be used like
# `left` and `right`: `truth[tuning]`. Find the strength with the smallest mean squared error in `tuning`, and return it
# with *its* mean squared error in `scoring`. (Filter the whole image, then take the part: a cut has borders.)

# %% tags=["exercise"] exercise="fair_score"
def fair_score(denoise, strengths, noisy, truth, tuning, scoring):
    raise NotImplementedError
    return strength, error


# %% tags=["solution"] exercise="fair_score"
def fair_score(denoise, strengths, noisy, truth, tuning, scoring):
    errors = [np.mean((denoise(noisy, strength)[tuning] - truth[tuning]) ** 2) for strength in strengths]
    strength = strengths[int(np.argmin(errors))]
    return strength, np.mean((denoise(noisy, strength)[scoring] - truth[scoring]) ** 2)


# %% tags=["check", "nbval-check-output"] exercise="fair_score"
check.fair_score(fair_score)

# %% [markdown]
# ## With pairs: a network learns what the structure looks like
#
# The recipe of CARE: record each field twice, once gently and once with plenty of light, and train a U-Net to turn the
# one into the other. One function for the patches, one for training; the loop is `nets.fit`, as in every chapter.

# %%
class Patches:
    """Batches of patches, cut at random places from an image and its target, turned at random."""

    def __init__(self, image, target, batches=15, size=64, turn=True):
        self.images = torch.as_tensor(np.stack([standardise(image), standardise(target)]))
        self.batches, self.size, self.turn = batches, size, turn

    def __iter__(self):
        for _ in range(self.batches):
            yield tuple(torch.stack([self.patch() for _ in range(8)]).split(1, dim=1))

    def patch(self):
        row, column = (int(torch.randint(n - self.size + 1, ())) for n in self.images.shape[1:])
        patch = self.images[:, row : row + self.size, column : column + self.size]
        return torch.rot90(patch, int(torch.randint(4, ())) if self.turn else 0, (1, 2))


MEAN, SPREAD = float(noisy[left].mean()), float(noisy[left].std())


def standardise(image):
    """The same offset and scale for every image: those of the noisy training frame."""
    return ((image - MEAN) / SPREAD).astype(np.float32)


def train(loader, loss=torch.nn.functional.mse_loss, epochs=20):
    """A small U-Net; 300 steps unless told otherwise."""
    nets.seed_everything(0)
    network = nets.UNet(1, 1, depth=2, width=8, norm=None)
    history = nets.fit(
        network, loader, loss=loss, epochs=epochs, learning_rate=4e-3, clip=1.0,
        scheduler=lambda optimiser: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs),
    )
    return network, history


def restore(network, image):
    """What the network makes of an image, in grey values."""
    return nets.predict(network, torch.as_tensor(standardise(image))[None, None])[0, 0].numpy() * SPREAD + MEAN


# %%
care, _ = train(Patches(noisy[left], truth[left]))
restored["CARE (clean target)"] = restore(care, noisy)

# %% [markdown]
# ## With pairs of noisy images
#
# Noise2Noise replaces the clean target by a second noisy frame. Nothing else changes.

# %%
second = record(tissue, PHOTONS, seed=2)
noise2noise, _ = train(Patches(noisy[left], second[left]))
restored["Noise2Noise (noisy target)"] = restore(noise2noise, noisy)

# %%
#| label: fig-pairs
#| fig-cap: "A filter and two networks on the same cells. The networks differ in their target alone: clean for CARE, another noisy frame for Noise2Noise, which has never seen a clean image and is hardly worse. Both have learnt what membranes and vesicles look like and keep them thin where the filter has to blur. What is dim and small may be lost: look for vesicles of the truth that nobody found."
#| fig-alt: "Six pictures of the same cells with bright membranes and small dots: grainy; mottled after the Gaussian and after total variation; with thin smooth membranes and clear dots after CARE and, nearly the same, after Noise2Noise; the truth, with a few dim dots more."
names = {"one frame": "one frame", "Gaussian": "Gaussian", "total variation": "total variation", "CARE (clean target)": "CARE",
         "Noise2Noise (noisy target)": "Noise2Noise"}
show.images(
    [restored[name][part] for name in names] + [truth[part]],
    [f"{short}\n{metrics.psnr(truth[right], restored[name][right]):.1f} dB" for name, short in names.items()]
    + ["truth\n"],
    columns=3, limits=SHOWN,
)

# %% tags=["nbval-check-output"]
def gain_in_decibels(name):
    return metrics.psnr(truth[right], restored[name][right]) - metrics.psnr(truth[right], noisy[right])


print("CARE gains more than 8 dB:", gain_in_decibels("CARE (clean target)") > 8)
print("Noise2Noise, too:", gain_in_decibels("Noise2Noise (noisy target)") > 8)

# %% [markdown]
# ## Exercise 3: why it works
#
# A network that is asked for many different answers to the same question cannot give them all. It gives the one that
# costs least on average. Write `best_constants(values)`: which single number has the smallest mean *squared* difference
# from all values, and which the smallest mean *absolute* difference? (Try numbers, if you don't want to do the algebra.)

# %% tags=["exercise"] exercise="best_constants"
def best_constants(values):
    raise NotImplementedError
    return for_squared, for_absolute


# %% tags=["solution"] exercise="best_constants"
def best_constants(values):
    # d/dc of the mean of (v − c)² is −2 (mean − c), zero at the mean. |v − c| has slope ±1, one for each value on either
    # side: zero where as many values lie above as below.
    return np.mean(values), np.median(values)


# %% tags=["check", "nbval-check-output"] exercise="best_constants"
check.best_constants(best_constants)

# %% [markdown]
# ## With no pairs
#
# One noisy image, and nothing else: let the network predict the image from itself.

# %%
#| label: fig-identity
#| fig-cap: "A network whose target is its own input. The loss falls towards 0, far below the variance of the noise (dashed), because the network learns to pass every pixel on. Nothing is denoised."
#| fig-alt: "Line plot: the loss falls within a few epochs from about 1 to about 0.1, far below a dashed horizontal line. Beside it the result, as grainy as the input."
identity, history = train(Patches(noisy[left], noisy[left]), epochs=5)
figure, (plot, picture) = show.figure(1, 2, height=3)
plot.plot(range(1, history.epochs + 1), history.train_loss, "o-", color=blue)
plot.axhline((sigma / SPREAD) ** 2, color=orange, ls="--")
plot.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
picture.imshow(restore(identity, noisy)[part], cmap="gray", vmin=SHOWN[0], vmax=SHOWN[1])
picture.set_axis_off()
picture.set_title("the network's output")
figure

# %% tags=["nbval-check-output"]
print("gain below 2 dB:", metrics.psnr(truth, restore(identity, noisy)) - metrics.psnr(truth, noisy) < 2)

# %% [markdown]
# The remedy is to hide what it shall predict. Play with it:

# %% tags=["widget"]
explore.denoising()

# %% [markdown]
# ## Exercise 4: the blind spot
#
# Write `blind_spot(patch, spots, rng)`. `patch` is a noisy image (Y, X), `spots` an array (n, 2) of rows and columns.
# Return
#
# - `masked`: a copy in which each spot holds the *original* value of one of its eight neighbours, chosen at random by
#   `rng` (a NumPy generator), never its own; at the border there are fewer than eight;
# - `target`: the original values at the spots, an array (n,). The loss will be counted there and nowhere else.

# %% tags=["exercise"] exercise="blind_spot"
def blind_spot(patch, spots, rng):
    raise NotImplementedError
    return masked, target


# %% tags=["solution"] exercise="blind_spot"
def blind_spot(patch, spots, rng):
    masked = patch.copy()
    target = patch[spots[:, 0], spots[:, 1]]
    for row, column in spots:
        neighbours = [
            (y, x)
            for y in range(max(row - 1, 0), min(row + 2, patch.shape[0]))
            for x in range(max(column - 1, 0), min(column + 2, patch.shape[1]))
            if (y, x) != (row, column)
        ]
        masked[row, column] = patch[neighbours[rng.integers(len(neighbours))]]
    return masked, target


# %% tags=["check", "nbval-check-output"] exercise="blind_spot"
check.blind_spot(blind_spot)

# %% [markdown]
# ## Noise2Void in ten lines
#
# `tools.denoise.blind_spots` does the same for a whole batch, with neighbours up to two pixels away. The loss looks at
# the blind spots only; so that `nets.fit` can hand them over, the mask travels with the target.

# %%
class BlindPatches(Patches):
    """Patches with blind spots, and the original together with the mask as their target."""

    def __iter__(self):
        for original, _ in super().__iter__():
            masked, mask = tools.denoise.blind_spots(original.numpy(), 0.04, seed=int(torch.randint(2**31, ())))
            yield torch.as_tensor(masked), torch.cat([original, torch.as_tensor(mask)], dim=1)


def blind_loss(prediction, target):
    original, mask = target[:, :1], target[:, 1:]
    return ((prediction - original) ** 2 * mask).sum() / mask.sum()


noise2void, history = train(BlindPatches(noisy[left], noisy[left]), blind_loss)
restored["Noise2Void (our loop)"] = restore(noise2void, noisy)

# %% tags=["nbval-check-output"]
print("Noise2Void gains more than 8 dB:", gain_in_decibels("Noise2Void (our loop)") > 8)
print("its loss stays above half of the noise:", history.train_loss[-1] > 0.5 * (sigma / SPREAD) ** 2)

# %% [markdown]
# ## With the libraries
#
# `n2v` is the program of the method's authors. It is no longer maintained and needs Keras 2, which
# `compat.prepare` takes care of. Its input is a table of patches (N, Y, X, channels).

# %%
compat.prepare("n2v")  # before TensorFlow is imported
with tools.stardist.quiet():
    import tensorflow as tf
    from n2v.models import N2V, N2VConfig

    tf.keras.utils.set_random_seed(0)
    patches = torch.cat([batch for batch, _ in Patches(noisy[left], noisy[left], batches=20)])
    patches = patches.permute(0, 2, 3, 1).numpy()  # channels last
    config = N2VConfig(
        patches, unet_kern_size=3, unet_n_first=8, unet_n_depth=2, train_epochs=6, train_steps_per_epoch=50,
        train_batch_size=8, train_loss="mse", train_learning_rate=0.004, n2v_perc_pix=4, n2v_patch_shape=(64, 64),
        train_tensorboard=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        model = N2V(config, "n2v", basedir=folder)
        model.train(patches[:-16], patches[-16:])
        restored["Noise2Void (n2v)"] = model.predict(standardise(noisy), "YX") * SPREAD + MEAN

# %% [markdown]
# CAREamics is its successor, written in PyTorch by some of the same people, and does CARE and Noise2Noise as well. It
# cuts its own patches, three batches of them from an image as small as ours, so that 300 steps are 100 epochs, and keeps
# eight for validation unless told otherwise, which is a third of ours; and it standardises by itself. Its U-Net has batch normalisation unless told otherwise; that needs a
# longer training than ours to settle. Both get what our loop got: 300 steps of 8 patches, 4 % of the pixels hidden.

# %%
with tools.stardist.quiet():
    import logging

    for chatty in ("torch.utils.flop_counter", "lightning.pytorch"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    from careamics import CAREamist
    from careamics.config import create_advanced_n2v_config

    config = create_advanced_n2v_config(
        experiment_name="epithelium", data_type="array", axes="YX", patch_size=[64, 64], batch_size=8, num_epochs=100,
        masked_pixel_percentage=4, n_val_patches=1,
        model_params={"depth": 2, "num_channels_init": 8, "use_batch_norm": False}, optimizer_params={"lr": 0.004}, num_workers=0,
        trainer_params={"accelerator": "cpu", "enable_model_summary": False}, seed=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        careamist = CAREamist(config, work_dir=folder, enable_progress_bar=False)
        careamist.train(train_data=noisy[left])
        prediction, _ = careamist.predict(noisy, tile_size=None)
        restored["Noise2Void (CAREamics)"] = np.squeeze(prediction[0])

# %%
#| label: tbl-live
#| tbl-cap: "All methods on the right part of the field, which none of them was tuned or trained on. PSNR in decibels as the numbers are, SI-PSNR after the best offset and scale, SSIM between 0 and 1; last column: difference of PSNR to the best filter, block by block (16 blocks of 64×64 pixels, 95 % interval). One simulated image with fine structure, whose training part looks like its test part: networks have every advantage. Those of the libraries were run for as many steps as ours, in seconds and with settings of ours; which program is best, this table does not say."
def psnr_of_blocks(target, image):
    """PSNR of each of the 16 blocks of 64×64 pixels of 256×256."""
    squares = ((image - target).astype(float) ** 2).reshape(4, 64, 4, 64).mean(axis=(1, 3)).ravel()
    return 10 * np.log10(np.ptp(target) ** 2 / squares)


def score(image):
    return metrics.psnr(truth[right], image[right])


best_filter = max(candidates, key=lambda name: score(restored[name]))
of_blocks = {name: psnr_of_blocks(truth[right], image[right]) for name, image in restored.items()}
by_block = {name: metrics.paired_difference(values, of_blocks[best_filter]) for name, values in of_blocks.items()
            if name != best_filter}
show.table(
    [[name, f"{score(image):.1f}", f"{metrics.scale_invariant_psnr(truth[right], image[right]):.1f}",
      f"{metrics.ssim(truth[right], image[right]):.3f}", str(by_block.get(name, "–"))] for name, image in restored.items()],
    ["method", "PSNR", "SI-PSNR", "SSIM", "against the best filter"],
)

# %% tags=["nbval-check-output"]
for name in ("n2v", "CAREamics"):
    print(f"{name} gains more than 6 dB:", gain_in_decibels(f"Noise2Void ({name})") > 6)

# %% [markdown]
# ## What was taken away?
#
# A check that needs no truth: look at the residual, the noisy image minus the restored one. It should be noise and
# nothing else.

# %%
#| label: fig-residuals
#| fig-cap: "Residuals, noisy image minus result, on one scale. The Gaussian of the best strength took membranes and vesicles with the noise: they are bright in what is missing. After CARE hardly any structure is left over."
#| fig-alt: "Three grey pictures of grain. In the first, a network of bright lines and dots with dark rims shows membranes and vesicles; in the second, for a stronger Gaussian, the same more clearly; in the third there is grain, stronger along the membranes, and no lines."
taken = {f"Gaussian, σ = {strengths['Gaussian']}": noisy - restored["Gaussian"], "Gaussian, σ = 2": noisy - filters.gaussian(noisy, 2),
         "CARE": noisy - restored["CARE (clean target)"]}
show.images([ndimage.uniform_filter(residual, 3)[part] for residual in taken.values()], list(taken), columns=3, limits=(-8, 8))

# %% [markdown]
# (Averaged over 3×3 pixels for the picture: what is noise fades, what is structure stays.) A number helps, too. You know
# from exercise 1 how large the noise should be at each pixel. Divided by that, a residual that is noise and nothing else
# has a spread of 1.

# %%
#| label: tbl-residuals
#| tbl-cap: "Spread of the residual in units of the noise that the camera should have, on the right part; second number: of its means over 3×3 pixels, times 3. Noise alone gives 1 and 1, as the last row shows. Below 1, noise was left in the image. Above 1, structure was taken, or put in. A filter can do both, and the numbers then cancel: look at the picture as well."
def in_units_of_noise(image):
    """Residual divided by the expected noise, on the right part."""
    return ((noisy - image) / np.sqrt(GAIN * np.clip(image - OFFSET, 0, None) + READ_NOISE**2))[right]


judged = {name: image for name, image in restored.items() if name != "one frame"}
judged |= {"Gaussian, σ = 2": filters.gaussian(noisy, 2), "passes every pixel on": restore(identity, noisy), "the truth": truth}
spreads = {name: (residual.std(), 3 * ndimage.uniform_filter(residual, 3).std())
           for name, residual in ((name, in_units_of_noise(image)) for name, image in judged.items())}
show.table([[name, *(f"{value:.2f}" for value in values)] for name, values in spreads.items()],
           ["method", "spread of pixels", "of means over 3×3, times 3"])

# %% [markdown]
# ## Exercise 5: what has been invented?
#
# A residual finds what was taken away, and also what was put in, if you know how large it may be by chance. Write
# `suspicious(noisy, restored, gain, offset, read_noise)`:
#
# 1. divide the residual by the spread that the noise should have at each pixel, the root of
#    `gain * (restored - offset) + read_noise ** 2` (a restored value below the offset counts as the offset);
# 2. average over squares of 7×7 pixels, and multiply by 7: without any mistake of the restoration, the answer is about
#    normal with a spread of 1;
# 3. return the row and the column where it is farthest from 0, and the value there, with its sign.
#
# A large negative value: the restoration has put in light that the camera did not see. A large positive one: it has left
# light out. The check hides an invented vesicle, and a lost one, beside much brighter things with much more noise.

# %% tags=["exercise"] exercise="suspicious"
def suspicious(noisy, restored, gain, offset, read_noise):
    raise NotImplementedError
    return row, column, value


# %% tags=["solution"] exercise="suspicious"
def suspicious(noisy, restored, gain, offset, read_noise):
    spread = np.sqrt(gain * np.clip(restored - offset, 0, None) + read_noise**2)
    # seven by seven values of spread 1: their mean has a spread of 1/7
    average = 7 * ndimage.uniform_filter((noisy - restored) / spread, 7)
    row, column = np.unravel_index(np.argmax(np.abs(average)), average.shape)
    return row, column, average[row, column]


# %% tags=["check", "nbval-check-output"] exercise="suspicious"
check.suspicious(suspicious)

# %% [markdown]
# ## Any filter can be blind
#
# Noise2Self put the trick into one sentence: if a function predicts a pixel without using this pixel, and the noise of
# pixels is independent, then its error against the *noisy* image is its error against the truth plus the variance of
# the noise, which is the same for all such functions. So the noisy image itself can choose the filter.
#
# ## Exercise 6: a median with a blind spot
#
# Write `blind_median(image, radius)`: for each pixel the median of the square of $(2 \cdot \mathrm{radius} + 1)^2$ pixels
# around it, *without* the pixel itself. Mind the border: mirror the image there, without repeating the border pixel, so that it
# stays blind. (Of 8 neighbours there are two in the middle; the lower, the upper or their mean will do.)

# %% tags=["exercise"] exercise="blind_median"
def blind_median(image, radius=1):
    raise NotImplementedError
    return ndimage.median_filter(image, size=2 * radius + 1)


# %% tags=["solution"] exercise="blind_median"
def blind_median(image, radius=1):
    footprint = np.ones((2 * radius + 1, 2 * radius + 1), bool)
    footprint[radius, radius] = False
    # mode="mirror" reflects about the border pixel; SciPy's default, "reflect", would repeat it
    return ndimage.generic_filter(image, np.median, footprint=footprint, mode="mirror")


# %% tags=["check", "nbval-check-output"] exercise="blind_median"
check.blind_median(blind_median)

# %% [markdown]
# How strong shall the filter be? Below, Gaussians of growing width with and without their middle. Both are judged twice:
# against the noisy image, which everybody has, and against the truth, which nobody has.

# %%
#| label: fig-self-supervision
#| fig-cap: "Mean squared error of a Gaussian filter against its width, on the upper left of the epithelium. Left, the ordinary filter: judged by the noisy image, no filter at all looks best. Right, the same filter without its middle pixel: judged by the noisy image (solid) the curve is that of the truth (dashed), lifted by the variance of the noise, and has its minimum in the same place. The dots mark the minima."
#| fig-alt: "Two line plots of error against width from 0.35 to 2.8 pixels. Left: the solid curve rises all the way from near 0, the dashed one has its minimum at 1. Right: both curves fall and rise together, the solid one about 17 units higher, both with their minimum at 0.85."
def gaussian_kernel(width, blind):
    distance = np.hypot(*np.mgrid[-12:13, -12:13])
    weights = np.exp(-((distance / width) ** 2) / 2)
    weights[12, 12] *= not blind
    return weights / weights.sum()


widths = np.array([0.35, 0.5, 0.6, 0.7, 0.85, 1, 1.2, 1.4, 2, 2.8])
crop = np.s_[:256, :256]
errors = {}
for blind in (False, True):
    images = [ndimage.convolve(noisy[crop], gaussian_kernel(w, blind).astype(np.float32), mode="mirror") for w in widths]
    errors[blind] = [[np.mean((image - judge[crop]) ** 2) for image in images] for judge in (noisy, truth)]
figure, panels = show.figure(1, 2, height=3.2, sharey=True)
for axes, blind in zip(panels, (False, True)):
    for values, style, label in zip(errors[blind], ("-", "--"), ("against the noisy image", "against the truth")):
        axes.plot(widths, values, style, color=blue if style == "-" else orange, label=label)
        axes.plot(widths[np.argmin(values)], np.min(values), "o", color=blue if style == "-" else orange)
    axes.set(xlabel="width σ (pixels)", title="without the middle pixel" if blind else "ordinary filter")
panels[0].set_ylabel("mean squared error")
panels[0].legend()
figure

# %% tags=["nbval-check-output"]
chosen, best_width = (widths[np.argmin(values)] for values in errors[True])
print("the noisy image chooses the width that is best, or the next one:", abs(np.log(chosen / best_width)) < 0.25)
print("the ordinary filter it would switch off:", np.argmin(errors[False][0]) == 0)

# %% [markdown]
# `calibrate_denoiser` of scikit-image does this for any filter: it makes the filter blind, tries parameters, and returns
# the filter with the best one. On the simulated frame, and on a real one (see below for the telomeres):

# %%
#| label: tbl-calibrated
#| tbl-cap: "The weight of total variation (in units of the noise) that the noisy image alone chooses, and the one that is best by the reference; after each its PSNR. In the simulation the choice is nearly as good as the best. On the real frame it chooses hardly any filtering at all: the noise of its pixels is not independent, so the blind filter can guess it from the neighbours."
weights = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 2.8])
real_frame, real_mean = real[20], telomeres.target.astype(float)
chosen_by = {}
for name, image, wanted in (("simulated", noisy[right].astype(float), truth[right]), ("telomeres", real_frame, real_mean)):
    unit = tools.denoise.noise_level(image)
    _, (_, losses) = restoration.calibrate_denoiser(
        image, restoration.denoise_tv_chambolle, {"weight": list(weights * unit)}, extra_output=True
    )
    scores = [metrics.psnr(wanted, restoration.denoise_tv_chambolle(image, weight=w * unit)) for w in weights]
    chosen_by[name] = (int(np.argmin(losses)), int(np.argmax(scores)), scores)
show.table([[name, f"{weights[mine]:g} ({scores[mine]:.1f} dB)", f"{weights[best]:g} ({scores[best]:.1f} dB)"]
            for name, (mine, best, scores) in chosen_by.items()], ["frame", "chosen by the noisy image", "best by the reference"])

# %% [markdown]
# ## Exercise 7: are neighbours independent?
#
# Write `neighbour_correlation(frames)`. From frames (N, Y, X) of a scene in which nothing moves, return two numbers: the
# correlation of the noise of a pixel with that of the pixel *below*, and with that of the pixel *to the right*, over
# all pixels that have one, and all frames. 0 means independent. The check is content with ± 0.03.

# %% tags=["exercise"] exercise="neighbour_correlation"
def neighbour_correlation(frames):
    raise NotImplementedError
    noise = ...  # the frames without the scene
    return below, to_the_right


# %% tags=["solution"] exercise="neighbour_correlation"
def neighbour_correlation(frames):
    noise = np.diff(frames, axis=0)  # the scene is the same in all frames and cancels
    below = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    to_the_right = np.corrcoef(noise[:, :, :-1].ravel(), noise[:, :, 1:].ravel())[0, 1]
    return below, to_the_right


# %% tags=["check", "nbval-check-output"] exercise="neighbour_correlation"
check.neighbour_correlation(neighbour_correlation)

# %% [markdown]
# Your function on `static`, the simulated camera, and on `real`, the telomeres: what does it say?
#
# ## Real noise
#
# Telomeres on a real camera: 40 frames, and the mean of 160 others as reference. Before choosing a method, look at
# the noise. Are neighbouring pixels independent?

# %%
#| label: fig-correlation
#| fig-cap: "Correlation of the noise of a pixel with that of the pixels around it (the middle is the pixel itself, 1 by definition). Simulated noise is independent. That of the real camera is not: a pixel whose noise is positive usually has neighbours above and below whose noise is positive, too. A network with a blind spot can read it there."
#| fig-alt: "Two tables of 5 by 5 squares with numbers. Left: 1.00 in the middle and 0.00 or close to it elsewhere. Right: 1.00 in the middle, about 0.5 directly above and below, about 0.2 left and right, nearly 0 elsewhere."
def correlation(frames):
    """Correlation of the noise with that of neighbours up to two pixels away, (5, 5)."""
    noise = np.diff(frames, axis=0)
    noise = noise - noise.mean()
    inner = noise[:, 2:-2, 2:-2]
    rows, columns = inner.shape[1:]
    table = [[(inner * noise[:, y : y + rows, x : x + columns]).mean() for x in range(5)] for y in range(5)]
    return np.array(table) / inner.var()


tables = [correlation(static), correlation(real)]
figure, panels = show.figure(1, 2, height=3.1)
for axes, table, title in zip(panels, tables, ("simulated camera", "real camera")):
    axes.imshow(table, cmap="PuOr_r", vmin=-1, vmax=1)
    for (y, x), value in np.ndenumerate(table):
        ink = "white" if value > 0.7 else "black"
        axes.text(x, y, f"{value:.2f}".replace("-0.00", "0.00"), ha="center", va="center", color=ink)
    axes.grid(False)
    axes.set(title=title, xticks=range(5), xticklabels=range(-2, 3), yticks=range(5), yticklabels=range(-2, 3))
figure

# %% tags=["nbval-check-output"]
print("simulated, pixel above:", round(abs(tables[0][1, 2]), 1), "real, pixel above:", round(tables[1][1, 2], 1))

# %% [markdown]
# ## Exercise 8: a forecast
#
# Before you read on: True or False? May Noise2Void be used for the simulated camera, and for the telomeres? May
# Noise2Noise be used for the telomeres, with two frames in a row as a pair? And in which frames may the light of a
# telomere be measured, in restored ones, in the original ones?

# %% tags=["exercise"] exercise="what_may_be_done"
void_simulated = ...
void_telomeres = ...
pairs_telomeres = ...
light_restored = ...
light_original = ...

# %% tags=["solution"] exercise="what_may_be_done"
void_simulated = True  # independent from pixel to pixel
void_telomeres = False  # the pixels above and below give the noise away
pairs_telomeres = True  # independent from frame to frame
light_restored = False  # a network's error does not average away
light_original = True

# %% tags=["check", "nbval-check-output"] exercise="what_may_be_done"
check.what_may_be_done(void_simulated, void_telomeres, pairs_telomeres, light_restored, light_original)

# %% [markdown]
# What calls for what? `training/denoising.py` measured the noise of eight recordings before it trained anything: how
# much stronger it is where there is more light, and how far neighbours share it.

# %%
#| label: tbl-noise
#| tbl-cap: "Noise of real recordings, each measured on images that nothing is scored on. Signal against noise: spread of the signal (between twelve groups of pixels, dark to bright) over that of the noise; where it is far below 1 there is little to be found. Bright against dark: variance in the brightest group over that in the darkest; about 1 means read-out noise, much more means shot noise. Then the correlation of the noise with that of the next pixel. Telomeres from differences of successive frames, the others from differences to a reference; W2S and telomeres are means over two halves of the data. Last column: what the noise calls for."
CALLED_FOR = {
    "w2s": ("W2S, human cells", "pairs: CARE; independent: Noise2Void, N2V2"),
    "telomeres": ("telomeres", "shared by rows: StructN2V; many frames: Noise2Noise"),
    "fmd-fish": ("FMD, zebrafish, confocal", "independent: Noise2Void"),
    "nuclei": ("migrating nuclei", "more light; N2V2, to see what happens"),
    "fmd-bpae-0": ("FMD, BPAE cells, channel 1", "shared in all directions: CARE"),
    "fmd-bpae-1": ("FMD, BPAE cells, channel 2", "as above"),
    "fmd-bpae-2": ("FMD, BPAE cells, channel 3", "as above"),
    "mitochondria": ("mitochondria", "a pair: CARE"),
}
denoising = results.denoising
measured_noise = {}
for name in CALLED_FOR:
    found = [run.get("noise_between_frames", run["noise"]) for run in denoising.runs(name, "noise")]
    measured_noise[name] = np.mean([[np.std(each["means"]) / each["std"], each["brightest_over_darkest"], each["down"][0], each["right"][0]]
                                    for each in found], axis=0)
show.table([[title, *(f"{value:.2f}".replace("-0.00", "0.00") for value in measured_noise[name]), method]
            for name, (title, method) in CALLED_FOR.items()],
           ["recording", "signal against noise", "bright against dark", "correlation, down", "to the right", "what it calls for"])

# %% [markdown]
# ### Telomeres
#
# CAREamics' networks, trained on three quarters of the upper half of the field, 4,000 steps of 16 patches. The course
# carries three of them. Here they restore the lower half, which they have never seen. StructN2V hides, with each blind
# pixel, the one above and the one below.

# %%
half = np.s_[66:]  # rows of the lower half
reference = telomeres.target[half].astype(float)
telomere_networks = {"Noise2Void": tools.denoise.load("n2v"), "StructN2V": tools.denoise.load("structn2v"),
                     "Noise2Noise": tools.denoise.load("n2n")}
SCORED = (4, 12, 20, 28, 36)  # of the 40 frames; no part of the mean
weight = denoising.runs("telomeres", "tv")[0]["strength"]  # chosen on the right quarter of the upper half


def restorations(frame):
    """The lower half of a frame after total variation and after each network."""
    lower = frame[half]
    smooth = restoration.denoise_tv_chambolle(lower, weight=weight * tools.denoise.noise_level(lower))
    return {"total variation": smooth} | {name: network(lower) for name, network in telomere_networks.items()}


restored_frames = [restorations(real[k]) for k in SCORED]
restored_telomeres = {name: np.stack([views[name] for views in restored_frames]) for name in restored_frames[0]}
lower_frames = real[list(SCORED)][:, half]

# %%
#| label: fig-telomeres
#| fig-cap: "One real frame of telomeres, never trained on, and what was made of it; beside each result what it took away, the frame minus the result. Noise2Void (at its best step, an early one) leaves vertical streaks, because a pixel's noise can be guessed from the ones above and below; what it took away is therefore too fine a grain. Total variation, StructN2V and Noise2Noise are not deceived, and what they took away looks like the grain of the frame. Noise2Void has taken light from the spots, total variation a little: they are bright in what is missing. StructN2V leaves faint rows instead: what pixels share sideways, it does not hide. None of the four shows the faintest spots of the mean."
#| fig-alt: "Five rows of two wide pictures of a dark field with about ten bright dots. First row: the frame, with strong grain of short vertical streaks, and the mean of 160 frames, smooth. Then each result beside a grey residual: total variation, smooth, its residual streaky grain; Noise2Void, still streaky, its residual a fine grain without streaks; StructN2V, smooth with faint horizontal lines, its residual streaky grain; Noise2Noise, the smoothest, its residual streaky grain. The dots are bright in the residual of Noise2Void, faint in that of total variation, hardly to be seen in the others."
shown = SCORED.index(20)
figure, panels = show.figure(5, 2, height=8.2)
for axes, picture, title in zip(panels[0], (lower_frames[shown], reference), ("one frame", "mean of 160 frames")):
    axes.imshow(picture, cmap="gray", vmin=102, vmax=125)
    axes.set_title(title)
for row, (name, views) in zip(panels[1:], restored_telomeres.items()):
    row[0].imshow(views[shown], cmap="gray", vmin=102, vmax=125)
    row[1].imshow(lower_frames[shown] - views[shown], cmap="gray", vmin=-6, vmax=6)
    row[0].set_title(name)
    row[1].set_title("what it took away")
for axes in panels.flat:
    axes.set_axis_off()
figure

# %%
#| label: tbl-telomeres-residuals
#| tbl-cap: "What was taken away from five frames of the lower half, in numbers. The noise itself, from differences of neighbouring frames of the forty, has a spread of about 2 grey values, and the pixels above and below go with it to about one half. A residual that is all of the noise, and nothing else, looks the same. That of Noise2Void is smaller and has no such correlation, rather the opposite: the shared part of the noise is still in the image. No reference is needed for this table."
def spread_and_correlation(noise):
    """Standard deviation of noise (N, Y, X), and its correlation with the pixel below."""
    noise = noise - noise.mean(axis=(1, 2), keepdims=True)
    return noise.std(), np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]


taken_away = {"the noise itself": spread_and_correlation(np.diff(real[:, half], axis=0) / np.sqrt(2))}
taken_away |= {name: spread_and_correlation(lower_frames - views) for name, views in restored_telomeres.items()}
show.table([[name, *(f"{value:.2f}".replace("-", "−") for value in values)] for name, values in taken_away.items()],
           ["residual of", "spread (grey values)", "correlation with the pixel below"])

# %%
#| label: tbl-telomeres
#| tbl-cap: "Telomeres: PSNR in decibels, mean over four blocks of the half not trained on, the two halves in turn. The spots move a little, so the reference of a frame is the mean of the five frames before and the five after it, and the noise that is left in this mean is subtracted from the squared error. Then the difference to the filter that was best on the validation images of that half, block by block (95 % interval; the seeds of a training are averaged first), how many seeds there were for each half, and the differences of the single trainings. Filter and network were chosen on the same validation images, a network by its best step there; then PSNR after the last step, and how many steps of 16 patches there were. Last row: the filter that does best on the test blocks themselves, which nobody could have chosen; it shows how much hangs on the choice of the rival. Eight blocks of one field are no sample of fields: the interval says how far the blocks agree."
def seeds_of(recording, method):
    """How many seeds each part (fold) of a recording was trained with."""
    parts = [run["fold"] for run in denoising.runs(recording, method)]
    counts = [parts.count(part) for part in sorted(set(parts))]
    return str(counts[0]) if len(set(counts)) == 1 else " and ".join(map(str, counts))


def against_filters(recording):
    """A row for each training on a recording, under those of the noisy image and of the best filter."""
    most = max(denoising.compare(recording, method)["difference"].n for method in denoising.trained(recording))
    noisy = denoising.compare(recording, "none")
    rows = [["one frame", f"{noisy['mean']:.1f}", str(noisy["difference"]), "–", "–", "–", "–"]]
    for method in denoising.trained(recording):
        found = denoising.compare(recording, method)
        each = ", ".join(f"{value:+.1f}".replace("-", "−") for value in found["trainings"])
        rows.append([denoising.title(method), f"{found['mean']:.1f}" + (f" ({found['difference'].n})" if found["difference"].n < most else ""), str(found["difference"]), seeds_of(recording, method), each, f"{found['at_the_end']:.1f}", " and ".join(f"{steps:,}" for steps in found["steps"])])
    hindsight = denoising.filter_in_hindsight(recording)
    found = denoising.compare(recording, hindsight)
    return [*rows, [f"{denoising.title(hindsight)}, in hindsight", f"{found['mean']:.1f}",
                   "is the filter chosen" if set(found["against"]) == {hindsight} else str(found["difference"]), "–", "–", "–", "–"]]


COLUMNS = ["method", "dB", "against the best filter", "seeds", "single trainings", "dB at the end", "steps"]
show.table(against_filters("telomeres"), COLUMNS)

# %% tags=["nbval-check-output"]
scored = {name: np.mean([metrics.psnr(reference, view) for view in views]) for name, views in restored_telomeres.items()}
print("StructN2V beats Noise2Void on correlated noise by more than 1.5 dB:", scored["StructN2V"] > scored["Noise2Void"] + 1.5)

# %% [markdown]
# ### Was that long enough?
#
# A network that was stopped too early proves nothing. So here are the curves: the score on validation images, which are
# not the test images, every 100 steps.

# %%
#| label: fig-curves
#| fig-cap: "Score on validation images against steps of 16 patches, seed 0, first fold, counted from the best filter on the same images (dashed). Left, ten pairs: each network passes the filter, CARE first, and still rises where its training ends. The validation images are pieces of the very images that were trained on; on other images the lead is smaller, and for StructN2V it is larger on the other half of the field: choose by such a piece, do not report it. Right, the telomeres, where all that is to be learnt from is one small field: Noise2Noise is best early and then learns its field by heart; StructN2V is slow and keeps what it has; Noise2Void is at once where it stays, far below the filter: it learns to guess the noise."
#| fig-alt: "Two line plots of decibels above the best filter against steps. Left: three rising curves, CARE from below −1 to 1.6, N2V2 and Noise2Void below it and slower, to 0.8 and 0.6, all above a dashed line at 0 in the end. Right: Noise2Noise rises to about 0.5 above the dashed line within 1,000 steps and ends about as far below it; StructN2V rises to about 1 below the line; Noise2Void stays 5 below."
COLOURS = {"care": blue, "n2v": orange, "n2v2": green, "structn2v": green, "n2n": blue}
figure, panels = show.figure(1, 2, height=3.6)
for axes, recording, title in zip(panels, ("w2s", "telomeres"), ("W2S, SI-PSNR", "telomeres, PSNR")):
    rival, end = denoising.best_filter(recording, 0), 0
    for method in ("care", "n2v2", "n2v") if recording == "w2s" else ("structn2v", "n2n", "n2v"):
        steps, values = np.array(denoising.runs(recording, method)[0]["curve"]).T
        end = max(end, steps[-1])
        axes.plot(steps, values - rival["validation"], color=COLOURS[method])
        axes.annotate(denoising.title(method), (steps[-1], values[-1] - rival["validation"]), xytext=(4, -4), textcoords="offset points", va="center", fontsize=9)
    axes.axhline(0, color="k", ls="--", lw=1)
    axes.set(xlabel="steps", ylabel="dB above the best filter", title=title, xlim=(0, 1.45 * end), xticks=[0, end / 2, end])
panels[0].set_ylim(-1.5, None)
figure

# %% [markdown]
# ### Ten real pairs
#
# W2S: ten fields of human cells, one widefield frame each, and the mean of 400 frames as reference. Its pictures may not
# be shown here, so this is a table alone. Everything was trained and tuned on five images and scored on the other five,
# then the other way round.

# %%
#| label: tbl-w2s
#| tbl-cap: "W2S: SI-PSNR in decibels, mean over the images that were scored; difference to the best filter of the same images, image by image (95 % interval; the seeds are averaged first); seeds for each five images and differences of the single trainings; then SI-PSNR after the last step, and the number of steps; last row as before. The same network for CARE, Noise2Void and N2V2, the same share of hidden pixels for the last two; csbdeep and n2v have networks of their own, as deep and as wide (csbdeep's filters are larger), and were trained once, on five of the images."
show.table(against_filters("w2s"), COLUMNS)

# %%
#| label: tbl-others
#| tbl-cap: "The method that the noise of a recording calls for, in eight blocks of one image that were not trained on: PSNR after offset and scale were fitted, and the difference to the filter that was best on the validation part, then to the one that is best on the test blocks themselves, which nobody could have chosen (95 % interval over blocks). Trained on the left half of the same image, one training each. FMD's reference is a mean of 50 frames, the one that is restored among them. Eight blocks of one image are an example and no ranking: the interval says how far they agree."
def others():
    """A row for each recording but the two that have tables of their own."""
    rows = []
    for recording, (title, _) in CALLED_FOR.items():
        if recording in ("w2s", "telomeres"):
            continue
        chosen, hindsight = denoising.best_filter(recording, 0)["method"], denoising.filter_in_hindsight(recording)
        rivals = {name: f"{denoising.title(name)}, {denoising.compare(recording, name)['mean']:.1f}" for name in (chosen, hindsight)}
        for method in denoising.trained(recording):
            against = [denoising.compare(recording, method, name) for name in (chosen, hindsight)]
            rows.append([title, denoising.title(method), f"{against[0]['mean']:.1f}", rivals[chosen], str(against[0]["difference"]),
                         *((rivals[hindsight], str(against[1]["difference"])) if hindsight != chosen else ("the same", "–"))])
    return rows


show.table(others(), ["recording", "method", "dB", "filter chosen", "difference", "best filter in hindsight", "difference"])

# %%
#| label: tbl-published
#| tbl-cap: "Published numbers. Decibels of different groups of rows cannot be compared: other images, other noise, another scale of the numbers (PSNR, or SI-PSNR after the best offset and scale), other references, other training. Within a group they can, and there clean and noisy targets hardly differ, the filter BM3D is ahead of Noise2Void, and N2V2 is ahead of Noise2Void by some tenths of a decibel. The rows of the N2V2 authors are those of the last table of their repository, weights of the last epoch, two trainings or two ways of filling hidden pixels. CAREamics' rows are those that its authors printed in their own notebooks and scripts, with the budget where it is stated; the mean over images ± the spread between images."
published = [
    ["Noise2Void paper, BSD68", "trained with clean targets", "PSNR", "29.06", ""],
    ["Noise2Void paper, BSD68", "Noise2Noise", "PSNR", "28.86", ""],
    ["Noise2Void paper, BSD68", "BM3D, a filter", "PSNR", "28.59", ""],
    ["Noise2Void paper, BSD68", "Noise2Void", "PSNR", "27.71", ""],
    ["CAREamics, BSD68, notebook", "Noise2Void", "PSNR", "27.09 ± 2.90", ""],
    ["CAREamics, BSD68, script", "Noise2Void", "SI-PSNR", "26.44 ± 2.68", "50 epochs, batches of 128"],
    ["Noise2Noise paper, BSD300", "clean targets", "PSNR", "31.07", ""],
    ["Noise2Noise paper, BSD300", "Noise2Noise", "PSNR", "31.06", ""],
    ["CAREamics, U2OS nuclei, added noise", "CARE", "SI-PSNR", "31.51 ± 3.70", ""],
    ["CAREamics, Convallaria, row noise added", "StructN2V", "SI-PSNR", "28.89", "50 epochs, batches of 16"],
    ["N2V2 authors, BSD68", "Noise2Void", "PSNR", "27.67 to 27.72", ""],
    ["N2V2 authors, BSD68", "N2V2", "PSNR", "28.29 to 28.32", ""],
    ["N2V2 authors, Convallaria", "Noise2Void", "PSNR", "35.56 to 35.87", "2,000 batches of 80"],
    ["N2V2 authors, Convallaria", "N2V2", "PSNR", "36.15 to 36.25", "2,000 batches of 80"],
    ["CARE paper, planaria, beetles", "CARE", "NRMSE, SSIM", "none given", ""],
]
show.table(published, ["where, images", "method", "metric", "dB", "training, where stated"])

# %% [markdown]
# ### With a network connection: images of CAREamics' authors
#
# An electron micrograph (13 MB) or 100 frames of one field of Convallaria (344 MB), both CC BY 4.0, from the collection
# that CAREamics' own examples use. Choose a name below. The training takes about ten minutes on a processor (as long as
# each training above took); it uses a GPU by itself where there is one, and we have not measured how long it takes
# then. For Convallaria there is a reference, the mean of the 100 frames: beside what you get stands what others got.

# %%
PORTFOLIO = {
    "SEM": ("https://download.fht.org/jug/n2v/SEM.zip", "e1999b5d10abb1714b7663463f83d0bfb73990f5e0705b6cd212c4d3e824b96c"),
    "Convallaria": ("https://cloud.mpi-cbg.de/index.php/s/BE8raMtHQlgLDF3/download", "8a2ac3e2792334c833ee8a3ca449fc14eada18145f9d56fa2cb40f462c2e8909"),
}
TRAIN_ON = None  # "SEM" or "Convallaria"


def noise2void_on(name, steps=4000):
    """Train CAREamics' Noise2Void on one noisy image of the collection; the image, the result, the reference."""
    import pooch
    from skimage import io

    address, digest = PORTFOLIO[name]
    files = pooch.retrieve(address, f"sha256:{digest}", processor=pooch.Unzip(), progressbar=True)
    stack = io.imread(next(file for file in sorted(files) if file.endswith((".tif", ".tiff"))))
    image, target = (stack[50], stack.mean(axis=0)) if name == "Convallaria" else (np.squeeze(stack), None)
    image = image.astype(np.float32)
    batches = max(1, image.size // 64**2 // 16)  # of 16 patches in an epoch
    config = create_advanced_n2v_config(
        experiment_name=name, data_type="array", axes="YX", patch_size=[64, 64], batch_size=16, num_epochs=max(1, steps // batches),
        masked_pixel_percentage=1.5, model_params={"depth": 2, "num_channels_init": 16, "use_batch_norm": False},
        num_workers=0, seed=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        careamist = CAREamist(config, work_dir=folder)
        careamist.train(train_data=image)
        prediction, _ = careamist.predict(image, tile_size=[256, 256], tile_overlap=[48, 48])
    return image, np.squeeze(prediction[0]), target


if TRAIN_ON is None:
    print("No data set chosen: nothing is downloaded.")
else:
    image, result, target = noise2void_on(TRAIN_ON)
    middle = tuple(slice(n // 2 - 128, n // 2 + 128) for n in image.shape)
    display(show.images([image[middle], result[middle], (image - result)[middle]], ["one frame", "Noise2Void", "what it took away"]))
    if target is not None:
        print(f"SI-PSNR {metrics.scale_invariant_psnr(target, result):.2f} dB (the N2V2 authors: 35.56 to 35.87, PSNR)")

# %% [markdown]
# ## What goes wrong
#
# ### Stripes
#
# Many cameras read each column through its own amplifier. Add a random offset to each column, and train Noise2Void.

# %%
#| label: fig-stripes
#| fig-cap: "Noise that is shared by a column. Noise2Void removes the grain and leaves the stripes, because a pixel's neighbours in the column tell its offset. Right: what it took away, which is grain and hardly any stripes."
#| fig-alt: "Three pictures: cells with grain and vertical stripes; the same with little grain, the stripes as strong as before; and the difference of the two, grain in which stripes can hardly be seen."
stripes = np.random.default_rng(0).normal(0, 4, noisy.shape[1]).astype(np.float32)
striped = noisy + stripes
on_stripes, _ = train(BlindPatches(striped[left], striped[left], turn=False), blind_loss, epochs=10)
result = restore(on_stripes, striped)
show.images(
    [striped[part], result[part], (striped - result)[part]], ["grain and stripes", "Noise2Void", "removed"], columns=3
)

# %% tags=["nbval-check-output"]
kept = np.polyfit(stripes[384:], (result - truth).mean(axis=0)[384:], 1)[0]
print("more than 70 % of the stripes are still there:", kept > 0.7)

# %% [markdown]
# ### Other structures than those trained on
#
# A second network, trained in the same way on the nuclei from the beginning of the chapter. Now each of the two gets
# the structures of the other.

# %%
def best_of_filters(tuned_on, target, frame):
    """A frame after the filter, and with the strength, that does best on a training pair of the same structure."""
    tried = [(metrics.psnr(target, function(tuned_on, **{parameter: value})), function, {parameter: value})
             for function, parameter, values in candidates.values() for value in (*values, 2 * values[-1])]
    _, function, setting = max(tried, key=lambda entry: entry[0])
    return function(frame, **setting)


nuclei_truth, nuclei_noisy = without_noise(scene, PHOTONS), record(scene, PHOTONS, seed=1)
here, there = np.s_[:256, :256], np.s_[:256, 256:]
for_nuclei, _ = train(Patches(nuclei_noisy[here], nuclei_truth[here]))
structures = {
    "nuclei": (nuclei_noisy[there], nuclei_truth[there], for_nuclei, care,
               best_of_filters(nuclei_noisy[here], nuclei_truth[here], nuclei_noisy[there])),
    "epithelium": (noisy[right], truth[right], care, for_nuclei,
                   best_of_filters(noisy[left], truth[left], noisy[right])),
}
pictures, rows, specialists, strangers = [], [], {}, {}
for name, (frame, target, specialist, stranger, filtered) in structures.items():
    answers = {"one frame": frame, "filter": filtered, "stranger": restore(stranger, frame), "specialist": restore(specialist, frame)}
    decibels = {key: psnr_of_blocks(target, image) for key, image in answers.items()}
    specialists[name] = [metrics.paired_difference(decibels["specialist"], decibels[key]) for key in ("filter", "stranger")]
    strangers[name] = metrics.paired_difference(decibels["stranger"], decibels["filter"])
    rows.append([name, *(f"{metrics.psnr(target, image):.1f}" for image in answers.values()), *map(str, specialists[name]), str(strangers[name])])
    window = np.s_[130:226, 100:196] if name == "nuclei" else np.s_[100:196, 16:112]
    pictures += [frame[window], answers["stranger"][window], ndimage.uniform_filter(frame - answers["stranger"], 3)[window], target[window]]

# %%
#| label: fig-other
#| fig-cap: "Each structure restored by the network that knows the other one only. Top: in nuclei the network for epithelia finds membranes and vesicles that nobody recorded; it turns them into sponges. Bottom: the network for nuclei makes membranes wide and dim, and dim vesicles are gone. Third column: what the network took away (3×3 pixels averaged); with the membranes in it, the residual tells on the network, and a fine lattice inside the nuclei does."
#| fig-alt: "Two rows of four pictures. Top: nuclei with noise; the same as spongy patches made of dots and short lines with ragged outlines; a residual with faint outlines of the nuclei and a fine lattice inside them; the truth, smooth nuclei. Bottom: cells with noise; wide dim membranes and few faint dots; a residual in which membranes and vesicles are bright; the truth, thin membranes and round dots."
figure, panels = show.figure(2, 4, height=4.2)
for k, (axes, picture) in enumerate(zip(panels.flat, pictures)):
    low, high = (-8, 8) if k % 4 == 2 else SHOWN
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high)
    axes.set_axis_off()
for axes, title in zip(panels[0], ("one frame", "the other's network", "what it took away", "truth")):
    axes.set_title(title)
figure

# %%
#| label: tbl-other
#| tbl-cap: "PSNR in decibels on the test parts, one simulated field of each structure; differences block by block (16 blocks of 64×64 pixels, 95 % interval). The other's network is better than nothing, which makes it dangerous: the picture looks clean, and decibels are missing against a filter, and more against the network for the structure."
show.table(rows, ["structure", "one frame", "best filter for it", "the other's network", "its own network", "own against filter", "own against other's", "other's against filter"])

# %% tags=["nbval-check-output"]
for name, (_, against_other) in specialists.items():
    print(f"{name}: its own network at least 5 dB better than the other's:", against_other.low > 5)

# %% [markdown]
# ### The same light, half the light
#
# A network that minimises the squared error gives, where it is unsure, the mean of what is possible, and how unsure it
# is depends on the light. Suppose that you measure vesicles in ten control wells and in ten treated ones. The treatment
# does nothing; but on the day of the treated wells the lamp was weaker, and you divide by the exposure, as one should.

# %%
def light_of(image, places):
    """Mean over vesicles of the sum over 5×5 pixels, above the median of the 13×13 around; not at the border."""
    inner = [(y, x) for y, x in places if min(y, x) >= 6 and max(y, x) < len(image) - 6]
    return np.mean([image[y - 2 : y + 3, x - 2 : x + 3].sum() - 25 * np.median(image[y - 6 : y + 7, x - 6 : x + 7])
                    for y, x in inner])


def wells(photons, seeds):
    """For each well the light of its vesicles, by the original pixels and by the restored ones, per photon."""
    table = []
    for seed in seeds:
        well, places = epithelium((128, 128), seed, vesicles=(0.15, 0.5))
        frame = record(well, photons, seed)
        rescaled = (frame - OFFSET) * PHOTONS / photons + OFFSET  # as bright as the images of the training
        answers = frame, restore(care, frame), restore(care, rescaled)
        table.append([light_of(image, places) / light for image, light in zip(answers, (photons, photons, PHOTONS))])
    return np.array(table)


WAYS = "original pixels", "restored", "brought to the light of the training, then restored"
control = wells(PHOTONS, range(100, 110))
treated = {share: wells(PHOTONS * share, range(200, 210)) for share in (1, 0.7, 0.5)}
changes = {share: table.mean(axis=0) / control.mean(axis=0) - 1 for share, table in treated.items()}
p_values = {share: stats.ttest_ind(control, table, equal_var=False).pvalue for share, table in treated.items()}

# %%
#| label: tbl-effect
#| tbl-cap: "A treatment without effect: change of the light of vesicles in ten treated wells against ten control wells, and the p value of Welch's t-test; all wells simulated, recorded with the light that the network was trained for (control) and with as much, 70 % or 50 % of it (treated). Original pixels see no effect. Restored ones see one as soon as the light differs, with a p value that any journal would take. Bringing the frames to the brightness of the training first helps here; but who did not think of it is not warned."
def cell(share, way):
    p = p_values[share][way]
    return f"{100 * changes[share][way]:+.0f} %, p {'< 0.0001' if p < 1e-4 else f'= {p:.2g}'}".replace("-", "−")


show.table([[way, *(cell(share, k) for share in treated)] for k, way in enumerate(WAYS)],
           ["measured in", *(f"{100 * share:.0f} % of the light" for share in treated)])

# %% [markdown]
# ### Measuring intensities after restoration
#
# A network that minimises the squared error gives, where it is unsure, the mean of what is possible. So dim things get
# dimmer, or as bright as their neighbours. Here: the light of each telomere, summed over a square of 7×7 pixels above its
# surroundings, in single frames and in restored ones, against the mean of 160 frames. After ± the spread from frame to frame.

# %%
def spots_of(image, number=10):
    """Places of the brightest local maxima that lie away from the border."""
    smooth = ndimage.gaussian_filter(image, 1)
    peaks = np.argwhere((smooth == ndimage.maximum_filter(smooth, 9)))
    inner = peaks[(peaks.min(axis=1) >= 6) & (peaks < np.array(image.shape) - 6).all(axis=1)]
    return inner[np.argsort(-smooth[tuple(inner.T)])[:number]]


def light(image, places):
    """Sum over 7×7 pixels around each place, above the median of the frame of 13×13 around it."""
    values = []
    for y, x in places:
        around = image[y - 6 : y + 7, x - 6 : x + 7].copy()
        inside = around[3:10, 3:10].copy()
        around[3:10, 3:10] = np.nan
        values.append(inside.sum() - 49 * np.nanmedian(around))
    return np.array(values)


places = spots_of(reference)
true_light = light(reference, places)
frames = [real[k][half] for k in range(0, 40, 4)]
measured = {"one frame": np.array([light(frame, places) for frame in frames])}
for name, network in telomere_networks.items():
    measured[name] = np.array([light(network(frame), places) for frame in frames])
measured["Gaussian σ = 1.4"] = np.array([light(filters.gaussian(frame, 1.4), places) for frame in frames])

# %%
#| label: tbl-intensity
#| tbl-cap: "Light of ten telomeres in ten frames, divided by the light in the mean of 160 frames. 1.00 would be right. Single frames are noisy, and near it on average. StructN2V and Noise2Noise take light from the dimmer ones, and the Gaussian moves light of all spots out of the square: an error that stays in the mean of many frames."
bright = true_light >= np.median(true_light)
rows = []
for name, values in measured.items():
    ratios = [(values / true_light)[:, group] for group in (bright, ~bright)]
    rows.append([name, *(f"{ratio.mean():.2f} ± {ratio.std(axis=0).mean():.2f}" for ratio in ratios)])
show.table(rows, ["image", "five brighter spots", "five dimmer spots"])

# %% [markdown]
# ## What the page claims
#
# Each sentence of the page about these numbers, under its name, and whether it holds.

# %% tags=["claims", "nbval-check-output"]
care_gain, pair_gain = by_block["CARE (clean target)"], by_block["Noise2Noise (noisy target)"]
on_one_field = [run for method in ("n2n", "n2v") for run in denoising.runs("telomeres", method)]
best_steps = [max(run["curve"], key=lambda point: point[1])[0] for run in on_one_field]
struct = denoising.compare("telomeres", "structn2v", "n2v")
level = [denoising.compare("telomeres", "structn2v", rival)["difference"] for rival in (None, denoising.filter_in_hindsight("telomeres"))]
pairs_ahead = [denoising.compare("telomeres", "n2n", rival)["difference"] for rival in ("structn2v", None, denoising.filter_in_hindsight("telomeres"))]
care_ahead, void_ahead, void2_ahead = (denoising.compare("w2s", method) for method in ("care", "n2v", "n2v2"))
programs = [denoising.compare("w2s", theirs, ours)["difference"] for theirs, ours in (("csbdeep-care", "care"), ("n2v-original", "n2v"))]
dim, fish = denoising.compare("nuclei", "n2v2"), denoising.compare("fmd-fish", "n2v")
fish_gaussian = denoising.compare("fmd-fish", "n2v", "gaussian")["difference"]
close = denoising.best_filter("fmd-fish", 0)["validation"] - denoising.runs("fmd-fish", "gaussian")[0]["validation"]
with_a_pair = [denoising.compare(name, "care")["difference"] for name in ("mitochondria", *(f"fmd-bpae-{k}" for k in range(3)))]
blocks = {name: np.array(run.get("best", run)["scores"]["fitted_psnr"]) for name in ("none", "tv", "care") for run in denoising.runs("mitochondria", name)}
in_vain, lead = blocks["tv"] < blocks["none"] + 0.5, blocks["care"] - blocks["tv"]
residual_shares = {name: correlation for name, (_, correlation) in taken_away.items()}
lost = {name: scores[best] - scores[mine] for name, (mine, best, scores) in chosen_by.items()}
brightness = {name: [(values / true_light)[:, group].mean() for group in (bright, ~bright)] for name, values in measured.items()}
show.claims(
    ("slope-is-the-gain", "b84e44", abs(slopes[0] / GAIN - 1) < 0.05, f"slope within 5 % of the gain of {GAIN:g}, 100 simulated frames"),
    ("noisy-targets-will-do", "147595", abs(score(restored["CARE (clean target)"]) - score(restored["Noise2Noise (noisy target)"])) < 1 and min(care_gain.low, pair_gain.low) > 3,
     "less than 1 dB apart, each more than 3 dB ahead of the best filter, 16 blocks of one simulated image"),
    ("all-roads-lead-beyond", "2a43d7", min(d.low for name, d in by_block.items() if "(" in name) > 0,
     "the interval of the difference to the best filter is above 0 for all five networks, 16 blocks of one simulated image"),
    ("residuals-tell", "35f87b", bool(spreads["Gaussian"][0] < 0.95 and spreads["Gaussian, σ = 2"][0] > 1.03 and abs(spreads["CARE (clean target)"][0] - 1) < 0.05),
     "spread in units of the noise: Gaussian below 0.95, with σ = 2 above 1.03, CARE within 0.05 of 1"),
    ("calibration-needs-independence", "25c410", bool(lost["simulated"] < 1 and lost["telomeres"] > 5), "less than 1 dB and more than 5 dB lost, one frame each"),
    ("noisy-image-chooses", "f72cd7", bool(abs(np.log(chosen / best_width)) < 0.25 and np.argmin(errors[False][0]) == 0), "the best width or the next; without blind spot the narrowest"),
    ("rows-are-joined", "bdd540", tables[1][1, 2] > 0.4 and abs(tables[0][1, 2]) < 0.05, f"about {tables[1][1, 2]:.1f} against about 0"),
    ("residuals-share-the-noise", "bd8294", min(residual_shares[name] for name in ("total variation", "StructN2V", "Noise2Noise")) > 0.4 and residual_shares["Noise2Void"] < 0.1,
     "correlation with the pixel below above 0.4 in three residuals, below 0.1 in that of Noise2Void, five frames"),
    ("longer-blind-spot-pays", "6b888b", struct["difference"].low > 1 and min(struct["difference"].difference, struct["at_the_end"] - struct["end_against"]) > 2
     and struct["difference"].better == struct["difference"].n and all(d.low > 0 for d in pairs_ahead) and all(d.low < 0 < d.high for d in level),
     f"StructN2V against Noise2Void {struct['difference']} blocks of one field, last steps {struct['at_the_end'] - struct['end_against']:+.1f} dB; Noise2Noise against StructN2V {pairs_ahead[0]}, the filter chosen {pairs_ahead[1]}, the best in hindsight {pairs_ahead[2]}; StructN2V against the same two filters {level[0]} and {level[1]}"),
    ("longer-is-not-better", "99dabf", all(best_steps[k] <= 1000 and run["best"]["validation"] - run["curve"][-1][1] > 0.05 and run["losses"][-1] < run["losses"][best_steps[k] // 100 - 1]
                                           for k, run in enumerate(on_one_field)),
     f"best after {', '.join(str(step) for step in best_steps)} of 4,000 steps; more than 0.05 dB lost at the end, and a smaller loss, in each training"),
    ("care-beats-the-filter", "00f787", care_ahead["difference"].better == 10 and care_ahead["difference"].low > 0 and care_ahead["difference"].difference > 0.5 and min(care_ahead["trainings"]) > 0 and void_ahead["difference"].low < 0 < void_ahead["difference"].high
     and 0 < void2_ahead["difference"].difference < 0.5 and all(d.low < 0 < d.high for d in programs),
     f"CARE {care_ahead['difference']} images, {len(care_ahead['trainings'])} trainings; Noise2Void {void_ahead['difference']}, {len(void_ahead['trainings'])} trainings; N2V2 {void2_ahead['difference']}, {len(void2_ahead['trainings'])} trainings; csbdeep's CARE against CAREamics' {programs[0]}, n2v against CAREamics' Noise2Void {programs[1]}"),
    ("no-signal-no-restoration", "6c2b28", measured_noise["nuclei"][0] < 0.1 and abs(dim["mean"] - denoising.compare("nuclei", "none")["mean"]) < 1 and dim["difference"].better == 0 and dim["against"] == ["wavelets"]
     and measured_noise["fmd-fish"][0] > 1 and fish["difference"].better == 8 and fish["difference"].low > 1 and fish["at_the_end"] - fish["end_against"] > 1
     and close < 0.01 and 0 < fish_gaussian.difference < 1 and fish_gaussian.better < 8
     and min(d.difference for d in with_a_pair) > 0 and bool(in_vain.sum() == 5 and lead[in_vain].sum() > 0.75 * lead.sum()),
     f"zebrafish: Noise2Void {fish['difference']} blocks of one image, against the Gaussian {fish_gaussian}, one training; nuclei: signal below a tenth of the noise; less than 1 dB from the noisy frame; against wavelets {dim['difference']} blocks of one image, one training; CARE against the filter: mitochondria {with_a_pair[0]}, BPAE {', '.join(map(str, with_a_pair[1:]))}, one training each; {lead[in_vain].sum() / lead.sum():.0%} of the lead on mitochondria in {in_vain.sum()} of 8 blocks"),
    ("strangers-fall-behind", "fdbbf4", specialists["epithelium"][0].low > 4 and 0 < specialists["nuclei"][0].low and specialists["nuclei"][0].high < 2.5 and all(d.high < 0 for d in strangers.values()),
     "own network on the epithelium more than 4 dB ahead of the best filter, on nuclei 0 to 2.5; the other's network behind it, 16 blocks of one simulated image each"),
    ("restoration-makes-effects", "220503", bool(p_values[0.7][1] < 0.05 and changes[0.5][1] < -0.4 and min(p[way] for p in p_values.values() for way in (0, 2)) > 0.05),
     "restored, 70 % of the light: p below 0.05; half of it: change below −40 %; original pixels, and restored at the light of the training: p above 0.05; ten simulated wells each"),
    ("dim-spots-get-dimmer", "9d74a5", max(abs(v - 1) for v in brightness["one frame"]) < 0.15 and all(brightness[name][1] < 0.9 < brightness[name][0] for name in ("StructN2V", "Noise2Noise")),
     "mean of ten frames: single frames within 0.15 of the light in the mean of 160; after StructN2V and Noise2Noise the five dimmer telomeres below 0.9, the five brighter above"),
)

# %% [markdown]
# ## Exercise 9: stripes and grain (open)
#
# `striped` images have both: an offset for each column, and shot and read-out noise. Write `remove_stripes(image)` by any
# means of this notebook. The check applies it to three images that you have not seen, of other nuclei, and wants at
# least 9.5 dB more than the image itself, with an offset of the whole image left out of account. A filter alone gains
# less: it does not know that all pixels of a column are wrong by the same amount.

# %% tags=["exercise"] exercise="remove_stripes"
def remove_stripes(image):
    raise NotImplementedError
    return image


# %% tags=["solution"] exercise="remove_stripes"
def remove_stripes(image):
    # First what neighbours share, then the rest. Most pixels of a column are background, so its median is the column's
    # offset; a smooth curve through the medians is uneven background and must stay.
    medians = np.median(image, axis=0)
    image = image - (medians - ndimage.gaussian_filter1d(medians, 15))
    return filters.gaussian(image, 1.7)


# %% tags=["check", "nbval-check-output"] exercise="remove_stripes"
check.remove_stripes(remove_stripes)

# %% [markdown]
# Could Noise2Void do better if its blind spot were as tall as the column? Yes: that is StructN2V. In CAREamics it is one
# word, `struct_n2v_axes="vertical"`. Try it on `striped`.
