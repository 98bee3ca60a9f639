"""When a chunk is tried again: for the network, and nothing else."""

import socket

import pytest
from huggingface_hub.errors import OfflineModeIsEnabled
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from flows.build import run_chunk
from manifests.errors import ModelError, SourceError


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError("reset"), True),
        (caused(SourceError("http://a.example/list.csv: cannot be read"), TimeoutError()), True),
        (caused(ModelError("not on the Hub"), caused(OSError("no route"), socket.gaierror("no such host"))), True),
        (caused(ModelError("not in the cache"), OfflineModeIsEnabled("offline")), False),
        (caused(SourceError("list.csv: there is no such file"), FileNotFoundError()), False),
        (ValueError("a fault"), False),
    ],
)
def test_only_the_network_is_tried_again(error: Exception, again: bool):
    retry = run_chunk.retry_condition_fn
    assert retry is not None
    run = TaskRun(task_key="chunk", dynamic_key="0")
    assert retry(run_chunk, run, Failed(data=error)) is again
