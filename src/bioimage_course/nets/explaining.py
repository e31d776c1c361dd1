"""Where did a network look? Grad-CAM, and how much of its map lies on some region."""

import numpy as np
import torch
from torch.nn import functional as F

from bioimage_course import arguments
from bioimage_course.errors import InputError, first_line
from bioimage_course.nets.devices import home
from bioimage_course.nets.prediction import as_tensor


def grad_cam(model, layer, images, classes=None):
    """Gradient-weighted class activation maps (Selvaraju et al. 2017, https://doi.org/10.1109/ICCV.2017.74).

    The gradient of one class's score with respect to the feature maps ``A_k`` of a layer, averaged over each
    map, gives the weights ``α_k``; the map is ``max(0, Σ_k α_k A_k)``.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier: (N, C, H, W) in, scores (N, classes) before softmax out.
    layer : torch.nn.Module
        A part of `model` whose output is feature maps (N, K, h, w), such as ``model.features[-2]``.
    images : Tensor or ndarray (N, C, H, W), float
        As the model wants them.
    classes : int or sequence of int, optional
        The class to explain, one for all images or one an image. Default: the class with the highest score.

    Returns
    -------
    Tensor (N, h, w), float
        Not scaled, on the CPU; 0 where nothing speaks for the class. `enlarge` brings it to the image's size.

    Raises
    ------
    InputError
        If the images are not finite floats of the right shape or one of them is constant, the layer is no
        part of the model or gives no feature maps, or a class does not exist.
    """
    images = _images(images)
    if not isinstance(layer, torch.nn.Module) or all(layer is not part for part in model.modules()):
        raise InputError("layer must be a part of the model itself, such as model.features[-2].")
    kept, was_training = [], model.training
    handle = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        with torch.enable_grad():
            scores = model.eval()(images.to(home(model)).requires_grad_())
            maps = _feature_maps(kept, layer)
            chosen = scores.gather(1, _classes(classes, scores)[:, None]).sum()
            (gradients,) = torch.autograd.grad(chosen, maps, allow_unused=True)
    except InputError:
        raise
    except (RuntimeError, TypeError) as error:
        shape = tuple(images.shape)
        raise InputError(f"The network cannot take images of shape {shape}: {first_line(error)}.") from error
    finally:
        handle.remove()
        model.train(was_training)
    if gradients is None:
        raise InputError(
            f"The scores do not depend on this {type(layer).__name__}: choose a layer before them."
        )
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * maps).sum(dim=1)).detach().cpu()


def enlarge(maps, shape):
    """Maps at the size of the image, interpolated bilinearly.

    Parameters
    ----------
    maps : Tensor or ndarray (N, h, w)
    shape : (H, W)

    Returns
    -------
    Tensor (N, H, W)

    Raises
    ------
    InputError
        If maps or shape are not as described.
    """
    maps = as_tensor(maps, "maps")
    if maps.ndim != 3 or not maps.numel() or maps.is_complex():
        raise InputError(f"maps must be numbers of shape (N, height, width), not {tuple(maps.shape)}.")
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(f"shape must be (height, width), both at least 1, not {tuple(shape)}.")
    return F.interpolate(maps[:, None].float(), tuple(shape), mode="bilinear", align_corners=False)[:, 0]


def attention_ratio(maps, mask):
    """Share of the map that lies in a region, divided by the region's share of the image.

    1 means as much as chance would put there, 0 nothing.

    Parameters
    ----------
    maps : Tensor or ndarray (N, H, W), at least 0
        At the size of the image (see `enlarge`), not shifted: subtracting a minimum changes the ratio.
    mask : array of bool (H, W) or (N, H, W)
        The region; neither empty nor the whole image.

    Returns
    -------
    ndarray (N,)
        NaN where a map is zero everywhere.

    Raises
    ------
    InputError
        If shapes differ, a map has negative values, or a region is empty or everything.
    """
    maps, mask = arguments.numbers(maps, "the array of maps"), arguments.plain(mask, "mask")
    maps = maps.astype(float)
    if maps.ndim != 3 or mask.shape not in (maps.shape, maps.shape[1:]):
        raise InputError(
            f"maps (N, H, W) and mask (H, W) must fit, but their shapes are {maps.shape} and {mask.shape}; "
            "bring the maps to the image's size with nets.enlarge."
        )
    if mask.dtype != bool:
        raise InputError(f"mask must be True in the region and False elsewhere, not of type {mask.dtype}.")
    if not np.isfinite(maps).all() or (maps < 0).any():
        raise InputError("maps must be finite and at least 0: apply the ReLU first.")
    mask = np.broadcast_to(mask, maps.shape)
    area = mask.mean(axis=(1, 2))
    if not ((area > 0) & (area < 1)).all():
        raise InputError("The region must be neither empty nor the whole image.")
    total = maps.sum(axis=(1, 2))
    share = np.divide((maps * mask).sum(axis=(1, 2)), total, out=np.full(len(maps), np.nan), where=total > 0)
    return share / area


def _images(images):
    images = as_tensor(images, "images")
    if images.ndim != 4 or not images.numel():
        raise InputError(
            f"images must have the shape (N, channels, height, width), not {tuple(images.shape)}; "
            "for a single image add an axis: image[None]."
        )
    if not images.is_floating_point():
        kind = str(images.dtype).removeprefix("torch.")
        raise InputError(
            f"images are of type {kind}; the network wants floats, as in training: images / 255, say."
        )
    images = images.detach().float()
    if not torch.isfinite(images).all():
        raise InputError("images contain NaN or infinity.")
    flat = images.flatten(1)
    constant = (flat.amax(dim=1) == flat.amin(dim=1)).nonzero()
    if len(constant):
        raise InputError(f"Image {int(constant[0])} is constant: there is nothing in it to look at.")
    return images


def _feature_maps(kept, layer):
    name = type(layer).__name__
    if len(kept) != 1:
        raise InputError(f"This {name} is used {len(kept)} times for an image; choose one that is used once.")
    shape = tuple(getattr(kept[0], "shape", ()))
    if len(shape) != 4:
        raise InputError(
            f"This {name} gives {shape or type(kept[0]).__name__}, not feature maps (N, K, height, width): "
            "choose a convolutional layer before the pooling."
        )
    return kept[0]


def _classes(classes, scores):
    if scores.ndim != 2:
        raise InputError(f"The model must give scores (N, classes), not {tuple(scores.shape)}.")
    if classes is None:
        return scores.argmax(dim=1)
    chosen = torch.as_tensor(classes, device=scores.device)
    if chosen.ndim > 1 or chosen.is_floating_point() or chosen.dtype == torch.bool:
        raise InputError(f"classes must be whole numbers, one or one an image, not {classes!r}.")
    if chosen.ndim and len(chosen) != len(scores):
        raise InputError(f"There are {len(scores)} images but {len(chosen)} classes.")
    if chosen.min() < 0 or chosen.max() >= scores.shape[1]:
        raise InputError(f"The model has the classes 0 to {scores.shape[1] - 1}, not {int(chosen.max())}.")
    return chosen.long().expand(len(scores))
