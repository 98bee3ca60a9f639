"""Whatever fails or is killed at whatever moment: the same command again ends in the same bytes, and nothing is lost.

Faults are drawn from all that the build of eight pairs meets: each write, rename, removal, folder, read, decoding and call
of a model, each with all that can happen there. A kill is a real one, in a forked process; where a network runs, it is an
exception that nothing in the build catches. `TWINSET_TEST_FAULTS=600` asks for more of them (`make faults`).
"""

import os
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from manifests.errors import TwinsetError
from tests.faults.conftest import Step, Undisturbed, disturb, go_on, keep_models, tree
from tests.faults.traps import WAYS, Fault, jumping_clock, still_clock

pytestmark = pytest.mark.xdist_group("faults")

FAULTS = int(os.environ.get("TWINSET_TEST_FAULTS", "60"))
_FIRST_MODEL_CALLS = 40
"""A network is hundreds of modules, each a call."""


def drawn(undisturbed: Undisturbed, count: int) -> list[tuple[Step, Fault]]:
    """Faults of all kinds, turn by turn; within a kind by chance, but always the same ones."""
    rng = random.Random(22)
    kinds: dict[tuple[str, str], list[tuple[Step, Fault]]] = {}
    for step in undisturbed.steps:
        for event, met in step.events.items():
            for nth in range(1, min(met, _FIRST_MODEL_CALLS if event == "model" else met) + 1):
                for way in WAYS[event]:
                    kinds.setdefault((event, way), []).append((step, Fault(event, nth, way)))
    for faults in kinds.values():
        rng.shuffle(faults)
    chosen: list[tuple[Step, Fault]] = []
    while kinds and len(chosen) < count:
        for kind in list(kinds):
            chosen.append(kinds[kind].pop())
            if not kinds[kind]:
                del kinds[kind]
    return chosen[:count]


def test_after_each_fault_the_build_ends_in_the_same_bytes(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    keep_models(monkeypatch)
    faults = drawn(undisturbed, FAULTS)
    expected = {step.name: (tree(step.before), tree(step.after)) for step in undisturbed.steps}
    done: Counter[str] = Counter()
    for number, (step, fault) in enumerate(faults):
        out = tmp_path / str(number)
        shutil.copytree(step.before, out)
        build = undisturbed.build(out)
        error = disturb(build, step, fault)
        assert error is None or isinstance(error, TwinsetError), f"{step.name}, {fault}: {error!r}"
        before, after = expected[step.name]
        left = tree(out)
        lost = {name for name, data in before.items() if left.get(name) != data and after.get(name) == data}
        assert not lost, f"{step.name}, {fault}: lost {lost}"
        with still_clock():
            go_on(build, step.name)
        found = tree(out)
        assert found.keys() == after.keys(), f"{step.name}, {fault}: {found.keys() ^ after.keys()}"
        assert found == after, f"{step.name}, {fault}: {[name for name in found if found[name] != after[name]]}"
        done[f"{fault.event}: {fault.way}"] += 1
        shutil.rmtree(out)
    assert done.total() == len(faults) >= min(FAULTS, 60)
    if len(faults) > 60:
        with capsys.disabled():
            lines = (f"{kind:28}{count:5}\n" for kind, count in sorted(done.items()))
            sys.stdout.write(f"\n{''.join(lines)}{done.total()} faults; after each, the same bytes\n")


@pytest.mark.parametrize("seconds", [-3.0e8, 3.0e8], ids=["back", "on"])
def test_a_clock_that_jumps_changes_nothing_but_the_times(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
):
    keep_models(monkeypatch)
    build = undisturbed.build(tmp_path / "out")
    with jumping_clock(9, seconds):
        build.claim()
        go_on(build)
    found, expected = tree(tmp_path / "out"), undisturbed.end
    assert found.keys() == expected.keys()
    # what tells the time, and what tells the digests of that
    timed = {name for name in found if name.endswith(".time.json")}
    timed |= {"dataset/provenance.parquet", "dataset/index.json", "dataset/index.sha256"}
    timed |= {
        f"work/{stage}/00000.{suffix}" for stage in ("manifest", "audit") for suffix in ("jsonl.zst", "done.json")
    }
    timed |= {"work/audit/complete.json"}
    assert {name for name in found if found[name] != expected[name]} <= timed
