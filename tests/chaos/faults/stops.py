"""SIGSTOP for twice the lease, then SIGCONT: a process that is alive, deaf and late."""

from collections.abc import Sequence
from typing import ClassVar

import psutil

from tests.chaos.cluster import pids
from tests.chaos.faults.base import Fault
from tests.chaos.faults.occupation import occupy
from tests.chaos.rig import Rig, go_on, stop
from tests.chaos.timing import LEASE, ON_TIME, RECLAIM


class _Stopped(Fault):
    hold = 2 * LEASE
    role: ClassVar[str]
    everyone: ClassVar[bool] = False
    in_mid_request: ClassVar[bool] = False
    _victims: Sequence[psutil.Process] = ()

    async def aim(self, rig: Rig) -> None:
        if self.in_mid_request:
            await occupy(rig, self.random)
        found = await rig.processes(self.role)
        self._victims = found if self.everyone else [self.random.choice(found)]

    async def inject(self, rig: Rig) -> str:
        for victim in self._victims:
            stop(victim)
        return pids(self._victims)

    async def heal(self, rig: Rig) -> None:
        for victim in self._victims:
            go_on(victim)


class SchedulerStopped(_Stopped):
    """What it writes on waking matches nothing."""

    name = "stop-scheduler"
    role = "scheduler"
    bound = LEASE + 6.0


class WorkerStopped(_Stopped):
    """The others take over after its lease; on waking it starts nothing and stores nothing."""

    name = "stop-worker"
    role = "worker"
    in_mid_request = True
    bound = RECLAIM
    counts_from_injection = True


class AllWorkersStopped(_Stopped):
    """Nobody runs anything until they wake, and then each task is run by one."""

    name = "stop-all-workers"
    role = "worker"
    everyone = True
    in_mid_request = True
    bound = RECLAIM


class ServerStopped(_Stopped):
    """Clients hang; what runs is not touched."""

    name = "stop-server"
    role = "server"
    bound = 30.0


class SupervisorStopped(_Stopped):
    """It replaces nobody on waking: that it has heard no one meanwhile was its own doing."""

    name = "stop-supervisor"
    role = "supervisor"
    bound = ON_TIME
    excuses = False


class MongodStopped(_Stopped):
    """No answer at all, which is worse than a refusal."""

    name = "stop-mongod"
    role = "mongod"
    bound = 30.0
