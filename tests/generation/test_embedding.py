from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.config import TextToImageConfig
from generation.pipelines import load_pipeline
from generation.quiet import quiet

PROMPTS = ["a red cube", "a blue cube", "a red cube"]
FRAME = 32


def loaded(models: Path, name: str) -> Any:
    config = TextToImageConfig(name="tiny", model=str(models / name), num_inference_steps=2)
    return load_pipeline(config, "cpu").pipeline


def latents(pipeline: Any, guidance: float, **words: Any) -> Any:
    """What the denoiser leaves, before it is decoded."""
    from generation.numerics import reproducible, seeded_rng

    with quiet(), reproducible():
        return pipeline(
            **words,
            guidance_scale=guidance,
            num_inference_steps=2,
            width=FRAME,
            height=FRAME,
            generator=[seeded_rng(row) for row in range(len(PROMPTS))],
            output_type="latent",
        ).images.numpy()


@pytest.mark.parametrize("name", ["sd", "sdxl"])
@pytest.mark.parametrize(("negative", "guidance"), [("", 5.0), ("a blue floor", 5.0), ("a blue floor", 1.0)])
def test_embeddings_give_the_latents_that_the_words_give_bit_for_bit(
    models: Path, name: str, negative: str, guidance: float
):
    from generation.embedding import worded

    pipeline = loaded(models, name)
    plain = latents(pipeline, guidance, prompt=PROMPTS, negative_prompt=[negative] * len(PROMPTS) if negative else None)
    for _ in range(2):  # the second time with the kept embedding of the negative prompt
        assert np.array_equal(latents(pipeline, guidance, **worded(pipeline, PROMPTS, negative, guidance)), plain)


def test_a_negative_prompt_is_embedded_once_for_all_batches_of_a_size(models: Path):
    from generation.embedding import worded

    pipeline = loaded(models, "sd")
    calls: list[int] = []
    pipeline.text_encoder.register_forward_hook(lambda _module, given, _out: calls.append(len(given[0])))
    for prompts in (PROMPTS, PROMPTS[::-1], PROMPTS):
        worded(pipeline, prompts, "a blue floor", 5.0)
    assert calls == [3, 3, 3, 3]  # the negative prompts beside the first batch's, then prompts alone
    worded(pipeline, PROMPTS[:1], "a blue floor", 5.0)
    assert calls[4:] == [1, 1]
    worded(pipeline, PROMPTS, "something else", 5.0)
    assert calls[6:] == [3, 3]


def test_other_pipelines_are_given_the_words():
    from generation.embedding import worded

    assert worded(object(), PROMPTS, "", 5.0) == {"prompt": PROMPTS, "negative_prompt": None}
    assert worded(object(), PROMPTS[:2], "no", 5.0) == {"prompt": PROMPTS[:2], "negative_prompt": ["no", "no"]}
