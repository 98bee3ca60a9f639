"""A first recipe as text: every table with a word on what it is for."""

import json
from collections.abc import Iterator

from flows.starter.choices import DEMO, VAE, Captions, Choices, Framing, SourceKind

_BLIP = "Salesforce/blip-image-captioning-large"
_VAE_MODEL = "stabilityai/sd-vae-ft-mse"
_VAE_LICENSE = "mit"

_PATH_KEYS = {
    SourceKind.FOLDER: ("path", "sub-folders, too; the first one below it is the class"),
    SourceKind.OPEN_IMAGES: ("csv", "an image-metadata file of Open Images: a path or URL"),
    SourceKind.URL_LIST: ("path", "a table (CSV, TSV, JSONL, Parquet) with a column of URLs"),
    SourceKind.WEBDATASET: ("path", "a shard, a folder of them, or a pattern: train-{000000..000127}.tar"),
    SourceKind.HUB: ("repo", "a set of images on the Hub"),
}


def recipe_text(choices: Choices, demo_models: str) -> str:
    """The recipe.

    Args:
        choices: the answers.
        demo_models: folder of the demo's models, as the recipe is to name it.

    Returns:
        TOML with comments.
    """
    blocks = [_head(choices), _source(choices), _screen(choices), _view(choices), _caption(choices, demo_models)]
    blocks += [_generator(name, choices, demo_models) for name in choices.generators]
    blocks.append(_SPLIT)
    if choices.has_classifier:
        blocks.append(_DEMO_CLASSIFIER if choices.is_demo else _CLASSIFIER)
    return "\n".join(blocks)


def _head(choices: Choices) -> str:
    return (
        "# Made by `twinset init`. All keys, and what they do: docs/recipes.md. Relative paths start from this file's folder.\n"
        "#   twinset doctor THIS_FILE             what is missing on this machine\n"
        "#   twinset plan THIS_FILE               counts, disk, GPU-hours; nothing is made\n"
        "#   twinset build THIS_FILE --out DIR    make it\n\n"
        f"name = {_quoted(choices.name)}   # seeds and splits are drawn from it: another name, other fakes\n"
    )


def _source(choices: Choices) -> str:
    key, comment = _PATH_KEYS[choices.source]
    lines = [
        "# Where the real images come from. Add further [[sources]] as you like; docs/sources.md has them all.",
        "[[sources]]",
        f"type = {_quoted(choices.source.value)}",
        f"{key} = {_quoted(choices.path)}   # {comment}",
    ]
    if choices.source in (SourceKind.FOLDER, SourceKind.URL_LIST, SourceKind.HUB):
        lines.append(
            f"license = {_quoted(choices.license)}"
            if choices.license
            else '# license = "CC BY 4.0"   # what nobody says is unknown, and pixels of unknown terms are never published'
        )
    lines.append(f"limit = {choices.limit}" if choices.limit else "# limit = 1000   # at most so many images")
    return _block(lines)


def _screen(choices: Choices) -> str:
    least = choices.chosen_frame
    return _block(
        [
            "# What an image has to be; whatever is dropped stands in rejects.jsonl with its reason.",
            "[screen]",
            f"min_side = {max(least, 16)}   # shorter side, pixels: reals are never enlarged",
        ]
    )


def _view(choices: Choices) -> str:
    is_scene = choices.framing is Framing.SCENE
    shows = "the whole scene, as a text-to-image model composes one" if is_scene else "a window of native pixels"
    size = "what the dataset holds; at most F / 2 of a scene, else compression leaks (docs/alignment.md)"
    if choices.chosen_size > choices.chosen_frame / 2:
        size = "what the dataset holds; larger than F / 2 only where reals are (docs/alignment-steps.md)"
    return _block(
        [
            "# One way of framing the photographs, and the generators that answer it.",
            "[[views]]",
            f"name = {_quoted(choices.framing.value)}",
            f"framing = {_quoted(choices.framing.value)}   # {shows}",
            f"frame = {choices.chosen_frame}   # F, pixels: what the generators are asked for",
            f"size = {choices.chosen_size}   # S, pixels: {size if is_scene else 'what the dataset holds'}",
            f"generators = {json.dumps([_name(name) for name in choices.generators])}",
        ]
    )


def _caption(choices: Choices, demo_models: str) -> str:
    lines = ["# What the fakes are asked to show.", "[caption]"]
    if choices.captions is Captions.BLIP:
        model = f"{demo_models}/blip" if choices.is_demo else _BLIP
        lines += ['source = "blip"', f"model = {_quoted(model)}"]
        if not choices.is_demo:
            lines.append('dtype = "bfloat16"')
    else:
        lines.append(f"source = {_quoted(choices.captions.value)}")
    return _block(lines)


def _generator(name: str, choices: Choices, demo_models: str) -> str:
    lines = ["[[generators]]", f"name = {_quoted(_name(name))}"]
    if name == VAE:
        lines += [
            'method = "reconstruct"   # the photograph through an autoencoder and back',
            f"model = {_quoted(_VAE_MODEL)}",
            f"license = {_quoted(_VAE_LICENSE)}",
            'dtype = "bfloat16"',
        ]
    elif name == DEMO:
        lines += list(_demo_model(choices, demo_models))
    else:
        lines += list(_preset(name, choices))
    return _block(lines)


def _demo_model(choices: Choices, demo_models: str) -> Iterator[str]:
    model = _quoted(f"{demo_models}/stable-diffusion")
    if choices.framing is Framing.SCENE:
        yield 'method = "text-to-image"'
        yield f'model = {model}   # tiny; for real fakes: preset = "sd14", and a frame of 512'
        yield "num_inference_steps = 20"
        yield "guidance_scale = 4.0"
    else:
        yield 'method = "reconstruct"   # the photograph through an autoencoder and back'
        yield f'model = {model}   # tiny; for real fakes: "{_VAE_MODEL}"'
    yield 'license = "MIT"'
    yield "batch_size = 32"


def _preset(name: str, choices: Choices) -> Iterator[str]:
    if choices.framing is Framing.SCENE:
        yield 'method = "text-to-image"'
    else:
        yield 'method = "image-to-image"   # shown the photograph under noise'
        yield "strength = 0.4              # share of the noise: 1 leaves next to nothing of the photograph"
    yield f"preset = {_quoted(name)}   # model, licence, steps, guidance and precision by the model's card"
    yield "batch_size = 8   # images at a time; as many as the GPU's memory takes"


_SPLIT = """# Pairs that are too alike to stand in two splits: near-duplicates, and photographs with one caption.
[split]
group_by = ["near-duplicate", "caption"]
ratios = { train = 0.8, validation = 0.1, test = 0.1 }
"""

_CLASSIFIER = """# The detector that `twinset build` trains at its end; docs/training.md.
[classifier]
backbone = "convnext_tiny"   # any timm model
pretrained = true
learning_rate = 1e-4
epochs = 5
"""

_DEMO_CLASSIFIER = """# The detector that `twinset build` trains at its end: small, from scratch, on a processor; docs/training.md.
[classifier]
backbone = "resnet10t"   # any timm model
epochs = 24
"""


def _name(generator: str) -> str:
    """The recipe's name for a generator: `flux-schnell` becomes `flux_schnell`."""
    return generator.replace("-", "_")


def _block(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text as a TOML string: JSON's escapes are TOML's; TOML asks for one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
