"""What models run on."""

import shutil

from flows.doctor.findings import Finding, missing, ok, warning

_SMALL = 12 * 2**30
"""Bytes: Stable Diffusion 1 in half precision, in batches of eight, wants about so much."""


def check_device() -> list[Finding]:
    """torch, and the GPUs that it sees: memory and bfloat16. Takes as long as importing torch."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return [missing("torch", f"cannot be imported: {error}", "pip install --force-reinstall torch torchvision")]
    found = [ok("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")]
    if not torch.cuda.is_available():
        if torch.version.cuda is None and shutil.which("nvidia-smi"):
            remedy = (
                "torch was built without CUDA: install one of the builds at https://pytorch.org/get-started/locally"
            )
        else:
            remedy = "the demo and small models run on the processor; for Stable Diffusion use a machine with a GPU"
        return [*found, warning("GPU", "none that torch can use", remedy)]
    return [*found, *(_gpu(index) for index in range(torch.cuda.device_count()))]


def _gpu(index: int) -> Finding:
    import torch
    from rich.filesize import decimal

    properties = torch.cuda.get_device_properties(index)
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    name = f"GPU {index}"
    found = f"{properties.name}, {decimal(properties.total_memory)}{', bfloat16' if has_bfloat16 else ''}"
    if not has_bfloat16:
        return warning(name, f"{found}, no bfloat16", 'set dtype = "float16" in the recipe')
    if properties.total_memory < _SMALL:
        return warning(name, found, "lower the generators' batch_size; large models will not fit")
    return ok(name, found)
