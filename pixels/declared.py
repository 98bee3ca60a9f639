"""Images that say themselves that they are generated.

What a file says is taken at its word and nothing is verified: neither C2PA's signatures nor that a manifest belongs to
these pixels. A file without a word is not thereby a photograph, and manifests that are compressed are not read.
"""

import re

from pixels.metadata import Metadata

# IPTC's "Digital Source Type" (cv.iptc.org/newscodes/digitalsourcetype) and C2PA's addition to it: the terms of pictures
# that are generated, in whole or in part
_SOURCE_TYPES = (
    "trainedAlgorithmicMedia",
    "trainedAlgorithmicData",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "algorithmicMedia",
)
# the term stands behind the field's name or at the end of the vocabulary's address; in between a slash, XML's or JSON's
# punctuation, or CBOR's mark of a text
_SOURCE_TYPE = re.compile(
    rb"digitalsourcetype.{1,4}?(" + "|".join(_SOURCE_TYPES).encode() + rb")", re.IGNORECASE | re.DOTALL
)

# keywords of PNG texts, as the programs that generate images write them
_KEYWORDS = {
    "parameters": "Stable Diffusion web UI",
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "Dream": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "invokeai_metadata": "InvokeAI",
    "invokeai_graph": "InvokeAI",
    "invokeai_workflow": "InvokeAI",
    "fooocus_scheme": "Fooocus",
    "generation_data": "Civitai",
    "negative_prompt": "Easy Diffusion",
    "Negative Prompt": "Easy Diffusion",
}

_PROGRAMS = (
    "stable diffusion",
    "stable-diffusion",
    "automatic1111",
    "comfyui",
    "invokeai",
    "novelai",
    "midjourney",
    "dall-e",
    "dall·e",
    "openai",
    "chatgpt",
    "adobe firefly",
    "fooocus",
    "draw things",
    "easy diffusion",
    "diffusionbee",
    "dreamstudio",
    "leonardo.ai",
    "ideogram",
    "bing image creator",
    "made with google ai",
    "imagined with ai",
)
_PROGRAM = re.compile("|".join(re.escape(name) for name in _PROGRAMS), re.IGNORECASE)
# asked only where a program names itself: a photograph's title may speak of any of them
_PROGRAM_FIELDS = ("Software", "Make", "Model")
_PROGRAM_TEXTS = ("Software", "Source", "software", "source")
_XMP_PROGRAM = re.compile(rb"(?:CreatorTool|Software|Credit)(?:>|\s*=\s*[\"'])([^<\"']{1,200})")

_SETTINGS = (
    (re.compile(r"Steps: \d{1,5}, (?:Sampler|Schedule type|CFG scale|Seed|Size): "), "settings of a sampler"),
    (re.compile(r'"class_type"\s{0,4}:\s{0,4}"'), "a ComfyUI graph"),
    (re.compile(r'"sui_image_params"\s{0,4}:'), "SwarmUI settings"),
    (re.compile(r"Job ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "a Midjourney job"),
)


def declared_generated(metadata: Metadata) -> str:
    """What a file says of its own generation.

    Args:
        metadata: the file's words, not to be trusted.

    Returns:
        Where it says so, and what, in this module's own words; empty where it says nothing of the kind.
    """
    return _source_type(metadata) or _keyword(metadata) or _program(metadata) or _settings(metadata)


def _source_type(metadata: Metadata) -> str:
    for place, content in (("C2PA", metadata.c2pa), ("XMP", metadata.xmp)):
        if found := _SOURCE_TYPE.search(content):
            term = found[1].decode().lower()
            return f"{place}: digital source type {next(name for name in _SOURCE_TYPES if name.lower() == term)}"
    return ""


def _keyword(metadata: Metadata) -> str:
    keyword = next((name for name in metadata.texts if name in _KEYWORDS), None)
    return f"PNG text `{keyword}`, as {_KEYWORDS[keyword]} writes it" if keyword else ""


def _program(metadata: Metadata) -> str:
    fields = [(f"EXIF {name}", metadata.exif.get(name, "")) for name in _PROGRAM_FIELDS]
    fields += [(f"PNG text `{name}`", metadata.texts.get(name, "")) for name in _PROGRAM_TEXTS]
    fields += [("XMP", name.decode("utf-8", "replace")) for name in _XMP_PROGRAM.findall(metadata.xmp)]
    for place, text in fields:
        if found := _PROGRAM.search(text):
            return f"{place}: {found[0].lower()}"
    return ""


def _settings(metadata: Metadata) -> str:
    fields = [(f"EXIF {name}", text) for name, text in metadata.exif.items()]
    # of a text chunk's keyword only known ones are repeated: it may hold anything
    fields += [("a text chunk or comment", text) for text in metadata.texts.values()]
    fields.append(("XMP", metadata.xmp.decode("utf-8", "replace")))
    for place, text in fields:
        for pattern, what in _SETTINGS:
            if pattern.search(text):
                return f"{place}: {what}"
    return ""
