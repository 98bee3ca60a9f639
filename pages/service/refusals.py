"""Requests that are not answered: why, in the one form that all of them have."""

import math

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field


class Refused(BaseModel):
    """The body of every answer that is no success."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: str = Field(description="a short name for programs, such as `queue-full`")
    detail: str = Field(description="one sentence for a person: what was expected, and what to do")


class RefusalError(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP.
        body: what is answered.
        retry_after: seconds after which the same request may succeed; 0: it will not by waiting.
    """

    def __init__(self, status: int, error: str, detail: str, *, retry_after: float = 0.0) -> None:
        super().__init__(f"{error}: {detail}")
        self.status = status
        self.body = Refused(error=error, detail=detail)
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """The answer to the client."""
        headers = {"Retry-After": str(math.ceil(self.retry_after))} if self.retry_after > 0 else None
        return JSONResponse(self.body.model_dump(), self.status, headers)
