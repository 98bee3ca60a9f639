"""Several processes train one detector."""

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.batches import PairStream
from classifier.config import ClassifierConfig
from classifier.feeding import Stretch
from classifier.processes import Processes
from classifier.report import DetectorReport
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from tests.ports import free_port

MakeDataset = Callable[..., Dataset]
CONFIG = ClassifierConfig(
    backbone="test_resnet", head="mlp", epochs=2, batch_size=4, image_size=32, ema=0.5, keep="best", learning_rate=3e-3
)
# what the ranks hold after a training, told by all of them
SCRIPT = """
import os, sys, warnings
from classifier.config import ClassifierConfig
from classifier.training import train
warnings.simplefilter("error")
dataset, config, out = sys.argv[1:]
report = train(dataset, ClassifierConfig.model_validate_json(config), out, device="cpu")
open(f"{out}.{os.environ['RANK']}", "w").write(report.model_dump_json())
"""


@pytest.mark.parametrize("shards", [1, 5])
@pytest.mark.parametrize("training", [None, CONFIG])
def test_each_process_reads_its_own_share(make_dataset: MakeDataset, shards: int, training: ClassifierConfig | None):
    dataset = make_dataset({"train": 13, "validation": 4, "test": 4}, shards=shards)
    shares = [
        [
            windows.pair.pair_id
            for windows in PairStream(dataset, "train", ["blur"], 32, training=training, processes=Processes(rank, 3))
        ]
        for rank in range(3)
    ]
    assert all(shares)
    assert sorted(itertools.chain(*shares)) == sorted(sample.key for sample in dataset.samples("train"))


def test_a_process_that_has_nothing_to_read_says_so_and_does_not_wait_for_ever():
    with pytest.raises(DatasetError, match="fewer pairs than there are processes"):
        list(Stretch([], 0, 3))


def meet(rank: int, port: int, measured: Any) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE="2")
    if rank == 0:
        # the others have to wait for this
        time.sleep(0.3)
        measured.set()
    Processes(rank, 2, 2).wait_for_all()
    sys.exit(0 if measured.is_set() else 1)


def test_processes_that_found_the_training_done_wait_for_the_first_to_measure():
    context = multiprocessing.get_context("fork")
    measured, port = context.Event(), free_port()
    processes = [context.Process(target=meet, args=(rank, port, measured)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


def test_two_processes_train_one_detector(make_dataset: MakeDataset, tmp_path: Path):
    # uneven shares: 7 and 6 validation pairs, of which the first process has a batch more
    dataset = make_dataset({"train": 26, "validation": 9, "test": 6}, shards=1)
    out = tmp_path / "detector"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            script, dataset.root, CONFIG.model_dump_json(), out,
        ],
        capture_output=True, text=True, check=False, env=environment, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (
        DetectorReport.model_validate_json((tmp_path / f"detector.{rank}").read_bytes()) for rank in (0, 1)
    )
    assert first == second
    assert json.loads((out / "metrics.json").read_bytes()) == first.model_dump(mode="json")
    # 26 pairs in batches of twice 4
    assert [epoch.steps for epoch in first.history] == [4, 8]
    assert not (tmp_path / ".detector.partial").exists()
