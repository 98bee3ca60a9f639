"""Who does the chunks: threads of this process, processes of this machine, or the workers of a Dask or Ray cluster.

Imports neither Prefect nor a cluster's library: `--help` and a build without a cluster do without both.
"""

import os
import socket
from enum import StrEnum
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from manifests.errors import TwinsetError


class RunnerName(StrEnum):
    """The task runners of Prefect that a build can be given to."""

    THREADS = "threads"
    PROCESSES = "processes"
    DASK = "dask"
    RAY = "ray"


_LIBRARIES = {RunnerName.DASK: "prefect_dask", RunnerName.RAY: "prefect_ray"}
_CONNECT = 10.0  # seconds
_RAY_FINDS = ("", "auto", "local")
"""What stands for a cluster that Ray itself finds or starts on this machine."""
_ADDRESSES = {RunnerName.DASK: "DASK_SCHEDULER_ADDRESS", RunnerName.RAY: "RAY_ADDRESS"}


class Runner(BaseModel):
    """A task runner, and the cluster behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: RunnerName = RunnerName.THREADS
    address: str = Field(default="", description="of a Ray or Dask cluster; empty: one on this machine, for this run")

    @classmethod
    def of(cls, name: RunnerName, ray_address: str = "") -> Self:
        """The runner that a person asked for; a cluster's address is the one given, else the environment's.

        Raises:
            TwinsetError: an address is given to another runner than Ray.
        """
        if ray_address and name is not RunnerName.RAY:
            raise TwinsetError(
                f"--ray-address: has no meaning with --runner {name}. Give --runner ray, or leave it out."
            )
        return cls(name=name, address=ray_address or os.environ.get(_ADDRESSES.get(name, ""), ""))

    @property
    def is_shared(self) -> bool:
        """Whether chunks may be done on other machines, which must reach Prefect's API and the build's folder."""
        return self.name is RunnerName.RAY or (self.name is RunnerName.DASK and bool(self.address))

    def require(self) -> None:
        """Check that the runner can be used, before anything is written.

        Raises:
            TwinsetError: its library is not installed; or its workers need Prefect's API, and none can be reached.
        """
        library = _LIBRARIES.get(self.name)
        if library is not None and find_spec(library) is None:
            raise TwinsetError(f"--runner {self.name} needs twinset[cluster]: pip install 'twinset[cluster]'")
        if self.is_shared:
            _require_api(f"--runner {self.name}")
            self._require_address()

    def _require_address(self) -> None:
        """Ask whether somebody listens: the libraries try for minutes."""
        place = urlsplit(self.address if "://" in self.address else f"//{self.address}")
        try:
            port = place.port
            is_complete = place.hostname and port and place.scheme in ("", "ray")
            if self.name is RunnerName.RAY and self.address not in _RAY_FINDS and not is_complete:
                raise TwinsetError(
                    f"--runner ray: {self.address} is no address of a cluster; expected HOST:PORT (of `ray start --head`), "
                    f"'auto' or 'local'. Mend --ray-address or {_ADDRESSES[self.name]}."
                )
            if place.hostname and port:
                socket.create_connection((place.hostname, port), timeout=_CONNECT).close()
        except (OSError, ValueError) as error:
            raise TwinsetError(
                f"--runner {self.name}: nothing answers at {self.address} ({error}). Start the cluster, or mend "
                f"{_ADDRESSES[self.name]}."
            ) from error


THREADS = Runner()
"""What needs nothing beside this process."""


def api_url() -> str:
    """Prefect's API as this process knows it, from the environment or the profile; empty where it is the embedded one."""
    from flows.environment import prepare

    prepare()
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() or ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine under a name that no other machine can use."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def api_host() -> str:
    """The host of Prefect's API."""
    return urlsplit(api_url()).hostname or ""


def _require_api(what: str) -> None:
    url = api_url()
    if not url:
        raise TwinsetError(
            f"{what}: PREFECT_API_URL is not set, and other machines cannot reach the server inside this process. "
            "Start one with `prefect server start --host 0.0.0.0` and set PREFECT_API_URL=http://HOST:4200/api."
        )
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        reason = str(problem).partition("\n")[0] or type(problem).__name__
        raise TwinsetError(
            f"{what}: PREFECT_API_URL={url} does not answer ({reason}). "
            "Start it with `prefect server start --host 0.0.0.0`, or mend the URL."
        )
