"""Which runners can be asked for, what each chunk takes of a cluster, and what is told before anything is written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.runners import Runner, RunnerName, is_loopback
from manifests.errors import TwinsetError

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


def test_without_an_api_for_other_machines_a_build_says_so_and_writes_nothing(recipe: Recipe, tmp_path: Path):
    path, out = recipe(), tmp_path / "out"
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    result = subprocess.run(
        [sys.executable, "-m", "twinset", "build", str(path), "--out", str(out), "--runner", "ray"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
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
