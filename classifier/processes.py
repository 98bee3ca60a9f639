"""The processes that train together, as torchrun tells them in their environment."""

import os
from dataclasses import dataclass


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


ALONE = Processes()
