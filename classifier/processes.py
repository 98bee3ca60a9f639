"""The processes that train together, as torchrun tells them in their environment."""

import os
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(hours=6)
"""How long the others wait while the first process measures the detector."""


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number.
        world: how many there are, on all machines.
        here: how many there are on this machine.
        nodes: number of machines.
    """

    rank: int = 0
    world: int = 1
    here: int = 1
    nodes: int = 1

    @classmethod
    def of_environment(cls) -> "Processes":
        """What torchrun says; one process alone where it did not start this one."""
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return cls()
        world, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return cls(int(os.environ["RANK"]), world, here, world // here)

    def reader(self, worker: int = 0, workers: int = 1) -> tuple[int, int]:
        """Number of a reading worker of this process among those of all processes, and how many these are."""
        return self.rank * workers + worker, self.world * workers

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait_for_all(self) -> None:
        """Come back when every process has come here; hours may pass while the first one measures."""
        if self.world == 1:
            return
        # heavy, and `plan` needs nothing of it
        from torch import distributed  # noqa: PLC0415

        if not distributed.is_initialized():
            # nothing was trained: a run that was killed while it measured
            distributed.init_process_group("gloo", timeout=PATIENCE)
        distributed.barrier()


ALONE = Processes()
