"""A wall clock that jumps, on one of the actors; MongoDB keeps its own."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import psutil

from tests.chaos import clocks
from tests.chaos.faults.base import Fault
from tests.chaos.rig import Rig
from tests.chaos.stages import ClocksStage

_HOUR = 3_600


class _Jumping(Fault):
    """An hour ahead, an hour behind, and right again: each for longer than it takes until a process has
    asked for MongoDB's time anew."""

    stage = "clocks"
    excuses = False
    hold = 13.0
    bound = 1.0
    role: ClassVar[str]
    _victim: psutil.Process

    async def aim(self, rig: Rig) -> None:
        """See Fault."""
        self._victim = self.random.choice(await rig.processes(self.role))

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        self._set(rig, _HOUR)
        return f"{self._victim.pid}"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        self._set(rig, -_HOUR)
        await asyncio.sleep(self.hold)
        self._set(rig, 0)

    async def examine(self, rig: Rig) -> Sequence[str]:
        """See Fault."""
        faked = self._victim.is_running() and clocks.is_faked(self._victim.pid)
        return () if faked else (f"{self._victim.pid} is gone or kept its clock: nothing was shown",)

    def _set(self, rig: Rig, seconds: int) -> None:
        assert isinstance(rig.stage, ClocksStage)
        clocks.shift(rig.stage.clocks, self._victim.pid, seconds)


class SchedulerClock(_Jumping):
    """Nothing is skipped as late, nothing is made ahead of its time, nothing waits an hour."""

    name = "scheduler-clock"
    role = "scheduler"


class WorkerClock(_Jumping):
    """No attempt is early, no retry comes at once or in an hour."""

    name = "worker-clock"
    role = "worker"


class ServerClock(_Jumping):
    """Jobs are created now, and expired leases are not taken from the living."""

    name = "server-clock"
    role = "server"
