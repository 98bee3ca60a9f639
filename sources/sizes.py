"""Limits on the size that a source's list gives for an image."""

from pydantic import Field

from sources.base import SourceSettings


class SizeLimits(SourceSettings):
    """Settings of a source whose list says how large the images are."""

    min_width: int | None = Field(default=None, gt=0, description="pixels; an image of unknown width is passed over")
    max_width: int | None = Field(default=None, gt=0, description="pixels; an image of unknown width is passed over")
    min_height: int | None = Field(default=None, gt=0, description="pixels; an image of unknown height is passed over")
    max_height: int | None = Field(default=None, gt=0, description="pixels; an image of unknown height is passed over")

    def fits(self, width: float | None, height: float | None) -> bool:
        """Whether an image of this size is taken; None where the list does not say."""
        return _within(width, self.min_width, self.max_width) and _within(height, self.min_height, self.max_height)


def _within(value: float | None, low: int | None, high: int | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
