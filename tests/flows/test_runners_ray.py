"""A Ray cluster of two nodes on this machine: the bytes of a local build, also where one node is killed on the way.

With TWINSET_TEST_CLUSTER=1 small builds by processes, of which one is killed, and by Dask, and the demo on Ray.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from manifests.errors import TwinsetError
from tests.command_line import start, twinset
from tests.ports import free_port

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("commands")

long_proof = pytest.mark.skipif(
    not os.environ.get("TWINSET_TEST_CLUSTER"), reason="takes minutes: set TWINSET_TEST_CLUSTER=1"
)

in_this_process = pytest.mark.filterwarnings("ignore::FutureWarning:ray.*", "ignore::ResourceWarning")

NODE: dict[str, Any] = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 80 * 2**20}
"""What Ray counts as a GPU is none here: only how chunks are given to it is the same."""


@dataclass(frozen=True)
class RayNodes:
    """A head node, on which builds are started, and another one."""

    cluster: Any
    environment: dict[str, str]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def kill_one(self) -> None:
        """SIGKILL for the other node's processes."""
        self.cluster.remove_node(next(iter(self.cluster.worker_nodes)), allow_graceful=False)

    def be_two(self) -> None:
        if not self.cluster.worker_nodes:
            self.cluster.add_node(**NODE)


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server of its own, as a cluster needs one."""
    from prefect.server.api.server import SubprocessASGIServer  # the way in which Prefect itself starts one

    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect-server"))
    server = SubprocessASGIServer(free_port())
    server.start(timeout=120)
    yield server.api_url
    server.stop()


@pytest.fixture(scope="session")
def ray_nodes(prefect_api: str) -> Iterator[RayNodes]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    # Ray's workers give way to all others (nice 15): beside other tests they would take minutes to begin
    head = {**NODE, "include_dashboard": False, "_system_config": {"worker_niceness": 0}}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    environment = os.environ | {"PREFECT_API_URL": prefect_api, "RAY_ADDRESS": cluster.address}
    yield RayNodes(cluster, environment)
    cluster.shutdown()


def bytes_of(dataset: Path) -> dict[str, bytes]:
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


@in_this_process
def test_a_worker_with_a_gpu_serves_chunk_after_chunk(
    ray_nodes: RayNodes, built: Path, prefect_api: str, tmp_path: Path
):
    import ray
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.ray_cluster import demands, living_nodes, ray_cluster

    def who() -> tuple[str, int]:
        node = ray.get_runtime_context().get_node_id()
        (tmp_path / node).touch()
        # a node that is quick to start would have done all of it before the other one has begun
        until = time.monotonic() + 600
        while len(list(tmp_path.iterdir())) < 2:
            if time.monotonic() > until:
                raise TimeoutError("the other node has not begun")
            time.sleep(0.05)
        time.sleep(0.1)
        return node, os.getpid()

    ray_nodes.be_two()
    with temporary_settings({PREFECT_API_URL: prefect_api}), ray_cluster(ray_nodes.address, str(built)):
        taken = demands("model", living_nodes())
        assert taken["num_gpus"] == 1
        workers = ray.get([ray.remote(**taken)(who).remote() for _ in range(12)])
    nodes = {node for node, _ in workers}
    assert len(nodes) == 2
    assert len(set(workers)) == 2, "a model would be loaded once a chunk"


@in_this_process
def test_nodes_are_asked_for_the_api_that_this_process_knows(ray_nodes: RayNodes, built: Path):
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    from flows.ray_cluster import ray_cluster

    # a setting, as a profile makes one, and no variable: a node that does not hear of it starts a server of its own
    nobody = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: nobody, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(TwinsetError, match="does not reach PREFECT_API_URL"),
        ray_cluster(ray_nodes.address, str(built)),
    ):
        pytest.fail("a build would begin")


@in_this_process
def test_a_node_that_does_not_answer_is_named(
    ray_nodes: RayNodes, built: Path, prefect_api: str, monkeypatch: pytest.MonkeyPatch
):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows import ray_cluster

    monkeypatch.setattr(ray_cluster, "_ANSWER", 0.0)
    with (
        temporary_settings({PREFECT_API_URL: prefect_api}),
        pytest.raises(TwinsetError, match=r"node [\d.:a-f]+ of the Ray cluster has not answered for 0 s"),
        ray_cluster.ray_cluster(ray_nodes.address, str(built)),
    ):
        pytest.fail("a build would begin")


@long_proof
def test_a_node_is_killed_and_the_build_ends_in_the_same_bytes(
    ray_nodes: RayNodes, built: Path, recipe: Recipe, tmp_path: Path
):
    ray_nodes.be_two()
    out, log = tmp_path / "out", tmp_path / "log.txt"
    build = start("build", recipe(), "--out", out, "--runner", "ray", environment=ray_nodes.environment, log=log)
    fakes = out / "work" / "generate-sd"
    while build.poll() is None and not list(fakes.glob("*.done.json")):
        time.sleep(0.01)
    ray_nodes.kill_one()
    assert len(list(fakes.glob("*.done.json"))) < 3, "the stage was over before the node was killed"
    assert build.wait(300) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert bytes_of(out / "dataset") == bytes_of(built / "dataset")
    assert not [path for path in out.rglob("*") if ".partial-" in path.name]


@pytest.mark.parametrize("runner", ["processes", "dask"])
@long_proof
def test_other_runners_give_the_same_bytes(runner: str, built: Path, recipe: Recipe, tmp_path: Path):
    out, log = tmp_path / "out", tmp_path / "log.txt"
    build = start("build", recipe(), "--out", out, "--runner", runner, log=log)
    assert build.wait(1200) == 0, log.read_text()
    assert bytes_of(out / "dataset") == bytes_of(built / "dataset")


@long_proof
def test_a_process_is_killed_and_the_next_run_ends_in_the_same_bytes(built: Path, recipe: Recipe, tmp_path: Path):
    path, out, log = recipe(), tmp_path / "out", tmp_path / "log.txt"
    build = start("build", path, "--out", out, "--runner", "processes", log=log)
    while build.poll() is None and not list((out / "work" / "generate-sd").glob("*.done.json")):
        time.sleep(0.01)
    for process in psutil.Process(build.pid).children(recursive=True):
        if any("spawn_main" in part for part in process.cmdline()):
            process.kill()
    assert build.wait(300) == 1
    assert "error: stage generate-sd: a worker was lost" in log.read_text()
    assert "Traceback" not in log.read_text()
    again = twinset("build", path, "--out", out)
    assert again.returncode == 0, again.stderr
    assert bytes_of(out / "dataset") == bytes_of(built / "dataset")
    assert not [found for found in out.rglob("*") if ".partial-" in found.name]


@long_proof
def test_the_demo_on_ray_is_the_demo_on_threads(ray_nodes: RayNodes, tmp_path: Path):
    ray_nodes.be_two()
    for runner in ("threads", "ray"):
        log = tmp_path / f"{runner}.txt"
        arguments = ("demo", "--out", tmp_path / runner, "--runner", runner)
        demo = start(*arguments, environment=ray_nodes.environment, log=log)
        try:
            assert demo.wait(3600) == 0, log.read_text()
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)
    made = [bytes_of(tmp_path / runner / "build" / "dataset") for runner in ("threads", "ray")]
    assert made[0] == made[1]
