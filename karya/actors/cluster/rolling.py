"""A rolling restart: everybody is replaced, one after the other, and work goes on."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from karya.actors.cluster.leaving import CLOSE, HAND_OVER
from karya.actors.cluster.names import SCHEDULER, SERVER, UNDERSTUDY, pool_of
from karya.actors.cluster.staff import COMEBACK_SECONDS, Staff

log = structlog.get_logger("karya.supervisor")

T = TypeVar("T")
_Steps = Generator[None, None, T]

_NO_ROOM_SECONDS = 5.0
"""After so long a replacement that still waits for a place gets that of the one it replaces."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rolling restart has come."""

    total: int
    done: tuple[str, ...] = ()
    """One line for each that was replaced."""
    current: str = ""
    error: str | None = None
    """Why it stopped half-way."""
    ended: bool = False


class _Failed(Exception):
    """A replacement does not come up."""


class Rolling:
    """Replaces the workers one by one, each only once its replacement is connected; then, if asked to, the
    scheduler and the server in their places. `go_on` takes the next step that can be taken.

    It stops at the first replacement that does not come up. `undo` is called then, before the post is filled
    again.
    """

    def __init__(
        self,
        staff: Staff,
        *,
        everything: bool,
        is_connected: Callable[[str], bool],
        leads: Callable[[], bool],
        undo: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        """`is_connected` tells whether a worker has found the scheduler, `leads` whether that leads."""
        self._staff = staff
        self._is_connected = is_connected
        self._leads = leads
        self._undo = undo
        self._monotonic = monotonic
        workers = sorted(name for name in staff.wanted if pool_of(name) is not None)
        self._names = [*workers, SCHEDULER, SERVER] if everything else workers
        self.progress = Progress(len(self._names))
        self._steps = self._run()

    def go_on(self) -> None:
        """Goes as far as it can without waiting."""
        next(self._steps, None)

    def _run(self) -> Iterator[None]:
        for name in self._names:
            self.progress = replace(self.progress, current=name)
            try:
                line = yield from self._renew(name)
            except _Failed as failed:
                log.error("restart_failed", name=name, error=str(failed))
                self._undo()
                self.progress = replace(self.progress, error=str(failed), ended=True)
                return
            log.info("actor_renewed", name=name)
            self.progress = replace(self.progress, done=(*self.progress.done, line))
        self.progress = replace(self.progress, current="", ended=True)

    def _renew(self, name: str) -> _Steps[str]:
        pool = pool_of(name)
        if pool is not None:
            return self._renew_worker(name, pool)
        return self._renew_scheduler() if name == SCHEDULER else self._renew_in_place(name)

    def _renew_worker(self, name: str, pool: str) -> _Steps[str]:
        if pool not in self._staff.charter.ground.settings.all_pools:
            yield from self._retired(name)
            return f"{name}: retired, its pool is no more"
        fresh = self._staff.add(pool)
        try:
            yield from self._until_it_works(fresh, in_the_way=name)
        except _Failed:
            self._staff.give_up(fresh)
            raise
        yield from self._retired(name)
        return f"{name}: replaced by {fresh}"

    def _renew_scheduler(self) -> _Steps[str]:
        """Another one stands in, so that somebody leads while its process starts: unless there is one port
        for both."""
        if self._staff.charter.ground.settings.queue.port:
            line = yield from self._renew_in_place(SCHEDULER)
        else:
            line = yield from self._renew_behind_an_understudy()
        began = self._monotonic()
        while not self._leads():
            yield
            if self._monotonic() - began > COMEBACK_SECONDS:
                raise _Failed(f"the new scheduler does not lead after {COMEBACK_SECONDS:g} s: see the log")
        return line

    def _renew_behind_an_understudy(self) -> _Steps[str]:
        self._staff.wanted.add(UNDERSTUDY)
        try:
            yield from self._until_it_works(UNDERSTUDY)
            return (yield from self._renew_in_place(SCHEDULER, HAND_OVER))
        finally:
            self._staff.retire(UNDERSTUDY, HAND_OVER)

    def _renew_in_place(self, name: str, way: str = CLOSE) -> _Steps[str]:
        self._staff.replace(name, way)
        while self._staff.is_leaving(name):
            yield
        try:
            yield from self._until_it_works(name)
        except _Failed:
            self._staff.kill(name)
            raise
        return f"{name}: restarted"

    def _retired(self, name: str) -> _Steps[None]:
        self._staff.retire(name)
        while self._staff.is_leaving(name):
            yield

    def _until_it_works(self, name: str, in_the_way: str | None = None) -> _Steps[None]:
        """Waits for a newcomer. When it gets no place with what it claims, who is in the way goes first."""
        began = self._monotonic()
        while not (self._staff.is_open(name) and (pool_of(name) is None or self._is_connected(name))):
            yield
            waited = self._monotonic() - began
            failure = self._staff.failure(name)
            if failure is not None:
                raise _Failed(f"{name} does not start: {failure}")
            if waited > COMEBACK_SECONDS:
                raise _Failed(f"{name} does not work after {COMEBACK_SECONDS:g} s: see the log")
            if in_the_way and waited > _NO_ROOM_SECONDS and self._staff.is_waiting(name):
                yield from self._retired(in_the_way)
                in_the_way = None
