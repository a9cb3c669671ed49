"""kill -9 of one process, or of all processes of one kind."""

from collections.abc import Sequence
from typing import ClassVar

import psutil

from tests.chaos.cluster import pids
from tests.chaos.faults.base import Fault
from tests.chaos.faults.occupation import occupy
from tests.chaos.rig import Rig, kill
from tests.chaos.timing import LEASE, RECLAIM, START


class Killed(Fault):
    """What they have in common."""

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
            kill(victim)
        return pids(self._victims)


class SchedulerKilled(Killed):
    """The next holder goes on with no gap and no second task for an instant."""

    name = "kill-scheduler"
    role = "scheduler"
    bound = LEASE + 6.0


class WorkerKilled(Killed):
    """What it had in mid-request is claimed again: same id, next attempt."""

    name = "kill-worker"
    role = "worker"
    in_mid_request = True
    bound = RECLAIM


class AllWorkersKilled(Killed):
    """The same with nobody left to go on."""

    name = "kill-all-workers"
    role = "worker"
    everyone = True
    in_mid_request = True
    bound = RECLAIM + START


class ServerKilled(Killed):
    """Submits fail until it is back at its address; what runs is not touched."""

    name = "kill-server"
    role = "server"
    bound = 30.0


class SupervisorKilled(Killed):
    """Ray starts it again, it takes over who is there, and nobody is late."""

    name = "kill-supervisor"
    role = "supervisor"
    bound = START
    excuses = False


class MongodKilled(Killed):
    """Everybody waits; submits are answered 503; nothing acknowledged is lost."""

    name = "kill-mongod"
    role = "mongod"
    bound = 30.0
