"""Tiny random models of the published classes: a few hundred kilobytes each, in the published folders' layout."""

import string
from typing import Any

CHARACTERS = string.ascii_letters + string.digits + string.punctuation
_LATENTS = 16


def stable_diffusion_2() -> Any:
    """SD 2.1: v-prediction, OpenCLIP's text encoder (gelu, pad token `!`), linear projections."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel

    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )
    return StableDiffusionPipeline(
        vae=autoencoder_kl(4),
        text_encoder=CLIPTextModel(clip_text_config(hidden_act="gelu")),
        tokenizer=clip_tokenizer(pad="!"),
        unet=tiny_unet(16, use_linear_projection=True),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_inpainting() -> Any:
    """SD for inpainting: its UNet is shown mask and masked image as five further channels."""
    from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline
    from transformers import CLIPTextModel

    return StableDiffusionInpaintPipeline(
        vae=autoencoder_kl(4),
        text_encoder=CLIPTextModel(clip_text_config()),
        tokenizer=clip_tokenizer(),
        unet=tiny_unet(16, in_channels=9),
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl_refiner() -> Any:
    """SDXL's refiner: one text encoder, the second, and an aesthetic score among its conditions."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline
    from transformers import CLIPTextModelWithProjection

    conditions = 8
    return StableDiffusionXLImg2ImgPipeline(
        vae=autoencoder_kl(4),
        text_encoder=None,
        text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
        tokenizer=None,
        tokenizer_2=clip_tokenizer(pad="!"),
        unet=tiny_unet(
            16,
            addition_embed_type="text_time",
            addition_time_embed_dim=conditions,
            projection_class_embeddings_input_dim=16 + 5 * conditions,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def stable_diffusion_3() -> Any:
    """SD 3.5: two CLIPs and T5, 16 channels of latents, flow matching."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=_LATENTS,
            out_channels=_LATENTS,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pooled_projection_dim=32,
            pos_embed_max_size=32,
            qk_norm="rms_norm",
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=autoencoder_kl(_LATENTS),
        text_encoder=CLIPTextModelWithProjection(clip_text_config()),
        tokenizer=clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
        tokenizer_2=clip_tokenizer(pad="!"),
        text_encoder_3=t5_encoder(),
        tokenizer_3=t5_tokenizer(),
    )


def flux() -> Any:
    """FLUX.1-dev, whose denoiser is told of the guidance."""
    return _flux(guided=True)


def flux_schnell() -> Any:
    """FLUX.1-schnell, distilled to few steps: without guidance."""
    return _flux(guided=False)


def _flux(*, guided: bool) -> Any:
    """CLIP's pooled output, T5, latents packed two by two."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=4 * _LATENTS,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=16,
            guidance_embeds=guided,
            axes_dims_rope=(2, 2, 4),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
        if guided
        else FlowMatchEulerDiscreteScheduler(shift=1.0),
        vae=autoencoder_kl(_LATENTS),
        text_encoder=CLIPTextModel(clip_text_config()),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5_encoder(),
        tokenizer_2=t5_tokenizer(),
    )


def pixart_sigma() -> Any:
    """PixArt-Sigma: T5, 4 channels of latents, a denoiser that predicts its variance too."""
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    return PixArtSigmaPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(),
        vae=autoencoder_kl(4),
        transformer=PixArtTransformer2DModel(
            sample_size=16,
            patch_size=2,
            in_channels=4,
            out_channels=8,
            num_layers=2,
            num_attention_heads=2,
            attention_head_dim=8,
            cross_attention_dim=16,
            caption_channels=32,
            use_additional_conditions=False,
            interpolation_scale=2,
            norm_type="ada_norm_single",
        ),
        scheduler=DPMSolverMultistepScheduler(),
    )


def sana() -> Any:
    """Sana: Gemma 2 behind an instruction, a deep-compression autoencoder, DPM-Solver over flow."""
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, SanaPipeline, SanaTransformer2DModel
    from transformers import Gemma2Config, Gemma2Model

    return SanaPipeline(
        tokenizer=gemma_tokenizer(),
        text_encoder=Gemma2Model(
            Gemma2Config(
                vocab_size=512,
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=8,
                max_position_embeddings=2048,
                pad_token_id=0,
                eos_token_id=1,
                bos_token_id=2,
            )
        ),
        vae=AutoencoderDC(
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=("ResBlock", "EfficientViTBlock"),
            decoder_block_types=("ResBlock", "EfficientViTBlock"),
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
            downsample_block_type="Conv",
            upsample_block_type="interpolate",
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            scaling_factor=0.41407,
        ),
        transformer=SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=16,
            sample_size=32,
        ),
        scheduler=DPMSolverMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0),
    )


def autoencoder_kl(channels: int) -> Any:
    """4 channels as in Stable Diffusion; 16 as in SD 3.5 and FLUX, shifted and without the quantising convolutions."""
    from diffusers import AutoencoderKL

    late: dict[str, Any] = {"shift_factor": 0.0609, "use_quant_conv": False, "use_post_quant_conv": False}
    return AutoencoderKL(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=channels,
        norm_num_groups=4,
        **(late if channels == _LATENTS else {}),
    )


def t5_encoder() -> Any:
    """T5's encoder, 1.1 (gated gelu)."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=256, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu")
    )


def t5_tokenizer() -> Any:
    """T5's tokenizer with single characters and one whole word."""
    from transformers import T5Tokenizer

    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [("\u2581", -2.0), ("\u2581red", -1.0), *((character, -3.0) for character in CHARACTERS)]
    return T5Tokenizer(vocab=[*special, *pieces], extra_ids=0, model_max_length=512)


def gemma_tokenizer() -> Any:
    """Gemma's tokenizer with single characters; it marks the start of a text only."""
    from tokenizers.processors import TemplateProcessing
    from transformers import GemmaTokenizer

    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581", "\n", *CHARACTERS]
    tokenizer = GemmaTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=["<bos>", "$A"], pair=["<bos>", "$A", "<bos>", "$B"], special_tokens=[("<bos>", 2)]
    )
    return tokenizer


def clip_tokenizer(pad: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer with single characters and one merged word."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    characters = sorted(ByteLevel.alphabet())
    tokens = ["<|startoftext|>", "<|endoftext|>", *characters, *(f"{c}</w>" for c in characters), "re", "red</w>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = [("r", "e"), ("re", "d</w>")]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad, model_max_length=77)


def clip_text_config(**more: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=520,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        **more,
    )


def tiny_unet(cross_attention_dim: int, in_channels: int = 4, **more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=cross_attention_dim,
        attention_head_dim=4,
        norm_num_groups=4,
        **more,
    )
