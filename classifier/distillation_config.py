"""What a recipe may say about distillation. Imports no model library."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DistillConfig(BaseModel):
    """How a student learns from teachers.

    That hard labels stay in the loss is published for the three-specialist detector; the weights, the temperature and the
    way in which the specialists are combined are not, so these defaults are our own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(
        default=0.5, ge=0, le=1, description="weight of the teachers' answers in the loss; the labels have the rest"
    )
    temperature: float = Field(default=2.0, gt=0, description="what the logits of both are divided by in the soft part")
    combine: Literal["max", "mean"] = Field(
        default="max",
        description="several teachers' calibrated logits as one: `max`, because a specialist that does not know a "
        "generator calls its fakes real, or `mean`",
    )
