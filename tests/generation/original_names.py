"""A Stable Diffusion folder's weights under the names of the original checkpoints (CompVis, 2022), as fine-tunes are published."""

import re
from pathlib import Path
from typing import Any

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_checkpoint(model: Path, file: Path, layers: int = 1, levels: int = 3) -> None:
    """Write a checkpoint in one file.

    Args:
        model: a Stable Diffusion folder in the format of diffusers.
        file: where it goes.
        layers: of each block of its UNet.
        levels: of its autoencoder.
    """
    from safetensors.torch import load_file, save_file

    weights = "diffusion_pytorch_model.safetensors"
    tensors: dict[str, Any] = {}
    for name, tensor in load_file(model / "unet" / weights).items():
        tensors[f"model.diffusion_model.{_of_unet(name, layers)}"] = tensor
    for name, tensor in load_file(model / "vae" / weights).items():
        original = _of_autoencoder(name, levels)
        # its attention was written as convolutions
        is_matrix = ".attn_1." in original and tensor.ndim == 2
        tensors[f"first_stage_model.{original}"] = tensor[:, :, None, None].contiguous() if is_matrix else tensor
    for name, tensor in load_file(model / "text_encoder" / "model.safetensors").items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    save_file(tensors, file)


def _of_unet(name: str, layers: int) -> str:
    for ours, original in _UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, original, 1)
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        place = 1 if match[1] == "attentions" else 2 * int(match[2])
        return f"middle_block.{place}.{_inside(match[1], match[3])}"
    match = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    if match is None:
        raise ValueError(name)
    side, block, part, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    group = block * (layers + 1) + index + (side == "down")
    blocks = "input_blocks" if side == "down" else "output_blocks"
    match part:
        case "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{rest.removeprefix('conv.')}"
        case "upsamplers":
            # behind the attention, in blocks that have one
            return f"output_blocks.{block * (layers + 1) + layers}.{2 if block == 0 else 1}.{rest}"
        case "attentions":
            return f"{blocks}.{group}.1.{rest}"
        case _:
            return f"{blocks}.{group}.0.{_inside('resnets', rest)}"


def _inside(part: str, rest: str) -> str:
    if part == "attentions":
        return rest
    head, _, tail = rest.rpartition(".")
    return f"{_RESNET[head]}.{tail}"


def _of_autoencoder(name: str, levels: int) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda match: f"up.{levels - 1 - int(match[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda match: f"up.{levels - 1 - int(match[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda match: f"mid.block_{int(match[1]) + 1}", name)
    if "mid_block.attentions.0" in name:
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
        for ours, original in _ATTENTION.items():
            name = name.replace(f".{ours}.", f".{original}.")
    return name
