"""What the course calls of the five tools, with the arguments it gives: the first thing that moved is named.

A new release of a tool is tried by raising its bound in ``pyproject.toml``, making the lock anew, and running
this file first: it takes seconds and says more than a notebook that fails somewhere.
"""

import importlib
import inspect

import pytest

from bioimage_course import compat

CALLS = {
    "cellpose": {
        "cellpose.models:CellposeModel": ("gpu", "pretrained_model", "use_bfloat16"),
        "cellpose.models:CellposeModel.eval": (
            "channel_axis", "bsize", "batch_size", "diameter", "flow_threshold", "cellprob_threshold",
            "min_size", "normalize", "tile_overlap", "augment", "z_axis", "do_3D", "anisotropy",
            "stitch_threshold", "compute_masks",
        ),
        "cellpose.train:train_seg": (
            "train_data", "train_labels", "test_data", "test_labels", "n_epochs", "batch_size", "bsize",
            "learning_rate", "weight_decay", "min_train_masks", "nimg_per_epoch", "rescale",
            "scale_range", "save_path",
        ),
        "cellpose.dynamics:resize_and_compute_masks": ("do_3D", "cellprob_threshold"),
        "cellpose.utils:stitch3D": ("masks", "stitch_threshold"),
        "cellpose.utils:fill_holes_and_remove_small_masks": ("min_size",),
        "cellpose.dynamics:labels_to_flows": ("labels",),
        "cellpose.vit:BaseModel": (),
    },
    "stardist": {
        "stardist.models:Config2D": (),
        "stardist.models:Config3D": ("rays", "grid", "anisotropy"),
        "stardist.rays3d:Rays_GoldenSpiral": ("n", "anisotropy"),
        "stardist.utils:calculate_extents": ("lbl",),
        "stardist.models:StarDist2D": ("config", "name", "basedir"),
        "stardist.models:StarDist2D.from_pretrained": ("name_or_alias",),
        "stardist.models:StarDist2D.predict": (),
        "stardist.models:StarDist2D.predict_instances": (
            "scale", "n_tiles", "show_tile_progress", "verbose", "prob_thresh", "nms_thresh",
        ),
        "stardist.geometry:star_dist": ("n_rays",),
        "stardist.geometry:dist_to_coord": (),
        "stardist.nms:non_maximum_suppression_inds": (),
        "stardist.utils:edt_prob": (),
    },
    "micro-sam": {
        "micro_sam.util:get_sam_model": ("model_type", "checkpoint_path", "peft_kwargs"),
        "micro_sam.util:get_model_names": (),
        "micro_sam.util:precompute_image_embeddings": ("predictor", "input_"),
        "micro_sam.util:set_precomputed": ("predictor", "image_embeddings"),
        "micro_sam.inference:batched_inference": (
            "predictor", "image", "batch_size", "boxes", "points", "point_labels", "multimasking",
            "return_instance_segmentation",
        ),
        "micro_sam.instance_segmentation:AutomaticMaskGenerator": (
            "predictor", "points_per_side", "points_per_batch",
        ),
        "micro_sam.instance_segmentation:AutomaticMaskGenerator.initialize": ("image", "image_embeddings"),
        "micro_sam.instance_segmentation:AutomaticMaskGenerator.generate": (
            "pred_iou_thresh", "stability_score_thresh",
        ),
        "micro_sam.instance_segmentation:InstanceSegmentationWithDecoder": ("predictor", "decoder"),
        "micro_sam.instance_segmentation:InstanceSegmentationWithDecoder.generate": (
            "center_distance_threshold", "boundary_distance_threshold", "foreground_threshold",
        ),
        "micro_sam.instance_segmentation:AutomaticPromptGenerator": ("predictor", "decoder"),
        "micro_sam.instance_segmentation:DecoderAdapter": ("unetr",),
        "micro_sam.automatic_segmentation:automatic_instance_segmentation": ("ndim",),
        "micro_sam.multi_dimensional_segmentation:automatic_3d_segmentation": ("gap_closing", "min_z_extent"),
        "torch_em.model:UNETR": (
            "backbone", "encoder", "out_channels", "use_sam_stats", "final_activation", "use_skip_connection",
            "resize_input", "initial_features",
        ),
    },
    "careamics": {
        "careamics:CAREamist": ("config", "work_dir", "enable_progress_bar"),
        "careamics:CAREamist.train": ("train_data",),
        "careamics:CAREamist.predict": ("tile_size", "tile_overlap"),
        "careamics.config:create_advanced_n2v_config": (
            "data_type", "axes", "patch_size", "batch_size", "num_epochs", "masked_pixel_percentage",
            "use_n2v2", "struct_n2v_axes", "struct_n2v_span", "model_params", "optimizer_params",
            "num_workers", "trainer_params", "seed",
        ),
        "careamics.models:model_factory": ("model_configuration",),
        "careamics.lightning.modules:create_module": (),
    },
    "n2v": {
        "n2v.models:N2V": ("config", "name", "basedir"),
        "n2v.models:N2V.train": (),
        "n2v.models:N2V.predict": ("img", "axes"),
        "n2v.models:N2VConfig": (),
    },
}  # fmt: skip


def moved(call, wanted):
    """Why a call would fail: its module, its name or one of its arguments has gone; or None."""
    module, _, path = call.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        return f"the module {module} cannot be imported ({error})"
    for name in path.split("."):
        if not hasattr(found, name):
            return f"{module} has no {path}"
        found = getattr(found, name)
    parameters = inspect.signature(found).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    gone = [name for name in wanted if name not in parameters]
    return f"{module}.{path} has no argument {gone[0]}; it has {', '.join(parameters)}" if gone else None


@pytest.mark.slow
@pytest.mark.parametrize("tool", CALLS)
def test_everything_that_the_course_calls_is_where_it_was(tool):
    pytest.importorskip(tool.replace("-", "_"), reason=f"{tool} is not installed")
    compat.prepare(tool)
    for call, wanted in CALLS[tool].items():
        assert moved(call, wanted) is None


@pytest.mark.parametrize(
    ("call", "wanted", "sentence"),
    [
        ("no_such_module:f", (), "no_such_module cannot be imported"),
        ("json:no.such", (), "json has no no.such"),
        ("json:loads", ("s", "nonsense"), None),  # takes any keyword
        ("os.path:join", ("nonsense",), "has no argument nonsense; it has a, p"),
    ],
)
def test_what_moved_is_named(call, wanted, sentence):
    found = moved(call, wanted)
    assert found is None if sentence is None else sentence in found
