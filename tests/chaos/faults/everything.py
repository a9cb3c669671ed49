"""The machine loses its power, as far as processes can tell."""

import asyncio

from tests.chaos.faults.base import Fault
from tests.chaos.rig import Rig


class EverythingKilled(Fault):
    """kill -9 of `karya up`, Ray, mongod and all actors at once, then a start on the same data directory.
    Everything accepted is still there."""

    name = "kill-everything"
    bound = 30.0

    async def inject(self, rig: Rig) -> str:
        found = len(rig.cluster.processes())
        await asyncio.to_thread(rig.cluster.kill_everything)
        return f"{found} processes"

    async def heal(self, rig: Rig) -> None:
        await asyncio.to_thread(rig.cluster.start)
