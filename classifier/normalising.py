"""What a network is given of 8-bit images: floats with the mean and the spread that its weights were trained for."""

from torch import Tensor


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Subtract the mean and divide by the standard deviation, of values brought to [0, 1].

    Args:
        images: (n, 3, H, W), uint8.
        mean: by channel, three values in any shape.
        std: likewise.

    Returns:
        (n, 3, H, W), float32, channels interleaved (`channels_last`): convolutions run about twice as fast over them, on
        CPUs and GPUs alike.
    """
    height, width = images.shape[-2:]
    # over whole rows: with constants that repeat every three values a CPU's vectors stay empty, and it takes four times as long
    rows = images.permute(0, 2, 3, 1).flatten(2)
    means, deviations = (constant.flatten().repeat(width) for constant in (mean, std))
    # one array from beginning to end: dividing bytes would make a second one
    return rows.float().div_(255).sub_(means).div_(deviations).reshape(-1, height, width, 3).permute(0, 3, 1, 2)
