"""What schedulers and the janitor do."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from karya.core.errors import StoreUnavailable
from tests.model.acts import Act
from tests.model.rules import limits
from tests.model.simulation import Simulation
from tests.model.steps.base import Plain
from tests.model.world.ports import MOST_HINTS


@dataclass(frozen=True)
class Turn(Plain):
    """A scheduler does one round of its work; the workers take so many tasks at once."""

    which: int = 0
    room: int = MOST_HINTS

    @property
    def actors(self) -> frozenset[str]:
        return frozenset({f"scheduler {self.which}"})

    def run(self, sim: Simulation) -> None:
        owner, troubles = sim.owners[self.which], sim.world.faults.troubles
        overlooked = limits.overlooked(sim.ledger)
        sim.world.offers.most = self.room
        with sim.acting(Act("turn", owner=owner)):
            try:
                sim.schedulers[self.which]._turn()
            except StoreUnavailable:
                return
        if sim.schedulers[self.which].leads and sim.world.faults.troubles == troubles:
            sim.turned(owner, overlooked)


@dataclass(frozen=True)
class Restart(Plain):
    """A scheduler is killed and starts again. Its successor may know that it is dead, or has to wait."""

    which: int
    known: bool

    async def run(self, sim: Simulation) -> None:
        if self.known:
            sim.world.dead.add(sim.owners[self.which])
        sim.owners[self.which] = sim.world.name("scheduler")
        sim.schedulers[self.which] = sim.world.scheduler(sim.owners[self.which])


@dataclass(frozen=True)
class Usurp(Plain):
    """A scheduler is taken for dead by the other one, and is not."""

    which: int

    async def run(self, sim: Simulation) -> None:
        sim.world.dead.add(sim.owners[self.which])


@dataclass(frozen=True)
class Sweep(Plain):
    """The janitor sweeps."""

    parks: ClassVar[bool] = True

    async def run(self, sim: Simulation) -> None:
        if sim.is_sweeping:
            return
        sim.is_sweeping = True

        def done(task: asyncio.Task[None]) -> None:
            sim.is_sweeping = False
            if not isinstance(task.exception(), StoreUnavailable):
                task.result()

        await sim.park(Act("sweep"), sim.world.sweep(), done)
