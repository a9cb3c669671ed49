"""What a fault has in its hands: the cluster, the target with its records, the clients."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from tests.chaos.client import Client, now
from tests.chaos.cluster import ClusterUnderTest, signalled
from tests.chaos.judge.facts import Arrival
from tests.chaos.records import TargetProcess
from tests.chaos.stages import Stage
from tests.chaos.timing import ON_TIME
from tests.chaos.workload.clients import Workload

_LOOK = 0.1
_BEATS = 8
"""So many beats of the pulse in a row that are on time mean that the cluster lives."""


@dataclass(frozen=True)
class Rig:
    """One run of the suite."""

    stage: Stage
    cluster: ClusterUnderTest
    target: TargetProcess
    client: Client
    workload: Workload

    def arrivals(self) -> Sequence[Arrival]:
        """What the target has seen up to now."""
        return self.target.records.read()

    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        self.arrivals()
        return len(self.target.records.open)

    async def processes(self, role: str) -> Sequence[psutil.Process]:
        """The living processes of a role; waits until there is one."""
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = self.cluster.processes(role)
            return bool(found)

        await until(look, 60, f"a process of the {role}")
        return found

    async def whole(self, seconds: float) -> bool:
        """Waits until there are as many processes of each role as there should be."""
        try:
            await until(lambda: self.cluster.crew() == self.stage.crew, seconds, "a whole crew")
        except TimeoutError:
            return False
        return True

    async def beats(self, since: int, seconds: float) -> bool:
        """Waits until the pulse has been on time for some beats whose instants lie behind `since`."""
        key = self.workload.pulse.key

        def look() -> bool:
            beats = [arrival for arrival in self.arrivals()[-3000:] if arrival.key == key]
            last = beats[-_BEATS:]
            fresh = [
                beat for beat in last if beat.instant >= since and beat.at - beat.instant < ON_TIME * 1000
            ]
            return len(fresh) == _BEATS and now() - last[-1].at < ON_TIME * 1000

        try:
            await until(look, seconds, "the pulse")
        except TimeoutError:
            return False
        return True


async def until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Looks again and again; TimeoutError with what was waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(_LOOK)


def kill(process: psutil.Process) -> None:
    """kill -9."""
    signalled(process.pid, signal.SIGKILL)


def stop(process: psutil.Process) -> None:
    """SIGSTOP."""
    signalled(process.pid, signal.SIGSTOP)


def go_on(process: psutil.Process) -> None:
    """SIGCONT."""
    signalled(process.pid, signal.SIGCONT)
