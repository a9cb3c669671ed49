"""The actors of a cluster but for the supervisor: who shall be there, who is, and who is on the way out."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import ray
import structlog

from karya.actors.cluster.charter import Charter
from karya.actors.cluster.leaving import CLOSE, Leaving
from karya.actors.cluster.names import pool_of
from karya.actors.cluster.placement import node_for
from karya.actors.cluster.ray_runtime import living_nodes
from karya.actors.cluster.seat import Seat, Sign
from karya.actors.cluster.spawning import claims_of, find, spawn
from karya.actors.cluster.staffing import free_name, full_staff, members

log = structlog.get_logger("karya.supervisor")

COMEBACK_SECONDS = 60.0
"""How long a newcomer may take from its making until it works."""

_LEAST_PATIENCE = timedelta(seconds=5)
_MOST_PATIENCE = timedelta(seconds=10)
_CLOSE_PATIENCE = timedelta(seconds=10)
"""How long an actor may take to close, beyond the grace of a worker."""


class Staff:
    """Fills the posts of a cluster, and empties them.

    `wanted` has the names of all who shall be there. Whoever is missing is spawned; whoever hangs is killed
    first. Whoever is retired is closed, which drains it, before it is killed. All of it happens in `look`.
    """

    def __init__(
        self, charter: Charter, on_replaced: Callable[[str], None], monotonic: Callable[[], float]
    ) -> None:
        self.charter = charter
        self.wanted: set[str] = set()
        self.alive: frozenset[str] = frozenset()
        """The nodes that lived when it mattered last: at the last look, where actors roam."""
        self._on_replaced = on_replaced
        self._monotonic = monotonic
        self._seats: dict[str, Seat] = {}
        self._leaving: dict[str, Leaving] = {}

    def adopt(self, living: list[str]) -> None:
        """Takes over from an earlier supervisor, or begins."""
        self.wanted = full_staff(self.charter.ground.settings.all_pools, living)
        found = {name: find(name) for name in living}
        self._seats = {name: Seat(actor) for name, actor in found.items() if actor is not None}

    def look(self, elapsed: float) -> None:
        """Compares what is with what shall be, and does something about every difference. Blocks for nobody
        but Ray's head; `elapsed` seconds have passed since the last time."""
        self._see_off()
        for name, seat in list(self._seats.items()):
            self._judge(name, seat, seat.look(elapsed, self._patience(name)))
        missing = self.wanted - self._seats.keys() - self._leaving.keys()
        if missing or self.charter.roams:
            self.alive = living_nodes()
        for name in sorted(missing):
            self._fill(name)

    def actor(self, name: str) -> Any | None:
        """The handle of whoever fills this post; None while nobody does."""
        seat = self._seats.get(name)
        return seat.actor if seat else None

    def is_open(self, name: str) -> bool:
        """Whether whoever fills this post has opened."""
        return name in self._seats and self._seats[name].is_open

    def is_waiting(self, name: str) -> bool:
        """Whether nobody fills this post because Ray finds no place with what is claimed."""
        return name not in self._seats or self._seats[name].is_waiting()

    def failure(self, name: str) -> str | None:
        """What keeps whoever fills this post from opening."""
        return self._seats[name].failure if name in self._seats else None

    def pool(self, pool: str) -> list[str]:
        """The workers that this pool shall have, the lowest number first."""
        return members(pool, self.wanted)

    def stations(self) -> dict[str, str]:
        """The nodes of those workers that may be on any."""
        if not self.charter.roams:
            return {}
        ground = self.charter.ground
        workers = {name: seat.node for name, seat in self._seats.items() if pool_of(name) is not None}
        return {name: node for name, node in workers.items() if not claims_of(name, ground)}

    def is_leaving(self, name: str) -> bool:
        """Whether whoever filled this post is being drained."""
        return name in self._leaving

    def add(self, pool: str) -> str:
        """Wants one more worker in this pool; its name."""
        name = free_name(pool, {*self.wanted, *self._seats, *self._leaving})
        self.wanted.add(name)
        return name

    def retire(self, name: str, way: str = CLOSE) -> None:
        """Wants this one no longer."""
        self.wanted.discard(name)
        self._close(name, way)

    def replace(self, name: str, way: str = CLOSE) -> None:
        """Wants another one in this place."""
        self._close(name, way)

    def give_up(self, name: str) -> None:
        """Wants this one no longer, which has not come to work, and ends it at once."""
        self.wanted.discard(name)
        self.kill(name)

    def kill(self, name: str) -> None:
        """Ends this one at once; what it held comes back when its leases expire."""
        seat = self._seats.pop(name, None)
        if seat is not None:
            ray.kill(seat.actor, no_restart=True)

    def _close(self, name: str, way: str = CLOSE) -> None:
        seat = self._seats.pop(name, None)
        if seat is None:
            return
        if seat.pulse is None:
            ray.kill(seat.actor, no_restart=True)  # it has not begun: there is nothing to drain
            return
        patience = self.charter.ground.settings.worker.grace + _CLOSE_PATIENCE
        until = self._monotonic() + patience.total_seconds()
        self._leaving[name] = Leaving(seat.actor, way, until)

    def _see_off(self) -> None:
        for name, leaving in list(self._leaving.items()):
            if leaving.is_over(self._monotonic()):
                ray.kill(leaving.actor, no_restart=True)
                del self._leaving[name]
                log.info("actor_retired", name=name, drained=leaving.drained)

    def _judge(self, name: str, seat: Seat, sign: Sign) -> None:
        match sign:
            case Sign.RESTARTED:
                self._replaced(name, "crashed")
            case Sign.HUNG:
                self._replaced(name, "hung")
                self.kill(name)
            case Sign.GONE:
                self._replaced(name, "gone")
                del self._seats[name]
            case Sign.UP if name not in self.wanted or seat.is_closing:
                self._close(name)  # one too many was taken over; or an earlier supervisor began

    def _replaced(self, name: str, reason: str) -> None:
        log.warning("actor_replaced", name=name, reason=reason)
        self._on_replaced(reason)

    def _fill(self, name: str) -> None:
        claims = bool(claims_of(name, self.charter.ground))
        home, roams = self.charter.home, self.charter.roams
        node = node_for(name, claims=claims, home=home, roams=roams, alive=self.alive, taken=self._taken())
        if node is not None:
            self._seats[name] = Seat(spawn(name, self.charter.ground, node), node)

    def _taken(self) -> Iterator[str]:
        return (seat.node for name, seat in self._seats.items() if pool_of(name) is not None)

    def _patience(self, name: str) -> float:
        """How long one may be silent. A worker for as long as its leases last: what it runs is its own till
        then, and lost afterwards. Nobody is helped by a longer wait for the others."""
        settings = self.charter.ground.settings
        if pool_of(name) is not None:
            return max(_LEAST_PATIENCE, settings.worker.lease).total_seconds()
        return max(_LEAST_PATIENCE, min(_MOST_PATIENCE, settings.scheduler.lease)).total_seconds()
