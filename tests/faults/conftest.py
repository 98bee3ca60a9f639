"""A build of eight pairs, stage by stage: as it is after each stage when nothing disturbs it, and what it meets on its way."""

import os
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage
from flows.stages.caption import CaptionStage
from flows.stages.generate import GenerateStage
from manifests.journal import settle
from tests.faults.traps import KILLED, Fault, Interrupted, Trap, set_traps, still_clock

PAIRS = 8
MODELS = Path(__file__).parents[2] / "demo" / "models"
RECIPE = """
name = "faults"

[[sources]]
type = "folder"
path = "{photographs}"

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 40
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "{models}/stable-diffusion"

[split]
group_by = ["pair"]

[chunks]
size = 4

[shards]
pairs = 3

[limits]
drop_rate = 1.0
"""

Tree = dict[str, bytes]


def tree(folder: Path) -> Tree:
    """All files below a folder, whatever their names."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Step:
    """One stage of the undisturbed build.

    Attributes:
        name: the stage's name.
        before, after: the build's folder before and after it.
        events: how often each kind of event is met in it.
    """

    name: str
    before: Path
    after: Path
    events: Counter[str]

    @property
    def has_model(self) -> bool:
        """Whether a network runs in it."""
        return self.name.startswith("generate")


@dataclass(frozen=True)
class Undisturbed:
    """The build that nothing disturbs.

    Attributes:
        recipe: the recipe's file.
        steps: its stages, from left to right.
    """

    recipe: Path
    steps: list[Step]

    def build(self, out: Path) -> BuildFolder:
        """A build of the recipe in a folder."""
        return BuildFolder(load_recipe(self.recipe), str(self.recipe.parent), str(out))

    @property
    def end(self) -> Tree:
        """All files at the end."""
        return tree(self.steps[-1].after)


def do_stage(stage: BuildStage) -> None:
    """Do what a stage still has to do, as the flow does it."""
    for index in stage.pending():
        stage.run(index)
    stage.finish()


def go_on(build: BuildFolder, name: str | None = None) -> None:
    """What running the same command again does, without Prefect; up to a stage, or to the end."""
    build.folder.sweep()
    settle(build.dataset)
    for stage in build_stages(build):
        do_stage(stage)
        if stage.name == name:
            return


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The build that nothing disturbs, kept as it is after each stage."""
    from demo.photographs import take_photograph

    home = tmp_path_factory.mktemp("undisturbed")
    for number in range(PAIRS):
        photograph = take_photograph(number)
        place = home / "scenes" / f"class{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:03d}{photograph.suffix}").write_bytes(photograph.data)
    recipe = home / "faults.toml"
    recipe.write_text(RECIPE.format(photographs=home / "scenes", models=MODELS))
    whole = Undisturbed(recipe, [])
    out = home / "out"
    build = whole.build(out)
    with still_clock():
        build.claim()
        for number, stage in enumerate(build_stages(build)):
            before, after = home / f"before-{number}", home / f"before-{number + 1}"
            if not number:
                shutil.copytree(out, before)
            trap = Trap()
            with set_traps(trap, model=stage.name.startswith("generate")):
                do_stage(stage)
            shutil.copytree(out, after)
            whole.steps.append(Step(stage.name, before, after, trap.counts))
    return whole


def keep_models(patch: pytest.MonkeyPatch) -> None:
    """Keep loaded models beyond their stage: what is loaded again and again is no fault's business."""
    for stage in (CaptionStage, GenerateStage):
        patch.setattr(stage, "release", BuildStage.release)


def in_a_fork(work: Callable[[], None], seconds: int = 60) -> int:
    """Do some work in a forked process; its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(seconds)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - it must not come back into pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def disturb(build: BuildFolder, step: Step, fault: Fault) -> BaseException | None:
    """Run one stage with a fault; the error that it ended with, None where the process was killed or the fault survived."""
    stage = next(stage for stage in build_stages(build) if stage.name == step.name)

    def run(trap: Trap) -> None:
        with still_clock(), set_traps(trap, model=step.has_model):
            do_stage(stage)

    if fault.is_kill and not step.has_model:
        code = in_a_fork(lambda: run(Trap(fault)))
        assert code == KILLED, f"{step.name}, {fault}: the child ended with {code}"
        return None

    def interrupt() -> None:
        raise Interrupted

    trap = Trap(fault, kill=interrupt)
    try:
        run(trap)
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error
    except Interrupted:
        pass
    assert trap.sprung, f"{step.name}, {fault}: never came to it"
    return None
