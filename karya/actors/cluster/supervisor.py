"""The supervisor: keeps the actors of one cluster what its charter says, without a person."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from karya.actors.cluster.balance import Balance
from karya.actors.cluster.bulletin import Bulletin
from karya.actors.cluster.charter import Charter, declare
from karya.actors.cluster.names import SCHEDULER
from karya.actors.cluster.pools import Pools
from karya.actors.cluster.renewal import kept, renewed
from karya.actors.cluster.rolling import Progress, Rolling
from karya.actors.cluster.spawning import staff_present
from karya.actors.cluster.staff import Staff
from karya.actors.metrics import SupervisorMetrics
from karya.core.errors import Conflict
from karya.core.settings import Settings

log = structlog.get_logger("karya.supervisor")

_LOOK_SECONDS = 1.0
_BUSY_SECONDS = 0.1
"""Between two looks while a rolling restart is under way."""
_MOST_ELAPSED = 2 * _LOOK_SECONDS
"""What counts of the time between two looks. A supervisor that was itself stopped for a while has not heard
anybody meanwhile, which says nothing about them."""


class Supervisor:
    """Looks once a second. `run` belongs in a thread of its own, since Ray's head may take its time to
    answer; the other methods may be called from any thread."""

    def __init__(
        self,
        charter: Charter,
        namespace: str,
        metrics: SupervisorMetrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._namespace = namespace
        self._metrics = metrics
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._rested = threading.Event()
        self._looked_at = monotonic()
        self._staff = Staff(charter, lambda reason: metrics.replaced.labels(reason).inc(), monotonic)
        self._pools = Pools(self._staff, metrics)
        self._bulletin = Bulletin()
        self._balance = Balance(self._staff, self._bulletin.is_connected)
        self._rolling: Rolling | None = None
        self._order: tuple[bool, Settings | None] | None = None

    def run(self) -> None:
        """Supervises until it is stopped."""
        try:
            self._staff.adopt(staff_present())
            while not self._stopping.is_set():
                self._look()
                self._stopping.wait(_BUSY_SECONDS if self._is_rolling() else _LOOK_SECONDS)
        finally:
            self._rested.set()

    def stop(self) -> None:
        """Does nothing more once it returns: who is there stays."""
        self._stopping.set()
        self._rested.wait()

    def restart(self, *, everything: bool, settings: Settings | None) -> tuple[str, ...]:
        """Begins a rolling restart, of everything or of the workers alone, from now on with these settings if
        any are given; the names of those that it leaves as they are. Raises Conflict while another one is
        under way."""
        if self._order is not None or self._is_rolling():
            raise Conflict("a restart is under way already")
        self._order = (everything, settings)
        return () if settings is None else kept(self._staff.charter.ground.settings, settings)

    def progress(self) -> Progress | None:
        """How far the last restart that was asked for has come; None if it has not begun."""
        return None if self._order is not None or self._rolling is None else self._rolling.progress

    def _is_rolling(self) -> bool:
        return self._rolling is not None and not self._rolling.progress.ended

    def _look(self) -> None:
        now = self._monotonic()
        elapsed, self._looked_at = min(now - self._looked_at, _MOST_ELAPSED), now
        self._staff.look(elapsed)
        self._bulletin.ask(self._staff.actor(SCHEDULER) if self._needs_bulletin() else None)
        if self._order is not None:
            self._begin(*self._order)
            self._order = None
        if self._rolling is not None and self._is_rolling():
            self._rolling.go_on()
        elif not self._balance.look(now):
            self._pools.fit(self._bulletin.loads(), now)

    def _needs_bulletin(self) -> bool:
        """Whether anything may depend on what the scheduler knows of the workers."""
        return self._is_rolling() or self._staff.charter.roams or self._pools.may_change

    def _begin(self, everything: bool, settings: Settings | None) -> None:
        before = self._staff.charter
        if settings is not None:
            fresh = renewed(before.ground.settings, settings)
            self._change(replace(before, ground=replace(before.ground, settings=fresh)))
        log.info("restarting", everything=everything, settings=settings is not None)
        self._rolling = Rolling(
            self._staff,
            everything=everything,
            is_connected=self._bulletin.is_connected,
            leads=lambda: self._bulletin.leads,
            undo=lambda: self._change(before),
            monotonic=self._monotonic,
        )

    def _change(self, charter: Charter) -> None:
        if charter is not self._staff.charter:
            declare(charter, self._namespace)
            self._staff.charter = charter
            self._pools = Pools(self._staff, self._metrics)
