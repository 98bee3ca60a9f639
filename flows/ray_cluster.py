"""A build on a Ray cluster: what its nodes must have, and what a chunk takes of them.

Ray gives chunks to nodes, and gives them to others when a node is lost; Prefect's engine runs in Ray's workers.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import ray
from prefect.client.orchestration import get_client
from prefect.context import hydrated_context, serialize_context
from prefect.tasks import Task
from prefect_ray import RayTaskRunner
from prefect_ray.context import remote_options
from prefect_ray.task_runners import PrefectRayFuture
from pydantic import BaseModel, ConfigDict
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from flows.environment import FORWARDED
from flows.folder import BuildFolder
from flows.runners import api_host, api_url, is_loopback
from flows.stages.base import Resource
from manifests.errors import TwinsetError, printable

_LOSSES = 5
"""Workers or nodes that may be lost under one chunk."""

_FETCHES = 4
"""Chunks of photographs that a node fetches at a time: each is held in memory, and asks many hosts at once."""

_ANSWER = 300.0  # seconds that a node has to start a worker on a busy machine


class Node(BaseModel):
    """A living node that takes work."""

    model_config = ConfigDict(frozen=True)

    id: str
    address: str
    cpus: int
    gpus: int


@contextmanager
def ray_cluster(address: str, url: str) -> Iterator[None]:
    """Stay connected to a cluster; its worker processes live as long, and keep the models that they have loaded.

    Args:
        address: the cluster's; empty: the one of the environment, else one on this machine that ends with the block.
        url: the build's folder.

    Raises:
        TwinsetError: there is no such cluster, it has no node that takes work, or a node cannot do the work.
    """
    try:
        ray.init(
            address=address or None,
            namespace="twinset",
            runtime_env={"env_vars": {name: os.environ[name] for name in FORWARDED if name in os.environ}},
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            include_dashboard=None if address else False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        # what Ray advises speaks of its own options
        reason = _first_line(error).partition(". ")[0]
        raise TwinsetError(
            f"no Ray cluster at {address or 'this machine'}: {reason}. Start one with `ray start --head`, or mend --ray-address "
            "or RAY_ADDRESS."
        ) from error
    try:
        _check(living_nodes(), url)
        yield
    finally:
        ray.shutdown()


def living_nodes() -> list[Node]:
    """The nodes that take work; a head node without processors is none of them."""
    nodes = [
        Node(
            id=node["NodeID"],
            address=node["NodeManagerAddress"],
            cpus=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
        )
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]
    return [node for node in nodes if node.cpus]


def demands(resource: Resource, nodes: list[Node]) -> dict[str, Any]:
    """What Ray must have free for a chunk.

    A chunk for a model takes a GPU where the cluster has any, else as many processors as it has threads. The worker
    that has done it keeps the model for the next one, where no node has more than one GPU: among several, Ray might give
    the worker another than the one that the model lies on, and each chunk loads the model anew.
    """
    least = min((node.cpus for node in nodes), default=1)
    if resource == "network":
        return {"num_cpus": max(1, least // _FETCHES)}
    if resource == "cpu":
        return {"num_cpus": 1}
    most = max((node.gpus for node in nodes), default=0)
    if most:
        return {"num_cpus": 1, "num_gpus": 1, "max_calls": 0 if most == 1 else 1}
    return {"num_cpus": min(int(os.environ.get("OMP_NUM_THREADS") or least), least)}


class RayChunkRunner(RayTaskRunner[Any]):  # type: ignore[misc]  # prefect-ray ships no types
    """Prefect's runner on Ray, for chunks of stages that need the same resource."""

    def __init__(self, resource: Resource) -> None:
        """Give chunks to the cluster that this process is connected to."""
        super().__init__()
        self._resource = resource

    def duplicate(self) -> "RayChunkRunner":
        """Another one like this: Prefect starts each runner once."""
        return type(self)(self._resource)

    def submit(
        self, task: Task[..., Any], parameters: dict[str, Any], *others: Any, **named: Any
    ) -> PrefectRayFuture[Any]:
        """Give one chunk to the cluster."""
        with remote_options(max_retries=_LOSSES, **demands(self._resource, living_nodes())):
            return super().submit(task, parameters, *others, **named)


class _Seen(BaseModel):
    """What a node says of itself."""

    model_config = ConfigDict(frozen=True)

    version: str
    sees_build: bool
    reaches_api: bool


def _check(nodes: list[Node], url: str) -> None:
    """Ask every node now for what a chunk would fail of later."""
    if not nodes:
        raise TwinsetError(
            "the Ray cluster has no node that takes work: start one with `ray start --address HOST:6379`."
        )
    here = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    if is_loopback(api_host()) and any(node.address != here for node in nodes):
        raise TwinsetError(
            f"PREFECT_API_URL={api_url()} is this machine's own loopback, and the Ray cluster has other machines. Set it to "
            "a name or address of this machine that they can reach."
        )
    context = serialize_context()
    answers = [
        _look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(url, context)
        for node in nodes
    ]
    for node, answer in zip(nodes, answers, strict=True):
        try:
            seen = ray.get(answer, timeout=_ANSWER)
        except ray.exceptions.GetTimeoutError as error:
            raise TwinsetError(
                f"node {node.address} of the Ray cluster has not answered for {_ANSWER:.0f} s. Ray's workers give way to all else "
                "that a machine does: where it does much, start its nodes with RAY_worker_niceness=0."
            ) from error
        except ray.exceptions.RayError as error:
            raise TwinsetError(
                f"node {node.address} of the Ray cluster cannot do the work: {_first_line(error)}"
            ) from error
        if seen.version != version("twinset"):
            raise TwinsetError(
                f"node {node.address} has twinset {seen.version}, and this machine {version('twinset')}."
            )
        if not seen.sees_build:
            raise TwinsetError(
                f"node {node.address} does not see {url}: put the build's folder on storage that all nodes share, under the "
                "same path, or on an object store."
            )
        if not seen.reaches_api:
            raise TwinsetError(f"node {node.address} does not reach PREFECT_API_URL={api_url()}: open the port to it.")


@ray.remote(num_cpus=0, max_retries=1)
def _look(url: str, context: dict[str, Any]) -> _Seen:
    """Runs on a node, with Prefect's settings as a chunk has them: this process may know the API by its profile alone."""
    try:
        BuildFolder.open(url)
        sees_build = True
    except TwinsetError:
        sees_build = False
    with hydrated_context(context), get_client(sync_client=True) as client:
        reaches_api = client.api_healthcheck() is None
    return _Seen(version=version("twinset"), sees_build=sees_build, reaches_api=reaches_api)


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (
        printable(lines[-1 if isinstance(error, ray.exceptions.RayTaskError) else 0]) if lines else type(error).__name__
    )
