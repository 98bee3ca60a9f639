"""Which failures of a chunk are tried again: those of a machine or of the network, never those of a recipe or a model."""

import pytest
from prefect.client.schemas.objects import State, StateType, TaskRun

from flows.scheduling import may_pass
from manifests.errors import InfrastructureError, ModelError, SourceError


def _failed(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (InfrastructureError("generator sd: the device failed"), True),
        (_failed(SourceError("gone"), ConnectionResetError()), True),
        (_failed(ModelError("not there"), InfrastructureError("out of memory")), True),
        (ModelError("generator sd: 36x36 does not suit its model"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool):
    state: State[None] = State(type=StateType.FAILED)
    state.data = error
    assert may_pass(None, TaskRun(task_key="chunk", dynamic_key="0"), state) is again
