"""What plain timm needs to know of a detector: the keys of `config.json` that are timm's, beside our own.

With them `timm.create_model("local-dir:FOLDER", pretrained=True)`, or `hf-hub:ORG/NAME`, gives the backbone with its one
output, the logit of "fake"; `timm.data.resolve_model_data_config` gives its preprocessing, except that timm always resizes
first: a detector of `fit` crop is to be shown the central window itself. The format is that of `timm.models.push_to_hf_hub`.
"""

from typing import Any

from classifier.report import DetectorConfig

KEYS = ("architecture", "num_classes", "model_args", "pretrained_cfg")


def timm_keys(config: DetectorConfig) -> dict[str, Any]:
    """Timm's keys; none where the head is no layer of timm's own."""
    if config.head != "linear":
        return {}
    side = config.image_size
    return {
        "architecture": config.backbone.partition(".")[0],
        "num_classes": 1,
        "model_args": config.backbone_options,
        "pretrained_cfg": {
            "num_classes": 1,
            "input_size": [3, side, side],
            "fixed_input_size": "img_size" in config.backbone_options,
            "crop_pct": side / config.resize_to if config.fit == "resize" else 1.0,
            "crop_mode": "center",
            "interpolation": config.resize_kernel,
            "mean": list(config.mean),
            "std": list(config.std),
            "label_names": ["fake"],
        },
    }
