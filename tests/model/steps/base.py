"""What all steps are, and those that nobody in particular takes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from tests.model.simulation import Simulation


@dataclass(frozen=True)
class Plain:
    """A step that nobody has to wait for, and that any number may take at once."""

    parks: ClassVar[bool] = False

    @property
    def actors(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Pass(Plain):
    """Time passes."""

    seconds: float

    async def run(self, sim: Simulation) -> None:
        sim.pass_by(timedelta(seconds=self.seconds))
        await sim.resume()


@dataclass(frozen=True)
class Arrive(Plain):
    """A write that was given up for lost arrives after all."""

    async def run(self, sim: Simulation) -> None:
        for act, late in sim.late():
            with sim.acting(act):
                sim.world.faults.wrote = True
                await late()
