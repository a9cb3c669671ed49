"""Plays the faults, one after the other, while the workload goes on."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random

from tests.chaos.client import now
from tests.chaos.faults.base import Fault, Injection
from tests.chaos.rig import Rig
from tests.chaos.timing import RECLAIM, START

_WARM_UP = 60.0
_CALM = 2.0
_MERCY = 30.0
"""So many seconds more than its bound a cluster gets to come back, before it is started anew."""

_SAID = 10_000
"""So many of the last characters that `karya up` has printed are shown."""


class Conductor:
    """One performance."""

    def __init__(self, rig: Rig, random: Random, tell: Callable[[str], None]) -> None:
        self._rig = rig
        self._random = random
        self._tell = tell
        self.injections: list[Injection] = []

    async def play(self, faults: Sequence[Fault], minutes: float) -> None:
        """Each fault on a cluster that has recovered from the one before; all of them again and again, until
        so many minutes have passed."""
        await self._warm_up()
        begun = now()
        for number, fault in enumerate(cycle(faults)):
            if number >= len(faults) and now() - begun > minutes * 60_000:
                break
            await asyncio.sleep(self._random.uniform(0.5, 3.0))
            await self.inject(fault)

    async def soak(self, faults: Sequence[Fault], every: float) -> None:
        """The same with so many seconds from one to the next, and a last stretch without any."""
        await self._warm_up()
        begun = asyncio.get_running_loop().time()
        for number, fault in enumerate(faults, 1):
            await self._until(begun + number * every)
            await self.inject(fault)
        await self._until(begun + (len(faults) + 2) * every)

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(moment - asyncio.get_running_loop().time())

    async def _warm_up(self) -> None:
        if not await self._rig.beats(now(), _WARM_UP):
            raise RuntimeError("the cluster does not run what it is given: nothing was broken yet")

    async def inject(self, fault: Fault) -> None:
        """One of them, from the aim to the calm behind it."""
        await fault.aim(self._rig)
        injection = Injection(fault, now())
        self.injections.append(injection)
        injection.hit = await fault.inject(self._rig)
        self._tell(f"{fault.name}: {injection.hit}")
        await asyncio.sleep(fault.hold)
        await fault.heal(self._rig)
        injection.healed_at = now()
        await self._recover(injection)
        injection.notes += await fault.examine(self._rig)
        injection.over_at = now()

    async def _recover(self, injection: Injection) -> None:
        """Until it is on time again with all of its processes, and what was cut can have come back."""
        fault = injection.fault
        if not await self._rig.beats(injection.since, fault.bound + _MERCY):
            await self._rescue(injection, "nothing ran on time any more")
        elif not await self._rig.whole(max(fault.bound, START)):
            await self._rescue(injection, f"the processes are {dict(self._rig.cluster.crew())}")
        felt_for = min(fault.bound, RECLAIM) - (now() - injection.since) / 1000
        await asyncio.sleep(max(felt_for, 0) + _CALM)

    async def _rescue(self, injection: Injection, why: str) -> None:
        """Starts the cluster anew, so that the faults behind this one find one to break."""
        injection.notes.append(f"it did not come back by itself: {why}")
        injection.rescued = True
        said = self._rig.cluster.said[-_SAID:]
        self._tell(f"{injection.fault.name}: {injection.notes[-1]}; karya up said at last:\n{said}")
        await asyncio.to_thread(self._rig.cluster.kill_everything)
        await asyncio.to_thread(self._rig.stage.revive)
        await asyncio.to_thread(self._rig.cluster.start)
        await self._rig.beats(now(), _WARM_UP)
