"""Segment Anything without prompts: does a finer grid of clicks find more nuclei?

Automatic mask generation (AMG) with 8 by 8, 16 by 16 and 32 by 32 clicks, with the thresholds that
`micro_sam_prompts.py` chose on validation images (for 8 by 8) and with micro-sam's own: first in the crop of
the chapter's notebook, then on test images of DSB2018, with the nuclei that contain a click beside each
score. 1,344 clicks an image take minutes on a CPU, so the images come in an order drawn once (``ORDER_SEED``)
and are scored when the time given is over: the clock decides how many there are, before anything is scored.

Run it with ``python training/micro_sam_grids.py --stop-after 2400`` (seconds); finished images are kept in
``--cache`` and more can be added later. It writes to ``src/bioimage_course/weights/micro-sam/``: what the
three grids find in the crop, ``grids.npz``, and the scores of test images, ``grids.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

import dsb2018
import micro_sam_prompts
from bioimage_course import data, files, metrics, tools
from bioimage_course.materials.ch13 import clicked

OUT = micro_sam_prompts.OUT
SIDES = (8, 16, 32)
THRESHOLDS = {"chosen": (0.7, 0.9), "own": (0.88, 0.95)}  # predicted IoU, stability
ORDER_SEED = 0
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


def automatic(cache, image, side, thresholds=THRESHOLDS):
    """Label images of an image from one grid of clicks, one for each pair of thresholds, and the seconds."""
    from micro_sam.util import set_precomputed

    embeddings, seconds = micro_sam_prompts.embed(cache, image)

    def make():
        model = tools.micro_sam.predictor()
        set_precomputed(model, embeddings)
        model.predict_torch = QuickDecoder(model, image.shape)
        try:
            picture = tools.micro_sam.to_uint8(image)
            generator = tools.micro_sam.automatic_masks(model, embeddings, picture, side)
        finally:
            del model.predict_torch  # SAM's own comes back
        found = [
            generator.generate(pred_iou_thresh=iou, stability_score_thresh=stability)
            for iou, stability in thresholds.values()
        ]
        return {"labels": np.stack(found).astype(np.int32)}

    kept = cache.get(f"grid-{side}", image, make)
    return dict(zip(thresholds, kept["labels"], strict=True)), seconds + float(kept["seconds"])


def row(truth, found, side, seconds):
    """What one grid reached on one image: matches at each IoU threshold, and the nuclei it asked about."""
    hit = set(clicked(truth, side))
    counts = {}
    for name, labels in found.items():
        scores = metrics.average_precision_dataset([truth], [labels])
        matched = {int(t) for t, _ in metrics.match(truth, labels).pairs}
        counts[name] = {key: getattr(scores, key)[0].tolist() for key in ("tp", "fp", "fn")}
        counts[name]["found_of_clicked"] = len(matched & hit)
    return {"clicked": len(hit), "nuclei": len(np.unique(truth)) - 1, "seconds": round(seconds, 1)} | counts


def results(cache, chosen, names, command):
    """Everything the page needs, from the images that are done."""
    rows = []
    for image, truth, name in chosen:
        sides = {}
        for side in SIDES:
            found, seconds = automatic(cache, image, side)
            sides[str(side)] = row(truth, found, side, seconds)
        rows.append({"name": name, "shape": list(image.shape), "grids": sides})
    return {
        "command": command,
        "rule": f"test images in the order numpy.random.default_rng({ORDER_SEED}).permutation({len(names)}), "
        "as many as were done when the time given was over; scored only then",
        "checkpoint": tools.micro_sam.CHECKPOINT,
        "thresholds": {name: list(pair) for name, pair in THRESHOLDS.items()},
        "iou_thresholds": list(metrics.average_precision_dataset([chosen[0][1]], [chosen[0][1]]).thresholds),
        "machine": "x86_64, seconds of one CPU core, no GPU used",
        "images": rows,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "micro-sam-prompts")
    parser.add_argument(
        "--stop-after", type=float, default=2400.0, help="seconds; then what is done is scored"
    )
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    started = time.perf_counter()

    def log(text):
        print(f"{time.perf_counter() - started:6.0f} s  {text}", flush=True)

    cache = micro_sam_prompts.Cache(options.cache)
    nuclei = data.load("nuclei")
    crop = nuclei.image[CROP]
    figure = {}
    for side in SIDES:
        found, _ = automatic(cache, crop, side)
        figure |= {f"{name}_{side}": labels.astype(np.uint16) for name, labels in found.items()}
        log(f"crop of the notebook, {side} by {side}")
    OUT.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUT / "grids.npz", **figure)
    images, truths, names = dsb2018.load_part("test")
    done = []
    for k in np.random.default_rng(ORDER_SEED).permutation(len(names)):
        for side in SIDES:
            if time.perf_counter() - started > options.stop_after:
                break
            automatic(cache, images[k], side)
            log(f"test image {len(done) + 1}, {side} by {side}")
        else:
            done.append((images[k], truths[k], names[k]))
            continue
        break
    if done:
        text = json.dumps(results(cache, done, names, "python training/micro_sam_grids.py"))
        files.save(OUT / "grids.json", text + "\n")
    log(f"{len(done)} images scored")


if __name__ == "__main__":
    main()
