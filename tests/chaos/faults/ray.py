"""The processes of Ray: nobody but `karya up` brings them back."""

from collections.abc import Sequence
from typing import ClassVar

import psutil

from tests.chaos.cluster import pids
from tests.chaos.faults.base import Fault
from tests.chaos.faults.kills import Killed
from tests.chaos.rig import Rig, kill

_REBUILT = 90.0


class RayletKilled(Killed):
    """All actors die with it."""

    name = "kill-raylet"
    role = "raylet"
    bound = _REBUILT


class GcsKilled(Killed):
    """Ray's head: nobody restarts an actor any more."""

    name = "kill-gcs"
    role = "gcs"
    bound = _REBUILT


class RayKilled(Fault):
    """The head, its raylet and all that run on it at once, as when the machine is lost on which they were:
    only `karya up` and its mongod live."""

    name = "kill-ray"
    bound = _REBUILT
    _ROLES: ClassVar[Sequence[str]] = ("gcs", "raylet", "supervisor", "scheduler", "server", "worker")
    _victims: Sequence[psutil.Process] = ()

    async def aim(self, rig: Rig) -> None:
        """See Fault."""
        self._victims = [process for role in self._ROLES for process in await rig.processes(role)]

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        for victim in self._victims:
            kill(victim)
        return pids(self._victims)
