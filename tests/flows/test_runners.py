"""Which runners can be asked for, what each chunk takes of a cluster, and what is told before anything is written."""

import os
import weakref
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from flows.runners import Runner, RunnerName, is_loopback
from manifests.errors import TwinsetError
from tests.command_line import twinset

Recipe = Callable[..., Path]


def test_threads_need_nothing():
    runner = Runner.of(RunnerName.THREADS)
    runner.require()
    assert not runner.is_shared


def test_the_address_of_a_cluster_comes_from_the_command_line_or_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://head:8786")
    assert Runner.of(RunnerName.RAY).address == "head:6379"
    assert Runner.of(RunnerName.RAY, "other:6379").address == "other:6379"
    assert Runner.of(RunnerName.DASK).address == "tcp://head:8786"
    assert Runner.of(RunnerName.DASK).is_shared
    assert Runner.of(RunnerName.PROCESSES).address == ""


def test_an_address_for_ray_without_ray_is_refused():
    with pytest.raises(TwinsetError, match="--ray-address"):
        Runner.of(RunnerName.THREADS, "head:6379")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("flows.runners.find_spec", lambda _name: None)
    with pytest.raises(TwinsetError, match=r"--runner dask needs twinset\[cluster\]"):
        Runner(name=RunnerName.DASK).require()


def test_an_api_that_does_not_answer_is_one_line():
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        with pytest.raises(TwinsetError, match=r"PREFECT_API_URL=http://127\.0\.0\.1:9/api does not answer") as raised:
            Runner(name=RunnerName.RAY).require()
        assert "\n" not in str(raised.value)


def test_a_cluster_that_does_not_answer_is_one_line():
    for address in ("127.0.0.1:9", "tcp://127.0.0.1:9", "127.0.0.1:no"):
        with pytest.raises(TwinsetError, match=f"nothing answers at {address} ") as raised:
            Runner(name=RunnerName.DASK, address=address)._require_address()
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("address", ["head", "127.0.0.1", "ray://127.0.0.1", "http://127.0.0.1:8265", ":6379"])
def test_what_is_no_address_of_a_ray_cluster_is_told_at_once(address: str):
    with pytest.raises(TwinsetError, match=r"expected HOST:PORT") as raised:
        Runner(name=RunnerName.RAY, address=address)._require_address()
    assert str(raised.value).startswith(f"--runner ray: {address} is no address")


# never at the same time as the tests that start a cluster, which are of this group
@pytest.mark.xdist_group("commands")
@pytest.mark.filterwarnings("ignore::FutureWarning:ray.*", "ignore::ResourceWarning")
def test_a_ray_cluster_that_nobody_has_started_is_one_line():
    from ray._private.services import find_gcs_addresses

    from flows.ray_cluster import ray_cluster

    if find_gcs_addresses():
        pytest.skip("a Ray cluster runs on this machine")
    runner = Runner(name=RunnerName.RAY, address="auto")
    runner._require_address()
    with pytest.raises(TwinsetError, match="no Ray cluster at auto: ") as raised, ray_cluster(runner.address, "out"):
        pass
    assert "RAY_ADDRESS" in str(raised.value)
    assert "--ray-address" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_an_api_for_other_machines_a_build_says_so_and_writes_nothing(recipe: Recipe, tmp_path: Path):
    path, out = recipe(), tmp_path / "out"
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    result = twinset("build", path, "--out", out, "--runner", "ray", environment=environment)
    assert result.returncode == 1
    assert result.stderr.startswith("error: --runner ray: PREFECT_API_URL is not set")
    assert result.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("head", False)]
)
def test_loopback_names(host: str, *, expected: bool):
    assert is_loopback(host) is expected


def test_what_a_chunk_takes_of_a_ray_cluster(monkeypatch: pytest.MonkeyPatch):
    from flows.ray_cluster import Node, demands

    def nodes(*gpus: int, cpus: int = 16) -> list[Node]:
        return [Node(id=str(number), address="10.0.0.1", cpus=cpus, gpus=count) for number, count in enumerate(gpus)]

    assert demands("cpu", nodes(1, 1)) == {"num_cpus": 1}
    assert demands("network", nodes(1, 1)) == {"num_cpus": 4}
    assert demands("network", nodes(0, cpus=2)) == {"num_cpus": 1}
    # a worker keeps its model, unless Ray may give it another GPU than the one that the model lies on
    assert demands("model", nodes(1, 1, 0)) == {"num_cpus": 1, "num_gpus": 1, "max_calls": 0}
    assert demands("model", nodes(8, 8)) == {"num_cpus": 1, "num_gpus": 1, "max_calls": 1}
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert demands("model", nodes(0, 0)) == {"num_cpus": 2}
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert demands("model", nodes(0, 0)) == {"num_cpus": 16}
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert demands("model", nodes(0, 0)) == {"num_cpus": 16}


def test_a_worker_lets_go_of_the_model_of_the_stage_before(recipe: Recipe, tmp_path: Path):
    from flows.folder import BuildFolder
    from flows.recipe import load_recipe
    from flows.scheduling import take_turn
    from flows.stages import caption
    from flows.stages.audit import build_stages

    build = BuildFolder(load_recipe(recipe()), str(tmp_path), str(tmp_path / "out"))
    stages = {stage.name: stage for stage in build_stages(build)}
    take_turn(stages["caption"])
    model = caption._captioner(build.located(build.recipe.caption))
    take_turn(stages["caption"])
    assert caption._captioner(build.located(build.recipe.caption)) is model
    take_turn(stages["generate-sd"])
    assert caption._captioner.cache_info().currsize == 0


def test_a_model_that_refers_to_itself_is_gone_before_the_next_one_is_loaded():
    from flows.stages.base import let_go

    class Model:
        def __init__(self) -> None:
            self.compiled = self.run  # as a compiled module of torch does

        def run(self) -> None: ...

    @lru_cache(maxsize=1)
    def opened() -> Model:
        return Model()

    seen = weakref.ref(opened())
    let_go(opened)
    assert seen() is None
