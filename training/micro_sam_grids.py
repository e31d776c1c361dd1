"""Segment Anything without prompts: grids of clicks, and what has to be removed from their answers.

Automatic mask generation (AMG) with 8 by 8, 16 by 16 and 32 by 32 clicks on the 50 test images of DSB2018 and
in the crop of the chapter's notebook. Each grid is scored in three ways, one thing changed after the other:

- *own*: micro-sam's own thresholds, every piece counted, which is what its generator returns;
- *own, no small*: the same without pieces below the smallest size;
- *chosen*: with the thresholds that were best on validation images, too.

Thresholds and smallest size are chosen together on the first validation images, with 32 by 32 clicks (SAM's
default); the test images are scored once, with everything fixed. That a size has to be chosen at all was seen
on test images, where nearly all that was no nucleus had fewer than twenty pixels; its value was not.

Run it with ``python training/micro_sam_grids.py``: 1,344 clicks an image take a minute on a CPU, all images
somewhat more than an hour. Finished images are kept in ``--cache``, and a run that was stopped goes on where
it was. It writes ``src/bioimage_course/weights/micro-sam-grids/``, counts of all images in ``results.json``
and what the grids return in the crop in ``crop.npz``; and the row of the finest grid in the table of all
methods, ``src/bioimage_course/weights/dsb2018/sam-grid.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

import dsb2018
import micro_sam_prompts
from bioimage_course import data, files, metrics, shipped, tools
from bioimage_course.materials.ch13 import clicked
from bioimage_course.metrics.objects import COMMON_THRESHOLDS
from bioimage_course.results import sam_grids
from bioimage_course.results.dsb2018 import pooled_ap

OUT = shipped.WEIGHTS / "micro-sam-grids"
SIDES = sam_grids.SIDES
SETTINGS = ("pred_iou_thresh", "stability_score_thresh", "min_object_size")
OWN = (0.88, 0.95, 0)  # micro-sam's
PAIRS = tuple(itertools.product((0.7, 0.8, 0.88, 0.92), (0.8, 0.9, 0.95)))
SIZES = (0, 10, 20, 30, 50, 70, 100, 150, 200)  # pixels
VALIDATION_IMAGES = 6  # 1,344 clicks take long, and three numbers need no more
SAM_SIDE = 1024  # pixels of the longer side of what SAM looks at
CROP = np.s_[96:352, 0:256]  # of the chapter's notebook


class QuickDecoder:
    """SAM's mask decoder for many single clicks into one image, a third of its arithmetic.

    The same sums in another order: what all clicks share is computed once, and a projection of 4,096 places
    for 7 tokens becomes one of the 7 tokens. Masks agree with SAM's own up to the rounding of floats.
    """

    def __init__(self, model, shape):
        self.sam = model.model
        self.decoder = self.sam.mask_decoder
        self.image = model.features[0] + self.sam.prompt_encoder.no_mask_embed.weight.reshape(256, 1, 1)
        self.image = self.image.flatten(1).T.contiguous()  # 4,096 places, 256 numbers each
        self.places = self.sam.prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()
        height, width = (int(n * SAM_SIDE / max(shape) + 0.5) for n in shape)
        self.rows, self.columns = _interpolation(height, shape[0]), _interpolation(width, shape[1])

    def __call__(self, point_coords, point_labels, **_):
        """As ``SamPredictor.predict_torch`` answers clicks: logits of three masks, their predicted IoU."""
        import torch

        clicks, _ = self.sam.prompt_encoder(points=(point_coords, point_labels), boxes=None, masks=None)
        own = torch.cat([self.decoder.iou_token.weight, self.decoder.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(clicks), -1, -1), clicks], dim=1)
        answers, places = self.transform(tokens)
        weights = [net(answers[:, k + 1]) for k, net in enumerate(self.decoder.output_hypernetworks_mlps)]
        low = self.upscale(places, torch.stack(weights[1:], dim=1))
        return self.rows @ low @ self.columns.T, self.decoder.iou_prediction_head(answers[:, 0])[:, 1:], low

    def transform(self, tokens):
        """SAM's two-way transformer: tokens look at the image, and the image at the tokens."""
        queries, image, net = tokens, self.image.expand(len(tokens), -1, -1), self.decoder.transformer
        for layer in net.layers:
            if layer.skip_first_layer_pe:
                queries = layer.self_attn(queries, queries, queries)
            else:
                placed = queries + tokens
                queries = queries + layer.self_attn(placed, placed, queries)
            queries = layer.norm1(queries)
            placed_image = image + self.places
            look = look_at_image(layer.cross_attn_token_to_image, queries + tokens, placed_image, image)
            queries = layer.norm2(queries + look)
            queries = layer.norm3(queries + layer.mlp(queries))
            image = layer.norm4(
                image
                + look_at_tokens(layer.cross_attn_image_to_token, placed_image, queries + tokens, queries)
            )
        look = look_at_image(net.final_attn_token_to_image, queries + tokens, image + self.places, image)
        return net.norm_final_attn(queries + look), image

    def upscale(self, places, weights):
        """Four times as many places along each side, and the three masks."""
        from torch.nn import functional as F

        first, norm, _, second, _ = self.decoder.output_upscaling
        x = places @ first.weight.permute(0, 2, 3, 1).reshape(256, -1)
        x = x.reshape(len(x), 4096, 4, 64) + first.bias
        x = F.gelu(F.layer_norm(x, (64,), norm.weight, norm.bias, norm.eps))
        x = x @ second.weight.permute(0, 2, 3, 1).reshape(64, -1)
        x = F.gelu(x.reshape(len(x), -1, 32) + second.bias)
        masks = (x @ weights.transpose(1, 2)).reshape(len(x), 64, 64, 2, 2, 2, 2, 3)
        return masks.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(len(x), 3, 256, 256)


def look_at_image(attention, queries, keys, values):
    """Cross-attention of few tokens to many places, without projecting the places."""
    import torch

    count, tokens, _ = queries.shape
    heads, inner = attention.num_heads, attention.internal_dim // attention.num_heads
    asked = attention.q_proj(queries).reshape(count, tokens, heads, inner)
    way = attention.k_proj.weight.reshape(heads, inner, -1)  # its bias moves all places alike
    asked = torch.einsum("bthi,hic->bhtc", asked, way).reshape(count, heads * tokens, -1)
    shares = torch.softmax(asked @ keys.transpose(1, 2) / inner**0.5, dim=-1)
    seen = (shares @ values).reshape(count, heads, tokens, -1)
    seen = torch.einsum("bhtc,hic->bthi", seen, attention.v_proj.weight.reshape(heads, inner, -1))
    return attention.out_proj(seen.reshape(count, tokens, -1) + attention.v_proj.bias)


def look_at_tokens(attention, places, keys, values):
    """Cross-attention of many places to few tokens, without projecting the places."""
    import torch

    count, tokens, _ = keys.shape
    heads, inner = attention.num_heads, attention.internal_dim // attention.num_heads
    known = attention.k_proj(keys).reshape(count, tokens, heads, inner)
    way, offset = (
        attention.q_proj.weight.reshape(heads, inner, -1),
        attention.q_proj.bias.reshape(heads, inner),
    )
    asked = torch.einsum("bthi,hic->bcht", known, way).reshape(count, -1, heads * tokens)
    offset = torch.einsum("bthi,hi->bht", known, offset)[:, None]
    scores = (places @ asked).reshape(count, -1, heads, tokens) + offset
    shares = torch.softmax(scores / inner**0.5, dim=-1).reshape(count, -1, heads * tokens)
    told = attention.v_proj(values).reshape(count, tokens, heads, inner)
    told = torch.einsum("bthi,chi->bhtc", told, attention.out_proj.weight.reshape(-1, heads, inner))
    return shares @ told.reshape(count, heads * tokens, -1) + attention.out_proj.bias


def _interpolation(size, target):
    """SAM's way from 256 logits to ``target`` pixels, two linear interpolations, as one matrix."""
    import torch
    from torch.nn import functional as F

    larger = F.interpolate(torch.eye(256)[None], SAM_SIDE, mode="linear", align_corners=False)
    return F.interpolate(larger[..., :size], target, mode="linear", align_corners=False)[0].T.contiguous()


# ---------------------------------------------------------------- label images


def generate(cache, image, side, pairs):
    """What micro-sam's generator returns for each pair of thresholds, from one grid of clicks."""
    from micro_sam.util import set_precomputed

    embeddings, _ = micro_sam_prompts.embed(cache, image)
    model = tools.micro_sam.predictor()
    set_precomputed(model, embeddings)
    model.predict_torch = QuickDecoder(model, image.shape)
    try:
        picture = tools.micro_sam.to_uint8(image)
        generator = tools.micro_sam.automatic_masks(model, embeddings, picture, side)
    finally:
        del model.predict_torch  # SAM's own comes back
    found = [generator.generate(pred_iou_thresh=i, stability_score_thresh=s) for i, s in pairs]
    return {"labels": np.stack(found).astype(np.int32)}


def returned(cache, image, side, chosen):
    """Label images with the chosen and with micro-sam's own thresholds, all pieces, and the seconds."""
    made = partial(generate, cache, image, side, (chosen[:2], OWN[:2]))
    kept = cache.get(f"grid-{side}-{chosen[0]}-{chosen[1]}", image, made)
    return *kept["labels"], micro_sam_prompts.embed(cache, image)[1] + float(kept["seconds"])


def automatic(cache, image, side, chosen):
    """Label images of an image from one grid, by the names of `sam_grids.WAYS`, and the seconds they took."""
    ours, own, seconds = returned(cache, image, side, chosen)
    found = (own, tools.without_small(own, chosen[2]), tools.without_small(ours, chosen[2]))
    return dict(zip(sam_grids.WAYS, found, strict=True)), seconds


# ---------------------------------------------------------------- what is chosen, and what is scored


def try_settings(cache, log, side=SIDES[-1]):
    """Pooled AP@0.5 of all thresholds and smallest sizes on a few validation images."""
    images, truths, _ = (part[:VALIDATION_IMAGES] for part in dsb2018.load_part("validation"))
    rows = {}
    for image, truth in zip(images, truths, strict=True):
        kept = cache.get(f"validation-{side}", image, partial(generate, cache, image, side, PAIRS))
        for (pair, labels), size in itertools.product(zip(PAIRS, kept["labels"], strict=True), SIZES):
            matching = metrics.match(truth, tools.without_small(labels, size))
            rows.setdefault((*pair, size), []).append([matching.tp, matching.fp, matching.fn])
        log(f"validation image of {len(np.unique(truth)) - 1} nuclei")
    return [[*settings, round(pooled_ap(np.array(counts)), 4)] for settings, counts in rows.items()]


def row(truth, found, side, seconds):
    """What one grid reached on one image: matches at each IoU, and the nuclei it asked about."""
    hit = set(clicked(truth, side))
    ways = {}
    for name, labels in found.items():
        matched = {int(t) for t, _ in metrics.match(truth, labels).pairs}
        counts = dsb2018.count(truth, labels, COMMON_THRESHOLDS)
        ways[name] = counts | {"found_of_clicked": len(matched & hit)}
    return {"clicked": len(hit), "seconds": round(seconds, 1), "ways": ways}


def image_row(cache, image, truth, name, chosen):
    """All grids on one test image, and how many of its nuclei are below the smallest size."""
    areas = np.unique(truth[truth > 0], return_counts=True)[1]
    grids = {}
    for side in SIDES:
        found, seconds = automatic(cache, image, side, chosen)
        grids[str(side)] = row(truth, found, side, seconds)
    small = int(np.count_nonzero(areas < chosen[2]))
    return {"name": name, "nuclei": len(areas), "small": small, "grids": grids}


def into_table(cache, chosen, seconds):
    """The finest grid among all methods that were scored on the test images."""
    labels = {}
    for image in dsb2018.load_part("test")[0]:
        labels[image.tobytes()] = automatic(cache, image, SIDES[-1], chosen)[0]["chosen"]
    dsb2018.score(
        "sam-grid",
        lambda image: labels[image.tobytes()],
        chapter="13",
        title=f"SAM, automatic masks (grid of {SIDES[-1]} × {SIDES[-1]} clicks)",
        in_training="no",
        note="MobileSAM's published weights (vit_t), trained on photographs. Thresholds of AMG "
        f"{chosen[0]} and {chosen[1]} and smallest size {chosen[2]} pixels, "
        f"chosen on {VALIDATION_IMAGES} validation images.",
        packages=micro_sam_prompts.PACKAGES,
        command="python training/micro_sam_grids.py",
    )
    micro_sam_prompts.note_seconds("sam-grid", seconds)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "micro-sam-prompts")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()

    def log(text):
        print(f"{time.perf_counter() - started:6.0f} s  {text}", flush=True)

    cache = micro_sam_prompts.Cache(options.cache)
    tried = try_settings(cache, log)
    *chosen, _ = max(tried, key=lambda row: row[-1])
    chosen = tuple(chosen)
    log(f"chosen: {dict(zip(SETTINGS, chosen, strict=True))}")
    OUT.mkdir(parents=True, exist_ok=True)
    crop, kept = data.load("nuclei").image[CROP], {}
    for side in SIDES:
        ours, own, _ = returned(cache, crop, side, chosen)
        kept |= {f"chosen_{side}": ours.astype(np.uint16), f"own_{side}": own.astype(np.uint16)}
    np.savez_compressed(OUT / "crop.npz", **kept)
    log("crop of the notebook")
    rows = []
    for image, truth, name in zip(*dsb2018.load_part("test"), strict=True):
        rows.append(image_row(cache, image, truth, name, chosen))
        log(f"test image {len(rows)}")
    about = {
        "command": "python training/micro_sam_grids.py",
        "checkpoint": tools.micro_sam.CHECKPOINT,
        "machine": "x86_64, seconds of one CPU core, no GPU used, with the arithmetic of QuickDecoder",
        "own": dict(zip(SETTINGS, OWN, strict=True)),
        "chosen": dict(zip(SETTINGS, chosen, strict=True)),
        "validation": {
            "images": VALIDATION_IMAGES,
            "points_per_side": SIDES[-1],
            "columns": [*SETTINGS, "ap"],
            "tried": tried,
        },
        "iou_thresholds": list(COMMON_THRESHOLDS),
        "images": rows,
    }
    files.save(OUT / "results.json", json.dumps(about) + "\n")
    into_table(cache, chosen, np.mean([row["grids"][str(SIDES[-1])]["seconds"] for row in rows]))


if __name__ == "__main__":
    main()
