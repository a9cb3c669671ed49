"""Processes that are told to end, and do so in order: nothing is cut, and nobody waits long."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import psutil

from tests.chaos.cluster import signalled
from tests.chaos.faults.base import Fault, Injection
from tests.chaos.faults.occupation import occupy
from tests.chaos.judge.facts import Drain, History
from tests.chaos.judge.judge import judge
from tests.chaos.rig import Rig, until
from tests.chaos.timing import GRACE

_LATE = 2.0
_ENDS = GRACE + 15.0
"""So many seconds a process may take to its end: the grace, and what a busy machine adds to closing."""
_RESTARTS = 300.0


class _Orderly(Fault):
    """What they have in common: requests in flight that last longer than the grace."""

    orderly = True
    excuses = False
    bound = _LATE
    lasting: ClassVar[float]
    """How many seconds the requests in flight last."""

    async def aim(self, rig: Rig) -> None:
        """See Fault."""
        await occupy(rig, self.random, round(self.lasting * 1000))

    def found_in(self, injection: Injection, history: History) -> Iterator[str]:
        """One that found nothing to hand back would pass for the wrong reason."""
        drain = Drain(injection.injected_at, injection.healed_at)
        if not judge(replace(history, drains=(drain,))).handed_back:
            yield "nothing was handed back"


class WorkerTerminated(_Orderly):
    """SIGTERM: it takes nothing more, finishes what it can within its grace, hands back the rest."""

    name = "terminate-worker"
    lasting = 2 * GRACE
    _victim: psutil.Process

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        self._victim = self.random.choice(await rig.processes("worker"))
        signalled(self._victim.pid, signal.SIGTERM)
        return f"{self._victim.pid}"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        with suppress(TimeoutError):
            await until(lambda: not self._victim.is_running(), _ENDS, "the end of the worker")

    async def examine(self, rig: Rig) -> Sequence[str]:
        """See Fault."""
        return (f"{self._victim.pid} has not ended",) if self._victim.is_running() else ()


class Restarted(_Orderly):
    """`karya restart --all`: everybody is replaced, one after the other."""

    name = "restart"
    lasting = 4 * GRACE
    _ROLES = ("worker", "scheduler", "server", "supervisor")
    _before: frozenset[psutil.Process] = frozenset()
    _command: "asyncio.Task[subprocess.CompletedProcess[str]]"

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        self._before = await self._staff(rig)
        command = asyncio.to_thread(rig.cluster.command, "restart", "--all", seconds=_RESTARTS)
        self._command = asyncio.create_task(command)
        return f"{len(self._before)} processes"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        await self._command

    async def examine(self, rig: Rig) -> Sequence[str]:
        """See Fault."""
        done, kept = self._command.result(), self._before & await self._staff(rig)
        if done.returncode:
            return (f"karya restart --all: exit {done.returncode}: {done.stdout}{done.stderr}",)
        return tuple(f"{process.pid} was not restarted" for process in kept)

    async def _staff(self, rig: Rig) -> frozenset[psutil.Process]:
        found = [await rig.processes(role) for role in self._ROLES]
        return frozenset(process for processes in found for process in processes)
