"""What happens to the members of a replica set."""

import asyncio
from typing import ClassVar

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.chaos.faults.base import Fault
from tests.chaos.faults.occupation import occupy
from tests.chaos.replica_set import ReplicaSet
from tests.chaos.rig import Rig
from tests.chaos.stages import ReplicaStage

_RESUMES = 30.0
_STEPS_DOWN = 3
_EVERY = 15.0
_MAJORITY_LOST = 20.0


class OfMembers(Fault):
    """What they have in common."""

    stage = "replica-set"
    bound = _RESUMES

    def members(self, rig: Rig) -> ReplicaSet:
        """The replica set beside the cluster."""
        assert isinstance(rig.stage, ReplicaStage)
        return rig.stage.members

    async def primary(self, rig: Rig) -> int:
        """The port of the primary; waits until there is one."""
        async with asyncio.timeout(_RESUMES):
            while True:
                port = await asyncio.to_thread(self.members(rig).primary)
                if port is not None:
                    return port
                await asyncio.sleep(0.1)


class PrimaryKilled(OfMembers):
    """The other two elect a new one; the dead one comes back as a secondary."""

    name = "kill-primary"
    hold = 15.0
    counts_from_injection = True
    _dead: int = 0

    async def aim(self, rig: Rig) -> None:
        await occupy(rig, self.random)
        self._dead = await self.primary(rig)

    async def inject(self, rig: Rig) -> str:
        pid = await asyncio.to_thread(self.members(rig).kill, self._dead)
        return f"{pid} at {self._dead}"

    async def heal(self, rig: Rig) -> None:
        await asyncio.to_thread(self.members(rig).begin, self._dead)


class StepsDown(OfMembers):
    """The primary gives up again and again: what it had not yet answered is unknown to its client."""

    name = "step-down"

    async def inject(self, rig: Rig) -> str:
        return f"{await self._step_down(rig)}, and {_STEPS_DOWN - 1} more, one every {_EVERY:g} s"

    async def heal(self, rig: Rig) -> None:
        for _ in range(_STEPS_DOWN - 1):
            await asyncio.sleep(_EVERY)
            await self._step_down(rig)

    async def _step_down(self, rig: Rig) -> int:
        port = await self.primary(rig)
        await asyncio.to_thread(self.members(rig).step_down, port, round(_EVERY / 2))
        return port


class MajorityLost(OfMembers):
    """Two of three are dead: nothing is acknowledged until one of them is back, and submits are told so."""

    name = "lose-majority"
    hold: ClassVar[float] = _MAJORITY_LOST
    _dead: tuple[int, ...] = ()
    _answer: str = ""

    async def inject(self, rig: Rig) -> str:
        primary = await self.primary(rig)
        members = self.members(rig)
        others = [port for port in members.ports if port != primary]
        self._dead = (primary, self.random.choice(others))
        for port in self._dead:
            await asyncio.to_thread(members.kill, port)
        self._answer = await self._submit(rig)
        return f"{', '.join(map(str, self._dead))}; a submit was answered {self._answer}"

    async def heal(self, rig: Rig) -> None:
        for port in self._dead:
            await asyncio.to_thread(self.members(rig).begin, port)

    async def examine(self, rig: Rig) -> tuple[str, ...]:
        told = self._answer == "503"
        return () if told else (f"a submit was answered {self._answer} while there was no majority, not 503",)

    async def _submit(self, rig: Rig) -> str:
        """One that can hurt nobody, as it is never due."""
        action = {"type": "rest", "url": f"{rig.target.url}/nobody/main/ok"}
        spec = {"schedule": {"kind": "once", "at": "2099-01-01T00:00:00Z"}, "action": action}
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=_MAJORITY_LOST / 2)) as client,
                client.post(f"{rig.client.url}/v1/jobs", json=spec) as answer,
            ):
                return str(answer.status)
        except (ClientError, TimeoutError) as error:
            return type(error).__name__
