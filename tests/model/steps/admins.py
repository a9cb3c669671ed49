"""What those do who look after the cluster."""

from dataclasses import dataclass

from tests.model.simulation import Simulation
from tests.model.steps.base import Plain


@dataclass(frozen=True)
class Weigh(Plain):
    """A user gets a weight, or another one. It decides who waits for whom, and changes nothing that is
    stored of jobs and tasks."""

    user: str
    weight: int

    async def run(self, sim: Simulation) -> None:
        sim.ledger.heaviest[self.user] = max(self.weight, sim.ledger.heaviest[self.user])
        sim.world.weigh(self.user, self.weight)
