"""What the service answers, as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from classifier.prediction import Answer


class Prediction(BaseModel):
    """The answer to a request: one for each image, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="the detector's name")
    threshold: float = Field(description="an image is called fake where its score is above")
    images: list[Answer]


class Health(BaseModel):
    """Whether the service can answer, and how busy it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ok", "failed"]
    waiting: int = Field(description="requests that are read or wait for their answer")
    queue: int = Field(description="how many may")
